//! What packets prove that the capture does not hold: acknowledgements, gaps, and the numbers of FIN and RST belong here.

use super::{Moment, Repeats};
use crate::tcp::{Observation, PerRole, Role, SegmentKind};

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
    /// Bytes of that kind.
    pub answer_bytes: u64,
    /// The server's first acknowledgement of bytes that the client sent inside TLS and that the capture never saw: a request.
    pub request: Option<Moment>,
    /// Bytes of each side that were sent after the last step of the connection, as acknowledgements and the numbers of FIN and
    /// RST prove, and that the capture never saw. A FIN counts as one.
    pub since_step: PerRole<u64>,
    /// Bytes of each side that are missing before what it sent later, and that nobody acknowledged.
    pub gap: PerRole<u64>,
    /// The acknowledgement of one byte beyond what the capture holds of a side: its FIN, most likely.
    pub fin: PerRole<Option<Moment>>,
    /// The packets that prove them.
    pub since_step_by: Repeats,
    /// The connection's last packet, where the capture continues without the connection although data was unacknowledged and
    /// due to be sent again. The rest is missing from the capture, and the silence after this packet means nothing.
    pub truncated_after: Option<Moment>,
    /// Whether it is read from a firewall's log of packets that it let through, which holds those alone that its rules log: the
    /// first of a connection, as a rule.
    pub is_filter_log: bool,
    /// Whether packets were left out of the text that it is read from, as the text's own command or its tool's marks show.
    pub is_selected: bool,
}

impl MissingFacts {
    /// Records what a segment proves and the capture never saw. Returns whether payload of each side is among it.
    ///
    /// A RST that is ahead of its sender's bytes may be forged: it proves something only where the capture holds no payload
    /// at all, or where its acknowledgement is ahead of the other side's bytes too.
    pub(in crate::story) fn record(
        &mut self,
        moment: Moment,
        observation: &Observation,
        saw_payload: bool,
    ) -> PerRole<bool> {
        let (role, other) = (observation.role, observation.role.other());
        let before = self.since_step;
        if observation.acked_unseen > 0 {
            let bytes = u64::from(observation.acked_unseen);
            if bytes == A_FIN && observation.reset.is_none() {
                self.fin[other].get_or_insert(moment);
            }
            self.gap[other] = self.gap[other].saturating_sub(bytes);
            if observation.reset.is_none() {
                self.acked_unseen[other] += bytes;
                self.acked_unseen_by[other].add(moment);
            }
            self.since_step[other] += bytes;
        }
        let is_ahead_of_both = observation.reset.is_some() && observation.acked_unseen > 0;
        if observation.is_first_fin || !saw_payload || is_ahead_of_both {
            self.since_step[role] += u64::from(observation.ahead);
        }
        self.gap[role] += u64::from(observation.open_gap);
        if self.since_step != before {
            self.since_step_by.add(moment);
        }
        let found = |role: Role| self.since_step[role] > before[role] + A_FIN;
        let found = PerRole { client: found(Role::Client), server: found(Role::Server) };
        // Bytes that come late were not missing after all.
        if observation.kind == SegmentKind::OutOfOrder {
            let bytes = &mut self.since_step[role];
            *bytes = bytes.saturating_sub(u64::from(observation.new_bytes));
            self.gap[role] = self.gap[role].saturating_sub(u64::from(observation.new_bytes));
        }
        found
    }

    /// The connection took a step, and what is missing before it no longer matters.
    pub(in crate::story) fn record_step(&mut self) {
        self.since_step = PerRole::default();
        self.since_step_by = Repeats::default();
    }

    /// Whether payload of a side that was sent after the last step is missing.
    pub fn lacks(&self, role: Role) -> bool {
        self.since_step[role] > A_FIN
    }
}

/// A FIN takes one sequence number and carries no data (RFC 9293, 3.4).
const A_FIN: u64 = 1;
