//! The IP part of a packet: the parenthesis that `-v` prints, and the line's two ends.

use super::suffix::Suffix;
use super::tcp;
use crate::capture::transcript::ends::End;
use crate::capture::transcript::scan::{Scan, split_at_colon};
use crate::packet::{Checksum, FragmentField, Host, IpHeader, IpVersion};

/// What `(tos 0x0, ttl 64, ...)` or `(flowlabel 0x1, hlim 64, ...)` contains.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Printed {
    hop_limit: Option<u8>,
    traffic_class: Option<u8>,
    id: Option<u16>,
    offset: Option<u32>,
    flags: Option<u16>,
    /// The length that tcpdump worked with, also where the header has 0 (TSO).
    pub length: Option<u32>,
    is_presumed: bool,
    flow_label: Option<u32>,
    pub protocol: Option<u8>,
    has_options: bool,
    checksum: Checksum,
    is_v6: bool,
}

impl Printed {
    /// Reads the parenthesis that `text` begins with; the rest is what follows it, absent when it does not close.
    /// tcpdump, print-ip.c `ip_print` and print-ip6.c `ip6_print`.
    pub fn parse(text: &str) -> Option<(Self, Option<&str>)> {
        let inside = text.strip_prefix('(')?;
        let mut printed = Self::default();
        let (mut depth, mut start) = (0u32, 0);
        for (at, letter) in inside.char_indices() {
            match letter {
                '(' | '[' => depth += 1,
                ')' if depth == 0 => {
                    printed.read_field(inside.get(start..at)?.trim());
                    // A table's or an author's mark at the line's end is nothing of the packet's.
                    let rest = inside.get(at + 1..)?.trim();
                    let rest = if rest.contains(char::is_alphanumeric) { rest } else { "" };
                    return printed.is_plausible().then_some((printed, Some(rest)));
                }
                ')' | ']' => depth = depth.saturating_sub(1),
                ',' if depth == 0 => {
                    printed.read_field(inside.get(start..at)?.trim());
                    start = at + 1;
                }
                _ => {}
            }
        }
        // What was being printed when the line was cut is not used.
        Some((printed, None))
    }

    /// Whether this is an IP header's parenthesis rather than another.
    fn is_plausible(&self) -> bool {
        self.hop_limit.is_some() || self.length.is_some()
    }

    fn read_field(&mut self, field: &str) {
        let (name, value) = field.split_once(' ').unwrap_or((field, ""));
        // Before 4.0 a colon followed some names, and the hop limit was padded.
        let (name, value) = (name.trim_end_matches(':'), value.trim());
        let hexadecimal = || u32::from_str_radix(value.trim_start_matches("0x"), 16).ok();
        match name {
            "tos" | "class" => self.traffic_class = hexadecimal().and_then(|number| number.try_into().ok()),
            "ttl" => self.hop_limit = value.parse().ok(),
            "hlim" => (self.hop_limit, self.is_v6) = (value.parse().ok(), true),
            "id" => self.id = value.parse().ok(),
            "offset" => self.offset = value.parse().ok().filter(|offset| *offset < 1 << 16),
            "flags" => self.flags = flag_bits(value),
            "proto" => self.protocol = parenthesised(value),
            "flowlabel" => self.flow_label = hexadecimal(),
            "options" => self.has_options = true,
            "next-header" => {
                self.is_v6 = true;
                self.protocol = parenthesised(value);
                if let Some((_, number)) = value.split_once("payload length: ") {
                    self.read_length(number);
                }
            }
            "length" => self.read_length(value),
            "bad" => self.checksum = bad_checksum(value).unwrap_or_default(),
            _ => {}
        }
    }

    fn read_length(&mut self, value: &str) {
        let (number, remark) = value.split_once(' ').unwrap_or((value, ""));
        self.length = number.parse().ok();
        self.is_presumed = remark.starts_with("[was 0");
    }

    /// What an old tcpdump prints after a segment, if it prints anything there.
    pub fn of_suffix(suffix: &Suffix) -> Self {
        // Without `-v`, a datagram that may not be fragmented has only that printed.
        let is_verbose = suffix.hop_limit.is_some();
        let flags =
            (suffix.dont_fragment || is_verbose).then_some(if suffix.dont_fragment { 0x4000 } else { 0 });
        Self {
            hop_limit: suffix.hop_limit,
            traffic_class: suffix.traffic_class,
            id: suffix.id,
            offset: flags.map(|_| 0),
            flags,
            length: suffix.length,
            is_v6: suffix.is_v6,
            ..Self::default()
        }
    }

    /// As a header between `source` and `destination`.
    pub fn between(&self, source: Host, destination: Host) -> IpHeader {
        let header = IpHeader::between(source, destination);
        let version = if self.is_v6 { IpVersion::V6 } else { header.version };
        let fragment =
            self.flags.zip(self.offset).map(|(flags, offset)| FragmentField(flags | (offset / 8) as u16));
        IpHeader {
            hop_limit: self.hop_limit,
            traffic_class: self.traffic_class,
            id: self.id,
            fragment,
            length: if self.is_presumed { Some(0) } else { self.length },
            flow_label: self.flow_label,
            protocol: self.protocol,
            checksum: self.checksum,
            version,
            ..header
        }
    }

    /// Bytes of TCP, header included, where the IP header leaves no doubt about its own length.
    pub fn tcp_bytes(&self) -> Option<u32> {
        let tcp = 6;
        if self.protocol.is_some_and(|protocol| protocol != tcp) || self.is_presumed || self.has_options {
            return None;
        }
        // An IPv4 header without options has 20 bytes; IPv6's payload length does not count the fixed header.
        if self.is_v6 { self.length } else { self.length?.checked_sub(20) }
    }

    /// Whether this is a fragment other than the first.
    pub fn is_later_fragment(&self) -> bool {
        self.offset.is_some_and(|offset| offset > 0)
    }

    /// Bytes of the datagram, as tcpdump worked with it.
    pub fn datagram_bytes(&self) -> Option<u32> {
        // RFC 8200, 3: the fixed header has 40 bytes.
        if self.is_v6 { self.length?.checked_add(40) } else { self.length }
    }
}

/// tcpdump, print-ip.c, `ip_frag_values`: more fragments, don't fragment, reserved.
fn flag_bits(value: &str) -> Option<u16> {
    let names = value.trim().strip_prefix('[')?.strip_suffix(']')?;
    if names == "none" {
        return Some(0);
    }
    names.split([',', ' ']).filter(|name| !name.is_empty()).try_fold(0, |bits, name| {
        Some(
            bits | match name {
                "+" => 0x2000,
                "DF" => 0x4000,
                "rsvd" => 0x8000,
                _ => return None,
            },
        )
    })
}

fn parenthesised(value: &str) -> Option<u8> {
    value.split_once('(')?.1.split_once(')')?.0.parse().ok()
}

/// `cksum 1234 (->46a8)!`
fn bad_checksum(value: &str) -> Option<Checksum> {
    let (found, expected) = value.strip_prefix("cksum ")?.split_once(" (->")?;
    let expected = expected.split_once(')')?.0;
    Some(Checksum::Incorrect {
        found: u16::from_str_radix(found, 16).ok()?,
        expected: u16::from_str_radix(expected, 16).ok()?,
    })
}

/// Two words for the ends, and what follows them.
pub type Words<'a> = (&'a str, &'a str, &'a str);

/// The words of the two ends of `source > destination: ...`, and what follows the colon.
pub fn ends(text: &str) -> Option<Words<'_>> {
    read_ends(text).map(|(words, _)| words)
}

/// The same, and the ends that the words are.
pub fn read_ends(text: &str) -> Option<(Words<'_>, (End, End))> {
    let mut scan = Scan::new(text);
    let source = scan.until(' ')?;
    scan.skip_spaces();
    let arrow = eat_arrow(&mut scan);
    let has_arrow = arrow.is_some();
    let is_number = |text: &str| text.starts_with(|letter: char| letter.is_ascii_digit());
    if !(has_arrow || is_number(source) && is_number(scan.rest())) {
        return None;
    }
    scan.skip_spaces();
    // The space shows that the address before it is whole: `2001:db8::1:` might have gone on.
    // No IPv4 address has a colon, so there it is enough.
    let bare = || scan.rest().strip_suffix(':').filter(|word| !word.contains(':')).map(|word| (word, ""));
    let (destination, after) = split_at_colon(scan.rest()).or_else(bare)?;
    let ends = End::pair(source, destination)?;
    if arrow.is_some_and(|arrow| arrow != TCPDUMPS && !is_tcpdumps(after.trim_start(), arrow)) {
        return None;
    }
    // Where a page took the arrow for markup, two addresses with ports are left.
    let is_end = |end: &End| end.host.address().is_some() && end.port.number().is_some();
    if !(has_arrow || is_end(&ends.0) && is_end(&ends.1)) {
        return None;
    }
    Some(((source, destination, after.trim_start()), ends))
}

/// The arrow that tcpdump prints.
const TCPDUMPS: &str = "> ";

/// Consumes the arrow between two ends, tcpdump's or what an editor made of it.
fn eat_arrow(scan: &mut Scan<'_>) -> Option<&'static str> {
    const ARROWS: [&str; 5] = [TCPDUMPS, "\u{2192} ", "-> ", "=> ", "\u{203a} "];
    ARROWS.into_iter().find(|arrow| scan.eat(arrow))
}

/// Whether tcpdump prints these words after two ends; other tools print such arrows, and their own words.
fn is_tcpdumps(body: &str, arrow: &str) -> bool {
    // FortiGate's ICMP errors differ in nothing but the arrow.
    let is_icmp = || {
        body.starts_with("ICMP") || body.starts_with("icmp ") || (arrow != "-> " && body.starts_with("icmp"))
    };
    tcp::begins_flags(body)
        || is_icmp()
        || tcp::Printed::parse(body).is_some_and(|printed| printed.is_old && printed.window.is_some())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_is_read_as_far_as_it_goes() {
        let whole = "(tos 0x2,ECT(0), ttl 44, id 7, offset 0, flags [+, DF], proto TCP (6), length 52, options (NOP,EOL), \
                     bad cksum 1234 (->46a8)!) 10.0.0.1 > x";
        let (printed, rest) = Printed::parse(whole).expect("a header");
        assert_eq!(rest, Some("10.0.0.1 > x"));
        let ip = printed.between([10, 0, 0, 1].into(), [10, 0, 0, 2].into());
        assert_eq!(
            (ip.hop_limit, ip.traffic_class, ip.id, ip.length),
            (Some(44), Some(2), Some(7), Some(52))
        );
        assert_eq!((ip.fragment, ip.protocol), (Some(FragmentField(0x6000)), Some(6)));
        assert_eq!(ip.checksum, Checksum::Incorrect { found: 0x1234, expected: 0x46a8 });
        assert_eq!(printed.tcp_bytes(), None, "the options' length is not known");
        let (cut, rest) = Printed::parse("(tos 0x0, ttl 6").expect("a header");
        assert_eq!((cut.traffic_class, cut.hop_limit, rest), (Some(0), None, None));
        let (v6, _) = Printed::parse(
            "(class 0x20, flowlabel 0x12345, hlim 64, next-header TCP (6) payload length: 24) ",
        )
        .expect("a header");
        assert_eq!((v6.flow_label, v6.tcp_bytes(), v6.datagram_bytes()), (Some(0x12345), Some(24), Some(64)));
    }

    #[test]
    fn ends_need_the_colon_and_the_space_after_them() {
        assert_eq!(
            ends("10.0.0.1.57886 > fe80::1.https: Flags"),
            Some(("10.0.0.1.57886", "fe80::1.https", "Flags"))
        );
        assert!(ends("10.0.0.1.57886 > 10.0.0.2.84").is_none());
        assert!(ends("10.0.0.1.57886 > 2001:db8::1:").is_none());
        assert_eq!(ends("<SERVER>.443 > $A.8: x"), Some(("<SERVER>.443", "$A.8", "x")));
        assert!(ends("a lower > b: c").is_none());
        let words = ends("10.0.0.1.57886 10.0.0.2.443: S 1:1(0) win 5");
        assert_eq!(words, Some(("10.0.0.1.57886", "10.0.0.2.443", "S 1:1(0) win 5")));
        for arrow in ["\u{2192}", "->", "=>", "\u{203a}"] {
            for words in ["Flags [S], seq 1", "S 1:1(0) win 5", "icmp 68: host a unreachable"] {
                let own = format!("10.0.0.1.57886 {arrow} 10.0.0.2.443: {words}");
                assert_eq!(ends(&own), Some(("10.0.0.1.57886", "10.0.0.2.443", words)), "{arrow}");
            }
            assert!(ends(&format!("10.0.0.1.57886 {arrow} 10.0.0.2.443: syn 1")).is_none(), "{arrow}");
        }
        assert!(ends("10.0.0.1 10.0.0.2: x").is_none() && ends("12.5 10.0.0.2.443: x").is_none());
    }
}
