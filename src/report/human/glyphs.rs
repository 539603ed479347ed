//! The characters that reports are drawn with, and their replacements in ASCII.

use std::borrow::Cow;

use crate::report::Style;

/// Lines, arrowheads and marks.
#[derive(Clone, Copy, Debug)]
pub(super) struct Glyphs {
    pub line: char,
    pub right: char,
    pub left: char,
    pub lost: char,
    pub gap: char,
    pub fault: char,
    pub ok: char,
    is_ascii: bool,
}

const UNICODE: Glyphs =
    Glyphs {
        line: '─', right: '▶', left: '◀', lost: '×', gap: '╌', fault: '✗', ok: '·', is_ascii: false
    };
const ASCII: Glyphs =
    Glyphs { line: '-', right: '>', left: '<', lost: 'x', gap: '-', fault: 'x', ok: '.', is_ascii: true };

impl Glyphs {
    /// Those of a style.
    pub(super) fn of(style: &Style) -> Self {
        match (style.is_ascii, style.is_east_asian) {
            (true, _) => ASCII,
            (false, true) => Self { is_ascii: false, ..ASCII },
            _ => UNICODE,
        }
    }

    /// A text in these characters.
    pub(super) fn text(self, text: &str) -> Cow<'_, str> {
        let is_unicode = self.line == UNICODE.line;
        if is_unicode || text.is_ascii() {
            return Cow::Borrowed(text);
        }
        let mut ascii = String::with_capacity(text.len() + 8);
        for character in text.chars() {
            match character {
                '→' => ascii.push_str("->"),
                '←' => ascii.push_str("<-"),
                '…' => ascii.push_str("..."),
                '–' | '—' | '─' | '╌' => ascii.push('-'),
                'µ' => ascii.push('u'),
                '×' | '✗' => ascii.push('x'),
                '·' => ascii.push('.'),
                '▸' | '▶' => ascii.push('>'),
                '◀' => ascii.push('<'),
                '±' => ascii.push_str("+/-"),
                '│' => ascii.push('|'),
                '\u{a0}' => ascii.push(' '),
                _ if character.is_ascii() || !self.is_ascii => ascii.push(character),
                _ => ascii.extend(character.escape_unicode()),
            }
        }
        Cow::Owned(ascii)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn in_ascii_every_character_has_a_stand_in() {
        assert_eq!(ASCII.text("a → b, 63 µs … ü"), "a -> b, 63 us ... \\u{fc}");
        assert_eq!(UNICODE.text("63 µs"), "63 µs");
        let narrow = Glyphs { is_ascii: false, ..ASCII };
        assert_eq!(narrow.text("a → b …応答がない"), "a -> b ...応答がない");
    }
}
