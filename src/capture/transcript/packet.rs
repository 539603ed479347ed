//! One printed packet, as every family of text returns it.

use std::collections::VecDeque;

use super::clock::Stamp;
use crate::packet::{Direction, Filtered, IcmpError, Neighbour, Other, SegmentHeader};
use crate::time::SECOND;

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

/// Whether the times of a sender's packets, as spans since the first packet, contradict its own clock: TCP's timestamps (RFC 7323) rise
/// from one packet to a later one, and these times do not. Then they are spans since the packet before.
pub fn contradicts_senders(packets: &VecDeque<PrintedPacket>) -> bool {
    /// Ticks that take a moment with any clock in use: 100 ms of Linux's.
    const A_MOMENT: u32 = 100;
    let sent = packets.iter().filter_map(|packet| {
        let (PrintedContent::Segment(header), Stamp::Time(time)) = (&packet.content, packet.stamp) else {
            return None;
        };
        let (value, _) = header.tcp.options.as_ref()?.timestamps()?;
        Some((header.ip.source, value, time))
    });
    let sent: Vec<_> = sent.collect();
    let is_near = |time: i64| time < 3600 * SECOND;
    sent.iter().all(|(.., time)| is_near(*time))
        && sent.iter().enumerate().any(|(index, (source, value, time))| {
            sent[..index].iter().any(|(earlier, before, earlier_time)| {
                let ticks = value.wrapping_sub(*before);
                earlier == source && (A_MOMENT..u32::MAX / 2).contains(&ticks) && time < earlier_time
            })
        })
}
