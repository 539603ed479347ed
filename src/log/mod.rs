//! What logs say about the attempts that a capture shows: who refused, when nothing is wrong on the wire.
//!
//! A log is read line by line into [`Attempt`]s: what a client tried, or what a server was asked, with its beginning, its end and its
//! outcome. [`mod@tie`] then compares attempts with what connections did, works out how far each log's clock is from the capture's, and
//! ties those that belong together. What does not is left alone, with the reasons.
//!
//! This room knows no packets and no connections: [`mod@tie`] takes [`Exchange`]s, a plain list of times and addresses. It knows no format of
//! output either. Nothing of a log leaves it but through [`Quote`], which covers secrets and is not escaped.
//!
//! Lines are borrowed, one at a time, and only attempts are kept, with the few lines that they consist of. So a question about lines
//! has to be asked before reading: [`LogSettings::window`] is one.
//!
//! - [`grammar`]: one module for each form of line. A grammar sees one line.
//! - `attempt`: lines to attempts, by thread on a client, by client and path on a server.
//! - `stamp`, `calendar`, `clocks`: times as they are written, the years and dates that are missing, and which clock they are of.
//! - [`clock`]: the offset between a log's clock and the capture's, by votes.
//! - [`tie`](mod@tie): which attempt is which connection.
//! - `quote`, `redact`: what may leave.

mod attempt;
mod calendar;
pub mod clock;
mod clocks;
pub mod grammar;
mod input;
mod logs;
mod pair;
mod quarter;
mod quote;
mod reader;
mod redact;
mod settings;
mod stamp;
#[cfg(test)]
mod tests;
mod text;
pub mod tie;
mod wire;

pub use attempt::{Attempt, AttemptOutcome, NearbyLine, Peer, Service, Side};
pub use calendar::Dating;
pub use clocks::{ClockId, LogClock, LogZone};
pub use grammar::{AccessFormat, AccessFormatError, Grammar, Level};
pub use logs::{Latest, LogFile, Logs};
pub use pair::{Agreement, Explanation};
pub use quote::Quote;
pub use reader::{Follower, is_log, is_log_file, read, read_stream};
pub use settings::LogSettings;
pub use tie::{Ties, tie};
pub use wire::{Exchange, OwnRequest, Wire, WireOutcome};
