//! The facts that a story consists of, by subject. Each is plain data, and says itself how a packet changes it.

mod prelude;

pub use prelude::PreludeFacts;
