//! tcpdump's text as people paste it, read into packets.
//!
//! Each file here knows one kind of words: `lines` what terminals and web pages do to a line, `clock` the times, `ip`,
//! `tcp`, `options` and `icmp` the parts of a packet, `dump` the bytes below it, `numbering` how tcpdump shortens
//! sequence numbers, `banner` what is printed around the packets; `draft` puts one packet together. None of them knows
//! what packets mean for a connection. A field that a cut line does not show whole is absent.

mod clock;
mod front;
mod hexdump;
mod numbering;
mod scan;
mod tcpdump;

use std::collections::VecDeque;
use std::io::{self, BufRead};

use self::clock::{Clockwork, Stamp};
use self::front::lines::{self, Line, Lines};
use self::numbering::Numbering;
use self::tcpdump::banner::Banner;
use self::tcpdump::draft::{self, Content as Drafted, Context, Draft, Read};
use super::{About, FileAbout, Frame, Note, ReadError, Record, Source};
use crate::limits::{TRANSCRIPT_CONVERSATIONS, TRANSCRIPT_LINE_BYTES};
use crate::packet::{Content, Origin, Other, Packet, Segment};
use crate::time::Clock;

/// A transcript being read. A packet is yielded as soon as the next one begins, so the reader may be a pipe.
///
/// A packet's `is_cut` says that its line ended before tcpdump's did; that text holds no payload is not counted.
pub struct Transcript<R> {
    name: String,
    file: u16,
    lines: Lines<R>,
    banner: Banner,
    numbering: Numbering,
    clockwork: Clockwork,
    digits: u8,
    /// The packet whose lines are being gathered.
    draft: Option<Draft>,
    /// Packets that wait for the clock's form to be clear; more than one only at a file's beginning.
    ready: VecDeque<Read>,
    stamps: VecDeque<Stamp>,
    /// What the record that was yielded last borrows from.
    current: Option<Read>,
    packets: u64,
    has_times: bool,
    is_at_end: bool,
    /// The longest line so far, in bytes.
    longest: usize,
    unreadable: Said,
    named: Said,
    /// Lines below a packet that exceed the largest packet's text.
    unkept: u64,
}

/// Something that is said once, with its first place.
#[derive(Debug, Default)]
struct Said {
    count: u64,
    line: u64,
    excerpt: String,
}

impl Said {
    fn add(&mut self, line: u64, excerpt: &str) {
        if self.count == 0 {
            self.line = line;
            self.excerpt = excerpt.chars().flat_map(char::escape_debug).collect();
        }
        self.count += 1;
    }
}

impl<R: BufRead> Transcript<R> {
    /// Reads the text of `reader`, which is file number `file` of the capture and which the user calls `name`.
    pub fn new(name: String, file: u16, reader: R) -> Self {
        Self {
            name,
            file,
            lines: Lines::new(reader),
            banner: Banner::default(),
            numbering: Numbering::default(),
            clockwork: Clockwork::default(),
            digits: 6,
            draft: None,
            ready: VecDeque::new(),
            stamps: VecDeque::new(),
            current: None,
            packets: 0,
            has_times: false,
            is_at_end: false,
            longest: 0,
            unreadable: Said::default(),
            named: Said::default(),
            unkept: 0,
        }
    }

    fn take_line(&mut self, mut line: Line) {
        let mut text = line.text();
        if lines::unquoted(&text).is_some_and(begins_packet) {
            self.lines.begin_quote(&mut line);
            text = line.text();
        }
        // A line is compared with those before it and its own packet's.
        self.longest = self.longest.max(line.raw.len());
        if let Some((stamp, digits, head)) = timed_start(&text) {
            self.has_times = true;
            self.finish_draft();
            self.draft = Some(Draft::begin(stamp, digits, head, line));
        } else if self.begins_untimed(&text, &line) {
            self.finish_draft();
            self.draft = Some(Draft::begin(Stamp::None, 6, without_number(&text), line));
        } else if !self.banner.read(&text)
            && let Some(draft) = &mut self.draft
        {
            self.unkept += u64::from(!draft.push(line));
        }
    }

    /// Whether `text` begins a packet of a transcript without times.
    fn begins_untimed(&self, text: &str, line: &Line) -> bool {
        if self.has_times {
            return false;
        }
        let Some(draft) = &self.draft else {
            return draft::begins_untimed(without_number(text)) || draft::is_address_line(text);
        };
        // What is quoted or carried inside is indented; where the indent is lost, an error's quote comes first.
        let head = without_number(text);
        let is_header = draft::strip_ip_word(head).unwrap_or(head).starts_with('(');
        draft::begins_untimed(head)
            && line.raw.first() != Some(&b'\t')
            && !(is_header && draft.awaits_quote())
    }

    fn finish_draft(&mut self) {
        let Some(draft) = self.draft.take() else { return };
        let (line, excerpt) = (draft.line, draft.excerpt.clone());
        let mut context = Context {
            numbering: &mut self.numbering,
            longest: self.longest,
            link_type: self.banner.link_type.as_deref(),
        };
        let Some(read) = draft.read(&mut context) else {
            self.unreadable.add(line, &excerpt);
            return;
        };
        if read.stamp == Stamp::None && self.has_times {
            // The paste begins between a packet's two lines: its time is lost, and the others have theirs.
            self.unreadable.add(line, &excerpt);
            return;
        }
        if matches!(read.content, Drafted::Named) {
            self.named.add(line, &excerpt);
        }
        if self.clockwork.clock.is_none() {
            self.stamps.push_back(read.stamp);
        }
        self.ready.push_back(read);
    }

    /// The next packet whose time is clear. `is_all` says that no further one is at hand to make it clearer.
    fn next_ready(&mut self, is_all: bool) -> Option<Read> {
        if self.clockwork.clock.is_none() {
            let is_delta = self.banner.is_delta && matches!(self.stamps.front(), Some(Stamp::Time(_)));
            if is_delta {
                self.clockwork.clock = Some(Clock::SinceFirst);
                self.clockwork.is_delta = true;
            } else if !self.clockwork.decide(&self.stamps, is_all) {
                return None;
            }
            self.stamps.clear();
        }
        self.ready.pop_front()
    }

    fn notes(&self) -> Vec<Note> {
        let mut notes = Vec::new();
        let mut say = |text: String| notes.push(Note { file: self.file, text });
        let Said { count, line, excerpt } = &self.unreadable;
        if *count > 0 {
            let lines =
                if *count == 1 { "1 packet line".to_owned() } else { format!("{count} packet lines") };
            say(format!("{lines} could not be read and were left out, first at line {line}: \"{excerpt}\""));
        }
        let Said { count, line, .. } = &self.named;
        if *count > 0 {
            say(format!(
                "{count} TCP packets have names instead of addresses or ports, first at line {line}, and could not be \
                 followed; run tcpdump with -nn"
            ));
        }
        if self.lines.overlong > 0 {
            let overlong = self.lines.overlong;
            say(format!(
                "{overlong} lines were longer than {TRANSCRIPT_LINE_BYTES} bytes, and the rest of each was ignored"
            ));
        }
        if self.unkept > 0 {
            let unkept = self.unkept;
            say(format!("{unkept} lines were ignored: no packet has so many lines"));
        }
        if self.numbering.forgotten > 0 {
            let forgotten = self.numbering.forgotten;
            say(format!(
                "more than {TRANSCRIPT_CONVERSATIONS} conversations: the sequence numbers of the {forgotten} oldest may \
                 count from 0 where they go on"
            ));
        }
        if let Some(captured) =
            self.banner.captured.filter(|captured| self.is_at_end && *captured != self.packets)
        {
            say(format!(
                "tcpdump says that it captured {captured} packets, but {} were read: the text is not all of its output",
                self.packets
            ));
        }
        notes
    }
}

impl<R: BufRead> Source for Transcript<R> {
    fn next_record(&mut self) -> Result<Option<Record<'_>>, ReadError> {
        let mut is_paused = false;
        let read = loop {
            if let Some(read) = self.next_ready(self.is_at_end || is_paused) {
                break read;
            }
            if self.is_at_end {
                return Ok(None);
            }
            let line = match self.lines.next_line() {
                Ok(line) => line,
                // Nothing comes for a while, so the packet before is whole, unless the pause is between its lines.
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    if !self.draft.as_ref().is_some_and(Draft::is_unfinished) {
                        self.finish_draft();
                    }
                    is_paused = true;
                    continue;
                }
                Err(error) => {
                    return Err(ReadError {
                        file: self.name.clone(),
                        what: format!("can't be read after byte {}: {error}", self.lines.consumed),
                        hint: None,
                    });
                }
            };
            is_paused = false;
            if let Some(line) = line {
                self.take_line(line);
            } else {
                self.is_at_end = true;
                self.finish_draft();
            }
        };
        self.packets += 1;
        self.digits = self.digits.max(read.digits);
        let at = self.clockwork.at(read.stamp);
        let number = self.packets;
        let origin = Origin { file: self.file, number };
        let read = &*self.current.insert(read);
        if let Some(frame) = &read.dump {
            let (link_type, wire_len, bytes) = (frame.link_type, frame.wire_len, frame.bytes.as_slice());
            return Ok(Some(Record::Frame(Frame { number, origin, at, link_type, wire_len, bytes })));
        }
        let content = match &read.content {
            Drafted::Segment(header) => {
                Content::Segment(Segment { header, payload: &[], printed: &read.printed })
            }
            Drafted::IcmpError(error) => Content::IcmpError(error.clone()),
            Drafted::Neighbour(neighbour) => Content::Neighbour(*neighbour),
            Drafted::Other(other) => Content::Other(other.clone()),
            Drafted::Named => Content::Other(Other::Printed("TCP between names".into())),
        };
        let (wire_len, is_cut, travel) = (read.wire_len, read.is_cut, read.travel);
        Ok(Some(Record::Printed(Packet { number, origin, at, wire_len, is_cut, travel, content })))
    }

    fn about(&self) -> About {
        About {
            files: vec![FileAbout {
                name: self.name.clone(),
                format: "tcpdump text".to_owned(),
                packets: self.packets,
                is_text: true,
                snaplen: self.banner.snaplen,
            }],
            clock: self.clockwork.clock.unwrap_or_default(),
            digits: self.digits,
            dropped: self.banner.dropped,
            dropped_until: None,
            notes: self.notes(),
        }
    }

    fn progress(&self) -> (u64, Option<u64>) {
        (self.lines.consumed, None)
    }
}

/// Whether a file that begins with `first_bytes` is a transcript: text with a line that tcpdump prints for a packet.
/// A byte order mark, fences, prose or HTML may stand before it.
pub fn looks_like_transcript(first_bytes: &[u8]) -> bool {
    let first_bytes = first_bytes.get(..SNIFFED).unwrap_or(first_bytes);
    // No text holds the byte 0; -A prints it as a dot.
    if first_bytes.contains(&0) {
        return false;
    }
    String::from_utf8_lossy(first_bytes).lines().any(|line| {
        let text = lines::clean(line);
        begins_packet(lines::unquoted(&text).unwrap_or(&text))
            || draft::is_address_line(&text)
            || text.contains("tcpdump: listening on ")
    })
}

/// Whether `text` is surely the first line of a packet.
fn begins_packet(text: &str) -> bool {
    let is_timed = timed_start(text).is_some_and(|(stamp, _, head)| {
        let is_clear = draft::begins_untimed(head)
            || lines::begins_with_mac(head)
            || draft::strip_ip_word(head).is_some_and(|rest| rest.starts_with('('));
        // `IP`, `IP6`, `ARP`, `lo In IP` and the like follow; a log's line has lower-case or bracketed words.
        matches!(stamp, Stamp::Time(_) | Stamp::Epoch(_) | Stamp::DateTime(_)) && is_clear
    });
    is_timed || draft::begins_untimed(without_number(text))
}

/// Bytes of a file that are searched for its first packet line.
const SNIFFED: usize = 64 * 1024;

/// The time that begins a packet's line, its digits after the second, and what follows; the number of `-#` may stand
/// before it.
fn timed_start(text: &str) -> Option<(Stamp, u8, &str)> {
    Stamp::split(text).or_else(|| Stamp::split(without_number(text)))
}

/// `text` without the number that `-#`, an editor or `grep -n` puts before it.
fn without_number(text: &str) -> &str {
    let rest = text.trim_start_matches(|letter: char| letter.is_ascii_digit());
    if lines::begins_with_mac(text) {
        return text;
    }
    match rest.chars().next() {
        Some(' ' | ':' | '|') if rest.len() < text.len() => rest.trim_start_matches([' ', ':', '|']),
        _ => text,
    }
}

#[cfg(test)]
mod tests;
