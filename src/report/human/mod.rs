//! What people read: a timeline of packets, the same as they come, a table, a check's steps, and the parts that these share.

mod capture;
mod chain;
pub mod check;
mod collection;
pub mod decision;
pub mod follow;
mod logs;
mod notes;
mod packet;
pub mod stream;
pub mod table;
pub mod timeline;

pub use collection::Collection;
