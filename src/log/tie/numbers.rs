//! What nginx's numbers of connections show: lines with one number are about one connection, those with another number about another, and
//! numbers rise as connections are accepted.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::matching::Pair;
use super::{MILLI, Work};

/// A connection may be accepted this much after one that began later, in nanoseconds: by another process, or one that is busy.
const BUSY: i64 = 250 * MILLI;

/// Fewer numbers whose connections are known show no order.
const FEW: usize = 3;

/// Rounds in which what is known of some numbers is applied to others.
const ROUNDS: usize = 4;

/// Connections that each number may be, of one log.
type Candidates = BTreeMap<u64, BTreeSet<usize>>;

impl Work<'_> {
    /// Leaves out the pairs that the numbers in their lines exclude.
    pub(super) fn retain_by_number(&self, pairs: &mut Vec<Pair>) {
        let number = |pair: &Pair| {
            let attempt = &self.logs.attempts[pair.attempt];
            Some((self.logs.clocks[attempt.clock.index()].log, attempt.connection?))
        };
        if !pairs.iter().any(|pair| number(pair).is_some()) {
            return;
        }
        let (of_exchange, begins) = self.connections();
        // What each line leaves for its number.
        let mut of_line: BTreeMap<(u16, u64, usize), BTreeSet<usize>> = BTreeMap::new();
        for pair in pairs.iter() {
            if let Some((log, number)) = number(pair) {
                let connections = of_line.entry((log, number, pair.attempt)).or_default();
                connections.insert(of_exchange[pair.exchange]);
            }
        }
        let mut of_log: BTreeMap<u16, Candidates> = BTreeMap::new();
        for ((log, number, _), connections) in of_line {
            let known = of_log.entry(log).or_default().entry(number);
            known.and_modify(|known| known.retain(|one| connections.contains(one))).or_insert(connections);
        }
        for candidates in of_log.values_mut() {
            // A server that was started again counts from the beginning.
            candidates.retain(|_, connections| !connections.is_empty());
            narrow(candidates, &begins);
        }
        pairs.retain(|pair| {
            let Some((log, number)) = number(pair) else { return true };
            let candidates = of_log.get(&log).and_then(|candidates| candidates.get(&number));
            candidates.is_none_or(|candidates| candidates.contains(&of_exchange[pair.exchange]))
        });
    }

    /// The connection of each exchange, and when each connection began, in nanoseconds.
    fn connections(&self) -> (Vec<usize>, Vec<i64>) {
        let mut latest = HashMap::new();
        let mut begins = Vec::new();
        let mut of_exchange = Vec::with_capacity(self.wire.exchanges.len());
        for exchange in &self.wire.exchanges {
            let ends = (exchange.client, exchange.server);
            // A further request of a connection has no handshake of its own.
            let connection = match latest.get(&ends) {
                Some(known) if exchange.round_trips == 1 => *known,
                _ => {
                    begins.push(exchange.start.nanos());
                    begins.len() - 1
                }
            };
            latest.insert(ends, connection);
            of_exchange.push(connection);
        }
        (of_exchange, begins)
    }
}

/// Applies what is known of some numbers to the others, unless they contradict each other.
fn narrow(candidates: &mut Candidates, begins: &[i64]) {
    let mut narrowed = candidates.clone();
    for _ in 0..ROUNDS {
        let known: Vec<(u64, usize)> = narrowed
            .iter()
            .filter_map(|(number, connections)| match connections.first() {
                Some(connection) if connections.len() == 1 => Some((*number, *connection)),
                _ => None,
            })
            .collect();
        let is_rising = known.windows(2).all(|two| begins[two[0].1] <= begins[two[1].1].saturating_add(BUSY));
        let distinct: BTreeSet<usize> = known.iter().map(|(_, connection)| *connection).collect();
        if known.len() < FEW || !is_rising || distinct.len() < known.len() {
            return;
        }
        let mut has_changed = false;
        for (number, connections) in narrowed.iter_mut().filter(|(_, connections)| connections.len() > 1) {
            let at = known.partition_point(|(other, _)| other < number);
            let begin = |index: usize| known.get(index).map(|(_, connection)| begins[*connection]);
            let earliest =
                at.checked_sub(1).and_then(begin).map_or(i64::MIN, |begin| begin.saturating_sub(BUSY));
            let latest = begin(at).map_or(i64::MAX, |begin| begin.saturating_add(BUSY));
            let before = connections.len();
            connections.retain(|one| (earliest..=latest).contains(&begins[*one]) && !distinct.contains(one));
            has_changed |= connections.len() != before;
            if connections.is_empty() {
                return;
            }
        }
        candidates.clone_from(&narrowed);
        if !has_changed {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: i64 = 1_000 * MILLI;

    fn narrowed(candidates: &[(u64, &[usize])], begins: &[i64]) -> Vec<Vec<usize>> {
        let mut candidates: Candidates =
            candidates.iter().map(|(number, list)| (*number, list.iter().copied().collect())).collect();
        narrow(&mut candidates, begins);
        candidates.into_values().map(|list| list.into_iter().collect()).collect()
    }

    #[test]
    fn a_number_between_two_is_a_connection_between_theirs() {
        let begins: Vec<i64> = (0..8).map(|second| second * SECOND).collect();
        let candidates: [(u64, &[usize]); 4] = [(1, &[0]), (5, &[2]), (6, &[1, 4, 7]), (9, &[6])];
        assert_eq!(narrowed(&candidates, &begins), [vec![0], vec![2], vec![4], vec![6]]);
    }

    #[test]
    fn another_number_is_another_connection() {
        let begins = [0, SECOND, SECOND, SECOND, 2 * SECOND];
        let candidates: [(u64, &[usize]); 4] = [(1, &[0]), (2, &[1]), (3, &[1, 2]), (4, &[4])];
        assert_eq!(narrowed(&candidates, &begins), [vec![0], vec![1], vec![2], vec![4]]);
    }

    #[test]
    fn numbers_that_contradict_each_other_show_nothing() {
        let begins: Vec<i64> = (0..8).map(|second| second * SECOND).collect();
        // They fall in the middle: the server was started again.
        let falling: [(u64, &[usize]); 4] = [(1, &[5]), (2, &[1]), (3, &[0, 2]), (4, &[3])];
        assert_eq!(narrowed(&falling, &begins)[2], [0, 2]);
        let twice: [(u64, &[usize]); 4] = [(1, &[1]), (2, &[1]), (3, &[1, 2]), (4, &[3])];
        assert_eq!(narrowed(&twice, &begins)[2], [1, 2]);
        let none_left: [(u64, &[usize]); 4] = [(1, &[1]), (2, &[2]), (3, &[0, 5]), (4, &[3])];
        assert_eq!(narrowed(&none_left, &begins)[2], [0, 5]);
        let few: [(u64, &[usize]); 3] = [(1, &[1]), (2, &[0, 2]), (3, &[3])];
        assert_eq!(narrowed(&few, &begins)[1], [0, 2]);
    }
}
