//! `resolver-failed`: the resolver failed, or refused to answer.

use super::Reason;
use crate::probe::net::dns::Lookup;
use crate::probe::outcome::{Conclusion, Outcome};
use crate::verdict::Severity;

/// The reason.
pub(super) const REASON: Reason = Reason {
    code: "resolver-failed",
    severity: Severity::Critical,
    summary: "the resolver failed, or refused to answer",
    page: include_str!("../../../docs/reasons/resolver-failed.md"),
    conclude,
};

fn conclude(outcome: &Outcome) -> Option<Conclusion> {
    let found = outcome.resolution.as_ref().filter(|found| found.outcome == Lookup::Failed)?;
    let server = found.server.map(|server| server.to_string()).unwrap_or_default();
    let code = found.rcode.as_deref().unwrap_or_default();
    Some(Conclusion::critical(
        REASON.code,
        format!("the resolver answered {code} to {}", found.name),
        format!(
            "The resolver {server} is reachable and could not, or would not, find the name out: {code}. SERVFAIL is its own \
             trouble with the servers of the zone (or with DNSSEC), REFUSED its policy."
        ),
        &["Look at the resolver: its forwarders, the zone's servers, its access list."],
    ))
}
