//! Tables without borders, one line for each row, for people as for `grep` and `awk`.

use comfy_table::presets::NOTHING;
use comfy_table::{CellAlignment, ContentArrangement, Table};
use unicode_width::UnicodeWidthStr;

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

/// Appends a further line below a table with columns of these widths, of which the first is aligned to the right. A cell that is
/// wider than its column shifts those after it.
pub(super) fn push_line<'c>(text: &mut String, cells: impl Iterator<Item = &'c str>, widths: &[u16]) {
    for (index, (cell, width)) in cells.zip(widths).enumerate() {
        let padding = usize::from(*width).saturating_sub(cell.width());
        if index == 0 {
            pad(text, padding);
            text.push_str(cell);
            pad(text, usize::from(GAP));
        } else {
            text.push_str(cell);
            pad(text, padding + usize::from(GAP));
        }
    }
    text.truncate(text.trim_end_matches(' ').len());
    text.push('\n');
}

fn pad(text: &mut String, columns: usize) {
    text.extend(std::iter::repeat_n(' ', columns));
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
    fn a_further_line_has_its_cells_below_those_of_the_table() {
        let mut table = grid(["#", "Client", "Verdict", "Packets"], &[0]);
        table.add_row(["10", "münchen:443", "OK healthy", "1-9"]);
        let mut lines = text(&table);
        push_line(&mut lines, ["9", "日本:443", "OK slow", ""].into_iter(), &widths(&table));
        assert_eq!(
            lines,
            " #  Client       Verdict     Packets\n10  münchen:443  OK healthy  1-9\n 9  日本:443     OK slow\n"
        );
    }
}
