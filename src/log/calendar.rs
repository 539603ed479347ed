//! Instants from stamps that lack a year or a date.
//!
//! Syslog leaves out the year (RFC 3164), FlexNet the whole date. Both write their lines in order, so the missing part is the
//! one that puts a line next to the line before it; the first line takes it from a full date in the same file, or from an instant
//! that the caller supplies: the capture's, or the file's own time of change.

use super::stamp::{Date, Order, Stamp, civil, days_in_month, days_since_1970};
use crate::time::{SECOND, Timestamp};

/// How much of their dates a log's lines give.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub enum Dating {
    /// All of it, or what is missing follows from the file.
    #[default]
    Full,
    /// The year is not known.
    NoYear,
    /// The day is not known.
    NoDate,
}

const DAY: i64 = 86_400 * SECOND;

/// How far a line's time may be ahead of the time of the file's change: the zones, and a clock that is wrong.
const AHEAD: i64 = DAY + 3600 * SECOND;

/// The lines of one file, as their times follow each other.
#[derive(Clone, Debug, Default)]
pub(super) struct Calendar {
    /// An instant near the first line.
    near: Option<i64>,
    /// An instant that no line is later than, by more than [`AHEAD`].
    until: Option<i64>,
    /// The line before, of those without a year.
    without_year: Option<(i64, Dating)>,
    /// The day of the latest line with a full date.
    latest_day: Option<i64>,
    /// Whether the day comes first in a date of numbers, and whether lines contradict each other in that.
    is_day_first: Option<bool>,
    has_both_orders: bool,
    /// The day of the line before, of those without a date, and its time of day.
    day: Option<i64>,
    time: Option<i64>,
}

impl Calendar {
    /// `near` is an instant near the first line, if one is known.
    pub fn new(near: Option<Timestamp>) -> Self {
        Self { near: near.map(Timestamp::nanos), ..Self::default() }
    }

    /// `modified` is when the file was changed: its lines are older than that, perhaps by years.
    pub fn before(modified: Option<Timestamp>) -> Self {
        Self { until: modified.map(Timestamp::nanos), ..Self::default() }
    }

    /// A full date that the file gives near its beginning.
    pub fn anchor(&mut self, date: Date) {
        if let Some(year) = date.year {
            let days = days_since_1970(year, date.month, date.day);
            self.near = Some(days * DAY);
            self.day.get_or_insert(days);
        }
    }

    /// From here on the lines without a date are of this day.
    pub fn begin_day(&mut self, date: Date) {
        if let Some(year) = date.year {
            self.day = Some(days_since_1970(year, date.month, date.day));
            self.time = None;
        }
    }

    /// Takes the order of day and month that a line shows.
    pub fn learn(&mut self, order: Order) {
        let is_day_first = match order {
            Order::DayFirst => true,
            Order::MonthFirst => false,
            Order::Known | Order::Either => return,
        };
        self.has_both_orders |=
            self.is_day_first.replace(is_day_first).is_some_and(|before| before != is_day_first);
    }

    /// Nanoseconds since 1970 of a stamp, its zone not taken into account; nothing if day and month may be either.
    pub fn place(&mut self, stamp: &Stamp) -> Option<(i64, Dating)> {
        self.learn(stamp.order);
        let date = match stamp.date {
            Some(date) if stamp.order == Order::Either => Some(self.ordered(date)?),
            date => date,
        };
        Some(match date {
            Some(Date { year: Some(year), month, day }) => {
                let day = days_since_1970(year, month, day);
                self.latest_day = Some(day);
                (day * DAY + stamp.time, Dating::Full)
            }
            Some(Date { year: None, month, day }) => self.place_without_year(month, day, stamp.time),
            None => self.place_without_date(stamp.time),
        })
    }

    /// A date that was read as if the month came first, in the order of the file: as other lines show it, or as only one of the two is next to
    /// the line before.
    fn ordered(&mut self, date: Date) -> Option<Date> {
        let swapped = Date { month: date.day, day: date.month, ..date };
        if self.is_day_first.is_none() {
            let is_next = |date: Date| {
                let day = days_since_1970(date.year?, date.month, date.day);
                Some(day.abs_diff(self.latest_day?) <= 1)
            };
            match (is_next(date)?, is_next(swapped)?) {
                (true, false) => self.learn(Order::MonthFirst),
                (false, true) => self.learn(Order::DayFirst),
                _ => return None,
            }
        }
        let is_day_first = self.is_day_first.filter(|_| !self.has_both_orders)?;
        Some(if is_day_first { swapped } else { date })
    }

    fn place_without_year(&mut self, month: u8, day: u8, time: i64) -> (i64, Dating) {
        let of_year = |year: i32| days_since_1970(year, month, day) * DAY + time;
        let (near, dating) = match (self.without_year, self.near, self.until) {
            (Some((previous, dating)), ..) => (previous, dating),
            (None, Some(near), _) => (near, Dating::Full),
            (None, None, Some(until)) => {
                let (year, _, _) = civil(until.div_euclid(DAY));
                let is_past = |at: &i64| *at <= until.saturating_add(AHEAD);
                let has_day = |year: &i32| u32::from(day) <= days_in_month(*year, u32::from(month));
                // Leap years are eight years apart at most.
                let latest = (year - 8..=year + 1).rev().filter(has_day).map(of_year).find(is_past);
                (latest.unwrap_or(until), Dating::Full)
            }
            // A leap year, since the 29th of February has to exist.
            (None, None, None) => (days_since_1970(2000, month, day) * DAY, Dating::NoYear),
        };
        // The 29th of February is a day of few years, of which two are eight years apart at most.
        let (year, _, _) = civil(near.div_euclid(DAY));
        let has_day = |year: &i32| u32::from(day) <= days_in_month(*year, u32::from(month));
        let years = (year - 8..=year + 1).filter(has_day);
        let at = years.map(of_year).min_by_key(|at| at.abs_diff(near)).unwrap_or(near);
        self.without_year = Some((at, dating));
        (at, dating)
    }

    fn place_without_date(&mut self, time: i64) -> (i64, Dating) {
        /// Lines are out of order by no more than this.
        const DISORDER: i64 = 600 * SECOND;
        let dating = if self.day.is_some() { Dating::Full } else { Dating::NoDate };
        let mut day = self.day.unwrap_or_default();
        match self.time {
            Some(previous) if time + DISORDER < previous => {
                day += 1;
                if self.day.is_some() {
                    self.day = Some(day);
                }
                self.time = Some(time);
            }
            // A line of the day before that was written a moment late.
            Some(previous) if previous < DISORDER && time > DAY - DISORDER => day -= 1,
            _ => self.time = Some(time),
        }
        (day * DAY + time, dating)
    }
}

/// A prefix's time whose year is missing, in the year that brings it nearest to the line's own time, if that has one.
pub(super) fn in_year_of<'a>(prefix: Stamp<'a>, own: Option<Stamp>) -> Stamp<'a> {
    let own = own.filter(|own| own.order != Order::Either).and_then(|own| own.date);
    let (Some(date @ Date { year: None, .. }), Some(Date { year: Some(year), month, day })) =
        (prefix.date, own)
    else {
        return prefix;
    };
    let own = days_since_1970(year, month, day);
    let has_day = |year: &i32| u32::from(date.day) <= days_in_month(*year, u32::from(date.month));
    let years = (year.saturating_sub(1)..=year.saturating_add(1)).filter(has_day);
    let year = years.min_by_key(|year| days_since_1970(*year, date.month, date.day).abs_diff(own));
    Stamp { date: Some(Date { year, ..date }), ..prefix }
}

#[cfg(test)]
mod tests {
    use super::super::stamp::{iso, month_day, time_only, year_last};
    use super::*;

    fn at(text: &str) -> i64 {
        text.parse::<jiff::Timestamp>().expect("a time").as_nanosecond() as i64
    }

    #[test]
    fn a_prefix_is_of_the_year_that_the_line_itself_states() {
        for (prefix, own, year) in [
            ("Jun 12 10:11:13", "2024-06-12T10:11:12Z", Some(2024)),
            ("Jan  1 00:00:01", "2023-12-31T23:59:59Z", Some(2024)),
            ("Dec 31 23:59:59", "2024-01-01T00:00:01Z", Some(2023)),
            ("Feb 29 00:00:01", "2024-02-28T23:59:59Z", Some(2024)),
            ("Feb 29 00:00:01", "2022-02-28T23:59:59Z", None),
        ] {
            let (prefix, _) = month_day(prefix, false).expect("a time");
            let (own, _) = iso(own).expect("a time");
            assert_eq!(in_year_of(prefix, Some(own)).date.expect("a date").year, year);
            assert_eq!(in_year_of(prefix, Some(prefix)), prefix);
            assert_eq!(in_year_of(own, Some(prefix)), own);
        }
    }

    #[test]
    fn a_year_that_is_missing_is_that_of_the_instant_nearby_and_grows_at_new_year() {
        let near = Timestamp::from_nanos(at("2023-01-02T00:00:00Z"));
        let mut calendar = Calendar::new(Some(near));
        for (line, expected) in [
            ("Dec 31 23:59:58", "2022-12-31T23:59:58Z"),
            ("Jan  1 00:00:01", "2023-01-01T00:00:01Z"),
            ("Dec 31 23:59:59", "2022-12-31T23:59:59Z"),
            ("Mar  1 00:00:00", "2023-03-01T00:00:00Z"),
            ("Dec 31 00:00:00", "2022-12-31T00:00:00Z"),
        ] {
            let stamp = month_day(line, false).expect("a stamp").0;
            assert_eq!(calendar.place(&stamp), Some((at(expected), Dating::Full)), "{line}");
        }
    }

    #[test]
    fn no_line_is_later_than_its_file() {
        let place = |modified: &str, line: &str| {
            let mut calendar = Calendar::before(Some(Timestamp::from_nanos(at(modified))));
            calendar.place(&month_day(line, false).expect("a stamp").0)
        };
        for (modified, line, expected) in [
            ("2026-11-29T12:00:00Z", "Dec 26 08:45:23", "2025-12-26T08:45:23Z"),
            ("2026-11-29T12:00:00Z", "Nov 29 08:45:23", "2026-11-29T08:45:23Z"),
            ("2026-11-29T12:00:00Z", "Nov 30 01:45:23", "2026-11-30T01:45:23Z"),
            ("2026-11-29T12:00:00Z", "Jan  1 00:00:00", "2026-01-01T00:00:00Z"),
            ("2026-11-29T12:00:00Z", "Feb 29 08:45:23", "2024-02-29T08:45:23Z"),
            ("2026-12-31T20:00:00Z", "Jan  1 02:00:00", "2027-01-01T02:00:00Z"),
            ("2027-01-01T02:00:00Z", "Dec 31 23:00:00", "2026-12-31T23:00:00Z"),
        ] {
            assert_eq!(place(modified, line), Some((at(expected), Dating::Full)), "{line}");
        }
    }

    #[test]
    fn day_and_month_are_ordered_as_other_lines_show() {
        let mut calendar = Calendar::default();
        let mut place = |text| calendar.place(&year_last(text).expect("a stamp").0).map(|(at, _)| at);
        assert_eq!(place("04/10/2011 07:24:26"), None);
        assert_eq!(place("14/10/2011 07:24:26"), Some(at("2011-10-14T07:24:26Z")));
        assert_eq!(place("04/10/2011 07:24:26"), Some(at("2011-10-04T07:24:26Z")));
        assert_eq!(place("10/14/2011 07:24:26"), Some(at("2011-10-14T07:24:26Z")));
        assert_eq!(place("04/10/2011 07:24:26"), None);
        let mut calendar = Calendar::default();
        calendar.place(&iso("2011-10-03 23:24:26").expect("a stamp").0);
        let stamp = year_last("04/10/2011 07:24:26").expect("a stamp").0;
        assert_eq!(calendar.place(&stamp), Some((at("2011-10-04T07:24:26Z"), Dating::Full)));
        let mut calendar = Calendar::default();
        calendar.learn(Order::MonthFirst);
        let stamp = year_last("04/10/2011 07:24:26").expect("a stamp").0;
        assert_eq!(calendar.place(&stamp), Some((at("2011-04-10T07:24:26Z"), Dating::Full)));
    }

    #[test]
    fn a_date_that_is_missing_is_that_of_the_banner_and_grows_at_midnight() {
        let mut calendar = Calendar::default();
        let stamp = |text| time_only(text).expect("a stamp").0;
        assert_eq!(calendar.place(&stamp("21:53:14")).map(|(_, dating)| dating), Some(Dating::NoDate));
        calendar.begin_day(Date::new(Some(2021), 11, 6).expect("a day"));
        for (line, expected) in [
            ("21:53:14", "2021-11-06T21:53:14Z"),
            ("0:00:01", "2021-11-07T00:00:01Z"),
            ("23:59:59", "2021-11-06T23:59:59Z"),
            ("0:00:02", "2021-11-07T00:00:02Z"),
            ("23:00:00", "2021-11-07T23:00:00Z"),
            ("9:00:00", "2021-11-08T09:00:00Z"),
            ("8:59:59", "2021-11-08T08:59:59Z"),
        ] {
            assert_eq!(calendar.place(&stamp(line)), Some((at(expected), Dating::Full)), "{line}");
        }
    }

    #[test]
    fn without_any_year_the_lines_keep_their_order() {
        let mut calendar = Calendar::default();
        let place = |calendar: &mut Calendar, text| {
            calendar.place(&month_day(text, false).expect("a stamp").0).expect("a place")
        };
        let (before, dating) = place(&mut calendar, "Feb 29 23:00:00");
        let (after, _) = place(&mut calendar, "Mar  1 01:00:00");
        assert_eq!((dating, after - before), (Dating::NoYear, 2 * 3600 * SECOND));
    }
}
