//! What all parts of a report share.

use crate::analysis::Summary;
use crate::report::Style;
use crate::report::text::words::PacketNames;

/// What all parts of a report share.
#[derive(Clone, Copy)]
pub(super) struct Page<'a> {
    /// The capture's figures, once they are known.
    pub summary: Option<&'a Summary>,
    /// How packets are called.
    pub names: &'a PacketNames<'a>,
    /// Digits after the second in times of packets.
    pub digits: u8,
    /// How it is written.
    pub style: &'a Style,
}
