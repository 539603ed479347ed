//! What the path showed of itself: ICMP errors and round trips.

use std::net::IpAddr;

use super::{Moment, Stage};
use crate::tcp::Role;
use crate::time::Elapsed;

/// What the path showed of itself.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct PathFacts {
    /// ICMP errors about the connection's packets.
    pub icmp_errors: Vec<IcmpFact>,
    /// ICMP errors in all, those not kept one by one included.
    pub icmp_error_count: u64,
    /// Round trips as the capture saw them.
    pub round_trips: RoundTrips,
}

/// An ICMP or ICMPv6 error about a connection's packet.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct IcmpFact {
    /// The packet.
    pub moment: Moment,
    /// Who sent it.
    pub from: IpAddr,
    /// Its type; the sender's address tells ICMPv4 from ICMPv6.
    pub icmp_type: u8,
    /// Its code.
    pub code: u8,
    /// Largest size that would pass, where it says so.
    pub mtu: Option<u32>,
    /// Whose packet it quotes.
    pub quotes: Role,
    /// The stage reached before it.
    pub stage: Stage,
}

impl IcmpFact {
    /// "Fragmentation needed" (RFC 1191, 4) and "packet too big" (RFC 4443, 3.2).
    pub fn says_too_big(&self) -> bool {
        match (self.from.is_ipv4(), self.icmp_type, self.code) {
            (true, 3, 4) => true,
            (false, icmp_type, _) => icmp_type == 2,
            _ => false,
        }
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
