//! The place in the handshake, which gives encrypted records their meaning.

use super::event::{Basis, Message};
use super::handshake::{ClientHello, ServerHello, Version, kind};
use super::reader::{FlowAnswer, Raw};
use crate::tcp::Role;

/// What was seen of the handshake so far.
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a message that was seen or not, in any combination"
)]
#[derive(Clone, Debug, Default)]
pub(super) struct Flow {
    pub(super) saw_client_hello: bool,
    saw_server_hello: bool,
    /// TLS 1.3 or not, once something shows it.
    is_tls13: Option<bool>,
    is_server_flight_complete: bool,
    has_client_flight: bool,
    is_client_finished: bool,
    is_server_finished: bool,
    is_established: bool,
    sent_false_start: bool,
}

/// Body lengths of a TLS 1.3 record that holds nothing but a Finished: header 4, hash 32 or 48, content type 1, tag 16;
/// JSSE pads by 16 more (RFC 8446, 4.4.4 and 5.2).
fn is_finished_size(len: u16) -> bool {
    matches!(len, 53 | 69 | 85)
}

/// Body lengths of a client's first TLS 1.3 record that can hold its Finished, alone or behind a short message (the
/// application settings of ALPS make it some 10 bytes longer). A client certificate is larger, and its refusal smaller.
fn holds_client_finished(len: u16) -> bool {
    (53..=120).contains(&len)
}

/// Body lengths of a TLS 1.3 record that holds an alert: 2, content type 1, tag 16; JSSE pads by 16 more. Suites with
/// an 8-byte tag (CCM_8) make it 11.
fn is_alert_size(len: u16) -> bool {
    matches!(len, 11 | 19 | 35)
}

impl Flow {
    pub(super) fn take(
        &mut self,
        role: Role,
        raw: Raw<'_>,
        basis: Basis,
        tell: &mut dyn FnMut(Message, Basis),
    ) -> FlowAnswer {
        match raw {
            Raw::Handshake { kind, len, body, is_whole } => {
                let basis = if is_whole { basis } else { Basis::Partial };
                self.take_handshake(role, kind, len, body, is_whole, basis, tell);
            }
            Raw::OldClientHello(version) => {
                self.saw_client_hello = true;
                let hello = ClientHello { versions: vec![version], ..ClientHello::default() };
                tell(Message::ClientHello(Box::new(hello)), basis);
            }
            Raw::OldServerHello => {
                self.saw_server_hello = true;
                let hello = ServerHello { version: Some(Version(2)), ..ServerHello::default() };
                tell(Message::ServerHello(Box::new(hello)), basis);
            }
            Raw::ChangeCipherSpec => {
                // RFC 8446, D.4: with TLS 1.3 it means nothing, and a second ClientHello may follow it in clear.
                if self.is_tls13 == Some(true) {
                    return FlowAnswer::IsCompatibility;
                }
                if role == Role::Server && self.has_client_flight {
                    // RFC 5246, 7.3: it answers the client's Finished, which was hidden.
                    self.finish_client(Basis::Inferred, tell);
                }
            }
            Raw::EncryptedHandshake => self.take_finished(role, basis, tell),
            Raw::Alert { level, description } => {
                tell(Message::Alert { level, description: Some(description) }, basis);
            }
            Raw::EncryptedAlert => {
                let is_over = self.is_established || !self.saw_client_hello;
                tell(if is_over { Message::Closing } else { Message::EncryptedAlert }, basis);
            }
            Raw::ApplicationData(len) => self.take_application_data(role, len, basis, tell),
            Raw::Plain(plain) => tell(Message::Plain(plain), basis),
        }
        FlowAnswer::Nothing
    }

    #[expect(clippy::too_many_arguments, reason = "the parts of one message, already taken apart")]
    fn take_handshake(
        &mut self,
        role: Role,
        kind: u8,
        len: u32,
        body: &[u8],
        is_whole: bool,
        basis: Basis,
        tell: &mut dyn FnMut(Message, Basis),
    ) {
        match (role, kind) {
            (Role::Client, kind::CLIENT_HELLO) => {
                self.saw_client_hello = true;
                tell(Message::ClientHello(Box::new(ClientHello::parse(len, body))), basis);
            }
            (Role::Server, kind::SERVER_HELLO | kind::HELLO_RETRY_REQUEST) => {
                let mut hello = ServerHello::parse(body, is_whole);
                hello.is_retry |= kind == kind::HELLO_RETRY_REQUEST;
                self.saw_server_hello |= !hello.is_retry;
                self.is_tls13 = hello.version.map(Version::is_tls13).or(self.is_tls13);
                tell(Message::ServerHello(Box::new(hello)), basis);
            }
            (Role::Server, kind::SERVER_HELLO_DONE) => {
                self.is_tls13 = Some(false);
                self.complete_server_flight(basis, tell);
            }
            (Role::Server, kind::CERTIFICATE | kind::SERVER_KEY_EXCHANGE | kind::NEW_SESSION_TICKET) => {
                self.is_tls13 = Some(false);
            }
            (Role::Client, kind::CERTIFICATE | kind::CLIENT_KEY_EXCHANGE) => {
                // Only a complete flight is answered.
                self.is_tls13 = Some(false);
                self.has_client_flight = true;
                self.complete_server_flight(Basis::Inferred, tell);
            }
            _ => {}
        }
    }

    /// An encrypted handshake record up to TLS 1.2: a Finished, unless the connection is established already.
    fn take_finished(&mut self, role: Role, basis: Basis, tell: &mut dyn FnMut(Message, Basis)) {
        if self.is_established {
            return;
        }
        self.is_tls13 = Some(false);
        match role {
            Role::Client => self.finish_client(basis, tell),
            Role::Server => {
                self.is_server_finished = true;
                // RFC 5246, 7.3, figure 2: in an abbreviated handshake the server's Finished comes first.
                self.complete_server_flight(basis, tell);
            }
        }
        if self.is_client_finished && self.is_server_finished {
            self.establish(basis, tell);
        }
    }

    fn take_application_data(
        &mut self,
        role: Role,
        len: u16,
        basis: Basis,
        tell: &mut dyn FnMut(Message, Basis),
    ) {
        if self.is_established || !(self.saw_client_hello || self.saw_server_hello) {
            let is_closing = self.is_tls13 == Some(true) && is_alert_size(len);
            tell(if is_closing { Message::Closing } else { Message::ApplicationData(u32::from(len)) }, basis);
            return;
        }
        match role {
            // Between the hellos only early data can come (RFC 8446, 4.2.10).
            Role::Client if !self.saw_server_hello && self.is_tls13.is_none() => {}
            // Up to TLS 1.2 application data follows the sender's own Finished, even where that was hidden.
            Role::Client if self.is_tls13 == Some(false) => {
                self.finish_client(Basis::Inferred, tell);
                self.sent_false_start = true;
            }
            Role::Server if self.is_tls13 == Some(false) => {
                self.finish_client(Basis::Inferred, tell);
                self.is_server_finished = true;
                self.establish(Basis::Inferred, tell);
                tell(Message::ApplicationData(u32::from(len)), basis);
            }
            Role::Server if !self.is_client_finished && !self.has_client_flight => {
                self.is_tls13 = Some(true);
                if is_finished_size(len) {
                    self.complete_server_flight(Basis::Inferred, tell);
                }
            }
            Role::Client if !self.is_client_finished => {
                self.is_tls13 = Some(true);
                if is_alert_size(len) && !self.has_client_flight {
                    tell(Message::EncryptedAlert, Basis::Inferred);
                    return;
                }
                self.complete_server_flight(Basis::Inferred, tell);
                if holds_client_finished(len) {
                    self.finish_client(Basis::Inferred, tell);
                    if !self.has_client_flight {
                        // RFC 8446, 2: nothing more of the handshake is to come. A client certificate may still be
                        // refused.
                        self.establish(Basis::Inferred, tell);
                    }
                }
                self.has_client_flight = true;
            }
            _ => {
                // After the client's Finished only the established connection speaks; a server that answers a flight
                // whose Finished has no telling size got it whole.
                self.finish_client(Basis::Inferred, tell);
                self.establish(Basis::Inferred, tell);
                let is_closing = is_alert_size(len);
                tell(
                    if is_closing { Message::Closing } else { Message::ApplicationData(u32::from(len)) },
                    basis,
                );
            }
        }
    }

    fn complete_server_flight(&mut self, basis: Basis, tell: &mut dyn FnMut(Message, Basis)) {
        if !self.is_server_flight_complete {
            self.is_server_flight_complete = true;
            tell(Message::ServerFlightComplete, basis);
        }
    }

    fn finish_client(&mut self, basis: Basis, tell: &mut dyn FnMut(Message, Basis)) {
        if !self.is_client_finished {
            self.complete_server_flight(Basis::Inferred, tell);
            self.is_client_finished = true;
            tell(Message::ClientFinished, basis);
        }
    }

    fn establish(&mut self, basis: Basis, tell: &mut dyn FnMut(Message, Basis)) {
        if !self.is_established {
            self.is_established = true;
            tell(Message::Established, basis);
            if self.sent_false_start {
                // RFC 7918: the client's data came before the server's Finished.
                tell(Message::ApplicationData(0), basis);
            }
        }
    }
}
