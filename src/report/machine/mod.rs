//! What programs read.

mod community_id;
#[doc(hidden)]
pub mod flat;
pub mod json;
mod lines;
mod values;
