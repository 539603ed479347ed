//! The Internet checksum (RFC 1071): a field as it was found, and the sums that it is compared with.

use super::Host;
use std::net::IpAddr;

/// A checksum as found, compared with what it should be where every byte it covers is there.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Checksum {
    /// Not in the capture.
    #[default]
    Unseen,
    /// There, but it covers bytes that are not.
    Unverified(u16),
    /// As it should be.
    Correct(u16),
    /// Not as it should be.
    Incorrect {
        /// As found.
        found: u16,
        /// As it should be.
        expected: u16,
    },
}

impl Checksum {
    /// Compares a field with the folded sum over everything that it covers, the field itself included, as tcpdump does
    /// (in_cksum.c): a correct field makes all bits of that sum 1.
    pub fn compare(found: u16, sum: u16) -> Self {
        match !sum {
            0 => Self::Correct(found),
            difference => Self::Incorrect { found, expected: fold(u32::from(found) + u32::from(difference)) },
        }
    }
}

/// Folds a sum of 16-bit words into one word, the carries added back (RFC 1071, 1).
pub fn fold(mut sum: u32) -> u16 {
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    sum as u16
}

/// The folded sum of the 16-bit words of `bytes`, an odd byte at the end padded with zero (RFC 1071, 1).
pub fn sum_of(bytes: &[u8]) -> u16 {
    let (pairs, odd) = bytes.as_chunks::<2>();
    let start = odd.first().map_or(0, |byte| u16::from(*byte) << 8);
    pairs.iter().fold(start, |sum, pair| fold(u32::from(sum) + u32::from(u16::from_be_bytes(*pair))))
}

/// The folded sum over the pseudo-header, not complemented (RFC 9293, 3.1; RFC 8200, 8.1): addresses, protocol, and the
/// bytes of header and payload after the IP header. `None` if an end is a name.
pub fn pseudo_header(source: Host, destination: Host, protocol: u8, len: u32) -> Option<u16> {
    let words = |address: IpAddr| match address {
        IpAddr::V4(address) => halves(address.to_bits()),
        IpAddr::V6(address) => address.segments().map(u32::from).iter().sum(),
    };
    let addresses = words(source.address()?) + words(destination.address()?);
    Some(fold(addresses + halves(len) + u32::from(protocol)))
}

/// The sum of the two 16-bit words of a 32-bit word.
fn halves(word: u32) -> u32 {
    (word >> 16) + (word & 0xffff)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// An IPv4 header with its checksum, 0xb861, in bytes 10 and 11.
    const HEADER: [u8; 20] =
        [0x45, 0, 0, 0x73, 0, 0, 0x40, 0, 0x40, 0x11, 0xb8, 0x61, 0xc0, 0xa8, 0, 1, 0xc0, 0xa8, 0, 0xc7];

    #[test]
    fn a_right_field_is_correct_and_a_wrong_one_names_the_right_one() {
        assert_eq!(Checksum::compare(0xb861, sum_of(&HEADER)), Checksum::Correct(0xb861));
        let mut damaged = HEADER;
        damaged[10..12].copy_from_slice(&[0x12, 0x34]);
        let expected = Checksum::Incorrect { found: 0x1234, expected: 0xb861 };
        assert_eq!(Checksum::compare(0x1234, sum_of(&damaged)), expected);
    }

    #[test]
    fn an_odd_byte_is_the_high_half_of_a_word() {
        assert_eq!(sum_of(&[0x12, 0x34, 0x56]), 0x1234 + 0x5600);
        assert_eq!(sum_of(&[]), 0);
    }

    #[test]
    fn the_pseudo_header_sums_addresses_protocol_and_length() {
        let address = |text: &str| Host::from(text.parse::<IpAddr>().unwrap());
        let v4 = pseudo_header(address("192.168.0.1"), address("192.168.0.199"), 6, 40);
        assert_eq!(v4, Some(sum_of(&[&HEADER[12..20], &[0, 6, 0, 40]].concat())));
        let v6 = pseudo_header(address("2001:db8::1"), address("2001:db8::2"), 6, 70_000);
        assert_eq!(v6, Some(fold(2 * (0x2001 + 0xdb8) + 1 + 2 + 6 + 1 + 4_464)));
    }
}
