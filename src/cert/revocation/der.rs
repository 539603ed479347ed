//! DER, element by element (X.690, 10).

use x509_parser::prelude::FromDer;
use x509_parser::time::ASN1Time;

use crate::cert::Date;

/// Elements that follow each other. Cloned, it reads them again.
#[derive(Clone, Copy, Debug)]
pub(super) struct Elements<'a>(pub(super) &'a [u8]);

/// One of them.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Element<'a> {
    /// Its tag, with class and form.
    pub(super) tag: u8,
    /// What it contains.
    pub(super) content: &'a [u8],
    /// All of it.
    pub(super) whole: &'a [u8],
}

pub(super) const SEQUENCE: u8 = 0x30;
pub(super) const BOOLEAN: u8 = 0x01;
pub(super) const INTEGER: u8 = 0x02;
pub(super) const BITS: u8 = 0x03;
pub(super) const OCTETS: u8 = 0x04;
pub(super) const OID: u8 = 0x06;
pub(super) const ENUMERATED: u8 = 0x0a;
pub(super) const UTC_TIME: u8 = 0x17;
pub(super) const TIME: u8 = 0x18;

/// The tag of a context's own element, of this number, that contains others.
pub(super) const fn context(number: u8) -> u8 {
    0xa0 | number
}

impl<'a> Elements<'a> {
    /// The next one, of any tag.
    pub(super) fn next(&mut self) -> Option<Element<'a>> {
        const LONG: u8 = 0x80;
        let (tag, first) = (*self.0.first()?, *self.0.get(1)?);
        let digits = usize::from(first & !LONG);
        let (len, head) = match first & LONG {
            0 => (digits, 2),
            _ if digits == 0 || digits > 4 => return None,
            _ => {
                let bytes = self.0.get(2..2 + digits)?;
                (bytes.iter().fold(0, |len, byte| len << 8 | usize::from(*byte)), 2 + digits)
            }
        };
        let end = head.checked_add(len)?;
        let element = Element { tag, content: self.0.get(head..end)?, whole: self.0.get(..end)? };
        self.0 = self.0.get(end..)?;
        Some(element)
    }

    /// The next one, if it has this tag; else it stays.
    pub(super) fn take(&mut self, tag: u8) -> Option<Element<'a>> {
        let mut after = *self;
        let element = after.next().filter(|element| element.tag == tag)?;
        *self = after;
        Some(element)
    }
}

impl<'a> Element<'a> {
    /// The elements in it.
    pub(super) fn elements(self) -> Elements<'a> {
        Elements(self.content)
    }
}

/// A time of either form.
pub(super) fn date(element: Element<'_>) -> Option<Date> {
    let (_, time) = ASN1Time::from_der(element.whole).ok()?;
    Some(Date(time.timestamp()))
}

/// A sequence of this content.
pub(super) fn sequence(content: &[u8]) -> Vec<u8> {
    let len = content.len();
    let mut der = vec![SEQUENCE];
    if len < 0x80 {
        der.push(len as u8);
    } else {
        let digits: Vec<u8> = len.to_be_bytes().into_iter().skip_while(|byte| *byte == 0).collect();
        der.push(0x80 | digits.len() as u8);
        der.extend(digits);
    }
    der.extend_from_slice(content);
    der
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn elements_are_read_by_their_length() {
        let mut elements = Elements(b"\x02\x01\x05\x30\x81\x01\x07rest");
        assert_eq!(elements.take(SEQUENCE), None);
        assert_eq!(elements.take(INTEGER).unwrap().content, b"\x05");
        assert_eq!(elements.next().unwrap().whole, b"\x30\x81\x01\x07");
        assert_eq!(elements.next(), None, "longer than what is there");
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_as_the_same(content: Vec<u8>, more in 0..3_usize) {
            let content = content.repeat(more * 200 + 1);
            let der = sequence(&content);
            let element = Elements(&der).next().unwrap();
            prop_assert_eq!((element.content, element.whole), (&content[..], &der[..]));
        }

        #[test]
        fn any_bytes_are_read_to_an_end(bytes: Vec<u8>) {
            let mut elements = Elements(&bytes);
            while elements.next().is_some() {}
        }
    }
}
