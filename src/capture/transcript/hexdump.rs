//! What `-x`, `-X` and `-A` print below a packet.

use std::net::IpAddr;

use smallvec::SmallVec;

use crate::limits::TRANSCRIPT_DUMP_BYTES;

/// A hexadecimal dump put together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dump {
    pub bytes: Vec<u8>,
}

/// Bytes of each line but the last.
const LINE_BYTES: usize = 16;

/// The bytes of a line.
type LineBytes = SmallVec<[u8; LINE_BYTES]>;

/// One line of it: `0x0010:  0040 0000 ...  .@..`, or without an offset the bytes alone, as tcpdump 3.x prints them.
fn hex_line(text: &str) -> Option<(Option<usize>, LineBytes)> {
    let Some((offset, rest)) = split_offset(text) else { return bare_line(text).map(|bytes| (None, bytes)) };
    let mut bytes = LineBytes::new();
    let mut rest = rest.trim_start();
    // Groups of two bytes are one space apart, the characters two.
    while bytes.len() < LINE_BYTES {
        let (group, after) = rest.split_once(' ').unwrap_or((rest, ""));
        if !take_group(group.as_bytes(), &mut bytes) {
            break;
        }
        let is_last = group.len() == 2;
        rest = after;
        if is_last || rest.starts_with(' ') || rest.is_empty() {
            break;
        }
    }
    Some((Some(offset), bytes))
}

/// `4500 003c 7474 4000 4006 b5a8 c0a8 f680`
fn bare_line(text: &str) -> Option<LineBytes> {
    let text = text.trim();
    // The first word of most lines shows that they are not one.
    let is_bare = text.len() < LINE_BYTES / 2 * 5 && text.as_bytes().get(4).is_none_or(|byte| *byte == b' ');
    let mut bytes = LineBytes::new();
    (is_bare && !text.is_empty() && text.split(' ').all(|group| take_group(group.as_bytes(), &mut bytes)))
        .then_some(bytes)
}

/// The offset before the bytes, and what follows it; tcpdump before 3.9 writes no colon after it.
fn split_offset(text: &str) -> Option<(usize, &str)> {
    let (offset, rest) = text.strip_prefix("0x")?.split_once([':', ' '])?;
    let number = Some(offset).filter(|digits| (4..=6).contains(&digits.len()))?;
    let number = usize::from_str_radix(number, 16).ok()?;
    let has_colon = text.as_bytes().get(2 + offset.len()) == Some(&b':');
    let is_group = || {
        let group = rest.trim_start().split(' ').next().unwrap_or("").as_bytes();
        number.is_multiple_of(LINE_BYTES)
            && matches!(group.len(), 2 | 4)
            && group.iter().all(u8::is_ascii_hexdigit)
    };
    (has_colon || is_group()).then_some((number, rest))
}

/// Whether `text` is a line of a hexadecimal dump.
pub fn is_hex_line(text: &str) -> bool {
    split_offset(text).is_some() || bare_line(text).is_some_and(|bytes| bytes.len() > 2)
}

/// Appends a group of one byte or two. Returns whether it is one.
fn take_group(group: &[u8], bytes: &mut LineBytes) -> bool {
    let is_group = matches!(group.len(), 2 | 4) && group.iter().all(u8::is_ascii_hexdigit);
    if is_group {
        let value = |digit: u8| char::from(digit).to_digit(16).unwrap_or_default() as u8;
        bytes.extend(
            group.chunks_exact(2).map(|digits| digits.iter().fold(0, |sum, digit| sum << 4 | value(*digit))),
        );
    }
    is_group
}

impl Dump {
    /// The dump among `lines`; `None` when there is none, or when part of it is missing.
    pub fn parse<'a>(lines: impl Iterator<Item = &'a str>) -> Option<Self> {
        let mut bytes = Vec::new();
        let mut is_last = false;
        let mut has_offsets = false;
        for (offset, piece) in lines.filter_map(hex_line) {
            // A number alone in a line is no part of a dump whose lines have offsets.
            if offset.is_none() && has_offsets {
                continue;
            }
            if offset == Some(0) && !has_offsets {
                (bytes, is_last) = (Vec::new(), false);
            }
            has_offsets |= offset.is_some();
            if is_last
                || offset.is_some_and(|offset| offset != bytes.len())
                || piece.is_empty()
                || bytes.len() + piece.len() > TRANSCRIPT_DUMP_BYTES
            {
                return None;
            }
            is_last = piece.len() < LINE_BYTES;
            bytes.extend(piece);
        }
        (!bytes.is_empty()).then_some(Self { bytes })
    }

    /// The packet between these hosts: at the beginning with `-x`, after the link header with `-xx`. Where the address of a
    /// host is not known, the header has to be one of `protocol`.
    pub fn packet(&self, hosts: [Option<IpAddr>; 2], protocol: u8) -> Option<DumpedPacket> {
        let fits = |packet: &DumpedPacket| {
            let is = |known: Option<IpAddr>, found| known.is_none_or(|known| known == found);
            is(hosts[0], packet.source)
                && is(hosts[1], packet.destination)
                && (hosts.iter().all(Option::is_some) || packet.protocol == protocol)
        };
        (0..=LINK_BYTES).filter_map(|at| DumpedPacket::at(self.bytes.get(at..)?, at)).find(fits)
    }
}

/// What a dump shows of its IP header.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct DumpedPacket {
    /// Where the header begins in the dump.
    pub offset: usize,
    pub source: IpAddr,
    pub destination: IpAddr,
    /// What follows the header (IPv6: the first of its next headers).
    pub protocol: u8,
    /// Bytes of the header.
    header_len: usize,
    /// Bytes of the datagram by its own header.
    pub len: u32,
}

impl DumpedPacket {
    /// The packet that `bytes`, at this offset in the dump, may begin with (RFC 791, 3.1; RFC 8200, 3).
    fn at(bytes: &[u8], offset: usize) -> Option<Self> {
        let be16 = |at: usize| Some(u32::from(u16::from_be_bytes(*bytes.get(at..)?.first_chunk()?)));
        let v4 = |at: usize| bytes.get(at..)?.first_chunk::<4>().map(|octets| IpAddr::from(*octets));
        let v6 = |at: usize| bytes.get(at..)?.first_chunk::<16>().map(|octets| IpAddr::from(*octets));
        let first = *bytes.first()?;
        match first >> 4 {
            4 if first & 0xf >= 5 => Some(Self {
                offset,
                source: v4(12)?,
                destination: v4(16)?,
                protocol: *bytes.get(9)?,
                header_len: usize::from(first & 0xf) * 4,
                len: be16(2)?,
            }),
            6 => Some(Self {
                offset,
                source: v6(8)?,
                destination: v6(24)?,
                protocol: *bytes.get(6)?,
                header_len: 40,
                len: be16(4)? + 40,
            }),
            _ => None,
        }
    }

    /// Whether the fixed part of a TCP header (RFC 9293, 3.1) is there.
    pub fn has_tcp_header(&self, dump: &Dump) -> bool {
        self.protocol != 6 || dump.bytes.len() >= self.offset + self.header_len + 20
    }

    /// What its segment carries, if it is TCP.
    pub fn payload<'a>(&self, dump: &'a Dump) -> Option<&'a [u8]> {
        let len = self.len as usize;
        let datagram = dump.bytes.get(self.offset..)?;
        let datagram = datagram.get(..len).unwrap_or(datagram);
        let segment = datagram.get(self.header_len..).filter(|_| self.protocol == 6)?;
        segment.get(usize::from(segment.get(12)? >> 4) * 4..)
    }
}

/// The bytes of an address, each unknown where the address is.
fn octets(address: Option<IpAddr>, is_v4: bool) -> Vec<Option<u8>> {
    match address {
        Some(IpAddr::V4(address)) => address.octets().map(Some).to_vec(),
        Some(IpAddr::V6(address)) => address.octets().map(Some).to_vec(),
        None => vec![None; if is_v4 { 4 } else { 16 }],
    }
}

/// The payload in the text of `-A`, which begins with the IP header's bytes as characters, or with the link header's
/// where tcpdump's decoding of the payload hit the snapshot's end. The header is known by its version, addresses and
/// ports, so that nothing before it shifts the payload.
pub fn ascii_payload(
    text: &[u8],
    ends: (Option<IpAddr>, u16, Option<IpAddr>, u16),
    header_len: u8,
    most: usize,
) -> Option<AsciiPayload<'_>> {
    let (source, source_port, destination, destination_port) = ends;
    let is_v4 = source.or(destination).is_none_or(|address| address.is_ipv4());
    let mut pattern =
        [source, destination].into_iter().flat_map(|address| octets(address, is_v4)).collect::<Vec<_>>();
    pattern.extend(source_port.to_be_bytes().into_iter().chain(destination_port.to_be_bytes()).map(Some));
    // Where the addresses are in their header (RFC 791, 3.1; RFC 8200, 3).
    let before = if is_v4 { 12 } else { 8 };
    let is_printed_as = |printed: u8, byte: u8| match byte {
        // tcpdump, print-ascii.c: what is not graphic is a dot, but tab, space and newline stay.
        b'\t' | b'\n' | b' ' | b'!'..=b'~' => printed == byte,
        _ => printed == b'.',
    };
    // Version 4 and five words, or version 6 and half of the traffic class.
    let is_version = |first: u8| if is_v4 { first == 0x45 } else { first >> 4 == 6 };
    let ip = (0..=LINK_BYTES).find(|at| {
        let fixed = text.get(at + before..at + before + pattern.len());
        text.get(*at).is_some_and(|first| is_version(*first))
            && fixed.is_some_and(|fixed| {
                fixed
                    .iter()
                    .zip(&pattern)
                    .all(|(printed, byte)| byte.is_none_or(|byte| is_printed_as(*printed, byte)))
            })
    })?;
    // The ports are the first four bytes of the TCP header.
    let payload = text.get(ip + before + pattern.len() - 4 + usize::from(header_len)..)?;
    // The last byte ends its line, unless letters were added or lost on the way: then none of them is where it seems. In plain text,
    // tcpdump omits the CR before LF.
    let is_clear =
        payload.len() >= 4 && payload.iter().take(4).all(|byte| matches!(byte, b' '..=b'~') && *byte != b'.');
    let ends_line = payload.get(most).is_none_or(|next| matches!(next, b'\n' | b'\r'));
    if !is_clear && !ends_line && most < TRANSCRIPT_DUMP_BYTES {
        return None;
    }
    let is_whole = ends_line && payload.len() >= most;
    Some(AsciiPayload { bytes: payload.get(..most).unwrap_or(payload), is_whole })
}

/// The payload in the text of `-A`.
#[derive(Clone, Copy, Debug)]
pub struct AsciiPayload<'a> {
    pub bytes: &'a [u8],
    /// Whether its last byte ends a line, so that no letter was added before it or lost.
    pub is_whole: bool,
}

/// The longest link header that is skipped: radiotap and 802.11 with LLC and SNAP.
const LINK_BYTES: usize = 64;

#[cfg(test)]
mod tests {
    use super::*;

    fn ascii_payload(
        text: &[u8],
        ends: (Option<IpAddr>, u16, Option<IpAddr>, u16),
        header_len: u8,
        most: usize,
    ) -> Option<&[u8]> {
        super::ascii_payload(text, ends, header_len, most).map(|payload| payload.bytes)
    }

    const DUMP: &str = "0x0000:  4500 0028 0001 4000 4006 26cd 0a00 0001  E..(..@.@.&.....\n\
                        0x0010:  0a00 0002 03e8 20fb 0000 0007 0000 0000  ................\n\
                        0x0020:  5002 03e8 7374 0000                      P...st..";

    #[test]
    fn characters_that_were_shifted_show_nothing() {
        let ends = (Some(IpAddr::from([192, 0, 2, 1])), 1000, Some(IpAddr::from([198, 51, 100, 5])), 8443);
        let header = ["E..(..@.@.&.", "....", ".3d.", ".. .", "........", "P...st.."].concat();
        let read = |payload: &[u8]| {
            ascii_payload(&[header.as_bytes(), payload].concat(), ends, 20, 6).map(<[u8]>::to_vec)
        };
        assert_eq!(read(b"......"), Some(b"......".to_vec()));
        assert_eq!(read(b"......\nnote"), Some(b"......".to_vec()));
        assert_eq!((read(b"...    ...\n"), read(b"....")), (None, Some(b"....".to_vec())));
        assert_eq!(read(b"GET /x HTTP"), Some(b"GET /x".to_vec()));
    }

    #[test]
    fn a_whole_dump_is_the_packet() {
        let dump = Dump::parse(DUMP.lines()).expect("a dump");
        assert_eq!(dump.bytes.len(), 40);
        let ends = [[10, 0, 0, 1], [10, 0, 0, 2]].map(IpAddr::from);
        let of =
            |hosts| dump.packet(hosts, 6).map(|packet| (packet.offset, packet.len, packet.payload(&dump)));
        assert_eq!(of(ends.map(Some)), Some((0, 40, Some(&[][..]))));
        assert_eq!(of([Some(ends[1]), Some(ends[0])]), None);
        // The dump shows the addresses of names.
        let packet = dump.packet([None, Some(ends[1])], 6).expect("TCP");
        assert_eq!([packet.source, packet.destination], ends);
        assert_eq!((of([None, Some(ends[0])]), dump.packet([None; 2], 17)), (None, None));
    }

    #[test]
    fn lines_without_offsets_are_a_dump() {
        let text = "4500 0028 0001 4000 4006 26cd 0a00 0001\n0a00 0002 03e8 20fb 0000 0007 0000 0000\n5002 03e8 7374 00";
        let dump = Dump::parse(text.lines()).expect("a dump");
        let ends = [[10, 0, 0, 1], [10, 0, 0, 2]].map(IpAddr::from);
        let packet = dump.packet(ends.map(Some), 6).expect("TCP");
        assert_eq!((dump.bytes.len(), packet.len), (39, 40));
        assert!(!packet.has_tcp_header(&dump));
        assert!(text.lines().all(is_hex_line));
        for text in ["2024", "4500 003c seq", "1234 5678 9", ""] {
            assert!(!is_hex_line(text), "{text}");
        }
        // A wrapped line's number above the dump, and one in it.
        let offsets = "1000\n0x0000:  4500 0028 0001 4000 4006 26cd 0a00 0001\n8443\n0x0010:  0a00 0002 03e8";
        assert_eq!(Dump::parse(offsets.lines()).map(|dump| dump.bytes.len()), Some(22));
    }

    #[test]
    fn a_damaged_dump_is_none() {
        assert_eq!(Dump::parse(DUMP.lines().skip(1)), None);
        assert_eq!(Dump::parse(DUMP.replace("4006 26cd", "4006 26c").lines()), None);
        assert_eq!(Dump::parse("no dump".lines()), None);
    }

    #[test]
    fn the_payload_follows_the_headers_in_the_text() {
        let text = b"E..2..@.@.&.\n.......\x2e\x2e .....\x2e...P...st..HTTP/1.1 200";
        let ends = (Some(IpAddr::from([10, 0, 0, 1])), 1000, Some(IpAddr::from([10, 0, 0, 2])), 8443);
        assert_eq!(ascii_payload(text, ends, 20, 99), None, "10 is a newline there");
        let text = b"E..2..@.@.&.\n...\n..... .........P...st..HTTP/1.1 200";
        assert_eq!(ascii_payload(text, ends, 20, 8), Some(&b"HTTP/1.1"[..]));
        // The address of a name is not known.
        assert_eq!(ascii_payload(text, (None, 1000, None, 8443), 20, 8), Some(&b"HTTP/1.1"[..]));
        let after_ethernet = [b"........^..... ", &text[..]].concat();
        assert_eq!(ascii_payload(&after_ethernet, ends, 20, 8), Some(&b"HTTP/1.1"[..]));
    }
}
