//! What headers alone show: of their sender, of what the capture lacks, and of round trips.

use super::notes::Notes;
use super::{Builder, PacketId};
use crate::packet::{Direction, Filtered, IpHeader, Names, SegmentHeader, Viewpoint};
use crate::story::{Moment, Note, Stage, Turns};
use crate::tcp::{HandshakeStep, Observation, Role, SegmentKind, TcpConnection};
use crate::tls::RECORD_HEADER_BYTES;

impl Builder {
    /// Records the version of IP, and what the packet's source calls its hosts.
    pub(super) fn on_hosts(&mut self, names: &Names, ip: &IpHeader) {
        self.story.version = ip.version;
        if !names.is_empty() {
            self.story.names.adopt(names, ip.source);
            self.story.names.adopt(names, ip.destination);
        }
    }

    /// What the headers show of their sender, and of what the capture lacks.
    pub(super) fn on_header(&mut self, id: PacketId<'_>, header: &SegmentHeader, observation: &Observation) {
        let moment = id.moment;
        let party = &mut self.story.parties[observation.role];
        party.record_path(moment.number, header, observation.flags);
        if let Some(offer) = &observation.offer {
            party.record_offer(moment.number, offer, header.tcp.window, observation.flags);
        }
        party.was_sent_here |= observation.flags.syn() && id.direction == Some(Direction::Outbound);
        party.checksums.record(moment.number, header);
        party.checksums.was_received |=
            party.checksums.incorrect > 0 && id.direction == Some(Direction::Inbound);
        self.closing.on_options(header, observation);
        let flags = observation.flags;
        let is_bare = header.payload_len == Some(0) && !(flags.syn() || flags.fin() || flags.rst());
        self.story.traffic.bare += u64::from(is_bare);
        let saw_payload = self.story.data.client.first.is_some() || self.story.data.server.first.is_some();
        let before = self.story.missing.since_step;
        let found = self.story.missing.record(moment, observation, saw_payload);
        if found.server {
            self.on_unseen_answer(moment, self.story.missing.since_step.server.saturating_sub(before.server));
        }
        if found.client && self.story.stage >= Stage::TlsEstablished {
            let bytes = self.story.missing.since_step.client.saturating_sub(before.client);
            self.on_unseen_request(moment, bytes);
        }
        if observation.reset.is_some() && observation.role == Role::Server && observation.ahead > 0 {
            self.story.tls.turns.on_unseen();
        }
    }

    /// What a firewall did with the packet. It may let a SYN in on one interface and drop it on its way out of another, so that the same
    /// packet is in its log twice.
    pub(super) fn on_filter(&mut self, id: PacketId<'_>, observation: &Observation) {
        self.story.missing.is_filter_log |= id.filtered == Some(Filtered::Passed);
        let opening = &mut self.story.opening;
        if observation.step == Some(HandshakeStep::Syn) {
            opening.last_syn_filtered = id.filtered;
            opening.syns_dropped += u64::from(id.filtered == Some(Filtered::Dropped));
        } else if let (
            SegmentKind::DuplicateCapture { .. },
            Some(Filtered::Passed),
            Some(Filtered::Dropped),
        ) = (observation.kind, opening.last_syn_filtered, id.filtered)
        {
            opening.last_syn_filtered = id.filtered;
            opening.syns_dropped += 1;
        }
    }

    /// What the numbers show of each side's data: what is acknowledged, and what is reported to be missing.
    pub(super) fn on_numbers(
        &mut self,
        moment: Moment,
        connection: &TcpConnection,
        header: &SegmentHeader,
        observation: &Observation,
    ) {
        let (role, other) = (observation.role, observation.role.other());
        let (ends, data) = (&connection.ends, &mut self.story.data);
        for role in [Role::Client, Role::Server] {
            data[role].is_all_acknowledged = ends[role].is_all_acknowledged();
            data[role].outstanding = ends[role].outstanding();
        }
        data[role].forget_filled_hole(&ends[role], header, observation);
        data[other].record_reported_hole(moment, &ends[other], header, observation);
        data[role].record_sent_unseen(moment, observation);
        data[other].record_acknowledgement(moment, &ends[other], header, observation);
        if observation.newly_acked > 0 && ends[other].counters.segments == 0 {
            // With one direction only: the other side continues to send, so it is not waiting for what came before.
            data[role].unacknowledged = None;
        }
    }

    /// A packet proves that the client sent what the capture lacks after the handshake. The first of it is a message like those that
    /// are captured; since then, the server must still answer.
    #[cold]
    fn on_unseen_request(&mut self, moment: Moment, bytes: u64) {
        let tls = &mut self.story.tls;
        let is_tls13 = tls.is_tls13() == Some(true);
        if !Turns::may_ask(bytes, is_tls13) {
            tls.turns.on_unseen_request(bytes);
            return;
        }
        if self.story.missing.request.is_none() && tls.application_data.client.count == 0 {
            let len = u32::try_from(bytes).unwrap_or(u32::MAX).saturating_sub(RECORD_HEADER_BYTES);
            tls.turns.on_client(moment, len, is_tls13);
        }
        tls.turns.on_unseen_request(bytes);
        self.story.missing.request.get_or_insert(moment);
    }

    /// A packet proves that the server sent what the capture lacks.
    #[cold]
    fn on_unseen_answer(&mut self, moment: Moment, bytes: u64) {
        let story = &mut self.story;
        let has_asked = match story.tls.client_hello {
            Some(_) => story.has_asked_inside_tls(),
            None => story.data.client.first.is_some(),
        };
        story.tls.turns.on_unseen();
        if has_asked {
            story.missing.answer.get_or_insert(moment);
            story.missing.answer_bytes += bytes;
        }
        self.handshake.on_unseen(story.stage);
    }

    pub(super) fn on_round_trip(&mut self, moment: Moment, observation: &Observation, notes: &mut Notes) {
        let Some(round_trip) = observation.round_trip else { return };
        let is_of_server = observation.role == Role::Server;
        let is_opening = is_of_server && self.story.stage == Stage::SynAck;
        if self.viewpoint == Viewpoint::Socket && !is_opening {
            return;
        }
        notes.push(Note::RoundTrip(round_trip));
        let trips = &mut self.story.path.round_trips;
        trips.record(observation.role, round_trip);
        if is_of_server && self.story.data.client.first.is_some() && trips.data.is_none() {
            trips.data = Some((round_trip, moment.number));
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::story::script::talk::{self, Talk, handshake};
    use crate::tcp::Role::{Client, Server};

    /// Two requests, of which the first is not in the capture and was answered.
    fn asked_twice() -> Talk {
        let mut talk = handshake().say(Client, &talk::data());
        let first = talk.packets.len() - 1;
        talk = talk.ack(Server).say(Server, &talk::data()).ack(Client);
        talk = talk.wait(500).say(Client, &talk::data()).ack(Server);
        talk.packets.remove(first);
        talk
    }

    #[test]
    fn a_request_after_one_that_the_capture_lacks_needs_an_answer_of_its_own() {
        let asked = asked_twice();
        assert_eq!(asked.clone().wait(2_000).rst(Server).code(0), "reset");
        assert_eq!(asked.clone().wait(2_000).fin(Server).code(0), "no-response");
        assert_eq!(asked.clone().wait(20_000).fin(Client).code(0), "no-response");
        assert_eq!(asked.say(Server, &talk::data()).ack(Client).fin(Client).code(0), "healthy");
    }

    #[test]
    fn a_request_that_was_acknowledged_before_the_capture_lacked_it_is_not_part_of_the_next_message() {
        let next = |bytes: u16| {
            let mut talk = handshake().say(Client, &talk::encrypted(275));
            let first = talk.packets.len() - 1;
            talk = talk.say(Server, &talk::encrypted(219)).ack(Client).say(Client, &talk::encrypted(bytes));
            talk.packets.remove(first);
            talk.ack(Server).fin(Server).ack(Client).fin(Client).code(0)
        };
        // Much shorter than the one before, and as long.
        assert_eq!(next(89), "healthy");
        assert_eq!(next(275), "no-response");
    }
}
