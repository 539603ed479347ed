//! ICMP and ICMPv6: errors, with the packet that they quote, and neighbour discovery.

use etherparse::checksum::Sum16BitWords;
use etherparse::{IpNumber, ip_number};

use super::ip::{self, Datagram};
use super::span::Span;
use super::{checksum, neighbour, tcp};
use crate::packet::{Checksum, Content, IcmpError, IpHeader, Other, Quoted, Seq};

/// The message that `datagram` carries.
pub(super) fn read<'a>(ip: &IpHeader, datagram: &Datagram<'a>, verifies_checksums: bool) -> Content<'a> {
    let span = datagram.payload;
    let is_v6 = ip.source.is_ipv6();
    if is_v6 != (IpNumber(datagram.protocol) == ip_number::IPV6_ICMP) {
        return Content::Other(Other::IpProtocol(datagram.protocol));
    }
    let Some(icmp_type) = span.bytes.first() else {
        return Content::Other(Other::Malformed("ICMP header"));
    };
    match (is_v6, icmp_type) {
        // RFC 792: unreachable, source quench, time exceeded, parameter problem. RFC 4443, 2.1: below 128 are errors.
        (false, 3 | 4 | 11 | 12) | (true, 1..=4) => error(ip, datagram, verifies_checksums)
            .map_or(Content::Other(Other::Malformed("ICMP error")), |error| {
                Content::IcmpError(Box::new(error))
            }),
        (true, 135) => neighbour::discovery(ip, datagram, false),
        (true, 136) => neighbour::discovery(ip, datagram, true),
        _ => Content::Other(Other::Icmp),
    }
}

fn error<'a>(ip: &IpHeader, datagram: &Datagram<'a>, verifies_checksums: bool) -> Option<IcmpError<'a>> {
    let span = datagram.payload;
    let is_v6 = ip.source.is_ipv6();
    let (&[icmp_type, code, _, _, byte_4, byte_5, _, _], quote) = span.split::<8>()?;
    let mtu = match (is_v6, icmp_type, code) {
        // RFC 1191, 4: zero from routers that do not fill it in.
        (false, 3, 4) => span.be16(6).map(u32::from).filter(|mtu| *mtu > 0),
        // RFC 4443, 3.2.
        (true, 2, _) => span.be32(4),
        _ => None,
    };
    // RFC 4884, 4.1 to 4.4: where the quote's length is given, extensions follow it.
    let quote_len = match (is_v6, icmp_type) {
        (false, 3 | 11 | 12) => u32::from(byte_5) * 4,
        (true, 1 | 3) => u32::from(byte_4) * 8,
        _ => 0,
    };
    let quote = if (1..quote.wire_len).contains(&quote_len) { quote.within(quote_len) } else { quote };
    let quote = quote.unbounded();
    let mut header = tcp::blank();
    let inner = ip::read(quote, verifies_checksums, &mut header.ip).ok()?;
    let is_first_part = inner.fragment.is_none_or(|fragment| fragment.offset == 0);
    let transport = if is_first_part { inner.payload } else { Span::new(&[], 0) };
    let has_ports = matches!(IpNumber(inner.protocol), ip_number::TCP | ip_number::UDP);
    let is_tcp = IpNumber(inner.protocol) == ip_number::TCP;
    let checksum = span.be16(2).map_or(Checksum::Unseen, |found| {
        if !verifies_checksums || !span.is_whole() || (is_v6 && datagram.is_source_routed) {
            return Checksum::Unverified(found);
        }
        let (source, destination) = (ip.source, ip.destination);
        // RFC 4443, 2.3: only ICMPv6 covers a pseudo-header.
        let start = if is_v6 {
            checksum::pseudo_header(source, destination, ip_number::IPV6_ICMP.0, span.wire_len)
        } else {
            Sum16BitWords::new()
        };
        checksum::compare(found, start, span.bytes)
    });
    Some(IcmpError {
        ip: *ip,
        icmp_type,
        code,
        length: Some(span.wire_len),
        checksum,
        mtu,
        pointer: (!is_v6 && icmp_type == 12).then_some(byte_4),
        quoted: Quoted {
            source: header.ip.source,
            destination: header.ip.destination,
            source_port: transport.be16(0).filter(|_| has_ports),
            destination_port: transport.be16(2).filter(|_| has_ports),
            seq: transport.be32(4).filter(|_| is_tcp).map(Seq),
            protocol: Some(inner.protocol),
        },
        quoted_bytes: quote.bytes,
        quoted_segment: (is_tcp && is_first_part)
            .then(|| tcp::read_header(&mut header, &inner, verifies_checksums && inner.fragment.is_none()))
            .flatten()
            .filter(|()| header.tcp.options.is_some())
            .map(|()| Box::new(header)),
    })
}
