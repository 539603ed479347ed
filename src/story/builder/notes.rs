//! What there is to report about one packet.

use crate::limits;
use crate::story::Note;

/// The notes on a packet, kept only where there is a timeline to hold them.
#[derive(Default)]
pub(super) struct Notes {
    are_kept: bool,
    list: Vec<Note>,
}

impl Notes {
    pub(super) fn new(are_kept: bool) -> Self {
        Self { are_kept, list: Vec::new() }
    }

    pub(super) fn push(&mut self, note: Note) {
        if self.are_kept {
            self.keep(note);
        }
    }

    /// Out of line: where nothing is kept, the way of a packet is shorter by the growth of a list at each note.
    #[inline(never)]
    fn keep(&mut self, note: Note) {
        self.list.push(note);
    }

    /// Whether a step of a prelude was noted.
    pub(super) fn name_a_prelude(&self) -> bool {
        self.list.iter().any(|note| matches!(note, Note::Prelude(..)))
    }

    /// Keeps as many as the records of a real segment have; a segment of tiny records has thousands.
    pub(super) fn shorten(&mut self) {
        let notes = &mut self.list;
        if let Some(further) = notes.len().checked_sub(limits::RECORD_NOTES).filter(|further| *further > 0) {
            notes.truncate(limits::RECORD_NOTES);
            notes.shrink_to_fit();
            notes.push(Note::Further(further as u64));
        }
    }

    pub(super) fn into_list(self) -> Vec<Note> {
        self.list
    }
}
