//! What is spoken over a connection: a proxy's tunnel, TLS, and HTTP requests.

pub(super) mod exchange;
pub(super) mod offer;
pub(super) mod proxy;
pub(super) mod tls;
pub(super) mod verifier;
