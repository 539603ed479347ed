//! Check Point's `fw monitor`.
//!
//! A packet is printed at each inspection point that it passes, in two lines: `[vs_0][fw_1] eth0:i[64]: 192.0.2.1 ->
//! 198.51.100.5 (TCP) len=64 id=25348`, and `TCP: 54816 -> 80 .S.... seq=04a5a3d4 ack=00000000`. Check Point, sk30583,
//! "What is FW Monitor?".

use super::times;
use crate::capture::transcript::clock::Stamp;
use crate::packet::Flags;

/// The first line of a packet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Head<'a> {
    /// With option `-T`.
    pub time: Option<(Stamp, u8)>,
    pub interface: &'a str,
    /// The inspection point: `i` before and `I` behind the inbound chain, `o` and `O` outbound; a position in the chain may
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
    /// Reads a line; `None` where it begins no packet.
    pub fn parse(text: &'a str) -> Option<Self> {
        let (ends, fields) = text.split_once(" (")?;
        // The chain module that a packet is at stands in parentheses as well.
        let (ends, fields) = match ends.split_once(" -> ") {
            Some(_) => (ends, fields),
            None => text.rsplit_once(" (")?,
        };
        let (protocol, fields) = fields.split_once(')')?;
        let (before, destination) = ends.rsplit_once(" -> ")?;
        let (place, source) = before.rsplit_once(' ')?;
        let place = place.strip_suffix(':')?;
        // `[Expert@gw]# ` and the like may stand before it.
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

impl Tcp {
    /// Reads the line below the head; `None` where it is none.
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

    proptest! {
        #[test]
        fn any_lines_are_read(text: String) {
            for text in [text.clone(), format!("{text} eth0:i[1]: {text} -> {text} (TCP) len={text}"), format!("TCP: 1 -> 2 {text}")] {
                let _ = (Head::parse(&text), Tcp::parse(&text));
            }
        }
    }
}
