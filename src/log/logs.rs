//! What logs come to.

use super::attempt::{Attempt, Line, Service};
use super::clocks::LogClock;
use crate::capture::Note;
use crate::time::Timestamp;

/// What logs come to.
#[derive(Clone, Debug, Default)]
pub struct Logs {
    /// The files, in the order given.
    pub files: Vec<LogFile>,
    /// The clocks that their times are of.
    pub clocks: Vec<LogClock>,
    /// Attempts, each log's in the order of its lines.
    pub attempts: Vec<Attempt>,
    /// Lines near the capture that are part of no attempt.
    pub lines: Vec<Line>,
    /// Ports that FlexNet's daemons listen on.
    pub services: Vec<Service>,
    /// Attempts that [`limits::LOG_ATTEMPTS`](crate::limits::LOG_ATTEMPTS) or [`limits::LOG_BYTES`](crate::limits::LOG_BYTES) crowded out.
    pub crowded_out: u64,
    /// Lines near the capture beyond [`limits::LOG_LINES`](crate::limits::LOG_LINES).
    pub lines_beyond: u64,
    /// Lines whose clock is beyond [`limits::LOG_CLOCKS`](crate::limits::LOG_CLOCKS), and that are not read.
    pub clocks_beyond: u64,
    /// What was odd, each reported once.
    pub notes: Vec<Note>,
}

/// One file of the logs.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct LogFile {
    /// As the user named it; `-` is standard input.
    pub name: String,
    /// The recognised form, for people: `vmanage-server.log (gzip)`.
    pub format: String,
    /// Which files continue each other: rotated files of one log have one number.
    pub log: u16,
    /// Lines read.
    pub lines: u64,
    /// Lines placed in time, those that continue a placed one among them.
    pub placed: u64,
    /// Lines more than 27 hours from the capture.
    pub far_away: u64,
    /// Times of the first and the last line on their clocks.
    pub span: Option<(Timestamp, Timestamp)>,
}
