//! A stretch of packet bytes that knows how long it was on the wire, however little of it was captured.

/// The bytes from some header on. `bytes` is never longer than `wire_len`.
#[derive(Clone, Copy, Debug)]
pub(super) struct Span<'a> {
    /// Those that were captured.
    pub bytes: &'a [u8],
    /// How many there were on the wire.
    pub wire_len: u32,
    /// Whether an enclosing header gives that length: nothing inside can be longer. A frame's own length is no such
    /// bound, since some tools shorten packets without leaving their length.
    is_bounded: bool,
}

impl<'a> Span<'a> {
    /// Captured `bytes` of `wire_len` on the wire; a `wire_len` that is too small to be true is corrected.
    pub fn new(bytes: &'a [u8], wire_len: u32) -> Self {
        Self { bytes, wire_len: wire_len.max(bytes.len() as u32), is_bounded: false }
    }

    /// The header of `N` bytes that begins here, and what follows it; `None` if it was not captured whole.
    pub fn split<const N: usize>(self) -> Option<(&'a [u8; N], Self)> {
        let (header, bytes) = self.bytes.split_first_chunk::<N>()?;
        Some((header, Self { bytes, wire_len: self.wire_len.saturating_sub(N as u32), ..self }))
    }

    /// What follows the next `len` bytes; `None` if they were not captured.
    pub fn skip(self, len: usize) -> Option<Self> {
        let bytes = self.bytes.get(len..)?;
        Some(Self { bytes, wire_len: self.wire_len.saturating_sub(len as u32), ..self })
    }

    /// The same place with the length that an enclosing header gives: bytes beyond it are padding or trailers.
    pub fn within(self, wire_len: u32) -> Self {
        let wire_len = if self.is_bounded { wire_len.min(self.wire_len) } else { wire_len };
        let captured = self.bytes.len().min(wire_len as usize);
        Self { bytes: self.bytes.get(..captured).unwrap_or_default(), wire_len, is_bounded: true }
    }

    /// The same place without a bound from outside, for quotes that are shorter than what they quote.
    pub fn unbounded(self) -> Self {
        Self { is_bounded: false, ..self }
    }

    /// Whether all of it was captured.
    pub fn is_whole(self) -> bool {
        self.bytes.len() as u32 == self.wire_len
    }

    /// The 16-bit number at `offset`.
    pub fn be16(self, offset: usize) -> Option<u16> {
        self.bytes.get(offset..)?.first_chunk().copied().map(u16::from_be_bytes)
    }

    /// The 32-bit number at `offset`.
    pub fn be32(self, offset: usize) -> Option<u32> {
        self.bytes.get(offset..)?.first_chunk().copied().map(u32::from_be_bytes)
    }
}
