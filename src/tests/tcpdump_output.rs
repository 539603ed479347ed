//! The printer against tcpdump itself: generated captures, printed by both, compared byte for byte.

use jiff::tz::TimeZone;
use ssmscope::capture::Frame;
use ssmscope::decode::Decoder;
use ssmscope::packet::Origin;
use ssmscope::report::tcpdump::{LineStyle, Printer};
use ssmscope::time::{Clock, Timestamp};

use crate::support::run::{has_tcpdump, tcpdump};

const ETHERNET: u32 = 1;
const FIN: u8 = 0x01;
const SYN: u8 = 0x02;
const RST: u8 = 0x04;
const PSH: u8 = 0x08;
const ACK: u8 = 0x10;

#[test]
fn segments_of_all_shapes_are_printed_as_tcpdump_prints_them() {
    let mut frames = Vec::new();
    let mut dice = Dice(7);
    for is_v6 in [false, true] {
        for tcp in conversation(8443).into_iter().chain(conversation(80)) {
            frames.push(tcp.ip(is_v6).frame());
        }
        for flags in 0..=255 {
            frames.push(Tcp { flags, urgent: 9, ..Tcp::new(40_000, 443) }.ip(is_v6).frame());
        }
        for options in option_lists() {
            for flags in [SYN, SYN | ACK, ACK, ACK | FIN] {
                frames
                    .push(Tcp { flags, options: options.clone(), ..Tcp::new(40_001, 443) }.ip(is_v6).frame());
            }
        }
        for (port, payload) in texts() {
            for flags in [PSH | ACK, RST | ACK] {
                let tcp = Tcp { flags, payload: payload.clone(), ..Tcp::new(port, 50_000) };
                let whole = tcp.ip(is_v6).frame();
                let first_payload_byte = whole.bytes.len() - payload.len();
                for captured in [1, payload.len() / 2, payload.len()] {
                    frames.push(whole.cut(first_payload_byte + captured.clamp(1, payload.len())));
                }
            }
        }
        for _ in 0..500 {
            frames.push(dice.tcp().ip(is_v6).frame());
        }
    }
    compare(&frames);
}

#[test]
fn ip_headers_of_all_shapes_are_printed_as_tcpdump_prints_them() {
    let base = Tcp::new(40_000, 443).ip(false);
    let mut frames: Vec<_> = (0..=255).map(|tos| Ip { tos, ..base.clone() }.frame()).collect();
    frames.extend([0x0000, 0x4000, 0x8000, 0xc000].map(|fragment| Ip { fragment, ..base.clone() }.frame()));
    frames.extend([0, 1, 255].map(|hop_limit| Ip { hop_limit, ..base.clone() }.frame()));
    frames.push(Ip { is_checksum_wrong: true, ..base.clone() }.frame());
    for options in [
        &[1, 1, 0, 0][..],
        &[148, 4, 0, 0],
        &[148, 4, 0, 5],
        &[7, 11, 8, 10, 0, 0, 1, 0, 0, 0, 0, 0],
        &[68, 12, 5, 0, 0, 0, 0, 1, 0, 0, 0, 2],
        &[68, 12, 13, 0x21, 10, 0, 0, 1, 0, 0, 0, 2],
        &[130, 4, 0, 0],
        &[99, 4, 1, 2],
        &[7, 2, 1, 1],
        &[7, 1, 1, 1],
        &[7, 60, 1, 1],
    ] {
        frames.push(Ip { options: options.to_vec(), ..base.clone() }.frame());
    }
    let v6 = Tcp::new(40_000, 443).ip(true);
    for (tos, flow_label) in [(0, 7), (0xb8, 0), (0x03, 0xfffff)] {
        frames.push(Ip { tos, flow_label, ..v6.clone() }.frame());
    }
    for addresses in
        [["2001:db8::1", "2001:db8:0:1:0:0:0:2"], ["::ffff:10.0.0.1", "fe80::1:0:0:1"], ["::", "::1"]]
    {
        frames.push(Ip { addresses: Some(addresses), ..v6.clone() }.frame());
    }
    compare(&frames);
}

#[test]
fn frames_cut_before_the_options_are_printed_as_tcpdump_prints_them() {
    let plain = Tcp::new(40_000, 443);
    let with_options = Tcp { options: vec![1, 1, 1, 0], payload: vec![0; 900], ..plain.clone() };
    let mut frames = Vec::new();
    for is_v6 in [false, true] {
        let before_tcp = if is_v6 { 54 } else { 34 };
        frames.extend((14..=20).map(|len| plain.ip(is_v6).frame().cut(before_tcp + len)));
        frames
            .extend([14, 15, 16, 20, 24, 62].map(|len| with_options.ip(is_v6).frame().cut(before_tcp + len)));
    }
    compare(&frames);
}

/// The interface has an index that no host has, since tcpdump names those of the host on which it reads.
#[test]
fn cooked_frames_are_printed_as_tcpdump_prints_them() {
    let mut frames = Vec::new();
    for is_v6 in [false, true] {
        for tcp in conversation(8443) {
            for packet_type in [0, 1, 2, 3, 4, 5, 7, 255] {
                let ip = tcp.ip(is_v6).bytes();
                let ether_type: [u8; 2] = if is_v6 { [0x86, 0xdd] } else { [8, 0] };
                let header =
                    [&ether_type[..], &[0, 0, 0x7f, 0xff, 0xff, 0xff, 0, 1, packet_type, 6], &[2; 8]]
                        .concat();
                let bytes = [header, ip].concat();
                frames.push(Captured { wire_len: bytes.len(), bytes });
            }
        }
    }
    compare_as(276, &frames);
}

#[test]
fn icmp_errors_are_printed_as_tcpdump_prints_them() {
    let syn = Tcp { flags: SYN, options: vec![2, 4, 5, 0xb4], ..Tcp::new(40_000, 8443) };
    let data = Tcp { payload: vec![b'x'; 100], seq: 5_000, ..Tcp::new(40_001, 8443) };
    let mut frames = vec![Tcp { seq: 4_000, ..data.clone() }.ip(false).frame()];
    let v4 = |icmp_type, code, quote: &[u8]| Ip::icmp_error(false, [icmp_type, code], 1400, quote).frame();
    for (tcp, is_checksum_wrong) in [(&syn, false), (&syn, true), (&data, false)] {
        let quoted = Ip { is_checksum_wrong, ..tcp.ip(false) }.bytes();
        for len in [28, 32, 40, 44, 60, quoted.len()] {
            let quote = &quoted[..len.min(quoted.len())];
            frames.extend((0..=16).map(|code| v4(3, code, quote)));
            frames.push(v4(4, 0, quote));
            frames.extend((0..=2).map(|code| v4(11, code, quote)));
            frames.push(v4(12, 1, quote));
        }
    }
    frames.push(Ip::icmp_error(false, [3, 4], 0, &syn.ip(false).bytes()).frame());
    frames.push(
        Ip { is_checksum_wrong: true, ..Ip::icmp_error(false, [3, 1], 0, &syn.ip(false).bytes()) }.frame(),
    );
    for tcp in [&syn, &data] {
        let quote = tcp.ip(true).bytes();
        let v6 = |icmp_type, code| Ip::icmp_error(true, [icmp_type, code], 1280, &quote).frame();
        frames.extend((0..=4).map(|code| v6(1, code)));
        frames.push(v6(2, 0));
        frames.extend((0..=2).map(|code| v6(3, code)));
    }
    compare(&frames);
}

// What the captures are made of.

#[derive(Clone)]
struct Captured {
    bytes: Vec<u8>,
    wire_len: usize,
}

impl Captured {
    fn cut(&self, captured: usize) -> Self {
        Self { bytes: self.bytes[..captured].to_vec(), wire_len: self.wire_len }
    }
}

#[derive(Clone)]
struct Tcp {
    ports: [u16; 2],
    seq: u32,
    ack: u32,
    flags: u8,
    urgent: u16,
    options: Vec<u8>,
    payload: Vec<u8>,
    is_checksum_wrong: bool,
}

impl Tcp {
    fn new(source: u16, destination: u16) -> Self {
        Self {
            ports: [source, destination],
            seq: 1_000,
            ack: 2_000,
            flags: ACK,
            urgent: 0,
            options: Vec::new(),
            payload: Vec::new(),
            is_checksum_wrong: false,
        }
    }

    fn ip(&self, is_v6: bool) -> Ip {
        let padded = self.options.len().next_multiple_of(4);
        let mut bytes = [self.ports[0].to_be_bytes(), self.ports[1].to_be_bytes()].concat();
        bytes.extend([self.seq.to_be_bytes(), self.ack.to_be_bytes()].concat());
        bytes.extend([((20 + padded) / 4 * 16) as u8, self.flags, 0x20, 0x00]);
        bytes.extend([u16::from(self.is_checksum_wrong).to_be_bytes(), self.urgent.to_be_bytes()].concat());
        bytes.extend(&self.options);
        bytes.resize(20 + padded, 0);
        bytes.extend(&self.payload);
        Ip::new(is_v6, 6, bytes, 16)
    }
}

#[derive(Clone)]
struct Ip {
    is_v6: bool,
    addresses: Option<[&'static str; 2]>,
    tos: u8,
    flow_label: u32,
    hop_limit: u8,
    fragment: u16,
    options: Vec<u8>,
    is_checksum_wrong: bool,
    protocol: u8,
    payload: Vec<u8>,
    /// Where the payload has its checksum.
    checksum_at: usize,
}

impl Ip {
    fn new(is_v6: bool, protocol: u8, payload: Vec<u8>, checksum_at: usize) -> Self {
        Self {
            is_v6,
            addresses: None,
            tos: 0,
            flow_label: 0,
            hop_limit: 64,
            fragment: 0x4000,
            options: Vec::new(),
            is_checksum_wrong: false,
            protocol,
            payload,
            checksum_at,
        }
    }

    fn icmp_error(is_v6: bool, type_and_code: [u8; 2], mtu: u16, quote: &[u8]) -> Self {
        let [icmp_type, code] = type_and_code;
        let [high, low] = if [(3, 4), (2, 0)].contains(&(icmp_type, code)) { mtu } else { 0 }.to_be_bytes();
        let mut bytes = vec![icmp_type, code, 0, 0, 0, 0, high, low];
        bytes.extend(quote);
        Self::new(is_v6, if is_v6 { 58 } else { 1 }, bytes, 2)
    }

    /// The datagram, with its checksums.
    fn bytes(&self) -> Vec<u8> {
        let [source, destination] = self.addresses.unwrap_or(if self.is_v6 {
            ["2001:db8::1", "2001:db8::2"]
        } else {
            ["192.168.10.1", "10.106.66.55"]
        });
        let octets = |text: &str| match text.parse().unwrap() {
            std::net::IpAddr::V4(address) => address.octets().to_vec(),
            std::net::IpAddr::V6(address) => address.octets().to_vec(),
        };
        let addresses = [octets(source), octets(destination)].concat();
        let mut payload = self.payload.clone();
        let length = payload.len() as u16;
        let pseudo_header = [&addresses[..], &length.to_be_bytes(), &[0, self.protocol]].concat();
        let covered = [if self.protocol == 1 { vec![] } else { pseudo_header }, payload.clone()].concat();
        payload[self.checksum_at..self.checksum_at + 2].copy_from_slice(&checksum(&covered).to_be_bytes());
        if self.is_v6 {
            let first_word = 6 << 28 | u32::from(self.tos) << 20 | self.flow_label;
            let mut bytes = first_word.to_be_bytes().to_vec();
            bytes.extend(length.to_be_bytes());
            bytes.extend([self.protocol, self.hop_limit]);
            return [bytes, addresses, payload].concat();
        }
        let header_len = 20 + self.options.len();
        let mut header = vec![0x40 | (header_len / 4) as u8, self.tos];
        header.extend((header_len as u16 + length).to_be_bytes());
        header.extend([0x60, 0x2a]);
        header.extend(self.fragment.to_be_bytes());
        header.extend([self.hop_limit, self.protocol, 0, 0]);
        header.extend(&addresses);
        header.extend(&self.options);
        let sum = checksum(&header).wrapping_add(u16::from(self.is_checksum_wrong));
        header[10..12].copy_from_slice(&sum.to_be_bytes());
        [header, payload].concat()
    }

    fn frame(&self) -> Captured {
        let ether_type = if self.is_v6 { [0x86, 0xdd] } else { [0x08, 0x00] };
        let bytes = [&[2; 12][..], &ether_type, &self.bytes()].concat();
        Captured { wire_len: bytes.len(), bytes }
    }
}

/// RFC 1071.
fn checksum(bytes: &[u8]) -> u16 {
    let words = bytes.chunks(2).map(|word| u32::from(word[0]) << 8 | u32::from(*word.get(1).unwrap_or(&0)));
    let sum: u32 = words.sum();
    let folded = (sum & 0xffff) + (sum >> 16);
    !((folded & 0xffff) + (folded >> 16)) as u16
}

/// A handshake, data both ways, a keep-alive, a selective acknowledgement, a port used again, and midstream segments.
fn conversation(server: u16) -> Vec<Tcp> {
    let up = Tcp::new(57_886, server);
    let down = Tcp::new(server, 57_886);
    let (client, answer) = (746_386_219, u32::MAX - 5);
    let sack =
        [vec![1, 1, 5, 10], 746_386_300u32.to_be_bytes().to_vec(), 746_386_400u32.to_be_bytes().to_vec()];
    vec![
        Tcp { seq: 99, ack: 77, ..up.clone() },
        Tcp { seq: 77, ack: 99, ..down.clone() },
        Tcp { flags: SYN, seq: client, ack: 0, ..up.clone() },
        Tcp { flags: SYN | ACK, seq: answer, ack: client + 1, ..down.clone() },
        Tcp { seq: client + 1, ack: answer.wrapping_add(1), ..up.clone() },
        Tcp {
            flags: PSH | ACK,
            payload: vec![b'a'; 80],
            seq: client + 1,
            ack: answer.wrapping_add(1),
            ..up.clone()
        },
        Tcp { seq: client, ack: answer.wrapping_add(1), ..up.clone() },
        Tcp { seq: answer.wrapping_add(1), ack: client + 81, options: sack.concat(), ..down.clone() },
        Tcp { payload: vec![0; 50], seq: answer.wrapping_add(1), ack: client + 81, ..down.clone() },
        Tcp { flags: RST, seq: client + 81, ack: 0, ..up.clone() },
        Tcp { flags: SYN | ACK, seq: 5, ack: 500, is_checksum_wrong: true, ..down },
        Tcp { flags: FIN | ACK, seq: 500, ack: 6, ..up },
    ]
}

fn option_lists() -> Vec<Vec<u8>> {
    let mut lists = vec![
        vec![2, 4, 5, 0xb4, 4, 2, 8, 10, 0, 0, 0, 1, 0, 0, 0, 0, 1, 3, 3, 7],
        [vec![5, 18], vec![9; 16]].concat(),
        vec![34, 2, 1, 1],
        vec![34, 10, 1, 2, 3, 4, 5, 6, 7, 8],
        vec![254, 4, 0xf9, 0x89],
        vec![254, 6, 0xf9, 0x89, 1, 2],
        vec![254, 4, 0x12, 0x34],
        vec![254, 2, 1, 1],
        [vec![19, 18], vec![0xab; 16]].concat(),
        vec![2, 5, 5, 0xb4, 1],
        vec![2, 3, 5, 1],
        vec![1, 3, 2, 2],
        vec![0, 1, 2, 3],
        vec![1, 1, 200, 9],
        vec![8, 0, 0, 0],
    ];
    // Every kind with every length from 2 to 20, and every MPTCP subtype and length.
    for kind in [2, 3, 4, 5, 6, 7, 8, 11, 12, 13, 19, 20, 28, 29, 34, 77, 253, 254] {
        lists.extend((2..=20).map(|len| [vec![kind, len], vec![kind; usize::from(len) - 2]].concat()));
    }
    for subtype_and_bits in 0..=0x9f {
        for len in [3, 4, 8, 10, 12, 16, 18, 20, 22, 24, 26, 28, 30] {
            let data = (0..len - 3).map(|at| (at * 9) ^ subtype_and_bits);
            lists.push([30, len, subtype_and_bits].into_iter().chain(data).collect());
        }
    }
    lists
}

fn texts() -> Vec<(u16, Vec<u8>)> {
    let long = [b"GET /".to_vec(), vec![b'a'; 200], b" HTTP/1.1\r\n\r\n".to_vec()].concat();
    let lines: [&[u8]; 16] = [
        b"CONNECT tools.example:443 HTTP/1.1\r\nHost: tools.example\r\n\r\n",
        b"HTTP/1.1 407 Proxy Authentication Required\r\nX:\ty\r\n\r\n\x00\x01binary",
        b"HTTP/1.1\t200 OK\r\n",
        b"get\n",
        b"nothing of the kind\r\n",
        b"GET / HTTP/1.1\rbroken",
        b"GET / HTTP/1.1\r",
        b"\x16\x03\x01\x02\x00\x01",
        b"\xffGET",
        b"220 mail.example ESMTP\r\nmore\x1b[31m",
        b"SSH-2.0-OpenSSH_9.2p1\r\nxx",
        b"SSH-2.0-a\tb\r\n",
        b"SSH-2.0-unfinished",
        b"SS",
        b"OPTIONS rtsp://a RTSP/1.0\r\n",
        b"RTSP/1.0 200 OK\r\n",
    ];
    let mut texts = Vec::new();
    for port in [80, 8080, 25, 21, 22, 43, 554, 8554, 8443] {
        texts.extend(lines.iter().map(|line| (port, line.to_vec())));
        texts.push((port, long.clone()));
    }
    texts
}

/// A small linear congruential generator (the constants are Knuth's MMIX ones), the same on each run.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % sides
    }

    fn bytes(&mut self, len: u64) -> Vec<u8> {
        (0..len).map(|_| self.roll(256) as u8).collect()
    }

    fn tcp(&mut self) -> Tcp {
        let ports = [[40_000, 443], [443, 40_000], [7_000, 7_000]][self.roll(3) as usize];
        let option_count = self.roll(11) * 4;
        let payload_len = [0, 1, 29, 30, 31, 400][self.roll(6) as usize];
        Tcp {
            ports,
            seq: self.roll(1 << 31) as u32 * 2 + 1,
            ack: self.roll(1 << 31) as u32 * 2,
            flags: self.roll(256) as u8,
            urgent: self.roll(1 << 16) as u16,
            options: self.bytes(option_count),
            payload: self.bytes(payload_len),
            is_checksum_wrong: self.roll(4) == 0,
        }
    }
}

// How they are compared.

fn compare(frames: &[Captured]) {
    compare_as(ETHERNET, frames);
}

fn compare_as(link_type: u32, frames: &[Captured]) {
    for is_verbose in [false, true] {
        let Some(expected) = printed_by_tcpdump(link_type, frames, is_verbose) else {
            return;
        };
        let (mut expected, ours) =
            (expected.split_inclusive('\n'), printed_by_us(link_type, frames, is_verbose));
        for (number, packet) in ours.iter().enumerate() {
            let lines = packet.lines().map(|_| expected.next().unwrap_or_default());
            assert_eq!(*packet, lines.collect::<String>(), "packet {}", number + 1);
        }
        assert_eq!(expected.next(), None);
    }
}

fn printed_by_us(link_type: u32, frames: &[Captured], is_verbose: bool) -> Vec<String> {
    let style = LineStyle { is_verbose, is_text: false, clock: Clock::Utc, digits: 6, zone: TimeZone::UTC };
    let (mut printer, mut decoder) = (Printer::new(style), Decoder::new());
    let print = |(number, captured): (u64, &Captured)| {
        let frame = Frame {
            number,
            origin: Origin { file: 0, number },
            at: Timestamp::from_parts(number as i64, 407_513_000),
            link_type,
            wire_len: captured.wire_len as u32,
            bytes: &captured.bytes,
        };
        let mut out = String::new();
        printer.print(&decoder.decode(&frame), &mut out).unwrap();
        out
    };
    (1..).zip(frames).map(print).collect()
}

fn printed_by_tcpdump(link_type: u32, frames: &[Captured], is_verbose: bool) -> Option<String> {
    if !has_tcpdump() {
        return None;
    }
    let mut capture = [0xa1b2_c3d4u32, 0x0002_0004, 0, 0, 0x4_0000, link_type].map(u32::to_be_bytes).concat();
    for (second, frame) in (1u32..).zip(frames) {
        let record = [second, 407_513, frame.bytes.len() as u32, frame.wire_len as u32];
        capture.extend(record.map(u32::to_be_bytes).concat());
        capture.extend(&frame.bytes);
    }
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), capture).unwrap();
    Some(tcpdump(if is_verbose { &["-nn", "-vv"] } else { &["-nn"] }, file.path()))
}
