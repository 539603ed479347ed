//! How many packets of which kind there were.

use super::{Moment, Repeats};
use crate::tcp::{Counters, PerRole, Role};

/// Packets counted, and the first of those that matter little one by one.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct TrafficFacts {
    /// Each side's packets.
    pub counters: PerRole<Counters>,
    /// Segments without data, SYN, FIN and RST, such as acknowledgements.
    pub bare: u64,
    /// Keep-alive probes.
    pub keep_alives: Repeats,
    /// The keep-alive probes of a side since the other side's last packet. Boxed, since few connections have any.
    pub unanswered_probes: Option<Box<UnansweredProbes>>,
    /// How many of them probe a window that the other side closed (RFC 9293, 3.8.6.1).
    pub window_probes: Repeats,
    /// Announcements of a zero window.
    pub zero_windows: PerRole<Repeats>,
    /// Packets that the capture holds a second time.
    pub duplicates: Repeats,
}

/// Keep-alive probes to which nothing came back.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct UnansweredProbes {
    /// Who probes.
    pub by: Role,
    /// The probes.
    pub probes: Repeats,
}

impl TrafficFacts {
    /// Records a keep-alive probe.
    pub(in crate::story) fn record_probe(&mut self, by: Role, moment: Moment) {
        let fresh = || Box::new(UnansweredProbes { by, probes: Repeats::default() });
        let unanswered = self.unanswered_probes.get_or_insert_with(fresh);
        unanswered.probes.add(moment);
    }

    /// A packet of `by` came: what the other side probed is answered.
    pub(in crate::story) fn record_sign_of(&mut self, by: Role) {
        if self.unanswered_probes.as_ref().is_some_and(|unanswered| unanswered.by != by) {
            self.unanswered_probes = None;
        }
    }
}
