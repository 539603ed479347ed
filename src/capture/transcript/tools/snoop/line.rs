//! A line of snoop's summary, which `-V` prints for each protocol.

use crate::capture::transcript::clock::Stamp;
use crate::capture::transcript::scan::split_rare;
use crate::capture::transcript::tools::options::Options;
use crate::capture::transcript::tools::packet::ToolSegment;
use crate::capture::transcript::tools::times;
use crate::packet::Flags;

/// A summary line, or as much of a packet as one of `-V`'s lines says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SummaryLine<'a> {
    pub number: Option<u64>,
    /// Its time: since the packet before, or with `-tr` and `-ta` since the first and of the day.
    pub time: Option<(Stamp, u8)>,
    /// Source and destination.
    pub hosts: Option<(&'a str, &'a str)>,
    pub body: Body<'a>,
}

/// What follows the hosts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Body<'a> {
    /// Nothing, or only as much as shows that more follows on the next line.
    #[default]
    None,
    Tcp(Tcp<'a>),
    /// Another protocol's words, with its name first.
    Other(&'a str),
}

/// The fields of a TCP header.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tcp<'a> {
    /// Source and destination port.
    pub ports: (&'a str, &'a str),
    pub flags: Flags,
    pub seq: Option<u32>,
    pub ack: Option<u32>,
    pub payload_len: Option<u32>,
    pub window: Option<u16>,
    pub urgent: Option<u16>,
    /// What is between `Options=<` and `>`.
    pub options: Option<&'a str>,
    /// Whether the window is there, which comes last before the options.
    pub is_complete: bool,
}

impl<'a> SummaryLine<'a> {
    /// Reads a summary line; `None` if it is not one.
    pub fn parse(text: &'a str) -> Option<Self> {
        let mut line = Self::default();
        let (before, after) = split_rare(text, " -> ")?;
        let mut rest = before.trim();
        if let Some((first, after)) = rest.split_once(' ')
            && let Ok(number) = first.parse()
        {
            (line.number, rest) = (Some(number), after.trim_start());
        }
        if let Some((stamp, digits, after)) = times::split(rest) {
            (line.time, rest) = (Some((stamp, digits)), after.trim());
        }
        // `VLAN#5: ` comes before the host; `-V` mangled by a slide puts IP's fields there.
        let (front, source) = rest.rsplit_once(' ').unwrap_or(("", rest));
        if line.time.is_none() {
            line.time = front
                .rsplit_once(' ')
                .and_then(|(_, word)| times::split(word))
                .map(|(stamp, digits, _)| (stamp, digits));
        }
        let after = after.trim();
        let (destination, body) = after.split_once(' ').unwrap_or((after, ""));
        if source.is_empty() || destination.is_empty() || source.ends_with(':') {
            return None;
        }
        line.hosts = Some((source, destination));
        line.body = Body::parse(body.trim_start())?;
        let is_summary = match &line.body {
            Body::Tcp(_) => true,
            Body::None => false,
            Body::Other(_) => front.is_empty() || front.starts_with("VLAN#") || line.time.is_some(),
        };
        is_summary.then_some(line)
    }

    /// Reads a line that ends after the hosts, because a page wrapped it or because `-V` puts the protocols below.
    pub fn parse_hosts(text: &'a str) -> Option<Self> {
        let text = text.trim();
        let mut line = Self::default();
        let (before, destination) = split_rare(text, " -> ")?;
        let mut words = before.split(' ').filter(|word| !word.is_empty()).rev();
        let source = words.next()?;
        line.time = words.next().and_then(times::split).map(|(stamp, digits, _)| (stamp, digits));
        line.number = words.next().filter(|_| line.time.is_some()).and_then(|word| word.parse().ok());
        let destination = destination.trim();
        line.hosts = Some((source, destination));
        let is_bare = !destination.is_empty() && !destination.contains(' ') && !source.ends_with(':');
        is_bare.then_some(line)
    }
}

impl<'a> Body<'a> {
    fn parse(text: &'a str) -> Option<Self> {
        if text.is_empty() {
            return Some(Self::None);
        }
        if let Some(tcp) = Tcp::parse(text) {
            return Some(Self::Tcp(tcp));
        }
        let name = text.split(' ').next()?;
        NAMES.contains(&name).then_some(Self::Other(text))
    }
}

/// Whether `word` is a name that snoop's interpreters print first in a summary.
pub fn is_name(word: &str) -> bool {
    NAMES.contains(&word)
}

/// Those names.
const NAMES: [&str; 32] = [
    "ARP",
    "BPARAM",
    "DHCP/BOOTP",
    "DNS",
    "ETHER",
    "FTP",
    "HTTP",
    "ICMP",
    "ICMPv6",
    "IP",
    "IPv6",
    "LDAP",
    "MOBILEIP",
    "MOUNT",
    "NBIPX",
    "NBT",
    "NFS",
    "NIS",
    "NLM",
    "NTP",
    "PORTMAP",
    "RIP",
    "RLOGIN",
    "RPC",
    "RPCBIND",
    "RSHELL",
    "SMTP",
    "SLP",
    "SMB",
    "SOCKS",
    "TELNET",
    "UDP",
];

impl<'a> Tcp<'a> {
    /// Reads `TCP D=80 S=1421 Syn Ack=1 Seq=2 Len=0 Win=3 Options=<mss 1460>`, which may end anywhere after the ports.
    pub fn parse(text: &'a str) -> Option<Self> {
        let rest = text.trim_start().strip_prefix("TCP ")?;
        let mut words = rest.split([' ', '\n']).filter(|word| !word.is_empty());
        let destination = words.next()?.strip_prefix("D=")?;
        let source = words.next()?.strip_prefix("S=")?;
        let mut tcp = Self { ports: (source, destination), ..Self::default() };
        for word in words {
            let (name, value) = word.split_once('=').unwrap_or((word, ""));
            match name {
                "Syn" => tcp.flags.0 |= Flags::SYN,
                "Fin" => tcp.flags.0 |= Flags::FIN,
                "Rst" => tcp.flags.0 |= Flags::RST,
                "Push" => tcp.flags.0 |= Flags::PSH,
                "ECE" => tcp.flags.0 |= Flags::ECE,
                "CWR" => tcp.flags.0 |= Flags::CWR,
                "Urg" => {
                    tcp.flags.0 |= Flags::URG;
                    tcp.urgent = value.parse().ok();
                }
                "Ack" => {
                    tcp.flags.0 |= Flags::ACK;
                    tcp.ack = value.parse().ok();
                }
                "Seq" => tcp.seq = value.parse().ok(),
                "Len" => tcp.payload_len = value.parse().ok(),
                "Win" => (tcp.window, tcp.is_complete) = (value.parse().ok(), value.parse::<u16>().is_ok()),
                "Options" => break,
                // What a page put in place of what it left out.
                _ => {}
            }
        }
        tcp.options = rest.split_once("Options=<").map(|(_, list)| list.split('>').next().unwrap_or(list));
        Some(tcp)
    }

    /// The segment; `other` is what `-V` prints of the protocol above.
    pub fn segment(&self, other: &str) -> ToolSegment {
        // A number of 0 is not printed, and neither is the length then.
        let seq = self.seq.or(self.is_complete.then_some(0));
        let is_bare = self.flags.0 & (Flags::SYN | Flags::RST) != 0;
        let (source, destination) = self.ports;
        let printed =
            other.strip_prefix("HTTP ").map(|line| format!("{}\r\n", line.trim())).unwrap_or_default();
        ToolSegment {
            ports: Some((source.to_owned(), destination.to_owned())),
            flags: Some(self.flags),
            seq,
            ack: self.ack,
            window: self.window,
            urgent: self.urgent,
            payload_len: self.payload_len.or((self.seq.is_none() && is_bare).then_some(0)),
            options: self.options.map(option_bytes).unwrap_or_default(),
            printed: printed.into_bytes(),
            ..ToolSegment::default()
        }
    }

    /// Whether `text` may continue a line that ended within the fields.
    pub fn is_continuation(text: &str) -> bool {
        let word = text.trim_start().split([' ', '=']).next().unwrap_or("");
        let is_field =
            ["Syn", "Fin", "Rst", "Push", "ECE", "CWR", "Urg", "Ack", "Seq", "Len", "Win", "Options"]
                .contains(&word);
        is_field || text.trim_end().ends_with('>')
    }
}

/// `mss 1460,nop,wscale 0,nop,nop,tstamp 1 2,sackOK,sack 5-9` as bytes.
fn option_bytes(list: &str) -> Vec<u8> {
    let mut options = Options::default();
    for word in list.split(',') {
        let (name, value) = word.trim().split_once(' ').unwrap_or((word.trim(), ""));
        match name {
            "mss" => options.maximum_segment_size(value.parse().ok()),
            "wscale" => options.shift(value.parse().ok()),
            "sackOK" => options.sack_permitted(),
            "tstamp" => {
                let (value, echo) = value.split_once(' ').unwrap_or((value, ""));
                options.timestamps(value.parse().ok().zip(echo.trim().parse().ok()));
            }
            "sack" => {
                for block in value.split(' ') {
                    let edges = block.split_once('-').unwrap_or(("", ""));
                    options.sack_block(edges.0.parse().ok().zip(edges.1.parse().ok()));
                }
            }
            _ => {}
        }
    }
    options.bytes
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn summaries_are_read_with_number_time_and_vlan_or_without() {
        let words = "TCP D=80 S=1421 Syn Ack=7 Seq=5 Len=0 Win=32120 Options=<mss 1460,sackOK>";
        let tcp = Tcp {
            ports: ("1421", "80"),
            flags: Flags(Flags::SYN | Flags::ACK),
            seq: Some(5),
            ack: Some(7),
            payload_len: Some(0),
            window: Some(32120),
            options: Some("mss 1460,sackOK"),
            is_complete: true,
            ..Tcp::default()
        };
        for (start, number, time) in [
            ("", None, None),
            ("  9   0.00031 ", Some(9), Some((Stamp::Elapsed(310_000), 5))),
            ("9 10:17:04.25 ", Some(9), Some((Stamp::Time(37_024_250_000_000), 2))),
            ("VLAN#5: ", None, None),
        ] {
            let text = format!("{start}192.0.2.1 -> web.example.net {words}");
            let line = SummaryLine::parse(&text).unwrap_or_else(|| panic!("{text}"));
            assert_eq!((line.number, line.time), (number, time), "{text}");
            assert_eq!(line.hosts, Some(("192.0.2.1", "web.example.net")), "{text}");
            assert_eq!(line.body, Body::Tcp(tcp.clone()), "{text}");
        }
    }

    #[test]
    fn a_line_may_end_anywhere() {
        let line =
            SummaryLine::parse("192.0.2.1 -> web      TCP D=22 S=1111 Ack=2013255208").expect("a line");
        let Body::Tcp(tcp) = line.body else { panic!("TCP") };
        assert_eq!(
            (tcp.ports, tcp.ack, tcp.seq, tcp.is_complete),
            (("1111", "22"), Some(2_013_255_208), None, false)
        );
        assert!(Tcp::is_continuation("Seq=1407308568 Len=0 Win=17520"));
        assert!(Tcp::is_continuation("1057486 843038>"));
        assert!(!Tcp::is_continuation("web -> 192.0.2.1 TCP D=1111 S=22"));
        let line = SummaryLine::parse_hosts("nws822 -> nws350").expect("hosts");
        assert_eq!((line.hosts, line.body), (Some(("nws822", "nws350")), Body::None));
        let line = SummaryLine::parse_hosts("IP D=b S=a LEN=60, ID=48397 2.94950 a -> b").expect("hosts");
        assert_eq!(line.time, Some((Stamp::Elapsed(2_949_500_000), 5)));
    }

    #[test]
    fn other_protocols_and_other_tools_are_distinguished() {
        let body = |text: &'static str| SummaryLine::parse(text).map(|line| line.body);
        assert_eq!(
            body("a -> b RPC C XID=3565514130 PROG=100143 (?)"),
            Some(Body::Other("RPC C XID=3565514130 PROG=100143 (?)"))
        );
        for text in [
            "a -> b",
            "9 0.1 192.0.2.1 -> 198.51.100.5 TCP 74 50000 > 443 [SYN] Seq=0",
            "eth0:i[60]: 192.0.2.1 -> 198.51.100.5 (TCP) len=60 id=12345",
            "1.5 port1 in 192.0.2.1.1 -> 198.51.100.5.2: syn 5",
            "__ client -> switch : 198.51.100.227 -> 198.51.100.190",
        ] {
            assert_eq!(body(text), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn any_line_is_read(text: String) {
            for text in [text.clone(), format!("a -> b TCP D={text} S=1 {text}"), format!("{text} -> b")] {
                let _ = (SummaryLine::parse(&text), SummaryLine::parse_hosts(&text), Tcp::is_continuation(&text));
            }
        }
    }
}
