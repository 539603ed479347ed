//! A share of a capture's connections, which any thread may follow.

use std::io;

use super::Pace;
use super::connections::Connections;
use super::outlet::Departures;
use super::part::{Part, Taken};
use crate::analysis::Settings;
use crate::analysis::facts::Facts;
use crate::capture::About;

/// Connections with all that following them for a while needs.
pub(super) struct Share<'s> {
    /// Which one it is.
    pub(super) index: usize,
    pub(super) connections: Connections<'s>,
    /// The facts as the part began.
    pub(super) facts: Facts<'s>,
    /// What is to be taken in next.
    pub(super) part: Part,
    /// Whether connections that are over leave before that.
    pub(super) sweeps: bool,
    /// What left since that was collected.
    pub(super) departures: Departures,
}

impl<'s> Share<'s> {
    pub(super) fn new(index: usize, settings: &'s Settings, about: &About, pace: Pace) -> Self {
        Self {
            index,
            connections: Connections::new(settings, about, pace),
            facts: Facts::new(settings),
            part: Part::default(),
            sweeps: false,
            departures: Departures::default(),
        }
    }

    /// Takes its part in.
    pub(super) fn take_in(&mut self) -> io::Result<()> {
        let Self { connections, facts, part, departures, .. } = self;
        if std::mem::take(&mut self.sweeps) {
            departures.record(0);
            connections.sweep(facts, departures)?;
        }
        for (id, taken) in part.packets() {
            // A part lies between two steps of the clock.
            facts.reach(id.moment.at);
            departures.record(id.moment.number);
            match taken {
                Taken::Segment(segment) => connections.segment(id, &segment, facts, departures)?,
                Taken::IcmpError(error) => connections.icmp(id, &error, facts, departures)?,
            }
        }
        part.clear();
        Ok(())
    }
}
