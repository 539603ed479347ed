//! The SYN had to be sent again before it was answered.

use super::{Finding, Weight, finding, times};
use crate::story::{Stage, Story};

/// `syn-retries`.
pub(super) fn find(story: &Story) -> Option<Finding> {
    if story.opening.syn.count < 2 || story.stage <= Stage::Syn {
        return None;
    }
    let count = story.opening.syn.count;
    let previous_connection = story.opening.previous_connection.server.count > 0;
    let answer = story.opening.syn_ack.first().map(|answer| answer.number);
    let unanswered = answer.map_or(count, |answer| {
        story.opening.syn.numbers().take_while(|syn| story.order.is_after(answer, *syn)).count().max(1) as u64
    });
    let (count, before) = (times(count), times(unanswered));
    let error = story.path.icmp_errors.iter().map(|fact| fact.moment.number);
    let error = error.min().filter(|error| answer.is_none_or(|answer| story.order.is_after(answer, *error)));
    let reason = error.map_or_else(
        || "packets are lost in transit, or the server was overloaded".to_owned(),
        |error| format!("packet {error}, an ICMP error, answered an earlier one"),
    );
    let text = match story.opening.refused_before {
        Some(refusal) => format!(
            "The SYN was sent {count}: packet {} refused one (RST), and a later one was accepted. The service was \
             just starting, or a device in between replies with its address.",
            refusal.number
        ),
        None if previous_connection => format!(
            "The SYN was sent {count} before it was accepted: the first replies belong to an older connection \
             between the same ports, which the server still held."
        ),
        None if unanswered == 1 => format!(
            "The SYN was sent {count}, although a SYN-ACK had arrived: it does not reach the client's TCP, or is \
             lost beyond the capture point."
        ),
        None => format!("The SYN was sent {before} before a reply arrived: {reason}."),
    };
    let refusal = story.opening.refused_before.map(|refusal| refusal.number);
    let evidence = story
        .opening
        .syn
        .numbers()
        .chain(refusal)
        .chain(error)
        .chain(story.opening.previous_connection.server.numbers());
    finding("syn-retries", Weight::Warning, text, evidence)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::packet::Moment;
    use crate::story::IcmpFact;
    use crate::story::script::talk::{self, ssm};
    use crate::tcp::Role::{Client, Server};

    #[test]
    fn a_syn_that_was_repeated_before_an_answer_came_is_a_warning() {
        let talk = ssm().syn().wait(1_000).syn().syn_ack().ack(Client);
        let found = talk.finding("syn-retries").expect("a finding");
        assert_eq!(found.is(), (Weight::Warning, &[1, 2][..]));
        assert!(found.text.contains("twice") && !found.text.contains("older connection"), "{}", found.text);
    }

    #[test]
    fn an_icmp_error_that_answered_an_earlier_syn_is_named() {
        let story = *ssm().syn().wait(1_000).syn().wait(1_000).syn().syn_ack().ack(Client).story(0);
        let story = story.but(|story| {
            let error = Story::at(Stage::Syn).icmp([192, 0, 2, 1], 3, 1).path.icmp_errors.remove(0);
            let moment = Moment { number: 2, at: error.moment.at };
            story.path.icmp_errors.push(IcmpFact { moment, ..error });
        });
        let found = story.finding("syn-retries").expect("a finding");
        assert!(found.text.contains("packet 2, an ICMP error"), "{}", found.text);
        assert!(found.evidence.contains(&2) && !found.text.contains("lost in transit"), "{found:?}");
    }

    #[test]
    fn syns_after_the_answer_do_not_count_as_unanswered() {
        let talk = ssm().syn().wait(1_000).syn().syn_ack().wait(1_000).syn().wait(1_000).syn().syn_ack();
        let found = talk.finding("syn-retries").expect("a finding");
        assert!(found.text.contains("sent twice before a reply arrived"), "{}", found.text);
    }

    #[test]
    fn one_syn_and_syns_that_nobody_answers_are_no_retries() {
        assert_eq!(ssm().open().finding("syn-retries"), None);
        assert_eq!(ssm().syn().wait(1_000).syn().finding("syn-retries"), None);
    }

    #[test]
    fn a_refusal_before_and_an_older_connection_are_named() {
        let refused = ssm().syn().segment(Server, "R.", 0, &[]).wait(500).syn();
        let let_in = refused.syn_ack().ack(Client).say(Client, &talk::client_hello());
        let found = let_in.finding("syn-retries").expect("a finding");
        assert_eq!(found.evidence, [1, 2, 3]);
        assert!(found.text.contains("packet 2 refused one"), "{}", found.text);
        let challenged = ssm().syn().segment_with(Server, ".", 5_000, 70_000_000, &[], |_| {});
        let retried = challenged.wait(1_000).syn().syn_ack().ack(Client);
        let found = retried.finding("syn-retries").expect("a finding");
        assert_eq!(found.evidence, [1, 2, 3]);
        assert!(found.text.contains("older connection"), "{}", found.text);
    }

    #[test]
    fn a_syn_that_is_sent_again_although_it_was_answered_is_no_loss_before_the_answer() {
        let talk = ssm().syn().syn_ack().wait(1_000).syn().syn_ack();
        let found = talk.finding("syn-retries").expect("a finding");
        assert!(found.text.contains("although a SYN-ACK had arrived"), "{}", found.text);
    }
}
