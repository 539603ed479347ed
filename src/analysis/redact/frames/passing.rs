//! Packets written without names while they come: each as soon as what it contains is understood, and in their order.
//!
//! A message of TLS or a line may end in a later packet, and until then it is not known what may stay of its beginning. So packets wait,
//! for a second at most; after that, what is not understood is blank.

use std::collections::{HashMap, VecDeque};

use foldhash::fast::RandomState;

use super::super::Redaction;
use super::anew::{explaining, is_reset, rewritten};
use super::build::NewFrame;
use super::stream::Stream;
use super::{BLANK, plain};
use crate::capture::Frame;
use crate::decode::Decoder;
use crate::limits;
use crate::packet::{Content, Direction, Host, Origin, Packet, Segment, SegmentHeader};
use crate::time::{Elapsed, Timestamp};

/// How long a packet waits for those that follow it.
const PATIENCE: Elapsed = Elapsed::from_millis(1_000);

/// A direction between two sockets: the sender's, and the receiver's.
type Way = ((Host, u16), (Host, u16));

/// Takes each frame, and returns what takes its place, perhaps later.
pub struct PassingFrames {
    decoder: Decoder,
    waiting: Waiting,
}

impl PassingFrames {
    /// With these stand-ins.
    pub fn new(redaction: &Redaction) -> Self {
        let waiting = Waiting {
            redaction: redaction.clone(),
            streams: HashMap::default(),
            begun: VecDeque::new(),
            queue: VecDeque::new(),
            queued_bytes: 0,
            size: 0,
            unlearned: 0,
        };
        Self { decoder: Decoder::new().verifying_checksums(true), waiting }
    }

    /// Takes a frame, and hands those on that need not wait any more. What is neither TCP nor explains it is left out.
    pub fn take(&mut self, frame: &Frame<'_>, on: &mut dyn FnMut(&Frame<'_>)) {
        self.waiting.push(frame, &self.decoder.decode(frame));
        self.waiting.release(frame.at, on);
    }

    /// Takes a frame that waits until [`Self::finish`].
    pub fn hold(&mut self, frame: &Frame<'_>) {
        self.waiting.push(frame, &self.decoder.decode(frame));
    }

    /// No packet came until then.
    pub fn pass(&mut self, at: Timestamp, on: &mut dyn FnMut(&Frame<'_>)) {
        self.waiting.release(at, on);
    }

    /// No more packets come.
    pub fn finish(&mut self, on: &mut dyn FnMut(&Frame<'_>)) {
        while !self.waiting.queue.is_empty() {
            self.waiting.release_first(on);
        }
    }

    /// Up to when everything was handed on that came; nothing if that is all.
    pub fn waits_since(&self) -> Option<Timestamp> {
        self.waiting.queue.front().map(|held| held.at)
    }

    /// Segments of whose payload nothing is left, because too much was to be remembered.
    pub fn unlearned(&self) -> u64 {
        self.waiting.unlearned
    }
}

/// The packets that wait, and what their connections show.
struct Waiting {
    redaction: Redaction,
    streams: HashMap<Way, Stream, RandomState>,
    /// The directions in the order in which they began.
    begun: VecDeque<Way>,
    queue: VecDeque<Held>,
    queued_bytes: usize,
    /// Bytes that the streams hold.
    size: usize,
    unlearned: u64,
}

/// A packet that waits.
struct Held {
    number: u64,
    origin: Origin,
    at: Timestamp,
    what: What,
}

enum What {
    /// All of it is known.
    Whole(NewFrame),
    /// A payload: what is left of it is known once the stream is read so far.
    Segment(Box<Unread>),
}

struct Unread {
    header: SegmentHeader,
    direction: Option<Direction>,
    way: Way,
    place: i64,
    captured: usize,
}

impl Waiting {
    fn push(&mut self, frame: &Frame<'_>, packet: &Packet<'_>) {
        let what = match &packet.content {
            Content::Segment(segment) => self.learn(segment, packet.direction),
            _ => match explaining(&self.redaction, packet) {
                Some(carried) => What::Whole(carried.framed(packet.direction)),
                None => return,
            },
        };
        self.queued_bytes += captured(&what);
        self.queue.push_back(Held { number: frame.number, origin: frame.origin, at: frame.at, what });
    }

    fn learn(&mut self, segment: &Segment<'_>, direction: Option<Direction>) -> What {
        let header = segment.header;
        let whole = |redaction: &Redaction, payload: &[u8]| {
            What::Whole(rewritten(redaction, header, payload).framed(direction))
        };
        let way = (
            (header.ip.source, header.tcp.source_port),
            (header.ip.destination, header.tcp.destination_port),
        );
        if self.streams.get(&way).is_some_and(|stream| stream.is_begun_again_by(header)) {
            self.end(way);
        }
        if !self.streams.contains_key(&way) {
            self.begun.push_back(way);
        }
        let stream = self.streams.entry(way).or_default();
        let before = stream.size();
        let place = stream.learn(header, segment.payload, &mut self.redaction.stand_ins());
        self.size = (self.size + stream.size()).saturating_sub(before);
        self.bound();
        match place {
            _ if is_reset(segment) => whole(&self.redaction, &plain::masked(segment.payload)),
            Some(place) if !segment.payload.is_empty() => {
                let captured = segment.payload.len();
                What::Segment(Box::new(Unread { header: *header, direction, way, place, captured }))
            }
            _ => whole(&self.redaction, &vec![BLANK; segment.payload.len()]),
        }
    }

    /// The connection in this direction is over, and its sockets begin another one.
    fn end(&mut self, way: Way) {
        let Some(mut stream) = self.streams.remove(&way) else { return };
        self.begun.retain(|known| *known != way);
        self.size = self.size.saturating_sub(stream.size());
        stream.settle(&mut self.redaction.stand_ins());
        for held in &mut self.queue {
            if let What::Segment(unread) = &held.what
                && unread.way == way
            {
                self.queued_bytes = self.queued_bytes.saturating_sub(unread.captured);
                let payload = stream.content(unread.place, unread.captured);
                held.what = What::Whole(unread.framed(&self.redaction, &payload));
            }
        }
    }

    /// Forgets the directions that began first where all hold too much.
    fn bound(&mut self) {
        while self.size > limits::REWRITTEN_BYTES && self.begun.len() > 1 {
            let Some(way) = self.begun.pop_front() else { return };
            if let Some(stream) = self.streams.remove(&way) {
                self.size = self.size.saturating_sub(stream.size());
            }
        }
    }

    fn release(&mut self, now: Timestamp, on: &mut dyn FnMut(&Frame<'_>)) {
        while let Some(held) = self.queue.front() {
            let is_settled = match &held.what {
                What::Whole(_) => true,
                What::Segment(unread) => self.streams.get(&unread.way).is_none_or(|stream| {
                    stream.is_settled_to(unread.place.saturating_add(unread.captured as i64))
                }),
            };
            let is_late = now - held.at >= PATIENCE
                || self.queue.len() > limits::PASSING_FRAMES
                || self.queued_bytes > limits::PASSING_BYTES;
            if !is_settled && !is_late {
                return;
            }
            self.release_first(on);
        }
    }

    /// Hands the first packet on, whatever it waits for.
    fn release_first(&mut self, on: &mut dyn FnMut(&Frame<'_>)) {
        let Some(Held { number, origin, at, what }) = self.queue.pop_front() else { return };
        self.queued_bytes = self.queued_bytes.saturating_sub(captured(&what));
        let frame = match what {
            What::Whole(frame) => frame,
            What::Segment(unread) => {
                let payload = self.payload(&unread);
                unread.framed(&self.redaction, &payload)
            }
        };
        let NewFrame { link_type, wire_len, bytes } = &frame;
        on(&Frame { number, origin, at, link_type: *link_type, wire_len: *wire_len, bytes });
    }

    fn payload(&mut self, unread: &Unread) -> Vec<u8> {
        let Unread { way, place, captured, .. } = unread;
        let Some(stream) = self.streams.get_mut(way) else {
            self.unlearned += 1;
            return vec![BLANK; *captured];
        };
        let before = stream.size();
        if !stream.is_settled_to(place.saturating_add(*captured as i64)) {
            stream.settle(&mut self.redaction.stand_ins());
        }
        let payload = stream.content(*place, *captured);
        stream.forget_before(*place);
        self.size = (self.size + stream.size()).saturating_sub(before);
        payload
    }
}

impl Unread {
    fn framed(&self, redaction: &Redaction, payload: &[u8]) -> NewFrame {
        rewritten(redaction, &self.header, payload).framed(self.direction)
    }
}

/// Bytes of a payload that waits.
fn captured(what: &What) -> usize {
    match what {
        What::Whole(_) => 0,
        What::Segment(unread) => unread.captured,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A segment to port 25 as a frame.
    fn frame(seq: u32, payload: &[u8], is_syn: bool) -> Vec<u8> {
        let mut bytes = Vec::new();
        let builder = etherparse::PacketBuilder::ethernet2([2; 6], [4; 6]);
        let builder = builder.ipv4([10, 1, 2, 3], [10, 1, 2, 4], 64).tcp(40_000, 25, seq, 1_000);
        let builder = if is_syn { builder.syn() } else { builder.ack(1) };
        builder.write(&mut bytes, payload).unwrap();
        bytes
    }

    /// What is handed on of these segments, each with its milliseconds: the payloads.
    fn passed(passing: &mut PassingFrames, number: u64, millis: i64, bytes: &[u8]) -> Vec<Vec<u8>> {
        let (origin, at) = (Origin::default(), Timestamp::ZERO + Elapsed::from_millis(millis));
        let mut payloads = Vec::new();
        let wire_len = bytes.len() as u32;
        passing.take(&Frame { number, origin, at, link_type: 1, wire_len, bytes }, &mut |frame| {
            payloads.push(frame.bytes.get(54..).unwrap_or_default().to_vec());
        });
        payloads
    }

    #[test]
    fn a_line_is_handed_on_when_it_has_its_end_and_in_its_order() {
        let mut passing = PassingFrames::new(&Redaction::default());
        assert_eq!(passed(&mut passing, 1, 0, &frame(0, b"", true)), [b""]);
        assert!(passed(&mut passing, 2, 5, &frame(1, b"START", false)).is_empty());
        // A retransmission waits after the first one.
        assert!(passed(&mut passing, 3, 9, &frame(1, b"START", false)).is_empty());
        assert_eq!(
            passed(&mut passing, 4, 10, &frame(6, b"TLS\r\nann", false)),
            [&b"START"[..], b"START"].map(<[u8]>::to_vec)
        );
        let mut rest = Vec::new();
        passing.finish(&mut |frame| rest.push(frame.bytes.get(54..).unwrap_or_default().to_vec()));
        assert_eq!(rest, [b"TLS\r\nxxx"]);
        assert_eq!(passing.waits_since(), None);
    }

    #[test]
    fn nothing_waits_longer_than_a_second_and_the_rest_of_a_message_is_blank_then() {
        let mut passing = PassingFrames::new(&Redaction::default());
        passed(&mut passing, 1, 0, &frame(0, b"", true));
        let hello = [&[22, 3, 1, 0, 60, 1, 0, 0, 56, 3, 3][..], &[7; 32], &[0, 0, 2, 0x13]].concat();
        assert!(passed(&mut passing, 2, 10, &frame(1, &hello, false)).is_empty());
        let mut handed = Vec::new();
        passing.pass(Timestamp::ZERO + Elapsed::from_millis(1_010), &mut |frame| {
            handed.push(frame.bytes.get(54..).unwrap_or_default().to_vec());
        });
        assert_eq!(handed.len(), 1);
        assert_eq!(handed[0][..11], hello[..11]);
        let rest = b"acmebank-and-more".to_vec();
        let after = passed(&mut passing, 3, 1_020, &frame(1 + hello.len() as u32, &rest, false));
        assert_eq!(after, [vec![BLANK; rest.len()]]);
    }

    #[test]
    fn sockets_that_are_used_again_start_over() {
        let mut passing = PassingFrames::new(&Redaction::default());
        passed(&mut passing, 1, 0, &frame(0, b"", true));
        passed(&mut passing, 2, 5, &frame(1, b"QUI", false));
        let handed = passed(&mut passing, 3, 9, &frame(9_000, b"", true));
        assert_eq!(handed, [&b"xxx"[..], b""]);
        assert_eq!(passed(&mut passing, 4, 12, &frame(9_001, b"QUIT\r\n", false)), [b"QUIT\r\n"]);
    }

    #[test]
    fn what_waits_is_bounded() {
        let mut passing = PassingFrames::new(&Redaction::default());
        passed(&mut passing, 1, 0, &frame(0, b"", true));
        for number in 0..2 * limits::PASSING_FRAMES as u64 {
            // Each has a hole before it.
            passed(&mut passing, number + 2, 1, &frame(10 + number as u32 * 11, b"0123456789", false));
            assert!(passing.waiting.queue.len() <= limits::PASSING_FRAMES + 1);
        }
    }
}
