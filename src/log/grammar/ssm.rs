//! What SSM On-Prem's containers write besides nginx's logs: Rails' requests by lograge, and Redis.
//!
//! ```text
//! method=POST path=/oauth/token format=json controller=Doorkeeper::TokensController action=create status=401 duration=23.91 view=0.21 db=3.05
//! 1:M 13 Jan 2023 11:14:09.049 * 100 changes in 300 seconds. Saving...
//! [148] 13 Jan 11:14:09.049 * DB saved on disk              before Redis 3
//! ```
//!
//! lograge has no time of its own; syslog's prefix, or the one of Ruby's logger, gives it. The line is written when the request ends.

use super::fields::{address, milliseconds, next_pair, tags};
use super::{Entry, Fact, Grammar, Level, Request, rails};
use crate::log::stamp::{self, Cursor};

/// Reads one line, or what follows syslog's prefix.
pub(super) fn read(text: &str) -> Option<Entry<'_>> {
    redis(text).or_else(|| lograge(text)).or_else(|| ruby_logger(text))
}

/// Process, role, time, level mark (redis.conf, `loglevel`).
fn redis(text: &str) -> Option<Entry<'_>> {
    let mut cursor = Cursor(text);
    let (stamp, rest) = if cursor.eat("[").is_some() {
        cursor.number(1, 7)?;
        cursor.eat("] ")?;
        let (stamp, rest) = stamp::day_month(cursor.0)?;
        let is_redis = matches!(rest.as_bytes(), [b' ', b'.' | b'-' | b'*' | b'#', b' ', ..]);
        is_redis.then_some((stamp, rest))?
    } else {
        cursor.number(1, 7)?;
        cursor.eat(":")?;
        cursor.eat_any(b"MSCX")?;
        cursor.spaces(1)?;
        stamp::day_month_year(cursor.0)?
    };
    let mut entry = Entry::new(Grammar::Redis, rest.trim_start());
    entry.stamp = Some(stamp);
    entry.level = match entry.text.bytes().next() {
        Some(b'#') => Level::Warning,
        Some(b'*') => Level::Info,
        _ => Level::Debug,
    };
    Some(entry)
}

/// `key=value` pairs that begin with the method. A value with spaces is quoted.
fn lograge(text: &str) -> Option<Entry<'_>> {
    let (_, pairs) = tags(text);
    pairs.starts_with("method=").then_some(())?;
    let mut entry = Entry::new(Grammar::Lograge, text);
    let mut request = Request::default();
    let mut rest = pairs;
    while let Some((pair, after)) = next_pair(rest) {
        rest = after;
        let Some((key, value)) = pair.split_once('=') else { continue };
        // The last value of a line that was cut may be a part of itself.
        let is_whole = !after.is_empty();
        match key {
            "method" => request.method = Some(value),
            "path" => request.path = Some(value),
            "status" if is_whole || value.len() == 3 => request.status = value.parse().ok(),
            "duration" if is_whole => request.duration = milliseconds(value),
            "ip" | "remote_ip" | "client_ip" => request.client = address(value).map(|(ip, _)| ip),
            "host" => request.host = Some(value),
            // Not in quotes, though it has spaces.
            "time" => {
                let at = text.len() - after.len() - value.len();
                entry.stamp = text.get(at..).and_then(stamp::iso).map(|(stamp, _)| stamp);
            }
            _ => {}
        }
    }
    entry.level = match request.status {
        Some(500..) => Level::Error,
        Some(400..) => Level::Warning,
        _ => Level::Info,
    };
    entry.fact = Fact::Request(request);
    Some(entry)
}

/// Ruby's own logger: `I, [2023-01-13T11:17:01.262903 #2354]  INFO -- : text`.
fn ruby_logger(text: &str) -> Option<Entry<'_>> {
    let mut cursor = Cursor(text);
    cursor.letters(1, 1)?;
    cursor.eat(", [")?;
    let (stamp, rest) = stamp::iso(cursor.0)?;
    let (process, rest) = rest.split_once(']')?;
    let mut cursor = Cursor(rest);
    cursor.spaces(0)?;
    let level = Level::of(cursor.word());
    let (_program, text) = cursor.0.split_once(": ").unwrap_or(("", cursor.0));
    let text = text.trim_start();
    let read = lograge(text).or_else(|| rails::read(text));
    let mut entry = read.unwrap_or_else(|| Entry::new(Grammar::Generic, text));
    if let Fact::Started { key, .. } | Fact::Completed { key, .. } = &mut entry.fact
        && key.is_empty()
    {
        *key = process.trim();
    }
    entry.stamp = Some(stamp);
    entry.level = level;
    Some(entry)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_is_read_with_its_status_and_duration() {
        let line = "method=POST path=/oauth/token format=json controller=Doorkeeper::TokensController action=create status=401 duration=23.91 view=0.21 db=3.05";
        let entry = read(line).expect("a line");
        let Fact::Request(request) = entry.fact else { panic!("{entry:?}") };
        assert_eq!((request.status, request.duration), (Some(401), Some(23_910_000)));
        assert_eq!((request.method, request.path), (Some("POST"), Some("/oauth/token")));
        assert_eq!(entry.level, Level::Warning);
    }

    #[test]
    fn tags_before_a_request_change_nothing() {
        let logged = "I, [2023-01-13T11:17:01.262903 #2354]  INFO -- : ";
        for tags in ["", "[5f0c9ad2-0f5e-4c9e] ", "[5f0c9ad2] [192.0.2.7] ", "[a]  "] {
            for prefix in ["", logged] {
                let line = format!(
                    "{prefix}{tags}method=POST path=/oauth/token status=401 duration=23.91 view=0.21"
                );
                let entry = read(&line).unwrap_or_else(|| panic!("{line}"));
                let Fact::Request(request) = entry.fact else { panic!("{line}") };
                assert_eq!((request.path, request.status), (Some("/oauth/token"), Some(401)), "{line}");
            }
        }
        assert!(read("[abc] started").is_none());
    }

    #[test]
    fn a_cut_value_is_absent_not_wrong() {
        let line = "method=POST path=/oauth/token format=json controller=Doorkeeper::TokensController action=create status=401 duration=23";
        let read_request = |line| match read(line).expect("a line").fact {
            Fact::Request(request) => (request.status, request.duration),
            other => panic!("{other:?}"),
        };
        assert_eq!(read_request(line), (Some(401), None));
        assert_eq!(
            read_request("method=POST path=/oauth/token format=json controller=Doorkeep"),
            (None, None)
        );
        assert_eq!(read_request("method=POST path=/oauth/token status=40"), (None, None));
    }

    #[test]
    fn a_value_in_quotes_may_have_spaces() {
        let line =
            "method=POST path=/x error='Foo: status=200 bar' status=500 duration=1.5 ip=10.0.0.1 host=ssm";
        let Fact::Request(request) = read(line).expect("a line").fact else { panic!() };
        assert_eq!(
            (request.status, request.duration, request.host),
            (Some(500), Some(1_500_000), Some("ssm"))
        );
        assert_eq!(request.client, Some("10.0.0.1".parse().expect("an address")));
    }

    #[test]
    fn a_request_may_have_its_time_as_a_field() {
        let line = "method=GET path=/x status=200 duration=1.5 time=2023-01-13 11:17:01 +0530 host=ssm";
        let entry = read(line).expect("a line");
        let stamp = entry.stamp.expect("a time");
        assert_eq!((stamp.zone, stamp.digits), (stamp::Zone::Offset(19_800), 0));
        let Fact::Request(request) = entry.fact else { panic!("{entry:?}") };
        assert_eq!((request.status, request.host), (Some(200), Some("ssm")));
        assert_eq!(read("method=GET path=/x status=200 time=1.5").expect("a line").stamp, None);
    }

    #[test]
    fn redis_has_the_date_in_words() {
        let entry = read("4617:C 13 Jan 2023 11:14:09.052 * DB saved on disk").expect("a line");
        assert_eq!(
            (entry.grammar, entry.level, entry.text),
            (Grammar::Redis, Level::Info, "* DB saved on disk")
        );
        let entry = read("[148] 05 Jun 06:27:25.097 # DB saved on disk").expect("a line");
        assert_eq!((entry.grammar, entry.level), (Grammar::Redis, Level::Warning));
        assert!(read("[148] 05 Jun 06:27:25.097 DB saved").is_none());
    }

    #[test]
    fn ruby_s_logger_gives_a_request_its_time() {
        let entry = read("I, [2015-01-10T15:18:12.262903 #2354]  INFO -- : method=GET path=/x status=200 duration=1.00 view=0").expect("a line");
        assert_eq!(entry.grammar, Grammar::Lograge);
        assert_eq!(entry.stamp.expect("a time").digits, 6);
    }
}
