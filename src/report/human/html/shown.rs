//! Which connections a page shows in full.

use super::section::Shown;
use crate::analysis::{Group, GroupKey, Summary};
use crate::limits;
use crate::report::human::collection::Collection;
use crate::report::text::words::count;
use crate::report::{Detail, Style};
use crate::verdict::Severity;

/// The connections that are shown in full, each with its group where it represents one.
pub(super) fn of<'c>(
    collection: &'c Collection,
    summary: &'c Summary,
    groups: &[(&'c GroupKey, &'c Group)],
    style: &Style,
) -> Vec<Shown<'c>> {
    if style.detail != Detail::Examples || summary.connections <= 1 {
        let all = collection.connections.iter();
        return all.map(|judged| (judged, None)).collect();
    }
    let is_failure = |key: &GroupKey| matches!(key.severity, Severity::Critical | Severity::Warning);
    let has_failures = groups.iter().any(|(key, _)| is_failure(key));
    let groups = groups.iter().filter(|(key, _)| is_failure(key) || !has_failures);
    let shown = groups.filter_map(|group| Some((collection.example(group.0)?, Some(*group))));
    shown.take(limits::GROUPS).collect()
}

/// Which connections are not shown in full, and how to see one.
pub(super) fn others(
    collection: &Collection,
    summary: &Summary,
    (shown, all): (&[Shown<'_>], usize),
    style: &Style,
) -> Option<String> {
    if all > shown.len() {
        let further = count((all - shown.len()) as u64, "further connection");
        return Some(format!("There was no room for {further} in full: --connection N shows one."));
    }
    match style.detail {
        Detail::One(id) | Detail::Whole(id)
            if collection.connections.is_empty() && summary.connections > 0 =>
        {
            Some(format!("There is no connection {id}: they are numbered from 1 to {}.", summary.connections))
        }
        Detail::Examples if summary.connections > 1 && !shown.is_empty() => Some(
            "One connection of each kind is shown above; --connection N shows another one, --all every one."
                .to_owned(),
        ),
        Detail::All | Detail::One(_) | Detail::Whole(_) | Detail::Examples => None,
    }
}
