//! The TCP handshake, and who opened the connection.

use schemars::JsonSchema;
use serde::Serialize;

/// How it is known which end is the client.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Opening {
    /// It sent the SYN.
    Syn,
    /// The other end sent a SYN-ACK.
    SynAck,
    /// It sent the ClientHello.
    ClientHello,
    /// Only the port numbers suggest it.
    Ports,
}
