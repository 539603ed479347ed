//! How much was sent again.

use super::{Finding, Weight, finding};
use crate::story::Story;
use crate::tcp::Role;

/// Retransmissions up to this share of all segments are usual on the Internet, in percent.
const USUAL_PERCENT: u64 = 2;

/// `retransmissions`: of both sides, with their share.
pub(super) fn find(story: &Story) -> Option<Finding> {
    let repeated = |role: Role| story.counters[role].retransmissions;
    let sent = |role: Role| story.counters[role].segments;
    let (client, server) = (repeated(Role::Client), repeated(Role::Server));
    if client + server == 0 {
        return None;
    }
    let all = sent(Role::Client) + sent(Role::Server);
    let is_much = (client + server) * 100 > all * USUAL_PERCENT && client + server > 2;
    let evidence = story
        .data_repeats
        .client
        .numbers()
        .chain(story.data_repeats.server.numbers())
        .chain(story.syn.numbers().skip(1));
    finding(
        "retransmissions",
        if is_much { Weight::Warning } else { Weight::Info },
        format!("{} of {all} segments were sent again (client {client}, server {server}).", client + server),
        evidence,
    )
}
