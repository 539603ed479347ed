//! A connection in JSON: who, when, and how long the steps took.

use std::net::IpAddr;

use schemars::JsonSchema;
use serde::Serialize;

use super::SCHEMA;
use super::log::{NearbyLineObject, TiedLog};
use super::tcp::TcpObject;
use super::tls::TlsObject;
use super::verdict::VerdictObject;
use crate::analysis::Judged;
use crate::finding::Finding;
use crate::packet::{Host, Names};
use crate::report::machine::community_id;
use crate::report::machine::values::{moment_of, name, seconds};
use crate::report::text::{clock, wireshark};
use crate::story::{Moment, Repeats, Silence, Stage, Story};
use crate::tcp::Role;
use crate::time::{Clock, Elapsed};

/// One TCP connection and the verdict on it. Packets are counted from 1 over the whole capture, as Wireshark counts
/// them; durations are in seconds.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[schemars(rename = "Connection")]
pub struct ConnectionObject {
    /// The version of this form.
    pub schema: u8,
    /// Which of the selected connections it is, counted from 1 by their first packets.
    pub id: u64,
    /// The file that its first packet came from, as it was named; null where there is no file.
    pub source: Option<String>,
    /// Which of the captures that a text holds it is of, counted from 1. Packets count from 1 again in each. Only of text.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub part: Option<u32>,
    /// Its Community ID, version 1, by which other tools name the same addresses and ports; null where one end has no address.
    pub community_id: Option<String>,
    /// The end that opened the connection.
    pub client: Socket,
    /// The end that it was opened to.
    pub server: Socket,
    /// The first packet's time: RFC 3339 in UTC, without `Z` where the capture has no zone, without a date where it
    /// has none, since the capture's first packet where it counts from that; null where it has no times.
    pub start: Option<String>,
    /// The last packet's time, in the same form.
    pub end: Option<String>,
    /// Seconds from the first packet to the last.
    pub duration: Option<f64>,
    /// The furthest point reached.
    pub stage: Stage,
    /// The first packet of it.
    pub first_packet: u64,
    /// The last packet of it.
    pub last_packet: u64,
    /// Finds it in Wireshark, in the source and in any file that holds its packets; null where one end has no address.
    pub filter: Option<String>,
    /// What happened.
    pub verdict: VerdictObject,
    /// The steps that it took, each with the packet that completed it.
    pub steps: Vec<ConnectionStep>,
    /// What else is worth knowing.
    pub findings: Vec<Finding>,
    /// How long the steps took.
    pub timing: TimingObject,
    /// What TCP showed.
    pub tcp: TcpObject,
    /// What TLS showed; null where there was none.
    pub tls: Option<TlsObject>,
    /// Attempts in logs that are tied to it; only where there are some.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub logs: Option<Vec<TiedLog>>,
    /// Lines of logs that are tied to nothing, and were written while it lasted, on the capture's clock; only where there are some.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub log_lines: Option<Vec<NearbyLineObject>>,
    /// Further lines of that kind, which are left out; only where there are some.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub log_lines_left_out: Option<u32>,
    /// For each packet of the verdict's evidence its file and its number there; only where several files were read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub evidence_in: Option<Vec<Option<PacketRef>>>,
}

/// A step on the way to the furthest point.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct ConnectionStep {
    /// The point that it reached.
    pub stage: Stage,
    /// The packet that completed it.
    pub packet: u64,
    /// Seconds from the connection's first packet; null where the capture has no times.
    pub at: Option<f64>,
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
pub struct PacketRef {
    /// The file as it was named.
    pub file: String,
    /// The packet's number in it, counted from 1.
    pub packet: u64,
}

/// How long the steps took, in seconds since the first SYN (since the first packet where there is no SYN).
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[schemars(rename = "Timing")]
pub struct TimingObject {
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
    /// Inside TLS, from the client's message that waited longest for its answer to the answer's first packet.
    pub slowest_response: Option<f64>,
    /// Round trips between the place of the capture and the other end.
    pub round_trip: RoundTripsObject,
    /// The silence that stopped the connection's progress.
    pub silence: Option<SilenceObject>,
    /// Silences of at least the stall time that ended with the awaited answer.
    pub pauses: Vec<SilenceObject>,
}

/// Round trips in seconds.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[schemars(rename = "RoundTrips")]
pub struct RoundTripsObject {
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
#[schemars(rename = "Quiet")]
pub struct SilenceObject {
    /// How long.
    pub duration: f64,
    /// The last packet before it that brought something new.
    pub since_packet: u64,
    /// Who owed the next step.
    pub owed_by: Role,
    /// Whether what was said last had been acknowledged.
    pub is_acknowledged: bool,
}

impl ConnectionObject {
    /// Creates the object of a judged connection from this file, with the places of its evidence where there are several files.
    pub(super) fn of(
        judged: Judged,
        source: Option<String>,
        evidence_in: Option<Vec<Option<PacketRef>>>,
    ) -> Self {
        let Judged { story, verdict, findings } = judged;
        let facts = &story.capture;
        let has_times = facts.clock != Clock::Absent;
        let (first, last) = story.span();
        let end = |role: Role| Socket::of(&story.names, story.parties[role].host, story.parties[role].port);
        Self {
            schema: SCHEMA,
            id: story.id,
            source,
            part: facts.part,
            community_id: community_id::of(&story),
            client: end(Role::Client),
            server: end(Role::Server),
            start: clock::machine_readable(first.at, facts.clock, facts.digits),
            end: clock::machine_readable(last.at, facts.clock, facts.digits),
            duration: has_times.then(|| seconds(last.at - first.at)),
            stage: story.stage,
            first_packet: first.number,
            last_packet: last.number,
            filter: wireshark::filter(&story),
            verdict: VerdictObject::of(verdict, &story),
            steps: steps(&story, has_times),
            findings,
            timing: timing(&story, has_times),
            tcp: TcpObject::of(&story),
            tls: TlsObject::of(&story),
            logs: (!story.logs.is_empty())
                .then(|| story.logs.iter().map(|tie| TiedLog::of(tie, facts.clock, facts.digits)).collect()),
            log_lines: (!story.log_lines.is_empty()).then(|| {
                story
                    .log_lines
                    .iter()
                    .map(|line| NearbyLineObject::of(line, facts.clock, facts.digits))
                    .collect()
            }),
            log_lines_left_out: Some(story.log_lines_beyond).filter(|beyond| *beyond > 0),
            evidence_in,
        }
    }
}

fn steps(story: &Story, has_times: bool) -> Vec<ConnectionStep> {
    let (opening, tls) = (&story.opening, &story.tls);
    let data = [&tls.application_data.client, &tls.application_data.server];
    let first_data = data.into_iter().filter_map(Repeats::first).min_by_key(|moment| moment.number);
    let steps = [
        (Stage::Syn, opening.syn.first()),
        (Stage::SynAck, opening.syn_ack.first()),
        (Stage::TcpEstablished, opening.established),
        (Stage::ClientHello, moment_of(tls.client_hello.as_ref())),
        (Stage::ServerHello, moment_of(tls.server_hello.as_ref())),
        (Stage::ServerFlightComplete, moment_of(tls.server_flight.as_ref())),
        (Stage::ClientFinished, moment_of(tls.client_finished.as_ref())),
        (Stage::TlsEstablished, moment_of(tls.established.as_ref())),
        (Stage::ApplicationData, first_data.filter(|_| story.stage == Stage::ApplicationData)),
    ];
    let began = story.first.at;
    let step = |(stage, moment): (Stage, Option<Moment>)| {
        let moment = moment?;
        Some(ConnectionStep {
            stage,
            packet: moment.number,
            at: has_times.then(|| seconds(moment.at - began)),
        })
    };
    steps.into_iter().filter_map(step).collect()
}

fn timing(story: &Story, has_times: bool) -> TimingObject {
    let began = story.began().at;
    let since =
        |moment: Option<Moment>| moment.filter(|_| has_times).map(|moment| seconds(moment.at - began));
    let span = |elapsed: Option<Elapsed>| elapsed.filter(|_| has_times).map(seconds);
    let trips = &story.path.round_trips;
    TimingObject {
        syn_ack: since(story.opening.syn_ack.first()),
        tcp_established: since(story.opening.established),
        client_hello: since(moment_of(story.tls.client_hello.as_ref())),
        server_hello: since(moment_of(story.tls.server_hello.as_ref())),
        server_flight_complete: since(moment_of(story.tls.server_flight.as_ref())),
        client_finished: since(moment_of(story.tls.client_finished.as_ref())),
        tls_established: since(moment_of(story.tls.established.as_ref())),
        slowest_response: span(story.tls.turns.latest_answer().map(|answer| answer.elapsed())),
        round_trip: RoundTripsObject {
            handshake: span(trips.handshake.map(|(elapsed, ..)| elapsed)),
            data: span(trips.data.map(|(elapsed, _)| elapsed)),
            shortest_to_server: span(trips.shortest_to_server),
            shortest_to_client: span(trips.shortest_to_client),
        },
        silence: story.silence().map(quiet),
        pauses: story.pauses.iter().map(quiet).collect(),
    }
}

fn quiet(silence: &Silence) -> SilenceObject {
    SilenceObject {
        duration: seconds(silence.elapsed()),
        since_packet: silence.since.number,
        owed_by: silence.awaited_from,
        is_acknowledged: silence.is_acknowledged,
    }
}
