//! Both directions of one connection read as TLS: record by record where bytes are there, by size where they are not.

use super::awaits::Awaits;
use super::basis::Basis;
use super::event::{Message, TlsEvent};
use super::flow::Flow;
use super::handshake::kind;
use super::lengths;
use super::plain::Plain;
use super::prelude::Listener;
use super::reader::{Reader, begins_hello};
use super::words::{Listening, Words};
use crate::tcp::{Delivery, PerRole, Role};

/// Reads both directions of a connection.
#[derive(Clone, Debug)]
pub struct Tracker {
    readers: PerRole<Reader>,
    flow: Flow,
    prelude: Listener,
    lengths: Option<Box<lengths::Flow>>,
    /// What another tool decoded, once there is something of it.
    words: Listening,
    /// Who sent how many bytes before any segment with data was captured, as acknowledgements show.
    unseen: Option<(Role, u32)>,
    saw_beginning: bool,
    expects_tls: bool,
    server_port: u16,
    /// Bytes of the client up to its ClientHello.
    client_bytes: u32,
}

impl Tracker {
    /// A tracker for a connection whose beginning was seen or not, to a port where TLS is expected or not.
    pub fn new(saw_beginning: bool, expects_tls: bool, server_port: u16) -> Self {
        let reader = Reader::new(saw_beginning);
        Self {
            readers: PerRole { client: reader.clone(), server: reader },
            flow: Flow::default(),
            prelude: Listener::default(),
            lengths: None,
            words: Listening::default(),
            unseen: None,
            saw_beginning,
            expects_tls,
            server_port,
            client_bytes: 0,
        }
    }

    /// Exchanges the roles, when content shows who the client really is.
    pub fn swap_roles(&mut self) {
        self.readers.swap();
    }

    /// Whether these first bytes of a segment begin a ClientHello.
    pub fn is_client_hello(bytes: &[u8]) -> bool {
        begins_hello(bytes, kind::CLIENT_HELLO)
    }

    /// Whether the handshake shows TLS 1.3, or an earlier version.
    pub fn is_tls13(&self) -> Option<bool> {
        self.flow.is_tls13()
    }

    /// Whether a side's last record was begun and not ended, as far as records could be followed.
    pub fn is_inside_record(&self, role: Role) -> bool {
        self.readers[role].is_inside_record() || self.words.is_inside_record(role)
    }

    /// Bytes of a server's Certificate message that has begun and is not complete, and how many of them came.
    pub fn unfinished_certificate(&self) -> Option<(u32, u32)> {
        self.readers.server.unfinished_certificate()
    }

    /// The beginning of a side's first word in clear, whose end did not come: no TLS begins with it.
    pub fn unfinished_word(&self, role: Role) -> Option<(Plain, Basis)> {
        self.readers[role].unfinished_word()
    }

    /// Bytes held of handshake messages that are not complete.
    pub fn message_bytes(&self) -> usize {
        self.readers.client.message_bytes() + self.readers.server.message_bytes()
    }

    /// Frees those bytes: the messages are followed by length.
    pub fn give_messages_up(&mut self) {
        self.readers.client.give_message_up();
        self.readers.server.give_message_up();
    }

    /// Takes the next stretch of one side's stream, and emits what it completed.
    pub fn take(&mut self, role: Role, delivery: &Delivery<'_>, emit: &mut dyn FnMut(TlsEvent)) {
        if delivery.len == 0 {
            self.take_unseen(role, delivery, emit);
            return;
        }
        if delivery.bytes.is_empty() && self.take_words(role, delivery, emit) {
            return;
        }
        if delivery.bytes.is_empty() && delivery.hole.is_none() && self.lengths.is_none() {
            self.expect_lengths(role, delivery, emit);
        }
        if let Some(lengths) = &mut self.lengths {
            lengths.take(role, delivery, emit);
            return;
        }
        self.unseen = None;
        if role == Role::Client && !self.flow.saw_client_hello() {
            self.client_bytes = self.client_bytes.saturating_add(delivery.len);
        }
        // A client may send its ClientHello before a proxy has answered.
        let is_over =
            self.flow.saw_client_hello() && !(role == Role::Server && self.prelude.is_owed_an_answer());
        let may_precede = self.saw_beginning && !is_over && !Self::is_client_hello(delivery.bytes);
        if may_precede && self.take_prelude(role, delivery, emit) {
            return;
        }
        self.read(role, delivery, emit);
    }

    /// Follows lengths from now on where a side's first delivery has no bytes.
    #[inline(never)]
    fn expect_lengths(&mut self, role: Role, delivery: &Delivery<'_>, emit: &mut dyn FnMut(TlsEvent)) {
        if !self.readers[role].is_at_start() {
            return;
        }
        let mut lengths = if self.flow.saw_client_hello() && role == Role::Server {
            // A text that holds the bytes of one side only.
            lengths::Flow::after_hello(self.server_port, delivery, self.client_bytes)
        } else {
            lengths::Flow::new(self.saw_beginning, self.expects_tls, self.server_port)
        };
        if let Some((role, unseen)) = self.unseen.take() {
            lengths.take_unseen(role, delivery, unseen, emit);
        }
        self.lengths = Some(Box::new(lengths));
    }

    /// Takes what precedes TLS, as a proxy's protocol. Returns whether the delivery needs no other reading.
    #[inline(never)]
    fn take_prelude(&mut self, role: Role, delivery: &Delivery<'_>, emit: &mut dyn FnMut(TlsEvent)) -> bool {
        let rest = self.prelude.take(role, delivery, &mut |protocol, step, basis| {
            let message = Message::Prelude(protocol, step);
            emit(TlsEvent { role, number: delivery.number, at: delivery.at, basis, message });
        });
        if self.prelude.takes_unlisted() {
            let (number, at, message) = (delivery.number, delivery.at, Message::Unlisted);
            emit(TlsEvent { role, number, at, basis: Basis::Decoded, message });
        }
        if role == Role::Server || rest.len() == delivery.bytes.len() || !Self::is_client_hello(rest) {
            return false;
        }
        // A client that does not wait for the proxy's answer (RFC 1928 does not forbid it).
        let (before, _) = delivery.bytes.split_at(delivery.bytes.len() - rest.len());
        let len = before.len() as u32;
        self.read(role, &Delivery { len, bytes: before, ..*delivery }, emit);
        self.read(role, &Delivery { len: delivery.len - len, bytes: rest, hole: None, ..*delivery }, emit);
        true
    }

    /// Takes what another tool decoded of a delivery without bytes. Returns whether it needs no other reading.
    #[inline(never)]
    fn take_words(&mut self, role: Role, delivery: &Delivery<'_>, emit: &mut dyn FnMut(TlsEvent)) -> bool {
        let words = Words::of(delivery.decoded);
        if words.is_none() && !self.words.heard() {
            self.words.pass(role);
            return false;
        }
        self.lengths = None;
        let mut emit_message = |message, basis: Basis| {
            emit(TlsEvent { role, number: delivery.number, at: delivery.at, basis, message });
        };
        self.words.take(&mut self.flow, role, delivery, words, &mut emit_message);
        true
    }

    /// Bytes that were acknowledged and not captured so far; of use where only lengths are known.
    #[inline(never)]
    fn take_unseen(&mut self, role: Role, delivery: &Delivery<'_>, emit: &mut dyn FnMut(TlsEvent)) {
        let unseen = delivery.hole.map_or(0, |hole| hole.len);
        match &mut self.lengths {
            Some(lengths) => lengths.take_unseen(role, delivery, unseen, emit),
            None if self.readers.client.is_at_start() && self.readers.server.is_at_start() => {
                let before = self.unseen.map_or(0, |(_, bytes)| bytes);
                self.unseen = Some((role, before.saturating_add(unseen)));
            }
            None => {}
        }
    }

    fn read(&mut self, role: Role, delivery: &Delivery<'_>, emit: &mut dyn FnMut(TlsEvent)) {
        let flow = &mut self.flow;
        self.readers[role.other()].give_word_up(&mut |raw, basis| {
            let mut emit_message = |message, basis: Basis| {
                emit(TlsEvent {
                    role: role.other(),
                    number: delivery.number,
                    at: delivery.at,
                    basis,
                    message,
                });
            };
            flow.take(role.other(), raw, basis, &mut emit_message)
        });
        let is_flight_open = role == Role::Client
            && flow.awaits() == Awaits::ServerFlight
            && self.readers.server.is_inside_record();
        let reader = &mut self.readers[role];
        let saw_client_hello = flow.saw_client_hello();
        reader.take(role, delivery, saw_client_hello, &mut |raw, basis| {
            let mut emit_message = |message, basis: Basis| {
                emit(TlsEvent { role, number: delivery.number, at: delivery.at, basis, message });
            };
            flow.take(role, raw, basis, &mut emit_message)
        });
        if is_flight_open && flow.awaits() == Awaits::ApplicationData {
            flow.note_open_flight();
        }
    }
}
