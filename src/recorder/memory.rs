//! The latest packets in memory, the oldest of which give way at the bound.

use std::collections::VecDeque;
use std::sync::Arc;

use super::frames::{Frames, Snapshot};

/// What a batch of packets costs besides these.
const OVERHEAD_BYTES: u64 = 128;

/// The latest packets.
pub(super) struct Memory {
    parts: VecDeque<Arc<Frames>>,
    /// What they cost, in bytes.
    bytes: u64,
    /// The most that they may cost.
    most: u64,
    /// The latest packet that was captured and is not here.
    last_lost: u64,
}

impl Memory {
    /// An empty one of at most these bytes.
    pub(super) fn of(most: u64) -> Self {
        Self { parts: VecDeque::new(), bytes: 0, most, last_lost: 0 }
    }

    /// Takes frames. The packets up to number `lost` that are not among them, nor among earlier ones, are missing.
    pub(super) fn push(&mut self, mut frames: Frames, lost: Option<u64>) {
        self.last_lost = self.last_lost.max(lost.unwrap_or(0));
        if frames.kept().is_empty() {
            return;
        }
        frames.shrink();
        self.bytes += frames.cost() + OVERHEAD_BYTES;
        self.parts.push_back(Arc::new(frames));
        while self.bytes > self.most
            && let Some(oldest) = self.parts.pop_front()
        {
            self.bytes -= oldest.cost() + OVERHEAD_BYTES;
        }
    }

    /// The packets as they are now, oldest first.
    pub(super) fn snapshot(&self) -> Snapshot {
        Snapshot::of(&self.parts)
    }

    /// Whether the packet of this number is here, or was never captured, with all that follow it.
    pub(super) fn holds_from(&self, number: u64) -> bool {
        let oldest = self.parts.iter().find_map(|part| part.kept().first());
        number > self.last_lost && oldest.is_some_and(|oldest| oldest.number <= number)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::capture::Frame;
    use crate::packet::Origin;
    use crate::time::Timestamp;

    fn frames(numbers: std::ops::Range<u64>) -> Frames {
        let mut frames = Frames::default();
        for number in numbers {
            let (origin, at) = (Origin { file: 0, number }, Timestamp::from_parts(number as i64, 0));
            frames.push(&Frame { number, origin, at, link_type: 1, wire_len: 1_000, bytes: &[5; 1_000] });
        }
        frames
    }

    #[test]
    fn the_oldest_packets_give_way_at_the_bound() {
        let most = 1024 * 1024;
        let mut memory = Memory::of(most);
        for begin in (1..=5_000).step_by(20) {
            memory.push(frames(begin..begin + 20), None);
            assert!(memory.bytes <= most);
        }
        assert!(memory.snapshot().iter().count() > 860 && memory.holds_from(5_000) && !memory.holds_from(1));
    }

    #[test]
    fn a_connection_that_lost_packets_on_the_way_is_not_whole() {
        let mut memory = Memory::of(1024 * 1024);
        memory.push(frames(1..10), Some(12));
        memory.push(frames(13..20), None);
        assert!(!memory.holds_from(5) && memory.holds_from(13));
    }
}
