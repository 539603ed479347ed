//! Judges, counts and reports connections as they end, in the order in which they are submitted.

mod chains;
mod following;
mod here;
mod judging;
mod withheld;

use std::io;
use std::sync::Arc;

pub(super) use chains::{Chains, Examiner, SharedExaminer};
pub(super) use judging::Judging;

use super::summary::Tally;
use super::table::HalfOpen;
use super::{Event, Judged, LogSource, Settings, Sink};
use crate::story::{CaptureFacts, Story};
use following::Following;
use here::Here;
use withheld::Withheld;

/// Takes connections that left, and everything else that the sink is to get.
pub(super) trait Judge: Send {
    /// Has a connection judged, counted and reported. Connections are reported in the order in which they are submitted.
    ///
    /// # Errors
    /// When output can't be written, of this connection or of one before it.
    fn submit(&mut self, left: Departed) -> io::Result<()>;

    /// Takes in what is known of a connection that has not left: after each burst of its packets, while they are watched.
    ///
    /// # Errors
    /// When output can't be written.
    fn stays(&mut self, _judged: Judged) -> io::Result<()> {
        Ok(())
    }

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
#[expect(
    clippy::large_enum_variant,
    reason = "a lone SYN in a box would be an allocation for each connection of a scan"
)]
pub(super) enum Departed {
    /// Its story, to its end.
    Story(Box<Story>),
    /// A connection of which only the SYN was seen, and what the capture lacks for it. Its story is made where it is judged:
    /// that is most of the work on a scan.
    HalfOpen(HalfOpen, CaptureFacts),
}

impl Departed {
    /// The number of its first packet.
    pub(super) fn first(&self) -> u64 {
        match self {
            Self::Story(story) => story.first.number,
            Self::HalfOpen(half_open, _) => half_open.number(),
        }
    }

    /// The same with the id that takes the place of its own.
    pub(super) fn numbered(mut self, id: impl FnOnce(u64) -> u64) -> Self {
        match &mut self {
            Self::Story(story) => story.id = id(story.id),
            Self::HalfOpen(half_open, _) => half_open.renumber(id(half_open.ordinal())),
        }
        self
    }
}

/// The judge of connections that go to `sink`.
pub(super) fn open<'env>(
    settings: &'env Settings,
    examiner: SharedExaminer,
    sink: &'env mut dyn Sink,
) -> Box<dyn Judge + 'env> {
    let here = Box::new(Here::new(settings, examiner, sink));
    match &settings.logs {
        Some(input) => match &input.source {
            LogSource::Followed(follower) => Box::new(Following::new(here, input, Arc::clone(follower))),
            LogSource::Files(_) | LogSource::Own(..) => Box::new(Withheld::new(here, input)),
        },
        None => here,
    }
}
