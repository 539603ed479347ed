//! Which targets may be checked. What no entry admits is refused, so that nobody who reaches the exporter can have it connect
//! elsewhere.

use std::net::IpAddr;

use ipnet::IpNet;

use crate::args::{Server, host_port};

/// Targets that a configuration admits.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Allowed {
    /// One host, by its name or address.
    Host(String, u16),
    /// Every name below a domain, by the domain with its leading dot.
    Below(String, u16),
    /// Every address of a prefix. Names are not looked up for it.
    Prefix(IpNet, u16),
}

impl Allowed {
    /// Reads an entry: `HOST[:PORT]`, `*.DOMAIN[:PORT]` or `PREFIX/LENGTH[:PORT]`, of IPv6 in brackets where a port follows.
    ///
    /// # Errors
    /// Why it is not one of these.
    pub fn parse(text: &str, default_port: u16) -> Result<Self, String> {
        if let Some(rest) = text.strip_prefix("*.") {
            let (host, port) = place(rest, default_port)?;
            if host.parse::<IpAddr>().is_ok() {
                return Err("a wildcard is for names; try 192.0.2.0/24".to_owned());
            }
            return Ok(Self::Below(format!(".{host}"), port));
        }
        if text.contains('*') {
            return Err("a wildcard is the whole first part of a name: *.example.net".to_owned());
        }
        if text.contains('/') {
            let wrong = || "not a prefix; try 192.0.2.0/24:8443 or [2001:db8::/32]:8443".to_owned();
            let (prefix, port) = match text.strip_prefix('[') {
                Some(rest) => {
                    let (prefix, after) = rest.split_once(']').ok_or_else(wrong)?;
                    (prefix, after.strip_prefix(':'))
                }
                None if text.matches(':').count() == 1 => {
                    text.split_once(':').map_or((text, None), |(prefix, port)| (prefix, Some(port)))
                }
                None => (text, None),
            };
            let port = port.map_or(Some(default_port), |port| port.parse().ok().filter(|port| *port > 0));
            let prefix = prefix.parse::<IpNet>().ok();
            let (prefix, port) = prefix.zip(port).ok_or_else(wrong)?;
            return Ok(Self::Prefix(prefix.trunc(), port));
        }
        let (host, port) = place(text, default_port)?;
        Ok(Self::Host(host, port))
    }

    /// Whether it is one host, and so names the recipient of what is sent.
    pub fn is_one(&self) -> bool {
        matches!(self, Self::Host(..))
    }

    /// Whether it admits a target.
    pub fn admits(&self, server: &Server<'_>) -> bool {
        let host = normal(server.host);
        match self {
            Self::Host(one, port) => *port == server.port && *one == host,
            Self::Below(domain, port) => {
                // The domain itself is another name, and an address is not a name.
                *port == server.port && host.len() > domain.len() && host.ends_with(domain.as_str())
            }
            Self::Prefix(prefix, port) => {
                let address = host.parse::<IpAddr>();
                *port == server.port && address.is_ok_and(|address| prefix.contains(&address))
            }
        }
    }
}

fn place(text: &str, default_port: u16) -> Result<(String, u16), String> {
    let place = host_port(text)?;
    if place.path.is_some() || place.zone.is_some() {
        return Err("a target is HOST or HOST:PORT, without a path and an interface".to_owned());
    }
    let host = normal(&place.host);
    if host.parse::<IpAddr>().is_err() && host.split('.').any(str::is_empty) {
        return Err("not a name: a part of it is empty".to_owned());
    }
    Ok((host, place.port.unwrap_or(default_port)))
}

/// A host in the spelling that is compared: an IPv4 address that is mapped into IPv6 is that address, and a name has no dot at its
/// end. With one after it, what looks like an address is a name, which resolvers are asked for.
fn normal(host: &str) -> String {
    if let Ok(address) = host.parse::<IpAddr>() {
        return address.to_canonical().to_string();
    }
    let name = host.strip_suffix('.').filter(|name| name.parse::<IpAddr>().is_err());
    name.unwrap_or(host).to_lowercase()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn server(host: &str, port: u16) -> Server<'_> {
        Server { host, port, zone: None, page: None }
    }

    #[test]
    fn an_entry_admits_what_it_names_and_nothing_else() {
        for (entry, admitted, refused) in [
            (
                "ssm.example.net",
                &["SSM.example.net", "ssm.example.net."][..],
                &["xssm.example.net", "a.ssm.example.net"][..],
            ),
            (
                "*.example.net",
                &["a.example.net", "a.b.Example.net"],
                &["example.net", "aexample.net", "example.net.evil", "192.0.2.1"],
            ),
            ("192.0.2.7", &["192.0.2.7", "::ffff:192.0.2.7"], &["192.0.2.70", "192.0.2.8"]),
            (
                "10.0.0.0/8",
                &["10.1.2.3", "::ffff:10.1.2.3"],
                &["11.0.0.1", "10.example", "::a01:203", "2130706433", "10.1.2.3."],
            ),
            ("2001:db8::/32", &["2001:db8::1"], &["2001:db9::1", "::1"]),
        ] {
            let allowed = Allowed::parse(entry, 8443).unwrap();
            for host in admitted {
                assert!(allowed.admits(&server(host, 8443)), "{entry} {host}");
                assert!(!allowed.admits(&server(host, 443)), "{entry} {host}: the port is part of it");
            }
            for host in refused {
                assert!(!allowed.admits(&server(host, 8443)), "{entry} {host}");
            }
        }
    }

    #[test]
    fn ports_are_named_after_every_form() {
        for entry in
            ["ssm.example:443", "*.example:443", "10.0.0.0/8:443", "[2001:db8::/32]:443", "[2001:db8::1]:443"]
        {
            let allowed = Allowed::parse(entry, 8443).unwrap();
            let (Allowed::Host(_, port) | Allowed::Below(_, port) | Allowed::Prefix(_, port)) = allowed;
            assert_eq!(port, 443, "{entry}");
        }
        for entry in [
            "",
            "*",
            "*:443",
            "a.*.net",
            "*.192.0.2.1",
            "10.0.0.0/33",
            "10.0.0.0/8:0",
            "https://a/x",
            "a:x",
            "[::/0",
            "..",
            "a..b",
            "*..",
            "10.0.0.1.",
        ] {
            assert!(Allowed::parse(entry, 8443).is_err(), "{entry}");
        }
    }

    proptest! {
        #[test]
        fn an_entry_with_a_host_admits_that_host(entry in "[a-z0-9.:*/\\[\\]]{0,24}", host in "[a-z0-9.:]{1,16}") {
            if let Ok(allowed) = Allowed::parse(&entry, 8443) {
                // Whatever else it says, a port is part of it.
                prop_assert!(!allowed.admits(&server(&host, 0)));
            }
            if let Ok(Allowed::Host(named, port)) = Allowed::parse(&host, 8443) {
                prop_assert!(Allowed::Host(named.clone(), port).admits(&server(&named, port)));
            }
        }
    }
}
