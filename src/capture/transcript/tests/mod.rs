//! Real tcpdump 4.99 output of one small capture in many forms, whole, cut and pasted. `samples/vv.txt` and its
//! neighbours are one `tcpdump -nn -vv -r` each; the frames' bytes in `xx.txt` show what they must be read as. The other tools'
//! samples are in the forms of their documentation.

mod pages;
mod spellings;

use std::cell::Cell;
use std::rc::Rc;

use proptest::prelude::*;

use super::*;
use crate::packet::{Checksum, Flags, Host, IcmpError, SegmentHeader, Seq};
use crate::time::{Clock, Timestamp};

macro_rules! samples {
    ($($name:literal),+ $(,)?) => { &[$(($name, include_str!(concat!("../samples/", $name, ".txt")))),+] };
}

/// Forms in which tcpdump prints lines, not bytes.
const LINES: &[(&str, &str)] =
    samples!["plain", "v", "vv", "e", "s", "tt", "ttt", "ttttt", "t", "q", "number", "k", "a"];

/// Forms with hexadecimal dumps.
const DUMPS: &[(&str, &str)] = samples!["x", "x-ascii", "xx", "xx-ascii"];

/// What other tools print.
const TOOLS: &[(&str, &str)] = samples!["fortigate", "fw-monitor", "tshark", "snoop", "hex-dump"];

const VV: &str = include_str!("../samples/vv.txt");

/// A record that outlives its reader.
#[derive(Clone, Debug)]
struct Seen {
    at: Timestamp,
    is_cut: bool,
    what: What,
}

#[derive(Clone, Debug)]
enum What {
    Segment(SegmentHeader, Vec<u8>),
    IcmpError(IcmpError<'static>),
    Frame(u32, u32, Vec<u8>),
    Other(String),
}

fn read(text: &[u8]) -> (Vec<Seen>, About) {
    let mut transcript = Transcript::new("-".to_owned(), 0, text);
    let mut seen = Vec::new();
    while let Some(record) = transcript.next_record().expect("bytes in memory can be read") {
        seen.push(match record {
            Record::Idle(_) | Record::NextCapture => continue,
            Record::Frame(frame) => Seen {
                at: frame.at,
                is_cut: false,
                what: What::Frame(frame.link_type, frame.wire_len, frame.bytes.to_vec()),
            },
            Record::Printed(packet) => Seen {
                at: packet.at,
                is_cut: packet.is_cut,
                what: match packet.content {
                    Content::Segment(segment) => What::Segment(*segment.header, segment.printed.to_vec()),
                    Content::IcmpError(error) => What::IcmpError(error.without_quoted_bytes()),
                    Content::Neighbour(neighbour) => What::Other(format!("{neighbour:?}")),
                    Content::Lookup(lookup) => What::Other(format!("{lookup:?}")),
                    Content::Other(other) => What::Other(format!("{other:?}")),
                },
            },
        });
    }
    let about = transcript.about();
    (seen, about)
}

/// `text` with each line changed.
fn each_line(text: &str, change: impl Fn(&str) -> String) -> String {
    text.lines().fold(String::new(), |changed, line| changed + &change(line) + "\n")
}

fn segments(text: &str) -> Vec<SegmentHeader> {
    let segment = |seen: Seen| match seen.what {
        What::Segment(header, _) => Some(header),
        _ => None,
    };
    read(text.as_bytes()).0.into_iter().filter_map(segment).collect()
}

/// What the capture's segments are, by its bytes: port of the sender, flags, seq, ack, window, payload, header length.
const TRUTH: [(u16, u8, u32, u32, u16, u32, u8); 12] = [
    (40000, 0x02, 74_638_621, 0, 64240, 0, 40),
    (8443, 0x12, 2_758_352_947, 74_638_622, 65160, 0, 40),
    (40000, 0x10, 74_638_622, 2_758_352_948, 502, 0, 32),
    (40000, 0x18, 74_638_622, 2_758_352_948, 502, 31, 32),
    (8443, 0x10, 2_758_352_948, 74_638_653, 509, 0, 32),
    (8443, 0x18, 2_758_353_048, 74_638_653, 509, 17, 32),
    (40000, 0x10, 74_638_653, 2_758_352_948, 501, 0, 44),
    (40000, 0x10, 74_638_621, 2_758_352_948, 501, 0, 32),
    (8443, 0x19, 2_758_353_065, 74_638_653, 509, 3, 32),
    (40000, 0x04, 74_638_653, 0, 0, 0, 20),
    (40001, 0x02, 4_000_000_000, 0, 64800, 0, 40),
    (8443, 0x14, 0, 4_000_000_001, 0, 0, 20),
];

/// Which form prints what: every field that is there is true, and the fields that the form prints are there.
#[test]
fn every_form_of_lines_gives_the_true_fields() {
    for (name, text) in LINES {
        let headers = segments(text);
        assert_eq!(headers.len(), TRUTH.len(), "{name}");
        let is_quiet = *name == "q";
        for (header, (port, flags, seq, ack, window, payload_len, header_len)) in headers.iter().zip(TRUTH) {
            let tcp = &header.tcp;
            assert_eq!(tcp.source_port, port, "{name}");
            assert_eq!(tcp.flags, (!is_quiet).then_some(Flags(flags)), "{name}");
            // Without -vv an empty segment has no seq unless it is a SYN, FIN or RST.
            let has_seq = !is_quiet
                && (tcp.seq.is_some() || matches!(*name, "vv" | "e" | "ttttt" | "t" | "number" | "k" | "a"));
            assert_eq!(tcp.seq, has_seq.then_some(Seq(seq)), "{name}");
            let has_ack = !is_quiet && flags & Flags::ACK != 0;
            assert_eq!(tcp.ack, has_ack.then_some(Seq(ack)), "{name}");
            assert_eq!(tcp.window, (!is_quiet).then_some(window), "{name}");
            if !is_quiet {
                assert_eq!(
                    (header.payload_len, tcp.header_len),
                    (Some(payload_len), Some(header_len)),
                    "{name}"
                );
                assert_eq!(
                    tcp.options.map(|options| options.as_bytes().len() + 20),
                    Some(usize::from(header_len))
                );
            } else if let Some(printed) = header.payload_len {
                assert_eq!(printed, payload_len);
            }
            let is_v4 = !header.ip.source.is_ipv6();
            let is_verbose = !matches!(*name, "plain" | "s" | "tt" | "ttt");
            assert_eq!(header.ip.hop_limit.is_some(), is_verbose, "{name}");
            assert_eq!(header.ip.id.is_some(), is_verbose && is_v4, "{name}");
        }
    }
}

#[test]
fn the_options_are_those_of_the_frames() {
    let headers = segments(VV);
    let options = headers[0].tcp.options.expect("options");
    let opening = options.opening();
    assert_eq!((opening.maximum_segment_size, opening.window_scale), (Some(1460), Some(7)));
    assert_eq!(options.timestamps(), Some((1000, 0)));
    assert!(opening.sack_permitted);
    let blocks: Vec<_> = headers[6].tcp.options.expect("options").sack_blocks().collect();
    assert_eq!(blocks, [(Seq(2_758_353_048), Seq(2_758_353_065))]);
    assert_eq!(headers[5].tcp.checksum, Checksum::Incorrect { found: 0x1234, expected: 0xc3fa });
    assert_eq!(headers[0].tcp.checksum, Checksum::Correct(0xb609));
}

#[test]
fn every_form_of_time_is_understood() {
    let second = 1_000_000_000;
    let first = 407_513_000;
    for (name, clock, start) in [
        ("vv", Clock::TimeOfDay, (22 * 3600 + 13 * 60 + 20) * second + first),
        ("tt", Clock::Utc, 1_700_000_000 * second + first),
        ("s", Clock::LocalDateTime, 1_700_000_000 * second + first),
        ("ttt", Clock::SinceFirst, 0),
        ("ttttt", Clock::SinceFirst, 0),
    ] {
        let (_, text) = LINES.iter().find(|(known, _)| *known == name).expect("a sample");
        let (seen, about) = read(text.as_bytes());
        assert_eq!((about.clock, about.digits), (clock, 6), "{name}");
        let at: Vec<i64> = seen.iter().take(3).map(|seen| seen.at.nanos() - start).collect();
        assert_eq!(at, [0, 244_185_000, 244_255_000], "{name}");
    }
    let (_, text) = LINES.iter().find(|(known, _)| *known == "t").expect("a sample");
    assert_eq!(read(text.as_bytes()).1.clock, Clock::Absent);
}

#[test]
fn dumps_are_frames() {
    for (name, text) in DUMPS {
        let (seen, _) = read(text.as_bytes());
        assert_eq!(seen.len(), 15, "{name}");
        let (link_type, link_bytes) = if name.starts_with("xx") { (1, 14) } else { (101, 0) };
        let What::Frame(kind, wire_len, bytes) = &seen[3].what else { panic!("{name}: {:?}", seen[3]) };
        assert_eq!(
            (*kind, *wire_len as usize, bytes.len()),
            (link_type, 83 + link_bytes, 83 + link_bytes),
            "{name}"
        );
        assert!(bytes.ends_with(b"POST /x HTTP/1.1\r\nHost: ssm\r\n\r\n"), "{name}");
        assert_eq!(seen.iter().filter(|seen| matches!(seen.what, What::Frame(..))).count(), 13, "{name}");
    }
}

#[test]
fn a_frame_of_a_type_that_tcpdump_does_not_know_is_read_from_its_dump() {
    let ends =
        "12:00:00.000000 02:00:00:00:00:01 > 02:00:00:00:00:02, ethertype Unknown (0x8909), length 511: ";
    let lines = "\t0x0000:  0101 0001 0002 0800 4500 01e9 5ff8 4000  ........E..._.@.\n\t0x0010:  3d06  =.\n";
    let header = "\t0x0000:  0200 0000 0002 0200 0000 0001 8909 0101  ................\n";
    for (below, captured, rest) in [(lines, 14 + 18, &[0x3d, 6][..]), (header, 16, &[1, 1])] {
        let (seen, _) = read(format!("{ends}\n{below}").as_bytes());
        let What::Frame(link_type, wire_len, bytes) = &seen[0].what else { panic!("{seen:?}") };
        assert_eq!((*link_type, *wire_len, bytes.len()), (1, 511, captured));
        assert!(bytes[12..].starts_with(&[0x89, 0x09]) && bytes.ends_with(rest), "{bytes:?}");
    }
    // Without a dump it is what it is called.
    assert!(matches!(read(format!("{ends}\n").as_bytes()).0[0].what, What::Other(_)));
}

#[test]
fn a_damaged_dump_leaves_the_line() {
    let (_, text) = DUMPS[1];
    let damaged = each_line(text, |line| line.replace("0x0010:", "").trim().to_owned());
    assert!(matches!(read(damaged.as_bytes()).0[3].what, What::Segment(..)));
}

/// The payload of each segment whose characters are printed.
fn printed(text: &str) -> Vec<Vec<u8>> {
    let payload = |seen: Seen| match seen.what {
        What::Segment(_, printed) if !printed.is_empty() => Some(printed),
        _ => None,
    };
    read(text.as_bytes()).0.into_iter().filter_map(payload).collect()
}

/// `text` as a terminal of this width folds it, perhaps after spaces only.
fn folded(text: &str, width: usize, is_after_spaces: bool) -> String {
    each_line(text, |line| {
        let (mut rows, mut rest) = (Vec::new(), line);
        while rest.len() > width {
            let space = rest[..width].rfind([' ', '\t']).filter(|_| is_after_spaces);
            let (row, after) = rest.split_at(space.map_or(width, |space| space + 1));
            rows.push(row);
            rest = after;
        }
        rows.push(rest);
        rows.join("\n")
    })
}

#[test]
fn colours_and_the_edge_of_a_terminal_shift_no_payload() {
    let hello =
        ".".repeat(43) + " " + &"9".repeat(100) + ".ssm.example" + &".".repeat(40) + "\n." + &"a".repeat(20);
    let text = format!(
        "10:00:00.000000 IP 192.0.2.1.50000 > 198.51.100.5.8443: Flags [P.], seq 1:{}, ack 1, win 63, options [nop,nop,TS val \
         556190787 ecr 3221866856], length {}\nE....D@.@.fO.....3d..P .....................!&.C.\t.h{hello}\n\
         10:00:00.000100 IP 198.51.100.5.8443 > 192.0.2.1.50000: Flags [.], ack {}, win 64, length 0\n",
        hello.len() + 1,
        hello.len(),
        hello.len() + 1
    );
    let whole = printed(&text);
    assert_eq!(whole, [hello.into_bytes()]);
    assert_eq!(printed(&each_line(&text, |line| format!("\u{1b}[0;32m{line}\u{1b}[0m\u{1b}[K"))), whole);
    for width in [66, 72, 78, 79, 80] {
        for is_after_spaces in [false, true] {
            assert_eq!(printed(&folded(&text, width, is_after_spaces)), whole, "{width} {is_after_spaces}");
        }
    }
}

#[test]
fn the_text_of_a_payload_follows_its_headers() {
    let (_, text) = LINES.iter().find(|(name, _)| *name == "a").expect("a sample");
    let printed = printed(text);
    assert_eq!(printed.len(), 3);
    assert!(printed[0].starts_with(b"POST /x HTTP/1.1\nHost: ssm\n"));
    assert_eq!((printed[1].as_slice(), printed[2].as_slice()), (&b"second part of it"[..], &b"bye"[..]));
}

#[test]
fn an_error_s_quote_is_read() {
    for (name, text) in LINES {
        let (seen, _) = read(text.as_bytes());
        let What::IcmpError(error) = &seen[7].what else { panic!("{name}: {:?}", seen[7]) };
        assert_eq!((error.icmp_type, error.code, error.mtu), (3, 4, Some(1400)), "{name}");
        assert_eq!(error.quoted.destination, Host::from([198, 51, 100, 20]));
        if matches!(*name, "vv" | "e" | "t" | "a") {
            assert_eq!(
                (error.quoted.source_port, error.quoted.seq),
                (Some(40000), Some(Seq(74_638_622))),
                "{name}"
            );
        }
    }
}

/// A transcript as a terminal, an editor and a web page may leave it.
#[test]
fn pasting_changes_nothing() {
    let whole = segments(VV);
    let lines = || VV.lines();
    let without_indent = each_line(VV, |line| line.trim().to_owned());
    let windows = format!("\u{feff}{}", VV.replace('\n', "\r\n"));
    let scattered = each_line(VV, |line| {
        format!(
            "{}

```
the next line",
            line.trim()
        )
    });
    let web =
        format!("<p>see below</p>\n<pre>\n{}</pre>", VV.replace('>', "&gt;").replace("    ", "&nbsp;\u{a0}"));
    let spaced = VV.replace(", ", " , ");
    let quoted = each_line(VV, |line| format!("> > {line}"));
    let numbered = |form: fn(usize, &str) -> String| -> String {
        lines().enumerate().map(|(index, line)| form(index + 1, line)).collect()
    };
    let editor = numbered(|number, line| format!("{number:>4}  {line}\n"));
    let found = numbered(|number, line| format!("{number}:{line}\n"));
    let coloured = VV.replace(" > ", " \u{1b}[1;31m>\u{1b}[0m ");
    for pasted in [without_indent, windows, scattered, web, spaced, quoted, editor, found, coloured] {
        assert!(looks_like_transcript(pasted.as_bytes()), "{pasted}");
        assert_eq!(segments(&pasted), whole, "{pasted}");
    }
    for width in [80, 100, 120, 132] {
        let wrapped: String = lines()
            .flat_map(|line| {
                line.as_bytes().chunks(width).map(|piece| [piece, b"\n"].concat()).collect::<Vec<_>>()
            })
            .map(|piece| String::from_utf8_lossy(&piece).into_owned())
            .collect();
        assert_eq!(segments(&wrapped), whole, "{width}");
    }
}

/// Panics when `cut` has a field that `whole` has not; sequence numbers may count from another base, by `shift`.
fn assert_no_more(
    cut: &SegmentHeader,
    whole: &SegmentHeader,
    shifts: &mut Vec<(u16, u16, u32)>,
    place: &str,
) {
    fn within<T: Copy + PartialEq + std::fmt::Debug>(cut: Option<T>, whole: Option<T>, place: &str) {
        assert!(cut.is_none() || cut == whole, "{place}: {cut:?} is not {whole:?}");
    }
    within(cut.payload_len, whole.payload_len, place);
    let (tcp, true_tcp) = (&cut.tcp, &whole.tcp);
    assert_eq!(
        (tcp.source_port, tcp.destination_port),
        (true_tcp.source_port, true_tcp.destination_port),
        "{place}"
    );
    // The first ones of truncated flags are certain.
    let bits = |flags: Option<Flags>| flags.unwrap_or_default().0;
    assert_eq!(bits(tcp.flags) & !bits(true_tcp.flags), 0, "{place}");
    within(tcp.window, true_tcp.window, place);
    within(tcp.header_len, true_tcp.header_len, place);
    let options = |options: crate::packet::TcpOptions| (options.opening(), options.timestamps());
    within(tcp.options.map(options), true_tcp.options.map(options), place);
    assert!(tcp.checksum == Checksum::Unseen || tcp.checksum == true_tcp.checksum, "{place}");
    let (ip, true_ip) = (&cut.ip, &whole.ip);
    assert_eq!((ip.source, ip.destination), (true_ip.source, true_ip.destination), "{place}");
    within(ip.hop_limit, true_ip.hop_limit, place);
    within(ip.traffic_class, true_ip.traffic_class, place);
    within(ip.id, true_ip.id, place);
    within(ip.fragment, true_ip.fragment, place);
    within(ip.length, true_ip.length, place);
    within(ip.flow_label, true_ip.flow_label, place);
    within(ip.protocol, true_ip.protocol, place);
    let numbers = [
        (tcp.source_port, tcp.destination_port, tcp.seq, true_tcp.seq),
        (tcp.destination_port, tcp.source_port, tcp.ack, true_tcp.ack),
    ];
    for (from, to, number, truth) in numbers {
        let Some(number) = number else { continue };
        let shift = truth.expect("nothing more than the truth") - number;
        match shifts.iter().find(|(known_from, known_to, _)| (*known_from, *known_to) == (from, to)) {
            // The number of a SYN is read before it is known that the rest of its side has to count from 0.
            Some((.., known)) => {
                assert!(*known == shift || *known == 0, "{place}: {number:?} is not {truth:?}");
            }
            None => shifts.push((from, to, shift)),
        }
    }
}

/// The capture's packets by their time, which no cut changes where it is whole.
fn by_time(text: &str) -> Vec<(Timestamp, SegmentHeader)> {
    let segment = |seen: Seen| match seen.what {
        What::Segment(header, _) => Some((seen.at, header)),
        _ => None,
    };
    read(text.as_bytes()).0.into_iter().filter_map(segment).collect()
}

fn assert_cut_shows_no_more(cut: &str, whole: &[(Timestamp, SegmentHeader)], place: &str) {
    let mut shifts = Vec::new();
    for (at, header) in by_time(cut) {
        let (_, truth) =
            whole.iter().find(|(known, _)| *known == at).unwrap_or_else(|| panic!("{place}: {at:?}"));
        assert_no_more(&header, truth, &mut shifts, place);
    }
}

const CUT_FORMS: [&str; 8] = ["plain", "v", "vv", "e", "s", "tt", "q", "k"];

#[test]
fn a_cut_at_any_column_gives_the_same_or_less() {
    for (name, text) in LINES.iter().filter(|(name, _)| CUT_FORMS.contains(name)) {
        let whole = by_time(text);
        let longest = text.lines().map(str::len).max().unwrap_or(0);
        for column in 1..=longest {
            for is_stripped in [false, true] {
                let cut = each_line(text, |line| {
                    let line = if is_stripped { line.trim() } else { line };
                    line.get(..column).unwrap_or(line).to_owned()
                });
                assert_cut_shows_no_more(&cut, &whole, &format!("{name} at {column}"));
            }
        }
    }
}

#[test]
fn one_line_cut_at_any_column_gives_the_same_or_less() {
    for (name, text) in LINES.iter().filter(|(name, _)| ["plain", "vv", "e", "s"].contains(name)) {
        let whole = by_time(text);
        let lines: Vec<&str> = text.lines().collect();
        for (index, line) in lines.iter().enumerate() {
            for column in 0..line.len() {
                let mut cut = lines.clone();
                cut[index] = &line[..column];
                assert_cut_shows_no_more(
                    &cut.join("\n"),
                    &whole,
                    &format!("{name} line {index} at {column}"),
                );
            }
        }
    }
}

#[test]
fn an_end_at_any_byte_gives_the_same_or_less() {
    for (name, text) in LINES.iter().filter(|(name, _)| CUT_FORMS.contains(name)) {
        let whole = by_time(text);
        for end in 0..text.len() {
            assert_cut_shows_no_more(&text[..end], &whole, &format!("{name} at {end}"));
        }
    }
}

/// What a vManage user has: indent lost, lines cut at about 98 columns.
#[test]
fn a_vmanage_paste_keeps_flags_and_payload_lengths() {
    let pasted = each_line(VV, |line| {
        let width = if line.contains(" IP6 ") { 200 } else { 98 };
        line.trim().get(..width).unwrap_or(line.trim()).to_owned()
    });
    let headers = segments(&pasted);
    assert_eq!(headers.len(), TRUTH.len());
    for (header, (_, flags, _, _, _, payload_len, _)) in headers.iter().zip(TRUTH) {
        assert_eq!(header.tcp.flags, Some(Flags(flags)));
        // One line ends in the number at which its payload ends: its side's headers show how long it is.
        assert_eq!(header.payload_len, Some(payload_len));
    }
}

const VMANAGE: &str = "um8_vManage# tcpdump vpn 0 interface eth0 options \"host 10.106.66.55 -nn -vv\"
tcpdump -p -i eth0 -s 128 host 10.106.66.55 -nn -vv in VPN 0
tcpdump: listening on eth0, link-type EN10MB (Ethernet), capture size 128 bytes
12:15:06.407513 IP (tos 0x0, ttl 64, id 24618, offset 0, flags [DF], proto TCP (6), length 52)
192.168.10.1.57886 > 10.106.66.55.8443: Flags [S], cksum 0xfadb (incorrect -> 0xdf91), seq 74638621
12:15:06.651698 IP (tos 0x20, ttl 44, id 0, offset 0, flags [DF], proto TCP (6), length 52)
10.106.66.55.8443 > 192.168.10.1.57886: Flags [S.], cksum 0x1b34 (correct), seq 2758352947, ack 746

12:15:06.654592 IP (tos 0x0, ttl 64, id 24620, offset 0, flags [DF], proto TCP (6), length 212)
```
192.168.10.1.57886 > 10.106.66.55.8443: Flags [P.], seq 1:173, ack 1, win 229, length 172
12:15:06.911484 IP (tos 0x0, ttl 41, id 44471, offset 0, flags [DF], proto TCP (6), length 1420)
10.106.66.55.8443 > 192.168.10.1.57886: Flags [.] , seq 1:1381, ack 173, win 237, length 1380
12:15:06.911573 IP (tos 0x0, ttl 64, id 24621, offset 0, flags [DF], proto TCP (6), length 40)
192.168.10.1.57886 > 10.106.66.55.8443: Flags [.] , cksum 0xfacf (incorrect -> 0xc6bb), seq 173, ack
^C7 packets captured
7 packets received by filter
2 packets dropped by kernel
";

#[test]
fn vmanage_s_session_is_read_with_what_surrounds_it() {
    let (seen, about) = read(VMANAGE.as_bytes());
    let fields: Vec<_> = segments(VMANAGE)
        .iter()
        .map(|header| {
            let tcp = &header.tcp;
            let numbers = (tcp.seq.map(|seq| seq.0), tcp.ack.map(|ack| ack.0));
            (tcp.flags.map_or(0, |flags| flags.0), numbers, tcp.window, header.payload_len, tcp.header_len)
        })
        .collect();
    let server = 2_758_352_947;
    assert_eq!(
        fields,
        [
            (0x02, (None, None), None, None, None),
            (0x12, (Some(server), None), None, Some(0), Some(32)),
            (0x18, (Some(1), Some(server + 1)), Some(229), Some(172), Some(20)),
            (0x10, (Some(server + 1), Some(173)), Some(237), Some(1380), Some(20)),
            (0x10, (Some(173), None), None, Some(0), Some(20)),
        ]
    );
    assert_eq!(seen.iter().map(|seen| seen.is_cut).collect::<Vec<_>>(), [true, true, false, false, true]);
    assert_eq!((about.files[0].snaplen, about.files[0].packets, about.dropped), (Some(128), 5, Some(2)));
    assert_eq!(about.notes.len(), 1);
    assert!(about.notes[0].text.contains("captured 7 packets, but 5 were read"), "{:?}", about.notes);
}

#[test]
fn names_and_damage_are_said_once() {
    let text = "12:15:06.407513 IP host.example.40000 > ssm.example.8443: Flags [S], seq 1, win 2, length 0\n\
                12:15:06.407514 IP 10.0.0.1.40000 > 10.0.0.2.https: Flags [S], seq 1, win 2, length 0\n\
                12:15:06.407514 IP host.example > ssm.example: Flags [S], seq 1, win 2, length 0\n\
                12:15:06.407514 IP <CLIENT> > x.x.x.x: Flags [S], seq 1, win 2, length 0\n\
                12:15:06.407515 IP (tos 0x0, ttl 64, id 1, offset 0, flags [DF], proto TCP (6), length 52)\n\
                12:15:06.407516 IP 10.0.\n";
    let (seen, about) = read(text.as_bytes());
    assert_eq!(seen.len(), 4);
    for (seen, port) in seen.iter().zip([8443, 443]) {
        assert!(matches!(&seen.what, What::Segment(header, _) if header.tcp.destination_port == port));
    }
    assert!(
        seen[2..]
            .iter()
            .all(|seen| matches!(&seen.what, What::Other(other) if other.starts_with("PortlessTcp")))
    );
    let notes: Vec<&str> = about.notes.iter().map(|note| note.text.as_str()).collect();
    assert!(
        notes[0].starts_with("2 packet lines could not be read and were left out, first at line 5"),
        "{notes:?}"
    );
    assert!(notes[1].starts_with("2 TCP packets, first at line 3: the text shows no ports"), "{notes:?}");
}

#[test]
#[expect(clippy::too_many_lines, reason = "a table of lines")]
fn cooked_and_tunnelled_lines_are_read() {
    for (line, port, is_outbound) in [
        (
            "10:37:58.335537 lo    Out IP 127.0.0.1.45030 > 127.0.0.1.9: Flags [S], seq 1, win 2, length 0",
            9,
            true,
        ),
        (
            "10:37:58.335537 lo    Out ifindex 1 00:00:00:00:00:00 ethertype IPv4 (0x0800), length 80: 127.0.0.1.45030 > \
             127.0.0.1.9: Flags [S], seq 1, win 2, length 0",
            9,
            true,
        ),
        (
            "22:14:12.000052 00:00:00:00:00:02 > 00:00:00:00:00:01, ethertype 802.1Q (0x8100), length 60: vlan 100, p 0, \
             ethertype IPv4 (0x0800), 10.0.0.1.1000 > 10.0.0.2.443: Flags [P.], seq 5:7, ack 6, win 1000, length 2",
            443,
            false,
        ),
        (
            "22:14:12.000052 00:00:00:00:00:02 > 00:00:00:00:00:01, IPv4, length 56: 10.0.0.1.1000 > 10.0.0.2.443: tcp 2",
            443,
            false,
        ),
        (
            "22:14:12.000052 00:00:00:00:00:02 > 00:00:00:00:00:01, 802.1Q, length 60: vlan 100, p 0, IPv4, 10.0.0.1.1000 > \
             10.0.0.2.443: tcp 2",
            443,
            false,
        ),
        (
            "22:14:12.000052 00:00:00:00:00:02 > 00:00:00:00:00:01, IPv4, length 56: (tos 0x0, ttl 64, id 1, offset 0, flags \
             [DF], proto TCP (6), length 42)\n    10.0.0.1.1000 > 10.0.0.2.443: tcp 2",
            443,
            false,
        ),
        (
            "10:37:58.335537 lo    Out ifindex 1 00:00:00:00:00:00 (oui Ethernet) 127.0.0.1.45030 > 127.0.0.1.9: tcp 0",
            9,
            true,
        ),
        (
            "22:14:12.000052 00:00:00:00:00:02 > 00:00:00:00:00:01, ethertype IPv4 (0x0800),\n length 56: (tos 0x0, ttl 64, id \
             1, offset 0, flags [DF], proto TCP (6), lengt\nh 42)\n    10.0.0.1.1000 > 10.0.0.2.443: Flags [P.], seq 5:7, ack \
             6, win 1000, length 2",
            443,
            false,
        ),
        (
            "22:14:14.000054 IP (tos 0x0, ttl 64, id 1, offset 0, flags [DF], proto IPv6 (41), length 80)\n    10.0.0.1 > \
             10.0.0.2: IP6 (flowlabel 0x12345, hlim 64, next-header TCP (6) payload length: 20) fe80::1.1000 > \
             2001:db8::2.8443: Flags [S], cksum 0x0000 (incorrect -> 0x5ad4), seq 7, win 1000, length 0",
            8443,
            false,
        ),
        (
            "22:14:16.000056 IP (tos 0x0, ttl 64, id 1, offset 0, flags [DF], proto UDP (17), length 92)\n    10.0.0.1.5 > \
             10.0.0.2.4789: [no cksum] VXLAN, flags [I] (0x08), vni 100\nIP (tos 0x0, ttl 64, id 1, offset 0, flags [DF], \
             proto TCP (6), length 42)\n    10.0.0.1.1000 > 10.0.0.2.443: Flags [P.], seq 0:2, ack 1, win 1000, length 2",
            443,
            false,
        ),
        (
            "18:48:57.199909 MPLS (label 29, tc 0, [S], ttl 255)\n\tIP (tos 0x0, ttl 255, id 10, offset 0, flags [none], \
             proto TCP (6), length 40)\n    10.1.2.1.5 > 10.34.0.1.443: Flags [.], seq 1, ack 1, win 1, length 0",
            443,
            false,
        ),
    ] {
        let mut transcript = Transcript::new("-".to_owned(), 0, line.as_bytes());
        let Ok(Some(Record::Printed(packet))) = transcript.next_record() else { panic!("{line}") };
        let Content::Segment(segment) = packet.content else { panic!("{line}") };
        assert_eq!(segment.header.tcp.destination_port, port, "{line}");
        assert_eq!(packet.direction.is_some(), is_outbound, "{line}");
        assert!(transcript.next_record().is_ok_and(|record| record.is_none()), "{line}");
    }
}

#[test]
fn an_icmpv6_error_that_a_terminal_wrapped_is_put_together() {
    let line = "11:09:54.063401 IP6 2001:db8:1::1 > 2001:db8:1::10: ICMP6, destination unreachable,  unreachable prohibited \
                2001:db8:2::20, length 88";
    let address = line.find("::10").unwrap_or(0);
    for end in (address..address + 4).chain(line.find("ICMP6").map_or(0, |at| at + 8)..line.len()) {
        let wrapped = format!("{}\n{}\n", &line[..end], &line[end..]);
        let (seen, _) = read(wrapped.as_bytes());
        let [Seen { what: What::IcmpError(error), .. }] = seen.as_slice() else { panic!("{wrapped}") };
        assert_eq!((error.icmp_type, error.code), (1, 1), "{wrapped}");
        let target = "2001:db8:2::20".parse::<std::net::IpAddr>().ok();
        assert_eq!(error.quoted.destination.address(), target, "{wrapped}");
    }
}

#[test]
fn a_verbose_icmpv6_error_and_a_tunnel_s_packet_are_put_together_at_any_width() {
    let error = "04:09:41.923505 IP6 (flowlabel 0x85c8f, hlim 64, next-header ICMPv6 (58) payload length: 88) 2001:db8:1::1 > 2001:db8:1::10: \
                 [icmp6 sum ok] ICMP6, destination unreachable, unreachable route 2001:db8:2::20";
    let tunnel = "11:10:31.346887 02:00:00:00:03:01 > 02:00:00:00:03:02, ethertype IPv4 (0x0800), length 98: 203.0.113.1 > 203.0.113.2: GREv0, \
                  proto IPv4 (0x0800), length 64: 192.0.2.10.50700 > 198.51.100.20.8443: Flags [S], seq 3199570149, win 64240, options [mss \
                  1460,sackOK,TS val 987185390 ecr 0,nop,wscale 10], length 0";
    let syn = "04:09:41.923448 IP6 2001:db8:1::10.50128 > 2001:db8:2::20.8443: Flags [S], seq 1, win 64800, length 0";
    for width in 60..=140 {
        let words = |line: &str| {
            let (mut text, mut column) = (String::new(), 0);
            for word in line.split(' ') {
                let breaks = column + 1 + word.len() > width;
                text += if text.is_empty() {
                    ""
                } else if breaks {
                    "\n"
                } else {
                    " "
                };
                column = if breaks { word.len() } else { column + 1 + word.len() };
                text += word;
            }
            text
        };
        let (seen, _) = read(format!("{syn}\n{}\n", words(error)).as_bytes());
        let [_, Seen { what: What::IcmpError(error), .. }] = seen.as_slice() else {
            panic!("{}", words(error))
        };
        assert_eq!((error.icmp_type, error.code), (1, 0), "{width}");
        assert_eq!(error.quoted.destination, "2001:db8:2::20".parse::<std::net::IpAddr>().unwrap().into());
        assert_eq!(segments(&words(tunnel)), segments(tunnel), "{}", words(tunnel));
        assert_eq!(segments(tunnel).len(), 1);
    }
}

#[test]
fn what_is_no_transcript_is_not_taken_for_one() {
    for text in [
        "",
        "hello",
        "13-Jan-2023 17:29:02,775 IST INFO [um8_vManage] [SmartLicensingUtil] (default task-24) |default| x",
        "2023-01-13 12:15:06.407513 INFO starting",
        "12:15:06.407513 ERROR IP address is wrong",
        "IP addresses are listed below: none",
        "\u{0}12:15:06.407513 IP 10.0.0.1.1 > 10.0.0.2.2: Flags [S]",
    ] {
        assert!(!looks_like_transcript(text.as_bytes()), "{text}");
    }
    for (name, text) in LINES.iter().chain(DUMPS) {
        assert!(looks_like_transcript(text.as_bytes()), "{name}");
    }
    assert!(looks_like_transcript(VMANAGE.as_bytes()));
}

#[test]
fn a_packet_is_yielded_as_soon_as_the_next_begins() {
    struct Pipe<'a>(&'a [u8], Rc<Cell<usize>>);
    impl std::io::Read for Pipe<'_> {
        fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
            // One line at a time, as tcpdump -l writes them.
            let end = self.0.iter().position(|byte| *byte == b'\n').map_or(self.0.len(), |at| at + 1);
            let count = self.0.by_ref().take(end as u64).read(buffer)?;
            self.1.set(self.1.get() + 1);
            Ok(count)
        }
    }
    let read = Rc::new(Cell::new(0));
    let pipe = std::io::BufReader::new(Pipe(VV.as_bytes(), Rc::clone(&read)));
    let mut transcript = Transcript::new("-".to_owned(), 0, pipe);
    assert!(transcript.next_record().is_ok_and(|record| record.is_some()));
    assert_eq!(read.get(), 3, "the packet's two lines and the next one's first");
}

proptest! {
    #[test]
    fn any_bytes_are_read_to_their_end(bytes: Vec<u8>) {
        read(&bytes);
        looks_like_transcript(&bytes);
    }

    /// Real lines, damaged anywhere, in any order.
    #[test]
    fn damaged_lines_are_read_to_their_end(
        picks in prop::collection::vec((0usize..13, any::<prop::sample::Index>(), any::<prop::sample::Index>(), ".{0,3}"), 0..24),
    ) {
        let mut text = String::new();
        for (form, line, place, inserted) in picks {
            let lines: Vec<&str> = LINES[form].1.lines().collect();
            let line = lines[line.index(lines.len())];
            let at = place.index(line.len() + 1);
            text.push_str(&line.chars().take(at).chain(inserted.chars()).chain(line.chars().skip(at + inserted.len())).collect::<String>());
            text.push('\n');
        }
        read(text.as_bytes());
    }
}

#[test]
fn each_family_has_a_sample_and_reads_all_of_it() {
    for (name, text) in TOOLS {
        let (seen, about) = read(text.as_bytes());
        assert!(seen.len() >= 2, "{name}: {seen:?}");
        let notes = about.notes.iter().map(|note| note.text.as_str());
        let unread: Vec<_> = notes.filter(|note| note.contains("could not be read")).collect();
        assert!(unread.is_empty(), "{name}: {unread:?}");
    }
    let all = || [LINES, DUMPS, TOOLS].into_iter().flatten();
    for (index, family) in FAMILIES.iter().enumerate().filter(|(_, family)| family.is_read) {
        assert!(
            all().any(|(_, text)| text.lines().any(|line| (family.begins)(line))),
            "family {index} of FAMILIES has no sample in samples/"
        );
    }
}
