//! A line of a log, quoted in a sentence.

use crate::story::LogLine;

/// Characters of a log's words that are quoted: an error with its description.
const QUOTED: usize = 200;

/// What a line says, and where it is.
pub(in crate::verdict) fn quoted(line: &LogLine) -> String {
    let words: String = line.text.raw().chars().take(QUOTED).map(printable).collect();
    format!("\"{words}\" ({}, line {})", line.file.escape_debug(), line.number)
}

/// A character as it can be printed. Quotation marks are what such text is full of, and harm nothing.
pub(super) fn printable(character: char) -> String {
    match character {
        '"' | '\'' => character.to_string(),
        _ => character.escape_debug().to_string(),
    }
}
