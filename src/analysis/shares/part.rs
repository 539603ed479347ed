//! Packets that were decoded and wait for their share to take them in.

use crate::packet::{Direction, IcmpError, Moment, Names, Origin, Segment, SegmentHeader};
use crate::story::PacketId;

/// Packets of frames, in the order of the capture. Payloads are kept one after another, so that a packet takes no memory of its
/// own.
#[derive(Default)]
pub(super) struct Part {
    packets: Vec<Packet>,
    bytes: Vec<u8>,
}

struct Packet {
    moment: Moment,
    origin: Origin,
    direction: Option<Direction>,
    content: Content,
    /// Where its bytes end: a segment's payload, or the quoted bytes of an ICMP error.
    end: usize,
}

#[expect(
    clippy::large_enum_variant,
    reason = "a packet that is no segment is rare, and a box for each segment would cost an allocation"
)]
enum Content {
    Segment(SegmentHeader),
    IcmpError(Box<IcmpError<'static>>),
}

/// What a packet is taken in as.
pub(super) enum Taken<'a> {
    Segment(Segment<'a>),
    IcmpError(IcmpError<'a>),
}

impl Part {
    /// Whether nothing waits.
    pub(super) fn is_empty(&self) -> bool {
        self.packets.is_empty()
    }

    /// Adds a segment.
    pub(super) fn add_segment(&mut self, id: PacketId<'_>, segment: &Segment<'_>) {
        self.add(id, Content::Segment(*segment.header), segment.payload);
    }

    /// Adds an ICMP error.
    pub(super) fn add_icmp_error(&mut self, id: PacketId<'_>, error: &IcmpError<'_>) {
        let kept = Box::new(error.clone().without_quoted_bytes());
        self.add(id, Content::IcmpError(kept), error.quoted_bytes);
    }

    fn add(&mut self, id: PacketId<'_>, content: Content, bytes: &[u8]) {
        let PacketId { moment, origin, direction, .. } = id;
        self.bytes.extend_from_slice(bytes);
        self.packets.push(Packet { moment, origin, direction, content, end: self.bytes.len() });
    }

    /// The packets, each with what identifies it.
    pub(super) fn packets(&self) -> impl Iterator<Item = (PacketId<'static>, Taken<'_>)> {
        let mut begin = 0;
        self.packets.iter().map(move |packet| {
            let Packet { moment, origin, direction, content, end } = packet;
            let bytes = self.bytes.get(std::mem::replace(&mut begin, *end)..*end).unwrap_or_default();
            let (moment, origin, direction) = (*moment, *origin, *direction);
            // Frames wait here, and no firewall reports what it did with one.
            let id = PacketId { moment, origin, names: Names::NONE, direction, filtered: None };
            let taken = match content {
                Content::Segment(header) => {
                    Taken::Segment(Segment { header, payload: bytes, printed: &[], decoded: "" })
                }
                Content::IcmpError(error) => {
                    Taken::IcmpError(IcmpError { quoted_bytes: bytes, ..(**error).clone() })
                }
            };
            (id, taken)
        })
    }

    /// Nothing waits any more. The memory is kept for what comes next.
    pub(super) fn clear(&mut self) {
        self.packets.clear();
        self.bytes.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::story::script::talk::exchange;

    #[test]
    fn what_waits_comes_back_as_it_was_and_the_memory_is_used_again() {
        let talk = exchange();
        let mut part = Part::default();
        for _ in 0..2 {
            assert!(part.is_empty());
            for packet in &talk.packets {
                part.add_segment(packet.id, &packet.segment());
            }
            assert_eq!(part.packets().count(), talk.packets.len());
            for ((id, taken), packet) in part.packets().zip(&talk.packets) {
                let Taken::Segment(segment) = taken else { panic!("a segment") };
                assert_eq!((id.moment, id.origin), (packet.id.moment, packet.id.origin));
                assert_eq!((segment.header, segment.payload), (&packet.header, packet.segment().payload));
            }
            part.clear();
        }
    }
}
