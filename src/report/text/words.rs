//! Small pieces of text that several reports need: wrapped prose, amounts, packet numbers.

use std::borrow::Cow;
use std::collections::HashSet;

use anstyle::{AnsiColor, Style};

use super::escape;
pub(in crate::report) use super::numbers::{count, grouped};
use crate::packet::Origin;
use crate::report::Origins;
use crate::verdict::Severity;

/// Columns that prose is wrapped to.
pub(in crate::report) const PROSE_COLUMNS: usize = 78;

/// Notes on the packets: dimmed.
pub(in crate::report) const DIM: Style = Style::new().dimmed();
/// Headings.
pub(in crate::report) const BOLD: Style = Style::new().bold();

/// The colour of a severity.
pub(in crate::report) fn style_of(severity: Severity) -> Style {
    let color = match severity {
        Severity::Ok => AnsiColor::Green,
        Severity::Warning => AnsiColor::Yellow,
        Severity::Critical => AnsiColor::Red,
        Severity::Unknown => AnsiColor::Cyan,
    };
    color.on_default().bold()
}

/// `512 bytes`, `1.7 MB`.
pub(in crate::report) fn amount(bytes: u64) -> String {
    let scaled = |unit: f64| bytes as f64 / unit;
    match bytes {
        0..10_000 => count(bytes, "byte"),
        10_000..1_000_000 => format!("{:.1} kB", scaled(1e3)),
        1_000_000..1_000_000_000 => format!("{:.1} MB", scaled(1e6)),
        _ => format!("{:.1} GB", scaled(1e9)),
    }
}

/// Escaped text in which a number and the unit after it are one word, held together by a no-break space.
pub(in crate::report) fn unbroken(text: &str) -> String {
    if escape::plain_len(text) == text.len() && has_single_spaces_after_words(text) {
        return text.to_owned();
    }
    let mut held = String::with_capacity(text.len());
    for word in escape::escaped(text).split_whitespace() {
        if !held.is_empty() {
            let is_amount = held.ends_with(|last: char| last.is_ascii_digit()) && is_unit(word);
            held.push(if is_amount { NO_BREAK } else { ' ' });
        }
        held.push_str(word);
    }
    held
}

/// Whether a space comes only after a word that does not end with a digit, and none at the end.
fn has_single_spaces_after_words(text: &str) -> bool {
    let is_fine = |pair: &[u8]| pair[1] != b' ' || !(pair[0] == b' ' || pair[0].is_ascii_digit());
    text.as_bytes().windows(2).all(is_fine) && !text.starts_with(' ') && !text.ends_with(' ')
}

const NO_BREAK: char = '\u{a0}';

fn is_unit(word: &str) -> bool {
    matches!(
        word.trim_end_matches(['.', ',', ';', ':', ')']),
        "s" | "ms" | "µs" | "min" | "h" | "kB" | "MB" | "GB"
    )
}

/// Escaped text broken between words into lines of at most `columns`; a word that is longer begins a line and is broken where that
/// ends, and a number stays with the unit after it.
pub(in crate::report) fn wrapped(text: &str, columns: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    let mut taken = 0;
    for word in with_whole_commands(&unbroken(text), columns).split(' ').filter(|word| !word.is_empty()) {
        let len = word.chars().count();
        let word = word.replace(NO_BREAK, " ");
        if len > columns && columns > 0 {
            let letters: Vec<char> = word.chars().collect();
            lines.extend(letters.chunks(columns).map(|part| part.iter().collect::<String>()));
            taken = lines.last().map_or(0, |line| line.chars().count());
            continue;
        }
        if let Some(line) = lines.last_mut().filter(|_| taken + 1 + len <= columns) {
            line.push(' ');
            line.push_str(&word);
            taken += 1 + len;
        } else {
            lines.push(word);
            taken = len;
        }
    }
    lines
}

/// Text in which a command between backticks is one word, where it fits into a line: a broken one can't be copied.
fn with_whole_commands(text: &str, columns: usize) -> Cow<'_, str> {
    let mut parts: Vec<Cow<'_, str>> = text.split('`').map(Cow::Borrowed).collect();
    // A backtick without its second begins no command.
    let commands = parts.len() / 2 - usize::from(parts.len().is_multiple_of(2) && parts.len() > 1);
    for index in 0..commands {
        let command = &mut parts[2 * index + 1];
        // Backticks around it, and what ends a sentence.
        if command.contains(' ') && command.chars().count() + 4 <= columns {
            *command = command.replace(' ', &NO_BREAK.to_string()).into();
        }
    }
    if commands == 0 { Cow::Borrowed(text) } else { parts.join("`").into() }
}

/// How packets are called: by their number, with several files by file and the number there.
pub(in crate::report) struct PacketNames<'a> {
    is_steps: bool,
    names: Vec<String>,
    origins: &'a Origins,
}

impl<'a> PacketNames<'a> {
    /// For packets of these files. Long names are shortened as far as they stay different.
    pub(in crate::report) fn new(files: &'a [crate::capture::FileAbout], origins: &'a Origins) -> Self {
        let base = |name: &'a str| name.rsplit('/').next().unwrap_or(name);
        let mut bases: Vec<_> = files.iter().map(|file| base(&file.name)).collect();
        bases.sort_unstable();
        bases.dedup();
        let are_distinct = bases.len() == files.len();
        let name = |file: &'a crate::capture::FileAbout| {
            escape::escaped(if are_distinct { base(&file.name) } else { &file.name })
        };
        let names: Vec<_> = if files.len() > 1 { files.iter().map(name).collect() } else { Vec::new() };
        let names = shortened(&names).unwrap_or(names);
        Self { is_steps: false, names, origins }
    }

    /// For the steps of a check, which stand for packets there.
    pub(in crate::report) fn of_steps(origins: &'a Origins) -> Self {
        Self { is_steps: true, names: Vec::new(), origins }
    }

    /// A packet by its number in the capture.
    pub(in crate::report) fn of(&self, number: u64) -> String {
        match self.origins.of(number) {
            Some(origin) => self.at(number, origin),
            None => number.to_string(),
        }
    }

    /// A packet whose origin is known.
    pub(in crate::report) fn at(&self, number: u64, origin: Origin) -> String {
        match self.names.get(usize::from(origin.file)) {
            Some(name) => format!("{name}:{}", origin.number),
            None => number.to_string(),
        }
    }

    /// Whether packets are called by their files.
    pub(in crate::report) fn has_files(&self) -> bool {
        !self.names.is_empty()
    }

    /// Several: `packet 4`, `packets 4, 6`.
    pub(in crate::report) fn list(&self, numbers: &[u64]) -> String {
        let names: Vec<_> = numbers.iter().map(|number| self.of(*number)).collect();
        format!("{} {}", self.noun(names.len()), names.join(", "))
    }

    /// A sentence in which packets are called by their numbers in the capture, as they are called here: `packet a.pcap:3`.
    pub(in crate::report) fn in_sentence<'s>(&self, text: &'s str) -> Cow<'s, str> {
        if !self.has_files() {
            return Cow::Borrowed(text);
        }
        let mut named = String::new();
        let mut rest = text;
        while let Some((before, number, after)) = next_packet(rest) {
            named.push_str(before);
            named += &self.of(number);
            rest = after;
        }
        named.push_str(rest);
        Cow::Owned(named)
    }

    /// What this many are called: `packets`.
    pub(in crate::report) fn noun(&self, count: usize) -> &'static str {
        match (self.is_steps, count) {
            (false, 1) => "packet",
            (false, _) => "packets",
            (true, 1) => "step",
            (true, _) => "steps",
        }
    }
}

/// The text before the first number of a packet, that number, and the text after it.
fn next_packet(text: &str) -> Option<(&str, u64, &str)> {
    const WORDS: [&str; 2] = ["packet ", "Packet "];
    let starts = WORDS.iter().flat_map(|word| text.match_indices(word).map(|(at, _)| at + word.len()));
    let (start, len) = starts
        .filter_map(|start| {
            let digits = text[start..].bytes().take_while(u8::is_ascii_digit).count();
            (digits > 0).then_some((start, digits))
        })
        .min()?;
    let (before, from) = text.split_at(start);
    let (number, after) = from.split_at(len);
    Some((before, number.parse().ok()?, after))
}

/// Names without what all of them begin and end with, and without their middles where they are still long; nothing if they are
/// short, or would not stay different.
fn shortened(names: &[String]) -> Option<Vec<String>> {
    /// Columns that leave room for a packet's number and what it means.
    const LONG: usize = 12;
    const ENDS: usize = 5;
    if names.iter().all(|name| name.chars().count() <= LONG) {
        return None;
    }
    let first = names.first()?.as_str();
    let is_between = |letter: char| matches!(letter, '_' | '-' | '.' | ' ' | '/');
    let places = || first.char_indices().filter(|(_, letter)| is_between(*letter));
    let begins = |until: usize| names.iter().all(|name| name.starts_with(&first[..until]));
    let ends = |from: usize| names.iter().all(|name| name.ends_with(&first[from..]));
    let front = places().map(|(at, letter)| at + letter.len_utf8()).filter(|until| begins(*until)).max();
    let back = places().map(|(at, _)| at).filter(|from| ends(*from)).min();
    let (front, back) = (front.unwrap_or(0), first.len() - back.unwrap_or(first.len()));
    let short = |name: &String| {
        let part: Vec<char> = name.get(front..name.len().checked_sub(back)?)?.chars().collect();
        let text = |letters: &[char]| letters.iter().collect::<String>();
        match part.len() {
            0 => None,
            len if len <= LONG => Some(text(&part)),
            len => Some(format!("{}..{}", text(part.get(..ENDS)?), text(part.get(len - ENDS..)?))),
        }
    };
    let short: Vec<String> = names.iter().map(short).collect::<Option<_>>()?;
    let are_distinct = short.iter().collect::<HashSet<_>>().len() == names.len();
    are_distinct.then_some(short)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::capture::FileAbout;

    #[test]
    fn long_names_of_files_are_as_short_as_they_stay_different() {
        let short =
            |names: &[&str]| shortened(&names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>());
        assert_eq!(short(&["client.pcap", "server.pcap"]), None);
        let rings = ["ssm_00001_20271127121506.pcap", "ssm_00002_20271127131506.pcap"];
        assert_eq!(short(&rings).unwrap(), ["00001..21506", "00002..31506"]);
        assert_eq!(short(&["seen-at-client.pcapng", "seen-at-server.pcapng"]).unwrap(), ["client", "server"]);
        assert_eq!(short(&["transcript.txt", "a.log"]).unwrap(), ["trans..t.txt", "a.log"]);
        assert_eq!(short(&["0123456789abc.txt", "01234x6789abc.txt"]), None, "they would be the same");
    }

    #[test]
    fn prose_is_broken_between_words_and_words_only_where_a_line_ends() {
        assert_eq!(wrapped("one two three", 7), ["one two", "three"]);
        assert_eq!(wrapped("a 0123456789 b", 5), ["a", "01234", "56789", "b"]);
        assert_eq!(wrapped("a 012345 b", 5), ["a", "01234", "5 b"]);
        assert_eq!(wrapped("for 0 s, then", 6), ["for", "0 s,", "then"]);
        assert!(wrapped("  ", 5).is_empty());
    }

    #[test]
    fn a_number_is_held_to_its_unit_and_spaces_are_single() {
        assert_eq!(unbroken("was (TLS 1.2), after 3.3 s"), "was (TLS 1.2), after 3.3\u{a0}s");
        assert_eq!(unbroken("in 20 ms, then"), "in 20\u{a0}ms, then");
        assert_eq!(unbroken("port 8443"), "port 8443");
        assert_eq!(unbroken(" two  spaces "), "two spaces");
        assert_eq!(unbroken("2 SYNs"), "2 SYNs");
    }

    #[test]
    fn a_command_is_broken_only_where_no_line_has_room_for_it() {
        let text = "Look at it (`ss -ltn`), with `traceroute -T -p 8443`, or ` alone.";
        assert_eq!(
            wrapped(text, 18),
            ["Look at it", "(`ss -ltn`), with", "`traceroute -T -p", "8443`, or ` alone."]
        );
        assert_eq!(
            wrapped(text, 26),
            ["Look at it (`ss -ltn`),", "with", "`traceroute -T -p 8443`,", "or ` alone."]
        );
        assert_eq!(wrapped("a `b", 10), ["a `b"]);
    }

    #[test]
    fn amounts_are_written_for_people() {
        assert_eq!(amount(1_700_000), "1.7 MB");
        assert_eq!(amount(1_234), "1,234 bytes");
    }

    #[test]
    fn packets_of_several_files_are_called_by_file_and_number_there() {
        let file = |name: &str| FileAbout { name: name.to_owned(), ..FileAbout::default() };
        let mut origins = Origins::default();
        origins.add(1, Origin { file: 1, number: 1 });
        origins.add(2, Origin { file: 0, number: 7 });
        let files = [file("ring/a.pcap"), file("ring/b.pcap")];
        let names = PacketNames::new(&files, &origins);
        assert_eq!(names.list(&[1, 2]), "packets b.pcap:1, a.pcap:7");
        let files = [file("x/a.pcap"), file("y/a.pcap")];
        let names = PacketNames::new(&files, &origins);
        assert_eq!(names.of(2), "x/a.pcap:7");
        let sentence = "Packet 2 (63, 27840) follows packet 99 after 2 packets.";
        assert_eq!(
            names.in_sentence(sentence),
            "Packet x/a.pcap:7 (63, 27840) follows packet 99 after 2 packets."
        );
        let none = Origins::default();
        assert_eq!(PacketNames::new(&files[..1], &none).list(&[3]), "packet 3");
    }
}
