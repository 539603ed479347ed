//! What the capture itself lacks.

use std::num::NonZeroU32;

use crate::packet::Viewpoint;
use crate::time::{Clock, Elapsed, Timestamp};

/// What the capture itself lacks, as far as it matters for one connection.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
#[expect(clippy::struct_excessive_bools, reason = "each is a fact of its own, in any combination")]
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
    /// The first packet after the connection's first one that is an ICMP error of a text, without the packet that it quotes: it may be
    /// about this connection.
    pub unquoted_icmp_error: Option<u64>,
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
    /// Whether it holds the beginnings of connections alone.
    pub holds: Holds,
    /// Where the text that it is has packet lines that could not be read.
    pub unread: UnreadLines,
}

/// Which packets of TCP a capture holds, as a filter on flags leaves them.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Holds {
    /// Others than SYNs and SYN-ACKs.
    #[default]
    Others,
    /// SYNs and SYN-ACKs alone.
    Openings,
    /// It is text, and holds SYNs alone, besides ICMP errors about them.
    SynsOfText,
}

/// Where a text has packet lines that could not be read, as far as it concerns one connection.
///
/// There is one for each half-open connection, so all of it is one number: the packet before the last of those lines that are between the
/// connection's first packet and its last one, 0 if there are none, and in the highest bit whether there are some after its last packet.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct UnreadLines(u32);

impl UnreadLines {
    const AFTER: u32 = 1 << 31;

    /// Creates the record of the lines after these packets, for a connection from packet `first` to packet `last`.
    pub fn between(lines: impl Iterator<Item = u64>, first: u64, last: u64) -> Self {
        Self(lines.fold(0, |found, place| {
            if place >= last {
                found | Self::AFTER
            } else if place >= first {
                let place = u32::try_from(place).unwrap_or(u32::MAX).min(Self::AFTER - 1);
                found & Self::AFTER | place.max(found & !Self::AFTER)
            } else {
                found
            }
        }))
    }

    /// The packet before the last of those lines that are between the connection's first packet and its last one.
    pub fn last_within(self) -> Option<u64> {
        Some(self.0 & !Self::AFTER).filter(|place| *place > 0).map(u64::from)
    }

    /// Whether there are some after the connection's last packet.
    pub fn is_after(self) -> bool {
        self.0 & Self::AFTER != 0
    }
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
    /// How far that packet's time is from the one before; below zero if the clock went back.
    pub by: Elapsed,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_within_a_connection_or_after_it() {
        let of = |places: &[u64]| {
            let lines = UnreadLines::between(places.iter().copied(), 3, 9);
            (lines.last_within(), lines.is_after())
        };
        assert_eq!(of(&[0, 2]), (None, false));
        assert_eq!(of(&[5, 4, 2]), (Some(5), false));
        assert_eq!(of(&[9]), (None, true));
        assert_eq!(of(&[12, 3, 9]), (Some(3), true));
        assert_eq!(
            UnreadLines::between([1 << 40].into_iter(), 3, 1 << 41).last_within(),
            Some((1 << 31) - 1)
        );
    }
}
