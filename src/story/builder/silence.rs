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
    running: Option<Running>,
}

/// A silence that lasts.
#[derive(Clone, Copy, Debug)]
struct Running {
    silence: Silence,
    of: Awaited,
    is_noted: bool,
}

/// What a silence lacks.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Awaited {
    /// The next step of a side.
    Step,
    /// The acknowledgement of what the other side sends again.
    Acknowledgement,
    /// The answer to a request after others that were answered.
    LaterAnswer,
    /// The rest of an answer that was begun.
    RestOfAnswer,
}

/// A step that is awaited.
#[derive(Clone, Copy, Debug)]
pub(super) struct Waits {
    /// The packet since which it is.
    pub(super) since: Moment,
    /// Whose step it is.
    pub(super) awaited_from: Role,
    of: Awaited,
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

    /// What is awaited, if anything is.
    pub(super) fn waits(&self, story: &Story) -> Option<Waits> {
        let is_over = story.endings.iter().any(|ending| {
            !matches!(ending.what, EndingKind::CloseNotify) || ending.stage >= Stage::TlsEstablished
        });
        if is_over {
            return left_unacknowledged(story);
        }
        match self.awaited_from(story) {
            // The answer was sent, and part of it is lost.
            Some(Role::Server)
                if story.data.server.reported_hole.is_some() && unacknowledged(story).is_some() =>
            {
                unacknowledged(story)
            }
            Some(awaited_from) => Some(Waits { since: self.progress, awaited_from, of: Awaited::Step }),
            None => unacknowledged(story).or_else(|| later_answer(story)).or_else(|| rest_of_answer(story)),
        }
    }

    /// The side whose step is awaited, if any is.
    fn awaited_from(&self, story: &Story) -> Option<Role> {
        match story.stage {
            Stage::None => None,
            // A HelloRetryRequest asks the client for another ClientHello (RFC 8446, 4.1.4).
            Stage::ClientHello if is_asked_to_retry(story) => Some(Role::Client),
            Stage::Syn | Stage::ClientHello | Stage::ServerHello | Stage::ClientFinished => {
                Some(Role::Server)
            }
            Stage::SynAck | Stage::ServerFlightComplete => Some(Role::Client),
            Stage::TcpEstablished => {
                if let Some(prelude) = &story.prelude {
                    return prelude.awaited_from(&story.data, &story.order);
                }
                match (story.data.client.first, story.data.server.first) {
                    (None, None) => Some(Role::Client),
                    (Some(_), None) => {
                        (story.missing.answer.is_none() && story.is_owed_an_answer()).then_some(Role::Server)
                    }
                    _ => None,
                }
            }
            Stage::TlsEstablished | Stage::ApplicationData => {
                // Data that is sent again without being acknowledged awaits an answer too, whatever it contains.
                let asked = story.tls.application_data.client.count > 0
                    || (data_repeats(story) > self.repeats_at_progress
                        && !story.data.client.is_all_acknowledged);
                let is_one_way = story.speaks_one_way() && data_repeats(story) == self.repeats_at_progress;
                (asked && !story.was_answered() && !is_one_way).then_some(Role::Server)
            }
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
        self.running = Some(Running { silence, of, is_noted: false });
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
        // Bytes missing before a segment were sent at an unknown time, so there is no silence to report.
        let is_delivered = observation.newly_acked > 0
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
            if observation.newly_acked > 0 && self.running.is_some() && self.awaited_from(story).is_none() {
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
        self.running.take().map(|Running { mut silence, .. }| {
            // What the awaited side sends last shows what it received.
            let sent = &story.data[silence.awaited_from.other()];
            let is_shown =
                by == silence.awaited_from && !(*what == EndingKind::Fin && sent.is_all_acknowledged);
            if viewpoint == Viewpoint::Wire && !is_shown && is_ack_unseen(&silence, story) {
                (silence.is_acknowledged, silence.is_ack_unseen) = (true, true);
            }
            ending(silence, story.stage)
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
        let Some(Running { silence, of, .. }) = self.running.take() else { return };
        // It lasts to the end, and the drops began before that.
        let was_dropping = capture.dropped_until.is_some_and(|until| until >= silence.since.at);
        // A poll that is answered late looks alike, as long as nobody gives up.
        if of == Awaited::LaterAnswer && silence.is_acknowledged {
            return;
        }
        let is_cut_off = capture.packets_each.map(u64::from) == Some(story.segments());
        if was_dropping || is_cut_off || self.is_truncated(&silence, of, viewpoint, story) {
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

    /// Whether a silence up to the capture's end is the capture's own: what was sent last is neither acknowledged nor sent
    /// again, although a sender does that within [`RETRANSMISSION_DUE`].
    ///
    /// SYNs are left out: programs that look for open ports send one and no more.
    fn is_truncated(&self, silence: &Silence, of: Awaited, viewpoint: Viewpoint, story: &Story) -> bool {
        let is_outstanding =
            !(story.data.client.is_all_acknowledged && story.data.server.is_all_acknowledged);
        let is_overdue = match of {
            Awaited::Acknowledgement => story.data[silence.awaited_from.other()]
                .unacknowledged
                .is_some_and(|waiting| waiting.is_repeat_overdue(silence.until)),
            Awaited::RestOfAnswer => story.data.server.unacknowledged.is_some(),
            Awaited::Step | Awaited::LaterAnswer => {
                // What a client said in clear before TLS, and the server did not acknowledge.
                let is_said = story.stage == Stage::TcpEstablished
                    && silence.awaited_from == Role::Server
                    && story.data.client.unacknowledged.is_some();
                (story.stage >= Stage::ClientHello || is_said)
                    && story.one_sided().is_none()
                    && data_repeats(story) == self.repeats_at_progress
            }
        };
        // A socket does not show repeats.
        viewpoint == Viewpoint::Wire
            && is_outstanding
            && is_overdue
            && !is_lost_before_the_capture(story)
            && silence.until - story.last.at >= RETRANSMISSION_DUE
    }
}

/// Whether the client has not answered a HelloRetryRequest.
fn is_asked_to_retry(story: &Story) -> bool {
    let retry = story.tls.retry.as_ref().map(|retry| retry.number);
    retry.zip(story.data.client.last).is_some_and(|(retry, last)| story.order.is_after(retry, last.number))
}

fn ending(silence: Silence, stage: Stage) -> Ending {
    Ending { what: EndingKind::Silence(silence), by: silence.awaited_from, moment: silence.since, stage }
}

/// Whether the capture lacks the acknowledgement of what was sent last before a silence: the sender, which was there to end the
/// connection, never sent it again, and nothing that the receiver sent behind it shows that it was not received.
fn is_ack_unseen(silence: &Silence, story: &Story) -> bool {
    let sent = &story.data[silence.awaited_from.other()];
    let is_overdue = |last: Moment| {
        let is_repeat = |repeat: &Moment| story.order.is_after(repeat.number, last.number);
        silence.until - last.at >= RETRANSMISSION_DUE && !sent.repeats.moments.iter().any(is_repeat)
    };
    !silence.is_acknowledged
        && !sent.is_left_out
        && sent.reported_hole.is_none()
        && sent.last.is_some_and(is_overdue)
}

/// The rest of an answer that the server has begun: of its last record, or of a body whose length is known. A client that takes no
/// more in stops the server itself.
fn rest_of_answer(story: &Story) -> Option<Waits> {
    let data = &story.data.server;
    let is_in_record = story.stage == Stage::ApplicationData
        && story.tls.is_inside_record.server
        && story.tls.application_data.client.count > 0;
    let is_begun = (is_in_record || story.is_plain_answer_cut())
        && data.closed_window.is_none()
        && story.traffic.zero_windows.client.count == 0
        && story.missing.gap.server == 0
        && !story.missing.lacks(Role::Server)
        && story.unseen_behind(Role::Server).is_none();
    let since = data.last.filter(|_| is_begun)?;
    Some(Waits { since, awaited_from: Role::Server, of: Awaited::RestOfAnswer })
}

/// What a side sends again because the other does not acknowledge it, or what the other reports to lack. A receiver whose window is
/// closed takes nothing in.
fn unacknowledged(story: &Story) -> Option<Waits> {
    let is_up = matches!(
        story.stage,
        Stage::None | Stage::TcpEstablished | Stage::TlsEstablished | Stage::ApplicationData
    );
    let waits = |role: Role| {
        let data = &story.data[role];
        let repeated =
            data.unacknowledged.filter(|waiting| waiting.is_repeated() && data.closed_window.is_none());
        // Its repeats may be lost before the capture point, as the first one was.
        let since =
            repeated.map(|waiting| waiting.since).or(data.reported_hole.as_ref().map(|hole| hole.moment))?;
        Some(Waits { since, awaited_from: role.other(), of: Awaited::Acknowledgement })
    };
    [Role::Client, Role::Server]
        .into_iter()
        .filter(|_| is_up)
        .filter_map(waits)
        .min_by_key(|waits| waits.since.at)
}

/// What a client that was answered before asks again. Whoever has nothing acknowledged at all gets no answer either.
fn later_answer(story: &Story) -> Option<Waits> {
    if let Some(since) = story.open_plain_request() {
        return Some(Waits { since, awaited_from: Role::Server, of: Awaited::LaterAnswer });
    }
    let request = story.tls.turns.later_request()?;
    let waits = Waits { since: request.last, awaited_from: Role::Server, of: Awaited::LaterAnswer };
    (story.stage == Stage::ApplicationData && !story.has_message_port()).then_some(waits)
}

/// A request that the client sends again without an acknowledgement, although it gave up on it: its FIN is lost with it.
fn left_unacknowledged(story: &Story) -> Option<Waits> {
    let is_left = |ending: &Ending| {
        ending.by == Role::Client && matches!(ending.what, EndingKind::CloseNotify | EndingKind::Fin)
    };
    let is_open = story.stage == Stage::ApplicationData
        && (story.later_request().is_some() || !story.was_answered())
        && story.endings.iter().all(is_left);
    unacknowledged(story).filter(|waits| is_open && waits.awaited_from == Role::Server)
}

/// Whether later bytes show that earlier ones were lost before they could be captured: the receiver lacks them as well, and
/// says so by SACK or by not acknowledging beyond them. What is sent again is lost at the same place.
///
/// It says so at once (RFC 5681, 4.2): where nothing of the receiver follows, the capture lacks that as well. A capture that lacks a
/// connection's beginning may lack its end too.
fn is_lost_before_the_capture(story: &Story) -> bool {
    let is_lost = |role: Role| {
        let (data, receiver) = (&story.data[role], role.other());
        let last_of_receiver = story.parties[receiver].last_path.map(|path| path.number);
        let is_confirmed = story.traffic.counters[receiver].duplicate_acks > 0
            || last_of_receiver.is_none()
            || last_of_receiver > data.last.map(|last| last.number);
        data.reported_hole.is_some() || data.unfilled_hole.is_some() && is_confirmed
    };
    story.stage > Stage::None && (is_lost(Role::Client) || is_lost(Role::Server))
}

/// How often data was sent again, by either side.
fn data_repeats(story: &Story) -> u64 {
    story.data.client.repeats.count + story.data.server.repeats.count
}

#[cfg(test)]
mod tests {
    use crate::packet::SegmentHeader;
    use crate::story::script::talk::{self, Talk, exchange, handshake, ssm};
    use crate::tcp::Role::{Client, Server};

    #[test]
    fn a_silence_has_its_bounds_and_who_owes_the_next_step() {
        let story = ssm().open().story(4_000);
        let silence = story.silence().expect("a silence");
        assert_eq!(silence.elapsed().nanos(), 4_000_000_000);
        assert_eq!((silence.since.number, silence.awaited_from), (3, Client));
    }

    #[test]
    fn what_is_sent_again_and_not_acknowledged_is_a_silence_at_any_point_of_a_connection() {
        let lost =
            |talk: Talk| talk.wait(300).repeat(Server).wait(600).repeat(Server).wait(1_200).repeat(Server);
        for begun in [exchange(), Talk::to_port(5000).open().say(Client, b"a").say(Server, b"b").ack(Client)]
        {
            let sent = begun.ack(Client).say(Server, &talk::data());
            let silence = *lost(sent.clone()).story(1_000).silence().expect("a silence");
            assert_eq!((silence.awaited_from, silence.is_acknowledged), (Client, false));
            assert!(lost(sent.clone()).ack(Client).story(60_000).silence().is_none());
            // One repeat may be a probe, and a sender that falls silent itself is missing from the capture.
            assert!(sent.clone().wait(300).repeat(Server).story(5_000).silence().is_none());
            let cut = lost(sent).story(60_000);
            assert!(cut.silence().is_none() && cut.missing.truncated_after.is_some());
        }
    }

    #[test]
    fn an_acknowledgement_ends_a_silence_that_lacks_one() {
        let sent = exchange().ack(Client).say(Server, &talk::data());
        let late =
            sent.wait(300).repeat(Server).wait(600).repeat(Server).wait(2_400).repeat(Server).ack(Client);
        let story = late.fin(Client).fin(Server).ack(Client).story(0);
        assert_eq!((story.pauses.len(), story.silence()), (1, None));
    }

    #[test]
    fn a_closed_window_is_no_lost_data() {
        let close = |header: &mut SegmentHeader| header.tcp.window = Some(0);
        let open = exchange();
        let (seq, ack) = (open.next(Client), open.next(Server));
        let closed = open.segment_with(Client, ".", seq, ack, &[], close).say(Server, &talk::data());
        let probed = closed.wait(300).repeat(Server).wait(600).repeat(Server).wait(1_200).repeat(Server);
        assert!(probed.story(3_000).silence().is_none());
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
    fn a_hole_that_the_receiver_has_too_is_no_gap_of_the_capture() {
        let hello = ssm().open().say(Client, &talk::client_hello()).ack(Server);
        let tail =
            hello.segment(Server, "P.", 2_900, &[9; 200]).segment_with(Client, ".", 206, 1, &[], |_| {});
        let story = tail.story(20_000);
        assert_eq!(story.missing.truncated_after, None);
        assert_eq!(story.silence().map(|silence| silence.awaited_from), Some(Server));
    }

    #[test]
    fn a_hole_behind_which_nothing_of_the_receiver_follows_is_the_capture_s() {
        let hello = ssm().open().say(Client, &talk::client_hello()).ack(Server);
        let story = hello.segment(Server, "P.", 2_900, &[9; 200]).story(20_000);
        assert!(story.missing.truncated_after.is_some() && story.silence().is_none());
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

    #[test]
    fn who_acknowledges_less_than_was_sent_did_not_get_it() {
        let asked = handshake().say(Client, &talk::data());
        let (seq, old) = (asked.next(Server), asked.next(Client) - 1);
        let is_unseen = |talk: Talk| talk.story(0).silence().map(|silence| silence.is_ack_unseen);
        let update = |talk: Talk| {
            talk.segment_with(Server, ".", seq, old, &[], |header| header.tcp.window = Some(9_000))
        };
        let left = |talk: Talk| talk.wait(9_000).fin(Client);
        assert_eq!(is_unseen(left(asked.clone())), Some(true));
        assert_eq!(is_unseen(left(update(asked.clone()))), Some(false));
        assert_eq!(is_unseen(update(asked.clone().wait(9_000)).fin(Client)), Some(false));
        // The server's own end shows what it got.
        let closed = asked.clone().wait(9_000).segment_with(Server, "F.", seq, old, &[], |_| {});
        assert_eq!(is_unseen(closed), Some(false));
        assert_eq!(is_unseen(asked.wait(9_000).fin(Server)), Some(true));
    }
}
