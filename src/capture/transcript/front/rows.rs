//! A table's rows of which a web page's source has each cell on a line of its own, put together.

use super::line::CleanLine;
use crate::limits::TRANSCRIPT_LINE_BYTES;

/// The row whose cells are being read.
#[derive(Clone, Debug, Default)]
pub struct Rows {
    row: Option<CleanLine>,
    lines: usize,
}

/// Lines of a row's source; a packet list has fewer columns.
const MOST_LINES: usize = 32;

impl Rows {
    /// Takes the next line. Returns the lines that are complete: none within a row.
    pub fn take(&mut self, line: CleanLine) -> [Option<CleanLine>; 2] {
        let text = line.raw.trim_ascii();
        let Some(row) = &mut self.row else {
            let begins = text.starts_with(b"<tr") && !has(text, b"</tr") && !has(text, b"<pre");
            if !begins {
                return [None, Some(line)];
            }
            self.row = Some(line);
            self.lines = 1;
            return [None, None];
        };
        let is_cell = text.starts_with(b"<t") || text.starts_with(b"</t");
        let fits = row.raw.len() + text.len() < TRANSCRIPT_LINE_BYTES && self.lines < MOST_LINES;
        if !is_cell || !fits || has(text, b"<pre") {
            return [self.row.take(), Some(line)];
        }
        row.raw.push(b' ');
        row.raw.extend_from_slice(text);
        row.is_ended = line.is_ended;
        self.lines += 1;
        if has(text, b"</tr") { [None, self.row.take()] } else { [None, None] }
    }

    /// What is left of a row where the text ends within it.
    pub fn finish(&mut self) -> Option<CleanLine> {
        self.row.take()
    }
}

fn has(text: &[u8], tag: &[u8]) -> bool {
    text.windows(tag.len()).any(|window| window == tag)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Vec<String> {
        let mut rows = Rows::default();
        let mut read = Vec::new();
        for raw in text.lines() {
            read.extend(
                rows.take(CleanLine { raw: raw.into(), ..CleanLine::default() }).into_iter().flatten(),
            );
        }
        read.extend(rows.finish());
        read.into_iter().map(|line| String::from_utf8(line.raw).expect("text")).collect()
    }

    #[test]
    fn the_cells_of_a_row_are_one_line() {
        let text = "<table>\n<tr>\n <td>1</td>\n <td>0.5</td>\n</tr>\n<tr><td>2</td></tr>\n<p>a\n<tr>\n<td>3";
        assert_eq!(
            read(text),
            ["<table>", "<tr> <td>1</td> <td>0.5</td> </tr>", "<tr><td>2</td></tr>", "<p>a", "<tr> <td>3"]
        );
    }

    #[test]
    fn code_in_a_cell_keeps_its_lines_and_a_row_is_bounded() {
        let listing = "<tr><td><pre>1\n2</pre></td>\n</tr>";
        assert_eq!(read(listing).join("\n"), listing);
        let prose = "<tr>\n<td>a\nb\n</tr>";
        assert_eq!(read(prose), ["<tr> <td>a", "b", "</tr>"]);
        let long = format!("<tr>\n{}", "<td>x</td>\n".repeat(3 * MOST_LINES));
        let rows = read(&long);
        assert!(rows.len() > MOST_LINES && rows.iter().all(|row| row.len() < 12 * MOST_LINES));
    }
}
