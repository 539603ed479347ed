//! Floods of what TCP and UDP carry: TLS, certificates, text protocols, DNS.

use std::sync::OnceLock;

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};

use super::*;

pub(super) const KINDS: &[Flood] = &[
    flood("a ClientHello one byte at a time", raw, MANY, |number| {
        opened(number, [PORT, TLS], |number| {
            let byte = HELLO.get(number as usize).copied().unwrap_or(0);
            Seg::says([PORT, TLS], 1 + number, &[byte]).packet()
        })
    }),
    flood("ClientHellos again and again", raw, MANY, |number| {
        opened(number, [PORT, TLS], |number| {
            let hello = [HELLO.as_slice(), &[0; 400]].concat();
            Seg::says([PORT, TLS], 1 + number * hello.len() as u32, &hello).packet()
        })
    }),
    flood("handshake messages of no length", raw, SOME, |number| stream(number, 22, &[0; 1_200])),
    flood("handshake messages that never end", raw, SOME, |number| match number {
        0 => Seg::of([PORT, TLS], SYN, 0).record(0),
        _ => stream(number, 22, &[&[11, 0xff, 0xff, 0xff][..], &[0; 1_200]].concat()),
    }),
    flood("handshake messages in records of a byte", raw, SOME, |number| {
        stream_of(number, &tls(22, &[if number.is_multiple_of(2) { 11 } else { 0 }]).repeat(200))
    }),
    flood("warning alerts", raw, SOME, |number| stream_of(number, &tls(21, &[1, 0]).repeat(180))),
    flood("empty records", raw, SOME, |number| stream_of(number, &tls(23, &[]).repeat(250))),
    flood("heartbeats", raw, SOME, |number| stream_of(number, &tls(24, &[1, 0, 1, 0]).repeat(140))),
    flood("ChangeCipherSpec", raw, SOME, |number| stream_of(number, &tls(20, &[1]).repeat(200))),
    flood("records of no known kind", raw, SOME, |number| stream_of(number, &tls(99, &[1]).repeat(200))),
    flood("certificates of one name", raw, SOME / 3, |number| certificate(number, &chains().of_one_name)),
    flood("a certificate of many names", raw, SOME / 3, |number| {
        certificate(number, &chains().of_many_names)
    }),
    flood("lines of a mail server's banner", raw, SOME, |number| {
        lines(number, [PORT, 25], true, b"220-mail.example greets you\r\n")
    }),
    flood("lines of an IMAP server", raw, SOME, |number| lines(number, [PORT, 143], true, b"* OK more\r\n")),
    flood("header lines of one request", raw, SOME, |number| match number {
        3 => opened(number, [PORT, 80], |_| Seg::says([PORT, 80], 1, b"GET / HTTP/1.1\r\na:b\r\n").packet()),
        _ => lines(number, [PORT, 80], false, b"X-Header: value\r\n"),
    }),
    flood("requests one after the other", raw, SOME, |number| {
        lines(number, [PORT, 80], false, b"GET /path HTTP/1.1\r\nHost: a\r\n\r\n")
    }),
    flood("replies without a request", raw, SOME, |number| {
        lines(number, [PORT, 80], true, b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
    }),
    flood("replies to CONNECT", raw, SOME, |number| match number {
        3 => opened(number, [PORT, 3_128], |_| {
            Seg::says([PORT, 3_128], 1, b"CONNECT ssm.example:443 HTTP/1.1\r\n\r\n").packet()
        }),
        _ => lines(number, [PORT, 3_128], true, b"HTTP/1.1 407 No\r\nContent-Length: 0\r\n\r\n"),
    }),
    flood("chunks of a reply", raw, SOME, |number| match number {
        3 => lines(number, [PORT, 80], true, b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"),
        _ => lines(number, [PORT, 80], true, b"1\r\nx\r\n"),
    }),
    flood("greetings of SOCKS", raw, SOME, |number| lines(number, [PORT, 1_080], false, &[5, 1, 0])),
    flood("questions of DNS without an answer", raw, MANY, |number| {
        let question =
            [&dns(number, 0, 0)[..], &name(&format!("h{number}"), "example"), &[0, 1, 0, 1]].concat();
        record(number, &udp(false, [40_000 + (number % 9_000) as u16, 53], &question))
    }),
    flood("the same question of DNS", raw, MANY, |number| {
        let question = [&dns(number, 0, 0)[..], &name("ssm", "example"), &[0, 1, 0, 1]].concat();
        record(number, &udp(false, [40_000, 53], &question))
    }),
    flood("answers of DNS with many addresses", raw, SOME, |number| {
        let question = [&name(&format!("h{number}"), "example")[..], &[0, 1, 0, 1]].concat();
        let addresses = (0..80).flat_map(|last| [0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4, 10, 0, 0, last]);
        let answer = [&dns(number, 0x8180, 80)[..], &question, &addresses.collect::<Vec<_>>()].concat();
        record(number, &udp(true, [53, 40_000], &answer))
    }),
    flood("answers of DNS that lead from name to name", raw, SOME, |number| {
        let mut answer = [&dns(number, 0x8180, 80)[..], &name("h", "example"), &[0, 1, 0, 1]].concat();
        let mut owner = 12_u16;
        for _ in 0..80 {
            let place = answer.len() as u16 + 12;
            answer.extend((0xc000 | owner).to_be_bytes());
            answer.extend([0, 5, 0, 1, 0, 0, 0, 60, 0, 4, 1, b'x', 0xc0, 14]);
            owner = place;
        }
        record(number, &udp(true, [53, 40_000], &answer))
    }),
    flood("names of DNS that point back", raw, SOME, |number| {
        let mut answer = dns(number, 0x8180, 0);
        // Each label is followed by a pointer to the one before.
        answer.extend(name("a", "example"));
        for place in (12..1_000_u16).step_by(4) {
            answer.extend([1, b'x']);
            answer.extend((0xc000 | place).to_be_bytes());
        }
        record(number, &udp(true, [53, 40_000], &answer))
    }),
];

/// A ClientHello of TLS 1.2 whose length says that more follows.
const HELLO: [u8; 60] = {
    let mut hello = [0; 60];
    let head = [22, 3, 1, 0x10, 0, 1, 0, 0x0f, 0xfc, 3, 3];
    let mut index = 0;
    while index < head.len() {
        hello[index] = head[index];
        index += 1;
    }
    hello
};

/// The server's records, in order, on the client's only connection.
fn stream_of(number: u32, records: &[u8]) -> Vec<u8> {
    opened(number, [PORT, TLS], |number| {
        Seg::answers([PORT, TLS], 1 + number * records.len() as u32, records).packet()
    })
}

fn stream(number: u32, kind: u8, body: &[u8]) -> Vec<u8> {
    stream_of(number, &tls(kind, body))
}

/// Lines of one side, many to a segment.
fn lines(number: u32, ports: [u16; 2], is_reply: bool, line: &[u8]) -> Vec<u8> {
    opened(number, ports, |number| {
        let payload = line.repeat(1_000 / line.len());
        let seq = 1 + number * payload.len() as u32;
        let segment =
            if is_reply { Seg::answers(ports, seq, &payload) } else { Seg::says(ports, seq, &payload) };
        segment.packet()
    })
}

/// Chains of certificates, as a Certificate message holds them.
struct Chains {
    of_one_name: Vec<u8>,
    of_many_names: Vec<u8>,
}

fn chains() -> &'static Chains {
    static CHAINS: OnceLock<Chains> = OnceLock::new();
    CHAINS.get_or_init(|| {
        let authority = |name: &str| {
            let mut params = CertificateParams::new([]).expect("no names");
            params.distinguished_name.push(DnType::CommonName, name);
            params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
            params
        };
        let key = || KeyPair::generate().expect("a key");
        let root = CertifiedIssuer::self_signed(authority("Root"), key()).expect("a certificate");
        let namesakes = (0..15).map(|_| CertifiedIssuer::signed_by(authority("Namesake"), key(), &root));
        let namesakes: Vec<_> = namesakes.map(|issuer| issuer.expect("a certificate")).collect();
        let leaf = |names: Vec<String>| {
            let params = CertificateParams::new(names).expect("names");
            params.signed_by(&key(), &namesakes[7]).expect("a certificate").der().to_vec()
        };
        let many = (0..1_500).map(|number| format!("host-{number}.ssm.example")).collect();
        let issuers = namesakes.iter().map(|issuer| issuer.der().to_vec());
        Chains {
            of_one_name: message(std::iter::once(leaf(vec!["ssm.example".to_owned()])).chain(issuers)),
            of_many_names: message([leaf(many), namesakes[7].der().to_vec()].into_iter()),
        }
    })
}

/// A Certificate message (RFC 5246, 7.4.2).
fn message(chain: impl Iterator<Item = Vec<u8>>) -> Vec<u8> {
    let sized = |bytes: Vec<u8>| [&(bytes.len() as u32).to_be_bytes()[1..], &bytes].concat();
    let list: Vec<u8> = chain.flat_map(sized).collect();
    [&[11][..], &sized(sized(list))].concat()
}

/// A connection with such a message, whose certificates no other connection has: the end of the last signature differs.
fn certificate(number: u32, message: &[u8]) -> Vec<u8> {
    const SERVER_HELLO: [u8; 42] = {
        let mut hello = [0; 42];
        (hello[0], hello[3], hello[4], hello[5]) = (2, 38, 3, 3);
        // The suite.
        (hello[39], hello[40]) = (0xc0, 0x2f);
        hello
    };
    let mut message = message.to_vec();
    let end = message.len() - 4;
    message[end..].copy_from_slice(&number.to_be_bytes());
    let mut handshake = SERVER_HELLO.to_vec();
    handshake.extend(message);
    let records: Vec<u8> = handshake.chunks(16_000).flat_map(|body| tls(22, body)).collect();
    let ports = ports(number);
    let opening = [
        Seg::of(ports, SYN, 0).record(number),
        Seg { is_reply: true, ack: 1, ..Seg::of(ports, SYN | ACK, 0) }.record(number),
    ];
    let segments = records
        .chunks(1_400)
        .enumerate()
        .flat_map(|(index, payload)| Seg::answers(ports, 1 + 1_400 * index as u32, payload).record(number));
    opening.concat().into_iter().chain(segments).collect()
}

/// The header of a message of DNS with one question (RFC 1035, 4.1.1).
fn dns(number: u32, flags: u16, answers: u16) -> Vec<u8> {
    [number as u16, flags, 1, answers, 0, 0].iter().flat_map(|field| field.to_be_bytes()).collect()
}

fn name(host: &str, domain: &str) -> Vec<u8> {
    let label = |text: &str| [&[text.len() as u8], text.as_bytes()].concat();
    [label(host), label(domain), vec![0]].concat()
}
