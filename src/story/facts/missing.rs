//! What packets prove that the capture does not hold: acknowledgements, gaps, and the numbers of FIN and RST belong here.

use super::{Moment, Repeats};
use crate::tcp::{Observation, PerRole};

/// What the packets of a connection prove that is not in the capture.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct MissingFacts {
    /// Bytes of each side that the other acknowledged and that the capture never saw.
    pub acked_unseen: PerRole<u64>,
    /// The acknowledgements of those bytes.
    pub acked_unseen_by: PerRole<Repeats>,
    /// The client's first acknowledgement of bytes that the server sent after the client's request, and that the capture
    /// never saw.
    pub answer: Option<Moment>,
    /// The connection's last packet, where the capture continues without the connection although data was unacknowledged and
    /// due to be sent again. The rest is missing from the capture, and the silence after this packet means nothing.
    pub truncated_after: Option<Moment>,
}

impl MissingFacts {
    /// Records what a segment acknowledges of the other side and the capture never saw.
    pub(in crate::story) fn record_acknowledged(&mut self, moment: Moment, observation: &Observation) {
        if observation.newly_acked > 0 && observation.acked_unseen > 0 {
            let unseen = observation.role.other();
            self.acked_unseen[unseen] += u64::from(observation.acked_unseen);
            self.acked_unseen_by[unseen].add(moment);
        }
    }
}
