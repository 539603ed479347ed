//! Rows that a list shows twice.

use std::hash::{BuildHasher, Hash, Hasher};

use super::Gatherer;
use crate::capture::transcript::clock::Stamp;
use crate::capture::transcript::tools::wireshark::detail::Detail;
use crate::capture::transcript::tools::wireshark::info::Info;
use crate::capture::transcript::tools::wireshark::row::Row;
use crate::limits::TRANSCRIPT_CONVERSATIONS;

impl Gatherer {
    /// Whether this row was there already, with a number or a time that no other packet has.
    pub(super) fn is_repeated(
        &mut self,
        row: &Row<'_>,
        info: &Info<'_>,
        number: Option<u64>,
        detail: Option<&Detail>,
    ) -> bool {
        let is_dated = matches!(row.time, Some((Stamp::DateTime(_) | Stamp::Epoch(_), _)));
        if (number.is_none() && !is_dated) || (number.is_some() && row.time.is_none() && detail.is_none()) {
            return false;
        }
        let mut hasher = self.seen.hasher().build_hasher();
        number.hash(&mut hasher);
        match row.time {
            Some((
                Stamp::Elapsed(nanos) | Stamp::Epoch(nanos) | Stamp::DateTime(nanos) | Stamp::Time(nanos),
                _,
            )) => {
                nanos.hash(&mut hasher);
            }
            _ => detail.map(|detail| (&detail.headers.source, detail.wire_len)).hash(&mut hasher),
        }
        row.source.hash(&mut hasher);
        row.destination.hash(&mut hasher);
        row.length.hash(&mut hasher);
        (info.ports, info.seq, info.ack, info.rest).hash(&mut hasher);
        let hash = hasher.finish();
        let is_known = self.seen.contains(&hash);
        if self.seen.len() < TRANSCRIPT_CONVERSATIONS {
            self.seen.insert(hash);
        }
        is_known
    }
}

#[cfg(test)]
mod tests {
    use super::super::script::{ROW, read};

    #[test]
    fn a_list_that_is_shown_again_brings_no_packets_and_another_one_is_another_capture() {
        let second = ROW.replace("1 0.5", "2 0.7").replace("[SYN]", "[RST]");
        let again = read(&format!("{ROW}\n{second}\nIn detail:\n{ROW}\n{second}\n"));
        assert_eq!(again.len(), 2);
        let each_twice = read(&format!("{ROW}\n{ROW}\n{second}\n{second}\n"));
        assert_eq!(each_twice.len(), 2);
        let other = ROW.replace("0.5", "0.6");
        let packets = read(&format!("{ROW}\n{second}\n{other}\n"));
        let begins: Vec<_> = packets.iter().map(|packet| packet.begins_capture).collect();
        assert_eq!(begins, [false, false, true]);
        // Without numbers, the time begins anew after some words.
        let unnumbered = |time: &str, flags: &str| ROW.replace("1 0.5", time).replace("[SYN]", flags);
        let list = |words: &str| {
            let one = format!(
                "{}\n{}\n{}\n",
                unnumbered("0.000000", "[SYN]"),
                unnumbered("0.25", "[ACK]"),
                unnumbered("0.5", "[RST]")
            );
            let begins: Vec<_> =
                read(&format!("{one}{words}{one}")).iter().map(|packet| packet.begins_capture).collect();
            begins
        };
        assert_eq!(list("\nbut on the other host I get\n"), [false, false, false, true, false, false]);
        assert_eq!(list(""), [false; 6]);
        let banner = read(&format!("$ tshark -i eth0\nCapturing on 'eth0'\n{ROW}\n"));
        assert!(banner[0].begins_capture);
    }
}
