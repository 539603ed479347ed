//! HAProxy's log of HTTP requests, and its lines on handshakes that failed.
//!
//! ```text
//! 10.0.0.1:58444 [14/Nov/2015:22:45:25.439] main app/app1 9/0/1/30/40 403 5168 - - ---- 3/3/0/0/0 0/0 "GET / HTTP/1.1"
//! 10.0.0.1:36192 [12/Dec/2024:14:34:08.009] main/3: SSL handshake failure
//! ```
//!
//! The time is the one at which the connection was accepted, or the request came on a connection that was kept; the last of the timers counts
//! from it in milliseconds to the end (HAProxy, configuration manual, 8.2.3 and 8.4). The zone is the host's own.

use super::fields::address;
use super::nginx_access::{level, status, take_line};
use super::{Entry, Fact, Grammar, Incident, Level, Request};
use crate::log::stamp::{self, Cursor};

/// Reads one line.
pub(super) fn read(line: &str) -> Option<Entry<'_>> {
    // An address and a port; some anonymise them.
    const WIDEST: usize = 80;
    let open = memchr::memchr(b' ', line.as_bytes().get(..WIDEST).unwrap_or(line.as_bytes()))?;
    (line.as_bytes().get(open + 1) == Some(&b'[')).then_some(())?;
    let end = line.get(..open).filter(|end| end.contains(':'))?;
    let (stamp, rest) = stamp::access(line.get(open + 2..)?)?;
    (stamp.digits == 3).then_some(())?;
    let mut cursor = Cursor(rest.strip_prefix("] ")?);
    let mut entry = Entry::new(Grammar::Haproxy, cursor.0);
    entry.stamp = Some(stamp);
    let (client, client_port) = address(end).map_or((None, None), |(ip, port)| (Some(ip), port));
    let frontend = cursor.word();
    entry.source = Some(frontend.trim_end_matches(':'));
    if frontend.ends_with(':') {
        entry.level = Level::Warning;
        entry.fact = Fact::Incident(Incident { client, ..Incident::default() });
        return Some(entry);
    }
    let mut word = || {
        cursor.spaces(1)?;
        Some(cursor.word())
    };
    let (_backend, timers, code) = (word()?, word()?, word()?);
    // Five timers are those of HTTP, three those of TCP, which has no status.
    let total = timers.rsplit('/').next().filter(|_| timers.split('/').count() == 5);
    let Some(total) = total else {
        entry.level = Level::Info;
        return Some(entry);
    };
    let mut request = Request { client, client_port, status: status(code), ..Request::default() };
    // `+` marks a line that was written before the end (`option logasap`).
    if let Some(milliseconds) = total.parse::<u32>().ok().filter(|_| !total.starts_with('+')) {
        let nanos = i64::from(milliseconds) * 1_000_000;
        request.duration = Some(nanos);
        entry.stamp = Some(stamp::Stamp { time: stamp.time + nanos, ..stamp });
    }
    if let Some((_, quoted)) = cursor.0.split_once('"') {
        take_line(&mut request, quoted.split('"').next().unwrap_or_default());
    }
    entry.level = level(request.status);
    entry.fact = Fact::Request(request);
    Some(entry)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::SECOND;

    #[test]
    fn a_request_ends_when_its_timers_say() {
        let line = r#"192.0.2.7:58444 [13/Jan/2023:11:17:01.439] main app/app1 5/0/1/2000/2006 403 5168 - - ---- 3/3/0/0/0 0/0 "GET /x HTTP/1.1""#;
        let entry = read(line).expect("a line");
        let Fact::Request(request) = entry.fact else { panic!("{entry:?}") };
        assert_eq!(
            (request.client, request.client_port, request.status),
            (Some("192.0.2.7".parse().expect("an address")), Some(58444), Some(403))
        );
        assert_eq!((request.method, request.path), (Some("GET"), Some("/x")));
        assert_eq!(request.duration, Some(2_006_000_000));
        let end = (11 * 3600 + 17 * 60 + 1) * SECOND + 439_000_000 + 2_006_000_000;
        assert_eq!(entry.stamp.expect("a time").time, end);
    }

    #[test]
    fn a_line_that_is_written_early_has_no_end() {
        let line = r#"192.0.2.7:58444 [13/Jan/2023:11:17:01.439] main app/app1 5/0/1/2000/+2006 200 +0 - - ---- 3/3/0/0/0 0/0 "GET /x HTTP/1.1""#;
        let Fact::Request(request) = read(line).expect("a line").fact else { panic!() };
        assert_eq!(request.duration, None);
    }

    #[test]
    fn a_handshake_that_failed_is_an_incident_and_tcp_none() {
        let entry =
            read("192.0.2.7:36192 [13/Jan/2023:11:17:01.009] fe/3: SSL handshake failure").expect("a line");
        assert!(matches!(entry.fact, Fact::Incident(Incident { client: Some(_), .. })), "{entry:?}");
        let entry = read("192.0.2.7:36192 [13/Jan/2023:11:17:01.009] fe be/s1 0/1/5007 212 -- 0/0/0/0/3 0/0")
            .expect("a line");
        assert!(matches!(entry.fact, Fact::None), "{entry:?}");
        assert!(read("192.0.2.7 - - [13/Jan/2023:11:17:01 +0000] \"GET / HTTP/1.1\" 200 5").is_none());
    }
}
