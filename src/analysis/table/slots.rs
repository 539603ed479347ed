//! Where connections stand while they are followed.

use super::Slot;

/// Places in a block.
const BLOCK: usize = 1024;

/// Places with numbers from 0, in blocks that stay where they are. In one vector a million would be copied each time it grew, to
/// memory that is then needed twice.
#[derive(Debug, Default)]
pub(super) struct Places {
    blocks: Vec<Vec<Slot>>,
}

impl Places {
    pub(super) fn get(&self, index: usize) -> Option<&Slot> {
        self.blocks.get(index / BLOCK)?.get(index % BLOCK)
    }

    pub(super) fn get_mut(&mut self, index: usize) -> Option<&mut Slot> {
        self.blocks.get_mut(index / BLOCK)?.get_mut(index % BLOCK)
    }

    /// Adds a free place and yields its number.
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

    /// Places, taken or free.
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
    fn places_are_numbered_over_all_blocks() {
        let mut places = Places::default();
        for index in 0..=(2 * BLOCK) {
            assert!(places.get(index).is_none());
            assert_eq!((places.len(), places.add()), (index, index));
            assert!(places.get(index).is_some() && places.get_mut(index).is_some());
        }
        assert_eq!(places.iter().count(), places.len());
    }
}
