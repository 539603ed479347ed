//! The SYN had to be sent again before it was answered.

use super::{Finding, Weight, finding};
use crate::story::{Stage, Story};

/// `syn-retries`.
pub(super) fn find(story: &Story) -> Option<Finding> {
    if story.syn.count < 2 || story.stage <= Stage::Syn {
        return None;
    }
    let why = match story.refused_before {
        Some(refusal) => format!(
            "The SYN was sent {} times: packet {} refused it with a RST before a later one was let in. The service was just \
             starting, or a device in between answers in its name.",
            story.syn.count, refusal.number
        ),
        None => format!(
            "The SYN was sent {} times before an answer came: packets are lost on the way, or the server was overloaded.",
            story.syn.count
        ),
    };
    let refusal = story.refused_before.map(|refusal| refusal.number);
    finding("syn-retries", Weight::Warning, why, story.syn.numbers().chain(refusal))
}
