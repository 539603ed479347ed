//! The ways in for hostile bytes, which the tests replay too.

#[path = "../hostile/targets.rs"]
mod targets;

pub use targets::*;
