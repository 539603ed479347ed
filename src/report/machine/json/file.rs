//! Many captures in JSON: an object for each, and one summary.

use std::collections::BTreeMap;
use std::io::{self, Write};

use schemars::JsonSchema;
use serde::Serialize;

use super::{JsonLine, JsonReport, SCHEMA};
use crate::report::many::{CaptureResult, Many, Totals};

/// One of many captures, after its connections; only of `batch`.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[schemars(rename = "File")]
pub struct FileObject {
    /// The version of this form.
    pub schema: u8,
    /// Its file as it was named, or the first of several that are one capture.
    pub source: String,
    /// The SHA-256 of its bytes in hexadecimal; of several files, that of their digests. Null where it could not be read.
    pub sha256: Option<String>,
    /// Packets read.
    pub packets: u64,
    /// Connections judged.
    pub connections: u64,
    /// Connections by verdict code.
    pub verdicts: BTreeMap<&'static str, u64>,
    /// What it comes to, as an exit status: `ok`, `warning`, `critical` or `unknown`.
    pub status: &'static str,
    /// Why it could not be read, or not to its end; null where it was.
    pub error: Option<String>,
    /// An earlier file with the same content, whose results stand for both; null without one.
    pub same_as: Option<String>,
}

impl FileObject {
    fn of(entry: &CaptureResult) -> Self {
        Self {
            schema: SCHEMA,
            source: entry.source.clone(),
            sha256: entry.sha256.clone(),
            packets: entry.packets,
            connections: entry.connections(),
            verdicts: entry.codes.iter().map(|(code, count)| (code.name(), *count)).collect(),
            status: entry.status().name(),
            error: entry.error.clone(),
            same_as: entry.same_as.clone(),
        }
    }
}

/// Writes an object for each capture, and the summary of all.
pub struct Files<W> {
    report: JsonReport<W>,
}

impl<W: Write> Files<W> {
    /// Without any.
    pub fn new(out: W) -> Self {
        Self { report: JsonReport::new(out, &[]) }
    }
}

impl<W: Write + Send> Many for Files<W> {
    fn entry(&mut self, entry: &CaptureResult) -> io::Result<()> {
        self.report.write(&JsonLine::File(Box::new(FileObject::of(entry))))?;
        self.report.flush()
    }

    fn finish(mut self: Box<Self>, totals: &Totals) -> io::Result<()> {
        self.report.end(&totals.summary, &[])
    }
}
