//! Lines of a server and exchanges, both in their order: how probable it is that a line is about an exchange.
//!
//! Lines are written in the order in which exchanges end, apart from those that end together. So what is compared are two sequences, of
//! which each may have members that the other lacks. All ways to align them are weighed at once (the forward-backward algorithm, with a
//! move for two neighbours that change places), and what is common to nearly all of their weight is known, whatever the rest is.

use std::ops::Range;

use crate::limits;
use crate::time::MILLI;

/// Two exchanges that end within this time, in nanoseconds, may be logged in either order.
pub(super) const CLOSE: i64 = 50 * MILLI;

/// The probability that two that end together are logged in the other order, and the time, in nanoseconds, in which it sinks by e.
const CROSSED: (f64, f64) = (0.5, 10.0e6);

/// Lines and exchanges without a counterpart: their share before any is seen, and how many seen ones that weighs as much as.
const UNMATCHED: (f64, f64) = (0.005, 50.0);

/// Rounds in which the shares are estimated.
const ROUNDS: usize = 3;

/// A line and an exchange that may be the same.
#[derive(Clone, Copy, Debug)]
pub(super) struct Cell {
    /// The line, in the order of the log.
    pub row: usize,
    /// The exchange, in the order of the ends.
    pub column: usize,
    /// The logarithm of how well they fit: nothing if they fit as they should.
    pub fit: f64,
}

/// How probable each cell is, in their order; nothing if they are too many to be weighed. `cells` are sorted by row and column; `ends`
/// are the times at which the exchanges ended, in nanoseconds; `chance` is, for each row, the logarithm of the share of lines without an
/// exchange that fit one by chance; `kinds` is, for each exchange, which kind it is of, since those of one kind are logged and those of another
/// not; `unmatched` is how many further lines have no exchange.
pub(super) fn align(
    cells: &[Cell],
    ends: &[i64],
    chance: &[f64],
    kinds: &[usize],
    unmatched: usize,
) -> Vec<f64> {
    let rows = cells.last().map_or(0, |cell| cell.row + 1);
    let segments = segments(cells);
    let share = |count: f64, of: usize| (count + UNMATCHED.0 * UNMATCHED.1) / (of as f64 + UNMATCHED.1);
    let mut lines = share(unmatched as f64, rows + unmatched);
    let mut of_kind = vec![0; kinds.iter().max().map_or(0, |last| last + 1)];
    for kind in kinds {
        of_kind[*kind] += 1;
    }
    // The logarithm for each exchange.
    let mut exchanges = vec![UNMATCHED.0.ln(); ends.len()];
    let mut found = vec![0.0; cells.len()];
    for _ in 0..ROUNDS {
        let mut matched = 0.0;
        for segment in &segments {
            let part = &cells[segment.clone()];
            let posterior =
                Segment::new(part, ends, chance, lines, &exchanges).map(|segment| segment.posterior());
            match posterior {
                Some(posterior) => {
                    matched += posterior.iter().sum::<f64>();
                    found[segment.clone()].copy_from_slice(&posterior);
                }
                None => found[segment.clone()].fill(0.0),
            }
        }
        lines = share((rows as f64 - matched).max(0.0) + unmatched as f64, rows + unmatched).min(0.9);
        let mut matched = vec![0.0; of_kind.len()];
        cells.iter().zip(&found).for_each(|(cell, found)| matched[kinds[cell.column]] += found);
        for (exchange, kind) in exchanges.iter_mut().zip(kinds) {
            let all = of_kind[*kind];
            *exchange = share((all as f64 - matched[*kind]).max(0.0), all).min(0.98).ln();
        }
    }
    found
}

/// The cells in parts of which none has a row or a column between those of another.
fn segments(cells: &[Cell]) -> Vec<Range<usize>> {
    let mut least = usize::MAX;
    // The least column of each cell and all after it.
    let mut after: Vec<usize> = cells
        .iter()
        .rev()
        .map(|cell| {
            least = least.min(cell.column);
            least
        })
        .collect();
    after.reverse();
    let (mut segments, mut from, mut most) = (Vec::new(), 0, 0);
    for (index, cell) in cells.iter().enumerate() {
        let is_new_row = index > from && cells[index - 1].row != cell.row;
        if is_new_row && after[index] > most {
            segments.push(from..index);
            from = index;
        }
        most = most.max(cell.column);
    }
    if from < cells.len() {
        segments.push(from..cells.len());
    }
    segments
}

/// A part of the cells, with what is needed to weigh the ways through it.
struct Segment<'a> {
    cells: &'a [Cell],
    /// The cells of each row.
    rows: Vec<Range<usize>>,
    /// The columns between which each row's ways are, as states: the number of exchanges that are passed.
    bands: Vec<Range<usize>>,
    /// Where each row's states begin.
    starts: Vec<usize>,
    ends: &'a [i64],
    chance: &'a [f64],
    first: usize,
    last: usize,
    /// Logarithms of what a match, a line without an exchange, and each exchange without a line weigh.
    matched: f64,
    line: f64,
    exchanges: &'a [f64],
}

const NEVER: f64 = f64::NEG_INFINITY;

/// The logarithm of the sum of two weights given by their logarithms.
fn add(one: f64, other: f64) -> f64 {
    let (least, most) = if one < other { (one, other) } else { (other, one) };
    if least == NEVER { most } else { most + (least - most).exp().ln_1p() }
}

impl<'a> Segment<'a> {
    /// Nothing if it has too many states.
    fn new(
        cells: &'a [Cell],
        ends: &'a [i64],
        chance: &'a [f64],
        lines: f64,
        exchanges: &'a [f64],
    ) -> Option<Self> {
        let mut rows: Vec<Range<usize>> = Vec::new();
        for (index, cell) in cells.iter().enumerate() {
            match rows.last_mut() {
                Some(row) if cells[row.start].row == cell.row => row.end = index + 1,
                _ => rows.push(index..index + 1),
            }
        }
        let first = cells.iter().map(|cell| cell.column).min()?;
        let last = cells.iter().map(|cell| cell.column).max()? + 1;
        let mut low = vec![last; rows.len() + 1];
        for (index, row) in rows.iter().enumerate().rev() {
            low[index] = low[index + 1].min(cells[row.start].column);
        }
        let (mut bands, mut starts, mut states, mut high) = (Vec::new(), vec![0], 0, first);
        for index in 0..=rows.len() {
            if let Some(row) = rows.get(index) {
                high = high.max(cells[row.end - 1].column + 1);
            }
            let from = if index == 0 { first } else { low[index - 1] };
            bands.push(from..high + 1);
            states += high + 1 - from;
            if states > limits::LOG_STATES {
                return None;
            }
            starts.push(states);
        }
        Some(Self {
            cells,
            rows,
            bands,
            starts,
            ends,
            chance,
            first,
            last,
            matched: (1.0 - lines).ln(),
            line: lines.ln(),
            exchanges,
        })
    }

    fn state(&self, row: usize, column: usize) -> Option<usize> {
        let band = self.bands.get(row)?;
        band.contains(&column).then(|| self.starts[row] + column - band.start)
    }

    fn fit(&self, row: usize, column: usize) -> Option<f64> {
        let cells = &self.cells[self.rows.get(row)?.clone()];
        let at = cells.binary_search_by_key(&column, |cell| cell.column).ok()?;
        let logged = (1.0 - self.passed_by(column).exp()).ln();
        Some(cells[at].fit + self.matched + logged)
    }

    /// What it weighs that no line is about this column's exchange.
    fn passed_by(&self, column: usize) -> f64 {
        self.exchanges.get(column).copied().unwrap_or_default()
    }

    /// What it weighs that this row's line has no exchange.
    fn passed(&self, row: usize) -> f64 {
        let line = self.rows.get(row).map(|row| self.cells[row.start].row);
        self.line + line.and_then(|line| self.chance.get(line)).copied().unwrap_or_default()
    }

    /// What it weighs that this row and the next have their exchanges in the other order, this one the later.
    fn crossed(&self, row: usize, column: usize) -> Option<f64> {
        let gap = self.ends.get(column + 1)?.saturating_sub(*self.ends.get(column)?);
        let weight = CROSSED.0.ln() - gap as f64 / CROSSED.1;
        (gap < CLOSE).then_some(weight + self.fit(row, column + 1)? + self.fit(row + 1, column)?)
    }

    /// The weight of all ways to each state: of those that may pass exchanges there, and of those that passed a line last. Those have passed
    /// what exchanges they pass before, so that no way counts twice.
    fn forward(&self) -> (Vec<f64>, Vec<f64>) {
        let states = self.starts.last().copied().unwrap_or_default();
        let (mut free, mut bound) = (vec![NEVER; states], vec![NEVER; states]);
        free[0] = 0.0;
        for row in 0..=self.rows.len() {
            for column in self.bands[row].clone() {
                let Some(here) = self.state(row, column) else { continue };
                let both = add(free[here], bound[here]);
                if both == NEVER {
                    continue;
                }
                if let Some(next) = self.state(row, column + 1) {
                    free[next] = add(free[next], free[here] + self.passed_by(column));
                }
                if let (Some(fit), Some(next)) = (self.fit(row, column), self.state(row + 1, column + 1)) {
                    free[next] = add(free[next], both + fit);
                }
                if let (true, Some(next)) = (row < self.rows.len(), self.state(row + 1, column)) {
                    bound[next] = add(bound[next], both + self.passed(row));
                }
                if let (Some(fit), Some(next)) = (self.crossed(row, column), self.state(row + 2, column + 2))
                {
                    free[next] = add(free[next], both + fit);
                }
            }
        }
        (free, bound)
    }

    /// The weight of all ways from each state to the end, in the same form.
    fn backward(&self) -> (Vec<f64>, Vec<f64>) {
        let states = self.starts.last().copied().unwrap_or_default();
        let (mut free, mut bound) = (vec![NEVER; states], vec![NEVER; states]);
        for row in (0..=self.rows.len()).rev() {
            for column in self.bands[row].clone().rev() {
                let Some(here) = self.state(row, column) else { continue };
                let mut weight = NEVER;
                if row == self.rows.len() && column == self.last {
                    weight = 0.0;
                }
                if let (Some(fit), Some(next)) = (self.fit(row, column), self.state(row + 1, column + 1)) {
                    weight = add(weight, fit + free[next]);
                }
                if let (true, Some(next)) = (row < self.rows.len(), self.state(row + 1, column)) {
                    weight = add(weight, self.passed(row) + bound[next]);
                }
                if let (Some(fit), Some(next)) = (self.crossed(row, column), self.state(row + 2, column + 2))
                {
                    weight = add(weight, fit + free[next]);
                }
                bound[here] = weight;
                free[here] = match self.state(row, column + 1) {
                    Some(next) => add(weight, self.passed_by(column) + free[next]),
                    None => weight,
                };
            }
        }
        (free, bound)
    }

    /// How probable each cell is.
    fn posterior(&self) -> Vec<f64> {
        let (free, bound) = self.forward();
        let (after, _) = self.backward();
        let mut found = vec![0.0; self.cells.len()];
        let Some(all) = self.state(0, self.first).map(|first| after[first]).filter(|all| all.is_finite())
        else {
            return found;
        };
        let mut note = |row: usize, column: usize, weight: f64| {
            let Some(range) = self.rows.get(row) else { return };
            let cells = &self.cells[range.clone()];
            if let Ok(at) = cells.binary_search_by_key(&column, |cell| cell.column) {
                found[range.start + at] += (weight - all).exp();
            }
        };
        for row in 0..self.rows.len() {
            for column in self.bands[row].clone() {
                let Some(here) = self.state(row, column) else { continue };
                let both = add(free[here], bound[here]);
                if both == NEVER {
                    continue;
                }
                if let (Some(fit), Some(next)) = (self.fit(row, column), self.state(row + 1, column + 1)) {
                    note(row, column, both + fit + after[next]);
                }
                if let (Some(fit), Some(next)) = (self.crossed(row, column), self.state(row + 2, column + 2))
                {
                    note(row, column + 1, both + fit + after[next]);
                    note(row + 1, column, both + fit + after[next]);
                }
            }
        }
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Exchanges that end at these milliseconds, and cells of all lines with all of them but these.
    fn all(rows: usize, ends: &[i64], but: &[(usize, usize)]) -> Vec<Vec<f64>> {
        let ends: Vec<i64> = ends.iter().map(|end| end * MILLI).collect();
        let cells: Vec<Cell> = (0..rows)
            .flat_map(|row| (0..ends.len()).map(move |column| (row, column)))
            .filter(|cell| !but.contains(cell))
            .map(|(row, column)| Cell { row, column, fit: 0.0 })
            .collect();
        let found = align(&cells, &ends, &vec![0.0; rows], &vec![0; ends.len()], 0);
        let mut table = vec![vec![0.0; ends.len()]; rows];
        for (cell, found) in cells.iter().zip(found) {
            table[cell.row][cell.column] = found;
        }
        table
    }

    #[test]
    fn as_many_lines_as_exchanges_are_each_other_s_in_their_order() {
        let table = all(3, &[100, 400, 800], &[]);
        for index in 0..3 {
            assert!(table[index][index] > 0.9995, "{table:?}");
        }
    }

    #[test]
    fn one_exchange_too_many_leaves_those_open_that_it_may_be_confused_with() {
        let table = all(2, &[100, 400, 800], &[(0, 2), (1, 0)]);
        assert!(table.iter().flatten().all(|found| *found < 0.9), "{table:?}");
        // A line that fits one exchange alone settles what is before and after it.
        let table = all(3, &[100, 400, 800, 900], &[(0, 1), (0, 2), (0, 3)]);
        assert!(table[0][0] > 0.9995 && table[1][1] < 0.9, "{table:?}");
    }

    #[test]
    fn what_ends_together_may_be_logged_in_either_order() {
        let table = all(3, &[100, 105, 800], &[]);
        assert!(table[0][0] < 0.9 && table[0][1] > 0.1 && table[2][2] > 0.9995, "{table:?}");
        // Where only the crossed order is possible, it is the order.
        let table = all(2, &[100, 105], &[(0, 0), (1, 1)]);
        assert!(table[0][1] > 0.99 && table[1][0] > 0.99, "{table:?}");
    }

    #[test]
    fn probabilities_are_none_beyond_one_whatever_fits() {
        for seed in 0..200_u64 {
            let bits = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15);
            let but: Vec<(usize, usize)> =
                (0..20).filter(|bit| bits >> bit & 1 == 1).map(|bit| (bit / 5, bit % 5)).collect();
            let table = all(4, &[0, 20, 40, 300, 310], &but);
            for row in &table {
                assert!(row.iter().sum::<f64>() < 1.000_001, "{seed} {table:?}");
            }
            for column in 0..5 {
                assert!(table.iter().map(|row| row[column]).sum::<f64>() < 1.000_001, "{seed} {table:?}");
            }
        }
    }
}
