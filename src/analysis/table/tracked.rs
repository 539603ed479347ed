//! One connection on its way through the chain.

use std::sync::Arc;

use super::budget::{Budget, Held};
use super::early::EarlySegments;
use super::half_open::HalfOpen;
use super::recently_closed::COPIED_WITHIN;
use crate::analysis::{Settings, roles};
use crate::packet::{IcmpError, Segment, SegmentHeader, Viewpoint};
use crate::story::{Builder, CaptureFacts, Ending, EndingKind, Moment, Opening, PacketId, Stage, Story};
use crate::tcp::{Delivery, Key, PerRole, Role, TcpConnection};
use crate::time::{Elapsed, Timestamp};
use crate::tls::{CertificateMessage, Message, Tracker};
use crate::verdict::Code;

/// A closed connection is judged this long after its last packet; what comes later is of the same connection.
pub(in crate::analysis) const CLOSED: Elapsed = Elapsed::from_millis(800);

/// The same of one that both ends closed and acknowledged. No word of theirs is missing then, and what still comes are copies.
const ACKNOWLEDGED: Elapsed = Elapsed::from_millis(100);

/// What a connection takes in memory besides what its packets brought and its slot in the table: itself, its segments that are
/// remembered, and some small lists.
const OWN_BYTES: usize = size_of::<TrackedConnection>() + TcpConnection::REMEMBERED_BYTES + 1024;

/// A connection and everything that reads it.
#[derive(Debug)]
pub(in crate::analysis) struct TrackedConnection {
    /// Its pair of sockets.
    pub(in crate::analysis) key: Key,
    pub(in crate::analysis) tcp: TcpConnection,
    tls: Tracker,
    pub(in crate::analysis) story: Builder,
    /// What was reported of it while its packets came.
    pub(in crate::analysis) watched: Watched,
    /// Whether it has a packet in the stretch of time that is selected.
    pub(in crate::analysis) is_in_window: bool,
    /// Whether a segment completed a Certificate message since they were shared last.
    has_new_certificates: bool,
    /// Bytes that the lists of its ClientHello take.
    hello_bytes: usize,
    /// Segments that were captured before what they follow.
    early: EarlySegments,
}

impl TrackedConnection {
    /// The `ordinal`-th connection, of which this is the first packet.
    pub(in crate::analysis) fn new(
        ordinal: u64,
        id: PacketId<'_>,
        segment: &Segment<'_>,
        settings: &Settings,
    ) -> Self {
        let (role, opening) = roles::role_of_first(segment, &settings.tls_ports);
        let tcp = TcpConnection::new(segment.header, role);
        let expects_tls = settings.tls_ports.contains(&tcp.ends.server.port);
        let stall_after = settings.judging.stall_after;
        let saw_beginning = matches!(opening, Opening::Syn | Opening::SynAck);
        Self {
            tls: Tracker::new(saw_beginning, expects_tls, tcp.ends.server.port),
            story: Builder::new(id, &tcp, opening, expects_tls, stall_after, settings.keeps_timeline)
                .numbered(ordinal)
                .seen_from(settings.viewpoint)
                .sampling(settings.keeps_samples),
            key: tcp.key(),
            tcp,
            watched: Watched::default(),
            is_in_window: false,
            has_new_certificates: false,
            hello_bytes: 0,
            early: EarlySegments::default(),
        }
    }

    /// What a connection becomes of which only the SYN was seen.
    pub(in crate::analysis) fn from_half_open(
        half_open: &HalfOpen,
        settings: &Settings,
        budget: &mut Budget,
    ) -> Self {
        let (id, header) = (half_open.id(), half_open.header());
        let segment = Segment { header: &header, payload: &[], printed: &[], decoded: "" };
        let mut tracked = Self::new(half_open.ordinal(), id, &segment, settings);
        budget.begin(tracked.held());
        tracked.take(id, &segment, budget);
        tracked
    }

    /// Takes a segment in, or keeps it until what it follows is captured. `budget` says what all connections together may still
    /// hold, and `taken` gets the story after each segment that was taken in.
    pub(in crate::analysis) fn segment(
        &mut self,
        id: PacketId<'_>,
        segment: &Segment<'_>,
        settings: &Settings,
        budget: &mut Budget,
        taken: &mut dyn FnMut(&Story),
    ) {
        let may_wait = settings.viewpoint == Viewpoint::Wire;
        if self.early.is_empty() && self.is_begun() && !(may_wait && self.tcp.is_early(segment.header)) {
            self.take(id, segment, budget);
            taken(self.story.so_far());
        } else {
            self.segment_out_of_order(id, segment, settings, budget, taken);
        }
    }

    /// The same where another segment waits, or this one may have to. Out of line, since it is seldom.
    #[inline(never)]
    fn segment_out_of_order(
        &mut self,
        id: PacketId<'_>,
        segment: &Segment<'_>,
        settings: &Settings,
        budget: &mut Budget,
        taken: &mut dyn FnMut(&Story),
    ) {
        self.release_early(id.moment.at, budget, taken);
        // A socket shows no acknowledgements, and what it does has its order.
        if settings.viewpoint == Viewpoint::Wire
            && self.early.must_wait(&self.tcp, self.is_begun(), segment)
            && !budget.must_take_early(segment.payload.len())
        {
            let before = self.held();
            self.early.add(id, segment);
            budget.change(before, self.held());
            return;
        }
        if !self.is_begun() && !self.early.is_empty() {
            // The first packet shows who is the client; until now another one had to.
            let early = std::mem::take(&mut self.early);
            let before = self.held();
            let is_in_window = self.is_in_window;
            *self = Self { is_in_window, early, ..Self::new(self.story.so_far().id, id, segment, settings) };
            budget.change(before, self.held());
        }
        self.take(id, segment, budget);
        taken(self.story.so_far());
        self.release_early(id.moment.at, budget, taken);
    }

    /// Takes in the early segments that have what they follow by now, or waited for too long.
    pub(in crate::analysis) fn release_early(
        &mut self,
        now: Timestamp,
        budget: &mut Budget,
        taken: &mut dyn FnMut(&Story),
    ) {
        while let Some(early) = self.early.take(&self.tcp, self.is_begun(), now) {
            self.take(early.id(), &early.segment(), budget);
            taken(self.story.so_far());
        }
    }

    /// Takes in all early segments: nothing that they wait for will come.
    pub(in crate::analysis) fn release_all(&mut self, budget: &mut Budget) {
        while let Some(early) = self.early.take_oldest() {
            self.take(early.id(), &early.segment(), budget);
        }
    }

    /// Whether a segment was taken in.
    pub(in crate::analysis) fn is_begun(&self) -> bool {
        self.story.so_far().segments() > 0
    }

    /// Takes a segment in, whatever it follows.
    pub(in crate::analysis) fn take(&mut self, id: PacketId<'_>, segment: &Segment<'_>, budget: &mut Budget) {
        self.find_true_roles(segment);
        let before = self.held();
        let mut events = budget.lend_events();
        let tls = &mut self.tls;
        let mut deliver = |role: Role, delivery: Delivery<'_>| {
            tls.take(role, &delivery, &mut |event| events.push(event));
        };
        let reading = self.tcp.observe(id.moment.number, id.moment.at, segment, &mut deliver);
        if budget.must_give_holes_up(self.tcp.waiting_bytes(), before.waiting_bytes) {
            self.tcp.give_holes_up(&mut deliver);
        }
        if budget.must_give_messages_up(self.tls.message_bytes(), before.message_bytes) {
            self.tls.give_messages_up();
        }
        if budget.must_stop_timelines() && self.story.stop_timeline() {
            budget.timelines_given_up += 1;
        }
        for event in &events {
            match &event.message {
                Message::ClientHello(hello) if self.hello_bytes == 0 => self.hello_bytes = hello.held_bytes(),
                Message::Certificates(_) => self.has_new_certificates = true,
                _ => {}
            }
        }
        self.story.segment(id, (&self.tcp, &self.tls), segment, &reading, &mut events);
        budget.take_events_back(events);
        budget.change(before, self.held());
    }

    /// What it holds: itself, and what its packets brought, which are those buffered after holes, a handshake message that
    /// is not complete, hellos, and the timeline.
    pub(in crate::analysis) fn held(&self) -> Held {
        let waiting_bytes = self.tcp.waiting_bytes();
        let message_bytes = self.tls.message_bytes();
        let timeline = &self.story.so_far().timeline;
        let (timeline_entries, timeline_bytes) = (timeline.len(), timeline.held_bytes());
        let early_bytes = self.early.bytes();
        let memory =
            OWN_BYTES + waiting_bytes + message_bytes + self.hello_bytes + timeline_bytes + early_bytes;
        Held { memory, waiting_bytes, early_bytes, message_bytes, timeline_entries }
    }

    /// The capture's clock stepped before this packet: running measurements are discarded and start again here.
    pub(in crate::analysis) fn clock_stepped(&mut self, moment: Moment) {
        self.tcp.stop_timing();
        self.story.clock_stepped(moment);
    }

    /// The certificates that the last segment completed are replaced by what `share` makes of them.
    pub(in crate::analysis) fn share_certificates(
        &mut self,
        share: impl FnMut(&Arc<CertificateMessage>) -> Arc<CertificateMessage>,
    ) {
        if std::mem::take(&mut self.has_new_certificates) {
            self.story.share_certificates(share);
        }
    }

    /// A ClientHello from what only its port made the server shows that the roles are the other way round. Where the SYN shows
    /// who opened the connection, and the ClientHello is the first that either side sends, TLS's roles are.
    fn find_true_roles(&mut self, segment: &Segment<'_>) {
        let is_first_hello = |story: &Story| story.tls.client_hello.is_none();
        if !is_first_hello(self.story.so_far())
            || self.tcp.role_of(segment.header) != Role::Server
            || !Tracker::is_client_hello(segment.payload)
        {
            return;
        }
        let story = self.story.so_far();
        let is_known = story.opening.known_by != Opening::Ports;
        let has_data = story.data.client.first.is_some() || story.data.server.first.is_some();
        if is_known && (has_data || story.expects_tls || story.tls_client == Role::Server) {
            return;
        }
        self.tcp.swap_roles();
        self.tls.swap_roles();
        if is_known { self.story.begin_tls_in_reverse() } else { self.story.swap_roles() }
    }

    /// The story to its end. What is buffered after a hole is no part of it: nobody can have read it in order.
    pub(in crate::analysis) fn finish(mut self, capture: CaptureFacts) -> Box<Story> {
        self.release_all(&mut Budget::default());
        self.story.finish(&self.tcp, &self.tls, capture)
    }

    /// Takes in an ICMP error about one of its packets.
    pub(in crate::analysis) fn icmp(&mut self, id: PacketId<'_>, error: &IcmpError<'_>, budget: &mut Budget) {
        let client = &self.tcp.ends.client;
        let is_client = client.host == error.quoted.source
            && error.quoted.source_port.is_none_or(|port| port == client.port);
        let before = self.held();
        self.story.icmp(id, error, if is_client { Role::Client } else { Role::Server });
        budget.change(before, self.held());
    }

    /// The story as it would be if the capture ended now.
    pub(in crate::analysis) fn so_far(&self, capture: CaptureFacts) -> Box<Story> {
        self.story.clone().finish(&self.tcp, &self.tls, capture)
    }

    /// Whether neither end has anything more to say.
    pub(in crate::analysis) fn is_closed(&self) -> bool {
        let is_reset =
            |story: &Story| story.endings.iter().any(|ending| matches!(ending.what, EndingKind::Reset(_)));
        (self.tcp.ends.client.fin.is_some() && self.tcp.ends.server.fin.is_some())
            || is_reset(self.story.so_far())
    }

    /// Whether nobody ended it, and its packets show no stall: what is sent again and again, or comes after a long wait, is no beginning.
    pub(in crate::analysis) fn is_open_to_its_last_packet(&self) -> bool {
        const STALL: Elapsed = Elapsed::from_millis(3_000);
        let story = self.story.so_far();
        let ends = |ending: &Ending| !matches!(ending.what, EndingKind::CloseNotify);
        let (since, _) = self.story.waits_for();
        !story.endings.iter().any(ends) && story.last.at - since.at < STALL
    }

    /// Whether all that both sides sent was acknowledged, and the server owes an answer of which no byte came.
    pub(in crate::analysis) fn is_unanswered(&self) -> bool {
        let story = self.story.so_far();
        let [client, server] = [&story.data.client, &story.data.server];
        let is_acknowledged = client.is_all_acknowledged && server.is_all_acknowledged;
        let is_begun = story.stage == Stage::ServerHello
            || story.tls.is_inside_record.server
            || story.is_plain_answer_cut();
        let counters =
            PerRole { client: self.tcp.ends.client.counters, server: self.tcp.ends.server.counters };
        let (_, owed_by) = self.story.waits_for();
        owed_by == Some(Role::Server)
            && client.first.is_some()
            && (is_acknowledged || story.lacks_bare_segments_by(&counters))
            && !is_begun
    }

    /// Whether neither end has anything more to say, each knows it of the other, and no packet came for long enough.
    pub(in crate::analysis) fn is_settled(&self, now: Timestamp) -> bool {
        let story = self.story.so_far();
        let is_fin = self.tcp.ends.client.fin.is_some() && self.tcp.ends.server.fin.is_some();
        let is_acknowledged = story.data.client.is_all_acknowledged && story.data.server.is_all_acknowledged;
        let quiet = now - story.last.at;
        if is_fin { is_acknowledged && quiet >= ACKNOWLEDGED } else { quiet >= CLOSED && self.is_closed() }
    }

    /// Whether a SYN with the number of this connection's begins another one between its sockets: both sides have closed, and a copy of
    /// the old SYN would not come that late.
    pub(in crate::analysis) fn is_used_again_by(&self, header: &SegmentHeader, at: Timestamp) -> bool {
        let is_syn = header.tcp.flags.is_some_and(|flags| flags.syn() && !flags.ack() && !flags.rst());
        let story = self.story.so_far();
        let is_over = self.tcp.ends.client.fin.is_some()
            && self.tcp.ends.server.fin.is_some()
            && story.data.client.is_all_acknowledged
            && story.data.server.is_all_acknowledged;
        is_syn && is_over && at - story.last.at > COPIED_WITHIN
    }

    /// How much is lost by judging this connection now: the lowest leave first.
    pub(in crate::analysis) fn importance(&self) -> (bool, Stage) {
        let story = self.story.so_far();
        let is_over =
            story.endings.iter().any(|ending| matches!(ending.what, EndingKind::Fin | EndingKind::Reset(_)));
        (!is_over, story.stage)
    }
}

/// What was reported of a connection while its packets came.
#[derive(Clone, Copy, Debug, Default)]
pub(in crate::analysis) struct Watched {
    /// Its packets when it was looked at last.
    pub(in crate::analysis) packets: u64,
    /// How long a silence has to be to be reported; zero for the shortest that counts.
    pub(in crate::analysis) next_silence: Elapsed,
    /// The code of the verdict that was reported last.
    pub(in crate::analysis) code: Option<Code>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::limits;
    use crate::story::script::talk::{self, Talk};

    /// A connection that took all packets of a conversation in.
    fn followed(talk: &Talk, budget: &mut Budget) -> TrackedConnection {
        let first = &talk.packets[0];
        let mut tracked = TrackedConnection::new(1, first.id, &first.segment(), &Settings::default());
        for packet in &talk.packets {
            tracked.take(packet.id, &packet.segment(), budget);
        }
        tracked
    }

    #[test]
    fn unfinished_messages_are_given_up_when_all_connections_hold_too_many() {
        let certificate = [22, 3, 3, 0x40, 0, 11, 0, 0x3f, 0xff, 0, 0, 0];
        let talk = Talk::to_port(8443).open().say(Role::Client, &talk::client_hello());
        let talk = talk.say(Role::Server, &talk::server_flight()[..49]).say(Role::Server, &certificate);
        let mut budget = Budget::default();
        budget.begin(Held {
            message_bytes: limits::HANDSHAKE_BYTES_IN_ALL / limits::SHARES,
            ..Held::default()
        });
        let tracked = followed(&talk, &mut budget);
        assert_eq!(budget.messages_given_up, 1);
        assert!(tracked.tls.message_bytes() < certificate.len());
        // It is still followed by its length.
        assert_eq!(tracked.tls.unfinished_certificate(), Some((0x4003, 7)));
    }

    #[test]
    fn tls_whose_client_accepted_the_connection_is_read_in_reverse() {
        let story = |talk: &Talk| {
            let tracked = followed(talk, &mut Budget::default());
            tracked.finish(CaptureFacts { end: talk.now, ..CaptureFacts::default() })
        };
        let open = Talk::to_port(50_123).open();
        let client = story(&open).parties.client.host;
        let hello = open.say(Role::Server, &talk::client_hello()).ack(Role::Client);
        let begun = story(&hello.say(Role::Client, &talk::server_flight()).ack(Role::Server));
        assert_eq!((begun.tls_client, begun.stage), (Role::Server, Stage::ServerFlightComplete));
        assert_eq!((begun.parties.client.host, begun.opening.known_by), (client, Opening::Syn));
        // In the middle of what both sides send it is data like any other.
        let plain = Talk::to_port(50_123).open().say(Role::Client, b"hello").ack(Role::Server);
        assert_eq!(story(&plain.say(Role::Server, &talk::client_hello())).tls_client, Role::Client);
    }

    #[test]
    fn timelines_end_when_all_together_hold_too_many_packets() {
        let talk = Talk::to_port(8443).open();
        let first = &talk.packets[0];
        let mut tracked = TrackedConnection::new(1, first.id, &first.segment(), &Settings::default());
        let mut full = Budget::default();
        full.begin(Held {
            timeline_entries: limits::TIMELINE_ENTRIES_IN_ALL / limits::SHARES,
            ..Held::default()
        });
        let mut budgets = [Budget::default(), full.clone(), full];
        for (packet, budget) in talk.packets.iter().zip(&mut budgets) {
            tracked.take(packet.id, &packet.segment(), budget);
        }
        assert_eq!(tracked.story.so_far().timeline.len(), 1);
        assert_eq!(budgets.map(|budget| budget.timelines_given_up), [0, 1, 0]);
    }

    #[test]
    fn a_syn_that_is_sent_again_for_long_and_a_fin_show_that_a_connection_is_whole() {
        let is_open = |talk: &Talk| followed(talk, &mut Budget::default()).is_open_to_its_last_packet();
        let syn = Talk::to_port(8443).syn();
        assert!(is_open(&syn) && is_open(&syn.clone().wait(1_000).syn()));
        assert!(!is_open(&syn.wait(1_000).syn().wait(2_000).syn()));
        let opened = Talk::to_port(8443).open();
        assert!(is_open(&opened) && !is_open(&opened.fin(Role::Client)));
    }
}
