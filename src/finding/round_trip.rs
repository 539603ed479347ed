//! How far away the server is.

use super::{Finding, Weight, finding};
use crate::story::Story;

/// `round-trip`: from the SYN to its SYN-ACK, and from data to its acknowledgement.
pub(super) fn find(story: &Story) -> Option<Finding> {
    match (story.path.round_trips.handshake, story.path.round_trips.data) {
        (Some((opening, syn, syn_ack)), Some((data, ack))) => finding(
            "round-trip",
            Weight::Info,
            format!("Round trip {opening} from SYN to SYN-ACK, {data} from data to its acknowledgement."),
            [syn, syn_ack, ack],
        ),
        (Some((opening, syn, syn_ack)), None) => finding(
            "round-trip",
            Weight::Info,
            format!("Round trip {opening} from SYN to SYN-ACK."),
            [syn, syn_ack],
        ),
        (None, Some((data, ack))) => finding(
            "round-trip",
            Weight::Info,
            format!("Round trip {data} from data to its acknowledgement."),
            [ack],
        ),
        (None, None) => None,
    }
}
