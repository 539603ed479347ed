//! The whole capture in figures, in JSON.

use std::collections::BTreeMap;
use std::net::IpAddr;

use schemars::JsonSchema;
use serde::Serialize;

use super::SCHEMA;
use super::connection::Socket;
use super::group::GroupObject;
use super::log::LogFileObject;
use crate::analysis::{Failure, Summary as Figures};
use crate::capture::{About, FileAbout, ReadError};
use crate::report::Origins;
use crate::report::machine::values::name;
use crate::report::text::clock;
use crate::time::Clock;
use crate::verdict::Code;

/// The whole capture in figures.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[schemars(rename = "Summary")]
pub struct SummaryObject {
    /// The version of this form.
    pub schema: u8,
    /// The files that were read.
    pub files: Vec<InputFileObject>,
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
    /// Packets that were dropped while capturing, where the capture records it.
    pub dropped: Option<u64>,
    /// Connections judged.
    pub connections: u64,
    /// Connections by verdict code.
    pub verdicts: BTreeMap<&'static str, u64>,
    /// Equal failures and warnings, the worst first; at most 64 kinds.
    pub groups: Vec<GroupObject>,
    /// Failures and other connections that belong to further kinds.
    pub ungrouped: u64,
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
    /// The logs read with the capture; only where there are some.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub logs: Option<Vec<LogFileObject>>,
    /// True where stand-ins replace addresses and names (`--redact`); only there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub redacted: Option<bool>,
    /// What could not be read.
    pub errors: Vec<Error>,
}

/// A file that was read.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[schemars(rename = "File")]
pub struct InputFileObject {
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

/// An address that was looked for and never answered.
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

impl InputFileObject {
    fn all(about: &About) -> Vec<Self> {
        let notes = |index| about.notes.iter().filter(move |note| usize::from(note.file) == index);
        let file = |(index, file): (usize, &FileAbout)| Self {
            name: file.name.clone(),
            format: file.format.clone(),
            packets: file.packets,
            is_text: file.is_text,
            snaplen: file.snaplen,
            notes: notes(index).map(|note| note.text.clone()).collect(),
        };
        about.files.iter().enumerate().map(file).collect()
    }
}

impl SummaryObject {
    /// Creates the object of a capture, with the files that could not be read at all.
    pub(super) fn of(figures: &Figures, unopened: &[ReadError], origins: &Origins) -> Self {
        let about = &figures.about;
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
        Self {
            schema: SCHEMA,
            files: InputFileObject::all(about),
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
            verdicts: by_name(&figures.codes),
            groups: GroupObject::all(figures),
            ungrouped: figures.groups.ungrouped,
            servers: figures
                .servers
                .iter()
                .map(|((host, port), server)| Server {
                    socket: Socket::of(&figures.names, *host, *port),
                    verdicts: by_name(&server.codes),
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
            logs: figures.logs.as_deref().map(LogFileObject::all),
            redacted: figures.is_redacted.then_some(true),
            errors: read_errors.chain(failure).collect(),
        }
    }
}

/// Connections by the name of their code.
fn by_name(codes: &BTreeMap<Code, u64>) -> BTreeMap<&'static str, u64> {
    codes.iter().map(|(code, count)| (code.name(), *count)).collect()
}

fn read_error(error: &ReadError) -> Error {
    Error { file: Some(error.file.clone()), what: error.what.clone(), hint: error.hint.clone() }
}
