//! Which certificates a list is about: its extensions, and its issuing distribution point (RFC 5280, 5.2).

use x509_parser::certificate::X509Certificate;

use super::Unknown;
use super::der::{BOOLEAN, Element, Elements, OCTETS, OID, SEQUENCE, context};

/// An extension of a list, or of one of its entries.
#[derive(Clone, Copy, Debug)]
pub(super) struct Extension<'a> {
    /// The content of its identifier.
    pub(super) id: &'a [u8],
    pub(super) is_critical: bool,
    pub(super) value: &'a [u8],
}

/// The extensions in a `SEQUENCE OF Extension`. Nothing if it is no such sequence.
pub(super) fn extensions(list: Element<'_>) -> Option<Vec<Extension<'_>>> {
    let mut left = list.elements();
    let mut all = Vec::new();
    while !left.0.is_empty() {
        let mut parts = left.take(SEQUENCE)?.elements();
        let id = parts.take(OID)?.content;
        let is_critical = parts.take(BOOLEAN).is_some_and(is_true);
        all.push(Extension { id, is_critical, value: parts.take(OCTETS)?.content });
    }
    Some(all)
}

/// The part of an issuer's revocations that a list covers.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(super) struct Scope {
    /// Whether it has only what changed since another list.
    is_delta: bool,
    /// Whether it has only revocations for some reasons.
    has_some_reasons: bool,
    only: Only,
    /// The names of its distribution point, in DER; absent if it has none.
    names: Option<Vec<Vec<u8>>>,
}

/// The kind of certificates that a list is limited to.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
enum Only {
    #[default]
    All,
    Users,
    Authorities,
    /// Attribute certificates, or kinds that exclude each other.
    Others,
}

const DISTRIBUTION_POINTS: &[u8] = &[0x55, 0x1d, 31];

impl Scope {
    /// From the extensions of a list.
    ///
    /// # Errors
    /// Why the list is not usable for any certificate: RFC 5280, 5.2, does not let a list be used that has an unknown critical extension.
    pub(super) fn of(extensions: &[Extension<'_>]) -> Result<Self, Unknown> {
        const CRL_NUMBER: &[u8] = &[0x55, 0x1d, 20];
        const DELTA: &[u8] = &[0x55, 0x1d, 27];
        const ISSUING_POINT: &[u8] = &[0x55, 0x1d, 28];
        const AUTHORITY_KEY: &[u8] = &[0x55, 0x1d, 35];
        let mut scope = Self::default();
        let mut points = 0;
        for extension in extensions {
            match extension.id {
                DELTA => scope.is_delta = true,
                ISSUING_POINT => {
                    points += 1;
                    scope.limit(extension.value)?;
                }
                CRL_NUMBER | AUTHORITY_KEY => {}
                _ if extension.is_critical => return Err(Unknown::Critical),
                _ => {}
            }
        }
        if points > 1 { Err(Unknown::Malformed) } else { Ok(scope) }
    }

    /// By the value of an issuing distribution point.
    fn limit(&mut self, value: &[u8]) -> Result<(), Unknown> {
        let mut parts = Elements(value).take(SEQUENCE).ok_or(Unknown::Malformed)?.elements();
        let point = parts.take(context(0));
        self.names = point.map(|point| names(point).map(<[u8]>::to_vec).collect());
        let mut part = |number: u8| parts.take(0x80 | number);
        let [users, authorities] = [1, 2].map(|number| part(number).is_some_and(is_true));
        self.has_some_reasons = part(3).is_some();
        let [is_indirect, others] = [4, 5].map(|number| part(number).is_some_and(is_true));
        self.only = match (users, authorities, others) {
            (false, false, false) => Only::All,
            (true, false, false) => Only::Users,
            (false, true, false) => Only::Authorities,
            _ => Only::Others,
        };
        match parts.0 {
            _ if is_indirect => Err(Unknown::Indirect),
            [] => Ok(()),
            _ => Err(Unknown::Malformed),
        }
    }

    /// Whether it is about this certificate, of the same issuer (RFC 5280, 6.3.3, b).
    pub(super) fn covers(&self, certificate: &X509Certificate<'_>) -> bool {
        let is_kind = match self.only {
            Only::All => true,
            Only::Users => !certificate.is_ca(),
            Only::Authorities => certificate.is_ca(),
            Only::Others => false,
        };
        let has_point = |names: &Vec<Vec<u8>>| {
            let own = points(certificate);
            names.iter().any(|name| own.contains(&&name[..]))
        };
        is_kind && self.names.as_ref().is_none_or(has_point)
    }

    /// Whether a certificate that it covers and does not name is not revoked.
    pub(super) fn is_complete(&self) -> bool {
        !self.is_delta && !self.has_some_reasons
    }
}

fn is_true(element: Element<'_>) -> bool {
    element.content != [0]
}

/// The names of a `DistributionPointName`, in DER. One that is relative to the issuer's has none that could be compared.
fn names(point: Element<'_>) -> impl Iterator<Item = &[u8]> {
    let full = point.elements().take(context(0));
    let mut names = full.map_or(Elements(&[]), Element::elements);
    std::iter::from_fn(move || names.next()).map(|name| name.whole)
}

/// The names of the distribution points of a certificate where its issuer publishes whole lists.
fn points<'a>(certificate: &'a X509Certificate<'_>) -> Vec<&'a [u8]> {
    let extensions = certificate.extensions().iter();
    let values = extensions.filter(|extension| extension.oid.as_bytes() == DISTRIBUTION_POINTS);
    let lists = values.filter_map(|extension| Elements(extension.value).take(SEQUENCE));
    let points = lists.flat_map(|list| {
        let mut points = list.elements();
        std::iter::from_fn(move || points.take(SEQUENCE))
    });
    let whole = points.filter_map(|point| {
        let mut parts = point.elements();
        let name = parts.take(context(0))?;
        // What follows limits it to some reasons, or names another issuer of the list.
        parts.0.is_empty().then_some(name)
    });
    whole.flat_map(names).collect()
}

#[cfg(test)]
mod tests {
    use super::super::script::{Authority, NOW, POINT, extension, issuing_point, listing};
    use super::super::{RevocationLists, RevocationStatus};
    use super::*;

    /// What a list with these extensions says of a certificate that it does not name, or does.
    fn said(authority: &Authority, extensions: &[u8], names_it: bool) -> Result<RevocationStatus, Unknown> {
        let entries: &[(u8, &[u8])] = if names_it { &[(7, &[])] } else { &[] };
        let lists = RevocationLists::read(&listing(authority, entries, extensions, [-1, 30])).unwrap();
        lists.status(&authority.issue(7), authority.issuers(), NOW)
    }

    #[test]
    fn a_list_of_user_certificates_covers_a_server_and_one_of_authorities_does_not() {
        let authority = Authority::new("Lab CA");
        for is_critical in [true, false] {
            let of = |part: &[u8]| {
                let extensions = issuing_point(is_critical, part);
                [false, true].map(|names_it| said(&authority, &extensions, names_it))
            };
            let covers = |part: &[u8]| {
                matches!(of(part), [Ok(RevocationStatus::Good { .. }), Ok(RevocationStatus::Revoked { .. })])
            };
            assert!(covers(b""));
            assert!(covers(b"\x81\x01\xff"));
            assert!(covers(b"\x81\x01\xff\x82\x01\0"));
            for part in [b"\x82\x01\xff".as_slice(), b"\x85\x01\xff", b"\x81\x01\xff\x82\x01\xff"] {
                assert_eq!(of(part), [Err(Unknown::OutOfScope), Err(Unknown::OutOfScope)], "{part:?}");
            }
            assert_eq!(of(b"\x84\x01\xff"), [Err(Unknown::Indirect), Err(Unknown::Indirect)]);
            assert_eq!(of(b"\x86\x01\xff"), [Err(Unknown::Malformed), Err(Unknown::Malformed)]);
            // A revocation for one of some reasons is one; that there is none for these does not show that there is none.
            assert!(matches!(
                of(b"\x83\x02\x01\x06"),
                [Err(Unknown::Partial), Ok(RevocationStatus::Revoked { .. })]
            ));
        }
    }

    #[test]
    fn a_list_of_one_distribution_point_covers_the_certificates_that_name_it() {
        let authority = Authority::new("Lab CA");
        let at = |name: &str| {
            let name = [&[0x86, name.len() as u8], name.as_bytes()].concat();
            let full = [&[0xa0, name.len() as u8], &name[..]].concat();
            let point = [&[0xa0, full.len() as u8], &full[..]].concat();
            said(&authority, &issuing_point(true, &point), false)
        };
        assert!(matches!(at(POINT), Ok(RevocationStatus::Good { .. })));
        assert_eq!(at("http://ca.example/other.crl"), Err(Unknown::OutOfScope));
        // Relative to the issuer's name.
        let relative = issuing_point(true, b"\xa0\x02\xa1\0");
        assert_eq!(said(&authority, &relative, false), Err(Unknown::OutOfScope));
    }

    #[test]
    fn a_list_with_an_unknown_critical_extension_says_nothing() {
        let authority = Authority::new("Lab CA");
        let with = |is_critical| extension(&[0x2a, 3, 4], is_critical, b"\x05\0");
        assert_eq!(said(&authority, &with(true), false), Err(Unknown::Critical));
        assert_eq!(said(&authority, &with(true), true), Err(Unknown::Critical));
        assert!(matches!(said(&authority, &with(false), false), Ok(RevocationStatus::Good { .. })));
        assert!(matches!(said(&authority, &with(false), true), Ok(RevocationStatus::Revoked { .. })));
    }
}
