//! The TCP part of a packet: `Flags [S.], cksum 0x1 (correct), seq 1:2, ack 1, win 3, options [...], length 1`, and as tcpdump
//! printed it before 4.1: `S 1:1(0) ack 2 win 3 <mss 1460>`.
//!
//! tcpdump, print-tcp.c, `tcp_print`. The numbers are as printed; what they count from is `numbering`'s business.

use super::old;
use super::options::Options;
pub use super::printed::Printed;
use super::printed::{CutFlags, MOST_PAYLOAD, checksum};
use super::suffix::Suffix;
use crate::capture::transcript::scan::{Scan, split_rare};
use crate::packet::Flags;

impl<'a> Printed<'a> {
    /// Reads what follows the addresses, or `None` when it is not TCP. The line may end anywhere.
    pub fn parse(text: &'a str) -> Option<Self> {
        let mut scan = Scan::new(text);
        let mut printed = if eat_flags_word(&mut scan) {
            Self::default()
        } else if let Some(short) = Self::without_word(&mut scan) {
            return Some(short.ending(text, scan));
        } else {
            return old::parse(text);
        };
        printed.is_open = true;
        let Some(letters) = scan.until(']') else {
            printed.cut_flags = cut_flags(scan.rest());
            return Some(printed);
        };
        // `e` is accurate ECN's bit (RFC 8311), which is not kept.
        printed.flags = if letters.contains('e') {
            Flags::from_letters(&letters.replace('e', ""))
        } else {
            Flags::from_letters(letters)
        };
        printed.read_fields(&mut scan);
        printed.is_open = !printed.is_complete;
        Some(printed.ending(text, scan))
    }

    /// `[S.] ack 1 length 0`: shortened by hand, without the words and commas of tcpdump's.
    fn without_word(scan: &mut Scan<'a>) -> Option<Self> {
        let mut ahead = *scan;
        let letters = ahead.eat("[").then(|| ahead.until(']'))??;
        let flags = Flags::from_letters(letters).filter(|_| !letters.is_empty())?;
        let mut printed = Self { flags: Some(flags), ..Self::default() };
        loop {
            ahead.skip_spaces();
            if ahead.eat("seq ") {
                let (seq, rest) = (ahead.number_or_last()?, ahead);
                printed.seq = Some(seq);
                if ahead.eat(":") {
                    let len = ahead.number_or_last().map(|end| end.wrapping_sub(seq));
                    printed.payload_len = len.filter(|bytes| *bytes < MOST_PAYLOAD);
                } else {
                    ahead = rest;
                }
            } else if ahead.eat("ack ") {
                printed.ack = ahead.number_or_last();
            } else if ahead.eat("win ") {
                printed.window = ahead.number_or_last().and_then(|window| window.try_into().ok());
            } else if ahead.eat("length ") {
                let len = ahead.number_or_last().filter(|bytes| *bytes < MOST_PAYLOAD);
                printed.payload_len = printed.payload_len.or(len);
                printed.is_complete = true;
            } else {
                *scan = ahead;
                return Some(printed);
            }
        }
    }

    fn read_fields(&mut self, scan: &mut Scan<'a>) {
        // Authors write dots in place of fields that do not matter to them.
        let mut is_elided = false;
        loop {
            if !scan.comma() && !is_elided {
                return;
            }
            scan.skip_spaces();
            is_elided = scan.eat("...") || scan.eat("…");
            if is_elided {
                continue;
            }
            let is_read = if scan.eat("cksum 0x") {
                checksum(scan).map(|checksum| self.checksum = checksum).is_some()
            } else if eat_name(scan, "seq") {
                self.read_sequence(scan)
            } else if eat_name(scan, "ack") {
                self.is_without_sequence();
                self.ack = scan.number().filter(|_| scan.is_at_comma());
                self.ack.is_some()
            } else if eat_name(scan, "win") {
                self.is_without_sequence();
                let window = scan.number().filter(|_| scan.is_at_comma());
                self.window = window.and_then(|window| window.try_into().ok());
                window.is_some()
            } else if eat_name(scan, "urg") {
                let urgent = scan.number().filter(|_| scan.is_at_comma());
                self.urgent = urgent.and_then(|urgent| urgent.try_into().ok());
                urgent.is_some()
            } else if eat_name(scan, "options") && scan.eat("[") {
                self.options = Options::parse(scan);
                self.options.is_some()
            } else if scan.rest().starts_with("length ") {
                if self.window.is_some() {
                    self.options.get_or_insert(Options { is_exact: true, ..Options::default() });
                }
                self.read_length(scan);
                return;
            } else {
                return;
            };
            if !is_read {
                return;
            }
        }
    }

    /// Without `-vv` a segment that is empty and neither SYN, FIN nor RST has no `seq`.
    fn is_without_sequence(&mut self) {
        if self.seq.is_none() && self.cut_end.is_none() {
            self.payload_len = Some(0);
        }
    }

    /// `1,` or `1:173,`: the first number, and where there is payload the one after it. Returns whether it is whole.
    fn read_sequence(&mut self, scan: &mut Scan<'a>) -> bool {
        let Some(seq) = scan.number() else { return false };
        if !scan.eat(":") {
            let is_whole = scan.is_at_comma();
            if is_whole {
                (self.seq, self.payload_len) = (Some(seq), Some(0));
            }
            return is_whole;
        }
        let rest = scan.rest();
        if rest.bytes().all(|letter| letter.is_ascii_digit()) {
            (self.seq, self.cut_end) = (Some(seq), Some(rest));
            return false;
        }
        let Some(end) = scan.number().filter(|_| scan.is_at_comma()) else { return false };
        self.seq = Some(seq);
        self.payload_len = Some(end.wrapping_sub(seq)).filter(|bytes| *bytes < MOST_PAYLOAD);
        true
    }

    /// The last field, which repeats what `seq` showed: a number that differs was cut.
    fn read_length(&mut self, scan: &mut Scan<'a>) {
        eat_name(scan, "length");
        let rest = scan.rest();
        let end = rest.find(|letter: char| !letter.is_ascii_digit()).unwrap_or(rest.len());
        let (digits, after) = rest.split_at(end);
        let printed = digits.parse().ok().filter(|bytes| *bytes < MOST_PAYLOAD);
        // What is elided does not contradict it.
        if self.payload_len.is_none() && self.seq.is_none() && self.cut_end.is_none() && !after.is_empty() {
            self.payload_len = printed;
        }
        // A line whose author left out the number is not a segment without payload.
        if self.seq.is_none() && self.payload_len == Some(0) && printed.is_some_and(|bytes| bytes > 0) {
            self.payload_len = None;
        }
        self.is_complete = self.payload_len.is_some() && printed == self.payload_len;
        if !self.is_complete {
            return;
        }
        *scan = Scan::new(after);
        if let Some(text) = after.trim_start().strip_prefix("[RST") {
            self.reset_text = text.split_once(' ').map(|(_, text)| text.strip_suffix(']').unwrap_or(text));
            *scan = Scan::new("");
        } else if let Some(cause) = reset_cause(after).filter(|_| self.flags.is_some_and(Flags::rst)) {
            self.reset_text = Some(cause);
            *scan = Scan::new("");
        } else if let Some(application) = after.strip_prefix(": ") {
            self.application = Some(without_trailer(application));
            *scan = Scan::new("");
        }
    }
}

/// Whether `text` begins as a segment's words do since tcpdump 4.1; a page or an editor may have added spaces.
pub fn begins_flags(text: &str) -> bool {
    eat_flags_word(&mut Scan::new(text))
}

/// Consumes a field's name and the spaces after it.
fn eat_name(scan: &mut Scan<'_>, name: &str) -> bool {
    let mut ahead = *scan;
    let is_name = ahead.eat(name) && ahead.eat(" ");
    if is_name {
        ahead.skip_spaces();
        *scan = ahead;
    }
    is_name
}

/// Consumes `Flags [`.
fn eat_flags_word(scan: &mut Scan<'_>) -> bool {
    let mut ahead = *scan;
    let is_word = ahead.eat("Flags ") && ahead.skip_spaces() && ahead.eat("[");
    if is_word {
        *scan = ahead;
    }
    is_word
}

/// The flags whose letters precede the cut of a line. Those that matter come first, in the order of `FSRP.`
/// (tcpdump, print-tcp.c, `tcp_flag_values`).
fn cut_flags(letters: &str) -> Option<CutFlags> {
    let Flags(flags) = Flags::from_letters(letters.trim_end()).filter(|flags| flags.0 != 0)?;
    // A segment that neither opens nor aborts a connection acknowledges (RFC 9293, 3.10.7.4).
    let has_ack = flags & Flags::ACK != 0 || flags & (Flags::SYN | Flags::RST) == 0;
    Some(if has_ack {
        CutFlags::Known(Flags(flags | Flags::ACK))
    } else {
        CutFlags::WithoutAck(Flags(flags))
    })
}

/// `text` without what F5's tcpdump prints after each packet: ` in slot1/tmm0 lis=/Common/vs`.
fn without_trailer(text: &str) -> &str {
    let begins = |word: &str| text.rfind(word).filter(|at| text[*at..].contains("/tmm"));
    let at = begins(" in slot").or_else(|| begins(" out slot"));
    at.and_then(|at| text.get(..at)).unwrap_or(text)
}

/// Why F5's BIG-IP sent a RST, as its tcpdump prints after it: `... rst_cause="[0x2bb2a3e:1234] SSL handshake timeout exceeded"`.
fn reset_cause(text: &str) -> Option<&str> {
    let (_, cause) = split_rare(text, "rst_cause=\"")?;
    let cause = cause.split('"').next()?;
    // Where in the program it was decided.
    let cause = cause.split_once("] ").filter(|_| cause.starts_with('[')).map_or(cause, |(_, cause)| cause);
    Some(cause.trim()).filter(|cause| !cause.is_empty())
}

/// `tcp 16`, which is all that `-q` prints.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Quiet {
    /// The number as it is written.
    pub payload_len: Option<u32>,
    /// Whether something follows it; a number at the line's end may have been cut.
    pub is_whole: bool,
    /// What an old tcpdump prints of the IP header after it.
    pub suffix: Suffix,
}

impl Quiet {
    pub fn parse(text: &str) -> Option<Self> {
        let rest = text.strip_prefix("tcp ")?.trim_start();
        let end = rest.find(|letter: char| !letter.is_ascii_digit()).unwrap_or(rest.len());
        let (digits, after) = rest.split_at_checked(end)?;
        // A header that is not TCP's is named there.
        if after.trim_start().starts_with("[bad hdr") {
            return None;
        }
        let payload_len = digits.parse().ok().filter(|bytes| *bytes < MOST_PAYLOAD);
        let suffix = Suffix::parse(&mut Scan::new(after));
        Some(Self { payload_len, is_whole: !after.is_empty(), suffix })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::packet::Checksum;

    const LINE: &str = "Flags [P.], cksum 0xfadb (incorrect -> 0xdf91), seq 100:273, ack 15, win 229, urg 7, options \
                        [nop,nop,TS val 1159030138 ecr 929102154], length 173";

    #[test]
    fn every_cut_of_a_line_gives_the_same_or_less() {
        let whole = Printed::parse(LINE).expect("TCP");
        assert_eq!((whole.seq, whole.payload_len, whole.ack), (Some(100), Some(173), Some(15)));
        assert_eq!((whole.window, whole.urgent, whole.is_complete), (Some(229), Some(7), true));
        for end in 7..LINE.len() {
            let cut = Printed::parse(&LINE[..end]).expect("TCP");
            assert!(!cut.is_complete, "{end}");
            for (cut, whole) in [
                (cut.seq, whole.seq),
                (cut.ack, whole.ack),
                (cut.payload_len, whole.payload_len),
                (cut.window.map(u32::from), whole.window.map(u32::from)),
                (cut.urgent.map(u32::from), whole.urgent.map(u32::from)),
                (cut.flags.map(|flags| u32::from(flags.0)), whole.flags.map(|flags| u32::from(flags.0))),
            ] {
                assert!(cut.is_none() || cut == whole, "{end}");
            }
            assert!(cut.checksum == Checksum::Unseen || cut.checksum == whole.checksum, "{end}");
            assert!(cut.options.is_none() || cut.options == whole.options, "{end}");
        }
    }

    #[test]
    fn of_cut_flags_the_letters_before_the_cut_count() {
        let flags = |text: &str, is_answer| {
            let printed = Printed::parse(text).expect("TCP").with_cut_flags(|| is_answer);
            printed.flags.map(|flags| flags.to_string())
        };
        for (text, alone, answer) in [
            ("Flags [P", Some("P."), Some("P.")),
            ("Flags [F", Some("F."), Some("F.")),
            ("Flags [S.", Some("S."), Some("S.")),
            ("Flags [.", Some("."), Some(".")),
            ("Flags [S", Some("S"), Some("S.")),
            ("Flags [R", Some("R"), Some("R.")),
            ("Flags [", None, None),
            ("Flags [none", None, None),
        ] {
            assert_eq!(
                (flags(text, false).as_deref(), flags(text, true).as_deref()),
                (alone, answer),
                "{text}"
            );
            let printed = Printed::parse(text).expect("TCP");
            assert_eq!((printed.payload_len, printed.is_complete), (None, false), "{text}");
        }
    }

    #[test]
    fn spaces_before_the_flags_may_be_several() {
        let printed =
            Printed::parse("Flags   [S],  seq  5,  win 7, options  [nop],  length  0").expect("TCP");
        assert_eq!((printed.seq, printed.window, printed.is_complete), (Some(5), Some(7), true));
    }

    #[test]
    fn a_space_before_the_comma_is_what_web_pages_do() {
        let printed = Printed::parse("Flags [.] , seq 1:1381, ack 173, win 237, length 1380").expect("TCP");
        assert_eq!((printed.payload_len, printed.is_complete), (Some(1380), true));
    }

    #[test]
    fn no_sequence_number_means_no_payload() {
        let printed = Printed::parse("Flags [.], ack 746").expect("TCP");
        assert_eq!((printed.seq, printed.payload_len, printed.ack), (None, Some(0), None));
    }

    #[test]
    fn a_length_without_a_sequence_number_is_no_empty_segment() {
        for line in [
            "Flags [.], ack 5, win 512,   options [nop], length 8480",
            "Flags [P.], ack 5, win 512, length 84",
        ] {
            let printed = Printed::parse(line).expect("TCP");
            assert_eq!((printed.payload_len, printed.is_complete), (None, false), "{line}");
        }
        let printed = Printed::parse("Flags [.], ack 5, win 512, length 0").expect("TCP");
        assert_eq!((printed.payload_len, printed.is_complete), (Some(0), true));
    }

    #[test]
    fn the_cause_of_a_reset_is_in_f5_s_trailer() {
        let read = |flags: &str, trailer: &str| {
            let line = format!(
                "Flags [{flags}], seq 1, ack 6, win 0, length 0 out slot1/tmm0 lis=/Common/vs {trailer}"
            );
            Printed::parse(&line).and_then(|printed| printed.reset_text.map(str::to_owned))
        };
        let cause = "rst_cause=\"[0x2bb2a3e:1234] SSL handshake timeout exceeded\"";
        assert_eq!(read("R.", cause).as_deref(), Some("SSL handshake timeout exceeded"));
        assert_eq!(
            read("R.", "rst_cause=\"[0x1:2] Flow expired (sweeper)\" peerid=0").as_deref(),
            Some("Flow expired (sweeper)")
        );
        assert_eq!(read("R.", "rst_cause=\"No local").as_deref(), Some("No local"));
        assert_eq!((read("R.", "rst_cause=\"\""), read("F.", cause)), (None, None));
    }

    #[test]
    fn the_decoded_protocol_follows_the_length() {
        let printed =
            Printed::parse("Flags [P.], seq 5:36, ack 6, win 1, length 31: HTTP: GET /").expect("TCP");
        assert_eq!(printed.application, Some("HTTP: GET /"));
        for (after, application) in [
            ("HTTP: HTTP/1.1 400 Bad Request in slot1/tmm0 lis=", "HTTP: HTTP/1.1 400 Bad Request"),
            ("HTTP out slot1/tmm3 lis=/Common/vs flowtype=64", "HTTP"),
            ("HTTP: GET /a in slot1", "HTTP: GET /a in slot1"),
        ] {
            let line = format!("Flags [P.], seq 5:36, ack 6, win 1, length 31: {after}");
            assert_eq!(Printed::parse(&line).and_then(|printed| printed.application), Some(application));
        }
    }
}
