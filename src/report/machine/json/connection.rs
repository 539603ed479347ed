//! A connection in JSON: who, when, and how long the steps took.

use std::net::IpAddr;

use schemars::JsonSchema;
use serde::Serialize;

use super::tcp::Tcp;
use super::tls::Tls;
use super::{SCHEMA, moment_of, name, seconds};
use crate::analysis::Judged;
use crate::finding::Finding;
use crate::packet::{Host, Names};
use crate::report::text::clock;
use crate::story::{Moment, Silence, Stage, Story};
use crate::tcp::Role;
use crate::time::{Clock, Elapsed};
use crate::verdict::Verdict;

/// One TCP connection and the verdict on it. Packets are counted from 1 over the whole capture, as Wireshark counts
/// them; durations are in seconds.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct Connection {
    /// The version of this form.
    pub schema: u8,
    /// The end that opened the connection.
    pub client: Socket,
    /// The end that it was opened to.
    pub server: Socket,
    /// The first packet's time: RFC 3339 in UTC, without `Z` where the capture tells no zone, without a date where it
    /// tells none, since the capture's first packet where it counts from that; null where it has no times.
    pub start: Option<String>,
    /// Seconds from the first packet to the last.
    pub duration: Option<f64>,
    /// The furthest point reached.
    pub stage: Stage,
    /// What happened.
    pub verdict: Verdict,
    /// What else is worth knowing.
    pub findings: Vec<Finding>,
    /// How long the steps took.
    pub timing: Timing,
    /// What TCP showed.
    pub tcp: Tcp,
    /// What TLS showed; null where there was none.
    pub tls: Option<Tls>,
    /// For each packet of the verdict's evidence its file and its number there; only where several files were read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub evidence_in: Option<Vec<Option<PacketPlace>>>,
}

/// An address and a port.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct Socket {
    /// IPv4 or IPv6; null where a text shows only a name.
    pub ip: Option<IpAddr>,
    /// The name that a text shows instead, as it is spelled.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// TCP; null where a text shows the name of a service that is not registered.
    pub port: Option<u16>,
    /// The name of that service.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub service: Option<String>,
}

impl Socket {
    pub(super) fn of(names: &Names, host: Host, port: u16) -> Self {
        Self {
            ip: names.address(host),
            name: name(names, host),
            port: names.port(host, port),
            service: names.get(host).and_then(|name| name.service.as_deref()).map(str::to_owned),
        }
    }
}

/// A packet by its file.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct PacketPlace {
    /// The file as it was named.
    pub file: String,
    /// The packet's number in it, counted from 1.
    pub packet: u64,
}

/// How long the steps took, in seconds since the first SYN (since the first packet where there is no SYN).
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct Timing {
    /// To the first SYN-ACK.
    pub syn_ack: Option<f64>,
    /// To the end of the TCP handshake.
    pub tcp_established: Option<f64>,
    /// To the ClientHello.
    pub client_hello: Option<f64>,
    /// To the ServerHello.
    pub server_hello: Option<f64>,
    /// To the end of the server's flight.
    pub server_flight_complete: Option<f64>,
    /// To the client's Finished.
    pub client_finished: Option<f64>,
    /// To the end of the TLS handshake.
    pub tls_established: Option<f64>,
    /// Round trips between the place of the capture and the other end.
    pub round_trip: RoundTrips,
    /// The silence in which the connection stood still.
    pub silence: Option<Quiet>,
    /// Silences of at least the stall time that ended with the awaited answer.
    pub pauses: Vec<Quiet>,
}

/// Round trips in seconds.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct RoundTrips {
    /// From the SYN to the SYN-ACK.
    pub handshake: Option<f64>,
    /// From the client's first data to its acknowledgement.
    pub data: Option<f64>,
    /// The shortest to the server.
    pub shortest_to_server: Option<f64>,
    /// The shortest to the client.
    pub shortest_to_client: Option<f64>,
}

/// A silence.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct Quiet {
    /// How long.
    pub duration: f64,
    /// The last packet before it that brought something new.
    pub since_packet: u64,
    /// Who owed the next step.
    pub owed_by: Role,
    /// Whether what was said last had been acknowledged.
    pub is_acknowledged: bool,
}

impl Connection {
    /// Of a judged connection, with the places of its evidence where there are several files.
    pub(super) fn of(judged: Judged, evidence_in: Option<Vec<Option<PacketPlace>>>) -> Self {
        let Judged { story, verdict, findings } = judged;
        let facts = &story.capture;
        let has_times = facts.clock != Clock::Absent;
        let end = |role: Role| Socket::of(&story.names, story.parties[role].host, story.parties[role].port);
        Self {
            schema: SCHEMA,
            client: end(Role::Client),
            server: end(Role::Server),
            start: clock::machine_readable(story.first.at, facts.clock, facts.digits),
            duration: has_times.then(|| seconds(story.last.at - story.first.at)),
            stage: story.stage,
            verdict,
            findings,
            timing: timing(&story, has_times),
            tcp: Tcp::of(&story),
            tls: Tls::of(&story),
            evidence_in,
        }
    }
}

fn timing(story: &Story, has_times: bool) -> Timing {
    let began = story.began().at;
    let since =
        |moment: Option<Moment>| moment.filter(|_| has_times).map(|moment| seconds(moment.at - began));
    let span = |elapsed: Option<Elapsed>| elapsed.filter(|_| has_times).map(seconds);
    let trips = &story.path.round_trips;
    Timing {
        syn_ack: since(story.opening.syn_ack.first()),
        tcp_established: since(story.opening.established),
        client_hello: since(moment_of(story.tls.client_hello.as_ref())),
        server_hello: since(moment_of(story.tls.server_hello.as_ref())),
        server_flight_complete: since(moment_of(story.tls.server_flight.as_ref())),
        client_finished: since(moment_of(story.tls.client_finished.as_ref())),
        tls_established: since(moment_of(story.tls.established.as_ref())),
        round_trip: RoundTrips {
            handshake: span(trips.handshake.map(|(elapsed, ..)| elapsed)),
            data: span(trips.data.map(|(elapsed, _)| elapsed)),
            shortest_to_server: span(trips.shortest_to_server),
            shortest_to_client: span(trips.shortest_to_client),
        },
        silence: story.silence().map(quiet),
        pauses: story.pauses.iter().map(quiet).collect(),
    }
}

fn quiet(silence: &Silence) -> Quiet {
    Quiet {
        duration: seconds(silence.elapsed()),
        since_packet: silence.since.number,
        owed_by: silence.awaited_from,
        is_acknowledged: silence.is_acknowledged,
    }
}
