//! Each way in which tcpdump and its kin print one segment, and what precedes and follows it.

use super::*;
use crate::packet::Filtered;

/// A segment's ends, flags and payload in one line.
fn summary(header: &SegmentHeader, names: &crate::packet::Names) -> String {
    let end = |host: Host, port: u16| match host {
        Host::Address(address) => format!("{address}.{port}"),
        Host::Name(_) => format!("{}.{port}", names.get(host).map_or("?", |name| &*name.host)),
    };
    let flags = header.tcp.flags.map_or_else(|| "?".to_owned(), |flags| flags.to_string());
    let len = header.payload_len.map_or_else(|| "?".to_owned(), |len| len.to_string());
    let (source, destination) = (header.ip.source, header.ip.destination);
    format!(
        "{} > {} {flags} {len}",
        end(source, header.tcp.source_port),
        end(destination, header.tcp.destination_port)
    )
}

/// What is read of `text`, a line for each packet.
pub fn summaries(text: &str) -> Vec<String> {
    let mut transcript = Transcript::new("-".to_owned(), 0, text.as_bytes());
    let mut summaries = Vec::new();
    while let Some(record) = transcript.next_record().expect("bytes in memory can be read") {
        summaries.push(match record {
            Record::Printed(packet) => match packet.content {
                Content::Segment(segment) => summary(segment.header, packet.names),
                Content::IcmpError(error) => format!("ICMP {}/{}", error.icmp_type, error.code),
                other => format!("{other:?}"),
            },
            Record::Frame(_) => "frame".to_owned(),
            Record::Idle(_) | Record::NextCapture => "next capture".to_owned(),
        });
    }
    summaries
}

fn note(text: &str) -> String {
    let (_, about) = read(text.as_bytes());
    about.notes.into_iter().map(|note| note.text).collect::<Vec<_>>().join("\n")
}

#[test]
fn one_segment_in_every_spelling() {
    let expected = "192.0.2.10.40000 > 198.51.100.20.443 P. 100";
    for line in [
        "10:00:00.000001 IP 192.0.2.10.40000 > 198.51.100.20.443: Flags [P.], seq 1:101, ack 1, win 502, length 100",
        "10:00:00.000001 IP 192.0.2.10.40000 > 198.51.100.20.https: Flags [P.], seq 1:101, ack 1, win 502, length 100",
        "10:00:00.000001 192.0.2.10.40000 > 198.51.100.20.443: P 1:101(100) ack 1 win 502 (DF)",
        "10:00:00.000001 192.0.2.10.40000 > 198.51.100.20.443: P [tcp sum ok] 1:101(100) ack 1 win 502 (DF) (ttl 64, id 7, len \
         140)",
        "10:00:00.000001 IP (tos 0x0, ttl  64, id 7, offset 0, flags [DF], proto: TCP (6), length: 140) 192.0.2.10.40000 > \
         198.51.100.20.443: P, cksum 0x1234 (correct), 1:101(100) ack 1 win 502",
        "10:00:00.000001 IP (tos 0x0, ttl  64, id 7, offset 0, flags [DF], proto: TCP (6), length: 140) 192.0.2.10.40000 > \
         198.51.100.20.443: P, cksum 0x1234 \n(correct), 1:101(100) ack 1 win 502",
        "10:00:00.000001 > 192.0.2.10.40000 > 198.51.100.20.443: P 1:101(100) ack 1 win 502",
        "10:00:00.000001 eth0 > 192.0.2.10.40000 > 198.51.100.20.443: P 1:101(100) ack 1 win 502",
        "10:00:00.000001 eth0  Out IP 192.0.2.10.40000 > 198.51.100.20.443: Flags [P.], seq 1:101, ack 1, win 502, length 100",
        "10:00:00.000001 (en0, proc Some App:244, svc BE, out) IP 192.0.2.10.40000 > 198.51.100.20.443: Flags [P.], seq 1:101, \
         ack 1, win 502, length 100",
        "10:00:00.000001 0:1:2:3:4:5 6:7:8:9:a:b ip 154: 192.0.2.10.40000 > 198.51.100.20.443: P 1:101(100) ack 1 win 502",
        "10:00:00.000001 0:1:2:3:4:5 6:7:8:9:a:b 8100 158: 802.1Q vlan#7 P0 192.0.2.10.40000 > 198.51.100.20.443: P 1:101(100) ack \
         1 win 502",
        "   1: 10:00:00.000001 0001.0203.0405 0607.0809.0a0b 0x0800 Length: 154\n      192.0.2.10.40000 > 198.51.100.20.443: P [tcp sum ok] \
         1:101(100) ack 1 win 502 (DF) (ttl 127, id 12345)",
        "   1: 10:00:00.000001 0001.0203.0405 0607.0809.0a0b 0x8100 Length: 158\n      802.1Q vlan#7 P0 192.0.2.10.40000 > \
         198.51.100.20.443: P [tcp sum ok] 1:101(100) ack 1 win 502 (DF) (ttl 127, id 12345)",
        "10:00:00.000001  Out\n\tJuniper PCAP Flags [Ext], PCAP Extension(s) total length 16\n\t  Device Media Type Extension TLV #3, \
         length 1, value: Ethernet (1)\n\t-----original packet-----\n\t00:01:02:03:04:05 > 06:07:08:09:0a:0b, ethertype IPv4 (0x0800), \
         length 154: (tos 0x0, ttl  64, id 7, offset 0, flags [DF], proto: TCP (6), length: 140) 192.0.2.10.40000 > 198.51.100.20.443: P \
         [tcp sum ok] 1:101(100) ack 1 win 502",
        "10:00:00.000001 rule 3/0(match): pass out on em0: 192.0.2.10.40000 > 198.51.100.20.443: Flags [P.], seq 1:101, ack 1, \
         win 502, length 100",
        "Jan 25 10:00:00.000001 rule 3/(match) pass out on em0: 192.0.2.10.40000 > 198.51.100.20.443: P 1:101(100) ack 1 win 502",
        "10:00:00.000001 IP 192.0.2.10.40000 > 198.51.100.20.443: Flags [P.], seq 1:101, ack 1, win 502, length 100: HTTP: GET \
         / HTTP/1.1 in slot1/tmm0 lis=/Common/vs",
        "10:00:00.000001 ethertype IPv4, IP 192.0.2.10.40000 > 198.51.100.20.443: Flags [P.], seq 1:101, ack 1, win 502, length \
         100",
        "10:00:00.000001 02:00:00:00:00:01 > 02:00:00:00:00:02, ethertype 802.1Q (0x8100), length 158: vlan 7, p 0, ethertype \
         IPv4 (0x0800), 192.0.2.10.40000 > 198.51.100.20.443: Flags [P.], seq 1:101, ack 1, win 502, length 100",
        "10:00:00.000001 PPPoE  [ses 0x1] IP 192.0.2.10.40000 > 198.51.100.20.443: Flags [P.], seq 1:101, ack 1, win 502, length \
         100",
        "192.0.2.10.40000 > 198.51.100.20.443: P 1:101(100) ack 1 win 502",
        "10:00:00 IP 192.0.2.10.40000 > 198.51.100.20.443: Flags [P.], seq 1:101, ack 1, win 502, length 100",
        "[10:00:00.000001] IP 192.0.2.10.40000 > 198.51.100.20.443: Flags [P.], seq 1:101, ack 1, win 502, length 100",
        "10:00:00,000001 IP 192.0.2.10.40000 > 198.51.100.20.443: Flags [P.], seq 1:101, ack 1, win 502, length 100",
        "2026-11-28T10:00:00.000001+01:00 IP 192.0.2.10.40000 > 198.51.100.20.443: Flags [P.], seq 1:101, ack 1, win 502, length \
         100",
        "10:00:00.000001 IP 192.0.2.10.40000 \\> 198.51.100.20.443: Flags \\[P.\\], seq 1:101, ack 1, win 502, length 100",
        "10:00:00.001 192.0.2.10.40000 > 198.51.100.20.443: Flags [P.], seq 1:101, ack 1, win 502, length 100",
    ] {
        assert!(looks_like_transcript(line.as_bytes()), "{line}");
        assert_eq!(summaries(line), [expected], "{line}");
    }
}

#[test]
fn ends_without_numbers_are_named() {
    for (source, destination) in [
        ("client.example.net.40000", "ssm.example.net.443"),
        ("<CLIENT>.40000", "<SERVER>.443"),
        ("$A.40000", "$B.443"),
        ("x.x.x.x.40000", "y.y.y.y.443"),
        ("10.1.xx.5.40000", "10.1.xx.6.443"),
    ] {
        let line =
            format!("10:00:00.000001 IP {source} > {destination}: Flags [S], seq 1, win 502, length 0");
        assert_eq!(summaries(&line), [format!("{source} > {destination} S 0")]);
    }
}

#[test]
fn a_host_that_reports_its_own_port_shows_the_number_of_its_name() {
    let text = "10:00:00.000001 IP 192.0.2.10.40000 > <LB>.80: Flags [S], seq 1, win 502, length 0\n\
                10:00:00.000002 IP <LB> > 192.0.2.10: ICMP 198.51.100.20 tcp port 80 unreachable, length 68\n";
    let mut transcript = Transcript::new("-".to_owned(), 0, text.as_bytes());
    let mut ends = Vec::new();
    while let Some(record) = transcript.next_record().expect("bytes in memory can be read") {
        let Record::Printed(packet) = record else { continue };
        match packet.content {
            Content::Segment(segment) => ends.push(segment.header.ip.destination),
            Content::IcmpError(error) => ends.push(error.quoted.destination),
            _ => {}
        }
    }
    assert!(ends.len() == 2 && ends[0] == ends[1], "{ends:?}");
}

#[test]
fn a_tunnel_s_ends_may_be_names_of_digits() {
    let text = "10:00:00.000001 IP 10-9-29-68 > 10.4.203.197: GREv0, length 64: IP 10-9-29-68.40000 > 192.168.47.6.http: Flags \
                [S], seq 1, win 502, length 0";
    assert_eq!(summaries(text), ["10-9-29-68.40000 > 192.168.47.6.80 S 0"]);
}

#[test]
fn a_mail_s_encoding_is_undone() {
    let mail = "Content-Type: text/plain\nContent-Transfer-Encoding: quoted-printable\n\nHello,\n\n\
                > 10:00:00.000001 IP 192.0.2.10.40000 > 198.51.100.20.443: Flags [S], s=\neq 1, win 502, length=3D0\n\
                > 10:00:00.000002 IP 198.51.100.20.443 > 192.0.2.10.40000: Flags [R.], seq 0,=20\n\
                > ack 2, win 0, length 0\n";
    let mail = mail.replace("length=3D0", "length=200");
    assert!(looks_like_transcript(mail.as_bytes()));
    let expected = ["192.0.2.10.40000 > 198.51.100.20.443 S 0", "198.51.100.20.443 > 192.0.2.10.40000 R. 0"];
    assert_eq!(summaries(&mail), expected);
}

#[test]
fn what_a_tunnel_or_a_label_carries_is_read() {
    let expected = ["192.0.2.10.40000 > 198.51.100.20.443 S 0"; 2];
    let segment = "192.0.2.10.40000 > 198.51.100.20.443: Flags [S], seq 1, win 502, length 0";
    let header = "(tos 0x0, ttl 64, id 7, offset 0, flags [DF], proto TCP (6), length 40)";
    let macs = "02:00:00:00:00:01 > 02:00:00:00:00:02, ethertype";
    for (outer, inner) in [
        ("IP 10.0.0.1.41000 > 10.0.0.2.8472: OTV, flags [I] (0x08), overlay 0, instance 1", "IP "),
        ("IP 10.0.0.1.41000 > 10.0.0.2.4789: VXLAN, flags [I] (0x08), vni 1", "IP "),
    ] {
        let text =
            format!("10:00:00.000001 {outer}\n{inner}{segment}\n10:00:00.000002 {outer}\n{inner}{segment}\n");
        assert_eq!(summaries(&text), expected, "{outer}");
    }
    // Without times the link header begins each packet.
    let label = format!("{macs} MPLS unicast (0x8847), length 58: MPLS (label 300, exp 7, [S], ttl 64)");
    let plain = format!("{macs} IPv4 (0x0800), length 54: {header}\n    {segment}");
    assert_eq!(summaries(&format!("{plain}\n{label}\n\t{header}\n    {segment}\n")), expected);
}

#[test]
fn an_error_and_its_quote_may_have_been_joined() {
    let text = "10:00:00.000001 IP 192.0.2.10.40000 > 198.51.100.20.443: Flags [S], seq 1, win 502, length 0\n\
                10:00:00.000002 IP (tos 0x0, ttl 62, id 4, offset 0, flags [none], proto ICMP (1), length 56) 203.0.113.1 > \
                192.0.2.10: ICMP time exceeded in-transit, length 36 IP (tos 0x0, ttl 1, id 9, offset 0, flags [none], proto TCP \
                (6), length 40) 192.0.2.10.40000 > 198.51.100.20.443: [|tcp]";
    assert_eq!(summaries(text), ["192.0.2.10.40000 > 198.51.100.20.443 S 0", "ICMP 11/0"]);
}

#[test]
fn an_icmp_error_whose_quote_is_not_printed_is_an_error() {
    let text = "10:00:00.000000 IP 192.0.2.10.40000 > 198.51.100.20.443: Flags [S], seq 1, win 502, length 0\n\
                10:00:00.100000 IP 203.0.113.9 > 192.0.2.10: ICMP time exceeded in-transit, length 36\n\
                10:00:00.200000 IP 192.0.2.10 > 192.0.2.9: ICMP echo request, id 1, seq 1, length 64";
    let others = summaries(text);
    assert!(
        others[1].contains("UnquotedIcmpError") || others[1].contains("ICMP error without"),
        "{others:?}"
    );
    assert!(!others[2].contains("rror"), "{others:?}");
}

#[test]
fn the_rows_of_a_table_are_numbered_and_quoted_as_code() {
    let packet = |number: u32, second: u32| {
        format!(
            "| {number} | `10:00:0{second}.000000 IP (tos 0x0, ttl 64, id 1, offset 0, flags [DF], proto TCP (6), length 60)` |\n\
             | {} | `    <A>.40000 > <B>.443: Flags [S], seq 1, win 502, length 0` |\n",
            number + 1
        )
    };
    let text = format!("| # | Packet |\n|---|---|\n{}{}", packet(1, 0), packet(3, 1));
    assert_eq!(summaries(&text), ["<A>.40000 > <B>.443 S 0"; 2]);
}

#[test]
fn a_line_may_be_wrapped_within_a_cooked_header_or_after_the_first_end() {
    for text in [
        "10:00:00.000001 lo    In  ifindex 1 00:00:00:00:00:00 ethertype IPv4\n(0x0800), length 72: 192.0.2.10.40000 > \
         198.51.100.20.443: Flags [S], seq\n1, win 502, length 0\n",
        "10:00:00.000001 truncated-ip - 18 bytes missing!192.0.2.10.40000 >\n198.51.100.20.443: S 1:1(0) win 17520\n(DF)\n",
    ] {
        assert!(looks_like_transcript(text.as_bytes()), "{text}");
        assert_eq!(summaries(text), ["192.0.2.10.40000 > 198.51.100.20.443 S 0"], "{text}");
    }
}

#[test]
fn a_line_may_be_wrapped_within_its_second_end() {
    let line = |after: &str| format!("10:00:00.000001 IP 192.0.2.10.40000 > {after}\n");
    for (after, summary) in [
        (
            "198.51.100.20\n.443: Flags [S], seq 1, win 502, length 0",
            "192.0.2.10.40000 > 198.51.100.20.443 S 0",
        ),
        ("198.51.100.20.4\n43: S 1:1(0) win 502", "192.0.2.10.40000 > 198.51.100.20.443 S 0"),
        (
            "ssm.example.\nnet.443: Flags [S], seq 1, win 502, length 0",
            "192.0.2.10.40000 > ssm.example.net.443 S 0",
        ),
        ("198.51.1\n00.20.123: NTPv4, Client, length 48", "Other(Udp)"),
    ] {
        let text = line(after);
        assert!(looks_like_transcript(text.as_bytes()), "{text}");
        assert_eq!(summaries(&text), [summary], "{text}");
    }
}

#[test]
fn the_reason_in_a_rst_is_its_payload() {
    let rst = "10:00:00.000001 IP 192.0.2.10.443 > 198.51.100.20.40000: Flags [R.], seq 1:9, ack 1, win 0, length 8 [RST";
    for (text, reason) in [("+ blocked]", &b"blocked"[..]), (" no conn]", b"no conn"), ("", b"")] {
        let seen = read(format!("{rst}{text}\n").as_bytes()).0;
        let printed = seen.into_iter().find_map(|seen| match seen.what {
            What::Segment(_, printed) => Some(printed),
            _ => None,
        });
        assert_eq!(printed.as_deref().map(AsRef::as_ref), Some(reason), "{text}");
    }
}

#[test]
fn what_is_below_a_cut_name_of_a_protocol_is_no_payload() {
    for after in ["HT", "HTTP", "HTTP:", "HTTP: G", "HTTP, length: 75"] {
        for below in ["\n", "\n\nThen nothing came.\n"] {
            let text = format!(
                "10:00:00.000001 IP 192.0.2.10.40000 > 198.51.100.20.80: Flags [P.], seq 1:76, ack 1, win 502, length 75: {after}{below}"
            );
            let seen = read(text.as_bytes()).0;
            let printed = seen.into_iter().find_map(|seen| match seen.what {
                What::Segment(_, printed) => Some(printed),
                _ => None,
            });
            assert_eq!(printed.map(|printed| printed.is_empty()), Some(true), "{text}");
        }
    }
}

#[test]
fn a_verbose_line_s_protocol_is_below_it_even_where_its_name_was_cut() {
    let text = "10:00:00.000001 IP (tos 0x0, ttl 64, id 1, offset 0, flags [DF], proto TCP (6), length 115)\n    \
                192.0.2.10.40000 > 198.51.100.20.80: Flags [P.], seq 1:76, ack 1, win 502, length 75: HTTP, le\n\tGET / HTTP/1.1\n";
    let printed = read(text.as_bytes()).0.into_iter().find_map(|seen| match seen.what {
        What::Segment(_, printed) => Some(printed),
        _ => None,
    });
    assert_eq!(printed.as_deref(), Some(&b"GET / HTTP/1.1\n"[..]));
}

#[test]
fn the_rest_of_a_broken_name_is_no_payload() {
    let whole = "HTTP, length: 75";
    for at in 0..whole.len() {
        let (before, after) = whole.split_at(at);
        let text = format!(
            "10:00:00.000001 IP (tos 0x0, ttl 64, id 1, offset 0, flags [DF], proto TCP (6), length 115)\n    \
             192.0.2.10.40000 > 198.51.100.20.80: Flags [P.], seq 1:76, ack 1, win 502, length 75: {before}\n{after}\n\tGET / HTTP/1.1\n"
        );
        let printed = read(text.as_bytes()).0.into_iter().find_map(|seen| match seen.what {
            What::Segment(_, printed) => Some(printed),
            _ => None,
        });
        assert_eq!(printed.as_deref(), Some(&b"GET / HTTP/1.1\n"[..]), "{text}");
    }
}

#[test]
fn what_was_decoded_of_tls_may_be_wrapped() {
    let decoded = |after: &str| {
        let text = format!(
            "10:00:00.000001 IP 192.0.2.10.40000 > 198.51.100.20.443: Flags [P.], seq 1:8, ack 1, win 502, length 7: {after}\n"
        );
        let mut transcript = Transcript::new("-".to_owned(), 0, text.as_bytes());
        let Ok(Some(Record::Printed(packet))) = transcript.next_record() else { panic!("{text}") };
        let Content::Segment(segment) = packet.content else { panic!("{text}") };
        segment.decoded.to_owned()
    };
    let hello = "TLSv1.0: Client Hello (SNI=ssm.example.net)";
    for wrapped in [hello.to_owned(), hello.replace(": C", ":\nC"), hello.replace("ssm.", "ssm.\n")] {
        assert_eq!(decoded(&wrapped), hello, "{wrapped}");
    }
    assert_eq!(decoded("TLSv1.0: Client Hello\nand then nothing"), "TLSv1.0: Client Hello");
}

#[test]
fn what_was_decoded_of_a_protocol_may_be_broken_anywhere() {
    let lines = [
        "10:00:00.000001 IP 192.0.2.10.40000 > 198.51.100.20.80: Flags [P.], seq 1:38, ack 1, win 502, length 37: HTTP: GET /index HTTP/1.1",
        "10:00:00.000002 IP 198.51.100.20.80 > 192.0.2.10.40000: Flags [P.], seq 1:342, ack 38, win 502, length 341: HTTP: HTTP/1.1 400 Bad Request",
        "10:00:00.000003 IP 192.0.2.10.40000 > 198.51.100.20.80: Flags [P.], seq 38:78, ack 342, win 502, length 40: HTTP",
        "10:00:00.000004 IP 192.0.2.10.40000 > 198.51.100.20.80: Flags [.], ack 1, win 502, length 0",
    ];
    let printed = |text: &str| {
        let mut transcript = Transcript::new("-".to_owned(), 0, text.as_bytes());
        let mut printed = Vec::new();
        while let Some(record) = transcript.next_record().expect("bytes in memory can be read") {
            let Record::Printed(packet) = record else { continue };
            let Content::Segment(segment) = packet.content else { panic!("{text}") };
            printed.push((segment.header.payload_len, String::from_utf8_lossy(segment.printed).into_owned()));
        }
        printed
    };
    let expected = printed(&lines.join("\n"));
    assert_eq!(expected[1], (Some(341), "HTTP/1.1 400 Bad Request\r\n".to_owned()));
    for width in 60..=125 {
        let broken: String = lines
            .iter()
            .flat_map(|line| line.as_bytes().chunks(width))
            .map(|piece| String::from_utf8_lossy(piece).into_owned() + "\n")
            .collect();
        assert_eq!(printed(&broken), expected, "{width}: {broken}");
    }
    // The characters of a packet below it are none of the words.
    let characters = format!("{}\nE..(..@.@.&.....3d..P..........P...st..GET /index HTTP/1.1\n", lines[0]);
    assert!(printed(&characters)[0].1.starts_with("GET /index HTTP/1.1"), "{:?}", printed(&characters));
}

#[test]
fn a_mail_wraps_each_link_header_at_the_same_place() {
    let packet = |second: u32| {
        format!(
            "10:00:0{second}.000000 02:00:00:00:00:01 > 02:00:00:00:00:02, ethertype IPv4\n(0x0800), length 74: IP \
             192.0.2.10.40000 > 198.51.100.20.443: Flags [S], seq 1, win 502, length 0\n"
        )
    };
    let text = format!("{}{}{}", packet(0), packet(1), packet(3));
    assert_eq!(summaries(&text), ["192.0.2.10.40000 > 198.51.100.20.443 S 0"; 3]);
}

#[test]
fn a_packet_filter_s_log_names_its_rules() {
    let line = "10:00:00.000001 rule 3/0(match): block in on em0: 192.0.2.10.40000 > 198.51.100.20.443: Flags [S], seq 1, win \
                502, length 0";
    assert_eq!(note(line), "the text is a packet filter's log: block by rule 3/0 on em0 (1 packet)");
}

/// A packet of two lines in what surrounds it, each line with it.
#[test]
fn what_surrounds_the_lines_is_removed() {
    let packets = [
        "10:00:00.000001 IP (tos 0x0, ttl 64, id 7, offset 0, flags [DF], proto TCP (6), length 140)",
        "    192.0.2.10.40000 > 198.51.100.20.443: Flags [P.], seq 1:101, ack 1, win 502, length 100",
        "10:00:00.000002 IP (tos 0x0, ttl 64, id 8, offset 0, flags [DF], proto TCP (6), length 40)",
        "    198.51.100.20.443 > 192.0.2.10.40000: Flags [.], ack 101, win 502, length 0",
    ];
    let expected =
        ["192.0.2.10.40000 > 198.51.100.20.443 P. 100", "198.51.100.20.443 > 192.0.2.10.40000 . 0"];
    for (around, prefix) in [
        ("docker compose", "client-1  | "),
        ("kubectl logs --prefix", "[pod/client-7/sniffer] "),
        ("journald", "Nov 28 10:00:01 host.example.net tcpdump[712]: "),
        ("RFC 5424", "2026-11-28T10:00:01.123456+00:00 host tcpdump: "),
        ("a logger", "2026-11-28 10:00:01 UTC - sniffer - INFO - "),
        ("docker logs -t", "2026-11-28T10:00:01.123456789Z "),
        ("a comment", " *   "),
        ("a shell's comment", "# "),
        ("a diff", "+"),
        ("a mail", "> > "),
        ("a table", "| "),
        ("a list", "- "),
        ("a Kubernetes log", "2026-11-28T10:00:01.123456789Z stdout F "),
        ("stern", "client-7 sniffer "),
    ] {
        let text = packets.map(|line| [prefix, line].concat()).join("\n");
        assert!(looks_like_transcript(text.as_bytes()), "{around}");
        assert_eq!(summaries(&text), expected, "{around}");
    }
    let page = format!(
        "<pre><code>{}\n{}</code></pre><p>and</p><br>{}\n{}<br/>",
        packets[0], packets[1], packets[2], packets[3]
    );
    assert_eq!(summaries(&page), expected);
    assert_eq!(summaries(&page.replace('>', "&gt;").replace('<', "&lt;")), expected);
    let glued = format!(
        "user@host:~$ sudo tcpdump -ni eth0 -v {}\n{}\n{} {}",
        packets[0], packets[1], packets[2], packets[3]
    );
    assert_eq!(summaries(&glued), expected);
}

#[test]
fn a_file_of_powershell_and_a_numbered_table_are_read() {
    let lines = [
        "10:00:00.000001 IP (tos 0x0, ttl 64, id 7, offset 0, flags [DF], proto TCP (6), length 140)",
        "    192.0.2.10.40000 > 198.51.100.20.443: Flags [P.], seq 1:101, ack 1, win 502, length 100",
    ];
    let expected = ["192.0.2.10.40000 > 198.51.100.20.443 P. 100"];
    let file: Vec<u8> =
        std::iter::once(0xfeff).chain(lines.join("\r\n").encode_utf16()).flat_map(u16::to_le_bytes).collect();
    assert!(looks_like_transcript(&file));
    let (seen, _) = read(&file);
    assert_eq!(seen.len(), 1);
    for (left, right) in [("| ", " |"), ("**", "**"), ("`", "`"), ("\"", "\","), ("", " ..."), ("- ", "")] {
        let text = lines.map(|line| format!("{left}{line}{right}")).join("\n");
        assert_eq!(summaries(&text), expected, "{text}");
    }
    let numbered = lines.iter().zip(9..).map(|(line, number)| format!("{number}. {line}\n"));
    assert_eq!(summaries(&numbered.collect::<String>()), expected);
}

#[test]
fn rows_of_a_packet_list_may_have_a_prefix() {
    let row = "1 0.000000 192.0.2.10 → 198.51.100.20 TCP 74 40000 → 443 [SYN] Seq=0 Win=64240 Len=0 MSS=1460";
    for prefix in ["- ", "# ", "client-1  | ", "[pod/client-7/sniffer] ", "+"] {
        let text =
            format!("{prefix}{row}\n{prefix}{}", row.replace("1 0.0", "2 1.0").replace("[SYN]", "[RST]"));
        let expected =
            ["192.0.2.10.40000 > 198.51.100.20.443 S 0", "192.0.2.10.40000 > 198.51.100.20.443 R 0"];
        assert_eq!(summaries(&text), expected, "{prefix}");
    }
}

#[test]
fn packets_that_lost_their_line_ends_are_several() {
    let one = "10:00:00.000001 IP 192.0.2.10.40000 > 198.51.100.20.443: Flags [S], seq 1, win 502, length 0";
    let two =
        "10:00:00.000002 IP 198.51.100.20.443 > 192.0.2.10.40000: Flags [R.], seq 0, ack 2, win 0, length 0";
    let expected = ["192.0.2.10.40000 > 198.51.100.20.443 S 0", "198.51.100.20.443 > 192.0.2.10.40000 R. 0"];
    assert_eq!(summaries(&format!("{one} {two}")), expected);
    let broken = format!("{}\n{} {two}", &one[..70], &one[70..]);
    assert_eq!(summaries(&broken), expected);
}

#[test]
fn a_line_may_be_broken_between_the_ends() {
    let expected = ["192.0.2.10.40000 > 198.51.100.20.443 S 0"];
    for before in ["IP ", "", "802.1Q vlan#7 P0 ", "rule 0/0(match): block in on em0: ", "eth0  In  IP "] {
        let text = format!(
            "10:00:00.000001 {before}192.0.2.10.40000 >\n198.51.100.20.443: Flags [S], seq 1, win 502, length 0\n"
        );
        assert!(looks_like_transcript(text.as_bytes()), "{text}");
        assert_eq!(summaries(&text), expected, "{text}");
    }
}

#[test]
fn a_line_may_be_broken_after_the_ends() {
    let text = "10:00:00.123 192.0.2.10.40000 > 198.51.100.20.443:\n     S 1:1(0) win 502\n10:00:00.124 gw.example.net > \
                192.0.2.10:\n     icmp: host 198.51.100.20 unreachable\n";
    assert_eq!(summaries(text), ["192.0.2.10.40000 > 198.51.100.20.443 S 0", "ICMP 3/1"]);
}

/// A SYN of one port and its refusal.
fn refused(port: u16, second: &str) -> String {
    format!(
        "10:00:{second}.000001 IP 192.0.2.10.{port} > 198.51.100.20.443: Flags [S], seq 1, win 502, length 0\n\
         10:00:{second}.000002 IP 198.51.100.20.443 > 192.0.2.10.{port}: Flags [R.], seq 0, ack 2, win 0, length 0\n"
    )
}

#[test]
fn two_captures_in_one_text_are_two() {
    let banner = "tcpdump: listening on eth0, link-type EN10MB (Ethernet), snapshot length 262144 bytes\n";
    let (one, other) = (refused(40_000, "00"), refused(40_001, "09"));
    for (between, first, second) in [
        (banner, &one, &one),
        ("user@host:~$ tcpdump -ni eth0 port 443\n", &one, &other),
        ("2 packets captured\n2 packets received by filter\n", &one, &other),
        ("\nOn the server:\n", &one, &one),
        ("# after the change\n", &one, &other),
        ("```\n\nAnd then\n\n```\n", &other, &one),
        ("\n", &other, &one),
    ] {
        let text = format!("{first}{between}{second}");
        let found = summaries(&text);
        assert_eq!(found.get(2).map(String::as_str), Some("next capture"), "{text}");
        assert_eq!(found.len(), 5, "{text}");
        assert!(note(&text).contains("the text holds 2 captures"), "{text}");
        // Only one of the two may say how many packets it captured.
        assert!(!note(&text).contains("not all of its output"), "{text}");
    }
}

#[test]
fn comments_between_the_packets_of_one_capture_do_not_part_it() {
    let (one, other) = (refused(40_000, "00"), refused(40_001, "01"));
    let commented = one.replacen('\n', "\n\n(and then the server refuses)\n\n", 1);
    for text in [format!("{one}\n# the next attempt\n{other}"), commented, format!("{one}\n\n{other}")] {
        assert!(!summaries(&text).contains(&"next capture".to_owned()), "{text}");
    }
}

#[test]
fn rows_that_were_left_out_separate_what_follows_a_pause() {
    let (one, later, soon) = (refused(40_000, "00"), refused(40_001, "20"), refused(40_001, "01"));
    for dots in ["...\n", "\n...\n\n", "[...]\n", "\u{2026}\n", "......\n"] {
        let found = summaries(&format!("{one}{dots}{later}"));
        assert_eq!(found.get(2).map(String::as_str), Some("next capture"), "{dots}");
        for same in [&soon, &refused(40_000, "20")] {
            assert!(!summaries(&format!("{one}{dots}{same}")).contains(&"next capture".to_owned()), "{dots}");
        }
    }
    // With -A dots are bytes.
    let characters = one.replacen('\n', "\nE..(..@.@.......\n....\n", 1);
    let again = later.lines().next().unwrap_or_default();
    assert!(
        !summaries(&format!("{characters}E..(..@.@.......\n....\n{again}\n"))
            .contains(&"next capture".to_owned())
    );
}

#[test]
fn one_mistyped_time_does_not_part_what_an_acknowledgement_ties() {
    let syn =
        "10:07:00.000001 IP 192.0.2.10.40000 > 198.51.100.20.443: Flags [S], seq 700, win 502, length 0\n";
    let answer = |ack: u32| {
        format!(
            "10:01:00.000002 IP 198.51.100.20.443 > 192.0.2.10.40000: Flags [S.], seq 900, ack {ack}, win 502, length 0\n"
        )
    };
    let parted = |text: &str| summaries(text).contains(&"next capture".to_owned());
    let mistyped = format!("{syn}{}", answer(701));
    assert!(!parted(&mistyped) && note(&mistyped).contains("1 time goes back"), "{}", note(&mistyped));
    let (seen, _) = read(mistyped.as_bytes());
    assert_eq!(seen[1].at, seen[0].at);
    assert!(parted(&format!("{syn}{}", answer(801))));
    assert!(parted(&format!("{syn}{}", syn.replace("10:07", "10:01"))));
}

#[test]
fn times_of_another_kind_begin_another_capture() {
    let line = "IP 192.0.2.10.40000 > 198.51.100.20.443: Flags [.], ack 1, win 502, length 0\n";
    let text = format!("10:00:00.000001 {line}1700000000.000001 {line}");
    assert_eq!(summaries(&text).get(1).map(String::as_str), Some("next capture"));
}

#[test]
fn where_the_bytes_end_within_the_tcp_header_the_words_count() {
    let words = "10:00:00.000001 IP 192.0.2.10.40000 > 198.51.100.20.443: Flags [F.], seq 1, ack 1, win 502, length 0\n";
    let bytes = "\t0x0000:  4500 0028 0001 4000 4006 26cd c000 020a  E..(..@.@.&.....\n\t0x0010:  c633 6414 9c40 01bb 0000 0007 0000 0000  .3d..@..........\n";
    let whole = "\t0x0020:  5002 03e8 7374 0000                      P...st..\n";
    assert_eq!(summaries(&format!("{words}{bytes}")), ["192.0.2.10.40000 > 198.51.100.20.443 F. 0"]);
    assert_eq!(summaries(&format!("{words}{bytes}{whole}")), ["frame"]);
}

#[test]
fn a_firewall_s_reason_is_reported() {
    let text = "10:00:00.000001 192.0.2.10.40000 > 198.51.100.20.443: S 164248457 Drop-reason: (acl-drop) Flow is denied\n";
    assert_eq!(summaries(text), ["192.0.2.10.40000 > 198.51.100.20.443 S ?"]);
    assert!(note(text).contains("dropped packets: (acl-drop) Flow is denied (1 packet)"), "{}", note(text));
    let cut = "10:00:00.000001 192.0.2.10.40000 > 198.51.100.20.443: S 164248457 Drop-reason:\n (acl-drop) Flow is denied\n";
    assert_eq!(summaries(cut), ["192.0.2.10.40000 > 198.51.100.20.443 S ?"]);
    assert!(note(cut).contains("dropped packets: (acl-drop) Flow is denied (1 packet)"), "{}", note(cut));
    let wrapped = "10:00:00.000001 192.0.2.10.40000 > 198.51.100.20.443: S\n    1:1(0) win 502 Drop-reason: (acl-drop)\n    \
                   Flow is denied\n";
    assert_eq!(summaries(wrapped), ["192.0.2.10.40000 > 198.51.100.20.443 S 0"]);
    assert!(
        note(wrapped).contains("dropped packets: (acl-drop) Flow is denied (1 packet)"),
        "{}",
        note(wrapped)
    );
}

#[test]
fn a_line_whose_arrow_a_page_took_is_read() {
    let text = "10:00:00.000001 IP 192.0.2.10.40000 198.51.100.20.443: S 1:1(0) win 502\n";
    assert!(looks_like_transcript(text.as_bytes()));
    assert_eq!(summaries(text), ["192.0.2.10.40000 > 198.51.100.20.443 S 0"]);
}

#[test]
fn pktmon_prints_a_packet_at_each_component() {
    let packet = |number: u32, appearance: u32, flags: &str| {
        format!(
            "10:00:00.539704700 PktGroupId 5, PktNumber {number}, Appearance {appearance}, Direction Tx , Type Ethernet , Component 78\n\
             \t02-00-00-00-00-01 > 02-00-00-00-00-02, ethertype IPv4 (0x0800), length 66: 192.0.2.10.40000 > 198.51.100.20.443: \
             Flags [{flags}], seq 1, win 502, length 0\n"
        )
    };
    let text = format!("{}{}{}", packet(1, 1, "S"), packet(1, 2, "S"), packet(2, 1, "S"));
    assert!(looks_like_transcript(text.as_bytes()));
    assert_eq!(summaries(&text), ["192.0.2.10.40000 > 198.51.100.20.443 S 0"; 2]);
    assert!(note(&text).contains("1 packet printed again at another component"), "{}", note(&text));
}

/// What a firewall did with each packet of `text`, as it says.
fn filtered(text: &str) -> Vec<Option<Filtered>> {
    let mut transcript = Transcript::new("-".to_owned(), 0, text.as_bytes());
    let mut filtered = Vec::new();
    while let Some(record) = transcript.next_record().expect("bytes in memory can be read") {
        let Record::Printed(packet) = record else { panic!("a printed packet") };
        filtered.push(packet.filtered);
    }
    filtered
}

#[test]
fn what_a_firewall_did_is_known_of_each_packet() {
    let packet = |prefix: &str, reason: &str| {
        format!("10:00:00.000001 {prefix}192.0.2.10.40000 > 198.51.100.20.443: S 7:7(0) win 502{reason}\n")
    };
    let text = packet("rule 3/0(match): pass in on em0: ", "")
        + &packet("rule 4/0(match): block in on em0: ", "")
        + &packet("", " Drop-reason: (acl-drop) Flow is denied")
        + &packet("", "");
    let (passed, dropped) = (Some(Filtered::Passed), Some(Filtered::Dropped));
    assert_eq!(filtered(&text), [passed, dropped, dropped, None]);
}

#[test]
fn a_packet_filter_s_line_that_a_page_broke_after_its_arrow_is_read() {
    let text = "Apr 29 22:07:36.097434 rule 16/(match) pass in on em0: 192.0.2.10.40000 >\n\
                198.51.100.20.443: P 7:83(76) ack 9 win 502 [tos 0x10]\n\
                Apr 29 22:07:36.098386 rule def/(match) pass out on em0: 198.51.100.20.443 >\n\
                192.0.2.10.40000: . ack 83 win 502 (DF)\n";
    let expected = ["192.0.2.10.40000 > 198.51.100.20.443 P. 76", "198.51.100.20.443 > 192.0.2.10.40000 . 0"];
    assert_eq!(summaries(text), expected);
}

#[test]
fn numbers_without_the_length_after_them_are_read() {
    let text =
        "10:00:00.000001 192.0.2.10.40000 > 198.51.100.20.443: S 164248457:164248457 win 502 <mss 1380>\n";
    assert!(looks_like_transcript(text.as_bytes()));
    assert_eq!(summaries(text), ["192.0.2.10.40000 > 198.51.100.20.443 S 0"]);
}

#[test]
fn a_refusal_that_is_counted_from_its_syn_acknowledges_it() {
    let text = "10:00:00.000001 IP 192.0.2.10.40000 > 198.51.100.20.443: Flags [S], seq 123456, win 502, length 0\n\
                10:00:00.000002 IP 198.51.100.20.443 > 192.0.2.10.40000: Flags [R.], seq 0, ack 1, win 0, length 0\n";
    assert_eq!(segments(text)[1].tcp.ack, Some(Seq(123_457)));
    // The number of a RST that belongs to something older is as it is.
    let older = text.replace("ack 1,", "ack 99999999,");
    assert_eq!(segments(&older)[1].tcp.ack, Some(Seq(99_999_999)));
}

#[test]
fn rows_that_were_left_out_part_no_connection_that_continues() {
    let syn = |at: &str, port: u16| {
        format!(
            "10:00:{at} IP 192.0.2.10.{port} > 198.51.100.20.443: Flags [S], seq 700, win 502, length 0\n"
        )
    };
    for dots in ["...", "[snip]", "-- cut --"] {
        let same = format!("{}{dots}\n{}", syn("00.000001", 40000), syn("15.000001", 40000));
        assert_eq!(summaries(&same).len(), 2, "{dots}");
        // If a connection does not continue, its answer may have been in these rows.
        let other = format!("{}{dots}\n{}", syn("00.000001", 40000), syn("15.000001", 40001));
        assert!(summaries(&other).contains(&"next capture".to_owned()), "{dots}");
    }
}

#[test]
fn lines_that_were_changed_throughout_are_read() {
    let line = "10:00:00.000001 IP 192.0.2.10.40000 > 198.51.100.20.443: Flags [S], seq 7, win 502, options [mss 1460], length 0\n";
    let verbose = "10:00:00.000001 IP (tos 0x0, ttl 64, id 1, offset 0, flags [DF], proto TCP (6), length 44)\n    \
                   192.0.2.10.40000 > 198.51.100.20.443: Flags [S], seq 7, win 502, options [mss 1460], length 0\n";
    for text in [line, verbose] {
        for changed in [
            text.to_ascii_uppercase(),
            text.replace(": Flags", ":Flags"),
            text.replace(" > ", ">"),
            text.replace(' ', "  "),
        ] {
            assert!(looks_like_transcript(changed.as_bytes()), "{changed}");
            assert_eq!(summaries(&changed), ["192.0.2.10.40000 > 198.51.100.20.443 S 0"], "{changed}");
        }
    }
}

#[test]
fn pktmon_names_the_reason_of_a_drop_and_may_be_wrapped() {
    let packet = |head: &str| {
        format!(
            "10:00:00.539704700 {head}PktGroupId 5, PktNumber 1, Appearance 1, Direction Rx , Type \nEthernet , Component 78, \
             DropReason INET_ACL , DropLocation 0xE0004522\n\t02-00-00-00-00-01 > 02-00-00-00-00-02, ethertype IPv4 (0x0800), length 6\n\
             6: 192.0.2.10.40000 > 198.51.100.20.443: Flags [S], seq 1, win 502, length 0\n"
        )
    };
    for (head, dropped) in [("", None), ("Drop: ", Some(Filtered::Dropped))] {
        let text = packet(head);
        assert!(looks_like_transcript(text.as_bytes()));
        assert_eq!(summaries(&text), ["192.0.2.10.40000 > 198.51.100.20.443 S 0"], "{head}");
        assert_eq!(filtered(&text), [dropped]);
    }
    assert!(note(&packet("Drop: ")).contains("INET_ACL (1 packet)"), "{}", note(&packet("Drop: ")));
}

#[test]
fn a_row_that_lost_its_time_has_that_of_the_one_before() {
    let row = |time: &str, flags: &str| {
        format!("{time}IP 192.0.2.10.40000 > 198.51.100.20.443: Flags [{flags}], seq 7, win 502, length 0\n")
    };
    let rows = row("10:00:00.000001 ", "S") + &row("", "R") + &row("10:00:01.000001 ", "S");
    let (seen, _) = read(rows.as_bytes());
    assert_eq!(seen.len(), 3);
    assert_eq!(seen[0].at, seen[1].at);
    assert_eq!(summaries(&(row("", "S") + &row("10:00:01.000001 ", "R"))).len(), 2);
    // Inside a tunnel no time precedes it.
    let tunnel = "10:00:00.000001 IP 10.0.0.1.58472 > 10.0.0.2.4789: VXLAN, flags [I] (0x08), vni 0\n";
    assert_eq!(summaries(&format!("{tunnel}{}", row("", "S"))), ["192.0.2.10.40000 > 198.51.100.20.443 S 0"]);
}

#[test]
fn times_since_the_packet_before_go_up_and_down_within_one_capture() {
    let line = |time: &str, port: u16| {
        format!("{time} IP 192.0.2.10.{port} > 198.51.100.20.443: Flags [S], seq 5, win 1, length 0\n")
    };
    let captures = |times: &[&str]| {
        let text: String = times.iter().map(|time| line(time, 40_000)).collect();
        1 + summaries(&text).iter().filter(|summary| *summary == "next capture").count()
    };
    let deltas =
        [" 00:00:00.000000", " 00:00:03.500000", " 00:00:00.000020", " 00:02:10.000000", " 00:00:00.000000"];
    assert_eq!(captures(&deltas), 1);
    assert_eq!(captures(&deltas[1..3]), 1, "the first line may be missing");
    // Since the first packet they never fall, and of a day they are long.
    let elapsed =
        [" 00:00:00.000000", " 00:00:03.500000", " 00:00:04.000000", " 00:00:00.000000", " 00:00:01.000000"];
    assert_eq!(captures(&elapsed), 2);
    assert_eq!(captures(&["10:00:05.000000", "10:00:07.000000", "10:00:00.000000"]), 2);
}

#[test]
fn a_trace_below_a_packet_says_that_the_firewall_dropped_it() {
    let text = "   1: 10:00:00.000001 0001.0203.0405 0607.0809.0a0b 0x0800 Length: 66\n      \
                192.0.2.10.40000 > 198.51.100.20.443: S [tcp sum ok] 5:5(0) win 8192 <mss 1460> (DF) (ttl 127, id 7)\n\
                Phase: 1\nType: ACCESS-LIST\nResult: DROP\nConfig:\naccess-list outside extended deny ip any any\n\n\
                Result:\ninput-interface: INSIDE(vrfid:0)\ninput-status: up\nAction: drop\n\
                Drop-reason: (acl-drop) Flow is denied by configured rule\n";
    assert!(note(text).contains("acl-drop"), "{}", note(text));
    assert_eq!(summaries(text), ["192.0.2.10.40000 > 198.51.100.20.443 S 0"]);
}

#[test]
fn a_mark_of_rows_that_were_left_out_is_a_place_without_packets() {
    let rows = |mark: &str, ports: &str| {
        format!(
            "    1   0.000000    192.0.2.10 \u{2192} 198.51.100.20 TCP 74 40000 \u{2192} 443 [SYN] Seq=0 Win=502 Len=0\n{mark}\
             \u{20}  31   9.700058    198.51.100.20 \u{2192} 192.0.2.10 TCP 60 {ports} [RST, ACK] Seq=1 Ack=1 Win=0 Len=0\n"
        )
    };
    let places =
        |text: &str| read(text.as_bytes()).1.unread.iter().map(|line| line.behind).collect::<Vec<_>>();
    let (same, other) = ("443 \u{2192} 40000", "443 \u{2192} 40001");
    for mark in ["   ...\n", "...\n", "   ... other rows ...\n", "   [...]\n"] {
        assert_eq!(places(&rows(mark, other)), [1], "{mark}");
        // Its numbers show what is missing of a conversation that continues.
        assert_eq!(places(&rows(mark, same)), [0; 0], "{mark}");
    }
    assert_eq!(places(&rows("", other)), [0; 0]);
}

#[test]
fn a_line_that_was_broken_after_its_time_is_read() {
    let line = "IP 192.0.2.10.40000 > 198.51.100.20.443: Flags [P.], seq 1:101, ack 1, win 502, length 100\n";
    for time in ["1609428918.918122", "10:00:00.918122", "2021-01-13 10:00:00.918122"] {
        let text = format!("{time} {line}{time}\n    {line}{time}\n{line}");
        assert_eq!(summaries(&text), ["192.0.2.10.40000 > 198.51.100.20.443 P. 100"; 3], "{time}");
    }
    // What comes after an empty line is not the rest.
    let text = format!("10:00:00.000001 {line}10:00:00.918122\n\n    {line}");
    assert_eq!(summaries(&text).len(), 1, "{:?}", summaries(&text));
}

#[test]
fn rows_whose_line_ends_a_page_lost_are_read() {
    let rows = [
        "404 10.145072000   192.0.2.10           198.51.100.20       TCP      54     aker-cdp > https [ACK] Seq=682 Ack=7601 Win=65 Len=0",
        "405 10.350617000   192.0.2.10           198.51.100.20       TCP      54     aker-cdp > https [FIN, ACK] Seq=682 Ack=7601 Win=65 Len=0",
        "406 10.350661000   198.51.100.20        192.0.2.10          TCP      54     https > aker-cdp [RST, ACK] Seq=7601 Ack=683 Win=0 Len=0",
    ];
    let apart = summaries(&rows.join("\n"));
    assert_eq!(apart.len(), 3);
    for before in
        ["", "No.     Time   Source   Destination   Protocol Length Info     ", "Why is it so? <code>"]
    {
        let text = format!("{before}{}\n", rows.join("     "));
        assert_eq!(summaries(&text), apart, "{text}");
    }
    // The ports of one row are no numbers of others.
    let row = "1 0.000000    192.0.2.10        25452      198.51.100.20         443        TCP      66     25452 > https [SYN] Seq=0 Win=8192 \
               Len=0 MSS=1380 WS=256 SACK_PERM=1";
    assert_eq!(summaries(row).len(), 1);
}

#[test]
fn hosts_that_are_masked_in_brackets_are_hosts() {
    let text = "14:23:19.900936 [eth2 ip].ftp-data > [remote ip].33050: S 982153112:2982153112(0) win 5840 <mss 1460>\n\
                14:23:19.962487 [remote ip].33050 > [eth2 ip].ftp-data: S 8335459:78335459(0) ack 2982153113 win 5792 <mss 1460>\n";
    assert_eq!(
        summaries(text),
        ["[eth2_ip].20 > [remote_ip].33050 S 0", "[remote_ip].33050 > [eth2_ip].20 S. 0"]
    );
    let (seen, _) = read(text.as_bytes());
    let numbers = |seen: &Seen| match &seen.what {
        What::Segment(header, _) => (header.tcp.seq, header.tcp.ack),
        other => panic!("{other:?}"),
    };
    // Each number that lost its first digit is the one that the other side acknowledges.
    assert_eq!(numbers(&seen[0]).0, Some(Seq(2_982_153_112)));
    assert_eq!(numbers(&seen[1]), (Some(Seq(78_335_459)), Some(Seq(2_982_153_113))));
}

#[test]
fn a_line_that_is_quoted_again_is_no_packet() {
    let text = refused(40_000, "00");
    let first = text.lines().next().unwrap_or_default();
    for quoted in [first.to_owned(), first.replace(", seq", ", <SNIP> seq"), format!("1. [SYN] `{first}`")] {
        let explained =
            format!("{text}\nThe first line is the request:\n\n{quoted}\n\nand then the answer.\n");
        assert_eq!(summaries(&explained).len(), 2, "{explained}: {:?}", summaries(&explained));
        assert!(note(&explained).contains("1 packet shown again and counted once"), "{}", note(&explained));
    }
    // What follows it at once shows that it is the beginning of another capture.
    assert_eq!(summaries(&format!("{text}\nOn the other side:\n\n{text}")).len(), 5);
    // Without words between them they are two packets of one moment, as of two interfaces; and a repeat has a time of its own.
    assert_eq!(summaries(&format!("{first}\n{first}\n")).len(), 2);
    let later = first.replace("10:00:00", "10:00:01");
    assert_eq!(summaries(&format!("{first}\n\nAgain after a second:\n\n{later}\n")).len(), 2);
}

#[test]
fn characters_after_an_empty_line_of_a_payload_are_no_words() {
    let (one, later) = (refused(40_000, "00"), refused(40_001, "20"));
    let text = format!(
        "{one}E..N.u@.@.Ud.Rr.\n\n.[...F`9...........o.....\n....Lu........o..3nr#H....B.......\n{later}"
    );
    assert!(!summaries(&text).contains(&"next capture".to_owned()), "{text}");
}
