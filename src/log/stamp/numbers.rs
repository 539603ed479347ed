//! Stamps of numbers alone.

use super::cursor::Cursor;
use super::date::Date;
use super::finish::finish;
use super::form::{Order, Read, Stamp, Zone};

/// `2023-01-13`, a day alone.
pub(in crate::log) fn date(text: &str) -> Option<Date> {
    Cursor(text).ymd(b'-')
}

/// `1027 04:55:44.789086`, as klog has it.
pub(in crate::log) fn digits_of_day(text: &str) -> Read<'_> {
    let mut cursor = Cursor(text);
    let (month, day) = (cursor.number(2, 2)?, cursor.number(2, 2)?);
    cursor.eat(" ")?;
    finish(cursor, Date::new(None, month, day), b".", false)
}

/// `130324  0:04:00`, as MySQL had it up to version 5.5; the century is that in which MySQL exists.
pub(in crate::log) fn digits_of_date(text: &str) -> Read<'_> {
    let mut cursor = Cursor(text);
    let (year, month, day) = (cursor.number(2, 2)?, cursor.number(2, 2)?, cursor.number(2, 2)?);
    cursor.spaces(1)?;
    let year = year as i32 + if year < 90 { 2000 } else { 1900 };
    finish(cursor, Date::new(Some(year), month, day), b".", false)
}

/// `2011.12.13 10:41:28`.
pub(in crate::log) fn dotted(text: &str) -> Read<'_> {
    let mut cursor = Cursor(text);
    let date = cursor.ymd(b'.')?;
    cursor.spaces(1)?;
    finish(cursor, Some(date), b".,", true)
}

/// `10/20/2011 07:24:26`, `20.10.2011 07:24:26`: with the year last. Dots separate day, month and year; of slashes and dashes only a number
/// above 12 shows the order.
pub(in crate::log) fn year_last(text: &str) -> Read<'_> {
    let mut cursor = Cursor(text);
    let first = cursor.number(1, 2)?;
    let separator = cursor.eat_any(b"/.-")?;
    let second = cursor.number(1, 2)?;
    (cursor.eat_any(b"/.-")? == separator).then_some(())?;
    let year = Some(cursor.number(4, 4)? as i32);
    // Suricata has a dash before the time.
    if separator != b'/' || cursor.eat("-").is_none() {
        let _ = cursor.eat(",");
        cursor.spaces(1)?;
    }
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
pub(in crate::log) fn slashed(text: &str) -> Read<'_> {
    let mut cursor = Cursor(text);
    let date = cursor.ymd(b'/')?;
    cursor.spaces(1)?;
    finish(cursor, Some(date), b".,", true)
}

/// `2023-01-13T11:17:01.123Z` (RFC 3339), with a space in place of the `T`, and with a comma before the milliseconds (Java).
pub(in crate::log) fn iso(text: &str) -> Read<'_> {
    let mut cursor = Cursor(text);
    let date = cursor.ymd(b'-')?;
    if cursor.eat_any(b"Tt").is_none() {
        cursor.spaces(1)?;
    }
    finish(cursor, Some(date), b".,", true)
}

/// `11:14:46`, as FlexNet has it: `8:49:38` and ` 8:49:38` too.
pub(in crate::log) fn time_only(text: &str) -> Read<'_> {
    let mut cursor = Cursor(text);
    let time = cursor.time_of_day()?;
    let (nanos, digits) = cursor.fraction(b".,");
    let time = cursor.half_of_day(time);
    Some((
        Stamp { date: None, time: time + nanos, digits, zone: Zone::Unstated, order: Order::Known },
        cursor.0,
    ))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::script::{hms, written};
    use super::*;

    #[test]
    fn a_number_that_is_no_month_shows_the_order() {
        for (text, order, date) in [
            ("10/20/2011 07:24:26 x", Order::MonthFirst, written(2011, 10, 20)),
            ("10/20/2011-07:24:26.123456 x", Order::MonthFirst, written(2011, 10, 20)),
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
    fn each_way_to_write_a_time_is_read_with_what_follows_it() {
        for (read, date, time, digits, zone, rest) in [
            (
                slashed("2023/07/13 11:17:01 [error]"),
                written(2023, 7, 13),
                hms(11, 17, 1),
                0,
                Zone::Unstated,
                " [error]",
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
                hms(11, 17, 1) + 123 * 1_000_000,
                3,
                Zone::Unstated,
                " ERROR x",
            ),
            (iso("2023-01-13T11:17:01Z"), written(2023, 1, 13), hms(11, 17, 1), 0, Zone::Offset(0), ""),
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
                iso("2023-01-13 12:17:01.5 pm x"),
                written(2023, 1, 13),
                hms(12, 17, 1) + 500 * 1_000_000,
                1,
                Zone::Unstated,
                " x",
            ),
            // `PM` after an hour of 24 is none, and a host may be called so.
            (
                iso("2023-01-13 15:17:01 PM x"),
                written(2023, 1, 13),
                hms(15, 17, 1),
                0,
                Zone::Unstated,
                " PM x",
            ),
            (time_only("8:49:38 (lmgrd)"), None, hms(8, 49, 38), 0, Zone::Unstated, " (lmgrd)"),
        ] {
            assert_eq!(read, Some((Stamp { date, time, digits, zone, order: Order::Known }, rest)));
        }
    }

    #[test]
    fn what_is_no_time_is_no_stamp() {
        assert_eq!(iso("2023-13-01 11:17:01"), None);
        assert_eq!(iso("9203-01-13 11:17:01"), None);
        assert_eq!(slashed("2023/01/13 25:17:01"), None);
        assert_eq!(time_only("8:61:38 (lmgrd)"), None);
    }

    proptest! {
        #[test]
        fn any_text_is_read_without_panic(text in any::<String>(), mixed in "[0-9A-Za-z:,. +/\\[\\]-]{0,40}") {
            for text in [text.as_str(), mixed.as_str()] {
                let _ = (date(text), digits_of_day(text), digits_of_date(text), dotted(text), year_last(text));
                let _ = (slashed(text), iso(text), time_only(text));
            }
        }
    }
}
