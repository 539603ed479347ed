//! How words, numbers and times are written in every report, and the one way by which text from the wire reaches it.

pub mod clock;
pub(super) mod ends;
pub mod escape;
#[cfg(feature = "command")]
pub(super) mod kinds;
#[cfg(feature = "command")]
pub(super) mod lookups;
pub(super) mod neighbours;
pub(super) mod numbers;
mod origins;
pub(super) mod wireshark;
#[cfg(feature = "command")]
pub(super) mod words;

pub use origins::Origins;
