//! The place in the handshake, which gives encrypted records their meaning.
//!
//! The states and what leads from one to the next are one table, to be read from top to bottom; a file of its own for a part of
//! it would hide that.

use std::sync::Arc;

use super::awaits::Awaits;
use super::basis::Basis;
use super::certificates::CertificateMessage;
use super::event::Message;
use super::handshake::{CipherSuite, ClientHello, ServerHello, Version, kind, of_server_key_exchange};
use super::message::HandshakeMessage;
use super::reader::{FlowAnswer, Raw};
use super::record::HEADER_BYTES;
use super::sizes::{
    END_OF_EARLY_DATA, KEY_UPDATE, ends_early_data, holds_client_finished, holds_empty_certificate,
    is_alert_size, is_bare_alert_size, is_certificate_verify_size, is_finished_size, is_resuming_flight,
    unpadded_finished,
};
use crate::tcp::{PerRole, Role};

/// A message, as far as its place in the handshake goes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Step {
    ClientHello,
    ServerHello,
    ServerHelloDone,
    /// The client's Certificate or ClientKeyExchange, in clear.
    ClientKeyExchange,
    ChangeCipherSpec,
    /// A NewSessionTicket of which not all was captured, and of what follows it in its flight neither.
    CutTicket,
    /// A Finished up to TLS 1.2.
    Finished,
    /// A TLS 1.3 record that may hold its sender's Finished.
    HiddenFinished,
    /// A TLS 1.3 record that holds other messages of its sender's flight.
    HiddenFlight,
    /// The client's alert about the server's certificate.
    Refusal,
    /// A record of application data.
    Data,
}

/// What was seen of the handshake so far.
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is something that was seen or not, in any combination"
)]
#[derive(Clone, Debug, Default)]
pub(super) struct Flow {
    awaits: Awaits,
    /// TLS 1.3 or not, once something shows it.
    is_tls13: Option<bool>,
    /// Up to TLS 1.2: the server's Finished came before the client's, so the handshake is an abbreviated one.
    is_abbreviated: bool,
    /// The client sent data before the ServerHello (RFC 8446, 2.3), and may send more until it has the server's Finished.
    sent_early_data: bool,
    /// In TLS 1.3 the client's flight had more than its Finished: an answer to a CertificateRequest. The server may
    /// refuse it only after the client's Finished.
    sent_certificate: bool,
    /// TLS 1.3: the server sent something encrypted.
    began_server_flight: bool,
    /// TLS 1.3: the server accepted a pre-shared key, and sends no certificate (RFC 8446, 2.2).
    accepted_key: bool,
    /// The server sent something after both Finished.
    server_went_on: bool,
    /// TLS 1.3: the suite that the server chose.
    suite: Option<CipherSuite>,
    /// TLS 1.3: whether each side sent a record of a close_notify's size that is not padded.
    was_short: PerRole<bool>,
    /// TLS 1.3: whether each side pads its messages, as its Finished shows.
    pads: PerRole<Option<bool>>,
}

/// A ChangeCipherSpec record, which TLS 1.3 sends for middleboxes alone (RFC 8446, D.4), in bytes.
const COMPATIBILITY_CHANGE: u32 = 6;

/// A record header, in bytes.
const HEADER: u32 = HEADER_BYTES as u32;

/// The shortest record of a TLS 1.3 Finished: header 5, and see [`is_finished_size`].
const SHORTEST_FINISHED: u32 = HEADER + 53;

/// The largest record of an alert up to TLS 1.2: header 5, IV 16, 2 padded to 16 and a MAC of 48, in bytes.
const LONGEST_ALERT: u32 = 85;

impl Flow {
    pub(super) fn saw_client_hello(&self) -> bool {
        self.awaits > Awaits::ClientHello
    }

    /// What comes next.
    pub(super) fn awaits(&self) -> Awaits {
        self.awaits
    }

    /// Something showed that it is TLS 1.3, or an earlier version.
    pub(super) fn note_version(&mut self, is_tls13: bool) {
        self.is_tls13 = Some(is_tls13);
    }

    pub(super) fn take(
        &mut self,
        role: Role,
        raw: Raw<'_>,
        basis: Basis,
        emit: &mut dyn FnMut(Message, Basis),
    ) -> FlowAnswer {
        match raw {
            Raw::Handshake(message) => {
                let basis = if message.is_whole { basis } else { Basis::Partial };
                self.take_handshake(role, message, basis, emit);
            }
            Raw::OldClientHello(hello) => {
                let basis = if hello.is_whole { basis } else { Basis::Partial };
                emit(Message::ClientHello(hello), basis);
                self.step(role, Step::ClientHello, basis, emit);
            }
            Raw::OldServerHello => {
                let hello = ServerHello { version: Some(Version::SSL2), ..ServerHello::default() };
                emit(Message::ServerHello(Box::new(hello)), basis);
                self.step(role, Step::ServerHello, basis, emit);
            }
            Raw::ChangeCipherSpec => {
                // RFC 8446, D.4: with TLS 1.3 it means nothing, and a second ClientHello may follow it in clear.
                if self.is_tls13 == Some(true) {
                    return FlowAnswer::IsCompatibility;
                }
                self.step(role, Step::ChangeCipherSpec, Basis::Inferred, emit);
                if self.is_tls13 == Some(false) {
                    return FlowAnswer::PrecedesFinished;
                }
            }
            Raw::EncryptedHandshake => {
                if self.awaits < Awaits::ApplicationData {
                    self.is_tls13 = Some(false);
                }
                self.step(role, Step::Finished, basis, emit);
            }
            Raw::Alert { level, description } => {
                if description.rejects_certificate() {
                    self.step(role, Step::Refusal, Basis::Inferred, emit);
                }
                emit(Message::Alert { level, description: Some(description) }, basis);
            }
            Raw::EncryptedAlert { is_after_change } => {
                // A side encrypts only after its ChangeCipherSpec: where that was not seen, the end of the handshake was not either.
                if !is_after_change && self.awaits > Awaits::ClientHello {
                    self.awaits = Awaits::ApplicationData;
                }
                // Behind its Finished a client has nothing to object to until the server's: it closes.
                let is_over = matches!(
                    (self.awaits, role),
                    (Awaits::ClientHello | Awaits::ApplicationData, _)
                        | (Awaits::ServerFinished, Role::Client)
                );
                emit(if is_over { Message::Closing } else { Message::EncryptedAlert }, basis);
            }
            Raw::ApplicationData(len) => self.take_application_data(role, len, basis, emit),
            Raw::Unseen(len) => self.take_unseen(role, len, emit),
            Raw::Plain(plain) => emit(Message::Plain(plain), basis),
        }
        FlowAnswer::Nothing
    }

    /// The state after a step, which the state table's rows give.
    #[expect(clippy::match_same_arms, reason = "a row for each rule, with its own source")]
    fn after(&self, role: Role, step: Step) -> Awaits {
        match (role, step, self.awaits) {
            (Role::Client, Step::ClientHello, _) => Awaits::ServerHello,
            (Role::Server, Step::ServerHello, _) => Awaits::ServerFlight,
            (Role::Server, Step::ServerHelloDone, _) => Awaits::ClientFlight,
            // RFC 8446, 4.4.4: the Finished ends the server's flight.
            (Role::Server, Step::HiddenFinished, _) => Awaits::ClientFlight,
            // Only a complete flight is answered.
            (Role::Client, Step::ClientKeyExchange | Step::HiddenFlight, _) => Awaits::ClientFinished,
            // The server's flight needs no answer in its middle, and the certificate is in it.
            (Role::Client, Step::Refusal, Awaits::ServerFlight) => Awaits::ClientFlight,
            // RFC 5246, 7.3: the server's answers the client's Finished, if the client's flight was seen.
            (Role::Server, Step::ChangeCipherSpec, Awaits::ClientFinished) => Awaits::ServerFinished,
            // RFC 5077, 3.3: behind the client's Finished, it begins the flight that ends with the server's.
            (Role::Server, Step::CutTicket, Awaits::ClientFinished | Awaits::ServerFinished) => {
                Awaits::ApplicationData
            }
            (Role::Client, Step::Finished, _) if self.is_abbreviated => Awaits::ApplicationData,
            (Role::Client, Step::Finished, _) => Awaits::ServerFinished,
            // RFC 5246, 7.3, figure 2: in an abbreviated handshake the server's Finished comes first.
            (Role::Server, Step::Finished, Awaits::ServerFinished) => Awaits::ApplicationData,
            (Role::Server, Step::Finished, _) => Awaits::ClientFlight,
            // RFC 8446, 2: nothing more of the handshake is to come.
            (Role::Client, Step::HiddenFinished, _) => Awaits::ApplicationData,
            // Up to TLS 1.2 the client may send data before the server's Finished (RFC 7918), the server's comes last.
            (Role::Client, Step::Data, _) if self.is_tls13 == Some(false) && !self.is_abbreviated => {
                Awaits::ServerFinished
            }
            (_, Step::Data, _) => Awaits::ApplicationData,
            _ => self.awaits,
        }
    }

    /// Takes a step, and emits the points of the handshake that it passes.
    pub(super) fn step(
        &mut self,
        role: Role,
        step: Step,
        basis: Basis,
        emit: &mut dyn FnMut(Message, Basis),
    ) {
        let (before, after) = (self.awaits, self.after(role, step));
        if role == Role::Server && step == Step::Finished && before < Awaits::ServerFinished {
            self.is_abbreviated = true;
        }
        // Without a key exchange before it, it answers a server's Finished that the capture does not show.
        if role == Role::Client && step == Step::Finished && before == Awaits::ServerFlight {
            self.is_abbreviated = true;
        }
        let after = self.after(role, step).max(after);
        if after <= before {
            return;
        }
        self.awaits = after;
        // What a step only proves is inferred; what it is itself has its own basis.
        let mut pass = |point: Awaits, message: Message, is_itself: bool| {
            if before < point && point <= after {
                emit(message, if is_itself { basis } else { Basis::Inferred });
            }
        };
        pass(Awaits::ClientFlight, Message::ServerFlightComplete, after == Awaits::ClientFlight);
        pass(Awaits::ServerFinished, Message::ClientFinished, role == Role::Client);
        pass(Awaits::ApplicationData, Message::Established, true);
    }

    fn take_handshake(
        &mut self,
        role: Role,
        message: HandshakeMessage<'_>,
        basis: Basis,
        emit: &mut dyn FnMut(Message, Basis),
    ) {
        let HandshakeMessage { kind, len, body, is_whole } = message;
        match kind {
            kind::CERTIFICATE => {
                emit(Message::Certificates(Arc::new(CertificateMessage::parse(len, body))), basis);
            }
            kind::CERTIFICATE_REQUEST if role == Role::Server => emit(Message::CertificateRequest, basis),
            _ => {}
        }
        match (role, kind) {
            (Role::Client, kind::CLIENT_HELLO) => {
                self.take_client_hello(ClientHello::parse(len, body), basis, emit);
            }
            (Role::Server, kind::SERVER_HELLO | kind::HELLO_RETRY_REQUEST) => {
                let mut hello = ServerHello::parse(body, is_whole);
                hello.is_retry |= kind == kind::HELLO_RETRY_REQUEST;
                self.take_server_hello(hello, basis, emit);
            }
            (Role::Server, kind::SERVER_HELLO_DONE) => {
                self.is_tls13 = Some(false);
                self.step(role, Step::ServerHelloDone, basis, emit);
            }
            (Role::Server, kind::SERVER_KEY_EXCHANGE) => {
                self.is_tls13 = Some(false);
                if let Some(group) = of_server_key_exchange(len, body) {
                    emit(Message::KeyExchangeGroup(group), basis);
                }
            }
            (Role::Server, kind::CERTIFICATE) => self.is_tls13 = Some(false),
            (Role::Server, kind::NEW_SESSION_TICKET) => {
                self.is_tls13 = Some(false);
                if !is_whole {
                    self.step(role, Step::CutTicket, Basis::Inferred, emit);
                }
            }
            (Role::Client, kind::CERTIFICATE | kind::CLIENT_KEY_EXCHANGE) => {
                self.is_tls13 = Some(false);
                self.step(role, Step::ClientKeyExchange, basis, emit);
            }
            _ => {}
        }
    }

    pub(super) fn take_client_hello(
        &mut self,
        hello: ClientHello,
        basis: Basis,
        emit: &mut dyn FnMut(Message, Basis),
    ) {
        emit(Message::ClientHello(Box::new(hello)), basis);
        self.step(Role::Client, Step::ClientHello, basis, emit);
    }

    pub(super) fn take_server_hello(
        &mut self,
        hello: ServerHello,
        basis: Basis,
        emit: &mut dyn FnMut(Message, Basis),
    ) {
        let is_retry = hello.is_retry;
        self.is_tls13 = hello.version.map(Version::is_tls13).or(self.is_tls13);
        self.accepted_key |= hello.pre_shared_key.is_some();
        self.suite = hello.cipher_suite;
        emit(Message::ServerHello(Box::new(hello)), basis);
        if !is_retry {
            self.step(Role::Server, Step::ServerHello, basis, emit);
        }
    }

    /// A record of type application data, which in TLS 1.3 hides everything after the ServerHello.
    fn take_application_data(
        &mut self,
        role: Role,
        len: u16,
        basis: Basis,
        emit: &mut dyn FnMut(Message, Basis),
    ) {
        if role == Role::Client
            && self.awaits == Awaits::ClientFlight
            && self.is_abbreviated
            && is_finished_size(len)
        {
            // RFC 5246, 7.3: the client's Finished came before its data, as a handshake record. What was taken for the
            // server's behind a cut ServerHello was TLS 1.3's.
            self.is_abbreviated = false;
            self.is_tls13 = Some(true);
        }
        let may_be_tls13 = self.is_tls13 != Some(false);
        match (self.awaits, role) {
            // The handshake was not seen, or it is over.
            (Awaits::ClientHello, _) => emit(Message::ApplicationData(u32::from(len)), basis),
            (Awaits::ApplicationData, _) => self.take_record_after_handshake(role, len, basis, emit),
            // Between the hellos only early data can come (RFC 8446, 4.2.10).
            (Awaits::ServerHello, Role::Client) if self.is_tls13.is_none() => {
                self.sent_early_data = true;
                emit(Message::EarlyData, basis);
            }
            // RFC 8446, 2.3: the server may answer accepted early data without waiting for the client's Finished.
            (Awaits::ClientFlight, Role::Server) if self.sent_early_data => {
                self.awaits = Awaits::ApplicationData;
                emit(Message::Established, Basis::Inferred);
                self.take_record_after_handshake(role, len, basis, emit);
            }
            (Awaits::ServerHello | Awaits::ServerFlight | Awaits::ClientFlight, Role::Server)
                if may_be_tls13 =>
            {
                self.is_tls13 = Some(true);
                let begins_flight = !std::mem::replace(&mut self.began_server_flight, true);
                self.note_padding(role, len);
                if is_finished_size(len) || (self.accepted_key && begins_flight && is_resuming_flight(len)) {
                    self.step(role, Step::HiddenFinished, Basis::Inferred, emit);
                } else if begins_flight && is_bare_alert_size(len)
                    || self.awaits == Awaits::ClientFlight && self.may_be_alert(role, len)
                {
                    // Behind its flight the server has nothing to say until the client's is there.
                    emit(Message::EncryptedAlert, Basis::Inferred);
                }
            }
            (_, Role::Client) if may_be_tls13 => {
                self.is_tls13 = Some(true);
                let begins_flight = self.awaits < Awaits::ClientFinished;
                if begins_flight && is_alert_size(len) {
                    self.step(role, Step::Refusal, Basis::Inferred, emit);
                    emit(Message::EncryptedAlert, Basis::Inferred);
                } else if is_alert_size(len) {
                    // A client that has sent its Certificate closes only when its Finished is out.
                    self.step(role, Step::Data, Basis::Inferred, emit);
                    self.take_record_after_handshake(role, len, basis, emit);
                } else if begins_flight && self.sent_early_data && !ends_early_data(len) {
                    emit(Message::EarlyData, basis);
                } else if is_finished_size(len) || (begins_flight && holds_client_finished(len)) {
                    self.note_padding(role, len);
                    self.sent_certificate |= begins_flight && holds_empty_certificate(len);
                    self.step(role, Step::HiddenFinished, Basis::Inferred, emit);
                } else if begins_flight || is_certificate_verify_size(len) {
                    self.sent_certificate |= len != END_OF_EARLY_DATA;
                    self.step(role, Step::HiddenFlight, Basis::Inferred, emit);
                } else {
                    // The one record before held the whole flight, certificate and Finished.
                    self.step(role, Step::Data, Basis::Inferred, emit);
                    self.take_record_after_handshake(role, len, basis, emit);
                }
            }
            _ => {
                // A server that answers a flight whose Finished has no characteristic size got it whole.
                self.step(role, Step::Data, Basis::Inferred, emit);
                if self.awaits == Awaits::ApplicationData {
                    self.take_record_after_handshake(role, len, basis, emit);
                } else {
                    emit(Message::EarlyData, basis);
                }
            }
        }
    }

    /// Bytes behind a record's end whose headers were not captured. Once the handshake is over they are records like
    /// those that do show: as a rule a request in the segment of the client's Finished, or a second ticket.
    fn take_unseen(&mut self, role: Role, len: u32, emit: &mut dyn FnMut(Message, Basis)) {
        if role == Role::Client && self.awaits == Awaits::ServerHello && len > COMPATIBILITY_CHANGE {
            // RFC 8446, 4.2.10: behind a ClientHello only early data can come.
            self.sent_early_data = true;
            emit(Message::EarlyData, Basis::Inferred);
            return;
        }
        let is_in_handshake = (Awaits::ServerFlight..Awaits::ClientFinished).contains(&self.awaits);
        if role == Role::Client && self.is_tls13 == Some(true) && is_in_handshake && len >= SHORTEST_FINISHED
        {
            // RFC 8446, 4.4: in place of its Finished it could send an alert, which is shorter.
            self.step(role, Step::HiddenFinished, Basis::Inferred, emit);
            return;
        }
        // Up to TLS 1.2 an alert has some 23 to 85 bytes (RFC 5246, 6.2.3), which a short record of data may have too.
        let is_certain = self.is_tls13 == Some(true) || len > LONGEST_ALERT;
        if self.awaits != Awaits::ApplicationData || !is_certain {
            return;
        }
        // A segment may end within the record, in its header even, and so by chance where a shorter one would.
        let body = u16::try_from(len.saturating_sub(HEADER)).unwrap_or(u16::MAX);
        if role == Role::Client && !self.may_be_alert(role, body) {
            emit(Message::ApplicationData(u32::from(body)), Basis::Inferred);
        } else {
            self.take_record_after_handshake(role, body, Basis::Inferred, emit);
        }
    }

    /// A side's Finished shows whether it pads.
    fn note_padding(&mut self, role: Role, len: u16) {
        if let Some(suite) = self.suite.filter(|_| is_finished_size(len)) {
            self.pads[role] = Some(len > unpadded_finished(suite));
        }
    }

    /// Whether a record after both Finished can hold an alert. One of a padded alert's size is data where its sender does not pad.
    fn may_be_alert(&self, role: Role, len: u16) -> bool {
        is_alert_size(len) && (is_bare_alert_size(len) || self.pads[role] != Some(false))
    }

    /// A record after both Finished: data, or of an alert's or a KeyUpdate's size.
    fn take_record_after_handshake(
        &mut self,
        role: Role,
        len: u16,
        basis: Basis,
        emit: &mut dyn FnMut(Message, Basis),
    ) {
        let is_tls13 = self.is_tls13 == Some(true);
        let is_first_word = role == Role::Server && !std::mem::replace(&mut self.server_went_on, true);
        let message = match len {
            // RFC 8446, 4.4.2.4: a certificate that the server does not like is refused now.
            _ if is_tls13 && self.may_be_alert(role, len) && is_first_word && self.sent_certificate => {
                Message::EncryptedAlert
            }
            _ if is_tls13
                && self.may_be_alert(role, len)
                && role == Role::Server
                && self.sent_certificate =>
            {
                Message::ClosingOrRefusal
            }
            _ if is_tls13 && self.may_be_alert(role, len) => Message::Closing,
            KEY_UPDATE if is_tls13 => Message::KeyUpdate,
            // The end of the handshake, where the server answered early data before it.
            _ if self.sent_early_data && role == Role::Client && ends_early_data(len) => return,
            _ => Message::ApplicationData(u32::from(len)),
        };
        // Nothing follows a close_notify. JSSE, which pads its alerts, sends user_canceled before it.
        let is_short = is_tls13 && message == Message::Closing && is_bare_alert_size(len);
        if is_short && std::mem::replace(&mut self.was_short[role], true) {
            emit(Message::ShortMessage, Basis::Inferred);
        }
        emit(message, basis);
    }
}
