//! nginx's access log: the common and the combined format, and any other that is given as nginx's `log_format` has it.
//!
//! ```text
//! 10.66.76.85 - - [13/Jan/2023:11:17:01 +0000] "POST /oauth/token HTTP/1.1" 401 53 "-" "Java/17.0.15"
//! ```
//!
//! The line is written when the request has been answered, or when its client gave up (499). Unless a custom format has them, it
//! gives neither the client's port nor how long it took.

use std::borrow::Cow;
use std::net::IpAddr;

use super::fields::{address, request_line};
use super::{Entry, Fact, Grammar, Level, Request};
use crate::limits;
use crate::log::stamp;

/// Reads one line in the common or the combined format, cut anywhere after its time.
pub(super) fn read(line: &str) -> Option<Entry<'_>> {
    // RFC 1413's identity and the user are between the address and the time; neither is long.
    const WIDEST: usize = 200;
    let head = crate::log::text::head(line, WIDEST);
    // The ingress controller of Kubernetes has had an address in brackets before the time.
    let opens = head.match_indices('[').map(|(open, _)| open).filter(|open| head[..*open].ends_with(' '));
    let mut timed = opens.filter_map(|open| Some((open, stamp::access(line.get(open + 1..)?)?)));
    let (open, (stamp, rest)) = timed.next()?;
    // HAProxy has milliseconds there; S3, and others who write the time in the same way, have no request after it.
    let is_cut_in_time = rest.bytes().all(|byte| byte.is_ascii_digit() || byte == b' ');
    let is_access = stamp.digits == 0
        && (rest.starts_with("] \"") || "] \"".starts_with(rest) || rest.len() < 6 && is_cut_in_time);
    is_access.then_some(())?;
    let mut request = Request::default();
    if let Some((ip, port)) = client(head.get(..open)?)? {
        (request.client, request.client_port) = (Some(ip), port);
    }
    if let Some(quoted) = rest.strip_prefix("] \"") {
        let end = quoted.find('"');
        take_line(&mut request, quoted.get(..end.unwrap_or(quoted.len()))?);
        let after = end.and_then(|end| quoted.get(end + 1..)).unwrap_or_default();
        let after = after.trim_start();
        request.status = status(after);
        request.body_bytes = request.status.and_then(|_| bytes(after.get(3..)?));
    }
    let mut entry = Entry::new(Grammar::NginxAccess, line);
    entry.stamp = Some(stamp);
    entry.level = level(request.status);
    entry.fact = Fact::Request(request);
    Some(entry)
}

/// The client, from what precedes the time; nothing if that is not an access line's, but has a margin before it.
#[expect(clippy::option_option, reason = "a line without a client's address is a line")]
fn client(before: &str) -> Option<Option<(IpAddr, Option<u16>)>> {
    let mut words = before.split(' ').filter(|word| !word.is_empty());
    let first = words.next()?.trim_matches('"');
    if let Some(found) = address(first) {
        return Some(Some(found));
    }
    // Apache's `%v:%p`, or a name in the client's place.
    let name = first.rsplit_once(':').map_or(first, |(name, port)| {
        if port.bytes().all(|byte| byte.is_ascii_digit()) { name } else { first }
    });
    let is_name = first == "unix:"
        || name.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_'));
    let second = words.next()?;
    (is_name && !name.is_empty() && !matches!(second, "|" | ">")).then(|| address(second))
}

/// The bytes of the answer's body after its status; nothing if the line may be cut within them.
fn bytes(after: &str) -> Option<u64> {
    let (digits, _) = after.trim_start().split_once(' ')?;
    digits.parse().ok()
}

/// Three digits that end there, since more may have been cut off.
pub(super) fn status(text: &str) -> Option<u16> {
    let digits = text.get(..3)?;
    let is_whole = digits.bytes().all(|byte| byte.is_ascii_digit())
        && !text[3..].starts_with(|next: char| next.is_ascii_digit());
    is_whole.then(|| digits.parse().ok()).flatten()
}

pub(super) fn level(status: Option<u16>) -> Level {
    match status {
        Some(500..) => Level::Error,
        Some(400..) => Level::Warning,
        _ => Level::Info,
    }
}

pub(super) fn take_line<'a>(request: &mut Request<'a>, line: &'a str) {
    // A TLS record (RFC 8446, 5.1) where a request was expected, as nginx escapes it.
    request.is_tls = line.starts_with("\\x16\\x03") || line.starts_with("\u{16}\u{3}");
    if let Some((method, path)) = request_line(line) {
        (request.method, request.path) = (Some(method), Some(path));
    }
}

/// A format of an access log.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct AccessFormat(Vec<Element>);

/// Why a format can't be used.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("the log format {what}")]
pub struct AccessFormatError {
    /// What is wrong with it.
    what: &'static str,
}

#[derive(Clone, PartialEq, Eq, Debug)]
enum Element {
    Text(Box<str>),
    Variable(Variable),
}

/// nginx's variables, as far as they say when, who and what.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Variable {
    Address,
    Port,
    TimeLocal,
    TimeIso,
    Seconds,
    RequestLine,
    Method,
    Path,
    Status,
    Duration,
    Host,
    Connection,
    BodyBytes,
    SentBytes,
    Other,
}

impl Variable {
    fn of(name: &str) -> Self {
        match name {
            "remote_addr" | "realip_remote_addr" | "proxy_protocol_addr" => Self::Address,
            "remote_port" | "realip_remote_port" | "proxy_protocol_port" => Self::Port,
            "time_local" => Self::TimeLocal,
            "time_iso8601" => Self::TimeIso,
            "msec" => Self::Seconds,
            "request" => Self::RequestLine,
            "request_method" => Self::Method,
            "request_uri" | "uri" => Self::Path,
            "status" => Self::Status,
            "request_time" => Self::Duration,
            "host" | "http_host" | "server_name" | "ssl_server_name" => Self::Host,
            "connection" => Self::Connection,
            "body_bytes_sent" => Self::BodyBytes,
            "bytes_sent" => Self::SentBytes,
            _ => Self::Other,
        }
    }
}

impl AccessFormat {
    /// From a format as nginx has it: `$remote_addr [$time_local] "$request" $status`. A whole directive, `log_format main '...' '...';`,
    /// is taken as well.
    ///
    /// # Errors
    /// When it has no variable, too many, or two of them with nothing between, which no reader can separate.
    pub fn new(format: &str) -> Result<Self, AccessFormatError> {
        let format = directive(format.trim());
        let error = |what| Err(AccessFormatError { what });
        let mut elements = Vec::new();
        let mut rest: &str = &format;
        while !rest.is_empty() {
            if elements.len() >= limits::LOG_FORMAT_ELEMENTS {
                return error("has too many parts");
            }
            let Some(name) = rest.strip_prefix('$') else {
                let (text, after) = rest.split_at(rest.find('$').unwrap_or(rest.len()));
                elements.push(Element::Text(text.into()));
                rest = after;
                continue;
            };
            if matches!(elements.last(), Some(Element::Variable(_))) {
                return error("has two variables with nothing between them");
            }
            let (name, after) = match name.strip_prefix('{').and_then(|name| name.split_once('}')) {
                Some(braced) => braced,
                None => name.split_at(
                    name.find(|next: char| !next.is_ascii_alphanumeric() && next != '_')
                        .unwrap_or(name.len()),
                ),
            };
            elements.push(Element::Variable(Variable::of(name)));
            rest = after;
        }
        if !elements.iter().any(|element| matches!(element, Element::Variable(_))) {
            return error("has no variable, such as $time_local");
        }
        Ok(Self(elements))
    }

    /// Reads a line in this format. The time has to be where the format has it, if it has one.
    pub(in crate::log) fn read<'a>(&self, line: &'a str) -> Option<Entry<'a>> {
        let mut entry = Entry::new(Grammar::NginxAccess, line);
        let mut request = Request::default();
        let (mut rest, mut is_cut) = (line, false);
        for (index, element) in self.0.iter().enumerate() {
            match element {
                Element::Text(_) if is_cut => {}
                Element::Text(text) => match rest.strip_prefix(&**text) {
                    Some(after) => rest = after,
                    None if text.starts_with(rest) && index > 0 => is_cut = true,
                    None => return None,
                },
                Element::Variable(variable) if !is_cut => {
                    let end = match self.0.get(index + 1) {
                        Some(Element::Text(text)) => value_end(*variable, rest, text),
                        _ => Some(rest.len()),
                    };
                    is_cut = end.is_none();
                    let value = rest.get(..end.unwrap_or(rest.len()))?;
                    rest = rest.get(value.len()..)?;
                    take(*variable, value, is_cut, &mut entry, &mut request)?;
                }
                Element::Variable(Variable::TimeLocal | Variable::TimeIso | Variable::Seconds) => {
                    entry.stamp?;
                }
                Element::Variable(_) => {}
            }
        }
        entry.level = level(request.status);
        entry.fact = Fact::Request(request);
        Some(entry)
    }
}

/// Where a variable's value ends before `text`. A request has spaces in it, and outside quotes its version shows its end.
fn value_end(variable: Variable, rest: &str, text: &str) -> Option<usize> {
    let request_end = || {
        (variable == Variable::RequestLine && text.starts_with(' ')).then_some(())?;
        let version = rest.find(" HTTP/")? + " HTTP/".len();
        let digits = rest.get(version..)?;
        let end = version + digits.bytes().take_while(|byte| byte.is_ascii_digit() || *byte == b'.').count();
        rest.get(end..)?.starts_with(text).then_some(end)
    };
    request_end().or_else(|| rest.find(text))
}

/// What a variable's value says. An invalid time means that the line has another format.
fn take<'a>(
    variable: Variable,
    value: &'a str,
    is_cut: bool,
    entry: &mut Entry<'a>,
    request: &mut Request<'a>,
) -> Option<()> {
    match variable {
        Variable::Address => request.client = address(value).map(|(ip, _)| ip),
        Variable::Port if !is_cut => request.client_port = value.parse().ok(),
        Variable::TimeLocal => entry.stamp = Some(stamp::access(value)?.0),
        Variable::TimeIso => entry.stamp = entry.stamp.or(Some(stamp::iso(value)?.0)),
        // The most exact of several times.
        Variable::Seconds => entry.stamp = Some(stamp::epoch(value)?.0),
        Variable::RequestLine => take_line(request, value),
        Variable::Method => request.method = Some(value),
        Variable::Path => request.path = Some(value),
        Variable::Status => request.status = status(value),
        Variable::Duration if !is_cut => request.duration = seconds(value),
        Variable::Host => request.host = Some(value).filter(|host| !matches!(*host, "-" | "" | "_")),
        Variable::Connection if !is_cut => request.connection = value.parse().ok(),
        Variable::BodyBytes if !is_cut => request.body_bytes = value.parse().ok(),
        Variable::SentBytes if !is_cut => request.sent_bytes = value.parse().ok(),
        _ => {}
    }
    Some(())
}

/// `0.057` seconds as nanoseconds.
pub(super) fn seconds(text: &str) -> Option<i64> {
    let number: f64 = text.parse().ok()?;
    (0.0..86_400.0).contains(&number).then_some((number * 1e9) as i64)
}

/// The format inside a directive of nginx's configuration, whose pieces in quotes are joined.
fn directive(text: &str) -> Cow<'_, str> {
    let Some(rest) = text.strip_prefix("log_format ") else {
        return Cow::Borrowed(text);
    };
    let mut format = String::new();
    let mut rest = rest.trim_end_matches([';', ' ', '\n']);
    while let Some(open) = rest.find(['\'', '"']) {
        let quote = if rest[open..].starts_with('\'') { '\'' } else { '"' };
        let inside = &rest[open + 1..];
        let end = inside.find(quote).unwrap_or(inside.len());
        format.push_str(&inside[..end]);
        rest = inside.get(end + 1..).unwrap_or_default();
    }
    Cow::Owned(format)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request<'a>(entry: &Entry<'a>) -> Request<'a> {
        match entry.fact {
            Fact::Request(request) => request,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn the_usual_formats_give_who_what_and_the_status() {
        for line in [
            r#"10.106.66.1 - - [28/Nov/2026:00:57:26 +0000] "POST /oauth/token HTTP/1.1" 401 53 "-" "Java/17.0.15""#,
            r#"10.106.66.1 - admin [28/Nov/2026:00:57:26 +0000] "POST /oauth/token HTTP/1.1" 401 53"#,
            r#"10.106.66.1https://10.106.66.1 - - [28/Nov/2026:00:57:26 +0000] "POST /oauth/token HTTP/1.1" 401 "#,
        ] {
            let entry = read(line).expect("a line");
            let request = request(&entry);
            assert_eq!(request.client, Some("10.106.66.1".parse().expect("an address")));
            assert_eq!(
                (request.method, request.path, request.status),
                (Some("POST"), Some("/oauth/token"), Some(401))
            );
            assert_eq!(entry.level, Level::Warning);
        }
    }

    #[test]
    fn a_line_that_is_cut_is_read_as_far_as_it_goes() {
        let line = "10.66.76.85https://10.66.76.85 - - [13/Jan/2023:11:17:01 +000";
        let request = request(&read(line).expect("a line"));
        assert_eq!(request.client, Some("10.66.76.85".parse().expect("an address")));
        assert_eq!((request.method, request.status), (None, None));
        let line = r#"10.66.76.85 - - [13/Jan/2023:11:17:01 +0000] "POST /oauth/token HTTP/1.1" 40"#;
        assert_eq!(super::tests::request(&read(line).expect("a line")).status, None);
    }

    #[test]
    fn the_client_is_an_address_without_a_margin_before_it() {
        let client = |before: &str| {
            let line = format!(r#"{before} [13/Jan/2023:11:17:01 +0000] "GET / HTTP/1.1" 502 5 "-" "x""#);
            let entry = read(&line).map(|entry| request(&entry).client);
            entry.map(|client| client.map(|ip| ip.to_string()))
        };
        for (before, expected) in [
            ("192.0.2.7 - -", Some(Some("192.0.2.7"))),
            ("\"192.0.2.7\" -", Some(Some("192.0.2.7"))),
            ("192.0.2.7 - [192.0.2.7] - -", Some(Some("192.0.2.7"))),
            ("::ffff:192.0.2.7 - -", Some(Some("192.0.2.7"))),
            ("2001:db8::7 - -", Some(Some("2001:db8::7"))),
            ("ssm.example:8443 192.0.2.7 - -", Some(Some("192.0.2.7"))),
            ("client-7.example - -", Some(None)),
            ("- - -", Some(None)),
            ("unix: - -", Some(None)),
            ("web_1 | 192.0.2.7 - -", None),
            ("web_1  |", None),
            ("access.log.1:192.0.2.7 - -", None),
            ("# 192.0.2.7 - -", None),
        ] {
            assert_eq!(client(before), expected.map(|client| client.map(str::to_owned)), "{before}");
        }
    }

    #[test]
    fn other_logs_with_such_a_time_are_none() {
        for line in [
            r"192.0.2.7:41000 [13/Jan/2023:11:17:01.439] fe be/srv 0/0/0/1/1 200 5",
            r"7e1 bucket [13/Jan/2023:11:17:01 +0000] 192.0.2.7 7e1 3E5 REST.GET",
            r"192.0.2.7 [13/Jan/2023:11:17:01] fe/1: x",
        ] {
            assert!(read(line).is_none(), "{line}");
        }
    }

    #[test]
    fn tls_where_http_was_expected_is_recognised() {
        let line =
            r#"10.106.66.1 - - [28/Nov/2026:00:57:24 +0000] "\x16\x03\x03\x01\xCB\x01\x00" 400 157 "-" "-""#;
        let request = request(&read(line).expect("a line"));
        assert!(request.is_tls && request.method.is_none());
        assert_eq!(request.status, Some(400));
    }

    #[test]
    fn a_custom_format_gives_the_port_and_the_duration_too() {
        // Written by nginx 1.22.1.
        let format = AccessFormat::new(
            r#"log_format custom '$remote_addr:$remote_port [$time_iso8601] "$request" $status '
                '$request_time $connection $ssl_protocol host=$host up=$upstream_addr/$upstream_status';"#,
        )
        .expect("a format");
        let line = r#"10.106.66.1:49076 [2026-11-28T00:57:43+00:00] "POST /down HTTP/1.1" 502 0.003 19 TLSv1.2 host=ssm.lab.example up=127.0.0.1:3001, 127.0.0.1:3002/502, 502"#;
        let entry = format.read(line).expect("a line");
        let request = request(&entry);
        assert_eq!(
            (request.client_port, request.status, request.duration),
            (Some(49076), Some(502), Some(3_000_000))
        );
        assert_eq!((request.connection, request.host), (Some(19), Some("ssm.lab.example")));
        let cut = format.read(&line[..80]).expect("a line");
        assert_eq!(super::tests::request(&cut).status, Some(502));
        assert!(
            format.read(r#"10.106.66.1 - - [28/Nov/2026:00:57:26 +0000] "POST / HTTP/1.1" 401 53"#).is_none()
        );
    }

    #[test]
    fn a_request_outside_quotes_ends_with_its_version() {
        let format =
            AccessFormat::new("$remote_addr - $request $uri $status \"MSec\" $msec").expect("a format");
        let line = "192.0.2.7 - POST /a/12 HTTP/1.1 /a/12 499 \"MSec\" 1673608621.104";
        let entry = format.read(line).expect("a line");
        let Request { method, path, status, .. } = request(&entry);
        assert_eq!((method, path, status), (Some("POST"), Some("/a/12"), Some(499)));
        assert_eq!(entry.stamp.expect("a time").digits, 3);
        let entry = format.read("192.0.2.7 - - /x 400 \"MSec\" 1673608621.104").expect("a line");
        assert_eq!(request(&entry).status, Some(400));
    }

    #[test]
    fn json_is_a_format_like_others() {
        let format = AccessFormat::new(r#"{"time":"$time_iso8601","from":"$remote_addr","msec":$msec,"st":"$status","uri":"$request_uri"}"#).expect("a format");
        let line = r#"{"time":"2023-01-13T11:17:01+00:00","from":"10.0.0.1","msec":1673608621.123,"st":"401","uri":"/oauth/token?x=1"}"#;
        let entry = format.read(line).expect("a line");
        assert_eq!(entry.stamp.expect("a time").digits, 3);
        assert_eq!((request(&entry).status, request(&entry).path), (Some(401), Some("/oauth/token?x=1")));
    }

    #[test]
    fn a_format_that_can_t_be_read_back_is_an_error() {
        for format in ["", "abc", "$remote_addr$status", &"$status ".repeat(limits::LOG_FORMAT_ELEMENTS)] {
            assert!(AccessFormat::new(format).is_err(), "{format}");
        }
    }
}
