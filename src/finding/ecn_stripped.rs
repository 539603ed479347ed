//! The SYN offered ECN, and the SYN-ACK does not accept it.

use super::{Finding, Weight, finding};
use crate::story::Story;

/// `ecn-stripped`.
pub(super) fn find(story: &Story) -> Option<Finding> {
    let (offered, answered) = (story.parties.client.offer?, story.parties.server.offer?);
    if !offered.ecn || answered.ecn {
        return None;
    }
    finding(
        "ecn-stripped",
        Weight::Info,
        "The SYN offers explicit congestion notification and the SYN-ACK does not accept it: the server does not use it, or a \
         device on the path took it out. No fault by itself."
            .to_owned(),
        [offered.number, answered.number],
    )
}
