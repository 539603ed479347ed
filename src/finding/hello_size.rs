//! The ClientHello does not fit into one segment.

use super::{Finding, Weight, finding};
use crate::story::{EndingKind, Stage, Story};
use crate::tcp::Role;
use crate::tls::{NamedGroup, RECORD_HEADER_BYTES};

/// Bytes that the timestamps option takes of each segment, padding included (RFC 7323, appendix A).
const TIMESTAMPS: u32 = 12;

/// `hello-size`: devices that read only a connection's first segment don't understand such a hello, and some drop it.
pub(super) fn find(story: &Story) -> Option<Finding> {
    let hello = story.tls.client_hello.as_ref()?;
    let server = &story.parties.server;
    let announced = u32::from(server.maximum_segment_size?);
    let has_timestamps = [&story.parties.client, server]
        .into_iter()
        .all(|party| party.offer.is_some_and(|offer| offer.timestamps));
    let segment = announced.saturating_sub(if has_timestamps { TIMESTAMPS } else { 0 });
    let len = hello.what.len.saturating_add(RECORD_HEADER_BYTES);
    if len <= segment || hello.what.len == 0 {
        return None;
    }
    let share = hello.what.key_shares.iter().find(|group| group.is_post_quantum());
    let reason = share.map_or_else(String::new, |group: &NamedGroup| {
        format!(" It contains a post-quantum key share ({group}).")
    });
    let is_unanswered = story.decisive().is_some_and(|ending| {
        ending.by == Role::Server
            && ending.stage == Stage::ClientHello
            && matches!(ending.what, EndingKind::Silence(_) | EndingKind::Reset(_))
    });
    let (weight, consequence) = if is_unanswered {
        (
            Weight::Warning,
            " It got no reply: old firewalls and load balancers fail on ClientHellos of several segments. Compare with a \
             client that sends a small one, for example without post-quantum groups.",
        )
    } else {
        (Weight::Info, "")
    };
    finding(
        "hello-size",
        weight,
        format!(
            "The ClientHello takes {len} bytes, more than one segment of {segment} bytes holds.{reason}{consequence}"
        ),
        [hello.moment.number],
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::story::script::talk::{self, MSS, NAMED, opened};
    use crate::tcp::Role::Client;

    #[test]
    fn a_hello_of_two_segments_is_reported_and_suspected_when_nothing_answers() {
        let share = [&[0x04, 0xc4, 0x11, 0xec, 0x04, 0xc0][..], &[1; 0x4c0]].concat();
        let large = talk::client_hello_with(&[NAMED, (51, &share), (21, &[0; 300])]);
        let (first, second) = large.split_at(1_460);
        let sent = opened(("S", &MSS), ("S.", &MSS)).say(Client, first).say(Client, second).ack(Role::Server);
        let found = sent.finding("hello-size").expect("a finding");
        assert_eq!(found.is(), (Weight::Warning, &[5][..]));
        assert!(found.text.contains("X25519MLKEM768"), "{}", found.text);
        let answered = sent.say(Role::Server, &talk::server_hello(0x0303, 0xc030));
        let found = answered.finding("hello-size").expect("a finding");
        assert_eq!(found.severity, Weight::Info);
        assert!(!found.text.contains("never answered"), "{}", found.text);
    }

    #[test]
    fn a_hello_of_one_segment_is_no_finding() {
        let small = opened(("S", &MSS), ("S.", &MSS)).say(Client, &talk::client_hello_with(&[NAMED]));
        assert_eq!(small.finding("hello-size"), None);
        // Without the server's maximum segment size this can't be decided.
        let large = Story::at(Stage::ClientHello).but(|story| {
            story.tls.client_hello.as_mut().unwrap().what.len = 1_700;
        });
        assert_eq!(large.finding("hello-size"), None);
    }
}
