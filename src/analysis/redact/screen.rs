//! What a sink gets while packets come, without names. Verdicts and silences are of stories that were redacted.

use std::io;

use super::{Redaction, StandIns};
use crate::analysis::{Event, Judged, Needs, Sink};
use crate::story::{Entry, Story};

/// Stands between the analysis and a sink. Packets and frames pass as they are: of them a sink may show numbers and files.
pub(in crate::analysis) struct Screen<'s> {
    redaction: Redaction,
    sink: &'s mut dyn Sink,
}

impl<'s> Screen<'s> {
    /// Before this sink.
    pub(in crate::analysis) fn before(sink: &'s mut dyn Sink, redaction: &Redaction) -> Self {
        Self { redaction: redaction.clone(), sink }
    }
}

impl Sink for Screen<'_> {
    fn connection(&mut self, judged: Judged) -> io::Result<()> {
        self.sink.connection(judged)
    }

    fn event(&mut self, event: &Event<'_>) -> io::Result<()> {
        match event {
            Event::Entry(story, entry) => {
                let (story, entry) = self.redaction.stand_ins().passing(story, entry);
                self.sink.event(&Event::Entry(&story, &entry))
            }
            // The source's own account, and ties, have no names any more; why a log is unread is for whoever runs the command.
            Event::Idle(..)
            | Event::Tied(..)
            | Event::LogUnread(_)
            | Event::Silence(..)
            | Event::Known(_)
            | Event::Packet(_)
            | Event::Frame(_)
            | Event::Progress(..) => self.sink.event(event),
        }
    }

    fn needs(&self) -> Needs {
        self.sink.needs()
    }
}

impl StandIns {
    /// A packet, and what is known of its connection; of its other packets nothing.
    fn passing(&mut self, story: &Story, entry: &Entry) -> (Box<Story>, Entry) {
        let mut story = Box::new(story.without_packets());
        self.story(&mut story);
        let mut entry = entry.clone();
        self.entry(&mut entry);
        (story, entry)
    }
}
