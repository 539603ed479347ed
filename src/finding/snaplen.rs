//! Payload was cut off by the snapshot length, or never printed.

use super::{Finding, Weight, finding};
use crate::story::Story;

/// `snaplen`: what the missing bytes hide.
pub(super) fn find(story: &Story) -> Option<Finding> {
    let cut = story.traffic.counters.client.cut_bytes + story.traffic.counters.server.cut_bytes;
    if cut == 0 {
        return None;
    }
    let (text, evidence) = if story.capture.is_text {
        (
            "The input is text without payload: TLS is followed by lengths, directions and order only."
                .to_owned(),
            None,
        )
    } else {
        (
            format!(
                "{cut} payload bytes were cut off by the snapshot length: TLS is followed by the headers that were kept. A capture with \
                 `-s 0` would show names, versions and certificates."
            ),
            story.data.client.first,
        )
    };
    finding("snaplen", Weight::Info, text, evidence.map(|moment| moment.number))
}
