//! Offsets of time zones are whole quarters of an hour.

use crate::time::SECOND;

/// Zones are multiples of this (tzdata; the last exception ended in 1972).
pub(super) const QUARTER: i64 = 15 * 60 * SECOND;

/// The whole quarters that are nearest to an offset, both in nanoseconds.
pub(super) fn nearest_quarter(nanos: i64) -> i64 {
    nanos.saturating_add(QUARTER / 2).div_euclid(QUARTER).saturating_mul(QUARTER)
}
