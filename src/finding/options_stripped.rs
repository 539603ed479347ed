//! The SYN offered TCP options that the SYN-ACK does not accept.

use super::{Finding, Weight, finding};
use crate::story::Story;

/// `options-stripped`: SACK, timestamps, window scale.
pub(super) fn find(story: &Story) -> Option<Finding> {
    let (offered, answered) = (story.parties.client.offer?, story.parties.server.offer?);
    let options = [
        (offered.selective_acknowledgement, answered.selective_acknowledgement, "selective acknowledgement"),
        (offered.timestamps, answered.timestamps, "timestamps"),
        (offered.window_scale, answered.window_scale, "window scaling"),
    ];
    let missing: Vec<_> =
        options.into_iter().filter_map(|(asked, got, name)| (asked && !got).then_some(name)).collect();
    if missing.is_empty() {
        return None;
    }
    finding(
        "options-stripped",
        Weight::Info,
        format!(
            "The SYN offers {} and the SYN-ACK does not accept it: the server does not use it, or a device between (a SYN proxy, a \
             firewall that normalises TCP) took it out. No fault by itself; transfers over a long or lossy path get slower.",
            missing.join(", ")
        ),
        [offered.number, answered.number],
    )
}
