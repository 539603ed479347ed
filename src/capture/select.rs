//! Target selection: which packets the analysis sees.
//!
//! It happens twice. Before decoding, a program compiled by libpcap drops the frames that certainly do not matter; it
//! lets pass whatever may carry the target's traffic in a tunnel, a tag or a fragment. After decoding,
//! [`Target::admits`] decides exactly. The expression of `--filter` is the user's own and holds as it stands.

use std::io;
use std::net::{IpAddr, ToSocketAddrs};

use ipnet::IpNet;
use pcap::{BpfProgram, Capture, Linktype};

use super::file::link_type;
use super::{About, Frame, Record};
use crate::packet::{Content, Neighbour, Other, Packet, Segment};

/// What the user wants to see: nothing given admits everything.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Target {
    hosts: Vec<IpNet>,
    ports: Vec<u16>,
    filter: Option<String>,
}

/// Why a target can't be selected.
#[derive(Debug, thiserror::Error)]
pub enum TargetError {
    /// A name has no address.
    #[error("--host {name}: no address is known for that name ({reason})\n  try: give its IP address")]
    Unresolved {
        /// As given.
        name: String,
        /// What the resolver said.
        reason: io::Error,
    },
    /// An address prefix that is none.
    #[error("--host {text}: not an address prefix\n  try: 10.106.66.0/24 or 2001:db8::/32")]
    BadPrefix {
        /// As given.
        text: String,
    },
    /// libpcap does not accept the expression.
    #[error("--filter '{expression}': {message} (link type {link_type})\n  try: man pcap-filter")]
    BadFilter {
        /// As given.
        expression: String,
        /// What libpcap said.
        message: String,
        /// The link type for which it was compiled, by its number in the tcpdump.org registry.
        link_type: u32,
    },
    /// A BPF expression reads frames, and text has none.
    #[error(
        "{file}: --filter can't be applied to tcpdump's text, which holds no frames\n  try: --host and --port"
    )]
    TextHasNoFrames {
        /// The file as the user named it.
        file: String,
    },
}

impl Target {
    /// From the values of `--host`, `--port` and `--filter`. Names are resolved here, once.
    ///
    /// # Errors
    /// When a host is neither an address, nor a prefix, nor a name that resolves.
    pub fn new(hosts: &[String], ports: &[u16], filter: Option<String>) -> Result<Self, TargetError> {
        let mut addresses = Vec::new();
        for host in hosts {
            addresses.extend(networks_of(host)?);
        }
        addresses.sort_unstable();
        addresses.dedup();
        Ok(Self { hosts: addresses, ports: ports.to_vec(), filter })
    }

    /// The addresses and prefixes that `--host` was taken for, for people.
    pub fn networks(&self) -> String {
        let name = |host: &IpNet| {
            let is_single = host.prefix_len() == host.max_prefix_len();
            if is_single { host.addr().to_string() } else { host.to_string() }
        };
        self.hosts.iter().map(name).collect::<Vec<_>>().join(", ")
    }

    /// Whether this target can be selected from that capture.
    ///
    /// # Errors
    /// When `--filter` is given and a file is text.
    pub fn check(&self, about: &About) -> Result<(), TargetError> {
        match about.files.iter().find(|file| file.is_text) {
            Some(text) if self.filter.is_some() => {
                Err(TargetError::TextHasNoFrames { file: text.name.clone() })
            }
            _ => Ok(()),
        }
    }

    /// Whether a decoded packet belongs to the target, or explains what befell it.
    pub fn admits(&self, packet: &Packet<'_>) -> bool {
        if self.is_any_endpoint() {
            return true;
        }
        match &packet.content {
            Content::Segment(Segment { header, .. }) => {
                self.has_endpoint(header.ip.source, Some(header.tcp.source_port))
                    || self.has_endpoint(header.ip.destination, Some(header.tcp.destination_port))
            }
            Content::IcmpError(error) => {
                let quoted = &error.quoted;
                self.has_endpoint(quoted.source, quoted.source_port)
                    || self.has_endpoint(quoted.destination, quoted.destination_port)
            }
            Content::Neighbour(Neighbour { target, asker, .. }) => {
                self.has_host(*target) || asker.is_some_and(|asker| self.has_host(asker))
            }
            // The server's name may have been asked of any resolver.
            Content::Other(Other::Dns) => true,
            Content::Other(_) => false,
        }
    }

    /// What a live capture's kernel is to pass on, for frames of this link type; empty for everything. Where libpcap can't
    /// express the target for the link type, only the user's own expression is left.
    ///
    /// # Errors
    /// When libpcap does not accept the user's expression.
    pub(super) fn expression(&self, link_type: u32) -> Result<String, TargetError> {
        self.compile(link_type)?;
        let compiles = |expression: &String| {
            Capture::dead(dlt(link_type)).is_ok_and(|handle| handle.compile(expression, true).is_ok())
        };
        // The user's own comes last: behind `vlan` or `mpls` in it, libpcap looks for everything else inside the tag.
        let parts = self.superset().filter(compiles).into_iter().chain(self.filter.clone());
        let parts: Vec<_> = parts.map(|part| format!("({part})")).collect();
        Ok(parts.join(" and "))
    }

    /// Compiles what must hold for a frame of this link type; empty where everything passes.
    ///
    /// # Errors
    /// When libpcap does not accept the user's expression.
    fn compile(&self, link_type: u32) -> Result<Vec<BpfProgram>, TargetError> {
        let mut programs = Vec::new();
        // Link types that libpcap can't filter at all are left to what comes after decoding.
        let Ok(handle) = Capture::dead(dlt(link_type)) else { return Ok(programs) };
        if handle.compile("", true).is_err() {
            return Ok(programs);
        }
        if let Some(expression) = &self.filter {
            let program = handle.compile(expression, true).map_err(|error| TargetError::BadFilter {
                expression: expression.clone(),
                message: match error {
                    pcap::Error::PcapError(message) => message,
                    other => other.to_string(),
                },
                link_type,
            })?;
            programs.push(program);
        }
        programs.extend(self.superset().and_then(|expression| handle.compile(&expression, true).ok()));
        Ok(programs)
    }

    /// An expression that lets pass at least what [`admits`](Self::admits) does.
    fn superset(&self) -> Option<String> {
        if self.is_any_endpoint() {
            return None;
        }
        let ports: Vec<_> = self.ports.iter().map(|port| format!("tcp port {port}")).collect();
        let hosts: Vec<_> = self.hosts.iter().map(|host| format!("net {}", host.trunc())).collect();
        let endpoints = [ports, hosts].into_iter().filter(|group| !group.is_empty());
        let endpoints: Vec<_> = endpoints.map(|group| format!("({})", group.join(" or "))).collect();
        Some(format!("({}) or {EXPLAINS} or {MAY_CARRY}", endpoints.join(" and ")))
    }

    fn is_any_endpoint(&self) -> bool {
        self.hosts.is_empty() && self.ports.is_empty()
    }

    fn is_everything(&self) -> bool {
        self.is_any_endpoint() && self.filter.is_none()
    }

    fn has_endpoint(&self, address: IpAddr, port: Option<u16>) -> bool {
        // A port that is not told may be the right one.
        let is_port = self.ports.is_empty() || port.is_none_or(|port| self.ports.contains(&port));
        is_port && self.has_host(address)
    }

    fn has_host(&self, address: IpAddr) -> bool {
        self.hosts.is_empty() || self.hosts.iter().any(|host| host.contains(&address))
    }
}

/// What explains a target's failures: errors about its packets, its name, its link address.
const EXPLAINS: &str = "icmp or icmp6 or arp or port 53";

/// What may carry a target's packets out of sight of a plain address test: IPv4 fragments (of which only the first has
/// ports), IPv6 fragments and extension headers, IP in IP, 6in4, GRE, VXLAN (4789, and 8472 before its registration),
/// Geneve, and frames with tags or labels: 802.1Q, 802.1ad, QinQ as it was before it, MPLS, PPPoE.
const MAY_CARRY: &str = "ip[6:2] & 0x3fff != 0 or ip6[6] = 0 or ip6[6] = 43 or ip6[6] = 44 or ip6[6] = 60 \
    or ip proto 4 or ip proto 41 or ip proto 47 or ip6[6] = 4 or ip6[6] = 41 or ip6[6] = 47 \
    or udp port 4789 or udp port 8472 or udp port 6081 \
    or ether proto 0x8100 or ether proto 0x88a8 or ether proto 0x9100 \
    or ether proto 0x8847 or ether proto 0x8848 or ether proto 0x8864";

/// A target's programs for the link types that a capture turns out to have.
pub struct Prefilter {
    target: Target,
    compiled: Vec<(u32, Vec<BpfProgram>)>,
    skipped: u64,
}

impl Prefilter {
    /// For this target; nothing is compiled before a frame needs it.
    pub fn new(target: Target) -> Self {
        Self { target, compiled: Vec::new(), skipped: 0 }
    }

    /// Whether a record is to be decoded. Printed packets always are.
    ///
    /// # Errors
    /// When the user's expression does not compile for the frame's link type.
    pub fn passes(&mut self, record: &Record<'_>) -> Result<bool, TargetError> {
        let Record::Frame(frame) = record else { return Ok(true) };
        if self.target.is_everything() {
            return Ok(true);
        }
        let key = filtered_as(frame);
        let known = self.compiled.iter().position(|(link_type, _)| *link_type == key);
        let index = known.unwrap_or(self.compiled.len());
        if known.is_none() {
            self.compiled.push((key, self.target.compile(key)?));
        }
        let programs = self.compiled.get(index).map(|(_, programs)| programs.as_slice()).unwrap_or_default();
        let is_wanted = programs.iter().all(|program| program.filter(frame.bytes));
        self.skipped += u64::from(!is_wanted);
        Ok(is_wanted)
    }

    /// What is selected.
    pub fn target(&self) -> &Target {
        &self.target
    }

    /// Frames that did not pass. They keep their numbers.
    pub fn skipped(&self) -> u64 {
        self.skipped
    }
}

/// The link type under which libpcap understands a frame.
fn filtered_as(frame: &Frame<'_>) -> u32 {
    // LINKTYPE_NULL has the byte order of the host that captured, and libpcap assumes this host's. LINKTYPE_LOOP is the
    // same in network order, which shows by the zeros in front of a small number.
    let is_network_order = cfg!(target_endian = "little") && frame.bytes.starts_with(&[0, 0]);
    if frame.link_type == 0 && is_network_order { 108 } else { frame.link_type }
}

/// A link type as `pcap_open_dead` takes it.
fn dlt(link_type: u32) -> Linktype {
    Linktype(link_type::to_dlt(link_type) as i32)
}

/// The networks that a value of `--host` stands for: one, or as many as a name has addresses.
fn networks_of(host: &str) -> Result<Vec<IpNet>, TargetError> {
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    // A zone (RFC 4007, 11) names an interface of this machine, and no packet shows it.
    let bare = bare.split_once('%').map_or(bare, |(address, _)| address);
    if let Ok(address) = bare.parse::<IpAddr>() {
        return Ok(vec![address.into()]);
    }
    if bare.contains('/') {
        let prefix = bare.parse::<IpNet>().map_err(|_| TargetError::BadPrefix { text: host.to_owned() })?;
        return Ok(vec![prefix.trunc()]);
    }
    match (host, 0).to_socket_addrs() {
        Ok(addresses) => Ok(addresses.map(|address| address.ip().into()).collect()),
        Err(reason) => Err(TargetError::Unresolved { name: host.to_owned(), reason }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::capture::FileAbout;
    use crate::packet::{Checksum, Flags, IcmpError, IpHeader, Origin, Quoted, SegmentHeader, TcpHeader};
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

    /// An IPv4 packet behind an Ethernet header, which may hold a tag.
    fn ethernet(tag: &[u8], packet: &[u8]) -> Vec<u8> {
        [&[2; 12][..], tag, &[0x08, 0], packet].concat()
    }

    fn passes(target: &Target, link_type: u32, bytes: &[u8]) -> bool {
        let mut prefilter = Prefilter::new(target.clone());
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
        assert!(passes(&target, 9999, &wrong), "libpcap knows no such link type, so nothing is dropped");
    }

    #[test]
    fn the_users_expression_holds_as_it_stands() {
        let filter = |expression: &str| {
            Target::new(&[], &[], Some(expression.to_owned())).expect("nothing to resolve")
        };
        let bytes = ethernet(&[0x81, 0, 0, 7], &ipv4(6, 0, CLIENT, SERVER, [1, 8443]));
        assert!(passes(&filter("vlan 7 and tcp port 8443"), 1, &bytes));
        assert!(!passes(&filter("tcp port 8443"), 1, &bytes));
        let error = Prefilter::new(filter("tcp prot 8443"))
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

    fn packet(content: Content<'_>) -> Packet<'_> {
        let origin = Origin { file: 0, number: 1 };
        Packet {
            number: 1,
            origin,
            at: Timestamp::ZERO,
            wire_len: None,
            is_cut: false,
            travel: None,
            content,
        }
    }

    fn admits_segment(target: &Target, source: ([u8; 4], u16), destination: ([u8; 4], u16)) -> bool {
        let tcp = TcpHeader { flags: Some(Flags(Flags::SYN)), ..TcpHeader::between(source.1, destination.1) };
        let header = SegmentHeader {
            ip: IpHeader::between(source.0.into(), destination.0.into()),
            tcp,
            payload_len: None,
        };
        target.admits(&packet(Content::Segment(Segment { header: &header, payload: &[], printed: &[] })))
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
                ip: IpHeader::between(STRANGER.into(), CLIENT.into()),
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
        assert!(target.admits(&error(SERVER, None)), "a port that is not told may be the right one");
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
            target(&["198.51.100.7/24"], &[]).hosts,
            ["198.51.100.0/24".parse::<IpNet>().expect("a prefix")]
        );
        assert_eq!(
            target(&["[fe80::1%eth0]"], &[]).hosts,
            ["fe80::1/128".parse::<IpNet>().expect("a prefix")]
        );
        assert!(target(&["localhost"], &[]).hosts.iter().all(|host| host.addr().is_loopback()));
        let refused =
            |host: &str| Target::new(&[host.to_owned()], &[], None).expect_err("no host").to_string();
        assert!(refused("10.0.0.0/99").contains("not an address prefix"));
        // RFC 6761, 6.4: "invalid." never resolves.
        assert!(refused("licence-server.invalid").contains("give its IP address"));
    }
}
