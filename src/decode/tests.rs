//! Frames built byte by byte, each decoded by a decoder of its own unless fragments are the point.

use etherparse::PacketBuilder;
use proptest::prelude::*;

use super::*;
use crate::packet::{Checksum, Direction, Flags, Neighbour, Origin, Segment, Seq};

const SENT: &[u8] = b"twelve bytes";

/// An Ethernet frame's first twelve bytes.
const MACS: [u8; 12] = [2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2];

fn join(parts: &[&[u8]]) -> Vec<u8> {
    parts.concat()
}

fn ethernet(ether_type: u16, inner: &[u8]) -> Vec<u8> {
    join(&[&MACS, &ether_type.to_be_bytes(), inner])
}

/// An IPv4 packet with a segment of twelve bytes in it.
fn tcp4() -> Vec<u8> {
    let builder =
        PacketBuilder::ipv4([10, 0, 0, 1], [10, 0, 0, 2], 64).tcp(40000, 8443, 1000, 512).ack(77).psh();
    let mut bytes = Vec::new();
    builder.write(&mut bytes, SENT).unwrap();
    bytes
}

/// The same with a connection's number in place of IP's protocol (RFC 1144, 3.2.3).
fn numbered4() -> Vec<u8> {
    let mut bytes = tcp4();
    bytes[9] = 5;
    bytes
}

fn tcp6() -> Vec<u8> {
    let (source, destination) = ([0x20; 16], [0x21; 16]);
    let builder = PacketBuilder::ipv6(source, destination, 64).tcp(40000, 8443, 1000, 512).ack(77).psh();
    let mut bytes = Vec::new();
    builder.write(&mut bytes, SENT).unwrap();
    bytes
}

/// The bytes after the IP header of [`tcp4`].
fn segment4() -> Vec<u8> {
    tcp4()[20..].to_vec()
}

/// An IPv4 header without checksum before `payload`.
fn ip4(protocol: u8, id: u16, fragment: u16, payload: &[u8]) -> Vec<u8> {
    let length = (20 + payload.len() as u16).to_be_bytes();
    let (id, fragment) = (id.to_be_bytes(), fragment.to_be_bytes());
    let fixed = [&[0x45, 0], &length[..], &id, &fragment, &[64, protocol, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2]];
    join(&[&fixed.concat(), payload])
}

fn ip6(next: u8, payload: &[u8]) -> Vec<u8> {
    let length = (payload.len() as u16).to_be_bytes();
    join(&[&[0x60, 0, 0, 0], &length, &[next, 64], &[0x20; 16], &[0x21; 16], payload])
}

fn udp(destination: u16, payload: &[u8]) -> Vec<u8> {
    let length = (8 + payload.len() as u16).to_be_bytes();
    join(&[&49152u16.to_be_bytes(), &destination.to_be_bytes(), &length, &[0, 0], payload])
}

fn frame(link_type: u32, bytes: &[u8]) -> Frame<'_> {
    let wire_len = bytes.len() as u32;
    let origin = Origin { file: 0, number: 1 };
    Frame { number: 1, origin, at: Timestamp::from_nanos(0), link_type, wire_len, bytes }
}

/// Decodes one frame and passes the packet to `check`.
fn decoded<T>(link_type: u32, bytes: &[u8], check: impl FnOnce(Packet<'_>) -> T) -> T {
    check(Decoder::new().decode(&frame(link_type, bytes)))
}

fn segment<'a>(packet: &Packet<'a>) -> Segment<'a> {
    match packet.content {
        Content::Segment(segment) => segment,
        ref other => panic!("a segment was expected: {other:?}"),
    }
}

fn other(link_type: u32, bytes: &[u8]) -> Other {
    decoded(link_type, bytes, |packet| match packet.content {
        Content::Other(other) => other,
        content => panic!("nothing that is followed was expected: {content:?}"),
    })
}

#[track_caller]
fn assert_carries_the_segment(link_type: u32, bytes: &[u8]) {
    decoded(link_type, bytes, |packet| {
        let segment = segment(&packet);
        let tcp = segment.header.tcp;
        assert_eq!((tcp.source_port, tcp.destination_port), (40000, 8443));
        assert_eq!((tcp.seq, tcp.ack), (Some(Seq(1000)), Some(Seq(77))));
        assert_eq!(tcp.flags, Some(Flags(Flags::PSH | Flags::ACK)));
        assert_eq!((tcp.window, tcp.header_len), (Some(512), Some(20)));
        assert!(matches!(tcp.checksum, Checksum::Correct(_)), "{:?}", tcp.checksum);
        assert_eq!((segment.header.payload_len, segment.payload), (Some(12), SENT));
        assert!(!packet.is_cut);
    });
}

// Link types

#[test]
fn every_link_type_leads_to_the_segment() {
    let cooked = [&[0, 4, 0, 1, 0, 6, 2, 0, 0, 0, 0, 1, 0, 0, 0x08, 0][..], &tcp4()].concat();
    let cooked_v2 =
        [&[0x86, 0xdd, 0, 0, 0, 0, 0, 3, 0, 1, 0, 6, 2, 0, 0, 0, 0, 1, 0, 0][..], &tcp6()].concat();
    let ppi = [&[0, 0, 12, 0, 1, 0, 0, 0, 9, 9, 9, 9][..], &ethernet(0x0800, &tcp4())].concat();
    let nflog = [&[2, 0, 0, 0, 5, 0, 10, 0, 0, 0, 0, 0, 56, 0, 9, 0][..], &tcp4()].concat();
    // A netlink message of NFLOG with a prefix attribute before the packet, in each byte order.
    let netlink = |is_big_endian: bool| {
        let order = |bytes: &[u8]| {
            let turned = bytes.iter().rev().copied().collect();
            if is_big_endian { turned } else { bytes.to_vec() }
        };
        let attribute = |kind: u8, value: &[u8]| {
            [order(&[4 + value.len() as u8, 0]), order(&[kind, 0]), value.to_vec()].concat()
        };
        let body = [vec![2, 0, 0, 0], attribute(10, &[0; 4]), attribute(9, &tcp4())].concat();
        let header = [order(&[16 + body.len() as u8, 0, 0, 0]), order(&[0, 4]), vec![0; 10]].concat();
        [&[0, 4, 3, 0x38][..], &[0; 10], &[0, 12], &header, &body].concat()
    };
    let ipoib = [&[0; 40][..], &[0x08, 0, 0, 0], &tcp4()].concat();
    let llc = [&[0xaa, 0xaa, 3, 0, 0, 0, 0x08, 0][..], &tcp4()].concat();
    let wireless = |header: &[u8], len: usize| {
        let mut frame = header.to_vec();
        frame.resize(len, 0);
        [frame, llc.clone()].concat()
    };
    // Length 18; a timestamp, and the flag of a header padded to 4 bytes.
    let radiotap = [&[0, 0, 18, 0, 3, 0, 0, 0][..], &[7; 8], &[0x20, 0], &wireless(&[0x88, 1], 28)].concat();
    for (link_type, header, inner) in [
        (0, &[2, 0, 0, 0][..], tcp4()),
        (105, &[], wireless(&[0x08, 2], 24)),
        (105, &[], wireless(&[0x88, 3], 32)),
        (105, &[], wireless(&[0x88, 0x82], 30)),
        (119, &[], [vec![0; 144], wireless(&[0x08, 2], 24)].concat()),
        (127, &[], radiotap),
        (127, &[0, 0, 8, 0, 0, 0, 0, 0], wireless(&[0x08, 2], 24)),
        (163, &[0x80, 0x21, 0x10, 1, 0, 0, 0, 8], wireless(&[0x08, 2], 24)),
        (192, &[0, 0, 8, 0, 105, 0, 0, 0], wireless(&[0x08, 2], 24)),
        (0, &[0, 0, 0, 2], tcp4()),
        (0, &[30, 0, 0, 0], tcp6()),
        (108, &[0, 0, 0, 24], tcp6()),
        (1, &[], ethernet(0x0800, &tcp4())),
        (1, &[], ethernet(0x86dd, &tcp6())),
        (9, &[0xff, 0x03, 0x00, 0x21], tcp4()),
        (9, &[0x00, 0x57], tcp6()),
        (9, &[0x21], tcp4()),
        (9, &[0xff, 0x03, 0x00, 0x2f], numbered4()),
        (50, &[0xff, 0x03, 0x00, 0x21], tcp4()),
        (50, &[0x0f, 0, 0x08, 0], tcp4()),
        (51, &[0x11, 0, 0, 7, 0, 54, 0, 0x21], tcp4()),
        (101, &[], tcp6()),
        (104, &[0x8f, 0, 0x86, 0xdd], tcp6()),
        (113, &[], cooked),
        (192, &[], ppi),
        // DLT_RAW of most systems and of OpenBSD.
        (192, &[0, 0, 8, 0, 12, 0, 0, 0], tcp4()),
        (192, &[0, 0, 8, 0, 14, 0, 0, 0], tcp4()),
        (204, &[1, 0xff, 0x03, 0x00, 0x21], tcp4()),
        (228, &[], tcp4()),
        (229, &[], tcp6()),
        (239, &[], nflog),
        (242, &[], ipoib),
        (253, &[], netlink(false)),
        (253, &[], netlink(true)),
        (276, &[], cooked_v2),
    ] {
        assert_carries_the_segment(link_type, &join(&[header, &inner]));
    }
}

#[test]
fn an_enclosing_length_bounds_what_is_inside() {
    // The PPPoE header says 2 + 40 bytes, the IP header in it 46: the other 6 were never sent.
    let mut ip = ip4(6, 1, 0, &tcp4()[20..40]);
    ip[2..4].copy_from_slice(&46u16.to_be_bytes());
    let frame = [&[0x11, 0, 0, 7, 0, 42, 0, 0x21][..], &ip].concat();
    let payload_len = decoded(51, &frame, |packet| match packet.content {
        Content::Segment(segment) => segment.header.payload_len,
        other => panic!("{other:?}"),
    });
    assert_eq!(payload_len, Some(0));
}

#[test]
fn what_is_not_followed_is_named() {
    assert_eq!(other(147, &[8, 0]), Other::LinkType(147));
    assert_eq!(other(105, &[0x80, 0]), Other::Link("802.11 (no data)"));
    assert_eq!(other(105, &[0x08, 0x42]), Other::Link("802.11 (encrypted)"));
    assert_eq!(other(105, &[0x08, 2]), Other::Malformed("link header"));
    assert_eq!(other(1, &ethernet(0x88cc, &[])), Other::EtherType(0x88cc));
    assert_eq!(other(1, &ethernet(38, &[0x42, 0x42, 3])), Other::Link("spanning tree"));
    assert_eq!(other(0, &[7, 0, 0, 0]), Other::Link("BSD loopback (not IP)"));
    assert_eq!(other(9, &[0xff, 0x03, 0xc0, 0x21]), Other::Link("PPP control"));
    for protocol in [0x2d, 0x2f] {
        let named = other(9, &[0xff, 0x03, 0, protocol, 0x45, 0]).to_string();
        assert_eq!(named, "TCP with compressed headers in PPP (RFC 1144)");
    }
    assert_eq!(
        other(9, &[0xff, 0x03, 0, 0x61, 0]),
        Other::Link("IP with compressed headers in PPP (RFC 2507)")
    );
    assert_eq!(other(253, &[0; 16]), Other::Link("netlink (not netfilter)"));
    assert_eq!(other(253, &[0, 4, 3, 0x38]), Other::Malformed("link header"));
    for (port, payload, name) in [
        (2152, &[0x32, 1, 0, 4, 0, 0, 0, 0, 0, 1, 0, 0][..], "GTP-U (no user data)"),
        (2152, &[0x30, 255, 0, 4, 0, 0, 0, 7, 2, 2, 2, 2], "GTP-U (not IP)"),
        (5247, &[1, 0, 0, 0, 22, 254, 255], "CAPWAP (encrypted)"),
        (5247, &[0, 0x10, 2, 8, 0, 0, 0, 0], "CAPWAP keep-alive"),
        (5247, &[0, 0x10, 2, 0x80, 0, 1, 0, 8, 0x45], "CAPWAP fragment"),
        (5247, &[0, 0x10, 7, 0, 0, 0, 0, 0], "CAPWAP (not 802.11)"),
    ] {
        assert_eq!(other(101, &ip4(17, 1, 0, &udp(port, payload))), Other::Link(name));
    }
    // Other protocols on these ports.
    assert_eq!(other(101, &ip4(17, 1, 0, &udp(2152, &[0x20; 12]))), Other::Udp);
    assert_eq!(other(101, &ip4(17, 1, 0, &udp(5247, &[0x20; 12]))), Other::Udp);
    assert_eq!(other(101, &ip4(50, 1, 0, &[0; 40])), Other::IpProtocol(50));
    assert_eq!(other(101, &ip4(17, 1, 0, &udp(53, &[]))), Other::Dns);
    assert_eq!(other(101, &ip4(17, 1, 0, &udp(443, &[]))), Other::Udp);
    assert_eq!(other(101, &ip4(1, 1, 0, &[8, 0, 0, 0])), Other::Icmp);
    assert_eq!(other(101, &[0x50]), Other::Malformed("IP version"));
    assert_eq!(other(1, &[0; 13]), Other::Malformed("Ethernet header"));
}

#[test]
fn a_cooked_capture_shows_the_direction() {
    for (packet_type, direction) in
        [(0, Some(Direction::Inbound)), (4, Some(Direction::Outbound)), (1, None), (3, None)]
    {
        let v1 = [&[0, packet_type], &[0; 12][..], &[0x08, 0], &tcp4()].concat();
        let v2 = [&[0x08, 0], &[0; 8][..], &[packet_type], &[0; 9], &tcp4()].concat();
        assert_eq!(decoded(113, &v1, |packet| packet.direction), direction);
        assert_eq!(decoded(276, &v2, |packet| packet.direction), direction);
    }
}

// Headers between Ethernet and IP

#[test]
fn tags_labels_and_sessions_are_passed() {
    let bridged = ethernet(0x0800, &tcp4());
    for (ether_type, headers, inner) in [
        (0x8100, &[0, 5, 0x08, 0][..], tcp4()),
        (0x88a8, &[0, 5, 0x81, 0, 0, 6, 0x91, 0, 0, 7, 0x86, 0xdd], tcp6()),
        // LLC and SNAP after the length.
        (60, &[0xaa, 0xaa, 3, 0, 0, 0, 0x08, 0], tcp4()),
        (0x8847, &[0, 1, 0, 64, 0, 2, 1, 64], tcp4()),
        (0x8848, &[0, 2, 1, 64], tcp6()),
        // A pseudowire with its control word, and one without.
        (0x8847, &[0, 2, 1, 64, 0, 0, 0, 0], bridged.clone()),
        (0x8847, &[0, 2, 1, 64], bridged),
        (0x8864, &[0x11, 0, 0, 7, 0, 54, 0, 0x21], tcp4()),
        (0x8909, &[1, 1, 0, 1, 0, 2, 0x08, 0], tcp4()),
    ] {
        assert_carries_the_segment(1, &ethernet(ether_type, &join(&[headers, &inner])));
    }
}

#[test]
fn endless_tags_end() {
    let tags = [0, 5, 0x81, 0].repeat(1000);
    let expected = Other::Malformed("encapsulation (headers nested too deep)");
    assert_eq!(other(1, &ethernet(0x8100, &tags)), expected);
    let tunnels = (0..40).fold(tcp4(), |inner, _| ip4(4, 1, 0, &inner));
    assert_eq!(other(101, &tunnels), expected);
}

// Tunnels and extension headers

#[test]
fn tunnels_are_followed_to_the_inner_segment() {
    let bridged = ethernet(0x0800, &tcp4());
    let vxlan = join(&[&[8, 0, 0, 0, 0, 0, 5, 0], &bridged]);
    let wireless = |control: &[u8]| join(&[control, &[0; 22], &[0xaa, 0xaa, 3, 0, 0, 0, 0x08, 0], &tcp4()]);
    for (protocol, payload) in [
        (4, tcp4()),
        (41, tcp6()),
        (47, join(&[&[0, 0, 0x08, 0], &tcp4()])),
        (47, join(&[&[0xb0, 0, 0x86, 0xdd], &[0; 12], &tcp6()])),
        (47, join(&[&[0x20, 0, 0x65, 0x58, 0, 0, 0, 7], &bridged])),
        (47, join(&[&[0x30, 0x81, 0x88, 0x0b], &[0; 12], &[0xff, 3, 0, 0x21], &tcp4()])),
        // ERSPAN of types I, II and III, the last with its longer header.
        (47, join(&[&[0, 0, 0x88, 0xbe], &bridged])),
        (47, join(&[&[0x10, 0, 0x88, 0xbe, 0, 0, 0, 1], &[0x10, 1, 0, 1, 0, 0, 0, 2], &bridged])),
        (47, join(&[&[0x10, 0, 0x22, 0xeb, 0, 0, 0, 1], &[0x20], &[0; 11], &bridged])),
        (47, join(&[&[0x10, 0, 0x22, 0xeb, 0, 0, 0, 1], &[0x20], &[0; 10], &[1], &[0; 8], &bridged])),
        (51, join(&[&[6, 4], &[0; 22], &segment4()])),
        (137, join(&[&[0, 2, 1, 64], &tcp4()])),
        (17, udp(4789, &vxlan)),
        (17, udp(8472, &vxlan)),
        (17, udp(6081, &join(&[&[1, 0, 0x65, 0x58, 0, 0, 5, 0], &[0; 4], &bridged]))),
        (17, udp(3544, &join(&[&[0, 1, 0, 0], &[0; 9], &[0; 8], &tcp6()]))),
        (17, udp(2152, &join(&[&[0x30, 255, 0, 52, 0, 0, 0, 7], &tcp4()]))),
        (17, udp(2152, &join(&[&[0x32, 255, 0, 76, 0, 0, 0, 7, 0, 1, 0, 0x85], &tcp6()]))),
        // A PDU session container of 5G and one more extension header.
        (
            17,
            udp(
                2152,
                &join(&[&[0x34, 255, 0, 64, 0, 0, 0, 7, 0, 0, 0, 0x85, 1, 0, 9, 0x40, 1, 1, 1, 0], &tcp4()]),
            ),
        ),
        (17, udp(5247, &join(&[&[0, 0x10, 0, 0, 0, 0, 0, 0], &bridged]))),
        // 802.11 after a radio's address, and with its frame control as Cisco writes it.
        (17, udp(5247, &join(&[&[0, 0x20, 3, 0x10, 0, 0, 0, 0], &[6; 8], &wireless(&[0x08, 1])]))),
        (17, udp(5247, &join(&[&[0, 0x10, 3, 0, 0, 0, 0, 0], &wireless(&[0x01, 0x08])]))),
    ] {
        assert_carries_the_segment(101, &ip4(protocol, 1, 0, &payload));
    }
    assert_carries_the_segment(101, &ip6(41, &tcp6()));
    assert_eq!(
        other(101, &ip4(47, 1, 0, &[0x20, 0x81, 0x88, 0x0b, 0, 0, 0, 0, 0, 0, 0, 0])),
        Other::IpProtocol(47)
    );
}

#[test]
fn ipv6_extension_headers_are_passed() {
    let segment = &tcp6()[40..];
    let hop_by_hop = [43, 0, 1, 4, 0, 0, 0, 0];
    let routing = [60, 0, 4, 0, 0, 0, 0, 0];
    let destination = [51, 1, 1, 12, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
    let authentication = [&[44, 4], &[0; 22][..]].concat();
    let atomic_fragment = [6, 0, 0, 0, 0, 0, 0, 1];
    let all = join(&[&hop_by_hop, &routing, &destination, &authentication, &atomic_fragment, segment]);
    assert_carries_the_segment(101, &ip6(0, &all));
    assert_eq!(other(101, &ip6(60, &[50, 0, 0, 0, 0, 0, 0, 0])), Other::IpProtocol(50));
    assert_eq!(other(101, &ip6(60, &[6, 9])), Other::Malformed("IPv6 extension header"));
}

#[test]
fn a_source_routed_segment_s_checksum_is_not_judged() {
    let routing = [6, 0, 0, 1, 0, 0, 0, 0];
    let bytes = ip6(43, &join(&[&routing, &tcp6()[40..]]));
    decoded(101, &bytes, |packet| {
        assert!(matches!(segment(&packet).header.tcp.checksum, Checksum::Unverified(_)));
    });
}

// Lengths and cuts

#[test]
fn ethernet_padding_and_trailers_are_no_payload() {
    assert_carries_the_segment(1, &ethernet(0x0800, &join(&[&tcp4(), &[0xee; 9]])));
}

#[test]
fn a_length_of_zero_takes_the_frame_s() {
    let (mut v4, mut v6) = (tcp4(), tcp6());
    v4[2..4].fill(0);
    v6[4..6].fill(0);
    for bytes in [ethernet(0x0800, &v4), ethernet(0x86dd, &v6)] {
        decoded(1, &bytes, |packet| {
            let segment = segment(&packet);
            assert_eq!(segment.header.ip.length, Some(0));
            assert_eq!((segment.header.payload_len, segment.payload), (Some(12), SENT));
        });
    }
}

#[test]
fn a_cut_frame_keeps_its_lengths() {
    for (bytes, ip_len) in [(ethernet(0x0800, &tcp4()), 20), (ethernet(0x86dd, &tcp6()), 40)] {
        for captured in 0..bytes.len() {
            let cut = Frame { bytes: &bytes[..captured], ..frame(1, &bytes) };
            let mut decoder = Decoder::new();
            let packet = decoder.decode(&cut);
            assert!(packet.is_cut);
            assert_eq!(packet.wire_len, Some(bytes.len() as u32));
            let tcp_bytes = captured.saturating_sub(14 + ip_len);
            if tcp_bytes < 14 {
                assert!(matches!(packet.content, Content::Other(Other::Malformed(_) | Other::Truncated(_))));
                continue;
            }
            let segment = segment(&packet);
            assert_eq!(segment.header.payload_len, Some(12));
            assert_eq!(segment.payload, &SENT[..tcp_bytes.saturating_sub(20)]);
            assert_eq!(segment.header.tcp.window.is_some(), tcp_bytes >= 16);
            assert_eq!(segment.header.tcp.options.is_some(), tcp_bytes >= 20);
            match segment.header.tcp.checksum {
                Checksum::Unseen => assert!(tcp_bytes < 18),
                Checksum::Unverified(_) => assert!(tcp_bytes >= 18),
                judged => panic!("judged without all bytes: {judged:?}"),
            }
        }
    }
}

#[test]
fn a_damaged_data_offset_is_malformed() {
    for offset in [0x00, 0x40, 0xf0] {
        let mut bytes = tcp4();
        bytes[32] = offset;
        assert_eq!(other(101, &bytes), Other::Malformed("TCP header"));
    }
}

#[test]
fn a_tcp_header_that_the_snaplen_cuts_is_truncated_and_not_malformed() {
    let whole = tcp6();
    let cut = Frame { bytes: &whole[..46], ..frame(101, &whole) };
    let mut decoder = Decoder::new();
    let content = decoder.decode(&cut).content;
    assert!(matches!(content, Content::Other(Other::Truncated("TCP header"))), "{content:?}");
    assert_eq!(Other::Truncated("TCP header").to_string(), "TCP header truncated by the snaplen");
}

// Checksums

#[test]
fn a_wrong_checksum_says_what_it_should_be() {
    let mut bytes = tcp4();
    let right = u16::from_be_bytes([bytes[36], bytes[37]]);
    bytes[36] ^= 0x55;
    let found = right ^ 0x5500;
    let checksum = |packet: Packet<'_>| segment(&packet).header.tcp.checksum;
    assert_eq!(decoded(101, &bytes, checksum), Checksum::Incorrect { found, expected: right });
    let mut unverifying = Decoder::new().verifying_checksums(false);
    assert_eq!(checksum(unverifying.decode(&frame(101, &bytes))), Checksum::Unverified(found));
}

#[test]
fn the_ipv4_header_s_checksum_is_judged() {
    let checksum = |packet: Packet<'_>| segment(&packet).header.ip.checksum;
    let mut bytes = tcp4();
    assert!(matches!(decoded(101, &bytes, checksum), Checksum::Correct(_)));
    bytes[8] -= 1;
    assert!(matches!(decoded(101, &bytes, checksum), Checksum::Incorrect { .. }));
}

// ICMP, ARP, neighbour discovery

#[test]
fn an_icmp_error_names_whose_packet_it_quotes() {
    // Fragmentation needed; next-hop MTU 1400; the header and eight bytes (RFC 792).
    let message = join(&[&[3, 4, 0, 0, 0, 0, 0x05, 0x78], &tcp4()[..28]]);
    decoded(101, &ip4(1, 1, 0, &message), |packet| {
        let Content::IcmpError(error) = packet.content else { panic!("{:?}", packet.content) };
        assert_eq!((error.icmp_type, error.code, error.mtu, error.length), (3, 4, Some(1400), Some(36)));
        assert_eq!(error.quoted.source, [10, 0, 0, 1].into());
        assert_eq!(error.quoted.destination, [10, 0, 0, 2].into());
        let ports = (error.quoted.source_port, error.quoted.destination_port);
        assert_eq!(ports, (Some(40000), Some(8443)));
        assert_eq!((error.quoted.seq, error.quoted.protocol), (Some(Seq(1000)), Some(6)));
        assert!(matches!(error.checksum, Checksum::Incorrect { found: 0, .. }));
        assert_eq!((error.quoted_bytes, error.quoted_segment.is_none()), (&tcp4()[..28], true));
    });
}

#[test]
fn an_icmp_error_with_a_longer_quote_shows_the_segment_s_headers() {
    // Length 10 words in the second byte of "unused" (RFC 4884): the quote ends where the TCP header does.
    let message = join(&[&[3, 13, 0, 0, 0, 10, 0, 0], &tcp4()[..40], &[0x20, 0, 0, 0]]);
    decoded(101, &ip4(1, 1, 0, &message), |packet| {
        let Content::IcmpError(error) = packet.content else { panic!("{:?}", packet.content) };
        assert_eq!((error.quoted_bytes.len(), error.mtu), (40, None));
        let quoted = error.quoted_segment.expect("the TCP header is whole");
        assert_eq!((quoted.payload_len, quoted.tcp.window), (Some(12), Some(512)));
    });
}

#[test]
fn an_icmpv6_packet_too_big_names_the_size_that_passes() {
    let mut bytes = ip6(58, &join(&[&[2, 0, 0, 0, 0, 0, 5, 0], &tcp6()]));
    let checksum = |packet: Packet<'_>| match packet.content {
        Content::IcmpError(error) => {
            (error.checksum, error.mtu, error.quoted_segment.map(|quoted| quoted.tcp))
        }
        content => panic!("{content:?}"),
    };
    let (found, mtu, quoted) = decoded(101, &bytes, checksum);
    assert_eq!(mtu, Some(1280));
    assert!(matches!(quoted.expect("whole").checksum, Checksum::Correct(_)));
    let Checksum::Incorrect { expected, .. } = found else { panic!("{found:?}") };
    bytes[42..44].copy_from_slice(&expected.to_be_bytes());
    assert_eq!(decoded(101, &bytes, checksum).0, Checksum::Correct(expected));
}

#[test]
fn arp_and_neighbour_discovery_show_who_asks_for_which_host() {
    let neighbour = |link_type, bytes: &[u8]| {
        decoded(link_type, bytes, |packet| match packet.content {
            Content::Neighbour(neighbour) => neighbour,
            content => panic!("{content:?}"),
        })
    };
    let arp = |operation, sender: [u8; 4], target: [u8; 4]| {
        let fixed = [0, 1, 8, 0, 6, 4, 0, operation];
        ethernet(0x0806, &join(&[&fixed, &[2; 6], &sender, &[0; 6], &target, &[0; 18]]))
    };
    let (one, two) = ([10, 0, 0, 1], [10, 0, 0, 2]);
    let asked = Neighbour { target: two.into(), asker: Some(one.into()), is_answer: false };
    assert_eq!(neighbour(1, &arp(1, one, two)), asked);
    assert_eq!(neighbour(1, &arp(2, two, one)), Neighbour { is_answer: true, ..asked });
    assert_eq!(neighbour(1, &arp(1, [0; 4], two)), Neighbour { asker: None, ..asked });
    assert_eq!(other(1, &arp(3, one, two)), Other::EtherType(0x0806));

    let message = |kind: u8| ip6(58, &join(&[&[kind, 0, 0, 0, 0, 0, 0, 0], &[0x22; 16]]));
    let asked = Neighbour { target: [0x22; 16].into(), asker: Some([0x20; 16].into()), is_answer: false };
    assert_eq!(neighbour(101, &message(135)), asked);
    let answered = Neighbour { asker: Some([0x21; 16].into()), is_answer: true, ..asked };
    assert_eq!(neighbour(101, &message(136)), answered);
}

// Fragments

/// The datagram of [`tcp4`] in fragments of eight bytes.
fn fragments4() -> Vec<Vec<u8>> {
    let segment = segment4();
    let last = segment.len() / 8 - usize::from(segment.len().is_multiple_of(8));
    let part =
        |(index, part): (usize, &[u8])| ip4(6, 7, index as u16 | if index < last { 0x2000 } else { 0 }, part);
    segment.chunks(8).enumerate().map(part).collect()
}

/// The datagram of [`tcp6`] in fragments, as (bytes from, to, whether more follow).
fn fragment6(from: usize, to: usize, has_more: bool) -> Vec<u8> {
    let field = (from as u16 | u16::from(has_more)).to_be_bytes();
    ip6(44, &join(&[&[6, 0], &field, &[0, 0, 0, 9], &tcp6()[40 + from..40 + to]]))
}

/// Whether each frame in turn gives the segment; any other must be a waiting fragment.
fn yields(decoder: &mut Decoder, frames: &[Vec<u8>]) -> Vec<bool> {
    let yielded = frames.iter().map(|bytes| match decoder.decode(&frame(101, bytes)).content {
        Content::Segment(segment) => {
            assert_eq!(segment.payload, SENT);
            assert!(matches!(segment.header.tcp.checksum, Checksum::Correct(_)));
            true
        }
        Content::Other(Other::Fragment) => false,
        content => panic!("{content:?}"),
    });
    yielded.collect()
}

#[test]
fn fragments_in_any_order_yield_the_segment_with_the_last_to_come() {
    for rotation in 0..fragments4().len() {
        let mut frames = fragments4();
        frames.rotate_left(rotation);
        frames.insert(1, frames[0].clone());
        let mut decoder = Decoder::new();
        let yielded = yields(&mut decoder, &frames);
        assert_eq!(yielded.iter().position(|yielded| *yielded), Some(frames.len() - 1));
        assert_eq!(decoder.bounds_reached(), GivenUp::default());
    }
    let frames =
        [fragment6(24, 32, false), fragment6(0, 8, true), fragment6(0, 8, true), fragment6(8, 24, true)];
    assert_eq!(yields(&mut Decoder::new(), &frames), [false, false, false, true]);
}

#[test]
fn copies_of_fragments_are_not_waited_for() {
    let twice: Vec<_> = fragments4().into_iter().flat_map(|frame| [frame.clone(), frame]).collect();
    let mut decoder = Decoder::new();
    assert_eq!(yields(&mut decoder, &twice).into_iter().filter(|yielded| *yielded).count(), 1);
    assert_eq!(decoder.bounds_reached().total(), 0);
    // A datagram of another identification is missed.
    yields(&mut decoder, &[ip4(6, 8, 0x2000, &segment4()[..8])]);
    assert_eq!(decoder.bounds_reached().unfinished, 1);
}

#[test]
fn the_first_fragment_s_header_represents_the_datagram() {
    let mut frames = fragments4();
    frames[0][8] = 33;
    let mut decoder = Decoder::new();
    let (last, before) = frames.split_last().unwrap();
    assert!(!yields(&mut decoder, before).contains(&true));
    assert_eq!(segment(&decoder.decode(&frame(101, last))).header.ip.hop_limit, Some(33));
}

#[test]
fn where_ipv4_fragments_overlap_the_first_bytes_stay() {
    let segment = segment4();
    let forged = [0xee; 24];
    let frames =
        [ip4(6, 7, 0x2001, &segment[8..24]), ip4(6, 7, 0x2001, &forged), ip4(6, 7, 0x2000, &segment[..16])];
    let mut decoder = Decoder::new();
    assert_eq!(yields(&mut decoder, &frames), [false; 3]);
    // Only where nothing was before did the forged bytes count.
    let frames = [ip4(6, 7, 0x2003, &segment[24..]), ip4(6, 7, 0x0003, &segment[24..])];
    let content = decoder.decode(&frame(101, &frames[1])).content;
    let Content::Segment(found) = content else { panic!("{content:?}") };
    assert_eq!(found.payload, join(&[&SENT[..4], &[0xee; 8]]));
}

#[test]
fn overlapping_ipv6_fragments_discard_the_datagram() {
    let mut decoder = Decoder::new();
    let frames = [fragment6(0, 16, true), fragment6(8, 24, true), fragment6(16, 32, false)];
    assert_eq!(yields(&mut decoder, &frames), [false; 3]);
    assert_eq!(decoder.bounds_reached(), GivenUp { overlapping: 1, ..GivenUp::default() });
}

#[test]
fn an_incomplete_datagram_is_given_up_after_its_time() {
    let frames = fragments4();
    let mut decoder = Decoder::new();
    decoder.decode(&frame(101, &frames[0]));
    assert_eq!(decoder.bounds_reached(), GivenUp { unfinished: 1, ..GivenUp::default() });
    let late = Timestamp::from_parts(limits::FRAGMENT_SECONDS + 1, 0);
    for bytes in &frames[1..] {
        let content = decoder.decode(&Frame { at: late, ..frame(101, bytes) }).content;
        assert!(matches!(content, Content::Other(Other::Fragment)));
    }
    assert_eq!(decoder.bounds_reached(), GivenUp { timed_out: 1, unfinished: 1, ..GivenUp::default() });
}

#[test]
fn too_many_datagrams_crowd_out_the_oldest() {
    let mut decoder = Decoder::new();
    for id in 0..limits::FRAGMENTED_DATAGRAMS as u16 + 3 {
        decoder.decode(&frame(101, &ip4(6, id, 0x2000, &[0; 8])));
    }
    let given_up = decoder.bounds_reached();
    assert_eq!((given_up.crowded_out, given_up.unfinished), (3, limits::FRAGMENTED_DATAGRAMS as u64));
    assert_eq!(given_up.total(), limits::FRAGMENTED_DATAGRAMS as u64 + 3);
}

#[test]
fn too_many_held_bytes_crowd_out_the_oldest() {
    let mut decoder = Decoder::new();
    for id in 0..300 {
        decoder.decode(&frame(101, &ip4(6, id, 0x2000, &vec![0; 65_512])));
    }
    assert_eq!(decoder.bounds_reached().crowded_out, 300 - (limits::FRAGMENT_BYTES / (65_512 + 64)) as u64);
}

#[test]
fn a_cut_fragment_leaves_the_payload_short_and_its_length_whole() {
    let frames = fragments4();
    let mut decoder = Decoder::new();
    for (index, bytes) in frames.iter().enumerate() {
        // The fourth fragment holds the payload's fifth to twelfth bytes; two of them are captured.
        let captured = if index == 3 { 22 } else { bytes.len() };
        let packet = decoder.decode(&Frame { bytes: &bytes[..captured], ..frame(101, bytes) });
        if index + 1 == frames.len() {
            let segment = segment(&packet);
            assert_eq!((segment.header.payload_len, segment.payload), (Some(12), &SENT[..6]));
            assert!(packet.is_cut && matches!(segment.header.tcp.checksum, Checksum::Unverified(_)));
        }
    }
}

#[test]
fn fragments_of_a_tunnel_that_carry_fragments_are_put_together() {
    let mut frames = Vec::new();
    for (id, inner) in fragments4().into_iter().enumerate() {
        frames.push(ip4(4, 100 + id as u16, 0x2000, &inner[..16]));
        frames.push(ip4(4, 100 + id as u16, 0x0002, &inner[16..]));
    }
    let yielded = yields(&mut Decoder::new(), &frames);
    assert_eq!(yielded.iter().position(|yielded| *yielded), Some(frames.len() - 1));
}

#[test]
fn impossible_fragments_are_malformed() {
    for bytes in [ip4(6, 7, 0x2000, &[0; 9]), ip4(6, 7, 0x2001, &[]), ip4(6, 7, 0x1fff, &[0; 16])] {
        assert_eq!(other(101, &bytes), Other::Malformed("IP fragment"));
    }
}

// Any bytes

/// The link types that are read, and one that is not.
fn link_types() -> Vec<u32> {
    LINK_TYPES.into_iter().chain([999]).collect()
}

fn assert_is_consistent(packet: &Packet<'_>) {
    if let Content::Segment(segment) = &packet.content {
        assert!(segment.payload.len() as u32 <= segment.header.payload_len.unwrap());
    }
}

proptest! {
    #[test]
    fn any_bytes_are_decoded(
        frames in prop::collection::vec(
            (prop::sample::select(link_types()), prop::collection::vec(any::<u8>(), 0..200), 0u32..300),
            1..8,
        )
    ) {
        let mut decoder = Decoder::new();
        for (link_type, bytes, wire_len) in &frames {
            let frame = Frame { wire_len: *wire_len, ..frame(*link_type, bytes) };
            assert_is_consistent(&decoder.decode(&frame));
            let mut ethernet = Vec::new();
            assert!(!as_ethernet(&frame, &mut ethernet) || ethernet.len() >= bytes.len().min(14));
        }
    }

    #[test]
    fn any_damage_is_decoded(
        which in 0usize..7,
        damage in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..6),
        captured in any::<prop::sample::Index>(),
    ) {
        let vxlan = udp(4789, &join(&[&[8, 0, 0, 0, 0, 0, 5, 0], &ethernet(0x8100, &join(&[&[0, 5, 8, 0], &tcp4()]))]));
        let mut bytes = match which {
            0 => tcp4(),
            1 => tcp6(),
            2 => ip4(17, 1, 0, &vxlan),
            3 => fragments4()[2].clone(),
            4 => fragment6(8, 24, true),
            5 => ip4(1, 1, 0, &join(&[&[3, 1, 0, 0, 0, 0, 0, 0], &tcp4()])),
            _ => ip6(58, &join(&[&[1, 0, 0, 0, 0, 0, 0, 0], &tcp6()])),
        };
        for (place, byte) in damage {
            let place = place.index(bytes.len());
            bytes[place] = byte;
        }
        let captured = captured.index(bytes.len() + 1);
        let mut decoder = Decoder::new();
        for _ in 0..2 {
            let cut = Frame { bytes: &bytes[..captured], ..frame(101, &bytes) };
            assert_is_consistent(&decoder.decode(&cut));
        }
    }

    #[test]
    fn fragments_in_any_order_and_cut_anywhere_give_the_same_datagram(
        order in Just((0..4usize).collect::<Vec<_>>()).prop_shuffle(),
        mut cuts in prop::collection::vec(1usize..4, 3),
    ) {
        let segment = segment4();
        cuts.extend([0, segment.len().div_ceil(8)]);
        cuts.sort_unstable();
        let parts: Vec<_> = cuts.windows(2).filter(|window| window[0] < window[1]).collect();
        let frames: Vec<_> = parts
            .iter()
            .map(|window| {
                let (from, to) = (window[0] * 8, (window[1] * 8).min(segment.len()));
                let more = if to < segment.len() { 0x2000 } else { 0 };
                ip4(6, 7, window[0] as u16 | more, &segment[from..to])
            })
            .collect();
        let shuffled: Vec<_> = order.into_iter().filter_map(|index| frames.get(index).cloned()).collect();
        let yielded = yields(&mut Decoder::new(), &shuffled);
        prop_assert_eq!(yielded.iter().position(|yielded| *yielded), Some(shuffled.len() - 1));
    }
}
