//! Lines that an author quotes again to explain them.

use std::collections::HashSet;
use std::hash::BuildHasher;

use foldhash::fast::FixedState;

use super::draft::Draft;
use crate::capture::transcript::clock::Stamp;
use crate::capture::transcript::counted::counted;
use crate::capture::transcript::parts::{Parts, has_words};
use crate::limits::TRANSCRIPT_CONVERSATIONS;

/// The packets so far, each by its time, its ends and its flags.
#[derive(Debug, Default)]
pub struct Quotes {
    seen: HashSet<u64, FixedState>,
    /// Packets that were shown again.
    quoted: u64,
}

impl Quotes {
    /// Whether words come before this packet and after it, and it was there already: the same ends and flags at the same microsecond.
    /// Several packets that follow each other are another capture.
    pub fn is_quoted(&mut self, draft: &Draft, parts: &Parts) -> bool {
        let Some(hash) = self.hash(draft) else { return false };
        let is_known = self.seen.contains(&hash);
        if self.seen.len() < TRANSCRIPT_CONVERSATIONS {
            self.seen.insert(hash);
        }
        let mut below = draft.lines_from(1).iter().map(|(text, _)| text.as_str());
        let is_marked = draft.text(0).ends_with(['`', '>', '.']);
        let is_alone =
            is_marked || below.any(|text| text.is_empty() || text.starts_with("```") || has_words(text));
        let is_quoted = is_known && is_alone && parts.is_after_words(draft.line);
        self.quoted += u64::from(is_quoted);
        is_quoted
    }

    /// How many there were, in a sentence.
    pub fn note(&self) -> Option<String> {
        counted(self.quoted, "shown again and counted once")
    }

    /// The packet by what its author leaves in a quotation; `None` if its time may count from something in the capture, as those of other
    /// captures do as well.
    fn hash(&self, draft: &Draft) -> Option<u64> {
        const AN_HOUR: i64 = 3_600_000_000_000;
        let nanos = match draft.stamp {
            Stamp::Time(nanos) if nanos >= AN_HOUR => nanos,
            Stamp::DateTime(nanos) | Stamp::Epoch(nanos) => nanos,
            _ => return None,
        };
        let text = draft.text(0);
        if draft.digits < 6 {
            return None;
        }
        let flags = memchr::memmem::find(text.as_bytes(), b"Flags [")
            .and_then(|at| Some(at + text.get(at..)?.find(']')?));
        let head = text.get(..flags.unwrap_or(text.len()))?;
        head.contains(" > ").then(|| self.seen.hasher().hash_one((nanos, head)))
    }
}
