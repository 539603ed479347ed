//! What packets show of the path: ICMP errors and round trips.

use super::{Moment, OpeningFacts, Stage};
use crate::limits;
use crate::packet::{Host, IcmpError, IpVersion};
use crate::tcp::Role;
use crate::time::Elapsed;

/// What packets show of the path.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct PathFacts {
    /// What the kernel of a check counted; absent for captures.
    pub counters: Option<SocketCounters>,
    /// ICMP errors about the connection's packets.
    pub icmp_errors: Vec<IcmpFact>,
    /// ICMP errors in all, those not kept one by one included.
    pub icmp_error_count: u64,
    /// Round trips as the capture saw them.
    pub round_trips: RoundTrips,
}

impl PathFacts {
    /// Exchanges the roles.
    pub(in crate::story) fn swap_roles(&mut self) {
        self.round_trips.swap_roles();
        for error in &mut self.icmp_errors {
            error.quotes = error.quotes.other();
        }
    }

    /// Records an ICMP error about a packet of `quotes`, which came at `stage`.
    pub(in crate::story) fn record_icmp(
        &mut self,
        moment: Moment,
        error: &IcmpError<'_>,
        quotes: Role,
        stage: Stage,
    ) {
        self.icmp_error_count += 1;
        if self.icmp_errors.len() < limits::STORY_REPEATS {
            self.icmp_errors.push(IcmpFact {
                moment,
                from: error.ip.source,
                version: error.ip.version,
                icmp_type: error.icmp_type,
                code: error.code,
                mtu: error.mtu,
                quotes,
                stage,
            });
        }
    }
}

/// An ICMP or ICMPv6 error about a connection's packet.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct IcmpFact {
    /// The packet.
    pub moment: Moment,
    /// Who sent it.
    pub from: Host,
    /// ICMP or ICMPv6, whose types differ.
    pub version: IpVersion,
    /// Its type.
    pub icmp_type: u8,
    /// Its code.
    pub code: u8,
    /// Largest size that would pass, where the error contains it.
    pub mtu: Option<u32>,
    /// Whose packet it quotes.
    pub quotes: Role,
    /// The stage reached before it.
    pub stage: Stage,
}

impl IcmpFact {
    /// "Fragmentation needed" (RFC 1191, 4) and "packet too big" (RFC 4443, 3.2).
    pub fn says_too_big(&self) -> bool {
        match (self.version, self.icmp_type, self.code) {
            (IpVersion::V4, 3, 4) => true,
            (IpVersion::V6, icmp_type, _) => icmp_type == 2,
            _ => false,
        }
    }

    /// What an error that [says](Self::says_too_big) so is called.
    pub fn too_big(&self) -> &'static str {
        if self.version == IpVersion::V4 { "fragmentation needed" } else { "packet too big" }
    }
}

/// Round trips between the capture's place and the other end.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct RoundTrips {
    /// From the SYN to its SYN-ACK, with both packets.
    pub handshake: Option<(Elapsed, u64, u64)>,
    /// From the client's first data to its acknowledgement, with the acknowledging packet.
    pub data: Option<(Elapsed, u64)>,
    /// The shortest to the server.
    pub shortest_to_server: Option<Elapsed>,
    /// The shortest to the client.
    pub shortest_to_client: Option<Elapsed>,
}

impl RoundTrips {
    /// Exchanges the roles. Whose data the round trip of the first data was about is then not the client's.
    pub(in crate::story) fn swap_roles(&mut self) {
        std::mem::swap(&mut self.shortest_to_server, &mut self.shortest_to_client);
        self.data = None;
    }

    /// Records the round trip of the opening, which the SYN-ACK in `moment` completes. It is certain only where one SYN got
    /// one answer (Karn's algorithm, RFC 6298, 3).
    pub(in crate::story) fn record_opening(&mut self, moment: Moment, opening: &OpeningFacts) {
        let (Some(syn), 1, 1) = (opening.syn.first(), opening.syn.count, opening.syn_ack.count) else {
            return;
        };
        let elapsed = moment.at - syn.at;
        if elapsed >= Elapsed::ZERO && moment.number > syn.number {
            self.handshake = Some((elapsed, syn.number, moment.number));
        }
    }

    /// Records a round trip to a side, which its packet in `moment` completes.
    pub(in crate::story) fn record(&mut self, role: Role, round_trip: Elapsed) {
        let shortest = match role {
            Role::Server => &mut self.shortest_to_server,
            Role::Client => &mut self.shortest_to_client,
        };
        *shortest = Some(shortest.map_or(round_trip, |known| known.min(round_trip)));
    }

    /// The shortest round trip between the two sides, where the one to the server is known: the client's part counts where the capture
    /// was not made at it.
    pub fn shortest(&self) -> Option<Elapsed> {
        let to_server = self.shortest_to_server?.nanos();
        let to_client = self.shortest_to_client.map_or(0, Elapsed::nanos);
        Some(Elapsed::from_nanos(to_server.saturating_add(to_client)))
    }

    /// The shortest round trip to a side.
    pub fn shortest_to(&self, role: Role) -> Option<Elapsed> {
        match role {
            Role::Server => self.shortest_to_server,
            Role::Client => self.shortest_to_client,
        }
    }
}

/// What the kernel of the client's end counted of a connection, and no socket call shows otherwise.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct SocketCounters {
    /// The last ICMP error about the client's packets that came while the connection was up, in words: only its errno is known.
    pub icmp: Option<&'static str>,
    /// Segments of the client that were sent again.
    pub retransmitted: u32,
    /// Segments of the server that arrived before one that precedes them.
    pub out_of_order: u32,
    /// The path's MTU at the beginning and at the end, where it fell: a router reported a smaller one.
    pub path_mtu: Option<(u32, u32)>,
    /// Whether bytes of the server were still missing at the end, after which others had arrived.
    pub is_after_hole: bool,
    /// Whether bytes of the client could not be sent at the end because the server's receive window was closed.
    pub is_window_closed: bool,
}

impl SocketCounters {
    /// In words; nothing if nothing is unusual.
    pub fn words(&self) -> Option<String> {
        let count = |number: u32, what: &str| (number > 0).then(|| format!("{number} {what}"));
        let hole = self.is_after_hole.then(|| "bytes before them are still missing".to_owned());
        let mtu =
            self.path_mtu.map(|(before, after)| format!("a path MTU that fell from {before} to {after}"));
        let icmp = self.icmp.map(|error| format!("an ICMP error ({error})"));
        let window = self.is_window_closed.then(|| "a closed receive window of the server".to_owned());
        let parts: Vec<_> = [
            icmp,
            count(self.retransmitted, "of this host's segments retransmitted"),
            count(self.out_of_order, "of the server's segments out of order"),
            hole,
            mtu,
            window,
        ]
        .into_iter()
        .flatten()
        .collect();
        (!parts.is_empty()).then(|| parts.join(", "))
    }
}
