//! Attempts that logs report, in JSON.

use std::net::IpAddr;

use schemars::JsonSchema;
use serde::Serialize;

use super::SCHEMA;
use crate::analysis::LogSummary;
use crate::log::tie::{Grade, Tie};
use crate::log::{Agreement, Attempt, Level, LogZone, Peer, Quote};
use crate::report::machine::values::seconds;
use crate::report::text::clock;
use crate::story::{LogLine, LogTie};
use crate::time::{Clock, Timestamp};

/// Digits after the second of times in logs: their best form has milliseconds.
const DIGITS: u8 = 3;

/// An attempt that a client's log reports, or a request that a server's does. Words of the log are as written there, except
/// secrets, which are covered.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct Log {
    /// The version of this form.
    pub schema: u8,
    /// The file, as it was named.
    pub file: Option<String>,
    /// The recognised form of its lines, for people.
    pub format: &'static str,
    /// Whose log it is: `client` or `server`.
    pub side: &'static str,
    /// The line before the request, or the request's arrival, on the log's own clock; without `Z` where the log names no offset
    /// from UTC. Null where only the end is logged.
    pub begin: Option<String>,
    /// The line that ends it, in the same form.
    pub end: Option<String>,
    /// The zone as the log writes it.
    pub zone: Option<String>,
    /// How it ended: `succeeded`, `denied`, `http-status`, `connect-timeout`, ...
    pub outcome: &'static str,
    /// Whether it failed.
    pub failed: bool,
    /// The OAuth error, where the log names one.
    pub error: Option<&'static str>,
    /// The HTTP status.
    pub status: Option<u16>,
    /// The server, as the log names it.
    pub server: LogPeer,
    /// The client, as the log names it.
    pub client: LogPeer,
    /// Method and path.
    pub request: Option<String>,
    /// The thread that made it.
    pub thread: Option<String>,
    /// Its lines; of many the first and the last.
    pub lines: Vec<LoggedLine>,
    /// The connection that it belongs to; null where it is tied to none.
    pub tie: Option<LogConnection>,
    /// Why it is tied to none.
    pub untied: Vec<String>,
}

/// A client or a server as a log names it.
#[derive(Clone, Debug, Default, Serialize, JsonSchema)]
pub struct LogPeer {
    /// Its name.
    pub name: Option<String>,
    /// Its address.
    pub ip: Option<IpAddr>,
    /// Its port.
    pub port: Option<u16>,
}

/// A line of a log.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct LoggedLine {
    /// Its number in the file, counted from 1.
    pub line: u64,
    /// When it was written, on the log's own clock.
    pub at: Option<String>,
    /// Its level: `error`, `warning`, `info`, `debug`; null where it is not stated.
    pub level: Option<&'static str>,
    /// The class, program or container that wrote it.
    pub source: Option<String>,
    /// Its words.
    pub text: String,
}

/// A line of a log that only its time places next to a connection.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[schemars(rename = "NearbyLine")]
pub struct NearbyLineObject {
    /// The file, as it was named.
    pub file: String,
    /// Its number in the file, counted from 1.
    pub line: u64,
    /// When it was written, on the capture's clock.
    pub at: Option<String>,
    /// Its level: `error`, `warning`; null where it is not stated.
    pub level: Option<&'static str>,
    /// The program that wrote it.
    pub source: Option<String>,
    /// Its words.
    pub text: String,
}

/// The connection that an attempt is tied to.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct LogConnection {
    /// The connection's id.
    pub connection: Option<u64>,
    /// How sure it is: `certain` or `likely`.
    pub grade: &'static str,
    /// Whether log and packets show the same outcome: `agrees`, `explained`, `silent` or `disagrees`.
    pub outcomes: &'static str,
    /// How far the log's clock is ahead of the capture's, in seconds.
    pub offset: f64,
    /// What speaks for it.
    pub reasons: Vec<String>,
}

/// A log's attempt that is tied to a connection, in short.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct TiedLog {
    /// The file, as it was named.
    pub file: Option<String>,
    /// The line that names the outcome.
    pub line: Option<u64>,
    /// When it was written, on the capture's clock.
    pub at: Option<String>,
    /// Whose log it is: `client` or `server`.
    pub side: &'static str,
    /// How it ended.
    pub outcome: &'static str,
    /// The HTTP status.
    pub status: Option<u16>,
    /// How sure the tie is: `certain` or `likely`.
    pub grade: &'static str,
    /// Whether log and packets show the same outcome: `agrees`, `explained`, `silent` or `disagrees`.
    pub outcomes: &'static str,
    /// The part of the clocks' offset that is a zone, in seconds: log minus capture.
    pub zone: f64,
    /// The rest of it, in seconds.
    pub skew: f64,
}

/// A log that was read.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[schemars(rename = "LogFile")]
pub struct LogFileObject {
    /// As it was named.
    pub name: String,
    /// Its form, for people.
    pub format: String,
    /// Lines in it.
    pub lines: u64,
    /// Lines that are placed in time.
    pub placed: u64,
    /// What was odd about it.
    pub notes: Vec<String>,
    /// The most connections that nginx numbered during the capture and that left no line in the log that the file is of, its own
    /// to upstream servers among them; only where there can be some.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unlogged_connections: Option<u64>,
}

impl Log {
    pub(super) fn of(summary: &LogSummary, index: usize, attempt: &Attempt) -> Self {
        let logs = &summary.logs;
        let file = attempt.lines.first().and_then(|line| logs.files.get(usize::from(line.file)));
        let zone = logs.clocks.get(attempt.clock.index()).map(|clock| &clock.zone);
        let log_clock = if zone == Some(&LogZone::Utc) { Clock::Utc } else { Clock::LocalDateTime };
        let time = |at: Timestamp| clock::machine_readable(at, log_clock, DIGITS);
        Self {
            schema: SCHEMA,
            file: file.map(|file| file.name.clone()),
            format: attempt.grammar.name(),
            side: attempt.side.name(),
            begin: attempt.begin.and_then(time),
            end: time(attempt.end),
            zone: match zone {
                Some(LogZone::Named(name)) => Some(name.raw().to_owned()),
                _ => None,
            },
            outcome: attempt.outcome.code(),
            failed: attempt.outcome.is_failure(),
            error: match attempt.outcome {
                crate::log::AttemptOutcome::Denied(error) => error,
                _ => None,
            },
            status: attempt.status,
            server: LogPeer::of(&attempt.server),
            client: LogPeer::of(&attempt.client),
            request: words(attempt.request.as_ref()),
            thread: words(attempt.thread.as_ref()),
            lines: attempt
                .lines
                .iter()
                .map(|line| LoggedLine {
                    line: line.number,
                    at: time(line.at),
                    level: level(line.level),
                    source: words(line.source.as_ref()),
                    text: line.text.raw().to_owned(),
                })
                .collect(),
            tie: summary.tie(index).map(|tie| LogConnection::of(tie, summary)),
            untied: summary.refusals(index).iter().map(ToString::to_string).collect(),
        }
    }
}

impl LogPeer {
    fn of(peer: &Peer) -> Self {
        Self { name: words(peer.host.as_ref()), ip: peer.ip, port: peer.port }
    }
}

impl LogConnection {
    fn of(tie: &Tie, summary: &LogSummary) -> Self {
        Self {
            connection: summary.connections.get(tie.exchange).copied(),
            grade: grade(tie.grade),
            outcomes: agreement(tie.outcomes),
            offset: seconds(tie.offset),
            reasons: tie.reasons.iter().map(ToString::to_string).collect(),
        }
    }
}

impl TiedLog {
    pub(super) fn of(tie: &LogTie, capture: Clock, digits: u8) -> Self {
        let line = tie.line();
        Self {
            file: line.map(|line| line.file.to_string()),
            line: line.map(|line| line.number),
            at: line.and_then(|line: &LogLine| clock::machine_readable(line.at, capture, digits)),
            side: tie.side.name(),
            outcome: tie.outcome.code(),
            status: tie.status,
            grade: grade(tie.grade),
            outcomes: agreement(tie.agreement),
            zone: seconds(tie.zone),
            skew: seconds(tie.skew),
        }
    }
}

impl NearbyLineObject {
    pub(super) fn of(line: &LogLine, capture: Clock, digits: u8) -> Self {
        Self {
            file: line.file.to_string(),
            line: line.number,
            at: clock::machine_readable(line.at, capture, digits),
            level: level(line.level),
            source: words(line.source.as_ref()),
            text: line.text.raw().to_owned(),
        }
    }
}

impl LogFileObject {
    pub(super) fn all(summary: &LogSummary) -> Vec<Self> {
        let logs = &summary.logs;
        let file = |(index, file): (usize, &crate::log::LogFile)| Self {
            name: file.name.clone(),
            format: file.format.clone(),
            lines: file.lines,
            placed: file.placed,
            notes: logs
                .notes
                .iter()
                .filter(|note| usize::from(note.file) == index)
                .map(|note| note.text.clone())
                .collect(),
            unlogged_connections: summary.unlogged.get(&file.log).copied(),
        };
        logs.files.iter().enumerate().map(file).collect()
    }
}

fn words(quote: Option<&Quote>) -> Option<String> {
    quote.map(|quote| quote.raw().to_owned())
}

fn grade(grade: Grade) -> &'static str {
    match grade {
        Grade::Certain => "certain",
        Grade::Likely => "likely",
    }
}

fn agreement(agreement: Agreement) -> &'static str {
    match agreement {
        Agreement::Agrees => "agrees",
        Agreement::Explained(_) => "explained",
        Agreement::Silent => "silent",
        Agreement::Disagrees => "disagrees",
    }
}

fn level(level: Level) -> Option<&'static str> {
    match level {
        Level::Unknown => None,
        Level::Debug => Some("debug"),
        Level::Info => Some("info"),
        Level::Warning => Some("warning"),
        Level::Error => Some("error"),
    }
}
