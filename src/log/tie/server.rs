//! Which of a server's requests is which exchange: by the order in which both end, and by what else they have in common.

use std::collections::{BTreeMap, BTreeSet};

use super::align::{Cell, align};
use super::matching::Pair;
use super::traits::{Compared, Traits, exact_lateness};
use super::{Choice, Layer, Objection, Work, is_front};
use crate::log::attempt::Side;
use crate::log::clock::{Offset, OffsetSource};
use crate::log::pair::{self, Agreement};
use crate::time::{Elapsed, MILLI, SECOND};

/// A line is tied to an exchange that it is about with this probability, as far as order and traits show.
const SURE: f64 = 0.9995;

/// Rounds of learning.
const ROUNDS: usize = 5;

/// What the lines of one layer and the exchanges that they fit are aligned by.
struct Sequence<'p> {
    pairs: Vec<&'p Pair>,
    /// Row and column of each pair.
    cells: Vec<Cell>,
    /// For each row, how many lines per second could be its own: of the same client, at about that time.
    density: Vec<f64>,
    /// When each column's exchange ended, in nanoseconds.
    ends: Vec<i64>,
    /// Which kind each column's exchange is of.
    kinds: Vec<usize>,
    /// Lines of the layer within the capture that fit nothing.
    unmatched: usize,
}

impl Work<'_> {
    /// Chooses on a server's side, where lines have the second in which an exchange ended and no more.
    ///
    /// Lines and exchanges are compared as two sequences. A line that fits several exchanges is tied where their order, and what it has in
    /// common with other lines that are tied, leave one of them.
    pub(super) fn by_order(&mut self, clock: usize, pairs: &[Pair], offset: &Offset) -> Vec<Choice> {
        let mut layers: Vec<Layer> = pairs.iter().map(|pair| self.layer(pair.attempt)).collect();
        layers.sort_unstable();
        layers.dedup();
        // Lines that come after their exchange have one too.
        let outlived = self.outlived(clock, offset);
        let mut chosen = Vec::new();
        for layer in layers {
            let of_layer: Vec<&Pair> =
                pairs.iter().filter(|pair| self.layer(pair.attempt) == layer).collect();
            let fits: BTreeSet<usize> =
                of_layer.iter().map(|pair| pair.attempt).chain(outlived.clone()).collect();
            let unmatched = self.unmatched(clock, layer, &fits, offset);
            // A port that the log names leaves only the requests of one connection to choose from.
            let (named, others): (Vec<&Pair>, Vec<&Pair>) =
                of_layer.iter().copied().partition(|pair| pair.fit.anchors.port);
            let of_named: BTreeSet<usize> = named.iter().map(|pair| pair.attempt).collect();
            let exchanges: BTreeSet<usize> = named.iter().map(|pair| pair.exchange).collect();
            let others: Vec<&Pair> = others
                .into_iter()
                .filter(|pair| !of_named.contains(&pair.attempt) && !exchanges.contains(&pair.exchange))
                .collect();
            chosen.extend(self.choose(&self.sequence(named, unmatched), offset));
            chosen.extend(self.choose(&self.sequence(with_outcomes(&others), unmatched), offset));
        }
        chosen
    }

    /// A server's lines that have parts of a second are written as their exchanges end: the middle one of them shows the offset better than
    /// what all of them allow.
    ///
    /// Returns whether the offset is a better one.
    pub(super) fn refine(&mut self, clock: usize, offset: &mut Offset, chosen: &[Choice]) -> bool {
        /// Fewer lines may all be late.
        const FEW: usize = 3;
        /// No program takes longer for its line, in nanoseconds.
        const LATEST: i64 = 200 * MILLI;
        let late = |choice: &Choice| {
            let attempt = &self.logs.attempts[choice.attempt];
            exact_lateness(attempt, &self.wire.exchanges[choice.exchange], offset)
        };
        let mut late: Vec<i64> = chosen.iter().filter_map(late).collect();
        late.sort_unstable();
        let Some(middle) = late.get(late.len() / 2).filter(|middle| middle.abs() <= LATEST) else {
            return false;
        };
        let is_own = self.clocks[clock].as_ref().is_ok_and(|known| known.value == offset.value);
        if late.len() < FEW || offset.source == OffsetSource::Given || !is_own {
            return false;
        }
        offset.value = Elapsed::from_nanos(offset.value.nanos().saturating_add(*middle));
        offset.bounds = (offset.bounds.0.min(offset.value), offset.bounds.1.max(offset.value));
        self.clocks[clock] = Ok(offset.clone());
        true
    }

    /// Lines of a layer that lie within the capture and fit nothing.
    fn unmatched(&self, clock: usize, layer: Layer, fits: &BTreeSet<usize>, offset: &Offset) -> usize {
        let is_unmatched = |index: &&usize| {
            let attempt = &self.logs.attempts[**index];
            !fits.contains(*index)
                && self.layer(**index) == layer
                && self.ties[**index].is_none()
                && pair::expects_connection(attempt)
                && self.is_in_capture(attempt, offset)
        };
        self.of_clock[clock].iter().filter(is_unmatched).count()
    }

    /// Lines in the order of the log, exchanges in that of their ends, as the server saw them.
    fn sequence<'p>(&self, mut pairs: Vec<&'p Pair>, unmatched: usize) -> Sequence<'p> {
        let ended = |index: usize| {
            let exchange = &self.wire.exchanges[index];
            let (shift, _) = exchange.shift(Side::Server, exchange.end_by);
            (exchange.end.nanos().saturating_add(shift), index)
        };
        let written = |index: usize| {
            let attempt = &self.logs.attempts[index];
            (attempt.end, attempt.lines.last().map(|line| (line.file, line.number)), index)
        };
        let mut rows: Vec<usize> = pairs.iter().map(|pair| pair.attempt).collect();
        let mut columns: Vec<usize> = pairs.iter().map(|pair| pair.exchange).collect();
        rows.sort_unstable();
        rows.dedup();
        rows.sort_by_key(|index| written(*index));
        columns.sort_unstable();
        columns.dedup();
        columns.sort_by_key(|index| ended(*index));
        let place = |list: &[usize]| -> BTreeMap<usize, usize> {
            list.iter().enumerate().map(|(place, index)| (*index, place)).collect()
        };
        let (row_of, column_of) = (place(&rows), place(&columns));
        let of = |pair: &Pair| (row_of[&pair.attempt], column_of[&pair.exchange]);
        pairs.sort_by_key(|pair| of(pair));
        let cells = pairs.iter().map(|pair| {
            let (row, column) = of(pair);
            Cell { row, column, fit: 0.0 }
        });
        Sequence {
            cells: cells.collect(),
            density: self.density(&rows),
            ends: columns.iter().map(|index| ended(*index).0).collect(),
            kinds: self.kinds(&columns),
            pairs,
            unmatched,
        }
    }

    /// The kinds of exchanges: by the status that the front end logged, and by the size of the answer where several have it.
    fn kinds(&self, columns: &[usize]) -> Vec<usize> {
        const SEVERAL: usize = 5;
        let mut sizes: BTreeMap<u32, usize> = BTreeMap::new();
        let size = |index: &usize| self.wire.exchanges[*index].answer_bytes;
        columns.iter().filter_map(size).for_each(|size| *sizes.entry(size).or_default() += 1);
        let mut known = BTreeMap::new();
        let mut kind = |index: &usize| {
            let served = self.served[*index].map(|served| self.logs.attempts[served].status);
            let size = size(index).filter(|size| sizes[size] >= SEVERAL);
            let next = known.len();
            *known.entry((served, size)).or_insert(next)
        };
        columns.iter().map(&mut kind).collect()
    }

    /// For each line, how many lines of its client there are in a second at about that time.
    fn density(&self, rows: &[usize]) -> Vec<f64> {
        const ABOUT: i64 = 5 * SECOND;
        let mut of_client: BTreeMap<_, Vec<i64>> = BTreeMap::new();
        let about = |row: usize| {
            let attempt = &self.logs.attempts[row];
            (attempt.client.ip, attempt.end.nanos())
        };
        for (client, at) in rows.iter().map(|row| about(*row)) {
            of_client.entry(client).or_default().push(at);
        }
        let density = |row: &usize| {
            let (client, at) = about(*row);
            let lines = &of_client[&client];
            let from = lines.partition_point(|other| *other < at.saturating_sub(ABOUT));
            let to = lines.partition_point(|other| *other <= at.saturating_add(ABOUT));
            to.saturating_sub(from) as f64 / (2.0 * ABOUT as f64 / 1e9)
        };
        rows.iter().map(density).collect()
    }

    /// Aligns, learns from what is sure, and aligns again.
    fn choose(&mut self, sequence: &Sequence<'_>, offset: &Offset) -> Vec<Choice> {
        const CHANCE: (f64, f64) = (1e-3, 1.0);
        let Sequence { pairs, cells, ends, kinds, density, unmatched } = sequence;
        let mut cells = cells.clone();
        let both = |pair: &Pair| {
            let attempt = &self.logs.attempts[pair.attempt];
            Compared {
                attempt,
                exchange: &self.wire.exchanges[pair.exchange],
                is_served: (!is_front(attempt)).then(|| self.served[pair.exchange].is_some()),
            }
        };
        let mut found = vec![0.0; cells.len()];
        let mut chance = vec![0.0; density.len()];
        for _ in 0..ROUNDS {
            let examples = pairs.iter().zip(&found).map(|(pair, found)| (both(pair), *found));
            let traits = Traits::learn(examples, offset);
            for ((cell, pair), found) in cells.iter_mut().zip(pairs).zip(&found) {
                let pair = both(pair);
                cell.fit = traits.fit(pair, offset, *found);
                let lines = density[cell.row] * traits.width(pair.attempt);
                chance[cell.row] = lines.clamp(CHANCE.0, CHANCE.1).ln();
            }
            found = align(&cells, ends, &chance, kinds, *unmatched);
        }
        self.pick(pairs, &found)
    }

    /// The exchange of each line that is sure: by itself, or as one of the requests of a connection, of which the likeliest is taken.
    fn pick(&mut self, pairs: &[&Pair], found: &[f64]) -> Vec<Choice> {
        let mut fitting: BTreeMap<usize, usize> = BTreeMap::new();
        for pair in pairs {
            *fitting.entry(pair.exchange).or_default() += 1;
        }
        let mut of_line: BTreeMap<usize, Vec<(f64, &Pair)>> = BTreeMap::new();
        for (pair, found) in pairs.iter().zip(found) {
            of_line.entry(pair.attempt).or_default().push((*found, pair));
        }
        let (mut chosen, mut open, mut held) = (Vec::new(), Vec::new(), BTreeSet::new());
        for (attempt, mut list) in of_line {
            list.sort_by(|one, other| other.0.total_cmp(&one.0).then(one.1.exchange.cmp(&other.1.exchange)));
            let (best, pair) = list[0];
            if best >= SURE {
                held.insert(pair.exchange);
                let is_by_order = list.len() > 1 || fitting[&pair.exchange] > 1;
                chosen.push(Choice::of(pair, is_by_order));
            } else {
                open.push((attempt, list));
            }
        }
        for (attempt, list) in open {
            let own: Vec<&(f64, &Pair)> =
                list.iter().filter(|(_, pair)| self.is_same_connection(list[0].1, pair)).collect();
            let is_sure = own.iter().map(|(found, _)| found).sum::<f64>() >= SURE;
            let free = own.iter().map(|(_, pair)| pair).find(|pair| !held.contains(&pair.exchange));
            if let Some(pair) = free.filter(|_| is_sure) {
                held.insert(pair.exchange);
                chosen.push(Choice::of(pair, true));
            } else {
                let fits = list.iter().map(|(_, pair)| pair.exchange);
                self.refusals[attempt] = Some(Objection::Ambiguous(fits.collect()));
            }
        }
        chosen
    }

    /// Whether two exchanges are requests of one connection: the later one has no handshake of its own.
    fn is_same_connection(&self, one: &Pair, other: &Pair) -> bool {
        let (one, other) = (&self.wire.exchanges[one.exchange], &self.wire.exchanges[other.exchange]);
        let later = if one.start > other.start { one } else { other };
        (one.client, one.server) == (other.client, other.server)
            && (one.start == other.start || later.round_trips == 1)
    }
}

/// The pairs without those in which one side says nothing of the outcome, where their line fits another exchange in that as well.
fn with_outcomes<'p>(pairs: &[&'p Pair]) -> Vec<&'p Pair> {
    let agrees = |pair: &Pair| pair.fit.agreement != Agreement::Silent;
    let agreeing: BTreeSet<usize> =
        pairs.iter().filter(|pair| agrees(pair)).map(|pair| pair.attempt).collect();
    pairs.iter().copied().filter(|pair| agrees(pair) || !agreeing.contains(&pair.attempt)).collect()
}
