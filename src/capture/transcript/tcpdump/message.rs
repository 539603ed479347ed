//! A packet's ICMP words, with the packet that an error quotes in the lines below.

use super::draft::{Context, Draft};
use super::headers::Headers;
use super::link::strip_ip_word;
use super::{icmp, segment};
use crate::capture::transcript::ends::{End, Port, Spelled};
use crate::capture::transcript::packet::PrintedContent;
use crate::packet::{Host, IcmpError, Neighbour, Other, Quoted};

/// What the ICMP words after `headers` mean; `None` if they are no ICMP words.
pub fn read(draft: &Draft, headers: &mut Headers, context: &mut Context<'_>) -> Option<PrintedContent> {
    let (source, destination) = headers.hosts()?;
    Some(match message(draft, headers, &source, &destination)? {
        icmp::Message::Neighbour(search) => neighbour(&search, context),
        icmp::Message::Error(printed) => error(draft, headers, [&source, &destination], &printed, context),
        icmp::Message::Other if is_cut(&headers.body) => PrintedContent::Other(Other::Printed(CUT.into())),
        icmp::Message::Other => PrintedContent::Other(Other::Icmp),
    })
}

/// An ICMP message whose line ends before it shows which one it is.
pub const CUT: &str = "ICMP, cut off";

/// Whether a message's line was cut: since tcpdump 4.0 each ends with its length.
fn is_cut(body: &str) -> bool {
    body.starts_with("ICMP") && !body.contains(", length ")
}

/// A search for a host, or its answer.
pub fn neighbour(search: &icmp::Search, context: &mut Context<'_>) -> PrintedContent {
    let asker = search.asker.as_ref().and_then(|asker| context.hosts.host(asker));
    match context.hosts.host(&search.target) {
        Some(target) => PrintedContent::Neighbour(Neighbour { target, asker, is_answer: search.is_answer }),
        None => PrintedContent::Other(Other::Printed("ARP".into())),
    }
}

/// The ICMP message, joined with the line below where a terminal wrapped it.
fn message(
    draft: &Draft,
    headers: &mut Headers,
    source: &Spelled,
    destination: &Spelled,
) -> Option<icmp::Message> {
    // A terminal may have broken the line right after the protocol's name, or within it.
    let is_begun = headers.body != "ICMP" && is_name_begun(&headers.body);
    let message = match headers.body.as_str() {
        "ICMP" => icmp::Message::Other,
        _ if is_begun => icmp::Message::Other,
        body => icmp::parse(body, source, destination)?,
    };
    let below = draft.text(headers.next);
    // The message ends with its length.
    let is_whole = |body: &str| body.contains(", length ");
    let is_quote = strip_ip_word(below).unwrap_or(below).starts_with('(');
    if is_whole(&headers.body) || is_quote {
        return Some(message).filter(|_| !is_begun);
    }
    let (mut ways, mut begun) = (vec![headers.body.clone()], None);
    for index in headers.next..(headers.next + MOST_LINES).min(draft.len()) {
        ways = ways.iter().flat_map(|way| draft.joined(way, index)).collect();
        for joined in &ways {
            let Some(error @ icmp::Message::Error(_)) = icmp::parse(joined, source, destination) else {
                continue;
            };
            if is_whole(joined) {
                headers.next = index + 1;
                return Some(error);
            }
            // With `-v` an ICMPv6 message ends with the address that it is about.
            let is_open = message == icmp::Message::Other || lacks_address(&message);
            if is_open
                && begun.as_ref().is_none_or(|(known, _)| lacks_address(known) && !lacks_address(&error))
            {
                begun = Some((error, index + 1));
            }
        }
    }
    let Some((error, next)) = begun else { return Some(message).filter(|_| !is_begun) };
    headers.next = next;
    Some(error)
}

/// Whether a line ends within the name of ICMPv6, or within what `-v` prints of its checksum before that.
fn is_name_begun(body: &str) -> bool {
    let name = match body.strip_prefix('[') {
        Some(remark) if "icmp6 sum ok".starts_with(remark) || remark.starts_with("bad icmp6 cksum ") => {
            remark.split_once("] ").map_or("I", |(_, name)| name)
        }
        Some(remark) => remark.strip_prefix("icmp6 sum ok]").map_or("-", |name| name.trim_start()),
        None => body,
    };
    (body.starts_with('[') || !name.is_empty()) && "ICMP6,".starts_with(name)
}

/// Whether an error of ICMPv6 does not show which packet it is about: unreachable, or time exceeded (RFC 4443, 3.1 and 3.3).
fn lacks_address(message: &icmp::Message) -> bool {
    let icmp::Message::Error(printed) = message else { return false };
    printed.destination.is_none() && matches!((printed.icmp_type, printed.code), (1, _) | (3, 0))
}

/// Lines beyond the first that an ICMP message may take in a narrow terminal.
const MOST_LINES: usize = 4;

/// An error, tied to the packet that it is about. Without one it can't be tied to any connection.
fn error(
    draft: &Draft,
    headers: &Headers,
    [sender, receiver]: [&Spelled; 2],
    printed: &icmp::Printed,
    context: &mut Context<'_>,
) -> PrintedContent {
    let nothing = PrintedContent::Other(Other::UnquotedIcmpError);
    let find = |text: &str, next| {
        // With `-e` the word IP is not printed.
        let text = strip_ip_word(text).unwrap_or(text);
        Headers::find(draft, Some(text).filter(|text| text.starts_with('('))?, next)
    };
    // Where the lines were joined, the quote follows the length.
    let joined = headers.body.find(" IP (").and_then(|at| headers.body.get(at + 1..));
    let quote = joined
        .and_then(|text| find(text, headers.next))
        .or_else(|| (headers.next..draft.len()).find_map(|index| find(draft.text(index), index + 1)));
    let quoted_segment = quote.as_ref().and_then(|quote| segment::quoted(draft, quote, context));
    let (Some(source), Some(destination)) = (context.hosts.host(sender), context.hosts.host(receiver)) else {
        return nothing;
    };
    if let (Spelled::Name(_), Some(Spelled::Address(address)), Some(port)) =
        (sender, &printed.destination, &printed.destination_port)
        && context.numbering.peers.has(destination, source, port.number())
        && !context.numbering.peers.has(destination, Host::Address(*address), None)
    {
        // A host reports of itself, and the number of what the text calls by a name is there.
        context.hosts.learn(sender, *address);
    }
    let (named, port) = if printed.is_unsure && !draft.is_whole(headers.next, context) {
        certain_target(headers, destination, printed, context)
    } else {
        (context.target(printed.destination.as_ref()), printed.destination_port.clone())
    };
    let ends = quote.as_ref().map(|quote| &quote.ends);
    let port_of = |end: Option<&End>| end.and_then(|end| end.port.number());
    let (from, to) = (ends.map(|(from, _)| from), ends.map(|(_, to)| to));
    let quoted_to = to.and_then(|end| context.hosts.end(end)).or_else(|| {
        // Where the quote shows no ports, its ends are hosts.
        let (_, to) = quote.as_ref()?.hosts()?;
        Some((context.hosts.host(&to)?, 0))
    });
    let Some(target) = quoted_to.map(|(host, _)| host).or(named) else { return nothing };
    context.numbering.peers.on_answer(destination, target);
    let quoted_from = from.and_then(|end| context.hosts.end(end)).map(|(host, _)| host);
    let quoted = Quoted {
        source: quoted_from.unwrap_or(destination),
        destination: target,
        source_port: port_of(from),
        destination_port: port_of(to).or(port.and_then(|port| port.number())),
        seq: quoted_segment.as_ref().and_then(|segment| segment.tcp.seq),
        protocol: quote.as_ref().and_then(|quote| quote.ip?.protocol).or(printed.protocol),
    };
    PrintedContent::IcmpError(Box::new(IcmpError {
        ip: headers.between(source, destination),
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
    host: Host,
    printed: &icmp::Printed,
    context: &mut Context<'_>,
) -> (Option<Host>, Option<Port>) {
    let destination = context.target(printed.destination.as_ref());
    let peers = &context.numbering.peers;
    let is_known = |port| destination.is_some_and(|address| peers.has(host, address, port));
    if let Some(port) = &printed.destination_port {
        return (destination, Some(port.clone()).filter(|port| is_known(port.number())));
    }
    // A truncated address may match the beginning of exactly one of the host's peers.
    let known = destination.filter(|_| is_known(None));
    (known.or_else(|| peers.only(host, icmp::cut_address(&headers.body)?)), None)
}
