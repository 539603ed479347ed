//! Silences: whose step is awaited, when a silence begins and ends, and whether it is the connection's or the capture's.

use super::notes::Notes;
use crate::limits;
use crate::packet::Viewpoint;
use crate::story::{CaptureFacts, Ending, EndingKind, Moment, Note, Silence, Stage, Story};
use crate::tcp::{HandshakeStep, Observation, Role};
use crate::time::{Elapsed, Timestamp};

/// A sender repeats what is not acknowledged after 1 s at the latest, or 3 s where the SYN was repeated (RFC 6298, 2.1
/// and 5.7).
const RETRANSMISSION_DUE: Elapsed = Elapsed::from_millis(3_000);

/// The silence that runs, and what it is measured from.
#[derive(Clone, Debug)]
pub(super) struct Silences {
    /// A silence lasts at least this long.
    stall_after: Elapsed,
    /// The last packet that brought something new.
    progress: Moment,
    /// How often data had been sent again until then.
    repeats_at_progress: u64,
    running: Option<Silence>,
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

    /// The side whose step is awaited, if any is.
    pub(super) fn awaited_from(&self, story: &Story) -> Option<Role> {
        let is_over = story.endings.iter().any(|ending| {
            !matches!(ending.what, EndingKind::CloseNotify) || ending.stage >= Stage::TlsEstablished
        });
        if is_over {
            return None;
        }
        match story.stage {
            Stage::None => None,
            Stage::Syn | Stage::ClientHello | Stage::ServerHello | Stage::ClientFinished => {
                Some(Role::Server)
            }
            Stage::SynAck | Stage::ServerFlightComplete => Some(Role::Client),
            Stage::TcpEstablished => {
                if let Some(prelude) = &story.prelude {
                    return prelude.awaited_from(&story.data);
                }
                match (story.data.client.first, story.data.server.first) {
                    (None, None) => Some(Role::Client),
                    (Some(_), None) => story.missing.answer.is_none().then_some(Role::Server),
                    _ => None,
                }
            }
            Stage::TlsEstablished | Stage::ApplicationData => {
                // Data that is sent again without being acknowledged awaits an answer too, whatever it contains.
                let asked = story.tls.application_data.client.count > 0
                    || (data_repeats(story) > self.repeats_at_progress
                        && !story.data.client.is_all_acknowledged);
                (asked && !story.was_answered()).then_some(Role::Server)
            }
        }
    }

    /// Time passed up to `at`: a silence begins, or lasts longer.
    pub(super) fn on_time(&mut self, at: Timestamp, story: &Story, notes: &mut Notes) {
        if let Some(silence) = &mut self.running {
            silence.until = at;
            return;
        }
        if at - self.progress.at < self.stall_after {
            return;
        }
        let Some(awaited_from) = self.awaited_from(story) else { return };
        let silence = Silence {
            since: self.progress,
            until: at,
            awaited_from,
            is_acknowledged: story.data[awaited_from.other()].is_all_acknowledged,
        };
        notes.push(Note::Silence(silence));
        self.running = Some(silence);
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
        let is_first_step = match observation.step {
            Some(HandshakeStep::Syn) => story.opening.syn.count == 1,
            Some(HandshakeStep::SynAck) => story.opening.syn_ack.count == 1,
            Some(HandshakeStep::Ack) => true,
            None => false,
        };
        // Bytes missing before a segment were sent at an unknown time, so there is no silence to report.
        let by = if observation.new_bytes > 0 || observation.gap > 0 || is_first_step {
            observation.role
        } else if observation.acked_unseen > 0 {
            observation.role.other()
        } else {
            return;
        };
        // A client that answers the server's flight shows that it was complete, and that the silence was its own.
        let was_its_own = by == Role::Client
            && stage_before == Stage::ServerHello
            && story.stage >= Stage::ServerFlightComplete;
        if let Some(silence) = &mut self.running {
            if was_its_own {
                silence.awaited_from = by;
            }
            if silence.awaited_from != by {
                return;
            }
            if story.pauses.len() < limits::STORY_REPEATS {
                story.pauses.push(*silence);
            }
            self.running = None;
        }
        self.progress = moment;
        self.repeats_at_progress = data_repeats(story);
    }

    /// The connection ends: the silence that ran until then is an ending itself.
    pub(super) fn on_ending(&mut self, stage: Stage) -> Option<Ending> {
        self.running.take().map(|silence| ending(silence, stage))
    }

    /// The capture ends: the silence that runs lasts until then, or is the capture's own.
    pub(super) fn on_capture_end(mut self, capture: &CaptureFacts, viewpoint: Viewpoint, story: &mut Story) {
        let Some(silence) = self.running.take() else { return };
        // It lasts to the end, and the drops began before that.
        let was_dropping = capture.dropped_until.is_some_and(|until| until >= silence.since.at);
        if was_dropping || self.is_truncated(&silence, viewpoint, story) {
            story.missing.truncated_after = Some(story.last);
        } else {
            story.endings.push(ending(silence, story.stage));
        }
    }

    /// The client's first record lacks its end, and that is the client's to send.
    pub(super) fn blame_client(&mut self) {
        if let Some(silence) = &mut self.running {
            silence.awaited_from = Role::Client;
        }
    }

    /// Whether a silence up to the capture's end is the capture's own: what was sent last is neither acknowledged nor sent
    /// again, although a sender does that within [`RETRANSMISSION_DUE`].
    ///
    /// SYNs are left out: programs that look for open ports send one and no more.
    fn is_truncated(&self, silence: &Silence, viewpoint: Viewpoint, story: &Story) -> bool {
        let is_outstanding =
            !(story.data.client.is_all_acknowledged && story.data.server.is_all_acknowledged);
        // A socket does not show repeats.
        viewpoint == Viewpoint::Wire
            && story.stage >= Stage::ClientHello
            && story.one_sided().is_none()
            && is_outstanding
            && data_repeats(story) == self.repeats_at_progress
            && silence.until - story.last.at >= RETRANSMISSION_DUE
    }
}

fn ending(silence: Silence, stage: Stage) -> Ending {
    Ending { what: EndingKind::Silence(silence), by: silence.awaited_from, moment: silence.since, stage }
}

/// How often data was sent again, by either side.
fn data_repeats(story: &Story) -> u64 {
    story.data.client.repeats.count + story.data.server.repeats.count
}

#[cfg(test)]
mod tests {
    use crate::story::script::talk::{self, ssm};
    use crate::tcp::Role::{Client, Server};

    #[test]
    fn a_silence_has_its_bounds_and_who_owes_the_next_step() {
        let story = ssm().open().story(4_000);
        let silence = story.silence().expect("a silence");
        assert_eq!(silence.elapsed().nanos(), 4_000_000_000);
        assert_eq!((silence.since.number, silence.awaited_from), (3, Client));
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
