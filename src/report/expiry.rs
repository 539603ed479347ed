//! When the first certificate ends.

#[cfg(feature = "command")]
use super::text::ends;
use crate::analysis::Judged;
use crate::cert::Date;
use crate::probe;
use crate::story::Story;
#[cfg(feature = "command")]
use crate::tcp::Role;

/// When a certificate ends.
#[derive(Clone, Debug)]
pub(super) struct Expiry {
    /// The last second at which it is valid.
    pub(super) at: Date,
    /// Days until then, as the client saw it; below zero when it had passed. Absent if the capture has no date.
    pub(super) days: Option<f64>,
    /// Whose it is, for people.
    #[cfg(feature = "command")]
    pub(super) server: String,
}

impl Expiry {
    /// The first of the server's certificates to end.
    pub(super) fn of(story: &Story) -> Option<Self> {
        let expiry = probe::Expiry::of(story)?;
        Some(Self {
            at: expiry.at,
            days: expiry.days,
            #[cfg(feature = "command")]
            server: ends::end(story, Role::Server),
        })
    }

    /// The first to end of all servers' certificates.
    pub(super) fn first(connections: &[Judged]) -> Option<Self> {
        connections.iter().map(|judged| Self::of(&judged.story)).fold(None, Self::earlier)
    }

    /// The earlier of two; of equal ones the first.
    pub(super) fn earlier(one: Option<Self>, other: Option<Self>) -> Option<Self> {
        match (one, other) {
            (Some(one), Some(other)) => Some(if other.at < one.at { other } else { one }),
            (one, other) => one.or(other),
        }
    }

    /// In words: what ends when, and whose it is.
    #[cfg(feature = "command")]
    pub(super) fn text(&self) -> String {
        let days = self.days.unwrap_or_default();
        let how = if days < 0.0 { "ended" } else { "ends" };
        let at = self.at.machine_readable();
        let date = at.split('T').next().unwrap_or(&at);
        format!("certificate {how} {date} ({days:.1} days), {}", self.server)
    }
}
