//! Keep-alive probes in text: tcpdump prints no sequence number of what carries no data, so that their times alone distinguish them from
//! other acknowledgements.

use crate::packet::{Flags, Segment, Seq};
use crate::story::Moment;
use crate::tcp::{Observation, Role, SegmentKind};
use crate::time::Elapsed;

/// Acknowledgements without a sequence number and without data, as a connection's latest packets.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct BareProbes(Option<Bare>);

#[derive(Clone, Copy, Debug)]
struct Bare {
    by: Role,
    ack: Seq,
    window: Option<u16>,
    moment: Moment,
}

impl BareProbes {
    /// Takes in each segment. Whether it repeats the same side's acknowledgement before it, to which nothing came back, though nothing
    /// new asks for one: a duplicate comes within milliseconds of the segment that it answers (RFC 5681, 3.2), a probe seconds later
    /// (RFC 9293, 3.8.4).
    pub(super) fn is_probe(
        &mut self,
        moment: Moment,
        segment: &Segment<'_>,
        observation: &Observation,
    ) -> bool {
        /// Longer than acknowledgements are delayed (RFC 9293, 3.8.6.3), and shorter than any system's probes are apart.
        const APART: Elapsed = Elapsed::from_millis(900);
        let tcp = &segment.header.tcp;
        let is_bare = tcp.seq.is_none()
            && observation.flags.0 & !Flags::PSH == Flags::ACK
            && segment.header.payload_len == Some(0)
            && segment.decoded.is_empty()
            && observation.kind == SegmentKind::Ordinary;
        let latest = tcp.ack.filter(|_| is_bare).map(|ack| Bare {
            by: observation.role,
            ack,
            window: tcp.window,
            moment,
        });
        let before = std::mem::replace(&mut self.0, latest);
        before.zip(latest).is_some_and(|(before, latest)| {
            (before.by, before.ack, before.window) == (latest.by, latest.ack, latest.window)
                && latest.moment.at - before.moment.at >= APART
        })
    }
}

#[cfg(test)]
mod tests {
    use crate::story::CaptureFacts;
    use crate::story::script::talk::{self, Talk, handshake};
    use crate::tcp::Role::{self, Client, Server};
    use crate::time::Elapsed;
    use crate::verdict::Actor;

    /// What tcpdump prints of it: no numbers of what carries no data.
    fn as_text(mut talk: Talk) -> Box<crate::story::Story> {
        for packet in &mut talk.packets {
            let is_bare = packet.header.payload_len == Some(0)
                && packet.header.tcp.flags.is_some_and(|flags| !flags.syn() && !flags.fin() && !flags.rst());
            if is_bare {
                packet.header.tcp.seq = None;
            }
        }
        let end = talk.now + Elapsed::from_millis(100);
        talk.story_in(CaptureFacts { end, is_text: true, ..CaptureFacts::default() })
    }

    fn probed(by: Role, answers: bool) -> Talk {
        let mut talk = handshake().say(Client, &talk::data()).say(Server, &talk::data()).ack(Client);
        for _ in 0..5 {
            talk = talk.wait(1_000).ack(by);
            if answers {
                talk = talk.ack(by.other());
            }
        }
        talk
    }

    #[test]
    fn acknowledgements_a_second_apart_that_nothing_asks_for_are_probes() {
        let story = as_text(probed(Client, false).wait(1_000).rst(Client));
        assert_eq!(story.verdict().is(), ("no-response", Actor::Path, None));
        assert!(story.verdict().mentions("5 keep-alive probes"), "{:?}", story.verdict());
        // Each of them was answered; and one that is not the last packet's sender's.
        assert_eq!(as_text(probed(Client, true).fin(Client).fin(Server)).verdict().code, "healthy");
        let of_server = as_text(probed(Server, false)).traffic.unanswered_probes.clone();
        assert_eq!(of_server.map(|probes| (probes.by, probes.probes.count)), Some((Server, 4)));
    }

    #[test]
    fn news_of_the_window_is_no_probe() {
        let mut talk = probed(Client, false);
        for (index, packet) in talk.packets.iter_mut().enumerate() {
            packet.header.tcp.window = Some(500 + index as u16);
        }
        assert!(as_text(talk).traffic.unanswered_probes.is_none());
    }
}
