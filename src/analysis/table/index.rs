//! Which connection a pair of sockets belongs to.

use std::hash::BuildHasher;

use foldhash::fast::RandomState;
use hashbrown::HashTable;

use crate::tcp::Key;

/// The current connection of each pair of sockets, by its slot. Never iterated, so its order does not show.
///
/// The pairs themselves are in the connections, which makes an entry a sixth of its size: a scan of millions of SYNs takes a
/// tenth less time (the last row of the table in docs/performance.md), since more of the index stays in a core's own cache.
#[derive(Debug, Default)]
pub(super) struct SocketIndex {
    entries: HashTable<Entry>,
    /// Seeded at random: hashing a pair with the standard library's hasher is a fifth of what finding its connection costs.
    hasher: RandomState,
}

#[derive(Clone, Copy, Debug)]
struct Entry {
    hash: u32,
    slot: u32,
}

impl Entry {
    /// A table takes its buckets from the low bits of a hash and distinguishes entries in one by the high ones.
    fn spread(self) -> u64 {
        spread(self.hash)
    }
}

/// Fibonacci hashing: in the product with the golden ratio each high bit depends on all bits of the hash.
fn spread(hash: u32) -> u64 {
    u64::from(hash).wrapping_mul(0x9e37_79b9_7f4a_7c15)
}

impl SocketIndex {
    /// Bytes of an entry, its tag in the hash table included.
    pub(super) const ENTRY_BYTES: usize = size_of::<Entry>() + 1;

    /// The slot of a pair's connection. `is_at` decides whether the connection in a slot is between this pair.
    pub(super) fn find(&self, key: &Key, is_at: impl Fn(u32) -> bool) -> Option<u32> {
        let hash = self.hash(key);
        let entry = self.entries.find(spread(hash), |entry| entry.hash == hash && is_at(entry.slot))?;
        Some(entry.slot)
    }

    /// Inserts a connection, and returns the slot of the one that had the pair before.
    pub(super) fn insert(&mut self, key: &Key, slot: u32, is_at: impl Fn(u32) -> bool) -> Option<u32> {
        let hash = self.hash(key);
        let is_pair = |entry: &Entry| entry.hash == hash && is_at(entry.slot);
        if let Some(entry) = self.entries.find_mut(spread(hash), is_pair) {
            return Some(std::mem::replace(&mut entry.slot, slot));
        }
        self.entries.insert_unique(spread(hash), Entry { hash, slot }, |entry| entry.spread());
        None
    }

    /// Removes a connection, if it is the current one of its pair.
    pub(super) fn remove(&mut self, key: &Key, slot: u32) {
        if let Ok(entry) = self.entries.find_entry(spread(self.hash(key)), |entry| entry.slot == slot) {
            entry.remove();
        }
    }

    fn hash(&self, key: &Key) -> u32 {
        let hash = self.hasher.hash_one(key);
        (hash >> 32 ^ hash) as u32
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use std::collections::HashMap;

    use super::*;
    use crate::packet::Host;

    fn key(number: u8) -> Key {
        let socket = |last| (Host::from([192, 0, 2, last]), 1);
        Key::between(socket(0), socket(number))
    }

    proptest! {
        #[test]
        fn it_finds_what_was_inserted_last_and_not_removed(steps: Vec<(u8, bool)>) {
            let mut index = SocketIndex::default();
            let (mut pairs, mut current) = (Vec::new(), HashMap::new());
            for (number, inserts) in steps {
                let key = key(number % 32);
                if inserts {
                    let slot = pairs.len() as u32;
                    let before = index.insert(&key, slot, |at| pairs.get(at as usize) == Some(&key));
                    pairs.push(key);
                    prop_assert_eq!(before, current.insert(number % 32, slot));
                } else if let Some(slot) = current.remove(&(number % 32)) {
                    index.remove(&key, slot);
                }
                for number in 0..32 {
                    let key = self::key(number);
                    let found = index.find(&key, |at| pairs.get(at as usize) == Some(&key));
                    prop_assert_eq!(found, current.get(&number).copied());
                }
            }
        }
    }
}
