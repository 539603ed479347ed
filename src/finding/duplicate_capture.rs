//! Packets are in the capture twice.

use super::{Finding, Weight, finding};
use crate::story::Story;

/// `duplicate-capture`.
pub(super) fn find(story: &Story) -> Option<Finding> {
    let count = story.traffic.counters.client.duplicates + story.traffic.counters.server.duplicates;
    if count == 0 {
        return None;
    }
    finding(
        "duplicate-capture",
        Weight::Info,
        format!(
            "{} in the capture twice (a mirror port or several interfaces): copies are not counted as retransmissions.",
            if count == 1 { "1 packet is".to_owned() } else { format!("{count} packets are") }
        ),
        story.traffic.duplicates.numbers(),
    )
}
