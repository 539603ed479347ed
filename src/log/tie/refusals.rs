//! Why an attempt is tied to nothing.

use super::{Refusal, Work, host};
use crate::limits;
use crate::log::attempt::Attempt;
use crate::log::clock::{self, Offset, OffsetUnknown};
use crate::log::pair::{self, Misfit, Translation};
use crate::log::wire::Exchange;
use crate::time::{Clock, Elapsed};

impl Work<'_> {
    /// Why an attempt is tied to nothing: what the exchange nearest to fitting it fails by.
    pub(super) fn reasons(&self, index: usize, attempt: &Attempt) -> Vec<Refusal> {
        if !pair::expects_connection(attempt) {
            return vec![Refusal::NoConnection];
        }
        if self.wire.exchanges.is_empty() {
            return vec![Refusal::NoExchange];
        }
        let mut reasons: Vec<Refusal> = self.refusals[index].clone().into_iter().collect();
        let clock = attempt.clock.index();
        let offset = self.clocks.get(clock).and_then(|offset| offset.as_ref().ok());
        if let Some(offset) = offset
            && !self.is_in_capture(attempt, offset)
        {
            return vec![Refusal::OutsideCapture];
        }
        let mut misfits: Vec<(Misfit, &Exchange)> = Vec::new();
        for exchange in &self.wire.exchanges {
            match pair::fit(attempt, exchange, None, Translation::Excluded) {
                Ok(_) => {}
                Err(misfit) => {
                    if misfits.len() < limits::LOG_OFFSETS {
                        misfits.push((misfit, exchange));
                    }
                }
            }
        }
        let all_fail = |is: fn(&Misfit) -> bool| {
            misfits.len() == self.wire.exchanges.len().min(limits::LOG_OFFSETS)
                && misfits.iter().all(|(misfit, _)| is(misfit))
        };
        if all_fail(|misfit| matches!(misfit, Misfit::Server | Misfit::Name | Misfit::Port)) {
            reasons.push(Refusal::OtherServer);
        }
        if all_fail(|misfit| matches!(misfit, Misfit::Client | Misfit::ClientPort))
            && let (Some(log), Some((_, exchange))) = (attempt.client.ip, misfits.first())
        {
            reasons.push(Refusal::OtherClient(log, exchange.client.ip()));
        }
        for (misfit, refusal) in
            [(Misfit::Program, Refusal::OtherProgram), (Misfit::Request, Refusal::OtherRequest)]
        {
            let is_own = misfits.iter().any(|(known, _)| *known == misfit);
            if is_own && misfits.len() == self.wire.exchanges.len() {
                reasons.push(refusal);
            }
        }
        if offset.is_none() || reasons.is_empty() {
            // The longest attempt that would have sufficed is the nearest.
            let durations = misfits.iter().filter_map(|(misfit, exchange)| match misfit {
                Misfit::Duration { attempt, least } => Some((*least, *attempt, *exchange)),
                _ => None,
            });
            let nearest = durations.min_by_key(|(least, ..)| *least);
            if let Some((least, attempt_took, exchange)) = nearest
                && misfits.len() == self.wire.exchanges.len()
            {
                reasons.push(Refusal::TooShort { attempt: attempt_took, least });
                reasons.extend(self.same_host_remainder(attempt, exchange));
            }
        }
        if let Some((_, exchange)) = misfits.iter().find(|(misfit, _)| *misfit == Misfit::Outcome)
            && all_fail(|misfit| *misfit == Misfit::Outcome)
        {
            reasons.push(Refusal::OtherOutcome(attempt.outcome, exchange.outcome));
        }
        match self.clocks.get(clock) {
            Some(Err(why)) if *why != OffsetUnknown::NothingFits || reasons.is_empty() => {
                let is_known = reasons
                    .iter()
                    .any(|reason| matches!(reason, Refusal::Offset(OffsetUnknown::SameHost { .. })));
                if !is_known {
                    reasons.push(Refusal::Offset(why.clone()));
                }
            }
            Some(Ok(_)) if reasons.is_empty() => reasons.push(Refusal::NothingThere),
            _ => {}
        }
        reasons
    }

    /// On one host the clocks are the same: what even the packets that were seen leave over a multiple of 15 minutes.
    pub(super) fn same_host_remainder(&self, attempt: &Attempt, exchange: &Exchange) -> Option<Refusal> {
        let about = &self.logs.clocks[attempt.clock.index()];
        if !clock::is_same_host(host(about), attempt.side, self.wire)
            || matches!(self.wire.clock, Clock::SinceFirst | Clock::Absent)
        {
            return None;
        }
        let begin = attempt.begin?;
        let (mut low, mut high) =
            ((begin - exchange.start).nanos(), (attempt.end + attempt.precision - exchange.end).nanos());
        if pair::folds(about.dating, self.wire) {
            let shift = pair::fold((low, high), 0);
            (low, high) = (low + shift, high + shift);
        }
        let remainder = clock::distance_to_quarter(low, high.max(low));
        (remainder > clock::SAME_HOST).then(|| {
            Refusal::Offset(OffsetUnknown::SameHost {
                bounds: (Elapsed::from_nanos(low), Elapsed::from_nanos(high)),
                remainder: Elapsed::from_nanos(remainder),
            })
        })
    }

    /// Whether an attempt lies within the capture, at least in part.
    pub(super) fn is_in_capture(&self, attempt: &Attempt, offset: &Offset) -> bool {
        if offset.is_modulo_day {
            return true;
        }
        let (from, to) = self.wire.span;
        let back = Elapsed::from_nanos(-offset.value.nanos());
        let begin = attempt.begin.unwrap_or(attempt.end) + back;
        let end = attempt.end + attempt.precision + back;
        end >= from && begin <= to
    }
}
