//! A summary's counts, where connections are taken out or their verdicts change after they were counted.

use std::net::SocketAddr;

use super::states::States;
use crate::analysis::{Groups, Judged, Summary};
use crate::story::Story;
use crate::verdict::{Code, Severity};

/// Whether a connection is that of this client's end.
pub(super) fn is_of(story: &Story, end: SocketAddr) -> bool {
    let client = story.parties.client;
    (client.host, client.port) == (end.ip().into(), end.port())
}

/// Takes the connections of these clients' ends out of those that are reported.
pub(super) fn taken(
    connections: &mut Vec<Judged>,
    ends: &[SocketAddr],
    summary: &mut Summary,
) -> Vec<Judged> {
    let taken: Vec<_> =
        connections.extract_if(.., |judged| ends.iter().any(|end| is_of(&judged.story, *end))).collect();
    for judged in &taken {
        summary.connections = summary.connections.saturating_sub(1);
        uncount(summary, judged.verdict.code, judged.verdict.severity);
    }
    taken
}

/// Gives verdicts the severities that the user gives their codes, and counts the connections anew. Returns the severities
/// before.
pub(super) fn mapped(connections: &mut [Judged], states: &States, summary: &mut Summary) -> Vec<Severity> {
    let unmapped = connections.iter().map(|judged| judged.verdict.severity).collect();
    for Judged { verdict, .. } in connections.iter_mut() {
        let before = (verdict.code, verdict.severity);
        verdict.severity = states.severity(verdict.code.name()).unwrap_or(verdict.severity);
        recount(summary, before, (verdict.code, verdict.severity));
    }
    summary.groups = Groups::default();
    for judged in connections.iter() {
        summary.groups.add(judged);
    }
    unmapped
}

/// Counts a connection under the code that it has now.
pub(super) fn recount(summary: &mut Summary, before: (Code, Severity), now: (Code, Severity)) {
    if before == now {
        return;
    }
    uncount(summary, before.0, before.1);
    *summary.codes.entry(now.0).or_default() += 1;
    *summary.severities.entry(now.1).or_default() += 1;
}

/// Forgets a verdict.
fn uncount(summary: &mut Summary, code: Code, severity: Severity) {
    if let Some(count) = summary.codes.get_mut(&code) {
        *count = count.saturating_sub(1);
    }
    if let Some(count) = summary.severities.get_mut(&severity) {
        *count = count.saturating_sub(1);
    }
    summary.codes.retain(|_, count| *count > 0);
    summary.severities.retain(|_, count| *count > 0);
}
