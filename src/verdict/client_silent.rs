//! The TCP connection stands, and the client sends nothing.

use super::words::{drops, evidence};
use super::{Actor, Rule, Settings, Severity, Verdict};
use crate::story::{EndingKind, Stage, Story};
use crate::tcp::Role;

/// `client-silent`.
pub(super) const RULE: Rule = Rule {
    code: "client-silent",
    severity: Severity::Critical,
    summary: "the TCP connection was established, and the client sent nothing",
    page: include_str!("../../docs/verdicts/client-silent.md"),
    judge,
};

fn judge(story: &Story, _: &Settings) -> Option<Verdict> {
    let ending = story.decisive()?;
    let EndingKind::Silence(silence) = &ending.what else { return None };
    if ending.stage != Stage::TcpEstablished || ending.by != Role::Client {
        return None;
    }
    let (said, then) = match &story.prelude {
        Some(prelude) if prelude.is_agreed() && prelude.protocol.is_proxy() => {
            ("after the proxy opened the tunnel", "no ClientHello followed the proxy's answer")
        }
        Some(prelude) if prelude.is_agreed() => {
            ("after the server agreed to start TLS", "no ClientHello followed the server's answer")
        }
        Some(_) => ("after the proxy's answer", "the client's next step towards a tunnel did not follow"),
        None if story.is_inside_client_hello() => {
            ("after the beginning of its ClientHello", "the rest of the ClientHello did not follow")
        }
        None => ("after the TCP handshake", "no byte of the client followed"),
    };
    Some(
        Verdict::new(&RULE, Actor::Client,
            story.basis,
            format!("the client sent nothing for {} {said}", silence.elapsed()),
        )
        .explain(format!(
            "The connection is up and {then}. Either the client program opened it and had nothing to say (a port \
             check, a connection kept in reserve), or it hangs before its first write.{}",
            drops::caveat(story)
        ))
        .reported(&["nothing, or its own timeout"])
        .proved_by(evidence::opening_packets(story).chain([silence.since.number]))
        .advise(&[
            "Look at the client program: a thread dump of a Java client shows what it waits for.",
            "If this is a monitoring probe that only opens the port, it is no fault.",
        ]),
    )
}
