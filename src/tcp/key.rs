//! What makes segments of two directions one connection: the pair of sockets, in either order.

use std::net::IpAddr;

use crate::packet::SegmentHeader;

/// An unordered pair of sockets (RFC 9293, 3.3.1: a connection is identified by the pair of sockets at its ends).
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Key {
    low: (IpAddr, u16),
    high: (IpAddr, u16),
}

impl Key {
    /// The pair, whichever is named first.
    pub fn between(one: (IpAddr, u16), other: (IpAddr, u16)) -> Self {
        if one <= other { Self { low: one, high: other } } else { Self { low: other, high: one } }
    }

    /// The pair between which a segment travels.
    pub fn of(header: &SegmentHeader) -> Self {
        Self::between(
            (header.ip.source, header.tcp.source_port),
            (header.ip.destination, header.tcp.destination_port),
        )
    }
}
