//! A hexadecimal dump: an offset, up to 16 bytes in groups of one, two or four, and their characters in each line. It begins
//! with offset 0.

use crate::limits::TRANSCRIPT_DUMP_BYTES;

/// One line of a dump.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DumpLine {
    /// The offset as a hexadecimal, an octal and a decimal number: `od` prints octal ones, snoop decimal ones.
    offsets: [Option<usize>; 3],
    bytes: Vec<u8>,
}

/// Bytes of a line of all tools but the last.
const LINE_BYTES: usize = 16;

/// Hexadecimal digits of the groups of a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Group {
    One = 2,
    Two = 4,
    Four = 8,
}

impl DumpLine {
    /// Reads a line; `None` if it is not part of a dump.
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.trim_start();
        let end = text.find([' ', '\t', ':', '|'])?;
        let (word, rest) = text.split_at(end);
        let (digits, is_prefixed) = word.strip_prefix("0x").map_or((word, false), |digits| (digits, true));
        let has_colon = rest.starts_with(':');
        let is_offset = digits.bytes().all(|byte| byte.is_ascii_hexdigit())
            && (matches!(digits.len(), 4 | 6..=8) || (has_colon && (1..=5).contains(&digits.len())));
        if !is_offset {
            return None;
        }
        let rest = rest.strip_prefix(':').unwrap_or(rest);
        let (bytes, group) = line_bytes(rest)?;
        // Words of two bytes after seven digits are `hexdump`'s, in the order of the machine.
        let is_swapped = group == Group::Two && !is_prefixed && !has_colon && digits.len() == 7;
        let bytes = if is_swapped { swapped(&bytes) } else { bytes };
        let radix = |radix| usize::from_str_radix(digits, radix).ok();
        Some(Self { offsets: [radix(16), radix(8), radix(10)], bytes })
    }

    /// Whether it is the first of a dump.
    pub fn is_first(&self) -> bool {
        self.offsets.contains(&Some(0)) && !self.bytes.is_empty()
    }
}

fn swapped(bytes: &[u8]) -> Vec<u8> {
    bytes.chunks(2).flat_map(|pair| pair.iter().rev().copied()).collect()
}

/// The bytes after an offset, and how they are grouped. Two blanks may be in the middle; three, a tab or a bar before the
/// characters.
fn line_bytes(text: &str) -> Option<(Vec<u8>, Group)> {
    let mut bytes = Vec::with_capacity(LINE_BYTES);
    let mut group = None;
    let mut rest = text.trim_start_matches([' ', '\t']);
    while bytes.len() < LINE_BYTES {
        let end = rest.find([' ', '\t']).unwrap_or(rest.len());
        let (word, after) = rest.split_at(end);
        let Some(word_bytes) = hex(word) else { break };
        let fits = match group {
            None => {
                group = Some(match word.len() {
                    2 => Group::One,
                    4 => Group::Two,
                    8 => Group::Four,
                    _ => return None,
                });
                true
            }
            // The last group may be shorter.
            Some(group) => word.len() <= group as usize,
        };
        if !fits || bytes.len() + word_bytes.len() > LINE_BYTES {
            break;
        }
        bytes.extend(&word_bytes);
        let is_last = group.is_some_and(|group| word.len() < group as usize);
        let blanks = after.bytes().take_while(|byte| *byte == b' ').count();
        // hexdump and Wireshark divide a line in its middle; another gap ends the bytes.
        let is_middle = bytes.len() == LINE_BYTES / 2 && blanks == 2;
        rest = after.trim_start_matches([' ', '\t']);
        if is_last || (blanks > 1 && !is_middle) || after.starts_with('\t') {
            break;
        }
    }
    Some((bytes, group?))
}

fn hex(word: &str) -> Option<Vec<u8>> {
    if !matches!(word.len(), 2 | 4 | 6 | 8) || !word.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return None;
    }
    (0..word.len()).step_by(2).map(|at| u8::from_str_radix(word.get(at..at + 2)?, 16).ok()).collect()
}

/// A dump being put together.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Dump {
    bytes: Vec<u8>,
    /// Whether no line can follow: one had less than 16 bytes, or is missing.
    is_over: bool,
}

impl Dump {
    /// Takes in the next line; `false` if it does not continue the dump.
    pub fn take(&mut self, line: &DumpLine) -> bool {
        let fits = line.offsets.contains(&Some(self.bytes.len())) && !line.bytes.is_empty();
        if self.is_over || !fits || self.bytes.len() + line.bytes.len() > TRANSCRIPT_DUMP_BYTES {
            self.is_over = true;
            return false;
        }
        self.is_over = line.bytes.len() < LINE_BYTES;
        self.bytes.extend(&line.bytes);
        true
    }

    /// Its bytes so far.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The frame that it shows, with the link header that its bytes fit.
    pub fn frame(&self) -> Option<Frame<'_>> {
        let bytes = self.bytes.as_slice();
        let (link_type, header_len) = link_header(bytes)?;
        let datagram = datagram_len(bytes.get(header_len..)?).unwrap_or(0);
        let wire_len = (bytes.len() as u32).max(datagram + header_len as u32);
        Some(Frame { link_type, wire_len, bytes })
    }
}

/// A frame that a dump shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Frame<'a> {
    /// By the numbers of the tcpdump.org registry.
    pub link_type: u32,
    /// Bytes on the wire, by the IP header where fewer are shown.
    pub wire_len: u32,
    pub bytes: &'a [u8],
}

/// The link type that the bytes fit, and the length of its header: an EtherType in its place before an IP header
/// whose own length is right, or an IP header alone.
fn link_header(bytes: &[u8]) -> Option<(u32, usize)> {
    // LINKTYPE_ numbers: Ethernet, Linux cooked v1, raw IP, BSD loopback.
    const ETHERNET: u32 = 1;
    const LINUX_SLL: u32 = 113;
    const RAW: u32 = 101;
    const NULL: u32 = 0;
    let number = |at: usize| match bytes.get(at..at + 2) {
        Some([high, low]) => Some(u16::from_be_bytes([*high, *low])),
        _ => None,
    };
    let is_ip = |at: usize| bytes.get(at..).and_then(datagram_len).is_some();
    let carries_ip = |ether_type: usize| match number(ether_type) {
        Some(0x0800 | 0x86dd) => is_ip(ether_type + 2),
        // VLAN tags, MPLS and PPPoE are decoded later.
        Some(0x8100 | 0x88a8 | 0x9100 | 0x8847 | 0x8864) => true,
        Some(0x0806) => bytes.get(ether_type + 2..ether_type + 6) == Some(&[0, 1, 8, 0]),
        _ => false,
    };
    if carries_ip(12) {
        return Some((ETHERNET, 14));
    }
    // Packet type and address type are small numbers there.
    if carries_ip(14) && number(0).is_some_and(|packet_type| packet_type <= 4) {
        return Some((LINUX_SLL, 16));
    }
    if is_ip(0) {
        return Some((RAW, 0));
    }
    let is_family = matches!(bytes, [2 | 24 | 28 | 30, 0, 0, 0, ..] | [0, 0, 0, 2 | 24 | 28 | 30, ..]);
    (is_family && is_ip(4)).then_some((NULL, 4))
}

/// Bytes of the datagram that `bytes` begin with, by its header (RFC 791, 3.1; RFC 8200, 3).
fn datagram_len(bytes: &[u8]) -> Option<u32> {
    let number = |at: usize| match bytes.get(at..at + 2) {
        Some([high, low]) => Some(u32::from(u16::from_be_bytes([*high, *low]))),
        _ => None,
    };
    match bytes.first()? {
        first @ 0x45..=0x4f => {
            let header_len = u32::from(first & 0x0f) * 4;
            // Offloaded segments leave with length 0.
            number(2)
                .filter(|len| *len >= header_len || *len == 0)
                .filter(|_| bytes.len() >= header_len as usize)
        }
        0x60..=0x6f => number(4).map(|len| len + 40).filter(|_| bytes.len() >= 40),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const SYN: [u8; 40] = [
        0x45, 0, 0, 0x28, 0, 1, 0x40, 0, 0x40, 6, 0x26, 0xcd, 192, 0, 2, 1, 198, 51, 100, 5, 0xc3, 0x50,
        0x01, 0xbb, 0, 0, 0, 7, 0, 0, 0, 0, 0x50, 2, 3, 0xe8, 0x73, 0x74, 0, 0,
    ];

    fn read(text: &str) -> Option<Vec<u8>> {
        let mut dump = Dump::default();
        for line in text.lines() {
            if !dump.take(&DumpLine::parse(line)?) {
                return None;
            }
        }
        Some(dump.bytes)
    }

    #[test]
    fn each_tool_s_dump_is_read() {
        for text in [
            // Wireshark, tshark -x, text2pcap.
            "0000   45 00 00 28 00 01 40 00 40 06 26 cd c0 00 02 01   E..(..@.@.&.....\n\
             0010   c6 33 64 05 c3 50 01 bb 00 00 00 07 00 00 00 00   .3d..P..........\n\
             0020   50 02 03 e8 73 74 00 00                           P...st..",
            "0000  45 00 00 28 00 01 40 00  40 06 26 cd c0 00 02 01   E..(..@. @.&.....\n\
             0010  c6 33 64 05 c3 50 01 bb  00 00 00 07 00 00 00 00   .3d..P.. ........\n\
             0020  50 02 03 e8 73 74 00 00                            P...st..",
            // hexdump -C.
            "00000000  45 00 00 28 00 01 40 00  40 06 26 cd c0 00 02 01  |E..(..@.@.&.....|\n\
             00000010  c6 33 64 05 c3 50 01 bb  00 00 00 07 00 00 00 00  |.3d..P..........|\n\
             00000020  50 02 03 e8 73 74 00 00                           |P...st..|",
            // od -Ax -tx1, and od -tx1 with octal offsets.
            "000000 45 00 00 28 00 01 40 00 40 06 26 cd c0 00 02 01\n\
             000010 c6 33 64 05 c3 50 01 bb 00 00 00 07 00 00 00 00\n\
             000020 50 02 03 e8 73 74 00 00",
            "0000000 45 00 00 28 00 01 40 00 40 06 26 cd c0 00 02 01\n\
             0000020 c6 33 64 05 c3 50 01 bb 00 00 00 07 00 00 00 00\n\
             0000040 50 02 03 e8 73 74 00 00",
            // hexdump of a little-endian machine.
            "0000000 0045 2800 0100 0040 0640 cd26 00c0 0102\n\
             0000010 33c6 0564 50c3 bb01 0000 0700 0000 0000\n\
             0000020 0250 e803 7473 0000",
            // xxd.
            "00000000: 4500 0028 0001 4000 4006 26cd c000 0201  E..(..@.@.&.....\n\
             00000010: c633 6405 c350 01bb 0000 0007 0000 0000  .3d..P..........\n\
             00000020: 5002 03e8 7374 0000                      P...st..",
            // FortiGate and ASA.
            "0x0000   4500 0028 0001 4000 4006 26cd c000 0201      E..(..@. @.&.....\n\
             0x0010   c633 6405 c350 01bb 0000 0007 0000 0000      .3d..P.. ........\n\
             0x0020   5002 03e8 7374 0000",
            "0x0000\t 4500 0028 0001 4000 4006 26cd c000 0201\tE..(..@.@.&.....\n\
             0x0010\t c633 6405 c350 01bb 0000 0007 0000 0000\t.3d..P..........\n\
             0x0020\t 5002 03e8 7374 0000                    \tP...st..",
            // IOS-XE.
            "  0000:  45000028 00014000 400626CD C0000201   E..(..@.@.&.....\n\
             \x20 0010:  C6336405 C35001BB 00000007 00000000   .3d..P..........\n\
             \x20 0020:  500203E8 73740000                     P...st..",
            // snoop -x 0.
            "\t   0: 4500 0028 0001 4000 4006 26cd c000 0201    E..(..@.@.&.....\n\
             \t  16: c633 6405 c350 01bb 0000 0007 0000 0000    .3d..P..........\n\
             \t  32: 5002 03e8 7374 0000                        P...st..",
        ] {
            assert_eq!(read(text).as_deref(), Some(&SYN[..]), "{text}");
        }
    }

    #[test]
    fn characters_that_look_like_bytes_are_none() {
        let line = DumpLine::parse("0020  50 02   ab cd").expect("a line");
        assert_eq!(line.bytes, [0x50, 2]);
        let line =
            DumpLine::parse("0010  00 01 02 03 04 05 06 07  08 09 0a 0b 0c 0d 0e 0f  ab cd").expect("a line");
        assert_eq!(line.bytes.len(), 16);
    }

    #[test]
    fn other_lines_are_none() {
        for text in [
            "2024 was a year",
            "12:00:00.000000 IP a",
            "deadbeef",
            "10: 15:36:43.513340 192.0.2.1",
            "",
            "0000  tcp",
        ] {
            assert!(DumpLine::parse(text).is_none_or(|line| line.bytes.is_empty()), "{text}");
        }
    }

    #[test]
    fn the_link_header_is_recognised_by_the_bytes() {
        let frame = |header: &[u8]| {
            let dump = Dump { bytes: [header, &SYN].concat(), is_over: true };
            dump.frame().map(|frame| (frame.link_type, frame.wire_len))
        };
        let ethernet = [2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 8, 0];
        let cooked = [0, 4, 0, 1, 0, 6, 2, 0, 0, 0, 0, 1, 0, 0, 8, 0];
        assert_eq!(frame(&[]), Some((101, 40)));
        assert_eq!(frame(&ethernet), Some((1, 54)));
        assert_eq!(frame(&cooked), Some((113, 56)));
        assert_eq!(frame(&[2, 0, 0, 0]), Some((0, 44)));
        assert_eq!(frame(&[0x16, 3, 1, 2, 0]), None);
        let cut = Dump { bytes: SYN[..20].to_vec(), is_over: false };
        assert_eq!(cut.frame().map(|frame| frame.wire_len), Some(40));
    }

    proptest! {
        #[test]
        fn any_lines_are_read(texts in proptest::collection::vec(".{0,40}", 0..8), bytes: Vec<u8>) {
            let mut dump = Dump::default();
            for text in texts {
                for text in [text.clone(), format!("0000 {text}"), format!("{:04x}  45 00 {text}", dump.bytes.len())] {
                    if let Some(line) = DumpLine::parse(&text) {
                        dump.take(&line);
                    }
                }
            }
            let _ = (dump.frame(), Dump { bytes, is_over: false }.frame());
        }
    }
}
