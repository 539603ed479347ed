//! The SYN-ACK came and was never acknowledged.

use super::words::drops;
use super::{Actor, Code, Rule, Settings, Severity, Verdict};
use crate::story::{EndingKind, Stage, Story};

/// `tcp-handshake-incomplete`.
pub(super) const RULE: Rule = Rule {
    code: Code::TcpHandshakeIncomplete,
    severity: Severity::Critical,
    summary: "the SYN-ACK was never acknowledged",
    page: include_str!("../../docs/verdicts/tcp-handshake-incomplete.md"),
    judge,
};

fn judge(story: &Story, _: &Settings) -> Option<Verdict> {
    let ending = story.decisive()?;
    let EndingKind::Silence(silence) = &ending.what else { return None };
    // A server that continues had the acknowledgement, though the capture lacks it; and so had one that sends its SYN-ACK once,
    // since it would repeat it.
    let is_proved = story.one_sided().is_some() && story.stage > Stage::SynAck;
    if ending.stage != Stage::SynAck || is_proved || story.opening.syn_ack.count < 2 {
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
            "The server replied, and the client never completed the handshake. In a capture made on the client, the \
             SYN-ACK did not reach its TCP (host firewall, reverse path filtering, another interface), or its ACK was not \
             captured. A half-open port scan looks the same.{}",
            drops::caveat(story)
        ))
        .reported(&["ETIMEDOUT (Connection timed out)", "java.net.SocketTimeoutException: connect timed out"])
        .proved_by(story.opening.syn.numbers().take(2).chain(story.opening.syn_ack.numbers()))
        .advise(&[
            "Check the client's host firewall and routing: replies may arrive on a different interface.",
            "Capture on the client on all interfaces (`-i any`): does the ACK leave?",
        ]),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::story::script::talk::ssm;
    use crate::tcp::Role::{Client, Server};

    #[test]
    fn a_syn_ack_that_nobody_acknowledges_is_the_client_s_side() {
        let story = Story::at(Stage::SynAck).but(|story| {
            let again = story.next(Server);
            story.opening.syn_ack.add(again);
        });
        let verdict = story.silent_for(5_000, Client).verdict();
        assert_eq!(verdict.is(), ("tcp-handshake-incomplete", Actor::Client, None));
        assert_eq!(verdict.evidence, [1, 2, 3]);
        assert!(verdict.headline.contains("sent 2 times") && verdict.headline.contains("5.0 s"));
        assert!(!verdict.mentions("refused") && !verdict.mentions("TLS"));
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
    fn a_server_that_continues_alone_in_the_capture_had_the_acknowledgement() {
        let talk = ssm().open().wait(5_000).fin(Server).fin(Client).ack(Server).only(Server);
        assert_eq!(talk.verdict(0).code, "closed-early");
    }
}
