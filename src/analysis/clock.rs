//! Where the capture's clock advances, and where it steps.

use std::sync::Arc;

use crate::limits;
use crate::story::ClockStep;
use crate::time::{Elapsed, Timestamp};

/// Steps back up to this are the disorder of several capture queues, not steps of the clock.
const DISORDER: Elapsed = Elapsed::from_millis(1_000);

/// A leap forward beyond this separates captures that were put together: a licence sync runs every 24 hours, so two
/// days without a packet of any kind are no silence that a running capture would show.
const LEAP: Elapsed = Elapsed::from_millis(48 * 3_600 * 1_000);

/// The capture cut into stretches over which its clock runs on. A silence cannot be measured across a step.
#[derive(Clone, Debug, Default)]
pub(super) struct Eras {
    /// Where each era but the first begins, and the end of the era before it. Shared, since each share of the connections gets the
    /// clock again and again.
    past: Arc<Vec<(ClockStep, Timestamp)>>,
    last: Option<Timestamp>,
    end: Timestamp,
    latest: Timestamp,
    steps: u64,
    /// The packet before which it stepped last.
    stepped_at: Option<u64>,
}

impl Eras {
    /// Takes the next packet's time in.
    pub(super) fn note(&mut self, number: u64, at: Timestamp) {
        let Some(last) = self.last.replace(at) else {
            self.end = at;
            self.latest = at;
            return;
        };
        let elapsed = at - last;
        if elapsed.nanos() < -DISORDER.nanos() || elapsed > LEAP {
            self.steps += 1;
            self.stepped_at = Some(number);
            if self.past.len() < limits::CLOCK_STEPS {
                Arc::make_mut(&mut self.past).push((ClockStep { number, by: elapsed }, self.end));
                self.end = at;
            }
        }
        self.end = self.end.max(at);
        self.latest = self.latest.max(at);
    }

    /// A packet of this time was captured in the same era.
    pub(super) fn reach(&mut self, at: Timestamp) {
        self.end = self.end.max(at);
        self.latest = self.latest.max(at);
    }

    /// The clock advances without a packet.
    pub(super) fn pass(&mut self, at: Timestamp) {
        if self.last.is_some_and(|last| at > last && at - last <= LEAP) {
            self.end = self.end.max(at);
            self.latest = self.latest.max(at);
        }
    }

    /// The end of the era in which a packet lies.
    pub(super) fn end_for(&self, number: u64) -> Timestamp {
        let next = self.past.partition_point(|(step, _)| step.number <= number);
        self.past.get(next).map_or(self.end, |(_, end)| *end)
    }

    /// The first step after one packet and up to another.
    pub(super) fn step_between(&self, first: u64, last: u64) -> Option<ClockStep> {
        let next = self.past.partition_point(|(step, _)| step.number <= first);
        self.past.get(next).map(|(step, _)| *step).filter(|step| step.number <= last)
    }

    /// Whether it stepped since this packet.
    pub(super) fn stepped_since(&self, number: u64) -> bool {
        self.stepped_at > Some(number)
    }

    /// The latest time of all.
    pub(super) fn latest(&self) -> Timestamp {
        self.latest
    }

    /// How often the clock stepped.
    pub(super) fn steps(&self) -> u64 {
        self.steps
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_parts(seconds, 0)
    }

    #[test]
    fn a_silence_ends_where_the_clock_steps() {
        let mut eras = Eras::default();
        for (number, seconds) in [(1, 100), (2, 110), (3, 50), (4, 55), (5, 55 + 86_400 * 3)] {
            eras.note(number, at(seconds));
        }
        assert_eq!(eras.end_for(1), at(110));
        assert_eq!(eras.end_for(3), at(55));
        assert_eq!(eras.end_for(5), at(55 + 86_400 * 3));
        assert_eq!(eras.steps(), 2);
        let back = ClockStep { number: 3, by: Elapsed::from_millis(-60_000) };
        assert_eq!(eras.step_between(1, 4), Some(back));
        assert_eq!(eras.step_between(1, 2), None);
        assert_eq!(eras.step_between(3, 4), None);
        assert!(eras.stepped_since(4) && !eras.stepped_since(5));
    }

    #[test]
    fn a_day_without_packets_and_a_little_disorder_are_no_steps() {
        let mut eras = Eras::default();
        for (number, millis) in [(1, 0), (2, 5), (3, 3), (4, 86_400_000)] {
            eras.note(number, Timestamp::ZERO + Elapsed::from_millis(millis));
        }
        assert_eq!(eras.steps(), 0);
        assert_eq!(eras.end_for(1), at(86_400));
    }
}
