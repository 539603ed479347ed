//! The name that a client wanted, which the certificate must contain.

use std::net::IpAddr;

use rustls::pki_types::ServerName;
use schemars::JsonSchema;
use serde::Serialize;

/// The peer that the client wanted.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Wanted {
    /// A host's name or an address, raw where it comes from the wire.
    pub name: String,
    /// How that is known.
    pub source: NameSource,
}

/// How the name is known.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum NameSource {
    /// The client named it in its ClientHello (RFC 6066, 3).
    ServerName,
    /// The user gave it.
    Option,
    /// It is the host that was to be checked.
    Target,
    /// The client asked a proxy for a tunnel to it.
    Proxy,
    /// It named none, which is what a client does that was given an address: the server's.
    Address,
}

/// A host's name or address in the form that DNS and certificates have: an internationalized name as its A-labels (RFC 5890,
/// 2.3.2.1), anything else unchanged. `None` if no certificate can contain it.
pub fn comparable(host: &str) -> Option<String> {
    if host.parse::<IpAddr>().is_ok() {
        return Some(host.to_owned());
    }
    let (name, root) = host.strip_suffix('.').map_or((host, ""), |name| (name, "."));
    let name = if name.is_ascii() { name.to_owned() } else { idna::domain_to_ascii_strict(name).ok()? };
    // What only becomes an address by being mapped was meant to look like something else.
    let is_name = matches!(ServerName::try_from(name.as_str()), Ok(ServerName::DnsName(_)));
    (is_name && !name.ends_with('.')).then(|| name + root)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn internationalized_names_become_what_certificates_contain() {
        for (host, name) in [
            ("münchen.example", "xn--mnchen-3ya.example"),
            ("MÜNCHEN.example.", "xn--mnchen-3ya.example."),
            ("ssm。example", "ssm.example"),
            ("ssm_1.example", "ssm_1.example"),
            ("2001:db8::1", "2001:db8::1"),
        ] {
            assert_eq!(comparable(host).as_deref(), Some(name), "{host}");
        }
    }

    #[test]
    fn a_name_that_no_certificate_can_contain_is_none() {
        for host in [
            "",
            ".",
            "ssm-.lab",
            "-ssm.lab",
            "a..lab",
            "ssm.lab..",
            "a b",
            "ü-.lab",
            "１９２.0.2.1",
            "xn--\u{fc}.lab",
        ] {
            assert_eq!(comparable(host), None, "{host}");
        }
    }
}
