//! What became of packets on the path, as far as a socket knows.

use super::advice::{LOSS, MTU, REJECTION};
use crate::story::{SocketCounters, Story};
use crate::tcp::Role;
use crate::verdict::{Actor, Code, Verdict};

/// Adds it to a verdict.
pub(super) fn lost_on_the_path(story: &Story, verdict: &mut Verdict) {
    unacknowledged(story, verdict);
    rejected_packets(story, verdict);
    hole(story, verdict);
}

/// A request that never arrived is another fault than one that is not answered, and the headline may be all that is read.
fn unacknowledged(story: &Story, verdict: &mut Verdict) {
    let is_lost = verdict.actor == Actor::Path && !story.data[Role::Client].is_all_acknowledged;
    if verdict.code == Code::NoResponse
        && is_lost
        && !["acknowledg", "ACK"].iter().any(|word| verdict.headline.contains(word))
    {
        verdict.headline = format!("{}, and no ACK of it", verdict.headline).into();
    }
}

/// Bytes that are missing while later ones wait in the kernel were lost on the path: the server does send.
fn hole(story: &Story, verdict: &mut Verdict) {
    let is_hole = |counters: &SocketCounters| counters.is_after_hole && is_stall(verdict);
    let Some(counters) = story.path.counters.filter(is_hole) else {
        return;
    };
    if verdict.code != Code::NoResponse {
        verdict.code = Code::HandshakeStalled;
        verdict.cause = Some("server-flight-lost".into());
    }
    verdict.actor = Actor::Path;
    verdict.headline =
        "part of what the server sent was lost: later segments arrived, the missing ones did not".into();
    verdict.explanation = format!(
        "The server sends. This host's kernel holds segments that arrived after missing bytes ({} out of order), and the missing \
         ones did not come until the check gave up: packets are lost on the path, often the large ones.",
        counters.out_of_order
    )
    .into();
    verdict.change_advice(|advice| *advice = vec![MTU, LOSS]);
}

/// An ICMP error that came while an answer was awaited: something on the path rejects this host's packets.
fn rejected_packets(story: &Story, verdict: &mut Verdict) {
    let Some(counters) = story.path.counters else { return };
    let Some(error) = counters.icmp else { return };
    let is_delivered = verdict.actor == Actor::Server && counters.retransmitted == 0;
    if !is_stall(verdict) || is_delivered {
        return;
    }
    verdict.actor = Actor::Path;
    verdict.headline = format!("{}, and an ICMP error came: {error}", verdict.headline).into();
    let whose = "a router or firewall on the path, or this host's own, rejects them. A socket does not show which, nor the exact code.";
    if story.data[Role::Client].is_all_acknowledged {
        verdict.explanation = format!(
            "An ICMP error about this host's packets came meanwhile ({error}): {whose} {}",
            verdict.explanation
        )
        .into();
        return;
    }
    // What it says leaves less to guess.
    verdict.explanation = format!(
        "TCP was established, and then an ICMP error came about what this host sent ({error}), of which nothing was acknowledged: {whose}"
    )
    .into();
    verdict.change_advice(|advice| *advice = vec![REJECTION]);
}

/// Whether a verdict is about an answer that did not come.
fn is_stall(verdict: &Verdict) -> bool {
    matches!(verdict.code, Code::NoServerHello | Code::HandshakeStalled | Code::NoResponse)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::probe::perspective::tests::{ignorant, seen};
    use crate::story::Stage;
    use crate::tcp::Role::{Client, Server};

    #[test]
    fn segments_after_a_hole_show_that_the_server_sends() {
        let counted = |counters: SocketCounters, story: Story| {
            seen(&ignorant(), story.but(|story| story.path.counters = Some(counters)))
        };
        let hole = SocketCounters { is_after_hole: true, out_of_order: 2, ..SocketCounters::default() };
        let stalled = || Story::at(Stage::ClientHello).silent_for(8_000, Server).acknowledged();
        let verdict = counted(hole, stalled());
        assert_eq!(verdict.is(), ("handshake-stalled", Actor::Path, Some("server-flight-lost")));
        assert!(!verdict.mentions("hangs"), "{verdict:?}");
        // After a complete exchange a hole does not matter.
        let healthy = Story::at(Stage::ApplicationData).answered();
        assert_eq!(counted(hole, healthy).code, Code::Healthy);
        let rejected =
            SocketCounters { icmp: Some("EHOSTUNREACH"), retransmitted: 3, ..SocketCounters::default() };
        let verdict = counted(rejected, stalled());
        assert_eq!(verdict.actor, Actor::Path);
        assert!(verdict.explanation.contains("EHOSTUNREACH"), "{}", verdict.explanation);
        // What is not acknowledged was rejected: nothing is left to guess.
        let lost =
            counted(rejected, Story::at(Stage::ClientHello).repeats(Client, 2).silent_for(8_000, Server));
        assert!(lost.mentions("and then an ICMP error came about what this host sent"), "{lost:?}");
        assert!(!lost.mentions("content or size") && !lost.mentions("segment size"), "{lost:?}");
        // What was delivered was not rejected.
        let delivered = counted(SocketCounters { retransmitted: 0, ..rejected }, stalled());
        assert_eq!(delivered.actor, Actor::Server);
    }
}
