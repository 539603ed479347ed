//! What monitoring systems read, what both of these reports are made from, and the status that comes of it.

mod digest;
pub mod nagios;
pub mod prometheus;
mod range;

pub use digest::MonitoringDigest;
pub use range::{BadRange, Range};

use super::End;
use super::expiry::Expiry;
use crate::probe::PhaseDurations;
use crate::time::Elapsed;
use crate::verdict::Status;

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

impl End<'_> {
    /// In one line for people, that a certificate's end raised the status, if it did.
    pub(super) fn expiry_alert(&self) -> Option<String> {
        let expiry = self.alerting_expiry()?;
        let limit = if self.status() == Status::Warning { ("warning", "-w") } else { ("critical", "-c") };
        Some(format!("{}: {} ({})", limit.0, expiry.text(), limit.1))
    }

    /// The certificate whose end raised the status above the verdicts'.
    fn alerting_expiry(&self) -> Option<&Expiry> {
        self.digest.expiry.as_ref().filter(|_| self.status() != self.verdicts())
    }
}

impl Thresholds {
    /// The exit status, where the verdicts' is this. Critical is looked at before warning, and a warning does not tell what
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
