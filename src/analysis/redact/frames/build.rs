//! Frames written from headers that have stand-ins already: Ethernet, or Linux' cooked header where the direction is known.

use std::net::IpAddr;

use crate::packet::checksum::{fold, pseudo_header, sum_of};
use crate::packet::{Checksum, Direction, Host, IpHeader, IpVersion, SegmentHeader};

/// The numbers of `LINKTYPE_ETHERNET` and `LINKTYPE_LINUX_SLL`.
const ETHERNET: u32 = 1;
const COOKED: u32 = 113;

/// IP's numbers of protocols.
pub(super) const ICMP: u8 = 1;
pub(super) const TCP: u8 = 6;
pub(super) const UDP: u8 = 17;
pub(super) const ICMP_V6: u8 = 58;

const V4_HEADER: usize = 20;
const V6_HEADER: usize = 40;

/// A frame that takes the place of another.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct NewFrame {
    /// Its link type, by its number in the tcpdump.org registry.
    pub link_type: u32,
    /// Bytes on the wire.
    pub wire_len: u32,
    /// The captured bytes.
    pub bytes: Vec<u8>,
}

/// What a frame carries after its link header, as far as it is there.
pub(super) struct Carried {
    pub(super) ether_type: u16,
    pub(super) bytes: Vec<u8>,
    /// Bytes on the wire.
    pub(super) wire_len: usize,
    pub(super) ends: [Host; 2],
}

impl Carried {
    /// With a link header in front of it. Ethernet's addresses are made of the IP addresses.
    pub(super) fn framed(self, direction: Option<Direction>) -> NewFrame {
        let Self { ether_type, bytes, wire_len, ends: [source, destination] } = self;
        let (link_type, mut header) = match direction {
            None => (ETHERNET, [link_address(destination), link_address(source)].concat()),
            Some(direction) => {
                let packet_type = if direction == Direction::Outbound { 4 } else { 0 };
                // ARPHRD_ETHER, and an address of 6 bytes in a field of 8.
                let mut header = vec![0, packet_type, 0, 1, 0, 6];
                header.extend(link_address(source));
                header.extend([0, 0]);
                (COOKED, header)
            }
        };
        header.extend(ether_type.to_be_bytes());
        let wire_len = u32::try_from(header.len() + wire_len).unwrap_or(u32::MAX);
        header.extend(bytes);
        NewFrame { link_type, wire_len, bytes: header }
    }
}

/// A locally administered address (IEEE 802, 8.2.2) for an IP address.
pub(super) fn link_address(host: Host) -> [u8; 6] {
    let bytes = address_bytes(host);
    let last = bytes.last_chunk::<4>().copied().unwrap_or_default();
    let kind = if bytes.len() == 16 { 6 } else { 4 };
    [2, kind, last[0], last[1], last[2], last[3]]
}

/// An address as it is on the wire. A name has none; packets that are rewritten have no names.
pub(super) fn address_bytes(host: Host) -> Vec<u8> {
    match host.address() {
        Some(IpAddr::V4(address)) => address.octets().to_vec(),
        Some(IpAddr::V6(address)) => address.octets().to_vec(),
        None => vec![0; 4],
    }
}

/// An IP packet with this header, of `protocol`, that carries `content`, `wire_len` bytes of it on the wire.
pub(super) fn ip_packet(header: &IpHeader, protocol: u8, content: &[u8], wire_len: usize) -> Carried {
    let mut bytes = match header.version {
        IpVersion::V4 => v4_header(header, protocol, wire_len),
        IpVersion::V6 => v6_header(header, protocol, wire_len),
    };
    let ether_type = if header.version == IpVersion::V6 { 0x86dd } else { 0x0800 };
    let wire_len = bytes.len() + wire_len;
    bytes.extend_from_slice(content);
    Carried { ether_type, bytes, wire_len, ends: [header.source, header.destination] }
}

/// RFC 791, 3.1. A datagram that was put together from fragments is one that needed none.
fn v4_header(header: &IpHeader, protocol: u8, content: usize) -> Vec<u8> {
    const KEPT_FRAGMENT_BITS: u16 = 0xc000;
    let options = header.options.as_bytes();
    let words = (V4_HEADER + options.len()).div_ceil(4);
    // 0 is a packet that the network card was to cut up.
    let is_whole = header.length != Some(0);
    let total = u16::try_from(words * 4 + content).ok().filter(|_| is_whole).unwrap_or(0);
    let fragment = header.fragment.map_or(0, |field| field.0 & KEPT_FRAGMENT_BITS);
    let mut bytes = vec![0x40 | words as u8, header.traffic_class.unwrap_or(0)];
    bytes.extend(total.to_be_bytes());
    bytes.extend(header.id.unwrap_or(0).to_be_bytes());
    bytes.extend(fragment.to_be_bytes());
    bytes.extend([header.hop_limit.unwrap_or(64), protocol, 0, 0]);
    bytes.extend(address_bytes(header.source));
    bytes.extend(address_bytes(header.destination));
    bytes.extend_from_slice(options);
    bytes.resize(words * 4, 0);
    let sum = !sum_of(&bytes);
    put(&mut bytes, 10, sum);
    bytes
}

/// RFC 8200, 3.
fn v6_header(header: &IpHeader, protocol: u8, content: usize) -> Vec<u8> {
    let first = 6 << 28 | u32::from(header.traffic_class.unwrap_or(0)) << 20 | header.flow_label.unwrap_or(0);
    let is_whole = header.length != Some(0);
    let len = u16::try_from(content).ok().filter(|_| is_whole).unwrap_or(0);
    let mut bytes = Vec::with_capacity(V6_HEADER);
    bytes.extend(first.to_be_bytes());
    bytes.extend(len.to_be_bytes());
    bytes.extend([protocol, header.hop_limit.unwrap_or(64)]);
    bytes.extend(address_bytes(header.source));
    bytes.extend(address_bytes(header.destination));
    bytes
}

/// A TCP segment: its captured bytes, and how many there are on the wire. `was` is the header with the original's addresses, which
/// shows what is wrong with the checksum.
pub(super) fn segment(header: &SegmentHeader, was: &SegmentHeader, payload: &[u8]) -> (Vec<u8>, usize) {
    let tcp = &header.tcp;
    let header_len = usize::from(tcp.header_len.unwrap_or(20)).max(20);
    let wire_len = header_len + header.payload_len.map_or(payload.len(), |len| len as usize);
    let number = |number: Option<crate::packet::Seq>| number.map_or(0, |number| number.0).to_be_bytes();
    let mut bytes = [tcp.source_port.to_be_bytes(), tcp.destination_port.to_be_bytes()].concat();
    bytes.extend(number(tcp.seq));
    bytes.extend(number(tcp.ack));
    bytes.extend([((header_len / 4) << 4) as u8, tcp.flags.map_or(0, |flags| flags.0)]);
    bytes.extend(tcp.window.unwrap_or(0).to_be_bytes());
    bytes.extend([0, 0]);
    bytes.extend(tcp.urgent.to_be_bytes());
    if let Some(options) = tcp.options {
        bytes.extend_from_slice(options.as_bytes());
        bytes.resize(header_len, 0);
        bytes.extend_from_slice(payload);
    }
    let found = checksum(was.tcp.checksum, was, header, &bytes, wire_len);
    put(&mut bytes, 16, found);
    // What the snaplen left of the header.
    match (tcp.window, was.tcp.checksum) {
        (None, _) => bytes.truncate(14),
        (_, Checksum::Unseen) => bytes.truncate(16),
        _ => {}
    }
    (bytes, wire_len)
}

/// A checksum that is as right or as wrong as the original's: where that is what a host leaves to its network card, so is this one.
fn checksum(was: Checksum, old: &SegmentHeader, new: &SegmentHeader, bytes: &[u8], wire_len: usize) -> u16 {
    let sum_over = |header: &SegmentHeader| {
        pseudo_header(header.ip.source, header.ip.destination, TCP, wire_len as u32).unwrap_or(0)
    };
    let right = !fold(u32::from(sum_over(new)) + u32::from(sum_of(bytes)));
    match was {
        Checksum::Incorrect { found, .. } | Checksum::Unverified(found) if found == sum_over(old) => {
            sum_over(new)
        }
        Checksum::Incorrect { .. } => right ^ 0x5555,
        Checksum::Unseen | Checksum::Unverified(_) | Checksum::Correct(_) => right,
    }
}

/// A message of a protocol with a checksum at `place`, which covers the pseudo-header where `protocol` is given.
pub(super) fn summed(
    mut bytes: Vec<u8>,
    place: usize,
    over: Option<(&IpHeader, u8)>,
    missing: usize,
) -> Vec<u8> {
    let len = (bytes.len() + missing) as u32;
    let start =
        over.and_then(|(ip, protocol)| pseudo_header(ip.source, ip.destination, protocol, len)).unwrap_or(0);
    let sum = !fold(u32::from(start) + u32::from(sum_of(&bytes)));
    put(&mut bytes, place, sum);
    bytes
}

/// Writes 16 bits.
pub(super) fn put(bytes: &mut [u8], place: usize, word: u16) {
    if let Some(field) = bytes.get_mut(place..place + 2) {
        field.copy_from_slice(&word.to_be_bytes());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::capture::Frame;
    use crate::decode::Decoder;
    use crate::packet::{Content, Flags, FragmentField, Origin, Seq, TcpHeader, TcpOptions};
    use crate::time::Timestamp;

    fn header(source: &str, destination: &str) -> SegmentHeader {
        let host = |text: &str| Host::from(text.parse::<IpAddr>().unwrap());
        let mut ip = IpHeader::between(host(source), host(destination));
        (ip.hop_limit, ip.traffic_class, ip.protocol) = (Some(63), Some(0), Some(TCP));
        if ip.version == IpVersion::V4 {
            (ip.id, ip.fragment) = (Some(7), Some(FragmentField(0x4000)));
        } else {
            ip.flow_label = Some(5);
        }
        let mut tcp = TcpHeader::between(50_000, 8443);
        (tcp.seq, tcp.ack, tcp.flags) = (Some(Seq(1)), Some(Seq(2)), Some(Flags(Flags::ACK | Flags::PSH)));
        (tcp.window, tcp.header_len, tcp.options) =
            (Some(502), Some(24), Some(TcpOptions::from_wire(&[1; 4])));
        tcp.checksum = Checksum::Correct(0);
        SegmentHeader { ip, tcp, payload_len: Some(5) }
    }

    /// The header that is read from a frame with this one.
    fn read_back(header: &SegmentHeader, was: &SegmentHeader, direction: Option<Direction>) -> SegmentHeader {
        let (bytes, wire_len) = segment(header, was, b"hello");
        let frame = ip_packet(&header.ip, TCP, &bytes, wire_len).framed(direction);
        let (number, origin, at) = (1, Origin::default(), Timestamp::from_nanos(0));
        let NewFrame { link_type, wire_len, bytes } = &frame;
        let frame = Frame { number, origin, at, link_type: *link_type, wire_len: *wire_len, bytes };
        let mut decoder = Decoder::new();
        let packet = decoder.decode(&frame);
        assert_eq!(packet.direction, direction);
        let Content::Segment(read) = packet.content else { panic!("{:?}", packet.content) };
        assert_eq!(read.payload, b"hello");
        *read.header
    }

    #[test]
    fn a_header_is_read_back_as_it_was() {
        for (source, destination) in [("192.0.2.1", "198.51.100.2"), ("2001:db8::1", "2001:db8::2")] {
            for direction in [None, Some(Direction::Inbound), Some(Direction::Outbound)] {
                let written = header(source, destination);
                let read = read_back(&written, &written, direction);
                let IpHeader { length, checksum: ip_sum, .. } = read.ip;
                assert!(matches!(ip_sum, Checksum::Correct(_) | Checksum::Unseen), "{ip_sum:?}");
                assert!(matches!(read.tcp.checksum, Checksum::Correct(_)), "{:?}", read.tcp.checksum);
                let same = SegmentHeader {
                    ip: IpHeader { length, checksum: ip_sum, ..written.ip },
                    tcp: TcpHeader { checksum: read.tcp.checksum, ..written.tcp },
                    ..written
                };
                assert_eq!(read, same);
            }
        }
    }

    #[test]
    fn a_checksum_that_was_left_to_the_network_card_is_left_to_it_again() {
        let (mut was, new) = (header("10.0.0.1", "10.0.0.2"), header("192.0.2.1", "198.51.100.2"));
        let of =
            |header: &SegmentHeader| pseudo_header(header.ip.source, header.ip.destination, TCP, 29).unwrap();
        was.tcp.checksum = Checksum::Incorrect { found: of(&was), expected: 1 };
        let Checksum::Incorrect { found, .. } = read_back(&new, &was, None).tcp.checksum else { panic!() };
        assert_eq!(found, of(&new));
        was.tcp.checksum = Checksum::Incorrect { found: 0x1234, expected: 1 };
        let read = read_back(&new, &was, None).tcp.checksum;
        assert!(matches!(read, Checksum::Incorrect { found, .. } if found != of(&new)), "{read:?}");
    }
}
