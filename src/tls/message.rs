//! Handshake messages over any split into records, and alerts.

use super::alert::AlertDescription;
use super::handshake::kind;
use crate::limits;

/// Handshake messages over any split into records, and alerts of two bytes.
#[derive(Clone, Debug, Default)]
pub(super) struct MessageReader {
    /// The current message: header and body as far as both came.
    bytes: Vec<u8>,
    /// Bytes of it that are not there, after those in `bytes`.
    missing: u32,
    /// Whether the place in the stream of messages is unknown.
    pub(super) is_lost: bool,
    /// The type of the last message that ended.
    pub(super) last: Option<u8>,
}

/// A handshake message as far as it was captured.
#[derive(Clone, Copy, Debug)]
pub(super) struct HandshakeMessage<'a> {
    /// Its type.
    pub(super) kind: u8,
    /// Bytes of its body on the wire.
    pub(super) len: u32,
    /// The body's first bytes.
    pub(super) body: &'a [u8],
    /// Whether they are all of it.
    pub(super) is_whole: bool,
}

/// Takes messages as they are completed.
pub(super) type EmitMessage<'a> = dyn FnMut(HandshakeMessage<'_>) + 'a;

impl MessageReader {
    const HEADER_BYTES: usize = 4;

    /// Begins again at a record's first byte.
    pub(super) fn forget(&mut self) {
        *self = Self { last: self.last, ..Self::default() };
    }

    fn len(&self) -> Option<u32> {
        let [_, high, middle, low, ..] = *self.bytes.as_slice() else { return None };
        Some(u32::from_be_bytes([0, high, middle, low]))
    }

    pub(super) fn read(&mut self, mut body: &[u8], emit: &mut EmitMessage<'_>) {
        while !body.is_empty() && !self.is_lost {
            if let Some((message, rest)) = self.whole_message(body) {
                let (header, content) = message.split_at(Self::HEADER_BYTES);
                self.last = Some(header[0]);
                emit(HandshakeMessage {
                    kind: header[0],
                    len: content.len() as u32,
                    body: content,
                    is_whole: true,
                });
                body = rest;
                continue;
            }
            let Some(len) = self.len() else {
                let (taken, rest) = body.split_at(body.len().min(Self::HEADER_BYTES - self.bytes.len()));
                self.bytes.extend_from_slice(taken);
                body = rest;
                if self.bytes.first().is_some_and(|kind| !kind::is_known(*kind)) {
                    self.is_lost = true;
                }
                self.emit_if_done(emit);
                continue;
            };
            let remaining = self.remaining(len);
            let (taken, rest) = body.split_at(body.len().min(remaining as usize));
            body = rest;
            let room = limits::HANDSHAKE_MESSAGE_BYTES.saturating_sub(self.bytes.len());
            let is_contiguous = self.missing == 0;
            let kept = if is_contiguous { taken.len().min(room) } else { 0 };
            self.bytes.extend_from_slice(&taken[..kept]);
            self.missing += (taken.len() - kept) as u32;
            self.emit_if_done(emit);
        }
    }

    /// A message that is whole in these bytes, and what follows it: most are, and need not be put together.
    fn whole_message<'a>(&self, bytes: &'a [u8]) -> Option<(&'a [u8], &'a [u8])> {
        let &[kind, high, middle, low, ..] = bytes else { return None };
        let len = Self::HEADER_BYTES + u32::from_be_bytes([0, high, middle, low]) as usize;
        let is_between_messages = self.bytes.is_empty() && self.missing == 0;
        let is_usual = kind::is_known(kind) && len <= limits::HANDSHAKE_MESSAGE_BYTES;
        (is_between_messages && is_usual).then(|| bytes.split_at_checked(len)).flatten()
    }

    pub(super) fn skip(&mut self, len: u32, emit: &mut EmitMessage<'_>) {
        if self.is_lost {
            return;
        }
        match self.len() {
            Some(message_len) if self.remaining(message_len) >= len => {
                self.missing += len;
                self.emit_if_done(emit);
            }
            Some(message_len) => {
                // The message ends in what is missing; where the next one begins is not to be seen.
                self.missing += self.remaining(message_len);
                self.emit_if_done(emit);
                self.is_lost = true;
            }
            None => self.is_lost = len > 0,
        }
    }

    /// A record of `body_len` bytes ends. If a message's length was cut off, its record's length is the best guess:
    /// these fill their records as a rule.
    pub(super) fn end_record(&mut self, body_len: u32, emit: &mut EmitMessage<'_>) {
        let is_cut_in_header = self.is_lost && self.missing == 0 && self.len().is_none();
        let fills_record = |kind: &u8| {
            matches!(
                *kind,
                kind::CLIENT_HELLO
                    | kind::SERVER_HELLO
                    | kind::SERVER_HELLO_DONE
                    | kind::CLIENT_KEY_EXCHANGE
                    | kind::NEW_SESSION_TICKET
            )
        };
        if let Some(kind) = self.bytes.first().copied().filter(fills_record)
            && is_cut_in_header
        {
            self.bytes.clear();
            self.last = Some(kind);
            let len = body_len.saturating_sub(Self::HEADER_BYTES as u32);
            emit(HandshakeMessage { kind, len, body: &[], is_whole: false });
        }
    }

    /// Bytes held.
    pub(super) fn held_bytes(&self) -> usize {
        self.bytes.capacity()
    }

    /// Gives up the message's body, which then counts as missing.
    pub(super) fn give_up(&mut self) {
        self.missing += self.bytes.len().saturating_sub(Self::HEADER_BYTES) as u32;
        self.bytes.truncate(Self::HEADER_BYTES);
        self.bytes.shrink_to_fit();
    }

    fn remaining(&self, len: u32) -> u32 {
        (len + Self::HEADER_BYTES as u32).saturating_sub(self.bytes.len() as u32 + self.missing)
    }

    fn emit_if_done(&mut self, emit: &mut EmitMessage<'_>) {
        let Some(len) = self.len() else { return };
        if self.remaining(len) == 0 {
            self.last = Some(self.bytes[0]);
            let (kind, body) = (self.bytes[0], &self.bytes[Self::HEADER_BYTES..]);
            emit(HandshakeMessage { kind, len, body, is_whole: self.missing == 0 });
            // Not only emptied: a connection has few messages, and there may be many connections.
            self.bytes = Vec::new();
            self.missing = 0;
        }
    }

    /// Bytes of a message of this type that has begun and is not complete, its header included, and how many of them came.
    pub(super) fn unfinished(&self, wanted: u8) -> Option<(u32, u32)> {
        let is_meant = !self.is_lost && self.bytes.first() == Some(&wanted);
        let len = self.len().filter(|_| is_meant)? + Self::HEADER_BYTES as u32;
        Some((len, self.bytes.len() as u32 + self.missing))
    }

    pub(super) fn read_alert(&mut self, body: &[u8]) {
        self.bytes.extend_from_slice(&body[..body.len().min(2)]);
    }

    /// The byte of a record that holds half an alert.
    pub(super) fn take_alert_byte(&mut self) -> Option<u8> {
        let byte = match *self.bytes.as_slice() {
            [byte] => Some(byte),
            _ => None,
        };
        self.forget();
        byte
    }

    pub(super) fn take_alert(&mut self) -> Option<(u8, AlertDescription)> {
        let alert = match *self.bytes.as_slice() {
            [level, description] => Some((level, AlertDescription(description))),
            _ => None,
        };
        self.forget();
        alert
    }
}
