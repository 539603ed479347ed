//! A segment on its way through its connection.

use super::Role;
use crate::packet::{Flags, Segment, SegmentHeader};
use crate::time::Timestamp;

/// A segment that arrives, and what all who look at it ask for.
#[derive(Clone, Copy, Debug)]
pub(super) struct Arrival<'a> {
    /// The packet's number.
    pub number: u64,
    /// When it was captured.
    pub at: Timestamp,
    /// Which end sent it.
    pub role: Role,
    /// Its flags; none where the text prints none.
    pub flags: Flags,
    /// The segment itself.
    pub segment: Segment<'a>,
}

impl<'a> Arrival<'a> {
    /// Its headers.
    pub fn header(&self) -> &'a SegmentHeader {
        self.segment.header
    }
}
