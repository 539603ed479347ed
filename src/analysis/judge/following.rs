//! Judging with logs that are written while packets come.
//!
//! A connection is compared with the logs while it is open, and once it left it waits a moment for the line about it. What is tied
//! is reported at once; the verdict takes it in as long as the connection was not reported to have ended.
//!
//! Logs are compared with names. So connections and lines keep them here, and lose them on their way to the sink where they are to be
//! redacted.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::io;
use std::mem;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::here::Here;
use super::{Departed, Judge};
use crate::analysis::logs::{self, Frame, LogInput, LogSummary};
use crate::analysis::summary::Tally;
use crate::analysis::{Event, Judged};
use crate::limits;
use crate::log::tie::{Tie, TieSettings};
use crate::log::{Attempt, ClockId, Exchange, Follower, Logs, Wire};
use crate::story::LogTie;
use crate::time::{Elapsed, Timestamp};

/// How often the logs are read. The moment at which a line is read shows the zone of its clock.
const EVERY: Elapsed = Elapsed::from_millis(200);

/// How often connections are compared with them, where few are known: each time takes as long as all that is known.
const COMPARED_EVERY: Elapsed = Elapsed::from_millis(500);

/// Connections for which it takes that much longer.
const FEW: i64 = 128;

/// An attempt is complete when no line was added to it for this long.
const SETTLED: Elapsed = Elapsed::from_millis(1_000);

/// An attempt that this long nothing was tied to is not compared again until the end.
const CONNECTION_DUE: Elapsed = Elapsed::from_millis(60_000);

/// How long a connection that left waits for the line about it: programs log an outcome as soon as they know it.
const LINE_DUE: Elapsed = Elapsed::from_millis(3_000);

/// Compares connections with the logs as both grow.
pub(super) struct Following<'s> {
    here: Box<Here<'s>>,
    input: &'s LogInput,
    follower: Arc<Mutex<Follower>>,
    frame: Frame,
    /// Connections that may still be compared, by their ids.
    known: BTreeMap<u64, Known>,
    /// Those that left and are not reported yet, in that order: when, and the id.
    waiting: VecDeque<(Timestamp, u64)>,
    attempts: BTreeMap<Key, Progress>,
    now: Timestamp,
    read_at: Timestamp,
    compared_at: Timestamp,
    /// Whether something came that was not compared.
    has_news: bool,
    /// Connections that left while too many waited.
    not_compared: u64,
}

/// A connection that may still be compared.
#[derive(Default)]
struct Known {
    exchanges: Vec<Exchange>,
    /// What logs report of it.
    logs: Vec<LogTie>,
    /// What is known of it, until it is reported to have ended.
    judged: Option<Judged>,
}

/// What an attempt is recognised by when the logs have grown: file, line and time of its first line.
type Key = (u16, u64, Timestamp);

/// What is known of an attempt.
#[derive(Clone, Copy)]
struct Progress {
    lines: u64,
    /// When the last of them was read.
    since: Timestamp,
    is_reported: bool,
}

impl<'s> Following<'s> {
    /// Reports to the sink of `here` what is judged.
    pub(super) fn new(mut here: Box<Here<'s>>, input: &'s LogInput, follower: Arc<Mutex<Follower>>) -> Self {
        here.keep_names(true);
        Self {
            here,
            input,
            follower,
            frame: Frame::default(),
            known: BTreeMap::new(),
            waiting: VecDeque::new(),
            attempts: BTreeMap::new(),
            now: Timestamp::ZERO,
            read_at: Timestamp::ZERO,
            compared_at: Timestamp::ZERO,
            has_news: false,
            not_compared: 0,
        }
    }

    /// Takes in what is known of a connection.
    fn know(&mut self, judged: Judged) {
        let id = judged.story.id;
        self.frame.add(&judged.story);
        let known = self.known.entry(id).or_default();
        known.exchanges = logs::exchanges_of(&judged);
        known.judged = Some(judged);
        self.has_news = true;
    }

    /// Reads what has come, compares it, and reports what waited long enough.
    fn read(&mut self) -> io::Result<()> {
        self.read_at = self.now;
        let read = self.lock().read_on(self.now);
        match read {
            Ok(has_grown) => self.has_news |= has_grown,
            Err(error) => {
                self.has_news = true;
                self.here.event(&Event::LogUnread(&error))?;
            }
        }
        let rounds = 1 + i64::try_from(self.known.len()).unwrap_or(i64::MAX) / FEW;
        if self.now - self.compared_at < COMPARED_EVERY.times(rounds) {
            return Ok(());
        }
        self.compared_at = self.now;
        let is_due = |(left, _): &(Timestamp, u64)| self.now - *left >= LINE_DUE;
        let due = self.waiting.partition_point(is_due);
        let due: BTreeSet<u64> = self.waiting.drain(..due).map(|(_, id)| id).collect();
        let adds_lines = !due.is_empty() && self.lock().has_loose_lines();
        if mem::take(&mut self.has_news) || adds_lines {
            let summary = self.compare(adds_lines, false)?;
            self.add_lines(&due, &summary);
        }
        due.into_iter().try_for_each(|id| self.report(id))?;
        self.forget();
        Ok(())
    }

    /// Takes in how far the attempts are. Whether one of them may be tied now that was not before.
    fn note_attempts(&mut self, attempts: &[Attempt]) -> bool {
        let before = mem::take(&mut self.attempts);
        let mut may_be_tied = false;
        for attempt in attempts {
            let (Some(key), lines) = (key(attempt), attempt.lines.len() as u64 + attempt.left_out) else {
                continue;
            };
            let begun = Progress { lines, since: self.now, is_reported: false };
            let mut progress = before.get(&key).copied().unwrap_or(begun);
            if progress.lines != lines {
                progress = Progress { is_reported: progress.is_reported, ..begun };
            }
            may_be_tied |= !progress.is_reported && self.now - progress.since <= CONNECTION_DUE;
            self.attempts.insert(key, progress);
        }
        may_be_tied
    }

    fn lock(&self) -> MutexGuard<'_, Follower> {
        self.follower.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What the logs hold so far, and the zones that the latest lines show.
    fn gathered(&self) -> (Logs, Vec<(ClockId, Elapsed)>) {
        let follower = self.lock();
        (follower.logs(), follower.arrivals())
    }

    /// The result of logs with the connections so far, and these.
    fn compared(&self, logs: Logs, arrivals: Vec<(ClockId, Elapsed)>) -> (LogSummary, Wire) {
        let (mut exchanges, mut owners) = (Vec::new(), Vec::new());
        for (id, known) in &self.known {
            exchanges.extend(known.exchanges.iter().cloned());
            owners.resize(exchanges.len(), *id);
        }
        let wire = self.frame.wire(exchanges);
        let tying = TieSettings { arrivals, ..self.input.tying.clone() };
        (LogSummary::of(logs, &wire, owners, &tying), wire)
    }

    /// Adds the lines that are part of no attempt to these connections.
    fn add_lines(&mut self, ids: &BTreeSet<u64>, summary: &LogSummary) {
        let known = self.known.iter_mut().filter(|(id, _)| ids.contains(id));
        logs::add_lines(known.filter_map(|(_, known)| known.judged.as_mut()), summary);
    }

    /// Ties the attempts so far to the connections so far, and returns what that comes to; nothing if no attempt may be tied, unless
    /// the clocks are asked for. Ties that are found at the end are not reported one by one.
    fn compare(&mut self, asks_clocks: bool, is_end: bool) -> io::Result<LogSummary> {
        let (logs, arrivals) = self.gathered();
        if !self.note_attempts(&logs.attempts) && !asks_clocks && !is_end {
            return Ok(LogSummary::default());
        }
        let (mut summary, wire) = self.compared(logs, arrivals);
        summary.not_compared = self.not_compared;
        let mut fresh = Vec::new();
        for (index, attempt) in summary.logs.attempts.iter().enumerate() {
            let Some(progress) = key(attempt).and_then(|key| self.attempts.get_mut(&key)) else { continue };
            if progress.is_reported {
                summary.reported.insert(index);
            } else if let Some(tie) = summary.tie(index) {
                if is_end || self.now - progress.since >= SETTLED {
                    fresh.push(tie.clone());
                    progress.is_reported = true;
                } else {
                    self.has_news = true;
                }
            }
        }
        if !is_end && !fresh.is_empty() {
            self.report_ties(&fresh, &summary, &wire)?;
        }
        for tie in &fresh {
            let fact = fact(tie, &summary, &wire);
            if let (Some(id), Some(fact)) = (summary.connections.get(tie.exchange), fact) {
                self.tied(*id, fact)?;
            }
        }
        Ok(summary)
    }

    /// Reports ties that were just found.
    fn report_ties(&mut self, ties: &[Tie], summary: &LogSummary, wire: &Wire) -> io::Result<()> {
        let nameless = self.here.redaction().map(|redaction| (redaction, redaction.logs_of(summary)));
        for tie in ties {
            let Some(fact) = fact(tie, summary, wire) else { continue };
            match &nameless {
                Some((redaction, logs)) => {
                    self.here.event(&Event::Tied(logs, tie, &redaction.log_tie(fact)))?;
                }
                None => self.here.event(&Event::Tied(summary, tie, &fact))?,
            }
        }
        Ok(())
    }

    /// A log reports this of a connection: it is judged again.
    fn tied(&mut self, id: u64, fact: LogTie) -> io::Result<()> {
        let Some(known) = self.known.get_mut(&id).filter(|known| known.logs.len() < limits::LOG_TIES) else {
            return Ok(());
        };
        known.logs.push(fact);
        let Some(mut judged) = known.judged.take() else { return Ok(()) };
        let before = judged.verdict.code;
        judged.story.logs.clone_from(&known.logs);
        let judged = self.here.judged(Departed::Story(judged.story));
        if judged.verdict.code != before {
            let reported = self.here.without_names(judged.clone());
            self.here.event(&Event::Known(&reported))?;
        }
        known.judged = Some(judged);
        Ok(())
    }

    /// Reports a connection that left.
    fn report(&mut self, id: u64) -> io::Result<()> {
        match self.known.get_mut(&id).and_then(|known| known.judged.take()) {
            Some(judged) => {
                let judged = self.here.without_names(judged);
                self.here.report(judged)
            }
            None => Ok(()),
        }
    }

    /// Forgets the oldest connections that were reported, where too many are known.
    fn forget(&mut self) {
        let beyond = self.known.len().saturating_sub(limits::LOG_FOLLOWED_CONNECTIONS);
        let reported = self.known.iter().filter(|(_, known)| known.judged.is_none());
        let oldest: BTreeSet<u64> = reported.map(|(id, _)| *id).take(beyond).collect();
        self.known.retain(|id, _| !oldest.contains(id));
    }
}

impl Judge for Following<'_> {
    fn submit(&mut self, left: Departed) -> io::Result<()> {
        let left = match left {
            Departed::Story(mut story) => {
                if let Some(known) = self.known.get(&story.id) {
                    story.logs.clone_from(&known.logs);
                }
                Departed::Story(story)
            }
            half_open @ Departed::HalfOpen(..) => half_open,
        };
        let judged = self.here.judged(left);
        let id = judged.story.id;
        self.know(judged);
        self.waiting.push_back((self.now, id));
        if self.waiting.len() > limits::LOG_FOLLOWED_CONNECTIONS
            && let Some((_, oldest)) = self.waiting.pop_front()
        {
            self.not_compared += 1;
            self.report(oldest)?;
            self.known.remove(&oldest);
        }
        Ok(())
    }

    fn stays(&mut self, judged: Judged) -> io::Result<()> {
        if self.known.len() < 2 * limits::LOG_FOLLOWED_CONNECTIONS
            || self.known.contains_key(&judged.story.id)
        {
            self.know(judged);
        }
        Ok(())
    }

    fn event(&mut self, event: &Event<'_>) -> io::Result<()> {
        match event {
            Event::Frame(frame) => self.now = self.now.max(frame.at),
            Event::Idle(at, _) => self.now = self.now.max(*at),
            _ => {}
        }
        self.here.event(event)?;
        if self.now - self.read_at >= EVERY { self.read() } else { Ok(()) }
    }

    fn finish(mut self: Box<Self>) -> io::Result<Tally> {
        // An error was reported when it happened, or is in the summary's notes.
        self.lock().read_to_the_end(self.now);
        let summary = self.compare(true, true)?;
        let waiting: BTreeSet<u64> = mem::take(&mut self.waiting).into_iter().map(|(_, id)| id).collect();
        self.add_lines(&waiting, &summary);
        waiting.into_iter().try_for_each(|id| self.report(id))?;
        let Self { mut here, .. } = *self;
        here.tally().logs = Some(Ok(Box::new(summary)));
        here.finish()
    }
}

/// What a tie says about its connection.
fn fact(tie: &Tie, summary: &LogSummary, wire: &Wire) -> Option<LogTie> {
    logs::fact(tie, &summary.logs, wire.exchanges.get(tie.exchange)?)
}

fn key(attempt: &Attempt) -> Option<Key> {
    attempt.lines.first().map(|line| (line.file, line.number, line.at))
}
