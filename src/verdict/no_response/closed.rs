//! The server closed in the middle of its reply, or in place of it.

use super::RULE;
use crate::story::{AnswerPart, Moment, Story};
use crate::verdict::words::advice;
use crate::verdict::{Actor, Verdict};

/// The server's FIN came in the middle of its answer.
pub(super) fn cut_off(story: &Story, close: Moment) -> Verdict {
    let request = story.asked_last().or(story.plain.client.as_ref().map(|plain| plain.moment));
    let why = match story.plain_answer_end {
        Some(end) => format!(
            "The reply's header announces {} more bytes than came",
            end.get().saturating_sub(story.data.server.bytes)
        ),
        None if story.http2.is_some() => "The reply's stream lacks its end (END_STREAM)".to_owned(),
        None if matches!(story.plain_answer_lacks, Some(AnswerPart::LastChunk | AnswerPart::ChunkEnd)) => {
            "The reply's header announces chunks, and the last one did not come".to_owned()
        }
        None => "The last record of the reply is incomplete".to_owned(),
    };
    Verdict::new(
        &RULE,
        Actor::Server,
        story.basis,
        "the server closed the connection in the middle of its reply",
    )
    .explain(format!(
        "{why}: the server closed the connection in an orderly way before it had sent all of it. Its program failed or was stopped."
    ))
    .reported(&[
        "curl: (18) transfer closed with outstanding read data remaining",
        "java.io.IOException: Premature EOF",
    ])
    .proved_by(request.into_iter().chain([close]).map(|moment| moment.number))
    .advise(advice::server_process(story))
}

/// The server's FIN came in place of an answer.
pub(super) fn closed(story: &Story) -> Option<Verdict> {
    let close = story.closed_unanswered()?;
    if story.tls.is_inside_record.server && story.was_answered() {
        return Some(cut_off(story, close));
    }
    let request = story.asked_last();
    let (headline, explanation) = if story.later_request().is_some() {
        (
            "the server closed the connection instead of replying to a later request inside TLS",
            "Earlier requests were answered, and the client sent another one. The server closed the connection in an \
             orderly way without sending data: its program gave up on the request or was stopped, or its keep-alive time \
             ended just then.",
        )
    } else {
        (
            "the server closed the connection instead of replying to the request inside TLS",
            "TLS was established and the client sent its request. The server closed the connection in an orderly way \
             without sending data: its program gave up on the request, was stopped, or limits its clients.",
        )
    };
    Some(
        Verdict::new(&RULE, Actor::Server, story.basis, headline)
            .explain(explanation)
            .reported(&[
                "curl: (52) Empty reply from server",
                "java.net.SocketException: Unexpected end of file from server",
            ])
            .proved_by(request.into_iter().chain([close]).map(|moment| moment.number))
            .advise(advice::server_process(story)),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::story::Stage;
    use crate::story::script::talk::{self, Talk, exchange};
    use crate::tcp::Role::{Client, Server};

    #[test]
    fn a_fin_in_place_of_the_answer_is_the_server_s() {
        let verdict = Story::at(Stage::ApplicationData).fin(Server).verdict();
        assert_eq!(verdict.is(), ("no-response", Actor::Server, None));
        assert_eq!(verdict.evidence, [9, 10]);
        assert!(verdict.mentions("Empty reply from server"));
        // The client's own FIN, and one after the answer, end in good order.
        assert_eq!(Story::at(Stage::ApplicationData).fin(Client).verdict().code, "healthy");
        assert_eq!(Story::at(Stage::ApplicationData).answered().fin(Server).verdict().code, "healthy");
    }

    #[test]
    fn of_lengths_alone_a_message_of_a_close_notify_s_size_is_no_request() {
        let closed = |bytes: u16| {
            let mut talk = exchange().ack(Client).say(Client, &talk::encrypted(bytes)).ack(Server);
            talk = talk.fin(Server).ack(Client).fin(Client);
            talk.story(0)
        };
        // Its request was answered, and what follows it decides.
        assert_eq!(closed(150).verdict().code, "no-response");
        let by_lengths = |bytes: u16| {
            let mut talk = talk::handshake().say(Client, &talk::encrypted(bytes)).ack(Server);
            talk = talk.wait(20).fin(Server).ack(Client).fin(Client);
            talk.packets.iter_mut().for_each(|packet| packet.payload.clear());
            talk.code(0)
        };
        assert_eq!(by_lengths(150), "no-response");
        assert_ne!(by_lengths(19), "no-response");
    }

    #[test]
    fn a_body_that_ends_before_its_length_has_no_end() {
        let asked = |get: &[u8]| {
            let header = b"HTTP/1.1 200 OK\r\nContent-Length: 90000\r\n\r\n";
            let begun = Talk::to_port(80).open().say(Client, get).say(Server, header);
            begun.say(Server, &[7; 3_000]).ack(Client)
        };
        let begun = || asked(b"GET / HTTP/1.1\r\n\r\n");
        for verdict in [
            begun().fin(Server).fin(Client).verdict(0),
            begun().verdict(4_000),
            begun().wait(8_000).fin(Client).verdict(0),
        ] {
            assert_eq!(verdict.is(), ("no-response", Actor::Server, None), "{}", verdict.headline);
            assert!(verdict.headline.contains("in the middle of its reply"), "{}", verdict.headline);
        }
        assert_eq!(begun().rst(Server).verdict(0).is(), ("reset", Actor::Server, None));
        assert_eq!(begun().code(500), "in-progress");
        // A client may want no more, and a HEAD has no body.
        assert_eq!(begun().wait(500).fin(Client).fin(Server).code(0), "plaintext");
        assert_eq!(asked(b"HEAD / HTTP/1.1\r\n\r\n").fin(Server).fin(Client).code(9_000), "plaintext");
    }

    #[test]
    fn a_server_that_closes_after_a_client_that_had_left_owes_nothing() {
        let answered = exchange().ack(Client).ack(Server).wait(900);
        let asked = answered.say(Client, &talk::data()).ack(Server);
        assert_eq!(asked.clone().fin(Server).ack(Client).fin(Client).code(0), "no-response");
        // The client's FIN is not in the capture, and the server's acknowledges it.
        let (seq, ack) = (asked.next(Server), asked.next(Client) + 1);
        let closed = asked.segment_with(Server, "F.", seq, ack, &[], |_| {}).ack(Client);
        assert_ne!(closed.code(0), "no-response");
        // Its close_notify before that is not there either.
        let asked = exchange().ack(Client).ack(Server).wait(900).say(Client, &talk::data()).ack(Server);
        let (seq, ack) = (asked.next(Server), asked.next(Client) + 25);
        let closed = asked.segment_with(Server, "F.", seq, ack, &[], |_| {}).ack(Client);
        assert_ne!(closed.code(0), "no-response");
    }

    #[test]
    fn an_answer_in_chunks_without_the_last_one_has_no_end() {
        let asked = || Talk::to_port(80).open().say(Client, b"GET / HTTP/1.1\r\n\r\n");
        let header = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nAge: 0\r\n\r\n";
        let begun = || asked().say(Server, header).say(Server, b"5\r\nhello\r\n").ack(Client);
        let closed = begun().fin(Server).fin(Client).verdict(0);
        assert_eq!(closed.is(), ("no-response", Actor::Server, None), "{}", closed.headline);
        assert!(closed.mentions("announces chunks"), "{}", closed.explanation);
        let nothing = asked().say(Server, header).fin(Server).fin(Client);
        assert_eq!(nothing.code(0), "no-response");
        // Split within the end of the last chunk, and with a trailer.
        for end in [&b"0\r\n\r\n"[..], b"0\r\nExpires: 0\r\n\r\n"] {
            let (one, other) = end.split_at(end.len() - 2);
            assert_eq!(
                begun().say(Server, one).say(Server, other).fin(Server).fin(Client).code(0),
                "plaintext"
            );
        }
        // It may pause for as long as it likes, and the client may want no more.
        assert_eq!(begun().code(60_000), "plaintext");
        assert_eq!(begun().fin(Client).fin(Server).code(0), "plaintext");
        // What was cut off may have held the last one.
        let mut cut = begun().say(Server, b"0\r\n\r\n").fin(Server).fin(Client);
        cut.packets[5].payload.truncate(3);
        cut.packets[6].payload.truncate(3);
        assert_eq!(cut.code(0), "plaintext");
    }

    #[test]
    fn a_later_answer_that_ends_before_its_length_has_no_end_either() {
        let get = b"GET / HTTP/1.1\r\n\r\n";
        let page = b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\npage";
        let header = b"HTTP/1.1 200 OK\r\nContent-Length: 5000\r\n\r\n";
        let begun = |again: &[u8]| {
            let first = Talk::to_port(80).open().say(Client, get).say(Server, page).ack(Client);
            first.say(Client, again).say(Server, header).say(Server, &[7; 256]).ack(Client)
        };
        let closed = begun(get).fin(Server).fin(Client).verdict(0);
        assert_eq!(closed.is(), ("no-response", Actor::Server, None), "{}", closed.headline);
        assert!(closed.mentions("4744 more bytes"), "{}", closed.explanation);
        assert_eq!(begun(get).rst(Server).verdict(0).is(), ("reset", Actor::Server, None));
        assert_eq!(begun(get).wait(20_000).fin(Client).verdict(0).is(), ("no-response", Actor::Server, None));
        assert_eq!(begun(get).say(Server, &[7; 4_744]).fin(Server).fin(Client).code(0), "plaintext");
        assert_eq!(begun(b"HEAD / HTTP/1.1\r\n\r\n").fin(Server).fin(Client).code(0), "plaintext");
    }
}
