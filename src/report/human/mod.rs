//! What people read: a timeline of packets, the same as they come, a table, a check's steps, and the parts that these share.

mod among;
pub mod batch;
mod before;
mod capture;
mod chain;
pub mod check;
mod collection;
pub mod decision;
mod dropped;
mod example;
mod fold;
pub mod follow;
mod glyphs;
pub mod grid;
pub mod html;
mod judgement;
mod ladder;
mod logs;
mod lookup;
pub mod markdown;
mod notes;
mod overview;
mod packet;
mod page;
mod prose;
mod row;
mod rows;
mod segment;
pub mod stream;
mod strip;
pub mod table;
pub(super) mod targets;
pub mod timeline;

pub use collection::{Collected, Collection};
