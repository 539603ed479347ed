//! Bytes were acknowledged that the capture never saw.

use super::{Finding, Weight, finding};
use crate::story::Story;
use crate::tcp::Role;

/// `acked-unseen`: the capture has holes that the network did not have.
pub(super) fn find(story: &Story) -> Option<Finding> {
    if story.one_sided().is_some() {
        return None;
    }
    [Role::Client, Role::Server].into_iter().find_map(|role| {
        let bytes = story.missing.acked_unseen[role];
        // A FIN that the capture missed counts as one.
        if bytes <= 1 {
            return None;
        }
        finding(
            "acked-unseen",
            Weight::Warning,
            format!("{bytes} bytes of the {role} were acknowledged and are not in the capture: it missed packets that arrived."),
            story.missing.acked_unseen_by[role].numbers(),
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::story::script::talk::{self, ssm};
    use crate::tcp::Role::{Client, Server};

    #[test]
    fn bytes_that_were_acknowledged_and_not_captured_are_counted() {
        let exchanged = ssm().open().say(Client, &talk::client_hello()).ack(Server);
        assert_eq!(exchanged.finding("acked-unseen"), None);
        let unseen = exchanged.segment_with(Client, ".", 206, 500, &[], |_| {});
        let found = unseen.finding("acked-unseen").expect("a finding");
        assert_eq!(found.is(), (Weight::Warning, &[6][..]));
        assert!(found.text.contains("499 bytes of the server"), "{}", found.text);
    }

    #[test]
    fn a_fin_and_a_side_that_is_missing_altogether_are_no_holes() {
        let talk = ssm().open().say(Client, &talk::client_hello()).say(Server, &talk::server_flight());
        let fin = talk.clone().segment_with(Client, ".", 206, talk.next(Server) + 1, &[], |_| {});
        assert_eq!(fin.finding("acked-unseen"), None);
        assert_eq!(talk.ack(Client).only(Client).finding("acked-unseen"), None);
    }
}
