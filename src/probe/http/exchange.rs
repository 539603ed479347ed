//! One request over an established connection, and its answer, by ureq's protocol engine.

use std::io::{self, Read, Write};

use tracing::debug;
use ureq_proto::client::{Call, RecvResponseResult, SendRequestResult};
use ureq_proto::parser::try_parse_response;
use zeroize::Zeroizing;

#[cfg(test)]
pub(in crate::probe) use ureq_proto::http::HeaderValue;
pub(in crate::probe) use ureq_proto::http::{HeaderMap, Request};

use super::tls;
use crate::limits;

/// Who asks, as servers' logs show it.
pub(in crate::probe) const USER_AGENT: &str = concat!("ssmscope/", env!("CARGO_PKG_VERSION"));

/// Header fields that are read of a head.
const HEADERS: usize = 64;

/// An answer, as far as it came.
#[derive(Clone, Debug)]
pub(in crate::probe) struct Answer {
    pub(in crate::probe) status: u16,
    pub(in crate::probe) headers: HeaderMap,
    /// The body's first bytes, at most [`limits::HTTP_BODY_BYTES`] of them.
    pub(in crate::probe) body: Zeroizing<Vec<u8>>,
    /// Whether the body has more, or did not come to its end.
    pub(in crate::probe) is_cut: bool,
}

/// Why there is no answer.
#[derive(Debug)]
pub(in crate::probe) enum Failure {
    /// The connection ended, or nothing came.
    Io(io::Error),
    /// What came is no HTTP.
    NotHttp(String),
}

impl Answer {
    /// A header field, if there is one that is text.
    pub(in crate::probe) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }
}

impl Failure {
    /// The reason in words.
    pub(in crate::probe) fn text(&self) -> String {
        match self {
            Self::Io(error) => tls::ended(error),
            Self::NotHttp(what) => format!("the answer is no HTTP: {what}"),
        }
    }
}

/// Sends a request and reads its answer.
pub(in crate::probe) fn exchange(
    stream: &mut (impl Read + Write),
    request: Request<()>,
    body: Option<&[u8]>,
) -> Result<Answer, Failure> {
    let mut call = Call::new(request).map_err(|error| not_http(&error))?.proceed();
    let mut text = Zeroizing::new(vec![0; limits::HTTP_HEAD_BYTES]);
    let mut sent = Zeroizing::new(Vec::new());
    while !call.can_proceed() {
        let len = call.write(&mut text).map_err(|error| not_http(&error))?;
        if len == 0 {
            return Err(Failure::NotHttp("the request is too long".to_owned()));
        }
        sent.extend_from_slice(text.get(..len).unwrap_or_default());
    }
    let mut call = match call.proceed().map_err(|error| not_http(&error))? {
        Some(SendRequestResult::SendBody(mut call)) => {
            let mut rest = body.unwrap_or_default();
            while !call.can_proceed() {
                let (taken, len) = call.write(rest, &mut text).map_err(|error| not_http(&error))?;
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
    .ok_or_else(|| Failure::NotHttp("the request can't be sent".to_owned()))?;
    stream.write_all(&sent).and_then(|()| stream.flush()).map_err(Failure::Io)?;

    let mut came = Zeroizing::new(Vec::new());
    let response = loop {
        let (taken, response) = call.try_response(&came, false).map_err(|error| not_http(&error))?;
        came.drain(..taken);
        match response {
            Some(response) => break response,
            None if taken > 0 => continue,
            None if came.len() >= limits::HTTP_HEAD_BYTES => {
                return Err(Failure::NotHttp("a head without an end".to_owned()));
            }
            None => {}
        }
        if more(stream, &mut came).map_err(Failure::Io)? == 0 {
            return Err(if came.is_empty() {
                Failure::Io(io::ErrorKind::UnexpectedEof.into())
            } else {
                Failure::NotHttp("a head without an end".to_owned())
            });
        }
    };
    let mut answer = Answer {
        status: response.status().as_u16(),
        headers: response.headers().clone(),
        body: Zeroizing::new(Vec::new()),
        is_cut: false,
    };
    if let Some(RecvResponseResult::RecvBody(call)) = call.proceed() {
        answer.is_cut = !read_body(stream, call, &mut came, &mut answer.body);
    }
    // No field and no byte of the body: they may hold a token.
    debug!(
        status = answer.status,
        fields = answer.headers.len(),
        body = answer.body.len(),
        is_cut = answer.is_cut
    );
    Ok(answer)
}

/// Reads a body. Returns whether all of it came; what came counts even if it ends early.
fn read_body(
    stream: &mut impl Read,
    mut call: Call<ureq_proto::client::state::RecvBody>,
    came: &mut Vec<u8>,
    body: &mut Vec<u8>,
) -> bool {
    let mut text = Zeroizing::new(vec![0; limits::HTTP_HEAD_BYTES]);
    loop {
        let Ok((taken, len)) = call.read(came, &mut text) else { return false };
        came.drain(..taken);
        body.extend_from_slice(text.get(..len).unwrap_or_default());
        if body.len() > limits::HTTP_BODY_BYTES {
            body.truncate(limits::HTTP_BODY_BYTES);
            return false;
        }
        if taken > 0 || len > 0 {
            continue;
        }
        let is_until_close = call.body_mode() == ureq_proto::BodyMode::CloseDelimited;
        if call.can_proceed() && !is_until_close {
            return true;
        }
        match more(stream, came) {
            Ok(0) => return is_until_close,
            Ok(_) => {}
            // A server that closes without a close_notify has sent all that it sends.
            Err(error) => return is_until_close && error.kind() == io::ErrorKind::UnexpectedEof,
        }
    }
}

fn more(stream: &mut impl Read, came: &mut Vec<u8>) -> io::Result<usize> {
    let mut buffer = Zeroizing::new([0; 4096]);
    let len = stream.read(&mut *buffer)?;
    came.extend_from_slice(buffer.get(..len).unwrap_or_default());
    Ok(len)
}

/// The head of an answer.
pub(in crate::probe) struct Head {
    pub(in crate::probe) status: u16,
    pub(in crate::probe) headers: HeaderMap,
}

/// Reads the head of an answer; `None` until it is whole.
///
/// # Errors
/// When the bytes can't begin an answer.
pub(in crate::probe) fn head(bytes: &[u8]) -> Result<Option<Head>, Failure> {
    let parsed = try_parse_response::<HEADERS>(bytes).map_err(|error| not_http(&error))?;
    Ok(parsed.map(|(_, response)| Head {
        status: response.status().as_u16(),
        headers: response.headers().clone(),
    }))
}

fn not_http(error: &ureq_proto::Error) -> Failure {
    Failure::NotHttp(error.to_string())
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use proptest::prelude::*;

    use super::*;

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
        assert!(!answer.is_cut);
        assert!(request.starts_with("POST /x HTTP/1.1\r\nhost: ssm.example:8443\r\n"), "{request}");
        assert!(request.ends_with("\r\n\r\nbody"), "{request}");
    }

    #[test]
    fn bodies_end_by_length_by_chunks_or_by_the_connection_s_end() {
        for (text, body, is_cut) in [
            ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n", "abc", false),
            ("HTTP/1.1 200 OK\r\n\r\nabc", "abc", false),
            ("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc", "abc", true),
        ] {
            let answer = asked(text.as_bytes()).0.unwrap();
            assert_eq!((&answer.body[..], answer.is_cut), (body.as_bytes(), is_cut), "{text}");
        }
        let long = format!("HTTP/1.1 200 OK\r\n\r\n{}", "x".repeat(limits::HTTP_BODY_BYTES + 1));
        let answer = asked(long.as_bytes()).0.unwrap();
        assert_eq!((answer.body.len(), answer.is_cut), (limits::HTTP_BODY_BYTES, true));
    }

    #[test]
    fn what_is_no_http_is_said_so() {
        assert!(matches!(asked(b"SSH-2.0-OpenSSH\r\n").0, Err(Failure::NotHttp(_))));
        assert!(matches!(asked(b"").0, Err(Failure::Io(_))));
        assert!(matches!(asked(b"HTTP/1.1 200 OK\r\nx").0, Err(Failure::NotHttp(_))));
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_as_an_answer(head in prop_oneof![Just("HTTP/1.1 200 OK\r\n"), Just("")], bytes: Vec<u8>) {
            let _ = asked(&[head.as_bytes(), &bytes].concat());
        }
    }
}
