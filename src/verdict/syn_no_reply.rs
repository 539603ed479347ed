//! The SYN and its repeats were never answered.

use std::borrow::Cow;

use super::words::{advice, drops};
use super::{Actor, Rule, Settings, Severity, Verdict};
use crate::packet::Viewpoint;
use crate::story::{EndingKind, Stage, Story};

/// `syn-no-reply`.
pub(super) const RULE: Rule = Rule {
    code: "syn-no-reply",
    severity: Severity::Critical,
    summary: "the SYN, and its repeats, got no answer at all",
    page: include_str!("../../docs/verdicts/syn-no-reply.md"),
    judge,
};

fn judge(story: &Story, _: &Settings) -> Option<Verdict> {
    let ending = story.decisive()?;
    let EndingKind::Silence(silence) = &ending.what else { return None };
    if ending.stage != Stage::Syn {
        return None;
    }
    let (count, server) = (story.opening.syn.count, &story.parties.server);
    let times = match (story.capture.viewpoint, count) {
        (Viewpoint::Socket, _) => "the SYN and its repeats".to_owned(),
        (Viewpoint::Wire, 1) => "one SYN".to_owned(),
        (Viewpoint::Wire, count) => format!("{count} SYNs"),
    };
    let stale = story.opening.stale.server.first();
    let back = if stale.is_some() { "only packets of an older connection came" } else { "nothing came" };
    let headline = format!(
        "no answer to {times} in {}: {back} back from {} port {}",
        silence.elapsed(),
        server.address,
        server.port
    );
    let explanation = match stale {
        Some(stale) => format!(
            "Packet {} comes from the server and does not acknowledge the SYN: the server, or a device in front of it, \
             still holds an older connection between the same ports. A client whose RST gets through to it can open the \
             next one (RFC 9293, 3.5.1); here nothing followed.{}",
            stale.number,
            drops::caveat(story)
        )
        .into(),
        None => nothing_came(story),
    };
    Some(
        Verdict::new(&RULE, Actor::Unknown, story.basis, headline)
            .explain(explanation)
            .reported(&[
                "ETIMEDOUT (Connection timed out)",
                "java.net.SocketTimeoutException: connect timed out",
                "java.net.ConnectException: Connection timed out",
            ])
            .proved_by(story.opening.syn.numbers().chain(stale.map(|stale| stale.number)))
            .advise(&advice::PATH_TO_SERVER),
    )
}

fn nothing_came(story: &Story) -> Cow<'static, str> {
    // What two sentences have in common, as a text that needs no making: a scan leaves millions of such attempts.
    macro_rules! would_have_answered {
        () => {
            " A host that is up and lets the packet in would have sent one of the first two: the SYN or its answer was dropped \
             silently on the way, the host is down, or the server's accept queue is full (Linux then drops SYNs silently too)."
        };
    }
    match story.path.icmp_errors.first() {
        None => drops::with_caveat(
            story,
            concat!("Neither a SYN-ACK, nor a RST, nor an ICMP error answered.", would_have_answered!()),
        ),
        // What does end an attempt has a verdict of its own.
        Some(icmp) => format!(
            "Neither a SYN-ACK nor a RST answered, and the ICMP message in packet {} (type {}, code {}, from {}) ends no \
             attempt.{}{}",
            icmp.moment.number,
            icmp.icmp_type,
            icmp.code,
            icmp.from,
            would_have_answered!(),
            drops::caveat(story)
        )
        .into(),
    }
}
