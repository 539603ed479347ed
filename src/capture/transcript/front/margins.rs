//! What precedes a line and is not part of it: the quote marks of a mail, an editor's line numbers.

use super::line::CleanLine;
use crate::capture::transcript::clock::Start;
use crate::capture::transcript::scan::begins_with_mac;

/// The margins of a file's lines so far.
#[derive(Clone, Debug, Default)]
pub struct Margins {
    /// Whether the lines are quoted, as mails quote: `> ` or `| ` before each.
    is_quoted: bool,
    /// The marks of the quoted line above, where a mail broke that after a packet's first end: one more is the arrow between the ends.
    marks_above: Option<usize>,
    /// The number that an editor put before the line above, and the columns where it begins and ends.
    number_above: Option<Number>,
}

impl Margins {
    /// From `line` on, which begins a packet, the lines are quoted.
    pub fn begin_quote(&mut self, line: &mut CleanLine) {
        self.is_quoted = true;
        self.remove(line);
    }

    /// Removes quote marks, and an editor's line number: one that follows the number of the line above. The number that
    /// `-#` prints counts packets, and belongs to the grammar.
    pub fn remove(&mut self, line: &mut CleanLine) {
        if self.is_quoted {
            let marks = marks(&line.raw);
            let len = match self.marks_above {
                Some(above) if marks == above + 1 => nth_mark(&line.raw, above),
                _ => quote_len(&line.raw),
            };
            line.raw.drain(..len);
            self.marks_above = ends_with_an_end(&line.raw).then_some(marks);
        }
        let margin = line_number(&line.raw).filter(|(_, len)| {
            if is_list_row(&line.raw[*len..]) {
                return false;
            }
            // A number with a space after it begins neither.
            let raw = line.raw.trim_ascii_start();
            let digits = raw.iter().take_while(|byte| byte.is_ascii_digit()).count();
            if matches!(raw.get(digits..), Some([b' ', ..] | [b':', b' ', ..])) {
                return true;
            }
            let text = line.text();
            Start::split(&text).is_none() && !begins_with_mac(&text)
        });
        if let Some((number, len)) = margin
            && self.number_above.is_some_and(|above| above.precedes(number))
        {
            line.raw.drain(..len);
        }
        self.number_above = margin.map(|(number, _)| number);
    }
}

/// Whether `raw`, what is after a number, is the rest of a packet list's row: a time or a host, and further on Wireshark's arrow or, in one of
/// the columns, a protocol's name. The number is the packet's then.
fn is_list_row(raw: &[u8]) -> bool {
    /// Columns between the number and the protocol: two of the time, two addresses, a port or a length.
    const MOST_COLUMNS: usize = 8;
    let mut words = raw.split(|byte| *byte == b' ').filter(|word| !word.is_empty());
    let word = words.next().unwrap_or_default();
    let is_column =
        word.first().is_some_and(u8::is_ascii_digit) && word.iter().any(|byte| b".:-".contains(byte));
    let is_protocol = |word: &[u8]| {
        word == b"TCP" || word == b"HTTP" || word.starts_with(b"TLSv1") || word.starts_with(b"SSLv")
    };
    let mut columns = words.take(MOST_COLUMNS).take_while(|word| !matches!(*word, b"IP" | b"IP6"));
    is_column && (columns.any(is_protocol) || memchr::memmem::find(raw, "\u{2192} ".as_bytes()).is_some())
}

/// A number before a line, and the columns where it begins and ends.
#[derive(Clone, Copy, Debug)]
struct Number {
    value: u64,
    start: usize,
    end: usize,
}

impl Number {
    /// Whether `next` is the number before the next line: one more, at the same margin.
    fn precedes(self, next: Self) -> bool {
        self.value.checked_add(1) == Some(next.value) && (self.start == next.start || self.end == next.end)
    }
}

/// How many quote marks a line begins with.
fn marks(raw: &[u8]) -> usize {
    raw.iter().take_while(|byte| matches!(byte, b'>' | b' ')).filter(|byte| **byte == b'>').count()
}

/// Bytes of a line up to a quote mark, by its number from 1, with the space after it.
fn nth_mark(raw: &[u8], number: usize) -> usize {
    let mark = raw.iter().enumerate().filter(|(_, byte)| **byte == b'>').nth(number.saturating_sub(1));
    let end = mark.map_or(0, |(at, _)| at + 1);
    end + usize::from(end > 0 && raw.get(end) == Some(&b' '))
}

/// Whether a line ends with a packet's first end, `... length 1448: ssm.example.50000`, so that its arrow is on the next one.
fn ends_with_an_end(raw: &[u8]) -> bool {
    let mut words = raw.trim_ascii().rsplit(|byte| *byte == b' ');
    let is_end = |word: &[u8]| {
        word.contains(&b'.')
            && word.iter().all(|byte| byte.is_ascii_alphanumeric() || b".-_:".contains(byte))
            && !word.ends_with(b".")
    };
    words.next().is_some_and(is_end)
        && words.next().is_some_and(|word| word.ends_with(b":") || word == b"IP" || word == b"IP6")
}

/// Bytes of the quote marks that a line begins with.
fn quote_len(raw: &[u8]) -> usize {
    let margin = raw.iter().take_while(|byte| matches!(byte, b'>' | b'|' | b' ')).count();
    // The indent after the last mark is the line's own, but for one space.
    let marks = raw.iter().take(margin).rposition(|byte| *byte != b' ').map_or(0, |last| last + 1);
    marks + usize::from(marks > 0 && raw.get(marks) == Some(&b' '))
}

/// The number that a line begins with where an editor or `grep -n` may have put it there, and the bytes up to the line.
fn line_number(raw: &[u8]) -> Option<(Number, usize)> {
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
    Some((Number { value: number.parse().ok()?, start, end }, end + separator))
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

    fn read(file: &str, is_quoted: bool) -> Vec<String> {
        let mut margins = Margins { is_quoted, ..Margins::default() };
        let mut read = Vec::new();
        for text in file.lines() {
            let mut line = CleanLine { raw: text.as_bytes().to_vec(), ..CleanLine::default() };
            margins.remove(&mut line);
            read.push(String::from_utf8(line.raw).expect("text"));
        }
        read
    }

    #[test]
    fn margins_of_mails_and_editors_are_removed() {
        assert_eq!(read("> > a > b\n>\n>     c\nd\n", true), ["a > b", "", "    c", "d"]);
        assert_eq!(read("> a > b\n", false), ["> a > b"]);
        // The arrow between two ends, which a mail took to the next line, is no mark.
        assert_eq!(
            read("> > length 9: ssm.1\n> > > b.2: x\n> > > c\n", true),
            ["length 9: ssm.1", "> b.2: x", "c"]
        );
        assert_eq!(read("> 10:00 IP ssm.1\n> > b.2: x\n", true), ["10:00 IP ssm.1", "> b.2: x"]);
        assert_eq!(read("> see ssm.1\n> > b.2: x\n", true), ["see ssm.1", "b.2: x"]);
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
            ("1 0.0 a \u{2192} b\n2 0.1 c \u{2192} d\n", "2 0.1 c \u{2192} d"),
            ("7: 1 0.0 a \u{2192} b\n8: 2 0.1 c \u{2192} d\n", " 2 0.1 c \u{2192} d"),
            // The rest of a packet list's row, which a terminal broke within a port.
            ("    2   1.0 a > 844\n3 [SYN] Seq=0\n", "3 [SYN] Seq=0"),
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

    #[test]
    fn the_number_of_a_packet_list_s_row_is_the_packet_s() {
        let rows = "1 19:30:57.486 10.0.0.1 10.0.0.2 64 TCP 50000 > 443 [SYN] Seq=0\n\
                    2 19:30:57.498 10.0.0.2 10.0.0.1 64 TCP 443 > 50000 [SYN, ACK] Seq=0\n\
                    3 2010-10-01 09:16:55.2 x.x.x.x 10.0.0.2 SSLv3 Client Hello";
        assert_eq!(read(rows, false).join("\n"), rows);
        // An editor's, before tcpdump's lines.
        let lines =
            "1 19:30:57.486 IP 10.0.0.1.5 > 10.0.0.2.6: TCP\n2 19:30:57.498 IP 10.0.0.1.5 > 10.0.0.2.6: TCP";
        assert!(read(lines, false).iter().skip(1).all(|line| line.starts_with("19:30")));
    }
}
