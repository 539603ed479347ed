//! What precedes a line and is not part of it: the quote marks of a mail, an editor's line numbers.

use super::line::Line;
use crate::capture::transcript::clock::Start;
use crate::capture::transcript::scan::begins_with_mac;

/// The margins of a file's lines so far.
#[derive(Clone, Debug, Default)]
pub struct Margins {
    /// Whether the lines are quoted, as mails quote: `> ` or `| ` before each.
    is_quoted: bool,
    /// The number that an editor put before the line above.
    number_above: Option<u64>,
}

impl Margins {
    /// From `line` on, which begins a packet, the lines are quoted.
    pub fn begin_quote(&mut self, line: &mut Line) {
        self.is_quoted = true;
        self.remove(line);
    }

    /// Removes quote marks, and an editor's line number: one that follows the number of the line above. The number that
    /// `-#` prints counts packets, and belongs to the grammar.
    pub fn remove(&mut self, line: &mut Line) {
        if self.is_quoted {
            line.raw.drain(..quote_len(&line.raw));
        }
        let margin = line_number(&line.raw).filter(|_| {
            // A number with a space behind it begins neither.
            let raw = line.raw.trim_ascii_start();
            let digits = raw.iter().take_while(|byte| byte.is_ascii_digit()).count();
            if matches!(raw.get(digits..), Some([b' ', ..] | [b':', b' ', ..])) {
                return true;
            }
            let text = line.text();
            Start::split(&text).is_none() && !begins_with_mac(&text)
        });
        if let Some((number, len)) = margin
            && self.number_above.is_some_and(|above| above.checked_add(1) == Some(number))
        {
            line.raw.drain(..len);
        }
        self.number_above = margin.map(|(number, _)| number);
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
fn line_number(raw: &[u8]) -> Option<(u64, usize)> {
    // Ten million lines are more than anybody pastes.
    const MOST_DIGITS: usize = 7;
    let start = raw.iter().position(|byte| *byte != b' ')?;
    let digits = raw.get(start..)?.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let number = std::str::from_utf8(raw.get(start..start + digits)?).ok()?;
    let end = start + digits;
    // A time, which is looked at without more ado since most lines begin with one.
    if let [b':', m, n, b':', s, t, after, ..] = raw.get(end..)?
        && digits == 2
        && [m, n, s, t].iter().all(|digit| digit.is_ascii_digit())
        && *after != b':'
    {
        return None;
    }
    let separator = match raw.get(end..)? {
        [] => 0,
        // A bar with the spaces around it, or U+2502.
        [b' ', b'|', b' ', ..] | [0xe2, 0x94, 0x82, ..] => 3,
        [b' ', b'|', ..] => 2,
        [b'\t' | b':' | b'|', ..] => 1,
        [b' ', ..] => raw.get(end..)?.iter().take(2).take_while(|byte| **byte == b' ').count(),
        _ => return None,
    };
    (1..=MOST_DIGITS).contains(&digits).then_some(())?;
    Some((number.parse().ok()?, end + separator))
}

/// `text` without the marks of a quote before it, if there are any. A table's row with a number in its first cell is no quote.
pub fn unquoted(text: &str) -> Option<&str> {
    let first = text.strip_prefix('|').and_then(|cells| cells.split_once('|')).map(|(first, _)| first.trim());
    if first.is_some_and(|first| !first.is_empty() && first.bytes().all(|byte| byte.is_ascii_digit())) {
        return None;
    }
    text.get(quote_len(text.as_bytes())..).filter(|rest| rest.len() < text.len()).map(str::trim_start)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn margins_of_mails_and_editors_are_removed() {
        let read = |file: &str, is_quoted: bool| {
            let mut margins = Margins { is_quoted, ..Margins::default() };
            let mut read = Vec::new();
            for text in file.lines() {
                let mut line = Line { raw: text.as_bytes().to_vec(), ..Line::default() };
                margins.remove(&mut line);
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
            ("  9 | a\n 10 |     b\n", "    b"),
            ("9\u{2502}a\n10\u{2502}    b\n", "    b"),
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
    fn a_table_s_row_is_no_quote() {
        assert_eq!((unquoted("> | a"), unquoted("| a | b"), unquoted("a")), (Some("a"), Some("a | b"), None));
        assert_eq!(unquoted("| 1 | `10:00:00.000000 IP (tos 0x0"), None);
    }
}
