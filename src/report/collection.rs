//! The connections of a capture, held until all of them are known.

use std::io;

use super::Origins;
use crate::analysis::{Judged, Sink};
use crate::limits;
use crate::packet::Packet;
use crate::story::Timeline;
use crate::verdict::Severity;

/// More connections than this are shown as a table, with the packets only of those that failed.
pub const MANY: usize = 20;

/// Takes connections in for the reports that show them together.
#[derive(Debug, Default)]
pub struct Collection {
    /// The connections; in the order of their first packets once sorted.
    pub connections: Vec<Judged>,
    /// Where packets came from; empty where one file was read.
    pub origins: Origins,
    /// Connections beyond [`limits::REPORTED_CONNECTIONS`], which are only counted.
    pub uncollected: u64,
    has_files: bool,
    shows_all: bool,
}

impl Collection {
    /// For a capture of one file or several. Every timeline is kept for `shows_all`, else only those that are shown.
    pub fn new(has_files: bool, shows_all: bool) -> Self {
        Self { has_files, shows_all, ..Self::default() }
    }

    /// Puts the connections in the order of their first packets. Those that left early stand in front until then.
    pub fn sort(&mut self) {
        self.connections.sort_by_key(|judged| judged.story.first.number);
    }
}

impl Sink for Collection {
    fn packet(&mut self, packet: &Packet<'_>) -> io::Result<()> {
        if self.has_files {
            self.origins.add(packet.number, packet.origin);
        }
        Ok(())
    }

    fn takes_connections_alone(&self) -> bool {
        !self.has_files
    }

    fn connection(&mut self, mut judged: Judged) -> io::Result<()> {
        if self.connections.len() >= limits::REPORTED_CONNECTIONS {
            self.uncollected += 1;
            return Ok(());
        }
        let is_many = !self.shows_all && self.connections.len() >= MANY;
        if is_many {
            drop_unshown_timeline(&mut judged);
        }
        self.connections.push(judged);
        if is_many && self.connections.len() == MANY + 1 {
            self.connections.iter_mut().for_each(drop_unshown_timeline);
        }
        Ok(())
    }
}

/// Whether a connection's packets are shown where there are many connections.
pub fn has_failed(judged: &Judged) -> bool {
    matches!(judged.verdict.severity, Severity::Critical | Severity::Warning)
}

fn drop_unshown_timeline(judged: &mut Judged) {
    if !has_failed(judged) {
        judged.story.timeline = Timeline::default();
    }
}
