//! `not-sent`: this host sent nothing: it has no route, or a filter of its own.

use super::{Reason, addresses};
use crate::probe::outcome::{Conclusion, Outcome};
use crate::verdict::{Actor, Severity};

/// The reason.
pub(super) const REASON: Reason = Reason {
    code: "not-sent",
    severity: Severity::Critical,
    summary: "this host sent nothing: it has no route, or a filter of its own",
    page: include_str!("../../../docs/reasons/not-sent.md"),
    conclude,
};

fn conclude(outcome: &Outcome) -> Option<Conclusion> {
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
