//! What text without payload, and packets without times, leave open about a connection.

use super::{AnswerDoubt, Ending, EndingKind, Moment, Stage, Story};
use crate::tcp::Role;
use crate::time::{Clock, Elapsed};
use crate::tls::Basis;

/// A server that resets a connection later than this behind its last data does so because nobody used it.
const AT_ONCE: Elapsed = Elapsed::from_millis(1_000);

impl Story {
    /// Whether lengths are all that is known of the handshake, as of text without payload: an answer may have a session ticket's, and
    /// a request a close_notify's.
    pub(in crate::story) fn holds_lengths_alone(&self) -> bool {
        let is_length = self.tls.server_hello.as_ref().is_none_or(|hello| hello.basis == Basis::Inferred);
        self.capture.is_text && is_length
    }

    /// Whether lengths alone show that the client's first message inside TLS got no answer: it is longer than a
    /// close_notify, and the server sent nothing behind it that might be a session ticket or an answer.
    pub(in crate::story) fn is_unanswered_by_lengths(&self) -> bool {
        // By the request's own packet: whether what crossed it may be an answer takes numbers, which cut lines lack.
        let asked = self.tls.application_data.client.first();
        let Some((turn, asked)) = self.tls.turns.open().zip(asked) else { return false };
        let server = &self.data.server;
        let mut said = server.last.into_iter().chain(server.sent_unknown);
        turn.is_longer_than_a_farewell() && said.all(|said| !self.order.is_after(said.number, asked.number))
    }

    /// Whether what the connection ended with is left out, as by a display filter: no packet is there but those with data.
    pub fn is_end_left_out(&self) -> bool {
        self.holds_data_alone()
            && self.endings.is_empty()
            && self.opening.syn.count + self.opening.syn_ack.count == 0
    }

    /// The server's RST right behind its reply, where lengths alone are known and do not show whether the reply was complete.
    pub(in crate::story) fn cut_doubt(&self) -> Option<AnswerDoubt> {
        let first = self.endings.first().filter(|first| first.by == Role::Server)?;
        let last = self.data.server.last?;
        let is_reset = matches!(first.what, EndingKind::Reset(_)) && first.stage == Stage::ApplicationData;
        (self.holds_lengths_alone() && is_reset && first.moment.at - last.at < AT_ONCE)
            .then_some(AnswerDoubt::Cut(first.moment))
    }

    /// The client's end of a connection on which its request got no answer, where packets without times do not show how long it
    /// waited for one.
    pub(in crate::story) fn timeless_doubt(&self) -> Option<AnswerDoubt> {
        let left = self.left_without_an_answer().filter(|_| self.capture.clock == Clock::Absent)?;
        (self.tls.turns.open().is_some() && !self.speaks_one_way())
            .then_some(AnswerDoubt::Timeless(left.moment))
    }

    /// Whether the side that ended the connection may have waited for the other one's next step until its timeout: packets without times do
    /// not show it.
    pub fn may_have_waited(&self, ending: &Ending) -> bool {
        let by = ending.by;
        let is_after = |one: Moment, other: Moment| self.order.is_after(one.number, other.number);
        let [own, other] = [by, by.other()].map(|role| self.data[role].last);
        let spoke_last = own.is_some_and(|own| other.is_none_or(|other| is_after(own, other)));
        // Who connects speaks first, and the server's flight may be incomplete.
        let is_owed = match by {
            Role::Client => spoke_last || ending.stage == Stage::ServerHello,
            Role::Server => spoke_last || own.is_none() && other.is_none(),
        };
        self.capture.clock == Clock::Absent && is_owed && ending.stage > Stage::SynAck
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::story::CaptureFacts;
    use crate::story::script::talk::{self, Talk, exchange, handshake, ssm};
    use crate::tcp::Role::{Client, Server};
    use crate::verdict::Actor;

    /// As text that shows lengths only, which ends with the last packet.
    fn lengths(mut talk: Talk) -> Box<Story> {
        for packet in &mut talk.packets {
            packet.payload.clear();
        }
        talk.story_in(CaptureFacts { end: talk.now, is_text: true, ..CaptureFacts::default() })
    }

    fn timeless(talk: &Talk) -> Box<Story> {
        talk.story_in(CaptureFacts {
            end: talk.now,
            clock: Clock::Absent,
            is_text: true,
            ..CaptureFacts::default()
        })
    }

    #[test]
    fn a_request_that_ends_the_text_is_open_and_one_that_the_server_closes_on_is_unanswered() {
        let asked = handshake().say(Client, &talk::encrypted(150));
        assert_eq!(lengths(asked.clone()).verdict().code.name(), "in-progress");
        let closed = asked.clone().ack(Server).fin(Server).ack(Client).fin(Client);
        assert_eq!(lengths(closed).verdict().is(), ("no-response", Actor::Server, None));
        // What may be a close_notify, and what was answered.
        let short = handshake().say(Client, &talk::encrypted(64)).ack(Server);
        assert_eq!(lengths(short.fin(Server)).verdict().code.name(), "healthy");
        let answered = asked.say(Server, &talk::encrypted(900)).ack(Client);
        assert_eq!(lengths(answered.clone()).verdict().code.name(), "healthy");
        assert_eq!(lengths(answered.fin(Server).fin(Client)).verdict().code.name(), "healthy");
    }

    #[test]
    fn a_rst_right_behind_a_reply_of_which_only_the_length_is_known_may_have_cut_it() {
        let reset = lengths(exchange().rst(Server)).verdict();
        assert_eq!(reset.code.name(), "in-progress", "{}", reset.headline);
        assert!(reset.headline.contains("reply was complete"), "{}", reset.headline);
        for whole in [exchange().wait(5_000).rst(Server), exchange().ack(Client).rst(Client)] {
            assert_eq!(lengths(whole).verdict().code.name(), "healthy");
        }
    }

    #[test]
    fn without_times_a_client_that_leaves_without_an_answer_may_have_waited_for_it() {
        let asked = handshake().say(Client, &talk::encrypted(150)).ack(Server);
        let left =
            timeless(&asked.clone().say(Client, &talk::close_notify()).fin(Client).fin(Server)).verdict();
        assert_eq!(left.code.name(), "in-progress", "{}", left.headline);
        assert!(left.mentions("no times"), "{left:?}");
        let answered = asked.say(Server, &talk::encrypted(900)).fin(Client).fin(Server);
        assert_eq!(timeless(&answered).verdict().code.name(), "healthy");
    }

    #[test]
    fn without_times_nobody_is_blamed_for_leaving_while_the_other_side_owed_the_next_step() {
        let hello = ssm().open().say(Client, &talk::client_hello()).ack(Server);
        let flight = hello.clone().say(Server, &talk::server_flight()).ack(Client);
        for (talk, code) in [
            (hello.clone().fin(Client), "closed-early"),
            (hello.rst(Client), "reset"),
            (flight.clone().fin(Server), "closed-early"),
            (ssm().open().fin(Server), "closed-early"),
        ] {
            let verdict = timeless(&talk).verdict();
            assert_eq!(verdict.is(), (code, Actor::Unknown, None), "{}", verdict.headline);
            assert!(verdict.mentions("have no times"), "{verdict:?}");
        }
        assert_eq!(timeless(&flight.fin(Client)).verdict().is(), ("closed-early", Actor::Client, None));
    }
}
