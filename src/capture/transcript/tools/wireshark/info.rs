//! The Info column of a TCP row: `[TCP Retransmission] 443 → 50000 [PSH, ACK] Seq=1 Ack=2 Win=501 Len=7 TSval=3 TSecr=4`.
//!
//! Wireshark, epan/dissectors/packet-tcp.c, `dissect_tcp` and `tcp_info_append_uint`. The numbers are as printed: relative to
//! a stream's first unless the user chose otherwise.

use crate::capture::transcript::tools::options::Options;
use crate::packet::Flags;

/// What an Info column says, as far as it goes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Info<'a> {
    /// What Wireshark's analysis noted before the ports.
    pub analysis: Analysis,
    /// Source and destination port, by number or by name.
    pub ports: Option<(&'a str, &'a str)>,
    pub flags: Option<Flags>,
    pub seq: Option<u32>,
    pub ack: Option<u32>,
    /// The window as Wireshark knows it: scaled where it saw the handshake.
    pub window: Option<u32>,
    pub urgent: Option<u16>,
    pub payload_len: Option<u32>,
    pub options: Options,
    /// What is left after the analysis where it is not TCP's own: the words of the protocol above.
    pub rest: &'a str,
}

/// Wireshark's analysis of a segment, as far as it shows where a segment without numbers belongs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "each is a remark of its own, in any combination")]
pub struct Analysis {
    /// `[TCP Retransmission]`, fast and spurious ones too.
    pub is_retransmission: bool,
    /// `[TCP Out-Of-Order]`
    pub is_out_of_order: bool,
    /// `[TCP Previous segment not captured]`, `lost` up to version 1.8.
    pub is_after_gap: bool,
    /// `[TCP Port numbers reused]`
    pub is_reuse: bool,
    /// `[TCP segment of a reassembled PDU]` and the like: the protocol above is shown at a later segment.
    pub is_part: bool,
}

impl<'a> Info<'a> {
    /// Reads the column; what is not TCP's is left in `rest`.
    pub fn parse(text: &'a str) -> Self {
        let mut info = Self::default();
        // Quoted code, and a page's markup after the last row.
        let mut rest = text.trim_start().trim_end_matches(['`', ' ']);
        while let Some((remark, after)) = bracketed(rest) {
            if flags(remark).is_some() || !info.analysis.read(remark) {
                break;
            }
            // Where the protocol above is shown, a comma follows the remark.
            rest = after.trim_start().trim_start_matches(',').trim_start();
        }
        if rest.starts_with('[') && !rest.contains(']') {
            info.analysis.read_cut(rest);
        }
        info.rest = rest;
        let Some((source, destination, after)) = ports(rest) else { return info };
        let (flags, after) = match bracketed(after) {
            Some((names, after)) => (flags(names), after),
            None => (cut_flags(after), ""),
        };
        let Some(flags) = flags else { return info };
        (info.ports, info.flags, info.rest) = (Some((source, destination)), Some(flags), "");
        info.read_fields(after);
        info
    }

    /// Whether the fields that each TCP row has are all there; a row that was wrapped or cut lacks the last ones.
    pub fn is_complete(&self) -> bool {
        self.flags.is_some() && self.payload_len.is_some()
    }

    /// Whether a row of TCP ends before its flags: within a remark, its ports, or its flags.
    pub fn is_cut(&self) -> bool {
        let is_remark = self.rest.starts_with('[') && self.rest.contains(']');
        self.flags.is_none() && !self.rest.is_empty() && !is_remark
    }

    /// Whether `text` continues a row that was wrapped: it begins with a field.
    pub fn is_continuation(text: &str) -> bool {
        let word = text.split(' ').next().unwrap_or("");
        NAMES.iter().any(|name| {
            word.strip_prefix(name).is_some_and(|after| after.is_empty() || after.starts_with('='))
        })
    }

    fn read_fields(&mut self, text: &str) {
        let mut sack: Option<u32> = None;
        let mut is_old = false;
        // An author may have emphasised a field.
        let words = text.split(' ').map(|word| word.trim_matches(['*', '`', ',']));
        let mut timestamp = None;
        for word in words.filter(|word| !word.is_empty()) {
            if word.starts_with('[') {
                let remark = text.split_once(word).map_or(word, |(_, after)| after);
                self.analysis.is_part |= word == "[TCP" && is_part(remark);
                break;
            }
            let (name, value) = word.split_once('=').unwrap_or((word, ""));
            let number = leading_number(value);
            match name {
                "Seq" => self.seq = self.seq.or(number),
                "Ack" => self.ack = self.ack.or(number),
                "Win" => self.window = self.window.or(number),
                "Urg" => self.urgent = number.and_then(|number| number.try_into().ok()),
                "Len" => self.payload_len = self.payload_len.or(number),
                "MSS" => self.options.maximum_segment_size(number.and_then(|mss| mss.try_into().ok())),
                "SACK_PERM" => self.options.sack_permitted(),
                "WS" => self.options.shift(number.and_then(|number| shift(number, is_old))),
                "TSval" => timestamp = number,
                "TSV" => (timestamp, is_old) = (number, true),
                "TSecr" | "TSER" => self.options.timestamps(timestamp.zip(number)),
                "SLE" => sack = number,
                "SRE" => self.options.sack_block(sack.take().zip(number)),
                "TFO" => self.options.fast_open(),
                _ => {}
            }
        }
        // Versions before 1.2 print an acknowledgement number whatever the flags are.
        self.ack = self.ack.filter(|_| self.flags.is_some_and(Flags::ack));
        if self.flags.is_some_and(|flags| !flags.syn()) {
            self.options.window_scale = None;
        }
    }
}

/// The names of the fields that a TCP row can have.
const NAMES: [&str; 15] = [
    "Seq",
    "Ack",
    "Win",
    "Urg",
    "Len",
    "MSS",
    "WS",
    "SACK_PERM",
    "TSval",
    "TSecr",
    "TSV",
    "TSER",
    "SLE",
    "SRE",
    "TFO",
];

impl Analysis {
    /// How many remarks were made.
    pub fn count(self) -> usize {
        let Self { is_retransmission, is_out_of_order, is_after_gap, is_reuse, is_part } = self;
        [is_retransmission, is_out_of_order, is_after_gap, is_reuse, is_part].map(usize::from).iter().sum()
    }

    /// Takes in a remark whose end was cut off, where it can be one only.
    fn read_cut(&mut self, text: &str) {
        const REMARKS: [&str; 7] = [
            "TCP Retransmission",
            "TCP Fast Retransmission",
            "TCP Spurious Retransmission",
            "TCP Out-Of-Order",
            "TCP Previous segment not captured",
            "TCP Port numbers reused",
            "TCP segment of a reassembled PDU",
        ];
        let begun = text.trim_start_matches('[').trim_end_matches(['.', '\u{2026}']);
        let mut fitting = REMARKS.into_iter().filter(|remark| remark.starts_with(begun));
        if let (Some(only), None) = (fitting.next(), fitting.next()) {
            self.read(only);
        }
    }

    /// Takes in a remark in brackets; `false` if it is not one of Wireshark's.
    fn read(&mut self, remark: &str) -> bool {
        let words = remark.strip_prefix("TCP ").unwrap_or(remark);
        match words {
            "Retransmission" | "Fast Retransmission" | "Spurious Retransmission" => {
                self.is_retransmission = true;
            }
            "Out-Of-Order" => self.is_out_of_order = true,
            "Previous segment not captured" | "Previous segment lost" => self.is_after_gap = true,
            "Port numbers reused" => self.is_reuse = true,
            _ if is_part(words) => self.is_part = true,
            // `[TCP Dup ACK 5#1]`, `[RPC duplicate of #22]`, `[Packet size limited during capture]`: nothing to place by.
            _ => {
                return remark.starts_with("TCP ")
                    || remark.contains("duplicate of")
                    || remark.contains("capture");
            }
        }
        true
    }
}

/// Whether an Info column begins as Wireshark names TLS messages, after what its analysis noted.
pub fn begins_tls(info: &str) -> bool {
    let words = Info::parse(info).rest;
    TLS_WORDS.iter().any(|name| words.starts_with(name))
}

/// Beginnings of the Info column of TLS: Wireshark, epan/dissectors/packet-tls.c.
const TLS_WORDS: [&str; 17] = [
    "Alert",
    "Application Data",
    "Certificate",
    "Change Cipher Spec",
    "Client Hello",
    "Client Key Exchange",
    "Continuation Data",
    "Encrypted Alert",
    "Encrypted Extensions",
    "Encrypted Handshake Message",
    "Finished",
    "Hello Request",
    "Hello Retry Request",
    "Ignored Unknown Record",
    "New Session Ticket",
    "Server Hello",
    "Server Key Exchange",
];

/// Whether the remark, without `TCP `, says that the protocol above is shown elsewhere.
fn is_part(remark: &str) -> bool {
    let words = remark.trim_start();
    words.starts_with("segment of a reassembled PDU") || words.starts_with("PDU reassembled in")
}

/// The number that `value` begins with; a page's markup may follow it.
fn leading_number(value: &str) -> Option<u32> {
    let end = value.find(|letter: char| !letter.is_ascii_digit()).unwrap_or(value.len());
    let (digits, after) = value.split_at(end);
    // After an ellipsis further digits were cut off.
    let is_cut = after.starts_with("...") || after.starts_with('\u{2026}');
    digits.parse().ok().filter(|_| !is_cut && !after.starts_with(|letter: char| letter.is_alphanumeric()))
}

/// `WS=128` is a factor; versions before 1.8, which also print `TSV` for `TSval`, print the shift.
fn shift(number: u32, is_old: bool) -> Option<u8> {
    // RFC 7323, 2.3: at most 14.
    const MOST: u32 = 14;
    if is_old || !number.is_power_of_two() {
        return u8::try_from(number).ok().filter(|shift| u32::from(*shift) <= MOST);
    }
    u8::try_from(number.trailing_zeros()).ok().filter(|shift| u32::from(*shift) <= MOST)
}

/// What is between the brackets that `text` begins with, and what follows them.
fn bracketed(text: &str) -> Option<(&str, &str)> {
    text.trim_start().strip_prefix('[')?.split_once(']')
}

/// `443 → 50000 `, `443→50000 `, `https(443)  >  50000 `: two ports, and what follows them.
fn ports(text: &str) -> Option<(&str, &str, &str)> {
    let (before, after) = text.split_at(text.find('[')?);
    let (source, destination) = split_arrow(before).or_else(|| numbers_with_dash(before))?;
    let is_port = |port: &str| !port.is_empty() && !port.contains(' ');
    let (source, destination) = (port(source.trim()), port(destination.trim()));
    (is_port(source) && is_port(destination)).then_some((source, destination, after))
}

/// `443-50000`, as authors write whose page lost the arrow.
fn numbers_with_dash(text: &str) -> Option<(&str, &str)> {
    let (source, destination) = text.trim().split_once('-')?;
    let is_number = |port: &str| port.trim().parse::<u16>().is_ok();
    (is_number(source) && is_number(destination)).then_some((source, destination))
}

/// `443` of `https(443)`.
fn port(text: &str) -> &str {
    match text.strip_suffix(')').and_then(|text| text.split_once('(')) {
        Some((_, number)) if number.bytes().all(|letter| letter.is_ascii_digit()) => number,
        _ => text,
    }
}

/// The two sides of Wireshark's arrow, which depends on the version and on the terminal's character set.
pub fn split_arrow(text: &str) -> Option<(&str, &str)> {
    ARROWS.iter().find_map(|arrow| text.split_once(arrow)).or_else(|| text.split_once(" ? "))
}

/// Whether `word` is Wireshark's arrow between two columns.
pub fn is_arrow(word: &str) -> bool {
    (ARROWS.contains(&word) && word != ">")
        || matches!(word, "?" | "b" | "b^F^R" | "M-bM-^FM-^R" | "<E2><86><92>")
}

/// The arrow: as it is, of version 1, and `>` of version 1 between ports.
const ARROWS: [&str; 5] = ["→", "->", "⟶", "➔", ">"];

/// `SYN, ACK`; `<None>` where no flag is set.
pub fn flags(names: &str) -> Option<Flags> {
    if matches!(names.trim(), "<None>" | "None") {
        return Some(Flags(0));
    }
    names.split(',').try_fold(Flags(0), |flags, name| {
        let bit = match name.trim() {
            "FIN" => Flags::FIN,
            "SYN" => Flags::SYN,
            "RST" => Flags::RST,
            "PSH" => Flags::PSH,
            "ACK" => Flags::ACK,
            "URG" => Flags::URG,
            "ECN" | "ECE" => Flags::ECE,
            "CWR" => Flags::CWR,
            // Bits of accurate ECN and those that mean nothing yet are not kept.
            "NS" | "AE" | "Nonce" | "Reserved" => 0,
            _ => return None,
        };
        Some(Flags(flags.0 | bit))
    })
}

/// The flags in `[SYN, A`, which a terminal cut: by what is there, where no other flag that matters can follow.
fn cut_flags(text: &str) -> Option<Flags> {
    let names = text.trim_start().strip_prefix('[')?;
    // In the order in which they are printed, and each with a letter of its own.
    let bits = names.split(',').try_fold(0, |bits, name| {
        let whole = ["FIN", "SYN", "RST", "PSH", "ACK"].into_iter();
        let begun = name.trim().trim_end_matches(['.', '\u{2026}']);
        if begun.is_empty() {
            return Some(bits);
        }
        let name = whole.into_iter().find(|whole| whole.starts_with(begun))?;
        Some(bits | flags(name)?.0)
    })?;
    // A SYN or a RST may have ACK or not; all others have it (RFC 9293, 3.10.7.4).
    let is_open = bits & (Flags::SYN | Flags::RST) != 0 || bits == 0;
    (bits & Flags::ACK != 0 || !is_open).then_some(Flags(bits | Flags::ACK))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_row_of_each_version_is_read() {
        for text in [
            "[TCP Retransmission] 443 → 50000 [PSH, ACK] Seq=1 Ack=2 Win=501 Len=7 TSval=3 TSecr=4",
            "[TCP Retransmission] 443→50000 [PSH, ACK] Seq=1 Ack=2 Win=501 Len=7 TSval=3 TSecr=4",
            "[TCP Fast Retransmission]  443  >  50000 [PSH, ACK] Seq=1 Ack=2 Win=501 Len=7 TSval=3 TSecr=4",
            "[TCP Dup ACK 12#1] [TCP Retransmission] https(443) > 50000(50000) [PSH, ACK] Seq=1 Ack=2 Win=501 Len=7 \
             TSV=3 TSER=4",
            "[TCP Retransmission] 443-50000 [PSH, ACK] Seq=1 Ack=2 Win=501 Len=7 TSval=3 TSecr=4",
            "[TCP Retransmission] 443 ? 50000 [PSH, ACK] **Seq=1** `Ack=2` Win=501 Len=7 TSval=3 TSecr=4",
        ] {
            let info = Info::parse(text);
            assert_eq!(info.ports, Some(("443", "50000")), "{text}");
            assert!(info.analysis.is_retransmission && info.is_complete(), "{text}");
            assert_eq!(info.flags, Some(Flags(Flags::PSH | Flags::ACK)), "{text}");
            assert_eq!(
                (info.seq, info.ack, info.window, info.payload_len),
                (Some(1), Some(2), Some(501), Some(7))
            );
            assert_eq!(info.options.bytes, [8, 10, 0, 0, 0, 3, 0, 0, 0, 4], "{text}");
        }
    }

    #[test]
    fn the_window_scale_is_a_factor_or_of_old_a_shift() {
        for (text, expected) in [
            ("1 > 2 [SYN] Seq=0 Win=1 Len=0 MSS=1460 WS=128", Some(7)),
            ("1 > 2 [SYN] Seq=0 Ack=0 Win=1 Len=0 MSS=1460 TSV=1 TSER=0 WS=2", Some(2)),
            ("1 > 2 [SYN] Seq=0 Win=1 Len=0 MSS=1460 WS=7", Some(7)),
            ("1 > 2 [SYN] Seq=0 Win=1 Len=0 MSS=1460 WS=1", Some(0)),
            ("1 > 2 [SYN] Seq=0 Win=1 Len=0 MSS=1460 WS=4294967295", None),
        ] {
            let info = Info::parse(text);
            assert_eq!(info.options.window_scale, expected, "{text}");
            assert_eq!(info.ack, None, "{text}");
        }
    }

    #[test]
    fn blocks_of_a_selective_acknowledgement_are_one_option() {
        let mut info = Info::parse("1 → 2 [ACK] Seq=1 Ack=2 Win=3 Len=0 SLE=10 SRE=20 SLE=30 SRE=40");
        info.options.renumber(1);
        assert_eq!(info.options.bytes, [5, 18, 0, 0, 0, 11, 0, 0, 0, 21, 0, 0, 0, 31, 0, 0, 0, 41]);
    }

    #[test]
    fn what_another_protocol_says_is_left() {
        for (text, rest) in [
            ("Client Hello (SNI=ssm.example.net)", "Client Hello (SNI=ssm.example.net)"),
            ("[TCP Previous segment not captured] , Ignored Unknown Record", "Ignored Unknown Record"),
            ("[RPC duplicate of #22][TCP Retransmission] V4 Reply (Call In 20)", "V4 Reply (Call In 20)"),
            ("[TCP segment of a reassembled PDU]", ""),
            ("[TCP Retransmission]", ""),
            ("443 → 50000 [", "443 → 50000 ["),
        ] {
            let info = Info::parse(text);
            assert_eq!((info.rest, info.ports, info.is_complete()), (rest, None, false), "{text}");
        }
        for cut in [
            "443",
            "443 → 50000 [",
            "443 → 50000 [SYN",
            "[TCP Retransmissi",
            "[TCP Retransmission] [TCP Por…",
        ] {
            assert!(Info::parse(cut).is_cut(), "{cut}");
        }
        for whole in [
            "[TCP segment of a reassembled PDU]",
            "[TCP Retransmission]",
            "1 → 2 [SYN]",
            "[Malformed Packet]",
        ] {
            assert!(!Info::parse(whole).is_cut(), "{whole}");
        }
        assert!(Info::parse("[TCP segment of a reassembled PDU]").analysis.is_part);
        assert!(Info::parse("1 → 2 [ACK] Seq=1 Len=9 [TCP PDU reassembled in 15]").analysis.is_part);
    }

    #[test]
    fn odd_flags_are_read() {
        assert_eq!(flags("<None>"), Some(Flags(0)));
        assert_eq!(flags("SYN, ECE, CWR, Reserved"), Some(Flags(Flags::SYN | Flags::ECE | Flags::CWR)));
        assert_eq!(flags("TCP Retransmission"), None);
        for (cut, letters) in [
            ("[SYN, A", Some("S.")),
            ("[FIN, …", Some("F.")),
            ("[PS", Some("P.")),
            ("[RST, ACK", Some("R.")),
            ("[SYN", None),
            ("[SYN, ", None),
            ("[R", None),
            ("[", None),
            ("[TCP Retr", None),
        ] {
            assert_eq!(cut_flags(cut).map(|flags| flags.to_string()).as_deref(), letters, "{cut}");
        }
    }

    proptest! {
        #[test]
        fn any_column_is_read(text: String, number: u32) {
            for text in [text.clone(), format!("1 → 2 [SYN] {text} SLE={number} SRE=5 {text}")] {
                let mut info = Info::parse(&text);
                info.options.renumber(number);
                prop_assert!(info.options.bytes.len() <= 40);
            }
        }
    }
}
