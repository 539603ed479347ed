//! Each way in which tcpdump and its kin print one segment, and what stands before and behind it.

use super::*;

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
            Record::Idle(_) => "idle".to_owned(),
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
        "10:00:00.000001 eth0 > 192.0.2.10.40000 > 198.51.100.20.443: P 1:101(100) ack 1 win 502",
        "10:00:00.000001 eth0  Out IP 192.0.2.10.40000 > 198.51.100.20.443: Flags [P.], seq 1:101, ack 1, win 502, length 100",
        "10:00:00.000001 (en0, proc Some App:244, svc BE, out) IP 192.0.2.10.40000 > 198.51.100.20.443: Flags [P.], seq 1:101, \
         ack 1, win 502, length 100",
        "10:00:00.000001 0:1:2:3:4:5 6:7:8:9:a:b ip 154: 192.0.2.10.40000 > 198.51.100.20.443: P 1:101(100) ack 1 win 502",
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
fn a_packet_filter_s_log_names_its_rules() {
    let line = "10:00:00.000001 rule 3/0(match): block in on em0: 192.0.2.10.40000 > 198.51.100.20.443: Flags [S], seq 1, win \
                502, length 0";
    assert_eq!(note(line), "the text is a packet filter's log: block by rule 3/0 on em0 (1 packet)");
}
