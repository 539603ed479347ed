//! The SYN offered ECN, and the SYN-ACK does not accept it.

use super::{Finding, Weight, finding};
use crate::story::Story;

/// `ecn-stripped`.
pub(super) fn find(story: &Story) -> Option<Finding> {
    let (offered, answered) = (story.parties.client.offer?, story.parties.server.offer?);
    if !offered.ecn || answered.ecn {
        return None;
    }
    finding(
        "ecn-stripped",
        Weight::Info,
        "The SYN offers explicit congestion notification and the SYN-ACK does not accept it: the server does not use it, \
         or a device on the path removed it. Not a fault."
            .to_owned(),
        [offered.number, answered.number],
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::packet::{SegmentHeader, TcpOptions};
    use crate::story::script::talk::{ALL_OPTIONS, MSS, opened, ssm};
    use crate::tcp::Role::{Client, Server};

    #[test]
    fn ecn_that_is_offered_and_not_accepted_is_worth_knowing() {
        let found = opened(("SEW", &ALL_OPTIONS), ("S.", &MSS)).finding("ecn-stripped").expect("a finding");
        assert_eq!(found.is(), (Weight::Info, &[1, 2][..]));
        assert!(found.text.contains("Not a fault"), "{}", found.text);
        let options_alone = opened(("SEW", &ALL_OPTIONS), ("S.", &ALL_OPTIONS));
        assert_eq!(options_alone.weight_of("ecn-stripped"), Some(Weight::Info));
    }

    #[test]
    fn what_is_accepted_or_was_not_asked_for_is_no_finding() {
        for talk in [
            opened(("SEW", &ALL_OPTIONS), ("S.E", &ALL_OPTIONS)),
            opened(("S", &MSS), ("S.", &MSS)),
            ssm().segment(Client, "SEW", 0, &[]),
        ] {
            assert_eq!(talk.finding("ecn-stripped"), None);
        }
        // RFC 3168, 6.1.1.1: the repeated SYN does not ask again.
        let options = TcpOptions::from_wire(&ALL_OPTIONS);
        let with = |header: &mut SegmentHeader| header.tcp.options = Some(options);
        let repeated = ssm()
            .segment_with(Client, "SEW", 0, 0, &[], with)
            .wait(1_000)
            .segment_with(Client, "S", 0, 0, &[], with)
            .segment_with(Server, "S.", 0, 1, &[], with);
        assert_eq!(repeated.finding("ecn-stripped"), None);
    }
}
