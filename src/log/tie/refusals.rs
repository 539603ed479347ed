//! Why an attempt is tied to nothing.

use super::{Objection, Work, host};
use crate::log::attempt::Attempt;
use crate::log::clock::{self, Offset, OffsetUnknown};
use crate::log::pair::{self, Misfit, Translation};
use crate::log::wire::Exchange;
use crate::time::{Clock, Elapsed};

/// How the exchanges of a capture fail to be one attempt.
#[derive(Default)]
struct Misfits<'a> {
    /// Exchanges that were compared.
    exchanges: usize,
    /// Those that fail.
    len: usize,
    /// Those of another server, by address, name or port.
    of_server: usize,
    /// Those of another client, by address or port.
    of_client: usize,
    /// Those whose outcome is another.
    of_outcome: usize,
    has_program: bool,
    has_request: bool,
    /// The first that fails.
    first: Option<&'a Exchange>,
    first_of_outcome: Option<&'a Exchange>,
    /// The shortest of those that take longer than the attempt: what it takes, how long the attempt took, and which one it is.
    nearest: Option<(Elapsed, Elapsed, &'a Exchange)>,
}

impl<'a> Misfits<'a> {
    fn of(attempt: &Attempt, exchanges: &'a [Exchange]) -> Self {
        let mut misfits = Self { exchanges: exchanges.len(), ..Self::default() };
        for exchange in exchanges {
            if let Err(misfit) = pair::fit(attempt, exchange, None, Translation::Excluded) {
                misfits.record(misfit, exchange);
            }
        }
        misfits
    }

    fn record(&mut self, misfit: Misfit, exchange: &'a Exchange) {
        self.len += 1;
        self.first = self.first.or(Some(exchange));
        match misfit {
            Misfit::Server | Misfit::Name | Misfit::Port => self.of_server += 1,
            Misfit::Client | Misfit::ClientPort => self.of_client += 1,
            Misfit::Program => self.has_program = true,
            Misfit::Request => self.has_request = true,
            Misfit::Duration { attempt, least } => {
                if self.nearest.is_none_or(|(known, ..)| least < known) {
                    self.nearest = Some((least, attempt, exchange));
                }
            }
            Misfit::Outcome => {
                self.of_outcome += 1;
                self.first_of_outcome = self.first_of_outcome.or(Some(exchange));
            }
        }
    }

    /// Whether this many are all exchanges that there are.
    fn is_all(&self, count: usize) -> bool {
        count == self.exchanges
    }

    /// What the attempt names that no exchange has.
    fn elsewhere(&self, attempt: &Attempt) -> Vec<Objection> {
        let mut reasons = Vec::new();
        if self.is_all(self.of_server) {
            reasons.push(Objection::OtherServer);
        }
        if self.is_all(self.of_client)
            && let (Some(log), Some(exchange)) = (attempt.client.ip, self.first)
        {
            reasons.push(Objection::OtherClient(log, exchange.client.ip()));
        }
        if self.is_all(self.len) {
            reasons.extend(self.has_program.then_some(Objection::OtherProgram));
            reasons.extend(self.has_request.then_some(Objection::OtherRequest));
        }
        reasons
    }

    /// The outcomes contradict each other, of the attempt and of every exchange.
    fn outcome(&self, attempt: &Attempt) -> Option<Objection> {
        let exchange = self.first_of_outcome.filter(|_| self.is_all(self.of_outcome))?;
        Some(Objection::OtherOutcome(attempt.outcome, exchange.outcome))
    }
}

impl Work<'_> {
    /// Why an attempt is tied to nothing: what the exchange nearest to fitting it fails by.
    pub(super) fn reasons(&self, index: usize, attempt: &Attempt) -> Vec<Objection> {
        if !pair::expects_connection(attempt) {
            return vec![Objection::NoConnection];
        }
        if self.wire.exchanges.is_empty() {
            return vec![Objection::NoExchange];
        }
        let mut reasons: Vec<Objection> = self.refusals[index].clone().into_iter().collect();
        let clock = attempt.clock.index();
        let offset = self.clocks.get(clock).and_then(|offset| offset.as_ref().ok());
        if let Some(offset) = offset
            && !self.is_in_capture(attempt, offset)
        {
            return vec![Objection::OutsideCapture];
        }
        let misfits = Misfits::of(attempt, &self.wire.exchanges);
        reasons.extend(misfits.elsewhere(attempt));
        if offset.is_none() || reasons.is_empty() {
            reasons.extend(self.too_short(attempt, &misfits));
        }
        reasons.extend(misfits.outcome(attempt));
        match self.clocks.get(clock) {
            Some(Err(why)) if *why != OffsetUnknown::NothingFits || reasons.is_empty() => {
                let is_known = reasons
                    .iter()
                    .any(|reason| matches!(reason, Objection::Offset(OffsetUnknown::SameHost { .. })));
                if !is_known {
                    reasons.push(Objection::Offset(why.clone()));
                }
            }
            Some(Ok(_)) if reasons.is_empty() => reasons.push(Objection::NothingThere),
            _ => {}
        }
        reasons
    }

    /// The attempt is shorter than any exchange that fits it otherwise. The one that asks the least of it is the nearest.
    fn too_short(&self, attempt: &Attempt, misfits: &Misfits<'_>) -> Vec<Objection> {
        let Some((least, took, exchange)) = misfits.nearest.filter(|_| misfits.is_all(misfits.len)) else {
            return Vec::new();
        };
        let too_short = Objection::TooShort { attempt: took, least };
        [too_short].into_iter().chain(self.same_host_remainder(attempt, exchange)).collect()
    }

    /// On one host the clocks are the same: what even the packets that were seen leave over a multiple of 15 minutes.
    pub(super) fn same_host_remainder(&self, attempt: &Attempt, exchange: &Exchange) -> Option<Objection> {
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
            Objection::Offset(OffsetUnknown::SameHost {
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
