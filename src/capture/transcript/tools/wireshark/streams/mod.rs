//! Which stream a row belongs to, and where in it.
//!
//! A row of a protocol above TCP has neither ports nor numbers, and its length is that of the frame. The rows of TCP around
//! it show them: it goes to the one stream between its two hosts, or to the one whose next acknowledgement or segment fits;
//! the frame's overhead is that of the side's other rows; its number is the one that comes next.

mod stream;
mod sums;

pub use self::stream::{Segment, Speaker};

use std::collections::{HashMap, VecDeque};

use self::stream::Stream;
use self::sums::{MOST_PAYLOAD, adding_up};
use crate::limits::{TRANSCRIPT_CONVERSATIONS, TRANSCRIPT_HELD_ROWS};
use crate::packet::Flags;

/// Segments in the order of their rows, each given back once its stream is known.
#[derive(Debug, Default)]
pub struct Streams<T> {
    known: HashMap<Key, Stream>,
    /// In the order of their first rows.
    order: VecDeque<Key>,
    /// The streams whose rows came last, the latest at the end.
    latest: VecDeque<Key>,
    /// SYNs in the order of their rows, without those that an error was about.
    asked: VecDeque<Asked>,
    /// The latest streams between two hosts.
    between: HashMap<[u32; 2], VecDeque<Key>>,
    /// Hosts and ports by number.
    names: HashMap<String, u32>,
    /// Rows from the first whose stream or place is not known yet, each with what goes with it.
    held: VecDeque<Held<T>>,
    /// How many rows were taken.
    clock: u64,
    /// Rows that could be of several streams, and nothing showed of which.
    pub guessed: u64,
}

/// Two hosts, and the port of each; 0 where it is not known.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
struct Key {
    hosts: [u32; 2],
    ports: [u32; 2],
}

/// A SYN of one side of a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Asked {
    key: Key,
    side: usize,
    nanos: Option<i64>,
    row: u64,
}

#[derive(Debug)]
struct Held<T> {
    segment: Segment,
    item: T,
    hosts: [u32; 2],
    /// The sender's side; not known between equal hosts.
    side: Option<usize>,
    /// What is still to be found out.
    awaits: Option<Unknown>,
}

/// What a row leaves open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Unknown {
    /// Which of several streams it belongs to.
    Stream,
    /// Where in this stream it is: behind a gap.
    Place(Key, usize),
}

/// An error of a router or a firewall comes within a round trip.
const AT_ONCE: i64 = 200_000_000;

/// That of a host whose neighbour does not answer comes when it has asked for it three times, once a second (RFC 4861, 7.2.2).
const NEIGHBOUR_FAILS: i64 = 4_000_000_000;

/// Names of hosts and ports that are numbered.
const MOST_NAMES: usize = 4 * TRANSCRIPT_CONVERSATIONS;

/// Streams between two hosts that a row without ports may belong to: the latest ones.
const CANDIDATES: usize = 64;

impl<T> Streams<T> {
    /// Takes the next row, which goes to a stream of TCP.
    pub fn take(&mut self, mut segment: Segment, item: T) {
        self.clock += 1;
        // A row has four names at most, and all of them are numbered alike.
        if self.names.len() + 4 > MOST_NAMES {
            self.begin_capture();
        }
        let mut hosts = [self.id(&segment.source), self.id(&segment.destination)];
        let mut side = usize::from(hosts[0] > hosts[1]);
        let is_same_host = hosts[0] == hosts[1];
        let awaits = if let Some((source, destination)) = &segment.ports {
            let ports = [self.id(source), self.id(destination)];
            if is_same_host {
                // Between equal hosts the ports alone distinguish the sides.
                side = usize::from(ports[0] > ports[1]);
            }
            let in_order = |[one, other]: [u32; 2]| if side == 0 { [one, other] } else { [other, one] };
            let key = Key { hosts: in_order(hosts), ports: in_order(ports) };
            hosts = key.hosts;
            self.settle(key, side, &segment);
            let stream = self.touch(key, side, &segment);
            stream.ports.get_or_insert_with(|| {
                if side == 0 {
                    [source.clone(), destination.clone()]
                } else {
                    [destination.clone(), source.clone()]
                }
            });
            stream.take(side, &mut segment);
            if segment.flags.is_some_and(|flags| flags.syn() && !flags.ack()) {
                self.asked.push_back(Asked { key, side, nanos: segment.nanos, row: self.clock });
                if self.asked.len() > CANDIDATES {
                    self.asked.pop_front();
                }
            }
            None
        } else {
            hosts.sort_unstable();
            self.place(hosts, Some(side).filter(|_| !is_same_host), &mut segment)
        };
        self.hold(Held { segment, item, hosts, side: Some(side).filter(|_| !is_same_host), awaits });
    }

    /// Takes a row that is of no stream and keeps its place in the order.
    pub fn pass(&mut self, item: T) {
        self.hold(Held { segment: Segment::default(), item, hosts: [0; 2], side: None, awaits: None });
    }

    fn hold(&mut self, held: Held<T>) {
        self.held.push_back(held);
        if self.held.len() > TRANSCRIPT_HELD_ROWS {
            self.give_up_first();
        }
    }

    /// The next row whose stream is known.
    pub fn next(&mut self) -> Option<(Segment, T)> {
        self.held.front().filter(|held| held.awaits.is_none())?;
        self.held.pop_front().map(|held| (held.segment, held.item))
    }

    /// No further rows come for now: what is not known is guessed.
    pub fn flush(&mut self) {
        while self.held.iter().any(|held| held.awaits.is_some()) {
            self.give_up_first();
        }
    }

    /// Forgets all streams: another capture begins.
    pub fn begin_capture(&mut self) {
        self.flush();
        self.known.clear();
        self.order.clear();
        self.between.clear();
        self.latest.clear();
        self.asked.clear();
        self.names.clear();
    }

    fn id(&mut self, name: &str) -> u32 {
        if let Some(id) = self.names.get(name) {
            return *id;
        }
        let id = self.names.len() as u32 + 1;
        self.names.insert(name.to_owned(), id);
        id
    }

    /// The stream of this key; one that was known by its hosts alone gets its ports, unless a SYN shows that it is another.
    fn stream(&mut self, key: Key, is_new: bool) -> &mut Stream {
        if !self.known.contains_key(&key) {
            let nameless = Key { ports: [0; 2], ..key };
            let stream = if is_new { None } else { self.known.remove(&nameless) }.unwrap_or_default();
            if self.order.len() >= TRANSCRIPT_CONVERSATIONS
                && let Some(oldest) = self.order.pop_front()
            {
                self.forget(&oldest);
            }
            self.order.push_back(key);
            let latest = self.between.entry(key.hosts).or_default();
            if !is_new {
                latest.retain(|known| *known != nameless);
            }
            latest.push_back(key);
            if latest.len() > CANDIDATES {
                latest.pop_front();
            }
            self.known.insert(key, stream);
        }
        self.known.entry(key).or_default()
    }

    /// Forgets a stream, and its hosts with the last one between them.
    fn forget(&mut self, key: &Key) {
        self.known.remove(key);
        if let Some(between) = self.between.get_mut(&key.hosts) {
            between.retain(|known| known != key);
            if between.is_empty() {
                self.between.remove(&key.hosts);
            }
        }
    }

    /// The stream of this key, which a row of this side came for.
    fn touch(&mut self, key: Key, side: usize, segment: &Segment) -> &mut Stream {
        if self.latest.back() != Some(&key) {
            self.latest.retain(|known| *known != key);
            self.latest.push_back(key);
            if self.latest.len() > CANDIDATES {
                self.latest.pop_front();
            }
        }
        let clock = self.clock;
        let is_new = segment.flags.is_some_and(Flags::syn);
        let stream = self.stream(key, is_new);
        stream.used = clock;
        let (source, destination) = (segment.source.as_str(), segment.destination.as_str());
        let hosts = if side == 0 { [source, destination] } else { [destination, source] };
        for (known, host) in stream.hosts.iter_mut().zip(hosts) {
            if known != host {
                host.clone_into(known);
            }
        }
        stream
    }

    /// The packet that an error to `host` is about, where no other can be meant: a SYN that was not answered, of several to one
    /// target the first, or if `is_data` what was not acknowledged. Its target, source port and destination port.
    pub fn unanswered(
        &mut self,
        host: &str,
        nanos: Option<i64>,
        is_data: bool,
    ) -> Option<(String, Option<(String, String)>)> {
        let Self { known, latest, asked, .. } = self;
        let end = |(key, side): &(Key, usize)| {
            let stream = known.get(key).filter(|stream| stream.hosts[*side] == host)?;
            Some((stream.hosts[1 - side].clone(), stream.ports_of(*side)))
        };
        if is_data {
            let unacknowledged =
                latest.iter().rev().flat_map(|key| [(*key, 0), (*key, 1)]).filter(|(key, side)| {
                    known.get(key).is_some_and(|stream| stream.is_unanswered(*side) && !stream.is_over())
                });
            let mut found = unacknowledged.filter_map(|asked| end(&asked));
            let first = found.next()?;
            return found.all(|(target, _)| target == first.0).then_some(first);
        }
        let waits = |asked: &&Asked| {
            known
                .get(&asked.key)
                .is_some_and(|stream| stream.hosts[asked.side] == host && stream.is_unanswered(asked.side))
        };
        let within = |most: i64| {
            let is_recent =
                move |asked: &&Asked| nanos.zip(asked.nanos).is_none_or(|(now, then)| now - then <= most);
            asked.iter().filter(waits).filter(is_recent)
        };
        let mut candidates = within(AT_ONCE).collect::<Vec<_>>();
        if candidates.is_empty() {
            candidates = within(NEIGHBOUR_FAILS).collect();
        }
        let first = **candidates.first()?;
        let (target, ports) = end(&(first.key, first.side))?;
        let is_only = candidates
            .iter()
            .all(|asked| end(&(asked.key, asked.side)).is_some_and(|(other, _)| other == target));
        if !is_only {
            return None;
        }
        asked.retain(|asked| *asked != first);
        Some((target, ports))
    }

    /// Whether there is a stream between these hosts.
    pub fn knows(&self, source: &str, destination: &str) -> bool {
        let ids = self.names.get(source).zip(self.names.get(destination));
        ids.is_some_and(|(source, destination)| {
            self.between.contains_key(&[*source.min(destination), *source.max(destination)])
        })
    }

    /// Puts a row without ports to its stream; what is not known yet stays open.
    fn place(&mut self, hosts: [u32; 2], side: Option<usize>, segment: &mut Segment) -> Option<Unknown> {
        let mut fitting = self.fitting(hosts, side, segment);
        let found = match (fitting.next(), fitting.next()) {
            (Some(only), None) => Some(only),
            // What comes behind the end repeats something, unless it begins something: then the connection's other rows are not there yet.
            (None, _) if !self.begins_other(hosts, segment) => self.latest_between(hosts).zip(side),
            _ => None,
        };
        drop(fitting);
        // Of no stream so far, or of one of several.
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

    /// Whether a row behind the end of all streams between two hosts is of another one: its words open a handshake, or it follows such
    /// a row.
    fn begins_other(&self, hosts: [u32; 2], segment: &Segment) -> bool {
        let is_repeat = segment.analysis.is_retransmission || segment.analysis.is_out_of_order;
        let is_waiting =
            || self.held.iter().any(|held| held.hosts == hosts && held.awaits == Some(Unknown::Stream));
        let opens = matches!(segment.speaker, Some(Speaker::ClientFirst | Speaker::ServerFirst));
        !is_repeat && (opens || is_waiting())
    }

    fn latest_between(&self, hosts: [u32; 2]) -> Option<Key> {
        let keys = self.between.get(&hosts).into_iter().flatten();
        keys.max_by_key(|key| self.known.get(key).map(|stream| stream.used)).copied()
    }

    /// Looks whether a row with ports, which was not taken yet, shows where held rows belong.
    fn settle(&mut self, key: Key, shown_side: usize, shown: &Segment) {
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

    /// The first row that is held and not known is guessed: it goes to the stream that was used last, or is a stream's whose
    /// ports no row shows.
    fn give_up_first(&mut self) {
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
    use proptest::prelude::*;

    use super::stream::INCARNATION;
    use super::*;
    use crate::capture::transcript::tools::wireshark::info::Info;

    #[test]
    fn streams_and_pairs_of_hosts_are_bounded() {
        let mut streams = Streams::default();
        for number in 0..2 * TRANSCRIPT_CONVERSATIONS {
            let segment = Segment {
                source: format!("host-{number}"),
                destination: "server".to_owned(),
                ports: Some(("40000".to_owned(), "443".to_owned())),
                flags: Flags::from_letters("S"),
                ..Segment::default()
            };
            streams.take(segment, ());
            while streams.next().is_some() {}
        }
        assert_eq!(streams.known.len(), TRANSCRIPT_CONVERSATIONS);
        assert_eq!(streams.between.len(), TRANSCRIPT_CONVERSATIONS);
        assert!(streams.names.len() <= MOST_NAMES && streams.order.len() <= TRANSCRIPT_CONVERSATIONS);
    }

    /// Rows as `SIDE LENGTH INFO`, where `>` is a row of the client; those without ports have none in their info.
    fn complete(rows: &[&str]) -> Vec<Segment> {
        let mut streams = Streams::default();
        let mut done = Vec::new();
        for row in rows {
            let (side, rest) = row.split_at(1);
            let (len, info) = rest.trim().split_once(' ').expect("a length");
            let info = Info::parse(info);
            let (source, destination) =
                if side == ">" { ("192.0.2.1", "198.51.100.5") } else { ("198.51.100.5", "192.0.2.1") };
            let segment = Segment {
                source: source.to_owned(),
                destination: destination.to_owned(),
                ports: info.ports.map(|(source, destination)| (source.to_owned(), destination.to_owned())),
                flags: info.flags,
                seq: info.seq,
                ack: info.ack,
                window: info.window,
                payload_len: info.payload_len,
                frame_len: len.parse().ok(),
                options: info.options,
                analysis: info.analysis,
                speaker: crate::capture::transcript::tools::wireshark::above::speaker("TLSv1.2", info.rest),
                nanos: None,
            };
            streams.take(segment, ());
            done.extend(std::iter::from_fn(|| streams.next()).map(|(segment, ())| segment));
        }
        streams.flush();
        done.extend(std::iter::from_fn(|| streams.next()).map(|(segment, ())| segment));
        assert_eq!(done.len(), rows.len());
        done
    }

    fn place(segment: &Segment) -> (Option<&str>, Option<u32>, Option<u32>) {
        (segment.ports.as_ref().map(|(source, _)| source.as_str()), segment.seq, segment.payload_len)
    }

    const OPENING: [&str; 3] = [
        "> 74 50000 → 443 [SYN] Seq=0 Win=64240 Len=0 MSS=1460 SACK_PERM TSval=1 TSecr=0 WS=128",
        "< 74 443 → 50000 [SYN, ACK] Seq=0 Ack=1 Win=65160 Len=0 MSS=1460 SACK_PERM TSval=1 TSecr=1 WS=256",
        "> 66 50000 → 443 [ACK] Seq=1 Ack=1 Win=64256 Len=0 TSval=1 TSecr=1",
    ];

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
    fn the_handshake_alone_tells_the_overhead() {
        for (syn, answer, hello) in [
            (
                "> 74 50000 → 443 [SYN] Seq=0 Win=1 Len=0 MSS=1460 SACK_PERM TSval=1 TSecr=0 WS=128",
                "TSval=1 TSecr=1",
                583,
            ),
            ("> 74 50000 → 443 [SYN] Seq=0 Win=1 Len=0 MSS=1460 SACK_PERM TSval=1 TSecr=0 WS=128", "", 571),
            ("> 66 50000 → 443 [SYN] Seq=0 Win=1 Len=0 MSS=1460 WS=256 SACK_PERM", "", 571),
            ("> 62 50000 → 443 [SYN] Seq=0 Win=1 Len=0 MSS=1460 SACK_PERM", "", 571),
            ("> 46 50000 → 443 [SYN] Seq=0 Win=1 Len=0 MSS=1460", "", 559),
        ] {
            let answer = format!("< 90 443 → 50000 [SYN, ACK] Seq=0 Ack=1 Win=1 Len=0 {answer}");
            let done = complete(&[syn, &answer, &format!("> {hello} Client Hello")]);
            assert_eq!(done[2].payload_len, Some(517), "{syn}");
        }
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
    fn lengths_of_several_streams_are_told_apart() {
        let candidates = [(0, 1448), (1, 300), (2, 1448), (3, 200)];
        assert_eq!(adding_up(&candidates, 300), [1]);
        assert_eq!(adding_up(&candidates, 1748), [0, 1]);
        assert_eq!(adding_up(&candidates, 500), [1, 3]);
        assert!(adding_up(&candidates, 7).is_empty());
    }

    #[test]
    fn a_row_behind_a_gap_is_placed_by_the_acknowledgement_of_it_alone() {
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
    fn a_reused_pair_of_ports_gets_other_numbers() {
        let rows = [
            OPENING[0],
            "< 54 443 → 50000 [RST, ACK] Seq=1 Ack=1 Win=0 Len=0",
            "> 74 [TCP Port numbers reused] 50000 → 443 [SYN] Seq=0 Win=1 Len=0",
            "< 54 443 → 50000 [RST, ACK] Seq=1 Ack=1 Win=0 Len=0",
            "> 74 [TCP Retransmission] [TCP Port numbers reused] 50000 → 443 [SYN] Seq=0 Win=1 Len=0",
        ];
        let done = complete(&rows);
        let numbers: Vec<_> = done.iter().map(|segment| (segment.seq, segment.ack)).collect();
        let again = INCARNATION;
        assert_eq!(
            numbers,
            [
                (Some(0), None),
                (Some(1), Some(1)),
                (Some(again), None),
                (Some(again + 1), Some(again + 1)),
                (Some(again), None)
            ]
        );
    }

    #[test]
    fn an_error_is_about_the_first_of_the_latest_syns_to_one_target() {
        let mut streams = Streams::default();
        let take = |streams: &mut Streams<()>, target: &str, port: &str, nanos: i64| {
            let segment = Segment {
                source: "192.0.2.1".to_owned(),
                destination: target.to_owned(),
                ports: Some((port.to_owned(), "443".to_owned())),
                flags: Some(Flags(Flags::SYN)),
                seq: Some(0),
                nanos: Some(nanos),
                ..Segment::default()
            };
            streams.take(segment, ());
        };
        let second = 1_000_000_000;
        let port = |streams: &mut Streams<()>, nanos: i64| {
            let (_, ports) = streams.unanswered("192.0.2.1", Some(nanos), false)?;
            ports.map(|(source, _)| source)
        };
        assert_eq!(port(&mut streams, 0), None);
        take(&mut streams, "198.51.100.5", "50000", 0);
        take(&mut streams, "198.51.100.5", "50001", 1);
        take(&mut streams, "198.51.100.5", "50002", 10 * second);
        take(&mut streams, "198.51.100.5", "50003", 10 * second);
        assert_eq!(port(&mut streams, 10 * second).as_deref(), Some("50002"));
        assert_eq!(port(&mut streams, 10 * second).as_deref(), Some("50003"));
        assert_eq!(port(&mut streams, 10 * second), None, "the others are too old");
        take(&mut streams, "198.51.100.5", "50004", 20 * second);
        take(&mut streams, "198.51.100.6", "50005", 20 * second);
        assert_eq!(port(&mut streams, 23 * second), None, "one of two targets");
    }

    #[test]
    fn a_repeated_syn_whose_row_was_cut_is_one() {
        let done = complete(&[OPENING[0], "> 74 [TCP Retransmission]", "> 66 [TCP Retransmission]"]);
        assert_eq!(
            (done[1].flags, done[1].seq, done[1].payload_len),
            (Some(Flags(Flags::SYN)), Some(0), Some(0))
        );
        assert_eq!(done[2].flags, Some(Flags(Flags::ACK)));
    }

    #[test]
    fn rows_before_the_first_with_ports_are_of_its_stream() {
        let done = complete(&["< 116 Server Hello", "> 54 50000 → 443 [ACK] Seq=93 Ack=4351 Win=902 Len=0"]);
        assert_eq!(place(&done[0]), (Some("443"), Some(4351 - 62), Some(62)));
        let done = complete(&["> 583 Client Hello", OPENING[0]]);
        assert_eq!(place(&done[0]), (None, Some(1), Some(517)));
    }

    #[test]
    fn rows_without_any_ports_are_one_stream() {
        let done = complete(&["> 583 Client Hello", "< 1509 Server Hello", "> 73 Alert"]);
        assert!(done.iter().all(|segment| segment.ports.is_none() && segment.seq.is_some()));
        assert_eq!(done[2].seq, Some(518));
    }

    proptest! {
        #[test]
        fn any_rows_are_completed_in_order(rows: Vec<(u8, u8, u16, u16)>) {
            let words = ["", "[TCP Retransmission] ", "[TCP Previous segment not captured] ", "[TCP Out-Of-Order] "];
            let rows: Vec<String> = rows
                .iter()
                .map(|(kind, port, seq, ack)| {
                    let side = if kind & 1 == 0 { ">" } else { "<" };
                    let word = words[usize::from(kind >> 1 & 3)];
                    let len = seq / 16;
                    match kind >> 3 & 3 {
                        0 => format!("{side} {ack} {word}Client Hello"),
                        1 => format!("{side} 60 {word}{port} → 443 [SYN] Seq={seq} Len=0"),
                        2 => format!("{side} 60 {word}{port} → 443 [FIN, ACK] Seq={seq} Ack={ack} Len={len}"),
                        _ => format!("{side} 90 {word}443 → {port} [ACK] Seq={seq} Ack={ack} Len={len} SLE={ack} SRE={seq}"),
                    }
                })
                .collect();
            let rows: Vec<&str> = rows.iter().map(String::as_str).collect();
            let _ = complete(&rows);
        }
    }
}
