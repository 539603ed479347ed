//! Reading a text from its beginning, piece by piece.

use super::date::Date;
use super::form::Zone;
use crate::time::SECOND;

/// A text that is read from its beginning.
#[derive(Clone, Copy, Debug)]
pub(in crate::log) struct Cursor<'a>(pub &'a str);

impl<'a> Cursor<'a> {
    pub(super) fn split(&mut self, at: usize) -> Option<&'a str> {
        let (head, rest) = self.0.split_at_checked(at)?;
        self.0 = rest;
        Some(head)
    }

    /// A number of `least` to `most` digits.
    pub fn number(&mut self, least: usize, most: usize) -> Option<u32> {
        let bytes = self.0.as_bytes();
        let len = bytes.iter().take(most).take_while(|byte| byte.is_ascii_digit()).count();
        if len < least || len > 9 {
            return None;
        }
        let digits = self.split(len)?;
        Some(digits.bytes().fold(0, |number, digit| number * 10 + u32::from(digit - b'0')))
    }

    /// Exactly these characters.
    pub fn eat(&mut self, text: &str) -> Option<()> {
        self.0 = self.0.strip_prefix(text)?;
        Some(())
    }

    /// One of these characters.
    pub fn eat_any(&mut self, characters: &[u8]) -> Option<u8> {
        let first = *self.0.as_bytes().first()?;
        characters.contains(&first).then(|| self.split(1)).flatten().map(|_| first)
    }

    /// Spaces and tabs, at least `least`.
    pub fn spaces(&mut self, least: usize) -> Option<()> {
        let trimmed = self.0.trim_start_matches([' ', '\t']);
        let is_enough = self.0.len() - trimmed.len() >= least;
        self.0 = trimmed;
        is_enough.then_some(())
    }

    /// Letters, `least` to `most` and no more.
    pub fn letters(&mut self, least: usize, most: usize) -> Option<&'a str> {
        let len = self.0.bytes().take(most + 1).take_while(u8::is_ascii_alphabetic).count();
        if (least..=most).contains(&len) { self.split(len) } else { None }
    }

    /// Everything up to a space, or to the end.
    pub fn word(&mut self) -> &'a str {
        let len = memchr::memchr2(b' ', b'\t', self.0.as_bytes()).unwrap_or(self.0.len());
        self.split(len).unwrap_or_default()
    }

    /// What is between `open`, which comes next, and `close`, an ASCII character; up to the end where a cut line has no `close`.
    pub fn enclosed(&mut self, open: &str, close: u8) -> Option<&'a str> {
        self.eat(open)?;
        let end = memchr::memchr(close, self.0.as_bytes());
        let inside = self.split(end.unwrap_or(self.0.len()))?;
        self.0 = self.0.get(usize::from(end.is_some())..).unwrap_or_default();
        Some(inside)
    }

    /// `HH:MM:SS` with one or two digits for the hour; nanoseconds since midnight. A leap second is 60.
    pub(super) fn time_of_day(&mut self) -> Option<i64> {
        let hour = self.number(1, 2)?;
        self.eat(":")?;
        let minute = self.number(2, 2)?;
        self.eat(":")?;
        let second = self.number(2, 2)?;
        let is_time = hour < 24 && minute < 60 && second < 61;
        is_time.then(|| i64::from(hour * 3600 + minute * 60 + second) * SECOND)
    }

    /// A fraction of a second after one of `separators`, or none; nanoseconds and digits. More than nine digits are more than
    /// counts.
    pub(super) fn fraction(&mut self, separators: &[u8]) -> (i64, u8) {
        let before = *self;
        if self.eat_any(separators).is_some() {
            let digits = self.0.bytes().take_while(u8::is_ascii_digit).count();
            if let Some(written) = (digits > 0).then(|| self.split(digits)).flatten() {
                let used = &written.as_bytes()[..digits.min(9)];
                let number = used.iter().fold(0, |number, digit| number * 10 + i64::from(digit - b'0'));
                return (number * 10_i64.pow(9 - used.len() as u32), used.len() as u8);
            }
        }
        *self = before;
        (0, 0)
    }

    /// `AM` or `PM` after a time of day, whose hours are then 1 to 12; nanoseconds since midnight.
    pub(super) fn half_of_day(&mut self, time: i64) -> i64 {
        const HOUR: i64 = 3600 * SECOND;
        let mut ahead = *self;
        let _ = ahead.eat_any(b" ");
        let Some(word) = ahead.letters(2, 2) else { return time };
        let hour = match word {
            "AM" | "am" => 0,
            "PM" | "pm" => 12,
            _ => return time,
        };
        if !(HOUR..13 * HOUR).contains(&time) {
            return time;
        }
        *self = ahead;
        (time / HOUR % 12 + hour) * HOUR + time % HOUR
    }

    /// `Z`, `+05:30`, `+0530`, `-05`; seconds east of UTC.
    pub(super) fn offset(&mut self) -> Option<i32> {
        let mut ahead = *self;
        if ahead.eat_any(b"Z").is_some() {
            *self = ahead;
            return Some(0);
        }
        let sign = if ahead.eat_any(b"+-")? == b'-' { -1 } else { 1 };
        let hours = ahead.number(1, 2)?;
        let minutes = {
            let mut after = ahead;
            let _ = after.eat(":");
            after.number(2, 2).inspect(|_| ahead = after).unwrap_or(0)
        };
        // The line islands are UTC+14; some logs of the past have more.
        (hours <= 15 && minutes < 60).then(|| {
            *self = ahead;
            sign * (hours * 3600 + minutes * 60) as i32
        })
    }

    /// A zone as a word: an offset, `UTC`, or an abbreviation. Nothing is consumed where there is none.
    pub fn zone(&mut self) -> Zone<'a> {
        if let Some(offset) = self.offset() {
            return Zone::Offset(offset);
        }
        let mut ahead = *self;
        // Abbreviations have two to five letters (`tzdata`), and the word ends after them.
        let Some(name) = ahead.letters(2, 5) else { return Zone::Unstated };
        // Those of tzdata are capitals.
        let is_zone = name.bytes().all(|byte| byte.is_ascii_uppercase()) && !is_no_zone(name);
        if !is_zone || ahead.0.starts_with(|next: char| next.is_alphanumeric() || next == '_') {
            return Zone::Unstated;
        }
        let is_utc = ["UTC", "GMT", "UCT"].contains(&name);
        if is_utc && ahead.0.starts_with(['+', '-']) {
            // Java writes a zone without a name as `GMT+05:30`.
            if let Some(offset) = ahead.offset() {
                *self = ahead;
                return Zone::Offset(offset);
            }
        }
        *self = ahead;
        if is_utc { Zone::Offset(0) } else { Zone::Named(name) }
    }

    /// `2023-01-13`, with another separator perhaps.
    pub(super) fn ymd(&mut self, separator: u8) -> Option<Date> {
        let year = self.number(4, 4)?;
        self.eat_any(&[separator])?;
        let month = self.number(2, 2)?;
        self.eat_any(&[separator])?;
        let day = self.number(2, 2)?;
        Date::new(Some(year as i32), month, day)
    }
}

/// Whether capitals in a zone's place are something else: a level, as programs abbreviate it.
fn is_no_zone(word: &str) -> bool {
    const WORDS: [&str; 26] = [
        "INFO", "WARN", "ERROR", "DEBUG", "TRACE", "FATAL", "FINE", "FINER", "CRIT", "ALERT", "EMERG",
        "PANIC", "NOTE", "LOG", "HINT", "ERR", "INF", "WRN", "DBG", "TRC", "FTL", "AM", "PM", "IP", "GET",
        "POST",
    ];
    WORDS.contains(&word)
}
