//! The course of a group: when its connections came, what they have in common beyond its key.

use std::collections::{BTreeMap, BTreeSet};

use super::Judged;
use super::hop_limits::HopLimits;
use super::servers::{Fingerprint, Times, own_certificate};
use super::traits::Traits;
use crate::limits;
use crate::packet::Host;
use crate::story::{EndingKind, Story};
use crate::tcp::Role;
use crate::time::{Elapsed, Timestamp};
use crate::verdict::{Actor, Code};

/// How many connections of a client it takes to call its attempts regular.
const REGULAR: u64 = 4;

/// By what part of the shortest the longest span between two attempts may exceed it.
const TOLERANCE: i64 = 10;

/// The shortest span between attempts that counts as waiting.
const LEAST: Elapsed = Elapsed::from_millis(1_000);

/// What is counted of a group's connections.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Course {
    /// The first packets of the connections.
    pub began: Times,
    /// The certificates that the server presented, up to [`limits::SERVER_CERTIFICATES`].
    pub(super) certificates: BTreeSet<Fingerprint>,
    /// Connections in which it presented none that could be read.
    pub(super) without_certificate: u64,
    /// Connections that the client ended with an alert about the certificate.
    pub(super) refusals: u64,
    /// With which TTLs or hop limits the RSTs arrived that refused its connections.
    pub(super) refusal_hop_limits: HopLimits,
    /// Connections that the client ended itself, or on which it sent nothing.
    pub(super) client_acts: u64,
    /// What the clients asked for.
    pub(super) traits: Traits,
    /// Who sent the ICMP errors that decided, and how many, up to [`limits::GROUP_SENDERS`].
    pub(super) senders: BTreeMap<Host, u64>,
    /// Each client's attempts, up to [`limits::GROUP_CLIENTS`].
    attempts: BTreeMap<Host, Attempts>,
    has_further_clients: bool,
}

/// When a client tried.
#[derive(Clone, PartialEq, Eq, Debug)]
struct Attempts {
    count: u64,
    first: Timestamp,
    last: Timestamp,
    /// The shortest and the longest span between two.
    spans: Option<(Elapsed, Elapsed)>,
    /// Whether they came in order, so that the spans are right.
    are_in_order: bool,
}

impl Attempts {
    fn add(&mut self, at: Timestamp) {
        self.count += 1;
        if at < self.last {
            self.are_in_order = false;
            return;
        }
        let span = at - self.last;
        self.spans = Some(match self.spans {
            Some((least, most)) => (least.min(span), most.max(span)),
            None => (span, span),
        });
        self.last = at;
    }

    /// The span between two attempts, where all are equal.
    fn regular_span(&self) -> Option<Elapsed> {
        let (least, most) = self.spans.filter(|_| self.are_in_order && self.count >= REGULAR)?;
        let is_regular = least >= LEAST && most.nanos() - least.nanos() <= least.nanos() / TOLERANCE;
        let gaps = i64::try_from(self.count - 1).ok()?;
        is_regular.then(|| Elapsed::from_nanos((self.last - self.first).nanos() / gaps))
    }
}

impl Course {
    /// Takes in a connection.
    pub(super) fn add(&mut self, judged: &Judged) {
        let story = &judged.story;
        self.began.add(story.first);
        match own_certificate(story) {
            Some(own) if self.certificates.len() < limits::SERVER_CERTIFICATES => {
                self.certificates.insert(own.fingerprint);
            }
            Some(own) if self.certificates.contains(&own.fingerprint) => {}
            _ => self.without_certificate += 1,
        }
        self.refusals += u64::from(is_certificate_refused(story));
        self.refusal_hop_limits.add_refusal(judged.verdict.code, story);
        self.client_acts += u64::from(is_client_s_act(judged));
        self.traits.add(story);
        if let Some(sender) = judged.verdict.icmp_sender {
            self.add_sender(sender);
        }
        let (client, at) = (story.parties[Role::Client].host, story.first.at);
        if let Some(attempts) = self.attempts.get_mut(&client) {
            attempts.add(at);
        } else if self.attempts.len() < limits::GROUP_CLIENTS {
            let first = Attempts { count: 1, first: at, last: at, spans: None, are_in_order: true };
            self.attempts.insert(client, first);
        } else {
            self.has_further_clients = true;
        }
    }

    fn add_sender(&mut self, sender: Host) {
        if self.senders.len() < limits::GROUP_SENDERS || self.senders.contains_key(&sender) {
            *self.senders.entry(sender).or_default() += 1;
        }
    }

    /// Whether most clients appear once, so that the others prove nothing about a client's address.
    pub(super) fn are_mostly_single(&self) -> bool {
        let repeated = self.attempts.values().filter(|attempts| attempts.count > 1).count();
        repeated * 2 < self.attempts.len()
    }

    /// The span after which each client tries again, where all of them wait equally long.
    pub(super) fn regular_span(&self) -> Option<Elapsed> {
        let spans: Option<Vec<_>> = self.attempts.values().map(Attempts::regular_span).collect();
        let spans = spans.filter(|_| !self.has_further_clients)?;
        let (least, most) = (spans.iter().min()?, spans.iter().max()?);
        (most.nanos() - least.nanos() <= least.nanos() / TOLERANCE).then_some(*least)
    }
}

/// Whether the client did what ended the connection: nothing that rejects its address does that.
fn is_client_s_act(judged: &Judged) -> bool {
    let verdict = &judged.verdict;
    match verdict.code {
        Code::ClientSilent => verdict.actor == Actor::Client,
        Code::ClosedEarly | Code::Reset => {
            judged.story.decisive().is_some_and(|ending| ending.by == Role::Client)
        }
        _ => false,
    }
}

/// Whether the client's fatal alert objects to the server's certificate (RFC 8446, 6.2).
fn is_certificate_refused(story: &Story) -> bool {
    story.decisive().is_some_and(|ending| match &ending.what {
        EndingKind::Alert { description: Some(description), .. } => {
            ending.by == Role::Client && matches!(description.0, 42..=46 | 48)
        }
        _ => false,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn attempts(seconds: &[i64]) -> Option<Elapsed> {
        let at = |second: &i64| Timestamp::from_parts(*second, 0);
        let (first, rest) = seconds.split_first().expect("an attempt");
        let (first, last) = (at(first), at(first));
        let mut attempts = Attempts { count: 1, first, last, spans: None, are_in_order: true };
        for second in rest {
            attempts.add(at(second));
        }
        attempts.regular_span()
    }

    #[test]
    fn attempts_are_regular_where_the_spans_between_them_are_alike() {
        assert_eq!(attempts(&[0, 30, 60, 91]).map(|span| span.nanos() / 1_000_000_000), Some(30));
        assert_eq!(attempts(&[0, 30, 60]), None, "too few");
        assert_eq!(attempts(&[0, 30, 60, 100]), None, "irregular");
        assert_eq!(attempts(&[0, 0, 0, 0]), None, "at once");
        assert_eq!(attempts(&[0, 60, 30, 90]), None, "out of order, so that the spans are not known");
    }
}
