//! A host and a port as URLs, HTTP and people write them (RFC 3986, 3.2).

use crate::cert;

/// A host and a port from `host`, `host:port`, `[address]:port` or an IPv6 address alone. An internationalized name becomes what
/// DNS and certificates have for it.
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
        Some(port) => {
            let is_number = port.bytes().all(|byte| byte.is_ascii_digit());
            Some(port.parse::<u16>().ok().filter(|port| is_number && *port > 0)?)
        }
        None => None,
    };
    let host = if host.is_ascii() { host.to_owned() } else { cert::comparable(host)? };
    is_host.then_some((host, port))
}

/// An address without its zone (RFC 4007, 11), and the zone: `fe80::1%eth0` or `[fe80::1%eth0]:443` has `eth0`. No interface's
/// name contains a colon, so what follows one is a port, as in `fe80::1%eth0:443`.
pub fn without_zone(text: &str) -> (String, Option<&str>) {
    let Some((before, rest)) = text.split_once('%') else { return (text.to_owned(), None) };
    if let Some((zone, port)) = rest.split_once(':').filter(|_| !rest.contains(']')) {
        return (format!("[{before}]:{port}"), Some(zone));
    }
    let (zone, after) = rest.find(']').map_or((rest, ""), |end| rest.split_at(end));
    (format!("{before}{after}"), Some(zone))
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
            ("münchen.example:443", "xn--mnchen-3ya.example", Some(443)),
        ] {
            assert_eq!(host_and_port(text), Some((host.to_owned(), port)), "{text}");
        }
        for text in [
            "",
            ":443",
            "a:0",
            "a:70000",
            "a:x",
            "[ssm]:443",
            "[::1]443",
            "https://a",
            "a b",
            "a/b",
            "ü-.example",
        ] {
            assert_eq!(host_and_port(text), None, "{text}");
        }
        assert_eq!(authority("2001:db8::1", 443), "[2001:db8::1]:443");
    }

    #[test]
    fn a_zone_is_cut_out_of_an_address() {
        assert_eq!(without_zone("fe80::1%eth0"), ("fe80::1".to_owned(), Some("eth0")));
        assert_eq!(without_zone("[fe80::1%2]:443"), ("[fe80::1]:443".to_owned(), Some("2")));
        assert_eq!(without_zone("fe80::1"), ("fe80::1".to_owned(), None));
        assert_eq!(without_zone("fe80::1%eth0:443"), ("[fe80::1]:443".to_owned(), Some("eth0")));
        assert_eq!(host_and_port(&without_zone("fe80::1%eth0:x").0), None);
    }
}
