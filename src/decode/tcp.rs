//! The TCP header, as far as it was captured.

use etherparse::ip_number;

use super::checksum;
use super::ip::Datagram;
use crate::packet::{Checksum, Content, Flags, Other, Segment, SegmentHeader, Seq, TcpHeader, TcpOptions};

/// Bytes of the header without options (RFC 9293, 3.1).
const FIXED_LEN: u32 = 20;

/// The segment that `datagram` carries.
pub(super) fn read<'a>(datagram: &Datagram<'a>, verifies_checksums: bool) -> Content<'a> {
    let Some(header) = header(datagram, verifies_checksums) else {
        return Content::Other(Other::Malformed("TCP header"));
    };
    let header_len = header.tcp.header_len.map_or(0, usize::from);
    let payload = datagram.payload.bytes.get(header_len..).unwrap_or_default();
    Content::Segment(Segment { header, payload, printed: &[] })
}

/// The segment's headers, from the first 14 bytes on: up to the flags nothing can be done without.
pub(super) fn header(datagram: &Datagram<'_>, verifies_checksums: bool) -> Option<SegmentHeader> {
    let span = datagram.payload;
    let (ports_to_flags, _) = span.split::<14>()?;
    let header_len = u32::from(ports_to_flags[12] >> 4) * 4;
    if header_len < FIXED_LEN {
        return None;
    }
    let payload_len = span.wire_len.checked_sub(header_len)?;
    let checksum = match span.be16(16) {
        None => Checksum::Unseen,
        Some(found) if verifies_checksums && span.is_whole() && !datagram.is_source_routed => {
            let (source, destination) = (datagram.header.source, datagram.header.destination);
            let start = checksum::pseudo_header(source, destination, ip_number::TCP.0, span.wire_len);
            checksum::compare(found, start, span.bytes)
        }
        Some(found) => Checksum::Unverified(found),
    };
    Some(SegmentHeader {
        ip: datagram.header,
        tcp: TcpHeader {
            source_port: span.be16(0)?,
            destination_port: span.be16(2)?,
            seq: span.be32(4).map(Seq),
            ack: span.be32(8).map(Seq),
            ack_since_syn: None,
            flags: Some(Flags(ports_to_flags[13])),
            window: span.be16(14),
            urgent: span.be16(18).unwrap_or_default(),
            header_len: Some(header_len as u8),
            checksum,
            options: span.bytes.get(FIXED_LEN as usize..header_len as usize).map(TcpOptions::from_wire),
        },
        payload_len: Some(payload_len),
    })
}
