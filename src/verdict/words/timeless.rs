//! An ending whose sender may have waited, of packets without times.

use crate::story::{Ending, Story};
use crate::tcp::Role;

/// The sentence about it, after the others.
pub(in crate::verdict) fn caveat(story: &Story, ending: &Ending) -> &'static str {
    match ending.by {
        _ if !story.may_have_waited(ending) => "",
        Role::Client => {
            " The packets have no times: if the client waited until its timeout, the server or the path is at fault, and not the client."
        }
        Role::Server => {
            " The packets have no times: if the server waited until its timeout, the client or the path is at fault, and not the server."
        }
    }
}
