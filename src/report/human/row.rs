//! One row of what the screen shows of a connection's packets.

use crate::tcp::Role;
use crate::time::{Elapsed, Timestamp};

/// What one row shows.
#[derive(Clone, Debug)]
pub(super) struct Row {
    /// The packets, by their indices among the connection's items.
    pub items: Vec<usize>,
    /// How they are called.
    pub label: String,
    /// When the first was captured.
    pub at: Option<Timestamp>,
    /// When the last was captured.
    pub until: Option<Timestamp>,
    /// What the arrow's column shows.
    pub arrow: Arrow,
    /// What it means; each text begins a line.
    pub text: Vec<String>,
    /// Whether it shows the fault.
    pub is_fault: bool,
    /// Whether it is here for completeness only.
    pub is_dim: bool,
    /// What matters about it when rows are folded.
    pub kind: Kind,
}

/// What is drawn between client and server.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Arrow {
    /// A packet of a side, with its flags and length.
    From(Role, String),
    /// A packet of a side that did not arrive.
    Lost(Role, String),
    /// Somebody else's packet.
    Other(String),
    /// Several packets.
    Several(String),
    /// No packet, for this time, and what was awaited meanwhile.
    Gap(&'static str, Option<Elapsed>, Option<Awaited>),
}

/// What should have come in a silence.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Awaited {
    /// The side that should have sent it.
    pub from: Role,
    /// The packet that it was awaited after.
    pub since: Timestamp,
}

/// What matters about a row when rows are folded.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Kind {
    /// It stays.
    Key,
    /// A step of the TCP handshake.
    Opening,
    /// A bare acknowledgement.
    Ack,
    /// A FIN or RST without data.
    Closing,
    /// The same as an earlier packet, sent again.
    Repeat,
    /// Anything else.
    Data,
}
