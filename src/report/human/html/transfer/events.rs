//! What the packets did to the bytes of one side: sent, sent again, acknowledged.

use crate::packet::{Flags, SegmentHeader, Seq};
use crate::story::{Entry, Sample, Seen, Story};
use crate::tcp::Role;
use crate::time::Timestamp;

/// A packet that did something to the bytes of a side, or several folded ones. Offsets count from that side's SYN: 1 is the first byte.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Event {
    pub(super) at: Timestamp,
    /// When the last of them was captured.
    pub(super) until: Timestamp,
    /// The packet's number, if it is one.
    pub(super) number: Option<u64>,
    /// How many packets it stands for.
    pub(super) packets: u32,
    pub(super) what: What,
}

/// What it did.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum What {
    /// Bytes were sent for the first time: the first, and the first after them.
    Sent(u64, u64),
    /// Bytes were sent again.
    Again(u64, u64),
    /// Bytes before `to` were acknowledged.
    Acked {
        to: u64,
        /// Up to where the receiver's window reaches.
        edge: Option<u64>,
        /// Blocks beyond `to` that the receiver reports to have.
        sacked: Vec<(u64, u64)>,
    },
}

/// The bytes of a side.
#[derive(Clone, Debug)]
pub(super) struct Events {
    pub(super) of: Vec<Event>,
    /// Whether offsets count from the SYN; if it is not in the capture, from the first byte that is.
    pub(super) counts_from_syn: bool,
    /// Whether the window's scale is known, so that its edge can be drawn.
    pub(super) has_window: bool,
}

/// Sequence numbers that wrap, as offsets that don't.
struct Offsets {
    zero: Seq,
    /// The furthest so far.
    furthest: u64,
}

impl Offsets {
    /// That of a number within 2^31 of the furthest one. What precedes the first byte counts as that.
    fn of(&mut self, seq: Seq) -> u64 {
        let near = self.zero + self.furthest as u32;
        let offset = self.furthest.saturating_add_signed(i64::from(seq.distance_from(near)));
        self.furthest = self.furthest.max(offset);
        offset
    }
}

/// A packet's part in both directions, as entries and samples of the timeline have it.
struct Step {
    role: Role,
    number: Option<u64>,
    said: Sample,
    sacked: Vec<(Seq, Seq)>,
}

impl Events {
    /// Creates the events of what `sender` sent. `None` if the capture can't show it: no clock that runs forward, or no acknowledgements.
    pub(super) fn of(story: &Story, sender: Role) -> Option<Self> {
        if story.capture.clock_step.is_some() || story.capture.acks_unobservable {
            return None;
        }
        let entries = story.timeline.entries();
        let headers = || headers_of(story);
        // What counts from another number than the segments do can't be compared with them.
        if headers().any(|(_, header)| header.tcp.ack_since_syn.is_some()) {
            return None;
        }
        let syn = |of: Role| headers().find(|(role, header)| *role == of && is_syn(header));
        let initial = syn(sender).and_then(|(_, header)| header.tcp.seq);
        let scale =
            scale(syn(sender).map(|(_, header)| header), syn(sender.other()).map(|(_, header)| header));
        let mut steps: Vec<Step> =
            entries.filter(|entry| entry.is_in_the_streams()).filter_map(step).collect();
        for role in [Role::Client, Role::Server] {
            let samples = story.timeline.samples(role).iter();
            steps.extend(samples.map(|said| Step {
                role,
                number: None,
                said: *said,
                sacked: said.sacked.into_iter().collect(),
            }));
        }
        // Several packets as one have had their effect with the last of them.
        steps.sort_by_key(|step| step.said.until);
        let first_byte = |step: &Step| {
            let (from, _) = step.said.sent.or(step.said.again)?;
            (step.role == sender).then_some(from)
        };
        let zero = match initial {
            Some(initial) => initial,
            None => Seq(steps.iter().find_map(first_byte)?.0.wrapping_sub(1)),
        };
        let mut offsets = Offsets { zero, furthest: 0 };
        let mut of = Vec::new();
        for step in &steps {
            add(&mut of, step, sender, scale, &mut offsets);
        }
        Some(Self { of, counts_from_syn: initial.is_some(), has_window: scale.is_some() })
    }
}

fn headers_of(story: &Story) -> impl Iterator<Item = (Role, &SegmentHeader)> {
    story.timeline.entries().filter_map(|entry| match &entry.seen {
        Seen::Segment { role, header, .. } => Some((*role, &**header)),
        Seen::Icmp(..) => None,
    })
}

fn is_syn(header: &SegmentHeader) -> bool {
    header.tcp.flags.is_some_and(Flags::syn)
}

/// By how many bits the windows of the receiver are shifted. Both SYNs have to offer it (RFC 7323, 2.2).
fn scale(sender: Option<&SegmentHeader>, receiver: Option<&SegmentHeader>) -> Option<u8> {
    /// RFC 7323, 2.3.
    const MOST: u8 = 14;
    let offer = |header: &SegmentHeader| Some(header.tcp.options.as_ref()?.opening().window_scale);
    match (offer(sender?)?, offer(receiver?)?) {
        (Some(_), Some(bits)) => Some(bits.min(MOST)),
        _ => Some(0),
    }
}

fn step(entry: &Entry) -> Option<Step> {
    let Seen::Segment { role, header, .. } = &entry.seen else { return None };
    let said = Sample::of(entry.moment.at, header, entry.is_retransmission());
    let options = header.tcp.options.as_ref().filter(|options| !options.are_usual());
    let sacked = options.map(|options| options.sack_blocks().collect()).unwrap_or_default();
    // The window of a SYN is never scaled, and what it acknowledges is a SYN.
    let said = if is_syn(header) { Sample { acked: None, window: None, ..said } } else { said };
    Some(Step { role: *role, number: Some(entry.moment.number), said, sacked })
}

/// Adds what a packet did to the bytes of `sender`.
fn add(events: &mut Vec<Event>, step: &Step, sender: Role, scale: Option<u8>, offsets: &mut Offsets) {
    let said = &step.said;
    let event =
        |what, packets| Event { at: said.first, until: said.until, number: step.number, packets, what };
    if step.role == sender {
        if let Some((from, to)) = said.sent {
            let from = offsets.of(from);
            events.push(event(What::Sent(from, offsets.of(to)), said.packets));
        }
        if let Some((from, to)) = said.again {
            let from = offsets.of(from);
            events.push(event(What::Again(from, offsets.of(to)), said.repeats.max(1)));
        }
    } else if let Some(acked) = said.acked {
        let to = offsets.of(acked);
        // That a window is closed shows at any scale.
        let edge = match (said.window, scale) {
            (Some(0), _) => Some(to),
            (Some(window), Some(scale)) => Some(to + (u64::from(window) << scale)),
            _ => None,
        };
        let mut sacked = Vec::new();
        for (from, until) in &step.sacked {
            if from.is_after(acked) {
                let from = offsets.of(*from);
                sacked.push((from, offsets.of(*until)));
            }
        }
        events.push(event(What::Acked { to, edge, sacked }, said.packets));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::packet::TcpOptions;
    use crate::story::script::talk::{ALL_OPTIONS, data, exchange, opened};
    use crate::tcp::Role::{Client, Server};

    fn events(story: &Story, sender: Role) -> Vec<What> {
        Events::of(story, sender).unwrap().of.into_iter().map(|event| event.what).collect()
    }

    #[test]
    fn what_a_side_sends_and_the_other_acknowledges_is_counted_from_the_syn() {
        let story = opened(("S", &ALL_OPTIONS), ("S.", &ALL_OPTIONS))
            .say(Server, &[7; 100])
            .repeat(Server)
            .segment_with(Client, ".", 1, 101, &[], |header| header.tcp.window = Some(2))
            .story(0);
        let bytes = [What::Sent(1, 101), What::Again(1, 101)];
        let acked = |to, edge| What::Acked { to, edge: Some(edge), sacked: Vec::new() };
        let of = events(&story, Server);
        assert!(matches!(of[0], What::Acked { to: 1, .. }), "the handshake's last step: {of:?}");
        assert_eq!(of[1..3], bytes);
        assert_eq!(of[3], acked(101, 101 + (2 << 7)), "the window is scaled");
    }

    #[test]
    fn blocks_beyond_the_acknowledgement_are_what_the_receiver_has() {
        let block = |from: u32, to: u32| {
            let mut bytes = vec![1, 1, 5, 10];
            bytes.extend((900_000 + from).to_be_bytes());
            bytes.extend((900_000 + to).to_be_bytes());
            bytes
        };
        let options = TcpOptions::from_wire(&block(201, 301));
        let story = exchange()
            .segment_with(Client, ".", 1, 101, &[], |header| header.tcp.options = Some(options))
            .story(0);
        let of = events(&story, Server);
        assert!(
            matches!(of.last(), Some(What::Acked { to: 101, sacked, .. }) if *sacked == [(201, 301)]),
            "{of:?}"
        );
    }

    #[test]
    fn numbers_that_wrap_continue() {
        let talk = opened(("S", &ALL_OPTIONS), ("S.", &ALL_OPTIONS)).starting_at(5, u32::MAX - 1_000);
        let story = (0..4)
            .fold(talk.segment(Server, "S.", 0, &[]).ack(Client), |talk, _| talk.say(Server, &[7; 600]))
            .story(0);
        let ends: Vec<u64> = events(&story, Server)
            .iter()
            .filter_map(|what| match what {
                What::Sent(_, to) => Some(*to),
                _ => None,
            })
            .collect();
        assert!(ends.is_sorted() && ends.windows(2).all(|two| two[1] - two[0] == 600), "{ends:?}");
    }

    #[test]
    fn a_long_transfer_has_all_its_bytes_whichever_are_folded() {
        let talk = (0..3_000).fold(exchange(), |talk, _| talk.say(Server, &data()));
        let mut story = talk.story_with_samples(0);
        let covered = |story: &Story| {
            let of = Events::of(story, Server).unwrap().of;
            let bytes = |event: &Event| match event.what {
                What::Sent(from, to) => to - from,
                _ => 0,
            };
            (of.len(), of.iter().map(bytes).sum::<u64>())
        };
        let (events, bytes) = covered(&story);
        assert_eq!(bytes, story.data.server.bytes);
        assert!(events < 500, "{events}");
        story.capture.acks_unobservable = true;
        assert!(Events::of(&story, Server).is_none());
    }
}
