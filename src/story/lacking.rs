//! What the capture lacks, and what depends on it.

use super::{Ending, EndingKind, Moment, Observed, Stage, Story, Turns};
use crate::packet::Filtered;
use crate::tcp::Role;
use crate::time::Elapsed;
use crate::tls::{Basis, ClientHello, PlainKind};

/// A client's Finished takes more bytes, whatever the version: its record has a header of 5 bytes, a message of 16 and
/// protection of 16 (RFC 8446, 4.4.4 and 5.2), or a ChangeCipherSpec of 6 before it (RFC 5246, 7.1).
const FINISHED_BYTES: u64 = 37;

/// The largest record of an alert, with a FIN.
pub(crate) const LONGEST_FAREWELL: u32 = 85 + 1;

/// A sender repeats what is not acknowledged within this time, unless the round trip is longer (RFC 6298, 2.1 and 2.4).
pub(crate) const RETRANSMISSION_DUE: Elapsed = Elapsed::from_millis(1_000);

/// Ports of protocols in which nobody asks for TLS or for a tunnel: SSH, DNS and syslog.
const CLEAR_PORTS: [u16; 3] = [22, 53, 514];

impl Story {
    /// Whether the capture lacks payload of a side that was sent after the last step; where it holds only the other side's
    /// packets, payload of any time.
    pub fn lacks(&self, role: Role) -> bool {
        let is_alone = || self.one_sided() == Some(role.other()) && self.missing.acked_unseen[role] > 1;
        // Too few bytes to complete a handshake with do not hide one: an alert of 7 bytes, for example.
        let is_too_little = role == Role::Client
            && (Stage::ClientHello..=Stage::ServerFlightComplete).contains(&self.stage)
            && self.missing.since_step.client < FINISHED_BYTES;
        (self.missing.lacks(role) && !is_too_little) || is_alone()
    }

    /// Whether what an ending means depends on packets that the capture lacks: since the last step, bytes were sent that it
    /// never saw, and they may have been what the ending seems to lack.
    pub fn depends_on_missing(&self, ending: &Ending) -> bool {
        if self.is_place_unsure(ending) || self.is_answer_unlogged() || self.may_lack_reply(ending) {
            return true;
        }
        // What was left out may be the reply.
        let is_silence = matches!(ending.what, EndingKind::Silence(_));
        let is_left_out = || {
            self.missing.is_selected
                || self.is_repeat_left_out(ending)
                || self.may_be_unread(ending)
                || self.is_opening_left_out(ending)
        };
        if is_silence && self.path.icmp_errors.is_empty() && is_left_out() {
            return true;
        }
        if self.hides_data_before(ending) {
            return true;
        }
        let is_open = match &ending.what {
            // What is sent again was not acknowledged, whatever came before.
            EndingKind::Silence(_) => {
                let is_repeated =
                    |role: Role| self.data[role].unacknowledged.is_some_and(|waiting| waiting.is_repeated());
                !is_repeated(Role::Client) && !is_repeated(Role::Server)
            }
            EndingKind::Fin => true,
            EndingKind::Reset(reset) => reset.continued_in.is_none(),
            EndingKind::Alert { .. } | EndingKind::EncryptedAlert { .. } | EndingKind::CloseNotify => false,
        };
        if is_open && self.may_follow_unseen_finished(ending) {
            return true;
        }
        if is_open && is_silence && self.holds_data_alone() || self.may_lack_an_acknowledgement(ending) {
            return true;
        }
        // The client's packets alone, without its data, do not show what was asked or answered.
        let is_blind = self.one_sided() == Some(Role::Client) && self.data.client.first.is_none();
        if matches!(ending.what, EndingKind::Silence(_)) && is_blind && self.lacks(Role::Client) {
            return true;
        }
        let lacks = |role| self.lacks(role);
        if !lacks(Role::Client) && !lacks(Role::Server) {
            return false;
        }
        // All that the server ever sent is known, and it is nothing. Without its SYN-ACK and the client's ACK, nothing is known.
        let is_beginning_known = self.opening.syn_ack.count > 0 || self.opening.established.is_some();
        let is_server_silent = is_beginning_known && !lacks(Role::Server) && self.data.server.first.is_none();
        match &ending.what {
            EndingKind::Silence(silence) => {
                // A sender that sees the acknowledgement repeats nothing, whatever else the capture lacks.
                let sent = &self.data[silence.awaited_from.other()];
                let is_repeated = sent.unacknowledged.is_some_and(|waiting| waiting.is_repeated());
                let is_repeated_for_long =
                    sent.unacknowledged.is_some_and(|waiting| waiting.is_repeated_for_long());
                let is_shown = !silence.is_acknowledged
                    && match self.one_sided() {
                        None => is_repeated || sent.reported_hole.is_some(),
                        Some(seen) => is_repeated_for_long && seen == silence.awaited_from.other(),
                    };
                !is_shown && (lacks(ending.by) || !is_server_silent)
            }
            // What the other side sent may have been all that there was to say, where it is not known to be TLS.
            EndingKind::Fin => {
                // A client that closes after data of its own that the capture lacks had spoken.
                let closes_after_unseen = ending.by == Role::Client && lacks(Role::Client);
                !is_server_silent
                    || closes_after_unseen
                    || !(self.expects_tls || self.tls.client_hello.is_some())
            }
            EndingKind::Reset(reset) => {
                let is_in_place_of_answer = ending.by == Role::Server && self.later_request().is_some();
                reset.continued_in.is_none()
                    && !is_in_place_of_answer
                    && (!is_server_silent || ending.by == Role::Client)
            }
            // Whether it is an alert or a close_notify depends on what the other side sent before.
            EndingKind::EncryptedAlert { .. } => lacks(ending.by.other()),
            EndingKind::Alert { .. } | EndingKind::CloseNotify => false,
        }
    }

    /// Whether the capture lacks an acknowledgement, and the sender's RST, which ends the silence, shows nothing of what came with that.
    pub fn may_lack_reply(&self, ending: &Ending) -> bool {
        let EndingKind::Silence(silence) = &ending.what else { return false };
        let is_end = |end: &&Ending| matches!(end.what, EndingKind::Fin | EndingKind::Reset(_));
        silence.is_ack_unseen
            && self.endings.iter().find(is_end).is_some_and(|end| {
                let is_mute = matches!(&end.what, EndingKind::Reset(reset) if !reset.acknowledges);
                is_mute && end.by != silence.awaited_from
            })
    }

    /// Whether a firewall dropped the connection's latest SYN, as its own text says, and nothing answered any.
    pub fn is_syn_dropped(&self) -> bool {
        self.stage == Stage::Syn && self.opening.last_syn_filtered == Some(Filtered::Dropped)
    }

    /// Whether a firewall's log, which seldom holds more than a connection's first packet, is all that is known of it.
    pub fn is_answer_unlogged(&self) -> bool {
        self.missing.is_filter_log && !self.is_syn_dropped() && self.traffic.counters.server.segments == 0
    }

    /// Whether no more than its farewell waits for an acknowledgement of what a side sent: its FIN, and its close_notify before that.
    /// Nothing is lost with these.
    pub fn is_farewell_outstanding(&self, role: Role) -> bool {
        let closes = |what: &EndingKind| self.endings.iter().any(|end| end.by == role && end.what == *what);
        let most = match (closes(&EndingKind::CloseNotify), closes(&EndingKind::Fin)) {
            (true, _) => LONGEST_FAREWELL,
            (false, true) => 1,
            (false, false) => 0,
        };
        self.data[role].owed() <= most
    }

    /// Whether the other side still wants what a side sends: it has not closed, or, after a request, no more than its own direction, and
    /// nothing broke the connection off.
    pub(in crate::story) fn is_closed_by_at_most(&self, role: Role) -> bool {
        let is_half_close = |ending: &Ending| {
            ending.what == EndingKind::Fin
                && self.half_closed.is_some_and(|fin| fin.number == ending.moment.number)
        };
        self.endings.iter().all(|ending| {
            ending.by == role && matches!(ending.what, EndingKind::Fin | EndingKind::CloseNotify)
                || is_half_close(ending)
        })
    }

    /// Whether data of either side was sent again and stayed unacknowledged for `stall_after`, up to the connection's end or the
    /// capture's. Data sent to a side that has closed does not matter any more, nor does a goodbye.
    pub fn has_undelivered(&self, stall_after: Elapsed) -> bool {
        let is_closing = |ending: &Ending| matches!(ending.what, EndingKind::Fin | EndingKind::CloseNotify);
        let until =
            self.endings.iter().find(|end| !is_closing(end)).map_or(self.capture.end, |end| end.moment.at);
        let is_closing = self.endings.iter().any(is_closing);
        [Role::Client, Role::Server].into_iter().any(|role| {
            if is_closing && self.is_farewell_outstanding(role) {
                return self.is_farewell_unheard(role, stall_after);
            }
            if is_closing && !self.is_closed_by_at_most(role) {
                return false;
            }
            let waiting = self.data[role].unacknowledged.filter(|waiting| waiting.repeats > 0);
            let is_received = self.data[role].closed_window.is_some();
            waiting.is_some_and(|waiting| !is_received && until - waiting.since.at >= stall_after)
        })
    }

    /// How long a side repeated its farewell, its FIN or the close_notify before that, without an acknowledgement: between which packets,
    /// and how often it was sent. A host that is up acknowledges a FIN whatever its program does.
    pub fn unheard_farewell(&self, role: Role) -> Option<(Moment, Moment, u64)> {
        /// A repeat or two may have crossed the acknowledgement.
        const TELLING: u64 = 2;
        if self.one_sided().is_some() || !self.is_closed_by_at_most(role) && !self.is_silent_before(role) {
            return None;
        }
        let data = &self.data[role];
        let is_fin = |ending: &&Ending| ending.by == role && ending.what == EndingKind::Fin;
        let fin = self.endings.iter().find(is_fin).map(|ending| ending.moment);
        let of_fin = fin
            .zip(data.fin_repeats.moments.last().copied())
            .map(|(fin, last)| (fin, last, data.fin_repeats.count));
        let of_data = || {
            let waiting = data.unacknowledged.filter(|_| self.is_farewell_outstanding(role))?;
            Some((waiting.since, waiting.last_repeat?, waiting.repeats))
        };
        let (since, last, repeats) = of_fin.or_else(of_data)?;
        (repeats >= TELLING && last.at - since.at >= RETRANSMISSION_DUE).then_some((since, last, repeats + 1))
    }

    /// Whether nothing but a silence of the other side precedes what `role` ended the connection by.
    fn is_silent_before(&self, role: Role) -> bool {
        self.endings.iter().all(|ending| match &ending.what {
            EndingKind::Silence(silence) => silence.awaited_from == role.other(),
            what => ending.by == role && matches!(what, EndingKind::Fin | EndingKind::CloseNotify),
        })
    }

    /// Whether a side's farewell was sent again and again without an acknowledgement, and the other side had been silent for `stall_after`
    /// before: the path may have broken before that side was done.
    pub fn is_farewell_unheard(&self, role: Role, stall_after: Elapsed) -> bool {
        let heard = self.data[role.other()].last;
        self.unheard_farewell(role)
            .zip(heard)
            .is_some_and(|((since, ..), heard)| since.at - heard.at >= stall_after)
    }

    /// Whether a client keeps its receive window closed up to the capture's end, and the server has more to send, as its probes of the
    /// window show or a record that lacks its end.
    pub fn is_answer_held_up(&self) -> bool {
        let is_closed = self.data.server.closed_window.is_some() && self.endings.is_empty();
        is_closed && (self.traffic.window_probes.count > 0 || self.tls.is_inside_record.server)
    }

    /// Whether one side reports that it lacks bytes of the other.
    pub fn has_reported_hole(&self) -> bool {
        self.data.client.reported_hole.is_some() || self.data.server.reported_hole.is_some()
    }

    /// From which byte on one side reports that it lacks bytes of the other.
    pub(crate) fn reported_hole_from(&self) -> Option<u32> {
        let holes = [&self.data.client.reported_hole, &self.data.server.reported_hole];
        holes.into_iter().flatten().next().map(|hole| hole.what.0)
    }

    /// Whether the snapshot length cuts off what would show that the client speaks TLS or asks for it, where nothing else shows it.
    pub fn is_protocol_hidden(&self) -> bool {
        self.data.client.is_beginning_hidden
            && !self.is_clear_by_port()
            && !self.expects_tls
            && !self.holds_lengths_alone()
            && self.prelude.is_none()
            && self.tls.client_hello.is_none()
            && self.tls.server_hello.is_none()
    }

    /// Whether the capture holds no byte of what the client said, and the port is one of a protocol without TLS.
    fn is_clear_by_port(&self) -> bool {
        let sent = &self.traffic.counters.client;
        let [asked, answered] = [self.data.client.last, self.data.server.last];
        let is_answered = asked
            .zip(answered)
            .is_some_and(|(asked, answered)| self.order.is_after(answered.number, asked.number));
        CLEAR_PORTS.contains(&self.parties.server.port) && sent.cut_bytes >= sent.bytes && is_answered
    }

    /// Whether the capture lacks what the client sent first on a connection that shows no TLS, so that what it asked for is unknown.
    /// A server that speaks first shows its protocol.
    pub fn lacks_first_words(&self) -> bool {
        let is_plain = self.tls.client_hello.is_none() && self.tls.server_hello.is_none();
        let unseen =
            self.missing.acked_unseen_by.client.first().filter(|_| self.missing.acked_unseen.client > 1);
        let is_unseen_before = |said: Option<Moment>| {
            unseen.is_some_and(|acked| said.is_none_or(|said| self.order.is_after(said.number, acked.number)))
        };
        let [client, server] = [self.data.client.first, self.data.server.first];
        // A page answers a plain request; a tunnel that opens has no page.
        let is_page = self.plain.server.as_ref().is_some_and(|plain| {
            matches!(plain.what.kind, PlainKind::HttpResponse(status) if (200..400).contains(&status) || status == 401)
                && !plain.what.line.to_ascii_lowercase().ends_with("established")
        });
        is_plain
            && !is_page
            && !self.exchanges_without_tls()
            && self.plain.client.is_none()
            && is_unseen_before(client)
            && (is_unseen_before(server) || server == unseen)
    }

    /// Whether the client spoke, was answered, spoke again and was answered again, without a record of TLS: a request for TLS or for a
    /// tunnel has another sequel.
    fn exchanges_without_tls(&self) -> bool {
        let [client, server] = [&self.data.client, &self.data.server];
        let (Some(first), Some(asked), Some(answered)) = (client.first, client.last, server.last) else {
            return false;
        };
        let is_after = |later: Moment, earlier: Moment| self.order.is_after(later.number, earlier.number);
        let records = &self.tls.application_data;
        let is_tls = records.client.count + records.server.count > 0;
        let is_alert = |ending: &Ending| {
            matches!(ending.what, EndingKind::Alert { .. } | EndingKind::EncryptedAlert { .. })
        };
        // A proxy may refuse a tunnel again and again. What was not found is a page: a tunnel has no path.
        let may_refuse = self.plain.server.as_ref().is_some_and(|plain| {
            matches!(plain.what.kind, PlainKind::HttpResponse(status) if status >= 400 && status != 404)
        });
        !is_tls
            && !may_refuse
            && !self.endings.iter().any(is_alert)
            && self.traffic.counters.server.data_segments > 1
            && is_after(asked, first)
            && is_after(answered, asked)
    }

    /// Whether bytes that the capture lacks, of whatever time, may have preceded an ending and given it another meaning: a
    /// record of an alert's size that closes, a FIN or RST after the sender's own FIN or the rest of its data.
    pub fn is_place_unsure(&self, ending: &Ending) -> bool {
        let missing = &self.missing;
        let is_before = |acked: Moment| !self.order.is_after(acked.number, ending.moment.number);
        let is_closed = |role: Role| missing.fin[role].is_some_and(is_before);
        match ending.what {
            EndingKind::EncryptedAlert { .. } => {
                let is_hello_unseen = self.tls.server_hello.is_none() && !self.capture.is_text;
                // A client that had sent early data may have its answer before its Finished.
                let may_be_early = ending.by == Role::Server && self.tls.client_hello.is_none();
                ending.stage >= Stage::ClientHello
                    && (missing.acked_unseen.client > 0
                        || missing.acked_unseen.server > 0
                        || is_hello_unseen
                        || may_be_early)
            }
            // A server may answer early data with its flight, and where its packets are cut, both look alike.
            EndingKind::Fin => {
                let may_be_early = self.tls.early_data.is_some() || self.is_hello_a_length(ending);
                let may_be_answer =
                    ending.by == Role::Server && may_be_early && self.traffic.counters.server.cut_bytes > 0;
                // The length of a truncated line is unknown, so what follows it seems to leave a gap.
                let is_after_gap = missing.gap[ending.by] > 0 && !self.capture.is_text;
                // Nothing shows where the server's numbers began, and so not that it sent nothing.
                let is_beginning_unseen = ending.by == Role::Server
                    && ending.stage == Stage::TcpEstablished
                    && self.opening.syn_ack.count == 0
                    && self.data.server.first.is_none()
                    && !self.expects_tls
                    && !self.capture.is_text;
                is_after_gap
                    || is_beginning_unseen
                    || is_closed(ending.by.other())
                    || may_be_answer && ending.stage >= Stage::ClientHello
            }
            // The other side's FIN counts as well: discarding a finished connection does not end it.
            EndingKind::Reset(_) => is_closed(Role::Client) || is_closed(Role::Server),
            // What was awaited may have come, as far as one byte shows it.
            EndingKind::Silence(_) => {
                self.reset_ahead(ending).is_some()
                    || missing.since_step[ending.by] == 1
                        && !self.repeats_unacknowledged(ending.by.other())
                        && self.unseen_after(ending.by).is_some_and(is_before)
            }
            EndingKind::Alert { .. } | EndingKind::CloseNotify => false,
        }
    }

    /// The acknowledgement of bytes that a side sent after the last that the capture holds of it, if any was captured.
    pub(in crate::story) fn unseen_after(&self, role: Role) -> Option<Moment> {
        let acked = self.missing.acked_unseen_by[role].moments.last().copied()?;
        let is_after = |last: Moment| self.order.is_after(acked.number, last.number);
        self.data[role].last.is_none_or(is_after).then_some(acked)
    }

    /// Whether nothing but its length shows the ClientHello, and the server answered it: early data may follow it.
    fn is_hello_a_length(&self, ending: &Ending) -> bool {
        let is_length = |hello: &Observed<ClientHello>| hello.basis == Basis::Inferred;
        ending.stage >= Stage::ServerHello
            && !self.capture.is_text
            && self.tls.client_hello.as_ref().is_some_and(is_length)
    }

    /// Whether an ending inside the handshake may come after it: bytes that were acknowledged without being captured, of whatever
    /// time, are enough for a Finished.
    fn may_follow_unseen_finished(&self, ending: &Ending) -> bool {
        let acked = self.missing.acked_unseen;
        // What was taken for the last of the handshake may have been a request and its answer.
        let may_be_later = ending.stage == Stage::TlsEstablished
            && matches!(ending.what, EndingKind::Reset(_))
            && self.basis == Basis::Inferred;
        ((Stage::ClientHello..Stage::TlsEstablished).contains(&ending.stage) || may_be_later)
            && (acked.client >= FINISHED_BYTES || acked.server >= FINISHED_BYTES)
    }

    /// Whether a request inside TLS, captured or proved by its acknowledgement, has no answer in the capture, although nobody but
    /// the client, who may have asked for none, could have ended it before that: nothing ended the connection, or the server did,
    /// or what did depends on what the capture lacks.
    ///
    /// Where the request was neither acknowledged nor sent again in time, the capture lacks the rest of the connection, and nothing
    /// is known of an answer, unless the acknowledgements alone were left out.
    pub fn is_request_open(&self) -> bool {
        let asked = self.tls.application_data.client.first();
        // A segment of unknown length shows only that the client sent something.
        let spoke = self.said_unknown_after_handshake();
        // A missing close_notify or FIN needs no reply.
        let is_tls13 = self.tls.is_tls13() == Some(true);
        let may_lack_a_request =
            self.lacks(Role::Client) && Turns::may_ask(self.missing.since_step.client, is_tls13);
        let is_begun =
            asked.is_some() || spoke.is_some() || self.tls.is_inside_record.client || may_lack_a_request;
        let was_asked = self.stage >= Stage::TlsEstablished && is_begun;
        let client = &self.data.client;
        // A tool's row that decodes data shows no acknowledgement.
        let is_hidden_by_data = |last: Moment| {
            client.acked_unknown.is_some_and(|unknown| {
                self.data.server.last == Some(unknown) && self.order.is_after(unknown.number, last.number)
            })
        };
        let is_acknowledgement_hidden =
            self.lacks_bare_segments() || client.last.is_some_and(is_hidden_by_data);
        let is_cut_off = self.endings.is_empty()
            && !client.is_all_acknowledged
            && !is_acknowledgement_hidden
            && client.repeats.count == 0
            && client.last.is_some_and(|last| self.capture.end - last.at >= RETRANSMISSION_DUE);
        let is_sized = self.holds_lengths_alone() && spoke.is_none() && !self.is_unanswered_by_lengths();
        let is_pending = self.endings.is_empty() && self.later_request().is_some();
        was_asked
            && !is_cut_off
            && !is_sized
            && (is_pending || !self.was_answered())
            && (self.one_sided().is_some()
                || self.decisive().is_some()
                || self.endings.first().is_none_or(|ending| self.may_cut_request_off(ending)))
    }

    /// The client's last segment after the handshake whose length no text shows, if nothing of the server follows it.
    fn said_unknown_after_handshake(&self) -> Option<Moment> {
        let established = self.tls.established.as_ref()?.moment.number;
        let spoke = self.data.client.sent_unknown?;
        let is_after = |number| self.order.is_after(spoke.number, number);
        let server = &self.data.server;
        let is_last = server.last.into_iter().chain(server.sent_unknown).all(|said| is_after(said.number));
        (is_after(established) && is_last && !self.lacks(Role::Server)).then_some(spoke)
    }

    /// Whether an ending may have left the client's request without its answer: the server's, or one before which the capture
    /// lacks the request or the server's FIN.
    fn may_cut_request_off(&self, ending: &Ending) -> bool {
        let is_before = |moment: Moment| !self.order.is_after(moment.number, ending.moment.number);
        let asked = self.tls.application_data.client.first();
        ending.by == Role::Server
            || asked.is_none_or(|asked| asked.number == ending.moment.number)
            || self.missing.fin.server.is_some_and(is_before)
    }
}

#[cfg(test)]
mod tests {
    use crate::story::script::talk::{self, Talk, ssm};
    use crate::tcp::Role::{Client, Server};

    #[test]
    fn exchanges_after_the_client_s_missing_first_words_show_that_it_is_no_tls() {
        let code = |port, exchanges: &[(&[u8], &[u8])]| {
            let mut talk = exchanges.iter().fold(Talk::to_port(port).open(), |talk, (asked, answered)| {
                talk.say(Client, asked).say(Server, answered).ack(Client)
            });
            talk = talk.fin(Client).fin(Server);
            talk.packets.remove(3);
            talk.code(0)
        };
        let ping: (&[u8], &[u8]) = (b"*1\r\n$4\r\nPING\r\n", b"+PONG\r\n");
        assert_eq!(code(6379, &[ping, ping, ping]), "plaintext");
        assert_eq!(code(6379, &[ping]), "capture-gap");
        let get = b"GET / HTTP/1.1\r\n\r\n";
        let page: (&[u8], &[u8]) = (get, b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
        assert_eq!(code(80, &[(get, b"HTTP/1.1 404 Not Found\r\n\r\n"), page, page]), "plaintext");
        // A server asks for credentials with 401, a proxy with 407.
        assert_eq!(code(80, &[(get, b"HTTP/1.1 401 Unauthorized\r\n\r\n"), page]), "plaintext");
        let refused: (&[u8], &[u8]) = (
            b"CONNECT ssm.example:8443 HTTP/1.1\r\n\r\n",
            b"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n",
        );
        assert_ne!(code(3128, &[refused, refused, refused]), "plaintext");
    }

    #[test]
    fn without_its_syn_ack_a_server_that_closes_may_have_sent_data_before() {
        let closed = |port: u16, has_syn_ack: bool| {
            let mut talk = Talk::to_port(port).open().fin(Server).fin(Client).ack(Server);
            if !has_syn_ack {
                talk.packets.remove(1);
            }
            talk.verdict(0).code.name()
        };
        assert_eq!((closed(3306, true), closed(3306, false)), ("closed-early", "capture-gap"));
    }

    #[test]
    fn a_farewell_that_the_capture_lacks_asks_for_nothing() {
        let flight = [talk::server_hello_13(), talk::encrypted(200), talk::encrypted(53)].concat();
        let hello = ssm().open().say(Client, &talk::client_hello()).say(Server, &flight);
        let shaken = || hello.clone().say(Client, &talk::encrypted(53)).ack(Server).wait(200);
        let code = |mut talk: Talk, from_end: usize| {
            let place = talk.packets.len() - from_end;
            talk.packets.remove(place);
            talk.code(9_000)
        };
        // The close_notify, and a request of as many bytes more as one has at least.
        let left = |len: u16| {
            shaken().say(Client, &talk::encrypted(len)).ack(Server).wait(100).fin(Server).ack(Client)
        };
        assert_eq!(code(left(19), 4), "healthy");
        assert_ne!(code(left(60), 4), "healthy");
    }
}
