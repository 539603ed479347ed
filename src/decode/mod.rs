//! One frame becomes one packet: link headers stripped, tunnels followed, IP fragments put together.
//!
//! This room holds the link-type table, the headers between link and TCP, and the fragments that wait for others. It
//! does not know connections: each frame is decoded by itself, fragments aside. A frame that can't be read is a
//! packet too, whose content names the place where reading ended.

mod checksum;
mod compressed;
mod dns;
mod ether;
mod fragments;
mod icmp;
mod ip;
mod link;
mod neighbour;
mod span;
mod tcp;
mod tunnel;
mod wireless;

use etherparse::ip_number;

use crate::capture::Frame;
use crate::limits;
use crate::packet::{Content, IpHeader, Names, Neighbour, Other, Packet, SegmentHeader};
use crate::time::Timestamp;
pub use dns::over_tcp as lookup_over_tcp;
use fragments::Fragments;
pub use fragments::GivenUp;
use ip::Datagram;
pub use link::{READ as LINK_TYPES, as_ethernet};
use span::Span;

/// Decodes frames, one after the other, and keeps the IP fragments that wait for others.
#[derive(Debug)]
pub struct Decoder {
    verifies_checksums: bool,
    fragments: Fragments,
    /// Headers that PPP compresses.
    headers: compressed::Headers,
    /// Where datagrams are put together; a packet's payload can borrow from here.
    datagrams: [Vec<u8>; limits::NESTED_REASSEMBLIES],
    /// The segment's headers, which a packet borrows.
    header: SegmentHeader,
}

impl Default for Decoder {
    fn default() -> Self {
        Self {
            verifies_checksums: true,
            fragments: Fragments::default(),
            headers: compressed::Headers::default(),
            datagrams: Default::default(),
            header: tcp::blank(),
        }
    }
}

impl Decoder {
    /// A decoder that verifies checksums and holds no fragments.
    pub fn new() -> Self {
        Self::default()
    }

    /// Whether checksums are verified, which reads every byte once: `Unverified` is what they are otherwise.
    #[must_use]
    pub fn verifying_checksums(mut self, verifies: bool) -> Self {
        self.verifies_checksums = verifies;
        self
    }

    /// The packet in a frame.
    ///
    /// Fragments of a datagram are [`Other::Fragment`] up to the one that completes it, which carries the content.
    /// The content's IP header is then the first fragment's.
    pub fn decode<'a>(&'a mut self, frame: &Frame<'a>) -> Packet<'a> {
        let captured = Span::new(frame.bytes, frame.wire_len);
        let (layer, direction) = link::strip(frame.link_type, captured);
        let walk = Walk {
            verifies_checksums: self.verifies_checksums,
            fragments: &mut self.fragments,
            headers: &mut self.headers,
            datagrams: self.datagrams.iter_mut(),
            header: &mut self.header,
            at: frame.at,
            is_cut: !captured.is_whole(),
        };
        let (content, is_cut) = walk.follow(layer);
        Packet {
            number: frame.number,
            origin: frame.origin,
            at: frame.at,
            wire_len: Some(frame.wire_len),
            is_cut,
            direction,
            filtered: None,
            cooked_type: link::cooked_type(frame),
            names: Names::NONE,
            content,
        }
    }

    /// The innermost IP header of the frame that was decoded last, where it had one.
    pub fn ip(&self) -> &IpHeader {
        &self.header.ip
    }

    /// What reassembly gave up so far, for the summary.
    pub fn bounds_reached(&self) -> GivenUp {
        self.fragments.given_up()
    }
}

/// What a span begins with.
///
/// Functions that return one are kept out of line: inlined into the loop that follows them, the compiler takes what the variants
/// hold apart byte by byte, for each frame, which was a seventh of decoding.
enum Layer<'a> {
    /// An Ethernet frame.
    Ethernet(Span<'a>),
    /// What an EtherType names; up to 1500 it is the length of an LLC frame.
    EtherType(u16, Span<'a>),
    /// An LLC header (IEEE 802.2).
    Llc(Span<'a>),
    /// A PPP frame, with or without HDLC address and control.
    Ppp(Span<'a>),
    /// TCP over IPv4 of which PPP compressed the headers (RFC 1144), and whether it has them in full.
    CompressedTcp(bool, Span<'a>),
    /// An MPLS label stack.
    Mpls(Span<'a>),
    /// IPv4 or IPv6, by the version.
    Ip(Span<'a>),
    /// Who looks for which address.
    Neighbour(Neighbour),
    /// A DNS message, and whether it comes from a resolver's port.
    Dns(bool, Span<'a>),
    /// Nothing that is followed.
    Other(Other),
}

impl Layer<'_> {
    fn other(other: Other) -> Self {
        Self::Other(other)
    }

    fn malformed(place: &'static str) -> Self {
        Self::other(Other::Malformed(place))
    }
}

/// The way through one frame's headers.
struct Walk<'a> {
    verifies_checksums: bool,
    fragments: &'a mut Fragments,
    headers: &'a mut compressed::Headers,
    datagrams: std::slice::IterMut<'a, Vec<u8>>,
    header: &'a mut SegmentHeader,
    at: Timestamp,
    is_cut: bool,
}

impl<'a> Walk<'a> {
    /// What a frame carries, and whether it was cut.
    fn follow(mut self, mut layer: Layer<'a>) -> (Content<'a>, bool) {
        for _ in 0..limits::ENCAPSULATION_DEPTH {
            layer = match layer {
                Layer::Ethernet(span) => ether::ethernet(span),
                Layer::EtherType(number, span) => ether::ether_type(number, span),
                Layer::Llc(span) => ether::llc(span),
                Layer::Ppp(span) => ether::ppp(span),
                Layer::Mpls(span) => ether::mpls(span),
                Layer::CompressedTcp(is_full, span) => self.decompressed(is_full, span),
                Layer::Ip(span) => {
                    let datagram = match self.datagram(span) {
                        Ok(datagram) => datagram,
                        Err(other) => return (Content::Other(other), self.is_cut),
                    };
                    match etherparse::IpNumber(datagram.protocol) {
                        ip_number::TCP => {
                            let content = tcp::read(self.header, &datagram, self.verifies_checksums);
                            return (content, self.is_cut);
                        }
                        ip_number::ICMP | ip_number::IPV6_ICMP => {
                            let content = icmp::read(&self.header.ip, &datagram, self.verifies_checksums);
                            return (content, self.is_cut);
                        }
                        ip_number::UDP => tunnel::udp(datagram.payload),
                        ip_number::IPV4 | ip_number::IPV6 => Layer::Ip(datagram.payload),
                        ip_number::GRE => tunnel::gre(datagram.payload),
                        ip_number::MPLS_IN_IP => Layer::Mpls(datagram.payload),
                        other => Layer::other(Other::IpProtocol(other.0)),
                    }
                }
                Layer::Neighbour(_) | Layer::Dns(..) | Layer::Other(_) => break,
            };
        }
        let content = match layer {
            Layer::Neighbour(neighbour) => Content::Neighbour(neighbour),
            Layer::Dns(is_answer, span) => dns::read(&self.header.ip, is_answer, span),
            Layer::Other(other) => Content::Other(other),
            _ => Content::Other(Other::Malformed("encapsulation (headers nested too deep)")),
        };
        (content, self.is_cut)
    }

    /// The datagram whose headers were compressed.
    #[cold]
    fn decompressed(&mut self, is_full: bool, span: Span<'a>) -> Layer<'a> {
        let unknown = Layer::other(Other::Link("TCP with compressed headers in PPP (RFC 1144)"));
        let Some(datagram) = self.datagrams.next() else { return unknown };
        let is_restored =
            if is_full { self.headers.keep(span, datagram) } else { self.headers.restore(span, datagram) };
        match is_restored {
            // Bytes that were not captured are missing at its end.
            Some(()) if is_full => Layer::Ip(Span::new(datagram, span.wire_len)),
            Some(()) => Layer::Ip(Span::new(datagram, 0)),
            None => unknown,
        }
    }

    /// The datagram that begins here, or that this fragment completes. Its header is then in `header`.
    #[inline(never)]
    fn datagram(&mut self, span: Span<'a>) -> Result<Datagram<'a>, Other> {
        let header = &mut self.header.ip;
        let datagram = ip::read(span, self.verifies_checksums, header)?;
        let Some(fragment) = datagram.fragment else { return Ok(datagram) };
        let buffer = self.datagrams.next().ok_or(Other::Fragment)?;
        let whole = self.fragments.add(header, &datagram, fragment, self.at, buffer)?;
        self.is_cut |= !whole.payload.is_whole();
        // RFC 8200, 4.5: headers of the fragmentable part, destination options for one, follow only here.
        whole.past_extensions(header.source.is_ipv6())
    }
}

#[cfg(test)]
mod tests;
