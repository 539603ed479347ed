//! The SYN had to be sent again before it was answered.

use super::{Finding, Weight, finding};
use crate::story::{Stage, Story};

/// `syn-retries`.
pub(super) fn find(story: &Story) -> Option<Finding> {
    if story.syn.count < 2 || story.stage <= Stage::Syn {
        return None;
    }
    finding(
        "syn-retries",
        Weight::Warning,
        format!(
            "The SYN was sent {} times before an answer came: packets are lost on the way, or the server was overloaded.",
            story.syn.count
        ),
        story.syn.numbers(),
    )
}
