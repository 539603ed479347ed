//! The place in the handshake, which gives encrypted records their meaning.
//!
//! The states and what leads from one to the next are one table, [`Flow::after`]. `plaintext` reads the messages that lead there,
//! `hidden` the records whose content is encrypted.

mod hidden;
mod plaintext;

use crate::tcp::{PerRole, Role};
use crate::tls::awaits::Awaits;
use crate::tls::basis::Basis;
use crate::tls::event::Message;
use crate::tls::handshake::{CipherSuite, ServerHello, Version};
use crate::tls::reader::{FlowAnswer, Raw};

/// A message, as far as its place in the handshake goes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(in crate::tls) enum Step {
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
pub(in crate::tls) struct Flow {
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
    /// TLS 1.3: the client's Finished was captured before the end of a record of the server's flight.
    is_flight_open: bool,
    /// The server sent something after both Finished.
    server_went_on: bool,
    /// TLS 1.3: the suite that the server chose.
    suite: Option<CipherSuite>,
    /// TLS 1.3: whether each side sent a record of a close_notify's size that is not padded.
    was_short: PerRole<bool>,
    /// TLS 1.3: whether each side pads its messages, as its Finished shows.
    pads: PerRole<Option<bool>>,
}

impl Flow {
    pub(in crate::tls) fn saw_client_hello(&self) -> bool {
        self.awaits > Awaits::ClientHello
    }

    /// What comes next.
    pub(in crate::tls) fn awaits(&self) -> Awaits {
        self.awaits
    }

    /// Whether something showed that it is TLS 1.3, or an earlier version.
    pub(in crate::tls) fn is_tls13(&self) -> Option<bool> {
        self.is_tls13
    }

    /// The server's record that is open was begun before the client's Finished, and no Finished of the server's before it: its end is
    /// that of the server's flight, whatever was lost or captured late.
    pub(in crate::tls) fn note_open_flight(&mut self) {
        self.is_flight_open = self.is_tls13 == Some(true);
    }

    /// Something showed that it is TLS 1.3, or an earlier version.
    pub(in crate::tls) fn note_version(&mut self, is_tls13: bool) {
        self.is_tls13 = Some(is_tls13);
    }

    pub(in crate::tls) fn take(
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
                } else if self.is_tls13 == Some(false) {
                    emit(Message::Renegotiation, basis);
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
                // After its Finished a client has nothing to object to until the server's: it closes.
                let is_over = matches!(
                    (self.awaits, role),
                    (Awaits::ClientHello | Awaits::ApplicationData, _)
                        | (Awaits::ServerFinished, Role::Client)
                );
                emit(if is_over { Message::Closing } else { Message::EncryptedAlert }, basis);
            }
            Raw::ApplicationData(len) => self.take_application_data(role, len, basis, emit),
            Raw::Unseen(len) => self.take_unseen(role, len, emit),
            Raw::BegunData => self.note_begun_data(),
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
            // RFC 5077, 3.3: after the client's Finished, it begins the flight that ends with the server's.
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
    pub(in crate::tls) fn step(
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
}
