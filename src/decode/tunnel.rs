//! Tunnels over IP and UDP whose headers lead to another packet: GRE, ERSPAN, VXLAN, Geneve, Teredo, GTP-U, CAPWAP.

use super::span::Span;
use super::{Layer, wireless};
use crate::packet::Other;

/// What GRE's protocol field holds for ERSPAN types I and II, and for type III.
const ERSPAN: u16 = 0x88be;
const ERSPAN_III: u16 = 0x22eb;

/// GRE version 0 (RFC 2784, RFC 2890) and PPTP's version 1 (RFC 2637, 4.1).
#[inline(never)]
pub(super) fn gre(span: Span<'_>) -> Layer<'_> {
    const CHECKSUM: u16 = 0x8000;
    const ROUTING: u16 = 0x4000;
    const KEY: u16 = 0x2000;
    const SEQUENCE: u16 = 0x1000;
    const ACKNOWLEDGEMENT: u16 = 0x0080;
    const VERSION: u16 = 0x0007;

    let (Some(flags), Some(protocol)) = (span.be16(0), span.be16(2)) else {
        return Layer::malformed("GRE header");
    };
    // RFC 2784, 2.3: routing is what RFC 1701 had, and is not followed; versions above 1 do not exist.
    if flags & ROUTING != 0 || flags & VERSION > 1 {
        return Layer::other(Other::IpProtocol(etherparse::ip_number::GRE.0));
    }
    let optional = [CHECKSUM, KEY, SEQUENCE, ACKNOWLEDGEMENT];
    let fields = optional.iter().filter(|bit| flags & **bit != 0).count();
    match span.skip(4 + 4 * fields) {
        // RFC 2637, 4.2: an acknowledgement can travel alone.
        Some(rest) if rest.wire_len == 0 => Layer::other(Other::IpProtocol(etherparse::ip_number::GRE.0)),
        Some(rest) => match protocol {
            ERSPAN | ERSPAN_III => erspan(protocol, flags & SEQUENCE != 0, rest),
            _ => Layer::EtherType(protocol, rest),
        },
        None => Layer::malformed("GRE header"),
    }
}

/// A mirror session's header and the mirrored Ethernet frame (draft-foschiano-erspan-03, 4).
fn erspan(protocol: u16, has_sequence: bool, span: Span<'_>) -> Layer<'_> {
    let header_len = match protocol {
        // Type II has a header of 8 bytes. Type I, which has none, has no sequence number in GRE either.
        ERSPAN => Some(if has_sequence { 8 } else { 0 }),
        // Type III has 12, and 8 more if the last bit is set.
        _ => span.bytes.get(11).map(|last| if last & 1 == 0 { 12 } else { 20 }),
    };
    header_len.and_then(|len| span.skip(len)).map_or(Layer::malformed("ERSPAN header"), Layer::Ethernet)
}

/// A UDP datagram: a tunnel by its port and the look of its header, or what is only counted.
#[inline(never)]
pub(super) fn udp(span: Span<'_>) -> Layer<'_> {
    /// Name service (RFC 1035, 4.2.1).
    const DNS: u16 = 53;
    /// VXLAN's assigned port (RFC 7348, 5), and the one Linux took before there was one.
    const VXLAN: [u16; 2] = [4789, 8472];
    /// RFC 8926, 3.3.
    const GENEVE: u16 = 6081;
    /// RFC 4380, 2.7.
    const TEREDO: u16 = 3544;
    /// 3GPP TS 29.281, 4.4.2.
    const GTP_U: u16 = 2152;
    /// RFC 5415, 3.1: the data channel.
    const CAPWAP: u16 = 5247;

    let Some((&[a, b, c, d, ..], payload)) = span.split::<8>() else {
        return Layer::malformed("UDP header");
    };
    let (source, destination) = (u16::from_be_bytes([a, b]), u16::from_be_bytes([c, d]));
    let inner = match destination {
        _ if source == DNS || destination == DNS => return Layer::Dns(source == DNS, payload),
        GENEVE => geneve(payload),
        port if VXLAN.contains(&port) => vxlan(payload),
        _ if source == TEREDO || destination == TEREDO => teredo(payload),
        _ if source == GTP_U || destination == GTP_U => gtp_u(payload),
        _ if source == CAPWAP || destination == CAPWAP => capwap(payload),
        _ => None,
    };
    inner.unwrap_or(Layer::other(Other::Udp))
}

/// RFC 7348, 5: flags of which the one for a valid network identifier is set, and an Ethernet frame.
fn vxlan(span: Span<'_>) -> Option<Layer<'_>> {
    let (header, frame) = span.split::<8>()?;
    (header[0] & 0x08 != 0).then_some(Layer::Ethernet(frame))
}

/// RFC 8926, 3.4: version 0, options in units of four bytes, and an EtherType.
fn geneve(span: Span<'_>) -> Option<Layer<'_>> {
    let (&[version_and_options, _, high, low, ..], options) = span.split::<8>()?;
    if version_and_options >> 6 != 0 {
        return None;
    }
    let inner = options.skip(usize::from(version_and_options & 0x3f) * 4)?;
    Some(Layer::EtherType(u16::from_be_bytes([high, low]), inner))
}

/// RFC 4380, 5.1.1: authentication and origin indications may precede the IPv6 packet.
fn teredo(mut span: Span<'_>) -> Option<Layer<'_>> {
    if let [0, 1, client_len, key_len, ..] = span.bytes {
        // Two lengths, the fields they measure, a nonce of eight bytes and a confirmation byte.
        span = span.skip(4 + usize::from(*client_len) + usize::from(*key_len) + 9)?;
    }
    if let [0, 0, ..] = span.bytes {
        span = span.skip(8)?;
    }
    (span.bytes.first()? >> 4 == 6).then_some(Layer::Ip(span))
}

/// GTP-U of version 1 (3GPP TS 29.281, 5.1): flags, message type, the length of what follows the first 8 bytes, a tunnel's endpoint.
/// Any of three flags adds 4 bytes, the last of which begins a chain of extension headers (5.2.1).
fn gtp_u(span: Span<'_>) -> Option<Layer<'_>> {
    const USER_DATA: u8 = 255;
    const EXTENSION: u8 = 4;
    let (&[flags, kind, high, low, ..], rest) = span.split::<8>()?;
    // Version 1, and GTP, not its charging protocol.
    if flags >> 4 != 3 {
        return None;
    }
    if kind != USER_DATA {
        return Some(Layer::other(Other::Link("GTP-U (no user data)")));
    }
    let mut inner = rest.within(u16::from_be_bytes([high, low]).into());
    if flags & 7 != 0 {
        let (&[_, _, _, first], after) = inner.split::<4>()?;
        inner = after;
        let mut next = if flags & EXTENSION == 0 { 0 } else { first };
        while next != 0 {
            let len = usize::from(*inner.bytes.first().filter(|units| **units > 0)?) * 4;
            next = *inner.bytes.get(len - 1)?;
            inner = inner.skip(len)?;
        }
    }
    // Nothing in it names what it carries: IP, or an Ethernet or unstructured session's data (TS 23.501, 5.6.10).
    Some(match inner.bytes.first()? >> 4 {
        4 | 6 => Layer::Ip(inner),
        _ => Layer::other(Other::Link("GTP-U (not IP)")),
    })
}

/// CAPWAP's data channel (RFC 5415, 4.3): a preamble, then lengths and flags, and a frame of Ethernet or, by the binding of RFC 5416,
/// of 802.11.
fn capwap(span: Span<'_>) -> Option<Layer<'_>> {
    const WIRELESS: u32 = 1 << 8;
    const FRAGMENT: u32 = 1 << 7;
    const KEEP_ALIVE: u32 = 1 << 3;
    const IEEE_802_11: u32 = 1;
    let word = span.be32(0)?;
    match word >> 24 {
        0 => {}
        // RFC 5415, 4.2.
        1 => return Some(Layer::other(Other::Link("CAPWAP (encrypted)"))),
        _ => return None,
    }
    let header_len = (word >> 19 & 31) as usize * 4;
    let inner = span.skip(header_len.max(8))?;
    let other = |name| Some(Layer::other(Other::Link(name)));
    if word & KEEP_ALIVE != 0 {
        return other("CAPWAP keep-alive");
    }
    if word & FRAGMENT != 0 {
        return other("CAPWAP fragment");
    }
    match (word & WIRELESS != 0, word >> 9 & 31) {
        (false, _) => Some(Layer::Ethernet(inner)),
        (true, IEEE_802_11) => wireless::frame_in_capwap(inner),
        (true, _) => other("CAPWAP (not 802.11)"),
    }
}
