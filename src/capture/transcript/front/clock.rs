//! tcpdump's five ways to write a time, and which of them a file uses.

use std::collections::VecDeque;

use crate::time::{Clock, Timestamp};

/// A time as printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stamp {
    /// `-t`: none.
    None,
    /// `12:15:06.407513`: a time of day, or a span with `-ttt` and `-ttttt`; in nanoseconds.
    Time(i64),
    /// `-tt`: nanoseconds since 1970.
    Epoch(i64),
    /// `-tttt`: nanoseconds since 1970 in a zone that is not told.
    DateTime(i64),
    /// `0.250000`, as Wireshark and FortiGate print times: nanoseconds since the capture began, or since the packet before.
    Elapsed(i64),
}

const SECOND: i64 = 1_000_000_000;
const DAY: i64 = 86_400 * SECOND;

impl Stamp {
    /// The stamp that `text` begins with, digits after its second, and what follows.
    pub fn split(text: &str) -> Option<(Self, u8, &str)> {
        let (word, rest) = text.split_once(' ').unwrap_or((text, ""));
        if let Some((nanos, digits)) = time_of_day(word) {
            return Some((Self::Time(nanos), digits, rest.trim_start()));
        }
        if let Some(days) = days_since_1970(word) {
            let rest = rest.trim_start();
            let (word, rest) = rest.split_once(' ').unwrap_or((rest, ""));
            let (nanos, digits) = time_of_day(word)?;
            return Some((
                Self::DateTime(days.saturating_mul(DAY).saturating_add(nanos)),
                digits,
                rest.trim_start(),
            ));
        }
        let (seconds, fraction) = word.split_once('.')?;
        // Seconds since 1970 have ten digits from 2001 to 2286; captures made up for tests begin at 0.
        let is_number =
            !seconds.is_empty() && seconds.len() <= 10 && seconds.bytes().all(|byte| byte.is_ascii_digit());
        let seconds: i64 = seconds.parse().ok().filter(|_| is_number)?;
        let (nanos, digits) = fraction_nanos(fraction)?;
        Some((Self::Epoch(seconds.saturating_mul(SECOND).saturating_add(nanos)), digits, rest.trim_start()))
    }
}

/// `HH:MM:SS.ffffff`; what a log writes with fewer digits is none of tcpdump's.
fn time_of_day(word: &str) -> Option<(i64, u8)> {
    let (whole, fraction) = word.split_once('.')?;
    let mut fields = whole.split(':');
    let mut field = |below: i64| -> Option<i64> {
        let digits = fields
            .next()
            .filter(|digits| digits.len() == 2 && digits.bytes().all(|byte| byte.is_ascii_digit()))?;
        digits.parse().ok().filter(|number| *number < below)
    };
    // A leap second is printed as 60. `-ttttt` counts beyond a day.
    let (hours, minutes, seconds) = (field(100)?, field(60)?, field(61)?);
    if fields.next().is_some() {
        return None;
    }
    let (nanos, digits) = fraction_nanos(fraction)?;
    Some((((hours * 60 + minutes) * 60 + seconds) * SECOND + nanos, digits))
}

/// Six or nine digits, as tcpdump prints them.
fn fraction_nanos(fraction: &str) -> Option<(i64, u8)> {
    let scale = match fraction.len() {
        6 => 1000,
        9 => 1,
        _ => return None,
    };
    let is_number = fraction.bytes().all(|byte| byte.is_ascii_digit());
    let number: i64 = fraction.parse().ok().filter(|_| is_number)?;
    Some((number * scale, fraction.len() as u8))
}

fn days_since_1970(word: &str) -> Option<i64> {
    let mut fields = word.split('-');
    let mut field = |len: usize| fields.next().filter(|field| field.len() == len)?.parse::<i64>().ok();
    let (year, month, day) = (field(4)?, field(2)?, field(2)?);
    let date =
        jiff::civil::Date::new(year.try_into().ok()?, month.try_into().ok()?, day.try_into().ok()?).ok()?;
    let epoch = jiff::civil::Date::new(1970, 1, 1).ok()?;
    let days = date.since(epoch).ok()?.get_days();
    fields.next().is_none().then_some(i64::from(days))
}

/// Turns stamps into instants.
#[derive(Debug, Default)]
pub struct Clockwork {
    /// What the stamps count from, once it is decided.
    pub clock: Option<Clock>,
    /// Whether each stamp counts from the packet before it (`-ttt`).
    pub is_delta: bool,
    /// Nanoseconds of the days that have passed, or of the spans so far.
    passed: i64,
    /// The time of day of the packet before.
    previous: Option<i64>,
}

/// Packets that are looked at before it is decided whether times near zero are times of day, spans since the first
/// packet, or spans since the previous one. Only captures that begin within a minute of midnight have to wait.
const LOOK_AHEAD: usize = 16;

impl Clockwork {
    /// Decides what the stamps count from, if `stamps`, the first of the file, are enough for it.
    pub fn decide(&mut self, stamps: &VecDeque<Stamp>, is_all: bool) -> bool {
        if self.clock.is_some() {
            return true;
        }
        let clock = match stamps.front() {
            None => return false,
            Some(Stamp::None) => Clock::Absent,
            Some(Stamp::Epoch(_)) => Clock::Utc,
            Some(Stamp::Elapsed(_)) => Clock::SinceFirst,
            Some(Stamp::DateTime(_)) => Clock::LocalDateTime,
            Some(Stamp::Time(first)) if *first < 60 * SECOND => {
                let times: Vec<i64> = stamps
                    .iter()
                    .map_while(|stamp| match stamp {
                        Stamp::Time(time) => Some(*time),
                        _ => None,
                    })
                    .collect();
                let is_decreasing = times.windows(2).any(|pair| matches!(pair, [one, next] if next < one));
                if !is_decreasing && times.len() < LOOK_AHEAD && !is_all {
                    return false;
                }
                self.is_delta = is_decreasing && times.iter().all(|time| *time < 3600 * SECOND);
                if *first == 0 || self.is_delta { Clock::SinceFirst } else { Clock::TimeOfDay }
            }
            Some(Stamp::Time(_)) => Clock::TimeOfDay,
        };
        self.clock = Some(clock);
        true
    }

    /// The instant that `stamp` means, for each packet in turn.
    pub fn at(&mut self, stamp: Stamp) -> Timestamp {
        match stamp {
            _ if self.clock == Some(Clock::Absent) => Timestamp::ZERO,
            Stamp::None => Timestamp::ZERO,
            Stamp::Time(span) | Stamp::Elapsed(span) if self.is_delta => {
                self.passed = self.passed.saturating_add(span);
                Timestamp::from_nanos(self.passed)
            }
            Stamp::Epoch(nanos) | Stamp::DateTime(nanos) | Stamp::Elapsed(nanos) => {
                Timestamp::from_nanos(nanos)
            }
            Stamp::Time(time) => {
                if self.clock == Some(Clock::TimeOfDay) {
                    self.pass_midnight(time);
                }
                self.previous = Some(time);
                Timestamp::from_nanos(self.passed.saturating_add(time))
            }
        }
    }

    /// A jump back of more than half a day is midnight; the packets of two processors may cross it out of order.
    fn pass_midnight(&mut self, time: i64) {
        let step = time - self.previous.unwrap_or(time);
        if step < -DAY / 2 {
            self.passed = self.passed.saturating_add(DAY);
        } else if step > DAY - 60 * SECOND && self.passed >= DAY {
            self.passed -= DAY;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn instants(stamps: &[&str]) -> (Option<Clock>, Vec<i64>) {
        let stamps: VecDeque<Stamp> =
            stamps.iter().filter_map(|text| Stamp::split(text)).map(|(stamp, ..)| stamp).collect();
        let mut clockwork = Clockwork::default();
        assert!(clockwork.decide(&stamps, true));
        let instants = stamps.iter().map(|stamp| clockwork.at(*stamp).nanos() / 1000).collect();
        (clockwork.clock, instants)
    }

    #[test]
    fn the_forms_are_told_apart() {
        let (clock, at) = instants(&["23:59:59.900000 IP", "00:00:00.100000 IP", "23:59:59.950000 IP"]);
        assert_eq!(
            (clock, at),
            (Some(Clock::TimeOfDay), vec![86_399_900_000, 86_400_100_000, 86_399_950_000])
        );
        let (clock, at) = instants(&["00:00:00.000000 IP", "00:00:00.012474 IP", "00:00:00.000089 IP"]);
        assert_eq!((clock, at), (Some(Clock::SinceFirst), vec![0, 12_474, 12_563]));
        let (clock, at) = instants(&["00:00:00.000000 IP", "00:00:00.012474 IP", "00:00:00.012563 IP"]);
        assert_eq!((clock, at), (Some(Clock::SinceFirst), vec![0, 12_474, 12_563]));
        assert_eq!(instants(&["1556554522.001362 IP"]), (Some(Clock::Utc), vec![1_556_554_522_001_362]));
        assert_eq!(
            instants(&["2019-04-29 16:15:22.001362 IP"]),
            (Some(Clock::LocalDateTime), vec![1_556_554_522_001_362])
        );
    }

    #[test]
    fn times_beyond_what_an_instant_holds_are_its_end() {
        for text in ["9999-12-31 23:59:59.999999 IP", "9999999999.999999999 IP"] {
            let stamp = Stamp::split(text).map(|(stamp, ..)| stamp);
            let is_end = matches!(stamp, Some(Stamp::Epoch(i64::MAX) | Stamp::DateTime(i64::MAX)));
            assert!(is_end, "{text}: {stamp:?}");
        }
    }

    #[test]
    fn log_lines_are_not_stamps() {
        for text in [
            "12:15:06.407 INFO",
            "25-Jan-2023 12:15:06.407513",
            "12:15:61.407513 IP",
            "10.0.0.1 > x",
            "1:2:3.000000",
        ] {
            assert_eq!(Stamp::split(text), None, "{text}");
        }
    }
}
