//! What a stamp is.

use super::date::Date;

/// A time as a line gives it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(in crate::log) struct Stamp<'a> {
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
pub(in crate::log) enum Order {
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

/// A zone as a line gives it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(in crate::log) enum Zone<'a> {
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

/// A stamp and what follows it.
pub(super) type Read<'a> = Option<(Stamp<'a>, &'a str)>;
