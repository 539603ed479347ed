//! Packets around connections, without names: ICMP errors, ARP, neighbour discovery and DNS.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::build::{self, Carried, address_bytes, ip_packet, link_address, put, summed};
use crate::packet::{DnsMessage, Host, IcmpError, IpHeader, IpVersion, Neighbour, NoAddress};

/// An ICMP error with what it quotes: of a TCP segment the header.
pub(super) fn icmp_error(error: &IcmpError<'_>) -> Carried {
    let quoted = &error.quoted;
    let transport = if let Some(header) = &error.quoted_segment {
        build::segment(header, header, &[]).0
    } else {
        let port = |port: Option<u16>| port.map_or([0; 2], u16::to_be_bytes);
        let mut bytes = [port(quoted.source_port), port(quoted.destination_port)].concat();
        bytes.extend(quoted.seq.map_or([0; 4], |seq| seq.0.to_be_bytes()));
        bytes
    };
    let inner = error
        .quoted_segment
        .as_ref()
        .map_or_else(|| IpHeader::between(quoted.source, quoted.destination), |header| header.ip);
    let quote = ip_packet(&inner, quoted.protocol.unwrap_or(build::TCP), &transport, transport.len());
    let is_v6 = error.ip.version == IpVersion::V6;
    let mut message = vec![error.icmp_type, error.code, 0, 0, error.pointer.unwrap_or(0), 0, 0, 0];
    match error.mtu {
        Some(mtu) if is_v6 => {
            put(&mut message, 4, (mtu >> 16) as u16);
            put(&mut message, 6, mtu as u16);
        }
        Some(mtu) => put(&mut message, 6, mtu as u16),
        None => {}
    }
    message.extend(quote.bytes);
    let protocol = if is_v6 { build::ICMP_V6 } else { build::ICMP };
    let message = summed(message, 2, is_v6.then_some((&error.ip, protocol)), 0);
    ip_packet(&IpHeader { length: None, ..error.ip }, protocol, &message, message.len())
}

/// ARP (RFC 826), or neighbour discovery (RFC 4861, 4.3 and 4.4).
pub(super) fn neighbour(message: &Neighbour) -> Option<Carried> {
    match message.target.address()? {
        IpAddr::V4(target) => Some(arp(message, target.into())),
        IpAddr::V6(target) => Some(discovery(message, target)),
    }
}

fn arp(message: &Neighbour, target: Host) -> Carried {
    let asker = message.asker.unwrap_or(Ipv4Addr::UNSPECIFIED.into());
    let (sender, receiver) = if message.is_answer { (target, asker) } else { (asker, target) };
    let operation = if message.is_answer { 2 } else { 1 };
    let mut bytes = vec![0, 1, 8, 0, 6, 4, 0, operation];
    bytes.extend(link_address(sender));
    bytes.extend(address_bytes(sender));
    bytes.extend(if message.is_answer { link_address(receiver) } else { [0; 6] });
    bytes.extend(address_bytes(receiver));
    let wire_len = bytes.len();
    Carried { ether_type: 0x0806, bytes, wire_len, ends: [sender, receiver] }
}

fn discovery(message: &Neighbour, target: Ipv6Addr) -> Carried {
    const ALL_NODES: Ipv6Addr = Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, 1);
    let asker = message.asker.and_then(Host::address);
    let (source, destination) = if message.is_answer {
        (target.into(), asker.unwrap_or(ALL_NODES.into()))
    } else {
        let [.., high, low] = target.segments();
        // RFC 4291, 2.7.1: the last 24 bits.
        let group = Ipv6Addr::new(0xff02, 0, 0, 0, 0, 1, 0xff00 | (high & 0xff), low);
        (asker.unwrap_or(Ipv6Addr::UNSPECIFIED.into()), group.into())
    };
    let mut ip = IpHeader::between(source, destination);
    ip.hop_limit = Some(255);
    let mut bytes = vec![if message.is_answer { 136 } else { 135 }, 0, 0, 0, 0, 0, 0, 0];
    bytes.extend(target.octets());
    let bytes = summed(bytes, 2, Some((&ip, build::ICMP_V6)), 0);
    ip_packet(&ip, build::ICMP_V6, &bytes, bytes.len())
}

/// A DNS message over UDP (RFC 1035, 4.1): the question, and the addresses in the answer.
pub(super) fn lookup(message: &DnsMessage) -> Carried {
    const DNS_PORT: u16 = 53;
    /// The first of the dynamic ports (RFC 6335, 6): which one it was is not known any more.
    const CLIENT_PORT: u16 = 49_152;
    let (source, destination) = if message.is_answer {
        (message.resolver, message.client)
    } else {
        (message.client, message.resolver)
    };
    let ports = if message.is_answer { [DNS_PORT, CLIENT_PORT] } else { [CLIENT_PORT, DNS_PORT] };
    let content = dns(message);
    let len = (8 + content.len()) as u16;
    let mut bytes: Vec<u8> = ports.into_iter().chain([len, 0]).flat_map(u16::to_be_bytes).collect();
    bytes.extend(content);
    let ip = IpHeader::between(source, destination);
    let bytes = summed(bytes, 6, Some((&ip, build::UDP)), 0);
    ip_packet(&ip, build::UDP, &bytes, bytes.len())
}

fn dns(message: &DnsMessage) -> Vec<u8> {
    /// Recursion is wanted; the same in a response, where it is available (RFC 1035, 4.1.1).
    const QUESTION: u16 = 0x0100;
    const RESPONSE: u16 = 0x8180;
    /// The answer is not whole.
    const CUT: u16 = 0x0200;
    // Types A, PTR and AAAA (RFC 1035, 3.2.2; RFC 3596, 2.1), and the class of the Internet.
    let kind = |address: &IpAddr| if address.is_ipv6() { 28_u16 } else { 1 };
    let asked = match (message.is_for_addresses, message.is_ipv6) {
        (true, true) => 28,
        (true, false) => 1,
        (false, _) => 12,
    };
    let flags = match (message.is_answer, message.failure) {
        (false, _) => QUESTION,
        (true, Some(NoAddress::Rcode(code))) => RESPONSE | u16::from(code & 15),
        (true, None) if message.addresses.is_empty() => RESPONSE | CUT,
        (true, Some(NoAddress::NoRecord) | None) => RESPONSE,
    };
    let count = if message.is_answer { message.addresses.len() as u16 } else { 0 };
    let mut bytes: Vec<u8> =
        [message.id, flags, 1, count, 0, 0].into_iter().flat_map(u16::to_be_bytes).collect();
    for label in message.name.trim_end_matches('.').split('.').filter(|label| !label.is_empty()) {
        let label = label.as_bytes().get(..label.len().min(63)).unwrap_or_default();
        bytes.push(label.len() as u8);
        bytes.extend_from_slice(label);
    }
    bytes.push(0);
    bytes.extend([asked, 1].into_iter().flat_map(u16::to_be_bytes));
    for address in message.addresses.iter().take(usize::from(count)) {
        let octets = address_bytes(Host::Address(*address));
        // The name is that of the question, 12 bytes from the beginning; a minute to live.
        bytes.extend([0xc0, 12]);
        bytes.extend([kind(address), 1, 0, 60, octets.len() as u16].into_iter().flat_map(u16::to_be_bytes));
        bytes.extend(octets);
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::capture::Frame;
    use crate::decode::Decoder;
    use crate::packet::{Checksum, Content, Origin, Quoted, Seq};
    use crate::time::Timestamp;

    fn read_back(carried: Carried, check: impl FnOnce(&Content<'_>)) {
        let frame = carried.framed(None);
        let (number, origin, at) = (1, Origin::default(), Timestamp::from_nanos(0));
        let frame = Frame { number, origin, at, link_type: 1, wire_len: frame.wire_len, bytes: &frame.bytes };
        check(&Decoder::new().decode(&frame).content);
    }

    fn host(text: &str) -> Host {
        text.parse::<IpAddr>().unwrap().into()
    }

    #[test]
    fn lookups_are_read_back_as_they_were() {
        for (addresses, failure, is_answer) in [
            (&[][..], None, false),
            (&["192.0.2.7"], None, true),
            (&["2001:db8::7", "2001:db8::8"], None, true),
            (&[], Some(NoAddress::Rcode(3)), true),
            (&[], Some(NoAddress::NoRecord), true),
            (&[], None, true),
        ] {
            let lookup_of = DnsMessage {
                client: host("192.0.2.1"),
                resolver: host("192.0.2.53"),
                id: 77,
                name: "h1xxx.example".to_owned(),
                is_for_addresses: true,
                is_ipv6: addresses.iter().any(|address| address.contains(':')),
                is_answer,
                addresses: addresses.iter().map(|address| address.parse().unwrap()).collect(),
                failure,
            };
            read_back(lookup(&lookup_of), |content| {
                let Content::Lookup(read) = content else { panic!("{content:?}") };
                assert_eq!(**read, lookup_of);
            });
        }
    }

    #[test]
    fn searches_for_neighbours_are_read_back_as_they_were() {
        for (target, asker) in
            [("192.0.2.1", Some("192.0.2.2")), ("2001:db8::1", Some("2001:db8::2")), ("192.0.2.1", None)]
        {
            for is_answer in [false, true] {
                let message = Neighbour { target: host(target), asker: asker.map(host), is_answer };
                read_back(neighbour(&message).unwrap(), |content| {
                    assert!(matches!(content, Content::Neighbour(read) if *read == message), "{content:?}");
                });
            }
        }
    }

    #[test]
    fn errors_are_read_back_with_what_they_quote() {
        for (router, client, server, icmp_type, mtu) in [
            ("192.0.2.1", "192.0.2.10", "198.51.100.20", 3, Some(1_400)),
            ("2001:db8::1", "2001:db8::10", "2001:db8:2::20", 2, Some(1_280)),
        ] {
            let is_v6 = mtu == Some(1_280);
            let error = IcmpError {
                ip: IpHeader::between(host(router), host(client)),
                icmp_type,
                code: if is_v6 { 0 } else { 4 },
                length: None,
                checksum: Checksum::Unseen,
                mtu,
                pointer: None,
                quoted: Quoted {
                    source: host(client),
                    destination: host(server),
                    source_port: Some(50_000),
                    destination_port: Some(8443),
                    seq: Some(Seq(9)),
                    protocol: Some(6),
                },
                quoted_bytes: &[],
                quoted_segment: None,
            };
            read_back(icmp_error(&error), |content| {
                let Content::IcmpError(read) = content else { panic!("{content:?}") };
                assert_eq!((read.ip.source, read.mtu, read.quoted), (error.ip.source, mtu, error.quoted));
                assert!(matches!(read.checksum, Checksum::Correct(_)), "{:?}", read.checksum);
            });
        }
    }
}
