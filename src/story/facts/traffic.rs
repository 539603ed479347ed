//! How many packets of which kind there were.

use super::Repeats;
use crate::tcp::{Counters, PerRole};

/// Packets counted, and the first of those that matter little one by one.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct TrafficFacts {
    /// Each side's packets.
    pub counters: PerRole<Counters>,
    /// Keep-alive probes.
    pub keep_alives: Repeats,
    /// Each side's keep-alive probes since the other side's last packet.
    pub unanswered_probes: PerRole<Repeats>,
    /// How many of them probe a window that the other side closed (RFC 9293, 3.8.6.1).
    pub window_probes: Repeats,
    /// Announcements of a zero window.
    pub zero_windows: PerRole<Repeats>,
    /// Packets that the capture holds a second time.
    pub duplicates: Repeats,
}
