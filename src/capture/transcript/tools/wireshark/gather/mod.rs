//! Lines of a packet list, gathered into packets: a row, which a mail may have wrapped, the details and the bytes below it.

mod content;
mod repeated;
#[cfg(test)]
mod script;

use std::collections::HashSet;

use self::content::{Extra, completed, hosts, ip};
use super::detail::Detail;
use super::edge::{Edge, Reach};
use super::fields::Fields;
use super::info::Info;
use super::pending::{Pending, is_cut_error, is_cut_name};
use super::protocols::{Layer, layer};
use super::recognised::{is_beginning, is_certain, is_selective};
use super::row::{Places, Row};
use super::streams::Streams;
use super::table::{self, Columns};
use crate::capture::transcript::clock::Stamp;
use crate::capture::transcript::counted::counted;
use crate::capture::transcript::parts::has_words;
use crate::capture::transcript::tools::dumps::DumpLine;
use crate::capture::transcript::tools::lengths::Lengths;
use crate::capture::transcript::tools::packet::ToolPacket;
use crate::capture::transcript::tools::tool::Tool;

/// Gathers a packet list's lines.
#[derive(Debug, Default)]
pub struct Gatherer {
    pending: Option<Pending>,
    /// The columns of the table that is being read.
    columns: Option<Columns>,
    /// The columns of `tshark -T fields`.
    fields: Option<Fields>,
    streams: Streams<Extra>,
    /// Segments whose rows show no length.
    lengths: Lengths,
    last_number: Option<u64>,
    last_time: Option<(Stamp, u8)>,
    /// How many times in a row were no less than the one before.
    rising: u64,
    words: Words,
    begins_capture: bool,
    /// Whether the command above leaves out replies.
    is_selective: bool,
    /// Hashes of the rows so far that nothing but a repetition of the list can bring again.
    seen: HashSet<u64, foldhash::fast::FixedState>,
    /// Rows that repeat others.
    repeated: u64,
    /// Rows of TCP that end before the flags.
    cut: u64,
    edge: Edge,
    /// Whether times since the capture's beginning are used, where a packet shows several.
    is_elapsed: Option<bool>,
}

/// Where words came that are no row's: before the one that is being gathered, and after it.
#[derive(Debug, Default)]
struct Words {
    are_before: bool,
    are_after: bool,
}

impl Tool for Gatherer {
    const FORMAT: &'static str = "tshark or Wireshark rows";

    fn begins(text: &str) -> bool {
        is_certain(text)
    }

    fn take(&mut self, line: u64, text: &str) -> bool {
        if text.is_empty() {
            return false;
        }
        if self.take_row(line, text) || self.take_detail(line, text) {
            return true;
        }
        if is_beginning(text) {
            self.finish_pending();
            self.is_selective = is_selective(text);
            self.fields = Fields::of_command(text);
            self.begins_capture = true;
            return true;
        }
        let Some(pending) = &mut self.pending else { return false };
        DumpLine::parse(text).is_some_and(|line| pending.dump.take(&line))
    }

    fn take_rest(&mut self, text: &str, begins_with_space: bool) {
        let Some(pending) = &mut self.pending else { return };
        if text.is_empty() {
            pending.is_closed = true;
        } else {
            pending.join(text, begins_with_space);
            self.words.are_after |= pending.is_closed && has_words(text);
        }
    }

    fn flush(&mut self) {
        self.finish_pending();
        self.streams.flush();
        self.measure();
        self.lengths.flush();
    }

    fn next(&mut self) -> Option<ToolPacket> {
        self.measure();
        self.lengths.next()
    }

    fn remarks(&self) -> Vec<String> {
        let repeated = counted(self.repeated, "shown again and counted once");
        let cut = counted(self.cut, "cut off before the TCP flags and left out");
        let guessed = counted(
            self.streams.guessed,
            "without ports could be of several connections: each counts to the one that was used last",
        );
        [repeated, cut, guessed].into_iter().flatten().collect()
    }
}

impl Gatherer {
    /// Takes what the streams completed to where lengths are found.
    fn measure(&mut self) {
        while let Some((segment, extra)) = self.streams.next() {
            self.lengths.take(completed(segment, extra));
        }
    }

    /// A row, a table's header, or a row's beginning.
    fn take_row(&mut self, line: u64, text: &str) -> bool {
        if let Some(fields) = Fields::of_header(text) {
            self.finish_pending();
            self.fields = Some(fields);
            return true;
        }
        if let Some(text) = self.fields.as_ref().and_then(|fields| fields.row(text)) {
            self.begin(Pending { line, text, is_row: true, is_closed: true, ..Pending::default() });
            return true;
        }
        if let Some(cells) = table::cells(text) {
            if let Some(columns) = Columns::of_header(&cells) {
                self.finish_pending();
                self.columns = Some(columns);
                return true;
            }
            if table::row(&cells, self.columns.as_ref()).is_some() {
                self.begin(Pending {
                    line,
                    text: text.to_owned(),
                    cells: true,
                    is_row: true,
                    is_closed: !table::is_open(text),
                    ..Pending::default()
                });
                return true;
            }
            let is_rule = cells.iter().all(|cell| cell.bytes().all(|byte| matches!(byte, b'-' | b':')));
            return is_rule && self.columns.is_some();
        }
        // The header of the text that Wireshark exports.
        if text.starts_with("No.") && text.contains("Time") && text.contains("Source") {
            self.finish_pending();
            return true;
        }
        // The rest of a row whose beginning is above.
        let is_begun =
            self.pending.as_ref().is_some_and(|pending| !pending.is_row && pending.detail.is_none());
        if is_begun && Row::parse(text).is_none_or(|row| row.time.is_none()) {
            return false;
        }
        let places = Row::parse(text).map(|row| Places::of(&row, text));
        if places.is_some() || Row::is_start(text) {
            let is_row = places.is_some();
            self.begin(Pending { line, text: text.to_owned(), places, is_row, ..Pending::default() });
            return true;
        }
        false
    }

    /// The beginning of a packet's details, or one of them.
    fn take_detail(&mut self, line: u64, text: &str) -> bool {
        if let Some(detail) = Detail::begin(text) {
            let belongs = self.pending.as_ref().is_some_and(|pending| pending.is_of(&detail));
            if !belongs {
                self.begin(Pending { line, ..Pending::default() });
            }
            if let Some(pending) = &mut self.pending {
                pending.detail = Some(detail);
            }
            return true;
        }
        if Detail::is_ip_line(text) {
            let pending = self.pending.as_ref();
            let is_known = pending.is_some_and(|pending| pending.detail.is_some());
            if pending.and_then(|pending| pending.detail.as_ref()).is_some_and(Detail::is_past_ip)
                || pending.is_none()
            {
                self.begin(Pending { line, ..Pending::default() });
            }
            if let Some(pending) =
                self.pending.as_mut().filter(|pending| !is_known || pending.detail.is_none())
            {
                pending.detail = Some(Detail::default());
            }
        }
        self.pending
            .as_mut()
            .and_then(|pending| pending.detail.as_mut())
            .is_some_and(|detail| detail.take(text))
    }

    fn begin(&mut self, pending: Pending) {
        self.finish_pending();
        let are_before = std::mem::take(&mut self.words.are_after);
        self.words = Words { are_before, are_after: false };
        self.pending = Some(pending);
    }

    fn finish_pending(&mut self) {
        let Some(pending) = self.pending.take() else { return };
        let cells = if pending.cells { table::cells(&pending.text) } else { None };
        let row = match &cells {
            Some(cells) => table::row(cells, self.columns.as_ref()),
            None => pending.row(),
        };
        let detail = pending.detail.as_ref();
        if row.is_none() && detail.is_none() {
            return;
        }
        let mut row = row.unwrap_or_default();
        row.info = without_own_number(row.info, row.number);
        let number = row.number.or(detail.and_then(|detail| detail.number));
        let mut info = Info::parse(row.info);
        let is_cut = is_cut(&row, &info);
        let reach = if cells.is_none() && pending.joined == 0 && detail.is_none() {
            self.edge.take(&pending.text, is_cut)
        } else {
            Reach::Short
        };
        if is_cut && reach == Reach::At {
            info = Info::parse(without_last_number(row.info));
        }
        if self.is_repeated(&row, &info, number, detail) {
            self.repeated += 1;
            return;
        }
        let is_earlier = number.zip(self.last_number).is_some_and(|(number, last)| number <= last);
        let time = self.time(&row, detail);
        let begins_anew = self.words.are_before && self.begins_anew(time);
        let begins_capture = std::mem::take(&mut self.begins_capture) || is_earlier || begins_anew;
        if begins_capture {
            self.streams.begin_capture();
            (self.last_time, self.last_number, self.rising) = (None, None, 0);
        }
        self.last_number = number.or(self.last_number);
        // Details alone, of a packet whose row was left out: it came between the others.
        let time = time.or(self.last_time.filter(|_| pending.text.is_empty()));
        self.keep_time(time);
        let packet = ToolPacket {
            line: pending.line,
            time,
            begins_capture,
            hosts: hosts(&row, detail),
            wire_len: row.length.or(detail.and_then(|detail| detail.wire_len)),
            ip: detail.map(ip).unwrap_or_default(),
            dump: pending.dumped(),
            ..ToolPacket::default()
        };
        self.add(packet, &row, info, detail, reach);
    }

    /// Whether times since the first packet begin at nothing again. Spans since the packet before rise and fall.
    fn begins_anew(&self, time: Option<(Stamp, u8)>) -> bool {
        const SOME: u64 = 2;
        let is_nothing = |time: Option<(Stamp, u8)>| matches!(time, Some((Stamp::Elapsed(0), _)));
        is_nothing(time) && !is_nothing(self.last_time) && self.rising >= SOME
    }

    /// The next time is compared with this one.
    fn keep_time(&mut self, time: Option<(Stamp, u8)>) {
        if let (Some((Stamp::Elapsed(now), _)), Some((Stamp::Elapsed(last), _))) = (time, self.last_time) {
            self.rising = if now < last { 0 } else { self.rising + 1 };
        }
        self.last_time = time.or(self.last_time);
    }

    /// The packet's time. Where rows and details show different ones, those of one kind are used throughout.
    fn time(&mut self, row: &Row<'_>, detail: Option<&Detail>) -> Option<(Stamp, u8)> {
        let (elapsed, arrival) = detail.map_or((None, None), |detail| (detail.elapsed, detail.arrival));
        let is_elapsed = |time: &(Stamp, u8)| matches!(time.0, Stamp::Elapsed(_));
        let first = row.time.or(arrival).or(elapsed)?;
        let wanted = *self.is_elapsed.get_or_insert(is_elapsed(&first));
        [row.time, elapsed, arrival].into_iter().flatten().find(|time| is_elapsed(time) == wanted)
    }
}

/// Whether a row lacks something that its tool prints in each.
fn is_cut(row: &Row<'_>, info: &Info<'_>) -> bool {
    match layer(row.protocol) {
        Layer::Tcp => info.payload_len.is_none() && (info.flags.is_some() || info.is_cut()),
        Layer::Tls => is_cut_name(info.rest),
        Layer::Icmp => is_cut_error(row.info),
        _ => false,
    }
}

/// What a row says, without the packet's number in a column after it.
fn without_own_number(words: &str, number: Option<u64>) -> &str {
    let before =
        words.trim_end().rsplit_once(' ').filter(|(_, last)| last.parse().ok() == number && number.is_some());
    before.map_or(words, |(before, _)| before.trim_end())
}

/// What a row says, without a number at its end that may lack digits.
fn without_last_number(words: &str) -> &str {
    let last = words.rsplit(' ').next().unwrap_or("");
    let is_number = last.split_once('=').is_some_and(|(_, value)| {
        value.bytes().all(|byte| byte.is_ascii_digit()) && value.bytes().any(|byte| byte != b'0')
    });
    words.strip_suffix(last).filter(|_| is_number).unwrap_or(words)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::script::{ROW, read, segment};
    use super::*;
    use crate::capture::transcript::tools::packet::ToolContent;

    #[test]
    fn a_row_that_was_wrapped_anywhere_is_the_same() {
        let whole = read(ROW);
        assert_eq!(segment(&whole[0]).options.len(), 19);
        for (at, _) in ROW.match_indices(' ').skip(2) {
            let (first, second) = ROW.split_at(at);
            let wrapped = read(&format!("{first}\n{}\n", second.trim_start()));
            assert_eq!(wrapped, whole, "{first}");
        }
        // A terminal breaks within a word.
        let alert = "10   0.100696   192.0.2.1 \u{2192} 198.51.100.5 TLSv1.2 73 Alert (Level: Fatal, Description: Unknown CA)";
        let error = "5   3.075736    192.0.2.9 \u{2192} 192.0.2.1   ICMP 102 Destination unreachable (Host unreachable)";
        for row in [ROW, alert, error] {
            let whole = read(row);
            let words = row.find(" \u{2192} ").map_or(0, |at| at + 5);
            for (at, _) in row.char_indices().filter(|(at, _)| *at > words) {
                let (first, second) = row.split_at(at);
                assert_eq!(read(&format!("{first}\n{second}")), whole, "{first}");
            }
        }
    }

    #[test]
    fn cells_on_lines_of_their_own_are_a_row() {
        let packets = read(
            "No.\nTime\nSource\nDestination\nProtocol Length Info\n9 21:22:13.997883141 192.0.2.1\n198.51.100.5\nHTTP\n436\n\
             GET / HTTP/1.1\n\
             Frame 9: 436 bytes on wire (3488 bits), 436 bytes captured (3488 bits) on interface eth0, id 0\n\
             Internet Protocol Version 4, Src: 192.0.2.1, Dst: 198.51.100.5\n\
             Transmission Control Protocol, Src Port: 47534, Dst Port: 80, Seq: 1, Ack: 1, Len: 382",
        );
        assert_eq!(packets.len(), 1);
        let segment = segment(&packets[0]);
        assert_eq!(
            (segment.payload_len, segment.printed.as_slice()),
            (Some(382), &b"GET / HTTP/1.1\r\n"[..])
        );
        assert!(packets[0].time.is_some());
    }

    #[test]
    fn details_and_bytes_belong_to_the_row_of_their_number() {
        let details = "Frame 1: 60 bytes on wire (480 bits), 60 bytes captured (480 bits)\n\
                       Raw packet data\n\
                       Internet Protocol Version 4, Src: 192.0.2.1, Dst: 198.51.100.5\n\
                       Transmission Control Protocol, Src Port: 50000, Dst Port: 443, Seq: 0, Len: 0\n\n\
                       0000   45 00 00 28 00 01 40 00 40 06 26 cd c0 00 02 01   E..(..@.@.&.....\n\
                       0010   c6 33 64 05 c3 50 01 bb 00 00 00 07 00 00 00 00   .3d..P..........\n\
                       0020   50 02 03 e8 73 74 00 00                           P...st..";
        for text in [format!("{ROW}\n\n{details}"), details.to_owned()] {
            let packets = read(&text);
            assert_eq!(packets.len(), 1, "{text}");
            assert_eq!(packets[0].dump.as_ref().map(|dump| (dump.link_type, dump.wire_len)), Some((101, 60)));
            assert_eq!(segment(&packets[0]).ports, Some(("50000".to_owned(), "443".to_owned())));
        }
        let unnumbered = ROW.strip_prefix("1 ").expect("a number").replace("TCP 74", "TCP 60");
        assert_eq!(read(&format!("{unnumbered}\n{details}")).len(), 1);
        let other = details.replace("Frame 1:", "Frame 2:");
        assert_eq!(read(&format!("{ROW}\n{other}")).len(), 2);
    }

    #[test]
    fn a_row_that_ends_within_its_ports_is_no_segment() {
        let mut gatherer = Gatherer::default();
        for text in [ROW, "2 0.6 198.51.100.5 → 192.0.2.1 TCP 66 443 → "] {
            assert!(gatherer.take(1, text));
        }
        gatherer.flush();
        let contents: Vec<_> = std::iter::from_fn(|| gatherer.next()).map(|packet| packet.content).collect();
        assert_eq!((contents.len(), contents.last()), (2, Some(&ToolContent::Unread(String::new()))));
        assert_eq!(gatherer.remarks(), ["1 packet cut off before the TCP flags and left out"]);
    }

    #[test]
    fn rows_that_were_cut_at_a_column_show_no_part_of_a_number() {
        let rows = [
            "1 0.000000 192.0.2.1 → 198.51.100.5 TCP 74 50000 → 443 [SYN] Seq=0 W",
            "2 0.000039 198.51.100.5 → 192.0.2.1 TCP 74 443 → 50000 [SYN, ACK] Se",
            "3 0.000050 192.0.2.1 → 198.51.100.5 TCP 66 50000 → 443 [ACK] Seq=518",
            "4 0.000836 192.0.2.1 → 198.51.100.5 TLSv1 254 Client Hello",
            "5 0.009425 192.0.2.1 → 198.51.100.5 TLSv1.2 159 Client Key Exchange,",
            "6 0.009644 192.0.2.1 → 198.51.100.5 TLSv1.2 3240 Change Cipher Spec,",
        ];
        let packets = read(&rows.join("\n"));
        assert_eq!(segment(&packets[0]).seq, Some(0));
        assert_eq!(segment(&packets[2]).seq, None, "518 may be the beginning of 5180");
        let decoded: Vec<_> = packets[3..].iter().map(|packet| segment(packet).decoded.as_str()).collect();
        let cut = ["TLSv1.2: Client Key Exchange,\u{2026}", "TLSv1.2: Change Cipher Spec,\u{2026}"];
        assert_eq!(decoded, ["TLSv1: Client Hello", cut[0], cut[1]]);
    }

    #[test]
    fn the_packet_s_number_in_a_last_column_is_none_of_the_words() {
        let rows = |number: &str| {
            format!(
                "1 0.5 192.0.2.1 50000 198.51.100.5 443 TCP 66 50000 > 443 [SYN] Seq=0 Win=8192 Len=0 {}\n\
                 7 0.6 198.51.100.5 443 192.0.2.1 50000 TCP 1434 [TCP segment of a reassembled PDU]{number}\n\
                 8 0.7 198.51.100.5 443 192.0.2.1 50000 TLSv1.2 348 New Session Ticket, Change Cipher Spec, Hello Request{}\n",
                if number.is_empty() { "" } else { "1" },
                number.replace('7', "8")
            )
        };
        let plain: Vec<_> = read(&rows("")).into_iter().map(|packet| packet.content).collect();
        let numbered: Vec<_> = read(&rows(" 7")).into_iter().map(|packet| packet.content).collect();
        assert_eq!((plain.len(), &plain), (3, &numbered));
    }

    #[test]
    fn a_csv_row_that_a_page_wrapped_is_read_whole() {
        for seam in ["\n", " \n"] {
            let text = format!(
                "\"1\",\"0.5\",\"192.0.2.1\",\"198.51.100.5\",\"TCP\",\"74\",\"50000  >  443 [SYN] Seq=0{seam} Win=64{}240 Len=0\"\n\
                 \"2\",\"0.6\",\"198.51.100.5\",\"192.0.2.1\",\"TCP\",\"54\",\"443  >  50000 [RST, ACK] Seq=1 Ack=1 Win=0 Len=0\"\n",
                if seam == "\n" { "\n" } else { "" }
            );
            let packets = read(&text);
            assert_eq!(packets.len(), 2, "{text}");
            assert_eq!(segment(&packets[0]).window, Some(64240), "{text}");
        }
    }

    #[test]
    fn a_row_whose_protocol_is_an_ether_type_stands_between_others() {
        let other = "2 0.6 02:00:00:00:00:01 → 02:00:00:00:00:02 0x0000 315 Ethernet II";
        let third = ROW.replacen("1 0.5", "3 0.7", 1);
        let packets = read(&format!("{ROW}\n{other}\n{third}\n"));
        assert_eq!(packets.len(), 3, "{packets:?}");
        assert!(packets.iter().all(|packet| packet.time.is_some()), "{packets:?}");
    }

    #[test]
    fn details_may_begin_with_the_ip_header() {
        let packets = read(
            "Internet Protocol Version 4, Src: 198.51.100.5, Dst: 192.0.2.1\n\
             Transmission Control Protocol, Src Port: 8883, Dst Port: 52205, Seq: 1, Ack: 2, Len: 7\n\
             Transport Layer Security\n    TLSv1.2 Record Layer: Alert (Level: Fatal, Description: Decode Error)\n\
             Internet Protocol Version 4, Src: 192.0.2.1, Dst: 198.51.100.5\n\
             Transmission Control Protocol, Src Port: 52205, Dst Port: 8883, Seq: 2, Ack: 8, Len: 0\n",
        );
        assert_eq!(packets.len(), 2);
        assert_eq!(segment(&packets[0]).payload_len, Some(7));
        assert!(segment(&packets[0]).decoded.contains("Decode Error"));
    }

    proptest! {
        #[test]
        fn any_lines_are_gathered(texts in proptest::collection::vec(".{0,40}", 0..8), picks in proptest::collection::vec(any::<u8>(), 0..20)) {
            let lines = [
                ROW,
                "2 0.6 198.51.100.5 → 192.0.2.1 TLSv1.2 144 Server Hello, Certificate, Server",
                "Frame 2: 60 bytes on wire (480 bits)",
                "Transmission Control Protocol, Src Port: 50000, Dst Port: 443, Seq: 0, Len: 0",
                "0000   45 00 00 28",
                "",
                "| 7 | 0.5 | 192.0.2.1 | 198.51.100.5 | TCP | 74 | 50000 > 443 [SYN] Seq=0 |",
                "76 2023-10-03 10:17:04.285731 192.0.2.1 → 198.51.100.5",
            ];
            let mut text = String::new();
            for (pick, more) in picks.iter().zip(texts.iter().cycle()) {
                text.push_str(lines[usize::from(*pick) % lines.len()]);
                text.push_str(if pick & 64 == 0 { "\n" } else { more });
            }
            let _ = read(&text);
        }
    }
}
