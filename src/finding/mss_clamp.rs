//! The maximum segment size shows a device that clamps it.

use super::{Finding, Weight, finding};
use crate::story::Story;
use crate::tcp::Role;

/// Ethernet's maximum segment size, 1500 - 40, in bytes; IPv6's is 20 less.
const ETHERNET: u16 = 1460;

/// The smallest maximum segment size that is told: 536 is what hosts without path MTU discovery use (RFC 9293, 3.7.1).
const SMALLEST: u16 = 537;

/// `mss-clamp`: the full-size segments of the server are smaller than Ethernet's, as a firewall or tunnel makes them.
pub(super) fn find(story: &Story) -> Option<Finding> {
    let overhead = if story.parties.server.address.is_ipv6() { 20 } else { 0 };
    let announced = story.parties.server.maximum_segment_size;
    // TCP timestamps take 12 bytes of each segment.
    let largest = u16::try_from(story.traffic.counters.server.largest_payload).ok()?;
    let (size, how, evidence) = match announced {
        Some(size) => (size, "the SYN-ACK announces", story.opening.syn_ack.first()),
        // 1380 is what Cisco ASA clamps to; a full segment of it tells without the option.
        None if largest == 1380 => {
            (largest, "the server's full segments carry", story.data[Role::Server].first)
        }
        None => return None,
    };
    if size.saturating_add(overhead) >= ETHERNET || size < SMALLEST {
        return None;
    }
    let known = if size == 1380 { ", the default of Cisco ASA firewalls" } else { "" };
    finding(
        "mss-clamp",
        Weight::Info,
        format!(
            "Segments are limited: {how} {size} bytes{known}, less than Ethernet's {}: a firewall, VPN or tunnel in the path \
             is likely. No fault.",
            ETHERNET - overhead
        ),
        evidence.map(|moment| moment.number),
    )
}
