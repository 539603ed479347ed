//! What the tests of tools share: their packets from text.

use super::packet::ToolPacket;
use super::tool::Tool;

/// The packets that `text` shows, line by line, and the tool as it is then.
pub(super) fn gather<T: Tool + Default>(text: &str) -> (Vec<ToolPacket>, T) {
    let mut tool = T::default();
    let mut packets = Vec::new();
    for (number, text) in (1..).zip(text.lines()) {
        tool.take(number, text.trim());
        packets.extend(std::iter::from_fn(|| tool.next()));
    }
    tool.flush();
    packets.extend(std::iter::from_fn(|| tool.next()));
    (packets, tool)
}
