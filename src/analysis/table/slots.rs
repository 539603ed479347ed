//! Where connections are kept while they are followed.

use super::half_open::HalfOpen;
use super::tracked::TrackedConnection;
use crate::tcp::Key;

/// Slots in a block.
const BLOCK: usize = 1024;

/// Room for one connection.
#[derive(Debug, Default)]
pub(super) enum Slot {
    #[default]
    Free,
    /// A SYN, and nothing else yet.
    HalfOpen(HalfOpen),
    /// Boxed, since slots of all kinds have the size of the largest.
    Tracked(Box<TrackedConnection>),
}

impl Slot {
    /// The connection's pair of sockets.
    pub(super) fn key(&self) -> Option<Key> {
        match self {
            Self::Free => None,
            Self::HalfOpen(half_open) => Some(half_open.key()),
            Self::Tracked(tracked) => Some(tracked.key),
        }
    }

    /// Whether its connection is between this pair.
    pub(super) fn is_between(&self, key: &Key) -> bool {
        match self {
            Self::Free => false,
            Self::HalfOpen(half_open) => half_open.key() == *key,
            Self::Tracked(tracked) => tracked.key == *key,
        }
    }

    /// The numbers of the connection's first and its last packet.
    pub(super) fn first_and_last(&self) -> Option<(u64, u64)> {
        match self {
            Self::Free => None,
            Self::HalfOpen(half_open) => Some((half_open.number(), half_open.number())),
            Self::Tracked(tracked) => {
                let story = tracked.story.so_far();
                Some((story.first.number, story.last.number))
            }
        }
    }
}

/// Slots with numbers from 0, in blocks that are never moved. In one vector a million would be copied each time it grew, to
/// memory that is then needed twice.
#[derive(Debug, Default)]
pub(super) struct Slots {
    blocks: Vec<Vec<Slot>>,
}

impl Slots {
    pub(super) fn get(&self, index: usize) -> Option<&Slot> {
        self.blocks.get(index / BLOCK)?.get(index % BLOCK)
    }

    pub(super) fn get_mut(&mut self, index: usize) -> Option<&mut Slot> {
        self.blocks.get_mut(index / BLOCK)?.get_mut(index % BLOCK)
    }

    /// Adds a free slot and returns its number.
    pub(super) fn add(&mut self) -> usize {
        let index = self.len();
        if let Some(block) = self.blocks.last_mut().filter(|block| block.len() < BLOCK) {
            block.push(Slot::Free);
        } else {
            let mut block = Vec::with_capacity(BLOCK);
            block.push(Slot::Free);
            self.blocks.push(block);
        }
        index
    }

    /// Slots, taken or free.
    pub(super) fn len(&self) -> usize {
        self.blocks.last().map_or(0, |last| (self.blocks.len() - 1) * BLOCK + last.len())
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Slot> {
        self.blocks.iter().flatten()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slots_are_numbered_over_all_blocks() {
        let mut slots = Slots::default();
        for index in 0..=(2 * BLOCK) {
            assert!(slots.get(index).is_none());
            assert_eq!((slots.len(), slots.add()), (index, index));
            assert!(slots.get(index).is_some() && slots.get_mut(index).is_some());
        }
        assert_eq!(slots.iter().count(), slots.len());
    }
}
