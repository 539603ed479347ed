//! One line of the sniffer, by its fields.

use crate::capture::transcript::clock::Stamp;
use crate::capture::transcript::scan::split_rare;
use crate::capture::transcript::tools::packet::{ToolContent, ToolPacket, ToolSegment};
use crate::capture::transcript::tools::times;
use crate::packet::{Direction, Flags};

/// A line's fields.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DebugLine<'a> {
    /// The time, and the digits after its second.
    pub time: Option<(Stamp, u8)>,
    /// The interface, from level 4 on.
    pub interface: Option<&'a str>,
    /// Which way it went; `--` where the sniffer listens on one interface.
    pub direction: Option<Direction>,
    /// Source and destination with their ports.
    pub ends: (&'a str, &'a str),
    pub body: Body<'a>,
}

/// What a packet carries.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Body<'a> {
    Tcp(Tcp),
    /// The words after `icmp: `.
    Icmp(&'a str),
    /// What ARP says, after its name.
    Arp(&'a str),
    /// Another protocol, by its first word.
    Other(&'a str),
}

/// A segment. Numbers are true ones. Whether a segment without `psh` has payload is not printed, nor how much one with it has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tcp {
    pub flags: Flags,
    pub seq: Option<u32>,
    pub ack: Option<u32>,
}

impl<'a> DebugLine<'a> {
    /// Reads a line; `None` if it is no packet's.
    pub fn parse(text: &'a str) -> Option<Self> {
        let Some((before, after)) = split_rare(text, " -> ") else { return Self::arp(text) };
        // Seconds since the sniffer began, or with option `a` or `l` a date and a time of day.
        let (time, before) = match times::split(before) {
            Some((stamp, digits, rest)) => (Some((stamp, digits)), rest),
            None => (None, before),
        };
        let mut words = before.split(' ').filter(|word| !word.is_empty());
        let last = words.next_back()?;
        let (interface, place) = match (words.next(), words.next(), words.next()) {
            (None, ..) => (None, None),
            (Some(interface), Some(word), None) => (Some(interface), Some(direction_of(word)?)),
            _ => return None,
        };
        let (destination, words) = after.split_once(": ").or_else(|| after.split_once(':'))?;
        let destination = destination.trim();
        if destination.is_empty() || destination.contains(' ') {
            return None;
        }
        let body = Body::parse(words)?;
        // What interface and time don't show, the words must.
        let is_certain = matches!(body, Body::Tcp(_)) || interface.is_some() || time.is_some();
        is_certain.then_some(Self {
            time,
            interface,
            direction: place.and_then(|place| place.direction),
            ends: (last, destination),
            body,
        })
    }

    /// `0.874959 port1 out arp who-has 192.0.2.1 tell 192.0.2.2`. tcpdump's lines with a time of day are the same.
    fn arp(text: &'a str) -> Option<Self> {
        let (before, words) = split_rare(text, "arp ")?;
        let (time, before) = match times::split(before) {
            Some((stamp, digits, rest)) => (Some((stamp, digits)), rest),
            None => (None, before),
        };
        let mut places = before.split(' ').filter(|word| !word.is_empty());
        let (interface, place) = match (places.next(), places.next(), places.next()) {
            (None, ..) => (None, None),
            (Some(interface), Some(word), None) => (Some(interface), Some(direction_of(word)?)),
            _ => return None,
        };
        let is_own = interface.is_some() || matches!(time, Some((Stamp::Elapsed(_), _)));
        let is_arp = words.starts_with("who-has ") || words.starts_with("reply ");
        (is_own && is_arp).then_some(Self {
            time,
            interface,
            direction: place.and_then(|place| place.direction),
            ends: ("", ""),
            body: Body::Arp(words),
        })
    }
}

impl DebugLine<'_> {
    pub(super) fn packet(&self) -> ToolPacket {
        let (source, destination) = self.ends;
        let own = |(source, destination): (&str, &str)| (source.to_owned(), destination.to_owned());
        let (hosts, content) = match &self.body {
            Body::Tcp(tcp) => {
                let ends = (ToolPacket::split_end(source), ToolPacket::split_end(destination));
                let ((source, source_port), (destination, destination_port)) = ends;
                let is_syn = tcp.flags.0 & (Flags::SYN | Flags::RST) != 0;
                let segment = ToolSegment {
                    ports: Some(own((source_port, destination_port))),
                    flags: Some(tcp.flags),
                    seq: tcp.seq,
                    ack: tcp.ack,
                    payload_len: is_syn.then_some(0),
                    ..ToolSegment::default()
                };
                (own((source, destination)), ToolContent::Segment(segment))
            }
            Body::Icmp(words) => (own((source, destination)), ToolContent::Icmp((*words).to_owned())),
            Body::Arp(words) => (own((source, destination)), neighbour(words)),
            Body::Other(name) => (own((source, destination)), ToolContent::Other((*name).to_owned())),
        };
        ToolPacket { time: self.time, hosts, direction: self.direction, content, ..ToolPacket::default() }
    }
}

/// `who-has 192.0.2.1 tell 192.0.2.2`, and `reply 192.0.2.1 is-at 02:00:00:00:00:01`.
fn neighbour(words: &str) -> ToolContent {
    let mut words = words.split(' ').filter(|word| !word.is_empty());
    let (kind, target) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
    let asker = words.skip_while(|word| *word != "tell").nth(1);
    ToolContent::Neighbour {
        target: target.to_owned(),
        asker: asker.map(str::to_owned),
        is_answer: kind == "reply",
    }
}

/// `in` and `out`, or `--` for neither.
fn direction_of(word: &str) -> Option<PortDirection> {
    match word {
        "in" => Some(PortDirection { direction: Some(Direction::Inbound) }),
        "out" => Some(PortDirection { direction: Some(Direction::Outbound) }),
        "--" => Some(PortDirection { direction: None }),
        _ => None,
    }
}

/// What follows the interface.
#[derive(Clone, Copy)]
struct PortDirection {
    direction: Option<Direction>,
}

impl<'a> Body<'a> {
    fn parse(text: &'a str) -> Option<Self> {
        let text = text.trim();
        let (first, rest) = text.split_once(' ').unwrap_or((text, ""));
        match first.trim_end_matches(',') {
            "syn" | "fin" | "rst" | "psh" | "ack" | "urg" => Some(Self::Tcp(Tcp::parse(text)?)),
            "icmp:" | "icmp" => Some(Self::Icmp(rest.trim_start())),
            "icmp6:" => Some(Self::Other("icmp6")),
            "udp" | "esp" | "ah" | "gre" | "igmp" | "ospf" | "sctp" | "pim" | "vrrp" => {
                Some(Self::Other(first))
            }
            _ if first.starts_with("ip-proto-") => Some(Self::Other(first)),
            _ => None,
        }
    }
}

impl Tcp {
    /// `syn 1279904517 ack 486804293`
    fn parse(text: &str) -> Option<Self> {
        let mut tcp = Self::default();
        let mut words = text.split(' ').filter(|word| !word.is_empty()).peekable();
        let mut is_shown = false;
        while let Some(name) = words.next() {
            // Authors write `syn, ack 5`.
            let bit = match name.trim_end_matches(',') {
                "syn" => Flags::SYN,
                "fin" => Flags::FIN,
                "rst" => Flags::RST,
                "psh" => Flags::PSH,
                "urg" => Flags::URG,
                "ack" => Flags::ACK,
                _ => break,
            };
            tcp.flags.0 |= bit;
            let Some(number) =
                words.next_if(|number| number.starts_with(|digit: char| digit.is_ascii_digit()))
            else {
                continue;
            };
            is_shown = true;
            let Ok(number) = number.trim_end_matches(',').parse::<u32>() else {
                // The line was cut within the number. RFC 9293, 3.5: all segments but the first SYN and some RSTs acknowledge.
                tcp.flags.0 |= if bit == Flags::FIN { Flags::ACK } else { 0 };
                break;
            };
            if bit == Flags::ACK {
                tcp.ack = Some(number);
            } else {
                tcp.seq = tcp.seq.or(Some(number));
            }
        }
        if tcp.flags.syn() && tcp.seq.is_none() {
            // Which of its two numbers the author kept is not known.
            tcp.ack = None;
        }
        is_shown.then_some(tcp)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn each_level_and_option_is_read() {
        let second = 1_000_000_000;
        for (start, time, interface, direction) in [
            ("", None, None, None),
            ("0.876904 ", Some((Stamp::Elapsed(876_904_000), 6)), None, None),
            (
                "2.5 port5 in ",
                Some((Stamp::Elapsed(5 * second / 2), 1)),
                Some("port5"),
                Some(Direction::Inbound),
            ),
            ("port3 out ", None, Some("port3"), Some(Direction::Outbound)),
            (
                "1970-01-02 00:00:01.500000 wan1 -- ",
                Some((Stamp::DateTime(86_401 * second + second / 2), 6)),
                Some("wan1"),
                None,
            ),
        ] {
            let text = format!("{start}192.0.2.1.46028 -> 198.51.100.5.22: syn 1279904517 ack 486804293 ");
            let line = DebugLine::parse(&text).expect("a line");
            assert_eq!((line.time, line.interface, line.direction), (time, interface, direction), "{text}");
            assert_eq!(line.ends, ("192.0.2.1.46028", "198.51.100.5.22"));
            let tcp = Tcp {
                flags: Flags(Flags::SYN | Flags::ACK),
                seq: Some(1_279_904_517),
                ack: Some(486_804_293),
            };
            assert_eq!(line.body, Body::Tcp(tcp), "{text}");
        }
    }

    #[test]
    fn words_are_flags_and_numbers() {
        let read = |words: &str| match DebugLine::parse(&format!("a.1 -> b.2: {words}")).map(|line| line.body)
        {
            Some(Body::Tcp(tcp)) => Some((tcp.flags.to_string(), tcp.seq, tcp.ack)),
            _ => None,
        };
        for (words, flags, seq, ack) in [
            ("syn 5", "S", Some(5), None),
            ("ack 7", ".", None, Some(7)),
            ("psh 5 ack 7", "P.", Some(5), Some(7)),
            ("fin 5 ack 7", "F.", Some(5), Some(7)),
            ("rst 5", "R", Some(5), None),
            ("rst 5 ack 7", "R.", Some(5), Some(7)),
            ("psh fin 5 ack 7", "FP.", Some(5), Some(7)),
        ] {
            assert_eq!(read(words), Some((flags.to_owned(), seq, ack)), "{words}");
        }
        assert_eq!(read("syn"), None);
        // Written by hand, and cut.
        for (words, flags, seq, ack) in [
            ("syn, ack 7", "S.", None, None),
            ("syn ack 7", "S.", None, None),
            ("syn 5, ack 7", "S.", Some(5), Some(7)),
            ("fin 37`,", "F.", None, None),
        ] {
            assert_eq!(read(words), Some((flags.to_owned(), seq, ack)), "{words}");
        }
    }

    #[test]
    fn other_packets_and_lines_are_distinguished() {
        let body = |text: &'static str| DebugLine::parse(text).map(|line| line.body);
        assert_eq!(
            body("5.8 port3 out 192.0.2.1 -> 192.0.2.9: icmp: host 192.0.2.47 unreachable"),
            Some(Body::Icmp("host 192.0.2.47 unreachable"))
        );
        assert_eq!(body("5.8 port3 out 192.0.2.1.53 -> 192.0.2.9.53: udp 40"), Some(Body::Other("udp")));
        for text in [
            "10:00:00.511812 arp who-has 192.0.2.47 tell 192.0.2.5",
            "the arp reply is missing",
            "id=20085 trace_id=1 msg=\"received a packet(proto=6, 192.0.2.1:1->192.0.2.2:23) from wan1.\"",
            "a -> b: this is the client's syn",
            "  5  118   10.131997   192.0.2.1     ->  198.51.100.5      0  BE   TCP",
            "eth0:i[60]: 192.0.2.1 -> 198.51.100.5 (TCP) len=60 id=12345",
            "TCP: 54321 -> 443 .S.... seq=1234567890 ack=0 win=65535",
        ] {
            assert_eq!(DebugLine::parse(text), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn any_line_is_read(text: String) {
            for text in [text.clone(), format!("1.5 port1 in {text} -> a.1: syn {text}"), format!("a.1 -> b.2: {text}")] {
                let _ = DebugLine::parse(&text);
            }
        }
    }
}
