//! A client's attempts: vManage's threads, and Cisco's devices.
//!
//! What vManage writes about its requests is known from lines that are cut, so attempts are found by class, level, thread and order,
//! and the words only refine them. A failed attempt is an error of a class that works on licences, or one whose words name a fault of the
//! network. It begins with the line before it on the same thread, since whatever was sent was sent after that line. The errors that
//! follow on the thread, from the classes around the first, belong to it. A request that went well leaves no such mark: there, a pause
//! between two lines of those classes is taken for one, and is called presumed.

use std::collections::HashMap;

use foldhash::fast::RandomState;

use super::words::{self, Named};
use super::{Attempt, AttemptOutcome, Gathered, NearbyLine, Peer, Seen, Side};
use crate::limits;
use crate::log::ClockId;
use crate::log::grammar::Level;
use crate::log::quote::Quote;
use crate::log::stamp::Zone;
use crate::log::text::{contains, find};
use crate::time::{Elapsed, Timestamp};

/// Parts of the names of classes that work on licences.
const LICENSING: &[&str] = &[
    "licens",
    "licenc",
    "restapiclient",
    "restclient",
    "httpclient",
    "cssm",
    "smartaccount",
    "onprem",
    "oauth",
    "cslu",
];

/// A pause shorter than this is no wait for an answer, unless the line before it says that a request is sent.
const SHORTEST_WAIT: Elapsed = Elapsed::from_millis(50);
/// The same where the line before it says so.
const SHORTEST_ANNOUNCED_WAIT: Elapsed = Elapsed::from_millis(1);
/// A longer pause is the thread's rest between two pieces of work.
const LONGEST_WAIT: Elapsed = Elapsed::from_millis(600_000);
/// Errors of other classes within this time after the first report the same failure further up.
const SAME_FAILURE: Elapsed = Elapsed::from_millis(2_000);
/// Within this time even the same class does not try again.
const SAME_ERROR: Elapsed = Elapsed::from_millis(5);

/// vManage's threads, by host and name.
#[derive(Clone, Debug, Default)]
pub(super) struct Threads {
    by_name: HashMap<Box<str>, Thread, RandomState>,
    /// The thread whose entry the next lines continue.
    open: Option<Box<str>>,
    /// Lines that continue it so far.
    continued: usize,
    key: String,
    classes: Classes,
}

/// Which classes work on licences, as far as they have been seen.
#[derive(Clone, Debug, Default)]
struct Classes(HashMap<Box<str>, bool, RandomState>);

impl Classes {
    fn is_licensing(&mut self, class: &str) -> bool {
        if let Some(known) = self.0.get(class) {
            return *known;
        }
        let is_licensing = LICENSING.iter().any(|part| contains(class, part));
        if self.0.len() < limits::LOG_THREADS && class.len() <= limits::LOG_HOST_BYTES {
            self.0.insert(class.into(), is_licensing);
        }
        is_licensing
    }
}

#[derive(Clone, Debug, Default)]
struct Thread {
    /// The line before on this thread.
    last: Option<Mark>,
    /// The latest lines of the work under way.
    lines: Vec<NearbyLine>,
    /// The server that they named last.
    server: Peer,
    /// A failure that further lines may belong to.
    failure: Option<Failure>,
    /// When it was used, in lines.
    used: u64,
}

#[derive(Clone, Copy, Debug)]
struct Mark {
    clock: ClockId,
    at: Timestamp,
    has_named_zone: bool,
    is_licensing: bool,
    is_error: bool,
    says: Says,
}

/// What a line says about a request, as far as its words go.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Says {
    /// That one is sent.
    Request,
    /// That its answer came.
    Answer,
    Neither,
}

#[derive(Clone, Debug)]
struct Failure {
    attempt: Attempt,
    class: Box<str>,
    /// How exactly its outcome is named.
    rank: u8,
    latest: Timestamp,
}

impl Threads {
    /// Takes a line; whether it is part of an attempt or of the work around one.
    pub fn entry(&mut self, seen: &Seen, is_near: bool, out: &mut Gathered) -> bool {
        let entry = seen.entry;
        let Some(name) = entry.thread else { return false };
        self.key.clear();
        self.key.push_str(entry.host.unwrap_or_default());
        self.key.push('\0');
        self.key.push_str(name);
        if entry.is_thread_cut
            && let Some(whole) = self.latest_with(&self.key)
        {
            self.key = whole;
        }
        if !self.by_name.contains_key(self.key.as_str()) {
            self.make_room(out);
            self.by_name.insert(self.key.as_str().into(), Thread::default());
        }
        let class = entry.source.unwrap_or_default();
        let is_licensing = self.classes.is_licensing(class);
        let Some(thread) = self.by_name.get_mut(self.key.as_str()) else { return false };
        thread.used = seen.number;
        let is_error = entry.level == Level::Error;
        if !is_licensing && entry.level < Level::Warning {
            // Another piece of work.
            out.extend(thread.failure.take());
            thread.last = Some(Mark::of(seen, false));
            return false;
        }
        let reading = if entry.level >= Level::Warning {
            words::read(entry.text)
        } else {
            words::read_answer(entry.text)
        };
        let names_fault = reading.outcome.is_some_and(|(_, outcome)| outcome.is_failure());
        let is_failure = is_error && is_licensing
            || entry.level >= Level::Warning && names_fault
            || is_licensing && names_fault;
        let is_part = is_licensing || is_failure;
        if !is_near {
            out.extend(thread.failure.take());
        } else if is_failure {
            thread.fail(seen, class, &reading, is_licensing, out);
            self.open = Some(self.key.as_str().into());
            self.continued = 0;
        } else {
            out.extend(thread.failure.take());
            if is_licensing {
                thread.on_other_line(seen, class, reading.status, out);
                thread.note_server(&reading.server);
            }
        }
        thread.last = Some(Mark { is_error: is_failure, ..Mark::of(seen, is_licensing) });
        is_part
    }

    /// The thread that was used last of those whose names begin so.
    fn latest_with(&self, beginning: &str) -> Option<String> {
        let alike = self.by_name.iter().filter(|(key, _)| key.starts_with(beginning));
        alike.max_by_key(|(_, thread)| thread.used).map(|(key, _)| key.to_string())
    }

    /// The next lines continue another entry.
    pub fn close_entry(&mut self) {
        self.open = None;
    }

    /// Takes a line that continues the one before: an exception's text, its causes, its stack.
    pub fn continuation(&mut self, text: &str, number: u64) {
        let Some(key) = &self.open else { return };
        self.continued += 1;
        // Frames of the stack name classes, and causes follow them.
        let is_frame = text.trim_start().starts_with("at ") || text.trim_start().starts_with("... ");
        if self.continued > limits::LOG_CONTINUATION_LINES || is_frame || text.is_empty() {
            return;
        }
        let Some(failure) = self.by_name.get_mut(key).and_then(|thread| thread.failure.as_mut()) else {
            return;
        };
        failure.refine(&words::read(text));
        if let Some(last) = failure.attempt.lines.last() {
            let line = NearbyLine { number, text: Quote::held(text), ..last.clone() };
            failure.attempt.push_line(line);
        }
    }

    /// Forgets the failures under way.
    pub fn forget_failures(&mut self) {
        for thread in self.by_name.values_mut() {
            thread.failure = None;
        }
    }

    /// Ends what is open, in the order of the file.
    pub fn finish(&mut self, out: &mut Gathered) {
        let mut failures: Vec<_> = self
            .by_name
            .drain()
            .filter_map(|(_, thread)| thread.failure)
            .map(|failure| failure.attempt)
            .collect();
        failures.sort_by_key(|attempt| attempt.lines.last().map(|line| (line.file, line.number)));
        for attempt in failures {
            out.push(attempt);
        }
    }

    /// Forgets the threads that were silent the longest.
    fn make_room(&mut self, out: &mut Gathered) {
        if self.by_name.len() < limits::LOG_THREADS {
            return;
        }
        let mut used: Vec<u64> = self.by_name.values().map(|thread| thread.used).collect();
        used.sort_unstable();
        let middle = used.get(used.len() / 2).copied().unwrap_or_default();
        let mut failures = Vec::new();
        self.by_name.retain(|_, thread| {
            let stays = thread.used > middle;
            if !stays {
                failures.extend(thread.failure.take().map(|failure| failure.attempt));
            }
            stays
        });
        failures.sort_by_key(|attempt| attempt.lines.last().map(|line| (line.file, line.number)));
        for attempt in failures {
            out.push(attempt);
        }
    }
}

impl Mark {
    fn of(seen: &Seen, is_licensing: bool) -> Self {
        let text = seen.entry.text;
        Self {
            clock: seen.clock,
            at: seen.at,
            has_named_zone: has_named_zone(seen),
            is_licensing,
            is_error: false,
            says: if is_licensing { says(text) } else { Says::Neither },
        }
    }
}

/// When an attempt began that ends with this line, by the line before it on its thread and on the clock of this one. Where daylight saving
/// time began or ended between the two, the names of their zones differ and their times by an hour more or less; or the clock, which
/// names no zone, steps back by an hour.
fn begin(before: &Mark, seen: &Seen) -> Option<Timestamp> {
    const HOUR: Elapsed = Elapsed::from_millis(3_600_000);
    let passed = seen.at - before.at;
    let steps: &[Elapsed] = match (before.clock == seen.clock, before.has_named_zone && has_named_zone(seen))
    {
        (true, false) if !seen.is_utc => &[Elapsed::ZERO, HOUR],
        (true, _) => &[Elapsed::ZERO],
        (false, true) => &[HOUR, Elapsed::from_nanos(-HOUR.nanos())],
        (false, false) => &[],
    };
    let mut took = steps.iter().map(|step| Elapsed::from_nanos(passed.nanos() + step.nanos()));
    let took = took.find(|took| *took >= Elapsed::ZERO && *took <= LONGEST_WAIT)?;
    Some(seen.at + Elapsed::from_nanos(-took.nanos()))
}

fn has_named_zone(seen: &Seen) -> bool {
    seen.entry.stamp.is_some_and(|stamp| matches!(stamp.zone, Zone::Named(_)))
}

fn says(text: &str) -> Says {
    const BEGINNINGS: &[&str] =
        &["quer", "request", "send", "post ", "get ", "calling", "connecting", "invok", "fetching"];
    let begins = |word: &&str| text.get(..word.len()).is_some_and(|head| head.eq_ignore_ascii_case(word));
    if BEGINNINGS.iter().any(begins) || text.contains("https://") {
        Says::Request
    } else if ["response", "received", "success", "status", "answer"].iter().any(|word| contains(text, word))
    {
        Says::Answer
    } else {
        Says::Neither
    }
}

impl Thread {
    /// An error: another line of the failure under way, or a failure of its own.
    fn fail(
        &mut self,
        seen: &Seen,
        class: &str,
        reading: &words::WordsRead,
        is_licensing: bool,
        out: &mut Gathered,
    ) {
        let line = seen.line();
        if let Some(failure) = &mut self.failure {
            let since = seen.at - failure.latest;
            let allowed = if *failure.class == *class { SAME_ERROR } else { SAME_FAILURE };
            if seen.clock == failure.attempt.clock && since >= Elapsed::ZERO && since <= allowed {
                failure.latest = seen.at;
                failure.attempt.push_line(line);
                failure.refine(reading);
                return;
            }
        }
        out.extend(self.failure.take());
        let mut attempt = Attempt::ending_with(seen, Side::Client, AttemptOutcome::Failed);
        attempt.begin = self.last.and_then(|mark| begin(&mark, seen));
        attempt.is_licensing = is_licensing;
        attempt.thread = seen.entry.thread.map(Quote::held);
        attempt.server = self.server.clone();
        for earlier in self.lines.drain(..) {
            attempt.push_line(earlier);
        }
        attempt.push_line(line);
        let mut failure = Failure { attempt, class: class.into(), rank: 0, latest: seen.at };
        failure.refine(reading);
        self.failure = Some(failure);
    }

    /// A line that is no error: it may end a wait for an answer.
    fn on_other_line(&mut self, seen: &Seen, class: &str, status: Option<u16>, out: &mut Gathered) {
        let begins_work = ["manager", "resource"]
            .iter()
            .any(|end| find(class, end).is_some_and(|at| at + end.len() == class.len()));
        if begins_work {
            self.lines.clear();
        }
        if let Some(last) =
            self.last.filter(|last| last.clock == seen.clock && last.is_licensing && !last.is_error)
        {
            let wait = seen.at - last.at;
            let shortest = if last.says == Says::Request { SHORTEST_ANNOUNCED_WAIT } else { SHORTEST_WAIT };
            if !begins_work && last.says != Says::Answer && wait >= shortest && wait <= LONGEST_WAIT {
                let mut attempt = Attempt::ending_with(seen, Side::Client, AttemptOutcome::Succeeded);
                attempt.begin = Some(last.at);
                attempt.status = status;
                attempt.is_presumed = true;
                attempt.thread = seen.entry.thread.map(Quote::held);
                attempt.server = self.server.clone();
                for earlier in self.lines.drain(..) {
                    attempt.push_line(earlier);
                }
                attempt.push_line(seen.line());
                out.push(attempt);
                return;
            }
        }
        // The lines that lead to a request: the last few are enough.
        if self.lines.len() >= limits::LOG_ATTEMPT_LINES / 2 {
            self.lines.remove(0);
        }
        self.lines.push(seen.line());
    }

    fn note_server(&mut self, named: &Named) {
        if *named != Named::default() {
            self.server = peer(named);
        }
    }
}

impl Gathered {
    fn extend(&mut self, failure: Option<Failure>) {
        if let Some(failure) = failure {
            self.push(failure.attempt);
        }
    }
}

impl Failure {
    /// Takes what another line names, where it names it more exactly.
    fn refine(&mut self, reading: &words::WordsRead) {
        self.attempt.status = self.attempt.status.or(reading.status);
        if reading.server != Named::default()
            && (self.attempt.server.ip.is_none() || reading.server.ip.is_some())
        {
            self.attempt.server = peer(&reading.server);
        }
        if let Some((rank, outcome)) = reading.outcome
            && rank > self.rank
            && outcome.is_failure()
        {
            self.rank = rank;
            self.attempt.outcome = outcome;
        }
    }
}

fn peer(named: &Named) -> Peer {
    Peer { host: named.host.map(Quote::held), ip: named.ip, port: named.port }
}

/// A message of a device about its licences: the end of an attempt, if it is one.
pub(super) fn device(seen: &Seen, mnemonic: &str, out: &mut Gathered) {
    let reading = words::read(seen.entry.text);
    let outcome = if mnemonic.ends_with("FAILED") || mnemonic.ends_with("FAIL") {
        reading.outcome.map_or(AttemptOutcome::Failed, |(_, outcome)| outcome)
    } else if mnemonic.ends_with("RESTORED") || mnemonic.ends_with("SUCCESS") {
        AttemptOutcome::Succeeded
    } else {
        return;
    };
    let mut attempt = Attempt::ending_with(seen, Side::Client, outcome);
    attempt.status = reading.status;
    attempt.server = peer(&reading.server);
    attempt.push_line(seen.line());
    out.push(attempt);
}
