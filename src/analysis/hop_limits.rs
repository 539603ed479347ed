//! The TTLs or hop limits with which a host's packets arrive, and whether its RSTs arrive with others.

use std::collections::BTreeMap;

use crate::limits;
use crate::story::{EndingKind, Story};
use crate::tcp::Role;
use crate::verdict::Code;

/// Two ways to one host differ by no more routers.
const SAME_HOST: u8 = 2;

/// TTLs or hop limits, each with the first packet that has it, up to [`limits::HOST_HOP_LIMITS`].
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct HopLimits {
    known: BTreeMap<u8, u64>,
    /// Whether there are more, or packets that show none.
    has_further: bool,
}

/// RSTs that come from another distance than the other packets with the same address.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct OtherDistance {
    /// TTLs or hop limits of the RSTs.
    pub resets: Vec<u8>,
    /// Those of the other packets.
    pub usual: Vec<u8>,
    /// The packets that show these.
    pub evidence: Vec<u64>,
}

impl HopLimits {
    fn add(&mut self, hop_limit: u8, number: u64) {
        let is_known = self.known.contains_key(&hop_limit);
        if !is_known && self.known.len() >= limits::HOST_HOP_LIMITS {
            self.has_further = true;
            return;
        }
        let first = self.known.entry(hop_limit).or_insert(number);
        *first = number.min(*first);
    }

    /// Takes in what the server's packets show that are no RST.
    pub(super) fn add_usual(&mut self, story: &Story) {
        let party = &story.parties[Role::Server];
        let shown = [party.opening_path, party.later_path, party.changed_path, party.last_path];
        shown.into_iter().flatten().for_each(|path| self.add(path.hop_limit, path.number));
    }

    /// Takes in the RST that refused a connection.
    pub(super) fn add_refusal(&mut self, code: Code, story: &Story) {
        if code != Code::Refused {
            return;
        }
        let refusal = story.endings.iter().find_map(|ending| match &ending.what {
            EndingKind::Reset(reset) if ending.by == Role::Server => Some((reset.hop_limit?, ending.moment)),
            _ => None,
        });
        match refusal {
            Some((hop_limit, moment)) => self.add(hop_limit, moment.number),
            None => self.has_further = true,
        }
    }

    /// How these RSTs differ from a host's other packets; nothing if some are alike, or not all are known.
    pub(super) fn compare<'h>(&self, usual: impl Iterator<Item = &'h Self>) -> Option<OtherDistance> {
        let mut others = BTreeMap::new();
        let mut is_whole = !self.has_further;
        for one in usual {
            is_whole &= !one.has_further;
            others.extend(one.known.iter().map(|(hop_limit, number)| (*hop_limit, *number)));
        }
        let is_far =
            |one: &u8| others.keys().all(|other: &u8| routers(*one).abs_diff(routers(*other)) > SAME_HOST);
        let is_other =
            is_whole && !self.known.is_empty() && !others.is_empty() && self.known.keys().all(is_far);
        is_other.then(|| OtherDistance {
            resets: self.known.keys().copied().collect(),
            usual: others.keys().copied().collect(),
            evidence: others.values().copied().collect(),
        })
    }
}

/// How many routers a packet has passed that arrives with this TTL: hosts begin with 64, 128 or 255, and one host may do so with several.
fn routers(hop_limit: u8) -> u8 {
    let begun = [64, 128, u8::MAX].into_iter().find(|begun| *begun >= hop_limit).unwrap_or(u8::MAX);
    begun - hop_limit
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hops(values: &[u8]) -> HopLimits {
        let mut hops = HopLimits::default();
        values.iter().zip(1..).for_each(|(hop_limit, number)| hops.add(*hop_limit, number));
        hops
    }

    #[test]
    fn rsts_that_come_from_further_away_than_another_route_explains_are_another_s() {
        let compare = |resets: &[u8], usual: &[u8]| hops(resets).compare([hops(usual)].iter());
        let found = compare(&[240], &[60, 61]).expect("another distance");
        assert_eq!((found.resets, found.usual, found.evidence), (vec![240], vec![60, 61], vec![1, 2]));
        for (resets, usual) in [
            (&[60][..], &[60][..]),
            (&[62], &[60]),
            (&[240, 60], &[60]),
            (&[240], &[]),
            (&[], &[60]),
            (&[251], &[60]),
        ] {
            assert_eq!(compare(resets, usual), None, "{resets:?} {usual:?}");
        }
        let many: Vec<u8> = (1..=9).collect();
        assert_eq!(compare(&[240], &many), None, "more than are known");
    }
}
