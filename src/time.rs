//! Instants and spans of the capture's clock, the only clock that analysis knows.
//!
//! Both are whole nanoseconds, whatever the capture's own resolution is, so that no rounding
//! happens between reading a packet and printing it.

use std::fmt;
use std::ops::{Add, AddAssign, Sub};

/// Nanoseconds in a millisecond.
pub(crate) const MILLI: i64 = 1_000_000;

/// Nanoseconds in a second.
pub(crate) const SECOND: i64 = 1_000 * MILLI;

/// An instant: nanoseconds since the Unix epoch, or since the zero that the capture's [`Clock`] counts from.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub struct Timestamp(i64);

impl Timestamp {
    /// The zero of the clock.
    pub const ZERO: Self = Self(0);

    /// From nanoseconds since the clock's zero.
    pub const fn from_nanos(nanos: i64) -> Self {
        Self(nanos)
    }

    /// From seconds and nanoseconds, saturating at the ends of the representable time (years 1677 and 2262).
    pub const fn from_parts(seconds: i64, nanos: i64) -> Self {
        Self(seconds.saturating_mul(SECOND).saturating_add(nanos))
    }

    /// Nanoseconds since the clock's zero.
    pub const fn nanos(self) -> i64 {
        self.0
    }
}

/// A span between two instants in nanoseconds; negative where the clock stepped back.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub struct Elapsed(i64);

impl Elapsed {
    /// No time at all.
    pub const ZERO: Self = Self(0);

    /// From nanoseconds.
    pub const fn from_nanos(nanos: i64) -> Self {
        Self(nanos)
    }

    /// From milliseconds.
    pub const fn from_millis(millis: i64) -> Self {
        Self(millis.saturating_mul(1_000_000))
    }

    /// From seconds as a decimal number, as a command-line option gives them.
    pub fn from_secs_f64(seconds: f64) -> Self {
        Self((seconds * 1e9) as i64)
    }

    /// Nanoseconds.
    pub const fn nanos(self) -> i64 {
        self.0
    }

    /// This many times as long.
    #[must_use]
    pub const fn times(self, count: i64) -> Self {
        Self(self.0.saturating_mul(count))
    }

    /// Twice as long.
    #[must_use]
    pub const fn doubled(self) -> Self {
        Self(self.0.saturating_mul(2))
    }

    /// Seconds as a decimal number.
    pub fn as_secs_f64(self) -> f64 {
        self.0 as f64 / 1e9
    }
}

/// From a span that runs forward; a negative one becomes zero.
impl From<Elapsed> for std::time::Duration {
    fn from(elapsed: Elapsed) -> Self {
        Self::from_nanos(elapsed.nanos().max(0) as u64)
    }
}

/// For people: `244.2 ms`, `3.0 s`, `2 min 7 s`, with the precision that a reader can use.
impl fmt::Display for Elapsed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if self.0 < 0 { "-" } else { "" };
        let nanos = self.0.unsigned_abs();
        let rounded = |step: u64| (nanos + step / 2) / step;
        match nanos {
            0 => write!(f, "0 s"),
            1..1_000_000 => write!(f, "{sign}{} µs", rounded(1_000)),
            1_000_000..10_000_000 => {
                let hundredths = rounded(10_000);
                write!(f, "{sign}{}.{:02} ms", hundredths / 100, hundredths % 100)
            }
            10_000_000..1_000_000_000 => {
                let tenths = rounded(100_000);
                write!(f, "{sign}{}.{} ms", tenths / 10, tenths % 10)
            }
            1_000_000_000..100_000_000_000 => {
                let tenths = rounded(100_000_000);
                write!(f, "{sign}{}.{} s", tenths / 10, tenths % 10)
            }
            _ => {
                let seconds = nanos / 1_000_000_000;
                let (hours, minutes, seconds) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
                if hours > 0 {
                    write!(f, "{sign}{hours} h {minutes} min")
                } else {
                    write!(f, "{sign}{minutes} min {seconds} s")
                }
            }
        }
    }
}

impl Sub for Timestamp {
    type Output = Elapsed;

    fn sub(self, earlier: Self) -> Elapsed {
        Elapsed(self.0.saturating_sub(earlier.0))
    }
}

impl Add<Elapsed> for Timestamp {
    type Output = Self;

    fn add(self, span: Elapsed) -> Self {
        Self(self.0.saturating_add(span.0))
    }
}

impl AddAssign<Elapsed> for Timestamp {
    fn add_assign(&mut self, span: Elapsed) {
        *self = *self + span;
    }
}

/// What the capture's timestamps count from. Text says less than a capture file does.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Clock {
    /// Since the Unix epoch: capture files, and `tcpdump -tt`.
    #[default]
    Utc,
    /// A date and a time of day in a zone that is not given: `tcpdump -tttt`. Counted as if the zone were UTC.
    LocalDateTime,
    /// A time of day without a date, since midnight: tcpdump's default. Past midnight it continues beyond 24 h.
    TimeOfDay,
    /// Since the first packet: `tcpdump -ttttt`, and `-ttt` once its differences are added up.
    SinceFirst,
    /// No times at all: `tcpdump -t`. Every packet is at zero, and nothing can be said of silences.
    Absent,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_are_written_with_the_precision_a_reader_can_use() {
        for (nanos, text) in [
            (0, "0 s"),
            (72_000, "72 µs"),
            (2_824_000, "2.82 ms"),
            (244_185_000, "244.2 ms"),
            (3_000_000_000, "3.0 s"),
            (127_000_000_000, "2 min 7 s"),
            (7_260_000_000_000, "2 h 1 min"),
            (-244_185_000, "-244.2 ms"),
        ] {
            assert_eq!(Elapsed::from_nanos(nanos).to_string(), text);
        }
    }

    #[test]
    fn absurd_times_saturate_instead_of_overflowing() {
        let end = Timestamp::from_parts(i64::MAX, i64::MAX);
        assert_eq!((end + Elapsed::from_nanos(1)).nanos(), i64::MAX);
        assert!((Timestamp::from_nanos(i64::MIN) - end).nanos() < 0);
    }
}
