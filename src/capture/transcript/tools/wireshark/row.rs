//! One row of a packet list: tshark's line, a row copied from Wireshark, one of a CSV or Markdown table.
//!
//! Its columns are number, time, source, destination, protocol, length and info. Number, time, protocol and length may be
//! missing, a second time may be there, and between source and destination is tshark's arrow or nothing. Columns that the
//! user added before the protocol, such as hardware addresses and ports, are passed over.

use std::net::IpAddr;
use std::ops::Range;

use super::info::{Info, begins_tls, is_arrow};
use super::protocols::{Layer, is_known, layer};
use crate::capture::transcript::clock::Stamp;
use crate::capture::transcript::tools::times;

/// A row by its columns.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Row<'a> {
    /// The packet's number in its capture.
    pub number: Option<u64>,
    /// Its time, and the digits after the second.
    pub time: Option<(Stamp, u8)>,
    pub source: &'a str,
    pub destination: &'a str,
    /// The highest protocol that was decoded; empty if there is no such column.
    pub protocol: &'a str,
    /// Bytes of the frame on the wire.
    pub length: Option<u32>,
    pub info: &'a str,
    /// Source and destination port, where they have columns of their own.
    pub ports: Option<(&'a str, &'a str)>,
}

/// A row whose columns are places in its text, so that it is not parsed again when its packet is whole.
#[derive(Clone, Debug)]
pub struct Places {
    /// What is no part of the text.
    values: Row<'static>,
    /// Source, destination, protocol, info, and the two ports.
    columns: [Range<usize>; 6],
    has_ports: bool,
}

impl Places {
    /// Records the places in `text` from which a row was parsed.
    pub fn of(row: &Row<'_>, text: &str) -> Self {
        let (source_port, destination_port) = row.ports.unwrap_or_default();
        let columns = [row.source, row.destination, row.protocol, row.info, source_port, destination_port];
        let place = |column: &str| {
            let start = column.as_ptr().addr().wrapping_sub(text.as_ptr().addr());
            start..start.wrapping_add(column.len())
        };
        let values = Row { number: row.number, time: row.time, length: row.length, ..Row::default() };
        Self { values, columns: columns.map(place), has_ports: row.ports.is_some() }
    }

    /// The row in `text`, which is what it was parsed from.
    pub fn row<'a>(&self, text: &'a str) -> Row<'a> {
        let [source, destination, protocol, info, source_port, destination_port] =
            self.columns.each_ref().map(|place| text.get(place.clone()).unwrap_or(""));
        let Row { number, time, length, .. } = self.values;
        let ports = self.has_ports.then_some((source_port, destination_port));
        Row { number, time, source, destination, protocol, length, info, ports }
    }
}

impl<'a> Row<'a> {
    /// Reads a line whose columns are separated by blanks; `None` if it is no row.
    pub fn parse(text: &'a str) -> Option<Self> {
        let mut start = Self::default();
        let rest = start.read_start(text);
        start.clone().with_usual_columns(rest).or_else(|| start.with_more_columns(rest))
    }

    /// Reads the columns after number and time.
    fn with_usual_columns(self, rest: &'a str) -> Option<Self> {
        let mut row = self;
        let (source, after) = word(rest)?;
        let (next, tail) = word(after)?;
        let has_arrow = is_arrow(next);
        let (destination, after) = if has_arrow { word(tail)? } else { (next, tail) };
        // The number after an address is a further column, not a host.
        let is_number = destination.bytes().all(|byte| byte.is_ascii_digit());
        if !is_host(source) || !is_host(destination) || (is_number && source.parse::<IpAddr>().is_ok()) {
            return None;
        }
        (row.source, row.destination) = (source, destination);
        let after = row.read_protocol(after);
        row.info = row.read_length(after).trim_start();
        row.is_certain(has_arrow).then_some(row)
    }

    /// A numbered row with further columns before the protocol. Two of them are addresses, and two numbers after these are
    /// ports.
    fn with_more_columns(self, mut rest: &'a str) -> Option<Self> {
        let mut row = self;
        row.time?;
        // How many hosts are before each number.
        let (mut hosts, mut numbers, mut has_names) = (Vec::new(), Vec::<(usize, &str)>::new(), false);
        for _ in 0..MOST_COLUMNS {
            let (column, after) = word(rest)?;
            if is_known(column) {
                let [source, destination] = *hosts.as_slice() else { return None };
                (row.source, row.destination, row.protocol) = (source, destination, column);
                row.info = without_numbers(row.read_length(after));
                let info = Info::parse(row.info);
                let tail = |count: usize| {
                    numbers.iter().find(|(hosts, _)| *hosts == count).map(|(_, number)| *number)
                };
                row.ports = match *numbers.as_slice() {
                    // Each host may have its port after it, and other columns after that.
                    [(1, _), ..] => {
                        let mut last = numbers.iter().filter(|(hosts, _)| *hosts == 2).skip(1);
                        row.length = last.next().and_then(|(_, length)| length.parse().ok()).or(row.length);
                        tail(1).zip(tail(2))
                    }
                    [(_, source), (_, destination)] => Some((source, destination)),
                    // The length's column may precede the protocol's, and what follows that is another one.
                    [(_, source), (_, destination), (_, length)] => {
                        row.length = length.parse().ok();
                        Some((source, destination))
                    }
                    // Alone between the addresses and the protocol it is the length.
                    [(2, length)] if row.length.is_none() => {
                        row.length = length.parse().ok();
                        None
                    }
                    _ => None,
                };
                // What is no address is a host's name where the ports are those of the words. The row's own number may have been taken for
                // that of a line.
                let is_tls = || layer(row.protocol) == Layer::Tls && begins_tls(row.info);
                let is_packet = row.number.is_some() || info.flags.is_some() || is_tls();
                let is_certain = if row.number.is_none() && (row.ports.is_none() || !is_packet) {
                    false
                } else if has_names {
                    row.ports.is_some() && row.ports == info.ports
                } else {
                    row.length.is_some() || info.flags.is_some()
                };
                return is_certain.then_some(row);
            }
            if column.parse::<IpAddr>().is_ok() {
                hosts.push(column);
            } else if !hosts.is_empty() && column.parse::<u32>().is_ok() {
                numbers.push((hosts.len(), column));
            } else if !is_arrow(column) && !is_device(column) {
                if !is_host(column) || hosts.len() == 2 {
                    return None;
                }
                has_names = true;
                hosts.push(column);
            }
            rest = after;
        }
        None
    }

    /// Whether `text` is a row's beginning that ends within its addresses; the rest is on the next line.
    pub fn is_start(text: &str) -> bool {
        let mut row = Self::default();
        let rest = row.read_start(text);
        let is_numbered = row.number.is_some() && row.time.is_some();
        let Some((source, after)) = word(rest) else { return is_numbered };
        let Some((arrow, after)) = word(after) else {
            // tcpdump's line may be numbered and wrapped as well.
            return is_numbered && is_host(source) && !matches!(source, "IP" | "IP6" | "ARP");
        };
        let is_address = |word: &str| word.parse::<IpAddr>().is_ok();
        if is_numbered && is_address(source) && is_address(arrow) {
            return after.trim().is_empty();
        }
        // A terminal may have broken the protocol's name.
        let is_name_begun = |text: &str| is_numbered && is_protocol(text) && !is_known(text);
        let is_last = word(after).is_none_or(|(host, after)| {
            let after = after.trim();
            is_host(host) && (after.is_empty() || is_name_begun(after))
        });
        row.time.is_some() && is_arrow(arrow) && is_host(source) && is_last
    }

    /// Reads number and times, and returns what follows them.
    fn read_start(&mut self, text: &'a str) -> &'a str {
        let mut rest = text.trim_start();
        if let Some((first, after)) = word(rest)
            && let Some(number) = packet_number(first)
        {
            self.number = Some(number);
            // Authors mark rows; a mark is neither a time nor a host.
            let is_mark =
                |word: &str| !word.bytes().any(|byte| byte.is_ascii_alphanumeric()) && !is_arrow(word);
            rest = word(after).filter(|(mark, _)| is_mark(mark)).map_or(after, |(_, after)| after);
            // A list's own number may precede the packet's.
            if let Some((second, tail)) = word(rest)
                && let Some(number) = packet_number(second)
                && times::split(tail).is_some_and(|(stamp, ..)| matches!(stamp, Stamp::Elapsed(_)))
                && times::split(rest).is_none()
            {
                (self.number, rest) = (Some(number), tail);
            }
        }
        // A second time counts from something else: the packet before, as a rule.
        while let Some((stamp, digits, after)) = times::split(rest) {
            let is_better = match (self.time, stamp) {
                (Some((Stamp::DateTime(_), _)), _) => false,
                // Since the packet before is never longer than since the first one.
                (Some((Stamp::Elapsed(known), _)), Stamp::Elapsed(nanos)) => nanos > known,
                (_, stamp) => matches!(stamp, Stamp::DateTime(_)),
            };
            if self.time.is_none() || is_better {
                self.time = Some((stamp, digits));
            }
            rest = after;
        }
        rest.trim_start()
    }

    fn read_protocol(&mut self, text: &'a str) -> &'a str {
        match word(text) {
            Some((protocol, after)) if is_protocol(protocol) => {
                self.protocol = protocol;
                after
            }
            _ => text,
        }
    }

    /// Reads the length, unless the number is a port.
    fn read_length(&mut self, text: &'a str) -> &'a str {
        let Some((length, after)) = word(text) else { return text };
        let Ok(bytes) = length.parse::<u32>() else { return text };
        if word(after).is_some_and(|(next, _)| is_arrow(next) || next == ">") {
            return text;
        }
        self.length = Some(bytes);
        after
    }

    /// Whether this can be nothing else. Without an arrow the protocol must be known, and the ends must be addresses, or the
    /// row must have what only a row has.
    fn is_certain(&self, has_arrow: bool) -> bool {
        let is_numbered = self.time.is_some() && (self.number.is_some() || self.length.is_some());
        let is_known = is_known(self.protocol);
        // snoop's columns are the same up to here.
        if self.protocol == "TCP" && self.length.is_none() && self.info.starts_with("D=") {
            return false;
        }
        if self.protocol.is_empty() && times::is_service_class(self.info) {
            return false;
        }
        if has_arrow && is_numbered && (is_known || self.length.is_some()) {
            return true;
        }
        let is_tcp = || Info::parse(self.info).flags.is_some();
        match self.protocol {
            "" => has_arrow && is_tcp(),
            "TCP" if !is_numbered => is_tcp(),
            // Where the author left the other columns out, the words are those of the protocol.
            _ if layer(self.protocol) == Layer::Tls && self.has_addresses() && begins_tls(self.info) => true,
            _ if is_known => is_numbered || (self.time.is_some() && has_arrow),
            _ => false,
        }
    }

    /// Whether both ends are written as numbers.
    fn has_addresses(&self) -> bool {
        [self.source, self.destination].iter().all(|host| host.parse::<IpAddr>().is_ok())
    }
}

/// Columns that a row is believed to have between its time and its protocol.
const MOST_COLUMNS: usize = 12;

/// The packet's number, which an author may have closed with a colon or a dot.
pub fn packet_number(word: &str) -> Option<u64> {
    let digits = word.trim_end_matches([':', '.', ')']);
    let is_number =
        !digits.is_empty() && digits.len() <= 10 && digits.bytes().all(|byte| byte.is_ascii_digit());
    digits.parse().ok().filter(|_| is_number)
}

/// `text` after columns of numbers that the user added before the words: the hop limit, the time since the packet before.
fn without_numbers(text: &str) -> &str {
    let mut rest = text.trim_start();
    for _ in 0..MOST_COLUMNS {
        let Some((number, after)) = word(rest) else { break };
        let is_port = word(after).is_none_or(|(next, _)| is_arrow(next) || next == ">");
        if is_port || !number.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.') {
            break;
        }
        rest = after.trim_start();
    }
    rest
}

/// The next word of `text`, and what follows it.
fn word(text: &str) -> Option<(&str, &str)> {
    let text = text.trim_start();
    let end = text.find(' ').unwrap_or(text.len());
    (end > 0).then(|| text.split_at(end))
}

/// Whether `word` can be a host: an address, a name, or what is in their place.
fn is_host(word: &str) -> bool {
    let is_mark =
        word.chars().all(|letter| matches!(letter, '|' | '-' | '+' | '=' | '>' | '<' | '_' | ':' | '"'));
    let is_flag = matches!(word.as_bytes(), [b'[' | b'(' | b'"', ..]) && !word.ends_with([']', ')']);
    // An IPv6 address may end with two colons.
    let is_closed = word.ends_with([':', ',', ';']) && !word.ends_with("::");
    // `(0.0001)` and `C>S` of ssldump.
    let is_span =
        word.starts_with('(') && word.bytes().all(|byte| byte.is_ascii_digit() || b"().".contains(&byte));
    let has_mark_within = word.trim_end_matches('>').contains('>');
    !is_mark && !is_flag && !is_arrow(word) && !is_closed && !is_span && !has_mark_within
}

/// Whether `word` can be a protocol's name: Wireshark's are short and begin with a capital or a digit.
fn is_protocol(word: &str) -> bool {
    const LONGEST: usize = 16;
    let is_letter = |byte: u8| byte.is_ascii_alphanumeric() || b"./_+-".contains(&byte);
    let is_name = word.len() <= LONGEST
        && word.starts_with(|letter: char| letter.is_ascii_uppercase() || letter.is_ascii_digit())
        && word.bytes().any(|byte| byte.is_ascii_uppercase())
        && word.bytes().all(is_letter);
    // Wireshark prints the EtherType that it has no name for.
    let is_ether_type = word
        .strip_prefix("0x")
        .is_some_and(|digits| digits.len() == 4 && digits.bytes().all(|byte| byte.is_ascii_hexdigit()));
    is_name || is_ether_type
}

/// Whether `column` is one of hardware addresses, several of them where a tunnel is, or an interface's name.
fn is_device(column: &str) -> bool {
    let is_hardware = column.split(',').all(|address| {
        address.split(':').count() == 6
            && address.bytes().all(|byte| byte.is_ascii_hexdigit() || byte == b':')
    });
    let is_name = column.len() <= LONGEST_INTERFACE
        && column.starts_with(|letter: char| letter.is_ascii_lowercase())
        && column.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
    is_hardware || is_name
}

/// Linux names interfaces with up to 15 letters (IFNAMSIZ).
const LONGEST_INTERFACE: usize = 15;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::time::SECOND;

    #[test]
    fn rows_of_tshark_are_read_whatever_the_arrow() {
        for arrow in ["→", "->", "?", "b^F^R"] {
            let text = format!(
                "    1 0.250000000    192.0.2.1 {arrow} 198.51.100.5 TCP 74 50000 {arrow} 443 [SYN] Seq=0"
            );
            let row = Row::parse(&text).expect("a row");
            assert_eq!((row.number, row.time), (Some(1), Some((Stamp::Elapsed(SECOND / 4), 9))), "{arrow}");
            assert_eq!((row.source, row.destination), ("192.0.2.1", "198.51.100.5"));
            assert_eq!((row.protocol, row.length), ("TCP", Some(74)));
            assert!(row.info.starts_with("50000 "), "{arrow}");
        }
    }

    #[test]
    fn columns_of_numbers_may_follow_the_protocol() {
        let row = Row::parse(
            "13 20:17:27.322431 192.0.2.1 198.51.100.5 8888 12345 68 TCP 64 0.000029000 [TCP Retransmission] 8888 → 12345 [SYN, ACK] \
             Seq=7 Ack=9",
        )
        .expect("a row");
        assert_eq!((row.number, row.length, row.ports), (Some(13), Some(68), Some(("8888", "12345"))));
        assert!(row.info.starts_with("[TCP Retransmission] 8888"), "{}", row.info);
    }

    #[test]
    fn ports_may_be_after_their_hosts_and_the_number_missing() {
        for text in [
            "12:00:00.020000 192.0.2.1 8443 198.51.100.5 40112 TCP 66 8443 → 40112 [SYN, ACK] Seq=0 Ack=1",
            "2 0.02 192.0.2.1 8443 0 198.51.100.5 40112 TCP 66 8443 → 40112 [SYN, ACK] Seq=0 Ack=1",
            "2 0.02 192.0.2.1 8443 198.51.100.5 40112 TLSv1.2 66 Server Hello",
        ] {
            let row = Row::parse(text).unwrap_or_else(|| panic!("{text}"));
            assert_eq!((row.ports, row.length), (Some(("8443", "40112")), Some(66)), "{text}");
        }
    }

    #[test]
    fn columns_may_be_missing_or_double() {
        for (text, number, length) in [
            ("192.0.2.1 198.51.100.5 TCP 50000 > 443 [SYN] Seq=0 Win=1 Len=0", None, None),
            ("9 192.0.2.1 -> 198.51.100.5 TCP 50000 > 443 [SYN] Seq=0 Win=1 Len=0", Some(9), None),
            ("192.0.2.1 → 198.51.100.5 50000 → 443 [SYN] Seq=0 Win=1 Len=0", None, None),
            ("2022-08-13 13:22:27.280972 192.0.2.1 -> 198.51.100.5 TCP 50000 > 443 [SYN] Seq=0", None, None),
            (
                "9 0.1 00:00:07.712515671 192.0.2.1 → 198.51.100.5 TCP 74 50000 → 443 [SYN] Seq=0",
                Some(9),
                Some(74),
            ),
            ("9: 0.1  192.0.2.1   198.51.100.5  TCP  74 50000 → 443 [SYN] Seq=0", Some(9), Some(74)),
            (
                "507 \u{1f440}  0.101836   192.0.2.1 ? 198.51.100.5   TCP 82 50000 ? 443 [SYN] Seq=0 Len=42",
                Some(507),
                Some(82),
            ),
        ] {
            let row = Row::parse(text).unwrap_or_else(|| panic!("{text}"));
            assert_eq!((row.number, row.length), (number, length), "{text}");
            assert_eq!((row.source, row.destination), ("192.0.2.1", "198.51.100.5"), "{text}");
            assert!(row.info.starts_with("50000 "), "{text}: {}", row.info);
        }
    }

    #[test]
    fn columns_that_the_user_added_are_passed_over() {
        for (text, ports) in [
            (
                "9 2025-03-04 10:00:00.25 02:00:00:00:00:01,02:00:00:00:00:03 02:00:00:00:00:02 192.0.2.1 → 198.51.100.5      443 50000 \
                 TCP 74 443 → 50000 [SYN, ACK] Seq=0 Ack=1 Win=1 Len=0 14  26560",
                Some(("443", "50000")),
            ),
            (
                "9 0.25 192.0.2.1 443 198.51.100.5 50000 TLSv1.2 61 Alert (Level: Fatal)",
                Some(("443", "50000")),
            ),
            (
                "9 0.25 192.0.2.1 443 198.51.100.5 50000 1514 TCP [TCP segment of a reassembled PDU]",
                Some(("443", "50000")),
            ),
            ("9 0.25 eth0 192.0.2.1 198.51.100.5 TCP 54 443 → 50000 [ACK] Seq=1 Ack=2 Win=1 Len=0", None),
        ] {
            let row = Row::parse(text).unwrap_or_else(|| panic!("{text}"));
            assert_eq!((row.source, row.destination), ("192.0.2.1", "198.51.100.5"), "{text}");
            assert_eq!((row.ports, row.length.is_some()), (ports, true), "{text}");
        }
    }

    #[test]
    fn names_are_hosts_where_the_ports_are_those_of_the_words() {
        let row =
            Row::parse("9 0.0004 5.73 CLIENT Server 50000 443 TCP 50000 > 443 [SYN] Seq=0 Win=1 Len=0 9");
        let row = row.expect("a row");
        assert_eq!((row.source, row.destination, row.ports), ("CLIENT", "Server", Some(("50000", "443"))));
        // Of two relative times, the longer is the one since the first packet.
        assert_eq!(row.time, Some((Stamp::Elapsed(5_730_000_000), 2)));
        assert_eq!(Row::parse("9 0.5 We Saw 50001 443 TCP 50000 > 443 [SYN] Seq=0"), None);
    }

    #[test]
    fn a_log_s_time_and_process_are_no_columns() {
        let row = "1 0.5 192.0.2.1 → 198.51.100.5 TCP 54 443 → 50000 [RST] Seq=1 Win=0 Len=0";
        for prefix in ["04 10:00:01 host.example.net tcpdump[712]: ", "5 10:00:01 host sniffer: "] {
            assert_eq!(Row::parse(&format!("{prefix}{row}")), None, "{prefix}");
        }
    }

    #[test]
    fn rows_of_nothing_but_hosts_and_words_are_read() {
        for words in [
            "TCP    50000 > https [SYN] Seq=0 ...",
            "TLSv1    Client Hello",
            "SSLv3 [TCP Retransmission] Server Hello",
        ] {
            let text = format!("192.0.2.1    198.51.100.5    {words}");
            let row = Row::parse(&text).unwrap_or_else(|| panic!("{text}"));
            assert_eq!((row.source, row.destination), ("192.0.2.1", "198.51.100.5"), "{text}");
        }
        assert_eq!(Row::parse("192.0.2.1 198.51.100.5 TLSv1.2 ECDHE-RSA-AES256-GCM-SHA384"), None);
        assert_eq!(Row::parse("Alice Bob TLSv1.2 Client Hello"), None);
    }

    #[test]
    fn an_address_may_end_with_colons() {
        let row = Row::parse("1 0.5 2001:db8:: → 2001:db8::1 TCP 94 50000 → 443 [SYN] Seq=0").expect("a row");
        assert_eq!((row.source, row.destination), ("2001:db8::", "2001:db8::1"));
    }

    #[test]
    fn other_lines_are_no_rows() {
        for text in [
            "",
            "a -> b",
            "12:00:00.000000 IP 192.0.2.1.443 > 198.51.100.5.50000: Flags [S], seq 1",
            "192.168.6.180 -> web      TCP D=22 S=1111 Ack=2013255208 Seq=1 Len=0 Win=17520",
            "   1: 15:36:43.513340       192.0.2.1.42098 > 198.51.100.5.443: S 25:25(0) win 29200",
            "12.009383 port5 in 192.0.2.1.46028 -> 198.51.100.5.22: syn 486804292",
            "[vs_0][fw_1] eth0:i0 (Stateless)[64]: 192.0.2.1 -> 198.51.100.5 (TCP) len=64 id=25348",
            "TCP: 54816 -> 80 .S.... seq=04a5a3d4 ack=00000000",
            "  5  118   10.131997   192.0.2.1     ->  198.51.100.5      0  BE   TCP",
            "10.131997   192.0.2.1     ->  198.51.100.5      0  BE   ICMP",
            "UDP 0 0 TCP 80 of this prose is no packet",
            "2024-01-01 10:00:00 INFO TCP connection [SYN] sent",
            "0xffff91e7c90a98e8 6 <empty>:0 192.0.2.1:32956->198.51.100.5:8080(tcp:SYN) tcp_wfree",
        ] {
            assert_eq!(Row::parse(text), None, "{text}");
        }
    }

    #[test]
    fn a_row_that_a_mail_wrapped_is_known_by_its_start() {
        assert!(Row::is_start("76 2023-10-03 10:17:04.285731 192.0.2.1 → 198.51.100.5"));
        assert!(Row::is_start("9 21:22:13.997883141 172.16.69.191"));
        assert!(!Row::is_start("9 packets captured"));
        assert!(!Row::is_start("1 0.00000 a.example.net -> b.example.net TCP D=111 S=750 Syn Seq=5"));
        assert!(!Row::is_start("TSval=3081660681 TSecr=3542359002"));
    }

    #[test]
    fn a_row_is_found_again_by_its_places() {
        for text in [
            "1 0.5 192.0.2.1 → 198.51.100.5 TCP 74 50000 → 443 [SYN] Seq=0 Win=64240 Len=0",
            "7 10:00:00.5 192.0.2.1 50000 198.51.100.5 443 TCP 74 50000 → 443 [SYN] Seq=0",
            "9 0.7 192.0.2.9 → 198.51.100.5 TLSv1.2 120",
        ] {
            let row = Row::parse(text);
            let moved = text.to_owned();
            assert!(row.is_some(), "{text}");
            assert_eq!(row.as_ref().map(|row| Places::of(row, text).row(&moved)), row, "{text}");
        }
    }

    proptest! {
        #[test]
        fn any_line_is_read(text: String) {
            for text in [text.clone(), format!("1 0.5 192.0.2.1 → {text}"), format!("1 {text} → 192.0.2.1 TCP 5")] {
                let _ = (Row::parse(&text), Row::is_start(&text));
            }
        }
    }

    #[test]
    fn a_length_before_the_protocol_is_no_address() {
        for row in [
            "1 19:30:57.486 10.0.0.1 10.0.0.2 64 TCP 5 > 443 [SYN] Seq=0",
            "10.0.0.1 10.0.0.2 64 TCP 5 > 443 [SYN] Seq=0",
        ] {
            let row = Row::parse(row);
            assert!(row.as_ref().is_none_or(|row| row.destination == "10.0.0.2"), "{row:?}");
        }
        let row = Row::parse("1 19:30:57.486 10.0.0.1 10.0.0.2 64 TCP 5 > 443 [SYN] Seq=0").expect("a row");
        assert_eq!((row.length, row.ports), (Some(64), None));
    }
}
