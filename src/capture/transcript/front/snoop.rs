//! snoop of Solaris and illumos: its summary (one line for each packet, or with `-V` one for each protocol), and the blocks
//! that `-v` prints.
//!
//! usr/src/cmd/cmd-inet/usr.sbin/snoop of illumos: snoop_tcp.c, `interpret_tcp`, and snoop_display.c. The destination's port
//! stands first.

use super::clock::Stamp;
use super::times;
use crate::packet::Flags;

/// A summary line, or as much of a packet as one of `-V`'s lines says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Line<'a> {
    pub number: Option<u64>,
    /// Its time: since the packet before, or with `-tr` and `-ta` since the first and of the day.
    pub time: Option<(Stamp, u8)>,
    /// Source and destination.
    pub hosts: Option<(&'a str, &'a str)>,
    pub body: Body<'a>,
}

/// What stands behind the hosts.
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
    /// What stands between `Options=<` and `>`.
    pub options: Option<&'a str>,
    /// Whether the window is there, which stands last before the options.
    pub is_complete: bool,
}

impl<'a> Line<'a> {
    /// Reads a summary line; `None` where it is none.
    pub fn parse(text: &'a str) -> Option<Self> {
        let mut line = Self::default();
        let (before, after) = text.split_once(" -> ")?;
        let mut rest = before.trim();
        if let Some((first, after)) = rest.split_once(' ')
            && let Ok(number) = first.parse()
        {
            (line.number, rest) = (Some(number), after.trim_start());
        }
        if let Some((stamp, digits, after)) = times::split(rest) {
            (line.time, rest) = (Some((stamp, digits)), after.trim());
        }
        // `VLAN#5: ` stands before the host; `-V` mangled by a slide puts IP's fields there.
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

    /// Reads a line that ends behind the hosts, because a page wrapped it or because `-V` puts the protocols below.
    pub fn parse_hosts(text: &'a str) -> Option<Self> {
        let text = text.trim();
        let mut line = Self::default();
        let (before, destination) = text.split_once(" -> ")?;
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

/// Names that snoop's interpreters print first in a summary.
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
    /// Reads `TCP D=80 S=1421 Syn Ack=1 Seq=2 Len=0 Win=3 Options=<mss 1460>`, which may end anywhere behind the ports.
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

    /// Whether `text` may continue a line that ended within the fields.
    pub fn is_continuation(text: &str) -> bool {
        let word = text.trim_start().split([' ', '=']).next().unwrap_or("");
        let is_field =
            ["Syn", "Fin", "Rst", "Push", "ECE", "CWR", "Urg", "Ack", "Seq", "Len", "Win", "Options"]
                .contains(&word);
        is_field || text.trim_end().ends_with('>')
    }
}

/// What the lines of a `-v` block say of one packet.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Block {
    pub number: Option<u64>,
    pub time: Option<(Stamp, u8)>,
    pub wire_len: Option<u32>,
    pub source: Option<String>,
    pub destination: Option<String>,
    pub hop_limit: Option<u8>,
    pub id: Option<u16>,
    /// Bytes of the datagram.
    pub total_len: Option<u32>,
    ip_header_len: Option<u32>,
    pub ports: (Option<u16>, Option<u16>),
    pub flags: Option<Flags>,
    pub seq: Option<u32>,
    pub ack: Option<u32>,
    pub window: Option<u16>,
    pub header_len: Option<u8>,
}

impl Block {
    /// Whether `text` is a line of a block.
    pub fn is_line(text: &str) -> bool {
        let name = text.trim_start().split(':').next().unwrap_or("");
        text.contains(':')
            && (["ETHER", "IP", "TCP", "UDP", "ICMP", "ARP"].contains(&name) || NAMES.contains(&name))
    }

    /// Whether `text` begins a packet's first header.
    pub fn begins(text: &str) -> bool {
        text.trim_start().strip_prefix("ETHER:").is_some_and(|rest| rest.trim_start().starts_with("-----"))
    }

    /// Takes in a line.
    pub fn take(&mut self, text: &str) {
        let Some((header, field)) = text.trim_start().split_once(':') else { return };
        let field = field.trim();
        if let Some(arrival) = field.strip_prefix("Packet ") {
            self.take_arrival(arrival);
            return;
        }
        let Some((name, value)) = field.split_once(" = ") else { return };
        let number = || value.split(' ').next().and_then(|number| number.parse::<u32>().ok());
        let hexadecimal = || u16::from_str_radix(value.trim().trim_start_matches("0x"), 16).ok();
        let small = || number().and_then(|number| u16::try_from(number).ok());
        match (header, name) {
            ("ETHER", "Packet size") => self.wire_len = number(),
            ("IP", "Source address") => self.source = value.split(',').next().map(str::to_owned),
            ("IP", "Destination address") => self.destination = value.split(',').next().map(str::to_owned),
            ("IP", "Total length") => self.total_len = number(),
            ("IP", "Header length") => self.ip_header_len = number(),
            ("IP", "Identification") => self.id = small(),
            ("IP", "Time to live") => self.hop_limit = number().and_then(|number| number.try_into().ok()),
            ("TCP", "Source port") => self.ports.0 = small(),
            ("TCP", "Destination port") => self.ports.1 = small(),
            ("TCP", "Sequence number") => self.seq = number(),
            ("TCP", "Acknowledgement number") => self.ack = number(),
            ("TCP", "Data offset") => self.header_len = number().and_then(|number| number.try_into().ok()),
            ("TCP", "Flags") => self.flags = hexadecimal().map(|bits| Flags(bits as u8)),
            ("TCP", "Window") => self.window = small(),
            _ => {}
        }
    }

    /// `2 arrived at 1:43:41.42`
    fn take_arrival(&mut self, text: &str) {
        let Some((number, time)) = text.split_once(" arrived at ") else { return };
        self.number = number.parse().ok();
        let (hours, rest) = time.split_once(':').unwrap_or(("", time));
        let padded = format!("{hours:0>2}:{rest}");
        self.time = times::split(&padded).map(|(stamp, digits, _)| (stamp, digits));
    }

    /// Payload bytes, where both headers' lengths are there.
    pub fn payload_len(&self) -> Option<u32> {
        self.total_len?.checked_sub(self.ip_header_len?)?.checked_sub(self.header_len?.into())
    }
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
            let line = Line::parse(&text).unwrap_or_else(|| panic!("{text}"));
            assert_eq!((line.number, line.time), (number, time), "{text}");
            assert_eq!(line.hosts, Some(("192.0.2.1", "web.example.net")), "{text}");
            assert_eq!(line.body, Body::Tcp(tcp.clone()), "{text}");
        }
    }

    #[test]
    fn a_line_may_end_anywhere() {
        let line = Line::parse("192.0.2.1 -> web      TCP D=22 S=1111 Ack=2013255208").expect("a line");
        let Body::Tcp(tcp) = line.body else { panic!("TCP") };
        assert_eq!(
            (tcp.ports, tcp.ack, tcp.seq, tcp.is_complete),
            (("1111", "22"), Some(2_013_255_208), None, false)
        );
        assert!(Tcp::is_continuation("Seq=1407308568 Len=0 Win=17520"));
        assert!(Tcp::is_continuation("1057486 843038>"));
        assert!(!Tcp::is_continuation("web -> 192.0.2.1 TCP D=1111 S=22"));
        let line = Line::parse_hosts("nws822 -> nws350").expect("hosts");
        assert_eq!((line.hosts, line.body), (Some(("nws822", "nws350")), Body::None));
        let line = Line::parse_hosts("IP D=b S=a LEN=60, ID=48397 2.94950 a -> b").expect("hosts");
        assert_eq!(line.time, Some((Stamp::Elapsed(2_949_500_000), 5)));
    }

    #[test]
    fn other_protocols_and_other_tools_are_told_apart() {
        let body = |text: &'static str| Line::parse(text).map(|line| line.body);
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

    #[test]
    fn blocks_are_read() {
        let mut block = Block::default();
        for line in [
            "ETHER:  ----- Ether Header -----",
            "ETHER:  Packet 2 arrived at 1:43:41.42",
            "ETHER:  Packet size = 97 bytes",
            "IP:   Header length = 20 bytes",
            "IP:   Total length = 83 bytes",
            "IP:   Identification = 50744",
            "IP:   Time to live = 60 seconds/hops",
            "IP:   Source address = 192.0.2.1, solaris9",
            "IP:   Destination address = 192.0.2.2, 192.0.2.2",
            "TCP:  Source port = 23",
            "TCP:  Destination port = 3013 ",
            "TCP:  Sequence number = 52297913",
            "TCP:  Acknowledgement number = 769864152",
            "TCP:  Data offset = 20 bytes",
            "TCP:  Flags = 0x18",
            "TCP:        ...1 .... = Acknowledgement",
            "TCP:  Window = 64240",
        ] {
            assert!(Block::is_line(line), "{line}");
            block.take(line);
        }
        assert_eq!((block.number, block.time), (Some(2), Some((Stamp::Time(6_221_420_000_000), 2))));
        assert_eq!(
            (block.source.as_deref(), block.destination.as_deref()),
            (Some("192.0.2.1"), Some("192.0.2.2"))
        );
        assert_eq!((block.ports, block.payload_len()), ((Some(23), Some(3013)), Some(43)));
        assert_eq!(
            (block.flags.map(|flags| flags.to_string()).as_deref(), block.seq),
            (Some("P."), Some(52_297_913))
        );
    }

    proptest! {
        #[test]
        fn any_line_is_read(text: String) {
            let mut block = Block::default();
            for text in [text.clone(), format!("a -> b TCP D={text} S=1 {text}"), format!("TCP: Flags = {text}"), format!("{text} -> b")] {
                let _ = (Line::parse(&text), Line::parse_hosts(&text), Tcp::is_continuation(&text));
                block.take(&text);
                let _ = block.payload_len();
            }
        }
    }
}
