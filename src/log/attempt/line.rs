//! A line of a log that is kept.

use crate::log::clocks::ClockId;
use crate::log::grammar::{Grammar, Level};
use crate::log::quote::Quote;
use crate::time::{Elapsed, Timestamp};

/// A line that is kept.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct NearbyLine {
    /// The file, by its place among those given.
    pub file: u16,
    /// The line's number in it, counted from 1.
    pub number: u64,
    /// The clock that its time is of.
    pub clock: ClockId,
    /// Its time on that clock.
    pub at: Timestamp,
    /// The time is anything from `at` up to this much later.
    pub precision: Elapsed,
    /// Which grammar it is.
    pub grammar: Grammar,
    /// Its level.
    pub level: Level,
    /// The class, program or container that wrote it.
    pub source: Option<Quote>,
    /// What it says.
    pub text: Quote,
}

impl NearbyLine {
    /// What it quotes of the log.
    pub(in crate::log) fn quotes(&mut self) -> impl Iterator<Item = &mut Quote> {
        self.source.iter_mut().chain([&mut self.text])
    }
}
