//! What a segment's sequence numbers say of it, compared with those that its sender used before.

use std::ops::Range;

use super::Endpoint;
use super::observation::{Observation, SegmentKind};
use crate::packet::{Flags, Seq};

/// Says whether what a segment occupies in the sequence space comes in order, again, late, or after a gap. `ahead` is what had
/// not come yet of the bytes before it.
pub(super) fn compare_with_expected(
    end: &mut Endpoint,
    occupied: Range<Seq>,
    is_syn: bool,
    ahead: u32,
    observation: &mut Observation,
) {
    let Some(expected) = end.next else { return };
    let Range { start: seq, end: end_seq } = occupied;
    if seq.is_after(expected) {
        observation.gap = seq - expected;
        observation.open_gap = ahead;
        return;
    }
    let has_new_bytes = observation.new_bytes > 0;
    let is_within = !end_seq.is_after(expected);
    let is_late_syn = is_syn && end.sent_before(seq).is_none();
    if is_within && (has_new_bytes || is_late_syn) {
        observation.kind = SegmentKind::OutOfOrder;
        end.counters.out_of_order += 1;
    } else if is_within && !observation.is_first_fin || has_new_bytes && seq.is_before(expected) {
        // All of it was sent before, or a part of it, with new bytes after it.
        observation.kind = SegmentKind::Retransmission { of: end.sent_before(seq) };
        end.counters.retransmissions += 1;
        end.stop_timing();
    }
}

/// RFC 9293, 3.8.4: a probe carries no data or one byte, at one before the next sequence number.
pub(super) fn is_keep_alive(end: &Endpoint, seq: Seq, len: u32, flags: Flags, is_established: bool) -> bool {
    let is_bare = flags.0 & (Flags::SYN | Flags::FIN | Flags::RST) == 0;
    let is_data_acked = end.acked.is_some_and(|acked| end.next == Some(acked));
    is_established
        && is_bare
        && len <= 1
        && is_data_acked
        && end.next.is_some_and(|next| seq + 1 == next)
        && end.initial != Some(seq)
        && (len == 0 || end.counters.bytes > 1)
}
