//! What is printed, by who reads it: `human`, `machine`, `monitoring`, and `tcpdump` for its own lines; `text` holds what they
//! share. `open` is the one place that knows all forms.
//!
//! This room knows how a reader wants to see things, and escapes whatever came from the wire. It decides nothing: which
//! packets matter and what went wrong is known before anything arrives here.

#[cfg(feature = "command")]
mod digest;
mod expiry;
#[cfg(feature = "command")]
mod form;
#[cfg(feature = "command")]
#[doc(hidden)]
pub mod human;
#[doc(hidden)]
pub mod language;
pub mod machine;
#[doc(hidden)]
pub mod many;
#[cfg(feature = "command")]
#[doc(hidden)]
pub mod monitoring;
#[cfg(feature = "command")]
mod nothing;
#[cfg(feature = "command")]
mod open;
#[cfg(feature = "command")]
mod targets;
#[doc(hidden)]
pub mod tcpdump;
#[cfg(test)]
mod tests;
#[doc(hidden)]
pub mod text;
#[cfg(feature = "command")]
mod thresholds;
#[cfg(feature = "command")]
mod writer;

use jiff::tz::TimeZone;

#[cfg(feature = "command")]
#[doc(hidden)]
pub use digest::MonitoringDigest;
#[cfg(feature = "command")]
#[doc(hidden)]
pub use form::{Form, NoForm, Subject};
#[cfg(feature = "command")]
#[doc(hidden)]
pub use human::Collection;
#[cfg(feature = "command")]
#[doc(hidden)]
pub use human::grid;
#[cfg(feature = "command")]
#[doc(hidden)]
pub use open::{Occasion, decisions, heading, open, open_many, open_targets, page};
#[cfg(feature = "command")]
#[doc(hidden)]
pub use targets::{TargetTotals, Targets};
pub use text::Origins;
#[cfg(feature = "command")]
#[doc(hidden)]
pub use thresholds::Thresholds;
#[cfg(feature = "command")]
#[doc(hidden)]
pub use writer::{CheckResult, End, Out, Provenance, Report};

use crate::analysis::Summary;
use crate::limits;
use crate::packet::Host;

/// How the reports for people are written. Colour is in them always; the writer takes it out where it is not wanted.
#[derive(Clone, Debug)]
pub struct Style {
    /// The zone in which times are shown, the system's as a rule.
    pub zone: TimeZone,
    /// How much is printed of packets: 1 adds tcpdump's line to each, 2 or more what `tcpdump -vv` prints.
    pub verbosity: u8,
    /// Which connections are shown in full.
    pub detail: Detail,
    /// Whether ASCII is all that may be printed.
    pub is_ascii: bool,
    /// Whether arrows and marks are those of ASCII, since terminals may draw the others two columns wide (UAX #11).
    pub is_east_asian: bool,
    /// The language in which a line is added to each verdict.
    pub language: Option<language::Language>,
    /// In which order a table lists connections.
    pub sort: Sort,
    /// Columns that lines may take: the terminal's, or 100.
    pub columns: u16,
}

/// Which connections are shown in full, with all of their packets that matter.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub enum Detail {
    /// One of each kind of failure, or the only one that there is.
    #[default]
    Examples,
    /// Every one, and none of their packets is folded.
    All,
    /// The one with this number.
    One(u64),
    /// The same, and none of its packets is folded.
    Whole(u64),
}

/// In which order a table lists connections.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Sort {
    /// The worst first; alike ones in the order in which they began.
    #[default]
    Worst,
    /// In the order in which they began.
    Start,
}

impl Sort {
    /// All of them.
    pub const ALL: [Self; 2] = [Self::Worst, Self::Start];

    /// Its name on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::Worst => "worst",
            Self::Start => "start",
        }
    }
}

/// Addresses that were looked for and never answered, with how often.
fn unanswered(summary: &Summary) -> impl Iterator<Item = (Host, u64)> + '_ {
    let searches = summary.neighbours.iter().filter(|(_, search)| search.asked > 0 && search.answered == 0);
    searches.map(|(address, search)| (*address, search.asked))
}

/// What a bound of the analysis affected, and how often; empty as a rule.
fn bounds_reached(summary: &Summary, origins: &Origins) -> Vec<(&'static str, u64)> {
    [
        ("connections judged before the capture's end because too many were open", summary.evicted),
        ("connections to servers that are not listed one by one", summary.connections_to_others),
        (
            "times that bytes were read without missing ones before them because too many waited",
            summary.holes_given_up,
        ),
        (
            "connections whose timelines are not whole because too many packets were kept",
            summary.timelines_given_up,
        ),
        ("certificate messages not looked at because too many were kept", summary.chains_given_up),
        (
            "connections whose certificates were not checked because too many chains differ",
            summary.examinations_given_up,
        ),
        ("handshake messages not read to their end because too many were kept", summary.messages_given_up),
        ("packets of kinds that are not counted one by one", summary.further_others),
        (
            "searches for addresses that are not counted because too many were looked for",
            summary.further_neighbours,
        ),
        (
            "stand-ins that several names or addresses share because too many were replaced",
            summary.shared_stand_ins,
        ),
        (
            "names that are not followed to an answer because too many were asked for",
            summary.lookups.given_up(),
        ),
        (
            "steps of the capture's clock that are not remembered one by one",
            summary.clock_steps.saturating_sub(limits::CLOCK_STEPS as u64),
        ),
        ("fragmented datagrams given up", summary.fragments_given_up),
        ("packets whose file is not reported because the files alternate too often", origins.unkept()),
    ]
    .into_iter()
    .filter(|(_, count)| *count > 0)
    .collect()
}
