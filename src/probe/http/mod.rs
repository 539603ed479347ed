//! What is spoken over a connection: TLS, and HTTP requests.

mod after_handshake;
mod body;
mod chunks;
pub(super) mod demands;
pub(super) mod exchange;
pub(super) mod failure;
pub(super) mod head;
pub(super) mod offer;
mod overheard;
pub(super) mod tls;
pub(super) mod unasked;
pub(super) mod verifier;
