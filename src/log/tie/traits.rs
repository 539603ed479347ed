//! What lines and exchanges that surely are each other's have in common, so that others can be told apart by it.
//!
//! A server answers alike: with the same header in front of what the log gives as the body's bytes, and with the same page for the same
//! error. It writes its line just as long before or after the answer's end as it did before. None of this is known beforehand, so it is
//! learned from the lines of the same log that are sure without it.

use std::collections::HashMap;

use crate::log::attempt::Attempt;
use crate::log::clock::Offset;
use crate::log::pair::{self, Kind};
use crate::log::wire::Exchange;
use crate::time::{MILLI, SECOND};

/// Fewer examples than this teach nothing.
const ENOUGH: usize = 4;

/// Answers that are alike differ by no more than this, in bytes: a number of more digits, a cookie.
const ALIKE_BYTES: i64 = 8;

/// Times that are alike, in nanoseconds.
const ALIKE_TIME: i64 = 5 * MILLI;

/// The least that a pair is believed to fit, as a logarithm.
const LEAST: f64 = -9.0;

/// A line of whole seconds may be written this long after the exchange ended, or before what the capture shows of its end, in nanoseconds; the
/// probability sinks by e in each such time.
const LATE: f64 = 5.0e6;
const EARLY: f64 = 2.0e6;

/// Values that were seen where it is sure that they belong together.
#[derive(Default)]
struct Examples(Vec<i64>);

impl Examples {
    /// The logarithm of how usual a value is, against the most usual one. One of the examples may be this very pair.
    fn fit(&self, value: i64, alike: i64, is_example: bool) -> f64 {
        let near = |value: i64| {
            let from = self.0.partition_point(|other| *other < value - alike);
            self.0.partition_point(|other| *other <= value + alike) - from
        };
        if self.0.len() < ENOUGH {
            return 0.0;
        }
        let mut most = 1;
        let mut lone = 0;
        for value in &self.0 {
            let count = near(*value);
            most = most.max(count);
            lone += usize::from(count == 1);
        }
        let count = near(value).saturating_sub(usize::from(is_example));
        // What was never seen is as probable as what was seen once (Good and Turing).
        let weight = if count > 0 { count as f64 } else { (lone as f64).max(0.5).min(most as f64) };
        (weight / most as f64).ln().max(LEAST)
    }
}

/// What is learned of one log.
#[derive(Default)]
pub(super) struct Traits<'a> {
    /// Of answers of each kind.
    bytes: HashMap<Kind<'a>, Examples>,
    /// How much later than the exchange's end a line was written, where lines have parts of a second.
    late: Examples,
    /// How much longer than the log says the exchange took.
    longer: Examples,
    /// Lines of whole seconds that were written within the second in which the exchange ended, and in another.
    within: (usize, usize),
}

impl<'a> Traits<'a> {
    /// Learns from pairs that are sure.
    pub fn learn(
        pairs: impl IntoIterator<Item = (&'a Attempt, &'a Exchange)>,
        offset: &Offset,
    ) -> Self {
        let mut traits = Self::default();
        for (attempt, exchange) in pairs {
            for (kind, value) in Self::answers(attempt, exchange).into_iter().flatten() {
                traits.bytes.entry(kind).or_default().0.push(value);
            }
            match lateness(attempt, exchange, offset) {
                Lateness::Exact(value) => traits.late.0.push(value),
                Lateness::Second(0) => traits.within.0 += 1,
                Lateness::Second(_) => traits.within.1 += 1,
            }
            traits.longer.0.extend(longer(attempt, exchange));
        }
        let all = traits.bytes.values_mut().chain([&mut traits.late, &mut traits.longer]);
        all.for_each(|examples| examples.0.sort_unstable());
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
        } else if self.late.0.len() >= ENOUGH {
            4.0 * ALIKE_TIME as f64 / 1e9
        } else {
            WIDEST
        }
    }

    /// The logarithm of how well a pair fits what is known of the others. `is_example` is whether it is one of them.
    pub fn fit(&self, attempt: &Attempt, exchange: &Exchange, offset: &Offset, is_example: bool) -> f64 {
        let answers = Traits::answers(attempt, exchange).into_iter().flatten();
        let known = answers
            .filter_map(|(kind, value)| Some((self.bytes.get(&kind)?, value)))
            .filter(|(examples, _)| examples.0.len() >= ENOUGH).next();
        let mut fit = known.map_or(0.0, |(examples, value)| examples.fit(value, ALIKE_BYTES, is_example));
        fit += match lateness(attempt, exchange, offset) {
            Lateness::Exact(value) => self.late.fit(value, ALIKE_TIME, is_example),
            Lateness::Second(0) => 0.0,
            Lateness::Second(beyond) => {
                let (within, outside) = self.within;
                let share = (outside as f64 + 0.5) / ((within + outside) as f64 + 1.0);
                let scale = if beyond > 0 { LATE } else { EARLY };
                (-beyond.abs() as f64 / scale).max(share.ln()).max(LEAST)
            }
        };
        if let Some(value) = longer(attempt, exchange) {
            fit += self.longer.fit(value, ALIKE_TIME, is_example);
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
