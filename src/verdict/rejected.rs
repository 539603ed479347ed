//! The exchange was complete on the wire, and the application refused what was asked, as a log that is tied to the connection
//! reports.

use std::borrow::Cow;

use super::words::{advice, evidence, log_line, oauth};
use super::{Actor, Code, JudgementSettings, Rule, Severity, Verdict};
use crate::log::tie::Grade;
use crate::log::{AttemptOutcome, Side};
use crate::story::{LogTie, Story};

/// `rejected`.
pub(super) const RULE: Rule = Rule {
    code: Code::Rejected,
    severity: Severity::Critical,
    summary: "the exchange was complete, and the application refused it, as a log (`--log`) or a check (`--oauth`) shows",
    page: include_str!("../../docs/verdicts/rejected.md"),
    judge,
};

fn judge(story: &Story, _: &JudgementSettings) -> Option<Verdict> {
    let refusals = story.logs.iter().filter(|tie| tie.is_refusal() && !is_made_good(story, tie));
    let refusal = refusals.max_by_key(|tie| exactness(tie))?;
    let line = refusal.line()?;
    let whose = match refusal.side {
        Side::Client => "client",
        Side::Server => "server",
    };
    let sure = match refusal.grade {
        Grade::Certain => "reports of this connection",
        Grade::Likely => "reports, most likely of this connection",
    };
    let cause = cause(refusal);
    let named = cause.as_ref().map(|cause| format!(": {cause}")).unwrap_or_default();
    let verdict = Verdict::new(
        &RULE,
        Actor::Server,
        story.basis,
        format!("the exchange was complete, and the application refused it{named}"),
    )
    .explain(format!("The network and TLS are fine. The {whose}'s log {sure}: {}.", log_line::quoted(line)))
    .proved_by(evidence::handshake_packets(story));
    let verdict = match refusal.outcome {
        AttemptOutcome::Denied(Some(error)) => verdict.advise(&oauth::advice(error, oauth::RESOURCE_OWNER)),
        AttemptOutcome::Denied(None) | AttemptOutcome::Status(401) => verdict.advise(&oauth::advice("invalid_client", oauth::RESOURCE_OWNER)),
        AttemptOutcome::Status(status) => verdict.advise(on_status(status)),
        AttemptOutcome::FeatureDenied => verdict.advise(&[
            "List the licence server's features and their holders (`lmutil lmstat -a`): all may be taken, or the feature \
             is not in the licence file.",
        ]),
        _ => verdict.advise(&advice::ABOVE_HTTPS),
    };
    Some(match cause {
        Some(cause) => verdict.cause(cause),
        None => verdict,
    })
}

/// Whether a later request on the same connection succeeded, by a log of the same side.
fn is_made_good(story: &Story, refusal: &LogTie) -> bool {
    let Some(refused) = refusal.line() else { return true };
    story.logs.iter().any(|tie| {
        tie.side == refusal.side
            && tie.outcome == AttemptOutcome::Succeeded
            && tie.line().is_some_and(|line| line.at > refused.at)
    })
}

/// How exactly a log names the reason.
fn exactness(tie: &LogTie) -> u8 {
    match tie.outcome {
        AttemptOutcome::Denied(Some(_)) => 3,
        AttemptOutcome::FeatureDenied | AttemptOutcome::Status(_) => 2,
        _ => 1,
    }
}

fn cause(tie: &LogTie) -> Option<Cow<'static, str>> {
    match (tie.outcome, tie.status) {
        (AttemptOutcome::Denied(Some(error)), _) => Some(error.into()),
        (AttemptOutcome::Status(status), _) | (_, Some(status)) => Some(format!("http-{status}").into()),
        _ => None,
    }
}

fn on_status(status: u16) -> &'static [&'static str] {
    match status {
        403 => &[
            "Check in API Tool Kit on SSM On-Prem that API Console is enabled, and that the login may use it.",
            "Look for a filter or proxy in front of the application that forbids the path.",
        ],
        404 => &[
            "Compare the address in vManage with SSM On-Prem's: the path that was asked for does not exist there.",
        ],
        429 => &["The server limits requests: send fewer of them."],
        500.. => &[
            "Read the service log at that time: the application behind the web server failed or is not running.",
            "On SSM On-Prem, check that all its containers run, and that its disk is not full.",
        ],
        _ => &advice::ABOVE_HTTPS,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::log::{Agreement, Explanation};
    use crate::story::Stage;
    use crate::story::script::log::tied;
    use crate::tcp::Role::{Client, Server};

    const ENCRYPTED: Agreement = Agreement::Explained(Explanation::AnswerIsEncrypted);

    fn healthy() -> Story {
        Story::at(Stage::ApplicationData).answered().fin(Client).fin(Server)
    }

    fn with(ties: &[LogTie]) -> Verdict {
        healthy().but(|story| story.logs = ties.to_vec()).verdict()
    }

    #[test]
    fn a_refusal_in_a_log_that_is_tied_to_a_healthy_connection_is_the_verdict() {
        let denied = tied(Side::Client, AttemptOutcome::Denied(Some("invalid_client")), ENCRYPTED, 1_000);
        let verdict = with(&[denied]);
        assert_eq!(verdict.is(), ("rejected", Actor::Server, Some("invalid_client")));
        assert_eq!(verdict.severity, Severity::Critical);
        assert!(verdict.mentions("API Tool Kit") && verdict.mentions("line 7"), "{verdict:?}");
        assert_eq!(healthy().verdict().code, "healthy");
    }

    #[test]
    fn the_log_that_names_the_reason_most_exactly_gives_the_cause() {
        let denied = tied(Side::Client, AttemptOutcome::Denied(Some("invalid_grant")), ENCRYPTED, 1_000);
        let status = tied(Side::Server, AttemptOutcome::Status(401), ENCRYPTED, 1_000);
        assert_eq!(with(&[status.clone(), denied]).cause.as_deref(), Some("invalid_grant"));
        let verdict = with(&[status]);
        assert_eq!(verdict.is(), ("rejected", Actor::Server, Some("http-401")));
        let cut = tied(Side::Client, AttemptOutcome::Denied(None), ENCRYPTED, 1_000);
        assert_eq!(with(&[cut]).is(), ("rejected", Actor::Server, None));
    }

    #[test]
    fn a_later_request_that_succeeds_makes_good_what_was_refused() {
        let refused = tied(Side::Server, AttemptOutcome::Status(404), ENCRYPTED, 1_000);
        let succeeded = |millis| tied(Side::Server, AttemptOutcome::Succeeded, Agreement::Agrees, millis);
        assert_eq!(with(&[refused.clone(), succeeded(2_000)]).code, "healthy");
        assert_eq!(with(&[succeeded(500), refused]).code, "rejected");
    }

    #[test]
    fn success_a_client_that_gave_up_and_words_without_a_reason_are_no_refusal() {
        for outcome in [
            AttemptOutcome::Succeeded,
            AttemptOutcome::GaveUp,
            AttemptOutcome::Failed,
            AttemptOutcome::Status(499),
            AttemptOutcome::Status(407),
        ] {
            assert_eq!(with(&[tied(Side::Server, outcome, ENCRYPTED, 1_000)]).code, "healthy", "{outcome:?}");
        }
        let contradicting = tied(Side::Client, AttemptOutcome::Status(403), Agreement::Disagrees, 1_000);
        assert_eq!(with(&[contradicting]).code, "healthy");
    }

    #[test]
    fn what_failed_on_the_wire_stays_the_verdict() {
        let refused = tied(Side::Client, AttemptOutcome::Status(403), ENCRYPTED, 1_000);
        let reset = Story::at(Stage::ClientHello).rst(Server).but(|story| story.logs.push(refused));
        assert_eq!(reset.verdict().code, "reset");
    }

    #[test]
    fn a_log_s_words_are_quoted_without_what_drives_a_terminal() {
        let mut denied = tied(Side::Client, AttemptOutcome::Denied(Some("invalid_client")), ENCRYPTED, 1_000);
        denied.lines[0].file = "a\u{1b}b".into();
        let verdict = with(&[denied]);
        assert!(!verdict.explanation.contains('\u{1b}'), "{}", verdict.explanation);
    }
}
