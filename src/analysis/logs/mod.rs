//! Logs beside the capture: read when all connections are known, tied to them, and written into their stories as plain facts.
//!
//! It is a pass of its own between the stories and their verdicts. Connections are judged by their packets first, since the
//! outcome on the wire is what logs are compared with; those that are tied are judged again with what the logs report. Without
//! logs nothing of this happens, and no connection waits.

mod exchange;

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::Arc;

use super::Judged;
use crate::capture::ReadError;
use crate::limits;
use crate::log::tie::{self, Tie, TieSettings, Ties};
use crate::log::{self, Attempt, ClockId, Logs};
use crate::story::{LogLine, LogTie};
use crate::time::{Clock, Elapsed, Timestamp};
use crate::verdict::{Severity, Status};

/// The logs to read beside a capture.
#[derive(Clone, Debug, Default)]
pub struct LogInput {
    /// The files, rotated ones in any order.
    pub files: Vec<PathBuf>,
    /// How they are read; the times of the capture are filled in.
    pub reading: log::Settings,
    /// What is known of their clocks.
    pub tying: TieSettings,
}

/// What logs came to.
#[derive(Clone, Debug, Default)]
pub struct LogSummary {
    /// What was read.
    pub logs: Logs,
    /// Which attempt is which exchange.
    pub ties: Ties,
    /// For each exchange the number of its connection.
    pub connections: Vec<u64>,
    /// Connections that were judged without the logs, because too many would have had to wait for them.
    pub not_compared: u64,
    /// By [`LogFile::log`](log::LogFile::log), the most connections that nginx can have had during the capture without a line.
    pub unlogged: BTreeMap<u16, u64>,
}

impl LogSummary {
    /// Reads logs that stand alone, without a capture.
    ///
    /// # Errors
    /// When a file can't be read, or is no log.
    pub fn alone(input: &LogInput) -> Result<Self, ReadError> {
        let logs = log::read(&input.files, &input.reading)?;
        let ties = log::tie(&logs, &log::Wire { clock: Clock::Absent, ..log::Wire::default() }, &input.tying);
        Ok(Self { logs, ties, ..Self::default() })
    }

    /// What logs without a capture come to: the last attempt that has an outcome decides.
    pub fn status(&self) -> Status {
        let last = self.attempts().filter(|(_, attempt)| attempt.outcome != log::Outcome::Unknown);
        match last.max_by_key(|(_, attempt)| attempt.end) {
            Some((_, attempt)) if attempt.outcome.is_failure() => Status::from(Severity::Critical),
            Some(_) => Status::from(Severity::Ok),
            None => Status::from(Severity::Unknown),
        }
    }

    /// The attempts that are worth showing, with their indices: all but pauses in a log that tie to nothing.
    pub fn attempts(&self) -> impl Iterator<Item = (usize, &Attempt)> {
        let is_tied = |index: usize| self.tie(index).is_some();
        self.logs
            .attempts
            .iter()
            .enumerate()
            .filter(move |(index, attempt)| !attempt.is_presumed || is_tied(*index))
    }

    /// The tie of an attempt.
    pub fn tie(&self, attempt: usize) -> Option<&Tie> {
        let at = self.ties.ties.binary_search_by_key(&attempt, |tie| tie.attempt).ok()?;
        self.ties.ties.get(at)
    }

    /// Why an attempt is tied to nothing.
    pub fn refusals(&self, attempt: usize) -> &[tie::Refusal] {
        let at = self.ties.untied.binary_search_by_key(&attempt, |untied| untied.attempt);
        at.ok().and_then(|at| self.ties.untied.get(at)).map_or(&[], |untied| &untied.reasons)
    }
}

/// Reads the logs, ties them to `connections`, and writes what they report into the stories. Returns the indices of the
/// connections that are tied to something.
///
/// # Errors
/// When a file can't be read, or is no log.
pub(super) fn tie_to(
    connections: &mut [Judged],
    input: &LogInput,
) -> Result<(LogSummary, Vec<usize>), ReadError> {
    let (wire, owners) = exchange::wire(connections);
    let is_dated = matches!(wire.clock, Clock::Utc | Clock::LocalDateTime) && !connections.is_empty();
    let reading = log::Settings {
        near: is_dated.then_some(wire.span.0),
        window: is_dated.then_some(wire.span),
        ..input.reading.clone()
    };
    let logs = log::read(&input.files, &reading)?;
    let ties = log::tie(&logs, &wire, &input.tying);
    let files: Vec<Arc<str>> = logs.files.iter().map(|file| file.name.as_str().into()).collect();
    let mut tied = Vec::new();
    for tie in &ties.ties {
        let (Some(owner), Some(attempt)) = (owners.get(tie.exchange), logs.attempts.get(tie.attempt)) else {
            continue;
        };
        let (Some(judged), Some(exchange)) = (connections.get_mut(*owner), wire.exchanges.get(tie.exchange))
        else {
            continue;
        };
        if judged.story.logs.len() < limits::LOG_TIES {
            judged.story.logs.push(fact(tie, attempt, exchange.end, &files));
            tied.push(*owner);
        }
    }
    tied.sort_unstable();
    tied.dedup();
    let connections = owners.iter().map(|owner| connections[*owner].story.id).collect();
    let unlogged = unlogged(&logs, &ties, wire.span);
    Ok((LogSummary { logs, ties, connections, not_compared: 0, unlogged }, tied))
}

/// For each log of nginx whose offset is known, the most connections during the capture that left no line; only where there can
/// be some.
fn unlogged(logs: &Logs, ties: &Ties, (begin, end): (Timestamp, Timestamp)) -> BTreeMap<u16, u64> {
    let clocks: BTreeSet<_> = logs.connections.iter().map(|(clock, ..)| *clock).collect();
    let unlogged_on = |clock: ClockId| {
        let offset = ties.clocks.get(clock.index())?.as_ref().ok()?.value;
        let count = logs.unlogged_connections(clock, begin + offset, end + offset)?;
        Some((logs.clocks.get(clock.index())?.log, count))
    };
    clocks.into_iter().filter_map(unlogged_on).filter(|(_, count)| *count > 0).collect()
}

/// A tie as a fact about a connection whose exchange ended at `end`.
fn fact(tie: &Tie, attempt: &Attempt, end: Timestamp, files: &[Arc<str>]) -> LogTie {
    let lines: Vec<LogLine> = attempt
        .lines
        .iter()
        .map(|line| LogLine {
            file: files.get(usize::from(line.file)).cloned().unwrap_or_default(),
            number: line.number,
            side: attempt.side,
            at: near(line.at + tie.offset.times(-1), end),
            level: line.level,
            source: line.source.clone(),
            text: line.text.clone(),
        })
        .collect();
    let (zone, skew) = log::clock::split(tie.offset);
    let decisive = attempt.decisive();
    LogTie {
        side: attempt.side,
        outcome: attempt.outcome,
        status: attempt.status,
        agreement: tie.outcomes,
        grade: tie.grade,
        zone,
        skew,
        lines,
        decisive,
    }
}

/// `at`, moved by whole days next to `to`: one of the clocks may have no date.
fn near(at: Timestamp, to: Timestamp) -> Timestamp {
    const DAY: i64 = 86_400_000_000_000;
    let days = (at - to).nanos().saturating_add(DAY / 2).div_euclid(DAY);
    at + Elapsed::from_nanos(days.saturating_mul(-DAY))
}
