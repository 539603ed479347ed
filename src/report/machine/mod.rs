//! What programs read.

mod community_id;
pub mod flat;
pub mod json;
mod lines;
mod values;
