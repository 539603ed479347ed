//! One failed connection, and what its file is to hold.

use super::RecorderSettings;
use crate::analysis::Judged;
use crate::packet::Host;
use crate::report::machine::json as report;
use crate::report::text::clock;
use crate::tcp::{Key, Role};
use crate::time::{Clock, Timestamp};
use crate::verdict::Code;

/// A failed connection whose file is written once enough has followed.
pub(super) struct Recording {
    /// When it is written.
    pub(super) due: Timestamp,
    /// How long the capture had lasted when the verdict was known.
    pub(super) until: Timestamp,
    /// The time from which packets of other connections are included.
    pub(super) from: Timestamp,
    /// The verdict's code.
    pub(super) code: Code,
    pub(super) key: Key,
    pub(super) ends: [Host; 2],
    /// The connection's first packet.
    pub(super) first: u64,
    pub(super) evidence: Vec<u64>,
    pub(super) comment: String,
    /// The end of the file's name.
    pub(super) name: String,
    /// Its JSON object, which takes less memory as text.
    pub(super) connection: String,
}

impl Recording {
    /// Creates the recording of this connection.
    pub(super) fn of(judged: &Judged, settings: &RecorderSettings) -> Self {
        let (story, verdict) = (&judged.story, &judged.verdict);
        let party = |role: Role| &story.parties[role];
        let (client, server) = (party(Role::Client), party(Role::Server));
        let comment = format!(
            "ssmscope: {} (critical), {} port {} to {} port {}: {}. {}",
            verdict.code,
            story.host(Role::Client),
            story.port(Role::Client),
            story.host(Role::Server),
            story.port(Role::Server),
            verdict.headline,
            verdict.explanation
        );
        let started = clock::machine_readable(story.first.at, Clock::Utc, 0).unwrap_or_default();
        let started: String = started.chars().filter(char::is_ascii_alphanumeric).collect();
        Self {
            due: story.capture.end.max(story.last.at) + settings.after,
            until: story.capture.end.max(story.last.at),
            from: Timestamp::from_nanos(story.first.at.nanos().saturating_sub(settings.before.nanos())),
            code: verdict.code,
            key: Key::between((client.host, client.port), (server.host, server.port)),
            ends: [client.host, server.host],
            first: story.first.number,
            evidence: verdict.evidence.clone(),
            comment,
            name: format!("{started}-{}-{}", client.port, verdict.code),
            connection: report::connection_value(judged).to_string(),
        }
    }

    /// Whether lookups and others' packets of this time belong into the file.
    pub(super) fn is_near(&self, at: Timestamp) -> bool {
        at >= self.from && at <= self.due
    }
}

#[cfg(test)]
impl Recording {
    /// Creates the recording of a connection of these sockets, whose first packet has this number, from one second to another.
    pub(super) fn by_hand(ends: [(Host, u16); 2], first: u64, evidence: &[u64], seconds: [i64; 2]) -> Self {
        let [from, due] = seconds.map(|seconds| Timestamp::from_parts(seconds, 0));
        Self {
            due,
            until: from,
            from,
            code: Code::Refused,
            key: Key::between(ends[0], ends[1]),
            ends: ends.map(|(host, _)| host),
            first,
            evidence: evidence.to_vec(),
            comment: String::new(),
            name: format!("{first}-refused"),
            connection: "{}".to_owned(),
        }
    }
}
