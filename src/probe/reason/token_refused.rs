//! `token-refused`: SSM On-Prem granted no access token.

use super::Reason;
use crate::probe::outcome::{Conclusion, Outcome};
use crate::verdict::Severity;

/// The reason.
pub(super) const REASON: Reason = Reason {
    code: "token-refused",
    severity: Severity::Critical,
    summary: "SSM On-Prem granted no access token",
    page: include_str!("../../../docs/reasons/token-refused.md"),
    conclude,
};

fn conclude(outcome: &Outcome) -> Option<Conclusion> {
    let token = outcome.token.as_ref().filter(|token| !token.is_granted())?;
    let (headline, explanation) = (token.headline.clone(), token.explanation.clone());
    Some(Conclusion::critical(REASON.code, headline, explanation, &token.advice))
}
