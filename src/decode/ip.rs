//! IPv4 and IPv6 headers, and the extension headers between IPv6 and what it carries.

use std::net::{Ipv4Addr, Ipv6Addr};

use etherparse::checksum::Sum16BitWords;
use etherparse::{IpNumber, ip_number};

use super::checksum;
use super::span::Span;
use crate::packet::{Checksum, FragmentField, IpHeader, IpOptions, IpVersion, Other};

/// A datagram, or a fragment of one.
#[derive(Clone, Copy)]
pub(super) struct Datagram<'a> {
    /// What the payload is, extension headers passed.
    pub protocol: u8,
    pub payload: Span<'a>,
    /// Which part of a datagram this is, unless it is a whole one.
    pub fragment: Option<Fragment>,
    /// Whether it goes to its destination by way of others, so that pseudo-headers name an address further on.
    pub is_source_routed: bool,
}

/// Which part of a datagram a fragment is.
#[derive(Clone, Copy)]
pub(super) struct Fragment {
    pub id: u32,
    /// Bytes of the datagram before this fragment.
    pub offset: u32,
    /// Whether further ones follow it.
    pub has_more: bool,
}

/// Reads an IP header of either version into `header`, where it stays: it is large, and nearly each packet has one.
pub(super) fn read<'a>(
    span: Span<'a>,
    verifies_checksums: bool,
    header: &mut IpHeader,
) -> Result<Datagram<'a>, Other> {
    let (datagram, is_v6) = match span.bytes.first().map(|byte| byte >> 4) {
        Some(4) => {
            let read = read_v4(span, verifies_checksums, header);
            (read.ok_or(Other::Malformed("IPv4 header"))?, false)
        }
        Some(6) => (read_v6(span, header).ok_or(Other::Malformed("IPv6 header"))?, true),
        _ => return Err(Other::Malformed("IP version")),
    };
    datagram.past_extensions(is_v6)
}

/// RFC 791, 3.1.
fn read_v4<'a>(span: Span<'a>, verifies_checksums: bool, header: &mut IpHeader) -> Option<Datagram<'a>> {
    let (fixed, after_fixed) = span.split::<20>()?;
    let header_len = u32::from(fixed[0] & 0x0f) * 4;
    let options = after_fixed.bytes.get(..usize::try_from(header_len.checked_sub(20)?).ok()?)?;
    let length = u16::from_be_bytes([fixed[2], fixed[3]]);
    let payload_len = match length {
        // The network card was to split it (TSO): the frame's own length counts.
        0 => span.wire_len.checked_sub(header_len)?,
        _ => u32::from(length).checked_sub(header_len)?,
    };
    let id = u16::from_be_bytes([fixed[4], fixed[5]]);
    let field = FragmentField(u16::from_be_bytes([fixed[6], fixed[7]]));
    let found = u16::from_be_bytes([fixed[10], fixed[11]]);
    let checksum = if verifies_checksums {
        checksum::compare(found, Sum16BitWords::new().add_slice(fixed), options)
    } else {
        Checksum::Unverified(found)
    };
    let is_fragment = field.more_fragments() || field.offset() > 0;
    *header = IpHeader {
        version: IpVersion::V4,
        source: Ipv4Addr::new(fixed[12], fixed[13], fixed[14], fixed[15]).into(),
        destination: Ipv4Addr::new(fixed[16], fixed[17], fixed[18], fixed[19]).into(),
        hop_limit: Some(fixed[8]),
        traffic_class: Some(fixed[1]),
        id: Some(id),
        fragment: Some(field),
        length: Some(length.into()),
        flow_label: None,
        protocol: Some(fixed[9]),
        checksum,
        options: if options.is_empty() { IpOptions::default() } else { IpOptions::from_wire(options) },
    };
    Some(Datagram {
        protocol: fixed[9],
        payload: after_fixed.skip(options.len())?.within(payload_len),
        fragment: is_fragment.then(|| Fragment {
            id: id.into(),
            offset: field.offset(),
            has_more: field.more_fragments(),
        }),
        is_source_routed: is_source_routed(options),
    })
}

/// Whether loose or strict source routing is among IPv4's options (RFC 791, 3.1).
fn is_source_routed(mut options: &[u8]) -> bool {
    loop {
        options = match options {
            [131 | 137, ..] => return true,
            [1, rest @ ..] => rest,
            [] | [0 | 2.., 0 | 1, ..] | [_] | [0, ..] => return false,
            [_, len, ..] => options.get(usize::from(*len)..).unwrap_or_default(),
        };
    }
}

/// RFC 8200, 3.
fn read_v6<'a>(span: Span<'a>, header: &mut IpHeader) -> Option<Datagram<'a>> {
    let (fixed, rest) = span.split::<40>()?;
    let first_word = u32::from_be_bytes([fixed[0], fixed[1], fixed[2], fixed[3]]);
    let length = u16::from_be_bytes([fixed[4], fixed[5]]);
    let source = fixed[8..24].first_chunk::<16>()?;
    let destination = fixed[24..].first_chunk::<16>()?;
    *header = IpHeader {
        version: IpVersion::V6,
        source: Ipv6Addr::from(*source).into(),
        destination: Ipv6Addr::from(*destination).into(),
        hop_limit: Some(fixed[7]),
        traffic_class: Some((first_word >> 20) as u8),
        id: None,
        fragment: None,
        length: Some(length.into()),
        flow_label: Some(first_word & 0x000f_ffff),
        protocol: Some(fixed[6]),
        checksum: Checksum::Unseen,
        options: IpOptions::default(),
    };
    Some(Datagram {
        protocol: fixed[6],
        // 0 is a frame before segmentation (TSO), or a jumbogram (RFC 2675, 3): the frame's own length counts.
        payload: if length == 0 { rest } else { rest.within(length.into()) },
        fragment: None,
        is_source_routed: false,
    })
}

impl Datagram<'_> {
    /// Passes the extension headers (RFC 8200, 4) up to what is carried, or up to a fragment's part of it. In IPv4
    /// only the authentication header can be there.
    pub fn past_extensions(mut self, is_v6: bool) -> Result<Self, Other> {
        const CUT: Other = Other::Malformed("IPv6 extension header");
        while self.fragment.is_none() {
            let (units, unit_len) = match IpNumber(self.protocol) {
                ip_number::IPV6_HOP_BY_HOP | ip_number::IPV6_DEST_OPTIONS if is_v6 => (1, 8),
                ip_number::IPV6_ROUTE if is_v6 => {
                    // RFC 8200, 4.4: byte 3 counts the segments that are left.
                    self.is_source_routed |= self.payload.bytes.get(3).is_some_and(|left| *left > 0);
                    (1, 8)
                }
                // RFC 4302, 2.2: in units of four bytes, less two.
                ip_number::AUTH => (2, 4),
                ip_number::IPV6_FRAG if is_v6 => {
                    self = self.past_fragment_header().ok_or(CUT)?;
                    continue;
                }
                _ => break,
            };
            let [next, length, ..] = *self.payload.bytes else { return Err(CUT) };
            self.payload = self.payload.skip((usize::from(length) + units) * unit_len).ok_or(CUT)?;
            self.protocol = next;
        }
        Ok(self)
    }

    /// RFC 8200, 4.5.
    fn past_fragment_header(mut self) -> Option<Self> {
        let (&[next, _, high, low, a, b, c, d], rest) = self.payload.split::<8>()?;
        let field = u16::from_be_bytes([high, low]);
        let (offset, has_more) = (u32::from(field & 0xfff8), field & 1 == 1);
        self.protocol = next;
        self.payload = rest;
        // RFC 6946, 4: a fragment that is the whole datagram is not kept for others.
        if offset > 0 || has_more {
            self.fragment = Some(Fragment { id: u32::from_be_bytes([a, b, c, d]), offset, has_more });
        }
        Some(self)
    }
}
