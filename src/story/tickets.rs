//! What the server sends inside TLS that may be no answer: session tickets (RFC 8446, 4.6.1), a farewell, and what the capture lacks.

use std::ops::RangeInclusive;

use super::{Ending, EndingKind, Moment, Story, Turns};
use crate::packet::Viewpoint;
use crate::tcp::Role;
use crate::time::Elapsed;
use crate::tls::{Basis, content_bytes};

/// Session tickets that come in pairs have these sizes, in bytes of record body: OpenSSL's and nginx's have some 250, and none is shorter
/// than its fields, a nonce and the name of a key.
const TICKET_BYTES: RangeInclusive<u32> = 64..=512;

/// A single ticket may hold the session itself, with its certificates, as Java's do. In bytes of record body.
const STATELESS_TICKET_BYTES: RangeInclusive<u32> = 64..=2_048;

/// By how much the record of a NewSessionTicket is longer than its ticket, in bytes: the message's other fields (RFC 8446, 4.6.1), the
/// content type and the tag.
const TICKET_OVERHEAD: RangeInclusive<u32> = 34..=90;

/// Bytes on the wire that may be two tickets of that size, with their headers.
const UNSEEN_TICKETS: u64 = 2 * (*TICKET_BYTES.end() as u64 + 5);

/// Bytes on the wire that may be a farewell: the largest record of an alert up to TLS 1.2 has 85.
const UNSEEN_FAREWELL: u64 = 85;

/// Bytes on the wire of an alert in TLS 1.3: a header of 5, and a body of 11 with an 8-byte tag, of 19, or of 35 with JSSE's padding.
const UNSEEN_ALERT: [u64; 3] = [16, 24, 40];

/// The number of the extension by which a client takes tickets.
const PSK_KEY_EXCHANGE_MODES: u16 = 45;

/// A server sends its tickets when it has the client's Finished, within this time or three round trips.
const TICKETS_WITHIN: Elapsed = Elapsed::from_millis(100);

/// The same with the time within which the client acknowledges them (RFC 9293, 3.8.6.3).
const TICKETS_ACKNOWLEDGED_WITHIN: Elapsed = Elapsed::from_millis(600);

/// Why it is unknown whether a request inside TLS was answered.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum AnswerDoubt {
    /// All that the server sent is a record, in this packet, or two of one size, which may be session tickets.
    Tickets(Moment),
    /// All that the server sent is one record or two of a close_notify's size, in this packet, which may be a short answer or an
    /// alert.
    Farewell(Moment),
    /// What the client sent last, in this packet, may be a request that got no answer, though it is shorter than those before.
    ShortRequest(Moment),
    /// All that the server sent after the request, from this packet on, may be frames of HTTP/2 that answer nothing, and the capture cuts
    /// off whether the client offered it.
    ControlFrames(Moment),
    /// What the client sent last, in this packet, may have been a poll, or a message that asks for nothing: it got no answer, and the client
    /// left as such clients do.
    Poll(Moment),
    /// What the server sent is not in the capture, as this packet proves, and it is as long as session tickets or an alert.
    Unseen(Moment),
    /// What the client sent last, in this packet, may be a request, though it is shorter than those before, and the capture ends
    /// before any reply.
    OpenRequest(Moment),
    /// The client's latest record, from this packet on, lacks its end, and nobody answered it.
    CutRequest(Moment),
    /// All that the server sent after this packet of the client, a request perhaps, may be frames of HTTP/2 that answer nothing, and the
    /// connection ended.
    Frames(Moment),
    /// The client closed its direction with this packet right after a message, and the server, which may still send, neither replied
    /// nor closed for a while.
    HalfClosed(Moment),
    /// All that the server sent after the request, up to this packet, is part of another handshake.
    Renegotiation(Moment),
    /// The server reset the connection with this packet right after its reply, and nothing but lengths shows whether that was complete.
    Cut(Moment),
    /// The client left with this packet, without a byte of an answer, and packets without times do not show how long it waited.
    Timeless(Moment),
}

impl Story {
    /// Whether all records that the server sent so far may be session tickets: one or two of one size.
    pub(in crate::story) fn may_be_tickets(&self) -> bool {
        let is_small = |size: &u32| size <= TICKET_BYTES.end();
        let may_be = match self.tls.record_sizes.server.as_slice() {
            [] => !self.tls.is_inside_record.server,
            [one, others @ ..] => is_small(one) && others.iter().all(|other| other == one),
        };
        may_be && self.tls.is_tls13() != Some(false)
    }

    /// The same of what came in this packet: tickets come with the handshake.
    pub(in crate::story) fn may_be_tickets_in(&self, packet: Moment) -> bool {
        let established = self.tls.established.as_ref().map(|established| established.moment.at);
        self.may_be_tickets() && established.is_none_or(|at| packet.at - at <= self.tickets_within())
    }

    /// Whether what the server sent are session tickets and nothing else: a pair of one size, or a single one of the size of the ticket
    /// by which the session was resumed. They come when tickets do.
    pub(in crate::story) fn are_tickets(&self) -> bool {
        let is_resumed_by = |size: u32| {
            let ticket = self.tls.client_hello.as_ref()?.what.pre_shared_key_len?;
            Some(TICKET_OVERHEAD.contains(&size.checked_sub(u32::from(ticket))?))
        };
        let are = match self.tls.record_sizes.server.as_slice() {
            [one] => {
                self.is_single_ticket_at_most()
                    && self.tls.early_data.is_none()
                    && self.tls.is_resumed() == Some(true)
                    && is_resumed_by(*one) == Some(true)
            }
            [_, _, ..] => self.are_equal_tickets_at_most() && self.takes_tickets(),
            _ => false,
        };
        are && self.came_with_the_handshake()
    }

    /// Whether all that the server sent after the handshake is a few records of one size that tickets have: most servers send two,
    /// some four.
    fn are_equal_tickets_at_most(&self) -> bool {
        const MOST: usize = 8;
        let records = self.tls.record_sizes.server.as_slice();
        let [one, _, ..] = records else { return false };
        records.iter().all(|other| other == one)
            && records.len() <= MOST
            && TICKET_BYTES.contains(one)
            && self.tls.application_data.server.count == records.len() as u64
            && self.tls.is_tls13() != Some(false)
            && !self.tls.is_inside_record.server
            && !self.asked_twice()
    }

    /// Whether all that the server sent after the handshake is one record of a session ticket's size.
    fn is_single_ticket_at_most(&self) -> bool {
        let [one] = self.tls.record_sizes.server.as_slice() else { return false };
        let data = &self.tls.application_data.server;
        // Where packets are truncated, what follows may hide further records.
        let is_last =
            self.data.server.last.is_none_or(|last| {
                data.numbers().any(|record| record == last.number) || self.is_farewell(&last)
            });
        is_last
            && data.count == 1
            && self.tls.is_tls13() == Some(true)
            && STATELESS_TICKET_BYTES.contains(one)
            && !self.tls.is_inside_record.server
            && self.missing.answer.is_none()
    }

    /// Whether the client takes session tickets: one that can't resume gets none (RFC 8446, 4.2.9).
    fn takes_tickets(&self) -> bool {
        self.tls.client_hello.as_ref().is_none_or(|hello| {
            !hello.what.is_whole || hello.what.extensions.contains(&PSK_KEY_EXCHANGE_MODES)
        })
    }

    /// Whether all records of a TLS 1.3 server came when tickets do: as soon as the server had the client's Finished.
    fn came_with_the_handshake(&self) -> bool {
        let data = &self.tls.application_data.server;
        let finished = self.tls.client_finished.as_ref().or(self.tls.established.as_ref());
        let within = self.tickets_within();
        let is_prompt =
            |moment: &Moment| finished.is_none_or(|finished| moment.at - finished.moment.at <= within);
        self.tls.is_tls13() != Some(false)
            && data.count == data.moments.len() as u64
            && data.moments.iter().all(is_prompt)
    }

    /// Within this time a server sends its tickets.
    fn tickets_within(&self) -> Elapsed {
        let round_trip = self.path.round_trips.shortest_to(Role::Server).unwrap_or_default();
        round_trip.times(3).max(TICKETS_WITHIN)
    }

    /// Whether the client asked before each of the server's first two records, so that they begin two answers.
    fn asked_twice(&self) -> bool {
        let data = &self.tls.application_data;
        let mut spoke = data.server.numbers();
        let (Some(one), Some(other)) = (spoke.next(), spoke.next()) else { return false };
        let is_after = |number, other| self.order.is_after(number, other);
        data.client.numbers().any(|asked| is_after(one, asked))
            && data.client.numbers().any(|asked| is_after(asked, one) && is_after(other, asked))
    }

    /// Why it is unknown whether the client's request inside TLS was answered; `None` if it is known, or if nothing shows that
    /// the client lacked its answer: somebody waited for `stall_after`, or the server ended the connection.
    pub fn answer_doubt(&self, stall_after: Elapsed) -> Option<AnswerDoubt> {
        if self.tls.lacks_answer || self.stage < super::Stage::TlsEstablished {
            return None;
        }
        self.unseen_doubt(stall_after)
            .or_else(|| self.farewell_doubt())
            .or_else(|| self.tickets_doubt(stall_after))
            .or_else(|| self.short_request_doubt(stall_after))
            .or_else(|| self.begun_request().map(|part| AnswerDoubt::CutRequest(part.first)))
            .or_else(|| self.framed_request().map(AnswerDoubt::Frames))
            .or_else(|| self.renegotiation_doubt())
            .or_else(|| self.half_close_doubt(stall_after))
            .or_else(|| self.cut_doubt())
            .or_else(|| self.timeless_doubt())
            .or_else(|| self.control_frames_doubt(stall_after))
            .or_else(|| self.poll_doubt())
    }

    /// Whether the client closed after a message that got no byte of an answer, and the server took its time to close: a program that
    /// waits for nothing more is closed at once.
    fn half_close_doubt(&self, stall_after: Elapsed) -> Option<AnswerDoubt> {
        let close = self.left_without_an_answer()?;
        let is_close = matches!(close.what, EndingKind::Fin | EndingKind::CloseNotify);
        let is_watched = self.capture.viewpoint == Viewpoint::Wire && !self.has_message_port();
        let next = self.endings.iter().find(|ending| ending.by == Role::Server);
        let until = next.map_or(self.capture.end, |ending| ending.moment.at);
        (is_close && is_watched && until - close.moment.at >= stall_after)
            .then_some(AnswerDoubt::HalfClosed(close.moment))
    }

    /// Whether the server asked for another handshake in place of an answer, and the client left.
    fn renegotiation_doubt(&self) -> Option<AnswerDoubt> {
        let message = self.tls.renegotiation.server?;
        let asked = self.tls.application_data.client.first()?;
        let is_behind = self.order.is_after(message.number, asked.number);
        (is_behind && !self.was_answered()).then_some(AnswerDoubt::Renegotiation(message))
    }

    /// Whether the client waited after a message that may be a request, though it is shorter than those before, and left without a byte
    /// of an answer. HTTP/2's frames that ask for nothing are of other sizes, but for those of a few extensions.
    fn short_request_doubt(&self, stall_after: Elapsed) -> Option<AnswerDoubt> {
        let asked = self.tls.turns.short_request(self.may_speak_http2(), !self.offers_no_http2())?;
        let asked = Some(asked).filter(|_| self.was_answered() && !self.has_message_port())?;
        if self.endings.is_empty() && !self.holds_lengths_alone() {
            return Some(AnswerDoubt::OpenRequest(asked));
        }
        let left = self.endings.first().filter(|end| end.by == Role::Client)?;
        let waited = left.moment.at - asked.at;
        (waited >= self.tls.turns.patience(stall_after)).then_some(AnswerDoubt::ShortRequest(asked))
    }

    /// Whether the client's latest message, after which it waited for an answer that did not come, may have been a poll or have asked for
    /// nothing: the client left in order after a time for which servers hold polls open, or what it got before is shorter than any
    /// answer to a request.
    pub fn poll_doubt(&self) -> Option<AnswerDoubt> {
        /// Programs that poll are answered or leave after such a time; who waits for an answer gives up sooner, or without a close_notify.
        const HELD: Elapsed = Elapsed::from_millis(20_000);
        let request = self.later_request()?;
        let [first, next, ..] = self.endings.as_slice() else { return None };
        let EndingKind::Silence(silence) = &first.what else { return None };
        let is_left =
            silence.awaited_from == Role::Server && silence.is_acknowledged && next.by == Role::Client;
        let is_in_order = next.what == EndingKind::CloseNotify && silence.elapsed() >= HELD;
        (is_left && (is_in_order || self.were_receipts())).then_some(AnswerDoubt::Poll(request.last))
    }

    /// Whether all that the server sent so far after a message of the client's is shorter than the first line of any answer, as the
    /// receipts of MQTT and other protocols of messages are.
    fn were_receipts(&self) -> bool {
        /// The size of a receipt, without what protects the record.
        const LONGEST: u32 = 8;
        let is_tls13 = self.tls.is_tls13() == Some(true);
        self.records_after_request()
            .filter(|records| !records.is_empty())
            .is_some_and(|records| records.iter().all(|(_, size)| content_bytes(*size, is_tls13) <= LONGEST))
    }

    /// The records that the server sent after the client's first data, with their packets, where all of them are known.
    fn records_after_request(&self) -> Option<Vec<(Moment, u32)>> {
        let (data, sizes) = (&self.tls.application_data, &self.tls.record_sizes.server);
        let asked = data.client.first()?.number;
        let is_known = data.server.count == sizes.len() as u64 && !self.tls.is_inside_record.server;
        let records = data.server.moments.iter().copied().zip(sizes.iter().copied());
        is_known.then(|| records.filter(|(spoke, _)| self.order.is_after(spoke.number, asked)).collect())
    }

    /// Whether all that answered may be HTTP/2's frames that answer nothing, although nothing shows that the client offered it.
    fn control_frames_doubt(&self, stall_after: Elapsed) -> Option<AnswerDoubt> {
        self.tls.client_hello.as_ref().filter(|hello| !hello.what.is_whole)?;
        let records = self.records_after_request()?;
        let is_tls13 = self.tls.is_tls13() == Some(true);
        let ((first, _), (last, _)) = (records.first()?, records.last()?);
        let are_frames = records.iter().all(|(_, size)| Turns::may_be_control_frames(*size, is_tls13));
        (are_frames && self.missing.answer.is_none() && self.is_waited_for(*last, stall_after))
            .then_some(AnswerDoubt::ControlFrames(*first))
    }

    /// Whether the client waited for `stall_after` since `moment`, or the server ended the connection before that.
    fn is_waited_for(&self, moment: Moment, stall_after: Elapsed) -> bool {
        let end = self.endings.first();
        let until = end.map_or(self.capture.end, |end| end.moment.at);
        self.is_end_left_out()
            || end.is_some_and(|end| end.by == Role::Server)
            || until - moment.at >= stall_after
    }

    /// Whether the client offers HTTP/2 (RFC 7301; RFC 9113, 3.2).
    pub(in crate::story) fn may_speak_http2(&self) -> bool {
        self.tls.client_hello.as_ref().is_some_and(|hello| hello.what.alpn.iter().any(|name| name == "h2"))
    }

    /// Whether the ClientHello is known, and offers no HTTP/2.
    pub(in crate::story) fn offers_no_http2(&self) -> bool {
        self.tls.client_hello.as_ref().is_some_and(|hello| hello.what.is_whole) && !self.may_speak_http2()
    }

    fn tickets_doubt(&self, stall_after: Elapsed) -> Option<AnswerDoubt> {
        let data = &self.tls.application_data;
        let record = data.server.first()?;
        // Lengths alone show no records.
        let is_decoded = self.tls.server_hello.as_ref().is_some_and(|hello| hello.basis != Basis::Inferred);
        let last = data.server.moments.last().copied().unwrap_or(record);
        let may_be = self.is_single_ticket_at_most() || self.are_equal_tickets_at_most();
        (may_be
            && is_decoded
            && self.takes_tickets()
            && !self.is_early_answer(record)
            && !self.is_unseen_an_answer()
            && !self.tls.turns.is_answer_late(self.tickets_within())
            && data.client.count > 0
            && self.was_answered()
            && self.is_waited_for(last, stall_after))
        .then_some(AnswerDoubt::Tickets(record))
    }

    /// Whether a record answers early data: it came before the client's Finished, and most servers send their tickets when they have that.
    fn is_early_answer(&self, record: Moment) -> bool {
        let Some(early) = self.tls.early_data else { return false };
        let is_between =
            |sent: u64| self.order.is_after(sent, early.number) && self.order.is_after(record.number, sent);
        let finished = self.tls.client_finished.as_ref().map(|finished| finished.moment.number);
        !self.tls.application_data.client.numbers().chain(finished).any(is_between)
    }

    /// Whether what the capture lacks is an answer: the client asked again after it and was answered, or it came later than tickets do.
    fn is_unseen_an_answer(&self) -> bool {
        let Some(unseen) = self.missing.answer else { return false };
        let data = &self.tls.application_data;
        let is_after = |number, other| self.order.is_after(number, other);
        let asked = data.client.numbers().find(|asked| is_after(*asked, unseen.number));
        let is_followed =
            asked.is_some_and(|asked| data.server.numbers().any(|spoke| is_after(spoke, asked)));
        is_followed || self.is_unseen_late()
    }

    /// Whether what the capture lacks came later than tickets do after the acknowledgement of the request. What is as short as a
    /// farewell may close instead of answering.
    fn is_unseen_late(&self) -> bool {
        let within = self.tickets_within().max(TICKETS_ACKNOWLEDGED_WITHIN);
        self.missing.answer_bytes > UNSEEN_FAREWELL && self.tls.turns.is_unseen_answer_late(within)
    }

    /// In TLS 1.3 an alert has the size of a message of two bytes.
    fn farewell_doubt(&self) -> Option<AnswerDoubt> {
        let first = self.endings.first()?;
        let is_first_word = self.tls.application_data.server.count == 0
            || self.tls.application_data.client.count > 0
                && (!self.was_answered() || self.is_answer_one_short_message());
        let is_asked = self.has_asked_inside_tls() || self.missing.acked_unseen.client > 1;
        let may_be = self.may_have_said_goodbye(first)
            || self.may_have_refused(first)
            || self.is_notice_by_size(first) && self.is_answer_one_short_message();
        (is_asked && is_first_word && may_be).then_some(AnswerDoubt::Farewell(first.moment))
    }

    /// Whether all that the server sent after the client's first request is one message of a close_notify's size, and the record
    /// after it: an alert and a close_notify look alike.
    fn is_answer_one_short_message(&self) -> bool {
        let data = &self.tls.application_data.server;
        let short = &self.tls.short_messages.server;
        let asked = self.unanswered_until().unwrap_or(0);
        let mut answers = data.numbers().filter(|spoke| self.order.is_after(*spoke, asked));
        let is_all = data.count == data.moments.len() as u64
            && self.missing.answer.is_none()
            && !self.tls.is_inside_record.server;
        let message = short.first().filter(|_| is_all && short.count == 1).map(|message| message.number);
        message.is_some() && answers.next() == message && answers.next().is_none()
    }

    /// Whether the server's first ending has a close_notify's size in TLS 1.3, and the client left before the server closed: servers
    /// close at once after a close_notify.
    pub(in crate::story) fn may_have_said_goodbye(&self, first: &Ending) -> bool {
        let next = self.endings.get(1);
        self.is_notice_by_size(first) && next.is_some_and(|next| next.by == Role::Client)
    }

    /// Whether it is the server's first message after a client flight that is not in the capture; it may reject the client's certificate.
    fn may_have_refused(&self, first: &Ending) -> bool {
        let is_before = |acked: u64| !self.order.is_after(acked, first.moment.number);
        self.is_notice_by_size(first) && self.missing.acked_unseen_by.client.numbers().any(is_before)
    }

    fn is_notice_by_size(&self, ending: &Ending) -> bool {
        ending.by == Role::Server
            && ending.what == EndingKind::CloseNotify
            && self.tls.is_tls13() == Some(true)
    }

    /// What the capture lacks of the server counts as an answer where it is longer than what servers send unasked.
    fn unseen_doubt(&self, stall_after: Elapsed) -> Option<AnswerDoubt> {
        if let Some(unseen) = self.unseen_alert() {
            return Some(AnswerDoubt::Unseen(unseen));
        }
        // The beginning of the record that answers was captured.
        let answer = self.missing.answer.filter(|_| !self.tls.is_inside_record.server)?;
        let seen = self.tls.record_sizes.server.as_slice();
        let is_tls13 = self.tls.is_tls13() == Some(true);
        let bytes = self.missing.answer_bytes;
        let is_short = match seen {
            [] => bytes <= UNSEEN_FAREWELL || is_tls13 && bytes <= UNSEEN_TICKETS,
            [one] => is_tls13 && TICKET_BYTES.contains(one) && bytes <= UNSEEN_TICKETS,
            _ => false,
        };
        // A side that gets an alert leaves at once.
        let is_alert = seen.is_empty() && bytes <= UNSEEN_FAREWELL;
        (is_short && !self.is_unseen_late() && (is_alert || self.is_waited_for(answer, stall_after)))
            .then_some(AnswerDoubt::Unseen(answer))
    }

    /// The packet that proves that the server sent as many bytes after the handshake as an alert has in TLS 1.3, and nothing else, where
    /// nothing was asked, or was asked before that was known.
    fn unseen_alert(&self) -> Option<Moment> {
        let is_first_word = self.tls.application_data.server.count == 0
            && !self.endings.is_empty()
            && self.tls.is_tls13() == Some(true);
        let (bytes, unseen) = if self.has_asked_inside_tls() {
            let finished = self.tls.client_finished.as_ref()?.moment.number;
            let unseen = self.missing.acked_unseen_by.server.first()?;
            (
                self.missing.acked_unseen.server,
                Some(unseen).filter(|by| self.order.is_after(by.number, finished))?,
            )
        } else {
            (self.missing.since_step.server, self.missing.since_step_by.first()?)
        };
        (is_first_word && UNSEEN_ALERT.contains(&bytes)).then_some(unseen)
    }
}

#[cfg(test)]
mod tests {
    use crate::story::script::talk::{self, Talk, ssm};
    use crate::tcp::Role::{Client, Server};

    /// A TLS 1.3 handshake with a client that takes tickets.
    fn shaken() -> Talk {
        let flight = [talk::server_hello_13(), talk::encrypted(200), talk::encrypted(53)].concat();
        let hello = ssm().open().say(Client, &talk::client_hello_with(&[(45, &[1, 1])]));
        hello.say(Server, &flight).say(Client, &talk::encrypted(53)).ack(Server)
    }

    fn asked() -> Talk {
        shaken().say(Client, &talk::encrypted(150))
    }

    /// Its verdict without the packet that is this many before its last.
    fn code_without(mut talk: Talk, from_end: usize) -> &'static str {
        let place = talk.packets.len() - from_end;
        talk.packets.remove(place);
        talk.code(0)
    }

    #[test]
    fn a_record_long_after_the_acknowledgement_of_the_request_is_its_answer() {
        let record = talk::encrypted(400);
        let late = |talk: Talk| talk.wait(900).say(Server, &record).ack(Client).fin(Server).fin(Client);
        assert_eq!(late(asked().ack(Server)).code(0), "healthy");
        // Without the acknowledgement it may be a ticket, and so may what was sent before it and was lost.
        assert_eq!(late(asked()).code(0), "in-progress");
        let begun = asked();
        let (seq, ack) = (begun.next(Server), begun.next(Client));
        let after = seq + record.len() as u32;
        let lost = begun.segment_with(Server, ".", after, ack, &[], |_| {}).wait(900);
        let repeated = lost.segment_with(Server, "P.", seq, ack, &record, |_| {}).ack(Client);
        assert_ne!(repeated.fin(Server).fin(Client).code(0), "healthy");
        // Soon after it come tickets, or an answer.
        let soon = asked().ack(Server).wait(50).say(Server, &record).ack(Client).wait(5_000);
        assert_eq!(soon.fin(Client).fin(Server).code(0), "in-progress");
        let pair = [talk::encrypted(300), talk::encrypted(300)].concat();
        let answered = asked().ack(Server).wait(500).say(Server, &pair).ack(Client);
        assert_eq!(answered.fin(Server).fin(Client).code(0), "healthy");
    }

    #[test]
    fn bytes_that_the_capture_lacks_answer_where_tickets_came_before_or_would_have() {
        let ticket = talk::encrypted(250);
        let answer = talk::encrypted(500);
        let left = |talk: Talk| {
            let answered = talk.ack(Server).wait(2_000).say(Server, &answer).ack(Client);
            code_without(answered.wait(6_000).fin(Client).fin(Server), 4)
        };
        let resumable = shaken().say(Server, &ticket).ack(Client);
        assert_eq!(left(resumable.clone().say(Client, &talk::encrypted(150))), "healthy");
        let tickets = resumable.say(Server, &ticket).ack(Client);
        assert_eq!(left(tickets.say(Client, &talk::encrypted(150))), "healthy");
        assert_eq!(left(asked()), "healthy");
        // A close_notify may come late.
        let closed = asked().ack(Server).wait(9_000).say(Server, &talk::encrypted(19)).ack(Client);
        assert_ne!(code_without(closed.fin(Client).fin(Server), 4), "healthy");
    }

    #[test]
    fn an_answer_whose_end_the_capture_lacks_is_one() {
        let record = talk::encrypted(3_000);
        let answered = record.chunks(1_448).fold(asked().ack(Server), |talk, part| talk.say(Server, part));
        assert_eq!(code_without(answered.ack(Client).fin(Client).fin(Server), 4), "healthy");
    }

    #[test]
    fn two_records_of_a_close_notify_s_size_and_nothing_else_answer_in_doubt() {
        let short = talk::encrypted(19);
        let closing = [&short[..], &short].concat();
        let closed = |talk: Talk| talk.say(Server, &closing).fin(Server).ack(Client).fin(Client);
        assert_eq!(closed(asked().ack(Server)).code(0), "in-progress");
        let tickets = talk::encrypted(250).repeat(2);
        let resumable = shaken().say(Server, &tickets).ack(Client).say(Client, &talk::encrypted(150));
        assert_eq!(closed(resumable.ack(Server)).code(0), "in-progress");
        // Messages of two bytes that follow each other.
        let talked = asked().say(Server, &short).say(Client, &short).say(Server, &short).say(Client, &short);
        assert_eq!(closed(talked).code(0), "healthy");
        assert_eq!(closed(asked().say(Server, &talk::encrypted(3_000))).code(0), "healthy");
    }

    #[test]
    fn a_short_message_after_which_a_client_of_http_2_waits_may_be_a_request() {
        let sent = |protocol: &[u8], frames: u16, waited| {
            let hello = talk::client_hello_with(&[(45, &[1, 1]), (16, protocol)]);
            let flight = [talk::server_hello_13(), talk::encrypted(200), talk::encrypted(53)].concat();
            let shaken =
                ssm().open().say(Client, &hello).say(Server, &flight).say(Client, &talk::encrypted(53));
            let answered =
                shaken.say(Client, &talk::encrypted(116)).say(Server, &talk::encrypted(3_000)).ack(Client);
            let asked = answered.say(Client, &talk::encrypted(frames + 17)).ack(Server);
            asked.wait(waited).fin(Client).fin(Server).verdict(0)
        };
        let http2 = b"\x00\x03\x02h2";
        let doubtful = sent(http2, 20, 8_000);
        assert_eq!(doubtful.code.name(), "in-progress");
        assert!(doubtful.mentions("last message was a request"), "{doubtful:?}");
        // Control frames, another protocol, and a client that does not wait.
        for healthy in
            [sent(http2, 22, 8_000), sent(b"\x00\x09\x08http/1.1", 20, 8_000), sent(http2, 20, 500)]
        {
            assert_eq!(healthy.code.name(), "healthy", "{}", healthy.headline);
        }
    }

    #[test]
    fn tickets_of_one_size_are_no_answer_whatever_their_number() {
        let ticket = talk::encrypted(250);
        for more in 1..5 {
            let sent = (0..more).fold(asked().say(Server, &ticket), |talk, _| talk.say(Server, &ticket));
            assert_eq!(sent.ack(Client).code(9_000), "no-response", "{more}");
        }
        let answered = asked().say(Server, &ticket).say(Server, &ticket).say(Server, &talk::encrypted(300));
        assert_eq!(answered.ack(Client).code(9_000), "healthy");
    }

    #[test]
    fn a_single_ticket_is_as_doubtful_where_the_server_hello_is_cut_off() {
        let mut one =
            asked().say(Server, &talk::encrypted(250)).ack(Client).wait(9_000).fin(Client).fin(Server);
        assert_eq!(one.code(0), "in-progress");
        for packet in &mut one.packets {
            packet.payload.truncate(40);
        }
        assert_ne!(one.code(0), "healthy");
    }

    #[test]
    fn frames_that_answer_nothing_are_in_doubt_where_the_hello_is_cut() {
        let record = |bytes: u8| [&[23, 3, 3, 0, bytes][..], &vec![7; bytes.into()]].concat();
        let talk = |bytes| {
            let asked = talk::handshake().say(Client, &record(93)).say(Server, &record(bytes)).ack(Client);
            asked.wait(9_000).fin(Client).fin(Server)
        };
        let code = |bytes, is_whole| {
            let mut story = talk(bytes).story(0);
            if let Some(hello) = &mut story.tls.client_hello {
                hello.what.is_whole = is_whole;
            }
            story.verdict().code.name()
        };
        // An acknowledgement of settings, and as many bytes as the shortest answer of HTTP.
        assert_eq!((code(33, false), code(33, true)), ("in-progress", "healthy"));
        assert_eq!(code(60, false), "healthy");
    }
}
