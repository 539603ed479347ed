//! One line per connection, for `grep` and `awk`.

use std::cmp::Reverse;
use std::io::{self, Write};

use comfy_table::Table;

use super::collection::Collection;
use super::grid::{grid, push_line, text, widths};
use super::judgement::{title, word};
use super::{capture, ladder};
use crate::analysis::{Event, Judged, Needs, Sink};
use crate::limits;
use crate::report::text::clock;
use crate::report::text::ends;
use crate::report::text::escape::escaped;
use crate::report::text::words::{DIM, grouped};
use crate::report::{Detail, End, Out, Report, Sort, Style};
use crate::story::Story;
use crate::tcp::Role;
use crate::time::{Clock, Timestamp};
use crate::verdict::Severity;

/// Columns of the table, in order.
pub(super) const HEADER: [&str; COLUMNS] =
    ["#", "Start", "Client", "Server", "Verdict", "TLS", "Time to TLS", "Packets"];
pub(super) const COLUMNS: usize = 8;

/// The place of a connection's beginning among its cells.
pub(super) const START: usize = 1;

/// Columns that are left out where there is less room than all of them need, the first one first.
const DISPENSABLE: [usize; 3] = [5, 6, 7];

/// From this many columns on, all of the table is written, whatever its width.
const WHOLE: usize = 100;

/// Writes the table of connections.
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
        let is_streamed = rows.is_streamed();
        if rows.end(&style, &mut plain)? {
            writeln!(plain)?;
            plain.flush()?;
        }
        capture::write(&collection, end.summary, &style, &mut styled)?;
        if is_streamed {
            let most = grouped(limits::TABLE_ROWS as u64);
            writeln!(
                styled,
                "{DIM}More than {most} connections: listed in the order in which they ended.{DIM:#}"
            )?;
        }
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

/// A connection's line.
struct Row {
    severity: Severity,
    id: u64,
    at: Timestamp,
    clock: Clock,
    cells: [String; COLUMNS],
}

/// The table's rows: they are held to be sorted, and from a bound on written as they come.
#[derive(Default)]
struct Rows {
    held: Vec<Row>,
    /// Once rows are written as they come: which columns are shown, how wide they are, and the times between which they began so far.
    layout: Option<(Vec<usize>, Vec<u16>, Span)>,
    /// The line that is written, kept for its room.
    line: String,
}

impl Rows {
    fn is_streamed(&self) -> bool {
        self.layout.is_some()
    }

    fn add(&mut self, judged: &Judged, style: &Style, out: &mut dyn Write) -> io::Result<()> {
        let mut cells = cells(judged);
        let (at, clock) = (judged.story.first.at, judged.story.capture.clock);
        if let Some((shown, widths, span)) = &self.layout {
            cells[START] = start(at, *span, clock, style);
            self.line.clear();
            push_line(&mut self.line, shown.iter().map(|column| cells[*column].as_str()), widths);
            return out.write_all(self.line.as_bytes());
        }
        self.held.push(Row { severity: judged.verdict.severity, id: judged.story.id, at, clock, cells });
        if self.held.len() <= limits::TABLE_ROWS { Ok(()) } else { self.write(style, out) }
    }

    /// Lays out the rows that are held, and writes them in their order.
    fn write(&mut self, style: &Style, out: &mut dyn Write) -> io::Result<()> {
        let span = span(self.held.iter().map(|row| row.at));
        for row in &mut self.held {
            row.cells[START] = start(row.at, span, row.clock, style);
        }
        let mut shown: Vec<usize> = (0..COLUMNS).collect();
        let mut table = lay_out(&self.held, &shown);
        for column in DISPENSABLE {
            if ladder::columns(style) >= WHOLE || width(&table) <= ladder::columns(style) {
                break;
            }
            shown.retain(|kept| *kept != column);
            table = lay_out(&self.held, &shown);
        }
        out.write_all(text(&table).as_bytes())?;
        self.layout = Some((shown, widths(&table), span));
        self.held = Vec::new();
        Ok(())
    }

    /// Ends the table, if there is one.
    fn end(mut self, style: &Style, out: &mut dyn Write) -> io::Result<bool> {
        if !self.is_streamed() {
            match style.sort {
                Sort::Worst => {
                    self.held.sort_unstable_by_key(|row| (Reverse(row.severity.urgency()), row.id));
                }
                Sort::Start => self.held.sort_unstable_by_key(|row| row.id),
            }
        }
        if !self.held.is_empty() {
            self.write(style, out)?;
        }
        Ok(self.is_streamed())
    }
}

fn lay_out(rows: &[Row], shown: &[usize]) -> Table {
    const RIGHT: [usize; 1] = [0];
    let mut table = grid(HEADER, &RIGHT);
    if shown.len() < COLUMNS {
        table.set_header(shown.iter().map(|column| HEADER[*column]));
    }
    for row in rows {
        table.add_row(shown.iter().map(|column| row.cells[*column].as_str()));
    }
    table
}

/// Columns that the lines of a table take.
fn width(table: &Table) -> usize {
    let widths = widths(table);
    widths.iter().map(|width| usize::from(*width) + 2).sum::<usize>().saturating_sub(2)
}

/// When the first and the last of several connections began.
pub(super) type Span = (Timestamp, Timestamp);

pub(super) fn span(began: impl Iterator<Item = Timestamp> + Clone) -> Span {
    (began.clone().min().unwrap_or_default(), began.max().unwrap_or_default())
}

/// When a connection began, as one word.
pub(super) fn start(at: Timestamp, span: Span, clock: Clock, style: &Style) -> String {
    clock::word_within(at, span, clock, START_DIGITS, &style.zone).unwrap_or_else(|| "-".to_owned())
}

/// What a connection's line holds, without its [`start`], which takes the span of all to be clear.
pub(super) fn cells(judged: &Judged) -> [String; COLUMNS] {
    let Judged { story, verdict, .. } = judged;
    let tls = story.tls.version().map_or_else(|| "-".to_owned(), |version| short(&version.to_string()));
    let (first, last) = story.span();
    let packets = if first.number == last.number {
        first.number.to_string()
    } else {
        format!("{}-{}", first.number, last.number)
    };
    [
        story.id.to_string(),
        String::new(),
        ends::end(story, Role::Client),
        ends::end(story, Role::Server),
        format!("{} {}", word(verdict.severity), escaped(&title(verdict))),
        tls,
        time_to_tls(story),
        packets,
    ]
}

/// Digits after the second of a connection's beginning.
const START_DIGITS: u8 = 3;

/// `TLS 1.3` as `1.3`.
fn short(version: &str) -> String {
    escaped(version.strip_prefix("TLS ").unwrap_or(version))
}

/// From the SYN to the end of the TLS handshake.
fn time_to_tls(story: &Story) -> String {
    match (story.opening.syn.first(), &story.tls.established) {
        (Some(syn), Some(established)) => ladder::three_digits(established.moment.at - syn.at),
        _ => "-".to_owned(),
    }
}
