//! A half-open connection, of which only the SYN was seen, in a tenth of the memory of one with a story.
//!
//! A port scan leaves millions of them. Any further packet gives the connection its story, in which the SYN is the first
//! packet as it would have been: every field of it is kept here.

use std::net::{IpAddr, Ipv4Addr};

use crate::packet::{
    Checksum, Direction, Flags, FragmentField, Host, IpHeader, IpOptions, IpVersion, Names, Origin, Segment,
    SegmentHeader, Seq, TcpHeader, TcpOptions,
};
use crate::story::{Moment, PacketId};
use crate::tcp::Key;
use crate::time::Timestamp;

/// Bytes of TCP options that are kept: Linux' SYN has 20, others have fewer.
const OPTION_BYTES: usize = 20;

/// IP's number of TCP.
const TCP: u8 = 6;

/// A SYN over IPv4 without payload and IP options.
#[derive(Clone, Copy, Debug)]
pub(in crate::analysis) struct HalfOpen {
    /// Which of the connections it is, counted from 1.
    ordinal: u64,
    number: u64,
    at: Timestamp,
    origin: Origin,
    source: Ipv4Addr,
    destination: Ipv4Addr,
    seq: Seq,
    ack: Seq,
    source_port: u16,
    destination_port: u16,
    length: u16,
    id: u16,
    fragment: FragmentField,
    window: u16,
    urgent: u16,
    ip_checksum: Checksum,
    tcp_checksum: Checksum,
    hop_limit: u8,
    traffic_class: u8,
    flags: Flags,
    options_len: u8,
    options: [u8; OPTION_BYTES],
}

impl HalfOpen {
    /// From a connection's first segment, if that is a SYN of the usual kind, with every field of its headers there.
    pub(in crate::analysis) fn of(ordinal: u64, id: PacketId<'_>, segment: &Segment<'_>) -> Option<Self> {
        let SegmentHeader { ip, tcp, .. } = segment.header;
        let (Some(IpAddr::V4(source)), Some(IpAddr::V4(destination))) =
            (ip.source.address(), ip.destination.address())
        else {
            return None;
        };
        let found = tcp.options?;
        let mut options = [0; OPTION_BYTES];
        options.get_mut(..found.as_bytes().len())?.copy_from_slice(found.as_bytes());
        let half_open = Self {
            ordinal,
            number: id.moment.number,
            at: id.moment.at,
            origin: id.origin,
            source,
            destination,
            seq: tcp.seq?,
            ack: tcp.ack?,
            source_port: tcp.source_port,
            destination_port: tcp.destination_port,
            length: ip.length? as u16,
            id: ip.id?,
            fragment: ip.fragment?,
            window: tcp.window?,
            urgent: tcp.urgent,
            ip_checksum: ip.checksum,
            tcp_checksum: tcp.checksum,
            hop_limit: ip.hop_limit?,
            traffic_class: ip.traffic_class?,
            flags: tcp.flags.filter(|flags| flags.syn() && flags.0 & NO_PLAIN_SYN == 0)?,
            options_len: found.as_bytes().len() as u8,
            options,
        };
        // Whatever does not fit the form has a story from the start.
        let is_bare = segment.payload.is_empty() && segment.printed.is_empty() && segment.decoded.is_empty();
        // A wrong checksum in what the host received is a fact of its own, and so is what a firewall did.
        let is_remarkable = id.filtered.is_some()
            || id.direction == Some(Direction::Inbound) && matches!(tcp.checksum, Checksum::Incorrect { .. });
        (is_bare && !is_remarkable && has_the_form(segment.header)).then_some(half_open)
    }

    /// Which of the connections it is, counted from 1.
    pub(in crate::analysis) fn ordinal(&self) -> u64 {
        self.ordinal
    }

    /// It turns out to be this one of the connections.
    pub(in crate::analysis) fn renumber(&mut self, ordinal: u64) {
        self.ordinal = ordinal;
    }

    /// Where the SYN is in the capture.
    pub(in crate::analysis) fn id(&self) -> PacketId<'static> {
        let moment = Moment { number: self.number, at: self.at };
        PacketId { moment, origin: self.origin, names: Names::NONE, direction: None, filtered: None }
    }

    /// The SYN's number in the capture.
    pub(in crate::analysis) fn number(&self) -> u64 {
        self.number
    }

    /// The client's address, and the server's with its port.
    pub(in crate::analysis) fn ends(&self) -> (Host, (Host, u16)) {
        (self.source.into(), (self.destination.into(), self.destination_port))
    }

    /// The pair of sockets.
    pub(in crate::analysis) fn key(&self) -> Key {
        let (client, server) = self.ends();
        Key::between((client, self.source_port), server)
    }

    /// The SYN.
    pub(in crate::analysis) fn header(&self) -> SegmentHeader {
        let options = self.options.get(..usize::from(self.options_len)).unwrap_or_default();
        SegmentHeader {
            ip: IpHeader {
                version: IpVersion::V4,
                source: self.source.into(),
                destination: self.destination.into(),
                hop_limit: Some(self.hop_limit),
                traffic_class: Some(self.traffic_class),
                id: Some(self.id),
                fragment: Some(self.fragment),
                length: Some(self.length.into()),
                flow_label: None,
                protocol: Some(TCP),
                checksum: self.ip_checksum,
                options: IpOptions::default(),
            },
            tcp: TcpHeader {
                source_port: self.source_port,
                destination_port: self.destination_port,
                seq: Some(self.seq),
                ack: Some(self.ack),
                ack_since_syn: None,
                flags: Some(self.flags),
                window: Some(self.window),
                urgent: self.urgent,
                header_len: Some(FIXED_HEADER_BYTES + self.options_len),
                checksum: self.tcp_checksum,
                options: Some(TcpOptions::from_wire(options)),
            },
            payload_len: Some(0),
        }
    }
}

/// Whether the fields that are not kept are those of every such SYN. Each field is named here, so that a new one is either kept or
/// compared.
fn has_the_form(header: &SegmentHeader) -> bool {
    let SegmentHeader { ip, tcp, payload_len } = header;
    let IpHeader {
        version,
        source: _,
        destination: _,
        hop_limit: _,
        traffic_class: _,
        id: _,
        fragment: _,
        length,
        flow_label,
        protocol,
        checksum: _,
        options,
    } = ip;
    let TcpHeader {
        source_port: _,
        destination_port: _,
        seq: _,
        ack: _,
        ack_since_syn,
        flags: _,
        window: _,
        urgent: _,
        header_len,
        checksum: _,
        options: tcp_options,
    } = tcp;
    let option_bytes = tcp_options.as_ref().map(|options| options.as_bytes().len() as u8);
    *version == IpVersion::V4
        && length.is_some_and(|length| u16::try_from(length).is_ok())
        && flow_label.is_none()
        && *protocol == Some(TCP)
        && *options == IpOptions::default()
        && ack_since_syn.is_none()
        && *header_len == option_bytes.map(|bytes| FIXED_HEADER_BYTES + bytes)
        && *payload_len == Some(0)
}

/// Bytes of a TCP header without options (RFC 9293, 3.1).
const FIXED_HEADER_BYTES: u8 = 20;

/// Flags that a connection's SYN does not have.
const NO_PLAIN_SYN: u8 = Flags::FIN | Flags::RST | Flags::ACK;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::capture::Frame;
    use crate::decode::Decoder;
    use crate::packet::Content;

    /// A frame with an IPv4 and a TCP header of these options.
    fn frame(
        hop_limit: u8,
        class: u8,
        id: u16,
        seq: u32,
        flags: u8,
        options: &[u8],
        payload: &[u8],
    ) -> Vec<u8> {
        let tcp_len = 20 + options.len();
        let total = (20 + tcp_len + payload.len()) as u16;
        let mut bytes = vec![2; 12];
        bytes.extend([8, 0, 0x45, class]);
        bytes.extend(total.to_be_bytes());
        bytes.extend(id.to_be_bytes());
        bytes.extend([0x40, 0, hop_limit, 6, 0, 0, 192, 0, 2, 1, 198, 51, 100, 2]);
        bytes.extend([0xc3, 0x50, 0x20, 0xfb]);
        bytes.extend(seq.to_be_bytes());
        bytes.extend([0; 4]);
        bytes.extend([(tcp_len as u8 / 4) << 4, flags, 0xfa, 0xf0, 0, 0, 0, 0]);
        bytes.extend(options);
        bytes.extend(payload);
        bytes
    }

    fn half_open(bytes: &[u8]) -> (Option<HalfOpen>, SegmentHeader) {
        let mut decoder = Decoder::new();
        let frame = Frame {
            number: 7,
            origin: Origin { file: 1, number: 3 },
            at: Timestamp::from_nanos(9),
            link_type: 1,
            wire_len: bytes.len() as u32,
            bytes,
        };
        let packet = decoder.decode(&frame);
        let Content::Segment(segment) = packet.content else { panic!("a segment") };
        let id = PacketId {
            moment: Moment { number: 7, at: packet.at },
            origin: packet.origin,
            names: Names::NONE,
            direction: packet.direction,
            filtered: packet.filtered,
        };
        (HalfOpen::of(5, id, &segment), *segment.header)
    }

    proptest! {
        #[test]
        fn a_syn_comes_back_as_it_was(
            hop_limit: u8, class: u8, id: u16, seq: u32, ecn: bool, options in proptest::collection::vec(any::<u8>(), 0..6)
        ) {
            let options: Vec<u8> = options.iter().flat_map(|byte| [*byte; 4]).collect();
            let flags = Flags::SYN | if ecn { Flags::ECE | Flags::CWR } else { 0 };
            let (half_open, header) = half_open(&frame(hop_limit, class, id, seq, flags, &options, &[]));
            let half_open = half_open.expect("a SYN of the usual kind");
            prop_assert_eq!(half_open.header(), header);
            prop_assert_eq!(half_open.key(), Key::of(&header));
            prop_assert_eq!((half_open.id().moment.number, half_open.id().origin.number), (7, 3));
            prop_assert_eq!(half_open.ordinal(), 5);
        }
    }

    #[test]
    fn what_is_no_bare_syn_has_a_story_from_the_start() {
        assert!(half_open(&frame(64, 0, 1, 1, Flags::SYN, &[], &[])).0.is_some());
        assert!(half_open(&frame(64, 0, 1, 1, Flags::SYN, &[], b"x")).0.is_none());
        assert!(half_open(&frame(64, 0, 1, 1, Flags::SYN, &[1; 24], &[])).0.is_none());
        for flags in [Flags::ACK, Flags::SYN | Flags::ACK, Flags::SYN | Flags::RST, Flags::SYN | Flags::FIN] {
            assert!(half_open(&frame(64, 0, 1, 1, flags, &[], &[])).0.is_none());
        }
    }
}
