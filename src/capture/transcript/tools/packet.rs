//! A packet in the words of a tool other than tcpdump, before its ends are looked up.

use crate::capture::transcript::clock::Stamp;
use crate::capture::transcript::packet::DumpedFrame;
use crate::packet::{Direction, Flags};

/// A packet as its lines show it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ToolPacket {
    /// The line that begins it.
    pub line: u64,
    /// Its time, and the digits after the second.
    pub time: Option<(Stamp, u8)>,
    /// Whether the lines before it are of another capture.
    pub begins_capture: bool,
    /// Source and destination, as they are spelled.
    pub hosts: (String, String),
    pub direction: Option<Direction>,
    /// Bytes of the frame on the wire.
    pub wire_len: Option<u32>,
    pub ip: ToolIp,
    pub content: ToolContent,
    /// The frame that a hex dump below it shows. Its bytes count then, not the words.
    pub dump: Option<DumpedFrame>,
}

/// Fields of the IP header that a tool may show.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ToolIp {
    pub hop_limit: Option<u8>,
    pub id: Option<u16>,
    /// Bytes of an IPv4 datagram.
    pub total_len: Option<u32>,
}

/// What a packet carries.
#[derive(Clone, Debug, PartialEq)]
pub enum ToolContent {
    Segment(ToolSegment),
    /// An ICMP error.
    Error(ToolError),
    /// An ICMP message in tcpdump's words: `host 192.0.2.1 unreachable`.
    Icmp(String),
    /// ARP or neighbour discovery, whose hosts may be given by hardware addresses.
    Neighbour {
        target: String,
        asker: Option<String>,
        is_answer: bool,
    },
    /// Anything else, by the tool's word for it.
    Other(String),
    /// The line ends before it shows what the packet means: what is known of it, or nothing where it is no packet without that.
    Unread(String),
}

impl Default for ToolContent {
    fn default() -> Self {
        Self::Other(String::new())
    }
}

/// A TCP segment. Numbers are true ones, or consistent with the others of their stream.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ToolSegment {
    /// Source and destination port, by number or by name; absent if the tool shows a protocol above TCP only, and nothing
    /// else shows to which connection the segment belongs.
    pub ports: Option<(String, String)>,
    pub flags: Option<Flags>,
    pub seq: Option<u32>,
    pub ack: Option<u32>,
    /// As in the header.
    pub window: Option<u16>,
    pub urgent: Option<u16>,
    pub header_len: Option<u8>,
    pub payload_len: Option<u32>,
    /// Whether no later line can show that length.
    pub is_length_unknown: bool,
    /// As on the wire, though perhaps without padding.
    pub options: Vec<u8>,
    /// The payload as text.
    pub printed: Vec<u8>,
    /// [`crate::packet::Segment::decoded`].
    pub decoded: String,
}

/// An ICMP error: its sender and its receiver are the packet's hosts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ToolError {
    pub icmp_type: u8,
    pub code: u8,
    pub is_v6: bool,
    pub mtu: Option<u32>,
    /// Where the packet that it is about was going; absent if the tool does not show it.
    pub target: Option<String>,
    /// That packet's protocol, where it is shown.
    pub protocol: Option<u8>,
    /// Its ports.
    pub ports: (Option<String>, Option<String>),
    /// Bytes of that packet which the error repeats, where the frame's length shows it.
    pub quoted_len: Option<u32>,
}

impl ToolPacket {
    /// Nanoseconds of its time, whatever they count from.
    pub fn nanos(&self) -> Option<i64> {
        match self.time?.0 {
            Stamp::Time(nanos)
            | Stamp::Epoch(nanos)
            | Stamp::DateTime(nanos)
            | Stamp::Elapsed(nanos)
            | Stamp::YearDay(nanos) => Some(nanos),
            Stamp::None => None,
        }
    }

    /// Host and port of an end that tcpdump's way of writing joins by a dot; `?` for a port that can't be separated from the host.
    pub fn split_end(end: &str) -> (&str, &str) {
        let Some((host, port)) = end.rsplit_once('.') else { return (end, "?") };
        let is_number = port.bytes().all(|byte| byte.is_ascii_digit());
        // The port that an author joined to the address, or an address alone.
        let is_port = !port.is_empty()
            && (!is_number || port.parse::<u16>().is_ok())
            && end.parse::<std::net::IpAddr>().is_err();
        if is_port { (host, port) } else { (end, "?") }
    }
}
