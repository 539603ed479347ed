//! A FIN came before TLS was established.

use std::borrow::Cow;

use super::words::{alert_meaning, evidence, purpose, timeless};
use super::{Actor, Code, JudgementSettings, Rule, Severity, Verdict};
use crate::story::{Ending, EndingKind, Observed, PreludeFacts, Stage, Story};
use crate::tcp::Role;
use crate::tls::AlertDescription;

/// `closed-early`.
pub(super) const RULE: Rule = Rule {
    code: Code::ClosedEarly,
    severity: Severity::Critical,
    summary: "a FIN came before TLS was established",
    page: include_str!("../../docs/verdicts/closed-early.md"),
    judge,
};

fn judge(story: &Story, _: &JudgementSettings) -> Option<Verdict> {
    let ending = story.decisive()?;
    if !is_close(story, ending) {
        return None;
    }
    let notice = notice(story, ending);
    let by = notice.map_or(ending.by, |notice| notice.by);
    // It may answer an alert, or a message that is not TLS.
    let unseen = story.missing.since_step.client;
    let is_answer = by == Role::Server && notice.is_none() && unseen > 1;
    let (place, why) = match notice {
        Some(_) => (
            "with a close_notify before TLS was established",
            "A close_notify ends TLS without naming a reason (RFC 8446, 6.1): its sender does not want this handshake, is \
             shutting down, or is a proxy without a backend.",
        ),
        None => place_and_reason(story, by, ending.stage),
    };
    let warning = warning(story, ending);
    let why = match warning {
        Some((by, alert)) => Cow::Owned(with_warning(why, by, alert)),
        None => Cow::Borrowed(why),
    };
    let caveat = if notice.is_none() && warning.is_none() { timeless::caveat(story, ending) } else { "" };
    let tls = [story.tls.client_hello.as_ref().map(|observed| observed.moment.number)];
    let what = purpose::prefix(story);
    Some(
        Verdict::new(
            &RULE,
            if is_answer || !caveat.is_empty() { Actor::Unknown } else { Actor::from(by) },
            story.basis,
            format!("{what}the {by} closed the connection {place}"),
        )
        .explain(if is_answer && ending.stage >= Stage::ClientHello {
            format!(
                "{why} Before that, the client sent {unseen} bytes that the capture does not hold. If they are an alert, the FIN is the \
                 server's reply to it."
            )
        } else {
            format!("{why}{caveat}")
        })
        .reported(match by {
            Role::Client => &[],
            // Whatever the client's program speaks, it read the end of the stream.
            Role::Server if !story.expects_tls && story.prelude.is_none() && ending.stage < Stage::ClientHello => &[],
            Role::Server => &[
                "OpenSSL: unexpected EOF while reading",
                "javax.net.ssl.SSLHandshakeException: Remote host terminated the handshake",
            ],
        })
        .proved_by(
            evidence::opening_packets(story)
                .chain(tls.into_iter().flatten())
                .chain(notice.map(|notice| notice.moment.number))
                .chain(warning.map(|(_, alert)| alert.moment.number))
                .chain([ending.moment.number]),
        )
        .advise(match by {
            Role::Client => &["Read the client's log at that time."],
            Role::Server => {
                &["Read the server's log at that time, and that of any proxy or load balancer in front of \
                 it."]
            }
        }),
    )
}

/// Whether a FIN ended the connection before TLS was established, where nothing in clear was exchanged.
fn is_close(story: &Story, ending: &Ending) -> bool {
    // Elsewhere a server may greet after the FIN of a check.
    let has_spoken =
        if story.expects_tls { story.has_server_spoken() } else { story.data.server.first.is_some() };
    let has_plain_data = story.tls.client_hello.is_none()
        && !story.is_inside_client_hello()
        && (story.data.client.first.is_some() || has_spoken)
        && !(ending.by == Role::Server && story.lacks_agreed_tls());
    ending.what == EndingKind::Fin
        && ending.stage != Stage::None
        && !has_plain_data
        && !story.is_client_s_flight_unread()
        && !story.is_closed_in_tls_by_one_length()
}

/// Where in the handshake a side closed without a close_notify, and what that means.
fn place_and_reason(story: &Story, by: Role, stage: Stage) -> (&'static str, &'static str) {
    match (by, stage) {
        (_, Stage::TcpEstablished) if story.is_inside_client_hello() => (
            "in the middle of the client's ClientHello",
            "The ClientHello is incomplete: the client program was stopped while it wrote, or part of the ClientHello was \
             lost before the capture point.",
        ),
        (Role::Server, Stage::TcpEstablished)
            if story.prelude.as_ref().is_some_and(PreludeFacts::is_agreed) =>
        {
            (
                "after it had agreed, before a whole ClientHello",
                "The proxy opened the tunnel, or the server agreed to start TLS, and then closed the connection: its program failed, or \
             the server behind the proxy closed at once.",
            )
        }
        (_, Stage::TcpEstablished)
            if story.traffic.counters.server.data_segments > 0 && story.data.server.first.is_none() =>
        {
            (
                "before any data that fits the server's SYN-ACK",
                "The server's data has sequence numbers that do not follow its SYN-ACK: it belongs to another connection between the same \
             ports, or another host sent it or the SYN-ACK.",
            )
        }
        // More than the SYN was acknowledged.
        (Role::Server, Stage::TcpEstablished) if story.missing.acked_unseen.client > 1 => (
            "without a byte of its own",
            "The client's data was acknowledged but not captured, so what the server closed on is unknown.",
        ),
        (Role::Client, _) if story.is_port_check() => ("without a byte of data", purpose::PORT_CHECK),
        (Role::Client, Stage::None | Stage::Syn | Stage::SynAck | Stage::TcpEstablished) => {
            ("without a byte of data", "Opened and closed without data, as by an aborted attempt.")
        }
        (Role::Server, Stage::None | Stage::Syn | Stage::SynAck | Stage::TcpEstablished) => (
            "without a byte of data",
            "The server closed the connection before either side sent data: the service, or a proxy in front of it, may \
             refuse this client's address or be at its connection limit.",
        ),
        (Role::Client, Stage::ClientHello) if story.one_sided().is_some() => (
            "after its ClientHello",
            "The server's packets are not in the capture, so whether it replied is unknown.",
        ),
        (Role::Client, Stage::ClientHello) => (
            "after its ClientHello, before the server's answer",
            "The client did not wait for the server's reply: it timed out or aborted. TLS is not the cause.",
        ),
        (Role::Server, Stage::ClientHello) => (
            "right after the ClientHello",
            "The server closed without a TLS alert: it does not speak TLS on this port, it refuses this client or this \
             name, or a proxy in front of it has no backend.",
        ),
        (Role::Client, Stage::ClientFinished) => (
            "in the TLS handshake, after its Finished",
            "The client sent its Finished and closed before the server's arrived, without a visible alert: it gave up, or its \
             program was stopped.",
        ),
        (Role::Server, Stage::ClientFinished) => (
            "in the TLS handshake, after the client's Finished",
            "The server got the client's Finished and closed without its own, and without a visible alert: it may refuse the \
             client's certificate, or its program was stopped.",
        ),
        (Role::Client, _) => (
            "in the TLS handshake, after the server's answer",
            "The client closed before its Finished, without a visible alert: a program that rejects the certificate and \
             drops the connection does that, and so does one that gives up.",
        ),
        (Role::Server, _) => (
            "in the TLS handshake, after its own answer",
            "The server closed before the handshake was complete, without a visible alert.",
        ),
    }
}

/// The close_notify that came before the FIN, or with it: its sender closes (RFC 8446, 6.1).
fn notice<'s>(story: &'s Story, fin: &Ending) -> Option<&'s Ending> {
    story.endings.iter().find(|other| {
        other.what == EndingKind::CloseNotify && !story.order.is_after(other.moment.number, fin.moment.number)
    })
}

/// The alert, a warning, that came before the FIN: what it says, and whose it is.
fn warning<'s>(story: &'s Story, fin: &Ending) -> Option<(Role, &'s Observed<AlertDescription>)> {
    [Role::Client, Role::Server].into_iter().find_map(|role| {
        let warning = story.tls.warnings[role].as_ref()?;
        (!story.order.is_after(warning.moment.number, fin.moment.number)).then_some((role, warning))
    })
}

/// The reason, where a warning says more than that there was no alert.
fn with_warning(why: &str, by: Role, alert: &Observed<AlertDescription>) -> String {
    let why = why.replace(", and without a visible alert", "").replace(", without a visible alert", "");
    let meaning = alert_meaning::of(by, alert.what).why;
    format!("{why} Packet {} is the {by}'s warning alert {}. {meaning}", alert.moment.number, alert.what)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::story::script::talk::{self, Talk, ssm};
    use crate::tcp::Role::{Client, Server};
    use crate::tls::PlainKind;

    #[test]
    fn an_end_after_an_agreement_is_not_called_one_without_data() {
        let crossed = talk::socks5(0).fin(Server).say(Client, &talk::client_hello()).rst(Server).verdict(0);
        assert_eq!(crossed.is(), ("closed-early", Actor::Server, None), "{}", crossed.headline);
        assert!(crossed.headline.contains("after it had agreed"), "{}", crossed.headline);
        assert!(!crossed.mentions("without a byte") && !crossed.mentions("sent data"), "{crossed:?}");
    }

    #[test]
    fn what_a_tool_left_open_in_its_text_may_be_the_client_s_finished() {
        let closed = |is_text: bool| {
            let story = Story::at(Stage::ServerHello).fin(Client);
            story.but(|story| (story.capture.is_text, story.tls.is_inside_record.client) = (is_text, true))
        };
        assert_eq!(closed(false).verdict().is(), ("closed-early", Actor::Client, None));
        assert_eq!(closed(true).verdict().is(), ("capture-gap", Actor::Unknown, None));
    }

    #[test]
    fn a_client_that_speaks_no_tls_logs_nothing_of_it() {
        let closed = |port| Talk::to_port(port).open().fin(Server).fin(Client).verdict(0);
        assert_eq!(closed(50_123).is(), ("closed-early", Actor::Server, None));
        assert!(closed(50_123).client_reports.is_empty());
        assert!(closed(8443).client_reports.iter().any(|report| report.contains("SSLHandshakeException")));
    }

    #[test]
    fn where_the_first_fin_may_be_missing_nobody_is_blamed_for_the_other() {
        let hello = || ssm().open().say(Client, &talk::client_hello());
        for by in [Client, Server] {
            let mut closed = hello().fin(by).ack(by.other()).fin(by.other()).ack(by);
            assert_eq!(closed.verdict(0).is(), ("closed-early", Actor::from(by), None));
            closed.packets.remove(4);
            assert_eq!(closed.code(0), "capture-gap");
            // The other side's RST answers it.
            let mut reset = hello().fin(by).ack(by.other()).rst(by.other());
            reset.packets.remove(4);
            assert_eq!(reset.code(0), "capture-gap");
        }
        // A side that sends more did not close.
        let mut continued = hello().say(Client, b"!").ack(Server).say(Client, b"more").ack(Server);
        continued.packets.remove(4);
        assert!(continued.story(0).endings.is_empty());
    }

    #[test]
    fn a_server_that_closes_after_a_missing_message_of_the_client_may_answer_an_alert() {
        let flight = ssm().open().say(Client, &talk::client_hello()).say(Server, &talk::server_flight());
        let mut refused = flight.ack(Client).say(Client, &talk::alert(48)).fin(Server).fin(Client);
        assert_eq!(refused.code(0), "tls-alert");
        refused.packets.remove(6);
        let verdict = refused.verdict(0);
        assert_eq!(verdict.is(), ("closed-early", Actor::Unknown, None), "{}", verdict.headline);
        assert!(verdict.mentions("7 bytes"), "{}", verdict.explanation);
    }

    #[test]
    fn a_finished_that_was_sent_is_not_missed() {
        for (by, place) in [(Client, "after its Finished"), (Server, "after the client's Finished")] {
            let verdict = Story::at(Stage::ClientFinished).fin(by).verdict();
            assert_eq!(verdict.code, "closed-early");
            assert!(
                verdict.headline.contains(place) && !verdict.mentions("before its Finished"),
                "{verdict:?}"
            );
        }
    }

    #[test]
    fn who_closes_before_tls_is_established_is_looked_at() {
        for (stage, by, place) in [
            (Stage::TcpEstablished, Client, "without a byte of data"),
            (Stage::TcpEstablished, Server, "without a byte of data"),
            (Stage::ClientHello, Client, "before the server's answer"),
            (Stage::ClientHello, Server, "right after the ClientHello"),
            (Stage::ServerFlightComplete, Client, "after the server's answer"),
            (Stage::ServerFlightComplete, Server, "after its own answer"),
        ] {
            let story = Story::at(stage).fin(by);
            let (verdict, last) = (story.verdict(), story.last.number);
            assert_eq!(verdict.is(), ("closed-early", Actor::from(by), None), "{stage}");
            assert!(verdict.headline.contains(place), "{stage}: {}", verdict.headline);
            assert_eq!(verdict.evidence.last(), Some(&last));
            assert!(!verdict.mentions("reset"));
        }
    }

    #[test]
    fn a_port_check_is_reported_as_one() {
        let verdict = ssm().open().fin(Client).fin(Server).ack(Client).verdict(0);
        assert_eq!(verdict.is(), ("closed-early", Actor::Client, None));
        assert!(verdict.headline.starts_with("port check: the client closed"), "{}", verdict.headline);
        assert!(verdict.mentions("health probe") && !verdict.mentions("aborted"));
        for other in [ssm().open().fin(Server), ssm().open().say(Client, &talk::client_hello()).fin(Client)] {
            assert!(!other.verdict(0).mentions("port check"));
        }
    }

    #[test]
    fn a_client_that_gave_up_before_the_syn_ack_closes_by_its_next_fin() {
        let gave_up = ssm().syn().wait(290).segment(Client, "F", 0, &[]).syn_ack();
        let closed = gave_up.clone().segment(Client, "F.", 0, &[]).rst(Server);
        assert_eq!(closed.verdict(0).is(), ("closed-early", Actor::Client, None));
        assert_ne!(gave_up.code(0), "closed-early");
        assert_eq!(ssm().syn().segment(Client, "F", 0, &[]).code(4_000), "syn-no-reply");
    }

    #[test]
    fn what_the_capture_lacks_is_not_called_silence() {
        let story = Story::at(Stage::TcpEstablished).fin(Server);
        let verdict = story.but(|story| story.missing.acked_unseen.client = 300).verdict();
        assert_eq!(verdict.is(), ("closed-early", Actor::Server, None));
        assert!(!verdict.mentions("without a byte of data"));
        assert!(verdict.mentions("not captured"));
    }

    #[test]
    fn a_fin_after_the_handshake_after_plain_data_or_after_a_silence_is_none() {
        assert_eq!(Story::at(Stage::TlsEstablished).fin(Client).verdict().code, "healthy");
        assert_eq!(
            Story::at(Stage::ClientHello).silent_for(4_000, Server).fin(Client).verdict().code,
            "no-server-hello"
        );
        let plain = Story::at(Stage::TcpEstablished).on_port(25).sends(Server, PlainKind::Text, "220 mail");
        assert_eq!(plain.fin(Client).verdict().code, "plaintext");
        assert_eq!(Story::at(Stage::ClientHello).alert(Server, 40).fin(Server).verdict().code, "tls-alert");
        assert_eq!(Story::at(Stage::None).fin(Client).verdict().code, "midstream");
    }

    #[test]
    fn half_a_client_hello_was_closed_in_its_middle() {
        let talk = ssm().open().say(Client, &talk::client_hello()[..100]).fin(Client);
        let verdict = talk.verdict(0);
        assert_eq!(verdict.is(), ("closed-early", Actor::Client, None));
        assert!(verdict.headline.contains("in the middle of the client's ClientHello"));
        assert_eq!(talk.story(0).stage, Stage::TcpEstablished);
    }

    #[test]
    fn what_answers_the_client_s_fin_is_no_protocol_of_the_server_s() {
        // OpenSSL answers the end of the stream with an alert.
        let probed = ssm().open().fin(Client).say(Server, &talk::alert(50)).fin(Server);
        let verdict = probed.verdict(0);
        assert_eq!(verdict.is(), ("closed-early", Actor::Client, None), "{}", verdict.headline);
        assert!(
            verdict.headline.starts_with("port check: ") && verdict.mentions("without sending a byte"),
            "{verdict:?}"
        );
    }

    #[test]
    fn whoever_sends_a_close_notify_closes() {
        let hello = ssm().open().say(Client, &talk::client_hello());
        let verdict = hello.say(Server, &[21, 3, 3, 0, 2, 1, 0]).fin(Client).fin(Server).verdict(0);
        assert_eq!(verdict.is(), ("closed-early", Actor::Server, None), "{}", verdict.headline);
        assert!(verdict.headline.contains("close_notify"), "{}", verdict.headline);
    }

    #[test]
    fn an_alert_before_the_fin_is_its_reason_and_its_evidence() {
        let flight = || {
            ssm().open().say(Client, &talk::client_hello()).say(Server, &talk::server_flight()).ack(Client)
        };
        let closed = flight().say(Client, &[21, 3, 3, 0, 2, 1, 0]).fin(Client).fin(Server).verdict(0);
        assert_eq!(closed.is(), ("closed-early", Actor::Client, None), "{}", closed.headline);
        assert!(
            closed.headline.contains("close_notify") && !closed.mentions("without a visible"),
            "{closed:?}"
        );
        let cancelled = flight().say(Client, &[21, 3, 3, 0, 2, 1, 90]).fin(Client).fin(Server).verdict(0);
        assert_eq!(cancelled.is(), ("closed-early", Actor::Client, None), "{}", cancelled.headline);
        assert!(!cancelled.mentions("without a visible"), "{}", cancelled.explanation);
        assert!(
            cancelled.mentions("the client's warning alert user_canceled")
                && cancelled.mentions("cancelled the handshake")
        );
        for verdict in [closed, cancelled] {
            assert!(verdict.evidence.contains(&7), "{:?}", verdict.evidence);
        }
    }

    #[test]
    fn data_that_does_not_fit_the_syn_ack_is_not_passed_over_in_silence() {
        let other = ssm().open().segment(Server, "P.", 3_000_000_000, b"another's");
        let closed =
            other.segment_with(Server, "F.", 1, 1, &[], |_| {}).segment_with(Client, "F.", 1, 2, &[], |_| {});
        let verdict = closed.verdict(0);
        assert_eq!(verdict.code.name(), "closed-early", "{}", verdict.headline);
        assert!(verdict.headline.contains("fits the server's SYN-ACK"), "{}", verdict.headline);
        assert!(!verdict.mentions("without a byte"), "{verdict:?}");
    }

    #[test]
    fn a_tls_1_3_server_that_closes_without_the_client_s_finished_closes_early() {
        let flight = [talk::server_hello_13(), talk::encrypted(200), talk::encrypted(53)].concat();
        let shaken = ssm().open().say(Client, &talk::client_hello()).say(Server, &flight).ack(Client);
        let finished = shaken.say(Client, &talk::encrypted(53));
        let (seq, ack) = (finished.next(Server), finished.next(Client));
        let closed =
            |ack: u32| finished.clone().segment_with(Server, "F.", seq, ack, &[], |_| {}).fin(Client);
        let early = closed(ack - 58).verdict(0);
        assert_eq!(early.is(), ("closed-early", Actor::Server, None), "{}", early.headline);
        assert_eq!(closed(ack).code(0), "healthy");
    }
}
