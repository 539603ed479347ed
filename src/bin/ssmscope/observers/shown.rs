//! `--only`: a report that gets some of the connections.

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
    /// Connections that the report got.
    shown: u64,
}

impl<'a> OnlyShown<'a> {
    /// Nothing is shown yet.
    pub fn new(selection: &'a Selection, marked: Option<&'a mut Marked>, report: &'a mut dyn Sink) -> Self {
        Self { selection, marked, report, shown: 0 }
    }

    /// What to print where `--only` left nothing of `connections`.
    pub fn nothing_shown(&self, connections: u64) -> Option<String> {
        let is_empty = self.shown == 0 && connections > 0 && !self.selection.only.is_empty();
        let only: Vec<_> = self.selection.only.iter().map(ToString::to_string).collect();
        let plural = if connections == 1 { "" } else { "s" };
        is_empty.then(|| format!("--only {}: none of {connections} connection{plural}", only.join(",")))
    }
}

impl Sink for OnlyShown<'_> {
    fn connection(&mut self, judged: Judged) -> io::Result<()> {
        if !self.selection.shows(&judged.verdict) {
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
            Event::Known(judged) if !self.selection.shows(&judged.verdict) => Ok(()),
            event => self.report.event(event),
        }
    }

    fn needs(&self) -> Needs {
        self.report.needs()
    }
}
