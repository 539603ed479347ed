//! The capture's clock stepped within the connection.

use super::{Finding, Weight, finding};
use crate::story::Story;
use crate::time::Elapsed;

/// `clock-step`: no time across it can be trusted.
pub(super) fn find(story: &Story) -> Option<Finding> {
    let step = story.capture.clock_step?;
    let (direction, by) =
        if step.by < Elapsed::ZERO { ("went back", step.by.times(-1)) } else { ("leapt ahead", step.by) };
    finding(
        "clock-step",
        Weight::Warning,
        format!(
            "The capture's clock {direction} by {by} within this connection: spans of time across that packet say nothing, and no \
             silence is measured across it."
        ),
        [step.number],
    )
}
