//! The end of a stamp, which forms share.

use super::cursor::Cursor;
use super::date::Date;
use super::form::{Order, Read, Stamp, Zone};

/// The time of day, its fraction and, where the format may have one, the zone.
pub(super) fn finish<'a>(
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
