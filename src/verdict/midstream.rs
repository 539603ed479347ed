//! The capture does not show the beginning, and nothing else tells the outcome.

use super::{Actor, Rule, Settings, Severity, Verdict};
use crate::story::{Opening, Story};

/// `midstream`.
pub(super) const RULE: Rule = Rule {
    code: "midstream",
    severity: Severity::Unknown,
    summary: "neither SYN nor SYN-ACK nor ClientHello is in the capture, and nothing else tells the outcome",
    page: include_str!("../../docs/verdicts/midstream.md"),
    judge,
};

fn judge(story: &Story, _: &Settings) -> Option<Verdict> {
    if story.opening.known_by != Opening::Ports || story.tls.server_hello.is_some() {
        return None;
    }
    Some(
        Verdict::new(&RULE, Actor::Unknown, story.basis, "the capture began after this connection did: nothing can be said of its opening")
            .explain(
                "Neither a SYN, nor a SYN-ACK, nor a ClientHello is there. Packets like these are often the rest of an \
                 older connection. Which end is the client is taken from the port numbers.",
            )
            .proved_by([story.first.number])
            .advise(&["Start the capture before the connection is opened."]),
    )
}
