//! A tool's packet with its ends looked up, as every family of text returns it.

use super::packet::{ToolContent, ToolError, ToolIp, ToolPacket, ToolSegment};
use crate::capture::transcript::clock::Stamp;
use crate::capture::transcript::ends::{End, Port, Spelled};
use crate::capture::transcript::family::Common;
use crate::capture::transcript::hosts::Hosts;
use crate::capture::transcript::packet::{PrintedContent, PrintedPacket};
use crate::capture::transcript::tcpdump::icmp;
use crate::packet::{
    Host, IcmpError, IpHeader, Neighbour, Other, Quoted, SegmentHeader, Seq, TcpHeader, TcpOptions,
};

/// Digits after the second of a time that a tool does not show.
const USUAL_DIGITS: u8 = 6;

/// IP's number of TCP.
const TCP: u8 = 6;

impl ToolPacket {
    /// Hands the packet to the others; one with too many names is counted there.
    pub fn hand_over(self, common: &mut Common) {
        if let (ToolContent::Unread(name), None) = (&self.content, &self.dump) {
            let receiver = common.hosts.host(&spelled(&self.hosts.1));
            common.add_unread(receiver);
            if name.is_empty() {
                return;
            }
        }
        let line = self.line;
        let packet = self.printed(&mut common.hosts);
        if let Some(packet) = &packet {
            let hides_rows = common.parts.hides_rows(line, packet);
            if hides_rows && !packet.begins_capture {
                common.add_unread(None);
            }
            common.parts.follow(line, packet);
        }
        common.packets.extend(packet);
    }

    /// The packet with its ends looked up; `None` if there are too many names.
    fn printed(self, hosts: &mut Hosts) -> Option<PrintedPacket> {
        let (stamp, digits) = self.time.unwrap_or((Stamp::None, USUAL_DIGITS));
        let mut packet = PrintedPacket {
            stamp,
            digits,
            content: PrintedContent::Other(Other::Printed("unknown".into())),
            direction: self.direction,
            wire_len: self.wire_len,
            is_cut: false,
            printed: Vec::new(),
            payload: Vec::new(),
            filtered: None,
            decoded: String::new(),
            begins_capture: self.begins_capture,
            dump: None,
        };
        let named = (spelled(&self.hosts.0), spelled(&self.hosts.1));
        if self.dump.is_some() && ![&named.0, &named.1].into_iter().any(|host| hosts.is_in_use(host)) {
            // The bytes count, unless other packets of its hosts have names only.
            packet.dump = self.dump;
            return Some(packet);
        }
        packet.content = match self.content {
            // Which of its hosts' connections it belongs to is not shown.
            ToolContent::Segment(segment) if segment.ports.is_none() && segment.flags.is_none() => {
                PrintedContent::Other(Other::PortlessTcp { is_between_names: false })
            }
            ToolContent::Segment(segment) => {
                packet.is_cut = segment.payload_len.is_none();
                let ends = segment.ports.clone().unwrap_or((String::from("?"), String::from("?")));
                let source = hosts.end(&End { host: named.0, port: port(&ends.0) })?;
                let destination = hosts.end(&End { host: named.1, port: port(&ends.1) })?;
                (packet.printed, packet.decoded) = (segment.printed.clone(), segment.decoded.clone());
                PrintedContent::Segment(segment.header(source, destination, self.ip))
            }
            ToolContent::Error(error) => error.content(hosts, &named)?,
            ToolContent::Icmp(words) => match ToolError::of_words(&words, &named) {
                Some(error) => error.content(hosts, &named)?,
                None => PrintedContent::Other(Other::Icmp),
            },
            ToolContent::Neighbour { target, asker, is_answer } => {
                let asker = asker.and_then(|asker| hosts.host(&spelled(&asker)));
                PrintedContent::Neighbour(Neighbour {
                    target: hosts.host(&spelled(&target))?,
                    asker,
                    is_answer,
                })
            }
            ToolContent::Other(name) | ToolContent::Unread(name) => PrintedContent::Other(other(name)),
        };
        Some(packet)
    }
}

/// A host as a tool writes it.
fn spelled(word: &str) -> Spelled {
    let word = word.trim();
    Spelled::parse(word).unwrap_or_else(|| Spelled::Name(word.into()))
}

fn port(word: &str) -> Port {
    Port::parse(word).unwrap_or_else(|| Port::Service(word.into()))
}

/// A packet that is not followed, by the tool's name for it.
fn other(name: String) -> Other {
    match name.as_str() {
        "DNS" | "MDNS" | "LLMNR" => Other::Dns,
        "UDP" | "udp" => Other::Udp,
        "ICMP" | "ICMPv6" => Other::Icmp,
        "" => Other::Printed("unknown".into()),
        _ => Other::Printed(name.into()),
    }
}

impl ToolSegment {
    fn header(&self, source: (Host, u16), destination: (Host, u16), ip: ToolIp) -> SegmentHeader {
        SegmentHeader {
            ip: IpHeader {
                hop_limit: ip.hop_limit,
                id: ip.id,
                length: ip.total_len,
                ..IpHeader::between(source.0, destination.0)
            },
            tcp: TcpHeader {
                seq: self.seq.map(Seq),
                ack: self.ack.map(Seq),
                flags: self.flags,
                window: self.window,
                urgent: self.urgent.unwrap_or(0),
                header_len: self.header_len,
                options: Some(TcpOptions::from_wire(&self.options)),
                ..TcpHeader::between(source.1, destination.1)
            },
            payload_len: self.payload_len,
        }
    }
}

impl ToolError {
    /// From tcpdump's words, which FortiGate and others print: `host 192.0.2.1 unreachable`.
    fn of_words(words: &str, (source, destination): &(Spelled, Spelled)) -> Option<Self> {
        let message = icmp::parse(&format!("ICMP {words}, length 0"), source, destination)?;
        let icmp::Message::Error(printed) = message else { return None };
        let target = printed.destination.map(|target| match target {
            Spelled::Address(address) => address.to_string(),
            Spelled::Name(name) => name.into(),
        });
        let port = printed.destination_port.map(|port| match port {
            Port::Number(port) => port.to_string(),
            Port::Service(service) => service.into(),
            Port::None => String::from("?"),
        });
        Some(Self {
            icmp_type: printed.icmp_type,
            code: printed.code,
            is_v6: false,
            mtu: printed.mtu,
            target,
            protocol: printed.protocol,
            ports: (None, port),
            quoted_len: None,
        })
    }

    /// The error, tied to the packet that it is about; without one it is of no connection.
    fn content(
        self,
        hosts: &mut Hosts,
        (source, destination): &(Spelled, Spelled),
    ) -> Option<PrintedContent> {
        let (sender, asker) = (hosts.host(source)?, hosts.host(destination)?);
        let Some(target) = self.target else {
            return Some(PrintedContent::Other(Other::UnquotedIcmpError));
        };
        let host = spelled(&target);
        let mut end = |spelled: Spelled, word: Option<String>| {
            let known = word.as_deref().map(port);
            let end = known.and_then(|port| hosts.end(&End { host: spelled.clone(), port }));
            match end {
                Some((host, port)) => Some((host, Some(port))),
                None => Some((hosts.host(&spelled)?, None)),
            }
        };
        let (quoted_source, source_port) = end(destination.clone(), self.ports.0)?;
        let (quoted_destination, destination_port) = end(host, self.ports.1)?;
        Some(PrintedContent::IcmpError(Box::new(IcmpError {
            ip: IpHeader::between(sender, asker),
            icmp_type: self.icmp_type,
            code: self.code,
            length: None,
            checksum: crate::packet::Checksum::Unseen,
            mtu: self.mtu,
            pointer: None,
            quoted: Quoted {
                source: quoted_source,
                destination: quoted_destination,
                source_port,
                destination_port,
                seq: None,
                protocol: self.protocol.or(Some(TCP)),
            },
            quoted_bytes: &[],
            quoted_segment: None,
        })))
    }
}
