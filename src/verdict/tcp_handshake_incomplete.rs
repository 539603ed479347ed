//! The SYN-ACK came and was never acknowledged.

use super::words::drops;
use super::{Actor, Rule, Settings, Severity, Verdict};
use crate::story::{EndingKind, Stage, Story};

/// `tcp-handshake-incomplete`.
pub(super) const RULE: Rule = Rule {
    code: "tcp-handshake-incomplete",
    severity: Severity::Critical,
    summary: "the SYN-ACK came, and nobody acknowledged it",
    page: include_str!("../../docs/verdicts/tcp-handshake-incomplete.md"),
    judge,
};

fn judge(story: &Story, _: &Settings) -> Option<Verdict> {
    let ending = story.decisive()?;
    let EndingKind::Silence(silence) = &ending.what else { return None };
    if ending.stage != Stage::SynAck {
        return None;
    }
    let repeats = match story.opening.syn_ack.count {
        1 => String::new(),
        count => format!(", sent {count} times"),
    };
    Some(
        Verdict::new(&RULE, Actor::Client,
            story.basis,
            format!("the SYN-ACK{repeats} was not acknowledged in {}", silence.elapsed()),
        )
        .explain(format!(
            "The server answered, and the client's side never completed the handshake. At the client's own interface \
             this means that the SYN-ACK did not reach its TCP (a host firewall, reverse path filtering, another \
             interface), or that its acknowledgement was not captured. It is also what a half-open port scan looks \
             like.{}",
            drops::caveat(story)
        ))
        .reported(&["ETIMEDOUT (Connection timed out)", "java.net.SocketTimeoutException: connect timed out"])
        .proved_by(story.opening.syn.numbers().take(2).chain(story.opening.syn_ack.numbers()))
        .advise(&[
            "Check the client's host firewall and routing: packets may come back on another interface than they left by.",
            "Capture on the client itself, on all interfaces, to see whether the acknowledgement leaves.",
        ]),
    )
}
