//! Certificates' dates, and the time at which a client looked at them.

use std::fmt;

use jiff::SignedDuration;
use jiff::civil::{DateTime, date};

use crate::time::{Clock, Timestamp};

/// A date of a certificate in seconds since the Unix epoch. Certificates "without end" run to the year 9999 (RFC 5280,
/// 4.1.2.5), which a [`Timestamp`]'s nanoseconds can't reach.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Date(pub i64);

impl Date {
    /// RFC 3339 in UTC: `2026-11-24T03:48:21Z`.
    pub fn machine_readable(self) -> String {
        format!("{}Z", self.civil().strftime("%Y-%m-%dT%H:%M:%S"))
    }

    /// Its day in UTC: `2026-11-24`.
    pub fn day(self) -> String {
        self.civil().strftime("%Y-%m-%d").to_string()
    }

    /// How far apart two dates are, in the largest unit that is exact enough: `3 days`, `2 years`.
    pub fn distance(self, other: Self) -> String {
        const UNITS: [(u64, &str); 4] =
            [(365 * 86_400, "year"), (86_400, "day"), (3_600, "hour"), (60, "minute")];
        let seconds = self.0.abs_diff(other.0);
        // Up to two years are given in days.
        let unit =
            UNITS.into_iter().find(|(unit, name)| seconds / unit >= if *name == "year" { 2 } else { 1 });
        let (count, name) = unit.map_or((seconds, "second"), |(unit, name)| (seconds / unit, name));
        format!("{count} {name}{}", if count == 1 { "" } else { "s" })
    }

    fn civil(self) -> DateTime {
        let epoch = date(1970, 1, 1).at(0, 0, 0, 0);
        epoch.checked_add(SignedDuration::from_secs(self.0)).unwrap_or(epoch)
    }
}

/// `2026-11-24 03:48:21 UTC`.
impl fmt::Display for Date {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} UTC", self.civil().strftime("%Y-%m-%d %H:%M:%S"))
    }
}

/// When a client looked at certificates, as exactly as the capture's clock shows it.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct VerificationTime {
    /// Not before this.
    pub earliest: Date,
    /// Not after this.
    pub latest: Date,
}

impl VerificationTime {
    /// The beginning of 1995, when SSL 2.0 came out: a clock before that was never set.
    const FIRST: Date = Date(788_918_400);

    /// The time of a packet; `None` if the capture has no dates, or none that can be true.
    pub fn of(at: Timestamp, clock: Clock) -> Option<Self> {
        const HOUR: i64 = 3_600;
        let seconds = at.nanos().div_euclid(1_000_000_000);
        let (ahead, behind) = match clock {
            Clock::Utc => (0, 0),
            // Zones reach from UTC-12 to UTC+14, and this one is not known.
            Clock::LocalDateTime => (14 * HOUR, 12 * HOUR),
            Clock::TimeOfDay | Clock::SinceFirst | Clock::Absent => return None,
        };
        let when = Self { earliest: Date(seconds - ahead), latest: Date(seconds + behind) };
        (when.earliest >= Self::FIRST).then_some(when)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_written_up_to_the_year_9999() {
        assert_eq!(Date(1_700_000_000).to_string(), "2023-11-14 22:13:20 UTC");
        assert_eq!(Date(253_402_300_799).machine_readable(), "9999-12-31T23:59:59Z");
        assert_eq!(Date(-1).machine_readable(), "1969-12-31T23:59:59Z");
        assert_eq!(Date(i64::MAX).machine_readable(), "1970-01-01T00:00:00Z");
    }

    #[test]
    fn distances_have_one_unit() {
        for (seconds, text) in [
            (1, "1 second"),
            (3_599, "59 minutes"),
            (86_400, "1 day"),
            (400 * 86_400, "400 days"),
            (3 * 365 * 86_400, "3 years"),
        ] {
            assert_eq!(Date(0).distance(Date(seconds)), text);
            assert_eq!(Date(seconds).distance(Date(0)), text);
        }
    }

    #[test]
    fn only_a_clock_with_a_true_date_shows_when() {
        let at = Timestamp::from_parts(1_700_000_000, 5);
        let exact = Date(1_700_000_000);
        assert_eq!(
            VerificationTime::of(at, Clock::Utc),
            Some(VerificationTime { earliest: exact, latest: exact })
        );
        let local = VerificationTime::of(at, Clock::LocalDateTime).unwrap();
        assert_eq!(local.latest.0 - local.earliest.0, 26 * 3_600);
        assert_eq!(VerificationTime::of(at, Clock::TimeOfDay), None);
        assert_eq!(VerificationTime::of(Timestamp::from_parts(3_600, 0), Clock::Utc), None);
    }
}
