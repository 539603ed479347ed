//! Where a transfer stalls: for how long nothing of it got any further, and why as far as the packets show it.

use super::events::{Event, Events, What};
use crate::story::{EndingKind, Silence, Story};
use crate::tcp::Role;
use crate::time::{Elapsed, Timestamp};

/// A wait that a person would notice, and longer than a usual round trip.
const NOTICED: Elapsed = Elapsed::from_millis(1_000);

/// Segments that make a transfer of what a side sends; what is repeated alone is drawn in the ladder.
const SEGMENTS: u64 = 2;

/// A stretch of time in which nothing of a side's bytes got any further.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Stall {
    pub(super) from: Timestamp,
    pub(super) until: Timestamp,
    pub(super) why: Why,
    /// Up to where its bytes were acknowledged.
    pub(super) acked: u64,
    /// Up to where they had been sent when it ended.
    pub(super) sent: u64,
    /// Up to where the receiver's window reached.
    pub(super) edge: Option<u64>,
    /// How often bytes were sent again meanwhile.
    pub(super) repeats: u64,
    /// What the receiver reported to have beyond a hole.
    pub(super) sacked: Vec<(u64, u64)>,
    /// Whether it ended with progress.
    pub(super) is_over: bool,
}

/// Why nothing got any further.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Why {
    /// What was sent was not acknowledged.
    Unacknowledged,
    /// The receiver's window was closed.
    Closed,
    /// Everything was acknowledged, and the sender stopped before the end of what it had begun.
    Silent,
}

impl Stall {
    pub(super) fn elapsed(&self) -> Elapsed {
        self.until - self.from
    }

    /// The longest one of what `sender` sent.
    pub(super) fn find(events: &Events, story: &Story, sender: Role) -> Option<Self> {
        let mut course = Course::default();
        for event in &events.of {
            course.take(event);
        }
        let is_acknowledging = course.acked.is_some();
        let is_transfer = course.segments >= SEGMENTS || course.has_hole;
        if !is_acknowledging || !is_transfer {
            return None;
        }
        let silences = silences(story);
        let stopped = silences.clone().find(|silence| silence.awaited_from == sender).filter(|_| {
            let is_answer_cut = sender == Role::Server && story.is_plain_answer_cut();
            course.is_all_acknowledged() && (story.tls.is_inside_record[sender] || is_answer_cut)
        });
        let (acked, sent, edge) = (course.acked.unwrap_or(0), course.sent, course.edge);
        let mut found = course.finish(story);
        found.extend(stopped.map(|silence| Self {
            from: silence.since.at,
            until: silence.until,
            why: Why::Silent,
            acked,
            sent,
            edge,
            repeats: 0,
            sacked: Vec::new(),
            is_over: false,
        }));
        let mut longest = found.into_iter().max_by_key(Self::elapsed)?;
        longest.agree_with(silences);
        // Where samples stand for several packets, the story has counted them.
        if let Some(waiting) = story.data[sender].unacknowledged.filter(|_| !longest.is_over) {
            longest.repeats = waiting.repeats;
        }
        (longest.elapsed() >= NOTICED).then_some(longest)
    }

    /// Takes over the times of a silence that is nearly the same, which the rest of the page names.
    fn agree_with<'s>(&mut self, silences: impl Iterator<Item = &'s Silence>) {
        for silence in silences {
            let tenth = silence.elapsed().nanos().unsigned_abs() / 10;
            let is_near = |one: Timestamp, other: Timestamp| (one - other).nanos().unsigned_abs() <= tenth;
            if is_near(silence.since.at, self.from) && (is_near(silence.until, self.until) || !self.is_over) {
                (self.from, self.until) = (silence.since.at, silence.until);
            }
        }
    }
}

/// The silences that ended the connection, and those that ended with what was awaited.
fn silences(story: &Story) -> impl Iterator<Item = &Silence> + Clone {
    let endings = story.endings.iter().filter_map(|ending| match &ending.what {
        EndingKind::Silence(silence) => Some(silence),
        _ => None,
    });
    endings.chain(&story.pauses)
}

/// What is known while the events pass.
#[derive(Default)]
struct Course {
    acked: Option<u64>,
    sent: u64,
    edge: Option<u64>,
    segments: u64,
    has_hole: bool,
    /// Since when what is outstanding got no further.
    waits: Option<Wait>,
    closed: Option<Wait>,
    found: Vec<Stall>,
}

/// A stall that lasts.
struct Wait {
    since: Timestamp,
    repeats: u64,
    sacked: Vec<(u64, u64)>,
}

impl Wait {
    fn since(since: Timestamp) -> Self {
        Self { since, repeats: 0, sacked: Vec::new() }
    }
}

impl Course {
    fn is_all_acknowledged(&self) -> bool {
        self.acked.is_some_and(|acked| acked >= self.sent)
    }

    fn take(&mut self, event: &Event) {
        match &event.what {
            What::Sent(from, to) => {
                self.segments += u64::from(event.packets);
                self.has_hole |= *from > self.sent.max(self.acked.unwrap_or(0)).max(1);
                if self.acked.is_none_or(|acked| *to > acked) && self.waits.is_none() {
                    self.waits = Some(Wait::since(event.at));
                }
                self.sent = self.sent.max(*to);
            }
            What::Again(_, to) => {
                self.sent = self.sent.max(*to);
                for wait in [&mut self.waits, &mut self.closed].into_iter().flatten() {
                    wait.repeats += u64::from(event.packets);
                }
            }
            What::Acked { to, edge, sacked } => self.acknowledge(event, *to, *edge, sacked),
        }
    }

    /// Several acknowledgements as one may have come at any time between the first and the last of them.
    fn acknowledge(&mut self, event: &Event, to: u64, edge: Option<u64>, sacked: &[(u64, u64)]) {
        let is_further = self.acked.is_none_or(|acked| to > acked);
        if is_further {
            if let Some(wait) = self.waits.take() {
                let stall = self.stall(wait, event.at, Why::Unacknowledged, true);
                self.found.push(stall);
            }
            self.acked = Some(to);
            if self.sent > to {
                self.waits = Some(Wait::since(event.until));
            }
        }
        if let Some(wait) = self.waits.as_mut().filter(|_| !sacked.is_empty()) {
            wait.sacked = sacked.to_vec();
        }
        let is_open = edge.is_some_and(|edge| edge > to) || event.packets > 1;
        if let Some(wait) = self.closed.take_if(|_| is_open) {
            let stall = self.stall(wait, event.at, Why::Closed, true);
            self.found.push(stall);
        }
        if edge == Some(to) {
            self.closed.get_or_insert_with(|| Wait::since(event.until));
        }
        self.edge = edge.or(self.edge);
    }

    fn stall(&self, wait: Wait, until: Timestamp, why: Why, is_over: bool) -> Stall {
        Stall {
            from: wait.since,
            until,
            why,
            acked: self.acked.unwrap_or(0),
            sent: self.sent,
            edge: if why == Why::Closed { self.acked } else { self.edge },
            repeats: wait.repeats,
            sacked: wait.sacked,
            is_over,
        }
    }

    /// All of them, those that last until the connection's last packet included.
    fn finish(mut self, story: &Story) -> Vec<Stall> {
        let end = story.last.at;
        for (wait, why) in [(self.waits.take(), Why::Unacknowledged), (self.closed.take(), Why::Closed)] {
            if let Some(wait) = wait {
                let stall = self.stall(wait, end, why, false);
                self.found.push(stall);
            }
        }
        self.found
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::story::script::talk::{Talk, data, exchange, ssm};
    use crate::tcp::Role::{Client, Server};

    fn stall(talk: &Talk, more: i64, sender: Role) -> Option<Stall> {
        let story = talk.story(more);
        Stall::find(&Events::of(&story, sender)?, &story, sender)
    }

    #[test]
    fn what_is_sent_again_and_not_acknowledged_stalls() {
        let sent = exchange().ack(Client).say(Client, &data()).ack(Server).say(Server, &[7; 900]).ack(Client);
        let lost = sent.say(Server, &[7; 900]).wait(300).repeat(Server).wait(600).repeat(Server);
        let found = stall(&lost.clone().wait(1_200).repeat(Server), 0, Server).unwrap();
        assert_eq!((found.why, found.repeats, found.is_over), (Why::Unacknowledged, 3, false));
        assert_eq!(found.sent - found.acked, 900);
        assert!(found.elapsed() >= Elapsed::from_millis(2_100));
        assert_eq!(stall(&lost, 0, Client), None, "the other direction does not");
    }

    #[test]
    fn a_stall_that_ends_with_an_acknowledgement_is_over() {
        let talk = exchange().ack(Client).say(Server, &[7; 900]).wait(2_500).repeat(Server).ack(Client);
        let found = stall(&talk.say(Server, &data()).ack(Client), 0, Server).unwrap();
        assert!(found.is_over && found.repeats == 1, "{found:?}");
    }

    #[test]
    fn a_window_that_is_closed_stalls_until_it_opens() {
        let window = |talk: Talk, window: u16| {
            let (seq, ack) = (talk.next(Client), talk.next(Server));
            talk.segment_with(Client, ".", seq, ack, &[], |header| header.tcp.window = Some(window))
        };
        let closed = window(exchange().ack(Client).say(Server, &[7; 900]), 0).wait(2_000);
        let found = stall(&window(closed.clone(), 500), 0, Server).unwrap();
        assert_eq!((found.why, found.is_over, found.edge), (Why::Closed, true, Some(found.acked)));
        let unopened = window(closed, 0);
        assert!(!stall(&unopened, 0, Server).unwrap().is_over);
    }

    #[test]
    fn round_trips_and_idle_times_are_no_stalls() {
        let talk = exchange().ack(Client).wait(60_000).say(Client, &data()).wait(400).ack(Server);
        for sender in [Client, Server] {
            assert_eq!(stall(&talk, 0, sender), None, "{sender}");
        }
    }

    #[test]
    fn a_single_message_that_is_repeated_is_no_transfer() {
        let hello = ssm().open().say(Client, &[7; 300]);
        let talk = (0..4).fold(hello, |talk, _| talk.wait(1_000).repeat(Client));
        assert_eq!(stall(&talk, 0, Client), None);
    }

    #[test]
    fn what_is_not_acknowledged_at_all_may_be_missing_from_the_capture() {
        let talk = exchange().wait(1_000).say(Server, &data()).wait(3_000).say(Server, &data()).only(Server);
        assert_eq!(stall(&talk, 9_000, Server), None);
    }
}
