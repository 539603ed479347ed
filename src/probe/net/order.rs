//! In which order a client tries addresses.
//!
//! RFC 6724 sorts them by what this host can reach them from and by a table of prefixes, RFC 8305 lets the families
//! alternate. What a client runs at the same time is done one after the other here, so that each attempt has its own story.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};

/// The addresses in the order in which they are tried, each once.
pub(in crate::probe) fn sorted(addresses: &[IpAddr]) -> Vec<IpAddr> {
    by_rules(addresses, has_source)
}

fn by_rules(addresses: &[IpAddr], is_usable: impl Fn(IpAddr) -> bool) -> Vec<IpAddr> {
    let mut known: Vec<IpAddr> = Vec::new();
    for address in addresses {
        if !known.contains(address) {
            known.push(*address);
        }
    }
    let mut keyed: Vec<_> = known.into_iter().map(|address| (!is_usable(address), address)).collect();
    // RFC 6724, 6: rule 1, unusable ones last; rule 6, the table's precedence. Equal ones keep their order.
    keyed.sort_by_key(|(is_unusable, address)| (*is_unusable, std::cmp::Reverse(precedence(*address))));
    let usable = keyed.iter().filter(|(is_unusable, _)| !is_unusable).map(|(_, address)| *address);
    let others = keyed.iter().filter(|(is_unusable, _)| *is_unusable).map(|(_, address)| *address);
    alternating(usable.collect()).into_iter().chain(others).collect()
}

/// RFC 8305, 4: the families take turns, the first address's family begins.
fn alternating(addresses: Vec<IpAddr>) -> Vec<IpAddr> {
    let Some(first) = addresses.first().copied() else { return addresses };
    let (same, other): (Vec<_>, Vec<_>) =
        addresses.into_iter().partition(|address| address.is_ipv4() == first.is_ipv4());
    let longest = same.len().max(other.len());
    (0..longest).flat_map(|index| [same.get(index).copied(), other.get(index).copied()]).flatten().collect()
}

/// The default policy table of RFC 6724, 2.1.
fn precedence(address: IpAddr) -> u8 {
    let address = match address {
        IpAddr::V4(_) => return 35,
        IpAddr::V6(address) => address,
    };
    let [first, second, ..] = address.segments();
    match (first, second) {
        _ if address == Ipv6Addr::LOCALHOST => 50,
        (0x2002, _) => 30,
        (0x2001, 0) => 5,
        _ if first & 0xfe00 == 0xfc00 => 3,
        _ if first & 0xffc0 == 0xfec0 || first == 0x3ffe => 1,
        _ => 40,
    }
}

/// Any port does where nothing is sent.
const DISCARD: u16 = 9;

/// Whether this host has a route to the address, and an own one to send from: the system chooses it when a UDP socket is
/// connected, which sends nothing.
fn has_source(address: IpAddr) -> bool {
    let any: IpAddr =
        if address.is_ipv4() { Ipv4Addr::UNSPECIFIED.into() } else { Ipv6Addr::UNSPECIFIED.into() };
    UdpSocket::bind((any, 0)).and_then(|socket| socket.connect(SocketAddr::new(address, DISCARD))).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(addresses: &[&str]) -> Vec<IpAddr> {
        addresses.iter().map(|address| address.parse().unwrap()).collect()
    }

    #[test]
    fn families_take_turns_and_unusable_addresses_come_last() {
        let addresses = of(&["192.0.2.1", "192.0.2.2", "2001:db8::1", "2001:db8::1", "fd00::1"]);
        let sorted = by_rules(&addresses, |_| true);
        assert_eq!(sorted, of(&["2001:db8::1", "192.0.2.1", "fd00::1", "192.0.2.2"]));
        let sorted = by_rules(&addresses, |address| address.is_ipv4());
        assert_eq!(sorted, of(&["192.0.2.1", "192.0.2.2", "2001:db8::1", "fd00::1"]));
        assert!(by_rules(&[], |_| true).is_empty());
    }
}
