//! When connections leave the table: those that are over, those that have to make room, and all of them at the end.

use std::collections::BTreeSet;
use std::io;
use std::ops::RangeInclusive;

use super::connections::{Connections, is_in_window};
use super::outlet::Outlet;
use crate::analysis::facts::Facts;
use crate::analysis::judge::Departed;
use crate::analysis::losses::Losses;
use crate::analysis::table::{Leaving, RecentlyClosed, TrackedConnection};

/// A capture that holds the first packets of each connection holds its opening and a word of each side, and seldom more than this.
const PACKETS_EACH: RangeInclusive<u64> = 5..=40;

/// Connections that hang at one place of the TLS handshake have as many packets as each other, up to here. Behind it, how often each
/// side acknowledges differs.
const ALIKE: u64 = 6;

/// On how many servers connections have to hang alike until that is no coincidence.
const MANY_SERVERS: usize = 4;

impl Connections<'_> {
    /// Before another connection begins: the least informative ones leave where too much is kept, behind those that are over.
    pub(super) fn make_room(&mut self, facts: &Facts<'_>, outlet: &mut dyn Outlet) -> io::Result<()> {
        let bounds = &self.settings.bounds;
        // While packets are watched, those that are over leave by the clock.
        if !self.pace.is_watched() && self.candidates.is_empty() && self.table.is_full(&self.budget, bounds) {
            self.sweep(facts, outlet)?;
        }
        while self.table.is_full(&self.budget, bounds) {
            // One after the other as others begin, so that those which get a packet meanwhile stay.
            match self.candidates.pop_front() {
                None => self.candidates = self.table.least_important(),
                Some(candidate) => {
                    if let Some(index) = self.table.if_unchanged(&candidate) {
                        self.evicted += 1;
                        self.close(index, facts, outlet)?;
                    }
                }
            }
        }
        Ok(())
    }

    /// Those that are over leave.
    pub(super) fn sweep(&mut self, facts: &Facts<'_>, outlet: &mut dyn Outlet) -> io::Result<()> {
        let now = facts.clock().latest();
        self.table.release_early(now, &mut self.budget);
        for index in self.table.over(|tracked| tracked.is_settled(now)) {
            self.close(index, facts, outlet)?;
        }
        Ok(())
    }

    /// Has a connection judged while others stay. Its late packets begin no other.
    pub(in crate::analysis) fn close(
        &mut self,
        index: usize,
        facts: &Facts<'_>,
        outlet: &mut dyn Outlet,
    ) -> io::Result<()> {
        let Some(leaving) = self.table.remove(index) else { return Ok(()) };
        if let Leaving::Tracked(tracked) = &leaving {
            self.recently_closed.add(&tracked.tcp, facts.clock().latest());
        }
        self.leave(leaving, facts, outlet)
    }

    /// Has a connection judged at the capture's end.
    pub(super) fn depart(
        &mut self,
        index: usize,
        facts: &Facts<'_>,
        outlet: &mut dyn Outlet,
    ) -> io::Result<()> {
        self.table.remove(index).map_or(Ok(()), |leaving| self.leave(leaving, facts, outlet))
    }

    /// Forgets what is remembered of the capture that ended, since its numbers and times mean nothing in the next one.
    pub(super) fn forget(&mut self) {
        self.recently_closed = RecentlyClosed::new(&self.settings.bounds);
        self.most_packets = 0;
    }

    fn leave(&mut self, leaving: Leaving, facts: &Facts<'_>, outlet: &mut dyn Outlet) -> io::Result<()> {
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
                return outlet.leaves(Departed::HalfOpen(half_open, facts));
            }
        };
        tracked.release_all(&mut self.budget);
        self.most_packets = self.most_packets.max(tracked.story.so_far().segments());
        self.budget.release(tracked.held());
        if !tracked.is_in_window {
            return Ok(());
        }
        let facts = facts.of(tracked.story.so_far());
        outlet.leaves(Departed::Story(tracked.finish(facts)))
    }
}

/// At the capture's end: what it lacks, as the connections show that are still followed.
pub(super) fn record_missing<'a, 's: 'a>(
    shares: &(impl Iterator<Item = &'a Connections<'s>> + Clone),
    facts: &mut Facts<'_>,
) {
    let tracked =
        shares.clone().flat_map(|share| share.table.all().map(|(_, index)| share.table.tracked(index)));
    let losses = Losses::of(tracked.flatten().map(|tracked| tracked.story.so_far()));
    facts.record_missing(packets_each(shares), losses);
}

/// How many packets of each connection the capture holds at most, where it seems to hold only the first ones: no connection has
/// more, and several that nobody ended, and in which no stall shows, have as many. Connections that fail alike may have as many too, so
/// those have to differ in where they got or in who sent how many of the packets, to be of many servers, or to be past the first steps
/// without another that got as far and stopped earlier.
fn packets_each<'a, 's: 'a>(shares: &(impl Iterator<Item = &'a Connections<'s>> + Clone)) -> Option<u32> {
    let tracked = || {
        let all =
            shares.clone().flat_map(|share| share.table.all().map(|(_, index)| share.table.tracked(index)));
        all.flatten()
    };
    let most = tracked().map(|tracked| tracked.story.so_far().segments()).max()?;
    let open = || tracked().filter(|tracked| !tracked.is_closed()).map(|tracked| tracked.story.so_far());
    let cut = || {
        let open = tracked().filter(|tracked| tracked.is_open_to_its_last_packet());
        open.map(|tracked| tracked.story.so_far()).filter(|story| story.segments() == most)
    };
    let servers: BTreeSet<_> = cut().map(|story| story.parties.server.host).collect();
    let kinds: BTreeSet<_> =
        cut().map(|story| (story.stage, story.traffic.counters.client.segments)).collect();
    let stopped_earlier = || {
        open().any(|story| {
            story.segments() < most
                && servers.contains(&story.parties.server.host)
                && kinds.iter().any(|(stage, _)| story.stage >= *stage)
        })
    };
    let is_cut = PACKETS_EACH.contains(&most)
        && shares.clone().all(|share| most >= share.most_packets)
        && cut().nth(1).is_some()
        && (kinds.len() > 1 || servers.len() >= MANY_SERVERS || most > ALIKE && !stopped_earlier());
    u32::try_from(most).ok().filter(|_| is_cut)
}
