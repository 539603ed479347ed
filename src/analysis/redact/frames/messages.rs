//! TLS handshake messages in clear, without names: what a verdict and the reports read of them stays, other bytes are blank.

use super::super::{StandIns, words};
use super::BLANK;
use crate::tls::handshake_kind as kind;
use crate::tls::{CipherSuite, NamedGroup, RETRY_RANDOM};

/// Extensions of which lists of numbers are read (IANA, TLS ExtensionType Values): groups, signature algorithms, and these for
/// certificates.
const GROUPS: u16 = 10;
const SIGNATURES: u16 = 13;
const CERTIFICATE_SIGNATURES: u16 = 50;
const VERSIONS: u16 = 43;
/// Key shares, which drafts up to 22 of TLS 1.3 had elsewhere.
const KEY_SHARES: [u16; 2] = [40, 51];
const SERVER_NAME: u16 = 0;
const APPLICATION_PROTOCOLS: u16 = 16;
const PRE_SHARED_KEY: u16 = 41;
const AUTHORITIES: u16 = 47;
/// RFC 5746: empty in a first handshake, and a digest of the last one otherwise.
const RENEGOTIATION: u16 = 0xff01;
/// RFC 6066, 8: the kind of the request.
const STATUS_REQUEST: u16 = 5;
/// Only the length of these is read, and their contents become zeros: fragment lengths, point formats, padding, encrypt-then-MAC, extended
/// master secret, compression of certificates, record size, delegated credentials, early data, key exchange modes, authentication
/// afterwards.
const LENGTH_ALONE: [u16; 11] = [1, 11, 21, 22, 23, 27, 28, 34, 42, 45, 49];

/// What a distinguished name begins with: a SEQUENCE (RFC 5280, 4.1.2.4).
const NAME_TAG: u8 = 0x30;

/// The kind of a curve that has a name (RFC 8422, 5.4).
const NAMED_CURVE: u8 = 3;

/// Bytes of a random value (RFC 5246, 7.4.1.2), which finds a session in a list of keys.
const RANDOM_BYTES: usize = 32;
/// The longest session id (RFC 8446, 4.1.2).
const SESSION_BYTES: usize = 32;
/// What takes the place of a number that nobody has registered: its bytes may be text.
const NO_NUMBER: [u8; 2] = [BLANK; 2];

/// Bytes that are read from their beginning.
struct Walk<'b>(&'b mut [u8]);

impl<'b> Walk<'b> {
    /// The next bytes, as many as are there.
    fn take(&mut self, len: usize) -> &'b mut [u8] {
        let all = std::mem::take(&mut self.0);
        let (taken, rest) = all.split_at_mut(len.min(all.len()));
        self.0 = rest;
        taken
    }

    /// What follows a length of `digits` bytes, as much as is there. Nothing, and blank, where the length is not whole.
    fn vector(&mut self, digits: usize) -> Option<&'b mut [u8]> {
        if self.0.len() < digits {
            self.blank();
            return None;
        }
        let len = self.take(digits).iter().fold(0, |len: usize, byte| len << 8 | usize::from(*byte));
        Some(self.take(len))
    }

    /// Nothing that is left stays.
    fn blank(&mut self) {
        self.take(usize::MAX).fill(BLANK);
    }
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
            kind::CLIENT_HELLO => {
                self.client_hello_bytes(&mut Walk(body));
            }
            kind::SERVER_HELLO | kind::HELLO_RETRY_REQUEST => {
                self.server_hello_bytes(&mut Walk(body));
            }
            kind::CERTIFICATE => self.chain_bytes(body),
            kind::CERTIFICATE_REQUEST => {
                self.request_bytes(body);
            }
            // The lifetime and the length; the kind of a curve, and which; the kind of a status, and its length.
            kind::NEW_SESSION_TICKET => blank_from(body, 6),
            kind::SERVER_KEY_EXCHANGE if body.first() != Some(&NAMED_CURVE) => blank_from(body, 2),
            kind::SERVER_KEY_EXCHANGE | kind::CERTIFICATE_STATUS => blank_from(body, 4),
            kind::CLIENT_KEY_EXCHANGE => blank_from(body, 2),
            _ => blank_from(body, 0),
        }
    }

    /// RFC 8446, 4.1.2. Nothing if it ends early.
    fn client_hello_bytes(&mut self, body: &mut Walk<'_>) -> Option<()> {
        body.take(2);
        body.take(RANDOM_BYTES).fill(BLANK);
        self.session(body)?;
        numbers(body.vector(2)?, is_suite);
        for method in body.vector(1)? {
            *method = if *method > 1 { BLANK } else { *method };
        }
        if !body.0.is_empty() {
            self.extensions_in(&mut Walk(body.vector(2)?), true);
        }
        body.blank();
        Some(())
    }

    /// RFC 8446, 4.1.3; drafts of TLS 1.3 up to 21 had no session id and no compression (draft-ietf-tls-tls13-21, 4.1.3).
    fn server_hello_bytes(&mut self, body: &mut Walk<'_>) -> Option<()> {
        let is_short = matches!(body.take(2), [0x7f, _]);
        let random = body.take(RANDOM_BYTES);
        if !RETRY_RANDOM.starts_with(random) {
            random.fill(BLANK);
        }
        if !is_short {
            self.session(body)?;
        }
        numbers(body.take(2), is_suite);
        if !is_short {
            body.take(1);
        }
        if !body.0.is_empty() {
            self.extensions_in(&mut Walk(body.vector(2)?), false);
        }
        body.blank();
        Some(())
    }

    /// A session id finds the session in a server's log. Nothing, and blank, where it is longer than one may be.
    fn session(&mut self, body: &mut Walk<'_>) -> Option<()> {
        if body.0.first().is_some_and(|len| usize::from(*len) > SESSION_BYTES) {
            body.take(1);
            body.blank();
            return None;
        }
        let session = body.vector(1)?;
        if !session.is_empty() {
            self.opaque(session);
        }
        Some(())
    }

    fn extensions_in(&mut self, list: &mut Walk<'_>, is_client: bool) {
        while list.0.len() >= 4 {
            let number = match list.take(2) {
                [high, low] => u16::from_be_bytes([*high, *low]),
                _ => return,
            };
            if let Some(content) = list.vector(2) {
                self.extension(number, content, is_client);
            }
        }
        // What follows a length that is cut off.
        let kept = list.0.len().min(2);
        list.take(kept);
        list.blank();
    }

    fn extension(&mut self, number: u16, content: &mut [u8], is_client: bool) {
        let mut walk = Walk(content);
        match number {
            SERVER_NAME => return self.server_names(walk.0),
            APPLICATION_PROTOCOLS => return protocols(walk.0),
            AUTHORITIES => return self.authorities(walk.0),
            PRE_SHARED_KEY if is_client => return identities(walk.0),
            // Which of them was chosen.
            PRE_SHARED_KEY => {
                walk.take(2);
            }
            GROUPS => list_of(&mut walk, 2, is_group),
            SIGNATURES | CERTIFICATE_SIGNATURES => list_of(&mut walk, 2, is_signature),
            VERSIONS if is_client => list_of(&mut walk, 1, is_version),
            VERSIONS => numbers(walk.take(2), is_version),
            known if KEY_SHARES.contains(&known) && is_client => key_shares(&mut walk),
            known if KEY_SHARES.contains(&known) => key_share(&mut walk),
            RENEGOTIATION | STATUS_REQUEST => {
                walk.take(1);
            }
            known if LENGTH_ALONE.contains(&known) => walk.take(usize::MAX).fill(0),
            _ => {}
        }
        walk.blank();
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
        blank_from(content, at);
    }

    /// RFC 5246, 7.4.4, and before it the same without signature algorithms. Nothing if it ends early.
    fn request_bytes(&mut self, body: &mut [u8]) -> Option<()> {
        let mut body = Walk(body);
        for kind in body.vector(1)? {
            // The registry's own have numbers below 70, and others above 127 are nobody's text.
            *kind = if *kind > 68 { BLANK } else { *kind };
        }
        let is_all = |rest: &[u8]| matches!(*rest, [high, low, ref names @ ..] if usize::from(u16::from_be_bytes([high, low])) == names.len());
        if !is_all(body.0) {
            numbers(body.vector(2)?, is_signature);
        }
        self.authorities(body.0);
        Some(())
    }

    /// A list of distinguished names.
    fn authorities(&mut self, list: &mut [u8]) {
        let mut at = 2;
        while let Some((start, end)) = sized(list, at, 2) {
            // A length that no name follows is not one.
            if list.get(start).is_some_and(|tag| *tag != NAME_TAG) {
                break;
            }
            if let Some(name) = list.get_mut(start..end) {
                self.directory_bytes(name);
            }
            at = end;
        }
        blank_from(list, at);
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
        blank_from(body, at);
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
    blank_from(content, at);
}

/// A list of 16-bit numbers after its length.
fn list_of(content: &mut Walk<'_>, digits: usize, is_known: fn(u16) -> bool) {
    if let Some(list) = content.vector(digits) {
        numbers(list, is_known);
    }
}

/// Keeps of 16-bit numbers those that are known.
fn numbers(list: &mut [u8], is_known: fn(u16) -> bool) {
    let (pairs, rest) = list.as_chunks_mut::<2>();
    for pair in pairs {
        if !is_known(u16::from_be_bytes(*pair)) {
            *pair = NO_NUMBER;
        }
    }
    rest.fill(BLANK);
}

/// RFC 8701: reserved numbers that clients send to keep servers tolerant.
fn is_reserved(number: u16) -> bool {
    number & 0x0f0f == 0x0a0a && number >> 8 == number & 0xff
}

/// A cipher suite of the registry. It has all of 0x00 and many of 0xc0 that are not named here.
fn is_suite(number: u16) -> bool {
    CipherSuite(number.into()).name().is_some()
        || matches!(number >> 8, 0 | 0xc0 | 0xc1)
        || is_reserved(number)
}

fn is_group(number: u16) -> bool {
    NamedGroup(number).name().is_some() || number < 0x0100 || is_reserved(number)
}

/// A hash and a signature (RFC 5246, 7.4.1.4.1), or a scheme (RFC 8446, 4.2.3).
fn is_signature(number: u16) -> bool {
    number >> 8 <= 9 || is_reserved(number)
}

/// SSL's, TLS's and TLCP's numbers, and those of drafts and experiments.
fn is_version(number: u16) -> bool {
    matches!(number >> 8, 3 | 0x7f | 0xfb) || matches!(number, 0x0002 | 0x0101) || is_reserved(number)
}

/// RFC 8446, 4.2.8: groups with a key for each.
fn key_shares(content: &mut Walk<'_>) {
    let Some(shares) = content.vector(2) else { return };
    let mut shares = Walk(shares);
    while !shares.0.is_empty() {
        key_share(&mut shares);
    }
}

/// A group, and the key where there is one.
fn key_share(content: &mut Walk<'_>) {
    numbers(content.take(2), is_group);
    if let Some(key) = content.vector(2) {
        key.fill(BLANK);
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
        if let Some(age) = content.get_mut(end..(end + 4).min(to)) {
            age.fill(BLANK);
        }
        at = end + 4;
    }
    // Digests over the hello.
    blank_from(content, to);
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
        let mut body = vec![3, 3];
        body.extend([BLANK; RANDOM_BYTES]);
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

    #[test]
    fn lists_keep_the_numbers_that_are_registered_and_other_contents_only_their_length() {
        let of = |signatures: &[u8], groups: &[u8], padding: &[u8]| {
            let list = |numbers: &[u8]| [&(numbers.len() as u16).to_be_bytes()[..], numbers].concat();
            hello(&[(13, &list(signatures)), (10, &list(groups)), (21, padding), (0x6162, padding)])
        };
        let mut body = of(&[4, 3, 8, 4, b'a', b'c', b'm', b'e'], &[0, 29, b'b', b'k'], b"acmebank");
        StandIns::default().handshake(kind::CLIENT_HELLO, &mut body);
        let mut expected = of(&[4, 3, 8, 4, 255, 255, 255, 255], &[0, 29, 255, 255], &[0; 8]);
        let end = expected.len() - 8;
        expected[end..].fill(BLANK);
        assert_eq!(body, expected);
    }

    #[test]
    fn a_session_id_that_the_server_repeats_is_repeated_and_another_one() {
        let with = |session: &[u8], after: &[u8]| {
            let head = [&[3, 3][..], &[BLANK; RANDOM_BYTES], &[session.len() as u8], session].concat();
            [head.as_slice(), after].concat()
        };
        let mut stand_ins = StandIns::default();
        let mut client = with(b"acmebank-session", &[0, 2, 0x13, 1, 1, 0]);
        let mut server = with(b"acmebank-session", &[0x13, 1, 0]);
        stand_ins.handshake(kind::CLIENT_HELLO, &mut client);
        stand_ins.handshake(kind::SERVER_HELLO, &mut server);
        let mut session = [0; 16];
        session[15] = 1;
        assert_eq!((client, server), (with(&session, &[0, 2, 0x13, 1, 1, 0]), with(&session, &[0x13, 1, 0])));
        let mut long = with(&[b'a'; 33], &[0, 2, 0x13, 1]);
        stand_ins.handshake(kind::CLIENT_HELLO, &mut long);
        assert!(!long.contains(&b'a'), "{long:x?}");
    }

    #[test]
    fn what_is_no_authority_in_the_place_of_one_is_blank() {
        let mut body = [&[1, 64, 0, 8][..], b"acmebank"].concat();
        StandIns::default().handshake(kind::CERTIFICATE_REQUEST, &mut body);
        assert_eq!(body, [&[1, 64, 0, 8][..], &[BLANK; 8]].concat());
    }

    #[test]
    fn bodies_that_are_empty_as_a_rule_are_blank() {
        for kind in [kind::HELLO_REQUEST, kind::SERVER_HELLO_DONE] {
            let mut body = b"acmebank".to_vec();
            StandIns::default().handshake(kind, &mut body);
            assert_eq!(body, [BLANK; 8]);
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
