//! Segments that were captured before what they follow, as by a card with several receive queues: they wait for it, for a moment.

use crate::limits;
use crate::packet::{Direction, Filtered, Names, Origin, Segment, SegmentHeader};
use crate::story::{Moment, PacketId};
use crate::tcp::TcpConnection;
use crate::time::{Elapsed, Timestamp};

/// How long a segment waits for what it follows. A card's queues are emptied within a millisecond, but captures that were merged,
/// or that several processors wrote, are out of order by more. It is less than what TCP waits before it sends again (RFC 6298, 2.4, as
/// Linux has it: 200 ms).
pub(super) const WAITS: Elapsed = Elapsed::from_millis(100);

/// Segments of a connection that wait, in the order in which they were captured.
#[derive(Debug, Default)]
pub(super) struct EarlySegments {
    waiting: Vec<EarlySegment>,
}

/// A segment that owns its bytes.
#[derive(Debug)]
pub(super) struct EarlySegment {
    moment: Moment,
    origin: Origin,
    direction: Option<Direction>,
    filtered: Option<Filtered>,
    header: SegmentHeader,
    payload: Box<[u8]>,
}

impl EarlySegment {
    pub(super) fn id(&self) -> PacketId<'static> {
        let Self { moment, origin, direction, filtered, .. } = *self;
        PacketId { moment, origin, names: Names::NONE, direction, filtered }
    }

    pub(super) fn segment(&self) -> Segment<'_> {
        Segment { header: &self.header, payload: &self.payload, printed: &[], decoded: "" }
    }
}

impl EarlySegments {
    /// Whether a segment has to wait: it is early, or another one waits and this is not what that waits for.
    pub(super) fn must_wait(&self, tcp: &TcpConnection, is_begun: bool, segment: &Segment<'_>) -> bool {
        let header = segment.header;
        if is_begun {
            tcp.is_early(header) || !self.waiting.is_empty() && !tcp.is_next(header)
        } else {
            header.tcp.flags.is_some_and(|flags| !flags.syn() || flags.ack())
        }
    }

    /// Keeps a segment that [has to wait](Self::must_wait).
    pub(super) fn add(&mut self, id: PacketId<'_>, segment: &Segment<'_>) {
        let PacketId { moment, origin, direction, filtered, .. } = id;
        let (header, payload) = (*segment.header, segment.payload.into());
        self.waiting.push(EarlySegment { moment, origin, direction, filtered, header, payload });
    }

    /// Takes the first one out that has what it waited for, or that waited for too long at `now`.
    pub(super) fn take(
        &mut self,
        tcp: &TcpConnection,
        is_begun: bool,
        now: Timestamp,
    ) -> Option<EarlySegment> {
        let oldest = self.waiting.first()?;
        let is_over = self.waiting.len() > limits::EARLY_SEGMENTS
            || (now - oldest.moment.at).nanos().abs() > WAITS.nanos();
        let is_ready = |early: &EarlySegment| {
            is_begun && !tcp.is_early(&early.header) && !tcp.has_gap_before(&early.header)
        };
        // A RST ends what was sent before it, and its number alone does not show what that was. Where the sender's beginning was not
        // captured, an acknowledgement that waits shows it.
        let may_overtake = |early: &EarlySegment| {
            let flags = early.header.tcp.flags.unwrap_or_default();
            !flags.rst() && (flags.syn() || tcp.knows_sender(&early.header))
        };
        let ready =
            |(index, early): (usize, &EarlySegment)| is_ready(early) && (index == 0 || may_overtake(early));
        let index = if is_over { 0 } else { self.waiting.iter().enumerate().position(ready)? };
        Some(self.waiting.remove(index))
    }

    /// Takes the oldest one out.
    pub(super) fn take_oldest(&mut self) -> Option<EarlySegment> {
        (!self.waiting.is_empty()).then(|| self.waiting.remove(0))
    }

    /// Whether none waits.
    pub(super) fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    /// Bytes that they take.
    pub(super) fn bytes(&self) -> usize {
        self.waiting.iter().map(|early| size_of::<EarlySegment>() + early.payload.len()).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::story::script::talk::{self, Talk};
    use crate::tcp::Role::{Client, Server};

    /// A connection whose opening was taken in, and the acknowledgement of a ClientHello that was not.
    fn acknowledged() -> (Talk, TcpConnection) {
        let talk = Talk::to_port(8443).open().say(Client, &talk::client_hello()).ack(Server);
        let mut tcp = TcpConnection::new(&talk.packets[0].header, Client);
        for packet in &talk.packets[..3] {
            tcp.observe(packet.id.moment.number, packet.id.moment.at, &packet.segment(), &mut |_, _| {});
        }
        (talk, tcp)
    }

    #[test]
    fn an_acknowledgement_waits_for_what_it_acknowledges() {
        let (talk, tcp) = acknowledged();
        let (hello, ack) = (&talk.packets[3], &talk.packets[4]);
        let mut early = EarlySegments::default();
        assert!(early.must_wait(&tcp, true, &ack.segment()));
        early.add(ack.id, &ack.segment());
        assert!(early.bytes() > 0);
        // What it waits for does not wait, all else does.
        assert!(!early.must_wait(&tcp, true, &hello.segment()));
        assert!(early.must_wait(&tcp, true, &talk.packets[2].segment()));
        let at = ack.id.moment.at;
        assert!(early.take(&tcp, true, at + WAITS).is_none());
        // In the order of the file, time may step back.
        assert!(early.take(&tcp, true, at + WAITS.times(-1)).is_none());
        let taken = early.take(&tcp, true, at + WAITS + Elapsed::from_millis(1));
        assert_eq!(taken.map(|early| early.id().moment), Some(ack.id.moment));
        assert!(early.is_empty());
    }

    #[test]
    fn a_rst_does_not_overtake_what_was_captured_before_it() {
        // Without its SYN-ACK.
        let talk = Talk::to_port(8443).open().say(Client, &talk::client_hello()).segment(Server, "R", 1, &[]);
        let mut tcp = TcpConnection::new(&talk.packets[0].header, Client);
        let syn = &talk.packets[0];
        tcp.observe(1, syn.id.moment.at, &syn.segment(), &mut |_, _| {});
        let mut early = EarlySegments::default();
        for packet in &talk.packets[2..] {
            assert!(early.must_wait(&tcp, true, &packet.segment()));
            early.add(packet.id, &packet.segment());
        }
        let last = talk.packets[4].id.moment.at;
        assert!(early.take(&tcp, true, last).is_none());
        let order = std::iter::from_fn(|| early.take(&tcp, true, last + WAITS.doubled()));
        assert_eq!(order.map(|early| early.id().moment.number).collect::<Vec<_>>(), [3, 4, 5]);
    }

    #[test]
    fn what_waits_is_bounded() {
        let (talk, tcp) = acknowledged();
        let ack = &talk.packets[4];
        let mut early = EarlySegments::default();
        for _ in 0..1_000 {
            while early.take(&tcp, true, ack.id.moment.at).is_some() {}
            early.add(ack.id, &ack.segment());
        }
        assert!(early.waiting.len() <= limits::EARLY_SEGMENTS + 1);
    }

    #[test]
    fn an_unknown_sender_overtakes_no_acknowledgement_that_shows_where_it_began() {
        // Without its SYN-ACK and what it sent before its FIN.
        let talk = Talk::to_port(3306).open().segment(Server, "F.", 77, &[]);
        let syn = &talk.packets[0];
        let mut tcp = TcpConnection::new(&syn.header, Client);
        tcp.observe(1, syn.id.moment.at, &syn.segment(), &mut |_, _| {});
        let mut early = EarlySegments::default();
        for packet in &talk.packets[2..] {
            assert!(early.must_wait(&tcp, true, &packet.segment()));
            early.add(packet.id, &packet.segment());
        }
        assert!(early.take(&tcp, true, talk.now).is_none());
        let first = early.take(&tcp, true, talk.now + WAITS.doubled());
        assert_eq!(first.map(|early| early.id().moment.number), Some(3));
    }
}
