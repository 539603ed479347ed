//! The verdict on a story, and what else is worth knowing.

use super::chains::Examiner;
use crate::analysis::{Judged, Needs, Settings};
use crate::finding;
use crate::story::Story;
use crate::verdict;

/// Judges stories, one after the other, and remembers the certificates that it checked.
pub(in crate::analysis) struct Judging<'s> {
    settings: &'s Settings,
    examiner: Examiner,
    finds: bool,
}

impl<'s> Judging<'s> {
    /// For a sink with these needs.
    pub(in crate::analysis) fn new(settings: &'s Settings, needs: Needs) -> Self {
        Self { settings, examiner: Examiner::new(&settings.certificates), finds: needs.findings }
    }

    /// Judges a story that has ended, or would end now.
    pub(in crate::analysis) fn judged(&mut self, mut story: Box<Story>) -> Judged {
        if let Some(knowledge) = self.settings.knowledge.iter().find(|knowledge| knowledge.is_about(&story)) {
            story.apply_knowledge(knowledge);
        }
        story.tls.examination = self.examiner.examine(&story);
        let verdict = verdict::judge(&story, &self.settings.judging);
        let findings = if self.finds { finding::find(&story) } else { Vec::new() };
        Judged { story, verdict, findings }
    }
}
