//! A log that is tied to the connection reports the outcome that the packets show.

use super::{Finding, Weight, finding};
use crate::log::{Agreement, AttemptOutcome, Side};
use crate::story::{LogTie, Story};

/// `log-agrees`. A refusal inside the encrypted answer is the verdict's.
pub(super) fn find(story: &Story) -> Option<Finding> {
    let agreeing = story.logs.iter().filter(|tie| !tie.is_refusal()).filter_map(|tie| match tie.agreement {
        Agreement::Agrees => Some((tie, agreed(tie))),
        Agreement::Explained(explanation) => Some((tie, explanation.to_string())),
        Agreement::Silent | Agreement::Disagrees => None,
    });
    let texts: Vec<String> =
        agreeing.filter_map(|(tie, why)| Some(format!("{}: {why}", place(tie)?))).collect();
    let rest = texts.len().saturating_sub(SHOWN);
    let further = if rest > 0 { format!("; and {rest} more") } else { String::new() };
    let shown = texts.iter().take(SHOWN).cloned().collect::<Vec<_>>().join("; ");
    if texts.is_empty() {
        return None;
    }
    finding("log-agrees", Weight::Info, format!("The logs agree with the packets: {shown}{further}."), [])
}

/// Ties that are named one by one.
const SHOWN: usize = 3;

fn agreed(tie: &LogTie) -> String {
    match (tie.side, tie.outcome) {
        (_, AttemptOutcome::Succeeded) => "it reports no failure".to_owned(),
        (_, AttemptOutcome::GaveUp) => "its status 499 means that the client gave up first".to_owned(),
        (_, outcome) => format!("it reports the same outcome ({})", outcome.code()),
    }
}

/// The log and the line that names the outcome.
pub(super) fn place(tie: &LogTie) -> Option<String> {
    let line = tie.line()?;
    let whose = match tie.side {
        Side::Client => "client",
        Side::Server => "server",
    };
    Some(format!("the {whose}'s \"{}\", line {}", line.file.escape_debug(), line.number))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::log::Explanation;
    use crate::story::Stage;
    use crate::story::script::log::tied;
    use crate::tcp::Role::Server;

    fn silent(agreement: Agreement) -> Story {
        let story = Story::at(Stage::ClientHello).silent_for(8_000, Server).acknowledged();
        story.but(|story| {
            story.logs.push(tied(Side::Client, AttemptOutcome::ConnectTimeout, agreement, 8_000));
        })
    }

    #[test]
    fn words_that_mislead_are_explained() {
        let explained = silent(Agreement::Explained(Explanation::ConnectIncludesHandshake));
        let found = explained.finding("log-agrees").expect("a finding");
        assert!(
            found.text.contains("line 7") && found.text.contains("the SYN was answered"),
            "{}",
            found.text
        );
        assert_eq!(found.severity, Weight::Info);
    }

    #[test]
    fn what_contradicts_or_does_not_say_is_no_agreement() {
        for agreement in [Agreement::Silent, Agreement::Disagrees] {
            assert_eq!(silent(agreement).finding("log-agrees"), None);
        }
    }

    #[test]
    fn a_status_of_499_is_the_client_s_giving_up() {
        let story = Story::at(Stage::ApplicationData).but(|story| {
            story.logs.push(tied(Side::Server, AttemptOutcome::GaveUp, Agreement::Agrees, 8_000));
        });
        assert!(story.finding("log-agrees").expect("a finding").text.contains("gave up first"));
    }
}
