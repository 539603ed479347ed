//! What both reports for monitoring are made from, and the status that comes of it.

use super::range::Range;
use super::worst::Worst;
use crate::analysis::Summary;
use crate::capture::ReadError;
use crate::time::Elapsed;

/// The capture, as monitoring sees it.
#[derive(Clone, Copy, Debug)]
pub struct Monitored<'a> {
    /// Its worst connection.
    pub worst: &'a Worst,
    /// Its figures.
    pub summary: &'a Summary,
    /// The exit status that goes with the report.
    pub status: u8,
    /// Files that could not be read at all.
    pub unopened: &'a [ReadError],
    /// What was to be watched, in the user's words.
    pub target: Option<&'a str>,
    /// When to alert.
    pub thresholds: &'a Thresholds,
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

impl Thresholds {
    /// The exit status, where the verdicts' is this. Critical is looked at before warning, and a warning does not tell what
    /// is unknown.
    pub fn status(&self, worst: &Worst, verdicts: u8) -> u8 {
        const WARNING: u8 = 1;
        const CRITICAL: u8 = 2;
        let days = worst.expiry.as_ref().and_then(|expiry| expiry.days);
        let alerts =
            |range: &Option<Range>| days.is_some_and(|days| range.is_some_and(|range| range.alerts(days)));
        match verdicts {
            _ if alerts(&self.critical) => CRITICAL,
            0 if alerts(&self.warning) => WARNING,
            verdicts => verdicts,
        }
    }

    /// Whether the certificate is what raised the status above the verdicts'.
    pub(super) fn raise(&self, worst: &Worst, summary: &Summary, status: u8) -> bool {
        status != summary.exit_status() && self.status(worst, summary.exit_status()) == status
    }
}
