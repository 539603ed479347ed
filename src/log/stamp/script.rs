//! What the tests of stamps share.

use super::Date;
use crate::time::SECOND;

pub(super) fn hms(hour: i64, minute: i64, second: i64) -> i64 {
    (hour * 3600 + minute * 60 + second) * SECOND
}

#[expect(clippy::unnecessary_wraps, reason = "a stamp's date is optional")]
pub(super) fn written(year: impl Into<Option<i32>>, month: u8, day: u8) -> Option<Date> {
    Some(Date { year: year.into(), month, day })
}
