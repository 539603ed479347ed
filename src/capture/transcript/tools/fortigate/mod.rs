//! FortiGate's `diagnose sniffer packet INTERFACE FILTER LEVEL`.
//!
//! Its line is that of an early tcpdump without windows, options and lengths: `12.009383 port5 in 192.0.2.1.46028 ->
//! 198.51.100.5.22: syn 486804292`. Levels 2, 3, 5 and 6 print bytes below it, which say the rest. Fortinet, FortiOS
//! Administration Guide, "Performing a sniffer trace or packet capture".

mod line;

use std::collections::{HashMap, VecDeque};
use std::hash::{BuildHasher, Hash, Hasher};

use self::line::DebugLine;
use super::dumps::{Dump, DumpLine};
use super::lengths::Lengths;
use super::packet::{ToolContent, ToolPacket};
use crate::capture::transcript::clock::Stamp;
use crate::capture::transcript::counted::counted;
use crate::capture::transcript::packet::DumpedFrame;
use crate::capture::transcript::scan::split_rare;
use crate::capture::transcript::tools::tool::Tool;
use crate::limits::TRANSCRIPT_HELD_ROWS;
use crate::packet::Direction;
use crate::time::SECOND;

/// Gathers the sniffer's lines.
#[derive(Debug, Default)]
pub struct Gatherer {
    pending: Option<Pending>,
    /// Packets as they passed the latest interfaces.
    passed: VecDeque<Passed>,
    /// How many were forgotten before the first of these.
    forgotten: u64,
    /// Which of all of them had a hash last.
    latest: HashMap<u64, u64, foldhash::fast::FixedState>,
    lengths: Lengths,
    begins_capture: bool,
    /// The time of the packet before, since its sniffer began.
    elapsed: Option<i64>,
    /// Packets that were printed before, at another interface.
    copies: u64,
}

/// A packet with the bytes below it.
#[derive(Debug)]
struct Pending {
    packet: ToolPacket,
    interface: Option<String>,
    dump: Dump,
}

/// A packet and where it was seen.
#[derive(Debug)]
struct Passed {
    /// The hash of hosts and content.
    hash: u64,
    hosts: (String, String),
    content: ToolContent,
    places: Vec<(String, Option<Direction>)>,
}

impl Tool for Gatherer {
    const FORMAT: &'static str = "FortiGate sniffer text";

    fn begins(text: &str) -> bool {
        DebugLine::parse(text).is_some()
    }

    fn take(&mut self, number: u64, text: &str) -> bool {
        let is_beginning =
            text.starts_with("interfaces=[") || text.starts_with("Using Original Sniffing Mode");
        if is_beginning || is_command(text) {
            self.finish_pending();
            self.begins_capture = true;
            return true;
        }
        if text.starts_with("filters=[") {
            return true;
        }
        if let Some(line) = DebugLine::parse(text) {
            self.finish_pending();
            let begins_capture = std::mem::take(&mut self.begins_capture) | self.goes_back(&line);
            if begins_capture {
                self.forgotten += self.passed.len() as u64;
                self.passed.clear();
                self.latest.clear();
            }
            let packet = ToolPacket { line: number, begins_capture, ..line.packet() };
            let interface = line.interface.map(str::to_owned);
            self.pending = Some(Pending { packet, interface, dump: Dump::default() });
            return true;
        }
        let Some(pending) = &mut self.pending else { return false };
        DumpLine::parse(text).is_some_and(|line| pending.dump.take(&line))
    }

    fn flush(&mut self) {
        self.finish_pending();
        self.lengths.flush();
    }

    fn next(&mut self) -> Option<ToolPacket> {
        self.lengths.next()
    }

    fn remarks(&self) -> Vec<String> {
        counted(self.copies, "printed again at another interface and counted once").into_iter().collect()
    }
}

impl Gatherer {
    /// Whether the line's time shows that another sniffer printed it: each counts from its own beginning.
    fn goes_back(&mut self, line: &DebugLine<'_>) -> bool {
        let Some((Stamp::Elapsed(now), _)) = line.time else { return false };
        self.elapsed.replace(now).is_some_and(|before| before.saturating_sub(now) > OUT_OF_ORDER)
    }

    fn finish_pending(&mut self) {
        let Some(Pending { mut packet, interface, dump }) = self.pending.take() else { return };
        if interface.is_some_and(|interface| self.is_copy(&packet, interface)) {
            self.copies += 1;
            return;
        }
        packet.dump = dump.frame().map(|frame| DumpedFrame {
            link_type: frame.link_type,
            wire_len: frame.wire_len,
            bytes: frame.bytes.to_vec(),
        });
        self.lengths.take(packet);
    }

    /// Whether the packet was seen before at another interface, or in the other direction: the FortiGate forwards it.
    fn is_copy(&mut self, packet: &ToolPacket, interface: String) -> bool {
        let place = (interface, packet.direction);
        let hash = hash(packet);
        let is_it = |passed: &&mut Passed| passed.hosts == packet.hosts && passed.content == packet.content;
        let index = self.latest.get(&hash).and_then(|number| usize::try_from(number - self.forgotten).ok());
        if let Some(passed) = index.and_then(|index| self.passed.get_mut(index)).filter(is_it) {
            let is_copy = !passed.places.contains(&place) && passed.places.len() < MOST_PLACES;
            if !is_copy {
                // Sent again.
                passed.places.clear();
            }
            passed.places.push(place);
            return is_copy;
        }
        if self.passed.len() >= TRANSCRIPT_HELD_ROWS
            && let Some(first) = self.passed.pop_front()
        {
            if self.latest.get(&first.hash) == Some(&self.forgotten) {
                self.latest.remove(&first.hash);
            }
            self.forgotten += 1;
        }
        self.latest.insert(hash, self.forgotten + self.passed.len() as u64);
        let (hosts, content) = (packet.hosts.clone(), packet.content.clone());
        self.passed.push_back(Passed { hash, hosts, content, places: vec![place] });
        false
    }
}

/// The hash of a packet's hosts and numbers, which most packets differ by.
fn hash(packet: &ToolPacket) -> u64 {
    let mut hasher = foldhash::fast::FixedState::default().build_hasher();
    packet.hosts.hash(&mut hasher);
    if let ToolContent::Segment(segment) = &packet.content {
        let flags = segment.flags.map(|flags| flags.0);
        (&segment.ports, flags, segment.seq, segment.ack, segment.payload_len).hash(&mut hasher);
    }
    hasher.finish()
}

/// How far the packets of one sniffer come out of order at most, in nanoseconds.
const OUT_OF_ORDER: i64 = SECOND;

/// Whether `text` is the command, perhaps after a prompt: `FGT # diagnose sniffer packet any "port 443" 4`. Each word may be
/// shortened.
fn is_command(text: &str) -> bool {
    let Some((before, after)) = split_rare(text, "sniffer packet ") else { return false };
    let (prompt, word) = before.trim_end().rsplit_once(' ').unwrap_or(("", before.trim_end()));
    let is_prompt = prompt.is_empty() || prompt.trim_end().ends_with(['#', '$', '>', ')']);
    is_prompt && word.starts_with("dia") && "diagnose".starts_with(word) && !after.is_empty()
}

/// Interfaces that one packet is believed to pass: physical ones, VLANs and tunnels on both sides.
const MOST_PLACES: usize = 8;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::capture::transcript::tools::script;

    fn gather(text: &str) -> (Vec<ToolPacket>, u64) {
        let (packets, gatherer): (_, Gatherer) = script::gather(text);
        (packets, gatherer.copies)
    }

    #[test]
    fn what_passes_another_interface_is_a_copy_and_what_comes_again_is_not() {
        let syn = "192.0.2.1.46028 -> 198.51.100.5.22: syn 5";
        let (packets, copies) = gather(&format!(
            "1.0 port5 in {syn}\n1.1 port6 out {syn}\n\n2.0 port5 in {syn}\n2.1 port6 out {syn}\n"
        ));
        assert_eq!((packets.len(), copies), (2, 2));
        let (packets, copies) = gather(&format!("1.0 {syn}\n1.1 {syn}\n"));
        assert_eq!((packets.len(), copies), (2, 0), "levels 1 to 3 show no interface");
    }

    #[test]
    fn arp_is_a_packet_of_its_own() {
        let (packets, _) = gather(
            "1.5 arp who-has 192.0.2.47 tell 192.0.2.5\n1.6 port2 in arp reply 192.0.2.47 is-at 02:00:00:00:00:01\n",
        );
        let content = |asker: Option<&str>, is_answer| ToolContent::Neighbour {
            target: "192.0.2.47".to_owned(),
            asker: asker.map(str::to_owned),
            is_answer,
        };
        let contents: Vec<_> = packets.into_iter().map(|packet| packet.content).collect();
        assert_eq!(contents, [content(Some("192.0.2.5"), false), content(None, true)]);
    }

    #[test]
    fn each_sniffer_is_a_capture_of_its_own() {
        let syn =
            |time: &str, port: u16| format!("{time} port1 in 192.0.2.1.{port} -> 198.51.100.5.22: syn 5\n");
        let begins =
            |text: &str| -> Vec<_> { gather(text).0.iter().map(|packet| packet.begins_capture).collect() };
        let (one, two) = (syn("23.5", 40000), syn("8.25", 40001));
        assert_eq!(begins(&format!("{one}{two}")), [false, true]);
        assert_eq!(begins(&format!("{one}{}", syn("23.49", 40001))), [false, false]);
        assert_eq!(
            begins(&format!("{one}FGT (root) # diag sniffer packet any 'port 22' 4\n{}", syn("30.5", 40001))),
            [false, true]
        );
        assert!(
            !is_command("run the diagnose sniffer packet command")
                && is_command("diagnose sniffer packet any")
        );
    }

    #[test]
    fn bytes_below_a_line_are_the_packet() {
        let (packets, _) = gather(
            "interfaces=[port3]\nfilters=[port 443]\n\
             3.7 port3 -- 192.0.2.1.50000 -> 198.51.100.5.443: syn 7\n\
             0x0000   4500 0028 0001 4000 4006 26cd c000 0201      E..(..@. @.&.....\n\
             0x0010   c633 6405 c350 01bb 0000 0007 0000 0000      .3d..P.. ........\n\
             0x0020   5002 03e8 7374 0000\n",
        );
        assert_eq!(packets[0].dump.as_ref().map(|dump| (dump.link_type, dump.bytes.len())), Some((101, 40)));
        assert!(packets[0].begins_capture);
        assert_eq!((packets[0].hosts.0.as_str(), packets[0].hosts.1.as_str()), ("192.0.2.1", "198.51.100.5"));
    }

    #[test]
    fn a_port_that_an_author_joined_to_the_address_is_not_known() {
        let (packets, _) = gather("1.0 port1 in 192.0.2.1.50000 -> 198.51.100.1728443: syn 7");
        let ToolContent::Segment(segment) = &packets[0].content else { panic!("a segment") };
        assert_eq!(segment.ports, Some(("50000".to_owned(), "?".to_owned())));
        assert_eq!(packets[0].hosts.1, "198.51.100.1728443");
    }

    proptest! {
        #[test]
        fn any_line_is_read(text: String) {
            for text in [text.clone(), format!("1.5 port1 in {text} -> a.1: syn {text}"), format!("a.1 -> b.2: {text}")] {
                let _ = gather(&text);
            }
        }
    }
}
