//! Packets that several rules give as evidence.

use crate::story::{Moment, Story};

/// The opening's packets: SYN, SYN-ACK and the first acknowledgement, as far as they are there.
pub(in crate::verdict) fn opening_packets(story: &Story) -> impl Iterator<Item = u64> {
    [story.opening.syn.first(), story.opening.syn_ack.first(), story.opening.established]
        .into_iter()
        .flatten()
        .map(|moment: Moment| moment.number)
}

/// The packets that show the handshake, and the first data.
pub(in crate::verdict) fn handshake_packets(story: &Story) -> impl Iterator<Item = u64> {
    [
        story.opening.syn.first(),
        story.opening.syn_ack.first(),
        story.tls.client_hello.as_ref().map(|observed| observed.moment),
        story.tls.server_hello.as_ref().map(|observed| observed.moment),
        story.tls.client_finished.as_ref().map(|observed| observed.moment),
        story.tls.established.as_ref().map(|observed| observed.moment),
        story.tls.application_data.client.first(),
        story.tls.application_data.server.first(),
    ]
    .into_iter()
    .flatten()
    .map(|moment| moment.number)
}
