//! The numbers that tcpdump prints: counted from a conversation's first ones unless `-S` is given (print-tcp.c).

use std::cmp::Ordering;
use std::collections::{HashMap, VecDeque};

use crate::limits;
use crate::packet::{Checksum, Flags, SegmentHeader, Seq};
use crate::tcp::Key;

/// Bytes of the TCP header without options (RFC 9293, 3.1).
pub(super) const FIXED_LEN: u8 = 20;

/// What one conversation's numbers are counted from.
///
/// tcpdump takes the first segment that has ACK for the beginning, and each SYN-ACK for a new one. Such a segment, and
/// any without ACK, is printed with its numbers as they are; all others relative to the beginning.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Numbering {
    bases: Option<Bases>,
}

/// The numbers that are printed as 0, of the side with the lower port and of the other one.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Bases {
    low: Option<Seq>,
    high: Option<Seq>,
}

/// The numbers to print for one segment.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Numbers {
    /// The sequence number.
    pub seq: Option<u32>,
    /// The acknowledgement number.
    pub ack: Option<u32>,
    /// What the edges of selective acknowledgement blocks are counted from.
    pub sack_base: u32,
}

impl Numbering {
    /// The numbers to print for the conversation's next segment.
    pub fn numbers(&mut self, header: &SegmentHeader) -> Numbers {
        let tcp = &header.tcp;
        let as_they_are =
            Numbers { seq: tcp.seq.map(|seq| seq.0), ack: tcp.ack.map(|ack| ack.0), sack_base: 0 };
        let Some(flags) = tcp.flags.filter(|flags| flags.ack() && !is_cut_in_fixed_part(header)) else {
            return as_they_are;
        };
        let is_from_high = is_from_high(header);
        if self.bases.is_none() || flags.syn() {
            if tcp.seq.is_none() && tcp.ack.is_none() {
                return as_they_are;
            }
            let (own, other) = (tcp.seq, tcp.ack.map(|ack| ack - 1u32));
            let bases =
                if is_from_high { Bases { low: other, high: own } } else { Bases { low: own, high: other } };
            self.bases = Some(bases);
            return Numbers { sack_base: other.map_or(0, |other| other.0), ..as_they_are };
        }
        let Some(bases) = self.bases else {
            return as_they_are;
        };
        let base = |side: Option<Seq>| side.unwrap_or(Seq(0));
        let (high, low) = (base(bases.high), base(bases.low));
        let (own, other) = if is_from_high { (high, low) } else { (low, high) };
        Numbers { seq: tcp.seq.map(|seq| seq - own), ack: tcp.ack.map(|ack| ack - other), sack_base: other.0 }
    }
}

/// Whether the sender is the side with the higher port, or the higher address where the ports are equal.
fn is_from_high(header: &SegmentHeader) -> bool {
    match header.tcp.source_port.cmp(&header.tcp.destination_port) {
        Ordering::Greater => true,
        Ordering::Equal => header.ip.source > header.ip.destination,
        Ordering::Less => false,
    }
}

/// The numberings of a whole capture's conversations, at most [`limits::PRINTED_CONVERSATIONS`] of them.
#[derive(Debug)]
pub struct Numberings {
    by_key: HashMap<Key, Numbering>,
    oldest_first: VecDeque<Key>,
    capacity: usize,
    forgotten: u64,
}

impl Default for Numberings {
    fn default() -> Self {
        Self::with_capacity(limits::PRINTED_CONVERSATIONS)
    }
}

impl Numberings {
    fn with_capacity(capacity: usize) -> Self {
        Self { by_key: HashMap::new(), oldest_first: VecDeque::new(), capacity, forgotten: 0 }
    }

    /// The numbers to print for the capture's next segment.
    pub fn numbers(&mut self, header: &SegmentHeader) -> Numbers {
        if !header.tcp.flags.is_some_and(Flags::ack) {
            return Numbering::default().numbers(header);
        }
        let key = Key::of(header);
        if let Some(numbering) = self.by_key.get_mut(&key) {
            return numbering.numbers(header);
        }
        if self.oldest_first.len() >= self.capacity
            && let Some(oldest) = self.oldest_first.pop_front()
        {
            self.by_key.remove(&oldest);
            self.forgotten += 1;
        }
        self.oldest_first.push_back(key);
        self.by_key.entry(key).or_default().numbers(header)
    }

    /// Conversations that were forgotten for others; a segment of theirs is printed as if it were the first one.
    pub fn forgotten(&self) -> u64 {
        self.forgotten
    }
}

/// Whether the frame ended before the options, so that tcpdump prints the ports only. A text line has no header
/// length then.
pub(super) fn is_cut_in_fixed_part(header: &SegmentHeader) -> bool {
    let tcp = &header.tcp;
    let is_cut = tcp.header_len.is_some() && tcp.options.is_none();
    is_cut && (tcp.header_len == Some(FIXED_LEN) || tcp.window.is_none() || tcp.checksum == Checksum::Unseen)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::packet::{Checksum, IpHeader, TcpHeader};

    fn segment(ports: (u16, u16), flags: &str, seq: u32, ack: u32) -> SegmentHeader {
        let address = |port: u16| std::net::Ipv4Addr::from(u32::from(port));
        SegmentHeader {
            ip: IpHeader::between(address(ports.0), address(ports.1)),
            tcp: TcpHeader {
                source_port: ports.0,
                destination_port: ports.1,
                seq: Some(Seq(seq)),
                ack: Some(Seq(ack)),
                ack_since_syn: None,
                flags: Flags::from_letters(flags),
                window: None,
                urgent: 0,
                header_len: None,
                checksum: Checksum::Unseen,
                options: None,
            },
            payload_len: Some(0),
        }
    }

    fn printed(numberings: &mut Numberings, header: &SegmentHeader) -> (u32, u32, u32) {
        let numbers = numberings.numbers(header);
        (numbers.seq.unwrap(), numbers.ack.unwrap(), numbers.sack_base)
    }

    proptest! {
        #[test]
        fn a_handshake_is_absolute_and_what_follows_relative(client: u32, server: u32) {
            let (up, down) = ((50_000, 443), (443, 50_000));
            let (client_next, server_next) = (client.wrapping_add(1), server.wrapping_add(1));
            let mut numberings = Numberings::default();
            let mut of = |ports, flags, seq, ack| printed(&mut numberings, &segment(ports, flags, seq, ack));
            prop_assert_eq!(of(up, "S", client, 0), (client, 0, 0));
            prop_assert_eq!(of(down, "S.", server, client_next), (server, client_next, client));
            prop_assert_eq!(of(up, ".", client_next, server_next), (1, 1, server));
            prop_assert_eq!(of(down, "P.", server_next, client_next), (1, 1, client));
            prop_assert_eq!(of(up, "R", 7, 0), (7, 0, 0));
        }
    }

    #[test]
    fn midstream_the_first_acknowledging_segment_is_the_beginning() {
        let mut numberings = Numberings::default();
        assert_eq!(printed(&mut numberings, &segment((5, 4), ".", 100, 200)), (100, 200, 199));
        assert_eq!(printed(&mut numberings, &segment((4, 5), ".", 200, 150)), (1, 50, 100));
    }

    #[test]
    fn a_side_whose_number_is_absent_at_the_beginning_is_printed_as_it_is() {
        let mut numbering = Numbering::default();
        let cut = SegmentHeader {
            tcp: TcpHeader { seq: None, ..segment((5, 4), ".", 0, 9).tcp },
            ..segment((5, 4), ".", 0, 9)
        };
        assert_eq!(numbering.numbers(&cut), Numbers { seq: None, ack: Some(9), sack_base: 8 });
        assert_eq!(numbering.numbers(&segment((5, 4), ".", 3, 9)).seq, Some(3));
        assert_eq!(numbering.numbers(&cut).ack, Some(1));
    }

    #[test]
    fn at_the_bound_the_oldest_conversation_is_forgotten_and_counted() {
        let mut numberings = Numberings::with_capacity(2);
        for port in [1, 2, 3] {
            printed(&mut numberings, &segment((port, 9), ".", 100, 100));
        }
        assert_eq!(numberings.forgotten(), 1);
        assert_eq!(printed(&mut numberings, &segment((3, 9), ".", 101, 101)).0, 1);
        assert_eq!(printed(&mut numberings, &segment((1, 9), ".", 101, 101)).0, 101);
    }
}
