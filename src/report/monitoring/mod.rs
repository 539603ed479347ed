//! What monitoring systems read.

mod blackbox;
pub mod nagios;
pub mod prometheus;
pub(super) mod targets;

use crate::probe::PhaseDurations;
use crate::time::Elapsed;

/// The parts of an attempt that there were, with how long they took.
pub(super) fn phases(spent: &PhaseDurations) -> impl Iterator<Item = (&'static str, Elapsed)> {
    let phases = [
        ("dns", spent.dns),
        ("connect", spent.connect),
        ("proxy", spent.proxy),
        ("tls", spent.tls),
        ("token", spent.token),
        ("page", spent.page),
    ];
    phases.into_iter().filter_map(|(phase, elapsed)| Some((phase, elapsed?)))
}
