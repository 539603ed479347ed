//! The connections being followed.

mod bounds;
pub(super) mod half_open;
mod index;
mod slots;

use std::collections::{BTreeMap, VecDeque};
use std::mem::size_of;
use std::sync::Arc;

use half_open::Embryo;
use index::Directory;
use slots::Places;

pub use bounds::Bounds;

use super::watch::{self, Watch};
use super::{Settings, roles};
use crate::limits;
use crate::packet::{IcmpError, Quoted, Segment};
use crate::story::{Builder, CaptureFacts, EndingKind, Moment, Opening, Place, Stage, Story};
use crate::tcp::{Connection, Delivery, Key, Role};
use crate::time::Timestamp;
use crate::tls::{CertificateMessage, Event, Message, Tracker};

/// Room that is kept for a segment's events; one of tiny records has thousands.
const EVENTS: usize = 64;

/// Connections looked through for an ICMP error that does not tell both ports.
const SEARCHED: usize = 1000;

/// What a connection takes in memory beside what [`Track::held_bytes`] counts: itself, its segments that are remembered,
/// its place in the table, and some small lists.
const TRACK_BYTES: usize = size_of::<Track>() + Connection::REMEMBERED_BYTES + EMBRYO_BYTES + 1024;

/// What a connection of which only the SYN was seen takes: its place, and its entry in a hash table that may be half empty.
const EMBRYO_BYTES: usize = size_of::<Slot>() + 2 * Directory::ENTRY_BYTES;

/// What all connections together hold, against the limits.
#[derive(Clone, Debug, Default)]
pub(super) struct Budget {
    /// Room for the events of one segment.
    events: Vec<Event>,
    /// Bytes of memory that connections take, estimated.
    memory: usize,
    /// Bytes that wait behind holes.
    waiting_bytes: usize,
    /// Packets that timelines keep.
    timeline_entries: usize,
    /// Bytes of handshake messages that are not complete.
    message_bytes: usize,
    /// How often a connection's holes were given up for want of room.
    pub(super) holes_given_up: u64,
    /// Connections whose timeline was not kept, or not to its end, for want of room.
    pub(super) timelines_given_up: u64,
    /// Handshake messages that were not kept for want of room.
    pub(super) messages_given_up: u64,
}

impl Budget {
    /// Notes how many bytes a connection holds behind holes, and held before. Tells whether it must let them go.
    fn must_give_holes_up(&mut self, waiting: usize, before: usize) -> bool {
        self.waiting_bytes = (self.waiting_bytes + waiting).saturating_sub(before);
        let is_too_much = self.waiting_bytes > limits::OUT_OF_ORDER_BYTES_IN_ALL;
        if is_too_much {
            self.waiting_bytes -= waiting;
            self.holes_given_up += 1;
        }
        is_too_much
    }

    /// Notes how many bytes of unfinished messages a connection holds, and held before. Tells whether it must let them go.
    fn must_give_messages_up(&mut self, held: usize, before: usize) -> bool {
        self.message_bytes = (self.message_bytes + held).saturating_sub(before);
        let is_too_much = held > before && self.message_bytes > limits::HANDSHAKE_BYTES_IN_ALL;
        if is_too_much {
            self.message_bytes -= held;
            self.messages_given_up += 1;
        }
        is_too_much
    }

    fn must_stop_timelines(&self) -> bool {
        self.timeline_entries >= limits::TIMELINE_ENTRIES_IN_ALL
    }

    /// A connection with a story begins.
    pub(super) fn begin(&mut self, track: &Track) {
        self.memory += TRACK_BYTES + track.held_bytes();
    }

    /// A connection begins of which only the SYN was seen.
    pub(super) fn begin_embryo(&mut self) {
        self.memory += EMBRYO_BYTES;
    }

    /// Such a one leaves, or goes on with a story.
    pub(super) fn release_embryo(&mut self) {
        self.memory = self.memory.saturating_sub(EMBRYO_BYTES);
    }

    /// Whether connections take more than they may.
    pub(super) fn is_exceeded(&self, bounds: &Bounds, live: usize) -> bool {
        live >= bounds.connections || self.memory > bounds.for_connections()
    }

    /// A connection leaves with what it held.
    pub(super) fn release(&mut self, track: &Track) {
        self.memory = self.memory.saturating_sub(TRACK_BYTES + track.held_bytes());
        self.waiting_bytes = self.waiting_bytes.saturating_sub(track.tcp.waiting_bytes());
        self.message_bytes = self.message_bytes.saturating_sub(track.tls.message_bytes());
        self.timeline_entries = self.timeline_entries.saturating_sub(track.story.so_far().timeline.len());
    }
}

/// One connection on its way through the chain.
#[derive(Debug)]
pub(super) struct Track {
    /// Its pair of sockets.
    pub(super) key: Key,
    pub(super) tcp: Connection,
    tls: Tracker,
    pub(super) story: Builder,
    /// What was said of it while its packets came.
    pub(super) watch: Watch,
    /// Whether its last segment completed a Certificate message.
    has_new_certificates: bool,
    /// Bytes that the lists of its ClientHello take.
    hello_bytes: usize,
}

impl Track {
    pub(super) fn new(place: Place, segment: &Segment<'_>, settings: &Settings) -> Self {
        let (role, opening) = roles::role_of_first(segment, &settings.tls_ports);
        let tcp = Connection::new(segment.header, role);
        let expects_tls = settings.tls_ports.contains(&tcp.ends.server.port);
        let stall_after = settings.judging.stall_after;
        let saw_beginning = matches!(opening, Opening::Syn | Opening::SynAck);
        Self {
            tls: Tracker::new(saw_beginning, expects_tls),
            story: Builder::new(place, &tcp, opening, expects_tls, stall_after, settings.keeps_timeline)
                .seen_from(settings.viewpoint),
            key: tcp.key(),
            tcp,
            watch: Watch::default(),
            has_new_certificates: false,
            hello_bytes: 0,
        }
    }

    /// What a connection becomes of which only the SYN was seen.
    pub(super) fn inflated(embryo: &Embryo, settings: &Settings, budget: &mut Budget) -> Self {
        let (place, header) = (embryo.place(), embryo.header());
        let segment = Segment { header: &header, payload: &[], printed: &[] };
        let mut track = Self::new(place, &segment, settings);
        budget.release_embryo();
        budget.begin(&track);
        track.segment(place, &segment, budget);
        track
    }

    /// Takes a segment in. `budget` says what all connections together may still hold.
    pub(super) fn segment(&mut self, place: Place, segment: &Segment<'_>, budget: &mut Budget) {
        self.find_true_roles(segment);
        let held = self.held_bytes();
        let (waiting, entries) = (self.tcp.waiting_bytes(), self.story.so_far().timeline.len());
        let message_bytes = self.tls.message_bytes();
        let mut events = std::mem::take(&mut budget.events);
        let tls = &mut self.tls;
        let mut deliver = |role: Role, delivery: Delivery<'_>| {
            tls.take(role, &delivery, &mut |event| events.push(event));
        };
        let reading = self.tcp.observe(place.moment.number, place.moment.at, segment, &mut deliver);
        if budget.must_give_holes_up(self.tcp.waiting_bytes(), waiting) {
            self.tcp.give_holes_up(&mut deliver);
        }
        if budget.must_give_messages_up(self.tls.message_bytes(), message_bytes) {
            self.tls.give_messages_up();
        }
        if budget.must_stop_timelines() && self.story.stop_timeline() {
            budget.timelines_given_up += 1;
        }
        self.has_new_certificates = false;
        for event in &events {
            match &event.message {
                Message::ClientHello(hello) if self.hello_bytes == 0 => self.hello_bytes = hello.held_bytes(),
                Message::Certificates(_) => self.has_new_certificates = true,
                _ => {}
            }
        }
        self.story.segment(place, &self.tcp, segment, &reading, &mut events);
        events.shrink_to(EVENTS);
        budget.events = events;
        budget.timeline_entries += self.story.so_far().timeline.len().saturating_sub(entries);
        budget.memory = (budget.memory + self.held_bytes()).saturating_sub(held);
    }

    /// Bytes of memory that it takes by what its packets brought: those that wait behind holes, a handshake message that is
    /// not complete, hellos, and the timeline.
    fn held_bytes(&self) -> usize {
        let story = self.story.so_far();
        let timeline = story.timeline.len() * limits::TIMELINE_ENTRY_BYTES;
        self.tcp.waiting_bytes() + self.tls.message_bytes() + self.hello_bytes + timeline
    }

    /// The capture's clock stepped before this packet: what was being measured is given up, and counts anew from here.
    pub(super) fn clock_stepped(&mut self, moment: Moment) {
        self.tcp.stop_timing();
        self.story.clock_stepped(moment);
    }

    /// The certificates that the last segment completed are replaced by what `share` makes of them.
    pub(super) fn share_certificates(
        &mut self,
        share: impl FnMut(&Arc<CertificateMessage>) -> Arc<CertificateMessage>,
    ) {
        if self.has_new_certificates {
            self.story.share_certificates(share);
        }
    }

    /// A ClientHello from what only its port made the server shows that the roles are the other way round.
    fn find_true_roles(&mut self, segment: &Segment<'_>) {
        if self.story.so_far().opening == Opening::Ports
            && self.story.so_far().tls.client_hello.is_none()
            && self.tcp.role_of(segment.header) == Role::Server
            && Tracker::is_client_hello(segment.payload)
        {
            self.tcp.swap_roles();
            self.tls.swap_roles();
            self.story.swap_roles();
        }
    }

    /// The story to its end. What waits behind a hole is no part of it: nobody can have read it in order.
    pub(super) fn finish(self, capture: CaptureFacts) -> Box<Story> {
        self.story.finish(&self.tcp, &self.tls, capture)
    }

    /// Takes in an ICMP error about one of its packets.
    pub(super) fn icmp(&mut self, place: Place, error: &IcmpError<'_>, budget: &mut Budget) {
        let client = &self.tcp.ends.client;
        let is_client = client.address == error.quoted.source
            && error.quoted.source_port.is_none_or(|port| port == client.port);
        let held = self.held_bytes();
        self.story.icmp(place, error, if is_client { Role::Client } else { Role::Server });
        budget.memory = (budget.memory + self.held_bytes()).saturating_sub(held);
    }

    /// The story as it would be if the capture ended now.
    pub(super) fn so_far(&self, capture: CaptureFacts) -> Box<Story> {
        self.story.clone().finish(&self.tcp, &self.tls, capture)
    }

    /// Whether neither end has anything more to say.
    pub(super) fn is_closed(&self) -> bool {
        let is_reset =
            |story: &Story| story.endings.iter().any(|ending| matches!(ending.what, EndingKind::Reset(_)));
        (self.tcp.ends.client.fin.is_some() && self.tcp.ends.server.fin.is_some())
            || is_reset(self.story.so_far())
    }

    /// Whether neither end has anything more to say, each knows it of the other, and no packet came for long enough.
    pub(super) fn is_settled(&self, now: Timestamp) -> bool {
        let story = self.story.so_far();
        let is_fin = self.tcp.ends.client.fin.is_some() && self.tcp.ends.server.fin.is_some();
        let is_acknowledged = story.is_all_acknowledged.client && story.is_all_acknowledged.server;
        let quiet = now - story.last.at;
        if is_fin {
            is_acknowledged && quiet >= watch::ACKNOWLEDGED
        } else {
            quiet >= watch::CLOSED && self.is_closed()
        }
    }

    /// How much is lost by judging this connection now: the lowest leave first.
    fn importance(&self) -> (bool, Stage) {
        let story = self.story.so_far();
        let is_over =
            story.endings.iter().any(|ending| matches!(ending.what, EndingKind::Fin | EndingKind::Reset(_)));
        (!is_over, story.stage)
    }
}

/// Connections by their pair of sockets.
#[derive(Debug, Default)]
pub(super) struct Table {
    /// A connection keeps its place as long as it is followed; free places are taken again.
    places: Places,
    free: Vec<u32>,
    current: Directory,
    /// The place that was found or taken last: packets come in bursts.
    latest: Option<usize>,
    live: usize,
    /// Connections that began since they were looked through last.
    begun: usize,
    /// Connections whose sockets a newer one took over.
    superseded: Vec<u32>,
    /// The places of those that began last.
    recent: VecDeque<u32>,
}

/// A place in the table.
#[derive(Debug, Default)]
pub(super) enum Slot {
    #[default]
    Free,
    /// A SYN, and nothing else yet.
    Embryo(Embryo),
    /// Boxed, since places of all kinds stand side by side.
    Track(Box<Track>),
}

/// A connection that is to leave, with the numbers of its first and its last packet then.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) struct Chosen {
    first: u64,
    last: u64,
    index: usize,
}

impl Slot {
    fn key(&self) -> Option<Key> {
        match self {
            Self::Free => None,
            Self::Embryo(embryo) => Some(embryo.key()),
            Self::Track(track) => Some(track.key),
        }
    }

    fn is_between(&self, key: &Key) -> bool {
        match self {
            Self::Free => false,
            Self::Embryo(embryo) => embryo.key() == *key,
            Self::Track(track) => track.key == *key,
        }
    }
}

/// A connection that leaves the table.
pub(super) enum Leaving {
    /// Nothing but its SYN was seen.
    Embryo(Embryo),
    /// It has a story.
    Track(Box<Track>),
}

impl Table {
    pub(super) fn find(&mut self, key: &Key) -> Option<usize> {
        if let Some(latest) = self.latest.filter(|latest| self.is_at(*latest, key)) {
            return Some(latest);
        }
        let found = self.look_up(key);
        self.latest = found.or(self.latest);
        found
    }

    fn look_up(&self, key: &Key) -> Option<usize> {
        self.current.find(key, |place| self.is_at(place as usize, key)).map(|place| place as usize)
    }

    pub(super) fn track(&self, index: usize) -> Option<&Track> {
        match self.places.get(index)? {
            Slot::Track(track) => Some(track),
            _ => None,
        }
    }

    pub(super) fn track_mut(&mut self, index: usize) -> Option<&mut Track> {
        match self.places.get_mut(index)? {
            Slot::Track(track) => Some(track),
            _ => None,
        }
    }

    /// Whether this is a connection of which only the SYN was seen.
    pub(super) fn embryo(&self, index: usize) -> Option<&Embryo> {
        match self.places.get(index)? {
            Slot::Embryo(embryo) => Some(embryo),
            _ => None,
        }
    }

    /// Gives a connection of which only the SYN was seen its story.
    pub(super) fn inflate(&mut self, index: usize, track: Track) {
        if let Some(place) = self.places.get_mut(index) {
            *place = Slot::Track(Box::new(track));
        }
    }

    /// Connections that are followed.
    pub(super) fn live(&self) -> usize {
        self.live
    }

    /// Adds a connection; an older one between the same sockets gets no more packets.
    pub(super) fn add(&mut self, key: Key, track: Track) -> usize {
        self.put(key, Slot::Track(Box::new(track)))
    }

    /// Adds a connection of which only the SYN was seen.
    pub(super) fn add_embryo(&mut self, key: Key, embryo: Embryo) {
        self.put(key, Slot::Embryo(embryo));
    }

    fn put(&mut self, key: Key, place: Slot) -> usize {
        let index = self.free.pop().unwrap_or_else(|| self.places.add() as u32);
        let is_at = |place: u32| self.places.get(place as usize).is_some_and(|slot| slot.is_between(&key));
        self.superseded.extend(self.current.enter(&key, index, is_at));
        self.latest = Some(index as usize);
        if let Some(free) = self.places.get_mut(index as usize) {
            *free = place;
        }
        self.live += 1;
        self.begun += 1;
        if self.recent.len() >= SEARCHED {
            self.recent.pop_front();
        }
        self.recent.push_back(index);
        index as usize
    }

    /// The connection whose packet an ICMP error quotes.
    pub(super) fn find_quoted(&self, quoted: &Quoted) -> Option<usize> {
        const TCP: u8 = 6;
        if quoted.protocol.is_some_and(|protocol| protocol != TCP) {
            return None;
        }
        if let (Some(source_port), Some(destination_port)) = (quoted.source_port, quoted.destination_port) {
            return self.look_up(&Key::between(
                (quoted.source, source_port),
                (quoted.destination, destination_port),
            ));
        }
        let fits = |index: &usize| {
            let ends = match self.places.get(*index) {
                Some(Slot::Track(track)) => {
                    let (client, server) = (&track.tcp.ends.client, &track.tcp.ends.server);
                    Some((client.address, (server.address, server.port)))
                }
                Some(Slot::Embryo(embryo)) => Some(embryo.ends()),
                _ => None,
            };
            ends.is_some_and(|(client, (server, port))| {
                client == quoted.source
                    && server == quoted.destination
                    && quoted.destination_port.is_none_or(|quoted| quoted == port)
            })
        };
        self.recent.iter().rev().map(|index| *index as usize).find(fits)
    }

    /// Slots of connections, taken or free.
    pub(super) fn places(&self) -> usize {
        self.places.len()
    }

    /// Takes a connection out.
    pub(super) fn take(&mut self, index: usize) -> Option<Leaving> {
        let (key, leaving) = match std::mem::take(self.places.get_mut(index)?) {
            Slot::Free => return None,
            Slot::Embryo(embryo) => (embryo.key(), Leaving::Embryo(embryo)),
            Slot::Track(track) => (track.key, Leaving::Track(track)),
        };
        self.latest = self.latest.filter(|latest| *latest != index);
        self.live -= 1;
        self.free.push(index as u32);
        self.current.strike(&key, index as u32);
        Some(leaving)
    }

    /// Whether so many connections began that it is worth looking for those that are over. Looking costs a look at each
    /// place, so it waits for as many new ones as half of the places are.
    pub(super) fn is_sweep_due(&self, bounds: &Bounds) -> bool {
        self.begun >= bounds.unsorted.min(bounds.connections / 4).max(self.places.len() / 2)
    }

    /// The connections of which nothing more is to come, in the order of their first packets.
    pub(super) fn over(&mut self, is_over: impl Fn(&Track) -> bool) -> Vec<usize> {
        self.begun = 0;
        let superseded = std::mem::take(&mut self.superseded).into_iter().map(|index| index as usize);
        // It may have left in the meantime, and another have its place.
        let superseded =
            superseded.filter(|index| self.key(*index).is_some_and(|key| self.look_up(&key) != Some(*index)));
        let over = self.places.iter().enumerate();
        let over = over.filter(|(_, place)| matches!(place, Slot::Track(track) if is_over(track)));
        let places = over.map(|(index, _)| index).chain(superseded);
        in_order(places.filter_map(|index| self.numbered(index)).collect())
    }

    /// The least important of the connections, a quarter of them, in the order of their first packets: enough to make room
    /// for a while, and few enough that attempts which were just made stay until their silence tells.
    pub(super) fn least_important(&self) -> VecDeque<Chosen> {
        let importance = |place: &Slot| match place {
            Slot::Free => None,
            Slot::Embryo(_) => Some((true, Stage::Syn)),
            Slot::Track(track) => Some(track.importance()),
        };
        let mut wanted = self.live.div_ceil(4);
        let mut levels = BTreeMap::<_, Vec<_>>::new();
        for (index, place) in self.places.iter().enumerate() {
            if let Some(importance) = importance(place) {
                levels.entry(importance).or_default().extend(self.chosen(index));
            }
        }
        let mut chosen = Vec::with_capacity(wanted);
        for mut level in levels.into_values() {
            if wanted < level.len() {
                // The oldest of them.
                level.select_nth_unstable(wanted);
                level.truncate(wanted);
            }
            wanted -= level.len();
            chosen.extend(level);
        }
        chosen.sort_unstable();
        chosen.into()
    }

    /// The place of a connection that was chosen, if no packet of it came since.
    pub(super) fn still(&self, chosen: &Chosen) -> Option<usize> {
        (self.chosen(chosen.index).as_ref() == Some(chosen)).then_some(chosen.index)
    }

    fn chosen(&self, index: usize) -> Option<Chosen> {
        let (first, last) = match self.places.get(index)? {
            Slot::Free => return None,
            Slot::Embryo(embryo) => (embryo.number(), embryo.number()),
            Slot::Track(track) => {
                let story = track.story.so_far();
                (story.first.number, story.last.number)
            }
        };
        Some(Chosen { first, last, index })
    }

    /// All connections, in the order of their first packets.
    pub(super) fn all(&self) -> Vec<usize> {
        in_order((0..self.places.len()).filter_map(|index| self.numbered(index)).collect())
    }

    fn key(&self, index: usize) -> Option<Key> {
        self.places.get(index)?.key()
    }

    fn is_at(&self, index: usize, key: &Key) -> bool {
        self.places.get(index).is_some_and(|slot| slot.is_between(key))
    }

    /// A place that is taken, behind the number of its connection's first packet.
    fn numbered(&self, index: usize) -> Option<(u64, usize)> {
        let first = match self.places.get(index)? {
            Slot::Free => return None,
            Slot::Embryo(embryo) => embryo.number(),
            Slot::Track(track) => track.story.so_far().first.number,
        };
        Some((first, index))
    }
}

/// Slots in the order of the numbers before them, each once.
fn in_order(mut numbered: Vec<(u64, usize)>) -> Vec<usize> {
    numbered.sort_unstable();
    numbered.dedup();
    numbered.into_iter().map(|(_, index)| index).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::story::script::talk::{self, Talk};

    fn track(talk: &Talk) -> (Key, Track) {
        let settings = Settings::default();
        let mut track = Track::new(talk.packets[0].place, &talk.packets[0].segment(), &settings);
        for packet in &talk.packets {
            track.segment(packet.place, &packet.segment(), &mut Budget::default());
        }
        (Key::of(&talk.packets[0].header), track)
    }

    #[test]
    fn the_least_informative_connections_leave_a_full_table() {
        let talking = |port| Talk::to_port(port).open().say(Role::Client, &talk::client_hello());
        let mut table = Table::default();
        for talk in [
            talking(1),
            Talk::to_port(2).syn(),
            talking(3).fin(Role::Client),
            Talk::to_port(4).syn().syn_ack(),
        ] {
            let (key, track) = track(&talk);
            table.add(key, track);
        }
        let leave = |table: &mut Table, places: Vec<usize>| -> Vec<u16> {
            let taken = places.into_iter().filter_map(|index| table.take(index));
            let port = |leaving| match leaving {
                Leaving::Track(track) => track.tcp.ends.server.port,
                Leaving::Embryo(embryo) => embryo.ends().1.1,
            };
            taken.map(port).collect()
        };
        let least = |table: &Table| -> Vec<usize> {
            table.least_important().iter().filter_map(|chosen| table.still(chosen)).collect()
        };
        let first = least(&table);
        assert_eq!(leave(&mut table, first), [3]);
        let chosen = table.least_important();
        let second = least(&table);
        assert_eq!(leave(&mut table, second), [2]);
        assert_eq!(table.still(&chosen[0]), None);
        let all = table.all();
        assert_eq!(leave(&mut table, all), [1, 4]);
        assert_eq!(table.live(), 0);
    }

    #[test]
    fn bytes_behind_holes_are_let_go_when_all_connections_hold_too_many() {
        let mut budget = Budget::default();
        assert!(!budget.must_give_holes_up(limits::OUT_OF_ORDER_BYTES_IN_ALL, 0));
        assert!(budget.must_give_holes_up(10, 0));
        assert!(!budget.must_give_holes_up(0, 10));
        assert_eq!(budget.holes_given_up, 1);
    }

    #[test]
    fn unfinished_messages_are_let_go_when_all_connections_hold_too_many() {
        let certificate = [22, 3, 3, 0x40, 0, 11, 0, 0x3f, 0xff, 0, 0, 0];
        let talk = Talk::to_port(8443).open().say(Role::Client, &talk::client_hello());
        let talk = talk.say(Role::Server, &talk::server_flight()[..49]).say(Role::Server, &certificate);
        let mut track = Track::new(talk.packets[0].place, &talk.packets[0].segment(), &Settings::default());
        let mut budget = Budget { message_bytes: limits::HANDSHAKE_BYTES_IN_ALL, ..Budget::default() };
        for packet in &talk.packets {
            track.segment(packet.place, &packet.segment(), &mut budget);
        }
        assert_eq!(budget.messages_given_up, 1);
        assert!(track.tls.message_bytes() < certificate.len());
        // It is followed by its length all the same.
        assert_eq!(track.tls.unfinished_certificate(), Some((0x4003, 7)));
    }

    #[test]
    fn timelines_end_when_all_together_hold_too_many_packets() {
        let talk = Talk::to_port(8443).open();
        let mut track = Track::new(talk.packets[0].place, &talk.packets[0].segment(), &Settings::default());
        let full = Budget { timeline_entries: limits::TIMELINE_ENTRIES_IN_ALL, ..Budget::default() };
        let mut budgets = [Budget::default(), full.clone(), full];
        for (packet, budget) in talk.packets.iter().zip(&mut budgets) {
            track.segment(packet.place, &packet.segment(), budget);
        }
        assert_eq!(track.story.so_far().timeline.len(), 1);
        assert_eq!(budgets.map(|budget| budget.timelines_given_up), [0, 1, 0]);
    }
}
