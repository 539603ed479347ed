//! Hexadecimal dumps as every tool but tcpdump prints them: Wireshark's and text2pcap's, `hexdump -C`, `od`, `xxd`, and those
//! of firewalls and routers. `dump` reads them; below a packet's line they are that packet, and elsewhere packets of their own.

mod dump;

pub use self::dump::{Dump, DumpLine};

use std::collections::HashSet;
use std::hash::BuildHasher;

use crate::capture::transcript::clock::Stamp;
use crate::capture::transcript::counted::counted;
use crate::capture::transcript::packet::DumpedFrame;
use crate::capture::transcript::tools::packet::ToolPacket;
use crate::capture::transcript::tools::times::ios_xe_time;
use crate::capture::transcript::tools::tool::Tool;
use crate::capture::transcript::tools::unread::IOS_XE;
use crate::limits::TRANSCRIPT_CONVERSATIONS;

/// Gathers dumps on their own, or below a line of IOS-XE's `show monitor capture NAME buffer detailed`.
#[derive(Debug, Default)]
pub struct Gatherer {
    pending: Option<Pending>,
    /// The line of IOS-XE that was read last, and its time.
    row: Option<(u64, (Stamp, u8))>,
    /// Hashes of dumps without a time, of which a repetition shows the same packet again.
    seen: HashSet<u64, foldhash::fast::FixedState>,
    done: Option<ToolPacket>,
    /// Dumps that hold no frame, the first one's line, and its first bytes.
    unknown: u64,
    first_unknown: Option<(u64, Vec<u8>)>,
    /// Dumps that were there before.
    repeated: u64,
    /// Lines of IOS-XE without bytes below them.
    bare_rows: u64,
    /// The first such line.
    first_row: u64,
}

#[derive(Debug)]
struct Pending {
    line: u64,
    time: Option<(Stamp, u8)>,
    dump: Dump,
}

/// Bytes of a dump that are shown where it holds no frame.
const SHOWN_BYTES: usize = 8;

impl Tool for Gatherer {
    const FORMAT: &'static str = "hex dumps";

    fn begins(text: &str) -> bool {
        ios_xe_time(text).is_some() || DumpLine::parse(text).is_some_and(|line| line.is_first())
    }

    fn take(&mut self, number: u64, text: &str) -> bool {
        if let Some(time) = ios_xe_time(text) {
            self.finish_pending();
            self.first_row = if self.first_row == 0 { number } else { self.first_row };
            self.bare_rows += u64::from(self.row.replace((number, time)).is_some());
            return true;
        }
        let Some(line) = DumpLine::parse(text) else { return false };
        if let Some(pending) = &mut self.pending
            && pending.dump.take(&line)
        {
            return true;
        }
        self.finish_pending();
        let mut dump = Dump::default();
        if !line.is_first() || !dump.take(&line) {
            return false;
        }
        let row = self.row.take();
        let line = row.map_or(number, |(line, _)| line);
        self.pending = Some(Pending { line, time: row.map(|(_, time)| time), dump });
        true
    }

    fn flush(&mut self) {
        self.finish_pending();
    }

    fn next(&mut self) -> Option<ToolPacket> {
        self.done.take()
    }

    fn remarks(&self) -> Vec<String> {
        let mut notes = Vec::new();
        let rows = self.rows_without_bytes();
        if rows > 0 {
            let lines = if rows == 1 { "1 line".to_owned() } else { format!("{rows} lines") };
            notes.push(IOS_XE.note(&lines, self.first_row));
        }
        notes.extend(counted(self.repeated, "shown again and counted once"));
        if let Some((line, bytes)) = &self.first_unknown {
            let bytes: Vec<_> = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
            notes.push(format!(
                "hex dumps that do not begin with a link header or an IP header were not read: {}, first at line {line} ({})",
                self.unknown,
                bytes.join(" ")
            ));
        }
        notes
    }
}

impl Gatherer {
    /// No further line of the dump comes.
    fn finish_pending(&mut self) {
        let Some(Pending { line, time, dump }) = self.pending.take() else { return };
        let Some(frame) = dump.frame() else {
            self.unknown += 1;
            let first = dump.bytes().iter().copied().take(SHOWN_BYTES).collect();
            self.first_unknown.get_or_insert((line, first));
            return;
        };
        let hash = self.seen.hasher().hash_one(frame.bytes);
        if time.is_none() && self.seen.contains(&hash) {
            self.repeated += 1;
            return;
        }
        if self.seen.len() < TRANSCRIPT_CONVERSATIONS {
            self.seen.insert(hash);
        }
        let dump =
            DumpedFrame { link_type: frame.link_type, wire_len: frame.wire_len, bytes: frame.bytes.to_vec() };
        self.done = Some(ToolPacket { line, time, dump: Some(dump), ..ToolPacket::default() });
    }

    /// Rows of IOS-XE without bytes, the one that was read last among them.
    fn rows_without_bytes(&self) -> u64 {
        self.bare_rows + u64::from(self.row.is_some())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::capture::transcript::tools::script::gather;

    const DUMP: &str = "0000   45 00 00 28 00 01 40 00 40 06 26 cd c0 00 02 01   E..(..@.@.&.....\n\
                        0010   c6 33 64 05 c3 50 01 bb 00 00 00 07 00 00 00 00   .3d..P..........\n\
                        0020   50 02 03 e8 73 74 00 00                           P...st..\n";

    #[test]
    fn each_dump_is_a_packet_and_a_repeated_one_is_none() {
        let other = DUMP.replace("00 07", "00 08");
        let (packets, gatherer) = gather::<Gatherer>(&format!("{DUMP}\n{other}\nAgain:\n{DUMP}"));
        assert_eq!((packets.len(), gatherer.repeated), (2, 1));
        assert_eq!(packets[0].dump.as_ref().map(|dump| (dump.link_type, dump.wire_len)), Some((101, 40)));
    }

    #[test]
    fn bytes_without_headers_are_named() {
        let (packets, gatherer) = gather::<Gatherer>(
            "00000000  16 03 01 02 00 01 00 01  fc 03 03 00 00 00 00 00  |................|\n",
        );
        assert!(packets.is_empty());
        assert_eq!(gatherer.first_unknown, Some((1, vec![0x16, 3, 1, 2, 0, 1, 0, 1])));
    }

    #[test]
    fn a_row_of_ios_xe_gives_the_bytes_below_it_their_time() {
        let row = "  0   40   10.131997   192.0.2.1     ->  198.51.100.5      0  BE   TCP\n";
        let (packets, gatherer) = gather::<Gatherer>(&format!("{row}\n{DUMP}\n{row}"));
        assert_eq!(packets[0].time, Some((Stamp::Elapsed(10_131_997_000), 6)));
        assert_eq!(gatherer.rows_without_bytes(), 1);
        for text in
            ["5 10.131997 a -> b TCP 66 1 > 2 [SYN]", "5 6 10.1 a b TCP", "1.5 port1 in a.1 -> b.2: syn 5"]
        {
            assert_eq!(ios_xe_time(text), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn any_lines_are_gathered(text: String) {
            let (_, _) = gather::<Gatherer>(&format!("{text}\n0000  45 00 {text}\n{DUMP}{text}\n0010 {text}"));
        }
    }
}
