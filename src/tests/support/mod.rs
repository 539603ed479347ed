//! What all test binaries share: one way to run the command, one way to find the test captures, one to read the sources, one source of
//! random numbers, and one network made of namespaces.
#![allow(dead_code, reason = "each test binary uses a part of it")]

pub mod lab;
pub mod originals;
pub mod random;
pub mod run;
pub mod situations;
pub mod sources;
