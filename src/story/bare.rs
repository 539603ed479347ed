//! Captures from which a filter left out what carries no data: most acknowledgements, and often FIN and RST.

use super::{Ending, EndingKind, Holds, RETRANSMISSION_DUE, Stage, Story};
use crate::packet::Viewpoint;
use crate::tcp::{Counters, PerRole, Role};
use crate::time::Elapsed;

/// Segments with data from which on it is no coincidence that all others are missing: two requests with their answers.
const SEVERAL: u64 = 4;

impl Story {
    /// Whether each packet of both sides carries data, and several of them do.
    pub(in crate::story) fn holds_data_alone(&self) -> bool {
        let [client, server] = [&self.traffic.counters.client, &self.traffic.counters.server];
        let are_all = [client, server]
            .into_iter()
            .all(|counters| counters.segments > 0 && counters.segments == counters.data_segments);
        are_all && client.segments + server.segments >= SEVERAL
    }

    /// Whether no segment of either side is bare, though several carry data: a filter left the acknowledgements out, and perhaps nothing
    /// but these. The last segment of a whole TCP handshake is one.
    pub fn lacks_bare_segments(&self) -> bool {
        self.lacks_bare_segments_by(&self.traffic.counters)
    }

    /// The same of a story that has not ended, by what each side sent so far.
    pub(crate) fn lacks_bare_segments_by(&self, counters: &PerRole<Counters>) -> bool {
        let [client, server] = [&counters.client, &counters.server];
        self.traffic.bare == 0
            && client.unknown_lengths + server.unknown_lengths == 0
            && client.data_segments.min(server.data_segments) > 0
            && client.data_segments + server.data_segments >= SEVERAL
    }

    /// Whether a silence lacks no more than the acknowledgement of the server's data, in a capture from which a filter left out what carries
    /// no data, and with it most acknowledgements. An answer that is owed would be there: it has data. Whoever acknowledges less
    /// after the last of it has not got it.
    pub(in crate::story) fn may_lack_an_acknowledgement(&self, ending: &Ending) -> bool {
        let EndingKind::Silence(silence) = &ending.what else { return false };
        let is_up =
            matches!(ending.stage, Stage::TcpEstablished | Stage::TlsEstablished | Stage::ApplicationData);
        is_up
            && silence.awaited_from == Role::Client
            && self.data.server.first.is_some()
            && !self.data.server.is_left_out
            && !self.repeats_its_last()
            && self.lacks_bare_segments()
    }

    /// Whether a SYN-ACK that was repeated a few times was acknowledged: the capture holds nothing of TCP but SYNs and SYN-ACKs, as with a
    /// filter, and the next repeat of either is overdue: their distance doubles at most (RFC 6298, 5.5).
    pub fn is_opening_left_out(&self, ending: &Ending) -> bool {
        /// Whoever repeats for as long has no acknowledgement.
        const TELLING: Elapsed = Elapsed::from_millis(3_000);
        /// A timer fires that much late.
        const LATE: Elapsed = Elapsed::from_millis(300);
        let opening = &self.opening;
        let Some(last) = opening.last_syn_ack else { return false };
        let span = opening.syn_ack_span();
        let is_syn_after = opening.last_syn.is_some_and(|syn| self.order.is_after(syn.number, last.number));
        matches!(ending.what, EndingKind::Silence(_))
            && ending.stage == Stage::SynAck
            && self.capture.holds == Holds::Openings
            && self.capture.viewpoint == Viewpoint::Wire
            && span > Elapsed::ZERO
            && span < TELLING
            && !is_syn_after
            && self.capture.end > last.at + span.max(RETRANSMISSION_DUE).doubled() + LATE
    }

    /// Whether a side repeats its last data for as long as a sender takes to repeat it once: it has no acknowledgement, captured or not.
    fn repeats_its_last(&self) -> bool {
        /// RFC 6298, 2.1 and 5.7.
        const DUE: Elapsed = Elapsed::from_millis(3_000);
        [&self.data.client, &self.data.server].into_iter().any(|data| {
            data.repeats
                .moments
                .last()
                .zip(data.last)
                .is_some_and(|(repeat, last)| repeat.at - last.at >= DUE)
        })
    }
}
