//! The connections of a capture, in a fixed number of shares by the hash of their sockets.
//!
//! Packets are decoded in rounds, one share's after another's, and then each share takes its own in: on whatever thread is
//! free, while the next round is read. After a round connections get their numbers, and what left goes to the judge in the order
//! of the packets that made it leave. Neither depends on the threads, so the results are the same, byte for byte, for any
//! number of them.
//!
//! Where packets are watched, each is taken in as it comes.

mod connections;
mod crew;
mod leaving;
mod outlet;
mod part;
mod share;

use std::io;
use std::mem;
use std::thread::Scope;

pub(super) use connections::{Connections, report_entry};
pub(super) use outlet::{AtOnce, Outlet};

use super::facts::Facts;
use super::judge::Judge;
use super::summary::{Summary, Tally};
use super::{Event, Settings};
use crate::capture::About;
use crate::limits;
use crate::packet::{IcmpError, Segment};
use crate::story::PacketId;
use crate::tcp::Key;
use crew::{Crew, Done, Handoff, Job};
use outlet::{Departures, Numbering};
use part::Part;
use share::Share;

/// IP's number of TCP.
const TCP: u8 = 6;

/// All shares, and what they need together.
pub(super) struct Shares<'env> {
    settings: &'env Settings,
    /// Those that no thread follows, in the order of their numbers.
    at_home: Vec<Share<'env>>,
    /// Each one's packets of the round that is being read.
    parts: Vec<Part>,
    /// Packets and bytes of the round that is being read.
    packets: usize,
    bytes: usize,
    /// The facts as that round began.
    facts: Facts<'env>,
    /// Connections that began.
    begun: u64,
    /// The same when connections that are over left last.
    swept_at: u64,
    crew: Crew<'env>,
    /// Nothing while a thread has it.
    judge: Option<Box<dyn Judge + 'env>>,
    /// What the judge gets next.
    handoffs: Vec<Handoff>,
    /// ICMP errors that quote no connection that is followed.
    unknown_errors: u64,
    pace: Pace,
}

/// When packets are taken in.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Pace {
    /// A round of them together, on as many threads as there are.
    Rounds,
    /// Each as it comes: packets are reported one by one, or are printed text, whose clock may be coarse and whose lines may be
    /// cut.
    AtOnce,
    /// Each as it comes. Entries are reported, and connections leave by the clock.
    Watched,
}

impl Pace {
    /// Whether packets are waited for.
    pub(super) fn is_watched(self) -> bool {
        self == Self::Watched
    }

    fn is_at_once(self) -> bool {
        self != Self::Rounds
    }
}

impl<'env> Shares<'env> {
    /// None is followed yet. What leaves goes to `judge`.
    pub(super) fn new<'scope>(
        scope: &'scope Scope<'scope, 'env>,
        settings: &'env Settings,
        about: &About,
        pace: Pace,
        judge: Box<dyn Judge + 'env>,
    ) -> Self {
        let threads = if pace.is_at_once() { 1 } else { settings.threads.min(limits::SHARES + 1) };
        Self {
            settings,
            at_home: (0..limits::SHARES).map(|index| Share::new(index, settings, about, pace)).collect(),
            parts: (0..limits::SHARES).map(|_| Part::default()).collect(),
            packets: 0,
            bytes: 0,
            facts: Facts::new(settings),
            begun: 0,
            swept_at: 0,
            crew: Crew::begin(scope, threads),
            judge: Some(judge),
            handoffs: Vec::new(),
            unknown_errors: 0,
            pace,
        }
    }

    /// When packets are taken in.
    pub(super) fn pace(&self) -> Pace {
        self.pace
    }

    /// From now on packets are taken in at this pace. All shares are at home.
    pub(super) fn set_pace(&mut self, pace: Pace) {
        self.pace = pace;
        self.at_home.iter_mut().for_each(|share| share.connections.pace = pace);
    }

    /// The connections of each share, and where to what leaves goes. Nothing while a thread has some of it.
    pub(super) fn at_once(&mut self) -> Option<(impl Iterator<Item = &mut Connections<'env>>, AtOnce<'_>)> {
        let outlet = AtOnce { begun: &mut self.begun, judge: self.judge.as_deref_mut()? };
        Some((self.at_home.iter_mut().map(|share| &mut share.connections), outlet))
    }

    /// Takes in a segment, at once or with its round.
    pub(super) fn segment(
        &mut self,
        id: PacketId<'_>,
        segment: &Segment<'_>,
        facts: &Facts<'env>,
    ) -> io::Result<()> {
        let index = Key::of(segment.header).part(limits::SHARES);
        if self.pace.is_at_once() {
            self.sweep_if_due(facts)?;
            return self
                .with_share(index, |connections, outlet| connections.segment(id, segment, facts, outlet));
        }
        self.begin_round(facts)?;
        if let Some(part) = self.parts.get_mut(index) {
            part.add_segment(id, segment);
        }
        self.extend_round(segment.payload.len())
    }

    /// Takes in an ICMP error, at once or with its round.
    #[inline(never)]
    pub(super) fn icmp(
        &mut self,
        id: PacketId<'_>,
        error: &IcmpError<'_>,
        facts: &Facts<'env>,
    ) -> io::Result<()> {
        let quoted = &error.quoted;
        if quoted.protocol.is_some_and(|protocol| protocol != TCP) {
            self.unknown_errors += 1;
            return Ok(());
        }
        let Some(key) = Key::of_quoted(quoted) else { return self.icmp_without_ports(id, error, facts) };
        let index = key.part(limits::SHARES);
        if self.pace.is_at_once() {
            return self.with_share(index, |connections, outlet| connections.icmp(id, error, facts, outlet));
        }
        self.begin_round(facts)?;
        if let Some(part) = self.parts.get_mut(index) {
            part.add_icmp_error(id, error);
        }
        self.extend_round(error.quoted_bytes.len())
    }

    /// An ICMP error that does not show both ports may be about a connection of any share: about the one that began last.
    #[cold]
    fn icmp_without_ports(
        &mut self,
        id: PacketId<'_>,
        error: &IcmpError<'_>,
        facts: &Facts<'env>,
    ) -> io::Result<()> {
        self.catch_up()?;
        let found = self.at_home.iter().enumerate().filter_map(|(index, share)| {
            let (first, _) = share.connections.table.find_quoted(&error.quoted)?;
            Some((first, index))
        });
        let Some((_, index)) = found.max() else {
            self.unknown_errors += 1;
            return Ok(());
        };
        self.with_share(index, |connections, outlet| connections.icmp(id, error, facts, outlet))
    }

    /// Has something done with a share, and what leaves it judged at once.
    pub(super) fn with_share(
        &mut self,
        index: usize,
        take: impl FnOnce(&mut Connections<'env>, &mut dyn Outlet) -> io::Result<()>,
    ) -> io::Result<()> {
        let (Some(share), Some(judge)) = (self.at_home.get_mut(index), self.judge.as_deref_mut()) else {
            return Ok(());
        };
        take(&mut share.connections, &mut AtOnce { begun: &mut self.begun, judge })
    }

    /// Hands something to the sink, in order with the connections.
    pub(super) fn event(&mut self, event: &Event<'_>) -> io::Result<()> {
        match (event, self.judge.as_mut()) {
            (_, Some(judge)) if self.pace.is_at_once() => judge.event(event),
            (Event::Progress(read, of), _) => {
                self.handoffs.push(Handoff::Progress(*read, *of));
                Ok(())
            }
            // Everything else is of packets or of a capture that is watched, which are taken in at once.
            _ => Ok(()),
        }
    }

    /// Before a packet: no round spans a step of the clock.
    fn begin_round(&mut self, facts: &Facts<'env>) -> io::Result<()> {
        if self.packets > 0 && facts.clock().steps() != self.facts.clock().steps() {
            self.take_round_in()?;
        }
        if self.packets == 0 {
            self.facts.clone_from(facts);
        }
        Ok(())
    }

    fn extend_round(&mut self, bytes: usize) -> io::Result<()> {
        self.packets += 1;
        self.bytes += bytes;
        if self.packets >= limits::ROUND_PACKETS || self.bytes >= limits::ROUND_BYTES {
            self.take_round_in()?;
        }
        Ok(())
    }

    /// Has what was read taken in, while what follows is read.
    fn take_round_in(&mut self) -> io::Result<()> {
        self.finish_round()?;
        // A round may end early, and at worst after each packet.
        let pays = self.packets >= limits::ROUND_PACKETS_FOR_THREADS || self.bytes >= limits::ROUND_BYTES;
        (self.packets, self.bytes) = (0, 0);
        let sweeps = self.is_sweep_due();
        self.give_judge_work()?;
        for mut share in mem::take(&mut self.at_home) {
            if let Some(part) = self.parts.get_mut(share.index) {
                mem::swap(part, &mut share.part);
            }
            share.facts.clone_from(&self.facts);
            share.sweeps = sweeps;
            if pays && !share.part.is_empty() || sweeps {
                self.crew.give(Job::Follow(Box::new(share)));
            } else {
                share.take_in()?;
                self.at_home.push(share);
            }
        }
        Ok(())
    }

    /// Has what left judged, unless the judge is still at work on what left before.
    fn give_judge_work(&mut self) -> io::Result<()> {
        let mut outcome = Ok(());
        while let Some(done) = self.crew.done() {
            outcome = outcome.and(self.take_back(done));
        }
        if !self.handoffs.is_empty()
            && let Some(judge) = self.judge.take()
        {
            self.crew.give(Job::Judge(judge, mem::take(&mut self.handoffs)));
        }
        outcome
    }

    /// Waits until the round that was taken in is done. Judging may lag, up to a bound.
    fn finish_round(&mut self) -> io::Result<()> {
        let mut outcome = Ok(());
        while let Some(done) = self.crew.done_while_following() {
            outcome = outcome.and(self.take_back(done));
        }
        self.at_home.sort_unstable_by_key(|share| share.index);
        outcome?;
        self.collect();
        if !self.crew.has_help() || self.handoffs.len() > limits::CONNECTIONS_TO_JUDGE {
            self.finish_judging()?;
        }
        Ok(())
    }

    /// Waits until all is judged that the judge was given.
    fn finish_judging(&mut self) -> io::Result<()> {
        let mut outcome = Ok(());
        while let Some(done) = self.crew.done_while_judging() {
            outcome = outcome.and(self.take_back(done));
        }
        outcome
    }

    /// Has all judged that left.
    fn judge_all(&mut self) -> io::Result<()> {
        self.finish_judging()?;
        self.give_judge_work()?;
        self.finish_judging()
    }

    fn take_back(&mut self, done: Done<'env>) -> io::Result<()> {
        match done {
            Done::Followed(share, outcome) => {
                self.at_home.push(*share);
                outcome
            }
            Done::Judged(judge, outcome) => {
                self.judge = Some(judge);
                outcome
            }
        }
    }

    /// Numbers the connections that began, and collects those that left.
    fn collect(&mut self) {
        let numbering = Numbering::of(self.begun, self.departures());
        self.begun = numbering.begun();
        let left = outlet::in_order(self.departures(), &numbering);
        self.handoffs.extend(left.into_iter().map(Handoff::Connection));
        for share in &mut self.at_home {
            share.connections.renumber(&numbering);
        }
    }

    fn departures(&mut self) -> impl Iterator<Item = &mut Departures> {
        self.at_home.iter_mut().map(|share| &mut share.departures)
    }

    /// Everything that was read is taken in and judged.
    fn catch_up(&mut self) -> io::Result<()> {
        if self.pace.is_at_once() {
            return Ok(());
        }
        self.take_round_in()?;
        self.finish_round()?;
        self.judge_all()
    }

    /// From now on each packet is taken in as it comes.
    #[cold]
    pub(super) fn stop_rounds(&mut self) -> io::Result<()> {
        self.catch_up()?;
        self.set_pace(Pace::AtOnce);
        Ok(())
    }

    /// Whether enough connections began to look for those that are over. The search visits each slot, so it waits for half as
    /// many new connections as there are slots.
    fn is_sweep_due(&mut self) -> bool {
        let bounds = &self.settings.bounds;
        let least = bounds.unsorted.min(bounds.connections / 4);
        let begun = (self.begun - self.swept_at) as usize;
        // While packets are watched, those that are over leave by the clock.
        if self.pace.is_watched() || begun < least {
            return false;
        }
        let slots: usize = self.at_home.iter().map(|share| share.connections.table.slots()).sum();
        let is_due = begun >= slots / 2;
        if is_due {
            self.swept_at = self.begun;
        }
        is_due
    }

    fn sweep_if_due(&mut self, facts: &Facts<'_>) -> io::Result<()> {
        if self.is_sweep_due() {
            for index in 0..limits::SHARES {
                self.with_share(index, |connections, outlet| connections.sweep(facts, outlet))?;
            }
        }
        Ok(())
    }

    /// The capture ends, and with it all connections, in the order of their first packets.
    pub(super) fn end(&mut self, facts: &mut Facts<'env>) -> io::Result<()> {
        self.catch_up()?;
        self.record_missing(facts);
        let all = self.all();
        self.at_home.iter_mut().for_each(|share| share.connections.table.forget_sockets());
        for (place, (share, index)) in all.enumerate() {
            if self.pace.is_at_once() {
                self.with_share(share, |connections, outlet| connections.depart(index, facts, outlet))?;
                continue;
            }
            if let Some(Share { connections, departures, .. }) = self.at_home.get_mut(share) {
                departures.record(place as u64);
                connections.depart(index, facts, departures)?;
            }
            if (place + 1) % limits::JUDGED_AT_ONCE == 0 {
                self.finish_round()?;
                self.give_judge_work()?;
            }
        }
        self.finish_round()?;
        self.judge_all()?;
        for Share { connections, .. } in &mut self.at_home {
            connections.forget();
        }
        facts.forget_missing();
        Ok(())
    }

    /// All connections, by share and slot, in the order of their first packets.
    pub(super) fn all(&self) -> impl Iterator<Item = (usize, usize)> + use<> {
        let shares = self.at_home.iter().enumerate();
        let mut all: Vec<_> = shares
            .flat_map(|(share, followed)| {
                followed
                    .connections
                    .table
                    .all()
                    .map(move |(first, index)| (first, share as u32, index as u32))
            })
            .collect();
        #[expect(
            clippy::stable_sort_primitive,
            reason = "a share's are nearly in order, and a stable sort merges such runs"
        )]
        all.sort();
        all.into_iter().map(|(_, share, index)| (share as usize, index as usize))
    }

    /// Counts in the summary what was given up for lack of room, and what no connection was found for.
    pub(super) fn count_bounds_reached(&self, summary: &mut Summary) {
        summary.icmp_without_connection = self.unknown_errors;
        for share in &self.at_home {
            share.connections.count_bounds_reached(summary);
        }
    }

    /// What the judge counted.
    ///
    /// # Errors
    /// When output can't be written.
    pub(super) fn finish(self) -> io::Result<Tally> {
        self.judge.map_or(Ok(Tally::default()), Judge::finish)
    }
}
