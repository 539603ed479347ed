//! Handshake messages in clear.

use super::{Flow, Step};
use crate::tcp::Role;
use crate::tls::basis::Basis;
use crate::tls::certificates::CertificateMessage;
use crate::tls::event::Message;
use crate::tls::handshake::{ClientHello, ServerHello, Version, kind, of_server_key_exchange};
use crate::tls::message::HandshakeMessage;
use std::sync::Arc;

impl Flow {
    pub(super) fn take_handshake(
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

    pub(in crate::tls) fn take_client_hello(
        &mut self,
        hello: ClientHello,
        basis: Basis,
        emit: &mut dyn FnMut(Message, Basis),
    ) {
        emit(Message::ClientHello(Box::new(hello)), basis);
        self.step(Role::Client, Step::ClientHello, basis, emit);
    }

    pub(in crate::tls) fn take_server_hello(
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
}
