//! Packets of one side came from different distances.

use super::{Finding, Weight, finding};
use crate::story::{IpTraits, Story};
use crate::tcp::Role;

/// `path-change`: a hint at another sender (a SYN proxy, a load balancer) or another path; never a verdict.
///
/// The IP id is no part of it: Linux always sends its SYN-ACKs with id 0.
pub(super) fn find(story: &Story) -> Option<Finding> {
    [Role::Server, Role::Client].into_iter().find_map(|role| {
        let party = &story.parties[role];
        let (opening, later) = (party.opening_path?, party.later_path?);
        if opening.hop_limit == later.hop_limit {
            return party.changed_path.and_then(|changed| changed_within(role, &later, &changed));
        }
        let packet = if role == Role::Server { "SYN-ACK" } else { "SYN" };
        let service = match (opening.service, later.service) {
            (Some(one), Some(other)) if one != other => format!(" and type of service 0x{one:x} against 0x{other:x}"),
            _ => String::new(),
        };
        let distance = match (story.path.round_trips.handshake, story.path.round_trips.data) {
            (Some((opening, ..)), Some((data, _))) if role == Role::Server => {
                // A SYN proxy near the client answers much sooner than the server behind it.
                if opening.times(2) < data {
                    " The SYN-ACK came much sooner than the ACK of data: a SYN proxy near the client is likely."
                } else {
                    " The RTTs match, so a SYN proxy near the client is unlikely."
                }
            }
            _ => "",
        };
        finding(
            "path-change",
            Weight::Info,
            format!(
                "The {role}'s {packet} has TTL {}{}, later packets TTL {}: a different sender or path.{distance} A hint, \
                 not a fault.",
                opening.hop_limit, service, later.hop_limit
            ),
            [opening.number, later.number],
        )
    })
}

fn changed_within(role: Role, usual: &IpTraits, changed: &IpTraits) -> Option<Finding> {
    finding(
        "path-change",
        Weight::Info,
        format!(
            "The {role}'s packets have TTL {} at first and TTL {} in packet {}: a different path or sender. A hint, not a \
             fault.",
            usual.hop_limit, changed.hop_limit, changed.number
        ),
        [usual.number, changed.number],
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::packet::SegmentHeader;
    use crate::story::Stage;
    use crate::story::script::talk::{self, ssm};
    use crate::tcp::Role::{Client, Server};
    use crate::time::Elapsed;

    fn traits(number: u64, hop_limit: u8) -> IpTraits {
        IpTraits { number, hop_limit, service: Some(0), id: None }
    }

    #[test]
    fn a_syn_ack_from_another_distance_is_a_hint_and_round_trips_weigh_it() {
        let with = |opening: i64, data: i64| {
            let story = Story::at(Stage::ServerHello).but(|story| {
                story.parties.server.opening_path = Some(traits(2, 64));
                story.parties.server.later_path = Some(traits(5, 61));
                story.path.round_trips.handshake = Some((Elapsed::from_millis(opening), 1, 2));
                story.path.round_trips.data = Some((Elapsed::from_millis(data), 5));
            });
            story.finding("path-change").expect("a finding")
        };
        let near = with(1, 40);
        assert_eq!(near.is(), (Weight::Info, &[2, 5][..]));
        assert!(near.text.contains("TTL 64") && near.text.contains("TTL 61"), "{}", near.text);
        assert!(near.text.contains("a SYN proxy near the client is likely"), "{}", near.text);
        assert!(with(39, 40).text.contains("a SYN proxy near the client is unlikely"));
    }

    #[test]
    fn the_same_distance_is_no_finding() {
        let story = Story::at(Stage::ServerHello).but(|story| {
            story.parties.server.opening_path = Some(traits(2, 64));
            story.parties.server.later_path = Some(traits(5, 64));
        });
        assert_eq!(story.finding("path-change"), None);
    }

    #[test]
    fn another_distance_within_the_connection_is_a_hint() {
        let further = |header: &mut SegmentHeader| header.ip.hop_limit = Some(50);
        let talk = ssm().open().say(Client, &talk::client_hello()).say(Server, &talk::server_flight());
        assert_eq!(talk.finding("path-change"), None);
        let seq = talk.next(Server);
        let moved = talk.segment_with(Server, "P.", seq, 206, &talk::data(), further);
        let found = moved.finding("path-change").expect("a finding");
        assert_eq!(found.is(), (Weight::Info, &[5, 6][..]));
        assert!(found.text.contains("not a fault"), "{}", found.text);
    }
}
