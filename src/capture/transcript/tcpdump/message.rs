//! A packet's ICMP words, with the packet that an error quotes in the lines below.

use std::net::IpAddr;

use super::draft::{Context, Draft};
use super::headers::Headers;
use super::link::strip_ip_word;
use super::{icmp, segment};
use crate::capture::transcript::packet::PrintedContent;
use crate::packet::{IcmpError, Other, Quoted};

/// What the ICMP words behind `headers` mean; `None` where they are no ICMP words.
pub fn read(draft: &Draft, headers: &mut Headers, context: &mut Context<'_>) -> Option<PrintedContent> {
    let (source, destination) = headers.addresses()?;
    Some(match message(draft, headers, source, destination)? {
        icmp::Message::Neighbour(neighbour) => PrintedContent::Neighbour(neighbour),
        icmp::Message::Error(printed) => error(draft, headers, (source, destination), &printed, context),
        icmp::Message::Other => PrintedContent::Other(Other::Icmp),
    })
}

/// The ICMP message, joined with the line below where a terminal wrapped it.
fn message(
    draft: &Draft,
    headers: &mut Headers,
    source: IpAddr,
    destination: IpAddr,
) -> Option<icmp::Message> {
    let message = icmp::parse(&headers.body, source, destination)?;
    let below = draft.text(headers.next);
    // The message ends with its length.
    let is_whole = |body: &str| body.contains(", length ");
    let is_quote = strip_ip_word(below).unwrap_or(below).starts_with('(');
    if is_whole(&headers.body) || is_quote {
        return Some(message);
    }
    for joined in draft.joined(&headers.body, headers.next) {
        if let Some(whole @ icmp::Message::Error(_)) = icmp::parse(&joined, source, destination)
            && (message == icmp::Message::Other || is_whole(&joined))
        {
            headers.next += 1;
            return Some(whole);
        }
    }
    Some(message)
}

/// An error, tied to the packet that it is about. Without one it can't be tied to any connection.
fn error(
    draft: &Draft,
    headers: &Headers,
    (source, destination): (IpAddr, IpAddr),
    printed: &icmp::Printed,
    context: &mut Context<'_>,
) -> PrintedContent {
    let quote = (headers.next..draft.len()).find_map(|index| {
        // With `-e` the word IP is not printed.
        let text = strip_ip_word(draft.text(index)).unwrap_or(draft.text(index));
        Headers::find(draft, Some(text).filter(|text| text.starts_with('('))?, index + 1)
    });
    let quote = quote.filter(|quote| quote.addresses().is_some());
    let quoted_segment = quote.as_ref().and_then(|quote| segment::quoted(draft, quote, context.numbering));
    let (named, port) = if printed.is_unsure && !draft.is_whole(headers.next, context) {
        certain_target(headers, destination, printed, context)
    } else {
        (printed.destination, printed.destination_port)
    };
    let Some(target) = quote.as_ref().and_then(|quote| quote.destination.address).or(named) else {
        return PrintedContent::Other(Other::Icmp);
    };
    context.numbering.peers.on_answer(destination, target);
    let quoted = Quoted {
        source: quote.as_ref().and_then(|quote| quote.source.address).unwrap_or(destination),
        destination: target,
        source_port: quote.as_ref().and_then(|quote| quote.source.port.number()),
        destination_port: quote.as_ref().and_then(|quote| quote.destination.port.number()).or(port),
        seq: quoted_segment.as_ref().and_then(|segment| segment.tcp.seq),
        protocol: quote.as_ref().and_then(|quote| quote.ip?.protocol).or(printed.protocol),
    };
    PrintedContent::IcmpError(Box::new(IcmpError {
        ip: headers.ip.unwrap_or_default().between(source, destination),
        icmp_type: printed.icmp_type,
        code: printed.code,
        length: printed.length,
        checksum: printed.checksum,
        mtu: printed.mtu,
        pointer: printed.pointer,
        quoted,
        quoted_bytes: &[],
        quoted_segment: quoted_segment.map(Box::new),
    }))
}

/// Address and port of the packet that an error is about, where the line ends with one of them and may have been cut in it:
/// they count as far as `host`, who gets the error, is known to have talked to them.
fn certain_target(
    headers: &Headers,
    host: IpAddr,
    printed: &icmp::Printed,
    context: &Context<'_>,
) -> (Option<IpAddr>, Option<u16>) {
    let peers = &context.numbering.peers;
    let is_known = |port| printed.destination.is_some_and(|address| peers.has(host, address, port));
    if printed.destination_port.is_some() {
        return (printed.destination, printed.destination_port.filter(|port| is_known(Some(*port))));
    }
    // Of a cut address the beginning is there, which may fit one address alone that this host talks to.
    let known = printed.destination.filter(|_| is_known(None));
    (known.or_else(|| peers.only(host, icmp::cut_address(&headers.body)?)), None)
}
