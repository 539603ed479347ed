//! Somebody closed before any byte of a reply: to a plain request, to one before TLS, or, as a log shows, to one inside TLS.

use super::RULE;
use crate::log::{Agreement, AttemptOutcome, Side};
use crate::story::{Ending, LogTie, Story};
use crate::tcp::Role;
use crate::time::Elapsed;
use crate::verdict::words::{advice, log_line};
use crate::verdict::{Actor, Verdict};

/// A plain request that can be read, and a FIN without an answer to it.
pub(super) fn left(story: &Story, fin: &Ending) -> Verdict {
    let first = story.plain.client.as_ref().map(|plain| plain.moment);
    let request = story.open_plain_request().or(first);
    let is_half_close = request.is_some_and(|request| request.number == fin.moment.number);
    // Whoever closes with the request still reads the reply.
    let next = story.endings.iter().find(|ending| ending.moment.number > fin.moment.number);
    let given_up = next.map_or(story.capture.end, |ending| ending.moment.at);
    let until = if is_half_close { given_up } else { fin.moment.at };
    let waited = request.map(|request| until - request.at).unwrap_or_default();
    let is_lost = !story.data.client.is_all_acknowledged && story.data.client.repeats.count > 0;
    if !is_lost && is_unfinished(story, fin) {
        return unfinished(story, fin);
    }
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
        Role::Client if is_half_close => (
            format!("no reply for {waited} to a request with which the client closed its direction"),
            "The client's request carries its FIN: the client sends nothing more, and still reads. The server could reply, and sent no \
             byte of a reply.",
            ["curl: (52) Empty reply from server", "java.net.SocketTimeoutException: Read timed out"],
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

/// Whether the request lacks its end, and the client had stopped sending: a server may close such a connection.
fn is_unfinished(story: &Story, fin: &Ending) -> bool {
    const IDLE: Elapsed = Elapsed::from_millis(3_000);
    let has_stopped = story.data.client.last.is_some_and(|last| fin.moment.at - last.at >= IDLE);
    story.is_plain_request_cut() && (fin.by == Role::Client || has_stopped)
}

/// The client's request has no end, and somebody closed.
fn unfinished(story: &Story, fin: &Ending) -> Verdict {
    let [first, last] = [story.data.client.first, story.data.client.last];
    let headline = format!("the client did not complete its request, and the {} closed", fin.by);
    Verdict::new(&RULE, Actor::Client, story.basis, headline)
        .explain(
            "The request lacks its end: the end of its header, or bytes of its body. The server waits for that before it replies, and \
             all that the client sent was delivered.",
        )
        .reported(&["java.net.SocketException: Unexpected end of file from server"])
        .proved_by(first.into_iter().chain(last).chain([fin.moment]).map(|moment| moment.number))
        .advise(&["Look at the client's program: why does it stop in the middle of its request?"])
}

/// A request to start TLS, or for a tunnel, and a FIN without an answer.
pub(super) fn left_before_tls(story: &Story) -> Option<Verdict> {
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

/// The client left before any answer inside TLS came, and a log says that it had waited for one.
pub(super) fn left_as_logged(story: &Story) -> Option<Verdict> {
    let left = story.left_without_an_answer()?;
    let gave_up = |tie: &&LogTie| {
        let waited = matches!(
            tie.outcome,
            AttemptOutcome::ReadTimeout | AttemptOutcome::TimedOut | AttemptOutcome::GaveUp
        );
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::story::script::log::tied;
    use crate::story::script::talk::{self, Talk};
    use crate::story::{EndingKind, Stage};
    use crate::tcp::Role::{Client, Server};

    #[test]
    fn a_request_whose_segment_carries_the_client_s_fin_is_owed_an_answer() {
        let asked = |talk: Talk| {
            let (seq, ack) = (talk.next(Client), talk.next(Server));
            talk.segment_with(Client, "FP.", seq, ack, b"GET / HTTP/1.0\r\n\r\n", |_| {}).ack(Server)
        };
        let first = asked(Talk::to_port(80).open());
        let hung = first.clone().wait(12_000).fin(Server).verdict(0);
        assert_eq!(hung.is(), ("no-response", Actor::Server, None));
        assert!(hung.headline.contains("no reply for 12.0 s"), "{}", hung.headline);
        assert_eq!(first.say(Server, b"HTTP/1.1 204 No\r\n\r\n").fin(Server).code(0), "plaintext");
    }

    #[test]
    fn a_server_that_closes_while_a_later_request_arrives_had_some_of_it() {
        let kept = || talk::exchange().ack(Client).wait(1_000);
        let record = talk::encrypted(16_000);
        let begun = |talk: Talk| talk.say(Client, &record[..1_448]).say(Client, &record[1_448..2_896]);
        // It acknowledges the first segment; or, where it was idle, nothing.
        let closed = |acked: u32| {
            let talk = begun(kept());
            let (seq, ack) = (talk.next(Server), talk.next(Client) - 2_896 + acked);
            talk.segment_with(Server, "F.", seq, ack, &[], |_| {})
                .say(Client, &record[2_896..4_344])
                .ack(Server)
        };
        assert_eq!(closed(1_448).fin(Client).verdict(0).is(), ("no-response", Actor::Server, None));
        assert_ne!(closed(0).fin(Client).code(0), "no-response");
        assert_eq!(begun(kept()).ack(Server).wait(30_000).fin(Client).code(0), "in-progress");
        // It had said goodbye before the request.
        let gone = begun(kept().say(Server, &talk::close_notify()).wait(2_000)).ack(Server);
        assert_ne!(gone.fin(Server).fin(Client).code(0), "no-response");
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
        // So is one that is split within its method.
        for at in [1, 3] {
            let (one, other) = b"GET / HTTP/1.1\r\n\r\n".split_at(at);
            let split = Talk::to_port(80).open().say(Client, one).say(Client, other).ack(Server);
            assert_eq!(split.fin(Client).fin(Server).ack(Client).code(500), "no-response", "{at}");
        }
        // Other bytes may be a message that nobody answers.
        let log = Talk::to_port(514).open().say(Client, b"<14>a line\n").ack(Server).fin(Client).fin(Server);
        assert_eq!(log.code(500), "plaintext");
    }

    #[test]
    fn a_client_that_left_soon_had_waited_for_an_answer_if_a_log_says_so() {
        let left = || Story::at(Stage::ApplicationData).ends(EndingKind::Fin, Client);
        assert_eq!(left().verdict().code.name(), "healthy");
        let logged = |outcome, agreement| {
            let tie = tied(Side::Client, outcome, agreement, 400);
            left().but(|story| story.logs = vec![tie]).verdict()
        };
        let verdict = logged(AttemptOutcome::ReadTimeout, Agreement::Agrees);
        assert_eq!(verdict.is(), ("no-response", Actor::Server, None));
        assert!(verdict.explanation.contains("(a.log, line 7)"), "{}", verdict.explanation);
        assert_eq!(logged(AttemptOutcome::ReadTimeout, Agreement::Silent).code.name(), "healthy");
        assert_eq!(logged(AttemptOutcome::Succeeded, Agreement::Agrees).code.name(), "healthy");
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
}
