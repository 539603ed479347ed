//! Floods of TCP: openings, errors, and segments in every order.

use super::*;

pub(super) const KINDS: &[Flood] = &[
    flood("SYNs from many ports", raw, MANY, |number| Seg::of(ports(number), SYN, number).record(number)),
    flood("SYNs from one port", raw, MANY, |number| {
        Seg::of([PORT, TLS], SYN, number * 70_000).record(number)
    }),
    flood("SYN-ACKs without a SYN", raw, MANY, |number| {
        Seg { is_reply: true, ack: 1, ..Seg::of(ports(number), SYN | ACK, number) }.record(number)
    }),
    flood("RSTs from many ports", raw, MANY, |number| Seg::of(ports(number), RST, number).record(number)),
    flood("RSTs of one connection", raw, MANY, |number| {
        opened(number, [PORT, TLS], |number| Seg::of([PORT, TLS], RST, 1 + number).packet())
    }),
    flood("FINs of one connection", raw, MANY, |number| {
        opened(number, [PORT, TLS], |_| Seg { ack: 1, ..Seg::of([PORT, TLS], FIN | ACK, 1) }.packet())
    }),
    flood("data without an opening", raw, MANY, |number| Seg::says(ports(number), 1, b"x").record(number)),
    flood("connections of one pair of sockets", raw, MANY, |number| {
        let seq = number * 100_000;
        let answer = Seg { is_reply: true, ack: seq + 1, ..Seg::of([PORT, TLS], RST | ACK, 0) };
        [Seg::of([PORT, TLS], SYN, seq).record(2 * number), answer.record(2 * number + 1)].concat()
    }),
    flood("errors about unknown connections", raw, MANY, |number| {
        error(number, &Seg::of(ports(number), SYN, number).packet())
    }),
    flood("errors about one connection", raw, MANY, |number| match number {
        0 => Seg::of([PORT, TLS], SYN, 0).record(0),
        _ => error(number, &Seg::of([PORT, TLS], SYN, 0).packet()),
    }),
    flood("errors about each of many connections", raw, MANY, |number| {
        let syn = Seg::of(ports(number / 2), SYN, number);
        if number.is_multiple_of(2) { syn.record(number) } else { error(number, &syn.packet()) }
    }),
    flood("segments after growing holes", raw, MANY, |number| {
        opened(number, [PORT, TLS], |number| {
            Seg::says([PORT, TLS], 1 + (number + 1) * 3_000, &[1; 100]).packet()
        })
    }),
    flood("segments in front of the first", raw, MANY, |number| {
        opened(number, [PORT, TLS], |number| {
            Seg::says([PORT, TLS], 1_000_000_u32.wrapping_sub(number * 200), &[1; 100]).packet()
        })
    }),
    flood("SACK blocks", raw, MANY, |number| {
        opened(number, [PORT, TLS], |number| {
            let edge = |index: u32| 1_000 + (number + index) * 2_000;
            let edges = (0..3).flat_map(|block| [edge(block), edge(block) + 1_000]);
            let options: Vec<u8> =
                [1, 1, 5, 26].into_iter().chain(edges.flat_map(u32::to_be_bytes)).collect();
            Seg { options: &options, payload: &[], ..Seg::answers([PORT, TLS], 1, &[]) }.packet()
        })
    }),
    flood("retransmissions of one segment", raw, MANY, |number| {
        opened(number, [PORT, TLS], |_| Seg::says([PORT, TLS], 1, &[1; 100]).packet())
    }),
    flood("duplicate acknowledgements", raw, MANY, |number| {
        opened(number, [PORT, TLS], |_| Seg { ack: 1, ..Seg::of([PORT, TLS], ACK, 1) }.packet())
    }),
    flood("probes of a closed window", raw, MANY, |number| {
        opened(number, [PORT, TLS], |number| match number % 2 {
            0 => Seg::says([PORT, TLS], 0, &[0]).packet(),
            _ => Seg { window: 0, flags: ACK, ..Seg::answers([PORT, TLS], 1, &[]) }.packet(),
        })
    }),
    flood("segments of one byte", raw, MANY, |number| {
        opened(number, [PORT, TLS], |number| Seg::says([PORT, TLS], 1 + number, &[22]).packet())
    }),
    flood("options of TCP", raw, MANY, |number| {
        opened(number, [PORT, TLS], |number| {
            let options = [2, 4, 0, number as u8].repeat(10);
            Seg { options: &options, ..Seg::says([PORT, TLS], 1 + number, &[1]) }.packet()
        })
    }),
    flood("a clock that leaps", raw, MANY, |number| {
        let mut record = Seg::says([PORT, TLS], 1 + number, &[1]).record(number);
        let seconds = if number.is_multiple_of(2) { 0 } else { 4_000_000_000 - number };
        record[..4].copy_from_slice(&u32::to_le_bytes(seconds));
        record
    }),
];

/// "Host unreachable by administration" about a packet.
fn error(number: u32, quoted: &[u8]) -> Vec<u8> {
    record(number, &ip(true, 1, 1, 0, &[&[3, 13, 0, 0, 0, 0, 0, 0], quoted].concat()))
}
