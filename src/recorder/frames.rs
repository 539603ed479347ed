//! Frames as the recorder keeps them, and what it learned of each.

use std::ops::Range;
use std::sync::Arc;

use smallvec::SmallVec;

use crate::capture::Frame;
use crate::packet::{Content, Host, Origin, Packet};
use crate::tcp::Key;
use crate::time::Timestamp;

/// What is known of a frame besides its bytes.
pub(super) struct Kept {
    pub(super) number: u64,
    pub(super) at: Timestamp,
    link_type: u32,
    wire_len: u32,
    begin: u32,
    len: u32,
    /// The connection that it belongs to, or that the error in it is about.
    pub(super) key: Option<Key>,
    /// Who looks up a name or a neighbour in it, and which neighbour.
    pub(super) looked_up: SmallVec<[Host; 2]>,
}

/// What a frame costs in memory besides its bytes.
const OVERHEAD_BYTES: u64 = 160;

impl Kept {
    /// What it costs in memory, in bytes.
    pub(super) fn cost(&self) -> u64 {
        u64::from(self.len) + OVERHEAD_BYTES
    }
}

/// Frames that came one after the other. All bytes are in one place, so that a frame costs a copy and no allocation.
#[derive(Default)]
pub(super) struct Frames {
    bytes: Vec<u8>,
    kept: Vec<Kept>,
}

impl Frames {
    /// Takes a frame.
    pub(super) fn push(&mut self, frame: &Frame<'_>) {
        self.kept.push(Kept {
            number: frame.number,
            at: frame.at,
            link_type: frame.link_type,
            wire_len: frame.wire_len,
            begin: self.bytes.len() as u32,
            len: frame.bytes.len() as u32,
            key: None,
            looked_up: SmallVec::new(),
        });
        self.bytes.extend_from_slice(frame.bytes);
    }

    /// Learns what the frame was that was pushed last.
    pub(super) fn on_packet(&mut self, packet: &Packet<'_>) {
        let Some(kept) = self.kept.last_mut().filter(|kept| kept.number == packet.number) else { return };
        match &packet.content {
            Content::Segment(segment) => kept.key = Some(Key::of(segment.header)),
            Content::IcmpError(error) => kept.key = Key::of_quoted(&error.quoted),
            Content::Lookup(lookup) => kept.looked_up.push(lookup.client),
            Content::Neighbour(neighbour) => {
                kept.looked_up.extend(std::iter::once(neighbour.target).chain(neighbour.asker));
            }
            Content::Other(_) => {}
        }
    }

    /// Sets the last frame's key and hosts, as decoding its packet would.
    #[cfg(test)]
    pub(super) fn set(&mut self, key: Option<Key>, looked_up: &[Host]) {
        if let Some(kept) = self.kept.last_mut() {
            (kept.key, kept.looked_up) = (key, looked_up.into());
        }
    }

    /// What they cost in memory, in bytes.
    pub(super) fn cost(&self) -> u64 {
        self.bytes.len() as u64 + self.kept.len() as u64 * OVERHEAD_BYTES
    }

    /// Gives back the memory that further ones would have used.
    pub(super) fn shrink(&mut self) {
        self.bytes.shrink_to_fit();
        self.kept.shrink_to_fit();
    }

    /// What is known of each.
    pub(super) fn kept(&self) -> &[Kept] {
        &self.kept
    }

    /// One of them as it was captured.
    pub(super) fn frame(&self, kept: &Kept) -> Frame<'_> {
        let begin = kept.begin as usize;
        Frame {
            number: kept.number,
            origin: Origin::default(),
            at: kept.at,
            link_type: kept.link_type,
            wire_len: kept.wire_len,
            bytes: self.bytes.get(begin..begin + kept.len as usize).unwrap_or_default(),
        }
    }
}

/// Frames by their place, counted from 0.
#[derive(Default)]
pub(super) struct Snapshot {
    parts: Vec<Arc<Frames>>,
    /// The place of each part's first frame.
    begins: Vec<usize>,
    len: usize,
}

impl Snapshot {
    /// Creates a snapshot of these parts, in their order.
    pub(super) fn of<'f>(parts: impl IntoIterator<Item = &'f Arc<Frames>>) -> Self {
        let mut snapshot = Self::default();
        for part in parts {
            snapshot.begins.push(snapshot.len);
            snapshot.len += part.kept.len();
            snapshot.parts.push(Arc::clone(part));
        }
        snapshot
    }

    /// All of them, in their order.
    pub(super) fn iter(&self) -> impl Iterator<Item = &Kept> {
        self.parts.iter().flat_map(|part| &part.kept)
    }

    /// The frame at a place, and what is known of it.
    pub(super) fn at(&self, place: usize) -> Option<(Frame<'_>, &Kept)> {
        let index = self.begins.partition_point(|begin| *begin <= place).checked_sub(1)?;
        let part = self.parts.get(index)?;
        let kept = part.kept.get(place - self.begins.get(index)?)?;
        Some((part.frame(kept), kept))
    }

    /// Frees the memory of parts of which no place is wanted.
    pub(super) fn keep_only(&mut self, is_wanted: impl Fn(Range<usize>) -> bool) {
        for (part, begin) in self.parts.iter_mut().zip(&self.begins) {
            if !is_wanted(*begin..begin + part.kept.len()) {
                *part = Arc::default();
            }
        }
    }
}
