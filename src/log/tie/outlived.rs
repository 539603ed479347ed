//! Requests that a program was still working on when nobody waited for its answer any more: the front end had given up, or the client.
//!
//! The program logs such a request when it is done with it, seconds after the exchange has ended. What both have in common is the
//! beginning: the line's time less the duration that it names is when the request came.

use std::collections::BTreeMap;

use super::matching::Pair;
use super::{Choice, DRIFT, Objection, Work, is_front, near};
use crate::log::clock::{Offset, OffsetSource};
use crate::log::pair;
use crate::time::{MILLI, SECOND};

/// A line, an exchange, and how much later than the request's packet the program began, in nanoseconds.
type Begun = (Pair, i64);

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
            begun.retain_mut(|(_, late)| {
                *late = late.saturating_sub(usual).abs();
                *late <= spread
            });
        }
        let mut of_line: BTreeMap<usize, Vec<&Begun>> = BTreeMap::new();
        let mut of_exchange: BTreeMap<usize, Vec<&Begun>> = BTreeMap::new();
        for one in &begun {
            of_line.entry(one.0.attempt).or_default().push(one);
            of_exchange.entry(one.0.exchange).or_default().push(one);
        }
        for (attempt, own) in &of_line {
            let (is_clear, best) = nearest(own);
            let rivals = of_exchange.get(&best.0.exchange).map_or(&[][..], Vec::as_slice);
            let (is_alone, theirs) = nearest(rivals);
            if is_clear && is_alone && theirs.0.attempt == *attempt {
                let is_by_order = own.len() > 1 || rivals.len() > 1;
                let choice = Choice { is_by_order, is_outlived: true, ..Choice::of(&best.0, false) };
                self.accept(clock, offset, choice);
            } else {
                let fits = own.iter().map(|(pair, _)| pair.exchange).collect();
                self.refusals[*attempt] = Some(Objection::Ambiguous(fits));
            }
        }
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
                let is_possible = match front {
                    Some(front) => pair::is_given_up(attempt, front),
                    // Times alone have to be exact, and a front end that has a log logs what it gave up.
                    None => !has_front && attempt.precision.nanos() < SECOND / 10,
                };
                if !is_possible || self.taken[*exchange].iter().any(|(taken, _)| *taken == layer) {
                    continue;
                }
                let fit =
                    pair::fit_outlived(attempt, &self.wire.exchanges[*exchange], self.translation[clock]);
                let Ok(fit) = fit.map(|fit| near(fit, offset)) else { continue };
                if fit.low <= high && fit.high >= low && found.len() < crate::limits::LOG_FITS {
                    let late = fit.tight.1 - value;
                    found.push((Pair { attempt: index, exchange: *exchange, fit }, late));
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
    sorted.sort_by_key(|(_, late)| late.abs());
    let is_clear = match *sorted.as_slice() {
        [(_, first), (_, second), ..] => second.abs() > 4 * first.abs() + SCATTER,
        _ => true,
    };
    (is_clear, sorted[0])
}
