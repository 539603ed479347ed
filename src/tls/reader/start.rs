//! What a side speaks: decided by its first bytes, and looked at again where TLS may begin after something else.

use super::{EmitRaw, Position, Raw, Reader, begins_hello};
use crate::tcp::{Delivery, Role};
use crate::tls::basis::Basis;
use crate::tls::handshake::{OldHello, kind};
use crate::tls::plain::{Plain, PlainKind};
use crate::tls::prelude::after_proxy_header;
use crate::tls::record::{ContentType, Header, PartialHeader, is_beginning_of_record, is_plausible};

/// First bytes that are too few to show what is spoken where more were sent: the shortest HTTP method has four with its space.
const FEWEST_TELLING_BYTES: usize = 4;

/// Bytes of a first line that is put together from two segments: more than is kept of it.
const FIRST_LINE_BYTES: usize = 256;

impl Reader {
    /// A segment that begins with what must be a record header shows where records begin.
    pub(super) fn find_again(&mut self, role: Role, bytes: &[u8], saw_client_hello: bool) {
        let is_found = match self.position {
            Position::Lost => Header::parse(bytes).is_some_and(|header| is_plausible(header, bytes)),
            Position::Plain => self.begins_tls(role, bytes, saw_client_hello),
            _ => false,
        };
        if is_found {
            self.is_partial = self.position == Position::Lost;
            self.message.forget();
            if self.is_partial {
                self.header = PartialHeader::default();
            }
            self.position = Position::Boundary;
        }
    }

    /// Whether TLS begins with this segment, after something else, or began with the one before, which held no more than a part of a
    /// record's header. A part that this segment may begin is held.
    fn begins_tls(&mut self, role: Role, bytes: &[u8], saw_client_hello: bool) -> bool {
        if role == Role::Server && !saw_client_hello {
            return false;
        }
        let hello = if role == Role::Client { kind::CLIENT_HELLO } else { kind::SERVER_HELLO };
        let may_be_alert = role == Role::Server;
        let mut start = self.header;
        let rest = start.fill(bytes);
        let header = if start.is_whole() { Header::parse(start.as_slice()) } else { None };
        let is_found = header.is_some_and(|header| match header.content {
            ContentType::Handshake => rest.first() == Some(&hello),
            ContentType::Alert => may_be_alert && header.body_len == 2,
            _ => false,
        });
        if !is_found {
            let is_begun = match start.as_slice() {
                [_, _, _, _, _] => header.is_some_and(|header| header.content == ContentType::Handshake),
                [22] | [22, 3, ..] => true,
                [21] | [21, 3, ..] => may_be_alert,
                _ => false,
            };
            let is_held = is_begun && rest.is_empty() && self.cut == 0;
            self.header = if is_held { start } else { PartialHeader::default() };
        }
        is_found
    }

    /// A proxy may refuse first and agree to the repeated request: each of its answers counts. What a server sends in clear after the
    /// ClientHello is its answer to that.
    pub(super) fn take_plain_answer(
        &mut self,
        delivery: &Delivery<'_>,
        saw_client_hello: bool,
        emit: &mut EmitRaw<'_>,
    ) {
        let begun = std::mem::take(&mut self.word);
        let joined = (!begun.is_empty()).then(|| [begun.as_slice(), first_line(delivery.bytes)].concat());
        let bytes = joined.as_deref().unwrap_or(delivery.bytes);
        if self.cut == 0 && Plain::is_word_begun(Role::Server, bytes) {
            self.word = begun.followed_by(delivery.bytes);
            return;
        }
        let said = Plain::recognise(bytes);
        let is_answer = match said.kind {
            PlainKind::HttpResponse(_) => true,
            PlainKind::Binary => false,
            _ => saw_client_hello && delivery.hole.is_none(),
        };
        if is_answer {
            emit(Raw::Plain(said), self.basis());
        }
    }

    /// The other side answered: what is held of this one's first word is all that it said.
    pub(in crate::tls) fn give_word_up(&mut self, emit: &mut EmitRaw<'_>) {
        if self.position != Position::Start || self.word.is_empty() {
            return;
        }
        let word = std::mem::take(&mut self.word);
        self.position = Position::Plain;
        emit(Raw::Plain(Plain::recognise(word.as_slice())), self.basis());
    }

    /// What is held of a first word, as all that there is of it.
    pub(in crate::tls) fn unfinished_word(&self) -> Option<(Plain, Basis)> {
        (!self.word.is_empty()).then(|| (Plain::recognise(self.word.as_slice()), self.basis()))
    }

    /// Decides by the first bytes what this side speaks. Returns what is left to read.
    pub(super) fn read_start<'a>(&mut self, role: Role, bytes: &'a [u8], emit: &mut EmitRaw<'_>) -> &'a [u8] {
        if !self.word.is_empty() {
            return self.read_word(role, bytes, emit);
        }
        let came_at_once = self.header.is_empty();
        let rest = self.header.fill(bytes);
        if !self.header.is_whole() && is_beginning_of_record(self.header.as_slice()) {
            return &[];
        }
        let start = std::mem::take(&mut self.header);
        let start = start.as_slice();
        let is_record = |header: &Header| !came_at_once || is_plausible(*header, bytes);
        if let Some(header) = Header::parse(start).filter(is_record) {
            self.begin_record(header);
            self.position = Position::Body { header, remaining: u32::from(header.body_len) };
            return rest;
        }
        if let Some(old) = OldHello::recognise(role, start) {
            let record = if came_at_once { bytes } else { start };
            let raw = match role {
                Role::Client => Raw::OldClientHello(Box::new(old.client_hello(record))),
                Role::Server => Raw::OldServerHello,
            };
            emit(raw, self.basis());
            self.position = Position::Boundary;
            return bytes.get(old.len..).unwrap_or_default();
        }
        if let Some(tls) = after_proxy_header(bytes) {
            return tls;
        }
        if self.cut > 0 && bytes.len() < FEWEST_TELLING_BYTES {
            self.position = Position::Lost;
            return bytes;
        }
        if self.cut == 0 && self.saw_beginning && Plain::is_word_begun(role, bytes) {
            return self.read_word(role, bytes, emit);
        }
        let said = Plain::recognise(bytes);
        if self.saw_beginning || said.kind != PlainKind::Binary {
            return self.take_plain(role, said, bytes, emit);
        }
        self.position = Position::Lost;
        bytes
    }

    /// What a side says in clear. A request for a tunnel and the answer to it may share their segment with the TLS after them. Returns what
    /// is left to read.
    fn take_plain<'a>(
        &mut self,
        role: Role,
        said: Plain,
        bytes: &'a [u8],
        emit: &mut EmitRaw<'_>,
    ) -> &'a [u8] {
        let hello = match (role, said.kind) {
            (Role::Client, PlainKind::Connect) => Some(kind::CLIENT_HELLO),
            (Role::Server, PlainKind::HttpResponse(200..=299)) => Some(kind::SERVER_HELLO),
            _ => None,
        };
        let tls = hello.and_then(|hello| Plain::after_header(bytes).filter(|rest| begins_hello(rest, hello)));
        self.position = if tls.is_some() { Position::Boundary } else { Position::Plain };
        emit(Raw::Plain(said), self.basis());
        tls.unwrap_or(bytes)
    }

    /// Reads a word that was split between segments. Returns what is left to read.
    fn read_word<'a>(&mut self, role: Role, bytes: &'a [u8], emit: &mut EmitRaw<'_>) -> &'a [u8] {
        let begun = std::mem::take(&mut self.word);
        if begun.is_empty() || Plain::is_word_begun(role, &[begun.as_slice(), first_line(bytes)].concat()) {
            self.word = begun.followed_by(bytes);
            return &[];
        }
        let said = Plain::recognise(&[begun.as_slice(), first_line(bytes)].concat());
        self.take_plain(role, said, bytes, emit)
    }
}

/// As many bytes as a first line may have.
fn first_line(bytes: &[u8]) -> &[u8] {
    bytes.get(..bytes.len().min(FIRST_LINE_BYTES)).unwrap_or_default()
}
