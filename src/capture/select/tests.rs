//! What is selected, before decoding and after.

use std::sync::Arc;

use pcap::{Capture, Linktype};

use super::*;
use crate::capture::{FileAbout, Frame, Record};
use crate::packet::{
    Checksum, Flags, IcmpError, IpHeader, NameKey, Origin, Quoted, SegmentHeader, TcpHeader,
};
use crate::time::Timestamp;

const CLIENT: [u8; 4] = [192, 0, 2, 1];
const SERVER: [u8; 4] = [198, 51, 100, 2];
const STRANGER: [u8; 4] = [203, 0, 113, 9];

fn target(hosts: &[&str], ports: &[u16]) -> Target {
    let hosts: Vec<_> = hosts.iter().map(|host| (*host).to_owned()).collect();
    Target::new(&hosts, ports, None).expect("addresses")
}

/// An IPv4 packet with this fragment field, and ports and zeros after its header.
fn ipv4(protocol: u8, fragment: u16, source: [u8; 4], destination: [u8; 4], ports: [u16; 2]) -> Vec<u8> {
    let mut bytes = vec![0x45, 0, 0, 60, 0, 1, (fragment >> 8) as u8, fragment as u8, 64, protocol, 0, 0];
    bytes.extend(source.into_iter().chain(destination));
    bytes.extend(ports.iter().flat_map(|port| port.to_be_bytes()));
    bytes.resize(60, 0);
    bytes
}

/// An IPv4 packet after an Ethernet header, which may hold a tag.
fn ethernet(tag: &[u8], packet: &[u8]) -> Vec<u8> {
    [&[2; 12][..], tag, &[0x08, 0], packet].concat()
}

fn passes(target: &Target, link_type: u32, bytes: &[u8]) -> bool {
    let mut prefilter = Prefilter::new(target.clone(), |_, _| false);
    let passes = prefilter.passes(&frame(link_type, bytes)).expect("compiles");
    assert_eq!(prefilter.skipped(), u64::from(!passes));
    passes
}

fn frame(link_type: u32, bytes: &[u8]) -> Record<'_> {
    let wire_len = bytes.len() as u32;
    Record::Frame(Frame {
        number: 1,
        origin: Origin::default(),
        at: Timestamp::ZERO,
        link_type,
        wire_len,
        bytes,
    })
}

#[test]
fn a_user_s_words_about_tags_do_not_shift_what_else_is_looked_for() {
    let filter = "ip or vlan".to_owned();
    let target = Target::new(&["198.51.100.2".to_owned()], &[], Some(filter)).expect("an address");
    let expression = target.expression(1).expect("compiles");
    let program = Capture::dead(Linktype(1)).and_then(|handle| handle.compile(&expression, true));
    let untagged = ethernet(&[], &ipv4(6, 0, CLIENT, SERVER, [50_000, 8443]));
    assert!(program.expect("compiles").filter(&untagged), "{expression}");
}

#[test]
fn networks_are_named_as_they_are_written() {
    assert_eq!(target(&["2001:db8::1", "192.0.2.7/24"], &[]).networks(), "192.0.2.0/24, 2001:db8::1");
}

#[test]
fn the_prefilter_drops_what_certainly_is_not_the_targets() {
    let target = target(&["198.51.100.2"], &[8443]);
    let tcp = |source, destination, ports| ethernet(&[], &ipv4(6, 0, source, destination, ports));
    assert!(passes(&target, 1, &tcp(CLIENT, SERVER, [50_000, 8443])));
    assert!(passes(&target, 1, &tcp(SERVER, CLIENT, [8443, 50_000])));
    assert!(!passes(&target, 1, &tcp(CLIENT, STRANGER, [50_000, 8443])));
    assert!(!passes(&target, 1, &tcp(CLIENT, SERVER, [50_000, 22])));
    assert!(!passes(&target, 1, &ethernet(&[], &ipv4(17, 0, CLIENT, STRANGER, [50_000, 123]))));
}

#[test]
fn the_prefilter_lets_pass_what_may_carry_or_explain() {
    let target = target(&["198.51.100.2"], &[8443]);
    let hidden = ipv4(6, 0, CLIENT, STRANGER, [1, 2]);
    for (what, bytes) in [
        ("a VLAN tag", ethernet(&[0x81, 0, 0, 7], &hidden)),
        ("two tags", ethernet(&[0x88, 0xa8, 0, 7, 0x81, 0, 0, 8], &hidden)),
        ("MPLS", [&[2; 12][..], &[0x88, 0x47, 0, 0, 0x11, 64], &hidden].concat()),
        ("PPPoE", [&[2; 12][..], &[0x88, 0x64, 0x11, 0, 0, 1, 0, 62, 0, 0x21], &hidden].concat()),
        ("IP in IP", ethernet(&[], &ipv4(4, 0, CLIENT, STRANGER, [0, 0]))),
        ("6in4", ethernet(&[], &ipv4(41, 0, CLIENT, STRANGER, [0, 0]))),
        ("GRE", ethernet(&[], &ipv4(47, 0, CLIENT, STRANGER, [0, 0]))),
        ("VXLAN", ethernet(&[], &ipv4(17, 0, CLIENT, STRANGER, [5000, 4789]))),
        ("Teredo", ethernet(&[], &ipv4(17, 0, CLIENT, STRANGER, [5000, 3544]))),
        ("GTP-U", ethernet(&[], &ipv4(17, 0, CLIENT, STRANGER, [2152, 2152]))),
        ("CAPWAP", ethernet(&[], &ipv4(17, 0, CLIENT, STRANGER, [5000, 5247]))),
        ("an authentication header", ethernet(&[], &ipv4(51, 0, CLIENT, STRANGER, [0, 0]))),
        ("LLC", [&[2; 12][..], &[0, 68, 0xaa, 0xaa, 3, 0, 0, 0, 8, 0], &hidden].concat()),
        ("Cisco metadata", [&[2; 12][..], &[0x89, 9, 1, 1, 0, 1, 0, 7, 8, 0], &hidden].concat()),
        ("Geneve", ethernet(&[], &ipv4(17, 0, CLIENT, STRANGER, [5000, 6081]))),
        ("a later fragment", ethernet(&[], &ipv4(6, 185, CLIENT, SERVER, [0, 0]))),
        ("DNS", ethernet(&[], &ipv4(17, 0, CLIENT, STRANGER, [5000, 53]))),
        ("ICMP", ethernet(&[], &ipv4(1, 0, STRANGER, CLIENT, [0x0301, 0]))),
        ("ARP", [&[2; 12][..], &[8, 6, 0, 1, 8, 0, 6, 4, 0, 1], &[0; 20]].concat()),
    ] {
        assert!(passes(&target, 1, &bytes), "{what}");
    }
}

#[test]
fn the_prefilter_works_on_other_link_types() {
    let target = target(&["198.51.100.2"], &[8443]);
    let right = ipv4(6, 0, CLIENT, SERVER, [50_000, 8443]);
    let wrong = ipv4(6, 0, CLIENT, STRANGER, [50_000, 8443]);
    let cooked = [&[0, 0, 0, 1, 0, 6, 2, 2, 2, 2, 2, 2, 0, 0, 8, 0][..]].concat();
    let cooked2 = [&[8, 0, 0, 0, 0, 0, 0, 1, 0, 1, 0, 6, 2, 2, 2, 2, 2, 2, 0, 0][..]].concat();
    for (link_type, header) in [
        (101, &[][..]),
        (113, &cooked),
        (276, &cooked2),
        (0, &[2, 0, 0, 0]),
        (0, &[0, 0, 0, 2]),
        (108, &[0, 0, 0, 2]),
        (9, &[0xff, 3, 0, 0x21]),
        (104, &[0x0f, 0, 8, 0]),
        (228, &[]),
    ] {
        assert!(passes(&target, link_type, &[header, &right].concat()), "link type {link_type}");
        assert!(!passes(&target, link_type, &[header, &wrong].concat()), "link type {link_type}");
    }
    for (link_type, header) in [(9, &[0, 0x21][..]), (239, &[]), (204, &[0, 0x21])] {
        let bytes = [header, &wrong].concat();
        assert!(passes(&target, link_type, &bytes), "{link_type} is selected after decoding");
    }
    assert!(passes(&target, 9999, &wrong), "libpcap knows no such link type, so nothing is dropped");
}

#[test]
fn what_libpcap_takes_for_something_else_is_filtered_as_ethernet() {
    let filter = Target::new(&[], &[], Some("ip6 or arp".to_owned())).expect("nothing to resolve");
    let passes = |link_type: u32, bytes: &[u8], as_ethernet: AsEthernet| {
        Prefilter::new(filter.clone(), as_ethernet).passes(&frame(link_type, bytes)).expect("compiles")
    };
    let (ipv6, arp): (AsEthernet, AsEthernet) = (
        |_, bytes| {
            bytes.extend([&[0; 12][..], &[0x86, 0xdd, 0x60], &[0; 60]].concat());
            true
        },
        |_, bytes| {
            bytes.extend([&[0; 12][..], &[8, 6], &[0; 60]].concat());
            true
        },
    );
    let other: AsEthernet = |_, bytes| {
        bytes.extend([&[0; 12][..], &[8, 0, 0x45], &[0; 60]].concat());
        true
    };
    for (link_type, bytes) in
        [(239, &[0; 8][..]), (108, &[0, 0, 0, 30, 0x60]), (0, &[24, 0, 0, 0, 0x60]), (9, &[0, 0x57, 0x60])]
    {
        assert!(passes(link_type, bytes, ipv6) && passes(link_type, bytes, arp), "{link_type}");
        assert!(!passes(link_type, bytes, other), "{link_type}");
    }
    let slip = Target::new(&[], &[], Some("tcp prot 1".to_owned())).expect("nothing to resolve");
    assert!(Prefilter::new(slip, |_, _| false).passes(&frame(239, &[0; 8])).is_err());
}

#[test]
fn the_users_expression_holds_as_it_was_written() {
    let filter =
        |expression: &str| Target::new(&[], &[], Some(expression.to_owned())).expect("nothing to resolve");
    let bytes = ethernet(&[0x81, 0, 0, 7], &ipv4(6, 0, CLIENT, SERVER, [1, 8443]));
    assert!(passes(&filter("vlan 7 and tcp port 8443"), 1, &bytes));
    assert!(!passes(&filter("tcp port 8443"), 1, &bytes));
    let error = Prefilter::new(filter("tcp prot 8443"), |_, _| false)
        .passes(&frame(1, &bytes))
        .expect_err("a slip")
        .to_string();
    assert!(error.contains("tcp prot 8443") && error.contains("syntax error"), "{error}");
}

#[test]
fn an_expression_cant_be_applied_to_text() {
    let file = FileAbout { name: "pasted.txt".to_owned(), is_text: true, ..FileAbout::default() };
    let about = About { files: vec![file], ..About::default() };
    let filtered = Target::new(&[], &[], Some("tcp".to_owned())).expect("nothing to resolve");
    assert!(filtered.check(&about).is_err_and(|error| error.to_string().contains("pasted.txt")));
    assert!(target(&["192.0.2.1"], &[443]).check(&about).is_ok());
}

#[test]
fn a_name_without_an_address_selects_from_text_alone() {
    let resolve = |name: &str| match name {
        "ssm.example" => Ok(vec![IpAddr::from(SERVER)]),
        _ => Err("no such name".to_owned()),
    };
    let by_name = |hosts: &[&str]| {
        let hosts: Vec<_> = hosts.iter().map(|host| (*host).to_owned()).collect();
        Target::resolving(&hosts, &[], None, resolve).expect("names need no address here")
    };
    let about = |is_text| {
        let file = FileAbout { name: "input".to_owned(), is_text, ..FileAbout::default() };
        About { files: vec![file], ..About::default() }
    };
    let known = by_name(&["ssm.example:8443"]);
    assert!(known.check(&about(true)).is_ok() && known.check(&about(false)).is_ok());
    assert!(admits_segment(&known, (CLIENT, 5000), (SERVER, 8443)));
    assert!(!admits_segment(&known, (CLIENT, 5000), (SERVER, 443)));

    let unknown = by_name(&["ssm-.lab:8443"]);
    assert!(unknown.check(&about(true)).is_ok());
    let error = unknown.check(&about(false)).expect_err("frames have no names").to_string();
    assert!(error.contains("ssm-.lab") && error.contains("no such name"), "{error}");

    let mut names = Names::default();
    let key = NameKey { file: 0, index: 0 };
    names.set(key, Arc::new(Name { host: "SSM-.lab".into(), ..Name::default() }));
    let admits = |port: u16| {
        let tcp = TcpHeader { flags: Some(Flags(Flags::SYN)), ..TcpHeader::between(5000, port) };
        let ip = IpHeader { destination: Host::Name(key), ..IpHeader::between(CLIENT, SERVER) };
        let header = SegmentHeader { ip, tcp, payload_len: None };
        let segment = Segment { header: &header, payload: &[], printed: &[], decoded: "" };
        unknown.admits(&Packet { names: &names, ..packet(Content::Segment(segment)) })
    };
    assert!(admits(8443) && !admits(443));
}

fn packet(content: Content<'_>) -> Packet<'_> {
    Packet::new(1, Timestamp::ZERO, content)
}

fn admits_segment(target: &Target, source: ([u8; 4], u16), destination: ([u8; 4], u16)) -> bool {
    let tcp = TcpHeader { flags: Some(Flags(Flags::SYN)), ..TcpHeader::between(source.1, destination.1) };
    let header = SegmentHeader { ip: IpHeader::between(source.0, destination.0), tcp, payload_len: None };
    target.admits(&packet(Content::Segment(Segment {
        header: &header,
        payload: &[],
        printed: &[],
        decoded: "",
    })))
}

#[test]
fn host_and_port_must_be_of_the_same_endpoint() {
    let both = target(&["198.51.100.0/24"], &[8443, 443]);
    assert!(admits_segment(&both, (CLIENT, 5000), (SERVER, 443)));
    assert!(admits_segment(&both, (SERVER, 8443), (CLIENT, 5000)));
    assert!(!admits_segment(&both, (SERVER, 5000), (CLIENT, 8443)));
    assert!(!admits_segment(&both, (CLIENT, 5000), (STRANGER, 8443)));
    assert!(admits_segment(&target(&[], &[443]), (CLIENT, 5000), (STRANGER, 443)));
    assert!(admits_segment(&target(&["203.0.113.9"], &[]), (CLIENT, 5000), (STRANGER, 9)));
    assert!(Target::default().admits(&packet(Content::Other(Other::Udp))));
}

#[test]
fn a_host_may_have_a_port_of_its_own() {
    let one = target(&["198.51.100.2:8443"], &[]);
    assert!(admits_segment(&one, (CLIENT, 5000), (SERVER, 8443)));
    assert!(!admits_segment(&one, (CLIENT, 5000), (SERVER, 443)));
    let two = target(&["198.51.100.2:8443", "203.0.113.9"], &[443]);
    assert!(admits_segment(&two, (CLIENT, 5000), (SERVER, 8443)));
    assert!(admits_segment(&two, (CLIENT, 5000), (STRANGER, 443)));
    assert!(!admits_segment(&two, (CLIENT, 5000), (STRANGER, 8443)));
    assert_eq!(split_port("[2001:db8::1]:8443"), ("[2001:db8::1]", Some(8443)));
    assert_eq!(split_port("2001:db8::1"), ("2001:db8::1", None));
    assert_eq!(split_port("10.0.0.0/8"), ("10.0.0.0/8", None));
}

#[test]
fn what_explains_the_target_is_admitted() {
    let target = target(&["198.51.100.2"], &[8443]);
    let error = |destination: [u8; 4], destination_port| {
        let quoted = Quoted {
            source: CLIENT.into(),
            destination: destination.into(),
            source_port: Some(5000),
            destination_port,
            seq: None,
            protocol: Some(6),
        };
        packet(Content::IcmpError(Box::new(IcmpError {
            ip: IpHeader::between(STRANGER, CLIENT),
            icmp_type: 3,
            code: 1,
            length: None,
            checksum: Checksum::Unseen,
            mtu: None,
            pointer: None,
            quoted,
            quoted_bytes: &[],
            quoted_segment: None,
        })))
    };
    assert!(target.admits(&error(SERVER, Some(8443))));
    assert!(target.admits(&error(SERVER, None)), "a port that is not shown may be the right one");
    assert!(!target.admits(&error(SERVER, Some(22))));
    assert!(!target.admits(&error(STRANGER, Some(8443))));

    let neighbour = |target: [u8; 4], asker: [u8; 4]| {
        let asker = Some(asker.into());
        packet(Content::Neighbour(Neighbour { target: target.into(), asker, is_answer: false }))
    };
    assert!(target.admits(&neighbour(SERVER, CLIENT)) && target.admits(&neighbour(CLIENT, SERVER)));
    assert!(!target.admits(&neighbour(STRANGER, CLIENT)));
    assert!(target.admits(&packet(Content::Other(Other::Dns))));
    assert!(!target.admits(&packet(Content::Other(Other::Udp))));
}

#[test]
fn hosts_are_addresses_prefixes_or_names() {
    assert_eq!(
        target(&["198.51.100.7/24"], &[]).hosts.first().map(|place| place.network),
        "198.51.100.0/24".parse::<IpNet>().ok()
    );
    assert_eq!(target(&["[fe80::1%eth0]"], &[]).networks(), "fe80::1");
    assert!(target(&["localhost"], &[]).hosts.iter().all(|place| place.network.addr().is_loopback()));
    let of = |host: &str| Target::new(&[host.to_owned()], &[], None);
    let refused = of("10.0.0.0/99").expect_err("no host").to_string();
    assert!(refused.contains("not an address prefix"), "{refused}");
    // RFC 6761, 6.4: "invalid." never resolves.
    let unresolved = of("licence-server.invalid").expect("a name").check_names();
    assert!(unresolved.is_err_and(|error| error.to_string().contains("give its IP address")));
}
