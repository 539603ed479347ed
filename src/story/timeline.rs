//! A connection's packets for people: the beginning, the end, what is remarkable between, and folds for the rest.

use std::collections::VecDeque;

use super::samples::{Sample, Samples};
use super::{Moment, Silence, Stage};
use crate::limits;
use crate::packet::{IcmpError, Origin, SegmentHeader};
use crate::tcp::Role;
use crate::time::Elapsed;
use crate::tls::{AlertDescription, Basis, Prelude, PreludeStep, SizeReading};

/// The packets of a connection in order, long unremarkable stretches folded.
#[derive(Clone, Debug, Default)]
pub struct Timeline {
    head: Vec<Entry>,
    middle: Vec<Item>,
    tail: VecDeque<Entry>,
    remarkable: usize,
    /// What the packets between that are folded did to the streams.
    samples: Samples,
}

/// A line of the timeline, or several folded into one.
#[derive(Clone, Debug)]
pub enum Item {
    /// One packet.
    Packet(Box<Entry>),
    /// Packets that show nothing new one by one.
    Fold {
        /// How many.
        packets: u64,
        /// Payload bytes that they carried.
        bytes: u64,
        /// The first of them.
        first: Moment,
        /// The last of them.
        last: Moment,
    },
}

/// A packet of the timeline.
#[derive(Clone, Debug)]
pub struct Entry {
    /// Its number and time.
    pub moment: Moment,
    /// The file it came from and its number there.
    pub origin: Origin,
    /// What it was.
    pub seen: Seen,
    /// The notes on it, in order.
    pub notes: Vec<Note>,
}

/// What a timeline's packet was.
#[derive(Clone, Debug)]
pub enum Seen {
    /// A segment.
    Segment {
        /// Who sent it.
        role: Role,
        /// Its headers.
        header: Box<SegmentHeader>,
        /// The first bytes of its payload.
        excerpt: Box<[u8]>,
        /// Payload bytes that were captured.
        captured: u32,
    },
    /// An ICMP error, with the quoted packet's bytes apart.
    Icmp(Box<IcmpError<'static>>, Box<[u8]>),
}

/// Something worth knowing about a packet. The report writes the text.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Note {
    /// Before it nothing new was delivered for a while.
    Silence(Silence),
    /// It took the connection to a stage.
    Stage(Stage, Basis),
    /// It completes a round trip.
    RoundTrip(Elapsed),
    /// It is a retransmission, of that packet where it was captured.
    Retransmission(Option<u64>),
    /// It arrived after later ones.
    OutOfOrder,
    /// It is in the capture twice.
    DuplicateCapture(u64),
    /// Bytes of its sender are missing before it.
    Gap(u32),
    /// It acknowledges bytes that the capture never saw.
    AckedUnseen(u32),
    /// Payload bytes that the snaplen cut off.
    Cut(u32),
    /// A keep-alive probe.
    KeepAlive,
    /// A repeated acknowledgement.
    DuplicateAck,
    /// The receiver has no room.
    ZeroWindow,
    /// It belongs to an older connection between the same ports.
    PreviousConnection,
    /// A RST that the receiver ignores, or answers with a challenge ACK.
    IneffectiveReset,
    /// An alert; unknown if only its length shows that it is one.
    Alert(Option<AlertDescription>, Basis),
    /// An encrypted record of an alert's size.
    EncryptedAlert,
    /// An encrypted record of a close_notify's size.
    Closing,
    /// What the size of the client's flight fits.
    SizeReadings(Vec<SizeReading>),
    /// The client's data before the handshake is complete.
    EarlyData,
    /// A TLS 1.3 record of a KeyUpdate's size.
    KeyUpdate,
    /// A HelloRetryRequest.
    Retry,
    /// The first line of something that is not TLS, raw from the wire; empty for bytes that are not text.
    Plain(String),
    /// A step of what precedes TLS.
    Prelude(Prelude, PreludeStep),
    /// The opening carried data, or asked for a cookie to do so (TCP Fast Open).
    FastOpen,
    /// Both ends sent a SYN before either was answered.
    SimultaneousOpen,
    /// The number of further notes that its records would have.
    Further(u64),
}

impl Note {
    /// Whether it makes a packet worth keeping where others are folded.
    fn is_remarkable(&self) -> bool {
        !matches!(self, Self::RoundTrip(_) | Self::Cut(_) | Self::DuplicateAck | Self::DuplicateCapture(_))
    }
}

impl Timeline {
    /// The packet that was added last.
    pub fn last(&self) -> Option<&Entry> {
        self.tail.back().or_else(|| self.head.last())
    }

    /// Adds the next packet.
    pub fn add(&mut self, entry: Entry) {
        if self.head.len() < limits::TIMELINE_HEAD {
            self.head.push(entry);
            return;
        }
        self.tail.push_back(entry);
        if self.tail.len() <= limits::TIMELINE_TAIL {
            return;
        }
        let Some(oldest) = self.tail.pop_front() else { return };
        if self.remarkable < limits::TIMELINE_REMARKABLE && oldest.is_remarkable() {
            self.remarkable += 1;
            self.middle.push(Item::Packet(Box::new(oldest)));
            return;
        }
        if let Seen::Segment { role, header, .. } = &oldest.seen
            && oldest.is_in_the_streams()
        {
            self.samples.add(*role, || Sample::of(oldest.moment.at, header, oldest.is_retransmission()));
        }
        fold_into(&mut self.middle, &oldest);
    }

    /// From now on it keeps samples of the packets that it folds.
    pub(super) fn keep_samples(&mut self) {
        self.samples.keep();
    }

    /// The packets that it holds one by one, in order.
    pub fn entries(&self) -> impl Iterator<Item = &Entry> {
        let middle = self.middle.iter().filter_map(|item| match item {
            Item::Packet(entry) => Some(&**entry),
            Item::Fold { .. } => None,
        });
        self.head.iter().chain(middle).chain(&self.tail)
    }

    /// Samples of a side's packets that are folded.
    pub fn samples(&self, role: Role) -> &[Sample] {
        self.samples.of(role)
    }

    /// The lines in order. A run of more than `longest_run` unremarkable packets is one line, its ends kept.
    pub fn items(&self, longest_run: usize) -> Vec<Item> {
        let mut items: Vec<Item> = Vec::new();
        add_entries(&mut items, &self.head, longest_run);
        for item in &self.middle {
            match (item, items.last_mut()) {
                (
                    Item::Fold { packets, bytes, last, .. },
                    Some(Item::Fold { packets: folded, bytes: folded_bytes, last: folded_last, .. }),
                ) => {
                    *folded += packets;
                    *folded_bytes += bytes;
                    *folded_last = *last;
                }
                _ => items.push(item.clone()),
            }
        }
        add_entries(&mut items, &self.tail, longest_run);
        items
    }

    /// Packets that it holds one by one.
    pub fn len(&self) -> usize {
        self.head.len() + self.remarkable + self.tail.len()
    }

    /// Bytes of memory that it takes, estimated.
    pub(crate) fn held_bytes(&self) -> usize {
        self.len() * limits::TIMELINE_ENTRY_BYTES + self.samples.held_bytes()
    }

    /// Whether it holds no packet.
    pub fn is_empty(&self) -> bool {
        self.head.is_empty()
    }

    /// The packets that it holds one by one, to be changed.
    pub(crate) fn entries_mut(&mut self) -> impl Iterator<Item = &mut Entry> {
        let middle = self.middle.iter_mut().filter_map(|item| match item {
            Item::Packet(entry) => Some(&mut **entry),
            Item::Fold { .. } => None,
        });
        self.head.iter_mut().chain(middle).chain(&mut self.tail)
    }

    pub(super) fn swap_roles(&mut self) {
        for entry in self.entries_mut() {
            if let Seen::Segment { role, .. } = &mut entry.seen {
                *role = role.other();
            }
        }
        self.samples.swap_roles();
    }
}

/// Adds packets one by one where they are remarkable, and runs of others folded where they are long.
fn add_entries<'e>(items: &mut Vec<Item>, entries: impl IntoIterator<Item = &'e Entry>, longest_run: usize) {
    let mut run = Vec::new();
    for entry in entries {
        if entry.is_remarkable() {
            flush(items, &mut run, longest_run);
            items.push(Item::Packet(Box::new(entry.clone())));
        } else {
            run.push(entry);
        }
    }
    flush(items, &mut run, longest_run);
}

/// Adds a run of unremarkable packets, folded if it is long.
fn flush(items: &mut Vec<Item>, run: &mut Vec<&Entry>, longest_run: usize) {
    if run.len() <= longest_run {
        items.extend(run.drain(..).map(|entry| Item::Packet(Box::new(entry.clone()))));
    } else {
        let last = run.pop();
        let mut entries = run.drain(..);
        items.extend(entries.next().map(|entry| Item::Packet(Box::new(entry.clone()))));
        for entry in entries {
            fold_into(items, entry);
        }
        items.extend(last.map(|entry| Item::Packet(Box::new(entry.clone()))));
    }
}

fn fold_into(items: &mut Vec<Item>, entry: &Entry) {
    let len = match &entry.seen {
        Seen::Segment { header, .. } => u64::from(header.payload_len.unwrap_or(0)),
        Seen::Icmp(..) => 0,
    };
    if let Some(Item::Fold { packets, bytes, last, .. }) = items.last_mut() {
        *packets += 1;
        *bytes += len;
        *last = entry.moment;
    } else {
        items.push(Item::Fold { packets: 1, bytes: len, first: entry.moment, last: entry.moment });
    }
}

impl Entry {
    /// Whether it sends again what was sent before.
    pub fn is_retransmission(&self) -> bool {
        self.notes.iter().any(|note| matches!(note, Note::Retransmission(_)))
    }

    /// Whether its numbers say something about the streams: a copy, a probe, or a packet of an older connection says nothing new.
    pub fn is_in_the_streams(&self) -> bool {
        let is_other = |note: &Note| {
            matches!(note, Note::DuplicateCapture(_) | Note::PreviousConnection | Note::KeepAlive)
        };
        !self.notes.iter().any(is_other)
    }

    fn is_remarkable(&self) -> bool {
        let is_marked = match &self.seen {
            Seen::Icmp(..) => true,
            Seen::Segment { header, .. } => {
                header.tcp.flags.is_some_and(|flags| flags.syn() || flags.fin() || flags.rst())
            }
        };
        is_marked || self.notes.iter().any(Note::is_remarkable)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::story::script::talk::{self, Talk, exchange};
    use crate::tcp::Role::Server;

    fn download(packets: usize) -> Talk {
        (0..packets).fold(exchange(), |talk, _| talk.say(Server, &talk::data()))
    }

    /// Packets shown one by one, and those in folds.
    fn shown_and_folded(items: &[Item]) -> (u64, u64) {
        items.iter().fold((0, 0), |(shown, folded), item| match item {
            Item::Packet(_) => (shown + 1, folded),
            Item::Fold { packets, .. } => (shown, folded + packets),
        })
    }

    #[test]
    fn a_long_run_is_folded_between_its_ends_and_every_packet_is_counted() {
        let talk = download(20);
        let timeline = &talk.story(0).timeline;
        let (shown, folded) = shown_and_folded(&timeline.items(4));
        assert_eq!(shown + folded, talk.packets.len() as u64);
        assert!(folded > 10, "{folded}");
        let last = talk.packets.last().map(|packet| packet.id.moment);
        let items = timeline.items(4);
        let Some(Item::Packet(entry)) = items.last() else { panic!("{items:?}") };
        assert_eq!(Some(entry.moment), last);
        assert_eq!(shown_and_folded(&timeline.items(1_000)), (29, 0));
    }

    #[test]
    fn with_the_roles_each_packet_changes_sides_wherever_it_is_kept() {
        let mut timeline = download(500).story(0).timeline.clone();
        let roles = |timeline: &Timeline| -> Vec<Role> {
            let role = |entry: &Entry| match entry.seen {
                Seen::Segment { role, .. } => Some(role),
                Seen::Icmp(..) => None,
            };
            timeline.entries().filter_map(role).collect()
        };
        let before = roles(&timeline);
        timeline.swap_roles();
        assert!(before.len() > limits::TIMELINE_HEAD);
        assert!(before.iter().zip(roles(&timeline)).all(|(before, after)| before.other() == after));
    }

    #[test]
    fn what_is_kept_of_a_long_connection_is_bounded_and_its_end_is_there() {
        let talk = download(2_000).fin(Server);
        let timeline = &talk.story(0).timeline;
        assert!(
            timeline.len() <= limits::TIMELINE_HEAD + limits::TIMELINE_REMARKABLE + limits::TIMELINE_TAIL
        );
        let (shown, folded) = shown_and_folded(&timeline.items(4));
        assert_eq!(shown + folded, talk.packets.len() as u64);
        assert_eq!(
            timeline.last().map(|entry| entry.moment),
            talk.packets.last().map(|packet| packet.id.moment)
        );
    }
}
