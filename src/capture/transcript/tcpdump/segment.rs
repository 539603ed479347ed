//! A packet's TCP words, from as many lines as a terminal made of them, as a segment's headers with their true numbers.

use std::borrow::Cow;

use super::draft::{Context, Draft, MOST_WRAPS};
use super::headers::Headers;
use super::options::Options;
use super::{application, payload, tcp};
use crate::capture::transcript::ends::Port;
use crate::capture::transcript::hexdump;
use crate::capture::transcript::numbering::Numbering;
use crate::capture::transcript::packet::{PrintedContent, PrintedPacket};
use crate::packet::{Host, Other, SegmentHeader, TcpHeader, TcpOptions};

/// IP's number of TCP.
const TCP: u8 = 6;

/// Reads the TCP words after `headers` into `packet`. A segment whose ends show no ports belongs to no connection.
pub fn read(
    draft: &Draft,
    headers: &Headers,
    context: &mut Context<'_>,
    packet: &mut PrintedPacket,
) -> Option<()> {
    let Words { text, parsed, is_complete, next } = Words::of(draft, headers, context);
    let parsed = parsed.or_else(|| tcp::Printed::parse(&text)).unwrap_or_default();
    let quiet = tcp::Quiet::parse(&text);
    let (source, destination) = &headers.ends;
    if source.port == Port::None || destination.port == Port::None {
        let is_between_names = [source, destination].iter().all(|end| end.host.address().is_none());
        packet.content = PrintedContent::Other(Other::PortlessTcp { is_between_names });
        return Some(());
    }
    let hosts = [&source.host, &destination.host];
    let below = payload::Below::find(draft, headers, hosts, TCP, packet.wire_len, context);
    // If packets had the name before, only the bytes are added: its connections stay its own.
    let is_frame = !hosts.iter().any(|host| context.hosts.is_in_use(host));
    if let Some(below) = &below {
        context.hosts.learn(&source.host, below.packet.source);
        context.hosts.learn(&destination.host, below.packet.destination);
    }
    // Bytes that end within the TCP header show less than the words.
    let below = below.filter(payload::Below::has_tcp_header);
    let ends = (context.hosts.end(source)?, context.hosts.end(destination)?);
    let suffix = quiet.as_ref().map_or(parsed.suffix, |quiet| quiet.suffix);
    let headers = &*headers.with(&suffix);
    let parsed = parsed.with_cut_flags(|| context.numbering.answers_syn(ends.0, ends.1));
    let mut header = header(headers, ends, &parsed, context.numbering);
    if let Some(quiet) = quiet {
        let is_whole = quiet.is_whole || draft.is_whole(headers.next, context);
        let fits = |bytes: &u32| headers.tcp_bytes().is_none_or(|all| header_between(all, *bytes).is_some());
        header.payload_len = header.payload_len.or(quiet.payload_len.filter(|bytes| is_whole && fits(bytes)));
        header.tcp.header_len = header_len(headers, header.payload_len);
        packet.is_cut = header.payload_len.is_none();
    } else {
        packet.is_cut = !is_complete;
    }
    packet.content = PrintedContent::Segment(header);
    match below {
        Some(below) if is_frame => packet.dump = Some(below.into_frame()),
        Some(below) => packet.payload = below.packet.payload(&below.dump).unwrap_or_default().to_vec(),
        None if parsed.application.is_some_and(is_tls) => {
            packet.decoded = whole_words(parsed.application.unwrap_or_default(), draft, next, context);
        }
        None if parsed.reset_text.is_some() => {
            packet.printed = parsed.reset_text.unwrap_or_default().as_bytes().to_vec();
        }
        None => {
            // With `-v`, which shows the hop limit, the protocol's lines are below its name.
            let is_brief = header.ip.hop_limit.is_none();
            let whole = is_brief
                .then(|| application::whole(&text, parsed.application, draft, next, context))
                .flatten();
            packet.printed = match &whole {
                Some((words, next)) => payload::printed(draft, &header, Some(words), *next, context),
                None => payload::printed(draft, &header, parsed.application, next, context),
            };
        }
    }
    Some(())
}

/// The headers of a segment that an ICMP error quotes, as far as they are printed.
pub fn quoted(draft: &Draft, quote: &Headers, context: &mut Context<'_>) -> Option<SegmentHeader> {
    let words = Words::of(draft, quote, context);
    let (source, destination) = &quote.ends;
    let ends = (context.hosts.end(source)?, context.hosts.end(destination)?);
    let parsed = words.parsed.or_else(|| tcp::Printed::parse(&words.text))?;
    Some(header(quote, ends, &parsed, context.numbering))
}

/// Whether `body` is what tcpdump prints after the ends of a segment.
pub fn has_words(body: &str) -> bool {
    tcp::begins_flags(body)
        || body.starts_with("[|tcp]")
        || tcp::Quiet::parse(body).is_some()
        || tcp::Printed::parse(body).is_some()
}

/// Whether a patched tcpdump decoded TLS: `TLSv1.0: Client Hello (SNI=ssm.example.net)`.
fn is_tls(application: &str) -> bool {
    application.starts_with("TLSv1") || application.starts_with("SSLv")
}

/// What a patched tcpdump decoded of TLS, joined with the lines below where a terminal or a mail broke it.
fn whole_words(words: &str, draft: &Draft, next: usize, context: &Context<'_>) -> String {
    let mut whole = words.trim_end().to_owned();
    for index in next..(next + MOST_WRAPS).min(draft.len()) {
        let is_open = whole.ends_with([':', ',']) || whole.matches('(').count() > whole.matches(')').count();
        let line = draft.text(index);
        if !is_open || line.is_empty() || hexdump::is_hex_line(line) {
            break;
        }
        let is_between_words = whole.ends_with([':', ',']) || draft.is_whole(index, context);
        let [likely, _] = draft.joined(&whole, index);
        whole = if is_between_words { format!("{whole} {line}") } else { likely };
    }
    whole
}

/// The TCP words of a packet.
struct Words<'h> {
    text: Cow<'h, str>,
    /// What they show, where it is known already.
    parsed: Option<tcp::Printed<'h>>,
    /// Whether they end where tcpdump's do.
    is_complete: bool,
    /// Index of the first line after them.
    next: usize,
}

/// Ways to join lines that are followed at once.
const MOST_WAYS: usize = 6;

/// Lines between the parts of a segment that are not parts themselves: a page's end and the next one's heading.
const MOST_SKIPPED: usize = 4;

impl<'h> Words<'h> {
    /// The words after `headers`, joined with the lines below where a terminal, a mail or a page's end broke them.
    fn of(draft: &Draft, headers: &'h Headers, context: &Context<'_>) -> Self {
        let (text, next) = (Cow::Borrowed(headers.body.as_str()), headers.next);
        let Some(parsed) = tcp::Printed::parse(&headers.body) else {
            return Self { text, parsed: None, is_complete: false, next };
        };
        let is_complete = parsed.is_complete;
        if is_whole(&parsed) || !parsed.is_open || next >= draft.len() {
            return Self { text, parsed: Some(parsed), is_complete, next };
        }
        let mut best = Self { text, parsed: None, is_complete, next };
        let mut ways = vec![Way::of(headers.body.clone(), 0)];
        let mut understood = ways.first().map_or(0, |way| way.understood);
        let mut gained = headers.next;
        for index in headers.next..(headers.next + MOST_WRAPS + MOST_SKIPPED).min(draft.len()) {
            let line = draft.text(index);
            if line.is_empty() {
                continue;
            }
            if hexdump::is_hex_line(line) || index > gained + MOST_SKIPPED {
                break;
            }
            // A line that a longer one outreaches was broken between words.
            let is_between_words = draft.is_whole(index, context);
            let mut longer = Vec::new();
            for way in ways {
                let mut joined = draft.joined(&way.text, index);
                if is_between_words {
                    joined.sort_by_key(|joined| joined.len() == way.text.len() + line.len());
                }
                let [likely, unlikely] = joined.map(|joined| Way::of(joined, way.skipped));
                // If both continue in the same way after the seam, the space between makes no difference.
                let reads_on = |joined: &Way| joined.reach > way.text.len() + 1;
                let is_same =
                    (likely.understood, likely.is_exact) == (unlikely.understood, unlikely.is_exact);
                let other = Some(unlikely).filter(|other| !(is_same && reads_on(&likely) && reads_on(other)));
                longer.push(likely);
                longer.extend(other);
                if way.skipped < MOST_SKIPPED {
                    longer.push(Way { skipped: way.skipped + 1, ..way });
                }
            }
            longer.sort_by_key(|way| (usize::MAX - way.understood, !way.is_exact, way.skipped));
            longer.truncate(MOST_WAYS);
            ways = longer;
            if let Some(way) = ways.first()
                && way.understood > understood
            {
                (understood, gained) = (way.understood, index + 1);
                let (text, is_complete) = (way.text.clone().into(), way.is_complete);
                best = Self { text, parsed: None, is_complete, next: index + 1 };
                if way.is_whole {
                    break;
                }
            }
        }
        best
    }
}

/// Lines joined in one way, and what they show so. Each way is parsed once.
struct Way {
    text: String,
    /// Lines between that were left out.
    skipped: usize,
    /// Bytes up to which it is understood.
    reach: usize,
    /// How much of it that is, in bytes that are no spaces.
    understood: usize,
    /// Whether each option is.
    is_exact: bool,
    is_complete: bool,
    is_whole: bool,
}

impl Way {
    fn of(text: String, skipped: usize) -> Self {
        let way = Self {
            text: String::new(),
            skipped,
            reach: 0,
            understood: 0,
            is_exact: false,
            is_complete: false,
            is_whole: false,
        };
        let way = match tcp::Printed::parse(&text) {
            Some(parsed) => Self {
                reach: parsed.understood,
                understood: text.bytes().take(parsed.understood).filter(|byte| *byte != b' ').count(),
                is_exact: parsed.options.as_ref().is_none_or(|options| options.is_exact),
                is_complete: parsed.is_complete,
                is_whole: is_whole(&parsed),
                ..way
            },
            None => way,
        };
        Self { text, ..way }
    }
}

/// Whether nothing of a segment can follow.
fn is_whole(parsed: &tcp::Printed<'_>) -> bool {
    parsed.is_complete && !parsed.is_old
}

/// The headers of a printed segment with their true numbers.
fn header(
    headers: &Headers,
    ends: ((Host, u16), (Host, u16)),
    parsed: &tcp::Printed<'_>,
    numbering: &mut Numbering,
) -> SegmentHeader {
    let ((source, source_port), (destination, destination_port)) = ends;
    let printed = parsed.numbers();
    let numbers = numbering.absolute(ends.0, ends.1, &printed);
    let tcp_bytes = headers.tcp_bytes();
    let payload_len = numbering
        .payload_len(ends.0, ends.1, &printed, tcp_bytes)
        .or_else(|| (tcp_bytes == Some(20)).then_some(0));
    let mut options = parsed.options.clone();
    if let Some(options) = &mut options {
        options.renumber(|number| number.wrapping_add(numbers.sack_base));
    }
    let exact = options.as_ref().filter(|options| options.is_exact);
    // RFC 9293, 3.1: the header's length is counted in words of four bytes.
    let from_options = exact.map(|options| 20 + options.bytes.len().next_multiple_of(4) as u8);
    let header_len = header_len(headers, payload_len).or(from_options.filter(|len| *len <= 60));
    if header_len == Some(20) && options.is_none() {
        options = Some(Options { is_exact: true, ..Options::default() });
    }
    let options = options.and_then(|mut options| {
        let room = header_len.map_or(40, |len| usize::from(len) - 20);
        if options.bytes.len() > room {
            return None;
        }
        if options.is_exact {
            options.bytes.resize(header_len.map_or(options.bytes.len(), |_| room), 0);
        }
        Some(TcpOptions::from_wire(&options.bytes))
    });
    SegmentHeader {
        ip: headers.between(source, destination),
        tcp: TcpHeader {
            source_port,
            destination_port,
            seq: numbers.seq,
            ack: numbers.ack,
            ack_since_syn: numbers.ack_since_syn,
            flags: parsed.flags,
            window: parsed.window,
            urgent: parsed.urgent.unwrap_or(0),
            header_len,
            checksum: parsed.checksum,
            options,
        },
        payload_len,
    }
}

/// The TCP header's length from those of the datagram and the payload.
fn header_len(headers: &Headers, payload_len: Option<u32>) -> Option<u8> {
    header_between(headers.tcp_bytes()?, payload_len?)
}

fn header_between(tcp_bytes: u32, payload_len: u32) -> Option<u8> {
    let len = tcp_bytes.checked_sub(payload_len)?;
    ((20..=60).contains(&len) && len % 4 == 0).then_some(len as u8)
}
