//! Lines whose time is a field: JSON, and `key=value` (logfmt).
//!
//! ```text
//! {"level":"error","ts":1673608621.123,"msg":"text"}
//! {"time_iso8601":"2023-01-13T11:17:01+00:00","remote_addr":"10.0.0.1","request":"POST /oauth/token HTTP/1.1","status":"401"}
//! time="2023-01-13T11:17:01Z" level=info msg="text"
//! date=2023-01-13 time=11:17:01 devname="fw" level="warning" msg="text"
//! ```
//!
//! nginx has no JSON of its own; those who write a format for it call the fields by the names of nginx's variables.

use super::fields::{address, milliseconds, next_pair};
use super::nginx_access::{level, seconds, status, take_line};
use super::{Entry, Fact, Grammar, Level, Request};
use crate::log::stamp::{self, Date, Stamp};

/// Reads one line.
pub(super) fn read(line: &str) -> Option<Entry<'_>> {
    match line.bytes().next()? {
        b'{' => json(line),
        b'a'..=b'z' | b'A'..=b'Z' => logfmt(line),
        _ => None,
    }
}

/// The time in a field, which has to be one.
fn time(value: &str) -> Option<Stamp<'_>> {
    // .NET's form, as PowerShell's JSON has it.
    let value = ["/Date(", "\\/Date("].iter().find_map(|mark| value.strip_prefix(mark)).unwrap_or(value);
    let read = stamp::iso(value)
        .or_else(|| stamp::access(value))
        .or_else(|| stamp::slashed(value))
        .or_else(|| stamp::epoch(value))
        .or_else(|| stamp::epoch_millis(value))
        .or_else(|| stamp::epoch_micros(value));
    read.map(|(stamp, _)| stamp)
}

/// The time of a day that another field gives, as FortiGate's logs have it.
fn time_of(date: Date, value: &str) -> Option<Stamp<'_>> {
    let (stamp, _) = stamp::time_only(value)?;
    Some(Stamp { date: Some(date), ..stamp })
}

fn is_time(key: &str) -> bool {
    const KEYS: [&str; 15] = [
        "time",
        "timestamp",
        "@timestamp",
        "ts",
        "datetime",
        "time_iso8601",
        "time_local",
        "msec",
        "asctime",
        "start_time",
        "@t",
        "eventTime",
        "EventTime",
        "TimeCreated",
        "__REALTIME_TIMESTAMP",
    ];
    KEYS.contains(&key)
}

fn is_level(key: &str) -> bool {
    ["level", "severity", "lvl", "levelname", "log.level"].contains(&key)
}

fn json(line: &str) -> Option<Entry<'_>> {
    let mut entry = Entry::new(Grammar::Generic, line);
    let mut request = Request::default();
    let (mut is_nginx, mut has_error, mut has_words) = (false, false, false);
    // semantic_logger has what a request was in an object of its own.
    let mut depth_of_request = 1;
    let mut took = None;
    for (depth, key, value) in Members::of(line) {
        match key {
            // MongoDB has its time in an object.
            _ if depth == 1 && is_time(key) || depth == 2 && key == "$date" => {
                // The most exact of several.
                let found = time(value);
                if found.map(|stamp| stamp.digits) > entry.stamp.map(|stamp| stamp.digits) {
                    entry.stamp = found;
                }
            }
            _ if depth == 1 && is_level(key) => entry.level = Level::of(value),
            "remote_addr" => {
                request.client = address(value).map(|(ip, _)| ip);
                is_nginx = request.client.is_some();
            }
            "remote_port" => request.client_port = value.parse().ok(),
            "request" => take_line(&mut request, value),
            "request_method" => request.method = Some(value),
            "request_uri" => request.path = Some(value),
            "uri" => request.path = request.path.or(Some(value)),
            "request_time" => request.duration = seconds(value),
            "status" => request.status = status(value),
            "http_host" => request.host = Some(value).filter(|host| !matches!(*host, "-" | "")),
            // Rails' requests as lograge's JSON formatter writes them.
            "method" if depth == depth_of_request => request.method = request.method.or(Some(value)),
            "path" if depth == depth_of_request => request.path = request.path.or(Some(value)),
            "duration" | "duration_ms" if depth == 1 => took = milliseconds(value),
            "connection" => request.connection = value.parse().ok(),
            "body_bytes_sent" => request.body_bytes = value.parse().ok(),
            "bytes_sent" => request.sent_bytes = value.parse().ok(),
            "error" => has_error = true,
            "message" if depth == 1 && value.starts_with("Completed #") => {
                (has_words, depth_of_request) = (true, 2);
            }
            "msg" | "message" | "logger" | "event" => has_words = true,
            _ => {}
        }
    }
    entry.stamp?;
    // The body of an answer has its time too, and continues the line that quotes it.
    let is_answer = has_error && request.status.is_some() && entry.level == Level::Unknown && !is_nginx;
    (!is_answer && (is_nginx || has_words || entry.level != Level::Unknown || !has_error)).then_some(())?;
    if is_nginx && request.status.is_some() {
        entry.grammar = Grammar::NginxAccess;
        entry.level = level(request.status);
        entry.fact = Fact::Request(request);
    } else if request.method.is_some() && request.path.is_some() && request.status.is_some() && took.is_some()
    {
        entry.grammar = Grammar::Lograge;
        entry.level = level(request.status);
        entry.fact = Fact::Request(Request { duration: took, ..request });
    }
    Some(entry)
}

/// The members of JSON's objects that are no objects themselves: depth, key, value without quotes. Text that is cut ends them.
struct Members<'a> {
    rest: &'a str,
    depth: u32,
}

impl<'a> Members<'a> {
    fn of(text: &'a str) -> Self {
        Self { rest: text, depth: 0 }
    }

    /// A string's inside, escapes as they are; nothing if it is cut.
    fn string(&mut self) -> Option<&'a str> {
        let inside = self.rest.strip_prefix('"')?;
        let bytes = inside.as_bytes();
        let mut from = 0;
        loop {
            let at = from + memchr::memchr2(b'"', b'\\', bytes.get(from..)?)?;
            if bytes.get(at) == Some(&b'"') {
                self.rest = inside.get(at + 1..)?;
                return inside.get(..at);
            }
            from = at + 2;
        }
    }
}

impl<'a> Iterator for Members<'a> {
    type Item = (u32, &'a str, &'a str);

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let at = self.rest.find(['"', '{', '}'])?;
            self.rest = self.rest.get(at..)?;
            match self.rest.bytes().next()? {
                b'{' => self.depth += 1,
                b'}' => self.depth = self.depth.saturating_sub(1),
                _ => {
                    let key = self.string()?;
                    let Some(value) = self.rest.trim_start().strip_prefix(':') else { continue };
                    self.rest = value.trim_start();
                    if self.rest.starts_with('"') {
                        return Some((self.depth, key, self.string()?));
                    }
                    if self.rest.starts_with(['{', '[']) {
                        continue;
                    }
                    let len = self.rest.find([',', '}', ']', ' '])?;
                    let (value, rest) = self.rest.split_at_checked(len)?;
                    self.rest = rest;
                    return Some((self.depth, key, value));
                }
            }
            self.rest = self.rest.get(1..)?;
        }
    }
}

fn logfmt(line: &str) -> Option<Entry<'_>> {
    /// Bytes in which a line of fields has its first.
    const NEAR: usize = 64;
    /// Pairs among which the time is looked for, and words that may precede them.
    const MOST: usize = 12;
    const WORDS: usize = 3;
    memchr::memchr(b'=', line.as_bytes().get(..NEAR).unwrap_or(line.as_bytes()))?;
    let mut entry = Entry::new(Grammar::Generic, line);
    let (mut rest, mut words, mut pairs, mut date) = (line, 0, 0, None);
    while let Some((pair, after)) = next_pair(rest).filter(|_| pairs < MOST) {
        rest = after;
        let is_key = |key: &str| {
            !key.is_empty()
                && key
                    .bytes()
                    .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.' | b'@' | b'-'))
        };
        let Some((key, value)) = pair.split_once('=').filter(|(key, _)| is_key(key)) else {
            words += 1;
            if pairs == 0 && words > WORDS {
                return None;
            }
            continue;
        };
        pairs += 1;
        if is_time(key) && entry.stamp.is_none() {
            // A value with a space in it has quotes around it, or should have.
            let at = line.len() - after.len() - value.len();
            let value = line.get(at..).map(|value| value.trim_start_matches(['"', '\'']));
            entry.stamp = value.and_then(|value| time(value).or_else(|| time_of(date?, value)));
        } else if key == "date" {
            date = stamp::date(value.trim_matches('"'));
        } else if is_level(key) {
            entry.level = Level::of(value.trim_matches('"'));
        }
    }
    (entry.stamp.is_some() && pairs >= 2).then_some(entry)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::log::stamp::Zone;

    #[test]
    fn a_time_in_a_field_places_the_line() {
        for (line, level, digits) in [
            (r#"{"level":"error","ts":1673608621.123,"msg":"x"}"#, Level::Error, 3),
            (r#"{"timestamp": "2023-01-13T11:17:01+08:00", "@fields": {"url": "/"}}"#, Level::Unknown, 0),
            (
                r#"{"@timestamp":"2023-01-13T11:17:01.5Z","log.level":"WARN","message":"a \" b"}"#,
                Level::Warning,
                1,
            ),
            (r#"{"time":1673608621123,"message":"x"}"#, Level::Unknown, 3),
            (r#"time="2023-01-13T11:17:01.932129149Z" level=info msg="x y=z""#, Level::Info, 9),
            (r"level=warn ts=2023-01-13T11:17:01.5Z caller=main.go:1 msg=x", Level::Warning, 1),
            (r#"LOG-id=firewall time="2023-01-13 11:17:01" fw=x"#, Level::Unknown, 0),
            (r#"LOG - id=firewall time="2023-01-13 11:17:01" fw=x"#, Level::Unknown, 0),
            (r"ts=2023-01-13 11:17:01 +0100 x=y", Level::Unknown, 0),
            (r#"date=2023-01-13 time=11:17:01 devname="fw" level="warning""#, Level::Warning, 0),
        ] {
            let entry = read(line).unwrap_or_else(|| panic!("{line}"));
            let found = entry.stamp.expect("a time");
            assert_eq!(
                (entry.grammar, entry.level, found.digits),
                (Grammar::Generic, level, digits),
                "{line}"
            );
            assert_eq!(found.date.expect("a date").day, 13);
        }
        let zone =
            read("ts=2023-01-13 11:17:01 +0100 x=y").and_then(|entry| entry.stamp).map(|stamp| stamp.zone);
        assert_eq!(zone, Some(Zone::Offset(3600)));
    }

    #[test]
    fn events_of_other_systems_have_their_time_under_other_names() {
        for line in [
            r#"{"__REALTIME_TIMESTAMP":"1673608621123456","MESSAGE":"x"}"#,
            r#"{"TimeCreated":"2023-01-13T12:17:01.1234567+01:00","Id":36887,"Message":"x"}"#,
            r#"{"TimeCreated":"\/Date(1673608621123)\/","Id":36887,"Message":"x"}"#,
            r#"{"t":{"$date":"2023-01-13T11:17:01.123+00:00"},"s":"I","msg":"x"}"#,
            r#"{"start_time":"2023-01-13T11:17:01.123Z","method":"GET","response_code":503}"#,
        ] {
            let stamp = read(line).unwrap_or_else(|| panic!("{line}")).stamp.expect("a time");
            let Zone::Offset(east) = stamp.zone else { panic!("{line}") };
            let second = stamp.time / crate::time::SECOND - i64::from(east);
            assert_eq!(second, 11 * 3_600 + 17 * 60 + 1, "{line}");
        }
    }

    #[test]
    fn a_request_of_nginx_is_one_by_the_names_of_its_variables() {
        let line = r#"{"time_iso8601":"2023-01-13T11:17:01+00:00","msec":1673608621.123,"remote_addr":"192.0.2.7","request":"POST /oauth/token HTTP/1.1","status":"401","request_time":0.057,"http_host":"ssm"}"#;
        let entry = read(line).expect("a line");
        assert_eq!((entry.grammar, entry.level), (Grammar::NginxAccess, Level::Warning));
        assert_eq!(entry.stamp.expect("a time").digits, 3);
        let Fact::Request(request) = entry.fact else { panic!("{entry:?}") };
        assert_eq!(request.client, Some("192.0.2.7".parse().expect("an address")));
        assert_eq!(
            (request.method, request.path, request.status, request.duration, request.host),
            (Some("POST"), Some("/oauth/token"), Some(401), Some(57_000_000), Some("ssm"))
        );
        let line = r#"{"time":"2023-01-13T11:17:01Z","remote_addr":"192.0.2.7","request_method":"GET","uri":"/x","status":200}"#;
        let Fact::Request(request) = read(line).expect("a line").fact else { panic!() };
        assert_eq!((request.method, request.path, request.status), (Some("GET"), Some("/x"), Some(200)));
    }

    #[test]
    fn a_request_of_rails_is_one_by_lograge_s_names() {
        let line = r#"{"method":"POST","path":"/oauth/token","format":"json","status":401,"duration":12.3,"@timestamp":"2026-11-28T17:03:48.000Z","message":"[401] POST /oauth/token"}"#;
        let entry = read(line).expect("a line");
        assert_eq!((entry.grammar, entry.level), (Grammar::Lograge, Level::Warning));
        let Fact::Request(request) = entry.fact else { panic!("{entry:?}") };
        assert_eq!(
            (request.method, request.path, request.status, request.duration),
            (Some("POST"), Some("/oauth/token"), Some(401), Some(12_300_000))
        );
        let other =
            r#"{"method":"POST","path":"/x","status":"done","duration":1,"time":"2026-11-28T17:03:48Z"}"#;
        assert_eq!(read(other).expect("a line").grammar, Grammar::Generic);
    }

    #[test]
    fn a_request_of_rails_is_one_in_the_payload_of_semantic_logger() {
        let line = r#"{"host":"a","timestamp":"2023-01-13T11:17:01.262903Z","level":"info","duration_ms":23.9,"name":"T","message":"Completed #create","payload":{"controller":"T","method":"POST","path":"/oauth/token","status":401,"view_runtime":0.2}}"#;
        let entry = read(line).expect("a line");
        let Fact::Request(request) = entry.fact else { panic!("{entry:?}") };
        assert_eq!((entry.grammar, request.path), (Grammar::Lograge, Some("/oauth/token")));
        assert_eq!((request.status, request.duration), (Some(401), Some(23_900_000)));
        assert!(matches!(read(&line.replace("Completed #", "Saw ")).expect("a line").fact, Fact::None));
    }

    #[test]
    fn an_answer_s_body_and_prose_are_no_lines() {
        for line in [
            r#"{"timestamp":"2023-01-13T11:17:01.000+00:00","status":401,"error":"Unauthorized","message":"x","path":"/oauth"}"#,
            r#"{"error":"invalid_client","time":"2023-01-13T11:17:01Z"}"#,
            r#"{"error": "invalid_client"}"#,
            r#"{"time":"later","msg":"x"}"#,
            r#"{"a":{"time":"2023-01-13T11:17:01Z"}}"#,
            r#"{"time":"2023-01-13T11"#,
            "{",
            "Caused by: javax.net.ssl.SSLHandshakeException: time=2023-01-13T11:17:01Z",
            "It was about time=2023-01-13 11:17:01, they wrote",
            "time=2023-01-13T11:17:01Z",
            "a b c d e=f time=2023-01-13T11:17:01Z",
        ] {
            assert!(read(line).is_none(), "{line}");
        }
    }
}
