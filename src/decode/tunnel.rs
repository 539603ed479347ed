//! Tunnels over IP and UDP whose headers lead to another packet: GRE, ERSPAN, VXLAN, Geneve, Teredo.

use super::Layer;
use super::span::Span;
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

    let Some((&[a, b, c, d, ..], payload)) = span.split::<8>() else {
        return Layer::malformed("UDP header");
    };
    let (source, destination) = (u16::from_be_bytes([a, b]), u16::from_be_bytes([c, d]));
    let inner = match destination {
        _ if source == DNS || destination == DNS => return Layer::Dns(source == DNS, payload),
        GENEVE => geneve(payload),
        port if VXLAN.contains(&port) => vxlan(payload),
        _ if source == TEREDO || destination == TEREDO => teredo(payload),
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
