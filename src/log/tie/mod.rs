//! Which attempt is which connection.
//!
//! [`tie`] is a pure function of the logs and of what the capture shows. It finds the offset of each clock first ([`super::clock`]),
//! and ties nothing on a clock whose offset is not known: a connection that merely lies near a line proves nothing. At a known offset an attempt
//! and an exchange are tied if they fit each other and nothing else. Two that could as well be exchanged are tied to nothing, unless
//! their order distinguishes them. Whatever is not tied keeps its reasons.

mod accept;
mod align;
mod client;
mod display;
mod leftovers;
mod matching;
mod numbers;
mod offsets;
mod outlived;
mod refusals;
mod server;
mod traits;

use std::net::IpAddr;

use super::attempt::{Attempt, AttemptOutcome, Side};
use super::calendar::Dating;
use super::clock::{Offset, OffsetSource, OffsetUnknown};
use super::clocks::{ClockId, LogClock, LogZone};
use super::grammar::Grammar;
use super::logs::Logs;
use super::pair::{self, Agreement, Fit, Translation};
use super::quote::Quote;
use super::wire::{Wire, WireOutcome};
use crate::limits;
use crate::time::{Elapsed, MILLI, Timestamp};
use matching::Pair;

/// What an offset may drift from its bounds between two ties, on clocks that run freely.
const DRIFT: i64 = 10 * MILLI;

/// What the user knows of offsets.
#[derive(Clone, Debug, Default)]
pub struct TieSettings {
    /// Offsets that are given: of one log, as numbered in [`LogFile::log`](super::LogFile::log), or of all, log minus capture.
    pub offsets: Vec<(Option<u16>, Elapsed)>,
    /// Zones of clocks that are otherwise the capture's, as lines show that are read as they are written: log minus capture.
    pub arrivals: Vec<(ClockId, Elapsed)>,
}

/// The result of comparing logs with a capture.
#[derive(Clone, Debug, Default)]
pub struct Ties {
    /// For each clock of the logs, its offset, or why it is not known.
    pub clocks: Vec<Result<Offset, OffsetUnknown>>,
    /// What belongs together, in the order of the attempts.
    pub ties: Vec<Tie>,
    /// What does not, in the same order. Presumed attempts are not listed.
    pub untied: Vec<Untied>,
}

/// An attempt and the exchange that it made.
#[derive(Clone, PartialEq, Debug)]
pub struct Tie {
    /// The attempt, as an index into [`Logs::attempts`].
    pub attempt: usize,
    /// The exchange, as an index into [`Wire::exchanges`].
    pub exchange: usize,
    /// Exchanges that the attempt made before: retries of which the log has no line.
    pub earlier: Vec<usize>,
    /// How sure it is.
    pub grade: Grade,
    /// Whether log and wire name the same outcome.
    pub outcomes: Agreement,
    /// The offset by which they are tied: log minus capture.
    pub offset: Elapsed,
    /// What speaks for it.
    pub reasons: Vec<Support>,
}

/// How sure a tie is.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Grade {
    /// The offset is sure within reason, or the order alone distinguishes two attempts.
    Likely,
    /// Nothing else fits.
    Certain,
}

/// What speaks for a tie.
#[derive(Clone, PartialEq, Debug)]
pub enum Support {
    /// The exchange lies within the attempt: how long both took.
    Within {
        /// From the line before the request to the line that ends it.
        attempt: Elapsed,
        /// From the first packet to the one that decided it.
        exchange: Elapsed,
    },
    /// The line was written when the exchange ended.
    AtItsEnd,
    /// The program began when the request came, and took this long: longer than the front end or the client waited.
    Outlived(Elapsed),
    /// This many attempts give the clock the same offset.
    Votes(u32),
    /// Log and capture come from one host, and the offset is a multiple of 15 minutes.
    SameHost,
    /// The log names the server.
    Server,
    /// The log names the client.
    Client,
    /// The log names the client's port.
    ClientPort,
    /// Both name the same outcome, or one that the other explains.
    Outcome(Agreement),
    /// Several fit, and their order distinguishes them.
    Order,
}

/// An attempt that is tied to nothing.
#[derive(Clone, PartialEq, Debug)]
pub struct Untied {
    /// The attempt, as an index into [`Logs::attempts`].
    pub attempt: usize,
    /// Why; the plainest first.
    pub reasons: Vec<Objection>,
}

/// Why an attempt is tied to nothing.
#[derive(Clone, PartialEq, Debug)]
pub enum Objection {
    /// The name has no address, so no connection was tried.
    NoConnection,
    /// The capture shows nothing that could be tied.
    NoExchange,
    /// The attempt lies before or after the capture.
    OutsideCapture,
    /// The log names a server that the capture does not show.
    OtherServer,
    /// The log names a client that the capture does not show: the log's address, and one that the capture shows.
    OtherClient(IpAddr, IpAddr),
    /// Another program made the attempt: the exchanges are this program's own.
    OtherProgram,
    /// This program, which made the exchanges itself, asked for something else.
    OtherRequest,
    /// The attempt is shorter than the exchange takes at least.
    TooShort {
        /// How long the attempt took.
        attempt: Elapsed,
        /// How long the exchange takes at least.
        least: Elapsed,
    },
    /// The outcomes contradict each other: the log's, and the wire's.
    OtherOutcome(AttemptOutcome, WireOutcome),
    /// No exchange lies where the offset puts the attempt.
    NothingThere,
    /// The offset of the clock is not known.
    Offset(OffsetUnknown),
    /// Several exchanges fit equally well.
    Ambiguous(Vec<usize>),
    /// The exchange that fits is another attempt's.
    Taken(usize),
}

/// Ties the attempts of logs to the exchanges of a capture.
pub fn tie(logs: &Logs, wire: &Wire, settings: &TieSettings) -> Ties {
    let mut work = Work::new(logs, wire);
    // Clients' lines are exact to the millisecond and name what was answered, which helps to place the servers'.
    for side in [Side::Client, Side::Server] {
        let clocks: Vec<usize> = (0..logs.clocks.len()).filter(|clock| work.side(*clock) == side).collect();
        work.find_offsets(&clocks, settings);
        // What a front end logs of a request is the measure of what is behind it.
        let (fronts, others): (Vec<usize>, Vec<usize>) =
            clocks.into_iter().partition(|clock| work.is_front(*clock));
        for clock in fronts.into_iter().chain(others) {
            work.tie_clock(clock);
            work.tie_after_step(clock);
        }
        work.note_statuses();
    }
    work.tie_disagreeing();
    work.finish()
}

struct Work<'a> {
    logs: &'a Logs,
    wire: &'a Wire,
    clocks: Vec<Result<Offset, OffsetUnknown>>,
    /// Attempts of each clock.
    of_clock: Vec<Vec<usize>>,
    /// Whether each clock's attempts come from a client behind address translation.
    translation: Vec<Translation>,
    ties: Vec<Option<Tie>>,
    refusals: Vec<Option<Objection>>,
    /// The status of each exchange's answer, where the capture or a tie shows it.
    statuses: Vec<Option<u16>>,
    /// Which layers of the logs have an attempt on each exchange.
    taken: Vec<Vec<(Layer, usize)>>,
    /// The request of each exchange in an access log.
    served: Vec<Option<usize>>,
}

/// A layer of a log: nginx and the program behind it both have a line about one exchange, and are two.
type Layer = (u16, Grammar);

impl<'a> Work<'a> {
    fn new(logs: &'a Logs, wire: &'a Wire) -> Self {
        let mut of_clock = vec![Vec::new(); logs.clocks.len()];
        for (index, attempt) in logs.attempts.iter().enumerate() {
            if let Some(list) = of_clock.get_mut(attempt.clock.index()) {
                list.push(index);
            }
        }
        Self {
            logs,
            wire,
            clocks: vec![Err(OffsetUnknown::NothingFits); logs.clocks.len()],
            of_clock,
            translation: vec![Translation::Excluded; logs.clocks.len()],
            ties: vec![None; logs.attempts.len()],
            refusals: vec![None; logs.attempts.len()],
            statuses: wire.exchanges.iter().map(|exchange| exchange.status).collect(),
            taken: vec![Vec::new(); wire.exchanges.len()],
            served: vec![None; wire.exchanges.len()],
        }
    }

    fn side(&self, clock: usize) -> Side {
        self.of_clock[clock].first().map_or(Side::Client, |first| self.logs.attempts[*first].side)
    }

    /// What clients' attempts show of the answers that they are tied to.
    fn note_statuses(&mut self) {
        for tie in self.ties.iter().flatten() {
            let attempt = &self.logs.attempts[tie.attempt];
            if attempt.side == Side::Client && tie.outcomes != Agreement::Disagrees {
                let status = &mut self.statuses[tie.exchange];
                *status = status.or(pair::status(attempt));
            }
        }
    }

    /// Whether this is the clock of an access log.
    fn is_front(&self, clock: usize) -> bool {
        self.of_clock[clock].iter().any(|index| is_front(&self.logs.attempts[*index]))
    }

    fn layer(&self, attempt: usize) -> Layer {
        let attempt = &self.logs.attempts[attempt];
        (self.logs.clocks[attempt.clock.index()].log, attempt.grammar)
    }

    fn attempts(&self, clock: usize) -> Vec<&'a Attempt> {
        self.of_clock[clock].iter().map(|index| &self.logs.attempts[*index]).collect()
    }

    /// Ties the attempts of one clock at its offset.
    fn tie_clock(&mut self, clock: usize) {
        let Ok(offset) = self.clocks[clock].clone() else { return };
        self.tie_at(clock, &offset);
    }

    fn tie_at(&mut self, clock: usize, offset: &Offset) {
        let mut pairs = self.pairs(clock, offset);
        if offset.source == OffsetSource::Arrival && self.side(clock) == Side::Client {
            self.retain_close(&mut pairs, offset);
        }
        let mut offset = offset.clone();
        let is_server = self.side(clock) == Side::Server;
        let mut is_exact = false;
        let chosen = if is_server {
            self.retain_by_number(&mut pairs);
            let chosen = self.by_order(clock, &pairs, &offset);
            is_exact = self.refine(clock, &mut offset, &chosen);
            if is_exact {
                // At the better offset some pairs are impossible.
                let value = offset.value.nanos();
                pairs.retain(|pair| pair.fit.low <= value + DRIFT && pair.fit.high >= value - DRIFT);
                self.by_order(clock, &pairs, &offset)
            } else {
                chosen
            }
        } else {
            let offset = &offset;
            let chosen = self.by_closeness(&pairs, offset);
            if let Some(client) = self.one_client(&chosen) {
                pairs.retain(|pair| self.wire.exchanges[pair.exchange].client.ip() == client);
                self.by_closeness(&pairs, offset)
            } else {
                chosen
            }
        };
        for choice in chosen {
            self.accept(clock, &offset, choice);
        }
        if is_server {
            self.tie_outlived(clock, &offset, is_exact);
        }
    }

    /// Pairs of attempts and exchanges, free so far, that fit at this offset. Beyond the bound, attempts have none.
    fn pairs(&mut self, clock: usize, offset: &Offset) -> Vec<Pair> {
        let (low, high) = (offset.bounds.0.nanos() - DRIFT, offset.bounds.1.nanos() + DRIFT);
        let mut order: Vec<usize> = (0..self.wire.exchanges.len()).collect();
        order.sort_by_key(|index| self.wire.exchanges[*index].end);
        let ends: Vec<i64> = order.iter().map(|index| self.wire.exchanges[*index].end.nanos()).collect();
        let mut pairs = Vec::new();
        for index in self.of_clock[clock].clone() {
            let attempt = &self.logs.attempts[index];
            if self.ties[index].is_some() || !pair::expects_connection(attempt) {
                continue;
            }
            let candidates: &[usize] = if offset.is_modulo_day {
                &order
            } else {
                // Ends lie before the attempt's, and not before what it can reach back to.
                let reach = attempt.begin.map_or(120_000 * MILLI, |begin| (attempt.end - begin).nanos())
                    + 5_000 * MILLI;
                let latest = attempt.end.nanos().saturating_sub(low).saturating_add(5_000 * MILLI);
                let earliest = attempt.end.nanos().saturating_sub(high).saturating_sub(reach);
                let from = ends.partition_point(|end| *end < earliest);
                let to = ends.partition_point(|end| *end <= latest);
                &order[from..to.max(from)]
            };
            let layer = self.layer(index);
            let before = pairs.len();
            for exchange in candidates {
                if self.taken[*exchange].iter().any(|(taken, _)| *taken == layer) {
                    continue;
                }
                let fit = pair::fit(
                    attempt,
                    &self.wire.exchanges[*exchange],
                    self.statuses[*exchange],
                    self.translation[clock],
                );
                let Ok(fit) = fit.map(|fit| near(fit, offset)) else { continue };
                let served = self.served[*exchange].map(|served| &self.logs.attempts[served]);
                if served.is_some_and(|served| !pair::is_behind_front_end(attempt, served)) {
                    continue;
                }
                if fit.low <= high && fit.high >= low {
                    pairs.push(Pair { attempt: index, exchange: *exchange, fit });
                }
            }
            if pairs.len() > limits::LOG_FITS {
                let fits = pairs.drain(before..).map(|pair| pair.exchange);
                self.refusals[index] = Some(Objection::Ambiguous(fits.take(limits::LOG_TIES).collect()));
            }
        }
        pairs
    }

    fn finish(self) -> Ties {
        let mut untied = Vec::new();
        for (index, attempt) in self.logs.attempts.iter().enumerate() {
            if self.ties[index].is_none() && !attempt.is_presumed {
                untied.push(Untied { attempt: index, reasons: self.reasons(index, attempt) });
            }
        }
        Ties { clocks: self.clocks, ties: self.ties.into_iter().flatten().collect(), untied }
    }
}

/// `fit`, moved by whole days next to the offset where days don't count.
fn near(fit: Fit, offset: &Offset) -> Fit {
    let shift = if offset.is_modulo_day { pair::fold((fit.low, fit.high), offset.value.nanos()) } else { 0 };
    fit.moved(shift)
}

/// An exchange that is chosen for an attempt.
struct Choice {
    attempt: usize,
    exchange: usize,
    earlier: Vec<usize>,
    fit: Fit,
    is_by_order: bool,
    /// Whether the program was done only after the exchange had ended.
    is_outlived: bool,
}

impl Choice {
    fn of(pair: &Pair, is_by_order: bool) -> Self {
        Self {
            attempt: pair.attempt,
            exchange: pair.exchange,
            earlier: Vec::new(),
            fit: pair.fit,
            is_by_order,
            is_outlived: false,
        }
    }
}

/// Whether a request is a front end's, which others are behind.
fn is_front(attempt: &Attempt) -> bool {
    attempt.side == Side::Server && attempt.grammar == Grammar::NginxAccess && attempt.request.is_some()
}

fn host(clock: &LogClock) -> Option<&str> {
    clock.host.as_ref().map(Quote::raw)
}

/// Where a line of a clock lies on the capture's.
///
/// `None` if the clock's offset is not known and its times are no UTC.
pub fn place(ties: &Ties, logs: &Logs, clock: ClockId, at: Timestamp) -> Option<Timestamp> {
    let offset = match ties.clocks.get(clock.index())? {
        Ok(offset) => offset.value,
        Err(_) if logs.clocks.get(clock.index())?.zone == LogZone::Utc => Elapsed::ZERO,
        Err(_) => return None,
    };
    let is_dated = logs.clocks.get(clock.index())?.dating == Dating::Full;
    is_dated.then(|| at + Elapsed::from_nanos(-offset.nanos()))
}
