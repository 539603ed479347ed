//! The segments of one direction in their order, as far as a bounded wait brings them.

use std::collections::BTreeMap;

use super::super::StandIns;
use super::BLANK;
use super::records::Records;
use crate::limits;
use crate::packet::{Flags, SegmentHeader, Seq};

/// One direction of a connection.
#[derive(Debug, Default)]
pub(super) struct Stream {
    records: Records,
    /// The number of the first byte that is looked at.
    base: Option<Seq>,
    /// The latest number, and its place in the stream.
    latest: Option<(Seq, i64)>,
    /// Up to where the stream was read.
    next: i64,
    /// Segments after a hole: what was captured of them, and their length.
    waiting: BTreeMap<i64, (Vec<u8>, u32)>,
    waiting_bytes: usize,
}

impl Stream {
    /// The place of a segment's first byte. Numbers wrap, places do not.
    fn place(&mut self, header: &SegmentHeader) -> Option<i64> {
        let is_syn = header.tcp.flags.is_some_and(Flags::syn);
        let seq = header.tcp.seq? + u32::from(is_syn);
        // What came before the SYN is of an older connection.
        if is_syn && self.base != Some(seq) && !self.records.has_begun {
            (self.base, self.latest) = (Some(seq), Some((seq, 0)));
            self.next = 0;
            self.waiting.clear();
            self.waiting_bytes = 0;
        }
        self.base.get_or_insert(seq);
        let (latest, place) = *self.latest.get_or_insert((seq, 0));
        let place = place + i64::from(seq.distance_from(latest));
        if seq.is_after(latest) {
            self.latest = Some((seq, place));
        }
        Some(place)
    }

    /// Takes a segment in, for what its connection shows. Returns the place of its first byte in the stream, where it has numbers.
    pub(super) fn learn(
        &mut self,
        header: &SegmentHeader,
        payload: &[u8],
        names: &mut StandIns,
    ) -> Option<i64> {
        let at = self.place(header)?;
        let len = header.payload_len.unwrap_or(payload.len() as u32);
        // The text of a RST is not part of the stream.
        if len == 0 || header.tcp.flags.is_some_and(Flags::rst) {
            return Some(at);
        }
        if at <= self.next {
            self.deliver(at, payload, len, names);
        } else if !self.waiting.contains_key(&at) {
            self.waiting_bytes += payload.len();
            self.waiting.insert(at, (payload.to_vec(), len));
        }
        let is_full = |stream: &Self| {
            stream.waiting_bytes > limits::REWRITTEN_WAITING_BYTES
                || stream.waiting.len() > limits::REWRITTEN_WAITING
        };
        while self.waiting.first_key_value().is_some_and(|(at, _)| *at <= self.next) || is_full(self) {
            self.deliver_first(names);
        }
        Some(at)
    }

    /// Whether a SYN begins another connection of the same sockets.
    pub(super) fn is_begun_again_by(&self, header: &SegmentHeader) -> bool {
        let is_syn = header.tcp.flags.is_some_and(Flags::syn);
        is_syn && self.records.has_begun && header.tcp.seq.is_some_and(|seq| self.base != Some(seq + 1))
    }

    /// Whether nothing that follows can change what stays up to this place.
    pub(super) fn is_settled_to(&self, place: i64) -> bool {
        place <= self.next.min(self.records.open_from())
    }

    /// Waits for nothing more that is missing: what is there stays as far as it is understood.
    pub(super) fn settle(&mut self, names: &mut StandIns) {
        while !self.waiting.is_empty() {
            self.deliver_first(names);
        }
        self.records.settle(names);
    }

    /// What stays of as many bytes from this place on.
    pub(super) fn content(&self, place: i64, len: usize) -> Vec<u8> {
        let mut bytes = vec![BLANK; len];
        self.records.kept.overlay(place, &mut bytes);
        bytes
    }

    /// Forgets what stays far before this place, where that is much.
    pub(super) fn forget_before(&mut self, place: i64) {
        if self.records.kept.len() > 2 * limits::PASSING_KEPT_BYTES {
            self.records.kept.forget_before(place - limits::PASSING_KEPT_BYTES as i64);
        }
    }

    fn deliver_first(&mut self, names: &mut StandIns) {
        if let Some((at, (bytes, len))) = self.waiting.pop_first() {
            self.waiting_bytes -= bytes.len();
            self.deliver(at, &bytes, len, names);
        }
    }

    fn deliver(&mut self, at: i64, bytes: &[u8], len: u32, names: &mut StandIns) {
        let end = at + i64::from(len);
        if end <= self.next {
            return;
        }
        if at > self.next {
            self.records.skip((at - self.next) as u64, names);
            self.next = at;
        }
        let known = (self.next - at) as usize;
        let fresh = bytes.get(known..).unwrap_or_default();
        self.records.take(fresh, known == 0, names);
        self.next += fresh.len() as i64;
        self.records.skip((end - self.next) as u64, names);
        self.next = end;
    }

    /// No more segments come: reads those that wait, and begins again at the first number.
    pub(super) fn learned(&mut self, names: &mut StandIns) {
        while !self.waiting.is_empty() {
            self.deliver_first(names);
        }
        self.records.finish(names);
        self.latest = self.base.map(|base| (base, 0));
    }

    /// What it holds in memory.
    pub(super) fn size(&self) -> usize {
        size_of::<Self>() + self.records.size() + self.waiting_bytes
    }

    /// What takes the place of a segment's payload.
    pub(super) fn payload(&mut self, header: &SegmentHeader, captured: usize) -> Vec<u8> {
        match self.place(header) {
            Some(place) => self.content(place, captured),
            None => vec![BLANK; captured],
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::packet::{IpHeader, TcpHeader};

    fn header(seq: u32, flags: u8, len: u32) -> SegmentHeader {
        let mut tcp = TcpHeader::between(50_000, 8443);
        (tcp.seq, tcp.flags) = (Some(Seq(seq)), Some(Flags(flags)));
        SegmentHeader { ip: IpHeader::between([10, 0, 0, 1], [10, 0, 0, 2]), tcp, payload_len: Some(len) }
    }

    #[test]
    fn segments_that_come_late_twice_or_over_the_end_of_the_numbers_have_their_places() {
        let mut names = StandIns::default();
        let mut stream = Stream::default();
        let begin = u32::MAX - 2;
        stream.learn(&header(begin, Flags::SYN, 0), b"", &mut names);
        let parts: [(u32, &[u8]); 4] =
            [(3, b"TLS ann\r\n"), (0, b"a STARTTLS\r\n"), (12, b"x"), (0, b"a STARTTLS\r\n")];
        // The line in two segments, the second one first, and the first one twice.
        let number = |place: u32| begin.wrapping_add(1 + place);
        stream.learn(&header(number(12), Flags::ACK, 9), parts[0].1, &mut names);
        stream.learn(&header(number(0), Flags::ACK, 12), parts[1].1, &mut names);
        stream.learn(&header(number(0), Flags::ACK, 12), parts[3].1, &mut names);
        stream.learned(&mut names);
        assert_eq!(stream.payload(&header(begin, Flags::SYN, 0), 0), b"");
        assert_eq!(stream.payload(&header(number(0), Flags::ACK, 12), 12), b"x STARTTLS\r\n");
        assert_eq!(stream.payload(&header(number(12), Flags::ACK, 9), 9), b"xxx xxx\r\n");
        assert_eq!(stream.payload(&header(number(14), Flags::ACK, 2), 2), b"x ");
        assert_eq!(stream.payload(&header(number(90), Flags::ACK, 3), 3), [BLANK; 3]);
    }

    #[test]
    fn a_syn_begins_whatever_came_before_it() {
        let mut names = StandIns::default();
        let mut stream = Stream::default();
        stream.learn(&header(3_000_000_000, Flags::ACK, 0), b"", &mut names);
        stream.learn(&header(3_000_000_100, Flags::ACK, 5), b"stale", &mut names);
        stream.learn(&header(70, Flags::SYN, 0), b"", &mut names);
        stream.learn(&header(71, Flags::ACK, 4), b"QUIT", &mut names);
        stream.learned(&mut names);
        stream.payload(&header(3_000_000_000, Flags::ACK, 0), 0);
        assert_eq!(stream.payload(&header(71, Flags::ACK, 4), 4), b"QUIT");
    }

    #[test]
    fn what_waits_after_a_hole_is_bounded() {
        let mut names = StandIns::default();
        let mut stream = Stream::default();
        stream.learn(&header(0, Flags::SYN, 0), b"", &mut names);
        let payload = vec![b'a'; 1_000];
        for segment in 0..2 * limits::REWRITTEN_WAITING as u32 {
            // Each has a hole before it.
            stream.learn(&header(10 + segment * 1_001, Flags::ACK, 1_000), &payload, &mut names);
        }
        assert!(stream.waiting.len() <= limits::REWRITTEN_WAITING);
        assert!(stream.waiting_bytes <= limits::REWRITTEN_WAITING_BYTES);
        stream.learned(&mut names);
        assert_eq!(stream.payload(&header(10, Flags::ACK, 4), 4), b"xxxx");
    }
}
