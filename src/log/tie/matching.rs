//! Which of several attempts made which of several exchanges, at a known offset.
//!
//! Every attempt that can have an exchange gets one, and of all such assignments the closest is taken. Closeness is the room that an
//! attempt leaves around its exchange, squared, so that of two that overlap the assignment that keeps the order is the closer one. An assignment that another one
//! comes near to is reported as such, not believed.

use std::collections::{BTreeMap, HashMap};

use crate::limits;
use crate::log::clock::Offset;
use crate::log::pair::{Agreement, Explanation, Fit};

/// A pair that fits.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pair {
    pub attempt: usize,
    pub exchange: usize,
    pub fit: Fit,
}

/// An assignment of exchanges to attempts.
pub(super) struct Matching<'a> {
    pairs: &'a [Pair],
    looseness: Vec<f64>,
    /// Whether the pair fits only if the clock has drifted.
    is_drifted: Vec<bool>,
    /// Pairs of each attempt, the closest first.
    of_attempt: BTreeMap<usize, Vec<usize>>,
    /// The pair of an attempt and an exchange.
    of_both: HashMap<(usize, usize), usize>,
    /// Pairs of each exchange.
    of_exchange: BTreeMap<usize, Vec<usize>>,
    /// The pair of each attempt that has one.
    chosen: BTreeMap<usize, usize>,
    /// The pair of each exchange that has one.
    holder: BTreeMap<usize, usize>,
    /// Attempts that may be none.
    presumed: Vec<usize>,
}

/// Rounds of improvement; each makes the assignment closer, and few are needed.
const ROUNDS: usize = 8;

impl<'a> Matching<'a> {
    /// Assigns. `pairs` are sorted by their attempts.
    pub fn new(pairs: &'a [Pair], offset: &Offset, is_presumed: impl Fn(usize) -> bool) -> Self {
        let value = offset.value.nanos();
        let (low, high) = (offset.bounds.0.nanos(), offset.bounds.1.nanos());
        let mut matching = Self {
            pairs,
            looseness: pairs.iter().map(|pair| looseness(&pair.fit, value)).collect(),
            is_drifted: pairs.iter().map(|pair| pair.fit.low > high || pair.fit.high < low).collect(),
            of_attempt: BTreeMap::new(),
            of_both: pairs.iter().map(|pair| (pair.attempt, pair.exchange)).zip(0..).collect(),
            of_exchange: BTreeMap::new(),
            chosen: BTreeMap::new(),
            holder: BTreeMap::new(),
            presumed: Vec::new(),
        };
        for (index, pair) in pairs.iter().enumerate() {
            matching.of_attempt.entry(pair.attempt).or_default().push(index);
            matching.of_exchange.entry(pair.exchange).or_default().push(index);
        }
        let cost: Vec<f64> = (0..pairs.len()).map(|index| matching.cost(index)).collect();
        for list in matching.of_attempt.values_mut().chain(matching.of_exchange.values_mut()) {
            list.sort_by(|one, other| cost[*one].total_cmp(&cost[*other]).then(one.cmp(other)));
        }
        matching.presumed =
            matching.of_attempt.keys().copied().filter(|attempt| is_presumed(*attempt)).collect();
        matching.assign(&cost);
        matching
    }

    /// Looseness, and a penalty for what fits only if the clock has drifted.
    fn cost(&self, pair: usize) -> f64 {
        self.looseness[pair] + if self.is_drifted[pair] { 1.0 } else { 0.0 }
    }

    fn assign(&mut self, cost: &[f64]) {
        let mut order: Vec<usize> = (0..self.pairs.len()).collect();
        order.sort_by(|one, other| cost[*one].total_cmp(&cost[*other]).then(one.cmp(other)));
        for index in order {
            let pair = &self.pairs[index];
            if !self.chosen.contains_key(&pair.attempt) && !self.holder.contains_key(&pair.exchange) {
                self.take(index);
            }
        }
        // Those that were left out get one if others can change theirs. Those that may be none come last.
        let left: Vec<usize> =
            self.of_attempt.keys().copied().filter(|attempt| !self.chosen.contains_key(attempt)).collect();
        let (presumed, stated): (Vec<usize>, Vec<usize>) =
            left.into_iter().partition(|attempt| self.is_presumed(*attempt));
        let mut left = limits::LOG_CHAINS;
        for attempt in stated.into_iter().chain(presumed) {
            self.augment(attempt, &mut left);
        }
        for _ in 0..ROUNDS {
            if !self.improve(cost) {
                break;
            }
        }
    }

    fn is_presumed(&self, attempt: usize) -> bool {
        self.presumed.binary_search(&attempt).is_ok()
    }

    fn take(&mut self, index: usize) {
        let pair = &self.pairs[index];
        self.chosen.insert(pair.attempt, index);
        self.holder.insert(pair.exchange, index);
    }

    /// Finds a chain of changes at whose end an exchange is free, the shortest one, while `left` more pairs may be looked at.
    fn augment(&mut self, attempt: usize, left: &mut usize) {
        let mut reached: BTreeMap<usize, usize> = BTreeMap::new();
        let mut waiting = std::collections::VecDeque::from([attempt]);
        while let Some(from) = waiting.pop_front() {
            for index in self.of_attempt.get(&from).cloned().unwrap_or_default() {
                let Some(less) = left.checked_sub(1) else { return };
                *left = less;
                let exchange = self.pairs[index].exchange;
                if reached.contains_key(&exchange) || self.is_drifted[index] {
                    continue;
                }
                reached.insert(exchange, index);
                let Some(held) = self.holder.get(&exchange) else {
                    self.change(&reached, exchange, attempt);
                    return;
                };
                waiting.push_back(self.pairs[*held].attempt);
            }
        }
    }

    /// Changes partners back along a chain from the free exchange to the attempt that had none.
    fn change(&mut self, reached: &BTreeMap<usize, usize>, free: usize, first: usize) {
        let mut exchange = free;
        for _ in 0..=reached.len() {
            let Some(index) = reached.get(&exchange).copied() else { return };
            let attempt = self.pairs[index].attempt;
            let before = self.chosen.get(&attempt).map(|held| self.pairs[*held].exchange);
            self.take(index);
            match before {
                Some(before) if attempt != first => exchange = before,
                _ => return,
            }
        }
    }

    /// Two attempts change partners, or one takes a free exchange, where that is closer.
    fn improve(&mut self, cost: &[f64]) -> bool {
        let mut has_improved = false;
        let attempts: Vec<usize> = self.chosen.keys().copied().collect();
        for attempt in attempts {
            for index in self.of_attempt.get(&attempt).cloned().unwrap_or_default() {
                let Some(own) = self.chosen.get(&attempt).copied() else { continue };
                let exchange = self.pairs[index].exchange;
                if index == own {
                    continue;
                }
                match self.holder.get(&exchange).copied() {
                    None if cost[index] < cost[own] => {
                        self.holder.remove(&self.pairs[own].exchange);
                        self.take(index);
                        has_improved = true;
                    }
                    Some(theirs) => {
                        let Some(crossed) = self.find(self.pairs[theirs].attempt, self.pairs[own].exchange)
                        else {
                            continue;
                        };
                        if cost[index] + cost[crossed] < cost[own] + cost[theirs] {
                            self.take(index);
                            self.take(crossed);
                            has_improved = true;
                        }
                    }
                    None => {}
                }
            }
        }
        has_improved
    }

    fn find(&self, attempt: usize, exchange: usize) -> Option<usize> {
        self.of_both.get(&(attempt, exchange)).copied()
    }

    /// Each attempt that has an exchange, and the pair.
    pub fn iter(&self) -> impl Iterator<Item = (usize, &'a Pair)> {
        self.chosen.iter().map(|(attempt, index)| (*attempt, &self.pairs[*index]))
    }

    /// Exchanges that the attempt could as well have, in exchange for its own, and its pairs with those that are free.
    pub fn rivals(&self, attempt: usize, pair: &Pair) -> (Vec<usize>, Vec<&'a Pair>) {
        let (mut rivals, mut free) = (Vec::new(), Vec::new());
        let Some(own) = self.find(attempt, pair.exchange) else { return (rivals, free) };
        for index in self.of_attempt.get(&attempt).into_iter().flatten().copied() {
            let other = &self.pairs[index];
            if index == own || self.is_drifted[index] && !self.is_drifted[own] {
                continue;
            }
            match self.holder.get(&other.exchange).copied() {
                None => free.push(other),
                Some(theirs) => {
                    let Some(crossed) = self.find(self.pairs[theirs].attempt, pair.exchange) else {
                        continue;
                    };
                    // Both have to be possible at one and the same offset.
                    let (one, two) = (&other.fit, &self.pairs[crossed].fit);
                    let is_possible = one.low.max(two.low) <= one.high.min(two.high);
                    if !is_possible || self.is_drifted[crossed] && !self.is_drifted[theirs] {
                        continue;
                    }
                    let (direct, other_way) = (
                        self.looseness[own] + self.looseness[theirs],
                        self.looseness[index] + self.looseness[crossed],
                    );
                    if !is_much_less(direct, other_way) {
                        rivals.push(other.exchange);
                    }
                }
            }
        }
        (rivals, free)
    }

    /// Whether a pair is much closer than another of the same attempt.
    pub fn is_clear(&self, pair: &Pair, rival: &Pair) -> bool {
        match (self.find(pair.attempt, pair.exchange), self.find(rival.attempt, rival.exchange)) {
            (Some(own), Some(other)) => is_much_less(self.looseness[own], self.looseness[other]),
            _ => true,
        }
    }

    /// Whether an attempt that has nothing would have this exchange as well.
    pub fn is_contested(&self, attempt: usize, pair: &Pair) -> bool {
        let Some(own) = self.find(attempt, pair.exchange) else { return false };
        !self.is_presumed(attempt)
            && self.of_exchange.get(&pair.exchange).into_iter().flatten().copied().any(|index| {
                let contender = self.pairs[index].attempt;
                contender != attempt
                    && !self.chosen.contains_key(&contender)
                    && !self.is_presumed(contender)
                    && (!self.is_drifted[index] || self.is_drifted[own])
                    && !is_much_less(self.looseness[own], self.looseness[index])
            })
    }

    /// Attempts that have nothing, and who has what they could have.
    pub fn left_out(&self) -> impl Iterator<Item = (usize, usize)> {
        self.of_attempt.iter().filter(|(attempt, _)| !self.chosen.contains_key(attempt)).filter_map(
            |(attempt, pairs)| {
                let exchange = self.pairs[*pairs.first()?].exchange;
                Some((*attempt, self.pairs[*self.holder.get(&exchange)?].attempt))
            },
        )
    }
}

/// How much room the attempt leaves around the exchange, in seconds squared. What needs an allowance, or an explanation, is the looser
/// for it.
fn looseness(fit: &Fit, offset: i64) -> f64 {
    /// An exchange that is a little outside is not as likely as one that is inside by as much.
    const OUTSIDE: f64 = 8.0;
    let room = |nanos: i64| if nanos < 0 { nanos as f64 * OUTSIDE / 1e9 } else { nanos as f64 / 1e9 };
    let before = room(offset - fit.tight.0);
    let after = room(fit.tight.1 - offset);
    // After an end that is not seen there may be any room.
    let after = if fit.is_ended || after < 0.0 { after } else { 0.0 };
    let factor = match fit.agreement {
        Agreement::Agrees | Agreement::Explained(Explanation::AnswerIsEncrypted) => 1.0,
        Agreement::Explained(_) => 2.0,
        Agreement::Silent | Agreement::Disagrees => 4.0,
    };
    (before * before + after * after) * factor
}

/// Whether one looseness is less than another by enough that they can't be confused: by half, and by more than lines scatter.
fn is_much_less(one: f64, other: f64) -> bool {
    const SCATTER: f64 = 0.005 * 0.005;
    other > one * 2.0 + SCATTER
}
