//! One side's stream, read as records over any split into segments, with whatever bytes are missing passed over.

mod start;

use crate::tcp::{Delivery, Role};
use crate::tls::alert::AlertDescription;
use crate::tls::basis::Basis;
use crate::tls::handshake::{ClientHello, kind};
use crate::tls::lengths;
use crate::tls::message::{HandshakeMessage, MessageReader};
use crate::tls::plain::Plain;
use crate::tls::record::{APPLICATION_DATA, ContentType, HEADER_BYTES, Header, PartialHeader};
use crate::tls::word::PartialWord;

/// What the record layer delivers, before its place in the flow gives it a meaning.
pub(in crate::tls) enum Raw<'a> {
    Handshake(HandshakeMessage<'a>),
    EncryptedHandshake,
    ChangeCipherSpec,
    Alert {
        level: u8,
        description: AlertDescription,
    },
    /// Up to TLS 1.2, with whether its sender's ChangeCipherSpec was seen.
    EncryptedAlert {
        is_after_change: bool,
    },
    ApplicationData(u16),
    /// Bytes after a record's end of which no header was captured, by their number.
    Unseen(u32),
    /// The first byte of a record of application data; what follows is [`Self::Unseen`].
    BegunData,
    OldClientHello(Box<ClientHello>),
    OldServerHello,
    Plain(Plain),
}

/// One side's stream, read as records.
#[derive(Clone, Debug)]
pub(in crate::tls) struct Reader {
    position: Position,
    /// A record header of which only the first bytes came so far.
    header: PartialHeader,
    /// The first bytes of a side that begin a word by which a protocol is recognised, as long as the rest did not come.
    word: PartialWord,
    message: MessageReader,
    protection: Protection,
    /// Whether bytes were missing since the last place that is certain.
    is_partial: bool,
    /// Bytes of the latest segment that were not captured.
    cut: u32,
    saw_beginning: bool,
    /// The first byte of an alert, where its record holds no more.
    alert_level: Option<u8>,
}

/// Whether handshake messages are encrypted, up to TLS 1.2.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Protection {
    /// No ChangeCipherSpec was seen.
    None,
    /// One was seen, and the record after it is the Finished (RFC 5246, 7.4.9).
    Begins,
    /// They are.
    On,
}

/// Where in the stream the next byte is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Position {
    /// Before the first byte.
    Start,
    /// Where a record header must begin.
    Boundary,
    /// In a record's body.
    Body { header: Header, remaining: u32 },
    /// Unknown, since a header was cut off or lost: a segment that begins with a plausible one finds it again.
    Lost,
    /// Not in TLS, or not yet.
    Plain,
}

pub(in crate::tls) type EmitRaw<'a> = dyn FnMut(Raw<'_>, Basis) -> FlowAnswer + 'a;

/// What the flow answers the reader.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(in crate::tls) enum FlowAnswer {
    Nothing,
    /// This side's ChangeCipherSpec is only there for middleboxes (RFC 8446, D.4): what follows may be in clear.
    IsCompatibility,
    /// It changes the cipher for certain, and the Finished follows at once (RFC 5246, 7.4.9).
    PrecedesFinished,
}

impl FlowAnswer {
    /// What a ChangeCipherSpec with this answer means for what follows.
    fn protection(self) -> Protection {
        match self {
            Self::Nothing => Protection::On,
            Self::IsCompatibility => Protection::None,
            Self::PrecedesFinished => Protection::Begins,
        }
    }
}

impl Reader {
    pub(in crate::tls) fn new(saw_beginning: bool) -> Self {
        Self {
            position: Position::Start,
            header: PartialHeader::default(),
            word: PartialWord::default(),
            message: MessageReader::default(),
            protection: Protection::None,
            is_partial: false,
            cut: 0,
            saw_beginning,
            alert_level: None,
        }
    }

    /// Bytes of a Certificate message in clear that has begun and is not complete, and how many of them came.
    pub(in crate::tls) fn unfinished_certificate(&self) -> Option<(u32, u32)> {
        self.message.unfinished(kind::CERTIFICATE).filter(|_| !self.is_encrypted())
    }

    pub(in crate::tls) fn message_bytes(&self) -> usize {
        self.message.held_bytes()
    }

    pub(in crate::tls) fn give_message_up(&mut self) {
        self.message.give_up();
    }

    pub(in crate::tls) fn is_at_start(&self) -> bool {
        self.position == Position::Start && self.header.is_empty() && self.word.is_empty()
    }

    pub(in crate::tls) fn is_inside_record(&self) -> bool {
        match self.position {
            Position::Body { .. } => true,
            // Whether what is held of a header there begins a record is not known yet.
            Position::Plain => false,
            _ => !self.header.is_empty(),
        }
    }

    pub(in crate::tls) fn take(
        &mut self,
        role: Role,
        delivery: &Delivery<'_>,
        saw_client_hello: bool,
        emit: &mut EmitRaw<'_>,
    ) {
        if let Some(hole) = delivery.hole {
            self.skip(hole.len, emit);
        }
        self.cut = delivery.len.saturating_sub(delivery.bytes.len() as u32);
        self.find_again(role, delivery.bytes, saw_client_hello);
        if self.position == Position::Plain && role == Role::Server {
            self.take_plain_answer(delivery, saw_client_hello, emit);
        }
        self.read(role, delivery.bytes, emit);
        if self.cut > 0 {
            self.skip(self.cut, emit);
        }
    }

    fn read(&mut self, role: Role, mut bytes: &[u8], emit: &mut EmitRaw<'_>) {
        while !bytes.is_empty() {
            match self.position {
                Position::Lost | Position::Plain => return,
                Position::Start => bytes = self.read_start(role, bytes, emit),
                Position::Boundary => {
                    let header = match bytes.split_first_chunk::<HEADER_BYTES>() {
                        Some((header, rest)) if self.header.is_empty() => {
                            bytes = rest;
                            Header::parse(header)
                        }
                        _ => {
                            bytes = self.header.fill(bytes);
                            if !self.header.is_whole() {
                                return;
                            }
                            Header::parse(std::mem::take(&mut self.header).as_slice())
                        }
                    };
                    self.position = match header {
                        Some(header) => {
                            self.begin_record(header);
                            Position::Body { header, remaining: u32::from(header.body_len) }
                        }
                        None => Position::Lost,
                    };
                    self.end_record_if_done(emit);
                }
                Position::Body { header, remaining } => {
                    let (body, rest) = bytes.split_at(bytes.len().min(remaining as usize));
                    bytes = rest;
                    self.position = Position::Body { header, remaining: remaining - body.len() as u32 };
                    self.read_body(header, body, emit);
                    self.end_record_if_done(emit);
                }
            }
        }
    }

    fn begin_record(&mut self, header: Header) {
        if header.content == ContentType::Handshake && self.message.is_lost {
            // A message begins where its record does, unless it was split, which plausible headers show.
            self.message.forget();
        }
        if header.content == ContentType::Alert {
            self.message.forget();
        }
    }

    fn read_body(&mut self, header: Header, body: &[u8], emit: &mut EmitRaw<'_>) {
        let basis = self.basis();
        match header.content {
            ContentType::Handshake if !self.is_encrypted() => {
                self.message.read(body, &mut |message| {
                    emit(Raw::Handshake(message), basis);
                });
            }
            ContentType::Alert if header.body_len <= 2 => self.message.read_alert(body),
            _ => {}
        }
    }

    fn end_record_if_done(&mut self, emit: &mut EmitRaw<'_>) {
        let Position::Body { header, remaining: 0 } = self.position else { return };
        self.position = Position::Boundary;
        let basis = self.basis();
        match header.content {
            ContentType::Handshake if self.is_encrypted() => {
                self.protection = Protection::On;
                emit(Raw::EncryptedHandshake, basis);
            }
            ContentType::Handshake => {
                self.message.end_record(header.body_len.into(), &mut |message| {
                    emit(Raw::Handshake(message), Basis::Partial);
                });
            }
            ContentType::ChangeCipherSpec => {
                self.protection = emit(Raw::ChangeCipherSpec, basis).protection();
            }
            ContentType::Alert if header.body_len == 2 => {
                if let Some((level, description)) = self.message.take_alert() {
                    emit(Raw::Alert { level, description }, basis);
                }
            }
            // RFC 5246, 6.2.1: a message may be split over records.
            ContentType::Alert if header.body_len == 1 && !self.is_encrypted() => {
                match (self.alert_level.take(), self.message.take_alert_byte()) {
                    (Some(level), Some(description)) => {
                        emit(Raw::Alert { level, description: AlertDescription(description) }, basis);
                    }
                    (None, level) => self.alert_level = level,
                    (Some(_), None) => {}
                }
            }
            ContentType::Alert => {
                emit(Raw::EncryptedAlert { is_after_change: self.is_encrypted() }, basis);
            }
            ContentType::ApplicationData => {
                emit(Raw::ApplicationData(header.body_len), basis);
            }
            ContentType::Heartbeat => {}
        }
    }

    /// Passes over bytes that are not there. Inside a record its length shows where the next one begins.
    fn skip(&mut self, mut len: u32, emit: &mut EmitRaw<'_>) {
        self.is_partial = true;
        match self.position {
            Position::Plain => {
                (self.header, self.word) = (PartialHeader::default(), PartialWord::default());
                return;
            }
            Position::Body { header, remaining } => {
                let skipped = len.min(remaining);
                len -= skipped;
                self.position = Position::Body { header, remaining: remaining - skipped };
                if header.content == ContentType::Handshake && !self.is_encrypted() {
                    self.message.skip(skipped, &mut |message| {
                        emit(Raw::Handshake(message), Basis::Partial);
                    });
                }
                self.end_record_if_done(emit);
            }
            Position::Start | Position::Boundary | Position::Lost => {}
        }
        if len > 0 {
            self.skip_records(len, emit);
        }
    }

    /// Passes over bytes that hold whole records, or parts of them, of which no header is to be seen.
    fn skip_records(&mut self, len: u32, emit: &mut EmitRaw<'_>) {
        let after_record = self.position == Position::Boundary;
        let unseen = len.saturating_add(self.header.len() as u32);
        let at_boundary = after_record && self.header.is_empty();
        let saw_server_hello = self.message.last == Some(kind::SERVER_HELLO);
        if at_boundary && saw_server_hello && len == lengths::CHANGE_CIPHER_SPEC {
            // An abbreviated handshake whose Finished is in the next segment, or TLS 1.3's, where it means nothing.
            self.protection = emit(Raw::ChangeCipherSpec, Basis::Inferred).protection();
            return;
        }
        let with_change = unseen.saturating_add(lengths::CHANGE_CIPHER_SPEC);
        let is_finished = self.protection == Protection::Begins && with_change >= lengths::CIPHER_CHANGE;
        if after_record && is_finished {
            self.protection = Protection::On;
            self.header = PartialHeader::default();
            emit(Raw::EncryptedHandshake, Basis::Inferred);
            let is_all = lengths::is_cipher_change(with_change);
            self.position = if is_all { Position::Boundary } else { Position::Lost };
            return;
        }
        let ends_flight = match self.message.last {
            Some(kind::CLIENT_KEY_EXCHANGE | kind::NEW_SESSION_TICKET) => true,
            // An abbreviated handshake: right after the ServerHello, where a certificate would be larger.
            Some(kind::SERVER_HELLO) => lengths::is_cipher_change(len),
            _ => false,
        };
        let may_hold_finished =
            at_boundary && ends_flight && !self.is_encrypted() && len >= lengths::CIPHER_CHANGE;
        let begun = std::mem::take(&mut self.header);
        self.position = Position::Lost;
        self.message.is_lost = true;
        if may_hold_finished {
            // RFC 5246, 7.3: after these messages only a CertificateVerify can precede the ChangeCipherSpec, and the
            // Finished follows it.
            if emit(Raw::ChangeCipherSpec, Basis::Inferred) == FlowAnswer::IsCompatibility {
                // In TLS 1.3, as is known from elsewhere, these are other records.
                return;
            }
            emit(Raw::EncryptedHandshake, Basis::Inferred);
            self.protection = Protection::On;
            if lengths::is_cipher_change(len) {
                self.position = Position::Boundary;
            }
        } else if after_record {
            if begun.as_slice().first() == Some(&APPLICATION_DATA) {
                emit(Raw::BegunData, Basis::Inferred);
            }
            emit(Raw::Unseen(unseen), Basis::Inferred);
        }
    }

    fn is_encrypted(&self) -> bool {
        self.protection != Protection::None
    }

    fn basis(&self) -> Basis {
        if self.is_partial { Basis::Partial } else { Basis::Decoded }
    }
}

/// Whether a segment begins with a record that begins with a handshake message of that kind.
pub(in crate::tls) fn begins_hello(bytes: &[u8], wanted: u8) -> bool {
    Header::parse(bytes).is_some_and(|header| {
        header.content == ContentType::Handshake && bytes.get(HEADER_BYTES) == Some(&wanted)
    })
}
