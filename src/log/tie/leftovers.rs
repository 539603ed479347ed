//! Attempts that a clock's offset alone leaves untied.

use super::super::attempt::{Attempt, Side};
use super::super::clock::{self, Ballot, Offset};
use super::super::clocks::LogZone;
use super::super::pair::{self, Fit};
use super::{Choice, DRIFT, MILLI, Work, near};
use crate::time::{Elapsed, Timestamp};

impl Work<'_> {
    /// Ties what is left of a clock that has no zone at an hour more or less: daylight saving time began or ended.
    pub(super) fn tie_after_step(&mut self, clock: usize) {
        const HOUR: i64 = 3600 * 1000 * MILLI;
        let Ok(offset) = self.clocks[clock].clone() else { return };
        if self.logs.clocks[clock].zone == LogZone::Utc || offset.is_modulo_day {
            return;
        }
        let left: Vec<usize> =
            self.of_clock[clock].iter().copied().filter(|index| self.ties[*index].is_none()).collect();
        let tied = |work: &Self| -> Option<(Timestamp, Timestamp)> {
            let ends = work.of_clock[clock].iter().filter(|index| work.ties[**index].is_some());
            let ends: Vec<Timestamp> = ends.map(|index| work.logs.attempts[*index].end).collect();
            Some((*ends.iter().min()?, *ends.iter().max()?))
        };
        let Some((first, last)) = tied(self) else { return };
        for hour in [-HOUR, HOUR] {
            let value = Elapsed::from_nanos(offset.value.nanos() + hour);
            let bounds = (offset.bounds.0.nanos() + hour, offset.bounds.1.nanos() + hour);
            for is_after in [false, true] {
                let attempts: Vec<&Attempt> = left
                    .iter()
                    .map(|index| &self.logs.attempts[*index])
                    .filter(|attempt| if is_after { attempt.end > last } else { attempt.end < first })
                    .collect();
                let within = Some((bounds.0 - DRIFT, bounds.1 + DRIFT));
                let ballot = Ballot { within, is_same_host: false, ..self.ballot(clock) };
                // Two at least: one is no change of zone.
                let Ok(voted) = clock::vote(&attempts, &ballot) else { continue };
                if voted.votes >= 2 {
                    let stepped = Offset { value, ..voted };
                    self.tie_at(clock, &stepped);
                }
            }
        }
    }

    /// Ties a client's attempt whose outcome is not the wire's, if the log names the server and exactly one exchange with it, which no
    /// other attempt has, lies there.
    pub(super) fn tie_disagreeing(&mut self) {
        for index in 0..self.logs.attempts.len() {
            let attempt = &self.logs.attempts[index];
            let clock = attempt.clock.index();
            let is_open = self.ties[index].is_none() && self.refusals[index].is_none();
            let is_clear = attempt.side == Side::Client && attempt.begin.is_some() && !attempt.is_presumed;
            if !is_open || !is_clear || !pair::expects_connection(attempt) {
                continue;
            }
            let Some(Ok(offset)) = self.clocks.get(clock).cloned() else { continue };
            let there: Vec<(usize, Fit)> = (0..self.wire.exchanges.len())
                .filter(|exchange| self.taken[*exchange].is_empty())
                .filter_map(|exchange| {
                    let fit = near(pair::fit_in_time(attempt, &self.wire.exchanges[exchange]).ok()?, &offset);
                    let is_there = fit.low <= offset.bounds.1.nanos() + DRIFT
                        && fit.high >= offset.bounds.0.nanos() - DRIFT;
                    is_there.then_some((exchange, fit))
                })
                .collect();
            if let [(exchange, fit)] = there.as_slice()
                && fit.anchors.server
            {
                let choice = Choice {
                    attempt: index,
                    exchange: *exchange,
                    earlier: Vec::new(),
                    fit: *fit,
                    is_by_order: false,
                    is_outlived: false,
                };
                self.accept(clock, &offset, choice);
            }
        }
    }
}
