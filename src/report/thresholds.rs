//! When the user wants to be alerted.

use super::digest::MonitoringDigest;
use crate::probe::Range;
use crate::time::Elapsed;
use crate::verdict::Status;

/// When the plugin's user wants to be alerted, besides what the verdicts say.
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
    /// Whether a certificate's end can raise the status.
    pub(super) fn are_set(&self) -> bool {
        self.warning.is_some() || self.critical.is_some()
    }

    /// The exit status of a capture, where the verdicts' is this. Critical is looked at before warning, and a warning does not say what
    /// is unknown.
    pub fn status(&self, digest: &MonitoringDigest, verdicts: Status) -> Status {
        let days = digest.expiry.as_ref().and_then(|expiry| expiry.days);
        let alerts =
            |range: &Option<Range>| days.is_some_and(|days| range.is_some_and(|range| range.alerts(days)));
        match verdicts {
            _ if alerts(&self.critical) => Status::Critical,
            Status::Ok if alerts(&self.warning) => Status::Warning,
            verdicts => verdicts,
        }
    }
}
