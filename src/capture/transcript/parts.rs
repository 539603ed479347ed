//! Where a text goes over from one capture to the next: people paste the client's and the server's, or one before a change and
//! one after it.

use std::collections::{HashSet, VecDeque};

use foldhash::fast::RandomState;

use super::clock::Stamp;
use super::packet::{PrintedContent, PrintedPacket};
use crate::limits::TRANSCRIPT_CONVERSATIONS;
use crate::packet::{Flags, Host, SegmentHeader};

/// One end of a conversation.
type End = (Host, u16);

/// What shows that another capture begins, as far as the lines so far go.
#[derive(Debug, Default)]
pub struct Parts {
    /// Lines that begin or end a run of the tool: prompts, banners, counts.
    runs: Vec<u64>,
    /// Lines of prose.
    prose: Vec<u64>,
    /// Lines that stand for rows which the author left out, and whether they are so wherever they are: dots may be bytes of the packet
    /// above as characters.
    elided: Vec<(u64, bool)>,
    /// The SYN that came last in each direction, by the number that acknowledges it.
    syns: VecDeque<((End, End), u32)>,
    /// Whether an empty line or a fence came since the latest line of a packet.
    is_apart: bool,
    /// The line and time of the packet before.
    before: Option<(u64, Stamp)>,
    /// The line of the latest packet of a tool that knows by itself where a capture begins.
    last_line: Option<u64>,
    /// Whether this capture's first time is nothing: the times are spans, since the first packet or since the one before.
    is_from_zero: bool,
    /// How many times of this capture came that were no less than the one before.
    rising: u64,
    /// Whether one was less.
    has_fallen: bool,
    /// Which hosts talked to each other in this capture.
    conversations: HashSet<(End, End), RandomState>,
    /// The first lines of the captures after the first.
    pub first_lines: Vec<u64>,
}

/// Lines that are remembered until the next packet, and SYNs.
const MOST_LINES: usize = 64;

/// Captures whose first lines are kept.
const MOST_PARTS: usize = 1_000;

/// A clock that goes back by more than this did not do so within a capture, in nanoseconds.
const STEP: i64 = 1_000_000_000;

/// Packets of another conversation that come this long after some words are another capture, in nanoseconds: the stall time.
const PAUSE: i64 = 3_000_000_000;

impl Parts {
    /// A run of the tool begins or ends in this line.
    pub fn on_run(&mut self, line: u64) {
        if self.runs.len() < MOST_LINES {
            self.runs.push(line);
        }
        self.is_apart = true;
    }

    /// A line that is no packet's.
    pub fn on_other(&mut self, line: u64, text: &str) {
        let is_empty = text.is_empty() || text.starts_with("```") || text.starts_with("~~~");
        let is_comment = text.starts_with(['#', '/']) || text.ends_with([':', '\u{ff1a}']);
        let has_words = has_words(text);
        if is_empty {
            self.is_apart = true;
        } else if is_elision(text) {
            if self.elided.len() < MOST_LINES {
                self.elided.push((line, self.is_apart || !text.bytes().all(|byte| byte == b'.')));
            }
        } else if (self.is_apart || is_comment) && has_words && self.prose.len() < MOST_LINES {
            self.prose.push(line);
        }
    }

    /// Whether another capture begins with the packet whose first line this is, by the lines before it and its time.
    pub fn sign(&mut self, line: u64, stamp: Stamp) -> Sign {
        self.is_apart = false;
        let Some((last, before)) = self.before else { return Sign::None };
        let is_between = |sign: &u64| (last..line).contains(sign);
        // A time of another kind is another run's.
        let is_other = kind(before).zip(kind(stamp)).is_some_and(|(before, now)| before != now);
        let step = elapsed(before, stamp).unwrap_or(0);
        let is_elided = self.is_elided(last, line);
        let is_prose = self.prose.iter().any(is_between);
        // Midnight is no step back.
        let is_back = step < -STEP && step > -DAY / 2 && !self.are_spans(before, stamp);
        if is_other
            || self.runs.iter().any(is_between)
            || (is_prose && step < 0 && !self.are_spans(before, stamp))
        {
            Sign::Certain
        } else if is_elided && step >= PAUSE {
            Sign::Elided
        } else if is_back {
            Sign::Back
        } else {
            Sign::None
        }
    }

    /// Whether a mark of rows that were left out stands between these lines. Right below its packet a line of dots is no characters, which
    /// have a header before them.
    fn is_elided(&self, last: u64, line: u64) -> bool {
        self.elided.iter().any(|(at, is_sure)| (last..line).contains(at) && (*is_sure || *at == last + 1))
    }

    /// Whether rows were left out before `packet`, whose first line this is, and it continues no conversation whose numbers would show
    /// what is missing. For packets of such a tool: what tcpdump prints of bytes looks like such marks.
    pub fn hides_rows(&mut self, line: u64, packet: &PrintedPacket) -> bool {
        let last = self.last_line.replace(line).unwrap_or(line);
        self.is_elided(last, line) && !self.continues(packet)
    }

    /// Takes in a packet of a tool that knows by itself where a capture begins.
    pub fn follow(&mut self, line: u64, packet: &PrintedPacket) {
        if packet.begins_capture {
            self.conversations.clear();
        }
        if let PrintedContent::Segment(header) = &packet.content
            && self.conversations.len() < TRANSCRIPT_CONVERSATIONS
        {
            let (source, destination) = ends(header);
            self.conversations.insert((source.min(destination), source.max(destination)));
        }
        self.elided.retain(|(elided, _)| *elided > line);
    }

    /// Whether words are between the packet before and this line.
    pub fn is_after_words(&self, line: u64) -> bool {
        self.before.is_some_and(|(last, _)| self.prose.iter().any(|prose| (last..line).contains(prose)))
    }

    /// Whether times that go back may be spans since the packet before, as `-ttt` prints them.
    fn are_spans(&self, before: Stamp, now: Stamp) -> bool {
        /// Fewer may rise by chance.
        const SOME: u64 = 3;
        let is_less = |at: Stamp, most: i64| matches!(at, Stamp::Time(nanos) if nanos < most);
        let are_less = |most: i64| is_less(before, most) && is_less(now, most);
        // Since the first packet they never fall, until another capture begins at nothing.
        let begins_anew = now == Stamp::Time(0) && self.rising >= SOME && !self.has_fallen;
        !begins_anew && (are_less(MINUTE) || self.is_from_zero && are_less(60 * MINUTE))
    }

    /// Whether `packet`, whose time goes back, is of this capture nevertheless: it acknowledges the very SYN that the capture has.
    /// Its time was mistyped.
    pub fn answers(&self, packet: &PrintedPacket) -> bool {
        let PrintedContent::Segment(header) = &packet.content else { return false };
        let (source, destination) = ends(header);
        header.tcp.flags.is_some_and(Flags::syn)
            && header.tcp.ack.is_some_and(|ack| self.syns.contains(&((destination, source), ack.0)))
    }

    /// Whether `packet`, which follows rows that were left out, continues a conversation of this capture: its numbers then show what is
    /// missing before it.
    pub fn continues(&self, packet: &PrintedPacket) -> bool {
        let PrintedContent::Segment(header) = &packet.content else { return false };
        let (source, destination) = ends(header);
        let has_numbers = header.tcp.flags.is_some() && header.tcp.seq.or(header.tcp.ack).is_some();
        has_numbers && self.conversations.contains(&(source.min(destination), source.max(destination)))
    }

    /// Another capture begins with the packet of this line.
    pub fn begin(&mut self, line: u64) {
        (self.rising, self.has_fallen) = (0, false);
        self.conversations.clear();
        self.syns.clear();
        if self.first_lines.len() < MOST_PARTS {
            self.first_lines.push(line);
        }
    }

    /// Takes a packet in that `begins` was asked about. Returns whether it begins another capture after all.
    pub fn add(&mut self, line: u64, packet: &PrintedPacket) -> bool {
        let conversation = match &packet.content {
            PrintedContent::Segment(header) => {
                let (source, destination) = ends(header);
                let is_syn = header.tcp.flags.is_some_and(|flags| flags.syn() && !flags.ack());
                if let Some(seq) = header.tcp.seq.filter(|_| is_syn) {
                    if self.syns.len() >= MOST_LINES {
                        self.syns.pop_front();
                    }
                    self.syns.push_back(((source, destination), (seq + 1).0));
                }
                Some((source.min(destination), source.max(destination)))
            }
            _ => None,
        };
        let is_new = conversation.is_some_and(|conversation| !self.conversations.contains(&conversation));
        let is_later = |(last, before): (u64, Stamp)| {
            let is_prose = self.prose.iter().any(|prose| (last..line).contains(prose));
            is_prose && elapsed(before, packet.stamp).is_some_and(|pause| pause >= PAUSE)
        };
        let begins = is_new && !self.conversations.is_empty() && self.before.is_some_and(is_later);
        if begins {
            self.begin(line);
        }
        if is_new && self.conversations.len() < TRANSCRIPT_CONVERSATIONS {
            self.conversations.extend(conversation);
        }
        match (self.before, packet.stamp) {
            (Some((_, before)), now) if self.rising > 0 || self.has_fallen => {
                let is_less = elapsed(before, now).is_some_and(|step| step < 0);
                self.has_fallen |= is_less;
                self.rising += u64::from(!is_less);
            }
            (_, now) => {
                self.is_from_zero = now == Stamp::Time(0);
                self.rising = 1;
            }
        }
        self.before = Some((line, packet.stamp));
        self.runs.retain(|run| *run > line);
        self.prose.retain(|prose| *prose > line);
        self.elided.retain(|(elided, _)| *elided > line);
        begins
    }
}

/// Whether another capture begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sign {
    None,
    /// The time goes back.
    Back,
    /// Rows were left out, and time passed in them.
    Elided,
    Certain,
}

/// Source and destination.
fn ends(header: &SegmentHeader) -> (End, End) {
    let (ip, tcp) = (&header.ip, &header.tcp);
    ((ip.source, tcp.source_port), (ip.destination, tcp.destination_port))
}

/// Whether `text` stands for rows that were left out: `...`, `[...]`, an ellipsis, `[snip]`, also in the cells of a table and between
/// marks of code, emphasis or a line that continues.
fn is_elision(text: &str) -> bool {
    const WORDS: [&str; 7] = ["snip", "snipped", "cut", "skipped", "omitted", "truncated", "8<"];
    let is_mark = |letter: char| " \t[](){}<>#`*\"'\\".contains(letter);
    let mut cells = text.split('|').map(|cell| cell.trim_matches(is_mark)).filter(|cell| !cell.is_empty());
    let is_elided = |dots: &str| {
        let is_short = dots.chars().count() <= LONGEST_ELISION;
        // Cisco's documents have a dot in each of three lines.
        let is_dots = dots.len() != 2 && dots.bytes().all(|byte| byte == b'.');
        let word = dots.trim_matches(['.', '-', '=', '~', ' ', '\u{2026}']);
        let is_word = || word.len() < text.len() && WORDS.iter().any(|name| name.eq_ignore_ascii_case(word));
        is_short && (is_dots || matches!(dots, "\u{2026}" | "\u{22ee}" | ". . .") || is_word())
    };
    cells.next().is_some_and(is_elided) && cells.all(is_elided)
        || says_elision(text.trim_matches(['`', '*', '"', ' ']))
}

/// Whether `text` says in words that rows were left out: `<output omitted>`, `... 20 lines removed ...`, `<lots of traffic>`.
fn says_elision(text: &str) -> bool {
    const LONGEST: usize = 80;
    const SAY_SO: [&str; 18] = [
        "logs",
        "entries",
        "output",
        "frames",
        "omitted",
        "removed",
        "deleted",
        "skipped",
        "snipped",
        "truncated",
        "elided",
        "traffic",
        "packets",
        "lines",
        "rows",
        "more",
        "same",
        "repeated",
    ];
    let dots = |letter: char| matches!(letter, '.' | '\u{2026}');
    let is_between_dots = (text.starts_with("...") || text.starts_with('\u{2026}'))
        && (text.ends_with("...") || text.ends_with('\u{2026}'));
    let inside = text.trim_matches(dots).trim();
    let brackets = inside.chars().next().zip(inside.chars().next_back());
    let is_bracketed = brackets.is_some_and(|pair| matches!(pair, ('<', '>') | ('[', ']') | ('(', ')')));
    let words = inside.trim_matches(['<', '>', '[', ']', '(', ')', ' ']);
    let is_plain = words.chars().all(|letter| letter.is_alphanumeric() || " ,'-".contains(letter));
    let says = words.split(' ').any(|word| SAY_SO.iter().any(|said| said.eq_ignore_ascii_case(word)));
    text.len() <= LONGEST && (is_between_dots || is_bracketed) && is_plain && words.contains(' ') && says
}

/// Whether `text` has a word of prose.
pub fn has_words(text: &str) -> bool {
    text.split(' ').any(is_word)
}

/// Whether `token` is a word of prose. Bytes that are printed as characters have letters too, with dots in place of the others.
fn is_word(token: &str) -> bool {
    const MARKS: [char; 19] =
        ['*', '#', '-', '=', ':', '`', '(', ')', '"', '\'', '[', ']', '/', '<', '>', ',', ';', '!', '?'];
    let token = token.trim_matches(MARKS);
    let word = token.trim_end_matches('.');
    let is_letter = |letter: char| letter.is_alphanumeric() || matches!(letter, '-' | '_' | '\'');
    token.len() - word.len() <= "...".len()
        && word.chars().all(is_letter)
        && word.chars().filter(|letter| letter.is_alphabetic()).nth(1).is_some()
}

/// Dots that an author writes in place of rows.
const LONGEST_ELISION: usize = 16;

/// What a time counts from, as far as it can be compared.
fn kind(stamp: Stamp) -> Option<u8> {
    match stamp {
        Stamp::None => None,
        Stamp::Time(_) => Some(0),
        Stamp::YearDay(_) => Some(1),
        Stamp::Epoch(_) => Some(2),
        Stamp::DateTime(_) => Some(3),
        Stamp::Elapsed(_) => Some(4),
    }
}

const DAY: i64 = 86_400_000_000_000;
const MINUTE: i64 = 60_000_000_000;

/// How long after `earlier` the time `later` is, in nanoseconds; `None` if they can't be compared.
fn elapsed(earlier: Stamp, later: Stamp) -> Option<i64> {
    match (earlier, later) {
        (Stamp::Time(earlier), Stamp::Time(later))
        | (Stamp::Epoch(earlier), Stamp::Epoch(later))
        | (Stamp::DateTime(earlier), Stamp::DateTime(later))
        | (Stamp::YearDay(earlier), Stamp::YearDay(later)) => later.checked_sub(earlier),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_not_the_characters_of_a_payload() {
        for word in
            ["On", "client:", "(server)", "**after**", "`node1`", "done...", "isn't", "\u{4fdd}\u{5b58}"]
        {
            assert!(is_word(word), "{word}");
        }
        for token in ["", "a", "1.", ".[...F`9", "Lv.............{...zD", "ab.....", "..k{.MP", "10.0.0.1"] {
            assert!(!is_word(token), "{token}");
        }
    }

    #[test]
    fn dots_in_place_of_rows_may_have_marks_around_them() {
        for text in [
            "...",
            "[...]",
            "\u{2026}",
            "`   ...`",
            "| ... |",
            "| ... | ... | ... |",
            "...\\",
            "**...**",
            "# ...",
            "[snip]",
            "<snip>",
            "--snip--",
            "*** SNIPPED ***",
            "... cut ...",
            "-----8<-----",
            ".",
            "\u{2026}<a lot of traffic on the port 80>...",
            "<lots of traffic>",
            "... 20 lines removed ...",
            "... (same retransmissions) ...",
            "[output omitted]",
            "<output omitted>",
            "... other logs ...",
        ] {
            assert!(is_elision(text), "{text}");
        }
        for text in [
            "",
            "``",
            "|",
            "..",
            "| ... | 10.0.0.1 |",
            "E..(..@.@.......",
            "..|..",
            "...................",
            "cut",
            "it was cut",
            "<b>lines</b>",
            "(more)",
            "...more lines",
        ] {
            assert!(!is_elision(text), "{text}");
        }
    }
}
