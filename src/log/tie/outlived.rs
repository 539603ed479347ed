//! Requests that a program was still working on when nobody waited for its answer any more: the front end had given up, or the client.
//!
//! The program logs such a request when it is done with it, seconds after the exchange has ended. What both have in common is the
//! beginning: the line's time less the duration that it names is when the request came.

use std::collections::{BTreeMap, BTreeSet};

use super::matching::Pair;
use super::{Choice, DRIFT, Objection, Work, is_front, near};
use crate::log::clock::{Offset, OffsetSource};
use crate::log::pair;
use crate::time::{MILLI, SECOND};

/// A line and an exchange that may have begun together.
struct Begun {
    pair: Pair,
    /// How much later than the request's packet the program began, in nanoseconds.
    late: i64,
    /// What the line is exact to, in nanoseconds.
    precision: i64,
    /// Whether the two may be tied, and not only be confused with each other.
    may_be_tied: bool,
}

impl Work<'_> {
    /// Ties lines of programs behind a front end whose exchange ended before the program did. `is_exact` is whether the offset is known
    /// to the millisecond.
    pub(super) fn tie_outlived(&mut self, clock: usize, offset: &Offset, is_exact: bool) {
        // What has no date begins on any day, and what only a zone speaks for has to be written at the end.
        if offset.is_modulo_day || offset.source == OffsetSource::Arrival {
            return;
        }
        let mut begun = self.begun(clock, offset, is_exact);
        if let Some((usual, spread)) = self.usual(clock, offset).filter(|_| is_exact) {
            begun.retain_mut(|one| {
                one.late = one.late.saturating_sub(usual).abs();
                one.late <= spread
            });
        }
        let mut of_line: BTreeMap<usize, Vec<&Begun>> = BTreeMap::new();
        let mut of_exchange: BTreeMap<usize, Vec<&Begun>> = BTreeMap::new();
        for one in &begun {
            of_line.entry(one.pair.attempt).or_default().push(one);
            of_exchange.entry(one.pair.exchange).or_default().push(one);
        }
        for (attempt, own) in &of_line {
            let (is_clear, best) = nearest(own);
            let rivals = of_exchange.get(&best.pair.exchange).map_or(&[][..], Vec::as_slice);
            let (is_alone, theirs) = nearest(rivals);
            if is_clear && is_alone && best.may_be_tied && theirs.pair.attempt == *attempt {
                let is_by_order = own.len() > 1 || rivals.len() > 1;
                let choice = Choice { is_by_order, is_outlived: true, ..Choice::of(&best.pair, false) };
                self.accept(clock, offset, choice);
            } else if own.iter().any(|one| one.may_be_tied) {
                let fits = own.iter().map(|one| one.pair.exchange).collect();
                self.refusals[*attempt] = Some(Objection::Ambiguous(fits));
            }
        }
    }

    /// Lines that an exchange fits which had ended before the program was done.
    pub(super) fn outlived(&self, clock: usize, offset: &Offset) -> BTreeSet<usize> {
        if offset.is_modulo_day || offset.source == OffsetSource::Arrival {
            return BTreeSet::new();
        }
        self.begun(clock, offset, false).iter().map(|begun| begun.pair.attempt).collect()
    }

    /// Whether nearly every line of a clock is about an exchange of the capture: then few are about others, which a line of whole seconds
    /// may fit by chance.
    fn is_captured(&self, clock: usize, offset: &Offset) -> bool {
        const SHARE: usize = 9;
        let is_expected = |index: &&usize| {
            let attempt = &self.logs.attempts[**index];
            self.is_in_capture(attempt, offset) && pair::expects_connection(attempt)
        };
        let lines = || self.of_clock[clock].iter().filter(is_expected);
        let tied = lines().filter(|index| self.ties[**index].is_some()).count();
        let unknown = |index: &&usize| self.ties[**index].is_none() && self.refusals[**index].is_none();
        // Those that outlived their exchanges are not tied yet, and those that fit several are tied to none.
        let untied = lines().filter(unknown).filter(|index| !self.is_slow(**index)).count();
        tied * 10 >= SHARE * (tied + untied)
    }

    /// Whether a program took longer for a request than clients or front ends may wait.
    fn is_slow(&self, attempt: usize) -> bool {
        let attempt = &self.logs.attempts[attempt];
        attempt.begin.is_some_and(|begin| (attempt.end - begin).nanos() >= SECOND)
    }

    /// How much later than the request's packet the program begins, and how far that is from it at most, as the lines show that are tied
    /// already; in nanoseconds.
    fn usual(&self, clock: usize, offset: &Offset) -> Option<(i64, i64)> {
        /// Fewer lines show nothing.
        const FEW: usize = 8;
        /// The least that is allowed for.
        const LEAST: i64 = 20 * MILLI;
        let late = |index: &usize| {
            let tie = self.ties[*index].as_ref()?;
            let (attempt, exchange) = (&self.logs.attempts[*index], &self.wire.exchanges[tie.exchange]);
            pair::began_late(attempt, exchange, offset.value)
        };
        let mut late: Vec<i64> = self.of_clock[clock].iter().filter_map(late).collect();
        late.sort_unstable();
        let at = |share: usize| late.get(late.len() * share / 10).copied();
        let (low, middle, high) = (at(1)?, at(5)?, at(9)?);
        (late.len() >= FEW).then_some((middle, LEAST.max(2 * (high - low))))
    }

    /// Lines and exchanges that began together, and of which the exchange ended first.
    fn begun(&self, clock: usize, offset: &Offset, is_exact: bool) -> Vec<Begun> {
        /// Further from each other than this, a packet and what a host makes of it are not the same, in nanoseconds.
        const FAR: i64 = 2 * SECOND;
        let value = offset.value.nanos();
        let (low, high) = if is_exact {
            (value - DRIFT, value + DRIFT)
        } else {
            (offset.bounds.0.nanos() - DRIFT, offset.bounds.1.nanos() + DRIFT)
        };
        let asked = |index: usize| self.wire.exchanges[index].asked.map(|asked| (asked.nanos(), index));
        let mut order: Vec<(i64, usize)> = (0..self.wire.exchanges.len()).filter_map(asked).collect();
        order.sort_unstable();
        let has_front = self.served.iter().any(Option::is_some);
        let is_captured = self.is_captured(clock, offset);
        let mut found = Vec::new();
        for index in self.of_clock[clock].iter().copied() {
            let attempt = &self.logs.attempts[index];
            let Some(begin) = attempt.begin else { continue };
            if self.ties[index].is_some() || self.refusals[index].is_some() || is_front(attempt) {
                continue;
            }
            let layer = self.layer(index);
            let from = order.partition_point(|(at, _)| *at < begin.nanos() - high - FAR);
            let to = order.partition_point(|(at, _)| *at <= begin.nanos() - low + FAR);
            for (_, exchange) in &order[from..to.max(from)] {
                let front = self.served[*exchange].map(|front| &self.logs.attempts[front]);
                let precision = attempt.precision.nanos();
                let (is_possible, may_be_tied) = match front {
                    Some(front) => {
                        let is_given_up = pair::is_given_up(attempt, front);
                        (is_given_up, is_given_up)
                    }
                    // Times alone have to be exact, or the log one of which the capture lacks nothing. The front end's own line about an
                    // exchange may be tied to nothing.
                    None => (true, precision < SECOND / 10 || !has_front && is_captured),
                };
                if !is_possible || self.taken[*exchange].iter().any(|(taken, _)| *taken == layer) {
                    continue;
                }
                let fit =
                    pair::fit_outlived(attempt, &self.wire.exchanges[*exchange], self.translation[clock]);
                let Ok(fit) = fit.map(|fit| near(fit, offset)) else { continue };
                if fit.low <= high && fit.high >= low && found.len() < crate::limits::LOG_FITS {
                    let pair = Pair { attempt: index, exchange: *exchange, fit };
                    found.push(Begun { pair, late: fit.tight.1 - value, precision, may_be_tied });
                }
            }
        }
        found
    }
}

/// The one that began together most closely, and whether no other comes near it.
fn nearest<'b>(begun: &[&'b Begun]) -> (bool, &'b Begun) {
    /// Programs begin this much later or earlier by chance, in nanoseconds.
    const SCATTER: i64 = 10 * MILLI;
    let mut sorted: Vec<&Begun> = begun.to_vec();
    sorted.sort_by_key(|one| one.late.abs());
    let is_clear = match *sorted.as_slice() {
        [first, second, ..] => {
            second.late.abs() > 4 * first.late.abs() + SCATTER + first.precision.max(second.precision)
        }
        _ => true,
    };
    (is_clear, sorted[0])
}
