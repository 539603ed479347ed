//! The SYN-ACK came and was never acknowledged.

use super::words::{drops, purpose};
use super::{Actor, Code, JudgementSettings, Rule, Severity, Verdict};
use crate::story::{EndingKind, Stage, Story};
use crate::tcp::Role;
use crate::time::Elapsed;

/// `tcp-handshake-incomplete`.
pub(super) const RULE: Rule = Rule {
    code: Code::TcpHandshakeIncomplete,
    severity: Severity::Critical,
    summary: "the SYN-ACK was never acknowledged",
    page: include_str!("../../docs/verdicts/tcp-handshake-incomplete.md"),
    judge,
};

const AT_CLIENT: [&str; 2] = [
    "Check the client's host firewall and routing: replies may arrive on a different interface.",
    "Capture on the client on all interfaces (`-i any`): does the ACK leave?",
];

const AT_SERVER: [&str; 2] = [
    "Capture on the client on all interfaces (`-i any`): does the SYN-ACK arrive, and does the ACK leave?",
    "Look for a firewall on the path that lets a SYN pass and drops what follows.",
];

fn judge(story: &Story, _: &JudgementSettings) -> Option<Verdict> {
    let ending = story.decisive()?;
    let EndingKind::Silence(_) = &ending.what else { return None };
    // A server that continues had the acknowledgement, though the capture lacks it, as one that acknowledges later data had; and so had
    // one that sends its SYN-ACK once, since it would repeat it.
    let is_proved =
        story.stage > Stage::SynAck && (story.one_sided().is_some() || story.missing.acked_unseen.client > 1);
    if ending.stage != Stage::SynAck || is_proved || story.opening.syn_ack.count < 2 {
        return None;
    }
    // The capture may continue long after the last of them.
    let times = match (story.opening.syn_ack.count, story.opening.syn_ack_span()) {
        (count, Elapsed::ZERO) => format!("sent {count} times"),
        (count, span) => format!("sent {count} times in {span}"),
    };
    let actor = if is_seen_at_client(story) {
        Actor::Client
    } else if story.traffic.counters.client.segments == 0 {
        // Without a packet of the client nothing shows where the capture was made.
        Actor::Unknown
    } else {
        Actor::Path
    };
    Some(
        Verdict::new(&RULE, actor,
            story.basis,
            format!("{}the SYN-ACK, {times}, was never acknowledged", purpose::prefix(story)),
        )
        .explain(format!(
            "The server replied, and the client never completed the handshake. {}{}{}",
            if actor == Actor::Client {
                "The SYN-ACK did not reach the client's TCP (host firewall, reverse path filtering, another interface), or its ACK \
                 was not captured."
            } else {
                "The SYN-ACK, or the client's ACK, was lost in transit, or the client's host dropped it."
            },
            if story.has_scanner_syn() { purpose::scan(story) } else { " A half-open port scan looks the same." },
            drops::caveat(story)
        ))
        .reported(&["ETIMEDOUT (Connection timed out)", "java.net.SocketTimeoutException: connect timed out"])
        .proved_by(story.opening.syn.numbers().take(2).chain(story.opening.syn_ack.numbers()))
        .advise(if actor == Actor::Client { &AT_CLIENT } else { &AT_SERVER }),
    )
}

/// Whether the packets passed routers on the server's side of the capture, and none on the client's, or the client's checksums show that
/// its own card computes them. A scanner does not mean to complete the handshake.
fn is_seen_at_client(story: &Story) -> bool {
    let was_forwarded = |role: Role| story.parties[role].was_forwarded();
    let is_near = was_forwarded(Role::Client) == Some(false) && was_forwarded(Role::Server) == Some(true);
    is_near || story.has_scanner_syn() || story.parties.client.is_where_captured()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::story::script::talk::ssm;
    use crate::tcp::Role::{Client, Server};

    #[test]
    fn a_syn_ack_that_nobody_acknowledges_is_lost_on_the_path() {
        let story = Story::at(Stage::SynAck).but(|story| {
            let again = story.next(Server);
            story.opening.add_syn_ack(again);
        });
        let verdict = story.silent_for(5_000, Client).verdict();
        assert_eq!(verdict.is(), ("tcp-handshake-incomplete", Actor::Path, None));
        assert_eq!(verdict.evidence, [1, 2, 3]);
        assert!(verdict.headline.contains("sent 2 times in 10.0 ms"), "{}", verdict.headline);
        assert!(!verdict.mentions("5.0 s"), "the silence lasts as long as the capture");
        assert!(!verdict.mentions("refused") && !verdict.mentions("TLS"));
    }

    #[test]
    fn without_a_packet_of_the_client_nobody_is_blamed() {
        let repeated = ssm().syn_ack().wait(1_000).syn_ack().wait(2_000).syn_ack();
        assert_eq!(repeated.verdict(5_000).is(), ("tcp-handshake-incomplete", Actor::Unknown, None));
    }

    #[test]
    fn where_the_capture_was_made_at_the_client_it_is_the_client_s() {
        let seen = |client: u8, server: u8| {
            let mut talk = ssm().syn().syn_ack().wait(1_000).syn_ack();
            for (packet, hop_limit) in talk.packets.iter_mut().zip([client, server, server]) {
                packet.header.ip.hop_limit = Some(hop_limit);
            }
            talk.verdict(2_500).actor
        };
        assert_eq!((seen(57, 64), seen(64, 57), seen(57, 53)), (Actor::Path, Actor::Client, Actor::Path));
    }

    #[test]
    fn with_the_acknowledgement_the_client_is_silent_and_without_the_syn_ack_nobody_answered() {
        let silent = |stage, by| Story::at(stage).silent_for(5_000, by).verdict().code;
        assert_eq!(silent(Stage::TcpEstablished, Client), "client-silent");
        assert_eq!(silent(Stage::Syn, Server), "syn-no-reply");
    }

    #[test]
    fn a_conversation_that_stops_at_the_syn_ack_is_incomplete_unless_it_is_reset() {
        let repeated = ssm().syn().syn_ack().wait(1000).syn_ack();
        assert_eq!(repeated.code(2_500), "tcp-handshake-incomplete");
        assert_eq!(repeated.story(2_500).stage, Stage::SynAck);
        assert_eq!(ssm().syn().syn_ack().segment(Client, "R", 1, &[]).code(0), "reset");
    }

    #[test]
    fn a_server_that_closes_on_data_that_the_capture_lacks_had_the_acknowledgement() {
        let repeated = || ssm().syn().syn_ack().wait(1_000).syn_ack().wait(2_500).syn_ack().wait(500);
        let closed = |acked: u32| {
            let closed = repeated().segment_with(Server, "F.", 2_000, acked, &[], |_| {});
            closed.segment_with(Client, "F.", acked, 2_001, &[], |_| {}).verdict(0)
        };
        assert_eq!(closed(400).code.name(), "capture-gap", "{:?}", closed(400));
        // What was given up acknowledges nothing.
        let given_up = repeated().segment(Server, "R", 1, &[]).verdict(0);
        assert_eq!(given_up.code.name(), "tcp-handshake-incomplete", "{given_up:?}");
    }

    #[test]
    fn a_server_that_continues_alone_in_the_capture_had_the_acknowledgement() {
        let talk = ssm().open().wait(5_000).fin(Server).fin(Client).ack(Server).only(Server);
        assert_eq!(talk.verdict(0).code, "closed-early");
    }
}
