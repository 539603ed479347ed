//! One side spoke TLS and the other did not, or neither did where TLS is expected.

use super::words::evidence;
use super::{Actor, Rule, Settings, Severity, Verdict};
use crate::story::{EndingKind, Opening, Said, Story};
use crate::tcp::Role;
use crate::tls::{Basis, Plain, PlainKind};

/// `not-tls`.
pub(super) const RULE: Rule = Rule {
    code: "not-tls",
    severity: Severity::Critical,
    summary: "one side spoke TLS and the other did not, or no TLS where it is expected",
    page: include_str!("../../docs/verdicts/not-tls.md"),
    judge,
};

fn judge(story: &Story, _: &Settings) -> Option<Verdict> {
    let is_proxied = story.prelude.as_ref().is_some_and(|prelude| prelude.protocol.is_proxy());
    let is_proxied = is_proxied && story.tls.client_hello.is_none();
    // What comes in the middle of a connection may be the middle of anything.
    if is_proxied || story.opening.known_by == Opening::Ports {
        return None;
    }
    let (culprit, said) = match (&story.tls.client_hello, &story.plain.client, &story.plain.server) {
        // STARTTLS and tunnels begin in clear on both sides: what counts is what follows the ClientHello.
        (Some(hello), client, Some(server)) if story.tls.server_hello.is_none() => {
            if client.is_some() && server.moment.number < hello.moment.number {
                return None;
            }
            (Role::Server, server)
        }
        (None, Some(client), _) if story.expects_tls => (Role::Client, client),
        (None, None, Some(server)) if story.expects_tls && spoke_first(story, server) => {
            (Role::Server, server)
        }
        _ => return None,
    };
    // A silence before anybody could tell decides, whatever comes after it.
    let is_cut_short = story.decisive().is_some_and(|ending| match &ending.what {
        EndingKind::Silence(silence) => {
            story.data.server.first.is_none_or(|spoke| culprit == Role::Server && spoke.at > silence.until)
        }
        _ => false,
    });
    if is_cut_short {
        return None;
    }
    let what = describe(said);
    let (headline, explanation) = match (culprit, story.tls.client_hello.is_some()) {
        (Role::Server, true) => (
            format!("the client spoke TLS, and the server answered with {what}"),
            "The service on this port does not speak TLS, or the connection reached another service than was meant.",
        ),
        (Role::Server, false) => (
            format!("the server spoke first, with {what}: this is not TLS"),
            "A TLS server waits for the ClientHello. Another service listens on this port.",
        ),
        (Role::Client, _) => (
            format!("the client sent {what} to a port where TLS is expected"),
            "The client did not begin with a ClientHello. The URL probably says http:// where it should say https://, \
             or the port is another service's.",
        ),
    };
    Some(
        Verdict::new(&RULE, Actor::from(culprit), story.basis.max(said.basis), headline)
            .explain(explanation)
            .reported(match culprit {
                Role::Server => &[
                    "OpenSSL: wrong version number",
                    "javax.net.ssl.SSLException: Unsupported or unrecognized SSL message",
                ],
                Role::Client => &["HTTP 400: The plain HTTP request was sent to HTTPS port"],
            })
            .proved_by(
                story.tls.client_hello.as_ref().map(|hello| hello.moment.number).into_iter().chain([said.moment.number]),
            )
            .proved_by(evidence::opening_packets(story).take(1))
            .advise(&[
                "Check the port and the scheme of the configured URL.",
                "If the service should speak TLS here, check its configuration; `--tls-port` tells this program where TLS is expected.",
            ]),
    )
}

/// Whether the server said it before the client said anything. Where the client's packets are missing, bytes that are no
/// text may as well be the answer to a ClientHello.
fn spoke_first(story: &Story, said: &Said<Plain>) -> bool {
    let may_be_answer = said.what.kind == PlainKind::Binary && said.basis > Basis::Decoded;
    !may_be_answer || story.traffic.counters.client.segments > 0
}

fn describe(said: &Said<Plain>) -> String {
    match said.what.kind {
        PlainKind::HttpRequest | PlainKind::Connect => "a plain HTTP request".to_owned(),
        PlainKind::HttpResponse(status) => format!("plain HTTP (status {status})"),
        PlainKind::Ssh => "an SSH identification".to_owned(),
        PlainKind::Text => format!("plain text (\"{}\")", said.what.line.escape_debug()),
        PlainKind::Binary => "bytes that are not TLS".to_owned(),
    }
}
