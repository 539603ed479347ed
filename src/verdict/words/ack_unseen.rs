//! An acknowledgement that the capture lacks.

/// The sentence about it, after the others.
pub(in crate::verdict) const SENTENCE: &str = " The ACK itself is not in the capture, but the data was never retransmitted, as its sender \
 would have done without one.";
