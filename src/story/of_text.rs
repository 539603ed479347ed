//! What text without payload, and packets without times, leave open about a connection.

use super::{AnswerDoubt, Ending, EndingKind, Holds, Moment, Stage, Story};
use crate::packet::Viewpoint;
use crate::tcp::Role;
use crate::time::{Clock, Elapsed};
use crate::tls::{Basis, PlainKind, is_usual_on};

/// A server that resets a connection later than this after its last data does so because nobody used it.
const AT_ONCE: Elapsed = Elapsed::from_millis(1_000);

/// Ports on which HTTP's proxies listen as a rule, and SOCKS's.
const PROXY_PORTS: [u16; 4] = [3128, 8080, 8118, 8888];
const SOCKS_PORTS: [u16; 2] = [1080, 9050];

/// The shortest request of HTTP for a tunnel, `CONNECT a:1 HTTP/1.1` with its empty line, in bytes.
const SHORTEST_CONNECT: u64 = 24;

/// A client that asks for a tunnel and is refused says no more than this: it asks, gives a name and a password, and asks again.
const REFUSED_WITHIN: u64 = 4;

/// Bytes of a ClientHello with extensions.
const HELLO_BYTES: std::ops::RangeInclusive<u64> = 100..=2_000;

/// Fewer bytes than the shortest ServerHello has with its headers.
const SMALL_ANSWER_BYTES: std::ops::Range<u64> = 1..47;

impl Story {
    /// Whether text that holds none of the data shows a short exchange on a port of proxies, where a tunnel may have been asked for and
    /// refused.
    pub fn may_be_a_refused_tunnel(&self) -> bool {
        let is_unread = |role: Role| {
            self.plain[role]
                .as_ref()
                .is_none_or(|plain| plain.what.kind == PlainKind::Binary && plain.basis == Basis::Inferred)
        };
        let (port, sent) = (self.parties.server.port, &self.traffic.counters.client);
        self.capture.is_text
            && (SOCKS_PORTS.contains(&port) || PROXY_PORTS.contains(&port) && sent.bytes >= SHORTEST_CONNECT)
            && self.prelude.is_none()
            && is_unread(Role::Client)
            && is_unread(Role::Server)
            && self.data.server.first.is_some()
            && sent.data_segments <= REFUSED_WITHIN
    }

    /// Whether one length alone makes a handshake of TLS of an exchange on a port where none is expected: the client's second turn, after
    /// which the server said nothing until one of them closed. A third of all lengths up to 330 bytes are those of some client's flight.
    pub fn is_closed_in_tls_by_one_length(&self) -> bool {
        let is_unread = self.tls.client_hello.as_ref().is_some_and(|hello| hello.basis == Basis::Inferred);
        let is_inside = |end: &Ending| end.what == EndingKind::Fin && end.stage == Stage::ClientFinished;
        is_unread
            && self.holds_lengths_alone()
            && !self.expects_tls
            && !is_usual_on(self.parties.server.port)
            && self.prelude.is_none()
            && self.tls.application_data.server.count == 0
            && self.endings.first().is_some_and(is_inside)
    }

    /// Whether lengths are all that is known of the handshake, as of text without payload: an answer may have a session ticket's, and
    /// a request a close_notify's.
    pub(in crate::story) fn holds_lengths_alone(&self) -> bool {
        self.capture.is_text && self.is_handshake_a_length()
    }

    /// Whether nothing but its length shows the ServerHello, as where the snapshot length leaves no payload.
    pub(in crate::story) fn is_handshake_a_length(&self) -> bool {
        self.tls.server_hello.as_ref().is_none_or(|hello| hello.basis == Basis::Inferred)
    }

    /// Whether lengths alone show that the client's first message inside TLS got no answer: it is longer than a
    /// close_notify, and the server sent nothing after it that might be a session ticket or an answer.
    pub(in crate::story) fn is_unanswered_by_lengths(&self) -> bool {
        // By the request's own packet: whether what crossed it may be an answer takes numbers, which cut lines lack.
        let asked = self.tls.application_data.client.first();
        let Some((turn, asked)) = self.tls.turns.open().zip(asked) else { return false };
        let server = &self.data.server;
        let mut said = server.last.into_iter().chain(server.sent_unknown);
        turn.is_longer_than_a_farewell() && said.all(|said| !self.order.is_after(said.number, asked.number))
    }

    /// Whether what the connection ended with is left out, as by a display filter: no packet is there but those with data.
    pub fn is_end_left_out(&self) -> bool {
        self.holds_data_alone()
            && self.endings.is_empty()
            && self.opening.syn.count + self.opening.syn_ack.count == 0
    }

    /// Whether a silence after a single SYN is the text's own, which holds nothing of TCP but SYNs: a client repeats an unanswered SYN after
    /// 1 s, and those of old systems after 3 s (RFC 6298, 2.1; RFC 1122, 4.2.3.1). Scanners don't.
    pub fn is_repeat_left_out(&self, ending: &Ending) -> bool {
        const DUE: Elapsed = Elapsed::from_millis(4_000);
        let EndingKind::Silence(silence) = &ending.what else { return false };
        self.capture.holds == Holds::SynsOfText
            && self.capture.viewpoint == Viewpoint::Wire
            && ending.stage == Stage::Syn
            && self.opening.syn.count == 1
            && self.opening.previous_connection.server.first().is_none()
            && silence.elapsed() >= DUE
            && !self.has_scanner_syn()
            && !self.is_syn_dropped()
    }

    /// Whether what a silence lacks may be in lines of the text that could not be read: they come after what was sent last.
    pub fn may_be_unread(&self, ending: &Ending) -> bool {
        let EndingKind::Silence(silence) = &ending.what else { return false };
        let repeated =
            self.data[silence.awaited_from.other()].unacknowledged.and_then(|waiting| waiting.last_repeat);
        let syn = self.opening.last_syn.filter(|_| ending.stage == Stage::Syn);
        let since =
            [Some(silence.since), repeated, syn].into_iter().flatten().map(|moment| moment.number).max();
        let unread = self.capture.unread;
        let lasts_to_the_end = self.last.at < silence.until;
        unread.last_within().is_some_and(|place| since.is_none_or(|since| place >= since))
            || lasts_to_the_end && unread.is_after()
    }

    /// Whether lines of the text that could not be read hide data of a connection that is followed by lengths alone: what looks like an answer may
    /// be none.
    pub fn hides_answers(&self) -> bool {
        let missing = &self.missing;
        let [client, server] =
            [Role::Client, Role::Server].map(|role| missing.acked_unseen[role] > 1 || missing.gap[role] > 0);
        self.holds_lengths_alone()
            && self.tls.client_hello.is_some()
            && self.capture.unread.last_within().is_some()
            && (client || server)
    }

    /// Whether segments whose length no text shows, since their lines were cut, may hold what an ending inside the handshake seems to lack.
    pub fn hides_data_before(&self, ending: &Ending) -> bool {
        let is_hidden = |role: Role| {
            let unknown = self.data[role].sent_unknown;
            unknown.is_some_and(|unknown| !self.order.is_after(unknown.number, ending.moment.number))
        };
        let is_inside = ending.stage > Stage::SynAck && ending.stage < Stage::TlsEstablished;
        self.capture.is_text
            && is_inside
            && match ending.what {
                EndingKind::Fin | EndingKind::Reset(_) => is_hidden(Role::Client) || is_hidden(Role::Server),
                EndingKind::Silence(_) => is_hidden(ending.by),
                EndingKind::Alert { .. } | EndingKind::EncryptedAlert { .. } | EndingKind::CloseNotify => {
                    false
                }
            }
    }

    /// The server's RST right after its reply, where lengths alone are known and do not show whether the reply was complete.
    pub(in crate::story) fn cut_doubt(&self) -> Option<AnswerDoubt> {
        let first = self.endings.first().filter(|first| first.by == Role::Server)?;
        let last = self.data.server.last?;
        let is_reset = matches!(first.what, EndingKind::Reset(_)) && first.stage == Stage::ApplicationData;
        (self.holds_lengths_alone() && is_reset && first.moment.at - last.at < AT_ONCE)
            .then_some(AnswerDoubt::Cut(first.moment))
    }

    /// The client's end of a connection on which its request got no answer, where packets without times do not show how long it
    /// waited for one.
    pub(in crate::story) fn timeless_doubt(&self) -> Option<AnswerDoubt> {
        let left = self.left_without_an_answer().filter(|_| self.capture.clock == Clock::Absent)?;
        (self.tls.turns.open().is_some() && !self.speaks_one_way())
            .then_some(AnswerDoubt::Timeless(left.moment))
    }

    /// Whether lengths, all that there is, are those of a ClientHello that was refused as well as those of a plain question: one
    /// segment of the client's, few bytes of the server's, and the end.
    pub fn may_be_a_refused_hello(&self) -> bool {
        let bytes = |role: Role| self.traffic.counters[role].bytes;
        let is_unread = |role: Role| {
            self.plain[role]
                .as_ref()
                .is_none_or(|plain| plain.what.kind == PlainKind::Binary && plain.basis == Basis::Inferred)
        };
        let [first, last] = [self.data.client.first, self.data.client.last];
        self.capture.is_text
            && is_unread(Role::Client)
            && is_unread(Role::Server)
            && first
                .zip(self.data.server.first)
                .is_some_and(|(asked, answered)| self.order.is_after(answered.number, asked.number))
            && first == last
            && HELLO_BYTES.contains(&bytes(Role::Client))
            && SMALL_ANSWER_BYTES.contains(&bytes(Role::Server))
            && self.endings.iter().any(|ending| !matches!(ending.what, EndingKind::Silence(_)))
    }

    /// Whether the tool that printed the text left open what the client sent last, after the ServerHello and before anything of its own
    /// flight: its Finished may be in that.
    pub fn is_client_s_flight_unread(&self) -> bool {
        self.capture.is_text
            && self.tls.is_inside_record.client
            && matches!(self.stage, Stage::ServerHello | Stage::ServerFlightComplete)
    }

    /// Whether the side that ended the connection may have waited for the other one's next step until its timeout: packets without times do
    /// not show it.
    pub fn may_have_waited(&self, ending: &Ending) -> bool {
        let by = ending.by;
        let is_after = |one: Moment, other: Moment| self.order.is_after(one.number, other.number);
        let [own, other] = [by, by.other()].map(|role| self.data[role].last);
        let spoke_last = own.is_some_and(|own| other.is_none_or(|other| is_after(own, other)));
        // Who connects speaks first, and the server's flight may be incomplete.
        let is_owed = match by {
            Role::Client => spoke_last || ending.stage == Stage::ServerHello,
            Role::Server => spoke_last || own.is_none() && other.is_none(),
        };
        self.capture.clock == Clock::Absent && is_owed && ending.stage > Stage::SynAck
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::story::script::talk::{self, Talk, exchange, handshake, ssm};
    use crate::story::{CaptureFacts, UnreadLines};
    use crate::tcp::Role::{Client, Server};
    use crate::verdict::Actor;

    #[test]
    fn a_single_syn_in_a_text_of_syns_alone_was_answered_or_its_repeats_are_left_out() {
        let verdict = |talk: Talk, millis, holds_syns_alone| {
            let end = talk.clone().wait(millis).now;
            let holds = if holds_syns_alone { Holds::SynsOfText } else { Holds::Others };
            let facts = CaptureFacts { end, is_text: true, holds, ..CaptureFacts::default() };
            talk.story_in(facts).verdict()
        };
        let text = |talk, millis| verdict(talk, millis, true);
        assert_eq!(verdict(ssm().syn(), 8_000, false).code.name(), "syn-no-reply");
        let verdict = text(ssm().syn(), 8_000);
        assert_eq!(verdict.code.name(), "capture-gap", "{}", verdict.headline);
        assert!(verdict.mentions("repeats"), "{verdict:?}");
        // Repeats show that no reply arrived, and a capture of frames lacks none.
        assert_eq!(text(ssm().syn().wait(1_000).syn(), 8_000).code.name(), "syn-no-reply");
        assert_eq!(text(ssm().syn(), 3_500).code.name(), "syn-no-reply");
        assert_eq!(ssm().syn().code(8_000), "syn-no-reply");
    }

    #[test]
    fn what_may_be_in_lines_that_could_not_be_read_is_no_fault() {
        let verdict = |talk: &Talk, last_within, is_after| {
            let unread = lines(last_within, is_after);
            let end = talk.clone().wait(8_000).now;
            talk.story_in(CaptureFacts { end, is_text: true, unread, ..CaptureFacts::default() }).verdict()
        };
        let hello = ssm().open().say(Client, &talk::client_hello()).ack(Server);
        assert_eq!(verdict(&hello, None, false).code.name(), "no-server-hello");
        assert_eq!(verdict(&hello, Some(2), false).code.name(), "no-server-hello");
        let unsure = verdict(&hello, None, true);
        assert_eq!(unsure.code.name(), "capture-gap", "{}", unsure.headline);
        assert!(unsure.mentions("could not be read"), "{unsure:?}");
        // What is sent again after such a line was not answered in it.
        let syns = ssm().syn().wait(1_000).syn();
        assert_eq!(verdict(&syns, Some(1), false).code.name(), "syn-no-reply");
        assert_eq!(verdict(&syns, Some(1), true).code.name(), "capture-gap");
    }

    #[test]
    fn where_lines_that_could_not_be_read_hide_data_an_answer_is_none_for_certain() {
        let verdict = |last_within| {
            let mut talk = exchange();
            for packet in &mut talk.packets {
                packet.payload.clear();
            }
            // The client's Finished and its request.
            talk.packets.remove(5);
            let unread = lines(last_within, false);
            talk.story_in(CaptureFacts { end: talk.now, is_text: true, unread, ..CaptureFacts::default() })
                .verdict()
        };
        assert_eq!(verdict(None).code.name(), "healthy");
        let unsure = verdict(Some(5));
        assert_eq!(unsure.code.name(), "capture-gap", "{}", unsure.headline);
        assert!(unsure.mentions("could not be read"), "{unsure:?}");
    }

    #[test]
    fn after_segments_of_unknown_length_an_end_says_nothing_of_the_handshake() {
        let cut = |talk: Talk, from: Role| {
            let mut story = lengths(talk);
            let unknown = story.data[from].last.or(story.data[from].first);
            story.data[from].sent_unknown = unknown.or(Some(story.first));
            story.verdict()
        };
        let opened = || ssm().open().ack(Server);
        assert_eq!(lengths(opened().rst(Server)).verdict().code.name(), "reset");
        for talk in [opened().rst(Server), opened().fin(Server), opened().fin(Client)] {
            for from in [Client, Server] {
                let verdict = cut(talk.clone(), from);
                assert_eq!(verdict.code.name(), "capture-gap", "{}", verdict.headline);
                assert!(verdict.mentions("cut"), "{verdict:?}");
            }
        }
    }

    /// Lines that could not be read, for a connection of packets 1 to 99.
    fn lines(within: Option<u64>, is_after: bool) -> UnreadLines {
        UnreadLines::between(within.into_iter().chain(is_after.then_some(99)), 1, 99)
    }

    /// As text that shows lengths only, which ends with the last packet.
    fn lengths(mut talk: Talk) -> Box<Story> {
        for packet in &mut talk.packets {
            packet.payload.clear();
        }
        talk.story_in(CaptureFacts { end: talk.now, is_text: true, ..CaptureFacts::default() })
    }

    fn timeless(talk: &Talk) -> Box<Story> {
        talk.story_in(CaptureFacts {
            end: talk.now,
            clock: Clock::Absent,
            is_text: true,
            ..CaptureFacts::default()
        })
    }

    #[test]
    fn a_request_that_ends_the_text_is_open_and_one_that_the_server_closes_on_is_unanswered() {
        let asked = handshake().say(Client, &talk::encrypted(150));
        assert_eq!(lengths(asked.clone()).verdict().code.name(), "in-progress");
        let closed = asked.clone().ack(Server).fin(Server).ack(Client).fin(Client);
        assert_eq!(lengths(closed).verdict().is(), ("no-response", Actor::Server, None));
        // What may be a close_notify, and what was answered.
        let short = handshake().say(Client, &talk::encrypted(64)).ack(Server);
        assert_eq!(lengths(short.fin(Server)).verdict().code.name(), "healthy");
        let answered = asked.say(Server, &talk::encrypted(900)).ack(Client);
        assert_eq!(lengths(answered.clone()).verdict().code.name(), "healthy");
        assert_eq!(lengths(answered.fin(Server).fin(Client)).verdict().code.name(), "healthy");
    }

    #[test]
    fn a_rst_right_after_a_reply_of_which_only_the_length_is_known_may_have_cut_it() {
        let reset = lengths(exchange().rst(Server)).verdict();
        assert_eq!(reset.code.name(), "in-progress", "{}", reset.headline);
        assert!(reset.headline.contains("reply was complete"), "{}", reset.headline);
        for whole in [exchange().wait(5_000).rst(Server), exchange().ack(Client).rst(Client)] {
            assert_eq!(lengths(whole).verdict().code.name(), "healthy");
        }
    }

    #[test]
    fn without_times_a_client_that_leaves_without_an_answer_may_have_waited_for_it() {
        let asked = handshake().say(Client, &talk::encrypted(150)).ack(Server);
        let left =
            timeless(&asked.clone().say(Client, &talk::close_notify()).fin(Client).fin(Server)).verdict();
        assert_eq!(left.code.name(), "in-progress", "{}", left.headline);
        assert!(left.mentions("no times"), "{left:?}");
        let answered = asked.say(Server, &talk::encrypted(900)).fin(Client).fin(Server);
        assert_eq!(timeless(&answered).verdict().code.name(), "healthy");
    }

    #[test]
    fn without_times_nobody_is_blamed_for_leaving_while_the_other_side_owed_the_next_step() {
        let hello = ssm().open().say(Client, &talk::client_hello()).ack(Server);
        let flight = hello.clone().say(Server, &talk::server_flight()).ack(Client);
        for (talk, code) in [
            (hello.clone().fin(Client), "closed-early"),
            (hello.rst(Client), "reset"),
            (flight.clone().fin(Server), "closed-early"),
            (ssm().open().fin(Server), "closed-early"),
        ] {
            let verdict = timeless(&talk).verdict();
            assert_eq!(verdict.is(), (code, Actor::Unknown, None), "{}", verdict.headline);
            assert!(verdict.mentions("have no times"), "{verdict:?}");
        }
        assert_eq!(timeless(&flight.fin(Client)).verdict().is(), ("closed-early", Actor::Client, None));
    }
}
