//! The verdict on a story, and what else is worth knowing.

use std::mem;
use std::sync::PoisonError;

use super::chains::{Examined, SharedExaminer};
use crate::analysis::{Judged, Needs, Settings};
use crate::finding;
use crate::story::Story;
use crate::tcp::Role;
use crate::verdict;

/// Judges stories, one after the other.
pub(in crate::analysis) struct Judging<'s> {
    settings: &'s Settings,
    examiner: SharedExaminer,
    needs: Needs,
    /// Whether names stay for now: logs are compared with them.
    keeps_names: bool,
}

impl<'s> Judging<'s> {
    /// For a sink with these needs.
    pub(in crate::analysis) fn new(settings: &'s Settings, examiner: SharedExaminer, needs: Needs) -> Self {
        Self { settings, examiner, needs, keeps_names: false }
    }

    /// Counts packets, which pay for examinations.
    pub(in crate::analysis) fn earn(&mut self, packets: u64) {
        self.examiner.lock().unwrap_or_else(PoisonError::into_inner).earn(packets);
    }

    /// Keeps names, or replaces them from now on where that is asked for.
    pub(in crate::analysis) fn keep_names(&mut self, keeps_names: bool) {
        self.keeps_names = keeps_names;
    }

    /// Judges a story and keeps its names: logs are compared with them.
    pub(in crate::analysis) fn with_names(&mut self, story: Box<Story>) -> Judged {
        self.keeping(true, story)
    }

    /// Judges a story, with its names replaced where that is asked for.
    pub(in crate::analysis) fn without_names(&mut self, story: Box<Story>) -> Judged {
        self.keeping(false, story)
    }

    fn keeping(&mut self, keeps_names: bool, story: Box<Story>) -> Judged {
        let before = mem::replace(&mut self.keeps_names, keeps_names);
        let judged = self.judged(story);
        self.keeps_names = before;
        judged
    }

    /// Judges a story that has ended, or would end now.
    pub(in crate::analysis) fn judged(&mut self, mut story: Box<Story>) -> Judged {
        let knowledge = self.settings.knowledge.iter().find(|knowledge| knowledge.is_about(&story));
        if let Some(knowledge) = knowledge {
            story.apply_knowledge(knowledge);
        }
        if self.needs.examinations {
            let wanted = knowledge.and_then(|knowledge| knowledge.wanted.as_ref());
            let mut examiner = self.examiner.lock().unwrap_or_else(PoisonError::into_inner);
            let examined = examiner.examine(&story, wanted);
            drop(examiner);
            story.tls.is_examination_given_up = examined == Examined::GivenUp;
            story.tls.examination = examined.into();
        }
        if let Some(redaction) = self.settings.redaction.as_ref().filter(|_| !self.keeps_names) {
            redaction.stand_ins().story(&mut story);
        }
        // Rules speak of TLS's client and server.
        story.exchange_tls_roles();
        let verdict = verdict::judge(&story, &self.settings.judging);
        let findings = if self.needs.findings { finding::find(&story) } else { Vec::new() };
        story.exchange_tls_roles();
        let verdict = if story.tls_client == Role::Server { verdict.of_reversed_tls() } else { verdict };
        Judged { story, verdict, findings }
    }
}
