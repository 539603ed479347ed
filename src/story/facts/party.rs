//! One end of a connection, by what its packets show.

use super::IdFacts;
use crate::packet::{Checksum, Flags, Host, OpeningOptions, SegmentHeader, checksum};

/// The TTLs and hop limits that hosts begin with.
const INITIAL_HOP_LIMITS: [u8; 3] = [64, 128, 255];

/// One end of a connection, by what its packets show.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Party {
    /// Its address, or its name in text.
    pub host: Host,
    /// Its port.
    pub port: u16,
    /// Maximum segment size of its SYN, in bytes.
    pub maximum_segment_size: Option<u16>,
    /// TTL or hop limit, type of service, and packet of its SYN or SYN-ACK.
    pub opening_path: Option<IpTraits>,
    /// The same of its first packet after that.
    pub later_path: Option<IpTraits>,
    /// The same of its first packet whose TTL or hop limit differs from that.
    pub changed_path: Option<IpTraits>,
    /// The same of its last packet that is no RST.
    pub last_path: Option<IpTraits>,
    /// What the IPv4 identifications of its packets show.
    pub ids: IdFacts,
    /// What its SYN, or its SYN-ACK, offers.
    pub offer: Option<OpeningOffer>,
    /// Whether its SYN or SYN-ACK left the capturing host, as a cooked header shows.
    pub was_sent_here: bool,
    /// Segments with a wrong checksum, and whether all of them fit what transmit checksum offload leaves.
    pub checksums: ChecksumFacts,
}

impl Party {
    pub(crate) fn new(host: Host, port: u16) -> Self {
        Self {
            host,
            port,
            maximum_segment_size: None,
            opening_path: None,
            later_path: None,
            changed_path: None,
            last_path: None,
            ids: IdFacts::default(),
            offer: None,
            was_sent_here: false,
            checksums: ChecksumFacts::default(),
        }
    }

    /// Whether the capture was made on it, as cooked headers or checksums that its network card computes show.
    pub fn is_where_captured(&self) -> bool {
        self.was_sent_here || self.are_checksums_its_card_s()
    }

    /// Whether checksums that its network card computes show that the capture was made on it.
    fn are_checksums_its_card_s(&self) -> bool {
        let checksums = &self.checksums;
        checksums.incorrect > 0
            && checksums.offloaded == checksums.incorrect
            && !checksums.was_received
            && !checksums.is_opening_correct
            && self.was_forwarded() != Some(true)
    }

    /// Whether its SYN or SYN-ACK passed a router before it was captured, by its TTL or hop limit; nothing if no packet of
    /// the two shows it.
    pub fn was_forwarded(&self) -> Option<bool> {
        Some(!INITIAL_HOP_LIMITS.contains(&self.opening_path?.hop_limit))
    }

    /// Records what a packet of this party shows of its path and sender.
    pub(in crate::story) fn record_path(&mut self, number: u64, header: &SegmentHeader, flags: Flags) {
        let Some(hop_limit) = header.ip.hop_limit else { return };
        // RFC 3168, 5: the two low bits are ECN.
        let service = header.ip.traffic_class.map(|class| class & !3);
        let facts = IpTraits { number, hop_limit, service, id: header.ip.id };
        if flags.rst() {
            return;
        }
        self.last_path = Some(facts);
        if let Some(id) = header.ip.id {
            let is_long = header.payload_len.is_none_or(|len| len > LONGEST_SEGMENT);
            self.ids.record(number, id, is_long);
        }
        let slot = if flags.syn() { &mut self.opening_path } else { &mut self.later_path };
        let usual = slot.get_or_insert(facts).hop_limit;
        if !flags.syn() && hop_limit != usual {
            self.changed_path.get_or_insert(facts);
        }
    }

    /// Records what a SYN or SYN-ACK offers. A repeated SYN may offer less (RFC 3168, 6.1.1.1): the latest counts.
    pub(in crate::story) fn record_offer(
        &mut self,
        number: u64,
        options: &OpeningOptions,
        window: Option<u16>,
        flags: Flags,
    ) {
        let ecn = if flags.ack() {
            flags.has(Flags::ECE) && !flags.has(Flags::CWR)
        } else {
            flags.has(Flags::ECE | Flags::CWR)
        };
        self.offer = Some(OpeningOffer {
            number,
            ecn,
            selective_acknowledgement: options.sack_permitted,
            timestamps: options.has_timestamps,
            window_scale: options.window_scale.is_some(),
            window,
        });
    }
}

/// What a packet shows of its sender and path.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct IpTraits {
    /// The packet.
    pub number: u64,
    /// TTL or hop limit.
    pub hop_limit: u8,
    /// Type of service or traffic class, the ECN bits left out.
    pub service: Option<u8>,
    /// IPv4 identification.
    pub id: Option<u16>,
}

/// What a SYN offers, or a SYN-ACK accepts.
#[expect(clippy::struct_excessive_bools, reason = "each is offered or not, in any combination")]
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct OpeningOffer {
    /// The packet.
    pub number: u64,
    /// Explicit congestion notification (RFC 3168, 6.1.1).
    pub ecn: bool,
    /// SACK (RFC 2018).
    pub selective_acknowledgement: bool,
    /// Timestamps (RFC 7323, 3).
    pub timestamps: bool,
    /// Window scale (RFC 7323, 2).
    pub window_scale: bool,
    /// The window, in bytes; that of a SYN is never scaled (RFC 7323, 2.2).
    pub window: Option<u16>,
}

/// Wrong TCP checksums of one side.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct ChecksumFacts {
    /// Segments whose checksum is right.
    pub correct: u64,
    /// Segments whose checksum is wrong.
    pub incorrect: u64,
    /// Those of them that hold what transmit checksum offload leaves for the network card.
    pub offloaded: u64,
    /// The first wrong ones.
    pub examples: [Option<u64>; 2],
    /// Checksum field minus TCP length of the first wrong one: equal for all when the field holds a pseudo-header sum.
    pub base: Option<u16>,
    /// Whether its SYN or SYN-ACK has a right one, which a host that leaves checksums to its card does not compute.
    pub is_opening_correct: bool,
    /// Whether the capturing host received such segments, so that another sent them.
    pub was_received: bool,
}

/// The payload of the longest frame on an Ethernet without jumbo frames, in bytes.
const LONGEST_SEGMENT: u32 = 1_460;

impl ChecksumFacts {
    /// Records a segment's checksum.
    ///
    /// With transmit checksum offload the field holds the pseudo-header's sum (RFC 9293, 3.1), not complemented: over
    /// the addresses, the protocol and the TCP length. Two such fields differ by what their lengths differ, whatever the
    /// addresses are, so this works on captures with rewritten addresses too.
    pub(in crate::story) fn record(&mut self, number: u64, header: &SegmentHeader) {
        /// IP's number of TCP.
        const TCP: u8 = 6;
        let found = match header.tcp.checksum {
            Checksum::Correct(_) => {
                self.correct += 1;
                self.is_opening_correct |= header.tcp.flags.is_some_and(Flags::syn);
                return;
            }
            Checksum::Incorrect { found, .. } => found,
            Checksum::Unseen | Checksum::Unverified(_) => return,
        };
        if header.payload_len.is_some_and(|len| len > LONGEST_SEGMENT) {
            // A card or kernel merged it, or has yet to split it, and then its checksum means nothing.
            return;
        }
        self.incorrect += 1;
        if let Some(slot) = self.examples.iter_mut().find(|slot| slot.is_none()) {
            *slot = Some(number);
        }
        let Some(tcp_len) = header.tcp_len() else { return };
        let base = checksum::fold(u32::from(found) + (0xffff - (tcp_len & 0xffff)));
        let is_sum =
            checksum::pseudo_header(header.ip.source, header.ip.destination, TCP, tcp_len) == Some(found);
        if is_sum || self.base.is_some_and(|first| first == base) {
            self.offloaded += 1;
            if !is_sum && self.offloaded == 1 {
                // The first one fits too, as the second shows.
                self.offloaded += 1;
            }
        }
        self.base.get_or_insert(base);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::packet::{IpHeader, TcpHeader};

    /// A segment of this many bytes between rewritten addresses, with this checksum found wrong.
    fn segment(tcp_len: u32, found: u16) -> SegmentHeader {
        let mut ip = IpHeader::between([192, 0, 2, 10], [198, 51, 100, 20]);
        ip.length = Some(20 + tcp_len);
        let mut tcp = TcpHeader::between(50_000, 8443);
        tcp.checksum = Checksum::Incorrect { found, expected: 0 };
        SegmentHeader { ip, tcp, payload_len: Some(0) }
    }

    #[test]
    fn a_pseudo_header_s_sum_is_what_offload_leaves() {
        let header = segment(32, 0);
        let sum = checksum::pseudo_header(header.ip.source, header.ip.destination, 6, 32).unwrap();
        let mut checksums = ChecksumFacts::default();
        checksums.record(1, &segment(32, sum));
        assert_eq!((checksums.incorrect, checksums.offloaded), (1, 1));
    }

    #[test]
    fn a_segment_that_no_link_carries_has_no_checksum_to_be_checked() {
        let mut merged = segment(2_940, 0x4321);
        merged.payload_len = Some(2_920);
        let mut checksums = ChecksumFacts::default();
        checksums.record(1, &merged);
        assert_eq!(checksums, ChecksumFacts::default());
    }

    #[test]
    fn with_rewritten_addresses_two_fields_that_differ_as_their_lengths_do_are_enough() {
        let mut checksums = ChecksumFacts::default();
        checksums.record(1, &segment(32, 0x1234));
        assert_eq!(checksums.offloaded, 0);
        checksums.record(2, &segment(132, 0x1234 + 100));
        assert_eq!((checksums.incorrect, checksums.offloaded), (2, 2));
        checksums.record(3, &segment(132, 0x7777));
        assert_eq!(
            (checksums.incorrect, checksums.offloaded, checksums.examples),
            (3, 2, [Some(1), Some(2)])
        );
    }

    #[test]
    fn another_distance_is_kept_next_to_the_usual_one_and_a_rst_counts_for_neither() {
        let mut party = Party::new([192, 0, 2, 10].into(), 50_000);
        let from = |hop_limit| {
            let mut header = segment(20, 0);
            header.ip.hop_limit = Some(hop_limit);
            header
        };
        for (number, hop_limit, flags) in
            [(1, 64, "S"), (2, 61, "."), (3, 9, "R"), (4, 50, "."), (5, 40, ".")]
        {
            party.record_path(number, &from(hop_limit), Flags::from_letters(flags).unwrap());
        }
        let hops = |traits: Option<IpTraits>| traits.map(|traits| (traits.number, traits.hop_limit));
        assert_eq!(hops(party.opening_path), Some((1, 64)));
        assert_eq!(hops(party.later_path), Some((2, 61)));
        assert_eq!(hops(party.changed_path), Some((4, 50)));
    }
}
