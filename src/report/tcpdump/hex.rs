//! Bytes as numbers, and as hexadecimal digits.

use std::fmt::{self, Write};

/// A big-endian number of up to eight bytes.
pub(super) fn be(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0, |number, byte| number << 8 | u64::from(*byte))
}

/// Writes two digits for each byte.
pub(super) fn write_hex(out: &mut (impl Write + ?Sized), bytes: &[u8]) -> fmt::Result {
    bytes.iter().try_for_each(|byte| write!(out, "{byte:02x}"))
}
