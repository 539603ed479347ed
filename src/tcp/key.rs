//! What makes segments of two directions one connection: the pair of sockets, in either order.

use std::hash::{Hash, Hasher};
use std::net::IpAddr;

use crate::packet::{Host, Quoted, SegmentHeader};

/// An unordered pair of sockets (RFC 9293, 3.3.1: a connection is identified by the pair of sockets at its ends).
///
/// It is hashed for each packet, so it is kept as five words: as addresses and ports it would be hashed byte by byte.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Key {
    low: [u64; 2],
    high: [u64; 2],
    ports_and_families: u64,
}

impl Key {
    /// The pair, whichever is named first.
    pub fn between(one: (Host, u16), other: (Host, u16)) -> Self {
        let words = |(host, port): (Host, u16)| match host {
            Host::Address(IpAddr::V4(address)) => ([0, u64::from(u32::from(address))], port, 0),
            Host::Address(IpAddr::V6(address)) => {
                let number = u128::from(address);
                ([(number >> 64) as u64, number as u64], port, 1)
            }
            Host::Name(name) => ([0, u64::from(name.file) << 16 | u64::from(name.index)], port, 2),
        };
        let (one, other) = (words(one), words(other));
        let (low, high) = if one <= other { (one, other) } else { (other, one) };
        let ports = u64::from(low.1) << 48 | u64::from(high.1) << 32;
        Self { low: low.0, high: high.0, ports_and_families: ports | low.2 << 2 | high.2 }
    }

    /// The pair between which a segment travelled that an ICMP error quotes; nothing if it does not show both ports.
    pub fn of_quoted(quoted: &Quoted) -> Option<Self> {
        Some(Self::between(
            (quoted.source, quoted.source_port?),
            (quoted.destination, quoted.destination_port?),
        ))
    }

    /// A number below `parts` that is the same for each packet of the pair, in every run.
    pub fn part(&self, parts: usize) -> usize {
        let words = [self.low[0], self.low[1], self.high[0], self.high[1], self.ports_and_families];
        // Fibonacci hashing, word by word: in a product with the golden ratio each high bit depends on all bits below it.
        let spread = |sum: u64, word: u64| (sum.rotate_left(5) ^ word).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let spread = words.into_iter().fold(0, spread);
        ((u128::from(spread) * parts as u128) >> 64) as usize
    }

    /// The pair between which a segment travels.
    pub fn of(header: &SegmentHeader) -> Self {
        Self::between(
            (header.ip.source, header.tcp.source_port),
            (header.ip.destination, header.tcp.destination_port),
        )
    }
}

impl Hash for Key {
    fn hash<H: Hasher>(&self, state: &mut H) {
        for word in [self.low[0], self.low[1], self.high[0], self.high[1], self.ports_and_families] {
            state.write_u64(word);
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn keys_are_equal_only_between_the_same_two_sockets(
            one: (IpAddr, u16), other: (IpAddr, u16), third: (IpAddr, u16)
        ) {
            let [one, other, third] = [one, other, third].map(|(address, port)| (Host::from(address), port));
            let key = Key::between(one, other);
            prop_assert_eq!(key, Key::between(other, one));
            prop_assert_eq!(key == Key::between(one, third), other == third);
        }
    }

    #[test]
    fn pairs_are_spread_evenly_over_parts_whatever_differs() {
        let server = (Host::from([10, 106, 66, 55]), 8443);
        let clients = |which: u32| {
            (0..8_000_u32).map(move |number| match which {
                0 => (Host::from([192, 0, 2, 1]), number as u16),
                1 => (Host::from(std::net::Ipv4Addr::from(0x0a00_0000 + number)), 50_000),
                _ => (Host::from(std::net::Ipv6Addr::from(u128::from(number) << 64)), 50_000),
            })
        };
        for which in 0..3 {
            let mut parts = [0; 8];
            for client in clients(which) {
                let key = Key::between(client, server);
                assert_eq!(key.part(8), Key::between(server, client).part(8));
                parts[key.part(8)] += 1;
            }
            assert!(parts.iter().all(|part| (800..1_200).contains(part)), "{which}: {parts:?}");
        }
    }

    #[test]
    fn an_ipv4_address_is_another_than_the_ipv6_address_of_the_same_number() {
        let socket = |address: &str| (Host::from(address.parse::<IpAddr>().expect("an address")), 1);
        let v4 = Key::between(socket("0.0.0.1"), socket("0.0.0.2"));
        let v6 = Key::between(socket("::1"), socket("::2"));
        let mixed = Key::between(socket("::1"), socket("0.0.0.2"));
        assert!(v4 != v6 && v4 != mixed && v6 != mixed);
    }
}
