//! Every link type that is read, with IPv4 and IPv6, under every kind of selection: what is asked for stays, and nothing else does.

use std::collections::BTreeSet;
use std::io::{self, Cursor};

use ssmscope::analysis::{self, Judged, Needs, Settings, Sink};
use ssmscope::capture::{self, Target};
use ssmscope::decode::LINK_TYPES;

use crate::rewritten::{Frame, pcap};

const IPV4: usize = 0;
const IPV6: usize = 1;

/// The EtherType, and PPP's protocol, of each version.
const ETHER_TYPES: [[u8; 2]; 2] = [[0x08, 0x00], [0x86, 0xdd]];
const PPP: [[u8; 2]; 2] = [[0, 0x21], [0, 0x57]];

const CLIENTS: [&str; 2] = ["192.0.2.10", "2001:db8::10"];
const SERVERS: [&str; 2] = ["198.51.100.20", "2001:db8::20"];
const PORT: u16 = 8443;

/// A SYN to the server, in IP.
fn syn(version: usize) -> Vec<u8> {
    let mut tcp = vec![0xc3, 0x50];
    tcp.extend(PORT.to_be_bytes());
    tcp.extend([0, 0, 0, 1, 0, 0, 0, 0, 0x50, 2, 1, 0, 0, 0, 0, 0]);
    if version == IPV4 {
        let mut ip = vec![0x45, 0, 0, 40, 0, 1, 0, 0, 64, 6, 0, 0, 192, 0, 2, 10, 198, 51, 100, 20];
        ip.extend(tcp);
        return ip;
    }
    let mut ip = vec![0x60, 0, 0, 0, 0, 20, 6, 64];
    for last in [0x10, 0x20] {
        ip.extend([0x20, 1, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, last]);
    }
    ip.extend(tcp);
    ip
}

fn join(parts: &[&[u8]]) -> Vec<u8> {
    parts.concat()
}

/// A SYN of this version as a frame of each link type, by its number in the tcpdump.org registry.
fn frames(version: usize) -> Vec<(u32, Vec<u8>)> {
    let ip = syn(version);
    let (ether_type, ppp) = (ETHER_TYPES[version], PPP[version]);
    let snap = join(&[&[0xaa, 0xaa, 3, 0, 0, 0], &ether_type, &ip]);
    let wireless = join(&[&[0x08, 1], &[0; 22], &snap]);
    let ethernet = join(&[&[2; 12], &ether_type, &ip]);
    let attribute = join(&[&(4 + ip.len() as u16).to_le_bytes(), &[9, 0], &ip]);
    let nflog = join(&[&[[2, 10][version], 0, 0, 0], &[5, 0, 10, 0, 0, 0, 0, 0], &attribute]);
    let message = join(&[&(16 + nflog.len() as u32).to_le_bytes(), &[0, 4, 0, 0], &[0; 8], &nflog]);
    let mut all = vec![
        (1, ethernet.clone()),
        (9, join(&[&[0xff, 3], &ppp, &ip])),
        (9, join(&[&ppp, &ip])),
        (9, join(&[&ppp[1..], &ip])),
        (50, join(&[&[0xff, 3], &ppp, &ip])),
        (50, join(&[&[0x0f, 0], &ether_type, &ip])),
        (51, join(&[&[0x11, 0, 0, 1], &(2 + ip.len() as u16).to_be_bytes(), &ppp, &ip])),
        (101, ip.clone()),
        (104, join(&[&[0x0f, 0], &ether_type, &ip])),
        (105, wireless.clone()),
        (113, join(&[&[0, 0, 0, 1, 0, 6], &[2; 8], &ether_type, &ip])),
        (119, join(&[&[0; 144], &wireless])),
        (127, join(&[&[0, 0, 8, 0, 0, 0, 0, 0], &wireless])),
        (163, join(&[&[0x80, 0x21, 0x10, 1, 0, 0, 0, 64], &[0; 56], &wireless])),
        (192, join(&[&[0, 0, 8, 0, 105, 0, 0, 0], &wireless])),
        (192, join(&[&[0, 0, 8, 0, 1, 0, 0, 0], &ethernet])),
        (192, join(&[&[0, 0, 8, 0, 12, 0, 0, 0], &ip])),
        (204, join(&[&[1, 0xff, 3], &ppp, &ip])),
        (239, nflog),
        (242, join(&[&[0; 40], &ether_type, &[0, 0], &ip])),
        (253, join(&[&[0, 4, 3, 0x38], &[0; 10], &[0, 12], &message])),
        (276, join(&[&ether_type, &[0, 0, 0, 0, 0, 1, 0, 1, 0, 6], &[2; 8], &ip])),
        ([228, 229][version], ip.clone()),
    ];
    // The address families of Linux, NetBSD and OpenBSD, FreeBSD, and macOS, in both byte orders.
    for family in [&[2][..], &[10, 24, 28, 30]][version] {
        all.push((0, join(&[&[*family, 0, 0, 0], &ip])));
        all.push((0, join(&[&[0, 0, 0, *family], &ip])));
        all.push((108, join(&[&[0, 0, 0, *family], &ip])));
        all.push((108, join(&[&[*family, 0, 0, 0], &ip])));
    }
    all
}

/// The same where IP is after an LLC header (RFC 1042), though the link header could name it.
fn frames_after_llc(version: usize) -> [(u32, Vec<u8>); 3] {
    let snap = join(&[&[0xaa, 0xaa, 3, 0, 0, 0], &ETHER_TYPES[version], &syn(version)]);
    [
        (1, join(&[&[2; 12], &(snap.len() as u16).to_be_bytes(), &snap])),
        (113, join(&[&[0, 0, 0, 1, 0, 6], &[2; 8], &[0, 4], &snap])),
        (276, join(&[&[0, 4, 0, 0, 0, 0, 0, 1, 0, 1, 0, 6], &[2; 8], &snap])),
    ]
}

/// How many connections there are.
#[derive(Default)]
struct Count(u64);

impl Sink for Count {
    fn needs(&self) -> Needs {
        Needs::ALL
    }

    fn connection(&mut self, _: Judged) -> io::Result<()> {
        self.0 += 1;
        Ok(())
    }
}

/// Whether a frame's connection is analysed where this is selected.
fn is_kept(link_type: u32, bytes: &[u8], hosts: &[&str], ports: &[u16], filter: Option<&str>) -> bool {
    let frame = Frame { nanos: 1, link_type, wire_len: bytes.len() as u32, bytes: bytes.to_vec() };
    let hosts: Vec<_> = hosts.iter().map(|host| (*host).to_owned()).collect();
    let target = Target::new(&hosts, ports, filter.map(str::to_owned)).unwrap();
    let mut source = capture::file::read("selected", 0, Cursor::new(pcap(&[frame])), None).unwrap();
    let mut count = Count::default();
    let summary = analysis::analyse(&mut *source, target, &Settings::default(), &mut count).unwrap();
    assert!(summary.error.is_none(), "link type {link_type}: {:?}", summary.error);
    count.0 == 1
}

#[test]
fn there_is_a_frame_of_every_link_type_that_is_read() {
    let frames = [IPV4, IPV6].into_iter().flat_map(frames).map(|(link_type, _)| link_type);
    assert_eq!(frames.collect::<BTreeSet<_>>().into_iter().collect::<Vec<_>>(), LINK_TYPES);
}

#[test]
fn every_selection_keeps_what_it_names_in_every_link_type() {
    for version in [IPV4, IPV6] {
        let (client, server) = (CLIENTS[version], SERVERS[version]);
        let (own, other) = [("ip", "ip6"), ("ip6", "ip")][version];
        let network = ["198.51.100.0/24", "2001:db8::/64"][version];
        let elsewhere = [["203.0.113.9", "192.0.2.11"], ["2001:db8:1::9", "2001:db8::11"]][version];
        let (plain, after_llc) = (frames(version), frames_after_llc(version));
        for (index, (link_type, bytes)) in plain.iter().chain(&after_llc).enumerate() {
            let is_kept = |hosts: &[&str], ports: &[u16], filter: Option<&str>| {
                is_kept(*link_type, bytes, hosts, ports, filter)
            };
            let of = format!("frame {index} of link type {link_type} with {own}");
            assert!(is_kept(&[], &[], None), "{of}");
            for (hosts, ports) in [
                (&[server][..], &[][..]),
                (&[client], &[]),
                (&[network], &[]),
                (&[], &[PORT]),
                (&[server], &[PORT, 443]),
            ] {
                assert!(is_kept(hosts, ports, None), "{of}: {hosts:?} {ports:?}");
            }
            for (hosts, ports) in
                [(&elsewhere[..], &[][..]), (&[], &[443]), (&[server], &[443]), (&elsewhere, &[PORT])]
            {
                assert!(!is_kept(hosts, ports, None), "{of}: {hosts:?} {ports:?}");
            }
            // libpcap looks for EtherTypes where a frame can have one, and the user's expression means what it means there.
            if index >= plain.len() {
                continue;
            }
            for filter in [
                "tcp port 8443".to_owned(),
                format!("host {server}"),
                format!("net {network} and tcp"),
                own.to_owned(),
                format!("not {other} and tcp dst port 8443"),
            ] {
                assert!(is_kept(&[], &[], Some(&filter)), "{of}: {filter}");
                assert!(is_kept(&[server], &[PORT], Some(&filter)), "{of}: {filter}");
                assert!(!is_kept(&[server], &[443], Some(&filter)), "{of}: {filter}");
            }
            for filter in [
                "tcp port 443".to_owned(),
                format!("host {}", elsewhere[0]),
                other.to_owned(),
                "udp".to_owned(),
            ] {
                assert!(!is_kept(&[], &[], Some(&filter)), "{of}: {filter}");
            }
        }
    }
}

#[test]
fn a_selection_keeps_what_is_inside_a_tunnel() {
    for version in [IPV4, IPV6] {
        let ip = syn(version);
        let ethernet = join(&[&[2; 12], &ETHER_TYPES[version], &ip]);
        let datagram = |port: u16, payload: &[u8]| {
            let len = 8 + payload.len() as u16;
            let udp = join(&[&port.to_be_bytes(), &port.to_be_bytes(), &len.to_be_bytes(), &[0, 0], payload]);
            let fixed = [0, 1, 0, 0, 64, 17, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2];
            join(&[&[2; 12], &[8, 0, 0x45, 0], &(20 + len).to_be_bytes(), &fixed, &udp])
        };
        for (what, frame) in [
            (
                "GTP-U",
                datagram(2152, &join(&[&[0x30, 255], &(ip.len() as u16).to_be_bytes(), &[0, 0, 0, 7], &ip])),
            ),
            ("CAPWAP", datagram(5247, &join(&[&[0, 0x10, 0, 0, 0, 0, 0, 0], &ethernet]))),
            ("VXLAN", datagram(4789, &join(&[&[8, 0, 0, 0, 0, 0, 5, 0], &ethernet]))),
        ] {
            assert!(is_kept(1, &frame, &[SERVERS[version]], &[PORT], None), "{what}");
            assert!(is_kept(1, &frame, &[], &[PORT], None), "{what}");
            assert!(!is_kept(1, &frame, &["203.0.113.9"], &[PORT], None), "{what}");
        }
    }
}
