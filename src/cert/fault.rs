//! What is wrong with a certificate, in words, and what clients say to it.

use super::date::{Date, When};
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
    },
    /// It was not valid yet.
    NotYetValid {
        /// The certificate.
        of: String,
        /// Its first second.
        not_before: Date,
    },
    /// It does not bear the name that the client wanted.
    NameMismatch {
        /// That name.
        wanted: Wanted,
        /// The names that it bears.
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
    /// An RSA key of so many bits, below the 2,048 that CA/Browser Forum, OpenSSL's level 2 and webpki ask for.
    ShortKey(usize),
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
            Self::Weak { .. } => "certificate-weak",
        }
    }

    /// What is wrong, in one sentence, of a connection at that time.
    pub fn sentence(&self, when: Option<When>) -> String {
        let distance = |date: Date, to: fn(When) -> Date, side: &str| {
            when.map(|when| format!(", {} {side} this connection", date.distance(to(when))))
                .unwrap_or_default()
        };
        match self {
            Self::Expired { of, not_after } => format!(
                "The certificate \"{of}\" expired on {not_after}{}.",
                distance(*not_after, |when| when.earliest, "before")
            ),
            Self::NotYetValid { of, not_before } => format!(
                "The certificate \"{of}\" is valid only from {not_before}{}: it is too new, or the clock is wrong.",
                distance(*not_before, |when| when.latest, "after")
            ),
            Self::NameMismatch { wanted, names, further_names, common_name } => {
                let bears = bears(names, *further_names, common_name.as_deref());
                match wanted.source {
                    NameSource::Address => format!(
                        "The client named no server, as one does that was given the address {}, and the certificate is not for that \
                         address: {bears}.",
                        wanted.name
                    ),
                    _ => format!("The certificate is not for \"{}\": {bears}.", wanted.name),
                }
            }
            Self::SelfSigned { of, store } => {
                format!("The certificate \"{of}\" is self-signed and is not in {store}.")
            }
            Self::UnknownIssuer { issuer, store, .. } => {
                format!("The chain leads to \"{issuer}\", which is not in {store}.")
            }
            Self::Weak { of, why } => match why {
                Weakness::ShortKey(bits) => format!(
                    "The certificate \"{of}\" has an RSA key of {bits} bits; less than 2048 is refused by today's clients."
                ),
                Weakness::Signature(algorithm) => format!(
                    "The certificate \"{of}\" is signed by {algorithm}, which today's clients refuse."
                ),
            },
        }
    }

    /// What clients say to it: curl or another OpenSSL client, then Java.
    pub fn reported(&self) -> Vec<String> {
        let openssl = |words: &str| format!("OpenSSL, curl: certificate verify failed: {words}");
        let path = |words: &str| format!("Java: PKIX path validation failed: {words}");
        match self {
            Self::Expired { .. } => vec![
                openssl("certificate has expired"),
                path("java.security.cert.CertificateExpiredException: NotAfter: ..."),
            ],
            Self::NotYetValid { .. } => vec![
                openssl("certificate is not yet valid"),
                path("java.security.cert.CertificateNotYetValidException: NotBefore: ..."),
            ],
            Self::NameMismatch { wanted, names, .. } => {
                let is_address = wanted.name.parse::<std::net::IpAddr>().is_ok();
                let (openssl, java) = match (is_address, names.is_empty()) {
                    (true, true) => {
                        ("IP address mismatch", "No subject alternative names present".to_owned())
                    }
                    (true, false) => (
                        "IP address mismatch",
                        format!("No subject alternative names matching IP address {} found", wanted.name),
                    ),
                    (false, true) => ("hostname mismatch", format!("No name matching {} found", wanted.name)),
                    (false, false) => (
                        "hostname mismatch",
                        format!("No subject alternative DNS name matching {} found.", wanted.name),
                    ),
                };
                vec![
                    format!("OpenSSL: {openssl}"),
                    format!(
                        "curl: SSL: no alternative certificate subject name matches target host name '{}'",
                        wanted.name
                    ),
                    format!("Java: java.security.cert.CertificateException: {java}"),
                ]
            }
            Self::SelfSigned { .. } => vec![openssl("self-signed certificate"), NO_PATH.to_owned()],
            Self::UnknownIssuer { is_issuer_sent: true, .. } => {
                vec![openssl("self-signed certificate in certificate chain"), NO_PATH.to_owned()]
            }
            Self::UnknownIssuer { .. } => {
                vec![openssl("unable to get local issuer certificate"), NO_PATH.to_owned()]
            }
            Self::Weak { why: Weakness::ShortKey(bits), .. } => vec![
                openssl("EE certificate key too weak"),
                path(&format!("Algorithm constraints check failed on keysize limits: RSA {bits} bit key")),
            ],
            Self::Weak { why: Weakness::Signature(_), .. } => vec![
                openssl("CA md too weak"),
                path("Algorithm constraints check failed on signature algorithm"),
            ],
        }
    }

    /// What mends it.
    pub fn remedy(&self) -> &'static str {
        match self {
            Self::Expired { .. } => "Renew the server's certificate, and check the client's clock.",
            Self::NotYetValid { .. } => {
                "Check the clocks of client and server, then the certificate's dates."
            }
            Self::NameMismatch { .. } => {
                "Have the client use a name that the certificate bears, or have a certificate issued for the name that it uses."
            }
            Self::SelfSigned { .. } => {
                "Put the certificate into the client's trust store, or have it signed by an authority that the client trusts."
            }
            Self::UnknownIssuer { .. } => {
                "Put the issuing authority into the client's trust store, and have the server send its intermediate certificates."
            }
            Self::Weak { .. } => {
                "Have a new certificate issued, with RSA 2048 or ECDSA, signed over SHA-256."
            }
        }
    }
}

/// What Java says wherever no chain leads to its store.
const NO_PATH: &str = "Java: PKIX path building failed: sun.security.provider.certpath.SunCertPathBuilderException: unable to find \
                       valid certification path to requested target";

/// The names of a certificate, as many as a sentence bears.
fn bears(names: &[String], further: usize, common_name: Option<&str>) -> String {
    const TOLD: usize = 4;
    if names.is_empty() {
        return match common_name {
            Some(name) => format!("it has no alternative names, only the common name \"{name}\""),
            None => "it bears no name at all".to_owned(),
        };
    }
    let told: Vec<_> = names.iter().take(TOLD).map(|name| format!("\"{name}\"")).collect();
    let further = names.len().saturating_sub(TOLD) + further;
    let rest = if further > 0 { format!(" and {further} more") } else { String::new() };
    format!("it is for {}{rest}", told.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sentence_names_only_some_of_many_names() {
        let names: Vec<_> = (1..=6).map(|number| format!("{number}.example")).collect();
        let told = bears(&names, 3, None);
        assert_eq!(told, "it is for \"1.example\", \"2.example\", \"3.example\", \"4.example\" and 5 more");
        assert_eq!(bears(&[], 0, Some("ssm")), "it has no alternative names, only the common name \"ssm\"");
    }
}
