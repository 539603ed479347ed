//! ICMPv6 and neighbour discovery in tcpdump's words.

use std::net::IpAddr;

use super::{Printed, Search};
use crate::capture::transcript::ends::{Port, Spelled};
use crate::capture::transcript::scan::Scan;

/// `too big 1280`, `2001:db8::2 unreachable port ...` of old ones.
pub(super) fn old_error(words: &str) -> Option<Printed> {
    if let Some(mtu) = words.strip_prefix("too big ") {
        return Some(Printed { icmp_type: 2, mtu: mtu.parse().ok(), ..Printed::default() });
    }
    let (destination, reason) =
        words.split_once(" unreachable ").or_else(|| words.split_once(" unreachable"))?;
    let code = match reason.split(' ').next() {
        Some("prohibited") => 1,
        Some("address") => 3,
        Some("port") => 4,
        _ => 0,
    };
    Some(Printed { icmp_type: 1, code, destination: Spelled::parse(destination), ..Printed::default() })
}

/// tcpdump, print-icmp6.c, `icmp6_print`. With `-v` nothing follows the last word.
pub(super) fn error(words: &str) -> Option<Printed> {
    let (kind, rest) = words.split_once(", ").unwrap_or((words, ""));
    let rest = rest.trim_start();
    let mut printed = Printed {
        length: words.rsplit_once(", length ").and_then(|(_, length)| Scan::new(length).number()),
        // What a comma follows is whole.
        is_unsure: !words.contains(", length ") && !words.contains(", source address "),
        ..Printed::default()
    };
    let address = |text: &str| Spelled::parse(text.split_once(", ").map_or(text, |(word, _)| word));
    match kind {
        "destination unreachable" => {
            printed.icmp_type = 1;
            let (code, after) = [
                "unreachable route ",
                "unreachable prohibited ",
                "beyond scope ",
                "unreachable address ",
                "unreachable port, ",
                "source address failed ingress/egress policy",
                "reject route to destination",
            ]
            .iter()
            .zip(0u8..)
            .find_map(|(words, code)| Some((code, rest.strip_prefix(words)?)))
            .or_else(|| {
                let (code, _) = rest.strip_prefix("unknown unreach code (")?.split_once(')')?;
                Some((code.parse().ok()?, ""))
            })?;
            printed.code = code;
            if code == 4 {
                let (destination, port) = after.split_once(' ')?;
                printed.destination = Spelled::parse(destination);
                printed.protocol = [("tcp port ", 6), ("udp port ", 17)]
                    .iter()
                    .find_map(|(words, protocol)| port.starts_with(words).then_some(*protocol));
                let number =
                    port.rsplit_once("port ").map(|(_, number)| number.split(',').next().unwrap_or(""));
                printed.destination_port = number.and_then(Port::parse);
            } else {
                printed.destination = address(after);
            }
        }
        "packet too big" => {
            printed.icmp_type = 2;
            printed.mtu = rest.strip_prefix("mtu ").and_then(|mtu| Scan::new(mtu).number());
        }
        "parameter problem" => {
            printed.icmp_type = 4;
            printed.code = ["erroneous - ", "next header - ", "option - "]
                .iter()
                .zip(0u8..)
                .find_map(|(words, code)| rest.starts_with(words).then_some(code))?;
        }
        _ => {
            let after = kind.strip_prefix("time exceeded in-transit")?;
            printed.icmp_type = 3;
            printed.code = if after.starts_with(" (reassembly)") {
                1
            } else {
                printed.destination = words.split_once(" for ").and_then(|(_, after)| address(after));
                if !after.starts_with(" for ") {
                    return None;
                }
                0
            };
        }
    }
    Some(printed)
}

/// `neighbor solicitation, who has 2001:db8::12, length 32`; `-v` puts the length before the address.
pub(super) fn neighbour(words: &str, source: &Spelled, destination: &Spelled) -> Option<Search> {
    let (is_answer, word) = if words.starts_with("neighbor solicitation, ") {
        (false, "who has ")
    } else if words.starts_with("neighbor advertisement, ") {
        (true, "tgt is ")
    } else {
        return None;
    };
    let (_, after) = words.split_once(word)?;
    let (address, is_whole) = after.split_once(',').map_or((after, false), |(address, _)| (address, true));
    let target = Spelled::parse(address.trim())?;
    // RFC 4861, 7.2.2: a solicitation goes to the target's solicited-node address, which repeats its last 24 bits.
    let is_group = || match (target.address(), destination.address()) {
        (Some(IpAddr::V6(target)), Some(IpAddr::V6(group))) => {
            let last = target.octets().into_iter().rev().zip(group.octets().into_iter().rev()).take(3);
            last.into_iter().all(|(one, other)| one == other)
        }
        _ => false,
    };
    if !is_whole && !is_group() {
        return None;
    }
    let asker = if is_answer { destination } else { source };
    let is_nobody = asker.address().is_some_and(|address| address.is_unspecified());
    Some(Search { target, asker: Some(asker.clone()).filter(|_| !is_nobody), is_answer })
}

#[cfg(test)]
mod tests {
    use std::net::Ipv6Addr;

    use super::super::{Message, arp, parse};
    use super::*;

    #[test]
    fn the_words_of_icmp_v6_are_types_and_codes() {
        let ends = Spelled::Address(Ipv6Addr::LOCALHOST.into());
        let address = || Spelled::parse("2001:db8::2");
        for (words, icmp_type, code, destination, mtu) in [
            ("destination unreachable, unreachable route 2001:db8::2, length 72", 1, 0, address(), None),
            (
                "destination unreachable,  unreachable prohibited 2001:db8::2, length 72",
                1,
                1,
                address(),
                None,
            ),
            ("destination unreachable, unreachable address 2001:db8::2", 1, 3, address(), None),
            (
                "destination unreachable, unreachable port, 2001:db8::2 tcp port 8443, length 72",
                1,
                4,
                address(),
                None,
            ),
            ("packet too big, mtu 1280, length 72", 2, 0, None, Some(1280)),
            ("packet too big, mtu 128", 2, 0, None, None),
            ("time exceeded in-transit for 2001:db8::2, length 72", 3, 0, address(), None),
            ("time exceeded in-transit (reassembly)", 3, 1, None, None),
            ("parameter problem, next header - octet 6, length 72", 4, 1, None, None),
        ] {
            for prefix in ["", "[icmp6 sum ok] "] {
                let Some(Message::Error(printed)) = parse(&format!("{prefix}ICMP6, {words}"), &ends, &ends)
                else {
                    panic!("{words}");
                };
                let read = (printed.icmp_type, printed.code, printed.destination, printed.mtu);
                assert_eq!(read, (icmp_type, code, destination.clone(), mtu), "{words}");
            }
        }
    }

    #[test]
    fn a_neighbor_search_names_its_target_and_asker() {
        let host = |word: &str| Spelled::parse(word).expect("a host");
        let (source, group) = (host("fe80::9"), host("ff02::1:ff00:12"));
        let solicitation =
            |words: &str| parse(&format!("ICMP6, neighbor solicitation, {words}"), &source, &group);
        let asks =
            |target: &str| Search { target: host(target), asker: Some(source.clone()), is_answer: false };
        assert_eq!(
            solicitation("length 32, who has 2001:db8::12"),
            Some(Message::Neighbour(asks("2001:db8::12")))
        );
        assert_eq!(solicitation("length 32, who has 2001:db8::1"), Some(Message::Other));
        let request =
            arp("Ethernet (len 6), IPv4 (len 4), Request who-has 10.0.0.2 tell 10.0.0.1, length 28");
        assert_eq!(
            request.map(|arp| (arp.target, arp.asker)),
            Some((host("10.0.0.2"), Some(host("10.0.0.1"))))
        );
        assert_eq!(arp("Request who-has 10.0.0.2 tell 10.0.0.1").and_then(|arp| arp.asker), None);
        assert!(arp("Reply 10.0.0.1 is-at 00:00:00:00:00:00, length 28").is_some_and(|arp| arp.is_answer));
    }
}
