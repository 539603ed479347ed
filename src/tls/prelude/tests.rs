//! Each protocol, from whole messages, from cut ones and byte by byte.

use proptest::prelude::*;

use super::*;
use crate::time::Timestamp;
use Role::{Client, Server};

/// What is emitted when both sides send this, of which `snaplen` bytes a segment are captured.
fn heard(said: &[(Role, &[u8])], snaplen: usize) -> Vec<(Prelude, PreludeStep)> {
    let mut listener = Listener::default();
    let mut emitted = Vec::new();
    for (number, (role, bytes)) in said.iter().enumerate() {
        let delivery = Delivery {
            number: number as u64 + 1,
            at: Timestamp::ZERO,
            len: bytes.len() as u32,
            bytes: &bytes[..bytes.len().min(snaplen)],
            printed: &[],
            decoded: "",
            hole: None,
        };
        listener.take(*role, &delivery, &mut |protocol, step, _| emitted.push((protocol, step)));
    }
    emitted
}

/// The steps of one protocol, which must come out from whole segments, from 62 bytes of each, and byte by byte.
fn steps(said: &[(Role, &[u8])], protocol: Prelude) -> Vec<PreludeStep> {
    let whole = heard(said, usize::MAX);
    assert_eq!(heard(said, 62), whole, "{protocol} from cut segments");
    let split: Vec<(Role, &[u8])> =
        said.iter().flat_map(|(role, bytes)| bytes.chunks(1).map(|byte| (*role, byte))).collect();
    assert_eq!(heard(&split, usize::MAX), whole, "{protocol} byte by byte");
    assert!(whole.iter().all(|(emitted, _)| *emitted == protocol), "{whole:?}");
    whole.into_iter().map(|(_, step)| step).collect()
}

fn code(step: Option<&PreludeStep>) -> Option<u16> {
    match step {
        Some(PreludeStep::Refused(refusal)) => refusal.code,
        other => panic!("no refusal: {other:?}"),
    }
}

const OPENED: [PreludeStep; 2] = [PreludeStep::Asked, PreludeStep::Agreed];

#[test]
fn socks4_and_4a_open_a_tunnel_or_refuse_it() {
    let request = b"\x04\x01\x20\xfb\xc6\x33\x64\x14root\0";
    let named = b"\x04\x01\x20\xfb\0\0\0\x01\0ssm.example.com\0";
    let granted = [0, 90, 0, 0, 0, 0, 0, 0];
    assert_eq!(steps(&[(Client, request), (Server, &granted)], Prelude::Socks4), OPENED);
    assert_eq!(steps(&[(Client, named), (Server, &granted)], Prelude::Socks4), OPENED);
    let refused = steps(&[(Client, request), (Server, &[0, 91, 0, 0, 0, 0, 0, 0])], Prelude::Socks4);
    assert_eq!(code(refused.last()), Some(91));
}

const NO_LOGIN: [(Role, &[u8]); 3] =
    [(Client, &[5, 1, 0]), (Server, &[5, 0]), (Client, b"\x05\x01\0\x03\x0bssm.example\x20\xfb")];

#[test]
fn socks5_opens_a_tunnel_with_and_without_a_login() {
    let granted: (Role, &[u8]) = (Server, &[5, 0, 0, 1, 0, 0, 0, 0, 0, 0]);
    let open = [&NO_LOGIN[..], &[granted]].concat();
    let expected = [PreludeStep::Asked, PreludeStep::Continued, PreludeStep::Asked, PreludeStep::Agreed];
    assert_eq!(steps(&open, Prelude::Socks5), expected);
    let login: [(Role, &[u8]); 6] = [
        (Client, &[5, 2, 0, 2]),
        (Server, &[5, 2]),
        (Client, b"\x01\x02me\x06secret"),
        (Server, &[1, 0]),
        (Client, &[5, 1, 0, 1, 192, 0, 2, 1, 0x20, 0xfb]),
        granted,
    ];
    assert_eq!(steps(&login, Prelude::Socks5).len(), 6);
    assert_eq!(steps(&login, Prelude::Socks5).last(), Some(&PreludeStep::Agreed));
}

#[test]
fn socks5_refuses_at_each_of_its_steps() {
    let refused = [&NO_LOGIN[..], &[(Server, &[5, 5, 0, 1, 0, 0, 0, 0, 0, 0])]].concat();
    assert_eq!(code(steps(&refused, Prelude::Socks5).last()), Some(5));
    let no_method: [(Role, &[u8]); 2] = [(Client, &[5, 1, 0]), (Server, &[5, 0xff])];
    assert_eq!(code(steps(&no_method, Prelude::Socks5).last()), Some(255));
    let rejected: [(Role, &[u8]); 4] =
        [(Client, &[5, 1, 2]), (Server, &[5, 2]), (Client, b"\x01\x02me\x02no"), (Server, &[1, 1])];
    let last = steps(&rejected, Prelude::Socks5).pop();
    assert!(matches!(last, Some(PreludeStep::Refused(Refusal { code: None, .. }))), "{last:?}");
}

#[test]
fn a_reply_of_socks5_that_comes_in_parts_opens_the_tunnel_at_its_end() {
    let granted: [(Role, &[u8]); 3] = [(Server, &[5, 0]), (Server, &[0, 3]), (Server, b"\x01a\x20\xfb")];
    let parts = steps(&[&NO_LOGIN[..], &granted].concat(), Prelude::Socks5);
    let expected = [PreludeStep::Asked, PreludeStep::Continued, PreludeStep::Asked, PreludeStep::Agreed];
    assert_eq!(parts, expected);
    assert_eq!(steps(&[&NO_LOGIN[..], &granted[..2]].concat(), Prelude::Socks5), expected[..3]);
}

#[test]
fn smtp_starts_tls_or_does_not() {
    let ask: [(Role, &[u8]); 4] = [
        (Server, b"220 mail.example ESMTP\r\n"),
        (Client, b"EHLO client.example\r\n"),
        (Server, b"250-mail.example greets client.example and offers what follows now\r\n250 STARTTLS\r\n"),
        (Client, b"STARTTLS\r\n"),
    ];
    let ready = [&ask[..], &[(Server, b"220 2.0.0 Ready to start TLS\r\n")]].concat();
    assert_eq!(steps(&ready, Prelude::Smtp), OPENED);
    let refused = [&ask[..], &[(Server, b"454 4.7.0 TLS not available\r\n")]].concat();
    assert_eq!(code(steps(&refused, Prelude::Smtp).last()), Some(454));
    assert!(heard(&ask[..3], usize::MAX).is_empty());
}

#[test]
fn imap_answers_with_the_tag_it_was_asked_with() {
    let said: [(Role, &[u8]); 4] = [
        (Server, b"* OK ready\r\n"),
        (Client, b"a1 STARTTLS\r\n"),
        (Server, b"* CAPABILITY IMAP4rev1\r\n"),
        (Server, b"a1 OK Begin TLS negotiation now\r\n"),
    ];
    assert_eq!(steps(&said, Prelude::Imap), OPENED);
    let refused: [(Role, &[u8]); 2] = [(Client, b"x STARTTLS\r\n"), (Server, b"x BAD unknown command\r\n")];
    assert!(matches!(steps(&refused, Prelude::Imap).last(), Some(PreludeStep::Refused(_))));
}

#[test]
fn pop3_and_ftp_have_commands_of_their_own() {
    let pop3: [(Role, &[u8]); 3] =
        [(Server, b"+OK ready\r\n"), (Client, b"STLS\r\n"), (Server, b"+OK begin\r\n")];
    assert_eq!(steps(&pop3, Prelude::Pop3), OPENED);
    let ftp: [(Role, &[u8]); 3] =
        [(Server, b"220 ftp\r\n"), (Client, b"AUTH TLS\r\n"), (Server, b"234 AUTH TLS OK.\r\n")];
    assert_eq!(steps(&ftp, Prelude::Ftp), OPENED);
    let refused: [(Role, &[u8]); 2] = [(Client, b"AUTH TLS\r\n"), (Server, b"502 no\r\n")];
    assert_eq!(code(steps(&refused, Prelude::Ftp).last()), Some(502));
}

#[test]
fn ldap_starts_tls_by_an_extended_operation() {
    let mut request = vec![0x30, 29, 2, 1, 1, 0x77, 24, 0x80, 22];
    request.extend(b"1.3.6.1.4.1.1466.20037");
    let answer = |code: u8| vec![0x30, 12, 2, 1, 1, 0x78, 7, 10, 1, code, 4, 0, 4, 0];
    assert_eq!(steps(&[(Client, &request), (Server, &answer(0))], Prelude::Ldap), OPENED);
    let refused = steps(&[(Client, &request), (Server, &answer(2))], Prelude::Ldap);
    assert_eq!(code(refused.last()), Some(2));
    let bind = [0x30, 12, 2, 1, 1, 0x60, 7, 2, 1, 3, 4, 0, 0x80, 0];
    assert!(heard(&[(Client, &bind), (Server, &answer(0))], usize::MAX).is_empty());
}

#[test]
fn xmpp_and_postgresql_are_asked_in_their_own_ways() {
    let xmpp: [(Role, &[u8]); 4] = [
        (Client, b"<?xml version='1.0'?><stream:stream to='im.example' xmlns='jabber:client'>"),
        (Server, b"<stream:features><starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/></stream:features>"),
        (Client, b"<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>"),
        (Server, b"<proceed xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>"),
    ];
    assert_eq!(steps(&xmpp, Prelude::Xmpp), OPENED);
    let postgres: [(Role, &[u8]); 2] = [(Client, &[0, 0, 0, 8, 4, 0xd2, 0x16, 0x2f]), (Server, b"S")];
    assert_eq!(steps(&postgres, Prelude::Postgres), OPENED);
    let refused: [(Role, &[u8]); 2] = [postgres[0], (Server, b"N")];
    assert!(matches!(steps(&refused, Prelude::Postgres).last(), Some(PreludeStep::Refused(_))));
}

#[test]
fn other_protocols_are_none_of_them() {
    for said in [
        &[(Client, &b"GET / HTTP/1.1\r\nHost: STARTTLS\r\n\r\n"[..]), (Server, b"HTTP/1.1 200 OK\r\n")][..],
        &[(Client, &[5, 1, 0, 0, 0, 9, 9]), (Server, &[5, 1])],
        &[(Client, &[4, 9, 1]), (Server, &[0, 91, 0, 0, 0, 0, 0, 0])],
        &[(Server, b"SSH-2.0-x\r\n"), (Client, b"SSH-2.0-y\r\n"), (Client, &[5, 1, 0])],
    ] {
        assert_eq!(heard(said, usize::MAX), []);
    }
}

proptest! {
    #[test]
    fn any_conversation_is_heard_without_panic(
        said in proptest::collection::vec(
            (any::<bool>(), proptest::collection::vec(prop_oneof![0u8..6, any::<u8>(), Just(b'\n'), Just(0x30)], 0..40), 0u32..80),
            0..30,
        )
    ) {
        let mut listener = Listener::default();
        for (is_client, bytes, more) in said {
            let delivery = Delivery {
                number: 1, at: Timestamp::ZERO, len: bytes.len() as u32 + more, bytes: &bytes, printed: &[], decoded: "", hole: None,
            };
            listener.take(if is_client { Client } else { Server }, &delivery, &mut |_, _, _| {});
            prop_assert!(listener.pending.client.len() <= limits::PRELUDE_MESSAGE_BYTES);
        }
    }
}
