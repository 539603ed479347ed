//! Where a text goes over from one capture to the next: people paste the client's and the server's, or one before a change and
//! one after it.

use std::collections::HashSet;

use foldhash::fast::RandomState;

use super::clock::Stamp;
use super::packet::{PrintedContent, PrintedPacket};
use crate::limits::TRANSCRIPT_CONVERSATIONS;
use crate::packet::Host;

/// One end of a conversation.
type End = (Host, u16);

/// What shows that another capture begins, as far as the lines so far go.
#[derive(Debug, Default)]
pub struct Parts {
    /// Lines that begin or end a run of the tool: prompts, banners, counts.
    runs: Vec<u64>,
    /// Lines of prose.
    prose: Vec<u64>,
    /// Whether an empty line or a fence came since the latest line of a packet.
    is_apart: bool,
    /// The line and time of the packet before.
    before: Option<(u64, Stamp)>,
    /// Which hosts talked to each other in this capture.
    conversations: HashSet<(End, End), RandomState>,
    /// The first lines of the captures after the first.
    pub first_lines: Vec<u64>,
}

/// Lines that are remembered until the next packet.
const MOST_LINES: usize = 64;

/// Captures whose first lines are kept.
const MOST_PARTS: usize = 1_000;

/// A clock that goes back by more than this did not do so within a capture, in nanoseconds.
const STEP: i64 = 1_000_000_000;

/// Packets of another conversation that come this long after some words are another capture, in nanoseconds: the stall time.
const PAUSE: i64 = 3_000_000_000;

impl Parts {
    /// A run of the tool begins or ends in this line.
    pub fn on_run(&mut self, line: u64) {
        if self.runs.len() < MOST_LINES {
            self.runs.push(line);
        }
        self.is_apart = true;
    }

    /// A line that is no packet's.
    pub fn on_other(&mut self, line: u64, text: &str) {
        let is_empty = text.is_empty() || text.starts_with("```") || text.starts_with("~~~");
        let is_comment = text.starts_with(['#', '/']) || text.ends_with([':', '\u{ff1a}']);
        let has_words = text.chars().any(char::is_alphabetic);
        if is_empty {
            self.is_apart = true;
        } else if (self.is_apart || is_comment) && has_words && self.prose.len() < MOST_LINES {
            self.prose.push(line);
        }
    }

    /// Whether another capture certainly begins with the packet whose first line this is: by the lines before it and its time.
    pub fn begins(&mut self, line: u64, stamp: Stamp) -> bool {
        self.is_apart = false;
        let Some((last, before)) = self.before else { return false };
        let is_between = |sign: &u64| (last..line).contains(sign);
        let back = elapsed(stamp, before).unwrap_or(0);
        let is_run = self.runs.iter().any(is_between);
        let is_prose = self.prose.iter().any(is_between);
        // Midnight is no step back.
        let is_back = (is_prose && back > 0) || (back > STEP && back < DAY / 2);
        if is_run || is_back {
            self.begin(line);
        }
        is_run || is_back
    }

    /// Takes a packet in that `begins` was asked about. Returns whether it begins another capture after all.
    pub fn add(&mut self, line: u64, packet: &PrintedPacket) -> bool {
        let conversation = match &packet.content {
            PrintedContent::Segment(header) => {
                let source = (header.ip.source, header.tcp.source_port);
                let destination = (header.ip.destination, header.tcp.destination_port);
                Some((source.min(destination), source.max(destination)))
            }
            _ => None,
        };
        let is_new = conversation.is_some_and(|conversation| !self.conversations.contains(&conversation));
        let is_later = |(last, before): (u64, Stamp)| {
            let is_prose = self.prose.iter().any(|prose| (last..line).contains(prose));
            is_prose && elapsed(before, packet.stamp).is_some_and(|pause| pause >= PAUSE)
        };
        let begins = is_new && !self.conversations.is_empty() && self.before.is_some_and(is_later);
        if begins {
            self.begin(line);
        }
        if is_new && self.conversations.len() < TRANSCRIPT_CONVERSATIONS {
            self.conversations.extend(conversation);
        }
        self.before = Some((line, packet.stamp));
        self.runs.retain(|run| *run > line);
        self.prose.retain(|prose| *prose > line);
        begins
    }

    fn begin(&mut self, line: u64) {
        self.conversations.clear();
        if self.first_lines.len() < MOST_PARTS {
            self.first_lines.push(line);
        }
    }
}

const DAY: i64 = 86_400_000_000_000;

/// How long after `earlier` the time `later` is, in nanoseconds; `None` where they can't be compared.
fn elapsed(earlier: Stamp, later: Stamp) -> Option<i64> {
    match (earlier, later) {
        (Stamp::Time(earlier), Stamp::Time(later))
        | (Stamp::Epoch(earlier), Stamp::Epoch(later))
        | (Stamp::DateTime(earlier), Stamp::DateTime(later))
        | (Stamp::YearDay(earlier), Stamp::YearDay(later)) => later.checked_sub(earlier),
        _ => None,
    }
}
