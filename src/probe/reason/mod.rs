//! What can be wrong before a connection and above it, where no packets show it.
//!
//! Each reason is one file: its code, and a pure function from what came of an attempt to the conclusion. Its page for
//! people who want to know more is in `docs/reasons`.

mod name_unknown;
mod not_sent;
mod nothing_done;
mod page_unexpected;
mod resolver_failed;
mod resolver_silent;
mod token_refused;

use super::outcome::{Conclusion, Outcome};
use crate::verdict::{Severity, Status};

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
    /// The conclusion; `None` where the reason does not apply.
    pub conclude: fn(&Outcome) -> Option<Conclusion>,
}

/// Every reason, in the order of the path.
pub const REASONS: [Reason; 7] = [
    name_unknown::REASON,
    resolver_failed::REASON,
    resolver_silent::REASON,
    not_sent::REASON,
    token_refused::REASON,
    page_unexpected::REASON,
    nothing_done::REASON,
];

/// How many of them come before any connection.
const BEFORE_CONNECTIONS: usize = 4;

impl Outcome {
    /// What follows from all of it: the first fault on the way from name to page, else the worst that a connection shows.
    pub fn conclusion(&self) -> Conclusion {
        let connection_of = |severity| {
            let index = self.connections.iter().position(|judged| judged.verdict.severity == severity)?;
            Some(Conclusion::of_connection(index, self.connections.get(index)?))
        };
        let (before, above) = REASONS.split_at(BEFORE_CONNECTIONS);
        let first_of = |reasons: &[Reason]| reasons.iter().find_map(|reason| (reason.conclude)(self));
        first_of(before)
            .or_else(|| connection_of(Severity::Critical))
            .or_else(|| first_of(above))
            .or_else(|| {
                [Severity::Unknown, Severity::Warning, Severity::Ok].into_iter().find_map(connection_of)
            })
            .unwrap_or_else(nothing_done::conclusion)
    }

    /// What the attempt comes to.
    pub fn status(&self) -> Status {
        self.conclusion().severity.into()
    }
}
