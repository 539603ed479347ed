//! Only one side's packets are in the capture.

use super::{Finding, Weight, finding};
use crate::story::Story;

/// `one-sided`.
pub(super) fn find(story: &Story) -> Option<Finding> {
    let role = story.one_sided()?;
    finding(
        "one-sided",
        Weight::Warning,
        format!(
            "Only the {role}'s packets are in the capture, although the {}'s must have been sent: the ways there and back differ, \
             or the filter kept one of them out. What the {} said is unknown.",
            role.other(),
            role.other()
        ),
        [story.first.number],
    )
}
