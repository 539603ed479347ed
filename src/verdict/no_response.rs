//! The connection is up, a request went out, and no answer came.

use super::words::{ack_unseen, advice, drops, icmp_error, log_line, path_mtu};
use super::{Actor, Code, Rule, Settings, Severity, Verdict};
use crate::log::{Agreement, Outcome, Side};
use crate::story::{Ending, EndingKind, LogTie, Moment, Silence, Stage, Story, UnansweredProbes};
use crate::tcp::Role;

/// `no-response`.
pub(super) const RULE: Rule = Rule {
    code: Code::NoResponse,
    severity: Severity::Critical,
    summary: "the connection was established, a request was sent, and no reply came",
    page: include_str!("../../docs/verdicts/no-response.md"),
    judge,
};

fn judge(story: &Story, settings: &Settings) -> Option<Verdict> {
    if let Some(fin) = story.left_unanswered(settings.stall_after) {
        return Some(left(story, fin));
    }
    if let Some(verdict) = left_before_tls(story) {
        return Some(verdict);
    }
    if let Some(close) = story.closed_in_plain_answer() {
        return Some(cut_off(story, close.moment));
    }
    if let Some(verdict) = left_as_logged(story).or_else(|| unanswered_probes(story, settings)) {
        return Some(verdict);
    }
    let Some(ending) = story.decisive() else { return closed(story).or_else(|| too_big(story, settings)) };
    let EndingKind::Silence(silence) = &ending.what else { return None };
    if let Some(verdict) = undelivered(story, ending, silence) {
        return Some(verdict);
    }
    let is_unanswered = match ending.stage {
        Stage::TlsEstablished | Stage::ApplicationData => true,
        Stage::TcpEstablished => ending.by == Role::Server,
        _ => false,
    };
    is_unanswered.then(|| unanswered(story, silence))
}

/// A silence in which the answer was owed.
fn unanswered(story: &Story, silence: &Silence) -> Verdict {
    let over = match (&story.prelude, story.tls.client_hello.is_some()) {
        (Some(prelude), false) if prelude.is_agreed() => "the request",
        (Some(prelude), false) if prelude.protocol.is_proxy() => "the request to the proxy",
        (Some(_), false) => "the request to start TLS",
        // A client whose Finished is repeated without an acknowledgement asks for nothing yet.
        (_, true) if story.tls.application_data.client.count == 0 => "the client's end of the handshake",
        (_, true) if story.later_request().is_some() => "a later request inside TLS",
        (None, false) if story.open_plain_request().is_some() => "a later request",
        (_, true) => "the request inside TLS",
        _ => "the request",
    };
    let (actor, delivered) = if !silence.is_acknowledged && story.capture.acks_unobservable {
        (Actor::Unknown, "A socket cannot tell whether the request arrived; a capture shows its ACK.")
    } else if silence.is_acknowledged {
        (
            Actor::Server,
            "The server's TCP acknowledged the request: the path works, and the server process does not reply.",
        )
    } else {
        (Actor::Path, "The request was not acknowledged either: it, or every reply, is lost in transit.")
    };
    let request = story.asked_last().or(story.open_plain_request()).or(story.data.client.first);
    let is_in_record =
        story.tls.is_inside_record.server && story.was_answered() && story.later_request().is_none();
    let is_begun = is_in_record || story.is_plain_answer_cut();
    let delivered = if is_begun {
        "The reply is incomplete: the server stopped sending, or the rest is lost in transit."
    } else {
        delivered
    };
    let headline = if is_begun {
        format!("the server stopped in the middle of its reply, for {}", silence.elapsed())
    } else {
        format!("no reply to {over} for {}", silence.elapsed())
    };
    let verdict = Verdict::new(&RULE, actor, story.basis, headline);
    let advice =
        if actor == Actor::Path { &advice::PATH_OF_CONNECTION[..] } else { advice::server_process(story) };
    let sign = path_mtu::sign(story, Role::Client).or_else(|| path_mtu::sign(story, Role::Server));
    let verdict = if let Some(sign) = sign {
        sign.explain(verdict)
    } else {
        let unseen = if silence.is_ack_unseen { ack_unseen::SENTENCE } else { "" };
        verdict.explain(format!("{delivered}{unseen}{}", drops::caveat(story))).advise(advice)
    };
    icmp_error::in_silence(story, silence, verdict)
        .reported(&["java.net.SocketTimeoutException: Read timed out"])
        .proved_by(request.map(|moment| moment.number).into_iter().chain([silence.since.number]))
        .proved_by(story.data.client.repeats.numbers().take(4))
}

/// Of a connection whose beginning the capture lacks, data that a router reports as too big, and that was sent again and again.
fn too_big(story: &Story, settings: &Settings) -> Option<Verdict> {
    let stage = story.stage;
    [Role::Server, Role::Client].into_iter().filter(|_| stage == Stage::None).find_map(|sender| {
        let data = &story.data[sender];
        // From the first of it to the last retransmission: the capture may hold more of the connection.
        let waiting = data.unacknowledged;
        let since = waiting.map(|waiting| waiting.since).or(data.first)?;
        let last = waiting.and_then(|waiting| waiting.last_repeat).unwrap_or(story.last);
        let elapsed = last.at - since.at;
        if data.repeats.count < 2 || elapsed < settings.stall_after {
            return None;
        }
        let verdict = Verdict::new(
            &RULE,
            Actor::Path,
            story.basis,
            format!("the {sender}'s data was not acknowledged for {elapsed}"),
        );
        let sign = path_mtu::sign(story, sender)?;
        Some(
            sign.explain(verdict)
                .reported(&[
                    "the client's own read timeout",
                    "java.net.SocketTimeoutException: Read timed out",
                ])
                .proved_by(data.repeats.numbers().take(4)),
        )
    })
}

/// Data in the middle of a conversation was sent again and again, and nothing of it was acknowledged.
fn undelivered(story: &Story, ending: &Ending, silence: &Silence) -> Option<Verdict> {
    let sender = silence.awaited_from.other();
    let is_begun = match ending.stage {
        // Of one direction only, the beginning is missing too.
        Stage::None => story.traffic.counters[silence.awaited_from].segments > 0,
        Stage::TcpEstablished => sender == Role::Server || story.data.server.first.is_some(),
        Stage::TlsEstablished | Stage::ApplicationData => sender == Role::Server || story.was_answered(),
        _ => false,
    };
    if silence.is_acknowledged
        || !is_begun
        || story.prelude.is_some() && ending.stage == Stage::TcpEstablished
    {
        return None;
    }
    let repeats = match story.data[sender].unacknowledged.map_or(0, |waiting| waiting.repeats) {
        0 => String::new(),
        1 => " and was retransmitted once".to_owned(),
        count => format!(" and was retransmitted {count} times"),
    };
    let headline = format!("the {sender}'s data was unacknowledged for {}{repeats}", silence.elapsed());
    let verdict = Verdict::new(&RULE, Actor::Path, story.basis, headline);
    let verdict = match path_mtu::sign(story, sender) {
        Some(sign) => sign.explain(verdict),
        None => verdict
            .explain(format!(
                "The connection worked until then. Since then the {sender}'s data, or every ACK of the {}, is lost in \
                 transit: the path broke, a firewall or NAT dropped its state for the connection, or that host is down.{}",
                sender.other(),
                drops::caveat(story)
            ))
            .advise(&advice::PATH_OF_CONNECTION),
    };
    Some(
        icmp_error::in_silence(story, silence, verdict)
            .reported(&["java.net.SocketTimeoutException: Read timed out"])
            .proved_by([silence.since.number])
            .proved_by(
                story.data[sender]
                    .unacknowledged
                    .and_then(|waiting| waiting.last_repeat)
                    .map(|moment| moment.number),
            )
            .proved_by(story.data[sender].repeats.numbers().take(4)),
    )
}

/// A plain request that can be read, and a FIN without an answer to it.
fn left(story: &Story, fin: &Ending) -> Verdict {
    let first = story.plain.client.as_ref().map(|plain| plain.moment);
    let request = story.open_plain_request().or(first);
    let waited = request.map(|request| fin.moment.at - request.at).unwrap_or_default();
    let is_lost = !story.data.client.is_all_acknowledged && story.data.client.repeats.count > 0;
    let actor = if is_lost { Actor::Path } else { Actor::Server };
    let (headline, explanation, reports) = match fin.by {
        Role::Server => (
            "the server closed the connection instead of replying to the request".to_owned(),
            "The client sent its request. The server closed the connection in an orderly way without sending data: its \
             program gave up on the request, was stopped, or limits its clients.",
            [
                "curl: (52) Empty reply from server",
                "java.net.SocketException: Unexpected end of file from server",
            ],
        ),
        Role::Client => (
            format!("the client gave up on the request after {waited} without a reply"),
            "The client sent its request and closed the connection before any byte of the reply arrived. How long it \
             waits is its own timeout; the server was slower than that.",
            ["the client's own read timeout", "java.net.SocketTimeoutException: Read timed out"],
        ),
    };
    Verdict::new(&RULE, actor, story.basis, headline)
        .explain(explanation)
        .reported(&reports)
        .proved_by(request.into_iter().chain([fin.moment]).map(|moment| moment.number))
        .proved_by(story.data.server.first.map(|moment| moment.number))
        .advise(if is_lost { &advice::PATH_OF_CONNECTION[..] } else { advice::server_process(story) })
}

/// A request to start TLS, or for a tunnel, and a FIN without an answer.
fn left_before_tls(story: &Story) -> Option<Verdict> {
    let fin = story.left_before_tls()?;
    let prelude = story.prelude.as_ref()?;
    let asked = prelude.latest.moment;
    let waited = fin.moment.at - asked.at;
    let is_lost = !story.data.client.is_all_acknowledged && story.data.client.repeats.count > 0;
    let actor = if is_lost { Actor::Path } else { Actor::Server };
    let (headline, explanation, report) = match fin.by {
        Role::Server => (
            format!("the server closed the connection instead of replying to {}", prelude.protocol),
            "The client asked for TLS with the protocol's own command. The server closed the connection in an orderly way without a \
             reply: its program failed, was stopped, or limits its clients.",
            "java.net.SocketException: Unexpected end of file from server",
        ),
        Role::Client => (
            format!("the client gave up on the request to the proxy after {waited} without a reply"),
            "The client asked for a tunnel and closed the connection before any byte of the reply arrived. How long it waits is \
             its own timeout; the proxy was slower than that.",
            "java.net.SocketTimeoutException: Read timed out",
        ),
    };
    Some(
        Verdict::new(&RULE, actor, story.basis.max(prelude.latest.basis), headline)
            .explain(explanation)
            .reported(&[report])
            .proved_by([asked.number, fin.moment.number])
            .advise(if is_lost { &advice::PATH_OF_CONNECTION[..] } else { advice::server_process(story) }),
    )
}

/// Keep-alive probes that show a path that broke while the connection was idle. A host that is there answers each (RFC 9293, 3.8.4).
fn unanswered_probes(story: &Story, settings: &Settings) -> Option<Verdict> {
    /// One or two may be lost on a path that works.
    const TELLING: u64 = 3;
    let UnansweredProbes { by: prober, probes } = &**story.traffic.unanswered_probes.as_ref()?;
    let prober = *prober;
    if probes.count < TELLING {
        return None;
    }
    let first = probes.first()?;
    // The prober's kernel or program ends what got no reply; a silence before the probes is of the same kind.
    let is_open = story.endings.iter().all(|end| match end.what {
        EndingKind::Silence(_) => true,
        EndingKind::Reset(_) | EndingKind::Fin => end.by == prober && end.moment.at >= first.at,
        _ => false,
    });
    let last = probes.moments.last().copied().unwrap_or(first);
    let until = story.last.at.max(last.at);
    let elapsed = until - first.at;
    let is_begun = story.stage > Stage::None && story.one_sided().is_none();
    if !is_open || !is_begun || elapsed < settings.stall_after {
        return None;
    }
    let other = prober.other();
    let silence =
        Silence { since: first, until, awaited_from: other, is_acknowledged: false, is_ack_unseen: false };
    let verdict = Verdict::new(
        &RULE,
        Actor::Path,
        story.basis,
        format!("{} keep-alive probes of the {prober} got no reply in {elapsed}", probes.count),
    )
    .explain(format!(
        "The {prober}'s keep-alive probes got no reply from the {other}: the path broke, a firewall or NAT dropped \
         its state for the connection, or the {other}'s host is down.{}",
        drops::caveat(story)
    ))
    .reported(&["ETIMEDOUT (Connection timed out)"])
    .proved_by(probes.numbers().take(4))
    .advise(&advice::PATH_OF_CONNECTION);
    Some(icmp_error::in_silence(story, &silence, verdict))
}

/// The client left before any answer inside TLS came, and a log says that it had waited for one.
fn left_as_logged(story: &Story) -> Option<Verdict> {
    let left = story.left_without_an_answer()?;
    let gave_up = |tie: &&LogTie| {
        let waited = matches!(tie.outcome, Outcome::ReadTimeout | Outcome::TimedOut | Outcome::GaveUp);
        waited && tie.agreement == Agreement::Agrees
    };
    let tie = story.logs.iter().find(gave_up)?;
    let line = tie.line()?;
    let whose = match tie.side {
        Side::Client => "client",
        Side::Server => "server",
    };
    let asked = story.asked_last()?;
    let is_lost = !story.data.client.is_all_acknowledged && story.data.client.repeats.count > 0;
    let (actor, advice) = if is_lost {
        (Actor::Path, &advice::PATH_OF_CONNECTION[..])
    } else {
        (Actor::Server, &advice::server_process(story)[..])
    };
    let waited = left.moment.at - asked.at;
    Some(
        Verdict::new(
            &RULE,
            actor,
            story.basis,
            format!("the client gave up on the request inside TLS after {waited} without a reply"),
        )
        .explain(format!(
            "No byte of a reply came before the client closed the connection. The {whose}'s log says that it was waiting for \
             one: {}.",
            log_line::quoted(line)
        ))
        .reported(&["java.net.SocketTimeoutException: Read timed out"])
        .proved_by([asked.number, left.moment.number])
        .advise(advice),
    )
}

/// The server's FIN came in the middle of its answer.
fn cut_off(story: &Story, close: Moment) -> Verdict {
    let request = story.asked_last().or(story.plain.client.as_ref().map(|plain| plain.moment));
    let why = match story.plain_answer_len {
        Some(len) => format!(
            "The reply's header announces {len} bytes with the body, and {} came",
            story.data.server.bytes
        ),
        None => "The last record of the reply is incomplete".to_owned(),
    };
    Verdict::new(
        &RULE,
        Actor::Server,
        story.basis,
        "the server closed the connection in the middle of its reply",
    )
    .explain(format!(
        "{why}: the server closed the connection in an orderly way before it had sent all of it. Its program failed or was stopped."
    ))
    .reported(&[
        "curl: (18) transfer closed with outstanding read data remaining",
        "java.io.IOException: Premature EOF",
    ])
    .proved_by(request.into_iter().chain([close]).map(|moment| moment.number))
    .advise(advice::server_process(story))
}

/// The server's FIN came in place of an answer.
fn closed(story: &Story) -> Option<Verdict> {
    let close = story.closed_unanswered()?;
    if story.tls.is_inside_record.server && story.was_answered() {
        return Some(cut_off(story, close));
    }
    let request = story.asked_last();
    let (headline, explanation) = if story.later_request().is_some() {
        (
            "the server closed the connection instead of replying to a later request inside TLS",
            "Earlier requests were answered, and the client sent another one. The server closed the connection in an \
             orderly way without sending data: its program gave up on the request or was stopped, or its keep-alive time \
             ended just then.",
        )
    } else {
        (
            "the server closed the connection instead of replying to the request inside TLS",
            "TLS was established and the client sent its request. The server closed the connection in an orderly way \
             without sending data: its program gave up on the request, was stopped, or limits its clients.",
        )
    };
    Some(
        Verdict::new(&RULE, Actor::Server, story.basis, headline)
            .explain(explanation)
            .reported(&[
                "curl: (52) Empty reply from server",
                "java.net.SocketException: Unexpected end of file from server",
            ])
            .proved_by(request.into_iter().chain([close]).map(|moment| moment.number))
            .advise(advice::server_process(story)),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::packet::{SegmentHeader, TcpOptions};
    use crate::story::script::log::tied;
    use crate::story::script::talk::{self, Talk, exchange, handshake, ssm};
    use crate::tcp::Role::{Client, Server};
    use crate::tls::PlainKind;

    #[test]
    fn an_acknowledged_request_without_an_answer_is_the_server_s() {
        let verdict = Story::at(Stage::ApplicationData).silent_for(8_000, Server).acknowledged().verdict();
        assert_eq!(verdict.is(), ("no-response", Actor::Server, None));
        assert_eq!(verdict.evidence, [9]);
        assert!(verdict.headline.contains("request inside TLS") && verdict.headline.contains("8.0 s"));
        assert!(!verdict.mentions("lost") && verdict.mentions("openssl s_client"));
        let plain =
            Talk::to_port(80).open().say(Client, b"GET / HTTP/1.1\r\n\r\n").ack(Server).verdict(8_000);
        assert_eq!(plain.is(), ("no-response", Actor::Server, None));
        assert!(!plain.mentions("openssl"), "TLS is not spoken there");
    }

    #[test]
    fn an_unacknowledged_one_is_lost_on_the_path_and_where_that_does_not_show_nobody_is_blamed() {
        let story = Story::at(Stage::ApplicationData).repeats(Client, 2).silent_for(8_000, Server);
        let verdict = story.clone().verdict();
        assert_eq!(verdict.is(), ("no-response", Actor::Path, None));
        assert_eq!(verdict.evidence, [9, 10, 11]);
        assert!(!verdict.mentions("does the SYN arrive"), "the connection was established");
        assert!(!verdict.mentions("the server process does not reply"));
        let hidden = story.but(|story| story.capture.acks_unobservable = true).verdict();
        assert_eq!(hidden.is(), ("no-response", Actor::Unknown, None));
    }

    #[test]
    fn data_that_is_sent_again_in_vain_is_lost_on_the_path_whoever_sends_it() {
        for role in [Client, Server] {
            let begun = [
                exchange(),
                Talk::to_port(9100).open().say(Client, b"job").say(Server, b"ok"),
                ssm()
                    .segment(Server, "P.", 5_000, b"some")
                    .ack(Client)
                    .segment(Client, "P.", 1, b"bytes")
                    .ack(Server),
            ];
            for talk in begun {
                let sent = talk.ack(role.other()).ack(role).say(role, &[7; 64]);
                let lost = sent.wait(300).repeat(role).wait(600).repeat(role).wait(1_200).repeat(role);
                let verdict = lost.verdict(2_000);
                assert_eq!(verdict.is(), ("no-response", Actor::Path, None), "{}", verdict.headline);
                assert!(verdict.headline.contains("retransmitted 3 times"), "{}", verdict.headline);
                assert_ne!(lost.ack(role.other()).code(60_000), "no-response");
            }
        }
    }

    #[test]
    fn a_plain_request_that_can_be_read_is_owed_an_answer_however_soon_somebody_leaves() {
        let asked = Talk::to_port(80).open().say(Client, b"GET / HTTP/1.1\r\n\r\n").ack(Server);
        let left = asked.clone().wait(1_000).fin(Client);
        let refused =
            left.clone().say(Server, b"HTTP/1.1 200 OK\r\n\r\n").segment(Client, "R", left.next(Client), &[]);
        let closed = asked.clone().fin(Server).fin(Client).ack(Server);
        for talk in [left.clone().fin(Server).ack(Client), refused, closed] {
            let verdict = talk.verdict(500);
            assert_eq!(verdict.is(), ("no-response", Actor::Server, None), "{}", verdict.headline);
        }
        // A FIN that only half-closes awaits its answer.
        assert_eq!(left.code(500), "in-progress");
        let answered = left.say(Server, b"HTTP/1.1 200 OK\r\n\r\n").fin(Server).ack(Client);
        assert_eq!(answered.code(10_000), "plaintext");
        // Other bytes may be a message that nobody answers.
        let log = Talk::to_port(514).open().say(Client, b"<14>a line\n").ack(Server).fin(Client).fin(Server);
        assert_eq!(log.code(500), "plaintext");
    }

    #[test]
    fn a_request_behind_the_server_s_fin_that_a_rst_answers_is_reset() {
        let done = Talk::to_port(80)
            .open()
            .say(Client, b"GET / HTTP/1.1\r\n\r\n")
            .say(Server, b"HTTP/1.1 200 OK\r\n\r\n")
            .fin(Server)
            .ack(Client);
        let again = done.clone().say(Client, b"GET /2 HTTP/1.1\r\n\r\n").rst(Server);
        assert_eq!(again.verdict(0).is(), ("reset", Actor::Server, None));
        assert_eq!(done.fin(Client).rst(Server).code(0), "plaintext");
    }

    #[test]
    fn a_plain_request_is_owed_an_answer_too() {
        let asked = Story::at(Stage::TcpEstablished)
            .on_port(80)
            .sends(Client, PlainKind::HttpRequest, "GET / HTTP/1.1")
            .silent_for(8_000, Server)
            .acknowledged();
        let verdict = asked.verdict();
        assert_eq!(verdict.is(), ("no-response", Actor::Server, None));
        assert!(!verdict.mentions("TLS"), "{verdict:?}");
    }

    #[test]
    fn a_fin_in_place_of_the_answer_is_the_server_s() {
        let verdict = Story::at(Stage::ApplicationData).fin(Server).verdict();
        assert_eq!(verdict.is(), ("no-response", Actor::Server, None));
        assert_eq!(verdict.evidence, [9, 10]);
        assert!(verdict.mentions("Empty reply from server"));
        // The client's own FIN, and one after the answer, end in good order.
        assert_eq!(Story::at(Stage::ApplicationData).fin(Client).verdict().code, "healthy");
        assert_eq!(Story::at(Stage::ApplicationData).answered().fin(Server).verdict().code, "healthy");
    }

    #[test]
    fn a_rst_in_place_of_the_answer_and_a_client_that_asks_nothing_are_others() {
        assert_eq!(Story::at(Stage::ApplicationData).rst(Server).verdict().code, "reset");
        assert_eq!(Story::at(Stage::TlsEstablished).more(60_000).verdict().code, "healthy");
        let silent = Story::at(Stage::TcpEstablished).silent_for(8_000, Client);
        assert_eq!(silent.verdict().code, "client-silent");
    }

    #[test]
    fn an_unanswered_request_is_no_response() {
        let asked = handshake().say(Client, &talk::data()).ack(Server);
        assert_eq!(asked.verdict(4_000).is(), ("no-response", Actor::Server, None));
        assert_eq!(asked.story(4_000).stage, Stage::ApplicationData);
        assert_eq!(asked.code(1_000), "in-progress");
        assert_eq!(asked.rst(Server).code(0), "reset");
    }

    /// Three requests of 200 bytes that are answered, and a later one of this many bytes.
    fn asked_again(bytes: usize) -> Talk {
        let record = |bytes: usize| [&[23, 3, 3, 0, bytes as u8][..], &vec![7; bytes]].concat();
        let talk = (0..3).fold(handshake(), |talk, _| {
            let answered = talk.say(Client, &record(200)).wait(100).say(Server, &record(250));
            answered.ack(Client).wait(10_000)
        });
        talk.say(Client, &record(bytes))
    }

    #[test]
    fn a_later_request_is_owed_an_answer_until_the_client_gives_up() {
        let given_up: [fn(Talk) -> Talk; 3] = [
            |talk| talk.fin(Client),
            |talk| talk.rst(Client),
            |talk| talk.say(Client, &talk::close_notify()),
        ];
        for give_up in given_up {
            let verdict = give_up(asked_again(180).ack(Server).wait(5_000)).verdict(500);
            assert_eq!(verdict.is(), ("no-response", Actor::Server, None), "{}", verdict.headline);
            assert!(verdict.headline.contains("later request") && verdict.headline.contains("5.0 s"));
            // Sooner, its answer was not waited for.
            assert_eq!(give_up(asked_again(180).ack(Server).wait(500)).code(500), "healthy");
        }
        let answered = asked_again(180).ack(Server).wait(20_000).say(Server, &talk::data()).ack(Client);
        assert_eq!(answered.fin(Client).fin(Server).code(60_000), "healthy");
    }

    #[test]
    fn as_long_as_nobody_gives_up_a_later_request_may_be_a_poll() {
        for more in [500, 60_000] {
            assert_eq!(asked_again(180).ack(Server).code(more), "in-progress");
        }
        // An acknowledgement, a ping or a message of another kind is shorter.
        let short = asked_again(60).ack(Server);
        assert_eq!(short.code(60_000), "healthy");
        assert_eq!(short.wait(9_000).fin(Client).fin(Server).code(500), "healthy");
    }

    #[test]
    fn a_later_request_that_the_server_ends_is_not_answered() {
        let closed = asked_again(180).ack(Server).fin(Server).ack(Client).fin(Client);
        assert_eq!(closed.verdict(500).is(), ("no-response", Actor::Server, None));
        // What was on its way when the server closed is not what it closed on.
        let crossed = asked_again(180);
        let (seq, ack) = (crossed.next(Server), crossed.next(Client) - 185);
        let crossed = crossed.segment_with(Server, "F.", seq, ack, &[], |_| {}).ack(Client).fin(Client);
        assert_eq!(crossed.code(500), "healthy");
        let reset = asked_again(180).rst(Server).verdict(500);
        assert_eq!(reset.is(), ("reset", Actor::Server, None));
        assert!(reset.headline.contains("later request"), "{}", reset.headline);
        // The server had closed before, and the request met a RST.
        let idle = handshake().say(Client, &talk::data()).say(Server, &talk::data()).fin(Server);
        let late = |millis| idle.clone().ack(Client).wait(millis).say(Client, &talk::data()).rst(Server);
        assert_eq!(late(3_000).verdict(500).is(), ("reset", Actor::Server, None));
        assert_eq!(late(50).code(500), "healthy", "the two crossed");
        assert_eq!(idle.say(Client, &talk::close_notify()).rst(Server).code(500), "healthy");
    }

    #[test]
    fn a_later_request_that_nobody_acknowledges_is_lost_on_the_path() {
        let lost =
            asked_again(180).wait(300).repeat(Client).wait(600).repeat(Client).wait(1_200).repeat(Client);
        assert_eq!(lost.verdict(1_500).is(), ("no-response", Actor::Path, None));
        // The client gives up, and its kernel repeats what is left.
        let left = asked_again(180).wait(200).repeat(Client).wait(400).repeat(Client).fin(Client);
        let left = left.wait(800).repeat(Client).wait(1_600).repeat(Client).wait(3_200).repeat(Client);
        assert_eq!(left.verdict(500).is(), ("no-response", Actor::Path, None));
    }

    #[test]
    fn a_close_notify_in_place_of_the_answer_is_the_server_s_end() {
        let asked = handshake().say(Client, &talk::data()).ack(Server);
        let closed = asked.say(Server, &talk::close_notify()).fin(Server).ack(Client).fin(Client);
        let verdict = closed.verdict(500);
        assert_eq!(verdict.is(), ("no-response", Actor::Server, None), "{}", verdict.headline);
        let later = asked_again(180).ack(Server).say(Server, &talk::close_notify()).fin(Server).ack(Client);
        assert_eq!(later.verdict(500).is(), ("no-response", Actor::Server, None));
    }

    #[test]
    fn a_client_that_repeats_its_last_words_in_vain_has_no_answer() {
        // Whatever it is: a record of which the capture shows no header.
        let lost = handshake().segment(Client, "P.", 600, &[7; 40]).wait(300).repeat(Client);
        assert_ne!(lost.code(5_000), "healthy");
    }

    #[test]
    fn a_pair_of_session_tickets_is_no_answer_and_a_pair_of_full_records_is_one() {
        let code = |len: u16| {
            let flight = [talk::server_hello_13(), talk::encrypted(200), talk::encrypted(53)].concat();
            ssm()
                .open()
                .say(Client, &talk::client_hello())
                .say(Server, &flight)
                .say(Client, &talk::encrypted(53))
                .say(Client, &talk::encrypted(150))
                .say(Server, &talk::encrypted(len).repeat(2))
                .ack(Client)
                .code(5_000)
        };
        assert_eq!(code(250), "no-response");
        assert_eq!(code(1_300), "healthy");
    }

    #[test]
    fn what_the_server_sent_before_it_had_the_request_is_no_answer_to_it() {
        let flight = [talk::server_hello_13(), talk::encrypted(200), talk::encrypted(53)].concat();
        let established = ssm()
            .open()
            .say(Client, &talk::client_hello())
            .say(Server, &flight)
            .say(Client, &talk::encrypted(53));
        let received = established.next(Client);
        let asked = established.say(Client, &talk::encrypted(150));
        let seq = asked.next(Server);
        let code = |ack, len: u16| {
            let ticket = talk::encrypted(len);
            let talk = asked.clone().segment_with(Server, "P.", seq, ack, &ticket, |_| {});
            talk.ack(Client).ack(Server).code(5_000)
        };
        // One ticket, as of a session that is resumed, or HTTP/2's settings, whatever their size.
        assert_eq!(code(received, 250), "no-response");
        assert_eq!(code(received, 1_300), "no-response");
        // What could be either is neither an answer nor none.
        assert_eq!(code(asked.next(Client), 250), "in-progress");
        let answered = asked.clone().segment_with(Server, "P.", seq, received, &talk::encrypted(250), |_| {});
        assert_eq!(answered.say(Server, &talk::encrypted(300)).ack(Client).code(5_000), "healthy");
    }

    #[test]
    fn a_single_ticket_is_no_answer_where_a_session_was_resumed_and_a_doubtful_one_elsewhere() {
        // RFC 8446, 4.2.11: one identity of this length, its age, and a binder.
        let resumed = |ticket: u16| {
            let identity = [&ticket.to_be_bytes()[..], &vec![5; ticket.into()], &[0; 4]].concat();
            let identities = (identity.len() as u16).to_be_bytes();
            let key = [&identities[..], &identity, &[0, 33, 32], &[6; 32]].concat();
            ssm().open().say(Client, &talk::client_hello_with(&[(45, &[1, 1]), (41, &key)]))
        };
        let accepted = |hello: Talk, key: &[u8]| {
            let flight = [&talk::server_hello_13_with(key)[..], &talk::encrypted(40), &talk::encrypted(53)];
            let finished = hello.say(Server, &flight.concat()).say(Client, &talk::encrypted(53));
            finished.say(Client, &talk::encrypted(150))
        };
        let asked = accepted(resumed(192), &[0, 41, 0, 2, 0, 0]);
        let ticket = asked.clone().say(Server, &talk::encrypted(240)).ack(Client);
        assert_eq!(ticket.verdict(5_000).is(), ("no-response", Actor::Server, None));
        assert_eq!(ticket.clone().rst(Server).verdict(0).is(), ("reset", Actor::Server, None));
        assert_eq!(ticket.say(Server, &talk::encrypted(300)).ack(Client).code(5_000), "healthy");
        // A record of another size, or one that comes later than tickets do, is an answer.
        assert_eq!(asked.clone().say(Server, &talk::encrypted(900)).ack(Client).code(1_000), "healthy");
        // A late one may be a ticket that was lost and sent again.
        assert_eq!(asked.wait(900).say(Server, &talk::encrypted(240)).ack(Client).code(5_000), "in-progress");
        // The first ticket of a new session may have any size.
        let new = accepted(ssm().open().say(Client, &talk::client_hello()), &[]);
        let one = new.say(Server, &talk::encrypted(1_800)).ack(Client);
        let verdict = one.clone().wait(6_000).fin(Client).fin(Server).verdict(0);
        assert_eq!(verdict.is(), ("in-progress", Actor::Unknown, None));
        assert!(verdict.mentions("session ticket") && !verdict.mentions("capture ends"), "{verdict:?}");
        assert_eq!(one.clone().rst(Server).code(0), "in-progress");
        assert_eq!(one.wait(200).fin(Client).fin(Server).code(0), "healthy");
    }

    /// A TLS 1.3 handshake with a client that takes tickets, and a request of 150 bytes.
    fn asked_13() -> Talk {
        asked_of(53)
    }

    /// The same with a server whose Finished has this size.
    fn asked_of(finished: u16) -> Talk {
        let flight = [talk::server_hello_13(), talk::encrypted(200), talk::encrypted(finished)].concat();
        let hello = ssm().open().say(Client, &talk::client_hello_with(&[(45, &[1, 1])]));
        let finished = hello.say(Server, &flight).say(Client, &talk::encrypted(53));
        finished.say(Client, &talk::encrypted(150))
    }

    #[test]
    fn a_pair_of_records_is_one_of_tickets_only_where_and_when_tickets_come() {
        let ticket = talk::encrypted(250);
        let pair = |talk: Talk, record: &[u8]| talk.say(Server, record).say(Server, record).ack(Client);
        assert_eq!(pair(asked_13(), &ticket).code(5_000), "no-response");
        // Later they may be the parts of an answer, and shorter ones are no tickets.
        let late = pair(asked_13().wait(400), &ticket);
        assert_eq!(late.clone().wait(5_000).fin(Client).fin(Server).code(0), "in-progress");
        assert_eq!(late.fin(Server).fin(Client).code(0), "in-progress");
        assert_eq!(pair(asked_13(), &talk::encrypted(50)).code(5_000), "healthy");
        // A client that can't resume gets none.
        let flight = [talk::server_hello_13(), talk::encrypted(200), talk::encrypted(53)].concat();
        let hello = ssm().open().say(Client, &talk::client_hello_with(&[(16, &[0, 3, 2, b'h', b'2'])]));
        let asked =
            hello.say(Server, &flight).say(Client, &talk::encrypted(53)).say(Client, &talk::encrypted(150));
        assert_eq!(pair(asked, &ticket).fin(Server).code(0), "healthy");
    }

    #[test]
    fn two_records_of_a_close_notify_s_size_begin_with_a_message() {
        let short = talk::encrypted(19);
        // A server that answers with two bytes and closes, and one that closes instead of answering.
        let answered = asked_13().say(Server, &short).say(Server, &short).fin(Server).ack(Client);
        assert_eq!(answered.fin(Client).code(0), "in-progress");
        let closed = asked_13().ack(Server).say(Server, &short).fin(Server).ack(Client);
        assert_eq!(closed.fin(Client).code(0), "no-response");
        // JSSE's user_canceled and close_notify are padded.
        let padded = talk::encrypted(35);
        let closed =
            asked_of(69).ack(Server).say(Server, &padded).say(Server, &padded).fin(Server).ack(Client);
        assert_eq!(closed.fin(Client).code(0), "no-response");
        // Where the client leaves first, it may have had its answer.
        let left = asked_13().ack(Server).say(Server, &short).ack(Client).wait(900).fin(Client).fin(Server);
        assert_eq!(left.code(0), "in-progress");
    }

    #[test]
    fn a_goodbye_before_the_close_notify_takes_a_message_back_where_messages_are_sent() {
        let short = talk::encrypted(19);
        let polled = || {
            let answered = asked_13().say(Server, &talk::encrypted(3_000)).ack(Client).wait(400);
            answered.say(Client, &talk::encrypted(150)).ack(Server).wait(6_000)
        };
        let left = polled().say(Client, &short).say(Client, &short).fin(Client).fin(Server);
        assert_eq!((left.code(0), left.on_port(8883).code(0)), ("no-response", "healthy"));
        assert_eq!(polled().say(Client, &short).fin(Client).fin(Server).code(0), "no-response");
        // MQTT's messages ask for nothing.
        let mqtt = polled().say(Client, &short).fin(Client).fin(Server).on_port(8883);
        assert_eq!(mqtt.code(0), "healthy");
    }

    #[test]
    fn full_records_with_pauses_may_be_an_upload_or_a_shipper_s() {
        let chunk = |talk: Talk, _| talk.say(Client, &talk::encrypted(16_401)).ack(Server).wait(900);
        let upload = |port| (0..5).fold(Talk::to_port(port).open().shake_hands(), chunk);
        for port in [8443, 24224] {
            let verdict = upload(port).wait(9_000).fin(Client).fin(Server).verdict(0);
            assert_eq!(verdict.is(), ("in-progress", Actor::Unknown, None), "{}", verdict.headline);
            assert_eq!(upload(port).code(9_000), "in-progress");
            assert_eq!(upload(port).say(Server, &talk::data()).ack(Client).code(9_000), "healthy");
        }
    }

    #[test]
    fn a_request_that_is_never_sent_again_was_acknowledged() {
        // The acknowledgement is not in the capture.
        let asked = Talk::to_port(80).open().say(Client, b"GET / HTTP/1.1\r\n\r\n");
        let verdict = asked.clone().wait(8_000).fin(Client).verdict(0);
        assert_eq!(verdict.is(), ("no-response", Actor::Server, None), "{}", verdict.headline);
        assert!(verdict.mentions("The ACK itself is not in the capture"), "{}", verdict.explanation);
        // Where its sender is gone as well, the capture lacks the rest.
        assert_eq!(asked.code(60_000), "capture-gap");
        let message = Talk::to_port(5_000).open().say(Client, b"message").wait(8_000).fin(Client).fin(Server);
        assert_eq!(message.code(0), "plaintext");
        let lost = asked.wait(300).repeat(Client).wait(600).repeat(Client).wait(8_000).fin(Client).verdict(0);
        assert_eq!(lost.is(), ("no-response", Actor::Path, None));
    }

    #[test]
    fn an_answer_that_is_lost_behind_the_capture_is_the_path_s() {
        let get = b"GET / HTTP/1.1\r\n\r\n";
        let answered = Talk::to_port(80).open().say(Client, get).say(Server, b"HTTP/1.1 200 OK\r\n\r\n");
        let (seq, ack) = (answered.next(Client), 1);
        let left = |talk: Talk| talk.wait(2_000).segment_with(Client, "F.", seq, ack, &[], |_| {});
        let lost = answered.wait(300).repeat(Server).wait(600).repeat(Server).wait(1_200).repeat(Server);
        let verdict = left(lost).verdict(0);
        assert_eq!(verdict.is(), ("no-response", Actor::Path, None), "{}", verdict.headline);
    }

    #[test]
    fn a_client_that_left_soon_had_waited_for_an_answer_if_a_log_says_so() {
        let left = || Story::at(Stage::ApplicationData).ends(EndingKind::Fin, Client);
        assert_eq!(left().verdict().code.name(), "healthy");
        let logged = |outcome, agreement| {
            let tie = tied(Side::Client, outcome, agreement, 400);
            left().but(|story| story.logs = vec![tie]).verdict()
        };
        let verdict = logged(Outcome::ReadTimeout, Agreement::Agrees);
        assert_eq!(verdict.is(), ("no-response", Actor::Server, None));
        assert!(verdict.explanation.contains("(a.log, line 7)"), "{}", verdict.explanation);
        assert_eq!(logged(Outcome::ReadTimeout, Agreement::Silent).code.name(), "healthy");
        assert_eq!(logged(Outcome::Succeeded, Agreement::Agrees).code.name(), "healthy");
    }

    #[test]
    fn a_plain_request_whose_answer_only_acknowledgements_show_was_answered() {
        let plain = Talk::to_port(80)
            .open()
            .say(Client, b"GET / HTTP/1.1\r\n\r\n")
            .say(Server, b"HTTP/1.1 200 OK\r\n\r\n");
        assert_eq!(plain.clone().ack(Client).only(Client).code(10_000), "plaintext");
        assert_eq!(plain.only(Client).code(10_000), "no-response");
    }

    #[test]
    fn a_proxy_that_does_not_answer_the_request_owes_it() {
        let asked = Talk::to_port(1080)
            .open()
            .say(Client, &[5, 1, 0])
            .say(Server, &[5, 0])
            .say(Client, &[5, 1, 0, 1, 198, 51, 100, 20, 0x20, 0xfb])
            .ack(Server);
        let verdict = asked.verdict(4_000);
        assert_eq!(verdict.is(), ("no-response", Actor::Server, None));
        assert!(verdict.headline.contains("request to the proxy"), "{}", verdict.headline);
    }

    #[test]
    fn data_that_a_router_reports_as_too_big_is_lost_in_the_middle_of_a_connection_too() {
        let story =
            Story::at(Stage::None).sends(Server, PlainKind::Binary, "").repeats(Server, 3).but(|story| {
                let first = story.data.server.first.expect("data");
                story.data.server.is_all_acknowledged = false;
                story.last.at = first.at + crate::time::Elapsed::from_millis(4_000);
            });
        let big = story.clone().icmp([203, 0, 113, 1], 3, 4).but(|story| {
            for fact in &mut story.path.icmp_errors {
                fact.quotes = Server;
            }
            story.last.at =
                story.data.server.first.expect("data").at + crate::time::Elapsed::from_millis(4_000);
        });
        assert_black_hole(&big.verdict());
        assert_eq!(story.verdict().code, "midstream");
    }

    #[track_caller]
    fn assert_black_hole(verdict: &Verdict) {
        let expected = ("no-response", Actor::Path, Some("pmtu-black-hole"));
        assert_eq!(verdict.is(), expected, "{}", verdict.headline);
    }

    #[test]
    fn what_the_client_reports_to_lack_is_lost_on_the_path() {
        // RFC 2018, 3: 500 bytes came, and not the 1,000 before them.
        let sack = |header: &mut SegmentHeader| {
            let ack = header.tcp.ack.unwrap();
            let block = [(ack + 1_000).0.to_be_bytes(), (ack + 1_500).0.to_be_bytes()].concat();
            header.tcp.options = Some(TcpOptions::from_wire(&[&[1, 1, 5, 10][..], &block].concat()));
        };
        let asked = handshake().say(Client, &talk::data()).ack(Server);
        let (seq, ack) = (asked.next(Client), asked.next(Server));
        let holed = asked.segment(Server, "P.", ack + 1_000, &[9; 500]).segment_with(
            Client,
            ".",
            seq,
            ack,
            &[],
            sack,
        );
        let left = holed.clone().wait(6_000).segment_with(Client, "F.", seq, ack, &[], sack);
        assert_black_hole(&left.verdict(0));
        assert_eq!(holed.segment(Server, "P.", ack, &[9; 1_000]).ack(Client).code(60_000), "healthy");
    }

    #[test]
    fn what_duplicate_acks_report_to_be_missing_is_lost_on_the_path() {
        // RFC 5681, 4.2: without SACK, each segment beyond the hole gets the same ACK again.
        let asked = handshake().say(Client, &talk::data()).ack(Server);
        let (seq, ack) = (asked.next(Client), asked.next(Server));
        let bare = |talk: Talk| talk.segment_with(Client, ".", seq, ack, &[], |_| {});
        let holed = bare(bare(asked.clone()).segment(Server, "P.", ack + 1_000, &[9; 500]));
        let left = holed.clone().wait(6_000).segment_with(Client, "F.", seq, ack, &[], |_| {});
        assert_black_hole(&left.verdict(0));
        assert_black_hole(&holed.verdict(6_000));
        assert_eq!(holed.segment(Server, "P.", ack, &[9; 1_000]).ack(Client).code(60_000), "healthy");
    }

    #[test]
    fn a_hole_in_the_middle_of_a_connection_is_lost_on_the_path() {
        let talk = ssm().segment(Server, "P.", 5_000, b"some").ack(Client).say(Client, b"bytes").ack(Server);
        let (seq, ack) = (talk.next(Client), talk.next(Server));
        let bare = |talk: Talk| talk.segment_with(Client, ".", seq, ack, &[], |_| {});
        let holed = bare(bare(talk).segment(Server, "P.", ack + 1_000, &[9; 500]));
        let left = holed.clone().wait(6_000).segment_with(Client, "F.", seq, ack, &[], |_| {});
        assert_eq!(left.verdict(0).is(), ("no-response", Actor::Path, None));
        // A capture that lacks the beginning may lack the end as well.
        assert_eq!(holed.code(6_000), "midstream");
        assert_eq!(holed.segment(Server, "P.", ack, &[9; 1_000]).ack(Client).code(60_000), "midstream");
    }

    #[test]
    fn a_later_request_in_plain_http_is_owed_an_answer_too() {
        let get = b"GET / HTTP/1.1\r\n\r\n";
        let answered =
            Talk::to_port(80).open().say(Client, get).say(Server, b"HTTP/1.1 200 OK\r\n\r\n").ack(Client);
        let asked = answered.clone().wait(9_000).say(Client, get).ack(Server);
        assert_eq!(asked.code(1_000), "in-progress");
        let verdict = asked.clone().wait(5_000).fin(Client).verdict(0);
        assert_eq!(verdict.is(), ("no-response", Actor::Server, None), "{}", verdict.headline);
        assert!(verdict.headline.contains("a later request for 5.0 s"), "{}", verdict.headline);
        assert_eq!(asked.clone().rst(Server).verdict(0).is().0, "reset");
        assert_eq!(asked.wait(5_000).say(Server, b"HTTP/1.1 200 OK\r\n\r\n").code(9_000), "plaintext");
        // What follows an upgrade asks for nothing.
        let upgraded = Talk::to_port(80)
            .open()
            .say(Client, get)
            .say(Server, b"HTTP/1.1 101 Switching\r\n\r\n")
            .ack(Client);
        assert_eq!(upgraded.say(Client, get).ack(Server).code(9_000), "plaintext");
        // The rest of an upload may follow an early answer.
        assert_eq!(answered.say(Client, &[7; 900]).ack(Server).code(9_000), "plaintext");
    }

    #[test]
    fn messages_that_wait_for_no_answer_are_owed_none() {
        let sent = |port, count| {
            let next = |talk: Talk, _| talk.wait(800).say(Client, &talk::encrypted(60)).ack(Server);
            (0..count).fold(Talk::to_port(port).open().shake_hands(), next)
        };
        let shipped = |count| sent(6515, count);
        // They may be the parts of a request, unless the port shows that they are not.
        let verdict = shipped(5).wait(9_000).fin(Client).fin(Server).verdict(0);
        assert_eq!(verdict.is(), ("in-progress", Actor::Unknown, None));
        assert!(verdict.mentions("unknown whether they expect one"), "{verdict:?}");
        assert_eq!(sent(12201, 5).wait(9_000).fin(Client).fin(Server).code(0), "healthy");
        // Syslog is never answered (RFC 5425, 4).
        assert_eq!(sent(6514, 1).wait(9_000).fin(Client).fin(Server).code(0), "healthy");
        let answered = Talk::to_port(6514).open().then_tls().wait(900).say(Client, &talk::data()).ack(Server);
        assert_eq!(answered.wait(9_000).fin(Client).fin(Server).code(0), "healthy");
        // Where nobody closes in good order, nothing says that no answer was awaited.
        assert_eq!(shipped(5).wait(9_000).rst(Client).code(0), "in-progress");
        assert_eq!(shipped(5).code(60_000), "in-progress");
        // Requests that nobody answers are few, and a server that closes owes what it was asked.
        assert_eq!(shipped(3).wait(9_000).fin(Client).code(0), "no-response");
        assert_eq!(shipped(5).fin(Server).fin(Client).code(0), "no-response");
    }

    #[test]
    fn a_server_that_stops_in_the_middle_of_a_record_has_not_answered() {
        let record = talk::encrypted(2_000);
        let begun = handshake().say(Client, &talk::data()).say(Server, &record[..900]).ack(Client);
        let stopped = begun.clone().wait(7_000).fin(Client).verdict(0);
        assert_eq!(stopped.is(), ("no-response", Actor::Server, None), "{}", stopped.headline);
        assert!(stopped.headline.contains("in the middle of its reply"), "{}", stopped.headline);
        assert!(!stopped.mentions("does not reply"), "{}", stopped.explanation);
        assert_eq!(begun.code(3_100), "no-response", "while it hangs");
        let closed = begun.clone().fin(Server).fin(Client).verdict(0);
        assert_eq!(closed.is(), ("no-response", Actor::Server, None), "{}", closed.headline);
        // Who leaves sooner may not have wanted the rest.
        assert_eq!(begun.wait(500).fin(Client).fin(Server).code(0), "healthy");
    }

    #[test]
    fn a_step_before_tls_that_somebody_leaves_without_an_answer_is_owed_one() {
        let asked =
            Talk::to_port(3128).open().say(Client, b"CONNECT ssm.example:8443 HTTP/1.1\r\n\r\n").ack(Server);
        let left = asked.clone().wait(1_500).fin(Client).fin(Server).verdict(0);
        assert_eq!(left.is(), ("no-response", Actor::Server, None), "{}", left.headline);
        assert!(left.headline.contains("request to the proxy after 1.5"), "{}", left.headline);
        assert_eq!(asked.fin(Server).fin(Client).code(0), "proxy-refused");
        let start = Talk::to_port(25)
            .open()
            .say(Server, b"220 mail.example ESMTP\r\n")
            .say(Client, b"EHLO client.example\r\n")
            .say(Server, b"250-mail.example\r\n250 STARTTLS\r\n")
            .say(Client, b"STARTTLS\r\n")
            .ack(Server);
        let closed = start.clone().fin(Server).fin(Client).verdict(0);
        assert_eq!(closed.is(), ("no-response", Actor::Server, None), "{}", closed.headline);
        assert!(!closed.mentions("timed out"), "{closed:?}");
        // A client that leaves at once may have changed its mind.
        assert_ne!(start.fin(Client).fin(Server).verdict(0).code, "no-response");
    }

    #[test]
    fn a_body_that_ends_before_its_length_has_no_end() {
        let asked = |get: &[u8]| {
            let header = b"HTTP/1.1 200 OK\r\nContent-Length: 90000\r\n\r\n";
            let begun = Talk::to_port(80).open().say(Client, get).say(Server, header);
            begun.say(Server, &[7; 3_000]).ack(Client)
        };
        let begun = || asked(b"GET / HTTP/1.1\r\n\r\n");
        for verdict in [
            begun().fin(Server).fin(Client).verdict(0),
            begun().verdict(4_000),
            begun().wait(8_000).fin(Client).verdict(0),
        ] {
            assert_eq!(verdict.is(), ("no-response", Actor::Server, None), "{}", verdict.headline);
            assert!(verdict.headline.contains("in the middle of its reply"), "{}", verdict.headline);
        }
        assert_eq!(begun().rst(Server).verdict(0).is(), ("reset", Actor::Server, None));
        assert_eq!(begun().code(500), "in-progress");
        // A client may want no more, and a HEAD has no body.
        assert_eq!(begun().wait(500).fin(Client).fin(Server).code(0), "plaintext");
        assert_eq!(asked(b"HEAD / HTTP/1.1\r\n\r\n").fin(Server).fin(Client).code(9_000), "plaintext");
    }

    #[test]
    fn keep_alive_probes_that_nobody_answers_show_a_broken_path() {
        let idle = exchange().ack(Client).ack(Server);
        let probe = |talk: Talk| {
            let seq = talk.next(Client) - 1;
            talk.wait(1_500).segment(Client, ".", seq, &[])
        };
        let probed = (0..4).fold(idle.wait(30_000), |talk, _| probe(talk));
        for ended in [probed.clone(), probed.clone().wait(1_500).rst(Client)] {
            let verdict = ended.verdict(500);
            assert_eq!(verdict.is(), ("no-response", Actor::Path, None), "{}", verdict.headline);
            assert!(verdict.headline.contains("4 keep-alive probes of the client"), "{}", verdict.headline);
        }
        assert_eq!(probed.clone().ack(Server).code(500), "healthy");
        // A request that is open does not make it the server's, nor does a FIN that nobody acknowledges make it good.
        assert_eq!(probed.fin(Client).verdict(500).is(), ("no-response", Actor::Path, None));
        let asked = handshake().say(Client, &talk::data()).ack(Server);
        let waiting = (0..4).fold(asked.wait(20_000), |talk, _| probe(talk)).verdict(500);
        assert_eq!(waiting.is(), ("no-response", Actor::Path, None), "{}", waiting.headline);
    }

    #[test]
    fn repeats_without_an_acknowledgement_count_whatever_else_the_capture_lacks() {
        let talk = exchange().ack(Client).segment(Client, "P.", exchange().next(Client), &talk::data());
        let gap = talk.segment(Server, ".", 90_000, &[]).ack(Server);
        let asked = gap.say(Client, &talk::data());
        let lost =
            asked.wait(300).repeat(Client).wait(700).repeat(Client).wait(1_400).repeat(Client).wait(2_800);
        assert_eq!(lost.repeat(Client).code(100), "no-response");
    }
}
