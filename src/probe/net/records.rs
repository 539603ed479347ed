//! The types of the records that a server sends, which are in clear whatever they contain.

/// ChangeCipherSpec and Handshake (RFC 5246, 6.2.1).
const CHANGE_CIPHER_SPEC: u8 = 20;
const HANDSHAKE: u8 = 22;

/// A record's head: type, version and length.
const HEAD: usize = 5;

/// Follows the heads of a server's records.
#[derive(Clone, Debug, Default)]
pub(super) struct Records {
    /// As much of a head as has come.
    head: Vec<u8>,
    /// Bytes of the current record that have not come.
    left: usize,
    has_changed: bool,
    /// Handshake records after the server's ChangeCipherSpec.
    encrypted: u32,
}

impl Records {
    /// Takes in what came.
    pub(super) fn read(&mut self, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            let skipped = self.left.min(bytes.len());
            self.left -= skipped;
            bytes = bytes.get(skipped..).unwrap_or_default();
            let missing = if self.left > 0 { 0 } else { HEAD - self.head.len() };
            let (head, rest) = bytes.split_at(missing.min(bytes.len()));
            self.head.extend_from_slice(head);
            bytes = rest;
            if let [kind, _, _, high, low] = *self.head.as_slice() {
                self.head.clear();
                self.left = usize::from(u16::from_be_bytes([high, low]));
                self.has_changed |= kind == CHANGE_CIPHER_SPEC;
                self.encrypted =
                    self.encrypted.saturating_add(u32::from(kind == HANDSHAKE && self.has_changed));
            }
        }
    }

    /// Whether the server asked for a new handshake (RFC 5246, 7.4.1.1). Up to TLS 1.2 one encrypted handshake record follows the
    /// ChangeCipherSpec, its Finished; with TLS 1.3 at most the ServerHello does, after a HelloRetryRequest.
    pub(super) fn asks_for_renegotiation(&self) -> bool {
        self.encrypted > 1
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Records of these types, of some bytes each.
    fn records(kinds: &[u8]) -> Vec<u8> {
        kinds.iter().flat_map(|kind| [&[*kind, 3, 3, 0, 4][..], &[22; 4]].concat()).collect()
    }

    fn asks(kinds: &[u8]) -> bool {
        let mut read = Records::default();
        read.read(&records(kinds));
        read.asks_for_renegotiation()
    }

    #[test]
    fn a_second_encrypted_handshake_record_asks_for_a_renegotiation() {
        assert!(asks(&[22, 22, 20, 22, 23, 22]));
        assert!(!asks(&[22, 22, 20, 22, 23, 21]));
        // TLS 1.3, with a HelloRetryRequest too.
        assert!(!asks(&[22, 20, 23, 23, 23]) && !asks(&[22, 20, 22, 23, 23]));
    }

    proptest! {
        #[test]
        fn how_records_are_split_changes_nothing(kinds: Vec<u8>, sizes in prop::collection::vec(1_usize..9, 1..9)) {
            let bytes = records(&kinds);
            let (mut whole, mut split) = (Records::default(), Records::default());
            whole.read(&bytes);
            let mut rest = &bytes[..];
            for size in sizes.iter().cycle() {
                let (part, after) = rest.split_at((*size).min(rest.len()));
                split.read(part);
                rest = after;
                if rest.is_empty() {
                    break;
                }
            }
            prop_assert_eq!(whole.asks_for_renegotiation(), split.asks_for_renegotiation());
        }
    }
}
