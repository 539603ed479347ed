//! Lines that an author or a page changed throughout, as a tool prints them: gaps doubled, spaces lost around marks, letters all in
//! upper case.

use std::net::Ipv4Addr;

/// Gaps that a line must have for its spacing to show something.
const LEAST_GAPS: usize = 4;

/// Whether the first gap of a line has several spaces, as that of few lines has.
pub fn has_wide_gap(raw: &[u8]) -> bool {
    let raw = raw.trim_ascii_start();
    let first = raw.iter().position(|byte| *byte == b' ');
    first.is_some_and(|first| raw.get(first + 1) == Some(&b' '))
}

/// `text` with single spaces, where each of its gaps has several; `None` elsewhere.
pub fn single_spaced(text: &str) -> Option<String> {
    if !has_wide_gap(text.as_bytes()) {
        return None;
    }
    let (mut gaps, mut run) = (0, 0);
    for byte in text.bytes() {
        if byte == b' ' {
            run += 1;
        } else {
            if run == 1 {
                return None;
            }
            gaps += usize::from(run > 1);
            run = 0;
        }
    }
    (gaps >= LEAST_GAPS).then(|| {
        let words: Vec<&str> = text.split(' ').filter(|word| !word.is_empty()).collect();
        words.join(" ")
    })
}

/// `text`, which could not be read, with the spaces around its ends and the letters that tcpdump prints; `None` if nothing is to be
/// repaired.
pub fn repaired(text: &str) -> Option<String> {
    let cased = in_usual_case(text);
    let text = cased.as_deref().unwrap_or(text);
    let arrow = with_spaced_arrow(text);
    let text = arrow.as_deref().unwrap_or(text);
    with_spaced_colon(text).or(arrow).or(cased)
}

/// Whether a host in `text` may be what [`with_whole_masks`] is about, as in few lines.
pub fn may_hold_masks(text: &str) -> bool {
    // Most brackets are after a blank or a colon.
    let ends_end = |close: &[u8]| close.get(1) == Some(&b'.') || close.get(1..3) == Some(b" >");
    let bytes = text.as_bytes();
    memchr::memchr3_iter(b']', b')', b'}', bytes)
        .chain(memchr::memchr_iter(b'>', bytes))
        .any(|at| bytes.get(at..).is_some_and(ends_end))
}

/// `text` with what an author put in brackets in place of a host as one word: `[remote ip].33050 > ` as `[remote_ip].33050 > `; `None` if
/// there is none.
pub fn with_whole_masks(text: &str) -> Option<String> {
    /// Longer remarks are no host's.
    const LONGEST: usize = 40;
    const BRACKETS: [(char, char); 4] = [('[', ']'), ('<', '>'), ('(', ')'), ('{', '}')];
    let mut whole: Option<String> = None;
    let opens = text.char_indices().filter_map(|(at, letter)| {
        BRACKETS.iter().find(|(open, _)| *open == letter).map(|(_, close)| (at, *close))
    });
    for (open, close) in opens.take(MOST_MASKS) {
        let Some((inside, after)) = text.get(open + 1..).and_then(|rest| rest.split_once(close)) else {
            continue;
        };
        let is_word = |word: &str| {
            !word.is_empty() && word.chars().all(|letter| letter.is_alphanumeric() || letter == '-')
        };
        let mut words = inside.split(' ');
        let is_mask = inside.len() <= LONGEST && inside.contains(' ') && words.all(is_word);
        // Below a hardware address tcpdump names its maker.
        let is_maker = inside.starts_with("oui ");
        // A port, the arrow, or the colon after the destination.
        let port = after.strip_prefix('.').unwrap_or(after);
        let port = port.trim_start_matches(|letter: char| letter.is_alphanumeric() || letter == '-');
        let is_end = port.starts_with(" > ")
            || port.starts_with(": ") && text.get(..open).is_some_and(|text| text.ends_with("> "));
        if is_mask && is_end && !is_maker {
            let changed = whole.get_or_insert_with(|| text.to_owned());
            changed.replace_range(open + 1..open + 1 + inside.len(), &inside.replace(' ', "_"));
        }
    }
    whole
}

/// Brackets of a line that are looked at.
const MOST_MASKS: usize = 16;

/// `10.0.0.1.1>10.0.0.2.2: `
fn with_spaced_arrow(text: &str) -> Option<String> {
    let at = text.find('>')?;
    let (before, after) = (text.get(..at)?, text.get(at + 1..)?);
    let is_end = |word: &str| is_end(word.trim_end_matches(':'));
    let source = before.rsplit(' ').next().filter(|word| is_end(word))?;
    let destination = after.split(' ').next().filter(|word| is_end(destination_of(word)))?;
    (!source.is_empty() && !destination.is_empty()).then(|| format!("{before} > {after}"))
}

/// What precedes the colon in the word of a destination.
fn destination_of(word: &str) -> &str {
    word.split_once(':').map_or(word, |(end, _)| end)
}

/// `10.0.0.1.1 > 10.0.0.2.2:Flags [S]`
fn with_spaced_colon(text: &str) -> Option<String> {
    let (before, after) = text.split_once(" > ")?;
    let (end, rest) = after.split_once(':')?;
    let is_glued = rest.starts_with(|letter: char| letter.is_alphabetic() || letter == '.') && is_end(end);
    is_glued.then(|| format!("{before} > {end}: {rest}"))
}

/// Whether `word` is an IPv4 address, alone or with a port, or a name with a port's number.
fn is_end(word: &str) -> bool {
    let is_plain = || word.chars().all(|letter| letter.is_alphanumeric() || ".-_$*".contains(letter));
    let has_port = || {
        let (host, port) = word.rsplit_once('.')?;
        let is_number = port.parse::<u16>().is_ok() && !host.is_empty() && is_plain();
        Some(is_number || host.parse::<Ipv4Addr>().is_ok() && !port.is_empty())
    };
    word.parse::<Ipv4Addr>().is_ok() || has_port().unwrap_or(false)
}

/// `text`, which has no letter in lower case, as tcpdump writes it.
fn in_usual_case(text: &str) -> Option<String> {
    const FIELDS: [&str; 7] = ["FLAGS ", "WIN ", "ACK ", "SEQ ", "LENGTH ", "UNREACHABLE", "(TOS "];
    if text.bytes().any(|byte| byte.is_ascii_lowercase()) || !FIELDS.iter().any(|field| text.contains(field))
    {
        return None;
    }
    // What tcpdump decodes at the line's end is the packet's own.
    let end =
        text.find("LENGTH ").and_then(|at| Some(at + text.get(at..)?.find(": ")?)).unwrap_or(text.len());
    let (text, payload) = text.split_at_checked(end)?;
    let mut words = text.split(' ').peekable();
    let mut usual = String::with_capacity(text.len());
    while let Some(word) = words.next() {
        if !usual.is_empty() {
            usual.push(' ');
        }
        match word {
            // An IP header's flags are those of fragments.
            "FLAGS"
                if words
                    .peek()
                    .is_some_and(|flags| flags.starts_with("[DF") || flags.starts_with("[NONE")) =>
            {
                usual.push_str("flags");
            }
            "FLAGS" => usual.push_str("Flags"),
            "ICMP:" => usual.push_str("icmp:"),
            "IPV4," => usual.push_str("IPv4,"),
            "IPV6," => usual.push_str("IPv6,"),
            _ if is_kept(word) => usual.push_str(word),
            _ => usual.push_str(&word.to_ascii_lowercase()),
        }
    }
    let usual = usual.replace("sackok", "sackOK").replace(",ts ", ",TS ").replace("[ts ", "[TS ");
    Some(format!("{usual}{payload}"))
}

/// Whether tcpdump writes `word` in upper case.
fn is_kept(word: &str) -> bool {
    const NAMES: [&str; 10] = ["IP", "IP6", "ARP", "ICMP", "ICMP6", "UDP", "TCP", "DF", "BGP", "TS"];
    let core = word.trim_matches(['[', ']', '(', ')', ',', ':', '.']);
    let is_flags = core.bytes().all(|letter| b"SFRPUEW.".contains(&letter));
    // `802.1Q vlan#70 P0`
    let is_tag = core == "802.1Q" || core.len() == 2 && core.starts_with('P');
    NAMES.contains(&core) || is_flags || is_tag
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn gaps_that_are_all_wide_become_single() {
        let doubled = "1:  10:00:00.000001  802.1Q  vlan#70   P0  192.0.2.1.5";
        assert_eq!(
            single_spaced(doubled).as_deref(),
            Some("1: 10:00:00.000001 802.1Q vlan#70 P0 192.0.2.1.5")
        );
        for text in
            ["1: 10:00:00.000001       802.1Q  vlan#70", "0x0000:  4500 003c  E..<", "a  b  c", "", " "]
        {
            assert_eq!(single_spaced(text), None, "{text}");
        }
    }

    #[test]
    fn spaces_that_were_lost_around_the_ends_come_back() {
        for (text, expected) in [
            ("IP 10.0.0.1.1>10.0.0.2.2: Flags [S]", "IP 10.0.0.1.1 > 10.0.0.2.2: Flags [S]"),
            ("IP 10.0.0.1.1 > 10.0.0.2.2:Flags [S]", "IP 10.0.0.1.1 > 10.0.0.2.2: Flags [S]"),
            ("IP 10.0.0.1.1>10.0.0.2.https:Flags [S]", "IP 10.0.0.1.1 > 10.0.0.2.https: Flags [S]"),
            ("client.1>x.x.x.x.2: Flags [S]", "client.1 > x.x.x.x.2: Flags [S]"),
            ("10.0.0.1 > 10.0.0.2:icmp: echo request", "10.0.0.1 > 10.0.0.2: icmp: echo request"),
        ] {
            assert_eq!(repaired(text).as_deref(), Some(expected), "{text}");
        }
        for text in [
            "IP 10.0.0.1.1 > 10.0.0.2.2: Flags [S]",
            "IP6 2001:db8::1.5 > 2001:db8::2.6: Flags [S]",
            "a>b: c",
            "",
        ] {
            assert_eq!(repaired(text), None, "{text}");
        }
    }

    #[test]
    fn a_mask_in_brackets_is_one_word() {
        let masked = "[eth2 ip].ftp-data > [remote ip].33050: S 1:1(0) win 5";
        assert_eq!(
            with_whole_masks(masked).as_deref(),
            Some("[eth2_ip].ftp-data > [remote_ip].33050: S 1:1(0) win 5")
        );
        for (masked, whole) in [
            ("IP <redacted ip>.5 > <server ip>.6: S", "IP <redacted_ip>.5 > <server_ip>.6: S"),
            ("IP (my ip).5 > {the server}.6: S", "IP (my_ip).5 > {the_server}.6: S"),
            ("IP <my ip> > 10.0.0.2: ICMP host", "IP <my_ip> > 10.0.0.2: ICMP host"),
        ] {
            assert!(may_hold_masks(masked));
            assert_eq!(with_whole_masks(masked).as_deref(), Some(whole));
        }
        for text in [
            "00:00:5e:00:53:01 (oui Unknown) > 00:00:5e:00:53:02 (oui Unknown), ethertype IPv4",
            "10.0.0.1.1 > 10.0.0.2.2: S 1:1(0) win 5 <mss 1460> (DF) > x",
            "IP 10.0.0.1.1 > 10.0.0.2.2: Flags [S], options [mss 1460,sackOK], length 0",
            "10.0.0.1.1 > 10.0.0.2.2: S [tcp sum ok] 1:1(0)",
            "10.0.0.1.1 > 10.0.0.2.2: [bad hdr length]: x",
            "[client] 1.2 > x",
            "[a b",
        ] {
            assert_eq!(with_whole_masks(text), None, "{text}");
        }
    }

    #[test]
    fn letters_are_those_that_tcpdump_writes() {
        for (text, expected) in [
            (
                "IP 10.0.0.1.1 > 10.0.0.2.2: FLAGS [S.], SEQ 1, ACK 2, WIN 5, OPTIONS [MSS 1460,SACKOK,TS VAL 1 ECR 0], LENGTH 0",
                "IP 10.0.0.1.1 > 10.0.0.2.2: Flags [S.], seq 1, ack 2, win 5, options [mss 1460,sackOK,TS val 1 ecr 0], length 0",
            ),
            (
                "IP 10.0.0.1.1 > 10.0.0.2.2: FLAGS [P.], SEQ 1, ACK 2, WIN 5, LENGTH 9: HTTP: GET / HTTP/1.1",
                "IP 10.0.0.1.1 > 10.0.0.2.2: Flags [P.], seq 1, ack 2, win 5, length 9: HTTP: GET / HTTP/1.1",
            ),
            (
                "802.1Q VLAN#7 P0 10.0.0.1.1 > 10.0.0.2.2: R 0:0(0) ACK 2 WIN 0",
                "802.1Q vlan#7 P0 10.0.0.1.1 > 10.0.0.2.2: R 0:0(0) ack 2 win 0",
            ),
            (
                "10.0.0.3 > 10.0.0.1: ICMP: HOST 10.0.0.2 UNREACHABLE",
                "10.0.0.3 > 10.0.0.1: icmp: host 10.0.0.2 unreachable",
            ),
            (
                "10.0.0.1.1 > 10.0.0.2.2: S 1:1(0) WIN 5 <MSS 1460> (DF)",
                "10.0.0.1.1 > 10.0.0.2.2: S 1:1(0) win 5 <mss 1460> (DF)",
            ),
            (
                "(TOS 0X0, TTL 64, ID 1, OFFSET 0, FLAGS [DF], PROTO TCP (6), LENGTH 60)",
                "(tos 0x0, ttl 64, id 1, offset 0, flags [DF], proto TCP (6), length 60)",
            ),
        ] {
            assert_eq!(repaired(text).as_deref(), Some(expected), "{text}");
        }
        assert_eq!(repaired("GET / HTTP/1.1"), None);
    }

    proptest! {
        #[test]
        fn any_text_is_looked_at(text in "[ -~\u{a0}-\u{ff}]{0,80}") {
            let _ = (single_spaced(&text), repaired(&text), with_whole_masks(&text));
        }
    }
}
