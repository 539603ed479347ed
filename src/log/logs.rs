//! The result of reading logs.

use std::collections::{BTreeMap, BTreeSet};

use super::attempt::{Attempt, NearbyLine, Service};
use super::clocks::{ClockId, LogClock, LogZone};
use crate::capture::FileNote;
use crate::time::{SECOND, Timestamp};

/// The result of reading logs.
#[derive(Clone, Debug, Default)]
pub struct Logs {
    /// The files, in the order given.
    pub files: Vec<LogFile>,
    /// The clocks that their times are of.
    pub clocks: Vec<LogClock>,
    /// Attempts, each log's in the order of its lines.
    pub attempts: Vec<Attempt>,
    /// Lines near the capture that are part of no attempt.
    pub lines: Vec<NearbyLine>,
    /// Ports that FlexNet's daemons listen on.
    pub services: Vec<Service>,
    /// nginx's numbers of connections: clock, time, number.
    pub connections: Vec<(ClockId, Timestamp, u64)>,
    /// Attempts that [`limits::LOG_ATTEMPTS`](crate::limits::LOG_ATTEMPTS) or [`limits::LOG_BYTES`](crate::limits::LOG_BYTES) crowded out.
    pub crowded_out: u64,
    /// Lines near the capture beyond [`limits::LOG_LINES`](crate::limits::LOG_LINES).
    pub lines_beyond: u64,
    /// Lines whose clock is beyond [`limits::LOG_CLOCKS`](crate::limits::LOG_CLOCKS), and that are not read.
    pub clocks_beyond: u64,
    /// What was odd, each reported once.
    pub notes: Vec<FileNote>,
}

/// One file of the logs.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct LogFile {
    /// As the user named it; `-` is standard input.
    pub name: String,
    /// The recognised form, for people: `vmanage-server.log (gzip)`.
    pub format: String,
    /// Which files continue each other: rotated files of one log have one number.
    pub log: u16,
    /// Lines read.
    pub lines: u64,
    /// Lines placed in time, those that continue a placed one among them.
    pub placed: u64,
    /// Lines more than 27 hours from the capture.
    pub far_away: u64,
    /// Times of the first and the last line on their clocks.
    pub span: Option<(Timestamp, Timestamp)>,
}

/// Which of several attempts ended last.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Latest<'a> {
    /// There is none.
    None,
    /// This one, or one that came to the same.
    Known(&'a Attempt),
    /// One that failed or one that did not: the logs' zones are not known.
    Open,
}

impl Logs {
    /// An instant of one of the clocks in UTC, where another of the clocks is in UTC and the logs show how far the two are apart; else as it
    /// is.
    pub fn comparable(&self, clock: ClockId, at: Timestamp) -> Timestamp {
        let ahead = self.clocks.get(clock.index()).and_then(|clock| self.ahead_of_utc(clock));
        Timestamp::from_nanos(at.nanos().saturating_sub(ahead.unwrap_or(0)))
    }

    /// Whether the instants of all clocks are known in UTC so, and can be put into one order.
    pub fn are_comparable(&self) -> bool {
        self.clocks.iter().all(|clock| self.ahead_of_utc(clock).is_some())
    }

    fn ahead_of_utc(&self, clock: &LogClock) -> Option<i64> {
        let utc = self.clocks.iter().find(|clock| clock.zone == LogZone::Utc)?;
        if clock.zone == LogZone::Utc { Some(0) } else { clock.ahead_of(utc) }
    }

    /// The attempt that ended last, of those with these indices. One log's lines are in their order, whatever clocks they have. What lies
    /// closer together than zones explain in two logs is in no known order where their clocks are not comparable; then the last of each have
    /// to agree on whether they failed.
    pub fn latest(&self, attempts: impl Iterator<Item = usize>) -> Latest<'_> {
        /// From UTC-12 to UTC+14, and an hour for the clocks themselves, in nanoseconds.
        const WORLD: i64 = 27 * 3_600 * SECOND;
        let of_unknown_zone = |clock: &&LogClock| self.ahead_of_utc(clock).is_none();
        let unknown: BTreeSet<u16> =
            self.clocks.iter().filter(of_unknown_zone).map(|clock| clock.log).collect();
        let mut of_logs: BTreeMap<Option<u16>, (Timestamp, &Attempt)> = BTreeMap::new();
        for attempt in attempts.filter_map(|index| self.attempts.get(index)) {
            let log = self.clocks.get(attempt.clock.index()).map(|clock| clock.log);
            let log = log.filter(|log| unknown.contains(log));
            let at = self.comparable(attempt.clock, attempt.end);
            let own = of_logs.entry(log).or_insert((at, attempt));
            if log.is_some() || at >= own.0 {
                *own = (at, attempt);
            }
        }
        let Some(last) = of_logs.values().map(|(at, _)| at.nanos()).max() else { return Latest::None };
        let mut open = of_logs.values().filter(|(at, _)| last.saturating_sub(at.nanos()) <= WORLD);
        let Some((_, first)) = open.next() else { return Latest::None };
        let (mut latest, mut agree) = (*first, true);
        for (_, other) in open {
            agree &= other.outcome.is_failure() == first.outcome.is_failure();
            latest = if other.end >= latest.end { other } else { latest };
        }
        if agree { Latest::Known(latest) } else { Latest::Open }
    }

    /// Connections that nginx numbered between two of its lines and that left no line between them: an upper bound, since its own
    /// connections to upstream servers are numbered too. `None` if its lines don't enclose the time.
    ///
    /// nginx writes nothing about a handshake that fails, unless its error log has the level `info`.
    pub fn unlogged_connections(&self, clock: ClockId, from: Timestamp, to: Timestamp) -> Option<u64> {
        let of_clock = || self.connections.iter().filter(|(id, ..)| *id == clock);
        let (_, _, first) = of_clock().rfind(|(_, at, _)| *at <= from)?;
        let (_, _, last) = of_clock().find(|(_, at, _)| *at >= to)?;
        let mut between: Vec<u64> =
            of_clock().map(|(.., number)| *number).filter(|number| number > first && number < last).collect();
        between.sort_unstable();
        between.dedup();
        last.checked_sub(first + 1)?.checked_sub(between.len() as u64)
    }
}
