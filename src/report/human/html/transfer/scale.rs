//! Where a time and a byte are in the picture of a transfer, in thousandths of its width and height.

use super::stall::Stall;
use crate::time::Timestamp;

/// Where times begin, to the right of the labels of bytes, and where they end.
const LEFT: f64 = 120.0;
const RIGHT: f64 = 990.0;

/// Where bytes end at the top, below the label of the stall, and begin at the bottom.
const TOP: f64 = 130.0;
const BOTTOM: f64 = 960.0;

/// A stall takes at least and at most this share of the width, so that its label fits and what led to it can be seen.
const STALL: (f64, f64) = (0.4, 0.7);

/// What comes after it takes at least this share.
const AFTER: f64 = 0.18;

/// Bytes that wait take at least this part of the visible height.
const WAITING: u64 = 8;

/// Steps between labels, in bytes, times a power of ten.
const STEPS: [u64; 3] = [1, 2, 5];

/// Labels of bytes, at most.
const LEVELS: u64 = 5;

/// A place in percent.
pub(super) fn percent(thousandths: f64) -> String {
    format!("{:.2}", thousandths / 10.0)
}

/// The axis of time. Where the stall would hide what led to it, the times before and after it are spread, so that packets which came close
/// together are distinct.
#[derive(Clone, Debug)]
pub(super) struct Times {
    /// Times in order, each with its place; between two of them time runs evenly.
    knots: Vec<(Timestamp, f64)>,
    /// Whether time runs evenly all over.
    pub(super) is_even: bool,
}

impl Times {
    /// From `first` to `last`, with a stall between. `moments` are the times of packets, in order.
    pub(super) fn of(first: Timestamp, stall: &Stall, last: Timestamp, moments: &[Timestamp]) -> Self {
        let (from, until) = (stall.from.max(first), stall.until.max(first));
        let last = last.max(until);
        let span = |one: Timestamp, other: Timestamp| (other - one).nanos().max(0) as f64;
        let [before, within, after] = [span(first, from), span(from, until), span(until, last)];
        let all = (before + within + after).max(1.0);
        let share = within / all;
        let is_seen = |part: f64, least: f64| part == 0.0 || part / all >= least;
        let is_even = share >= STALL.0 && is_seen(before, 1.0 - STALL.1) && is_seen(after, AFTER);
        if is_even {
            let (middle, end) = (before / all, (before + within) / all);
            let knots = [(first, 0.0), (from, middle), (until, end), (last, 1.0)]
                .map(|(at, share)| (at, place(share)));
            return Self { knots: knots.to_vec(), is_even };
        }
        let after_share = if after > 0.0 { AFTER } else { 0.0 };
        let least = if before > 0.0 { 1.0 - STALL.1 } else { 0.0 };
        let room = 1.0 - after_share - least;
        let own = share.clamp(STALL.0.min(room), room);
        let mut knots = vec![(first, place(0.0))];
        spread(&mut knots, (first, from), moments, place(1.0 - after_share - own));
        knots.push((until, place(1.0 - after_share)));
        spread(&mut knots, (until, last), moments, place(1.0));
        Self { knots, is_even }
    }

    /// The place of a time.
    pub(super) fn x(&self, at: Timestamp) -> f64 {
        let (mut before, mut x) = self.knots[0];
        for &(end, place) in &self.knots[1..] {
            if at < end {
                let part = (at - before).nanos().max(0) as f64 / (end - before).nanos().max(1) as f64;
                return x + part * (place - x);
            }
            (before, x) = (end, place);
        }
        x
    }
}

/// The place of a share of all the time.
fn place(share: f64) -> f64 {
    LEFT + share * (RIGHT - LEFT)
}

/// Adds the times of packets between two times, up to a place: half by their time, half by their order.
fn spread(
    knots: &mut Vec<(Timestamp, f64)>,
    (from, until): (Timestamp, Timestamp),
    moments: &[Timestamp],
    to: f64,
) {
    let Some(&(_, begin)) = knots.last() else { return };
    let mut between: Vec<_> = moments.iter().copied().filter(|at| *at > from && *at < until).collect();
    between.dedup();
    let span = (until - from).nanos().max(1) as f64;
    let steps = between.len() as f64 + 1.0;
    for (index, at) in between.into_iter().enumerate() {
        let by_time = (at - from).nanos() as f64 / span;
        let by_order = (index + 1) as f64 / steps;
        knots.push((at, begin + by_time.midpoint(by_order) * (to - begin)));
    }
    knots.push((until, to));
}

/// The axis of bytes.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(super) struct Bytes {
    pub(super) lowest: u64,
    pub(super) highest: u64,
}

impl Bytes {
    /// Creates the scale of a transfer from `lowest` to `highest`, so that what waits in the stall can be seen: of a long one its last
    /// part. A window that reaches far beyond is cut off.
    pub(super) fn of(lowest: u64, highest: u64, stall: &Stall) -> Self {
        let waiting = stall.sent.saturating_sub(stall.acked).max(1);
        let highest = highest.max(stall.sent);
        let earliest = stall.acked.saturating_sub(waiting.saturating_mul(WAITING - 1));
        let is_hidden = (highest - lowest.min(highest)) / waiting > WAITING + WAITING / 2 && !stall.is_over;
        let lowest = if is_hidden { earliest.max(lowest) } else { lowest };
        let span = highest.saturating_sub(lowest);
        let edge = stall.edge.filter(|edge| *edge > highest && *edge - highest <= span / 2);
        Self { lowest, highest: edge.unwrap_or(highest).max(lowest + 1) }
    }

    /// The place of an offset, from the top.
    pub(super) fn y(&self, offset: u64) -> f64 {
        let offset = offset.clamp(self.lowest, self.highest);
        let part = (offset - self.lowest) as f64 / (self.highest - self.lowest) as f64;
        BOTTOM - part * (BOTTOM - TOP)
    }

    /// Round offsets to label.
    pub(super) fn levels(&self) -> Vec<u64> {
        let span = self.highest - self.lowest;
        let decades = std::iter::successors(Some(1_u64), |decade| decade.checked_mul(10));
        let mut steps =
            decades.flat_map(|decade| STEPS.into_iter().filter_map(move |step| decade.checked_mul(step)));
        let Some(step) = steps.find(|step| span / step <= LEVELS) else { return Vec::new() };
        let first = self.lowest.div_ceil(step).saturating_mul(step);
        let levels = std::iter::successors(Some(first), |level| level.checked_add(step));
        levels.take_while(|level| *level <= self.highest).take(LEVELS as usize + 1).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::super::stall::Why;
    use super::*;

    fn at(millis: i64) -> Timestamp {
        Timestamp::from_nanos(millis * 1_000_000)
    }

    fn stall(from: i64, until: i64) -> Stall {
        Stall {
            from: at(from),
            until: at(until),
            why: Why::Unacknowledged,
            acked: 10_000,
            sent: 12_000,
            edge: None,
            repeats: 0,
            sacked: Vec::new(),
            is_over: false,
        }
    }

    #[test]
    fn a_stall_is_wide_enough_for_its_label_and_leaves_room_for_what_led_to_it() {
        for (first, from, until, last) in
            [(0, 20, 8_000, 8_000), (0, 900, 2_000, 60_000), (0, 5_000, 10_000, 10_000), (0, 0, 4_000, 4_000)]
        {
            let times = Times::of(at(first), &stall(from, until), at(last), &[]);
            let width = times.x(at(until)) - times.x(at(from));
            assert!(width >= 0.39 * (RIGHT - LEFT), "{width}");
            let before = times.x(at(from)) - times.x(at(first));
            assert!(from == first || before >= 0.29 * (RIGHT - LEFT), "{before}");
            assert!((times.x(at(first)) - LEFT).abs() < 0.01 && (times.x(at(last)) - RIGHT).abs() < 0.01);
            assert!(times.x(at(-5)) >= LEFT && times.x(at(90_000)) <= RIGHT);
        }
        assert!(Times::of(at(0), &stall(5_000, 10_000), at(10_000), &[]).is_even);
        assert!(!Times::of(at(0), &stall(20, 8_000), at(8_000), &[]).is_even);
    }

    #[test]
    fn within_the_stall_time_runs_evenly_and_nowhere_back() {
        let moments = [1, 1, 2, 19, 20, 300, 8_001, 8_500].map(at);
        let times = Times::of(at(0), &stall(20, 8_000), at(9_000), &moments);
        let middle = times.x(at(4_010));
        assert!((middle - times.x(at(20)).midpoint(times.x(at(8_000)))).abs() < 0.01);
        assert!(times.x(at(2)) - times.x(at(1)) > 30.0, "what came within 1 ms are distinct");
        let places: Vec<f64> = (0..9_100).map(|millis| times.x(at(millis))).collect();
        assert!(places.is_sorted());
    }

    #[test]
    fn of_a_long_transfer_the_part_is_shown_in_which_what_waits_can_be_seen() {
        let stalled = Stall { acked: 99_998_000, sent: 100_000_000, ..stall(0, 1) };
        let bytes = Bytes::of(1, 100_000_000, &stalled);
        assert!((bytes.highest - bytes.lowest) / 2_000 <= WAITING);
        assert!(bytes.y(stalled.acked) - bytes.y(stalled.sent) > 50.0);
        let all = Bytes::of(1, 12_000, &stall(0, 1));
        assert_eq!((all.lowest, all.highest), (1, 12_000));
        assert!((all.y(1) - BOTTOM).abs() < 0.01 && (all.y(u64::MAX) - TOP).abs() < 0.01);
    }

    #[test]
    fn a_window_is_shown_as_far_as_it_does_not_press_the_bytes_together() {
        let open = |edge| Bytes::of(1, 12_000, &Stall { edge: Some(edge), ..stall(0, 1) }).highest;
        assert_eq!((open(15_000), open(1_000_000), open(11_000)), (15_000, 12_000, 12_000));
    }

    #[test]
    fn levels_are_round_and_few() {
        let levels = |lowest, highest| Bytes { lowest, highest }.levels();
        assert_eq!(levels(1, 27_114), [5_000, 10_000, 15_000, 20_000, 25_000]);
        assert_eq!(levels(99_984_000, 100_000_000), [99_985_000, 99_990_000, 99_995_000, 100_000_000]);
        assert_eq!(levels(u64::MAX - 1, u64::MAX).len(), 2);
        for highest in [2, 3, 9, 5_000_000_000, u64::MAX] {
            assert!(levels(1, highest).len() <= LEVELS as usize + 1);
        }
    }
}
