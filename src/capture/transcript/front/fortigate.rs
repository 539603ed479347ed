//! FortiGate's `diagnose sniffer packet INTERFACE FILTER LEVEL`.
//!
//! Its line is that of an early tcpdump without windows, options and lengths: `12.009383 port5 in 192.0.2.1.46028 ->
//! 198.51.100.5.22: syn 486804292`. Levels 2, 3, 5 and 6 print bytes below it, which say the rest. Fortinet, FortiOS
//! Administration Guide, "Performing a sniffer trace or packet capture".

use super::clock::Stamp;
use super::times;
use crate::packet::{Flags, Travel};

/// A line's fields.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line<'a> {
    /// The time, and the digits after its second.
    pub time: Option<(Stamp, u8)>,
    /// The interface, from level 4 on.
    pub interface: Option<&'a str>,
    /// Which way it went; `--` where the sniffer listens on one interface.
    pub travel: Option<Travel>,
    /// Source and destination with their ports.
    pub ends: (&'a str, &'a str),
    pub body: Body<'a>,
}

/// What a packet carries.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Body<'a> {
    Tcp(Tcp),
    /// The words behind `icmp: `.
    Icmp(&'a str),
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

impl<'a> Line<'a> {
    /// Reads a line; `None` where it is no packet's.
    pub fn parse(text: &'a str) -> Option<Self> {
        let (before, after) = text.split_once(" -> ")?;
        // Seconds since the sniffer began, or with option `a` or `l` a date and a time of day.
        let (time, before) = match times::split(before) {
            Some((stamp, digits, rest)) => (Some((stamp, digits)), rest),
            None => (None, before),
        };
        let mut words = before.split(' ').filter(|word| !word.is_empty());
        let last = words.next_back()?;
        let (interface, travel) = match (words.next(), words.next(), words.next()) {
            (None, ..) => (None, None),
            (Some(interface), Some(direction), None) => (Some(interface), Some(travel(direction)?)),
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
            travel: travel.flatten(),
            ends: (last, destination),
            body,
        })
    }
}

/// `in` and `out`, or `--` for neither.
fn travel(word: &str) -> Option<Option<Travel>> {
    match word {
        "in" => Some(Some(Travel::In)),
        "out" => Some(Some(Travel::Out)),
        "--" => Some(None),
        _ => None,
    }
}

impl<'a> Body<'a> {
    fn parse(text: &'a str) -> Option<Self> {
        let text = text.trim();
        let (first, rest) = text.split_once(' ').unwrap_or((text, ""));
        match first {
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
        while let Some(name) = words.next() {
            let bit = match name {
                "syn" => Flags::SYN,
                "fin" => Flags::FIN,
                "rst" => Flags::RST,
                "psh" => Flags::PSH,
                "urg" => Flags::URG,
                "ack" => Flags::ACK,
                _ => break,
            };
            tcp.flags.0 |= bit;
            let Some(number) = words.peek().and_then(|number| number.parse::<u32>().ok()) else { continue };
            words.next();
            if bit == Flags::ACK {
                tcp.ack = Some(number);
            } else {
                tcp.seq = tcp.seq.or(Some(number));
            }
        }
        (tcp.seq.is_some() || tcp.ack.is_some()).then_some(tcp)
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
            ("2.5 port5 in ", Some((Stamp::Elapsed(5 * second / 2), 1)), Some("port5"), Some(Travel::In)),
            ("port3 out ", None, Some("port3"), Some(Travel::Out)),
            (
                "1970-01-02 00:00:01.500000 wan1 -- ",
                Some((Stamp::DateTime(86_401 * second + second / 2), 6)),
                Some("wan1"),
                None,
            ),
        ] {
            let text = format!("{start}192.0.2.1.46028 -> 198.51.100.5.22: syn 1279904517 ack 486804293 ");
            let line = Line::parse(&text).expect("a line");
            assert_eq!((line.time, line.interface, line.travel), (time, interface, direction), "{text}");
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
        let read = |words: &str| match Line::parse(&format!("a.1 -> b.2: {words}")).map(|line| line.body) {
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
    }

    #[test]
    fn other_packets_and_lines_are_told_apart() {
        let body = |text: &'static str| Line::parse(text).map(|line| line.body);
        assert_eq!(
            body("5.8 port3 out 192.0.2.1 -> 192.0.2.9: icmp: host 192.0.2.47 unreachable"),
            Some(Body::Icmp("host 192.0.2.47 unreachable"))
        );
        assert_eq!(body("5.8 port3 out 192.0.2.1.53 -> 192.0.2.9.53: udp 40"), Some(Body::Other("udp")));
        for text in [
            "17.511812 port2 out arp who-has 192.168.5.47 tell 192.168.5.5",
            "id=20085 trace_id=1 msg=\"received a packet(proto=6, 192.0.2.1:1->192.0.2.2:23) from wan1.\"",
            "a -> b: this is the client's syn",
            "  5  118   10.131997   192.0.2.1     ->  198.51.100.5      0  BE   TCP",
            "eth0:i[60]: 192.0.2.1 -> 198.51.100.5 (TCP) len=60 id=12345",
            "TCP: 54321 -> 443 .S.... seq=1234567890 ack=0 win=65535",
        ] {
            assert_eq!(Line::parse(text), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn any_line_is_read(text: String) {
            for text in [text.clone(), format!("1.5 port1 in {text} -> a.1: syn {text}"), format!("a.1 -> b.2: {text}")] {
                let _ = Line::parse(&text);
            }
        }
    }
}
