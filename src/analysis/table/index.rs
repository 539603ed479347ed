//! Which connection a pair of sockets belongs to.

use std::hash::BuildHasher;

use foldhash::fast::RandomState;
use hashbrown::HashTable;

use crate::tcp::Key;

/// The current connection of each pair of sockets, by its place. Never iterated, so its order does not show.
///
/// The pairs themselves stand in the connections: an entry is a sixth of what it would be with one, and a scan of millions takes
/// a tenth less time, since more of the directory stays in a core's own cache.
#[derive(Debug, Default)]
pub(super) struct Directory {
    entries: HashTable<Entry>,
    /// Seeded at random: hashing a pair with the standard library's hasher is a fifth of what finding its connection costs.
    hasher: RandomState,
}

#[derive(Clone, Copy, Debug)]
struct Entry {
    hash: u32,
    place: u32,
}

impl Entry {
    /// A table takes its buckets from the low bits of a hash and tells entries in one apart by the high ones.
    fn spread(self) -> u64 {
        spread(self.hash)
    }
}

/// By the golden ratio, of which each high bit depends on all bits of the hash.
fn spread(hash: u32) -> u64 {
    u64::from(hash).wrapping_mul(0x9e37_79b9_7f4a_7c15)
}

impl Directory {
    /// What an entry takes, its place in the hash table aside.
    pub(super) const ENTRY_BYTES: usize = size_of::<Entry>() + 1;

    /// The place of a pair's connection. `is_at` tells whether the connection at a place is between this pair.
    pub(super) fn find(&self, key: &Key, is_at: impl Fn(u32) -> bool) -> Option<u32> {
        let hash = self.hash(key);
        let entry = self.entries.find(spread(hash), |entry| entry.hash == hash && is_at(entry.place))?;
        Some(entry.place)
    }

    /// Enters a connection, and yields the one that had the pair before.
    pub(super) fn enter(&mut self, key: &Key, place: u32, is_at: impl Fn(u32) -> bool) -> Option<u32> {
        let hash = self.hash(key);
        let is_pair = |entry: &Entry| entry.hash == hash && is_at(entry.place);
        if let Some(entry) = self.entries.find_mut(spread(hash), is_pair) {
            return Some(std::mem::replace(&mut entry.place, place));
        }
        self.entries.insert_unique(spread(hash), Entry { hash, place }, |entry| entry.spread());
        None
    }

    /// Strikes out a connection that is the current one of its pair.
    pub(super) fn strike(&mut self, key: &Key, place: u32) {
        if let Ok(entry) = self.entries.find_entry(spread(self.hash(key)), |entry| entry.place == place) {
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
    use std::collections::HashMap;
    use std::net::{IpAddr, Ipv4Addr};

    use proptest::prelude::*;

    use super::*;

    fn key(number: u8) -> Key {
        let socket = |last| (IpAddr::from(Ipv4Addr::new(192, 0, 2, last)), 1);
        Key::between(socket(0), socket(number))
    }

    proptest! {
        #[test]
        fn it_finds_what_was_entered_last_and_was_not_struck_out(steps: Vec<(u8, bool)>) {
            let mut directory = Directory::default();
            let (mut pairs, mut current) = (Vec::new(), HashMap::new());
            for (number, enters) in steps {
                let key = key(number % 32);
                if enters {
                    let place = pairs.len() as u32;
                    let before = directory.enter(&key, place, |at| pairs.get(at as usize) == Some(&key));
                    pairs.push(key);
                    prop_assert_eq!(before, current.insert(number % 32, place));
                } else if let Some(place) = current.remove(&(number % 32)) {
                    directory.strike(&key, place);
                }
                for number in 0..32 {
                    let key = self::key(number);
                    let found = directory.find(&key, |at| pairs.get(at as usize) == Some(&key));
                    prop_assert_eq!(found, current.get(&number).copied());
                }
            }
        }
    }
}
