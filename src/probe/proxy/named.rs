//! Which proxy is to be used.

use std::fmt;
use std::net::IpAddr;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use schemars::JsonSchema;
use serde::Serialize;
use zeroize::Zeroizing;

use crate::probe::net::authority::host_and_port;
use crate::probe::secret::Secret;

/// The port of a proxy whose URL names none, as curl takes it.
const PORT: u16 = 1080;

/// The same of one that TLS is spoken with.
const TLS_PORT: u16 = 443;

/// How a proxy is spoken to, by the scheme of its URL.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum ProxyKind {
    /// By CONNECT (RFC 9110, 9.3.6).
    Http,
    /// By CONNECT, inside TLS with the proxy.
    Https,
    /// By SOCKS5 (RFC 1928), with the host's address.
    Socks5,
    /// By SOCKS5, with the host's name: the proxy looks it up.
    Socks5h,
}

impl ProxyKind {
    const ALL: [Self; 4] = [Self::Http, Self::Https, Self::Socks5, Self::Socks5h];

    /// Whether it is one of SOCKS.
    pub fn is_socks(self) -> bool {
        matches!(self, Self::Socks5 | Self::Socks5h)
    }
}

impl fmt::Display for ProxyKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Http => "http",
            Self::Https => "https",
            Self::Socks5 => "socks5",
            Self::Socks5h => "socks5h",
        })
    }
}

/// A proxy that is asked for a tunnel.
#[derive(Clone, Debug)]
pub struct Proxy {
    /// How it is spoken to.
    pub kind: ProxyKind,
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

/// Why a proxy can't be understood.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum ProxyError {
    /// Another version of SOCKS, for example.
    #[error("{0}:// proxies are not supported; use http://, https://, socks5:// or socks5h://")]
    Scheme(String),
    /// A password on the command line shows in the list of processes.
    #[error(
        "the proxy's URL must not contain a password; use --proxy-password-file or SSMSCOPE_PROXY_PASSWORD"
    )]
    Password,
    /// There is no host, or no port that is one.
    #[error("not http://[user@]host[:port], or the same with https://, socks5:// or socks5h://")]
    Form,
    /// SOCKS5 has one byte for a length (RFC 1928, 5, and RFC 1929, 2).
    #[error("SOCKS5 carries a {0} of 1 to 255 bytes")]
    Length(&'static str),
}

impl Proxy {
    /// From `http://[user@]host[:port]`, or the same with another scheme; an environment variable's may hold the password too.
    ///
    /// # Errors
    /// When it is not one, speaks another protocol, or shows a password where others can read it.
    pub fn parse(url: &str, named_by: &str, may_hold_password: bool) -> Result<Self, ProxyError> {
        let (kind, rest) = match url.split_once("://") {
            Some((scheme, rest)) => {
                let named = |kind: &ProxyKind| kind.to_string().eq_ignore_ascii_case(scheme);
                let kind = ProxyKind::ALL.into_iter().find(named);
                (kind.ok_or_else(|| ProxyError::Scheme(scheme.to_owned()))?, rest)
            }
            None => (ProxyKind::Http, url),
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
        let default = if kind == ProxyKind::Https { TLS_PORT } else { PORT };
        Ok(Self { kind, host, port: port.unwrap_or(default), user, password, named_by: named_by.to_owned() })
    }

    /// What the Proxy-Authorization field contains (RFC 7617), for a user that is known.
    pub(super) fn credentials(&self) -> Option<Zeroizing<String>> {
        let user = self.user.as_ref()?;
        let password = self.password.as_ref().map_or("", Secret::expose);
        let plain = Zeroizing::new(format!("{user}:{password}"));
        Some(Zeroizing::new(STANDARD.encode(plain.as_bytes())))
    }

    /// What must show in no output.
    pub(in crate::probe) fn secrets(&self) -> Vec<Secret> {
        let user = self.user.as_deref().unwrap_or_default();
        self.password.as_ref().map(|password| Secret::of_login(user, password)).unwrap_or_default()
    }

    /// Whether its protocol can carry the login, and the name of a host behind the proxy.
    ///
    /// # Errors
    /// What is too long.
    pub fn carries(&self, host: &str) -> Result<(), ProxyError> {
        let password = self.password.as_ref().map(Secret::expose);
        let parts = [("user name", self.user.as_deref()), ("password", password), ("host name", Some(host))];
        let is_carried = |part: &str| (1..=usize::from(u8::MAX)).contains(&part.len());
        let mut parts = parts.into_iter().filter_map(|(what, part)| Some((what, part?)));
        match parts.find(|(_, part)| self.kind.is_socks() && !is_carried(part)) {
            Some((what, _)) => Err(ProxyError::Length(what)),
            None => Ok(()),
        }
    }

    /// Which of its credentials can be read on the wire, unless they are sent inside TLS.
    pub fn in_clear(&self) -> Vec<Secret> {
        /// Shorter ones occur in any packet's headers by chance, which would be spoilt.
        const LEAST_PASSWORD: usize = 6;
        let Some(password) = &self.password else { return Vec::new() };
        let is_long = password.expose().len() >= LEAST_PASSWORD;
        let is_socks = self.kind.is_socks();
        let credentials = self.credentials().filter(|_| !is_socks);
        // RFC 1929, 2: the user name, and the password after its length.
        let login = self.user.as_ref().filter(|_| is_socks && !is_long).map(|user| {
            let len = u8::try_from(password.expose().len()).unwrap_or_default();
            Zeroizing::new(format!("{user}{}{}", char::from(len), password.expose()))
        });
        let texts = credentials.into_iter().chain(login);
        let texts = texts.map(|text| Secret::new(text.as_str().to_owned()));
        texts.chain(is_long.then(|| password.clone())).collect()
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

/// Percent-encoding removed; what is not encoded stays.
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
        for url in ["ftp://p", "socks4://p", "socks://p", "x://p"] {
            assert!(matches!(Proxy::parse(url, "", true), Err(ProxyError::Scheme(_))), "{url}");
        }
        assert_eq!(Proxy::parse("http://p:x", "", true).unwrap_err(), ProxyError::Form);
    }

    #[test]
    fn a_proxy_of_socks_is_named_by_its_scheme_and_carries_what_has_a_length_of_one_byte() {
        let parse = |url: &str| Proxy::parse(url, "HTTPS_PROXY", true).unwrap();
        assert_eq!(parse("socks5://p").kind, ProxyKind::Socks5);
        assert_eq!((parse("https://p").kind, parse("https://p").port), (ProxyKind::Https, 443));
        assert_eq!(
            (parse("HTTPS://joe:pw@p:8").user.as_deref(), parse("https://p:8").port),
            (Some("joe"), 8)
        );
        assert_eq!((parse("SOCKS5H://p:1081").kind, parse("socks5h://p").port), (ProxyKind::Socks5h, 1080));
        let long = "x".repeat(256);
        assert_eq!(parse("socks5://p").carries(&long), Err(ProxyError::Length("host name")));
        assert_eq!(parse(&format!("socks5://{long}:y@p")).carries("h"), Err(ProxyError::Length("user name")));
        assert_eq!(parse(&format!("socks5://:{long}@p")).carries("h"), Err(ProxyError::Length("user name")));
        assert_eq!(parse(&format!("http://{long}:y@p")).carries(&long), Ok(()));
        assert_eq!(parse("socks5h://joe:pw@p").carries("ssm.example"), Ok(()));
    }

    #[test]
    fn a_login_of_socks_is_covered_however_short_the_password_is() {
        let covered = |url: &str, message: &[u8]| {
            let mut bytes = message.to_vec();
            let proxy = Proxy::parse(url, "HTTPS_PROXY", true).unwrap();
            proxy.in_clear().iter().for_each(|secret| secret.cover_bytes(&mut bytes));
            bytes
        };
        assert_eq!(covered("socks5://joe:pw@p", b"\x01\x03joe\x02pw"), b"\x01\x03******");
        assert_eq!(covered("socks5://joe:secret@p", b"\x01\x03joe\x06secret"), b"\x01\x03joe\x06******");
        // Nothing else is spoilt.
        assert_eq!(covered("socks5://joe:pw@p", b"pw of joe"), b"pw of joe");
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

    proptest! {
        #[test]
        fn any_text_is_read_as_a_proxy(text: String) {
            let _ = (Proxy::parse(&text, "", true), is_excepted(&text, &text), decoded(&text));
        }
    }
}
