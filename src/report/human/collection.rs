//! The connections of a capture, held until all of them are known.

use std::io;

use crate::analysis::{Bounds, Event, Judged, Needs, Sink};
use crate::limits;
use crate::report::Origins;
use crate::story::Timeline;
use crate::verdict::Severity;

/// More connections than this are shown as a table, with the packets only of those that failed.
pub const MANY: usize = 20;

/// Takes connections in for the reports that show them together.
#[derive(Debug)]
pub struct Collection {
    /// The connections; in the order of their first packets once sorted.
    pub connections: Vec<Judged>,
    /// Where packets came from; empty where one file was read.
    pub origins: Origins,
    /// Connections beyond [`limits::REPORTED_CONNECTIONS`], or for which there is no room, which are only counted.
    pub uncollected: u64,
    /// Connections whose packets are not kept for want of room.
    pub without_packets: u64,
    /// Bytes that the connections take, estimated.
    held: usize,
    /// Bytes that they may take.
    most: usize,
    has_files: bool,
    shows_all: bool,
}

impl Collection {
    /// For a capture of one file or several. Every timeline is kept for `shows_all`, else only those that are shown.
    pub fn new(has_files: bool, shows_all: bool) -> Self {
        Self {
            connections: Vec::new(),
            origins: Origins::default(),
            uncollected: 0,
            without_packets: 0,
            held: 0,
            most: Bounds::default().for_reports(),
            has_files,
            shows_all,
        }
    }

    /// The same, kept within what these bounds leave for it.
    #[must_use]
    pub fn within(mut self, bounds: &Bounds) -> Self {
        self.most = bounds.for_reports();
        self
    }

    /// Puts the connections in the order of their first packets. Those that left early stand in front until then.
    pub fn sort(&mut self) {
        self.connections.sort_by_key(|judged| judged.story.first.number);
    }
}

impl Sink for Collection {
    fn needs(&self) -> Needs {
        Needs { packets: self.has_files, ..Needs::default() }
    }

    fn event(&mut self, event: &Event<'_>) -> io::Result<()> {
        if let (true, Event::Packet(packet)) = (self.has_files, event) {
            self.origins.add(packet.number, packet.origin);
        }
        Ok(())
    }

    fn connection(&mut self, mut judged: Judged) -> io::Result<()> {
        let is_many = !self.shows_all && self.connections.len() >= MANY;
        if is_many {
            drop_unshown_timeline(&mut judged);
        }
        let is_too_much = self.held + held_by(&judged) > self.most && !judged.story.timeline.is_empty();
        if is_too_much {
            judged.story.timeline = Timeline::default();
        }
        let held = self.held + held_by(&judged);
        if self.connections.len() >= limits::REPORTED_CONNECTIONS || held > self.most {
            self.uncollected += 1;
            return Ok(());
        }
        self.held = held;
        self.without_packets += u64::from(is_too_much);
        self.connections.push(judged);
        if is_many && self.connections.len() == MANY + 1 {
            self.connections.iter_mut().for_each(drop_unshown_timeline);
            self.held = self.connections.iter().map(held_by).sum();
        }
        Ok(())
    }
}

/// Whether a connection's packets are shown where there are many connections.
pub fn has_failed(judged: &Judged) -> bool {
    matches!(judged.verdict.severity, Severity::Critical | Severity::Warning)
}

/// Bytes of memory that a judged connection takes, estimated.
fn held_by(judged: &Judged) -> usize {
    limits::REPORTED_CONNECTION_BYTES + judged.story.timeline.len() * limits::TIMELINE_ENTRY_BYTES
}

fn drop_unshown_timeline(judged: &mut Judged) {
    if !has_failed(judged) {
        judged.story.timeline = Timeline::default();
    }
}
