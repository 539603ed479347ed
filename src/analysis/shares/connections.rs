//! Each packet finds its connection, or begins one.
//!
//! This is all that a packet needs after it was decoded, and it needs nothing but the packet and the facts: neither the
//! source nor the sink. What leaves goes to an [`Outlet`].

use std::collections::VecDeque;
use std::io;

use super::Pace;
use super::outlet::{Numbering, Outlet, is_provisional};
use crate::analysis::facts::Facts;
use crate::analysis::judge::Chains;
use crate::analysis::table::{
    Budget, EarlyErrors, EvictionCandidate, HalfOpen, RecentlyClosed, Table, TrackedConnection,
};
use crate::analysis::{Event, Settings, Summary};
use crate::capture::About;
use crate::packet::{IcmpError, Segment};
use crate::story::{Moment, PacketId, Story};
use crate::tcp::Key;
use crate::time::Clock;

/// The connections of a share, and what they may hold together.
pub(in crate::analysis) struct Connections<'s> {
    pub(in crate::analysis) settings: &'s Settings,
    pub(in crate::analysis) table: Table,
    pub(in crate::analysis) budget: Budget,
    chains: Chains,
    /// Connections that leave next where too many are followed.
    pub(in crate::analysis) candidates: VecDeque<EvictionCandidate>,
    pub(in crate::analysis) recently_closed: RecentlyClosed,
    /// Connections that are not numbered yet, with the slots in which they began.
    unnumbered: Vec<(u64, usize)>,
    /// The most packets that one of those that left had.
    pub(in crate::analysis) most_packets: u64,
    /// Connections that left because too many were followed.
    pub(in crate::analysis) evicted: u64,
    /// ICMP errors that quote none of them.
    unknown_errors: u64,
    /// Those that may quote one that begins in a moment.
    early_errors: EarlyErrors,
    /// What the capture's times count from.
    pub(in crate::analysis) clock: Clock,
    /// Whether packets come as text, whose clock may be coarse and whose lines may be cut: they are taken as they come.
    pub(in crate::analysis) is_text: bool,
    /// When packets are taken in.
    pub(in crate::analysis) pace: Pace,
}

impl<'s> Connections<'s> {
    /// None yet, of a capture with this source.
    pub(in crate::analysis) fn new(settings: &'s Settings, about: &About, pace: Pace) -> Self {
        Self {
            settings,
            table: Table::default(),
            budget: Budget::default(),
            chains: Chains::new(settings.bounds.certificate_bytes_each()),
            candidates: VecDeque::new(),
            recently_closed: RecentlyClosed::new(&settings.bounds),
            unnumbered: Vec::new(),
            most_packets: 0,
            evicted: 0,
            unknown_errors: 0,
            early_errors: EarlyErrors::default(),
            clock: about.clock,
            is_text: about.files.iter().any(|file| file.is_text),
            pace,
        }
    }

    /// Takes in a segment, and the ICMP errors that were captured before it and are about its connection.
    pub(in crate::analysis) fn segment(
        &mut self,
        id: PacketId<'_>,
        segment: &Segment<'_>,
        facts: &Facts<'_>,
        outlet: &mut dyn Outlet,
    ) -> io::Result<()> {
        self.take_segment(id, segment, facts, outlet)?;
        if self.early_errors.is_empty() { Ok(()) } else { self.take_early_errors(id, segment, facts, outlet) }
    }

    #[cold]
    fn take_early_errors(
        &mut self,
        id: PacketId<'_>,
        segment: &Segment<'_>,
        facts: &Facts<'_>,
        outlet: &mut dyn Outlet,
    ) -> io::Result<()> {
        let key = Key::of(segment.header);
        while let Some(index) = self.table.find(&key)
            && self.is_begun(index)
            && let Some(early) = self.early_errors.take(&key, id.moment.at)
        {
            self.add_error(index, early.id(), &early.error(), facts, outlet)?;
        }
        Ok(())
    }

    /// Whether a segment of a connection was taken in.
    fn is_begun(&self, index: usize) -> bool {
        self.table.tracked(index).is_none_or(TrackedConnection::is_begun)
    }

    fn take_segment(
        &mut self,
        id: PacketId<'_>,
        segment: &Segment<'_>,
        facts: &Facts<'_>,
        outlet: &mut dyn Outlet,
    ) -> io::Result<()> {
        let header = segment.header;
        let key = Key::of(header);
        let found = self.table.find(&key);
        if let Some(index) = found.filter(|index| self.table.half_open(*index).is_some()) {
            self.promote(index);
        }
        self.begin_waiting(found, id);
        let is_reopened = |index| {
            self.table.tracked(index).is_some_and(|old| {
                old.is_begun()
                    && (old.tcp.is_reopened_by(header) || old.is_used_again_by(header, id.moment.at))
            })
        };
        let index = match found {
            Some(index) if !is_reopened(index) => index,
            None if self.recently_closed.take_late(&key, header, id.moment.at) => return Ok(()),
            _ => match self.begin(key, id, segment, facts, outlet)? {
                Some(index) => index,
                None => return Ok(()),
            },
        };
        let Some(tracked) = self.table.tracked_mut(index) else { return Ok(()) };
        if facts.clock().stepped_since(tracked.story.so_far().last.number) {
            tracked.clock_stepped(id.moment);
        }
        tracked.is_in_window |= is_in_window(self.settings, id.moment, self.clock);
        let reports = self.pace.is_watched() && tracked.is_in_window;
        let mut reported = Ok(());
        let mut taken = |story: &Story| {
            if reports && reported.is_ok() {
                reported = report_entry(story, story.last, outlet);
            }
        };
        if self.is_text {
            tracked.take(id, segment, &mut self.budget);
            taken(tracked.story.so_far());
        } else {
            tracked.segment(id, segment, self.settings, &mut self.budget, &mut taken);
        }
        tracked.share_certificates(|message| self.chains.share(message));
        reported
    }

    /// Segments wait for a SYN that was captured after them. Those that waited for too long are a connection of their own, which this
    /// packet may end by opening another.
    fn begin_waiting(&mut self, found: Option<usize>, id: PacketId<'_>) {
        let waiting =
            found.and_then(|index| self.table.tracked_mut(index)).filter(|tracked| !tracked.is_begun());
        if let Some(tracked) = waiting {
            tracked.release_early(id.moment.at, &mut self.budget, &mut |_| {});
        }
    }

    /// Begins a connection with this segment. Returns its slot where it has a story from the beginning; a lone SYN has none yet.
    #[inline(never)]
    fn begin(
        &mut self,
        key: Key,
        id: PacketId<'_>,
        segment: &Segment<'_>,
        facts: &Facts<'_>,
        outlet: &mut dyn Outlet,
    ) -> io::Result<Option<usize>> {
        self.make_room(facts, outlet)?;
        let ordinal = outlet.begins(id.moment.number);
        let half_open = HalfOpen::of(ordinal, id, segment).filter(|_| !self.pace.is_watched());
        let has_story = half_open.is_none();
        let index = if let Some(half_open) = half_open {
            self.table.insert_half_open(key, half_open)
        } else {
            let tracked = TrackedConnection::new(ordinal, id, segment, self.settings);
            self.budget.begin(tracked.held());
            self.table.insert(key, tracked)
        };
        if is_provisional(ordinal) {
            self.unnumbered.push((ordinal, index));
        }
        Ok(has_story.then_some(index))
    }

    /// The connections that began since the last time get their numbers among all.
    pub(super) fn renumber(&mut self, numbering: &Numbering) {
        for (provisional, index) in self.unnumbered.drain(..) {
            self.table.renumber(index, provisional, numbering.id(provisional));
        }
    }

    /// Takes in an ICMP error. Those that quote no connection that is followed are counted.
    #[inline(never)]
    pub(in crate::analysis) fn icmp(
        &mut self,
        id: PacketId<'_>,
        error: &IcmpError<'_>,
        facts: &Facts<'_>,
        outlet: &mut dyn Outlet,
    ) -> io::Result<()> {
        let found = self.table.find_quoted(&error.quoted).map(|(_, index)| index);
        match (found.filter(|index| self.is_begun(*index)), Key::of_quoted(&error.quoted)) {
            (Some(index), _) => return self.add_error(index, id, error, facts, outlet),
            // A line of text is where it belongs.
            (None, Some(key)) if !self.is_text => self.early_errors.add(key, id, error),
            (None, _) => self.unknown_errors += 1,
        }
        Ok(())
    }

    fn add_error(
        &mut self,
        index: usize,
        id: PacketId<'_>,
        error: &IcmpError<'_>,
        facts: &Facts<'_>,
        outlet: &mut dyn Outlet,
    ) -> io::Result<()> {
        self.promote(index);
        let Some(tracked) = self.table.tracked_mut(index) else { return Ok(()) };
        if facts.clock().stepped_since(tracked.story.so_far().last.number) {
            tracked.clock_stepped(id.moment);
        }
        tracked.is_in_window |= is_in_window(self.settings, id.moment, self.clock);
        tracked.icmp(id, error, &mut self.budget);
        if self.pace.is_watched() && tracked.is_in_window {
            report_entry(tracked.story.so_far(), id.moment, outlet)?;
        }
        Ok(())
    }

    /// Gives a connection its story of which only the SYN was seen.
    #[inline(never)]
    pub(in crate::analysis) fn promote(&mut self, index: usize) {
        if let Some(half_open) = self.table.half_open(index) {
            let mut tracked = TrackedConnection::from_half_open(half_open, self.settings, &mut self.budget);
            tracked.is_in_window = is_in_window(self.settings, half_open.id().moment, self.clock);
            self.table.promote(index, tracked);
        }
    }

    /// Counts in the summary what was given up for lack of room.
    pub(in crate::analysis) fn count_bounds_reached(&self, summary: &mut Summary) {
        summary.icmp_without_connection += self.unknown_errors + self.early_errors.without_connection();
        summary.evicted += self.evicted;
        summary.holes_given_up += self.budget.holes_given_up;
        summary.timelines_given_up += self.budget.timelines_given_up;
        summary.messages_given_up += self.budget.messages_given_up;
        summary.chains_given_up += self.chains.given_up;
    }
}

/// Whether a packet is in the stretch of time that is selected.
pub(in crate::analysis) fn is_in_window(settings: &Settings, moment: Moment, clock: Clock) -> bool {
    settings.window.as_ref().is_none_or(|window| window.contains(moment.at, clock))
}

/// Reports the packet that a story took in last, if it kept it.
pub(in crate::analysis) fn report_entry(
    story: &Story,
    moment: Moment,
    outlet: &mut dyn Outlet,
) -> io::Result<()> {
    match story.timeline.last() {
        Some(entry) if entry.moment == moment => outlet.reports(&Event::Entry(story, entry)),
        _ => Ok(()),
    }
}
