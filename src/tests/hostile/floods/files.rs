//! Floods of what a pcapng file holds besides packets.

use super::made::{block, section};
use super::*;

pub(super) const KINDS: &[Flood] = &[
    flood("sections of pcapng", section, MANY, |_| [section(), interface()].concat()),
    flood("interfaces of pcapng", section, MANY, |_| interface()),
    flood("packets of many interfaces", section, MANY, |number| {
        let syn = Seg::of(ports(number), SYN, 1).packet();
        [interface(), packet(number, number, &syn, &[])].concat()
    }),
    flood("names of addresses in pcapng", section, MANY, |number| {
        let name = format!("host-{number:08}.example\0");
        let record = [&[1, 0, 4 + name.len() as u8, 0, 10, 0, 0, 1][..], &padded(name.as_bytes())].concat();
        blocked(4, &[&record[..], &[0, 0, 0, 0]].concat())
    }),
    flood("comments of packets", pcapng, MANY, |number| {
        let comment = [&[1, 0, 5, 0][..], &padded(b"a b c")].concat().repeat(80);
        packet(number, 0, &Seg::of(ports(number), SYN, 1).packet(), &[&comment[..], &[0; 4]].concat())
    }),
    flood("statistics of interfaces", pcapng, MANY, |number| {
        let time = [0, number].into_iter().flat_map(u32::to_le_bytes).collect::<Vec<_>>();
        let dropped = [&[5, 0, 8, 0][..], &u64::from(number).to_le_bytes(), &[0; 4]].concat();
        blocked(5, &[&[0, 0, 0, 0], &time[..], &dropped].concat())
    }),
    flood("blocks of no known kind", pcapng, MANY, |number| blocked(0x8000_0000 | number, &[0; 40])),
];

/// A block whose length is that of its body.
fn blocked(kind: u32, body: &[u8]) -> Vec<u8> {
    block(kind, body.len() as u32 + 12, body)
}

/// A section with an interface.
fn pcapng() -> Vec<u8> {
    [section(), interface()].concat()
}

/// An interface whose frames begin with the IP header.
fn interface() -> Vec<u8> {
    blocked(1, &[made::RAW as u8, 0, 0, 0, 0, 0, 4, 0])
}

fn padded(bytes: &[u8]) -> Vec<u8> {
    let mut padded = bytes.to_vec();
    padded.resize(bytes.len().next_multiple_of(4), 0);
    padded
}

/// An enhanced packet block, with options.
fn packet(number: u32, interface: u32, frame: &[u8], options: &[u8]) -> Vec<u8> {
    let micros = 1_700_000_000_000_000 + u64::from(number) * 1_000;
    let len = frame.len() as u32;
    let header = [interface, (micros >> 32) as u32, micros as u32, len, len];
    let header: Vec<u8> = header.into_iter().flat_map(u32::to_le_bytes).collect();
    blocked(6, &[&header[..], &padded(frame), options].concat())
}
