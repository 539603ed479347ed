//! Stamps with the month by its name.

use super::cursor::Cursor;
use super::date::Date;
use super::date::month;
use super::finish::finish;
use super::form::{Order, Read, Stamp, Zone};

/// `13-Jan-2023 17:29:02,775 IST`, as vManage writes it: months of three to nine letters.
pub(in crate::log) fn day_month_year(text: &str) -> Read<'_> {
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
pub(in crate::log) fn month_day(text: &str, may_have_zone: bool) -> Read<'_> {
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

/// `05 Jun 06:27:25.097`, as Redis had it before version 3.
pub(in crate::log) fn day_month(text: &str) -> Read<'_> {
    let mut cursor = Cursor(text);
    let day = cursor.number(2, 2)?;
    cursor.eat(" ")?;
    let month = month(cursor.letters(3, 3)?)?;
    cursor.eat(" ")?;
    finish(cursor, Date::new(None, month, day), b".", false)
}

/// `13/Jan/2023:11:17:01 +0000`, as access logs have it, and with a space before the time, as Django writes it.
pub(in crate::log) fn access(text: &str) -> Read<'_> {
    let mut cursor = Cursor(text);
    let day = cursor.number(1, 2)?;
    cursor.eat("/")?;
    let month = month(cursor.letters(3, 9)?)?;
    cursor.eat("/")?;
    let year = cursor.number(4, 4)? as i32;
    cursor.eat_any(b": ")?;
    finish(cursor, Date::new(Some(year), month, day), b".", true)
}

/// `Fri 2023-01-13 11:17:01 UTC`, as `journalctl -o short-full` has it.
pub(in crate::log) fn weekday_and_day(text: &str) -> Read<'_> {
    let mut cursor = Cursor(text);
    cursor.letters(3, 3)?;
    cursor.spaces(1)?;
    let date = cursor.ymd(b'-')?;
    cursor.spaces(1)?;
    finish(cursor, Some(date), b".", true)
}

/// `Sat Nov 06 2021 21:53:14 KST` and `Sun Dec 04 04:47:44 2005`, as date(1) and C's `ctime` have it.
pub(in crate::log) fn weekday(text: &str) -> Read<'_> {
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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::script::{hms, written};
    use super::*;

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
        ] {
            assert_eq!(read, Some((Stamp { date, time, digits, zone, order: Order::Known }, rest)));
        }
    }

    #[test]
    fn what_is_no_time_is_no_stamp() {
        assert_eq!(day_month_year("32-Jan-2023 17:29:02,775 IST"), None);
        assert_eq!(day_month_year("13-Foo-2023 17:29:02,775 IST"), None);
        assert_eq!(day_month_year("30-Feb-2023 17:29:02,775 IST"), None);
        assert_eq!(month_day("Mayhem 1 11:00:00", false), None);
    }

    proptest! {
        #[test]
        fn any_text_is_read_without_panic(text in any::<String>(), mixed in "[0-9A-Za-z:,. +/\\[\\]-]{0,40}") {
            for text in [text.as_str(), mixed.as_str()] {
                let _ = (day_month_year(text), month_day(text, true), day_month(text), access(text), weekday(text));
            }
        }
    }
}
