//! One of an attempt's connections, as far as its packets do not show it.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use super::PhaseDurations;
use super::http::demands::Unmet;
use super::http::tls;
use super::net::socket::Channel;
use super::net::wrapping::Unwrapped;
use super::proxy::Tunnel;
use super::step::Phase;
use super::task::Task;
use crate::log::OwnRequest;
use crate::story::EndpointKnowledge;
use crate::time::{Elapsed, Timestamp};
use crate::tls::{AlertDescription, ServerHello};

/// A connection, recognised by its client's end.
pub(super) struct ConnectionRecord {
    /// What the client's end knows of it, for the analysis.
    pub(super) knowledge: EndpointKnowledge,
    /// What the server chose; absent if the connection was not for that.
    pub(super) offer: Option<Offered>,
    /// How long its parts took.
    pub(super) spent: PhaseDurations,
    /// How long the check listened for what comes unasked.
    pub(super) listened: Duration,
    /// When the last answer came; absent if one is missing.
    pub(super) answered: Option<Timestamp>,
    /// Whether everything on it was inside TLS with the proxy.
    pub(super) is_wrapped: bool,
    /// How that TLS ended, if it ended out of order.
    pub(super) unwrapped: Option<Unwrapped>,
    /// The answer of the proxy that was asked for a tunnel.
    pub(super) tunnel: Option<Tunnel>,
    /// Why its task could not be begun.
    pub(super) failure: Option<Failure>,
    /// What was asked over it.
    pub(super) asked: Option<OwnRequest>,
    /// What was awaited when the check's time ended.
    pub(super) given_up: Option<GivenUp>,
    /// What was asked, where the server closed before the first byte of an answer.
    pub(super) closed_instead: Option<String>,
    /// Whether the system reported a RST.
    pub(super) was_reset: bool,
}

/// What a server chose of all that OpenSSL and Java offer.
#[derive(Default)]
pub(super) struct Offered {
    /// Its ServerHello, if it sent one.
    pub(super) hello: Option<ServerHello>,
    /// The bits of its Diffie-Hellman prime, where it chooses one.
    pub(super) prime_bits: Option<usize>,
    /// What the user demands of its certificate, and it does not meet.
    pub(super) unmet: Option<Unmet>,
}

/// Why a connection did not come to its task.
pub(super) enum Failure {
    /// TCP was not opened; the check left it at this time.
    Unopened(Timestamp),
    /// TLS with the proxy was not established.
    ProxyTls {
        /// What of the proxy's bytes is no TLS.
        violation: Option<String>,
    },
    /// The proxy opened no tunnel.
    NoTunnel,
    /// The server was asked for TLS and did not agree.
    Unencrypted {
        /// What it said.
        words: Option<String>,
        /// How the connection ended where that has no end.
        cut: Option<io::ErrorKind>,
    },
    /// The server agreed to TLS and sent more in clear.
    Injected {
        /// The bytes that it sent.
        len: usize,
        /// What they say.
        words: Option<String>,
    },
    /// TLS with the server was not established.
    Handshake(tls::Failed),
}

/// Where the check's time ended before the work of a connection did.
#[derive(Clone, Debug)]
pub(super) struct GivenUp {
    /// What the check was at.
    pub(super) phase: Phase,
    /// What it waited for, in words.
    pub(super) awaited: String,
    /// How long it had waited for that.
    pub(super) waited: Elapsed,
    /// What this host lacked by then to send what was not acknowledged.
    pub(super) lack: Option<&'static str>,
}

impl GivenUp {
    /// With nothing known of what this host lacked.
    pub(super) fn of(phase: Phase, awaited: String, waited: Elapsed) -> Self {
        Self { phase, awaited, waited, lack: None }
    }
}

impl ConnectionRecord {
    /// Of the connection of this client's end, with nothing known yet.
    pub(super) fn of(client: SocketAddr) -> Self {
        Self {
            knowledge: EndpointKnowledge::of(client),
            offer: None,
            spent: PhaseDurations::default(),
            listened: Duration::ZERO,
            answered: None,
            is_wrapped: false,
            unwrapped: None,
            tunnel: None,
            failure: None,
            asked: None,
            given_up: None,
            closed_instead: None,
            was_reset: false,
        }
    }

    /// The same, for a task.
    pub(super) fn begin(client: SocketAddr, task: &Task<'_>) -> Self {
        let offer = matches!(task, Task::Offer(_)).then(Offered::default);
        Self { offer, ..Self::of(client) }
    }

    /// Records that TCP did not open it, and that the check left it at this time.
    pub(super) fn leave_unopened(&mut self, at: Timestamp) {
        self.knowledge.closed = Some(at);
        self.failure = Some(Failure::Unopened(at));
    }

    /// Closes it, and keeps what its socket knows by then.
    pub(super) fn close(&mut self, channel: Channel<'_>) {
        self.was_reset = channel.was_reset();
        self.unwrapped = channel.unwrapped_by();
        self.knowledge.acks_unobservable |= channel.acks_unobservable();
        let is_good = self.failure.is_none() && self.given_up.is_none() && self.closed_instead.is_none();
        let (counters, lack) = channel.close(is_good);
        self.knowledge.counters = counters;
        if let Some(given_up) = &mut self.given_up {
            given_up.lack = lack;
        }
    }

    /// The client's end.
    pub(super) fn client(&self) -> SocketAddr {
        self.knowledge.client
    }

    /// What failed in the handshake with the server.
    fn handshake(&self) -> Option<&tls::Failed> {
        match &self.failure {
            Some(Failure::Handshake(failed)) => Some(failed),
            _ => None,
        }
    }

    /// Whether client and server had nothing in common.
    pub(super) fn is_refused(&self) -> bool {
        self.handshake().is_some_and(|failed| failed.is_no_choice)
    }

    /// Whether TLS was wanted and was not established.
    pub(super) fn is_unestablished(&self) -> bool {
        self.handshake().is_some_and(|failed| failed.refusal.is_none())
    }

    /// The alert by which the server refused the client's certificate after the handshake.
    pub(super) fn unidentified(&self) -> Option<AlertDescription> {
        self.handshake()?.refusal
    }

    /// The pin of the server's key, where it is not one of those that are wanted.
    pub(super) fn unpinned(&self) -> Option<&str> {
        self.handshake()?.unpinned.as_deref()
    }

    /// The demand that the server's certificate did not meet.
    pub(super) fn unmet(&self) -> Option<&Unmet> {
        self.handshake()?.unmet.as_ref()
    }

    /// What of the peer's bytes was no TLS, or breaks the protocol.
    pub(super) fn violation(&self) -> Option<&str> {
        match &self.failure {
            Some(Failure::ProxyTls { violation }) => violation.as_deref(),
            _ => self.handshake()?.violation.as_deref(),
        }
    }

    /// Whether TLS with the proxy failed.
    pub(super) fn failed_at_proxy(&self) -> bool {
        matches!(self.failure, Some(Failure::ProxyTls { .. }))
    }

    /// When the check left it, where TCP was not opened.
    pub(super) fn unopened(&self) -> Option<Timestamp> {
        match self.failure {
            Some(Failure::Unopened(at)) => Some(at),
            _ => None,
        }
    }

    /// Whether a proxy answered with a web page.
    pub(super) fn is_portal(&self) -> bool {
        self.tunnel.as_ref().is_some_and(|tunnel| tunnel.is_success() && !tunnel.is_open())
    }

    /// What the server said in place of an agreement to TLS, and how the connection ended where that has no end.
    pub(super) fn unencrypted(&self) -> Option<(Option<&str>, Option<io::ErrorKind>)> {
        match &self.failure {
            Some(Failure::Unencrypted { words, cut }) => Some((words.as_deref(), *cut)),
            _ => None,
        }
    }
}
