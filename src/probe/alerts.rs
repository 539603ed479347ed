//! When a check alerts although the server answers.

use super::range::Range;
use crate::time::Elapsed;
use crate::verdict::Severity;

/// When the user wants to be alerted, in addition to what the verdicts mean.
#[derive(Clone, Copy, PartialEq, Debug, Default)]
pub struct Alerts {
    /// A warning by the days that the first certificate to end has left.
    pub expiry_warning: Option<Range>,
    /// A critical state by the same.
    pub expiry_critical: Option<Range>,
    /// A warning when the whole attempt took longer.
    pub time_warning: Option<Elapsed>,
    /// A critical state when it did.
    pub time_critical: Option<Elapsed>,
}

impl Alerts {
    /// The severity of a certificate that ends in this many days, and the threshold that decides it.
    pub fn of_days(&self, days: f64) -> Option<(Severity, Range)> {
        let alerting = |range: Option<Range>| range.filter(|range| range.alerts(days));
        let critical = alerting(self.expiry_critical).map(|range| (Severity::Critical, range));
        critical.or_else(|| alerting(self.expiry_warning).map(|range| (Severity::Warning, range)))
    }

    /// What it means that the attempt took this long, and the threshold that decides.
    pub fn of_time(&self, spent: Elapsed) -> Option<(Severity, Elapsed)> {
        let alerting = |most: Option<Elapsed>| most.filter(|most| spent > *most);
        let critical = alerting(self.time_critical).map(|most| (Severity::Critical, most));
        critical.or_else(|| alerting(self.time_warning).map(|most| (Severity::Warning, most)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn critical_comes_before_warning() {
        let range = |text| Range::of_what_is_left(text).ok();
        let seconds = |number: i64| Some(Elapsed::from_millis(number * 1_000));
        let alerts = Alerts {
            expiry_warning: range("30"),
            expiry_critical: range("7"),
            time_warning: seconds(2),
            time_critical: seconds(5),
        };
        for (days, severity) in
            [(40.0, None), (20.0, Some(Severity::Warning)), (-1.0, Some(Severity::Critical))]
        {
            assert_eq!(alerts.of_days(days).map(|(severity, _)| severity), severity, "{days}");
        }
        for (spent, severity) in [(2, None), (3, Some(Severity::Warning)), (6, Some(Severity::Critical))] {
            let spent = Elapsed::from_millis(spent * 1_000);
            assert_eq!(alerts.of_time(spent).map(|(severity, _)| severity), severity, "{spent}");
        }
        assert_eq!((Alerts::default().of_days(-1.0), Alerts::default().of_time(Elapsed::ZERO)), (None, None));
    }
}
