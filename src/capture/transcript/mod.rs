//! Packets as text, as people paste them, read into packets.
//!
//! `front` returns lines and removes what surrounds them. Each tool's text is a family (`family`), and all of them share the
//! rest: `ends` and `hosts` read a packet's two hosts, `clock` and `numbering` make times and sequence numbers absolute
//! again, `hexdump` puts printed bytes together, `banner` reads the lines around packets. None of them knows what packets
//! mean for a connection. A field that a cut line does not show whole is absent.

mod banner;
mod clock;
mod counted;
mod ends;
mod family;
mod front;
mod hexdump;
mod hosts;
mod numbering;
mod packet;
mod packets;
mod parts;
mod peers;
mod scan;
mod services;
mod tcpdump;
#[cfg(test)]
mod tests;
mod tools;
mod unread;

use std::collections::VecDeque;
use std::io::{self, BufRead};

use self::clock::{Clockwork, Stamp};
use self::family::{Families, Family, Kind};
use self::front::{
    CleanLine, Lines, Prefix, has_wide_gap, may_hold_masks, single_spaced, unquoted, with_whole_masks,
};
pub(crate) use self::front::{Decoded, is_utf16};
use self::packet::{PrintedContent, PrintedPacket};
use self::unread::Unread;
use super::{About, FileAbout, FileNote, Frame, ReadError, Record, Source};
use crate::limits::{TRANSCRIPT_CONVERSATIONS, TRANSCRIPT_LINE_BYTES, TRANSCRIPT_NAMES};
use crate::packet::{Content, Origin, Packet, Segment};

/// The families of text that are read. A line is offered to them in this order, after the family of the line before.
const FAMILIES: &[Kind] = &[
    Kind::of::<tools::fortigate::Gatherer>(),
    Kind::of::<tools::fw_monitor::Gatherer>(),
    Kind::of::<tools::wireshark::Gatherer>(),
    Kind::of::<tools::snoop::Gatherer>(),
    Kind::of::<tools::dumps::Gatherer>(),
    Kind::of::<tcpdump::Gatherer>(),
    Kind::of::<tools::unread::Gatherer>().unread(),
];

/// A transcript being read. A packet is returned as soon as the next one begins, so the reader may be a pipe.
///
/// A packet's `is_cut` shows that its line ended before tcpdump's did; that text holds no payload is not counted.
pub struct Transcript<R> {
    name: String,
    file: u16,
    lines: Lines<R>,
    /// Whether the line before was blank.
    is_after_blank: bool,
    /// What preceded the latest packet on its line.
    prefix: Option<Prefix>,
    families: Families,
    clockwork: Clockwork,
    digits: u8,
    /// Packets that wait for the clock's form to be clear; more than one only at a file's beginning.
    ready: VecDeque<PrintedPacket>,
    stamps: VecDeque<Stamp>,
    /// What the record that was returned last borrows from.
    current: Option<PrintedPacket>,
    /// A packet with which another capture begins, once that was returned.
    announced: Option<PrintedPacket>,
    is_announced: bool,
    packets: u64,
    /// Those of them before the capture that is being read.
    before_part: u64,
    /// Where packet lines could not be read.
    unread: Unread,
    is_at_end: bool,
}

/// Something that is noted once, with its first place and how often it occurred.
#[derive(Debug, Default)]
struct OnceNote {
    count: u64,
    line: u64,
    excerpt: String,
}

impl OnceNote {
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
            is_after_blank: false,
            prefix: None,
            families: Families::new(FAMILIES, file),
            clockwork: Clockwork::default(),
            digits: 6,
            ready: VecDeque::new(),
            stamps: VecDeque::new(),
            current: None,
            announced: None,
            is_announced: false,
            packets: 0,
            before_part: 0,
            unread: Unread::default(),
            is_at_end: false,
        }
    }

    fn take_line(&mut self, mut line: CleanLine) {
        // The first of several blank lines shows all: something ends here.
        let is_blank = line.raw.is_empty();
        if std::mem::replace(&mut self.is_after_blank, is_blank) && is_blank {
            return;
        }
        if let Some(len) = self.prefix.as_ref().and_then(|prefix| prefix.len(&line.raw)) {
            line.raw.drain(..len);
        }
        let mut text = line.text();
        let single = if has_wide_gap(&line.raw) { single_spaced(&text) } else { None };
        if let Some(single) = single.filter(|single| tcpdump::Gatherer::begins(single)) {
            line.raw = single.into_bytes();
            text = line.text();
        }
        if let Some(masked) = Some(&*text).filter(|text| may_hold_masks(text))
            && let Some(masked) = with_whole_masks(masked)
        {
            line.raw = masked.into_bytes();
            text = line.text();
        }
        if unquoted(&text).is_some_and(begins_packet) {
            self.lines.begin_quote(&mut line);
            text = line.text();
        }
        let mut rest = &*text;
        while let Some(at) = packets::next_row(rest).or_else(|| packets::next_row_of_many(rest)) {
            let (before, after) = rest.split_at(at);
            let row = packets::without_seam(before);
            self.take_piece(&CleanLine { raw: row.as_bytes().to_vec(), ..line.clone() }, row);
            rest = packets::without_seam(after);
        }
        while let Some(at) = packets::next_timed(rest) {
            let (before, after) = rest.split_at(at);
            if packets::is_prefix(before) {
                self.prefix = Prefix::of(before).or(self.prefix.take());
            } else {
                let piece = CleanLine { raw: before.as_bytes().to_vec(), ..line.clone() };
                self.take_piece(&piece, before.trim_end());
            }
            rest = after;
        }
        if rest.len() < text.len() {
            let line = CleanLine { raw: raw_from(&line.raw, rest), ..line };
            self.take_piece(&line, rest);
        } else {
            self.take_piece(&line, rest);
        }
    }

    /// Takes a line, or that part of it in which one packet may begin.
    fn take_piece(&mut self, line: &CleanLine, text: &str) {
        let Self { families, prefix, .. } = self;
        if text.is_empty() {
            // No packet begins here; a text may be all blank lines.
            families.rest(line, text);
        } else if !families.offer(line, text) {
            // What a terminal wrapped may look like a packet after a prefix.
            let is_unfinished = families.is_unfinished();
            let begins = |text: &str| !is_unfinished && begins_packet(text);
            match packets::begins_after(text, begins) {
                Some(at) => {
                    let (before, after) = text.split_at(at);
                    *prefix = Prefix::of(before).or(prefix.take());
                    let line = CleanLine { raw: raw_from(&line.raw, after), ..line.clone() };
                    families.take(&line, after);
                }
                None => families.rest(line, text),
            }
        }
        self.collect();
    }

    /// The packet that is being gathered is whole.
    fn finish_packet(&mut self) {
        self.families.finish();
        self.collect();
    }

    fn collect(&mut self) {
        if !self.families.common.unread.is_empty() {
            let before = self.packets + self.ready.len() as u64;
            let unread = self.families.common.unread.drain(..);
            self.unread.add(unread.map(|(packets, receiver)| (before + packets as u64, receiver)));
        }
        while let Some(packet) = self.families.common.packets.pop_front() {
            if packet.begins_capture && !self.stamps.is_empty() {
                // Its times show nothing of those before it.
                self.clockwork.decide(&self.stamps, self.families.common.banner.is_delta, true);
            }
            if self.clockwork.clock.is_none() {
                self.stamps.push_back(packet.stamp);
            }
            self.ready.push_back(packet);
        }
    }

    /// Another capture begins with `packet`.
    fn announce(&mut self, packet: PrintedPacket) {
        self.clockwork.begin_again(packet.stamp);
        self.announced = Some(packet);
        self.is_announced = true;
        self.unread.begin_part(self.before_part, self.packets);
        self.before_part = self.packets;
    }

    /// The next packet whose time is clear. `is_all` means that no further one has come that could make it clearer.
    fn next_ready(&mut self, is_all: bool) -> Option<PrintedPacket> {
        if self.clockwork.clock.is_none() {
            let is_delta = self.families.common.banner.is_delta || packet::contradicts_senders(&self.ready);
            if !self.clockwork.decide(&self.stamps, is_delta, is_all) {
                return None;
            }
            self.stamps.clear();
        }
        self.ready.pop_front()
    }

    fn notes(&self) -> Vec<FileNote> {
        let mut notes = self.families.notes();
        if self.lines.overlong > 0 {
            let overlong = self.lines.overlong;
            notes.push(if overlong == 1 {
                format!("1 line was longer than {TRANSCRIPT_LINE_BYTES} bytes, and its rest was ignored")
            } else {
                format!("{overlong} lines were longer than {TRANSCRIPT_LINE_BYTES} bytes, and the rest of each was ignored")
            });
        }
        if self.families.common.numbering.forgotten > 0 {
            let forgotten = self.families.common.numbering.forgotten;
            notes.push(format!(
                "more than {TRANSCRIPT_CONVERSATIONS} conversations: the sequence numbers of the {forgotten} oldest may \
                 count from 0 if they continue"
            ));
        }
        let parts = &self.families.common.parts.first_lines;
        if !parts.is_empty() {
            let lines: Vec<String> = parts.iter().take(8).map(ToString::to_string).collect();
            let more = if parts.len() > lines.len() { " and further ones" } else { "" };
            notes.push(format!(
                "the text holds {} captures, each judged by itself: others begin at line {}{more}",
                parts.len() + 1,
                lines.join(", ")
            ));
        }
        if self.families.common.hosts.refused > 0 {
            let refused = self.families.common.hosts.refused;
            notes.push(format!(
                "more than {TRANSCRIPT_NAMES} names of hosts: {refused} ends with further names were left out, and their packets"
            ));
        }
        if let Some(captured) =
            self.families.common.banner.captured.filter(|captured| self.is_at_end && *captured > self.packets)
        {
            notes.push(format!(
                "tcpdump says that it captured {captured} packets, but {} were read: the text is not all of its output",
                self.packets
            ));
        }
        notes.into_iter().map(|text| FileNote { file: self.file, text }).collect()
    }
}

impl<R: BufRead> Source for Transcript<R> {
    fn next_record(&mut self) -> Result<Option<Record<'_>>, ReadError> {
        let mut is_paused = false;
        let packet = loop {
            if let Some(packet) = self.announced.take() {
                break packet;
            }
            if let Some(packet) = self.next_ready(self.is_at_end || is_paused) {
                break packet;
            }
            if self.is_at_end {
                return Ok(None);
            }
            let line = match self.lines.next_line() {
                Ok(line) => line,
                // Nothing comes for a while, so the packet before is whole, unless the pause is between its lines.
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    if !self.families.is_unfinished() {
                        self.finish_packet();
                    }
                    is_paused = true;
                    continue;
                }
                Err(error) => {
                    return Err(ReadError {
                        file: self.name.clone(),
                        what: format!("can't be read after byte {}: {error}", self.lines.consumed()),
                        hint: None,
                    });
                }
            };
            is_paused = false;
            if let Some(line) = line {
                self.take_line(line);
            } else {
                self.is_at_end = true;
                self.finish_packet();
            }
        };
        if packet.begins_capture && self.packets > 0 && !self.is_announced {
            self.announce(packet);
            return Ok(Some(Record::NextCapture));
        }
        self.is_announced = false;
        self.packets += 1;
        self.digits = self.digits.max(packet.digits);
        let at = self.clockwork.at(packet.stamp);
        // Each capture counts its own packets.
        let number = self.packets - self.before_part;
        let origin = Origin { file: self.file, number: self.packets };
        let packet = &*self.current.insert(packet);
        if let Some(frame) = &packet.dump {
            let (link_type, wire_len, bytes) = (frame.link_type, frame.wire_len, frame.bytes.as_slice());
            return Ok(Some(Record::Frame(Frame { number, origin, at, link_type, wire_len, bytes })));
        }
        let content = match &packet.content {
            PrintedContent::Segment(header) => Content::Segment(Segment {
                header,
                payload: &packet.payload,
                printed: &packet.printed,
                decoded: &packet.decoded,
            }),
            PrintedContent::IcmpError(error) => Content::IcmpError(error.clone()),
            PrintedContent::Neighbour(neighbour) => Content::Neighbour(*neighbour),
            PrintedContent::Other(other) => Content::Other(other.clone()),
        };
        let (wire_len, is_cut) = (packet.wire_len, packet.is_cut);
        let (direction, filtered) = (packet.direction, packet.filtered);
        let names = &self.families.common.hosts.names;
        let packet = Packet::new(number, at, content);
        Ok(Some(Record::Printed(Packet { origin, wire_len, is_cut, direction, filtered, names, ..packet })))
    }

    fn about(&self) -> About {
        About {
            files: vec![FileAbout {
                name: self.name.clone(),
                format: self.families.format(),
                packets: self.packets,
                is_text: true,
                snaplen: self.families.common.banner.snaplen,
            }],
            clock: self.clockwork.clock.unwrap_or_default(),
            digits: self.digits,
            dropped: self.families.common.banner.dropped,
            dropped_until: None,
            notes: self.notes(),
            unread: self.unread.places(self.before_part),
        }
    }

    fn progress(&self) -> (u64, Option<u64>) {
        (self.lines.consumed(), None)
    }
}

/// Whether a file that begins with `first_bytes` is a transcript: text with a line that tcpdump prints for a packet.
/// A byte order mark, fences, prose or HTML may precede it.
pub fn looks_like_transcript(first_bytes: &[u8]) -> bool {
    packet_lines(first_bytes, begins_packet, 1) > 0
}

/// Whether a file that begins with `first_bytes` is a transcript of a form that is read, and not only recognised. A log may hold lines of
/// the other forms, as netfilter and routers write them.
#[cfg(test)]
pub fn looks_readable(first_bytes: &[u8]) -> bool {
    readable_packets(first_bytes, 1) > 0
}

/// How many lines of a file's first bytes have a packet in a form that is read; `most` if there are more.
pub fn readable_packets(first_bytes: &[u8], most: usize) -> usize {
    let begins =
        |text: &str| FAMILIES.iter().filter(|family| family.is_read).any(|family| (family.begins)(text));
    packet_lines(first_bytes, begins, most)
}

/// How many lines of a file's first bytes have a packet, by what `begins` recognises; `most` if there are more.
fn packet_lines(first_bytes: &[u8], begins: impl Fn(&str) -> bool, most: usize) -> usize {
    let first_bytes = first_bytes.get(..SNIFFED).unwrap_or(first_bytes);
    // No text holds the byte 0, except in UTF-16; -A prints it as a dot.
    if first_bytes.contains(&0) && !is_utf16(first_bytes) {
        return 0;
    }
    let mut lines = Lines::new(first_bytes);
    let has_packet = |line: &CleanLine| {
        let text = line.text();
        let text = unquoted(&text).unwrap_or(&text);
        let masked = Some(text).filter(|text| may_hold_masks(text)).and_then(with_whole_masks);
        let text = masked.as_deref().unwrap_or(text);
        begins(text) || packets::next_timed(text).is_some() || packets::begins_after(text, &begins).is_some()
    };
    std::iter::from_fn(|| lines.next_line().ok().flatten()).filter(has_packet).take(most).count()
}

/// The part of `raw` that cleaned became `rest`, or that itself where it can't be found.
fn raw_from(raw: &[u8], rest: &str) -> Vec<u8> {
    let word = rest.split(' ').next().unwrap_or(rest).as_bytes();
    let at = raw.windows(word.len().max(1)).rposition(|window| window == word);
    at.and_then(|at| raw.get(at..)).unwrap_or(rest.as_bytes()).to_vec()
}

/// Whether `text` certainly begins a packet of some family.
fn begins_packet(text: &str) -> bool {
    FAMILIES.iter().any(|family| (family.begins)(text))
}

/// Bytes of a file that are searched for its first packet line.
const SNIFFED: usize = 64 * 1024;
