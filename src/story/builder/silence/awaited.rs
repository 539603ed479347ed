//! Whose step is awaited, if any is.

use super::Silences;
use crate::story::{EndingKind, Moment, Stage, Story};
use crate::tcp::Role;

/// What a silence lacks.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Awaited {
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
pub(in crate::story::builder) struct Waits {
    /// The packet since which it is.
    pub(in crate::story::builder) since: Moment,
    /// Whose step it is.
    pub(in crate::story::builder) awaited_from: Role,
    pub(super) of: Awaited,
}

impl Silences {
    /// What is awaited, if anything is.
    pub(in crate::story::builder) fn waits(&self, story: &Story) -> Option<Waits> {
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
    pub(super) fn awaited_from(&self, story: &Story) -> Option<Role> {
        match story.stage {
            Stage::None => None,
            // A HelloRetryRequest asks the client for another ClientHello (RFC 8446, 4.1.4).
            Stage::ClientHello if is_asked_to_retry(story) => Some(Role::Client),
            Stage::Syn | Stage::ClientHello | Stage::ServerHello | Stage::ClientFinished => {
                Some(Role::Server)
            }
            Stage::SynAck | Stage::ServerFlightComplete => Some(Role::Client),
            // Each of several paths may be idle.
            Stage::TcpEstablished if story.opening.is_subflow => None,
            Stage::TcpEstablished => {
                if let Some(prelude) = &story.prelude {
                    return prelude.awaited_from(&story.data, &story.order);
                }
                match (story.data.client.first, story.data.server.first) {
                    (None, None) => Some(Role::Client),
                    (Some(_), None) => {
                        (story.missing.answer.is_none() && story.is_owed_an_answer()).then_some(Role::Server)
                    }
                    _ if story.awaits_final_answer() => Some(Role::Server),
                    _ => None,
                }
            }
            Stage::TlsEstablished if story.is_greeting_owed_inside_tls() => Some(Role::Server),
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
}

/// Whether the client has not answered a HelloRetryRequest.
fn is_asked_to_retry(story: &Story) -> bool {
    let retry = story.tls.retry.as_ref().map(|retry| retry.number);
    retry.zip(story.data.client.last).is_some_and(|(retry, last)| story.order.is_after(retry, last.number))
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
        && story.unseen_after(Role::Server).is_none();
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

/// What a client that was answered before asks again. A side that gets no acknowledgement at all gets no answer either.
pub(super) fn later_answer(story: &Story) -> Option<Waits> {
    if let Some(since) = story.open_plain_request().or(story.open_ping()) {
        return Some(Waits { since, awaited_from: Role::Server, of: Awaited::LaterAnswer });
    }
    let request = story.tls.turns.later_request()?;
    let waits = Waits { since: request.last, awaited_from: Role::Server, of: Awaited::LaterAnswer };
    (story.stage == Stage::ApplicationData && !story.has_message_port()).then_some(waits)
}

/// What a side sends again without an acknowledgement although it closed after that: its FIN is lost with it.
fn left_unacknowledged(story: &Story) -> Option<Waits> {
    let waits = unacknowledged(story)?;
    let sender = waits.awaited_from.other();
    let is_request = sender == Role::Client
        && story.stage == Stage::ApplicationData
        && (story.later_request().is_some() || !story.was_answered());
    let is_wanted = is_request || !story.is_farewell_outstanding(sender);
    (is_wanted && story.is_closed_by_at_most(sender)).then_some(waits)
}

/// How often data was sent again, by either side.
pub(super) fn data_repeats(story: &Story) -> u64 {
    story.data.client.repeats.count + story.data.server.repeats.count
}

#[cfg(test)]
mod tests {
    use crate::packet::SegmentHeader;
    use crate::story::script::talk::{self, Talk, exchange, ssm};
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
    fn a_closed_window_is_no_lost_data() {
        let close = |header: &mut SegmentHeader| header.tcp.window = Some(0);
        let open = exchange();
        let (seq, ack) = (open.next(Client), open.next(Server));
        let closed = open.segment_with(Client, ".", seq, ack, &[], close).say(Server, &talk::data());
        let probed = closed.wait(300).repeat(Server).wait(600).repeat(Server).wait(1_200).repeat(Server);
        assert!(probed.story(3_000).silence().is_none());
    }
}
