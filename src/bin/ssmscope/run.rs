//! What `read`, `live` and `check` share: a report, the thresholds, a file of metrics, and the resulting exit status.

use std::collections::BTreeSet;
use std::env;
use std::io::{self, BufWriter, IsTerminal, LineWriter};

use anyhow::ensure;
use ssmscope::analysis::{self, Redaction, Settings, Sink, Summary};
use ssmscope::capture::{ReadError, Source, Target};
use ssmscope::probe::CheckOutcome;
use ssmscope::report::language::Language;
use ssmscope::report::monitoring::prometheus::MetricsPage;
use ssmscope::report::{
    self, Detail, End, Form, MonitoringDigest, Out, Provenance, Report, Style, Thresholds,
};
use ssmscope::time::Elapsed;
use ssmscope::verdict::{Severity, Status};

use crate::args::{Monitoring, Redacting, Rendering};
use crate::observers::{Monitored, Observer, Observers};
use crate::system::deadline::Deadline;
use crate::system::files;
use crate::system::locale;
use crate::system::textfile::Textfile;
use crate::{exit, provenance};

/// Columns where no terminal shows its own.
pub const COLUMNS: u16 = 100;

/// What is written at once where there is much to write.
const BLOCK_BYTES: usize = 64 * 1024;

/// One run of a command, and what it leaves.
pub struct Run<'o> {
    pub form: Form,
    monitoring: &'o Monitoring,
    thresholds: Thresholds,
    /// What is to be watched, in the user's words.
    pub target: Option<String>,
    /// What was selected, once that is known.
    selected: Option<Target>,
    pub deadline: Option<Deadline>,
    textfile: Option<Textfile>,
    /// Files that could not be opened.
    pub unopened: Vec<ReadError>,
    pub digest: MonitoringDigest,
    /// Those of the connections that were judged.
    severities: BTreeSet<Severity>,
    /// How to make the report again.
    pub provenance: Provenance,
    /// Stand-ins for what names somebody, where what is printed can be passed on.
    pub redaction: Option<Redaction>,
}

/// What a command came to.
pub enum Done {
    /// Everything that there was is judged and reported.
    Reported(Box<Results>),
    /// The same, and the metrics are written too.
    Written(Status),
    /// Nobody reads the report any more. The status is what was known by then.
    ReaderGone(Status),
}

/// What there is to report.
#[derive(Default)]
pub struct Results {
    /// The capture, or the check's connections, in figures.
    pub summary: Summary,
    /// A check, and how much a plugin is to show of it.
    pub check: Option<(CheckOutcome, u8)>,
}

impl<'o> Run<'o> {
    /// A run that reports in this form on `target`.
    pub fn new(form: Form, monitoring: &'o Monitoring, slow_after: Elapsed, target: Option<String>) -> Self {
        let (warning, critical) = (monitoring.warning, monitoring.critical);
        Self {
            form,
            monitoring,
            thresholds: Thresholds { warning, critical, slow_after },
            target,
            selected: None,
            deadline: None,
            textfile: None,
            unopened: Vec::new(),
            digest: MonitoringDigest::default(),
            severities: BTreeSet::new(),
            provenance: provenance::of_command(),
            redaction: None,
        }
    }

    /// Has everything that is reported redacted, where that is asked for of `command`.
    ///
    /// # Errors
    /// When packets are printed: they are not redacted.
    pub fn redacting(mut self, asked: Redacting, command: &str) -> anyhow::Result<Self> {
        self.redaction = redaction(asked, self.form)?;
        if let Some(redaction) = &self.redaction {
            self.provenance = provenance::redacted(&self.provenance, redaction, command);
            self.target = None;
        }
        Ok(self)
    }

    /// Whether an output shows the examination of certificates.
    pub fn examines(&self) -> bool {
        self.form.has_verdicts() || self.monitoring.textfile.is_some()
    }

    /// Thresholds alert in a plugin's output only.
    #[must_use]
    pub fn alerting_as_plugin(mut self) -> Self {
        if !self.form.is_plugin() {
            self.thresholds = Thresholds { slow_after: self.thresholds.slow_after, ..Thresholds::default() };
        }
        self
    }

    /// Does the command's work, and what is left to do after it.
    ///
    /// # Errors
    /// Those of the work, and when the metrics can't be written.
    pub fn finish_after(
        mut self,
        work: impl FnOnce(&mut Self) -> anyhow::Result<Done>,
    ) -> anyhow::Result<Status> {
        let done = work(&mut self);
        for error in &self.unopened {
            exit::aside(self.form, format_args!("ssmscope: {error}"));
        }
        match done {
            Ok(Done::Reported(results)) => self.end_reported(&results),
            Ok(Done::Written(status)) => Ok(status),
            Ok(Done::ReaderGone(status)) => {
                self.clear_metrics();
                Ok(status)
            }
            Err(error) => {
                self.clear_metrics();
                let is_reader_gone = error.downcast_ref::<io::Error>().is_some_and(is_reader_gone);
                if is_reader_gone {
                    Ok(exit::status_so_far(|severity| self.severities.contains(&severity)))
                } else {
                    Err(error)
                }
            }
        }
    }

    /// Says what could not be read, and writes the metrics.
    fn end_reported(&mut self, results: &Results) -> anyhow::Result<Status> {
        if let Some(failure) = &results.summary.error {
            exit::aside(self.form, format_args!("ssmscope: {failure}"));
        }
        let status = self.end(results).status();
        self.write_metrics(results)?;
        Ok(status)
    }

    /// Writes metrics of nothing: that nothing is known is news as well, and those of an earlier run must not stay. What failed
    /// first says more than that they can't be written.
    fn clear_metrics(&mut self) {
        self.digest = MonitoringDigest::default();
        if self.begin_textfile().is_ok() {
            let _ = self.write_metrics(&Results::default());
        }
    }

    /// Begins the file of metrics, if there is to be one, so that a folder that can't be written is an error at once.
    ///
    /// # Errors
    /// When it can't be written.
    pub fn begin_textfile(&mut self) -> anyhow::Result<()> {
        if self.textfile.is_none() {
            self.textfile = self.monitoring.textfile.as_deref().map(Textfile::begin).transpose()?;
        }
        Ok(())
    }

    /// What is known at the end of the check of one target of many.
    pub fn end_of_target<'a>(
        &'a self,
        target: &'a str,
        (outcome, verbosity): (&'a CheckOutcome, u8),
        digest: &'a MonitoringDigest,
    ) -> End<'a> {
        End {
            check: Some(report::CheckResult { outcome, verbosity }),
            digest,
            thresholds: &self.thresholds,
            target: Some(target),
            provenance: &self.provenance,
            ..End::of(&outcome.summary)
        }
    }

    /// Writes the metrics of many targets, if there is to be a file of them.
    ///
    /// # Errors
    /// When it can't be written.
    pub fn write_page(&mut self, page: MetricsPage) -> anyhow::Result<()> {
        self.textfile.take().map_or(Ok(()), |textfile| textfile.finish(page))
    }

    fn write_metrics(&mut self, results: &Results) -> anyhow::Result<()> {
        match self.textfile.take() {
            Some(textfile) => {
                let mut page = MetricsPage::default();
                page.add(&self.end(results));
                textfile.finish(page)
            }
            None => Ok(()),
        }
    }

    /// Has a capture analysed, with those who follow it.
    ///
    /// # Errors
    /// When the report can't be written.
    pub fn analyse(
        &mut self,
        source: &mut dyn Source,
        target: Target,
        settings: &Settings,
        report: &mut dyn Sink,
        observers: &mut [&mut dyn Observer],
        stop: &dyn Fn() -> bool,
    ) -> io::Result<Summary> {
        self.selected = Some(match &self.redaction {
            Some(redaction) => redaction.target(&target),
            None => target.clone(),
        });
        let mut monitored = Monitored {
            digest: &mut self.digest,
            severities: &mut self.severities,
            is_written: self.monitoring.textfile.is_some(),
        };
        let mut all: Vec<&mut dyn Observer> = vec![&mut monitored];
        all.extend(observers.iter_mut().map(|observer| &mut **observer as &mut dyn Observer));
        let mut observed = Observers { observers: all, report };
        let summary = analysis::analyse_until(source, target, settings, &mut observed, stop);
        if let Some(deadline) = &self.deadline {
            deadline.meet();
        }
        summary
    }

    /// Writes the end of a report. A reader that went away by then has had what it wanted.
    ///
    /// # Errors
    /// When it can't be written.
    pub fn finish(&self, report: Box<dyn Report + '_>, results: &Results) -> io::Result<()> {
        let remark = report.remark();
        let written = report.finish(&self.end(results));
        if let Some(remark) = remark {
            exit::aside(self.form, format_args!("ssmscope: {remark}"));
        }
        written.or_else(|error| if is_reader_gone(&error) { Ok(()) } else { Err(error) })
    }

    /// What is known at the end.
    pub fn end<'a>(&'a self, results: &'a Results) -> End<'a> {
        let check = |(outcome, verbosity): &'a (CheckOutcome, u8)| report::CheckResult {
            outcome,
            verbosity: *verbosity,
        };
        End {
            unopened: &self.unopened,
            check: results.check.as_ref().map(check),
            digest: &self.digest,
            thresholds: &self.thresholds,
            target: self.target.as_deref(),
            selected: self.selected.as_ref(),
            provenance: &self.provenance,
            ..End::of(&results.summary)
        }
    }
}

/// The stand-ins that are asked for.
///
/// # Errors
/// When packets are printed: they are not redacted.
pub fn redaction(asked: Redacting, form: Form) -> anyhow::Result<Option<Redaction>> {
    if !asked.redact {
        return Ok(None);
    }
    ensure!(form.can_be_redacted(), "--redact is for reports, and -o {} prints packets", form.name());
    Ok(Some(Redaction::default()))
}

/// Whether an error means that nobody reads the output any more.
pub fn is_reader_gone(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::BrokenPipe
}

/// Standard output, written in blocks.
pub fn blocks() -> Out<'static> {
    Out {
        plain: Box::new(BufWriter::with_capacity(BLOCK_BYTES, io::stdout())),
        styled: Box::new(BufWriter::new(anstream::AutoStream::auto(io::stdout()))),
    }
}

/// Standard output, written line by line, for somebody who watches.
pub fn lines() -> Out<'static> {
    Out {
        plain: Box::new(io::stdout()),
        styled: Box::new(LineWriter::new(anstream::AutoStream::auto(io::stdout()))),
    }
}

/// How reports for people are written here.
pub fn style(rendering: &Rendering, detail: Detail) -> Style {
    let terminal = io::stdout().is_terminal().then(terminal_size::terminal_size).flatten();
    Style {
        zone: files::zone(),
        verbosity: rendering.verbose,
        detail,
        is_ascii: rendering.ascii || !locale::is_utf8(),
        is_east_asian: locale::is_east_asian(),
        language: rendering.lang.or_else(|| Language::of(&locale::language())),
        sort: rendering.sort,
        columns: terminal
            .map(|(terminal_size::Width(columns), _)| columns)
            .or_else(columns)
            .unwrap_or(COLUMNS),
    }
}

/// The width that the environment names for what is no terminal (POSIX, XBD 8.3).
fn columns() -> Option<u16> {
    env::var("COLUMNS").ok()?.parse().ok().filter(|columns| *columns > 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outcome(known: &[Severity], done: anyhow::Result<Done>) -> (anyhow::Result<Status>, String) {
        let folder = tempfile::tempdir().unwrap();
        let textfile = folder.path().join("ssmscope.prom");
        std::fs::write(&textfile, "of an earlier run").unwrap();
        let monitoring = Monitoring { textfile: Some(textfile.clone()), warning: None, critical: None };
        let run = Run::new(Form::Json, &monitoring, Elapsed::from_millis(2_000), None);
        let status = run.finish_after(|run| {
            run.severities.extend(known);
            run.begin_textfile()?;
            done
        });
        (status, std::fs::read_to_string(textfile).unwrap())
    }

    fn reader_gone() -> anyhow::Error {
        io::Error::from(io::ErrorKind::BrokenPipe).into()
    }

    #[test]
    fn where_the_reader_goes_away_the_worst_failure_counts_and_nothing_else_is_known() {
        for (known, expected) in [
            (&[Severity::Ok, Severity::Warning, Severity::Critical][..], Status::Critical),
            (&[Severity::Ok, Severity::Warning], Status::Warning),
            (&[Severity::Ok, Severity::Unknown], Status::Unknown),
            (&[], Status::Unknown),
        ] {
            let (status, metrics) = outcome(known, Err(reader_gone()));
            assert_eq!(status.unwrap(), expected, "{known:?}");
            assert!(!metrics.contains("earlier"), "{metrics}");
        }
    }

    #[test]
    fn metrics_of_an_earlier_run_stay_only_where_the_command_wrote_its_own() {
        let (status, metrics) = outcome(&[], Ok(Done::Reported(Box::default())));
        assert_eq!(status.unwrap(), Status::Unknown, "nothing was judged");
        assert!(!metrics.contains("earlier"), "{metrics}");
        let (status, metrics) = outcome(&[], Ok(Done::ReaderGone(Status::Critical)));
        assert_eq!(status.unwrap(), Status::Critical);
        assert!(!metrics.contains("earlier"), "{metrics}");
        let (status, metrics) = outcome(&[Severity::Critical], Err(anyhow::anyhow!("no such device")));
        assert_eq!(status.unwrap_err().to_string(), "no such device");
        assert!(!metrics.contains("earlier"), "{metrics}");
        let (status, metrics) = outcome(&[Severity::Critical], Ok(Done::Written(Status::Ok)));
        assert_eq!((status.unwrap(), metrics.as_str()), (Status::Ok, "of an earlier run"));
    }
}
