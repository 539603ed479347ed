//! The connections that are followed, by their pair of sockets, and what they may hold together.
//!
//! It knows when a connection is over or may leave. It does not know how a connection is judged.

mod bounds;
mod budget;
mod early;
mod early_errors;
mod half_open;
mod index;
mod recently_closed;
mod slots;
mod tracked;

use std::collections::{BTreeMap, VecDeque};

pub use bounds::Bounds;
pub(super) use budget::Budget;
pub(super) use early_errors::EarlyErrors;
pub(super) use half_open::HalfOpen;
pub(super) use recently_closed::RecentlyClosed;
pub(super) use tracked::{CLOSED, TrackedConnection};

use crate::limits;
use crate::packet::Quoted;
use crate::story::Stage;
use crate::tcp::Key;
use crate::time::Timestamp;
use index::SocketIndex;
use slots::{Slot, Slots};

/// Connections of a share that are looked through for an ICMP error that does not show both ports.
const SEARCHED: usize = 1000 / limits::SHARES;

/// What a connection takes in the table: its slot, and its entry in a hash table that may be half empty.
const SLOT_BYTES: usize = size_of::<Slot>() + 2 * SocketIndex::ENTRY_BYTES;

/// Connections by their pair of sockets.
#[derive(Debug, Default)]
pub(super) struct Table {
    /// A connection keeps its slot as long as it is followed; free slots are taken again.
    slots: Slots,
    free: Vec<u32>,
    current: SocketIndex,
    /// The slot that was found or taken last: packets come in bursts.
    latest: Option<usize>,
    live: usize,
    /// Connections whose sockets a newer one took over.
    superseded: Vec<u32>,
    /// The slots of those that began last.
    recent: VecDeque<u32>,
}

/// A connection that is to leave, with the numbers of its first and its last packet then.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) struct EvictionCandidate {
    first: u64,
    last: u64,
    index: usize,
}

/// A connection that leaves the table.
pub(super) enum Leaving {
    /// Nothing but its SYN was seen.
    HalfOpen(HalfOpen),
    /// It has a story.
    Tracked(Box<TrackedConnection>),
}

impl Table {
    /// The slot of a pair's current connection.
    pub(super) fn find(&mut self, key: &Key) -> Option<usize> {
        if let Some(latest) = self.latest.filter(|latest| self.is_at(*latest, key)) {
            return Some(latest);
        }
        let found = self.look_up(key);
        self.latest = found.or(self.latest);
        found
    }

    fn look_up(&self, key: &Key) -> Option<usize> {
        self.current.find(key, |slot| self.is_at(slot as usize, key)).map(|slot| slot as usize)
    }

    pub(super) fn tracked(&self, index: usize) -> Option<&TrackedConnection> {
        match self.slots.get(index)? {
            Slot::Tracked(tracked) => Some(tracked),
            _ => None,
        }
    }

    pub(super) fn tracked_mut(&mut self, index: usize) -> Option<&mut TrackedConnection> {
        match self.slots.get_mut(index)? {
            Slot::Tracked(tracked) => Some(tracked),
            _ => None,
        }
    }

    /// The connection in a slot, where only its SYN was seen.
    pub(super) fn half_open(&self, index: usize) -> Option<&HalfOpen> {
        match self.slots.get(index)? {
            Slot::HalfOpen(half_open) => Some(half_open),
            _ => None,
        }
    }

    /// Gives a connection of which only the SYN was seen its story.
    pub(super) fn promote(&mut self, index: usize, tracked: TrackedConnection) {
        if let Some(slot) = self.slots.get_mut(index) {
            *slot = Slot::Tracked(Box::new(tracked));
        }
    }

    /// Whether more is kept than may be.
    pub(super) fn is_full(&self, budget: &Budget, bounds: &Bounds) -> bool {
        let is_exceeded = || budget.is_exceeded(bounds, self.live * SLOT_BYTES);
        self.live > 0 && (self.live >= bounds.connections_each() || is_exceeded())
    }

    /// Inserts a connection; an older one between the same sockets gets no more packets.
    pub(super) fn insert(&mut self, key: Key, tracked: TrackedConnection) -> usize {
        self.put(key, Slot::Tracked(Box::new(tracked)))
    }

    /// Inserts a connection of which only the SYN was seen.
    pub(super) fn insert_half_open(&mut self, key: Key, half_open: HalfOpen) -> usize {
        self.put(key, Slot::HalfOpen(half_open))
    }

    fn put(&mut self, key: Key, connection: Slot) -> usize {
        let index = self.free.pop().unwrap_or_else(|| self.slots.add() as u32);
        let is_at = |slot: u32| self.slots.get(slot as usize).is_some_and(|slot| slot.is_between(&key));
        self.superseded.extend(self.current.insert(&key, index, is_at));
        self.latest = Some(index as usize);
        if let Some(free) = self.slots.get_mut(index as usize) {
            *free = connection;
        }
        self.live += 1;
        if self.recent.len() >= SEARCHED {
            self.recent.pop_front();
        }
        self.recent.push_back(index);
        index as usize
    }

    /// The connection whose segment an ICMP error quotes: the number of its first packet, and its slot. Without the ports it is
    /// the one that began last of those that fit.
    pub(super) fn find_quoted(&self, quoted: &Quoted) -> Option<(u64, usize)> {
        if let Some(key) = Key::of_quoted(quoted) {
            return self.look_up(&key).and_then(|index| self.numbered(index));
        }
        let fits = |index: &usize| {
            let ends = match self.slots.get(*index) {
                Some(Slot::Tracked(tracked)) => {
                    let (client, server) = (&tracked.tcp.ends.client, &tracked.tcp.ends.server);
                    Some((client.host, (server.host, server.port)))
                }
                Some(Slot::HalfOpen(half_open)) => Some(half_open.ends()),
                _ => None,
            };
            ends.is_some_and(|(client, (server, port))| {
                let is_port = |known: u16, quoted: Option<u16>| quoted.is_none_or(|quoted| quoted == known);
                let is_to_server = client == quoted.source
                    && server == quoted.destination
                    && is_port(port, quoted.destination_port);
                // The client's port is not known here, so an error that shows it is about another connection.
                let is_to_client = server == quoted.source
                    && client == quoted.destination
                    && is_port(port, quoted.source_port)
                    && quoted.destination_port.is_none();
                is_to_server || is_to_client
            })
        };
        self.recent
            .iter()
            .rev()
            .map(|index| *index as usize)
            .find(fits)
            .and_then(|index| self.numbered(index))
    }

    /// Slots, taken or free.
    pub(super) fn slots(&self) -> usize {
        self.slots.len()
    }

    /// No connection is looked for by its sockets any more: all of them leave. Taking millions out of the index one by one costs as
    /// much as inserting them did.
    pub(super) fn forget_sockets(&mut self) {
        self.current = SocketIndex::default();
        self.latest = None;
    }

    /// Takes a connection out.
    pub(super) fn remove(&mut self, index: usize) -> Option<Leaving> {
        let (key, leaving) = match std::mem::take(self.slots.get_mut(index)?) {
            Slot::Free => return None,
            Slot::HalfOpen(half_open) => (half_open.key(), Leaving::HalfOpen(half_open)),
            Slot::Tracked(tracked) => (tracked.key, Leaving::Tracked(tracked)),
        };
        self.latest = self.latest.filter(|latest| *latest != index);
        self.live -= 1;
        self.free.push(index as u32);
        self.current.remove(&key, index as u32);
        Some(leaving)
    }

    /// Has all connections take in segments that wait too long for what they follow.
    pub(super) fn release_early(&mut self, now: Timestamp, budget: &mut Budget) {
        for index in 0..self.slots.len() {
            if let Some(tracked) = self.tracked_mut(index) {
                tracked.release_early(now, budget, &mut |_| {});
            }
        }
    }

    /// The connections of which nothing more is to come, in the order of their first packets.
    pub(super) fn over(&mut self, is_over: impl Fn(&TrackedConnection) -> bool) -> Vec<usize> {
        let superseded = std::mem::take(&mut self.superseded).into_iter().map(|index| index as usize);
        // It may have left in the meantime, and another have its slot.
        let superseded =
            superseded.filter(|index| self.key(*index).is_some_and(|key| self.look_up(&key) != Some(*index)));
        let over = self.slots.iter().enumerate();
        let over = over.filter(|(_, slot)| matches!(slot, Slot::Tracked(tracked) if is_over(tracked)));
        in_order(
            over.map(|(index, _)| index).chain(superseded).filter_map(|index| self.numbered(index)).collect(),
        )
    }

    /// The least important of the connections, a quarter of them, in the order of their first packets: enough to make room
    /// for a while, and few enough that attempts which were just made stay until their silence shows.
    pub(super) fn least_important(&self) -> VecDeque<EvictionCandidate> {
        let importance = |slot: &Slot| match slot {
            Slot::Free => None,
            Slot::HalfOpen(_) => Some((true, Stage::Syn)),
            Slot::Tracked(tracked) => Some(tracked.importance()),
        };
        let mut wanted = self.live.div_ceil(4);
        let mut levels = BTreeMap::<_, Vec<_>>::new();
        for (index, slot) in self.slots.iter().enumerate() {
            if let Some(importance) = importance(slot) {
                levels.entry(importance).or_default().extend(self.candidate(index));
            }
        }
        let mut candidates = Vec::with_capacity(wanted);
        for mut level in levels.into_values() {
            if wanted < level.len() {
                // The oldest of them.
                level.select_nth_unstable(wanted);
                level.truncate(wanted);
            }
            wanted -= level.len();
            candidates.extend(level);
        }
        candidates.sort_unstable();
        candidates.into()
    }

    /// The slot of a connection that is to leave, if no packet of it came since.
    pub(super) fn if_unchanged(&self, candidate: &EvictionCandidate) -> Option<usize> {
        (self.candidate(candidate.index).as_ref() == Some(candidate)).then_some(candidate.index)
    }

    fn candidate(&self, index: usize) -> Option<EvictionCandidate> {
        let (first, last) = self.slots.get(index)?.first_and_last()?;
        Some(EvictionCandidate { first, last, index })
    }

    /// All connections: the number of the first packet, and the slot.
    pub(super) fn all(&self) -> impl Iterator<Item = (u64, usize)> {
        (0..self.slots.len()).filter_map(|index| self.numbered(index))
    }

    /// A connection's number among all is known now; nothing, if it left in the meantime.
    pub(super) fn renumber(&mut self, index: usize, provisional: u64, id: u64) {
        match self.slots.get_mut(index) {
            Some(Slot::HalfOpen(half_open)) if half_open.ordinal() == provisional => half_open.renumber(id),
            Some(Slot::Tracked(tracked)) if tracked.story.so_far().id == provisional => {
                tracked.story.renumber(id);
            }
            _ => {}
        }
    }

    fn key(&self, index: usize) -> Option<Key> {
        self.slots.get(index)?.key()
    }

    fn is_at(&self, index: usize, key: &Key) -> bool {
        self.slots.get(index).is_some_and(|slot| slot.is_between(key))
    }

    /// A slot that is taken, after the number of its connection's first packet.
    fn numbered(&self, index: usize) -> Option<(u64, usize)> {
        let (first, _) = self.slots.get(index)?.first_and_last()?;
        Some((first, index))
    }
}

/// Slots in the order of the numbers before them, each once.
fn in_order(mut numbered: Vec<(u64, usize)>) -> Vec<usize> {
    numbered.sort_unstable();
    numbered.dedup();
    numbered.into_iter().map(|(_, index)| index).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::analysis::Settings;
    use crate::story::script::talk::{self, Talk};
    use crate::tcp::Role;

    fn tracked(talk: &Talk) -> (Key, TrackedConnection) {
        let first = &talk.packets[0];
        let mut tracked = TrackedConnection::new(1, first.id, &first.segment(), &Settings::default());
        for packet in &talk.packets {
            tracked.segment(
                packet.id,
                &packet.segment(),
                &Settings::default(),
                &mut Budget::default(),
                &mut |_| {},
            );
        }
        (Key::of(&first.header), tracked)
    }

    #[test]
    fn the_least_informative_connections_leave_a_full_table() {
        let talking = |port| Talk::to_port(port).open().say(Role::Client, &talk::client_hello());
        let mut table = Table::default();
        for talk in [
            talking(1),
            Talk::to_port(2).syn(),
            talking(3).fin(Role::Client),
            Talk::to_port(4).syn().syn_ack(),
        ] {
            let (key, tracked) = tracked(&talk);
            table.insert(key, tracked);
        }
        let leave = |table: &mut Table, slots: Vec<usize>| -> Vec<u16> {
            let removed = slots.into_iter().filter_map(|index| table.remove(index));
            let port = |leaving| match leaving {
                Leaving::Tracked(tracked) => tracked.tcp.ends.server.port,
                Leaving::HalfOpen(half_open) => half_open.ends().1.1,
            };
            removed.map(port).collect()
        };
        let least = |table: &Table| -> Vec<usize> {
            table.least_important().iter().filter_map(|candidate| table.if_unchanged(candidate)).collect()
        };
        let first = least(&table);
        assert_eq!(leave(&mut table, first), [3]);
        let candidates = table.least_important();
        let second = least(&table);
        assert_eq!(leave(&mut table, second), [2]);
        assert_eq!(table.if_unchanged(&candidates[0]), None);
        let all = in_order(table.all().collect());
        assert_eq!(leave(&mut table, all), [1, 4]);
        assert!(!table.is_full(&Budget::default(), &Bounds { connections: 0, ..Bounds::default() }));
    }

    #[test]
    fn an_error_that_shows_no_ports_is_about_a_packet_of_either_side() {
        let (key, tracked) = tracked(&Talk::to_port(443).open());
        let (client, server) = (tracked.tcp.ends.client.host, tracked.tcp.ends.server.host);
        let mut table = Table::default();
        table.insert(key, tracked);
        let quoted = |source, destination, destination_port| crate::packet::Quoted {
            source,
            destination,
            source_port: None,
            destination_port,
            seq: None,
            protocol: None,
        };
        assert!(table.find_quoted(&quoted(client, server, None)).is_some());
        assert!(table.find_quoted(&quoted(client, server, Some(443))).is_some());
        assert!(table.find_quoted(&quoted(server, client, None)).is_some());
        assert!(table.find_quoted(&quoted(server, client, Some(443))).is_none());
        assert!(table.find_quoted(&quoted(server, server, None)).is_none());
    }
}
