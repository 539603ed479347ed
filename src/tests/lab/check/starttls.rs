//! Servers whose protocol begins in clear and is asked for TLS.

use std::io::{Read, Write};
use std::net::TcpStream;

use super::{QUICK, at_once, check};
use crate::peers::{serve, serve_starttls, wait};
use crate::pki::{NAME, Pki};
use crate::support::lab::{Lab, SERVER};

#[test]
fn tls_is_asked_for_in_each_protocol_s_words() {
    at_once(&[agreed, refused, unlisted]);
}

/// Says the first of these at once if it is not empty, and each of the others after something was read.
fn talk(peer: &mut TcpStream, says: &[&[u8]]) {
    for (index, words) in says.iter().enumerate() {
        if index > 0 {
            let _ = peer.read(&mut [0; 4_096]);
        }
        let _ = peer.write_all(words);
    }
}

const DIALOGUES: [(&str, u16, &[&[u8]]); 7] = [
    ("smtp", 25, &[b"220-mx\r\n220 mx\r\n", b"250-mx\r\n250 STARTTLS\r\n", b"220 go\r\n"]),
    ("imap", 143, &[b"* OK hello\r\n", b"* CAPABILITY IMAP4rev1 STARTTLS\r\na0 OK\r\n", b"a1 OK begin\r\n"]),
    ("pop3", 110, &[b"+OK hello\r\n", b"+OK\r\nSTLS\r\n.\r\n", b"+OK begin\r\n"]),
    ("ftp", 21, &[b"220 hello\r\n", b"234 go\r\n"]),
    ("ldap", 389, &[b"", b"\x30\x0c\x02\x01\x01\x78\x07\x0a\x01\0\x04\0\x04\0"]),
    ("postgres", 5432, &[b"", b"S"]),
    (
        "xmpp",
        5222,
        &[
            b"",
            b"<?xml version='1.0'?><stream:stream xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams' \
              id='1' version='1.0'><stream:features><starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/></stream:features>",
            b"<proceed xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>",
        ],
    ),
];

fn agreed(lab: &Lab) {
    let pki = Pki::new(lab.folder.path());
    let ca = pki.authority();
    for (protocol, port, says) in DIALOGUES {
        serve_starttls(lab, port, &pki.good(), |peer| {
            talk(peer, says);
            true
        });
        let checked = check(lab, &["--name", NAME, "--ca-file", &ca, "--starttls", protocol, SERVER]);
        assert_eq!((checked.codes(), checked.status()), (vec!["healthy"], 0), "{protocol}: {checked}");
        assert_eq!(checked.connections[0]["tcp"]["prelude"]["step"], "agreed", "{protocol}: {checked}");
        assert_eq!(checked.check["port"], port, "{protocol}");
    }
}

fn refused(lab: &Lab) {
    const REFUSALS: [(u16, &[&[u8]]); 3] = [
        (25, &[b"220 mx\r\n", b"250 mx\r\n", b"502 unknown\r\n"]),
        (26, &[b"554 not you\r\n"]),
        (27, &[b"HTTP/1.1 400 Bad Request\r\n\r\n"]),
    ];
    for (port, says) in REFUSALS {
        serve(lab, port, move |mut peer| {
            talk(&mut peer, says);
            let _ = peer.read(&mut [0; 4_096]);
        });
        let checked = check(lab, &["--starttls", "smtp", "-p", &port.to_string(), SERVER]);
        assert_eq!((checked.reason(), checked.status()), ("not-tls", 2), "{port}: {checked}");
        assert_eq!(checked.connections[0]["verdict"]["actor"], "server", "{port}: {checked}");
        let said = String::from_utf8_lossy(says[says.len() - 1]);
        let headline = checked.check["headline"].as_str().unwrap();
        assert!(headline.contains(said.trim_end()), "{port}: {checked}");
    }
    // It agrees, and says more in clear: a client would take that for what is encrypted.
    let pki = Pki::new(lab.folder.path());
    let says: [(&str, u16, &[&[u8]]); 2] = [
        ("smtp", 30, &[b"220 mx\r\n", b"250 mx\r\n", b"220 go\r\n250 injected\r\n"]),
        ("postgres", 31, &[b"", b"SR\0\0\0\x08\0\0\0\0"]),
    ];
    for (protocol, port, says) in says {
        serve_starttls(lab, port, &pki.good(), move |peer| {
            talk(peer, says);
            true
        });
        let checked = check(lab, &["--insecure", "--starttls", protocol, "-p", &port.to_string(), SERVER]);
        assert_eq!((checked.reason(), checked.status()), ("not-tls", 2), "{checked}");
        assert!(checked.contains("in clear before it"), "{checked}");
        assert!(!checked.contains("TLS is established"), "{checked}");
    }
    serve(lab, 28, |_| wait());
    let checked = check(lab, &[&["--starttls", "smtp", "-p", "28", SERVER][..], &QUICK].concat());
    assert_eq!((checked.reason(), checked.status()), ("client-silent", 2), "{checked}");
    assert_eq!(checked.connections[0]["verdict"]["actor"], "server", "{checked}");
    // It speaks, and says nothing to the request.
    serve(lab, 29, |mut peer| {
        let _ = peer.write_all(b"220 mx\r\n");
        wait();
    });
    let checked = check(lab, &[&["--starttls", "smtp", "-p", "29", SERVER][..], &QUICK].concat());
    assert_eq!((checked.reason(), checked.status()), ("no-response", 2), "{checked}");
}

fn unlisted(lab: &Lab) {
    const LISTS: [(&str, u16, &[&[u8]], i32); 4] = [
        ("smtp", 40, &[b"220 mx\r\n", b"250-mx\r\n250 SIZE 9\r\n", b"220 go\r\n"], 1),
        (
            "imap",
            41,
            &[b"* OK [CAPABILITY IMAP4rev1] x\r\n", b"* CAPABILITY IMAP4rev1\r\na0 OK\r\n", b"a1 OK go\r\n"],
            1,
        ),
        ("pop3", 42, &[b"+OK x\r\n", b"+OK\r\nUSER\r\n.\r\n", b"+OK go\r\n"], 1),
        ("pop3", 43, &[b"+OK x\r\n", b"-ERR what?\r\n", b"+OK go\r\n"], 0),
    ];
    let pki = Pki::new(lab.folder.path());
    let ca = pki.authority();
    for (protocol, port, says, status) in LISTS {
        serve_starttls(lab, port, &pki.good(), move |peer| {
            talk(peer, says);
            true
        });
        let port = port.to_string();
        let checked =
            check(lab, &["--name", NAME, "--ca-file", &ca, "--starttls", protocol, "-p", &port, SERVER]);
        assert_eq!(checked.status(), status, "{protocol}: {checked}");
        assert_eq!(checked.contains("the server does not list"), status == 1, "{protocol}: {checked}");
        let stage = &checked.connections[0]["stage"];
        assert_eq!(stage, "tls-established", "{protocol}: {checked}");
    }
}
