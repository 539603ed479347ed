//! Connections by what became of them, whichever server they went to.

use std::cmp::Reverse;
use std::collections::BTreeSet;

use crate::analysis::{Summary, title};
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

/// Those of a severity, the most first.
pub(in crate::report) fn of(summary: &Summary, severity: Severity) -> Vec<Kind> {
    let mut kinds = as_grouped(summary, severity);
    kinds.sort_by_key(|kind| Reverse(kind.count));
    kinds
}

/// Those of a severity, in the order of their groups, and after them those whose groups are not kept.
pub(in crate::report) fn as_grouped(summary: &Summary, severity: Severity) -> Vec<Kind> {
    let mut kinds: Vec<Kind> = Vec::new();
    let kind_of = |kinds: &mut Vec<Kind>, title: String| {
        kinds.iter().position(|kind| kind.title == title).unwrap_or_else(|| {
            kinds.push(Kind { title, count: 0, servers: BTreeSet::new() });
            kinds.len() - 1
        })
    };
    for (key, _) in summary.groups.worst_first() {
        if key.severity == severity {
            let index = kind_of(&mut kinds, key.title());
            kinds[index].servers.insert(key.server);
        }
    }
    for ((of, code, cause), count) in &summary.kinds {
        if *of == severity {
            let index = kind_of(&mut kinds, title(*code, cause.as_deref()));
            kinds[index].count += count;
        }
    }
    kinds
}
