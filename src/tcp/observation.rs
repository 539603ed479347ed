//! What a segment was, as far as both ends' earlier segments show it.

use super::Role;
use crate::packet::{Flags, OpeningOptions};
use crate::time::Elapsed;

/// What a segment was.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum SegmentKind {
    /// Something new, or a plain acknowledgement.
    Ordinary,
    /// Sent before; the earlier packet's number where it was captured.
    Retransmission {
        /// The packet that carried it first.
        of: Option<u64>,
    },
    /// Arrived after later segments without having been seen before.
    OutOfOrder,
    /// The same packet in the capture twice.
    DuplicateCapture {
        /// The packet it is a copy of.
        of: u64,
    },
    /// A keep-alive probe (RFC 9293, 3.8.4).
    KeepAlive,
    /// An acknowledgement that repeats the one before it (RFC 5681, 2).
    DuplicateAck,
    /// Only the receive window changed.
    WindowUpdate,
    /// Belongs to an older connection between the same ports.
    PreviousConnection,
}

/// A step of the opening handshake.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum HandshakeStep {
    /// The client's SYN, first or repeated.
    Syn,
    /// The server's SYN-ACK, first or repeated.
    SynAck,
    /// The acknowledgement that completes the opening.
    Ack,
}

/// How a RST fits the receiver's state (RFC 5961, 3.2).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ResetFit {
    /// Exactly at the next expected sequence number, or acknowledging the SYN: it takes effect.
    Exact,
    /// Within the window: a current stack answers with a challenge ACK.
    InWindow,
    /// Outside the window: ignored by the receiver.
    Outside,
}

/// What one segment did to the connection.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Observation {
    /// Who sent it.
    pub role: Role,
    /// What it was.
    pub kind: SegmentKind,
    /// Its flags; none where the text prints none.
    pub flags: Flags,
    /// What it offers, if it is a SYN whose options were seen.
    pub offer: Option<OpeningOptions>,
    /// Payload bytes never seen before.
    pub new_bytes: u32,
    /// Bytes of the other end that it is the first to acknowledge, SYN and FIN included.
    pub newly_acked: u32,
    /// Those of them that the capture never saw; for a RST, bytes beyond what the capture saw that it acknowledges.
    pub acked_unseen: u32,
    /// The round trip that it completes, seen from the capture's place.
    pub round_trip: Option<Elapsed>,
    /// The step of the opening handshake that it takes.
    pub step: Option<HandshakeStep>,
    /// Whether it is this end's first FIN.
    pub is_first_fin: bool,
    /// How it fits, if it is a RST.
    pub reset: Option<ResetFit>,
    /// Whether it announces a window of zero.
    pub is_zero_window: bool,
    /// Bytes of the sender missing right before it, which may yet come.
    pub gap: u32,
    /// Those of them that were not acknowledged either.
    pub open_gap: u32,
    /// Bytes before a FIN or RST that its sender was neither seen to send nor acknowledged to have sent.
    pub ahead: u32,
    /// The same before a bare acknowledgement, which takes no sequence number and carries the next one (RFC 9293, 3.4).
    pub ahead_of_bare_ack: u32,
}

impl Observation {
    /// What a segment is before anything is known of it.
    pub(super) fn ordinary(role: Role, flags: Flags, offer: Option<OpeningOptions>) -> Self {
        Self {
            role,
            kind: SegmentKind::Ordinary,
            flags,
            offer,
            new_bytes: 0,
            newly_acked: 0,
            acked_unseen: 0,
            round_trip: None,
            step: None,
            is_first_fin: false,
            reset: None,
            is_zero_window: false,
            gap: 0,
            open_gap: 0,
            ahead: 0,
            ahead_of_bare_ack: 0,
        }
    }
}
