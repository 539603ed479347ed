//! Times as Wireshark (View, Time Display Format), FortiGate and snoop print them.

use crate::capture::transcript::clock::Stamp;
use crate::time::SECOND;

const DAY_SECONDS: i64 = 86_400;

/// The time that `text` begins with, its digits after the second, and what follows.
pub fn split(text: &str) -> Option<(Stamp, u8, &str)> {
    let text = text.trim_start();
    // A number or a month's name; most words are neither.
    if !text
        .starts_with(|letter: char| letter.is_ascii_digit() || letter.is_ascii_uppercase() || letter == '+')
    {
        return None;
    }
    let end = text.find(' ').unwrap_or(text.len());
    let (word, rest) = text.split_at(end);
    if let Some((nanos, digits)) = clock_time(word) {
        return Some((Stamp::Time(nanos), digits, rest));
    }
    if let Some(days) = days(word) {
        let rest = rest.trim_start();
        let (time, rest) = rest.split_at(rest.find(' ').unwrap_or(rest.len()));
        let (nanos, digits) = clock_time(time.trim_end_matches('Z'))?;
        return Some((date_time(days, nanos), digits, rest));
    }
    if let Some(month) = month(word) {
        return month_day(month, rest);
    }
    let (seconds, nanos, digits) = decimal(word)?;
    let nanos = seconds.saturating_mul(SECOND).saturating_add(nanos);
    // Seconds since 1970 have ten digits since 2001, and no capture lasts for thirty years.
    let stamp = if seconds >= 1_000_000_000 { Stamp::Epoch(nanos) } else { Stamp::Elapsed(nanos) };
    Some((stamp, digits, rest))
}

/// ` 3, 2023 10:17:04.285731000 UTC` after the month's name. The zone, where there is one, is not kept.
fn month_day(month: i8, text: &str) -> Option<(Stamp, u8, &str)> {
    let mut words = text.split(' ').filter(|word| !word.is_empty());
    let (day, year, time) = (words.next()?, words.next()?, words.next()?);
    let date =
        jiff::civil::Date::new(year.parse().ok()?, month, day.trim_end_matches(',').parse().ok()?).ok()?;
    let (nanos, digits) = clock_time(time)?;
    let (_, rest) = text.split_once(time)?;
    let zone = rest.trim_start();
    let (word, after) = zone.split_at(zone.find(' ').unwrap_or(zone.len()));
    let is_zone = (3..=5).contains(&word.len()) && word.bytes().all(|byte| byte.is_ascii_uppercase());
    // With `Standard Time` and the like after the zone's name the line is no row of columns.
    Some((date_time(since_1970(date)?, nanos), digits, if is_zone { after } else { rest }))
}

fn month(word: &str) -> Option<i8> {
    const MONTHS: [&str; 12] =
        ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    MONTHS.iter().zip(1..).find_map(|(name, month)| (*name == word).then_some(month))
}

fn date_time(days: i64, nanos: i64) -> Stamp {
    Stamp::DateTime(days.saturating_mul(DAY_SECONDS).saturating_mul(SECOND).saturating_add(nanos))
}

/// `2023-10-03` or `2023/10/03`; of fw monitor `3Oct2023`.
fn days(word: &str) -> Option<i64> {
    let letters = word.find(|letter: char| letter.is_ascii_uppercase()).filter(|at| (1..=2).contains(at));
    if let Some((day, rest)) = letters.and_then(|at| word.split_at_checked(at)) {
        let (name, year) = rest.split_at_checked(3)?;
        let date = jiff::civil::Date::new(year.parse().ok()?, month(name)?, day.parse().ok()?).ok()?;
        return since_1970(date).filter(|_| year.len() == 4);
    }
    let mut fields = word.split(['-', '/']);
    let mut field = |len: usize| fields.next().filter(|field| field.len() == len)?.parse::<i16>().ok();
    let (year, month, day) = (field(4)?, field(2)?, field(2)?);
    let date = jiff::civil::Date::new(year, month.try_into().ok()?, day.try_into().ok()?).ok()?;
    fields.next().is_none().then(|| since_1970(date)).flatten()
}

fn since_1970(date: jiff::civil::Date) -> Option<i64> {
    Some(date.duration_since(jiff::civil::Date::new(1970, 1, 1).ok()?).as_secs() / DAY_SECONDS)
}

/// `10:17:04.285731` in nanoseconds, and its digits after the second.
fn clock_time(word: &str) -> Option<(i64, u8)> {
    let (hours, rest) = word.split_once(':')?;
    let (minutes, seconds) = rest.split_once(':')?;
    let two = |digits: &str, below: i64| {
        let is_number = digits.len() == 2 && digits.bytes().all(|byte| byte.is_ascii_digit());
        digits.parse::<i64>().ok().filter(|number| is_number && *number < below)
    };
    let (hours, minutes) = (two(hours, 24)?, two(minutes, 60)?);
    // A leap second is 60.
    let (seconds, nanos, digits) = match seconds.split_once(['.', ',']) {
        Some((whole, _)) => {
            let (_, nanos, digits) = decimal(seconds)?;
            (two(whole, 61)?, nanos, digits)
        }
        None => (two(seconds, 61)?, 0, 0),
    };
    Some((((hours * 60 + minutes) * 60 + seconds) * SECOND + nanos, digits))
}

/// `76688.352155000` in seconds and nanoseconds, and its digits after the second. Some locales have a comma there.
fn decimal(word: &str) -> Option<(i64, i64, u8)> {
    let (whole, fraction) = word.split_once(['.', ','])?;
    let is_number = |digits: &str, most: usize| {
        (1..=most).contains(&digits.len()) && digits.bytes().all(|byte| byte.is_ascii_digit())
    };
    if !is_number(whole, 10) || !is_number(fraction, 9) {
        return None;
    }
    let digits = fraction.len() as u8;
    let nanos = fraction.parse::<i64>().ok()? * 10i64.pow(9 - u32::from(digits));
    Some((whole.parse().ok()?, nanos, digits))
}

/// The time of a row of IOS-XE's list, `5  118   10.131997   10.209.108.6     ->  10.174.57.2      0  BE   TCP`; older versions lack the DSCP.
pub fn ios_xe_time(text: &str) -> Option<(Stamp, u8)> {
    let mut words = text.split(' ').filter(|word| !word.is_empty());
    let is_number = |word: &str| word.bytes().all(|byte| byte.is_ascii_digit());
    let first = words.next().filter(|word| is_number(word))?;
    let second = words.next()?;
    // The first number may have been taken for a line's.
    let (time, has_both) = if is_number(second) { (words.next()?, true) } else { (second, false) };
    let (stamp, digits, _) = split(time).filter(|_| !first.is_empty())?;
    let (_, arrow, _) = (words.next()?, words.next()?, words.next()?);
    let (class, protocol) = (words.clone().nth(1), words.next_back()?);
    let is_row = arrow == "->"
        && (has_both || class.is_some_and(|class| is_service_class(&format!("{class} {protocol}"))));
    (is_row && matches!(stamp, Stamp::Elapsed(_))).then_some((stamp, digits))
}

/// Whether `words` are what IOS-XE's list has after the number of the class of service: its name (RFC 4594, 2.3) and the protocol.
pub fn is_service_class(words: &str) -> bool {
    let Some((class, protocol)) = words.trim().split_once(' ') else { return false };
    let is_numbered = |name: &str| class.strip_prefix(name).is_some_and(|rest| rest.parse::<u8>().is_ok());
    let is_word = protocol.trim().bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-./".contains(&byte));
    (matches!(class, "BE" | "EF") || is_numbered("AF") || is_numbered("CS"))
        && is_word
        && !protocol.trim().is_empty()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn each_format_is_read() {
        let date = 1_696_328_224;
        for (text, stamp, digits, rest) in [
            ("76688.352155000 a", Stamp::Elapsed(76_688_352_155_000), 9, " a"),
            ("0,5 a", Stamp::Elapsed(SECOND / 2), 1, " a"),
            ("1696328224.285731 a", Stamp::Epoch(date * SECOND + 285_731_000), 6, " a"),
            ("10:17:04.285 a", Stamp::Time(37_024_285_000_000), 3, " a"),
            ("2023-10-03 10:17:04.285731 a", Stamp::DateTime(date * SECOND + 285_731_000), 6, " a"),
            ("2023/10/03 10:17:04 a", Stamp::DateTime(date * SECOND), 0, " a"),
            ("Oct  3, 2023 10:17:04.285731000 UTC a", Stamp::DateTime(date * SECOND + 285_731_000), 9, " a"),
            (
                "Oct 3, 2023 10:17:04.285731000 192.0.2.1",
                Stamp::DateTime(date * SECOND + 285_731_000),
                9,
                " 192.0.2.1",
            ),
        ] {
            assert_eq!(split(text), Some((stamp, digits, rest)), "{text}");
        }
        for text in
            ["192.0.2.1 a", "12 a", "x.2", "10:17", "1.2.3", "2023-13-03 10:17:04.1", "May the packet pass"]
        {
            assert_eq!(split(text), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_read(text: String, number: u64) {
            let _ = (split(&text), split(&format!("Oct {number}, {number} {text}")), split(&format!("{number}.{number}")));
        }
    }
}
