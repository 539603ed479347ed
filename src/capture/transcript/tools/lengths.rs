//! Payload lengths of segments whose lines show none, by the numbers of the lines that follow: where the sender continues, or
//! how far the other side acknowledges.

use std::collections::{HashMap, VecDeque};
use std::hash::BuildHasher;

use super::packet::{ToolContent, ToolPacket, ToolSegment};
use crate::limits::TRANSCRIPT_HELD_ROWS;
use crate::packet::{Flags, Seq};

/// Packets in the order of their lines, each given back once its length is known or nothing will show it.
#[derive(Debug, Default)]
pub struct Lengths {
    held: VecDeque<ToolPacket>,
    /// How many of them still wait.
    waiting: usize,
    /// How many were given back before the first of these.
    given_back: u64,
    /// Which of all of them are of a conversation, by its hash.
    of: HashMap<u64, VecDeque<u64>, foldhash::fast::FixedState>,
}

/// Most bytes that a segment is believed to have (RFC 791, 3.1).
const MOST_PAYLOAD: u32 = 1 << 16;

impl Lengths {
    /// Takes the next packet in.
    pub fn take(&mut self, packet: ToolPacket) {
        let is_open = is_open(&packet);
        if self.waiting == 0 && !is_open && self.held.is_empty() {
            // Nothing waits that it could show anything of, and it waits for nothing.
            self.held.push_back(packet);
            return;
        }
        let conversation = conversation(&packet);
        if self.waiting > 0 {
            self.settle(&packet, conversation);
        }
        self.waiting += usize::from(is_open);
        let number = self.given_back + self.held.len() as u64;
        self.of.entry(conversation).or_default().push_back(number);
        self.held.push_back(packet);
        if self.held.len() > TRANSCRIPT_HELD_ROWS {
            self.close_first();
        }
    }

    /// The next packet that is complete.
    pub fn next(&mut self) -> Option<ToolPacket> {
        self.held.front().filter(|packet| self.waiting == 0 || !is_open(packet))?;
        let packet = self.held.pop_front()?;
        if !self.of.is_empty() {
            let conversation = conversation(&packet);
            let numbers = self.of.get_mut(&conversation);
            let is_last = numbers.is_some_and(|numbers| {
                if numbers.front() == Some(&self.given_back) {
                    numbers.pop_front();
                }
                numbers.is_empty()
            });
            if is_last {
                self.of.remove(&conversation);
            }
        }
        self.given_back += 1;
        Some(packet)
    }

    /// No further packets come for now: those that wait are given back as they are.
    pub fn flush(&mut self) {
        self.waiting = 0;
    }

    fn close_first(&mut self) {
        if let Some(ToolPacket { content: ToolContent::Segment(segment), .. }) =
            self.held.iter_mut().find(|packet| is_open(packet))
        {
            segment.is_length_unknown = true;
            self.waiting -= 1;
        }
    }

    fn settle(&mut self, shown: &ToolPacket, conversation: u64) {
        let ToolContent::Segment(later) = &shown.content else { return };
        // From the latest on: what a later segment begins at is where the one before it ends.
        let mut own = Next { number: later.seq, end: None };
        let mut acked = Next { number: later.ack, end: None };
        for number in self.of.get(&conversation).into_iter().flatten().rev() {
            let index = usize::try_from(number - self.given_back).ok();
            let Some(packet) = index.and_then(|index| self.held.get_mut(index)) else { continue };
            let is_own = packet.hosts == shown.hosts;
            let is_peer = (&packet.hosts.0, &packet.hosts.1) == (&shown.hosts.1, &shown.hosts.0);
            let ToolContent::Segment(segment) = &mut packet.content else { continue };
            let Some(seq) = segment.seq else { continue };
            if is_own && segment.ports == later.ports {
                let end = own.before(seq, segment.flags);
                if is_open_segment(segment) && close(segment, seq, end) {
                    self.waiting -= 1;
                }
            } else if is_peer && reversed(segment) == later.ports {
                let end = acked.before(seq, segment.flags);
                if is_open_segment(segment) && close(segment, seq, end) {
                    self.waiting -= 1;
                }
            }
        }
    }
}

/// The number that comes next after the segments of one side, which are examined from the latest on.
struct Next {
    number: Option<u32>,
    /// Where the segment of that number ends.
    end: Option<u32>,
}

impl Next {
    /// Where a segment of this number ends; data that was sent again ends where its repetition does.
    fn before(&mut self, seq: u32, flags: Option<Flags>) -> Option<u32> {
        if self.number != Some(seq) {
            self.end = self.number.replace(seq);
            return self.end;
        }
        self.end.filter(|_| flags.is_some_and(|flags| flags.0 & Flags::PSH != 0))
    }
}

/// The hash of a packet's two ends, whichever of them sends.
fn conversation(packet: &ToolPacket) -> u64 {
    let ToolContent::Segment(ToolSegment { ports: Some((source, destination)), .. }) = &packet.content else {
        return 0;
    };
    let state = foldhash::fast::FixedState::default();
    let [one, other] =
        [(&packet.hosts.0, source), (&packet.hosts.1, destination)].map(|end| state.hash_one(end));
    one.wrapping_add(other)
}

/// Closes a segment that ends at `end`; `false` if the number can't be its end.
fn close(segment: &mut ToolSegment, seq: u32, end: Option<u32>) -> bool {
    let fin = u32::from(segment.flags.is_some_and(Flags::fin));
    let len = end.filter(|end| Seq(*end).is_after(Seq(seq))).map(|end| end.wrapping_sub(seq));
    let len = len.filter(|len| *len <= MOST_PAYLOAD).map(|len| len.saturating_sub(fin));
    segment.payload_len = len;
    len.is_some()
}

fn reversed(segment: &ToolSegment) -> Option<(String, String)> {
    segment.ports.clone().map(|(source, destination)| (destination, source))
}

fn is_open(packet: &ToolPacket) -> bool {
    matches!(&packet.content, ToolContent::Segment(segment) if is_open_segment(segment))
}

/// Whether a segment's length is not known and its number is, so that others can show it. With PSH it has payload.
fn is_open_segment(segment: &ToolSegment) -> bool {
    let may_have_payload = segment.flags.is_some_and(|flags| flags.0 & (Flags::SYN | Flags::RST) == 0);
    may_have_payload && segment.payload_len.is_none() && segment.seq.is_some() && !segment.is_length_unknown
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn packet(is_client: bool, flags: u8, seq: Option<u32>, ack: Option<u32>) -> ToolPacket {
        let (mut hosts, mut ports) = (("a".to_owned(), "b".to_owned()), ("1".to_owned(), "2".to_owned()));
        if !is_client {
            (hosts, ports) = ((hosts.1, hosts.0), (ports.1, ports.0));
        }
        let segment =
            ToolSegment { ports: Some(ports), flags: Some(Flags(flags)), seq, ack, ..ToolSegment::default() };
        ToolPacket { hosts, content: ToolContent::Segment(segment), ..ToolPacket::default() }
    }

    fn lengths(packets: Vec<ToolPacket>) -> Vec<Option<u32>> {
        let count = packets.len();
        let mut lengths = Lengths::default();
        let mut done = Vec::new();
        for packet in packets {
            lengths.take(packet);
            done.extend(std::iter::from_fn(|| lengths.next()));
        }
        lengths.flush();
        done.extend(std::iter::from_fn(|| lengths.next()));
        assert_eq!(done.len(), count);
        let len = |packet: &ToolPacket| match &packet.content {
            ToolContent::Segment(segment) => segment.payload_len,
            _ => None,
        };
        done.iter().map(len).collect()
    }

    const PSH: u8 = Flags::PSH | Flags::ACK;
    const FIN: u8 = Flags::FIN | Flags::ACK;

    #[test]
    fn a_length_is_known_by_the_next_number_or_the_acknowledgement() {
        let packets = vec![
            packet(true, PSH, Some(100), Some(5)),
            packet(true, PSH, Some(300), Some(5)),
            packet(false, Flags::ACK, None, Some(350)),
            packet(false, PSH, Some(5), Some(350)),
            packet(false, FIN, Some(1005), Some(350)),
            packet(true, Flags::ACK, None, Some(1006)),
            packet(true, PSH, Some(350), Some(1006)),
        ];
        assert_eq!(lengths(packets), [Some(200), Some(50), None, Some(1000), Some(0), None, None]);
    }

    #[test]
    fn a_segment_is_as_long_as_its_repetition() {
        let packets = vec![
            packet(true, PSH, Some(100), Some(5)),
            packet(true, PSH, Some(100), Some(5)),
            packet(true, FIN, Some(617), Some(5)),
            packet(false, PSH, Some(5), Some(618)),
            packet(false, PSH, Some(5), Some(618)),
            packet(true, Flags::ACK, None, Some(12)),
        ];
        assert_eq!(lengths(packets), [Some(517), Some(517), Some(0), Some(7), Some(7), None]);
    }

    #[test]
    fn a_number_far_off_shows_nothing() {
        let packets = vec![
            packet(true, PSH, Some(100), Some(5)),
            packet(true, FIN, Some(3743), Some(5)),
            packet(false, PSH, Some(9), Some(u32::MAX)),
        ];
        assert_eq!(lengths(packets), [Some(3643), None, None]);
    }

    proptest! {
        #[test]
        fn any_packets_come_back_in_order(numbers: Vec<(bool, u8, Option<u16>, Option<u16>)>) {
            let packet = |(is_client, flags, seq, ack): &(bool, u8, Option<u16>, Option<u16>)| {
                packet(*is_client, *flags, seq.map(u32::from), ack.map(u32::from))
            };
            let _ = lengths(numbers.iter().map(packet).collect());
        }
    }
}
