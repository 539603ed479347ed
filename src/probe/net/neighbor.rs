//! Whether anybody answers for the next hop to a server, by the system's tables of routes and neighbors (rtnetlink(7)).
//!
//! Where nobody does, the system gives up after its last question, and the socket gets an ICMP error of its own, but for link-local IPv6
//! addresses none. Its table of neighbors shows it in any case.

use std::net::{IpAddr, SocketAddr};

use nix::libc;
use nix::sys::socket::SockProtocol;

use super::netlink::{self, HEADER, address, attribute, attributes, octets, word};

/// `rtmsg` and `ndmsg` have the same length.
const BODY: usize = 12;

/// Messages and attributes of linux/rtnetlink.h and linux/neighbour.h.
const NEW_ROUTE: u16 = 24;
const GET_ROUTE: u16 = 26;
const NEW_NEIGHBOR: u16 = 28;
const GET_NEIGHBOR: u16 = 30;
const ROUTE_DESTINATION: u16 = 1;
const ROUTE_INTERFACE: u16 = 4;
const ROUTE_GATEWAY: u16 = 5;
const NEIGHBOR_ADDRESS: u16 = 1;

/// The states in which no hardware address is known: it is being asked for, or nobody answered.
const INCOMPLETE: u16 = 0x01;
const FAILED: u16 = 0x20;

/// The next hop to a server.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Hop {
    interface: u32,
    address: IpAddr,
    is_gateway: bool,
}

/// Why nothing can reach a server, where nobody has answered for the next hop to it; absent where somebody has, where the link
/// needs no answer, and where the system does not say.
pub(super) fn unanswered(server: SocketAddr) -> Option<&'static str> {
    let hop = hop(server)?;
    let body = neighbor_request(hop);
    let answer = netlink::ask(SockProtocol::NetlinkRoute, GET_NEIGHBOR, &body)?;
    let is_unknown = state(&answer)? & (INCOMPLETE | FAILED) != 0;
    is_unknown.then(|| words(server.is_ipv4(), hop.is_gateway))
}

fn words(is_ipv4: bool, is_gateway: bool) -> &'static str {
    match (is_ipv4, is_gateway) {
        (true, true) => "nobody answered ARP for the gateway to it",
        (true, false) => "nobody answered ARP for it",
        (false, true) => "nobody answered neighbor discovery for the gateway to it",
        (false, false) => "nobody answered neighbor discovery for it",
    }
}

fn hop(server: SocketAddr) -> Option<Hop> {
    let answer = netlink::ask(SockProtocol::NetlinkRoute, GET_ROUTE, &route_request(server))?;
    route(&answer, server.ip())
}

fn family(address: IpAddr) -> u8 {
    (if address.is_ipv4() { libc::AF_INET } else { libc::AF_INET6 }) as u8
}

/// `rtmsg`, the destination, and the interface where the address is of one link.
fn route_request(server: SocketAddr) -> Vec<u8> {
    let destination = octets(server.ip());
    let mut body = vec![family(server.ip()), 8 * destination.len() as u8];
    body.resize(BODY, 0);
    body.extend(attribute(ROUTE_DESTINATION, &destination));
    if let SocketAddr::V6(server) = server
        && server.scope_id() != 0
    {
        body.extend(attribute(ROUTE_INTERFACE, &server.scope_id().to_ne_bytes()));
    }
    body
}

/// `ndmsg` and the address.
fn neighbor_request(hop: Hop) -> Vec<u8> {
    let mut body = vec![family(hop.address), 0, 0, 0];
    body.extend(hop.interface.to_ne_bytes());
    body.extend([0; 4]);
    body.extend(attribute(NEIGHBOR_ADDRESS, &octets(hop.address)));
    body
}

/// The next hop of a route to this address. A gateway of the other family (RTA_VIA) is passed over.
fn route(answer: &[u8], server: IpAddr) -> Option<Hop> {
    /// RTN_UNICAST, the type of a route that leads to somebody else.
    const UNICAST: u8 = 1;
    let body = answer.get(HEADER..).filter(|_| netlink::kind(answer) == Some(NEW_ROUTE))?;
    let is_unicast = body.get(7) == Some(&UNICAST);
    let find = |wanted: u16| {
        attributes(body.get(BODY..).unwrap_or_default())
            .find(|(kind, _)| *kind == wanted)
            .map(|(_, value)| value)
    };
    let interface = word(find(ROUTE_INTERFACE).filter(|_| is_unicast)?, 0)?;
    let gateway = find(ROUTE_GATEWAY).and_then(address);
    Some(Hop { interface, address: gateway.unwrap_or(server), is_gateway: gateway.is_some() })
}

/// `ndm_state` of a neighbor.
fn state(answer: &[u8]) -> Option<u16> {
    let body = answer.get(HEADER..).filter(|_| netlink::kind(answer) == Some(NEW_NEIGHBOR))?;
    body.get(8..10)?.try_into().ok().map(u16::from_ne_bytes)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn answer(kind: u16, body: &[u8]) -> Vec<u8> {
        [&[0; 4][..], &kind.to_ne_bytes(), &[0; 10], body].concat()
    }

    fn route_of(kind: u8, attributes: &[Vec<u8>]) -> Option<Hop> {
        let mut body = vec![0; BODY];
        body[7] = kind;
        route(&answer(NEW_ROUTE, &[body, attributes.concat()].concat()), [192, 0, 2, 9].into())
    }

    #[test]
    fn the_next_hop_is_the_gateway_or_the_server_itself() {
        let link = || attribute(ROUTE_INTERFACE, &7_u32.to_ne_bytes());
        let gateway = attribute(ROUTE_GATEWAY, &[192, 0, 2, 1]);
        let direct = Hop { interface: 7, address: [192, 0, 2, 9].into(), is_gateway: false };
        assert_eq!(route_of(1, &[link()]), Some(direct));
        let through = Hop { address: [192, 0, 2, 1].into(), is_gateway: true, ..direct };
        assert_eq!(route_of(1, &[gateway, link()]), Some(through));
        // A route to this host itself, one without a link, and another message.
        assert_eq!((route_of(2, &[link()]), route_of(1, &[])), (None, None));
        assert_eq!(route(&answer(2, &[0; 40]), [192, 0, 2, 9].into()), None);
    }

    #[test]
    fn a_neighbor_s_state_is_read() {
        let of = |state: u16| {
            let mut body = vec![0; BODY];
            body[8..10].copy_from_slice(&state.to_ne_bytes());
            super::state(&answer(NEW_NEIGHBOR, &body))
        };
        assert_eq!((of(FAILED), of(0x02)), (Some(FAILED), Some(2)));
        assert_eq!(super::state(&answer(2, &[0; 12])), None);
    }

    #[test]
    fn nobody_has_to_answer_for_this_host_itself() {
        assert_eq!(unanswered("127.0.0.1:443".parse().unwrap()), None);
        assert_eq!(unanswered("[::1]:443".parse().unwrap()), None);
        assert_eq!(words(false, true), "nobody answered neighbor discovery for the gateway to it");
    }

    proptest! {
        #[test]
        fn any_bytes_are_an_answer_or_none(bytes: Vec<u8>) {
            for kind in [NEW_ROUTE, NEW_NEIGHBOR] {
                let answer = answer(kind, &bytes);
                let _ = (route(&answer, [192, 0, 2, 9].into()), state(&answer), route(&bytes, [0; 4].into()));
            }
        }
    }
}
