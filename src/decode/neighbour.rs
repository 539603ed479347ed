//! ARP and neighbour discovery: who looks for which address, and whether it was found.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use etherparse::ether_type;

use super::Layer;
use super::ip::Datagram;
use super::span::Span;
use crate::packet::{Content, IpHeader, Neighbour, Other};

/// An ARP message (RFC 826) about IPv4 addresses; any other stays an EtherType.
pub(super) fn arp(span: Span<'_>) -> Layer<'_> {
    let Some(([_, _, 0x08, 0x00, hardware_len, 4, 0, operation @ (1 | 2)], addresses)) = span.split::<8>()
    else {
        return Layer::other(Other::EtherType(ether_type::ARP.0));
    };
    let hardware_len = usize::from(*hardware_len);
    let address = |offset: usize| addresses.be32(offset).map(Ipv4Addr::from_bits);
    // Sender's hardware and protocol address, then the target's.
    let (Some(sender), Some(target)) = (address(hardware_len), address(2 * hardware_len + 4)) else {
        return Layer::malformed("ARP message");
    };
    let is_answer = *operation == 2;
    let (target, asker) = if is_answer { (sender, target) } else { (target, sender) };
    Layer::Neighbour(Neighbour {
        target: target.into(),
        // RFC 5227, 1.1: a probe for an address one wants to take comes from nobody.
        asker: (!asker.is_unspecified()).then_some(asker.into()),
        is_answer,
    })
}

/// A neighbour solicitation or advertisement (RFC 4861, 4.3 and 4.4), which `datagram` carries.
pub(super) fn discovery<'a>(ip: &IpHeader, datagram: &Datagram<'_>, is_answer: bool) -> Content<'a> {
    let target = datagram.payload.bytes.get(8..).and_then(|bytes| bytes.first_chunk::<16>());
    let Some(target) = target else {
        return Content::Other(Other::Malformed("neighbour discovery message"));
    };
    let asker = if is_answer { ip.destination } else { ip.source };
    // RFC 4861, 4.3 and 4.4: the asker is unspecified during duplicate detection, and all hear unasked answers.
    let is_one = |address: IpAddr| !address.is_unspecified() && !address.is_multicast();
    Content::Neighbour(Neighbour {
        target: Ipv6Addr::from(*target).into(),
        asker: asker.address().is_some_and(is_one).then_some(asker),
        is_answer,
    })
}
