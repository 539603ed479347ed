//! Proxies: which one is to be used, and the tunnel through it.

mod connect;
mod named;
mod socks;
mod tls;
mod tunnel;

use std::io::{self, Read};
use std::net::IpAddr;
use std::time::Instant;

pub use named::{Proxy, ProxyError, ProxyKind, is_excepted};
pub(super) use tls::ProxyTls;
pub use tunnel::Tunnel;

use super::net::authority::authority;
use super::net::socket::Channel;
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

/// What came behind the proxy's agreement by now, in a sentence: a tunnel to a server that speaks TLS is silent then.
pub(super) fn unasked(channel: &mut Channel<'_>) -> Option<String> {
    const SHOWN: usize = 60;
    if !channel.waits_until(Instant::now()).ok()? {
        return None;
    }
    let mut came = [0; 1_024];
    let len = channel.read(&mut came).ok().filter(|len| *len > 0)?;
    let text = String::from_utf8_lossy(came.get(..len)?);
    // What is shown may be a part of it, and no part of a secret may be left.
    let text: String = channel.tape().cover(&text).chars().take(SHOWN).collect();
    Some(format!(
        "the proxy agrees to the tunnel, and sends this before anything was said inside: \"{}\"",
        text.escape_debug()
    ))
}
