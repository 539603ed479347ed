//! `not-sent`: this host sent nothing: it has no route, or a filter of its own.

use super::{Reason, addresses};
use crate::probe::outcome::{CheckOutcome, Conclusion};
use crate::verdict::{Actor, Severity};

/// The reason.
pub(super) const REASON: Reason = Reason {
    code: "not-sent",
    severity: Severity::Critical,
    summary: "this host sent nothing: it has no route, or a filter of its own",
    page: include_str!("../../../docs/reasons/not-sent.md"),
    conclude,
};

fn conclude(outcome: &CheckOutcome) -> Option<Conclusion> {
    let (address, why) = outcome.not_sent.as_ref()?;
    let conclusion = Conclusion::critical(
        REASON.code,
        format!("this host sends nothing to {address}: {why}"),
        "The system refused before a packet left: no route, a route that forbids, no neighbor that answers, a filter of its \
         own, or no address of that family."
            .to_owned(),
        &[format!("Look at `ip route get {address}`, `ip neigh`, and this host's own firewall.")],
    );
    Some(addresses::not_sent(outcome, Conclusion { actor: Actor::Client, ..conclusion }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::probe::reason::tests::{attempt, healthy, is};

    #[test]
    fn what_this_host_did_not_send_is_its_own_and_a_warning_where_another_address_answers() {
        let not_sent = || Some(("198.51.100.9".parse().unwrap(), "Network is unreachable".to_owned()));
        let outcome = CheckOutcome { not_sent: not_sent(), ..attempt(Vec::new()) };
        assert_eq!(is(&outcome), ("not-sent", Severity::Critical));
        let conclusion = outcome.conclusion();
        assert_eq!(conclusion.actor, Actor::Client);
        assert!(conclusion.advice[0].contains("ip route get 198.51.100.9"), "{:?}", conclusion.advice);
        let outcome = CheckOutcome { not_sent: not_sent(), ..attempt(vec![healthy()]) };
        assert_eq!(is(&outcome), ("not-sent", Severity::Warning));
    }
}
