//! Lists of revoked certificates (RFC 5280, 5).

use x509_parser::certificate::X509Certificate;
use x509_parser::pem::Pem;
use x509_parser::prelude::FromDer;

use super::crl::{List, Statement, Word};
use super::{HOLD, Issuers, RevocationStatus, Unknown, keys_of_trusted};
use crate::cert::{Anchors, Date};

/// The lists of a file.
#[derive(PartialEq, Eq, Debug)]
pub struct RevocationLists(Vec<List>);

impl RevocationLists {
    /// From PEM, one or more, or from one in DER. Nothing if there is none.
    pub fn read(bytes: &[u8]) -> Option<Self> {
        const LABEL: &str = "X509 CRL";
        if let Some(list) = List::read(bytes) {
            return Some(Self(vec![list]));
        }
        let blocks = Pem::iter_from_buffer(bytes).filter_map(Result::ok);
        let lists = blocks.filter(|block| block.label == LABEL).map(|block| List::read(&block.contents));
        let lists: Vec<_> = lists.collect::<Option<_>>()?;
        (!lists.is_empty()).then_some(Self(lists))
    }

    /// Verifies the lists' signatures with the keys of the trusted authorities and remembers the results, since hashing a long list
    /// would delay a handshake.
    pub fn compare_with(&self, anchors: &Anchors) {
        for list in &self.0 {
            for key in keys_of_trusted(anchors, &list.issuer) {
                list.is_signed_by(&key);
            }
        }
    }

    /// What they say of a certificate at this time.
    ///
    /// # Errors
    /// Why they say nothing.
    pub fn status(
        &self,
        certificate: &[u8],
        issuers: Issuers<'_>,
        now: Date,
    ) -> Result<RevocationStatus, Unknown> {
        let (_, certificate) = X509Certificate::from_der(certificate).map_err(|_| Unknown::Malformed)?;
        let issuer = certificate.issuer().as_raw();
        let mut lists = self.0.iter().filter(|list| list.issuer == issuer).peekable();
        if lists.peek().is_none() {
            return Err(Unknown::Missing);
        }
        let keys = issuers.keys_of(&certificate);
        let mut why = Unknown::Missing;
        let mut statements = Vec::new();
        for list in lists {
            match list.says(&certificate, &keys, now) {
                Ok(statement) => statements.push(statement),
                Err(other) => why = other,
            }
        }
        together(&statements).unwrap_or(Err(why))
    }
}

/// What statements about a certificate say together, if there are any.
fn together(statements: &[Statement]) -> Option<Result<RevocationStatus, Unknown>> {
    let revoked = statements.iter().find_map(|statement| match statement.word {
        Word::Revoked(at, reason) => Some(RevocationStatus::Revoked { at, reason }),
        _ => None,
    });
    if let Some(revoked) = revoked {
        return Some(Ok(revoked));
    }
    // A hold may end, so the latest list counts.
    let latest = statements.iter().max_by_key(|statement| (statement.from, statement.word))?;
    if let Word::Held(at) = latest.word {
        return Some(Ok(RevocationStatus::Revoked { at, reason: Some(HOLD) }));
    }
    let complete = statements.iter().filter(|statement| statement.is_complete);
    let complete = complete.max_by_key(|statement| statement.from);
    Some(complete.map(|complete| RevocationStatus::Good { until: complete.until }).ok_or(Unknown::Partial))
}

#[cfg(test)]
mod tests {
    use super::super::script::{Authority, NOW, extension, listing};
    use super::*;

    #[test]
    fn a_list_of_the_issuer_distinguishes_revoked_from_good() {
        let authority = Authority::new("Lab CA");
        let [good, revoked] = [7, 9].map(|serial| authority.issue(serial));
        let lists = RevocationLists::read(authority.list(&[9], -1, 30).as_bytes()).unwrap();
        let status = |certificate: &[u8]| lists.status(certificate, authority.issuers(), NOW);
        assert!(matches!(status(&good), Ok(RevocationStatus::Good { until: Some(until) }) if until > NOW));
        assert!(matches!(
            status(&revoked),
            Ok(RevocationStatus::Revoked { reason: Some("keyCompromise"), .. })
        ));
        assert_eq!(status(b"none"), Err(Unknown::Malformed));
    }

    #[test]
    fn a_list_that_has_expired_or_is_another_s_says_nothing() {
        let authority = Authority::new("Lab CA");
        let certificate = authority.issue(7);
        let status = |pem: &str| {
            RevocationLists::read(pem.as_bytes()).unwrap().status(&certificate, authority.issuers(), NOW)
        };
        assert!(matches!(status(&authority.list(&[], -60, -30)), Err(Unknown::Over(_))));
        assert!(matches!(status(&authority.list(&[], 5, 30)), Err(Unknown::Early(_))));
        // A revocation counts from an old list, and not from one that is not yet valid.
        assert!(matches!(status(&authority.list(&[7], 5, 30)), Err(Unknown::Early(_))));
        assert!(matches!(status(&authority.list(&[7], -60, -30)), Ok(RevocationStatus::Revoked { .. })));
        assert_eq!(status(&Authority::new("Other CA").list(&[7], -1, 30)), Err(Unknown::Missing));
        // The same name, and another key.
        let impostor = Authority::new("Lab CA").list(&[7], -1, 30);
        assert_eq!(status(&impostor), Err(Unknown::Unsigned));
        // If there are two lists, the usable one counts.
        let both = format!("{impostor}{}", authority.list(&[], -1, 30));
        assert!(matches!(status(&both), Ok(RevocationStatus::Good { .. })));
    }

    #[test]
    fn a_file_without_a_list_is_none() {
        let authority = Authority::new("Lab CA");
        assert_eq!(RevocationLists::read(b""), None);
        assert_eq!(RevocationLists::read(b"-----BEGIN X509 CRL-----\nAAAA\n-----END X509 CRL-----\n"), None);
        assert!(RevocationLists::read(&authority.list_der(&[], -1, 30)).is_some());
    }

    type Lists<'a> = &'a [(Option<u8>, bool, [i64; 2])];

    /// What lists say together, each with the reason of its entry, from and until these days; the second is whether it is a delta.
    fn said(lists: Lists<'_>) -> Result<RevocationStatus, Unknown> {
        let authority = Authority::new("Lab CA");
        let lists = lists.iter().map(|(code, is_delta, days)| {
            let reason = code.map(|code| extension(&[0x55, 0x1d, 21], false, &[0x0a, 1, code]));
            let entries: Vec<_> = reason.iter().map(|reason| (7, &reason[..])).collect();
            let delta = extension(&[0x55, 0x1d, 27], true, &[2, 1, 5]);
            let extensions = if *is_delta { &delta[..] } else { &[] };
            List::read(&listing(&authority, &entries, extensions, *days)).unwrap()
        });
        let lists = RevocationLists(lists.collect());
        lists.status(&authority.issue(7), authority.issuers(), NOW)
    }

    const ON_HOLD: Option<u8> = Some(6);
    const REMOVED: Option<u8> = Some(8);
    const SUPERSEDED: Option<u8> = Some(4);

    #[test]
    fn a_hold_counts_from_the_latest_valid_list_only() {
        let is_held = |lists: Lists<'_>| {
            matches!(said(lists), Ok(RevocationStatus::Revoked { reason: Some(HOLD), .. }))
        };
        let is_good = |lists: Lists<'_>| matches!(said(lists), Ok(RevocationStatus::Good { until: Some(_) }));
        let (old, older, new) = ([-60, -30], [-9, 20], [-1, 30]);
        assert!(is_held(&[(ON_HOLD, false, new)]));
        assert!(is_good(&[(ON_HOLD, false, old), (None, false, new)]));
        assert!(is_good(&[(None, false, new), (ON_HOLD, false, older)]));
        assert!(is_held(&[(ON_HOLD, false, new), (None, false, older)]));
        assert!(is_held(&[(None, false, new), (ON_HOLD, false, new)]));
        assert!(matches!(said(&[(ON_HOLD, false, old)]), Err(Unknown::Over(_))));
        // Any other reason is for ever.
        let superseded = said(&[(SUPERSEDED, false, old), (None, false, new)]);
        assert!(matches!(superseded, Ok(RevocationStatus::Revoked { reason: Some("superseded"), .. })));
    }

    #[test]
    fn a_delta_revokes_and_releases_but_shows_nobody_to_be_good() {
        let is_good = |lists: Lists<'_>| matches!(said(lists), Ok(RevocationStatus::Good { until: Some(_) }));
        let (older, new) = ([-9, 20], [-1, 30]);
        assert!(is_good(&[(REMOVED, true, new), (None, false, new)]));
        assert!(is_good(&[(REMOVED, true, new), (ON_HOLD, false, older)]));
        assert!(matches!(
            said(&[(REMOVED, true, older), (ON_HOLD, false, new)]),
            Ok(RevocationStatus::Revoked { reason: Some(HOLD), .. })
        ));
        assert!(matches!(
            said(&[(SUPERSEDED, true, new), (None, false, older)]),
            Ok(RevocationStatus::Revoked { reason: Some("superseded"), .. })
        ));
        assert_eq!(said(&[(REMOVED, true, new)]), Err(Unknown::Partial));
        assert_eq!(said(&[(None, true, new)]), Err(Unknown::Partial));
    }
}
