//! What becomes of a connection that leaves: its story is judged, counted and told.

pub(super) mod chains;
pub(super) mod worker;

use std::io;

use super::summary::Tally;
use super::{Judged, Settings, Sink};
use crate::story::Story;
use crate::{finding, verdict};
use chains::Examiner;

/// Judges stories and counts the verdicts.
pub(super) struct Judging<'s> {
    settings: &'s Settings,
    examiner: Examiner,
    tally: Tally,
}

impl<'s> Judging<'s> {
    pub(super) fn new(settings: &'s Settings) -> Self {
        Self { settings, examiner: Examiner::new(&settings.certificates), tally: Tally::default() }
    }

    /// Judges a story that has ended, and tells the sink.
    pub(super) fn end(&mut self, story: Box<Story>, sink: &mut dyn Sink) -> io::Result<()> {
        let judged = self.judged(story, sink.reads_findings());
        self.tally.count(&judged);
        sink.connection(judged)
    }

    /// The verdict on a story and what else is worth knowing.
    pub(super) fn judged(&mut self, mut story: Box<Story>, has_findings: bool) -> Judged {
        if let Some(insight) = self.settings.insights.iter().find(|insight| insight.is_about(&story)) {
            story.take_insight(insight);
        }
        story.tls.examination = self.examiner.examine(&story);
        let verdict = verdict::judge(&story, &self.settings.judging);
        let findings = if has_findings { finding::find(&story) } else { Vec::new() };
        Judged { story, verdict, findings }
    }

    /// How many stories ended, and how.
    pub(super) fn into_tally(self) -> Tally {
        self.tally
    }
}
