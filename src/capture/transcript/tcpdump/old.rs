//! The TCP part of a packet as tcpdump before 4.1 printed it, and as OpenBSD's tcpdump, Junos and Cisco ASA print it today:
//! `S 1:1(0) ack 2 win 3 <mss 1460,nop,wscale 8> (DF)`. The ACK flag shows by `ack` alone.

use super::options::Options;
use super::printed::{CutFlags, MOST_PAYLOAD, Printed, checksum};
use super::suffix::Suffix;
use crate::capture::transcript::scan::Scan;
use crate::packet::Flags;

/// Reads what follows the addresses; `None` when it is not TCP in this syntax.
pub fn parse(text: &str) -> Option<Printed<'_>> {
    let end = text.find([' ', ',']).unwrap_or(text.len());
    let (letters, rest) = text.split_at_checked(end)?;
    let set = flags(letters)?;
    let mut printed = Printed { is_old: true, ..Printed::default() };
    let mut scan = Scan::new(rest);
    let fields = read_fields(&mut scan, &mut printed);
    // A terminal may have broken the line within the first field.
    let is_broken = (rest.starts_with(", ") && is_open(rest)) || is_broken_field(rest.trim());
    if fields == 0 && !rest.trim().is_empty() && !rest.trim_start().starts_with("[|tcp]") && !is_broken {
        return None;
    }
    printed.is_open = is_open(scan.rest());
    // Where the line ends before the window, `ack` may have been cut off.
    let is_clear = printed.ack.is_some() || printed.window.is_some() || letters == ".";
    let ack =
        if printed.ack.is_some() || (letters == "." && printed.window.is_none()) { Flags::ACK } else { 0 };
    printed.flags = (is_clear || !printed.is_open).then_some(Flags(set | ack));
    let is_cut_syn = printed.flags.is_none() && Flags(set).syn();
    printed.cut_flags = is_cut_syn.then_some(CutFlags::WithoutAck(Flags(set)));
    Some(printed.ending(text, scan))
}

/// Whether `rest`, the end of a line, may be a field that was cut.
fn is_open(rest: &str) -> bool {
    const FIELDS: [&str; 9] =
        ["ack ", "win ", "urg ", "cksum 0x", "[tcp sum ok]", "[bad tcp cksum ", "[tos 0x", "<", "("];
    let rest = rest.trim_start_matches([' ', ',']);
    rest.is_empty()
        || rest.starts_with(|letter: char| letter.is_ascii_digit())
        || FIELDS.iter().any(|field| rest.starts_with(field) || field.starts_with(rest))
}

/// Whether `rest` is the beginning of a segment's numbers, or of the remark on its checksum, and no more.
fn is_broken_field(rest: &str) -> bool {
    let is_number = rest.starts_with(|digit: char| digit.is_ascii_digit())
        && rest.bytes().all(|byte| byte.is_ascii_digit() || matches!(byte, b':' | b'('));
    is_number
        || (rest.len() > 1
            && ["[tcp sum ok]", "[bad tcp cksum "].iter().any(|remark| remark.starts_with(rest)))
}

/// The flags that these letters are. A dot stands for none of SYN, FIN, RST and PSH, or with others for ACK.
fn flags(letters: &str) -> Option<u8> {
    const MOST_LETTERS: usize = 8;
    if letters.len() > MOST_LETTERS || !letters.contains(['S', 'F', 'R', 'P', '.']) {
        return None;
    }
    let dot = if letters == "." { 0 } else { Flags::ACK };
    letters.bytes().try_fold(0, |flags, letter| {
        let flag = match letter {
            b'S' => Flags::SYN,
            b'F' => Flags::FIN,
            b'R' => Flags::RST,
            b'P' => Flags::PSH,
            b'U' => Flags::URG,
            b'W' => Flags::CWR,
            b'E' => Flags::ECE,
            b'.' => dot,
            _ => return None,
        };
        Some(flags | flag)
    })
}

/// Reads fields up to what is not one, and returns how many there are.
fn read_fields<'a>(scan: &mut Scan<'a>, printed: &mut Printed<'a>) -> u32 {
    let mut count = 0;
    loop {
        scan.comma();
        scan.skip_spaces();
        let mut ahead = *scan;
        let is_read = if ahead.eat("cksum 0x") {
            checksum(&mut ahead).map(|checksum| printed.checksum = checksum).is_some()
        } else if ahead.eat("[tcp sum ok]") {
            true
        } else if ahead.eat("[bad tcp cksum ") {
            ahead.until(']').is_some()
        } else if ahead.rest().starts_with(|letter: char| letter.is_ascii_digit()) {
            printed.seq.is_none()
                && (read_sequence(&mut ahead, printed) || read_dropped(scan, &mut ahead, printed))
        } else if ahead.eat("ack ") {
            ahead.skip_spaces();
            is_without_sequence(printed);
            // The window follows, so that a number at the line's end may continue in the next.
            printed.ack = ahead.number();
            printed.ack.is_some()
        } else if ahead.eat("win ") {
            ahead.skip_spaces();
            is_without_sequence(printed);
            printed.window = ahead.number_or_last().and_then(|window| window.try_into().ok());
            printed.is_complete = printed.window.is_some();
            printed.is_complete
        } else if ahead.eat("urg ") {
            printed.urgent = ahead.number_or_last().and_then(|urgent| urgent.try_into().ok());
            printed.urgent.is_some()
        } else if ahead.eat("<") {
            printed.options = Options::parse_old(&mut ahead);
            printed.options.is_some()
        } else {
            let suffix = Suffix::parse(&mut ahead);
            let is_read = suffix != Suffix::default();
            if is_read {
                printed.suffix = suffix;
            }
            is_read
        };
        // What is left gets shorter with each field, so that no line is read without end.
        if !is_read || ahead.rest().len() >= scan.rest().len() {
            break;
        }
        *scan = ahead;
        count += 1;
    }
    read_end(scan, printed);
    count
}

/// `1:42(41)`: the first number, the one after the payload, and its length.
fn read_sequence(scan: &mut Scan<'_>, printed: &mut Printed<'_>) -> bool {
    let (Some(seq), true) = (scan.number(), scan.eat(":")) else { return false };
    let Some(end) = scan.number() else { return false };
    if [" ack ", " win "].iter().any(|field| scan.rest().starts_with(field)) {
        // The author, or the page, lost the length in parentheses.
        printed.payload_len = Some(end.wrapping_sub(seq)).filter(|len| *len < MOST_PAYLOAD);
        printed.seq = printed.payload_len.map(|_| seq);
        return printed.seq.is_some();
    }
    let (true, Some(len), true) = (scan.eat("("), scan.number(), scan.eat(")")) else { return false };
    let fits = |seq: u32| end.wrapping_sub(seq) == len && len < MOST_PAYLOAD;
    // A mail may have lost the number's first digit.
    let whole = end.wrapping_sub(len);
    let has_lost_digit = !fits(seq) && fits(whole) && is_without_first_digit(whole, seq);
    printed.seq = Some(if has_lost_digit { whole } else { seq });
    printed.payload_len = Some(len).filter(|_| has_lost_digit || fits(seq));
    true
}

/// Whether `cut` is what is left of the number `whole` without its first digit.
fn is_without_first_digit(whole: u32, cut: u32) -> bool {
    whole.to_string().get(1..) == Some(&*cut.to_string())
}

/// `164248457 Drop-reason: (acl-drop)`: Cisco ASA's reason, before which an author left the other fields out.
fn read_dropped<'a>(start: &Scan<'a>, scan: &mut Scan<'a>, printed: &mut Printed<'a>) -> bool {
    *scan = *start;
    printed.seq = scan.number().filter(|_| scan.rest().trim_start().starts_with(DROP_REASON));
    printed.seq.is_some()
}

/// What Cisco ASA prints after a packet that it dropped (`capture ... type asp-drop`).
pub const DROP_REASON: &str = "Drop-reason:";

/// A segment that is empty and neither SYN, FIN nor RST has no numbers, unless `-vv` is given.
fn is_without_sequence(printed: &mut Printed<'_>) {
    if printed.seq.is_none() {
        printed.payload_len = Some(0);
    }
}

/// What tcpdump decodes of the payload, with the IP header's fields after it: `: BGP (ttl 64, id 242, len 59)`.
fn read_end<'a>(scan: &mut Scan<'a>, printed: &mut Printed<'a>) {
    let Some(application) = scan.rest().strip_prefix(':') else { return };
    let at = ["(DF)", "(ttl ", "(len ", "[tos "].iter().filter_map(|start| application.find(start)).min();
    let (application, suffix) = application.split_at(at.unwrap_or(application.len()));
    printed.application = Some(application.trim());
    *scan = Scan::new(suffix);
    if !suffix.is_empty() {
        printed.suffix = Suffix::parse(scan);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::packet::Checksum;

    const LINE: &str = "S [tcp sum ok] 2578:2578(0) ack 7 win 32120 <mss 1460,sackOK,timestamp 794 16037859,nop,wscale 0> (DF) \
                        [tos 0x10] (ttl 51, id 1348, len 60)";

    /// A field of a line, whole or damaged, or what looks like one.
    const FIELD: &str = r"\((ttl|len|hlim|id|optlen) ?[0-9]{0,3}(, ?(id|len|optlen|bad|x)[ =]?[0-9A-Z]{0,4}){0,3}\)?|\(DF\)|\[tos 0x[0-9a-g]{0,3}\]?|\[(class|flowlabel) ?[0-9]?\]?|(ack|win|urg) ?[0-9]{0,6}|cksum 0x[0-9a-f]{0,4}|<(mss [0-9]{0,6})?>?|[0-9]{1,3}:[0-9]{0,3}\(?[0-9]?\)?|[a-z,:]{0,3}";

    #[test]
    fn every_field_of_a_line_is_read() {
        let printed = parse(LINE).expect("TCP");
        assert_eq!(printed.flags, Some(Flags(Flags::SYN | Flags::ACK)));
        assert_eq!((printed.seq, printed.payload_len, printed.ack), (Some(2578), Some(0), Some(7)));
        assert_eq!((printed.window, printed.understood), (Some(32120), LINE.len()));
        let opening = printed.options.map(|options| options.bytes);
        assert_eq!(opening.map(|bytes| bytes.len()), Some(4 + 2 + 10 + 1 + 3));
        assert_eq!((printed.suffix.hop_limit, printed.suffix.length), (Some(51), Some(60)));
        assert!(printed.suffix.dont_fragment && printed.is_complete);
    }

    #[test]
    fn the_ack_flag_shows_by_its_number() {
        let flags = |text: &str| parse(text).and_then(|printed| printed.flags).map(|flags| flags.to_string());
        for (text, expected) in [
            ("S 1:1(0) win 5", Some("S")),
            ("S 1:1(0) ack 2 win 5", Some("S.")),
            (". ack 2 win 5", Some(".")),
            ("P 1:9(8) ack 2 win 5", Some("P.")),
            ("R 0:0(0) win 0", Some("R")),
            ("FP 9:9(0) ack 2 win 5", Some("FP.")),
            ("FP 9:9(0) win 3072 urg 0", Some("FP")),
            ("SWE, cksum 0x0281 (correct), 6:6(0) win 32792", Some("SEW")),
            ("R. [tcp sum ok] ack 63713 win 63712", Some("R.")),
            // Whether it has ACK was cut off.
            ("S 1:1(0)", None),
            ("S 164 Drop-reason: (acl-drop) Flow is denied by configured rule", Some("S")),
        ] {
            assert_eq!(flags(text).as_deref(), expected, "{text}");
        }
    }

    #[test]
    fn a_cut_syn_acknowledges_where_it_answers_one() {
        for text in ["S 1:1(0)", "S, cksum 0x24fe (correct), ", "S"] {
            let flags = |is_answer| {
                let printed = parse(text)?.with_cut_flags(|| is_answer);
                Some(printed.flags?.to_string())
            };
            assert_eq!((flags(false).as_deref(), flags(true).as_deref()), (Some("S"), Some("S.")), "{text}");
        }
        assert_eq!(parse("P 1:9(8)").map(|printed| printed.cut_flags), Some(None));
    }

    #[test]
    fn a_line_that_was_broken_within_its_first_field_is_open() {
        for text in ["S 1053182204", "S 1053182204:105318", "S 1:1(", "R [tcp", "R [tcp sum", "S [bad tcp"] {
            assert!(parse(text).is_some_and(|printed| printed.is_open && printed.seq.is_none()), "{text}");
        }
        for text in ["S [", "S 12 apples", "P (see above)", "F 3.5"] {
            assert!(parse(text).is_none(), "{text}");
        }
    }

    #[test]
    fn each_version_s_checksum_is_read() {
        let checksum = |text: &str| parse(text).map(|printed| (printed.checksum, printed.payload_len));
        let wrong = Checksum::Incorrect { found: 0xeace, expected: 0xd8b6 };
        assert_eq!(
            checksum("P, cksum 0xeace (incorrect (-> 0xd8b6), 649:665(16) ack 0 win 511"),
            Some((wrong, Some(16)))
        );
        assert_eq!(
            checksum("P [bad tcp cksum 4f2!] 1:41(40) ack 1 win 5"),
            Some((Checksum::Unseen, Some(40)))
        );
    }

    #[test]
    fn what_is_decoded_of_the_payload_comes_before_the_ip_header_s_fields() {
        let printed = parse("S 5:24(19) win 32767: BGP (ttl 64, id 242, len 59)").expect("TCP");
        assert_eq!((printed.application, printed.suffix.id), (Some("BGP"), Some(242)));
        assert_eq!(
            parse("P 1:20(19) ack 19 win 17180 <nop,nop,timestamp 8 7>: BGP, length: 19")
                .and_then(|printed| printed.application),
            Some("BGP, length: 19")
        );
    }

    #[test]
    fn other_words_are_no_tcp() {
        for text in [
            "SYN sent",
            "udp 14",
            "F",
            "Pretty good",
            "23382+ PTR? x",
            "",
            "ICMP echo request",
            "S what is this",
        ] {
            assert!(parse(text).is_none_or(|_| text == "F"), "{text}");
        }
    }

    proptest! {
        #[test]
        fn every_cut_shows_the_same_or_less(cut in 1..LINE.len()) {
            let (Some(cut), Some(whole)) = (parse(&LINE[..cut]), parse(LINE)) else { return Ok(()) };
            prop_assert!(cut.seq.is_none() || cut.seq == whole.seq);
            prop_assert!(cut.ack.is_none() || cut.ack == whole.ack);
            prop_assert!(cut.payload_len.is_none() || cut.payload_len == whole.payload_len);
            prop_assert!(cut.flags.is_none() || cut.flags == whole.flags);
        }

        #[test]
        fn every_line_comes_to_its_end(
            fields in proptest::collection::vec(FIELD, 0..8),
            is_open: bool,
        ) {
            let line = format!("S 1:1(0) {}{}", fields.join(" "), if is_open { " (ttl 64, " } else { "" });
            prop_assert!(parse(&line).is_none_or(|printed| printed.understood <= line.len()));
        }

        #[test]
        fn any_text_is_read_or_refused(text in "[SFPR.] ?.{0,80}") {
            if let Some(printed) = parse(&text) {
                prop_assert!(printed.understood <= text.len());
            }
        }
    }
}
