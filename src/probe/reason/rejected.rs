//! `rejected`, of a check's own request for a token. The code and its page are the verdict's, which a log leads to as well.

use crate::probe::outcome::{CheckOutcome, Conclusion};
use crate::verdict::Actor;

pub(super) fn conclude(outcome: &CheckOutcome) -> Option<Conclusion> {
    let token = outcome.token.as_ref().filter(|token| !token.is_granted())?;
    let (headline, explanation) = (token.headline.clone(), token.explanation.clone());
    let conclusion = Conclusion::critical("rejected", headline, explanation, &token.advice);
    Some(Conclusion { cause: token.cause(), actor: Actor::Server, ..conclusion })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::probe::reason::tests::{attempt, healthy, is, page};
    use crate::probe::token::{Grant, Token};
    use crate::story::{Stage, Story};
    use crate::tcp::Role;
    use crate::verdict::Severity;

    /// The answer to a request for a token, as this outcome of it.
    fn answered(outcome: &str, status: Option<u16>) -> Token {
        Token {
            grant: Grant::ClientCredentials,
            path: "/oauth/token".to_owned(),
            status,
            outcome: outcome.to_owned(),
            description: None,
            expires_in: None,
            scope: None,
            quoted: Vec::new(),
            unanswered: None,
            headline: format!("no token: {outcome}"),
            explanation: "It was not granted.".to_owned(),
            advice: vec!["Look."],
        }
    }

    #[test]
    fn a_token_that_is_not_granted_is_critical_and_its_error_is_the_cause() {
        for (token, cause) in [
            (answered("invalid_client", Some(401)), Some("invalid_client")),
            // A success that brings no token is no grant either, and no error names a cause.
            (answered("no-token", Some(200)), None),
            (answered("token-type", Some(200)), None),
        ] {
            let headline = token.headline.clone();
            let outcome = CheckOutcome { token: Some(token), ..attempt(vec![healthy()]) };
            assert_eq!(is(&outcome), ("rejected", Severity::Critical));
            let conclusion = outcome.conclusion();
            assert_eq!((conclusion.cause.as_deref(), conclusion.actor), (cause, Actor::Server));
            assert_eq!((conclusion.headline, conclusion.advice), (headline, vec!["Look.".to_owned()]));
        }
    }

    #[test]
    fn a_granted_token_leaves_the_reason_to_what_follows() {
        let granted = || Some(answered("granted", Some(200)));
        let outcome = CheckOutcome { token: granted(), ..attempt(vec![healthy()]) };
        assert_eq!(is(&outcome), ("healthy", Severity::Ok));
        let outcome = CheckOutcome { token: granted(), page: Some(page(false)), ..attempt(vec![healthy()]) };
        assert_eq!(is(&outcome).0, "page-unexpected");
    }

    #[test]
    fn a_connection_that_failed_comes_before_the_token_that_it_prevented() {
        let reset = Story::at(Stage::ApplicationData).rst(Role::Server);
        let outcome = CheckOutcome { token: Some(answered("no-answer", None)), ..attempt(vec![reset]) };
        assert_eq!(is(&outcome).0, "reset");
    }
}
