//! What logs say about the attempts that a capture shows: who refused, when nothing is wrong on the wire.
//!
//! A log is read line by line into [`Attempt`]s: what a client tried, or what a server was asked, with its beginning, its end and its
//! outcome. This room knows no packets, no connections and no format of output. Nothing of a log leaves it but through
//! [`Quote`], which covers secrets and is not escaped.
//!
//! Two shapes were considered. Reading every line into a list and looking for attempts in it is the simpler one, and its queries can be
//! written later; but a log of a gigabyte becomes three in memory, and nearly all of it is noise. So lines are borrowed, one at a time,
//! and only attempts are kept, with the few lines that they consist of. What this costs is that a question about lines has to be asked
//! before reading: [`Settings::window`] is one, so a capture is read before its logs.
//!
//! - [`grammar`]: one module for each form of line. A grammar sees one line.
//! - `attempt`: lines to attempts, by thread on a client, by client and path on a server.
//! - `stamp`, `calendar`, `clocks`: times as they are written, the years and dates that are missing, and which clock they are of.
//! - `quote`, `redact`: what may leave.

mod attempt;
mod calendar;
mod clocks;
pub mod grammar;
mod input;
mod logs;
mod quote;
mod reader;
mod redact;
mod settings;
mod stamp;
mod text;

pub use attempt::{Attempt, Line, Outcome, Peer, Service, Side};
pub use calendar::Dating;
pub use clocks::{ClockId, LogClock, LogZone};
pub use grammar::{AccessFormat, AccessFormatError, Grammar, Level};
pub use logs::{LogFile, Logs};
pub use quote::Quote;
pub use reader::{Follower, is_log, read, read_stream};
pub use settings::Settings;
