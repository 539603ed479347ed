//! What lengths, directions and order show where no payload byte was captured.
//!
//! Both sides take turns: ClientHello, the server's flight, the client's flight, and so on. A turn's size, and
//! where segments end in it, fit some TLS messages and not others ([`sizes`]). What `tcpdump -A` printed is used as far
//! as it is certain ([`printed`]). Bytes that the peer acknowledged and that no packet shows are part of a turn, too.

mod client_flight;
mod ports;
mod printed;
mod sizes;
#[cfg(test)]
mod tests;

pub(super) use ports::is_tls as is_port_of_tls;
pub(super) use sizes::{CHANGE_CIPHER_SPEC, CIPHER_CHANGE, is_cipher_change};

use super::awaits::Awaits;
use super::basis::Basis;
use super::event::{Message, TlsEvent};
use super::handshake::ClientHello;
use super::plain::{Plain, PlainKind};
use crate::packet::Moment;
use crate::tcp::{Delivery, PerRole, Role};
use printed::Fit;

/// Sizes of ClientHellos in use, from those of embedded clients to those with a post-quantum key share, in bytes.
const USUAL_HELLO: std::ops::RangeInclusive<u32> = 150..=2_000;

/// The least bytes of a ClientHello with extensions.
const HELLO_WITH_A_NAME: u32 = 100;

/// Turns of a connection without payload.
#[expect(clippy::struct_excessive_bools, reason = "each notes something else that was seen")]
#[derive(Clone, Debug)]
pub(super) struct Flow {
    expects_tls: bool,
    /// The server's port.
    port: u16,
    /// Whether a side has sent anything.
    has_spoken: PerRole<bool>,
    awaits: Awaits,
    /// Bytes of the client's question for TLS, where its protocol asks for it, and whether the server agreed.
    asked: Option<u32>,
    has_agreed: bool,
    /// Whether nothing more can be concluded: a turn came that nothing explains as TLS, or the beginning is missing.
    is_silent: bool,
    /// Who speaks, and how much in this turn.
    turn: Option<(Role, u32)>,
    /// Whether the bytes that are being taken in are known by their acknowledgement alone.
    is_unseen: bool,
    /// Bytes that were counted when they were acknowledged, and whose segments may still come.
    counted: PerRole<u32>,
    /// Whether an event has shown already what a side speaks.
    is_emitted: PerRole<bool>,
    /// Whether text in clear was exchanged.
    heard_text: bool,
    /// Whether a side spoke a protocol that is never followed by TLS.
    is_plain_for_good: bool,
    /// Size and place of what may be a ClientHello and the server's answer, on a port where TLS is not expected.
    hello: Option<Moment>,
    answer: Option<Moment>,
    hello_len: u32,
    answer_len: u32,
    /// The client sent more after its ClientHello without waiting: early data, or the rest of a long hello.
    continued_hello: bool,
    /// Bytes of a close_notify, in each reading of the client's flight.
    close_notify: Vec<u32>,
    /// The client answered a full flight with a segment of a ChangeCipherSpec and nothing before it: up to TLS 1.2 its key
    /// exchange is there, in TLS 1.3 nothing (RFC 8446, D.4).
    changed_first: bool,
    /// The client answered a request for a certificate in TLS 1.3, and the server has not spoken since: it may refuse now.
    awaits_refusal: bool,
    /// The server has not spoken since the client's flight.
    is_answer_due: bool,
}

impl Flow {
    /// For a connection to a port where TLS is expected or not. If its beginning was not seen, only a ClientHello of a certain size
    /// or of certain characters shows anything.
    pub(super) fn new(saw_beginning: bool, expects_tls: bool, port: u16) -> Self {
        Self {
            expects_tls: expects_tls || ports::is_tls(port),
            port,
            has_spoken: PerRole::default(),
            awaits: Awaits::ClientHello,
            asked: None,
            has_agreed: false,
            is_silent: !saw_beginning,
            turn: None,
            is_unseen: false,
            counted: PerRole::default(),
            is_emitted: PerRole::default(),
            heard_text: false,
            is_plain_for_good: false,
            hello: None,
            answer: None,
            hello_len: 0,
            answer_len: 0,
            continued_hello: false,
            close_notify: Vec::new(),
            changed_first: false,
            awaits_refusal: false,
            is_answer_due: false,
        }
    }

    /// For a connection whose ClientHello of `len` bytes was read, and whose server's bytes are not there: from its first `answer` on.
    pub(super) fn after_hello(port: u16, answer: &Delivery<'_>, len: u32) -> Self {
        let mut flow = Self::new(true, true, port);
        flow.awaits = Awaits::ServerHello;
        flow.hello = Some(Moment { number: answer.number, at: answer.at });
        flow.hello_len = len;
        flow.turn = Some((Role::Client, len));
        flow.is_emitted.client = true;
        flow.has_spoken.client = true;
        flow
    }

    /// Takes in bytes that the peer acknowledged and that no packet showed so far.
    pub(super) fn take_unseen(
        &mut self,
        role: Role,
        delivery: &Delivery<'_>,
        unseen: u32,
        emit: &mut dyn FnMut(TlsEvent),
    ) {
        if self.is_silent || self.is_plain_for_good || self.awaits == Awaits::ApplicationData {
            return;
        }
        let moment = Moment { number: delivery.number, at: delivery.at };
        self.is_unseen = true;
        self.take_turn(role, moment, unseen, &[], emit);
        self.is_unseen = false;
        self.counted[role] += unseen;
    }

    pub(super) fn take(&mut self, role: Role, delivery: &Delivery<'_>, emit: &mut dyn FnMut(TlsEvent)) {
        let moment = Moment { number: delivery.number, at: delivery.at };
        if self.is_plain_for_good {
            // Only the other side's banner is still of interest.
            self.take_plain(role, moment, delivery.printed, emit);
            return;
        }
        let is_first_word = !std::mem::replace(&mut self.has_spoken[role], true);
        if self.is_silent {
            // Characters can show a handshake that begins late, after STARTTLS for example; the size can where nothing else of the
            // client's preceded it.
            let is_hello = self.is_certain_hello(delivery.printed, delivery.len)
                || (is_first_word && delivery.hole.is_none() && self.is_padded_hello(delivery));
            if role == Role::Client && is_hello {
                self.expects_tls = true;
                self.is_silent = false;
                self.turn = None;
                self.begin(moment, delivery.len, delivery.printed, emit);
            } else if role == Role::Server && !self.is_emitted.server {
                self.take_status(moment, delivery.printed, emit);
            }
            return;
        }
        if is_first_word && role == Role::Client && self.is_padded_hello(delivery) {
            self.expects_tls = true;
        }
        let len = delivery.len.saturating_add(delivery.hole.map_or(0, |hole| hole.len));
        let counted = self.counted[role].min(len);
        self.counted[role] -= counted;
        if len > counted {
            self.take_turn(role, moment, len - counted, delivery.printed, emit);
        }
    }

    #[expect(clippy::too_many_lines, reason = "a table with a row for each state and speaker")]
    fn take_turn(
        &mut self,
        role: Role,
        moment: Moment,
        len: u32,
        characters: &[u8],
        emit: &mut dyn FnMut(TlsEvent),
    ) {
        let begins_turn = self.turn.is_none_or(|(speaker, _)| speaker != role);
        let so_far = if begins_turn { 0 } else { self.turn.map_or(0, |(_, bytes)| bytes) };
        let bytes = so_far.saturating_add(len);
        self.turn = Some((role, bytes));
        if begins_turn && self.take_plain(role, moment, characters, emit) {
            return;
        }
        if self.take_agreement(role, len, begins_turn) {
            return;
        }
        if begins_turn && bytes == sizes::ALERT && self.awaits != Awaits::ClientHello {
            self.take_alert(role, moment, characters, emit);
            return;
        }
        self.is_answer_due &= role == Role::Client;
        let mut emit_message = |message, basis| emit(event(role, moment, message, basis));
        match (self.awaits, role) {
            (Awaits::ClientHello, Role::Client) => self.take_first(moment, len, characters, emit),
            // A TLS server never speaks first.
            (Awaits::ClientHello, Role::Server) => self.emit_binary(role, characters, &mut emit_message),
            (Awaits::ServerHello | Awaits::ServerFlight, Role::Server) => {
                if len < sizes::SERVER_HELLO {
                    self.emit_binary(role, characters, &mut emit_message);
                    return;
                }
                self.answer = Some(moment);
                self.answer_len = bytes;
                self.awaits = Awaits::ClientFlight;
                if self.expects_tls {
                    emit_message(server_hello(), Basis::Inferred);
                }
            }
            (Awaits::ServerHello | Awaits::ServerFlight, Role::Client) => {
                self.hello_len = bytes;
                self.continued_hello = true;
            }
            (Awaits::ClientFlight, Role::Server)
                if self.awaits_refusal && sizes::ALERT_13.contains(&bytes) =>
            {
                emit_message(Message::EncryptedAlert, Basis::Inferred);
            }
            (Awaits::ClientFlight, Role::Server) => self.answer_len = bytes,
            (Awaits::ClientFlight, Role::Client) => {
                let hidden = if begins_turn { printed::finished_13(characters, bytes) } else { None };
                self.take_client_flight(bytes, hidden, moment, emit);
            }
            // JSSE sends the ChangeCipherSpec in a segment of its own, too.
            (Awaits::ClientFinished, Role::Client) if len == sizes::CHANGE_CIPHER_SPEC => {}
            (Awaits::ClientFinished, Role::Client) => self.take_client_finished(bytes, moment, emit),
            (Awaits::ClientFinished, Role::Server) => {
                // It answers what the client's key exchange was followed by, whatever size that had.
                emit(event(Role::Client, moment, Message::ClientFinished, Basis::Inferred));
                self.awaits = Awaits::ApplicationData;
                emit(event(role, moment, Message::Established, Basis::Inferred));
            }
            // Up to TLS 1.2 nothing of this size can be here; in TLS 1.3 it refuses a client's certificate.
            (Awaits::ServerFinished, Role::Server) if begins_turn && sizes::ALERT_13.contains(&len) => {
                emit_message(Message::EncryptedAlert, Basis::Inferred);
            }
            // Not all of it came yet.
            (Awaits::ServerFinished, Role::Server) if bytes < sizes::CIPHER_CHANGE => {}
            (Awaits::ServerFinished, Role::Server) => {
                self.awaits = Awaits::ApplicationData;
                emit_message(Message::Established, Basis::Inferred);
            }
            (Awaits::ServerFinished, Role::Client) => {}
            (Awaits::ApplicationData, _) => {
                let is_first_word = role == Role::Server && std::mem::take(&mut self.awaits_refusal);
                if is_first_word && sizes::ALERT_13.contains(&len) {
                    emit_message(Message::EncryptedAlert, Basis::Inferred);
                } else if self.expects_tls {
                    let is_closing = begins_turn && self.close_notify.contains(&len);
                    emit_message(
                        if is_closing { Message::Closing } else { Message::ApplicationData(len) },
                        Basis::Inferred,
                    );
                }
            }
        }
    }

    /// The question and the answer that precede TLS in some protocols. Returns whether it was one of them.
    fn take_agreement(&mut self, role: Role, len: u32, begins_turn: bool) -> bool {
        let is_at_start = begins_turn && !self.heard_text && !self.has_agreed;
        match role {
            Role::Client if is_at_start && self.awaits == Awaits::ClientHello && self.hello.is_none() => {
                self.asked = Some(len).filter(|len| ports::asks_for_tls(self.port, *len));
                self.asked.is_some()
            }
            Role::Server if is_at_start && self.asked.is_some() && ports::agrees_to_tls(self.port, len) => {
                self.has_agreed = true;
                true
            }
            _ => false,
        }
    }

    /// A turn of an alert's size. On a port where no TLS is expected, one that answers what may be a ClientHello of a usual size
    /// shows that both are TLS.
    fn take_alert(&mut self, role: Role, moment: Moment, characters: &[u8], emit: &mut dyn FnMut(TlsEvent)) {
        // Of what is encrypted nothing is as short: a server that answers the client's flight so refuses it.
        let is_answer = role == Role::Server && std::mem::take(&mut self.is_answer_due);
        if self.awaits == Awaits::ApplicationData && !is_answer {
            return;
        }
        if !self.expects_tls {
            let is_usual = USUAL_HELLO.contains(&self.hello_len) && !self.heard_text;
            let refuses = is_usual && role == Role::Server && self.awaits == Awaits::ServerHello;
            let Some(hello) = self.hello.filter(|_| refuses) else { return };
            self.expects_tls = true;
            let first = ClientHello { len: self.hello_len.saturating_sub(5), ..ClientHello::default() };
            emit(event(Role::Client, hello, Message::ClientHello(Box::new(first)), Basis::Inferred));
        }
        let description = printed::alert(characters);
        let basis = if description.is_some() { Basis::Partial } else { Basis::Inferred };
        emit(event(role, moment, Message::Alert { level: 2, description }, basis));
    }

    /// Whether a segment has the size of a padded ClientHello, which little else has by chance. Requests of HTTP have any.
    fn is_padded_hello(&self, delivery: &Delivery<'_>) -> bool {
        delivery.len == sizes::PADDED_HELLO
            && !self.heard_text
            && !ports::is_http(self.port)
            && printed::client_hello(delivery.printed, delivery.len) != Fit::No
    }

    /// Emits what is certainly no TLS, by its characters. Returns whether it was.
    fn take_plain(
        &mut self,
        role: Role,
        moment: Moment,
        characters: &[u8],
        emit: &mut dyn FnMut(TlsEvent),
    ) -> bool {
        let Some(plain) = printed::plain(characters) else { return false };
        self.show_refused_hello(role, &plain, emit);
        if self.awaits != Awaits::ApplicationData {
            self.awaits = Awaits::ClientHello;
            self.heard_text = true;
            self.is_plain_for_good |= plain.excludes_tls();
            // A proxy may refuse first and agree to the repeated request: each of its answers counts.
            let is_answer = matches!(plain.kind, PlainKind::HttpResponse(_));
            if is_answer || !std::mem::replace(&mut self.is_emitted[role], true) {
                emit(event(role, moment, Message::Plain(plain), Basis::Partial));
            }
        }
        true
    }

    /// A server's first line that has a status, whatever the client said.
    fn take_status(&mut self, moment: Moment, characters: &[u8], emit: &mut dyn FnMut(TlsEvent)) {
        let is_answer = |plain: &Plain| matches!(plain.kind, PlainKind::HttpResponse(_));
        if let Some(plain) = printed::plain(characters).filter(is_answer) {
            self.is_emitted.server = true;
            emit(event(Role::Server, moment, Message::Plain(plain), Basis::Partial));
        }
    }

    /// A server that calls a request bad of which no line was printed got no HTTP: tcpdump prints the lines of both sides. What may
    /// be a ClientHello by its size is one then.
    fn show_refused_hello(&mut self, role: Role, plain: &Plain, emit: &mut dyn FnMut(TlsEvent)) {
        let is_refusal = role == Role::Server && matches!(plain.kind, PlainKind::HttpResponse(400));
        let may_be = !self.expects_tls && !self.is_emitted.client && self.hello_len >= HELLO_WITH_A_NAME;
        if let Some(hello) = self.hello.filter(|_| is_refusal && may_be && self.awaits == Awaits::ServerHello)
        {
            self.expects_tls = true;
            let first = ClientHello { len: self.hello_len.saturating_sub(5), ..ClientHello::default() };
            emit(event(Role::Client, hello, Message::ClientHello(Box::new(first)), Basis::Inferred));
        }
    }

    /// The client's first turn, or its first one after text in clear.
    fn take_first(&mut self, moment: Moment, len: u32, characters: &[u8], emit: &mut dyn FnMut(TlsEvent)) {
        let may_be_hello = match printed::client_hello(characters, len) {
            Fit::Surely => true,
            Fit::Likely | Fit::Maybe if self.is_certain_hello(characters, len) => true,
            Fit::Likely | Fit::Maybe => {
                len >= sizes::CLIENT_HELLO && (!self.is_emitted.client || characters.is_empty())
            }
            Fit::No => false,
        };
        if may_be_hello {
            self.begin(moment, len, characters, emit);
        } else {
            let mut emit_message = |message, basis| emit(event(Role::Client, moment, message, basis));
            self.emit_binary(Role::Client, characters, &mut emit_message);
        }
    }

    /// Whether characters show a ClientHello; after text in clear it takes less to distinguish it.
    fn is_certain_hello(&self, characters: &[u8], len: u32) -> bool {
        match printed::client_hello(characters, len) {
            Fit::Surely => true,
            Fit::Likely => self.heard_text,
            Fit::Maybe | Fit::No => false,
        }
    }

    /// A ClientHello, as far as it can be recognised.
    fn begin(&mut self, moment: Moment, len: u32, characters: &[u8], emit: &mut dyn FnMut(TlsEvent)) {
        let is_certain = self.is_certain_hello(characters, len);
        self.hello = Some(moment);
        self.hello_len = len;
        self.awaits = Awaits::ServerHello;
        self.turn = Some((Role::Client, len));
        self.expects_tls |= is_certain;
        if self.expects_tls {
            self.is_emitted.client = true;
            let hello = ClientHello {
                len: len.saturating_sub(5),
                server_name: printed::server_name(characters),
                ..ClientHello::default()
            };
            let basis = if is_certain { Basis::Partial } else { Basis::Inferred };
            emit(event(Role::Client, moment, Message::ClientHello(Box::new(hello)), basis));
        }
    }

    /// Something that is not TLS. Where characters are printed, a ClientHello may still be recognised later.
    fn emit_binary(&mut self, role: Role, characters: &[u8], emit: &mut dyn FnMut(Message, Basis)) {
        self.is_silent = true;
        if !std::mem::replace(&mut self.is_emitted[role], true) {
            let basis = if characters.is_empty() { Basis::Inferred } else { Basis::Partial };
            let plain = Plain { kind: PlainKind::Binary, line: String::new(), is_request: false };
            emit(Message::Plain(plain), basis);
        }
    }
}

fn event(role: Role, moment: Moment, message: Message, basis: Basis) -> TlsEvent {
    TlsEvent { role, number: moment.number, at: moment.at, basis, message }
}

fn server_hello() -> Message {
    Message::ServerHello(Box::default())
}
