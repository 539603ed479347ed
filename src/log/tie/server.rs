//! Which of a server's requests is which exchange: by the order in which both end.

use std::collections::{BTreeMap, BTreeSet};

use super::matching::Pair;
use super::{Choice, Layer, Refusal, Work};
use crate::log::pair::Agreement;
use crate::time::MILLI;

/// Two exchanges that end within this time, in nanoseconds, may be logged in either order.
const CLOSE: i64 = 50 * MILLI;

impl Work<'_> {
    /// Chooses on a server's side, where lines have the second in which an exchange ended and no more.
    ///
    /// Lines and exchanges that could be each other's are a group, and a line that fits one exchange which nobody else fits is
    /// its. In a larger group their order decides, and only where it has as many lines as exchanges: with one more on either
    /// side, nobody knows which of them has no counterpart, and all behind it would be off by one.
    pub(super) fn by_order(&mut self, pairs: &[Pair]) -> Vec<Choice> {
        let mut layers: Vec<Layer> = pairs.iter().map(|pair| self.layer(pair.attempt)).collect();
        layers.sort_unstable();
        layers.dedup();
        let mut chosen = Vec::new();
        for layer in layers {
            let of_layer: Vec<&Pair> =
                pairs.iter().filter(|pair| self.layer(pair.attempt) == layer).collect();
            chosen.extend(self.order_layer(&of_layer));
        }
        chosen
    }

    fn order_layer(&mut self, pairs: &[&Pair]) -> Vec<Choice> {
        // A port that the log names leaves nothing to choose.
        let (named, pairs): (Vec<&Pair>, Vec<&Pair>) =
            pairs.iter().copied().partition(|pair| pair.fit.anchors.port);
        let is_named = |pair: &&Pair| {
            named.iter().any(|other| other.attempt == pair.attempt || other.exchange == pair.exchange)
        };
        let pairs: Vec<&Pair> = pairs.into_iter().filter(|pair| !is_named(pair)).collect();
        let mut chosen: Vec<Choice> = named.iter().map(|pair| Choice::of(pair, false)).collect();
        for group in groups(&with_outcomes(&pairs)) {
            chosen.extend(self.order_group(&group));
        }
        chosen
    }

    /// Assigns the lines of a group in their order to its exchanges in theirs, or none of them. Two that ended close together are
    /// assigned to nothing: a server may log them in another order than their last packets have.
    fn order_group(&mut self, pairs: &[&Pair]) -> Vec<Choice> {
        let ended = |exchange: usize| (self.wire.exchanges[exchange].end, exchange);
        let written = |attempt: usize| (self.logs.attempts[attempt].end, attempt);
        let mut attempts: Vec<usize> = pairs.iter().map(|pair| pair.attempt).collect();
        attempts.sort_by_key(|attempt| written(*attempt));
        attempts.dedup();
        let mut exchanges: Vec<usize> = pairs.iter().map(|pair| pair.exchange).collect();
        exchanges.sort_by_key(|exchange| ended(*exchange));
        exchanges.dedup();
        let fit = |attempt: usize, exchange: usize| {
            pairs.iter().find(|pair| pair.attempt == attempt && pair.exchange == exchange)
        };
        let in_order = attempts.iter().zip(&exchanges).map(|(attempt, exchange)| fit(*attempt, *exchange));
        let in_order: Option<Vec<_>> = in_order.collect();
        let is_even = attempts.len() == exchanges.len();
        let mut chosen = Vec::new();
        if let Some(assigned) = in_order.filter(|_| is_even) {
            let close = |one: usize, other: usize| {
                let (one, other) = (&self.wire.exchanges[one], &self.wire.exchanges[other]);
                (other.end - one.end).nanos() < CLOSE
            };
            let is_close = |index: usize| {
                index > 0 && close(exchanges[index - 1], exchanges[index])
                    || exchanges.get(index + 1).is_some_and(|next| close(exchanges[index], *next))
            };
            let clear = assigned.iter().enumerate().filter(|(index, _)| !is_close(*index));
            chosen.extend(clear.map(|(_, pair)| Choice::of(pair, attempts.len() > 1)));
        }
        attempts.retain(|attempt| chosen.iter().all(|choice: &Choice| choice.attempt != *attempt));
        for attempt in attempts {
            let fits = pairs.iter().filter(|pair| pair.attempt == attempt);
            self.refusals[attempt] = Some(Refusal::Ambiguous(fits.map(|pair| pair.exchange).collect()));
        }
        chosen
    }
}

/// The pairs without those in which one side says nothing of the outcome, where their line fits another exchange in that as well.
fn with_outcomes<'p>(pairs: &[&'p Pair]) -> Vec<&'p Pair> {
    let agrees = |pair: &Pair| pair.fit.agreement != Agreement::Silent;
    let agreeing: BTreeSet<usize> =
        pairs.iter().filter(|pair| agrees(pair)).map(|pair| pair.attempt).collect();
    pairs.iter().copied().filter(|pair| agrees(pair) || !agreeing.contains(&pair.attempt)).collect()
}

/// The pairs in groups: two that share a line or an exchange are in one.
fn groups<'p>(pairs: &[&'p Pair]) -> Vec<Vec<&'p Pair>> {
    let mut of_pair: Vec<usize> = (0..pairs.len()).collect();
    let (mut of_attempt, mut of_exchange) = (BTreeMap::new(), BTreeMap::new());
    for (index, pair) in pairs.iter().enumerate() {
        let known = [
            *of_attempt.entry(pair.attempt).or_insert(index),
            *of_exchange.entry(pair.exchange).or_insert(index),
        ];
        for other in known {
            let (one, other) = (root(&mut of_pair, index), root(&mut of_pair, other));
            of_pair[one.max(other)] = one.min(other);
        }
    }
    let mut groups: BTreeMap<usize, Vec<&Pair>> = BTreeMap::new();
    for (index, pair) in pairs.iter().copied().enumerate() {
        groups.entry(root(&mut of_pair, index)).or_default().push(pair);
    }
    groups.into_values().collect()
}

/// The first member of a group, with the way to it made shorter.
fn root(of_pair: &mut [usize], mut index: usize) -> usize {
    while of_pair[index] != index {
        of_pair[index] = of_pair[of_pair[index]];
        index = of_pair[index];
    }
    index
}
