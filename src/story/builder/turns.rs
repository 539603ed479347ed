//! What a segment brings inside TLS: its events, and whose turn it is after them.

use super::notes::Notes;
use super::{Builder, withdrawal};
use crate::story::{Moment, Stage};
use crate::tcp::{Observation, Role};
use crate::tls::TlsEvent;

impl Builder {
    /// Takes what a segment showed of TLS.
    pub(super) fn on_events(
        &mut self,
        moment: Moment,
        observation: &Observation,
        begins_record: bool,
        events: &mut Vec<TlsEvent>,
        notes: &mut Notes,
    ) {
        let follows_gap = observation.role == Role::Client && observation.gap > 0;
        if follows_gap {
            let is_tls13 = self.story.tls.is_tls13() == Some(true);
            self.story.tls.turns.on_gap(observation.gap, is_tls13);
        }
        for event in events.drain(..) {
            let (by, moment) = (event.role, Moment { number: event.number, at: event.at });
            if let Some(what) = self.handshake.on_event(event, &mut self.story, notes) {
                self.end(what, by, moment);
            }
        }
        if follows_gap {
            self.story.tls.turns.after_gap();
        }
        if observation.role == Role::Client
            && observation.new_bytes > 0
            && self.story.tls.is_inside_record.client
            && self.story.stage == Stage::ApplicationData
        {
            self.story.tls.turns.on_part(moment, observation.new_bytes, begins_record);
        }
    }

    /// The server sent a segment, whose bytes may answer what the client asked inside TLS.
    pub(super) fn on_server_s_turn(&mut self, moment: Moment, may_answer: bool, are_frames: bool) {
        if may_answer {
            withdrawal::withdraw_answered_closing(moment, &mut self.story);
        }
        if may_answer && self.story.has_asked_inside_tls() {
            let may_be_tickets = self.story.may_be_tickets_in(moment);
            let turns = &mut self.story.tls.turns;
            let asked = turns.pending();
            turns.on_server(moment, may_be_tickets);
            turns.on_frames(asked, are_frames);
        }
        if self.story.data.client.is_all_acknowledged {
            self.story.tls.turns.on_acknowledgement(moment);
        }
    }
}
