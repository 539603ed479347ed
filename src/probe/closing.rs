//! The end of one of the check's connections, and what the socket knows by then.

use std::net::SocketAddr;

use super::net::socket::Channel;
use super::net::wrapping::Unwrapped;
use crate::story::{EndpointKnowledge, SocketCounters};

/// How a connection was when it was closed.
pub(super) struct Closing {
    pub(super) is_given_up: bool,
    /// Whether the system reported a RST.
    pub(super) was_reset: bool,
    /// What this host lacks to send what is not acknowledged.
    pub(super) lack: Option<&'static str>,
    acks_unobservable: bool,
    counted: Option<SocketCounters>,
    /// What ended the TLS with a proxy that everything was inside.
    pub(super) unwrapped: Option<Unwrapped>,
}

impl Closing {
    /// Closes it.
    pub(super) fn by(channel: Channel<'_>) -> Self {
        let (is_given_up, acks_unobservable) = (channel.is_given_up(), channel.acks_unobservable());
        let (unwrapped, was_reset) = (channel.unwrapped_by(), channel.was_reset());
        let (counted, lack) = channel.close();
        Self { is_given_up, was_reset, lack, acks_unobservable, counted, unwrapped }
    }

    /// Adds it to what is known of the connection of this client's end.
    pub(super) fn keep(
        self,
        known: &mut [EndpointKnowledge],
        client: SocketAddr,
    ) -> Option<&mut EndpointKnowledge> {
        let knowledge = known.iter_mut().find(|knowledge| knowledge.client == client)?;
        knowledge.acks_unobservable |= self.acks_unobservable;
        knowledge.counters = self.counted;
        Some(knowledge)
    }
}
