//! Judging at once.

use std::io;

use super::chains::SharedExaminer;
use super::judging::Judging;
use super::{Departed, Judge};
use crate::analysis::summary::Tally;
use crate::analysis::table::{Budget, TrackedConnection};
use crate::analysis::{Event, Judged, Redaction, Settings, Sink};

/// Judges a connection at once, and hands it to the sink.
pub(super) struct Here<'s> {
    settings: &'s Settings,
    judging: Judging<'s>,
    tally: Tally,
    sink: &'s mut dyn Sink,
}

impl<'s> Here<'s> {
    pub(super) fn new(settings: &'s Settings, examiner: SharedExaminer, sink: &'s mut dyn Sink) -> Self {
        let judging = Judging::new(settings, examiner, sink.needs());
        Self { settings, judging, tally: Tally::default(), sink }
    }

    /// Judges a connection that left.
    pub(super) fn judged(&mut self, left: Departed) -> Judged {
        let story = match left {
            Departed::Story(story) => story,
            Departed::HalfOpen(half_open, facts) => {
                let mut budget = Budget::default();
                TrackedConnection::from_half_open(&half_open, self.settings, &mut budget).finish(facts)
            }
        };
        self.judging.earn(story.packets);
        self.judging.judged(story)
    }

    /// Keeps names, or replaces them from now on where that is asked for. Whether a story has to be judged again for that.
    pub(super) fn keep_names(&mut self, keeps_names: bool) -> bool {
        self.judging.keep_names(keeps_names);
        self.settings.redaction.is_some()
    }

    /// The stand-ins, where names are to be replaced.
    pub(super) fn redaction(&self) -> Option<&'s Redaction> {
        self.settings.redaction.as_ref()
    }

    /// What was judged with its names, judged again without them where that is asked for.
    pub(super) fn without_names(&mut self, judged: Judged) -> Judged {
        match self.redaction() {
            Some(_) => self.judging.without_names(judged.story),
            None => judged,
        }
    }

    /// Counts and reports a connection that was judged.
    pub(super) fn report(&mut self, judged: Judged) -> io::Result<()> {
        self.tally.count(&judged);
        self.sink.connection(judged)
    }

    /// What it counted.
    pub(super) fn tally(&mut self) -> &mut Tally {
        &mut self.tally
    }
}

impl Judge for Here<'_> {
    fn submit(&mut self, left: Departed) -> io::Result<()> {
        let judged = self.judged(left);
        self.report(judged)
    }

    fn event(&mut self, event: &Event<'_>) -> io::Result<()> {
        self.sink.event(event)
    }

    fn finish(self: Box<Self>) -> io::Result<Tally> {
        Ok(self.tally)
    }
}
