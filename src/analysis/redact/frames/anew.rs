//! A packet that replaces another.

use super::super::Redaction;
use super::{around, build};
use crate::packet::{Content, Flags, Neighbour, Packet, Segment, SegmentHeader};

/// Whether a segment's payload is the reason that a RST may carry (RFC 9293, 3.5.3), and nothing else that could be one.
pub(super) fn is_reset(segment: &Segment<'_>) -> bool {
    segment.header.tcp.flags.is_some_and(Flags::rst)
}

/// A segment with stand-ins, and with this payload.
pub(super) fn rewritten(redaction: &Redaction, was: &SegmentHeader, payload: &[u8]) -> build::Carried {
    let mut header = *was;
    redaction.stand_ins().segment(&mut header);
    let (bytes, wire_len) = build::segment(&header, was, payload);
    build::ip_packet(&header.ip, build::TCP, &bytes, wire_len)
}

/// What replaces a packet that explains connections; `None` if it is not one.
pub(super) fn explaining(redaction: &Redaction, packet: &Packet<'_>) -> Option<build::Carried> {
    let mut stand_ins = redaction.stand_ins();
    Some(match &packet.content {
        Content::IcmpError(error) => {
            let mut error = error.as_ref().clone().without_quoted_bytes();
            stand_ins.icmp(&mut error);
            around::icmp_error(&error)
        }
        Content::Neighbour(Neighbour { target, asker, is_answer }) => {
            let target = stand_ins.host(*target);
            let asker = asker.map(|asker| stand_ins.host(asker));
            around::neighbour(&Neighbour { target, asker, is_answer: *is_answer })?
        }
        Content::Lookup(lookup) => {
            let mut lookup = lookup.as_ref().clone();
            lookup.client = stand_ins.host(lookup.client);
            lookup.resolver = stand_ins.host(lookup.resolver);
            lookup.name = stand_ins.written_host(&lookup.name);
            for address in &mut lookup.addresses {
                *address = stand_ins.address(*address);
            }
            around::lookup(&lookup)
        }
        Content::Segment(_) | Content::Other(_) => return None,
    })
}
