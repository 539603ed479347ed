//! Text that is not TLS, without names: the words that show a protocol stay where it has them, other letters and digits are `x`, and
//! bytes that are no text have others of their kind in their place.

use std::ops::Range;

use super::super::StandIns;
use super::BLANK;
use crate::tls::{HTTP_METHODS, IMAP_COMMANDS, NUMBERED_COMMANDS, POP3_COMMANDS};

/// What replaces a control character that ends neither line nor column.
const CONTROL: u8 = 0x1a;

/// What begins a line as well as commands that are answered: requests for TLS, goodbyes, and the name of a header in front of a
/// connection.
const COMMANDS: [&str; 8] = ["STARTTLS", "STLS", "QUIT", "CAPABILITY", "LOGIN", "LOGOUT", "PROXY", "BYE"];
/// What follows a tag of IMAP, or `*`, as well as commands that are answered.
const TAGGED: [&str; 6] = ["STARTTLS", "LOGOUT", "OK", "NO", "BAD", "PREAUTH"];
/// How FTP and others ask for TLS (RFC 4217, 4).
const SECURITY: [&str; 3] = ["TLS", "TLS-C", "SSL"];
/// Fields of HTTP (RFC 9110) whose names stay; they say how an answer is followed, or what a proxy wants.
const FIELDS: [&str; 11] = [
    "Content-Length",
    "Expect",
    "Transfer-Encoding",
    "Connection",
    "Content-Type",
    "Host",
    "Location",
    "Proxy-Authenticate",
    "Proxy-Authorization",
    "Upgrade",
    "User-Agent",
];
/// Elements of XMPP's streams (RFC 6120, 5).
const ELEMENTS: [&str; 8] =
    ["xml", "stream:stream", "stream:features", "features", "starttls", "required", "proceed", "failure"];

/// A status line up to its status (RFC 9112, 4), each digit as '#'.
const STATUS: &[u8] = b"HTTP/1.# ###";
const METHOD: &[u8] = b"CONNECT ";

/// Bytes by which a piece is taken for text.
const TELLING_BYTES: usize = 4;
/// How the second version of the PROXY protocol begins, which is no text (HAProxy's proxy-protocol.txt, 2.2).
const PROXY_HEADER: &[u8] = b"\r\n\r\n\0";
/// How AMQP begins (AMQP 0-9-1, 4.2.2; AMQP 1.0, 2.2).
const AMQP_HEADER: &[u8] = b"AMQP";

/// Whether a piece of a conversation is text: it begins as a line does.
pub(super) fn is_text(bytes: &[u8]) -> bool {
    let is_control = |byte: &u8| *byte < b' ' && !matches!(byte, b'\t' | b'\r' | b'\n');
    let begins = bytes.first().is_some_and(|first| matches!(first, b'\t' | b'\r' | b'\n' | b' '..=b'~'));
    let is_header = bytes.starts_with(PROXY_HEADER) || bytes.starts_with(AMQP_HEADER);
    begins && !is_header && !bytes.iter().take(TELLING_BYTES).any(is_control)
}

/// Text that replaces bytes that are text: no letter, no digit and no byte of it is left.
pub(super) fn masked(bytes: &[u8]) -> Vec<u8> {
    let mut masked = bytes.to_vec();
    mask(&mut masked, &[]);
    masked
}

/// Masks everything but these places.
fn mask(bytes: &mut [u8], kept: &[Range<usize>]) {
    for (at, byte) in bytes.iter_mut().enumerate() {
        if kept.iter().any(|range| range.contains(&at)) {
            continue;
        }
        *byte = match *byte {
            b'\t' | b'\r' | b'\n' => *byte,
            other if other.is_ascii_alphanumeric() => b'x',
            0x80.. => BLANK,
            0..b' ' | 0x7f => CONTROL,
            other => other,
        };
    }
}

impl StandIns {
    /// Replaces what lines of text name. Their length stays.
    pub(super) fn text_bytes(&mut self, bytes: &mut [u8]) {
        for line in bytes.split_inclusive_mut(|byte| *byte == b'\n') {
            if line.starts_with(METHOD) {
                self.connect_line(line);
            } else {
                let kept = shown(line);
                mask(line, &kept);
            }
        }
    }

    /// RFC 9110, 9.3.6: the name of the target has the stand-in that it has elsewhere.
    fn connect_line(&mut self, line: &mut [u8]) {
        // What is no port is a part of the name.
        const DIGITS: usize = 5;
        let is_end = |byte: &u8| byte.is_ascii_whitespace();
        let target = line.iter().skip(METHOD.len()).position(is_end).unwrap_or(line.len() - METHOD.len());
        let (target, rest) = line.split_at_mut(METHOD.len() + target);
        let target = target.get_mut(METHOD.len()..).unwrap_or_default();
        let is_port = |at: &usize| {
            target
                .get(at + 1..)
                .is_some_and(|port| (1..=DIGITS).contains(&port.len()) && port.iter().all(u8::is_ascii_digit))
        };
        let colon = target.iter().rposition(|byte| *byte == b':').filter(is_port);
        let end = colon.unwrap_or(target.len());
        let host = target.get_mut(..end).unwrap_or_default();
        // Bytes that make the line no text have others of their kind in their place.
        let is_name = host.iter().any(u8::is_ascii_alphabetic)
            && host.iter().all(u8::is_ascii_graphic)
            && !host.starts_with(b"[");
        let stand_in = if is_name { self.name_bytes(host) } else { masked(host) };
        host.copy_from_slice(&stand_in);
        let version = version(rest);
        mask(rest, &[version]);
    }
}

/// The places of a line that show its protocol, or what is followed of it.
fn shown(line: &[u8]) -> Vec<Range<usize>> {
    let text = line.trim_ascii_end();
    let mut kept = vec![version(text), status(text), begun(line)];
    kept.extend(codes(text));
    kept.extend(words(text));
    kept.extend(listed(text));
    kept.extend(field(text));
    kept.extend(elements(text));
    kept
}

/// The version that ends a request (RFC 9112, 3).
fn version(text: &[u8]) -> Range<usize> {
    let text = text.trim_ascii_end();
    match *text {
        [.., b' ', b'H', b'T', b'T', b'P', b'/', major, b'.', minor]
            if major.is_ascii_digit() && minor.is_ascii_digit() =>
        {
            text.len() - "HTTP/1.1".len()..text.len()
        }
        _ => 0..0,
    }
}

/// A status line as far as it is one.
fn status(text: &[u8]) -> Range<usize> {
    let is_of =
        |(byte, known): &(&u8, &u8)| if **known == b'#' { byte.is_ascii_digit() } else { byte == known };
    let len = text.iter().zip(STATUS).take_while(is_of).count();
    0..if len >= "HTTP/".len() { len } else { 0 }
}

/// All of what may be the beginning of a word by which a protocol is recognised, of PostgreSQL's answer (its protocol, 53.2.10) too.
fn begun(line: &[u8]) -> Range<usize> {
    let is_begun = |word: &[u8]| line.len() < word.len() && word.starts_with(line);
    let is_word = HTTP_METHODS.iter().any(|word| is_begun(word.as_bytes())) || is_begun(METHOD);
    let is_status = line.len() < STATUS.len() && status(line).len() == line.len();
    let is_known = is_word || is_status || is_begun(b"HTTP/") || matches!(line, b"S" | b"N");
    // PostgreSQL's refusal of TLS, and the authentication or the error that follows it in clear.
    let is_refusal = matches!(line, [b'N', b'R' | b'E', 0, 0, ..]);
    0..if is_known { line.len() } else { usize::from(is_refusal) }
}

/// A reply's code (RFC 5321, 4.2), POP3's two answers, SSH's version, and numbers of Redis.
fn codes(text: &[u8]) -> Option<Range<usize>> {
    match *text {
        [b'1'..=b'6', b'0'..=b'5', b'0'..=b'9']
        | [b'1'..=b'6', b'0'..=b'5', b'0'..=b'9', b' ' | b'-', ..]
        | [b'+', b'O', b'K']
        | [b'+', b'O', b'K', b' ', ..] => Some(0..3),
        [b'-', b'E', b'R', b'R'] | [b'-', b'E', b'R', b'R', b' ', ..] | [b'S', b'S', b'H', b'-'] => {
            Some(0..4)
        }
        [b'*' | b'$', b'0'..=b'9'] | [b'*' | b'$', b'0'..=b'9', b'0'..=b'9'] => Some(0..text.len()),
        [b'S', b'S', b'H', b'-', b'0'..=b'9', b'.', b'0'..=b'9', b'-', ..] => Some(0..8),
        [b'S', b'S', b'H', b'-', _, ..] => Some(0..4),
        _ => None,
    }
}

/// The words that ask for something at the beginning of a line.
fn words(text: &[u8]) -> Vec<Range<usize>> {
    /// A proxy's answer by which it opens a tunnel.
    const ESTABLISHED: &[u8] = b"established";
    let is_in = |word: &Range<usize>, list: &[&str]| {
        text.get(word.clone())
            .is_some_and(|word| list.iter().any(|known| known.as_bytes().eq_ignore_ascii_case(word)))
    };
    let mut kept = Vec::new();
    let mut words = places(text).into_iter();
    let (first, second, third) = (words.next(), words.next(), words.next());
    let Some(first) = first else { return kept };
    let is_method = begins_method(text);
    let is_command =
        [&COMMANDS[..], &NUMBERED_COMMANDS, &POP3_COMMANDS].iter().any(|list| is_in(&first, list));
    if is_method || is_command {
        kept.push(first.clone());
    }
    let Some(second) = second else { return kept };
    let tag = text.get(first.clone()).unwrap_or_default();
    let is_tag = tag.iter().all(|byte| byte.is_ascii_alphanumeric() || b".-_*+".contains(byte));
    let is_asking = third.is_none() && is_in(&first, &["AUTH"]) && is_in(&second, &SECURITY);
    if is_asking || (is_tag && (is_in(&second, &TAGGED) || is_in(&second, &IMAP_COMMANDS))) {
        kept.push(second);
    }
    let end = text.len().saturating_sub(ESTABLISHED.len());
    if status(text).len() == STATUS.len()
        && text.get(end..).is_some_and(|last| last.eq_ignore_ascii_case(ESTABLISHED))
    {
        kept.push(end..text.len());
    }
    kept
}

/// The words by which a server lists that it starts TLS: in its reply to EHLO, and in IMAP's capabilities (RFC 3207, 4; RFC 9051, 7.2.2).
fn listed(text: &[u8]) -> Vec<Range<usize>> {
    const WORDS: [&[u8]; 2] = [b"STARTTLS", b"CAPABILITY"];
    if !text.starts_with(b"250") && !text.starts_with(b"*") {
        return Vec::new();
    }
    let mut kept = Vec::new();
    let mut at = 0;
    for word in text.split(|byte| !byte.is_ascii_alphanumeric()) {
        if WORDS.iter().any(|known| known.eq_ignore_ascii_case(word)) {
            kept.push(at..at + word.len());
        }
        at += word.len() + 1;
    }
    kept
}

/// Where the words of a line are, up to three of them.
fn places(text: &[u8]) -> Vec<Range<usize>> {
    let mut places = Vec::new();
    let mut at = 0;
    for word in text.split(u8::is_ascii_whitespace) {
        if !word.is_empty() && places.len() < 3 {
            places.push(at..at + word.len());
        }
        at += word.len() + 1;
    }
    places
}

/// Whether a line begins an HTTP message, and whether that has a body where its header says so (RFC 9112, 6.3).
pub(super) fn begins_http(line: &[u8]) -> Option<bool> {
    let text = line.trim_ascii_end();
    if status(text).len() == STATUS.len() {
        let is_without = |status: &[u8]| matches!(status, [b'1', ..] | b"204" | b"304");
        return Some(!text.get(STATUS.len() - 3..STATUS.len()).is_some_and(is_without));
    }
    (begins_method(text) && !version(text).is_empty()).then_some(true)
}

/// Whether bytes begin an HTTP message as a whole line would.
pub(super) fn begins_message(bytes: &[u8]) -> bool {
    bytes.starts_with(b"HTTP/1.") || begins_method(bytes)
}

fn begins_method(text: &[u8]) -> bool {
    HTTP_METHODS.iter().any(|method| text.starts_with(method.as_bytes()))
}

/// Whether a line of a header says that the body comes in chunks.
pub(super) fn is_chunked(line: &[u8]) -> bool {
    is_field(line, b"transfer-encoding") && field(line.trim_ascii_end()).len() > 1
}

/// A body's length, as far as a line of a header says it.
pub(super) fn body_len(line: &[u8]) -> Option<u64> {
    let kept = field(line.trim_ascii_end());
    let value = line.get(kept.get(1)?.clone()).filter(|_| is_field(line, b"content-length"))?;
    std::str::from_utf8(value.get(1..)?).ok()?.trim().parse().ok()
}

fn is_field(line: &[u8], name: &[u8]) -> bool {
    line.split(|byte| *byte == b':').next().is_some_and(|begin| begin.eq_ignore_ascii_case(name))
}

/// A field of HTTP: its name, the length of a body, and that it comes in chunks.
fn field(text: &[u8]) -> Vec<Range<usize>> {
    const DIGITS: usize = 10;
    const CHUNKED: &[u8] = b"chunked";
    let Some(colon) = text.iter().position(|byte| *byte == b':') else { return Vec::new() };
    let (name, value) = text.split_at(colon);
    if !FIELDS.iter().any(|known| known.as_bytes().eq_ignore_ascii_case(name)) {
        return Vec::new();
    }
    let mut kept: Vec<_> = std::iter::once(0..colon).collect();
    let number = value.get(1..).unwrap_or_default().trim_ascii();
    if name.eq_ignore_ascii_case(b"content-length")
        && number.len() <= DIGITS
        && number.iter().all(u8::is_ascii_digit)
    {
        kept.push(colon..text.len());
    }
    let end = text.len().saturating_sub(CHUNKED.len());
    let is_last = text.get(end..).is_some_and(|last| last.eq_ignore_ascii_case(CHUNKED));
    if name.eq_ignore_ascii_case(b"transfer-encoding") && end > colon && is_last {
        kept.push(end..text.len());
    }
    kept
}

/// The names of XMPP's elements.
fn elements(text: &[u8]) -> Vec<Range<usize>> {
    let mut kept = Vec::new();
    for (at, _) in text.iter().enumerate().filter(|(_, byte)| **byte == b'<') {
        let is_mark = matches!(text.get(at + 1), Some(b'/' | b'?'));
        let from = at + 1 + usize::from(is_mark);
        let rest = text.get(from..).unwrap_or_default();
        let len = rest.iter().take_while(|byte| byte.is_ascii_alphanumeric() || **byte == b':').count();
        if ELEMENTS.iter().any(|known| rest.get(..len) == Some(known.as_bytes())) {
            kept.push(from..from + len);
        }
    }
    kept
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn redacted(text: &[u8]) -> Vec<u8> {
        let mut bytes = text.to_vec();
        StandIns::default().text_bytes(&mut bytes);
        bytes
    }

    #[test]
    fn of_text_what_shows_the_protocol_is_left() {
        for (text, is) in [
            (
                "GET /ann HTTP/1.1\r\nHost: ssm.oz\r\nContent-Length: 17\r\n\r\nann",
                "GET /xxx HTTP/1.1\r\nHost: xxx.xx\r\nContent-Length: 17\r\n\r\nxxx",
            ),
            ("HTTP/1.1 407 Ask ann\r\n", "HTTP/1.1 407 xxx xxx\r\n"),
            ("HTTP/1.0 200 Connection established\r\n", "HTTP/1.0 200 xxxxxxxxxx established\r\n"),
            ("Transfer-Encoding: gzip, chunked\r\n", "Transfer-Encoding: xxxx, chunked\r\n"),
            ("CONNECT ssm.corp.test:8443 HTTP/1.1\r\n", "CONNECT h1xxx.example:8443 HTTP/1.1\r\n"),
            ("CONNECT 10.1.2.3:443 HTTP/1.1\r\n", "CONNECT xx.x.x.x:443 HTTP/1.1\r\n"),
            ("CONNECT ssm.corp.test:8443\tann\r\n", "CONNECT h1xxx.example:8443\txxx\r\n"),
            ("220 mail.corp.test ESMTP\r\n", "220 xxxx.xxxx.xxxx xxxxx\r\n"),
            ("NR\0\0\0\u{8}ann", "Nx\u{1a}\u{1a}\u{1a}\u{1a}xxx"),
            ("Nann", "xxxx"),
            ("250-STARTTLS\r\n", "250-STARTTLS\r\n"),
            ("250-STARTTLSANN\r\n", "250-xxxxxxxxxxx\r\n"),
            (
                "* OK [CAPABILITY IMAP4rev1 STARTTLS AUTH=ANN] x\r\n",
                "* OK [CAPABILITY xxxxxxxxx STARTTLS xxxx=xxx] x\r\n",
            ),
            ("a1 STARTTLS\r\n", "xx STARTTLS\r\n"),
            ("a1 OK ann\r\n", "xx OK xxx\r\n"),
            ("+OK ann\r\n", "+OK xxx\r\n"),
            ("AUTH TLS\r\n", "AUTH TLS\r\n"),
            ("SSH-2.0-OpenSSH_9\r\n", "SSH-2.0-xxxxxxx_x\r\n"),
            ("PROXY TCP4 10.0.0.1 10.0.0.2 5 443\r\n", "PROXY xxxx xx.x.x.x xx.x.x.x x xxx\r\n"),
            ("*2\r\n$3\r\nGET\r\n", "*2\r\n$3\r\nxxx\r\n"),
            ("<starttls xmlns='urn:bank'/>", "<starttls xxxxx='xxx:xxxx'/>"),
        ] {
            assert_eq!(String::from_utf8(redacted(text.as_bytes())).unwrap(), is);
        }
    }

    #[test]
    fn a_protocol_s_word_that_may_be_somebody_s_name_is_replaced() {
        for text in [
            "Host: proxy\r\n",
            "EHLO client\r\n",
            "USER auth-mail\r\n",
            "250-mail Hello client\r\n",
            "mail-proxy\r\n",
            "Content-Length: 10.11.12.13\r\n",
            "192.168.55.66 x\r\n",
            "192\n",
            "CONNECT https://ssm.bank.test/ HTTP/1.1\r\n",
            "CONNECT ann:geheim@ssm.bank.test HTTP/1.1\r\n",
            "CONNECT ssm.bank.test:8443/bank HTTP/1.1\r\n",
            "CONNECT [fd00:77:88::dead:beef] HTTP/1.1\r\n",
        ] {
            let redacted = String::from_utf8(redacted(text.as_bytes())).unwrap();
            let secrets = ["proxy", "client", "mail", "11", "192", "bank", "geheim", "beef"];
            assert!(secrets.iter().all(|secret| !redacted.contains(secret)), "{redacted}");
        }
    }

    #[test]
    fn other_letters_and_control_characters_have_others_of_their_kind_in_their_place() {
        let line = "HTTP/1.1 407 nécessaire\x1b\x0b\r\n".as_bytes();
        let expected = [&b"HTTP/1.1 407 x"[..], &[BLANK; 2], b"xxxxxxxx\x1a\x1a\r\n"].concat();
        assert_eq!(redacted(line), expected);
        assert!(
            is_text(line)
                && is_text(b"220 \x1b]0;pwn\x07\r\n")
                && is_text("454 TLS nicht verfügbar".as_bytes())
        );
        assert!(
            !is_text(&[0x30, 0x0c, 2, 1, 1]) && !is_text(b"\r\n\r\n\0\r\nQUIT\n") && !is_text(b"\x05\x01")
        );
    }

    #[test]
    fn a_target_that_is_no_text_stays_none() {
        let redacted = redacted("CONNECT bücher.bank:443 HTTP/1.1\r\n".as_bytes());
        assert_eq!(redacted, [&b"CONNECT x"[..], &[BLANK; 2], b"xxxx.xxxx:443 HTTP/1.1\r\n"].concat());
    }

    #[test]
    fn a_word_of_which_only_the_beginning_came_stays() {
        for begun in ["C", "CONNE", "PO", "HTT", "HTTP/1.1 40", "S", "N"] {
            assert_eq!(redacted(begun.as_bytes()), begun.as_bytes());
        }
        assert_eq!([redacted(b"k"), redacted(b"ann")], [&b"x"[..], b"xxx"]);
    }

    proptest! {
        #[test]
        fn any_bytes_keep_their_length(bytes: Vec<u8>, line: String) {
            prop_assert_eq!(redacted(&bytes).len(), bytes.len());
            prop_assert_eq!(redacted(line.as_bytes()).len(), line.len());
        }
    }
}
