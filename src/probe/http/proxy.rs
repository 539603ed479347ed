//! HTTP proxies: which one is to be used, and the tunnel through it.

use std::io::{self, Read, Write};
use std::net::IpAddr;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use zeroize::Zeroizing;

use super::exchange::{self, Failure};
use crate::limits;
use crate::probe::net::authority::{authority, host_and_port};
use crate::probe::net::socket::Channel;
use crate::probe::secret::Secret;
use crate::probe::step::Phase;

/// The port of a proxy whose URL names none, as curl takes it.
const PORT: u16 = 1080;

/// A proxy that is asked for a tunnel (RFC 9110, 9.3.6).
#[derive(Clone, Debug)]
pub struct Proxy {
    /// Its name or address.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// The user name that it gets.
    pub user: Option<String>,
    /// And that user's password.
    pub password: Option<Secret>,
    /// Where it was named: an option, or an environment variable.
    pub named_by: String,
}

/// What the proxy answered.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct Tunnel {
    /// The status of its answer; absent where none came that can be read.
    pub status: Option<u16>,
    /// The schemes by which it wants to know who asks, from Proxy-Authenticate.
    pub schemes: Vec<String>,
    /// Whether a success brings a web page in place of the tunnel, as a captive portal's does.
    pub is_page: bool,
    /// Where a redirect in place of the tunnel leads.
    pub target: Option<String>,
    /// In a sentence why what came can't be read as an answer; absent where nothing came.
    pub unread: Option<String>,
}

/// Why a proxy can't be understood.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum ProxyError {
    /// TLS to a proxy, or SOCKS, is not spoken here.
    #[error("{0}: only http:// proxies are spoken to")]
    Scheme(String),
    /// A password on the command line shows in the list of processes.
    #[error(
        "a password must not be in the proxy's URL: --proxy-password-file or SSMSCOPE_PROXY_PASSWORD takes it"
    )]
    Password,
    /// There is no host, or no port that is one.
    #[error("not http://[user@]host[:port]")]
    Form,
}

impl Proxy {
    /// From `http://[user@]host[:port]`; an environment variable's may hold the password too.
    ///
    /// # Errors
    /// When it is none, speaks another protocol, or shows a password where others can read it.
    pub fn parse(url: &str, named_by: &str, may_hold_password: bool) -> Result<Self, ProxyError> {
        let rest = match url.split_once("://") {
            Some((scheme, rest)) if scheme.eq_ignore_ascii_case("http") => rest,
            Some((scheme, _)) => return Err(ProxyError::Scheme(scheme.to_owned())),
            None => url,
        };
        let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
        let (user_info, place) = match authority.rsplit_once('@') {
            Some((user_info, place)) => (Some(user_info), place),
            None => (None, authority),
        };
        let (user, password) = match user_info.map(|info| info.split_once(':').unwrap_or((info, ""))) {
            None => (None, None),
            Some((_, password)) if !password.is_empty() && !may_hold_password => {
                return Err(ProxyError::Password);
            }
            Some((user, password)) => {
                let password = (!password.is_empty()).then(|| Secret::new(decoded(password)));
                (Some(decoded(user)), password)
            }
        };
        let (host, port) = host_and_port(place).ok_or(ProxyError::Form)?;
        Ok(Self { host, port: port.unwrap_or(PORT), user, password, named_by: named_by.to_owned() })
    }

    /// What the Proxy-Authorization field contains (RFC 7617), for a user that is known.
    fn credentials(&self) -> Option<Zeroizing<String>> {
        let user = self.user.as_ref()?;
        let password = self.password.as_ref().map_or("", Secret::expose);
        let plain = Zeroizing::new(format!("{user}:{password}"));
        Some(Zeroizing::new(STANDARD.encode(plain.as_bytes())))
    }

    /// What of its credentials goes over the wire in clear, and is not to be shown or saved.
    pub fn in_clear(&self) -> Vec<Secret> {
        /// Shorter ones occur in any packet's headers by chance, which would be spoilt.
        const LEAST_PASSWORD: usize = 6;
        let credentials = self.credentials().map(|text| Secret::new(text.as_str().to_owned()));
        let password = self.password.clone().filter(|password| password.expose().len() >= LEAST_PASSWORD);
        credentials.into_iter().chain(password).collect()
    }
}

/// Whether NO_PROXY excepts a host: `*`, names with what is before them, addresses and prefixes, separated by commas.
pub fn is_excepted(host: &str, exceptions: &str) -> bool {
    let address = host.parse::<IpAddr>().ok();
    exceptions.split([',', ' ']).map(str::trim).filter(|item| !item.is_empty()).any(|item| {
        if let (Some(address), Ok(prefix)) = (address, item.parse::<ipnet::IpNet>()) {
            return prefix.contains(&address);
        }
        let name = item.trim_start_matches("*.").trim_start_matches('.');
        let host = host.trim_end_matches('.');
        let is_below = || {
            let before = host.len().checked_sub(name.len() + 1);
            before.is_some_and(|dot| {
                host.get(dot..).is_some_and(|end| {
                    end.strip_prefix('.').is_some_and(|end| end.eq_ignore_ascii_case(name))
                })
            })
        };
        item == "*" || host.eq_ignore_ascii_case(name) || is_below()
    })
}

/// Asks for a tunnel to the host.
pub(in crate::probe) fn open(
    channel: &mut Channel<'_>,
    proxy: &Proxy,
    host: &str,
    port: u16,
) -> io::Result<Tunnel> {
    let authority = authority(host, port);
    channel.tape().enter(Phase::Proxy);
    channel.tape().note(format!("ask the proxy for a tunnel to {authority}"));
    let mut request = Zeroizing::new(format!("CONNECT {authority} HTTP/1.1\r\nHost: {authority}\r\n"));
    if let Some(credentials) = proxy.credentials() {
        channel.cover(proxy.in_clear());
        for part in ["Proxy-Authorization: Basic ", &credentials, "\r\n"] {
            request.push_str(part);
        }
    }
    request.push_str("\r\n");
    channel.write_all(request.as_bytes())?;
    let mut came = Vec::new();
    loop {
        let mut buffer = [0; 4096];
        let len = match channel.read(&mut buffer) {
            Err(error) if !came.is_empty() && error.kind() != io::ErrorKind::TimedOut => {
                return Ok(Tunnel::unread(Failure::CutShort(came.len(), error).of("CONNECT")));
            }
            read => read?,
        };
        came.extend_from_slice(buffer.get(..len).unwrap_or_default());
        match answer(&came) {
            Some((tunnel, rest)) => {
                let status =
                    tunnel.status.map_or("what is no HTTP".to_owned(), |status| format!("status {status}"));
                channel.unread(came.get(rest..).unwrap_or_default());
                let offers = match tunnel.schemes.as_slice() {
                    [] => String::new(),
                    schemes => format!(", and takes {}", schemes.join(", ")),
                };
                channel.tape().note(format!("the proxy answers {status}{offers}"));
                return Ok(tunnel);
            }
            None if came.is_empty() && len == 0 => return Ok(Tunnel::default()),
            None if len == 0 => {
                let ended = io::ErrorKind::UnexpectedEof.into();
                return Ok(Tunnel::unread(Failure::CutShort(came.len(), ended).of("CONNECT")));
            }
            None if came.len() > limits::HTTP_HEAD_BYTES => {
                return Ok(Tunnel::unread(Failure::too_long().of("CONNECT")));
            }
            None => {}
        }
    }
}

/// What an answer's head contains, once it is whole or can't be one, and the length of what precedes the tunnel's bytes.
fn answer(bytes: &[u8]) -> Option<(Tunnel, usize)> {
    let (len, head) = match exchange::head(bytes) {
        Ok(head) => head?,
        Err(failure) => return Some((Tunnel::unread(failure.of("CONNECT")), bytes.len())),
    };
    let schemes = head.headers.get_all("proxy-authenticate").iter().filter_map(|value| {
        let text = String::from_utf8_lossy(value.as_bytes());
        let scheme = text.split_whitespace().next()?;
        Some(scheme.chars().take(limits::PEER_WORDS).collect())
    });
    // A tunnel's answer has no content (RFC 9110, 9.3.6), and so no type.
    let kind = head.headers.get("content-type").and_then(|value| value.to_str().ok());
    let is_page = kind.is_some_and(|kind| kind.to_ascii_lowercase().contains("html"));
    let target = exchange::redirect(head.status, &head.headers);
    let (status, schemes) = (Some(head.status), schemes.collect());
    Some((Tunnel { status, schemes, is_page, target, unread: None }, len))
}

impl Tunnel {
    /// By an answer that can't be read, and why.
    fn unread(why: String) -> Self {
        Self { unread: Some(why), ..Self::default() }
    }

    /// Whether the proxy says that the tunnel is open: any 2xx (RFC 9110, 9.3.6).
    pub(in crate::probe) fn is_success(&self) -> bool {
        self.status.is_some_and(|status| (200..300).contains(&status))
    }

    /// Whether the tunnel is open.
    pub fn is_open(&self) -> bool {
        self.is_success() && !self.is_page
    }
}

/// Percent-encoding taken back; what is none stays.
fn decoded(text: &str) -> String {
    percent_encoding::percent_decode_str(text).decode_utf8_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_proxy_is_read_from_its_url_and_no_password_with_it() {
        let proxy = Proxy::parse("http://joe%40x@proxy.example:3128/", "--proxy", false).unwrap();
        assert_eq!(
            (proxy.host.as_str(), proxy.port, proxy.user.as_deref()),
            ("proxy.example", 3128, Some("joe@x"))
        );
        assert_eq!(Proxy::parse("[2001:db8::1]:8080", "--proxy", false).unwrap().host, "2001:db8::1");
        assert_eq!(Proxy::parse("http://joe:pw@p", "--proxy", false).unwrap_err(), ProxyError::Password);
        let proxy = Proxy::parse("http://joe:p%77@p", "HTTPS_PROXY", true).unwrap();
        assert_eq!(proxy.in_clear()[0].expose(), "am9lOnB3");
        assert!(!format!("{proxy:?}").contains("pw"));
        assert!(matches!(Proxy::parse("socks5://p", "", true), Err(ProxyError::Scheme(_))));
        assert_eq!(Proxy::parse("http://p:x", "", true).unwrap_err(), ProxyError::Form);
    }

    #[test]
    fn exceptions_are_names_domains_addresses_and_prefixes() {
        let exceptions = "localhost, .example.net,*.example.org 10.0.0.0/8,192.0.2.1";
        for host in
            ["localhost", "ssm.example.net", "example.net", "a.example.org", "10.106.66.55", "192.0.2.1"]
        {
            assert!(is_excepted(host, exceptions), "{host}");
        }
        for host in ["ssm.example", "badexample.net", "11.0.0.1", ""] {
            assert!(!is_excepted(host, exceptions), "{host}");
        }
        assert!(is_excepted("any", "*") && !is_excepted("any", ""));
    }

    #[test]
    fn an_answer_is_read_when_its_head_is_whole() {
        assert_eq!(answer(b"HTTP/1.1 407 No"), None);
        let tunnel = |bytes: &[u8]| answer(bytes).expect("a whole answer").0;
        let refused = tunnel(
            b"HTTP/1.1 407 No\r\nProxy-Authenticate: Negotiate\r\nProxy-Authenticate: Basic realm=x\r\n\r\n",
        );
        let schemes = vec!["Negotiate".to_owned(), "Basic".to_owned()];
        assert_eq!(refused, Tunnel { status: Some(407), schemes, ..Tunnel::default() });
        assert!(tunnel(b"HTTP/1.0 200 OK\r\n\r\n").is_open());
        let portal = tunnel(b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\r\n<html>");
        assert!(portal.is_success() && !portal.is_open());
        let other = tunnel(b"SSH-2.0-x\r\n");
        assert_eq!(other.status, None);
        assert!(other.unread.is_some_and(|why| why.contains("SSH-2.0-x")));
    }

    #[test]
    fn an_informational_answer_is_followed_by_the_final_one_and_that_by_the_tunnel_s_bytes() {
        let informed = b"HTTP/1.1 100 Continue\r\n\r\n";
        assert_eq!(answer(informed), None);
        let all = [&informed[..], b"HTTP/1.1 200 OK\r\n\r\nSSH-2.0-x\r\n"].concat();
        let (tunnel, len) = answer(&all).expect("a whole answer");
        assert!(tunnel.is_open());
        assert_eq!(&all[len..], b"SSH-2.0-x\r\n");
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_as_an_answer(bytes: Vec<u8>) {
            let _ = answer(&bytes);
        }

        #[test]
        fn any_text_is_read_as_a_proxy(text: String) {
            let _ = (Proxy::parse(&text, "", true), is_excepted(&text, &text), decoded(&text));
        }
    }
}
