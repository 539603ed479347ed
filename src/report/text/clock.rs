//! Instants as text: as tcpdump prints them, with their date, and for machines.
//!
//! Each function gives what the capture's [`Clock`] shows and no more: no date is made up for a time of day, and
//! nothing is printed if there are no times.

use jiff::civil::DateTime;
use jiff::tz::TimeZone;

use crate::time::{Clock, Elapsed, SECOND, Timestamp};

const SECONDS_PER_DAY: i64 = 86_400;

/// The time of day as tcpdump prints it by default: `12:15:06.407513`, in `zone` where the capture's times are UTC.
/// Since the first packet it is `00:00:01.234567`. `digits` are those after the second, 9 at most.
pub fn time_of_day(at: Timestamp, clock: Clock, digits: u8, zone: &TimeZone) -> Option<String> {
    match clock {
        Clock::Utc => Some(time_text(local(at, zone), at, digits)),
        Clock::LocalDateTime => Some(time_text(local(at, &TimeZone::UTC), at, digits)),
        Clock::TimeOfDay => Some(time_text(local(wrapped(at), &TimeZone::UTC), at, digits)),
        Clock::SinceFirst => Some(offset_text(at, digits)),
        Clock::Absent => None,
    }
}

/// Date and time in `zone` as `tcpdump -tttt` prints them, `2023-01-13 12:15:06.407513`, and without a date where the
/// capture has none.
pub fn date_and_time(at: Timestamp, clock: Clock, digits: u8, zone: &TimeZone) -> Option<String> {
    let zone = match clock {
        Clock::Utc => zone,
        Clock::LocalDateTime => &TimeZone::UTC,
        Clock::TimeOfDay | Clock::SinceFirst | Clock::Absent => return time_of_day(at, clock, digits, zone),
    };
    let local = local(at, zone);
    Some(format!("{} {}", local.date(), time_text(local, at, digits)))
}

/// The time of day, with what it needs to be clear in a capture from `span.0` to `span.1`: month and day (`11-30 12:15:06`) where that takes
/// longer than a day, and the zone (`02:15:06 CEST`) where daylight saving time begins or ends in it.
pub fn time_within(
    at: Timestamp,
    span: (Timestamp, Timestamp),
    clock: Clock,
    zone: &TimeZone,
) -> Option<String> {
    Some(within(at, span, clock, zone, time_of_day(at, clock, 0, zone)?))
}

/// The same without seconds.
#[cfg(feature = "command")]
pub fn minute_within(
    at: Timestamp,
    span: (Timestamp, Timestamp),
    clock: Clock,
    zone: &TimeZone,
) -> Option<String> {
    let mut time = time_of_day(at, clock, 0, zone)?;
    time.truncate(time.len().saturating_sub(":06".len()));
    Some(within(at, span, clock, zone, time))
}

/// The same as one word for the columns of a table, with the offset from UTC in place of the zone's name: `11-30T12:15:06.407`.
#[cfg(feature = "command")]
pub fn word_within(
    at: Timestamp,
    span: (Timestamp, Timestamp),
    clock: Clock,
    digits: u8,
    zone: &TimeZone,
) -> Option<String> {
    let time = time_of_day(at, clock, digits, zone)?;
    let day = month_and_day(at, span, clock, zone).map(|day| format!("{day}T")).unwrap_or_default();
    let offset = changes_zone(span, clock, zone).then(|| {
        let instant = jiff::Timestamp::from_nanosecond(at.nanos().into()).unwrap_or_default();
        let seconds = zone.to_offset_info(instant).offset().seconds();
        let (sign, minutes) = (if seconds < 0 { '-' } else { '+' }, seconds.unsigned_abs() / 60);
        format!("{sign}{:02}:{:02}", minutes / 60, minutes % 60)
    });
    Some(format!("{day}{time}{}", offset.unwrap_or_default()))
}

fn within(
    at: Timestamp,
    span: (Timestamp, Timestamp),
    clock: Clock,
    zone: &TimeZone,
    time: String,
) -> String {
    let time = match month_and_day(at, span, clock, zone) {
        Some(day) => format!("{day} {time}"),
        None => time,
    };
    let is_changed = changes_zone(span, clock, zone);
    if is_changed { format!("{time} {}", zone_name(at, zone)) } else { time }
}

/// `11-30`, where a capture takes longer than a day and has dates.
fn month_and_day(
    at: Timestamp,
    span: (Timestamp, Timestamp),
    clock: Clock,
    zone: &TimeZone,
) -> Option<String> {
    let is_dated = matches!(clock, Clock::Utc | Clock::LocalDateTime);
    if !is_dated || span.1 - span.0 < Elapsed::from_millis(SECONDS_PER_DAY * 1_000) {
        return None;
    }
    let text = date_and_time(at, clock, 0, zone)?;
    let (date, _) = text.split_once(' ')?;
    let (_, day) = date.rsplit_once('-')?;
    let (_, month) = date.strip_suffix(day)?.strip_suffix('-')?.rsplit_once('-')?;
    Some(format!("{month}-{day}"))
}

/// Whether times that are shown in `zone` have another offset from UTC at the end of a capture than at its beginning.
pub fn changes_zone(span: (Timestamp, Timestamp), clock: Clock, zone: &TimeZone) -> bool {
    let offset = |at: Timestamp| {
        let instant = jiff::Timestamp::from_nanosecond(at.nanos().into()).unwrap_or_default();
        zone.to_offset_info(instant).offset()
    };
    clock == Clock::Utc && offset(span.0) != offset(span.1)
}

/// What a zone is called at an instant: `UTC`, `CET`, `+02`.
pub fn zone_name(at: Timestamp, zone: &TimeZone) -> String {
    let instant = jiff::Timestamp::from_nanosecond(at.nanos().into()).unwrap_or_default();
    zone.to_offset_info(instant).abbreviation().to_owned()
}

/// For machines: RFC 3339 in UTC, `2023-01-13T12:15:06.407513Z`, with the capture's own digits. Without `Z` where the
/// capture has no zone, without a date where it has none.
pub fn machine_readable(at: Timestamp, clock: Clock, digits: u8) -> Option<String> {
    let suffix = match clock {
        Clock::Utc => "Z",
        Clock::LocalDateTime => "",
        Clock::TimeOfDay | Clock::SinceFirst | Clock::Absent => {
            return time_of_day(at, clock, digits, &TimeZone::UTC);
        }
    };
    let utc = local(at, &TimeZone::UTC);
    Some(format!("{}T{}{suffix}", utc.date(), time_text(utc, at, digits)))
}

fn local(at: Timestamp, zone: &TimeZone) -> DateTime {
    // 64 bits of nanoseconds reach from 1677 to 2262, well within what jiff holds.
    let instant = jiff::Timestamp::from_nanosecond(at.nanos().into()).unwrap_or_default();
    zone.to_offset_info(instant).offset().to_datetime(instant)
}

/// Past midnight the text's clock begins again.
fn wrapped(at: Timestamp) -> Timestamp {
    Timestamp::from_nanos(at.nanos().rem_euclid(SECONDS_PER_DAY * SECOND))
}

fn time_text(local: DateTime, at: Timestamp, digits: u8) -> String {
    // "12:15:06.407513999" has 18 characters.
    let mut text = String::with_capacity(18);
    for (separator, part) in [("", local.hour()), (":", local.minute()), (":", local.second())] {
        text.push_str(separator);
        push_digits(&mut text, part.unsigned_abs().into(), 2);
    }
    push_fraction(&mut text, at.nanos().rem_euclid(SECOND) as u64, digits);
    text
}

fn offset_text(at: Timestamp, digits: u8) -> String {
    let sign = if at.nanos() < 0 { "-" } else { "" };
    let nanos = at.nanos().unsigned_abs();
    let seconds = nanos / SECOND as u64;
    let mut text = format!("{sign}{:02}:{:02}:{:02}", seconds / 3600, seconds / 60 % 60, seconds % 60);
    push_fraction(&mut text, nanos % SECOND as u64, digits);
    text
}

/// Further digits are cut, not rounded, as libpcap does when it is asked for microseconds.
fn push_fraction(text: &mut String, nanos: u64, digits: u8) {
    let digits = u32::from(digits.min(9));
    if digits > 0 {
        text.push('.');
        push_digits(text, nanos / 10u64.pow(9 - digits), digits);
    }
}

/// A number's last digits, with zeros in front of it.
fn push_digits(text: &mut String, number: u64, digits: u32) {
    for place in (0..digits).rev() {
        let digit = number / 10u64.pow(place) % 10;
        text.push(char::from(b'0' + digit as u8));
    }
}

#[cfg(test)]
mod tests {
    use jiff::tz::Offset;

    use super::*;

    /// 2023-01-13 12:15:06.407513999 UTC.
    const AT: Timestamp = Timestamp::from_nanos(1_673_612_106_407_513_999);

    #[test]
    fn utc_is_shown_in_the_zone_and_handed_to_machines_as_it_is() {
        let zone = TimeZone::fixed(Offset::constant(2));
        assert_eq!(time_of_day(AT, Clock::Utc, 6, &zone).as_deref(), Some("14:15:06.407513"));
        assert_eq!(date_and_time(AT, Clock::Utc, 9, &zone).as_deref(), Some("2023-01-13 14:15:06.407513999"));
        assert_eq!(machine_readable(AT, Clock::Utc, 6).as_deref(), Some("2023-01-13T12:15:06.407513Z"));
    }

    #[test]
    fn a_capture_of_several_days_has_days() {
        let within = |seconds: i64, clock| {
            let span = (AT, Timestamp::from_nanos(AT.nanos() + seconds * 1_000_000_000));
            time_within(AT, span, clock, &TimeZone::UTC)
        };
        assert_eq!(within(86_399, Clock::Utc).as_deref(), Some("12:15:06"));
        assert_eq!(within(86_400, Clock::Utc).as_deref(), Some("01-13 12:15:06"));
        assert_eq!(within(86_400, Clock::TimeOfDay).as_deref(), Some("12:15:06"));
        assert_eq!(within(86_400, Clock::Absent), None);
    }

    #[cfg(feature = "command")]
    #[test]
    fn times_have_their_zone_where_daylight_saving_time_ends_within_the_capture() {
        let zone = TimeZone::posix("CET-1CEST,M3.5.0,M10.5.0/3").unwrap();
        // 2026-10-25 00:40:00 UTC, the first 02:40; daylight saving time ends at 01:00 UTC.
        let at = |minutes: i64| Timestamp::from_parts(1_792_888_800 + minutes * 60, 0);
        let within = |minutes: i64, last: i64| {
            let span = (at(0), at(last));
            (
                time_within(at(minutes), span, Clock::Utc, &zone).unwrap(),
                word_within(at(minutes), span, Clock::Utc, 3, &zone).unwrap(),
                minute_within(at(minutes), span, Clock::Utc, &zone).unwrap(),
            )
        };
        let text = |one: &str, two: &str, three: &str| (one.to_owned(), two.to_owned(), three.to_owned());
        assert_eq!(within(0, 90), text("02:40:00 CEST", "02:40:00.000+02:00", "02:40 CEST"));
        assert_eq!(within(60, 90), text("02:40:00 CET", "02:40:00.000+01:00", "02:40 CET"));
        assert_eq!(within(0, 10), text("02:40:00", "02:40:00.000", "02:40"));
        let days = within(60, 3_000);
        assert_eq!(days, text("10-25 02:40:00 CET", "10-25T02:40:00.000+01:00", "10-25 02:40 CET"));
    }

    #[test]
    fn text_s_clocks_show_no_more_than_the_text_did() {
        let zone = TimeZone::fixed(Offset::constant(2));
        let local = Clock::LocalDateTime;
        assert_eq!(time_of_day(AT, local, 6, &zone).as_deref(), Some("12:15:06.407513"));
        assert_eq!(machine_readable(AT, local, 6).as_deref(), Some("2023-01-13T12:15:06.407513"));
        let past_midnight = Timestamp::from_parts(86_400 + 61, 5_000);
        assert_eq!(machine_readable(past_midnight, Clock::TimeOfDay, 6).as_deref(), Some("00:01:01.000005"));
        assert_eq!(
            date_and_time(past_midnight, Clock::TimeOfDay, 6, &zone).as_deref(),
            Some("00:01:01.000005")
        );
        let early = Timestamp::from_nanos(-1_234_567_000);
        assert_eq!(machine_readable(early, Clock::SinceFirst, 6).as_deref(), Some("-00:00:01.234567"));
        assert_eq!(
            time_of_day(past_midnight, Clock::SinceFirst, 6, &zone).as_deref(),
            Some("24:01:01.000005")
        );
        assert_eq!(machine_readable(AT, Clock::Absent, 6), None);
    }

    #[test]
    fn the_ends_of_time_are_shown_too() {
        for nanos in [i64::MIN, -1, i64::MAX] {
            let at = Timestamp::from_nanos(nanos);
            for clock in [Clock::Utc, Clock::LocalDateTime, Clock::TimeOfDay, Clock::SinceFirst] {
                assert!(date_and_time(at, clock, 9, &TimeZone::UTC).is_some());
                assert!(machine_readable(at, clock, 0).is_some());
            }
        }
    }
}
