//! What a rule finds.

use schemars::JsonSchema;
use serde::Serialize;

use crate::limits;

/// How much a finding matters.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Weight {
    /// Good to know.
    Info,
    /// Look at it, too.
    Warning,
}

/// Something worth knowing, with the packets that show it.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, JsonSchema)]
pub struct Finding {
    /// Its name, as the file of its rule.
    pub code: &'static str,
    /// How much it matters.
    pub severity: Weight,
    /// What was found, in one or two sentences.
    pub text: String,
    /// The packets that show it, counted from 1.
    pub evidence: Vec<u64>,
}

/// `once`, `twice`, `3 times`.
pub(super) fn times(count: u64) -> String {
    match count {
        1 => "once".to_owned(),
        2 => "twice".to_owned(),
        count => format!("{count} times"),
    }
}

/// A finding with its evidence in order, each packet once, and cut to what one list may hold.
#[expect(
    clippy::unnecessary_wraps,
    reason = "it is the last expression of the rules, which may find nothing"
)]
pub(super) fn finding(
    code: &'static str,
    severity: Weight,
    text: String,
    evidence: impl IntoIterator<Item = u64>,
) -> Option<Finding> {
    let mut evidence: Vec<u64> = evidence.into_iter().collect();
    evidence.sort_unstable();
    evidence.dedup();
    evidence.truncate(limits::EVIDENCE);
    Some(Finding { code, severity, text, evidence })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn few_times_have_their_word() {
        assert_eq!([1, 2, 3].map(times), ["once", "twice", "3 times"]);
    }

    #[test]
    fn evidence_is_in_order_without_repeats_and_bounded() {
        let found = finding("a-code", Weight::Info, String::new(), [3, 1, 3].into_iter().chain(1..1_000));
        let evidence = found.expect("a finding").evidence;
        assert_eq!(evidence.len(), limits::EVIDENCE);
        assert!(evidence.is_sorted_by(|one, next| one < next));
    }
}
