//! As much of an HTTP server as a scrape needs: one request a connection, read within a bound and a time limit, and its answer.
//!
//! httparse, which hyper uses, reads the request. tiny_http, the usual server on threads, has no time limit for a client that sends
//! slowly, and hyper needs an asynchronous runtime. A thread for each of a few connections needs neither.

use std::io::{self, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::time::{Duration, Instant};

use httparse::Status as Parsed;
use ssmscope::limits;

/// How long a client may take to send its request.
const REQUEST_TIME: Duration = Duration::from_secs(5);

/// How long it may take to read each part of the answer.
const WRITE_TIME: Duration = Duration::from_secs(5);

/// How long what it still sends is read, so that a RST does not overtake the answer.
const LINGER: Duration = Duration::from_millis(500);

/// A request.
#[derive(PartialEq, Eq, Debug)]
pub struct Request {
    /// Whether the answer's body is wanted: GET and not HEAD.
    pub wants_body: bool,
    /// The path, without what follows `?`.
    pub path: String,
    /// What follows `?`.
    pub query: String,
    /// Prometheus' time limit in seconds, as it is written.
    pub time_limit: Option<String>,
}

/// An answer.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub content_type: &'static str,
    pub body: Vec<u8>,
}

const TEXT: &str = "text/plain; charset=utf-8";

impl Answer {
    /// An answer in words.
    pub fn text(status: u16, text: &str) -> Self {
        Self { status, content_type: TEXT, body: format!("{text}\n").into_bytes() }
    }
}

/// Reads a request: the request, an answer to one that is not to be served, or nothing if the client left.
pub fn read(stream: &mut TcpStream) -> io::Result<Result<Request, Answer>> {
    let until = Instant::now() + REQUEST_TIME;
    let mut head = Vec::new();
    let mut buffer = [0; 1024];
    loop {
        match parse(&head) {
            Ok(None) if head.len() >= limits::REQUEST_BYTES => {
                return Ok(Err(Answer::text(431, "the request is too large")));
            }
            Ok(None) => {}
            Ok(Some(request)) => return Ok(Ok(request)),
            Err(answer) => return Ok(Err(answer)),
        }
        let left = until.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Ok(Err(Answer::text(408, "the request did not come in time")));
        }
        stream.set_read_timeout(Some(left))?;
        match stream.read(&mut buffer) {
            Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
            Ok(len) => head.extend_from_slice(&buffer[..len]),
            Err(error) if matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut) => {}
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}

/// The request that these bytes begin with; nothing if they are only its beginning.
fn parse(bytes: &[u8]) -> Result<Option<Request>, Answer> {
    let mut headers = [httparse::EMPTY_HEADER; limits::REQUEST_HEADERS];
    let mut request = httparse::Request::new(&mut headers);
    match request.parse(bytes) {
        Ok(Parsed::Partial) => return Ok(None),
        Ok(Parsed::Complete(_)) => {}
        Err(httparse::Error::TooManyHeaders) => {
            return Err(Answer::text(431, "the request has too many headers"));
        }
        Err(error) => return Err(Answer::text(400, &format!("not an HTTP request: {error}"))),
    }
    let wants_body = match request.method {
        Some("GET") => true,
        Some("HEAD") => false,
        _ => return Err(Answer::text(405, "only GET and HEAD are served")),
    };
    let target = request.path.unwrap_or_default();
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let time_limit = request
        .headers
        .iter()
        .find(|header| header.name.eq_ignore_ascii_case("X-Prometheus-Scrape-Timeout-Seconds"))
        .map(|header| String::from_utf8_lossy(header.value).into_owned());
    Ok(Some(Request { wants_body, path: path.to_owned(), query: query.to_owned(), time_limit }))
}

/// Sends an answer.
///
/// # Errors
/// When it can't be written.
pub fn send(stream: &mut TcpStream, answer: &Answer, wants_body: bool) -> io::Result<()> {
    let Answer { status, content_type, body } = answer;
    let reason = match status {
        200 => "OK",
        400 => "Bad Request",
        403 => "Forbidden",
        404 => "Not Found",
        405 => "Method Not Allowed",
        408 => "Request Timeout",
        431 => "Request Header Fields Too Large",
        503 => "Service Unavailable",
        _ => "Internal Server Error",
    };
    let allow = if *status == 405 { "Allow: GET, HEAD\r\n" } else { "" };
    let mut bytes = format!(
        "HTTP/1.1 {status} {reason}\r\nContent-Type: {content_type}\r\nContent-Length: {}\r\n{allow}\
         Cache-Control: no-store\r\nX-Content-Type-Options: nosniff\r\n\
         Content-Security-Policy: default-src 'none'\r\nConnection: close\r\n\r\n",
        body.len()
    )
    .into_bytes();
    if wants_body {
        bytes.extend_from_slice(body);
    }
    stream.write_all(&bytes)
}

/// Writes an answer, and closes. What the client still sends is read for a moment, and thrown away.
pub fn write(stream: &mut TcpStream, answer: &Answer, wants_body: bool) -> io::Result<()> {
    stream.set_write_timeout(Some(WRITE_TIME))?;
    send(stream, answer, wants_body)?;
    stream.shutdown(Shutdown::Write)?;
    let until = Instant::now() + LINGER;
    let mut buffer = [0; 1024];
    loop {
        let left = until.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Ok(());
        }
        stream.set_read_timeout(Some(left))?;
        match stream.read(&mut buffer) {
            Ok(0) | Err(_) => return Ok(()),
            Ok(_) => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_request_is_read_as_far_as_it_matters() {
        let request = parse(
            b"GET /probe?target=a&module=b HTTP/1.1\r\nHost: x\r\nx-prometheus-scrape-timeout-seconds: 10\r\n\r\n",
        );
        let expected = Request {
            wants_body: true,
            path: "/probe".to_owned(),
            query: "target=a&module=b".to_owned(),
            time_limit: Some("10".to_owned()),
        };
        assert_eq!(request.unwrap(), Some(expected));
        assert_eq!(parse(b"GET / HTTP/1.1\r\nHost:").unwrap(), None);
        for (bytes, status) in [
            (&b"POST / HTTP/1.1\r\n\r\n"[..], 405),
            (b"\x16\x03\x01\x02\x00", 400),
            (b"GET / HTTP/1.1\r\nbad header\r\n\r\n", 400),
        ] {
            assert_eq!(parse(bytes).unwrap_err().status, status);
        }
        let many = format!("GET / HTTP/1.1\r\n{}\r\n", "a: b\r\n".repeat(limits::REQUEST_HEADERS + 1));
        assert_eq!(parse(many.as_bytes()).unwrap_err().status, 431);
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_without_a_panic(bytes: Vec<u8>, text in "(GET|HEAD) [ -~]{0,40} HTTP/1\\.[01]\r\n([ -~]{0,20}\r\n){0,4}\r\n") {
            let _ = parse(&bytes);
            let _ = parse(text.as_bytes());
        }
    }
}
