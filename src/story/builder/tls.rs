//! TLS events and other protocols: how far the handshake got, and which records end the connection.

use super::notes::Notes;
use super::withdrawal::{withdraw_closing, withdraw_short_message};
use crate::limits;
use crate::packet::{Flags, Segment, SegmentHeader, Seq};
use crate::story::{
    EndingKind, Moment, Note, Observed, Opening, PreludeFacts, Stage, Story, TlsFacts, Turns,
};
use crate::tcp::{Observation, PerRole, Role, TcpConnection};
use crate::tls::{AlertDescription, Basis, ClientHello, Message, Plain, Prelude, TlsEvent, content_bytes};

/// What the facts about the TLS handshake rest on besides events.
#[derive(Clone, Debug, Default)]
pub(super) struct Handshake {
    /// The number after the ClientHello's segment, and after everything that the client had sent before.
    hello_end: Option<Seq>,
    /// The client acknowledged bytes that follow its Finished and that the capture never saw.
    saw_unseen_finished: bool,
    /// The sequence number at which the segment with the client's first request begins.
    requested: Option<Seq>,
    /// The server's first segment that acknowledges bytes of that and holds none itself: the number of the server's next byte, and
    /// the packet.
    acknowledged: Option<(Seq, Moment)>,
    /// Whether some of the server's payload is missing from its packets.
    is_server_cut: bool,
    /// Whether the server's last payload ended with a PSH, and is not as large as the largest before it: then more may follow.
    has_server_pushed: bool,
    /// The server's largest payload.
    largest_of_server: u32,
}

impl Handshake {
    /// Bytes were acknowledged that the capture never saw.
    pub(super) fn on_unseen(&mut self, stage: Stage) {
        self.saw_unseen_finished |= stage == Stage::ClientFinished;
    }

    /// New payload of the server came.
    pub(super) fn on_server_data(&mut self, segment: &Segment<'_>, observation: &Observation) {
        let captured = segment.payload.len() as u32;
        self.is_server_cut |= segment.header.payload_len.is_some_and(|len| len > captured);
        let len = segment.header.payload_len.unwrap_or(captured);
        self.has_server_pushed = observation.flags.has(Flags::PSH) && len != self.largest_of_server;
        self.largest_of_server = self.largest_of_server.max(len);
    }

    /// Records the server's acknowledgement of the ClientHello, with all that the client sent before it.
    pub(super) fn on_segment(
        &mut self,
        moment: Moment,
        connection: &TcpConnection,
        observation: &Observation,
        story: &mut Story,
    ) {
        let client = &connection.ends.client;
        if self.hello_end.is_none() && story.tls.client_hello.is_some() {
            self.hello_end = client.next;
        }
        let is_acknowledged =
            client.acked.zip(self.hello_end).is_some_and(|(acked, end)| acked.is_at_or_after(end));
        if observation.role == Role::Server && is_acknowledged {
            story.tls.hello_acknowledged.get_or_insert(moment);
        }
    }

    /// If a client ends the connection at the server's flight, and not all of its messages were captured, the client did not
    /// wait for more of it: the flight was complete.
    pub(super) fn on_ending(&self, what: &EndingKind, by: Role, story: &mut Story) {
        let is_end = matches!(what, EndingKind::Fin | EndingKind::Reset(_));
        let only_alerts = story
            .endings
            .iter()
            .all(|ending| ending.by == Role::Client && !matches!(ending.what, EndingKind::Silence(_)));
        let is_flight_complete = is_end
            && by == Role::Client
            && only_alerts
            && story.stage == Stage::ServerHello
            && self.is_server_cut
            && self.has_server_pushed
            && !story.lacks(Role::Client)
            && story.data.server.reported_hole.is_none();
        if is_flight_complete {
            story.tls.server_flight =
                story.data.server.last.map(|moment| Observed { what: (), moment, basis: Basis::Inferred });
            story.reach(Stage::ServerFlightComplete, Basis::Inferred);
        }
    }

    /// Records which data the server sent before it had received anything of the client's first request. Its acknowledgement number
    /// shows what it had received by then (RFC 9293, 3.10.7.4). Returns whether `segment` is of that kind.
    pub(super) fn on_data_before_request(
        &self,
        moment: Moment,
        header: &SegmentHeader,
        observation: &Observation,
        story: &mut Story,
    ) -> bool {
        let is_data = observation.role == Role::Server && observation.new_bytes > 0;
        let Some((requested, ack)) = self.requested.zip(header.tcp.ack).filter(|_| is_data) else {
            return false;
        };
        let is_before = observation.flags.ack() && !ack.is_after(requested);
        if is_before {
            story.tls.sent_before_request = Some(moment);
        }
        is_before
    }

    /// Records how long after the server's bare acknowledgement of the first request the bytes after it came, captured or not.
    pub(super) fn on_bytes_after_acknowledgement(
        &mut self,
        moment: Moment,
        header: &SegmentHeader,
        observation: &Observation,
        story: &mut Story,
    ) {
        let (Some(requested), Some(seq), Some(ack)) = (self.requested, header.tcp.seq, header.tcp.ack) else {
            return;
        };
        let turns = &mut story.tls.turns;
        match (observation.role, self.acknowledged) {
            (Role::Server, None) => {
                let is_bare = header.payload_len == Some(0) && observation.reset.is_none();
                if is_bare && observation.flags.ack() && ack.is_after(requested) {
                    self.acknowledged = Some((seq, moment));
                }
            }
            (Role::Server, Some((next, acknowledged)))
                if observation.new_bytes > 0 && seq.is_at_or_after(next) =>
            {
                turns.on_bytes_after_acknowledgement(moment.at - acknowledged.at);
            }
            (Role::Client, Some((next, acknowledged))) if observation.acked_unseen > 0 => {
                let begin = Seq(ack.0.wrapping_sub(observation.acked_unseen));
                if begin.is_at_or_after(next) {
                    turns.on_unseen_after_acknowledgement(moment.at - acknowledged.at);
                }
            }
            _ => {}
        }
    }

    /// Records where the client's first request begins, if this segment brought it.
    pub(super) fn on_client_data(
        &mut self,
        moment: Moment,
        header: &SegmentHeader,
        role: Role,
        story: &Story,
    ) {
        let first = story.tls.application_data.client.first();
        if role == Role::Client && first.is_some_and(|first| first.number == moment.number) {
            self.requested = self.requested.or(header.tcp.seq);
        }
    }

    /// The client sent data before the handshake was complete, as far as it shows: the server's Finished may be among what the capture
    /// lacks.
    fn on_early_data(&self, moment: Moment, story: &mut Story, notes: &mut Notes) {
        let tls = &mut story.tls;
        if self.saw_unseen_finished {
            tls.established.get_or_insert(Observed { what: (), moment, basis: Basis::Inferred });
            tls.application_data.client.add(moment);
            story.reach(Stage::ApplicationData, Basis::Inferred);
        } else {
            tls.early_data.get_or_insert(moment);
            notes.push(Note::EarlyData);
        }
    }

    /// Adds a TLS event. Returns the ending that it is, if it is one.
    pub(super) fn on_event(
        &self,
        event: TlsEvent,
        story: &mut Story,
        notes: &mut Notes,
    ) -> Option<EndingKind> {
        let moment = Moment { number: event.number, at: event.at };
        let (role, basis) = (event.role, event.basis);
        let tls = &mut story.tls;
        match event.message {
            Message::ClientHello(hello) if role == Role::Client => {
                take_client_hello(tls, *hello, moment, basis);
                on_client_hello(moment, basis, story);
            }
            Message::ClientHello(_) => {}
            Message::ServerHello(hello) if hello.is_retry => {
                tls.retry.get_or_insert(moment);
                tls.retry_group = tls.retry_group.or(hello.group);
                notes.push(Note::Retry);
            }
            Message::ServerHello(hello) => {
                tls.server_hello.get_or_insert(Observed { what: *hello, moment, basis });
                story.reach(Stage::ServerHello, basis);
            }
            Message::KeyExchangeGroup(group) => {
                tls.key_exchange_group.get_or_insert(group);
            }
            Message::Certificates(what) => {
                tls.certificates[role].get_or_insert(Observed { what, moment, basis });
            }
            Message::CertificateRequest => {
                tls.certificate_request.get_or_insert(moment);
            }
            Message::ServerFlightComplete => {
                on_server_flight(role, moment, basis, story);
            }
            Message::ClientFinished => {
                tls.client_finished.get_or_insert(Observed { what: (), moment, basis });
                story.reach(Stage::ClientFinished, basis);
            }
            Message::Established => on_established(moment, basis, story),
            Message::EarlyData => self.on_early_data(moment, story, notes),
            Message::ApplicationData(len) => on_application_data(role, moment, len, basis, story),
            Message::Alert { level, description } => {
                notes.push(Note::Alert(description, basis));
                return on_alert(role, level, &Observed { what: description, moment, basis }, story);
            }
            Message::EncryptedAlert => {
                notes.push(Note::EncryptedAlert);
                return Some(EndingKind::EncryptedAlert { basis });
            }
            Message::SizeReadings(observations) => {
                notes.push(Note::SizeReadings(observations.clone()));
                tls.size_readings = Some(Observed { what: observations, moment, basis });
            }
            Message::KeyUpdate => notes.push(Note::KeyUpdate),
            Message::Renegotiation => tls.renegotiation[role] = Some(moment),
            Message::Closing => {
                notes.push(Note::Closing);
                return Some(EndingKind::CloseNotify);
            }
            Message::ShortMessage => withdraw_short_message(role, story),
            Message::ClosingOrRefusal => {
                notes.push(Note::Closing);
                return Some(of_closing_or_refusal(story));
            }
            Message::Prelude(protocol, step) => {
                notes.push(Note::Prelude(protocol, step));
                let sent = story.data.client.bytes;
                let latest = Observed { what: step, moment, basis };
                PreludeFacts::record(&mut story.prelude, protocol, latest, sent);
            }
            Message::Unlisted => PreludeFacts::record_unlisted(&mut story.prelude),
            Message::Plain(plain) => on_plain(role, Observed { what: plain, moment, basis }, story, notes),
        }
        None
    }
}

/// Where only the client's answer proves the flight complete, it was so with the server's last bytes.
fn on_server_flight(by: Role, moment: Moment, basis: Basis, story: &mut Story) {
    let last = if by == Role::Client { story.data.server.last } else { None };
    let moment = last.unwrap_or(moment);
    story.tls.server_flight.get_or_insert(Observed { what: (), moment, basis });
    story.reach(Stage::ServerFlightComplete, basis);
}

/// Keeps the first ClientHello. A tool shows the name at the last segment of one whose first was known by its length.
fn take_client_hello(tls: &mut TlsFacts, hello: ClientHello, moment: Moment, basis: Basis) {
    if tls.retry.is_some() && tls.client_hello.is_some() {
        tls.second_hello.get_or_insert(moment);
    }
    let name = hello.server_name.clone();
    let known = tls.client_hello.get_or_insert(Observed { what: hello, moment, basis });
    if known.basis == Basis::Inferred && tls.server_hello.is_none() {
        known.what.server_name = known.what.server_name.take().or(name);
    }
}

fn on_client_hello(moment: Moment, basis: Basis, story: &mut Story) {
    if story.opening.known_by == Opening::Ports {
        story.opening.known_by = Opening::ClientHello;
    }
    let is_in_syn = story.stage == Stage::Syn && story.opening.syn.numbers().any(|syn| syn == moment.number);
    if !is_in_syn {
        story.opening.established.get_or_insert(moment);
        story.reach(Stage::ClientHello, basis);
    }
}

fn on_established(moment: Moment, basis: Basis, story: &mut Story) {
    story.tls.established.get_or_insert(Observed { what: (), moment, basis });
    story.reach(Stage::TlsEstablished, basis);
    if let Some(early) = story.tls.early_data {
        story.tls.application_data.client.add(early);
        story.reach(Stage::ApplicationData, basis);
    }
}

fn on_application_data(role: Role, moment: Moment, len: u32, basis: Basis, story: &mut Story) {
    let is_unasked = is_unasked(role, len, story.tls.is_tls13() == Some(true), story);
    withdraw_closing(role, story);
    let data = &story.tls.application_data;
    let before = PerRole { client: data.client.count, server: data.server.count };
    let bytes = content_bytes(len, story.tls.is_tls13() == Some(true));
    story.tls.runs.record(role, moment, bytes, before);
    story.tls.application_data[role].add(moment);
    if role == Role::Client {
        let is_tls13 = story.tls.is_tls13() == Some(true);
        // What fills a gap has no header to decode.
        if basis != Basis::Inferred || !story.tls.turns.is_known(len, is_tls13) {
            story.tls.turns.on_client(moment, len, is_tls13);
        }
    }
    let sizes = &mut story.tls.record_sizes[role];
    if sizes.len() < limits::STORY_REPEATS {
        sizes.push(len);
    }
    // A TLS 1.3 server's first records may be session tickets: only the client's data is certain to be.
    let is_data = role == Role::Client
        || story.tls.application_data.client.count > 0
        || story.tls.is_tls13() == Some(false);
    if is_unasked {
        story.tls.sent_before_request = Some(moment);
    }
    if story.stage >= Stage::ClientFinished && is_data {
        story.reach(Stage::ApplicationData, basis);
    }
}

/// Whether an event ends the connection, or asks for another handshake, and answers nothing.
fn is_farewell(event: &TlsEvent) -> bool {
    match event.message {
        Message::Closing | Message::ClosingOrRefusal | Message::ShortMessage | Message::Renegotiation => true,
        Message::Alert { description, .. } => description == Some(AlertDescription::CLOSE_NOTIFY),
        _ => false,
    }
}

/// Whether an event answers nothing: it only ends the connection, or is such a record.
pub(super) fn answers_nothing(event: &TlsEvent, story: &Story) -> bool {
    is_farewell(event) || is_unasked_frame(event, story)
}

/// Whether events are the server's records and nothing else, each as short as HTTP/2's control frames, where the client offers HTTP/2.
pub(super) fn are_control_frames(events: &[TlsEvent], story: &Story) -> bool {
    let is_tls13 = story.tls.is_tls13() == Some(true);
    let is_frame = |event: &TlsEvent| match event.message {
        Message::ApplicationData(len) => Turns::may_be_control_frames(len, is_tls13),
        _ => false,
    };
    !events.is_empty() && story.may_speak_http2() && events.iter().all(is_frame)
}

/// Whether an event is a record of frames that answer no request.
fn is_unasked_frame(event: &TlsEvent, story: &Story) -> bool {
    let is_tls13 = story.tls.is_tls13() == Some(true);
    matches!(event.message, Message::ApplicationData(len) if is_unasked(event.role, len, is_tls13, story))
}

/// Whether a record of the server's holds frames of HTTP/2 that answer no request, and nothing else answered it before.
fn is_unasked(role: Role, len: u32, is_tls13: bool, story: &Story) -> bool {
    role == Role::Server
        && story.may_speak_http2()
        && Turns::may_be_control_frames(len, is_tls13)
        && story.tls.application_data.client.count > 0
        && !story.has_records_of_an_answer()
}

/// An alert in clear: the ending that it is, or a warning.
fn on_alert(
    role: Role,
    level: u8,
    alert: &Observed<Option<AlertDescription>>,
    story: &mut Story,
) -> Option<EndingKind> {
    let Observed { what, moment, basis } = *alert;
    let ending = of_alert(level, what, basis, story);
    if let (None, Some(what)) = (&ending, what) {
        story.tls.warnings[role].get_or_insert(Observed { what, moment, basis });
    }
    ending
}

/// The ending that an alert in clear is, if it is one.
fn of_alert(
    level: u8,
    description: Option<AlertDescription>,
    basis: Basis,
    story: &Story,
) -> Option<EndingKind> {
    // Before the ServerHello no version is agreed on, and a warning is one (RFC 6066, 3: unrecognized_name).
    let is_tls13 = story.tls.server_hello.is_some() && story.tls.is_tls13() == Some(true);
    if description == Some(AlertDescription::CLOSE_NOTIFY) {
        return Some(EndingKind::CloseNotify);
    }
    let is_fatal = description.is_none_or(|description| description.is_fatal(level, is_tls13));
    is_fatal.then_some(EndingKind::Alert { description, basis })
}

/// What a record of a close_notify's size is that follows the client's certificate: the server's first record after the client's Finished
/// and request, tickets aside, is no close_notify.
fn of_closing_or_refusal(story: &Story) -> EndingKind {
    let is_refusal = story.tls.application_data.client.count > 0 && !story.has_records_of_an_answer();
    if is_refusal { EndingKind::EncryptedAlert { basis: Basis::Inferred } } else { EndingKind::CloseNotify }
}

fn on_plain(role: Role, observed: Observed<Plain>, story: &mut Story, notes: &mut Notes) {
    if !observed.what.line.is_empty() || !notes.name_a_prelude() {
        notes.push(Note::Plain(observed.what.line.clone()));
    }
    if let Some(step) = PreludeFacts::connect_step(story.prelude.as_ref(), role, observed.what.kind) {
        let step = Observed { what: step, moment: observed.moment, basis: observed.basis };
        let sent = story.data.client.bytes;
        PreludeFacts::record(&mut story.prelude, Prelude::Connect, step, sent);
    }
    let is_unanswered = story.tls.server_hello.is_none() && story.tls.retry.is_none();
    let hello = story.tls.client_hello.as_ref().filter(|_| is_unanswered).map(|hello| hello.moment.number);
    if role == Role::Server
        && let (Some(prelude), Some(hello)) = (&story.prelude, hello)
        && prelude.is_agreed()
        && story.order.is_after(hello, prelude.latest.moment.number)
    {
        // The ClientHello went through an open tunnel, or to a server that agreed to start TLS: this answers it.
        story.plain.server = Some(observed);
    } else {
        story.plain[role].get_or_insert(observed);
    }
}

#[cfg(test)]
mod tests {
    use crate::story::Stage;
    use crate::story::script::talk::{self, Talk, ssm};
    use crate::tcp::Role::{self, Client, Server};
    use crate::verdict::Actor;

    #[test]
    fn a_record_of_a_closing_s_size_is_data_if_its_sender_continues() {
        let flight = [talk::server_hello_13(), talk::encrypted(200), talk::encrypted(53)].concat();
        let greeted = ssm()
            .open()
            .say(Client, &talk::client_hello())
            .say(Server, &flight)
            .say(Client, &talk::encrypted(53))
            .say(Client, &talk::encrypted(19));
        assert_eq!(greeted.story(0).endings.len(), 1);
        let continued =
            greeted.say(Server, &talk::encrypted(120)).say(Client, &talk::encrypted(90)).ack(Server);
        let story = continued.story(0);
        assert_eq!((story.endings.len(), story.tls.application_data.client.count), (0, 2));
    }

    #[test]
    fn a_record_of_an_alert_s_size_before_the_client_s_finished_is_data_if_the_server_continues() {
        let flight = [talk::server_hello_13(), talk::encrypted(200), talk::encrypted(53)].concat();
        let spoke = ssm()
            .open()
            .say(Client, &talk::client_hello())
            .say(Server, &flight)
            .say(Server, &talk::encrypted(19));
        let aborted = spoke.clone().fin(Server).verdict(0);
        assert_eq!(aborted.code.name(), "tls-alert", "{}", aborted.headline);
        let asked = spoke.say(Client, &talk::encrypted(53)).say(Client, &talk::encrypted(150));
        let answered = asked.say(Server, &talk::encrypted(3_000)).ack(Client).fin(Client).fin(Server);
        assert_eq!(answered.code(0), "healthy");
    }

    #[test]
    fn a_request_for_a_tunnel_that_is_split_within_its_first_word_is_one() {
        for at in [1, 3, 7, 12] {
            let (one, other) = b"CONNECT ssm.example:8443 HTTP/1.1\r\n\r\n".split_at(at);
            let asked = Talk::to_port(3128).open().say(Client, one).say(Client, other).ack(Server);
            for at in [1, 3, 7, 11] {
                let (one, other) = b"HTTP/1.1 407 Proxy Authentication Required\r\n\r\n".split_at(at);
                let refused = asked.clone().say(Server, one).say(Server, other).fin(Server).fin(Client);
                let verdict = refused.verdict(0);
                assert_eq!(verdict.is(), ("proxy-refused", Actor::Client, Some("407")), "{at}");
            }
            assert_eq!(asked.wait(1_500).fin(Client).fin(Server).code(0), "no-response", "{at}");
        }
    }

    #[test]
    fn tls_that_is_split_within_its_first_header_is_found_after_what_precedes_it() {
        let tunnel = || {
            let asked = Talk::to_port(3128).open().say(Client, b"CONNECT ssm.example:8443 HTTP/1.1\r\n\r\n");
            asked.say(Server, b"HTTP/1.1 ").say(Server, b"200 OK\r\n\r\n")
        };
        let start_tls = || {
            let greeted = Talk::to_port(25).open().say(Server, b"220 mail.example ESMTP\r\n");
            let asked = greeted.say(Client, b"STARTTLS\r\n");
            asked.say(Server, b"220 2.0.0 Ready to start TLS\r\n")
        };
        let split = |talk: Talk, by: Role, bytes: &[u8], at: usize| {
            let (one, other) = bytes.split_at(at);
            talk.say(by, one).say(by, other)
        };
        for at in 1..=6 {
            for agreed in [tunnel(), start_tls()] {
                let hello = split(agreed, Client, &talk::client_hello(), at);
                assert_eq!(hello.story(0).stage, Stage::ClientHello, "{at}");
                let silent = hello.clone().ack(Server).verdict(8_000);
                assert_eq!(silent.code.name(), "no-server-hello", "{at}: {}", silent.headline);
                let answered = split(hello, Server, &talk::server_flight(), at);
                let done = answered.say(Client, &talk::client_flight()).say(Server, &talk::finished());
                assert_eq!(done.story(0).stage, Stage::TlsEstablished, "{at}");
            }
        }
        // A byte that begins no record, and one whose record does not follow.
        let other = tunnel().say(Client, &[22]).say(Client, b"something else").ack(Server);
        assert_eq!(other.story(0).stage, Stage::TcpEstablished);
    }

    #[test]
    fn a_client_hello_right_after_the_request_for_a_tunnel_is_found() {
        let request = [&[5, 1, 0, 1, 198, 51, 100, 20, 0x20, 0xfb][..], &talk::client_hello()].concat();
        let talk = Talk::to_port(1080)
            .open()
            .say(Client, &[5, 1, 0])
            .say(Server, &[5, 0])
            .say(Client, &request)
            .say(Server, &[5, 0, 0, 1, 0, 0, 0, 0, 0, 0])
            .say(Server, &talk::server_flight())
            .say(Client, &talk::client_flight())
            .say(Server, &talk::finished());
        assert_eq!(talk.story(0).stage, Stage::TlsEstablished);
    }

    #[test]
    fn a_proxy_protocol_header_is_passed_over_in_its_own_segment_and_before_the_hello() {
        let header = b"PROXY TCP4 192.0.2.1 192.0.2.2 5000 8443\r\n";
        let apart = ssm().open().say(Client, header).then_tls();
        let together = ssm()
            .open()
            .say(Client, &[&header[..], &talk::client_hello()].concat())
            .say(Server, &talk::server_flight())
            .say(Client, &talk::client_flight())
            .say(Server, &talk::finished());
        assert_eq!(apart.story(0).stage, Stage::ApplicationData);
        assert_eq!(together.story(0).stage, Stage::TlsEstablished);
    }

    #[test]
    fn a_client_whose_last_bytes_are_missing_may_have_answered_the_server_s_flight() {
        let begun = || ssm().open().say(Client, &talk::client_hello()).say(Server, &talk::server_flight());
        let mut closed = begun().say(Client, &talk::client_flight()).fin(Client);
        closed.packets[4].payload.truncate(100);
        // The segment with the client's flight.
        closed.packets.remove(5);
        let verdict = closed.verdict(0);
        assert_eq!((closed.story(0).stage, verdict.code.name()), (Stage::ServerHello, "capture-gap"));
        let mut silent = begun().fin(Client);
        silent.packets[4].payload.truncate(100);
        assert_eq!(
            (silent.story(0).stage, silent.verdict(0).code.name()),
            (Stage::ServerFlightComplete, "closed-early")
        );
    }

    /// The same with no more than this of each payload captured.
    fn cut(mut talk: Talk, bytes: usize) -> Talk {
        for packet in &mut talk.packets {
            packet.payload.truncate(bytes);
        }
        talk
    }

    #[test]
    fn a_finished_s_size_after_a_change_of_ciphers_shows_tls_13() {
        let flight = [talk::server_hello_13(), talk::encrypted(1_300)].concat();
        let finished = [&[20, 3, 3, 0, 1, 1][..], &talk::encrypted(53)].concat();
        let talk =
            ssm().open().say(Client, &talk::client_hello()).say(Server, &flight).say(Client, &finished);
        let talk = talk.say(Client, &talk::encrypted(156)).say(Server, &talk::encrypted(164));
        assert_eq!(cut(talk, 8).story(0).stage, Stage::ApplicationData);
    }

    #[test]
    fn a_record_of_data_after_a_change_of_ciphers_shows_tls_13_whatever_its_size() {
        let flight = [talk::server_hello_13(), talk::encrypted(1_300)].concat();
        // With the client's own extensions before the Finished, as some browsers send them.
        let finished = [&[20, 3, 3, 0, 1, 1][..], &talk::encrypted(63)].concat();
        let hello = || ssm().open().say(Client, &talk::client_hello()).say(Server, &flight);
        assert_eq!(cut(hello().say(Client, &finished), 8).story(0).stage, Stage::TlsEstablished);
        // Up to TLS 1.2 a Finished is a handshake record.
        let older = [&[20, 3, 3, 0, 1, 1, 22, 3, 3, 0, 63][..], &[7; 63]].concat();
        assert_eq!(cut(hello().say(Client, &older), 8).story(0).stage, Stage::ServerHello);
    }

    #[test]
    fn a_flight_whose_last_segment_is_as_large_as_the_one_before_may_have_more() {
        let hello = || ssm().open().say(Client, &talk::client_hello()).fin(Client);
        let stage = |parts: &[usize]| {
            let flight = [talk::server_hello_13(), talk::encrypted(3_000)].concat();
            let mut rest = &flight[..];
            let answered = parts.iter().fold(hello(), |talk, len| {
                let (part, after) = rest.split_at(*len);
                rest = after;
                talk.say(Server, part)
            });
            cut(answered.segment(Client, "R", 207, &[]), 70).story(0).stage
        };
        assert_eq!(stage(&[1_200, 1_200]), Stage::ServerHello);
        assert_eq!(stage(&[1_200, 900]), Stage::ServerFlightComplete);
    }

    #[test]
    fn a_client_hello_may_share_its_segment_with_the_request_for_a_tunnel_or_precede_the_answer() {
        let connect = b"CONNECT ssm.example:8443 HTTP/1.1\r\n\r\n";
        let agreed = b"HTTP/1.1 200 OK\r\n\r\n";
        let together = [&connect[..], &talk::client_hello()].concat();
        let merged = Talk::to_port(3128).open().say(Client, &together).say(Server, agreed);
        let eager = Talk::to_port(3128).open().say(Client, connect).say(Client, &talk::client_hello());
        for asked in [merged, eager.say(Server, agreed)] {
            let silent = asked.clone().ack(Client).verdict(9_000);
            assert_eq!(silent.is(), ("no-server-hello", Actor::Server, None), "{}", silent.headline);
            let answered = asked.say(Server, &talk::server_flight()).say(Client, &talk::client_flight());
            assert_eq!(answered.say(Server, &talk::finished()).story(0).stage, Stage::TlsEstablished);
        }
        let both = [&agreed[..], &talk::server_flight()].concat();
        let merged = Talk::to_port(3128).open().say(Client, &together).say(Server, &both);
        let done = merged.say(Client, &talk::client_flight()).say(Server, &talk::finished());
        assert_eq!(done.story(0).stage, Stage::TlsEstablished);
        // SOCKS.
        let request = [&[5, 1, 0, 1, 198, 51, 100, 20, 0x20, 0xfb][..], &talk::client_hello()].concat();
        let greeted = Talk::to_port(1080).open().say(Client, &[5, 1, 0]).say(Server, &[5, 0]);
        let asked = greeted.say(Client, &request).say(Server, &[5, 0, 0, 1, 0, 0, 0, 0, 0, 0]).ack(Client);
        let silent = asked.verdict(9_000);
        assert_eq!(silent.is(), ("no-server-hello", Actor::Server, None), "{}", silent.headline);
    }

    #[test]
    fn control_frames_of_http_2_are_no_answer_and_a_cancelled_request_had_none() {
        let hello = talk::client_hello_with(&[(45, &[1, 1]), (16, b"\x00\x03\x02h2")]);
        let flight = [talk::server_hello_13(), talk::encrypted(200), talk::encrypted(53)].concat();
        let shaken = ssm().open().say(Client, &hello).say(Server, &flight).say(Client, &talk::encrypted(53));
        // The server's settings, the request with the client's, and the acknowledgements of both.
        let asked = shaken.say(Server, &talk::encrypted(57)).say(Client, &talk::encrypted(91));
        let waiting = asked.say(Server, &talk::encrypted(26)).say(Client, &talk::encrypted(26)).ack(Server);
        // RST_STREAM, GOAWAY and a close_notify after 8 s.
        let cancelled = waiting.clone().wait(8_000).say(Client, &talk::encrypted(30)).ack(Server);
        let left = cancelled.say(Client, &talk::encrypted(34)).say(Client, &talk::encrypted(19)).fin(Client);
        assert_eq!(left.fin(Server).verdict(0).is(), ("no-response", Actor::Server, None));
        let answered = waiting.say(Server, &talk::encrypted(60)).ack(Client).wait(8_000).fin(Client);
        assert_eq!(answered.fin(Server).code(0), "healthy");
    }
}
