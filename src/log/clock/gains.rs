//! What a vote weighs: how surprising it is that an offset covers an attempt, or several of one burst.

use super::{Ballot, SECOND, reach};
use crate::log::attempt::Attempt;
use crate::log::pair::{self, Anchors};
use crate::time::Clock;

/// Attempts that end within this time of the first are one burst.
const BURST: i64 = 20 * SECOND;

/// What a further attempt of a burst weighs, of what the first weighs: retries follow the same timetable everywhere.
pub(super) const AGAIN: f64 = 0.35;

/// An attempt that may be one of the wire's exchanges.
#[derive(Clone, Copy)]
pub(super) struct Vote {
    /// The least and the greatest offset at which they are the same.
    pub(super) low: i64,
    pub(super) high: i64,
    /// The attempt's index.
    pub(super) attempt: u32,
    /// The exchange's index.
    pub(super) exchange: u32,
    /// What the log names of the exchange.
    pub(super) anchors: Anchors,
}

/// Which burst each attempt belongs to.
pub(super) fn bursts(attempts: &[&Attempt]) -> Vec<u32> {
    let mut order: Vec<usize> = (0..attempts.len()).collect();
    order.sort_by_key(|index| attempts[*index].end);
    let mut bursts = vec![0; attempts.len()];
    let mut burst = 0;
    let mut first: Option<i64> = None;
    for index in order {
        let end = attempts[index].end.nanos();
        if end.saturating_sub(*first.get_or_insert(end)) > BURST {
            burst += 1;
            first = Some(end);
        }
        bursts[index] = burst;
    }
    bursts
}

/// What the bursts that an offset covers weigh.
pub(super) struct Gains {
    /// Weight of each burst that is covered.
    pub(super) bursts: Vec<f64>,
    /// What the first burst weighs more: that anything lies together at all.
    pub(super) first: f64,
}

impl Gains {
    /// What one more attempt of a burst adds, of which `count` are covered.
    pub(super) fn of(&self, burst: usize, count: u32) -> f64 {
        self.bursts[burst] * if count == 0 { 1.0 } else { AGAIN }
    }
}

/// Whether most attempts come at equal distances, so that they fit those of any client with the same timetable.
pub(super) fn is_regular(attempts: &[&Attempt]) -> bool {
    let mut starts: Vec<i64> = attempts
        .iter()
        .filter(|attempt| !attempt.is_presumed)
        .map(|attempt| attempt.begin.unwrap_or(attempt.end).nanos())
        .collect();
    starts.sort_unstable();
    let mut gaps: Vec<i64> =
        starts.windows(2).map(|pair| pair[1].saturating_sub(pair[0])).filter(|gap| *gap > SECOND).collect();
    gaps.sort_unstable();
    // The timetable's distance, if there is one; some times on it are left out.
    let Some(base) = gaps.get(gaps.len() / 8).copied() else { return false };
    let tolerance = (base / 20).max(SECOND);
    let is_multiple = |gap: &&i64| (**gap + base / 2).rem_euclid(base).abs_diff(base / 2) <= tolerance as u64;
    let equal = gaps.iter().filter(is_multiple).count();
    gaps.len() >= 3 && base > 8 * tolerance && equal * 10 >= gaps.len() * 7
}

/// How surprising it is that a burst is covered at an offset, if log and capture have nothing to do with each other.
pub(super) fn gains(votes: &[Vote], bursts: &[u32], ballot: &Ballot) -> Gains {
    let range = reach(ballot).map_or(pair::DAY, |reach| 2 * reach) as f64;
    let (from, to) = ballot.wire.span;
    // Within the capture, chance is denser than over all offsets.
    let near = ((to - from).nanos() as f64).clamp(10.0 * SECOND as f64, range);
    let mut widths = vec![0.0; bursts.len()];
    for vote in votes {
        widths[vote.attempt as usize] += (vote.high - vote.low) as f64;
    }
    // The mean of a burst's attempts that vote.
    let mut sums = vec![(0.0, 0.0); bursts.iter().max().map_or(0, |last| *last as usize + 1)];
    for (width, burst) in widths.iter().zip(bursts).filter(|(width, _)| **width > 0.0) {
        let (sum, count) = &mut sums[*burst as usize];
        *sum += (0.9 * near / width).ln().clamp(0.0, 12.0);
        *count += 1.0;
    }
    let bursts = sums.iter().map(|(sum, count)| if *count > 0.0 { sum / count } else { 0.0 }).collect();
    // Where the zone is known, log and capture may well be of the same ten minutes and have nothing else in common.
    let is_known = ballot.is_utc && ballot.wire.clock == Clock::Utc;
    let all = if is_known { (600.0 * SECOND as f64).max(near) } else { range };
    let first = (all / near).ln();
    Gains { bursts, first }
}
