//! FIN and RST, and what a RST shows of its sender.

use std::mem;

use super::notes::Notes;
use crate::packet::{Segment, SegmentHeader, Seq};
use crate::story::{Ending, EndingKind, Moment, Note, ResetFacts, Stage, Story};
use crate::tcp::{Connection, HandshakeStep, Observation, PerRole, ResetFit, Role, SegmentKind};
use crate::time::Elapsed;

/// A card with several queues delivers what comes together in any order; what was captured this soon behind a RST may have been
/// sent before it, unless the RST's TTL is another host's.
const SHUFFLED_WITHIN: Elapsed = Elapsed::from_millis(1);

/// What a RST is compared with.
#[derive(Clone, Debug, Default)]
pub(super) struct Closing {
    /// Each side's last packet that was not sent before.
    last_packet: PerRole<Option<Moment>>,
    /// Whether a side's packets carry TCP timestamps.
    saw_timestamps: PerRole<bool>,
    /// The sequence number of a side's RST.
    reset_seq: PerRole<Option<Seq>>,
    /// The first data that a side sent after its RST: who acknowledges it has ignored the RST.
    sent_after_reset: PerRole<Option<Seq>>,
    /// Whether the client sent a FIN while its SYN was unanswered: its next one closes what was opened since.
    gave_up_on_syn: bool,
}

impl Closing {
    pub(super) fn swap_roles(&mut self) {
        self.last_packet.swap();
        self.saw_timestamps.swap();
        self.reset_seq.swap();
        self.sent_after_reset.swap();
    }

    /// Records whether a segment carries timestamps.
    pub(super) fn on_options(&mut self, header: &SegmentHeader, observation: &Observation) {
        let saw = &mut self.saw_timestamps[observation.role];
        if !*saw {
            *saw = match &observation.offer {
                Some(offer) => offer.has_timestamps,
                None => header.tcp.options.as_ref().is_some_and(|options| options.timestamps().is_some()),
            };
        }
    }

    /// Returns what ends the connection by a segment, if anything does.
    pub(super) fn on_segment(
        &mut self,
        moment: Moment,
        segment: &Segment<'_>,
        observation: &Observation,
        story: &mut Story,
        notes: &mut Notes,
    ) -> Option<EndingKind> {
        let role = observation.role;
        if let Some(fit) = observation.reset {
            if fit == ResetFit::Outside {
                notes.push(Note::IneffectiveReset);
                return None;
            }
            let facts = self.reset_facts(moment, segment.header, role, fit, story);
            self.reset_seq[role] = segment.header.tcp.seq;
            return Some(EndingKind::Reset(facts));
        }
        if let (Some(reset), Some(seq)) = (self.reset_seq[role], segment.header.tcp.seq) {
            // A side that sends data beyond its own RST, or its SYN-ACK again, did not send that RST.
            let len = segment.header.payload_len.unwrap_or(0);
            let is_syn_ack = observation.step == Some(HandshakeStep::SynAck);
            if (len > 0 && (seq + len).is_after(reset)) || is_syn_ack {
                record_talk_after_reset(role, moment, story);
            }
        }
        if observation.new_bytes > 0 && self.sent_after_reset[role].is_none() {
            let is_later = |ending: &Ending| {
                let is_reset = ending.by == role && matches!(ending.what, EndingKind::Reset(_));
                is_reset && moment.at - ending.moment.at > SHUFFLED_WITHIN
            };
            self.sent_after_reset[role] =
                segment.header.tcp.seq.filter(|_| story.endings.iter().any(is_later));
        }
        self.forget_ignored_reset(role, segment.header.tcp.ack, story);
        // Nothing was opened that a client could close before its SYN is answered.
        if role == Role::Client && story.stage == Stage::Syn {
            self.gave_up_on_syn |= observation.is_first_fin;
            return None;
        }
        let closes_late =
            role == Role::Client && observation.flags.fin() && mem::take(&mut self.gave_up_on_syn);
        let is_known = story.endings.iter().any(|ending| ending.by == role && is_unseen_fin(ending, story));
        ((observation.is_first_fin || closes_late) && !is_known).then_some(EndingKind::Fin)
    }

    /// A segment was added. What is sent again triggers nothing that its first copy did not.
    pub(super) fn on_packet(&mut self, moment: Moment, observation: &Observation) {
        if !matches!(observation.kind, SegmentKind::Retransmission { .. } | SegmentKind::KeepAlive) {
            self.last_packet[observation.role] = Some(moment);
        }
    }

    /// Forgets a RST of the other side if `role` acknowledges what lies behind it, or what was sent after it: it ignored the RST, as one
    /// that is not at the next number is ignored (RFC 5961, 3.2).
    fn forget_ignored_reset(&mut self, role: Role, ack: Option<Seq>, story: &mut Story) {
        let other = role.other();
        let Some(reset) = self.reset_seq[other] else { return };
        let is_behind = |seq: Seq| ack.is_some_and(|ack| ack.is_after(seq));
        if is_behind(reset) || self.sent_after_reset[other].is_some_and(is_behind) {
            self.reset_seq[other] = None;
            self.sent_after_reset[other] = None;
            story.endings.retain(|ending| ending.by == role || !matches!(ending.what, EndingKind::Reset(_)));
        }
    }

    fn reset_facts(
        &self,
        moment: Moment,
        header: &SegmentHeader,
        by: Role,
        fit: ResetFit,
        story: &Story,
    ) -> ResetFacts {
        let party = &story.parties[by];
        ResetFacts {
            fit,
            hop_limit: header.ip.hop_limit,
            usual_hop_limits: [party.opening_path, party.later_path]
                .map(|path| path.map(|path| path.hop_limit)),
            id: header.ip.id,
            previous: party.last_path,
            is_stateless: header.ip.id.is_none_or(|id| id == 0)
                && header.tcp.window == Some(0)
                && header.payload_len.is_none_or(|bytes| bytes == 0)
                && header.tcp.options.is_some_and(|options| options.as_bytes().is_empty()),
            usual_timestamps: self.saw_timestamps[by],
            after_trigger: self.last_packet[by.other()].map(|trigger| moment.at - trigger.at),
            shortest_round_trip: story.path.round_trips.shortest_to(by),
            continued_in: None,
        }
    }
}

/// The side whose FIN a segment acknowledges although the capture lacks it, if any. What a side sent before it sends more was no FIN.
pub(super) fn unseen_fin(
    connection: &Connection,
    observation: &Observation,
    story: &mut Story,
) -> Option<Role> {
    let role = observation.role;
    if observation.new_bytes > 0 && story.missing.fin[role].is_some() {
        let fins: Vec<bool> = story.endings.iter().map(|ending| is_unseen_fin(ending, story)).collect();
        let mut fins = fins.into_iter();
        story.endings.retain(|ending| !(fins.next() == Some(true) && ending.by == role));
        story.missing.fin[role] = None;
    }
    let by = role.other();
    let end = &connection.ends[by];
    let is_fin = observation.acknowledges_unseen_fin()
        && story.stage >= Stage::SynAck
        && end.fin.is_none()
        && end.counters.unknown_lengths == 0
        && !story.endings.iter().any(|ending| ending.by == by && ending.what == EndingKind::Fin);
    is_fin.then_some(by)
}

/// Whether an ending is a FIN of which the capture holds only the acknowledgement.
fn is_unseen_fin(ending: &Ending, story: &Story) -> bool {
    ending.what == EndingKind::Fin
        && story.missing.fin[ending.by].is_some_and(|acked| acked.number == ending.moment.number)
}

fn record_talk_after_reset(role: Role, moment: Moment, story: &mut Story) {
    for ending in &mut story.endings {
        if let EndingKind::Reset(facts) = &mut ending.what
            && ending.by == role
            && (moment.at - ending.moment.at > SHUFFLED_WITHIN || facts.has_unusual_hop_limit())
        {
            facts.continued_in.get_or_insert(moment.number);
        }
    }
}
