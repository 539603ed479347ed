//! What watches an analysis on the command's behalf, between it and the report: progress on a terminal, and a capture that is
//! still being written.

pub mod follow;
pub mod progress;
