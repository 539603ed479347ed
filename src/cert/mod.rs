//! What the certificates contain that a server sent in clear, and what a client must object to.
//!
//! [`examine`] is a pure function: of a Certificate message, the name that the client wanted, the time at which it
//! looked, and the [`Anchors`] that it may trust. It reads each certificate, and checks the chain by the rules of
//! webpki, as a client does. This room knows no sockets, no files and no clock, and it does not judge connections.

mod certificate;
mod check;
mod date;
mod fault;
mod host_name;
mod issuance;
mod key_usage;
mod objection;
mod oid;
mod pin;
pub mod revocation;
#[cfg(test)]
pub(crate) mod samples;
#[cfg(test)]
mod script;
#[cfg(test)]
mod tests;
mod trust;
mod wanted;

pub use certificate::{Certificate, Details};
pub use check::{Examination, Issuer, Verification, examine, read, verify};
pub use date::{Date, VerificationTime};
pub use fault::{Fault, Weakness, issuing_ca};
pub use key_usage::KeyUsage;
pub use pin::Pin;
pub use trust::{Anchors, Trust};
pub use wanted::{NameSource, Wanted, comparable};
