//! A packet as tcpdump prints it, with its number in the margin, and what is noted about it.

use std::io::{self, Write};

use crate::packet::Names;
use crate::report::Style;
use crate::report::tcpdump::{self, Numbering};
use crate::report::text::words::{DIM, PROSE_COLUMNS, wrapped};
use crate::story::{Entry, Seen};
use crate::time::Clock;

/// What the eye distinguishes from tcpdump's lines.
const NOTE: anstyle::Style = anstyle::AnsiColor::Cyan.on_default();

/// How the packets of a capture are printed with such times.
pub(super) fn printer(style: &Style, clock: Clock, digits: u8, is_text: bool) -> tcpdump::LineStyle {
    tcpdump::LineStyle { is_verbose: style.verbosity > 1, is_text, clock, digits, zone: style.zone.clone() }
}

/// A packet's lines as tcpdump prints them.
pub(super) fn printed(
    entry: &Entry,
    names: &Names,
    style: &tcpdump::LineStyle,
    numbering: &mut Numbering,
) -> String {
    let mut text = String::new();
    let at = entry.moment.at;
    // Writing to a string can't fail.
    let _ = match &entry.seen {
        Seen::Segment { header, excerpt, .. } => {
            tcpdump::write_segment(&mut text, style, at, names, header, excerpt, |header| {
                numbering.numbers(header)
            })
        }
        Seen::Icmp(error, _) => {
            tcpdump::write_icmp_error(&mut text, style, at, names, error, |header| numbering.numbers(header))
        }
    };
    text
}

/// Writes a packet's lines below its row, none wider than the report and each continued with an indent.
pub(super) fn write_lines(
    entry: &Entry,
    names: &Names,
    style: &tcpdump::LineStyle,
    numbering: &mut Numbering,
    report: &Style,
    out: &mut dyn Write,
) -> io::Result<()> {
    const INDENT: usize = 8;
    let text = printed(entry, names, style, numbering);
    let mut indent = INDENT;
    for line in wrapped(&text.replace('\n', " "), usize::from(report.columns).max(60) - INDENT - 2) {
        writeln!(out, "{DIM}{:indent$}{line}{DIM:#}", "")?;
        indent = INDENT + 2;
    }
    Ok(())
}

/// Writes notes in one line, or in as many as they need.
pub(super) fn write_note(notes: &[String], indent: usize, out: &mut dyn Write) -> io::Result<()> {
    if notes.is_empty() {
        return Ok(());
    }
    for line in wrapped(&notes.join(" · "), PROSE_COLUMNS.saturating_sub(indent + 4)) {
        writeln!(out, "{:indent$}  {NOTE}│ {line}{NOTE:#}", "")?;
    }
    Ok(())
}
