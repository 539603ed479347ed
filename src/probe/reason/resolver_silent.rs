//! `resolver-silent`: no resolver answered.

use super::Reason;
use crate::probe::net::dns::Lookup;
use crate::probe::outcome::{Conclusion, Outcome};
use crate::verdict::Severity;

/// The reason.
pub(super) const REASON: Reason = Reason {
    code: "resolver-silent",
    severity: Severity::Critical,
    summary: "no resolver answered",
    page: include_str!("../../../docs/reasons/resolver-silent.md"),
    conclude,
};

fn conclude(outcome: &Outcome) -> Option<Conclusion> {
    let found = outcome.resolution.as_ref().filter(|found| found.outcome == Lookup::Silent)?;
    let asked: Vec<_> = found.servers.iter().map(ToString::to_string).collect();
    Some(Conclusion::critical(
        REASON.code,
        format!("no resolver answered for {}", found.name),
        format!(
            "Asked: {}. The last question got this: {}. So no packet went to the host.",
            asked.join(", "),
            found.failure.as_deref().unwrap_or("no answer")
        ),
        &[
            "Check the resolvers of /etc/resolv.conf, the route to them, and port 53 by UDP on the way.",
            "With the address instead of the name, DNS is left out.",
        ],
    ))
}
