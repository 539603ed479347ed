//! Silences: when one begins, and how it ends. `awaited` says whose step is awaited, `lost` whether it is the connection's or the
//! capture's.

mod awaited;
mod lost;

use crate::limits;
use crate::packet::Viewpoint;
use crate::story::builder::notes::Notes;
use crate::story::{CaptureFacts, Ending, EndingKind, Moment, Note, Silence, Stage, Story};
use crate::tcp::{HandshakeStep, Observation, Role};
use crate::time::{Elapsed, Timestamp};
use awaited::{Awaited, Waits, data_repeats, later_answer};
use lost::{is_ack_unseen, is_ack_unseen_in_one_direction};

/// The silence that runs, and what it is measured from.
#[derive(Clone, Debug)]
pub(super) struct Silences {
    /// A silence lasts at least this long.
    stall_after: Elapsed,
    /// The last packet that brought something new.
    progress: Moment,
    /// How often data had been sent again until then.
    repeats_at_progress: u64,
    running: Option<Running>,
}

/// A silence that lasts.
#[derive(Clone, Copy, Debug)]
struct Running {
    silence: Silence,
    of: Awaited,
    /// The stage in which it began.
    stage: Stage,
    is_noted: bool,
}

impl Silences {
    pub(super) fn new(stall_after: Elapsed, first: Moment) -> Self {
        Self { stall_after, progress: first, repeats_at_progress: 0, running: None }
    }

    /// The last packet that brought something new.
    pub(super) fn progress(&self) -> Moment {
        self.progress
    }

    /// The capture's clock stepped before this packet: no silence is measured across it.
    pub(super) fn restart(&mut self, moment: Moment) {
        self.running = None;
        self.progress = moment;
    }

    /// Exchanges the roles.
    pub(super) fn swap_roles(&mut self) {
        if let Some(running) = &mut self.running {
            running.silence.awaited_from = running.silence.awaited_from.other();
        }
    }

    /// Time passed up to `at`: a silence begins, or lasts longer.
    pub(super) fn on_time(&mut self, at: Timestamp, story: &Story) {
        if let Some(Running { silence, .. }) = &mut self.running {
            silence.until = at;
            return;
        }
        let Some(Waits { since, awaited_from, of }) = self.waits(story) else { return };
        let patience = match of {
            Awaited::LaterAnswer => story.tls.turns.patience(self.stall_after),
            Awaited::Step | Awaited::Acknowledgement | Awaited::RestOfAnswer => self.stall_after,
        };
        if at - since.at < patience {
            return;
        }
        let silence = Silence {
            since,
            until: at,
            awaited_from,
            is_acknowledged: story.data[awaited_from.other()].is_all_acknowledged,
            is_ack_unseen: false,
        };
        self.running = Some(Running { silence, of, stage: story.stage, is_noted: false });
    }

    /// Notes the silence that runs while the packet comes, once.
    pub(super) fn note(&mut self, notes: &mut Notes) {
        if let Some(running) = self.running.as_mut().filter(|running| !running.is_noted) {
            notes.push(Note::Silence(running.silence));
            running.is_noted = true;
        }
    }

    /// `by` sends what it is awaited to, and perhaps ends the connection in the same segment: the silence that runs was a pause.
    pub(super) fn on_answer(&mut self, moment: Moment, by: Role, story: &mut Story) {
        if self.running.is_some_and(|running| running.silence.awaited_from == by) {
            self.pause(moment, story);
        }
    }

    /// A segment acknowledges all that was owed an acknowledgement, and perhaps ends the connection: the silence that runs was a pause.
    pub(super) fn on_acknowledgement(
        &mut self,
        moment: Moment,
        observation: &Observation,
        story: &mut Story,
    ) {
        let role = observation.role;
        let is_owed = |running: &Running| {
            running.of == Awaited::Acknowledgement && running.silence.awaited_from == role
        };
        let is_all = observation.newly_acked > 0 && story.data[role.other()].is_all_acknowledged;
        if is_all && self.running.as_ref().is_some_and(is_owed) {
            self.pause(moment, story);
        }
    }

    /// The silence that runs ends with what was awaited.
    fn pause(&mut self, moment: Moment, story: &mut Story) {
        if let Some(Running { silence, .. }) = self.running.take()
            && story.pauses.len() < limits::STORY_REPEATS
        {
            story.pauses.push(silence);
        }
        self.progress = moment;
        self.repeats_at_progress = data_repeats(story);
    }

    /// A segment that brings something new: the next silence is measured from there. If the awaited side sent it, the silence
    /// that runs was a pause.
    pub(super) fn on_segment(
        &mut self,
        moment: Moment,
        observation: &Observation,
        stage_before: Stage,
        story: &mut Story,
    ) {
        let is_taken_back = |running: &Running| {
            running.of == Awaited::LaterAnswer
                && observation.role == Role::Client
                && later_answer(story).is_none()
        };
        if self.running.as_ref().is_some_and(is_taken_back) {
            self.restart(moment);
        }
        let is_first_step = match observation.step {
            Some(HandshakeStep::Syn) => story.opening.syn.count == 1,
            Some(HandshakeStep::SynAck) => story.opening.syn_ack.count == 1,
            Some(HandshakeStep::Ack) => true,
            None => false,
        };
        // Who leaves and acknowledges a part lacks the rest.
        let is_left_with_less =
            observation.flags.fin() && !story.data[observation.role.other()].is_all_acknowledged;
        // Bytes missing before a segment were sent at an unknown time, so there is no silence to report.
        let is_delivered = observation.newly_acked > 0
            && !is_left_with_less
            && self.running.is_some_and(|running| {
                running.of == Awaited::Acknowledgement && running.silence.awaited_from == observation.role
            });
        if is_delivered {
            self.pause(moment, story);
        }
        let by = if observation.new_bytes > 0 || observation.gap > 0 || is_first_step {
            observation.role
        } else if observation.acked_unseen > 0 {
            observation.role.other()
        } else {
            // What was owed no more than an acknowledgement has it.
            let has_it = observation.newly_acked > 0 && !is_left_with_less;
            if has_it && self.running.is_some() && self.awaited_from(story).is_none() {
                self.restart(moment);
            }
            return;
        };
        // A client that answers the server's flight shows that it was complete, and that the silence was its own.
        let was_its_own = by == Role::Client
            && stage_before == Stage::ServerHello
            && story.stage >= Stage::ServerFlightComplete;
        if let Some(Running { silence, .. }) = &mut self.running {
            if was_its_own {
                silence.awaited_from = by;
            }
            if silence.awaited_from != by {
                return;
            }
        }
        self.pause(moment, story);
    }

    /// The connection ends, by a side: the silence that ran until then is an ending itself.
    pub(super) fn on_ending(
        &mut self,
        (what, by): (&EndingKind, Role),
        viewpoint: Viewpoint,
        story: &Story,
    ) -> Option<Ending> {
        self.running.take().map(|Running { mut silence, stage, .. }| {
            // What the awaited side sends last shows what it received.
            let sent = &story.data[silence.awaited_from.other()];
            let is_shown =
                by == silence.awaited_from && !(*what == EndingKind::Fin && sent.is_all_acknowledged);
            if viewpoint == Viewpoint::Wire && !is_shown && is_ack_unseen(&silence, story) {
                (silence.is_acknowledged, silence.is_ack_unseen) = (true, true);
            }
            ending(silence, stage)
        })
    }

    /// The FIN of a side was acknowledged that the capture lacks: a silence in which that side was awaited is an ending.
    pub(super) fn on_unseen_fin(&mut self, by: Role, viewpoint: Viewpoint, story: &mut Story) {
        if self.running.is_some_and(|running| running.silence.awaited_from == by)
            && let Some(silence) = self.on_ending((&EndingKind::Fin, by), viewpoint, story)
        {
            silence.insert_into(&mut story.endings);
        }
    }

    /// The capture ends: the silence that runs lasts until then, or is the capture's own.
    pub(super) fn on_capture_end(mut self, capture: &CaptureFacts, viewpoint: Viewpoint, story: &mut Story) {
        let Some(Running { mut silence, of, .. }) = self.running.take() else { return };
        // It lasts to the end, and the drops began before that.
        let was_dropping = capture.dropped_until.is_some_and(|until| until >= silence.since.at);
        // A poll that is answered late looks alike, as long as nobody gives up.
        if of == Awaited::LaterAnswer && silence.is_acknowledged {
            return;
        }
        // Packets that are there show a stall, however many there are.
        let is_shown = story.last.at - silence.since.at >= self.stall_after;
        let is_last_of_each = capture.packets_each.map(u64::from) == Some(story.segments());
        // The next packet of an open connection may be lost together with those of others.
        let is_lost_with_others = capture.lost_others && story.stage > Stage::SynAck;
        let is_cut_off = !is_shown && (is_last_of_each || is_lost_with_others);
        if viewpoint == Viewpoint::Wire && is_ack_unseen_in_one_direction(&silence, story) {
            (silence.is_acknowledged, silence.is_ack_unseen) = (true, true);
        }
        let is_truncated = !silence.is_ack_unseen && self.is_truncated(&silence, of, viewpoint, story);
        if was_dropping || is_cut_off || is_truncated {
            story.missing.truncated_after = Some(story.last);
        } else {
            ending(silence, story.stage).insert_into(&mut story.endings);
        }
    }

    /// The client's first record lacks its end, and that is the client's to send.
    pub(super) fn blame_client(&mut self) {
        if let Some(Running { silence, .. }) = &mut self.running {
            silence.awaited_from = Role::Client;
        }
    }
}

fn ending(silence: Silence, stage: Stage) -> Ending {
    Ending { what: EndingKind::Silence(silence), by: silence.awaited_from, moment: silence.since, stage }
}

#[cfg(test)]
mod tests {
    use crate::story::script::talk::{self, exchange, handshake, ssm};
    use crate::tcp::Role::{Client, Server};

    #[test]
    fn an_acknowledgement_ends_a_silence_that_lacks_one() {
        let sent = exchange().ack(Client).say(Server, &talk::data());
        let late =
            sent.wait(300).repeat(Server).wait(600).repeat(Server).wait(2_400).repeat(Server).ack(Client);
        let story = late.fin(Client).fin(Server).ack(Client).story(0);
        assert_eq!((story.pauses.len(), story.silence()), (1, None));
    }

    #[test]
    fn an_answer_that_ends_the_connection_in_the_same_segment_is_an_answer() {
        let asked = handshake().say(Client, &talk::data()).ack(Server).wait(5_000);
        let closing = talk::close_notify();
        let answer = [talk::data(), closing.clone()].concat();
        let story = asked.clone().say(Server, &answer).fin(Server).story(0);
        assert_eq!((story.pauses.len(), story.silence()), (1, None));
        // A goodbye alone is none.
        assert!(asked.say(Server, &closing).story(0).silence().is_some());
    }

    #[test]
    fn an_awaited_answer_makes_a_silence_a_pause() {
        let hello = ssm().open().say(Client, &talk::client_hello()).ack(Server).wait(5_000);
        let answered = hello.clone().say(Server, &talk::server_flight()).story(0);
        assert_eq!((answered.pauses.len(), answered.endings.len()), (1, 0));
        assert_eq!(answered.pauses[0].awaited_from, Server);
        // What the other side sends meanwhile does not end it.
        let given_up = hello.fin(Client).story(0);
        assert_eq!((given_up.pauses.len(), given_up.endings.len()), (0, 2));
    }
}
