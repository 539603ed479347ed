//! The TCP part of a packet: `Flags [S.], cksum 0x1 (correct), seq 1:2, ack 1, win 3, options [...], length 1`.
//!
//! tcpdump, print-tcp.c, `tcp_print`. The numbers are as printed; what they count from is `numbering`'s business.

use super::options::Options;
use crate::capture::transcript::numbering::PrintedNumbers;
use crate::capture::transcript::scan::Scan;
use crate::packet::{Checksum, Flags};

/// A TCP line as far as it goes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Printed<'a> {
    pub flags: Option<Flags>,
    pub checksum: Checksum,
    pub seq: Option<u32>,
    pub ack: Option<u32>,
    pub window: Option<u16>,
    pub urgent: Option<u16>,
    pub options: Option<Options>,
    pub payload_len: Option<u32>,
    /// The first digits of the number at which the payload ends, where the line was cut among them.
    pub cut_end: Option<&'a str>,
    /// Whether the line ends where the grammar ends.
    pub is_complete: bool,
    /// What follows the length: the protocol that tcpdump decodes in the payload.
    pub application: Option<&'a str>,
}

/// Largest payload that is believed, in bytes: Linux merges segments up to 512 KiB ("BIG TCP").
const MOST_PAYLOAD: u32 = 1 << 19;

impl<'a> Printed<'a> {
    /// Reads what follows the addresses, or `None` when it is not TCP. The line may end anywhere.
    pub fn parse(text: &'a str) -> Option<Self> {
        let mut scan = Scan::new(text);
        let mut printed = Self::default();
        if !scan.eat("Flags [") {
            return None;
        }
        let Some(letters) = scan.until(']') else { return Some(printed) };
        // `e` is accurate ECN's bit (RFC 8311), which is not kept.
        printed.flags = Flags::from_letters(&letters.replace('e', ""));
        if !scan.comma() {
            return Some(printed);
        }
        printed.read_fields(&mut scan);
        Some(printed)
    }

    /// Its numbers, for the numbering.
    pub fn numbers(&self) -> PrintedNumbers<'a> {
        PrintedNumbers {
            flags: self.flags,
            seq: self.seq,
            ack: self.ack,
            payload_len: self.payload_len,
            cut_end: self.cut_end,
            first_sack: self.options.as_ref().and_then(Options::first_sack_number),
        }
    }

    fn read_fields(&mut self, scan: &mut Scan<'a>) {
        scan.skip_spaces();
        if scan.eat("cksum 0x") {
            let Some(checksum) = checksum(scan) else { return };
            self.checksum = checksum;
            if !scan.comma() {
                return;
            }
            scan.skip_spaces();
        }
        if scan.eat("seq ") {
            if !self.read_sequence(scan) {
                return;
            }
            scan.skip_spaces();
        } else if scan.rest().starts_with("ack ") || scan.rest().starts_with("win ") {
            // Without `-vv` a segment that is empty and neither SYN, FIN nor RST has no `seq`.
            self.payload_len = Some(0);
        }
        if scan.eat("ack ") {
            let Some(ack) = scan.number().filter(|_| scan.comma()) else { return };
            self.ack = Some(ack);
            scan.skip_spaces();
        }
        if !scan.eat("win ") {
            return;
        }
        let Some(window) = scan.number().filter(|_| scan.comma()) else { return };
        self.window = window.try_into().ok();
        scan.skip_spaces();
        if scan.eat("urg ") {
            let Some(urgent) = scan.number().filter(|_| scan.comma()) else { return };
            self.urgent = urgent.try_into().ok();
            scan.skip_spaces();
        }
        if scan.eat("options [") {
            let Some(options) = Options::parse(scan) else { return };
            self.options = Some(options);
            if !scan.comma() {
                return;
            }
            scan.skip_spaces();
        } else if scan.rest().starts_with("length ") {
            self.options = Some(Options { is_exact: true, ..Options::default() });
        }
        self.read_length(scan);
    }

    /// `1,` or `1:173,`: the first number, and where there is payload the one after it. Returns whether it is whole.
    fn read_sequence(&mut self, scan: &mut Scan<'a>) -> bool {
        let Some(seq) = scan.number() else { return false };
        if !scan.eat(":") {
            let is_whole = scan.comma();
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
        let Some(end) = scan.number().filter(|_| scan.comma()) else { return false };
        self.seq = Some(seq);
        self.payload_len = Some(end.wrapping_sub(seq)).filter(|bytes| *bytes < MOST_PAYLOAD);
        true
    }

    /// The last field, which repeats what `seq` shows: a number that differs was cut.
    fn read_length(&mut self, scan: &mut Scan<'a>) {
        if !scan.eat("length ") {
            return;
        }
        let rest = scan.rest();
        let end = rest.find(|letter: char| !letter.is_ascii_digit()).unwrap_or(rest.len());
        let (digits, after) = rest.split_at(end);
        self.is_complete = self.payload_len.is_some() && digits.parse().ok() == self.payload_len;
        if self.is_complete {
            self.application = after.strip_prefix(": ");
        }
    }
}

/// `fadb (correct)`, `fadb (incorrect -> 0xdf91)`, and `fadb (incorrect (-> 0xdf91)` of tcpdump before 4.1.
fn checksum(scan: &mut Scan<'_>) -> Option<Checksum> {
    let found = scan.hex()?.try_into().ok()?;
    if scan.eat(" (correct)") {
        return Some(Checksum::Correct(found));
    }
    if !scan.eat(" (incorrect ") {
        return None;
    }
    scan.eat("(");
    if !scan.eat("-> 0x") {
        return None;
    }
    let expected = scan.hex()?.try_into().ok()?;
    scan.eat(")").then_some(Checksum::Incorrect { found, expected })
}

/// `tcp 16`, which is all that `-q` prints.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Quiet {
    /// The number as printed; it ends the line, so the caller has to judge whether it was cut.
    pub payload_len: Option<u32>,
}

impl Quiet {
    pub fn parse(text: &str) -> Option<Self> {
        let number = text.strip_prefix("tcp ")?;
        Some(Self { payload_len: number.trim().parse().ok().filter(|bytes| *bytes < MOST_PAYLOAD) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LINE: &str = "Flags [P.], cksum 0xfadb (incorrect -> 0xdf91), seq 100:273, ack 15, win 229, urg 7, options \
                        [nop,nop,TS val 1159030138 ecr 929102154], length 173";

    #[test]
    fn every_cut_of_a_line_tells_the_same_or_less() {
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
    fn the_decoded_protocol_follows_the_length() {
        let printed =
            Printed::parse("Flags [P.], seq 5:36, ack 6, win 1, length 31: HTTP: GET /").expect("TCP");
        assert_eq!(printed.application, Some("HTTP: GET /"));
    }
}
