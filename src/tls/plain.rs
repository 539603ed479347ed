//! What else is spoken where TLS may be expected, recognised by its first bytes.

use super::requests::{is_request, kerberos_len};
use crate::tcp::Role;

/// The first bytes of a side that did not begin with TLS.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Plain {
    /// What it is.
    pub kind: PlainKind,
    /// The first line, raw from the wire and at most 200 bytes of it; empty for binary protocols.
    pub line: String,
    /// Whether it has the form of a request, other than HTTP's, of a protocol that answers each.
    pub is_request: bool,
}

/// What a side spoke instead of TLS.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum PlainKind {
    /// An HTTP request other than CONNECT.
    HttpRequest,
    /// `CONNECT`: the request for a tunnel through a proxy (RFC 9110, 9.3.6).
    Connect,
    /// An HTTP answer, with its status.
    HttpResponse(u16),
    /// An SSH identification (RFC 4253, 4.2).
    Ssh,
    /// Another protocol of lines: a banner, or a command.
    Text,
    /// Bytes that are not text.
    Binary,
}

/// Longest first line that is kept, in bytes.
const LINE_BYTES: usize = 200;

/// HTTP methods (RFC 9110, 9; RFC 5789; WebDAV's few that are seen).
pub(crate) const METHODS: [&str; 12] = [
    "GET ",
    "POST ",
    "HEAD ",
    "PUT ",
    "DELETE ",
    "OPTIONS ",
    "TRACE ",
    "PATCH ",
    "PROPFIND ",
    "REPORT ",
    "PRI ",
    "SEARCH ",
];

/// A status line up to its status (RFC 9112, 4), each digit as '#'.
const STATUS: &str = "HTTP/1.# ###";

/// What begins a request for a tunnel (RFC 9110, 9.3.6).
const CONNECT: &str = "CONNECT ";

/// Bytes of the longest word that begins a protocol's first line.
pub(super) const WORD_BYTES: usize = STATUS.len();

impl Plain {
    /// Whether a segment's payload, or what tcpdump printed of it, begins with an HTTP request.
    pub(crate) fn begins_request(payload: &[u8]) -> bool {
        METHODS.iter().any(|method| payload.starts_with(method.as_bytes()))
    }

    /// Whether the first bytes of a payload whose rest is cut off may begin a record of TLS (RFC 8446, 5.1), or ask a proxy for a tunnel:
    /// CONNECT (RFC 9110, 9.3.6), SOCKS4 or SOCKS5 (RFC 1928, 3).
    pub(crate) fn may_be_hidden(bytes: &[u8]) -> bool {
        match bytes {
            [] | [4 | 5] => true,
            [22] | [22, 3, ..] => bytes.len() < 5,
            // RFC 1928, 3; SOCKS 4: an address, and a name that ends with a zero.
            [5, methods, rest @ ..] => rest.len() < usize::from(*methods),
            [4, 1, ..] => bytes.len() < 9,
            _ => bytes.len() < 8 && b"CONNECT ".starts_with(bytes),
        }
    }

    /// How many bytes an HTTP answer takes with its header, where the payload holds that whole and it gives the body's length (RFC 9112,
    /// 6.3): chunks have none. What has no body whatever its header says has no length here.
    pub(crate) fn answer_len(payload: &[u8]) -> Option<u64> {
        let PlainKind::HttpResponse(status) = Self::recognise(payload).kind else { return None };
        if matches!(status, 100..200 | 204 | 304) {
            return None;
        }
        len_of_message(payload)
    }

    /// Whether these bytes begin an answer of HTTP/1.
    pub(crate) fn is_answer(payload: &[u8]) -> bool {
        matches!(Self::recognise(payload).kind, PlainKind::HttpResponse(_))
    }

    /// How many bytes a request of Kerberos takes, or of HTTP with its header, as [`Self::answer_len`]; nothing where the client waits for the server's consent before it sends the body (RFC 9110, 10.1.1).
    pub(crate) fn request_len(payload: &[u8]) -> Option<u64> {
        if let Some(len) = kerberos_len(payload) {
            return Some(len);
        }
        if Self::recognise(payload).kind != PlainKind::HttpRequest {
            return None;
        }
        len_of_message(payload).filter(|_| !waits_for_consent(payload))
    }

    /// Whether an HTTP answer comes in chunks (RFC 9112, 7.1), where the payload holds its header whole.
    pub(crate) fn is_chunked_answer(payload: &[u8]) -> bool {
        let PlainKind::HttpResponse(status) = Self::recognise(payload).kind else { return false };
        !matches!(status, 100..200 | 204 | 304) && is_chunked(payload)
    }

    /// Whether an HTTP request comes in chunks, as [`Self::is_chunked_answer`]; not where the client waits for the server's consent.
    pub(crate) fn is_chunked_request(payload: &[u8]) -> bool {
        Self::recognise(payload).kind == PlainKind::HttpRequest
            && is_chunked(payload)
            && !waits_for_consent(payload)
    }

    /// Whether these are the first bytes of an HTTP/1 request, which has a header: HTTP/0.9 has none.
    pub(crate) fn begins_header(payload: &[u8]) -> bool {
        let line = payload.split(|byte| *byte == b'\n').next().unwrap_or_default();
        let is_begun = line.len() == payload.len();
        let version = line.trim_ascii_end().last_chunk::<8>();
        Self::begins_request(payload)
            && (is_begun || version.is_some_and(|version| version.starts_with(b"HTTP/1.")))
    }

    /// Where what follows an HTTP request or answer in the same bytes begins; nothing if they hold no more.
    pub(crate) fn after_header(payload: &[u8]) -> Option<&[u8]> {
        let end = memchr::memmem::find(payload, b"\r\n\r\n")?;
        payload.get(end + 4..).filter(|rest| !rest.is_empty())
    }

    /// Whether no TLS can follow on this connection: SSH has an encryption of its own, and HTTP/2 in clear stays in clear (RFC
    /// 9113, 3.3).
    pub(super) fn excludes_tls(&self) -> bool {
        self.kind == PlainKind::Ssh || self.line.starts_with("PRI * HTTP/2")
    }

    /// Whether these first bytes of a side are the beginning of an HTTP request's method or of a response's status line, and it is not
    /// known yet which request or status. Any other protocol is known by what came, and one byte may be all of an answer, as
    /// PostgreSQL's is.
    pub(super) fn is_word_begun(by: Role, bytes: &[u8]) -> bool {
        let is_begun = |word: &&str| bytes.len() < word.len() && word.as_bytes().starts_with(bytes);
        let is_status = |(at, byte): (usize, &u8)| match STATUS.as_bytes().get(at) {
            Some(b'#') => byte.is_ascii_digit(),
            known => known == Some(byte),
        };
        !bytes.is_empty()
            && match by {
                Role::Client => METHODS.iter().chain([&CONNECT]).any(is_begun),
                Role::Server => bytes.len() < STATUS.len() && bytes.iter().enumerate().all(is_status),
            }
    }

    /// What the first bytes of a side are, given that they are not TLS. In bytes that `tcpdump -A` printed, '.' may
    /// stand for any byte, so only what is certain despite that is recognised.
    pub(crate) fn recognise(bytes: &[u8]) -> Self {
        let line_end = bytes.iter().position(|byte| matches!(byte, b'\r' | b'\n')).unwrap_or(bytes.len());
        let first = &bytes[..line_end.min(LINE_BYTES)];
        let is_text = !first.is_empty() && first.iter().all(|byte| matches!(byte, b'\t' | 0x20..=0x7e));
        let is_request = is_request(bytes);
        if !is_text {
            return Self { kind: PlainKind::Binary, line: String::new(), is_request };
        }
        let line = String::from_utf8_lossy(first).into_owned();
        let kind = if line.starts_with("CONNECT ") {
            PlainKind::Connect
        } else if METHODS.iter().any(|method| line.starts_with(method)) {
            PlainKind::HttpRequest
        } else if let Some(status) = http_status(&line) {
            PlainKind::HttpResponse(status)
        } else if line.starts_with("SSH-") {
            PlainKind::Ssh
        } else {
            PlainKind::Text
        };
        Self { kind, line, is_request }
    }
}

/// Whether a line of a message's header, in lower case, is one of these, where the payload holds the header whole.
fn has_line(payload: &[u8], is_it: impl Fn(&[u8]) -> bool) -> bool {
    memchr::memmem::find(payload, b"\r\n\r\n").is_some_and(|end| {
        payload[..end]
            .split(|byte| *byte == b'\n')
            .any(|line| is_it(line.to_ascii_lowercase().trim_ascii_end()))
    })
}

fn is_chunked(payload: &[u8]) -> bool {
    has_line(payload, |line| line.starts_with(b"transfer-encoding:") && line.ends_with(b"chunked"))
}

/// Whether a client asks the server whether to send the body (RFC 9110, 10.1.1).
fn waits_for_consent(payload: &[u8]) -> bool {
    has_line(payload, |line| line.starts_with(b"expect:"))
}

/// How many bytes a message of HTTP takes with its header, where that is whole and gives the body's length (RFC 9112, 6.3).
fn len_of_message(payload: &[u8]) -> Option<u64> {
    let end = memchr::memmem::find(payload, b"\r\n\r\n")?;
    let mut body = None;
    for line in payload[..end].split(|byte| *byte == b'\n') {
        let Some((name, value)) = line.iter().position(|byte| *byte == b':').map(|at| line.split_at(at))
        else {
            continue;
        };
        if name.eq_ignore_ascii_case(b"transfer-encoding") {
            return None;
        }
        if name.eq_ignore_ascii_case(b"content-length") {
            let len: u32 = std::str::from_utf8(&value[1..]).ok()?.trim().parse().ok()?;
            if body.replace(len).is_some_and(|before| before != len) {
                return None;
            }
        }
    }
    let body = body?;
    Some(end as u64 + 4 + u64::from(body))
}

/// The status of an HTTP status line (RFC 9112, 4).
fn http_status(line: &str) -> Option<u16> {
    let rest = line.strip_prefix("HTTP/1.")?;
    let status = rest.get(2..5)?;
    (rest.as_bytes().get(1) == Some(&b' ')).then(|| status.parse().ok()).flatten()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn an_answer_s_length_is_that_of_header_and_body() {
        let answer = |status: u16, fields: &str| {
            Plain::answer_len(format!("HTTP/1.1 {status} Some\r\n{fields}\r\n").as_bytes())
        };
        assert_eq!(answer(200, "Server: x\r\ncontent-LENGTH:  10 \r\n"), Some(64));
        assert_eq!(answer(200, "Content-Length: ten\r\n"), None);
        assert_eq!(answer(200, "Transfer-Encoding: chunked\r\nContent-Length: 10\r\n"), None);
        assert_eq!(answer(200, "Content-Length: 10\r\nContent-Length: 11\r\n"), None);
        assert_eq!(answer(304, "Content-Length: 10\r\n"), None);
        assert_eq!(Plain::answer_len(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n"), None);
        assert_eq!(Plain::answer_len(b"Content-Length: 10\r\n\r\n"), None);
    }

    #[test]
    fn a_request_s_length_is_known_unless_the_client_waits_for_consent() {
        let request =
            |fields: &str| Plain::request_len(format!("POST /a HTTP/1.1\r\n{fields}\r\n").as_bytes());
        assert_eq!(request("Content-Length: 60000\r\n"), Some(60_043));
        assert_eq!(request("Content-Length: 60000\r\nExpect: 100-continue\r\n"), None);
        assert_eq!(request("Transfer-Encoding: chunked\r\n"), None);
        assert_eq!(request(""), None);
        assert_eq!(Plain::request_len(b"POST /a HTTP/1.1\r\nContent-Length: 10\r\n"), None);
        assert_eq!(Plain::request_len(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n"), None);
    }

    proptest! {
        #[test]
        fn any_first_bytes_are_recognised_as_something(bytes: Vec<u8>, begins_with in prop::sample::select(&METHODS[..])) {
            for bytes in [bytes.clone(), [begins_with.as_bytes(), &bytes].concat()] {
                let said = Plain::recognise(&bytes);
                let is_text = said.line.bytes().all(|byte| matches!(byte, b'\t' | 0x20..=0x7e));
                prop_assert!(is_text && said.line.len() <= LINE_BYTES);
            }
        }
    }

    #[test]
    fn a_word_that_is_not_complete_is_begun() {
        for begun in [&b"C"[..], b"CON", b"CONNECT", b"G", b"PO", b"GET"] {
            assert!(Plain::is_word_begun(Role::Client, begun), "{begun:?}");
        }
        for begun in [&b"H"[..], b"HTTP", b"HTTP/1.1 ", b"HTTP/1.1 40"] {
            assert!(Plain::is_word_begun(Role::Server, begun), "{begun:?}");
        }
        for other in [&b""[..], b"CONNECT ", b"CONE", b"GET ", b"220", b"\x05"] {
            assert!(!Plain::is_word_begun(Role::Client, other), "{other:?}");
        }
        for other in [&b""[..], b"HTTP/1.1 407", b"HTTP/1.x 4", b"220", b"\x05", b"S"] {
            assert!(!Plain::is_word_begun(Role::Server, other), "{other:?}");
        }
    }

    #[test]
    fn first_lines_show_the_protocol() {
        for (bytes, kind) in [
            (&b"GET / HTTP/1.1\r\nHost: x\r\n"[..], PlainKind::HttpRequest),
            (b"CONNECT ssm:8443 HTTP/1.1\r\n", PlainKind::Connect),
            (b"HTTP/1.1 407 Proxy Authentication Required\r\n", PlainKind::HttpResponse(407)),
            (b"SSH-2.0-OpenSSH_9.2\r\n", PlainKind::Ssh),
            (b"220 mail ESMTP\r\n", PlainKind::Text),
            (b"\x00\x01\x02", PlainKind::Binary),
            (b"", PlainKind::Binary),
        ] {
            assert_eq!(Plain::recognise(bytes).kind, kind);
        }
    }

    #[test]
    fn what_is_left_of_a_first_segment_may_hide_tls_or_a_request_for_a_tunnel() {
        for left in
            [&b""[..], b"\x16", b"\x16\x03\x01", b"C", b"CONNECT", b"\x05", b"\x05\x01", b"\x04\x01\x01\xbb"]
        {
            assert!(Plain::may_be_hidden(left), "{left:?}");
        }
        for left in [&b"GE"[..], b"\x05\x01\x00", b"SSH-", b"\x10\x20", b"\x16\x03\x01\x02\x00"] {
            assert!(!Plain::may_be_hidden(left), "{left:?}");
        }
    }
}
