//! JSON Lines for scripts: a `connection` object for each connection, a `lookup` object for each question without a usable
//! answer, a `log` object for each attempt in a log, then one `summary`. While packets come, an `open` object says what is
//! known of a connection before it is closed.
//!
//! The schema is generated from these types. What is not known is `null`.

mod certificates;
mod check;
mod connection;
mod file;
mod group;
mod log;
mod lookup;
mod summary;
mod tcp;
mod tls;
mod verdict;

use std::io::{self, Write};

pub use certificates::{CertificateCheck, CertificateObject, CertificatesObject, Trusted};
pub use check::CheckObject;
pub use connection::{
    ConnectionObject, ConnectionStep, PacketRef, RoundTripsObject, SilenceObject, Socket, TimingObject,
};
pub use file::{FileObject, Files};
pub use group::GroupObject;
pub use log::{Log, LogConnection, LogFileObject, LogPeer, LoggedLine, NearbyLineObject, TiedLog};
pub use lookup::{LookupObject, LookupSeverity};
use schemars::{JsonSchema, Schema};
use serde::Serialize;
pub use summary::SummaryObject;
pub use tcp::TcpObject;
pub use tls::TlsObject;

use crate::analysis::{Event, Judged, Needs, Sink, Summary as Figures};
use crate::capture::ReadError;
use crate::probe::CheckOutcome;
use crate::report::Origins;
use crate::report::machine::lines;

/// The version of this form. A field that is added does not raise it; one that changes its meaning does.
const SCHEMA: u8 = 1;

/// Writes each connection as it is judged.
pub struct JsonReport<W> {
    out: W,
    /// The line that is being written, so that `out` gets it at once.
    line: Vec<u8>,
    files: Vec<String>,
    origins: Origins,
    has_summary: bool,
}

impl<W: Write> JsonReport<W> {
    /// A report on a capture of these files.
    pub fn new(out: W, files: &[String]) -> Self {
        Self { out, line: Vec::new(), files: files.to_vec(), origins: Origins::default(), has_summary: true }
    }

    /// Writes connections alone, where many captures share a summary.
    pub fn omit_summary(&mut self) {
        self.has_summary = false;
    }

    /// Has the connections that follow come from this source, where one report is on many.
    pub fn set_source(&mut self, name: &str) {
        self.files = vec![name.to_owned()];
    }

    /// Writes an active check, after its connections.
    ///
    /// # Errors
    /// When `out` can't be written.
    pub fn check(&mut self, outcome: &CheckOutcome) -> io::Result<()> {
        self.write(&JsonLine::Check(Box::new(CheckObject::of(outcome))))
    }

    /// Writes the summary. `unopened` are the files that could not be read at all.
    ///
    /// # Errors
    /// When `out` can't be written.
    pub fn end(&mut self, figures: &Figures, unopened: &[ReadError]) -> io::Result<()> {
        if !self.has_summary {
            return self.out.flush();
        }
        for found in &figures.unanswered {
            self.write(&JsonLine::Lookup(Box::new(LookupObject::of(figures, found))))?;
        }
        if let Some(logs) = &figures.logs {
            let unreported = |(index, _): &(usize, _)| !logs.reported.contains(index);
            for (index, attempt) in logs.attempts().filter(unreported) {
                self.write(&JsonLine::Log(Box::new(Log::of(logs, index, attempt))))?;
            }
        }
        let summary = SummaryObject::of(figures, unopened, &self.origins);
        self.write(&JsonLine::Summary(Box::new(summary)))?;
        self.out.flush()
    }

    /// Hands over what was written.
    ///
    /// # Errors
    /// When `out` can't be written.
    pub fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }

    fn write(&mut self, line: &JsonLine) -> io::Result<()> {
        lines::write(line, &mut self.line, &mut self.out)
    }
}

impl<W: Write + Send> Sink for JsonReport<W> {
    fn needs(&self) -> Needs {
        Needs { packets: self.has_several_files(), ..Needs::ALL }
    }

    fn event(&mut self, event: &Event<'_>) -> io::Result<()> {
        match event {
            Event::Packet(packet) if self.has_several_files() => {
                self.origins.add(packet.number, packet.origin);
                Ok(())
            }
            Event::Known(judged) => {
                self.write(&JsonLine::Open(Box::new(ConnectionObject::of(
                    (*judged).clone(),
                    self.source(judged),
                    None,
                ))))?;
                self.out.flush()
            }
            Event::Tied(logs, tie, _) => {
                if let Some(attempt) = logs.logs.attempts.get(tie.attempt) {
                    self.write(&JsonLine::Log(Box::new(Log::of(logs, tie.attempt, attempt))))?;
                }
                self.out.flush()
            }
            Event::Idle(..) => self.out.flush(),
            _ => Ok(()),
        }
    }

    fn connection(&mut self, judged: Judged) -> io::Result<()> {
        let evidence_in = self.has_several_files().then(|| self.places(&judged.verdict.evidence));
        let source = self.source(&judged);
        let line = ConnectionObject::of(judged, source, evidence_in);
        self.write(&JsonLine::Connection(Box::new(line)))
    }
}

#[cfg(feature = "command")]
impl<W: Write + Send> super::report::MachineReport for JsonReport<W> {
    fn set_source(&mut self, name: &str) {
        self.set_source(name);
    }

    fn check(&mut self, outcome: &CheckOutcome) -> io::Result<()> {
        self.check(outcome)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.flush()
    }

    fn end(&mut self, figures: &Figures, unopened: &[ReadError]) -> io::Result<()> {
        self.end(figures, unopened)
    }
}

impl<W> JsonReport<W> {
    fn has_several_files(&self) -> bool {
        self.files.len() > 1
    }

    /// The file that a connection's first packet came from.
    fn source(&self, judged: &Judged) -> Option<String> {
        let index = match self.files.len() {
            0 | 1 => 0,
            _ => self.origins.of(judged.story.first.number)?.file.into(),
        };
        self.files.get(index).cloned()
    }

    fn places(&self, evidence: &[u64]) -> Vec<Option<PacketRef>> {
        let place = |number: &u64| {
            let origin = self.origins.of(*number)?;
            let file = self.files.get(usize::from(origin.file))?.clone();
            Some(PacketRef { file, packet: origin.number })
        };
        evidence.iter().map(place).collect()
    }
}

/// A connection's object as a value, for files that hold it among other things.
pub fn connection_value(judged: &Judged) -> serde_json::Value {
    let line = JsonLine::Connection(Box::new(ConnectionObject::of(judged.clone(), None, None)));
    serde_json::to_value(line).unwrap_or_default()
}

/// The JSON Schema of one line.
pub fn schema() -> Schema {
    schemars::schema_for!(JsonLine)
}

/// One line of the output of `--output json`: a connection, an active check after its connections, or the summary after all.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[serde(tag = "type", rename_all = "lowercase")]
#[schemars(title = "ssmscope --output json")]
pub enum JsonLine {
    /// One TCP connection and the verdict on it.
    Connection(Box<ConnectionObject>),
    /// A connection that is not closed, and the verdict so far; only while packets are waited for. Its `connection` object
    /// follows.
    Open(Box<ConnectionObject>),
    /// What an active check did and found besides its connections.
    Check(Box<CheckObject>),
    /// A question in the traffic that got no usable answer, after all connections.
    Lookup(Box<LookupObject>),
    /// An attempt that a log read with the capture reports, after all connections; in `live` one that is tied as soon as it is.
    Log(Box<Log>),
    /// One of many captures, after its connections; only of `batch`.
    File(Box<FileObject>),
    /// The whole capture in figures; of many captures, what adds up.
    Summary(Box<SummaryObject>),
}
