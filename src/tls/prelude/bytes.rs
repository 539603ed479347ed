//! Looking for bytes within a message.

/// Whether `bytes` contain `wanted`.
pub(super) fn contains(bytes: &[u8], wanted: &[u8]) -> bool {
    bytes.windows(wanted.len()).any(|window| window == wanted)
}
