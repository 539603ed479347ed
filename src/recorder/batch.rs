//! What the capture hands to the recorder's thread at a time.

use std::time::Instant;

use super::frames::Frames;
use super::recording::Recording;
use crate::time::Timestamp;

/// What happened in a moment of the capture.
#[derive(Default)]
pub(super) struct Batch {
    pub(super) frames: Frames,
    /// The latest packet that found no room in this batch.
    pub(super) lost: Option<u64>,
    /// Failures that became known.
    pub(super) failures: Vec<Recording>,
    /// The capture's clock.
    pub(super) now: Option<Timestamp>,
    /// Packets that the capture itself dropped so far.
    pub(super) dropped: u64,
    /// This is the last batch: what waits is to be written until then.
    pub(super) ends: Option<Instant>,
}
