//! Folds what segments did into a [`Story`], packet by packet.

use std::sync::Arc;

use crate::limits;
use crate::packet::{Flags, IcmpError, Origin, Segment, SegmentHeader, Seq, Viewpoint};
use crate::story::{
    CaptureFacts, Ending, EndingKind, Entry, IcmpFact, MissingFacts, Moment, Note, Opening, OpeningFacts,
    Party, PathFacts, PreludeFacts, ResetFacts, Said, Seen, Silence, Stage, Story, Timeline, TlsFacts,
    TrafficFacts,
};
use crate::tcp::{Connection, HandshakeStep, Kind, PerRole, Reading, ResetFit, Role};
use crate::time::{Elapsed, Timestamp};
use crate::tls::{
    AlertDescription, Basis, CertificateMessage, Event, Message, Plain, Prelude, Tracker, Version,
};

/// A sender repeats what is not acknowledged after 1 s at the latest, or 3 s where the SYN was repeated (RFC 6298, 2.1
/// and 5.7).
const RETRANSMISSION_DUE: Elapsed = Elapsed::from_millis(3_000);

/// A story being written.
#[expect(clippy::struct_excessive_bools, reason = "each notes something else that was seen")]
#[derive(Clone, Debug)]
pub struct Builder {
    /// Boxed, since it is handed on several times.
    story: Box<Story>,
    /// How long nothing new may be delivered before it is a silence worth telling.
    stall_after: Elapsed,
    keeps_timeline: bool,
    viewpoint: Viewpoint,
    /// The last packet that brought something new.
    progress: Moment,
    /// How often data had been sent again until then.
    repeats_at_progress: u64,
    /// A silence that runs.
    silence: Option<Silence>,
    last_packet: PerRole<Option<Moment>>,
    saw_timestamps: PerRole<bool>,
    /// Whether some of the server's payload is missing from its packets, and whether its last payload ended with a PSH.
    server_was_cut: bool,
    server_pushed: bool,
    reset_seq: PerRole<Option<Seq>>,
    /// After the ClientHello's segment, and whatever the client had sent before.
    hello_end: Option<Seq>,
    /// The client acknowledged bytes that follow its Finished and that the capture never saw.
    saw_unseen_finished: bool,
}

/// What there is to say about a packet, where a timeline says it.
#[derive(Default)]
struct Notes {
    are_kept: bool,
    list: Vec<Note>,
}

impl Notes {
    fn push(&mut self, note: Note) {
        if self.are_kept {
            self.list.push(note);
        }
    }

    /// Keeps so many as a real segment's records have; one of tiny records has thousands.
    fn shorten(&mut self) {
        let notes = &mut self.list;
        if let Some(further) = notes.len().checked_sub(limits::RECORD_NOTES).filter(|further| *further > 0) {
            notes.truncate(limits::RECORD_NOTES);
            notes.shrink_to_fit();
            notes.push(Note::Further(further as u64));
        }
    }
}

/// A packet's place in the capture.
#[derive(Clone, Copy, Debug)]
pub struct Place {
    /// Its number and time.
    pub moment: Moment,
    /// The file it came from and its number there.
    pub origin: Origin,
}

impl Builder {
    /// A story that begins with a packet of this connection.
    pub fn new(
        place: Place,
        connection: &Connection,
        opening: Opening,
        expects_tls: bool,
        stall_after: Elapsed,
        keeps_timeline: bool,
    ) -> Self {
        let party = |role: Role| Party::new(connection.ends[role].address, connection.ends[role].port);
        let story = Story {
            parties: PerRole { client: party(Role::Client), server: party(Role::Server) },
            expects_tls,
            first: place.moment,
            last: place.moment,
            packets: 0,
            stage: Stage::None,
            basis: Basis::Decoded,
            opening: OpeningFacts::new(opening),
            data: PerRole::default(),
            tls: TlsFacts::default(),
            plain: PerRole::default(),
            prelude: None,
            endings: Vec::new(),
            pauses: Vec::new(),
            path: PathFacts::default(),
            traffic: TrafficFacts::default(),
            missing: MissingFacts::default(),
            capture: CaptureFacts::default(),
            timeline: Timeline::default(),
        };
        Self {
            story: Box::new(story),
            stall_after,
            keeps_timeline,
            viewpoint: Viewpoint::default(),
            progress: place.moment,
            repeats_at_progress: 0,
            silence: None,
            last_packet: PerRole::default(),
            saw_timestamps: PerRole::default(),
            server_was_cut: false,
            server_pushed: false,
            reset_seq: PerRole::default(),
            hello_end: None,
            saw_unseen_finished: false,
        }
    }

    /// The packets are seen from there.
    #[must_use]
    pub fn seen_from(mut self, viewpoint: Viewpoint) -> Self {
        self.viewpoint = viewpoint;
        self
    }

    /// Keeps no further packets for people. Tells whether it did until then.
    pub fn stop_timeline(&mut self) -> bool {
        std::mem::take(&mut self.keeps_timeline)
    }

    /// The last packet that brought something new, and who owes the next step, if anybody does.
    pub fn waits_for(&self) -> (Moment, Option<Role>) {
        (self.progress, self.owed_by())
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
        for said in [&mut certificates.client, &mut certificates.server].into_iter().flatten() {
            said.what = share(&said.what);
        }
    }

    /// Exchanges the roles, when content shows who the client really is.
    pub fn swap_roles(&mut self) {
        let story = &mut self.story;
        story.parties.swap();
        story.opening.stale.swap();
        story.data.swap();
        story.plain.swap();
        story.traffic.zero_windows.swap();
        story.missing.acked_unseen.swap();
        story.missing.acked_unseen_by.swap();
        story.timeline.swap_roles();
        for ending in &mut story.endings {
            ending.by = ending.by.other();
        }
        self.last_packet.swap();
        self.saw_timestamps.swap();
        self.reset_seq.swap();
    }

    /// Takes in what a segment did and what TLS events it completed.
    pub fn segment(
        &mut self,
        place: Place,
        connection: &Connection,
        segment: &Segment<'_>,
        reading: &Reading,
        events: &mut Vec<Event>,
    ) {
        let moment = place.moment;
        let mut notes = Notes { are_kept: self.keeps_timeline, list: Vec::new() };
        self.story.packets += 1;
        self.story.last = moment;
        self.watch_silence(moment.at, &mut notes);
        let role = reading.role;
        match reading.kind {
            Kind::DuplicateCapture { of } => {
                notes.push(Note::DuplicateCapture(of));
                self.story.traffic.duplicates.add(moment);
                self.add_to_timeline(place, segment, reading, notes);
                return;
            }
            Kind::Stale => {
                notes.push(Note::Stale);
                self.story.opening.stale[role].add(moment);
                self.add_to_timeline(place, segment, reading, notes);
                return;
            }
            Kind::Retransmission { of } => notes.push(Note::Retransmission(of)),
            Kind::OutOfOrder => notes.push(Note::OutOfOrder),
            Kind::KeepAlive => {
                notes.push(Note::KeepAlive);
                self.story.traffic.keep_alives.add(moment);
            }
            Kind::DuplicateAck => notes.push(Note::DuplicateAck),
            Kind::Ordinary | Kind::WindowUpdate => {}
        }
        let stage_before = self.story.stage;
        for role in [Role::Client, Role::Server] {
            self.story.data[role].is_all_acknowledged = connection.ends[role].is_all_acknowledged();
        }
        self.note_party(moment, segment.header, reading);
        self.note_reported_hole(moment, connection, segment.header, reading);
        self.take_step(moment, segment, reading, &mut notes);
        self.take_payload(moment, segment, reading, &mut notes);
        for event in events.drain(..) {
            self.take_event(event, &mut notes);
        }
        notes.shorten();
        self.note_hello_acknowledged(moment, connection, reading);
        self.take_progress(moment, reading, stage_before);
        if self.story.stage > stage_before {
            notes.push(Note::Stage(self.story.stage, self.story.basis));
        }
        if let Some(round_trip) = reading.round_trip {
            self.take_round_trip(moment, reading, round_trip, &mut notes);
        }
        self.take_closing(moment, segment, reading, &mut notes);
        self.last_packet[role] = Some(moment);
        self.add_to_timeline(place, segment, reading, notes);
    }

    /// Takes in an ICMP error about a packet of this connection.
    pub fn icmp(&mut self, place: Place, error: &IcmpError<'_>, quotes: Role) {
        let moment = place.moment;
        let mut notes = Notes { are_kept: self.keeps_timeline, list: Vec::new() };
        self.watch_silence(moment.at, &mut notes);
        self.story.packets += 1;
        self.story.last = moment;
        self.story.path.icmp_error_count += 1;
        if self.story.path.icmp_errors.len() < limits::STORY_REPEATS {
            self.story.path.icmp_errors.push(IcmpFact {
                moment,
                from: error.ip.source,
                icmp_type: error.icmp_type,
                code: error.code,
                mtu: error.mtu,
                quotes,
                stage: self.story.stage,
            });
        }
        if self.keeps_timeline {
            let kept = error.clone().without_quoted_bytes();
            let excerpt = error.quoted_bytes.iter().copied().take(limits::TIMELINE_EXCERPT_BYTES).collect();
            let seen = Seen::Icmp(Box::new(kept), excerpt);
            self.story.timeline.add(Entry { moment, origin: place.origin, seen, notes: notes.list });
        }
    }

    /// Ends the story: nothing more of this connection will come, and the capture ended at `capture.end`. What TLS
    /// waits for says `tls`.
    pub fn finish(mut self, connection: &Connection, tls: &Tracker, capture: CaptureFacts) -> Box<Story> {
        self.watch_silence(capture.end, &mut Notes::default());
        let story = &mut self.story;
        for role in [Role::Client, Role::Server] {
            let end = &connection.ends[role];
            story.traffic.counters[role] = end.counters;
            story.tls.is_inside_record[role] = tls.is_inside_record(role);
            story.parties[role].maximum_segment_size = end.maximum_segment_size;
            story.data[role].unfilled_hole =
                end.hole().and_then(|(from, to)| Some((end.relative(from)?, end.relative(to)?)));
        }
        story.tls.unfinished_certificate = tls.unfinished_certificate();
        if story.is_inside_client_hello() {
            // The rest of it is the client's to send.
            for ending in &mut story.endings {
                if matches!(ending.what, EndingKind::Silence(_)) {
                    ending.by = Role::Client;
                }
            }
            if let Some(silence) = &mut self.silence {
                silence.owed_by = Role::Client;
            }
        }
        story.capture = capture;
        if let Some(silence) = self.silence.take() {
            // It lasts to the end, and the drops began before that.
            let was_dropping = capture.dropped_until.is_some_and(|until| until >= silence.since.at);
            if was_dropping || self.lost_sight(&silence) {
                self.story.missing.lost_sight = Some(self.story.last);
            } else {
                self.end_in_silence(silence);
            }
        }
        self.story
    }

    /// Who owes the next step, if anybody does.
    fn owed_by(&self) -> Option<Role> {
        let story = &self.story;
        let is_over = story.endings.iter().any(|ending| {
            !matches!(ending.what, EndingKind::CloseNotify) || ending.stage >= Stage::TlsEstablished
        });
        if is_over {
            return None;
        }
        match story.stage {
            Stage::None => None,
            Stage::Syn | Stage::ClientHello | Stage::ServerHello | Stage::ClientFinished => {
                Some(Role::Server)
            }
            Stage::SynAck | Stage::ServerFlightComplete => Some(Role::Client),
            Stage::TcpEstablished => {
                if let Some(prelude) = &story.prelude {
                    return prelude.owed_by(&story.data);
                }
                match (story.data.client.first, story.data.server.first) {
                    (None, None) => Some(Role::Client),
                    (Some(_), None) => story.missing.answer.is_none().then_some(Role::Server),
                    _ => None,
                }
            }
            Stage::TlsEstablished | Stage::ApplicationData => {
                // What is sent again and again without an acknowledgement asks too, whatever it is.
                let asked = story.tls.application_data.client.count > 0
                    || (self.data_repeats() > self.repeats_at_progress
                        && !story.data.client.is_all_acknowledged);
                (asked && !story.was_answered()).then_some(Role::Server)
            }
        }
    }

    /// The capture's clock stepped before this packet: no silence is measured across it.
    pub fn clock_stepped(&mut self, moment: Moment) {
        self.silence = None;
        self.progress = moment;
    }

    /// Opens or extends a silence, if somebody owes something and nothing new came for long enough.
    fn watch_silence(&mut self, at: Timestamp, notes: &mut Notes) {
        if let Some(silence) = &mut self.silence {
            silence.until = at;
            return;
        }
        if at - self.progress.at < self.stall_after {
            return;
        }
        let Some(owed_by) = self.owed_by() else { return };
        let silence = Silence {
            since: self.progress,
            until: at,
            owed_by,
            is_acknowledged: self.story.data[owed_by.other()].is_all_acknowledged,
        };
        notes.push(Note::Silence(silence));
        self.silence = Some(silence);
    }

    /// Whether a silence up to the capture's end is the capture's own: what was said last is neither acknowledged nor
    /// sent again, although a sender does that within [`RETRANSMISSION_DUE`].
    ///
    /// SYNs are left out: programs that look for open ports send one and no more.
    fn lost_sight(&self, silence: &Silence) -> bool {
        let story = &self.story;
        let is_outstanding =
            !(story.data.client.is_all_acknowledged && story.data.server.is_all_acknowledged);
        // A socket does not show repeats.
        self.viewpoint == Viewpoint::Wire
            && story.stage >= Stage::ClientHello
            && story.one_sided().is_none()
            && is_outstanding
            && self.data_repeats() == self.repeats_at_progress
            && silence.until - story.last.at >= RETRANSMISSION_DUE
    }

    /// How often data was sent again, by either side.
    fn data_repeats(&self) -> u64 {
        self.story.data.client.repeats.count + self.story.data.server.repeats.count
    }

    fn end_in_silence(&mut self, silence: Silence) {
        self.story.endings.push(Ending {
            what: EndingKind::Silence(silence),
            by: silence.owed_by,
            moment: silence.since,
            stage: self.story.stage,
        });
    }

    /// Something new moves the clock of silences on; from whoever owed it, it ends the silence that runs.
    fn take_progress(&mut self, moment: Moment, reading: &Reading, stage_before: Stage) {
        let story = &self.story;
        let is_first_step = match reading.step {
            Some(HandshakeStep::Syn) => story.opening.syn.count == 1,
            Some(HandshakeStep::SynAck) => story.opening.syn_ack.count == 1,
            Some(HandshakeStep::Ack) => true,
            None => false,
        };
        // Bytes missing before a segment were sent at a time that nobody saw, so there is no silence to tell of.
        let by = if reading.new_bytes > 0 || reading.gap > 0 || is_first_step {
            reading.role
        } else if reading.acked_unseen > 0 {
            reading.role.other()
        } else {
            return;
        };
        // A client that answers the server's flight shows that it was complete, and that the silence was its own.
        let was_its_own = by == Role::Client
            && stage_before == Stage::ServerHello
            && self.story.stage >= Stage::ServerFlightComplete;
        match &mut self.silence {
            Some(silence) if was_its_own => silence.owed_by = by,
            _ => {}
        }
        match self.silence {
            Some(silence) if silence.owed_by != by => return,
            Some(silence) => {
                if self.story.pauses.len() < limits::STORY_REPEATS {
                    self.story.pauses.push(silence);
                }
                self.silence = None;
            }
            None => {}
        }
        self.progress = moment;
        self.repeats_at_progress = self.data_repeats();
    }

    fn note_party(&mut self, moment: Moment, header: &SegmentHeader, reading: &Reading) {
        let role = reading.role;
        let party = &mut self.story.parties[role];
        party.note_path(moment.number, header, reading.flags);
        if let Some(offer) = &reading.offer {
            party.note_offer(moment.number, offer, reading.flags);
        }
        party.checksums.note(moment.number, header);
        if !self.saw_timestamps[role] {
            self.saw_timestamps[role] = match &reading.offer {
                Some(offer) => offer.has_timestamps,
                None => header.tcp.options.as_ref().is_some_and(|options| options.timestamps().is_some()),
            };
        }
        if reading.newly_acked > 0 {
            self.story.missing.acked_unseen[role.other()] += u64::from(reading.acked_unseen);
            if reading.acked_unseen > 0 {
                self.story.missing.acked_unseen_by[role.other()].add(moment);
            }
        }
        // One byte may be the server's FIN.
        if role == Role::Client && reading.acked_unseen > 1 {
            self.note_unseen_answer(moment);
        }
    }

    /// The client acknowledges what the server said and the capture lacks.
    fn note_unseen_answer(&mut self, moment: Moment) {
        let story = &mut self.story;
        let has_asked = match story.tls.client_hello {
            Some(_) => story.tls.application_data.client.count > 0,
            None => story.data.client.first.is_some(),
        };
        if has_asked {
            story.missing.answer.get_or_insert(moment);
        }
        self.saw_unseen_finished |= story.stage == Stage::ClientFinished;
    }

    /// Notes the server's acknowledgement of the ClientHello, with all that the client sent before it.
    fn note_hello_acknowledged(&mut self, moment: Moment, connection: &Connection, reading: &Reading) {
        let client = &connection.ends.client;
        if self.hello_end.is_none() && self.story.tls.client_hello.is_some() {
            self.hello_end = client.next;
        }
        let is_acknowledged =
            client.acked.zip(self.hello_end).is_some_and(|(acked, end)| acked.is_at_or_after(end));
        if reading.role == Role::Server && is_acknowledged {
            self.story.tls.hello_acknowledged.get_or_insert(moment);
        }
    }

    /// What the sender of a segment says it has not got, although it got later bytes (RFC 2018, 4). Blocks below the
    /// acknowledgement tell of duplicates (RFC 2883).
    fn note_reported_hole(
        &mut self,
        moment: Moment,
        connection: &Connection,
        header: &SegmentHeader,
        reading: &Reading,
    ) {
        let role = reading.role;
        let other = &connection.ends[role.other()];
        let (Some(ack), Some(options)) = (header.tcp.ack, &header.tcp.options) else { return };
        let reported = &mut self.story.data[role.other()].reported_hole;
        // A SYN has nothing to report.
        if options.are_usual() || reading.offer.is_some() {
            *reported = None;
            return;
        }
        let blocks = options.sack_blocks().filter(|(left, _)| left.is_after(ack));
        let nearest = blocks.map(|(left, _)| left).min_by_key(|left| *left - ack);
        *reported = nearest.and_then(|left| {
            let what = (other.relative(ack)?, other.relative(left)?);
            Some(Said { what, moment, basis: Basis::Decoded })
        });
    }

    fn take_step(&mut self, moment: Moment, segment: &Segment<'_>, reading: &Reading, notes: &mut Notes) {
        match reading.step {
            Some(HandshakeStep::Syn) => {
                self.story.opening.syn.add(moment);
                self.reach(Stage::Syn, Basis::Decoded);
                let asks_fast_open = reading.offer.is_some_and(|offer| offer.fast_open);
                if asks_fast_open || segment.header.payload_len.is_some_and(|len| len > 0) {
                    notes.push(Note::FastOpen);
                }
            }
            Some(HandshakeStep::SynAck) => {
                self.story.opening.syn_ack.add(moment);
                self.reach(Stage::SynAck, Basis::Decoded);
                self.take_opening_round_trip(moment);
                if reading.newly_acked > 1 {
                    self.count_fast_open();
                }
            }
            Some(HandshakeStep::Ack) => self.establish_tcp(moment),
            None => {}
        }
        if reading.role == Role::Server && self.story.stage == Stage::SynAck && reading.step.is_none() {
            if reading.flags.syn() {
                notes.push(Note::SimultaneousOpen);
            } else if reading.new_bytes > 0 || reading.newly_acked > 0 {
                // In a capture of one direction only, the server going on proves the client's acknowledgement.
                self.establish_tcp(moment);
            }
        }
    }

    /// The round trip of the opening: certain only where one SYN got one answer (Karn's algorithm, RFC 6298, 3).
    fn take_opening_round_trip(&mut self, moment: Moment) {
        let story = &mut self.story;
        let (Some(syn), 1, 1) =
            (story.opening.syn.first(), story.opening.syn.count, story.opening.syn_ack.count)
        else {
            return;
        };
        let elapsed = moment.at - syn.at;
        if elapsed >= Elapsed::ZERO && moment.number > syn.number {
            story.path.round_trips.handshake = Some((elapsed, syn.number, moment.number));
        }
    }

    fn establish_tcp(&mut self, moment: Moment) {
        self.withdraw_refusal();
        self.story.opening.established.get_or_insert(moment);
        self.reach(Stage::TcpEstablished, Basis::Decoded);
        self.count_fast_open();
    }

    /// A ClientHello that a SYN carried counts once the server took it, or the client sends it again on the open
    /// connection (RFC 7413, 3.1 and 4.2.2).
    fn count_fast_open(&mut self) {
        if let Some(hello) = &self.story.tls.client_hello {
            self.reach(Stage::ClientHello, hello.basis);
        }
    }

    /// A client that completes the handshake did not take an earlier RST for an answer: it sent its SYN again, or the RST
    /// did not reach it.
    fn withdraw_refusal(&mut self) {
        let story = &mut self.story;
        story.endings.retain(|ending| {
            let is_refusal = ending.by == Role::Server
                && ending.stage == Stage::Syn
                && matches!(ending.what, EndingKind::Reset(_));
            if is_refusal {
                story.opening.refused_before.get_or_insert(ending.moment);
            }
            !is_refusal
        });
    }

    fn establish_tls(&mut self, moment: Moment, basis: Basis) {
        self.story.tls.established.get_or_insert(Said { what: (), moment, basis });
        self.reach(Stage::TlsEstablished, basis);
        if let Some(early) = self.story.tls.early_data {
            self.story.tls.application_data.client.add(early);
            self.reach(Stage::ApplicationData, basis);
        }
    }

    fn take_payload(&mut self, moment: Moment, segment: &Segment<'_>, reading: &Reading, notes: &mut Notes) {
        let role = reading.role;
        if reading.new_bytes > 0 {
            self.story.data[role].first.get_or_insert(moment);
            self.story.data[role].last = Some(moment);
            if role == Role::Server {
                let captured = segment.payload.len() as u32;
                self.server_was_cut |= segment.header.payload_len.is_some_and(|len| len > captured);
                self.server_pushed = reading.flags.has(Flags::PSH);
            }
        } else if matches!(reading.kind, Kind::Retransmission { .. }) && segment.header.payload_len != Some(0)
        {
            self.story.data[role].repeats.add(moment);
        }
        if reading.gap > 0 {
            notes.push(Note::Gap(reading.gap));
        }
        if reading.acked_unseen > 0 {
            notes.push(Note::AckedUnseen(reading.acked_unseen));
        }
        if reading.is_zero_window {
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

    fn take_event(&mut self, event: Event, notes: &mut Notes) {
        let moment = Moment { number: event.number, at: event.at };
        let role = event.role;
        let basis = event.basis;
        let stage = self.story.stage;
        match event.message {
            Message::ClientHello(hello) if role == Role::Client => {
                if self.story.opening.known_by == Opening::Ports {
                    self.story.opening.known_by = Opening::ClientHello;
                }
                if self.story.tls.client_hello.is_none() {
                    self.story.tls.client_hello = Some(Said { what: *hello, moment, basis });
                }
                let is_in_syn =
                    stage == Stage::Syn && self.story.opening.syn.numbers().any(|syn| syn == moment.number);
                if !is_in_syn {
                    self.story.opening.established.get_or_insert(moment);
                    self.reach(Stage::ClientHello, basis);
                }
            }
            Message::ClientHello(_) => {}
            Message::ServerHello(hello) if hello.is_retry => {
                self.story.tls.retry.get_or_insert(moment);
                self.story.tls.retry_group = self.story.tls.retry_group.or(hello.group);
                notes.push(Note::Retry);
            }
            Message::ServerHello(hello) => {
                self.story.tls.server_hello.get_or_insert(Said { what: *hello, moment, basis });
                self.reach(Stage::ServerHello, basis);
            }
            Message::KeyExchangeGroup(group) => {
                self.story.tls.key_exchange_group.get_or_insert(group);
            }
            Message::Certificates(what) => {
                self.story.tls.certificates[role].get_or_insert(Said { what, moment, basis });
            }
            Message::CertificateRequest => {
                self.story.tls.certificate_request.get_or_insert(moment);
            }
            Message::ServerFlightComplete => {
                // Where only the client's answer proves the flight complete, it was so with the server's last bytes.
                let said = if role == Role::Client { self.story.data.server.last } else { None };
                let moment = said.unwrap_or(moment);
                self.story.tls.server_flight.get_or_insert(Said { what: (), moment, basis });
                self.reach(Stage::ServerFlightComplete, basis);
            }
            Message::ClientFinished => {
                self.story.tls.client_finished.get_or_insert(Said { what: (), moment, basis });
                self.reach(Stage::ClientFinished, basis);
            }
            Message::Established => self.establish_tls(moment, basis),
            // The server's Finished is among what the capture lacks.
            Message::EarlyData if self.saw_unseen_finished => {
                self.story.tls.established.get_or_insert(Said { what: (), moment, basis: Basis::Inferred });
                self.story.tls.application_data.client.add(moment);
                self.reach(Stage::ApplicationData, Basis::Inferred);
            }
            Message::EarlyData => {
                self.story.tls.early_data.get_or_insert(moment);
                notes.push(Note::EarlyData);
            }
            Message::ApplicationData(len) => {
                self.take_back_closing(role);
                self.story.tls.application_data[role].add(moment);
                let sizes = &mut self.story.tls.record_sizes[role];
                if sizes.len() < limits::STORY_REPEATS {
                    sizes.push(len);
                }
                // A TLS 1.3 server's first records may be session tickets: only the client's data is certain to be.
                let is_data = role == Role::Client
                    || self.story.tls.application_data.client.count > 0
                    || self.story.tls.version().is_some_and(|version| !version.is_tls13());
                if stage >= Stage::ClientFinished && is_data {
                    self.reach(Stage::ApplicationData, basis);
                }
            }
            Message::Alert { level, description } => {
                self.take_alert(role, moment, level, description, basis, notes);
            }
            Message::EncryptedAlert => {
                notes.push(Note::EncryptedAlert);
                self.end(EndingKind::EncryptedAlert { basis }, role, moment);
            }
            Message::SizeReadings(readings) => {
                notes.push(Note::SizeReadings(readings.clone()));
                self.story.tls.size_readings = Some(Said { what: readings, moment, basis });
            }
            Message::KeyUpdate => notes.push(Note::KeyUpdate),
            Message::Closing => self.take_closing_alert(role, moment, notes),
            Message::Prelude(protocol, step) => {
                notes.push(Note::Prelude(protocol, step));
                PreludeFacts::take(&mut self.story.prelude, protocol, Said { what: step, moment, basis });
            }
            Message::Plain(plain) => self.take_plain(role, plain, moment, basis, notes),
        }
    }

    fn take_closing_alert(&mut self, role: Role, moment: Moment, notes: &mut Notes) {
        notes.push(Note::Closing);
        let data = &self.story.tls.application_data;
        let is_refusal = role == Role::Server
            && data.server.count == 0
            && data.client.count > 0
            && self.story.stage >= Stage::ClientFinished;
        // The server's first word after the client's Finished and request is no close_notify.
        let what = if is_refusal {
            EndingKind::EncryptedAlert { basis: Basis::Inferred }
        } else {
            EndingKind::CloseNotify
        };
        self.end(what, role, moment);
    }

    fn take_plain(&mut self, role: Role, plain: Plain, moment: Moment, basis: Basis, notes: &mut Notes) {
        if !plain.line.is_empty() || !notes.list.iter().any(|note| matches!(note, Note::Prelude(..))) {
            notes.push(Note::Plain(plain.line.clone()));
        }
        let story = &mut self.story;
        if let Some(step) = PreludeFacts::connect_step(story.prelude.as_ref(), role, plain.kind) {
            PreludeFacts::take(&mut story.prelude, Prelude::Connect, Said { what: step, moment, basis });
        }
        let said = Said { what: plain, moment, basis };
        let is_unanswered = story.tls.server_hello.is_none() && story.tls.retry.is_none();
        let hello =
            story.tls.client_hello.as_ref().filter(|_| is_unanswered).map(|hello| hello.moment.number);
        if role == Role::Server
            && let (Some(prelude), Some(hello)) = (&story.prelude, hello)
            && prelude.is_agreed()
            && prelude.latest.moment.number < hello
        {
            // The ClientHello went through an open tunnel, or to a server that agreed to start TLS: this answers it.
            story.plain.server = Some(said);
        } else {
            story.plain[role].get_or_insert(said);
        }
    }

    /// A side that sends data did not send a close_notify before it: a record had its size by chance.
    fn take_back_closing(&mut self, role: Role) {
        let is_by_size = |ending: &Ending| {
            ending.by == role
                && ending.stage >= Stage::ClientFinished
                && matches!(
                    ending.what,
                    EndingKind::CloseNotify | EndingKind::EncryptedAlert { basis: Basis::Inferred }
                )
        };
        let endings = self.story.endings.len();
        self.story.endings.retain(|ending| !is_by_size(ending));
        if self.story.endings.len() < endings {
            // It was data, then, and no less an answer than what follows.
            self.story.tls.application_data[role].count += 1;
        }
    }

    fn take_alert(
        &mut self,
        role: Role,
        moment: Moment,
        level: u8,
        description: Option<AlertDescription>,
        basis: Basis,
        notes: &mut Notes,
    ) {
        notes.push(Note::Alert(description, basis));
        let is_tls13 = self.story.tls.version().is_some_and(Version::is_tls13);
        if description == Some(AlertDescription::CLOSE_NOTIFY) {
            self.end(EndingKind::CloseNotify, role, moment);
        } else if description.is_none_or(|description| description.is_fatal(level, is_tls13)) {
            self.end(EndingKind::Alert { description, basis }, role, moment);
        }
    }

    fn take_round_trip(&mut self, moment: Moment, reading: &Reading, round_trip: Elapsed, notes: &mut Notes) {
        let is_opening = reading.role == Role::Server && self.story.stage == Stage::SynAck;
        if self.viewpoint == Viewpoint::Socket && !is_opening {
            return;
        }
        notes.push(Note::RoundTrip(round_trip));
        let trips = &mut self.story.path.round_trips;
        let shortest = match reading.role {
            Role::Server => &mut trips.shortest_to_server,
            Role::Client => &mut trips.shortest_to_client,
        };
        *shortest = Some(shortest.map_or(round_trip, |known| known.min(round_trip)));
        if reading.role == Role::Server && self.story.data.client.first.is_some() && trips.data.is_none() {
            trips.data = Some((round_trip, moment.number));
        }
    }

    fn take_closing(&mut self, moment: Moment, segment: &Segment<'_>, reading: &Reading, notes: &mut Notes) {
        let role = reading.role;
        if let Some(fit) = reading.reset {
            if fit == ResetFit::Outside {
                notes.push(Note::IneffectiveReset);
            } else {
                let facts = self.reset_facts(moment, segment.header, reading, fit);
                self.reset_seq[role] = segment.header.tcp.seq;
                self.end(EndingKind::Reset(facts), role, moment);
            }
            return;
        }
        if reading.is_first_fin {
            self.end(EndingKind::Fin, role, moment);
        }
        self.watch_talk_after_reset(moment, segment, reading);
    }

    fn reset_facts(
        &self,
        moment: Moment,
        header: &SegmentHeader,
        reading: &Reading,
        fit: ResetFit,
    ) -> ResetFacts {
        let party = &self.story.parties[reading.role];
        let trips = &self.story.path.round_trips;
        ResetFacts {
            fit,
            hop_limit: header.ip.hop_limit,
            usual_hop_limits: [party.opening_path, party.later_path]
                .map(|path| path.map(|path| path.hop_limit)),
            is_stateless: header.ip.id.is_none_or(|id| id == 0)
                && header.tcp.window == Some(0)
                && header.tcp.options.is_some_and(|options| options.as_bytes().is_empty()),
            usual_timestamps: self.saw_timestamps[reading.role],
            after_trigger: self.last_packet[reading.role.other()].map(|trigger| moment.at - trigger.at),
            shortest_round_trip: match reading.role {
                Role::Server => trips.shortest_to_server,
                Role::Client => trips.shortest_to_client,
            },
            talked_on: None,
        }
    }

    /// A side that sends data beyond its own RST did not send that RST.
    fn watch_talk_after_reset(&mut self, moment: Moment, segment: &Segment<'_>, reading: &Reading) {
        let (Some(reset), Some(seq)) = (self.reset_seq[reading.role], segment.header.tcp.seq) else { return };
        let len = segment.header.payload_len.unwrap_or(0);
        if len == 0 || !(seq + len).is_after(reset) {
            return;
        }
        for ending in &mut self.story.endings {
            if let EndingKind::Reset(facts) = &mut ending.what
                && ending.by == reading.role
            {
                facts.talked_on.get_or_insert(moment.number);
            }
        }
    }

    /// Notes an ending, after the silence that it ends.
    fn end(&mut self, what: EndingKind, by: Role, moment: Moment) {
        if let Some(silence) = self.silence.take() {
            self.end_in_silence(silence);
        } else if self.client_ends_at_flight(&what, by) {
            self.story.tls.server_flight =
                self.story.data.server.last.map(|moment| Said { what: (), moment, basis: Basis::Inferred });
            self.reach(Stage::ServerFlightComplete, Basis::Inferred);
        }
        if self.story.endings.len() < limits::STORY_REPEATS {
            self.story.endings.push(Ending { what, by, moment, stage: self.story.stage });
        }
    }

    /// Whether a client ends it at the server's flight, of whose messages not all were captured. It did not wait for more of
    /// it, and the server had sent what it had to send: the flight was complete.
    fn client_ends_at_flight(&self, what: &EndingKind, by: Role) -> bool {
        let is_end = matches!(what, EndingKind::Fin | EndingKind::Reset(_));
        let only_alerts = self
            .story
            .endings
            .iter()
            .all(|ending| ending.by == Role::Client && !matches!(ending.what, EndingKind::Silence(_)));
        is_end
            && by == Role::Client
            && only_alerts
            && self.story.stage == Stage::ServerHello
            && self.server_was_cut
            && self.server_pushed
            && self.story.data.server.reported_hole.is_none()
    }

    fn reach(&mut self, stage: Stage, basis: Basis) {
        if stage > self.story.stage {
            self.story.stage = stage;
            self.story.basis = self.story.basis.max(basis);
        }
    }

    fn add_to_timeline(&mut self, place: Place, segment: &Segment<'_>, reading: &Reading, notes: Notes) {
        if !self.keeps_timeline {
            return;
        }
        let excerpt = if segment.payload.is_empty() { segment.printed } else { segment.payload };
        let seen = Seen::Segment {
            role: reading.role,
            header: Box::new(*segment.header),
            excerpt: excerpt.iter().copied().take(limits::TIMELINE_EXCERPT_BYTES).collect(),
            captured: segment.payload.len() as u32,
        };
        self.story.timeline.add(Entry {
            moment: place.moment,
            origin: place.origin,
            seen,
            notes: notes.list,
        });
    }
}
