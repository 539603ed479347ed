//! What lengths, directions and order tell where no payload byte was captured.
//!
//! Both sides speak in turns: ClientHello, the server's flight, the client's flight, and so on. A turn's size, and
//! where segments end in it, fit some TLS messages and not others. What `tcpdump -A` printed is used where it is certain.

use super::alert::AlertDescription;
use super::event::{Basis, Event, Message};
use super::handshake::{ClientHello, ServerHello, Version};
use super::plain::{Plain, PlainKind};
use crate::tcp::{Delivery, Role};
use crate::time::Timestamp;

/// Turns of a connection without payload.
#[derive(Clone, Debug)]
pub(super) struct Flow {
    expects_tls: bool,
    awaits: Awaits,
    /// Whether nothing more can be told: a turn came that nothing explains as TLS, or the beginning is missing.
    is_silent: bool,
    /// Who speaks, and how much in this turn.
    turn: Option<(Role, u32)>,
    /// Size and place of what may be a ClientHello and the server's answer, on a port where TLS is not expected.
    hello: Option<Place>,
    answer: Option<Place>,
    hello_len: u32,
    answer_len: u32,
    version: Option<Version>,
}

#[derive(Clone, Copy, Debug)]
struct Place {
    number: u64,
    at: Timestamp,
}

/// What comes next, if it is TLS.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Awaits {
    ClientHello,
    ServerFlight,
    ClientFlight,
    ServerFinished,
    ApplicationData,
}

/// A record header and an alert's two bytes: 15 03 0x 00 02 ll dd.
const ALERT_BYTES: u32 = 7;

/// TLS 1.2's second client flights (ClientKeyExchange, ChangeCipherSpec, Finished), in bytes: a key of 33, 66, 98 or
/// 134 with its length (X25519, P-256, P-384, P-521) or 258 and 514 (RSA and finite fields of 2048 and 4096 bits) behind
/// 9 bytes of headers, then 6, then a Finished record of 45 (GCM), 37 (ChaCha20), 69 or 73 (CBC-SHA1), 85 or 101 (CBC-SHA256,
/// CBC-SHA384) or, with encrypt-then-MAC, as much.
const KEY_BYTES: [u32; 7] = [33, 66, 98, 134, 258, 386, 514];
const FINISHED_BYTES: [u32; 7] = [45, 37, 69, 73, 85, 101, 61];

/// TLS 1.3's client Finished records in bytes: SHA-256, SHA-384, and JSSE's with 16 bytes of padding.
const FINISHED_13_BYTES: [u32; 3] = [58, 74, 90];

/// TLS 1.3's alert records in bytes: plain and with JSSE's padding.
const ALERT_13_BYTES: [u32; 2] = [24, 40];

/// Bytes of a ChangeCipherSpec record.
const CHANGE_CIPHER_SPEC_BYTES: u32 = 6;

/// The smallest ClientHello that a client of this century sends: headers 9, version and random 34, empty session id,
/// a few suites and extensions.
const CLIENT_HELLO_BYTES: u32 = 60;

/// The smallest ServerHello record: 5 + 4 + 2 + 32 + 1 + 2 + 1.
const SERVER_HELLO_BYTES: u32 = 47;

/// Whether a client's turn begins with TLS 1.2's second client flight, alone in its segments.
fn is_key_exchange_flight(bytes: u32) -> bool {
    KEY_BYTES.iter().any(|key| {
        FINISHED_BYTES.iter().any(|finished| bytes == 9 + key + CHANGE_CIPHER_SPEC_BYTES + finished)
    })
}

/// Whether so many bytes are TLS 1.2's ChangeCipherSpec and Finished, as in an abbreviated handshake's last flight.
pub(super) fn is_cipher_change(bytes: u32) -> bool {
    FINISHED_BYTES.iter().any(|finished| bytes == CHANGE_CIPHER_SPEC_BYTES + finished)
}

/// Whether a client's turn is TLS 1.3's Finished, with or without a ChangeCipherSpec.
fn is_finished_13(bytes: u32) -> bool {
    FINISHED_13_BYTES
        .iter()
        .any(|finished| bytes == *finished || bytes == finished + CHANGE_CIPHER_SPEC_BYTES)
}

impl Flow {
    /// For a connection to a port where TLS is expected or not. Of one whose beginning was not seen, lengths tell nothing.
    pub(super) fn new(saw_beginning: bool, expects_tls: bool) -> Self {
        Self {
            expects_tls,
            awaits: Awaits::ClientHello,
            is_silent: !saw_beginning,
            turn: None,
            hello: None,
            answer: None,
            hello_len: 0,
            answer_len: 0,
            version: None,
        }
    }

    pub(super) fn take(&mut self, role: Role, delivery: &Delivery<'_>, tell: &mut dyn FnMut(Event)) {
        if delivery.len == 0 || self.is_silent {
            return;
        }
        let begins_turn = self.turn.is_none_or(|(speaker, _)| speaker != role);
        let so_far = if begins_turn { 0 } else { self.turn.map_or(0, |(_, bytes)| bytes) };
        let bytes = so_far + delivery.len;
        self.turn = Some((role, bytes));
        let place = Place { number: delivery.number, at: delivery.at };
        let mut say = |message, basis| tell(event(role, place, message, basis));
        if begins_turn && let Some(plain) = printed_plain(delivery.printed) {
            if self.awaits != Awaits::ApplicationData {
                self.is_silent = plain.kind != PlainKind::Connect
                    && !matches!(plain.kind, PlainKind::HttpResponse(200..=299));
                self.awaits = Awaits::ClientHello;
                say(Message::Plain(plain), Basis::Partial);
            }
            return;
        }
        if begins_turn && bytes == ALERT_BYTES && self.awaits != Awaits::ClientHello {
            if self.awaits != Awaits::ApplicationData && self.expects_tls {
                say(printed_alert(delivery.printed), Basis::Inferred);
            }
            return;
        }
        match (self.awaits, role) {
            (Awaits::ClientHello, Role::Client) => {
                if delivery.len < CLIENT_HELLO_BYTES {
                    self.say_binary(&mut say);
                    return;
                }
                self.hello = Some(place);
                self.hello_len = bytes;
                self.awaits = Awaits::ServerFlight;
                if self.expects_tls {
                    say(client_hello(bytes), Basis::Inferred);
                }
            }
            // A TLS server never speaks first.
            (Awaits::ClientHello, Role::Server) => self.say_binary(&mut say),
            (Awaits::ServerFlight, Role::Server) => {
                if delivery.len < SERVER_HELLO_BYTES {
                    self.say_binary(&mut say);
                    return;
                }
                self.answer = Some(place);
                self.answer_len = bytes;
                self.awaits = Awaits::ClientFlight;
                if self.expects_tls {
                    say(server_hello(None), Basis::Inferred);
                }
            }
            (Awaits::ServerFlight, Role::Client) => self.hello_len = bytes,
            (Awaits::ClientFlight, Role::Server) => self.answer_len = bytes,
            (Awaits::ClientFlight, Role::Client) => self.take_client_flight(bytes, place, tell),
            (Awaits::ServerFinished, Role::Server) => {
                self.awaits = Awaits::ApplicationData;
                say(Message::Established, Basis::Inferred);
            }
            (Awaits::ServerFinished, Role::Client) => {}
            (Awaits::ApplicationData, _) => {
                if self.expects_tls {
                    say(Message::ApplicationData(delivery.len), Basis::Inferred);
                }
            }
        }
    }

    /// The client's second flight, whose size tells most.
    fn take_client_flight(&mut self, bytes: u32, place: Place, tell: &mut dyn FnMut(Event)) {
        let is_retry = self.answer_len < 120 && bytes >= self.hello_len;
        let is_abbreviated = is_cipher_change(bytes) && self.answer_len < 400;
        let is_tls13 = is_finished_13(bytes);
        let fits = is_abbreviated || is_tls13 || is_key_exchange_flight(bytes);
        if !self.expects_tls {
            if !fits || self.hello_len < 100 || self.answer_len < 100 {
                // Turns of a protocol on a port where none is expected to be TLS, and no size that only TLS has.
                let mut say = |message, basis| tell(event(Role::Client, place, message, basis));
                self.say_binary(&mut say);
                return;
            }
            self.expects_tls = true;
            if let (Some(hello), Some(answer)) = (self.hello, self.answer) {
                tell(event(Role::Client, hello, client_hello(self.hello_len), Basis::Inferred));
                tell(event(Role::Server, answer, server_hello(None), Basis::Inferred));
            }
        }
        let mut say = |message, basis| tell(event(Role::Client, place, message, basis));
        if is_retry && !fits {
            self.awaits = Awaits::ServerFlight;
            self.version = Some(Version::TLS13);
            return;
        }
        if bytes == CHANGE_CIPHER_SPEC_BYTES {
            // JSSE sends it in a segment of its own; what follows counts.
            self.turn = None;
            return;
        }
        if ALERT_13_BYTES.iter().any(|alert| bytes == *alert || bytes == alert + CHANGE_CIPHER_SPEC_BYTES) {
            say(Message::EncryptedAlert, Basis::Inferred);
            return;
        }
        say(Message::ServerFlightComplete, Basis::Inferred);
        say(Message::ClientFinished, Basis::Inferred);
        if is_abbreviated || is_tls13 {
            self.version = is_tls13.then_some(Version::TLS13);
            self.awaits = Awaits::ApplicationData;
            say(Message::Established, Basis::Inferred);
        } else {
            self.awaits = Awaits::ServerFinished;
        }
    }

    fn say_binary(&mut self, say: &mut dyn FnMut(Message, Basis)) {
        self.is_silent = true;
        say(Message::Plain(Plain { kind: PlainKind::Binary, line: String::new() }), Basis::Inferred);
    }
}

fn event(role: Role, place: Place, message: Message, basis: Basis) -> Event {
    Event { role, number: place.number, at: place.at, basis, message }
}

fn client_hello(len: u32) -> Message {
    Message::ClientHello(Box::new(ClientHello { len: len.saturating_sub(5), ..ClientHello::default() }))
}

fn server_hello(version: Option<Version>) -> Message {
    Message::ServerHello(Box::new(ServerHello { version, ..ServerHello::default() }))
}

/// The protocol of printed text, where it is certain: a record header would begin with bytes that can't be printed.
fn printed_plain(printed: &[u8]) -> Option<Plain> {
    let is_certain =
        printed.len() >= 4 && printed.iter().take(4).all(|byte| byte.is_ascii_graphic() && *byte != b'.');
    is_certain.then(|| Plain::recognise(printed))
}

/// An alert whose code may be printable; the dot is ambiguous.
fn printed_alert(printed: &[u8]) -> Message {
    let code = printed.get(6).copied().filter(|byte| *byte != b'.' && printed.starts_with(b"....."));
    Message::Alert { level: 2, description: code.map(AlertDescription) }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Runs turns of sizes and returns what was told, by name.
    fn told(expects_tls: bool, turns: &[(Role, u32)]) -> Vec<String> {
        let mut flow = Flow::new(true, expects_tls);
        let mut told = vec![];
        for (number, (role, len)) in turns.iter().enumerate() {
            let delivery = Delivery {
                number: number as u64,
                at: Timestamp::ZERO,
                len: *len,
                bytes: &[],
                printed: &[],
                hole: None,
            };
            flow.take(*role, &delivery, &mut |event| {
                assert_eq!(event.basis, Basis::Inferred);
                let name = format!("{:?}", event.message);
                told.push(name.split(['(', ' ']).next().unwrap_or_default().to_owned());
            });
        }
        told
    }

    use Role::{Client, Server};

    #[test]
    fn tls12_with_p521_and_gcm_is_followed_to_the_client_s_finished() {
        let turns = [(Client, 172), (Server, 1380), (Server, 214), (Client, 194)];
        assert_eq!(
            told(true, &turns),
            ["ClientHello", "ServerHello", "ServerFlightComplete", "ClientFinished"]
        );
    }

    #[test]
    fn tls12_is_followed_to_application_data() {
        let turns = [(Client, 200), (Server, 1300), (Client, 93), (Server, 51), (Client, 150), (Server, 400)];
        assert_eq!(
            told(true, &turns)[2..],
            ["ServerFlightComplete", "ClientFinished", "Established", "ApplicationData", "ApplicationData"]
        );
    }

    #[test]
    fn seven_bytes_are_an_alert_by_whoever_sent_them() {
        assert_eq!(told(true, &[(Client, 200), (Server, 7)]), ["ClientHello", "Alert"]);
        assert_eq!(told(true, &[(Client, 200), (Server, 1300), (Client, 7)])[2..], ["Alert"]);
    }

    #[test]
    fn java_s_padded_alert_stands_where_its_finished_would() {
        let turns = [(Client, 440), (Server, 1300), (Client, 6), (Client, 40)];
        assert_eq!(told(true, &turns)[2..], ["EncryptedAlert"]);
    }

    #[test]
    fn a_server_that_speaks_first_does_not_speak_tls() {
        assert_eq!(told(true, &[(Server, 41)]), ["Plain"]);
    }

    #[test]
    fn tls_on_an_unexpected_port_needs_a_size_that_only_tls_has() {
        assert_eq!(told(false, &[(Client, 200), (Server, 1300), (Client, 300)]), ["Plain"]);
        assert_eq!(told(false, &[(Client, 200), (Server, 1300), (Client, 126)]).len(), 4);
    }
}
