//! What leaves nothing to be cut off: an exchange that is complete, a connection on which nothing was asked.

use crate::story::{Ending, EndingKind, Moment, ResetFacts, Stage, Story};
use crate::tcp::Role;
use crate::time::Elapsed;
use crate::tls::PreludeStep;

/// Whether TLS was established and nothing was asked, so that nothing was left to do. A RST that follows the handshake at once may be a
/// refusal: of the server's certificate, or of the client's.
pub(super) fn is_idle(story: &Story, ending: &Ending) -> bool {
    let at_once = match ending.by {
        // Where the capture was made at the server, a round trip passes before it.
        Role::Client => {
            let round_trip = story.path.round_trips.shortest_to(Role::Client).unwrap_or(Elapsed::ZERO);
            Elapsed::from_nanos(Elapsed::from_millis(100).nanos().saturating_add(round_trip.nanos()))
        }
        Role::Server => Elapsed::from_millis(1_000),
    };
    let last = story.data.client.last.into_iter().chain(story.data.server.last).map(|last| last.at).max();
    ending.stage == Stage::TlsEstablished
        && story.tls.application_data.client.count == 0
        && story.data.client.is_all_acknowledged
        && last.is_some_and(|last| ending.moment.at - last >= at_once)
}

/// Whether a server resets a connection in clear before the client has all of its data: the client reports a hole, or it has sent
/// nothing since the last of it.
pub(super) fn is_cut_off(story: &Story, ending: &Ending, facts: &ResetFacts) -> bool {
    let data = &story.data.server;
    let is_unanswered = |last: Moment| {
        let since = ending.moment.at - last.at;
        facts.after_trigger.is_none_or(|trigger| trigger > since)
    };
    ending.by == Role::Server
        && !data.is_all_acknowledged
        && !is_repeat_overdue(story, ending)
        && !story.lacks_bare_segments()
        && (data.reported_hole.is_some() || data.last.is_some_and(is_unanswered))
}

/// Whether the server resets in place of a reply to a request for a tunnel, or to start TLS.
pub(super) fn is_prelude_pending(story: &Story, ending: &Ending) -> bool {
    ending.by == Role::Server
        && story.tls.client_hello.is_none()
        && story.prelude.as_ref().is_some_and(|prelude| prelude.latest.what == PreludeStep::Asked)
}

/// Whether more of the server's data was unacknowledged than a receiver leaves so that has it all: it acknowledges every second
/// segment at once (RFC 5681, 4.2).
pub(super) fn is_answer_outstanding(story: &Story) -> bool {
    /// The data of a segment on Ethernet, in bytes.
    const SEGMENT: u32 = 1_460;
    story.data.server.outstanding > 2 * SEGMENT
}

/// Whether the client's RST cut off what the server was sending, where the ends of its records are not in the capture: segments of it were on
/// their way, or waited for room in the client's receive window. Whole packets show the record that lacks its end.
pub(super) fn is_download_cut_off(story: &Story, ending: &Ending) -> bool {
    let goes_on =
        story.data.server.last.is_some_and(|last| story.order.is_after(last.number, ending.moment.number));
    ending.by == Role::Client
        && story.lacks_bytes()
        && (goes_on && is_answer_outstanding(story) || is_window_closed(story))
}

/// Whether the server would have repeated its last data before its RST if that had not been acknowledged: the capture lacks the
/// acknowledgement.
pub(super) fn is_repeat_overdue(story: &Story, ending: &Ending) -> bool {
    /// The longest first timeout that systems use (RFC 6298, 2.1), and as much for what is late.
    const OVERDUE: Elapsed = Elapsed::from_millis(6_000);
    let data = &story.data.server;
    data.repeats.count == 0
        && story.data.client.repeats.count == 0
        && story.traffic.keep_alives.count == 0
        && data.reported_hole.is_none()
        && data.last.is_some_and(|last| ending.moment.at - last.at >= OVERDUE)
}

/// Whether the client's receive window is closed, so that the server could not send the rest of what it had: it probes a closed window
/// only then (RFC 9293, 3.8.6.1).
pub(super) fn is_window_closed(story: &Story) -> bool {
    story.data.server.closed_window.is_some()
}

/// Whether all that the server sent after the request came after its RST, and the client answered that with a RST of its own: its
/// connection was gone when the reply arrived.
pub(super) fn is_reply_refused(story: &Story, ending: &Ending) -> bool {
    let is_after = |number: u64| story.order.is_after(number, ending.moment.number);
    let refuses = |other: &Ending| {
        other.by == Role::Client
            && matches!(other.what, EndingKind::Reset(_))
            && story
                .data
                .server
                .last
                .is_some_and(|last| story.order.is_after(other.moment.number, last.number))
    };
    let asked = story.asked_last().map_or(0, |asked| asked.number);
    let mut replies = story.tls.application_data.server.numbers();
    ending.by == Role::Server
        && story.data.server.last.is_some_and(|last| is_after(last.number))
        && replies.all(|reply| is_after(reply) || !story.order.is_after(reply, asked))
        && story.endings.iter().any(refuses)
}

/// Whether a RST of the server ends a connection in clear while a message of the client, which said more than goodbye and spoke last, waits
/// for its acknowledgement: no socket had it, or the RST is not the server's.
pub(super) fn is_message_lost(story: &Story, ending: &Ending, facts: &ResetFacts) -> bool {
    /// Farewells of protocols in clear are shorter, and so are those inside encryption.
    const LONGEST_FAREWELL: u32 = 256;
    let client = &story.data.client;
    let is_last = |since: Moment| {
        story.order.is_after(ending.moment.number, since.number)
            && story.data.server.last.is_some_and(|last| story.order.is_after(since.number, last.number))
    };
    let is_first_ending =
        story.endings.first().is_some_and(|first| first.moment.number == ending.moment.number);
    ending.by == Role::Server
        && is_first_ending
        && !facts.acknowledges
        && story.one_sided().is_none()
        && !story.lacks_bare_segments()
        && client.outstanding > LONGEST_FAREWELL
        && client.unacknowledged.is_some_and(|waiting| is_last(waiting.since))
}

/// Whether a client gives up that repeated its data after the server's reply to it, which nobody acknowledged: it never got one.
pub(super) fn missed_reply(story: &Story, ending: &Ending) -> bool {
    let (client, server) = (&story.data.client, &story.data.server);
    ending.by == Role::Client
        && !server.is_all_acknowledged
        && client.repeats.count >= 2
        && client
            .repeats
            .moments
            .last()
            .zip(server.first)
            .is_some_and(|(repeat, reply)| story.order.is_after(repeat.number, reply.number))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::packet::SegmentHeader;
    use crate::story::script::talk::{self, Talk, handshake, ssm};
    use crate::tcp::Role::{Client, Server};
    use crate::tls::PlainKind;
    use crate::verdict::Actor;

    #[test]
    fn a_rst_in_place_of_a_proxy_s_reply_or_the_agreement_to_start_tls_is_reset() {
        let asked = |mut talk: Talk| {
            talk.packets.pop();
            talk.rst(Server).verdict(0)
        };
        for talk in [talk::socks5(0), talk::starttls(b"220 go ahead\r\n")] {
            let verdict = asked(talk);
            assert_eq!(verdict.is(), ("reset", Actor::Server, None));
            assert!(verdict.headline.contains("before any reply to it"), "{}", verdict.headline);
        }
        // What was asked before TLS has its answer.
        let agreed = talk::starttls(b"220 go ahead\r\n").rst(Server).verdict(0);
        assert!(!agreed.headline.contains("before any reply to it"), "{}", agreed.headline);
    }

    /// A dialogue in clear in which each side spoke twice, and a message of the client of this many bytes.
    fn sent(bytes: usize) -> Talk {
        let dialogue =
            |talk: Talk| talk.say(Server, &[b'2'; 70]).ack(Client).say(Client, &[b'E'; 21]).ack(Server);
        dialogue(dialogue(Talk::to_port(1_234).open()))
            .say(Server, b"250 OK\r\n")
            .ack(Client)
            .say(Client, &vec![b'M'; bytes])
    }

    #[test]
    fn a_rst_without_an_acknowledgement_cuts_off_what_the_client_said_last() {
        let bare = |talk: Talk| {
            let seq = talk.next(Server);
            talk.segment(Server, "R", seq, &[])
        };
        let lost = bare(sent(1_300)).verdict(0);
        assert_eq!(lost.code, "reset", "{}", lost.headline);
        // A farewell, what was acknowledged, an early answer, a RST that acknowledges, and one that follows a FIN.
        assert_eq!(bare(sent(60)).code(0), "plaintext");
        assert_eq!(bare(sent(1_300).ack(Server)).code(0), "plaintext");
        assert_eq!(sent(1_300).rst(Server).code(0), "plaintext");
        assert_eq!(bare(sent(1_300).fin(Client)).code(0), "plaintext");
        let early =
            sent(1_300).ack(Server).say(Client, &[b'M'; 1_300]).say(Server, b"550 no\r\n").ack(Client);
        assert_eq!(bare(early).code(0), "plaintext");
    }

    #[test]
    fn a_server_that_continues_after_a_rst_with_its_address_was_not_done() {
        let forged = |talk: Talk| {
            let seq = talk.next(Server);
            let story = talk.segment(Server, "R", seq, &[]).wait(20).say(Server, b"250 OK\r\n").story(0);
            let facts = story.endings.iter().find_map(|ending| match &ending.what {
                EndingKind::Reset(facts) => Some(facts.continued_in.is_some()),
                _ => None,
            });
            assert_eq!(facts, Some(true));
            story.verdict()
        };
        assert_eq!(forged(sent(100)).is(), ("reset", Actor::Path, Some("rst-injected")));
    }

    #[test]
    fn a_reply_after_the_server_s_rst_that_the_client_answers_with_a_rst_was_not_received() {
        let asked = handshake().say(Client, &talk::data()).ack(Server);
        let reset = asked.clone().segment(Server, "R", asked.next(Server), &[]);
        // So soon after the RST the order may be the network card's.
        let replied = {
            let mut talk = reset.say(Server, &talk::data());
            let at = talk.packets[talk.packets.len() - 2].id.moment.at;
            talk.packets.last_mut().expect("the reply").id.moment.at = at;
            talk
        };
        assert_eq!(replied.clone().ack(Client).code(0), "healthy");
        let refused = replied.rst(Client).verdict(0);
        assert_eq!(refused.is(), ("reset", Actor::Server, None), "{}", refused.headline);
    }

    #[test]
    fn a_rst_in_an_answer_counts_where_the_client_hello_is_not_in_the_capture() {
        let record = talk::encrypted(2_000);
        let begun = ssm().open().then_tls().say(Client, &talk::data()).say(Server, &record[..900]);
        let mut cut = begun.ack(Client).rst(Server);
        assert_eq!(cut.code(0), "reset");
        cut.packets.remove(3);
        assert_eq!(cut.code(0), "reset");
    }

    #[test]
    fn a_rst_after_a_complete_exchange_an_orderly_end_or_a_silence_is_none() {
        let exchange = || Story::at(Stage::ApplicationData).answered();
        assert_eq!(exchange().rst(Client).verdict().code, "healthy");
        assert_eq!(exchange().fin(Server).rst(Client).verdict().code, "healthy");
        let silent = Story::at(Stage::ClientHello).silent_for(8_000, Server).rst(Client);
        assert_eq!(silent.verdict().code, "no-server-hello");
        let plain = Story::at(Stage::TcpEstablished)
            .on_port(80)
            .sends(Client, PlainKind::HttpRequest, "GET / HTTP/1.1")
            .sends(Server, PlainKind::HttpResponse(200), "HTTP/1.1 200 OK");
        assert_eq!(plain.rst(Client).verdict().code, "plaintext");
        assert_eq!(Story::at(Stage::Syn).rst(Server).verdict().code, "refused");
        assert_eq!(Story::at(Stage::None).rst(Server).verdict().code, "midstream");
    }

    #[test]
    fn a_plain_answer_that_its_server_resets_before_the_client_has_it_is_cut_off() {
        let answered = || talk::Talk::to_port(5_000).open().say(Client, b"question").say(Server, b"answer");
        assert_eq!(answered().rst(Server).verdict(0).is(), ("reset", Actor::Server, None));
        // What the client has, or leaves, was not cut off.
        assert_eq!(answered().ack(Client).rst(Server).code(0), "plaintext");
        assert_eq!(answered().rst(Client).code(0), "plaintext");
    }

    #[test]
    fn an_answer_whose_last_record_lacks_its_end_was_cut_off() {
        let cut = Story::at(Stage::ApplicationData).answered().rst(Server);
        let verdict = cut.but(|story| story.tls.is_inside_record.server = true).verdict();
        assert_eq!(verdict.is(), ("reset", Actor::Server, None));
        assert!(verdict.headline.contains("before the server's reply was complete"));
    }

    #[test]
    fn a_client_that_repeats_itself_and_resets_did_not_get_the_reply() {
        let asked = Talk::to_port(20_000).open().say(Client, b"ask");
        let replied = asked.clone().say(Server, b"reply");
        let repeat = |talk: Talk| talk.segment_with(Client, "P.", 1, 1, b"ask", |_| {});
        let repeated = repeat(repeat(replied.clone().wait(300)).wait(600));
        let verdict = repeated.clone().rst(Client).verdict(0);
        assert_eq!(verdict.is(), ("reset", Actor::Client, None));
        assert!(
            verdict.headline.contains("reply reached it") && verdict.mentions("lost"),
            "{}",
            verdict.headline
        );
        // A client that has what it asked for may discard the rest.
        assert_eq!(replied.rst(Client).code(0), "plaintext");
        assert_eq!(repeated.ack(Client).rst(Client).code(0), "plaintext");
    }

    #[test]
    fn a_rst_some_time_after_a_handshake_on_which_nothing_was_asked_ends_nothing() {
        for (by, millis, code) in [
            (Client, 10, "reset"),
            (Client, 250, "healthy"),
            (Server, 250, "reset"),
            (Server, 5_000, "healthy"),
        ] {
            assert_eq!(
                handshake().ack(Server).ack(Client).wait(millis).rst(by).code(0),
                code,
                "{by} {millis}"
            );
        }
    }

    #[test]
    fn a_rst_in_place_of_a_later_answer_counts_where_the_capture_lacks_an_earlier_one() {
        let message = |len: u16| talk::encrypted(len);
        let turn = |talk: Talk, _| {
            talk.wait(500).say(Client, &message(200)).wait(50).say(Server, &message(300)).ack(Client)
        };
        let mut talk = (0..4).fold(handshake(), turn);
        let lost = talk.packets.iter().rposition(|packet| packet.payload.len() > 300).unwrap();
        talk.packets.remove(lost - 3);
        let asked = talk.wait(500).say(Client, &message(200)).ack(Server).wait(50);
        assert_eq!(asked.clone().rst(Server).verdict(0).is(), ("reset", Actor::Server, None));
        let closed = asked.clone().fin(Server).ack(Client).fin(Client);
        assert_eq!(closed.verdict(0).is(), ("no-response", Actor::Server, None));
        // An answer that its own number shows was sent, and that the capture lacks, is none that was owed.
        let ahead = asked.next(Server) + 300;
        assert_ne!(asked.segment(Server, "R.", ahead, &[]).code(0), "reset");
    }

    #[test]
    fn a_client_that_resets_after_bytes_that_ask_for_nothing_lacks_no_answer() {
        let sent = |port, bytes: &[u8]| Talk::to_port(port).open().say(Client, bytes).ack(Server).wait(9_000);
        assert_eq!(sent(9_999, b"one-way").rst(Client).code(0), "plaintext");
        assert_eq!(sent(9_999, b"one-way").rst(Server).code(0), "reset");
        // What is known to be a request, and what was not acknowledged, was cut off.
        assert_ne!(sent(80, b"GET / HTTP/1.1\r\n\r\n").rst(Client).code(0), "plaintext");
        let lost = Talk::to_port(9_999).open().say(Client, b"one-way").wait(300).repeat(Client).rst(Client);
        assert_eq!(lost.code(0), "reset");
    }

    #[test]
    fn an_answer_of_which_much_was_not_acknowledged_was_cut_off() {
        let asked = handshake().say(Client, &talk::data()).ack(Server);
        let sent = (0..6).fold(asked, |talk, _| talk.say(Server, &talk::encrypted(1_400)));
        let answered = sent.clone().ack(Client);
        // A RST without an acknowledgement of its own.
        let reset = |talk: Talk, by| {
            let seq = talk.next(by);
            talk.segment(by, "R", seq, &[]).verdict(0)
        };
        assert_eq!(reset(sent.clone(), Server).is(), ("reset", Actor::Server, None));
        // A client may have read all of it before it acknowledges.
        assert_eq!(reset(sent, Client).code.name(), "healthy");
        for by in [Client, Server] {
            assert_eq!(reset(answered.clone(), by).code.name(), "healthy", "{by}");
        }
    }

    #[test]
    fn a_rst_while_the_client_s_window_is_closed_cuts_the_answer_off() {
        let close = |header: &mut SegmentHeader| header.tcp.window = Some(0);
        let answered = handshake().say(Client, &talk::data()).say(Server, &talk::encrypted(1_200));
        let (seq, ack) = (answered.next(Client), answered.next(Server));
        let shut = answered.segment_with(Client, ".", seq, ack, &[], close).wait(20_000);
        let verdict = shut.rst(Server).verdict(0);
        assert_eq!(verdict.is(), ("reset", Actor::Server, None), "{}", verdict.headline);
        assert!(verdict.headline.contains("receive window closed"), "{}", verdict.headline);
    }

    #[test]
    fn what_follows_the_client_s_rst_was_cut_off_where_records_are_truncated() {
        let asked = handshake().say(Client, &talk::data()).ack(Server);
        let answered = (0..4).fold(asked, |talk, _| talk.say(Server, &talk::encrypted(1_400))).ack(Client);
        let seq = answered.next(Client);
        let reset = answered.clone().segment(Client, "R", seq, &[]);
        let goes_on = (0..4).fold(reset.clone(), |talk, _| talk.say(Server, &talk::encrypted(1_400)));
        let verdict = |talk: &Talk, cut_bytes: u64| {
            let mut story = talk.story(0);
            story.traffic.counters.server.cut_bytes = cut_bytes;
            story.verdict()
        };
        assert_eq!(verdict(&goes_on, 4_000).is(), ("reset", Actor::Client, None));
        // Of a close_notify or a second answer there would be less.
        assert_eq!(verdict(&reset.say(Server, &talk::close_notify()), 4_000).code.name(), "healthy");
        assert_eq!(verdict(&answered.clone().rst(Client), 4_000).code.name(), "healthy");
    }

    #[test]
    fn an_answer_of_which_the_client_reports_a_hole_was_cut_off() {
        let asked = handshake().say(Client, &talk::data()).ack(Server);
        let (seq, ack) = (asked.next(Client), asked.next(Server));
        let bare = |talk: Talk| talk.segment_with(Client, ".", seq, ack, &[], |_| {});
        let holed = bare(bare(asked.segment(Server, "P.", ack + 260, &talk::encrypted(250))));
        let verdict = holed.clone().rst(Server).verdict(0);
        assert_eq!(verdict.is(), ("reset", Actor::Server, None), "{}", verdict.headline);
        let filled = holed.segment(Server, "P.", ack, &talk::encrypted(255)).ack(Client);
        assert_eq!(filled.rst(Server).code(0), "healthy");
    }
}
