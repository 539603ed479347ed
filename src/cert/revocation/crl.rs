//! One list of revoked certificates (RFC 5280, 5), read once: its entries are found by serial number.

use std::fmt;
use std::sync::{Mutex, PoisonError};

use x509_parser::certificate::X509Certificate;
use x509_parser::x509::ReasonCode;

use super::der::{BITS, ENUMERATED, Element, Elements, INTEGER, SEQUENCE, TIME, UTC_TIME, context, date};
use super::scope::{Scope, extensions};
use super::{Unknown, at_time, is_signed, reason};
use crate::cert::Date;
use crate::limits;

/// A list.
pub(super) struct List {
    /// `tbsCertList`, in DER.
    signed: Vec<u8>,
    algorithm: Vec<u8>,
    signature: Vec<u8>,
    /// The issuer's name, in DER.
    pub(super) issuer: Vec<u8>,
    from: Date,
    until: Option<Date>,
    /// What it is about, or why it is not usable.
    scope: Result<Scope, Unknown>,
    /// Where in the content of `revokedCertificates` its entries are, in the order of their serial numbers.
    places: Vec<u32>,
    /// The keys that its signature was compared with, and whether one of them made it.
    verified: Mutex<Vec<(Vec<u8>, bool)>>,
}

/// What a list says of a certificate.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Statement {
    pub(super) word: Word,
    /// When the list was issued.
    pub(super) from: Date,
    /// When the next is due.
    pub(super) until: Option<Date>,
    /// Whether it has all revocations of the certificates that it is about.
    pub(super) is_complete: bool,
}

/// The same in a word. A later one counts more where a list has several entries of a certificate.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) enum Word {
    /// It does not name the certificate.
    Good,
    /// The certificate was revoked for a time, which is over (removeFromCRL).
    Released,
    /// It is revoked for a time (certificateHold).
    Held(Date),
    /// It is revoked for ever.
    Revoked(Date, Option<&'static str>),
}

impl List {
    /// From DER. Nothing if it is no list.
    pub(super) fn read(der: &[u8]) -> Option<Self> {
        let mut all = Elements(der);
        let mut parts = all.take(SEQUENCE)?.elements();
        let (signed, algorithm, signature) =
            (parts.take(SEQUENCE)?.whole, parts.take(SEQUENCE)?.whole, parts.take(BITS)?.whole);
        let header = Header::read(signed)?;
        let mut scope = Scope::of(&header.extensions.map_or(Some(Vec::new()), list_of)?);
        let mut places = Vec::new();
        let mut left = Elements(header.entries);
        while !left.0.is_empty() {
            places.push(u32::try_from(header.entries.len() - left.0.len()).ok()?);
            let entry = Entry::read(left.take(SEQUENCE)?)?;
            scope = scope.and_then(|scope| entry.understood().map(|()| scope));
        }
        places.sort_by(|a, b| serial(header.entries, *a).cmp(&serial(header.entries, *b)));
        places.shrink_to_fit();
        (all.0.is_empty() && parts.0.is_empty()).then(|| Self {
            signed: signed.to_vec(),
            algorithm: algorithm.to_vec(),
            signature: signature.to_vec(),
            issuer: header.issuer.to_vec(),
            from: header.from,
            until: header.until,
            scope,
            places,
            verified: Mutex::default(),
        })
    }

    /// What it says of a certificate of its issuer, who has these keys, at this time.
    ///
    /// # Errors
    /// Why it says nothing.
    pub(super) fn says(
        &self,
        certificate: &X509Certificate<'_>,
        keys: &[Vec<u8>],
        now: Date,
    ) -> Result<Statement, Unknown> {
        if !keys.iter().any(|key| self.is_signed_by(key)) {
            return Err(Unknown::Unsigned);
        }
        let scope = self.scope.as_ref().map_err(|why| *why)?;
        if !scope.covers(certificate) {
            return Err(Unknown::OutOfScope);
        }
        let current = at_time(self.from, self.until, now);
        if let Err(early @ Unknown::Early(_)) = current {
            return Err(early);
        }
        let word = self.word(certificate.raw_serial()).ok_or(Unknown::Malformed)?;
        let is_complete = scope.is_complete();
        // A permanent revocation stays valid, however old the list is.
        if !matches!(word, Word::Revoked(..)) {
            current?;
        }
        if word == Word::Good && !is_complete {
            return Err(Unknown::Partial);
        }
        Ok(Statement { word, from: self.from, until: self.until, is_complete })
    }

    /// Whether this key made its signature. It is compared once.
    pub(super) fn is_signed_by(&self, key: &[u8]) -> bool {
        let mut verified = self.verified.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, is_its)) = verified.iter().find(|(other, _)| other == key) {
            return *is_its;
        }
        let key = key.to_vec();
        let is_its = is_signed(std::slice::from_ref(&key), &self.signed, &self.algorithm, &self.signature);
        if verified.len() >= limits::LIST_KEYS {
            verified.remove(0);
        }
        verified.push((key, is_its));
        is_its
    }

    /// Its entries of a serial number, as one word. Nothing if one of them can't be read.
    fn word(&self, wanted: &[u8]) -> Option<Word> {
        let entries = Header::read(&self.signed)?.entries;
        let wanted = minimal(wanted);
        let first = self.places.partition_point(|place| serial(entries, *place) < Some(wanted));
        let mut strongest = Word::Good;
        for place in self.places.iter().skip(first) {
            let entry = entry(entries, *place)?;
            if entry.serial != wanted {
                break;
            }
            strongest = strongest.max(entry.word()?);
        }
        Some(strongest)
    }
}

impl PartialEq for List {
    fn eq(&self, other: &Self) -> bool {
        (&self.signed, &self.signature) == (&other.signed, &other.signature)
    }
}

impl Eq for List {}

impl fmt::Debug for List {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a list of {} entries since {}", self.places.len(), self.from.day())
    }
}

/// The parts of `tbsCertList`.
struct Header<'a> {
    issuer: &'a [u8],
    from: Date,
    until: Option<Date>,
    /// The content of `revokedCertificates`.
    entries: &'a [u8],
    extensions: Option<Element<'a>>,
}

impl<'a> Header<'a> {
    fn read(signed: &'a [u8]) -> Option<Self> {
        let mut parts = Elements(signed).take(SEQUENCE)?.elements();
        parts.take(INTEGER);
        parts.take(SEQUENCE)?;
        let issuer = parts.take(SEQUENCE)?.whole;
        let from = date(time(&mut parts)?)?;
        let until = match time(&mut parts) {
            Some(until) => Some(date(until)?),
            None => None,
        };
        let entries = parts.take(SEQUENCE).map_or(&[][..], |entries| entries.content);
        let extensions = parts.take(context(0));
        parts.0.is_empty().then_some(Self { issuer, from, until, entries, extensions })
    }
}

fn time<'a>(parts: &mut Elements<'a>) -> Option<Element<'a>> {
    parts.take(UTC_TIME).or_else(|| parts.take(TIME))
}

/// The extensions of a list, which has them in an element of its own.
fn list_of(explicit: Element<'_>) -> Option<Vec<super::scope::Extension<'_>>> {
    extensions(explicit.elements().take(SEQUENCE)?)
}

/// One of `revokedCertificates`.
struct Entry<'a> {
    serial: &'a [u8],
    at: Element<'a>,
    extensions: Option<Element<'a>>,
}

const REASON: &[u8] = &[0x55, 0x1d, 21];

impl<'a> Entry<'a> {
    fn read(element: Element<'a>) -> Option<Self> {
        let mut parts = element.elements();
        let serial = minimal(parts.take(INTEGER)?.content);
        let at = time(&mut parts)?;
        let extensions = parts.take(SEQUENCE);
        parts.0.is_empty().then_some(Self { serial, at, extensions })
    }

    /// RFC 5280, 5.3, does not let a list be used that has an entry with a critical extension that is not understood.
    fn understood(&self) -> Result<(), Unknown> {
        const INVALIDITY_DATE: &[u8] = &[0x55, 0x1d, 24];
        const CERTIFICATE_ISSUER: &[u8] = &[0x55, 0x1d, 29];
        let Some(list) = self.extensions else { return Ok(()) };
        let extensions = extensions(list).ok_or(Unknown::Malformed)?;
        let why = extensions.iter().find_map(|extension| match extension.id {
            CERTIFICATE_ISSUER => Some(Unknown::Indirect),
            REASON | INVALIDITY_DATE => None,
            _ => extension.is_critical.then_some(Unknown::Critical),
        });
        why.map_or(Ok(()), Err)
    }

    fn word(&self) -> Option<Word> {
        let at = date(self.at)?;
        let extensions = self.extensions.map_or(Some(Vec::new()), extensions)?;
        let code = extensions.iter().find(|extension| extension.id == REASON);
        let code = code.and_then(|code| Elements(code.value).take(ENUMERATED)?.content.last().copied());
        Some(match code.map(ReasonCode) {
            Some(ReasonCode::CertificateHold) => Word::Held(at),
            Some(ReasonCode::RemoveFromCRL) => Word::Released,
            code => Word::Revoked(at, code.and_then(reason)),
        })
    }
}

fn entry(entries: &[u8], place: u32) -> Option<Entry<'_>> {
    Entry::read(Elements(entries.get(place as usize..)?).take(SEQUENCE)?)
}

fn serial(entries: &[u8], place: u32) -> Option<&[u8]> {
    entry(entries, place).map(|entry| entry.serial)
}

/// A number without zeros that DER does not have before it.
fn minimal(mut number: &[u8]) -> &[u8] {
    while let [0, rest @ ..] = number
        && rest.first().is_some_and(|next| *next < 0x80)
    {
        number = rest;
    }
    number
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::script::{Authority, NOW, extension, listing};
    use super::super::{RevocationLists, RevocationStatus};
    use super::*;

    #[test]
    fn a_list_with_an_entry_that_is_not_understood_says_nothing_of_anybody() {
        let authority = Authority::new("Lab CA");
        let with = |entry: &[u8], serial| {
            let list = listing(&authority, &[(serial, entry), (9, &[])], &[], [-1, 30]);
            let lists = RevocationLists::read(&list).unwrap();
            lists.status(&authority.issue(7), authority.issuers(), NOW)
        };
        // The certificate of another issuer that has this number.
        let issuer = extension(&[0x55, 0x1d, 29], true, b"\x30\0");
        let strange = extension(&[0x2a, 3, 4], true, b"\x05\0");
        for serial in [7, 8] {
            assert_eq!(with(&issuer, serial), Err(Unknown::Indirect));
            assert_eq!(with(&strange, serial), Err(Unknown::Critical));
        }
        let harmless = extension(&[0x2a, 3, 4], false, b"\x05\0");
        assert!(matches!(with(&harmless, 8), Ok(RevocationStatus::Good { .. })));
        assert!(matches!(with(&harmless, 7), Ok(RevocationStatus::Revoked { reason: None, .. })));
    }

    #[test]
    fn each_entry_of_a_list_is_found() {
        let authority = Authority::new("Lab CA");
        let serials = [90, 3, 3, 127, 1, 44];
        let entries = serials.map(|serial| (serial, &[][..]));
        let list = List::read(&listing(&authority, &entries, &[], [-1, 30])).unwrap();
        for serial in 1..=127_u8 {
            let is_listed = matches!(list.word(&[0, serial]), Some(Word::Revoked(..)));
            assert_eq!(is_listed, serials.contains(&serial), "{serial}");
        }
    }

    #[test]
    fn a_number_is_compared_without_padding() {
        for (padded, number) in [
            (&[0, 0, 5][..], &[5][..]),
            (&[0, 0, 0x80], &[0, 0x80]),
            (&[0], &[0]),
            (&[], &[]),
            (&[7, 0], &[7, 0]),
        ] {
            assert_eq!(minimal(padded), number);
        }
    }

    #[test]
    fn a_signature_is_compared_once_for_each_of_a_few_keys() {
        let authority = Authority::new("Lab CA");
        let list = List::read(&listing(&authority, &[], &[], [-1, 30])).unwrap();
        for key in 0..100 {
            assert!(!list.is_signed_by(&[key]));
            assert!(!list.is_signed_by(&[key]));
        }
        assert_eq!(list.verified.lock().unwrap().len(), limits::LIST_KEYS);
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_as_a_list(bytes: Vec<u8>, cut: prop::sample::Index, value: u8) {
            let authority = Authority::new("Lab CA");
            let held = extension(REASON, false, b"\x0a\x01\x06");
            let mut list = listing(&authority, &[(7, &held)], &[], [-1, 30]);
            let place = cut.index(list.len());
            list[place] = value;
            for bytes in [&bytes, &list, &list[..place].to_vec()] {
                if let Some(list) = List::read(bytes) {
                    let _ = list.word(&[7]);
                }
            }
        }
    }
}
