//! What both sides say in clear before TLS: which command of a dialogue is open, and how long the server took for its replies.

use crate::packet::Segment;
use crate::story::{Moment, Story};
use crate::tcp::{Observation, Role, SegmentKind};
use crate::time::Elapsed;
use crate::tls::{Dialogue, Reply};

/// What was said last.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Spoken {
    /// What the server's last reply asks for.
    reply: Reply,
    /// The last data of the side that spoke last.
    last: Option<(Role, Moment)>,
    /// Since when the server's current reply was awaited, and whether that reply's line lacks its end.
    turn: (Option<Moment>, bool),
    /// Between which packets the server's slowest reply came.
    slowest: Option<(Moment, Moment)>,
}

impl Spoken {
    /// New payload came, which the story has taken in.
    pub(super) fn on_data(
        &mut self,
        moment: Moment,
        segment: &Segment<'_>,
        observation: &Observation,
        story: &mut Story,
    ) {
        if observation.new_bytes == 0 || story.tls.client_hello.is_some() {
            return;
        }
        if story.prelude.is_none() {
            self.on_turn(observation.role, moment, story);
            if observation.role == Role::Server {
                self.turn.1 = segment.payload.last().is_some_and(|byte| *byte != b'\n');
            }
        }
        let is_whole = segment.header.payload_len == Some(segment.payload.len() as u32)
            && observation.kind != SegmentKind::OutOfOrder;
        if !is_whole {
            return;
        }
        match observation.role {
            Role::Server => {
                if story.data.server.first == Some(moment) && story.data.client.first.is_none() {
                    story.dialogue = Dialogue::of_greeting(segment.payload);
                }
                self.reply = Reply::of(segment.payload);
            }
            Role::Client => {
                if story.data.client.first == Some(moment) && story.data.server.first.is_none() {
                    story.dialogue = Dialogue::of_request(segment.payload);
                }
                self.on_command(moment, segment.payload, story);
            }
        }
    }

    fn on_command(&self, moment: Moment, payload: &[u8], story: &mut Story) {
        /// Who says goodbye later than this after a command had waited for its reply, and gives up.
        const TAKEN_BACK_WITHIN: Elapsed = Elapsed::from_millis(3_000);
        let Some(dialogue) = story.dialogue else { return };
        if dialogue.is_taken_back_by(payload) {
            story.later_plain_request = None;
        } else if dialogue.asks(payload, self.reply) {
            story.later_plain_request = Some(moment);
        } else {
            story.later_plain_request =
                story.later_plain_request.filter(|asked| moment.at - asked.at >= TAKEN_BACK_WITHIN);
        }
    }

    /// Measures how long the server took to speak: since the client's last data, or since the connection was opened.
    fn on_turn(&mut self, role: Role, moment: Moment, story: &Story) {
        let since = match self.last {
            Some((Role::Client, asked)) => Some(asked),
            // A reply that comes in pieces ends with its last one.
            Some((Role::Server, _)) => self.turn.0.filter(|_| self.turn.1),
            None => story.opening.established,
        };
        self.turn.0 = since.filter(|_| role == Role::Server);
        if let (Role::Server, Some(since)) = (role, since)
            && self.slowest.is_none_or(|(from, to)| moment.at - since.at > to.at - from.at)
        {
            self.slowest = Some((since, moment));
        }
        self.last = Some((role, moment));
    }

    /// The slowest of the server's replies before the client asked for a tunnel or for TLS.
    pub(super) fn slowest(&self) -> Option<(Moment, Moment)> {
        self.slowest
    }
}

#[cfg(test)]
mod tests {
    use crate::story::script::talk::Talk;
    use crate::tcp::Role::{Client, Server};
    use crate::verdict::Actor;

    fn greeted() -> Talk {
        Talk::to_port(25).open().say(Server, b"220 mail.example ESMTP\r\n").ack(Client)
    }

    #[test]
    fn the_latest_command_without_a_reply_is_open() {
        let asked = greeted().say(Client, b"EHLO a.example\r\n").ack(Server);
        let open = |talk: &Talk| talk.story(0).open_plain_request().map(|moment| moment.number);
        assert_eq!(open(&asked), Some(6));
        assert_eq!(open(&asked.clone().say(Server, b"250 hello\r\n")), None);
        // A goodbye takes it back, unless the client had waited.
        let left = |millis| asked.clone().wait(millis).say(Client, b"QUIT\r\n");
        assert_eq!((open(&left(100)), open(&left(20_000))), (None, Some(6)));
        let message = greeted().say(Client, b"DATA\r\n").say(Server, b"354 go ahead\r\n");
        let begun = message.say(Client, b"Subject: x\r\n");
        assert_eq!(open(&begun), None);
        assert!(open(&begun.say(Client, b"\r\n.\r\n")).is_some());
    }

    #[test]
    fn a_later_request_of_a_known_form_is_owed_its_reply_and_no_client_has_to_wait_for_it() {
        let search = |number: u8| [0x30, 7, 2, 1, number, 0x63, 2, 4, 0];
        let answered = || {
            let first = Talk::to_port(389).open().say(Client, &search(1));
            first.say(Server, &[0x30, 7, 2, 1, 1, 0x65, 2, 10, 0]).ack(Client).wait(100)
        };
        let asked = answered().say(Client, &search(2)).ack(Server);
        let hung = asked.clone().wait(30_000).fin(Client).verdict(0);
        assert_eq!(hung.is(), ("no-response", Actor::Server, None), "{}", hung.headline);
        assert_eq!(asked.clone().fin(Server).fin(Client).code(0), "no-response");
        assert_eq!(asked.clone().rst(Server).code(0), "reset");
        assert_eq!(asked.clone().wait(300).rst(Client).code(0), "plaintext");
        assert_eq!(asked.clone().wait(300).fin(Client).fin(Server).code(0), "plaintext");
        let reply = asked.clone().say(Server, &[0x30, 7, 2, 1, 2, 0x65, 2, 10, 0]);
        assert_eq!(reply.wait(30_000).fin(Client).fin(Server).code(0), "plaintext");
        // The client takes it back, and no reply is owed.
        let abandoned = asked.wait(5_000).say(Client, &[0x30, 6, 2, 1, 3, 0x50, 1, 2]).ack(Server);
        assert_eq!(abandoned.wait(60_000).fin(Client).fin(Server).code(0), "plaintext");
    }

    #[test]
    fn a_reply_that_comes_in_pieces_lasts_until_its_line_ends() {
        let begun = Talk::to_port(25).open().wait(500).say(Server, b"220 m").ack(Client).wait(3_000);
        let asked =
            |talk: Talk| talk.ack(Client).wait(100).say(Client, b"STARTTLS\r\n").say(Server, b"220 go\r\n");
        let slowest = |talk: Talk| asked(talk).story(0).prelude.and_then(|prelude| prelude.slowest_reply);
        let pieces = slowest(begun.say(Server, b"x\r\n"));
        assert_eq!(pieces.map(|(from, to)| (from.number, to.number)), Some((3, 6)));
        // What it adds to a whole line is no part of it.
        let whole = Talk::to_port(25).open().wait(500).say(Server, b"220 mx\r\n").ack(Client).wait(3_000);
        let added = slowest(whole.say(Server, b"220 again\r\n"));
        assert_eq!(added.map(|(from, to)| (from.number, to.number)), Some((3, 4)));
    }

    #[test]
    fn the_server_s_slowest_reply_before_tls_is_known() {
        let talk = greeted().say(Client, b"EHLO a.example\r\n").ack(Server).wait(2_500);
        let asked = talk.say(Server, b"250 STARTTLS\r\n").ack(Client).wait(900).say(Client, b"STARTTLS\r\n");
        let story = asked.say(Server, b"220 go\r\n").story(0);
        let slowest = story.prelude.as_ref().and_then(|prelude| prelude.slowest_reply);
        assert_eq!(slowest.map(|(from, to)| (from.number, to.number)), Some((6, 8)));
    }
}
