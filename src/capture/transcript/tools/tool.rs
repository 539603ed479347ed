//! What the families of other tools have in common: they take lines, and return each packet once it is whole.

use std::fmt::Debug;

use super::packet::ToolPacket;
use crate::capture::transcript::family::{Common, Family};
use crate::capture::transcript::front;

/// The text of a tool, gathered into packets.
pub trait Tool: Debug {
    /// What reports call the text.
    const FORMAT: &'static str;

    /// Whether `text` certainly begins a packet of this tool, or names the tool.
    fn begins(text: &str) -> bool;

    /// Takes line number `line`, and returns whether it is certainly of this tool.
    fn take(&mut self, line: u64, text: &str) -> bool;

    /// Takes a line that no family recognises, and that follows one of this tool.
    fn take_rest(&mut self, _text: &str, _begins_with_space: bool) {}

    /// No further line comes for a while.
    fn flush(&mut self);

    /// The next packet that is whole.
    fn next(&mut self) -> Option<ToolPacket>;

    /// What could not be read, in sentences.
    fn remarks(&self) -> Vec<String> {
        Vec::new()
    }
}

impl<T: Tool> Family for T {
    fn format(&self) -> &'static str {
        T::FORMAT
    }

    fn begins(text: &str) -> bool {
        <T as Tool>::begins(text)
    }

    fn offer(&mut self, line: &front::CleanLine, text: &str, common: &mut Common) -> bool {
        let is_own = self.take(line.number, text);
        hand_over(self, common);
        is_own
    }

    fn rest(&mut self, line: &front::CleanLine, text: &str, common: &mut Common) {
        self.take_rest(text, line.raw.first() == Some(&b' '));
        hand_over(self, common);
    }

    fn finish(&mut self, common: &mut Common) {
        self.flush();
        hand_over(self, common);
    }

    fn notes(&self) -> Vec<String> {
        self.remarks()
    }
}

fn hand_over(tool: &mut impl Tool, common: &mut Common) {
    while let Some(packet) = tool.next() {
        packet.hand_over(common);
    }
}
