//! Check Point's `fw monitor`.
//!
//! A packet is printed at each inspection point that it passes, in two lines: `[vs_0][fw_1] eth0:i[64]: 192.0.2.1 ->
//! 198.51.100.5 (TCP) len=64 id=25348`, and `TCP: 54816 -> 80 .S.... seq=04a5a3d4 ack=00000000`. Check Point, sk30583,
//! "What is FW Monitor?".

use std::collections::VecDeque;

use super::lengths::Lengths;
use super::packet::{ToolContent, ToolIp, ToolPacket, ToolSegment};
use super::times;
use crate::capture::transcript::clock::Stamp;
use crate::capture::transcript::counted::counted;
use crate::capture::transcript::scan::split_rare;
use crate::capture::transcript::tools::tool::Tool;
use crate::limits::TRANSCRIPT_HELD_ROWS;
use crate::packet::{Direction, Flags};
use crate::time::SECOND;

/// Gathers the monitor's lines.
#[derive(Debug, Default)]
pub struct Gatherer {
    /// A packet whose second line is still to come.
    pending: Option<ToolPacket>,
    /// The latest packets, each at the first inspection point.
    passed: VecDeque<ToolPacket>,
    lengths: Lengths,
    begins_capture: bool,
    /// Packets that were printed before, at another inspection point.
    copies: u64,
}

impl Tool for Gatherer {
    const FORMAT: &'static str = "fw monitor text";

    fn begins(text: &str) -> bool {
        Head::parse(text).is_some()
    }

    fn take(&mut self, number: u64, text: &str) -> bool {
        if text.starts_with("monitor: ") {
            self.finish_pending();
            self.begins_capture |= text.contains("monitoring");
            return true;
        }
        if let Some(head) = Head::parse(text) {
            self.finish_pending();
            let begins_capture = std::mem::take(&mut self.begins_capture);
            self.pending = Some(ToolPacket { line: number, begins_capture, ..head.packet() });
            return true;
        }
        let Some(packet) = &mut self.pending else { return false };
        let Some(tcp) = Tcp::parse(text) else { return false };
        packet.content = ToolContent::Segment(tcp.segment(packet.ip.total_len));
        self.finish_pending();
        true
    }

    fn flush(&mut self) {
        self.finish_pending();
        self.lengths.flush();
    }

    fn next(&mut self) -> Option<ToolPacket> {
        self.lengths.next()
    }

    fn remarks(&self) -> Vec<String> {
        counted(self.copies, "printed again at another inspection point and counted once")
            .into_iter()
            .collect()
    }
}

impl Gatherer {
    fn finish_pending(&mut self) {
        /// Longer, in nanoseconds, than a packet takes from one inspection point to the next.
        const APART: i64 = SECOND / 10;
        let Some(packet) = self.pending.take() else { return };
        let is_same = |passed: &ToolPacket| {
            let times = packet.nanos().zip(passed.nanos());
            // Linux gives each SYN-ACK the same identification.
            if times.is_some_and(|(one, other)| one.saturating_sub(other).saturating_abs() > APART) {
                return false;
            }
            (&passed.hosts, passed.ip, &passed.content) == (&packet.hosts, packet.ip, &packet.content)
        };
        // The identification makes a datagram one of its own.
        if packet.ip.id.is_some() && self.passed.iter().any(is_same) {
            self.copies += 1;
            return;
        }
        if self.passed.len() >= TRANSCRIPT_HELD_ROWS {
            self.passed.pop_front();
        }
        self.passed.push_back(packet.clone());
        self.lengths.take(packet);
    }
}

/// The first line of a packet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Head<'a> {
    /// With option `-T`.
    pub time: Option<(Stamp, u8)>,
    pub interface: &'a str,
    /// The inspection point: `i` before and `I` after the inbound chain, `o` and `O` outbound; a position in the chain may
    /// follow.
    pub point: &'a str,
    /// Source and destination.
    pub hosts: (&'a str, &'a str),
    /// The protocol's name or number.
    pub protocol: &'a str,
    /// Bytes of the datagram.
    pub len: Option<u32>,
    pub id: Option<u16>,
}

/// The second line of a TCP packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tcp {
    pub ports: (u16, u16),
    pub flags: Flags,
    pub seq: Option<u32>,
    pub ack: Option<u32>,
    pub window: Option<u16>,
}

impl<'a> Head<'a> {
    /// Reads a line; `None` if it begins no packet.
    pub fn parse(text: &'a str) -> Option<Self> {
        let (ends, fields) = split_rare(text, " (")?;
        // The chain module that a packet is at is in parentheses as well.
        let (ends, fields) = match ends.split_once(" -> ") {
            Some(_) => (ends, fields),
            None => text.rsplit_once(" (")?,
        };
        let (protocol, fields) = fields.split_once(')')?;
        let (before, destination) = ends.rsplit_once(" -> ")?;
        let (place, source) = before.rsplit_once(' ')?;
        let place = place.strip_suffix(':')?;
        // `[Expert@gw]# ` and the like may precede it.
        let (place, _) = place.rsplit_once('[')?;
        let place = place.split_once(" (").map_or(place, |(place, _)| place).trim_end();
        let (front, place) = place.rsplit_once(' ').unwrap_or(("", place));
        let place = place.rsplit_once(']').map_or(place, |(_, place)| place);
        let (interface, point) = place.rsplit_once(':')?;
        let is_point = point.starts_with(['i', 'I', 'o', 'O', 'e', 'E', 'q', 'Q'])
            && point.bytes().skip(1).all(|byte| byte.is_ascii_digit());
        let field = |name: &str| {
            let (_, after) = fields.split_once(name)?;
            after.split([' ', ',']).next()
        };
        let time = front.rsplit_once(']').map_or(front, |(_, time)| time);
        let is_head = is_point && !interface.is_empty() && field("len=").is_some();
        is_head.then_some(Self {
            time: times::split(time).map(|(stamp, digits, _)| (stamp, digits)),
            interface,
            point,
            hosts: (source, destination.trim()),
            protocol,
            len: field("len=").and_then(|len| len.parse().ok()),
            id: field("id=").and_then(|id| id.parse().ok()),
        })
    }
}

impl Head<'_> {
    fn packet(&self) -> ToolPacket {
        let (source, destination) = self.hosts;
        let direction =
            if self.point.starts_with(['i', 'I']) { Direction::Inbound } else { Direction::Outbound };
        ToolPacket {
            time: self.time,
            hosts: (source.to_owned(), destination.to_owned()),
            direction: Some(direction),
            ip: ToolIp { id: self.id, total_len: self.len, ..ToolIp::default() },
            content: ToolContent::Other(self.protocol.to_owned()),
            ..ToolPacket::default()
        }
    }
}

impl Tcp {
    fn segment(&self, total_len: Option<u32>) -> ToolSegment {
        let flags = self.flags.0;
        // Headers of IP and TCP, and of TCP with timestamps: without PSH there is nothing after them. A SYN has nothing.
        let is_bare = flags == Flags::ACK && total_len.is_some_and(|len| len <= 40 + 12);
        let is_empty = is_bare || flags & (Flags::SYN | Flags::RST) != 0;
        ToolSegment {
            ports: Some((self.ports.0.to_string(), self.ports.1.to_string())),
            flags: Some(self.flags),
            seq: self.seq,
            ack: self.ack,
            window: self.window,
            payload_len: is_empty.then_some(0),
            ..ToolSegment::default()
        }
    }

    /// Reads the line below the head; `None` if it is not one.
    pub fn parse(text: &str) -> Option<Self> {
        let (source, rest) = text.trim().strip_prefix("TCP: ")?.split_once(" -> ")?;
        let mut words = rest.split(' ').filter(|word| !word.is_empty());
        let mut tcp = Self {
            ports: (source.trim().parse().ok()?, words.next()?.parse().ok()?),
            flags: flags(words.next()?)?,
            seq: None,
            ack: None,
            window: None,
        };
        for word in words {
            match word.split_once('=') {
                Some(("seq", number)) => tcp.seq = sequence(number),
                Some(("ack", number)) => tcp.ack = sequence(number),
                Some(("win", number)) => tcp.window = number.parse().ok(),
                _ => {}
            }
        }
        tcp.ack = tcp.ack.filter(|_| tcp.flags.ack());
        Some(tcp)
    }
}

/// `.S..A.`: a place for each flag, with a dot where it is not set.
fn flags(letters: &str) -> Option<Flags> {
    const PLACES: [(u8, u8); 6] = [
        (b'F', Flags::FIN),
        (b'S', Flags::SYN),
        (b'R', Flags::RST),
        (b'P', Flags::PSH),
        (b'A', Flags::ACK),
        (b'U', Flags::URG),
    ];
    if letters.len() != PLACES.len() {
        return None;
    }
    letters.bytes().try_fold(Flags(0), |flags, letter| {
        if letter == b'.' {
            return Some(flags);
        }
        let (_, bit) = PLACES.iter().find(|(name, _)| *name == letter)?;
        Some(Flags(flags.0 | bit))
    })
}

/// Eight hexadecimal digits; an author who made the line up wrote a decimal number.
fn sequence(digits: &str) -> Option<u32> {
    if digits.len() == 8 { u32::from_str_radix(digits, 16).ok() } else { digits.parse().ok() }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::capture::transcript::tools::script;

    #[test]
    fn heads_of_all_versions_are_read() {
        for (start, interface, point) in [
            ("eth0:i[64]: ", "eth0", "i"),
            ("[fw_0] eth0:O[64]: ", "eth0", "O"),
            ("[vs_0][fw_1] eth1-01.5:I[64]: ", "eth1-01.5", "I"),
            ("[vs_0][fw_1]eth0:o[64]: ", "eth0", "o"),
            ("[vs_0][fw_1] eth0:i10 (fw VM inbound )[64]: ", "eth0", "i10"),
            ("[vs_0][fw_1] eth0:i0 (Stateless verifications (in))[64]: ", "eth0", "i0"),
            ("[vs_0][ppak_0] bond1:e[64]: ", "bond1", "e"),
        ] {
            let text = format!("{start}192.0.2.1 -> 198.51.100.5 (TCP) len=64 id=25348");
            let head = Head::parse(&text).unwrap_or_else(|| panic!("{text}"));
            assert_eq!(
                (head.interface, head.point, head.hosts),
                (interface, point, ("192.0.2.1", "198.51.100.5")),
                "{text}"
            );
            assert_eq!(
                (head.protocol, head.len, head.id, head.time),
                ("TCP", Some(64), Some(25348), None),
                "{text}"
            );
        }
        let text = "[vs_0][fw_1] 10:17:04.5 eth0:i[64]: 192.0.2.1 -> 198.51.100.5 (UDP) len=64 id=25348";
        assert!(Head::parse(text).is_some_and(|head| head.time.is_some() && head.protocol == "UDP"));
        let text =
            "[vs_0][fw_1] 14May2024 09:12:01.123456 eth0:o[44]: 192.0.2.1 -> 198.51.100.5 (TCP) len=44 id=1";
        assert!(matches!(Head::parse(text).and_then(|head| head.time), Some((Stamp::DateTime(_), 6))));
    }

    #[test]
    fn the_second_line_is_the_tcp_header() {
        let tcp = Tcp::parse("TCP: 54816 -> 80 .S..A. seq=04a5a3d4 ack=ffffffff").expect("TCP");
        assert_eq!((tcp.ports, tcp.flags.to_string().as_str()), ((54816, 80), "S."));
        assert_eq!((tcp.seq, tcp.ack), (Some(0x04a5_a3d4), Some(u32::MAX)));
        let tcp = Tcp::parse("  TCP: 1 -> 2 .S.... seq=1234567890 ack=0 win=65535").expect("TCP");
        assert_eq!((tcp.seq, tcp.ack, tcp.window), (Some(1_234_567_890), None, Some(65535)));
    }

    #[test]
    fn other_lines_are_none() {
        for text in [
            "fw_log_drop_ex: Packet proto=6 192.0.2.1:54321 -> 198.51.100.5:443 dropped by fwpslglue_chain Reason: x",
            "9 0.1 192.0.2.1 -> 198.51.100.5 TCP 74 1 > 2 [SYN] Seq=0 (x)",
            "we saw a -> b (TCP) there",
            "monitor: monitoring (control-C to stop)",
        ] {
            assert_eq!(Head::parse(text), None, "{text}");
            assert_eq!(Tcp::parse(text), None, "{text}");
        }
        assert_eq!(Tcp::parse("TCP: 1 -> 2 SYN seq=1"), None);
    }

    fn gather(text: &str) -> (Vec<ToolPacket>, u64) {
        let (packets, gatherer): (_, Gatherer) = script::gather(text);
        (packets, gatherer.copies)
    }

    #[test]
    fn a_packet_is_printed_at_each_point_and_counts_once() {
        let at = |point: &str, id: u16| {
            format!(
                "[vs_0][fw_1] eth0:{point}[64]: 192.0.2.1 -> 198.51.100.5 (TCP) len=64 id={id}\nTCP: 5 -> 80 .S.... seq=1 ack=0\n"
            )
        };
        let text = [at("i", 7), at("I", 7), at("o", 7), at("O", 7), at("i", 8), at("I", 8)].concat();
        let (packets, copies) = gather(&text);
        assert_eq!((packets.len(), copies), (2, 4), "the second has another identification");
        assert_eq!((packets[0].direction, packets[0].ip.total_len), (Some(Direction::Inbound), Some(64)));
        let (packets, _) = gather("eth0:i[64]: 192.0.2.1 -> 198.51.100.5 (UDP) len=64 id=7\nUDP: 5 -> 53\n");
        assert_eq!(packets[0].content, ToolContent::Other("UDP".to_owned()));
    }

    #[test]
    fn lengths_follow_from_the_numbers() {
        let line = |from_client: bool, flags: &str, seq: u32, ack: u32, len: u32| {
            let (ends, ports) = if from_client { ("a -> b", "5 -> 80") } else { ("b -> a", "80 -> 5") };
            format!(
                "eth0:i[{len}]: {ends} (TCP) len={len} id={seq}\nTCP: {ports} {flags} seq={seq:08x} ack={ack:08x}\n"
            )
        };
        let text = [line(true, "...PA.", 100, 7, 152), line(false, "....A.", 7, 200, 52)].concat();
        let (packets, _) = gather(&text);
        let lengths: Vec<_> = packets
            .iter()
            .map(|packet| match &packet.content {
                ToolContent::Segment(segment) => segment.payload_len,
                _ => None,
            })
            .collect();
        assert_eq!(lengths, [Some(100), Some(0)]);
    }

    proptest! {
        #[test]
        fn any_lines_are_read(text: String) {
            for text in [text.clone(), format!("{text} eth0:i[1]: {text} -> {text} (TCP) len={text}"), format!("TCP: 1 -> 2 {text}")] {
                let _ = (Head::parse(&text), Tcp::parse(&text));
                let _ = gather(&text);
            }
        }
    }
}
