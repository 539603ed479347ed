//! Protocols of text lines, which tcpdump prints after the segment by port (util-print.c, print-http.c and the like).
//!
//! Only printable ASCII and tabs are printed; a line with anything else is not, nor is what follows it.

use std::fmt::{self, Write};

/// Longest token that is looked at, in bytes (util-print.c).
const TOKEN_BYTES: usize = 128;

/// Bytes of a RST's payload that are printed (print-tcp.c).
const RESET_BYTES: usize = 30;

/// A protocol whose text tcpdump prints.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Protocol {
    Http,
    Smtp,
    Ftp,
    Rtsp,
    Whois,
    Ssh,
}

impl Protocol {
    /// The protocol that tcpdump takes a conversation between these ports for. Where both ports are known ones the
    /// order of print-tcp.c counts, so those whose text is not reproduced are here too.
    pub fn between(source_port: u16, destination_port: u16) -> Option<Self> {
        /// In the order of print-tcp.c: telnet, SMTP, WHOIS, BGP, PPTP, RESP, SSH, NetBIOS, SMB, BEEP, OpenFlow, FTP,
        /// HTTP, RTSP.
        const BY_PORT: [(u16, Option<Protocol>); 17] = [
            (23, None),
            (25, Some(Protocol::Smtp)),
            (43, Some(Protocol::Whois)),
            (179, None),
            (1723, None),
            (6379, None),
            (22, Some(Protocol::Ssh)),
            (139, None),
            (445, None),
            (10288, None),
            (6633, None),
            (6653, None),
            (21, Some(Protocol::Ftp)),
            (80, Some(Protocol::Http)),
            (8080, Some(Protocol::Http)),
            (554, Some(Protocol::Rtsp)),
            (8554, Some(Protocol::Rtsp)),
        ];
        BY_PORT.iter().find(|(port, _)| [source_port, destination_port].contains(port))?.1
    }

    fn name(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Smtp => "smtp",
            Self::Ftp => "ftp",
            Self::Rtsp => "rtsp",
            Self::Whois => "whois",
            Self::Ssh => "ssh",
        }
    }

    /// The words that begin a request; absent if every payload is a line of the protocol.
    fn requests(self) -> Option<&'static [&'static str]> {
        match self {
            Self::Http => Some(&HTTP_REQUESTS),
            Self::Rtsp => Some(&RTSP_REQUESTS),
            Self::Smtp | Self::Ftp | Self::Whois | Self::Ssh => None,
        }
    }

    /// Prints `payload`, the captured part of `payload_len` bytes.
    pub fn write(
        self,
        out: &mut (impl Write + ?Sized),
        payload: &[u8],
        payload_len: u32,
        is_verbose: bool,
    ) -> fmt::Result {
        let text = Payload { bytes: payload, len: payload_len as usize };
        if self == Self::Ssh {
            return write_version(out, text);
        }
        write!(out, ": {}", self.name().to_ascii_uppercase())?;
        if self.requests().is_some_and(|requests| !text.is_message(requests)) {
            return Ok(());
        }
        if !is_verbose {
            return self.write_line(out, ": ", text, 0).map(drop);
        }
        write!(out, ", length: {payload_len}")?;
        let mut from = 0;
        while from < text.len {
            match self.write_line(out, "\n\t", text, from)? {
                Some(next) => from = next,
                None => break,
            }
        }
        Ok(())
    }

    /// Prints the line that begins at `from`; where the next one begins if there may be one.
    fn write_line(
        self,
        out: &mut (impl Write + ?Sized),
        prefix: &str,
        text: Payload<'_>,
        from: usize,
    ) -> Result<Option<usize>, fmt::Error> {
        let (end, next) = match text.line_end(from) {
            LineEnd::At(end, next) => (end, Some(next)),
            LineEnd::PayloadEnd => (text.len, None),
            LineEnd::Binary => return Ok(None),
            LineEnd::NotCaptured => {
                write!(out, " [|{}]", self.name())?;
                return Ok(None);
            }
        };
        out.write_str(prefix)?;
        write_ascii(out, text.bytes.get(from..end).unwrap_or_default())?;
        if next.is_none() {
            write!(out, " [|{}]", self.name())?;
        }
        Ok(next)
    }
}

/// SSH's identification line (RFC 4253, 4.2).
fn write_version(out: &mut (impl Write + ?Sized), text: Payload<'_>) -> fmt::Result {
    let prefix = text.bytes.iter().zip(b"SSH-").take_while(|(byte, wanted)| byte == wanted).count();
    if prefix < 4 && prefix < text.bytes.len() {
        return Ok(());
    }
    match text.line_end(4) {
        _ if prefix < 4 => write!(out, " [|ssh]"),
        LineEnd::At(end, _) if !text.bytes[..end].contains(&b'\t') => {
            write!(out, ": SSH: ")?;
            write_ascii(out, &text.bytes[..end])
        }
        LineEnd::NotCaptured => write!(out, " [|ssh]"),
        LineEnd::At(..) | LineEnd::PayloadEnd | LineEnd::Binary => Ok(()),
    }
}

/// Prints a RST's payload, which may say why (RFC 9293, 3.5.2).
pub(super) fn write_reset_reason(
    out: &mut (impl Write + ?Sized),
    payload: &[u8],
    payload_len: u32,
) -> fmt::Result {
    let is_whole = payload.len() as u64 >= u64::from(payload_len);
    out.write_str(if is_whole { " [RST" } else { " [!RST" })?;
    if payload_len as usize > RESET_BYTES {
        out.write_char('+')?;
    }
    out.write_char(' ')?;
    payload.iter().take(RESET_BYTES).try_for_each(|byte| write_escaped(out, *byte))?;
    out.write_char(']')
}

/// A byte as tcpdump shows it: `^@` for control characters, `M-` before what is beyond ASCII.
fn write_escaped(out: &mut (impl Write + ?Sized), byte: u8) -> fmt::Result {
    if !byte.is_ascii() {
        out.write_str("M-")?;
    }
    let ascii = byte & 0x7f;
    if is_printable(ascii) {
        out.write_char(char::from(ascii))
    } else {
        write!(out, "^{}", char::from(ascii ^ 0x40))
    }
}

fn write_ascii(out: &mut (impl Write + ?Sized), bytes: &[u8]) -> fmt::Result {
    bytes.iter().try_for_each(|byte| out.write_char(char::from(*byte)))
}

fn is_printable(byte: u8) -> bool {
    (b' '..=b'~').contains(&byte)
}

/// A payload of `len` bytes, of which the first ones were captured.
#[derive(Clone, Copy)]
struct Payload<'a> {
    bytes: &'a [u8],
    len: usize,
}

/// How a line ends.
enum LineEnd {
    /// Here, and the next one begins there.
    At(usize, usize),
    /// With the payload.
    PayloadEnd,
    /// With something that is not text.
    Binary,
    /// Beyond what was captured.
    NotCaptured,
}

impl Payload<'_> {
    fn line_end(self, from: usize) -> LineEnd {
        for index in from..self.len {
            match self.bytes.get(index) {
                None => return LineEnd::NotCaptured,
                Some(b'\n') => return LineEnd::At(index, index + 1),
                Some(b'\r') if index + 1 >= self.len => return LineEnd::Binary,
                Some(b'\r') => {
                    return match self.bytes.get(index + 1) {
                        None => LineEnd::NotCaptured,
                        Some(b'\n') => LineEnd::At(index, index + 2),
                        Some(_) => LineEnd::Binary,
                    };
                }
                Some(byte) if !is_printable(*byte) && *byte != b'\t' => return LineEnd::Binary,
                Some(_) => {}
            }
        }
        LineEnd::PayloadEnd
    }

    /// Whether a request's word or a response's three-digit code (the second word) begins it.
    fn is_message(self, requests: &[&str]) -> bool {
        let Some((word, after)) = self.token(0) else {
            return false;
        };
        let is_request = requests.iter().any(|request| word.eq_ignore_ascii_case(request.as_bytes()));
        is_request
            || self
                .token(after)
                .is_some_and(|(code, _)| code.len() == 3 && code.iter().all(u8::is_ascii_digit))
    }

    /// The word at `from`, and where the next one begins.
    fn token(&self, from: usize) -> Option<(&[u8], usize)> {
        let rest = self.bytes.get(from..)?;
        let is_end = |byte: &u8| matches!(byte, b' ' | b'\t' | b'\r' | b'\n');
        let len = match rest.iter().position(|byte| is_end(byte) || !is_printable(*byte)) {
            Some(end) if rest.get(end).is_some_and(is_end) => end,
            None if self.bytes.len() >= self.len => rest.len(),
            _ => return None,
        };
        if len == 0 || len > TOKEN_BYTES {
            return None;
        }
        let (word, after) = rest.split_at_checked(len)?;
        // A tab is no printable character, so only spaces are passed.
        let blanks = after.iter().take_while(|byte| **byte == b' ').count();
        Some((word, from + len + blanks))
    }
}

/// print-http.c
const HTTP_REQUESTS: [&str; 38] = [
    "GET",
    "PUT",
    "COPY",
    "HEAD",
    "LOCK",
    "MOVE",
    "POLL",
    "POST",
    "BCOPY",
    "BMOVE",
    "MKCOL",
    "TRACE",
    "LABEL",
    "MERGE",
    "DELETE",
    "SEARCH",
    "UNLOCK",
    "REPORT",
    "UPDATE",
    "NOTIFY",
    "BDELETE",
    "CONNECT",
    "OPTIONS",
    "CHECKIN",
    "PROPFIND",
    "CHECKOUT",
    "CCM_POST",
    "SUBSCRIBE",
    "PROPPATCH",
    "BPROPFIND",
    "BPROPPATCH",
    "UNCHECKOUT",
    "MKACTIVITY",
    "MKWORKSPACE",
    "UNSUBSCRIBE",
    "RPC_CONNECT",
    "VERSION-CONTROL",
    "BASELINE-CONTROL",
];

/// print-rtsp.c
const RTSP_REQUESTS: [&str; 11] = [
    "DESCRIBE",
    "ANNOUNCE",
    "GET_PARAMETER",
    "OPTIONS",
    "PAUSE",
    "PLAY",
    "RECORD",
    "REDIRECT",
    "SETUP",
    "SET_PARAMETER",
    "TEARDOWN",
];

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn printed(protocol: Protocol, payload: &[u8], len: u32, is_verbose: bool) -> String {
        let mut out = String::new();
        protocol.write(&mut out, payload, len, is_verbose).unwrap();
        out
    }

    #[test]
    fn requests_and_responses_are_printed_and_bodies_are_not() {
        let request = b"connect a:8443 HTTP/1.1\r\nHost: a\r\n\r\n\x16\x03";
        let len = request.len() as u32;
        assert_eq!(printed(Protocol::Http, request, len, false), ": HTTP: connect a:8443 HTTP/1.1");
        assert_eq!(
            printed(Protocol::Http, request, len, true),
            ": HTTP, length: 38\n\tconnect a:8443 HTTP/1.1\n\tHost: a\n\t"
        );
        assert_eq!(printed(Protocol::Http, b"HTTP/1.1 407 No\n", 16, false), ": HTTP: HTTP/1.1 407 No");
        assert_eq!(printed(Protocol::Http, b"some body\n", 10, false), ": HTTP");
        assert_eq!(printed(Protocol::Http, b"GET /long", 200, false), ": HTTP [|http]");
        assert_eq!(printed(Protocol::Http, b"GET /long", 9, false), ": HTTP: GET /long [|http]");
    }

    #[test]
    fn the_first_known_port_decides() {
        assert_eq!(Protocol::between(80, 22), Some(Protocol::Ssh));
        assert_eq!(Protocol::between(80, 23), None);
        assert_eq!(Protocol::between(50_000, 8443), None);
    }

    proptest! {
        #[test]
        fn no_payload_brings_a_control_character_out(payload: Vec<u8>, len: u16, is_verbose: bool) {
            let mut out = String::new();
            write_reset_reason(&mut out, &payload, len.into()).unwrap();
            for protocol in [Protocol::Http, Protocol::Smtp, Protocol::Ssh] {
                out += &printed(protocol, &payload, len.into(), is_verbose);
            }
            let printable = |c: char| c == '\n' || c == '\t' || (' '..='~').contains(&c);
            prop_assert!(out.chars().all(printable), "{:?}", out);
        }
    }
}
