//! The physical lines of a file, bounded, and without the margins before them.

use std::io::{self, BufRead};

use super::line::Line;
use super::margins::Margins;
use super::quoted_printable::QuotedPrintable;
use crate::limits::TRANSCRIPT_LINE_BYTES;

/// The lines of a file.
pub struct Lines<R> {
    reader: R,
    number: u64,
    margins: Margins,
    encoding: QuotedPrintable,
    /// Bytes consumed so far.
    pub consumed: u64,
    /// Lines longer than [`TRANSCRIPT_LINE_BYTES`], whose ends were not kept.
    pub overlong: u64,
}

impl<R: BufRead> Lines<R> {
    pub fn new(reader: R) -> Self {
        Self {
            reader,
            number: 0,
            margins: Margins::default(),
            encoding: QuotedPrintable::default(),
            consumed: 0,
            overlong: 0,
        }
    }

    /// The next line, or `None` at the end of the file. A pause between lines is an error, after which reading may continue.
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
            line.raw.extend_from_slice(piece.get(..room).unwrap_or(piece));
            let used = piece.len() + usize::from(end.is_some());
            self.reader.consume(used);
            self.consumed += used as u64;
            if end.is_some() {
                self.number += 1;
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
        if line.raw.last() == Some(&b'\r') {
            line.raw.pop();
        }
        if self.number == 1 && line.raw.starts_with(b"\xef\xbb\xbf") {
            line.raw.drain(..3);
        }
        self.encoding.decode(&mut line);
        self.encoding.read_header(&line.raw);
        self.margins.remove(&mut line);
        Ok(Some(line))
    }

    /// From `line` on, which begins a packet, the lines are quoted.
    pub fn begin_quote(&mut self, line: &mut Line) {
        self.margins.begin_quote(line);
    }
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
        assert_eq!((lines.overlong, lines.consumed), (1, file.len() as u64));
    }
}
