//! TLS handshake messages in clear, without names: what a verdict and the reports read of them stays, other bytes are blank.

use super::super::{StandIns, words};
use super::BLANK;
use crate::tls::handshake_kind as kind;

/// Extensions that name nobody (IANA, TLS ExtensionType Values): groups, point formats, signature algorithms, extended master secret,
/// record size, versions, key exchange modes, early data, key shares, and the like.
const HARMLESS: [u16; 16] = [1, 10, 11, 13, 21, 22, 23, 27, 28, 34, 42, 43, 45, 49, 50, 51];
const SERVER_NAME: u16 = 0;
const APPLICATION_PROTOCOLS: u16 = 16;
const PRE_SHARED_KEY: u16 = 41;
const AUTHORITIES: u16 = 47;
/// RFC 5746: empty in a first handshake, and a digest of the last one otherwise.
const RENEGOTIATION: u16 = 0xff01;
/// RFC 6066, 8: the kind of the request.
const STATUS_REQUEST: u16 = 5;

/// Bytes of a random value, and of the version before it (RFC 5246, 7.4.1.2).
const FIXED_BYTES: usize = 2 + 32;

/// Blanks a hello whose session id is longer than one may be (RFC 8446, 4.1.2), so that nobody knows what follows it.
fn blank_behind_no_session(body: &mut [u8]) -> bool {
    const LONGEST: u8 = 32;
    let is_none = body.get(FIXED_BYTES).is_some_and(|len| *len > LONGEST);
    if is_none && let Some(rest) = body.get_mut(FIXED_BYTES + 1..) {
        rest.fill(BLANK);
    }
    is_none
}

/// Where a length of `digits` bytes at `at` says that something is, as far as it is there.
fn sized(bytes: &[u8], at: usize, digits: usize) -> Option<(usize, usize)> {
    let len = bytes.get(at..at + digits)?.iter().fold(0, |len: usize, byte| len << 8 | usize::from(*byte));
    let start = at + digits;
    Some((start, start.saturating_add(len).min(bytes.len())))
}

impl StandIns {
    /// Replaces what the body of a message of this type names, as far as it is there. Its length stays.
    pub(super) fn handshake(&mut self, kind: u8, body: &mut [u8]) {
        match kind {
            kind::CLIENT_HELLO => self.client_hello_bytes(body),
            kind::SERVER_HELLO | kind::HELLO_RETRY_REQUEST => self.server_hello_bytes(body),
            kind::CERTIFICATE => self.chain_bytes(body),
            kind::CERTIFICATE_REQUEST => self.request_bytes(body),
            kind::HELLO_REQUEST | kind::SERVER_HELLO_DONE => {}
            // The lifetime and the length; the kind of a curve, and which; the kind of a status, and its length.
            kind::NEW_SESSION_TICKET => blank_from(body, 6),
            kind::SERVER_KEY_EXCHANGE | kind::CERTIFICATE_STATUS => blank_from(body, 4),
            kind::CLIENT_KEY_EXCHANGE => blank_from(body, 2),
            _ => blank_from(body, 0),
        }
    }

    /// RFC 8446, 4.1.2.
    fn client_hello_bytes(&mut self, body: &mut [u8]) {
        if blank_behind_no_session(body) {
            return;
        }
        let after_suites = || {
            let (_, session) = sized(body, FIXED_BYTES, 1)?;
            let (_, suites) = sized(body, session, 2)?;
            let (_, methods) = sized(body, suites, 1)?;
            sized(body, methods, 2)
        };
        if let Some((from, to)) = after_suites() {
            self.extensions_in(body, from, to, true);
        }
    }

    /// RFC 8446, 4.1.3.
    fn server_hello_bytes(&mut self, body: &mut [u8]) {
        if blank_behind_no_session(body) {
            return;
        }
        let after_suite = || {
            let (_, session) = sized(body, FIXED_BYTES, 1)?;
            sized(body, session + 3, 2)
        };
        if let Some((from, to)) = after_suite() {
            self.extensions_in(body, from, to, false);
        }
    }

    fn extensions_in(&mut self, body: &mut [u8], from: usize, to: usize, is_client: bool) {
        let mut at = from;
        while let Some((start, end)) = sized(body, at + 2, 2) {
            let number = body.get(at..at + 2).map_or(0, |two| u16::from_be_bytes([two[0], two[1]]));
            let Some(content) = body.get_mut(start..end.min(to)) else { break };
            self.extension(number, content, is_client);
            at = end;
        }
        // What is behind a length that is cut.
        if let Some(rest) = body.get_mut(at.min(to)..) {
            let kept = rest.len().min(4);
            blank_from(rest, kept);
        }
    }

    fn extension(&mut self, number: u16, content: &mut [u8], is_client: bool) {
        match number {
            known if HARMLESS.contains(&known) => {}
            SERVER_NAME => self.server_names(content),
            APPLICATION_PROTOCOLS => protocols(content),
            PRE_SHARED_KEY if is_client => identities(content),
            PRE_SHARED_KEY => {}
            AUTHORITIES => self.authorities(content),
            RENEGOTIATION | STATUS_REQUEST => blank_from(content, 1),
            _ => blank_from(content, 0),
        }
    }

    /// RFC 6066, 3.
    fn server_names(&mut self, content: &mut [u8]) {
        let mut at = 2;
        while let Some((start, end)) = sized(content, at + 1, 2) {
            let Some(name) = content.get_mut(start..end) else { break };
            let stand_in = self.name_bytes(name);
            name.copy_from_slice(&stand_in);
            at = end;
        }
    }

    /// RFC 5246, 7.4.4, and before it the same without signature algorithms.
    fn request_bytes(&mut self, body: &mut [u8]) {
        let Some((_, types)) = sized(body, 0, 1) else { return };
        let list_at = |at: usize| {
            let declared = sized(body, at, 2).map(|(start, _)| {
                let len =
                    body.get(at..at + 2).map_or(0, |two| usize::from(u16::from_be_bytes([two[0], two[1]])));
                start + len
            });
            declared.filter(|end| *end == body.len())
        };
        let behind_algorithms = sized(body, types, 2).map_or(types, |(_, end)| end);
        let at = if list_at(types).is_some() { types } else { behind_algorithms };
        if let Some(rest) = body.get_mut(at..) {
            self.authorities(rest);
        }
    }

    /// A list of distinguished names.
    fn authorities(&mut self, list: &mut [u8]) {
        let mut at = 2;
        while let Some((start, end)) = sized(list, at, 2) {
            if let Some(name) = list.get_mut(start..end) {
                self.directory_bytes(name);
            }
            at = end;
        }
    }

    /// RFC 5246, 7.4.2: certificates of which each has its length.
    fn chain_bytes(&mut self, body: &mut [u8]) {
        let mut at = 3;
        while let Some((start, end)) = sized(body, at, 3) {
            if let Some(certificate) = body.get_mut(start..end) {
                self.certificate_bytes(certificate);
            }
            at = end;
        }
    }
}

/// Blanks everything from there on.
fn blank_from(bytes: &mut [u8], from: usize) {
    if let Some(rest) = bytes.get_mut(from..) {
        rest.fill(BLANK);
    }
}

/// RFC 7301, 3.1.
fn protocols(content: &mut [u8]) {
    let mut at = 2;
    while let Some((start, end)) = sized(content, at, 1) {
        let Some(protocol) = content.get_mut(start..end) else { break };
        match std::str::from_utf8(protocol).map(words::protocol) {
            Ok(known) if known.len() == protocol.len() => protocol.copy_from_slice(known.as_bytes()),
            _ => protocol.fill(b'x'),
        }
        at = end;
    }
}

/// RFC 8446, 4.2.11: tickets, whose lengths stay, and digests over the hello.
fn identities(content: &mut [u8]) {
    let Some((mut at, to)) = sized(content, 0, 2) else { return };
    while at < to {
        let Some((start, end)) = sized(content, at, 2) else { break };
        if let Some(ticket) = content.get_mut(start..end) {
            ticket.fill(BLANK);
        }
        // The ticket's age follows it.
        at = end + 4;
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// A ClientHello's body with these extensions.
    fn hello(extensions: &[(u16, &[u8])]) -> Vec<u8> {
        let mut list = Vec::new();
        for (number, content) in extensions {
            list.extend(number.to_be_bytes());
            list.extend((content.len() as u16).to_be_bytes());
            list.extend_from_slice(content);
        }
        let mut body = vec![3; FIXED_BYTES];
        body.extend([0, 0, 2, 0x13, 1, 1, 0]);
        body.extend((list.len() as u16).to_be_bytes());
        body.extend(list);
        body
    }

    #[test]
    fn a_hello_has_another_name_and_the_same_protocols() {
        let name = [&[0, 18, 0, 0, 15][..], b"SSM.oz-bank.tst"].concat();
        let protocols = [&[0, 10, 2][..], b"h2", &[6], b"corp/9"].concat();
        let mut body = hello(&[(0, &name), (35, b"ticket of ann"), (16, &protocols), (43, &[2, 3, 4])]);
        let mut stand_ins = StandIns::default();
        stand_ins.handshake(kind::CLIENT_HELLO, &mut body);
        let stand_in = stand_ins.written_host("SSM.oz-bank.tst");
        assert_eq!(stand_in.len(), 15);
        let name = [&[0, 18, 0, 0, 15][..], stand_in.as_bytes()].concat();
        let protocols = [&[0, 10, 2][..], b"h2", &[6], b"xxxx/x"].concat();
        assert_eq!(body, hello(&[(0, &name), (35, &[BLANK; 13]), (16, &protocols), (43, &[2, 3, 4])]));
    }

    #[test]
    fn the_authorities_that_a_server_asks_for_have_stand_ins() {
        let name = [&[0x30, 15, 0x31, 13, 0x30, 11, 6, 3, 0x55, 4, 10, 0x0c, 4][..], b"Corp"].concat();
        let list = [&[0, 19, 0, 17][..], &name].concat();
        for algorithms in [&[][..], &[0, 2, 4, 1]] {
            let mut body = [&[1, 64][..], algorithms, &list].concat();
            StandIns::default().handshake(kind::CERTIFICATE_REQUEST, &mut body);
            assert!(body.ends_with(b"\x0c\x04h1xx"), "{body:x?}");
        }
    }

    proptest! {
        #[test]
        fn any_message_keeps_its_length(kind: u8, mut body: Vec<u8>, cut in 0_usize..90) {
            let len = body.len();
            StandIns::default().handshake(kind, &mut body);
            prop_assert_eq!(body.len(), len);
            let mut whole = hello(&[(0, &[0, 8, 0, 0, 5, 97, 98, 99, 100, 101]), (16, &[0, 3, 2, 104, 50]), (41, &[9; 20])]);
            whole.truncate(cut);
            let len = whole.len();
            StandIns::default().handshake(1, &mut whole);
            prop_assert_eq!(whole.len(), len);
            prop_assert!(!whole.windows(5).any(|name| name == b"abcde"));
        }
    }
}
