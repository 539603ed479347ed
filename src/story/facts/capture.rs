//! What the capture itself lacks.

use std::num::NonZeroU32;

use crate::packet::Viewpoint;
use crate::time::{Clock, Elapsed, Timestamp};

/// What the capture itself lacks, as far as it matters for one connection.
#[expect(clippy::struct_excessive_bools, reason = "facts that have nothing to do with each other")]
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct CaptureFacts {
    /// The capture's last packet of any kind.
    pub end: Timestamp,
    /// Where the capture's clock stepped first between the connection's first packet and its last.
    pub clock_step: Option<ClockStep>,
    /// What its times count from.
    pub clock: Clock,
    /// Digits after the second that its times have.
    pub digits: u8,
    /// Packets dropped by the capturing side.
    pub dropped: Option<u64>,
    /// Until when some of them may have been dropped, where that is known.
    pub dropped_until: Option<Timestamp>,
    /// How many packets of each connection it holds at most, where many of them show that it holds only the first ones.
    pub packets_each: Option<u32>,
    /// Whether the capture lost packets of several other connections about the time of the connection's last packet, as acknowledgements
    /// of bytes that it lacks prove.
    pub lost_others: bool,
    /// How long the capture as a whole was interrupted right after the connection's last packet, in seconds.
    pub interrupted: Option<NonZeroU32>,
    /// Whether it is text, without payload.
    pub is_text: bool,
    /// Which of the captures that a text holds it is, counted from 1.
    pub part: Option<u32>,
    /// From where the packets were seen.
    pub viewpoint: Viewpoint,
    /// Whether the connection is this program's own, whose client needs no guessing.
    pub is_own: bool,
    /// Whether acknowledgements do not show, so that one that is missing means nothing.
    pub acks_unobservable: bool,
}

impl CaptureFacts {
    /// How long the capture as a whole was interrupted right after the connection's last packet.
    pub fn interruption(&self) -> Option<Elapsed> {
        self.interrupted.map(|seconds| Elapsed::from_millis(i64::from(seconds.get()) * 1_000))
    }
}

/// A place where the capture's clock stepped.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ClockStep {
    /// The first packet after it.
    pub number: u64,
    /// How far that packet's time is from the one before; below zero where the clock went back.
    pub by: Elapsed,
}
