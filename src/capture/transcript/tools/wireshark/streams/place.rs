//! Where a row without ports belongs: in the only stream that it fits, or where a later row shows it.

use super::stream::Stream;
use super::sums::{MOST_PAYLOAD, adding_up};
use super::{CANDIDATES, Held, Key, Segment, Speaker, Streams, Unknown};
use crate::packet::Flags;

impl<T> Streams<T> {
    /// Puts a row without ports to its stream; what is not known yet stays open.
    pub(super) fn place(
        &mut self,
        hosts: [u32; 2],
        side: Option<usize>,
        segment: &mut Segment,
    ) -> Option<Unknown> {
        let mut fitting = self.fitting(hosts, side, segment);
        let found = match (fitting.next(), fitting.next()) {
            (Some(only), None) => Some(only),
            // What comes after the end repeats something, unless it begins something: then the connection's other rows are not there yet.
            (None, _) if !self.begins_other(hosts, segment) => self.latest_between(hosts).zip(side),
            _ => None,
        };
        drop(fitting);
        // It belongs to no stream so far, or to one of several.
        let Some((key, side)) = found else { return Some(Unknown::Stream) };
        self.touch(key, side, segment).follow(side, segment).then_some(Unknown::Place(key, side))
    }

    /// The open streams between two hosts that this row may be of, and on which side.
    fn fitting(
        &self,
        hosts: [u32; 2],
        side: Option<usize>,
        segment: &Segment,
    ) -> impl Iterator<Item = (Key, usize)> + use<'_, T> {
        let speaker = segment.speaker;
        let sides = side.map_or(0..2, |side| side..side + 1);
        let keys = self.between.get(&hosts).into_iter().flatten();
        keys.flat_map(move |key| sides.clone().map(move |side| (*key, side))).filter(move |(key, side)| {
            self.known.get(key).is_some_and(|stream| !stream.is_over() && stream.admits(*side, speaker))
        })
    }

    /// Whether a row after the end of all streams between two hosts is of another one: its words open a handshake, or it follows such
    /// a row.
    fn begins_other(&self, hosts: [u32; 2], segment: &Segment) -> bool {
        let is_repeat = segment.analysis.is_retransmission || segment.analysis.is_out_of_order;
        let is_waiting =
            || self.held.iter().any(|held| held.hosts == hosts && held.awaits == Some(Unknown::Stream));
        // A ServerHello answers: that of an injected RST's connection comes after the RST.
        let answers = || {
            let latest = self.latest_between(hosts).and_then(|key| self.known.get(&key));
            latest.is_some_and(|stream| stream.sides.iter().filter(|side| side.has_spoken()).count() == 1)
        };
        let opens = match segment.speaker {
            Some(Speaker::ClientFirst) => true,
            Some(Speaker::ServerFirst) => !answers(),
            _ => false,
        };
        !is_repeat && (opens || is_waiting())
    }

    fn latest_between(&self, hosts: [u32; 2]) -> Option<Key> {
        let keys = self.between.get(&hosts).into_iter().flatten();
        keys.max_by_key(|key| self.known.get(key).map(|stream| stream.used)).copied()
    }

    /// Looks whether a row with ports, which was not taken yet, shows where held rows belong.
    pub(super) fn settle(&mut self, key: Key, shown_side: usize, shown: &Segment) {
        let of_stream = |held: &Held<T>| held.hosts == key.hosts && held.awaits.is_some();
        if !self.held.iter().any(of_stream) {
            return;
        }
        if !self.between.contains_key(&key.hosts) {
            self.begin_before(key, shown_side, shown);
            return;
        }
        let Self { known, held, .. } = self;
        let Some(stream) = known.get_mut(&key) else { return };
        let base = stream.base;
        let blocks: Vec<_> = shown.options.sack_blocks().collect();
        let waits = |held: &&mut Held<T>| held.awaits == Some(Unknown::Place(key, 1 - shown_side));
        for held in held.iter_mut().filter(waits) {
            let len = held.segment.payload_len.unwrap_or(0);
            if let Some((left, _)) = blocks.iter().find(|(left, right)| right.wrapping_sub(*left) == len) {
                let seq = left.wrapping_add(base);
                held.segment.seq = Some(seq);
                stream.note(1 - shown_side, seq, len);
                held.awaits = None;
            }
        }
        // What is acknowledged is the end of what the other side sent, and a segment begins where the one before ended.
        for (side, end) in [(1 - shown_side, shown.ack), (shown_side, shown.seq)] {
            let Some(end) = end.map(|end| end.wrapping_add(base)) else { continue };
            let Some(missing) = stream.sides[side].next.map(|next| end.wrapping_sub(next)) else { continue };
            let candidates = held.iter().enumerate().filter_map(|(at, held)| {
                let is_own = held.hosts == key.hosts && held.side.is_none_or(|known| known == side);
                let is_open =
                    held.awaits == Some(Unknown::Stream) && stream.admits(side, held.segment.speaker);
                let len = stream.payload_len(side, &held.segment).filter(|_| is_own && is_open)?;
                Some((at, len))
            });
            let candidates: Vec<(usize, u32)> = candidates.take(CANDIDATES).collect();
            for at in adding_up(&candidates, missing) {
                let Some(held) = held.get_mut(at) else { continue };
                held.awaits = stream.follow(side, &mut held.segment).then_some(Unknown::Place(key, side));
            }
        }
    }

    /// The first row with ports of two hosts shows where those before it belong: what it acknowledges, or begins at, is
    /// where they end.
    fn begin_before(&mut self, key: Key, shown_side: usize, shown: &Segment) {
        self.begin_with_data(key, shown_side, shown);
        if shown.flags.is_some_and(Flags::syn) {
            // Those before it are of a connection whose ports no row shows.
            let is_earlier = |held: &Held<T>| held.hosts == key.hosts && held.awaits == Some(Unknown::Stream);
            while let Some(at) = self.held.iter().position(is_earlier) {
                self.follow_held(at, Key { ports: [0; 2], ..key }, None);
            }
            return;
        }
        let mut stream = Stream {
            ports: shown.ports.clone().map(|(source, destination)| {
                if shown_side == 0 { [source, destination] } else { [destination, source] }
            }),
            ..Stream::default()
        };
        stream.learn(shown_side, shown);
        let mut ends = [shown.seq, shown.ack];
        if shown_side == 1 {
            ends.swap(0, 1);
        }
        for held in self
            .held
            .iter_mut()
            .rev()
            .filter(|held| held.hosts == key.hosts && held.awaits == Some(Unknown::Stream))
        {
            held.awaits = None;
            let (segment, Some(side)) = (&mut held.segment, held.side) else { continue };
            stream.follow(side, segment);
            // Relative numbers begin at 1.
            let whole = ends[side].and_then(|end| end.checked_sub(1)).filter(|len| *len <= MOST_PAYLOAD);
            segment.payload_len = segment.payload_len.or(whole);
            segment.seq = ends[side].zip(segment.payload_len).map(|(end, len)| end.wrapping_sub(len));
            ends[side] = segment.seq;
        }
    }

    /// A ClientHello right before the first SYN-ACK came in the SYN (RFC 7413), of which such a row shows nothing.
    fn begin_with_data(&mut self, key: Key, shown_side: usize, shown: &Segment) {
        if !shown.flags.is_some_and(|flags| flags.syn() && flags.ack()) {
            return;
        }
        let of_stream = |held: &&mut Held<T>| held.hosts == key.hosts && held.awaits == Some(Unknown::Stream);
        let Some(held) = self.held.iter_mut().rev().find(of_stream) else { return };
        let is_hello = held.segment.speaker == Some(Speaker::ClientFirst);
        if !is_hello || held.side != Some(1 - shown_side) {
            return;
        }
        held.awaits = None;
        let ports = shown.ports.clone();
        // The SYN-ACK is as long as the SYN is without its data.
        let len = held.segment.frame_len.zip(shown.frame_len).and_then(|(own, other)| own.checked_sub(other));
        held.segment.ports = ports.map(|(source, destination)| (destination, source));
        held.segment.flags = Some(Flags(Flags::SYN));
        (held.segment.seq, held.segment.payload_len) = (Some(0), held.segment.payload_len.or(len));
    }

    /// The first row that is held and not known is guessed: it goes to the stream that was used last, or is a stream's whose
    /// ports no row shows.
    pub(super) fn give_up_first(&mut self) {
        let Some(at) = self.held.iter().position(|held| held.awaits.is_some()) else { return };
        let Some(held) = self.held.get_mut(at) else { return };
        if held.awaits.take() != Some(Unknown::Stream) {
            return;
        }
        let Some(Held { segment, hosts, side, .. }) = self.held.get(at) else { return };
        let used = |(key, _): &(Key, usize)| self.known.get(key).map(|stream| stream.used);
        let latest = self.fitting(*hosts, *side, segment).max_by_key(used);
        let (hosts, known_side) = (*hosts, *side);
        self.guessed += u64::from(latest.is_some_and(|(key, _)| key.ports != [0; 2]));
        let key = latest.map_or(Key { hosts, ports: [0; 2] }, |(key, _)| key);
        self.follow_held(at, key, known_side.or(latest.map(|(_, side)| side)));
    }

    /// Completes the held row at this place as one of this stream. Between equal hosts the side must be known.
    fn follow_held(&mut self, at: usize, key: Key, side: Option<usize>) {
        let Some(held) = self.held.get_mut(at) else { return };
        held.awaits = None;
        let Some(side) = side.or(held.side) else { return };
        let mut segment = std::mem::take(&mut held.segment);
        self.touch(key, side, &segment).follow(side, &mut segment);
        if let Some(held) = self.held.get_mut(at) {
            held.segment = segment;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::script::{OPENING, complete, place};
    use super::*;
    use crate::capture::transcript::tools::wireshark::info::Info;

    #[test]
    fn a_row_without_ports_follows_in_the_only_stream() {
        let done = complete(
            &[
                &OPENING[..],
                &["> 583 Client Hello", "< 1514 Server Hello", "< 66 [TCP segment of a reassembled PDU]"],
            ]
            .concat(),
        );
        assert_eq!(place(&done[3]), (Some("50000"), Some(1), Some(517)));
        assert_eq!(place(&done[4]), (Some("443"), Some(1), Some(1448)));
        assert_eq!(place(&done[5]), (Some("443"), Some(1449), Some(0)));
        assert_eq!((done[0].window, done[2].window), (Some(64240), Some(502)));
    }

    #[test]
    fn of_several_streams_the_acknowledged_one_is_meant() {
        let other = OPENING.map(|row| row.replace("50000", "50001"));
        let other = other.each_ref().map(String::as_str);
        let rows = [
            &OPENING[..],
            &other,
            &[
                "> 583 Client Hello",
                "> 300 Client Hello",
                "< 66 443 → 50001 [ACK] Seq=1 Ack=235 Win=1 Len=0",
                "< 66 443 → 50000 [ACK] Seq=1 Ack=518 Win=1 Len=0",
                "< 1514 Server Hello",
                "< 566 Certificate",
                "> 66 50001 → 443 [ACK] Seq=235 Ack=1949 Win=1 Len=0",
            ],
        ]
        .concat();
        let done = complete(&rows);
        let ports: Vec<_> = done
            .iter()
            .skip(6)
            .filter_map(|segment| segment.ports.as_ref().map(|(a, b)| a.len() + b.len()))
            .collect();
        assert_eq!(ports, [8; 7]);
        assert_eq!(place(&done[6]), (Some("50000"), Some(1), Some(517)));
        assert_eq!(place(&done[7]), (Some("50001"), Some(1), Some(234)));
        assert_eq!(done[10].ports.as_ref().map(|(_, port)| port.as_str()), Some("50001"));
        assert_eq!((done[10].seq, done[11].seq), (Some(1), Some(1449)));
    }

    #[test]
    fn between_equal_hosts_the_words_or_the_acknowledgement_show_who_speaks() {
        let mut streams = Streams::default();
        let rows = [
            "74 50000 → 443 [SYN] Seq=0 Win=1 Len=0",
            "74 443 → 50000 [SYN, ACK] Seq=0 Ack=1 Win=1 Len=0",
            "66 50000 → 443 [ACK] Seq=1 Ack=1 Win=1 Len=0",
            "583 Client Hello",
            "166 Application Data",
            "66 50000 → 443 [ACK] Seq=518 Ack=101 Win=1 Len=0",
        ];
        for row in rows {
            let (len, info) = row.split_once(' ').expect("a length");
            let info = Info::parse(info);
            let segment = Segment {
                source: "::1".to_owned(),
                destination: "::1".to_owned(),
                ports: info.ports.map(|(source, destination)| (source.to_owned(), destination.to_owned())),
                flags: info.flags,
                seq: info.seq,
                ack: info.ack,
                payload_len: info.payload_len,
                frame_len: len.parse().ok(),
                speaker: crate::capture::transcript::tools::wireshark::above::speaker("TLSv1.2", info.rest),
                ..Segment::default()
            };
            streams.take(segment, ());
        }
        let done: Vec<_> = std::iter::from_fn(|| streams.next()).map(|(segment, ())| segment).collect();
        assert_eq!(done.len(), rows.len());
        assert_eq!(place(&done[3]), (Some("50000"), Some(1), Some(517)));
        assert_eq!(place(&done[4]), (Some("443"), Some(1), Some(100)));
    }

    #[test]
    fn a_row_after_a_gap_is_placed_by_the_acknowledgement_of_it_alone() {
        let rows = [
            &OPENING[..],
            &[
                "< 73 [TCP Previous segment not captured] , Ignored Unknown Record",
                "< 1514 [TCP Out-Of-Order] 443 → 50000 [ACK] Seq=1 Ack=1 Win=1 Len=1448 TSval=1 TSecr=1",
                "> 78 50000 → 443 [ACK] Seq=1 Ack=1449 Win=1 Len=0 TSval=1 TSecr=1 SLE=2897 SRE=2904",
                "< 166 [TCP Retransmission] Certificate",
            ],
        ]
        .concat();
        let done = complete(&rows);
        assert_eq!(place(&done[3]), (Some("443"), Some(2897), Some(7)));
        assert_eq!(done[6].seq, None, "nothing of that size was sent before");
    }

    #[test]
    fn rows_before_the_first_with_ports_are_of_its_stream() {
        let done = complete(&["< 116 Server Hello", "> 54 50000 → 443 [ACK] Seq=93 Ack=4351 Win=902 Len=0"]);
        assert_eq!(place(&done[0]), (Some("443"), Some(4351 - 62), Some(62)));
        let done = complete(&["> 583 Client Hello", OPENING[0]]);
        assert_eq!(place(&done[0]), (None, Some(1), Some(517)));
    }

    #[test]
    fn a_hello_before_the_syn_ack_is_in_the_syn() {
        let done = complete(&["> 591 Client Hello", OPENING[1]]);
        assert_eq!(place(&done[0]), (Some("50000"), Some(0), Some(517)));
        assert_eq!(done[0].flags, Some(Flags(Flags::SYN)));
    }

    #[test]
    fn a_server_hello_after_an_injected_rst_is_of_the_same_stream() {
        let rst = "< 54 443 → 50000 [RST] Seq=1 Win=0 Len=0";
        let rows = [&OPENING[..], &["> 583 Client Hello", rst, "< 1514 Server Hello"]].concat();
        assert_eq!(place(&complete(&rows)[5]), (Some("443"), Some(1), Some(1448)));
    }

    #[test]
    fn rows_without_any_ports_are_one_stream() {
        let done = complete(&["> 583 Client Hello", "< 1509 Server Hello", "> 73 Alert"]);
        assert!(done.iter().all(|segment| segment.ports.is_none() && segment.seq.is_some()));
        assert_eq!(done[2].seq, Some(518));
    }

    #[test]
    fn after_a_syn_whose_answer_is_missing_an_acknowledgement_opens_the_stream() {
        let done = complete(&[OPENING[0], OPENING[2], "> 583 Client Hello"]);
        assert_eq!(place(&done[2]), (Some("50000"), Some(1), Some(517)));
    }
}
