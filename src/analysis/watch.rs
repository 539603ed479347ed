//! Looking at connections while their packets come: what is known is said once nothing came for a moment, a silence while
//! it lasts, and the verdict when a connection is closed.
//!
//! Time is the capture's here too: it goes on with packets, and with what a source that waits says of its clock.

use std::collections::HashSet;
use std::io;

use super::table::Track;
use super::{Analysis, Bounds, Court, Sink, Watching};
use crate::limits;
use crate::packet::{Flags, SegmentHeader};
use crate::story::{CaptureFacts, Item};
use crate::tcp::Key;
use crate::time::{Elapsed, Timestamp};
use crate::verdict::Severity;

/// How often connections are looked at.
const EVERY: Elapsed = Elapsed::from_millis(100);

/// A connection's packets come in bursts; it is looked at when none came for so long.
const SETTLED: Elapsed = Elapsed::from_millis(300);

/// A closed connection is judged so long after its last packet: what comes later is a leftover.
pub(super) const CLOSED: Elapsed = Elapsed::from_millis(800);

/// The same of one that both ends closed and acknowledged. No word of theirs is missing then, and what still comes are copies.
pub(super) const ACKNOWLEDGED: Elapsed = Elapsed::from_millis(100);

/// A judged connection is remembered so long, for leftovers not to look like a new one: the time that TCP itself waits
/// (RFC 9293, 3.4.2: two maximum segment lifetimes; Linux waits 60 s).
const REMEMBERED: Elapsed = Elapsed::from_millis(60_000);

/// What was said of a connection while its packets came.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Watch {
    /// Its packets when it was looked at last.
    packets: u64,
    /// How long a silence has to be to be told; zero for the shortest that counts.
    next_silence: Elapsed,
    /// The verdict that was told last.
    told: Option<&'static str>,
}

/// Connections that were judged while others go on, remembered by their sockets for a while: what still comes of them is a
/// leftover, not a new connection.
///
/// They are kept in two sets, of which the older one goes as a whole: for each connection there is its pair of sockets and
/// nothing else, and it is remembered for one to two times [`REMEMBERED`].
#[derive(Debug)]
pub(super) struct Leftovers {
    latest: HashSet<Key, foldhash::fast::RandomState>,
    earlier: HashSet<Key, foldhash::fast::RandomState>,
    /// When `latest` was begun.
    since: Timestamp,
    most: usize,
}

impl Leftovers {
    pub(super) fn new(bounds: &Bounds) -> Self {
        Self {
            latest: HashSet::default(),
            earlier: HashSet::default(),
            since: Timestamp::ZERO,
            most: bounds.leftovers(),
        }
    }

    pub(super) fn add(&mut self, key: Key, now: Timestamp) {
        if now - self.since >= REMEMBERED || self.latest.len() >= self.most / 2 {
            self.earlier = std::mem::take(&mut self.latest);
            self.since = now;
        }
        self.latest.insert(key);
    }

    /// Whether a segment that belongs to no connection is left over from one that was judged.
    pub(super) fn hold(&self, key: &Key, header: &SegmentHeader) -> bool {
        let opens = header.tcp.flags.is_some_and(Flags::syn);
        !opens && (self.latest.contains(key) || self.earlier.contains(key))
    }
}

/// What is to be done with a connection.
enum Due {
    Nothing,
    Look,
    Judge,
}

impl Watch {
    fn due(&self, track: &Track, now: Timestamp, stall_after: Elapsed) -> Due {
        let story = track.story.so_far();
        let quiet = now - story.last.at;
        let idle = Elapsed::from_millis(limits::WATCHED_IDLE_SECONDS * 1_000);
        let is_closed = track.is_closed();
        if quiet >= idle || (is_closed && quiet >= CLOSED) {
            return Due::Judge;
        }
        if is_closed {
            return Due::Nothing;
        }
        if story.packets != self.packets && quiet >= SETTLED {
            return Due::Look;
        }
        // Keep-alives and repeats do not end a silence.
        let (since, owed_by) = track.story.waits_for();
        let is_silent = owed_by.is_some() && now - since.at >= self.next_silence.max(stall_after);
        if is_silent { Due::Look } else { Due::Nothing }
    }
}

impl Analysis<'_> {
    /// From now on packets are waited for: the sink is told what came until now.
    pub(super) fn begin_watching(&mut self, sink: &mut dyn Sink) -> io::Result<()> {
        if self.is_watching || self.settings.watching == Watching::Never {
            return Ok(());
        }
        self.is_watching = true;
        for index in self.table.all() {
            self.inflate(index);
        }
        let mut packets = Vec::new();
        for index in 0..self.table.places() {
            let Some(track) = self.table.track(index) else { continue };
            for item in track.story.so_far().timeline.items(0) {
                if let Item::Packet(entry) = item {
                    packets.push((index, entry));
                }
            }
        }
        packets.sort_by_key(|(_, entry)| entry.moment.number);
        for (index, entry) in packets {
            if let Some(track) = self.table.track(index) {
                sink.entry(track.story.so_far(), &entry)?;
            }
        }
        Ok(())
    }

    /// Whether it is time to look again.
    pub(super) fn is_look_due(&self) -> bool {
        self.is_watching && self.clock.latest() - self.looked_at >= EVERY
    }

    /// Says what is new about all connections.
    pub(super) fn look(&mut self, sink: &mut dyn Sink) -> io::Result<()> {
        let now = self.clock.latest();
        self.looked_at = now;
        for index in self.table.all() {
            let Some(track) = self.table.track(index) else { continue };
            match track.watch.due(track, now, self.settings.judging.stall_after) {
                Due::Nothing => {}
                Due::Look => self.look_at(index, now, sink)?,
                Due::Judge => self.let_go(index, sink)?,
            }
        }
        Ok(())
    }

    fn look_at(&mut self, index: usize, now: Timestamp, sink: &mut dyn Sink) -> io::Result<()> {
        let Some(track) = self.table.track(index) else { return Ok(()) };
        let so_far = track.story.so_far();
        let story = track.so_far(CaptureFacts { end: now, ..self.facts_for(so_far) });
        // While watching, connections are judged here.
        let Court::Here(judging) = &mut self.court else { return Ok(()) };
        let judged = judging.judged(story, true);
        let Some(track) = self.table.track_mut(index) else { return Ok(()) };
        let lasting = judged.story.silence().filter(|silence| silence.until == now).copied();
        let waited = now - track.story.waits_for().0.at;
        let is_silent = waited >= self.settings.judging.stall_after;
        // A silence that is the capture's own is looked at as seldom.
        track.watch.next_silence = if is_silent { waited.doubled() } else { Elapsed::ZERO };
        track.watch.packets = judged.story.packets;
        let is_news = track.watch.told != Some(judged.verdict.code);
        // Nothing is well yet while somebody owes the next step.
        let is_owed = track.story.waits_for().1.is_some();
        let is_known = match judged.verdict.severity {
            Severity::Unknown => false,
            Severity::Critical => true,
            Severity::Ok | Severity::Warning => !is_owed,
        };
        if is_known {
            track.watch.told = Some(judged.verdict.code);
        }
        if let Some(silence) = lasting {
            sink.silence(&judged.story, &silence)?;
        }
        if is_known && is_news { sink.known(&judged) } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::story::script::talk::Talk;

    #[test]
    fn leftovers_are_known_for_a_minute_at_least_and_a_new_syn_is_none() {
        let talk = Talk::to_port(8443).syn().syn_ack();
        let (syn, answer) = (&talk.packets[0].header, &talk.packets[1].header);
        let fin = Talk::to_port(8443).open().fin(crate::tcp::Role::Client);
        let late = &fin.packets.last().unwrap().header;
        let key = Key::of(syn);
        let other = |port| Key::of(&Talk::to_port(port).syn().packets[0].header);
        let mut leftovers = Leftovers::new(&Bounds::default());
        let begin = Timestamp::from_parts(1_700_000_000, 0);
        leftovers.add(key, begin);
        assert!(leftovers.hold(&key, late));
        assert!(!leftovers.hold(&key, syn) && !leftovers.hold(&key, answer));
        leftovers.add(other(1), begin + REMEMBERED);
        assert!(leftovers.hold(&key, late));
        leftovers.add(other(2), begin + REMEMBERED.doubled());
        assert!(!leftovers.hold(&key, late) && leftovers.hold(&other(1), late));
    }

    #[test]
    fn no_more_leftovers_are_kept_than_the_bound_says() {
        let bounds = Bounds { memory: Bounds::LEAST_MEMORY, ..Bounds::default() };
        let mut leftovers = Leftovers::new(&bounds);
        let server = (std::net::IpAddr::from([198, 51, 100, 20]), 8443);
        for number in 0..2 * bounds.leftovers() as u32 {
            let client = std::net::Ipv4Addr::from(0xc000_0200 + number);
            leftovers.add(Key::between((client.into(), 50_000), server), Timestamp::ZERO);
            assert!(leftovers.latest.len() + leftovers.earlier.len() <= bounds.leftovers());
        }
    }
}
