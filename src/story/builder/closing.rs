//! FIN and RST, and what a RST shows of its sender.

use std::mem;

use super::notes::Notes;
use crate::limits;
use crate::packet::{Flags, Segment, SegmentHeader, Seq};
use crate::story::{
    Ending, EndingKind, Moment, Note, PreludeFacts, ResetFacts, ResetReason, Stage, Story, reset_reason,
};
use crate::tcp::{HandshakeStep, Observation, PerRole, ResetFit, Role, SegmentKind, TcpConnection};
use crate::time::Elapsed;

/// A card with several queues delivers what comes together in any order; what was captured this soon after a RST may have been
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
    /// How many later packets of a side that sent a RST acknowledge more of the other side, whose own packets the capture lacks.
    acknowledged_after_reset: PerRole<u32>,
    /// Whether the client sent a FIN while its SYN was unanswered: its next one closes what was opened since.
    gave_up_on_syn: bool,
    /// The side that sent new data last.
    spoke_last: Option<Role>,
    /// Where the client's data after the server's last data begins.
    asked_from: Option<Seq>,
    /// The number after a side's FIN that the capture lacks, as the other side acknowledged it.
    unseen_fin: PerRole<Option<Seq>>,
}

impl Closing {
    pub(super) fn swap_roles(&mut self) {
        self.last_packet.swap();
        self.saw_timestamps.swap();
        self.reset_seq.swap();
        self.sent_after_reset.swap();
        self.acknowledged_after_reset.swap();
        self.unseen_fin.swap();
        self.spoke_last = self.spoke_last.map(Role::other);
        self.asked_from = None;
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
        (moment, connection): (Moment, &TcpConnection),
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
            record_reason(moment, segment, story);
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
        self.forget_unheeded_reset(connection, observation, story);
        self.record_close_on_request(segment.header, observation, story);
        // Nothing was opened that a client could close before its SYN is answered.
        if role == Role::Client && story.stage == Stage::Syn {
            self.gave_up_on_syn |= observation.is_first_fin;
            return None;
        }
        let closes_late =
            role == Role::Client && observation.flags.fin() && mem::take(&mut self.gave_up_on_syn);
        (observation.is_first_fin || closes_late).then_some(EndingKind::Fin)
    }

    /// Records whether the server's FIN acknowledges bytes that the client has sent since the server spoke last. A server that closes an
    /// idle connection while a request is on its way to it acknowledges none of that.
    fn record_close_on_request(
        &mut self,
        header: &SegmentHeader,
        observation: &Observation,
        story: &mut Story,
    ) {
        let role = observation.role;
        if observation.new_bytes > 0 {
            if role == Role::Client && self.spoke_last != Some(Role::Client) {
                self.asked_from = header.tcp.seq;
            }
            self.spoke_last = Some(role);
        }
        if role == Role::Server && observation.is_first_fin && self.spoke_last == Some(Role::Client) {
            let covers = |(from, ack): (Seq, Seq)| ack.is_after(from);
            story.closed_on_request = self.asked_from.zip(header.tcp.ack).map(covers);
        }
    }

    /// The side whose unseen FIN a segment probably acknowledges. The one number may also be a byte of data: it is taken for that where the
    /// sender still owes some, and what follows may prove it later.
    pub(super) fn unseen_fin(
        &mut self,
        moment: Moment,
        connection: &TcpConnection,
        segment: &Segment<'_>,
        observation: &Observation,
        story: &mut Story,
    ) -> Option<Role> {
        let by = observation.role.other();
        if story.missing.fin[by].is_none_or(|acked| acked.number != moment.number) {
            return None;
        }
        self.unseen_fin[by] = segment.header.tcp.ack;
        let end = &connection.ends[by];
        let owes_more = story.tls.is_inside_record[by]
            || story.data[by].closed_window.is_some()
            || by == Role::Server && story.prelude.as_ref().is_some_and(PreludeFacts::is_pending);
        let is_fin = story.stage >= Stage::SynAck
            && end.fin.is_none()
            && end.counters.unknown_lengths == 0
            && !owes_more;
        is_fin.then_some(by)
    }

    /// Withdraws the FIN of a side that continues after it: it was data, and the silence that it ended was a pause.
    pub(super) fn withdraw_unseen_fins(
        &mut self,
        header: &SegmentHeader,
        observation: &Observation,
        story: &mut Story,
    ) {
        if observation.reset.is_some() {
            return;
        }
        let role = observation.role;
        let len = header.payload_len.unwrap_or(0);
        for by in [role, role.other()] {
            let (Some(fin), Some(acked)) = (self.unseen_fin[by], story.missing.fin[by]) else { continue };
            let continues = if by == role {
                let is_after =
                    |seq: Seq| seq.is_after(fin) || observation.flags.fin() && !fin.is_after(seq + len);
                observation.new_bytes > 0 || header.tcp.seq.is_some_and(is_after)
            } else {
                header.tcp.ack.is_some_and(|ack| ack.is_after(fin))
            };
            if !continues {
                continue;
            }
            self.unseen_fin[by] = None;
            story.missing.fin[by] = None;
            let ended = |ending: &Ending| match ending.what {
                EndingKind::Silence(silence) if ending.by == by && silence.until == acked.at => Some(silence),
                _ => None,
            };
            let pauses = story.endings.iter().filter_map(ended);
            let room = limits::STORY_REPEATS.saturating_sub(story.pauses.len());
            story.pauses.extend(pauses.take(room));
            story.endings.retain(|ending| ended(ending).is_none());
        }
    }

    /// A segment was added. What is sent again triggers nothing that its first copy did not.
    pub(super) fn on_packet(&mut self, moment: Moment, observation: &Observation) {
        if !matches!(observation.kind, SegmentKind::Retransmission { .. } | SegmentKind::KeepAlive) {
            self.last_packet[observation.role] = Some(moment);
        }
    }

    /// Forgets a RST of the other side if `role` acknowledges numbers beyond its own, or what was sent after it: it ignored the RST, as one
    /// that is not at the next number is ignored (RFC 5961, 3.2).
    fn forget_ignored_reset(&mut self, role: Role, ack: Option<Seq>, story: &mut Story) {
        let other = role.other();
        let Some(reset) = self.reset_seq[other] else { return };
        let is_after = |seq: Seq| ack.is_some_and(|ack| ack.is_after(seq));
        if is_after(reset) || self.sent_after_reset[other].is_some_and(is_after) {
            self.forget_reset(other, story);
        }
    }

    /// Forgets a RST of `role` where the other side, of which the capture holds no packet, continues: the sender acknowledges more of it
    /// again and again. What was on its way when the RST came is acknowledged once.
    fn forget_unheeded_reset(
        &mut self,
        connection: &TcpConnection,
        observation: &Observation,
        story: &mut Story,
    ) {
        const TELLING: u32 = 2;
        let role = observation.role;
        let is_alone = connection.ends[role.other()].counters.segments == 0;
        if self.reset_seq[role].is_none() || !is_alone || observation.newly_acked == 0 {
            return;
        }
        self.acknowledged_after_reset[role] += 1;
        if self.acknowledged_after_reset[role] >= TELLING {
            self.forget_reset(role, story);
        }
    }

    fn forget_reset(&mut self, by: Role, story: &mut Story) {
        self.reset_seq[by] = None;
        self.sent_after_reset[by] = None;
        self.acknowledged_after_reset[by] = 0;
        story.endings.retain(|ending| ending.by != by || !matches!(ending.what, EndingKind::Reset(_)));
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
            acknowledges: header.tcp.flags.is_none_or(Flags::ack),
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

fn record_reason(moment: Moment, segment: &Segment<'_>, story: &mut Story) {
    let payload = if segment.payload.is_empty() { segment.printed } else { segment.payload };
    let payload = payload.get(..limits::TIMELINE_EXCERPT_BYTES).unwrap_or(payload);
    if let (None, Some(text)) = (&story.reset_reason, reset_reason(payload)) {
        story.reset_reason = Some(ResetReason { number: moment.number, text: text.into() });
    }
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

#[cfg(test)]
mod tests {
    use crate::story::script::talk::{self, Talk, ssm};
    use crate::story::{EndingKind, Story};
    use crate::tcp::Role::{Client, Server};

    /// A ClientHello that got no answer for 8 s, and then `bytes` of the server that the capture lacks.
    fn unseen_after_silence(bytes: u32) -> Talk {
        let asked = ssm().open().say(Client, &talk::client_hello()).ack(Server).wait(8_000);
        let (seq, ack) = (asked.next(Client), asked.next(Server) + bytes);
        asked.segment_with(Client, ".", seq, ack, &[], |_| {})
    }

    fn fins(story: &Story) -> usize {
        story.endings.iter().filter(|ending| ending.what == EndingKind::Fin).count()
    }

    #[test]
    fn a_fin_of_which_the_acknowledgement_alone_is_captured_ends_a_silence_and_nothing_else() {
        let story = unseen_after_silence(1).story(9_000);
        assert_eq!(
            (story.silence().map(|silence| silence.elapsed().nanos() / 1_000_000_000), fins(&story)),
            (Some(8), 0)
        );
        assert!(story.missing.fin.server.is_some());
    }

    #[test]
    fn a_side_that_continues_after_its_fin_sent_none() {
        let silent = unseen_after_silence(1);
        let (seq, ack) = (silent.next(Server), silent.next(Client));
        // Its FIN, and a segment without data, have the number after the byte; more of it is acknowledged.
        for continued in [
            silent.clone().segment_with(Server, "F.", seq + 1, ack, &[], |_| {}),
            silent.clone().segment_with(Server, ".", seq + 2, ack, &[], |_| {}),
            silent.clone().segment_with(Client, ".", ack, seq + 9, &[], |_| {}),
        ] {
            let story = continued.story(0);
            assert_eq!((story.missing.fin.server, story.silence(), story.pauses.len()), (None, None, 1));
        }
        let late = silent.segment_with(Server, "F.", seq, ack, &[], |_| {}).story(0);
        assert!(late.missing.fin.server.is_some() && late.silence().is_some() && fins(&late) == 1);
    }

    #[test]
    fn a_byte_after_a_record_that_lacks_its_end_is_no_fin() {
        let hello = talk::client_hello();
        let begun = ssm().open().say(Client, &hello[..hello.len() - 1]);
        let (seq, ack) = (begun.next(Server), begun.next(Client) + 1);
        let acked = begun.segment_with(Server, ".", seq, ack, &[], |_| {}).wait(8_000);
        // Whether the client or the server is silent depends on that byte.
        assert_eq!(acked.code(0), "capture-gap");
    }

    #[test]
    fn the_number_that_a_rst_acknowledges_shows_no_fin() {
        let asked = ssm().open().say(Client, &talk::client_hello());
        let (seq, ack) = (asked.next(Server), asked.next(Client) + 1);
        let reset = asked.segment_with(Server, "R.", seq, ack, &[], |_| {});
        assert_eq!(reset.story(0).missing.fin.client, None);
        assert_eq!(reset.code(0), "reset");
    }
}
