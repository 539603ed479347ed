//! What the two ends send: handshakes of every kind, an exchange, an end.

use super::network::Conversation;
use super::network::End::{self, Client, Server};
use crate::support::random::Random;

/// How the keys are agreed on.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Handshake {
    Full12,
    SessionId12,
    Ticket12,
    Renegotiated12,
    Full13,
    Retry13,
    Resumed13,
    Early13,
}

/// How a connection ends.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Ending {
    /// The capture ends before the connection does.
    Open,
    /// close_notify and FIN by one end, then by the other.
    Orderly(End),
    /// FIN without close_notify.
    Bare(End),
    /// The client resets after its close_notify.
    ResetAfterNotify,
    /// The client resets after both FINs.
    ResetAfterFins,
    /// The client resets as soon as it has its answer.
    ResetAfterAnswer,
    /// The server sends data when the client is gone.
    LateWord,
}

/// One healthy connection.
#[expect(clippy::struct_excessive_bools, reason = "each is done or not, in any combination")]
#[derive(Clone, Debug)]
pub struct Plan {
    handshake: Handshake,
    ending: Ending,
    /// Bytes that encryption adds to a record: content type, explicit nonce, tag, padding.
    overhead: usize,
    finished: usize,
    /// JSSE pads the TLS 1.3 handshake.
    padding: usize,
    is_compatible: bool,
    asks_client: bool,
    has_client_certificate: bool,
    /// The server's flight is one record, one for each message, or several.
    records: Records,
    tickets: usize,
    requests: usize,
    /// The first request shares the segment of the client's Finished, as with GnuTLS and Node.js.
    asks_at_once: bool,
    /// Milliseconds that the server, and the client, take in the handshake.
    server_thinks: usize,
    client_thinks: usize,
    answer: usize,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Records {
    Together,
    ByMessage,
    Small,
}

const CHANGE_CIPHER_SPEC: [u8; 6] = [20, 3, 3, 0, 1, 1];
const ALERT: u8 = 21;
const HANDSHAKE: u8 = 22;
const DATA: u8 = 23;

fn record(kind: u8, body: &[u8]) -> Vec<u8> {
    let mut bytes = vec![kind, 3, 3];
    bytes.extend((body.len() as u16).to_be_bytes());
    bytes.extend(body);
    bytes
}

fn message(kind: u8, body: &[u8]) -> Vec<u8> {
    let mut bytes = vec![kind, 0];
    bytes.extend((body.len() as u16).to_be_bytes());
    bytes.extend(body);
    bytes
}

fn extension(kind: u16, body: &[u8]) -> Vec<u8> {
    let mut bytes = kind.to_be_bytes().to_vec();
    bytes.extend((body.len() as u16).to_be_bytes());
    bytes.extend(body);
    bytes
}

impl Plan {
    pub fn draw(random: &mut Random) -> Self {
        use Handshake::{Early13, Full12, Full13, Renegotiated12, Resumed13, Retry13, SessionId12, Ticket12};
        let handshake = random.pick(&[
            Full12,
            Full12,
            Full12,
            SessionId12,
            Ticket12,
            Renegotiated12,
            Full13,
            Full13,
            Full13,
            Retry13,
            Resumed13,
            Early13,
        ]);
        let is_13 = matches!(handshake, Full13 | Retry13 | Resumed13 | Early13);
        let is_full = matches!(handshake, Full12 | Full13 | Retry13);
        let (overhead, finished) = if is_13 {
            (17, random.pick(&[36, 52]))
        } else {
            // AES-GCM, ChaCha20, AES-CBC with SHA-1 and SHA-256.
            random.pick(&[(24, 40), (24, 40), (16, 32), (48, 64), (64, 80)])
        };
        let asks_client = is_full && random.once_in(4);
        // Early data is a request.
        let requests = if handshake == Early13 { 1 } else { random.pick(&[0, 1, 1, 1, 1, 2, 5]) };
        let end = random.pick(&[Client, Server]);
        let mut ending = random.pick(&[
            Ending::Open,
            Ending::Orderly(end),
            Ending::Orderly(end),
            Ending::Bare(end),
            Ending::ResetAfterNotify,
            Ending::ResetAfterFins,
            Ending::ResetAfterAnswer,
            Ending::LateWord,
        ]);
        if requests == 0
            && matches!(ending, Ending::ResetAfterAnswer | Ending::Bare(_) | Ending::Orderly(Server))
        {
            ending = Ending::Orderly(Client);
        }
        Self {
            handshake,
            ending,
            overhead,
            finished,
            padding: if is_13 && random.once_in(4) { 16 } else { 0 },
            is_compatible: !random.once_in(4),
            asks_client,
            has_client_certificate: asks_client && !random.once_in(3),
            records: random.pick(&[
                Records::ByMessage,
                Records::ByMessage,
                Records::Together,
                Records::Small,
            ]),
            tickets: random.pick(&[0, 1, 2, 2, 4]),
            requests,
            asks_at_once: matches!(handshake, Full13 | Retry13 | Resumed13) && random.once_in(3),
            server_thinks: if random.once_in(25) { random.of(2_400..9_000) } else { random.of(0..120) },
            client_thinks: if random.once_in(40) { random.of(2_400..6_000) } else { random.of(0..90) },
            answer: random.pick(&[40, 300, 1_100, 2_600, 9_000]),
        }
    }

    pub fn play(&self, talk: &mut Conversation, random: &mut Random) {
        use Handshake::{Early13, Full12, Full13, Renegotiated12, Resumed13, Retry13, SessionId12, Ticket12};
        talk.open(random);
        match self.handshake {
            Full12 => self.full_12(talk, random),
            Renegotiated12 => {
                self.full_12(talk, random);
                self.ask(talk, random);
                self.answer(talk, random);
                self.renegotiate(talk, random);
            }
            SessionId12 | Ticket12 => self.abbreviated_12(talk, random),
            Full13 | Retry13 | Resumed13 | Early13 => self.handshake_13(talk, random),
        }
        for round in 0..self.requests {
            if round > 0 && random.once_in(4) {
                talk.idle(random.of(4..90), random.pick(&[Client, Server]));
            }
            let is_asked = round == 0 && self.asks_at_once;
            if !is_asked {
                self.ask(talk, random);
            }
            self.answer(talk, random);
        }
        self.end(talk, random);
    }

    /// Whether lengths and order show that the client's Finished was sent. Where it shares a record with a Certificate, only
    /// what follows can show it.
    pub fn is_visible(&self) -> bool {
        !(self.has_client_certificate && self.is_13() && self.records == Records::Together)
    }

    /// Whether cut packets show the same. What follows a Finished beyond the cut shows it, later and not always; a request
    /// as early data follows its ClientHello in the same segment.
    pub fn is_visible_if_cut(&self) -> bool {
        let is_finished_hidden =
            self.handshake == Handshake::Full12 && self.tickets > 0 && self.requests == 0;
        self.is_visible()
            && !(self.has_client_certificate || is_finished_hidden)
            && !(self.asks_client && self.is_13())
            && self.handshake != Handshake::Early13
    }

    fn is_13(&self) -> bool {
        matches!(
            self.handshake,
            Handshake::Full13 | Handshake::Retry13 | Handshake::Resumed13 | Handshake::Early13
        )
    }

    /// An encrypted record of this many bytes of plain text.
    fn sealed(&self, kind: u8, len: usize, random: &mut Random) -> Vec<u8> {
        let kind = if self.is_13() { DATA } else { kind };
        let padding = if kind == DATA { 0 } else { self.padding };
        record(kind, &random.bytes(len + self.overhead + padding))
    }

    /// An encrypted handshake record of TLS 1.3.
    fn hidden(&self, len: usize, random: &mut Random) -> Vec<u8> {
        record(DATA, &random.bytes(len + self.overhead + self.padding))
    }

    fn client_hello(&self, is_second: bool, random: &mut Random) -> Vec<u8> {
        let session_id = match self.handshake {
            Handshake::Full12 | Handshake::Renegotiated12 => 0,
            Handshake::SessionId12 => 32,
            _ => random.pick(&[0, 32]),
        };
        let mut body = vec![3, 3];
        body.extend(random.bytes(32));
        body.push(session_id);
        body.extend(random.bytes(session_id as usize));
        body.extend([0, 8, 0x13, 1, 0x13, 2, 0xc0, 0x30, 0xc0, 0x2f, 1, 0]);
        let mut extensions = Vec::new();
        if random.once_in(2) {
            let name = b"ssm.example";
            let mut server_name = vec![0, name.len() as u8 + 3, 0, 0, name.len() as u8];
            server_name.extend(name);
            extensions.extend(extension(0, &server_name));
        }
        extensions.extend(extension(10, &[0, 4, 0, 29, 0, 23]));
        if self.is_13() {
            extensions.extend(extension(43, &[4, 3, 4, 3, 3]));
            // A post-quantum share makes the hello larger than a segment (RFC 8446, 4.2.8).
            let share = if random.once_in(4) { 1_216 } else { 32 };
            let mut shares = (share as u16 + 4).to_be_bytes().to_vec();
            shares.extend(if share == 32 { [0, 29] } else { [0x11, 0xec] });
            shares.extend((share as u16).to_be_bytes());
            shares.extend(random.bytes(share));
            extensions.extend(extension(51, &shares));
            if self.handshake == Handshake::Early13 && !is_second {
                extensions.extend(extension(42, &[]));
            }
            if matches!(self.handshake, Handshake::Early13 | Handshake::Resumed13) {
                extensions.extend(extension(41, &random.bytes(200)));
            }
        } else {
            extensions.extend(extension(
                35,
                &random.bytes(if self.handshake == Handshake::Ticket12 { 180 } else { 0 }),
            ));
        }
        body.extend((extensions.len() as u16).to_be_bytes());
        body.extend(extensions);
        let mut bytes = record(HANDSHAKE, &message(1, &body));
        bytes[2] = random.pick(&[1, 3]);
        bytes
    }

    fn server_hello(&self, is_retry: bool, random: &mut Random) -> Vec<u8> {
        // RFC 8446, 4.1.3: the hash that marks a HelloRetryRequest.
        const RETRY: [u8; 32] = [
            0xcf, 0x21, 0xad, 0x74, 0xe5, 0x9a, 0x61, 0x11, 0xbe, 0x1d, 0x8c, 0x02, 0x1e, 0x65, 0xb8, 0x91,
            0xc2, 0xa2, 0x11, 0x16, 0x7a, 0xbb, 0x8c, 0x5e, 0x07, 0x9e, 0x09, 0xe2, 0xc8, 0xa8, 0x33, 0x9c,
        ];
        let mut body = vec![3, 3];
        body.extend(if is_retry { RETRY.to_vec() } else { random.bytes(32) });
        body.push(32);
        body.extend(random.bytes(32));
        let extensions = if self.is_13() {
            body.extend([0x13, 1, 0]);
            let share = if is_retry { vec![0, 23] } else { [vec![0, 29, 0, 32], random.bytes(32)].concat() };
            [extension(43, &[3, 4]), extension(51, &share)].concat()
        } else {
            body.extend([0xc0, 0x30, 0]);
            extension(0xff01, &[0])
        };
        body.extend((extensions.len() as u16).to_be_bytes());
        body.extend(extensions);
        message(2, &body)
    }

    /// Messages in clear, divided into records.
    fn in_records(&self, messages: &[Vec<u8>], random: &mut Random) -> Vec<u8> {
        match self.records {
            Records::Together => {
                messages.concat().chunks(16_384).flat_map(|part| record(HANDSHAKE, part)).collect()
            }
            Records::ByMessage => messages.iter().flat_map(|part| record(HANDSHAKE, part)).collect(),
            Records::Small => {
                let size = random.of(60..600);
                messages.concat().chunks(size).flat_map(|part| record(HANDSHAKE, part)).collect()
            }
        }
    }

    fn full_12(&self, talk: &mut Conversation, random: &mut Random) {
        talk.say(Client, &self.client_hello(false, random), random);
        talk.wait(self.server_thinks);
        let mut messages = vec![self.server_hello(false, random), message(11, &certificate(random))];
        messages.push(message(12, &random.bytes(296)));
        if self.asks_client {
            messages.push(message(13, &random.bytes(50)));
        }
        messages.push(message(14, &[]));
        talk.say(Server, &self.in_records(&messages, random), random);
        talk.wait(self.client_thinks);
        let mut messages = Vec::new();
        if self.asks_client {
            let chain = if self.has_client_certificate { certificate(random) } else { vec![0, 0, 0] };
            messages.push(message(11, &chain));
        }
        messages.push(message(16, &random.bytes(random_key(self.answer))));
        if self.has_client_certificate {
            messages.push(message(15, &random.bytes(260)));
        }
        let mut flight = self.in_records(&messages, random);
        flight.extend(CHANGE_CIPHER_SPEC);
        flight.extend(record(HANDSHAKE, &random.bytes(self.finished)));
        talk.say(Client, &flight, random);
        let mut flight = Vec::new();
        if self.tickets > 0 {
            flight.extend(record(HANDSHAKE, &message(4, &random.bytes(180))));
        }
        flight.extend(CHANGE_CIPHER_SPEC);
        flight.extend(record(HANDSHAKE, &random.bytes(self.finished)));
        talk.say(Server, &flight, random);
        talk.is_established();
    }

    fn abbreviated_12(&self, talk: &mut Conversation, random: &mut Random) {
        talk.say(Client, &self.client_hello(false, random), random);
        talk.wait(self.server_thinks);
        let mut flight = record(HANDSHAKE, &self.server_hello(false, random));
        if self.handshake == Handshake::Ticket12 && self.tickets > 0 {
            flight.extend(record(HANDSHAKE, &message(4, &random.bytes(180))));
        }
        flight.extend(CHANGE_CIPHER_SPEC);
        flight.extend(record(HANDSHAKE, &random.bytes(self.finished)));
        talk.say(Server, &flight, random);
        talk.wait(self.client_thinks);
        let mut flight = CHANGE_CIPHER_SPEC.to_vec();
        flight.extend(record(HANDSHAKE, &random.bytes(self.finished)));
        talk.say(Client, &flight, random);
        talk.is_established();
    }

    /// RFC 5246, 7.4.1.1: a second handshake under the keys of the first.
    fn renegotiate(&self, talk: &mut Conversation, random: &mut Random) {
        for (from, sizes) in [(Client, &[260][..]), (Server, &[100, 900, 330, 4]), (Client, &[70])] {
            let flight: Vec<u8> =
                sizes.iter().flat_map(|size| self.sealed(HANDSHAKE, *size, random)).collect();
            talk.say(from, &flight, random);
        }
        for from in [Client, Server] {
            let mut flight = record(20, &random.bytes(1 + self.overhead));
            flight.extend(self.sealed(HANDSHAKE, 16, random));
            talk.say(from, &flight, random);
        }
    }

    fn handshake_13(&self, talk: &mut Conversation, random: &mut Random) {
        let mut sent_change = false;
        let mut hello = self.client_hello(false, random);
        if self.handshake == Handshake::Early13 {
            if self.is_compatible {
                hello.extend(CHANGE_CIPHER_SPEC);
                sent_change = true;
            }
            hello.extend(self.sealed(DATA, 150, random));
        }
        talk.say(Client, &hello, random);
        let mut flight = Vec::new();
        if self.handshake == Handshake::Retry13 {
            let mut retry = record(HANDSHAKE, &self.server_hello(true, random));
            if self.is_compatible {
                retry.extend(CHANGE_CIPHER_SPEC);
            }
            talk.say(Server, &retry, random);
            let mut hello = if self.is_compatible { CHANGE_CIPHER_SPEC.to_vec() } else { vec![] };
            sent_change = self.is_compatible;
            hello.extend(self.client_hello(true, random));
            talk.say(Client, &hello, random);
        }
        talk.wait(self.server_thinks);
        flight.extend(record(HANDSHAKE, &self.server_hello(false, random)));
        if self.is_compatible && self.handshake != Handshake::Retry13 {
            flight.extend(CHANGE_CIPHER_SPEC);
        }
        flight.extend(self.server_flight_13(random));
        talk.say(Server, &flight, random);
        talk.wait(self.client_thinks);
        let mut flight =
            if self.is_compatible && !sent_change { CHANGE_CIPHER_SPEC.to_vec() } else { vec![] };
        if self.handshake == Handshake::Early13 {
            flight.extend(self.hidden(4, random));
        }
        let chain = if self.has_client_certificate { random.of(700..2_500) } else { 8 };
        let sizes = match (self.asks_client, self.has_client_certificate) {
            (false, _) => vec![self.finished],
            (true, false) => vec![chain, self.finished],
            (true, true) => vec![chain, 264, self.finished],
        };
        if self.records == Records::Together {
            flight.extend(self.hidden(sizes.iter().sum(), random));
        } else {
            for size in sizes {
                flight.extend(self.hidden(size, random));
            }
        }
        if self.asks_at_once && self.requests > 0 {
            flight.extend(self.sealed(DATA, random.of(40..700), random));
        }
        talk.say(Client, &flight, random);
        talk.is_established();
        let tickets: Vec<u8> = (0..self.tickets).flat_map(|_| self.hidden(230, random)).collect();
        if !tickets.is_empty() {
            talk.say(Server, &tickets, random);
        }
    }

    fn server_flight_13(&self, random: &mut Random) -> Vec<u8> {
        // EncryptedExtensions; one of a Finished's size with an early answer after it can't be distinguished.
        let mut sizes = vec![random.of(6..34)];
        if self.asks_client {
            sizes.push(random.of(60..300));
        }
        if matches!(self.handshake, Handshake::Full13 | Handshake::Retry13) {
            sizes.push(random.of(500..4_000));
            sizes.push(random.pick(&[78, 264]));
        }
        sizes.push(self.finished);
        match self.records {
            Records::Together => self.hidden(sizes.iter().sum(), random),
            Records::ByMessage => sizes.iter().flat_map(|size| self.hidden(*size, random)).collect(),
            Records::Small => {
                let mut left: usize = sizes.iter().sum();
                let mut flight = Vec::new();
                while left > 0 {
                    let part = left.min(random.of(60..600));
                    flight.extend(self.hidden(part, random));
                    left -= part;
                }
                flight
            }
        }
    }

    fn ask(&self, talk: &mut Conversation, random: &mut Random) {
        let request = self.sealed(DATA, random.of(40..700), random);
        talk.say(Client, &request, random);
    }

    fn answer(&self, talk: &mut Conversation, random: &mut Random) {
        if random.once_in(12) {
            // RFC 8446, 4.6.3.
            if self.is_13() {
                talk.say(Client, &self.sealed(DATA, 5, random), random);
            }
        }
        talk.wait(if random.once_in(15) { random.of(1_000..2_800) } else { random.of(0..100) });
        let mut answer = self.sealed(DATA, 250, random);
        let mut left = self.answer;
        while left > 0 {
            let part = left.min(random.of(500..16_000));
            answer.extend(self.sealed(DATA, part, random));
            left -= part;
        }
        talk.say(Server, &answer, random);
        if random.once_in(4) {
            // The last chunk of an HTTP answer, alone.
            talk.say(Server, &self.sealed(DATA, 5, random), random);
        }
    }

    fn notify(&self, from: End, talk: &mut Conversation, random: &mut Random) {
        let padding = if self.is_13() { self.padding } else { 0 };
        let kind = if self.is_13() { DATA } else { ALERT };
        talk.say(from, &record(kind, &random.bytes(2 + self.overhead + padding)), random);
    }

    fn end(&self, talk: &mut Conversation, random: &mut Random) {
        talk.wait(random.pick(&[0, 1, 40, 1_000, 30_000]));
        match self.ending {
            Ending::Open => {}
            Ending::Orderly(first) => {
                self.notify(first, talk, random);
                talk.finish(first);
                if random.once_in(2) {
                    self.notify(first.other(), talk, random);
                }
                talk.finish(first.other());
                talk.acknowledge(first);
            }
            Ending::Bare(first) => {
                talk.finish(first);
                talk.acknowledge(first.other());
                talk.finish(first.other());
                talk.acknowledge(first);
            }
            Ending::ResetAfterNotify => {
                self.notify(Client, talk, random);
                talk.reset(Client, random.once_in(2));
            }
            Ending::ResetAfterFins => {
                self.notify(Client, talk, random);
                talk.finish(Client);
                talk.finish(Server);
                talk.reset(Client, true);
            }
            Ending::ResetAfterAnswer => talk.reset(Client, false),
            Ending::LateWord => {
                self.notify(Client, talk, random);
                talk.finish(Client);
                talk.wait(random.of(0..300));
                self.notify(Server, talk, random);
                talk.reset(Client, true);
            }
        }
    }
}

fn certificate(random: &mut Random) -> Vec<u8> {
    let len = random.of(600..3_500);
    let mut body = vec![0];
    body.extend((len as u16 + 3).to_be_bytes());
    body.push(0);
    body.extend((len as u16).to_be_bytes());
    body.extend(random.bytes(len));
    body
}

/// A ClientKeyExchange's body: an RSA ciphertext or a point of some curve.
fn random_key(choice: usize) -> usize {
    [33, 66, 98, 134, 258][choice % 5]
}
