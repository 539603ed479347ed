//! What lines and exchanges that surely are each other's have in common, which distinguishes others.
//!
//! A server answers alike: with the same header in front of what the log gives as the body's bytes, and with the same page for the same
//! error. It writes its line just as long before or after the answer's end as it did before. None of this is known beforehand, so it is
//! learned from the lines of the same log, each by how probable its exchange is.

use std::collections::HashMap;

use crate::log::attempt::Attempt;
use crate::log::clock::Offset;
use crate::log::pair::{self, Kind};
use crate::log::wire::Exchange;
use crate::time::{MILLI, SECOND};

/// Examples of less weight than this teach nothing.
const ENOUGH: f64 = 4.0;

/// A value with no more weight around it is alone.
const ALONE: f64 = 1.05;

/// The least weight of what was never seen.
const UNSEEN: f64 = 0.25;

/// Pairs that are less probable teach nothing.
const TAUGHT: f64 = 0.1;

/// Answers that are similar differ by no more than this, in bytes: a number of more digits, a cookie.
const ALIKE_BYTES: i64 = 8;

/// Times that differ by no more are similar, in nanoseconds.
const ALIKE_TIME: i64 = 5 * MILLI;

/// The least that a pair is believed to fit, as a logarithm.
const LEAST: f64 = -9.0;

/// A line of whole seconds may be written this long after the exchange ended, or before what the capture shows of its end, in nanoseconds; the
/// probability sinks by e in each such time.
const LATE: f64 = 5.0e6;
const EARLY: f64 = 2.0e6;

/// Values that were seen, each with how probable it is that the pair belongs together.
#[derive(Default)]
struct Examples {
    values: Vec<(i64, f64)>,
    /// The weight of all values before each.
    before: Vec<f64>,
    /// Values that differ by no more are similar.
    alike: i64,
    /// The weight of the most usual value, and of those that are alone.
    most: f64,
    lone: f64,
    /// Values that are not alone.
    usual: Vec<i64>,
}

impl Examples {
    fn add(&mut self, value: i64, weight: f64) {
        self.values.push((value, weight));
    }

    /// No more are added. Values are similar that differ by `alike`, or by no more than the middle half of them do where they are `wide`.
    fn settle(&mut self, alike: i64, wide: bool) {
        self.values.sort_by(|one, other| one.0.cmp(&other.0).then(one.1.total_cmp(&other.1)));
        let quarter = self.values.len() / 4;
        let last = self.values.len().saturating_sub(1);
        let middle = self.values.get(quarter).zip(self.values.get(last.saturating_sub(quarter)));
        let half = middle.map_or(0, |(low, high)| (high.0 - low.0) / 2);
        self.alike = if wide { alike.max(half) } else { alike };
        let mut sum = 0.0;
        self.before.push(sum);
        for (_, weight) in &self.values {
            sum += weight;
            self.before.push(sum);
        }
        for (value, weight) in &self.values {
            let near = self.near(*value);
            self.most = self.most.max(near);
            if near <= ALONE {
                self.lone += *weight;
            } else {
                self.usual.push(*value);
            }
        }
    }

    /// The weight of all values.
    fn all(&self) -> f64 {
        self.before.last().copied().unwrap_or_default()
    }

    /// The weight of the values that are like this one.
    fn near(&self, value: i64) -> f64 {
        let from = self.values.partition_point(|(other, _)| *other < value.saturating_sub(self.alike));
        let to = self.values.partition_point(|(other, _)| *other <= value.saturating_add(self.alike));
        self.before.get(to).unwrap_or(&0.0) - self.before.get(from).unwrap_or(&0.0)
    }

    /// The logarithm of how usual a value is, against the most usual one. This very pair is among the examples with the weight `own`.
    fn fit(&self, value: i64, own: f64) -> f64 {
        if self.all() - own < ENOUGH {
            return 0.0;
        }
        // What was never seen is together as probable as what was seen once (Good and Turing), and the less so for each single value the
        // further it is from all that were.
        let unseen = self.lone.max(UNSEEN) * self.alike as f64
            / (self.alike.saturating_add(self.distance(value))) as f64;
        let weight = (self.near(value) - own).max(unseen).min(self.most);
        (weight / self.most).ln().max(LEAST)
    }

    /// How far a value is from the nearest that is not alone.
    fn distance(&self, value: i64) -> i64 {
        let at = self.usual.partition_point(|other| *other < value);
        let neighbours = [at.checked_sub(1), Some(at)].into_iter().flatten();
        let distances = neighbours
            .filter_map(|at| self.usual.get(at))
            .map(|other| other.saturating_sub(value).saturating_abs());
        distances.min().unwrap_or_default().saturating_sub(self.alike).max(0)
    }
}

/// What is learned of one log.
#[derive(Default)]
pub(super) struct Traits<'a> {
    /// The sizes of the answers of each kind.
    bytes: HashMap<Kind<'a>, Examples>,
    /// How much later than the exchange's end a line was written, where lines have parts of a second.
    late: Examples,
    /// How much longer than the log says the exchange took.
    longer: Examples,
    /// Weight of lines of whole seconds that were written within the second in which the exchange ended, and in another.
    within: (f64, f64),
    /// Weight of lines whose exchange is in the front end's log, and of those whose is not.
    served: (f64, f64),
}

/// A line and an exchange.
#[derive(Clone, Copy)]
pub(super) struct Compared<'a> {
    pub attempt: &'a Attempt,
    pub exchange: &'a Exchange,
    /// Whether the front end's log has a line about the exchange; nothing if the line is that log's.
    pub is_served: Option<bool>,
}

impl<'a> Traits<'a> {
    /// Learns from pairs, each with how probable it is.
    pub fn learn(pairs: impl IntoIterator<Item = (Compared<'a>, f64)>, offset: &Offset) -> Self {
        let mut traits = Self::default();
        for (Compared { attempt, exchange, is_served }, weight) in pairs {
            if weight < TAUGHT {
                continue;
            }
            match is_served {
                Some(true) => traits.served.0 += weight,
                Some(false) => traits.served.1 += weight,
                None => {}
            }
            for (kind, value) in Self::answers(attempt, exchange).into_iter().flatten() {
                traits.bytes.entry(kind).or_default().add(value, weight);
            }
            match lateness(attempt, exchange, offset) {
                Lateness::Exact(value) => traits.late.add(value, weight),
                Lateness::Second(0) => traits.within.0 += weight,
                Lateness::Second(_) => traits.within.1 += weight,
            }
            if let Some(value) = longer(attempt, exchange) {
                traits.longer.add(value, weight);
            }
        }
        traits.bytes.values_mut().for_each(|examples| examples.settle(ALIKE_BYTES, false));
        traits.late.settle(ALIKE_TIME, true);
        traits.longer.settle(ALIKE_TIME, true);
        traits
    }

    /// The kinds of answers that the pair is one of, the narrowest first, and what its size is in each.
    fn answers(attempt: &'a Attempt, exchange: &Exchange) -> [Option<(Kind<'a>, i64)>; 2] {
        let answer = pair::answer(attempt, exchange);
        [answer.and_then(|(kind, value)| Some((pair::of_request(kind, attempt)?, value))), answer]
    }

    /// Within what time a line is about an exchange that has nothing to do with it, in seconds.
    pub fn width(&self, attempt: &Attempt) -> f64 {
        /// Until it is learned how late lines are.
        const WIDEST: f64 = 0.2;
        let precision = attempt.precision.nanos();
        if precision >= SECOND / 10 {
            precision as f64 / 1e9
        } else if self.late.all() >= ENOUGH {
            4.0 * self.late.alike as f64 / 1e9
        } else {
            WIDEST
        }
    }

    /// The logarithm of how well a pair fits what is known of the others. `weight` is how probable it was when that was learned.
    pub fn fit(&self, pair: Compared<'_>, offset: &Offset, weight: f64) -> f64 {
        let Compared { attempt, exchange, is_served } = pair;
        let own = if weight < TAUGHT { 0.0 } else { weight };
        let known = Traits::answers(attempt, exchange)
            .into_iter()
            .flatten()
            .filter_map(|(kind, value)| Some((self.bytes.get(&kind)?, value)))
            .find(|(examples, _)| examples.all() - own >= ENOUGH);
        let mut fit = known.map_or(0.0, |(examples, value)| examples.fit(value, own));
        let late = match lateness(attempt, exchange, offset) {
            Lateness::Exact(value) => self.late.fit(value, own),
            Lateness::Second(0) => 0.0,
            Lateness::Second(beyond) => {
                let (within, outside) = self.within;
                let share = (outside + 0.5) / (within + outside + 1.0);
                let scale = if beyond > 0 { LATE } else { EARLY };
                (-beyond.abs() as f64 / scale).max(share.ln()).max(LEAST)
            }
        };
        // What is late is longer as well: one of the two counts.
        let long = longer(attempt, exchange).map_or(0.0, |value| self.longer.fit(value, own));
        fit += late.min(long);
        let (served, unserved) = self.served;
        if is_served == Some(false) && served + unserved - own >= ENOUGH {
            fit += ((unserved - own).max(UNSEEN) / (served + unserved)).ln().max(LEAST);
        }
        fit.max(2.0 * LEAST)
    }
}

/// How much later a line was written than the exchange ended, in nanoseconds, where it has parts of a second.
pub(super) fn exact_lateness(attempt: &Attempt, exchange: &Exchange, offset: &Offset) -> Option<i64> {
    match lateness(attempt, exchange, offset) {
        Lateness::Exact(late) => Some(late),
        Lateness::Second(_) => None,
    }
}

/// When a line was written, against the end of the exchange.
enum Lateness {
    /// This much later, in nanoseconds.
    Exact(i64),
    /// Within a second in which it ended, or this much beyond it.
    Second(i64),
}

fn lateness(attempt: &Attempt, exchange: &Exchange, offset: &Offset) -> Lateness {
    let (shift, _) = exchange.shift(attempt.side, exchange.end_by);
    let ended = exchange.end.nanos().saturating_add(shift);
    let late = attempt.end.nanos().saturating_sub(offset.value.nanos()).saturating_sub(ended);
    let late = if offset.is_modulo_day {
        let day = 86_400 * SECOND;
        (late + day / 2).rem_euclid(day) - day / 2
    } else {
        late
    };
    let precision = attempt.precision.nanos();
    if precision < SECOND / 10 {
        return Lateness::Exact(late);
    }
    let doubt = (offset.bounds.1.nanos() - offset.bounds.0.nanos()) / 2;
    // Written after the end: the second begins later than it. Written before: the second ends earlier.
    let beyond = if late > 0 { (late - doubt).max(0) } else { (late + precision + doubt).min(0) };
    Lateness::Second(beyond)
}

/// By how much the exchange took longer than the log says.
fn longer(attempt: &Attempt, exchange: &Exchange) -> Option<i64> {
    let took = attempt.end - attempt.begin?;
    (attempt.precision.nanos() < SECOND / 10 || took.nanos() > 0).then_some(())?;
    Some((exchange.end - exchange.asked?).nanos() - took.nanos())
}
