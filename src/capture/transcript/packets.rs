//! Where packets begin in a line that does not begin with one, or that has several.

use super::clock::Start;
use super::scan::{count_rare, split_rare};
use super::{tcpdump, tools};

/// Places in one line at which a packet is looked for.
const MOST_PLACES: usize = 64;

/// Bytes in which a packet shows that it is one: link header, IP header and both ends.
const SHOWN: usize = 1024;

/// The beginning of `text` that is looked at.
fn beginning(text: &str) -> &str {
    let end = (0..=SHOWN.min(text.len())).rev().find(|end| text.is_char_boundary(*end));
    text.get(..end.unwrap_or(0)).unwrap_or(text)
}

/// Where `text` has, after its beginning, the next packet with tcpdump's time.
pub fn next_timed(text: &str) -> Option<usize> {
    let bytes = text.as_bytes();
    let is_free =
        |at: usize| at == 0 || bytes.get(at - 1).is_none_or(|before| !before.is_ascii_alphanumeric());
    // What the line begins with is not asked about: a time, perhaps after a date.
    let is_own = |time: usize| match time {
        0 => true,
        7 | 11 => Start::split(text).is_some_and(|own| time < text.len() - own.rest.len()),
        _ => false,
    };
    times(text).skip_while(|time| is_own(*time)).take(MOST_PLACES).find_map(|time| {
        // A date may precede it: `2023-01-25 `, `Jan 25 `.
        let starts = [time.checked_sub(11), time.checked_sub(7), Some(time)].into_iter().flatten();
        let is_packet = |start: &Start<'_>| {
            // A log's own time precedes the packet's.
            let ends = start.rest.find(" > ").unwrap_or(start.rest.len());
            let is_last = start.rest.get(..ends).is_some_and(|before| times(before).next().is_none());
            matches!(start.digits, 6 | 9) && is_last && tcpdump::begins_after_time(start.rest)
        };
        let start = starts.filter(|start| is_free(*start) && text.is_char_boundary(*start)).find(|start| {
            text.get(*start..).map(beginning).and_then(Start::split).as_ref().is_some_and(is_packet)
        });
        start.filter(|start| *start > 0)
    })
}

/// Where `text` has, after its beginning, the next row of a packet list: if rows were put into one line, each has its number.
pub fn next_row(text: &str) -> Option<usize> {
    // One row has an arrow between its hosts and another between its ports.
    ROW_ARROWS.iter().find(|arrow| count_rare(text, arrow, 3) == 3)?;
    let first = text.trim_start_matches(|letter: char| !letter.is_alphanumeric());
    let digits = first.bytes().take_while(u8::is_ascii_digit).count();
    let number: u64 = first.get(..digits)?.parse().ok()?;
    let next = number.checked_add(1)?.to_string();
    let places = text.match_indices(&next).filter(|(at, _)| {
        let before = text.get(..*at).and_then(|before| before.chars().last());
        let after = text.get(at + next.len()..);
        before.is_some_and(|before| matches!(before, ' ' | '"' | '\'' | '|'))
            && after.is_some_and(|after| after.starts_with(' '))
    });
    let mut places = places.take(MOST_PLACES).map(|(at, _)| at);
    places.find(|at| text.get(*at..).map(beginning).is_some_and(tools::wireshark::is_numbered_row))
}

/// Where `text` has, after its beginning, a row of a packet list with its number and its time, where a page lost the ends of the lines: at
/// least two of them are in it.
pub fn next_row_of_many(text: &str) -> Option<usize> {
    if text.len() < SHORTEST_ROWS || ROW_SIGNS.iter().map(|sign| count_rare(text, sign, 2)).sum::<usize>() < 2
    {
        return None;
    }
    let is_digits =
        |word: &str| (1..=10).contains(&word.len()) && word.bytes().all(|byte| byte.is_ascii_digit());
    // A number of seconds or a time of day, and no address.
    let is_time = |word: &str| {
        let dots = word.bytes().filter(|byte| *byte == b'.').count();
        dots == 1 && word.bytes().all(|byte| byte.is_ascii_digit() || matches!(byte, b'.' | b':'))
    };
    let mut rows = text.match_indices(' ').filter_map(|(space, _)| {
        let rest = text.get(space + 1..)?;
        let (number, after) = rest.split_once(' ').filter(|(number, _)| is_digits(number))?;
        let time = after.trim_start().split(' ').next()?;
        let number: u64 = number.parse().ok()?;
        is_time(time).then_some((space + 1, number, rest))
    });
    let mut rows = rows
        .by_ref()
        .take(MOST_PLACES)
        .filter(|(.., rest)| tools::wireshark::is_numbered_row(beginning(rest)));
    let (at, number, _) = rows.next()?;
    // The line may begin with a row; of others two are needed, whose numbers rise.
    let is_row = tools::wireshark::is_numbered_row(beginning(text));
    (is_row || rows.next().is_some_and(|(_, next, _)| next > number)).then_some(at)
}

/// Two rows take more bytes than this.
const SHORTEST_ROWS: usize = 120;

/// A row without what a list in one line has after it: `', '` and, at the end, `']`.
pub fn without_seam(row: &str) -> &str {
    let row = row.trim_end();
    let row = row.strip_suffix(']').filter(|row| row.ends_with(['\'', '"'])).unwrap_or(row);
    row.trim_end_matches([' ', ',', '\'', '"'])
}

/// The arrows of rows; between hosts tcpdump prints another one.
const ROW_ARROWS: [&str; 2] = ["\u{2192} ", "-> "];

/// Where `text` has times as tcpdump writes them: `12:15:06.407513`.
fn times(text: &str) -> impl Iterator<Item = usize> + '_ {
    let bytes = text.as_bytes();
    let is_digit = |at: usize| bytes.get(at).is_some_and(u8::is_ascii_digit);
    let colons = memchr::memchr_iter(b':', bytes);
    let is_time = move |colon: &usize| {
        *colon >= 2
            && [colon - 2, colon - 1, colon + 1, colon + 2, colon + 4, colon + 5].into_iter().all(is_digit)
            && bytes.get(colon + 3) == Some(&b':')
            && bytes.get(colon + 6) == Some(&b'.')
    };
    colons.filter(is_time).map(|colon| colon - 2)
}

/// Whether `before` precedes a packet on its line and is neither one itself nor the end of one.
pub fn is_prefix(before: &str) -> bool {
    let is_link_header = before.starts_with("(0x") || before.contains("ethertype ");
    !is_link_header && !before.contains(" > ") && !before.contains("length ") && !before.contains(" win ")
}

/// An arrow between hosts, or the header of `-v`: nearly every line with a packet has one of them.
const SIGNS: [&str; 5] = ["> ", "\u{2192} ", "\u{203a} ", "IP (", "IP6 ("];

/// The protocol of a row of a packet list without an arrow.
const ROW_SIGNS: [&str; 4] = [" TCP ", " TLSv", " ICMP", " HTTP "];

/// Whether `text` may have a packet: trying each of its words costs far more.
fn may_have_packet(text: &str) -> bool {
    // Before a row's protocol are its two hosts, numbers or names with dots.
    let has_hosts = |sign: &str| {
        let (before, _) = split_rare(text, sign).unwrap_or_default();
        before.split(' ').filter(|word| word.contains(['.', ':'])).nth(1).is_some()
    };
    SIGNS.iter().any(|sign| text.contains(sign)) || ROW_SIGNS.iter().any(|sign| has_hosts(sign))
}

/// Where `text` has a packet after its beginning, by what `begins` recognises.
pub fn begins_after(text: &str, begins: impl Fn(&str) -> bool) -> Option<usize> {
    let text = beginning(text);
    if !may_have_packet(text) {
        return None;
    }
    let (mut before, mut is_in_word) = (' ', false);
    let places = text.char_indices().filter(|(at, letter)| {
        // Within a time a plus sign comes before its zone.
        let is_free =
            matches!(before, ' ' | '|' | '>' | '*' | '`' | '"' | '\'' | '(' | '[' | ']' | '#' | '$' | '%')
                || before == '+' && !is_in_word;
        is_in_word = before.is_alphanumeric();
        before = *letter;
        *at > 0 && is_free && letter.is_alphanumeric()
    });
    let mut places = places.take(MOST_PLACES).map(|(at, _)| text.split_at(at));
    let found = places.find(|(before, after)| {
        may_begin(after) && is_prefix(before) && !is_link_end(after) && begins(after)
    });
    found.map(|(before, _)| before.len())
}

/// Whether `text` is the end of a link header that a mail wrapped, `0x0800), length 74: IP 10.0.0.1...`, which begins no packet.
fn is_link_end(text: &str) -> bool {
    let (before, _) = text.split_once(" > ").unwrap_or((text, ""));
    let is_begin = before.starts_with("IP") || before.contains("ethertype ");
    before.contains("length ") && !is_begin
}

/// Whether the first words of `text` may be those of a packet; a look shows that most words in prose are not. A packet
/// begins with a number, an end, an interface or a date, with a short word of capitals, or with a name before an arrow.
fn may_begin(text: &str) -> bool {
    let mut words = text.split(' ').filter(|word| !word.is_empty());
    let (first, second) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
    let is_word = first.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b',' || byte == b'.');
    let is_followed = matches!(second, ">" | "->" | "<" | "In" | "Out" | "B" | "M" | "P" | "\u{2192}")
        || second.starts_with(|letter: char| letter.is_ascii_digit());
    !is_word || is_followed || matches!(first, "arp" | "ethertype")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const PACKET: &str =
        "10:00:00.000001 IP 10.0.0.1.40000 > 10.0.0.2.443: Flags [S], seq 1, win 5, length 0";

    #[test]
    fn a_packet_is_found_after_what_loggers_and_others_write() {
        for before in [
            "client_1  | ",
            "Nov 28 10:00:01 host tcpdump[71]: ",
            "2026-11-28T10:00:01.123456789Z ",
            "2026-11-28 10:00:01.123456 host: ",
            "[pod/a/b] ",
            "root@host:~# ",
            "+",
            "460,sackOK], length 0 ",
        ] {
            let line = format!("{before}{PACKET}");
            assert_eq!(next_timed(&line), Some(before.len()), "{line}");
        }
        let dated = format!("log: 2023-01-25 {PACKET}");
        assert_eq!(next_timed(&dated), Some(5));
        assert_eq!(next_timed(PACKET), None);
        for date in ["2026-11-28 ", "11/28/2026 ", "Nov 28 "] {
            assert_eq!(next_timed(&format!("{date}{PACKET}")), None, "{date}");
        }
        // A log's own time of day is not the packet's.
        assert_eq!(next_timed(&format!("10:00:00.1 {PACKET}")), Some(11));
        let two = format!("{PACKET} {PACKET}");
        assert_eq!(next_timed(&two), Some(PACKET.len() + 1));
        assert_eq!(next_timed("at 10:00:00.000001 it failed > then: x"), None);
    }

    #[test]
    fn words_are_tried_only_where_two_hosts_may_be() {
        for text in [
            PACKET,
            "log: 192.0.2.1 ssm.example TCP 443",
            "1 0.5 2001:db8::1 192.0.2.1 TLSv1.2 Alert",
            "IP6 (hlim 1",
        ] {
            assert!(may_have_packet(text), "{text}");
        }
        for text in ["(tos 0x0, ICMP unreachable", "the TCP port 8443 of ssm.example", "over TLSv1.2"] {
            assert!(!may_have_packet(text), "{text}");
        }
    }

    #[test]
    fn what_precedes_is_a_prefix_or_a_line_of_its_own() {
        assert!(is_prefix("client_1  | ") && is_prefix("Nov 28 10:00:01 host tcpdump[71]: "));
        assert!(!is_prefix("460,sackOK], length 0 ") && !is_prefix(PACKET));
        for wrapped in ["(0x0800), length 74: ", "IPv4 (0x0800), length 74: "] {
            let begins = |text: &str| text.contains(" > ");
            assert_eq!(
                begins_after(&format!("{wrapped}IP 10.0.0.1.1 > 10.0.0.2.2: S"), begins),
                None,
                "{wrapped}"
            );
        }
        // The end of a link header that a mail wrapped.
        assert!(
            !is_prefix("(0x0800), ") && !is_prefix("(0x0800), length 74: ") && !is_prefix("ethertype IPv4, ")
        );
    }

    #[test]
    fn rows_in_one_line_are_found_by_their_numbers() {
        let row = |number: u64| {
            format!(
                "{number}   0.00008{number} 192.0.2.1 \u{2192} 198.51.100.5 TCP 54 8443 \u{2192} 5 [RST] Seq=1 Len=0"
            )
        };
        for seam in ["     ", " ", "', '    ", "\", \"  "] {
            let text = format!("{}{seam}{}{seam}{}", row(8), row(9), row(10));
            assert_eq!(next_row(&text), Some(row(8).len() + seam.len()), "{text}");
            let second = &text[row(8).len() + seam.len()..];
            assert_eq!(next_row(second), Some(row(9).len() + seam.len()), "{second}");
        }
        assert_eq!(next_row(&row(1)), None);
        for (row, whole) in [
            ("TLSv1.2 97 Application Data', ' ", "TLSv1.2 97 Application Data"),
            ("TLSv1.2 97 Application Data\"]", "TLSv1.2 97 Application Data"),
            ("Len=9 [TCP segment of a reassembled PDU]", "Len=9 [TCP segment of a reassembled PDU]"),
            ("Len=9 [TCP segment of a reassembled PDU]', '", "Len=9 [TCP segment of a reassembled PDU]"),
        ] {
            assert_eq!(without_seam(row), whole);
        }
        assert_eq!(next_row("1 -> 2 -> 3 -> 2 4"), None);
    }

    proptest! {
        #[test]
        fn any_text_is_searched(text in "([0-3 .>-]|\u{2192} |\\PC){0,120}") {
            let begins = |text: &str| text.starts_with('1');
            for at in [next_timed(&text), next_row(&text), begins_after(&text, begins)].into_iter().flatten() {
                prop_assert!(at > 0 && text.is_char_boundary(at));
            }
        }
    }
}
