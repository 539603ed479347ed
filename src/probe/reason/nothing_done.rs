//! `nothing-done`: time was over before anything could be tried, or before all that was to be tried.

use super::Reason;
use crate::probe::outcome::{CheckOutcome, Conclusion};
use crate::verdict::{Actor, Severity};

/// The reason.
pub(super) const REASON: Reason = Reason {
    code: "nothing-done",
    severity: Severity::Unknown,
    summary: "time was over before anything could be tried",
    page: include_str!("../../../docs/reasons/nothing-done.md"),
    conclude,
};

fn conclude(outcome: &CheckOutcome) -> Option<Conclusion> {
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::probe::net::dns::LookupOutcome;
    use crate::probe::reason::tests::{attempt, found, healthy, is, looked_up, refused};

    #[test]
    fn nothing_done_is_unknown_and_gives_way_to_what_kept_the_check_from_it() {
        let outcome = attempt(Vec::new());
        assert_eq!(is(&outcome), ("nothing-done", Severity::Unknown));
        assert_eq!(is(&looked_up(found(LookupOutcome::NoSuchName))).0, "name-unknown");
    }

    #[test]
    fn an_address_that_was_to_be_tried_and_was_not_is_no_success() {
        let untried = || vec!["198.51.100.9".parse().unwrap(), "198.51.100.10".parse().unwrap()];
        let one = CheckOutcome { untried: untried(), ..attempt(vec![healthy()]) };
        assert_eq!(is(&one), ("healthy", Severity::Ok));
        let all =
            |story| CheckOutcome { untried: untried(), tries_all_addresses: true, ..attempt(vec![story]) };
        assert_eq!(is(&all(healthy())), ("nothing-done", Severity::Unknown));
        let headline = all(healthy()).conclusion().headline;
        assert_eq!(headline, "time was over before 198.51.100.9 and 1 more address could be tried");
        assert_eq!(is(&all(refused())), ("refused", Severity::Critical));
    }
}
