//! What an attempt did and what came back, as it is shown.

use crate::time::Timestamp;

/// What the probe is at.
#[derive(
    Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, serde::Serialize, schemars::JsonSchema,
)]
#[serde(rename_all = "lowercase")]
pub enum Phase {
    /// Finding the host's addresses.
    Dns,
    /// Opening a TCP connection.
    Tcp,
    /// Asking a proxy for a tunnel.
    Proxy,
    /// Asking the server for TLS, in the words of its protocol.
    StartTls,
    /// The TLS handshake.
    Tls,
    /// Asking for an access token.
    Oauth,
    /// Asking for a page.
    Http,
}

/// One step.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Step {
    /// Its number, counted from 1.
    pub number: u64,
    /// When it was done, or came back.
    pub at: Timestamp,
    /// What it belongs to.
    pub phase: Phase,
    /// What was done or came, in words. A peer's text is raw in it.
    pub text: String,
    /// Bytes that were received, where it is nothing but that.
    pub received: Option<u64>,
}
