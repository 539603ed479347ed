//! Syslog's prefix, and what follows it.
//!
//! ```text
//! Jan 13 11:14:46 SSM-On-Prem 1a1fca641d0a: text                RFC 3164, as rsyslog's files have it
//! <134>Jan 13 11:14:46 SSM-On-Prem nginx[47]: text              the same as sent
//! 2023-01-13T11:14:46.123456+00:00 SSM-On-Prem nginx: text      rsyslog's newer default, journalctl -o short-iso
//! Fri 2023-01-13 11:14:46 UTC SSM-On-Prem nginx[47]: text       journalctl -o short-full
//! <165>1 2023-01-13T11:14:46Z SSM-On-Prem nginx 47 - - text     RFC 5424
//! ```
//!
//! SSM On-Prem's containers log through it, the container's id being the tag, and a vManage that forwards its logs does too. What
//! follows the prefix often has a time of its own, which is the better one: it is older than the prefix by the way between.

use std::net::IpAddr;

use super::{
    AccessFormat, Entry, Fact, Grammar, Level, cisco, fielded, flexnet, generic, klog, rails, service,
    vmanage,
};
use crate::log::stamp::{self, Cursor, Stamp};

/// Reads one line.
pub(super) fn read<'a>(line: &'a str, formats: &[AccessFormat]) -> Option<Entry<'a>> {
    let (severity, line) = priority(line);
    if let Some(entry) = rfc5424(line, severity, formats) {
        return Some(entry);
    }
    let is_numeric = line.bytes().next()?.is_ascii_digit();
    let (outer, rest) = if is_numeric {
        stamp::iso(line).filter(|_| line.as_bytes().get(10) == Some(&b'T'))?
    } else {
        stamp::month_day(line, false).or_else(|| stamp::weekday_and_day(line))?
    };
    let mut cursor = Cursor(rest);
    cursor.spaces(1)?;
    let all = cursor.0;
    let host = cursor.word();
    cursor.spaces(0)?;
    // A host that logs twice, once by itself and once by its daemon.
    let doubled = cursor.0.strip_prefix(host).and_then(|rest| rest.strip_prefix(' '));
    let text = doubled.unwrap_or(cursor.0);
    let (tag, text) = tag(text);
    // Any program may begin its lines with RFC 3339's time, and Docker puts it there in nanoseconds; syslog has a tag after the host.
    let is_syslog = is_host(host)
        && (!is_numeric
            || outer.digits < 7 && (tag.is_some() || severity.is_some() || text.starts_with('%')));
    if is_syslog {
        return Some(after_prefix(outer, Some(host), tag, text, severity, formats));
    }
    is_numeric.then_some(())?;
    // The kubelet's files name the stream and whether the line is whole (CRI).
    let text = ["stdout F ", "stderr F "].iter().find_map(|mark| all.strip_prefix(mark)).unwrap_or(all);
    let inner = own_of_process(text, formats).or_else(|| own(text, formats))?;
    Some(Entry { outer: Some(outer), ..inner })
}

/// Where one host writes, as Heroku's drains do, the process alone precedes the text: `app[web.1]: text`.
fn own_of_process<'a>(text: &'a str, formats: &[AccessFormat]) -> Option<Entry<'a>> {
    let (process, rest) = text.split_at_checked(text.find("]: ")? + 1)?;
    let (name, instance) = process.strip_suffix(']')?.split_once('[')?;
    let text = rest.strip_prefix(": ")?;
    let is_word = |word: &str| {
        let is_part = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_');
        !word.is_empty() && word.bytes().all(is_part)
    };
    let inner = own(text, formats).filter(|_| is_word(name) && is_word(instance))?;
    Some(Entry { source: inner.source.or(Some(process)), ..inner })
}

/// Whether this can be a host's name or address, and is no first word of a sentence and no level.
fn is_host(word: &str) -> bool {
    let has_letter = word.bytes().any(|byte| byte.is_ascii_alphabetic() || !byte.is_ascii());
    let is_name = has_letter
        && !word.starts_with(['[', '{', '"', '%', '-', '<'])
        && !word.contains(['(', ')', ':', '=', ','])
        && !matches!(word, "AM" | "PM")
        && Level::of(word) == Level::Unknown;
    is_name || word.parse::<IpAddr>().is_ok()
}

/// `<134>`: facility and severity (RFC 3164, 4.1.1).
fn priority(line: &str) -> (Option<u32>, &str) {
    let mut cursor = Cursor(line);
    let number = (|| {
        cursor.eat("<")?;
        let number = cursor.number(1, 3)?;
        cursor.eat(">").map(|()| number)
    })();
    match number {
        Some(number) => (Some(number % 8), cursor.0),
        None => (None, line),
    }
}

/// `1 TIME HOST APP PROCID MSGID [SD] text` (RFC 5424, 6).
fn rfc5424<'a>(line: &'a str, severity: Option<u32>, formats: &[AccessFormat]) -> Option<Entry<'a>> {
    severity?;
    let (outer, rest) = stamp::iso(line.strip_prefix("1 ")?)?;
    let mut cursor = Cursor(rest);
    let mut word = || {
        cursor.spaces(1)?;
        Some(cursor.word())
    };
    let (host, app, _process, _message) = (word()?, word()?, word()?, word()?);
    cursor.spaces(0)?;
    let text = match cursor.0.strip_prefix('-') {
        Some(text) => text,
        None => structured_data_end(cursor.0)?,
    };
    let text = text.trim_start_matches([' ', '\u{feff}']);
    let named = |word: &'a str| (word != "-").then_some(word);
    Some(after_prefix(outer, named(host), named(app), text, severity, formats))
}

/// What follows `[id key="value"]...`; a value may contain a bracket.
fn structured_data_end(text: &str) -> Option<&str> {
    let (mut is_quoted, mut is_escaped, mut depth) = (false, false, 0);
    for (index, next) in text.char_indices() {
        match next {
            _ if is_escaped => is_escaped = false,
            '\\' if is_quoted => is_escaped = true,
            '"' => is_quoted = !is_quoted,
            '[' if !is_quoted => depth += 1,
            ']' if !is_quoted => depth -= 1,
            ' ' if !is_quoted && depth == 0 => return text.get(index..),
            _ => {}
        }
    }
    (depth == 0).then_some("")
}

/// `tag:`, `tag[47]:`, and what follows. Some programs write none, and Cisco's devices put a sequence number there.
fn tag(text: &str) -> (Option<&str>, &str) {
    let (word, rest) = text.split_once(' ').unwrap_or((text, ""));
    let Some(tag) = word.strip_suffix(':') else {
        return (None, text);
    };
    let name = tag.split_once('[').map_or(tag, |(name, _)| name);
    (Some(name), rest.trim_start())
}

/// What follows the prefix, as an entry of its own grammar.
fn after_prefix<'a>(
    outer: Stamp<'a>,
    host: Option<&'a str>,
    tag: Option<&'a str>,
    text: &'a str,
    severity: Option<u32>,
    formats: &[AccessFormat],
) -> Entry<'a> {
    let mut entry = own(text, formats).unwrap_or_else(|| Entry::new(Grammar::Syslog, text));
    if entry.grammar == Grammar::Syslog && tag == Some("chronyd") {
        entry.grammar = Grammar::Chronyd;
        if text.contains("was stepped by") || text.contains("time jump detected") {
            entry.fact = Fact::ClockStep;
        }
    }
    if entry.grammar == Grammar::Generic {
        entry.grammar = Grammar::Syslog;
    }
    entry.outer = Some(outer);
    entry.host = entry.host.or(host);
    entry.source = entry.source.or(tag);
    if entry.level == Level::Unknown {
        entry.level = severity.map(Level::of_severity).unwrap_or_default();
    }
    entry
}

/// What has a grammar of its own after a prefix.
fn own<'a>(text: &'a str, formats: &[AccessFormat]) -> Option<Entry<'a>> {
    match text.bytes().next()? {
        b'0'..=b'9' => vmanage::read(text)
            .or_else(|| service::read(text, formats))
            .or_else(|| flexnet::read(text))
            .or_else(|| cisco::read(text))
            .or_else(|| generic::with_own_time(text)),
        _ => rails::read(text)
            .or_else(|| service::read(text, formats))
            .or_else(|| cisco::read(text))
            .or_else(|| klog::read(text))
            .or_else(|| fielded::read(text)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_prefix_gives_the_host_and_the_tag() {
        for (line, tag, text) in [
            (
                "Jan 13 11:17:14 SSM-On-Prem 1a1fca641d0a: [INFO] Session expiring outcome=success",
                "1a1fca641d0a",
                "[INFO] Session expiring outcome=success",
            ),
            ("<134>Jan 13 11:17:14 SSM-On-Prem app[47]: x y", "app", "x y"),
            ("2023-01-13T11:17:14.123456+00:00 SSM-On-Prem app[47]: x y", "app", "x y"),
            ("<165>1 2023-01-13T11:17:14Z SSM-On-Prem app 47 ID1 - x y", "app", "x y"),
            (
                "<165>1 2023-01-13T11:17:14Z SSM-On-Prem app 47 ID1 [a b=\"c ] d\"][e] \u{feff}x y",
                "app",
                "x y",
            ),
        ] {
            let entry = read(line, &[]).unwrap_or_else(|| panic!("{line}"));
            assert_eq!(
                (entry.grammar, entry.host, entry.source, entry.text),
                (Grammar::Syslog, Some("SSM-On-Prem"), Some(tag), text),
                "{line}"
            );
            assert!(entry.outer.is_some() && entry.stamp.is_none());
        }
    }

    #[test]
    fn what_has_a_time_of_its_own_keeps_both() {
        let line = "Jan 13 11:14:09 SSM-On-Prem b09c1e3b5d81: 1:M 13 Jan 2023 11:14:09.049 * 100 changes in 300 seconds. Sa";
        let entry = read(line, &[]).expect("a line");
        assert_eq!((entry.grammar, entry.source), (Grammar::Redis, Some("b09c1e3b5d81")));
        assert!(entry.outer.is_some() && entry.stamp.is_some());
        let line = "Jan 13 17:29:04 um8_vManage vmanage-server: 13-Jan-2023 17:29:03,490 IST ERROR [um8] [RestAPIClient] (default task-24) |default| Failed to";
        let entry = read(line, &[]).expect("a line");
        assert_eq!(
            (entry.grammar, entry.source, entry.host),
            (Grammar::VmanageServer, Some("RestAPIClient"), Some("um8"))
        );
    }

    #[test]
    fn what_docker_and_the_kubelet_put_before_a_line_is_its_second_time() {
        let access = r#"192.0.2.7 - - [13/Jan/2023:11:17:01 +0000] "GET / HTTP/1.1" 502 5"#;
        for prefix in [
            "2023-01-13T11:17:01.123456789Z ",
            "2023-01-13T11:17:01.12345678Z stdout F ",
            "Jan 13 11:17:01 web web nginx: ",
        ] {
            let line = format!("{prefix}{access}");
            let entry = read(&line, &[]).unwrap_or_else(|| panic!("{line}"));
            assert_eq!(entry.grammar, Grammar::NginxAccess, "{line}");
            assert!(entry.outer.is_some() && matches!(entry.fact, Fact::Request(_)));
        }
    }

    #[test]
    fn a_process_may_precede_the_text_without_a_host() {
        let prefix = "2020-07-06T00:29:24.127212+00:00 app[web.1]: ";
        for text in [
            "Started GET \"/callback\" for 192.0.2.4 at 2020-07-06 00:29:24 +0000",
            "Completed 401 Unauthorized in 3ms (ActiveRecord: 0.0ms)",
            "method=POST path=/oauth/token status=401 duration=0.46 view=0.26",
        ] {
            let line = format!("{prefix}{text}");
            let entry = read(&line, &[]).unwrap_or_else(|| panic!("{line}"));
            assert_eq!((entry.grammar, entry.source), (Grammar::Lograge, Some("app[web.1]")), "{line}");
            assert!(
                entry.outer.is_some()
                    && matches!(entry.fact, Fact::Started { .. } | Fact::Completed { .. } | Fact::Request(_))
            );
        }
        for text in
            ["x", "say [1]: method=GET path=/ status=200 x=1", "[1]: method=GET path=/ status=200 x=1"]
        {
            assert!(own_of_process(text, &[]).is_none(), "{text}");
        }
    }

    #[test]
    fn steps_of_the_clock_are_recognised() {
        let line = "Jan 13 11:13:36 SSM-On-Prem chronyd[1319]: System clock was stepped by 62.834531 seconds";
        assert!(matches!(read(line, &[]).expect("a line").fact, Fact::ClockStep));
        let line =
            "Jan 13 11:13:36 SSM-On-Prem chronyd[1319]: Source 172.20.226.229 replaced with 172.20.226.230";
        let entry = read(line, &[]).expect("a line");
        assert_eq!(entry.grammar, Grammar::Chronyd);
        assert!(matches!(entry.fact, Fact::None));
    }

    #[test]
    fn a_sentence_is_no_host() {
        assert!(read("Jan 13 11:13:36 [error] x", &[]).is_none());
        assert!(read("Jan 13 11:13:36.123: %SYS-5-CONFIG_I: x", &[]).is_none());
        assert!(read("2023-01-13 11:17:14 host app: x", &[]).is_none());
        assert!(read("Jan 13, 2023 11:17:14 AM org.example.Foo init", &[]).is_none());
        assert!(read("Jan 13 2023 11:17:14 PM org.example.Foo init", &[]).is_none());
        for word in ["INFO:worker:started", "2023-01-13", "7", "main.c:494:(run)", "key=x", "warning", "(x)"]
        {
            let line = format!("2023-01-13T11:17:14Z {word} [1] x: y");
            assert!(read(&line, &[]).is_none(), "{line}");
        }
        assert!(read("2023-01-13T11:17:14.123456789Z web nginx: x", &[]).is_none());
        for host in ["192.0.2.7", "2001:db8::7", "ssm-1", "4d7f0a"] {
            let line = format!("2023-01-13T11:17:14Z {host} app: y");
            assert_eq!(read(&line, &[]).expect("a line").host, Some(host));
        }
    }
}
