//! Protocols in clear, each with a request that gets no reply: packets that are written without names have the same verdicts.

use std::fs;

use etherparse::PacketBuilder;

use crate::rewritten::{Frame, pcap};
use crate::support::originals::{left_in, outcomes};
use crate::support::run::{path, run};

const CLIENT: [u8; 4] = [10, 66, 76, 81];
const SERVER: [u8; 4] = [10, 106, 66, 55];

/// Who sends.
#[derive(Clone, Copy, PartialEq, Eq)]
enum End {
    Client,
    Server,
}
use End::{Client, Server};

/// What ends a conversation.
#[derive(Clone, Copy, Debug)]
enum Ending {
    /// The client leaves after 12 seconds.
    Left,
    Reset,
    Closed,
}

/// A conversation whose connection has been opened.
struct Talk {
    port: u16,
    frames: Vec<Frame>,
    nanos: i64,
    /// The next sequence numbers of client and server.
    next: [u32; 2],
}

impl Talk {
    fn to(port: u16) -> Self {
        let mut talk = Self { port, frames: Vec::new(), nanos: 0, next: [1_000, 5_000] };
        talk.segment(Client, "S", b"");
        talk.segment(Server, "SA", b"");
        talk.segment(Client, "A", b"");
        talk
    }

    fn segment(&mut self, by: End, flags: &str, payload: &[u8]) {
        let (own, other) = if by == Client { (0, 1) } else { (1, 0) };
        let ends = if by == Client { (CLIENT, SERVER) } else { (SERVER, CLIENT) };
        let ports = if by == Client { (50_001, self.port) } else { (self.port, 50_001) };
        let ethernet = PacketBuilder::ethernet2([2; 6], [4; 6]).ipv4(ends.0, ends.1, 64);
        let mut builder = ethernet.tcp(ports.0, ports.1, self.next[own], 64_000);
        for flag in flags.chars() {
            builder = match flag {
                'S' => builder.syn(),
                'F' => builder.fin(),
                'R' => builder.rst(),
                _ => builder.ack(self.next[other]),
            };
        }
        let mut bytes = Vec::new();
        builder.write(&mut bytes, payload).unwrap();
        self.next[own] += payload.len() as u32 + u32::from(flags.contains(['S', 'F']));
        self.frames.push(Frame { nanos: self.nanos, link_type: 1, wire_len: bytes.len() as u32, bytes });
        self.nanos += 1_000_000;
    }

    fn say(mut self, by: End, payload: &[u8]) -> Self {
        self.segment(by, "A", payload);
        self.segment(if by == Client { Server } else { Client }, "A", b"");
        self
    }

    fn end(mut self, ending: Ending) -> Vec<u8> {
        let (by, wait, flags) = match ending {
            Ending::Left => (Client, 12_000_000_000, "FA"),
            Ending::Reset => (Server, 200_000_000, "RA"),
            Ending::Closed => (Server, 200_000_000, "FA"),
        };
        self.nanos += wait;
        self.segment(by, flags, b"");
        if flags == "FA" {
            self.segment(if by == Client { Server } else { Client }, "FA", b"");
            self.segment(by, "A", b"");
        }
        pcap(&self.frames)
    }
}

/// Its name, the server's port, and what is said.
type Conversation = (&'static str, u16, Vec<(End, Vec<u8>)>);

/// A dialogue, the server's greeting first.
fn dialogue(port: u16, lines: &[&str]) -> Conversation {
    let by = |at: usize| if at.is_multiple_of(2) { Server } else { Client };
    let said = lines.iter().enumerate().map(|(at, line)| (by(at), line.as_bytes().to_vec()));
    ("a dialogue", port, said.collect())
}

fn dialogues() -> Vec<Conversation> {
    vec![
        dialogue(25, &["220 acmebank\r\n", "EHLO acmebank\r\n", "250 acmebank\r\n", "VRFY acmebank\r\n"]),
        dialogue(21, &["220 acmebank\r\n", "USER acmebank\r\n", "230 acmebank\r\n", "RETR acmebank\r\n"]),
        dialogue(110, &["+OK acmebank\r\n", "USER acmebank\r\n", "+OK\r\n", "UIDL acmebank\r\n"]),
        dialogue(143, &["* OK acmebank\r\n", "a SELECT acmebank\r\n"]),
    ]
}

fn messages() -> Vec<Conversation> {
    let search = |number: u8| [&[0x30, 15, 2, 1, number, 0x63, 10, 4, 8][..], b"acmebank"].concat();
    let mqtt = [
        (Client, b"\x10\x14\0\x04MQTT\x04\x02\0\x3c\0\x08acmebank".to_vec()),
        (Server, b"\x20\x02\0\0".to_vec()),
        (Client, b"\x82\x0d\0\x01\0\x08acmebank\0".to_vec()),
    ];
    let postgres = [
        (Client, b"\0\0\0\x17\0\x03\0\0user\0acmebank\0\0".to_vec()),
        (Server, b"Z\0\0\0\x05I".to_vec()),
        (Client, b"Q\0\0\0\x0dacmebank\0".to_vec()),
    ];
    let mysql = [
        (Server, b"\x13\0\0\0\x0a8.0-acmebank\0\x07\x07\x07\x07\x07".to_vec()),
        (Client, [&[40, 0, 0, 1][..], &b"acmebank".repeat(5)].concat()),
        (Server, b"\x07\0\0\x02\0\0\0\x02\0\0\0".to_vec()),
        (Client, b"\x09\0\0\0\x03acmebank".to_vec()),
    ];
    let kerberos = [
        (Client, [&[0, 0, 4, 4, 0x6a, 0x82, 4, 0][..], &b"acmebank".repeat(100)].concat()),
        (Client, b"acmebank".repeat(28)),
    ];
    vec![
        ("LDAP", 389, vec![(Client, search(1)), (Server, search(1)), (Client, search(2))]),
        ("MQTT", 1883, mqtt.into()),
        ("PostgreSQL", 5432, postgres.into()),
        ("MySQL", 3306, mysql.into()),
        ("Kerberos in two segments", 88, kerberos.into()),
    ]
}

fn http() -> Vec<Conversation> {
    let get = b"GET /acmebank HTTP/1.1\r\nHost: acmebank\r\n\r\n".to_vec();
    let answer = |fields: &str, body: &str| {
        (Server, format!("HTTP/1.1 200 acmebank\r\n{fields}\r\n\r\n{body}").into_bytes())
    };
    let chunks = "Transfer-Encoding: chunked";
    let later = [
        (Client, get.clone()),
        answer("Content-Length: 8", "acmebank"),
        (Client, get.clone()),
        answer("Content-Length: 800", "acmebank"),
    ];
    let split =
        [(Client, get.clone()), answer(chunks, "8\r\nacmebank\r\n7"), (Server, b"d0\r\nacmebank".to_vec())];
    vec![
        ("a later request of HTTP", 80, later.into()),
        ("a chunk of HTTP", 80, vec![(Client, get), answer(chunks, "7d0\r\nacmebank")]),
        ("a size of a chunk in two segments", 80, split.into()),
    ]
}

/// A frame of HTTP/2: on stream 1, but for settings and goodbyes.
fn frame(kind: u8, flags: u8, body: &[u8]) -> Vec<u8> {
    let stream = u8::from(!matches!(kind, 4 | 7));
    [&[0, 0, body.len() as u8, kind, flags, 0, 0, 0, stream][..], body].concat()
}

fn http2() -> Vec<Conversation> {
    let preface = [b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec(), frame(4, 0, b"")].concat();
    let request = frame(1, 5, b"\x83\x40\x08acmebank\x01x");
    let begun = [frame(1, 4, b"\x88\x40\x08acmebank\x01x"), frame(0, 0, b"acmebank")].concat();
    let asked = (Client, [&preface[..], &request].concat());
    let settings = frame(4, 0, b"");
    let silent =
        [(Client, preface), (Server, [&settings[..], &frame(4, 1, b"")].concat()), (Client, request)];
    let cut = [&settings[..], &begun, &[0, 0, 40, 0, 1, 0, 0, 0, 1, 7]].concat();
    let goodbye = [&settings[..], &frame(7, 0, b"\0\0\0\0\0\0\0\x0bacmebank")].concat();
    vec![
        ("a request of HTTP/2", 50_051, silent.into()),
        ("an answer of HTTP/2", 50_051, vec![asked.clone(), (Server, cut)]),
        ("a goodbye of HTTP/2", 50_051, vec![asked, (Server, goodbye)]),
    ]
}

#[test]
fn what_each_protocol_lacks_is_the_same_without_names() {
    let folder = tempfile::tempdir().unwrap();
    let [original, written] = ["a.pcap", "b.pcapng"].map(|name| folder.path().join(name));
    let names = ["acmebank", "10.66.76.81", "10.106.66.55"].map(str::to_owned).into_iter().collect();
    for (name, port, said) in [dialogues(), messages(), http(), http2()].concat() {
        for ending in [Ending::Left, Ending::Reset, Ending::Closed] {
            let talk =
                said.iter().fold(Talk::to(port), |talk, (by, payload)| talk.say(*by, payload)).end(ending);
            fs::write(&original, talk).unwrap();
            let plain = run(&["read", "-o", "json", path(&original)]);
            run(&["read", "--redact", "-o", "json", "-w", path(&written), path(&original)]);
            let again = run(&["read", "-o", "json", path(&written)]);
            assert_eq!(outcomes(&plain), outcomes(&again), "{name} on {port}, {ending:?}");
            let is_shown = !matches!(ending, Ending::Left) || plain.codes() == ["no-response"];
            assert!(is_shown, "{name} on {port}: {:?}", plain.codes());
            let bytes = fs::read(&written).unwrap();
            assert!(left_in(&bytes, &names).is_empty(), "{name} on {port}");
            for address in [CLIENT, SERVER] {
                assert!(!bytes.windows(4).any(|window| window == address), "{name} on {port}");
            }
        }
    }
}
