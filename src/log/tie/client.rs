//! Which of a client's attempts is which exchange: by how closely one encloses the other.

use std::net::IpAddr;

use super::matching::{Matching, Pair};
use super::{Choice, Objection, Work};
use crate::log::clock::{Offset, OffsetUnknown};
use crate::time::MILLI;

impl Work<'_> {
    /// A match by the time zone alone must name the server, or enclose the exchange so closely that it is no chance: where there is a
    /// connection every second, any attempt encloses one.
    pub(super) fn retain_close(&mut self, pairs: &mut Vec<Pair>, offset: &Offset) {
        /// How many connections an attempt encloses by chance, at most.
        const CHANCE: f64 = 0.01;
        /// A shorter capture does not show how often there are connections, in nanoseconds.
        const SHORTEST: i64 = 60_000 * MILLI;
        let span = (self.wire.span.1 - self.wire.span.0).nanos().max(SHORTEST) as f64;
        let rate = self.wire.exchanges.len() as f64 / span;
        pairs.retain(|pair| {
            let room = pair.fit.tight.1.saturating_sub(pair.fit.tight.0).max(MILLI) as f64;
            let is_close = pair.fit.is_close(offset.value);
            let is_kept = pair.fit.anchors.server || is_close && room * rate <= CHANCE;
            if is_close && !is_kept {
                let why = Objection::Offset(OffsetUnknown::TooFew(offset.value));
                self.refusals[pair.attempt].get_or_insert(why);
            }
            is_kept
        });
    }

    /// A log is one client's. Where nearly all that it is tied to comes from one address, the rest is another client's.
    pub(super) fn one_client(&self, chosen: &[Choice]) -> Option<IpAddr> {
        let client = |choice: &Choice| self.wire.exchanges[choice.exchange].client.ip();
        let mut clients: Vec<IpAddr> = chosen.iter().map(client).collect();
        clients.sort_unstable();
        let most = clients.chunk_by(|one, other| one == other).max_by_key(|same| same.len())?;
        (most.len() >= 5 && most.len() < clients.len() && most.len() * 10 >= clients.len() * 9)
            .then(|| most[0])
    }

    /// Chooses by how closely attempt and exchange enclose each other. What could as well be another's is not chosen.
    pub(super) fn by_closeness(&mut self, pairs: &[Pair], offset: &Offset) -> Vec<Choice> {
        let matching = Matching::new(pairs, offset, |attempt| self.logs.attempts[attempt].is_presumed);
        let mut chosen = Vec::new();
        for (attempt, pair) in matching.iter() {
            let (mut rivals, others) = matching.rivals(attempt, pair);
            // The same client's tries one after the other within one attempt are the attempt's own.
            let (earlier, last) = self.tries(pair, &others);
            for rival in &others {
                let is_try = earlier.contains(&rival.exchange) || last == rival.exchange;
                if !is_try && !matching.is_clear(pair, rival) {
                    rivals.push(rival.exchange);
                }
            }
            if matching.is_contested(attempt, pair) {
                rivals.push(pair.exchange);
            }
            if rivals.is_empty() {
                let fit =
                    others.iter().find(|rival| rival.exchange == last).map_or(pair.fit, |rival| rival.fit);
                chosen.push(Choice {
                    attempt,
                    exchange: last,
                    earlier,
                    fit,
                    is_by_order: false,
                    is_outlived: false,
                });
            } else {
                rivals.push(pair.exchange);
                rivals.sort_unstable();
                rivals.dedup();
                self.refusals[attempt] = Some(Objection::Ambiguous(rivals));
            }
        }
        for (attempt, holder) in matching.left_out() {
            self.refusals[attempt].get_or_insert(Objection::Taken(holder));
        }
        chosen
    }

    /// The free exchanges within one attempt that are tries before the last one: same client and server, one after the other.
    pub(super) fn tries(&self, pair: &Pair, others: &[&Pair]) -> (Vec<usize>, usize) {
        let exchange = |index: usize| &self.wire.exchanges[index];
        let own = exchange(pair.exchange);
        let mut tries: Vec<usize> = others
            .iter()
            .map(|rival| rival.exchange)
            .filter(|index| {
                let other = exchange(*index);
                other.client.ip() == own.client.ip()
                    && other.server.port() == own.server.port()
                    && other.name == own.name
            })
            .chain([pair.exchange])
            .collect();
        tries.sort_by_key(|index| (exchange(*index).start, *index));
        let is_sequence = tries.windows(2).all(|two| exchange(two[0]).end <= exchange(two[1]).start);
        if !is_sequence || tries.len() < 2 {
            return (Vec::new(), pair.exchange);
        }
        // The outcome of the attempt is that of the last try.
        let last = tries.pop().unwrap_or(pair.exchange);
        (tries, last)
    }
}
