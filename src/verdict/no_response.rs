//! The connection stands, a request went out, and no answer came.

use super::words::{advice, drops, path_mtu};
use super::{Actor, Rule, Settings, Severity, Verdict};
use crate::story::{EndingKind, Stage, Story};
use crate::tcp::Role;

/// `no-response`.
pub(super) const RULE: Rule = Rule {
    code: "no-response",
    severity: Severity::Critical,
    summary: "the connection is up, a request went out, and no answer came",
    page: include_str!("../../docs/verdicts/no-response.md"),
    judge,
};

fn judge(story: &Story, _: &Settings) -> Option<Verdict> {
    let Some(ending) = story.decisive() else { return closed(story) };
    let EndingKind::Silence(silence) = &ending.what else { return None };
    let is_unanswered = match ending.stage {
        Stage::TlsEstablished | Stage::ApplicationData => true,
        Stage::TcpEstablished => ending.by == Role::Server,
        _ => false,
    };
    if !is_unanswered {
        return None;
    }
    let over = match (&story.prelude, story.tls.client_hello.is_some()) {
        (Some(prelude), false) if prelude.is_agreed() => "the request",
        (Some(prelude), false) if prelude.protocol.is_proxy() => "the request to the proxy",
        (Some(_), false) => "the request to start TLS",
        // A client whose Finished is repeated without an acknowledgement asks for nothing yet.
        (_, true) if story.tls.application_data.client.count == 0 => "the client's end of the handshake",
        (_, true) => "the request inside TLS",
        _ => "the request",
    };
    let (actor, delivered) = if !silence.is_acknowledged && story.capture.hides_acknowledgements {
        (Actor::Unknown, "Whether it arrived is not to be seen here: a capture shows its acknowledgement.")
    } else if silence.is_acknowledged {
        (
            Actor::Server,
            "The server's TCP acknowledged it: the network is fine, and its process does not answer.",
        )
    } else {
        (Actor::Path, "It was not acknowledged either: it, or every answer, is lost on the way.")
    };
    let requests = story.tls.application_data.client.first().or(story.data.client.first);
    let verdict =
        Verdict::new(&RULE, actor, story.basis, format!("{over} got no answer for {}", silence.elapsed()));
    let advice = if actor == Actor::Path { &advice::PATH_TO_SERVER[..] } else { &advice::SERVER_PROCESS };
    let verdict = match path_mtu::sign(story, Role::Client).or_else(|| path_mtu::sign(story, Role::Server)) {
        Some(sign) => sign.explain(verdict),
        None => verdict.explain(format!("{delivered}{}", drops::caveat(story))).advise(advice),
    };
    Some(
        verdict
            .reported(&["the client's own read timeout", "java.net.SocketTimeoutException: Read timed out"])
            .proved_by(requests.map(|moment| moment.number).into_iter().chain([silence.since.number]))
            .proved_by(story.data.client.repeats.numbers().take(4)),
    )
}

/// The server's FIN came in place of an answer.
fn closed(story: &Story) -> Option<Verdict> {
    let close = story.closed_unanswered()?;
    let request = story.tls.application_data.client.first();
    Some(
        Verdict::new(
            &RULE,
            Actor::Server,
            story.basis,
            "the server closed the connection instead of answering the request inside TLS",
        )
        .explain(
            "TLS was established and the client's request went out. The server ended the connection in good order and \
             sent no data before: its program gave up on the request, was stopped, or limits its clients.",
        )
        .reported(&[
            "curl: (52) Empty reply from server",
            "java.net.SocketException: Unexpected end of file from server",
        ])
        .proved_by(request.into_iter().chain([close]).map(|moment| moment.number))
        .advise(&advice::SERVER_PROCESS),
    )
}
