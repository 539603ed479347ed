//! Whether a certificate was revoked: by lists that the user gives (RFC 5280, 5), and by what the server staples (RFC 6960 and 6066, 8).
//! Nothing is asked over the network.

mod crl;
mod der;
mod list;
mod scope;
mod staple;

use x509_parser::asn1_rs::{BitString, FromDer};
use x509_parser::prelude::X509Certificate;
use x509_parser::x509::{AlgorithmIdentifier, ReasonCode, SubjectPublicKeyInfo};

pub use list::RevocationLists;
pub use staple::staple;

use super::{Anchors, Date};

/// What is known of a certificate.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum RevocationStatus {
    /// It was not revoked when that was written; the next is due then.
    Good {
        /// When what says so expires; absent if it has no end.
        until: Option<Date>,
    },
    /// It was revoked.
    Revoked {
        /// When.
        at: Date,
        /// Why, in the words of RFC 5280, 5.3.1.
        reason: Option<&'static str>,
    },
}

/// Why nothing is known of it.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum Unknown {
    /// Nobody says anything of it.
    #[error("there is none of its issuer")]
    Missing,
    /// What is there is about others.
    #[error("it is about another certificate")]
    Another,
    /// What is there is not the issuer's.
    #[error("it is not signed by the certificate's issuer")]
    Unsigned,
    /// What is there had expired by then.
    #[error("it was valid until {}", .0.day())]
    Over(Date),
    /// What is there is of the future.
    #[error("it is not valid before {}", .0.day())]
    Early(Date),
    /// What is there has a part of the issuer's revocations only.
    #[error("it lists only some of the issuer's revocations (a delta, or those for some reasons)")]
    Partial,
    /// What is there is about other certificates of the issuer.
    #[error("it covers other certificates of this issuer (by its issuing distribution point)")]
    OutOfScope,
    /// What is there is about certificates of other issuers too.
    #[error("it is an indirect list, which also covers certificates of other issuers")]
    Indirect,
    /// What is there has a critical extension that is unknown here, so it must not be used (RFC 5280, 5.2 and 5.3).
    #[error("it has a critical extension that ssmscope does not know")]
    Critical,
    /// It is not what it should be.
    #[error("it can't be read")]
    Malformed,
    /// The responder says that it does not know the certificate.
    #[error("its responder does not know the certificate")]
    Denied,
    /// The responder failed, by this status (RFC 6960, 4.2.1).
    #[error("its responder failed ({0})")]
    Failed(u8),
}

/// Those who may have signed a certificate: the others of its chain, and those who are trusted.
#[derive(Clone, Copy, Debug)]
pub struct Issuers<'a> {
    /// The server's certificates.
    pub chain: &'a [Vec<u8>],
    /// Who is trusted.
    pub anchors: &'a Anchors,
}

impl Issuers<'_> {
    /// The keys of those who have this certificate's issuer's name and whose signature it has.
    fn keys_of(&self, certificate: &X509Certificate<'_>) -> Vec<Vec<u8>> {
        let wanted = certificate.issuer().as_raw();
        let sent = self.chain.iter().filter_map(|der| {
            let (_, other) = X509Certificate::from_der(der).ok()?;
            (other.subject().as_raw() == wanted).then(|| other.public_key().raw.to_vec())
        });
        let trusted = keys_of_trusted(self.anchors, wanted);
        let has_signed = |key: &Vec<u8>| {
            let key = SubjectPublicKeyInfo::from_der(key).ok();
            key.is_some_and(|(_, key)| certificate.verify_signature(Some(&key)).is_ok())
        };
        sent.chain(trusted).filter(has_signed).collect()
    }
}

/// The keys of those of this name who are trusted.
fn keys_of_trusted<'a>(anchors: &'a Anchors, name: &'a [u8]) -> impl Iterator<Item = Vec<u8>> + 'a {
    // webpki's anchors have the content of both.
    let named = anchors.roots.roots.iter().filter(move |root| der::sequence(&root.subject) == name);
    named.map(|root| der::sequence(&root.subject_public_key_info))
}

/// Whether one of these keys made a signature.
fn is_signed(keys: &[Vec<u8>], signed: &[u8], algorithm: &[u8], signature: &[u8]) -> bool {
    let parts = AlgorithmIdentifier::from_der(algorithm).ok().zip(BitString::from_der(signature).ok());
    let Some(((_, algorithm), (_, signature))) = parts else { return false };
    keys.iter().any(|key| {
        let key = SubjectPublicKeyInfo::from_der(key).ok();
        key.is_some_and(|(_, key)| {
            x509_parser::verify::verify_signature(&key, &algorithm, &signature, signed).is_ok()
        })
    })
}

/// The reason of a revocation that may end.
const HOLD: &str = "certificateHold";

fn reason(code: ReasonCode) -> Option<&'static str> {
    Some(match code {
        ReasonCode::KeyCompromise => "keyCompromise",
        ReasonCode::CACompromise => "cACompromise",
        ReasonCode::AffiliationChanged => "affiliationChanged",
        ReasonCode::Superseded => "superseded",
        ReasonCode::CessationOfOperation => "cessationOfOperation",
        ReasonCode::CertificateHold => HOLD,
        ReasonCode::PrivilegeWithdrawn => "privilegeWithdrawn",
        ReasonCode::AACompromise => "aACompromise",
        _ => return None,
    })
}

/// What holds between these times at that one.
fn at_time(from: Date, until: Option<Date>, now: Date) -> Result<Option<Date>, Unknown> {
    /// How far the clocks of two hosts may be apart.
    const SKEW: i64 = 300;
    match until {
        _ if now.0 + SKEW < from.0 => Err(Unknown::Early(from)),
        Some(until) if until.0 + SKEW < now.0 => Err(Unknown::Over(until)),
        until => Ok(until),
    }
}

/// The times of the SCTs that a certificate contains (RFC 6962, 3.3), each with the beginning of its log's identifier. They are not
/// verified.
pub fn scts(certificate: &[u8]) -> Vec<(String, Date)> {
    use x509_parser::extensions::ParsedExtension;
    let Ok((_, certificate)) = X509Certificate::from_der(certificate) else { return Vec::new() };
    let lists = certificate.extensions().iter().filter_map(|extension| match extension.parsed_extension() {
        ParsedExtension::SCT(list) => Some(list),
        _ => None,
    });
    let all = lists.flatten().take(crate::limits::CERTIFICATE_SCTS);
    all.map(|sct| {
        let [a, b, c, d, ..] = *sct.id.key_id;
        let log = format!("{:08x}", u32::from_be_bytes([a, b, c, d]));
        (log, Date(i64::try_from(sct.timestamp / 1_000).unwrap_or(i64::MAX)))
    })
    .collect()
}

/// Whether a certificate wants that the server staples a response (RFC 7633).
pub fn wants_staple(certificate: &[u8]) -> bool {
    /// id-pe-tlsfeature.
    const TLS_FEATURE: &str = "1.3.6.1.5.5.7.1.24";
    /// The number of status_request in a SEQUENCE of INTEGER (RFC 6066, 8).
    const STATUS_REQUEST: [u8; 3] = [der::INTEGER, 1, 5];
    let Ok((_, certificate)) = X509Certificate::from_der(certificate) else { return false };
    certificate.extensions().iter().any(|extension| {
        extension.oid.to_id_string() == TLS_FEATURE
            && extension.value.windows(STATUS_REQUEST.len()).any(|part| part == STATUS_REQUEST)
    })
}

#[cfg(test)]
mod script;
