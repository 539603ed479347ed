//! Equal failures, with what their neighbours show, in JSON.

use schemars::JsonSchema;
use serde::Serialize;

use super::connection::Socket;
use crate::analysis::{Group as Counted, GroupKey, Summary as Figures};
use crate::report::text::{clock, neighbours};
use crate::verdict::{Actor, Severity};

/// Connections to one server that failed with the same code, cause and actor.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[schemars(rename = "Group")]
pub struct GroupObject {
    /// The verdict's code.
    pub code: &'static str,
    /// The cause, where the evidence names one.
    pub cause: Option<String>,
    /// The side to examine.
    pub actor: Actor,
    /// What the code means for the exit status.
    pub severity: Severity,
    /// The server.
    pub server: Socket,
    /// How many connections.
    pub count: u64,
    /// From how many clients; at most 64 are counted.
    pub clients: usize,
    /// The first packet's time of the first of them, in the form of a connection's start.
    pub first: Option<String>,
    /// The first packet's time of the last of them.
    pub last: Option<String>,
    /// The `id` of the first of them.
    pub example: u64,
    /// What their neighbours show, the other connections of the server and of the clients; null where they show nothing.
    pub explanation: Option<String>,
    /// The packets that this rests on, counted from 1: the first ones of the first and of the last connection of the group, and
    /// the first and the last packet of its neighbours that show it.
    pub evidence: Vec<u64>,
}

impl GroupObject {
    /// The groups of failures and warnings, the worst first and the largest first among equals.
    pub(super) fn all(figures: &Figures) -> Vec<Self> {
        let groups = figures.groups.worst_first().into_iter();
        let is_failure = |severity| matches!(severity, Severity::Critical | Severity::Warning);
        groups
            .filter(|(key, _)| is_failure(key.severity))
            .map(|(key, group)| Self::of(figures, key, group))
            .collect()
    }

    fn of(figures: &Figures, key: &GroupKey, group: &Counted) -> Self {
        let about = &figures.about;
        let time = |at| clock::machine_readable(at, about.clock, about.digits);
        let conclusion = neighbours::conclude(figures, key, group, &time);
        let (explanation, mut evidence) = match conclusion {
            Some(conclusion) => {
                let ends = group.course.began.first.into_iter().chain(group.course.began.last);
                let own = ends.map(|moment| moment.number);
                (Some(conclusion.text), own.chain(conclusion.evidence).collect())
            }
            None => (None, Vec::new()),
        };
        evidence.sort_unstable();
        evidence.dedup();
        Self {
            code: key.code.name(),
            cause: key.cause.as_deref().map(str::to_owned),
            actor: key.actor,
            severity: key.severity,
            server: Socket::of(&figures.names, key.server.0, key.server.1),
            count: group.count,
            clients: group.clients.len(),
            first: time(group.first),
            last: time(group.last),
            example: group.example,
            explanation,
            evidence,
        }
    }
}
