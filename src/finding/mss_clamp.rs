//! The maximum segment size shows a device that clamps it.

use super::{Finding, Weight, finding};
use crate::packet::IpVersion;
use crate::story::Story;
use crate::tcp::Role;

/// Ethernet's maximum segment size, 1500 - 40, in bytes; IPv6's is 20 less.
const ETHERNET: u16 = 1460;

/// The smallest maximum segment size that is reported: 536 is what hosts without path MTU discovery use (RFC 9293, 3.7.1).
const SMALLEST: u16 = 537;

/// `mss-clamp`: the full-size segments of the server are smaller than Ethernet's, as a firewall or tunnel makes them.
pub(super) fn find(story: &Story) -> Option<Finding> {
    let overhead = if story.version == IpVersion::V6 { 20 } else { 0 };
    let announced = story.parties.server.maximum_segment_size;
    // TCP timestamps take 12 bytes of each segment.
    let largest = u16::try_from(story.traffic.counters.server.largest_payload).ok()?;
    let (size, how, evidence) = match announced {
        Some(size) => (size, "the SYN-ACK announces", story.opening.syn_ack.first()),
        // 1380 is what Cisco ASA clamps to; a full segment of that size shows it without the option.
        None if largest == 1380 => {
            (largest, "the server's full segments carry", story.data[Role::Server].first)
        }
        None => return None,
    };
    if size.saturating_add(overhead) >= ETHERNET || size < SMALLEST {
        return None;
    }
    let known = if size == 1380 { " (the default of Cisco ASA firewalls)" } else { "" };
    finding(
        "mss-clamp",
        Weight::Info,
        format!(
            "MSS is clamped: {how} {size} bytes{known} instead of Ethernet's {}. There is probably a firewall, VPN or \
             tunnel in the path. Not a fault.",
            ETHERNET - overhead
        ),
        evidence.map(|moment| moment.number),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::story::Stage;

    fn announcing(size: u16) -> Story {
        Story::at(Stage::TcpEstablished).but(|story| story.parties.server.maximum_segment_size = Some(size))
    }

    #[test]
    fn less_than_ethernet_s_is_a_device_and_no_fault() {
        let found = announcing(1_380).finding("mss-clamp").expect("a finding");
        assert_eq!(found.is(), (Weight::Info, &[2][..]));
        assert!(found.text.contains("1380 bytes") && found.text.contains("Cisco ASA"));
        let other = announcing(1_400).finding("mss-clamp").expect("a finding");
        assert!(!other.text.contains("Cisco"), "{}", other.text);
    }

    #[test]
    fn ethernet_s_own_and_the_default_are_none() {
        for size in [1_460, 9_000, 536] {
            assert_eq!(announcing(size).finding("mss-clamp"), None, "{size}");
        }
        let over_ipv6 = announcing(1_440).but(|story| {
            story.version = IpVersion::V6;
        });
        assert_eq!(over_ipv6.finding("mss-clamp"), None);
    }

    #[test]
    fn without_the_option_full_segments_of_asa_s_size_show_it() {
        let sending = |bytes| {
            let story = Story::at(Stage::ServerHello);
            story.but(|story| story.traffic.counters.server.largest_payload = bytes).finding("mss-clamp")
        };
        assert_eq!(sending(1_380).expect("a finding").evidence, [5]);
        assert_eq!(sending(1_200), None);
    }
}
