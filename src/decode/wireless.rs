//! IEEE 802.11 frames, and the headers that capture tools put before them.

use super::Layer;
use super::span::Span;
use crate::packet::Other;

/// LINKTYPE_IEEE802_11_RADIOTAP: a little-endian header that names its own length (radiotap.org).
pub(super) fn radiotap(span: Span<'_>) -> Option<Layer<'_>> {
    /// The flag of a capture in which the 802.11 header is padded to 4 bytes.
    const PADDED: u8 = 0x20;
    let (header, _) = span.split::<8>()?;
    let header_len = u16::from_le_bytes([header[2], header[3]]);
    let is_padded = radiotap_flags(span.bytes).is_some_and(|flags| flags & PADDED != 0);
    frame(span.skip(usize::from(header_len).max(8))?, is_padded)
}

/// The flags field: the second one, after a timestamp of 8 bytes if that is present.
fn radiotap_flags(bytes: &[u8]) -> Option<u8> {
    const TIMESTAMP: u32 = 1;
    const FLAGS: u32 = 1 << 1;
    const MORE_WORDS: u32 = 1 << 31;
    let push = |number: u32, byte: &u8| number << 8 | u32::from(*byte);
    let mut words = bytes.get(4..)?.chunks_exact(4).map(|word| word.iter().rev().fold(0, push));
    let first = words.next()?;
    let more = if first & MORE_WORDS == 0 { 0 } else { 1 + words.position(|word| word & MORE_WORDS == 0)? };
    let fields = 8 + 4 * more;
    let timestamp = if first & TIMESTAMP == 0 { 0 } else { fields.next_multiple_of(8) - fields + 8 };
    (first & FLAGS != 0).then(|| bytes.get(fields + timestamp).copied()).flatten()
}

/// LINKTYPE_IEEE802_11_AVS: version and length, big-endian.
pub(super) fn avs(span: Span<'_>) -> Option<Layer<'_>> {
    frame(span.skip(span.be32(4)? as usize)?, false)
}

/// LINKTYPE_IEEE802_11_PRISM: 144 bytes, or an AVS header in its place.
pub(super) fn prism(span: Span<'_>) -> Option<Layer<'_>> {
    const PRISM_BYTES: usize = 144;
    /// The versions of AVS headers are 0x80211 and a digit.
    const AVS_VERSIONS: u32 = 0x0802_1100;
    if span.be32(0)? & 0xffff_f000 == AVS_VERSIONS & 0xffff_f000 {
        return avs(span);
    }
    frame(span.skip(PRISM_BYTES)?, false)
}

/// An 802.11 frame (IEEE 802.11, 9.2.3): frame control, duration, addresses, and LLC in data frames.
pub(super) fn frame(span: Span<'_>, is_padded: bool) -> Option<Layer<'_>> {
    let [control, flags, ..] = *span.bytes else { return None };
    data(span, control, flags, is_padded)
}

/// An 802.11 frame in CAPWAP (RFC 5416). Cisco's controllers exchange the bytes of its frame control.
pub(super) fn frame_in_capwap(span: Span<'_>) -> Option<Layer<'_>> {
    let [first, second, ..] = *span.bytes else { return None };
    // Version 0 and data, of which byte they are.
    let is_data = |control: u8| control & 0x0f == 0x08;
    let (control, flags) = if is_data(second) && !is_data(first) { (second, first) } else { (first, second) };
    data(span, control, flags, false)
}

fn data(span: Span<'_>, control: u8, flags: u8, is_padded: bool) -> Option<Layer<'_>> {
    const DATA: u8 = 2;
    /// Subtypes with this bit carry nothing: null, and QoS null.
    const EMPTY: u8 = 4;
    const QOS: u8 = 8;
    let kind = control >> 2 & 3;
    let subtype = control >> 4;
    if kind != DATA || subtype & EMPTY != 0 {
        return Some(Layer::other(Other::Link("802.11 (no data)")));
    }
    // Protected frame.
    if flags & 0x40 != 0 {
        return Some(Layer::other(Other::Link("802.11 (encrypted)")));
    }
    let is_between_access_points = flags & 3 == 3;
    let has_high_throughput_control = subtype & QOS != 0 && flags & 0x80 != 0;
    let mut header_len = 24usize;
    header_len += if is_between_access_points { 6 } else { 0 };
    let quality_at = header_len;
    header_len += if subtype & QOS != 0 { 2 } else { 0 };
    header_len += if has_high_throughput_control { 4 } else { 0 };
    if is_padded {
        header_len = header_len.next_multiple_of(4);
    }
    // Aggregated MSDUs begin with headers of their own.
    let is_aggregate = subtype & QOS != 0 && span.bytes.get(quality_at)? & 0x80 != 0;
    if is_aggregate {
        return Some(Layer::other(Other::Link("802.11 (aggregated)")));
    }
    Some(Layer::Llc(span.skip(header_len)?))
}
