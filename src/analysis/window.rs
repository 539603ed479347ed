//! The stretch of time that connections are selected by.

use jiff::tz::TimeZone;
use thiserror::Error;

use crate::time::{Clock, Elapsed, Timestamp};

/// One end of the stretch.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum WindowEnd {
    /// A moment.
    At(Timestamp),
    /// A date and a time of day in the window's zone, counted as if that were UTC.
    Local(Timestamp),
    /// A time of each day, since midnight.
    TimeOfDay(Elapsed),
}

/// A stretch of time. A connection with a packet in it is selected, and judged whole.
#[derive(Clone, Debug)]
pub struct Window {
    /// From then on; from the beginning where there is none.
    pub from: Option<WindowEnd>,
    /// Until then, which is included.
    pub to: Option<WindowEnd>,
    /// The zone of dates and times of day that name none.
    pub zone: TimeZone,
}

/// A window that a capture's times can't be compared with.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Error)]
pub enum WindowError {
    /// Text of `tcpdump` without `-tttt`.
    #[error("the capture's times have no date; --from and --to take a time of day here")]
    Dateless,
    /// Text of `tcpdump -t`, `-ttt` or `-ttttt`.
    #[error("--from and --to need times of day, and the capture has none")]
    Timeless,
}

const DAY: i64 = 86_400_000_000_000;

impl Window {
    /// Checks that the times of a capture with this clock can be compared with the window's ends.
    ///
    /// # Errors
    /// When they have no date and an end has one, or when they are no times of day.
    pub fn check(&self, clock: Clock) -> Result<(), WindowError> {
        let is_dated = |end: WindowEnd| !matches!(end, WindowEnd::TimeOfDay(_));
        match clock {
            Clock::TimeOfDay if self.from.is_some_and(is_dated) || self.to.is_some_and(is_dated) => {
                Err(WindowError::Dateless)
            }
            Clock::Utc | Clock::LocalDateTime | Clock::TimeOfDay => Ok(()),
            Clock::SinceFirst | Clock::Absent => Err(WindowError::Timeless),
        }
    }

    /// Whether a packet of a capture with this clock is in it.
    pub(super) fn contains(&self, at: Timestamp, clock: Clock) -> bool {
        let local = if clock == Clock::Utc { self.local(at) } else { at.nanos() };
        let of_day = local.rem_euclid(DAY);
        // The packet's time and the end's, on one scale.
        let scaled = |end: WindowEnd| match end {
            WindowEnd::At(end) if clock == Clock::Utc => (at.nanos(), end.nanos()),
            WindowEnd::At(end) => (local, self.local(end)),
            WindowEnd::Local(end) => (local, end.nanos()),
            WindowEnd::TimeOfDay(end) => (of_day, end.nanos()),
        };
        let after = self.from.map(scaled).is_none_or(|(at, from)| at >= from);
        let before = self.to.map(scaled).is_none_or(|(at, to)| at <= to);
        match (self.from, self.to) {
            // Over midnight.
            (Some(WindowEnd::TimeOfDay(from)), Some(WindowEnd::TimeOfDay(to))) if from > to => {
                after || before
            }
            _ => after && before,
        }
    }

    /// A moment in the window's zone, in nanoseconds counted as if that were UTC.
    fn local(&self, at: Timestamp) -> i64 {
        let offset = jiff::Timestamp::from_nanosecond(i128::from(at.nanos()))
            .map_or(0, |at| i64::from(self.zone.to_offset(at).seconds()));
        at.nanos().saturating_add(offset * 1_000_000_000)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_of_day_recur_and_may_span_midnight() {
        let at = |hours: i64| Timestamp::from_nanos(hours * 3_600_000_000_000);
        let of_day = |hours: i64| Some(WindowEnd::TimeOfDay(Elapsed::from_millis(hours * 3_600_000)));
        let zone = TimeZone::fixed(jiff::tz::offset(1));
        let day = Window { from: of_day(14), to: of_day(15), zone: zone.clone() };
        assert!(day.contains(at(13), Clock::Utc) && day.contains(at(24 + 14), Clock::Utc));
        assert!(!day.contains(at(15), Clock::Utc) && day.contains(at(15), Clock::TimeOfDay));
        let night = Window { from: of_day(23), to: of_day(1), zone: zone.clone() };
        assert!(night.contains(at(22), Clock::Utc) && night.contains(at(0), Clock::Utc));
        assert!(!night.contains(at(12), Clock::Utc));
        let open = Window { from: Some(WindowEnd::At(at(5))), to: None, zone };
        assert!(open.contains(at(5), Clock::Utc) && !open.contains(at(4), Clock::Utc));
    }

    #[test]
    fn a_date_without_a_zone_is_one_of_the_windows_zone_or_of_text_without_one() {
        let at = |hours: i64| Timestamp::from_nanos(hours * 3_600_000_000_000);
        let zone = TimeZone::fixed(jiff::tz::offset(2));
        let window = |from| Window { from: Some(from), to: None, zone: zone.clone() };
        let local = window(WindowEnd::Local(at(10)));
        assert!(local.contains(at(8), Clock::Utc) && !local.contains(at(7), Clock::Utc));
        assert!(local.contains(at(10), Clock::LocalDateTime) && !local.contains(at(9), Clock::LocalDateTime));
        let moment = window(WindowEnd::At(at(8)));
        assert!(
            moment.contains(at(10), Clock::LocalDateTime) && !moment.contains(at(9), Clock::LocalDateTime)
        );
    }

    #[test]
    fn a_capture_without_dates_has_times_of_day_only() {
        let window = |from| Window { from: Some(from), to: None, zone: TimeZone::UTC };
        let (dated, of_day) =
            (window(WindowEnd::Local(Timestamp::ZERO)), window(WindowEnd::TimeOfDay(Elapsed::ZERO)));
        assert_eq!(dated.check(Clock::TimeOfDay), Err(WindowError::Dateless));
        assert_eq!(of_day.check(Clock::TimeOfDay), Ok(()));
        assert_eq!(of_day.check(Clock::SinceFirst), Err(WindowError::Timeless));
        assert_eq!(dated.check(Clock::LocalDateTime), Ok(()));
    }
}
