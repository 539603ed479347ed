//! What there is to report about one packet, and its place in the timeline.

use super::{Builder, PacketId};
use crate::limits;
use crate::packet::Segment;
use crate::story::{Entry, Note, Seen};
use crate::tcp::Observation;

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

impl Builder {
    /// Adds a segment with its notes to the timeline.
    #[inline(never)]
    pub(super) fn add_segment_to_timeline(
        &mut self,
        id: PacketId<'_>,
        segment: &Segment<'_>,
        observation: &Observation,
        notes: Notes,
    ) {
        let excerpt = if segment.payload.is_empty() { segment.printed } else { segment.payload };
        let seen = Seen::Segment {
            role: observation.role,
            header: Box::new(*segment.header),
            excerpt: excerpt.iter().copied().take(limits::TIMELINE_EXCERPT_BYTES).collect(),
            captured: segment.payload.len() as u32,
        };
        self.add_to_timeline(id, seen, notes);
    }

    /// Adds a packet with its notes to the timeline.
    pub(super) fn add_to_timeline(&mut self, id: PacketId<'_>, seen: Seen, notes: Notes) {
        let PacketId { moment, origin, .. } = id;
        self.story.timeline.add(Entry { moment, origin, seen, notes: notes.into_list() });
    }
}
