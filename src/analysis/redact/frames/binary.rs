//! What is neither TLS nor text, without names: what shows a protocol stays, other bytes are blank.

use super::super::StandIns;
use super::BLANK;
use crate::tls::{Plain, WAITING_CONTROLS};

/// What a client asks PostgreSQL for before TLS: encryption by TLS, and by GSS.
const REQUESTS: [&[u8]; 2] = [&[0, 0, 0, 8, 4, 0xd2, 0x16, 0x2f], &[0, 0, 0, 8, 4, 0xd2, 0x16, 0x30]];
/// The identifier of LDAP's StartTLS (RFC 4511, 4.14.1).
const START_TLS: &[u8] = b"1.3.6.1.4.1.1466.20037";
/// PROXY protocol, version 2 (HAProxy's proxy-protocol.txt, 2.2).
const PROXY_SIGNATURE: &[u8] = b"\r\n\r\n\0\r\nQUIT\n";

impl StandIns {
    /// Replaces what a piece of a conversation names. Its length stays.
    pub(super) fn binary_bytes(&mut self, bytes: &mut [u8]) {
        if REQUESTS.contains(&&*bytes)
            || mysql(bytes)
            || postgres(bytes)
            || oracle(bytes)
            || self.socks5(bytes)
            || self.socks4(bytes)
            || ldap(bytes)
            || self.dns_bytes(bytes)
        {
            return;
        }
        let kept = shown(bytes);
        if let Some(rest) = bytes.get_mut(kept..) {
            rest.fill(BLANK);
        }
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

/// Whether a direction that begins with these bytes, which are no text, has nothing but messages of their protocol.
pub(super) fn stays(bytes: &[u8]) -> bool {
    /// The first of a client of MySQL answers the server's greeting.
    const SECOND: u8 = 1;
    Plain::recognise(bytes).is_request || mysql_number(bytes) == Some(SECOND)
}

/// The number of a packet of MySQL, where the bytes hold no more and no less than one (MySQL's internals, "MySQL Packets").
fn mysql_number(bytes: &[u8]) -> Option<u8> {
    let [low, middle, high, number @ 0..=1, ref body @ ..] = *bytes else { return None };
    let len = u32::from_le_bytes([low, middle, high, 0]) as usize;
    (len == body.len() && len > 0).then_some(number)
}

/// A packet of MySQL: its header and command stay, and of a greeting that there is a version. Returns whether it is one.
fn mysql(bytes: &mut [u8]) -> bool {
    const HEADER: usize = 4;
    const PROTOCOL: u8 = 10;
    let Some(number) = mysql_number(bytes) else { return false };
    let Some((_, [kind, rest @ ..])) = bytes.split_at_mut_checked(HEADER) else { return false };
    let is_greeting = number == 0 && *kind == PROTOCOL && rest.first().is_some_and(u8::is_ascii_digit);
    let end = rest.iter().position(|byte| *byte == 0).filter(|_| is_greeting);
    if number > 0 {
        *kind = BLANK;
    }
    // What stays of a version is that it begins with a digit, and has an end.
    for (at, byte) in rest.iter_mut().enumerate() {
        *byte = match end {
            Some(_) if at == 0 => b'0',
            Some(end) if at == end => 0,
            _ => BLANK,
        };
    }
    true
}

/// Messages of PostgreSQL's protocol 3.0 (its documentation, 54.7): kinds and lengths stay. Returns whether they are such.
fn postgres(bytes: &mut [u8]) -> bool {
    /// The kind, and the length, which counts itself.
    const HEADER: usize = 5;
    const COUNTED: usize = 4;
    let mut bodies = Vec::new();
    let mut at = 0;
    while let Some([kind, a, b, c, d]) = bytes.get(at..at + HEADER) {
        let len = u32::from_be_bytes([*a, *b, *c, *d]) as usize;
        if !kind.is_ascii_alphabetic() || len < COUNTED {
            return false;
        }
        let end = at.saturating_add(1).saturating_add(len);
        bodies.push(at + HEADER..end);
        at = end;
    }
    if at != bytes.len() || bodies.is_empty() {
        return false;
    }
    for body in bodies {
        bytes.get_mut(body).unwrap_or_default().fill(BLANK);
    }
    true
}

/// A client's first packet to Oracle's database: its header, and that a descriptor follows (Wireshark, packet-tns.c). Returns whether it
/// is one.
fn oracle(bytes: &mut [u8]) -> bool {
    const HEADER: usize = 8;
    const CONNECT: u8 = 1;
    const DESCRIPTOR: &[u8] = b"(DESCRIPTION=";
    let [high, low, 0, 0, CONNECT, _, 0, 0, ..] = *bytes else { return false };
    if usize::from(u16::from_be_bytes([high, low])) != bytes.len() {
        return false;
    }
    let descriptor = memchr::memmem::find(bytes, DESCRIPTOR).map(|at| at..at + DESCRIPTOR.len());
    let is_kept = |at: usize| at < HEADER || descriptor.as_ref().is_some_and(|range| range.contains(&at));
    bytes.iter_mut().enumerate().filter(|(at, _)| !is_kept(*at)).for_each(|(_, byte)| *byte = BLANK);
    true
}

/// How many bytes at the beginning show a protocol and no more: a version, a length, or a name that is everybody's.
fn shown(bytes: &[u8]) -> usize {
    // DNS over TCP of which a name can't be read: a length, and a header with one question (RFC 1035, 4.1.1 and 4.2.2).
    const DNS_HEADER: usize = 14;
    let has_length = |from: usize, beyond: usize| {
        let len =
            bytes.get(..4).map(|len| len.iter().fold(0, |len: usize, byte| len << 8 | usize::from(*byte)));
        len.is_some_and(|len| len + beyond == bytes.len()) && bytes.len() >= from
    };
    let mqtt = |name: &[u8]| (2..4).find(|at| bytes.get(*at..).is_some_and(|rest| rest.starts_with(name)));
    match *bytes {
        [high, low, _, _, flags, _, 0, 1, 0, 0, ..]
            if usize::from(u16::from_be_bytes([high, low])) + 2 == bytes.len() && flags & 0xf8 == 0 =>
        {
            DNS_HEADER
        }
        // PostgreSQL's StartupMessage (its documentation, 54.7), SMB (MS-SMB2, 2.1) and Kerberos (RFC 4120, 7.2.2).
        [_, _, _, _, 0, 3, 0, 0, ..] if has_length(8, 0) => 8,
        // AMQP's has the version that the client proposes.
        [0, _, _, _, 0xfe | 0xff, b'S', b'M', b'B', ..] | [b'A', b'M', b'Q', b'P', _, _, _, _] => 8,
        [_, _, _, _, 0x6a | 0x6c, ..] if Plain::request_len(bytes).is_some() => match bytes.get(5) {
            Some(0..=0x7f) => 6,
            Some(0x81) => 7,
            Some(0x82) => 8,
            _ => 5,
        },
        // A call of ONC RPC (RFC 5531, 9), up to its program, and PRELOGIN of SQL Server (MS-TDS, 2.2.6.5).
        [0x80..=0xff, _, _, _, _, _, _, _, 0, 0, 0, 0, 0, 0, 0, 2, ..] => 20,
        [0x12, 1, _, _, _, _, _, _, 0, ..] => 9,
        // CONNECT of MQTT (its versions 3.1.1 and 5, 3.1).
        [0x10, ..] => {
            let names: [&[u8]; 2] = [b"\x00\x04MQTT", b"\x00\x06MQIsdp"];
            names.iter().find_map(|name| Some(mqtt(name)? + name.len())).unwrap_or(1)
        }
        // MQTT's pings and goodbyes; SUBSCRIBE and UNSUBSCRIBE of up to 127 bytes (MQTT 3.1.1, 3.8 to 3.14).
        [0xc0 | 0xd0 | 0xe0, 0] => 2,
        [0x82 | 0xa2, len @ 0..=0x7f, ref rest @ ..] if usize::from(len) == rest.len() => 2,
        // The header of the PROXY protocol is followed by its length.
        _ if bytes.starts_with(PROXY_SIGNATURE) => PROXY_SIGNATURE.len() + 4,
        _ => 1,
    }
}

/// Messages of LDAP (RFC 4511, 4.1.1): number and operation stay, the request for TLS, and the code of an answer to it. Returns whether
/// they are such.
fn ldap(bytes: &mut [u8]) -> bool {
    const EXTENDED_REQUEST: u8 = 0x77;
    const EXTENDED_RESPONSE: u8 = 0x78;
    let mut is_one = false;
    let mut rest = bytes;
    while let Some(LdapMessage { operation, body, len }) = ldap_message(rest) {
        is_one = true;
        let (message, after) = std::mem::take(&mut rest).split_at_mut(len);
        let content = message.get_mut(body..).unwrap_or_default();
        let place = |known: &[u8]| memchr::memmem::find(content, known).map(|at| at..at + known.len());
        let control = WAITING_CONTROLS.iter().find_map(|control| place(control));
        let kept = match (operation, place(START_TLS)) {
            // The identifier's tag and length are in front of it.
            (EXTENDED_REQUEST, Some(start)) => start.start.saturating_sub(2)..start.end,
            (EXTENDED_RESPONSE, _) if content.starts_with(&[0x0a, 1]) => 0..3.min(content.len()),
            _ => control.unwrap_or(0..0),
        };
        content
            .iter_mut()
            .enumerate()
            .filter(|(at, _)| !kept.contains(at))
            .for_each(|(_, byte)| *byte = BLANK);
        rest = after;
    }
    if is_one {
        rest.fill(BLANK);
    }
    is_one
}

/// A message of LDAP: its operation's tag, where that one's content begins, and the bytes of the message that are there.
struct LdapMessage {
    operation: u8,
    body: usize,
    len: usize,
}

fn ldap_message(bytes: &[u8]) -> Option<LdapMessage> {
    const SEQUENCE: u8 = 0x30;
    const INTEGER: u8 = 0x02;
    /// Tags of operations are of the class of applications (RFC 4511, 4.2 to 4.12).
    const CLASS: u8 = 0xc0;
    const APPLICATION: u8 = 0x40;
    // The length, and where what it counts begins (X.690, 8.1.3).
    let length = |at: usize| {
        let first = *bytes.get(at)?;
        let digits = match first {
            0..=0x7f => return Some((usize::from(first), at + 1)),
            0x81..=0x84 => bytes.get(at + 1..at + 1 + usize::from(first & 0x7f))?,
            _ => return None,
        };
        let len = digits.iter().fold(0, |len: usize, byte| len << 8 | usize::from(*byte));
        Some((len, at + 1 + digits.len()))
    };
    if bytes.first() != Some(&SEQUENCE) {
        return None;
    }
    let (len, content) = length(1)?;
    let [INTEGER, id_len @ 1..=4] = *bytes.get(content..content + 2)? else { return None };
    let at = content + 2 + usize::from(id_len);
    let operation = *bytes.get(at).filter(|tag| **tag & CLASS == APPLICATION)?;
    let (_, body) = length(at + 1)?;
    Some(LdapMessage {
        operation,
        body,
        len: content.saturating_add(len).clamp(body.min(bytes.len()), bytes.len()),
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::tls::{Plain, Question};

    const HEADS: [&[u8]; 5] = [b"", b"\x30\x05\x02\x01\x01\x60", b"\x05\x01", b"\x04\x01", PROXY_SIGNATURE];

    fn redacted(bytes: &[u8]) -> Vec<u8> {
        let mut bytes = bytes.to_vec();
        StandIns::default().binary_bytes(&mut bytes);
        bytes
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
        let named = [&[5, 8][..], b"bankuser"].concat();
        assert_eq!(redacted(&named), [5, BLANK, BLANK, BLANK, BLANK, BLANK, BLANK, BLANK, BLANK, BLANK]);
    }

    #[test]
    fn requests_for_tls_and_the_answers_to_them_stay() {
        assert_eq!(redacted(REQUESTS[0]), REQUESTS[0]);
        let ldap = [&[0x30, 29, 2, 1, 1, 0x77, 24, 0x80, 22][..], START_TLS].concat();
        assert_eq!(redacted(&ldap), ldap);
        let refusal = |reason: &[u8]| {
            let rest = [&[0x0a, 1, 52, 4, 0, 4, reason.len() as u8][..], reason].concat();
            [&[0x30, rest.len() as u8 + 5, 2, 1, 1, 0x78, rest.len() as u8][..], &rest].concat()
        };
        let mut expected = refusal(&[BLANK; 4]);
        expected[10..14].fill(BLANK);
        assert_eq!(redacted(&refusal(b"bank")), expected);
    }

    #[test]
    fn of_requests_of_other_protocols_the_form_is_left() {
        let dns =
            b"\x00\x1b\x12\x34\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00\x01a\x07example\x00\x00\x01\x00\x01";
        for request in [
            &dns[..],
            b"\x00\x00\x00\x10\x00\x03\x00\x00user\x00a\x00\x00",
            b"\x30\x0c\x02\x01\x01\x60\x07\x02\x01\x03\x04\x00\x80\x00",
            b"\x10\x0c\x00\x04MQTT\x04\x02\x00\x3c\x00\x04bank",
            b"\x00\x00\x00\x20\xfeSMB@\x00bank",
            b"\x00\x00\x00\x03\x6a\x01\x00",
            b"\x80\x00\x00\x14\x00\x00\x00\x07\x00\x00\x00\x00\x00\x00\x00\x02\x00\x01\x86\xa3bank",
            b"\x12\x01\x00\x0d\x00\x00\x00\x00\x00bank",
            b"AMQP\x00\x00\x09\x01",
            b"\x00\x00\x01\x04\x6a\x82\x01\x00bank",
            b"\x00\x1b\x00\x00\x01\x00\x00\x00\x01(DESCRIPTION=bank)",
        ] {
            let redacted = redacted(request);
            let is_request = |bytes: &[u8]| Plain::recognise(bytes).is_request;
            assert!(is_request(request) && is_request(&redacted), "{redacted:x?}");
            assert!(
                !redacted
                    .windows(4)
                    .any(|window| [b"user", b"bank", b"exam"].contains(&window.try_into().unwrap()))
            );
        }
    }

    #[test]
    fn of_later_requests_the_form_is_left() {
        let search = |control: &[u8]| {
            let body = [b"\x02\x01\x02\x63\x04bank", control].concat();
            [&[0x30, body.len() as u8][..], &body].concat()
        };
        for (question, request, asks) in [
            (Question::Ldap, &search(b""), true),
            (Question::Ldap, &search(WAITING_CONTROLS[2]), false),
            (Question::Mqtt, &b"\xc0\0".to_vec(), true),
            (Question::Mqtt, &b"\x82\x07\0\x01\0bank".to_vec(), true),
            (Question::Mqtt, &b"\x30\x06\0\x04bank".to_vec(), false),
            (Question::Postgres, &b"Q\0\0\0\x09bank\0".to_vec(), true),
            (Question::Postgres, &b"P\0\0\0\x08bankS\0\0\0\x04".to_vec(), true),
            (Question::Postgres, &b"X\0\0\0\x04".to_vec(), false),
        ] {
            let redacted = redacted(request);
            assert_eq!((question.asks_again(request), question.asks_again(&redacted)), (asks, asks));
            assert!(!redacted.windows(4).any(|window| window == b"bank"), "{redacted:x?}");
        }
        let greeting = b"\x0c\0\0\0\x0a8.0-bank\0\x07\x07";
        assert_eq!(redacted(greeting), b"\x0c\0\0\0\x0a0\xff\xff\xff\xff\xff\xff\xff\0\xff\xff");
        assert_eq!(redacted(b"\x05\0\0\0\x03bank"), b"\x05\0\0\0\x03\xff\xff\xff\xff");
        assert_eq!(redacted(b"\x05\0\0\x01abank"), b"\x05\0\0\x01\xff\xff\xff\xff\xff");
    }

    #[test]
    fn of_ldap_no_name_is_left_in_whichever_letters() {
        let name = "ou=Иванов,cn=bank".as_bytes();
        let bind = [&[0x30, name.len() as u8 + 5, 2, 1, 1, 0x60, name.len() as u8][..], name].concat();
        let redacted = redacted(&bind);
        assert_eq!(redacted[..7], bind[..7]);
        assert!(redacted[7..].iter().all(|byte| *byte == BLANK), "{redacted:x?}");
    }

    proptest! {
        #[test]
        fn any_bytes_keep_their_length(bytes: Vec<u8>, head in prop::sample::select(&HEADS[..])) {
            let bytes = [head, &bytes].concat();
            prop_assert_eq!(redacted(&bytes).len(), bytes.len());
        }
    }
}
