//! Segments that were captured in another order than they were sent in.

use crate::story::{Moment, Story};
use crate::tcp::{Observation, Role, SegmentKind, TcpConnection};

/// Since when bytes of the client are missing before others.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Reordered {
    hole_since: Option<u64>,
}

impl Reordered {
    /// Records a segment. Returns whether it comes out of order, and perhaps after what answers it: the server spoke since its place was
    /// skipped, or had acknowledged it before it was captured.
    pub(super) fn on_segment(
        &mut self,
        moment: Moment,
        connection: &TcpConnection,
        observation: &Observation,
        story: &Story,
    ) -> bool {
        let before = self.hole_since;
        if observation.role == Role::Client {
            let has_hole = connection.ends.client.hole().is_some();
            self.hole_since = has_hole.then(|| before.unwrap_or(moment.number));
        }
        let spoke_since = |since: u64| {
            story.data.server.last.is_some_and(|spoke| story.order.is_after(spoke.number, since))
        };
        observation.kind == SegmentKind::OutOfOrder
            && (observation.role == Role::Server
                || story.data.client.is_all_acknowledged
                || before.is_none_or(spoke_since))
    }
}

#[cfg(test)]
mod tests {
    use crate::story::script::talk::{self, Talk, exchange};
    use crate::tcp::Role::{Client, Server};

    /// A later request of three segments, and the places of these among the packets.
    fn asked() -> (Talk, usize) {
        let begun = exchange().ack(Client).wait(1_000);
        let place = begun.packets.len();
        let request = talk::encrypted(3_600);
        (request.chunks(1_300).fold(begun, |talk, part| talk.say(Client, part)), place)
    }

    #[test]
    fn a_later_request_whose_segments_change_places_is_owed_its_answer() {
        let (asked, place) = asked();
        let silent = asked.ack(Server).wait(30_000).fin(Client);
        assert_eq!(silent.code(0), "no-response");
        for (one, other) in [(0, 1), (1, 2), (0, 2)] {
            let mut shuffled = silent.clone();
            shuffled.packets.swap(place + one, place + other);
            assert_eq!(shuffled.code(0), "no-response", "{one} {other}");
        }
    }

    #[test]
    fn a_request_that_is_captured_after_its_answer_has_it() {
        let (asked, place) = asked();
        let answered = asked.say(Server, &talk::encrypted(900)).ack(Client).wait(30_000).fin(Client);
        assert_eq!(answered.code(0), "healthy");
        for from in 0..3 {
            // The answer comes before this segment, and so does the next one, or both of them.
            let mut shuffled = answered.clone();
            let answer = shuffled.packets.remove(place + 3);
            shuffled.packets.insert(place + from, answer);
            assert_eq!(shuffled.code(0), "healthy", "{from}");
            let late = shuffled.packets.remove(place + from + 1);
            shuffled.packets.insert(place + 3, late);
            assert_eq!(shuffled.code(0), "healthy", "{from}");
        }
    }
}
