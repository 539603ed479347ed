//! Which of a server's requests is which exchange: by the order in which both end.

use super::matching::Pair;
use super::{Choice, Layer, Refusal, Work};

impl Work<'_> {
    /// Chooses on a server's side, where lines have the second in which an exchange ended and no more: each line has an exchange, and both
    /// ended in the same order. What the earliest and the latest assignment agree on is certain to be so.
    pub(super) fn by_order(&mut self, pairs: &[Pair]) -> Vec<Choice> {
        let mut layers: Vec<Layer> = pairs.iter().map(|pair| self.layer(pair.attempt)).collect();
        layers.sort_unstable();
        layers.dedup();
        let mut chosen = Vec::new();
        for layer in layers {
            let mut of_layer: Vec<&Pair> =
                pairs.iter().filter(|pair| self.layer(pair.attempt) == layer).collect();
            of_layer.sort_by_key(|pair| (self.logs.attempts[pair.attempt].end, pair.attempt));
            chosen.extend(self.order_layer(&of_layer));
        }
        chosen
    }

    pub(super) fn order_layer(&mut self, pairs: &[&Pair]) -> Vec<Choice> {
        // A port that the log names leaves nothing to choose.
        let (named, pairs): (Vec<&Pair>, Vec<&Pair>) =
            pairs.iter().copied().partition(|pair| pair.fit.anchors.port);
        let is_named = |pair: &&Pair| {
            named.iter().any(|other| other.attempt == pair.attempt || other.exchange == pair.exchange)
        };
        let pairs: Vec<&Pair> = pairs.into_iter().filter(|pair| !is_named(pair)).collect();
        let by_port = named.iter().map(|pair| Choice::of(pair, false));
        let mut chosen: Vec<Choice> = by_port.collect();
        let end = |pair: &Pair| (self.wire.exchanges[pair.exchange].end, pair.exchange);
        let groups: Vec<Vec<&Pair>> = pairs
            .chunk_by(|one, other| one.attempt == other.attempt)
            .map(|group| {
                let mut group = group.to_vec();
                group.sort_by_key(|pair| end(pair));
                group
            })
            .collect();
        // From the front, each takes the first exchange that ended after the one before; from the back, the last.
        let mut first = vec![None; groups.len()];
        let mut after = None;
        for (place, group) in groups.iter().enumerate() {
            first[place] = group.iter().find(|pair| after.is_none_or(|after| end(pair) > after)).copied();
            after = first[place].map(end).or(after);
        }
        let mut last = vec![None; groups.len()];
        let mut before = None;
        for (place, group) in groups.iter().enumerate().rev() {
            last[place] = group.iter().rfind(|pair| before.is_none_or(|before| end(pair) < before)).copied();
            before = last[place].map(end).or(before);
        }
        for (place, group) in groups.iter().enumerate() {
            let Some(attempt) = group.first().map(|pair| pair.attempt) else { continue };
            match (first[place], last[place]) {
                (Some(one), Some(other)) if one.exchange == other.exchange => {
                    chosen.push(Choice::of(one, group.len() > 1));
                }
                _ => {
                    let rivals = group.iter().map(|pair| pair.exchange).collect();
                    self.refusals[attempt] = Some(Refusal::Ambiguous(rivals));
                }
            }
        }
        chosen
    }
}
