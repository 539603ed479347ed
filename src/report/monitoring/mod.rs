//! What monitoring systems read, what both of these reports are made from, and the status that comes of it.

pub mod nagios;
pub mod prometheus;
mod range;
mod worst;

pub use range::{BadRange, Range};
use worst::Expiry;
pub use worst::Worst;

use crate::analysis::Summary;
use crate::capture::ReadError;
use crate::probe::{Outcome, PhaseDurations};
use crate::time::Elapsed;
use crate::verdict::Status;

/// A capture or an attempt, as monitoring sees it.
#[derive(Clone, Copy, Debug)]
pub struct Monitored<'a> {
    /// Its worst connection.
    pub worst: &'a Worst,
    /// Its figures.
    pub summary: &'a Summary,
    /// The exit status that goes with the report.
    pub status: Status,
    /// Files that could not be read at all.
    pub unopened: &'a [ReadError],
    /// What was to be watched, in the user's words.
    pub target: Option<&'a str>,
    /// When to alert.
    pub thresholds: &'a Thresholds,
    /// The attempt whose connections these are.
    pub attempt: Option<Attempt<'a>>,
}

/// An attempt at a server.
#[derive(Clone, Copy, Debug)]
pub struct Attempt<'a> {
    /// What came of it.
    pub outcome: &'a Outcome,
    /// How much is wanted beside the status line: 1 what happened and why, 2 what to do as well, 3 the steps as well.
    pub verbosity: u8,
}

/// When the plugin's user wants to be alerted, beside what the verdicts say.
#[derive(Clone, Default, Debug)]
pub struct Thresholds {
    /// A warning by the days that the first certificate to end has left.
    pub warning: Option<Range>,
    /// A critical state by the same.
    pub critical: Option<Range>,
    /// Later than this after its SYN, TLS is slow.
    pub slow_after: Elapsed,
}

impl Monitored<'_> {
    /// In one line for people, that a certificate's end raised the status, if it did.
    pub fn expiry_alert(&self) -> Option<String> {
        let expiry = self.ending()?;
        let limit = if self.status == Status::Warning { ("warning", "-w") } else { ("critical", "-c") };
        Some(format!("{}: {} ({})", limit.0, expiry.told(), limit.1))
    }

    /// The certificate whose end raised the status above the verdicts'.
    pub(super) fn ending(&self) -> Option<&Expiry> {
        let verdicts = match self.attempt {
            Some(attempt) => attempt.outcome.status(),
            None => self.summary.status(),
        };
        let raised = self.thresholds.status(self.worst, verdicts);
        self.worst.expiry.as_ref().filter(|_| raised != verdicts && raised == self.status)
    }
}

impl Thresholds {
    /// The exit status, where the verdicts' is this. Critical is looked at before warning, and a warning does not tell what
    /// is unknown.
    pub fn status(&self, worst: &Worst, verdicts: Status) -> Status {
        let days = worst.expiry.as_ref().and_then(|expiry| expiry.days);
        let alerts =
            |range: &Option<Range>| days.is_some_and(|days| range.is_some_and(|range| range.alerts(days)));
        match verdicts {
            _ if alerts(&self.critical) => Status::Critical,
            Status::Ok if alerts(&self.warning) => Status::Warning,
            verdicts => verdicts,
        }
    }
}

/// The parts of an attempt that there were, with how long they took.
pub(super) fn phases(spent: &PhaseDurations) -> impl Iterator<Item = (&'static str, Elapsed)> {
    let phases = [
        ("dns", spent.dns),
        ("connect", spent.connect),
        ("tls", spent.tls),
        ("token", spent.token),
        ("page", spent.page),
    ];
    phases.into_iter().filter_map(|(phase, elapsed)| Some((phase, elapsed?)))
}
