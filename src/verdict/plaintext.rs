//! A connection without TLS, on a port where none is expected.

use super::words::evidence;
use super::{Actor, Rule, Settings, Severity, Verdict};
use crate::story::{Opening, Stage, Story};

/// `plaintext`.
pub(super) const RULE: Rule = Rule {
    code: "plaintext",
    severity: Severity::Ok,
    summary: "TCP is fine and neither side spoke TLS, on a port where none is expected",
    page: include_str!("../../docs/verdicts/plaintext.md"),
    judge,
};

fn judge(story: &Story, _: &Settings) -> Option<Verdict> {
    let saw_data = story.data.client.first.is_some() || story.data.server.first.is_some();
    let is_known = matches!(story.opening.known_by, Opening::Syn | Opening::SynAck);
    if story.expects_tls
        || !is_known
        || story.tls.client_hello.is_some()
        || !saw_data
        || story.stage < Stage::TcpEstablished
    {
        return None;
    }
    let said = [&story.plain.client, &story.plain.server];
    let basis = said.into_iter().flatten().map(|said| said.basis).fold(story.basis, Ord::max);
    let data = [story.data.client.first, story.data.server.first];
    Some(
        Verdict::new(
            &RULE,
            Actor::Unknown,
            basis,
            "TCP is fine; neither side speaks TLS, and none is expected on this port",
        )
        .explain("The connection was opened and carried data. What the data says is not judged.")
        .proved_by(evidence::opening_packets(story))
        .proved_by(data.into_iter().flatten().map(|moment| moment.number))
        .advise(&["If TLS is expected here, say so with `--tls-port`."]),
    )
}
