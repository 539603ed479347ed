//! What can be wrong before a connection and above it, where no packets show it.
//!
//! Each reason is one file: its code, and a pure function from the outcome of a check to the conclusion. Its page for
//! people who want to know more is in `docs/reasons`. `addresses`, `rejected` and `slow` conclude with codes of verdicts.

mod addresses;
mod certificate_expiring;
mod name_unknown;
mod not_sent;
mod nothing_done;
mod page_unexpected;
mod rejected;
mod resolver_failed;
mod resolver_silent;
mod slow;
#[cfg(test)]
mod tests;

use super::outcome::{CheckOutcome, Conclusion};
use crate::verdict::{RULES, Severity, Status};

/// A reason: its code, and when it applies.
#[derive(Clone, Copy)]
pub struct Reason {
    /// The code, as the name of its doc page.
    pub code: &'static str,
    /// What it means for the exit status.
    pub severity: Severity,
    /// Its meaning, in one sentence.
    pub summary: &'static str,
    /// The doc page, in Markdown.
    pub page: &'static str,
    /// The conclusion; `None` if the reason does not apply.
    pub conclude: fn(&CheckOutcome) -> Option<Conclusion>,
}

/// Every reason, in the order of the path.
pub const REASONS: [Reason; 7] = [
    name_unknown::REASON,
    resolver_failed::REASON,
    resolver_silent::REASON,
    not_sent::REASON,
    page_unexpected::REASON,
    certificate_expiring::REASON,
    nothing_done::REASON,
];

/// The code of a verdict or of a reason with this name, and its severity.
pub fn severity_of(name: &str) -> Option<(&'static str, Severity)> {
    let verdicts = RULES.iter().map(|rule| (rule.code.name(), rule.severity));
    let reasons = REASONS.iter().map(|reason| (reason.code, reason.severity));
    verdicts.chain(reasons).find(|(code, _)| *code == name)
}

/// How many of them come before any connection.
const BEFORE_CONNECTIONS: usize = 4;

impl CheckOutcome {
    /// What follows from all of it: of the gravest faults the first on the way from name to page.
    pub fn conclusion(&self) -> Conclusion {
        let (before, above) = REASONS.split_at(BEFORE_CONNECTIONS);
        let of = |reasons: &'static [Reason]| reasons.iter().filter_map(|reason| (reason.conclude)(self));
        let connections = self.connections.iter().enumerate();
        let connections = connections.map(|(index, judged)| addresses::of_connection(self, index, judged));
        let answers = rejected::conclude(self).into_iter();
        let times = slow::conclude(self).into_iter();
        let all = of(before).chain(connections).chain(answers).chain(of(above)).chain(times);
        let mut all: Vec<_> = all.map(|conclusion| self.mapped(conclusion)).collect();
        if all.len() > 1 && self.connections.is_empty() {
            // What kept the check from doing anything says more.
            all.retain(|conclusion| conclusion.reason != nothing_done::REASON.code);
        }
        // What can't be known comes before a warning, which does not settle it.
        [Severity::Critical, Severity::Unknown, Severity::Warning, Severity::Ok]
            .into_iter()
            .find_map(|severity| {
                let mut of_it = all.iter().filter(|conclusion| conclusion.severity == severity);
                // A fault that --state calls ok is not hidden by what is well.
                of_it.clone().find(|conclusion| !conclusion.is_well()).or_else(|| of_it.next()).cloned()
            })
            .unwrap_or_else(|| self.mapped(nothing_done::conclusion()))
    }

    /// The other addresses that TCP did not open either, in words that follow those about the one of the connection with this index.
    pub fn fail_too(&self, connection: usize) -> Option<String> {
        addresses::fail_too(self, self.connections.get(connection)?)
    }

    /// What the attempt comes to.
    pub fn status(&self) -> Status {
        self.conclusion().severity.into()
    }
}
