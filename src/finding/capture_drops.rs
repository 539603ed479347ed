//! The capture itself lost packets.

use super::{Finding, Weight, finding};
use crate::story::Story;

/// `capture-drops`.
pub(super) fn find(story: &Story) -> Option<Finding> {
    let dropped = story.capture.dropped.filter(|dropped| *dropped > 0)?;
    finding(
        "capture-drops",
        Weight::Warning,
        format!("The capture dropped {dropped} packets: what seems missing may have been on the wire."),
        [],
    )
}
