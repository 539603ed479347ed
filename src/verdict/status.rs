//! The result of a run: the exit status, as monitoring plugins define it.

use std::cmp::Ordering;
use std::fmt;

use super::Severity;

/// The exit status of a command, by the numbers of the Monitoring Plugins' development guidelines.
///
/// The worst of several counts, in this order: critical, unknown for input that could not be read, warning, ok.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Status {
    /// Every judged connection is healthy.
    Ok = 0,
    /// A connection works, but look at it.
    Warning = 1,
    /// A connection failed.
    Critical = 2,
    /// There was nothing to judge, or something could not be read.
    Unknown = 3,
}

impl Status {
    /// The number that a process exits with.
    pub fn code(self) -> u8 {
        self as u8
    }

    /// The status of connections with these severities, where some input could not be read (`is_unread`). Connections that
    /// can't be judged count only where there is nothing else.
    pub fn of(severities: impl IntoIterator<Item = Severity>, is_unread: bool) -> Self {
        let judged = severities.into_iter().filter(|severity| *severity != Severity::Unknown).map(Self::from);
        judged.chain(is_unread.then_some(Self::Unknown)).max().unwrap_or(Self::Unknown)
    }

    /// Its name in small letters.
    pub fn name(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Warning => "warning",
            Self::Critical => "critical",
            Self::Unknown => "unknown",
        }
    }

    fn badness(self) -> u8 {
        match self {
            Self::Ok => 0,
            Self::Warning => 1,
            Self::Unknown => 2,
            Self::Critical => 3,
        }
    }
}

impl From<Severity> for Status {
    fn from(severity: Severity) -> Self {
        match severity {
            Severity::Ok => Self::Ok,
            Severity::Warning => Self::Warning,
            Severity::Critical => Self::Critical,
            Severity::Unknown => Self::Unknown,
        }
    }
}

impl Ord for Status {
    fn cmp(&self, other: &Self) -> Ordering {
        self.badness().cmp(&other.badness())
    }
}

impl PartialOrd for Status {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl fmt::Display for Status {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_worst_connection_counts_and_unread_input_is_worse_than_a_warning() {
        use Severity::{Critical, Ok, Unknown, Warning};
        for (severities, read, unread) in [
            (&[Ok, Warning, Critical, Unknown][..], 2, 2),
            (&[Ok, Warning, Unknown][..], 1, 3),
            (&[Unknown, Ok][..], 0, 3),
            (&[Unknown][..], 3, 3),
            (&[][..], 3, 3),
        ] {
            let code = |is_unread| Status::of(severities.iter().copied(), is_unread).code();
            assert_eq!((code(false), code(true)), (read, unread), "{severities:?}");
        }
    }
}
