//! Looking at connections while their packets come: what is known is said once nothing came for a moment, a silence while
//! it lasts, and the verdict when a connection is closed.
//!
//! Time is the capture's here too: it goes on with packets, and with what a source that waits says of its clock.

use std::io;

use super::table::{CLOSED, TrackedConnection};
use super::{Analysis, Court, Sink, Watching};
use crate::limits;
use crate::story::{CaptureFacts, Item};
use crate::time::{Elapsed, Timestamp};
use crate::verdict::Severity;

/// How often connections are looked at.
const EVERY: Elapsed = Elapsed::from_millis(100);

/// A connection's packets come in bursts; it is looked at when none came for so long.
const SETTLED: Elapsed = Elapsed::from_millis(300);

/// What is to be done with a connection.
enum Due {
    Nothing,
    Look,
    Judge,
}

impl Due {
    fn of(track: &TrackedConnection, now: Timestamp, stall_after: Elapsed) -> Self {
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
        if story.packets != track.watched.packets && quiet >= SETTLED {
            return Due::Look;
        }
        // Keep-alives and repeats do not end a silence.
        let (since, owed_by) = track.story.waits_for();
        let is_silent = owed_by.is_some() && now - since.at >= track.watched.next_silence.max(stall_after);
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
        for index in 0..self.table.slots() {
            let Some(track) = self.table.tracked(index) else { continue };
            for item in track.story.so_far().timeline.items(0) {
                if let Item::Packet(entry) = item {
                    packets.push((index, entry));
                }
            }
        }
        packets.sort_by_key(|(_, entry)| entry.moment.number);
        for (index, entry) in packets {
            if let Some(track) = self.table.tracked(index) {
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
            let Some(track) = self.table.tracked(index) else { continue };
            match Due::of(track, now, self.settings.judging.stall_after) {
                Due::Nothing => {}
                Due::Look => self.look_at(index, now, sink)?,
                Due::Judge => self.let_go(index, sink)?,
            }
        }
        Ok(())
    }

    fn look_at(&mut self, index: usize, now: Timestamp, sink: &mut dyn Sink) -> io::Result<()> {
        let Some(track) = self.table.tracked(index) else { return Ok(()) };
        let so_far = track.story.so_far();
        let story = track.so_far(CaptureFacts { end: now, ..self.facts_for(so_far) });
        // While watching, connections are judged here.
        let Court::Here(judging) = &mut self.court else { return Ok(()) };
        let judged = judging.judged(story, true);
        let Some(track) = self.table.tracked_mut(index) else { return Ok(()) };
        let lasting = judged.story.silence().filter(|silence| silence.until == now).copied();
        let waited = now - track.story.waits_for().0.at;
        let is_silent = waited >= self.settings.judging.stall_after;
        // A silence that is the capture's own is looked at as seldom.
        track.watched.next_silence = if is_silent { waited.doubled() } else { Elapsed::ZERO };
        track.watched.packets = judged.story.packets;
        let is_news = track.watched.code != Some(judged.verdict.code);
        // Nothing is well yet while somebody owes the next step.
        let is_owed = track.story.waits_for().1.is_some();
        let is_known = match judged.verdict.severity {
            Severity::Unknown => false,
            Severity::Critical => true,
            Severity::Ok | Severity::Warning => !is_owed,
        };
        if is_known {
            track.watched.code = Some(judged.verdict.code);
        }
        if let Some(silence) = lasting {
            sink.silence(&judged.story, &silence)?;
        }
        if is_known && is_news { sink.known(&judged) } else { Ok(()) }
    }
}
