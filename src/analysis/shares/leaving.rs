//! When connections leave the table: those that are over, those that have to make room, and all of them at the end.

use std::io;

use super::Shares;
use super::connections::{Connections, is_in_window};
use super::outlet::Outlet;
use crate::analysis::facts::Facts;
use crate::analysis::first_packets::{self, AtTheEnd};
use crate::analysis::judge::Departed;
use crate::analysis::losses::Losses;
use crate::analysis::table::{Leaving, RecentlyClosed, TrackedConnection};

impl Connections<'_> {
    /// Takes in all early segments of all connections: nothing that they wait for will come.
    fn release_all(&mut self) {
        for index in 0..self.table.slots() {
            if let Some(tracked) = self.table.tracked_mut(index) {
                tracked.release_all(&mut self.budget);
            }
        }
    }

    /// Before another connection begins: the least informative ones leave where too much is kept, after those that are over.
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
                let (client, (server, _)) = half_open.ends();
                let facts = facts.between(half_open.number(), half_open.number(), [client, server]);
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

impl Shares<'_> {
    /// At the capture's end: what it lacks, as the connections show that are still followed. A capture that was watched is this program's
    /// own, and no tool kept the first packets of each connection alone.
    pub(super) fn record_missing(&mut self, facts: &mut Facts<'_>) {
        self.at_home.iter_mut().for_each(|share| share.connections.release_all());
        let followed = self.at_home.iter().map(|share| &share.connections);
        let packets_each = if self.pace.is_watched() { None } else { packets_each(&followed) };
        facts.record_missing(packets_each, losses(&followed));
    }

    /// Which packets the capture lost, as the connections show that are still followed.
    pub(in crate::analysis) fn losses(&self) -> Losses {
        losses(&self.at_home.iter().map(|share| &share.connections))
    }
}

/// Which packets the capture lost, as the connections show that are still followed.
fn losses<'a, 's: 'a>(shares: &(impl Iterator<Item = &'a Connections<'s>> + Clone)) -> Losses {
    let tracked =
        shares.clone().flat_map(|share| share.table.all().map(|(_, index)| share.table.tracked(index)));
    Losses::of(tracked.flatten().map(|tracked| tracked.story.so_far()))
}

/// How many packets of each connection the capture holds at most, where it seems to hold only the first ones.
fn packets_each<'a, 's: 'a>(shares: &(impl Iterator<Item = &'a Connections<'s>> + Clone)) -> Option<u32> {
    let followed = || {
        let all =
            shares.clone().flat_map(|share| share.table.all().map(|(_, index)| share.table.tracked(index)));
        all.flatten().map(|tracked| {
            let story = tracked.story.so_far();
            AtTheEnd {
                server: story.parties.server.host,
                stage: story.stage,
                segments: story.segments(),
                is_closed: tracked.is_closed(),
                is_open_to_its_last_packet: tracked.is_open_to_its_last_packet(),
                is_unanswered: tracked.is_unanswered(),
                lacks_from: story.reported_hole_from(),
                is_reordered: story.data.client.late.count + story.data.server.late.count > 0,
            }
        })
    };
    let most_before = shares.clone().map(|share| share.most_packets).max();
    first_packets::packets_each(followed, most_before.unwrap_or_default())
}
