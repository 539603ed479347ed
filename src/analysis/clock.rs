//! Where the capture's clock advances, and where it steps.

use std::num::NonZeroU32;
use std::sync::Arc;

use crate::limits;
use crate::story::{ClockStep, Moment};
use crate::time::{Elapsed, SECOND, Timestamp};

/// Steps back up to this are the disorder of several capture queues, not steps of the clock.
pub(crate) const DISORDER: Elapsed = Elapsed::from_millis(1_000);

/// A leap forward beyond this separates captures that were put together: a licence sync runs every 24 hours, so two
/// days without a packet of any kind are no silence that a running capture would show.
pub(crate) const LEAP: Elapsed = Elapsed::from_millis(48 * 3_600 * 1_000);

/// A break this long, in which no packet at all was captured, is longer than any sender waits before it repeats what is not
/// acknowledged (RFC 6298, 2.5).
const BREAK: Elapsed = Elapsed::from_millis(60_000);

/// A connection that was quiet for this long before a break, with a repeat due, fell silent by itself (RFC 6298, 2.4).
const QUIET: Elapsed = Elapsed::from_millis(1_000);

/// The capture cut into stretches over which its clock runs on. A silence cannot be measured across a step.
#[derive(Clone, Debug, Default)]
pub(super) struct Eras {
    /// Where each era but the first begins, and the end of the era before it. Shared, since each share of the connections gets the
    /// clock again and again.
    past: Arc<Vec<(ClockStep, Timestamp)>>,
    last: Option<Timestamp>,
    /// The last packet before each break, and how long the break lasted.
    breaks: Arc<Vec<(Moment, Elapsed)>>,
    /// The last packet, and until when others would have been captured.
    running: (u64, Timestamp),
    end: Timestamp,
    latest: Timestamp,
    steps: u64,
    /// The packet before which it stepped last.
    stepped_at: Option<u64>,
}

impl Eras {
    /// Takes the next packet's time in.
    pub(super) fn note(&mut self, number: u64, at: Timestamp) {
        let (before, ran_until) = std::mem::replace(&mut self.running, (number, at));
        let Some(last) = self.last.replace(at) else {
            self.end = at;
            self.latest = at;
            return;
        };
        if at - ran_until >= BREAK && self.breaks.len() < limits::CLOCK_STEPS {
            Arc::make_mut(&mut self.breaks).push((Moment { number: before, at: ran_until }, at - ran_until));
        }
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
        self.running.1 = self.running.1.max(at);
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

    /// How many seconds the break lasts that follows a connection's last packet, where the connection had no time to show what is wrong
    /// before it.
    pub(super) fn break_after(&self, last: Moment) -> Option<NonZeroU32> {
        let next = self.breaks.partition_point(|(before, _)| before.number < last.number);
        let (before, elapsed) = self.breaks.get(next)?;
        let seconds = u32::try_from(elapsed.nanos() / SECOND).ok().and_then(NonZeroU32::new);
        seconds.filter(|_| before.at - last.at < QUIET)
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
    fn a_break_follows_the_packets_shortly_before_it() {
        let mut eras = Eras::default();
        let moment = |number, millis| Moment { number, at: Timestamp::ZERO + Elapsed::from_millis(millis) };
        for (number, millis) in [(1, 0), (2, 2_000), (3, 2_500), (4, 62_500), (5, 122_499), (6, 200_000)] {
            eras.note(number, moment(number, millis).at);
        }
        let minute = NonZeroU32::new(60);
        assert_eq!(eras.break_after(moment(3, 2_500)), minute);
        assert_eq!(eras.break_after(moment(2, 2_000)), minute);
        // It was quiet for 2.5 s by itself.
        assert_eq!(eras.break_after(moment(1, 0)), None);
        assert_eq!(eras.break_after(moment(5, 122_499)), NonZeroU32::new(77));
        assert_eq!(eras.break_after(moment(6, 200_000)), None);
        // A source that waits for packets shows that none came.
        eras.pass(moment(0, 299_000).at);
        eras.note(7, moment(7, 300_000).at);
        assert_eq!(eras.break_after(moment(6, 200_000)), None);
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
