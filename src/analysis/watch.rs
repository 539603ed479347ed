//! Looking at connections while their packets come: what is known is said once nothing came for a moment, a silence while
//! it lasts, and the verdict when a connection is closed.
//!
//! Time is the capture's here too: it goes on with packets, and with what a source that waits says of its clock.

use std::io;

use super::table::Track;
use super::{Analysis, Judged, Sink, Watching};
use crate::finding;
use crate::limits;
use crate::story::{CaptureFacts, Item, Story};
use crate::time::{Elapsed, Timestamp};
use crate::verdict::{self, Severity};

/// How often connections are looked at.
const EVERY: Elapsed = Elapsed::from_millis(100);

/// A connection's packets come in bursts; it is looked at when none came for so long.
const SETTLED: Elapsed = Elapsed::from_millis(300);

/// A closed connection is judged so long after its last packet: what comes later is a leftover.
const CLOSED: Elapsed = Elapsed::from_millis(800);

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
    /// Whether its final verdict was told.
    pub(super) is_judged: bool,
}

/// What is to be done with a connection.
enum Due {
    Nothing,
    Look,
    Judge,
    Forget,
}

impl Watch {
    fn due(&self, track: &Track, now: Timestamp, stall_after: Elapsed) -> Due {
        let story = track.story.so_far();
        let quiet = now - story.last.at;
        if self.is_judged {
            return if quiet >= REMEMBERED { Due::Forget } else { Due::Nothing };
        }
        let idle = Elapsed::from_millis(limits::WATCHED_IDLE_SECONDS * 1_000);
        if quiet >= idle || (track.is_closed() && quiet >= CLOSED) {
            return Due::Judge;
        }
        if story.packets != self.packets && quiet >= SETTLED {
            return Due::Look;
        }
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
        for index in 0..self.table.places() {
            let Some(track) = self.table.track(index) else { continue };
            match track.watch.due(track, now, self.settings.judging.stall_after) {
                Due::Nothing => {}
                Due::Look => self.look_at(index, now, sink)?,
                Due::Judge => self.judge_early(index, sink)?,
                Due::Forget => {
                    if let Some(track) = self.table.take(index) {
                        self.budget.release(&track);
                    }
                }
            }
        }
        self.table.close_up();
        Ok(())
    }

    fn look_at(&mut self, index: usize, now: Timestamp, sink: &mut dyn Sink) -> io::Result<()> {
        let Some(track) = self.table.track(index) else { return Ok(()) };
        let so_far = track.story.so_far();
        let story = track.so_far(CaptureFacts { end: now, ..self.facts_between(so_far) });
        let judged = self.judged(story);
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

    /// Judges a connection that is over, and remembers it for its leftovers.
    fn judge_early(&mut self, index: usize, sink: &mut dyn Sink) -> io::Result<()> {
        let Some(track) = self.table.track(index) else { return Ok(()) };
        let so_far = track.story.so_far();
        let story = track.so_far(self.facts_between(so_far));
        if let Some(track) = self.table.track_mut(index) {
            track.watch.is_judged = true;
        }
        let judged = self.judged(story);
        self.summary.count(&judged);
        sink.connection(judged)
    }

    /// The verdict on a story and what else is worth knowing.
    pub(super) fn judged(&mut self, mut story: Story) -> Judged {
        story.tls.examination = self.chains.examine(&story);
        let verdict = verdict::judge(&story, &self.settings.judging);
        let findings = finding::find(&story);
        Judged { story, verdict, findings }
    }
}
