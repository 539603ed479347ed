//! The TCP header, as far as it was captured.

use std::net::Ipv4Addr;

use etherparse::ip_number;

use super::checksum;
use super::ip::Datagram;
use crate::packet::{
    Checksum, Content, Flags, IpHeader, Other, Segment, SegmentHeader, Seq, TcpHeader, TcpOptions,
};

/// Bytes of the header without options (RFC 9293, 3.1).
const FIXED_LEN: u32 = 20;

/// The segment that `datagram` carries, of which `header` holds the IP header and takes the rest.
pub(super) fn read<'a>(
    header: &'a mut SegmentHeader,
    datagram: &Datagram<'a>,
    verifies_checksums: bool,
) -> Content<'a> {
    if read_header(header, datagram, verifies_checksums).is_none() {
        return Content::Other(unreadable(datagram));
    }
    let header_len = header.tcp.header_len.map_or(0, usize::from);
    let payload = datagram.payload.bytes.get(header_len..).unwrap_or_default();
    Content::Segment(Segment { header, payload, printed: &[], decoded: "" })
}

/// Why there is no header: its sender made it too short, or so little of the frame was captured.
fn unreadable(datagram: &Datagram<'_>) -> Other {
    let span = &datagram.payload;
    if span.split::<14>().is_none() && !span.is_whole() {
        Other::Truncated("TCP header")
    } else {
        Other::Malformed("TCP header")
    }
}

/// Headers of nothing, to be written over.
pub(super) fn blank() -> SegmentHeader {
    let nowhere = Ipv4Addr::UNSPECIFIED;
    SegmentHeader {
        ip: IpHeader::between(nowhere, nowhere),
        tcp: TcpHeader::between(0, 0),
        payload_len: None,
    }
}

/// The segment's TCP header, from the first 14 bytes on: up to the flags nothing can be done without. `header` holds the IP
/// header already.
pub(super) fn read_header(
    header: &mut SegmentHeader,
    datagram: &Datagram<'_>,
    verifies_checksums: bool,
) -> Option<()> {
    let span = datagram.payload;
    let (ports_to_flags, _) = span.split::<14>()?;
    let [a, b, c, d, seq @ .., offset, flags] = *ports_to_flags;
    let ([seq, ack], _) = seq.as_chunks::<4>() else { return None };
    let header_len = u32::from(offset >> 4) * 4;
    if header_len < FIXED_LEN {
        return None;
    }
    header.payload_len = Some(span.wire_len.checked_sub(header_len)?);
    let checksum = match span.be16(16) {
        None => Checksum::Unseen,
        Some(found) if verifies_checksums && span.is_whole() && !datagram.is_source_routed => {
            let (source, destination) = (header.ip.source, header.ip.destination);
            let start = checksum::pseudo_header(source, destination, ip_number::TCP.0, span.wire_len);
            checksum::compare(found, start, span.bytes)
        }
        Some(found) => Checksum::Unverified(found),
    };
    header.tcp = TcpHeader {
        source_port: u16::from_be_bytes([a, b]),
        destination_port: u16::from_be_bytes([c, d]),
        seq: Some(Seq(u32::from_be_bytes(*seq))),
        ack: Some(Seq(u32::from_be_bytes(*ack))),
        ack_since_syn: None,
        flags: Some(Flags(flags)),
        window: span.be16(14),
        urgent: span.be16(18).unwrap_or_default(),
        header_len: Some(header_len as u8),
        checksum,
        options: span.bytes.get(FIXED_LEN as usize..header_len as usize).map(TcpOptions::from_wire),
    };
    Some(())
}
