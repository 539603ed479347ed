//! One direction's bytes in order: what was delivered, what is buffered after a hole, and of which kind a hole is.

use crate::limits;
use crate::packet::Seq;
use crate::time::Timestamp;

/// A stretch of the stream, delivered in order.
///
/// One without bytes has a hole: the peer acknowledged that many bytes, and no packet has shown them so far. They may still
/// come, where packets were captured out of order.
#[derive(Clone, Copy, Debug)]
pub struct Delivery<'a> {
    /// The packet that brought it.
    pub number: u64,
    /// When that packet was captured.
    pub at: Timestamp,
    /// Bytes that it covers on the wire.
    pub len: u32,
    /// Its first bytes as captured: all, some (snaplen) or none (text).
    pub bytes: &'a [u8],
    /// Its first bytes as `tcpdump -A` printed them, '.' standing for what can't be printed; empty for frames.
    pub printed: &'a [u8],
    /// What another tool decoded of the payload, by [`Segment::decoded`](crate::packet::Segment::decoded).
    pub decoded: &'a str,
    /// The hole that precedes it, if there is one.
    pub hole: Option<Hole>,
}

/// Bytes of the stream that are not in the capture.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Hole {
    /// How many.
    pub len: u32,
    /// Why.
    pub kind: HoleKind,
}

/// Why bytes of the stream are not in the capture. Bytes cut off by the snaplen are not a hole: their segment was
/// seen, and its [`Delivery`] is shorter than its `len`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum HoleKind {
    /// The peer acknowledged them, so they arrived: the capture missed them.
    NotCaptured,
    /// Nobody acknowledged them: lost before the capture, or still on their way at its end.
    Lost,
}

/// Reassembly of one direction.
#[derive(Clone, Debug, Default)]
pub(super) struct Stream {
    /// Sequence number of the next byte to deliver; unknown before the first segment.
    next: Option<Seq>,
    /// Pieces beyond a hole, in stream order.
    waiting: Vec<Piece>,
    waiting_bytes: usize,
}

#[derive(Clone, Debug)]
struct Piece {
    seq: Seq,
    len: u32,
    bytes: Box<[u8]>,
    printed: Box<[u8]>,
    decoded: Box<str>,
    number: u64,
    at: Timestamp,
}

impl Stream {
    /// Fixes where the stream begins: after the SYN, or at the first segment seen.
    pub(super) fn begin_at(&mut self, seq: Seq) {
        self.next.get_or_insert(seq);
    }

    /// Fixes the beginning again, before anything came.
    pub(super) fn begin_again_at(&mut self, seq: Seq) {
        self.next = Some(seq);
    }

    /// The sequence number up to which everything was delivered.
    pub(super) fn next(&self) -> Option<Seq> {
        self.next
    }

    /// Whether pieces are buffered after a hole, and where it ends.
    pub(super) fn hole(&self) -> Option<(Seq, Seq)> {
        Some((self.next?, self.waiting.first()?.seq))
    }

    /// Bytes that are buffered after holes.
    pub(super) fn waiting_bytes(&self) -> usize {
        self.waiting_bytes
    }

    /// Takes a segment's payload in, and delivers what is in order. Returns the number of bytes never seen before.
    pub(super) fn push(
        &mut self,
        seq: Seq,
        piece: Delivery<'_>,
        acked: Option<Seq>,
        emit: &mut dyn FnMut(Delivery<'_>),
    ) -> u32 {
        self.begin_at(seq);
        let Some(next) = self.next else { return 0 };
        let end = seq + piece.len;
        if !end.is_after(next) {
            return 0;
        }
        if !seq.is_after(next) {
            let skip = next - seq;
            let new_bytes = piece.len - skip - self.waiting_between(next, end);
            emit(trimmed(piece, skip));
            self.next = Some(end);
            self.drain(emit);
            return new_bytes;
        }
        let new_bytes = self.insert(seq, &piece);
        let is_acked = acked.is_some_and(|acked| acked.is_at_or_after(seq));
        let is_full = self.waiting_bytes > limits::OUT_OF_ORDER_BYTES
            || self.waiting.len() > limits::OUT_OF_ORDER_PIECES;
        if is_acked || is_full {
            let kind = if is_acked { HoleKind::NotCaptured } else { HoleKind::Lost };
            self.skip_hole(kind, emit);
        }
        new_bytes
    }

    /// Notes that the peer acknowledged everything before `ack`: a hole before it was not captured, but not lost.
    pub(super) fn acknowledge(&mut self, ack: Seq, emit: &mut dyn FnMut(Delivery<'_>)) {
        while self.waiting.first().is_some_and(|first| ack.is_at_or_after(first.seq)) {
            self.skip_hole(HoleKind::NotCaptured, emit);
        }
    }

    /// Delivers what is still buffered, each piece after its hole.
    pub(super) fn give_holes_up(&mut self, emit: &mut dyn FnMut(Delivery<'_>)) {
        while !self.waiting.is_empty() {
            self.skip_hole(HoleKind::Lost, emit);
        }
    }

    /// Bytes between two sequence numbers that wait already.
    fn waiting_between(&self, from: Seq, to: Seq) -> u32 {
        let overlap = |piece: &Piece| {
            let first = piece.seq.later(from);
            let end = if piece.end().is_before(to) { piece.end() } else { to };
            if end.is_after(first) { end - first } else { 0 }
        };
        self.waiting.iter().map(overlap).sum()
    }

    /// Keeps a piece that lies beyond a hole, without the parts that wait already (the first copy stays).
    fn insert(&mut self, seq: Seq, piece: &Delivery<'_>) -> u32 {
        let mut new_bytes = 0;
        let (mut from, end) = (seq, seq + piece.len);
        let mut index = 0;
        while from.is_before(end) {
            while index < self.waiting.len() && !self.waiting[index].end().is_after(from) {
                index += 1;
            }
            let until = match self.waiting.get(index) {
                Some(next) if !next.seq.is_after(from) => {
                    from = next.end();
                    continue;
                }
                Some(next) if next.seq.is_before(end) => next.seq,
                _ => end,
            };
            let part = trimmed(*piece, from - seq);
            let len = until - from;
            let bytes: Box<[u8]> = part.bytes.iter().copied().take(len as usize).collect();
            let printed: Box<[u8]> = part.printed.iter().copied().take(len as usize).collect();
            // Decoded messages end where the segment ends.
            let decoded = Box::from(if until == end { part.decoded } else { "" });
            let (number, at) = (piece.number, piece.at);
            let kept = Piece { seq: from, len, bytes, printed, decoded, number, at };
            self.waiting_bytes += kept.cost();
            self.waiting.insert(index, kept);
            new_bytes += len;
            from = until;
        }
        new_bytes
    }

    fn skip_hole(&mut self, kind: HoleKind, emit: &mut dyn FnMut(Delivery<'_>)) {
        let (Some(next), Some(first)) = (self.next, self.waiting.first()) else { return };
        let hole = Hole { len: first.seq - next, kind };
        self.next = Some(first.seq);
        self.drain_with(Some(hole), emit);
    }

    fn drain(&mut self, emit: &mut dyn FnMut(Delivery<'_>)) {
        self.drain_with(None, emit);
    }

    fn drain_with(&mut self, mut hole: Option<Hole>, emit: &mut dyn FnMut(Delivery<'_>)) {
        while let (Some(next), Some(first)) = (self.next, self.waiting.first()) {
            if first.seq.is_after(next) {
                return;
            }
            let piece = self.waiting.remove(0);
            self.waiting_bytes -= piece.cost();
            if piece.end().is_after(next) {
                let whole = Delivery {
                    number: piece.number,
                    at: piece.at,
                    len: piece.len,
                    bytes: &piece.bytes,
                    printed: &piece.printed,
                    decoded: &piece.decoded,
                    hole: hole.take(),
                };
                emit(trimmed(whole, next - piece.seq));
                self.next = Some(piece.end());
            }
        }
    }
}

impl Piece {
    fn end(&self) -> Seq {
        self.seq + self.len
    }

    /// Bytes that it holds.
    fn cost(&self) -> usize {
        self.bytes.len() + self.printed.len() + self.decoded.len()
    }
}

/// The delivery without its first `skip` bytes.
fn trimmed(piece: Delivery<'_>, skip: u32) -> Delivery<'_> {
    Delivery {
        len: piece.len.saturating_sub(skip),
        bytes: piece.bytes.get(skip as usize..).unwrap_or_default(),
        printed: piece.printed.get(skip as usize..).unwrap_or_default(),
        ..piece
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn push(stream: &mut Stream, base: u32, range: (u32, u32), data: &[u8], out: &mut Vec<u8>) -> u32 {
        let bytes = &data[range.0 as usize..range.1 as usize];
        let piece = Delivery {
            number: 1,
            at: Timestamp::ZERO,
            len: range.1 - range.0,
            bytes,
            printed: &[],
            decoded: "",
            hole: None,
        };
        stream.push(Seq(base) + range.0, piece, None, &mut |delivery| out.extend(delivery.bytes))
    }

    #[test]
    fn a_hole_that_was_acknowledged_is_a_hole_of_the_capture() {
        let mut stream = Stream::default();
        stream.begin_at(Seq(1));
        let piece = Delivery {
            number: 7,
            at: Timestamp::ZERO,
            len: 2,
            bytes: b"cd",
            printed: &[],
            decoded: "",
            hole: None,
        };
        let mut holes = vec![];
        stream.push(Seq(3), piece, None, &mut |_| panic!("the hole comes first"));
        stream.acknowledge(Seq(5), &mut |delivery| holes.push(delivery.hole));
        assert_eq!(holes, [Some(Hole { len: 2, kind: HoleKind::NotCaptured })]);
        assert_eq!(stream.next(), Some(Seq(5)));
    }

    #[test]
    fn what_waits_at_the_end_is_delivered_after_its_hole() {
        let mut stream = Stream::default();
        stream.begin_at(Seq(0));
        let mut out = vec![];
        push(&mut stream, 0, (2, 4), b"abcd", &mut out);
        assert_eq!(stream.hole(), Some((Seq(0), Seq(2))));
        let mut kinds = vec![];
        stream.give_holes_up(&mut |delivery| kinds.push(delivery.hole.map(|hole| hole.kind)));
        assert_eq!(kinds, [Some(HoleKind::Lost)]);
    }

    #[test]
    fn pieces_after_a_hole_are_bounded() {
        let mut stream = Stream::default();
        stream.begin_at(Seq(0));
        let mut delivered = 0;
        for index in 0..2 * limits::OUT_OF_ORDER_PIECES as u32 {
            let piece = Delivery {
                number: 1,
                at: Timestamp::ZERO,
                len: 1,
                bytes: b"x",
                printed: &[],
                decoded: "",
                hole: None,
            };
            stream.push(Seq(2 + 2 * index), piece, None, &mut |delivery| delivered += delivery.len);
            assert!(stream.waiting.len() <= limits::OUT_OF_ORDER_PIECES);
        }
        assert!(delivered > 0);
    }

    proptest! {
        #[test]
        fn any_cut_order_and_repetition_gives_the_same_stream(
            base: u32,
            data in proptest::collection::vec(any::<u8>(), 1..60),
            cuts in proptest::collection::vec((0u32..60, 1u32..20), 0..30),
        ) {
            let len = data.len() as u32;
            let mut stream = Stream::default();
            stream.begin_at(Seq(base));
            let (mut out, mut new_bytes) = (vec![], 0);
            for (from, size) in cuts {
                let from = from.min(len - 1);
                new_bytes += push(&mut stream, base, (from, (from + size).min(len)), &data, &mut out);
            }
            new_bytes += push(&mut stream, base, (0, len), &data, &mut out);
            prop_assert_eq!(out, data);
            prop_assert_eq!(new_bytes, len);
        }
    }
}
