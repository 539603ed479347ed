//! Keep-alive probes kept an idle connection open.

use super::{Finding, Weight, finding};
use crate::story::Story;

/// `keep-alives`.
pub(super) fn find(story: &Story) -> Option<Finding> {
    let count = story.traffic.counters.client.keep_alives + story.traffic.counters.server.keep_alives;
    if count == 0 {
        return None;
    }
    finding(
        "keep-alives",
        Weight::Info,
        format!(
            "{count} keep-alive {}: the connection was idle and held open.",
            if count == 1 { "probe" } else { "probes" }
        ),
        story.traffic.keep_alives.numbers(),
    )
}
