//! What loggers, containers, editors and authors put before a packet on its line, and so before those that follow.

/// What precedes a packet on its line: a log's time and process, a container's name, a comment's or a diff's mark.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Prefix {
    /// How many words it has; what they say may change from line to line.
    words: usize,
    /// The last one, which does not, except for the numbers in it.
    last: Box<[u8]>,
    /// Whether the packet follows without a space.
    is_glued: bool,
}

/// Words of a prefix: the longest known has a log's date, time, zone, name, level and separators.
const MOST_WORDS: usize = 12;

/// Longest last word of a prefix, in bytes: a process with its number, or a container's name.
const MOST_BYTES: usize = 64;

impl Prefix {
    /// The prefix in `before`, which precedes a packet. `None` if it does not look like something that other lines have, too.
    pub fn of(before: &str) -> Option<Self> {
        let words = before.split_whitespace().count();
        let last = before.split_whitespace().last()?;
        // The numbers of lines are margins, and a row of a packet list has its number and time first.
        let is_word = last.chars().any(|letter| !letter.is_ascii_digit());
        let is_usual = is_word && !is_row_start(before) && words <= MOST_WORDS && last.len() <= MOST_BYTES;
        let is_glued = !before.ends_with(char::is_whitespace);
        is_usual.then(|| Self { words, last: last.as_bytes().into(), is_glued })
    }

    /// Bytes of `raw` that are the prefix; the space after it belongs to it, further ones to the line.
    pub fn len(&self, raw: &[u8]) -> Option<usize> {
        let mut at = 0;
        for word in 1..=self.words {
            while let Some(len @ 1..) = raw.get(at..).map(space_len) {
                at += len;
            }
            let rest = raw.get(at..)?;
            let len = (0..rest.len()).find(|end| space_len(&rest[*end..]) > 0).unwrap_or(rest.len());
            if len == 0 {
                return None;
            }
            if word < self.words {
                at += len;
                continue;
            }
            let last_len = self.last_len(rest).filter(|last_len| len == *last_len || self.is_glued)?;
            at += last_len;
        }
        let space = if self.is_glued { 0 } else { raw.get(at..).map_or(0, space_len) };
        Some(at + space)
    }

    /// Bytes of the last word at the beginning of `raw`. A number in it may be another: `9.` and `10.`, `log:9:` and `log:10:`.
    fn last_len(&self, raw: &[u8]) -> Option<usize> {
        // A time begins with a number and a colon, and an address with one and a dot.
        let has_numbers = !self.is_glued || self.last.iter().any(u8::is_ascii_alphabetic);
        if !has_numbers {
            return raw.starts_with(&self.last).then_some(self.last.len());
        }
        let (mut own, mut at) = (self.last.iter().peekable(), 0);
        while let Some(byte) = own.next() {
            if byte.is_ascii_digit() {
                while own.next_if(|next| next.is_ascii_digit()).is_some() {}
                let digits = raw.get(at..)?.iter().take_while(|byte| byte.is_ascii_digit()).count();
                at += Some(digits).filter(|digits| *digits > 0)?;
            } else if raw.get(at) == Some(byte) {
                at += 1;
            } else {
                return None;
            }
        }
        Some(at)
    }
}

/// Whether `text` is no more than a packet's number and its seconds.
fn is_row_start(text: &str) -> bool {
    let mut words = text.split_whitespace();
    let is_number = |word: &str| word.bytes().all(|byte| byte.is_ascii_digit());
    words.next().is_some_and(is_number)
        && words
            .next()
            .is_some_and(|word| word.split_once('.').is_some_and(|(s, f)| is_number(s) && is_number(f)))
        && words.next().is_none()
}

/// Bytes of the space that `raw` begins with: of ASCII, or the no-break space (U+00A0) of web pages, by itself or as an entity.
fn space_len(raw: &[u8]) -> usize {
    match raw {
        [byte, ..] if byte.is_ascii_whitespace() => 1,
        [0xc2, 0xa0, ..] => 2,
        raw if raw.starts_with(b"&nbsp;") => 6,
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_preceded_one_packet_is_removed_from_the_lines_below() {
        for (before, line, rest) in [
            ("client_1  | ", "client_1  |     10.0.0.1.1", "    10.0.0.1.1"),
            ("Nov 28 10:00:00 host tcpdump[71]: ", "Nov 28 10:00:01 host tcpdump[71]: x", "x"),
            (" *   ", " *   0x0000", "  0x0000"),
            ("+", "+    0x0000", "    0x0000"),
            ("[pod/a/b] ", "[pod/a/b] x", "x"),
            ("[pod/a/b] ", "[pod/a/b]", ""),
            ("ssm-0 tcpdump ", "ssm-0 tcpdump     x", "    x"),
            ("9. ", "10.     x", "    x"),
            ("trace.log:9:", "trace.log:10:    x", "    x"),
            ("2026-11-28T10:00:00.1Z stdout F ", "2026-11-28T10:00:01.1Z stdout F     x", "    x"),
            ("2026-11-28T10:00:00.1Z ", "2026-11-28T10:00:01.1Z\u{a0}  x", "  x"),
            ("[pod/a/b] tcpdump ", "[pod/a/b]\u{a0} tcpdump \u{a0}x", "\u{a0}x"),
            ("2026-11-28T10:00:00.1Z ", "2026-11-28T10:00:01.1Z&nbsp;&nbsp;x", "&nbsp;x"),
        ] {
            let prefix = Prefix::of(before).expect("a prefix");
            let len = prefix.len(line.as_bytes()).expect("the line has it");
            assert_eq!(&line[len..], rest, "{line}");
        }
        let prefix = Prefix::of("client_1  | ").expect("a prefix");
        for other in ["server_1 > x", "", "   ", "client_1", "| x"] {
            assert_eq!(prefix.len(other.as_bytes()), None, "{other}");
        }
        let numbered = Prefix::of("9. ").expect("a prefix");
        assert_eq!(numbered.len(b"10.0.0.1.443 > x"), None);
        assert_eq!((Prefix::of("12 "), Prefix::of("")), (None, None));
        assert_eq!(Prefix::of("410808   3.430027 "), None);
    }

    proptest! {
        #[test]
        fn any_line_is_looked_at(before in ".{0,40}", raw: Vec<u8>) {
            if let Some(len) = Prefix::of(&before).and_then(|prefix| prefix.len(&raw)) {
                prop_assert!(len <= raw.len());
            }
        }
    }
}
