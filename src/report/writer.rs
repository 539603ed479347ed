//! What every report is: it takes connections, and is finished with what is known at the end.

use std::io::{self, Write};
use std::sync::LazyLock;

use super::digest::MonitoringDigest;
use super::expiry::Expiry;
use super::thresholds::Thresholds;
use crate::analysis::{LogSummary, Sink, Summary};
use crate::capture::{ReadError, Target};
use crate::probe::CheckOutcome;
use crate::verdict::Status;

/// A report that is being written. It takes connections as they are judged.
pub trait Report: Sink {
    /// Writes what is left once everything is known.
    ///
    /// # Errors
    /// When the output can't be written.
    fn finish(self: Box<Self>, end: &End<'_>) -> io::Result<()>;

    /// What goes to standard error and not into the report: which bound of its own it reached.
    fn remark(&self) -> Option<String> {
        None
    }
}

/// Where a report goes. Both lead to the same place: a report that writes to both flushes the one before it continues with the
/// other.
pub struct Out<'o> {
    /// Takes text without styles.
    pub plain: Box<dyn Write + Send + 'o>,
    /// Takes text with styles, and takes them out where they are not wanted.
    pub styled: Box<dyn Write + Send + 'o>,
}

/// What is known when all connections were judged.
#[derive(Clone, Copy, Debug)]
pub struct End<'a> {
    /// The capture, or the check's connections, in figures.
    pub summary: &'a Summary,
    /// Files that could not be read at all.
    pub unopened: &'a [ReadError],
    /// The check whose connections these are.
    pub check: Option<CheckResult<'a>>,
    /// What monitoring needs of the connections.
    pub digest: &'a MonitoringDigest,
    /// When the user wants to be alerted.
    pub thresholds: &'a Thresholds,
    /// What was to be watched, in the user's words.
    pub target: Option<&'a str>,
    /// The selection, which may bound how many servers there can be.
    pub selected: Option<&'a Target>,
    /// How to make the report again.
    pub provenance: &'a Provenance,
}

/// How a report came about, so that somebody else can make it again.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Provenance {
    /// The command as it was typed; empty if it is unknown.
    pub command: String,
    /// Each input's name with its SHA-256 in hexadecimal, or with why it has none.
    pub inputs: Vec<(String, Result<String, String>)>,
}

/// An active check.
#[derive(Clone, Copy, Debug)]
pub struct CheckResult<'a> {
    /// The outcome.
    pub outcome: &'a CheckOutcome,
    /// How much is wanted besides a plugin's status line: 1 what happened and why, 2 what to do as well, 3 the steps as well.
    pub verbosity: u8,
}

/// What an end has of which nothing is known.
static NOTHING: LazyLock<(MonitoringDigest, Thresholds, Provenance)> = LazyLock::new(Default::default);

impl<'a> End<'a> {
    /// The end of what these figures are about, of which nothing else is known or wanted.
    pub fn of(summary: &'a Summary) -> Self {
        let (digest, thresholds, provenance) = &*NOTHING;
        Self {
            summary,
            unopened: &[],
            check: None,
            digest,
            thresholds,
            target: None,
            selected: None,
            provenance,
        }
    }
}

impl End<'_> {
    /// What it all comes to.
    pub fn status(&self) -> Status {
        match self.check {
            Some(check) => check.outcome.status(),
            None => self.thresholds.status(self.digest, self.verdicts()),
        }
    }

    /// What the verdicts come to, thresholds aside.
    pub fn verdicts(&self) -> Status {
        if let Some(check) = &self.check {
            return check.outcome.status();
        }
        if let Some(logs) = self.logs_alone() {
            return if self.unopened.is_empty() || logs.status() == Status::Critical {
                logs.status()
            } else {
                Status::Unknown
            };
        }
        let is_unread = self.summary.error.is_some() || !self.unopened.is_empty();
        Status::of(self.summary.found(), is_unread)
    }

    /// The logs, where there is no capture with them.
    pub(super) fn logs_alone(&self) -> Option<&LogSummary> {
        self.summary.logs.as_deref().filter(|_| {
            self.check.is_none() && self.summary.about.files.is_empty() && self.summary.packets == 0
        })
    }

    /// The certificate whose end raised the status above the verdicts'. A check's conclusion has this in it.
    pub(super) fn alerting_expiry(&self) -> Option<&Expiry> {
        self.digest.expiry.as_ref().filter(|_| self.status() != self.verdicts())
    }
}
