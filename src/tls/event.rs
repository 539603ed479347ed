//! What the room emits: what each side sent, and how it is known.

use std::fmt;
use std::sync::Arc;

use super::alert::AlertDescription;
use super::basis::Basis;
use super::certificates::CertificateMessage;
use super::handshake::{ClientHello, NamedGroup, ServerHello, Version};
use super::plain::Plain;
use super::prelude::{Prelude, PreludeStep};
use crate::tcp::Role;
use crate::time::Timestamp;

/// Something that one side sent.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct TlsEvent {
    /// Which side.
    pub role: Role,
    /// The packet that completed it.
    pub number: u64,
    /// When that packet was captured.
    pub at: Timestamp,
    /// How it is known.
    pub basis: Basis,
    /// What it was.
    pub message: Message,
}

/// What one side sent.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Message {
    /// A ClientHello, the second after a HelloRetryRequest included.
    ClientHello(Box<ClientHello>),
    /// A ServerHello or a HelloRetryRequest.
    ServerHello(Box<ServerHello>),
    /// The curve of a ServerKeyExchange, with which TLS 1.2 and earlier exchange keys.
    KeyExchangeGroup(NamedGroup),
    /// A Certificate message in clear, of either side. Shared, since a server sends the same on each connection.
    Certificates(Arc<CertificateMessage>),
    /// The server asks for a client certificate, in clear.
    CertificateRequest,
    /// The server sent all that it sends before the client's Finished.
    ServerFlightComplete,
    /// The client's Finished.
    ClientFinished,
    /// Both Finished were sent: application data may flow.
    Established,
    /// The client's data before the handshake is complete: TLS 1.3's early data (RFC 8446, 2.3) or a false start
    /// (RFC 7918).
    EarlyData,
    /// Application data, by the bytes of its record's body.
    ApplicationData(u32),
    /// An alert in clear.
    Alert {
        /// 1 is a warning, 2 is fatal.
        level: u8,
        /// Which; unknown if only its length shows that it is one.
        description: Option<AlertDescription>,
    },
    /// An encrypted record of an alert's size before the handshake was complete.
    EncryptedAlert,
    /// An encrypted record of an alert's size after it: close_notify as a rule.
    Closing,
    /// The same of a server that the client sent a certificate to: it may refuse that one.
    ClosingOrRefusal,
    /// The record before that was taken for a close_notify was a message of two bytes: its sender closes only now.
    ShortMessage,
    /// Up to TLS 1.2, a handshake message after the handshake: of another one, which a side asked for (RFC 5246, 7.4.1.1).
    Renegotiation,
    /// A TLS 1.3 record of a KeyUpdate's size after the handshake (RFC 8446, 4.6.3).
    KeyUpdate,
    /// What the size of the client's flight fits, where only lengths are known: one reading or several.
    SizeReadings(Vec<SizeReading>),
    /// The side does not speak TLS, or not yet.
    Plain(Plain),
    /// A step of what precedes TLS. HTTP CONNECT is a [`Message::Plain`].
    Prelude(Prelude, PreludeStep),
    /// What the client asked for in the step before is not in the server's list of what it can do.
    Unlisted,
}

/// One way to read the size of a client's flight.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct SizeReading {
    /// The TLS version.
    pub version: Version,
    /// The key exchange, where its message is part of the flight.
    pub key_exchange: Option<&'static str>,
    /// The cipher family, by the size of the Finished; in TLS 1.3 the hash.
    pub cipher: &'static str,
    /// Bytes of a close_notify in this reading.
    pub(super) close_notify: u32,
}

impl fmt::Display for SizeReading {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.version)?;
        if let Some(key_exchange) = self.key_exchange {
            write!(f, ", {key_exchange}")?;
        }
        write!(f, ", {}", self.cipher)
    }
}
