//! X.509 certificates whose names, keys and numbers are replaced in place: every length stays.
//!
//! A certificate's key, serial number and key identifiers find it in public logs (RFC 9162), so they become numbers as well. Its
//! signature is no longer one.

use sha2::{Digest, Sha256};

use super::super::StandIns;

/// Tags (ITU-T X.690, 8.1.2; X.680, 8.4).
const INTEGER: u8 = 0x02;
const BIT_STRING: u8 = 0x03;
const OCTET_STRING: u8 = 0x04;
const IDENTIFIER: u8 = 0x06;
const BMP_STRING: u8 = 0x1e;
const UNIVERSAL_STRING: u8 = 0x1c;
/// UTF8String, NumericString, PrintableString, TeletexString, IA5String, VisibleString.
const STRINGS: [u8; 6] = [0x0c, 0x12, 0x13, 0x14, 0x16, 0x1a];
const CONSTRUCTED: u8 = 0x20;
/// Of general names (RFC 5280, 4.2.1.6): mail, DNS, directory, URI, address.
const MAIL: u8 = 0x81;
const DNS: u8 = 0x82;
const DIRECTORY: u8 = 0xa4;
const LINK: u8 = 0x86;
const ADDRESS: u8 = 0x87;

/// Extensions that name nobody, by the end of 2.5.29 (RFC 5280, 4.2.1): key usage, basic constraints, extended key usage, inhibit any
/// policy.
const HARMLESS: [&[u8]; 4] = [&[0x55, 29, 15], &[0x55, 29, 19], &[0x55, 29, 37], &[0x55, 29, 54]];
const SUBJECT_KEY: &[u8] = &[0x55, 29, 14];
const AUTHORITY_KEY: &[u8] = &[0x55, 29, 35];

/// Deepest nesting that is followed; what is deeper is blank.
const DEEPEST: usize = 16;

/// An element: its tag, and where its contents are.
#[derive(Clone, Copy)]
struct Part {
    tag: u8,
    start: usize,
    end: usize,
}

/// The elements of `bytes` from `from` to `to`, as far as they are there.
fn parts(bytes: &[u8], from: usize, to: usize) -> Vec<Part> {
    let mut parts = Vec::new();
    let mut at = from;
    let to = to.min(bytes.len());
    while at < to {
        let (Some(&tag), Some(&first)) = (bytes.get(at), bytes.get(at + 1)) else { break };
        let more = if first & 0x80 == 0 { 0 } else { usize::from(first & 0x7f) };
        let Some(digits) = bytes.get(at + 2..at + 2 + more).filter(|digits| digits.len() <= 4) else { break };
        let len = match more {
            0 => usize::from(first),
            _ => digits.iter().fold(0, |len, digit| len << 8 | usize::from(*digit)),
        };
        let start = at + 2 + more;
        let end = start.saturating_add(len).min(to);
        parts.push(Part { tag, start, end });
        at = start.saturating_add(len);
    }
    parts
}

impl StandIns {
    /// Replaces what a certificate names, as far as its bytes are there.
    pub(super) fn certificate_bytes(&mut self, bytes: &mut [u8]) {
        let Some(whole) = parts(bytes, 0, bytes.len()).first().copied() else {
            bytes.fill(0);
            return;
        };
        let outer = parts(bytes, whole.start, whole.end);
        for (index, part) in outer.iter().enumerate() {
            match (index, part.tag) {
                (0, _) => self.signed_part(bytes, *part),
                // The algorithm of the signature, and it.
                (1, _) => {}
                _ => blank_bits(bytes, *part, 1),
            }
        }
    }

    /// RFC 5280, 4.1: version, serial number, algorithm, issuer, validity, subject, key, unique identifiers, extensions.
    fn signed_part(&mut self, bytes: &mut [u8], whole: Part) {
        let mut fields = parts(bytes, whole.start, whole.end).into_iter().peekable();
        fields.next_if(|part| part.tag == 0xa0);
        for (index, part) in fields.enumerate() {
            match (index, part.tag) {
                (0, INTEGER) => self.number(bytes, part),
                (1 | 3, _) => {}
                (2 | 4, _) => self.directory_name(bytes, part),
                (5, _) => self.key(bytes, part),
                (_, 0xa3) => self.extensions(bytes, part),
                _ => fill(bytes, part, 1),
            }
        }
    }

    /// A Name (RFC 5280, 4.1.2.4): attributes, of which the types stay.
    fn directory_name(&mut self, bytes: &mut [u8], whole: Part) {
        for set in parts(bytes, whole.start, whole.end) {
            for attribute in parts(bytes, set.start, set.end) {
                for part in parts(bytes, attribute.start, attribute.end) {
                    if part.tag != IDENTIFIER {
                        self.text(bytes, part);
                    }
                }
            }
        }
    }

    /// A Name that is these bytes.
    pub(super) fn directory_bytes(&mut self, bytes: &mut [u8]) {
        for part in parts(bytes, 0, bytes.len()) {
            self.directory_name(bytes, part);
        }
    }

    /// Text of any type, by a name of its length.
    fn text(&mut self, bytes: &mut [u8], part: Part) {
        let Some(text) = bytes.get_mut(part.start..part.end) else { return };
        match part.tag {
            // Two bytes or four a character.
            BMP_STRING => {
                for pair in text.as_chunks_mut::<2>().0 {
                    *pair = [0, b'x'];
                }
            }
            UNIVERSAL_STRING => {
                for four in text.as_chunks_mut::<4>().0 {
                    *four = [0, 0, 0, b'x'];
                }
            }
            _ => {
                let stand_in = self.name_bytes(text);
                text.copy_from_slice(&stand_in);
            }
        }
    }

    /// A stand-in of as many bytes. An address in the place of a name may have another length, and is treated as a name then.
    pub(super) fn name_bytes(&mut self, original: &[u8]) -> Vec<u8> {
        let Ok(text) = std::str::from_utf8(original) else { return vec![b'x'; original.len()] };
        let stand_in = self.written_host(text);
        let mut stand_in = if stand_in.len() == text.len() { stand_in } else { self.name(text) }.into_bytes();
        stand_in.resize(original.len(), b'x');
        stand_in
    }

    /// A number or an identifier: its place among those of the run, in the last bytes.
    fn opaque(&mut self, bytes: &mut [u8]) {
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

    /// A public key (RFC 5280, 4.1.2.7): the algorithm stays, and an RSA key's length.
    fn key(&mut self, bytes: &mut [u8], whole: Part) {
        let fields = parts(bytes, whole.start, whole.end);
        let Some(bits) = fields.iter().find(|part| part.tag == BIT_STRING) else { return };
        let inner = parts(bytes, bits.start + 1, bits.end);
        let rsa = inner.first().filter(|part| part.tag == 0x30 && part.end == bits.end);
        let numbers = rsa.map(|rsa| parts(bytes, rsa.start, rsa.end)).unwrap_or_default();
        match numbers.as_slice() {
            [modulus, _] if modulus.tag == INTEGER && modulus.end - modulus.start > 16 => {
                let Some(modulus) = bytes.get_mut(modulus.start..modulus.end) else { return };
                self.opaque(modulus);
                // As many bits as before, and odd.
                if let [_, second, .., last] = modulus {
                    *second = 0xc0;
                    *last |= 1;
                }
            }
            _ => {
                // How many bits are unused, and how a point is written.
                let Some(point) = bytes.get_mut((bits.start + 2).min(bits.end)..bits.end) else { return };
                self.opaque(point);
            }
        }
    }

    fn extensions(&mut self, bytes: &mut [u8], whole: Part) {
        for list in parts(bytes, whole.start, whole.end) {
            for extension in parts(bytes, list.start, list.end) {
                let fields = parts(bytes, extension.start, extension.end);
                let Some(identifier) = fields.first().filter(|part| part.tag == IDENTIFIER) else { continue };
                let identifier = bytes.get(identifier.start..identifier.end).unwrap_or_default().to_vec();
                let Some(value) = fields.iter().find(|part| part.tag == OCTET_STRING) else { continue };
                match identifier.as_slice() {
                    known if HARMLESS.contains(&known) => {}
                    SUBJECT_KEY => {
                        for key in parts(bytes, value.start, value.end) {
                            if let Some(key) = bytes.get_mut(key.start..key.end) {
                                self.opaque(key);
                            }
                        }
                    }
                    AUTHORITY_KEY => self.authority_key(bytes, *value),
                    _ => self.values(bytes, *value, 0),
                }
            }
        }
    }

    /// RFC 5280, 4.2.1.1: the key's identifier, and the issuer's name and number.
    fn authority_key(&mut self, bytes: &mut [u8], value: Part) {
        for sequence in parts(bytes, value.start, value.end) {
            for part in parts(bytes, sequence.start, sequence.end) {
                match part.tag {
                    0x80 => {
                        if let Some(key) = bytes.get_mut(part.start..part.end) {
                            self.opaque(key);
                        }
                    }
                    0x82 => self.number(bytes, part),
                    _ => self.values(bytes, part, 0),
                }
            }
        }
    }

    /// What an extension contains: names of any kind get stand-ins, other bytes that can name somebody are blank.
    fn values(&mut self, bytes: &mut [u8], whole: Part, depth: usize) {
        if depth > DEEPEST {
            fill(bytes, whole, 0);
            return;
        }
        for part in parts(bytes, whole.start, whole.end) {
            match part.tag {
                DIRECTORY => {
                    for name in parts(bytes, part.start, part.end) {
                        self.directory_name(bytes, name);
                    }
                }
                tag if tag & CONSTRUCTED != 0 => self.values(bytes, part, depth + 1),
                MAIL | DNS | LINK => self.text(bytes, part),
                ADDRESS => self.address_bytes(bytes, part),
                tag if STRINGS.contains(&tag) || matches!(tag, BMP_STRING | UNIVERSAL_STRING) => {
                    self.text(bytes, part);
                }
                OCTET_STRING => fill(bytes, part, 0),
                // Booleans, numbers, identifiers and flags.
                _ => {}
            }
        }
    }

    /// An address, or one with a mask (RFC 5280, 4.2.1.10).
    fn address_bytes(&mut self, bytes: &mut [u8], part: Part) {
        let Some(field) = bytes.get_mut(part.start..part.end) else { return };
        let half = match field.len() {
            8 | 32 => field.len() / 2,
            len => len,
        };
        let (address, _) = field.split_at_mut(half);
        self.address_in(address);
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

/// Blanks an element but for its first bytes.
fn fill(bytes: &mut [u8], part: Part, kept: usize) {
    if let Some(rest) = bytes.get_mut((part.start + kept).min(part.end)..part.end) {
        rest.fill(0);
    }
}

/// Blanks a signature, which RSA's verifiers and ECDSA's read as numbers.
fn blank_bits(bytes: &mut [u8], part: Part, kept: usize) {
    if part.tag == BIT_STRING {
        fill(bytes, part, kept);
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
