//! What the tests of gathering share: a row, and what is read of lines.

use super::Gatherer;
use crate::capture::transcript::tools::packet::{ToolContent, ToolPacket, ToolSegment};
use crate::capture::transcript::tools::tool::Tool;

pub(super) fn read(text: &str) -> Vec<ToolPacket> {
    let mut gatherer = Gatherer::default();
    let mut packets = Vec::new();
    for (line, text) in (1..).zip(text.lines()) {
        if !gatherer.take(line, text.trim()) {
            gatherer.take_rest(text.trim(), text.starts_with(' '));
        }
        packets.extend(std::iter::from_fn(|| gatherer.next()));
    }
    gatherer.flush();
    packets.extend(std::iter::from_fn(|| gatherer.next()));
    packets
}

pub(super) fn segment(packet: &ToolPacket) -> &ToolSegment {
    let ToolContent::Segment(segment) = &packet.content else { panic!("a segment: {packet:?}") };
    segment
}

pub(super) const ROW: &str = "1 0.5 192.0.2.1 → 198.51.100.5 TCP 74 50000 → 443 [SYN] Seq=0 Win=64240 Len=0 MSS=1460 SACK_PERM TSval=5 \
                   TSecr=0 WS=128";
