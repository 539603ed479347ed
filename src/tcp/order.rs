//! What a segment's numbers show of its place among the others, whatever the order in which they were captured.

use super::connection::State;
use super::{Endpoint, Role, TcpConnection};
use crate::packet::{SegmentHeader, Seq};

impl TcpConnection {
    /// Whether a segment was captured before what it follows: it acknowledges what was not seen to be sent, or closes after
    /// it, or continues an opening whose next step was not seen.
    pub fn is_early(&self, header: &SegmentHeader) -> bool {
        let (role, Some(flags)) = (self.role_of(header), header.tcp.flags) else { return false };
        let skips_syn_ack = self.state == State::SynSent && !flags.syn() && !flags.rst() && flags.ack();
        skips_syn_ack && self.ends[role].next.is_some_and(|next| header.tcp.seq == Some(next))
            || flags.ack() && is_after(&self.ends[role.other()], header.tcp.ack)
            || (flags.fin() || flags.rst()) && is_after(&self.ends[role], header.tcp.seq)
    }

    /// Whether a segment begins within what is known of its sender, or right after it, and extends it: what early ones wait for.
    pub fn is_next(&self, header: &SegmentHeader) -> bool {
        let (role, Some(flags)) = (self.role_of(header), header.tcp.flags) else { return false };
        let occupied = header.payload_len.unwrap_or(0) + u32::from(flags.syn()) + u32::from(flags.fin());
        let Some(seq) = header.tcp.seq.filter(|_| !flags.rst()) else { return false };
        match in_order(&self.ends[role]) {
            Some(next) => !seq.is_after(next) && (seq + occupied).is_after(next),
            None => flags.syn() && role == Role::Server,
        }
    }

    /// Whether anything shows where the sender of a segment is in its stream.
    pub fn knows_sender(&self, header: &SegmentHeader) -> bool {
        in_order(&self.ends[self.role_of(header)]).is_some()
    }

    /// Whether bytes of the sender are missing before a segment.
    pub fn has_gap_before(&self, header: &SegmentHeader) -> bool {
        is_after(&self.ends[self.role_of(header)], header.tcp.seq)
    }
}

/// The sequence number up to which an end was seen to send everything.
fn in_order(end: &Endpoint) -> Option<Seq> {
    end.hole().map(|(from, _)| from).or(end.next)
}

/// Whether something is missing between what an end was seen to send and a sequence number.
fn is_after(end: &Endpoint, seq: Option<Seq>) -> bool {
    seq.zip(in_order(end)).is_some_and(|(seq, next)| seq.is_after(next))
}
