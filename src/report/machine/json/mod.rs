//! JSON Lines for scripts: a `connection` object for each connection, then one `summary`. While packets come, an `open`
//! object says what is known of a connection before it is closed.
//!
//! The schema is generated from these types. What is not known is `null`.

mod certificates;
mod check;

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::io::{self, Write};
use std::net::IpAddr;

pub use certificates::{Certificate, CertificateCheck, Certificates, Trusted};
pub use check::Check;
use schemars::{JsonSchema, Schema};
use serde::Serialize;
use serde_json::ser::{Formatter, Serializer};

use crate::analysis::{Cost, Event, Failure, Judged, Needs, Sink, Summary as Figures};
use crate::capture::ReadError;
use crate::finding::Finding;
use crate::packet::{Host, Names};
use crate::probe::Outcome;
use crate::report::text::{clock, escape};
use crate::report::{End, Origins, Report};
use crate::story::{EndingKind, Moment, Observed, Opening, PreludeFacts, Silence, Stage, Story};
use crate::tcp::{Counters, ResetFit, Role};
use crate::time::{Clock, Elapsed};
use crate::tls::{Basis, CipherSuite, ClientHello, NamedGroup, Plain, PlainKind, PreludeStep, Version};
use crate::verdict::Verdict;

/// The version of this form. A field that is added does not raise it; one that changes its meaning does.
const SCHEMA: u8 = 1;

/// Writes each connection as it is judged.
pub struct JsonReport<W> {
    out: W,
    /// The line that is being written, so that `out` gets it at once.
    line: Vec<u8>,
    /// The files' names, where there are several.
    files: Vec<String>,
    origins: Origins,
}

impl<W: Write> JsonReport<W> {
    /// A report on a capture of these files.
    pub fn new(out: W, files: &[String]) -> Self {
        let files = if files.len() > 1 { files.to_vec() } else { Vec::new() };
        Self { out, line: Vec::new(), files, origins: Origins::default() }
    }

    /// Writes an active check, after its connections.
    ///
    /// # Errors
    /// When `out` can't be written.
    pub fn check(&mut self, outcome: &Outcome) -> io::Result<()> {
        self.write(&Line::Check(Box::new(Check::of(outcome))))
    }

    /// Writes the summary. `unopened` are the files that could not be read at all.
    ///
    /// # Errors
    /// When `out` can't be written.
    pub fn end(&mut self, figures: &Figures, unopened: &[ReadError]) -> io::Result<()> {
        let summary = summary(figures, unopened, &self.origins);
        self.write(&Line::Summary(Box::new(summary)))?;
        self.out.flush()
    }

    fn write(&mut self, line: &Line) -> io::Result<()> {
        self.line.clear();
        line.serialize(&mut Serializer::with_formatter(&mut self.line, SafeFormatter))?;
        self.line.push(b'\n');
        self.out.write_all(&self.line)
    }
}

impl<W: Write + Send> Report for JsonReport<W> {
    fn finish(mut self: Box<Self>, end: &End<'_>) -> io::Result<()> {
        if let Some(check) = &end.check {
            self.check(check.outcome)?;
        }
        self.end(end.summary, end.unopened)
    }
}

impl<W: Write + Send> Sink for JsonReport<W> {
    fn needs(&self) -> Needs {
        Needs { packets: !self.files.is_empty(), per_connection: Cost::High, ..Needs::default() }
    }

    fn event(&mut self, event: &Event<'_>) -> io::Result<()> {
        match event {
            Event::Packet(packet) if !self.files.is_empty() => {
                self.origins.add(packet.number, packet.origin);
                Ok(())
            }
            Event::Known(judged) => {
                self.write(&Line::Open(Box::new(connection((*judged).clone(), None))))?;
                self.out.flush()
            }
            Event::Idle(..) => self.out.flush(),
            _ => Ok(()),
        }
    }

    fn connection(&mut self, judged: Judged) -> io::Result<()> {
        let evidence_in = (!self.files.is_empty()).then(|| self.places(&judged.verdict.evidence));
        let line = connection(judged, evidence_in);
        self.write(&Line::Connection(Box::new(line)))
    }
}

impl<W> JsonReport<W> {
    fn places(&self, evidence: &[u64]) -> Vec<Option<PacketPlace>> {
        let place = |number: &u64| {
            let origin = self.origins.of(*number)?;
            let file = self.files.get(usize::from(origin.file))?.clone();
            Some(PacketPlace { file, packet: origin.number })
        };
        evidence.iter().map(place).collect()
    }
}

/// A connection's object as a value, for files that hold it among other things.
pub fn connection_value(judged: &Judged) -> serde_json::Value {
    let line = Line::Connection(Box::new(connection(judged.clone(), None)));
    serde_json::to_value(line).unwrap_or_default()
}

/// The JSON Schema of one line.
pub fn schema() -> Schema {
    schemars::schema_for!(Line)
}

/// One line of the output of `--output json`: a connection, an active check after its connections, or the summary after all.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[serde(tag = "type", rename_all = "lowercase")]
#[schemars(title = "ssmscope --output json")]
pub enum Line {
    /// One TCP connection and the verdict on it.
    Connection(Box<Connection>),
    /// A connection that is not closed, and the verdict so far; only while packets are waited for. Its `connection` object
    /// follows.
    Open(Box<Connection>),
    /// What an active check did and found beside its connections.
    Check(Box<Check>),
    /// The whole capture in figures.
    Summary(Box<Summary>),
}

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
    fn of(names: &Names, host: Host, port: u16) -> Self {
        Self {
            ip: names.address(host),
            name: name(names, host),
            port: names.port(host, port),
            service: names.get(host).and_then(|name| name.service.as_deref()).map(str::to_owned),
        }
    }
}

/// The name of a host of which no address is known.
fn name(names: &Names, host: Host) -> Option<String> {
    names.get(host).filter(|name| name.address.is_none()).map(|name| name.host.to_string())
}

/// A packet by its file.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct PacketPlace {
    /// The file as it was named.
    pub file: String,
    /// The packet's number in it, counted from 1.
    pub packet: u64,
}

/// A value for each end.
#[derive(Clone, Copy, Debug, Serialize, JsonSchema)]
pub struct Both<T> {
    /// The client's.
    pub client: T,
    /// The server's.
    pub server: T,
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

/// What TCP showed.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct Tcp {
    /// How it is known who the client is.
    pub opened_by: Opening,
    /// Packets of the connection, ICMP errors about it included.
    pub packets: u64,
    /// SYNs, repeats included.
    pub syn_count: u64,
    /// SYN-ACKs, repeats included.
    pub syn_ack_count: u64,
    /// Maximum segment sizes that the two announced, in bytes.
    pub mss: Both<Option<u16>>,
    /// What each side sent.
    pub sent: Both<Sent>,
    /// FINs.
    pub fins: Vec<Fin>,
    /// RSTs that took effect.
    pub resets: Vec<Reset>,
    /// ICMP errors about the connection in all.
    pub icmp_error_count: u64,
    /// The first of them.
    pub icmp_errors: Vec<Icmp>,
    /// What each side said first that was not TLS.
    pub plain: Both<Option<PlainWords>>,
    /// What stood in front of TLS; null where nothing was recognised.
    pub prelude: Option<PreludeWords>,
}

/// What one side sent.
#[derive(Clone, Copy, Debug, Serialize, JsonSchema)]
pub struct Sent {
    /// Segments, copies of the capture left out.
    pub segments: u64,
    /// Payload bytes, each counted once.
    pub bytes: u64,
    /// Segments with payload.
    pub data_segments: u64,
    /// Segments that repeat what was sent before.
    pub retransmissions: u64,
    /// Segments that came after later ones, and were no repeats.
    pub out_of_order: u64,
    /// Segments that the capture holds twice.
    pub duplicates: u64,
    /// Keep-alive probes.
    pub keep_alives: u64,
    /// Segments that announced a zero window.
    pub zero_windows: u64,
    /// Acknowledgements that repeat the one before.
    pub duplicate_acks: u64,
    /// Payload bytes that the other side acknowledged and the capture never saw.
    pub acked_unseen: u64,
    /// Payload bytes that the snaplen cut off.
    pub cut_bytes: u64,
    /// Whether everything was acknowledged.
    pub is_all_acknowledged: bool,
}

/// A FIN.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct Fin {
    /// Who sent it.
    pub by: Role,
    /// The packet.
    pub packet: u64,
}

/// A RST, and what it shows of its sender.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct Reset {
    /// In whose name it was sent.
    pub by: Role,
    /// The packet.
    pub packet: u64,
    /// How it fits the receiver's state: `exact`, `in-window` or `outside`.
    pub fit: &'static str,
    /// Its TTL or hop limit.
    pub hop_limit: Option<u8>,
    /// Those of the same side's opening and later packets.
    pub usual_hop_limits: [Option<u8>; 2],
    /// Whether it has the form of a RST that no socket sent.
    pub is_stateless: bool,
    /// Seconds after the other side's last packet.
    pub after_trigger: Option<f64>,
    /// A later packet in which the same side goes on as if it had sent no RST.
    pub talked_on: Option<u64>,
}

/// An ICMP or ICMPv6 error about one of the connection's packets.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct Icmp {
    /// The packet.
    pub packet: u64,
    /// Who sent it; its address family separates ICMP from ICMPv6. Null where a text shows only a name.
    pub from: Option<IpAddr>,
    /// The name that a text shows instead.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub from_name: Option<String>,
    /// Its type.
    #[serde(rename = "type")]
    pub icmp_type: u8,
    /// Its code.
    pub code: u8,
    /// The largest size that would pass, in bytes.
    pub mtu: Option<u32>,
    /// Whose packet it quotes.
    pub quotes: Role,
}

/// First words that were not TLS.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct PlainWords {
    /// The packet.
    pub packet: u64,
    /// The protocol: `http-request`, `http-connect`, `http-response`, `ssh`, `text` or `binary`.
    pub protocol: &'static str,
    /// The first line, as it was sent.
    pub line: Option<String>,
}

/// What stood in front of TLS: a proxy that was asked for a tunnel, or a server that was asked to start TLS.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct PreludeWords {
    /// The protocol: `HTTP CONNECT`, `SOCKS4`, `SOCKS5`, `SMTP STARTTLS`, `IMAP STARTTLS`, `POP3 STLS`, `FTP AUTH TLS`,
    /// `LDAP StartTLS`, `XMPP STARTTLS` or `PostgreSQL SSLRequest`.
    pub protocol: String,
    /// The packet in which the client asked first.
    pub asked: u64,
    /// The packet of the latest step.
    pub packet: u64,
    /// The latest step: `asked`, `continued`, `agreed` or `refused`.
    pub step: &'static str,
    /// The number in a refusal: an HTTP status, a SOCKS reply, a reply of SMTP or FTP, an LDAP result.
    pub code: Option<u16>,
}

/// What TLS showed.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct Tls {
    /// The version agreed on.
    pub version: Option<String>,
    /// The cipher suite agreed on, by its name in the IANA registry; numbers without a known name are told as `0xabcd`,
    /// here and below.
    pub cipher_suite: Option<String>,
    /// The key exchange group agreed on.
    pub group: Option<String>,
    /// The application protocol agreed on; TLS 1.3 encrypts it.
    pub alpn_chosen: Option<String>,
    /// Whether the server resumed an earlier session; null where the hellos don't tell.
    pub is_resumed: Option<bool>,
    /// The server's name that the client asked for.
    pub server_name: Option<String>,
    /// Application protocols offered; null where they were not captured.
    pub alpn: Option<Vec<String>>,
    /// Versions offered, highest first; null where they were not captured.
    pub versions_offered: Option<Vec<Cow<'static, str>>>,
    /// Cipher suites offered; null where they were not captured.
    pub cipher_suites_offered: Option<Vec<Cow<'static, str>>>,
    /// Key exchange groups offered; null where they were not captured.
    pub groups_offered: Option<Vec<Cow<'static, str>>>,
    /// Groups for which the client brought a key share; null where they were not captured.
    pub key_shares_offered: Option<Vec<Cow<'static, str>>>,
    /// The client's JA4 fingerprint; null where the ClientHello was not captured whole.
    pub ja4: Option<String>,
    /// Bytes of the ClientHello.
    pub client_hello_length: Option<u32>,
    /// Whether the client offered to resume a session; null where that was not captured.
    pub offers_resumption: Option<bool>,
    /// How: by `session-id`, `ticket`, `pre-shared-key`.
    pub resumption_offered: Vec<&'static str>,
    /// Whether the client announced early data; null where that was not captured.
    pub offers_early_data: Option<bool>,
    /// Whether the server asked for another ClientHello.
    pub was_retried: bool,
    /// The key exchange group that it asked for.
    pub retry_group: Option<String>,
    /// The steps that were taken.
    pub steps: Vec<Step>,
    /// What the size of the client's flight fits, where only lengths are known: version, key exchange, cipher family.
    /// With several readings one of them is true.
    pub size_readings: Vec<String>,
    /// Application data records of each side.
    pub application_data: Both<u64>,
    /// Alerts.
    pub alerts: Vec<Alert>,
    /// What was seen of certificates.
    #[serde(flatten)]
    pub certificates: Certificates,
}

/// A step of the TLS handshake.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct Step {
    /// The stage that it reached.
    pub stage: Stage,
    /// The packet that completed it.
    pub packet: u64,
    /// How it is known.
    pub basis: Basis,
}

/// An alert.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct Alert {
    /// Who sent it.
    pub by: Role,
    /// The packet.
    pub packet: u64,
    /// Its name in the TLS registry; null where only its size tells that it is one.
    pub description: Option<String>,
    /// Its number there.
    pub number: Option<u8>,
    /// How it is known.
    pub basis: Basis,
}

/// The whole capture in figures.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct Summary {
    /// The version of this form.
    pub schema: u8,
    /// The files that were read.
    pub files: Vec<File>,
    /// What the times count from: `utc`, `local-date-time`, `time-of-day`, `since-first` or `absent`.
    pub clock: &'static str,
    /// The first packet's time, in the form of a connection's start.
    pub start: Option<String>,
    /// The latest packet's time.
    pub end: Option<String>,
    /// Packets read.
    pub packets: u64,
    /// Packets that the selection left out.
    pub skipped: u64,
    /// Packets that were dropped while capturing, where the capture tells.
    pub dropped: Option<u64>,
    /// Connections judged.
    pub connections: u64,
    /// Connections by verdict code.
    pub verdicts: BTreeMap<&'static str, u64>,
    /// Connections by server.
    pub servers: Vec<Server>,
    /// Packets that are not followed, by kind.
    pub other_packets: BTreeMap<String, u64>,
    /// ICMP errors that quote no connection of the capture.
    pub icmp_without_connection: u64,
    /// Addresses that were looked for by ARP or neighbour discovery and never answered.
    pub unanswered_neighbours: Vec<UnansweredNeighbour>,
    /// Times at which the capture's clock stepped.
    pub clock_steps: u64,
    /// Bounds of the analysis that were reached.
    pub bounds_reached: Vec<BoundReached>,
    /// What could not be read.
    pub errors: Vec<Error>,
}

/// A file that was read.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct File {
    /// As it was named.
    pub name: String,
    /// Its format, for people.
    pub format: String,
    /// Packets in it.
    pub packets: u64,
    /// Whether it holds text.
    pub is_text: bool,
    /// The smallest snapshot length that it names, in bytes.
    pub snaplen: Option<u32>,
    /// What was odd about it.
    pub notes: Vec<String>,
}

/// Connections to one server.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct Server {
    /// Its address and port.
    #[serde(flatten)]
    pub socket: Socket,
    /// Connections by verdict code.
    pub verdicts: BTreeMap<&'static str, u64>,
}

/// An address that was looked for in vain.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct UnansweredNeighbour {
    /// The address; null where a text shows only a name.
    pub ip: Option<IpAddr>,
    /// The name that a text shows instead.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// How often it was asked for.
    pub asked: u64,
}

/// A bound that was reached.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct BoundReached {
    /// What was affected.
    pub what: &'static str,
    /// How often.
    pub count: u64,
}

/// What could not be read, and what to try.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct Error {
    /// The file, where it is one file's.
    pub file: Option<String>,
    /// What is wrong.
    pub what: String,
    /// What to try.
    pub hint: Option<String>,
}

fn connection(judged: Judged, evidence_in: Option<Vec<Option<PacketPlace>>>) -> Connection {
    let Judged { story, verdict, findings } = judged;
    let facts = &story.capture;
    let has_times = facts.clock != Clock::Absent;
    let end = |role: Role| Socket::of(&story.names, story.parties[role].host, story.parties[role].port);
    Connection {
        schema: SCHEMA,
        client: end(Role::Client),
        server: end(Role::Server),
        start: clock::machine_readable(story.first.at, facts.clock, facts.digits),
        duration: has_times.then(|| seconds(story.last.at - story.first.at)),
        stage: story.stage,
        verdict,
        findings,
        timing: timing(&story, has_times),
        tcp: tcp(&story),
        tls: tls(&story),
        evidence_in,
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

fn tcp(story: &Story) -> Tcp {
    let mut fins = Vec::new();
    let mut resets = Vec::new();
    for ending in &story.endings {
        let (by, packet) = (ending.by, ending.moment.number);
        match &ending.what {
            EndingKind::Fin => fins.push(Fin { by, packet }),
            EndingKind::Reset(facts) => resets.push(Reset {
                by,
                packet,
                fit: match facts.fit {
                    ResetFit::Exact => "exact",
                    ResetFit::InWindow => "in-window",
                    ResetFit::Outside => "outside",
                },
                hop_limit: facts.hop_limit,
                usual_hop_limits: facts.usual_hop_limits,
                is_stateless: facts.is_stateless,
                after_trigger: facts.after_trigger.map(seconds),
                talked_on: facts.continued_in,
            }),
            _ => {}
        }
    }
    let icmp_errors = story.path.icmp_errors.iter().map(|error| Icmp {
        packet: error.moment.number,
        from: story.names.address(error.from),
        from_name: name(&story.names, error.from),
        icmp_type: error.icmp_type,
        code: error.code,
        mtu: error.mtu,
        quotes: error.quotes,
    });
    Tcp {
        opened_by: story.opening.known_by,
        packets: story.packets,
        syn_count: story.opening.syn.count,
        syn_ack_count: story.opening.syn_ack.count,
        mss: both(|role| story.parties[role].maximum_segment_size),
        sent: both(|role| sent(story, role)),
        fins,
        resets,
        icmp_error_count: story.path.icmp_error_count,
        icmp_errors: icmp_errors.collect(),
        plain: both(|role| story.plain[role].as_ref().map(plain)),
        prelude: story.prelude.as_ref().map(prelude),
    }
}

fn sent(story: &Story, role: Role) -> Sent {
    let Counters {
        segments,
        bytes,
        data_segments,
        retransmissions,
        out_of_order,
        duplicates,
        keep_alives,
        zero_windows,
        duplicate_acks,
        cut_bytes,
        ..
    } = story.traffic.counters[role];
    Sent {
        segments,
        bytes,
        data_segments,
        retransmissions,
        out_of_order,
        duplicates,
        keep_alives,
        zero_windows,
        duplicate_acks,
        acked_unseen: story.missing.acked_unseen[role],
        cut_bytes,
        is_all_acknowledged: story.data[role].is_all_acknowledged,
    }
}

fn plain(observed: &Observed<Plain>) -> PlainWords {
    PlainWords {
        packet: observed.moment.number,
        protocol: match observed.what.kind {
            PlainKind::HttpRequest => "http-request",
            PlainKind::Connect => "http-connect",
            PlainKind::HttpResponse(_) => "http-response",
            PlainKind::Ssh => "ssh",
            PlainKind::Text => "text",
            PlainKind::Binary => "binary",
        },
        line: Some(observed.what.line.clone()).filter(|line| !line.is_empty()),
    }
}

fn prelude(facts: &PreludeFacts) -> PreludeWords {
    let (step, code) = match facts.latest.what {
        PreludeStep::Asked => ("asked", None),
        PreludeStep::Continued => ("continued", None),
        PreludeStep::Agreed => ("agreed", None),
        PreludeStep::Refused(refusal) => ("refused", refusal.code),
    };
    PreludeWords {
        protocol: facts.protocol.to_string(),
        asked: facts.asked.number,
        packet: facts.latest.moment.number,
        step,
        code,
    }
}

fn tls(story: &Story) -> Option<Tls> {
    let facts = &story.tls;
    let alerts: Vec<_> = story.endings.iter().filter_map(alert).collect();
    let steps = steps(story);
    if steps.is_empty() && alerts.is_empty() {
        return None;
    }
    let hello = facts.client_hello.as_ref().map(|observed| &observed.what);
    // What a cut hello does not show may have been there all the same.
    let is_shown = |is_there: bool| is_there || hello.is_some_and(|hello| hello.is_whole);
    let list = |items: Vec<Cow<'static, str>>| Some(items).filter(|items| is_shown(!items.is_empty()));
    let offered = hello.map(|hello| {
        [
            (hello.offers_session_id(), "session-id"),
            (hello.offers_ticket, "ticket"),
            (hello.offers_pre_shared_key, "pre-shared-key"),
        ]
    });
    Some(Tls {
        version: facts.version().map(|version| version.to_string()),
        cipher_suite: facts.cipher_suite().map(|suite| suite.to_string()),
        group: facts.group().map(|group| group.to_string()),
        alpn_chosen: facts.server_hello.as_ref().and_then(|observed| observed.what.alpn.clone()),
        is_resumed: facts.is_resumed(),
        server_name: hello.and_then(|hello| hello.server_name.clone()),
        alpn: hello.map(|hello| hello.alpn.clone()).filter(|items| is_shown(!items.is_empty())),
        versions_offered: hello.and_then(|hello| list(names(&hello.versions, Version::name))),
        cipher_suites_offered: hello.and_then(|hello| list(names(&hello.cipher_suites, CipherSuite::name))),
        groups_offered: hello.and_then(|hello| list(names(&hello.groups, NamedGroup::name))),
        key_shares_offered: hello.and_then(|hello| list(names(&hello.key_shares, NamedGroup::name))),
        ja4: hello.and_then(ClientHello::ja4),
        client_hello_length: hello.map(|hello| hello.len),
        offers_resumption: hello.map(ClientHello::offers_resumption).filter(|offers| is_shown(*offers)),
        resumption_offered: offered
            .into_iter()
            .flatten()
            .filter_map(|(offers, how)| offers.then_some(how))
            .collect(),
        offers_early_data: hello.map(|hello| hello.offers_early_data).filter(|offers| is_shown(*offers)),
        was_retried: facts.retry.is_some(),
        retry_group: facts.retry_group.map(|group| group.to_string()),
        steps,
        size_readings: facts
            .size_readings
            .iter()
            .flat_map(|observed| observed.what.iter().map(ToString::to_string))
            .collect(),
        application_data: both(|role| facts.application_data[role].count),
        alerts,
        certificates: Certificates::of(story),
    })
}

fn steps(story: &Story) -> Vec<Step> {
    fn step<T>(stage: Stage, observed: Option<&Observed<T>>) -> Option<Step> {
        observed.map(|observed| Step { stage, packet: observed.moment.number, basis: observed.basis })
    }
    let tls = &story.tls;
    [
        step(Stage::ClientHello, tls.client_hello.as_ref()),
        step(Stage::ServerHello, tls.server_hello.as_ref()),
        step(Stage::ServerFlightComplete, tls.server_flight.as_ref()),
        step(Stage::ClientFinished, tls.client_finished.as_ref()),
        step(Stage::TlsEstablished, tls.established.as_ref()),
    ]
    .into_iter()
    .flatten()
    .collect()
}

fn alert(ending: &crate::story::Ending) -> Option<Alert> {
    let (description, basis) = match &ending.what {
        EndingKind::Alert { description, basis } => (*description, *basis),
        EndingKind::EncryptedAlert { basis } => (None, *basis),
        _ => return None,
    };
    Some(Alert {
        by: ending.by,
        packet: ending.moment.number,
        description: description.map(|description| description.to_string()),
        number: description.map(|description| description.0),
        basis,
    })
}

fn summary(figures: &Figures, unopened: &[ReadError], origins: &Origins) -> Summary {
    let about = &figures.about;
    let files = about.files.iter().enumerate().map(|(index, file)| File {
        name: file.name.clone(),
        format: file.format.clone(),
        packets: file.packets,
        is_text: file.is_text,
        snaplen: file.snaplen,
        notes: about
            .notes
            .iter()
            .filter(|note| usize::from(note.file) == index)
            .map(|note| note.text.clone())
            .collect(),
    });
    let time = |at| {
        let has_packets = figures.packets > 0;
        has_packets.then(|| clock::machine_readable(at, about.clock, about.digits)).flatten()
    };
    let mut other_packets: BTreeMap<_, _> =
        figures.others.iter().map(|(kind, count)| (kind.to_string(), *count)).collect();
    if figures.further_others > 0 {
        other_packets.insert("further kinds".to_owned(), figures.further_others);
    }
    let read_errors = unopened.iter().map(read_error);
    let failure = figures.error.iter().map(|failure| match failure {
        Failure::Read(error) => read_error(error),
        Failure::Select(error) => Error { file: None, what: error.to_string(), hint: None },
    });
    Summary {
        schema: SCHEMA,
        files: files.collect(),
        clock: match about.clock {
            Clock::Utc => "utc",
            Clock::LocalDateTime => "local-date-time",
            Clock::TimeOfDay => "time-of-day",
            Clock::SinceFirst => "since-first",
            Clock::Absent => "absent",
        },
        start: time(figures.begin),
        end: time(figures.end),
        packets: figures.packets,
        skipped: figures.skipped,
        dropped: about.dropped,
        connections: figures.connections,
        verdicts: figures.codes.clone(),
        servers: figures
            .servers
            .iter()
            .map(|((host, port), server)| Server {
                socket: Socket::of(&figures.names, *host, *port),
                verdicts: server.codes.clone(),
            })
            .collect(),
        other_packets,
        icmp_without_connection: figures.icmp_without_connection,
        unanswered_neighbours: crate::report::unanswered(figures)
            .map(|(host, asked)| UnansweredNeighbour {
                ip: figures.names.address(host),
                name: name(&figures.names, host),
                asked,
            })
            .collect(),
        clock_steps: figures.clock_steps,
        bounds_reached: crate::report::bounds_reached(figures, origins)
            .into_iter()
            .map(|(what, count)| BoundReached { what, count })
            .collect(),
        errors: read_errors.chain(failure).collect(),
    }
}

fn read_error(error: &ReadError) -> Error {
    Error { file: Some(error.file.clone()), what: error.what.clone(), hint: error.hint.clone() }
}

/// Names, or numbers where there is none. A hello has dozens, and nearly all have names.
fn names<T: Copy + ToString>(
    items: &[T],
    name: impl Fn(T) -> Option<&'static str>,
) -> Vec<Cow<'static, str>> {
    let told = |item: &T| name(*item).map_or_else(|| Cow::Owned(item.to_string()), Cow::Borrowed);
    items.iter().map(told).collect()
}

fn moment_of<T>(observed: Option<&Observed<T>>) -> Option<Moment> {
    observed.map(|observed| observed.moment)
}

fn both<T>(of: impl Fn(Role) -> T) -> Both<T> {
    Both { client: of(Role::Client), server: of(Role::Server) }
}

fn seconds(elapsed: Elapsed) -> f64 {
    elapsed.as_secs_f64()
}

/// Compact JSON in which what could drive a terminal is written as `\u` escapes, which parsers read back as it was.
struct SafeFormatter;

impl Formatter for SafeFormatter {
    fn write_string_fragment<W: ?Sized + Write>(&mut self, writer: &mut W, fragment: &str) -> io::Result<()> {
        let (plain, mut rest) = fragment.split_at(escape::plain_len(fragment));
        writer.write_all(plain.as_bytes())?;
        while let Some(place) = rest.find(|character| !escape::is_safe(character)) {
            let (plain, from) = rest.split_at(place);
            writer.write_all(plain.as_bytes())?;
            let mut characters = from.chars();
            let Some(character) = characters.next() else { break };
            for unit in character.encode_utf16(&mut [0; 2]) {
                write!(writer, "\\u{unit:04x}")?;
            }
            rest = characters.as_str();
        }
        writer.write_all(rest.as_bytes())
    }
}
