//! What a family of text is: one tool's way to print packets.

use std::collections::VecDeque;
use std::fmt::Debug;

use super::banner::Banner;
use super::front::CleanLine;
use super::hosts::Hosts;
use super::numbering::Numbering;
use super::packet::PrintedPacket;
use super::parts::Parts;
use crate::limits::TRANSCRIPT_UNREAD;
use crate::packet::Host;

/// Reads the lines of one tool into packets.
///
/// Each line is offered to the families in turn, first to the one whose line came last. A line that none of them recognises
/// may still belong to the packet above it: that one's family gets it as a [`rest`](Self::rest).
pub trait Family: Debug {
    /// What reports call the text: `tcpdump text`.
    fn format(&self) -> &'static str;

    /// Whether `text`, a line without what surrounds it, certainly begins a packet of this family or names the tool. By it
    /// the text is recognised in a file, and a packet after a prefix in a line.
    fn begins(text: &str) -> bool
    where
        Self: Sized;

    /// Takes a line that is certainly of this family, and returns whether it is. The packets that it completes go to
    /// `common`.
    fn offer(&mut self, line: &CleanLine, text: &str, common: &mut Common) -> bool;

    /// Takes a line that no family recognises, and that follows one of this family.
    fn rest(&mut self, _line: &CleanLine, _text: &str, _common: &mut Common) {}

    /// Completes what was begun: a line of another family came, or nothing more comes.
    fn finish(&mut self, common: &mut Common);

    /// Whether another line of what was begun is certain to come, so that a pause does not complete it.
    fn is_unfinished(&self) -> bool {
        false
    }

    /// What could not be read, in sentences.
    fn notes(&self) -> Vec<String> {
        Vec::new()
    }
}

/// A family by its functions.
pub struct Kind {
    pub begins: fn(&str) -> bool,
    /// Whether its lines are read into packets, and not only recognised.
    pub is_read: bool,
    begin: fn() -> Box<dyn Family + Send>,
}

impl Kind {
    /// The entry of a family in the table.
    pub const fn of<F: Family + Default + Send + 'static>() -> Self {
        Self { begins: F::begins, is_read: true, begin: || Box::new(F::default()) }
    }

    /// The entry of a family that only recognises its lines.
    pub const fn unread(self) -> Self {
        Self { is_read: false, ..self }
    }
}

/// What the families share.
#[derive(Debug)]
pub struct Common {
    pub hosts: Hosts,
    pub numbering: Numbering,
    pub banner: Banner,
    pub parts: Parts,
    /// Packets that were read, in the order of their lines.
    pub packets: VecDeque<PrintedPacket>,
    /// How many of them precede each packet line that could not be read, or that ends before it shows what the packet means; and that packet's
    /// receiver, where the line shows it.
    pub unread: Vec<(usize, Option<Host>)>,
}

impl Common {
    /// A packet line could not be read, or ends before it shows what the packet means.
    pub fn add_unread(&mut self, receiver: Option<Host>) {
        let line = (self.packets.len(), receiver);
        if self.unread.last() != Some(&line) && self.unread.len() < TRANSCRIPT_UNREAD {
            self.unread.push(line);
        }
    }
}

/// Whether `text` is of words in lower case alone, as no tool prints a line.
fn is_prose(text: &str) -> bool {
    text.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b' ' | b',' | b'.' | b'\'' | b'(' | b')'))
}

/// All families, each with what it has begun.
#[derive(Debug)]
pub struct Families {
    members: Vec<Box<dyn Family + Send>>,
    /// The one whose line came last.
    current: usize,
    /// Those that gave packets, in the order of their first ones.
    found: Vec<usize>,
    pub common: Common,
}

impl Families {
    /// Families that have begun nothing, for file number `file` of the capture.
    pub fn new(kinds: &[Kind], file: u16) -> Self {
        let common = Common {
            hosts: Hosts::new(file),
            numbering: Numbering::default(),
            banner: Banner::default(),
            parts: Parts::default(),
            packets: VecDeque::new(),
            unread: Vec::new(),
        };
        let members = kinds.iter().map(|kind| (kind.begin)()).collect();
        Self { members, current: 0, found: Vec::new(), common }
    }

    /// Takes a line, whose cleaned `text` is known already.
    pub fn take(&mut self, line: &CleanLine, text: &str) {
        if !self.offer(line, text) {
            self.rest(line, text);
        }
    }

    /// Offers a line to the families, and returns whether one of them, or what is around packets, has it.
    pub fn offer(&mut self, line: &CleanLine, text: &str) -> bool {
        let before = self.common.packets.len();
        let others = (0..self.members.len()).filter(|index| *index != self.current);
        // Words alone are no packet: most lines of prose need no family.
        let is_prose = is_prose(text);
        let claiming = std::iter::once(self.current).chain(others).find(|index| {
            if is_prose {
                return false;
            }
            let family = self.members.get_mut(*index);
            family.is_some_and(|family| family.offer(line, text, &mut self.common))
        });
        match claiming {
            Some(index) if index != self.current => {
                // What it completed comes after what the other had begun.
                let completed = self.common.packets.split_off(before);
                self.finish();
                self.current = index;
                self.common.packets.extend(completed);
            }
            Some(_) => {}
            None => {
                let runs = self.common.banner.runs;
                let is_banner = self.common.banner.read(text);
                if self.common.banner.runs > runs {
                    self.common.parts.on_run(line.number);
                } else if is_banner {
                    self.common.parts.on_other(line.number, "");
                }
                return is_banner;
            }
        }
        self.note_found(before);
        true
    }

    /// Takes a line that nobody recognises.
    pub fn rest(&mut self, line: &CleanLine, text: &str) {
        let before = self.common.packets.len();
        self.common.parts.on_other(line.number, text);
        if let Some(family) = self.members.get_mut(self.current) {
            family.rest(line, text, &mut self.common);
        }
        self.note_found(before);
    }

    /// Completes the packet that was begun.
    pub fn finish(&mut self) {
        let before = self.common.packets.len();
        if let Some(family) = self.members.get_mut(self.current) {
            family.finish(&mut self.common);
        }
        self.note_found(before);
    }

    /// Whether another line of what was begun is certain to come.
    pub fn is_unfinished(&self) -> bool {
        self.members.get(self.current).is_some_and(|family| family.is_unfinished())
    }

    /// What the text is, for people: by the families that gave packets.
    pub fn format(&self) -> String {
        let formats: Vec<_> = self
            .found
            .iter()
            .filter_map(|index| self.members.get(*index))
            .map(|family| family.format())
            .collect();
        if formats.is_empty() { "text".to_owned() } else { formats.join(", ") }
    }

    /// What could not be read, in sentences.
    pub fn notes(&self) -> Vec<String> {
        self.members.iter().flat_map(|family| family.notes()).collect()
    }

    fn note_found(&mut self, before: usize) {
        if self.common.packets.len() > before && !self.found.contains(&self.current) {
            self.found.push(self.current);
        }
    }
}
