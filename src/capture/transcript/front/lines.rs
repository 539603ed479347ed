//! Physical lines: bounded, and cleaned of what terminals, editors and web pages add.

use std::borrow::Cow;
use std::io::{self, BufRead};

use crate::capture::transcript::clock::Stamp;
use crate::limits::TRANSCRIPT_LINE_BYTES;

/// One physical line without its line end.
#[derive(Clone, Debug, Default)]
pub struct Line {
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
pub struct Lines<R> {
    reader: R,
    number: u64,
    /// Bytes consumed so far.
    pub consumed: u64,
    /// Lines longer than [`TRANSCRIPT_LINE_BYTES`], whose ends were not kept.
    pub overlong: u64,
    /// Whether the lines are quoted, as mails quote: `> ` or `| ` before each.
    is_quoted: bool,
    /// The number that an editor put before the line above.
    margin_number: Option<u64>,
}

impl<R: BufRead> Lines<R> {
    pub fn new(reader: R) -> Self {
        Self { reader, number: 0, consumed: 0, overlong: 0, is_quoted: false, margin_number: None }
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
        self.remove_margin(&mut line);
        Ok(Some(line))
    }

    /// From `line` on, a packet's, the lines are quoted.
    pub fn begin_quote(&mut self, line: &mut Line) {
        self.is_quoted = true;
        self.remove_margin(line);
    }

    /// Takes off quote marks, and an editor's line number: one that follows the number of the line above. The number
    /// that `-#` prints counts packets, and is the grammar's.
    fn remove_margin(&mut self, line: &mut Line) {
        if self.is_quoted {
            line.raw.drain(..quote_len(&line.raw));
        }
        let margin = margin_number(&line.raw).filter(|_| {
            let text = line.text();
            Stamp::split(&text).is_none() && !begins_with_mac(&text)
        });
        if let Some((number, len)) = margin
            && self.margin_number.is_some_and(|above| above.checked_add(1) == Some(number))
        {
            line.raw.drain(..len);
        }
        self.margin_number = margin.map(|(number, _)| number);
    }
}

/// Bytes of the quote marks that a line begins with.
fn quote_len(raw: &[u8]) -> usize {
    let margin = raw.iter().take_while(|byte| matches!(byte, b'>' | b'|' | b' ')).count();
    // The indent behind the last mark is the line's own, but for one space.
    let marks = raw.iter().take(margin).rposition(|byte| *byte != b' ').map_or(0, |last| last + 1);
    marks + usize::from(marks > 0 && raw.get(marks) == Some(&b' '))
}

/// The number that a line begins with where an editor or `grep -n` may have put it there, and the bytes up to the line.
fn margin_number(raw: &[u8]) -> Option<(u64, usize)> {
    // Ten million lines are more than anybody pastes.
    const MOST_DIGITS: usize = 7;
    let start = raw.iter().position(|byte| *byte != b' ')?;
    let digits = raw.get(start..)?.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let number = std::str::from_utf8(raw.get(start..start + digits)?).ok()?;
    let end = start + digits;
    let separator = match raw.get(end..)? {
        [] => 0,
        [b'\t' | b':' | b'|', ..] => 1,
        [b' ', ..] => raw.get(end..)?.iter().take(2).take_while(|byte| **byte == b' ').count(),
        _ => return None,
    };
    (1..=MOST_DIGITS).contains(&digits).then_some(())?;
    Some((number.parse().ok()?, end + separator))
}

/// `text` without the marks of a quote before it, if there are any.
pub fn unquoted(text: &str) -> Option<&str> {
    text.get(quote_len(text.as_bytes())..).filter(|rest| rest.len() < text.len()).map(str::trim_start)
}

/// `text` with HTML's entities decoded, spaces of any kind as a space, and none before a comma; what can't be seen is
/// removed, a terminal's control sequences as a whole.
pub fn clean(text: &str) -> String {
    let decoded = decode_entities(text);
    let mut cleaned = String::with_capacity(decoded.len());
    let mut letters = decoded.chars().peekable();
    while let Some(letter) = letters.next() {
        match letter {
            '\u{feff}' | '\u{200b}' | '\u{200e}' | '\u{200f}' => {}
            // ECMA-48, 5.4: a control sequence ends with the first of these.
            '\u{1b}' if letters.next_if_eq(&'[').is_some() => {
                letters.by_ref().find(|letter| ('@'..='~').contains(letter));
            }
            ',' => {
                // Two spaces stand before the letters of a hex dump, which may begin with one.
                if cleaned.ends_with(' ') && !cleaned.ends_with("  ") {
                    cleaned.pop();
                }
                cleaned.push(',');
            }
            _ if letter.is_whitespace() => cleaned.push(' '),
            _ if letter.is_control() => {}
            _ => cleaned.push(letter),
        }
    }
    cleaned.trim().to_owned()
}

/// `text` with the entities that a web page puts into tcpdump's output replaced by what they stand for.
pub fn decode_entities(text: &str) -> Cow<'_, str> {
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

/// Whether `text` begins with an Ethernet address, as `-e` prints it.
pub fn begins_with_mac(text: &str) -> bool {
    let (word, _) = text.split_once(' ').unwrap_or((text, ""));
    let is_octet = |octet: &str| octet.len() == 2 && octet.bytes().all(|byte| byte.is_ascii_hexdigit());
    word.split(':').count() == 6 && word.split(':').all(is_octet)
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
            ("a , b ,c", "a, b,c"),
            ("0x0010:  0a08  ,.", "0x0010:  0a08  ,."),
            ("\u{1b}[32ma\u{1b}[0m\u{1b}[1;31m>\u{1b}[m b\u{1b}[K", "a> b"),
        ] {
            assert_eq!(clean(pasted), plain);
        }
    }

    #[test]
    fn margins_of_mails_and_editors_are_removed() {
        let read = |file: &str, is_quoted: bool| {
            let mut lines = Lines::new(file.as_bytes());
            lines.is_quoted = is_quoted;
            let mut read = Vec::new();
            while let Ok(Some(line)) = lines.next_line() {
                read.push(String::from_utf8(line.raw).expect("text"));
            }
            read
        };
        assert_eq!(read("> > a > b\n>\n>     c\nd\n", true), ["a > b", "", "    c", "d"]);
        assert_eq!(read("> a > b\n", false), ["> a > b"]);
        // The first number may be that of -#, which the grammar takes off.
        for (file, last) in [
            (" 9  a\n10      b\n", "    b"),
            ("9:a\n10:    b\n", "    b"),
            ("9\ta\n10\t\tb\n", "\tb"),
            ("1  a\n2001:db8::1\n", "2001:db8::1"),
            ("9  a\n10.0.0.1.443 > b\n", "10.0.0.1.443 > b"),
            ("1  a\n   b\n", "   b"),
            ("02:00:00:00:00:01 > a\n03:00:00:00:00:01 > b\n", "03:00:00:00:00:01 > b"),
            ("11:59:59.900000 IP a\n12:00:00.100000 IP b\n", "12:00:00.100000 IP b"),
        ] {
            assert_eq!(read(file, false).last().map(String::as_str), Some(last), "{file:?}");
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
