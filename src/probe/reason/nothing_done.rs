//! `nothing-done`: time was over before anything could be tried, or before all that was to be tried.

use super::Reason;
use crate::probe::outcome::{Conclusion, Outcome};
use crate::verdict::{Actor, Severity};

/// The reason.
pub(super) const REASON: Reason = Reason {
    code: "nothing-done",
    severity: Severity::Unknown,
    summary: "time was over before anything could be tried",
    page: include_str!("../../../docs/reasons/nothing-done.md"),
    conclude,
};

fn conclude(outcome: &Outcome) -> Option<Conclusion> {
    if outcome.connections.is_empty() {
        return Some(conclusion());
    }
    let first = outcome.untried.first().filter(|_| outcome.tries_all_addresses)?;
    let more = match outcome.untried.len() - 1 {
        0 => String::new(),
        1 => " and 1 more address".to_owned(),
        more => format!(" and {more} more addresses"),
    };
    Some(Conclusion {
        headline: format!("time was over before {first}{more} could be tried"),
        explanation: "--all-addresses wants each address to work, and the others took all of the time."
            .to_owned(),
        ..conclusion()
    })
}

/// What is left where nothing else applies.
pub(super) fn conclusion() -> Conclusion {
    Conclusion {
        severity: REASON.severity,
        unmapped: None,
        reason: REASON.code,
        cause: None,
        actor: Actor::Unknown,
        connection: None,
        headline: "nothing was tried before time was over".to_owned(),
        explanation: "Finding the host's address took all of the time.".to_owned(),
        advice: vec!["Give it more time with --timeout.".to_owned()],
    }
}
