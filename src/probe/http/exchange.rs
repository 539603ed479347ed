//! One request over an established connection, and its answer, by ureq's protocol engine.

use std::io::{self, Read, Write};

use tracing::debug;
use ureq_proto::client::state::RecvResponse;
use ureq_proto::client::{Call, RecvResponseResult, SendRequestResult};
use zeroize::Zeroizing;

/// Whether a request can ask for this path, with the query after it (RFC 9112, 3.2.1).
pub fn is_path(text: &str) -> bool {
    let is_plain =
        text.starts_with('/') && text.chars().all(|letter| letter.is_ascii_graphic() && letter != '#');
    is_plain && text.parse::<PathAndQuery>().is_ok()
}

use ureq_proto::http::uri::PathAndQuery;
pub(in crate::probe) use ureq_proto::http::{HeaderMap, HeaderName, HeaderValue, Method, Request};

use super::body::{more, read_body};
pub(in crate::probe) use super::failure::Failure;
use super::head::{self, unreadable};
use crate::limits;
use crate::probe::tape::Tape;

/// Who asks, as servers' logs show it.
pub(in crate::probe) const USER_AGENT: &str = concat!("ssmscope/", env!("CARGO_PKG_VERSION"));

/// An answer, as far as it came.
#[derive(Clone, Debug)]
pub(in crate::probe) struct Answer {
    pub(in crate::probe) status: u16,
    pub(in crate::probe) headers: HeaderMap,
    /// The body's first bytes, at most [`limits::HTTP_BODY_BYTES`] of them.
    pub(in crate::probe) body: Zeroizing<Vec<u8>>,
    /// Where the body ended too early, and how; absent if it came to its end, or was not read so far.
    pub(in crate::probe) broken_off: Option<String>,
}

impl Answer {
    /// A header field, if there is one that is text.
    pub(in crate::probe) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }

    /// Where its Location field says that it leads, if there is one.
    pub(in crate::probe) fn location(&self) -> Option<String> {
        location(&self.headers)
    }

    /// Whether it has several Location fields that differ.
    pub(in crate::probe) fn leads_to_two_places(&self) -> bool {
        let mut all = self.headers.get_all("location").iter();
        let first = all.next();
        all.any(|other| Some(other) != first)
    }

    /// Hides what the tape hides in the header fields.
    pub(in crate::probe) fn cover(&mut self, tape: &Tape) {
        head::cover(&mut self.headers, tape);
    }

    /// Where a redirect leads.
    pub(in crate::probe) fn redirect(&self) -> Option<String> {
        redirect(self.status, &self.headers)
    }

    /// When a server that takes no requests now wants the next one: a time, or seconds with their unit (RFC 9110, 10.2.3).
    pub(in crate::probe) fn retry_after(&self) -> Option<String> {
        const LONGEST: usize = 40;
        let text = self.header("retry-after")?.trim();
        let is_number = text.bytes().all(|byte| byte.is_ascii_digit());
        let unit = if is_number { " s" } else { "" };
        (1..LONGEST).contains(&text.len()).then(|| format!("{text}{unit}"))
    }
}

/// Sends a request and reads its answer.
pub(in crate::probe) fn exchange(
    stream: &mut (impl Read + Write),
    request: Request<()>,
    body: Option<&[u8]>,
) -> Result<Answer, Failure> {
    let mut sent = Zeroizing::new(Vec::new());
    let mut call = serialized(request, body, &mut sent)?;
    stream.write_all(&sent).and_then(|()| stream.flush()).map_err(Failure::Io)?;

    let mut came = Zeroizing::new(Vec::new());
    let mut informational = None;
    let response = loop {
        if let Some((len, response)) = head::one(&came)? {
            let all = came.len();
            let rest = came.split_off(len.min(all));
            let before = std::mem::replace(&mut came, Zeroizing::new(rest));
            if !head::is_informational(response.status().as_u16()) {
                // It decides what follows: fields that differ in the length are an error.
                call.try_response(&head::framing(&response), false)
                    .map_err(|error| unreadable(&error, &before))?;
                if !head::is_coding_known(response.headers()) {
                    let why = "it has a transfer coding that clients do not know".to_owned();
                    return Err(Failure::Malformed(why, before));
                }
                break response;
            }
            informational = Some(response.status().as_u16());
            continue;
        }
        if came.len() >= limits::HTTP_ANSWER_HEAD_BYTES {
            return Err(head::too_long(&came));
        }
        let ended = match more(stream, &mut came) {
            Ok(0) => io::ErrorKind::UnexpectedEof.into(),
            Ok(_) => continue,
            Err(error) => error,
        };
        return Err(match informational {
            Some(status) if came.is_empty() => Failure::NoFinal(status, ended),
            _ if came.is_empty() => Failure::Io(ended),
            _ => Failure::CutShort(came.len(), ended),
        });
    };
    let mut answer = Answer {
        status: response.status().as_u16(),
        headers: response.headers().clone(),
        body: Zeroizing::new(Vec::new()),
        broken_off: None,
    };
    if let Some(RecvResponseResult::RecvBody(call)) = call.proceed() {
        answer.broken_off = read_body(stream, call, &mut came, &mut answer.body).err();
    }
    if head::begins_answer(&came) && answer.broken_off.is_none() {
        return Err(Failure::Followed(answer.status, came));
    }
    // No field and no byte of the body: they may hold a token.
    debug!(
        status = answer.status,
        fields = answer.headers.len(),
        body = answer.body.len(),
        broken_off = answer.broken_off
    );
    Ok(answer)
}

/// Writes a request into `sent`, and returns the call whose answer is to be read.
fn serialized(
    request: Request<()>,
    body: Option<&[u8]>,
    sent: &mut Vec<u8>,
) -> Result<Call<RecvResponse>, Failure> {
    let mut call = Call::new(request).map_err(|error| not_sent(&error))?.proceed();
    let mut text = Zeroizing::new(vec![0; limits::HTTP_HEAD_BYTES]);
    while !call.can_proceed() {
        let len = call.write(&mut text).map_err(|error| not_sent(&error))?;
        if len == 0 {
            return Err(Failure::NotSent("it is too long".to_owned()));
        }
        sent.extend_from_slice(text.get(..len).unwrap_or_default());
    }
    match call.proceed().map_err(|error| not_sent(&error))? {
        Some(SendRequestResult::SendBody(mut call)) => {
            let mut rest = body.unwrap_or_default();
            while !call.can_proceed() {
                let (taken, len) = call.write(rest, &mut text).map_err(|error| not_sent(&error))?;
                if taken == 0 && len == 0 {
                    break;
                }
                rest = rest.get(taken..).unwrap_or_default();
                sent.extend_from_slice(text.get(..len).unwrap_or_default());
            }
            call.proceed()
        }
        Some(SendRequestResult::RecvResponse(call)) => Some(call),
        _ => None,
    }
    .ok_or_else(|| Failure::NotSent("its body is incomplete".to_owned()))
}

/// A Location field, with what is not ASCII in percent-encoding (RFC 3987, 3.1).
fn location(headers: &HeaderMap) -> Option<String> {
    let encoded = |byte: &u8| match byte {
        0..=0x7f => char::from(*byte).to_string(),
        _ => format!("%{byte:02X}"),
    };
    Some(headers.get("location")?.as_bytes().iter().map(encoded).collect())
}

/// Where a redirect leads, without what may be secret in a URL: the user's part, and the query.
pub(in crate::probe) fn redirect(status: u16, headers: &HeaderMap) -> Option<String> {
    const SHOWN: usize = 100;
    let target = location(headers).filter(|_| (300..400).contains(&status))?;
    let target = target.as_str();
    let (target, has_query) = match target.find(['?', '#']) {
        Some(end) => (target.get(..end)?, true),
        None => (target, false),
    };
    let target = match target.split_once("//") {
        Some((scheme, rest)) => {
            let end = rest.find('/').unwrap_or(rest.len());
            let (authority, path) = rest.split_at(end);
            let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
            format!("{scheme}//{host}{path}")
        }
        None => target.to_owned(),
    };
    let target: String = target.chars().take(SHOWN).collect();
    Some(if has_query { format!("{target}?...") } else { target })
}

/// The error that a challenge names: `Bearer realm="x", error="invalid_token"` (RFC 6750, 3).
pub(in crate::probe) fn bearer_error(challenge: &str) -> Option<&str> {
    let (_, rest) = challenge.split_once("error=\"")?;
    rest.split('"').next()
}

fn not_sent(error: &ureq_proto::Error) -> Failure {
    Failure::NotSent(error.to_string())
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use proptest::prelude::*;

    use super::*;
    use crate::probe::secret::Secret;

    /// Takes a request and sends a prepared answer.
    struct Peer(Vec<u8>, Cursor<Vec<u8>>);

    impl Read for Peer {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            self.1.read(buffer)
        }
    }

    impl Write for Peer {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.write(bytes)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn asked(answer: &[u8]) -> (Result<Answer, Failure>, String) {
        let mut peer = Peer(Vec::new(), Cursor::new(answer.to_vec()));
        let request =
            Request::post("https://ssm.example:8443/x").header("content-length", 4).body(()).unwrap();
        let answer = exchange(&mut peer, request, Some(b"body"));
        (answer, String::from_utf8(peer.0).unwrap())
    }

    #[test]
    fn a_request_is_sent_whole_and_its_answer_read() {
        let (answer, request) =
            asked(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 401 No\r\nContent-Length: 3\r\nX: y\r\n\r\nyes!");
        let answer = answer.unwrap();
        assert_eq!((answer.status, &answer.body[..], answer.header("x")), (401, &b"yes"[..], Some("y")));
        assert_eq!(answer.broken_off, None);
        assert!(request.starts_with("POST /x HTTP/1.1\r\nhost: ssm.example:8443\r\n"), "{request}");
        assert!(request.ends_with("\r\n\r\nbody"), "{request}");
    }

    #[test]
    fn bodies_end_by_length_by_chunks_or_by_the_connection_s_end() {
        let chunked = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
        for (text, body, broken_off) in [
            (format!("{chunked}3\r\nabc\r\n0\r\n\r\n"), "abc", None),
            (format!("{chunked}3\nabc\n0\n\n"), "abc", None),
            ("HTTP/1.1 200 OK\r\n\r\nabc".to_owned(), "abc", None),
            ("HTTP/1.1 204 No Content\r\n\r\n".to_owned(), "", None),
            (
                "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc".to_owned(),
                "abc",
                Some("the server closed after 3 of 9 bytes"),
            ),
            (
                format!("{chunked}3\r\nabc\r\n"),
                "abc",
                Some("the server closed after 3 bytes, before the last chunk"),
            ),
            (
                format!("{chunked}9\r\nabc"),
                "abc",
                Some("the server closed after 3 bytes, before the last chunk"),
            ),
            (
                format!("{chunked}3\r\nabc\r\n0\r\n"),
                "abc",
                Some("the server closed after 3 bytes, before the end of the last chunk"),
            ),
            (
                format!("{chunked}3\r\nabcd\r\n0\r\n\r\n"),
                "abc",
                Some("a chunk's data does not end where its size says, after 3 bytes, before the last chunk"),
            ),
            (
                format!("{chunked}zz\r\nabc\r\n"),
                "",
                Some("the chunk size is invalid after 0 bytes, before the last chunk"),
            ),
        ] {
            let answer = asked(text.as_bytes()).0.unwrap();
            assert_eq!(
                (&answer.body[..], answer.broken_off.as_deref()),
                (body.as_bytes(), broken_off),
                "{text}"
            );
        }
    }

    #[test]
    fn a_second_answer_after_the_first_is_noticed() {
        let second = "HTTP/1.1 500 No\r\nContent-Length: 0\r\n\r\n";
        for first in [
            "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok",
            "HTTP/1.1 204 No Content\r\n\r\n",
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n",
        ] {
            let text =
                asked(format!("{first}{second}").as_bytes()).0.unwrap_err().of("GET /", &Tape::begin());
            assert!(text.contains("a second answer after the one to GET / (20"), "{text}");
            assert!(text.ends_with(": \"HTTP/1.1 500 No\""), "{text}");
            // Nothing follows from other bytes: some servers end what they send by an empty line.
            assert!(asked(format!("{first}\r\n").as_bytes()).0.is_ok());
        }
        // A body without a length has all of it.
        assert!(asked(format!("HTTP/1.1 200 OK\r\n\r\n{second}").as_bytes()).0.is_ok());
    }

    #[test]
    fn a_long_body_is_read_to_its_end_and_its_first_bytes_are_kept() {
        let len = limits::HTTP_BODY_BYTES + 9;
        let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {len}\r\n\r\n");
        for (came, broken_off) in
            [(len, None), (len - 1, Some(format!("the server closed after {} of {len} bytes", len - 1)))]
        {
            let answer = asked(format!("{head}{}", "x".repeat(came)).as_bytes()).0.unwrap();
            assert_eq!((answer.body.len(), answer.broken_off), (limits::HTTP_BODY_BYTES, broken_off));
        }
    }

    #[test]
    fn what_is_no_http_is_said_so() {
        for (came, words) in [
            (&b"SSH-2.0-\x1b[31m\r\n"[..], "begins \"SSH-2.0-\\u{1b}[31m\\r\\n\""),
            (b"<html>", "a page without a header"),
            (b"\0\0\x12\x04\0\0\0\0\0\0\x03", "HTTP/2 frames"),
            (b"\0\0\x08\x07\0\0\0\0\0\0\0\0\0\0\0\0\x01", "HTTP/2 frames"),
            (
                b"HTTP/1.1 2 OK\r\n\r\n",
                "the header of the answer to GET / is malformed: invalid response status; it begins \"HTTP/1.1 2 OK\"",
            ),
        ] {
            let failure = asked(came).0.unwrap_err();
            let text = failure.of("GET /", &Tape::begin());
            assert!(text.contains(words), "{text}");
        }
        let unknown = asked(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: foo, chunked\r\n\r\n0\r\n\r\n").0;
        assert!(matches!(unknown, Err(Failure::Malformed(..))), "{unknown:?}");
        assert!(matches!(asked(b"").0, Err(Failure::Io(_))));
        assert!(matches!(asked(b"HTTP/1.1 200 OK\r\nx").0, Err(Failure::CutShort(18, _))));
    }

    #[test]
    fn a_secret_in_what_is_no_http_is_covered_before_it_is_cut() {
        let mut tape = Tape::begin();
        tape.hide(Secret::new("t0ken-of-joe".to_owned()));
        let before = "a".repeat(55);
        for came in [
            format!("{before}t0ken-of-joe"),
            format!("HTTP/1.1 {before}t0ken-of-joe\r\n\r\n"),
            // The rest comes later.
            format!("<{}t0ken-of", &before[..40]),
        ] {
            let text = asked(came.as_bytes()).0.unwrap_err().of("GET /", &tape);
            assert!(!text.contains("t0"), "{text}");
        }
    }

    #[test]
    fn a_secret_in_a_field_is_covered_next_to_what_is_not_ascii() {
        let mut tape = Tape::begin();
        tape.hide(Secret::new("t0ken".to_owned()));
        let mut answer =
            asked("HTTP/1.1 302 Found\r\nLocation: /caf\u{e9}/t0ken\r\n\r\n".as_bytes()).0.unwrap();
        answer.cover(&tape);
        assert_eq!(answer.redirect().as_deref(), Some("/caf%C3%A9/[secret]"));
    }

    #[test]
    fn a_location_that_is_not_ascii_is_percent_encoded() {
        let mut headers = HeaderMap::new();
        headers.insert("location", HeaderValue::from_bytes("/caf\u{e9}".as_bytes()).unwrap());
        assert_eq!(location(&headers).as_deref(), Some("/caf%C3%A9"));
        assert_eq!(redirect(302, &headers).as_deref(), Some("/caf%C3%A9"));
    }

    #[test]
    fn a_redirect_is_shown_without_what_may_be_secret() {
        let target = |location: &str| {
            let text = format!("HTTP/1.1 302 Found\r\nLocation: {location}\r\nContent-Length: 0\r\n\r\n");
            asked(text.as_bytes()).0.unwrap().redirect().unwrap()
        };
        assert_eq!(
            target("https://joe:pw@sso.example/login?access_token=x#y"),
            "https://sso.example/login?..."
        );
        assert_eq!(target("//joe@sso.example"), "//sso.example");
        assert_eq!(target("/login/a@b"), "/login/a@b");
        assert_eq!(target("#access_token=x"), "?...");
        assert_eq!(asked(b"HTTP/1.1 200 OK\r\nLocation: /x\r\n\r\n").0.unwrap().redirect(), None);
    }

    #[test]
    fn a_body_without_length_ends_with_close_notify() {
        struct Cut(Cursor<Vec<u8>>);
        impl Read for Cut {
            fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
                match self.0.read(buffer)? {
                    0 => Err(io::ErrorKind::UnexpectedEof.into()),
                    len => Ok(len),
                }
            }
        }
        impl Write for Cut {
            fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
                Ok(bytes.len())
            }
            fn flush(&mut self) -> io::Result<()> {
                Ok(())
            }
        }
        for (head, is_whole) in [("", false), ("Content-Length: 3\r\n", true)] {
            let text = format!("HTTP/1.1 200 OK\r\n{head}\r\nabc");
            let request = Request::get("https://ssm.example:8443/x").body(()).unwrap();
            let answer = exchange(&mut Cut(Cursor::new(text.into_bytes())), request, None).unwrap();
            assert_eq!((&answer.body[..], answer.broken_off.is_none()), (&b"abc"[..], is_whole), "{head}");
        }
    }

    #[test]
    fn a_challenge_names_its_error() {
        let challenge = "Bearer realm=\"Doorkeeper\", error=\"insufficient_scope\", error_description=\"x\"";
        assert_eq!(bearer_error(challenge), Some("insufficient_scope"));
        assert_eq!(bearer_error("Basic realm=\"x\""), None);
        assert_eq!(bearer_error("Bearer error=\""), Some(""));
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_as_an_answer(head in prop_oneof![Just("HTTP/1.1 200 OK\r\n"), Just("")], bytes: Vec<u8>) {
            let _ = asked(&[head.as_bytes(), &bytes].concat());
        }
    }

    #[test]
    fn a_path_is_what_a_request_can_ask_for() {
        for path in ["/", "/a?b=c&d=%20", "/~x/(y);z"] {
            assert!(is_path(path), "{path}");
        }
        for other in ["", "a", "/a b", "/x?y=\"z\"", "/a#b", "/\u{e4}", "/<x>"] {
            assert!(!is_path(other), "{other}");
        }
    }
}
