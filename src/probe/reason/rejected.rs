//! `rejected`, of a check's own request for a token. The code and its page are the verdict's, which a log leads to as well.

use crate::probe::outcome::{CheckOutcome, Conclusion};
use crate::verdict::Actor;

pub(super) fn conclude(outcome: &CheckOutcome) -> Option<Conclusion> {
    let token = outcome.token.as_ref().filter(|token| !token.is_granted())?;
    let (headline, explanation) = (token.headline.clone(), token.explanation.clone());
    let conclusion = Conclusion::critical("rejected", headline, explanation, &token.advice);
    Some(Conclusion { cause: token.cause(), actor: Actor::Server, ..conclusion })
}
