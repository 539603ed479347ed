//! Proxies: which one is to be used, and the tunnel through it.

mod connect;
mod named;
mod socks;
mod tls;
mod tunnel;

use std::io;
use std::net::IpAddr;

pub use named::{Proxy, ProxyError, ProxyKind, is_excepted};
pub(super) use tls::{ProxyTls, Refused};
pub use tunnel::Tunnel;

use super::net::authority::authority;
use super::net::socket::Channel;
use super::quote;
use super::step::Phase;
use socks::Target;

/// Asks a proxy for a tunnel to a port of a host: by the address, where there is one, else by the name.
pub(super) fn open(
    channel: &mut Channel<'_>,
    proxy: &Proxy,
    host: &str,
    address: Option<IpAddr>,
    port: u16,
) -> io::Result<Tunnel> {
    let place = match address {
        Some(address) => authority(&address.to_string(), port),
        None => authority(host, port),
    };
    channel.tape().enter(Phase::Proxy);
    channel.tape().note(format!("ask the proxy for a tunnel to {place}"));
    match proxy.kind {
        ProxyKind::Http | ProxyKind::Https => connect::open(channel, proxy, &place),
        ProxyKind::Socks5 | ProxyKind::Socks5h => {
            socks::open(channel, proxy, address.map_or(Target::Name(host), Target::Address), port)
        }
    }
}

/// What came after the proxy's agreement so far, in a sentence: a tunnel to a server that speaks TLS is silent at that point.
pub(super) fn after_tunnel(channel: &mut Channel<'_>) -> Option<String> {
    let came = channel.came_by_now().ok().filter(|came| !came.is_empty())?;
    let text = quote::begin(&came, channel.tape());
    Some(format!(
        "the proxy agrees to the tunnel, and sends this before anything was sent inside: \"{text}\""
    ))
}
