//! What the room tells: what each side said, and how it is known.

use serde::Serialize;

use super::alert::AlertDescription;
use super::handshake::{ClientHello, NamedGroup, ServerHello};
use super::plain::Plain;
use super::prelude::{Prelude, PreludeStep};
use crate::tcp::Role;
use crate::time::Timestamp;

/// On what a conclusion rests, strongest first.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, schemars::JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Basis {
    /// Every byte that it needs was there and in clear.
    Decoded,
    /// Some bytes were there: headers at the places that lengths predict.
    Partial,
    /// Only lengths, directions and order.
    Inferred,
}

/// Something that one side said.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Event {
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

/// What one side said.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Message {
    /// A ClientHello, the second after a HelloRetryRequest included.
    ClientHello(Box<ClientHello>),
    /// A ServerHello or a HelloRetryRequest.
    ServerHello(Box<ServerHello>),
    /// The curve of a ServerKeyExchange, with which TLS 1.2 and earlier exchange keys.
    KeyExchangeGroup(NamedGroup),
    /// The server said all that it says before the client's Finished.
    ServerFlightComplete,
    /// The client's Finished.
    ClientFinished,
    /// Both Finished were sent: application data may flow.
    Established,
    /// The client's data before the handshake is complete: TLS 1.3's early data (RFC 8446, 2.3) or a false start
    /// (RFC 7918).
    EarlyData,
    /// Application data of so many bytes of record body.
    ApplicationData(u32),
    /// An alert in clear.
    Alert {
        /// 1 is a warning, 2 is fatal.
        level: u8,
        /// Which; unknown where only its length shows that it is one.
        description: Option<AlertDescription>,
    },
    /// An encrypted record of an alert's size before the handshake was complete.
    EncryptedAlert,
    /// An encrypted record of an alert's size after it: close_notify as a rule.
    Closing,
    /// A TLS 1.3 record of a KeyUpdate's size after the handshake (RFC 8446, 4.6.3).
    KeyUpdate,
    /// The side does not speak TLS, or not yet.
    Plain(Plain),
    /// A step of what stands in front of TLS. HTTP CONNECT is told as [`Message::Plain`].
    Prelude(Prelude, PreludeStep),
}
