//! Floods below TCP: fragments, lookups, and headers inside headers.

use super::*;

pub(super) const KINDS: &[Flood] = &[
    flood("fragments whose others never come", raw, MANY, |number| {
        record(number, &ip(false, 6, number as u16, 0x2000 | (number >> 16 & 0x3ff) as u16, &[0; 800]))
    }),
    flood("fragments that overlap", raw, MANY, |number| {
        record(number, &ip(false, 6, (number / 60) as u16, 0x2000 | (1 + number % 60 * 7) as u16, &[0; 800]))
    }),
    flood("fragments of one byte or eight", raw, MANY, |number| {
        record(
            number,
            &ip(false, 6, (number / 4_000) as u16, 0x2000 | (1 + number % 4_000 * 2) as u16, &[0; 8]),
        )
    }),
    flood("ARP requests", ethernet, MANY, |number| {
        let sender = [2, 0, 0, 0, 0, 1, 192, 0, 2, 10, 0, 0, 0, 0, 0, 0];
        let head = [&[0xff; 12][..], &[8, 6, 0, 1, 8, 0, 6, 4, 0, 1]].concat();
        record(number, &[&head[..], &sender, &(0x0a00_0000 + number).to_be_bytes()].concat())
    }),
    flood("neighbour solicitations", raw, MANY, |number| {
        let target = [&[0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0][..], &number.to_be_bytes()].concat();
        let solicitation = [&[135, 0, 0, 0, 0, 0, 0, 0][..], &target].concat();
        record(number, &ipv6(58, &solicitation))
    }),
    flood("VLAN tags", ethernet, MANY, |number| tagged(number, &[0x81, 0, 0, 1].repeat(300), [8, 0])),
    flood("QinQ tags", ethernet, MANY, |number| tagged(number, &[0x88, 0xa8, 0, 1].repeat(2), [8, 0])),
    flood("MPLS labels", ethernet, MANY, |number| {
        let mut labels = [&[0x88, 0x47][..], &[0, 0, 0x10, 64].repeat(300)].concat();
        let bottom = labels.len() - 2;
        labels[bottom] |= 1;
        tagged(number, &labels, [0x45, 0])
    }),
    flood("GRE in GRE", raw, MANY, |number| {
        nested(number, |inner| ip(false, 47, 1, 0, &[&[0, 0, 8, 0], inner].concat()))
    }),
    flood("VXLAN in VXLAN", raw, MANY, |number| {
        nested(number, |inner| {
            let frame = [&[8, 0, 0, 0, 0, 0, 1, 0][..], &[2; 12], &[8, 0], inner].concat();
            udp(false, [40_000, 4_789], &frame)
        })
    }),
    flood("GTP-U in GTP-U", raw, MANY, |number| {
        nested(number, |inner| {
            let len = (inner.len() as u16).to_be_bytes();
            udp(false, [2_152, 2_152], &[&[0x30, 0xff, len[0], len[1], 0, 0, 0, 1], inner].concat())
        })
    }),
    flood("IP in IP", raw, MANY, |number| nested(number, |inner| ip(false, 4, 1, 0, inner))),
    flood("extension headers of IPv6", raw, MANY, |number| {
        let hops = [0, 0, 1, 4, 0, 0, 0, 0].repeat(150);
        record(
            number,
            &ipv6(0, &[&hops[..], &[6, 0, 1, 4, 0, 0, 0, 0], &Seg::of(ports(number), SYN, 1).tcp()].concat()),
        )
    }),
    flood("packets of every other protocol", raw, MANY, |number| {
        record(number, &ip(false, number as u8, 1, 0, &[0; 8]))
    }),
];

fn ipv6(next: u8, carried: &[u8]) -> Vec<u8> {
    let [high, low] = (carried.len() as u16).to_be_bytes();
    let address = |last| [0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, last];
    [&[0x60, 0, 0, 0, high, low, next, 255], &address(1)[..], &address(2), carried].concat()
}

/// A SYN after tags and the type of what they tag.
fn tagged(number: u32, tags: &[u8], kind: [u8; 2]) -> Vec<u8> {
    let syn = Seg::of(ports(number), SYN, 1).packet();
    // The version of the IP header, where a bottom label says no type.
    let syn = if kind == [0x45, 0] { syn } else { [&kind[..], &syn].concat() };
    record(number, &[&[2; 12][..], tags, &syn].concat())
}

/// A SYN inside of headers inside of headers.
fn nested(number: u32, wrap: impl Fn(&[u8]) -> Vec<u8>) -> Vec<u8> {
    let syn = Seg::of(ports(number), SYN, 1).packet();
    record(number, &(0..10).fold(syn, |inner, _| wrap(&inner)))
}
