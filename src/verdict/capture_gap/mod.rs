//! What would show the outcome is not in the capture.

mod before;
mod left_out;
mod rest;

use super::words::evidence;
use super::words::last_step::{self, last_step};
use super::{Actor, Code, JudgementSettings, Rule, Severity, Verdict, client_silent};
use crate::story::Story;
use crate::tcp::Role;
use before::{first_words, sent_ahead, unseen_answer, unseen_reply, what_preceded};
use left_out::{hidden_answer, left_out};
use rest::{acknowledgement, cut_short};

/// `capture-gap`.
pub(super) const RULE: Rule = Rule {
    code: Code::CaptureGap,
    severity: Severity::Unknown,
    summary: "what would show the outcome is missing from the capture, as its packets prove",
    page: include_str!("../../../docs/verdicts/capture-gap.md"),
    judge,
};

const ADVICE: [&str; 2] = [
    "Capture again without a filter on TCP flags or sizes, with both directions: on the client or the server itself, \
     on all interfaces (`-i any`).",
    "If the capture reports drops, use a larger buffer (`-B`) and a narrower filter on host and port.",
];

/// Where the text has every packet, and none of the data.
const WITH_DATA: [&str; 1] = [
    "Capture again into a file (`tcpdump -w FILE`), or print the data too (`-X`, or `-A`): the text holds lengths only.",
];

fn judge(story: &Story, settings: &JudgementSettings) -> Option<Verdict> {
    let reached = last_step(story.stage);
    let with = |advice: &'static [&'static str]| move |(lack, explanation)| (lack, explanation, advice);
    let (lack, explanation, advice) = hidden_answer(story)
        .or_else(|| unseen_answer(story, settings))
        .or_else(|| hidden_protocol(story, reached))
        .map(with(&ADVICE))
        .or_else(|| refused_by_lengths(story).or_else(|| unread_flight(story, reached)).map(with(&WITH_DATA)))
        .or_else(|| lacking(story, reached).or_else(|| first_words(story)).map(with(&ADVICE)))?;
    let so_far = match last_step::unanswered(story) {
        Some(syns) => format!("no reply to the SYN ({syns})"),
        None => format!("normal up to {reached}"),
    };
    let verdict = Verdict::new(&RULE, Actor::Unknown, story.basis, format!("{so_far}; {lack}"))
        .explain(explanation)
        .proved_by(evidence::handshake_packets(story))
        .proved_by(story.missing.since_step_by.numbers())
        .proved_by([story.first.number, story.last.number]);
    Some(verdict.advise(advice))
}

/// The snapshot length cuts off what would show whether it is TLS.
fn hidden_protocol(story: &Story, reached: &str) -> Option<(String, String)> {
    let is_hidden = story.is_protocol_hidden() && story.data.server.first.is_some();
    is_hidden.then(|| {
        (
            "the snapshot length cuts off what shows whether it is TLS".to_owned(),
            format!(
                "Nothing is wrong up to {reached}. Of the client's first segment the capture holds so little that it may begin a \
                 ClientHello or a request to a proxy: what the two sides spoke, and whether it worked, is unknown. Capture whole \
                 packets (`-s 0`), or 128 bytes of each at least."
            ),
        )
    })
}

/// The text names nothing of what the client sent after the ServerHello, and the connection was closed after that.
fn unread_flight(story: &Story, reached: &str) -> Option<(String, String)> {
    let is_over = story.is_client_s_flight_unread() && !story.endings.is_empty();
    is_over.then(|| {
        (
            "the text does not show what the client sent next".to_owned(),
            format!(
                "Nothing is wrong up to {reached}. The tool that printed the text decoded no more of the client's data, which may be the \
                 rest of the handshake and a request, or not."
            ),
        )
    })
}

/// Lengths alone don't show whether TLS or a tunnel was refused.
fn refused_by_lengths(story: &Story) -> Option<(String, String)> {
    if story.may_be_a_refused_hello() {
        return Some((
            "the text holds none of the data, and lengths don't show whether it was TLS".to_owned(),
            "The client sent one segment, the server answered with fewer bytes than any ServerHello has, and that was \
             all: a short exchange in clear looks like that, and so does a ClientHello to a server that does not speak \
             TLS."
                .to_owned(),
        ));
    }
    if story.is_closed_in_tls_by_one_length() {
        return Some((
            "the text holds none of the data, and lengths don't show whether it was TLS".to_owned(),
            "The sizes of the first turns fit a TLS handshake, after which one side closed the connection. An exchange in another protocol \
             looks like that too, and on this port no TLS is expected. If it is, add the port with `--tls-port PORT`."
                .to_owned(),
        ));
    }
    if story.may_be_a_refused_tunnel() {
        return Some((
            "the text holds none of the data, and lengths don't show whether a tunnel was refused".to_owned(),
            "The client spoke a few times to a port of proxies and was answered: a short exchange in clear looks like that, and so does a \
             proxy that refuses a tunnel."
                .to_owned(),
        ));
    }
    None
}

/// What is missing, and what proves it.
fn lacking(story: &Story, reached: &str) -> Option<(String, String)> {
    if let Some(last) = story.missing.truncated_after.filter(|_| story.capture.interrupted.is_none()) {
        return Some(cut_short(story, reached, last.number));
    }
    if story.is_answer_unlogged() {
        return Some((
            "the text is a firewall's log, which seldom holds more of a connection".to_owned(),
            format!(
                "Nothing is wrong up to {reached}. The firewall let the connection through and logged it. Such a log holds only the \
                 packets that its rules log, usually only the first of each connection, so the reply is unknown."
            ),
        ));
    }
    if let Some(lack) = left_out(story, reached) {
        return Some(lack);
    }
    let ending = story.decisive()?;
    if client_silent::may_lack_greeting(story) {
        return Some((
            "the server's packets are missing from the capture".to_owned(),
            format!(
                "Nothing is wrong up to {reached}. The client acknowledged a SYN-ACK that the capture does not hold, \
                 so it may lack what the server sent next as well: what happened is unknown."
            ),
        ));
    }
    if !story.depends_on_missing(ending) {
        return acknowledgement(ending);
    }
    if let Some(reset) = story.reset_ahead(ending) {
        return Some(sent_ahead(reset, reached));
    }
    if story.may_lack_reply(ending) {
        return Some(unseen_reply(ending, reached));
    }
    let lacks = |role| story.lacks(role);
    if let Some(seen) = story.one_sided().filter(|seen| lacks(seen.other())) {
        let unseen = seen.other();
        return Some((
            format!("the {unseen}'s packets are missing from the capture"),
            format!(
                "Nothing is wrong up to {reached}. Only the {seen}'s packets are there, and they acknowledge {} bytes \
                 of the {unseen} that the capture never saw: what the {unseen} sent, and what happened next, is \
                 unknown.",
                story.missing.acked_unseen[unseen]
            ),
        ));
    }
    let bytes = |role: Role| format!("{} bytes of the {role}", story.missing.since_step[role]);
    let unseen = match (lacks(Role::Client), lacks(Role::Server)) {
        (true, true) => format!("{} and {}", bytes(Role::Client), bytes(Role::Server)),
        (true, false) => bytes(Role::Client),
        (false, true) => bytes(Role::Server),
        (false, false) => return Some(what_preceded(story, ending, reached)),
    };
    Some((
        "what followed is missing from the capture".to_owned(),
        format!(
            "Nothing is wrong up to {reached}. Acknowledgements and the numbers of later packets prove that {unseen} \
             followed, and the capture holds none of them: a filter kept only some kinds of packets (those with SYN, \
             FIN or RST, say), or the capture missed them. What happened next is unknown."
        ),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::story::Stage;
    use crate::story::script::talk::{self, Talk, exchange, handshake, ssm};
    use crate::tcp::Role::{Client, Server};

    /// As a capture with a filter that keeps SYN, FIN and RST.
    fn flags_only(mut talk: Talk) -> Talk {
        talk.packets.retain(|packet| {
            let flags = packet.header.tcp.flags.unwrap_or_default();
            flags.syn() || flags.fin() || flags.rst()
        });
        talk
    }

    #[test]
    fn text_of_a_question_and_a_short_answer_does_not_show_whether_it_was_tls() {
        let asked = |len: usize, answer: usize| {
            let talk = Talk::to_port(502).open().say(Client, &vec![0; len]).say(Server, &vec![0; answer]);
            talk.fin(Client).fin(Server).story(0).but(|story| {
                story.capture.is_text = true;
                story.plain = crate::tcp::PerRole::default();
            })
        };
        let verdict = asked(138, 9).verdict();
        assert_eq!(verdict.is(), ("capture-gap", Actor::Unknown, None));
        assert!(verdict.mentions("holds none of the data"));
        let advice: Vec<_> = verdict.advice(&asked(138, 9)).collect();
        assert!(advice.len() == 1 && advice[0].contains("tcpdump -w"), "{advice:?}");
        for (len, answer) in [(12, 9), (138, 300)] {
            assert_eq!(asked(len, answer).verdict().code, "plaintext", "{len} {answer}");
        }
        assert_eq!(asked(138, 9).but(|story| story.capture.is_text = false).verdict().code, "plaintext");
    }

    #[test]
    fn a_server_s_fin_shows_nothing_where_all_of_the_client_is_missing() {
        let closed = Talk::to_port(5_000).open().say(Client, b"question").ack(Server).fin(Client).fin(Server);
        assert_eq!(closed.only(Server).code(0), "capture-gap");
    }

    #[test]
    fn bytes_that_the_capture_lacks_decide_nothing() {
        for (ended, by) in [
            (Story::at(Stage::TcpEstablished).fin(Client), Client),
            (Story::at(Stage::TcpEstablished).rst(Server), Server),
        ] {
            let story = ended.but(|story| {
                story.missing.since_step[by] = 300;
                story.missing.since_step[by.other()] = 4_000;
                let last = story.last;
                story.missing.since_step_by.add(last);
            });
            let verdict = story.verdict();
            assert_eq!(verdict.is(), ("capture-gap", Actor::Unknown, None));
            assert_eq!(verdict.severity, Severity::Unknown);
            assert_eq!(verdict.evidence, [1, 2, 4]);
            assert!(verdict.mentions("300 bytes of the") && verdict.mentions("4000 bytes of the"));
            assert!(!verdict.mentions("closed") && !verdict.mentions("reset"));
        }
    }

    #[test]
    fn of_a_healthy_exchange_syn_fin_and_rst_alone_prove_that_data_is_missing() {
        for ended in [
            exchange().fin(Server).fin(Client),
            exchange().fin(Client).fin(Server),
            exchange().rst(Client),
            exchange().rst(Server),
            exchange().segment(Client, "R", exchange().next(Client), &[]),
            exchange().wait(8_000).fin(Client),
            exchange().wait(8_000).rst(Server),
        ] {
            for more in [0, 60_000] {
                assert_eq!(ended.code(more), "healthy");
                let verdict = flags_only(ended.clone()).verdict(more);
                assert_eq!(verdict.code.name(), "capture-gap", "{}", verdict.headline);
            }
        }
    }

    #[test]
    fn a_server_that_is_proved_to_have_sent_nothing_is_judged() {
        let hello = ssm().open().say(Client, &talk::client_hello());
        let closed = flags_only(hello.clone().fin(Server)).verdict(0);
        // What the server closed on is not in the capture.
        assert_eq!(closed.is(), ("closed-early", Actor::Unknown, None));
        let reset = flags_only(hello.rst(Server)).verdict(0);
        assert_eq!(reset.is(), ("reset", Actor::Server, None));
    }

    #[test]
    fn what_comes_late_is_not_missing() {
        let hello = ssm().open().say(Client, &talk::client_hello());
        let mut reordered = hello.say(Server, &talk::server_flight()).fin(Server);
        reordered.packets.swap(4, 5);
        assert_eq!(reordered.story(0).missing.since_step.server, 0);
    }

    #[test]
    fn what_hangs_on_the_side_that_the_capture_lacks_is_not_judged() {
        let client = |talk: Talk, seq: u32, ack: u32, payload: &[u8]| {
            talk.segment_with(Client, "P.", seq, ack, payload, |_| {})
        };
        let opened = ssm().syn().segment_with(Client, ".", 1, 1, &[], |_| {});
        let hello = client(opened, 1, 1, &talk::client_hello());
        let answered = client(hello.clone(), 206, 1_500, &talk::client_flight());
        for ended in [answered.clone().fin(Client), answered.clone().rst(Client), answered.clone()] {
            let verdict = ended.verdict(4_000);
            assert_eq!(verdict.code.name(), "capture-gap", "{}", verdict.headline);
            assert!(verdict.headline.contains("the server's packets are missing"));
        }
        // Nothing of its own data is missing.
        assert_eq!(hello.clone().fin(Client).code(0), "closed-early");
        assert_eq!(hello.wait(300).repeat(Client).code(4_000), "no-server-hello");
        let served = ssm().syn_ack().segment_with(Server, ".", 1, 206, &[], |_| {});
        assert_eq!(served.code(4_000), "capture-gap");
        assert_eq!(served.clone().fin(Server).code(0), "closed-early");
        assert_eq!(served.rst(Server).code(0), "reset");
    }

    #[test]
    fn what_a_missing_syn_ack_took_along_is_not_silence() {
        let acked = ssm().syn().segment_with(Client, ".", 1, 1, &[], |_| {});
        // The client's acknowledgement shows where the server's data begins.
        let closed = acked.clone().segment_with(Server, "F.", 77, 1, &[], |_| {});
        assert_eq!(closed.code(0), "capture-gap");
        let flight = talk::server_flight();
        let middle = acked.clone().segment_with(Server, ".", 41, 1, &flight[40..], |_| {});
        assert!(!matches!(middle.code(0), "not-tls" | "closed-early"));
        // MySQL's server speaks first, and may have spoken.
        let greeting = |talk: Talk| talk.segment_with(Client, ".", 1, 1, &[], |_| {});
        let verdict = greeting(Talk::to_port(3306).syn()).verdict(60_000);
        assert_eq!(verdict.code, "capture-gap");
        assert!(verdict.headline.contains("the server's packets are missing"), "{}", verdict.headline);
        assert_eq!(greeting(Talk::to_port(3306).syn().syn_ack()).code(60_000), "client-silent");
    }

    #[test]
    fn an_acknowledgement_with_a_number_ahead_shows_that_its_sender_spoke() {
        let asked = handshake().say(Client, &talk::data());
        let (client, server) = (asked.next(Client), asked.next(Server));
        let bare = |talk: Talk, flags, seq| talk.segment_with(Server, flags, seq, client, &[], |_| {});
        // 116 bytes of the answer are not in the capture, and its sender acknowledges and closes after them.
        let closed = bare(bare(asked.clone(), ".", server + 116), "F.", server + 116);
        assert!(!matches!(closed.code(0), "no-response" | "closed-early"), "{}", closed.code(0));
        let silent = bare(bare(asked, ".", server), "F.", server);
        assert_eq!(silent.code(0), "no-response");
    }

    #[test]
    fn an_ending_that_may_follow_an_unseen_finished_decides_nothing() {
        let hello = ssm().open().say(Client, &talk::client_hello());
        let answered = hello.say(Server, &talk::server_flight()).ack(Client);
        let flight = talk::client_flight().len() as u32;
        let (client, server) = (answered.next(Client), answered.next(Server));
        let bare = |talk: Talk, by, flags, seq, ack| talk.segment_with(by, flags, seq, ack, &[], |_| {});
        // The server acknowledges a flight that the capture lacks, and says its own last word.
        let acked = bare(answered.clone(), Server, ".", server, client + flight);
        let change = acked.segment_with(Server, "P.", server, client + flight, &talk::finished(), |_| {});
        for ended in [
            bare(change.clone(), Client, "F.", client + flight, server),
            bare(change.clone(), Client, "R.", client + flight, server),
            change,
        ] {
            assert!(
                !matches!(ended.code(60_000), "closed-early" | "reset" | "handshake-stalled"),
                "{}",
                ended.code(60_000)
            );
        }
        // Nothing is missing of a client that closes in place of its flight.
        assert_eq!(answered.fin(Client).code(0), "closed-early");
    }

    #[test]
    fn a_client_that_resets_after_an_unseen_fin_did_not_end_the_connection() {
        let spoken = Talk::to_port(2404).open().say(Client, b"ask").ack(Server);
        let closed = spoken.clone().segment_with(Client, ".", 4, 2, &[], |_| {});
        assert_eq!(closed.rst(Client).code(0), "capture-gap");
        assert_eq!(spoken.rst(Client).code(0), "plaintext");
    }

    #[test]
    fn a_close_after_unseen_data_means_nothing_where_no_tls_is_expected() {
        let spoken = |port, ack| {
            let open = Talk::to_port(port).syn().segment_with(Client, ".", 1, 1, &[], |_| {});
            let acked = open.segment_with(Server, ".", 1, 29, &[], |_| {});
            acked.segment_with(Server, "F.", 1, ack, &[], |_| {}).code(0)
        };
        assert_eq!(spoken(2404, 29), "capture-gap");
        assert_eq!(spoken(8443, 29), "closed-early");
        // The client had closed before.
        assert_eq!(spoken(8443, 30), "capture-gap");
    }

    #[test]
    fn a_rst_that_is_ahead_of_both_sides_shows_that_the_capture_lacks_packets() {
        let done = handshake();
        let (client, server) = (done.next(Client), done.next(Server));
        let rst = |ahead, acked| {
            done.clone().segment_with(Server, "R.", server + ahead, client + acked, &[], |_| {})
        };
        assert_eq!(rst(32, 126).code(0), "capture-gap");
        // A forger guesses a number in the window.
        assert_eq!(rst(32, 0).code(0), "reset");
    }

    #[test]
    fn first_bytes_that_may_be_tls_or_a_request_for_a_tunnel_show_no_plain_connection() {
        let cut = |first: &[u8], kept: usize| {
            let mut talk = Talk::to_port(9_011).open().say(Client, first).say(Server, &talk::server_flight());
            talk = talk.say(Client, &talk::client_flight()).ack(Server).wait(8_000).fin(Client);
            for packet in &mut talk.packets {
                packet.payload.truncate(kept);
            }
            talk.code(0)
        };
        let hello = talk::client_hello();
        let connect = &b"CONNECT ssm.example:8443 HTTP/1.1\r\n\r\n"[..];
        for first in [&hello[..], connect, &[5, 1, 0]] {
            assert_eq!(cut(first, 2), "capture-gap", "{first:?}");
        }
        assert_eq!(cut(&[5, 1, 0], 1), "capture-gap");
        assert_eq!(cut(b"GET / HTTP/1.1\r\n\r\n", 2), "plaintext");
    }

    #[test]
    fn where_no_byte_of_the_client_s_first_segment_is_left_nobody_knows_what_was_spoken() {
        let asked = Talk::to_port(3128).open().say(Client, b"CONNECT ssm.example:8443 HTTP/1.1\r\n\r\n");
        let mut refused =
            asked.say(Server, b"HTTP/1.1 403 Forbidden\r\n\r\n").ack(Client).fin(Server).fin(Client);
        assert_eq!(refused.code(0), "proxy-refused");
        for packet in &mut refused.packets {
            packet.payload.clear();
        }
        let verdict = refused.verdict(0);
        assert_eq!(verdict.is(), ("capture-gap", Actor::Unknown, None), "{}", verdict.headline);
        assert!(verdict.headline.contains("snapshot length"), "{}", verdict.headline);
    }
}
