//! Reports as the command writes them: the one place that knows all forms.

use std::io::{self, Write};

use super::human::Collected;
use super::human::batch::BatchTable;
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
use super::targets::{TargetTotals, Targets};
use super::tcpdump::Packets;
use super::writer::{End, Out, Provenance, Report};
use super::{Form, Style};
use crate::analysis::{Bounds, Event, Judged, Needs, Sink, Summary};
use crate::capture::About;
use crate::time::Elapsed;

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

/// Begins a report in a form.
pub fn open<'o>(form: Form, out: Out<'o>, style: Style, occasion: Occasion<'_>) -> Box<dyn Report + 'o> {
    let about = match occasion {
        Occasion::Read(about, ..)
        | Occasion::Batch(about, ..)
        | Occasion::Follow(about, _)
        | Occasion::Live(about, _) => about.clone(),
        Occasion::Check => About::default(),
    };
    let names: Vec<_> = about.files.iter().map(|file| file.name.clone()).collect();
    match (form, occasion) {
        (Form::Timeline, Occasion::Read(_, bounds, _) | Occasion::Batch(_, bounds, _)) => {
            Box::new(Collected::new(out.styled, names.len() > 1, style, bounds, timeline::write))
        }
        (Form::Timeline, Occasion::Follow(_, bounds)) => Box::new(Following::new(out.styled, style, bounds)),
        (Form::Timeline, Occasion::Live(_, quiet)) => Box::new(Stream::live(out.styled, style, quiet)),
        (Form::Timeline, Occasion::Check) => {
            at_end(out.styled, move |end, out| check::write(end, &style, out))
        }
        (Form::Table, Occasion::Check) => at_end(out.styled, check::write_table),
        // Of many captures it has one row for each.
        (Form::Table, Occasion::Batch(..)) => at_end(out.plain, |_, _| Ok(())),
        (Form::Table, _) => Box::new(TableReport::new(out, names.len() > 1, style)),
        (
            Form::Markdown,
            Occasion::Read(_, bounds, _) | Occasion::Batch(_, bounds, _) | Occasion::Follow(_, bounds),
        ) => Box::new(Collected::new(out.plain, names.len() > 1, style, bounds, markdown::write)),
        (Form::Markdown, _) => {
            Box::new(Collected::new(out.plain, false, style, &Bounds::default(), markdown::write))
        }
        (
            Form::Html,
            Occasion::Read(_, bounds, _) | Occasion::Batch(_, bounds, _) | Occasion::Follow(_, bounds),
        ) => Box::new(HtmlReport::new(HtmlPage::new(names.len() > 1, style, bounds), out.plain)),
        (Form::Html, _) => {
            Box::new(HtmlReport::new(HtmlPage::new(false, style, &Bounds::default()), out.plain))
        }
        (Form::Json, Occasion::Batch(..)) => Box::new(OneOfMany(JsonReport::new(out.plain, &names))),
        (Form::Json, _) => Box::new(JsonReport::new(out.plain, &names)),
        (Form::Flat(format), _) => {
            let digests = match occasion {
                Occasion::Read(_, _, provenance) | Occasion::Batch(_, _, provenance) => {
                    provenance.inputs.as_slice()
                }
                _ => &[],
            };
            let input = |name: &String| Input {
                name: name.clone(),
                sha256: digests.iter().find(|(of, _)| of == name).and_then(|(_, digest)| digest.clone().ok()),
            };
            let mut report = FlatReport::new(out.plain, format, names.iter().map(input).collect());
            if matches!(occasion, Occasion::Batch(..)) {
                report.omit_header();
            }
            Box::new(report)
        }
        (Form::Nagios, _) => at_end(out.plain, nagios::write),
        (Form::Prometheus, _) => at_end(out.plain, prometheus::write),
        (Form::Tcpdump, _) => Box::new(Packets::new(out.styled, &about, &style)),
    }
}

/// What precedes the report on one of many captures; nothing where its form names the capture otherwise.
pub fn heading(form: Form, source: &str) -> String {
    match form {
        Form::Markdown => markdown::heading(source),
        _ => String::new(),
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

impl<W: Write + Send> Targets for JsonReport<W> {
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

impl<W: Write + Send> Targets for FlatReport<W> {
    fn target(&mut self, end: &End<'_>) -> io::Result<()> {
        let (Some(check), Some(target)) = (&end.check, end.target) else { return Ok(()) };
        self.set_source(target);
        check.outcome.connections.iter().try_for_each(|judged| self.connection(judged.clone()))?;
        self.check(check.outcome)
    }

    fn finish(mut self: Box<Self>, totals: &TargetTotals) -> io::Result<()> {
        self.end(&totals.summary, &[])
    }
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

impl<W: Write + Send> Report for JsonReport<W> {
    fn finish(mut self: Box<Self>, end: &End<'_>) -> io::Result<()> {
        if let Some(check) = &end.check {
            self.check(check.outcome)?;
        }
        self.end(end.summary, end.unopened)
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

/// Connections in JSON without a summary, which all captures share.
struct OneOfMany<W>(JsonReport<W>);

impl<W: Write + Send> Sink for OneOfMany<W> {
    fn needs(&self) -> Needs {
        self.0.needs()
    }

    fn event(&mut self, event: &Event<'_>) -> io::Result<()> {
        self.0.event(event)
    }

    fn connection(&mut self, judged: Judged) -> io::Result<()> {
        self.0.connection(judged)
    }
}

impl<W: Write + Send> Report for OneOfMany<W> {
    fn finish(mut self: Box<Self>, _: &End<'_>) -> io::Result<()> {
        self.0.flush()
    }
}

impl<W: Write + Send> Report for FlatReport<W> {
    fn finish(mut self: Box<Self>, end: &End<'_>) -> io::Result<()> {
        if let Some(check) = &end.check {
            self.check(check.outcome)?;
        }
        self.end(end.summary, end.unopened)
    }
}
