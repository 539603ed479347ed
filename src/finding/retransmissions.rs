//! How much was sent again.

use super::{Finding, Weight, finding};
use crate::story::{Stage, Story};
use crate::tcp::Role;

/// Retransmissions up to this share of all segments are usual on the Internet, in percent.
const USUAL_PERCENT: u64 = 2;

/// `retransmissions`: of each side, with the rate at which it had to send again. What is lost behind the place of the
/// capture is sent again through it, so this is the loss rate as far as a bystander knows it.
pub(super) fn find(story: &Story) -> Option<Finding> {
    let repeated = |role: Role| story.traffic.counters[role].retransmissions;
    let sent = |role: Role| story.traffic.counters[role].segments;
    let (client, server) = (repeated(Role::Client), repeated(Role::Server));
    // SYNs that nobody answered are the verdict's own.
    if client + server == 0 || story.stage == Stage::Syn {
        return None;
    }
    let all = sent(Role::Client) + sent(Role::Server);
    let is_much = client + server > 2
        && [Role::Client, Role::Server]
            .into_iter()
            .any(|role| repeated(role) * 100 > sent(role) * USUAL_PERCENT);
    let evidence = story
        .data
        .client
        .repeats
        .numbers()
        .chain(story.data.server.repeats.numbers())
        .chain(story.opening.syn.numbers().skip(1))
        .chain(story.opening.syn_ack.numbers().skip(1));
    let shares: Vec<_> = [Role::Client, Role::Server]
        .into_iter()
        .filter(|role| sent(*role) > 0)
        .map(|role| format!("{} of the {role}", share(repeated(role), sent(role))))
        .collect();
    finding(
        "retransmissions",
        if is_much { Weight::Warning } else { Weight::Info },
        format!("{} of {all} segments are retransmissions: {}.", client + server, shares.join(", ")),
        evidence,
    )
}

/// Repeats against all segments of one direction, with the rate.
fn share(repeated: u64, sent: u64) -> String {
    format!("{repeated} of {sent} ({:.1} %)", repeated as f64 * 100.0 / sent as f64)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::story::script::talk::{self, exchange, ssm};
    use crate::tcp::Role::{Client, Server};

    #[test]
    fn syns_that_nobody_answers_are_the_verdict_s_own() {
        let unanswered = ssm().syn().wait(1_000).syn().wait(2_000).syn();
        assert_eq!(unanswered.finding("retransmissions"), None);
    }

    #[test]
    fn retransmissions_are_reported_with_the_rate_of_each_direction() {
        let talk = ssm()
            .open()
            .say(Client, &talk::client_hello())
            .wait(300)
            .repeat(Client)
            .wait(600)
            .repeat(Client)
            .ack(Server)
            .say(Server, &talk::server_flight());
        let found = talk.finding("retransmissions").expect("a finding");
        assert!(
            found.text.contains("2 of 5 (40.0 %) of the client, 0 of 3 (0.0 %) of the server"),
            "{}",
            found.text
        );
        assert_eq!(found.is(), (Weight::Info, &[5, 6][..]));
        let more = talk.wait(900).repeat(Server).finding("retransmissions").expect("a finding");
        assert_eq!(more.severity, Weight::Warning);
        assert_eq!(exchange().finding("retransmissions"), None);
    }
}
