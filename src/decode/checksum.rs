//! The Internet checksum (RFC 1071), compared as tcpdump compares it (tcpdump, in_cksum.c).

use std::net::IpAddr;

use etherparse::checksum::Sum16BitWords;

use crate::packet::Checksum;

/// A checksum field `found` among `bytes`, which are all that it covers beside `start`.
pub(super) fn compare(found: u16, start: Sum16BitWords, bytes: &[u8]) -> Checksum {
    let over_all = start.add_slice(bytes).ones_complement().to_be();
    if over_all == 0 {
        return Checksum::Correct(found);
    }
    let sum = u32::from(found) + u32::from(over_all);
    Checksum::Incorrect { found, expected: ((sum & 0xffff) + (sum >> 16)) as u16 }
}

/// The sum over the pseudo-header (RFC 9293, 3.1; RFC 8200, 8.1).
pub(super) fn pseudo_header(source: IpAddr, destination: IpAddr, protocol: u8, len: u32) -> Sum16BitWords {
    let mut sum = Sum16BitWords::new();
    for address in [source, destination] {
        sum = match address {
            IpAddr::V4(address) => sum.add_4bytes(address.octets()),
            IpAddr::V6(address) => sum.add_16bytes(address.octets()),
        };
    }
    // IPv4's length field has 16 bits; a frame before segmentation can be longer, and only the low ones count.
    let len = if source.is_ipv4() { len & 0xffff } else { len };
    sum.add_4bytes(len.to_be_bytes()).add_2bytes([0, protocol])
}
