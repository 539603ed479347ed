//! What the tests of rules share: one finding about a story written by hand, or about a conversation.

use super::{Finding, Weight, find};
use crate::story::Story;
use crate::story::script::talk::Talk;

impl Story {
    /// The finding with this code.
    pub(super) fn finding(&self, code: &str) -> Option<Finding> {
        find(self).into_iter().find(|finding| finding.code == code)
    }
}

impl Talk {
    /// The finding with this code, where the capture continues for some seconds.
    pub(crate) fn finding(&self, code: &str) -> Option<Finding> {
        self.story(4_000).finding(code)
    }

    /// Its weight.
    pub(super) fn weight_of(&self, code: &str) -> Option<Weight> {
        self.finding(code).map(|finding| finding.severity)
    }
}

impl Finding {
    /// Its weight and evidence.
    pub(super) fn is(&self) -> (Weight, &[u64]) {
        (self.severity, &self.evidence)
    }
}
