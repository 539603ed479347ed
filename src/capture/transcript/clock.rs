//! The ways to write a packet's time, and which of them a text uses.

use std::collections::VecDeque;

use crate::time::{Clock, SECOND, Timestamp};

/// A time as printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stamp {
    /// `-t`: none.
    None,
    /// `12:15:06.407513`: a time of day, or a span with `-ttt` and `-ttttt`; in nanoseconds.
    Time(i64),
    /// `Aug 29 15:45:21.194752`: a day of a year that is not shown, and a time of day; in nanoseconds since the year began.
    YearDay(i64),
    /// `-tt`: nanoseconds since 1970.
    Epoch(i64),
    /// `-tttt`: nanoseconds since 1970 in a zone that is not given.
    DateTime(i64),
    /// `0.250000`, as Wireshark and FortiGate print times: nanoseconds since the capture began, or since the packet before.
    Elapsed(i64),
}

const DAY: i64 = 86_400 * SECOND;

/// A time that a line begins with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Start<'a> {
    pub stamp: Stamp,
    /// Digits after the second.
    pub digits: u8,
    /// Whether tcpdump writes it so. Authors cut digits off, and logs have times too: then what follows must show a packet.
    pub is_certain: bool,
    /// What follows.
    pub rest: &'a str,
}

impl<'a> Start<'a> {
    /// The time that `text` begins with, perhaps in brackets.
    pub fn split(text: &'a str) -> Option<Self> {
        let Some(inside) = text.strip_prefix('[') else { return Self::bare(text) };
        let (time, rest) = inside.split_once(']').filter(|(time, _)| time.len() <= LONGEST_TIME)?;
        let start = Self::bare(time).filter(|start| start.rest.is_empty())?;
        Some(Self { is_certain: false, rest: rest.trim_start(), ..start })
    }

    fn bare(text: &'a str) -> Option<Self> {
        // A number or a month's name; most lines that begin with no time begin with neither.
        let is_start = |letter: char| letter.is_ascii_digit() || letter.is_ascii_uppercase();
        if !text.starts_with(is_start) {
            return None;
        }
        let (word, rest) = text.split_once(' ').unwrap_or((text, ""));
        let rest = rest.trim_start();
        let start = |stamp, digits, is_certain, rest| Some(Self { stamp, digits, is_certain, rest });
        if let Some((nanos, digits)) = time_of_day(word) {
            return start(Stamp::Time(nanos), digits, is_usual(digits) && !word.contains(','), rest);
        }
        if let Some(days) = days_since_1970(word) {
            let (word, rest) = rest.split_once(' ').unwrap_or((rest, ""));
            let (nanos, digits) = time_of_day(word)?;
            let stamp = Stamp::DateTime(days.saturating_mul(DAY).saturating_add(nanos));
            return start(stamp, digits, is_usual(digits), rest.trim_start());
        }
        if let Some((date, time)) = word.split_once('T') {
            let days = days_since_1970(date)?;
            let (nanos, digits) = time_of_day(without_zone(time))?;
            let stamp = Stamp::DateTime(days.saturating_mul(DAY).saturating_add(nanos));
            return start(stamp, digits, false, rest);
        }
        if let Some(days) = days_before_month(word) {
            let (day, rest) = rest.split_once(' ')?;
            let day: i64 = day.parse().ok().filter(|day| (1..=31).contains(day))?;
            let rest = rest.trim_start();
            let (word, rest) = rest.split_once(' ').unwrap_or((rest, ""));
            let (nanos, digits) = time_of_day(word)?;
            let stamp = Stamp::YearDay((days + day - 1) * DAY + nanos);
            return start(stamp, digits, false, rest.trim_start());
        }
        let (seconds, fraction) = word.split_once('.')?;
        // Seconds since 1970 have ten digits from 2001 to 2286; captures made up for tests begin at 0.
        let is_number =
            !seconds.is_empty() && seconds.len() <= 10 && seconds.bytes().all(|byte| byte.is_ascii_digit());
        let seconds: i64 = seconds.parse().ok().filter(|_| is_number)?;
        let (nanos, digits) = fraction_nanos(fraction.as_bytes())?;
        let nanos = seconds.saturating_mul(SECOND).saturating_add(nanos);
        // If there are fewer digits, an author left the seconds.
        let stamp = if is_usual(digits) { Stamp::Epoch(nanos) } else { Stamp::Elapsed(nanos) };
        start(stamp, digits, is_usual(digits), rest)
    }
}

/// Whether tcpdump prints this many digits of a second.
fn is_usual(digits: u8) -> bool {
    matches!(digits, 6 | 9)
}

/// The longest way to write a time: `2023-01-25T12:15:06.407513000+01:00`.
const LONGEST_TIME: usize = 35;

/// `12:15:06.407513` of `12:15:06.407513Z` and `12:15:06.407513+01:00`.
fn without_zone(time: &str) -> &str {
    time.split(['Z', '+', '-']).next().unwrap_or(time)
}

/// `HH:MM:SS.ffffff`, perhaps with fewer digits, and with a comma in some locales. Spreadsheets and people leave an hour's
/// first zero out.
fn time_of_day(word: &str) -> Option<(i64, u8)> {
    if word.as_bytes().get(1) == Some(&b':') && word.contains('.') {
        return time_of_day(&format!("0{word}"));
    }
    let (whole, fraction) = word.as_bytes().split_first_chunk::<8>()?;
    let [h, hh, b':', m, mm, b':', s, ss] = *whole else { return None };
    let field = |tens: u8, ones: u8, below: i64| -> Option<i64> {
        Some(digit(tens)? * 10 + digit(ones)?).filter(|number| *number < below)
    };
    // A leap second is printed as 60. `-ttttt` counts beyond a day.
    let (hours, minutes, seconds) = (field(h, hh, 100)?, field(m, mm, 60)?, field(s, ss, 61)?);
    let (nanos, digits) = match fraction {
        [] => (0, 0),
        [b'.' | b',', fraction @ ..] => fraction_nanos(fraction)?,
        _ => return None,
    };
    Some((((hours * 60 + minutes) * 60 + seconds) * SECOND + nanos, digits))
}

/// Up to nine digits.
fn fraction_nanos(fraction: &[u8]) -> Option<(i64, u8)> {
    let digits = fraction.len();
    if !(1..=9).contains(&digits) {
        return None;
    }
    let number = fraction.iter().try_fold(0, |number, byte| Some(number * 10 + digit(*byte)?))?;
    Some((number * 10_i64.pow(9 - digits as u32), digits as u8))
}

fn digit(byte: u8) -> Option<i64> {
    byte.is_ascii_digit().then(|| i64::from(byte - b'0'))
}

/// Days of a year before the month that `word` names, in a year of 365 days.
fn days_before_month(word: &str) -> Option<i64> {
    const MONTHS: [(&str, i64); 12] = [
        ("Jan", 0),
        ("Feb", 31),
        ("Mar", 59),
        ("Apr", 90),
        ("May", 120),
        ("Jun", 151),
        ("Jul", 181),
        ("Aug", 212),
        ("Sep", 243),
        ("Oct", 273),
        ("Nov", 304),
        ("Dec", 334),
    ];
    MONTHS.iter().find(|(name, _)| *name == word).map(|(_, days)| *days)
}

/// `2005-08-29` or `2005/08/29`, and `08/29/2005` as tcpdump 3.x wrote it.
fn days_since_1970(word: &str) -> Option<i64> {
    let number = |digits: &[u8]| digits.iter().try_fold(0, |sum: i64, byte| Some(sum * 10 + digit(*byte)?));
    let bytes = word.as_bytes().first_chunk::<10>().filter(|_| word.len() == 10)?;
    let (year, month, day) = match *bytes {
        [y, yy, yyy, yyyy, b'-' | b'/', m, mm, b'-' | b'/', d, dd]
        | [m, mm, b'/', d, dd, b'-' | b'/', y, yy, yyy, yyyy]
        | [m, mm, b'-', d, dd, b'/', y, yy, yyy, yyyy] => ([y, yy, yyy, yyyy], [m, mm], [d, dd]),
        _ => return None,
    };
    let (year, month, day) = (number(&year)?, number(&month)?, number(&day)?);
    let date =
        jiff::civil::Date::new(year.try_into().ok()?, month.try_into().ok()?, day.try_into().ok()?).ok()?;
    let epoch = jiff::civil::Date::new(1970, 1, 1).ok()?;
    Some(date.duration_since(epoch).as_secs() / (DAY / SECOND))
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
    /// The first stamp, whose instant a packet above it has that lost its own.
    first: Option<Stamp>,
    /// The instant of the packet before.
    latest: Option<Timestamp>,
}

/// Packets that are looked at before it is decided whether times near zero are times of day, spans since the first
/// packet, or spans since the previous one. Only captures that begin within an hour of midnight have to wait.
const LOOK_AHEAD: usize = 16;

impl Clockwork {
    /// Decides what the stamps count from, if `stamps`, the first of the file, are enough for it. `is_delta` is what the
    /// command line shows.
    pub fn decide(&mut self, stamps: &VecDeque<Stamp>, is_delta: bool, is_all: bool) -> bool {
        if self.clock.is_some() {
            return true;
        }
        self.first = stamps.iter().find(|stamp| **stamp != Stamp::None).copied();
        let clock = match self.first {
            // A paste may begin within a packet, after its time.
            None if stamps.is_empty() || !(is_all || stamps.len() >= LOOK_AHEAD) => return false,
            None => Clock::Absent,
            Some(Stamp::Time(_)) if is_delta => {
                self.is_delta = true;
                Clock::SinceFirst
            }
            Some(Stamp::Epoch(_)) => Clock::Utc,
            Some(Stamp::DateTime(_)) => Clock::LocalDateTime,
            Some(Stamp::Elapsed(_)) => {
                let times = times_of(stamps, |stamp| match stamp {
                    Stamp::Elapsed(time) => Some(time),
                    _ => None,
                });
                if !goes_far_back(&times) && times.len() < LOOK_AHEAD && !is_all {
                    return false;
                }
                self.is_delta = are_deltas(&times);
                Clock::SinceFirst
            }
            Some(Stamp::Time(first)) if first < 3600 * SECOND => {
                let times = times_of(stamps, |stamp| match stamp {
                    Stamp::Time(time) => Some(time),
                    _ => None,
                });
                let is_near = |time: i64| time < 60 * SECOND;
                if is_near(first) && !goes_far_back(&times) && times.len() < LOOK_AHEAD && !is_all {
                    return false;
                }
                // A span may be long, but those between the packets of one exchange are not.
                let are_spans = is_near(first) || times.iter().filter(|time| is_near(**time)).count() > 1;
                self.is_delta =
                    are_deltas(&times) && are_spans && times.iter().all(|time| *time < 3600 * SECOND);
                if first == 0 || self.is_delta { Clock::SinceFirst } else { Clock::TimeOfDay }
            }
            Some(Stamp::None | Stamp::Time(_) | Stamp::YearDay(_)) => Clock::TimeOfDay,
        };
        self.clock = Some(clock);
        true
    }

    /// The instant that `stamp` means, for each packet in turn. One without a time has that of the packet before.
    pub fn at(&mut self, stamp: Stamp) -> Timestamp {
        let at = match (stamp, self.latest, self.first) {
            _ if self.clock == Some(Clock::Absent) => return Timestamp::ZERO,
            (Stamp::None, Some(latest), _) => latest,
            (Stamp::None, None, None) => Timestamp::ZERO,
            (Stamp::None, None, Some(first)) => return self.instant(first),
            (stamp, ..) => self.instant(stamp),
        };
        self.latest = Some(at);
        at
    }

    /// Another capture begins with `stamp`, whose times show nothing of those before it.
    pub fn begin_again(&mut self, stamp: Stamp) {
        let Self { clock, is_delta, .. } = *self;
        *self = Self { clock, is_delta, first: Some(stamp), ..Self::default() };
    }

    fn instant(&mut self, stamp: Stamp) -> Timestamp {
        match stamp {
            Stamp::Time(span) | Stamp::Elapsed(span) if self.is_delta => {
                self.passed = self.passed.saturating_add(span);
                Timestamp::from_nanos(self.passed)
            }
            Stamp::None => Timestamp::ZERO,
            Stamp::Epoch(nanos) | Stamp::DateTime(nanos) | Stamp::Elapsed(nanos) => {
                Timestamp::from_nanos(nanos)
            }
            Stamp::YearDay(nanos) => {
                let Some(Stamp::YearDay(first)) = self.first else {
                    return Timestamp::from_nanos(nanos % DAY);
                };
                // The first day is day 0; a year may end within the text.
                let since = nanos - first / DAY * DAY;
                Timestamp::from_nanos(if since < -DAY { since + 365 * DAY } else { since })
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

/// The times of the stamps of one kind.
fn times_of(stamps: &VecDeque<Stamp>, time: impl Fn(Stamp) -> Option<i64>) -> Vec<i64> {
    stamps.iter().copied().filter_map(time).collect()
}

/// The steps between `times` that go back, each with the time before it.
fn steps_back(times: &[i64]) -> impl Iterator<Item = (i64, i64)> + '_ {
    times.windows(2).filter_map(|pair| match *pair {
        [before, next] if next < before => Some((before.saturating_sub(next), before)),
        _ => None,
    })
}

/// Times since the first packet go back by less than a tenth, or by so little, where several queues or interfaces are captured and
/// packets come out of order; in nanoseconds.
const OUT_OF_ORDER: i64 = SECOND / 10_000;

/// Whether `times` go back further than times since the first packet do.
fn goes_far_back(times: &[i64]) -> bool {
    steps_back(times).any(|(step, before)| step > OUT_OF_ORDER && step.saturating_mul(10) > before)
}

/// Whether each of `times` counts from the packet before it, and not from the first packet. Those that do rise and fall alike, while those
/// since the first packet rise, but for packets that come out of order.
fn are_deltas(times: &[i64]) -> bool {
    let fall = steps_back(times).fold(0_i64, |sum, (step, _)| sum.saturating_add(step));
    if fall == 0 || goes_far_back(times) {
        return fall > 0;
    }
    // Both begin with 0, after which both rise.
    let after_zero = times.strip_prefix(&[0]).unwrap_or(times);
    let rise = after_zero.windows(2).fold(0_i64, |sum, pair| match *pair {
        [before, next] => sum.saturating_add(next.saturating_sub(before).max(0)),
        _ => sum,
    });
    // Regular intervals vary more than the offsets of packets of one instant late in a capture.
    let is_one_moment = times.iter().all(|time| *time > fall.saturating_mul(1_000_000));
    rise < fall.saturating_mul(10) && !is_one_moment
}

#[cfg(test)]
mod tests {
    use super::*;

    fn instants(stamps: &[&str]) -> (Option<Clock>, Vec<i64>) {
        let stamps: VecDeque<Stamp> =
            stamps.iter().map(|text| Start::split(text).map_or(Stamp::None, |start| start.stamp)).collect();
        let mut clockwork = Clockwork::default();
        assert!(clockwork.decide(&stamps, false, true));
        let instants = stamps.iter().map(|stamp| clockwork.at(*stamp).nanos() / 1000).collect();
        (clockwork.clock, instants)
    }

    #[test]
    fn the_forms_are_distinguished() {
        let (clock, at) = instants(&["23:59:59.900000 IP", "00:00:00.100000 IP", "23:59:59.950000 IP"]);
        assert_eq!(
            (clock, at),
            (Some(Clock::TimeOfDay), vec![86_399_900_000, 86_400_100_000, 86_399_950_000])
        );
        let (clock, at) = instants(&["00:00:00.000000 IP", "00:00:00.012474 IP", "00:00:00.000089 IP"]);
        assert_eq!((clock, at), (Some(Clock::SinceFirst), vec![0, 12_474, 12_563]));
        let (clock, at) = instants(&["00:01:01.000000 IP", "00:00:00.012474 IP", "00:00:00.000089 IP"]);
        assert_eq!((clock, at), (Some(Clock::SinceFirst), vec![61_000_000, 61_012_474, 61_012_563]));
        let (clock, at) = instants(&["00:00:00.000000 IP", "00:00:00.012474 IP", "00:00:00.012563 IP"]);
        assert_eq!((clock, at), (Some(Clock::SinceFirst), vec![0, 12_474, 12_563]));
        let (clock, at) = instants(&["9:59:59.900000 IP", "10:00:00.100000 IP"]);
        assert_eq!((clock, at), (Some(Clock::TimeOfDay), vec![35_999_900_000, 36_000_100_000]));
        assert_eq!(Start::split("0:50:ba:aa:77:88 x").map(|start| start.stamp), None);
        assert_eq!(instants(&["1556554522.001362 IP"]), (Some(Clock::Utc), vec![1_556_554_522_001_362]));
        let local = (Some(Clock::LocalDateTime), vec![1_556_554_522_001_362]);
        for text in [
            "2019-04-29 16:15:22.001362 IP",
            "04/29/2019 16:15:22.001362 IP",
            "2019-04-29T16:15:22.001362Z IP",
        ] {
            assert_eq!(instants(&[text]), local, "{text}");
        }
        assert_eq!(
            instants(&["29.84 a", "29.93 b"]),
            (Some(Clock::SinceFirst), vec![29_840_000, 29_930_000])
        );
    }

    #[test]
    fn seconds_that_decrease_count_from_the_packet_before() {
        let at = |times: &[i64]| {
            let stamps: VecDeque<Stamp> = times.iter().map(|time| Stamp::Elapsed(*time)).collect();
            let mut clockwork = Clockwork::default();
            assert!(clockwork.decide(&stamps, false, true));
            assert_eq!(clockwork.clock, Some(Clock::SinceFirst));
            stamps.iter().map(|stamp| clockwork.at(*stamp).nanos()).collect::<Vec<_>>()
        };
        assert_eq!(at(&[0, 5, 3, 9]), [0, 5, 8, 17]);
        assert_eq!(at(&[7, 8, 9]), [7, 8, 9]);
    }

    #[test]
    fn times_since_the_first_packet_may_go_back_a_little() {
        let are_deltas = |micros: &[i64]| {
            let stamps = micros.iter().map(|micros| Stamp::Elapsed(micros * 1_000)).collect();
            let mut clockwork = Clockwork::default();
            assert!(clockwork.decide(&stamps, false, true));
            clockwork.is_delta
        };
        for since_first in [
            &[900_000_000, 900_012_000, 900_011_980, 900_012_040][..],
            &[900_000_020, 900_000_000, 900_000_030],
            &[0, 40, 20, 3_000, 250_000],
            &[0, 1_000_000, 2_000_000, 40_000_000, 37_000_000, 90_000_000],
        ] {
            assert!(!are_deltas(since_first), "{since_first:?}");
        }
        for deltas in [
            &[0, 12_474, 89][..],
            &[0, 1_000_120, 1_000_040, 1_000_210, 999_950],
            &[0, 200_000, 180_000, 210_000],
            &[0, 3_000_000, 20, 6_000_000, 30],
        ] {
            assert!(are_deltas(deltas), "{deltas:?}");
        }
        // -ttttt
        let (clock, at) =
            instants(&["00:00:00.000000 IP", "00:00:05.000100 IP", "00:00:05.000080 IP", "00:00:09.5 IP"]);
        assert_eq!((clock, at), (Some(Clock::SinceFirst), vec![0, 5_000_100, 5_000_080, 9_500_000]));
    }

    #[test]
    fn a_year_s_days_are_counted_from_the_first() {
        let (clock, at) = instants(&["Dec 31 23:59:59.5 rule", "Jan  1 00:00:00.25 rule"]);
        assert_eq!((clock, at), (Some(Clock::TimeOfDay), vec![86_399_500_000, 86_400_250_000]));
    }

    #[test]
    fn a_packet_that_lost_its_time_has_a_neighbour_s() {
        let (clock, at) = instants(&["IP", "10:00:00.000001 IP", "IP"]);
        assert_eq!((clock, at), (Some(Clock::TimeOfDay), vec![36_000_000_001; 3]));
        assert_eq!(instants(&["IP", "IP"]), (Some(Clock::Absent), vec![0, 0]));
    }

    #[test]
    fn times_beyond_what_an_instant_holds_are_its_end() {
        for text in ["9999-12-31 23:59:59.999999 IP", "9999999999.999999999 IP"] {
            let stamp = Start::split(text).map(|start| start.stamp);
            let is_end = matches!(stamp, Some(Stamp::Epoch(i64::MAX) | Stamp::DateTime(i64::MAX)));
            assert!(is_end, "{text}: {stamp:?}");
        }
    }

    #[test]
    fn a_log_s_times_are_not_certainly_a_packet_s() {
        for text in ["12:15:06.407 INFO", "2023-01-25 12:15:06 x", "Jan 25 12:15:06 host kernel: x"] {
            assert!(Start::split(text).is_some_and(|start| !start.is_certain), "{text}");
        }
        for text in [
            "25-Jan-2023 12:15:06.407513",
            "12:15:61.407513 IP",
            "10.0.0.1 > x",
            "1:2:3.000000",
            "Jan 32 12:15:06 x",
        ] {
            assert_eq!(Start::split(text), None, "{text}");
        }
    }
}
