//! nginx's error log.
//!
//! ```text
//! 2023/07/13 11:17:01 [error] 47#47: *1576 connect() failed (111: Connection refused) while connecting to upstream, client: 10.66.76.85, server: _, request: "POST /oauth/token HTTP/1.1", upstream: "http://127.0.0.1:3000/oauth/token", host: "ssm:8443"
//! ```
//!
//! The time is local and names no zone. `*1576` counts connections, those to upstream servers among them, so a gap between two numbers
//! counts connections that left no line.

use super::fields::{address, request_line};
use super::{Entry, Fact, Grammar, Incident, Level};
use crate::log::stamp::{self, Cursor};

/// Reads one line, cut anywhere after its time.
pub(super) fn read(line: &str) -> Option<Entry<'_>> {
    let (stamp, rest) = stamp::slashed(line)?;
    let mut cursor = Cursor(rest);
    cursor.spaces(1)?;
    cursor.0.starts_with('[').then_some(())?;
    let level = Level::of(cursor.enclosed("[", b']')?);
    let mut entry = Entry::new(Grammar::NginxError, cursor.0.trim_start());
    entry.stamp = Some(stamp);
    entry.level = level;
    cursor.spaces(0)?;
    // Process and thread.
    let is_process = |word: &str| {
        word.split_once('#').is_some_and(|(process, _)| process.bytes().all(|byte| byte.is_ascii_digit()))
    };
    let mut ahead = cursor;
    if is_process(ahead.word()) {
        let _ = ahead.spaces(0);
        cursor = ahead;
    }
    let number = cursor.eat("*").and_then(|()| cursor.word().parse().ok());
    let _ = cursor.spaces(0);
    entry.text = cursor.0;
    let incident = Incident { connection: number, ..about(cursor.0) };
    if number.is_some() {
        entry.fact = Fact::Incident(incident);
    }
    Some(entry)
}

/// What an error says of the connection that it is about, after its sentence.
pub(in crate::log) fn about(text: &str) -> Incident<'_> {
    let field = |name: &str| {
        let value = &text[text.find(name)? + name.len()..];
        let (value, is_whole) = match value.strip_prefix('"') {
            Some(quoted) => (quoted.split_once('"')?.0, true),
            None => value.split_once(", ").map_or((value, false), |(value, _)| (value, true)),
        };
        Some((value, is_whole))
    };
    let request = field(", request: ").and_then(|(value, _)| request_line(value));
    // `client 10.106.66.1 closed keepalive connection` has it in the sentence. One at the end may be cut within the address.
    let client = field(", client: ")
        .and_then(|(value, is_whole)| is_whole.then_some(value))
        .or_else(|| text.strip_prefix("client ").and_then(|rest| rest.split(' ').next()));
    Incident {
        connection: None,
        client: client.and_then(address).map(|(ip, _)| ip),
        method: request.map(|(method, _)| method),
        path: request.map(|(_, path)| path),
        host: field(", host: ").map(|(value, _)| value),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // Lines of nginx 1.22.1.
    const REFUSED: &str = r#"2026/11/28 00:57:43 [error] 3628#3628: *19 connect() failed (111: Connection refused) while connecting to upstream, client: 10.106.66.1, server: ssm.lab.example, request: "POST /down HTTP/1.1", upstream: "http://127.0.0.1:3001/down", host: "ssm.lab.example:8443""#;

    fn incident<'a>(entry: &Entry<'a>) -> Incident<'a> {
        match entry.fact {
            Fact::Incident(incident) => incident,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn an_error_names_the_connection_the_client_and_the_request() {
        let entry = read(REFUSED).expect("a line");
        let incident = incident(&entry);
        assert_eq!(
            (incident.connection, incident.client),
            (Some(19), Some("10.106.66.1".parse().expect("an address")))
        );
        assert_eq!(
            (incident.method, incident.path, incident.host),
            (Some("POST"), Some("/down"), Some("ssm.lab.example:8443"))
        );
        assert_eq!(entry.level, Level::Error);
        assert!(entry.text.starts_with("connect() failed (111"));
    }

    #[test]
    fn a_line_that_is_cut_is_read_as_far_as_it_goes() {
        let entry = read("2023/07/13 11:17:01 [error] 47#47: *1576 connect() failed (11").expect("a line");
        assert_eq!((incident(&entry).connection, incident(&entry).client), (Some(1576), None));
        let entry = read("2023/07/13 11:17:01 [warn] 47#47: *1576 upstream server tempo").expect("a line");
        assert_eq!(entry.level, Level::Warning);
        assert!(read("2023/07/13 11:17:01 x").is_none());
    }

    #[test]
    fn a_line_about_the_program_names_no_connection() {
        let entry =
            read("2026/11/28 00:57:19 [notice] 3619#3619: using the \"epoll\" event method").expect("a line");
        assert!(matches!(entry.fact, Fact::None));
        let entry =
            read("2026/11/28 00:58:17 [info] 3628#3628: *31 client 10.106.66.1 closed keepalive connection")
                .expect("a line");
        assert_eq!(incident(&entry).client, Some("10.106.66.1".parse().expect("an address")));
    }
}
