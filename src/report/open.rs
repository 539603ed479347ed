//! Reports as the command writes them: the one place that knows all forms.

use std::io::{self, Write};

use super::human::Collected;
use super::human::batch::BatchTable;
use super::human::decision::DecisionReport;
use super::human::follow::Following;
use super::human::html::{HtmlPage, HtmlReport};
use super::human::stream::Stream;
use super::human::table::TableReport;
use super::human::targets::TargetTable;
use super::human::{check, markdown, timeline};
use super::machine::flat::{FlatReport, Input};
use super::machine::json::{self, JsonReport};
use super::many::{CaptureResult, Many, Totals};
use super::monitoring::targets::{MetricsOfTargets, PluginOfTargets};
use super::monitoring::{nagios, prometheus};
use super::targets::Targets;
use super::tcpdump::Packets;
use super::writer::{End, Out, Provenance, Report};
use super::{Form, Style};
use crate::analysis::{Bounds, Judged, Needs, Sink, Summary};
use crate::capture::About;
use crate::time::Elapsed;
use crate::verdict;

/// On what occasion a report is written.
#[derive(Clone, Copy, Debug)]
pub enum Occasion<'a> {
    /// A capture is read to its end, from inputs whose digests may be known.
    Read(&'a About, &'a Bounds, &'a Provenance),
    /// One of many captures is read, each for itself; what all of them share is written by [`open_many`].
    Batch(&'a About, &'a Bounds, &'a Provenance),
    /// A capture is read whose writer may pause.
    Follow(&'a About, &'a Bounds),
    /// A capture is made. In the timeline, only failures are shown and a line per interval, where one is given.
    Live(&'a About, Option<Elapsed>),
    /// A server was checked.
    Check,
}

impl<'a> Occasion<'a> {
    /// The capture, where there is one.
    fn about(&self) -> Option<&'a About> {
        match *self {
            Self::Read(about, ..)
            | Self::Batch(about, ..)
            | Self::Follow(about, _)
            | Self::Live(about, _) => Some(about),
            Self::Check => None,
        }
    }

    /// The bounds of what a report keeps.
    fn bounds(&self) -> Bounds {
        match self {
            Self::Read(_, bounds, _) | Self::Batch(_, bounds, _) | Self::Follow(_, bounds) => **bounds,
            Self::Live(..) | Self::Check => Bounds::default(),
        }
    }

    /// Whether packets come from several files, which are then named.
    fn has_files(&self) -> bool {
        self.about().is_some_and(|about| about.files.len() > 1)
    }

    /// The names of the inputs, with their digests where they are known.
    fn inputs(&self) -> Vec<Input> {
        let digests = match self {
            Self::Read(_, _, provenance) | Self::Batch(_, _, provenance) => provenance.inputs.as_slice(),
            Self::Follow(..) | Self::Live(..) | Self::Check => &[],
        };
        let input = |name: String| Input {
            sha256: digests.iter().find(|(of, _)| *of == name).and_then(|(_, digest)| digest.clone().ok()),
            name,
        };
        self.names().into_iter().map(input).collect()
    }

    fn names(&self) -> Vec<String> {
        let files = self.about().map(|about| about.files.as_slice()).unwrap_or_default();
        files.iter().map(|file| file.name.clone()).collect()
    }
}

/// Begins a report in a form.
pub fn open<'o>(form: Form, out: Out<'o>, style: Style, occasion: Occasion<'_>) -> Box<dyn Report + 'o> {
    let (has_files, bounds) = (occasion.has_files(), occasion.bounds());
    match (form, occasion) {
        (Form::Timeline, Occasion::Read(..) | Occasion::Batch(..)) => {
            Box::new(Collected::new(out.styled, has_files, style, &bounds, timeline::write))
        }
        (Form::Timeline, Occasion::Follow(..)) => Box::new(Following::new(out.styled, style, &bounds)),
        (Form::Timeline, Occasion::Live(_, quiet)) => Box::new(Stream::live(out.styled, style, quiet)),
        (Form::Timeline, Occasion::Check) => {
            at_end(out.styled, move |end, out| check::write(end, &style, out))
        }
        (Form::Table, Occasion::Check) => at_end(out.styled, check::write_table),
        // It has one row for each of many captures.
        (Form::Table, Occasion::Batch(..)) => at_end(out.plain, |_, _| Ok(())),
        (Form::Table, _) => Box::new(TableReport::new(out, has_files, style)),
        (Form::Markdown, _) => {
            Box::new(Collected::new(out.plain, has_files, style, &bounds, markdown::write))
        }
        (Form::Html, _) => Box::new(HtmlReport::new(page(style, occasion), out.plain)),
        (Form::Json, _) => {
            let mut report = JsonReport::new(out.plain, &occasion.names());
            if matches!(occasion, Occasion::Batch(..)) {
                report.omit_summary();
            }
            Box::new(report)
        }
        (Form::Flat(format), _) => {
            let mut report = FlatReport::new(out.plain, format, occasion.inputs());
            if matches!(occasion, Occasion::Batch(..)) {
                report.omit_header();
            }
            Box::new(report)
        }
        (Form::Nagios, _) => at_end(out.plain, nagios::write),
        (Form::Prometheus, _) => at_end(out.plain, prometheus::write),
        (Form::Tcpdump, _) => {
            Box::new(Packets::new(out.styled, occasion.about().unwrap_or(&About::default()), &style))
        }
    }
}

/// Begins a page that is written besides a report in another form, and sees the connections that the report gets.
pub fn page(style: Style, occasion: Occasion<'_>) -> HtmlPage {
    HtmlPage::new(occasion.has_files(), style, &occasion.bounds())
}

/// Begins a report on how each verdict is found, for maintainers; it is no form of output.
pub fn decisions<'o>(out: Out<'o>, judging: verdict::JudgementSettings) -> Box<dyn Report + 'o> {
    Box::new(DecisionReport::new(out.plain, judging))
}

/// What precedes the report on one of many captures; nothing if its form names the capture otherwise.
pub fn heading(form: Form, source: &str) -> String {
    match form {
        Form::Markdown => markdown::heading(source),
        Form::Timeline
        | Form::Table
        | Form::Json
        | Form::Flat(_)
        | Form::Html
        | Form::Nagios
        | Form::Prometheus
        | Form::Tcpdump => String::new(),
    }
}

/// Begins the part of a report on many captures that they share. The reports on each, by [`open`], go to the same place, each followed
/// by its [`CaptureResult`].
///
/// # Errors
/// When the output can't be written.
pub fn open_many<'o>(form: Form, mut out: Out<'o>, style: &Style) -> io::Result<Box<dyn Many + 'o>> {
    Ok(match form {
        Form::Json => Box::new(json::Files::new(out.plain)),
        Form::Flat(format) => {
            FlatReport::new(&mut out.plain, format, Vec::new()).end(&Summary::default(), &[])?;
            Box::new(NothingShared)
        }
        Form::Markdown => Box::new(markdown::Sections::new(out.plain)),
        Form::Timeline | Form::Table | Form::Html | Form::Nagios | Form::Prometheus | Form::Tcpdump => {
            Box::new(BatchTable::new(out.plain, style))
        }
    })
}

/// Begins a report on many servers that are checked; nothing in a form that has only one.
pub fn open_targets<'o>(form: Form, out: Out<'o>, style: Style) -> Option<Box<dyn Targets + 'o>> {
    Some(match form {
        Form::Timeline | Form::Table => Box::new(TargetTable::new(out.styled, style)),
        Form::Json => Box::new(JsonReport::new(out.plain, &[])),
        Form::Flat(format) => Box::new(FlatReport::new(out.plain, format, Vec::new())),
        Form::Nagios => Box::new(PluginOfTargets::new(out.plain)),
        Form::Prometheus => Box::new(MetricsOfTargets::new(out.plain)),
        Form::Markdown | Form::Html | Form::Tcpdump => return None,
    })
}

/// A report that is written by `write` when everything is known.
fn at_end<'o>(
    out: Box<dyn Write + Send + 'o>,
    write: impl FnOnce(&End<'_>, &mut dyn Write) -> io::Result<()> + Send + 'o,
) -> Box<dyn Report + 'o> {
    Box::new(AtEnd { out, write })
}

struct AtEnd<'o, F> {
    out: Box<dyn Write + Send + 'o>,
    write: F,
}

impl<F: Send> Sink for AtEnd<'_, F> {
    fn connection(&mut self, _: Judged) -> io::Result<()> {
        Ok(())
    }

    fn needs(&self) -> Needs {
        Needs { packets: false, findings: false, examinations: true }
    }
}

impl<F: FnOnce(&End<'_>, &mut dyn Write) -> io::Result<()> + Send> Report for AtEnd<'_, F> {
    fn finish(self: Box<Self>, end: &End<'_>) -> io::Result<()> {
        let Self { mut out, write } = *self;
        write(end, &mut out)?;
        out.flush()
    }
}

/// Rows need nothing besides them.
struct NothingShared;

impl Many for NothingShared {
    fn entry(&mut self, _: &CaptureResult) -> io::Result<()> {
        Ok(())
    }

    fn finish(self: Box<Self>, _: &Totals) -> io::Result<()> {
        Ok(())
    }
}
