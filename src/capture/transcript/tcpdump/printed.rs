//! What a TCP line shows, in any of its syntaxes.

use super::options::Options;
use super::suffix::Suffix;
use crate::capture::transcript::numbering::PrintedNumbers;
use crate::capture::transcript::scan::Scan;
use crate::packet::{Checksum, Flags};

/// A TCP line as far as it goes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Printed<'a> {
    pub flags: Option<Flags>,
    /// The flags of a line that was cut before all of them are shown.
    pub cut_flags: Option<CutFlags>,
    pub checksum: Checksum,
    pub seq: Option<u32>,
    pub ack: Option<u32>,
    pub window: Option<u16>,
    pub urgent: Option<u16>,
    pub options: Option<Options>,
    pub payload_len: Option<u32>,
    /// The first digits of the number at which the payload ends, where the line was cut among them.
    pub cut_end: Option<&'a str>,
    /// What an old tcpdump prints of the IP header after the segment.
    pub suffix: Suffix,
    /// Whether the line goes as far as the grammar does; an old one may still be followed by more.
    pub is_complete: bool,
    /// Whether the line ends where it may continue: a terminal or a mail may have wrapped it.
    pub is_open: bool,
    /// Bytes of the line that were understood.
    pub understood: usize,
    /// Whether it is in the syntax before tcpdump 4.1.
    pub is_old: bool,
    /// What follows the length: the protocol that tcpdump decodes in the payload.
    pub application: Option<&'a str>,
    /// The text of a RST (RFC 9293, 3.5.3), as far as it is printed.
    pub reset_text: Option<&'a str>,
}

/// What a line shows of flags that were cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CutFlags {
    /// What is missing matters nothing.
    Known(Flags),
    /// Whether the SYN or RST acknowledges is not shown.
    WithoutAck(Flags),
}

/// Largest payload that is believed, in bytes: Linux merges segments up to 512 KiB ("BIG TCP").
pub const MOST_PAYLOAD: u32 = 1 << 19;

impl<'a> Printed<'a> {
    /// Its numbers, for the numbering.
    pub fn numbers(&self) -> PrintedNumbers<'a> {
        PrintedNumbers {
            flags: self.flags,
            seq: self.seq,
            ack: self.ack,
            payload_len: self.payload_len,
            cut_end: self.cut_end,
            first_sack: self.options.as_ref().and_then(Options::first_sack_number),
        }
    }

    /// With flags that were cut; a SYN or a RST acknowledges where `is_answer`.
    #[must_use]
    pub fn with_cut_flags(mut self, is_answer: impl FnOnce() -> bool) -> Self {
        self.flags = self.flags.or(match self.cut_flags {
            Some(CutFlags::WithoutAck(Flags(flags))) if is_answer() => Some(Flags(flags | Flags::ACK)),
            Some(CutFlags::Known(flags) | CutFlags::WithoutAck(flags)) => Some(flags),
            None => None,
        });
        self
    }

    /// What is left in `scan` of `text` was not understood.
    pub(super) fn ending(mut self, text: &str, mut scan: Scan<'_>) -> Self {
        self.is_open |= !scan.skip_spaces();
        self.understood = text.len() - scan.rest().len();
        self
    }
}

/// `fadb (correct)`, `fadb (incorrect -> 0xdf91)`, and `fadb (incorrect (-> 0xdf91)` of tcpdump before 4.1. Others of its kind
/// print nothing after it.
pub(super) fn checksum(scan: &mut Scan<'_>) -> Option<Checksum> {
    let found = scan.hex()?.try_into().ok()?;
    if scan.eat(" (correct)") {
        return Some(Checksum::Correct(found));
    }
    if scan.rest().starts_with(',') || scan.eat(" (unverified)") {
        return Some(Checksum::Unverified(found));
    }
    if !scan.eat(" (incorrect ") {
        return None;
    }
    scan.eat("(");
    if !scan.eat("-> 0x") {
        return None;
    }
    let expected = scan.hex()?.try_into().ok()?;
    scan.eat(")").then_some(Checksum::Incorrect { found, expected })
}
