//! What the kernel counted of a check's connection.

use super::{Finding, Weight, finding};
use crate::story::Story;

/// Up to this many lost or late segments are usual on the Internet.
const USUAL: u32 = 2;

/// `socket-counters`: lost and late segments, and a path MTU that fell. A capture has findings of its own for them.
pub(super) fn find(story: &Story) -> Option<Finding> {
    let counters = story.path.counters?;
    let words = counters.words()?;
    let is_much = counters.retransmitted.saturating_add(counters.out_of_order) > USUAL
        || counters.icmp.is_some()
        || counters.path_mtu.is_some()
        || counters.is_after_hole
        || counters.is_window_closed;
    finding(
        "socket-counters",
        if is_much { Weight::Warning } else { Weight::Info },
        format!("This host's kernel counted {words}. With --capture, the check shows which packets."),
        [story.last.number],
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::story::SocketCounters;

    fn found(counters: SocketCounters) -> Option<Finding> {
        let story = crate::story::Story::at(crate::story::Stage::ApplicationData);
        story.but(|story| story.path.counters = Some(counters)).finding("socket-counters")
    }

    #[test]
    fn what_the_kernel_counts_is_reported_by_its_weight() {
        assert_eq!(found(SocketCounters::default()), None);
        let few = found(SocketCounters { retransmitted: 1, ..SocketCounters::default() }).unwrap();
        assert_eq!(few.severity, Weight::Info);
        assert!(few.text.contains("1 of this host's segments retransmitted"), "{}", few.text);
        let fell =
            found(SocketCounters { path_mtu: Some((1500, 1400)), ..SocketCounters::default() }).unwrap();
        assert_eq!(fell.severity, Weight::Warning);
        assert!(fell.text.contains("fell from 1500 to 1400"), "{}", fell.text);
    }

    #[test]
    fn what_only_the_kernel_counted_names_no_packet() {
        let counters = SocketCounters { retransmitted: 9, ..SocketCounters::default() };
        let story = Story::at(crate::story::Stage::ApplicationData);
        let story = story.but(|story| story.path.counters = Some(counters));
        let much = story.finding("socket-counters").expect("a finding");
        assert_eq!(much.severity, Weight::Warning);
        assert!(!much.text.contains("server's") && !much.text.contains("packet "), "{}", much.text);
        // Packets that were captured have this finding, and here there are none.
        assert_eq!(story.finding("retransmissions"), None);
    }
}
