//! `page-unexpected`: the answer's status or body is not what is expected.

use super::Reason;
use crate::probe::outcome::{CheckOutcome, Conclusion};
use crate::verdict::{Actor, Severity};

/// The reason.
pub(super) const REASON: Reason = Reason {
    code: "page-unexpected",
    severity: Severity::Critical,
    summary: "the answer's status or body is not what is expected",
    page: include_str!("../../../docs/reasons/page-unexpected.md"),
    conclude,
};

fn conclude(outcome: &CheckOutcome) -> Option<Conclusion> {
    let page = outcome.page.as_ref().filter(|page| !page.is_expected)?;
    let (headline, explanation) = (page.headline.clone(), page.explanation.clone());
    let conclusion = Conclusion::critical(REASON.code, headline, explanation, &page.advice);
    Some(Conclusion { actor: Actor::Server, ..conclusion })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::probe::reason::tests::{attempt, healthy, is, page};
    use crate::story::{Stage, Story};
    use crate::tcp::Role;

    #[test]
    fn a_page_that_is_not_as_expected_on_a_sound_connection_is_the_server_s() {
        let outcome = CheckOutcome { page: Some(page(false)), ..attempt(vec![healthy()]) };
        assert_eq!(is(&outcome), ("page-unexpected", Severity::Critical));
        assert_eq!(outcome.conclusion().actor, Actor::Server);
        let outcome = CheckOutcome { page: Some(page(true)), ..attempt(vec![healthy()]) };
        assert_eq!(is(&outcome), ("healthy", Severity::Ok));
        // A connection that failed comes first: there the page has its cause.
        let reset = Story::at(Stage::ApplicationData).rst(Role::Server);
        let outcome = CheckOutcome { page: Some(page(false)), ..attempt(vec![reset]) };
        assert_eq!(is(&outcome).0, "reset");
    }
}
