//! Captures that want more than there is: each bound of `limits.rs` that one file can reach is reached, is reported, and
//! holds the memory down.

use std::io::Read;

use flate2::write::GzEncoder;
use serde_json::Value;

use super::made::{block, made, pcap, section};
use super::*;

const MEBIBYTE: usize = 1024 * 1024;

/// Reads a file within `most` bytes of memory and a time that an unoptimised program keeps too, and returns the summary.
fn read(file: impl Read + 'static, most: usize) -> Value {
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    let analysis = Analysis { is_verbose: false, ..Analysis::default() };
    let (summary, elapsed, memory) = measured(|| analysis.of_file(file).expect("a capture"));
    println!("{elapsed:?}, {memory} bytes");
    assert!(memory <= most, "held {memory} bytes");
    assert!(elapsed <= 3 * LONGEST, "took {elapsed:?}");
    summary.summary
}

/// Whether the summary reports this, as a bound that was reached or as a note on the file.
fn reports(summary: &Value, what: &str) -> bool {
    summary.to_string().contains(what)
}

/// A record of a pcap file.
fn record(seconds: u32, frame: &[u8]) -> Vec<u8> {
    let len = frame.len() as u32;
    let header = [seconds, 0, len, len].into_iter().flat_map(u32::to_le_bytes);
    header.chain(frame.iter().copied()).collect()
}

/// An IPv4 packet to 198.51.100.20 that carries these bytes of a protocol, whole or as a fragment.
fn ip(protocol: u8, id: u16, fragment: u16, carried: &[u8]) -> Vec<u8> {
    let len = (20 + carried.len()) as u16;
    let mut packet = vec![0x45, 0];
    packet.extend([len, id, fragment].iter().flat_map(|field| field.to_be_bytes()));
    packet.extend([64, protocol, 0, 0, 192, 0, 2, 10, 198, 51, 100, 20]);
    packet.extend_from_slice(carried);
    packet
}

const SYN: u8 = 2;
const PSH_ACK: u8 = 0x18;

/// A segment from one port of the client to one of the server.
fn segment(ports: [u16; 2], flags: u8, seq: u32, payload: &[u8]) -> Vec<u8> {
    let mut header: Vec<u8> = ports.iter().flat_map(|port| port.to_be_bytes()).collect();
    header.extend(seq.to_be_bytes());
    header.extend([0, 0, 0, 1, 0x50, flags, 2, 0, 0, 0, 0, 0]);
    header.extend_from_slice(payload);
    ip(6, 1, 0, &header)
}

/// The SYN of each of many connections, then a segment of each.
fn opened(connections: u32, number: u32, payload: impl Fn(u32) -> (u32, Vec<u8>)) -> Vec<u8> {
    let port = |number: u32| [10_000 + (number % 50_000) as u16, 8443 + (number / 50_000) as u16];
    match number.checked_sub(connections) {
        None => record(1, &segment(port(number), SYN, 0, &[])),
        Some(later) => {
            let (offset, payload) = payload(later / connections);
            record(1, &segment(port(later % connections), PSH_ACK, 1 + offset, &payload))
        }
    }
}

#[test]
fn a_compression_bomb_is_unpacked_piece_by_piece() {
    // A thousand empty packets to one byte.
    let packets = record(1, &[]).repeat(65_536);
    let mut gzip = GzEncoder::new(Vec::new(), flate2::Compression::best());
    std::io::Write::write_all(&mut gzip, &packets).expect("memory");
    let gzip = gzip.finish().expect("memory");
    let zstd = zstd::encode_all(packets.as_slice(), 3).expect("memory");
    assert!(gzip.len() < packets.len() / 300 && zstd.len() < packets.len() / 1000);
    for (piece, header) in [
        (gzip, mutation::gzip(&pcap(made::RAW))),
        (zstd, zstd::encode_all(pcap(made::RAW).as_slice(), 1).expect("memory")),
    ] {
        let summary = read(made(&header, 8, move |_| piece.clone()), 16 * MEBIBYTE);
        assert_eq!(summary["packets"], 8 * 65_536);
    }
}

#[test]
fn an_endless_file_of_nothing_is_refused_by_its_beginning() {
    for byte in [0, b' ', b'\n', b'x', 0xff] {
        let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
        let file = made(&[], 1 << 20, move |_| vec![byte; MEBIBYTE]);
        let (refused, elapsed, memory) = measured(|| Analysis::default().of_file(file).is_err());
        assert!(refused && elapsed < LONGEST && memory < 4 * MEBIBYTE, "{elapsed:?}, {memory} bytes");
    }
}

#[test]
fn a_block_that_claims_four_gigabytes_is_damage() {
    for claimed in [u32::MAX, u32::MAX - 3, 0x8000_0000, 17 << 20, 16 << 20] {
        let header = [section(), block(6, claimed, &[7; 64])].concat();
        let summary = read(made(&header, 64, |_| vec![7; MEBIBYTE]), 40 * MEBIBYTE);
        assert!(reports(&summary, &format!("claims {claimed} bytes")), "{summary}");
    }
}

#[test]
fn a_million_interfaces_are_not_kept() {
    let interface = block(1, 20, &[1, 0, 0, 0, 0, 0, 4, 0]);
    let summary = read(made(&section(), 1_000_000, move |_| interface.clone()), 16 * MEBIBYTE);
    assert!(reports(&summary, "more than 65536 interfaces"));
}

#[test]
fn a_line_without_end_is_cut() {
    let line =
        b"12:00:00.000000 IP 192.0.2.10.50000 > 198.51.100.20.8443: Flags [S], seq 1, win 1, length 0\n";
    let summary = read(made(line, 64, |_| vec![b'x'; MEBIBYTE]), 4 * MEBIBYTE);
    assert!(reports(&summary, "was longer than 65536 bytes"), "{summary}");
    assert_eq!(summary["connections"], 1);
}

#[test]
fn lines_that_belong_to_no_packet_are_not_kept() {
    let line =
        b"12:00:00.000000 IP 192.0.2.10.50000 > 198.51.100.20.8443: Flags [S], seq 1, win 1, length 0\n";
    for lines in ["\n", "x\n", "\t0x0000:  4500\n", "IP6 (hlim 1\n", "(tos 0x0, ICMP unreachable\n"] {
        let many = lines.repeat(4_000).into_bytes();
        let summary = read(made(line, 20, move |_| many.clone()), 32 * MEBIBYTE);
        assert_eq!(summary["connections"], 1, "{lines:?}");
    }
}

#[test]
fn errors_with_cut_addresses_are_not_compared_with_everybody() {
    let part = |number: u32| {
        let lines = (0..1_000).map(|line| match number {
            0..2 => {
                let [_, _, high, low] = (number * 1_000 + line).to_be_bytes();
                format!("IP 192.0.2.10.50000 > 198.51.{high}.{low}.8443: Flags [S], seq 1, win 1, length 0\n")
            }
            _ => "IP 192.0.2.1 > 192.0.2.10: ICMP host 198.51.3\n".to_owned(),
        });
        lines.collect::<String>().into_bytes()
    };
    let summary = read(made(&[], 12, part), 40 * MEBIBYTE);
    assert_eq!(summary["connections"], 2_000);
}

#[test]
fn segments_of_one_byte_are_folded() {
    let part = |number: u32| match number {
        0 => record(1, &segment([50_000, 8443], SYN, 0, &[])),
        _ => record(1 + number / 1_000, &segment([50_000, 8443], PSH_ACK, number, &[22])),
    };
    let summary = read(made(&pcap(made::RAW), 50_000, part), 4 * MEBIBYTE);
    assert_eq!((&summary["packets"], &summary["connections"]), (&50_000.into(), &1.into()));
}

#[test]
fn records_by_the_thousand_in_one_segment_leave_few_notes() {
    // A fatal alert in each record.
    let alerts = [21, 3, 3, 0, 2, 2, 40].repeat(8_000);
    let summary = read(
        made(&pcap(made::RAW), 400, move |number| opened(20, number, |_| (0, alerts.clone()))),
        32 * MEBIBYTE,
    );
    assert_eq!(summary["connections"], 20);
}

#[test]
fn bytes_after_holes_are_discarded_when_they_are_too_many() {
    let part = |number| opened(600, number, |turn| (60_000 * (turn + 1), vec![1; 60_000]));
    let summary = read(made(&pcap(made::RAW), 600 * 4, part), 96 * MEBIBYTE);
    assert!(reports(&summary, "because too many waited"), "{summary}");
}

#[test]
fn handshake_messages_that_never_end_are_discarded_when_they_are_too_many() {
    // A Certificate of 16 MB begins in each record.
    let part = |number| {
        opened(2_000, number, |turn| {
            let begins: &[u8] =
                if turn == 0 { &[22, 3, 3, 0x40, 0, 11, 0xff, 0xff, 0xff] } else { &[22, 3, 3, 0x40, 0] };
            let len = 5 + 0x4000;
            let mut bytes = begins.to_vec();
            bytes.resize(len, 0);
            (turn * len as u32, bytes)
        })
    };
    let summary = read(made(&pcap(made::RAW), 2_000 * 5, part), 96 * MEBIBYTE);
    assert!(reports(&summary, "handshake messages"), "{summary}");
}

#[test]
fn fragments_whose_others_never_come_give_way() {
    let part = |number: u32| record(1, &ip(6, number as u16, 0x2000 | (number >> 16) as u16, &[0; 1400]));
    let summary = read(made(&pcap(made::RAW), 20_000, part), 24 * MEBIBYTE);
    assert!(reports(&summary, "fragmented datagrams given up"), "{summary}");
}

#[test]
fn damage_is_searched_only_so_far() {
    let header = [pcap(made::RAW), record(1, &segment([50_000, 8443], SYN, 0, &[])), vec![0xff; 16]].concat();
    let part = |number: u32| match number {
        0 | 1 => vec![0xff; MEBIBYTE],
        _ => record(2, &segment([50_001, 8443], SYN, 0, &[])).repeat(2),
    };
    for (parts, packets) in [(1, 1), (3, 1)] {
        let summary = read(made(&header, parts, part), 16 * MEBIBYTE);
        assert_eq!(summary["packets"], packets);
        assert!(reports(&summary, "damaged at byte 80") || reports(&summary, "cut off"), "{summary}");
    }
}

#[test]
fn headers_inside_headers_are_followed_only_so_deep() {
    let nested =
        |depth| (0..depth).fold(segment([50_000, 8443], SYN, 0, &[]), |inner, _| ip(4, 1, 0, &inner));
    let part = move |number: u32| record(1, &nested(if number == 0 { 10 } else { 400 }));
    let summary = read(made(&pcap(made::RAW), 2_000, part), 4 * MEBIBYTE);
    assert_eq!(summary["connections"], 1);
    assert_eq!(summary["other_packets"]["malformed encapsulation (headers nested too deep)"], 1_999);
}

#[test]
fn what_repeats_without_end_is_proved_by_a_few_packets() {
    // SYNs, RSTs and errors about them, by the thousand.
    let part = |number: u32| {
        let syn = segment([50_000, 8443], SYN, 0, &[]);
        let packet = match number % 3 {
            0 => syn,
            1 => segment([50_000, 8443], 4, 1, &[]),
            _ => ip(1, 1, 0, &[&[3, 13, 0, 0, 0, 0, 0, 0], syn.as_slice()].concat()),
        };
        record(1 + number / 10, &packet)
    };
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    let (report, _, memory) =
        measured(|| Analysis::default().of_file(made(&pcap(made::RAW), 30_000, part)).expect("a capture"));
    assert!(memory <= 4 * MEBIBYTE, "held {memory} bytes");
    let evidence = report.first["verdict"]["evidence"].as_array().map_or(0, Vec::len);
    assert!((1..=ssmscope::limits::EVIDENCE).contains(&evidence), "{}", report.first);
    assert!(report.first.to_string().len() < 20_000, "{}", report.first);
}

#[test]
fn a_clock_that_leaps_without_end_is_reported() {
    let part = |number: u32| {
        let seconds = if number.is_multiple_of(2) { 0 } else { u32::MAX - number };
        record(seconds, &segment([50_000, 8443], PSH_ACK, number, &[1]))
    };
    let summary = read(made(&pcap(made::RAW), 5_000, part), 8 * MEBIBYTE);
    assert_eq!(summary["clock_steps"], 4_999);
    assert!(reports(&summary, "steps of the capture's clock"), "{summary}");
}

#[test]
fn servers_and_kinds_beyond_those_that_are_listed_are_counted() {
    let part = |number: u32| record(1, &segment([50_000, number as u16], SYN, 0, &[]));
    let summary = read(made(&pcap(made::RAW), 4_200, part), 84 * MEBIBYTE);
    assert!(reports(&summary, "connections to servers that are not listed one by one"), "{summary}");
    let part = |number: u32| record(1, &ip(number as u8, 1, 0, &[0; 8]));
    let summary = read(made(&pcap(made::RAW), 256, part), 4 * MEBIBYTE);
    assert!(reports(&summary, "packets of kinds that are not counted one by one"), "{summary}");
}

#[test]
fn addresses_that_are_looked_for_by_the_thousand_are_counted() {
    let header = pcap(made::ETHERNET);
    let part = |number: u32| {
        let mut frame = vec![0xff; 12];
        frame.extend([8, 6, 0, 1, 8, 0, 6, 4, 0, 1, 2, 0, 0, 0, 0, 1, 192, 0, 2, 10, 0, 0, 0, 0, 0, 0]);
        frame.extend((0x0a00_0000 + number).to_be_bytes());
        record(1, &frame)
    };
    let summary = read(made(&header, 10_000, part), 16 * MEBIBYTE);
    assert!(reports(&summary, "because too many were looked for"), "{summary}");
}
