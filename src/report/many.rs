//! Many captures: the outcome of each, and of all together.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::io;

use crate::analysis::Summary;
use crate::capture::About;
use crate::time::Clock;
use crate::verdict::{Code, Severity, Status};

/// A report on many captures, as far as they share it. What is reported on each goes to the same place, before its entry.
pub trait Many: Send {
    /// Takes the outcome of the next capture.
    ///
    /// # Errors
    /// When the output can't be written.
    fn entry(&mut self, entry: &CaptureResult) -> io::Result<()>;

    /// Writes what is left once all captures are known.
    ///
    /// # Errors
    /// When the output can't be written.
    fn finish(self: Box<Self>, totals: &Totals) -> io::Result<()>;
}

/// The outcome of one of many captures.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct CaptureResult {
    /// Its file as it was named, or the first of several that are one capture.
    pub source: String,
    /// The SHA-256 of its bytes in hexadecimal; of several files, that of their digests. Nothing if it could not be read.
    pub sha256: Option<String>,
    /// Packets read.
    pub packets: u64,
    /// Packets that the selection left out.
    pub skipped: u64,
    /// Connections by verdict code.
    pub codes: BTreeMap<Code, u64>,
    /// Connections by severity.
    pub severities: BTreeMap<Severity, u64>,
    /// The worst connection; of equally bad ones the first.
    pub worst: Option<WorstConnection>,
    /// Why it could not be read, or not to its end.
    pub error: Option<String>,
    /// An earlier file with the same content, whose results stand for both.
    pub same_as: Option<String>,
}

/// The worst connection of a capture.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct WorstConnection {
    /// How bad it is.
    pub severity: Severity,
    /// Its verdict's code.
    pub code: Code,
    /// The cause, where the evidence names one.
    pub cause: Option<Cow<'static, str>>,
    /// What happened, in one line.
    pub headline: Cow<'static, str>,
}

impl CaptureResult {
    /// Connections judged.
    pub fn connections(&self) -> u64 {
        self.severities.values().sum()
    }

    /// What it comes to.
    pub fn status(&self) -> Status {
        Status::of(self.severities.keys().copied(), self.error.is_some())
    }
}

/// All captures in figures.
#[derive(Debug)]
pub struct Totals {
    /// Captures, those that could not be read among them.
    pub captures: u64,
    /// Captures that could not be read, or not to their end.
    pub unread: u64,
    /// Captures that have the content of an earlier one, and are counted once.
    pub repeated: u64,
    /// The figures that add up.
    pub summary: Summary,
}

impl Default for Totals {
    fn default() -> Self {
        // Captures need not have a clock in common.
        let about = About { clock: Clock::Absent, ..About::default() };
        Self { captures: 0, unread: 0, repeated: 0, summary: Summary { about, ..Summary::default() } }
    }
}

impl Totals {
    /// Takes the outcome of a capture.
    pub fn add(&mut self, entry: &CaptureResult) {
        self.captures += 1;
        if entry.same_as.is_some() {
            self.repeated += 1;
            return;
        }
        self.unread += u64::from(entry.error.is_some());
        let summary = &mut self.summary;
        summary.packets += entry.packets;
        summary.skipped += entry.skipped;
        summary.connections += entry.connections();
        for (code, count) in &entry.codes {
            *summary.codes.entry(*code).or_default() += count;
        }
        for (severity, count) in &entry.severities {
            *summary.severities.entry(*severity).or_default() += count;
            if matches!(severity, Severity::Critical | Severity::Warning) {
                summary.groups.ungrouped += count;
            }
        }
    }

    /// What they come to.
    pub fn status(&self) -> Status {
        Status::of(self.summary.severities.keys().copied(), self.unread > 0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_add_up_and_a_repeated_capture_counts_once() {
        let entry = |severity, code| CaptureResult {
            packets: 5,
            codes: BTreeMap::from([(code, 2)]),
            severities: BTreeMap::from([(severity, 2)]),
            ..CaptureResult::default()
        };
        let mut totals = Totals::default();
        totals.add(&entry(Severity::Ok, Code::Healthy));
        assert_eq!(totals.status(), Status::Ok);
        totals.add(&CaptureResult { error: Some("is empty".to_owned()), ..CaptureResult::default() });
        assert_eq!(totals.status(), Status::Unknown);
        totals.add(&entry(Severity::Critical, Code::Refused));
        let repeated =
            CaptureResult { same_as: Some("a".to_owned()), ..entry(Severity::Critical, Code::Refused) };
        totals.add(&repeated);
        assert_eq!((totals.captures, totals.unread, totals.repeated), (4, 1, 1));
        assert_eq!((totals.summary.connections, totals.summary.packets), (4, 10));
        assert_eq!((totals.summary.codes[&Code::Refused], totals.status()), (2, Status::Critical));
    }
}
