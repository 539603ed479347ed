//! A packet whose lines are being gathered: its row, put together where it was wrapped, its details and its bytes.

use super::above::{METHODS, icmp_error, is_request, status};
use super::detail::{Detail, Link};
use super::info::{Info, begins_tls};
use super::protocols::{Layer, is_known, layer};
use super::row::{Places, Row};
use super::table;
use crate::capture::transcript::packet::DumpedFrame;
use crate::capture::transcript::tools::dumps::Dump;
use crate::limits::TRANSCRIPT_LINE_BYTES;

/// A packet whose lines are being gathered.
#[derive(Debug, Default)]
pub(super) struct Pending {
    pub(super) line: u64,
    /// The row's text, joined where it was wrapped; empty if there are only details.
    pub(super) text: String,
    /// Where its columns are, unless lines were joined to it.
    pub(super) places: Option<Places>,
    pub(super) cells: bool,
    /// Lines that were joined to it.
    pub(super) joined: usize,
    /// Whether a blank line followed, after which nothing is joined.
    pub(super) is_closed: bool,
    /// Whether the text is a row, or the beginning of one.
    pub(super) is_row: bool,
    pub(super) detail: Option<Detail>,
    pub(super) dump: Dump,
}

/// Lines that one row may have become in a mail or a table of a document, beyond the first.
const MOST_JOINED: usize = 12;

impl Pending {
    /// Whether these details are of the packet whose row came before.
    pub(super) fn is_of(&self, detail: &Detail) -> bool {
        let row = self.row();
        let (number, length) = match row {
            Some(row) => (row.number, row.length),
            None => (self.text.split(' ').next().and_then(|number| number.parse().ok()), None),
        };
        // Rows may lack their numbers, as where they were taken for those of lines.
        let fits = match number {
            Some(_) => number == detail.number,
            None => number == detail.number || (length.is_some() && length == detail.wire_len),
        };
        self.detail.is_none() && !self.text.is_empty() && fits
    }

    /// Joins a line to the row, if it continues it.
    pub(super) fn join(&mut self, text: &str, has_space_before: bool) {
        let is_over = self.is_closed || self.detail.is_some() || self.joined >= MOST_JOINED;
        if is_over
            || self.text.is_empty()
            || self.text.len() + text.len() > TRANSCRIPT_LINE_BYTES
            || !self.wants(text)
        {
            self.is_closed = true;
            return;
        }
        // Each line may be between marks of code.
        let text = text.trim_matches('`').trim_end();
        self.text.truncate(self.text.trim_end_matches('`').len());
        let spaced = format!("{} {text}", self.text);
        let glued = format!("{}{text}", self.text);
        let is_glued = text.starts_with([',', ')']);
        let is_spaced = !is_glued && (has_space_before || fields(&spaced) >= fields(&glued));
        self.text = if is_spaced { spaced } else { glued };
        self.places = None;
        self.is_row |= Row::parse(&self.text).is_some();
        self.is_closed |= self.cells && !table::is_open(&self.text);
        self.joined += 1;
    }

    /// Whether the row needs more, or `text` can be nothing but its continuation.
    fn wants(&self, text: &str) -> bool {
        if self.cells {
            return table::is_open(&self.text);
        }
        let Some(row) = Row::parse(&self.text) else { return true };
        let info = Info::parse(row.info);
        // Within a remark, as `[Packet size limited`.
        if info.rest.starts_with('[') && !info.rest.contains(']') {
            return true;
        }
        match layer(row.protocol) {
            _ if Info::is_continuation(text) || is_rest_of_number(&self.text, text) => true,
            // A terminal breaks within a field's name.
            _ if text.contains('=') && fields(&format!("{}{text}", self.text)) > fields(&self.text) => true,
            Layer::Tcp => !info.is_complete(),
            Layer::Tls if ["(SNI=", ",", "Done", "Request"].iter().any(|more| text.starts_with(more)) => true,
            Layer::Tls => is_cut_name(info.rest),
            Layer::Icmp => is_cut_error(info.rest),
            _ if row.protocol.starts_with("HTTP") => is_cut_line(info.rest),
            _ => info.rest.is_empty(),
        }
    }

    /// The row, where its columns are separated by blanks.
    pub(super) fn row(&self) -> Option<Row<'_>> {
        match &self.places {
            Some(places) => Some(places.row(&self.text)),
            None => Row::parse(&self.text),
        }
    }

    /// The bytes below the packet as a frame.
    pub(super) fn dumped(&self) -> Option<DumpedFrame> {
        let frame = self.dump.frame()?;
        let named = self.detail.as_ref().and_then(|detail| detail.link);
        // LINKTYPE_ numbers of the tcpdump.org registry.
        let fits = match named {
            Some(Link::Ethernet) => frame.link_type == 1,
            Some(Link::Raw) => frame.link_type == 101,
            Some(Link::LinuxCooked) => frame.link_type == 113,
            Some(Link::Null) => frame.link_type == 0,
            None => true,
        };
        let wire_len =
            self.detail.as_ref().and_then(|detail| detail.wire_len).unwrap_or(0).max(frame.wire_len);
        fits.then(|| DumpedFrame { link_type: frame.link_type, wire_len, bytes: frame.bytes.to_vec() })
    }
}

/// Whether `text` is the rest of a number with which a row ends, as where a terminal broke it within its last field.
fn is_rest_of_number(row: &str, text: &str) -> bool {
    let field = row.rsplit(' ').next().and_then(|word| word.split_once('='));
    let is_digits = |digits: &str| digits.bytes().all(|byte| byte.is_ascii_digit());
    field.is_some_and(|(_, begun)| is_digits(begun)) && !text.is_empty() && text.len() < 10 && is_digits(text)
}

/// How many of a row's fields are read in `text`.
fn fields(text: &str) -> usize {
    let cells = if table::is_open(text) || text.ends_with('"') { table::cells(text) } else { None };
    let row = match &cells {
        Some(cells) => table::row(cells, None),
        None => Row::parse(text),
    };
    let Some(row) = row else { return 0 };
    let info = Info::parse(row.info);
    let shown = [
        info.seq.is_some(),
        info.ack.is_some(),
        info.window.is_some(),
        info.payload_len.is_some(),
        info.flags.is_some(),
    ];
    let found = 1
        + usize::from(is_known(row.protocol))
        + usize::from(row.length.is_some())
        + usize::from(begins_tls(row.info))
        + usize::from(text.contains(&format!("\u{2192} {}", row.destination)))
        + shown.iter().filter(|is_shown| **is_shown).count()
        + info.options.bytes.len()
        + info.analysis.count()
        + usize::from(row.info.contains("[Packet size limited during capture]"))
        + alert_words(info.rest)
        + usize::from(row.protocol.starts_with("HTTP") && !is_cut_line(info.rest))
        + whole_names(row.protocol, info.rest);
    // `Win=64 240`: the rest of a number that a page broke apart.
    let words: Vec<&str> = row.info.split(' ').collect();
    let is_digits = |word: &str| !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_digit());
    let is_rest = |pair: &&[&str]| pair[0].contains('=') && is_digits(pair[1]);
    found.saturating_sub(words.windows(2).filter(is_rest).count())
}

/// How well an alert's words are as Wireshark prints them: each begins with a capital, and only that is one.
fn alert_words(words: &str) -> usize {
    const BEST: usize = 8;
    const MARKS: [&str; 4] = ["Alert (", "Alert (Level: ", "(Level: Fatal, ", "(Level: Warning, "];
    let marks = MARKS.iter().filter(|mark| words.contains(**mark)).count();
    let Some((_, name)) = words.rsplit_once(", Description: ") else { return marks };
    let name = name.split_once(')').map_or(name, |(name, _)| name).trim();
    let is_lower = |byte: Option<&u8>| byte.is_some_and(u8::is_ascii_lowercase);
    // No word of a name has one letter.
    let is_broken = |word: &&str| is_lower(word.as_bytes().first()) || word.len() == 1;
    let broken = name.split(' ').filter(is_broken).count();
    let glued = name
        .as_bytes()
        .windows(2)
        .filter(|pair| is_lower(pair.first()) && pair[1].is_ascii_uppercase())
        .count();
    // The only word in lower case.
    let is_protocol = usize::from(name == "No application Protocol");
    marks + 1 + (BEST + 2 * is_protocol).saturating_sub(broken + glued)
}

/// The names of messages.
const NAMES: [&str; 12] = [
    "Server Hello Done",
    "Server Key Exchange",
    "Client Key Exchange",
    "Certificate Request",
    "Change Cipher Spec",
    "Encrypted Handshake Message",
    "New Session Ticket",
    "Application Data",
    "Client Hello",
    "Encrypted Alert",
    "Server Hello",
    "Certificate",
];

/// Beginnings of what else a row of TLS says.
const OTHER_NAMES: [&str; 4] =
    ["Alert (", "Certificate Status", "Continuation Data", "Ignored Unknown Record"];

/// How many names of messages are whole: a space, or none, at the seam decides it.
fn whole_names(protocol: &str, words: &str) -> usize {
    let is_hello = |word: &str| {
        let name = word.strip_prefix("Client Hello (SNI=").and_then(|word| word.strip_suffix(')'));
        name.is_some_and(|name| !name.contains(' '))
    };
    let is_whole = |word: &&str| NAMES.contains(word) || is_hello(word);
    let names = words.split(", ").map(str::trim).filter(is_whole).count();
    names + usize::from(icmp_error(protocol, words).is_some())
}

/// Whether the words of an ICMP error end within its name or before the parenthesis is closed.
pub(super) fn is_cut_error(words: &str) -> bool {
    const ERRORS: [&str; 4] =
        ["destination unreachable (", "time-to-live exceeded (", "time exceeded (", "packet too big"];
    let words = words.trim().to_ascii_lowercase();
    ERRORS.iter().any(|name| {
        let is_begun = name.starts_with(words.as_str()) && words.len() < name.trim_end_matches('(').len();
        is_begun || words.starts_with(name) && name.ends_with('(') && !words.contains(')')
    })
}

/// Whether the first line of an HTTP message ends before the request's version, or the answer's status.
fn is_cut_line(words: &str) -> bool {
    let words = words.trim_end();
    if is_request(&format!("{words} ")) {
        return words
            .rsplit_once(' ')
            .is_none_or(|(_, version)| version.len() < "HTTP/1.1".len() || !version.starts_with("HTTP/1."));
    }
    let is_begun = |name: &str| name.starts_with(words);
    is_begun("HTTP/1.")
        || METHODS.into_iter().any(is_begun)
        || words.starts_with("HTTP/1.") && status(words).is_none()
}

/// Whether a list of TLS messages ends within a name.
pub(super) fn is_cut_name(words: &str) -> bool {
    let last = words.rsplit(',').next().unwrap_or("").trim();
    let is_part = |name: &&str| {
        name.starts_with(last) && *name != last && !["Certificate", "Server Hello"].contains(&last)
    };
    // An alert's parenthesis has a comma in it.
    let is_open = |begin: &str| {
        words.contains(begin) && words.rsplit_once(begin).is_some_and(|(_, inside)| !inside.contains(')'))
    };
    NAMES.iter().chain(&OTHER_NAMES).any(is_part) || is_open("Alert (") || is_open("Hello (")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_alert_is_joined_where_a_terminal_broke_it() {
        let row = "5 0.02 192.0.2.1 → 192.0.2.2 TLSv1.2 61 Alert (Level: Fatal, ";
        for (above, below) in [
            ("D", "escription: Handshake Failure)"),
            ("Description: Handshake", "Failure)"),
            ("Description: Handsh", "ake Failure)"),
            ("Description: Handshake F", "ailure)"),
        ] {
            let mut pending = Pending { text: format!("{row}{above}"), is_row: true, ..Pending::default() };
            pending.join(below, false);
            assert_eq!(pending.text, format!("{row}Description: Handshake Failure)"), "{above}");
        }
        for (above, below) in [("No", "application Protocol)"), ("No appl", "ication Protocol)")] {
            let above = format!("{row}Description: {above}");
            let mut pending = Pending { text: above.clone(), is_row: true, ..Pending::default() };
            pending.join(below, false);
            assert_eq!(pending.text, format!("{row}Description: No application Protocol)"), "{above}");
        }
    }

    #[test]
    fn a_request_s_line_and_a_remark_are_joined_where_they_were_broken() {
        for (row, words) in [
            ("5 0.02 192.0.2.1 → 192.0.2.2 HTTP 184 ", "CONNECT 203.0.113.20:8443 HTTP/1.1"),
            ("5 0.02 192.0.2.1 → 192.0.2.2 HTTP 184 ", "HTTP/1.1 407"),
            ("5 0.02 192.0.2.1 → 192.0.2.2 TCP 106 ", "[TCP segment of a reassembled PDU]"),
            ("5 0.02 192.0.2.1 → 192.0.2.2 TLSv1.2 106 ", "[Packet size limited during capture]"),
        ] {
            for at in 1..words.len() {
                let (above, below) = words.split_at(at);
                let above = format!("{row}{}", above.trim_end());
                let mut pending = Pending { text: above.clone(), is_row: true, ..Pending::default() };
                pending.join(below.trim_start(), below.starts_with(' '));
                let joined = pending.row().expect("a row").info.replace(' ', "");
                assert_eq!(joined, words.replace(' ', ""), "{above}");
                assert_eq!(fields(&pending.text), fields(&format!("{row}{words}")), "{}", pending.text);
            }
        }
    }

    #[test]
    fn names_that_a_terminal_broke_are_put_together_without_a_space_or_with_one() {
        for (row, name) in [
            ("5 0.02 192.0.2.1 → 192.0.2.2 TLSv1.2 185 ", "Application Data"),
            ("5 0.02 192.0.2.1 → 192.0.2.2 TLSv1 583 ", "Client Hello (SNI=ssm.example.net)"),
            ("5 0.02 192.0.2.1 → 192.0.2.2 TLSv1.2 97 ", "Encrypted Alert"),
            (
                "5 0.02 192.0.2.1 → 192.0.2.2 TLSv1.2 1353 ",
                "Server Hello, Certificate, Server Key Exchange, Server Hello Done",
            ),
            ("5 0.02 192.0.2.1 → 192.0.2.2 ICMP 102 ", "Destination unreachable (Host unreachable)"),
        ] {
            for at in 1..name.len() {
                let (above, below) = name.split_at(at);
                let mut pending = Pending {
                    text: format!("{row}{}", above.trim_end()),
                    is_row: true,
                    ..Pending::default()
                };
                pending.join(below.trim_start(), below.starts_with(' '));
                let whole = format!("{row}{name}");
                assert_eq!(fields(&pending.text), fields(&whole), "{}", pending.text);
            }
        }
    }

    #[test]
    fn a_list_of_messages_ends_within_a_name_or_an_alert_s_parenthesis() {
        for cut in
            ["Server Hello, Server Key Ex", "Alert (Level: Fatal, Description: Handsh", "Alert (Level: Fatal"]
        {
            assert!(is_cut_name(cut), "{cut}");
        }
        for whole in [
            "Server Hello",
            "Alert (Level: Fatal, Description: Handshake Failure)",
            "Application Data, Application Data",
        ] {
            assert!(!is_cut_name(whole), "{whole}");
        }
    }
}
