//! What the logs that are tied to the connection report of it.

use std::sync::Arc;

use crate::log::tie::Grade;
use crate::log::{Agreement, AttemptOutcome, Level, Quote, Side};
use crate::time::{Elapsed, Timestamp};

/// An attempt in a client's log, or a request in a server's, that is tied to the connection.
#[derive(Clone, PartialEq, Debug)]
pub struct LogTie {
    /// Whose log it is.
    pub side: Side,
    /// How the attempt ended, as the log's words name it.
    pub outcome: AttemptOutcome,
    /// The HTTP status that the log names.
    pub status: Option<u16>,
    /// How that compares with the connection.
    pub agreement: Agreement,
    /// Whether the client read the answer, and judges it itself.
    pub is_answer_known: bool,
    /// How sure the tie is.
    pub grade: Grade,
    /// How far the log's clock is ahead of the capture's: its zone, and its skew.
    pub zone: Elapsed,
    /// The rest of the offset.
    pub skew: Elapsed,
    /// Its lines in the log's order, one at least.
    pub lines: Vec<LogLine>,
    /// The line that names the outcome, as an index into `lines`.
    pub decisive: usize,
}

/// A line of a log.
#[derive(Clone, PartialEq, Debug)]
pub struct LogLine {
    /// The file, as the user named it.
    pub file: Arc<str>,
    /// Its number in the file, counted from 1.
    pub number: u64,
    /// Whose log it is; nothing if only its time places the line next to the connection.
    pub side: Option<Side>,
    /// When it was written, on the capture's clock.
    pub at: Timestamp,
    /// The time is anything from `at` up to this much later.
    pub precision: Elapsed,
    /// Its place among the packets: its time, or next to what it reports where both are of one second.
    pub place: Timestamp,
    /// Its level.
    pub level: Level,
    /// The class, program or container that wrote it.
    pub source: Option<Quote>,
    /// Its words.
    pub text: Quote,
}

impl LogTie {
    /// The line that names the outcome.
    pub fn line(&self) -> Option<&LogLine> {
        self.lines.get(self.decisive)
    }

    /// Whether the application refused what was asked, in an exchange that is complete on the wire, and nobody else says so.
    ///
    /// A status of 499 is nginx's for a client that gave up, and 407 is a proxy's (RFC 9110, 15.5.8).
    pub fn is_refusal(&self) -> bool {
        let is_refused = match self.outcome {
            AttemptOutcome::Denied(_) | AttemptOutcome::FeatureDenied => true,
            AttemptOutcome::Status(status) => status >= 400 && !matches!(status, 407 | 499),
            _ => false,
        };
        is_refused
            && !self.is_answer_known
            && matches!(self.agreement, Agreement::Explained(_) | Agreement::Agrees)
    }
}
