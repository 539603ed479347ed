//! What each server did on all of its connections, and for each of its clients: counters, of which some have a bound.

use std::collections::{BTreeMap, BTreeSet};

use super::Judged;
use super::hop_limits::HopLimits;
use super::spans::Spans;
use super::traits::Traits;
use crate::limits;
use crate::packet::Host;
use crate::story::{Moment, Story};
use crate::tcp::Role;
use crate::verdict::{Code, Severity};

/// The SHA-256 of a certificate.
pub(super) type Fingerprint = [u8; 32];

/// Connections to one server.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct ServerSummary {
    /// By verdict code.
    pub codes: BTreeMap<Code, u64>,
    /// The figures of all clients together.
    pub all: Dealings,
    /// Those of each client for which it did something, up to [`limits::SERVER_CLIENTS`] of all servers together.
    pub clients: BTreeMap<Host, Dealings>,
    /// Whether it has clients that are not counted one by one.
    pub has_further_clients: bool,
    /// The certificates that it presented as its own, up to [`limits::SERVER_CERTIFICATES`].
    pub certificates: BTreeMap<Fingerprint, Presented>,
    /// Whether it presented certificates that are not counted.
    pub has_further_certificates: bool,
    /// With which TTLs or hop limits its packets arrived, RSTs aside.
    pub hop_limits: HopLimits,
    /// Connections on which TLS was established.
    pub handshakes: u64,
    /// When it answered a SYN.
    pub(crate) answered: Spans,
    /// When a connection was seen to work.
    pub(crate) worked: Spans,
    /// What the clients asked for whose connections are ok.
    pub(crate) worked_traits: Traits,
}

/// How a server's connections with one client, or with all, turned out.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Dealings {
    /// SYN-ACKs: the first of each connection.
    pub answered: Times,
    /// Connections that are ok.
    pub worked: Times,
}

/// How often something happened, and the first and the last packet that show it.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Times {
    /// How often.
    pub count: u64,
    /// The earliest packet; nothing if there is none.
    pub first: Option<Moment>,
    /// The latest.
    pub last: Option<Moment>,
}

/// A certificate that a server presented.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Presented {
    /// Its common name, or its subject.
    pub title: String,
    /// The connections in which it was presented, whatever became of them.
    pub all: Times,
    /// Those that are ok, so that the client accepted it.
    pub accepted: Times,
    /// The clients of these, up to [`limits::GROUP_CLIENTS`].
    pub accepted_by: BTreeSet<Host>,
}

impl Times {
    /// Creates the record of these packets.
    pub fn of(moments: impl IntoIterator<Item = Moment>) -> Self {
        let mut times = Self::default();
        moments.into_iter().for_each(|moment| times.add(moment));
        times
    }

    /// Takes in another packet, in any order.
    pub(super) fn add(&mut self, moment: Moment) {
        let key = |moment: Moment| (moment.at, moment.number);
        self.count += 1;
        self.first =
            Some(self.first.map_or(moment, |first| if key(moment) < key(first) { moment } else { first }));
        self.last =
            Some(self.last.map_or(moment, |last| if key(moment) > key(last) { moment } else { last }));
    }
}

impl Dealings {
    fn add(&mut self, answered: Option<Moment>, worked: Option<Moment>) {
        if let Some(moment) = answered {
            self.answered.add(moment);
        }
        if let Some(moment) = worked {
            self.worked.add(moment);
        }
    }
}

impl ServerSummary {
    /// Takes in a connection. `pairs` counts the clients of all servers.
    pub(crate) fn add(&mut self, judged: &Judged, pairs: &mut usize) {
        let (story, verdict) = (&judged.story, &judged.verdict);
        *self.codes.entry(verdict.code).or_default() += 1;
        let answered = story.opening.syn_ack.first();
        let worked = (verdict.severity == Severity::Ok).then(|| shown_to_work(story));
        self.all.add(answered, worked);
        self.handshakes += u64::from(story.tls.established.is_some());
        if let Some(moment) = answered {
            self.answered.add(moment);
        }
        if let Some(moment) = worked {
            self.worked.add(moment);
            self.worked_traits.add(story);
        }
        let client = story.parties[Role::Client].host;
        if answered.is_none() && worked.is_none() {
            // A client without anything to count needs no room: a scan has one such client for each server.
        } else if let Some(dealings) = self.clients.get_mut(&client) {
            dealings.add(answered, worked);
        } else if *pairs < limits::SERVER_CLIENTS {
            *pairs += 1;
            self.clients.entry(client).or_default().add(answered, worked);
        } else {
            self.has_further_clients = true;
        }
        self.hop_limits.add_usual(story);
        self.add_certificate(story, client, worked);
    }

    fn add_certificate(&mut self, story: &Story, client: Host, worked: Option<Moment>) {
        let Some(own) = own_certificate(story) else { return };
        let is_known = self.certificates.contains_key(&own.fingerprint);
        if !is_known && self.certificates.len() >= limits::SERVER_CERTIFICATES {
            self.has_further_certificates = true;
            return;
        }
        let presented = self.certificates.entry(own.fingerprint).or_insert_with(|| Presented {
            title: own.title.to_owned(),
            all: Times::default(),
            accepted: Times::default(),
            accepted_by: BTreeSet::new(),
        });
        presented.all.add(own.moment);
        if worked.is_some() {
            presented.accepted.add(own.moment);
            if presented.accepted_by.len() < limits::GROUP_CLIENTS {
                presented.accepted_by.insert(client);
            }
        }
    }
}

/// The server's own certificate on one connection.
pub(super) struct OwnCertificate<'s> {
    pub(super) fingerprint: Fingerprint,
    pub(super) title: &'s str,
    /// Where its message ended.
    pub(super) moment: Moment,
}

/// The certificate that a server presented as its own, where it could be read and was examined.
pub(super) fn own_certificate(story: &Story) -> Option<OwnCertificate<'_>> {
    let moment = story.tls.certificates.server.as_ref()?.moment;
    let own = story.tls.examination.as_deref()?.certificates.first()?;
    let title = own.details.as_ref()?.title();
    Some(OwnCertificate { fingerprint: own.sha256, title, moment })
}

/// The packet with which a connection that is ok was seen to work.
fn shown_to_work(story: &Story) -> Moment {
    let established = story.tls.established.as_ref().map(|observed| observed.moment);
    established.or(story.data.server.first).unwrap_or(story.first)
}
