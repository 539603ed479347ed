//! TCP whose headers PPP compresses (RFC 1144): each end keeps the headers of some connections, and a packet has what differs.
//!
//! A capture mixes both directions, which keep headers of their own under the same numbers. Which of them a packet continues shows by
//! its TCP checksum, so that a packet that was cut, or whose headers were not captured, is not followed.

use std::collections::VecDeque;

use etherparse::checksum::Sum16BitWords;
use etherparse::ip_number;

use super::checksum;
use super::span::Span;
use crate::limits;
use crate::packet::Checksum;

/// What a packet's first byte says of the fields that differ (RFC 1144, 3.2.2).
const CONNECTION: u8 = 0x40;
const IDENTIFICATION: u8 = 0x20;
const PUSH: u8 = 0x10;
const SEQUENCE: u8 = 0x08;
const ACKNOWLEDGEMENT: u8 = 0x04;
const WINDOW: u8 = 0x02;
const URGENT: u8 = 0x01;

/// Two sets of them that can't occur stand for echoed characters, and for data in one direction.
const SPECIAL: u8 = SEQUENCE | ACKNOWLEDGEMENT | WINDOW | URGENT;
const ECHOED: u8 = SEQUENCE | WINDOW | URGENT;
const ONE_WAY: u8 = SPECIAL;

/// Flags of TCP's header (RFC 9293, 3.1).
const TCP_PSH: u8 = 0x08;
const TCP_URG: u8 = 0x20;

/// The headers that both ends keep, the latest first.
#[derive(Debug, Default)]
pub(super) struct Headers(VecDeque<Kept>);

/// A connection's headers in one direction.
#[derive(Clone, Debug)]
struct Kept {
    number: u8,
    /// An IPv4 header and a TCP header with their options.
    bytes: Vec<u8>,
    ip_len: usize,
    /// Bytes of payload of the latest packet.
    payload_len: u32,
}

impl Headers {
    /// Takes in a packet that is whole, but for a number in place of IPv4's protocol, and writes it as it was.
    pub(super) fn keep(&mut self, span: Span<'_>, datagram: &mut Vec<u8>) -> Option<()> {
        let ip_len = usize::from(span.bytes.first()? & 0x0f) * 4;
        let tcp_len = usize::from(span.bytes.get(ip_len + 12)? >> 4) * 4;
        let header_len = ip_len + tcp_len;
        let mut bytes = span.bytes.get(..header_len).filter(|_| ip_len >= 20 && tcp_len >= 20)?.to_vec();
        let payload_len = u32::from(span.be16(2)?).checked_sub(header_len as u32)?;
        let number = std::mem::replace(bytes.get_mut(9)?, ip_number::TCP.0);
        datagram.clear();
        datagram.extend_from_slice(&bytes);
        datagram.extend_from_slice(span.bytes.get(header_len..)?);
        let kept = Kept { number, bytes, ip_len, payload_len };
        // The other direction's headers of that number have these addresses the other way round, or none of them.
        let is_replaced = |other: &Kept| other.number == number && other.source() == kept.source();
        self.0.retain(|other| !is_replaced(other));
        self.0.push_front(kept);
        self.0.truncate(limits::COMPRESSED_HEADERS);
        Some(())
    }

    /// Writes the packet whose differences these are; nothing if none of the headers fits.
    pub(super) fn restore(&mut self, span: Span<'_>, datagram: &mut Vec<u8>) -> Option<()> {
        let differences = Differences::read(span)?;
        let fits = |kept: &Kept| differences.number.is_none_or(|number| number == kept.number);
        let candidates = self.0.iter().enumerate().filter(|(_, kept)| fits(kept));
        let (index, restored) =
            candidates.take(limits::COMPRESSED_CANDIDATES).find_map(|(index, kept)| {
                let next = differences.applied(kept)?;
                datagram.clear();
                datagram.extend_from_slice(&next.bytes);
                datagram.extend_from_slice(differences.payload);
                has_right_checksum(datagram, next.ip_len).then_some((index, next))
            })?;
        self.0.remove(index);
        self.0.push_front(restored);
        Some(())
    }
}

impl Kept {
    fn source(&self) -> Option<&[u8]> {
        self.bytes.get(12..16)
    }
}

/// What a packet has in place of its headers.
struct Differences<'a> {
    mask: u8,
    number: Option<u8>,
    checksum: [u8; 2],
    urgent: u16,
    window: u16,
    acknowledgement: u16,
    sequence: u16,
    identification: u16,
    payload: &'a [u8],
}

impl<'a> Differences<'a> {
    /// Reads the header of a packet that was captured whole.
    fn read(span: Span<'a>) -> Option<Self> {
        let mut rest = span.bytes.split_first().filter(|_| span.is_whole());
        let mut next = || {
            let (first, tail) = rest?;
            rest = tail.split_first();
            Some(*first)
        };
        let mask = next()?;
        let number = if mask & CONNECTION == 0 { None } else { Some(next()?) };
        let checksum = [next()?, next()?];
        // A zero byte precedes a number of two bytes.
        let mut field = |is_there: bool| {
            if !is_there {
                return Some(0);
            }
            Some(match next()? {
                0 => u16::from_be_bytes([next()?, next()?]),
                small => small.into(),
            })
        };
        let is_special = matches!(mask & SPECIAL, ECHOED | ONE_WAY);
        let mut has = |bit: u8| field(mask & bit != 0 && !is_special);
        let (urgent, window, acknowledgement, sequence) =
            (has(URGENT)?, has(WINDOW)?, has(ACKNOWLEDGEMENT)?, has(SEQUENCE)?);
        let identification = if mask & IDENTIFICATION == 0 { 1 } else { field(true)? };
        let payload = match rest {
            Some((_, tail)) => span.bytes.get(span.bytes.len() - tail.len() - 1..)?,
            None => &[],
        };
        Some(Self {
            mask,
            number,
            checksum,
            urgent,
            window,
            acknowledgement,
            sequence,
            identification,
            payload,
        })
    }

    /// The headers that follow these (RFC 1144, 3.2.4).
    fn applied(&self, kept: &Kept) -> Option<Kept> {
        let mut next = kept.clone();
        let (ip, tcp) = next.bytes.split_at_mut_checked(kept.ip_len)?;
        let (sequence, acknowledgement) = match self.mask & SPECIAL {
            ECHOED => (kept.payload_len, kept.payload_len),
            ONE_WAY => (kept.payload_len, 0),
            _ => (self.sequence.into(), self.acknowledgement.into()),
        };
        add(tcp.get_mut(4..8)?, sequence)?;
        add(tcp.get_mut(8..12)?, acknowledgement)?;
        let flags = tcp.get_mut(13)?;
        *flags = *flags & !TCP_PSH | if self.mask & PUSH == 0 { 0 } else { TCP_PSH };
        if !matches!(self.mask & SPECIAL, ECHOED | ONE_WAY) {
            let is_urgent = self.mask & URGENT != 0;
            *flags = *flags & !TCP_URG | if is_urgent { TCP_URG } else { 0 };
            if is_urgent {
                tcp.get_mut(18..20)?.copy_from_slice(&self.urgent.to_be_bytes());
            }
        }
        let window = tcp.get(14..16)?.first_chunk().copied().map(u16::from_be_bytes)?;
        tcp.get_mut(14..16)?.copy_from_slice(&window.wrapping_add(self.window).to_be_bytes());
        tcp.get_mut(16..18)?.copy_from_slice(&self.checksum);
        let identification = ip.get(4..6)?.first_chunk().copied().map(u16::from_be_bytes)?;
        ip.get_mut(4..6)?.copy_from_slice(&identification.wrapping_add(self.identification).to_be_bytes());
        let length = u16::try_from(ip.len() + tcp.len() + self.payload.len()).ok()?;
        ip.get_mut(2..4)?.copy_from_slice(&length.to_be_bytes());
        ip.get_mut(10..12)?.copy_from_slice(&[0; 2]);
        let sum = Sum16BitWords::new().add_slice(ip).ones_complement().to_be();
        ip.get_mut(10..12)?.copy_from_slice(&sum.to_be_bytes());
        next.payload_len = self.payload.len() as u32;
        if let Some(number) = self.number {
            next.number = number;
        }
        Some(next)
    }
}

fn add(field: &mut [u8], difference: u32) -> Option<()> {
    let before = field.first_chunk().copied().map(u32::from_be_bytes)?;
    field.copy_from_slice(&before.wrapping_add(difference).to_be_bytes());
    Some(())
}

fn has_right_checksum(datagram: &[u8], ip_len: usize) -> bool {
    let address =
        |from: usize| datagram.get(from..from + 4).and_then(|bytes| bytes.first_chunk::<4>()).copied();
    let (Some(source), Some(destination)) = (address(12), address(16)) else { return false };
    let Some(segment) = datagram.get(ip_len..) else { return false };
    let Some(found) = segment.get(16..18).and_then(|bytes| bytes.first_chunk()).copied() else {
        return false;
    };
    let [source, destination] = [source, destination].map(|address| std::net::Ipv4Addr::from(address).into());
    let start = checksum::pseudo_header(source, destination, ip_number::TCP.0, segment.len() as u32);
    matches!(checksum::compare(u16::from_be_bytes(found), start, segment), Checksum::Correct(_))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// A segment of either end with right checksums.
    fn datagram(from: u8, id: u16, seq: u32, ack: u32, window: u16, payload: &[u8]) -> Vec<u8> {
        let (source, destination) = ([192, 0, 2, from], [192, 0, 2, 3 - from]);
        let builder = etherparse::PacketBuilder::ipv4(source, destination, 64);
        let ports = if from == 1 { (50_000, 8443) } else { (8443, 50_000) };
        let mut bytes = Vec::new();
        let tcp = builder.tcp(ports.0, ports.1, seq, window).ack(ack).psh();
        tcp.write(&mut bytes, payload).unwrap();
        bytes[4..6].copy_from_slice(&id.to_be_bytes());
        bytes[10..12].copy_from_slice(&[0; 2]);
        let sum = Sum16BitWords::new().add_slice(&bytes[..20]).ones_complement().to_be();
        bytes[10..12].copy_from_slice(&sum.to_be_bytes());
        bytes
    }

    fn numbered(datagram: &[u8], number: u8) -> Vec<u8> {
        let mut bytes = datagram.to_vec();
        bytes[9] = number;
        bytes
    }

    fn span(bytes: &[u8]) -> Span<'_> {
        Span::new(bytes, bytes.len() as u32)
    }

    /// What a packet after `before` is compressed to, with its connection's number.
    fn compressed(before: &[u8], after: &[u8], number: Option<u8>) -> Vec<u8> {
        let field = |bytes: &[u8], at: usize| u32::from_be_bytes(bytes[at..at + 4].try_into().unwrap());
        let half = |bytes: &[u8], at: usize| u16::from_be_bytes(bytes[at..at + 2].try_into().unwrap());
        let mut mask = if after[33] & TCP_PSH == 0 { 0 } else { PUSH };
        let mut fields = Vec::new();
        let mut push = |bit: u8, difference: u16| {
            if difference != 0 {
                mask |= bit;
                match u8::try_from(difference) {
                    Ok(small) => fields.push(small),
                    Err(_) => fields.extend([&[0][..], &difference.to_be_bytes()].concat()),
                }
            }
        };
        push(WINDOW, half(after, 34).wrapping_sub(half(before, 34)));
        push(ACKNOWLEDGEMENT, field(after, 28).wrapping_sub(field(before, 28)) as u16);
        push(SEQUENCE, field(after, 24).wrapping_sub(field(before, 24)) as u16);
        let id = half(after, 4).wrapping_sub(half(before, 4));
        if id != 1 {
            push(IDENTIFICATION, id);
        }
        let number: Vec<u8> = number.into_iter().collect();
        if !number.is_empty() {
            mask |= CONNECTION;
        }
        [&[mask], &number[..], &after[36..38], &fields, &after[40..]].concat()
    }

    #[test]
    fn headers_are_put_together_again_in_both_directions() {
        let mut headers = Headers::default();
        let mut out = Vec::new();
        let client = [
            datagram(1, 7, 1_000, 500, 8_000, b"one"),
            datagram(1, 8, 1_003, 504, 8_000, b"two"),
            datagram(1, 12, 1_006, 1_504, 7_000, b""),
        ];
        let server =
            [datagram(2, 90, 500, 1_003, 4_000, b"four"), datagram(2, 91, 504, 1_006, 4_000, &[5; 1_000])];
        // Both directions number the connection 3.
        for whole in [&client[0], &server[0]] {
            headers.keep(span(&numbered(whole, 3)), &mut out).unwrap();
            assert_eq!(&out, whole);
        }
        for (before, after, number) in [
            (&client[0], &client[1], Some(3)),
            (&server[0], &server[1], Some(3)),
            // The number of the latest packet goes without saying, in each direction.
            (&client[1], &client[2], None),
        ] {
            headers.restore(span(&compressed(before, after, number)), &mut out).unwrap();
            assert_eq!(&out, after);
        }
    }

    #[test]
    fn echoed_and_one_way_data_have_no_fields() {
        let first = datagram(1, 7, 1_000, 500, 8_000, b"x");
        for (after, mask) in [
            (datagram(1, 8, 1_001, 501, 8_000, b"y"), ECHOED),
            (datagram(1, 8, 1_001, 500, 8_000, b"y"), ONE_WAY),
        ] {
            let (mut headers, mut out) = (Headers::default(), Vec::new());
            headers.keep(span(&numbered(&first, 0)), &mut out).unwrap();
            let packet = [&[mask | PUSH], &after[36..38], b"y"].concat();
            headers.restore(span(&packet), &mut out).unwrap();
            assert_eq!(out, after);
        }
    }

    #[test]
    fn what_does_not_fit_or_is_cut_is_not_restored() {
        let (first, second) =
            (datagram(1, 7, 1_000, 500, 8_000, b"one"), datagram(1, 8, 1_003, 500, 8_000, b"two"));
        let packet = compressed(&first, &second, Some(3));
        let (mut headers, mut out) = (Headers::default(), Vec::new());
        assert_eq!(headers.restore(span(&packet), &mut out), None);
        headers.keep(span(&numbered(&first, 3)), &mut out).unwrap();
        assert_eq!(
            headers.restore(Span::new(&packet[..packet.len() - 1], packet.len() as u32), &mut out),
            None
        );
        assert_eq!(headers.restore(span(&compressed(&first, &second, Some(4))), &mut out), None);
        // The packet before it was lost.
        let third = datagram(1, 9, 1_006, 500, 8_000, b"three");
        assert_eq!(headers.restore(span(&compressed(&second, &third, Some(3))), &mut out), None);
        assert_eq!(headers.restore(span(&packet), &mut out), Some(()));
    }

    proptest! {
        #[test]
        fn any_packets_are_survived_within_the_bound(
            packets in prop::collection::vec((any::<bool>(), prop::collection::vec(any::<u8>(), 0..80)), 0..40),
        ) {
            let (mut headers, mut out) = (Headers::default(), Vec::new());
            headers.keep(span(&numbered(&datagram(1, 7, 1_000, 500, 8_000, b"one"), 3)), &mut out);
            for (is_whole, bytes) in &packets {
                if *is_whole { headers.keep(span(bytes), &mut out) } else { headers.restore(span(bytes), &mut out) };
                prop_assert!(headers.0.len() <= limits::COMPRESSED_HEADERS);
            }
        }
    }
}
