//! DNS over TCP, without names: questions and answers keep their form, so that a lookup can be read again.

use super::super::StandIns;

/// Bytes of a message's header (RFC 1035, 4.1.1), and of the length in front of it over TCP (4.2.2).
const HEADER: usize = 12;
const LENGTH: usize = 2;
/// A pointer to the question's name (RFC 1035, 4.1.4).
const TO_QUESTION: [u8; 2] = [0xc0, 12];
/// The longest name (RFC 1035, 2.3.4).
const NAME_BYTES: usize = 255;
/// Records of which the forms are kept; of further ones nothing is.
const RECORDS: usize = 64;

impl StandIns {
    /// Replaces what a message names that is all of these bytes. Returns whether it is one.
    pub(super) fn dns_bytes(&mut self, bytes: &mut [u8]) -> bool {
        let Some((len, message)) = bytes.split_first_chunk_mut::<LENGTH>() else { return false };
        if usize::from(u16::from_be_bytes(*len)) != message.len() {
            return false;
        }
        // One question, and nothing that a header does not have.
        let is_one = matches!(message, [_, _, flags, _, 0, 1, ..] if *flags & 0x78 == 0);
        let Some((name, question)) = name_at(message, HEADER).filter(|_| is_one) else { return false };
        let Some(end) = question.checked_add(4).filter(|end| *end <= message.len()) else { return false };
        let stand_in = self.written_host(&name);
        let encoded = encoded(&stand_in);
        match message.get_mut(HEADER..question) {
            Some(place) if place.len() == encoded.len() => place.copy_from_slice(&encoded),
            _ => return false,
        }
        self.records(message, end);
        true
    }

    /// Records keep their types, lifetimes and lengths; addresses have stand-ins, and other contents are zeros.
    fn records(&mut self, message: &mut [u8], from: usize) {
        const ADDRESS: u16 = 1;
        const ADDRESS_V6: u16 = 28;
        /// Type, class, lifetime and length.
        const FIXED: usize = 10;
        let mut at = from;
        for _ in 0..RECORDS {
            let owner = at;
            let Some(fields) = after_name(message, at).filter(|fields| fields + FIXED <= message.len())
            else {
                break;
            };
            let word =
                |at: usize| message.get(at..at + 2).map_or(0, |two| u16::from_be_bytes([two[0], two[1]]));
            let (kind, content) = (word(fields), fields + FIXED);
            let end = content + usize::from(word(fields + 8));
            if end > message.len() {
                break;
            }
            own_name(message.get_mut(owner..fields).unwrap_or_default());
            let content = message.get_mut(content..end).unwrap_or_default();
            match kind {
                ADDRESS | ADDRESS_V6 => self.address_in(content),
                _ => content.fill(0),
            }
            at = end;
        }
        message.get_mut(at..).unwrap_or_default().fill(0);
    }
}

/// A name that is not compressed, and where what follows it begins.
fn name_at(message: &[u8], from: usize) -> Option<(String, usize)> {
    let mut labels = Vec::new();
    let mut at = from;
    loop {
        let len = usize::from(*message.get(at)?);
        if len == 0 || len > 63 {
            return (len == 0 && at > from).then(|| (labels.join("."), at + 1));
        }
        labels.push(std::str::from_utf8(message.get(at + 1..at + 1 + len)?).ok()?.to_owned());
        at += 1 + len;
        if at - from > NAME_BYTES {
            return None;
        }
    }
}

/// A name as it is on the wire.
fn encoded(name: &str) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(name.len() + 2);
    for label in name.split('.') {
        bytes.push(label.len() as u8);
        bytes.extend_from_slice(label.as_bytes());
    }
    bytes.push(0);
    bytes
}

/// Where a name ends that may be compressed.
fn after_name(message: &[u8], from: usize) -> Option<usize> {
    let mut at = from;
    loop {
        match *message.get(at)? {
            0 => return Some(at + 1),
            0xc0.. => return Some(at + 2),
            len @ 1..=63 => at += 1 + usize::from(len),
            _ => return None,
        }
        if at - from > NAME_BYTES {
            return None;
        }
    }
}

/// A record's own name: of labels the lengths stay, and a pointer leads to the question.
fn own_name(name: &mut [u8]) {
    let mut at = 0;
    while let Some(len) = name.get(at).copied() {
        match len {
            0 => return,
            0xc0.. => {
                if let Some(pointer) = name.get_mut(at..at + 2) {
                    pointer.copy_from_slice(&TO_QUESTION);
                }
                return;
            }
            _ => {
                let next = at + 1 + usize::from(len);
                name.get_mut(at + 1..next).unwrap_or_default().fill(b'x');
                at = next;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// A message about `ssm.bank.test` with an address, another name and more.
    fn message(is_answer: bool) -> Vec<u8> {
        let mut message = vec![
            0x12,
            0x34,
            if is_answer { 0x81 } else { 1 },
            0x80,
            0,
            1,
            0,
            2 * u8::from(is_answer),
            0,
            0,
            0,
            0,
        ];
        message.extend(b"\x03ssm\x04bank\x04test\0\0\x01\0\x01");
        if is_answer {
            message.extend(b"\xc0\x10\0\x05\0\x01\0\0\0\x3c\0\x06\x03web\xc0\x10");
            message.extend([0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4, 10, 1, 2, 3]);
        }
        [&(message.len() as u16).to_be_bytes()[..], &message].concat()
    }

    #[test]
    fn a_lookup_is_read_back_with_stand_ins() {
        for is_answer in [false, true] {
            let mut bytes = message(is_answer);
            let mut stand_ins = StandIns::default();
            assert!(stand_ins.dns_bytes(&mut bytes));
            for secret in [&b"bank"[..], b"ssm", b"web", &[10, 1, 2, 3]] {
                assert!(!bytes.windows(secret.len()).any(|window| window == secret), "{bytes:x?}");
            }
            let read = domain::base::Message::from_slice(&bytes[2..]).unwrap();
            assert_eq!(
                read.first_question().unwrap().qname().to_string(),
                stand_ins.written_host("ssm.bank.test")
            );
            let addresses = read.answer().unwrap().limit_to::<domain::rdata::A>().flatten();
            let addresses: Vec<_> = addresses.map(|record| record.data().addr().to_string()).collect();
            assert_eq!(addresses, if is_answer { vec!["192.0.2.1"] } else { Vec::new() });
        }
        assert!(!StandIns::default().dns_bytes(&mut message(true)[..20].to_vec()));
    }

    proptest! {
        #[test]
        fn any_bytes_keep_their_length(bytes: Vec<u8>, at: prop::sample::Index, flip: u8) {
            StandIns::default().dns_bytes(&mut bytes.clone());
            let mut damaged = message(true);
            let at = at.index(damaged.len());
            damaged[at] ^= flip;
            let len = damaged.len();
            StandIns::default().dns_bytes(&mut damaged);
            prop_assert_eq!(damaged.len(), len);
        }
    }
}
