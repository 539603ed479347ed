//! What is to be checked, and how.

use std::sync::Arc;

use super::http::proxy::Proxy;
use super::http::tls::Identity;
use super::net::dns::Family;
use super::token::Request as Token;
use crate::analysis::Settings;
use crate::cert::Anchors;
use crate::time::Elapsed;

/// One attempt.
#[derive(Clone, Debug)]
pub struct Plan {
    /// The host's name or address.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// Only addresses of this family.
    pub family: Option<Family>,
    /// Whether every address is tried, not only until one answers.
    pub tries_all_addresses: bool,
    /// How long all of it may take.
    pub timeout: Elapsed,
    /// Through this proxy.
    pub proxy: Option<Proxy>,
    /// How TLS is spoken.
    pub tls: TlsPlan,
    /// A token is asked for.
    pub token: Option<Token>,
    /// A page is asked for.
    pub page: Option<Page>,
    /// How what comes is judged.
    pub settings: Settings,
}

/// How TLS is spoken.
#[derive(Clone, Debug)]
pub struct TlsPlan {
    /// The versions that are offered.
    pub versions: Vec<&'static rustls::SupportedProtocolVersion>,
    /// The server's name in the ClientHello; none is sent where the host is an address, or where it is empty.
    pub server_name: Option<String>,
    /// The name that the certificate must bear.
    pub wanted: String,
    /// Application protocols that are offered.
    pub protocols: Vec<String>,
    /// Whom the probe trusts.
    pub anchors: Arc<Anchors>,
    /// Whether a certificate that a client would refuse is taken all the same.
    pub is_insecure: bool,
    /// The certificate that the probe shows if it is asked for one.
    pub identity: Option<Arc<Identity>>,
    /// Whether a second connection is to resume the first one's session.
    pub resumes: bool,
}

/// A page that is asked for, and what is expected of it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Page {
    /// Its path, from `/` on.
    pub path: String,
    /// The statuses that are expected, from and to; else any below 400.
    pub statuses: Vec<(u16, u16)>,
    /// A text that its body must hold.
    pub text: Option<String>,
}

/// A host and a port from `host`, `host:port`, `[address]:port` or an IPv6 address alone.
pub fn host_and_port(text: &str) -> Option<(String, Option<u16>)> {
    let (host, port) = match text.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        Some((host, "")) => (host, None),
        Some((host, rest)) => (host, Some(rest.strip_prefix(':')?)),
        None if text.matches(':').count() > 1 => (text, None),
        None => match text.split_once(':') {
            Some((host, port)) => (host, Some(port)),
            None => (text, None),
        },
    };
    let is_bracketed = text.starts_with('[');
    let is_name = |character: char| character.is_alphanumeric() || "-._".contains(character);
    let is_host = match host.parse::<std::net::IpAddr>() {
        Ok(address) => !is_bracketed || address.is_ipv6(),
        Err(_) => !is_bracketed && !host.is_empty() && host.chars().all(is_name),
    };
    let port = match port {
        Some(port) => Some(port.parse::<u16>().ok().filter(|port| *port > 0)?),
        None => None,
    };
    is_host.then(|| (host.to_owned(), port))
}

/// A host and a port as URLs and HTTP write them.
pub fn authority(host: &str, port: u16) -> String {
    if host.contains(':') { format!("[{host}]:{port}") } else { format!("{host}:{port}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_are_read_with_and_without_a_port() {
        for (text, host, port) in [
            ("ssm.example", "ssm.example", None),
            ("ssm.example:443", "ssm.example", Some(443)),
            ("192.0.2.1:8443", "192.0.2.1", Some(8443)),
            ("2001:db8::1", "2001:db8::1", None),
            ("[2001:db8::1]", "2001:db8::1", None),
            ("[2001:db8::1]:443", "2001:db8::1", Some(443)),
        ] {
            assert_eq!(host_and_port(text), Some((host.to_owned(), port)), "{text}");
        }
        for text in ["", ":443", "a:0", "a:70000", "a:x", "[ssm]:443", "[::1]443", "https://a", "a b", "a/b"]
        {
            assert_eq!(host_and_port(text), None, "{text}");
        }
        assert_eq!(authority("2001:db8::1", 443), "[2001:db8::1]:443");
    }
}
