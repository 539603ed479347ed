//! Judging that waits for the logs of the capture.

use std::io;

use super::here::Here;
use super::{Departed, Judge};
use crate::analysis::logs::{self, LogInput};
use crate::analysis::summary::Tally;
use crate::analysis::{Event, Judged};
use crate::limits;

/// Holds connections back until all are known, and judges those again that logs are tied to.
pub(super) struct Withheld<'s> {
    here: Box<Here<'s>>,
    input: &'s LogInput,
    held: Vec<Judged>,
    /// Connections for which there was no room.
    beyond: u64,
}

impl<'s> Withheld<'s> {
    /// Reports to the sink of `here` what is judged.
    pub(super) fn new(mut here: Box<Here<'s>>, input: &'s LogInput) -> Self {
        here.keep_names(true);
        Self { here, input, held: Vec::new(), beyond: 0 }
    }
}

impl Judge for Withheld<'_> {
    fn submit(&mut self, left: Departed) -> io::Result<()> {
        let judged = self.here.judged(left);
        if self.held.len() < limits::LOG_CONNECTIONS {
            self.held.push(judged);
            return Ok(());
        }
        self.beyond += 1;
        let judged = self.here.without_names(judged);
        self.here.report(judged)
    }

    fn event(&mut self, event: &Event<'_>) -> io::Result<()> {
        self.here.event(event)
    }

    fn finish(self: Box<Self>) -> io::Result<Tally> {
        let Self { mut here, input, mut held, beyond } = *self;
        let (summary, tied) = match logs::tie_to(&mut held, input) {
            Ok((summary, tied)) => (Ok(summary), tied),
            Err(error) => (Err(error), Vec::new()),
        };
        let mut tied = tied.into_iter().peekable();
        let is_renamed = here.keep_names(false);
        for (index, judged) in held.into_iter().enumerate() {
            let is_tied = tied.next_if_eq(&index).is_some();
            let judged =
                if is_tied || is_renamed { here.judged(Departed::Story(judged.story)) } else { judged };
            here.report(judged)?;
        }
        here.tally().logs =
            Some(summary.map(|summary| Box::new(logs::LogSummary { not_compared: beyond, ..summary })));
        here.finish()
    }
}
