//! What tcpdump prints of a packet's bytes: a hex dump (`-x`, `-X`), characters (`-A`), or the lines of a protocol that it
//! decodes.

use super::draft::{Context, Draft, MOST_WRAPS};
use super::headers::Headers;
use super::link::MOST_WORDS;
use crate::capture::transcript::ends::Spelled;
use crate::capture::transcript::front::{CleanLine, decode_entities};
use crate::capture::transcript::hexdump::{self, Dump, DumpedPacket};
use crate::capture::transcript::packet::DumpedFrame;
use crate::limits::TRANSCRIPT_DUMP_BYTES;
use crate::packet::SegmentHeader;

/// The hex dump below a packet.
pub struct Below {
    pub dump: Dump,
    /// The packet in it.
    pub packet: DumpedPacket,
    link_type: u32,
    wire_len: u32,
}

impl Below {
    /// The whole hex dump below a packet between these hosts that `protocol` carries.
    pub fn find(
        draft: &Draft,
        headers: &Headers,
        hosts: [&Spelled; 2],
        protocol: u8,
        wire_len: Option<u32>,
        context: &Context<'_>,
    ) -> Option<Self> {
        let texts = draft.lines_from(1).iter().map(|(text, _)| text.as_str());
        let dump = Dump::parse(texts)?;
        let packet = dump.packet(hosts.map(Spelled::address), protocol)?;
        let offset = packet.offset;
        let link_type = match (offset, context.link_type) {
            // The LINKTYPE_ numbers of the tcpdump.org registry: raw IP, Linux cooked v1 and v2, Ethernet.
            (0, _) => 101,
            (16, Some("LINUX_SLL")) => 113,
            (20, Some("LINUX_SLL2")) => 276,
            // Without the banner the header itself shows what it is.
            (16, None) if is_cooked(&dump.bytes) => 113,
            (20, None) if is_ip(dump.bytes.get(..2)) => 276,
            (14 | 18 | 22, None | Some("EN10MB")) => ETHERNET,
            _ => return None,
        };
        let captured = dump.bytes.len() as u32;
        let datagram = headers.ip.and_then(|ip| ip.datagram_bytes()).unwrap_or(0);
        let printed = if offset == 0 { 0 } else { wire_len.unwrap_or(0) };
        let wire_len = captured.max(printed).max(datagram.max(packet.len) + offset as u32);
        Some(Self { dump, packet, link_type, wire_len })
    }

    /// Whether the bytes go as far as the segment's header does.
    pub fn has_tcp_header(&self) -> bool {
        self.packet.has_tcp_header(&self.dump)
    }

    /// The packet as a frame.
    pub fn into_frame(self) -> DumpedFrame {
        DumpedFrame { link_type: self.link_type, wire_len: self.wire_len, bytes: self.dump.bytes }
    }
}

/// The Ethernet frame of a type that tcpdump does not know: it prints what follows the link header as a hex dump then, with `-xx`
/// the link header as well. `kind` is what it prints of the type: `Unknown (0x8909)`.
pub fn unknown_frame(draft: &Draft, kind: &str, wire_len: Option<u32>) -> Option<DumpedFrame> {
    let (number, _) = kind.strip_prefix("Unknown (0x")?.split_once(')')?;
    let ether_type = u16::from_str_radix(number, 16).ok()?.to_be_bytes();
    let dump = Dump::parse(draft.lines_from(1).iter().map(|(text, _)| text.as_str()))?;
    let has_header = dump.bytes.get(ADDRESSES..ADDRESSES + 2) == Some(&ether_type[..]);
    // The addresses mean nothing to what reads the frame.
    let header = [&[0; ADDRESSES][..], &ether_type].concat();
    let bytes = if has_header { dump.bytes } else { [header, dump.bytes].concat() };
    let wire_len = wire_len.unwrap_or(0).max(bytes.len() as u32);
    Some(DumpedFrame { link_type: ETHERNET, wire_len, bytes })
}

/// Whether a cooked header of version 1 is what `bytes` begin with: the packet's type, and at its end the protocol (libpcap, sll.h).
fn is_cooked(bytes: &[u8]) -> bool {
    matches!(bytes, [0, 0..=4, ..]) && is_ip(bytes.get(14..16))
}

/// Whether this is the EtherType of IPv4 or IPv6.
fn is_ip(ether_type: Option<&[u8]>) -> bool {
    matches!(ether_type, Some([0x08, 0x00] | [0x86, 0xdd]))
}

/// LINKTYPE_ETHERNET of the tcpdump.org registry.
const ETHERNET: u32 = 1;

/// Bytes of both addresses of an Ethernet header (IEEE 802.3, 3.1.1).
const ADDRESSES: usize = 12;

/// The payload as `-A` or tcpdump's own decoding prints it, in the lines from `next` on; `application` is what the segment's
/// line shows of the decoded protocol.
pub fn printed(
    draft: &Draft,
    header: &SegmentHeader,
    application: Option<&str>,
    next: usize,
    context: &Context<'_>,
) -> Vec<u8> {
    let most = header.payload_len.map_or(0, |bytes| bytes as usize).min(TRANSCRIPT_DUMP_BYTES);
    let below = draft.lines_from(next);
    if most == 0 {
        return Vec::new();
    }
    let is_html = (0..next).any(|index| {
        let raw = draft.raw(index);
        let has = |entity: &[u8; 5]| raw.windows(5).any(|window| window == entity);
        raw.contains(&b'&') && (has(b" &gt;") || has(b"&gt; "))
    });
    let (source, destination) = (header.ip.source.address(), header.ip.destination.address());
    let ends = (source, header.tcp.source_port, destination, header.tcp.destination_port);
    // Lines of a decoded protocol may precede it.
    let dump = |fold: Fold| {
        (0..below.len().min(MOST_WORDS)).find_map(|first| {
            let text = as_one(below.get(first..)?, is_html, fold);
            let payload = hexdump::ascii_payload(&text, ends, header.tcp.header_len?, most)?;
            Some((payload.bytes.to_vec(), payload.is_whole))
        })
    };
    let folds = [Fold::None, Fold::At(context.longest), Fold::AfterSpacesWithin(context.longest)];
    // The packet's own line is longer than a terminal's and shows how that broke it.
    let shown = match draft.raw(0) {
        first if next > 1 && first.len() == context.longest => folds[1],
        first if next > 1 && first.ends_with(b" ") => folds[2],
        _ => folds[0],
    };
    let others = || folds.into_iter().filter(|fold| *fold != shown).filter_map(dump);
    let dump = dump(shown).or_else(|| others().find(|(_, is_whole)| *is_whole));
    if let Some((payload, _)) = dump {
        return payload;
    }
    // `HTTP: GET / HTTP/1.1` on the line itself, or with `-v` `HTTP, length: 31` and the lines below.
    let rest = lines_of_name(draft, application.unwrap_or(""), next, header.payload_len.unwrap_or(0));
    let Some(application) = application.or((rest > 0).then_some("")) else { return Vec::new() };
    if let Some((name, text)) = application.split_once(": ").filter(|(name, _)| !name.contains(", length")) {
        // A mark of code at the line's end is the author's.
        let text = text.trim_end_matches('`');
        // tcpdump prints HTTP's first line whole, without its end; of one that was cut early nothing shows what it is.
        if name == "HTTP" && !is_first_line(text) {
            return Vec::new();
        }
        let end = if name == "HTTP" && text.len() + 2 <= most { "\r\n" } else { "" };
        return text.bytes().chain(end.bytes()).take(most).collect();
    }
    // With `-v`, which shows the hop limit, even a cut name has the protocol's lines below it.
    let is_verbose = application.contains(", length") || header.ip.hop_limit.is_some();
    if !is_verbose {
        return Vec::new();
    }
    let mut text = Vec::new();
    for (cleaned, _) in below.iter().skip(rest) {
        if hexdump::is_hex_line(cleaned) || text.len() >= most {
            break;
        }
        text.extend(cleaned.trim_end_matches(" [|http]").bytes());
        text.push(b'\n');
    }
    // Lines that begin otherwise were garbled, or are an author's.
    let first = text.split(|byte| *byte == b'\n').next().unwrap_or_default();
    let is_garbled = application.starts_with("HTTP") && !is_first_line(&String::from_utf8_lossy(first));
    if is_garbled || text.iter().all(u8::is_ascii_whitespace) {
        text.clear();
    }
    text.truncate(most);
    text
}

/// How many lines from `next` on are the rest of `HTTP, length: 31`, which a terminal broke.
fn lines_of_name(draft: &Draft, application: &str, next: usize, bytes: u32) -> usize {
    let name = application.split(',').next().unwrap_or_default().trim_end();
    let mut broken = without_spaces(application);
    for lines in 1..=MOST_WRAPS.min(draft.len().saturating_sub(next)) {
        let line = draft.text(next + lines - 1);
        if hexdump::is_hex_line(line) {
            break;
        }
        broken.push_str(&without_spaces(line));
        let is_name = |name: &str| !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_uppercase());
        let whole = broken.split_once(",length:");
        if whole
            .is_some_and(|(all, number)| all.starts_with(name) && is_name(all) && number.parse() == Ok(bytes))
        {
            return if line.is_empty() { 0 } else { lines };
        }
    }
    0
}

fn without_spaces(text: &str) -> String {
    text.split_ascii_whitespace().collect()
}

/// Whether `text` shows a first line of HTTP/1 (RFC 9112, 3 and 4), of which a terminal may have cut the end: a request's method
/// with the beginning of its target, or a status.
fn is_first_line(text: &str) -> bool {
    let (first, after) = text.split_once(' ').unwrap_or((text, ""));
    if matches!(first, "HTTP/1.0" | "HTTP/1.1") {
        return after.as_bytes().get(..3).is_some_and(|code| code.iter().all(u8::is_ascii_digit));
    }
    let is_method = !first.is_empty() && first.bytes().all(|byte| byte.is_ascii_uppercase() || byte == b'-');
    let is_target = after.starts_with(['/', '*']) || after.contains(['.', ':']);
    is_method && is_target
}

/// How a terminal broke the lines of a payload's characters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fold {
    None,
    /// At this column.
    At(usize),
    /// Before this column, each after a space.
    AfterSpacesWithin(usize),
}

impl Fold {
    /// Whether a terminal broke one line into these two.
    fn is_between(self, line: &[u8], next: &[u8]) -> bool {
        match self {
            Self::None => false,
            Self::At(width) => line.len() == width,
            Self::AfterSpacesWithin(width) => {
                let is_space = |byte: &u8| matches!(byte, b' ' | b'\t');
                let word = next.iter().position(is_space).map_or(next.len(), |space| space + 1);
                line.len() == width || line.last().is_some_and(is_space) && line.len() + word > width
            }
        }
    }
}

/// Lines as they are, one below the other but for those that a terminal broke, with the entities of a web page decoded.
fn as_one(lines: &[(String, CleanLine)], is_html: bool, fold: Fold) -> Vec<u8> {
    let mut text = Vec::new();
    for (index, (_, line)) in lines.iter().enumerate() {
        if is_html {
            text.extend(decode_entities(&String::from_utf8_lossy(&line.raw)).bytes());
        } else {
            text.extend(&line.raw);
        }
        let below = lines.get(index + 1);
        if below.is_some_and(|(_, below)| !fold.is_between(&line.raw, &below.raw)) {
            text.push(b'\n');
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_first_line_of_http_shows_its_target_or_status() {
        for shown in [
            "GET / HTTP/1.1",
            "GET /licence",
            "GET / HTTP/1",
            "OPTIONS * HTTP/1.0",
            "CONNECT ssm.example.net:443",
            "M-SEARCH * HTTP/1.1",
            "HTTP/1.1 400 Bad Request",
            "HTTP/1.0 200",
        ] {
            assert!(is_first_line(shown), "{shown}");
        }
        for cut in ["", "G", "GET", "GET ", "CONNECT ssm", "HTTP/1.1", "HTTP/1.1 40", "HTTP/1", "say this."] {
            assert!(!is_first_line(cut), "{cut}");
        }
    }
}
