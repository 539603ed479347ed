//! The offset of each clock: given, by votes, or from another clock of the same host.

use std::collections::{BTreeSet, HashSet};
use std::net::IpAddr;

use super::{MILLI, Work, host};
use crate::limits;
use crate::log::attempt::{Attempt, Side};
use crate::log::clock::{self, Ballot, Offset, OffsetSource, OffsetUnknown, SAME_HOST};
use crate::log::clocks::LogZone;
use crate::log::pair::{self, Translation};
use crate::log::tie::TieSettings;
use crate::log::wire::Exchange;
use crate::time::{Clock, Elapsed};

impl Work<'_> {
    pub(super) fn ballot(&self, clock: usize) -> Ballot<'_> {
        let about = &self.logs.clocks[clock];
        let side = self.side(clock);
        Ballot {
            wire: self.wire,
            statuses: &self.statuses,
            dating: about.dating,
            is_utc: about.zone == LogZone::Utc,
            is_same_host: clock::is_same_host(host(about), side, self.wire),
            skew: None,
            within: None,
            translation: Translation::Excluded,
            most_pairs: limits::LOG_PAIRS.min(4 * limits::LOG_PAIRS / self.logs.clocks.len().max(1)),
        }
    }

    /// The offset of each clock: given, by votes, or from another clock of the same host.
    pub(super) fn find_offsets(&mut self, clocks: &[usize], settings: &TieSettings) {
        /// What a person gives is exact to this much.
        const GIVEN: i64 = 1_000 * MILLI;
        for clock in clocks.iter().copied() {
            let ballot = self.ballot(clock);
            let attempts = self.attempts(clock);
            let log = self.logs.clocks[clock].log;
            let given = settings.offsets.iter().find(|(of, _)| of.is_none_or(|of| of == log));
            let came = settings.arrivals.iter().find(|(of, _)| of.index() == clock);
            let mut translation = Translation::Excluded;
            let found = match (given, came) {
                (Some((_, offset)), _) => {
                    let within = (offset.nanos() - GIVEN, offset.nanos() + GIVEN);
                    let ballot = Ballot { within: Some(within), is_same_host: false, ..ballot };
                    let voted = clock::vote(&attempts, &ballot).ok();
                    Ok(voted.map_or_else(
                        || self.unvoted(*offset, within, clock::CERTAIN, &ballot),
                        |voted| Offset { source: OffsetSource::Given, ..voted },
                    ))
                }
                (None, Some((_, zone))) => self.of_arrival(&attempts, &ballot, *zone),
                (None, None) => clock::vote(&attempts, &ballot).or_else(|why| {
                    let translated = self.vote_translated(clock, &ballot).ok_or(why)?;
                    translation = Translation::Possible;
                    Ok(translated)
                }),
            };
            self.clocks[clock] = found;
            self.translation[clock] = translation;
        }
        // What votes have settled helps the other clocks of the same host. The best known first.
        let mut known: Vec<usize> =
            (0..self.clocks.len()).filter(|clock| self.clocks[*clock].is_ok()).collect();
        known.sort_by(|one, other| {
            let weight = |clock: &usize| self.clocks[*clock].as_ref().map_or(0.0, |offset| offset.weight);
            weight(other).total_cmp(&weight(one))
        });
        for source in known {
            for clock in clocks.iter().copied() {
                if let Some(offset) = self.of_known_zone(clock, source) {
                    self.clocks[clock] = Ok(offset);
                    self.translation[clock] = self.translation[source];
                    continue;
                }
                let is_same = self.clocks[clock].is_err()
                    && self.logs.clocks[clock].is_of_same_host(&self.logs.clocks[source]);
                if is_same && let Some(offset) = self.of_same_host(clock, source) {
                    self.clocks[clock] = Ok(offset);
                }
            }
        }
    }

    /// An offset that is known without votes.
    fn unvoted(&self, value: Elapsed, within: (i64, i64), weight: f64, ballot: &Ballot) -> Offset {
        Offset {
            value,
            bounds: (Elapsed::from_nanos(within.0), Elapsed::from_nanos(within.1)),
            source: OffsetSource::Given,
            votes: 0,
            weight,
            is_modulo_day: pair::folds(ballot.dating, self.wire),
        }
    }

    /// The offset where lines came as they were written: by the votes, if they suffice. Else the zone that the moment shows, if all
    /// connections are to one server: an attempt that names none could be of any of several. A server that never answered has
    /// logged nothing.
    fn of_arrival(
        &self,
        attempts: &[&Attempt],
        ballot: &Ballot,
        zone: Elapsed,
    ) -> Result<Offset, OffsetUnknown> {
        clock::vote(attempts, ballot).or_else(|why| {
            let is_of_client = attempts.iter().any(|attempt| attempt.side == Side::Client);
            let may_be_logged = |exchange: &&Exchange| is_of_client || exchange.outcome.is_answered();
            let exchanges = self.wire.exchanges.iter().filter(may_be_logged);
            let servers: BTreeSet<_> = exchanges.map(|exchange| exchange.server).collect();
            let are_own = self.wire.exchanges.iter().all(|exchange| exchange.own.is_some());
            if servers.len() > 1 && !are_own {
                return Err(why);
            }
            // It is no vote, and makes nothing certain.
            let within = (zone.nanos() - SAME_HOST, zone.nanos() + SAME_HOST);
            Ok(Offset { source: OffsetSource::Arrival, ..self.unvoted(zone, within, 0.0, ballot) })
        })
    }

    /// The votes of attempts whose client is none of the capture's: address translation, if everything else fits well.
    pub(super) fn vote_translated(&self, clock: usize, ballot: &Ballot) -> Option<Offset> {
        let seen: HashSet<IpAddr> = self.wire.exchanges.iter().map(|exchange| exchange.client.ip()).collect();
        // One client of the log is one client of the capture.
        let mut clients: Vec<IpAddr> = self.of_clock[clock]
            .iter()
            .filter_map(|index| self.logs.attempts[*index].client.ip)
            .filter(|ip| !seen.contains(ip))
            .collect();
        clients.sort_unstable();
        clients.dedup();
        let [_] = clients.as_slice() else { return None };
        let ballot = Ballot { translation: Translation::Possible, ..*ballot };
        let offset = clock::vote(&self.attempts(clock), &ballot).ok()?;
        // One attempt, or a few at one time, would be tied to any client that was there.
        (offset.votes >= 3).then_some(offset)
    }

    /// The offset of a clock from that of another one of the same host, where the logs show how far they are apart, and the other one is
    /// known better.
    fn of_known_zone(&self, clock: usize, source: usize) -> Option<Offset> {
        let known = self.clocks[source].as_ref().ok()?;
        let is_better = match &self.clocks[clock] {
            Ok(own) => {
                let is_voted = matches!(own.source, OffsetSource::Votes | OffsetSource::SameHost(_));
                is_voted && own.weight < known.weight
            }
            Err(_) => true,
        };
        let dating = self.logs.clocks[clock].dating;
        if clock == source || !is_better || known.is_modulo_day || pair::folds(dating, self.wire) {
            return None;
        }
        let ahead = self.logs.clocks[clock].ahead_of(&self.logs.clocks[source])?;
        let moved = |offset: Elapsed| Elapsed::from_nanos(offset.nanos().saturating_add(ahead));
        Some(Offset {
            value: moved(known.value),
            bounds: (moved(known.bounds.0), moved(known.bounds.1)),
            source: OffsetSource::SameHost(source),
            votes: 0,
            ..known.clone()
        })
    }

    /// The offset of a clock from that of another one of the same host: the skew is the same, the zone need not be.
    pub(super) fn of_same_host(&self, clock: usize, source: usize) -> Option<Offset> {
        let known = self.clocks[source].as_ref().ok()?;
        let zone = known.zone().nanos();
        let skew = (known.bounds.0.nanos() - zone, known.bounds.1.nanos() - zone);
        let is_named = self.logs.clocks[clock].host.is_some();
        if is_named && self.logs.clocks[clock].zone == LogZone::Utc && self.wire.clock == Clock::Utc {
            return Some(Offset {
                value: known.skew(),
                bounds: (Elapsed::from_nanos(skew.0), Elapsed::from_nanos(skew.1)),
                source: OffsetSource::SameHost(source),
                votes: 0,
                ..known.clone()
            });
        }
        let ballot = Ballot { skew: Some(skew), is_same_host: false, ..self.ballot(clock) };
        let voted = clock::vote(&self.attempts(clock), &ballot).ok()?;
        Some(Offset { source: OffsetSource::SameHost(source), ..voted })
    }
}
