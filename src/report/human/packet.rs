//! A packet as tcpdump prints it, with its number in the margin, and what is noted about it.

use std::io::{self, Write};

use crate::packet::Names;
use crate::report::Style;
use crate::report::tcpdump::{self, Numbering};
use crate::report::text::words::{DIM, PROSE_COLUMNS, wrapped};
use crate::story::{Entry, Seen};
use crate::time::Clock;

/// What the eye tells from tcpdump's lines.
const NOTE: anstyle::Style = anstyle::AnsiColor::Cyan.on_default();

/// How the packets of a capture are printed with such times.
pub(super) fn printer(style: &Style, clock: Clock, digits: u8, is_text: bool) -> tcpdump::Style {
    tcpdump::Style { is_verbose: style.is_verbose, is_text, clock, digits, zone: style.zone.clone() }
}

/// Writes a packet's lines, with `number` in front of the first, in a margin of `indent` columns.
pub(super) fn write_packet(
    entry: &Entry,
    names: &Names,
    number: &str,
    indent: usize,
    style: &tcpdump::Style,
    numbering: &mut Numbering,
    out: &mut dyn Write,
) -> io::Result<()> {
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
    for (index, line) in text.lines().enumerate() {
        let number = if index == 0 { number } else { "" };
        writeln!(out, "{DIM}{number:>indent$}{DIM:#}  {line}")?;
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
