//! TCP as a bystander sees it: who opened, what each end sent, what the other acknowledged, what came twice or never.
//!
//! Holds sequence arithmetic over both directions of one connection, each end with its own state, and the streams of
//! delivered bytes. It works from lengths, so it follows a transcript without payloads as well as a full capture. It
//! does not know TLS and draws no conclusions.

mod arrival;
mod connection;
mod endpoint;
mod key;
mod observation;
mod order;
mod reset;
mod role;
mod sequence;
mod stream;
#[cfg(test)]
mod tests;

pub use connection::TcpConnection;
pub use endpoint::{Counters, Endpoint};
pub use key::Key;
pub use observation::{HandshakeStep, Observation, ResetFit, SegmentKind};
pub use role::{PerRole, Role};
pub use stream::{Delivery, Hole, HoleKind};
