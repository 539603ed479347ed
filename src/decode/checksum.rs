//! The Internet checksum (RFC 1071) over the bytes of a frame.

use etherparse::checksum::Sum16BitWords;

use crate::packet::{self, Checksum, Host};

/// Bytes from which on [`sum_of_blocks`] pays.
const LONG: usize = 128;

/// A checksum field `found` among `bytes`, which are all that it covers besides `start`.
pub(super) fn compare(found: u16, mut start: Sum16BitWords, bytes: &[u8]) -> Checksum {
    let mut rest = bytes;
    if bytes.len() >= LONG {
        let (words, after) = sum_of_blocks(bytes);
        start = start.add_8bytes(words.to_ne_bytes());
        rest = after;
    }
    Checksum::compare(found, !start.add_slice(rest).ones_complement().to_be())
}

/// The sum of the 32-bit words of all whole blocks of 32 bytes, and the bytes after them. Sums of longer words are sums of
/// 16-bit words too (RFC 1071, 2). Eight sums are added in parallel: of a capture of full packets, adding them one
/// after the other took a ninth of all time.
fn sum_of_blocks(bytes: &[u8]) -> (u64, &[u8]) {
    let (blocks, rest) = bytes.as_chunks::<32>();
    let mut sums = [0u64; 8];
    for block in blocks {
        let (words, _) = block.as_chunks::<4>();
        for (sum, word) in sums.iter_mut().zip(words) {
            *sum += u64::from(u32::from_ne_bytes(*word));
        }
    }
    (sums.iter().sum(), rest)
}

/// The sum over the pseudo-header (RFC 9293, 3.1; RFC 8200, 8.1).
pub(super) fn pseudo_header(source: Host, destination: Host, protocol: u8, len: u32) -> Sum16BitWords {
    // IPv4's length field has 16 bits; a frame before segmentation can be longer, and only the low ones count.
    let len = if source.is_ipv6() { len } else { len & 0xffff };
    // A frame has addresses.
    let sum = packet::checksum::pseudo_header(source, destination, protocol, len).unwrap_or_default();
    Sum16BitWords::new().add_2bytes(sum.to_be_bytes())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn blocks_are_summed_as_single_words_are(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let (words, rest) = sum_of_blocks(&bytes);
            let sum = Sum16BitWords::new().add_8bytes(words.to_ne_bytes()).add_slice(rest);
            prop_assert_eq!(sum.ones_complement(), Sum16BitWords::new().add_slice(&bytes).ones_complement());
        }
    }
}
