//! Headers that an EtherType leads to, and those that lead to one: Ethernet, VLAN tags, LLC, PPP, PPPoE, MPLS.

use etherparse::{EtherType, ether_type};

use super::span::Span;
use super::{Layer, neighbour};
use crate::packet::Other;

/// RFC 3032, 5: a label stack in an Ethernet frame.
const MPLS: EtherType = EtherType(0x8847);
/// RFC 5332, 3: the same for multicast and upstream-assigned labels.
const MPLS_MULTICAST: EtherType = EtherType(0x8848);
/// RFC 2516, 4: the session stage.
const PPPOE_SESSION: EtherType = EtherType(0x8864);
/// Cisco metadata, which carries a security group tag.
const CISCO_METADATA: EtherType = EtherType(0x8909);
/// Transparent Ethernet bridging (RFC 1701; used by GRE and Geneve): a whole Ethernet frame.
const BRIDGED_ETHERNET: EtherType = EtherType(0x6558);
/// PPP in the enhanced GRE of PPTP (RFC 2637, 4.1).
const PPTP: EtherType = EtherType(0x880b);

/// Largest value of Ethernet's type field that is a length (IEEE 802.3, 3.2.6).
pub(super) const LARGEST_LENGTH: u16 = 1500;

/// An Ethernet frame, from its destination address on.
#[inline(never)]
pub(super) fn ethernet(span: Span<'_>) -> Layer<'_> {
    match span.split::<14>() {
        Some((header, rest)) => Layer::EtherType(u16::from_be_bytes([header[12], header[13]]), rest),
        None => Layer::malformed("Ethernet header"),
    }
}

/// What follows an EtherType.
#[inline(never)]
pub(super) fn ether_type(number: u16, span: Span<'_>) -> Layer<'_> {
    if number <= LARGEST_LENGTH {
        return Layer::Llc(span.within(number.into()));
    }
    match EtherType(number) {
        ether_type::IPV4 | ether_type::IPV6 => Layer::Ip(span),
        ether_type::ARP => neighbour::arp(span),
        ether_type::VLAN_TAGGED_FRAME
        | ether_type::PROVIDER_BRIDGING
        | ether_type::VLAN_DOUBLE_TAGGED_FRAME => match span.split::<4>() {
            Some((&[_, _, high, low], rest)) => Layer::EtherType(u16::from_be_bytes([high, low]), rest),
            None => Layer::malformed("VLAN tag"),
        },
        MPLS | MPLS_MULTICAST => Layer::Mpls(span),
        PPPOE_SESSION => pppoe(span).unwrap_or(Layer::malformed("PPPoE header")),
        // Version, length, option, tag: two bytes each but the first two; then the frame's own EtherType.
        CISCO_METADATA => match span.split::<8>() {
            Some((&[.., high, low], rest)) => Layer::EtherType(u16::from_be_bytes([high, low]), rest),
            None => Layer::malformed("Cisco metadata header"),
        },
        BRIDGED_ETHERNET => Layer::Ethernet(span),
        PPTP => Layer::Ppp(span),
        other => Layer::other(Other::EtherType(other.0)),
    }
}

/// LLC, and SNAP in it (RFC 1042).
#[inline(never)]
pub(super) fn llc(span: Span<'_>) -> Layer<'_> {
    match span.bytes {
        // Organisation 0 is EtherTypes, and so is 0x0000f8 (IEEE 802.1H).
        [0xaa, 0xaa, 0x03, 0, 0, 0 | 0xf8, high, low, ..] => match u16::from_be_bytes([*high, *low]) {
            number @ 0x0600.. => {
                span.skip(8).map_or(Layer::malformed("SNAP header"), |rest| Layer::EtherType(number, rest))
            }
            _ => Layer::other(Other::Link("SNAP")),
        },
        [0xaa, 0xaa, ..] => Layer::other(Other::Link("SNAP")),
        [0x42, 0x42, ..] => Layer::other(Other::Link("spanning tree")),
        [0xfe, 0xfe, ..] => Layer::other(Other::Link("OSI (IS-IS)")),
        _ => Layer::other(Other::Link("LLC")),
    }
}

/// A PPPoE header of the session stage (RFC 2516, 4): version and type, code, session, length.
pub(super) fn pppoe(span: Span<'_>) -> Option<Layer<'_>> {
    let (&[_, code, _, _, high, low], rest) = span.split::<6>()?;
    Some(match code {
        0 => Layer::Ppp(rest.within(u16::from_be_bytes([high, low]).into())),
        _ => Layer::other(Other::Link("PPPoE discovery")),
    })
}

/// A PPP frame (RFC 1661, 2): address and control where they were not compressed away (RFC 1662, 3.1), protocol.
#[inline(never)]
pub(super) fn ppp(span: Span<'_>) -> Layer<'_> {
    let span = match span.split::<2>() {
        Some(([0xff, 0x03], rest)) => rest,
        _ => span,
    };
    // RFC 1661, 2: a protocol's low byte is odd and its high byte even, so one byte suffices where they compress.
    let (protocol, rest) = match span.bytes {
        [low, ..] if low & 1 == 1 => (u16::from(*low), span.skip(1)),
        [high, low, ..] => (u16::from_be_bytes([*high, *low]), span.skip(2)),
        _ => return Layer::malformed("PPP header"),
    };
    match (protocol, rest) {
        (0x0021 | 0x0057, Some(rest)) => Layer::Ip(rest),
        (0x0281 | 0x0283, Some(rest)) => Layer::Mpls(rest),
        (0x002d, Some(rest)) => Layer::CompressedTcp(false, rest),
        (0x002f, Some(rest)) => Layer::CompressedTcp(true, rest),
        (0x0061 | 0x0063 | 0x0065 | 0x0067 | 0x0069 | 0x2061 | 0x2063 | 0x2065 | 0x2067 | 0x2069, _) => {
            Layer::other(Other::Link("IP with compressed headers in PPP (RFC 2507)"))
        }
        (0x00fd, _) => Layer::other(Other::Link("compressed data in PPP")),
        (0x0053, _) => Layer::other(Other::Link("encrypted data in PPP")),
        // Network protocols have numbers up to 0x3fff, control protocols above 0x8000.
        (0..0x8000, _) => Layer::other(Other::Link("PPP (not IP)")),
        _ => Layer::other(Other::Link("PPP control")),
    }
}

/// An MPLS label stack (RFC 3032, 2.1). Nothing in it names what follows the last label.
#[inline(never)]
pub(super) fn mpls(span: Span<'_>) -> Layer<'_> {
    let mut rest = span;
    loop {
        let Some((&[_, _, third, _], after)) = rest.split::<4>() else {
            return Layer::malformed("MPLS label stack");
        };
        rest = after;
        let is_bottom = third & 1 == 1;
        if is_bottom {
            break;
        }
    }
    // RFC 4928, 3: the first nibble is IP's version, or 0 in a pseudowire's control word (RFC 4385, 3).
    let carries_ip = match rest.bytes {
        [0x45..=0x4f, _, high, low, ..] => {
            let length = u16::from_be_bytes([*high, *low]);
            length == 0 || (20..=rest.wire_len).contains(&length.into())
        }
        [0x60..=0x6f, ..] => true,
        _ => false,
    };
    if carries_ip {
        return Layer::Ip(rest);
    }
    let controlled = rest.split::<4>().filter(|(word, _)| word[0] >> 4 == 0).map(|(_, frame)| frame);
    [controlled, Some(rest)]
        .into_iter()
        .flatten()
        .find(|frame| frame.be16(12).is_some_and(is_followed))
        .map_or(Layer::other(Other::Link("MPLS (not IP)")), Layer::Ethernet)
}

/// Whether `number` is an EtherType that is followed, as a sign that a guess at a header's place is right.
fn is_followed(number: u16) -> bool {
    matches!(
        EtherType(number),
        ether_type::IPV4
            | ether_type::IPV6
            | ether_type::ARP
            | ether_type::VLAN_TAGGED_FRAME
            | ether_type::PROVIDER_BRIDGING
            | ether_type::VLAN_DOUBLE_TAGGED_FRAME
            | MPLS
            | MPLS_MULTICAST
            | PPPOE_SESSION
    )
}
