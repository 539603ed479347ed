//! `--only`, and `--connection` where a form lists connections: a report that gets some of them.

use std::io;

use ssmscope::analysis::{Event, Judged, Needs, Sink};

use crate::args::Selection;
use crate::marked::Marked;

/// Gives a report the connections that are to be shown. All other observers get every connection.
pub struct OnlyShown<'a> {
    selection: &'a Selection,
    /// Writes the packets of what is shown.
    marked: Option<&'a mut Marked>,
    report: &'a mut dyn Sink,
    /// The number of the only connection that the report gets.
    one: Option<u64>,
    /// Connections that the report got.
    shown: u64,
}

impl<'a> OnlyShown<'a> {
    /// Nothing is shown yet.
    pub fn new(selection: &'a Selection, marked: Option<&'a mut Marked>, report: &'a mut dyn Sink) -> Self {
        Self { selection, marked, report, one: None, shown: 0 }
    }

    /// With no connection but this one.
    #[must_use]
    pub fn one(self, one: Option<u64>) -> Self {
        Self { one, ..self }
    }

    fn shows(&self, judged: &Judged) -> bool {
        self.selection.shows(&judged.verdict) && self.one.is_none_or(|one| judged.story.id == one)
    }

    /// What to print where that left nothing of `connections`.
    pub fn nothing_shown(&self, connections: u64) -> Option<String> {
        if let Some(one) = self.one.filter(|one| *one == 0 || *one > connections) {
            return (connections > 0)
                .then(|| format!("there is no connection {one}: they are numbered from 1 to {connections}"));
        }
        let is_empty = self.shown == 0 && connections > 0 && !self.selection.only.is_empty();
        let only: Vec<_> = self.selection.only.iter().map(ToString::to_string).collect();
        let plural = if connections == 1 { "" } else { "s" };
        is_empty.then(|| format!("--only {}: none of {connections} connection{plural}", only.join(",")))
    }
}

impl Sink for OnlyShown<'_> {
    fn connection(&mut self, judged: Judged) -> io::Result<()> {
        if !self.shows(&judged) {
            return Ok(());
        }
        self.shown += 1;
        if let Some(marked) = &mut self.marked {
            marked.record(&judged);
        }
        self.report.connection(judged)
    }

    fn event(&mut self, event: &Event<'_>) -> io::Result<()> {
        match event {
            Event::Known(judged) if !self.shows(judged) => Ok(()),
            event => self.report.event(event),
        }
    }

    fn needs(&self) -> Needs {
        self.report.needs()
    }
}
