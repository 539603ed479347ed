//! How far a log's clock is from the capture's.
//!
//! Every pair of an attempt and an exchange that can be the same allows an interval of offsets (the interval rule). The true offset
//! lies in the intervals of all true pairs at once, and a wrong one only in those that chance put there. So all pairs vote, and an offset is
//! believed if its votes are much better than chance and much better than any other offset's.
//!
//! The weight of a vote is how surprising it is: the logarithm of how much likelier it is than if log and capture had nothing to do
//! with each other. The first of several attempts within seconds counts more than the others, since retries follow the same timetable
//! everywhere. What should have been captured at that offset and was not counts against it. Before any vote an offset has a
//! weight of its own: clocks differ by a zone, which is a multiple of 15 minutes, and by a skew, which is small where clocks are kept
//! and exactly nothing if log and capture come from one host. So one attempt suffices there, and elsewhere it does not.
//!
//! An offset is then split into zone and skew. A zone is never taken from its abbreviation.

mod answers;
mod gains;
mod prior;
mod vote;

use super::attempt::Side;
use super::calendar::Dating;
use super::pair::{Translation, folds};
use super::quarter::{QUARTER, nearest_quarter};
use super::wire::Wire;
use crate::time::{Clock, Elapsed, MILLI, SECOND};

pub(in crate::log) use vote::vote;

const MINUTE: i64 = 60 * SECOND;
const HOUR: i64 = 60 * MINUTE;

/// The largest offset between a log's clock and UTC: UTC+14, and a skew.
const FARTHEST: i64 = 14 * 60 * MINUTE + QUARTER;

/// The same between two local times.
const FARTHEST_LOCAL: i64 = 26 * 60 * MINUTE + QUARTER;

/// Weight from which a tie counts as certain.
pub(in crate::log) const CERTAIN: f64 = 12.0;

/// On one host, log and capture have one clock; lines are that exact.
pub(in crate::log) const SAME_HOST: i64 = 25 * MILLI;

/// An offset between a log's clock and the capture's: log minus capture.
#[derive(Clone, PartialEq, Debug)]
pub struct Offset {
    /// The best value.
    pub value: Elapsed,
    /// The least and the greatest that the ties allow.
    pub bounds: (Elapsed, Elapsed),
    /// Where it comes from.
    pub source: OffsetSource,
    /// Attempts that voted for it.
    pub votes: u32,
    /// How much likelier it is than chance, as a natural logarithm.
    pub weight: f64,
    /// Whether it counts modulo a day, because one of the clocks has no date.
    pub is_modulo_day: bool,
}

/// Where an offset comes from.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum OffsetSource {
    /// The votes of attempts on this clock.
    Votes,
    /// The votes on another clock of the same host, as an index into the clocks.
    SameHost(usize),
    /// The user.
    Given,
    /// The moments at which lines came, which show the zone.
    Arrival,
}

impl Offset {
    /// The zone: the nearest multiple of 15 minutes.
    pub fn zone(&self) -> Elapsed {
        split(self.value).0
    }

    /// The skew: what the zone leaves.
    pub fn skew(&self) -> Elapsed {
        split(self.value).1
    }
}

/// An offset split into its zone, the nearest multiple of 15 minutes, and the skew that this leaves.
pub fn split(offset: Elapsed) -> (Elapsed, Elapsed) {
    let zone = nearest_quarter(offset.nanos());
    (Elapsed::from_nanos(zone), Elapsed::from_nanos(offset.nanos() - zone))
}

/// Why a clock's offset is not known.
#[derive(Clone, PartialEq, Debug)]
pub enum OffsetUnknown {
    /// Log or capture has no times.
    NoTimes,
    /// No attempt fits any exchange.
    NothingFits,
    /// The votes are no better than chance. The best of them is given.
    TooFew(Elapsed),
    /// Two offsets fit equally well.
    NotUnique(Elapsed, Elapsed),
    /// Log and capture come from one host, and the best offset is no multiple of 15 minutes: bounds, and how far it is from the nearest.
    SameHost {
        /// The least and the greatest offset.
        bounds: (Elapsed, Elapsed),
        /// How far they are from the nearest multiple of 15 minutes.
        remainder: Elapsed,
    },
}

/// What the votes on one clock go by.
#[derive(Clone, Copy, Debug)]
pub(in crate::log) struct Ballot<'a> {
    pub wire: &'a Wire,
    /// The status of each exchange's answer, where it is known.
    pub statuses: &'a [Option<u16>],
    pub dating: Dating,
    /// Whether the log's times are UTC.
    pub is_utc: bool,
    /// Whether log and capture come from one host.
    pub is_same_host: bool,
    /// The skew that is known from elsewhere, its least and its greatest.
    pub skew: Option<(i64, i64)>,
    /// The offset that is known from elsewhere, its least and its greatest.
    pub within: Option<(i64, i64)>,
    pub translation: Translation,
    /// Pairs of an attempt and an exchange that are compared.
    pub most_pairs: usize,
}

/// How far an interval is from the nearest multiple of 15 minutes; nothing if one lies in it.
pub(in crate::log) fn distance_to_quarter(low: i64, high: i64) -> i64 {
    let from_low = (nearest_quarter(low) - low).abs();
    let from_high = (nearest_quarter(high) - high).abs();
    let is_inside = low.div_euclid(QUARTER) != high.div_euclid(QUARTER) || low.rem_euclid(QUARTER) == 0;
    if is_inside { 0 } else { from_low.min(from_high) }
}

/// How far apart the clocks can be; `None` if by anything.
fn reach(ballot: &Ballot) -> Option<i64> {
    match ballot.wire.clock {
        Clock::SinceFirst | Clock::Absent => None,
        _ if folds(ballot.dating, ballot.wire) => Some(super::pair::DAY / 2),
        Clock::LocalDateTime => Some(FARTHEST_LOCAL),
        Clock::Utc | Clock::TimeOfDay => Some(FARTHEST),
    }
}

/// Whether an attempt's log and the capture come from one host, as far as is known: the capture was made at the log's end, or where
/// both name their host.
pub(in crate::log) fn is_same_host(host: Option<&str>, side: Side, wire: &Wire) -> bool {
    match (&wire.host, host) {
        (Some(capture), Some(log)) => capture.eq_ignore_ascii_case(log),
        _ => wire.made_at == Some(side),
    }
}
