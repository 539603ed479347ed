//! What tcpdump prints before the network header: the direction of `-i any`, the link header of `-e`, tags and tunnels of the
//! link layer.

use super::{icmp, ip};
use crate::capture::transcript::ends::End;
use crate::capture::transcript::scan::begins_with_mac;
use crate::packet::Direction;

/// Places in one line at which the packet inside may begin; tcpdump prints fewer words before it.
pub const MOST_WORDS: usize = 16;

/// What a packet's first line is about, link header removed.
pub enum Network<'a> {
    /// Text that begins with `(` or an address.
    Ip(&'a str),
    /// An ARP message.
    Arp(&'a str),
    /// Anything else.
    Other(&'a str),
}

/// Takes off what `-e` and `-i any` print before the network header: direction, length on the wire, and the rest.
pub fn split_link(text: &str) -> (Option<Direction>, Option<u32>, Network<'_>) {
    let (direction, text) = split_direction(text);
    if let Some(text) = strip_ip_word(text) {
        return (direction, None, Network::Ip(text));
    }
    if text.starts_with("ARP, ") || text.starts_with("arp ") {
        return (direction, None, Network::Arp(text));
    }
    let Some((link, mut rest)) = text.split_once(", length ").filter(|(link, _)| is_link_header(link)) else {
        return (direction, None, network_behind(text));
    };
    let Some((number, after)) = rest.split_once(": ").or_else(|| Some((rest.strip_suffix(':')?, ""))) else {
        return (direction, None, Network::Other(text));
    };
    let wire_len = number.parse().ok();
    rest = after;
    let mut ether = link;
    while rest.starts_with("vlan ") {
        // `vlan 100, p 0, ethertype IPv4 (0x0800), 10.0.0.1...`, with `-q` `vlan 100, p 0, IPv4, 10.0.0.1...`
        let tagged =
            rest.split_once("ethertype ").map(|(_, after)| after).or_else(|| rest.splitn(3, ", ").nth(2));
        let Some((kind, after)) = tagged.and_then(|after| after.split_once(", ")) else {
            return (direction, wire_len, Network::Other(text));
        };
        (ether, rest) = (kind, after);
    }
    let network = if ether.contains("ARP") {
        Network::Arp(rest)
    } else if ether.contains("IPv4") || ether.contains("IPv6") {
        Network::Ip(strip_ip_word(rest).unwrap_or(skip_truncation(rest)))
    } else {
        match network_behind(rest) {
            Network::Other(_) => {
                Network::Other(ether.split_once("ethertype ").map_or(ether, |(_, kind)| kind))
            }
            network => network,
        }
    };
    (direction, wire_len, network)
}

/// Whether `text` is what `-e` prints up to the frame's length: `02:00:00:00:00:01 > 02:00:00:00:00:02, ethertype IPv4
/// (0x0800)`, with `-q` `..., IPv4`.
fn is_link_header(text: &str) -> bool {
    let is_named = || {
        let kind = text.rsplit_once(", ").map(|(_, kind)| kind);
        matches!(kind, Some("IPv4" | "IPv6" | "ARP" | "802.1Q" | "802.1Q-QinQ"))
    };
    text.contains("ethertype") || text.starts_with("AF ") || (begins_with_mac(text) && is_named())
}

/// The IP packet behind headers that tcpdump prints before it: MPLS, PPPoE, a VLAN tag, a cooked header with `-q`.
fn network_behind(text: &str) -> Network<'_> {
    for (at, _) in text.match_indices(" IP").take(MOST_WORDS) {
        let Some(inner) = text.get(at + 1..).and_then(strip_ip_word) else { continue };
        if inner.starts_with('(') || ip::ends(inner).is_some() {
            return Network::Ip(inner);
        }
    }
    let begins_with_ends =
        |text: &str| ip::ends(text).is_some_and(|(source, ..)| begins_with_address(source));
    if text.starts_with('(') || begins_with_ends(text) {
        return Network::Ip(text);
    }
    let cooked =
        text.strip_prefix("ifindex ").and_then(|rest| rest.split_once(") ")).map(|(_, network)| network);
    if let Some(network) = cooked.filter(|network| network.starts_with('(') || begins_with_ends(network)) {
        return Network::Ip(network);
    }
    Network::Other(text)
}

/// What follows `IP ` or `IP6 `, or `IP (0x0021), length 50: ` of PPP with `-e`.
pub fn strip_ip_word(text: &str) -> Option<&str> {
    let after = ["IP ", "IP6 ", "ip: ", "ip6: "].iter().find_map(|word| text.strip_prefix(word))?;
    let after = skip_truncation(after.trim_start());
    if after.starts_with("(0x") {
        return after.split_once(": ").map(|(_, network)| network.trim_start());
    }
    Some(after)
}

/// `truncated-ip - 4096 bytes missing! 10.0.0.1...`: the header promises more than the frame holds.
fn skip_truncation(text: &str) -> &str {
    let remark = text.strip_prefix("truncated-ip");
    remark.and_then(|remark| remark.split_once('!')).map_or(text, |(_, after)| after.trim_start())
}

/// `eth0  In  IP ...` of `-i any`; older ones print no interface. `B` and `M` are received, `P` is others' traffic.
fn split_direction(text: &str) -> (Option<Direction>, &str) {
    let mut rest = text;
    for _ in 0..2 {
        let Some((word, after)) = rest.split_once(' ') else { break };
        let after = after.trim_start();
        match word {
            "In" | "B" | "M" => return (Some(Direction::Inbound), after),
            "Out" => return (Some(Direction::Outbound), after),
            "P" => return (None, after),
            "IP" | "IP6" | "ARP," => break,
            _ => rest = after,
        }
    }
    (None, text)
}

/// Whether `text` can begin a packet where no times are printed (`-t`).
pub fn begins_untimed(text: &str) -> bool {
    match split_link(text) {
        (_, _, Network::Ip(rest))
            if strip_ip_word(text).is_some()
                || text.contains("ethertype")
                || text.contains(" IP")
                || begins_with_mac(text) =>
        {
            rest.starts_with("(tos ")
                || rest.starts_with("(flowlabel ")
                || rest.starts_with("(class ")
                || rest.starts_with("(hlim ")
                || ip::ends(rest).is_some()
        }
        (_, _, Network::Arp(rest)) => icmp::arp(rest).is_some(),
        _ => false,
    }
}

/// Whether `text` is the address line of a packet whose header line is missing.
pub fn is_address_line(text: &str) -> bool {
    ip::ends(text).is_some_and(|(.., body)| body.starts_with("Flags ["))
}

/// Whether an end's word begins with an address.
fn begins_with_address(word: &str) -> bool {
    End::pair(word, word).is_some_and(|(end, _)| end.host.address().is_some())
}
