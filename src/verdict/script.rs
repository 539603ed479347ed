//! What the tests of rules share: the verdict on a story written by hand, and on a conversation.

use super::{Actor, JudgementSettings, Verdict, judge};
use crate::story::Story;
use crate::story::script::talk::Talk;

impl Story {
    /// The verdict on it, with the settings that the command has by itself.
    pub(crate) fn verdict(&self) -> Verdict {
        judge(self, &JudgementSettings::default())
    }
}

impl Talk {
    /// The verdict on its story, where the capture continues for `more` milliseconds.
    pub(crate) fn verdict(&self, more: i64) -> Verdict {
        self.story(more).verdict()
    }

    /// The verdict's code.
    pub(crate) fn code(&self, more: i64) -> &'static str {
        self.verdict(more).code.name()
    }
}

impl Verdict {
    /// Its code, actor and cause.
    pub(crate) fn is(&self) -> (&str, Actor, Option<&str>) {
        (self.code.name(), self.actor, self.cause.as_deref())
    }

    /// Whether any of its sentences contains these words.
    pub(crate) fn mentions(&self, words: &str) -> bool {
        let mut texts = [&self.headline, &self.explanation].into_iter().chain(&self.client_reports);
        texts.any(|text| text.contains(words)) || self.advice.iter().any(|advice| advice.contains(words))
    }
}
