//! The order of packets, where a capture holds them in another.

use crate::limits;

/// Which packets were captured before what they follow. All others come in the order of their numbers.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Order {
    /// The highest number so far.
    latest: u64,
    /// Packets that come later than their numbers show, each with its place.
    moved: Vec<(u64, OrderKey)>,
}

/// A packet's place: the highest number up to it, and how many packets were moved after that one.
type OrderKey = (u64, u32);

impl Order {
    /// Records the next packet of the connection.
    pub(super) fn record(&mut self, number: u64) {
        if number > self.latest {
            self.latest = number;
            return;
        }
        let after = |(_, (latest, count)): &(u64, OrderKey)| if *latest == self.latest { *count } else { 0 };
        let place = (self.latest, self.moved.last().map_or(0, after) + 1);
        if self.moved.len() < limits::MOVED_PACKETS {
            self.moved.push((number, place));
        }
    }

    /// Whether a packet follows another, by their numbers.
    pub fn is_after(&self, number: u64, other: u64) -> bool {
        self.place(number) > self.place(other)
    }

    fn place(&self, number: u64) -> OrderKey {
        let moved = self.moved.iter().find(|(moved, _)| *moved == number);
        moved.map_or((number, 0), |(_, place)| *place)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_packet_that_was_captured_early_is_placed_after_what_it_follows() {
        let mut order = Order::default();
        for number in [1, 4, 2, 3, 5] {
            order.record(number);
        }
        let mut sorted = vec![5, 4, 3, 2, 1];
        sorted.sort_by(|one, other| order.is_after(*one, *other).cmp(&order.is_after(*other, *one)));
        assert_eq!(sorted, [1, 4, 2, 3, 5]);
    }

    #[test]
    fn packets_that_are_moved_are_bounded() {
        let mut order = Order::default();
        order.record(u64::MAX);
        for number in 0..1_000 {
            order.record(number);
        }
        assert_eq!(order.moved.len(), limits::MOVED_PACKETS);
    }
}
