//! X.509 certificates whose names, keys and numbers are replaced in place: every length stays.
//!
//! A certificate's key, serial number and key identifiers find it in public logs (RFC 9162), so they become numbers as well. Its
//! signature is no longer one. What DER does not allow, and what is not understood, is blank.

use sha2::{Digest, Sha256};

use super::super::StandIns;

/// Tags (ITU-T X.690, 8.1.2; X.680, 8.4).
const BOOLEAN: u8 = 0x01;
const INTEGER: u8 = 0x02;
const BIT_STRING: u8 = 0x03;
const OCTET_STRING: u8 = 0x04;
const IDENTIFIER: u8 = 0x06;
const ENUMERATED: u8 = 0x0a;
const UTC_TIME: u8 = 0x17;
const GENERALIZED_TIME: u8 = 0x18;
const BMP_STRING: u8 = 0x1e;
const UNIVERSAL_STRING: u8 = 0x1c;
const SEQUENCE: u8 = 0x30;
/// UTF8String, NumericString, PrintableString, TeletexString, IA5String, VisibleString.
const STRINGS: [u8; 6] = [0x0c, 0x12, 0x13, 0x14, 0x16, 0x1a];
const CONSTRUCTED: u8 = 0x20;
/// The number of a tag that has more bytes (X.690, 8.1.2.4), which no certificate has.
const LONG_TAG: u8 = 0x1f;
/// The tags of general names (RFC 5280, 4.2.1.6): mail, DNS, directory, URI, address, registered identifier.
const MAIL: u8 = 0x81;
const DNS: u8 = 0x82;
const DIRECTORY: u8 = 0xa4;
const LINK: u8 = 0x86;
const ADDRESS: u8 = 0x87;
const REGISTERED: u8 = 0x88;

/// Extensions that find a certificate (RFC 5280, 4.2.1.1 and 4.2.1.2).
const SUBJECT_KEY: &[u8] = &[0x55, 29, 14];
const AUTHORITY_KEY: &[u8] = &[0x55, 29, 35];

/// Arcs below which identifiers are everybody's: X.500's attributes and extensions, PKIX, RSA's, ANSI's, NIST's, SECG's, Edwards
/// curves, OIW's, Teletrust's and China's algorithms, the domain component, Netscape's, Microsoft's and CT's extensions.
const ARCS: [&[u8]; 14] = [
    &[0x55],
    &[0x2b, 6, 1, 5, 5, 7],
    &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d],
    &[0x2a, 0x86, 0x48, 0xce, 0x3d],
    &[0x60, 0x86, 0x48, 1, 0x65, 3, 4],
    &[0x2b, 0x81, 4, 0],
    &[0x2b, 0x65],
    &[0x2b, 14, 3, 2],
    &[0x2b, 36, 3],
    &[0x2a, 0x81, 0x1c, 0xcf, 0x55, 1],
    &[0x09, 0x92, 0x26, 0x89, 0x93, 0xf2, 0x2c, 0x64],
    &[0x60, 0x86, 0x48, 1, 0x86, 0xf8, 0x42],
    &[0x2b, 6, 1, 4, 1, 0x82, 0x37],
    &[0x2b, 6, 1, 4, 1, 0xd6, 0x79, 2, 4],
];
/// Bytes after an arc: what is longer may be text.
const ARC_REST: usize = 5;

/// Deepest nesting that is followed; what is deeper is blank.
const DEEPEST: usize = 16;

/// Bytes of a number, and of flags, that stay.
const SMALL_NUMBER: usize = 2;
const FLAGS: usize = 3;
/// Bytes of an RSA key's exponent, which is nearly always 65537.
const EXPONENT: usize = 4;

/// An element: its tag, and where its contents are.
#[derive(Clone, Copy)]
struct Part {
    tag: u8,
    start: usize,
    end: usize,
}

/// The elements of `bytes` from `from` to `to`, as far as they are there, and where what is no element begins.
fn parts(bytes: &[u8], from: usize, to: usize) -> (Vec<Part>, usize) {
    let mut parts = Vec::new();
    let mut at = from;
    let is_cut = to >= bytes.len();
    let to = to.min(bytes.len());
    while at < to {
        let (Some(&tag), Some(&first)) = (bytes.get(at), bytes.get(at + 1)) else { break };
        let more = if first & 0x80 == 0 { 0 } else { usize::from(first & 0x7f) };
        // DER has no indefinite lengths (X.690, 8.1.3.6).
        if tag & LONG_TAG == LONG_TAG || first == 0x80 {
            break;
        }
        let Some(digits) = bytes.get(at + 2..at + 2 + more).filter(|digits| digits.len() <= 4) else { break };
        let len = match more {
            0 => usize::from(first),
            _ => digits.iter().fold(0, |len, digit| len << 8 | usize::from(*digit)),
        };
        let start = at + 2 + more;
        let end = start.saturating_add(len);
        // Only the end of what was captured may come before an element's.
        if start > to || (end > to && !is_cut) {
            break;
        }
        parts.push(Part { tag, start, end: end.min(to) });
        at = end;
    }
    (parts, at.min(to))
}

/// The same; what is no element is blank from then on.
fn walked(bytes: &mut [u8], from: usize, to: usize) -> Vec<Part> {
    let (parts, rest) = parts(bytes, from, to);
    fill(bytes, rest, to);
    parts
}

impl StandIns {
    /// Replaces what a certificate names, as far as its bytes are there.
    pub(super) fn certificate_bytes(&mut self, bytes: &mut [u8]) {
        let all = walked(bytes, 0, bytes.len());
        for (index, whole) in all.into_iter().enumerate() {
            if index > 0 || whole.tag != SEQUENCE {
                fill(bytes, whole.start, whole.end);
                continue;
            }
            for (index, part) in walked(bytes, whole.start, whole.end).into_iter().enumerate() {
                match (index, part.tag) {
                    (0, SEQUENCE) => self.signed_part(bytes, part),
                    // The algorithm of the signature, and it.
                    (1, SEQUENCE) => self.values(bytes, part, 0),
                    (_, BIT_STRING) => blank_bits(bytes, part),
                    _ => fill(bytes, part.start, part.end),
                }
            }
        }
    }

    /// RFC 5280, 4.1: version, serial number, algorithm, issuer, validity, subject, key, unique identifiers, extensions.
    fn signed_part(&mut self, bytes: &mut [u8], whole: Part) {
        let mut fields = walked(bytes, whole.start, whole.end).into_iter().peekable();
        if let Some(version) = fields.next_if(|part| part.tag == 0xa0) {
            self.values(bytes, version, 0);
        }
        for (index, part) in fields.enumerate() {
            match (index, part.tag) {
                (0, INTEGER) => self.number(bytes, part),
                (1 | 3, SEQUENCE) => self.values(bytes, part, 0),
                (2 | 4, SEQUENCE) => self.directory_name(bytes, part),
                (5, SEQUENCE) => self.key(bytes, part),
                (_, 0xa3) => self.extensions(bytes, part),
                _ => fill(bytes, part.start, part.end),
            }
        }
    }

    /// A Name (RFC 5280, 4.1.2.4): attributes, of which the types stay.
    fn directory_name(&mut self, bytes: &mut [u8], whole: Part) {
        for set in walked(bytes, whole.start, whole.end) {
            if set.tag & CONSTRUCTED == 0 {
                fill(bytes, set.start, set.end);
                continue;
            }
            for attribute in walked(bytes, set.start, set.end) {
                if attribute.tag & CONSTRUCTED == 0 {
                    fill(bytes, attribute.start, attribute.end);
                    continue;
                }
                for part in walked(bytes, attribute.start, attribute.end) {
                    if part.tag & CONSTRUCTED == 0 && part.tag != IDENTIFIER {
                        self.text(bytes, part);
                    } else {
                        self.value(bytes, part, 0);
                    }
                }
            }
        }
    }

    /// A Name that is these bytes.
    pub(super) fn directory_bytes(&mut self, bytes: &mut [u8]) {
        for part in walked(bytes, 0, bytes.len()) {
            if part.tag == SEQUENCE {
                self.directory_name(bytes, part);
            } else {
                fill(bytes, part.start, part.end);
            }
        }
    }

    /// Text of any type, by a name of its length.
    fn text(&mut self, bytes: &mut [u8], part: Part) {
        let Some(text) = bytes.get_mut(part.start..part.end) else { return };
        match part.tag {
            // Two bytes or four a character.
            BMP_STRING => {
                let (pairs, rest) = text.as_chunks_mut::<2>();
                pairs.fill([0, b'x']);
                rest.fill(0);
            }
            UNIVERSAL_STRING => {
                let (fours, rest) = text.as_chunks_mut::<4>();
                fours.fill([0, 0, 0, b'x']);
                rest.fill(0);
            }
            _ => {
                let stand_in = self.name_bytes(text);
                text.copy_from_slice(&stand_in);
            }
        }
    }

    /// A stand-in of as many bytes. An address instead of a name may have another length, and is treated as a name then.
    pub(super) fn name_bytes(&mut self, original: &[u8]) -> Vec<u8> {
        let Ok(text) = std::str::from_utf8(original) else { return vec![b'x'; original.len()] };
        let stand_in = self.written_host(text);
        let mut stand_in = if stand_in.len() == text.len() { stand_in } else { self.name(text) }.into_bytes();
        stand_in.resize(original.len(), b'x');
        stand_in
    }

    /// A number or an identifier: its place among those of the run, in the last bytes.
    pub(super) fn opaque(&mut self, bytes: &mut [u8]) {
        let digest: [u8; 32] = Sha256::digest(&*bytes).into();
        let number = self.fingerprint(digest);
        let kept = bytes.len().min(8);
        bytes.fill(0);
        let (from, to) = (number.len() - kept, bytes.len() - kept);
        if let (Some(place), Some(digits)) = (bytes.get_mut(to..), number.get(from..)) {
            place.copy_from_slice(digits);
        }
    }

    /// An INTEGER, which stays positive and as long.
    fn number(&mut self, bytes: &mut [u8], part: Part) {
        let Some(number) = bytes.get_mut(part.start..part.end) else { return };
        self.opaque(number);
        if let [first, _, ..] = number {
            *first = 1;
        }
    }

    /// An OBJECT IDENTIFIER: one of [`ARCS`] stays, others are numbered, in bytes of which each is a component (X.690, 8.19.2).
    fn identifier(&mut self, bytes: &mut [u8], part: Part) {
        let Some(identifier) = bytes.get_mut(part.start..part.end) else { return };
        let is_known =
            ARCS.iter().any(|arc| identifier.strip_prefix(*arc).is_some_and(|rest| rest.len() <= ARC_REST));
        if !is_known {
            self.opaque(identifier);
            for byte in identifier {
                *byte &= 0x7f;
            }
        }
    }

    /// A public key (RFC 5280, 4.1.2.7): the algorithm stays, and an RSA key's length.
    fn key(&mut self, bytes: &mut [u8], whole: Part) {
        for part in walked(bytes, whole.start, whole.end) {
            match part.tag {
                SEQUENCE => self.values(bytes, part, 0),
                BIT_STRING => self.key_bits(bytes, part),
                _ => fill(bytes, part.start, part.end),
            }
        }
    }

    fn key_bits(&mut self, bytes: &mut [u8], bits: Part) {
        keep_unused(bytes, bits);
        let inner = parts(bytes, bits.start + 1, bits.end).0;
        let rsa = inner.first().filter(|part| part.tag == SEQUENCE && part.end == bits.end);
        let numbers = rsa.map(|rsa| parts(bytes, rsa.start, rsa.end).0).unwrap_or_default();
        match numbers.as_slice() {
            [modulus, exponent] if modulus.tag == INTEGER && modulus.end - modulus.start > 16 => {
                if exponent.tag != INTEGER || exponent.end - exponent.start > EXPONENT {
                    fill(bytes, exponent.start, exponent.end);
                }
                fill(bytes, exponent.end, bits.end);
                let Some(modulus) = bytes.get_mut(modulus.start..modulus.end) else { return };
                self.opaque(modulus);
                // As many bits as before, and odd.
                if let [_, second, .., last] = modulus {
                    *second = 0xc0;
                    *last |= 1;
                }
            }
            _ => {
                // How a point is written stays.
                let Some(point) = bytes.get_mut((bits.start + 2).min(bits.end)..bits.end) else { return };
                self.opaque(point);
            }
        }
    }

    fn extensions(&mut self, bytes: &mut [u8], whole: Part) {
        for list in walked(bytes, whole.start, whole.end) {
            if list.tag != SEQUENCE {
                fill(bytes, list.start, list.end);
                continue;
            }
            for extension in walked(bytes, list.start, list.end) {
                if extension.tag == SEQUENCE {
                    self.certificate_extension(bytes, extension);
                } else {
                    fill(bytes, extension.start, extension.end);
                }
            }
        }
    }

    /// RFC 5280, 4.1: an identifier, whether it is critical, and a value that is DER itself.
    fn certificate_extension(&mut self, bytes: &mut [u8], extension: Part) {
        let mut identifier = Vec::new();
        for (index, field) in walked(bytes, extension.start, extension.end).into_iter().enumerate() {
            match (index, field.tag) {
                (0, IDENTIFIER) => {
                    identifier = bytes.get(field.start..field.end).unwrap_or_default().to_vec();
                    self.identifier(bytes, field);
                }
                (1, BOOLEAN) => self.value(bytes, field, 0),
                (_, OCTET_STRING) => match identifier.as_slice() {
                    [] => fill(bytes, field.start, field.end),
                    SUBJECT_KEY => {
                        for key in walked(bytes, field.start, field.end) {
                            self.opaque_part(bytes, key);
                        }
                    }
                    AUTHORITY_KEY => self.authority_key(bytes, field),
                    _ => self.values(bytes, field, 0),
                },
                _ => fill(bytes, field.start, field.end),
            }
        }
    }

    fn opaque_part(&mut self, bytes: &mut [u8], part: Part) {
        if let Some(key) = bytes.get_mut(part.start..part.end) {
            self.opaque(key);
        }
    }

    /// RFC 5280, 4.2.1.1: the key's identifier, and the issuer's name and number.
    fn authority_key(&mut self, bytes: &mut [u8], value: Part) {
        for sequence in walked(bytes, value.start, value.end) {
            for part in walked(bytes, sequence.start, sequence.end) {
                match part.tag {
                    0x80 => self.opaque_part(bytes, part),
                    0x82 => self.number(bytes, part),
                    _ => self.value(bytes, part, 0),
                }
            }
        }
    }

    /// What an element contains: names of any kind get stand-ins, other bytes that can name somebody are blank.
    fn values(&mut self, bytes: &mut [u8], whole: Part, depth: usize) {
        if depth > DEEPEST {
            fill(bytes, whole.start, whole.end);
            return;
        }
        for part in walked(bytes, whole.start, whole.end) {
            self.value(bytes, part, depth);
        }
    }

    fn value(&mut self, bytes: &mut [u8], part: Part, depth: usize) {
        let len = part.end - part.start;
        match part.tag {
            DIRECTORY => {
                for name in walked(bytes, part.start, part.end) {
                    self.directory_name(bytes, name);
                }
            }
            tag if tag & CONSTRUCTED != 0 => self.values(bytes, part, depth + 1),
            MAIL | DNS | LINK => self.text(bytes, part),
            ADDRESS => self.address_bytes(bytes, part),
            IDENTIFIER | REGISTERED => self.identifier(bytes, part),
            tag if STRINGS.contains(&tag) || matches!(tag, BMP_STRING | UNIVERSAL_STRING) => {
                self.text(bytes, part);
            }
            BOOLEAN | INTEGER | ENUMERATED if len <= SMALL_NUMBER => {}
            BIT_STRING if len <= FLAGS => {}
            BIT_STRING => blank_bits(bytes, part),
            UTC_TIME | GENERALIZED_TIME if is_time(bytes.get(part.start..part.end).unwrap_or_default()) => {}
            _ => fill(bytes, part.start, part.end),
        }
    }

    /// An address, or one with a mask (RFC 5280, 4.2.1.10).
    fn address_bytes(&mut self, bytes: &mut [u8], part: Part) {
        let Some(field) = bytes.get_mut(part.start..part.end) else { return };
        let half = match field.len() {
            8 | 32 => field.len() / 2,
            len => len,
        };
        let (address, mask) = field.split_at_mut(half);
        self.address_in(address);
        // A mask is ones and then zeros; anything else may be another address.
        let bits = |bytes: &[u8]| bytes.iter().map(|byte| byte.count_ones()).sum::<u32>();
        let ones = mask.iter().map(|byte| byte.leading_ones()).take_while(|ones| *ones == 8).sum::<u32>()
            + mask.iter().find(|byte| **byte != 0xff).map_or(0, |byte| byte.leading_ones());
        if bits(mask) != ones {
            mask.fill(0);
        }
    }

    /// Replaces an address of 4 or 16 bytes; anything else is blank.
    pub(super) fn address_in(&mut self, field: &mut [u8]) {
        if let Ok(v4) = <[u8; 4]>::try_from(&*field) {
            let stand_in = self.address(v4.into());
            if let std::net::IpAddr::V4(stand_in) = stand_in {
                field.copy_from_slice(&stand_in.octets());
            }
        } else if let Ok(v6) = <[u8; 16]>::try_from(&*field) {
            if let std::net::IpAddr::V6(stand_in) = self.address(v6.into()) {
                field.copy_from_slice(&stand_in.octets());
            }
        } else {
            field.fill(0);
        }
    }
}

/// Whether it has a time's form (RFC 5280, 4.1.2.5), in which offsets are read as well.
fn is_time(text: &[u8]) -> bool {
    const LONGEST: usize = 19;
    text.len() <= LONGEST
        && text.iter().all(|byte| byte.is_ascii_digit() || matches!(byte, b'Z' | b'+' | b'-' | b'.'))
}

/// Blanks bytes.
fn fill(bytes: &mut [u8], from: usize, to: usize) {
    let to = to.min(bytes.len());
    if let Some(rest) = bytes.get_mut(from.min(to)..to) {
        rest.fill(0);
    }
}

/// Blanks bits, such as a signature, which RSA's verifiers and ECDSA's read as numbers.
fn blank_bits(bytes: &mut [u8], part: Part) {
    keep_unused(bytes, part);
    fill(bytes, part.start + 1, part.end);
}

/// How many bits of the last byte are unused (X.690, 8.6.2.2).
fn keep_unused(bytes: &mut [u8], part: Part) {
    if let Some(first) = bytes.get_mut(part.start..part.end).and_then(<[u8]>::first_mut)
        && *first > 7
    {
        *first = 0;
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::cert::Certificate;
    use crate::cert::samples::sample;

    #[test]
    fn a_certificate_has_other_names_and_keys_and_is_still_one() {
        let mut bytes = sample("server");
        let before = Certificate::read(&bytes);
        let mut stand_ins = StandIns::default();
        stand_ins.certificate_bytes(&mut bytes);
        assert_eq!(bytes.len(), sample("server").len());
        let after = Certificate::read(&bytes);
        let (before, after) = (before.details.expect("a certificate"), after.details.expect("a certificate"));
        assert_eq!(
            (before.not_before, before.not_after, before.key, before.rsa_bits),
            (after.not_before, after.not_after, after.key, after.rsa_bits)
        );
        assert_eq!(before.names.len(), after.names.len());
        for (name, stand_in) in before.names.iter().zip(&after.names) {
            assert_eq!(*stand_in, stand_ins.written_host(name), "as in reports");
        }
        for name in before.names.iter().filter(|name| name.parse::<std::net::IpAddr>().is_err()) {
            assert!(!bytes.windows(name.len()).any(|window| window == name.as_bytes()), "{name}");
        }
    }

    /// An element.
    fn element(tag: u8, content: &[u8]) -> Vec<u8> {
        [&[tag, content.len() as u8], content].concat()
    }

    #[test]
    fn what_is_no_der_or_not_understood_is_blank() {
        let secret = b"acmebank";
        let left = |bytes: &[u8]| {
            let mut bytes = bytes.to_vec();
            StandIns::default().certificate_bytes(&mut bytes);
            bytes.windows(4).any(|window| window == b"bank")
        };
        let indefinite = [&[0x30, 0x80][..], secret, &[0, 0]].concat();
        let whole = sample("server");
        let long_tag = [&[0x1f, 0x81, 1, 8][..], secret].concat();
        let algorithm = element(0x30, &element(6, secret));
        for odd in [
            [&whole[..], secret].concat(),
            [&whole[..], &element(0x0c, secret)].concat(),
            indefinite.clone(),
            element(0x30, &indefinite),
            element(0x30, &element(0x30, &indefinite)),
            element(
                0x30,
                &[&element(0x30, &[]), &algorithm[..], &element(3, secret), &element(12, secret)].concat(),
            ),
            element(0x30, &long_tag),
            element(0x0c, secret),
        ] {
            assert!(!left(&odd), "{odd:x?}");
        }
    }

    #[test]
    fn identifiers_that_are_not_everybody_s_have_numbers() {
        let name = |identifier: &[u8], value: &[u8]| {
            element(0x30, &element(0x31, &element(0x30, &[element(6, identifier), value.to_vec()].concat())))
        };
        let redacted = |mut name: Vec<u8>| {
            StandIns::default().directory_bytes(&mut name);
            name
        };
        let common_name = &[0x55, 4, 3][..];
        assert_eq!(
            redacted(name(common_name, &element(6, b"acme"))),
            name(common_name, &element(6, &[0, 0, 0, 1]))
        );
        assert_eq!(redacted(name(b"acme", &element(12, b"x"))), name(&[0, 0, 0, 1], &element(12, b"1")));
        let mut registered = element(0x30, &element(0x88, b"acme"));
        let whole = Part { tag: 0x30, start: 2, end: registered.len() };
        StandIns::default().values(&mut registered, whole, 0);
        assert_eq!(registered, element(0x30, &element(0x88, &[0, 0, 0, 1])));
    }

    proptest! {
        #[test]
        fn any_bytes_keep_their_length(mut bytes: Vec<u8>, at: prop::sample::Index, flip: u8) {
            let len = bytes.len();
            StandIns::default().certificate_bytes(&mut bytes);
            prop_assert_eq!(bytes.len(), len);
            let mut damaged = sample("server");
            let at = at.index(damaged.len());
            damaged[at] ^= flip;
            StandIns::default().certificate_bytes(&mut damaged);
        }
    }
}
