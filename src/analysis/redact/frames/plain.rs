//! What is not TLS, without names: the words that show a protocol stay, other letters and digits are `x`, other bytes are blank.

use super::super::StandIns;
use super::BLANK;

/// Words of HTTP, of protocols of lines, and of XMPP's XML by which a conversation is followed.
const WORDS: &[&str] = &[
    "connect",
    "get",
    "post",
    "head",
    "put",
    "delete",
    "options",
    "trace",
    "patch",
    "propfind",
    "report",
    "pri",
    "search",
    "http",
    "content",
    "length",
    "transfer",
    "encoding",
    "chunked",
    "connection",
    "close",
    "keep",
    "alive",
    "host",
    "proxy",
    "authenticate",
    "authorization",
    "upgrade",
    "ssh",
    "ehlo",
    "helo",
    "starttls",
    "stls",
    "auth",
    "tls",
    "ssl",
    "capability",
    "ok",
    "no",
    "bad",
    "bye",
    "preauth",
    "quit",
    "ready",
    "esmtp",
    "smtp",
    "imap4rev1",
    "pop3",
    "ftp",
    "capa",
    "feat",
    "user",
    "pass",
    "login",
    "noop",
    "mail",
    "rcpt",
    "data",
    "rset",
    "vrfy",
    "expn",
    "help",
    "turn",
    "etrn",
    "lhlo",
    "xml",
    "version",
    "stream",
    "streams",
    "features",
    "proceed",
    "failure",
    "required",
    "xmlns",
    "jabber",
    "client",
    "urn",
    "ietf",
    "params",
    "ns",
    "xmpp",
    "type",
    "text",
    "html",
    "err",
    "noauth",
    "id",
    "select",
    "list",
    "lsub",
    "examine",
];

/// What a client asks PostgreSQL for before TLS: encryption by TLS, and by GSS.
const REQUESTS: [&[u8]; 2] = [&[0, 0, 0, 8, 4, 0xd2, 0x16, 0x2f], &[0, 0, 0, 8, 4, 0xd2, 0x16, 0x30]];
/// The identifier of LDAP's StartTLS (RFC 4511, 4.14.1).
const START_TLS: &[u8] = b"1.3.6.1.4.1.1466.20037";
/// PROXY protocol, version 2 (HAProxy's proxy-protocol.txt, 2.2).
const PROXY_SIGNATURE: &[u8] = b"\r\n\r\n\0\r\nQUIT\n";

impl StandIns {
    /// Replaces what a piece of a conversation names. Its length stays.
    pub(super) fn plain_bytes(&mut self, bytes: &mut [u8]) {
        let is_text = |byte: &u8| matches!(byte, b'\t' | b'\r' | b'\n' | 0x20..=0x7e);
        if REQUESTS.contains(&&*bytes) {
            return;
        }
        if let [one] = bytes {
            // What is typed comes letter by letter. PostgreSQL's server answers with one of two (its protocol, 53.2.10).
            if one.is_ascii_alphanumeric() && !matches!(one, b'S' | b'N') {
                *one = b'x';
            }
            return;
        }
        let first_line = bytes.split(|byte| matches!(byte, b'\r' | b'\n')).next().unwrap_or_default();
        if !first_line.is_empty() && first_line.iter().all(is_text) {
            self.text_bytes(bytes);
        } else if !(self.socks5(bytes) || self.socks4(bytes) || ldap(bytes)) {
            // The header of the PROXY protocol is followed by its length.
            let kept = if bytes.starts_with(PROXY_SIGNATURE) { PROXY_SIGNATURE.len() + 4 } else { 1 };
            if let Some(rest) = bytes.get_mut(kept..) {
                rest.fill(BLANK);
            }
        }
    }

    fn text_bytes(&mut self, bytes: &mut [u8]) {
        for line in bytes.split_inclusive_mut(|byte| *byte == b'\n') {
            if line.starts_with(b"CONNECT ") {
                self.connect_line(line);
            } else {
                text_line(line);
            }
        }
    }

    /// RFC 9110, 9.3.6: the name of the target has the stand-in that it has elsewhere.
    fn connect_line(&mut self, line: &mut [u8]) {
        const METHOD: usize = "CONNECT ".len();
        let target = line.iter().skip(METHOD).position(|byte| *byte == b' ').unwrap_or(line.len() - METHOD);
        let (target, rest) = line.split_at_mut(METHOD + target);
        let target = target.get_mut(METHOD..).unwrap_or_default();
        // What is no port is a part of the name.
        let is_port = |at: &usize| {
            target.get(at + 1..).is_some_and(|port| !port.is_empty() && port.iter().all(u8::is_ascii_digit))
        };
        let colon = target.iter().rposition(|byte| *byte == b':').filter(is_port);
        let end = colon.unwrap_or(target.len());
        let host = target.get_mut(..end).unwrap_or_default();
        let is_name = host.iter().any(u8::is_ascii_alphabetic) && !host.starts_with(b"[");
        let stand_in = if is_name { self.name_bytes(host) } else { masked(host) };
        host.copy_from_slice(&stand_in);
        text_line(rest);
    }

    /// RFC 1928, and RFC 1929's user name and password. Returns whether it is of SOCKS5.
    fn socks5(&mut self, bytes: &mut [u8]) -> bool {
        match *bytes {
            [5, _] | [1, 0] => {}
            [5, count, ref methods @ ..]
                if methods.len() == usize::from(count)
                    && methods.iter().all(|method| matches!(method, 0..=9)) => {}
            [5, _, 0, kind @ (1 | 3 | 4), ..] => {
                self.socks_address(kind, bytes.get_mut(4..).unwrap_or_default());
            }
            [1, name_len, ..] if bytes.len() >= 3 + usize::from(name_len) => {
                let password = 2 + usize::from(name_len);
                bytes
                    .iter_mut()
                    .enumerate()
                    .filter(|(at, _)| *at > 1 && *at != password)
                    .for_each(|(_, byte)| *byte = b'x');
            }
            _ => return false,
        }
        true
    }

    fn socks_address(&mut self, kind: u8, rest: &mut [u8]) {
        let (from, len) = match kind {
            1 => (0, 4),
            4 => (0, 16),
            _ => (1, rest.first().map_or(0, |len| usize::from(*len))),
        };
        let end = (from + len).min(rest.len());
        let Some(place) = rest.get_mut(from.min(end)..end) else { return };
        if kind == 3 {
            let stand_in = self.name_bytes(place);
            place.copy_from_slice(&stand_in);
        } else {
            self.address_in(place);
        }
        if let Some(rest) = rest.get_mut(end + 2..) {
            rest.fill(BLANK);
        }
    }

    /// SOCKS4 and 4a: a request has port, address, user and perhaps a name, a reply port and address. Returns whether it is of SOCKS4.
    fn socks4(&mut self, bytes: &mut [u8]) -> bool {
        let is_reply = bytes.len() == 8 && matches!(bytes, [0, 90..=93, ..]);
        if !is_reply && !matches!(bytes, [4, 1 | 2, ..] if bytes.len() >= 8) {
            return false;
        }
        let Some((head, names)) = bytes.split_at_mut_checked(8) else { return false };
        let is_4a = head.get(4..7) == Some(&[0, 0, 0]);
        if let Some(address) = head.get_mut(4..).filter(|_| !is_4a) {
            self.address_in(address);
        }
        for (index, field) in names.split_mut(|byte| *byte == 0).enumerate() {
            let stand_in = if index == 1 { self.name_bytes(field) } else { vec![b'x'; field.len()] };
            field.copy_from_slice(&stand_in);
        }
        true
    }
}

/// A message of LDAP (RFC 4511, 4.1.1): what it contains is masked but for the request for TLS. Returns whether it is one.
fn ldap(bytes: &mut [u8]) -> bool {
    let is_one = matches!(bytes, [0x30, len, 2, ..] if usize::from(*len) + 2 == bytes.len())
        || matches!(bytes, [0x30, 0x84, _, _, _, _, 2, ..]);
    if is_one {
        let start_tls = bytes.windows(START_TLS.len()).position(|window| window == START_TLS);
        let mut of_letter = 0;
        for (at, byte) in bytes.iter_mut().enumerate().skip(2) {
            let is_kept = start_tls.is_some_and(|from| (from..from + START_TLS.len()).contains(&at));
            // A letter of UTF-8 (RFC 3629, 3); lengths and tags of BER are below.
            of_letter = match *byte {
                0xc2..=0xdf => 2,
                0xe0..=0xef => 3,
                0xf0..=0xf4 => 4,
                0x80..=0xbf if of_letter > 1 => of_letter - 1,
                _ => 0,
            };
            if of_letter > 0 {
                *byte = BLANK;
                continue;
            }
            if byte.is_ascii_alphanumeric() && !is_kept && !is_ldap_tag(*byte) {
                *byte = b'x';
            }
        }
    }
    is_one
}

/// `a`, `w`, `x` and the like are tags of LDAP's operations: bindResponse, extendedReq, extendedResp (RFC 4511, 4.2 to 4.12).
fn is_ldap_tag(byte: u8) -> bool {
    matches!(byte, 0x30 | 0x60 | 0x61 | 0x77 | 0x78)
}

/// A line of text: words of [`WORDS`], a status, a reply's code and a body's length stay.
fn text_line(line: &mut [u8]) {
    let is_of_word = |byte: u8| byte.is_ascii_alphanumeric();
    let begins_with_http = line.starts_with(b"HTTP/1.");
    let is_length = line.get(..15).is_some_and(|name| name.eq_ignore_ascii_case(b"content-length:"));
    let mut at = 0;
    while at < line.len() {
        if !is_of_word(line[at]) {
            // What is no text at all can be a character of a name.
            if line[at] >= 0x80 {
                line[at] = BLANK;
            }
            at += 1;
            continue;
        }
        let from = at;
        while at < line.len() && is_of_word(line[at]) {
            at += 1;
        }
        let Some(word) = line.get(from..at) else { return };
        let is_number = word.iter().all(u8::is_ascii_digit);
        let behind = |text: &[u8]| line.get(..from).is_some_and(|before| before.ends_with(text));
        let is_kept = if is_number {
            let is_reply = from == 0 && word.len() == 3;
            let is_status = begins_with_http && from == "HTTP/1.1 ".len() && word.len() == 3;
            let is_version = word.len() == 1
                && (behind(b"HTTP/") || behind(b"HTTP/1.") || behind(b"HTTP/2.") || behind(b"SSH-"));
            is_reply || is_status || is_version || is_length || (behind(b"SSH-2.") && word == b"0")
        } else {
            // A label of a host's name may be any word.
            let is_label = behind(b".")
                || behind(b"@")
                || matches!(line.get(at..), Some([b'.' | b'@', next, ..]) if is_of_word(*next));
            !is_label && WORDS.iter().any(|known| known.as_bytes().eq_ignore_ascii_case(word))
        };
        if let Some(word) = line.get_mut(from..at).filter(|_| !is_kept) {
            word.fill(b'x');
        }
    }
}

fn masked(bytes: &[u8]) -> Vec<u8> {
    bytes.iter().map(|byte| if byte.is_ascii_alphanumeric() { b'x' } else { *byte }).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn redacted(text: &[u8]) -> Vec<u8> {
        let mut bytes = text.to_vec();
        StandIns::default().plain_bytes(&mut bytes);
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
            ("CONNECT ssm.corp.test:8443 HTTP/1.1\r\n", "CONNECT h1xxx.example:8443 HTTP/1.1\r\n"),
            ("CONNECT 10.1.2.3:443 HTTP/1.1\r\n", "CONNECT xx.x.x.x:443 HTTP/1.1\r\n"),
            ("220 mail.corp.test ESMTP\r\n", "220 xxxx.xxxx.xxxx ESMTP\r\n"),
            ("a1 STARTTLS\r\n", "xx STARTTLS\r\n"),
            ("SSH-2.0-OpenSSH_9\r\n", "SSH-2.0-xxxxxxx_x\r\n"),
            ("PROXY TCP4 10.0.0.1 10.0.0.2 5 443\r\n", "PROXY xxxx xx.x.x.x xx.x.x.x x xxx\r\n"),
        ] {
            assert_eq!(String::from_utf8(redacted(text.as_bytes())).unwrap(), is);
        }
    }

    #[test]
    fn of_socks_the_addresses_and_names_are_replaced() {
        assert_eq!(redacted(&[5, 1, 0, 1, 10, 1, 2, 3, 32, 251]), [5, 1, 0, 1, 192, 0, 2, 1, 32, 251]);
        let named = [&[5, 1, 0, 3, 13][..], b"ssm.corp.test", &[32, 251]].concat();
        assert_eq!(redacted(&named), [&[5, 1, 0, 3, 13][..], b"h1xxx.example", &[32, 251]].concat());
        assert_eq!(redacted(b"\x01\x03ann\x02pw"), b"\x01\x03xxx\x02xx");
        assert_eq!(
            redacted(b"\x04\x01\x20\xfb\x0a\x01\x02\x03ann\0"),
            b"\x04\x01\x20\xfb\xc0\0\x02\x01xxx\0"
        );
        let of_4a = b"\x04\x01\x20\xfb\0\0\0\x01ann\0ssm.corp.test\0";
        assert_eq!(redacted(of_4a), b"\x04\x01\x20\xfb\0\0\0\x01xxx\0h1xxx.example\0");
    }

    #[test]
    fn requests_for_tls_stay() {
        assert_eq!(redacted(REQUESTS[0]), REQUESTS[0]);
        let ldap = [&[0x30, 29, 2, 1, 1, 0x77, 24, 0x80, 22][..], START_TLS].concat();
        assert_eq!(redacted(&ldap), ldap);
        assert_eq!(redacted(b"S"), b"S");
    }

    proptest! {
        #[test]
        fn any_bytes_keep_their_length(bytes: Vec<u8>) {
            prop_assert_eq!(redacted(&bytes).len(), bytes.len());
        }
    }

    #[test]
    fn what_is_no_port_no_method_of_login_and_no_ascii_is_replaced_too() {
        for line in [
            &b"CONNECT https://ssm.bank.test/ HTTP/1.1\r\n"[..],
            b"CONNECT ann:geheim@ssm.bank.test HTTP/1.1\r\n",
            b"CONNECT ssm.bank.test:8443/bank HTTP/1.1\r\n",
        ] {
            let redacted = redacted(line);
            let text = String::from_utf8_lossy(&redacted);
            assert!(
                !text.contains("bank") && !text.contains("geheim") && text.ends_with(" HTTP/1.1\r\n"),
                "{text}"
            );
        }
        assert_eq!(redacted(b"k"), b"x");
        assert_eq!(redacted(b"S"), b"S");
        let named = [&[5, 8][..], b"bankuser"].concat();
        assert!(!redacted(&named).windows(4).any(|window| window == b"bank"));
        let name = "ou=Иванов".as_bytes();
        let bind = [&[0x30, name.len() as u8 + 3, 2, 1, 1][..], name].concat();
        assert!(!redacted(&bind).windows(4).any(|window| window == "Ив".as_bytes()));
    }
}
