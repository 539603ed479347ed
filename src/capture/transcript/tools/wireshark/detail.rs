//! A packet's details as Wireshark and `tshark -V` print them: `Frame 1: 74 bytes on wire ...`, a line for each protocol, and
//! below it, where the author unfolded them, its fields.

use super::info::flags;
use crate::capture::transcript::clock::Stamp;
use crate::capture::transcript::tools::options::Options;
use crate::capture::transcript::tools::times;
use crate::packet::Flags;

/// What the lines of one packet say.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Detail {
    pub number: Option<u64>,
    /// Since the capture began.
    pub elapsed: Option<(Stamp, u8)>,
    /// The time of the clock.
    pub arrival: Option<(Stamp, u8)>,
    /// Bytes of the frame on the wire.
    pub wire_len: Option<u32>,
    /// The link header, by Wireshark's name of it.
    pub link: Option<Link>,
    /// The innermost headers.
    pub headers: Headers,
    pub icmp: Option<Icmp>,
    /// The headers that an ICMP error quotes.
    pub quoted: Option<Box<Headers>>,
    /// The words of the protocol above TCP, in the form of an Info column.
    pub words: String,
    /// The name of that protocol, as the Protocol column has it.
    pub protocol: String,
    is_quote: bool,
    /// Whether the details say that the frame holds TCP.
    has_tcp: bool,
}

/// Link headers that are distinguished where bytes follow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Link {
    Ethernet,
    Raw,
    LinuxCooked,
    Null,
}

/// Headers of IP and TCP.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Headers {
    pub source: String,
    pub destination: String,
    pub hop_limit: Option<u8>,
    pub id: Option<u16>,
    /// Bytes of an IPv4 datagram.
    pub total_len: Option<u32>,
    pub tcp: Option<Tcp>,
}

/// The fields of a TCP header.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tcp {
    pub ports: (String, String),
    pub flags: Option<Flags>,
    /// As Wireshark counts: relative to the stream's first unless the user chose otherwise.
    pub seq: Option<u32>,
    pub ack: Option<u32>,
    /// As in the header.
    pub window: Option<u16>,
    pub payload_len: Option<u32>,
    pub options: Options,
}

/// What an ICMP error is about.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Icmp {
    pub kind: Option<u8>,
    pub code: Option<u8>,
    pub mtu: Option<u32>,
}

impl Detail {
    /// From the line that begins a packet: `Frame 9: 436 bytes on wire (3488 bits), 436 bytes captured (3488 bits)`, and
    /// `Frame 9 (436 bytes on wire, 436 bytes captured)` of version 1.
    pub fn begin(text: &str) -> Option<Self> {
        let (number, rest) = text.trim_start().strip_prefix("Frame ")?.split_once([':', '('])?;
        let (wire_len, _) = rest.split_once(" bytes on wire")?;
        let number = number.trim().trim_matches(|letter: char| !letter.is_ascii_digit()).parse().ok();
        Some(Self { number, wire_len: wire_len.trim().parse().ok(), ..Self::default() })
    }

    /// Whether `text` is the line of an IP header, with which copied details may begin where their author left out what precedes.
    pub fn is_ip_line(text: &str) -> bool {
        let ends = text.trim_start().strip_prefix("Internet Protocol");
        ends.is_some_and(|ends| {
            [" Version 4, Src: ", " Version 6, Src: ", ", Src: "].iter().any(|start| ends.starts_with(start))
                && ends.contains(", Dst: ")
        })
    }

    /// Whether the details end before the TCP header that they announce.
    pub fn is_cut_before_tcp(&self) -> bool {
        self.has_tcp && self.headers.tcp.is_none() && self.icmp.is_none()
    }

    /// Whether an IP header that comes now is another packet's: the TCP header of this one was there, and nothing quotes a packet.
    pub fn is_past_ip(&self) -> bool {
        self.headers.tcp.is_some() && self.icmp.is_none()
    }

    /// Takes in a further line; `false` if it is not one of a packet's details.
    pub fn take(&mut self, text: &str) -> bool {
        let text = text.trim();
        self.take_protocol(text) || self.take_field(text)
    }

    /// A line that begins a protocol.
    fn take_protocol(&mut self, text: &str) -> bool {
        let link = [
            ("Ethernet II, ", Link::Ethernet),
            ("IEEE 802.3 Ethernet", Link::Ethernet),
            ("Linux cooked capture", Link::LinuxCooked),
            ("Raw packet data", Link::Raw),
            ("Null/Loopback", Link::Null),
        ];
        if let Some((_, link)) = link.iter().find(|(name, _)| text.starts_with(name)) {
            self.link = self.link.or(Some(*link));
            return true;
        }
        if let Some(ends) = text.strip_prefix("Internet Protocol").filter(|ends| ends.contains("Src: ")) {
            return self.take_addresses(ends).is_some();
        }
        if let Some(ends) = text.strip_prefix("Transmission Control Protocol, ") {
            return self.take_ports(ends).is_some();
        }
        if text.starts_with("Internet Control Message Protocol") {
            self.icmp = Some(Icmp::default());
            return true;
        }
        // What is above TCP is not among the fields that are looked for.
        let is_tls = ["Transport Layer Security", "Secure Sockets Layer"].contains(&text);
        if is_tls || text == "Hypertext Transfer Protocol" {
            "HTTP".clone_into(&mut self.protocol);
            if is_tls {
                "TLS".clone_into(&mut self.protocol);
            }
            return true;
        }
        self.take_record(text)
    }

    /// `TLSv1.2 Record Layer: Handshake Protocol: Client Hello`, `Handshake Protocol: Certificate` in a record of several.
    fn take_record(&mut self, text: &str) -> bool {
        let record = text.split_once(" Record Layer: ").filter(|(version, _)| {
            ["TLS", "SSL"].iter().any(|name| version.starts_with(name)) && !version.contains(' ')
        });
        let message = if let Some((version, message)) = record {
            version.clone_into(&mut self.protocol);
            message
        } else if let Some(name) = text.strip_prefix("Handshake Protocol: ") {
            // It repeats the record's line, unless the record has several messages.
            if self.words.ends_with(name) {
                return true;
            }
            name
        } else {
            return false;
        };
        let name = match message.split_once(" Protocol: ") {
            Some((_, "Multiple Handshake Messages")) => return true,
            Some(("Application Data", _)) => "Application Data",
            Some((_, name)) => name,
            None => message,
        };
        if !self.words.is_empty() {
            self.words.push_str(", ");
        }
        self.words.push_str(name);
        true
    }

    /// ` Version 4, Src: 192.0.2.1, Dst: 198.51.100.5`; before version 1.12 each address was printed twice.
    fn take_addresses(&mut self, ends: &str) -> Option<()> {
        let (_, ends) = ends.split_once("Src: ")?;
        let (source, destination) = ends.split_once(", Dst: ")?;
        let is_quote = self.icmp.is_some();
        let headers = if is_quote { self.quoted.insert(Box::default()) } else { &mut self.headers };
        // The innermost header counts: what is outside is a tunnel.
        in_parentheses(source).clone_into(&mut headers.source);
        in_parentheses(destination).clone_into(&mut headers.destination);
        headers.tcp = None;
        self.is_quote = is_quote;
        Some(())
    }

    /// `Src Port: http (80), Dst Port: 51507, Seq: 0, Ack: 1, Len: 0`
    fn take_ports(&mut self, ends: &str) -> Option<()> {
        let (source, rest) = ends.strip_prefix("Src Port: ")?.split_once(", Dst Port: ")?;
        let mut fields = rest.split(", ");
        let destination = fields.next()?;
        let mut tcp = Tcp {
            ports: (in_parentheses(source).to_owned(), in_parentheses(destination).to_owned()),
            ..Tcp::default()
        };
        for field in fields {
            let (name, value) = field.split_once(": ")?;
            let number = first_number(value);
            match name {
                "Seq" => tcp.seq = number,
                "Ack" => tcp.ack = number,
                "Len" => tcp.payload_len = number,
                _ => {}
            }
        }
        self.current().tcp = Some(tcp);
        "TCP".clone_into(&mut self.protocol);
        Some(())
    }

    fn current(&mut self) -> &mut Headers {
        match &mut self.quoted {
            Some(quoted) if self.is_quote => quoted,
            _ => &mut self.headers,
        }
    }

    /// A field that is looked for, or any other; `false` for what is no field.
    fn take_field(&mut self, text: &str) -> bool {
        if self.protocol == "HTTP" && self.words.is_empty() {
            text.trim_end_matches("\\r\\n").clone_into(&mut self.words);
            return true;
        }
        let inside = text.strip_prefix('[').unwrap_or(text);
        // `1010 .... = Header Length: 40 bytes (10)`
        let named =
            inside.split_once(" = ").filter(|(bits, _)| is_bits(bits)).map_or(inside, |(_, named)| named);
        let Some((name, value)) = named.split_once(": ") else { return false };
        if self.take_frame(name, value) || self.take_ip(name, value) || self.take_icmp(name, value) {
            return true;
        }
        if name == "Server Name" && self.words.ends_with("Client Hello") {
            self.words.push_str(" (SNI=");
            self.words.push_str(value);
            self.words.push(')');
            return true;
        }
        let is_quote = self.is_quote;
        let Some(tcp) = &mut self.current().tcp else { return is_bits(text) };
        tcp.take(name, value, is_quote);
        true
    }

    fn take_frame(&mut self, name: &str, value: &str) -> bool {
        let stamp = |value: &str| times::split(value).map(|(stamp, digits, _)| (stamp, digits));
        match name {
            "Arrival Time" | "UTC Arrival Time" => self.arrival = self.arrival.or_else(|| stamp(value)),
            "Epoch Time" | "Epoch Arrival Time" => self.arrival = stamp(value).or(self.arrival),
            "Time since reference or first frame" => self.elapsed = stamp(value),
            "Protocols in frame" => self.has_tcp = value.split([':', ']']).any(|name| name == "tcp"),
            _ => return false,
        }
        true
    }

    fn take_ip(&mut self, name: &str, value: &str) -> bool {
        // A tunnel's outer header is overwritten by the one inside.
        let headers = self.current();
        if headers.tcp.is_some() {
            return false;
        }
        match name {
            "Time to live" | "Time to Live" | "Hop limit" | "Hop Limit" => {
                headers.hop_limit = first_number(value).and_then(|number| number.try_into().ok());
            }
            "Total Length" | "Total length" => headers.total_len = first_number(value),
            "Identification" => {
                let digits = value.split(' ').next().unwrap_or("").trim_start_matches("0x");
                headers.id = u16::from_str_radix(digits, 16).ok();
            }
            _ => return false,
        }
        true
    }

    fn take_icmp(&mut self, name: &str, value: &str) -> bool {
        let Some(icmp) = self.icmp.as_mut().filter(|_| !self.is_quote) else { return false };
        let number = first_number(value);
        let small = number.and_then(|number| number.try_into().ok());
        match name {
            "Type" => icmp.kind = small,
            "Code" => icmp.code = small,
            "MTU of next hop" | "MTU" => icmp.mtu = number,
            _ => return false,
        }
        true
    }
}

impl Tcp {
    fn take(&mut self, name: &str, value: &str, is_quote: bool) {
        let number = first_number(value);
        match name {
            "Sequence number" | "Sequence Number" => self.seq = self.seq.or(number),
            "Acknowledgment number" | "Acknowledgment Number" => self.ack = self.ack.or(number),
            "TCP Segment Len" if !is_quote => self.payload_len = self.payload_len.or(number),
            "Flags" => {
                let names = value.split_once('(').and_then(|(_, names)| names.split_once(')'));
                self.flags = names.and_then(|(names, _)| flags(names)).or(self.flags);
            }
            "Window" | "Window size value" => self.window = number.and_then(|number| number.try_into().ok()),
            "TCP Option - Maximum segment size" => {
                self.options.maximum_segment_size(number.and_then(|number| number.try_into().ok()));
            }
            "TCP Option - Window scale" => {
                self.options.shift(number.and_then(|number| number.try_into().ok()));
            }
            _ => {}
        }
        if name == "TCP Option - Timestamps" {
            let echo = value.split_once("TSecr ").and_then(|(_, echo)| first_number(echo));
            let val = value.strip_prefix("TSval ").and_then(first_number);
            self.options.timestamps(val.zip(echo));
        }
        self.ack = self.ack.filter(|_| self.flags.is_none_or(Flags::ack));
    }
}

/// `80` of `http (80)`, `192.0.2.1` of `host.example.net (192.0.2.1)`.
fn in_parentheses(text: &str) -> &str {
    let text = text.trim();
    text.strip_suffix(')').and_then(|text| text.rsplit_once('(')).map_or(text, |(_, inside)| inside)
}

fn first_number(value: &str) -> Option<u32> {
    let value = value.trim_start();
    let end = value.find(|letter: char| !letter.is_ascii_digit()).unwrap_or(value.len());
    value.get(..end)?.parse().ok()
}

/// Whether `text` begins with the bits that a field takes: `...1 .... `.
fn is_bits(text: &str) -> bool {
    let bits = text.split(" =").next().unwrap_or("");
    bits.len() >= 4 && bits.bytes().all(|byte| matches!(byte, b'.' | b'0' | b'1' | b' '))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(text: &str) -> Detail {
        let mut lines = text.lines();
        let mut detail = lines.next().and_then(Detail::begin).expect("a frame");
        for line in lines {
            detail.take(line);
        }
        detail
    }

    #[test]
    fn protocols_alone_show_ends_and_numbers() {
        for text in [
            "Frame 37: 64 bytes on wire (512 bits), 64 bytes captured (512 bits) on interface eth0, id 0\n\
             Ethernet II, Src: a, Dst: b\n\
             Internet Protocol Version 4, Src: 198.51.100.5, Dst: 192.0.2.1\n\
             Transmission Control Protocol, Src Port: 443, Dst Port: 51508, Seq: 1, Ack: 518, Len: 10",
            "Frame 37 (64 bytes on wire, 64 bytes captured)\n\
             Ethernet II, Src: a, Dst: b\n\
             Internet Protocol, Src: web (198.51.100.5), Dst: 192.0.2.1 (192.0.2.1)\n\
             Transmission Control Protocol, Src Port: https (443), Dst Port: 51508 (51508), Seq: 1, Ack: 518, Len: 10",
        ] {
            let detail = read(text);
            assert_eq!(
                (detail.number, detail.wire_len, detail.link),
                (Some(37), Some(64), Some(Link::Ethernet))
            );
            assert_eq!(
                (detail.headers.source.as_str(), detail.headers.destination.as_str()),
                ("198.51.100.5", "192.0.2.1")
            );
            let tcp = detail.headers.tcp.expect("TCP");
            assert_eq!((tcp.ports.0.as_str(), tcp.ports.1.as_str()), ("443", "51508"));
            assert_eq!((tcp.seq, tcp.ack, tcp.payload_len, tcp.flags), (Some(1), Some(518), Some(10), None));
        }
    }

    #[test]
    fn unfolded_fields_are_read() {
        let detail = read(
            "Frame 1: 74 bytes on wire (592 bits), 74 bytes captured (592 bits)\n\
             \x20   Arrival Time: Nov 24, 2026 04:09:48.249218000 UTC\n\
             \x20   Epoch Time: 1795493388.249218000 seconds\n\
             \x20   [Time since reference or first frame: 0.500000000 seconds]\n\
             Internet Protocol Version 4, Src: 192.0.2.1, Dst: 198.51.100.5\n\
             \x20   0100 .... = Version: 4\n\
             \x20   Total Length: 60\n\
             \x20   Identification: 0xa9eb (43499)\n\
             \x20   Time to Live: 63\n\
             Transmission Control Protocol, Src Port: 50000, Dst Port: 443, Seq: 0, Len: 0\n\
             \x20   Sequence Number: 0    (relative sequence number)\n\
             \x20   Sequence Number (raw): 4071054378\n\
             \x20   Acknowledgment Number: 0\n\
             \x20   Flags: 0x002 (SYN)\n\
             \x20       .... ...0 .... = Acknowledgment: Not set\n\
             \x20   Window: 64800\n\
             \x20   TCP Option - Maximum segment size: 1440 bytes\n\
             \x20   TCP Option - Window scale: 10 (multiply by 1024)",
        );
        assert_eq!(detail.arrival, Some((Stamp::Epoch(1_795_493_388_249_218_000), 9)));
        assert_eq!(detail.elapsed, Some((Stamp::Elapsed(500_000_000), 9)));
        let headers = detail.headers;
        assert_eq!((headers.hop_limit, headers.id, headers.total_len), (Some(63), Some(0xa9eb), Some(60)));
        let tcp = headers.tcp.expect("TCP");
        assert_eq!((tcp.flags, tcp.window, tcp.ack), (Some(Flags(Flags::SYN)), Some(64800), None));
        assert_eq!(tcp.options.bytes, [2, 4, 5, 160, 3, 3, 10]);
    }

    #[test]
    fn the_messages_of_tls_are_named_once() {
        let head = "Frame 9: 9 bytes on wire (72 bits), 9 bytes captured (72 bits)\n\
                    Transmission Control Protocol, Src Port: 443, Dst Port: 51508, Seq: 1, Ack: 518, Len: 10\n\
                    Transport Layer Security\n";
        for (lines, protocol, words) in [
            (
                "TLSv1.3 Record Layer: Handshake Protocol: Hello Retry Request\n Handshake Protocol: Hello Retry Request",
                "TLSv1.3",
                "Hello Retry Request",
            ),
            (
                "TLSv1.2 Record Layer: Handshake Protocol: Multiple Handshake Messages\n Handshake Protocol: Server Hello\n\
                 Handshake Protocol: Certificate\n TLSv1.2 Record Layer: Application Data Protocol: http-over-tls",
                "TLSv1.2",
                "Server Hello, Certificate, Application Data",
            ),
            (
                "TLSv1.2 Record Layer: Alert (Level: Fatal, Description: Protocol Version)\n Content Type: Alert (21)",
                "TLSv1.2",
                "Alert (Level: Fatal, Description: Protocol Version)",
            ),
            (
                "TLSv1 Record Layer: Handshake Protocol: Client Hello\n Handshake Protocol: Client Hello\n\
                 Server Name: ssm.example.net",
                "TLSv1",
                "Client Hello (SNI=ssm.example.net)",
            ),
        ] {
            let detail = read(&format!("{head}{lines}"));
            assert_eq!((detail.protocol.as_str(), detail.words.as_str()), (protocol, words));
        }
    }

    #[test]
    fn an_error_quotes_its_packet() {
        let detail = read(
            "Frame 5: 102 bytes on wire (816 bits), 102 bytes captured (816 bits)\n\
             Internet Protocol Version 4, Src: 192.0.2.254, Dst: 192.0.2.1\n\
             Internet Control Message Protocol\n\
             \x20   Type: 3 (Destination unreachable)\n\
             \x20   Code: 4 (Fragmentation needed)\n\
             \x20   MTU of next hop: 1400\n\
             \x20   Internet Protocol Version 4, Src: 192.0.2.1, Dst: 198.51.100.5\n\
             \x20       Time to Live: 61\n\
             \x20   Transmission Control Protocol, Src Port: 50000, Dst Port: 443, Seq: 2190619172\n\
             \x20       Flags: 0x002 (SYN)",
        );
        assert_eq!(detail.icmp, Some(Icmp { kind: Some(3), code: Some(4), mtu: Some(1400) }));
        assert_eq!((detail.headers.source.as_str(), detail.headers.tcp.is_some()), ("192.0.2.254", false));
        let quoted = detail.quoted.expect("a quote");
        assert_eq!((quoted.destination.as_str(), quoted.hop_limit), ("198.51.100.5", Some(61)));
        assert_eq!(quoted.tcp.and_then(|tcp| tcp.flags), Some(Flags(Flags::SYN)));
    }

    #[test]
    fn prose_is_no_frame() {
        for text in ["Frame 9", "Frame the packet: 9 bytes", "9 bytes on wire", ""] {
            assert_eq!(Detail::begin(text), None, "{text}");
        }
        let mut detail = read("Frame 9: 9 bytes on wire (72 bits), 9 bytes captured (72 bits)");
        assert!(!detail.take("What is wrong with this packet?"));
    }

    proptest! {
        #[test]
        fn any_lines_are_read(texts in proptest::collection::vec(".{0,40}", 0..8)) {
            let mut detail = Detail::begin("Frame 9: 9 bytes on wire (72 bits)").expect("a frame");
            for text in texts {
                let _ = Detail::begin(&text);
                detail.take(&text);
                detail.take(&format!("Internet Protocol Version 4, Src: {text}, Dst: {text}"));
                detail.take(&format!("Transmission Control Protocol, Src Port: {text}, Dst Port: 1, Seq: {text}"));
                detail.take(&format!("Flags: {text}"));
            }
        }
    }
}
