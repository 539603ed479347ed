//! The votes of attempts for the offset of their clock.

use std::cmp::Ordering;

use super::answers::Answers;
use super::gains::{AGAIN, Gains, Vote, bursts, gains, is_regular};
use super::prior::prior;
use super::{
    Ballot, HOUR, Offset, OffsetSource, OffsetUnknown, QUARTER, SAME_HOST, SECOND, distance_to_quarter, reach,
};
use crate::limits;
use crate::log::attempt::Attempt;
use crate::log::pair::{self, Anchors, Fit, Misfit, Translation};
use crate::log::wire::Exchange;
use crate::time::{Clock, Elapsed};

/// Weight that an offset needs, in nats: likelier by a factor of 1100 than no relation at all.
const ENOUGH: f64 = 7.0;

/// Weight by which it has to be better than any other, at least.
const MARGIN: f64 = 3.0;

/// The same as a share of what its votes weigh, of few votes and of many: clients that try at regular times fit each other at many
/// offsets in part, and a true offset stands out the more, the more votes there are. For those that are known to be regular it is all.
const MARGIN_SHARE: (f64, f64) = (0.4, 0.6);

/// Votes that are many.
const MANY: usize = 6;

/// An offset that may be the true one.
struct Candidate {
    low: i64,
    high: i64,
    /// With everything that counts for and against it.
    weight: f64,
    /// What its votes weigh.
    gain: f64,
    /// The offset at which its votes meet. How many they are may be nearly all, so they are looked for again where they are needed.
    at: i64,
    /// How many they are.
    count: usize,
}

/// Votes by the offsets that they allow, so that those for one offset are found without looking at all.
struct Line {
    /// By the least offset that each allows.
    votes: Vec<Vote>,
    /// The widest interval of one.
    widest: i64,
}

impl Line {
    fn of(mut votes: Vec<Vote>) -> Self {
        votes.sort_unstable_by_key(|vote| (vote.low, vote.high, vote.attempt, vote.exchange));
        let widths = votes.iter().map(|vote| vote.high.saturating_sub(vote.low));
        let widest = widths.max().unwrap_or(0).max(0);
        Self { votes, widest }
    }

    /// The votes that allow an offset.
    fn at(&self, offset: i64) -> impl Iterator<Item = &Vote> {
        let begin = self.votes.partition_point(|vote| vote.low < offset.saturating_sub(self.widest));
        let end = self.votes.partition_point(|vote| vote.low <= offset);
        self.votes[begin..end.max(begin)].iter().filter(move |vote| offset <= vote.high)
    }
}

/// Finds the offset of one clock from its attempts.
pub(in crate::log) fn vote(attempts: &[&Attempt], ballot: &Ballot) -> Result<Offset, OffsetUnknown> {
    if ballot.wire.clock == Clock::Absent {
        return Err(OffsetUnknown::NoTimes);
    }
    let line = Line::of(votes(attempts, ballot));
    if line.votes.is_empty() {
        return Err(OffsetUnknown::NothingFits);
    }
    let bursts = bursts(attempts);
    let gains = gains(&line.votes, &bursts, ballot);
    let mut candidates = candidates(&line, &bursts, &gains, ballot);
    let can_show = can_show(attempts, ballot);
    let answers = Answers::of(attempts, &ballot.wire.exchanges, candidates.len());
    for candidate in &mut candidates {
        let is_expected =
            |index: usize, offset| can_show[index] && is_within(attempts[index], offset, ballot);
        (candidate.weight, candidate.gain) = weigh(candidate, &line, &bursts, &gains, ballot, is_expected);
        candidate.weight += answers.weight(line.at(candidate.at));
    }
    candidates.sort_by(|one, other| other.weight.total_cmp(&one.weight).then(one.low.cmp(&other.low)));
    for candidate in &mut candidates {
        widen(candidate, &line, attempts.len());
    }
    let Some(first) = candidates.first() else { return Err(OffsetUnknown::NothingFits) };
    let excluded = remainder(first, ballot).map(|remainder| OffsetUnknown::SameHost {
        bounds: (Elapsed::from_nanos(first.low), Elapsed::from_nanos(first.high)),
        remainder: Elapsed::from_nanos(remainder),
    });
    candidates.retain(|candidate| remainder(candidate, ballot).is_none());
    let Some(best) = candidates.first() else { return Err(excluded.unwrap_or(OffsetUnknown::NothingFits)) };
    let middle = |candidate: &Candidate| Elapsed::from_nanos(candidate.low / 2 + candidate.high / 2);
    if best.weight < ENOUGH {
        return Err(excluded.unwrap_or(OffsetUnknown::TooFew(middle(best))));
    }
    let share = match best.count {
        _ if is_regular(attempts) => 1.0,
        MANY.. => MARGIN_SHARE.1,
        _ => MARGIN_SHARE.0,
    };
    let margin = MARGIN.max(share * best.gain);
    if let Some(other) = candidates.iter().skip(1).find(|other| is_another_offset(best, other, &line, ballot))
        && other.weight > best.weight - margin
    {
        return Err(OffsetUnknown::NotUnique(middle(best), middle(other)));
    }
    // Others nearby that are as good are the same offset with another of two exchanges that lie close together.
    let is_alike = |other: &&Candidate| {
        other.weight > best.weight - 1.0
            && (other.low - best.low).abs() < SECOND
            && (other.high - best.high).abs() < SECOND
    };
    let bounds = candidates
        .iter()
        .filter(is_alike)
        .fold((best.low, best.high), |(low, high), other| (low.min(other.low), high.max(other.high)));
    let mut voters: Vec<u32> = line.at(best.at).map(|vote| vote.attempt).collect();
    voters.sort_unstable();
    voters.dedup();
    Ok(Offset {
        value: Elapsed::from_nanos(likeliest(bounds)),
        bounds: (Elapsed::from_nanos(bounds.0), Elapsed::from_nanos(bounds.1)),
        source: OffsetSource::Votes,
        votes: voters.len() as u32,
        weight: best.weight,
        is_modulo_day: pair::folds(ballot.dating, ballot.wire),
    })
}

/// Whether a candidate stands for another offset than the best one.
fn is_another_offset(best: &Candidate, other: &Candidate, line: &Line, ballot: &Ballot) -> bool {
    // The same clock before or after daylight saving time began or ended.
    let apart = ((other.low / 2 + other.high / 2) - (best.low / 2 + best.high / 2)).abs();
    if !ballot.is_utc && (apart - HOUR).abs() <= 2 * SAME_HOST {
        return false;
    }
    // The same offset, a day apart.
    if pair::folds(ballot.dating, ballot.wire) && (apart - pair::DAY).abs() <= 2 * SAME_HOST {
        return false;
    }
    let shared = line.at(other.at).filter(|vote| (vote.low..=vote.high).contains(&best.at)).count();
    shared * 2 < best.count.min(other.count)
}

/// The likeliest of the offsets within these bounds: that of a clock which is right and has a zone, else the middle.
fn likeliest((low, high): (i64, i64)) -> i64 {
    let middle = low / 2 + high / 2;
    let (zone, _) = super::split(Elapsed::from_nanos(middle));
    let zone = zone.nanos();
    if (low..=high).contains(&zone) { zone } else { middle }
}

/// How far a candidate is from what one clock on one host allows: a multiple of 15 minutes, or nothing at all where the log's times
/// are UTC. `None` if it is allowed.
fn remainder(candidate: &Candidate, ballot: &Ballot) -> Option<i64> {
    if !ballot.is_same_host || ballot.wire.clock == Clock::SinceFirst {
        return None;
    }
    let remainder = if ballot.is_utc && ballot.wire.clock == Clock::Utc {
        candidate.low.max(-candidate.high).max(0)
    } else {
        distance_to_quarter(candidate.low, candidate.high)
    };
    (remainder > SAME_HOST).then_some(remainder)
}

/// Widens a candidate to all offsets that its attempts allow: the ends of other pairs' intervals cut it without meaning anything.
fn widen(candidate: &mut Candidate, line: &Line, attempts: usize) {
    let mut of_attempts = vec![(i64::MAX, i64::MIN); attempts];
    for vote in line.at(candidate.at) {
        let (low, high) = &mut of_attempts[vote.attempt as usize];
        (*low, *high) = ((*low).min(vote.low), (*high).max(vote.high));
    }
    let own = of_attempts.into_iter().filter(|(low, high)| low <= high);
    let (low, high) = own.fold((i64::MIN, i64::MAX), |(from, to), (low, high)| (from.max(low), to.min(high)));
    if low <= high {
        (candidate.low, candidate.high) = (low, high);
    }
}

/// All pairs that can be the same, within the reach and the bound.
fn votes(attempts: &[&Attempt], ballot: &Ballot) -> Vec<Vote> {
    let exchanges = &ballot.wire.exchanges;
    let pairs = attempts.len().saturating_mul(exchanges.len());
    // Beyond the bound, attempts are left out evenly.
    let step = pairs.div_ceil(ballot.most_pairs).max(1);
    let mut votes = Vec::new();
    for (index, attempt) in attempts.iter().enumerate().step_by(step) {
        if !pair::expects_connection(attempt) {
            continue;
        }
        for (number, exchange) in exchanges.iter().enumerate().take(ballot.most_pairs) {
            if let Some(fit) = in_reach(attempt, exchange, number, ballot) {
                let Fit { low, high, anchors, .. } = fit;
                let vote = Vote { low, high, attempt: index as u32, exchange: number as u32, anchors };
                votes.push(vote);
                // Half a day is reached from both sides.
                let is_edge = pair::folds(ballot.dating, ballot.wire)
                    && low.abs().max(high.abs()) > pair::DAY / 2 - QUARTER;
                if is_edge {
                    let Fit { low, high, .. } = fit.moved(if low > 0 { -pair::DAY } else { pair::DAY });
                    votes.push(Vote { low, high, ..vote });
                }
            }
        }
    }
    votes
}

fn in_reach(attempt: &Attempt, exchange: &Exchange, number: usize, ballot: &Ballot) -> Option<Fit> {
    // Time first: it is cheap, and excludes most pairs of a long log.
    let offsets = pair::offsets(attempt, exchange).ok()?;
    let mut shift = 0;
    if pair::folds(ballot.dating, ballot.wire) {
        let near = ballot.within.map_or(0, |(low, high)| low / 2 + high / 2);
        shift = pair::fold((offsets.low, offsets.high), near);
    }
    let (low, high) = (offsets.low.saturating_add(shift), offsets.high.saturating_add(shift));
    let reach = reach(ballot).unwrap_or(i64::MAX);
    if high < -reach || low > reach {
        return None;
    }
    if ballot.within.is_some_and(|(from, to)| high < from || low > to) {
        return None;
    }
    let status = ballot.statuses.get(number).copied().flatten();
    Some(pair::fit(attempt, exchange, status, ballot.translation).ok()?.moved(shift))
}

/// The offsets at which most votes meet, the best of them by votes and by what the offset weighs itself.
fn candidates(line: &Line, bursts: &[u32], gains: &Gains, ballot: &Ballot) -> Vec<Candidate> {
    let votes = &line.votes;
    let mut ends: Vec<u32> = (0..votes.len() as u32).collect();
    ends.sort_unstable_by_key(|index| (votes[*index as usize].high, *index));
    let attempts = votes.iter().map(|vote| vote.attempt).max().map_or(0, |last| last as usize + 1);
    let mut covered = vec![0_u32; attempts];
    let mut of_burst = vec![0_u32; gains.bursts.len()];
    let (mut weight, mut count) = (0.0, 0);
    let mut best: Vec<Peak> = Vec::new();
    let mut begun = 0;
    for end in ends {
        let high = votes[end as usize].high;
        // Intervals include both ends, so what begins where another ends meets it.
        let before = begun;
        while let Some(vote) = votes.get(begun).filter(|vote| vote.low <= high) {
            let (attempt, burst) = (vote.attempt as usize, bursts[vote.attempt as usize] as usize);
            if covered[attempt] == 0 {
                weight += gains.of(burst, of_burst[burst]);
                of_burst[burst] += 1;
            }
            covered[attempt] += 1;
            count += 1;
            begun += 1;
        }
        // A peak lies between a beginning and an end.
        if begun > before {
            let low = votes[begun - 1].low;
            keep_best(&mut best, Peak { score: weight + prior(low, high, ballot), low, high, count });
        }
        let attempt = votes[end as usize].attempt as usize;
        let burst = bursts[attempt] as usize;
        count -= 1;
        covered[attempt] -= 1;
        if covered[attempt] == 0 {
            of_burst[burst] -= 1;
            weight -= gains.of(burst, of_burst[burst]);
        }
    }
    best.sort_by(Peak::before);
    best.truncate(limits::LOG_OFFSETS);
    spread(&mut best);
    let candidate = |Peak { score, low, high, count }: Peak| {
        let at = low / 2 + high / 2;
        Candidate { low, high, weight: score, gain: 0.0, at, count }
    };
    best.into_iter().map(candidate).collect()
}

/// Offsets at which votes meet, and how many.
#[derive(Clone, Copy)]
struct Peak {
    score: f64,
    low: i64,
    high: i64,
    count: usize,
}

impl Peak {
    /// The better one is before the other.
    fn before(&self, other: &Self) -> Ordering {
        other.score.total_cmp(&self.score).then(self.low.cmp(&other.low))
    }
}

/// Keeps twice as many as are wanted, and cuts when there are too many.
fn keep_best(best: &mut Vec<Peak>, candidate: Peak) {
    best.push(candidate);
    if best.len() >= 8 * limits::LOG_OFFSETS {
        best.sort_by(Peak::before);
        best.truncate(limits::LOG_OFFSETS);
    }
}

/// Where more votes meet than can be looked at closely, leaves out those that are next to a better one.
fn spread(best: &mut Vec<Peak>) {
    /// The best ones are never left out.
    const ALWAYS: usize = 8;
    if best.iter().map(|peak| peak.count).sum::<usize>() <= limits::LOG_MEETINGS {
        return;
    }
    let mut kept: Vec<Peak> = Vec::new();
    let mut met = 0;
    for peak in best.drain(..) {
        let is_next = |other: &Peak| peak.low <= other.high + SECOND && other.low <= peak.high + SECOND;
        let is_room = met + peak.count <= limits::LOG_MEETINGS && !kept.iter().any(is_next);
        if kept.len() < ALWAYS || is_room {
            met += peak.count;
            kept.push(peak);
        }
    }
    *best = kept;
}

/// A candidate's weight with everything that counts for and against it.
fn weigh(
    candidate: &Candidate,
    line: &Line,
    bursts: &[u32],
    gains: &Gains,
    ballot: &Ballot,
    is_expected: impl Fn(usize, i64) -> bool,
) -> (f64, f64) {
    /// An attempt that should have been captured and was not.
    const MISSED: f64 = -2.5;
    /// The log names the server of the capture; unrelated logs do so now and then.
    const SAME_SERVER: f64 = 1.6;
    /// The same of the client.
    const SAME_CLIENT: f64 = 2.3;
    /// A port is one of 28,000 (Linux, `ip_local_port_range`).
    const SAME_PORT: f64 = 7.0;
    /// Address translation in between is rarer than none.
    const TRANSLATED: f64 = -3.0;
    let mut is_covered = vec![false; bursts.len()];
    let mut of_burst = vec![0_u32; gains.bursts.len()];
    let mut named = Anchors::default();
    for vote in line.at(candidate.at) {
        if !std::mem::replace(&mut is_covered[vote.attempt as usize], true) {
            of_burst[bursts[vote.attempt as usize] as usize] += 1;
        }
        named.server |= vote.anchors.server;
        named.client |= vote.anchors.client;
        named.port |= vote.anchors.port;
    }
    let mut gain = gains.first;
    for (burst, count) in of_burst.iter().enumerate() {
        if *count > 0 {
            gain += gains.of(burst, 0) + gains.of(burst, 1) * f64::from(count - 1);
        }
    }
    let mut weight = gain + prior(candidate.low, candidate.high, ballot);
    let mut missed = vec![0_u32; gains.bursts.len()];
    let middle = candidate.low / 2 + candidate.high / 2;
    // Where no zone is written, daylight saving time may have begun or ended.
    if !ballot.is_utc {
        for vote in line.at(middle - HOUR).chain(line.at(middle + HOUR)) {
            is_covered[vote.attempt as usize] = true;
        }
    }
    for (index, burst) in bursts.iter().enumerate() {
        if !is_covered[index] && is_expected(index, middle) {
            missed[*burst as usize] += 1;
        }
    }
    for (burst, count) in missed.iter().enumerate() {
        weight += match (count, of_burst[burst]) {
            (0, _) => 0.0,
            (count, 0) => MISSED + AGAIN * MISSED * f64::from(*count - 1),
            (count, _) => AGAIN * MISSED * f64::from(*count),
        };
    }
    weight += if named.server { SAME_SERVER } else { 0.0 };
    weight += if named.client { SAME_CLIENT } else { 0.0 };
    weight += if named.port { SAME_PORT } else { 0.0 };
    weight += if ballot.translation == Translation::Possible { TRANSLATED } else { 0.0 };
    (weight, gain)
}

/// Whether an attempt lies within the capture at this offset.
fn is_within(attempt: &Attempt, offset: i64, ballot: &Ballot) -> bool {
    let (from, to) = (ballot.wire.span.0.nanos(), ballot.wire.span.1.nanos());
    let begin = attempt.begin.unwrap_or(attempt.end).nanos();
    let times = (begin.saturating_sub(offset), attempt.end.nanos().saturating_sub(offset));
    let shift =
        if pair::folds(ballot.dating, ballot.wire) { pair::fold(times, from / 2 + to / 2) } else { 0 };
    let (begin, end) = (times.0.saturating_add(shift), times.1.saturating_add(shift));
    begin > from.saturating_add(SECOND) && end < to.saturating_sub(SECOND)
}

/// Whether the capture should show each attempt that lies within it. It need not show anything of another server or another client.
fn can_show(attempts: &[&Attempt], ballot: &Ballot) -> Vec<bool> {
    let exchanges = &ballot.wire.exchanges;
    // Beyond the bound, exchanges are left out evenly.
    let step = attempts.len().saturating_mul(exchanges.len()).div_ceil(ballot.most_pairs).max(1);
    let is_possible = |attempt: &Attempt, exchange: &Exchange| {
        !matches!(
            pair::fit(attempt, exchange, None, ballot.translation),
            Err(Misfit::Server
                | Misfit::Name
                | Misfit::Port
                | Misfit::Client
                | Misfit::ClientPort
                | Misfit::Program
                | Misfit::Request)
        )
    };
    let can_show = |attempt: &&Attempt| {
        !attempt.is_presumed
            && attempt.is_licensing
            && pair::expects_connection(attempt)
            && exchanges.iter().step_by(step).any(|exchange| is_possible(attempt, exchange))
    };
    attempts.iter().map(can_show).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn where_too_many_votes_meet_the_best_offsets_are_kept_and_those_far_from_them() {
        let peak = |number: i64, apart: i64| {
            let low = number * apart;
            Peak { score: -(number as f64), low, high: low + 1, count: limits::LOG_MEETINGS / 20 }
        };
        let kept = |apart: i64| {
            let mut peaks: Vec<Peak> = (0..200).map(|number| peak(number, apart)).collect();
            spread(&mut peaks);
            peaks.into_iter().map(|peak| peak.low / apart).collect::<Vec<_>>()
        };
        assert_eq!(kept(10 * SECOND), (0..20).collect::<Vec<_>>());
        let near = kept(SECOND / 10);
        assert_eq!(near[..8], (0..8).collect::<Vec<_>>());
        assert!(near.len() > 10 && near[8..].windows(2).all(|two| two[1] - two[0] > 10), "{near:?}");
        let mut few: Vec<Peak> = (0..10).map(|number| peak(number, 1)).collect();
        spread(&mut few);
        assert_eq!(few.len(), 10);
    }
}
