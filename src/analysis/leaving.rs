//! When connections leave the table: those that are over, those that have to make room, and all of them at the end.

use std::collections::BTreeSet;
use std::io;

use super::connections::{Connections, is_in_window};
use super::facts::Facts;
use super::judge::{Judge, Left, Why};
use super::table::{Leaving, RecentlyClosed, TrackedConnection};

/// A capture that holds the first packets of each connection holds its opening and a word of each side.
const FEWEST_EACH: u64 = 5;

/// How many connections have to end at the same packet, and on how many servers, until that is no coincidence.
const MANY_CUT: usize = 3;
const MANY_SERVERS: usize = 4;

impl Connections<'_> {
    /// Before another connection begins: those that are over leave where there are many, and the least informative ones where
    /// too much is kept.
    pub(super) fn make_room(&mut self, facts: &Facts<'_>, judge: &mut dyn Judge) -> io::Result<()> {
        let bounds = &self.settings.bounds;
        let is_pressing = self.candidates.is_empty() && self.table.is_full(&self.budget, bounds);
        // While packets are watched, those that are over leave by the clock.
        if !self.is_watched && (is_pressing || self.table.is_sweep_due(bounds)) {
            let now = facts.clock().latest();
            self.table.release_early(now, &mut self.budget);
            for index in self.table.over(|tracked| tracked.is_settled(now)) {
                self.close(index, Why::Over, facts, judge)?;
            }
        }
        while self.table.is_full(&self.budget, bounds) {
            // One after the other as others begin, so that judging them goes on beside reading.
            match self.candidates.pop_front() {
                None => self.candidates = self.table.least_important(),
                Some(candidate) => {
                    if let Some(index) = self.table.if_unchanged(&candidate) {
                        self.evicted += 1;
                        self.close(index, Why::Evicted, facts, judge)?;
                    }
                }
            }
        }
        Ok(())
    }

    /// Has a connection judged while others go on. Its late packets begin no other.
    pub(super) fn close(
        &mut self,
        index: usize,
        why: Why,
        facts: &Facts<'_>,
        judge: &mut dyn Judge,
    ) -> io::Result<()> {
        let Some(leaving) = self.table.remove(index) else { return Ok(()) };
        if let Leaving::Tracked(tracked) = &leaving {
            self.recently_closed.add(tracked.key, facts.clock().latest());
        }
        self.leave(leaving, why, facts, judge)
    }

    /// How many packets of each connection the capture holds at most, where it seems to hold only the first ones: no connection has
    /// more, and several that nobody ended have as many. Connections that fail alike have as many too, so those have to be of many
    /// servers, or to have got to different stages.
    fn packets_each(&self) -> Option<u64> {
        let tracked = || {
            self.table.all().into_iter().filter_map(|index| self.table.tracked(index)).map(|tracked| {
                let story = tracked.story.so_far();
                (story.segments(), story.stage, story.parties.server.host, tracked.is_closed())
            })
        };
        let most = tracked().map(|(packets, ..)| packets).max()?;
        let cut: Vec<_> = tracked().filter(|(packets, .., closed)| *packets == most && !closed).collect();
        let servers: BTreeSet<_> = cut.iter().map(|(_, _, host, _)| *host).collect();
        let stages: BTreeSet<_> = cut.iter().map(|(_, stage, ..)| *stage).collect();
        let is_cut = most >= self.most_packets
            && most >= FEWEST_EACH
            && cut.len() >= MANY_CUT
            && (servers.len() >= MANY_SERVERS || servers.len() > 1 && stages.len() > 1);
        is_cut.then_some(most)
    }

    /// The capture ends, and with it all connections.
    pub(super) fn end(&mut self, facts: &mut Facts<'_>, judge: &mut dyn Judge) -> io::Result<()> {
        facts.record_packets_each(if self.is_watched { None } else { self.packets_each() });
        for index in self.table.all() {
            if let Some(leaving) = self.table.remove(index) {
                self.leave(leaving, Why::Over, facts, judge)?;
            }
        }
        self.recently_closed = RecentlyClosed::new(&self.settings.bounds);
        self.most_packets = 0;
        facts.record_packets_each(None);
        Ok(())
    }

    fn leave(
        &mut self,
        leaving: Leaving,
        why: Why,
        facts: &Facts<'_>,
        judge: &mut dyn Judge,
    ) -> io::Result<()> {
        let mut tracked = match leaving {
            Leaving::Tracked(tracked) => *tracked,
            // A timeline counts against the budget, and an end's own report is found by the story.
            Leaving::HalfOpen(half_open)
                if !is_in_window(self.settings, half_open.id().moment, self.clock) =>
            {
                return Ok(());
            }
            Leaving::HalfOpen(half_open)
                if self.settings.keeps_timeline || !self.settings.knowledge.is_empty() =>
            {
                let mut tracked =
                    TrackedConnection::from_half_open(&half_open, self.settings, &mut self.budget);
                tracked.is_in_window = true;
                tracked
            }
            Leaving::HalfOpen(half_open) => {
                let facts = facts.between(half_open.number(), half_open.number());
                return judge.submit(Left::HalfOpen(half_open, facts), why);
            }
        };
        tracked.release_all(&mut self.budget);
        self.most_packets = self.most_packets.max(tracked.story.so_far().segments());
        self.budget.release(tracked.held());
        if !tracked.is_in_window {
            return Ok(());
        }
        let facts = facts.of(tracked.story.so_far());
        judge.submit(Left::Story(tracked.finish(facts)), why)
    }
}
