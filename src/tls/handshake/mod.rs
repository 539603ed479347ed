//! Handshake messages: their types, and the contents of the hellos, with the names of the numbers in them.

mod client_hello;
mod fields;
mod group;
mod ja4;
pub(crate) mod kind;
mod old_hello;
mod server_hello;
mod suite;
mod version;

pub use client_hello::ClientHello;
pub use group::NamedGroup;
pub(crate) use group::of_server_key_exchange;
pub(super) use old_hello::OldHello;
pub(crate) use server_hello::RETRY_RANDOM;
pub use server_hello::ServerHello;
pub use suite::CipherSuite;
pub use version::Version;
