//! The SYN had to be sent again before it was answered.

use super::{Finding, Weight, finding};
use crate::story::{Stage, Story};

/// `syn-retries`.
pub(super) fn find(story: &Story) -> Option<Finding> {
    if story.opening.syn.count < 2 || story.stage <= Stage::Syn {
        return None;
    }
    let count = story.opening.syn.count;
    let stale = story.opening.stale.server.count > 0;
    let text = match story.opening.refused_before {
        Some(refusal) => format!(
            "The SYN was sent {count} times: packet {} refused it with a RST before a later one was let in. The service was \
             just starting, or a device in between answers in its name.",
            refusal.number
        ),
        None if stale => format!(
            "The SYN was sent {count} times before it was answered: what came first belongs to an older connection between \
             the same ports, which the server still held."
        ),
        None => format!(
            "The SYN was sent {count} times before an answer came: packets are lost on the way, or the server was overloaded."
        ),
    };
    let refusal = story.opening.refused_before.map(|refusal| refusal.number);
    let evidence = story.opening.syn.numbers().chain(refusal).chain(story.opening.stale.server.numbers());
    finding("syn-retries", Weight::Warning, text, evidence)
}
