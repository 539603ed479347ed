//! One packet's lines, gathered until the next packet begins.

use super::ip;
use super::link::{Link, Network};
use crate::capture::transcript::clock::Stamp;
use crate::capture::transcript::ends::Spelled;
use crate::capture::transcript::front::{CleanLine, repaired};
use crate::capture::transcript::hexdump;
use crate::capture::transcript::hosts::Hosts;
use crate::capture::transcript::numbering::Numbering;
use crate::capture::transcript::scan::split_rare;
use crate::limits::{TRANSCRIPT_LINE_OVERHEAD_BYTES, TRANSCRIPT_PACKET_BYTES};
use crate::packet::Host;

/// A packet whose lines are being gathered.
#[derive(Clone, Debug)]
pub struct Draft {
    pub stamp: Stamp,
    /// Digits after the second of its time.
    pub digits: u8,
    /// Number of its first line.
    pub line: u64,
    /// The first line without number and time, then the others: each cleaned, and as it is.
    lines: Vec<(String, CleanLine)>,
    /// What the lines cost against [`TRANSCRIPT_PACKET_BYTES`].
    cost: usize,
    /// Whether it is an error message that quotes a packet.
    is_error: bool,
    /// Whether a line below may begin that quote.
    has_quote: bool,
    /// Whether the latest header has no ends so far: they are on a line below. Not known until it is asked for.
    awaits_ends: Option<bool>,
}

/// What a draft is read against.
pub struct Context<'a> {
    pub hosts: &'a mut Hosts,
    pub numbering: &'a mut Numbering,
    /// The longest line so far, in bytes: a shorter one was not cut at a column.
    pub longest: usize,
    /// The link type that the banner named.
    pub link_type: Option<&'a str>,
}

impl Context<'_> {
    /// The host that an error is about.
    pub fn target(&mut self, spelled: Option<&Spelled>) -> Option<Host> {
        self.hosts.host(spelled?)
    }
}

/// Physical lines that one line may have become in a narrow terminal, beyond the first: 300 letters at 20 columns.
pub const MOST_WRAPS: usize = 15;

/// Columns by which a line must be shorter than the longest to be certainly whole: a lost indent is at most a tab.
const INDENT: usize = 8;

impl Draft {
    /// From the line that begins a packet; `head` is what follows its time.
    pub fn begin(stamp: Stamp, digits: u8, head: &str, line: CleanLine) -> Self {
        Self {
            stamp,
            digits,
            line: line.number,
            cost: cost(&line),
            is_error: is_error(head),
            has_quote: false,
            awaits_ends: None,
            lines: vec![(head.to_owned(), line)],
        }
    }

    /// Adds a line below, unless it exceeds the largest packet's text. Returns whether it was kept.
    #[must_use]
    pub fn push(&mut self, line: &CleanLine) -> bool {
        self.cost += cost(line);
        let is_kept = self.cost <= TRANSCRIPT_PACKET_BYTES;
        if is_kept {
            let text = line.text();
            if self.is_time_alone_before(line) {
                self.lines.clear();
            }
            self.is_error |= is_error(&text);
            self.has_quote |= text.starts_with("IP (") || text.starts_with('(');
            self.awaits_ends = Some(awaits_ends(&text) || (self.awaits_ends() && ip::ends(&text).is_none()));
            self.lines.push((text.into_owned(), line.clone()));
        }
        is_kept
    }

    /// Whether nothing but the packet's time has come so far, as where a page broke the line after it, and `line` is the next one.
    pub fn is_time_alone_before(&self, line: &CleanLine) -> bool {
        self.len() == 1 && self.text(0).is_empty() && line.number == self.line + 1
    }

    /// The same, with the letters that tcpdump prints where all of its first line's are in upper case.
    pub fn in_usual_case(self) -> Self {
        // In nearly all lines a letter in lower case comes soon.
        let is_upper = !self.text(0).bytes().any(|byte| byte.is_ascii_lowercase());
        let repaired = if is_upper { self.repaired() } else { None };
        repaired.unwrap_or(self)
    }

    /// The same with lines that an author or a page changed throughout as tcpdump prints them; `None` if there is none.
    pub fn repaired(&self) -> Option<Self> {
        let mut draft = self.clone();
        let mut is_changed = false;
        for (text, _) in draft.lines.iter_mut().take(MOST_WRAPS) {
            if let Some(usual) = repaired(text) {
                (*text, is_changed) = (usual, true);
            }
        }
        is_changed.then_some(draft)
    }

    /// The beginning of its first line as it is, for messages.
    pub fn excerpt(&self) -> String {
        self.lines.first().map(|(_, line)| line.text().chars().take(60).collect()).unwrap_or_default()
    }

    /// Whether an error message's quoted packet has yet to come.
    pub fn awaits_quote(&self) -> bool {
        self.is_error && !self.has_quote
    }

    /// Whether the two ends that follow a header have yet to come.
    pub fn awaits_ends(&self) -> bool {
        // Most packets have one line and are never asked for this.
        self.awaits_ends.unwrap_or_else(|| awaits_ends(self.text(0)))
    }

    /// How many lines there are.
    pub fn len(&self) -> usize {
        self.lines.len()
    }

    /// A line as grammar reads it; empty after the last one.
    pub fn text(&self, index: usize) -> &str {
        self.lines.get(index).map_or("", |(text, _)| text)
    }

    /// The lines from `index` on, each cleaned and as it is.
    pub fn lines_from(&self, index: usize) -> &[(String, CleanLine)] {
        self.lines.get(index..).unwrap_or_default()
    }

    /// The bytes of a line as they are; none after the last one.
    pub fn raw(&self, index: usize) -> &[u8] {
        self.lines.get(index).map_or(&[][..], |(_, line)| line.raw.as_slice())
    }

    /// Whether the line before line `next` was certainly not cut at a column: a longer one came through.
    pub fn is_whole(&self, next: usize, context: &Context<'_>) -> bool {
        let line = next.checked_sub(1).and_then(|index| self.lines.get(index));
        line.is_some_and(|(_, line)| line.is_ended && line.raw.len() + INDENT < context.longest)
    }

    /// `text` joined with line `index` as if a terminal had broken the two apart, the likelier way first: whether a space
    /// was lost at the seam is not known.
    pub fn joined(&self, text: &str, index: usize) -> [String; 2] {
        let has_space =
            self.raw(index.saturating_sub(1)).last() == Some(&b' ') || self.raw(index).first() == Some(&b' ');
        let seams = if has_space { [" ", ""] } else { ["", " "] };
        seams.map(|seam| format!("{text}{seam}{}", self.text(index)))
    }
}

/// What a line costs against [`TRANSCRIPT_PACKET_BYTES`].
fn cost(line: &CleanLine) -> usize {
    line.raw.len() + TRANSCRIPT_LINE_OVERHEAD_BYTES
}

/// Whether `text` is a header whose two ends are below it.
fn awaits_ends(text: &str) -> bool {
    // In most lines a look is enough.
    if (hexdump::is_hex_line(text) || ip::ends(text).is_some()) && !text.contains(" IP") {
        return false;
    }
    match Link::split(text).network {
        Network::Ip(rest) => rest.is_empty() || (rest.starts_with('(') && !rest.contains(" > ")),
        Network::Arp(_) | Network::Other(_) => false,
    }
}

/// Whether `text` is of an error message that quotes a packet.
fn is_error(text: &str) -> bool {
    split_rare(text, ": ICMP ").is_some_and(|(_, message)| message.contains("unreachable"))
}
