//! What programs read.

pub mod json;
