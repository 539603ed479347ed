//! Each packet finds its connection, or begins one.
//!
//! This is all that a packet needs after it was decoded, and it needs nothing but the packet and the facts: neither the
//! source nor the sink. What leaves goes to a [`Judge`].

use std::collections::VecDeque;
use std::io;

use super::facts::Facts;
use super::judge::{Chains, Judge};
use super::table::{Budget, EvictionCandidate, HalfOpen, RecentlyClosed, Table, TrackedConnection};
use super::{Event, Settings, Summary};
use crate::packet::{IcmpError, Segment};
use crate::story::{Moment, PacketId, Story};
use crate::tcp::Key;
use crate::time::Clock;

/// The connections of a capture, and what they may hold together.
pub(super) struct Connections<'s> {
    pub(super) settings: &'s Settings,
    pub(super) table: Table,
    pub(super) budget: Budget,
    chains: Chains,
    /// Connections that leave next where too many are followed.
    pub(super) candidates: VecDeque<EvictionCandidate>,
    pub(super) recently_closed: RecentlyClosed,
    /// Connections that began.
    begun: u64,
    /// The most packets that one of those that left had.
    pub(super) most_packets: u64,
    /// Connections that left because too many were followed.
    pub(super) evicted: u64,
    /// What the capture's times count from.
    pub(super) clock: Clock,
    /// Whether packets come as text, whose clock may be coarse and whose lines may be cut: they are taken as they come.
    pub(super) is_text: bool,
    /// Whether entries are reported as they come, and connections leave by the clock.
    pub(super) is_watched: bool,
}

impl<'s> Connections<'s> {
    /// None yet.
    pub(super) fn new(settings: &'s Settings) -> Self {
        Self {
            settings,
            table: Table::default(),
            budget: Budget::default(),
            chains: Chains::new(settings.bounds.certificate_bytes()),
            candidates: VecDeque::new(),
            recently_closed: RecentlyClosed::new(&settings.bounds),
            begun: 0,
            most_packets: 0,
            evicted: 0,
            clock: Clock::default(),
            is_text: false,
            is_watched: false,
        }
    }

    /// Takes in a segment.
    pub(super) fn segment(
        &mut self,
        id: PacketId<'_>,
        segment: &Segment<'_>,
        facts: &Facts<'_>,
        judge: &mut dyn Judge,
    ) -> io::Result<()> {
        let header = segment.header;
        let key = Key::of(header);
        let found = self.table.find(&key);
        if let Some(index) = found.filter(|index| self.table.half_open(*index).is_some()) {
            self.promote(index);
        }
        let is_reopened = |index| {
            self.table.tracked(index).is_some_and(|old| old.is_begun() && old.tcp.is_reopened_by(header))
        };
        let index = match found {
            Some(index) if !is_reopened(index) => index,
            None if self.recently_closed.contains(&key, header) => return Ok(()),
            _ => match self.begin(key, id, segment, facts, judge)? {
                Some(index) => index,
                None => return Ok(()),
            },
        };
        let Some(tracked) = self.table.tracked_mut(index) else { return Ok(()) };
        if facts.clock().stepped_since(tracked.story.so_far().last.number) {
            tracked.clock_stepped(id.moment);
        }
        tracked.is_in_window |= is_in_window(self.settings, id.moment, self.clock);
        let reports = self.is_watched && tracked.is_in_window;
        let mut reported = Ok(());
        let mut taken = |story: &Story| {
            if reports && reported.is_ok() {
                reported = report_entry(story, story.last, judge);
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

    /// Begins a connection with this segment. Returns its slot where it has a story from the beginning; a lone SYN has none yet.
    #[inline(never)]
    fn begin(
        &mut self,
        key: Key,
        id: PacketId<'_>,
        segment: &Segment<'_>,
        facts: &Facts<'_>,
        judge: &mut dyn Judge,
    ) -> io::Result<Option<usize>> {
        self.make_room(facts, judge)?;
        self.begun += 1;
        match HalfOpen::of(self.begun, id, segment) {
            Some(half_open) if !self.is_watched => {
                self.table.insert_half_open(key, half_open);
                Ok(None)
            }
            _ => {
                let tracked = TrackedConnection::new(self.begun, id, segment, self.settings);
                self.budget.begin(tracked.held());
                Ok(Some(self.table.insert(key, tracked)))
            }
        }
    }

    /// Takes in an ICMP error, and returns whether it quotes a packet of a connection that is followed.
    #[inline(never)]
    pub(super) fn icmp(
        &mut self,
        id: PacketId<'_>,
        error: &IcmpError<'_>,
        facts: &Facts<'_>,
        judge: &mut dyn Judge,
    ) -> io::Result<bool> {
        let Some(index) = self.table.find_quoted(&error.quoted) else { return Ok(false) };
        self.promote(index);
        let Some(tracked) = self.table.tracked_mut(index) else { return Ok(true) };
        if facts.clock().stepped_since(tracked.story.so_far().last.number) {
            tracked.clock_stepped(id.moment);
        }
        tracked.is_in_window |= is_in_window(self.settings, id.moment, self.clock);
        tracked.icmp(id, error, &mut self.budget);
        if self.is_watched && tracked.is_in_window {
            report_entry(tracked.story.so_far(), id.moment, judge)?;
        }
        Ok(true)
    }

    /// Gives a connection its story of which only the SYN was seen.
    #[inline(never)]
    pub(super) fn promote(&mut self, index: usize) {
        if let Some(half_open) = self.table.half_open(index) {
            let mut tracked = TrackedConnection::from_half_open(half_open, self.settings, &mut self.budget);
            tracked.is_in_window = is_in_window(self.settings, half_open.id().moment, self.clock);
            self.table.promote(index, tracked);
        }
    }

    /// Counts in the summary what was given up for want of room.
    pub(super) fn count_bounds_reached(&self, summary: &mut Summary) {
        summary.evicted = self.evicted;
        summary.holes_given_up = self.budget.holes_given_up;
        summary.timelines_given_up = self.budget.timelines_given_up;
        summary.messages_given_up = self.budget.messages_given_up;
        summary.chains_given_up = self.chains.given_up;
    }
}

/// Whether a packet is in the stretch of time that is selected.
pub(super) fn is_in_window(settings: &Settings, moment: Moment, clock: Clock) -> bool {
    settings.window.as_ref().is_none_or(|window| window.contains(moment.at, clock))
}

/// Reports the packet that a story took in last, if it kept it.
pub(super) fn report_entry(story: &Story, moment: Moment, judge: &mut dyn Judge) -> io::Result<()> {
    match story.timeline.last() {
        Some(entry) if entry.moment == moment => judge.event(&Event::Entry(story, entry)),
        _ => Ok(()),
    }
}
