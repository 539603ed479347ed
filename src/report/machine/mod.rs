//! What programs read.

mod community_id;
pub mod json;
mod lines;
mod values;
