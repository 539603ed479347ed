//! Lists of revoked certificates (RFC 5280, 5).

use x509_parser::certificate::X509Certificate;
use x509_parser::pem::Pem;
use x509_parser::prelude::FromDer;
use x509_parser::revocation_list::CertificateRevocationList;
use x509_parser::x509::SubjectPublicKeyInfo;

use super::{Issuers, Status, Unknown, at_time, reason};
use crate::cert::Date;

/// The lists of a file.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct RevocationLists(Vec<Vec<u8>>);

impl RevocationLists {
    /// From PEM, one or more, or from one in DER. Nothing where there is none.
    pub fn read(bytes: &[u8]) -> Option<Self> {
        const LABEL: &str = "X509 CRL";
        let is_list =
            |der: &Vec<u8>| CertificateRevocationList::from_der(der).is_ok_and(|(rest, _)| rest.is_empty());
        if is_list(&bytes.to_vec()) {
            return Some(Self(vec![bytes.to_vec()]));
        }
        let blocks = Pem::iter_from_buffer(bytes).filter_map(Result::ok);
        let lists: Vec<_> = blocks.filter(|block| block.label == LABEL).map(|block| block.contents).collect();
        (!lists.is_empty() && lists.iter().all(is_list)).then_some(Self(lists))
    }

    /// What they say of a certificate at this time.
    ///
    /// # Errors
    /// Why they say nothing.
    pub fn status(&self, certificate: &[u8], issuers: Issuers<'_>, now: Date) -> Result<Status, Unknown> {
        let (_, certificate) = X509Certificate::from_der(certificate).map_err(|_| Unknown::Malformed)?;
        let keys = issuers.keys_of(&certificate);
        let mut answer = Err(Unknown::Missing);
        for der in &self.0 {
            let Ok((_, list)) = CertificateRevocationList::from_der(der) else { continue };
            if list.issuer().as_raw() != certificate.issuer().as_raw() {
                continue;
            }
            let said = said(&list, &certificate, &keys, now);
            // Of several, one that revokes it counts, then one that is good.
            let is_better = matches!(said, Ok(Status::Revoked { .. })) || answer.is_err();
            if is_better {
                answer = said;
            }
        }
        answer
    }
}

/// What one list says.
fn said(
    list: &CertificateRevocationList<'_>,
    certificate: &X509Certificate<'_>,
    keys: &[Vec<u8>],
    now: Date,
) -> Result<Status, Unknown> {
    let is_signed = keys.iter().any(|key| {
        let key = SubjectPublicKeyInfo::from_der(key).ok();
        key.is_some_and(|(_, key)| list.verify_signature(&key).is_ok())
    });
    if !is_signed {
        return Err(Unknown::Unsigned);
    }
    let date = |time: x509_parser::time::ASN1Time| Date(time.timestamp());
    let mut revoked = list.iter_revoked_certificates();
    // Whoever was revoked stays so, however old the list is.
    if let Some(entry) = revoked.find(|entry| entry.raw_serial() == certificate.raw_serial()) {
        let why = entry.reason_code().and_then(|(_, code)| reason(code));
        return Ok(Status::Revoked { at: date(entry.revocation_date), reason: why });
    }
    let until = at_time(date(list.last_update()), list.next_update().map(date), now)?;
    // RFC 5280, 5.2.4 and 5.2.5: a delta, or a list about some of the certificates, has an extension that must be understood.
    if list.extensions().iter().any(|extension| extension.critical) {
        return Err(Unknown::Partial);
    }
    Ok(Status::Good { until })
}

#[cfg(test)]
mod tests {
    use super::super::script::{Authority, NOW};
    use super::*;

    #[test]
    fn a_list_of_the_issuer_tells_revoked_from_good() {
        let authority = Authority::new("Lab CA");
        let [good, revoked] = [7, 9].map(|serial| authority.issue(serial));
        let lists = RevocationLists::read(authority.list(&[9], -1, 30).as_bytes()).unwrap();
        let status = |certificate: &[u8]| lists.status(certificate, authority.issuers(), NOW);
        assert!(matches!(status(&good), Ok(Status::Good { until: Some(until) }) if until > NOW));
        assert!(matches!(status(&revoked), Ok(Status::Revoked { reason: Some("keyCompromise"), .. })));
        assert_eq!(status(b"none"), Err(Unknown::Malformed));
    }

    #[test]
    fn a_list_that_is_over_or_another_s_says_nothing() {
        let authority = Authority::new("Lab CA");
        let certificate = authority.issue(7);
        let status = |pem: &str| {
            RevocationLists::read(pem.as_bytes()).unwrap().status(&certificate, authority.issuers(), NOW)
        };
        assert!(matches!(status(&authority.list(&[], -60, -30)), Err(Unknown::Over(_))));
        assert!(matches!(status(&authority.list(&[], 5, 30)), Err(Unknown::Early(_))));
        // Old or not: it was revoked.
        assert!(matches!(status(&authority.list(&[7], -60, -30)), Ok(Status::Revoked { .. })));
        assert_eq!(status(&Authority::new("Other CA").list(&[7], -1, 30)), Err(Unknown::Missing));
        // The same name, and another key.
        let impostor = Authority::new("Lab CA").list(&[7], -1, 30);
        assert_eq!(status(&impostor), Err(Unknown::Unsigned));
        // Of two lists, the one that is usable counts.
        let both = format!("{impostor}{}", authority.list(&[], -1, 30));
        assert!(matches!(status(&both), Ok(Status::Good { .. })));
    }

    #[test]
    fn a_file_without_a_list_is_none() {
        let authority = Authority::new("Lab CA");
        assert_eq!(RevocationLists::read(b""), None);
        assert_eq!(RevocationLists::read(b"-----BEGIN X509 CRL-----\nAAAA\n-----END X509 CRL-----\n"), None);
        assert!(RevocationLists::read(&authority.list_der(&[], -1, 30)).is_some());
    }
}
