//! Packets are in the capture twice.

use super::{Finding, Weight, finding};
use crate::story::Story;

/// `duplicate-capture`.
pub(super) fn find(story: &Story) -> Option<Finding> {
    let count = story.traffic.counters.client.duplicates + story.traffic.counters.server.duplicates;
    if count == 0 {
        return None;
    }
    finding(
        "duplicate-capture",
        Weight::Info,
        format!(
            "{} in the capture twice (a mirror port or several interfaces): copies are not counted as retransmissions.",
            if count == 1 { "1 packet is".to_owned() } else { format!("{count} packets are") }
        ),
        story.traffic.duplicates.numbers(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::story::script::talk::{Spoken, ssm};
    use crate::tcp::Role::Client;

    #[test]
    fn a_packet_that_is_there_twice_is_no_retransmission() {
        let talk = ssm().open();
        assert_eq!(talk.finding("duplicate-capture"), None);
        let mut twice = talk.clone().say(Client, b"x");
        let id = twice.clone().ack(Client).packets[4].id;
        twice.packets.push(Spoken { id, ..twice.packets[3].clone() });
        let found = twice.finding("duplicate-capture").expect("a finding");
        assert_eq!(found.is(), (Weight::Info, &[5][..]));
        assert!(found.text.contains("1 packet is"), "{}", found.text);
        assert_eq!(twice.finding("retransmissions"), None);
    }

    #[test]
    fn what_was_sent_again_is_no_copy() {
        let again = ssm().open().say(Client, b"x").wait(1_000).repeat(Client);
        assert_eq!(again.finding("duplicate-capture"), None);
        assert!(again.finding("retransmissions").is_some());
        let mut twice = ssm().open().say(Client, b"x");
        let id = twice.clone().ack(Client).packets[4].id;
        twice.packets.push(Spoken { id, ..twice.packets[3].clone() });
        let text = twice.finding("duplicate-capture").expect("a finding").text;
        assert!(!text.contains("lost") && !text.contains("sent again"), "{text}");
    }
}
