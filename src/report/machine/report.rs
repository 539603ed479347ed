//! What reports for programs share: each connection is written as it comes, a check after its connections, and what is left of one
//! capture or of many servers at the end.

use std::io;

use crate::analysis::{Sink, Summary};
use crate::capture::ReadError;
use crate::probe::CheckOutcome;
use crate::report::{End, Report, TargetTotals, Targets};

/// A report for programs. It is a [`Report`], and one on many servers.
pub trait MachineReport: Sink {
    /// Has the connections that follow come from this source, where one report is on many.
    fn set_source(&mut self, name: &str);

    /// Writes an active check, after its connections.
    ///
    /// # Errors
    /// When the output can't be written.
    fn check(&mut self, outcome: &CheckOutcome) -> io::Result<()>;

    /// Hands over what was written.
    ///
    /// # Errors
    /// When the output can't be written.
    fn flush(&mut self) -> io::Result<()>;

    /// Writes what follows all connections. `unopened` are the files that could not be read at all.
    ///
    /// # Errors
    /// When the output can't be written.
    fn end(&mut self, figures: &Summary, unopened: &[ReadError]) -> io::Result<()>;
}

impl<R: MachineReport> Report for R {
    fn finish(mut self: Box<Self>, end: &End<'_>) -> io::Result<()> {
        if let Some(check) = &end.check {
            self.check(check.outcome)?;
        }
        self.end(end.summary, end.unopened)
    }
}

impl<R: MachineReport> Targets for R {
    fn target(&mut self, end: &End<'_>) -> io::Result<()> {
        let (Some(check), Some(target)) = (&end.check, end.target) else { return Ok(()) };
        self.set_source(target);
        check.outcome.connections.iter().try_for_each(|judged| self.connection(judged.clone()))?;
        self.check(check.outcome)?;
        self.flush()
    }

    fn finish(mut self: Box<Self>, totals: &TargetTotals) -> io::Result<()> {
        self.end(&totals.summary, &[])
    }
}
