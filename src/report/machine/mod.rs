//! What programs read.

mod community_id;
#[doc(hidden)]
pub mod flat;
pub mod json;
mod lines;
#[cfg(feature = "command")]
mod report;
mod values;
