//! What a file reader keeps to report about its file.

use std::io;

use crate::capture::{About, FileAbout, FileNote, ReadError};
use crate::limits;
use crate::time::Clock;

use super::input::Input;

/// The account of one file.
#[derive(Debug)]
pub(super) struct Account {
    index: u16,
    /// Name, format, packets and snaplen.
    pub(super) file: FileAbout,
    /// Digits of its timestamps.
    pub(super) digits: u8,
    notes: Vec<String>,
    /// Damaged places, those beyond [`limits::DAMAGE_NOTES`] included.
    damages: usize,
}

impl Account {
    /// Creates the account of the file with this name and index, before anything is read.
    pub(super) fn new(name: &str, index: u16) -> Self {
        let file = FileAbout { name: name.to_owned(), ..FileAbout::default() };
        Self { index, file, digits: 6, notes: Vec::new(), damages: 0 }
    }

    /// Keeps a sentence, once.
    pub(super) fn note(&mut self, text: String) {
        if !self.notes.contains(&text) {
            self.notes.push(text);
        }
    }

    /// Keeps a sentence about damage, or counts it when there were many.
    pub(super) fn note_damage(&mut self, text: String) {
        self.damages += 1;
        if self.damages <= limits::DAMAGE_NOTES {
            self.note(text);
        }
    }

    /// Whether anything was damaged.
    pub(super) fn has_damage(&self) -> bool {
        self.damages > 0
    }

    /// Notes an end that is not one: decompression that failed, or a record that began at `offset` and of which
    /// `present` bytes of `expected` are there.
    pub(super) fn note_end(&mut self, input: &Input, offset: u64, present: usize, expected: usize) {
        let packets = self.file.packets;
        if let Some(trouble) = input.trouble() {
            let kind = input.compression().map_or("compressed", super::input::Compression::name);
            self.note(format!(
                "its {kind} data ends early or is damaged after {} decompressed bytes ({trouble}): \
                 the packets before that ({packets}) count",
                offset + present as u64
            ));
        } else if present > 0 {
            self.note(format!(
                "the file is cut off: of the record at byte {offset} only {present} of {expected} bytes are there; \
                 the packets before it ({packets}) count"
            ));
        }
    }

    /// A failed read as the error for this file.
    pub(super) fn unreadable(&self, input: &Input, error: &io::Error) -> ReadError {
        ReadError {
            file: self.file.name.clone(),
            what: format!(
                "can't be read beyond byte {}: {error}",
                input.offset() + input.available().len() as u64
            ),
            hint: Some("copy the file to another disk and read it there".to_owned()),
        }
    }

    /// For [`Source::about`](crate::capture::Source::about).
    pub(super) fn about(&self, dropped: Option<u64>) -> About {
        let mut texts = self.notes.clone();
        if let Some(unsaid) = self.damages.checked_sub(limits::DAMAGE_NOTES).filter(|unsaid| *unsaid > 0) {
            texts.push(format!("{unsaid} further damaged places were skipped"));
        }
        About {
            files: vec![self.file.clone()],
            clock: Clock::Utc,
            digits: self.digits,
            dropped,
            dropped_until: None,
            notes: texts.into_iter().map(|text| FileNote { file: self.index, text }).collect(),
            unread: Vec::new(),
        }
    }

    /// Index of the file among those given.
    pub(super) fn index(&self) -> u16 {
        self.index
    }
}
