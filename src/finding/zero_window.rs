//! A receiver had no room.

use super::{Finding, Weight, finding, times};
use crate::story::Story;
use crate::tcp::Role;

/// `zero-window`.
pub(super) fn find(story: &Story) -> Option<Finding> {
    [Role::Client, Role::Server].into_iter().find_map(|role| {
        let count = story.traffic.counters[role].zero_windows;
        if count == 0 {
            return None;
        }
        finding(
            "zero-window",
            Weight::Warning,
            format!(
                "The {role} announced a zero window {}: its program did not read the data.",
                times(count)
            ),
            story.traffic.zero_windows[role].numbers(),
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::story::script::talk::{self, ssm};
    use crate::tcp::Role::{Client, Server};

    #[test]
    fn a_receiver_without_room_is_named_with_how_often() {
        let exchanged = ssm().open().say(Client, &talk::client_hello()).ack(Server);
        assert_eq!(exchanged.finding("zero-window"), None);
        let closed = |header: &mut crate::packet::SegmentHeader| header.tcp.window = Some(0);
        let full = exchanged.segment_with(Server, ".", 1, 206, &[], closed);
        let found = full.finding("zero-window").expect("a finding");
        assert_eq!(found.is(), (Weight::Warning, &[6][..]));
        assert!(found.text.contains("The server announced a zero window once"), "{}", found.text);
    }

    #[test]
    fn a_rst_has_no_window_and_no_meaning_in_it() {
        let closed = |header: &mut crate::packet::SegmentHeader| header.tcp.window = Some(0);
        let hello = ssm().open().say(Client, &talk::client_hello());
        assert_eq!(hello.segment_with(Server, "R.", 1, 206, &[], closed).finding("zero-window"), None);
    }
}
