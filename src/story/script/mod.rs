//! Scripts for tests. A story is written by hand ([`by_hand`]), in the few words of its rule, or a conversation is written packet
//! by packet ([`talk`]) and folded into a story as a capture would be.

mod by_hand;
pub(crate) mod log;
mod messages;
pub(crate) mod talk;
