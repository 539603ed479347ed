//! Reading a line field by field. A number counts only where the grammar's next character follows it: one that runs
//! into the end of the line may have been cut.

/// A line being read from left to right.
#[derive(Clone, Copy, Debug)]
pub struct Scan<'a> {
    rest: &'a str,
}

impl<'a> Scan<'a> {
    pub fn new(text: &'a str) -> Self {
        Self { rest: text }
    }

    pub fn rest(&self) -> &'a str {
        self.rest
    }

    /// Skips spaces. Returns whether something is left.
    #[inline]
    pub fn skip_spaces(&mut self) -> bool {
        // Nearly all non-blank characters are printable ASCII.
        if !self.rest.as_bytes().first().is_some_and(u8::is_ascii_graphic) {
            self.rest = self.rest.trim_start();
        }
        !self.rest.is_empty()
    }

    /// Consumes `word` if it comes next.
    #[inline]
    pub fn eat(&mut self, word: &str) -> bool {
        // The first byte rules out nearly all words that don't come next.
        let may_come = self.rest.as_bytes().first() == word.as_bytes().first();
        let after = if may_come { self.rest.strip_prefix(word) } else { None };
        self.rest = after.unwrap_or(self.rest);
        after.is_some()
    }

    /// Consumes everything before `end`, and `end`.
    pub fn until(&mut self, end: char) -> Option<&'a str> {
        let (before, after) = self.rest.split_once(end)?;
        self.rest = after;
        Some(before)
    }

    /// A decimal number that is followed by something.
    pub fn number(&mut self) -> Option<u32> {
        self.digits(10)
    }

    /// A decimal number, also where nothing follows it.
    pub fn number_or_last(&mut self) -> Option<u32> {
        let end = self.rest.find(|letter: char| !letter.is_ascii_digit()).unwrap_or(self.rest.len());
        let (digits, after) = self.rest.split_at_checked(end)?;
        let number = digits.parse().ok()?;
        self.rest = after;
        Some(number)
    }

    /// Hexadecimal digits that are followed by something.
    pub fn hex(&mut self) -> Option<u32> {
        self.digits(16)
    }

    fn digits(&mut self, radix: u32) -> Option<u32> {
        let end = self.rest.bytes().position(|byte| !char::from(byte).is_digit(radix))?;
        let (digits, after) = self.rest.split_at_checked(end)?;
        let number = u32::from_str_radix(digits, radix).ok()?;
        self.rest = after;
        Some(number)
    }

    /// Whether a comma ends the field here.
    pub fn is_at_comma(mut self) -> bool {
        self.comma()
    }

    /// Consumes the comma that ends a field, and the spaces that a web page put before it.
    pub fn comma(&mut self) -> bool {
        let mut ahead = *self;
        ahead.skip_spaces();
        let is_comma = ahead.eat(",");
        if is_comma {
            *self = ahead;
        }
        is_comma
    }
}

/// What precedes the first `mark` in `text`, and what follows it. In most lines there is none, which `contains` finds many bytes
/// at a time and `split_once` one by one.
pub fn split_rare<'a>(text: &'a str, mark: &str) -> Option<(&'a str, &'a str)> {
    text.contains(mark).then(|| text.split_once(mark))?
}

/// How often `mark` occurs in `text`, up to `most`. In most lines it does not, which `contains` finds many bytes at a time.
pub fn count_rare(text: &str, mark: &str, most: usize) -> usize {
    if !text.contains(mark) {
        return 0;
    }
    memchr::memmem::find_iter(text.as_bytes(), mark).take(most).count()
}

/// What precedes the first colon with a space after it, and what follows the two.
pub fn split_at_colon(text: &str) -> Option<(&str, &str)> {
    let at = text.as_bytes().windows(2).position(|pair| pair == b": ")?;
    Some((text.get(..at)?, text.get(at + 2..)?))
}

/// Whether `text` begins with an Ethernet address, as `-e` prints it.
pub fn begins_with_mac(text: &str) -> bool {
    // A look at the third byte is enough for most lines.
    if text.as_bytes().get(2) != Some(&b':') {
        return false;
    }
    let (word, _) = text.split_once(' ').unwrap_or((text, ""));
    let is_octet = |octet: &str| octet.len() == 2 && octet.bytes().all(|byte| byte.is_ascii_hexdigit());
    word.split(':').count() == 6 && word.split(':').all(is_octet)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mark_is_counted_up_to_the_bound() {
        for (text, count) in [("", 0), ("no arrow", 0), ("a -> b", 1), ("a -> b -> c -> d", 2)] {
            assert_eq!(count_rare(text, "-> ", 2), count, "{text}");
        }
    }
}
