//! Scripts for tests: a conversation, packet by packet, as a capture would hold it.

pub(crate) mod talk;
