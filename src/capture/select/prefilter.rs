//! The selection before decoding: a target as a program that libpcap compiles. It drops the frames that certainly do not
//! matter, and lets through whatever may carry the target's traffic in a tunnel, a tag or a fragment.

use pcap::{BpfProgram, Capture, Linktype};

use super::{Target, TargetError};
use crate::capture::file::link_type;
use crate::capture::{Frame, Record};

impl Target {
    /// What a live capture's kernel is to pass on, for frames of this link type; empty for everything. Where libpcap can't
    /// express the target for the link type, only the user's own expression is left.
    ///
    /// # Errors
    /// When libpcap does not accept the user's expression.
    pub(in crate::capture) fn expression(&self, link_type: u32) -> Result<String, TargetError> {
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
        let own: Vec<u16> = self.hosts.iter().filter_map(|place| place.port).collect();
        // A host without a port admits every port, unless ports are given for all.
        let is_any_port = self.ports.is_empty() && (own.is_empty() || own.len() < self.hosts.len());
        let ports = if is_any_port { Vec::new() } else { [self.ports.as_slice(), &own].concat() };
        let ports: Vec<_> = ports.iter().map(|port| format!("tcp port {port}")).collect();
        let hosts: Vec<_> = self.hosts.iter().map(|place| format!("net {}", place.network.trunc())).collect();
        let endpoints = [ports, hosts].into_iter().filter(|group| !group.is_empty());
        let endpoints: Vec<_> = endpoints.map(|group| format!("({})", group.join(" or "))).collect();
        Some(format!("({}) or {EXPLAINS} or {MAY_CARRY}", endpoints.join(" and ")))
    }
}

/// What libpcap finds wrong with an expression, for Ethernet; nothing where it accepts it.
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
