//! Keep-alive probes kept an idle connection open. Probes of a closed window have the same form and do not count.

use super::{Finding, Weight, finding};
use crate::story::Story;

/// `keep-alives`.
pub(super) fn find(story: &Story) -> Option<Finding> {
    let probes = &story.traffic.window_probes;
    let count = story.traffic.counters.client.keep_alives + story.traffic.counters.server.keep_alives;
    let count = count.saturating_sub(probes.count);
    if count == 0 {
        return None;
    }
    finding(
        "keep-alives",
        Weight::Info,
        format!(
            "{count} keep-alive {}: the connection was idle.",
            if count == 1 { "probe" } else { "probes" }
        ),
        story.traffic.keep_alives.numbers().filter(|number| !probes.numbers().any(|probe| probe == *number)),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::story::script::talk::{self, ssm};
    use crate::tcp::Role::{Client, Server};

    #[test]
    fn probes_of_an_idle_connection_are_counted() {
        let exchanged = ssm().open().say(Client, &talk::client_hello()).ack(Server);
        assert_eq!(exchanged.finding("keep-alives"), None);
        let probe = exchanged.next(Client) - 1;
        let idle = exchanged.wait(10_000).segment(Client, ".", probe, &[]);
        let found = idle.finding("keep-alives").expect("a finding");
        assert_eq!(found.is(), (Weight::Info, &[6][..]));
        assert!(found.text.contains("1 keep-alive probe:"), "{}", found.text);
        let full = |header: &mut crate::packet::SegmentHeader| header.tcp.window = Some(0);
        let closed = idle.clone().segment_with(Server, ".", 1, 206, &[], full).wait(500);
        let probed = closed.segment(Client, ".", probe, &[]).finding("keep-alives").expect("a finding");
        assert!(probed.is().1 == [6] && probed.text.contains("1 keep-alive probe:"), "{probed:?}");
        let more = idle.wait(10_000).segment(Client, ".", probe, &[]).finding("keep-alives").unwrap();
        assert!(more.text.contains("2 keep-alive probes:"), "{}", more.text);
    }

    #[test]
    fn a_byte_sent_again_is_a_retransmission_and_no_probe() {
        let asked = ssm().open().say(Client, b"x");
        let again = asked.clone().wait(1_000).repeat(Client);
        assert_eq!(again.finding("keep-alives"), None);
        assert!(again.finding("retransmissions").is_some());
        let acked = asked.ack(Server);
        let probe = acked.next(Client) - 1;
        let idle = acked.wait(10_000).segment(Client, ".", probe, &[]);
        assert_eq!(idle.finding("retransmissions"), None);
        let text = idle.finding("keep-alives").expect("a finding").text;
        assert!(!text.contains("lost") && !text.contains("retransmi"), "{text}");
    }
}
