//! Judging on the thread that calls.

use std::io;

use super::judging::Judging;
use super::{Judge, Left, Why};
use crate::analysis::summary::Tally;
use crate::analysis::table::{Budget, TrackedConnection};
use crate::analysis::{Event, Settings, Sink};

/// Judges a connection at once, and hands it to the sink.
pub(super) struct Here<'s> {
    settings: &'s Settings,
    judging: Judging<'s>,
    tally: Tally,
    sink: &'s mut dyn Sink,
}

impl<'s> Here<'s> {
    pub(super) fn new(settings: &'s Settings, sink: &'s mut dyn Sink) -> Self {
        Self { settings, judging: Judging::new(settings, sink.needs()), tally: Tally::default(), sink }
    }
}

impl Judge for Here<'_> {
    fn submit(&mut self, left: Left, _: Why) -> io::Result<()> {
        let story = match left {
            Left::Story(story) => story,
            Left::HalfOpen(half_open, facts) => {
                let mut budget = Budget::default();
                TrackedConnection::from_half_open(&half_open, self.settings, &mut budget).finish(facts)
            }
        };
        let judged = self.judging.judged(story);
        self.tally.count(&judged);
        self.sink.connection(judged)
    }

    fn event(&mut self, event: &Event<'_>) -> io::Result<()> {
        self.sink.event(event)
    }

    fn finish(self: Box<Self>) -> io::Result<Tally> {
        Ok(self.tally)
    }
}
