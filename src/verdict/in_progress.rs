//! The capture ended before anything was decided.

use super::words::{advice, evidence, last_step};
use super::{Actor, Code, JudgementSettings, Rule, Severity, Verdict};
use crate::packet::Viewpoint;
use crate::story::{AnswerDoubt, EndingKind, Moment, Stage, Story};
use crate::tcp::Role;
use crate::time::{Clock, Elapsed};
use crate::tls::Basis;

/// `in-progress`.
pub(super) const RULE: Rule = Rule {
    code: Code::InProgress,
    severity: Severity::Unknown,
    summary: "the capture ends shortly after the last step, with nothing wrong so far",
    page: include_str!("../../docs/verdicts/in-progress.md"),
    judge,
};

#[expect(clippy::unnecessary_wraps, reason = "every rule has this type")]
fn judge(story: &Story, settings: &JudgementSettings) -> Option<Verdict> {
    Some(doubtful(story, settings).unwrap_or_else(|| undecided(story)))
}

/// The verdict when no rule found anything: the capture ended too early.
pub(super) fn undecided(story: &Story) -> Verdict {
    let after = story.capture.end - story.last.at;
    let ends = match (story.capture.interruption(), story.capture.clock) {
        (Some(elapsed), _) => format!(
            "Packet {} is this connection's last one, and no packet of any connection was captured for {elapsed} after it: nothing \
             was sent, or the capture was interrupted",
            story.last.number
        ),
        (None, Clock::Absent) => "The capture has no times".to_owned(),
        _ if story.capture.viewpoint == Viewpoint::Socket => {
            format!("The check ended {after} after its last step")
        }
        _ if after <= Elapsed::ZERO => "The capture ends with this connection's last packet".to_owned(),
        _ => format!("The capture ends {after} after this connection's last packet"),
    };
    let place = name_of(story.capture.viewpoint);
    let too_soon = match story.capture.clock {
        Clock::Absent => "so for how long is unknown",
        _ => "too soon to call it a failure",
    };
    let (headline, explanation) = match (last_step::unanswered(story), last_step::unacknowledged(story)) {
        (Some(syns), _) => (
            format!("no reply to the SYN yet when the {place} ended ({syns})"),
            format!("The SYN was repeated, and nothing came back so far. {ends}, {too_soon}."),
        ),
        (None, Some(repeats)) => (
            format!("the TCP handshake was not complete yet when the {place} ended ({repeats})"),
            format!(
                "The handshake's packets were repeated, and the client did not acknowledge the SYN-ACK. {ends}, {too_soon}."
            ),
        ),
        (None, None) => refused_tls(story, place, &ends)
            .or_else(|| broken_path(story))
            .unwrap_or_else(|| normal(story, place, &ends)),
    };
    let above = if is_above_tls(story) && advice::is_licence_server(story) {
        &advice::ABOVE_TLS_SO_FAR[..]
    } else {
        &[]
    };
    Verdict::new(&RULE, Actor::Unknown, story.basis, headline)
        .explain(explanation)
        .proved_by(evidence::handshake_packets(story).chain([story.first.number, story.last.number]))
        .advise(match story.capture.viewpoint {
            Viewpoint::Wire if story.capture.interrupted.is_some() => {
                &["Capture again, without a break, until a few seconds after the client reports its error."]
            }
            Viewpoint::Wire => &["Capture longer: until a few seconds after the client reports its error."],
            Viewpoint::Socket => &["Give the check more time."],
        })
        .advise(above)
}

/// Whether what is left to go wrong is above TLS, as far as the capture goes.
fn is_above_tls(story: &Story) -> bool {
    story.capture.viewpoint == Viewpoint::Wire && story.stage >= Stage::ClientFinished
}

/// The verdict where nothing shows whether the request inside TLS was answered.
fn doubtful(story: &Story, settings: &JudgementSettings) -> Option<Verdict> {
    let doubt = story.answer_doubt(settings.stall_after).and_then(of_doubt);
    let record = doubt.as_ref().map(|(record, ..)| record.number);
    let (headline, explanation) = match doubt {
        Some((_, headline, explanation)) => (headline, explanation),
        None => of_traffic(story, settings.stall_after)?,
    };
    let verdict = Verdict::new(&RULE, Actor::Unknown, story.basis.max(Basis::Inferred), headline);
    let shown = record.into_iter().chain([story.last.number]);
    Some(verdict.explain(explanation).proved_by(evidence::handshake_packets(story)).proved_by(shown).advise(
        &[
            "Read the client's log: a read timeout means that the request was not answered.",
            "Read the server's access log at that time: an answer leaves a line.",
        ],
    ))
}

/// The packet that leaves an answer in doubt, with headline and explanation.
fn of_doubt(doubt: AnswerDoubt) -> Option<(Moment, &'static str, String)> {
    let unknown = "TLS was established; it is unknown whether the request was answered";
    Some(match doubt {
        AnswerDoubt::Tickets(record) => (
            record,
            unknown,
            format!(
                "All that the server sent after the handshake, from packet {} on, is one record or two of the same size. It is as long as \
                 session tickets are, so it may be no answer.",
                record.number
            ),
        ),
        AnswerDoubt::Farewell(record) => (
            record,
            unknown,
            format!(
                "All that the server sent after the request, in packet {}, is one or two records of the smallest size. In TLS 1.3 an \
                 alert, a close_notify and a two-byte answer all have that size.",
                record.number
            ),
        ),
        AnswerDoubt::ControlFrames(record) => (
            record,
            unknown,
            format!(
                "All that the server sent after the request, from packet {} on, is as short as HTTP/2's control frames, which answer \
                 nothing. The snapshot length cuts off whether the client offered HTTP/2.",
                record.number
            ),
        ),
        AnswerDoubt::Cut(reset) => (
            reset,
            "TLS was established; it is unknown whether the server's reply was complete",
            format!(
                "The server reset the connection in packet {} right after it had sent data. Some servers close that way after a complete \
                 reply, and a RST in the middle of one looks the same: the text shows lengths only.",
                reset.number
            ),
        ),
        AnswerDoubt::Timeless(left) => (
            left,
            "TLS was established; the client's message got no reply, and it is unknown whether the client waited for one",
            format!(
                "The client closed in packet {} without a byte of a reply. The packets have no times: if the client waited until its \
                 timeout, the server did not reply; if it left at once, it expected no reply.",
                left.number
            ),
        ),
        AnswerDoubt::Poll(asked) => (
            asked,
            "TLS was established; it is unknown whether the client's last message was owed a reply",
            format!(
                "The client sent a message in packet {}, got no reply, and left. A poll that the server holds open until there is news ends \
                 like that, and so does a message that asks for nothing; a request that the server does not answer looks the same.",
                asked.number
            ),
        ),
        AnswerDoubt::Unseen(_) => return None,
        open => return of_open_message(open),
    })
}

/// The same of a message of the client's that nothing of the server followed.
fn of_open_message(doubt: AnswerDoubt) -> Option<(Moment, &'static str, String)> {
    Some(match doubt {
        AnswerDoubt::ShortRequest(asked) => (
            asked,
            "TLS was established; it is unknown whether the client's last message was a request",
            format!(
                "The client sent a message in packet {} that is shorter than those before, waited, and left, and the server sent nothing \
                 after it. Requests differ in length, and HTTP/2 compresses the headers of later ones to a few bytes; an \
                 acknowledgement or a notice may be as long.",
                asked.number
            ),
        ),
        AnswerDoubt::OpenRequest(asked) => (
            asked,
            "TLS was established; the client's last message has no reply in the capture",
            format!(
                "The client sent a message in packet {} that is shorter than those before, and the server sent nothing after it. Requests \
                 differ in length, so it may be one whose reply is still to come.",
                asked.number
            ),
        ),
        AnswerDoubt::CutRequest(begun) => (
            begun,
            "TLS was established; the client's last message is incomplete",
            format!(
                "The client began a TLS record in packet {} whose end is not in the capture, and the server sent nothing after it: the \
                 exchange was not complete.",
                begun.number
            ),
        ),
        AnswerDoubt::Frames(asked) => (
            asked,
            "TLS was established; it is unknown whether the client's last message was answered",
            format!(
                "All that the server sent after the client's message in packet {} is as short as HTTP/2's control frames. Those answer \
                 nothing, and one of them refuses a request (RST_STREAM, RFC 9113, 6.4); a reply without a body may be as short.",
                asked.number
            ),
        ),
        AnswerDoubt::HalfClosed(close) => (
            close,
            "TLS was established; the client closed after its last message, and no reply came",
            format!(
                "The client closed its direction in packet {}, and the server, which could still reply, neither did nor closed for a while. A \
                 message that asks for nothing looks the same.",
                close.number
            ),
        ),
        AnswerDoubt::Renegotiation(message) => (
            message,
            "TLS was established; the server asked for another handshake in place of a reply",
            format!(
                "All that the server sent after the request, up to packet {}, are handshake messages, as a server sends that asks for a \
                 client certificate only now (renegotiation, RFC 5246, 7.4.1.1). No reply to the request followed.",
                message.number
            ),
        ),
        _ => return None,
    })
}

/// Headline and explanation where the traffic itself leaves the outcome open.
fn of_traffic(story: &Story, stall_after: Elapsed) -> Option<(&'static str, String)> {
    let is_unheard = |role| story.is_farewell_unheard(role, stall_after);
    let (headline, explanation) = if story.may_ask_in_parts() {
        (
            "TLS was established; the client's messages got no reply, and it is unknown whether they expect one",
            "The client paused several times between its messages, as programs do that log or publish and wait for no reply. A request \
             that is sent in parts looks the same.",
        )
    } else if story.is_answer_held_up() {
        (
            "the client's receive window was still closed when the capture ended",
            "The server has more to send, as its probes of the window or its unfinished record show, and the client's program does not \
             read it: whether it will is unknown.",
        )
    } else if is_unheard(Role::Client) || is_unheard(Role::Server) {
        (
            "the end of the connection was not acknowledged; it is unknown whether the exchange was complete",
            "One side closed after a silence and retransmitted its FIN or close_notify several times without an ACK: the path broke, or the \
             other host is down, and nothing shows whether all data had arrived before that.",
        )
    } else if story.has_undelivered(stall_after) {
        (
            "data was retransmitted and had no ACK yet when the capture ended",
            "A single retransmission may be a probe, and its ACK may follow: the capture ends too soon to call it lost.",
        )
    } else {
        return None;
    };
    Some((headline, explanation.to_owned()))
}

/// Headline and explanation where the server refused to start TLS and nobody has left yet.
fn refused_tls(story: &Story, place: &str, ends: &str) -> Option<(String, String)> {
    let refusal = story.refused_start_of_tls()?;
    let protocol = story.prelude.as_ref()?.protocol;
    let code = refusal.what.code.map(|code| format!(" with {code}")).unwrap_or_default();
    Some((
        format!(
            "the server refused {protocol}{code}, and the connection was still open when the {place} ended"
        ),
        format!(
            "The client asked for TLS with the protocol's own command, and packet {} refuses it. {ends}, so whether the client \
             continues without TLS is unknown.",
            refusal.moment.number
        ),
    ))
}

/// The same where nothing is wrong so far.
/// One of several paths of a Multipath TCP connection failed: the others may have brought what it lost.
fn broken_path(story: &Story) -> Option<(String, String)> {
    let ending = story.decisive().filter(|_| story.opening.is_subflow)?;
    let by = ending.by;
    let (headline, shown) = match &ending.what {
        EndingKind::Silence(silence) if story.is_path_broken() => (
            format!(
                "a path of a Multipath TCP connection failed: no ACK of the {by} for {}",
                silence.elapsed()
            ),
            format!("Since packet {} the {by} acknowledged nothing on this path.", silence.since.number),
        ),
        EndingKind::Reset(_) => (
            format!("the {by} reset a path of a Multipath TCP connection"),
            format!("The RST in packet {} ends this path alone.", ending.moment.number),
        ),
        _ => return None,
    };
    Some((
        headline,
        format!(
            "{shown} Its SYN joins another connection (MP_JOIN, RFC 8684, 3.2), whose other paths carry the same data: whether that one \
             failed, its own packets show."
        ),
    ))
}

fn normal(story: &Story, place: &str, ends: &str) -> (String, String) {
    let reached = last_step::of(story);
    let headline = match story.capture.interruption() {
        Some(elapsed) => {
            format!(
                "normal up to {reached}; no packet of any connection was captured for {elapsed} after that"
            )
        }
        None => format!("normal up to {reached}, where the {place} ends"),
    };
    let so_far = if is_above_tls(story) {
        "TCP and TLS work this far.".to_owned()
    } else {
        format!("Everything up to {reached} is normal.")
    };
    (headline, format!("{so_far} {ends}, so what happened next is unknown."))
}

fn name_of(viewpoint: Viewpoint) -> &'static str {
    match viewpoint {
        Viewpoint::Wire => "capture",
        Viewpoint::Socket => "check",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::story::script::talk::{self, Talk, exchange, handshake, ssm};
    use crate::tcp::Role::{Client, Server};

    #[test]
    fn a_capture_that_ends_soon_after_the_last_step_decides_nothing() {
        for (stage, reached) in [
            (Stage::Syn, "the SYN"),
            (Stage::SynAck, "the SYN-ACK"),
            (Stage::ClientHello, "the ClientHello"),
            (Stage::ServerHello, "the ServerHello"),
            (Stage::ServerFlightComplete, "the server's flight"),
            (Stage::ClientFinished, "the client's Finished"),
        ] {
            let story = Story::at(stage).more(1_200);
            let verdict = story.verdict();
            assert_eq!(verdict.is(), ("in-progress", Actor::Unknown, None), "{stage}");
            assert_eq!(verdict.severity, Severity::Unknown);
            assert!(verdict.headline.contains(reached), "{}", verdict.headline);
            assert!(verdict.explanation.contains("1.2 s"), "{}", verdict.explanation);
            assert_eq!(
                (verdict.evidence.first(), verdict.evidence.last()),
                (Some(&1), Some(&story.last.number))
            );
            assert!(!verdict.mentions("dropped") && !verdict.mentions("missing from the capture"));
        }
    }

    #[test]
    fn after_the_client_s_finished_a_licence_server_s_application_is_next() {
        for (stage, is_above) in [(Stage::ServerFlightComplete, false), (Stage::ClientFinished, true)] {
            let story = Story::at(stage).more(100);
            let verdict = story.verdict();
            let advice: Vec<_> = verdict.advice(&story).collect();
            assert_eq!(
                verdict.explanation.starts_with("TCP and TLS work this far."),
                is_above,
                "{verdict:?}"
            );
            let asks = advice
                .iter()
                .any(|advice| advice.contains("`ssmscope check --oauth password 198.51.100.20`"));
            assert_eq!(asks, is_above, "{advice:?}");
        }
        let elsewhere = Story::at(Stage::ClientFinished).on_port(443).more(100);
        assert!(!elsewhere.verdict().mentions("Failed to authenticate"));
    }

    #[test]
    fn a_refusal_to_start_tls_is_not_called_normal() {
        let verdict = talk::starttls(b"454 TLS not available\r\n").ack(Client).verdict(100);
        assert_eq!(verdict.is(), ("in-progress", Actor::Unknown, None));
        assert!(verdict.headline.contains("refused SMTP STARTTLS with 454"), "{}", verdict.headline);
        assert!(!verdict.mentions("normal") && verdict.mentions("packet 8 refuses it"), "{verdict:?}");
    }

    #[test]
    fn without_times_it_is_not_called_too_soon() {
        let mut story = ssm().syn().wait(990).syn().story(1_500);
        story.capture.clock = Clock::Absent;
        let verdict = story.verdict();
        assert!(verdict.mentions("no times, so for how long is unknown"), "{verdict:?}");
        assert!(!verdict.mentions("too soon"), "{verdict:?}");
    }

    #[test]
    fn a_syn_that_is_repeated_without_a_reply_is_not_called_normal() {
        let verdict = ssm().syn().wait(990).syn().verdict(1_500);
        assert_eq!(verdict.is(), ("in-progress", Actor::Unknown, None));
        assert!(
            verdict.headline.contains("no reply to the SYN yet")
                && verdict.headline.contains("(2 SYNs in 1.0 s)"),
            "{}",
            verdict.headline
        );
        assert!(!verdict.mentions("normal"), "{verdict:?}");
        assert!(ssm().syn().verdict(1_500).mentions("normal up to the SYN"));
    }

    #[test]
    fn a_handshake_whose_packets_are_repeated_is_not_called_normal() {
        let repeated = ssm().syn().syn_ack().wait(990).syn().syn_ack();
        let verdict = repeated.verdict(500);
        assert_eq!(verdict.is(), ("in-progress", Actor::Unknown, None));
        assert!(verdict.headline.contains("(2 SYNs, 2 SYN-ACKs, no ACK)"), "{}", verdict.headline);
        assert!(!verdict.mentions("normal"), "{verdict:?}");
        // The first SYN may have been lost before it was answered.
        assert!(ssm().syn().wait(990).syn().syn_ack().verdict(500).mentions("normal up to the SYN-ACK"));
    }

    #[test]
    fn a_short_message_that_has_no_reply_at_the_end_may_be_a_request() {
        let long = talk::encrypted(700);
        let asked = || {
            let shaken = talk::handshake().say(Client, &long).say(Server, &long).ack(Client);
            shaken.say(Client, &talk::encrypted(120)).ack(Server)
        };
        let verdict = asked().verdict(1_000);
        assert_eq!(verdict.is(), ("in-progress", Actor::Unknown, None));
        assert!(verdict.headline.contains("last message has no reply"), "{}", verdict.headline);
        assert_eq!(asked().say(Server, &long).ack(Client).code(1_000), "healthy");
    }

    #[test]
    fn another_handshake_is_no_reply() {
        // A HelloRequest, the client's ClientHello, and then nothing.
        let message = |len: u8| [&[22, 3, 3, 0, len][..], &vec![9; len.into()]].concat();
        let asked = || talk::handshake().say(Client, &talk::data()).say(Server, &message(28)).ack(Client);
        let hung = asked().say(Client, &message(200)).ack(Server).wait(20_000).fin(Client).verdict(0);
        assert_eq!(hung.is(), ("no-response", Actor::Server, None));
        let refused = asked().say(Client, &talk::close_notify()).fin(Client).fin(Server).verdict(0);
        assert!(refused.headline.contains("another handshake in place of a reply"), "{}", refused.headline);
        let renewed = asked().say(Client, &message(200)).say(Server, &message(90)).say(Server, &talk::data());
        assert_eq!(renewed.ack(Client).fin(Client).fin(Server).code(0), "healthy");
    }

    #[test]
    fn a_server_that_neither_replies_nor_closes_after_a_half_close_leaves_the_answer_open() {
        let closed = || talk::handshake().say(Client, &talk::data()).fin(Client).ack(Server);
        let hung = closed().wait(8_000).fin(Server).verdict(0);
        assert_eq!(hung.is(), ("in-progress", Actor::Unknown, None));
        assert!(hung.headline.contains("closed after its last message"), "{}", hung.headline);
        assert_eq!(closed().fin(Server).code(0), "healthy");
        assert_eq!(closed().say(Server, &talk::data()).fin(Server).code(0), "healthy");
    }

    #[test]
    fn data_after_the_tcp_handshake_is_the_last_step() {
        let asked = Story::at(Stage::TcpEstablished);
        let moment = asked.last;
        let verdict = asked.but(|story| story.data.client.sent_unknown = Some(moment)).verdict();
        assert_eq!(verdict.code, "in-progress", "{}", verdict.headline);
        assert!(verdict.headline.contains("normal up to the client's first data"), "{}", verdict.headline);
        assert!(ssm().open().verdict(500).mentions("normal up to the TCP handshake"));
    }

    #[test]
    fn a_capture_that_was_interrupted_lacks_nothing_of_one_connection() {
        let hello = ssm().open().say(Client, &talk::client_hello()).say(Server, &talk::server_hello_13());
        let mut story = hello.story(600_000);
        assert_eq!(story.verdict().code, "capture-gap");
        story.capture.interrupted = std::num::NonZeroU32::new(540);
        let verdict = story.verdict();
        assert_eq!(verdict.is(), ("in-progress", Actor::Unknown, None));
        assert!(verdict.headline.contains("no packet of any connection"), "{}", verdict.headline);
        assert!(
            verdict.mentions("captured for 9 min 0 s after it") && !verdict.mentions("capture ends"),
            "{verdict:?}"
        );
    }

    #[test]
    fn a_silence_or_an_end_is_another_rule_s() {
        assert_eq!(Story::at(Stage::Syn).silent_for(3_000, Server).verdict().code, "syn-no-reply");
        assert_eq!(Story::at(Stage::SynAck).fin(Client).verdict().code, "closed-early");
        assert_eq!(Story::at(Stage::TlsEstablished).verdict().code, "healthy");
        assert_eq!(Story::at(Stage::None).verdict().code, "midstream");
    }

    #[test]
    fn a_check_is_given_more_time_and_a_capture_without_times_has_none() {
        let check = Story::at(Stage::ClientHello).but(|story| story.capture.viewpoint = Viewpoint::Socket);
        assert!(check.verdict().mentions("Give the check more time."));
        assert!(!check.verdict().mentions("Capture for longer"));
        let timeless = Story::at(Stage::ClientHello).but(|story| story.capture.clock = Clock::Absent);
        assert!(timeless.verdict().mentions("no times"));
    }

    #[test]
    fn what_a_client_said_in_text_of_unknown_length_may_be_a_request() {
        let text = |change: fn(&mut Story)| {
            let story = Story::at(Stage::TlsEstablished).but(|story| story.capture.is_text = true);
            story.more(10).but(change).verdict().code
        };
        assert_eq!(text(|_| ()), "healthy");
        assert_eq!(text(|story| story.data.client.sent_unknown = Some(story.next(Client))), "in-progress");
        // A server that spoke as well may have answered.
        let answered = text(|story| {
            story.data.client.sent_unknown = Some(story.next(Client));
            story.data.server.sent_unknown = Some(story.next(Server));
        });
        assert_eq!(answered, "healthy");
    }

    /// The client's FIN, this long after an exchange, sent five times.
    fn repeated_fin(after: i64) -> Talk {
        let left = exchange().ack(Client).ack(Server).wait(after).fin(Client);
        let seq = left.next(Client) - 1;
        (0..4).fold(left, |talk, _| talk.wait(400).segment(Client, "F.", seq, &[]))
    }

    #[test]
    fn a_fin_that_nobody_acknowledges_after_a_silence_leaves_the_outcome_open() {
        let verdict = repeated_fin(8_000).verdict(0);
        assert_eq!(verdict.is(), ("in-progress", Actor::Unknown, None), "{}", verdict.headline);
        assert!(
            verdict.headline.contains("end of the connection was not acknowledged"),
            "{}",
            verdict.headline
        );
        assert_eq!(repeated_fin(8_000).ack(Server).code(0), "healthy");
        // The server had just spoken.
        assert_eq!(repeated_fin(500).code(0), "healthy");
    }

    #[test]
    fn an_answer_that_a_closed_window_holds_up_at_the_capture_s_end_is_not_complete() {
        let record = talk::encrypted(2_000);
        let begun = handshake().say(Client, &talk::data()).say(Server, &record[..900]);
        let (seq, ack) = (begun.next(Client), begun.next(Server));
        let shut = begun.segment_with(Client, ".", seq, ack, &[], |header| header.tcp.window = Some(0));
        let verdict = shut.verdict(10);
        assert_eq!(verdict.is(), ("in-progress", Actor::Unknown, None), "{}", verdict.headline);
        assert!(verdict.headline.contains("receive window"), "{}", verdict.headline);
        assert_eq!(shut.ack(Client).say(Server, &record[900..]).ack(Client).code(10), "healthy");
    }
}
