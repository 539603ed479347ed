//! What one side sent: its payload, of whichever protocol.

use super::{Moment, Repeats, Said};

/// One side's payload.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct DataFacts {
    /// The first of it.
    pub first: Option<Moment>,
    /// The last of it that was new.
    pub last: Option<Moment>,
    /// Retransmissions of it.
    pub repeats: Repeats,
    /// Whether everything that this side sent was acknowledged.
    pub is_all_acknowledged: bool,
    /// A hole in the stream that nobody filled: the offsets of its first byte and of the first byte after it.
    pub unfilled_hole: Option<(u32, u32)>,
    /// A hole in the stream that the other side reports by SACK and that was not filled since: the offsets of its first byte
    /// and of the first byte after it.
    pub reported_hole: Option<Said<(u32, u32)>>,
}

impl Default for DataFacts {
    /// Nothing was sent, and so nothing waits to be acknowledged.
    fn default() -> Self {
        Self {
            first: None,
            last: None,
            repeats: Repeats::default(),
            is_all_acknowledged: true,
            unfilled_hole: None,
            reported_hole: None,
        }
    }
}
