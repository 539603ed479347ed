//! A line of a log, quoted in a sentence.

use crate::story::LogLine;

/// Characters of a log's words that are quoted: an error with its description.
const QUOTED: usize = 200;

/// What a line says, and where it is.
pub(in crate::verdict) fn quoted(line: &LogLine) -> String {
    let words: String = beginning(line.text.raw()).chars().map(printable).collect();
    let more = if beginning(line.text.raw()).len() < line.text.raw().len() { "…" } else { "" };
    format!("\"{words}{more}\" ({}, line {})", line.file.escape_debug(), line.number)
}

/// What is quoted of a text: all of it, or as many whole words as [`QUOTED`] has room for.
fn beginning(text: &str) -> &str {
    let Some((end, _)) = text.char_indices().nth(QUOTED) else { return text };
    let (begun, rest) = text.split_at(end);
    if rest.starts_with(char::is_whitespace) {
        return begun.trim_end();
    }
    begun.rsplit_once(char::is_whitespace).map_or(begun, |(words, _)| words.trim_end())
}

/// A character as it can be printed. Quotation marks are what such text is full of, and harm nothing.
pub(super) fn printable(character: char) -> String {
    match character {
        '"' | '\'' => character.to_string(),
        _ => character.escape_debug().to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_line_is_quoted_up_to_a_word_s_end() {
        let words = "word ".repeat(100);
        assert_eq!(beginning(&words), words[..QUOTED].trim_end());
        let begun = format!("{}begun", "x".repeat(QUOTED - 2) + " ");
        assert_eq!(beginning(&begun), "x".repeat(QUOTED - 2));
        // One that has no spaces is cut where it must be, and a short one is whole.
        assert_eq!(beginning(&"é".repeat(300)).chars().count(), QUOTED);
        assert_eq!(beginning("short"), "short");
    }
}
