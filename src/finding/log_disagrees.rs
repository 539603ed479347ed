//! A log that is tied to the connection reports another outcome than the packets show.

use super::log_agrees::place;
use super::{Finding, Weight, finding};
use crate::log::Agreement;
use crate::story::Story;

/// `log-disagrees`.
pub(super) fn find(story: &Story) -> Option<Finding> {
    let tie = story.logs.iter().find(|tie| tie.agreement == Agreement::Disagrees)?;
    finding(
        "log-disagrees",
        Weight::Warning,
        format!(
            "A log contradicts the packets: {} reports {}. A device between the two may reply instead of the server, or \
             the line belongs to another attempt.",
            place(tie)?,
            tie.outcome.code()
        ),
        [],
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::log::{AttemptOutcome, Side};
    use crate::story::Stage;
    use crate::story::script::log::tied;

    #[test]
    fn a_contradiction_is_a_warning_and_leaves_the_verdict() {
        let with = |agreement| {
            Story::at(Stage::ApplicationData).answered().but(|story| {
                story.logs.push(tied(Side::Client, AttemptOutcome::Refused, agreement, 1_000));
            })
        };
        let story = with(Agreement::Disagrees);
        let found = story.finding("log-disagrees").expect("a finding");
        assert!(found.text.contains("reports refused"), "{}", found.text);
        assert_eq!((found.severity, story.verdict().code.name()), (Weight::Warning, "healthy"));
        assert_eq!(with(Agreement::Silent).finding("log-disagrees"), None);
    }

    #[test]
    fn a_log_that_agrees_is_another_finding_and_neither_is_called_wrong() {
        let with = |agreement| {
            Story::at(Stage::ApplicationData).answered().but(|story| {
                story.logs.push(tied(Side::Client, AttemptOutcome::Refused, agreement, 1_000));
            })
        };
        let agreeing = with(Agreement::Agrees);
        assert_eq!(agreeing.finding("log-disagrees"), None);
        let contradicting = with(Agreement::Disagrees);
        assert_eq!(contradicting.finding("log-agrees"), None);
        let text = contradicting.finding("log-disagrees").expect("a finding").text;
        assert!(["wrong", "false", "mistaken"].iter().all(|word| !text.contains(word)), "{text}");
    }
}
