//! What the connections of a share hold together, against its part of the limits.

use super::Bounds;
use crate::limits;
use crate::tls::TlsEvent;

/// Room that is kept for a segment's events; one of tiny records has thousands.
const EVENTS: usize = 64;

/// What one connection holds.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(in crate::analysis) struct Held {
    /// Bytes of memory in all, estimated.
    pub(super) memory: usize,
    /// Bytes that are buffered after holes.
    pub(super) waiting_bytes: usize,
    /// Bytes of segments that wait for what they follow.
    pub(super) early_bytes: usize,
    /// Bytes of handshake messages that are not complete.
    pub(super) message_bytes: usize,
    /// Packets that its timeline keeps.
    pub(super) timeline_entries: usize,
}

/// What the connections of a share hold together.
#[derive(Clone, Debug, Default)]
pub(in crate::analysis) struct Budget {
    /// Room for the events of one segment.
    events: Vec<TlsEvent>,
    pub(super) held: Held,
    /// How often what waited for missing bytes, or for what was sent before it, was read without them for lack of room.
    pub(in crate::analysis) holes_given_up: u64,
    /// Connections whose timeline was not kept, or not to its end, for lack of room.
    pub(in crate::analysis) timelines_given_up: u64,
    /// Handshake messages that were not kept for lack of room.
    pub(in crate::analysis) messages_given_up: u64,
}

/// A share's part of a bound.
const fn each(in_all: usize) -> usize {
    in_all / limits::SHARES
}

impl Budget {
    /// A connection begins.
    pub(in crate::analysis) fn begin(&mut self, held: Held) {
        self.change(Held::default(), held);
    }

    /// A connection leaves with what it held.
    pub(in crate::analysis) fn release(&mut self, held: Held) {
        self.change(held, Held::default());
    }

    /// A connection holds something else than before.
    pub(super) fn change(&mut self, before: Held, now: Held) {
        // After its handshake most segments of a connection change nothing.
        if before == now {
            return;
        }
        let changed = |all: &mut usize, before: usize, now: usize| *all = (*all + now).saturating_sub(before);
        changed(&mut self.held.memory, before.memory, now.memory);
        changed(&mut self.held.waiting_bytes, before.waiting_bytes, now.waiting_bytes);
        changed(&mut self.held.early_bytes, before.early_bytes, now.early_bytes);
        changed(&mut self.held.message_bytes, before.message_bytes, now.message_bytes);
        changed(&mut self.held.timeline_entries, before.timeline_entries, now.timeline_entries);
    }

    /// Whether a connection that now has this many bytes buffered after holes, and had that many before, must give them up.
    pub(super) fn must_give_holes_up(&mut self, waiting: usize, before: usize) -> bool {
        let is_too_much =
            self.held.waiting_bytes + waiting > each(limits::OUT_OF_ORDER_BYTES_IN_ALL) + before;
        self.holes_given_up += u64::from(is_too_much);
        is_too_much
    }

    /// Whether a segment of this many bytes must not wait for what it follows.
    pub(super) fn must_take_early(&mut self, bytes: usize) -> bool {
        let is_too_much = self.held.early_bytes + bytes > each(limits::EARLY_BYTES_IN_ALL);
        self.holes_given_up += u64::from(is_too_much);
        is_too_much
    }

    /// Whether a connection that now has this many bytes of unfinished messages, and had that many before, must give them up.
    pub(super) fn must_give_messages_up(&mut self, held: usize, before: usize) -> bool {
        let is_too_much =
            held > before && self.held.message_bytes + held > each(limits::HANDSHAKE_BYTES_IN_ALL) + before;
        self.messages_given_up += u64::from(is_too_much);
        is_too_much
    }

    /// Whether timelines may keep no more packets.
    pub(super) fn must_stop_timelines(&self) -> bool {
        self.held.timeline_entries >= each(limits::TIMELINE_ENTRIES_IN_ALL)
    }

    /// Whether connections that take these bytes in the table take more than they may.
    pub(super) fn is_exceeded(&self, bounds: &Bounds, table_bytes: usize) -> bool {
        self.held.memory + table_bytes > bounds.connection_bytes_each()
    }

    /// An empty list for the events of one segment.
    pub(super) fn lend_events(&mut self) -> Vec<TlsEvent> {
        std::mem::take(&mut self.events)
    }

    /// Takes that list back, read.
    pub(super) fn take_events_back(&mut self, mut events: Vec<TlsEvent>) {
        events.clear();
        events.shrink_to(EVENTS);
        self.events = events;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_after_holes_are_given_up_when_all_connections_hold_too_many() {
        let mut budget = Budget::default();
        let most = each(limits::OUT_OF_ORDER_BYTES_IN_ALL);
        assert!(!budget.must_give_holes_up(most, 0));
        budget.begin(Held { waiting_bytes: most, ..Held::default() });
        assert!(budget.must_give_holes_up(10, 0));
        assert!(!budget.must_give_holes_up(0, 10));
        assert_eq!(budget.holes_given_up, 1);
    }

    #[test]
    fn early_segments_of_all_connections_are_bounded() {
        let mut budget = Budget::default();
        assert!(!budget.must_take_early(each(limits::EARLY_BYTES_IN_ALL)));
        budget.begin(Held { early_bytes: each(limits::EARLY_BYTES_IN_ALL), ..Held::default() });
        assert!(budget.must_take_early(1));
        assert_eq!(budget.holes_given_up, 1);
    }

    #[test]
    fn what_a_connection_held_is_free_again_when_it_leaves() {
        let held =
            Held { memory: 7, waiting_bytes: 5, early_bytes: 4, message_bytes: 3, timeline_entries: 2 };
        let mut budget = Budget::default();
        budget.begin(held);
        let more = Held { memory: 17, ..held };
        budget.change(held, more);
        assert_eq!(budget.held, more);
        budget.release(more);
        assert_eq!(budget.held, Held::default());
    }
}
