//! Stamps that count from 1970.

use super::cursor::Cursor;
use super::date::{Date, civil};
use super::form::{Order, Read, Stamp, Zone};
use crate::time::SECOND;

/// `1673608621.123`: seconds since 1970, as nginx's `$msec` has it.
pub(in crate::log) fn epoch(text: &str) -> Read<'_> {
    let mut cursor = Cursor(text);
    // Ten digits are the years 2001 to 2286.
    let len = cursor.0.bytes().take_while(u8::is_ascii_digit).count();
    let seconds: i64 = (len == 10).then(|| cursor.split(len)).flatten()?.parse().ok()?;
    let (nanos, digits) = cursor.fraction(b".");
    Some((since_1970(seconds, nanos, digits)?, cursor.0))
}

/// `1673608621123`: milliseconds since 1970, as programs write them into JSON.
pub(in crate::log) fn epoch_millis(text: &str) -> Read<'_> {
    let mut cursor = Cursor(text);
    let len = cursor.0.bytes().take_while(u8::is_ascii_digit).count();
    let millis: i64 = (len == 13).then(|| cursor.split(len)).flatten()?.parse().ok()?;
    Some((since_1970(millis / 1000, millis % 1000 * 1_000_000, 3)?, cursor.0))
}

/// `1673608621123456`: microseconds since 1970, as the journal of systemd has them.
pub(in crate::log) fn epoch_micros(text: &str) -> Read<'_> {
    let mut cursor = Cursor(text);
    let len = cursor.0.bytes().take_while(u8::is_ascii_digit).count();
    let micros: i64 = (len == 16).then(|| cursor.split(len)).flatten()?.parse().ok()?;
    Some((since_1970(micros / 1_000_000, micros % 1_000_000 * 1_000, 6)?, cursor.0))
}

fn since_1970(seconds: i64, nanos: i64, digits: u8) -> Option<Stamp<'static>> {
    let (days, time) = (seconds.div_euclid(86_400), seconds.rem_euclid(86_400));
    let (year, month, day) = civil(days);
    let date = Some(Date::new(Some(year), month, day)?);
    Some(Stamp { date, time: time * SECOND + nanos, digits, zone: Zone::Offset(0), order: Order::Known })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::script::{hms, written};
    use super::*;

    #[test]
    fn seconds_and_milliseconds_since_1970_are_read() {
        let milli = 1_000_000;
        for (read, date, time, digits, zone, rest) in [
            (
                epoch_millis("1673608621123,"),
                written(2023, 1, 13),
                hms(11, 17, 1) + 123 * milli,
                3,
                Zone::Offset(0),
                ",",
            ),
            (
                epoch_micros("1673608621123456"),
                written(2023, 1, 13),
                hms(11, 17, 1) + 123_456_000,
                6,
                Zone::Offset(0),
                "",
            ),
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
        assert_eq!(epoch("16736086211 x"), None);
    }

    proptest! {
        #[test]
        fn any_text_is_read_without_panic(text in any::<String>(), mixed in "[0-9A-Za-z:,. +/\\[\\]-]{0,40}") {
            for text in [text.as_str(), mixed.as_str()] {
                let _ = (epoch(text), epoch_millis(text));
            }
        }
    }
}
