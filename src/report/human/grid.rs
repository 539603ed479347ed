//! Tables without borders, one line for each row, for people as for `grep` and `awk`.

use comfy_table::presets::NOTHING;
use comfy_table::{CellAlignment, ColumnConstraint, ContentArrangement, Table, Width};

/// Columns between two columns of a table.
const GAP: u16 = 2;

/// Begins a table whose first line is `header`; the columns in `right` are aligned to the right.
#[must_use]
pub fn grid<const N: usize>(header: [&str; N], right: &[usize]) -> Table {
    let mut table = Table::new();
    table.load_style(NOTHING).set_content_arrangement(ContentArrangement::Disabled).set_header(header);
    for (index, column) in table.column_iter_mut().enumerate() {
        column.set_padding((0, GAP));
        if right.contains(&index) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    table
}

/// The lines of a table without the spaces at their ends, each with a line break.
#[must_use]
pub fn text(table: &Table) -> String {
    let mut text = String::new();
    for line in table.lines() {
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
}

/// The widths that a table's columns need.
pub(super) fn widths(table: &Table) -> Vec<u16> {
    table.column_max_content_widths()
}

/// Gives a table's columns at least these widths.
pub(super) fn widen(table: &mut Table, widths: &[u16]) {
    for (column, width) in table.column_iter_mut().zip(widths) {
        column.set_constraint(ColumnConstraint::LowerBoundary(Width::Fixed(width + GAP)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_have_no_borders_and_no_spaces_at_their_ends() {
        let mut table = grid(["#", "Verdict", "Packets"], &[0]);
        table.add_row(["9", "OK healthy", ""]).add_row(["10", "FAIL reset", "1-25"]);
        assert_eq!(text(&table), " #  Verdict     Packets\n 9  OK healthy\n10  FAIL reset  1-25\n");
    }

    #[test]
    fn columns_are_as_wide_as_those_of_an_earlier_table() {
        let mut table = grid(["#", "Verdict", "Packets"], &[0]);
        table.add_row(["1", "OK healthy", "1-9"]);
        let wide = widths(&table);
        let mut further = grid(["#", "Verdict", "Packets"], &[0]);
        further.add_row(["2", "OK slow", "10"]);
        widen(&mut further, &wide);
        assert_eq!(text(&further), "#  Verdict     Packets\n2  OK slow     10\n");
    }
}
