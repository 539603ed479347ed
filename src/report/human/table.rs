//! One row per connection, and a summary by server and verdict.

use std::io::{self, Write};

use comfy_table::presets::UTF8_FULL;
use comfy_table::{ContentArrangement, Table};
use unicode_width::UnicodeWidthChar;

use super::capture;
use super::collection::Collection;
use crate::analysis::{Event, Judged, Needs, Sink, Summary};
use crate::report::text::clock;
use crate::report::text::ends;
use crate::report::text::escape::{escaped, plain_len};
use crate::report::text::words::{self, grouped};
use crate::report::{Detail, End, Out, Report, Style};
use crate::story::Party;
use crate::tcp::Role;

/// Rows that are seen before the columns' widths are chosen. What follows is written as it comes.
const ARRANGED_ROWS: usize = 250;

const HEADER: [&str; 3] = ["Client\nServer\nStart", "Verdict\nStage\nActor, cause", "What happened"];

/// Writes the table of connections as they are judged, that of servers at the end.
pub struct TableReport<'o> {
    rows: Rows,
    collection: Collection,
    style: Style,
    out: Out<'o>,
}

impl<'o> TableReport<'o> {
    /// For a capture of one file or several.
    pub fn new(out: Out<'o>, has_files: bool, style: Style) -> Self {
        Self { rows: Rows::default(), collection: Collection::new(has_files, Detail::One(0)), style, out }
    }
}

impl Report for TableReport<'_> {
    fn finish(self: Box<Self>, end: &End<'_>) -> io::Result<()> {
        let Self { rows, collection, style, out: Out { mut plain, mut styled } } = *self;
        if rows.end(&style, &mut plain)? {
            writeln!(plain)?;
            plain.flush()?;
            write_servers(end.summary, &style, &mut styled)?;
            writeln!(styled)?;
        }
        capture::write(&collection, end.summary, &style, &mut styled)?;
        styled.flush()
    }
}

impl Sink for TableReport<'_> {
    fn needs(&self) -> Needs {
        Needs { findings: false, ..self.collection.needs() }
    }

    fn event(&mut self, event: &Event<'_>) -> io::Result<()> {
        self.collection.event(event)
    }

    fn connection(&mut self, judged: Judged) -> io::Result<()> {
        self.rows.add(&judged, &self.style, &mut self.out.plain)
    }
}

fn write_servers(summary: &Summary, style: &Style, out: &mut dyn Write) -> io::Result<()> {
    let mut servers = self::table(style, ["Server", "Connections", "Verdicts"]);
    for ((host, port), server) in &summary.servers {
        let codes: Vec<_> =
            server.codes.iter().map(|(code, count)| format!("{code} {}", grouped(*count))).collect();
        let all = grouped(server.codes.values().sum());
        servers.add_row([ends::socket(&summary.names, *host, *port), all, codes.join(", ")]);
    }
    writeln!(out, "{servers}")
}

/// The table's rows: the first ones are arranged together, and the others follow in the same columns.
#[derive(Default)]
struct Rows {
    /// Behind the numbers of their first packets.
    first: Vec<(u64, [String; 3])>,
    columns: Option<Columns>,
}

impl Rows {
    fn add(&mut self, judged: &Judged, style: &Style, out: &mut dyn Write) -> io::Result<()> {
        let row = row(judged, style);
        if let Some(columns) = &mut self.columns {
            return columns.write(&row, out);
        }
        self.first.push((judged.story.first.number, row));
        if self.first.len() == ARRANGED_ROWS { self.arrange(style, out) } else { Ok(()) }
    }

    /// Writes the first rows but for the table's lower border.
    fn arrange(&mut self, style: &Style, out: &mut dyn Write) -> io::Result<()> {
        let mut table = table(style, HEADER);
        self.first.sort_by_key(|(first, _)| *first);
        for (_, row) in self.first.drain(..) {
            table.add_row(row);
        }
        let text = table.to_string();
        let (rows, border) = text.rsplit_once('\n').unwrap_or_default();
        writeln!(out, "{rows}")?;
        self.columns = Some(Columns::of(border));
        Ok(())
    }

    /// Ends the table, if there is one.
    fn end(mut self, style: &Style, out: &mut dyn Write) -> io::Result<bool> {
        if self.columns.is_none() && !self.first.is_empty() {
            self.arrange(style, out)?;
        }
        match self.columns {
            Some(columns) => writeln!(out, "{}", columns.border).map(|()| true),
            None => Ok(false),
        }
    }
}

/// How wide the columns are that were arranged.
struct Columns {
    /// The table's lower border.
    border: String,
    /// The line between two rows.
    separator: String,
    /// Characters of text in each column.
    widths: Vec<usize>,
    /// A row that is being written.
    text: String,
}

impl Columns {
    fn of(border: &str) -> Self {
        const PADDING: usize = 2;
        let inside = border.trim_matches(['└', '┘']);
        let widths = inside.split('┴').map(|column| column.chars().count().saturating_sub(PADDING)).collect();
        let separator = border.chars().map(|character| match character {
            '└' => '├',
            '┴' => '┼',
            '┘' => '┤',
            _ => '╌',
        });
        Self { border: border.to_owned(), separator: separator.collect(), widths, text: String::new() }
    }

    fn write(&mut self, row: &[String; 3], out: &mut dyn Write) -> io::Result<()> {
        self.text.clear();
        self.text.push_str(&self.separator);
        self.text.push('\n');
        let mut rest: [&str; 3] = row.each_ref().map(String::as_str);
        while rest.iter().any(|cell| !cell.is_empty()) {
            for (index, (cell, width)) in rest.iter_mut().zip(&self.widths).enumerate() {
                self.text.push_str(if index == 0 { "│ " } else { " ┆ " });
                let (line, after, taken) = split_line(cell, *width);
                self.text.push_str(line);
                push_spaces(&mut self.text, width.saturating_sub(taken));
                *cell = after;
            }
            self.text.push_str(" │\n");
        }
        out.write_all(self.text.as_bytes())
    }
}

fn push_spaces(text: &mut String, mut count: usize) {
    const SPACES: &str = "                                                                ";
    while count > 0 {
        let some = SPACES.get(..count).unwrap_or(SPACES);
        text.push_str(some);
        count -= some.len();
    }
}

/// As much of a text as fits into a line of so many columns: up to a line break, else up to the last space, else up to where
/// the column ends. Then what is left, and the columns that the line takes.
fn split_line(text: &str, columns: usize) -> (&str, &str, usize) {
    let first = text.split_once('\n');
    let line = first.map_or(text, |(line, _)| line);
    if plain_len(line) == line.len() && columns > 0 {
        // Each byte is a column.
        if line.len() <= columns {
            return (line, first.map_or("", |(_, after)| after), line.len());
        }
        return match line[..=columns].rfind(' ').filter(|space| *space > 0) {
            Some(space) => (&text[..space], &text[space + 1..], space),
            None => (&text[..columns], &text[columns..], columns),
        };
    }
    let (mut taken, mut space) = (0, None);
    for (at, character) in text.char_indices() {
        if character == '\n' {
            return (&text[..at], &text[at + 1..], taken);
        }
        if character == ' ' {
            space = Some((at, taken));
        }
        let width = character.width().unwrap_or(0);
        if taken + width > columns && at > 0 {
            return match space.filter(|(at, _)| *at > 0) {
                Some((space, taken)) => (&text[..space], &text[space + 1..], taken),
                None => (&text[..at], &text[at..], taken),
            };
        }
        taken += width;
    }
    (text, "", taken)
}

fn row(judged: &Judged, style: &Style) -> [String; 3] {
    // "255.255.255.255:65535" twice, and a time of day.
    const ENDS_BYTES: usize = 64;
    let Judged { story, verdict, .. } = judged;
    let mut ends = String::with_capacity(ENDS_BYTES);
    for role in [Role::Client, Role::Server] {
        let Party { host, port, .. } = story.parties[role];
        if !ends.is_empty() {
            ends.push('\n');
        }
        ends::push_socket(&mut ends, &story.names, host, port);
    }
    if let Some(start) =
        clock::time_of_day(story.first.at, story.capture.clock, story.capture.digits, &style.zone)
    {
        ends.push('\n');
        ends.push_str(&start);
    }
    let mut result = [verdict.code, story.stage.name(), verdict.actor.name()].join("\n");
    if let Some(cause) = &verdict.cause {
        result.push_str(", ");
        result.push_str(&escaped(cause));
    }
    [ends, result, words::unbroken(&verdict.headline)]
}

fn table(style: &Style, header: [&str; 3]) -> Table {
    let mut table = Table::new();
    table
        .load_style(UTF8_FULL)
        .set_content_arrangement(ContentArrangement::Dynamic)
        .set_width(style.columns)
        .set_header(header);
    table
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_row_that_follows_stands_in_the_columns_of_those_before_it() {
        let style = Style {
            zone: jiff::tz::TimeZone::UTC,
            verbosity: 0,
            detail: Detail::All,
            is_ascii: false,
            columns: 50,
        };
        let row =
            ["192.0.2.1:1\nx", "healthy\nsyn\nserver", "a text that is longer than its column is, longer"];
        let mut one = table(&style, HEADER);
        one.add_row(row);
        let mut two = table(&style, HEADER);
        two.add_row(row).add_row(row);
        let (before, border) =
            one.to_string().rsplit_once('\n').map(|(a, b)| (a.to_owned(), b.to_owned())).unwrap();
        let mut columns = Columns::of(&border);
        let mut out = Vec::new();
        columns.write(&row.map(str::to_owned), &mut out).unwrap();
        let text = format!("{before}\n{}{border}", String::from_utf8(out).unwrap());
        assert_eq!(text, two.to_string());
    }

    #[test]
    fn a_line_is_broken_at_its_last_space_or_where_the_column_ends() {
        assert_eq!(split_line("one two three", 7), ("one two", "three", 7));
        assert_eq!(split_line("one two three", 8), ("one two", "three", 7));
        assert_eq!(split_line("one two\nthree", 4), ("one", "two\nthree", 3));
        assert_eq!(split_line("one\ntwo", 4), ("one", "two", 3));
        assert_eq!(split_line(" abcdef", 3), (" ab", "cdef", 3));
        assert_eq!(split_line("zwölf Uhr", 6), ("zwölf", "Uhr", 5));
    }

    proptest! {
        #[test]
        fn any_text_is_split_to_its_end(text: String, columns in 0usize..20) {
            let (mut rest, mut lines) = (text.as_str(), 0);
            while !rest.is_empty() {
                let (line, after, taken) = split_line(rest, columns);
                prop_assert!(taken <= columns.max(2) && !line.contains('\n'));
                rest = after;
                lines += 1;
            }
            prop_assert!(lines <= text.chars().count() + 1);
        }
    }
}
