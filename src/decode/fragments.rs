//! IP fragments, kept until the others of their datagram come.

use std::collections::VecDeque;

use super::ip::{Datagram, Fragment};
use super::span::Span;
use crate::limits;
use crate::packet::{Host, IpHeader, Other};
use crate::time::{Elapsed, Timestamp};

/// Fragmented datagrams that became no packet, by reason.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct GivenUp {
    /// Incomplete for longer than [`limits::FRAGMENT_SECONDS`].
    pub timed_out: u64,
    /// Gave way to later ones at [`limits::FRAGMENTED_DATAGRAMS`] or [`limits::FRAGMENT_BYTES`].
    pub crowded_out: u64,
    /// IPv6 datagrams whose fragments overlap (RFC 5722, 4).
    pub overlapping: u64,
    /// Still incomplete at this point of the capture.
    pub unfinished: u64,
}

impl GivenUp {
    /// How many in all.
    pub fn total(self) -> u64 {
        self.timed_out + self.crowded_out + self.overlapping + self.unfinished
    }
}

/// Largest datagram: IPv4's total length and IPv6's payload length have 16 bits.
const DATAGRAM_BYTES: u32 = 65_535;

/// A mirror port's copies come at once; a sender does not use an identification again so soon (RFC 6864, 4.1).
const COPIES_COME_WITHIN: Elapsed = Elapsed::from_millis(1_000);

/// The datagrams being put together, oldest first.
#[derive(Debug, Default)]
pub(super) struct Fragments {
    partial: VecDeque<Partial>,
    /// What they cost against [`limits::FRAGMENT_BYTES`].
    held_bytes: usize,
    /// The datagrams completed last, and when: their fragments may be in the capture twice.
    completed: VecDeque<(Key, Timestamp)>,
    given_up: GivenUp,
}

/// What makes fragments parts of the same datagram (RFC 791, 3.2; RFC 8200, 4.5).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Key {
    id: u32,
    source: Host,
    destination: Host,
    /// IPv4 only.
    protocol: Option<u8>,
}

#[derive(Debug)]
struct Partial {
    key: Key,
    begun_at: Timestamp,
    /// From the first fragment: its header, what it carries, whether it is source routed.
    first: Option<(IpHeader, u8, bool)>,
    /// Length of the whole, once the last fragment shows it.
    wire_len: Option<u32>,
    /// By offset, without overlap.
    pieces: Vec<Piece>,
    /// What the pieces cost against [`limits::FRAGMENT_BYTES`].
    cost: usize,
    /// RFC 5722, 4: fragments overlapped, and those that still come are not used either.
    is_discarded: bool,
    /// Its datagram was completed a moment ago: what comes now are copies, of which the others may be among the first ones.
    is_repeat: bool,
}

impl Partial {
    /// Whether a packet is missing for lack of its other fragments.
    fn is_wanted(&self) -> bool {
        !self.is_discarded && !self.is_repeat
    }
}

#[derive(Debug)]
struct Piece {
    offset: u32,
    wire_len: u32,
    /// Those that were captured.
    bytes: Box<[u8]>,
}

impl Piece {
    fn end(&self) -> u32 {
        self.offset.saturating_add(self.wire_len)
    }
}

impl Fragments {
    /// Takes one more fragment. Where it completes its datagram, that is put together in `buffer` and returned, as
    /// far as its bytes were captured without a hole, and `header` becomes its own; else the error is what the fragment is
    /// counted as.
    pub fn add<'a>(
        &mut self,
        header: &mut IpHeader,
        part: &Datagram<'_>,
        fragment: Fragment,
        at: Timestamp,
        buffer: &'a mut Vec<u8>,
    ) -> Result<Datagram<'a>, Other> {
        self.expire(at);
        let len = part.payload.wire_len;
        let end = fragment.offset.saturating_add(len);
        // RFC 791, 3.2: all but the last fragment are whole units of eight bytes.
        if len == 0 || end > DATAGRAM_BYTES || (fragment.has_more && !len.is_multiple_of(8)) {
            return Err(Other::Malformed("IP fragment"));
        }
        let is_v6 = header.source.is_ipv6();
        let key = Key {
            id: fragment.id,
            source: header.source,
            destination: header.destination,
            protocol: (!is_v6).then_some(part.protocol),
        };
        // A datagram's fragments follow one another as a rule: the latest is the likeliest.
        let index = self.partial.iter().rposition(|partial| partial.key == key).unwrap_or_else(|| {
            let is_copy =
                |(completed, when): &(Key, Timestamp)| *completed == key && at - *when <= COPIES_COME_WITHIN;
            let is_repeat = self.completed.iter().any(is_copy);
            self.partial.push_back(Partial { is_repeat, ..Partial::new(key, at) });
            self.partial.len() - 1
        });
        let partial = self.partial.get_mut(index).ok_or(Other::Fragment)?;
        if fragment.offset == 0 && partial.first.is_none() {
            partial.first = Some((*header, part.protocol, part.is_source_routed));
        }
        if !fragment.has_more {
            partial.wire_len.get_or_insert(end);
        }
        let held_before = partial.cost;
        if partial.insert(fragment.offset, part.payload, is_v6) == Overlap::Forbidden {
            self.given_up.overlapping += 1;
        }
        self.held_bytes = self.held_bytes + partial.cost - held_before;

        let whole = partial.assemble(buffer);
        if let Some((first, _)) = &whole {
            *header = *first;
            self.remove(index);
            self.completed.truncate(limits::COMPLETED_DATAGRAMS - 1);
            self.completed.push_front((key, at));
        } else {
            self.make_room();
        }
        whole.map(|(_, datagram)| datagram).ok_or(Other::Fragment)
    }

    /// What was given up so far.
    pub fn given_up(&self) -> GivenUp {
        let unfinished = self.partial.iter().filter(|partial| partial.is_wanted()).count() as u64;
        GivenUp { unfinished, ..self.given_up }
    }

    fn expire(&mut self, at: Timestamp) {
        const LIFETIME: Elapsed = Elapsed::from_millis(limits::FRAGMENT_SECONDS * 1000);
        while self.partial.front().is_some_and(|oldest| at - oldest.begun_at > LIFETIME) {
            self.given_up.timed_out += self.remove(0);
        }
    }

    fn make_room(&mut self) {
        while self.partial.len() > limits::FRAGMENTED_DATAGRAMS || self.held_bytes > limits::FRAGMENT_BYTES {
            self.given_up.crowded_out += self.remove(0);
        }
    }

    /// Forgets a datagram; 1 where its packet is missing and not counted yet.
    fn remove(&mut self, index: usize) -> u64 {
        let Some(partial) = self.partial.remove(index) else { return 0 };
        self.held_bytes = self.held_bytes.saturating_sub(partial.cost);
        u64::from(partial.is_wanted())
    }
}

#[derive(PartialEq, Eq)]
enum Overlap {
    /// None, or one that is allowed.
    Fine,
    /// The datagram was discarded for it just now.
    Forbidden,
}

impl Partial {
    fn new(key: Key, begun_at: Timestamp) -> Self {
        Self {
            key,
            begun_at,
            first: None,
            wire_len: None,
            pieces: Vec::new(),
            cost: 0,
            is_discarded: false,
            is_repeat: false,
        }
    }

    /// Adds a fragment's bytes. In IPv4 those that came first stay where fragments overlap (RFC 791, 3.2 would take
    /// the later, by which forged ones replace what was seen); in IPv6 the datagram is discarded.
    fn insert(&mut self, offset: u32, payload: Span<'_>, is_v6: bool) -> Overlap {
        if self.is_discarded {
            return Overlap::Fine;
        }
        let end = offset.saturating_add(payload.wire_len);
        let before = self.pieces.partition_point(|piece| piece.end() <= offset);
        let overlapped = self.pieces.get(before..).unwrap_or_default();
        let overlapped = overlapped.iter().take_while(|piece| piece.offset < end);
        let overlapped: Vec<_> = overlapped.map(|piece| (piece.offset, piece.end())).collect();
        // RFC 8200, 4.5: an exact duplicate may be ignored; RFC 5722, 4: any other overlap discards the datagram.
        if is_v6 && !overlapped.is_empty() && overlapped != [(offset, end)] {
            self.is_discarded = true;
            self.pieces = Vec::new();
            self.cost = 0;
            return Overlap::Forbidden;
        }
        let mut from = offset;
        for (taken_from, taken_to) in overlapped.into_iter().chain([(end, end)]) {
            if from < taken_from {
                self.insert_free(from, taken_from, offset, payload);
            }
            from = from.max(taken_to);
        }
        Overlap::Fine
    }

    /// Adds the bytes `from..to` of the datagram, which no piece covers, out of a `payload` that begins at `offset`.
    fn insert_free(&mut self, from: u32, to: u32, offset: u32, payload: Span<'_>) {
        let wire_len = to - from;
        let captured = payload.skip((from - offset) as usize).map(|rest| rest.within(wire_len).bytes);
        let piece = Piece { offset: from, wire_len, bytes: captured.unwrap_or_default().into() };
        self.cost += piece.bytes.len() + limits::FRAGMENT_OVERHEAD_BYTES;
        let place = self.pieces.partition_point(|other| other.offset < from);
        self.pieces.insert(place, piece);
    }

    /// The whole datagram and its header, once every byte up to the last was on the wire.
    fn assemble<'a>(&self, buffer: &'a mut Vec<u8>) -> Option<(IpHeader, Datagram<'a>)> {
        let ((header, protocol, is_source_routed), wire_len) = (self.first?, self.wire_len?);
        let covered =
            self.pieces.iter().try_fold(0, |covered, piece| (piece.offset == covered).then(|| piece.end()));
        if covered? < wire_len {
            return None;
        }
        buffer.clear();
        for piece in &self.pieces {
            buffer.extend_from_slice(&piece.bytes);
            if piece.bytes.len() < piece.wire_len as usize {
                break;
            }
        }
        let payload = Span::new(buffer, wire_len).within(wire_len);
        Some((header, Datagram { protocol, payload, fragment: None, is_source_routed }))
    }
}
