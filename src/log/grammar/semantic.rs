//! Rails' requests as semantic_logger writes them, and the other lines of that logger.
//!
//! ```text
//! 2023-01-13 11:17:01.262903 I [2354:puma 003] {request_id: d25efb37} (23.9ms) Doorkeeper::TokensController -- Completed #create -- {:controller => "Doorkeeper::TokensController", :action => "create", :method => "POST", :path => "/oauth/token", :status => 401}
//! ```
//!
//! Time, level, process and thread, tags, duration, name, message, and a payload as Ruby prints it. What comes after the process may be missing.
//! The line is written when the request ends.

use super::fields::{address, milliseconds};
use super::{Entry, Fact, Grammar, Level, Request, rails};
use crate::log::stamp;

/// Reads one line.
pub(super) fn read(line: &str) -> Option<Entry<'_>> {
    // What most lines are not is seen without reading their time.
    (line.as_bytes().get(10) == Some(&b' ')).then_some(())?;
    let (stamp, rest) = stamp::iso(line)?;
    let rest = rest.strip_prefix(' ')?;
    let level = match rest.as_bytes() {
        [b'T' | b'D', b' ', b'[', ..] => Level::Debug,
        [b'I', b' ', b'[', ..] => Level::Info,
        [b'W', b' ', b'[', ..] => Level::Warning,
        [b'E' | b'F', b' ', b'[', ..] => Level::Error,
        _ => return None,
    };
    let (process, rest) = rest.get(3..)?.split_once("] ")?;
    // A process and what runs in it.
    let is_process = process.bytes().take_while(u8::is_ascii_digit).count();
    (is_process > 0 && process.get(is_process..)?.starts_with(':')).then_some(())?;
    let (rest, duration) = after_tags(rest);
    let (name, text) = rest.split_once(" -- ").unwrap_or(("", rest));
    let read = completed(text, duration).or_else(|| rails::read(text));
    let mut entry = read.unwrap_or_else(|| Entry::new(Grammar::Generic, text));
    if let Fact::Started { key, .. } | Fact::Completed { key, .. } = &mut entry.fact {
        *key = process;
    }
    entry.stamp = Some(stamp);
    entry.level = level;
    entry.source = Some(name).filter(|name| !name.is_empty());
    Some(entry)
}

/// What follows the tags and the duration, and the duration in nanoseconds.
fn after_tags(text: &str) -> (&str, Option<i64>) {
    /// Tags with and without names, each in its own brackets, and the duration.
    const MOST: usize = 8;
    let (mut rest, mut duration) = (text, None);
    for _ in 0..MOST {
        let close = match rest.bytes().next() {
            Some(b'[') => "] ",
            Some(b'{') => "} ",
            Some(b'(') => ") ",
            _ => break,
        };
        let Some((inside, after)) = rest.split_once(close) else { break };
        if close == ") " {
            duration = took(inside.get(1..).unwrap_or_default());
        }
        rest = after.trim_start();
    }
    (rest, duration)
}

/// `29.6ms`, `1.204s`, as nanoseconds. Minutes are written as several numbers, and are left out.
fn took(text: &str) -> Option<i64> {
    if let Some(number) = text.strip_suffix("ms") {
        return milliseconds(number);
    }
    if let Some(number) = text.strip_suffix("us") {
        return Some(milliseconds(number)? / 1_000);
    }
    milliseconds(text.strip_suffix('s')?)?.checked_mul(1_000)
}

/// `Completed #create -- {...}`.
fn completed(text: &str, duration: Option<i64>) -> Option<Entry<'_>> {
    let (action, payload) = text.strip_prefix("Completed #")?.split_once(" -- {")?;
    (!action.contains(' ')).then_some(())?;
    let mut request = Request { duration, ..Request::default() };
    for (key, value) in Pairs(payload) {
        match key {
            "method" => request.method = Some(value),
            "path" => request.path = Some(value),
            "status" => request.status = value.parse().ok().filter(|status| (100..600).contains(status)),
            "ip" | "remote_ip" | "client_ip" => request.client = address(value).map(|(ip, _)| ip),
            "host" => request.host = Some(value),
            _ => {}
        }
    }
    request.path?;
    let mut entry = Entry::new(Grammar::Lograge, text);
    entry.fact = Fact::Request(request);
    Some(entry)
}

/// The outermost pairs of a hash as Ruby prints it, `:key => "value"`, `:key=>1`, `key: "value"`, from after its first brace.
struct Pairs<'a>(&'a str);

impl<'a> Iterator for Pairs<'a> {
    type Item = (&'a str, &'a str);

    fn next(&mut self) -> Option<Self::Item> {
        let text = self.0.trim_start_matches([' ', ',', ':']);
        let end = text.find(|next: char| !(next.is_ascii_alphanumeric() || next == '_'))?;
        let (key, rest) = text.split_at_checked(end).filter(|(key, _)| !key.is_empty())?;
        let rest = rest.trim_start_matches([' ', ':', '=', '>', '"']).len();
        let before = text.len() - rest;
        let is_quoted = text.as_bytes().get(before.checked_sub(1)?) == Some(&b'"');
        let value = text.get(before..)?;
        let end = if is_quoted { end_of_quoted(value)? } else { end_of_bare(value) };
        let (value, after) = value.split_at_checked(end)?;
        self.0 = after.strip_prefix('"').unwrap_or(after);
        Some((key, value))
    }
}

/// Where a quoted value ends. One that is cut has no end.
fn end_of_quoted(value: &str) -> Option<usize> {
    let mut is_escaped = false;
    for (at, byte) in value.bytes().enumerate() {
        match byte {
            b'"' if !is_escaped => return Some(at),
            _ => is_escaped = byte == b'\\' && !is_escaped,
        }
    }
    None
}

/// Where a value without quotes ends: a number, or a hash or a list with all that is in it.
fn end_of_bare(value: &str) -> usize {
    let (mut depth, mut is_quoted, mut is_escaped) = (0_usize, false, false);
    for (at, byte) in value.bytes().enumerate() {
        match byte {
            _ if is_escaped => is_escaped = false,
            b'\\' => is_escaped = true,
            b'"' => is_quoted = !is_quoted,
            _ if is_quoted => {}
            b'{' | b'[' => depth += 1,
            b',' | b'}' | b']' if depth == 0 => return at,
            b'}' | b']' => depth -= 1,
            _ => {}
        }
    }
    value.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(line: &str) -> Request<'_> {
        match read(line).unwrap_or_else(|| panic!("{line}")).fact {
            Fact::Request(request) => request,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_completed_action_is_a_request_however_ruby_prints_its_payload() {
        for payload in [
            r#"{ :controller => "T", :params => { "status" => 7, "a" => "}\"" }, :method => "POST", :path => "/oauth/token", :status => 401, :status_message => "Unauthorized" }"#,
            r#"{:action=>"create", :method=>"POST", :path=>"/oauth/token", :status=>401, :view_runtime=>0.2}"#,
            r#"{method: "POST", path: "/oauth/token", status: 401, allocations: 4698}"#,
        ] {
            for tags in ["", "{request_id: d25e-4, user: 1} ", "[d25e] [10.0.0.1] ", "[d25e] {a: 1} "] {
                let line = format!(
                    "2023-01-13 11:17:01.262903 I [2354:puma 003 log.rb:8] {tags}(23.9ms) Doorkeeper::TokensController -- Completed #create -- {payload}"
                );
                let request = request(&line);
                assert_eq!(
                    (request.method, request.path, request.status, request.duration),
                    (Some("POST"), Some("/oauth/token"), Some(401), Some(23_900_000)),
                    "{line}"
                );
            }
        }
    }

    #[test]
    fn durations_have_units() {
        assert_eq!(took("1.204s"), Some(1_204_000_000));
        assert_eq!(took("29.6ms"), Some(29_600_000));
        assert_eq!(took("380us"), Some(380_000));
        assert_eq!(took("1m 2s"), None);
    }

    #[test]
    fn what_is_cut_or_not_said_is_absent() {
        let begin = "2023-01-13 11:17:01.262903 I [2354:puma 003] (9ms) T -- Completed #new -- ";
        let line = format!("{begin}{{:method => \"GET\", :path => \"/terms\", :db_runtime => 0.0 }}");
        assert_eq!((request(&line).path, request(&line).status), (Some("/terms"), None));
        let line = format!("{begin}{{:method => \"GET\", :path => \"/te");
        assert!(matches!(read(&line).expect("a line").fact, Fact::None));
    }

    #[test]
    fn other_lines_of_the_logger_have_a_level_and_a_name() {
        let line = "2023-01-13 11:17:01.262903 E [1149:Worker] Rails -- Exception: Errno::ECONNREFUSED";
        let entry = read(line).expect("a line");
        assert_eq!((entry.grammar, entry.level), (Grammar::Generic, Level::Error));
        assert_eq!((entry.source, entry.text), (Some("Rails"), "Exception: Errno::ECONNREFUSED"));
        let line = "2023-01-13 11:17:01.262903 I [1149:puma 1] T -- Completed 401 Unauthorized in 10ms (Views: 0.2ms)";
        assert!(matches!(read(line).expect("a line").fact, Fact::Completed { key: "1149:puma 1", .. }));
        for other in
            ["2023-01-13 11:17:01 I x", "2023-01-13 11:17:01,123 INFO [a:b] x", "2023-01-13 11:17:01 I [a] x"]
        {
            assert!(read(other).is_none(), "{other}");
        }
    }
}
