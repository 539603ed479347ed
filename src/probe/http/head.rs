//! The head of an answer, read as clients read it: a folded field is one line, a space before a colon is none, and control characters in a
//! value are spaces (RFC 9112, 5.1 and 5.2; RFC 9110, 5.5).

use ureq_proto::http::{HeaderMap, HeaderValue, Response};
use ureq_proto::parser::try_parse_response;
use zeroize::Zeroizing;

use super::failure::Failure;
use crate::limits;
use crate::probe::tape::Tape;

/// Header fields that are read of a head: as many as curl reads.
const FIELDS: usize = 5_000;

/// What arrives at once is looked at before the head is whole: what is not HTTP is known by how it begins.
const AT_ONCE: usize = 4_096;

/// The informational status that no other follows (RFC 9110, 15.2.2).
const SWITCHING_PROTOCOLS: u16 = 101;

/// The head of an answer.
pub(in crate::probe) struct Head {
    pub(in crate::probe) status: u16,
    pub(in crate::probe) headers: HeaderMap,
}

impl Head {
    /// Hides what the tape hides in the header fields.
    pub(in crate::probe) fn cover(&mut self, tape: &Tape) {
        cover(&mut self.headers, tape);
    }
}

/// Reads the head of a final answer (RFC 9110, 15.2), and returns it with its length; `None` until it is whole.
///
/// # Errors
/// When the bytes can't begin an answer.
pub(in crate::probe) fn head(bytes: &[u8]) -> Result<Option<(usize, Head)>, Failure> {
    let mut before = 0;
    loop {
        let Some((len, response)) = one(bytes.get(before..).unwrap_or_default())? else { return Ok(None) };
        before += len;
        let status = response.status().as_u16();
        if !is_informational(status) {
            return Ok(Some((before, Head { status, headers: response.headers().clone() })));
        }
    }
}

/// Whether another head follows one with this status.
pub(super) fn is_informational(status: u16) -> bool {
    (100..200).contains(&status) && status != SWITCHING_PROTOCOLS
}

/// Reads one head, and returns it with its length; `None` until it is whole.
///
/// # Errors
/// When the bytes can't begin an answer.
pub(super) fn one(bytes: &[u8]) -> Result<Option<(usize, Response<()>)>, Failure> {
    let end = end(bytes);
    if end.is_none() && bytes.len() > AT_ONCE {
        return Ok(None);
    }
    // What an incomplete line will be is unknown, except for the first.
    let whole = || bytes.iter().rposition(|byte| *byte == b'\n').map_or(bytes.len(), |at| at + 1);
    let head = bytes.get(..end.unwrap_or_else(whole)).unwrap_or_default();
    let parsed = try_parse_response::<FIELDS>(&lenient(head)).map_err(|error| unreadable(&error, bytes))?;
    Ok(end.zip(parsed.map(|(_, response)| response)))
}

/// What of a head decides how long the body is, as a head of its own.
pub(super) fn framing(response: &Response<()>) -> Vec<u8> {
    let mut head = format!("{:?} {}\r\n", response.version(), response.status().as_str()).into_bytes();
    for name in ["content-length", "transfer-encoding", "connection"] {
        for value in response.headers().get_all(name) {
            head.extend([name.as_bytes(), b": ", value.as_bytes(), b"\r\n"].concat());
        }
    }
    head.extend_from_slice(b"\r\n");
    head
}

/// Whether clients know how the body is encoded for its way (RFC 9112, 7): nobody asks for another coding than chunks.
pub(super) fn is_coding_known(headers: &HeaderMap) -> bool {
    const KNOWN: [&str; 8] = ["chunked", "identity", "gzip", "x-gzip", "deflate", "compress", "br", "zstd"];
    let values = headers.get_all("transfer-encoding").iter().filter_map(|value| value.to_str().ok());
    let mut codings = values.flat_map(|value| value.split(',')).map(str::trim);
    codings.all(|coding| coding.is_empty() || KNOWN.iter().any(|known| known.eq_ignore_ascii_case(coding)))
}

/// Where the first empty line ends, if it has come. Empty lines before the first line are not part of a head (RFC 9112, 2.2).
fn end(bytes: &[u8]) -> Option<usize> {
    let begin = bytes.iter().position(|byte| !matches!(byte, b'\r' | b'\n'))?;
    let mut at = begin;
    for line in bytes.get(begin..)?.split_inclusive(|byte| *byte == b'\n') {
        at += line.len();
        if matches!(line, b"\r\n" | b"\n") {
            return Some(at);
        }
    }
    None
}

/// The same lines, with what clients let pass in the form that it should have.
fn lenient(head: &[u8]) -> Zeroizing<Vec<u8>> {
    let mut lines = Zeroizing::new(Vec::with_capacity(head.len()));
    let begin = head.iter().take_while(|byte| matches!(byte, b'\r' | b'\n')).count();
    let (blank, rest) = head.split_at(begin);
    lines.extend_from_slice(blank);
    for (index, line) in rest.split_inclusive(|byte| *byte == b'\n').enumerate() {
        if index < 1 {
            lines.extend_from_slice(line);
            continue;
        }
        let is_folded = index > 1 && matches!(line.first(), Some(b' ' | b'\t'));
        if is_folded {
            let kept = lines.trim_ascii_end().len();
            lines.truncate(kept);
            if !line.trim_ascii().is_empty() {
                lines.push(b' ');
            }
            let rest = line.trim_ascii_start();
            lines.extend(rest.iter().copied().map(printable));
            if rest.is_empty() && line.ends_with(b"\n") {
                lines.extend_from_slice(b"\r\n");
            }
            continue;
        }
        match line.iter().position(|byte| *byte == b':') {
            Some(colon) => {
                let (name, value) = line.split_at(colon);
                lines.extend_from_slice(name.trim_ascii_end());
                lines.extend(value.iter().copied().map(printable));
            }
            None => lines.extend_from_slice(line),
        }
    }
    lines
}

/// A byte of a value. A NUL stays, and the field is refused.
fn printable(byte: u8) -> u8 {
    match byte {
        0 | b'\t' | b'\r' | b'\n' => byte,
        byte if byte.is_ascii_control() => b' ',
        byte => byte,
    }
}

/// Hides what a tape hides in header fields.
pub(super) fn cover(headers: &mut HeaderMap, tape: &Tape) {
    for value in headers.values_mut() {
        let text = String::from_utf8_lossy(value.as_bytes());
        let covered = tape.cover(&text);
        // A field may have characters that are not ASCII (RFC 9110, 5.5).
        if let Some(covered) = HeaderValue::from_bytes(covered.as_bytes()).ok().filter(|_| covered != text) {
            *value = covered;
        }
    }
}

/// Why the bytes that came can't begin an answer.
pub(super) fn unreadable(error: &ureq_proto::Error, came: &[u8]) -> Failure {
    let kept = Zeroizing::new(came.to_vec());
    if !came.trim_ascii_start().starts_with(b"HTTP/1.") {
        return Failure::NotHttp(kept);
    }
    let text = error.to_string();
    if text.contains("too many headers") {
        return Failure::TooLong(format!("has more than the {FIELDS} fields"), kept);
    }
    Failure::Malformed(text.strip_prefix("http parse fail: ").unwrap_or(&text).to_owned(), kept)
}

/// Creates the failure of a head that is longer than is read.
pub(in crate::probe) fn too_long(came: &[u8]) -> Failure {
    let what = format!("is longer than the {} KiB", limits::HTTP_ANSWER_HEAD_BYTES / 1024);
    Failure::TooLong(what, Zeroizing::new(came.to_vec()))
}

/// How an answer of HTTP/1 begins (RFC 9112, 4).
const BEGIN: &[u8] = b"HTTP/1.";

/// What bytes are that came unasked.
#[derive(PartialEq, Eq, Debug)]
pub(super) enum Early {
    /// They may begin an answer; nothing may have come.
    Perhaps,
    /// They begin no answer.
    Other,
    /// They begin an answer.
    Answer,
}

/// Whether bytes begin an answer.
pub(super) fn begins_answer(came: &[u8]) -> bool {
    early(came, true) == Early::Answer
}

/// What bytes are; where no more come, the beginning of an answer is one. Empty lines before it do not count (RFC 9112, 2.2).
pub(super) fn early(came: &[u8], is_all: bool) -> Early {
    let blank = came.iter().take_while(|byte| matches!(byte, b'\r' | b'\n')).count();
    let begin = came.get(blank..).unwrap_or_default();
    let is_begun = !begin.is_empty() && BEGIN.starts_with(begin);
    if !(begin.starts_with(BEGIN) || is_all && is_begun) {
        return if begin.is_empty() || is_begun { Early::Perhaps } else { Early::Other };
    }
    Early::Answer
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn fields(bytes: &[u8]) -> Vec<(String, String)> {
        let (len, response) = one(bytes).unwrap().expect("a whole head");
        assert_eq!(len, bytes.len());
        let text = |value: &HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
        response.headers().iter().map(|(name, value)| (name.to_string(), text(value))).collect()
    }

    #[test]
    fn what_clients_let_pass_is_read() {
        let field = |name: &str, value: &str| vec![(name.to_owned(), value.to_owned())];
        for (head, read) in [
            ("HTTP/1.1 200 OK\r\nX: a\r\n\r\n", field("x", "a")),
            ("\r\nHTTP/1.1 200 OK\nX: a\n\n", field("x", "a")),
            ("HTTP/1.1 200 OK\r\nX: a\r\n b;\r\n\tc\r\n\r\n", field("x", "a b; c")),
            ("HTTP/1.1 200 OK\r\nX : a:b\r\n\r\n", field("x", "a:b")),
            ("HTTP/1.1 401 No\r\nX: \"a\x1b[2J\"\r\n\r\n", field("x", "\"a [2J\"")),
            ("HTTP/1.1 200 OK\r\n\r\n", Vec::new()),
        ] {
            assert_eq!(fields(head.as_bytes()), read, "{head:?}");
            for len in 0..head.len() {
                assert!(one(&head.as_bytes()[..len]).is_ok_and(|read| read.is_none()), "{len} of {head:?}");
            }
        }
    }

    #[test]
    fn what_clients_refuse_is_malformed() {
        for head in [
            "HTTP/1.1 200 OK\r\nX: a\0b\r\n\r\n",
            "HTTP/1.1 200 OK\r\nno colon\r\n\r\n",
            "HTTP/1.1 200 OK\r\n: x\r\n\r\n",
            "HTTP/1.1 2 OK\r\n\r\n",
        ] {
            assert!(matches!(one(head.as_bytes()), Err(Failure::Malformed(..))), "{head:?}");
        }
    }

    #[test]
    fn many_fields_are_read_and_more_are_the_check_s_own_bound() {
        let head = |count: usize| format!("HTTP/1.1 200 OK\r\n{}\r\n", "X: y\r\n".repeat(count));
        assert_eq!(fields(head(4_999).as_bytes()).len(), 4_999);
        let text = one(head(5_001).as_bytes()).unwrap_err().of("GET /", &Tape::begin());
        assert!(text.contains("has more than the 5000 fields that this check reads"), "{text}");
        assert!(text.ends_with("it begins \"HTTP/1.1 200 OK\""), "{text}");
    }

    #[test]
    fn framing_is_what_decides_the_body_s_length() {
        let head = b"HTTP/1.0 200 OK\r\nSet-Cookie: x\r\nContent-Length: 5\r\nConnection: close\r\n\r\n";
        let (_, response) = one(head).unwrap().unwrap();
        assert_eq!(framing(&response), b"HTTP/1.0 200\r\ncontent-length: 5\r\nconnection: close\r\n\r\n");
    }

    proptest! {
        #[test]
        fn any_bytes_are_a_head_or_none(begin in prop_oneof![Just("HTTP/1.1 200 OK\r\n"), Just("")], bytes: Vec<u8>) {
            let bytes = [begin.as_bytes(), &bytes].concat();
            if let Ok(Some((len, _))) = one(&bytes) {
                prop_assert!(len <= bytes.len());
            }
            let _ = head(&bytes);
        }
    }
}
