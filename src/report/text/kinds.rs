//! Connections by what became of them, whichever server they went to.

use std::cmp::Reverse;
use std::collections::BTreeSet;

use crate::analysis::Summary;
use crate::packet::Host;
use crate::verdict::Severity;

/// Connections with one code and cause, to any server.
pub(in crate::report) struct Kind {
    /// The code and its cause.
    pub(in crate::report) title: String,
    /// How many there are.
    pub(in crate::report) count: u64,
    /// The servers of those that belong to a group.
    pub(in crate::report) servers: BTreeSet<(Host, u16)>,
}

/// Those of a severity, the most first. Where there are more groups than are kept, the rest is known by code alone, and
/// "others" is what no code shows the severity of.
pub(in crate::report) fn of(summary: &Summary, severity: Severity) -> Vec<Kind> {
    let mut kinds: Vec<Kind> = Vec::new();
    let groups = summary.groups.worst_first();
    for (key, group) in &groups {
        if key.severity == severity {
            add(&mut kinds, &key.title(), group.count).insert(key.server);
        }
    }
    let all = summary.severities.get(&severity).copied().unwrap_or_default();
    let mut missing = all.saturating_sub(kinds.iter().map(|kind| kind.count).sum());
    for (code, count) in &summary.codes {
        let mut of_code = groups.iter().filter(|(key, _)| key.code == *code).peekable();
        let is_of_severity = of_code.peek().is_some_and(|(key, _)| key.severity == severity);
        let grouped: u64 = of_code.map(|(_, group)| group.count).sum();
        let rest = count.saturating_sub(grouped).min(missing);
        if is_of_severity && rest > 0 {
            add(&mut kinds, code.name(), rest);
            missing -= rest;
        }
    }
    kinds.sort_by_key(|kind| Reverse(kind.count));
    if missing > 0 {
        add(&mut kinds, "others", missing);
    }
    kinds
}

fn add<'k>(kinds: &'k mut Vec<Kind>, title: &str, count: u64) -> &'k mut BTreeSet<(Host, u16)> {
    let index = kinds.iter().position(|kind| kind.title == title).unwrap_or_else(|| {
        kinds.push(Kind { title: title.to_owned(), count: 0, servers: BTreeSet::new() });
        kinds.len() - 1
    });
    kinds[index].count += count;
    &mut kinds[index].servers
}
