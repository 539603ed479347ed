//! What a capture shows, in the plain form in which this room compares it with logs.

use std::net::SocketAddr;

use super::Side;
use crate::time::{Clock, Elapsed, Timestamp};

/// What a capture shows.
#[derive(Clone, Debug, Default)]
pub struct Wire {
    /// What its times count from.
    pub clock: Clock,
    /// Its first and last packet's time.
    pub span: (Timestamp, Timestamp),
    /// The end at which it was made, where packets prove it (offloaded checksums, for example). Its clock is then that host's.
    pub made_at: Option<Side>,
    /// The host on which it was made, where text names it: a prompt.
    pub host: Option<String>,
    /// What was exchanged.
    pub exchanges: Vec<Exchange>,
}

/// One attempt on the wire: a connection, or one request and its answer on a connection that has several.
#[derive(Clone, PartialEq, Debug)]
pub struct Exchange {
    /// The SYN; of a later request on the same connection, its first packet.
    pub start: Timestamp,
    /// The packet that decided it: the last byte of the answer, the RST, the alert, the FIN; what is seen last where nothing did.
    pub end: Timestamp,
    /// Whether that packet is an end, and not merely the last one seen.
    pub is_ended: bool,
    /// Who sent it.
    pub end_by: Side,
    /// Who opened it.
    pub client: SocketAddr,
    /// Who was asked: the proxy, where there is one.
    pub server: SocketAddr,
    /// The server's name: the SNI, or what a proxy was asked for.
    pub name: Option<String>,
    /// Whether `server` is a proxy, and the address and port that a log names are another's.
    pub is_proxied: bool,
    /// What became of it.
    pub outcome: WireOutcome,
    /// Whether the client may have asked for something: it sent data inside TLS or in clear, or the capture lacks what it sent.
    pub asks: bool,
    /// The HTTP status of the answer, where it can be read.
    pub status: Option<u16>,
    /// The first packet of the request, inside TLS or in clear.
    pub asked: Option<Timestamp>,
    /// The first packet of the answer.
    pub answered: Option<Timestamp>,
    /// Bytes of the answer, its header among them, without what protects the records; where all of its records were kept.
    pub answer_bytes: Option<u32>,
    /// What was asked, where this program made the exchange itself.
    pub own: Option<OwnRequest>,
    /// The shortest round trip between the place of the capture and the client.
    pub to_client: Option<Elapsed>,
    /// The same to the server. On the client's host it is the whole round trip.
    pub to_server: Option<Elapsed>,
    /// Round trips from the SYN to an answer: 2 for plain HTTP, 3 for TLS 1.3 or a resumed session, 4 for TLS 1.2.
    pub round_trips: u8,
}

impl Exchange {
    /// An exchange in which the client asked and the server answered between these instants, and of which nothing more is known.
    pub fn complete(client: SocketAddr, server: SocketAddr, start: Timestamp, end: Timestamp) -> Self {
        Self {
            start,
            end,
            is_ended: true,
            end_by: Side::Server,
            client,
            server,
            name: None,
            is_proxied: false,
            outcome: WireOutcome::Complete,
            asks: true,
            status: None,
            asked: None,
            answered: None,
            answer_bytes: None,
            own: None,
            to_client: None,
            to_server: None,
            round_trips: 4,
        }
    }
}

/// What this program asked in an exchange that it made itself.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct OwnRequest {
    /// Method and path, as a log has them; absent if nothing was asked.
    pub line: Option<String>,
    /// The status of the answer, where one came.
    pub status: Option<u16>,
    /// Host and port of the tunnel that a proxy was asked for.
    pub tunnel: Option<String>,
}

/// What became of an exchange.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum WireOutcome {
    /// Asked and answered.
    Complete,
    /// The SYN was refused.
    Refused,
    /// The SYN was not answered.
    NoReply,
    /// An ICMP error answered the SYN.
    Unreachable,
    /// The ClientHello was not answered.
    NoServerHello,
    /// The handshake stalled, or the client sent nothing.
    Stalled,
    /// A fatal alert ended it, in clear or not.
    Alert {
        /// Its number, where it can be read.
        number: Option<u8>,
        /// Who sent it.
        by: Side,
    },
    /// A RST ended it.
    Reset,
    /// A FIN ended it before TLS was established.
    ClosedEarly,
    /// One side did not speak TLS.
    NotTls,
    /// A proxy refused the tunnel.
    ProxyRefused(Option<u16>),
    /// The request was not answered.
    NoResponse,
    /// The capture does not show it.
    Unknown,
}

impl WireOutcome {
    /// Whether the server's TCP took the connection.
    pub(super) fn is_answered(self) -> bool {
        !matches!(self, Self::Refused | Self::NoReply | Self::Unreachable)
    }
}

impl Exchange {
    /// The round trip between both ends.
    fn round_trip(&self) -> Option<Elapsed> {
        let to_server = self.to_server?.nanos();
        Some(Elapsed::from_nanos(to_server.saturating_add(self.to_client.unwrap_or_default().nanos())))
    }

    /// How long it took at least, until its end, and no less than its round trips take where the end is not seen.
    pub(super) fn least(&self) -> Elapsed {
        let seen = self.end - self.start;
        match self.round_trip().filter(|_| !self.is_ended && self.outcome == WireOutcome::Unknown) {
            Some(round_trip) => seen.max(round_trip.times(i64::from(self.round_trips))),
            None => seen,
        }
    }

    /// What its time at `side` differs from its time in the capture, of a packet that `by` sent, and how uncertain that is, in
    /// nanoseconds: half a round trip, since there and back may differ.
    pub(super) fn shift(&self, side: Side, by: Side) -> (i64, i64) {
        /// Where no round trip is known: a continent.
        const UNKNOWN: i64 = 50_000_000;
        /// Round trips above this are pauses of a host, not distances.
        const LONGEST: i64 = 1_000_000_000;
        let round_trip = match side {
            Side::Client => self.to_client,
            Side::Server => self.to_server,
        };
        match round_trip {
            Some(round_trip) => {
                let round_trip = round_trip.nanos().clamp(0, LONGEST);
                // Its own packets left it before they passed the place of the capture, the other's reached it afterwards.
                (if by == side { -round_trip / 2 } else { round_trip / 2 }, round_trip / 8)
            }
            None => (0, UNKNOWN / 2),
        }
    }
}
