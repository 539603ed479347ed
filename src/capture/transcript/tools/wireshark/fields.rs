//! `tshark -T fields`: columns of whichever fields were asked for, which a header (`-E header=y`) or the command names.
//!
//! Each line is rewritten as the row of a packet list that tshark prints without `-T`.

use crate::packet::Flags;

/// The columns of such a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fields {
    names: Vec<String>,
    separator: char,
}

/// Most columns that are read.
const MOST_COLUMNS: usize = 64;

/// Fewest that show which packet it is.
const LEAST_COLUMNS: usize = 4;

/// A packet's fields by their names. Where a field has several names, those are versions'.
const NUMBER: &[&str] = &["frame.number", "_ws.col.No.", "_ws.col.number"];
const TIME: &[&str] = &["frame.time_epoch", "frame.time_relative", "_ws.col.Time", "_ws.col.time"];
const SOURCE: &[&str] = &["ip.src", "ipv6.src", "_ws.col.Source", "_ws.col.def_src"];
const DESTINATION: &[&str] = &["ip.dst", "ipv6.dst", "_ws.col.Destination", "_ws.col.def_dst"];
const PROTOCOL: &[&str] = &["_ws.col.Protocol", "_ws.col.protocol"];
const INFO: &[&str] = &["_ws.col.Info", "_ws.col.info"];
const FRAME_LENGTH: &[&str] = &["frame.len"];
const SOURCE_PORT: &[&str] = &["tcp.srcport"];
const DESTINATION_PORT: &[&str] = &["tcp.dstport"];
const FLAGS: &[&str] = &["tcp.flags"];
const FLAG_LETTERS: &[&str] = &["tcp.flags.str"];
/// The numbers of TCP, as a row names them.
const NUMBERS: [(&str, &[&str]); 6] = [
    ("Seq", &["tcp.seq", "tcp.seq_raw"]),
    ("Ack", &["tcp.ack", "tcp.ack_raw"]),
    ("Win", &["tcp.window_size", "tcp.window_size_value"]),
    ("Len", &["tcp.len"]),
    ("TSval", &["tcp.options.timestamp.tsval"]),
    ("TSecr", &["tcp.options.timestamp.tsecr"]),
];

impl Fields {
    /// The columns that a header names; `None` if `text` is not a header, or they don't show a segment's ends and flags.
    pub fn of_header(text: &str) -> Option<Self> {
        // Nearly all lines lack this.
        if !text.contains("tcp.") && !text.contains("_ws.col.") {
            return None;
        }
        let separator =
            [',', ';', '|'].into_iter().find(|separator| text.contains(*separator)).unwrap_or(' ');
        let names =
            text.split(separator).map(|name| name.trim().trim_matches('"')).filter(|name| !name.is_empty());
        Self::of(names, separator)
    }

    /// The columns that a command asks for: `tshark ... -T fields -e frame.number -e ip.src ...`.
    pub fn of_command(text: &str) -> Option<Self> {
        let words = || text.split(' ').filter(|word| !word.is_empty());
        let values = |option: &'static str| {
            words().zip(words().skip(1)).filter(move |(word, _)| *word == option).map(|(_, value)| value)
        };
        let separator = values("-E").find_map(|value| value.strip_prefix("separator="));
        let separator = separator.and_then(|separator| separator.trim_matches(['"', '\'']).chars().next());
        // A tab is `/t`, and a space `/s`.
        Self::of(values("-e"), separator.filter(|separator| *separator != '/').unwrap_or(' '))
    }

    fn of<'a>(names: impl Iterator<Item = &'a str>, separator: char) -> Option<Self> {
        let names: Vec<String> = names.take(MOST_COLUMNS).map(str::to_owned).collect();
        let is_name = |name: &String| {
            name.contains('.')
                && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._".contains(&byte))
        };
        let fields = Self { names, separator };
        let has = |field: &[&str]| fields.names.iter().any(|name| field.contains(&name.as_str()));
        let has_segment = has(SOURCE_PORT) && has(DESTINATION_PORT) && (has(FLAGS) || has(FLAG_LETTERS));
        let is_enough = has(SOURCE) && has(DESTINATION) && (has_segment || has(INFO));
        (fields.names.len() >= LEAST_COLUMNS && fields.names.iter().all(is_name) && is_enough)
            .then_some(fields)
    }

    /// The line of a packet as a row; `None` if it is not one, or shows no segment.
    pub fn row(&self, text: &str) -> Option<String> {
        let mut cells = self.cells(text, self.names.len());
        // The packet's number may have been taken for that of a line.
        let is_number = |cell: &&str| !cell.is_empty() && cell.bytes().all(|byte| byte.is_ascii_digit());
        let has_number = self.names.first().is_some_and(|name| NUMBER.contains(&name.as_str()));
        if has_number && !cells.first().is_some_and(is_number) {
            cells = self.cells(text, self.names.len() - 1);
            cells.insert(0, "");
        }
        let cell = |field: &[&str]| {
            let found = self.names.iter().zip(&cells).filter(|(name, _)| field.contains(&name.as_str()));
            found.map(|(_, cell)| *cell).find(|cell| !cell.is_empty())
        };
        let (source, destination) = (cell(SOURCE)?, cell(DESTINATION)?);
        // A packet inside another one, as an ICMP error quotes it, gives several values.
        let is_one = |value: &str| !value.contains([',', ' ']);
        if !is_one(source) || !is_one(destination) {
            return None;
        }
        let info = match cell(INFO) {
            Some(info) => info.to_owned(),
            None => Self::info(&cell)?,
        };
        let mut row = String::new();
        let number = cell(NUMBER).filter(is_number);
        for column in
            [number, cell(TIME), Some(source), Some("\u{2192}"), Some(destination)].into_iter().flatten()
        {
            row.push_str(column);
            row.push(' ');
        }
        row.push_str(cell(PROTOCOL).unwrap_or("TCP"));
        row.push(' ');
        if let Some(length) = cell(FRAME_LENGTH).filter(|length| length.parse::<u32>().is_ok()) {
            row.push_str(length);
            row.push(' ');
        }
        row.push_str(&info);
        Some(row)
    }

    /// A line's cells, this many at most: the last one may contain the separator.
    fn cells<'a>(&self, text: &'a str, most: usize) -> Vec<&'a str> {
        if text.starts_with('"') && self.separator != ' ' {
            let seam = format!("\"{}\"", self.separator);
            return text.trim_matches('"').split(seam.as_str()).collect();
        }
        text.splitn(most, self.separator).map(|cell| cell.trim().trim_matches('"')).collect()
    }

    /// What a row says of the segment: `50000 \u{2192} 443 [SYN] Seq=0 Len=0`.
    fn info<'a>(cell: &impl Fn(&[&str]) -> Option<&'a str>) -> Option<String> {
        let flags = cell(FLAGS).and_then(number_of_flags);
        let flags = flags.or_else(|| cell(FLAG_LETTERS).and_then(flags_of_letters))?;
        let (source, destination) = (cell(SOURCE_PORT)?, cell(DESTINATION_PORT)?);
        if source.parse::<u16>().is_err() || destination.parse::<u16>().is_err() {
            return None;
        }
        let mut info = format!("{source} \u{2192} {destination} [{}]", names_of(flags));
        for (name, field) in NUMBERS {
            // Without ACK the field means nothing, and tshark prints it nevertheless.
            let is_shown = name != "Ack" || flags.ack();
            if let Some(number) = cell(field).filter(|number| is_shown && number.parse::<u32>().is_ok()) {
                info.extend([" ", name, "=", number]);
            }
        }
        Some(info)
    }
}

/// The flags of `0x0012`, `0x00000012` or `18`.
fn number_of_flags(text: &str) -> Option<Flags> {
    let number = match text.strip_prefix("0x") {
        Some(hex) => u32::from_str_radix(hex, 16).ok()?,
        None => text.parse().ok()?,
    };
    // The bits above are reserved, or accurate ECN's.
    Some(Flags((number & 0xff) as u8))
}

/// The flags whose letters are in `\u{b7}\u{b7}\u{b7}\u{b7}\u{b7}\u{b7}\u{b7}A\u{b7}\u{b7}S\u{b7}`; Wireshark up to version 2 prints a star for one that is not set.
fn flags_of_letters(text: &str) -> Option<Flags> {
    let bits = text.chars().map(|letter| match letter {
        'F' => Flags::FIN,
        'S' => Flags::SYN,
        'R' => Flags::RST,
        'P' => Flags::PSH,
        'A' => Flags::ACK,
        'U' => Flags::URG,
        'E' => Flags::ECE,
        'C' => Flags::CWR,
        // The nonce of RFC 3540.
        'N' => 0,
        _ => {
            if letter.is_alphanumeric() {
                u8::MAX
            } else {
                0
            }
        }
    });
    let flags = bits.fold(0, |flags, bit| flags | bit);
    (flags < u8::MAX).then_some(Flags(flags))
}

/// `SYN, ACK`, as a row has them.
fn names_of(flags: Flags) -> String {
    const NAMES: [(&str, u8); 6] = [
        ("FIN", Flags::FIN),
        ("SYN", Flags::SYN),
        ("RST", Flags::RST),
        ("PSH", Flags::PSH),
        ("ACK", Flags::ACK),
        ("URG", Flags::URG),
    ];
    let names: Vec<&str> =
        NAMES.iter().filter(|(_, bit)| flags.0 & bit != 0).map(|(name, _)| *name).collect();
    if names.is_empty() { "<None>".to_owned() } else { names.join(", ") }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const HEADER: &str =
        "frame.number frame.time_epoch ip.src tcp.srcport ip.dst tcp.dstport tcp.flags.str tcp.len";
    const ROW: &str =
        "1 1700000000.000000000 192.0.2.1 \u{2192} 198.51.100.5 TCP 50000 \u{2192} 443 [SYN, ACK] Len=0";

    #[test]
    fn lines_below_a_header_are_rows() {
        let letters = "\u{b7}\u{b7}\u{b7}\u{b7}\u{b7}\u{b7}\u{b7}A\u{b7}\u{b7}S\u{b7}";
        let line = format!("1 1700000000.000000000 192.0.2.1 50000 198.51.100.5 443 {letters} 0");
        for (separator, quote) in [(" ", ""), (",", ""), (";", ""), ("|", ""), (",", "\"")] {
            let rewritten = |text: &str| {
                let cells: Vec<_> = text.split(' ').map(|cell| format!("{quote}{cell}{quote}")).collect();
                cells.join(separator)
            };
            let fields = Fields::of_header(&rewritten(HEADER)).expect("a header");
            assert_eq!(fields.row(&rewritten(&line)).as_deref(), Some(ROW), "{separator}");
        }
        let command = "$ tshark -r x -T fields -e frame.number -e frame.time_epoch -e ip.src -e tcp.srcport -e ip.dst -e tcp.dstport \
                       -e tcp.flags -e tcp.len";
        let fields = Fields::of_command(command).expect("columns");
        assert_eq!(
            fields.row("1 1700000000.000000000 192.0.2.1 50000 198.51.100.5 443 0x0012 0").as_deref(),
            Some(ROW)
        );
    }

    #[test]
    fn the_list_s_own_words_are_used_where_they_are_there() {
        let unnumbered =
            Fields::of_header(HEADER).and_then(|fields| fields.row("1.5 192.0.2.1 5 198.51.100.5 6 S 0"));
        assert_eq!(
            unnumbered.as_deref(),
            Some("1.5 192.0.2.1 \u{2192} 198.51.100.5 TCP 5 \u{2192} 6 [SYN] Len=0")
        );
        let fields =
            Fields::of_header("frame.number,ip.src,ip.dst,_ws.col.Protocol,_ws.col.Info").expect("a header");
        let row = fields.row("7,192.0.2.1,198.51.100.5,TLSv1.2,Server Hello, Certificate");
        assert_eq!(
            row.as_deref(),
            Some("7 192.0.2.1 \u{2192} 198.51.100.5 TLSv1.2 Server Hello, Certificate")
        );
    }

    #[test]
    fn columns_that_show_no_segment_and_packets_that_are_none_are_left_out() {
        for header in [
            "frame.number ip.src ip.dst tcp.len",
            "see tcp.flags and ip.src, ip.dst or tcp.srcport and tcp.dstport",
            "frame.number ip.src ip.dst tcp.srcport tcp.dstport",
        ] {
            assert_eq!(Fields::of_header(header), None, "{header}");
        }
        let fields = Fields::of_header(HEADER).expect("a header");
        for line in [
            "2 1700000000.1 192.0.2.1  198.51.100.5",
            "3 1.5 192.0.2.9,192.0.2.1 5 192.0.2.1,192.0.2.2 6 S 0",
            "$ ls",
            "",
        ] {
            assert_eq!(fields.row(line), None, "{line}");
        }
    }

    proptest! {
        #[test]
        fn any_line_is_read(header in "([a-z.]{0,9}[ ,;|]?){0,9}", text: String) {
            let fields = [Fields::of_header(&header), Fields::of_command(&header), Fields::of_header(HEADER)];
            for fields in fields.into_iter().flatten() {
                let _ = fields.row(&text);
            }
        }
    }
}
