//! A word by which a protocol is recognised, of which only the beginning came.

use super::plain::WORD_BYTES;

/// The beginning of a word.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct PartialWord {
    bytes: [u8; WORD_BYTES],
    len: u8,
}

impl PartialWord {
    pub(super) fn is_empty(self) -> bool {
        self.len == 0
    }

    pub(super) fn as_slice(&self) -> &[u8] {
        self.bytes.get(..self.len.into()).unwrap_or_default()
    }

    /// With what follows, as far as there is room: no word is longer.
    pub(super) fn followed_by(mut self, bytes: &[u8]) -> Self {
        for (free, byte) in self.bytes.iter_mut().skip(self.len.into()).zip(bytes) {
            *free = *byte;
            self.len += 1;
        }
        self
    }
}
