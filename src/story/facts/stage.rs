//! How far a connection got.

use std::fmt;

use schemars::JsonSchema;
use serde::Serialize;

/// The furthest point that a connection reached. TLS 1.3 hides the later ones: they are inferred.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Stage {
    /// The capture does not show the beginning.
    None,
    /// A SYN was sent.
    Syn,
    /// It was answered.
    SynAck,
    /// The TCP handshake is complete.
    TcpEstablished,
    /// The ClientHello was sent.
    ClientHello,
    /// The ServerHello came.
    ServerHello,
    /// The server said all it says before the client's Finished.
    ServerFlightComplete,
    /// The client's Finished was sent.
    ClientFinished,
    /// The TLS handshake is complete.
    TlsEstablished,
    /// Application data was sent.
    ApplicationData,
}

impl Stage {
    /// Its name, as scripts read it.
    pub fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Syn => "syn",
            Self::SynAck => "syn-ack",
            Self::TcpEstablished => "tcp-established",
            Self::ClientHello => "client-hello",
            Self::ServerHello => "server-hello",
            Self::ServerFlightComplete => "server-flight-complete",
            Self::ClientFinished => "client-finished",
            Self::TlsEstablished => "tls-established",
            Self::ApplicationData => "application-data",
        }
    }
}

impl fmt::Display for Stage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
