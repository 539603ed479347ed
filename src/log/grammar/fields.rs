//! Fields that several grammars have.

use std::net::IpAddr;

/// Method and path of a request's line, `POST /oauth/token HTTP/1.1`.
pub(super) fn request_line(line: &str) -> Option<(&str, &str)> {
    let (method, rest) = line.split_once(' ')?;
    let path = rest.split_once(' ').map_or(rest, |(path, _)| path);
    // RFC 9110, 9.1: methods are tokens, in capitals as far as registered.
    (!method.is_empty() && method.bytes().all(|byte| byte.is_ascii_uppercase())).then_some((method, path))
}

/// An address, which may have its port after it, or (pasted from a page that made a link of it) itself again: `10.0.0.1https://10.0.0.1`.
/// An IPv4 address in IPv6's form (RFC 4291, 2.5.5.2) is the IPv4 address that is on the wire.
pub(super) fn address(text: &str) -> Option<(IpAddr, Option<u16>)> {
    let (ip, port) = parsed(text)?;
    Some((ip.to_canonical(), port))
}

fn parsed(text: &str) -> Option<(IpAddr, Option<u16>)> {
    if let Some(rest) = text.strip_prefix('[') {
        let (ip, rest) = rest.split_once(']')?;
        return Some((ip.parse().ok()?, rest.strip_prefix(':').and_then(|port| port.parse().ok())));
    }
    let len = text.bytes().take_while(|byte| byte.is_ascii_hexdigit() || matches!(byte, b'.' | b':')).count();
    let head = text.get(..len)?;
    if let Ok(ip) = head.parse() {
        return Some((ip, None));
    }
    let (ip, port) = head.rsplit_once(':')?;
    Some((ip.parse().ok()?, port.parse().ok()))
}

/// The next `key=value`, quoted or not, and what follows.
pub(super) fn next_pair(text: &str) -> Option<(&str, &str)> {
    let text = text.trim_start();
    if text.is_empty() {
        return None;
    }
    let bytes = text.as_bytes();
    let mut from = 0;
    while let Some(at) = bytes.get(from..).and_then(|rest| memchr::memchr3(b' ', b'"', b'\'', rest)) {
        let at = from + at;
        let mark = bytes.get(at).copied()?;
        if mark == b' ' {
            return Some(text.split_at(at));
        }
        let close = bytes.get(at + 1..).and_then(|rest| memchr::memchr(mark, rest));
        from = close.map_or(bytes.len(), |close| at + close + 2);
    }
    Some((text, ""))
}

/// The tags that Rails puts before a line (`config.log_tags`), `[request id] [tenant]`, and what follows them.
pub(super) fn tags(text: &str) -> (&str, &str) {
    const MOST: usize = 4;
    let mut rest = text;
    for _ in 0..MOST {
        let after = rest.strip_prefix('[').and_then(|inside| inside.split_once("] "));
        let Some((_, after)) = after else { break };
        rest = after.trim_start();
    }
    let tags = text.strip_suffix(rest).unwrap_or_default();
    (tags.trim_end(), rest)
}

/// `23.91` milliseconds as nanoseconds.
pub(super) fn milliseconds(text: &str) -> Option<i64> {
    let number: f64 = text.parse().ok()?;
    // An hour: longer requests do not exist behind nginx.
    (0.0..3_600_000.0).contains(&number).then_some((number * 1e6) as i64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_may_have_a_port_or_itself_after_it() {
        let ip = |text: &str| text.parse::<IpAddr>().expect("an address");
        assert_eq!(address("10.0.0.1"), Some((ip("10.0.0.1"), None)));
        assert_eq!(address("10.0.0.1:443"), Some((ip("10.0.0.1"), Some(443))));
        assert_eq!(address("[2001:db8::1]:443"), Some((ip("2001:db8::1"), Some(443))));
        assert_eq!(address("2001:db8::1"), Some((ip("2001:db8::1"), None)));
        assert_eq!(address("10.66.76.85https://10.66.76.85"), Some((ip("10.66.76.85"), None)));
        assert_eq!(address("::ffff:10.0.0.1"), Some((ip("10.0.0.1"), None)));
        assert_eq!(address("[::ffff:10.0.0.1]:443"), Some((ip("10.0.0.1"), Some(443))));
        assert_eq!(address("unix:"), None);
    }
}
