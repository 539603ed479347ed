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
                    " The SYN-ACK came much sooner than data is acknowledged, which speaks for a SYN proxy near the client."
                } else {
                    " Both round trips are alike, which speaks against a SYN proxy near the client."
                }
            }
            _ => "",
        };
        finding(
            "path-change",
            Weight::Info,
            format!(
                "The {role}'s {packet} has TTL {}{}, its later packets TTL {}: another sender or another path.{distance} A hint, \
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
            "The {role}'s packets have TTL {} at first and TTL {} in packet {}: another path, or another sender in its name. A hint, \
             not a fault.",
            usual.hop_limit, changed.hop_limit, changed.number
        ),
        [usual.number, changed.number],
    )
}
