//! The connections being followed.

use std::collections::HashMap;
use std::sync::Arc;

use super::watch::Watch;
use super::{Settings, opening};
use crate::limits;
use crate::packet::{Quoted, Segment};
use crate::story::{Builder, CaptureFacts, EndingKind, Moment, Opening, Place, Stage, Story};
use crate::tcp::{Connection, Delivery, Key, Role};
use crate::tls::{CertificateMessage, Event, Message, Tracker};

/// What all connections together hold, against the limits.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Budget {
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

    /// A connection leaves with what it held.
    pub(super) fn release(&mut self, track: &Track) {
        self.waiting_bytes = self.waiting_bytes.saturating_sub(track.tcp.waiting_bytes());
        self.message_bytes = self.message_bytes.saturating_sub(track.tls.message_bytes());
        self.timeline_entries = self.timeline_entries.saturating_sub(track.story.so_far().timeline.len());
    }
}

/// One connection on its way through the chain.
#[derive(Debug)]
pub(super) struct Track {
    pub(super) tcp: Connection,
    tls: Tracker,
    pub(super) story: Builder,
    /// What was said of it while its packets came.
    pub(super) watch: Watch,
    events: Vec<Event>,
}

impl Track {
    pub(super) fn new(place: Place, segment: &Segment<'_>, settings: &Settings) -> Self {
        let (role, opening) = opening::role_of_first(segment, &settings.tls_ports);
        let tcp = Connection::new(&segment.header, role);
        let expects_tls = settings.tls_ports.contains(&tcp.ends.server.port);
        let stall_after = settings.judging.stall_after;
        let saw_beginning = matches!(opening, Opening::Syn | Opening::SynAck);
        Self {
            tls: Tracker::new(saw_beginning, expects_tls),
            story: Builder::new(place, &tcp, opening, expects_tls, stall_after, settings.keeps_timeline)
                .seen_from(settings.viewpoint),
            tcp,
            watch: Watch::default(),
            events: Vec::new(),
        }
    }

    /// Takes a segment in. `budget` says what all connections together may still hold.
    pub(super) fn segment(&mut self, place: Place, segment: &Segment<'_>, budget: &mut Budget) {
        self.find_true_roles(segment);
        let (waiting, entries) = (self.tcp.waiting_bytes(), self.story.so_far().timeline.len());
        let message_bytes = self.tls.message_bytes();
        self.events.clear();
        let (tls, events) = (&mut self.tls, &mut self.events);
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
        self.story.segment(place, &self.tcp, segment, &reading, &self.events);
        budget.timeline_entries += self.story.so_far().timeline.len().saturating_sub(entries);
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
        // Room for a real segment's events; one of tiny records has thousands.
        const EVENTS: usize = 8;
        if self.events.iter().any(|event| matches!(event.message, Message::Certificates(_))) {
            self.story.share_certificates(share);
        }
        self.events.clear();
        self.events.shrink_to(EVENTS);
    }

    /// A ClientHello from what only its port made the server shows that the roles are the other way round.
    fn find_true_roles(&mut self, segment: &Segment<'_>) {
        if self.story.so_far().opening == Opening::Ports
            && self.story.so_far().tls.client_hello.is_none()
            && self.tcp.role_of(&segment.header) == Role::Server
            && Tracker::is_client_hello(segment.payload)
        {
            self.tcp.swap_roles();
            self.tls.swap_roles();
            self.story.swap_roles();
        }
    }

    /// The story to its end. What waits behind a hole is no part of it: nobody can have read it in order.
    pub(super) fn finish(self, capture: CaptureFacts) -> Story {
        self.story.finish(&self.tcp, &self.tls, capture)
    }

    /// The story as it would be if the capture ended now.
    pub(super) fn so_far(&self, capture: CaptureFacts) -> Story {
        self.story.clone().finish(&self.tcp, &self.tls, capture)
    }

    /// Whether neither end has anything more to say.
    pub(super) fn is_closed(&self) -> bool {
        let is_reset =
            |story: &Story| story.endings.iter().any(|ending| matches!(ending.what, EndingKind::Reset(_)));
        (self.tcp.ends.client.fin.is_some() && self.tcp.ends.server.fin.is_some())
            || is_reset(self.story.so_far())
    }

    /// How much is lost by judging this connection now: the lowest leave first.
    fn importance(&self) -> (bool, Stage) {
        let story = self.story.so_far();
        let is_over =
            story.endings.iter().any(|ending| matches!(ending.what, EndingKind::Fin | EndingKind::Reset(_)));
        (!is_over, story.stage)
    }
}

/// Connections by their pair of sockets, in the order of their first packets.
#[derive(Debug, Default)]
pub(super) struct Table {
    /// Boxed, since thousands move at once when some leave.
    tracks: Vec<Option<Box<Track>>>,
    /// The current connection of each pair of sockets. Never iterated, so its order does not show.
    current: HashMap<Key, usize>,
    live: usize,
}

impl Table {
    pub(super) fn find(&self, key: &Key) -> Option<usize> {
        self.current.get(key).copied()
    }

    pub(super) fn track(&self, index: usize) -> Option<&Track> {
        self.tracks.get(index)?.as_deref()
    }

    pub(super) fn track_mut(&mut self, index: usize) -> Option<&mut Track> {
        self.tracks.get_mut(index)?.as_deref_mut()
    }

    pub(super) fn is_full(&self) -> bool {
        self.live >= limits::CONNECTIONS
    }

    /// Adds a connection; an older one between the same sockets gets no more packets.
    pub(super) fn add(&mut self, key: Key, track: Track) -> usize {
        let index = self.tracks.len();
        self.tracks.push(Some(Box::new(track)));
        self.current.insert(key, index);
        self.live += 1;
        index
    }

    /// The connection whose packet an ICMP error quotes, and who sent that packet.
    pub(super) fn find_quoted(&mut self, quoted: &Quoted) -> Option<(&mut Track, Role)> {
        /// Connections looked through for an error that does not tell both ports.
        const SEARCHED: usize = 1000;
        const TCP: u8 = 6;
        if quoted.protocol.is_some_and(|protocol| protocol != TCP) {
            return None;
        }
        let index = if let (Some(source_port), Some(destination_port)) =
            (quoted.source_port, quoted.destination_port)
        {
            self.find(&Key::between((quoted.source, source_port), (quoted.destination, destination_port)))?
        } else {
            let fits = |track: &Track| {
                let (client, server) = (&track.tcp.ends.client, &track.tcp.ends.server);
                client.address == quoted.source
                    && server.address == quoted.destination
                    && quoted.destination_port.is_none_or(|port| port == server.port)
            };
            let recent = self.tracks.iter().enumerate().rev().take(SEARCHED);
            recent
                .filter_map(|(index, track)| Some((index, track.as_deref()?)))
                .find(|(_, track)| fits(track))?
                .0
        };
        let track = self.track_mut(index)?;
        let client = &track.tcp.ends.client;
        let is_client =
            client.address == quoted.source && quoted.source_port.is_none_or(|port| port == client.port);
        Some((track, if is_client { Role::Client } else { Role::Server }))
    }

    /// Places of connections, taken or free.
    pub(super) fn places(&self) -> usize {
        self.tracks.len()
    }

    /// Takes a connection out.
    pub(super) fn take(&mut self, index: usize) -> Option<Track> {
        let track = *self.tracks.get_mut(index)?.take()?;
        self.live -= 1;
        let key = track.tcp.key();
        if self.find(&key) == Some(index) {
            self.current.remove(&key);
        }
        Some(track)
    }

    /// Closes up the places that are free, where they are many.
    pub(super) fn close_up(&mut self) {
        const FEW: usize = 1024;
        if self.tracks.len() < 2 * self.live + FEW {
            return;
        }
        let current = std::mem::take(&mut self.current);
        let mut kept = Vec::with_capacity(self.live);
        for (index, track) in std::mem::take(&mut self.tracks).into_iter().enumerate() {
            let Some(track) = track else { continue };
            let key = track.tcp.key();
            if current.get(&key) == Some(&index) {
                self.current.insert(key, kept.len());
            }
            kept.push(Some(track));
        }
        self.tracks = kept;
    }

    /// Takes the least important quarter out, in the order of their first packets: enough to make room for a while, and few
    /// enough that attempts which were just made stay until their silence tells.
    pub(super) fn evict(&mut self) -> Vec<Track> {
        let mut order: Vec<usize> = (0..self.tracks.len()).collect();
        order.sort_by_key(|index| self.tracks[*index].as_deref().map(Track::importance));
        order.truncate(self.tracks.len().div_ceil(4));
        order.sort_unstable();
        let evicted =
            order.into_iter().filter_map(|index| self.tracks[index].take().map(|track| *track)).collect();
        let kept = std::mem::take(&mut self.tracks);
        self.current.clear();
        for track in kept.into_iter().flatten() {
            self.current.insert(track.tcp.key(), self.tracks.len());
            self.tracks.push(Some(track));
        }
        self.live = self.tracks.len();
        evicted
    }

    /// Takes all out, in the order of their first packets.
    pub(super) fn drain(&mut self) -> impl Iterator<Item = Track> + use<> {
        self.current.clear();
        self.live = 0;
        std::mem::take(&mut self.tracks).into_iter().flatten().map(|track| *track)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::talk::{self, Talk};

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
        let ports = |tracks: Vec<Track>| -> Vec<u16> {
            tracks.iter().map(|track| track.tcp.ends.server.port).collect()
        };
        assert_eq!(ports(table.evict()), [3]);
        assert_eq!(ports(table.evict()), [2]);
        assert_eq!(ports(table.drain().collect()), [1, 4]);
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
        let mut budgets = [Budget::default(), full, full];
        for (packet, budget) in talk.packets.iter().zip(&mut budgets) {
            track.segment(packet.place, &packet.segment(), budget);
        }
        assert_eq!(track.story.so_far().timeline.len(), 1);
        assert_eq!(budgets.map(|budget| budget.timelines_given_up), [0, 1, 0]);
    }
}
