//! Lays rows out in columns: mark, number, time, delta, arrow and meaning.

use std::fmt::Write as _;
use std::io::{self, Write};

use anstyle::{AnsiColor, Style as Color};
use unicode_width::UnicodeWidthStr;

use super::glyphs::Glyphs;
use super::row::{Arrow, Row};
use crate::analysis::{DISORDER, LEAP};
use crate::report::Style;
use crate::report::text::clock;
use crate::report::text::words::{DIM, wrapped};
use crate::tcp::Role;
use crate::time::{Clock, Elapsed, Timestamp};

/// The colour of the fault, and of nothing else.
pub(super) const FAULT: Color = AnsiColor::Red.on_default().bold();
const CLIENT: Color = AnsiColor::Cyan.on_default();
const SERVER: Color = AnsiColor::Blue.on_default();

/// The width that is laid out where a terminal is narrower, and where it is wider.
pub(super) const LEAST_COLUMNS: usize = 60;
const MOST_COLUMNS: usize = 200;

/// The least columns with room for the time, and for a drawn arrow.
const WITH_TIME: usize = 100;
const WITH_ARROW: usize = 80;

/// Columns of a delta, of a drawn arrow, and of an arrow that is one character with flags and length.
const DELTA: usize = 8;
const ARROW: usize = 24;
const SHORT_ARROW: usize = 13;

/// Digits after the second that are shown.
const DIGITS: u8 = 6;

/// Where each column of a ladder begins and ends.
pub(super) struct Ladder<'a> {
    style: &'a Style,
    glyphs: Glyphs,
    clock: Clock,
    digits: u8,
    number: usize,
    time: usize,
    delta: usize,
    is_drawn: bool,
    meaning: usize,
    deltas: Deltas,
}

/// The time between two rows.
#[derive(Clone, Copy, Default)]
pub(super) struct Deltas {
    /// The last packet's time; of nothing if a silence was shown after it.
    previous: Option<Timestamp>,
}

impl Deltas {
    /// What a row shows: how long a silence lasted, or how long after the row before the packet came.
    pub(super) fn next(&mut self, row: &Row) -> String {
        if let Arrow::Gap(_, Some(elapsed), _) = row.arrow {
            self.previous = None;
            return three_digits(elapsed);
        }
        let text = match (self.previous, row.at) {
            (Some(previous), Some(at)) => {
                let elapsed = at - previous;
                let sign = if elapsed.nanos() < 0 { "" } else { "+" };
                // Time across a step of the capture's clock means nothing.
                let is_measured = (DISORDER.times(-1)..=LEAP).contains(&elapsed);
                if is_measured { format!("{sign}{}", three_digits(elapsed)) } else { String::new() }
            }
            _ => String::new(),
        };
        self.previous = row.until.or(self.previous);
        text
    }
}

/// Columns that a report may take.
pub(super) fn columns(style: &Style) -> usize {
    usize::from(style.columns).clamp(LEAST_COLUMNS, MOST_COLUMNS)
}

impl<'a> Ladder<'a> {
    /// For packets whose longest number takes `number` columns.
    pub(super) fn new(style: &'a Style, clock: Clock, digits: u8, number: usize) -> Self {
        let columns = columns(style);
        let digits = digits.min(DIGITS);
        let number = number.clamp(5, columns / 4);
        let is_timed = clock != Clock::Absent;
        // "12:15:06", a point and digits.
        let time = if columns >= WITH_TIME && is_timed { 9 + usize::from(digits) } else { 0 };
        let delta = if is_timed { DELTA } else { 0 };
        let is_drawn = columns >= WITH_ARROW;
        let arrow = if is_drawn { ARROW } else { SHORT_ARROW };
        let gap = |width: usize| if width > 0 { width + 2 } else { 0 };
        let taken = 1 + number + gap(time) + gap(delta) + gap(arrow);
        let meaning = columns.saturating_sub(taken + 2);
        Self {
            style,
            glyphs: Glyphs::of(style),
            clock,
            digits,
            number,
            time,
            delta,
            is_drawn,
            meaning,
            deltas: Deltas::default(),
        }
    }

    /// The same, continued after a packet that was captured then.
    pub(super) fn after(mut self, previous: Option<Timestamp>) -> Self {
        self.deltas = Deltas { previous };
        self
    }

    /// Columns of what a row means.
    pub(super) fn room_for_meaning(&self) -> usize {
        self.meaning
    }

    fn arrow_columns(&self) -> usize {
        if self.is_drawn { ARROW } else { SHORT_ARROW }
    }

    /// Writes the columns' names.
    pub(super) fn write_header(&self, out: &mut dyn Write) -> io::Result<()> {
        self.write_header_to("server", out)
    }

    /// The same where the far end is something else than a server.
    pub(super) fn write_header_to(&self, far_end: &str, out: &mut dyn Write) -> io::Result<()> {
        let mut line = format!(" {:>1$}", "No", self.number);
        if self.time > 0 {
            let _ = write!(line, "  {:<1$}", "Time", self.time);
        }
        if self.delta > 0 {
            let _ = write!(line, "  {:>1$}", "Delta", self.delta);
        }
        let _ = if self.is_drawn {
            let between = ARROW - "client".len();
            write!(line, "  client{far_end:>between$}")
        } else {
            write!(line, "  client/{far_end}")
        };
        writeln!(out, "{DIM}{}{DIM:#}", line.trim_end())
    }

    /// Writes a row, in as many lines as its meaning takes.
    pub(super) fn write(&mut self, row: &Row, out: &mut dyn Write) -> io::Result<()> {
        let delta = self.deltas.next(row);
        let mut head = format!("{:>1$}", row.label, self.number);
        if self.time > 0 {
            let at = row.at.and_then(|at| clock::time_of_day(at, self.clock, self.digits, &self.style.zone));
            let _ = write!(head, "  {:<1$}", at.unwrap_or_default(), self.time);
        }
        if self.delta > 0 {
            // A long one begins in columns that are empty in this row.
            let room = head.width() + 2 + self.delta;
            head.truncate(head.trim_end().len());
            let gap = if head.is_empty() || delta.is_empty() { 0 } else { 2 };
            let delta = format!("{:gap$}{}", "", self.glyphs.text(&delta));
            head += &right(&delta, room - head.width());
        }
        let gaps = [self.time, self.delta].into_iter().filter(|columns| *columns > 0);
        let too_long =
            head.width().saturating_sub(self.number + gaps.map(|columns| columns + 2).sum::<usize>());
        let (arrow, color) = self.arrow(&row.arrow);
        let color = if row.is_fault { FAULT } else { color };
        let meaning_color = if row.is_fault {
            FAULT
        } else if row.is_dim {
            DIM
        } else {
            Color::new()
        };
        let arrow_columns = self.arrow_columns();
        let columns = self.meaning.saturating_sub(too_long).max(1);
        let lines: Vec<String> =
            row.text.iter().flat_map(|text| wrapped(&self.glyphs.text(text), columns)).collect();
        let mark = if row.is_fault { self.glyphs.fault } else { ' ' };
        let (mark_color, first) = (if row.is_fault { FAULT } else { Color::new() }, lines.first());
        if let Some(text) = first {
            let padding = " ".repeat(arrow_columns.saturating_sub(arrow.width()));
            writeln!(
                out,
                "{mark_color}{mark}{mark_color:#}{head}  {color}{arrow}{color:#}{padding}  \
                 {meaning_color}{text}{meaning_color:#}"
            )?;
        } else {
            let arrow = arrow.trim_end();
            writeln!(out, "{mark_color}{mark}{mark_color:#}{head}  {color}{arrow}{color:#}")?;
        }
        let indent = 1 + head.width() + 2 + arrow_columns + 2;
        for line in lines.iter().skip(1) {
            writeln!(out, "{:indent$}{meaning_color}{line}{meaning_color:#}", "")?;
        }
        Ok(())
    }

    /// The arrow's text and colour.
    fn arrow(&self, arrow: &Arrow) -> (String, Color) {
        let width = self.arrow_columns();
        let Glyphs { line, right, left, lost, gap, .. } = self.glyphs;
        let of = |role: Role| if role == Role::Client { CLIENT } else { SERVER };
        let drawn = |role: Role, shown: &str, head_right: char, head_left: char| {
            let rest = width.saturating_sub(shown.chars().count() + 2);
            let line: String = std::iter::repeat_n(line, rest).collect();
            match role {
                Role::Client => format!("{shown} {line}{head_right}"),
                Role::Server => format!("{head_left}{line} {shown}"),
            }
        };
        match arrow {
            Arrow::From(role, shown) if self.is_drawn => (drawn(*role, shown, right, left), of(*role)),
            Arrow::Lost(role, shown) if self.is_drawn => (drawn(*role, shown, lost, lost), of(*role)),
            Arrow::From(Role::Client, shown) => {
                (self.glyphs.text(&format!("{shown} →")).into_owned(), CLIENT)
            }
            Arrow::From(Role::Server, shown) => {
                (self.glyphs.text(&format!("← {shown}")).into_owned(), SERVER)
            }
            Arrow::Lost(role, shown) => (format!("{shown} {lost}"), of(*role)),
            Arrow::Other(shown) | Arrow::Several(shown) => {
                let shown = self.glyphs.text(shown);
                (wrapped(&shown, width).into_iter().next().unwrap_or_default(), DIM)
            }
            Arrow::Gap(what, ..) if self.is_drawn => {
                let rest = width.saturating_sub(what.chars().count() + 2);
                let dots = |count: usize| std::iter::repeat_n(gap, count).collect::<String>();
                (format!("{} {what} {}", dots(rest / 2), dots(rest - rest / 2)), DIM)
            }
            Arrow::Gap(what, ..) => (wrapped(what, width).into_iter().next().unwrap_or_default(), DIM),
        }
    }
}

/// Aligns a text to the right of `columns`.
fn right(text: &str, columns: usize) -> String {
    format!("{}{text}", " ".repeat(columns.saturating_sub(text.width())))
}

/// A span with three digits: `1.03 s`, `306 ms`, `2.66 ms`, `63 µs`.
pub(super) fn three_digits(elapsed: Elapsed) -> String {
    let nanos = elapsed.nanos().unsigned_abs() as f64;
    let sign = if elapsed.nanos() < 0 { "-" } else { "" };
    let (value, unit) = match nanos {
        n if n < 999_500.0 => return format!("{sign}{:.0} µs", n / 1e3),
        n if n < 999_500_000.0 => (n / 1e6, "ms"),
        n if n < 60e9 => (n / 1e9, "s"),
        _ => return elapsed.to_string(),
    };
    let digits = match value {
        v if v < 9.995 => 2,
        v if v < 99.95 => 1,
        _ => 0,
    };
    format!("{sign}{value:.digits$} {unit}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::human::row::Kind;

    fn written(row: &Row, columns: u16) -> String {
        let style = Style { columns, ..crate::report::tests::style(false) };
        let mut out = Vec::new();
        let mut ladder = Ladder::new(&style, Clock::Utc, 6, 3).after(Some(Timestamp::ZERO));
        ladder.write(row, &mut out).unwrap();
        anstream::adapter::strip_str(&String::from_utf8(out).unwrap()).to_string()
    }

    #[test]
    fn a_long_span_makes_no_line_longer() {
        let long = Elapsed::from_millis(642_000);
        let silence = Arrow::Gap("silence", Some(long), None);
        let meaning = "waiting for the rest of the server's flight, which never came";
        for (label, arrow) in [("", silence), ("633", Arrow::From(Role::Client, "[P.] 656".into()))] {
            for columns in [60, 80, 100, 160] {
                let row = Row {
                    items: Vec::new(),
                    label: label.into(),
                    at: Some(Timestamp::ZERO + long),
                    until: Some(Timestamp::ZERO + long),
                    arrow: arrow.clone(),
                    text: vec![meaning.into()],
                    is_fault: true,
                    is_dim: false,
                    kind: Kind::Key,
                };
                let text = written(&row, columns);
                let longest = text.lines().map(UnicodeWidthStr::width).max();
                assert!(longest <= Some(columns.into()), "{text}");
                assert!(text.contains(" 10 min 42 s  ") || text.contains(" +10 min 42 s  "), "{text}");
            }
        }
    }

    #[test]
    fn spans_have_three_digits() {
        for (nanos, text) in [
            (0, "0 µs"),
            (63_400, "63 µs"),
            (2_664_000, "2.66 ms"),
            (305_713_000, "306 ms"),
            (999_700_000, "1.00 s"),
            (7_691_000_000, "7.69 s"),
            (12_000_000_000, "12.0 s"),
            (-1_500_000, "-1.50 ms"),
        ] {
            assert_eq!(three_digits(Elapsed::from_nanos(nanos)), text);
        }
    }
}
