//! Stamps: the time that a line gives, in each of the ways that logs write it.
//!
//! A stamp is read, not interpreted. An abbreviation of a zone stays an abbreviation, since `IST` and `CST` have three meanings
//! each, and a year or a date that is missing stays missing: [`Calendar`](super::calendar::Calendar) supplies it.

mod cursor;
mod date;
mod epoch;
mod finish;
mod form;
mod named;
mod numbers;
#[cfg(test)]
mod script;

pub(super) use cursor::Cursor;
pub(super) use date::{Date, civil, days_in_month, days_since_1970};
pub(super) use epoch::{epoch, epoch_micros, epoch_millis};
pub(super) use form::{Order, Stamp, Zone};
pub(super) use named::{access, day_month, day_month_year, month_day, weekday, weekday_and_day};
pub(super) use numbers::{date, digits_of_date, digits_of_day, dotted, iso, slashed, time_only, year_last};

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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

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

    proptest! {
        #[test]
        fn any_text_is_read_without_panic(text in any::<String>(), mixed in "[0-9A-Za-z:,. +/\\[\\]-]{0,40}") {
            for text in [text.as_str(), mixed.as_str()] {
                let _ = shows_time(text);
                let _ = (Cursor(text).zone(), Cursor(text).enclosed("[", b']'));
            }
        }
    }
}
