//! One printed packet, as every family of text returns it.

use super::clock::Stamp;
use crate::packet::{Direction, Filtered, IcmpError, Neighbour, Other, SegmentHeader};

/// A packet that has been read.
#[derive(Clone, Debug)]
pub struct PrintedPacket {
    pub stamp: Stamp,
    /// Digits after the second of its time.
    pub digits: u8,
    pub content: PrintedContent,
    pub direction: Option<Direction>,
    /// What a firewall did with it, where the text says so.
    pub filtered: Option<Filtered>,
    pub wire_len: Option<u32>,
    pub is_cut: bool,
    /// Whether another capture begins with it.
    pub begins_capture: bool,
    /// The payload as text.
    pub printed: Vec<u8>,
    /// What the tool decoded of it, where that is not its text: [`crate::packet::Segment::decoded`].
    pub decoded: String,
    /// The payload's bytes, where a hex dump shows them and is not read as a frame.
    pub payload: Vec<u8>,
    /// The frame that a hex dump below it shows. Its bytes count then, not the words.
    pub dump: Option<DumpedFrame>,
}

/// A frame from a hex dump.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DumpedFrame {
    pub link_type: u32,
    pub wire_len: u32,
    pub bytes: Vec<u8>,
}

/// [`crate::packet::Content`] without borrowed bytes.
#[derive(Clone, Debug)]
pub enum PrintedContent {
    Segment(SegmentHeader),
    IcmpError(Box<IcmpError<'static>>),
    Neighbour(Neighbour),
    Other(Other),
}
