//! Sequence numbers, which wrap.

use std::fmt;
use std::ops::{Add, Sub};

/// A TCP sequence or acknowledgement number, modulo 2^32 (RFC 9293, 3.4).
///
/// There is no `Ord`: which of two is later makes sense only within a window of 2^31.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub struct Seq(pub u32);

impl Seq {
    /// How far this is after `other`: negative when it is before it.
    pub fn distance_from(self, other: Self) -> i32 {
        self.0.wrapping_sub(other.0) as i32
    }

    /// Whether this is after `other` in the window of 2^31.
    pub fn is_after(self, other: Self) -> bool {
        self.distance_from(other) > 0
    }

    /// Whether this is before `other` in the window of 2^31.
    pub fn is_before(self, other: Self) -> bool {
        self.distance_from(other) < 0
    }

    /// Whether this is `other` or after it.
    pub fn is_at_or_after(self, other: Self) -> bool {
        !self.is_before(other)
    }

    /// The later of two.
    #[must_use]
    pub fn later(self, other: Self) -> Self {
        if self.is_after(other) { self } else { other }
    }
}

impl Add<u32> for Seq {
    type Output = Self;

    fn add(self, bytes: u32) -> Self {
        Self(self.0.wrapping_add(bytes))
    }
}

impl Sub<u32> for Seq {
    type Output = Self;

    fn sub(self, bytes: u32) -> Self {
        Self(self.0.wrapping_sub(bytes))
    }
}

impl Sub for Seq {
    type Output = u32;

    /// Bytes from `earlier` to this, for an `earlier` that is known not to be later.
    fn sub(self, earlier: Self) -> u32 {
        self.0.wrapping_sub(earlier.0)
    }
}

impl fmt::Display for Seq {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn order_holds_at_any_offset(base: u32, step in 1u32..0x7fff_ffff) {
            let (early, late) = (Seq(base), Seq(base) + step);
            prop_assert!(late.is_after(early) && early.is_before(late) && !early.is_at_or_after(late));
            prop_assert_eq!(late - early, step);
            prop_assert_eq!(late - step, early);
            prop_assert_eq!(early.later(late), late);
            prop_assert_eq!(late.distance_from(early), step as i32);
        }
    }
}
