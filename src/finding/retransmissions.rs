//! How much was sent again.

use super::{Finding, Weight, finding};
use crate::story::{Stage, Story};
use crate::tcp::Role;

/// Retransmissions up to this share of all segments are usual on the Internet, in percent.
const USUAL_PERCENT: u64 = 2;

/// `retransmissions`: of each side, with the rate at which it had to send again. What is lost beyond the place of the
/// capture is sent again through it, so this is the loss rate as far as a bystander knows it.
pub(super) fn find(story: &Story) -> Option<Finding> {
    let repeated = |role: Role| story.traffic.counters[role].retransmissions;
    let sent = |role: Role| story.traffic.counters[role].segments;
    let (client, server) = (repeated(Role::Client), repeated(Role::Server));
    // SYNs that nobody answered are the verdict's own.
    if client + server == 0 || story.stage == Stage::Syn {
        return None;
    }
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
        .filter(|role| repeated(*role) > 0)
        .map(|role| share(role, repeated(role), sent(role)))
        .collect();
    finding(
        "retransmissions",
        if is_much { Weight::Warning } else { Weight::Info },
        shares.join(" "),
        evidence,
    )
}

/// Repeats against all segments of one direction, with the rate.
/// One side's retransmissions among its segments, in a sentence.
fn share(role: Role, repeated: u64, sent: u64) -> String {
    let are = if repeated == 1 { "is a retransmission" } else { "are retransmissions" };
    let percent = repeated as f64 * 100.0 / sent as f64;
    // A share that rounds to nothing has its digit.
    let digits = usize::from(percent < 0.95);
    format!("{repeated} of the {role}'s {sent} segments {are} ({percent:.digits$} %).")
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
        assert!(found.text == "2 of the client's 5 segments are retransmissions (40 %).", "{}", found.text);
        assert_eq!(found.is(), (Weight::Info, &[5, 6][..]));
        let more = talk.wait(900).repeat(Server).finding("retransmissions").expect("a finding");
        assert_eq!(more.severity, Weight::Warning);
        assert_eq!(exchange().finding("retransmissions"), None);
    }
}
