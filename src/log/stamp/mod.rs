//! Stamps: the time that a line gives, in each of the ways that logs write it.
//!
//! A stamp is read, not interpreted. An abbreviation of a zone stays an abbreviation, since `IST` and `CST` have three meanings
//! each, and a year or a date that is missing stays missing: [`Calendar`](super::calendar::Calendar) supplies it.

mod cursor;

pub(super) use cursor::Cursor;

use crate::time::SECOND;

/// A time as a line gives it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Stamp<'a> {
    /// The day, unless the line gives the time of day alone.
    pub date: Option<Date>,
    /// Nanoseconds since midnight.
    pub time: i64,
    /// Digits after the second that are written.
    pub digits: u8,
    /// The zone as it is written.
    pub zone: Zone<'a>,
    /// How day and month follow each other, where that is a question.
    pub order: Order,
}

/// The order of day and month in a date of numbers that ends with the year.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) enum Order {
    /// The form has one order.
    #[default]
    Known,
    /// The second number is no month.
    MonthFirst,
    /// The first number is no month.
    DayFirst,
    /// Both numbers can be months; the date is read as if the month came first.
    Either,
}

/// A day as a line gives it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Date {
    /// The year, which syslog leaves out.
    pub year: Option<i32>,
    /// 1 to 12.
    pub month: u8,
    /// 1 to 31.
    pub day: u8,
}

/// A zone as a line gives it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Zone<'a> {
    /// None is written.
    Unstated,
    /// Seconds east of UTC.
    Offset(i32),
    /// An abbreviation, which alone does not identify a zone.
    Named(&'a str),
}

impl Stamp<'_> {
    /// How exact the stamp is: what is written stands for everything up to this much later. In nanoseconds.
    pub fn precision(&self) -> i64 {
        10_i64.pow(9 - u32::from(self.digits.min(9)))
    }
}

impl Date {
    /// A date that the calendar has, of a year that a computer's clock can have: nanoseconds since 1970 end in 2262.
    pub fn new(year: Option<i32>, month: u32, day: u32) -> Option<Self> {
        let is_day =
            (1..=12).contains(&month) && (1..=days_in_month(year.unwrap_or(2000), month)).contains(&day);
        let is_date = is_day && year.is_none_or(|year| (1970..2200).contains(&year));
        is_date.then_some(Self { year, month: month as u8, day: day as u8 })
    }
}

/// Days since 1970-01-01 in the Gregorian calendar.
pub(super) fn days_since_1970(year: i32, month: u8, day: u8) -> i64 {
    // Counted in years that begin in March, so that the leap day is the last one.
    let (month, day) = (i64::from(month), i64::from(day));
    let year = i64::from(year) - i64::from(month <= 2);
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    era * 146_097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year - 719_468
}

/// The last day of a month.
pub(super) fn days_in_month(year: i32, month: u32) -> u32 {
    match month {
        2 if year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// A month's English name or at least three letters of it, in any case, and `Sept`.
fn month(name: &str) -> Option<u32> {
    const NAMES: [&str; 12] = [
        "january",
        "february",
        "march",
        "april",
        "may",
        "june",
        "july",
        "august",
        "september",
        "october",
        "november",
        "december",
    ];
    let is_start =
        |month: &&str| month.get(..name.len()).is_some_and(|start| start.eq_ignore_ascii_case(name));
    (name.len() >= 3).then(|| NAMES.iter().position(is_start)).flatten().map(|index| index as u32 + 1)
}

/// Whether a time of day, `11:17:01`, is near the beginning of a line, in whatever form.
pub(super) fn shows_time(line: &str) -> bool {
    const NEAR: usize = 40;
    let line = line.trim_start().as_bytes();
    let head = line.get(..NEAR).unwrap_or(line);
    let is_time = |colon: usize| {
        let Some(start) = colon.checked_sub(2) else { return false };
        // Not a part of an address.
        let is_part = |at: Option<usize>| {
            at.and_then(|at| head.get(at))
                .is_some_and(|byte| byte.is_ascii_alphanumeric() && *byte != b'T' || *byte == b':')
        };
        let is_digits =
            |at: usize| head.get(at..at + 2).is_some_and(|two| two.iter().all(u8::is_ascii_digit));
        is_digits(start)
            && is_digits(colon + 1)
            && head.get(colon + 3) == Some(&b':')
            && is_digits(colon + 4)
            && !is_part(start.checked_sub(1))
            && !is_part(Some(colon + 6))
    };
    memchr::memchr_iter(b':', head).any(is_time)
}

/// A stamp and what follows it.
pub(super) type Read<'a> = Option<(Stamp<'a>, &'a str)>;

/// `13-Jan-2023 17:29:02,775 IST`, as vManage writes it: months of three to nine letters.
pub(super) fn day_month_year(text: &str) -> Read<'_> {
    let mut cursor = Cursor(text);
    let day = cursor.number(1, 2)?;
    let separator = cursor.eat_any(b"- ")?;
    let month = month(cursor.letters(3, 9)?)?;
    (cursor.eat_any(b"- ")? == separator).then_some(())?;
    let year = cursor.number(4, 4)? as i32;
    cursor.spaces(1)?;
    finish(cursor, Date::new(Some(year), month, day), b",.", true)
}

/// `Jan 13 11:14:46`, as syslog has it (RFC 3164, 4.1.2), and with a year, a fraction or a zone, as Cisco's devices add them.
pub(super) fn month_day(text: &str, may_have_zone: bool) -> Read<'_> {
    let mut cursor = Cursor(text);
    let month = month(cursor.letters(3, 9)?)?;
    cursor.spaces(1)?;
    let day = cursor.number(1, 2)?;
    // `Jan 13, 2023`: java.util.logging.
    let has_comma = may_have_zone && cursor.eat(",").is_some();
    cursor.spaces(1)?;
    let mut ahead = cursor;
    let year = ahead.number(4, 4).filter(|_| ahead.spaces(1).is_some());
    if year.is_some() {
        cursor = ahead;
    }
    (!has_comma || year.is_some()).then_some(())?;
    finish(cursor, Date::new(year.map(|year| year as i32), month, day), b".,", may_have_zone)
}

/// `2023-01-13`, a day alone.
pub(super) fn date(text: &str) -> Option<Date> {
    Cursor(text).ymd(b'-')
}

/// `05 Jun 06:27:25.097`, as Redis had it before version 3.
pub(super) fn day_month(text: &str) -> Read<'_> {
    let mut cursor = Cursor(text);
    let day = cursor.number(2, 2)?;
    cursor.eat(" ")?;
    let month = month(cursor.letters(3, 3)?)?;
    cursor.eat(" ")?;
    finish(cursor, Date::new(None, month, day), b".", false)
}

/// `1027 04:55:44.789086`, as klog has it.
pub(super) fn digits_of_day(text: &str) -> Read<'_> {
    let mut cursor = Cursor(text);
    let (month, day) = (cursor.number(2, 2)?, cursor.number(2, 2)?);
    cursor.eat(" ")?;
    finish(cursor, Date::new(None, month, day), b".", false)
}

/// `130324  0:04:00`, as MySQL had it up to version 5.5; the century is that in which MySQL exists.
pub(super) fn digits_of_date(text: &str) -> Read<'_> {
    let mut cursor = Cursor(text);
    let (year, month, day) = (cursor.number(2, 2)?, cursor.number(2, 2)?, cursor.number(2, 2)?);
    cursor.spaces(1)?;
    let year = year as i32 + if year < 90 { 2000 } else { 1900 };
    finish(cursor, Date::new(Some(year), month, day), b".", false)
}

/// `2011.12.13 10:41:28`.
pub(super) fn dotted(text: &str) -> Read<'_> {
    let mut cursor = Cursor(text);
    let date = cursor.ymd(b'.')?;
    cursor.spaces(1)?;
    finish(cursor, Some(date), b".,", true)
}

/// `10/20/2011 07:24:26`, `20.10.2011 07:24:26`: with the year last. Dots separate day, month and year; of slashes and dashes only a number
/// above 12 shows the order.
pub(super) fn year_last(text: &str) -> Read<'_> {
    let mut cursor = Cursor(text);
    let first = cursor.number(1, 2)?;
    let separator = cursor.eat_any(b"/.-")?;
    let second = cursor.number(1, 2)?;
    (cursor.eat_any(b"/.-")? == separator).then_some(())?;
    let year = Some(cursor.number(4, 4)? as i32);
    let _ = cursor.eat(",");
    cursor.spaces(1)?;
    let (order, date) = match separator {
        b'.' => (Order::Known, Date::new(year, second, first)),
        _ if first == second => (Order::Known, Date::new(year, first, second)),
        _ if first > 12 => (Order::DayFirst, Date::new(year, second, first)),
        _ if second > 12 => (Order::MonthFirst, Date::new(year, first, second)),
        _ => (Order::Either, Date::new(year, first, second)),
    };
    let (stamp, rest) = finish(cursor, date, b".,", true)?;
    Some((Stamp { order, ..stamp }, rest))
}

/// `2023/07/13 11:17:01`, as nginx's error log has it.
pub(super) fn slashed(text: &str) -> Read<'_> {
    let mut cursor = Cursor(text);
    let date = cursor.ymd(b'/')?;
    cursor.spaces(1)?;
    finish(cursor, Some(date), b".,", true)
}

/// `13/Jan/2023:11:17:01 +0000`, as access logs have it.
pub(super) fn access(text: &str) -> Read<'_> {
    let mut cursor = Cursor(text);
    let day = cursor.number(1, 2)?;
    cursor.eat("/")?;
    let month = month(cursor.letters(3, 9)?)?;
    cursor.eat("/")?;
    let year = cursor.number(4, 4)? as i32;
    cursor.eat(":")?;
    finish(cursor, Date::new(Some(year), month, day), b".", true)
}

/// `2023-01-13T11:17:01.123Z` (RFC 3339), with a space in place of the `T`, and with a comma before the milliseconds (Java).
pub(super) fn iso(text: &str) -> Read<'_> {
    let mut cursor = Cursor(text);
    let date = cursor.ymd(b'-')?;
    if cursor.eat_any(b"Tt").is_none() {
        cursor.spaces(1)?;
    }
    finish(cursor, Some(date), b".,", true)
}

/// `Sat Nov 06 2021 21:53:14 KST` and `Sun Dec 04 04:47:44 2005`, as date(1) and C's `ctime` have it.
pub(super) fn weekday(text: &str) -> Read<'_> {
    let mut cursor = Cursor(text);
    cursor.letters(3, 3)?;
    cursor.spaces(1)?;
    let month = month(cursor.letters(3, 9)?)?;
    cursor.spaces(1)?;
    let day = cursor.number(1, 2)?;
    cursor.spaces(1)?;
    let mut ahead = cursor;
    if let Some(year) = ahead.number(4, 4).filter(|_| ahead.spaces(1).is_some()) {
        return finish(ahead, Date::new(Some(year as i32), month, day), b".", true);
    }
    let time = cursor.time_of_day()?;
    let (nanos, digits) = cursor.fraction(b".");
    let time = cursor.half_of_day(time);
    cursor.spaces(1)?;
    let mut zone = Zone::Unstated;
    if !cursor.0.starts_with(|first: char| first.is_ascii_digit()) {
        zone = cursor.zone();
        cursor.spaces(1)?;
    }
    let date = Date::new(Some(cursor.number(4, 4)? as i32), month, day)?;
    Some((Stamp { date: Some(date), time: time + nanos, digits, zone, order: Order::Known }, cursor.0))
}

/// `11:14:46`, as FlexNet has it: `8:49:38` and ` 8:49:38` too.
pub(super) fn time_only(text: &str) -> Read<'_> {
    let mut cursor = Cursor(text);
    let time = cursor.time_of_day()?;
    let (nanos, digits) = cursor.fraction(b".,");
    let time = cursor.half_of_day(time);
    Some((
        Stamp { date: None, time: time + nanos, digits, zone: Zone::Unstated, order: Order::Known },
        cursor.0,
    ))
}

/// `1673608621.123`: seconds since 1970, as nginx's `$msec` has it.
pub(super) fn epoch(text: &str) -> Read<'_> {
    let mut cursor = Cursor(text);
    // Ten digits are the years 2001 to 2286.
    let len = cursor.0.bytes().take_while(u8::is_ascii_digit).count();
    let seconds: i64 = (len == 10).then(|| cursor.split(len)).flatten()?.parse().ok()?;
    let (nanos, digits) = cursor.fraction(b".");
    Some((since_1970(seconds, nanos, digits)?, cursor.0))
}

/// `1673608621123`: milliseconds since 1970, as programs write them into JSON.
pub(super) fn epoch_millis(text: &str) -> Read<'_> {
    let mut cursor = Cursor(text);
    let len = cursor.0.bytes().take_while(u8::is_ascii_digit).count();
    let millis: i64 = (len == 13).then(|| cursor.split(len)).flatten()?.parse().ok()?;
    Some((since_1970(millis / 1000, millis % 1000 * 1_000_000, 3)?, cursor.0))
}

fn since_1970(seconds: i64, nanos: i64, digits: u8) -> Option<Stamp<'static>> {
    let (days, time) = (seconds.div_euclid(86_400), seconds.rem_euclid(86_400));
    let (year, month, day) = civil(days);
    let date = Some(Date::new(Some(year), month, day)?);
    Some(Stamp { date, time: time * SECOND + nanos, digits, zone: Zone::Offset(0), order: Order::Known })
}

/// Year, month and day of a number of days since 1970-01-01.
pub(super) fn civil(days: i64) -> (i32, u32, u32) {
    let days = days + 719_468;
    let era = days.div_euclid(146_097);
    let day_of_era = days.rem_euclid(146_097);
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted + 2) / 5 + 1;
    let month = if shifted < 10 { shifted + 3 } else { shifted - 9 };
    ((year_of_era + era * 400 + i64::from(month <= 2)) as i32, month as u32, day as u32)
}

/// The time of day, its fraction and, where the format may have one, the zone.
fn finish<'a>(
    mut cursor: Cursor<'a>,
    date: Option<Date>,
    separators: &[u8],
    may_have_zone: bool,
) -> Read<'a> {
    let date = date?;
    let time = cursor.time_of_day()?;
    let (nanos, digits) = cursor.fraction(separators);
    let (mut time, mut zone) = (time, Zone::Unstated);
    if may_have_zone {
        time = cursor.half_of_day(time);
        let mut ahead = cursor;
        let _ = ahead.spaces(0);
        zone = ahead.zone();
        if zone != Zone::Unstated {
            cursor = ahead;
        }
    }
    Some((Stamp { date: Some(date), time: time + nanos, digits, zone, order: Order::Known }, cursor.0))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn hms(hour: i64, minute: i64, second: i64) -> i64 {
        (hour * 3600 + minute * 60 + second) * SECOND
    }

    #[expect(clippy::unnecessary_wraps, reason = "a stamp's date is optional")]
    fn written(year: impl Into<Option<i32>>, month: u8, day: u8) -> Option<Date> {
        Some(Date { year: year.into(), month, day })
    }

    #[test]
    fn a_time_near_the_beginning_is_seen_in_any_form() {
        for line in ["  13.I.2023 um 11:17:01 x", "x 11:17:01"] {
            assert!(shows_time(line), "{line}");
        }
        let far = format!("{} 11:17:01", "x".repeat(40));
        for line in ["\tat Foo.bar(Foo.java:11)", "02:00:5e:10:00:01", "11:17", "1:17:0", &far, ""] {
            assert!(!shows_time(line), "{line}");
        }
    }

    #[test]
    fn a_number_that_is_no_month_shows_the_order() {
        for (text, order, date) in [
            ("10/20/2011 07:24:26 x", Order::MonthFirst, written(2011, 10, 20)),
            ("20/10/2011, 7:24:26 AM x", Order::DayFirst, written(2011, 10, 20)),
            ("04/10/2011 07:24:26 x", Order::Either, written(2011, 4, 10)),
            ("10-10-2011 07:24:26 x", Order::Known, written(2011, 10, 10)),
            ("04.10.2011 07:24:26 x", Order::Known, written(2011, 10, 4)),
        ] {
            let (stamp, rest) = year_last(text).unwrap_or_else(|| panic!("{text}"));
            assert_eq!((stamp.order, stamp.date, rest), (order, date, " x"), "{text}");
        }
        for text in
            ["13/13/2011 07:24:26", "10/20-2011 07:24:26", "10/20/11 07:24:26", "1.2.2011", "10/20/2011"]
        {
            assert_eq!(year_last(text), None, "{text}");
        }
    }

    #[test]
    #[expect(clippy::too_many_lines, reason = "a table")]
    fn each_way_to_write_a_time_is_read_with_what_follows_it() {
        let milli = 1_000_000;
        for (read, date, time, digits, zone, rest) in [
            (
                day_month_year("13-Jan-2023 17:29:02,775 IST INFO"),
                written(2023, 1, 13),
                hms(17, 29, 2) + 775 * milli,
                3,
                Zone::Named("IST"),
                " INFO",
            ),
            (
                day_month_year("11-June-2026 03:53:37,310 EDT INFO"),
                written(2026, 6, 11),
                hms(3, 53, 37) + 310 * milli,
                3,
                Zone::Named("EDT"),
                " INFO",
            ),
            (
                day_month_year("04-SEPT-2020 03:44:10,789 UTC INFO"),
                written(2020, 9, 4),
                hms(3, 44, 10) + 789 * milli,
                3,
                Zone::Offset(0),
                " INFO",
            ),
            (
                day_month_year("1-September-2020 03:44:10,789 INFO  ["),
                written(2020, 9, 1),
                hms(3, 44, 10) + 789 * milli,
                3,
                Zone::Unstated,
                " INFO  [",
            ),
            (
                day_month_year("13-Jan-2023 17:29:02,775 GMT+05:30 INFO"),
                written(2023, 1, 13),
                hms(17, 29, 2) + 775 * milli,
                3,
                Zone::Offset(19_800),
                " INFO",
            ),
            (
                day_month_year("13 Jan 2023 11:14:09.049 * 100"),
                written(2023, 1, 13),
                hms(11, 14, 9) + 49 * milli,
                3,
                Zone::Unstated,
                " * 100",
            ),
            (
                month_day("Jan 13 11:14:46 SSM-On-Prem", false),
                written(None, 1, 13),
                hms(11, 14, 46),
                0,
                Zone::Unstated,
                " SSM-On-Prem",
            ),
            (
                month_day("Jan  3 11:14:46 SSM", false),
                written(None, 1, 3),
                hms(11, 14, 46),
                0,
                Zone::Unstated,
                " SSM",
            ),
            (
                month_day("Jul  1 11:53:58.601 UTC: x", true),
                written(None, 7, 1),
                hms(11, 53, 58) + 601 * milli,
                3,
                Zone::Offset(0),
                ": x",
            ),
            (
                month_day("Jan 13 2023 11:14:46.5: %A", true),
                written(2023, 1, 13),
                hms(11, 14, 46) + 500 * milli,
                1,
                Zone::Unstated,
                ": %A",
            ),
            (
                slashed("2023/07/13 11:17:01 [error]"),
                written(2023, 7, 13),
                hms(11, 17, 1),
                0,
                Zone::Unstated,
                " [error]",
            ),
            (
                access("13/Jan/2023:11:17:01 +0000] \""),
                written(2023, 1, 13),
                hms(11, 17, 1),
                0,
                Zone::Offset(0),
                "] \"",
            ),
            // Cut in the middle of the offset, as the seed is: hours are enough.
            (
                access("13/Jan/2023:11:17:01 +000"),
                written(2023, 1, 13),
                hms(11, 17, 1),
                0,
                Zone::Offset(0),
                "0",
            ),
            (
                iso("2023-01-13T11:17:01.123456+05:30 x"),
                written(2023, 1, 13),
                hms(11, 17, 1) + 123_456_000,
                6,
                Zone::Offset(19_800),
                " x",
            ),
            (
                iso("2023-01-13 11:17:01,123 ERROR x"),
                written(2023, 1, 13),
                hms(11, 17, 1) + 123 * milli,
                3,
                Zone::Unstated,
                " ERROR x",
            ),
            (iso("2023-01-13T11:17:01Z"), written(2023, 1, 13), hms(11, 17, 1), 0, Zone::Offset(0), ""),
            (
                weekday("Sat Nov 06 2021 21:53:14 KST"),
                written(2021, 11, 6),
                hms(21, 53, 14),
                0,
                Zone::Named("KST"),
                "",
            ),
            (
                day_month("05 Jun 06:27:25.097 * x"),
                written(None, 6, 5),
                hms(6, 27, 25) + 97 * milli,
                3,
                Zone::Unstated,
                " * x",
            ),
            (
                digits_of_day("1027 04:55:44.789086   24796 x"),
                written(None, 10, 27),
                hms(4, 55, 44) + 789_086_000,
                6,
                Zone::Unstated,
                "   24796 x",
            ),
            (
                digits_of_date("130324  0:04:00 [Warning] x"),
                written(2013, 3, 24),
                hms(0, 4, 0),
                0,
                Zone::Unstated,
                " [Warning] x",
            ),
            (
                dotted("2011.12.13 10:41:28 x"),
                written(2011, 12, 13),
                hms(10, 41, 28),
                0,
                Zone::Unstated,
                " x",
            ),
            (
                epoch_millis("1673608621123,"),
                written(2023, 1, 13),
                hms(11, 17, 1) + 123 * milli,
                3,
                Zone::Offset(0),
                ",",
            ),
            (
                weekday("Wed Jul 18 2018 08:49:38 PM CST"),
                written(2018, 7, 18),
                hms(20, 49, 38),
                0,
                Zone::Named("CST"),
                "",
            ),
            (
                month_day("Apr 02, 2015 12:02:03 AM org.example.Foo", true),
                written(2015, 4, 2),
                hms(0, 2, 3),
                0,
                Zone::Unstated,
                " org.example.Foo",
            ),
            (
                iso("2023-01-13 12:17:01.5 pm x"),
                written(2023, 1, 13),
                hms(12, 17, 1) + 500 * milli,
                1,
                Zone::Unstated,
                " x",
            ),
            // `PM` behind an hour of 24 is none, and a host may be called so.
            (
                iso("2023-01-13 15:17:01 PM x"),
                written(2023, 1, 13),
                hms(15, 17, 1),
                0,
                Zone::Unstated,
                " PM x",
            ),
            (
                month_day("Jan 13 11:14:46 pm app: x", false),
                written(None, 1, 13),
                hms(11, 14, 46),
                0,
                Zone::Unstated,
                " pm app: x",
            ),
            (
                weekday("Wed Jul 18 2018 08:49:38 -05"),
                written(2018, 7, 18),
                hms(8, 49, 38),
                0,
                Zone::Offset(-18_000),
                "",
            ),
            (
                weekday("Sun Dec 04 04:47:44 2005] [notice]"),
                written(2005, 12, 4),
                hms(4, 47, 44),
                0,
                Zone::Unstated,
                "] [notice]",
            ),
            (
                weekday("Fri Jan 13 17:29:02 IST 2023"),
                written(2023, 1, 13),
                hms(17, 29, 2),
                0,
                Zone::Named("IST"),
                "",
            ),
            (time_only("8:49:38 (lmgrd)"), None, hms(8, 49, 38), 0, Zone::Unstated, " (lmgrd)"),
            (
                epoch("1673608621.123 GET"),
                written(2023, 1, 13),
                hms(11, 17, 1) + 123 * milli,
                3,
                Zone::Offset(0),
                " GET",
            ),
        ] {
            assert_eq!(read, Some((Stamp { date, time, digits, zone, order: Order::Known }, rest)));
        }
    }

    #[test]
    fn what_is_no_time_is_no_stamp() {
        assert_eq!(day_month_year("32-Jan-2023 17:29:02,775 IST"), None);
        assert_eq!(day_month_year("13-Foo-2023 17:29:02,775 IST"), None);
        assert_eq!(day_month_year("30-Feb-2023 17:29:02,775 IST"), None);
        assert_eq!(iso("2023-13-01 11:17:01"), None);
        assert_eq!(iso("9203-01-13 11:17:01"), None);
        assert_eq!(slashed("2023/01/13 25:17:01"), None);
        assert_eq!(month_day("Mayhem 1 11:00:00", false), None);
        assert_eq!(time_only("8:61:38 (lmgrd)"), None);
        assert_eq!(epoch("16736086211 x"), None);
    }

    #[test]
    fn a_day_of_the_calendar_is_counted_as_jiff_counts_it() {
        let epoch = jiff::civil::date(1970, 1, 1);
        for days in (-200_000..200_000).step_by(97) {
            let (year, month, day) = civil(days);
            let expected = epoch.saturating_add(jiff::Span::new().days(days));
            assert_eq!(
                (year, month, day),
                (expected.year().into(), expected.month() as u32, expected.day() as u32)
            );
            assert_eq!(days_since_1970(year, month as u8, day as u8), days);
        }
    }

    proptest! {
        #[test]
        fn any_text_is_read_without_panic(text in any::<String>(), mixed in "[0-9A-Za-z:,. +/\\[\\]-]{0,40}") {
            for text in [text.as_str(), mixed.as_str()] {
                let _ = (day_month_year(text), month_day(text, true), slashed(text), access(text), iso(text));
                let _ = (day_month(text), digits_of_day(text), digits_of_date(text), dotted(text), year_last(text));
                let _ = (epoch_millis(text), date(text), shows_time(text));
                let _ = (weekday(text), time_only(text), epoch(text), Cursor(text).zone(), Cursor(text).enclosed("[", b']'));
            }
        }
    }
}
