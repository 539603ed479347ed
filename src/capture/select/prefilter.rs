//! The selection before decoding: a target as a program that libpcap compiles. It drops the frames that certainly do not
//! matter, and lets through whatever may carry the target's traffic in a tunnel, a tag or a fragment.

use pcap::{BpfProgram, Capture, Linktype};

use super::{Target, TargetError};
use crate::capture::file::link_type;
use crate::capture::{Frame, Record};

/// Writes a frame as Ethernet would carry it, whatever its link type; returns whether it could.
pub type AsEthernet = fn(&Frame<'_>, &mut Vec<u8>) -> bool;

/// What libpcap says of an expression that no frame of a link type can match.
const REJECTS_ALL: &str = "expression rejects all packets";

/// LINKTYPE_ETHERNET.
const ETHERNET: u32 = 1;

impl Target {
    /// What a live capture's kernel is to pass on, for frames of this link type; empty for everything. Where libpcap can't
    /// express the target for the link type, only the user's own expression is left, and nothing if it can't filter that type
    /// at all.
    ///
    /// # Errors
    /// When libpcap does not accept the user's expression.
    pub(in crate::capture) fn expression(&self, link_type: u32) -> Result<String, TargetError> {
        if let Programs::OnEthernet(_) = self.compile(link_type)? {
            return Ok(String::new());
        }
        let compiles = |expression: &String| {
            Capture::dead(dlt(link_type)).is_ok_and(|handle| handle.compile(expression, true).is_ok())
        };
        // The user's own comes last: after `vlan` or `mpls` in it, libpcap looks for everything else inside the tag.
        let parts = self.superset(link_type).filter(compiles).into_iter().chain(self.filter.clone());
        let parts: Vec<_> = parts.map(|part| format!("({part})")).collect();
        Ok(parts.join(" and "))
    }

    /// Compiles what must hold for a frame of this link type; empty if everything passes.
    ///
    /// # Errors
    /// When libpcap does not accept the user's expression.
    fn compile(&self, link_type: u32) -> Result<Programs, TargetError> {
        let handle = Capture::dead(dlt(link_type)).ok();
        let Some(handle) = handle.filter(|handle| handle.compile("ip", true).is_ok()) else {
            return self.compile_for_ethernet(link_type);
        };
        let mut programs = Vec::new();
        if let Some(expression) = &self.filter {
            match compiled(&handle, expression, link_type) {
                // No error, as libpcap has it: `ip6` of a link type that is IPv4 selects nothing.
                Err(TargetError::BadFilter { message, .. }) if message == REJECTS_ALL => {
                    return self.compile_for_ethernet(link_type);
                }
                compiled => programs.push(compiled?),
            }
        }
        programs
            .extend(self.superset(link_type).and_then(|expression| handle.compile(&expression, true).ok()));
        Ok(Programs::OnFrame(programs))
    }

    /// Compiles the user's expression for Ethernet. The rest of the target is selected after decoding.
    fn compile_for_ethernet(&self, link_type: u32) -> Result<Programs, TargetError> {
        let Some(expression) = &self.filter else { return Ok(Programs::OnFrame(Vec::new())) };
        let handle = Capture::dead(Linktype::ETHERNET);
        let handle = handle.map_err(|error| bad_filter(expression, error, link_type))?;
        compiled(&handle, expression, link_type).map(Programs::OnEthernet)
    }

    /// An expression that lets pass at least what [`admits`](Self::admits) does.
    fn superset(&self, link_type: u32) -> Option<String> {
        if self.is_any_endpoint() {
            return None;
        }
        let own: Vec<u16> = self.hosts.iter().filter_map(|place| place.port).collect();
        // A host without a port admits every port, unless ports are given for all.
        let is_any_port = self.ports.is_empty() && (own.is_empty() || own.len() < self.hosts.len());
        let ports = if is_any_port { Vec::new() } else { [self.ports.as_slice(), &own].concat() };
        let ports: Vec<_> = ports.iter().map(|port| format!("tcp port {port}")).collect();
        let hosts: Vec<_> = self.hosts.iter().map(|place| format!("net {}", place.network.trunc())).collect();
        let endpoints = [ports, hosts].into_iter().filter(|group| !group.is_empty());
        let endpoints: Vec<_> = endpoints.map(|group| format!("({})", group.join(" or "))).collect();
        // IP after an LLC header (RFC 1042), where libpcap looks for EtherTypes only.
        let after_llc = match link_type {
            ETHERNET => " or ether[12:2] <= 1500",
            113 => " or link[14:2] = 4",
            276 => " or link[0:2] = 4",
            _ => "",
        };
        Some(format!("({}) or {EXPLAINS} or {MAY_CARRY}{after_llc}", endpoints.join(" and ")))
    }
}

fn compiled(
    handle: &Capture<pcap::Dead>,
    expression: &str,
    link_type: u32,
) -> Result<BpfProgram, TargetError> {
    handle.compile(expression, true).map_err(|error| bad_filter(expression, error, link_type))
}

fn bad_filter(expression: &str, error: pcap::Error, link_type: u32) -> TargetError {
    let message = match error {
        pcap::Error::PcapError(message) => message,
        other => other.to_string(),
    };
    TargetError::BadFilter { expression: expression.to_owned(), message, link_type }
}

/// What libpcap finds wrong with an expression, for Ethernet; nothing if it accepts it.
pub fn syntax_error(expression: &str) -> Option<String> {
    let handle = Capture::dead(Linktype::ETHERNET).ok()?;
    handle.compile(expression, true).err().map(|error| match error {
        pcap::Error::PcapError(message) => message,
        other => other.to_string(),
    })
}

/// What explains a target's failures: errors about its packets, its name, its link address.
const EXPLAINS: &str = "icmp or icmp6 or arp or port 53";

/// What may carry a target's packets out of sight of a plain address test: IPv4 fragments (of which only the first has
/// ports), IPv6 fragments and extension headers, IP in IP, 6in4, GRE, MPLS in IP, the authentication header, VXLAN (4789, and 8472
/// before its registration), Geneve, Teredo, GTP-U, CAPWAP, and frames with tags or labels: 802.1Q, 802.1ad, QinQ as it was before
/// it, MPLS, PPPoE, Cisco metadata.
const MAY_CARRY: &str = "ip[6:2] & 0x3fff != 0 or ip6[6] = 0 or ip6[6] = 43 or ip6[6] = 44 or ip6[6] = 60 \
    or ip proto 4 or ip proto 41 or ip proto 47 or ip6[6] = 4 or ip6[6] = 41 or ip6[6] = 47 \
    or ip proto 51 or ip proto 137 or ip6[6] = 51 or ip6[6] = 137 \
    or udp port 4789 or udp port 8472 or udp port 6081 or udp port 3544 or udp port 2152 or udp port 5247 \
    or ether proto 0x8100 or ether proto 0x88a8 or ether proto 0x9100 \
    or ether proto 0x8847 or ether proto 0x8848 or ether proto 0x8864 or ether proto 0x8909";

/// What is compiled for a link type.
enum Programs {
    /// For the frames themselves; none where everything passes.
    OnFrame(Vec<BpfProgram>),
    /// The user's expression, for frames of a link type that libpcap can't filter, once they are written as Ethernet's.
    OnEthernet(BpfProgram),
}

/// A target's programs for the link types that a capture turns out to have.
pub struct Prefilter {
    target: Target,
    as_ethernet: AsEthernet,
    compiled: Vec<(u32, Programs)>,
    /// The latest frame that was written as Ethernet's.
    ethernet: Vec<u8>,
    skipped: u64,
}

impl Prefilter {
    /// For this target; nothing is compiled before a frame needs it. `as_ethernet` serves link types that libpcap can't filter.
    pub fn new(target: Target, as_ethernet: AsEthernet) -> Self {
        Self { target, as_ethernet, compiled: Vec::new(), ethernet: Vec::new(), skipped: 0 }
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
        let is_wanted = match self.compiled.get(index).map(|(_, programs)| programs) {
            Some(Programs::OnFrame(programs)) => programs.iter().all(|program| program.filter(frame.bytes)),
            // What is no Ethernet frame in any form is counted and no more.
            Some(Programs::OnEthernet(program)) => {
                !(self.as_ethernet)(frame, &mut self.ethernet) || program.filter(&self.ethernet)
            }
            None => true,
        };
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

/// The number of no link type, for frames of a known one that libpcap takes for something else.
const NOT_FILTERED: u32 = u32::MAX;

/// The address family of IPv6 on this host, which libpcap looks for in any BSD loopback header.
const IPV6_FAMILY: u8 = if cfg!(any(target_os = "linux", target_os = "android")) {
    10
} else if cfg!(target_vendor = "apple") {
    30
} else if cfg!(any(target_os = "freebsd", target_os = "dragonfly")) {
    28
} else {
    24
};

/// The link type under which libpcap understands a frame.
fn filtered_as(frame: &Frame<'_>) -> u32 {
    match (frame.link_type, frame.bytes) {
        // LINKTYPE_NULL has the byte order of the host that captured, and libpcap assumes this host's. LINKTYPE_LOOP is the
        // same in network order, which shows by the zeros in front of a small number.
        (0, [0, 0, 0, 2 | IPV6_FAMILY, ..]) if cfg!(target_endian = "little") => 108,
        (0, [2 | IPV6_FAMILY, 0, 0, 0, ..]) => 0,
        (108, [0, 0, 0, 2 | IPV6_FAMILY, ..]) => 108,
        // LINKTYPE_PPP and LINKTYPE_PPP_HDLC: libpcap expects address and control, and no Cisco HDLC. What RFC 1144 compressed
        // has no addresses yet.
        (9 | 50, [0xff, 3, high, low, ..]) if [*high, *low] != [0, 0x2d] && [*high, *low] != [0, 0x2f] => {
            frame.link_type
        }
        (50, [0x0f | 0x8f, ..]) => 104,
        // LINKTYPE_PPI: libpcap expects 802.11 in it.
        (192, [_, _, _, _, 105, 0, 0, 0, ..]) => 192,
        (0 | 9 | 50 | 108 | 192, _) => NOT_FILTERED,
        (link_type, _) => link_type,
    }
}

/// A link type as `pcap_open_dead` takes it.
fn dlt(link_type: u32) -> Linktype {
    Linktype(link_type::to_dlt(link_type) as i32)
}
