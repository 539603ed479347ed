//! Many servers, each checked by itself: the outcome of each, and of all together.

use std::collections::BTreeMap;
use std::io;

use super::writer::End;
use crate::analysis::Summary;
use crate::capture::About;
use crate::time::{Clock, Elapsed};
use crate::verdict::{Severity, Status};

/// A report on many servers.
pub trait Targets {
    /// Takes the outcome of the check of the next server, which has a `check` and a `target`.
    ///
    /// # Errors
    /// When the output can't be written.
    fn target(&mut self, end: &End<'_>) -> io::Result<()>;

    /// Writes what is left once all servers are checked.
    ///
    /// # Errors
    /// When the output can't be written.
    fn finish(self: Box<Self>, totals: &TargetTotals) -> io::Result<()>;
}

/// All servers in figures.
#[derive(Debug)]
pub struct TargetTotals {
    /// Servers by what their checks came to.
    pub severities: BTreeMap<Severity, u64>,
    /// How long it took, from the first check's beginning to the last one's end.
    pub elapsed: Elapsed,
    /// The connections in figures that add up.
    pub summary: Summary,
}

impl Default for TargetTotals {
    fn default() -> Self {
        let about = About { clock: Clock::Absent, ..About::default() };
        let summary = Summary { about, ..Summary::default() };
        Self { severities: BTreeMap::new(), elapsed: Elapsed::ZERO, summary }
    }
}

impl TargetTotals {
    /// Takes the outcome of a server, with the figures of its connections.
    pub fn add(&mut self, severity: Severity, of: &Summary) {
        *self.severities.entry(severity).or_default() += 1;
        let summary = &mut self.summary;
        summary.connections += of.connections;
        summary.is_redacted |= of.is_redacted;
        for (code, count) in &of.codes {
            *summary.codes.entry(*code).or_default() += count;
        }
        for (kind, count) in &of.kinds {
            *summary.kinds.entry(kind.clone()).or_default() += count;
        }
        for (severity, count) in &of.severities {
            *summary.severities.entry(*severity).or_default() += count;
            if matches!(severity, Severity::Critical | Severity::Warning) {
                summary.groups.ungrouped += count;
            }
        }
    }

    /// Servers that were checked.
    pub fn targets(&self) -> u64 {
        self.severities.values().sum()
    }

    /// Servers with this severity.
    pub fn of(&self, severity: Severity) -> u64 {
        self.severities.get(&severity).copied().unwrap_or_default()
    }

    /// What they come to: the worst. A server of which nothing is known is worse than one with a warning.
    pub fn status(&self) -> Status {
        self.severities.keys().map(|severity| Status::from(*severity)).max().unwrap_or(Status::Unknown)
    }

    /// The severities, the most urgent first.
    pub(super) fn worst(&self) -> Severity {
        let worst = self.severities.keys().max_by_key(|severity| Status::from(**severity));
        worst.copied().unwrap_or(Severity::Unknown)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_worst_server_decides_and_the_unknown_is_no_green_light() {
        use Severity::{Critical, Ok, Unknown, Warning};
        for (severities, status) in [
            (&[][..], Status::Unknown),
            (&[Ok, Ok][..], Status::Ok),
            (&[Warning, Ok][..], Status::Warning),
            (&[Ok, Unknown, Warning][..], Status::Unknown),
            (&[Unknown, Critical, Ok][..], Status::Critical),
        ] {
            let mut totals = TargetTotals::default();
            for severity in severities {
                totals.add(*severity, &Summary::default());
            }
            assert_eq!((totals.status(), totals.targets()), (status, severities.len() as u64));
        }
    }
}
