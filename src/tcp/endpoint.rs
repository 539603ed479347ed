//! One end of a connection: what it sent, and what the other end acknowledged.

use std::hash::{BuildHasher, Hasher};

use foldhash::fast::FixedState;
use schemars::JsonSchema;
use serde::Serialize;

use super::arrival::Arrival;
use super::stream::Stream;
use crate::packet::{Flags, Host, Segment, SegmentHeader, Seq};
use crate::time::{Elapsed, Timestamp};

/// Segments of an end that are remembered, to recognise repeats and duplicate captures.
const REMEMBERED: usize = 16;

/// One end of a connection as a bystander knows it.
#[derive(Clone, Debug)]
pub struct Endpoint {
    /// Its address, or its name in text.
    pub host: Host,
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
    /// The window scale of its SYN (RFC 7323, 2.2), none where it offers none; absent if its options were not seen.
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
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, JsonSchema)]
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
    #[serde(skip)]
    pub unknown_lengths: u64,
    /// Payload bytes that were on the wire and are not in the capture although their segment is (snaplen).
    #[serde(skip)]
    pub cut_bytes: u64,
    /// The largest payload of one segment, in bytes.
    #[serde(skip)]
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

/// What stands for the rest of a segment's headers, in a sixth of their size: IP id, acknowledgement number, window and
/// options. Two segments count as the same packet captured twice if their digests, sequence numbers, lengths and flags are
/// equal and they came within a second; two different digests that are equal by chance, one in 2^64, would have to meet there.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Digest(u64);

impl Digest {
    pub(super) fn of(header: &SegmentHeader) -> Self {
        /// A fixed one, so that each run of the program finds the same.
        const SEED: FixedState = FixedState::with_seed(0);
        let short = |value: Option<u16>| value.map_or(0, |value| 1 << 16 | u64::from(value));
        let mut hasher = SEED.build_hasher();
        hasher.write_u64(header.tcp.ack.map_or(0, |ack| 1 << 32 | u64::from(ack.0)));
        hasher.write_u64(short(header.ip.id) << 32 | short(header.tcp.window));
        if let Some(options) = &header.tcp.options {
            hasher.write(options.as_bytes());
        }
        Self(hasher.finish())
    }
}

impl Endpoint {
    /// Bytes that the segments take which are remembered.
    pub(super) const REMEMBERED_BYTES: usize = REMEMBERED * size_of::<Sent>();

    pub(super) fn new(host: Host, port: u16) -> Self {
        Self {
            host,
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

    /// Sequence numbers that it was seen to send and that were not acknowledged.
    pub fn outstanding(&self) -> u32 {
        match (self.next, self.acked) {
            (Some(next), Some(acked)) if next.is_after(acked) => next - acked,
            _ => 0,
        }
    }

    /// Whether a SYN with this number may have begun what was seen of it: its data, or an acknowledgement, follows directly. A
    /// connection that uses the ports again has numbers beyond those of the one before (RFC 6528, 3).
    pub(super) fn began_at(&self, seq: Seq) -> bool {
        /// More than is sent within the time by which a capture reorders packets.
        const REORDERED_BYTES: i32 = 65_535;
        let known = match (self.next, self.acked) {
            (Some(next), Some(acked)) => Some(next.later(acked)),
            (next, acked) => next.or(acked),
        };
        known.is_some_and(|known| (0..=REORDERED_BYTES).contains(&known.distance_from(seq + 1)))
    }

    /// If an end's SYN was not captured, the other end's first acknowledgement shows where its data begins, unless the capture
    /// has them in the wrong order: what lies between there and its first segment, at `seq`, is missing.
    pub(super) fn begin_where_acknowledged(&mut self, seq: Seq) {
        let Some(beginning) = self.stream.next().filter(|_| self.initial.is_none() && self.next.is_none())
        else {
            return;
        };
        if seq.is_after(beginning) {
            self.next = Some(beginning);
        } else {
            self.stream.begin_again_at(seq);
        }
    }

    /// Bytes before `seq` that it was neither seen to send nor acknowledged to have sent; none where nothing is known of it.
    pub(super) fn bytes_before(&self, seq: Seq) -> u32 {
        let Some(next) = self.next else { return 0 };
        let known = self.acked.map_or(next, |acked| acked.later(next));
        if seq.is_after(known) { seq - known } else { 0 }
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
                // A lone SYN needs room for one; an end that sends more soon exceeds what a vector would double to.
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
                        // Two bare acknowledgements without ids may well be equal and be two.
                        let is_telling = len > 0 || flags.0 & (Flags::SYN | Flags::FIN | Flags::RST) != 0;
                        match id {
                            Some(_) => since <= SAME_ID,
                            None => since <= NO_ID && is_telling && !answers_repeat,
                        }
                    }
            })
            .map(|sent| sent.number)
    }

    /// The number of the latest segment that it sent and that is no RST, and how many RSTs it has sent since.
    pub(super) fn resets_after(&self) -> (Option<u64>, usize) {
        let latest = self.sent.iter().filter(|sent| !sent.flags.rst()).map(|sent| sent.number).max();
        let resets = self.sent.iter().filter(|sent| sent.flags.rst() && Some(sent.number) > latest).count();
        (latest, resets)
    }

    /// How many segments it has sent after a packet.
    pub(super) fn sent_after(&self, number: Option<u64>) -> usize {
        self.sent.iter().filter(|sent| Some(sent.number) > number).count()
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

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use proptest::prelude::*;

    use super::*;
    use crate::packet::{IpHeader, TcpHeader, TcpOptions};

    /// The fields that a digest stands for.
    type Fields = (Option<u16>, Option<u32>, Option<u16>, Option<Vec<u8>>);

    fn digest((id, ack, window, options): &Fields) -> Digest {
        let nowhere = Ipv4Addr::UNSPECIFIED;
        let ip = IpHeader { id: *id, ..IpHeader::between(nowhere, nowhere) };
        let options = options.as_ref().map(|bytes| TcpOptions::from_wire(bytes));
        let tcp = TcpHeader { ack: ack.map(Seq), window: *window, options, ..TcpHeader::between(1, 2) };
        Digest::of(&SegmentHeader { ip, tcp, payload_len: None })
    }

    fn fields() -> impl Strategy<Value = Fields> {
        let options = proptest::option::of(proptest::collection::vec(any::<u8>(), 0..40));
        (any::<Option<u16>>(), any::<Option<u32>>(), any::<Option<u16>>(), options)
    }

    proptest! {
        #[test]
        fn segments_have_one_digest_only_if_all_of_its_fields_are_equal(one in fields(), other in fields()) {
            prop_assert_eq!(digest(&one) == digest(&other), one == other);
            prop_assert_eq!(digest(&one), digest(&one.clone()));
        }

        #[test]
        fn a_single_field_that_differs_makes_another_digest(one in fields(), other in fields(), field in 0usize..4) {
            let mut changed = one.clone();
            match field {
                0 => changed.0 = other.0,
                1 => changed.1 = other.1,
                2 => changed.2 = other.2,
                _ => changed.3 = other.3,
            }
            prop_assert_eq!(digest(&one) == digest(&changed), one == changed);
        }
    }

    #[test]
    fn one_bit_anywhere_makes_another_digest() {
        let first: Fields =
            (Some(7), Some(1_000), Some(512), Some(vec![1, 1, 8, 10, 0, 0, 0, 1, 0, 0, 0, 2]));
        let mut all = vec![first.clone()];
        for bit in 0..16 {
            all.push((first.0.map(|id| id ^ 1 << bit), first.1, first.2, first.3.clone()));
            all.push((first.0, first.1, first.2.map(|window| window ^ 1 << bit), first.3.clone()));
        }
        all.extend((0..32).map(|bit| (first.0, first.1.map(|ack| ack ^ 1 << bit), first.2, first.3.clone())));
        for bit in 0..96 {
            let mut options = first.3.clone().unwrap_or_default();
            options[bit / 8] ^= 1 << (bit % 8);
            all.push((first.0, first.1, first.2, Some(options)));
        }
        let digests: std::collections::BTreeSet<u64> = all.iter().map(|fields| digest(fields).0).collect();
        assert_eq!(digests.len(), all.len());
    }
}
