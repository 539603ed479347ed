//! The flat row: scalar columns only, always the same ones in the same order, for tables. A row is a connection, or an input that
//! could not be read.

mod columns;
#[cfg(feature = "parquet")]
mod parquet;
mod row;
mod rows;

use std::fmt;
use std::io::{self, Write};
use std::str::FromStr;

pub use columns::{Column, columns};
pub use row::Row;
use rows::Rows;

use crate::analysis::{Event, Failure, Judged, Needs, Sink, Summary};
use crate::capture::ReadError;
use crate::probe::CheckOutcome;
use crate::report::Origins;

/// How rows are written.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Format {
    /// A JSON object on each line.
    #[default]
    Jsonl,
    /// RFC 4180, with the columns' names in the first line.
    Csv,
    /// An Apache Parquet file. It is complete when the report ends.
    #[cfg(feature = "parquet")]
    Parquet,
}

impl Format {
    /// All of them.
    pub const ALL: &[Self] = &[
        Self::Jsonl,
        Self::Csv,
        #[cfg(feature = "parquet")]
        Self::Parquet,
    ];

    /// Its name, which files of it end in too.
    pub fn name(self) -> &'static str {
        match self {
            Self::Jsonl => "jsonl",
            Self::Csv => "csv",
            #[cfg(feature = "parquet")]
            Self::Parquet => "parquet",
        }
    }

    /// Whether rows can follow those of another report, so that many inputs can share an output.
    pub fn is_continuable(self) -> bool {
        match self {
            Self::Jsonl | Self::Csv => true,
            #[cfg(feature = "parquet")]
            Self::Parquet => false,
        }
    }
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Format {
    type Err = &'static str;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        Self::ALL.iter().copied().find(|format| format.name() == name).ok_or("not a format of rows")
    }
}

/// An input, as rows name it.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Input {
    /// As it was named.
    pub name: String,
    /// The SHA-256 of its bytes in hexadecimal, where it could be read in advance.
    pub sha256: Option<String>,
}

/// Writes a row for each connection as it is judged.
pub struct FlatReport<W: Write + Send> {
    rows: Rows<W>,
    inputs: Vec<Input>,
    origins: Origins,
}

impl<W: Write + Send> FlatReport<W> {
    /// A report on a capture of these inputs.
    pub fn new(out: W, format: Format, inputs: Vec<Input>) -> Self {
        Self { rows: Rows::begin(out, format), inputs, origins: Origins::default() }
    }

    /// Has the rows that follow come from this source, where one report is on many.
    pub fn set_source(&mut self, name: &str) {
        self.inputs = vec![Input { name: name.to_owned(), sha256: None }];
    }

    /// Leaves out what precedes the first row: these follow others.
    pub fn omit_header(&mut self) {
        self.rows.omit_header();
    }

    /// Writes what could not be read, and ends.
    ///
    /// # Errors
    /// When `out` can't be written.
    pub fn end(&mut self, figures: &Summary, unopened: &[ReadError]) -> io::Result<()> {
        for error in unopened {
            self.error(Some(&error.file), &error.what)?;
        }
        match &figures.error {
            Some(Failure::Read(error)) => self.error(Some(&error.file), &error.what)?,
            Some(Failure::Select(error)) => self.error(None, &error.to_string())?,
            None => {}
        }
        self.rows.finish()
    }

    /// Writes a row for a check that made no connection, or came to what none of its connections shows.
    ///
    /// # Errors
    /// When `out` can't be written.
    pub fn check(&mut self, outcome: &CheckOutcome) -> io::Result<()> {
        let conclusion = outcome.conclusion();
        let is_shown =
            |severity| outcome.connections.iter().any(|judged| judged.verdict.severity == severity);
        if !is_shown(conclusion.severity) {
            let source = self.inputs.first().map(|input| input.name.clone());
            self.error(source.as_deref(), &format!("{}: {}", conclusion.reason, conclusion.headline))?;
        }
        Ok(())
    }

    /// Writes a row for an input that could not be read.
    ///
    /// # Errors
    /// When `out` can't be written.
    pub fn error(&mut self, source: Option<&str>, error: &str) -> io::Result<()> {
        let sha256 = self.inputs.iter().find(|input| Some(input.name.as_str()) == source);
        let sha256 = sha256.and_then(|input| input.sha256.as_deref());
        self.rows.write(Row::unread(source, sha256, error))
    }
}

/// The input that a connection's first packet came from.
fn input<'i>(inputs: &'i [Input], origins: &Origins, judged: &Judged) -> Option<&'i Input> {
    let index = match inputs.len() {
        0 | 1 => 0,
        _ => origins.of(judged.story.first.number)?.file.into(),
    };
    inputs.get(index)
}

impl<W: Write + Send> Sink for FlatReport<W> {
    fn needs(&self) -> Needs {
        Needs { packets: self.inputs.len() > 1, ..Needs::ALL }
    }

    fn event(&mut self, event: &Event<'_>) -> io::Result<()> {
        match event {
            Event::Packet(packet) if self.inputs.len() > 1 => {
                self.origins.add(packet.number, packet.origin);
                Ok(())
            }
            Event::Idle(..) => self.rows.flush(),
            _ => Ok(()),
        }
    }

    fn connection(&mut self, judged: Judged) -> io::Result<()> {
        self.rows.write(Row::of(&judged, input(&self.inputs, &self.origins, &judged)))
    }
}

#[cfg(feature = "command")]
impl<W: Write + Send> super::report::MachineReport for FlatReport<W> {
    fn set_source(&mut self, name: &str) {
        self.set_source(name);
    }

    fn check(&mut self, outcome: &CheckOutcome) -> io::Result<()> {
        self.check(outcome)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.rows.flush()
    }

    fn end(&mut self, figures: &Summary, unopened: &[ReadError]) -> io::Result<()> {
        self.end(figures, unopened)
    }
}
