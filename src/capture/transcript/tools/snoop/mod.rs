//! snoop of Solaris and illumos: its summary (one line for each packet, or with `-V` one for each protocol), and the blocks
//! that `-v` prints.
//!
//! usr/src/cmd/cmd-inet/usr.sbin/snoop of illumos: snoop_tcp.c, `interpret_tcp`, and snoop_display.c. The destination's port
//! comes first.

mod block;
mod line;

use self::block::Block;
use self::line::{Body, SummaryLine, Tcp, is_name};
use super::dumps::{Dump, DumpLine};
use crate::capture::transcript::clock::Stamp;
use crate::capture::transcript::packet::DumpedFrame;
use crate::capture::transcript::tools::packet::{ToolContent, ToolPacket};
use crate::capture::transcript::tools::tool::Tool;

/// Gathers snoop's lines.
#[derive(Debug, Default)]
pub struct Gatherer {
    pending: Option<Pending>,
    /// Whether each protocol has a line of its own (`-V`).
    has_layers: bool,
    begins_capture: bool,
    done: Option<ToolPacket>,
}

/// A packet whose lines are being gathered.
#[derive(Debug)]
enum Pending {
    Summary {
        line: u64,
        number: Option<u64>,
        time: Option<(Stamp, u8)>,
        hosts: (String, String),
        /// The words of TCP, joined where they were wrapped.
        tcp: String,
        /// Another protocol's words.
        other: String,
        dump: Dump,
    },
    Block {
        line: u64,
        block: Box<Block>,
        /// Its bytes (`-x`).
        dump: Dump,
    },
}

impl Tool for Gatherer {
    const FORMAT: &'static str = "snoop text";

    fn begins(text: &str) -> bool {
        SummaryLine::parse(text).is_some()
            || Block::begins(text)
            || text.starts_with("Using device ")
            || cut_summary(text).is_some_and(|(line, _)| line.time.is_some())
    }

    fn take(&mut self, number: u64, text: &str) -> bool {
        if text.starts_with("Using device ") {
            self.finish_pending();
            self.begins_capture = true;
            return true;
        }
        if Block::begins(text) {
            self.finish_pending();
            self.pending =
                Some(Pending::Block { line: number, block: Box::default(), dump: Dump::default() });
            return true;
        }
        if let Some(Pending::Block { block, dump, .. }) = &mut self.pending {
            if Block::is_line(text) {
                block.take(text);
                return true;
            }
            if DumpLine::parse(text).is_some_and(|line| dump.take(&line)) {
                return true;
            }
            if text.is_empty() {
                return true;
            }
        }
        if text.starts_with("____") {
            self.finish_pending();
            return false;
        }
        self.take_summary(number, text) || self.take_below(text)
    }

    fn flush(&mut self) {
        self.finish_pending();
    }

    fn next(&mut self) -> Option<ToolPacket> {
        self.done.take()
    }
}

impl Gatherer {
    /// A line with hosts.
    fn take_summary(&mut self, number: u64, text: &str) -> bool {
        let whole = SummaryLine::parse(text);
        let cut = if whole.is_none() { cut_summary(text) } else { None };
        let begun = cut.as_ref().map_or("", |(_, begun)| *begun);
        let is_begun = !begun.is_empty();
        let line = whole.or(cut.map(|(line, _)| line)).or_else(|| SummaryLine::parse_hosts(text));
        let Some(line) = line else { return false };
        let Some((source, destination)) = line.hosts else { return false };
        let hosts = (source.to_owned(), destination.to_owned());
        let (mut words, mut others) = (String::new(), String::new());
        match line.body {
            Body::Tcp(_) => {
                words =
                    text.split_once("TCP D=").map_or(String::new(), |(_, words)| format!("TCP D={words}"));
            }
            Body::Other(words) => words.clone_into(&mut others),
            Body::None if is_begun => begun.trim().clone_into(&mut words),
            Body::None => {}
        }
        self.has_layers |= ["ETHER", "IP"].iter().any(|name| others.split(' ').next() == Some(*name));
        // With `-V` each protocol of a packet has its line.
        if let Some(Pending::Summary { number, time, hosts: known, tcp, other, .. }) = &mut self.pending
            && self.has_layers
            && *known == hosts
            && (*number, *time) == (line.number, line.time)
            && (words.is_empty() || tcp.is_empty())
        {
            if !words.is_empty() {
                *tcp = words;
            } else if !others.is_empty() {
                *other = others;
            }
            return true;
        }
        let is_bare = words.is_empty() && others.is_empty();
        // Two hosts alone may be prose.
        if is_bare && self.pending.is_none() && line.time.is_none() && !self.begins_capture {
            return false;
        }
        self.finish_pending();
        let (packet_number, time, dump) = (line.number, line.time, Dump::default());
        self.pending = Some(Pending::Summary {
            line: number,
            number: packet_number,
            time,
            hosts,
            tcp: words,
            other: others,
            dump,
        });
        true
    }

    /// A line that belongs to the packet above.
    fn take_below(&mut self, text: &str) -> bool {
        let Some(Pending::Summary { tcp, other, dump, .. }) = &mut self.pending else { return false };
        if let Some(line) = DumpLine::parse(text)
            && dump.take(&line)
        {
            return true;
        }
        if tcp.is_empty() && Tcp::parse(text).is_some() {
            text.clone_into(tcp);
            return true;
        }
        if !tcp.is_empty() && Tcp::parse(tcp).is_none() && (text.starts_with("D=") || text.starts_with("S="))
        {
            tcp.push(' ');
            tcp.push_str(text);
            return true;
        }
        let is_complete = Tcp::parse(tcp).is_some_and(|tcp| tcp.is_complete);
        let wants_more = !is_complete || text.starts_with("Options=<");
        let is_open = tcp.contains("Options=<") && !tcp.contains('>');
        if !tcp.is_empty() && (wants_more || is_open) && Tcp::is_continuation(text) && tcp.len() < MOST_WORDS
        {
            tcp.push(' ');
            tcp.push_str(text);
            return true;
        }
        if tcp.is_empty() && other.is_empty() && is_name(text.split(' ').next().unwrap_or("")) {
            text.clone_into(other);
            return true;
        }
        false
    }

    /// No further line of the packet that is being gathered comes.
    fn finish_pending(&mut self) {
        let packet = match self.pending.take() {
            Some(Pending::Summary { line, time, hosts, tcp, other, dump, .. }) => {
                let content = match Tcp::parse(&tcp) {
                    Some(words) => ToolContent::Segment(words.segment(&other)),
                    None if other.is_empty() => return,
                    None => ToolContent::Other(other.split(' ').next().unwrap_or("").to_owned()),
                };
                ToolPacket { line, time, hosts, content, dump: dumped(&dump), ..ToolPacket::default() }
            }
            Some(Pending::Block { line, block, dump }) => match block.packet(line) {
                Some(packet) => ToolPacket { dump: dumped(&dump), ..packet },
                None => return,
            },
            None => return,
        };
        let begins_capture = std::mem::take(&mut self.begins_capture);
        self.done = Some(ToolPacket { begins_capture, ..packet });
    }
}

/// A summary that a page wrapped within its ports, and what there is of TCP's words.
fn cut_summary(text: &str) -> Option<(SummaryLine<'_>, &str)> {
    let at = text.find(" TCP").filter(|at| matches!(text.get(at + 1..at + 6), None | Some("TCP D")))?;
    let (before, begun) = text.split_at(at);
    Some((SummaryLine::parse_hosts(before)?, begun))
}

/// The bytes below a packet as a frame.
fn dumped(dump: &Dump) -> Option<DumpedFrame> {
    dump.frame().map(|frame| DumpedFrame {
        link_type: frame.link_type,
        wire_len: frame.wire_len,
        bytes: frame.bytes.to_vec(),
    })
}

/// Longest words of TCP in a summary, in bytes: options take some 300.
const MOST_WORDS: usize = 4096;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::capture::transcript::tools::packet::ToolSegment;
    use crate::capture::transcript::tools::script;

    fn gather(text: &str) -> Vec<ToolPacket> {
        let (packets, _): (_, Gatherer) = script::gather(text);
        packets
    }

    fn segment(packet: &ToolPacket) -> &ToolSegment {
        let ToolContent::Segment(segment) = &packet.content else { panic!("a segment: {packet:?}") };
        segment
    }

    const SUMMARY: &str =
        "a -> b TCP D=80 S=1421 Syn Seq=5 Len=0 Win=32120 Options=<mss 1460,nop,nop,tstamp 7 0>";

    #[test]
    fn a_summary_that_a_page_wrapped_is_the_same() {
        let whole = gather(SUMMARY);
        assert_eq!(segment(&whole[0]).options, [2, 4, 5, 180, 8, 10, 0, 0, 0, 7, 0, 0, 0, 0]);
        for at in SUMMARY
            .match_indices(' ')
            .map(|(at, _)| at)
            .filter(|at| SUMMARY[at + 1..].contains('=') && *at > 5)
        {
            let (first, second) = SUMMARY.split_at(at);
            let text = format!("Using device /dev/hme\n{first}\n{}", second.trim());
            let wrapped = gather(&text);
            assert_eq!(
                wrapped.iter().map(segment).collect::<Vec<_>>(),
                whole.iter().map(segment).collect::<Vec<_>>(),
                "{first}"
            );
        }
    }

    #[test]
    fn bytes_below_a_block_are_those_of_its_packet() {
        let packets = gather(
            "ETHER:  ----- Ether Header -----\nETHER:  Packet 1 arrived at 10:00:0.00000\nETHER:  Packet size = 54 bytes\n\
             IP:   ----- IP Header -----\nIP:   Source address = 192.0.2.1, client\nIP:   Destination address = 198.51.100.5, server\n\
             TCP:  ----- TCP Header -----\nTCP:  Source port = 50000\nTCP:  Destination port = 443 (HTTPS)\nTCP:  Flags = 0x02\n\n\
             \t   0: 0200 0000 0002 0200 0000 0001 0800 4500    ..............E.\n\
             \t  16: 0028 0001 0000 4006 66cd c000 0201 c633    .(....@.f......3\n\
             \t  32: 6405 c350 01bb 0000 0007 0000 0000 5002    d..P..........P.\n\
             \t  48: 03e8 7374 0000                             ..st..\n",
        );
        assert_eq!(packets.len(), 1, "{packets:?}");
        assert_eq!(packets[0].dump.as_ref().map(|frame| frame.bytes.len()), Some(54));
    }

    #[test]
    fn a_summary_that_was_cut_within_its_ports_is_recognised() {
        assert!(Gatherer::begins("  1   0.00000    192.0.2.1 -> 198.51.100.5 TCP D=443"));
        assert!(!Gatherer::begins("the client -> the server TCP"));
    }

    #[test]
    fn the_lines_of_each_protocol_are_one_packet() {
        let packets = gather(
            "________________________________\n\
             1   0.00000  a -> b ETHER Type=0800 (IP), size = 154 bytes\n\
             1   0.00000  a -> b IP  D=b S=a LEN=140, ID=5\n\
             1   0.00000  a -> b TCP D=80 S=1421 Push Ack=7 Seq=5 Len=100 Win=32120\n\
             1   0.00000  a -> b HTTP GET / HTTP/1.0\n\
             ________________________________\n\
             2   0.00100  b -> a TCP D=1421 S=80 Ack=105 Seq=7 Len=0 Win=32120\n",
        );
        assert_eq!(packets.len(), 2);
        assert_eq!(segment(&packets[0]).printed, b"GET / HTTP/1.0\r\n");
        assert_eq!(segment(&packets[1]).ack, Some(105));
    }

    #[test]
    fn a_line_of_each_of_the_other_protocols_is_a_packet() {
        let packets = gather(
            "Using device x\na -> b RPC C XID=1\na -> b\nTCP D=121 S=1018\n\nAck=9 Seq=2\n\nLen=0 Win=3\n",
        );
        assert_eq!(packets.len(), 2);
        assert_eq!(packets[0].content, ToolContent::Other("RPC".to_owned()));
        assert_eq!((segment(&packets[1]).seq, segment(&packets[1]).window), (Some(2), Some(3)));
    }

    #[test]
    fn blocks_are_packets() {
        let block = "ETHER:  ----- Ether Header -----\nETHER:  Packet 2 arrived at 1:43:41.42\nIP:   Header length = 20 bytes\n\
                     IP:   Total length = 83 bytes\nIP:   Source address = 192.0.2.1, solaris9\n\
                     IP:   Destination address = 192.0.2.2, x\nTCP:  Source port = 23\nTCP:  Destination port = 3013\n\
                     TCP:  Data offset = 20 bytes\nTCP:  Flags = 0x18\nTCP:  Window = 64240\n";
        let packets = gather(&format!("TCP: Flags = 0x10\n{block}\n{block}"));
        assert_eq!(packets.len(), 2);
        assert_eq!((segment(&packets[1]).payload_len, packets[1].hosts.0.as_str()), (Some(43), "192.0.2.1"));
    }

    proptest! {
        #[test]
        fn any_lines_are_gathered(text: String, more: String) {
            for text in [text.clone(), format!("a -> b TCP D={text} S=1 {more}\n{text}"), format!("ETHER: -----\nTCP: {text}\nIP: {more}")] {
                let _ = gather(&text);
            }
        }
    }
}
