//! What an offset weighs before any attempt votes for it.

use super::{Ballot, MILLI, QUARTER, SAME_HOST, SECOND, reach};
use crate::log::pair::DAY;
use crate::time::Clock;

/// What an offset between `low` and `high` weighs before any vote: the logarithm of its probability.
pub(super) fn prior(low: i64, high: i64, ballot: &Ballot) -> f64 {
    /// No offset is known better than this, so none is penalised for being narrower.
    const NARROWEST: i64 = 5 * MILLI;
    let (low, high) = if high - low < NARROWEST {
        let middle = low / 2 + high / 2;
        (middle - NARROWEST / 2, middle + NARROWEST / 2)
    } else {
        (low, high)
    };
    if let Some((from, to)) = ballot.within {
        let overlap = high.min(to) - low.max(from);
        return (overlap.max(NARROWEST) as f64 / (to - from).max(NARROWEST) as f64).min(1.0).ln();
    }
    let Some(reach) = reach(ballot) else {
        // Anything: all of a day is as likely.
        return ((high - low) as f64 / DAY as f64).min(1.0).ln();
    };
    // Share and half width of each box around a multiple of 15 minutes.
    let boxes: &[(f64, i64)] = match (ballot.skew, ballot.is_same_host) {
        (Some(_), _) => &[(0.98, 0), (0.02, QUARTER / 2)],
        (None, true) => &[(0.97, SAME_HOST), (0.03, QUARTER / 2)],
        (None, false) => &[(0.5, 2 * SECOND), (0.3, 90 * SECOND), (0.2, QUARTER / 2)],
    };
    let quarters = (2 * reach / QUARTER) as f64;
    let mut mass = 0.0;
    let first = (low - QUARTER / 2).div_euclid(QUARTER);
    let last = (high + QUARTER / 2).div_euclid(QUARTER);
    for quarter in (first..=last).take(200) {
        let share = match (ballot.is_utc && ballot.wire.clock == Clock::Utc, quarter) {
            (true, 0) => 0.9,
            (true, _) => 0.1 / quarters,
            (false, _) => 1.0 / quarters,
        };
        for (portion, half) in boxes {
            let centre = quarter * QUARTER;
            let (from, to) = match ballot.skew {
                Some((from, to)) if *half == 0 => (centre + from - SAME_HOST, centre + to + SAME_HOST),
                _ => (centre - half, centre + half),
            };
            let overlap = high.min(to) - low.max(from);
            if overlap > 0 {
                mass += share * portion * overlap as f64 / (to - from) as f64;
            }
        }
    }
    mass.max(1e-12).ln()
}
