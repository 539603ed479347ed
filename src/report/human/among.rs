//! A connection with what its neighbours show: what the report on one connection takes over from its group.

use std::borrow::Cow;

use super::overview;
use crate::analysis::{Group, GroupKey, Judged, Summary};
use crate::report::Style;
use crate::report::text::clock;
use crate::report::text::neighbours::{self, Conclusion, Stance};

/// The connection as its neighbours show it, and what they add to its own explanation. It is the example of a `group`; without one it
/// is shown for itself.
pub(super) fn among<'j>(
    judged: &'j Judged,
    group: Option<(&GroupKey, &Group)>,
    summary: Option<&Summary>,
    style: &Style,
) -> (Cow<'j, Judged>, Option<String>) {
    let others = summary.and_then(|summary| match group {
        Some((key, group)) => overview::neighbours(summary, key, group, style),
        None if summary.connections > 1 => of_one(summary, judged, style),
        None => None,
    });
    let Some(others) = others else { return (Cow::Borrowed(judged), None) };
    let mut judged = judged.clone();
    let verdict = &mut judged.verdict;
    verdict.headline = neighbours::headline(Some(&others), &verdict.headline).into_owned().into();
    verdict.explanation = neighbours::explanation(Some(&others), &verdict.explanation).into_owned().into();
    let Conclusion { text, stance, advice, actor, .. } = others;
    if let Some(actor) = actor {
        // What to do was about another.
        verdict.actor = actor;
        verdict.change_advice(Vec::clear);
    }
    if let Some(advice) = advice {
        verdict.advise_first(advice.into_owned());
    }
    if stance == Stance::Replaces {
        verdict.explanation = text.into();
        return (Cow::Owned(judged), None);
    }
    (Cow::Owned(judged), Some(text))
}

/// What the neighbours of a connection show that is shown by itself, with times in the zone of the report.
fn of_one(summary: &Summary, judged: &Judged, style: &Style) -> Option<Conclusion> {
    let key = GroupKey::of(judged);
    let group = summary.groups.get(&key)?;
    let span = (summary.begin, summary.end);
    let time = |at| clock::time_within(at, span, summary.about.clock, &style.zone);
    neighbours::conclude_for_one(summary, &key, group, &time)
}
