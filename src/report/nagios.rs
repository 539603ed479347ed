//! The output of a monitoring plugin: one status line with performance data, then a line for each failure.
//!
//! The form is that of the Monitoring Plugins' development guidelines: `SERVICE STATUS: text | performance data`, the text
//! below 80 characters, everything on standard output. A `|` from the wire would begin performance data, so none is let
//! through.

use std::io::{self, Write};

use super::words::count;
use super::worst::{Told, Worst};
use crate::analysis::Summary;
use crate::capture::ReadError;
use crate::verdict::Severity;

/// Characters that the status line has before its performance data.
const STATUS_CHARACTERS: usize = 79;

/// Writes the status, the performance data, and the failures. `unopened` are the files that could not be read at all.
///
/// # Errors
/// When `out` can't be written.
pub fn write(
    worst: &Worst,
    summary: &Summary,
    status: u8,
    unopened: &[ReadError],
    out: &mut dyn Write,
) -> io::Result<()> {
    let word = match status {
        0 => "OK",
        1 => "WARNING",
        2 => "CRITICAL",
        _ => "UNKNOWN",
    };
    let error = summary.error.as_ref().map(ToString::to_string);
    let error = unopened.first().map(ToString::to_string).or(error);
    let text = match (&worst.connection, error) {
        (Some(told), _) if told.severity == Severity::Critical => found(told, summary),
        (_, Some(error)) => error,
        (Some(told), None) => found(told, summary),
        (None, None) => "no TCP connection to judge".to_owned(),
    };
    writeln!(out, "{} | {}", status_line(word, &text), performance(worst, summary))?;
    for told in &worst.failures {
        writeln!(
            out,
            "{}",
            plain(&format!("{} {} at {}: {}", told.server, told.code, told.stage, told.headline))
        )?;
    }
    if worst.further > 0 {
        writeln!(out, "and {} more", count(worst.further, "failed connection"))?;
    }
    Ok(())
}

fn found(told: &Told, summary: &Summary) -> String {
    let of = summary.codes.get(told.code).copied().unwrap_or_default();
    let all = count(summary.connections, "connection");
    format!("{} at {}, {of} of {all}, {}", told.code, told.stage, told.server)
}

/// `SSMSCOPE STATUS: text`, cut where it gets too long.
fn status_line(word: &str, text: &str) -> String {
    let line = plain(&format!("SSMSCOPE {word}: {text}"));
    if line.chars().count() <= STATUS_CHARACTERS {
        return line;
    }
    line.chars().take(STATUS_CHARACTERS - 1).chain(['…']).collect()
}

/// Without what would begin performance data or another line.
fn plain(text: &str) -> String {
    text.replace(['|', '\n', '\r'], " ")
}

/// `label=value[unit];[warning];[critical];[minimum]` for each figure.
fn performance(worst: &Worst, summary: &Summary) -> String {
    let of = |severity| summary.severities.get(&severity).copied().unwrap_or_default();
    let mut figures = vec![
        format!("connections={};;;0", summary.connections),
        format!("ok={};;;0", of(Severity::Ok)),
        format!("warning={};0;;0", of(Severity::Warning)),
        format!("critical={};;0;0", of(Severity::Critical)),
        format!("unknown={};;;0", of(Severity::Unknown)),
        format!("packets={};;;0", summary.packets),
    ];
    if let Some(dropped) = summary.about.dropped {
        figures.push(format!("dropped={dropped};;;0"));
    }
    if let Some(slowest) = worst.slowest {
        figures.push(format!("tls_time={:.6}s;;;0", slowest.as_secs_f64()));
    }
    figures.join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_status_line_stays_below_80_characters_and_one_line() {
        let line = status_line("CRITICAL", &"a|b\nc é".repeat(40));
        assert_eq!(line.chars().count(), 79);
        assert!(!line.contains(['|', '\n']) && line.ends_with('…'));
        assert_eq!(status_line("OK", "fine"), "SSMSCOPE OK: fine");
    }
}
