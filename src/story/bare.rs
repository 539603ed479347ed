//! Captures from which a filter left out what carries no data: most acknowledgements, and often FIN and RST.

use super::{Ending, EndingKind, Story};
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
        let [client, server] = [&self.traffic.counters.client, &self.traffic.counters.server];
        self.traffic.bare == 0
            && client.unknown_lengths + server.unknown_lengths == 0
            && client.data_segments.min(server.data_segments) > 0
            && client.data_segments + server.data_segments >= SEVERAL
    }

    /// Whether a silence follows the server's data in a capture from which a filter left out what carries no data, and with it most
    /// acknowledgements. An answer that is owed would be there: it has data.
    pub(in crate::story) fn may_lack_an_acknowledgement(&self, ending: &Ending) -> bool {
        let EndingKind::Silence(silence) = &ending.what else { return false };
        let is_server_s = self.tls.application_data.server.numbers().any(|sent| sent == silence.since.number);
        is_server_s && !self.repeats_its_last() && self.lacks_bare_segments()
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
