//! What precedes TLS on a connection: a proxy's tunnel, and the request for TLS.

use std::net::IpAddr;
use std::time::Instant;

use super::Plan;
use super::http::tls;
use super::net::socket::Channel;
use super::proxy::{self, Proxy, Tunnel};
use super::record::Failure;
use super::starttls::{self, Answer, Unanswered};
use super::step::Phase;

/// What came before TLS.
pub(super) struct Before {
    /// The proxy's answer.
    pub(super) tunnel: Option<Tunnel>,
    /// When it came.
    pub(super) tunnelled: Option<Instant>,
    pub(super) failed: Option<Failed>,
}

/// What failed before TLS.
pub(super) struct Failed {
    pub(super) failure: Failure,
    pub(super) phase: Phase,
    /// What was awaited.
    pub(super) awaited: String,
}

/// What precedes TLS: a proxy's tunnel, and the request for TLS.
pub(super) fn before_tls(plan: &Plan, behind: Option<IpAddr>, channel: &mut Channel<'_>) -> Before {
    let mut tunnel = plan.proxy.as_ref().map(|proxy| tunnel(plan, proxy, behind, channel));
    // A server that speaks TLS says nothing before the ClientHello.
    if plan.starttls.is_none()
        && let Some(tunnel) = tunnel.as_mut().filter(|tunnel| tunnel.is_open())
        && let Some(what) = proxy::after_tunnel(channel)
    {
        channel.tape().note(what.clone());
        tunnel.unread = Some(what);
    }
    let tunnelled = tunnel.as_ref().map(|_| Instant::now());
    let is_refused = tunnel.as_ref().is_some_and(|tunnel| !tunnel.is_open());
    if !is_refused {
        // What follows is the server's.
        channel.cover(Vec::new());
    }
    let before = |failed| Before { tunnel, tunnelled, failed };
    if is_refused {
        let awaited = "a tunnel".to_owned();
        return before(Some(Failed { failure: Failure::NoTunnel, phase: Phase::Proxy, awaited }));
    }
    let Some(protocol) = plan.starttls else { return before(None) };
    let (failure, awaited) = match starttls::open(channel, protocol, &plan.host) {
        Ok(Answer::Agrees) => return before(None),
        Ok(Answer::Refuses(words)) => (Failure::Unencrypted { words, cut: None }, String::new()),
        Ok(Answer::Injects(len, words)) => {
            channel.tape().note("the unencrypted data after the STARTTLS reply is not read as part of TLS");
            (Failure::Injected { len, words }, String::new())
        }
        Err(Unanswered { error, words, awaited }) => {
            channel.tape().note(format!("the server owes {awaited}: {}", tls::ended(&error)));
            (Failure::Unencrypted { words, cut: Some(error.kind()) }, awaited)
        }
    };
    before(Some(Failed { failure, phase: Phase::StartTls, awaited }))
}

/// Asks the proxy for a tunnel.
fn tunnel(plan: &Plan, proxy: &Proxy, behind: Option<IpAddr>, channel: &mut Channel<'_>) -> Tunnel {
    let answer = proxy::open(channel, proxy, &plan.host, behind, plan.port);
    answer.unwrap_or_else(|error| {
        channel.tape().note(format!("the proxy does not answer: {}", tls::ended(&error)));
        Tunnel::default()
    })
}
