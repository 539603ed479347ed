//! What is wrong with a certificate, in words, and what clients report.

use super::date::{Date, VerificationTime};
use super::key_usage::KeyUsage;
use super::wanted::{NameSource, Wanted};

/// Something that a client objects to, or should. Names in it are raw: what is printed must be escaped.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Fault {
    /// It was valid no longer when the client looked at it.
    Expired {
        /// The certificate.
        of: String,
        /// Its last second.
        not_after: Date,
        /// Whether it is the server's own, and not an authority's.
        is_own: bool,
    },
    /// It was not valid yet.
    NotYetValid {
        /// The certificate.
        of: String,
        /// Its first second.
        not_before: Date,
    },
    /// It does not contain the name that the client wanted.
    NameMismatch {
        /// That name.
        wanted: Wanted,
        /// The names that it contains.
        names: Vec<String>,
        /// Further ones.
        further_names: usize,
        /// Its common name, which counts for some clients where there is no other name.
        common_name: Option<String>,
    },
    /// It signed itself, and is not in the store.
    SelfSigned {
        /// The certificate.
        of: String,
        /// The store.
        store: String,
    },
    /// Nobody in the store signed it, or what signed it.
    UnknownIssuer {
        /// The issuer that is missing.
        issuer: String,
        /// The store.
        store: String,
        /// Whether the server sent that issuer's own certificate too.
        is_issuer_sent: bool,
    },
    /// Its key may not sign handshakes (RFC 8446, 4.4.2.2).
    KeyUsage {
        /// The certificate.
        of: String,
        /// What the key may be used for.
        usage: KeyUsage,
    },
    /// Its key or signature is too weak for today's clients.
    Weak {
        /// The certificate.
        of: String,
        /// Why.
        why: Weakness,
    },
}

/// Why a certificate is weak.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Weakness {
    /// An RSA key below the 2,048 bits that the CA/Browser Forum, OpenSSL's level 2 and webpki ask for. Java 17 asks for 1,024.
    ShortKey {
        /// Bits of its modulus.
        bits: usize,
        /// Whether it is an authority's.
        is_authority: bool,
    },
    /// A signature over MD5 or SHA-1, for which collisions are known (RFC 9155).
    Signature(String),
}

impl Fault {
    /// The code of the finding about it.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Expired { .. } => "certificate-expired",
            Self::NotYetValid { .. } => "certificate-not-yet-valid",
            Self::NameMismatch { .. } => "certificate-name-mismatch",
            Self::SelfSigned { .. } => "certificate-self-signed",
            Self::UnknownIssuer { .. } => "certificate-unknown-issuer",
            Self::KeyUsage { .. } => "certificate-key-usage",
            Self::Weak { .. } => "certificate-weak",
        }
    }

    /// What is wrong, in one sentence, of a connection at that time.
    pub fn sentence(&self, when: Option<VerificationTime>) -> String {
        let distance = |date: Date, to: fn(VerificationTime) -> Date, side: &str| {
            when.map(|when| format!(", {} {side} this connection", date.distance(to(when))))
                .unwrap_or_default()
        };
        match self {
            Self::Expired { of, not_after, is_own } => format!(
                "The {}certificate \"{of}\" expired on {not_after}{}.",
                if *is_own { "" } else { "CA " },
                distance(*not_after, |when| when.earliest, "before")
            ),
            Self::NotYetValid { of, not_before } => format!(
                "The certificate \"{of}\" is not valid until {not_before}{}: it is too new, or a clock is wrong.",
                distance(*not_before, |when| when.latest, "after")
            ),
            Self::NameMismatch { wanted, names, further_names, common_name } => {
                let contained = names_in(names, *further_names, common_name.as_deref());
                match wanted.source {
                    NameSource::Address => format!(
                        "The ClientHello has no SNI, as when a client connects to {}, and the certificate is not for that \
                         address: {contained}.",
                        wanted.name
                    ),
                    _ => format!("The certificate is not for \"{}\": {contained}.", wanted.name),
                }
            }
            Self::SelfSigned { of, store } => {
                format!("The certificate \"{of}\" is self-signed and is not in {store}.")
            }
            Self::UnknownIssuer { issuer, store, .. } => {
                format!("The chain leads to \"{issuer}\", which is not in {store}.")
            }
            Self::KeyUsage { of, usage } => format!(
                "The key of the certificate \"{of}\" may be used for {usage} only (keyUsage), and not for the digital signature of \
                 a handshake with ECDHE or TLS 1.3. Java and browsers refuse that, and OpenSSL {}.",
                if usage.is_of_server() { "accepts it" } else { "refuses it too" }
            ),
            Self::Weak { of, why } => match why {
                Weakness::ShortKey { bits, .. } => format!(
                    "The certificate \"{of}\" has an RSA key of {bits} bits; OpenSSL refuses less than 2048 at its \
                     security level 2, \
                     which Debian and others set, and Java 17 takes 1024."
                ),
                Weakness::Signature(algorithm) => format!(
                    "The certificate \"{of}\" is signed by {algorithm}; OpenSSL refuses that at its security level 2, and \
                     Java 17 \
                     where a public authority signed."
                ),
            },
        }
    }

    /// What clients report: curl with OpenSSL, as it prints it, then Java 17.
    pub fn reported(&self) -> Vec<String> {
        let curl = |words: &str| format!("curl: SSL certificate problem: {words}");
        let java = |words: &str| format!("javax.net.ssl.SSLHandshakeException: {words}");
        let invalid = |which: &str| {
            java(&format!(
                "PKIX path validation failed: java.security.cert.CertPathValidatorException: validity check failed \
                 ({which})"
            ))
        };
        match self {
            Self::Expired { .. } => {
                vec![curl("certificate has expired"), invalid("CertificateExpiredException: NotAfter")]
            }
            Self::NotYetValid { .. } => {
                vec![
                    curl("certificate is not yet valid"),
                    invalid("CertificateNotYetValidException: NotBefore"),
                ]
            }
            Self::NameMismatch { wanted, names, .. } => {
                let name = &wanted.name;
                let is_address = name.parse::<std::net::IpAddr>().is_ok();
                let exception = match (is_address, names.is_empty()) {
                    (true, true) => "No subject alternative names present".to_owned(),
                    (true, false) => format!("No subject alternative names matching IP address {name} found"),
                    (false, true) => format!("No name matching {name} found"),
                    (false, false) => format!("No subject alternative DNS name matching {name} found."),
                };
                let subject = if names.is_empty() {
                    format!("SSL: certificate subject name does not match target host name '{name}'")
                } else {
                    format!("SSL: no alternative certificate subject name matches target host name '{name}'")
                };
                vec![format!("curl: {subject}"), java(&exception)]
            }
            Self::SelfSigned { .. } => vec![curl("self-signed certificate"), java(NO_PATH)],
            Self::UnknownIssuer { is_issuer_sent: true, .. } => {
                vec![curl("self-signed certificate in certificate chain"), java(NO_PATH)]
            }
            Self::UnknownIssuer { .. } => vec![curl("unable to get local issuer certificate"), java(NO_PATH)],
            Self::KeyUsage { usage, .. } => {
                let openssl = (!usage.is_of_server()).then(|| curl("unsuitable certificate purpose"));
                openssl.into_iter().chain([java("KeyUsage does not allow digital signatures")]).collect()
            }
            Self::Weak { why: Weakness::ShortKey { is_authority, .. }, .. } => {
                let whose = if *is_authority { "CA" } else { "EE" };
                vec![curl(&format!("{whose} certificate key too weak"))]
            }
            Self::Weak { why: Weakness::Signature(_), .. } => {
                vec![curl("CA signature digest algorithm too weak")]
            }
        }
    }

    /// What mends it, with `ISSUING_CA` for the missing issuer.
    pub fn remedy(&self) -> &'static str {
        match self {
            Self::Expired { is_own: true, .. } => {
                "Renew the server's certificate, and check the client's clock."
            }
            Self::Expired { .. } => {
                "Replace the expired CA certificate by its issuer's current one: in the chain that the server sends, or, where it is a \
                 root, in the client's trust store."
            }
            Self::NotYetValid { .. } => {
                "Check the clocks of client and server, then the certificate's dates."
            }
            Self::NameMismatch { .. } => {
                "Use a name from the certificate on the client, or have a certificate issued for the name that it uses."
            }
            Self::SelfSigned { .. } => {
                "Add the certificate to the client's trust store, or have it signed by a CA that the client trusts."
            }
            Self::UnknownIssuer { .. } => {
                "Add ISSUING_CA to the client's trust store, or have the server send the missing intermediates."
            }
            Self::KeyUsage { .. } => {
                "Have a new certificate issued, whose keyUsage includes digitalSignature."
            }
            Self::Weak { .. } => {
                "Have a new certificate issued, with RSA 2048 or ECDSA, signed over SHA-256."
            }
        }
    }
}

/// The authority whose certificate a client lacks, for people, where one of these faults names it. Text from the certificate is
/// escaped.
pub fn issuing_ca<'f>(faults: impl Iterator<Item = &'f Fault>) -> String {
    let issuer = faults.into_iter().find_map(|fault| match fault {
        Fault::UnknownIssuer { issuer, .. } => Some(issuer),
        _ => None,
    });
    let name = issuer.map(|issuer| {
        let parts = issuer.split(", ");
        parts.filter_map(|part| part.strip_prefix("CN=")).last().unwrap_or(issuer)
    });
    name.map_or_else(
        || "the issuing CA".to_owned(),
        |name| format!("the issuing CA \"{}\"", name.escape_debug()),
    )
}

/// What Java reports wherever no chain leads to its store.
const NO_PATH: &str = "PKIX path building failed: sun.security.provider.certpath.SunCertPathBuilderException: unable to \
 find valid \
                       certification path to requested target";

/// The names of a certificate, as many as fit into a sentence.
fn names_in(names: &[String], further: usize, common_name: Option<&str>) -> String {
    const SHOWN: usize = 4;
    if names.is_empty() {
        return match common_name {
            Some(name) => format!("it has no alternative names, only the common name \"{name}\""),
            None => "it contains no name".to_owned(),
        };
    }
    let shown: Vec<_> = names.iter().take(SHOWN).map(|name| format!("\"{name}\"")).collect();
    let further = names.len().saturating_sub(SHOWN) + further;
    let rest = if further > 0 { format!(" and {further} more") } else { String::new() };
    format!("it is for {}{rest}", shown.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sentence_names_only_some_of_many_names() {
        let names: Vec<_> = (1..=6).map(|number| format!("{number}.example")).collect();
        let shown = names_in(&names, 3, None);
        assert_eq!(shown, "it is for \"1.example\", \"2.example\", \"3.example\", \"4.example\" and 5 more");
        assert_eq!(
            names_in(&[], 0, Some("ssm")),
            "it has no alternative names, only the common name \"ssm\""
        );
    }
}
