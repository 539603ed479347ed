//! What becomes of a connection that leaves: it is judged, counted and reported, on the thread that reads or on another.
//!
//! Which thread that is is chosen once, and nobody who submits a connection knows. The results come out in the order of the
//! submissions, so that they are the same, byte for byte.

mod chains;
mod here;
mod judging;
mod withheld;
mod worker;

use std::io;
use std::thread::Scope;

pub(super) use chains::{Chains, Examiner, SharedExaminer};
pub(super) use judging::Judging;

use super::summary::Tally;
use super::table::HalfOpen;
use super::{Cost, Event, Settings, Sink, Watching};
use crate::story::{CaptureFacts, Story};
use here::Here;
use withheld::Withheld;
use worker::{WhenCrowded, Worker};

/// Takes connections that left, and everything else that the sink is to get.
pub(super) trait Judge {
    /// Has a connection judged, counted and reported. Connections are reported in the order in which they are submitted.
    ///
    /// # Errors
    /// When output can't be written, be it of this connection or of one before it.
    fn submit(&mut self, left: Left, why: Why) -> io::Result<()>;

    /// Hands an event to the sink.
    ///
    /// # Errors
    /// When output can't be written.
    fn event(&mut self, event: &Event<'_>) -> io::Result<()>;

    /// Waits until all submitted connections are judged, and returns their count.
    ///
    /// # Errors
    /// When output can't be written. This is the cause where a submission failed before.
    fn finish(self: Box<Self>) -> io::Result<Tally>;
}

/// A connection that left.
pub(super) enum Left {
    /// Its story, to its end.
    Story(Box<Story>),
    /// A connection of which only the SYN was seen, and what the capture lacks for it. Its story is made where it is judged:
    /// that is most of the work on a scan.
    HalfOpen(HalfOpen, CaptureFacts),
}

/// Why a connection left.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Why {
    /// Nothing more is to come of it.
    Over,
    /// Too many are followed.
    Evicted,
}

/// Chooses where connections are judged that leave.
///
/// Another thread pays from the start for a sink that takes much time for each connection. Else it pays where connections have
/// to make room: judging and reporting those that are not over is most of the work then, and there is little memory to hand
/// over. Where timelines are kept none is begun: what waits for the thread would hold more than the bounds on memory allow.
pub(super) fn choose<'scope, 'env>(
    scope: &'scope Scope<'scope, 'env>,
    settings: &'env Settings,
    examiner: SharedExaminer,
    sink: &'env mut dyn Sink,
) -> Box<dyn Judge + 'scope> {
    let needs = sink.needs();
    let here = Box::new(Here::new(settings, examiner, sink));
    if let Some(input) = &settings.logs {
        return Box::new(Withheld::new(here, input));
    }
    let is_alone = !needs.packets && settings.watching == Watching::Never && !settings.keeps_timeline;
    match needs.per_connection {
        _ if !(settings.judges_apart && is_alone) => here,
        Cost::Low => Box::new(WhenCrowded::new(scope, here)),
        Cost::High => match Worker::begin(scope, here) {
            Ok(worker) => Box::new(worker),
            Err(here) => here,
        },
    }
}
