//! The server's answer began, and then the TLS handshake stood still.

use super::{Actor, Rule, Settings, Severity, Verdict, advice, drop_caveat, no_server_hello};
use crate::story::{EndingKind, IcmpFact, Stage, Story};
use crate::tcp::Role;

/// `handshake-stalled`.
pub(super) const RULE: Rule = Rule {
    code: "handshake-stalled",
    severity: Severity::Critical,
    summary: "the server's answer began, and then the handshake stood still",
    page: include_str!("../../docs/verdicts/handshake-stalled.md"),
    judge,
};

/// Payloads that pass where larger ones do not are a sign of the path's MTU from this size on, in bytes: the smallest
/// MTU that links on the Internet have is 1280 (RFC 8200, 5).
const LARGE_PAYLOAD: u32 = 1_000;

fn judge(story: &Story, _: &Settings) -> Option<Verdict> {
    let ending = story.decisive()?;
    let EndingKind::Silence(silence) = &ending.what else { return None };
    let is_in_handshake = match ending.stage {
        // Later bytes of the server's flight may be there without its first ones.
        Stage::ClientHello => no_server_hello::has_answer(story, silence),
        stage => (Stage::ServerHello..=Stage::ClientFinished).contains(&stage),
    };
    if !is_in_handshake {
        return None;
    }
    let owed = owed_message(story, ending.stage);
    let evidence = [
        story.tls.client_hello.as_ref().map(|said| said.moment.number),
        story.tls.server_hello.as_ref().map(|said| said.moment.number),
        Some(silence.since.number),
    ];
    let mut verdict = Verdict::new(
        &RULE,
        Actor::from(silence.owed_by),
        story.basis,
        format!("the handshake stood still for {}: the {} owes {owed}", silence.elapsed(), silence.owed_by),
    );
    let too_big = story.icmp_errors.iter().find(|fact| says_too_big(fact));
    if let Some((from, to)) = story.unfilled_hole.server {
        // A large packet that did pass speaks against the path's MTU.
        let is_large =
            to.saturating_sub(from) >= LARGE_PAYLOAD && story.counters.server.largest_payload < LARGE_PAYLOAD;
        let (cause, why) = if is_large || too_big.is_some() {
            (
                "pmtu-black-hole",
                "Large packets of the server are missing while small ones pass, as on a path whose MTU is smaller than the \
                 server believes and where ICMP does not tell it.",
            )
        } else {
            ("server-flight-lost", "Part of the server's flight was sent and did not arrive.")
        };
        verdict.actor = Actor::Path;
        verdict = verdict.cause(cause).explain(format!(
            "The server's bytes {from} to {} are missing, and later ones came. {why}",
            to.saturating_sub(1)
        ));
        verdict = verdict.advise(&[
            "Check the MTU of tunnels and VPNs on the way, and that ICMP \"fragmentation needed\" is not filtered.",
            "Clamp the TCP maximum segment size on the tunnel.",
        ]);
    } else if let Some(fact) = too_big {
        verdict.actor = Actor::Path;
        verdict = verdict
            .cause("pmtu-black-hole")
            .explain(format!("{} reports that packets are too big for the way on.", fact.from))
            .proved_by([fact.moment.number])
            .advise(&["Check that the host acts on these ICMP errors, and clamp the maximum segment size."]);
    } else if !silence.is_acknowledged {
        verdict.actor = Actor::Path;
        verdict = verdict.explain(format!(
            "What the {} said last was not acknowledged: it, or its acknowledgement, was lost on the way.{}",
            silence.owed_by.other(),
            drop_caveat(story)
        ));
        verdict = verdict.advise(&advice::PATH_TO_SERVER);
    } else {
        verdict = verdict.explain(format!(
            "Everything sent so far was acknowledged: the network carries packets both ways. The {} has what it needs \
             and does not go on.{}",
            silence.owed_by,
            drop_caveat(story)
        ));
        verdict = match silence.owed_by {
            Role::Server => verdict.advise(&advice::SERVER_PROCESS),
            Role::Client => verdict.advise(&[
                "Look at the client: it may wait for a certificate check (revocation lists or OCSP over a blocked network).",
            ]),
        };
    }
    Some(
        verdict
            .reported(&["the client's own read timeout", "java.net.SocketTimeoutException: Read timed out"])
            .proved_by(evidence.into_iter().flatten()),
    )
}

fn owed_message(story: &Story, stage: Stage) -> &'static str {
    match stage {
        Stage::ServerFlightComplete => "its Finished",
        Stage::ClientFinished => "its ChangeCipherSpec and Finished",
        _ if story.tls.version().is_some_and(|version| !version.is_tls13()) => {
            "the rest of its flight (Certificate to ServerHelloDone)"
        }
        _ => "the rest of its flight",
    }
}

/// "Fragmentation needed" (RFC 1191, 4) and "packet too big" (RFC 4443, 3.2).
fn says_too_big(fact: &IcmpFact) -> bool {
    match (fact.from.is_ipv4(), fact.icmp_type, fact.code) {
        (true, 3, 4) => true,
        (false, icmp_type, _) => icmp_type == 2,
        _ => false,
    }
}
