//! The link-type table: which header a frame begins with (tcpdump.org/linktypes.html), and what follows it.

use super::span::Span;
use super::{Layer, ether, wireless};
use crate::capture::Frame;
use crate::capture::file::link_type;
use crate::packet::{Direction, Other};

/// The link types that are read, in the order of their numbers: the arms of `strip`.
pub const READ: [u32; 21] =
    [0, 1, 9, 50, 51, 101, 104, 105, 108, 113, 119, 127, 163, 192, 204, 228, 229, 239, 242, 253, 276];

/// Strips the link header. Also returns which way the frame went, where the link header records it.
#[inline(never)]
pub(super) fn strip(link_type: u32, span: Span<'_>) -> (Layer<'_>, Option<Direction>) {
    let or_cut = |layer: Option<_>| (layer.unwrap_or(Layer::malformed("link header")), None);
    match link_type {
        // LINKTYPE_NULL in the writing host's byte order, LINKTYPE_LOOP in network order: the value shows which it is.
        0 | 108 => or_cut(bsd_loopback(span)),
        // Nearly all frames: straight to what they carry.
        1 => match span.split::<14>() {
            Some(([.., 0x08, 0x00], datagram)) => (Layer::Ip(datagram), None),
            _ => (Layer::Ethernet(span), None),
        },
        // LINKTYPE_RAW, LINKTYPE_IPV4, LINKTYPE_IPV6.
        101 | 228 | 229 => (Layer::Ip(span), None),
        // LINKTYPE_PPP_HDLC: PPP, or Cisco's HDLC, which begins with 0x0f or 0x8f (RFC 1547, 4.3.1).
        50 if matches!(span.bytes.first(), Some(0x0f | 0x8f)) => or_cut(cisco_hdlc(span)),
        // LINKTYPE_PPP and LINKTYPE_PPP_HDLC, with or without HDLC address and control.
        9 | 50 => (Layer::Ppp(span), None),
        // LINKTYPE_PPP_ETHER: a PPPoE header without Ethernet before it.
        51 => (ether::pppoe(span).unwrap_or(Layer::malformed("PPPoE header")), None),
        104 => or_cut(cisco_hdlc(span)),
        105 => or_cut(wireless::frame(span, false)),
        113 => cooked(span).unwrap_or((Layer::malformed("link header"), None)),
        119 => or_cut(wireless::prism(span)),
        127 => or_cut(wireless::radiotap(span)),
        163 => or_cut(wireless::avs(span)),
        192 => or_cut(per_packet_information(span)),
        // LINKTYPE_PPP_WITH_DIR: 0 is received, anything else sent.
        204 => match span.split::<1>() {
            Some(([direction], rest)) => (Layer::Ppp(rest), Some(Direction::of(*direction != 0))),
            None => (Layer::malformed("link header"), None),
        },
        239 => or_cut(nflog(span)),
        253 => or_cut(netlink(span)),
        // LINKTYPE_IPOIB: a 40-byte global routing header, EtherType, two reserved bytes.
        242 => or_cut(span.skip(40).and_then(Span::split::<4>).map(|(header, rest)| {
            let [high, low, ..] = *header;
            Layer::EtherType(u16::from_be_bytes([high, low]), rest)
        })),
        276 => cooked_v2(span).unwrap_or((Layer::malformed("link header"), None)),
        other => (Layer::other(Other::LinkType(other)), None),
    }
}

/// Writes a frame as Ethernet would carry it, for what understands no other link header. Returns whether what it carries has an
/// EtherType.
pub fn as_ethernet(frame: &Frame<'_>, ethernet: &mut Vec<u8>) -> bool {
    let captured = Span::new(frame.bytes, frame.wire_len);
    let layer = match strip(frame.link_type, captured).0 {
        Layer::Ppp(span) => ether::ppp(span),
        layer => layer,
    };
    let (number, span) = match layer {
        Layer::Ethernet(span) => {
            ethernet.clear();
            ethernet.extend_from_slice(span.bytes);
            return true;
        }
        Layer::EtherType(number, span) => (number, span),
        Layer::Ip(span) if span.bytes.first().is_some_and(|byte| byte >> 4 == 6) => (0x86dd, span),
        Layer::Ip(span) => (0x0800, span),
        Layer::Mpls(span) => (0x8847, span),
        Layer::Llc(span) => (span.wire_len.min(ether::LARGEST_LENGTH.into()) as u16, span),
        // What is compressed passes, and is selected once its headers are there.
        Layer::Ppp(_) | Layer::CompressedTcp(..) | Layer::Neighbour(_) | Layer::Dns(..) | Layer::Other(_) => {
            return false;
        }
    };
    ethernet.clear();
    ethernet.extend_from_slice(&[0; 12]);
    ethernet.extend_from_slice(&number.to_be_bytes());
    ethernet.extend_from_slice(span.bytes);
    true
}

/// A 32-bit address family: 2 is IPv4 everywhere, IPv6 is 24 (NetBSD, OpenBSD), 28 (FreeBSD), 30 (macOS), 10 (Linux).
fn bsd_loopback(span: Span<'_>) -> Option<Layer<'_>> {
    let (family, rest) = span.split::<4>()?;
    // A family is below 256: the end that holds it shows the byte order.
    Some(match family {
        [0, 0, 0, family] | [family, 0, 0, 0] if matches!(family, 2 | 10 | 24 | 28 | 30) => Layer::Ip(rest),
        _ => Layer::other(Other::Link("BSD loopback (not IP)")),
    })
}

/// Cisco's HDLC: address, control, and an EtherType.
fn cisco_hdlc(span: Span<'_>) -> Option<Layer<'_>> {
    let (&[_, _, high, low], rest) = span.split::<4>()?;
    Some(match u16::from_be_bytes([high, low]) {
        // Numbers below the EtherTypes are Cisco's own (keep-alives are 0x8035).
        0..0x0600 => Layer::other(Other::Link("Cisco HDLC")),
        number => Layer::EtherType(number, rest),
    })
}

/// Linux cooked capture, LINKTYPE_LINUX_SLL: packet type, ARPHRD type, address length and address, protocol.
fn cooked(span: Span<'_>) -> Option<(Layer<'_>, Option<Direction>)> {
    let (header, rest) = span.split::<16>()?;
    let packet_type = u16::from_be_bytes([header[0], header[1]]);
    let protocol = u16::from_be_bytes([header[14], header[15]]);
    Some((cooked_protocol(protocol, rest), cooked_direction(packet_type)))
}

/// Linux cooked capture, LINKTYPE_LINUX_SLL2: protocol, reserved, interface, ARPHRD type, packet type, address.
fn cooked_v2(span: Span<'_>) -> Option<(Layer<'_>, Option<Direction>)> {
    let (header, rest) = span.split::<20>()?;
    let protocol = u16::from_be_bytes([header[0], header[1]]);
    Some((cooked_protocol(protocol, rest), cooked_direction(header[10].into())))
}

/// The packet type of LINKTYPE_LINUX_SLL2, which alone among its facts reaches tcpdump's lines.
pub(super) fn cooked_type(frame: &Frame<'_>) -> Option<u8> {
    if frame.link_type == 276 { frame.bytes.get(10).copied() } else { None }
}

fn cooked_protocol(protocol: u16, rest: Span<'_>) -> Layer<'_> {
    match protocol {
        // linux/if_ether.h: ETH_P_802_2 is LLC without a length; other numbers below 0x0600 are Linux's own.
        0x0004 => Layer::Llc(rest),
        0..0x0600 => Layer::other(Other::Link("Linux cooked (not an EtherType)")),
        number => Layer::EtherType(number, rest),
    }
}

/// 0 is for this host, 4 from it. Broadcast, multicast and others' packets in promiscuous mode have no direction.
fn cooked_direction(packet_type: u16) -> Option<Direction> {
    matches!(packet_type, 0 | 4).then(|| Direction::of(packet_type == 4))
}

/// LINKTYPE_PPI: a little-endian header that contains its own length and the link type of what follows, as a `DLT_` value.
fn per_packet_information(span: Span<'_>) -> Option<Layer<'_>> {
    let (header, _) = span.split::<8>()?;
    let header_len = u16::from_le_bytes([header[2], header[3]]);
    let dlt = u32::from_le_bytes([header[4], header[5], header[6], header[7]]);
    let rest = span.skip(usize::from(header_len).max(8))?;
    Some(match link_type::from_dlt(dlt) {
        1 => Layer::Ethernet(rest),
        101 => Layer::Ip(rest),
        105 => wireless::frame(rest, false)?,
        127 => wireless::radiotap(rest)?,
        other => Layer::other(Other::LinkType(other)),
    })
}

/// LINKTYPE_NETLINK: a cooked header, whose last field is the netlink family, and netlink messages (netlink(7)) in the byte order of
/// the host that captured. The first message of NFLOG is followed.
fn netlink(span: Span<'_>) -> Option<Layer<'_>> {
    /// `NETLINK_NETFILTER` of linux/netlink.h.
    const NETFILTER: u16 = 12;
    /// `NFNL_SUBSYS_ULOG` and `NFULNL_MSG_PACKET` of linux/netfilter.
    const PACKET: u16 = 0x0400;
    let (cooked, message) = span.split::<16>()?;
    if u16::from_be_bytes([cooked[14], cooked[15]]) != NETFILTER {
        return Some(Layer::other(Other::Link("netlink (not netfilter)")));
    }
    let (header, body) = message.split::<16>()?;
    let [a, b, c, d, kind_a, kind_b, ..] = *header;
    // A length takes two bytes at most, so that the zeros show the byte order.
    let (len, kind) = if [c, d] == [0, 0] {
        (u32::from_le_bytes([a, b, c, d]), u16::from_le_bytes([kind_a, kind_b]))
    } else {
        (u32::from_be_bytes([a, b, c, d]), u16::from_be_bytes([kind_a, kind_b]))
    };
    match kind {
        PACKET => nflog(body.within(len.checked_sub(16)?)),
        _ => Some(Layer::other(Other::Link("netlink (netfilter, no packet)"))),
    }
}

/// LINKTYPE_NFLOG: family, version, resource, then attributes of length and type in the writing host's byte order.
fn nflog(span: Span<'_>) -> Option<Layer<'_>> {
    /// `NFULA_PAYLOAD` of linux/netfilter/nfnetlink_log.h.
    const PAYLOAD: u16 = 9;
    let (_, attributes) = span.split::<4>()?;
    [u16::from_le_bytes, u16::from_be_bytes].into_iter().find_map(|number| {
        let mut rest = attributes;
        loop {
            let (&[len_a, len_b, type_a, type_b], value) = rest.split::<4>()?;
            let len = number([len_a, len_b]);
            let value_len = len.checked_sub(4)?;
            if number([type_a, type_b]) == PAYLOAD {
                return Some(Layer::Ip(value.within(value_len.into())));
            }
            rest = rest.skip(usize::from(len).next_multiple_of(4))?;
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_read_is_listed_and_nothing_else_is() {
        // A file has 16 bits for the number (draft-ietf-opsawg-pcap, 4).
        let is_read = |link_type: &u32| {
            !matches!(strip(*link_type, Span::new(&[], 0)).0, Layer::Other(Other::LinkType(_)))
        };
        assert_eq!((0..=u32::from(u16::MAX)).filter(is_read).collect::<Vec<_>>(), READ);
    }
}
