//! What preceded TLS: a request for a tunnel, or a request to start TLS.

use super::{DataFacts, Moment, Observed};
use crate::story::Order;
use crate::tcp::{PerRole, Role};
use crate::tls::{PlainKind, Prelude, PreludeStep, Refusal};

/// What preceded TLS.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct PreludeFacts {
    /// The protocol.
    pub protocol: Prelude,
    /// The packet in which the client asked first.
    pub asked: Moment,
    /// The latest step; of several requests the last one counts.
    pub latest: Observed<PreludeStep>,
    /// Bytes that the client had sent by then.
    pub client_bytes: u64,
    /// Whether the server had listed what it can do, and not this: its replies to EHLO, CAPABILITY and CAPA.
    pub is_unlisted: bool,
    /// Between which packets the slowest of the server's replies came that preceded the request, its greeting included.
    pub slowest_reply: Option<(Moment, Moment)>,
    /// Between which packets the client took longest to continue after a reply: to choose a destination, or to give a password.
    pub slowest_request: Option<(Moment, Moment)>,
}

impl PreludeFacts {
    /// Records a step; a step of another protocol than before starts over.
    pub(in crate::story) fn record(
        slot: &mut Option<Self>,
        protocol: Prelude,
        latest: Observed<PreludeStep>,
        client_bytes: u64,
    ) {
        match slot {
            Some(known) if known.protocol == protocol => {
                known.record_pause(&latest);
                (known.latest, known.client_bytes) = (latest, client_bytes);
            }
            slot => {
                let asked = latest.moment;
                let is_unlisted = false;
                let (slowest_reply, slowest_request) = (None, None);
                let begun = Self {
                    protocol,
                    asked,
                    latest,
                    client_bytes,
                    is_unlisted,
                    slowest_reply,
                    slowest_request,
                };
                *slot = Some(begun);
            }
        }
    }

    /// Records how long the client took for this step, where a reply asked it to continue.
    fn record_pause(&mut self, next: &Observed<PreludeStep>) {
        let is_its_turn = matches!(self.latest.what, PreludeStep::Continued | PreludeStep::Refused(_));
        let (from, to) = (self.latest.moment, next.moment);
        let is_slowest = self.slowest_request.is_none_or(|(one, other)| to.at - from.at > other.at - one.at);
        if is_its_turn && next.what == PreludeStep::Asked && is_slowest {
            self.slowest_request = Some((from, to));
        }
    }

    /// Records that the server's list lacks what was asked for.
    pub(in crate::story) fn record_unlisted(slot: &mut Option<Self>) {
        if let Some(known) = slot {
            known.is_unlisted = true;
        }
    }

    /// What a first line means for a tunnel through an HTTP proxy (RFC 9110, 9.3.6).
    pub(in crate::story) fn connect_step(
        known: Option<&Self>,
        role: Role,
        observed: PlainKind,
    ) -> Option<PreludeStep> {
        // What comes through an open tunnel is another server's.
        let is_asked =
            known.is_some_and(|prelude| prelude.protocol == Prelude::Connect && !prelude.is_agreed());
        match (role, observed) {
            (Role::Client, PlainKind::Connect) => Some(PreludeStep::Asked),
            (Role::Server, PlainKind::HttpResponse(200..=299)) if is_asked => Some(PreludeStep::Agreed),
            (Role::Server, PlainKind::HttpResponse(status @ 300..)) if is_asked => {
                Some(PreludeStep::Refused(Refusal { code: Some(status), reason: "its status says why" }))
            }
            _ => None,
        }
    }

    /// Whether a proxy opened the tunnel, or the server agreed to start TLS.
    pub fn is_agreed(&self) -> bool {
        self.latest.what == PreludeStep::Agreed
    }

    /// Whether its outcome is not known yet.
    pub fn is_pending(&self) -> bool {
        matches!(self.latest.what, PreludeStep::Asked | PreludeStep::Continued)
    }

    /// Why it was refused, and by which packet.
    pub fn refusal(&self) -> Option<Observed<Refusal>> {
        match self.latest.what {
            PreludeStep::Refused(what) => {
                Some(Observed { what, moment: self.latest.moment, basis: self.latest.basis })
            }
            _ => None,
        }
    }

    /// Whose step is awaited before TLS begins, given each side's payload and the order of packets.
    pub(in crate::story) fn awaited_from(&self, data: &PerRole<DataFacts>, order: &Order) -> Option<Role> {
        let spoke_since = |role: Role| {
            data[role].last.is_some_and(|last| order.is_after(last.number, self.latest.moment.number))
        };
        match self.latest.what {
            PreludeStep::Asked => Some(Role::Server),
            PreludeStep::Continued => Some(Role::Client),
            // What follows may be no TLS after all.
            PreludeStep::Agreed => match (spoke_since(Role::Client), spoke_since(Role::Server)) {
                (false, _) => Some(Role::Client),
                (true, false) => Some(Role::Server),
                (true, true) => None,
            },
            PreludeStep::Refused(_) => None,
        }
    }
}
