//! TLS was established, and data was transferred or the end was orderly.

use std::borrow::Cow;

use super::words::{advice, evidence, refused_certificate};
use super::{Actor, Code, JudgementSettings, Rule, Severity, Verdict};
use crate::story::{Ending, EndingKind, Stage, Story};
use crate::tls::Basis;

/// `healthy`.
pub(super) const RULE: Rule = Rule {
    code: Code::Healthy,
    severity: Severity::Ok,
    summary: "TLS was established, and data moved or the end was orderly",
    page: include_str!("../../docs/verdicts/healthy.md"),
    judge,
};

const FINE: &str = "The network and TLS are fine. If the application still fails, the cause is in the encrypted data \
 (HTTP status, client ID, secret).";

const ENDED_UNASKED: &str = "The client closed the connection without a request. Programs that check the certificate's \
 name only after the handshake, such as curl, do this when they reject it, and so does a health check that only completes \
 the handshake. TLS 1.3 encrypts the certificate, so the packets do not show which.";

const LOOK_FOR_REFUSAL: [&str; 1] = [
    "Read the client's log for a certificate error, and compare the certificate's names with the name that the client \
     uses.",
];

fn judge(story: &Story, settings: &JudgementSettings) -> Option<Verdict> {
    let basis = established(story, settings)?;
    let done = if story.stage == Stage::ApplicationData {
        "TLS was established and data was transferred"
    } else {
        "TLS was established"
    };
    let fine = match (story.missing.truncated_after, story.capture.interruption()) {
        (Some(last), None) if story.capture.dropped_until.is_some_and(|at| at >= last.at) => {
            format!("{FINE} After packet {} the capture dropped packets, and may have missed the rest.", last.number).into()
        }
        (Some(last), Some(elapsed)) => format!(
            "{FINE} After packet {}, no packet of any connection was captured for {elapsed}.",
            last.number
        )
        .into(),
        (Some(last), None) => format!(
            "{FINE} After packet {} the rest of the connection is missing from the capture: data was unacknowledged \
             then, and was never retransmitted, as its sender would have done.",
            last.number
        )
        .into(),
        (None, _) => Cow::Borrowed(FINE),
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
            "The network is fine, but the client closed without a request, possibly because of its certificate \
             check.{}",
            shown.explanation
        );
        let verdict =
            verdict.explain(explanation).proved_by(evidence::handshake_packets(story)).advise(&shown.advice);
        return Some(Verdict {
            client_reports: shown.reports.into_iter().map(Cow::Owned).collect(),
            ..verdict
        });
    }
    if refused_certificate::may_be_hidden(story) {
        let verdict =
            verdict.explain(format!("{FINE} {ENDED_UNASKED}")).proved_by(evidence::handshake_packets(story));
        return Some(verdict.advise(&LOOK_FOR_REFUSAL).advise(advice::above_tls(story)));
    }
    Some(verdict.explain(fine).proved_by(evidence::handshake_packets(story)).advise(advice::above_tls(story)))
}

/// Whether an alert ended it, as far as what the capture lacks leaves that sure.
fn is_refused(story: &Story) -> bool {
    let is_alert =
        |ending: &Ending| matches!(ending.what, EndingKind::Alert { .. } | EndingKind::EncryptedAlert { .. });
    story.decisive().is_some_and(is_alert)
}

/// How it is known that the handshake was completed, if it was, and nothing that followed is open, in doubt or refused.
pub(super) fn established(story: &Story, settings: &JudgementSettings) -> Option<Basis> {
    if story.is_closed_in_tls_by_one_length() {
        return None;
    }
    let is_open = story.is_request_open()
        || story.answer_doubt(settings.stall_after).is_some()
        || story.has_undelivered(settings.stall_after)
        || story.is_answer_held_up()
        || story.has_reported_hole() && story.endings.is_empty()
        || story.is_end_left_out() && story.stage < Stage::ApplicationData
        || story.may_ask_in_parts();
    let is_done = story.stage >= Stage::TlsEstablished && !is_open && !is_refused(story);
    is_done.then_some(story.basis)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cert::{Examination, Fault, NameSource, Wanted};
    use crate::story::PreludeFacts;
    use crate::story::script::talk::{self, Talk, exchange};
    use crate::tcp::Role::{Client, Server};

    #[test]
    fn a_request_without_its_answer_is_not_healthy() {
        // The capture ends soon after it.
        let open = Story::at(Stage::ApplicationData).more(500);
        assert_eq!(open.verdict().code, "in-progress");
        // Only its acknowledgement was captured.
        let unseen = Story::at(Stage::TlsEstablished).but(|story| story.missing.since_step.client = 200);
        assert_ne!(unseen.fin(Client).verdict().code, "healthy");
        // The client, who may have asked for none, closed.
        assert_eq!(Story::at(Stage::ApplicationData).fin(Client).verdict().code, "healthy");
    }

    #[test]
    fn a_complete_exchange_is_healthy_and_nobody_is_to_be_looked_at() {
        let verdict = Story::at(Stage::ApplicationData).answered().fin(Client).fin(Server).verdict();
        assert_eq!(verdict.is(), ("healthy", Actor::Unknown, None));
        assert_eq!(verdict.severity, Severity::Ok);
        assert_eq!(verdict.evidence, [1, 2, 4, 5, 7, 8, 9, 10]);
        assert!(verdict.headline.contains("data was transferred (TLS 1.2)"), "{}", verdict.headline);
        assert!(
            !verdict.mentions("missing") && !verdict.mentions("dropped") && !verdict.mentions("certificate")
        );
        let unused = Story::at(Stage::TlsEstablished).more(60_000).verdict();
        assert_eq!(unused.is(), ("healthy", Actor::Unknown, None));
        assert!(!unused.headline.contains("data moved"));
    }

    #[test]
    fn before_the_handshake_is_complete_nothing_is_healthy() {
        for stage in [Stage::ClientHello, Stage::ServerHello, Stage::ClientFinished] {
            assert_eq!(Story::at(stage).verdict().code, "in-progress", "{stage}");
        }
        assert_eq!(Story::at(Stage::ClientFinished).fin(Client).verdict().code, "closed-early");
    }

    #[test]
    fn what_the_capture_may_have_missed_is_reported() {
        let lost = |dropped_until| {
            let story = Story::at(Stage::ApplicationData).answered();
            story.but(|story| {
                story.missing.truncated_after = Some(story.last);
                story.capture.dropped_until = dropped_until;
            })
        };
        let missing = lost(None).verdict();
        assert!(missing.explanation.contains("After packet 10 the rest of the connection is missing"));
        let story = Story::at(Stage::None);
        let dropped = lost(Some(story.last.at + crate::time::Elapsed::from_millis(60_000))).verdict();
        assert!(dropped.explanation.contains("After packet 10 the capture dropped packets"));
        assert_eq!((missing.code.name(), dropped.code.name()), ("healthy", "healthy"));
    }

    #[test]
    fn a_client_that_asks_for_nothing_after_a_wrong_certificate_may_have_refused_it() {
        let wanted = Wanted { name: "ssm.example".into(), source: NameSource::ServerName };
        let fault = Fault::NameMismatch {
            wanted,
            names: vec!["other.example".into()],
            further_names: 0,
            common_name: None,
        };
        let examination = Examination::by_hand(vec![fault]);
        let ended = |stage| {
            let story = Story::at(stage).fin(Client);
            story.but(|story| story.tls.examination = Some(examination.clone().into())).verdict()
        };
        let unasked = ended(Stage::TlsEstablished);
        assert_eq!(unasked.is(), ("healthy", Actor::Unknown, None));
        assert!(unasked.mentions("because of its certificate check") && unasked.mentions("other.example"));
        assert!(!ended(Stage::ApplicationData).mentions("other.example"));
    }

    #[test]
    fn noisy_ends_of_a_complete_exchange_are_healthy() {
        let closings: [fn(Talk) -> Talk; 4] = [
            |talk| talk.fin(Client).fin(Server).ack(Client),
            |talk| talk.rst(Server),
            |talk| talk.fin(Client).rst(Server),
            |talk| talk.fin(Client).fin(Server).rst(Client).rst(Client),
        ];
        for closing in closings {
            assert_eq!(closing(exchange()).code(10_000), "healthy");
        }
        assert_eq!(exchange().code(60_000), "healthy");
        assert_eq!(exchange().story(60_000).stage, Stage::ApplicationData);
    }

    #[test]
    fn answers_that_only_one_side_s_packets_show_are_answers() {
        let closed = exchange().fin(Client).fin(Server).ack(Client);
        for talk in [exchange().ack(Client), closed] {
            let verdict = talk.only(Client).verdict(10_000);
            assert_eq!((verdict.code.name(), verdict.basis), ("healthy", Basis::Inferred));
        }
    }

    #[test]
    fn a_client_that_leaves_unasked_after_tls_13_may_have_refused_a_certificate_that_is_hidden() {
        let flight = [talk::server_hello_13(), talk::encrypted(200), talk::encrypted(53)].concat();
        let shaken = talk::ssm()
            .open()
            .say(Client, &talk::client_hello())
            .say(Server, &flight)
            .say(Client, &talk::encrypted(53))
            .say(Server, &talk::encrypted(250).repeat(2));
        let left =
            shaken.clone().say(Client, &talk::encrypted(19)).fin(Client).fin(Server).ack(Client).verdict(500);
        assert_eq!(left.is(), ("healthy", Actor::Unknown, None), "{}", left.headline);
        assert!(left.mentions("certificate error"), "{left:?}");
        let asked = shaken.say(Client, &talk::encrypted(150)).say(Server, &talk::encrypted(900));
        assert!(!asked.fin(Client).fin(Server).verdict(500).mentions("certificate"));
    }

    #[test]
    fn tls_is_followed_through_a_socks_proxy_and_after_starttls() {
        for talk in [talk::socks5(0), talk::starttls(b"220 Ready to start TLS\r\n"), talk::postgres(b'S')] {
            let story = talk.clone().then_tls().story(0);
            assert_eq!((story.verdict().code.name(), story.stage), ("healthy", Stage::ApplicationData));
            assert!(story.prelude.as_ref().is_some_and(PreludeFacts::is_agreed));
            let silent = talk.say(Client, &talk::client_hello()).ack(Server);
            assert_eq!(silent.code(5_000), "no-server-hello");
        }
    }

    #[test]
    fn an_end_that_nobody_acknowledges_after_a_silence_leaves_the_outcome_open() {
        let closed =
            |millis| exchange().ack(Client).wait(millis).say(Client, &talk::close_notify()).fin(Client);
        let again = |talk: Talk| (0..5).fold(talk, |talk, at| talk.wait(300 << at).repeat(Client));
        assert_eq!(again(closed(12_000)).code(500), "in-progress");
        assert_eq!(again(closed(100)).code(500), "healthy");
        assert_eq!(again(closed(12_000)).ack(Server).code(500), "healthy");
    }
}
