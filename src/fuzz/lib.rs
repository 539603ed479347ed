//! The ways in for hostile bytes and their seeds, which the tests replay too.

#[path = "../tests/hostile/seeds.rs"]
pub mod seeds;
#[path = "../tests/hostile/targets.rs"]
mod targets;

pub use targets::*;
