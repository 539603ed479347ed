//! TLS was established, and data moved or the end was orderly.

use std::borrow::Cow;

use super::words::{advice, evidence, refused_certificate};
use super::{Actor, Rule, Settings, Severity, Verdict};
use crate::story::{Stage, Story};
use crate::tls::Basis;

/// `healthy`.
pub(super) const RULE: Rule = Rule {
    code: "healthy",
    severity: Severity::Ok,
    summary: "TLS was established, and data moved or the end was orderly",
    page: include_str!("../../docs/verdicts/healthy.md"),
    judge,
};

const FINE: &str = "The network and TLS are fine. If the application still reports an error, its cause stands inside the \
    encrypted data: an HTTP status, a wrong client id or secret.";

fn judge(story: &Story, _: &Settings) -> Option<Verdict> {
    let basis = established(story)?;
    let done = if story.stage == Stage::ApplicationData {
        "TLS was established and data moved"
    } else {
        "TLS was established"
    };
    let fine = match story.missing.lost_sight {
        Some(last) if story.capture.dropped_until.is_some_and(|at| at >= last.at) => {
            format!("{FINE} After packet {} the capture dropped packets, and may have missed the rest.", last.number).into()
        }
        Some(last) => format!(
            "{FINE} After packet {} the rest of the connection is missing from the capture: data was unacknowledged then, and \
             was not sent again, as its sender would have done.",
            last.number
        )
        .into(),
        None => Cow::Borrowed(FINE),
    };
    let headline = match story.tls.version() {
        Some(version) => {
            let name = version.name().map_or_else(|| version.to_string().into(), Cow::Borrowed);
            Cow::Owned([done, " (", &name, ")"].concat())
        }
        None => Cow::Borrowed(done),
    };
    let verdict = Verdict::new(&RULE, Actor::Unknown, basis, headline);
    let shown = refused_certificate::shown_after_handshake(story);
    if !shown.explanation.is_empty() {
        let explanation = format!(
            "The network is fine, but the client ended without a request, and its certificate check may be why.{}",
            shown.explanation
        );
        let verdict =
            verdict.explain(explanation).proved_by(evidence::handshake_packets(story)).advise(&shown.advice);
        return Some(Verdict {
            client_reports: shown.reports.into_iter().map(Cow::Owned).collect(),
            ..verdict
        });
    }
    Some(verdict.explain(fine).proved_by(evidence::handshake_packets(story)).advise(&advice::ABOVE_TLS))
}

/// How it is known that the handshake was completed, if it was.
pub(super) fn established(story: &Story) -> Option<Basis> {
    (story.stage >= Stage::TlsEstablished).then_some(story.basis)
}
