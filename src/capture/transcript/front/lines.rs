//! The physical lines of a file, bounded, and without the margins before them.

use std::collections::VecDeque;
use std::io::{self, BufRead};

use super::encoding::Decoded;
use super::line::CleanLine;
use super::margins::Margins;
use super::quoted_printable::QuotedPrintable;
use super::rows::Rows;
use super::{escaped, json, markup, sequences};
use crate::limits::TRANSCRIPT_LINE_BYTES;

/// The lines of a file.
pub struct Lines<R> {
    reader: Decoded<R>,
    number: u64,
    /// Whether the line before ended with a carriage return, to which a line feed belongs.
    is_after_return: bool,
    margins: Margins,
    encoding: QuotedPrintable,
    rows: Rows,
    /// Lines that are still to be returned: a web page's source, a string of JSON, or a log has several in one.
    pending: VecDeque<CleanLine>,
    /// Lines longer than [`TRANSCRIPT_LINE_BYTES`], whose ends were not kept.
    pub overlong: u64,
}

impl<R: BufRead> Lines<R> {
    pub fn new(reader: R) -> Self {
        Self {
            reader: Decoded::new(reader),
            number: 0,
            is_after_return: false,
            margins: Margins::default(),
            encoding: QuotedPrintable::default(),
            rows: Rows::default(),
            pending: VecDeque::new(),
            overlong: 0,
        }
    }

    /// Bytes of the file that were read so far.
    pub fn consumed(&self) -> u64 {
        self.reader.consumed
    }

    /// The next line, or `None` at the end of the file. A pause between lines is an error, after which reading may continue.
    pub fn next_line(&mut self) -> io::Result<Option<CleanLine>> {
        let mut line = loop {
            if let Some(line) = self.pending.pop_front() {
                break line;
            }
            let Some(line) = self.next_physical()? else {
                let Some(row) = self.rows.finish() else { return Ok(None) };
                break row;
            };
            if is_prompt(&line) {
                continue;
            }
            for line in self.rows.take(line).into_iter().flatten() {
                self.add_shown(line);
            }
        };
        if line.raw.trim_ascii_start().starts_with(b"<t") {
            // An editor's number comes after the tags of a table's cell.
            line.raw = markup::without_tags(&String::from_utf8_lossy(&line.raw)).into_owned().into_bytes();
        }
        self.margins.remove(&mut line);
        Ok(Some(line))
    }

    /// Adds what a page or a tool shows where its source has `line`.
    fn add_shown(&mut self, line: CleanLine) {
        if let Some(held) = json::lines(&line.raw).or_else(|| escaped::lines(&line.raw)) {
            self.pending.extend(held.into_iter().map(|raw| CleanLine { raw, is_ended: true, ..line }));
        } else if let Some(shown) = markup::lines(&line.raw) {
            self.pending.extend(shown.into_iter().map(|raw| CleanLine {
                raw: raw.to_vec(),
                is_ended: true,
                ..line
            }));
        } else {
            self.pending.push_back(line);
        }
    }

    /// The next line as the file has it; of empty ones in a row one. What a carriage return alone ends is a line as well:
    /// terminals write over it.
    fn next_physical(&mut self) -> io::Result<Option<CleanLine>> {
        let mut line = CleanLine::default();
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
            if std::mem::take(&mut self.is_after_return) && matches!(available, [b'\n' | b'\r', ..]) {
                // The rest of a line end: of Windows, or as terminals record it.
                self.is_after_return = available.starts_with(b"\r");
                self.reader.consume(1);
                continue;
            }
            has_begun = true;
            let end = memchr::memchr2(b'\n', b'\r', available);
            let piece = &available[..end.unwrap_or(available.len())];
            let room = TRANSCRIPT_LINE_BYTES.saturating_sub(line.raw.len());
            is_overlong |= piece.len() > room;
            line.raw.extend_from_slice(piece.get(..room).unwrap_or(piece));
            self.is_after_return = end.is_some_and(|end| available[end] == b'\r');
            let is_empty = line.raw.is_empty() && end == Some(0) && !self.is_after_return;
            let more =
                if is_empty { available[1..].iter().take_while(|byte| **byte == b'\n').count() } else { 0 };
            let used = piece.len() + usize::from(end.is_some()) + more;
            self.reader.consume(used);
            if end.is_some() {
                self.number += 1 + more as u64;
                if self.encoding.continues(&mut line.raw) {
                    continue;
                }
                line.is_ended = true;
                break;
            }
        }
        if !has_begun {
            return Ok(None);
        }
        self.number += u64::from(!line.is_ended);
        self.overlong += u64::from(is_overlong);
        line.number = self.number;
        if self.number == 1 && line.raw.starts_with(b"\xef\xbb\xbf") {
            line.raw.drain(..3);
        }
        // What a terminal's colours added would shift the characters of a payload.
        sequences::remove(&mut line.raw);
        self.encoding.decode(&mut line);
        self.encoding.read_header(&line.raw);
        Ok(Some(line))
    }

    /// From `line` on, which begins a packet, the lines are quoted.
    pub fn begin_quote(&mut self, line: &mut CleanLine) {
        self.margins.begin_quote(line);
    }
}

/// Whether a pager wrote this line: `<--- More --->` of Cisco, `---(more)---` of Junos, `--More--`.
fn is_prompt(line: &CleanLine) -> bool {
    let text = line.raw.trim_ascii();
    let is_mark = |byte: &u8| matches!(byte, b'-' | b'<' | b'>' | b'(' | b')' | b' ' | b'%');
    let words = text.iter().filter(|byte| !is_mark(byte) && !byte.is_ascii_digit());
    text.first().is_some_and(is_mark) && words.map(u8::to_ascii_lowercase).eq(*b"more")
}

#[cfg(test)]
mod tests {
    use super::*;

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
        assert_eq!((lines.overlong, lines.consumed()), (1, file.len() as u64));
    }

    fn read(file: &[u8]) -> Vec<(u64, String)> {
        let mut lines = Lines::new(file);
        std::iter::from_fn(|| lines.next_line().expect("bytes in memory can be read"))
            .map(|line| (line.number, String::from_utf8_lossy(&line.raw).into_owned()))
            .collect()
    }

    #[test]
    fn a_carriage_return_ends_a_line_and_a_pager_s_line_is_none() {
        let expected = |lines: &[(u64, &str)]| {
            lines.iter().map(|(number, text)| (*number, (*text).to_owned())).collect::<Vec<_>>()
        };
        assert_eq!(read(b"a\rb\rc"), expected(&[(1, "a"), (2, "b"), (3, "c")]));
        assert_eq!(read(b"a\r\r\nb\r\n"), expected(&[(1, "a"), (2, "b")]));
        let paged = read(b"a\n<--- More --->\r              \rb\n---(more 50%)---\n--More--\nmore\n");
        let text: Vec<_> =
            paged.iter().map(|(_, text)| text.trim()).filter(|text| !text.is_empty()).collect();
        assert_eq!(text, ["a", "b", "more"]);
    }

    #[test]
    fn the_lines_of_a_page_s_source_are_several() {
        let lines = read(b"<p>a &gt; b<br>c<br/>d</p>\n<tr><td>e</td><td>f</td></tr><tr><td>g</td></tr>");
        let text: Vec<_> = lines.iter().map(|(number, text)| (*number, text.trim())).collect();
        assert_eq!(text, [(1, "<p>a &gt; b"), (1, "c"), (1, "d"), (2, "e  f"), (2, "g")]);
    }

    #[test]
    fn an_editor_s_numbers_may_be_in_a_cell_and_a_log_s_lines_in_strings() {
        let lines = read(b"<tr><td>1</td><td>a</td></tr>\n<tr><td>2</td><td>  b</td></tr>\n{\"log\":\"c\\n\"}\n{\"log\":\" d\\n\"}\n");
        let text: Vec<_> = lines.iter().map(|(_, text)| text.trim_end()).collect();
        assert_eq!((text[1].trim_start(), &text[2..]), ("b", &["c", " d"][..]));
    }
}
