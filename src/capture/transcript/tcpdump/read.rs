//! From a draft to a packet: its lines read together.

use std::borrow::Cow;

use super::draft::{Context, Draft, MOST_WRAPS};
use super::headers::Headers;
use super::link::{Link, Network, is_address_line, is_ip_header, strip_ip_word};
use super::{decorated, icmp, message, payload, segment};
use crate::capture::transcript::ends::{Port, Spelled};
use crate::capture::transcript::packet::{PrintedContent, PrintedPacket};
use crate::capture::transcript::scan::{begins_with_mac, split_rare};
use crate::limits::ENCAPSULATION_DEPTH;
use crate::packet::{Direction, IpVersion, Other};

/// IP's numbers of ICMP and ICMPv6.
const ICMP: u8 = 1;
const ICMP_V6: u8 = 58;

/// The packet in the lines of a draft; `None` when they don't show its ends.
pub fn read(draft: &Draft, context: &mut Context<'_>) -> Option<PrintedPacket> {
    let (start, of_junos) = junos_start(draft);
    let text = draft.text(start);
    let link = Link::split(text);
    let is_whole = matches!(link.network, Network::Ip(ends) if !ends.is_empty());
    let (first, below) = if is_whole { (text.into(), start + 1) } else { link_line(draft, start) };
    let Link { direction, wire_len, network, .. } = if is_whole { link } else { Link::split(&first) };
    let direction = direction.or(of_junos);
    let mut packet = PrintedPacket {
        stamp: draft.stamp,
        digits: draft.digits,
        content: PrintedContent::Other(Other::Malformed("transcript line")),
        direction,
        filtered: None,
        wire_len,
        is_cut: false,
        begins_capture: false,
        printed: Vec::new(),
        decoded: String::new(),
        payload: Vec::new(),
        dump: None,
    };
    match network {
        Network::Ip(text) => read_ip(draft, text, below, context, &mut packet)?,
        Network::Arp(text) => {
            packet.content = match icmp::arp(text) {
                Some(search) => message::neighbour(&search, context),
                None => PrintedContent::Other(Other::Printed("ARP".into())),
            };
        }
        // The line was cut in the link header, but the addresses are on the next one.
        Network::Other(text) if text.contains("ethertype") && is_address_line(draft.text(1)) => {
            read_ip(draft, draft.text(1), 2, context, &mut packet)?;
            packet.is_cut = true;
        }
        // What Windows' pktmon saw of the packet is on the next line.
        Network::Other(text) if pktmon(text).is_some() => {
            let (line, below) = link_line(draft, below_pktmon(draft));
            let Link { wire_len, network, .. } = Link::split(&line);
            packet.wire_len = wire_len;
            match network {
                Network::Ip(text) => read_ip(draft, text, below, context, &mut packet)?,
                Network::Arp(_) => packet.content = PrintedContent::Other(Other::Printed("ARP".into())),
                Network::Other(text) => {
                    packet.content = PrintedContent::Other(Other::Printed(first_word(text).into()));
                }
            }
        }
        // With `-v` what MPLS carries is on the next line; with `-e` it has no name there.
        Network::Other(_) if is_ip_header(without_ip_word(draft.text(1))) => {
            read_ip(draft, without_ip_word(draft.text(1)), 2, context, &mut packet)?;
        }
        Network::Other(text) => {
            let word = first_word(text);
            // A word at the end of the line may have been cut.
            if word.is_empty() || word.len() == text.len() {
                return None;
            }
            packet.content = PrintedContent::Other(Other::Printed(kind(word).into()));
            packet.dump = payload::unknown_frame(draft, text, wire_len);
        }
    }
    Some(packet)
}

/// The receiver of a packet that could not be read, where an address shows it.
pub fn receiver(draft: &Draft) -> Option<Spelled> {
    let (line, below) = link_line(draft, 0);
    let Network::Ip(text) = Link::split(&line).network else { return None };
    let (_, receiver) = Headers::find(draft, text, below)?.hosts()?;
    matches!(receiver, Spelled::Address(_)).then_some(receiver)
}

/// The line in which the packet begins, and its direction where Junos prints that alone after the time: `extensive` shows what the
/// interface adds before the packet.
fn junos_start(draft: &Draft) -> (usize, Option<Direction>) {
    /// Lines of such a header; Junos prints ten at most.
    const MOST: usize = 32;
    let direction = match draft.text(0) {
        "In" => Direction::Inbound,
        "Out" => Direction::Outbound,
        _ => return (0, None),
    };
    let mark = (1..draft.len().min(MOST)).find(|index| draft.text(*index) == "-----original packet-----");
    (mark.map_or(0, |mark| mark + 1), Some(direction))
}

/// The numbers of a packet in what Windows' pktmon prints above it: `PktGroupId 5, PktNumber 1, Appearance 2, Direction Tx , ...`.
pub fn pktmon(text: &str) -> Option<&str> {
    let text = text.strip_prefix("Drop: ").unwrap_or(text);
    let (numbers, _) = text.strip_prefix("PktGroupId ")?.split_once(", Appearance ")?;
    Some(numbers)
}

/// The line in which pktmon's packet begins: a page may have wrapped the one before.
fn below_pktmon(draft: &Draft) -> usize {
    let is_packet = |index: &usize| {
        let text = draft.text(*index);
        text.contains(" > ") && !text.contains("PktGroupId")
    };
    (1..draft.len().min(MOST_WRAPS)).find(is_packet).unwrap_or(1)
}

fn without_ip_word(text: &str) -> &str {
    strip_ip_word(text).unwrap_or(text)
}

/// Line `at`, joined with those below where a terminal wrapped it within the link header that `-e` prints; and the index of
/// the next line.
fn link_line(draft: &Draft, at: usize) -> (Cow<'_, str>, usize) {
    let first = draft.text(at);
    if let Link { rule: None, wire_len: Some(_), network: Network::Ip(""), .. } = Link::split(first) {
        return (format!("{first}: {}", draft.text(at + 1)).into(), at + 2);
    }
    let has_link_header = begins_with_mac(first) || first.contains(" ethertype ");
    if !has_link_header || !matches!(Link::split(first).network, Network::Other(_)) {
        return (first.into(), at + 1);
    }
    let mut joined = first.to_owned();
    for index in at + 1..(at + MOST_WRAPS).min(draft.len()) {
        let candidates = draft.joined(&joined, index);
        for candidate in &candidates {
            let link = Link::split(candidate);
            if link.wire_len.is_some() && !matches!(link.network, Network::Other(_)) {
                return (candidate.clone().into(), index + 1);
            }
        }
        [joined, _] = candidates;
    }
    (first.into(), at + 1)
}

fn read_ip(
    draft: &Draft,
    text: &str,
    next: usize,
    context: &mut Context<'_>,
    packet: &mut PrintedPacket,
) -> Option<()> {
    let mut headers = Headers::find(draft, text, next)?;
    for _ in 0..ENCAPSULATION_DEPTH {
        let Some(inner) = headers.inner(draft) else { break };
        headers = inner;
    }
    if let Some(plain) = decorated::plain_flags(&headers.body) {
        headers.body = plain;
    }
    let has_tcp_words = segment::has_words(&headers.body);
    let protocol = headers.ip.and_then(|ip| ip.protocol);
    // Words of TCP below a header of something else are another packet's.
    let is_tcp = protocol.map_or(has_tcp_words, |protocol| protocol == 6);
    if has_tcp_words && !is_tcp {
        return None;
    }
    if headers.ip.is_some_and(|ip| ip.is_later_fragment()) || headers.body == "tcp" {
        packet.content = PrintedContent::Other(Other::Fragment);
        return Some(());
    }
    if is_tcp {
        return segment::read(draft, &headers, context, packet);
    }
    packet.content = match message::read(draft, &mut headers, context) {
        Some(content) => content,
        None => PrintedContent::Other(other(&headers, protocol)?),
    };
    if let (PrintedContent::IcmpError(error), Some((source, destination))) =
        (&packet.content, headers.hosts())
    {
        let protocol = if error.ip.version == IpVersion::V4 { ICMP } else { ICMP_V6 };
        let (hosts, wire_len) = ([&source, &destination], packet.wire_len);
        let is_frame = !hosts.iter().any(|host| context.hosts.is_in_use(host));
        let below = payload::Below::find(draft, &headers, hosts, protocol, wire_len, context);
        packet.dump = below.filter(|_| is_frame).map(payload::Below::into_frame);
    }
    Some(())
}

/// What a packet is that is neither TCP nor ICMP.
fn other(headers: &Headers, protocol: Option<u8>) -> Option<Other> {
    let (source, destination) = &headers.ends;
    let ports = [&source.port, &destination.port];
    if ports.iter().all(|port| **port != Port::None) {
        // Without `-v` a line that was cut here does not show its protocol.
        let may_be_tcp = || has_tcp_fields(&headers.body) || "Flags [".starts_with(headers.body.as_str());
        if protocol.is_none() && may_be_tcp() {
            return None;
        }
        let is_dns = ports.iter().any(|port| port.number() == Some(53));
        return Some(if is_dns { Other::Dns } else { Other::Udp });
    }
    match protocol {
        Some(1 | 58) => Some(Other::Icmp),
        Some(17) => Some(Other::Udp),
        Some(number) => Some(Other::IpProtocol(number)),
        None => {
            let word = first_word(&headers.body);
            let is_whole =
                !word.is_empty() && (word.len() < headers.body.len() || word.starts_with("ip-proto"));
            is_whole.then(|| Other::Printed(kind(word).into()))
        }
    }
}

/// Whether `body` has fields that tcpdump prints of no protocol but TCP, though its beginning is none of its own.
fn has_tcp_fields(body: &str) -> bool {
    let is_field = |name: &str| {
        let value = split_rare(body, name).map(|(_, value)| value);
        value.is_some_and(|value| value.starts_with(|letter: char| letter.is_ascii_digit()))
    };
    ["seq ", "ack ", "win "].into_iter().filter(|name| is_field(name)).nth(1).is_some()
}

/// The name of a protocol, if `word` may be one: an address, a host's name or a number is not.
fn kind(word: String) -> String {
    let is_hardware = word.len() == 2 && word.bytes().all(|byte| byte.is_ascii_hexdigit());
    let is_name = word.starts_with(|letter: char| letter.is_alphanumeric())
        && word.contains(char::is_alphabetic)
        && (!word.contains(['.', '<', '>', '[', '$']) || word.starts_with("802."))
        && !is_hardware;
    if is_name { word } else { "unknown".to_owned() }
}

/// The word that `text` begins with, up to a space or punctuation.
fn first_word(text: &str) -> String {
    text.chars().take_while(|letter| !" ,:(".contains(*letter)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_protocol_s_name_is_no_kind() {
        for name in ["LLDP", "GREv0", "STP", "802.1d", "ip-proto-17"] {
            assert_eq!(kind(name.to_owned()), name);
        }
        for other in ["client.3095412229", "<", "00", "02", "192.0.2.1.50000", "7", ""] {
            assert_eq!(kind(other.to_owned()), "unknown", "{other}");
        }
    }
}
