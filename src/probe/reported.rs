//! Connections that are taken out of those that are reported, and verdicts to which the user gives other severities.

use std::net::SocketAddr;

use super::states::States;
use crate::analysis::Judged;
use crate::story::Story;
use crate::verdict::Severity;

/// Whether a connection is that of this client's end.
pub(super) fn is_of(story: &Story, end: SocketAddr) -> bool {
    let client = story.parties.client;
    (client.host, client.port) == (end.ip().into(), end.port())
}

/// Takes the connections of these clients' ends out of those that are reported.
pub(super) fn taken(connections: &mut Vec<Judged>, ends: &[SocketAddr]) -> Vec<Judged> {
    let is_taken = |judged: &mut Judged| ends.iter().any(|end| is_of(&judged.story, *end));
    connections.extract_if(.., is_taken).collect()
}

/// Lets the connection of this client's end have the certificates that the server showed when it was asked what it would choose: their end
/// is what thresholds are about.
pub(super) fn certify(connections: &mut [Judged], refused: SocketAddr, offered: &[Judged]) {
    let shown = offered.iter().find_map(|judged| judged.story.tls.examination.clone());
    let own = connections.iter_mut().find(|judged| is_of(&judged.story, refused));
    if let Some(Judged { story, .. }) = own.filter(|own| own.story.tls.examination.is_none()) {
        story.tls.examination = shown;
    }
}

/// Gives verdicts the severities that the user gives their codes. Returns the severities before.
pub(super) fn mapped(connections: &mut [Judged], states: &States) -> Vec<Severity> {
    let map = |Judged { verdict, .. }: &mut Judged| {
        let own = verdict.severity;
        verdict.severity = states.severity(verdict.code.name()).unwrap_or(own);
        own
    };
    connections.iter_mut().map(map).collect()
}
