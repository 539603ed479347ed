//! The logs of a capture: read when all connections are known, tied to them, and written into their stories as plain facts.
//!
//! It is a pass of its own between the stories and their verdicts. Connections are judged by their packets first, since the
//! outcome on the wire is what logs are compared with; those that are tied are judged again with what the logs report. Without
//! logs nothing of this happens, and no connection waits.

mod exchange;

pub(super) use exchange::{Frame, exchanges_of};

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use super::Judged;
use crate::capture::ReadError;
use crate::limits;
use crate::log::tie::{self, Tie, TieSettings, Ties};
use crate::log::{self, Attempt, ClockId, Exchange, Follower, Level, Logs, OwnRequest, Wire};
use crate::story::{LogLine, LogTie};
use crate::time::{Clock, Elapsed, SECOND, Timestamp};
use crate::verdict::{Severity, Status};

/// The logs to read with a capture.
#[derive(Clone, Debug, Default)]
pub struct LogInput {
    /// Where they come from.
    pub source: LogSource,
    /// How they are read; the times of the capture are filled in.
    pub reading: log::LogSettings,
    /// What is known of their clocks.
    pub tying: TieSettings,
}

/// Where logs come from.
#[derive(Clone, Debug)]
pub enum LogSource {
    /// Files, rotated ones in any order. They are read when all connections are known.
    Files(Vec<PathBuf>),
    /// Logs that are written while packets come, and read meanwhile.
    Followed(Arc<Mutex<Follower>>),
    /// Logs that were followed while this program made the connections itself, and what it asked, by its ends of them.
    Own(Arc<Mutex<Follower>>, BTreeMap<SocketAddr, OwnRequest>),
}

impl Default for LogSource {
    fn default() -> Self {
        Self::Files(Vec::new())
    }
}

impl LogSource {
    /// The files, where they are read to their ends.
    pub fn files(&self) -> &[PathBuf] {
        match self {
            Self::Files(files) => files,
            Self::Followed(_) | Self::Own(..) => &[],
        }
    }
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
    /// Attempts whose ties were reported as they were found, with [`Event::Tied`](super::Event::Tied).
    pub reported: BTreeSet<usize>,
    /// By [`LogFile::log`](log::LogFile::log), the most connections that nginx can have had during the capture without a line.
    pub unlogged: BTreeMap<u16, u64>,
}

impl LogSummary {
    /// Ties what logs hold to what the wire shows. `connections` are those of the exchanges.
    pub(super) fn of(logs: Logs, wire: &Wire, connections: Vec<u64>, settings: &TieSettings) -> Self {
        let ties = log::tie(&logs, wire, settings);
        Self { logs, ties, connections, ..Self::default() }
    }

    /// Reads logs on their own, without a capture.
    ///
    /// # Errors
    /// When a file can't be read, or is no log.
    pub fn alone(input: &LogInput) -> Result<Self, ReadError> {
        let mut logs = log::read(input.source.files(), &input.reading)?;
        // Without connections, what a log states is all there is: a status that ends a pause is an answer.
        for attempt in &mut logs.attempts {
            attempt.is_presumed &= attempt.status.is_none();
        }
        let wire = Wire { clock: Clock::Absent, ..Wire::default() };
        Ok(Self::of(logs, &wire, Vec::new(), &input.tying))
    }

    /// What logs without a capture come to: the last attempt that has an outcome decides, if it is known which one that is.
    pub fn status(&self) -> Status {
        match self.latest() {
            log::Latest::Known(attempt) if attempt.outcome.is_failure() => Status::from(Severity::Critical),
            log::Latest::Known(_) => Status::from(Severity::Ok),
            log::Latest::None | log::Latest::Open => Status::from(Severity::Unknown),
        }
    }

    /// The last attempt that has an outcome.
    pub fn latest(&self) -> log::Latest<'_> {
        let with_outcome =
            self.attempts().filter(|(_, attempt)| attempt.outcome != log::AttemptOutcome::Unknown);
        self.logs.latest(with_outcome.map(|(index, _)| index))
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
    pub fn refusals(&self, attempt: usize) -> &[tie::Objection] {
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
    let (mut wire, owners) = exchange::wire(connections);
    let is_dated = matches!(wire.clock, Clock::Utc | Clock::LocalDateTime) && !connections.is_empty();
    let reading = log::LogSettings {
        near: is_dated.then_some(wire.span.0),
        window: is_dated.then_some(wire.span),
        ..input.reading.clone()
    };
    let mut tying = input.tying.clone();
    let logs = match &input.source {
        LogSource::Files(files) => log::read(files, &reading)?,
        LogSource::Followed(follower) | LogSource::Own(follower, _) => {
            let follower = follower.lock().unwrap_or_else(PoisonError::into_inner);
            tying.arrivals = follower.arrivals();
            follower.logs()
        }
    };
    if let LogSource::Own(_, asked) = &input.source {
        for exchange in &mut wire.exchanges {
            exchange.own = Some(asked.get(&exchange.client).cloned().unwrap_or_default());
            exchange.status = exchange.own.as_ref().and_then(|own| own.status).or(exchange.status);
        }
    }
    let ids = owners.iter().filter_map(|owner| connections.get(*owner)).map(|judged| judged.story.id);
    let mut summary = LogSummary::of(logs, &wire, ids.collect(), &tying);
    let mut tied = Vec::new();
    for tie in &summary.ties.ties {
        let (Some(owner), Some(exchange)) = (owners.get(tie.exchange), wire.exchanges.get(tie.exchange))
        else {
            continue;
        };
        let (Some(judged), Some(fact)) = (connections.get_mut(*owner), fact(tie, &summary.logs, exchange))
        else {
            continue;
        };
        if judged.story.logs.len() < limits::LOG_TIES {
            judged.story.logs.push(fact);
            tied.push(*owner);
        }
    }
    tied.sort_unstable();
    tied.dedup();
    add_lines(connections, &summary);
    summary.unlogged = unlogged(&summary.logs, &summary.ties, wire.span);
    Ok((summary, tied))
}

/// Puts lines that are part of no attempt to the connections that lasted then. Reports of what went well are left out.
pub(super) fn add_lines<'j>(connections: impl IntoIterator<Item = &'j mut Judged>, summary: &LogSummary) {
    /// A program may write a moment before its packets, or after them.
    const NEARBY: Elapsed = Elapsed::from_millis(1_000);
    let logs = &summary.logs;
    let placed = |line: &log::NearbyLine| {
        let is_shown = !matches!(line.level, Level::Info | Level::Debug);
        let at = tie::place(&summary.ties, logs, line.clock, line.at).filter(|_| is_shown)?;
        let file = logs.files.get(usize::from(line.file))?.name.as_str().into();
        let (number, level, source, text) = (line.number, line.level, line.source.clone(), line.text.clone());
        Some(LogLine {
            file,
            number,
            side: None,
            at,
            precision: line.precision,
            place: at,
            level,
            source,
            text,
        })
    };
    let mut lines: Vec<LogLine> = logs.lines.iter().filter_map(placed).collect();
    lines.sort_by_key(|line| line.at);
    if lines.is_empty() {
        return;
    }
    for judged in connections {
        let story = &mut judged.story;
        let from = lines.partition_point(|line| line.at + NEARBY < story.first.at);
        let to = lines.partition_point(|line| line.at <= story.last.at + NEARBY);
        let mut nearby: Vec<&LogLine> = lines.get(from..to).unwrap_or_default().iter().collect();
        // Errors first, and what came while the connection was open.
        let is_outside = |line: &LogLine| line.at < story.first.at || line.at > story.last.at;
        nearby.sort_by_key(|line| (Reverse(line.level), is_outside(line)));
        story.log_lines_beyond = nearby.len().saturating_sub(limits::LOG_LINES_NEARBY) as u32;
        nearby.truncate(limits::LOG_LINES_NEARBY);
        nearby.sort_by_key(|line| line.at);
        story.log_lines = nearby.into_iter().cloned().collect();
    }
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

/// A tie as a fact about the connection that the exchange is of.
pub(super) fn fact(tie: &Tie, logs: &Logs, exchange: &Exchange) -> Option<LogTie> {
    let attempt = logs.attempts.get(tie.attempt)?;
    let name = |file: u16| logs.files.get(usize::from(file)).map(|file| file.name.as_str());
    let lines: Vec<LogLine> = attempt
        .lines
        .iter()
        .map(|line| {
            // A stamp of whole seconds stays one: it is the line's own, in the capture's zone.
            let offset = if line.precision.nanos() < SECOND { tie.offset } else { rounded(tie.offset) };
            let at = near(line.at + offset.times(-1), exchange.end);
            let is_same = (at..at + line.precision).contains(&exchange.end);
            LogLine {
                file: name(line.file).unwrap_or_default().into(),
                number: line.number,
                side: Some(attempt.side),
                at,
                precision: line.precision,
                place: if is_same { exchange.end } else { at },
                level: line.level,
                source: line.source.clone(),
                text: line.text.clone(),
            }
        })
        .collect();
    let (zone, skew) = log::clock::split(tie.offset);
    let decisive = attempt.decisive();
    Some(LogTie {
        side: attempt.side,
        outcome: attempt.outcome,
        status: attempt.status,
        agreement: tie.outcomes,
        is_answer_known: exchange.own.as_ref().is_some_and(|own| own.status.is_some()),
        grade: tie.grade,
        zone,
        skew,
        lines,
        decisive,
    })
}

/// The nearest offset of whole seconds.
fn rounded(offset: Elapsed) -> Elapsed {
    Elapsed::from_nanos(offset.nanos().saturating_add(SECOND / 2).div_euclid(SECOND).saturating_mul(SECOND))
}

/// `at`, moved by whole days next to `to`: one of the clocks may have no date.
fn near(at: Timestamp, to: Timestamp) -> Timestamp {
    const DAY: i64 = 86_400_000_000_000;
    let days = (at - to).nanos().saturating_add(DAY / 2).div_euclid(DAY);
    at + Elapsed::from_nanos(days.saturating_mul(-DAY))
}
