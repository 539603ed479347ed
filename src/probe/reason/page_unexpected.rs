//! `page-unexpected`: the answer's status or body is not what is expected.

use super::Reason;
use crate::probe::outcome::{Conclusion, Outcome};
use crate::verdict::{Actor, Severity};

/// The reason.
pub(super) const REASON: Reason = Reason {
    code: "page-unexpected",
    severity: Severity::Critical,
    summary: "the answer's status or body is not what is expected",
    page: include_str!("../../../docs/reasons/page-unexpected.md"),
    conclude,
};

fn conclude(outcome: &Outcome) -> Option<Conclusion> {
    let page = outcome.page.as_ref().filter(|page| !page.is_expected)?;
    let (headline, explanation) = (page.headline.clone(), page.explanation.clone());
    let conclusion = Conclusion::critical(REASON.code, headline, explanation, &page.advice);
    Some(Conclusion { actor: Actor::Server, ..conclusion })
}
