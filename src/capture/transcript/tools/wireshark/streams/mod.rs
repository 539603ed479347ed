//! Which stream a row belongs to, and where in it.
//!
//! A row of a protocol above TCP has neither ports nor numbers, and its length is that of the frame. The rows of TCP around
//! it show them: it goes to the one stream between its two hosts, or to the one whose next acknowledgement or segment fits;
//! the frame's overhead is that of the side's other rows; its number is the one that comes next.

mod errors;
mod place;
#[cfg(test)]
mod script;
mod stream;
mod sums;

pub use self::stream::{MOST_HEADERS, Segment, Speaker};

use std::collections::{HashMap, VecDeque};

use foldhash::fast::RandomState;

use self::errors::Asked;
use self::stream::Stream;
use crate::limits::{TRANSCRIPT_CONVERSATIONS, TRANSCRIPT_HELD_ROWS};
use crate::packet::Flags;

/// Segments in the order of their rows, each given back once its stream is known.
#[derive(Debug, Default)]
pub struct Streams<T> {
    known: HashMap<Key, Stream, RandomState>,
    /// In the order of their first rows.
    order: VecDeque<Key>,
    /// The streams whose rows came last, the latest at the end.
    latest: VecDeque<Key>,
    /// SYNs in the order of their rows, without those that an error was about.
    asked: VecDeque<Asked>,
    /// The latest streams between two hosts.
    between: HashMap<[u32; 2], VecDeque<Key>, RandomState>,
    /// Hosts and ports by number.
    names: HashMap<String, u32, RandomState>,
    /// Rows from the first whose stream or place is not known yet, each with what goes with it.
    held: VecDeque<Held<T>>,
    /// How many rows were taken.
    clock: u64,
    /// Rows that could be of several streams, and nothing showed of which.
    pub guessed: u64,
}

/// Two hosts, and the port of each; 0 if it is not known.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
struct Key {
    hosts: [u32; 2],
    ports: [u32; 2],
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
    /// Where in this stream it is: after a gap.
    Place(Key, usize),
}

/// Names of hosts and ports that are numbered.
const MOST_NAMES: usize = 4 * TRANSCRIPT_CONVERSATIONS;

/// Streams between two hosts that a row without ports may belong to: the latest ones.
const CANDIDATES: usize = 64;

impl<T> Streams<T> {
    /// Takes the next row, which goes to a stream of TCP.
    pub fn take(&mut self, mut segment: Segment, item: T) {
        self.clock += 1;
        // A row has four names at most, and all of them are numbered in the same way.
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
            // Columns may show the ports of a row of a protocol above, which has no numbers.
            let is_above = segment.flags.is_none() && segment.seq.is_none() && segment.payload_len.is_none();
            let is_open = is_above && stream.follow(side, &mut segment);
            if !is_above {
                stream.take(side, &mut segment);
            }
            if segment.flags.is_some_and(|flags| flags.syn() && !flags.ack()) {
                self.asked.push_back(Asked { key, side, nanos: segment.nanos, row: self.clock });
                if self.asked.len() > CANDIDATES {
                    self.asked.pop_front();
                }
            }
            is_open.then_some(Unknown::Place(key, side))
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

    /// Whether there is a stream between these hosts.
    pub fn knows(&self, source: &str, destination: &str) -> bool {
        let ids = self.names.get(source).zip(self.names.get(destination));
        ids.is_some_and(|(source, destination)| {
            self.between.contains_key(&[*source.min(destination), *source.max(destination)])
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::script::{complete, place};
    use super::*;

    #[test]
    fn a_repeated_syn_is_followed_after_the_reset_of_an_older_connection() {
        let rows = [
            "> 74 50000 → 443 [SYN] Seq=0 Win=64240 Len=0 MSS=1460",
            "< 54 443 → 50000 [ACK] Seq=1 Ack=776777 Win=500 Len=0",
            "> 54 50000 → 443 [RST] Seq=776777 Win=0 Len=0",
            "> 74 [TCP Retransmission] 50000 → 443 [SYN] Seq=0 Win=64240 Len=0 MSS=1460",
            "< 58 443 → 50000 [SYN, ACK] Seq=0 Ack=1 Win=64240 Len=0 MSS=1460",
            "> 54 50000 → 443 [ACK] Seq=1 Ack=1 Win=64240 Len=0",
            "> 571 Client Hello",
            "< 1484 Server Hello",
        ];
        let done = complete(&rows);
        assert_eq!(place(&done[6]), (Some("50000"), Some(1), Some(517)));
        assert_eq!(place(&done[7]), (Some("443"), Some(1), Some(1430)));
    }

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
