//! What lengths, directions and order tell where no payload byte was captured.
//!
//! Both sides speak in turns: ClientHello, the server's flight, the client's flight, and so on. A turn's size, and
//! where segments end in it, fit some TLS messages and not others ([`sizes`]). What `tcpdump -A` printed is used as far
//! as it is certain ([`printed`]). Bytes that the peer acknowledged and that no packet shows are part of a turn, too.

mod printed;
mod sizes;

pub(super) use sizes::is_cipher_change;

use super::awaits::Awaits;
use super::basis::Basis;
use super::event::{Event, Message, SizeReading};
use super::handshake::{ClientHello, ServerHello, Version};
use super::plain::{Plain, PlainKind};
use crate::tcp::{Delivery, PerRole, Role};
use crate::time::Timestamp;
use printed::Fit;

/// Turns of a connection without payload.
#[expect(clippy::struct_excessive_bools, reason = "each notes something else that was seen")]
#[derive(Clone, Debug)]
pub(super) struct Flow {
    expects_tls: bool,
    awaits: Awaits,
    /// Whether nothing more can be told: a turn came that nothing explains as TLS, or the beginning is missing.
    is_silent: bool,
    /// Who speaks, and how much in this turn.
    turn: Option<(Role, u32)>,
    /// Bytes that were counted when they were acknowledged, and whose segments may still come.
    counted: PerRole<u32>,
    /// Whether it was told already what a side speaks.
    is_told: PerRole<bool>,
    /// Whether words in clear were exchanged.
    heard_text: bool,
    /// Size and place of what may be a ClientHello and the server's answer, on a port where TLS is not expected.
    hello: Option<Place>,
    answer: Option<Place>,
    hello_len: u32,
    answer_len: u32,
    /// Bytes of a close_notify, in each reading of the client's flight.
    close_notify: Vec<u32>,
    /// The client answered a full flight with a segment of a ChangeCipherSpec and nothing before it: up to TLS 1.2 its key
    /// exchange stands there, in TLS 1.3 nothing (RFC 8446, D.4).
    changed_first: bool,
    /// The client answered a request for a certificate in TLS 1.3, and the server has not spoken since: it may refuse now.
    awaits_refusal: bool,
}

#[derive(Clone, Copy, Debug)]
struct Place {
    number: u64,
    at: Timestamp,
}

/// Two hellos of fewer bytes than this answer nothing but a hello (a HelloRetryRequest has some 90 to 110), and on a port
/// where no TLS is expected smaller turns are no handshake.
const RETRY_BYTES: u32 = 120;

/// An abbreviated handshake's server says ServerHello, ChangeCipherSpec and Finished in less than this; with a ticket it
/// is some 350.
const ABBREVIATED_BYTES: u32 = 400;

impl Flow {
    /// For a connection to a port where TLS is expected or not. Of one whose beginning was not seen, lengths tell nothing.
    pub(super) fn new(saw_beginning: bool, expects_tls: bool) -> Self {
        Self {
            expects_tls,
            awaits: Awaits::ClientHello,
            is_silent: !saw_beginning,
            turn: None,
            counted: PerRole::default(),
            is_told: PerRole::default(),
            heard_text: false,
            hello: None,
            answer: None,
            hello_len: 0,
            answer_len: 0,
            close_notify: Vec::new(),
            changed_first: false,
            awaits_refusal: false,
        }
    }

    /// Takes in bytes that the peer acknowledged and that no packet showed so far.
    pub(super) fn take_unseen(
        &mut self,
        role: Role,
        delivery: &Delivery<'_>,
        unseen: u32,
        tell: &mut dyn FnMut(Event),
    ) {
        if self.is_silent || self.awaits == Awaits::ApplicationData {
            return;
        }
        let place = Place { number: delivery.number, at: delivery.at };
        self.take_turn(role, place, unseen, &[], tell);
        self.counted[role] += unseen;
    }

    pub(super) fn take(&mut self, role: Role, delivery: &Delivery<'_>, tell: &mut dyn FnMut(Event)) {
        let place = Place { number: delivery.number, at: delivery.at };
        if self.is_silent {
            // Characters can show a handshake that begins late, after STARTTLS for example.
            if role == Role::Client && self.is_certain_hello(delivery.printed, delivery.len) {
                self.is_silent = false;
                self.turn = None;
                self.begin(place, delivery.len, delivery.printed, tell);
            }
            return;
        }
        let len = delivery.len.saturating_add(delivery.hole.map_or(0, |hole| hole.len));
        let counted = self.counted[role].min(len);
        self.counted[role] -= counted;
        if len > counted {
            self.take_turn(role, place, len - counted, delivery.printed, tell);
        }
    }

    fn take_turn(
        &mut self,
        role: Role,
        place: Place,
        len: u32,
        characters: &[u8],
        tell: &mut dyn FnMut(Event),
    ) {
        let begins_turn = self.turn.is_none_or(|(speaker, _)| speaker != role);
        let so_far = if begins_turn { 0 } else { self.turn.map_or(0, |(_, bytes)| bytes) };
        let bytes = so_far.saturating_add(len);
        self.turn = Some((role, bytes));
        if begins_turn && self.take_plain(role, place, characters, tell) {
            return;
        }
        let mut say = |message, basis| tell(event(role, place, message, basis));
        if begins_turn && bytes == sizes::ALERT && self.awaits != Awaits::ClientHello {
            if self.awaits != Awaits::ApplicationData && self.expects_tls {
                let description = printed::alert(characters);
                let basis = if description.is_some() { Basis::Partial } else { Basis::Inferred };
                say(Message::Alert { level: 2, description }, basis);
            }
            return;
        }
        match (self.awaits, role) {
            (Awaits::ClientHello, Role::Client) => self.take_first(place, len, characters, tell),
            // A TLS server never speaks first.
            (Awaits::ClientHello, Role::Server) => self.say_binary(role, characters, &mut say),
            (Awaits::ServerHello | Awaits::ServerFlight, Role::Server) => {
                if len < sizes::SERVER_HELLO {
                    self.say_binary(role, characters, &mut say);
                    return;
                }
                self.answer = Some(place);
                self.answer_len = bytes;
                self.awaits = Awaits::ClientFlight;
                if self.expects_tls {
                    say(server_hello(None), Basis::Inferred);
                }
            }
            (Awaits::ServerHello | Awaits::ServerFlight, Role::Client) => self.hello_len = bytes,
            (Awaits::ClientFlight, Role::Server)
                if self.awaits_refusal && sizes::ALERT_13.contains(&bytes) =>
            {
                say(Message::EncryptedAlert, Basis::Inferred);
            }
            (Awaits::ClientFlight, Role::Server) => self.answer_len = bytes,
            (Awaits::ClientFlight, Role::Client) => {
                let hidden = if begins_turn { printed::finished_13(characters, bytes) } else { None };
                self.take_client_flight(bytes, hidden, place, tell);
            }
            // JSSE sends the ChangeCipherSpec in a segment of its own, too.
            (Awaits::ClientFinished, Role::Client) if len == sizes::CHANGE_CIPHER_SPEC => {}
            (Awaits::ClientFinished, Role::Client) => self.take_client_finished(bytes, place, tell),
            (Awaits::ClientFinished, Role::Server) => {
                // It answers what the client's key exchange was followed by, whatever size that had.
                tell(event(Role::Client, place, Message::ClientFinished, Basis::Inferred));
                self.awaits = Awaits::ApplicationData;
                tell(event(role, place, Message::Established, Basis::Inferred));
            }
            // Up to TLS 1.2 nothing of this size can stand here; in TLS 1.3 it refuses a client's certificate.
            (Awaits::ServerFinished, Role::Server) if begins_turn && sizes::ALERT_13.contains(&len) => {
                say(Message::EncryptedAlert, Basis::Inferred);
            }
            // Not all of it came yet.
            (Awaits::ServerFinished, Role::Server) if bytes < sizes::CIPHER_CHANGE => {}
            (Awaits::ServerFinished, Role::Server) => {
                self.awaits = Awaits::ApplicationData;
                say(Message::Established, Basis::Inferred);
            }
            (Awaits::ServerFinished, Role::Client) => {}
            (Awaits::ApplicationData, _) => {
                let is_first_word = role == Role::Server && std::mem::take(&mut self.awaits_refusal);
                if is_first_word && sizes::ALERT_13.contains(&len) {
                    say(Message::EncryptedAlert, Basis::Inferred);
                } else if self.expects_tls {
                    let is_closing = begins_turn && self.close_notify.contains(&len);
                    say(
                        if is_closing { Message::Closing } else { Message::ApplicationData(len) },
                        Basis::Inferred,
                    );
                }
            }
        }
    }

    /// Tells what is certainly no TLS, by its characters. Returns whether it was.
    fn take_plain(
        &mut self,
        role: Role,
        place: Place,
        characters: &[u8],
        tell: &mut dyn FnMut(Event),
    ) -> bool {
        let Some(plain) = printed::plain(characters) else { return false };
        if self.awaits != Awaits::ApplicationData {
            self.awaits = Awaits::ClientHello;
            self.heard_text = true;
            // A proxy may refuse first and agree to the repeated request: each of its answers counts.
            let is_answer = matches!(plain.kind, PlainKind::HttpResponse(_));
            if is_answer || !std::mem::replace(&mut self.is_told[role], true) {
                tell(event(role, place, Message::Plain(plain), Basis::Partial));
            }
        }
        true
    }

    /// The client's first words, or its first ones after others in clear.
    fn take_first(&mut self, place: Place, len: u32, characters: &[u8], tell: &mut dyn FnMut(Event)) {
        let may_be_hello = match printed::client_hello(characters, len) {
            Fit::Surely => true,
            Fit::Likely | Fit::Maybe if self.is_certain_hello(characters, len) => true,
            Fit::Likely | Fit::Maybe => {
                len >= sizes::CLIENT_HELLO && (!self.is_told.client || characters.is_empty())
            }
            Fit::No => false,
        };
        if may_be_hello {
            self.begin(place, len, characters, tell);
        } else {
            let mut say = |message, basis| tell(event(Role::Client, place, message, basis));
            self.say_binary(Role::Client, characters, &mut say);
        }
    }

    /// Whether characters show a ClientHello; after words in clear it takes less to tell it from them.
    fn is_certain_hello(&self, characters: &[u8], len: u32) -> bool {
        match printed::client_hello(characters, len) {
            Fit::Surely => true,
            Fit::Likely => self.heard_text,
            Fit::Maybe | Fit::No => false,
        }
    }

    /// A ClientHello, as far as can be told.
    fn begin(&mut self, place: Place, len: u32, characters: &[u8], tell: &mut dyn FnMut(Event)) {
        let is_certain = self.is_certain_hello(characters, len);
        self.hello = Some(place);
        self.hello_len = len;
        self.awaits = Awaits::ServerHello;
        self.turn = Some((Role::Client, len));
        self.expects_tls |= is_certain;
        if self.expects_tls {
            self.is_told.client = true;
            let hello = ClientHello {
                len: len.saturating_sub(5),
                server_name: printed::server_name(characters),
                ..ClientHello::default()
            };
            let basis = if is_certain { Basis::Partial } else { Basis::Inferred };
            tell(event(Role::Client, place, Message::ClientHello(Box::new(hello)), basis));
        }
    }

    /// The client's second flight, whose size tells most; `printed` says of how many bytes its Finished is, where
    /// characters show it.
    fn take_client_flight(
        &mut self,
        bytes: u32,
        printed: Option<u32>,
        place: Place,
        tell: &mut dyn FnMut(Event),
    ) {
        if bytes == sizes::CHANGE_CIPHER_SPEC {
            // JSSE and GnuTLS send it in a segment of its own; what follows counts.
            self.changed_first = self.answer_len >= ABBREVIATED_BYTES;
            self.turn = None;
            return;
        }
        let after_change = bytes + sizes::CHANGE_CIPHER_SPEC;
        let finished = match printed {
            Some(finished) => vec![finished],
            None if self.changed_first => sizes::begins_with_finished_13(bytes),
            None => Vec::new(),
        };
        let abbreviated =
            if self.answer_len < ABBREVIATED_BYTES { sizes::cipher_change(bytes) } else { Vec::new() };
        let readings = if finished.is_empty() && !self.changed_first {
            [abbreviated.clone(), sizes::finished_13(bytes), sizes::full_flight(bytes)].concat()
        } else {
            finished.iter().flat_map(|finished| sizes::finished_13_at_end(*finished)).collect()
        };
        let is_retry = self.answer_len < RETRY_BYTES && bytes >= self.hello_len;
        let is_refusal = if self.changed_first {
            sizes::ALERT_13.contains(&bytes)
        } else {
            sizes::is_encrypted_alert(bytes)
        };
        if !self.expects_tls && !self.is_handshake(!readings.is_empty(), place, tell) {
            return;
        }
        let mut say = |message, basis| tell(event(Role::Client, place, message, basis));
        if is_retry {
            // The first answer was a HelloRetryRequest, which no flight with a certificate is as short as, and this is the
            // second ClientHello.
            self.awaits = Awaits::ServerHello;
            return;
        }
        say(Message::ServerFlightComplete, Basis::Inferred);
        if is_refusal {
            say(Message::EncryptedAlert, Basis::Inferred);
            return;
        }
        if self.changed_first && sizes::is_empty_certificate(bytes) {
            // The Finished follows in a segment of its own.
            self.awaits_refusal = true;
            self.turn = None;
            return;
        }
        if bytes < sizes::CIPHER_CHANGE && readings.is_empty() {
            // Not all of it came yet.
            return;
        }
        if readings.is_empty() && (sizes::is_key_exchange(bytes) || sizes::is_key_exchange(after_change)) {
            self.awaits = Awaits::ClientFinished;
            return;
        }
        self.awaits_refusal |=
            finished.first().is_some_and(|finished| sizes::finished_13(*finished).is_empty());
        self.finish_client(readings, !abbreviated.is_empty(), &mut say);
        let request = finished.first().and_then(|finished| bytes.checked_sub(*finished));
        if let Some(request) = request.filter(|request| *request > 0) {
            say(Message::ApplicationData(request), Basis::Inferred);
        }
    }

    /// On a port where no TLS is expected: whether three turns were a handshake after all. Its beginning is told then.
    fn is_handshake(&mut self, fits: bool, place: Place, tell: &mut dyn FnMut(Event)) -> bool {
        /// Smaller turns are found in other protocols, too.
        const TURN_BYTES: u32 = 100;
        let are_large = self.hello_len >= TURN_BYTES && self.answer_len >= TURN_BYTES;
        let (Some(hello), Some(answer), true) = (self.hello, self.answer, fits && are_large) else {
            let mut say = |message, basis| tell(event(Role::Client, place, message, basis));
            self.say_binary(Role::Client, &[], &mut say);
            return false;
        };
        self.expects_tls = true;
        let first = ClientHello { len: self.hello_len.saturating_sub(5), ..ClientHello::default() };
        tell(event(Role::Client, hello, Message::ClientHello(Box::new(first)), Basis::Inferred));
        tell(event(Role::Server, answer, server_hello(None), Basis::Inferred));
        true
    }

    /// What follows a key exchange that came alone.
    fn take_client_finished(&mut self, bytes: u32, place: Place, tell: &mut dyn FnMut(Event)) {
        let readings = sizes::full_flight(bytes);
        if !readings.is_empty() {
            let mut say = |message, basis| tell(event(Role::Client, place, message, basis));
            self.finish_client(readings, false, &mut say);
        }
    }

    fn finish_client(
        &mut self,
        readings: Vec<SizeReading>,
        is_abbreviated: bool,
        say: &mut dyn FnMut(Message, Basis),
    ) {
        let is_tls13 = !readings.is_empty() && readings.iter().all(|reading| reading.version.is_tls13());
        self.close_notify = readings.iter().map(|reading| reading.close_notify).collect();
        say(Message::ClientFinished, Basis::Inferred);
        if is_abbreviated || is_tls13 {
            self.awaits = Awaits::ApplicationData;
            say(Message::Established, Basis::Inferred);
        } else {
            self.awaits = Awaits::ServerFinished;
        }
        if !readings.is_empty() {
            say(Message::SizeReadings(readings), Basis::Inferred);
        }
    }

    /// Something that is not TLS. Where characters are printed, a ClientHello may still be recognised later.
    fn say_binary(&mut self, role: Role, characters: &[u8], say: &mut dyn FnMut(Message, Basis)) {
        self.is_silent = true;
        if !std::mem::replace(&mut self.is_told[role], true) {
            let basis = if characters.is_empty() { Basis::Inferred } else { Basis::Partial };
            say(Message::Plain(Plain { kind: PlainKind::Binary, line: String::new() }), basis);
        }
    }
}

fn event(role: Role, place: Place, message: Message, basis: Basis) -> Event {
    Event { role, number: place.number, at: place.at, basis, message }
}

fn server_hello(version: Option<Version>) -> Message {
    Message::ServerHello(Box::new(ServerHello { version, ..ServerHello::default() }))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

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
            ["ClientHello", "ServerHello", "ServerFlightComplete", "ClientFinished", "SizeReadings"]
        );
    }

    #[test]
    fn tls12_is_followed_to_application_data() {
        let turns = [(Client, 200), (Server, 1300), (Client, 93), (Server, 51), (Client, 150), (Server, 400)];
        assert_eq!(
            told(true, &turns)[3..],
            ["ClientFinished", "SizeReadings", "Established", "ApplicationData", "ApplicationData"]
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
        assert_eq!(told(true, &turns)[2..], ["ServerFlightComplete", "EncryptedAlert"]);
    }

    #[test]
    fn a_cipher_change_without_a_key_exchange_before_it_is_tls13_s() {
        let begun = [(Client, 337), (Server, 1427), (Client, 6)];
        // The Finished alone; with a request behind it; behind an empty Certificate, padded as by Java.
        assert_eq!(
            told(true, &[&begun[..], &[(Client, 74)]].concat())[2..],
            ["ServerFlightComplete", "ClientFinished", "Established", "SizeReadings"]
        );
        let asked = told(true, &[&begun[..], &[(Client, 160)]].concat());
        assert_eq!(asked[3..], ["ClientFinished", "Established", "SizeReadings", "ApplicationData"]);
        let refused = [(Client, 46), (Client, 90), (Server, 24)];
        assert_eq!(
            told(true, &[&begun[..], &refused].concat()).last().map(String::as_str),
            Some("EncryptedAlert")
        );
        let without_certificate = told(true, &[&begun[..], &refused[..2]].concat());
        assert!(!without_certificate.contains(&"EncryptedAlert".to_owned()), "{without_certificate:?}");
        assert!(without_certificate.contains(&"Established".to_owned()), "{without_certificate:?}");
    }

    #[test]
    fn a_second_hello_is_none_of_the_sizes_that_it_may_have_by_chance() {
        let turns = [(Client, 236), (Server, 99), (Client, 250), (Server, 1413), (Client, 74)];
        assert_eq!(told(true, &turns)[2..5], ["ServerHello", "ServerFlightComplete", "ClientFinished"]);
    }

    #[test]
    fn fewer_bytes_than_a_finished_has_are_none() {
        let turns = [(Client, 200), (Server, 1300), (Client, 3)];
        assert_eq!(told(true, &turns)[2..], ["ServerFlightComplete"]);
        let turns = [(Client, 200), (Server, 1300), (Client, 93), (Server, 5)];
        assert!(!told(true, &turns).contains(&"Established".to_owned()));
    }

    #[test]
    fn a_server_that_speaks_first_does_not_speak_tls() {
        assert_eq!(told(true, &[(Server, 41)]), ["Plain"]);
    }

    #[test]
    fn tls_on_an_unexpected_port_needs_a_size_that_only_tls_has() {
        assert_eq!(told(false, &[(Client, 200), (Server, 1300), (Client, 300)]), ["Plain"]);
        assert_eq!(told(false, &[(Client, 200), (Server, 1300), (Client, 126)]).len(), 5);
    }

    #[test]
    fn java_s_key_exchange_alone_is_no_finished_yet() {
        let turns = [(Client, 440), (Server, 1300), (Client, 143), (Client, 6), (Client, 45), (Server, 51)];
        let whole = told(true, &turns);
        assert_eq!(whole[2..], ["ServerFlightComplete", "ClientFinished", "SizeReadings", "Established"]);
        assert_eq!(told(true, &turns[..4])[2..], ["ServerFlightComplete"]);
    }

    #[test]
    fn a_resumed_session_has_no_certificate() {
        let turns = [(Client, 517), (Server, 141), (Client, 51), (Client, 150)];
        let told = told(true, &turns);
        assert_eq!(told[3..], ["ClientFinished", "Established", "SizeReadings", "ApplicationData"]);
    }

    #[test]
    fn a_close_notify_is_known_by_the_cipher_s_own_size() {
        let turns = [(Client, 200), (Server, 1300), (Client, 93), (Server, 51), (Client, 150), (Server, 400)];
        for (bytes, name) in [(31, "Closing"), (32, "ApplicationData")] {
            let turns = [&turns[..], &[(Client, bytes)]].concat();
            assert_eq!(told(true, &turns).last().map(String::as_str), Some(name));
        }
    }

    #[test]
    fn a_hello_that_is_asked_for_again_is_answered_again() {
        let turns = [(Client, 300), (Server, 99), (Client, 330), (Server, 1300), (Client, 64)];
        let told = told(true, &turns);
        assert_eq!(told.last().map(String::as_str), Some("SizeReadings"));
        assert!(told.contains(&"Established".to_owned()));
    }

    /// Runs segments of which characters were printed.
    fn told_of(expects_tls: bool, segments: &[(Role, u32, &[u8])]) -> Vec<String> {
        let mut flow = Flow::new(true, expects_tls);
        let mut told = vec![];
        for (number, (role, len, printed)) in segments.iter().enumerate() {
            let (number, at) = (number as u64, Timestamp::ZERO);
            let delivery = Delivery { number, at, len: *len, bytes: &[], printed, hole: None };
            flow.take(*role, &delivery, &mut |event| told.push(format!("{:?}", event.message)));
        }
        told
    }

    #[test]
    fn characters_show_a_handshake_behind_starttls_on_any_port() {
        // 16 03 01 00 a7 01 00 00 a3 03 03: lengths of 167 and 163, which can't be printed.
        let hello: &[u8] = b"...........aR";
        let told = told_of(
            false,
            &[
                (Server, 30, b"220 mail ESMTP\r\n"),
                (Client, 10, b"STARTTLS\r\n"),
                (Server, 20, b"220 go ahead\r\n"),
                (Client, 172, hello),
                (Server, 1300, b"..........."),
                (Client, 7, b"......0"),
            ],
        );
        let begins = ["Plain", "Plain", "ClientHello", "ServerHello", "Alert"];
        assert_eq!(told.len(), begins.len(), "{told:?}");
        assert!(told.iter().zip(begins).all(|(told, begin)| told.starts_with(begin)), "{told:?}");
        assert!(told[4].contains("48"), "{told:?}");
    }

    #[test]
    fn acknowledged_bytes_that_no_packet_shows_are_a_turn() {
        let mut flow = Flow::new(true, true);
        let mut told = 0;
        let delivery =
            Delivery { number: 3, at: Timestamp::ZERO, len: 0, bytes: &[], printed: &[], hole: None };
        flow.take_unseen(Client, &delivery, 275, &mut |_| told += 1);
        flow.take(Client, &Delivery { len: 275, ..delivery }, &mut |_| told += 1);
        assert_eq!(told, 1);
        flow.take(Server, &Delivery { len: 1300, ..delivery }, &mut |event| {
            assert!(matches!(event.message, Message::ServerHello(_)));
            told += 1;
        });
        assert_eq!(told, 2);
    }

    proptest! {
        #[test]
        fn any_turns_are_read(
            segments in proptest::collection::vec((any::<bool>(), 0u32..2000, any::<Vec<u8>>(), 0u32..3), 0..30),
            expects_tls: bool,
        ) {
            let mut flow = Flow::new(true, expects_tls);
            for (number, (is_client, len, printed, kind)) in segments.iter().enumerate() {
                let role = if *is_client { Client } else { Server };
                let hole = (*kind == 1).then_some(crate::tcp::Hole { len: *len, kind: crate::tcp::HoleKind::Lost });
                let (number, at) = (number as u64, Timestamp::ZERO);
                let delivery = Delivery { number, at, len: *len, bytes: &[], printed, hole };
                match kind {
                    2 => flow.take_unseen(role, &delivery, *len, &mut |_| {}),
                    _ => flow.take(role, &delivery, &mut |_| {}),
                }
            }
        }
    }
}
