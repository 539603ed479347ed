//! One end of a connection: what it sent, and what the other end told of having received.

use std::net::IpAddr;

use super::arrival::Arrival;
use super::stream::Stream;
use crate::packet::{Flags, Segment, SegmentHeader, Seq};
use crate::time::{Elapsed, Timestamp};

/// Segments of an end that are remembered, to recognise repeats and duplicate captures.
const REMEMBERED: usize = 16;

/// One end of a connection as a bystander knows it.
#[derive(Clone, Debug)]
pub struct Endpoint {
    /// Its address.
    pub address: IpAddr,
    /// Its port.
    pub port: u16,
    /// Sequence number of its SYN (ISS, RFC 9293, 3.3.1).
    pub initial: Option<Seq>,
    /// After the last byte, SYN or FIN that it was seen to send (SND.NXT).
    pub next: Option<Seq>,
    /// What the other end acknowledged of it (SND.UNA).
    pub acked: Option<Seq>,
    /// Sequence number of its FIN.
    pub fin: Option<Seq>,
    /// Its receive window as last announced, unscaled.
    pub window: Option<u16>,
    /// The window scale of its SYN (RFC 7323, 2.2), none where it offers none; absent where its options were not seen.
    pub window_scale: Option<Option<u8>>,
    /// The maximum segment size of its SYN, in bytes.
    pub maximum_segment_size: Option<u16>,
    /// What it sent, counted.
    pub counters: Counters,
    pub(super) stream: Stream,
    /// The last segments, in a ring once it is full.
    sent: Vec<Sent>,
    sent_index: usize,
    last_sent: Option<LastSent>,
    timed: Option<(Seq, Timestamp)>,
}

/// What one end sent, counted.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Counters {
    /// Segments, duplicates of the capture left out.
    pub segments: u64,
    /// Payload bytes, each counted once.
    pub bytes: u64,
    /// Segments that carried payload.
    pub data_segments: u64,
    /// Segments that repeat what was sent before, SYN and FIN included.
    pub retransmissions: u64,
    /// Segments that arrived after later ones, and were not repeats.
    pub out_of_order: u64,
    /// Segments that the capture holds twice.
    pub duplicates: u64,
    /// Keep-alive probes (RFC 9293, 3.8.4).
    pub keep_alives: u64,
    /// Segments that announced a zero window.
    pub zero_windows: u64,
    /// Acknowledgements that repeat the one before (RFC 5681, 2).
    pub duplicate_acks: u64,
    /// Segments whose payload length is not known, from cut text lines.
    pub unknown_lengths: u64,
    /// Payload bytes that were on the wire and are not in the capture although their segment is (snaplen).
    pub cut_bytes: u64,
    /// The largest payload of one segment, in bytes.
    pub largest_payload: u32,
}

/// A segment that an end sent, as far as it matters for recognising it again.
#[derive(Clone, Copy, Debug)]
struct Sent {
    number: u64,
    at: Timestamp,
    seq: Option<Seq>,
    len: u32,
    flags: Flags,
    digest: Digest,
}

/// What a later acknowledgement is compared with.
#[derive(Clone, Copy, Debug)]
pub(super) struct LastSent {
    pub(super) has_seq: bool,
    pub(super) ack: Option<Seq>,
    pub(super) flags: Flags,
    pub(super) window: Option<u16>,
}

/// What stands for the rest of a segment's headers, a sixth of their size: IP id, acknowledgement number, window and options.
/// Another segment with the same digest would do no more than a repetition: sequence number, length and flags must be equal
/// too.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Digest(u64);

impl Digest {
    /// FNV-1a over eight bytes at a time.
    pub(super) fn of(header: &SegmentHeader) -> Self {
        let mut digest = 0xcbf2_9ce4_8422_2325u64;
        let mut take = |word: u64| {
            digest = (digest ^ word).wrapping_mul(0x0100_0000_01b3);
            digest ^= digest >> 29;
        };
        let short = |value: Option<u16>| value.map_or(0, |value| 1 << 16 | u64::from(value));
        take(header.tcp.ack.map_or(0, |ack| 1 << 32 | u64::from(ack.0)));
        take(short(header.ip.id) << 32 | short(header.tcp.window));
        if let Some(options) = &header.tcp.options {
            let (words, rest) = options.as_bytes().as_chunks::<8>();
            for word in words {
                take(u64::from_le_bytes(*word));
            }
            take(rest.iter().fold(rest.len() as u64, |word, byte| word << 8 | u64::from(*byte)));
        }
        Self(digest)
    }
}

impl Endpoint {
    /// Bytes that the segments take which are remembered.
    pub(super) const REMEMBERED_BYTES: usize = REMEMBERED * size_of::<Sent>();

    pub(super) fn new(address: IpAddr, port: u16) -> Self {
        Self {
            address,
            port,
            initial: None,
            next: None,
            acked: None,
            fin: None,
            window: None,
            window_scale: None,
            maximum_segment_size: None,
            counters: Counters::default(),
            stream: Stream::default(),
            sent: Vec::new(),
            sent_index: 0,
            last_sent: None,
            timed: None,
        }
    }

    /// Whether everything it was seen to send was acknowledged.
    pub fn is_all_acknowledged(&self) -> bool {
        match (self.next, self.acked) {
            (Some(next), Some(acked)) => acked.is_at_or_after(next),
            (None, _) => true,
            (Some(_), None) => false,
        }
    }

    /// A hole in what it sent that nobody filled: from the first missing byte to the first that came.
    pub fn hole(&self) -> Option<(Seq, Seq)> {
        self.stream.hole()
    }

    /// The offset of a sequence number in what it sent, as tcpdump counts it: 1 is the first byte.
    pub fn relative(&self, seq: Seq) -> Option<u32> {
        Some(seq - self.initial?)
    }

    /// Keeps what later segments are compared with.
    pub(super) fn remember(&mut self, arrival: &Arrival<'_>, digest: Digest) {
        let header = arrival.header();
        let (seq, len) = (header.tcp.seq, header.payload_len.unwrap_or(0));
        let Arrival { number, at, flags, .. } = *arrival;
        let sent = Sent { number, at, seq, len, flags, digest };
        self.last_sent =
            Some(LastSent { has_seq: seq.is_some(), ack: header.tcp.ack, flags, window: header.tcp.window });
        if let Some(oldest) = self.sent.get_mut(self.sent_index) {
            *oldest = sent;
        } else {
            if self.sent.len() == self.sent.capacity() {
                // A lone SYN needs room for one; an end that goes on soon sends more than a vector would double to.
                let wanted = if self.sent.is_empty() { 1 } else { REMEMBERED };
                self.sent.reserve_exact(wanted - self.sent.len());
            }
            self.sent.push(sent);
        }
        self.sent_index = (self.sent_index + 1) % REMEMBERED;
    }

    /// The last segment it sent.
    pub(super) fn last_sent(&self) -> Option<LastSent> {
        self.last_sent
    }

    /// The same packet captured before: the same IP id and headers, a moment ago.
    ///
    /// Equal ids of two different packets would be 65,536 packets apart. Where the stack writes no ids (0 or IPv6),
    /// only copies within a time that no retransmission timer can have are taken as such, unless the segment
    /// `answers_repeat`: two SYNs that arrive together get two SYN-ACKs.
    pub(super) fn captured_before(
        &self,
        header: &SegmentHeader,
        at: Timestamp,
        digest: Digest,
        answers_repeat: bool,
    ) -> Option<u64> {
        // RFC 6298, 2.4 asks for a second, Linux uses 200 ms, tail loss probes 2 round trips: 1 ms is below them all.
        const SAME_ID: Elapsed = Elapsed::from_millis(1000);
        const NO_ID: Elapsed = Elapsed::from_millis(1);
        let id = header.ip.id.filter(|id| *id != 0);
        let flags = header.tcp.flags?;
        let len = header.payload_len?;
        self.sent
            .iter()
            .find(|sent| {
                sent.digest == digest
                    && sent.seq == header.tcp.seq
                    && sent.flags == flags
                    && sent.len == len
                    && {
                        let since = at - sent.at;
                        // Two bare acknowledgements without ids may well be alike and be two.
                        let is_telling = len > 0 || flags.0 & (Flags::SYN | Flags::FIN | Flags::RST) != 0;
                        match id {
                            Some(_) => since <= SAME_ID,
                            None => since <= NO_ID && is_telling && !answers_repeat,
                        }
                    }
            })
            .map(|sent| sent.number)
    }

    /// The number of the earlier segment that began at the same place, or covered it.
    pub(super) fn sent_before(&self, seq: Seq) -> Option<u64> {
        let covers = |sent: &&Sent| {
            let span = sent.len + u32::from(sent.flags.syn()) + u32::from(sent.flags.fin());
            sent.seq.is_some_and(|start| seq.is_at_or_after(start) && seq.is_before(start + span))
        };
        self.sent.iter().filter(covers).map(|sent| sent.number).min()
    }

    /// Starts a round-trip measurement with a segment that ends at `end`, unless one is running.
    pub(super) fn start_timing(&mut self, end: Seq, at: Timestamp) {
        self.timed.get_or_insert((end, at));
    }

    /// Gives a running measurement up: its segment was sent twice (Karn's algorithm, RFC 6298, 3), or the clock stepped.
    pub(super) fn stop_timing(&mut self) {
        self.timed = None;
    }

    /// The round trip that an acknowledgement completes.
    pub(super) fn timed_by(&mut self, ack: Seq, at: Timestamp) -> Option<Elapsed> {
        let (end, sent_at) = self.timed?;
        if ack.is_before(end) {
            return None;
        }
        self.timed = None;
        let round_trip = at - sent_at;
        // A clock that stepped back voids the measurement.
        (round_trip >= Elapsed::ZERO).then_some(round_trip)
    }

    pub(super) fn count_payload(&mut self, segment: &Segment<'_>) {
        match segment.header.payload_len {
            Some(0) => {}
            Some(len) => {
                self.counters.data_segments += 1;
                self.counters.largest_payload = self.counters.largest_payload.max(len);
                self.counters.cut_bytes +=
                    u64::from(len) - (segment.payload.len() as u64).min(u64::from(len));
            }
            None => self.counters.unknown_lengths += 1,
        }
    }
}
