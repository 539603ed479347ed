//! An active check: its outcome and its steps.

use crate::probe::token::Token;
use crate::probe::{CheckOutcome, Conclusion};
use crate::report::human::check;
use crate::report::text::words::PacketNames;

/// What a page shows of a check besides its connections.
pub(super) struct Attempt<'a> {
    /// What there is to know, with a label each.
    pub(super) facts: Vec<(&'static str, String)>,
    pub(super) advice: &'a [String],
    pub(super) steps: Vec<StepRow>,
    /// Whether the steps are unfolded.
    pub(super) is_open: bool,
}

/// A line of the table of steps.
pub(super) struct StepRow {
    pub(super) number: u64,
    pub(super) part: &'static str,
    pub(super) after: String,
    pub(super) text: String,
    /// What the analysis says of what it stands for.
    pub(super) said: String,
}

impl<'a> Attempt<'a> {
    /// Creates the section of a check's outcome. Without captured packets the steps are all that there is to see.
    pub(super) fn of(
        outcome: &CheckOutcome,
        conclusion: &'a Conclusion,
        names: &PacketNames<'_>,
        verbosity: u8,
    ) -> Self {
        let mut facts = check::parts(conclusion, outcome);
        // A connection's own section has the rest.
        let is_alone = conclusion.connection.is_none();
        if is_alone {
            facts.push(("Why", conclusion.explanation.clone()));
            let refused = outcome.token.as_ref().filter(|token| !token.is_granted());
            facts.extend(refused.and_then(Token::answer).map(|answer| ("Answer", answer)));
        }
        facts.retain(|(_, text)| !text.is_empty());
        let steps = outcome.steps.iter().zip(check::said(outcome, names)).map(|(step, said)| StepRow {
            number: step.number,
            part: check::title(step.phase),
            after: (step.at - outcome.began).to_string(),
            text: step.text.clone(),
            said: said.join(" · "),
        });
        Self {
            facts,
            advice: if is_alone { &conclusion.advice } else { &[] },
            steps: steps.collect(),
            is_open: verbosity > 0 || is_alone || outcome.captured.is_none() && !conclusion.is_well(),
        }
    }
}
