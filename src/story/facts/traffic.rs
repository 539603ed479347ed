//! How many packets of which kind there were.

use super::Repeats;
use crate::tcp::PerRole;

/// The first of the packets that say little one by one; how many there are say the counters.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Remarkable {
    /// Keep-alive probes.
    pub keep_alives: Repeats,
    /// Announcements of a zero window.
    pub zero_windows: PerRole<Repeats>,
    /// Packets that the capture holds a second time.
    pub duplicates: Repeats,
    /// Acknowledgements of bytes of each side that the capture never saw.
    pub acked_unseen: PerRole<Repeats>,
}
