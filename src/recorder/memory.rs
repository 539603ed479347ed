//! The latest packets in memory, the oldest of which give way at the bound.

use std::collections::VecDeque;

use smallvec::SmallVec;

use crate::capture::Frame;
use crate::packet::{Content, Host, Packet};
use crate::tcp::Key;
use crate::time::Timestamp;

/// A packet in memory.
pub(super) struct Kept {
    pub(super) number: u64,
    pub(super) at: Timestamp,
    pub(super) link_type: u32,
    pub(super) wire_len: u32,
    pub(super) bytes: Box<[u8]>,
    /// The connection that it belongs to, or that the error in it is about.
    pub(super) key: Option<Key>,
    /// Who looks up a name or a neighbour in it, and which neighbour.
    pub(super) looked_up: SmallVec<[Host; 2]>,
}

/// What a packet in memory costs besides its bytes.
const OVERHEAD_BYTES: u64 = 160;

impl Kept {
    /// What it costs in memory, in bytes.
    pub(super) fn cost(&self) -> u64 {
        self.bytes.len() as u64 + OVERHEAD_BYTES
    }
}

/// The latest packets.
pub(super) struct Memory {
    kept: VecDeque<Kept>,
    /// What they cost, in bytes.
    bytes: u64,
    /// The most that they may cost.
    most: u64,
}

impl Memory {
    /// An empty one of at most these bytes.
    pub(super) fn of(most: u64) -> Self {
        Self { kept: VecDeque::new(), bytes: 0, most }
    }

    /// Takes a frame.
    pub(super) fn push(&mut self, frame: &Frame<'_>) {
        let kept = Kept {
            number: frame.number,
            at: frame.at,
            link_type: frame.link_type,
            wire_len: frame.wire_len,
            bytes: frame.bytes.into(),
            key: None,
            looked_up: SmallVec::new(),
        };
        self.bytes += kept.cost();
        self.kept.push_back(kept);
        while self.bytes > self.most
            && let Some(oldest) = self.kept.pop_front()
        {
            self.bytes -= oldest.cost();
        }
    }

    /// Learns what the frame was that was pushed last.
    pub(super) fn on_packet(&mut self, packet: &Packet<'_>) {
        let Some(kept) = self.kept.back_mut().filter(|kept| kept.number == packet.number) else { return };
        match &packet.content {
            Content::Segment(segment) => kept.key = Some(Key::of(segment.header)),
            Content::IcmpError(error) => kept.key = Key::of_quoted(&error.quoted),
            Content::Lookup(lookup) => kept.looked_up.push(lookup.client),
            Content::Neighbour(neighbour) => {
                kept.looked_up.extend(std::iter::once(neighbour.target).chain(neighbour.asker));
            }
            Content::Other(_) => {}
        }
    }

    /// The packets, oldest first.
    pub(super) fn iter(&self) -> impl Iterator<Item = &Kept> {
        self.kept.iter()
    }

    /// Whether the packet of this number is kept, or was never pushed, with all that follow it.
    pub(super) fn holds_from(&self, number: u64) -> bool {
        self.kept.front().is_some_and(|oldest| oldest.number <= number)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::packet::Origin;

    #[test]
    fn the_oldest_packets_give_way_at_the_bound() {
        let most = 1024 * 1024;
        let mut memory = Memory::of(most);
        for number in 1..=5_000 {
            let (origin, at) = (Origin { file: 0, number }, Timestamp::from_parts(number as i64, 0));
            memory.push(&Frame { number, origin, at, link_type: 1, wire_len: 1_000, bytes: &[5; 1_000] });
            assert!(memory.bytes <= most);
        }
        assert!(memory.iter().count() > 900 && memory.holds_from(5_000) && !memory.holds_from(1));
    }
}
