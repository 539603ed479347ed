//! What one side sent: its payload, of whichever protocol.

use super::{Moment, Observed, Repeats};
use crate::packet::{Segment, SegmentHeader};
use crate::tcp::{Endpoint, Observation, SegmentKind};
use crate::tls::Basis;

/// One side's payload.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct DataFacts {
    /// The first of it.
    pub first: Option<Moment>,
    /// The last of it that was new.
    pub last: Option<Moment>,
    /// Retransmissions of it.
    pub repeats: Repeats,
    /// Whether everything that this side sent was acknowledged.
    pub is_all_acknowledged: bool,
    /// A hole in the stream that nobody filled: the offsets of its first byte and of the first byte after it.
    pub unfilled_hole: Option<(u32, u32)>,
    /// A hole in the stream that the other side reports by SACK and that was not filled since: the offsets of its first byte
    /// and of the first byte after it.
    pub reported_hole: Option<Observed<(u32, u32)>>,
}

impl DataFacts {
    /// Records the payload of a segment of this side.
    pub(in crate::story) fn record(
        &mut self,
        moment: Moment,
        segment: &Segment<'_>,
        observation: &Observation,
    ) {
        if observation.new_bytes > 0 {
            self.first.get_or_insert(moment);
            self.last = Some(moment);
        } else if matches!(observation.kind, SegmentKind::Retransmission { .. })
            && segment.header.payload_len != Some(0)
        {
            self.repeats.add(moment);
        }
    }

    /// Records what the other side reports by SACK not to have got of this one, `end`, although it got later bytes (RFC 2018,
    /// 4). Blocks below the acknowledgement report duplicates (RFC 2883).
    pub(in crate::story) fn record_reported_hole(
        &mut self,
        moment: Moment,
        end: &Endpoint,
        header: &SegmentHeader,
        observation: &Observation,
    ) {
        let (Some(ack), Some(options)) = (header.tcp.ack, &header.tcp.options) else { return };
        // A SYN has nothing to report.
        if options.are_usual() || observation.offer.is_some() {
            self.reported_hole = None;
            return;
        }
        let blocks = options.sack_blocks().filter(|(left, _)| left.is_after(ack));
        let nearest = blocks.map(|(left, _)| left).min_by_key(|left| *left - ack);
        self.reported_hole = nearest.and_then(|left| {
            let what = (end.relative(ack)?, end.relative(left)?);
            Some(Observed { what, moment, basis: Basis::Decoded })
        });
    }
}

impl Default for DataFacts {
    /// Nothing was sent, and so nothing waits to be acknowledged.
    fn default() -> Self {
        Self {
            first: None,
            last: None,
            repeats: Repeats::default(),
            is_all_acknowledged: true,
            unfilled_hole: None,
            reported_hole: None,
        }
    }
}
