//! A silence in which the reply to a request is owed.

use super::RULE;
use crate::story::{Silence, Story};
use crate::tcp::Role;
use crate::verdict::words::{ack_unseen, advice, drops, farewell, icmp_error, path_mtu, sent_unseen};
use crate::verdict::{Actor, Verdict};

/// A silence in which the answer was owed.
pub(super) fn unanswered(story: &Story, silence: &Silence) -> Verdict {
    let over = asked(story);
    let lost = sent_unseen::of_server(story);
    let unheard = farewell::unheard(story).filter(|_| silence.is_acknowledged && lost.is_none());
    let (actor, delivered) = if !silence.is_acknowledged && story.capture.acks_unobservable {
        (Actor::Unknown, "A socket cannot tell whether the request arrived; a capture shows its ACK.")
    } else if silence.is_acknowledged && lost.is_some() {
        (Actor::Path, "The server's TCP acknowledged the request, and the server replied.")
    } else if unheard.is_some() {
        (Actor::Path, "The server's TCP acknowledged the request.")
    } else if silence.is_acknowledged {
        (
            Actor::Server,
            "The server's TCP acknowledged the request: the path works, and the server process does not reply.",
        )
    } else {
        (Actor::Path, "The request was not acknowledged either: it, or every reply, is lost in transit.")
    };
    let request =
        story.asked_last().or(story.open_plain_request()).or(story.open_ping()).or(story.data.client.first);
    let is_in_record =
        story.tls.is_inside_record.server && story.was_answered() && story.later_request().is_none();
    let is_begun = is_in_record || story.is_plain_answer_cut();
    let delivered = if is_begun && unheard.is_some() {
        "The reply is incomplete."
    } else if is_begun {
        "The reply is incomplete: the server stopped sending, or the rest is lost in transit."
    } else {
        delivered
    };
    let headline = if is_begun {
        format!("the server stopped in the middle of its reply, for {}", silence.elapsed())
    } else {
        format!("no reply to {over} for {}", silence.elapsed())
    };
    let verdict = Verdict::new(&RULE, actor, story.basis, headline);
    let advice =
        if actor == Actor::Path { &advice::PATH_OF_CONNECTION[..] } else { advice::server_process(story) };
    let advice = if silence.is_acknowledged && lost.is_some() { &sent_unseen::ADVICE[..] } else { advice };
    let sign = path_mtu::sign(story, Role::Client).or_else(|| path_mtu::sign(story, Role::Server));
    let verdict = if let Some(sign) = sign {
        sign.explain(verdict)
    } else {
        let unseen = if silence.is_ack_unseen { ack_unseen::SENTENCE } else { "" };
        let shown = lost
            .map(|sent| sent_unseen::sentence(Role::Server, sent))
            .or(unheard.as_ref().map(|(sentence, _)| sentence.clone()));
        let shown = shown.map_or(String::new(), |sentence| format!(" {sentence}"));
        verdict
            .explain(format!("{delivered}{unseen}{shown}{}", drops::caveat(story)))
            .proved_by(lost.map(|lost| lost.shown_by.number))
            .proved_by(unheard.into_iter().flat_map(|(_, packets)| packets).map(|packet| packet.number))
            .advise(advice)
    };
    icmp_error::in_silence(story, silence, verdict)
        .reported(&["java.net.SocketTimeoutException: Read timed out"])
        .proved_by(request.map(|moment| moment.number).into_iter().chain([silence.since.number]))
        .proved_by(story.data.client.repeats.numbers().take(4))
}

/// What got no reply, as a headline names it.
fn asked(story: &Story) -> &'static str {
    match (&story.prelude, story.tls.client_hello.is_some()) {
        (_, false) if story.is_greeted_dialogue() && story.open_plain_request().is_some() => {
            "the client's command"
        }
        (Some(prelude), false) if prelude.is_agreed() => "the request",
        (Some(prelude), false) if prelude.protocol.is_proxy() => "the request to the proxy",
        (Some(_), false) => "the request to start TLS",
        // A client whose Finished is repeated without an acknowledgement asks for nothing yet.
        (_, true) if story.tls.application_data.client.count == 0 => "the client's end of the handshake",
        (_, true) if story.later_request().is_some() => "a later request inside TLS",
        (None, false) if story.http2.is_some() && story.open_plain_request().is_none() => {
            "the client's HTTP/2 PING"
        }
        (None, false) if story.http2.is_some() => "the request",
        (None, false) if story.open_plain_request().is_some() => "a later request",
        (_, true) => "the request inside TLS",
        _ => "the request",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::story::Stage;
    use crate::story::script::talk::{self, Talk, handshake};
    use crate::tcp::Role::{Client, Server};
    use crate::tls::PlainKind;

    #[test]
    fn an_acknowledged_request_without_an_answer_is_the_server_s() {
        let verdict = Story::at(Stage::ApplicationData).silent_for(8_000, Server).acknowledged().verdict();
        assert_eq!(verdict.is(), ("no-response", Actor::Server, None));
        assert_eq!(verdict.evidence, [9]);
        assert!(verdict.headline.contains("request inside TLS") && verdict.headline.contains("8.0 s"));
        assert!(!verdict.mentions("lost") && verdict.mentions("https://localhost"));
        let plain =
            Talk::to_port(80).open().say(Client, b"GET / HTTP/1.1\r\n\r\n").ack(Server).verdict(8_000);
        assert_eq!(plain.is(), ("no-response", Actor::Server, None));
        assert!(!plain.mentions("openssl"), "TLS is not spoken there");
    }

    #[test]
    fn an_unacknowledged_one_is_lost_on_the_path_and_where_that_does_not_show_nobody_is_blamed() {
        let story = Story::at(Stage::ApplicationData).repeats(Client, 2).silent_for(8_000, Server);
        let verdict = story.clone().verdict();
        assert_eq!(verdict.is(), ("no-response", Actor::Path, None));
        assert_eq!(verdict.evidence, [9, 10, 11]);
        assert!(!verdict.mentions("does the SYN arrive"), "the connection was established");
        assert!(!verdict.mentions("the server process does not reply"));
        let hidden = story.but(|story| story.capture.acks_unobservable = true).verdict();
        assert_eq!(hidden.is(), ("no-response", Actor::Unknown, None));
    }

    #[test]
    fn a_plain_request_is_owed_an_answer_too() {
        let asked = Story::at(Stage::TcpEstablished)
            .on_port(80)
            .sends(Client, PlainKind::HttpRequest, "GET / HTTP/1.1")
            .silent_for(8_000, Server)
            .acknowledged();
        let verdict = asked.verdict();
        assert_eq!(verdict.is(), ("no-response", Actor::Server, None));
        assert!(!verdict.mentions("TLS"), "{verdict:?}");
    }

    #[test]
    fn an_unanswered_request_is_no_response() {
        let asked = handshake().say(Client, &talk::data()).ack(Server);
        assert_eq!(asked.verdict(4_000).is(), ("no-response", Actor::Server, None));
        assert_eq!(asked.story(4_000).stage, Stage::ApplicationData);
        assert_eq!(asked.code(1_000), "in-progress");
        assert_eq!(asked.rst(Server).code(0), "reset");
    }

    #[test]
    fn a_client_that_repeats_its_last_words_without_an_ack_has_no_answer() {
        // Whatever it is: a record of which the capture shows no header.
        let lost = handshake().segment(Client, "P.", 600, &[7; 40]).wait(300).repeat(Client);
        assert_ne!(lost.code(5_000), "healthy");
    }

    #[test]
    fn a_request_that_is_never_sent_again_was_acknowledged() {
        // The acknowledgement is not in the capture.
        let asked = Talk::to_port(80).open().say(Client, b"GET / HTTP/1.1\r\n\r\n");
        let verdict = asked.clone().wait(8_000).fin(Client).verdict(0);
        assert_eq!(verdict.is(), ("no-response", Actor::Server, None), "{}", verdict.headline);
        assert!(verdict.mentions("The ACK itself is not in the capture"), "{}", verdict.explanation);
        // Where its sender is gone as well, the capture lacks the rest.
        assert_eq!(asked.code(60_000), "capture-gap");
        let message = Talk::to_port(5_000).open().say(Client, b"message").wait(8_000).fin(Client).fin(Server);
        assert_eq!(message.code(0), "plaintext");
        let lost = asked.wait(300).repeat(Client).wait(600).repeat(Client).wait(8_000).fin(Client).verdict(0);
        assert_eq!(lost.is(), ("no-response", Actor::Path, None));
    }

    #[test]
    fn a_proxy_that_does_not_answer_the_request_owes_it() {
        let asked = Talk::to_port(1080)
            .open()
            .say(Client, &[5, 1, 0])
            .say(Server, &[5, 0])
            .say(Client, &[5, 1, 0, 1, 198, 51, 100, 20, 0x20, 0xfb])
            .ack(Server);
        let verdict = asked.verdict(4_000);
        assert_eq!(verdict.is(), ("no-response", Actor::Server, None));
        assert!(verdict.headline.contains("request to the proxy"), "{}", verdict.headline);
    }

    #[test]
    fn a_later_request_in_plain_http_is_owed_an_answer_too() {
        let get = b"GET / HTTP/1.1\r\n\r\n";
        let answered =
            Talk::to_port(80).open().say(Client, get).say(Server, b"HTTP/1.1 200 OK\r\n\r\n").ack(Client);
        let asked = answered.clone().wait(9_000).say(Client, get).ack(Server);
        assert_eq!(asked.code(1_000), "in-progress");
        let verdict = asked.clone().wait(5_000).fin(Client).verdict(0);
        assert_eq!(verdict.is(), ("no-response", Actor::Server, None), "{}", verdict.headline);
        assert!(verdict.headline.contains("a later request for 5.0 s"), "{}", verdict.headline);
        assert_eq!(asked.clone().rst(Server).verdict(0).is().0, "reset");
        assert_eq!(asked.wait(5_000).say(Server, b"HTTP/1.1 200 OK\r\n\r\n").code(9_000), "plaintext");
        // What follows an upgrade asks for nothing.
        let upgraded = Talk::to_port(80)
            .open()
            .say(Client, get)
            .say(Server, b"HTTP/1.1 101 Switching\r\n\r\n")
            .ack(Client);
        assert_eq!(upgraded.say(Client, get).ack(Server).code(9_000), "plaintext");
        // The rest of an upload may follow an early answer.
        assert_eq!(answered.say(Client, &[7; 900]).ack(Server).code(9_000), "plaintext");
    }

    #[test]
    fn a_server_that_stops_in_the_middle_of_a_record_has_not_answered() {
        let record = talk::encrypted(2_000);
        let begun = handshake().say(Client, &talk::data()).say(Server, &record[..900]).ack(Client);
        let stopped = begun.clone().wait(7_000).fin(Client).verdict(0);
        assert_eq!(stopped.is(), ("no-response", Actor::Server, None), "{}", stopped.headline);
        assert!(stopped.headline.contains("in the middle of its reply"), "{}", stopped.headline);
        assert!(!stopped.mentions("does not reply"), "{}", stopped.explanation);
        assert_eq!(begun.code(3_100), "no-response", "while it hangs");
        let closed = begun.clone().fin(Server).fin(Client).verdict(0);
        assert_eq!(closed.is(), ("no-response", Actor::Server, None), "{}", closed.headline);
        // Who leaves sooner may not have wanted the rest.
        assert_eq!(begun.wait(500).fin(Client).fin(Server).code(0), "healthy");
    }

    #[test]
    fn a_request_of_a_known_protocol_is_owed_an_answer_and_unknown_bytes_are_not() {
        let startup = b"\x00\x00\x00\x10\x00\x03\x00\x00user\x00a\x00\x00";
        let sent = |port, bytes: &[u8]| Talk::to_port(port).open().say(Client, bytes).ack(Server);
        for ended in
            [sent(5432, startup).wait(9_000).fin(Client).fin(Server), sent(5432, startup).wait(9_000)]
        {
            assert_eq!(ended.verdict(0).is(), ("no-response", Actor::Server, None));
        }
        assert_eq!(sent(5432, startup).fin(Client).fin(Server).code(0), "plaintext");
        assert_eq!(sent(5432, startup).say(Server, b"R\x00\x00\x00\x08").code(9_000), "plaintext");
        assert_eq!(sent(514, b"<14>a line\n").wait(9_000).fin(Client).fin(Server).code(0), "plaintext");
    }

    #[test]
    fn that_a_client_may_continue_is_no_answer() {
        let expects = b"POST / HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: 4\r\n\r\n";
        let continued = || {
            let asked =
                Talk::to_port(80).open().say(Client, expects).say(Server, b"HTTP/1.1 100 Continue\r\n\r\n");
            asked.say(Client, b"body").ack(Server)
        };
        for ended in [continued().wait(9_000).fin(Client).fin(Server), continued().wait(9_000)] {
            let verdict = ended.verdict(0);
            assert_eq!(verdict.is(), ("no-response", Actor::Server, None), "{}", verdict.headline);
        }
        let answered = continued().wait(9_000).say(Server, b"HTTP/1.1 201 Created\r\n\r\n").ack(Client);
        assert_eq!(answered.code(60_000), "plaintext");
    }

    #[test]
    fn an_answer_that_the_server_s_own_number_shows_was_lost_on_the_path() {
        let left = Talk::to_port(80)
            .open()
            .say(Client, b"GET / HTTP/1.1\r\n\r\n")
            .ack(Server)
            .wait(8_000)
            .fin(Client);
        let (client, server) = (left.next(Client), left.next(Server));
        let bare =
            |ahead| left.clone().segment_with(Server, ".", server + ahead, client, &[], |_| {}).verdict(0);
        let verdict = bare(15_928);
        assert_eq!(verdict.is(), ("no-response", Actor::Path, None));
        assert!(verdict.mentions("15928 bytes") && !verdict.mentions("does not reply"), "{verdict:?}");
        assert!(verdict.evidence.contains(&7));
        assert_eq!(bare(0).is(), ("no-response", Actor::Server, None));
    }

    #[test]
    fn a_command_of_a_dialogue_is_owed_a_reply_until_somebody_gives_up() {
        let greeted = Talk::to_port(25).open().say(Server, b"220 mail.example ESMTP\r\n").ack(Client);
        let asked = greeted.say(Client, b"MAIL FROM:<a@example>\r\n").ack(Server);
        let given_up = asked.clone().wait(60_000).fin(Client).fin(Server).verdict(0);
        assert_eq!(given_up.is(), ("no-response", Actor::Server, None), "{}", given_up.headline);
        assert!(given_up.headline.contains("the client's command for 60"), "{}", given_up.headline);
        assert_eq!(asked.clone().wait(60_000).rst(Client).verdict(0).is().0, "no-response");
        let closed = asked.clone().fin(Server).ack(Client).fin(Client).verdict(0);
        assert_eq!(closed.is(), ("no-response", Actor::Server, None), "{}", closed.headline);
        assert_eq!(asked.clone().rst(Server).verdict(0).is(), ("reset", Actor::Server, None));
        // A slow reply is one, and who leaves soon may not want it.
        assert_eq!(asked.code(60_000), "in-progress");
        assert_eq!(asked.clone().wait(60_000).say(Server, b"250 ok\r\n").ack(Client).code(0), "plaintext");
        assert_eq!(asked.clone().fin(Client).fin(Server).code(0), "plaintext");
        let goodbye = asked.say(Server, b"250 ok\r\n").say(Client, b"QUIT\r\n").ack(Server).wait(9_000);
        assert_eq!(goodbye.fin(Client).fin(Server).code(0), "plaintext");
    }

    #[test]
    fn a_host_that_does_not_acknowledge_the_client_s_fin_is_out_of_reach() {
        let again = |left: Talk| {
            let seq = left.next(Client) - 1;
            (0..4).fold(left, |talk, _| talk.wait(400).segment(Client, "F.", seq, &[]))
        };
        let asked = handshake().say(Client, &talk::data()).ack(Server);
        let begun = handshake().say(Client, &talk::data()).say(Server, &talk::encrypted(2_000)[..900]);
        for hung in [asked, begun.ack(Client)] {
            let left = hung.wait(8_000).fin(Client);
            assert_eq!(left.verdict(0).is(), ("no-response", Actor::Server, None));
            let verdict = again(left.clone()).verdict(0);
            assert_eq!(verdict.is(), ("no-response", Actor::Path, None), "{}", verdict.headline);
            assert!(verdict.mentions("sent 5 times in 1.6 s without an ACK"), "{}", verdict.explanation);
            assert!(
                !verdict.mentions("the path works") && !verdict.mentions("stopped sending"),
                "{verdict:?}"
            );
            assert_eq!(again(left).ack(Server).verdict(0).actor, Actor::Server);
        }
    }
}
