//! Requests and their answers: which are owed, which came, and which an ending took the place of.

use super::{AnswerPart, Ending, EndingKind, Moment, PreludeFacts, Silence, Stage, Story, Turn};
use crate::packet::Viewpoint;
use crate::tcp::Role;
use crate::time::Elapsed;
use crate::tls::{Plain, PlainKind, Prelude, PreludeStep};

/// Ports of HTTP, where a request that was not captured is still one.
const HTTP_PORTS: [u16; 4] = [80, 3128, 8000, 8080];

/// Ports of protocols inside TLS in which only the client speaks: syslog (RFC 5425, 4), Splunk's forwarders, and Graylog's GELF.
const ONE_WAY_PORTS: [u16; 3] = [6514, 9997, 12201];

/// Ports of protocols inside TLS whose messages need no reply, though the first one gets one: XMPP, AMQP, IRC and MQTT.
const MESSAGE_PORTS: [u16; 4] = [5223, 5671, 6697, 8883];

impl Story {
    /// Whether the client's messages inside TLS wait for no answer, by their port or as their pauses show.
    pub fn speaks_one_way(&self) -> bool {
        self.has_one_way_port() || self.is_one_way_by_pauses()
    }

    /// Whether the client's messages inside TLS got no reply and have pauses between them: they may be the parts of one request, as of a
    /// slow upload.
    pub fn may_ask_in_parts(&self) -> bool {
        self.stage == Stage::ApplicationData
            && !self.has_one_way_port()
            && self.is_one_way_by_pauses()
            && !self.was_answered()
    }

    fn is_one_way_by_pauses(&self) -> bool {
        self.tls.turns.is_one_way(!self.offers_no_http2())
    }

    /// Whether no server of this port ever replies.
    pub(in crate::story) fn has_one_way_port(&self) -> bool {
        ONE_WAY_PORTS.contains(&self.parties.server.port)
    }

    /// Whether the client's later messages on this port ask for nothing.
    pub(in crate::story) fn has_message_port(&self) -> bool {
        self.has_one_way_port() || MESSAGE_PORTS.contains(&self.parties.server.port)
    }

    /// Whether the client sent application data, captured or proved by its acknowledgement.
    pub(in crate::story) fn has_asked_inside_tls(&self) -> bool {
        self.tls.application_data.client.count > 0 || self.missing.request.is_some()
    }

    /// Whether the server owes an answer to what the client sent first, outside TLS. Bytes of an unknown protocol may be those of
    /// one in which only the client speaks (syslog, BMP, discard): they are owed an acknowledgement and no more, and an
    /// unacknowledged sender retransmits.
    pub fn is_owed_an_answer(&self) -> bool {
        let is_request = match &self.plain.client {
            Some(plain) => {
                plain.what.is_request
                    || matches!(plain.what.kind, PlainKind::HttpRequest | PlainKind::Connect | PlainKind::Ssh)
            }
            None => HTTP_PORTS.contains(&self.parties.server.port),
        };
        let is_lost = self.data.client.unacknowledged.is_some_and(|waiting| waiting.repeats > 0);
        is_request && !self.is_plain_request_cut() || self.expects_tls || is_lost
    }

    /// Whether the client's first request in plain HTTP is shorter than its header says, or lacks the header's end or its last chunk,
    /// though nothing keeps the client from sending the rest: the server owes nothing before that.
    pub fn is_plain_request_cut(&self) -> bool {
        let client = &self.data.client;
        let is_known = client.closed_window.is_none()
            && client.reported_hole.is_none()
            && self.traffic.zero_windows.server.count == 0
            && self.missing.gap.client == 0
            && self.missing.acked_unseen.client == 0
            && !self.missing.lacks(Role::Client);
        let bytes = self.data.client.bytes;
        is_known
            && (self.plain_request_lacks.is_some()
                || self.plain_request_end.is_some_and(|end| bytes < end.get()))
    }

    /// Whether the server answered with application data after the client's first, or with bytes that were acknowledged
    /// without being captured.
    ///
    /// Two small records of equal size at the end of the handshake, and nothing else, are TLS 1.3 session tickets (RFC 8446, 4.6.1),
    /// which OpenSSL sends in pairs, and a single one where it resumes a session; they are no answer. If the client asked before each,
    /// they begin two answers.
    pub fn was_answered(&self) -> bool {
        if self.tls.lacks_answer {
            return false;
        }
        if self.missing.answer.is_some() {
            return true;
        }
        let data = &self.tls.application_data;
        // What the server sends before the request is no answer: a ticket, or a greeting.
        let spoke_after = match self.unanswered_until() {
            Some(asked) => {
                // A long record counts before it is complete, but the server's end of the handshake does not, where the
                // client did not wait for it (RFC 7918).
                let established = self.tls.established.as_ref().map_or(0, |observed| observed.moment.number);
                let last = self.data.server.last;
                let last = last.filter(|last| !self.is_farewell(last) && !self.is_renegotiation(last));
                let last = last.map_or(0, |last| last.number);
                let is_after = |number, other| self.order.is_after(number, other);
                is_after(last, asked) && is_after(last, established)
                    || data.server.numbers().any(|spoke| is_after(spoke, asked))
            }
            None => data.server.count > 0,
        };
        if self.tls.client_hello.is_some() || self.tls.server_flight.is_some() {
            !self.are_tickets() && spoke_after
        } else {
            self.data.server.first.is_some()
        }
    }

    /// Whether a packet brings the server's close_notify.
    pub(in crate::story) fn is_farewell(&self, packet: &Moment) -> bool {
        self.endings.iter().any(|ending| {
            ending.what == EndingKind::CloseNotify
                && ending.by == Role::Server
                && ending.moment.number == packet.number
        })
    }

    /// Whether a packet brings the end of the server's message of a further handshake, and no data after it.
    fn is_renegotiation(&self, packet: &Moment) -> bool {
        self.tls.renegotiation.server.is_some_and(|message| message.number == packet.number)
    }

    /// The packet up to which nothing can be an answer: the client's first data, or what the server sent before it had received
    /// that.
    pub(in crate::story) fn unanswered_until(&self) -> Option<u64> {
        let captured = self.tls.application_data.client.first().map(|moment| moment.number);
        // The answer may come in the packet that acknowledges the request.
        let unseen = self.missing.request.map(|moment| moment.number.saturating_sub(1));
        let asked = match (captured, unseen) {
            (Some(captured), Some(unseen)) if self.order.is_after(captured, unseen) => unseen,
            (captured, unseen) => captured.or(unseen)?,
        };
        let before = self.tls.sent_before_request.map(|moment| moment.number);
        Some(before.filter(|before| self.order.is_after(*before, asked)).unwrap_or(asked))
    }

    /// Whether a record of the server's that is no session ticket followed the client's first data.
    pub(in crate::story) fn has_records_of_an_answer(&self) -> bool {
        let data = &self.tls.application_data;
        let asked = self.unanswered_until().unwrap_or(0);
        // Only the first numbers are kept: with more records than those, an answer is among them.
        let is_after = data.server.count > data.server.numbers().count() as u64
            || data.server.numbers().any(|spoke| self.order.is_after(spoke, asked));
        !self.tls.lacks_answer && (self.missing.answer.is_some() || is_after && !self.are_tickets())
    }

    /// Whether the server's answer to the ClientHello began before a silence ended, though its first bytes may be missing. What
    /// comes after a client gave up does not count.
    pub fn is_answer_begun(&self, silence: &Silence) -> bool {
        let hello = self.tls.client_hello.as_ref().map_or(0, |hello| hello.moment.number);
        // A client may send its ClientHello before a proxy has opened the tunnel: the proxy's answer is none to that.
        let opened = self.prelude.as_ref().map_or(0, |prelude| prelude.latest.moment.number);
        let answers = [self.data.server.first, self.data.server.last];
        let is_after = |moment: Moment| {
            self.order.is_after(moment.number, hello) && self.order.is_after(moment.number, opened)
        };
        let is_reported =
            self.data.server.reported_hole.as_ref().is_some_and(|hole| hole.moment.at <= silence.until);
        let is_captured =
            answers.into_iter().flatten().any(|answer| is_after(answer) && answer.at <= silence.until);
        is_reported || is_after(silence.since) && is_captured
    }

    /// Whether the connection is in plain HTTP/1, and the server has answered by more than an informational status; after one of these
    /// the connection may no longer be HTTP's (RFC 9110, 15.2.2).
    pub(in crate::story) fn speaks_plain_http(&self) -> bool {
        let is_request = self.plain.client.as_ref().is_some_and(|plain| {
            plain.what.kind == PlainKind::HttpRequest && !plain.what.line.starts_with("PRI ")
        });
        let is_answer = self
            .plain
            .server
            .as_ref()
            .is_some_and(|plain| matches!(plain.what.kind, PlainKind::HttpResponse(200..)));
        is_request && is_answer && self.prelude.is_none() && self.tls.client_hello.is_none()
    }

    /// Whether the client's request in plain HTTP is one whose answer has a body (RFC 9110, 6.4.1).
    pub(in crate::story) fn is_body_owed(&self) -> bool {
        let is_request = |plain: &Plain| {
            plain.kind == PlainKind::HttpRequest
                && !plain.line.starts_with("HEAD ")
                && !plain.line.starts_with("PRI ")
        };
        self.prelude.is_none() && self.plain.client.as_ref().is_some_and(|plain| is_request(&plain.what))
    }

    /// Whether the server's latest answer in plain HTTP is shorter than its header says, or lacks the header's end.
    pub fn is_plain_answer_cut(&self) -> bool {
        let is_known = self.missing.gap.server == 0
            && self.missing.acked_unseen.server == 0
            && !self.missing.lacks(Role::Server);
        let bytes = self.data.server.bytes;
        let is_short = || {
            self.plain_answer_end.is_some_and(|end| bytes < end.get())
                || self.http2.is_some_and(|http2| http2.is_inside_frame)
        };
        is_known
            && self.open_plain_request().is_none()
            && (matches!(self.plain_answer_lacks, Some(AnswerPart::HeaderEnd | AnswerPart::ChunkEnd))
                || is_short())
    }

    /// Whether the server's latest answer in plain HTTP comes in chunks and lacks the last one (RFC 9112, 7.1), or in HTTP/2 the frame
    /// that ends its stream.
    pub fn is_last_chunk_owed(&self) -> bool {
        let is_stream_open = self.http2.is_some_and(|http2| http2.is_answer_open);
        (self.plain_answer_lacks == Some(AnswerPart::LastChunk) || is_stream_open)
            && self.missing.gap.server == 0
            && self.missing.acked_unseen.server == 0
            && !self.missing.lacks(Role::Server)
            && self.open_plain_request().is_none()
    }

    /// The server's FIN in the middle of its answer in plain HTTP. What comes in chunks may pause for as long as it likes.
    pub fn closed_in_plain_answer(&self) -> Option<&Ending> {
        let is_close = |ending: &&Ending| ending.by == Role::Server && ending.what == EndingKind::Fin;
        let is_cut = || self.is_plain_answer_cut() || self.is_last_chunk_owed();
        self.endings.first().filter(is_close).filter(|_| is_cut())
    }

    /// Whether all that a server has answered a request in plain HTTP is that it may continue (RFC 9110, 15.2): the final one is missing.
    pub fn awaits_final_answer(&self) -> bool {
        let is_request =
            self.plain.client.as_ref().is_some_and(|plain| plain.what.kind == PlainKind::HttpRequest);
        let informed = self.plain.server.as_ref().filter(|plain| {
            // After 101 it is another protocol's connection.
            matches!(plain.what.kind, PlainKind::HttpResponse(100 | 102..200))
        });
        is_request
            && self.prelude.is_none()
            && self.missing.gap.server == 0
            && !self.missing.lacks(Role::Server)
            && informed.is_some_and(|informed| self.data.server.last == Some(informed.moment))
    }

    /// Whether a client that resets the connection lacks nothing: it sent bytes of an unknown protocol, which may be one in which only
    /// the client speaks, and all of it was acknowledged.
    pub fn is_one_way_in_clear(&self) -> bool {
        let client = &self.data.client;
        self.stage == Stage::TcpEstablished
            && self.prelude.is_none()
            && client.first.is_some()
            && self.data.server.first.is_none()
            && client.is_all_acknowledged
            && !self.tls.is_inside_record.client
            && self.missing.acked_unseen.server == 0
            && !self.missing.lacks(Role::Server)
            && !self.is_owed_an_answer()
            && !self.is_plain_request_cut()
    }

    /// The request in plain HTTP, after others that were answered, or the command of a dialogue that got no byte of an answer.
    pub fn open_plain_request(&self) -> Option<Moment> {
        let answer = self.data.server.last?.number;
        let is_known = self.missing.gap.server == 0 && !self.missing.lacks(Role::Server);
        if let Some(http2) = self.http2 {
            return http2.asked.filter(|_| is_known);
        }
        self.later_plain_request
            .filter(|_| is_known && (self.speaks_plain_http() || self.is_dialogue()))
            .filter(|asked| self.order.is_after(asked.number, answer))
    }

    /// The client's PING in HTTP/2 in clear that nothing of the server followed.
    pub fn open_ping(&self) -> Option<Moment> {
        let is_known = self.missing.gap.server == 0 && !self.missing.lacks(Role::Server);
        self.http2?.ping.filter(|_| is_known)
    }

    /// What the client asked inside TLS after requests that were answered, if it got no byte of an answer.
    pub fn later_request(&self) -> Option<&Turn> {
        // What the server sent and the capture lacks may be the answer; it closes the turn where a packet proves it.
        let is_known = self.missing.gap.server == 0 && !self.has_message_port();
        let request = self.tls.turns.later_request().filter(|_| is_known && self.was_answered());
        request.filter(|_| self.stage == Stage::ApplicationData)
    }

    /// A record of the client inside TLS that lacks its end, and that begins a request after others that were answered.
    pub fn begun_request(&self) -> Option<&Turn> {
        let is_known = self.missing.gap.client == 0
            && self.missing.gap.server == 0
            && !self.missing.lacks(Role::Client)
            && !self.missing.lacks(Role::Server)
            && self.tls.is_inside_record.client
            && self.stage == Stage::ApplicationData;
        self.tls.turns.begun_request().filter(|_| is_known && self.was_answered())
    }

    /// Whether the client's latest request, in clear or inside TLS, has no byte of an answer.
    pub(in crate::story) fn is_reply_owed(&self) -> bool {
        match self.stage {
            Stage::ApplicationData => {
                let was_asked = self.tls.application_data.client.count > 0;
                self.later_request().is_some() || was_asked && !self.was_answered()
            }
            Stage::TcpEstablished => {
                let is_first = self.data.client.first.is_some() && self.data.server.first.is_none();
                is_first || self.open_plain_request().is_some()
            }
            _ => false,
        }
    }

    /// When the client asked what was not answered inside TLS.
    pub fn asked_last(&self) -> Option<Moment> {
        self.later_request().map(|turn| turn.first).or(self.tls.application_data.client.first())
    }

    /// The packet in which the server closed the connection instead of answering what the client had asked inside TLS.
    pub fn closed_unanswered(&self) -> Option<Moment> {
        let first = self.endings.first().filter(|ending| ending.by == Role::Server)?;
        let was_asked = first.stage == Stage::ApplicationData && self.tls.application_data.client.count > 0;
        let ends_tls = |ending: &Ending| ending.by == Role::Server && ending.what == EndingKind::Fin;
        let is_close = match first.what {
            EndingKind::Fin => true,
            EndingKind::CloseNotify => self.endings.iter().any(ends_tls),
            _ => false,
        };
        let is_open_later = self.later_request().or(self.begun_request()).is_some();
        // Of lengths alone, a close_notify and a short request look alike.
        let is_shown = if self.holds_lengths_alone() {
            !is_open_later && self.is_unanswered_by_lengths()
        } else {
            is_open_later || !self.is_handshake_a_length() || self.is_unanswered_by_lengths()
        };
        // Its FIN alone may be missing.
        let fin = u64::from(self.missing.fin.server.is_some());
        let is_all_known = self.missing.acked_unseen.server <= fin
            && self.missing.gap.server == 0
            && !self.missing.lacks(Role::Server);
        let is_sure = is_shown && (is_open_later || is_all_known);
        let is_open = is_open_later || self.tls.is_inside_record.server || !self.was_answered();
        // A server that closes while a request is on its way to it closes nothing on purpose.
        let has_request = self.tls.turns.open().or(self.begun_request()).is_none_or(|turn| {
            let is_before = |at: Moment| !self.order.is_after(at.number, first.moment.number);
            let is_had = self.closed_on_request == Some(true)
                && self.order.is_after(first.moment.number, turn.first.number);
            turn.acknowledged.is_some_and(is_before) || is_had
        });
        // A client that had left before lacks nothing. What it sent last and the capture lacks may be its close_notify and its FIN.
        let is_by_then = |acked: Moment| !self.order.is_after(acked.number, first.moment.number);
        let has_left = self.missing.fin.client.is_some_and(is_by_then)
            || self.unseen_after(Role::Client).is_some_and(is_by_then);
        // What is too short to ask may follow a request that the capture lacks.
        let asks = self.tls.turns.open().is_some() || self.missing.acked_unseen.client == 0;
        let is_sure = is_sure && asks && !has_left && !self.may_have_said_goodbye(first);
        (is_close && was_asked && is_sure && is_open && has_request).then_some(first.moment)
    }

    /// The client's end of a connection on which no answer inside TLS had come to what it sent. That may have asked for none, so it is
    /// no failure by itself.
    pub fn left_without_an_answer(&self) -> Option<&Ending> {
        let is_open = self.stage == Stage::ApplicationData
            && self.tls.application_data.client.count > 0
            && (self.later_request().is_some() || !self.was_answered());
        self.endings.first().filter(|ending| is_open && ending.by == Role::Client)
    }

    /// The FIN after which a request to start TLS, or CONNECT, has no answer any more. A proxy that closes has refused.
    pub fn left_before_tls(&self) -> Option<&Ending> {
        let prelude = self.prelude.as_ref().filter(|prelude| prelude.latest.what == PreludeStep::Asked)?;
        let fin = self.endings.first().filter(|ending| ending.what == EndingKind::Fin)?;
        let is_owed = match fin.by {
            Role::Server => !prelude.protocol.is_proxy(),
            Role::Client => prelude.protocol == Prelude::Connect,
        };
        let asked = prelude.latest.moment.number;
        let is_after = |number: u64| self.order.is_after(number, asked);
        let is_known = self.missing.answer.is_none()
            && !self.missing.lacks(Role::Server)
            && self.one_sided().is_none()
            && self.tls.client_hello.is_none()
            && self.data.server.last.is_none_or(|last| !is_after(last.number));
        Some(fin).filter(|fin| is_owed && is_known && is_after(fin.moment.number))
    }

    /// Whether the capture ends within `stall_after` after a proxy's request for a name and a password, which the client may yet give on
    /// the same connection (RFC 9110, 15.5.8).
    pub fn may_answer_challenge(&self, stall_after: Elapsed) -> bool {
        let refusal = self.prelude.as_ref().and_then(PreludeFacts::refusal);
        refusal.is_some_and(|refusal| refusal.what.code == Some(407))
            && self.endings.is_empty()
            && self.capture.viewpoint == Viewpoint::Wire
            && self.capture.end - self.last.at < stall_after
    }

    /// The FIN after which a plain request that can be read has no answer any more: the server closed instead of answering, or the
    /// client left before, and refused what came then or nothing did.
    pub fn left_unanswered(&self, stall_after: Elapsed) -> Option<&Ending> {
        let first = self.plain.client.as_ref().filter(|plain| plain.what.kind == PlainKind::HttpRequest);
        let later_request = self.open_plain_request();
        let request = later_request.or(first.map(|first| first.moment))?;
        let fin = self.endings.first().filter(|ending| ending.what == EndingKind::Fin)?;
        // Who leaves a dialogue may not care for the last reply, and who ends it does not give one.
        if first.is_none() && fin.by == Role::Client {
            return None;
        }
        let later = &self.endings[1..];
        let is_reset =
            |by: Role| later.iter().any(|end| end.by == by && matches!(end.what, EndingKind::Reset(_)));
        let is_known = self.missing.answer.is_none()
            && !self.missing.lacks(Role::Server)
            && !self.missing.lacks(Role::Client)
            && self.data.server.unfilled_hole.is_none()
            && self.opening.syn.numbers().all(|syn| syn != request.number)
            && self.one_sided().is_none()
            && (self.prelude.is_none() || self.is_dialogue())
            && self.tls.client_hello.is_none()
            && !self.order.is_after(request.number, fin.moment.number);
        let answer = self.data.server.first.filter(|_| later_request.is_none());
        let is_unanswered = match (fin.by, answer) {
            // A keep-alive connection may be closed while a request is on its way to it.
            (Role::Server, None) if later_request.is_some() => {
                let data = &self.data.client;
                let is_received = data.is_all_acknowledged || self.is_farewell_outstanding(Role::Client);
                is_received && !is_reset(Role::Server) || self.closed_on_request == Some(true)
            }
            (Role::Server, None) => true,
            (Role::Server, Some(_)) => false,
            (Role::Client, None) => {
                let closes = |end: &Ending| end.by == Role::Server && end.what == EndingKind::Fin;
                later.iter().any(closes)
                    || is_reset(Role::Client)
                    || is_reset(Role::Server)
                    || self.capture.end - fin.moment.at >= stall_after
            }
            (Role::Client, Some(answer)) => {
                self.order.is_after(answer.number, fin.moment.number)
                    && is_reset(Role::Client)
                    && !self.data.server.is_all_acknowledged
            }
        };
        (is_known && is_unanswered).then_some(fin)
    }
}
