//! Looking at connections while their packets come: what is known is reported once nothing came for a moment, a silence while
//! it lasts, and the verdict when a connection is closed.
//!
//! Time is the capture's here too: it advances with packets, and with what a source that waits reports of its clock.

use std::io;

use super::facts::Facts;
use super::judge::{Judging, SharedExaminer};
use super::shares::{Connections, Outlet, Pace, Shares, report_entry};
use super::table::{CLOSED, TrackedConnection};
use super::{Event, Needs, Settings};
use crate::limits;
use crate::story::{CaptureFacts, Item};
use crate::time::{Elapsed, Timestamp};
use crate::verdict::Severity;

/// How often connections are looked at.
const EVERY: Elapsed = Elapsed::from_millis(100);

/// How often connections are asked which packets the capture lost: sooner than a silence is reported.
const LOSSES_EVERY: Elapsed = Elapsed::from_millis(1_000);

/// A connection's packets come in bursts; it is looked at when none came for this long.
const SETTLED: Elapsed = Elapsed::from_millis(300);

/// What is to be done with a connection.
enum Due {
    Nothing,
    Look,
    Judge,
}

impl Due {
    fn of(tracked: &TrackedConnection, now: Timestamp, stall_after: Elapsed) -> Self {
        let story = tracked.story.so_far();
        let quiet = now - story.last.at;
        let idle = Elapsed::from_millis(limits::WATCHED_IDLE_SECONDS * 1_000);
        let is_closed = tracked.is_closed();
        if quiet >= idle || (is_closed && quiet >= CLOSED) {
            return Self::Judge;
        }
        if is_closed {
            return Self::Nothing;
        }
        if story.packets != tracked.watched.packets && quiet >= SETTLED {
            return Self::Look;
        }
        // Keep-alives and repeats do not end a silence.
        let (since, owed_by) = tracked.story.waits_for();
        let is_silent = owed_by.is_some() && now - since.at >= tracked.watched.next_silence.max(stall_after);
        if is_silent { Self::Look } else { Self::Nothing }
    }
}

/// Looks at all connections now and then.
pub(super) struct Watch<'s> {
    stall_after: Elapsed,
    /// Judges copies of stories that continue.
    judging: Judging<'s>,
    /// Whether logs are compared with names that reports must not have.
    keeps_names: bool,
    looked_at: Timestamp,
    /// When connections were last asked for losses.
    losses_at: Timestamp,
}

impl<'s> Watch<'s> {
    pub(super) fn new(settings: &'s Settings, examiner: SharedExaminer, needs: Needs) -> Self {
        Self {
            stall_after: settings.judging.stall_after,
            judging: Judging::new(settings, examiner, needs),
            keeps_names: settings.redaction.is_some() && settings.logs.is_some(),
            looked_at: Timestamp::ZERO,
            losses_at: Timestamp::ZERO,
        }
    }

    /// Whether it is time to look again.
    pub(super) fn is_due(&self, facts: &Facts<'_>) -> bool {
        facts.clock().latest() - self.looked_at >= EVERY
    }

    /// Reports what is new about all connections.
    #[cold]
    pub(super) fn look(&mut self, shares: &mut Shares<'_>, facts: &mut Facts<'_>) -> io::Result<()> {
        self.looked_at = facts.clock().latest();
        if self.looked_at - self.losses_at >= LOSSES_EVERY {
            self.losses_at = self.looked_at;
            facts.record_losses(shares.losses());
        }
        for (share, index) in shares.all() {
            shares
                .with_share(share, |connections, outlet| self.look_into(connections, index, facts, outlet))?;
        }
        Ok(())
    }

    fn look_into(
        &mut self,
        connections: &mut Connections<'_>,
        index: usize,
        facts: &Facts<'_>,
        outlet: &mut dyn Outlet,
    ) -> io::Result<()> {
        let now = self.looked_at;
        let Some(tracked) = connections.table.tracked_mut(index) else { return Ok(()) };
        let reports = tracked.is_in_window;
        let mut reported = Ok(());
        tracked.release_early(now, &mut connections.budget, &mut |story| {
            if reports && reported.is_ok() {
                reported = report_entry(story, story.last, outlet);
            }
        });
        reported?;
        match Due::of(tracked, now, self.stall_after) {
            Due::Nothing => Ok(()),
            Due::Look if !tracked.is_in_window => Ok(()),
            Due::Look => self.look_at(tracked, facts, outlet),
            Due::Judge => connections.close(index, facts, outlet),
        }
    }

    fn look_at(
        &mut self,
        tracked: &mut TrackedConnection,
        facts: &Facts<'_>,
        outlet: &mut dyn Outlet,
    ) -> io::Result<()> {
        let now = self.looked_at;
        let so_far = tracked.story.so_far();
        let story = tracked.so_far(CaptureFacts { end: now, ..facts.of(so_far) });
        self.judging.earn(story.packets.saturating_sub(tracked.watched.packets));
        let named = self.keeps_names.then(|| self.judging.with_names(story.clone()));
        let judged = self.judging.judged(story);
        let lasting = judged.story.silence().filter(|silence| silence.until == now).copied();
        let waited = now - tracked.story.waits_for().0.at;
        let is_silent = waited >= self.stall_after;
        // A silence that is the capture's own is looked at as seldom.
        tracked.watched.next_silence = if is_silent { waited.doubled() } else { Elapsed::ZERO };
        tracked.watched.packets = judged.story.packets;
        let is_news = tracked.watched.code != Some(judged.verdict.code);
        // Nothing is well yet while somebody's next step is awaited.
        let is_awaited = tracked.story.waits_for().1.is_some();
        let is_known = match judged.verdict.severity {
            Severity::Unknown => false,
            Severity::Critical => true,
            Severity::Ok | Severity::Warning => !is_awaited,
        };
        if is_known {
            tracked.watched.code = Some(judged.verdict.code);
        }
        if let Some(silence) = lasting {
            outlet.reports(&Event::Silence(&judged.story, &silence))?;
        }
        if is_known && is_news {
            outlet.reports(&Event::Known(&judged))?;
        }
        outlet.stays(named.unwrap_or(judged))
    }
}

impl Shares<'_> {
    /// From now on packets are waited for: what came until now is reported.
    pub(super) fn begin_watching(&mut self) -> io::Result<()> {
        self.set_pace(Pace::Watched);
        let Some((shares, mut outlet)) = self.at_once() else { return Ok(()) };
        let mut shares: Vec<_> = shares.collect();
        let mut packets = Vec::new();
        for (share, connections) in shares.iter_mut().enumerate() {
            for index in 0..connections.table.slots() {
                connections.promote(index);
                let Some(tracked) = connections.table.tracked(index).filter(|tracked| tracked.is_in_window)
                else {
                    continue;
                };
                for item in tracked.story.so_far().timeline.items(0) {
                    if let Item::Packet(entry) = item {
                        packets.push((share, index, entry.clone()));
                    }
                }
            }
        }
        packets.sort_by_key(|(.., entry)| entry.moment.number);
        for (share, index, entry) in packets {
            if let Some(tracked) = shares.get(share).and_then(|connections| connections.table.tracked(index))
            {
                outlet.reports(&Event::Entry(tracked.story.so_far(), &entry))?;
            }
        }
        Ok(())
    }
}
