//! Days of the calendar.

/// A day as a line gives it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(in crate::log) struct Date {
    /// The year, which syslog leaves out.
    pub year: Option<i32>,
    /// 1 to 12.
    pub month: u8,
    /// 1 to 31.
    pub day: u8,
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
pub(in crate::log) fn days_since_1970(year: i32, month: u8, day: u8) -> i64 {
    // Counted in years that begin in March, so that the leap day is the last one.
    let (month, day) = (i64::from(month), i64::from(day));
    let year = i64::from(year) - i64::from(month <= 2);
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    era * 146_097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year - 719_468
}

/// The last day of a month.
pub(in crate::log) fn days_in_month(year: i32, month: u32) -> u32 {
    match month {
        2 if year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// A month's English name or at least three letters of it, in any case, and `Sept`.
pub(super) fn month(name: &str) -> Option<u32> {
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

/// Year, month and day of a number of days since 1970-01-01.
pub(in crate::log) fn civil(days: i64) -> (i32, u32, u32) {
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

#[cfg(test)]
mod tests {
    use super::*;

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
}
