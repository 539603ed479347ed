//! Blocks: their types, their frame of two lengths, and what can be believed of a damaged one.

use crate::capture::file::order::Order;
use crate::limits;

/// A section header's type, the same in both byte orders.
pub(in crate::capture::file) const SECTION_HEADER: u32 = 0x0a0d_0d0a;
/// What shows a section's byte order, at byte 8 of its header.
pub(super) const BYTE_ORDER_MAGIC: u32 = 0x1a2b_3c4d;
pub(super) const INTERFACE_DESCRIPTION: u32 = 1;
/// Obsolete; its interface has 16 bits, and the other 16 count drops.
pub(super) const PACKET: u32 = 2;
pub(super) const SIMPLE_PACKET: u32 = 3;
pub(super) const NAME_RESOLUTION: u32 = 4;
pub(super) const INTERFACE_STATISTICS: u32 = 5;
pub(super) const ENHANCED_PACKET: u32 = 6;
pub(super) const JOURNAL_EXPORT: u32 = 9;
pub(super) const DECRYPTION_SECRETS: u32 = 10;

/// Bytes of the smallest block: type, length, and length again.
pub(super) const SMALLEST_BLOCK: usize = 12;
/// Bytes of a block with packet that surround the frame: at most 64 KiB of options, and the fixed fields.
pub(super) const AROUND_FRAME: usize = 66 * 1024;

/// The byte order that a section header shows; `None` for any other block.
pub(super) fn order_of(block: &[u8]) -> Option<Order> {
    if Order::Little.u32(block, 0) != SECTION_HEADER {
        return None;
    }
    [Order::Little, Order::Big].into_iter().find(|order| order.u32(block, 8) == BYTE_ORDER_MAGIC)
}

/// A block's type.
pub(super) fn kind_of(block: &[u8], order: Order) -> u32 {
    order.u32(block, 0)
}

/// Whether a block of `len` bytes repeats the length it `claimed` at its end.
pub(super) fn is_closed(bytes: &[u8], order: Order, claimed: usize, len: usize) -> bool {
    bytes.len() >= len && order.u32(bytes, len - 4) as usize == claimed
}

/// Whether a block's beginning is such that its length can be believed although its end is not seen.
pub(super) fn is_believable(bytes: &[u8], order: Order, len: usize) -> bool {
    let is_sized = (SMALLEST_BLOCK..=limits::FRAME_BYTES + AROUND_FRAME).contains(&len);
    match kind_of(bytes, order) {
        SECTION_HEADER => is_sized && len >= 28 && order_of(bytes).is_some(),
        ENHANCED_PACKET | PACKET => {
            // The captured length may itself be beyond the end.
            is_sized && len >= 32 && (bytes.len() < 24 || order.u32(bytes, 20) as usize <= len - 32)
        }
        // Their fixed fields and the two lengths; smaller ones are found by chance in a frame's own header.
        INTERFACE_DESCRIPTION | DECRYPTION_SECRETS => is_sized && len >= 20,
        INTERFACE_STATISTICS => is_sized && len >= 24,
        kind => is_sized && len >= 16 && is_known(kind),
    }
}

/// Whether blocks of this type are described in the draft or in Wireshark's registry.
pub(super) fn is_known(kind: u32) -> bool {
    matches!(
        kind,
        SECTION_HEADER
            | INTERFACE_DESCRIPTION
            | PACKET
            | SIMPLE_PACKET
            | NAME_RESOLUTION
            | INTERFACE_STATISTICS
            | ENHANCED_PACKET
            | JOURNAL_EXPORT
            | DECRYPTION_SECRETS
            // Custom blocks, which copiers may keep or must drop.
            | 0x0bad
            | 0x4000_0bad
    )
}
