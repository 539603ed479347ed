//! What headers alone show: of their sender, of what the capture lacks, and of round trips.

use super::notes::Notes;
use super::{Builder, PacketId};
use crate::packet::{Direction, SegmentHeader, Viewpoint};
use crate::story::{Moment, Note, Stage};
use crate::tcp::{Observation, Role};

impl Builder {
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
        let saw_payload = self.story.data.client.first.is_some() || self.story.data.server.first.is_some();
        if self.story.missing.record(moment, observation, saw_payload).server {
            self.on_unseen_answer(moment);
        }
        if observation.reset.is_some() && observation.role == Role::Server && observation.ahead > 0 {
            self.story.tls.turns.on_unseen();
        }
    }

    /// A packet proves that the server sent what the capture lacks.
    #[cold]
    fn on_unseen_answer(&mut self, moment: Moment) {
        let story = &mut self.story;
        let has_asked = match story.tls.client_hello {
            Some(_) => story.tls.application_data.client.count > 0,
            None => story.data.client.first.is_some(),
        };
        story.tls.turns.on_unseen();
        if has_asked {
            story.missing.answer.get_or_insert(moment);
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
