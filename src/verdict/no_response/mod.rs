//! The connection is up, a request went out, and no answer came.

mod closed;
mod left;
mod unanswered;
mod undelivered;

use super::{Code, JudgementSettings, Rule, Severity, Verdict};
use crate::story::{EndingKind, Stage, Story};
use crate::tcp::Role;
use closed::{closed, cut_off};
use left::{left, left_as_logged, left_before_tls};
use unanswered::unanswered;
use undelivered::{
    answer_lost, left_without, request_lost, too_big, unanswered_probes, undelivered, window_closed,
};

/// `no-response`.
pub(super) const RULE: Rule = Rule {
    code: Code::NoResponse,
    severity: Severity::Critical,
    summary: "the connection was established, a request was sent, and no reply came",
    page: include_str!("../../../docs/verdicts/no-response.md"),
    judge,
};

fn judge(story: &Story, settings: &JudgementSettings) -> Option<Verdict> {
    if let Some(fin) = story.left_unanswered(settings.stall_after) {
        return Some(left(story, fin));
    }
    if let Some(verdict) = left_before_tls(story) {
        return Some(verdict);
    }
    if let Some(close) = story.closed_in_plain_answer() {
        return Some(cut_off(story, close.moment));
    }
    if let Some(verdict) = left_as_logged(story).or_else(|| unanswered_probes(story, settings)) {
        return Some(verdict);
    }
    if let Some(verdict) = left_without(story, settings) {
        return Some(verdict);
    }
    let Some(ending) = story.decisive() else {
        let verdict = closed(story).or_else(|| too_big(story, settings));
        return verdict.or_else(|| answer_lost(story, settings)).or_else(|| request_lost(story, settings));
    };
    let EndingKind::Silence(silence) = &ending.what else { return None };
    if let Some(verdict) = window_closed(story, ending, silence) {
        return Some(verdict);
    }
    if let Some(verdict) = undelivered(story, ending, silence) {
        return Some(verdict);
    }
    if story.poll_doubt().is_some() {
        return None;
    }
    let is_unanswered = match ending.stage {
        Stage::TlsEstablished | Stage::ApplicationData => true,
        Stage::TcpEstablished => ending.by == Role::Server,
        _ => false,
    };
    is_unanswered.then(|| unanswered(story, silence))
}

#[cfg(test)]
mod tests {
    use super::super::Actor;
    use super::*;
    use crate::story::script::talk::{self, Talk, handshake, ssm};
    use crate::tcp::Role::{Client, Server};

    #[test]
    fn a_request_after_the_server_s_fin_that_a_rst_answers_is_reset() {
        let done = Talk::to_port(80)
            .open()
            .say(Client, b"GET / HTTP/1.1\r\n\r\n")
            .say(Server, b"HTTP/1.1 200 OK\r\n\r\n")
            .fin(Server)
            .ack(Client);
        let again = done.clone().say(Client, b"GET /2 HTTP/1.1\r\n\r\n").rst(Server);
        assert_eq!(again.verdict(0).is(), ("reset", Actor::Server, None));
        assert_eq!(done.fin(Client).rst(Server).code(0), "plaintext");
    }

    #[test]
    fn a_rst_in_place_of_the_answer_and_a_client_that_asks_nothing_are_others() {
        assert_eq!(Story::at(Stage::ApplicationData).rst(Server).verdict().code, "reset");
        assert_eq!(Story::at(Stage::TlsEstablished).more(60_000).verdict().code, "healthy");
        let silent = Story::at(Stage::TcpEstablished).silent_for(8_000, Client);
        assert_eq!(silent.verdict().code, "client-silent");
    }

    #[test]
    fn a_client_that_leaves_long_after_what_it_did_not_get_missed_it() {
        // Its FIN acknowledges the greeting only.
        let sent = |wait| {
            let asked =
                Talk::to_port(110).open().say(Server, b"+OK\r\n").ack(Client).say(Client, b"RETR 1\r\n");
            let ack = asked.next(Server);
            let sent = asked.ack(Server).say(Server, &[b'M'; 900]).wait(5).repeat(Server).wait(wait);
            let seq = sent.next(Client);
            sent.segment_with(Client, "F.", seq, ack, &[], |_| {})
        };
        let verdict = sent(60_000).rst(Server).verdict(0);
        assert_eq!(verdict.is(), ("no-response", Actor::Path, None), "{}", verdict.headline);
        // One that crossed the data, and one that has it.
        assert_eq!(sent(20).rst(Server).code(0), "plaintext");
        let got = Talk::to_port(110).open().say(Server, b"+OK\r\n").ack(Client).say(Client, b"RETR 1\r\n");
        let got = got.ack(Server).say(Server, &[b'M'; 900]).ack(Client).wait(60_000);
        assert_eq!(got.clone().fin(Client).rst(Server).code(0), "plaintext");
        // Its last acknowledgement is missing, and the FIN has it.
        let late = Talk::to_port(110).open().say(Server, b"+OK\r\n").ack(Client).say(Client, b"RETR 1\r\n");
        let late = late.ack(Server).say(Server, &[b'M'; 900]).wait(60_000).fin(Client).fin(Server);
        assert_eq!(late.code(0), "plaintext");
    }

    #[test]
    fn a_number_of_the_client_s_ack_shows_what_never_arrived() {
        let acks = |bytes: u32, wait| {
            let up = handshake().say(Server, &talk::encrypted(250));
            let (seq, ack) = (up.next(Client), up.next(Server));
            let shown = up.segment_with(Client, ".", seq + bytes, ack, &[], |_| {}).wait(wait);
            shown.segment_with(Server, "F.", ack, seq, &[], |_| {})
        };
        let verdict = acks(4_064, 14_000).verdict(0);
        assert_eq!(verdict.is(), ("no-response", Actor::Path, None), "{}", verdict.headline);
        assert!(verdict.mentions("4064 bytes more"), "{}", verdict.explanation);
        // A FIN that the capture lacks takes a number too, and the rest of it may come at once.
        for (bytes, wait) in [(0, 14_000), (1, 14_000), (4_064, 20)] {
            assert_ne!(acks(bytes, wait).code(0), "no-response", "{bytes}");
        }
    }

    #[test]
    fn a_fin_that_was_captured_after_the_ack_that_follows_it_is_no_lost_reply() {
        let answered = handshake().say(Client, &talk::data()).say(Server, &talk::encrypted(250)).ack(Client);
        let left = answered.wait(9_000).fin(Client);
        let (seq, ack) = (left.next(Server), left.next(Client));
        let ahead = |bytes| left.clone().segment_with(Server, ".", seq + bytes, ack, &[], |_| {});
        assert_eq!(ahead(1_000).code(0), "no-response");
        assert_eq!(ahead(1).segment_with(Server, "F.", seq, ack, &[], |_| {}).code(0), "healthy");
        assert_eq!(ahead(1).code(0), "healthy");
    }

    /// Three requests of 200 bytes that are answered, and a later one of this many bytes.
    fn asked_again(bytes: usize) -> Talk {
        let record = |bytes: usize| [&[23, 3, 3, 0, bytes as u8][..], &vec![7; bytes]].concat();
        let talk = (0..3).fold(handshake(), |talk, _| {
            let answered = talk.say(Client, &record(200)).wait(100).say(Server, &record(250));
            answered.ack(Client).wait(10_000)
        });
        talk.say(Client, &record(bytes))
    }

    #[test]
    fn a_later_request_is_owed_an_answer_until_the_client_gives_up() {
        let given_up: [fn(Talk) -> Talk; 3] = [
            |talk| talk.fin(Client),
            |talk| talk.rst(Client),
            |talk| talk.say(Client, &talk::close_notify()),
        ];
        for give_up in given_up {
            let verdict = give_up(asked_again(180).ack(Server).wait(5_000)).verdict(500);
            assert_eq!(verdict.is(), ("no-response", Actor::Server, None), "{}", verdict.headline);
            assert!(verdict.headline.contains("later request") && verdict.headline.contains("5.0 s"));
            // Sooner, its answer was not waited for.
            assert_eq!(give_up(asked_again(180).ack(Server).wait(500)).code(500), "healthy");
        }
        let answered = asked_again(180).ack(Server).wait(20_000).say(Server, &talk::data()).ack(Client);
        assert_eq!(answered.fin(Client).fin(Server).code(60_000), "healthy");
    }

    #[test]
    fn as_long_as_nobody_gives_up_a_later_request_may_be_a_poll() {
        for more in [500, 60_000] {
            assert_eq!(asked_again(180).ack(Server).code(more), "in-progress");
        }
        // An acknowledgement, a ping or a message of another kind is shorter; but for those of HTTP/2, so may a request be.
        let short = asked_again(60).ack(Server);
        assert_eq!(short.code(60_000), "in-progress");
        assert_eq!(asked_again(41).ack(Server).code(60_000), "healthy");
        assert_eq!(short.clone().fin(Client).fin(Server).code(500), "healthy");
        assert_eq!(short.wait(9_000).fin(Client).fin(Server).code(500), "in-progress");
        let ping = asked_again(41).ack(Server).wait(9_000);
        assert_eq!(ping.fin(Client).fin(Server).code(500), "healthy");
    }

    #[test]
    fn a_later_request_that_the_server_ends_is_not_answered() {
        let closed = asked_again(180).ack(Server).fin(Server).ack(Client).fin(Client);
        assert_eq!(closed.verdict(500).is(), ("no-response", Actor::Server, None));
        // What was on its way when the server closed is not what it closed on.
        let crossed = asked_again(180);
        let (seq, ack) = (crossed.next(Server), crossed.next(Client) - 185);
        let crossed = crossed.segment_with(Server, "F.", seq, ack, &[], |_| {}).ack(Client).fin(Client);
        assert_eq!(crossed.code(500), "healthy");
        let reset = asked_again(180).rst(Server).verdict(500);
        assert_eq!(reset.is(), ("reset", Actor::Server, None));
        assert!(reset.headline.contains("later request"), "{}", reset.headline);
        // The server had closed before, and the request met a RST.
        let idle = handshake().say(Client, &talk::data()).say(Server, &talk::data()).fin(Server);
        let late = |millis| idle.clone().ack(Client).wait(millis).say(Client, &talk::data()).rst(Server);
        for millis in [100, 3_000] {
            assert_eq!(late(millis).verdict(500).is(), ("reset", Actor::Server, None));
        }
        assert_eq!(idle.say(Client, &talk::close_notify()).rst(Server).code(500), "healthy");
    }

    #[test]
    fn a_later_request_that_nobody_acknowledges_is_lost_on_the_path() {
        let lost =
            asked_again(180).wait(300).repeat(Client).wait(600).repeat(Client).wait(1_200).repeat(Client);
        assert_eq!(lost.verdict(1_500).is(), ("no-response", Actor::Path, None));
        // The client gives up, and its kernel repeats what is left.
        let left = asked_again(180).wait(200).repeat(Client).wait(400).repeat(Client).fin(Client);
        let left = left.wait(800).repeat(Client).wait(1_600).repeat(Client).wait(3_200).repeat(Client);
        assert_eq!(left.verdict(500).is(), ("no-response", Actor::Path, None));
    }

    #[test]
    fn a_close_notify_in_place_of_the_answer_is_the_server_s_end() {
        let asked = handshake().say(Client, &talk::data()).ack(Server);
        let closed = asked.say(Server, &talk::close_notify()).fin(Server).ack(Client).fin(Client);
        let verdict = closed.verdict(500);
        assert_eq!(verdict.is(), ("no-response", Actor::Server, None), "{}", verdict.headline);
        let later = asked_again(180).ack(Server).say(Server, &talk::close_notify()).fin(Server).ack(Client);
        assert_eq!(later.verdict(500).is(), ("no-response", Actor::Server, None));
    }

    #[test]
    fn a_pair_of_session_tickets_is_no_answer_and_a_pair_of_full_records_is_one() {
        let code = |len: u16| {
            let flight = [talk::server_hello_13(), talk::encrypted(200), talk::encrypted(53)].concat();
            ssm()
                .open()
                .say(Client, &talk::client_hello())
                .say(Server, &flight)
                .say(Client, &talk::encrypted(53))
                .say(Client, &talk::encrypted(150))
                .say(Server, &talk::encrypted(len).repeat(2))
                .ack(Client)
                .code(5_000)
        };
        assert_eq!(code(250), "no-response");
        assert_eq!(code(1_300), "healthy");
    }

    #[test]
    fn what_the_server_sent_before_it_had_the_request_is_no_answer_to_it() {
        let flight = [talk::server_hello_13(), talk::encrypted(200), talk::encrypted(53)].concat();
        let established = ssm()
            .open()
            .say(Client, &talk::client_hello())
            .say(Server, &flight)
            .say(Client, &talk::encrypted(53));
        let received = established.next(Client);
        let asked = established.say(Client, &talk::encrypted(150));
        let seq = asked.next(Server);
        let code = |ack, len: u16| {
            let ticket = talk::encrypted(len);
            let talk = asked.clone().segment_with(Server, "P.", seq, ack, &ticket, |_| {});
            talk.ack(Client).ack(Server).code(5_000)
        };
        // One ticket, as of a session that is resumed, or HTTP/2's settings, whatever their size.
        assert_eq!(code(received, 250), "no-response");
        assert_eq!(code(received, 1_300), "no-response");
        // What could be either is neither an answer nor none.
        assert_eq!(code(asked.next(Client), 250), "in-progress");
        let answered = asked.clone().segment_with(Server, "P.", seq, received, &talk::encrypted(250), |_| {});
        assert_eq!(answered.say(Server, &talk::encrypted(300)).ack(Client).code(5_000), "healthy");
    }

    #[test]
    fn a_single_ticket_is_no_answer_where_a_session_was_resumed_and_a_doubtful_one_elsewhere() {
        // RFC 8446, 4.2.11: one identity of this length, its age, and a binder.
        let resumed = |ticket: u16| {
            let identity = [&ticket.to_be_bytes()[..], &vec![5; ticket.into()], &[0; 4]].concat();
            let identities = (identity.len() as u16).to_be_bytes();
            let key = [&identities[..], &identity, &[0, 33, 32], &[6; 32]].concat();
            ssm().open().say(Client, &talk::client_hello_with(&[(45, &[1, 1]), (41, &key)]))
        };
        let accepted = |hello: Talk, key: &[u8]| {
            let flight = [&talk::server_hello_13_with(key)[..], &talk::encrypted(40), &talk::encrypted(53)];
            let finished = hello.say(Server, &flight.concat()).say(Client, &talk::encrypted(53));
            finished.say(Client, &talk::encrypted(150))
        };
        let asked = accepted(resumed(192), &[0, 41, 0, 2, 0, 0]);
        let ticket = asked.clone().say(Server, &talk::encrypted(240)).ack(Client);
        assert_eq!(ticket.verdict(5_000).is(), ("no-response", Actor::Server, None));
        assert_eq!(ticket.clone().rst(Server).verdict(0).is(), ("reset", Actor::Server, None));
        assert_eq!(ticket.say(Server, &talk::encrypted(300)).ack(Client).code(5_000), "healthy");
        // A record of another size, or one that comes later than tickets do, is an answer.
        assert_eq!(asked.clone().say(Server, &talk::encrypted(900)).ack(Client).code(1_000), "healthy");
        // A late one may be a ticket that was lost and sent again.
        assert_eq!(asked.wait(900).say(Server, &talk::encrypted(240)).ack(Client).code(5_000), "in-progress");
        // The first ticket of a new session may have any size.
        let new = accepted(ssm().open().say(Client, &talk::client_hello()), &[]);
        let one = new.say(Server, &talk::encrypted(1_800)).ack(Client);
        let verdict = one.clone().wait(6_000).fin(Client).fin(Server).verdict(0);
        assert_eq!(verdict.is(), ("in-progress", Actor::Unknown, None));
        assert!(verdict.mentions("session ticket") && !verdict.mentions("capture ends"), "{verdict:?}");
        assert_eq!(one.clone().rst(Server).code(0), "in-progress");
        assert_eq!(one.wait(200).fin(Client).fin(Server).code(0), "healthy");
    }

    /// A TLS 1.3 handshake with a client that takes tickets, and a request of 150 bytes.
    fn asked_13() -> Talk {
        asked_of(53)
    }

    /// The same with a server whose Finished has this size.
    fn asked_of(finished: u16) -> Talk {
        let flight = [talk::server_hello_13(), talk::encrypted(200), talk::encrypted(finished)].concat();
        let hello = ssm().open().say(Client, &talk::client_hello_with(&[(45, &[1, 1])]));
        let finished = hello.say(Server, &flight).say(Client, &talk::encrypted(53));
        finished.say(Client, &talk::encrypted(150))
    }

    #[test]
    fn a_pair_of_records_is_one_of_tickets_only_where_and_when_tickets_come() {
        let ticket = talk::encrypted(250);
        let pair = |talk: Talk, record: &[u8]| talk.say(Server, record).say(Server, record).ack(Client);
        assert_eq!(pair(asked_13(), &ticket).code(5_000), "no-response");
        // Later they may be the parts of an answer, and shorter ones are no tickets.
        let late = pair(asked_13().wait(400), &ticket);
        assert_eq!(late.clone().wait(5_000).fin(Client).fin(Server).code(0), "in-progress");
        assert_eq!(late.fin(Server).fin(Client).code(0), "in-progress");
        assert_eq!(pair(asked_13(), &talk::encrypted(50)).code(5_000), "healthy");
        // A client that can't resume gets none.
        let flight = [talk::server_hello_13(), talk::encrypted(200), talk::encrypted(53)].concat();
        let hello = ssm().open().say(Client, &talk::client_hello_with(&[(16, &[0, 3, 2, b'h', b'2'])]));
        let asked =
            hello.say(Server, &flight).say(Client, &talk::encrypted(53)).say(Client, &talk::encrypted(150));
        assert_eq!(pair(asked, &ticket).fin(Server).code(0), "healthy");
    }

    #[test]
    fn two_records_of_a_close_notify_s_size_begin_with_a_message() {
        let short = talk::encrypted(19);
        // A server that answers with two bytes and closes, and one that closes instead of answering.
        let answered = asked_13().say(Server, &short).say(Server, &short).fin(Server).ack(Client);
        assert_eq!(answered.fin(Client).code(0), "in-progress");
        let closed = asked_13().ack(Server).say(Server, &short).fin(Server).ack(Client);
        assert_eq!(closed.fin(Client).code(0), "no-response");
        // JSSE's user_canceled and close_notify are padded.
        let padded = talk::encrypted(35);
        let closed =
            asked_of(69).ack(Server).say(Server, &padded).say(Server, &padded).fin(Server).ack(Client);
        assert_eq!(closed.fin(Client).code(0), "no-response");
        // Where the client leaves first, it may have had its answer.
        let left = asked_13().ack(Server).say(Server, &short).ack(Client).wait(900).fin(Client).fin(Server);
        assert_eq!(left.code(0), "in-progress");
    }

    #[test]
    fn a_goodbye_before_the_close_notify_takes_a_message_back_where_messages_are_sent() {
        let short = talk::encrypted(19);
        let polled = || {
            let answered = asked_13().say(Server, &talk::encrypted(3_000)).ack(Client).wait(400);
            answered.say(Client, &talk::encrypted(150)).ack(Server).wait(6_000)
        };
        let left = polled().say(Client, &short).say(Client, &short).fin(Client).fin(Server);
        assert_eq!((left.code(0), left.on_port(8883).code(0)), ("no-response", "healthy"));
        assert_eq!(polled().say(Client, &short).fin(Client).fin(Server).code(0), "no-response");
        // MQTT's messages ask for nothing.
        let mqtt = polled().say(Client, &short).fin(Client).fin(Server).on_port(8883);
        assert_eq!(mqtt.code(0), "healthy");
    }

    #[test]
    fn full_records_with_pauses_may_be_an_upload_or_a_shipper_s() {
        let chunk = |talk: Talk, _| talk.say(Client, &talk::encrypted(16_401)).ack(Server).wait(900);
        let upload = |port| (0..5).fold(Talk::to_port(port).open().shake_hands(), chunk);
        for port in [8443, 24224] {
            let verdict = upload(port).wait(9_000).fin(Client).fin(Server).verdict(0);
            assert_eq!(verdict.is(), ("in-progress", Actor::Unknown, None), "{}", verdict.headline);
            assert_eq!(upload(port).code(9_000), "in-progress");
            assert_eq!(upload(port).say(Server, &talk::data()).ack(Client).code(9_000), "healthy");
        }
    }

    #[test]
    fn a_plain_request_whose_answer_only_acknowledgements_show_was_answered() {
        let plain = Talk::to_port(80)
            .open()
            .say(Client, b"GET / HTTP/1.1\r\n\r\n")
            .say(Server, b"HTTP/1.1 200 OK\r\n\r\n");
        assert_eq!(plain.clone().ack(Client).only(Client).code(10_000), "plaintext");
        assert_eq!(plain.only(Client).code(10_000), "capture-gap");
        let asked = Talk::to_port(80).open().say(Client, b"GET / HTTP/1.1\r\n\r\n");
        assert_eq!(asked.wait(10_000).fin(Client).only(Client).code(0), "no-response");
    }

    #[test]
    fn messages_that_wait_for_no_answer_are_owed_none() {
        let sent = |port, count| {
            let next = |talk: Talk, _| talk.wait(800).say(Client, &talk::encrypted(60)).ack(Server);
            (0..count).fold(Talk::to_port(port).open().shake_hands(), next)
        };
        let shipped = |count| sent(6515, count);
        // They may be the parts of a request, unless the port shows that they are not.
        let verdict = shipped(5).wait(9_000).fin(Client).fin(Server).verdict(0);
        assert_eq!(verdict.is(), ("in-progress", Actor::Unknown, None));
        assert!(verdict.mentions("unknown whether they expect one"), "{verdict:?}");
        assert_eq!(sent(12201, 5).wait(9_000).fin(Client).fin(Server).code(0), "healthy");
        // Syslog is never answered (RFC 5425, 4).
        assert_eq!(sent(6514, 1).wait(9_000).fin(Client).fin(Server).code(0), "healthy");
        let answered = Talk::to_port(6514).open().then_tls().wait(900).say(Client, &talk::data()).ack(Server);
        assert_eq!(answered.wait(9_000).fin(Client).fin(Server).code(0), "healthy");
        // Where nobody closes in good order, nothing says that no answer was awaited.
        assert_eq!(shipped(5).wait(9_000).rst(Client).code(0), "in-progress");
        assert_eq!(shipped(5).code(60_000), "in-progress");
        // Unanswered requests are rare, and a server that closes has left its request unanswered.
        assert_eq!(shipped(3).wait(9_000).fin(Client).code(0), "no-response");
        assert_eq!(shipped(5).fin(Server).fin(Client).code(0), "no-response");
    }

    #[test]
    fn a_client_that_leaves_a_poll_in_order_or_a_protocol_of_receipts_is_in_doubt() {
        let polled = asked_again(180).ack(Server).wait(25_000);
        let code = |talk: Talk| talk.fin(Client).fin(Server).code(0);
        assert_eq!(code(polled.clone().say(Client, &talk::close_notify())), "in-progress");
        assert_eq!(code(polled), "no-response");
        let sooner = asked_again(180).ack(Server).wait(9_000).say(Client, &talk::close_notify());
        assert_eq!(code(sooner), "no-response");
        // An MQTT server acknowledges a connection with four bytes, and a message of the lowest quality with none.
        let record = |bytes: u8| [&[23, 3, 3, 0, bytes][..], &vec![7; bytes.into()]].concat();
        let connected = handshake().say(Client, &record(70)).say(Server, &record(28)).ack(Client).wait(1_000);
        assert_eq!(code(connected.say(Client, &record(240)).ack(Server).wait(9_000)), "in-progress");
    }
}
