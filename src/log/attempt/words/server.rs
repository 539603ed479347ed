//! The server that a text names.

use std::net::IpAddr;

use crate::log::text::find;

/// A server as a text names it.
#[derive(Clone, Copy, Default, PartialEq, Eq, Debug)]
pub(in crate::log::attempt) struct Named<'a> {
    pub host: Option<&'a str>,
    pub ip: Option<IpAddr>,
    pub port: Option<u16>,
}

/// The server of Apache's `Connect to HOST:PORT [HOST/IP] failed`.
pub(super) fn connect_to(text: &str) -> Option<Named<'_>> {
    let rest = &text[find(text, "connect to ")? + "connect to ".len()..];
    let (target, after) = rest.split_once(' ')?;
    let (host, port) = target.rsplit_once(':')?;
    let inside = after.strip_prefix('[').and_then(|after| after.split_once(']')).map(|(inside, _)| inside);
    // There may be several comma-separated addresses; each was tried, so none identifies the server.
    let ip = inside
        .filter(|inside| !inside.contains(','))
        .and_then(|inside| inside.rsplit_once('/'))
        .and_then(|(_, ip)| ip.parse().ok());
    Some(named(host, port.parse().ok(), ip))
}

/// The server of an URL.
pub(super) fn url(text: &str) -> Option<Named<'_>> {
    text.contains("://").then_some(())?;
    let scheme = find(text, "https://").map(|at| (at + 8, 443));
    let (at, usual) = scheme.or_else(|| find(text, "http://").map(|at| (at + 7, 80)))?;
    let rest = text.get(at..)?;
    let end = rest.find(['/', '?', '#', ' ', '"', '\'', '>', ')', ',', ']']);
    let end = if rest.starts_with('[') {
        rest.find(']').map(|close| {
            close + rest[close..].find(['/', '?', ' ', '"', '\'', ',']).unwrap_or(rest.len() - close)
        })
    } else {
        end
    };
    let authority = rest.get(..end.unwrap_or(rest.len()))?;
    let authority = authority.rsplit('@').next()?;
    // Cut off before the port, the port is not known.
    let is_whole = end.is_some();
    let (host, port) = match authority.rsplit_once(':') {
        Some((host, port)) if !port.ends_with(']') => (host, port.parse().ok().filter(|_| is_whole)),
        _ => (authority, is_whole.then_some(usual)),
    };
    (!host.is_empty() && is_whole).then(|| named(host, port, None))
}

/// The server of an exception that has nothing but the name.
pub(super) fn unknown_host(text: &str) -> Option<Named<'_>> {
    let at = find(text, "unknownhostexception: ")? + "unknownhostexception: ".len();
    let host = text[at..].split([' ', ':', ',', '"', ')']).next()?;
    (!host.is_empty()).then(|| named(host, None, None))
}

fn named(host: &str, port: Option<u16>, ip: Option<IpAddr>) -> Named<'_> {
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    let own = bare.parse().ok();
    Named { host: own.is_none().then_some(host), ip: ip.or(own), port }
}

#[cfg(test)]
mod tests {
    use super::super::read;
    use super::*;

    #[test]
    fn a_server_is_found_in_urls_and_exceptions() {
        let ip = |text: &str| Some(text.parse::<IpAddr>().expect("an address"));
        for (text, host, address, port) in [
            ("Query https://ssm.example:8443/oauth/token", Some("ssm.example"), None, Some(8443)),
            ("Query https://10.106.66.55/oauth", None, ip("10.106.66.55"), Some(443)),
            ("Query https://[2001:db8::1]:8443/oauth", None, ip("2001:db8::1"), Some(8443)),
            ("Query https://u:p@ssm.example:8443/", Some("ssm.example"), None, Some(8443)),
            ("Query https://ssm.examp", None, None, None),
            (
                "Connect to ssm.example:8443 [ssm.example/10.0.0.1] failed: Connection refused",
                Some("ssm.example"),
                ip("10.0.0.1"),
                Some(8443),
            ),
            ("Connect to ssm:8443 [ssm/10.0.0.1, ssm/10.0.0.2] failed: x", Some("ssm"), None, Some(8443)),
            ("java.net.UnknownHostException: no-such-host.example", Some("no-such-host.example"), None, None),
            ("nothing", None, None, None),
        ] {
            assert_eq!(read(text).server, Named { host, ip: address, port }, "{text}");
        }
    }
}
