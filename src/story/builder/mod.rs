//! Folds what segments did into a [`Story`], packet by packet.
//!
//! Each file holds one subject, and what it has to remember beyond the facts: [`opening`] the TCP handshake, [`tls`] the
//! protocols, [`dialogue`] and [`plain_answer`] what is said in clear, [`http2`] that of HTTP/2, [`silence`] whose step is awaited and for how long, [`closing`] how the connection ends, [`header`] what headers alone show.

mod closing;
mod dialogue;
mod header;
mod http2;
mod kinds;
mod notes;
mod opening;
mod plain_answer;
mod probes;
mod reordered;
mod roles;
mod silence;
mod tls;
mod turns;
mod withdrawal;

use std::sync::Arc;

use closing::Closing;
use dialogue::Spoken;
use http2::Http2;
use notes::Notes;
use plain_answer::{PlainAnswer, PlainRequest};
use probes::BareProbes;
use reordered::Reordered;
use silence::Silences;
use tls::Handshake;

use crate::limits;
use crate::packet::SELECTED;
use crate::packet::{Direction, Filtered, IcmpError, Names, Origin, Segment, Seq, Viewpoint};
use crate::story::{
    CaptureFacts, Ending, EndingKind, Moment, Note, Observed, Opening, RoundTrips, Seen, Stage, Story,
};
use crate::tcp::{HandshakeStep, Observation, Role, TcpConnection};
use crate::time::{Clock, Elapsed};
use crate::tls::{Basis, CertificateMessage, Plain, TlsEvent, Tracker};

/// A story being written.
#[derive(Clone, Debug)]
pub struct Builder {
    /// Boxed, since it is moved several times.
    story: Box<Story>,
    silences: Silences,
    handshake: Handshake,
    closing: Closing,
    plain_answer: PlainAnswer,
    plain_request: PlainRequest,
    spoken: Spoken,
    http2: Http2,
    bare_probes: BareProbes,
    reordered: Reordered,
    /// Whether the segment's sender was inside a TLS record before it.
    was_inside_record: bool,
    keeps_timeline: bool,
    viewpoint: Viewpoint,
}

/// What identifies a packet in what is read, and in the file that it came from.
#[derive(Clone, Copy, Debug)]
pub struct PacketId<'a> {
    /// Its number and time.
    pub moment: Moment,
    /// The file it came from and its number there.
    pub origin: Origin,
    /// What its source calls hosts.
    pub names: &'a Names,
    /// Its direction at the capturing host, where the source shows it.
    pub direction: Option<Direction>,
    /// What a firewall did with it, where the source says so.
    pub filtered: Option<Filtered>,
}

impl Builder {
    /// A story that begins with a packet of this connection. Where nothing new is delivered for `stall_after`, it is a
    /// silence.
    pub fn new(
        id: PacketId<'_>,
        connection: &TcpConnection,
        opening: Opening,
        expects_tls: bool,
        stall_after: Elapsed,
        keeps_timeline: bool,
    ) -> Self {
        Self {
            story: Story::new(id.moment, connection, opening, expects_tls),
            silences: Silences::new(stall_after, id.moment),
            handshake: Handshake::default(),
            closing: Closing::default(),
            plain_answer: PlainAnswer::default(),
            plain_request: PlainRequest::default(),
            spoken: Spoken::default(),
            http2: Http2::default(),
            bare_probes: BareProbes::default(),
            reordered: Reordered::default(),
            was_inside_record: false,
            keeps_timeline,
            viewpoint: Viewpoint::default(),
        }
    }

    /// It is this connection of those that are selected, counted from 1 by their first packets.
    #[must_use]
    pub fn numbered(mut self, id: u64) -> Self {
        self.renumber(id);
        self
    }

    /// It turns out to be this connection of those that are selected.
    pub fn renumber(&mut self, id: u64) {
        self.story.id = id;
    }

    /// The packets are seen from there.
    #[must_use]
    pub fn seen_from(mut self, viewpoint: Viewpoint) -> Self {
        self.viewpoint = viewpoint;
        self
    }

    /// Keeps samples of the packets that the timeline folds, where `is_wanted`.
    #[must_use]
    pub fn sampling(mut self, is_wanted: bool) -> Self {
        if is_wanted {
            self.story.timeline.keep_samples();
        }
        self
    }

    /// Keeps no further packets for people. Returns whether it did until then.
    pub fn stop_timeline(&mut self) -> bool {
        std::mem::take(&mut self.keeps_timeline)
    }

    /// The packet since which a step is awaited, and whose step it is; the last packet that brought something new where none is.
    pub fn waits_for(&self) -> (Moment, Option<Role>) {
        match self.silences.waits(&self.story) {
            Some(waits) => (waits.since, Some(waits.awaited_from)),
            None => (self.silences.progress(), None),
        }
    }

    /// The story so far.
    pub fn so_far(&self) -> &Story {
        &self.story
    }

    /// Replaces the Certificate messages, equal ones by one that connections share.
    pub fn share_certificates(
        &mut self,
        mut share: impl FnMut(&Arc<CertificateMessage>) -> Arc<CertificateMessage>,
    ) {
        let certificates = &mut self.story.tls.certificates;
        for observed in [&mut certificates.client, &mut certificates.server].into_iter().flatten() {
            observed.what = share(&observed.what);
        }
    }

    /// The capture's clock stepped before this packet: no silence is measured across it.
    pub fn clock_stepped(&mut self, moment: Moment) {
        self.silences.restart(moment);
    }

    /// Adds what a segment did and which TLS events it completed. `tls` has followed it, and knows which records lack their ends.
    pub fn segment(
        &mut self,
        id: PacketId<'_>,
        (connection, tls): (&TcpConnection, &Tracker),
        segment: &Segment<'_>,
        observation: &Observation,
        events: &mut Vec<TlsEvent>,
    ) {
        // A client that repeats its SYN is not silent, and one silence is noted before whatever follows the last SYN.
        let is_syn = observation.step == Some(HandshakeStep::Syn);
        let mut notes = self.begin(id.moment, is_syn);
        self.on_hosts(id.names, &segment.header.ip);
        self.story.opening.shows_flags |= segment.header.tcp.flags.is_some();
        self.story.missing.is_selected |= self.story.packets == 1 && segment.decoded == SELECTED;
        self.on_filter(id, observation);
        if self.is_of_this_connection(id.moment, connection, segment, observation, &mut notes) {
            if observation.new_bytes > 0 {
                self.was_inside_record = std::mem::replace(
                    &mut self.story.tls.is_inside_record[observation.role],
                    tls.is_inside_record(observation.role),
                );
                self.story.tls.shows_tls13 = tls.is_tls13();
            }
            self.on_segment(id, connection, segment, observation, events, &mut notes);
        }
        if self.keeps_timeline {
            self.add_segment_to_timeline(id, segment, observation, notes);
        }
    }

    /// Adds an ICMP error about a packet of this connection, which `quotes` sent.
    pub fn icmp(&mut self, id: PacketId<'_>, error: &IcmpError<'_>, quotes: Role) {
        let notes = self.begin(id.moment, false);
        for host in error.hosts() {
            self.story.names.adopt(id.names, host);
        }
        let stage = self.story.stage;
        self.story.path.record_icmp(id.moment, error, quotes, stage);
        if self.keeps_timeline {
            let kept = error.clone().without_quoted_bytes();
            let excerpt = error.quoted_bytes.iter().copied().take(limits::TIMELINE_EXCERPT_BYTES).collect();
            self.add_to_timeline(id, Seen::Icmp(Box::new(kept), excerpt), notes);
        }
    }

    /// Ends the story: nothing more of this connection will come, and the capture ended at `capture.end`. `tls` knows which
    /// record or message lacks its end.
    pub fn finish(mut self, connection: &TcpConnection, tls: &Tracker, capture: CaptureFacts) -> Box<Story> {
        self.silences.on_time(capture.end, &self.story);
        let story = &mut self.story;
        for role in [Role::Client, Role::Server] {
            let end = &connection.ends[role];
            story.traffic.counters[role] = end.counters;
            story.tls.is_inside_record[role] = tls.is_inside_record(role);
            story.parties[role].maximum_segment_size = end.maximum_segment_size;
            // Where its SYN alone was not captured, bytes are counted as on the wire.
            let is_begun = story.stage > Stage::None;
            let offset = |seq: Seq| end.relative(seq).or(is_begun.then_some(seq.0));
            story.data[role].unfilled_hole =
                end.hole().and_then(|(from, to)| Some((offset(from)?, offset(to)?)));
        }
        story.tls.unfinished_certificate = tls.unfinished_certificate();
        if let Some(prelude) = &mut story.prelude {
            prelude.slowest_reply = self.spoken.slowest();
        }
        if story.expects_tls || story.tls.client_hello.is_some() {
            for role in [Role::Client, Role::Server] {
                let word = tls.unfinished_word(role).zip(story.data[role].first);
                let word = word.map(|((what, basis), moment)| Observed { what, moment, basis });
                story.plain[role] = story.plain[role].take().or(word);
            }
        }
        if story.is_inside_client_hello() && !story.repeats_unacknowledged(Role::Client) {
            // The rest of it is the client's to send.
            for ending in &mut story.endings {
                if matches!(ending.what, EndingKind::Silence(_)) {
                    ending.by = Role::Client;
                }
            }
            self.silences.blame_client();
        }
        story.capture = capture;
        if capture.clock == Clock::Absent {
            story.path.round_trips = RoundTrips::default();
        }
        self.silences.on_capture_end(&capture, self.viewpoint, story);
        story.exchange_tls_roles();
        self.story
    }

    /// A packet comes, a SYN perhaps.
    fn begin(&mut self, moment: Moment, is_syn: bool) -> Notes {
        let mut notes = Notes::new(self.keeps_timeline);
        self.silences.on_time(moment.at, &self.story);
        if !is_syn {
            self.silences.note(&mut notes);
        }
        self.story.packets += 1;
        self.story.order.record(moment.number);
        self.story.last = moment;
        if moment.number < self.story.earliest.number {
            self.story.earliest = moment;
        }
        notes
    }

    fn on_segment(
        &mut self,
        id: PacketId<'_>,
        connection: &TcpConnection,
        segment: &Segment<'_>,
        observation: &Observation,
        events: &mut Vec<TlsEvent>,
        notes: &mut Notes,
    ) {
        let moment = id.moment;
        let stage_before = self.story.stage;
        let had_filled_hole = self.story.data[observation.role.other()].filled_hole.is_some();
        self.on_numbers(moment, connection, segment.header, observation);
        self.silences.on_acknowledgement(moment, observation, &mut self.story);
        if had_filled_hole && self.story.data[observation.role.other()].reported_hole.is_some() {
            // What filled it was lost beyond the capture, and has been waited for since it was reported first.
            self.silences.on_time(moment.at, &self.story);
        }
        self.closing.withdraw_unseen_fins(segment.header, observation, &mut self.story);
        self.on_header(id, segment.header, observation);
        let is_before_request =
            self.handshake.on_data_before_request(moment, segment.header, observation, &mut self.story);
        self.handshake.on_bytes_after_acknowledgement(moment, segment.header, observation, &mut self.story);
        opening::on_segment(moment, segment, observation, &mut self.story, notes);
        self.on_payload(moment, segment, observation, notes);
        if let Some(by) = self.closing.unseen_fin(moment, connection, segment, observation, &mut self.story) {
            self.silences.on_unseen_fin(by, self.viewpoint, &mut self.story);
        }
        let is_no_answer = |event: &TlsEvent| tls::answers_nothing(event, &self.story);
        let is_farewell_only = !events.is_empty() && events.iter().all(is_no_answer);
        if observation.new_bytes > 0 && !events.is_empty() && !is_farewell_only {
            self.silences.on_answer(moment, observation.role, &mut self.story);
        }
        let begins_record = !self.was_inside_record || !events.is_empty();
        let are_frames = tls::are_control_frames(events, &self.story);
        self.on_events(moment, observation, begins_record, events, notes);
        self.handshake.on_client_data(moment, segment.header, observation.role, &self.story);
        let may_answer = observation.new_bytes > 0 && !is_farewell_only && !is_before_request;
        if observation.role == Role::Server {
            self.on_server_s_turn(moment, may_answer, are_frames);
        }
        if self.reordered.on_segment(moment, connection, observation, &self.story) {
            self.story.tls.turns.on_unseen();
        }
        notes.shorten();
        self.handshake.on_segment(moment, connection, observation, &mut self.story);
        self.silences.on_segment(moment, observation, stage_before, &mut self.story);
        if self.story.stage > stage_before {
            notes.push(Note::Stage(self.story.stage, self.story.basis));
            if self.story.stage >= Stage::ClientHello {
                self.story.missing.record_step();
            }
        }
        self.on_round_trip(moment, observation, notes);
        if let Some(what) =
            self.closing.on_segment((moment, connection), segment, observation, &mut self.story, notes)
        {
            self.end(what, observation.role, moment);
        }
        self.closing.on_packet(moment, observation);
    }

    fn on_payload(
        &mut self,
        moment: Moment,
        segment: &Segment<'_>,
        observation: &Observation,
        notes: &mut Notes,
    ) {
        let role = observation.role;
        self.story.data[role].record(moment, segment, observation);
        self.spoken.on_data(moment, segment, observation, &mut self.story);
        self.http2.on_data(moment, segment, observation, &mut self.story);
        if observation.new_bytes > 0 && role == Role::Server {
            self.handshake.on_server_data(segment, observation);
            self.plain_answer.on_server_data(moment, segment, observation, &mut self.story);
        }
        if observation.new_bytes > 0 && role == Role::Client {
            self.plain_request.on_client_data(moment, segment, observation, &mut self.story);
        }
        if observation.new_bytes > 0 && role == Role::Client && self.story.speaks_plain_http() {
            let begins = |payload| Plain::begins_request(payload);
            if begins(segment.payload) || begins(segment.printed) {
                self.story.later_plain_request = Some(moment);
                self.plain_answer.on_later_request(segment.payload);
            }
        }
        if observation.gap > 0 {
            notes.push(Note::Gap(observation.gap));
        }
        if observation.acked_unseen > 0 {
            notes.push(Note::AckedUnseen(observation.acked_unseen));
        }
        if observation.is_zero_window {
            notes.push(Note::ZeroWindow);
            self.story.traffic.zero_windows[role].add(moment);
        }
        if let Some(len) = segment.header.payload_len {
            let cut = len.saturating_sub(segment.payload.len() as u32);
            if cut > 0 && !segment.payload.is_empty() {
                notes.push(Note::Cut(cut));
            }
        }
    }

    /// Adds an ending, after the silence that it ends.
    #[inline(never)]
    fn end(&mut self, what: EndingKind, by: Role, moment: Moment) {
        if what == EndingKind::Fin && by == Role::Client && self.story.endings.is_empty() {
            self.story.half_closed = Some(moment).filter(|_| self.story.is_reply_owed());
        }
        match self.silences.on_ending((&what, by), self.viewpoint, &self.story) {
            Some(silence) => silence.insert_into(&mut self.story.endings),
            None => self.handshake.on_ending(&what, by, &mut self.story),
        }
        let endings = &mut self.story.endings;
        if endings.len() >= limits::STORY_REPEATS {
            return;
        }
        // A side's alert precedes its FIN in the stream, whichever is captured first.
        let is_alert = matches!(what, EndingKind::Alert { .. } | EndingKind::EncryptedAlert { .. });
        let is_own_fin = |ending: &Ending| is_alert && ending.by == by && ending.what == EndingKind::Fin;
        let (index, stage) = match endings.iter().position(is_own_fin) {
            Some(fin) => (fin, endings[fin].stage),
            None => (endings.len(), self.story.stage),
        };
        // In TLS 1.3 the handshake is over for the server when it has the client's Finished.
        let is_before_finished = what == EndingKind::Fin
            && by == Role::Server
            && stage == Stage::TlsEstablished
            && self.story.tls.is_tls13() == Some(true)
            && self.story.tls.early_data.is_none()
            && self.story.tls.application_data.server.count == 0
            && self.story.closed_on_request == Some(false);
        let stage = if is_before_finished { Stage::ClientFinished } else { stage };
        endings.insert(index, Ending { what, by, moment, stage });
    }
}

impl Story {
    /// Records a step of the connection, if none beyond it was taken before.
    fn reach(&mut self, stage: Stage, basis: Basis) {
        if stage > self.stage {
            self.stage = stage;
            self.basis = self.basis.max(basis);
        }
    }
}
