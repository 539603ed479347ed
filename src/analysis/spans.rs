//! When something happened to a server, as spans of time between which it did not happen.

use crate::limits;
use crate::packet::Moment;

/// Spans in order of time, up to [`limits::SERVER_SPANS`]. Beyond it the two that are closest become one, so that a gap between two
/// spans is always one in which nothing happened.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(crate) struct Spans(Vec<Span>);

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Span {
    first: Moment,
    last: Moment,
    count: u64,
}

impl Spans {
    /// Takes in another packet, in any order.
    pub(super) fn add(&mut self, moment: Moment) {
        let key = |moment: Moment| (moment.at, moment.number);
        let place = self.0.partition_point(|span| key(span.first) <= key(moment));
        if let Some(before) = place.checked_sub(1).and_then(|before| self.0.get_mut(before))
            && key(moment) <= key(before.last)
        {
            before.count += 1;
            return;
        }
        self.0.insert(place, Span { first: moment, last: moment, count: 1 });
        if self.0.len() > limits::SERVER_SPANS {
            self.join_closest();
        }
    }

    fn join_closest(&mut self) {
        let gaps = self.0.windows(2).enumerate();
        let closest = gaps.min_by_key(|(_, pair)| pair[1].first.at - pair[0].last.at).map(|(place, _)| place);
        let Some(place) = closest else { return };
        let later = self.0.remove(place + 1);
        self.0[place].last = later.last;
        self.0[place].count += later.count;
    }

    /// How often it happened before `from` and after `to`, where it did not happen in between and did on both sides.
    pub(super) fn around(&self, from: Moment, to: Moment) -> Option<(u64, u64)> {
        let (mut before, mut after) = (0, 0);
        for span in &self.0 {
            if span.last.at < from.at {
                before += span.count;
            } else if span.first.at > to.at {
                after += span.count;
            } else {
                return None;
            }
        }
        (before > 0 && after > 0).then_some((before, after))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::Timestamp;

    fn at(second: u64) -> Moment {
        Moment { number: second, at: Timestamp::from_parts(second as i64, 0) }
    }

    fn around(seconds: &[u64], from: u64, to: u64) -> Option<(u64, u64)> {
        let mut spans = Spans::default();
        for second in seconds {
            spans.add(at(*second));
        }
        assert!(spans.0.len() <= limits::SERVER_SPANS);
        spans.around(at(from), at(to))
    }

    #[test]
    fn a_gap_is_one_in_which_nothing_happened() {
        assert_eq!(around(&[9, 1, 2, 8], 3, 7), Some((2, 2)));
        assert_eq!(around(&[1, 2, 5, 8], 3, 7), None);
        assert_eq!(around(&[1, 2], 3, 7), None, "nothing after it");
        assert_eq!(around(&[8], 3, 7), None, "nothing before it");
    }

    #[test]
    fn the_longest_gaps_outlive_the_bound() {
        let seconds: Vec<_> = (0..1_000).chain(2_000..3_000).collect();
        assert_eq!(around(&seconds, 1_100, 1_900), Some((1_000, 1_000)));
        let backwards: Vec<_> = seconds.iter().rev().copied().collect();
        assert_eq!(around(&backwards, 1_100, 1_900), Some((1_000, 1_000)));
        assert_eq!(around(&seconds, 1_100, 2_100), None);
    }
}
