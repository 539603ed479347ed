//! What one packet contains: the vocabulary that frames and transcript lines share.
//!
//! A frame of a capture file and a line of tcpdump's text become the same [`Packet`], so everything after it works
//! on both. Whatever a cut text line or a short frame can lack is an `Option`: a field that is not there is absent,
//! never guessed. This room holds values only; it does not know where they came from or what they mean together.

pub mod checksum;
mod host;
mod ip;
mod sequence;
mod tcp;

use std::borrow::Cow;
use std::net::IpAddr;

pub use checksum::Checksum;
pub use host::{Host, Name, NameKey, Names};
pub use ip::{FragmentField, IpHeader, IpOptions, IpVersion};
pub use sequence::Seq;
pub use tcp::{Flags, OpeningOptions, TcpHeader, TcpOption, TcpOptions};

use crate::time::Timestamp;

/// One packet, as far as it is known.
#[derive(Clone, Debug)]
pub struct Packet<'a> {
    /// Its place in the capture, counted from 1 as Wireshark counts.
    pub number: u64,
    /// The file it came from and its number there; the same number where there is one file.
    pub origin: Origin,
    /// When the capture saw it.
    pub at: Timestamp,
    /// Bytes of the whole frame on the wire, link header included; absent in a transcript that does not show it.
    pub wire_len: Option<u32>,
    /// Whether fewer bytes were captured than were on the wire, or the text line was cut.
    pub is_cut: bool,
    /// Which way it went at the capturing host, where the link layer records it (Linux cooked captures).
    pub direction: Option<Direction>,
    /// What a firewall did with it, where the text is one's log or capture and says so.
    pub filtered: Option<Filtered>,
    /// The packet type of Linux' cooked capture of version 2, as its header has it.
    pub cooked_type: Option<u8>,
    /// What its source calls hosts; no names where it is a frame.
    pub names: &'a Names,
    /// What it carries.
    pub content: Content<'a>,
}

impl<'a> Packet<'a> {
    /// A whole packet of a single source, without link header and names.
    pub fn new(number: u64, at: Timestamp, content: Content<'a>) -> Self {
        Self {
            number,
            origin: Origin { file: 0, number },
            at,
            wire_len: None,
            is_cut: false,
            direction: None,
            filtered: None,
            cooked_type: None,
            names: Names::NONE,
            content,
        }
    }
}

/// Where a packet is among the files that were read.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub struct Origin {
    /// Index of the file among those given.
    pub file: u16,
    /// The packet's number in it, counted from 1.
    pub number: u64,
}

/// A packet and its time.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Moment {
    /// The packet's number.
    pub number: u64,
    /// When it was captured.
    pub at: Timestamp,
}

/// From where packets were seen.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Viewpoint {
    /// On the wire: each packet with its headers, repeats among them.
    #[default]
    Wire,
    /// From the client's own socket: what it gave and what it was given, in order. Headers, repeats, and when something was
    /// acknowledged do not show there.
    Socket,
}

/// Direction at the capturing host, from a cooked capture's packet type.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Direction {
    /// The host received it.
    Inbound,
    /// The host sent it.
    Outbound,
}

/// What a firewall did with a packet, as its own log or capture says.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Filtered {
    /// It let the packet through and logged it. Such a log holds those packets alone that its rules log.
    Passed,
    /// It dropped the packet.
    Dropped,
}

impl Direction {
    /// The direction of a packet that the host sent, or received.
    pub fn of(was_sent: bool) -> Self {
        if was_sent { Self::Outbound } else { Self::Inbound }
    }
}

/// What a packet carries, as far as this program follows it.
#[derive(Clone, Debug)]
pub enum Content<'a> {
    /// A TCP segment.
    Segment(Segment<'a>),
    /// An ICMP or ICMPv6 error that quotes somebody's packet.
    IcmpError(Box<IcmpError<'a>>),
    /// ARP or neighbour discovery: who looks for which address, and whether it was found.
    Neighbour(Neighbour),
    /// DNS: a question for a name, or the answer to one.
    Lookup(Box<DnsMessage>),
    /// Anything else, by kind; counted in the summary.
    Other(Other),
}

impl Content<'_> {
    /// The hosts that it mentions.
    pub fn hosts(&self) -> Vec<Host> {
        let of_header = |header: &SegmentHeader| [header.ip.source, header.ip.destination];
        match self {
            Self::Segment(segment) => of_header(segment.header).to_vec(),
            Self::IcmpError(error) => error.hosts(),
            Self::Neighbour(Neighbour { target, asker, .. }) => {
                std::iter::once(*target).chain(*asker).collect()
            }
            Self::Lookup(lookup) => vec![lookup.client, lookup.resolver],
            Self::Other(_) => Vec::new(),
        }
    }
}

/// [`Segment::decoded`] of a segment in a text from which others of its connection were left out: the command that made it selects by
/// flags or direction, or its tool calls the segment a retransmission and the text does not show the first copy.
pub const SELECTED: &str = "TCP: selected";

/// [`Segment::decoded`] of a segment that is part of a record of the protocol above, whose end its tool did not see so far.
pub const PART: &str = "TCP: segment of a reassembled PDU";

/// A TCP segment: its headers, the length of its payload on the wire, and those payload bytes that were captured.
#[derive(Clone, Copy, Debug)]
pub struct Segment<'a> {
    /// The headers. They are borrowed, since they are large and nearly each packet has some.
    pub header: &'a SegmentHeader,
    /// The payload's first bytes: all of them, some (snaplen), or none (text).
    pub payload: &'a [u8],
    /// The payload as `tcpdump -A` printed it, or as the lines of a protocol that it decodes (HTTP, SMTP): a `.` stands
    /// for any byte that is not graphic. Empty in a capture file, and in text without it.
    pub printed: &'a [u8],
    /// What another tool decoded of the payload, where it is a protocol that is not printed as it is: the protocol's name, a
    /// colon, and the messages that end in this segment (`TLSv1.2: Server Hello, Certificate`). Empty elsewhere.
    pub decoded: &'a str,
}

/// The headers of a TCP segment.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct SegmentHeader {
    /// The innermost IP header.
    pub ip: IpHeader,
    /// The TCP header.
    pub tcp: TcpHeader,
    /// Payload bytes on the wire; absent when a text line was cut before anything showed it.
    pub payload_len: Option<u32>,
}

impl SegmentHeader {
    /// Bytes of TCP header and payload on the wire: by the IPv4 header where it is known, since a cut text line may lack the
    /// rest.
    pub fn tcp_len(&self) -> Option<u32> {
        const IPV4_HEADER_BYTES: u32 = 20;
        let options = self.ip.options.as_bytes().len() as u32;
        match (self.ip.version, self.ip.length) {
            (IpVersion::V4, Some(len)) if len > 0 => len.checked_sub(IPV4_HEADER_BYTES + options),
            _ => Some(u32::from(self.tcp.header_len?) + self.payload_len?),
        }
    }
}

/// An ICMP or ICMPv6 error.
#[derive(Clone, Debug)]
pub struct IcmpError<'a> {
    /// The IP header that carried it: its source is who complains.
    pub ip: IpHeader,
    /// The type; ICMPv4 and ICMPv6 number differently, and the version of `ip` shows which it is.
    pub icmp_type: u8,
    /// The code within the type.
    pub code: u8,
    /// ICMP bytes on the wire, header included, as tcpdump's `length` counts them.
    pub length: Option<u32>,
    /// The checksum as found.
    pub checksum: Checksum,
    /// Largest size that would pass, from "fragmentation needed" and "packet too big".
    pub mtu: Option<u32>,
    /// Offset of the octet at fault, from "parameter problem" (RFC 792).
    pub pointer: Option<u8>,
    /// Whose packet could not be delivered.
    pub quoted: Quoted,
    /// The quoted packet's bytes, beginning with its IP header; empty in text.
    pub quoted_bytes: &'a [u8],
    /// The quoted segment's headers where the quote shows them whole enough.
    pub quoted_segment: Option<Box<SegmentHeader>>,
}

impl IcmpError<'_> {
    /// The hosts that it mentions.
    pub fn hosts(&self) -> Vec<Host> {
        let Quoted { source, destination, .. } = self.quoted;
        let mut hosts = vec![self.ip.source, self.ip.destination, source, destination];
        hosts.extend(self.quoted_segment.iter().flat_map(|header| [header.ip.source, header.ip.destination]));
        hosts
    }

    /// The same without the quoted bytes, so that it borrows nothing and can be kept.
    pub fn without_quoted_bytes(self) -> IcmpError<'static> {
        IcmpError { quoted_bytes: &[], ..self }
    }
}

/// The addresses of the packet that an ICMP error quotes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Quoted {
    /// Who sent it. A text line without the quoted header does not show that, but the error went to that address.
    pub source: Host,
    /// Where it was going.
    pub destination: Host,
    /// Its source port.
    pub source_port: Option<u16>,
    /// Its destination port.
    pub destination_port: Option<u16>,
    /// Its sequence number.
    pub seq: Option<Seq>,
    /// Its IP protocol: 6 is TCP.
    pub protocol: Option<u8>,
}

/// A DNS message.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct DnsMessage {
    /// Who asks.
    pub client: Host,
    /// Who is asked.
    pub resolver: Host,
    /// What makes an answer that of a question (RFC 1035, 4.1.1).
    pub id: u16,
    /// The name that is asked for.
    pub name: String,
    /// Whether the name's addresses are asked for (types A and AAAA), and not another type of record.
    pub is_for_addresses: bool,
    /// Whether these are addresses of IPv6 (type AAAA).
    pub is_ipv6: bool,
    /// Whether this is the answer.
    pub is_answer: bool,
    /// The addresses in it, up to [`limits::ADDRESSES`](crate::limits::ADDRESSES).
    pub addresses: Vec<IpAddr>,
    /// Why an answer that is there in full has none.
    pub failure: Option<NoAddress>,
}

/// Why an answer has no address.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum NoAddress {
    /// The resolver says so by its RCODE (RFC 1035, 4.1.1): 3, NXDOMAIN, is no such name.
    Rcode(u8),
    /// The name exists, and has no record of the type that was asked for (RFC 2308, 2.2).
    NoRecord,
}

/// An ARP or neighbour discovery message.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Neighbour {
    /// The address that is looked for, or that answers.
    pub target: Host,
    /// Who asks, or who gets the answer.
    pub asker: Option<Host>,
    /// Whether this is the answer.
    pub is_answer: bool,
}

/// A packet that is not followed, by kind. Its `Display` form names the kind in the summary.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Other {
    /// UDP to or from port 53 that can't be read as DNS; the rest is [`Content::Lookup`] and counted with it.
    Dns,
    /// UDP otherwise.
    Udp,
    /// ICMP or ICMPv6 that is not an error.
    Icmp,
    /// An ICMP or ICMPv6 error in text that does not show which packet it quotes.
    UnquotedIcmpError,
    /// Another IP protocol, by its number.
    IpProtocol(u8),
    /// A fragment that waits for others of its datagram.
    Fragment,
    /// Another network protocol, by its EtherType.
    EtherType(u16),
    /// A link type that is not followed, by its number in the tcpdump.org registry.
    LinkType(u32),
    /// A link header that is not followed, by name (for example an LLC frame).
    Link(&'static str),
    /// Too short or contradictory to be read, with the place.
    Malformed(&'static str),
    /// Too little of this header was captured.
    Truncated(&'static str),
    /// TCP in a transcript that shows no ports, so that it belongs to no connection.
    PortlessTcp {
        /// Whether both ends are names.
        is_between_names: bool,
    },
    /// A transcript line that is not TCP, by the word tcpdump prints for it.
    Printed(Cow<'static, str>),
}

impl std::fmt::Display for Other {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Dns => write!(f, "DNS"),
            Self::Udp => write!(f, "UDP"),
            Self::Icmp => write!(f, "ICMP other than errors"),
            Self::UnquotedIcmpError => write!(f, "ICMP error without the packet that it quotes"),
            Self::IpProtocol(number) => write!(f, "IP protocol {number}"),
            Self::Fragment => write!(f, "IP fragment"),
            Self::EtherType(number) => write!(f, "EtherType 0x{number:04x}"),
            Self::LinkType(number) => write!(f, "link type {number}"),
            Self::Link(name) => write!(f, "{name}"),
            Self::Malformed(place) => write!(f, "malformed {place}"),
            Self::Truncated(header) => write!(f, "{header} truncated by the snaplen"),
            Self::PortlessTcp { is_between_names: true } => write!(f, "TCP between names, without ports"),
            Self::PortlessTcp { is_between_names: false } => write!(f, "TCP, a port not shown"),
            Self::Printed(word) => write!(f, "{word}"),
        }
    }
}
