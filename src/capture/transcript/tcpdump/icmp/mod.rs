//! ICMP, ICMPv6, ARP and neighbour discovery in tcpdump's words.

mod v6;

use crate::capture::transcript::ends::{Port, Spelled};
use crate::capture::transcript::scan::Scan;
use crate::packet::Checksum;

/// An error message's line; the quoted packet, if it is printed, is in the lines below.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Printed {
    pub icmp_type: u8,
    pub code: u8,
    pub mtu: Option<u32>,
    /// Offset of the octet at fault.
    pub pointer: Option<u8>,
    pub length: Option<u32>,
    pub checksum: Checksum,
    /// Where the quoted packet was going.
    pub destination: Option<Spelled>,
    pub destination_port: Option<Port>,
    pub protocol: Option<u8>,
    /// Whether the address, or the port where there is one, ends the line and may have been cut.
    pub is_unsure: bool,
}

/// What an ICMP or ICMPv6 line means.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Message {
    Error(Printed),
    Neighbour(Search),
    /// Neither, or the line was cut before it showed.
    Other,
}

/// A question for an address, or its answer, as [`crate::packet::Neighbour`] with the hosts as they are spelled.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Search {
    pub target: Spelled,
    pub asker: Option<Spelled>,
    pub is_answer: bool,
}

/// Reads what follows the addresses; `None` when it is not ICMP.
pub fn parse(body: &str, source: &Spelled, destination: &Spelled) -> Option<Message> {
    // Marks of a table, of code or emphasis, of what was left out.
    let body = body.trim_end_matches(['|', '`', '*', '"', '\\', '.', ' ']);
    if let Some(words) = body.strip_prefix("ICMP ") {
        return Some(error_v4(words).map_or(Message::Other, Message::Error));
    }
    if let Some(words) = strip_old_name(body, "icmp") {
        return Some(error_v4(&format!("{words}, length ")).map_or(Message::Other, Message::Error));
    }
    if let Some(words) = strip_old_name(body, "icmp6") {
        return Some(v6::old_error(words).map_or(Message::Other, Message::Error));
    }
    let (is_correct, after) = match body.strip_prefix('[').and_then(|after| after.split_once("] ")) {
        Some((remark, after)) if remark.contains("icmp6") => (remark == "icmp6 sum ok", after),
        _ => (true, body),
    };
    let words = after.strip_prefix("ICMP6, ")?;
    if let Some(neighbour) = v6::neighbour(words, source, destination) {
        return Some(Message::Neighbour(neighbour));
    }
    let remark = body.strip_prefix("[bad icmp6 cksum 0x").filter(|_| !is_correct);
    let checksum = remark.and_then(|rest| bad_checksum(rest, " -> 0x")).unwrap_or_default();
    Some(v6::error(words).map_or(Message::Other, |error| Message::Error(Printed { checksum, ..error })))
}

/// The words after `icmp: ` or `icmp 68: `, as tcpdump before 4.0 printed them, without what follows of the IP header.
fn strip_old_name<'a>(body: &'a str, name: &str) -> Option<&'a str> {
    let rest = body.strip_prefix(name).filter(|rest| rest.starts_with([':', ' ']))?;
    let rest = rest.trim_start_matches(|letter: char| letter == ' ' || letter.is_ascii_digit());
    let words = rest.strip_prefix(':')?.trim_start();
    let end = [" (DF)", " [tos ", " (ttl ", " (len ", " for ", " [|icmp]"]
        .iter()
        .filter_map(|start| words.find(start))
        .min();
    words.get(..end.unwrap_or(words.len())).map(str::trim_end)
}

/// tcpdump, print-icmp.c, `icmp_print` and `unreach2str`. Everything up to `, length ` is the message.
fn error_v4(words: &str) -> Option<Printed> {
    let (message, length) = message_and_length(words);
    let (icmp_type, code) = match message {
        "time exceeded in-transit" => (11, 0),
        "ip reassembly time exceeded" => (11, 1),
        "source quench" => (4, 0),
        _ => {
            if let Some(code) = message.strip_prefix("time exceeded-#") {
                (11, code.parse().ok()?)
            } else if let Some(code) = message.strip_prefix("parameter problem - code ") {
                (12, code.parse().ok()?)
            } else if let Some(octet) = message.strip_prefix("parameter problem - octet ") {
                let pointer = octet.parse().ok();
                return Some(with_length(
                    Printed { icmp_type: 12, code: 0, pointer, ..Printed::default() },
                    length,
                ));
            } else if let Some(redirect) = message.strip_prefix("redirect") {
                return Some(with_length(redirected(redirect)?, length));
            } else {
                return Some(with_length(unreachable_v4(message)?, length));
            }
        }
    };
    Some(with_length(Printed { icmp_type, code, ..Printed::default() }, length))
}

/// The message and what follows `, length `. A line may have been cut in those words or before them, and a log's own marks may
/// follow.
fn message_and_length(words: &str) -> (&str, &str) {
    words.split_once(", length ").unwrap_or_else(|| {
        let end = words.find(['"', '\\', '`', '|']).unwrap_or(words.len());
        let words = words.get(..end).unwrap_or(words).trim_end().trim_end_matches(',');
        let cut = words.rsplit_once(", ").filter(|(_, cut)| "length ".starts_with(cut));
        (cut.map_or(words, |(message, _)| message), "")
    })
}

/// The beginning of an IPv6 address that ends a cut line.
pub fn cut_address(body: &str) -> Option<&str> {
    let (_, last) = body.rsplit_once(' ')?;
    let is_address = last.chars().all(|letter| letter.is_ascii_hexdigit() || letter == ':');
    (is_address && !last.is_empty()).then_some(last)
}

/// ` 10.0.0.2 to host 10.0.0.1`, `-tos 10.0.0.2 to net 10.0.0.1`
fn redirected(words: &str) -> Option<Printed> {
    let (is_tos, words) = words.strip_prefix("-tos").map_or((false, words), |rest| (true, rest));
    let (destination, way) = words.trim_start().split_once(" to ")?;
    let code = u8::from(way.starts_with("host ")) + 2 * u8::from(is_tos);
    Some(Printed { icmp_type: 5, code, destination: Spelled::parse(destination), ..Printed::default() })
}

fn unreachable_v4(message: &str) -> Option<Printed> {
    let mut printed = Printed { icmp_type: 3, ..Printed::default() };
    let (before, reason) = message.split_once(" unreachable")?;
    let words: Vec<&str> = before.split(' ').collect();
    let reason = whole_reason(reason);
    let (code, destination) = match (words.as_slice(), reason) {
        (["net", destination], "") => (0, destination),
        (["host", destination], "") => (1, destination),
        ([destination, "protocol", protocol], "") => {
            printed.protocol = protocol.parse().ok();
            (2, destination)
        }
        ([destination, protocol @ ("tcp" | "udp"), "port", port], "") => {
            printed.protocol = Some(if *protocol == "tcp" { 6 } else { 17 });
            printed.destination_port = Port::parse(port);
            (3, destination)
        }
        ([destination, "protocol", protocol, "port", port], "") => {
            printed.protocol = protocol.parse().ok();
            printed.destination_port = Port::parse(port);
            (3, destination)
        }
        ([destination], "source route failed") => (5, destination),
        (["net", destination], "unknown") => (6, destination),
        (["host", destination], "unknown") => (7, destination),
        ([destination], "source host isolated") => (8, destination),
        (["net", destination], "admin prohibited") => (9, destination),
        (["host", destination], "admin prohibited") => (10, destination),
        (["net", destination], "tos prohibited") => (11, destination),
        (["host", destination], "tos prohibited") => (12, destination),
        (["host", destination], "admin prohibited filter") => (13, destination),
        (["host", destination], "host precedence violation") => (14, destination),
        (["host", destination], "precedence cutoff") => (15, destination),
        ([destination], reason) => {
            if let Some(code) = reason.strip_prefix('#') {
                (code.parse().ok()?, destination)
            } else {
                let mtu = reason.strip_prefix("need to frag")?;
                if !mtu.is_empty() {
                    printed.mtu = Some(mtu.strip_prefix(" (mtu ")?.strip_suffix(')')?.parse().ok()?);
                }
                (4, destination)
            }
        }
        _ => return None,
    };
    printed.code = code;
    printed.destination = Spelled::parse(destination);
    Some(printed)
}

/// What ` - ` precedes: tcpdump's words for a code, also where a terminal cut them; without what an author wrote after them.
fn whole_reason(reason: &str) -> &str {
    const REASONS: [&str; 9] = [
        "admin prohibited filter",
        "admin prohibited",
        "host precedence violation",
        "need to frag",
        "precedence cutoff",
        "source host isolated",
        "source route failed",
        "tos prohibited",
        "unknown",
    ];
    // Without the dash it is an author's.
    let Some(reason) = reason.strip_prefix(" -").map(str::trim) else { return "" };
    let is_begun = |known: &&str| reason.len() > 2 && known.starts_with(reason);
    if reason.starts_with('#') {
        return reason.split(' ').next().unwrap_or(reason);
    }
    if let Some((mtu, _)) = reason.split_once(')').filter(|(mtu, _)| mtu.starts_with("need to frag (mtu ")) {
        return reason.get(..=mtu.len()).unwrap_or(reason);
    }
    let known = REASONS.into_iter().find(|known| reason.starts_with(known));
    // A cut reason is one of the shortest that begin so.
    known.or_else(|| REASONS.into_iter().rev().find(is_begun)).unwrap_or(reason)
}

/// `length 52`, and the checksum's remark that may follow. With a `, length ` before it the message is whole; the
/// number itself counts only where something follows it.
fn with_length(mut printed: Printed, length: &str) -> Printed {
    let mut scan = Scan::new(length);
    printed.length = scan.number();
    scan.skip_spaces();
    if scan.eat("(wrong icmp cksum ") {
        printed.checksum = bad_checksum(scan.rest(), " (->").unwrap_or_default();
    }
    printed
}

fn bad_checksum(rest: &str, arrow: &str) -> Option<Checksum> {
    let mut scan = Scan::new(rest);
    let found = scan.hex()?.try_into().ok()?;
    if !scan.eat(arrow) {
        return None;
    }
    Some(Checksum::Incorrect { found, expected: scan.hex()?.try_into().ok()? })
}

/// `Request who-has 10.0.0.2 tell 10.0.0.1, length 28`, with what `-v` and `-e` put before it.
pub fn arp(text: &str) -> Option<Search> {
    if let Some((_, after)) = text.split_once("Request who-has ") {
        let (target, after) = after.split_once(' ')?;
        let asker =
            after.split_once("tell ").and_then(|(_, after)| after.split_once(',')).map(|(asker, _)| asker);
        let is_host = |asker: &Spelled| asker.address().is_none_or(|address| !address.is_unspecified());
        let asker = asker.and_then(|asker| Spelled::parse(asker.trim())).filter(is_host);
        return Some(Search { target: Spelled::parse(target)?, asker, is_answer: false });
    }
    let (_, after) = text.split_once("Reply ")?;
    let (target, _) = after.split_once(" is-at ")?;
    Some(Search { target: Spelled::parse(target)?, asker: None, is_answer: true })
}

#[cfg(test)]
mod tests {
    use std::net::IpAddr;

    use super::*;

    fn v4(words: &str) -> Option<(u8, u8)> {
        let ends = Spelled::Address(IpAddr::from([10, 0, 0, 9]));
        match parse(&format!("ICMP {words}, length 52"), &ends, &ends) {
            Some(Message::Error(printed)) => Some((printed.icmp_type, printed.code)),
            _ => None,
        }
    }

    #[test]
    fn the_words_of_icmp_are_types_and_codes() {
        for (words, expected) in [
            ("net 10.0.0.2 unreachable", (3, 0)),
            ("host 10.0.0.2 unreachable", (3, 1)),
            ("10.0.0.2 protocol 6 unreachable", (3, 2)),
            ("10.0.0.2 tcp port 8443 unreachable", (3, 3)),
            ("10.0.0.2 unreachable - need to frag", (3, 4)),
            ("10.0.0.2 unreachable - need to frag (mtu 1400)", (3, 4)),
            ("10.0.0.2 unreachable - source route failed", (3, 5)),
            ("net 10.0.0.2 unreachable - unknown", (3, 6)),
            ("host 10.0.0.2 unreachable - unknown", (3, 7)),
            ("10.0.0.2 unreachable - source host isolated", (3, 8)),
            ("net 10.0.0.2 unreachable - admin prohibited", (3, 9)),
            ("host 10.0.0.2 unreachable - admin prohibited", (3, 10)),
            ("host 10.0.0.2 unreachable - admin prohibited filter", (3, 13)),
            ("host 10.0.0.2 unreachable - precedence cutoff", (3, 15)),
            ("10.0.0.2 unreachable - #20", (3, 20)),
            ("time exceeded in-transit", (11, 0)),
            ("ip reassembly time exceeded", (11, 1)),
            ("parameter problem - octet 20", (12, 0)),
            ("source quench", (4, 0)),
            ("redirect 10.0.0.2 to host 10.0.0.1", (5, 1)),
        ] {
            assert_eq!(v4(words), Some(expected), "{words}");
        }
        assert_eq!(v4("echo request, id 1, seq 1"), None);
    }

    #[test]
    fn an_error_is_one_without_its_length_and_with_its_words_cut() {
        let ends = Spelled::Address(IpAddr::from([10, 0, 0, 9]));
        for (words, expected) in [
            ("host 10.0.0.2 unreachable - admin prohibited", (3, 10)),
            ("host 10.0.0.2 unreachable - admin prohibited,", (3, 10)),
            ("host 10.0.0.2 unreachable - admin prohibited, len", (3, 10)),
            ("host 10.0.0.2 unreachable - admin prohib", (3, 10)),
            ("host 10.0.0.2 unreachable - admin prohibited filter", (3, 13)),
            ("host 10.0.0.2 unreachable - admin prohibited\\n\",", (3, 10)),
            ("host 10.0.0.2 unreachable <--- here", (3, 1)),
            ("host 10.0.0.2 unreachable", (3, 1)),
            ("10.0.0.2 tcp port 8443 unreachable", (3, 3)),
            ("10.0.0.2 unreachable - need to f", (3, 4)),
            ("10.0.0.2 unreachable - need to frag (mtu 1400)", (3, 4)),
            ("10.0.0.2 unreachable - #20", (3, 20)),
            ("time exceeded in-transit", (11, 0)),
        ] {
            let Some(Message::Error(printed)) = parse(&format!("ICMP {words}"), &ends, &ends) else {
                panic!("{words}");
            };
            assert_eq!((printed.icmp_type, printed.code), expected, "{words}");
        }
        for other in [
            "host 10.0.0.2 unreachable - adminprohibited",
            "host 10.0.0.2 unreach",
            "10.0.0.2 unreachable",
            "echo reply, id 1",
            "time exceeded in",
        ] {
            assert_eq!(parse(&format!("ICMP {other}"), &ends, &ends), Some(Message::Other), "{other}");
        }
    }

    #[test]
    fn the_words_of_old_versions_are_read_without_their_length() {
        let ends = Spelled::Address(IpAddr::from([10, 0, 0, 9]));
        for (body, expected) in [
            ("icmp: host 10.0.0.2 unreachable - admin prohibited", (3, 10)),
            ("icmp 68: 10.0.0.2 tcp port 8443 unreachable (DF) [tos 0xc0]", (3, 3)),
            ("icmp 556: 10.0.0.2 unreachable - need to frag (mtu 1400) (ttl 64, id 1)", (3, 4)),
            ("icmp: time exceeded in-transit [tos 0xc0]", (11, 0)),
            ("icmp6: too big 1280", (2, 0)),
        ] {
            let Some(Message::Error(printed)) = parse(body, &ends, &ends) else { panic!("{body}") };
            assert_eq!((printed.icmp_type, printed.code), expected, "{body}");
        }
        assert_eq!(parse("icmp: echo request", &ends, &ends), Some(Message::Other));
    }
}
