//! Prose below the packets: wrapped, with a label in the margin.

use std::borrow::Cow;
use std::io::{self, Write};

use anstyle::Style as Color;

use super::glyphs::Glyphs;
use super::ladder;
use crate::report::Style;
use crate::report::text::words::{BOLD, wrapped};

/// Columns of the labels.
pub(super) const LABEL: usize = 11;

/// Prose is never wider than this.
const PROSE: usize = 100;

/// Columns that prose may take.
pub(super) fn prose(style: &Style) -> usize {
    ladder::columns(style).min(PROSE)
}

/// Writes what to do, numbered.
pub(super) fn write_next(advice: &[Cow<'static, str>], style: &Style, out: &mut dyn Write) -> io::Result<()> {
    let glyphs = Glyphs::of(style);
    for (index, advice) in advice.iter().enumerate() {
        let label = if index == 0 { "Next" } else { "" };
        for (line_index, line) in wrapped(&glyphs.text(advice), prose(style) - LABEL - 3).iter().enumerate() {
            let label = if line_index == 0 { label } else { "" };
            let number = if line_index == 0 { format!("{}. ", index + 1) } else { "   ".to_owned() };
            writeln!(out, "{BOLD}{label:LABEL$}{BOLD:#}{number}{line}")?;
        }
    }
    Ok(())
}

/// Writes prose with a label in the margin.
pub(super) fn write_labelled(label: &str, text: &str, style: &Style, out: &mut dyn Write) -> io::Result<()> {
    write_in(BOLD, Color::new(), label, text, style, out)
}

/// The same in colours.
pub(super) fn write_in(
    label_color: Color,
    color: Color,
    label: &str,
    text: &str,
    style: &Style,
    out: &mut dyn Write,
) -> io::Result<()> {
    for (index, line) in wrapped(&Glyphs::of(style).text(text), prose(style) - LABEL).iter().enumerate() {
        let label = if index == 0 { label } else { "" };
        writeln!(out, "{label_color}{label:LABEL$}{label_color:#}{color}{line}{color:#}")?;
    }
    Ok(())
}
