//! The IP header's fields that reveal something about a path or a sender.

use super::{Checksum, Host};

/// An IPv4 or IPv6 header. What a text line does not print is absent.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct IpHeader {
    /// IPv4 or IPv6.
    pub version: IpVersion,
    /// Source address.
    pub source: Host,
    /// Destination address.
    pub destination: Host,
    /// Time to live, or IPv6 hop limit.
    pub hop_limit: Option<u8>,
    /// Type of service, or IPv6 traffic class.
    pub traffic_class: Option<u8>,
    /// IPv4 identification; absent in IPv6.
    pub id: Option<u16>,
    /// IPv4 flags and fragment offset; absent in IPv6.
    pub fragment: Option<FragmentField>,
    /// IPv4 total length, or IPv6 payload length, in bytes as in the header: 0 in a frame that was captured before
    /// the network card cut it up (TSO).
    pub length: Option<u32>,
    /// IPv6 flow label; absent in IPv4.
    pub flow_label: Option<u32>,
    /// Next header of the fixed IPv6 header, or the protocol of IPv4.
    pub protocol: Option<u8>,
    /// The IPv4 header checksum.
    pub checksum: Checksum,
    /// IPv4 options as they are in the header.
    pub options: IpOptions,
}

/// The version of IP.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum IpVersion {
    /// RFC 791.
    #[default]
    V4,
    /// RFC 8200.
    V6,
}

impl IpHeader {
    /// A header of which only the addresses are known. Between names it is IPv4, unless the caller knows better.
    pub fn between(source: impl Into<Host>, destination: impl Into<Host>) -> Self {
        let (source, destination) = (source.into(), destination.into());
        let is_v6 = source.is_ipv6() || destination.is_ipv6();
        Self {
            version: if is_v6 { IpVersion::V6 } else { IpVersion::V4 },
            source,
            destination,
            hop_limit: None,
            traffic_class: None,
            id: None,
            fragment: None,
            length: None,
            flow_label: None,
            protocol: None,
            checksum: Checksum::Unseen,
            options: IpOptions::default(),
        }
    }
}

/// IPv4's flags and fragment offset (RFC 791, 3.1), as one 16-bit field.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct FragmentField(pub u16);

impl FragmentField {
    /// "Don't fragment".
    pub fn dont_fragment(self) -> bool {
        self.0 & 0x4000 != 0
    }

    /// "More fragments", which tcpdump prints as `+`.
    pub fn more_fragments(self) -> bool {
        self.0 & 0x2000 != 0
    }

    /// The reserved bit, which tcpdump prints as `rsvd`.
    pub fn reserved(self) -> bool {
        self.0 & 0x8000 != 0
    }

    /// Offset of this fragment's data in the datagram, in bytes.
    pub fn offset(self) -> u32 {
        u32::from(self.0 & 0x1fff) * 8
    }
}

/// IPv4 options: at most 40 bytes, as on the wire.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct IpOptions {
    bytes: super::tcp::OptionBytes,
}

impl IpOptions {
    /// From the bytes between the fixed header and the payload; what exceeds 40 bytes is not kept.
    pub fn from_wire(bytes: &[u8]) -> Self {
        Self { bytes: super::tcp::OptionBytes::from_wire(bytes) }
    }

    /// The options' bytes.
    pub fn as_bytes(&self) -> &[u8] {
        self.bytes.as_bytes()
    }
}
