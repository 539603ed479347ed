//! A farewell that nobody acknowledges: the path is broken, or the other host is down.

use crate::story::{Moment, Story};
use crate::tcp::Role;

/// That the client's farewell was repeated without an acknowledgement, as the end of an explanation, and its packets.
pub(in crate::verdict) fn unheard(story: &Story) -> Option<(String, [Moment; 2])> {
    let (since, last, count) = story.unheard_farewell(Role::Client)?;
    let sentence = format!(
        "The client closed, and its close was sent {count} times in {} without an ACK: a host that is up acknowledges it whatever its \
         program does, so the path broke, or the server's host is down.",
        last.at - since.at
    );
    Some((sentence, [since, last]))
}
