//! What the sizes of answers say for an offset: a server has one page for one error.
//!
//! At the true offset, lines of one kind lie at exchanges whose answers have one size, however many other exchanges are near. At any other
//! offset they lie at exchanges of all sizes. So the lines of each kind are counted that lie at an exchange of the size that most of them have,
//! and what that is above chance is a weight.

use std::collections::{BTreeMap, HashMap};

use super::gains::Vote;
use crate::limits;
use crate::log::attempt::Attempt;
use crate::log::pair::{self, Kind};
use crate::log::wire::Exchange;

/// Fewer lines of a kind say nothing.
const ENOUGH: usize = 3;

/// The share of lines that lie at an exchange of their size, at the true offset.
const TRUE: f64 = 0.95;

/// What this weighs, of what it would weigh if each line were independent of the others: clients repeat what failed.
const INDEPENDENT: f64 = 0.5;

/// The sizes of all answers, by how often they are there.
pub(super) struct Answers<'a> {
    attempts: &'a [&'a Attempt],
    exchanges: &'a [Exchange],
    sizes: HashMap<u32, f64>,
    /// The logarithm of how many offsets are compared.
    offsets: f64,
}

impl<'a> Answers<'a> {
    pub(super) fn of(attempts: &'a [&'a Attempt], exchanges: &'a [Exchange], offsets: usize) -> Self {
        let mut sizes = HashMap::new();
        for size in exchanges.iter().filter_map(|exchange| exchange.answer_bytes) {
            *sizes.entry(size).or_insert(0.0) += 1.0;
        }
        let all: f64 = sizes.values().sum();
        for count in sizes.values_mut() {
            *count /= all.max(1.0);
        }
        Self { attempts, exchanges, sizes, offsets: (offsets.max(1) as f64).ln() }
    }

    /// The weight of an offset at which these votes meet.
    pub(super) fn weight(&self, votes: impl Iterator<Item = &'a Vote>) -> f64 {
        if self.sizes.len() < 2 {
            return 0.0;
        }
        // For each kind and line, the values of the exchanges that it may be about, and how often chance has that size.
        let mut kinds: BTreeMap<Kind, BTreeMap<u32, Vec<(i64, f64)>>> = BTreeMap::new();
        for vote in votes.take(limits::LOG_ANSWERS) {
            let (Some(attempt), Some(exchange)) =
                (self.attempts.get(vote.attempt as usize), self.exchanges.get(vote.exchange as usize))
            else {
                continue;
            };
            let Some((kind, value)) = pair::answer(attempt, exchange) else { continue };
            let share = exchange.answer_bytes.and_then(|size| self.sizes.get(&size)).copied().unwrap_or(1.0);
            kinds.entry(kind).or_default().entry(vote.attempt).or_default().push((value, share));
        }
        // The best of many offsets is not as surprising as one that was known beforehand.
        (INDEPENDENT * kinds.values().map(of_kind).sum::<f64>() - self.offsets).max(0.0)
    }
}

/// What the lines of one kind say.
fn of_kind(lines: &BTreeMap<u32, Vec<(i64, f64)>>) -> f64 {
    if lines.len() < ENOUGH {
        return 0.0;
    }
    let mut counts: BTreeMap<i64, (usize, f64)> = BTreeMap::new();
    for values in lines.values() {
        let mut seen: Vec<(i64, f64)> = values.clone();
        seen.sort_by(|one, other| one.0.cmp(&other.0).then(other.1.total_cmp(&one.1)));
        seen.dedup_by_key(|(value, _)| *value);
        for (value, share) in seen {
            let (count, most) = counts.entry(value).or_insert((0, 0.0));
            *count += 1;
            *most = share.max(*most);
        }
    }
    let all = lines.len() as f64;
    let tries = counts.len() as f64;
    let near = lines.values().map(Vec::len).sum::<usize>() as f64 / all;
    let weight = |(count, share): &(usize, f64)| {
        let chance = (1.0 - (1.0 - share).powf(near)).clamp(0.001, TRUE);
        let (met, missed) = (*count as f64, all - *count as f64);
        met * (TRUE / chance).ln() + missed * ((1.0 - TRUE) / (1.0 - chance)).ln()
    };
    // The size was not known beforehand: one of several was chosen.
    let best = counts.values().map(weight).fold(f64::NEG_INFINITY, f64::max) - tries.ln();
    best.max(0.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(values: &[&[(i64, f64)]]) -> BTreeMap<u32, Vec<(i64, f64)>> {
        values.iter().enumerate().map(|(line, values)| (line as u32, values.to_vec())).collect()
    }

    #[test]
    fn lines_of_one_kind_at_answers_of_one_rare_size_are_no_chance() {
        let own = [(300, 0.1), (700, 0.5)];
        let alike = of_kind(&lines(&[&own[..], &own[..1], &own[..], &own[..1]]));
        assert!(alike > 4.0, "{alike}");
        let common = of_kind(&lines(&[&own[1..], &own[1..], &own[1..], &own[1..]]));
        assert!(common < alike / 2.0, "{common}");
    }

    #[test]
    fn lines_at_answers_of_all_sizes_and_few_lines_say_nothing() {
        let sizes: Vec<[(i64, f64); 1]> = (0..8).map(|size| [(size, 0.12)]).collect();
        let different: Vec<&[(i64, f64)]> = sizes.iter().map(|size| &size[..]).collect();
        assert!(of_kind(&lines(&different)).abs() < 0.01);
        assert!(of_kind(&lines(&different[..2])).abs() < 0.01);
    }
}
