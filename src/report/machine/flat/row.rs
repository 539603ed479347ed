//! One row.

use std::borrow::Cow;
use std::fmt::Write as _;
use std::net::IpAddr;

use schemars::JsonSchema;
use serde::Serialize;

use super::Input;
use crate::analysis::Judged;
use crate::probe::Expiry;
use crate::report::machine::community_id;
use crate::report::machine::values::{moment_of, name};
use crate::report::text::clock;
use crate::story::{EndingKind, Moment, Stage, Story};
use crate::tcp::Role;
use crate::time::{Clock, Elapsed};
use crate::tls::{Basis, ClientHello};
use crate::verdict::{Actor, Severity};

/// The version of the row. A column that is added at the end does not raise it; one that is moved or removed, or whose
/// meaning changes, does.
const SCHEMA: u8 = 1;

/// A connection, or an input that could not be read. The descriptions are those of docs/flat.md.
#[derive(Clone, Debug, Default, Serialize, JsonSchema)]
pub struct Row<'a> {
    /// The version of the row: 1.
    pub schema: u8,
    /// The file that the connection's first packet came from, as it was named; null where there is no file.
    pub source: Option<Cow<'a, str>>,
    /// SHA-256 of that file, as `sha256sum` prints it; null for a pipe.
    pub sha256: Option<&'a str>,
    /// Which of the captures that a text holds, counted from 1; null for other inputs.
    pub part: Option<u32>,
    /// Number of the connection in its capture, counted from 1 by first packets; null where `error` is set.
    pub id: Option<u64>,
    /// Why the input could not be read, or not to its end. Such a row is about no connection: all columns after it are null.
    pub error: Option<Cow<'a, str>>,
    /// Time of the first packet: RFC 3339 in UTC; without `Z` or without a date where the capture has none.
    pub started: Option<String>,
    /// Time of the last packet, in the same form.
    pub ended: Option<String>,
    /// Time of the first packet in microseconds since 1970 (UTC); null where the capture has no such time.
    pub started_us: Option<i64>,
    /// Microseconds from the first packet to the last.
    pub duration_us: Option<i64>,
    /// Address of the client; null where a text shows only a name.
    pub client_ip: Option<IpAddr>,
    /// The name that a text shows instead.
    pub client_name: Option<Cow<'a, str>>,
    /// TCP port of the client.
    pub client_port: Option<u16>,
    /// Address of the server; null where a text shows only a name.
    pub server_ip: Option<IpAddr>,
    /// The name that a text shows instead.
    pub server_name: Option<Cow<'a, str>>,
    /// TCP port of the server.
    pub server_port: Option<u16>,
    /// Community ID, version 1; null where one end has no address.
    pub community_id: Option<String>,
    /// Number of the first packet in the capture, counted from 1.
    pub first_packet: Option<u64>,
    /// Number of the last packet in the capture.
    pub last_packet: Option<u64>,
    /// The verdict's code: `healthy`, `refused`, ...
    pub verdict: Option<&'static str>,
    /// `ok`, `warning`, `critical` or `unknown`.
    pub severity: Option<Severity>,
    /// The side to examine: `client`, `server`, `path` or `unknown`.
    pub actor: Option<Actor>,
    /// The cause, where the evidence names one: `unknown_ca`, `icmp-admin-prohibited`, ...
    pub cause: Option<Cow<'a, str>>,
    /// The furthest point reached: `syn`, `client-hello`, `tls-established`, ...
    pub stage: Option<Stage>,
    /// The weakest evidence that the verdict rests on: `decoded`, `partial` or `inferred`.
    pub basis: Option<Basis>,
    /// What happened, in one line.
    pub headline: Option<Cow<'a, str>>,
    /// Numbers of the packets that prove it, separated by spaces.
    pub evidence: Option<String>,
    /// Round trip from the SYN to the SYN-ACK, in microseconds.
    pub rtt_us: Option<i64>,
    /// Round trip from the client's first data to its acknowledgement, in microseconds.
    pub rtt_data_us: Option<i64>,
    /// Microseconds from the first SYN (from the first packet, without a SYN) to the SYN-ACK.
    pub syn_ack_us: Option<i64>,
    /// The same to the end of the TCP handshake.
    pub tcp_established_us: Option<i64>,
    /// The same to the ClientHello.
    pub client_hello_us: Option<i64>,
    /// The same to the ServerHello.
    pub server_hello_us: Option<i64>,
    /// The same to the end of the TLS handshake.
    pub tls_established_us: Option<i64>,
    /// Microseconds of the silence in which the connection stalled; null without one.
    pub silence_us: Option<i64>,
    /// Which side had to send next: `client` or `server`; null without a silence.
    pub awaited_from: Option<Role>,
    /// TLS version that was agreed on: `TLS 1.2`.
    pub tls_version: Option<String>,
    /// Cipher suite that was agreed on, by its name in the TLS registry.
    pub tls_cipher_suite: Option<String>,
    /// Server name in the ClientHello.
    pub tls_sni: Option<Cow<'a, str>>,
    /// Application protocol that the server chose.
    pub tls_alpn: Option<Cow<'a, str>>,
    /// JA4 fingerprint of the client; null where the ClientHello was not captured whole.
    pub tls_ja4: Option<String>,
    /// Whether an earlier session was resumed; null where the capture does not show it.
    pub tls_resumed: Option<bool>,
    /// Whether the TLS handshake was completed; null where no ClientHello was seen.
    pub tls_established: Option<bool>,
    /// The first fatal alert, by its name in the TLS registry; null where it is encrypted or there was none.
    pub tls_alert: Option<String>,
    /// Time at which the first of the server's certificates expires: RFC 3339 in UTC.
    pub certificate_not_after: Option<String>,
    /// Whole days from the connection's last packet until then, rounded down; negative when it had expired.
    pub certificate_days_left: Option<i64>,
    /// Packets of the connection, ICMP errors about it included.
    pub packets: Option<u64>,
    /// Segments that the client sent.
    pub client_segments: Option<u64>,
    /// Segments that the server sent.
    pub server_segments: Option<u64>,
    /// Payload bytes that the client sent, each counted once.
    pub client_bytes: Option<u64>,
    /// Payload bytes that the server sent, each counted once.
    pub server_bytes: Option<u64>,
    /// Segments that the client retransmitted.
    pub client_retransmissions: Option<u64>,
    /// Segments that the server retransmitted.
    pub server_retransmissions: Option<u64>,
    /// SYNs, retransmissions included.
    pub syns: Option<u64>,
    /// ICMP errors about the connection.
    pub icmp_errors: Option<u64>,
    /// Codes of the findings, separated by spaces; empty where there are none.
    pub findings: Option<String>,
    /// Whether stand-ins replace what names somebody (`--redact`).
    pub redacted: Option<bool>,
}

impl<'a> Row<'a> {
    /// Creates the row of a judged connection of this input.
    pub(super) fn of(judged: &'a Judged, input: Option<&'a Input>) -> Self {
        let Judged { story, verdict, findings } = judged;
        let facts = &story.capture;
        let times = Times::of(story);
        let sent = &story.traffic.counters;
        let hello = story.tls.client_hello.as_ref().map(|observed| &observed.what);
        let expiry = Expiry::of(story);
        let trips = &story.path.round_trips;
        let silence = story.silence();
        let (first, last) = story.span();
        let mut row = Self {
            schema: SCHEMA,
            source: input.map(|input| Cow::Borrowed(input.name.as_str())),
            sha256: input.and_then(|input| input.sha256.as_deref()),
            part: facts.part,
            id: Some(story.id),
            started: clock::machine_readable(first.at, facts.clock, facts.digits),
            ended: clock::machine_readable(last.at, facts.clock, facts.digits),
            started_us: (facts.clock == Clock::Utc).then(|| first.at.nanos().div_euclid(1_000)),
            duration_us: times.span(Some(last.at - first.at)),
            community_id: community_id::of(story),
            first_packet: Some(first.number),
            last_packet: Some(last.number),
            verdict: Some(verdict.code.name()),
            severity: Some(verdict.severity),
            actor: Some(verdict.actor),
            cause: verdict.cause.as_deref().map(Cow::Borrowed),
            stage: Some(story.stage),
            basis: Some(verdict.basis),
            headline: Some(Cow::Borrowed(&verdict.headline)),
            evidence: Some(listed(&verdict.evidence)),
            rtt_us: times.span(trips.handshake.map(|(elapsed, ..)| elapsed)),
            rtt_data_us: times.span(trips.data.map(|(elapsed, _)| elapsed)),
            syn_ack_us: times.since(story.opening.syn_ack.first()),
            tcp_established_us: times.since(story.opening.established),
            client_hello_us: times.since(moment_of(story.tls.client_hello.as_ref())),
            server_hello_us: times.since(moment_of(story.tls.server_hello.as_ref())),
            tls_established_us: times.since(moment_of(story.tls.established.as_ref())),
            silence_us: times.span(silence.map(crate::story::Silence::elapsed)),
            awaited_from: silence.map(|silence| silence.awaited_from),
            tls_version: story.tls.version().map(|version| version.to_string()),
            tls_cipher_suite: story.tls.cipher_suite().map(|suite| suite.to_string()),
            tls_sni: hello.and_then(|hello| hello.server_name.as_deref()).map(Cow::Borrowed),
            tls_alpn: (story.tls.server_hello.as_ref())
                .and_then(|observed| observed.what.alpn.as_deref())
                .map(Cow::Borrowed),
            tls_ja4: hello.and_then(ClientHello::ja4),
            tls_resumed: story.tls.is_resumed(),
            tls_established: hello.map(|_| story.tls.established.is_some()),
            tls_alert: alert(story),
            certificate_not_after: expiry.as_ref().map(|expiry| expiry.at.machine_readable()),
            certificate_days_left: expiry.and_then(|expiry| expiry.days).map(|days| days.floor() as i64),
            packets: Some(story.packets),
            client_segments: Some(sent.client.segments),
            server_segments: Some(sent.server.segments),
            client_bytes: Some(sent.client.bytes),
            server_bytes: Some(sent.server.bytes),
            client_retransmissions: Some(sent.client.retransmissions),
            server_retransmissions: Some(sent.server.retransmissions),
            syns: Some(story.opening.syn.count),
            icmp_errors: Some(story.path.icmp_error_count),
            findings: Some(findings.iter().map(|finding| finding.code).collect::<Vec<_>>().join(" ")),
            redacted: Some(story.is_redacted),
            ..Self::default()
        };
        (row.client_ip, row.client_name, row.client_port) = end(story, Role::Client);
        (row.server_ip, row.server_name, row.server_port) = end(story, Role::Server);
        row
    }

    /// Creates the row of an input that could not be read.
    pub(super) fn unread(source: Option<&'a str>, sha256: Option<&'a str>, error: &'a str) -> Self {
        Self {
            schema: SCHEMA,
            source: source.map(Cow::Borrowed),
            sha256,
            error: Some(Cow::Borrowed(error)),
            ..Self::default()
        }
    }

    /// The columns whose text may be a peer's, or a file's name. Those of the program's own words are not among them.
    pub(super) fn foreign(&mut self) -> [&mut Option<Cow<'a, str>>; 8] {
        [
            &mut self.source,
            &mut self.error,
            &mut self.client_name,
            &mut self.server_name,
            &mut self.cause,
            &mut self.headline,
            &mut self.tls_sni,
            &mut self.tls_alpn,
        ]
    }
}

/// What a connection's times count from, if the capture has times.
struct Times {
    began: Option<Moment>,
}

impl Times {
    fn of(story: &Story) -> Self {
        Self { began: (story.capture.clock != Clock::Absent).then(|| story.began()) }
    }

    fn since(&self, moment: Option<Moment>) -> Option<i64> {
        Some(micros(moment?.at - self.began?.at))
    }

    fn span(&self, elapsed: Option<Elapsed>) -> Option<i64> {
        elapsed.filter(|_| self.began.is_some()).map(micros)
    }
}

fn micros(elapsed: Elapsed) -> i64 {
    elapsed.nanos().div_euclid(1_000)
}

fn listed(numbers: &[u64]) -> String {
    let mut text = String::new();
    for number in numbers {
        // Writing to a string can't fail.
        let _ = write!(text, "{}{number}", if text.is_empty() { "" } else { " " });
    }
    text
}

fn end(story: &Story, role: Role) -> (Option<IpAddr>, Option<Cow<'_, str>>, Option<u16>) {
    let (names, party) = (&story.names, &story.parties[role]);
    let name = name(names, party.host).map(Cow::Owned);
    (names.address(party.host), name, names.port(party.host, party.port))
}

/// The first alert whose description is in clear.
fn alert(story: &Story) -> Option<String> {
    story.endings.iter().find_map(|ending| match &ending.what {
        EndingKind::Alert { description, .. } => description.map(|description| description.to_string()),
        _ => None,
    })
}
