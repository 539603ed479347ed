//! What follows an analysis on the command's behalf, before each result reaches the report: progress on a terminal, what
//! monitoring wants to know, and what conducts a live capture.

pub mod conductor;
pub mod passed_on;
pub mod progress;
pub mod saving;
pub mod shown;
pub mod status;

use std::collections::BTreeSet;
use std::io;

use ssmscope::analysis::{Event, Judged, Needs, Sink};
use ssmscope::report::MonitoringDigest;
use ssmscope::verdict::Severity;

/// Sees everything that a report gets.
pub trait Observer: Send {
    /// A connection that was judged.
    fn connection(&mut self, _judged: &Judged) {}

    /// Something else that happened.
    fn event(&mut self, _event: &Event<'_>) {}

    /// What it needs besides verdicts.
    fn needs(&self) -> Needs {
        Needs::VERDICTS
    }
}

/// A report, and those who see everything first.
pub struct Observers<'a> {
    pub observers: Vec<&'a mut dyn Observer>,
    pub report: &'a mut dyn Sink,
}

impl Sink for Observers<'_> {
    fn connection(&mut self, judged: Judged) -> io::Result<()> {
        for observer in &mut self.observers {
            observer.connection(&judged);
        }
        self.report.connection(judged)
    }

    fn event(&mut self, event: &Event<'_>) -> io::Result<()> {
        for observer in &mut self.observers {
            observer.event(event);
        }
        self.report.event(event)
    }

    fn needs(&self) -> Needs {
        self.observers.iter().fold(self.report.needs(), |needs, observer| needs | observer.needs())
    }
}

/// Keeps what monitoring shows. The dates of certificates are needed only where it is written.
pub struct Monitored<'d> {
    pub digest: &'d mut MonitoringDigest,
    pub severities: &'d mut BTreeSet<Severity>,
    pub is_written: bool,
}

impl Observer for Monitored<'_> {
    fn connection(&mut self, judged: &Judged) {
        self.digest.record(judged);
        self.severities.insert(judged.verdict.severity);
    }

    fn needs(&self) -> Needs {
        Needs { packets: false, findings: false, examinations: self.is_written }
    }
}
