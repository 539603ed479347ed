//! Physical lines: bounded, and cleaned of what terminals, editors and web pages add.

use std::borrow::Cow;
use std::io::{self, BufRead};

use crate::limits::TRANSCRIPT_LINE_BYTES;

/// One physical line without its line end.
#[derive(Clone, Debug, Default)]
pub(super) struct Line {
    /// Its number in the file, counted from 1.
    pub number: u64,
    /// Its bytes.
    pub raw: Vec<u8>,
    /// Whether a line end followed it.
    pub is_ended: bool,
}

impl Line {
    /// The line as grammar reads it: without indent, entities, no-break spaces and control characters.
    pub fn text(&self) -> String {
        clean(&String::from_utf8_lossy(&self.raw))
    }
}

/// The lines of a file.
pub(super) struct Lines<R> {
    reader: R,
    number: u64,
    /// Bytes consumed so far.
    pub consumed: u64,
    /// Lines longer than [`TRANSCRIPT_LINE_BYTES`], whose ends were not kept.
    pub overlong: u64,
}

impl<R: BufRead> Lines<R> {
    pub fn new(reader: R) -> Self {
        Self { reader, number: 0, consumed: 0, overlong: 0 }
    }

    /// The next line, or `None` at the end of the file. A pause between lines is an error, after which reading goes on.
    pub fn next_line(&mut self) -> io::Result<Option<Line>> {
        let mut line = Line::default();
        let (mut has_begun, mut is_overlong) = (false, false);
        loop {
            let available = match self.reader.fill_buf() {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                // A pause within a line is waited out.
                Err(error) if error.kind() == io::ErrorKind::WouldBlock && has_begun => continue,
                other => other?,
            };
            if available.is_empty() {
                break;
            }
            has_begun = true;
            let end = available.iter().position(|byte| *byte == b'\n');
            let piece = &available[..end.unwrap_or(available.len())];
            let room = TRANSCRIPT_LINE_BYTES.saturating_sub(line.raw.len());
            is_overlong |= piece.len() > room;
            line.raw.extend(piece.iter().take(room));
            let used = piece.len() + usize::from(end.is_some());
            self.reader.consume(used);
            self.consumed += used as u64;
            if end.is_some() {
                line.is_ended = true;
                break;
            }
        }
        if !has_begun {
            return Ok(None);
        }
        self.number += 1;
        self.overlong += u64::from(is_overlong);
        line.number = self.number;
        if line.raw.last() == Some(&b'\r') {
            line.raw.pop();
        }
        if self.number == 1 && line.raw.starts_with(b"\xef\xbb\xbf") {
            line.raw.drain(..3);
        }
        Ok(Some(line))
    }
}

/// `text` with HTML's entities decoded, spaces of any kind as a space, and what can't be seen removed.
pub(super) fn clean(text: &str) -> String {
    let decoded = decode_entities(text);
    let mut cleaned = String::with_capacity(decoded.len());
    for letter in decoded.chars() {
        match letter {
            '\u{feff}' | '\u{200b}' | '\u{200e}' | '\u{200f}' => {}
            _ if letter.is_whitespace() => cleaned.push(' '),
            _ if letter.is_control() => {}
            _ => cleaned.push(letter),
        }
    }
    cleaned.trim().to_owned()
}

/// `text` with the entities that a web page puts into tcpdump's output replaced by what they stand for.
pub(super) fn decode_entities(text: &str) -> Cow<'_, str> {
    if !text.contains('&') {
        return Cow::Borrowed(text);
    }
    let mut decoded = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('&') {
        decoded.push_str(before);
        // The longest entity that is decoded is `&#x10ffff;`.
        let entity = after.split_once(';').filter(|(name, _)| name.len() <= 8);
        let letter = entity.and_then(|(name, _)| entity_letter(name));
        if let (Some(letter), Some((_, behind))) = (letter, entity) {
            decoded.push(letter);
            rest = behind;
        } else {
            decoded.push('&');
            rest = after;
        }
    }
    decoded.push_str(rest);
    Cow::Owned(decoded)
}

fn entity_letter(name: &str) -> Option<char> {
    Some(match name {
        "gt" => '>',
        "lt" => '<',
        "amp" => '&',
        "quot" => '"',
        "apos" => '\'',
        "nbsp" => ' ',
        _ => {
            let number = name.strip_prefix('#')?;
            let code = match number.strip_prefix(['x', 'X']) {
                Some(hex) => u32::from_str_radix(hex, 16).ok()?,
                None => number.parse().ok()?,
            };
            char::from_u32(code)?
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_web_page_adds_is_taken_away() {
        for (pasted, plain) in [
            ("  a &gt; b&nbsp;c", "a > b c"),
            ("a&#62;b &#x3e; &amp;gt; &unknown; & c", "a>b > &gt; &unknown; & c"),
            ("\u{a0}x\u{a0}\ty\u{7}", "x  y"),
        ] {
            assert_eq!(clean(pasted), plain);
        }
    }

    #[test]
    fn line_ends_of_windows_and_a_byte_order_mark_are_removed_and_long_lines_bounded() {
        let long = vec![b'x'; TRANSCRIPT_LINE_BYTES + 5];
        let file = [b"\xef\xbb\xbfa\r\n\n", long.as_slice(), b"\nend"].concat();
        let mut lines = Lines::new(file.as_slice());
        let mut read = Vec::new();
        while let Ok(Some(line)) = lines.next_line() {
            read.push((line.number, line.raw.len(), line.is_ended));
        }
        assert_eq!(read, [(1, 1, true), (2, 0, true), (3, TRANSCRIPT_LINE_BYTES, true), (4, 3, false)]);
        assert_eq!((lines.overlong, lines.consumed), (1, file.len() as u64));
    }
}
