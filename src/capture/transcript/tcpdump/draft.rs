//! One packet's lines, gathered until the next one begins, and what they say together.

use std::net::IpAddr;

use super::ip::{self, End, Port};
use super::{icmp, tcp};
use crate::capture::transcript::clock::Stamp;
use crate::capture::transcript::front::lines;
use crate::capture::transcript::front::lines::{Line, begins_with_mac};
use crate::capture::transcript::hexdump;
use crate::capture::transcript::hexdump::Dump;
use crate::capture::transcript::numbering::Numbering;
use crate::limits::{
    ENCAPSULATION_DEPTH, TRANSCRIPT_DUMP_BYTES, TRANSCRIPT_LINE_OVERHEAD_BYTES, TRANSCRIPT_PACKET_BYTES,
};
use crate::packet::{IcmpError, Neighbour, Other, Quoted, SegmentHeader, TcpHeader, TcpOptions, Travel};

/// A packet whose lines are being gathered.
#[derive(Clone, Debug)]
pub struct Draft {
    pub stamp: Stamp,
    pub digits: u8,
    /// Number of its first line.
    pub line: u64,
    /// The first line as it stands, for messages.
    pub excerpt: String,
    /// The first line without number and time, then the others.
    lines: Vec<(String, Line)>,
    /// What the lines cost against [`TRANSCRIPT_PACKET_BYTES`].
    cost: usize,
    /// Whether it is an error message that quotes a packet.
    is_error: bool,
    /// Whether a line below may begin that quote.
    has_quote: bool,
}

/// A packet that has been read.
#[derive(Clone, Debug)]
pub struct Read {
    pub stamp: Stamp,
    pub digits: u8,
    pub content: Content,
    pub travel: Option<Travel>,
    pub wire_len: Option<u32>,
    pub is_cut: bool,
    /// The payload as text.
    pub printed: Vec<u8>,
    pub dump: Option<Frame>,
}

/// A hexadecimal dump as a frame.
#[derive(Clone, Debug)]
pub struct Frame {
    pub link_type: u32,
    pub wire_len: u32,
    pub bytes: Vec<u8>,
}

/// [`crate::packet::Content`] without borrowed bytes.
#[derive(Clone, Debug)]
pub enum Content {
    Segment(SegmentHeader),
    IcmpError(Box<IcmpError<'static>>),
    Neighbour(Neighbour),
    Other(Other),
    /// TCP between ends of which at least one is a name.
    Named,
}

/// What a draft is read against.
pub struct Context<'a> {
    pub numbering: &'a mut Numbering,
    /// The longest line so far, in bytes: a shorter one was not cut at a column.
    pub longest: usize,
    /// The link type that the banner named.
    pub link_type: Option<&'a str>,
}

/// Where a line's text was found among the lines of its packet.
struct Headers {
    ip: Option<ip::Printed>,
    source: End,
    destination: End,
    body: String,
    /// Index of the first line after the body.
    next: usize,
}

/// Physical lines that one line may have become in a narrow terminal, beyond the first.
const MOST_WRAPS: usize = 4;

/// Places of one line at which the packet inside may begin; tcpdump prints fewer words before it.
const MOST_WORDS: usize = 16;

/// Columns by which a line must be shorter than the longest to be surely whole: a lost indent is at most a tab.
const INDENT: usize = 8;

impl Draft {
    /// From the line that begins a packet; `head` is what follows its time.
    pub fn begin(stamp: Stamp, digits: u8, head: &str, line: Line) -> Self {
        Self {
            stamp,
            digits,
            line: line.number,
            excerpt: line.text().chars().take(60).collect(),
            cost: cost(&line),
            is_error: is_error(head),
            has_quote: false,
            lines: vec![(head.to_owned(), line)],
        }
    }

    /// Adds a line below, unless it exceeds the largest packet's text. Tells whether it was kept.
    #[must_use]
    pub fn push(&mut self, line: Line) -> bool {
        self.cost += cost(&line);
        let is_kept = self.cost <= TRANSCRIPT_PACKET_BYTES;
        if is_kept {
            let text = line.text();
            self.is_error |= is_error(&text);
            self.has_quote |= text.starts_with("IP (") || text.starts_with('(');
            self.lines.push((text, line));
        }
        is_kept
    }

    /// Whether an error message's quoted packet has yet to come.
    pub fn awaits_quote(&self) -> bool {
        self.is_error && !self.has_quote
    }

    /// Whether a line is surely to come: the addresses below a header that `-v` prints, or what an error quotes.
    pub fn is_unfinished(&self) -> bool {
        let (_, _, network) = split_link(self.text(0));
        let Network::Ip(head) = network else { return false };
        let is_verbose = head.starts_with('(');
        is_verbose && ((self.lines.len() == 1 && !head.contains(" > ")) || self.awaits_quote())
    }

    /// What the lines say; `None` when they don't tell who talks to whom.
    pub fn read(self, context: &mut Context<'_>) -> Option<Read> {
        let (first, below) = self.link_line();
        let (travel, wire_len, network) = split_link(&first);
        let mut read = Read {
            stamp: self.stamp,
            digits: self.digits,
            content: Content::Other(Other::Malformed("transcript line")),
            travel,
            wire_len,
            is_cut: false,
            printed: Vec::new(),
            dump: None,
        };
        match network {
            Network::Ip(text) => self.read_ip(text, below, context, &mut read)?,
            Network::Arp(text) => {
                let neighbour = icmp::arp(text).map(Content::Neighbour);
                read.content = neighbour.unwrap_or(Content::Other(Other::Printed("ARP".into())));
            }
            // The line was cut in the link header, but the addresses are on the next one.
            Network::Other(text) if text.contains("ethertype") && is_address_line(self.text(1)) => {
                self.read_ip(self.text(1), 2, context, &mut read)?;
                read.is_cut = true;
            }
            // With `-v` what MPLS carries is on the next line.
            Network::Other(_) if strip_ip_word(self.text(1)).is_some_and(|text| text.starts_with('(')) => {
                self.read_ip(strip_ip_word(self.text(1))?, 2, context, &mut read)?;
            }
            Network::Other(text) => {
                let word: String = text.chars().take_while(|letter| !" ,:(".contains(*letter)).collect();
                // A word at the end of the line may have been cut.
                if word.is_empty() || word.len() == text.len() {
                    return None;
                }
                read.content = Content::Other(Other::Printed(word.into()));
            }
        }
        Some(read)
    }

    /// The first line, joined with those below where a terminal wrapped it within the link header that `-e` prints; and
    /// the index of the next line.
    fn link_line(&self) -> (String, usize) {
        let first = self.text(0).to_owned();
        if !begins_with_mac(&first) || !matches!(split_link(&first), (.., Network::Other(_))) {
            return (first, 1);
        }
        let mut joined = first.clone();
        for index in 1..MOST_WRAPS.min(self.lines.len()) {
            let candidates = self.seams(index).map(|seam| format!("{joined}{seam}{}", self.text(index)));
            for candidate in &candidates {
                if matches!(split_link(candidate), (_, Some(_), Network::Ip(_) | Network::Arp(_))) {
                    return (candidate.clone(), index + 1);
                }
            }
            [joined, _] = candidates;
        }
        (first, 1)
    }

    /// Whether the line before line `next` was surely not cut at a column: a longer one came through.
    fn is_whole(&self, next: usize, context: &Context<'_>) -> bool {
        let line = next.checked_sub(1).and_then(|index| self.lines.get(index));
        line.is_some_and(|(_, line)| line.is_ended && line.raw.len() + INDENT < context.longest)
    }

    /// What stood between line `index` and the one before it if a terminal broke them apart, likelier first.
    fn seams(&self, index: usize) -> [&'static str; 2] {
        let raw = |index: usize| self.lines.get(index).map_or(&[][..], |(_, line)| line.raw.as_slice());
        let has_space =
            raw(index.saturating_sub(1)).last() == Some(&b' ') || raw(index).first() == Some(&b' ');
        if has_space { [" ", ""] } else { ["", " "] }
    }

    fn text(&self, index: usize) -> &str {
        self.lines.get(index).map_or("", |(text, _)| text)
    }

    fn read_ip(&self, text: &str, next: usize, context: &mut Context<'_>, read: &mut Read) -> Option<()> {
        let mut headers = self.headers(text, next)?;
        for _ in 0..ENCAPSULATION_DEPTH {
            let Some(inner) = self.inner(&headers) else { break };
            headers = inner;
        }
        let ports = (headers.source.port, headers.destination.port);
        let addresses = headers.source.address.zip(headers.destination.address);
        let protocol = headers.ip.and_then(|ip| ip.protocol);
        let has_tcp_words = ["Flags [", "tcp ", "[|tcp]"].iter().any(|word| headers.body.starts_with(word));
        // Words of TCP below a header of something else are another packet's.
        let is_tcp = protocol.map_or(has_tcp_words, |protocol| protocol == 6);
        if has_tcp_words && !is_tcp {
            return None;
        }
        if headers.ip.is_some_and(|ip| ip.is_later_fragment()) || headers.body == "tcp" {
            read.content = Content::Other(Other::Fragment);
            return Some(());
        }
        if is_tcp && (addresses.is_none() || ports.0.number().is_none() || ports.1.number().is_none()) {
            read.content = Content::Named;
            return Some(());
        }
        if is_tcp {
            self.read_segment(&headers, context, read)?;
            return Some(());
        }
        let (source, destination) = addresses.unwrap_or((IpAddr::from([0; 4]), IpAddr::from([0; 4])));
        let message = self.message(&mut headers, source, destination);
        read.content = match message.filter(|_| addresses.is_some()) {
            Some(icmp::Message::Neighbour(neighbour)) => Content::Neighbour(neighbour),
            Some(icmp::Message::Error(printed)) => {
                self.error(&headers, source, destination, &printed, context)
            }
            Some(icmp::Message::Other) => Content::Other(Other::Icmp),
            None => Content::Other(other(&headers, protocol)?),
        };
        if let (Content::IcmpError(_), Some((source, destination))) = (&read.content, addresses) {
            read.dump = self.dump(source, destination, &headers, read.wire_len, context);
        }
        Some(())
    }

    /// The addresses and what follows them, from `text` and, where that is not all, the lines from `next` on.
    fn headers(&self, text: &str, mut next: usize) -> Option<Headers> {
        let mut text = text.to_owned();
        let mut ip = None;
        if text.starts_with('(') {
            let (printed, rest) = self.close_parenthesis(&text, &mut next)?;
            ip = Some(printed);
            text = rest;
        }
        if let Some((source, destination, body)) = ip::ends(&text) {
            let body = body.to_owned();
            return Some(Headers { ip, source, destination, body, next });
        }
        if !text.is_empty() {
            return self.wrapped_ends(&text, next).map(|(source, destination, body, next)| Headers {
                ip,
                source,
                destination,
                body,
                next,
            });
        }
        ip?;
        // The address line is below, perhaps behind blank lines and prose, but not behind a quoted header.
        let is_quote = |index: &usize| {
            let text = self.text(*index);
            strip_ip_word(text).unwrap_or(text).starts_with('(')
        };
        (next..self.lines.len()).take_while(|index| !is_quote(index)).find_map(|index| {
            let (source, destination, body, next) = match ip::ends(self.text(index)) {
                Some((source, destination, body)) => (source, destination, body.to_owned(), index + 1),
                None => self.wrapped_ends(self.text(index), index + 1)?,
            };
            Some(Headers { ip, source, destination, body, next })
        })
    }

    /// The IP header in parentheses, joined with the lines below where a terminal wrapped it, and what follows it.
    fn close_parenthesis(&self, text: &str, next: &mut usize) -> Option<(ip::Printed, String)> {
        let (printed, rest) = ip::Printed::parse(text)?;
        if let Some(rest) = rest {
            return Some((printed, rest.to_owned()));
        }
        let mut joined = text.to_owned();
        for index in *next..(*next + MOST_WRAPS).min(self.lines.len()) {
            let line = self.text(index);
            if ip::ends(line).is_some() {
                break;
            }
            let [likely, unlikely] = self.seams(index).map(|seam| format!("{joined}{seam}{line}"));
            for candidate in [&likely, &unlikely] {
                if let Some((whole, Some(rest))) = ip::Printed::parse(candidate)
                    && whole.protocol.is_some()
                    && whole.length.is_some()
                {
                    *next = index + 1;
                    return Some((whole, rest.to_owned()));
                }
            }
            joined = likely;
        }
        Some((printed, String::new()))
    }

    /// Ends of a line that a terminal wrapped before its colon. Only TCP and ICMP are recognised, whose words show that the
    /// two lines belong together.
    fn wrapped_ends(&self, text: &str, next: usize) -> Option<(End, End, String, usize)> {
        if next >= self.lines.len() {
            return None;
        }
        let is_number = |end: &End| end.address.is_some() && matches!(end.port, Port::Number(_));
        let is_bare = |end: &End| end.address.is_some() && end.port == Port::None;
        self.seams(next).iter().find_map(|seam| {
            let joined = format!("{text}{seam}{}", self.text(next));
            let (source, destination, body) = ip::ends(&joined)?;
            let is_tcp = is_number(&source) && is_number(&destination) && body.starts_with("Flags [");
            let words = body
                .strip_prefix('[')
                .and_then(|after| after.split_once("] "))
                .map_or(body, |(_, words)| words);
            let is_icmp = is_bare(&source) && is_bare(&destination) && words.starts_with("ICMP");
            (is_tcp || is_icmp).then(|| (source, destination, body.to_owned(), next + 1))
        })
    }

    /// The packet inside a tunnel's, if the line shows one.
    fn inner(&self, outer: &Headers) -> Option<Headers> {
        let body = outer.body.as_str();
        if body.starts_with("ICMP") || body.starts_with("Flags") {
            return None;
        }
        if let Some(text) = strip_ip_word(body).or_else(|| ip::ends(body).map(|_| body)) {
            return self.headers(text, outer.next);
        }
        // UDP's checksum remark may stand before a tunnel's name.
        let name =
            body.strip_prefix('[').and_then(|after| after.split_once("] ")).map_or(body, |(_, name)| name);
        if !["GRE", "gre-proto", "VXLAN", "Geneve"].iter().any(|tunnel| name.starts_with(tunnel)) {
            return None;
        }
        let same_line = body.match_indices(": ").take(MOST_WORDS).find_map(|(at, _)| {
            let after = body.get(at + 2..)?;
            self.headers(strip_ip_word(after).unwrap_or(after), outer.next)
        });
        same_line.or_else(|| {
            let (_, _, Network::Ip(text)) = split_link(self.text(outer.next)) else { return None };
            self.headers(text, outer.next + 1)
        })
    }

    fn read_segment(&self, headers: &Headers, context: &mut Context<'_>, read: &mut Read) -> Option<()> {
        let (source, destination) = headers.source.address.zip(headers.destination.address)?;
        let (printed, body, next) = self.segment_line(headers);
        let parsed = tcp::Printed::parse(&body).unwrap_or_default();
        let mut header = segment_header(headers, &parsed, context.numbering)?;
        if let Some(quiet) = tcp::Quiet::parse(&body) {
            let is_whole = self.is_whole(headers.next, context);
            let tcp_bytes = headers.ip.and_then(|ip| ip.tcp_bytes());
            let fits = |bytes: &u32| tcp_bytes.is_none_or(|all| header_between(all, *bytes).is_some());
            header.payload_len =
                header.payload_len.or(quiet.payload_len.filter(|bytes| is_whole && fits(bytes)));
            header.tcp.header_len = header_len(headers, header.payload_len);
            read.is_cut = header.payload_len.is_none();
        } else {
            read.is_cut = !printed;
        }
        read.content = Content::Segment(header);
        read.dump = self.dump(source, destination, headers, read.wire_len, context);
        if read.dump.is_none() {
            read.printed = self.printed(&header, parsed.application, next);
        }
        Some(())
    }

    /// The TCP words joined with the lines below where a terminal wrapped them; whether they are complete; and the
    /// index of the next line.
    fn segment_line(&self, headers: &Headers) -> (bool, String, usize) {
        let is_complete = |text: &str| tcp::Printed::parse(text).is_some_and(|printed| printed.is_complete);
        let unwrapped = headers.body.clone();
        if is_complete(&unwrapped) {
            return (true, unwrapped, headers.next);
        }
        let mut joined = unwrapped.clone();
        for index in headers.next..(headers.next + MOST_WRAPS).min(self.lines.len()) {
            let line = self.text(index);
            if line.is_empty() || hexdump::is_hex_line(line) {
                break;
            }
            let [likely, unlikely] = self.seams(index).map(|seam| format!("{joined}{seam}{line}"));
            for candidate in [&likely, &unlikely] {
                if is_complete(candidate) {
                    return (true, candidate.clone(), index + 1);
                }
            }
            joined = likely;
        }
        (false, unwrapped, headers.next)
    }

    /// The ICMP message, joined with the line below where a terminal wrapped it.
    fn message(&self, headers: &mut Headers, source: IpAddr, destination: IpAddr) -> Option<icmp::Message> {
        let message = icmp::parse(&headers.body, source, destination)?;
        let below = self.text(headers.next);
        // What the message says ends with its length.
        let is_whole = |body: &str| body.contains(", length ");
        let is_quote = strip_ip_word(below).unwrap_or(below).starts_with('(');
        if is_whole(&headers.body) || is_quote {
            return Some(message);
        }
        for seam in self.seams(headers.next) {
            let joined = format!("{}{seam}{below}", headers.body);
            if let Some(whole @ icmp::Message::Error(_)) = icmp::parse(&joined, source, destination)
                && (message == icmp::Message::Other || is_whole(&joined))
            {
                headers.next += 1;
                return Some(whole);
            }
        }
        Some(message)
    }

    fn error(
        &self,
        headers: &Headers,
        source: IpAddr,
        destination: IpAddr,
        printed: &icmp::Printed,
        context: &mut Context<'_>,
    ) -> Content {
        let mut quoted_segment = None;
        let quote = (headers.next..self.lines.len()).find_map(|index| {
            // With `-e` the word IP is not printed.
            let text = strip_ip_word(self.text(index)).unwrap_or(self.text(index));
            self.headers(Some(text).filter(|text| text.starts_with('('))?, index + 1)
        });
        let quote =
            quote.filter(|quote| quote.source.address.is_some() && quote.destination.address.is_some());
        if let Some(quote) = &quote {
            let (_, body, _) = self.segment_line(quote);
            if let Some(parsed) = tcp::Printed::parse(&body) {
                quoted_segment = segment_header(quote, &parsed, context.numbering).map(Box::new);
            }
        }
        let mut told = (printed.destination, printed.destination_port);
        if printed.is_unsure && !self.is_whole(headers.next, context) {
            // An address or port that ends the line is believed where that end is known from other packets.
            let is_known =
                |port| told.0.is_some_and(|address| context.numbering.has_peer(destination, address, port));
            told = if told.1.is_some() {
                (told.0, told.1.filter(|port| is_known(Some(*port))))
            } else {
                // Of a cut address the beginning is there, which may fit one address alone that this host talks to.
                let known = told.0.filter(|_| is_known(None));
                let start = icmp::cut_address(&headers.body);
                (known.or_else(|| context.numbering.only_peer(destination, start?)), None)
            };
        }
        let target = quote.as_ref().and_then(|quote| quote.destination.address).or(told.0);
        let Some(target) = target else {
            // Without the quoted packet it can't be tied to anybody's.
            return Content::Other(Other::Icmp);
        };
        context.numbering.answered(destination, target);
        let quoted = Quoted {
            source: quote.as_ref().and_then(|quote| quote.source.address).unwrap_or(destination),
            destination: target,
            source_port: quote.as_ref().and_then(|quote| quote.source.port.number()),
            destination_port: quote.as_ref().and_then(|quote| quote.destination.port.number()).or(told.1),
            seq: quoted_segment.as_ref().and_then(|segment| segment.tcp.seq),
            protocol: quote.as_ref().and_then(|quote| quote.ip?.protocol).or(printed.protocol),
        };
        Content::IcmpError(Box::new(IcmpError {
            ip: headers.ip.unwrap_or_default().between(source, destination),
            icmp_type: printed.icmp_type,
            code: printed.code,
            length: printed.length,
            checksum: printed.checksum,
            mtu: printed.mtu,
            pointer: printed.pointer,
            quoted,
            quoted_bytes: &[],
            quoted_segment,
        }))
    }

    /// The hexadecimal dump as a frame, if there is a whole one that begins with this packet's headers.
    fn dump(
        &self,
        source: IpAddr,
        destination: IpAddr,
        headers: &Headers,
        wire_len: Option<u32>,
        context: &Context<'_>,
    ) -> Option<Frame> {
        let texts = self.lines.iter().skip(1).map(|(text, _)| text.as_str());
        let bytes = Dump::parse(texts)?;
        let offset = bytes.ip_offset(source, destination)?;
        let link_type = match (offset, context.link_type) {
            // The LINKTYPE_ numbers of the tcpdump.org registry: raw IP, Linux cooked v1 and v2, Ethernet.
            (0, _) => 101,
            (16, Some("LINUX_SLL")) => 113,
            (20, Some("LINUX_SLL2")) => 276,
            (14 | 18 | 22, None | Some("EN10MB")) => 1,
            _ => return None,
        };
        let captured = bytes.bytes.len() as u32;
        let datagram = headers.ip.and_then(|ip| ip.datagram_bytes()).unwrap_or(0);
        let told = if offset == 0 { 0 } else { wire_len.unwrap_or(0) };
        let own = own_length(bytes.bytes.get(offset..)?);
        let wire_len = captured.max(told).max(datagram.max(own) + offset as u32);
        Some(Frame { link_type, wire_len, bytes: bytes.bytes })
    }

    /// The payload as `-A` or tcpdump's own decoding prints it.
    fn printed(&self, header: &SegmentHeader, application: Option<&str>, next: usize) -> Vec<u8> {
        let most = header.payload_len.map_or(0, |bytes| bytes as usize).min(TRANSCRIPT_DUMP_BYTES);
        let below = self.lines.get(next..).unwrap_or(&[]);
        if most == 0 {
            return Vec::new();
        }
        let is_html = self.lines.iter().take(next).any(|(_, line)| {
            line.raw.windows(5).any(|window| window == b" &gt;")
                || line.raw.windows(5).any(|window| window == b"&gt; ")
        });
        let join = |lines: &[(String, Line)]| {
            let mut text = Vec::new();
            for (_, line) in lines {
                if is_html {
                    text.extend(lines::decode_entities(&String::from_utf8_lossy(&line.raw)).bytes());
                } else {
                    text.extend(&line.raw);
                }
                text.push(b'\n');
            }
            text.pop();
            text
        };
        let ends =
            (header.ip.source, header.tcp.source_port, header.ip.destination, header.tcp.destination_port);
        // Lines of a decoded protocol may stand before it.
        let dump = (0..below.len().min(MOST_WORDS)).find_map(|first| {
            let text = join(below.get(first..)?);
            Some(hexdump::ascii_payload(&text, ends, header.tcp.header_len?, most)?.to_vec())
        });
        if let Some(payload) = dump {
            return payload;
        }
        // `HTTP: GET / HTTP/1.1` on the line itself, or with `-v` `HTTP, length: 31` and the lines below.
        let Some(application) = application else { return Vec::new() };
        if let Some((_, text)) = application.split_once(": ").filter(|(name, _)| !name.contains(", length")) {
            return text.as_bytes().get(..most).unwrap_or(text.as_bytes()).to_vec();
        }
        let mut text = Vec::new();
        for (cleaned, _) in below {
            if hexdump::is_hex_line(cleaned) || text.len() >= most {
                break;
            }
            text.extend(cleaned.trim_end_matches(" [|http]").bytes());
            text.push(b'\n');
        }
        text.truncate(most);
        text
    }
}

/// The headers of a printed segment with their true numbers; `None` when an end is a name.
fn segment_header(
    headers: &Headers,
    parsed: &tcp::Printed<'_>,
    numbering: &mut Numbering,
) -> Option<SegmentHeader> {
    let (source, destination) = headers.source.address.zip(headers.destination.address)?;
    let (source_port, destination_port) =
        headers.source.port.number().zip(headers.destination.port.number())?;
    let numbers = numbering.absolute((source, source_port), (destination, destination_port), parsed);
    let tcp_bytes = headers.ip.and_then(|ip| ip.tcp_bytes());
    let payload_len = numbering
        .payload_len((source, source_port), (destination, destination_port), parsed, tcp_bytes)
        .or_else(|| (tcp_bytes == Some(20)).then_some(0));
    let mut options = parsed.options.clone();
    if let Some(options) = &mut options {
        options.renumber(|number| number.wrapping_add(numbers.sack_base));
    }
    let told = options.as_ref().filter(|options| options.is_exact);
    // RFC 9293, 3.1: the header's length is counted in words of four bytes.
    let from_options = told.map(|options| 20 + options.bytes.len().next_multiple_of(4) as u8);
    let header_len = header_len(headers, payload_len).or(from_options.filter(|len| *len <= 60));
    if header_len == Some(20) && options.is_none() {
        options = Some(super::options::Options { is_exact: true, ..Default::default() });
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
    Some(SegmentHeader {
        ip: headers.ip.unwrap_or_default().between(source, destination),
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
    })
}

/// The TCP header's length from those of the datagram and the payload.
fn header_len(headers: &Headers, payload_len: Option<u32>) -> Option<u8> {
    header_between(headers.ip?.tcp_bytes()?, payload_len?)
}

fn header_between(tcp_bytes: u32, payload_len: u32) -> Option<u8> {
    let len = tcp_bytes.checked_sub(payload_len)?;
    ((20..=60).contains(&len) && len % 4 == 0).then_some(len as u8)
}

/// The datagram's length by its own header.
fn own_length(bytes: &[u8]) -> u32 {
    let number = |at: usize| match bytes.get(at..at + 2) {
        Some([high, low]) => u32::from(u16::from_be_bytes([*high, *low])),
        _ => 0,
    };
    match bytes.first().map(|first| first >> 4) {
        Some(4) => number(2),
        Some(6) => number(4) + 40,
        _ => 0,
    }
}

/// What a packet is that is neither TCP nor ICMP.
fn other(headers: &Headers, protocol: Option<u8>) -> Option<Other> {
    let ports = [headers.source.port, headers.destination.port];
    if ports.iter().all(|port| *port != Port::None) {
        // Without `-v` a line that was cut here does not tell its protocol.
        if protocol.is_none() && "Flags [".starts_with(headers.body.as_str()) {
            return None;
        }
        let is_dns = ports.iter().any(|port| port.number() == Some(53));
        return Some(if is_dns { Other::Dns } else { Other::Udp });
    }
    match protocol {
        Some(1 | 58) => Some(Other::Icmp),
        Some(17) => Some(Other::Udp),
        Some(number) => Some(Other::IpProtocol(number)),
        None => {
            let word: String = headers.body.chars().take_while(|letter| !" ,:(".contains(*letter)).collect();
            let is_whole =
                !word.is_empty() && (word.len() < headers.body.len() || word.starts_with("ip-proto"));
            is_whole.then(|| Other::Printed(word.into()))
        }
    }
}

/// What a packet's first line is about, link header removed.
enum Network<'a> {
    /// Text that begins with `(` or an address.
    Ip(&'a str),
    Arp(&'a str),
    Other(&'a str),
}

/// Takes off what `-e` and `-i any` print before the network header: direction, length on the wire, and the rest.
fn split_link(text: &str) -> (Option<Travel>, Option<u32>, Network<'_>) {
    let (travel, text) = split_travel(text);
    if let Some(text) = strip_ip_word(text) {
        return (travel, None, Network::Ip(text));
    }
    if text.starts_with("ARP, ") || text.starts_with("arp ") {
        return (travel, None, Network::Arp(text));
    }
    let Some((link, mut rest)) = text.split_once(", length ").filter(|(link, _)| is_link_header(link)) else {
        return (travel, None, network_behind(text));
    };
    let Some((number, after)) = rest.split_once(": ").or_else(|| Some((rest.strip_suffix(':')?, ""))) else {
        return (travel, None, Network::Other(text));
    };
    let wire_len = number.parse().ok();
    rest = after;
    let mut ether = link;
    while rest.starts_with("vlan ") {
        // `vlan 100, p 0, ethertype IPv4 (0x0800), 10.0.0.1...`, with `-q` `vlan 100, p 0, IPv4, 10.0.0.1...`
        let tagged =
            rest.split_once("ethertype ").map(|(_, after)| after).or_else(|| rest.splitn(3, ", ").nth(2));
        let Some((kind, after)) = tagged.and_then(|after| after.split_once(", ")) else {
            return (travel, wire_len, Network::Other(text));
        };
        (ether, rest) = (kind, after);
    }
    let network = if ether.contains("ARP") {
        Network::Arp(rest)
    } else if ether.contains("IPv4") || ether.contains("IPv6") {
        Network::Ip(strip_ip_word(rest).unwrap_or(skip_truncation(rest)))
    } else {
        match network_behind(rest) {
            Network::Other(_) => {
                Network::Other(ether.split_once("ethertype ").map_or(ether, |(_, kind)| kind))
            }
            network => network,
        }
    };
    (travel, wire_len, network)
}

/// Whether `text` is what `-e` prints up to the frame's length: `02:00:00:00:00:01 > 02:00:00:00:00:02, ethertype IPv4
/// (0x0800)`, with `-q` `..., IPv4`.
fn is_link_header(text: &str) -> bool {
    let is_named = || {
        let kind = text.rsplit_once(", ").map(|(_, kind)| kind);
        matches!(kind, Some("IPv4" | "IPv6" | "ARP" | "802.1Q" | "802.1Q-QinQ"))
    };
    text.contains("ethertype") || text.starts_with("AF ") || (begins_with_mac(text) && is_named())
}

/// The IP packet behind headers that tcpdump prints before it: MPLS, PPPoE, a VLAN tag, a cooked header with `-q`.
fn network_behind(text: &str) -> Network<'_> {
    for (at, _) in text.match_indices(" IP").take(MOST_WORDS) {
        let Some(inner) = text.get(at + 1..).and_then(strip_ip_word) else { continue };
        if inner.starts_with('(') || ip::ends(inner).is_some() {
            return Network::Ip(inner);
        }
    }
    let begins_with_ends = |text: &str| ip::ends(text).is_some_and(|(source, ..)| source.address.is_some());
    if text.starts_with('(') || begins_with_ends(text) {
        return Network::Ip(text);
    }
    let cooked =
        text.strip_prefix("ifindex ").and_then(|rest| rest.split_once(") ")).map(|(_, network)| network);
    if let Some(network) = cooked.filter(|network| network.starts_with('(') || begins_with_ends(network)) {
        return Network::Ip(network);
    }
    Network::Other(text)
}

/// What follows `IP ` or `IP6 `, or `IP (0x0021), length 50: ` of PPP with `-e`.
pub fn strip_ip_word(text: &str) -> Option<&str> {
    let after = ["IP ", "IP6 ", "ip: ", "ip6: "].iter().find_map(|word| text.strip_prefix(word))?;
    let after = skip_truncation(after.trim_start());
    if after.starts_with("(0x") {
        return after.split_once(": ").map(|(_, network)| network.trim_start());
    }
    Some(after)
}

/// `truncated-ip - 4096 bytes missing! 10.0.0.1...`: the header promises more than the frame holds.
fn skip_truncation(text: &str) -> &str {
    let remark = text.strip_prefix("truncated-ip");
    remark.and_then(|remark| remark.split_once('!')).map_or(text, |(_, after)| after.trim_start())
}

/// `eth0  In  IP ...` of `-i any`; older ones print no interface. `B` and `M` are received, `P` is others' traffic.
fn split_travel(text: &str) -> (Option<Travel>, &str) {
    let mut rest = text;
    for _ in 0..2 {
        let Some((word, after)) = rest.split_once(' ') else { break };
        let after = after.trim_start();
        match word {
            "In" | "B" | "M" => return (Some(Travel::In), after),
            "Out" => return (Some(Travel::Out), after),
            "P" => return (None, after),
            "IP" | "IP6" | "ARP," => break,
            _ => rest = after,
        }
    }
    (None, text)
}

/// What a line costs against [`TRANSCRIPT_PACKET_BYTES`].
fn cost(line: &Line) -> usize {
    line.raw.len() + TRANSCRIPT_LINE_OVERHEAD_BYTES
}

/// Whether `text` is of an error message that quotes a packet.
fn is_error(text: &str) -> bool {
    text.contains(": ICMP ") && text.contains("unreachable")
}

/// Whether `text` can begin a packet where no times are printed (`-t`).
pub fn begins_untimed(text: &str) -> bool {
    match split_link(text) {
        (_, _, Network::Ip(rest))
            if strip_ip_word(text).is_some()
                || text.contains("ethertype")
                || text.contains(" IP")
                || begins_with_mac(text) =>
        {
            rest.starts_with("(tos ")
                || rest.starts_with("(flowlabel ")
                || rest.starts_with("(class ")
                || rest.starts_with("(hlim ")
                || ip::ends(rest).is_some()
        }
        (_, _, Network::Arp(rest)) => icmp::arp(rest).is_some(),
        _ => false,
    }
}

/// Whether `text` is the address line of a packet whose header line is missing.
pub fn is_address_line(text: &str) -> bool {
    ip::ends(text).is_some_and(|(source, _, body)| source.address.is_some() && body.starts_with("Flags ["))
}
