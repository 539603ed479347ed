//! When the capture lost packets, as acknowledgements of bytes that it lacks prove.

use std::sync::Arc;

use crate::story::{Moment, Opening, Story};
use crate::tcp::Role;
use crate::time::{Elapsed, Timestamp};

/// A capture that loses packets loses those of all connections, for about this time: until its buffer has room again.
const LASTS: Elapsed = Elapsed::from_millis(1_000);

/// Losses of two connections are the capture's. One may be a connection whose packets take several ways.
const SEVERAL: usize = 2;

/// When packets of which connection turned out to be lost, in the order of time. Shared, since each share of the connections gets them.
/// There are as many as the table has connections, times the packets that a story keeps one by one.
#[derive(Clone, Debug, Default)]
pub(super) struct Losses(Arc<[(Timestamp, u64)]>);

impl Losses {
    /// The losses that these connections prove.
    pub(super) fn of<'a>(stories: impl Iterator<Item = &'a Story>) -> Self {
        let mut losses: Vec<_> =
            stories.flat_map(|story| proofs(story).map(|proof| (proof.at, story.first.number))).collect();
        losses.sort_unstable();
        Self(losses.into())
    }

    /// Whether packets of several other connections were lost about the time of a connection's last packet.
    pub(super) fn are_near(&self, so_far: &Story) -> bool {
        let (first, last) = (so_far.first.number, so_far.last.at);
        let begin = self.0.partition_point(|(at, _)| last - *at > LASTS);
        let near = self.0[begin..].iter().take_while(|(at, _)| *at - last <= LASTS);
        let mut others: Vec<u64> = Vec::with_capacity(SEVERAL);
        for (_, other) in near {
            if *other != first && !others.contains(other) {
                others.push(*other);
            }
            if others.len() == SEVERAL {
                return true;
            }
        }
        false
    }
}

/// The acknowledgements of data that was not captured, on a connection that was captured from its beginning and in both directions. The
/// one number of a FIN is none.
fn proofs(story: &Story) -> impl Iterator<Item = Moment> + '_ {
    let is_whole = story.opening.known_by == Opening::Syn
        && story.data.client.first.is_some()
        && story.data.server.first.is_some();
    [Role::Client, Role::Server]
        .into_iter()
        .filter(move |role| is_whole && story.missing.acked_unseen[*role] > 1)
        .flat_map(|role| story.missing.acked_unseen_by[role].moments.iter().copied())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::story::script::talk::{self, handshake};
    use crate::tcp::Role::{Client, Server};

    /// A connection that begins with this packet, of which the capture lost an answer; its acknowledgment came this much later.
    fn lossy(number: u64, millis: i64) -> Story {
        let mut talk = handshake().say(Client, &talk::data()).say(Server, &talk::data());
        talk.packets.pop();
        let mut story = *talk.ack(Client).story(0);
        let first = story.first;
        story.missing.acked_unseen_by.server.moments[0].at = first.at + Elapsed::from_millis(millis);
        story.first.number = number;
        story
    }

    #[test]
    fn two_other_connections_that_lack_packets_about_then_show_a_loss() {
        let quiet = handshake().story(0);
        let last = (quiet.last.at - quiet.first.at).nanos() / 1_000_000;
        let are_near = |stories: &[Story]| Losses::of(stories.iter()).are_near(&quiet);
        assert!(are_near(&[lossy(100, last - 900), lossy(200, last + 900)]));
        // One of them, one and its own, two at another time.
        assert!(!are_near(&[lossy(100, last), lossy(100, last + 10)]));
        assert!(!are_near(&[lossy(100, last), lossy(quiet.first.number, last)]));
        assert!(!are_near(&[lossy(100, last + 1_100), lossy(200, last - 1_100)]));
    }

    #[test]
    fn a_connection_of_which_the_capture_lacks_the_beginning_proves_no_loss() {
        let mut begun = lossy(100, 0);
        assert_eq!(proofs(&begun).count(), 1);
        begun.opening.known_by = Opening::Ports;
        assert_eq!(proofs(&begun).count(), 0);
    }
}
