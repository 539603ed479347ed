//! The reason that a RST gives in its payload, which no guess of ours is better than.

use super::log_line::printable;
use crate::story::{Ending, Story};

/// What to do about it first.
pub(in crate::verdict) const ADVICE: &str =
    "Follow the reason that the RST gives: ask whoever runs what it names.";

/// Characters of it that are quoted.
const QUOTED: usize = 200;

/// The reason in a sentence, where the RST that ended the connection gives one.
pub(in crate::verdict) fn sentence(story: &Story, ending: &Ending) -> Option<String> {
    let reason = story.reset_reason.as_ref().filter(|reason| reason.number == ending.moment.number)?;
    let words: String = reason.text.chars().take(QUOTED).map(printable).collect();
    let cut = if reason.text.chars().nth(QUOTED).is_some() { "…" } else { "" };
    Some(format!("The RST gives a reason: \"{words}{cut}\"."))
}
