//! Parts of what is said in plain HTTP.

/// A part of a request or an answer in plain HTTP.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum AnswerPart {
    /// The empty line that ends its header (RFC 9112, 2.1).
    HeaderEnd,
    /// The rest of a chunk that has begun (RFC 9112, 7.1).
    ChunkEnd,
    /// The last of its chunks.
    LastChunk,
}
