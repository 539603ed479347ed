//! A connection without TLS, on a port where none is expected.

use super::words::evidence;
use super::{Actor, Code, JudgementSettings, Rule, Severity, Verdict};
use crate::story::{EndingKind, Moment, Observed, Opening, PreludeFacts, RETRANSMISSION_DUE, Stage, Story};
use crate::tcp::Role;
use crate::tls::{Basis, Plain, PlainKind};

/// `plaintext`.
pub(super) const RULE: Rule = Rule {
    code: Code::Plaintext,
    severity: Severity::Ok,
    summary: "TCP is fine and neither side spoke TLS, on a port where none is expected",
    page: include_str!("../../docs/verdicts/plaintext.md"),
    judge,
};

fn judge(story: &Story, settings: &JudgementSettings) -> Option<Verdict> {
    let saw_data = story.data.client.first.is_some() || story.data.server.first.is_some();
    let is_known = matches!(story.opening.known_by, Opening::Syn | Opening::SynAck);
    // A request that nothing answered so far is open.
    let is_first_open = story.data.client.first.is_some()
        && story.data.server.first.is_none()
        && story.missing.answer.is_none()
        && story.is_owed_an_answer()
        && story.prelude.is_none();
    // A FIN of a client whose request can be read may be a half-close, with the answer still to come.
    let is_half_closed =
        story.plain.client.as_ref().is_some_and(|plain| plain.what.kind == PlainKind::HttpRequest)
            && story.endings.iter().all(|end| end.by == Role::Client && end.what == EndingKind::Fin);
    let is_open = is_first_open && (story.endings.is_empty() || is_half_closed)
        || (story.open_plain_request().or(story.open_ping()).is_some() || story.has_reported_hole())
            && story.endings.is_empty()
        || (story.is_plain_answer_cut() || story.is_plain_request_cut() && story.data.server.first.is_none())
            && story.endings.is_empty();
    // Data that is neither acknowledged nor retransmitted in time is missing from the capture, and so is its outcome.
    let is_cut_off = story
        .data
        .client
        .unacknowledged
        .is_some_and(|waiting| story.capture.end - waiting.since.at >= RETRANSMISSION_DUE)
        && story.data.server.first.is_none()
        && story.missing.answer.is_none();
    if story.expects_tls
        || is_open
        || is_cut_off
        || is_open_at_the_text_s_end(story)
        || story.prelude.as_ref().is_some_and(PreludeFacts::is_pending)
        || !is_known
        || story.tls.client_hello.is_some()
        || story.tls.server_hello.is_some()
        || story.has_undelivered(settings.stall_after)
        || story.lacks_first_words()
        || story.is_protocol_hidden()
        || story.prelude.is_some()
            && (story.missing.lacks(Role::Client) || story.missing.truncated_after.is_some())
        || story.may_answer_challenge(settings.stall_after)
        || story.may_be_a_refused_hello()
        || story.may_be_a_refused_tunnel()
        || story.refused_start_of_tls().is_some()
        || !saw_data
        || story.stage < Stage::TcpEstablished
    {
        return None;
    }
    let observed = [&story.plain.client, &story.plain.server];
    let is_unread = |observed: &&Option<Observed<Plain>>| {
        observed.as_ref().is_none_or(|observed| {
            observed.what.kind == PlainKind::Binary && observed.basis == Basis::Inferred
        })
    };
    let is_lengths = story.capture.is_text && observed.iter().all(is_unread);
    // Lengths of one direction do not show that the other one was fine.
    if is_lengths && story.one_sided().is_some() {
        return None;
    }
    let (basis, headline) = headline(story, is_lengths);
    let basis = observed.into_iter().flatten().map(|observed| observed.basis).fold(basis, Ord::max);
    let (why, next) = words(story);
    let data = [story.data.client.first, story.data.server.first];
    Some(
        Verdict::new(&RULE, Actor::Unknown, basis, headline)
            .explain(why)
            .proved_by(evidence::opening_packets(story))
            .proved_by(data.into_iter().flatten().map(|moment| moment.number))
            .advise(&[next]),
    )
}

/// Whether a text of lengths alone ends with a request that nobody acknowledged, or with data that is sent again: what came of
/// it is not in the text.
fn is_open_at_the_text_s_end(story: &Story) -> bool {
    let waits = |role: Role| story.data[role].unacknowledged;
    let is_last = |moment: Moment| moment.number == story.last.number;
    let is_repeated = |role: Role| {
        waits(role).is_some_and(|waiting| waiting.is_repeated() || waiting.last_repeat.is_some_and(is_last))
    };
    let is_request = waits(Role::Client).is_some()
        && story.data.server.first.is_none()
        && !story.missing.lacks(Role::Server);
    story.capture.is_text
        && story.endings.is_empty()
        && (is_request || is_repeated(Role::Client) || is_repeated(Role::Server))
}

fn headline(story: &Story, is_lengths: bool) -> (Basis, &'static str) {
    if story.opening.is_subflow {
        (story.basis, "TCP is fine; this is a further path of a Multipath TCP connection")
    } else if is_lengths {
        (Basis::Inferred, "TCP is fine; no TLS is expected on this port, and the text holds none of the data")
    } else if is_cut_off(story) {
        (
            Basis::Inferred,
            "TCP is fine; no TLS is expected on this port, and the capture holds none of the data",
        )
    } else {
        (story.basis, "TCP is fine; neither side speaks TLS, and none is expected on this port")
    }
}

/// Whether the snapshot length left no byte of what either side said.
fn is_cut_off(story: &Story) -> bool {
    let [client, server] = [&story.traffic.counters.client, &story.traffic.counters.server];
    let cut = client.cut_bytes + server.cut_bytes;
    cut > 0 && cut >= client.bytes + server.bytes
}

/// What it means, and what to do.
fn words(story: &Story) -> (&'static str, &'static str) {
    if story.opening.is_subflow {
        (
            "Its SYN joins another connection (MP_JOIN, RFC 8684, 3.2), and what it carries are parts of that one's data.",
            "Look at the connection that it joins, which the same client opened before.",
        )
    } else {
        (
            "The connection was opened and carried data. The data itself is not judged.",
            "If TLS is expected on this port, add it with `--tls-port PORT`.",
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::packet::TcpOptions;
    use crate::story::script::talk::{self, Talk};
    use crate::tcp::Role::{Client, Server};

    #[test]
    fn a_tunnel_that_was_asked_for_and_not_answered_is_open() {
        let talk = Talk::to_port(3128).open().say(Client, b"CONNECT ssm:8443 HTTP/1.1\r\n\r\n");
        assert_eq!(talk.code(100), "in-progress");
    }

    #[test]
    fn lengths_of_one_direction_show_no_fine_connection() {
        let of = |is_text| {
            let one_direction = Talk::to_port(2222).syn_ack().segment(Server, "P.", 1, b"SSH-2.0-x\r\n");
            let mut story = one_direction.story(100);
            story.capture.is_text = is_text;
            story.plain.server = story.plain.server.filter(|_| !is_text);
            story.verdict().code.to_string()
        };
        assert_eq!(of(false), "plaintext");
        assert!(["in-progress", "capture-gap"].contains(&of(true).as_str()), "{}", of(true));
    }

    /// An exchange of which no byte was kept, as with a short snaplen, or in text.
    fn unread(port: u16, is_text: bool) -> Story {
        let mut talk = Talk::to_port(port).open().say(Client, &[0; 120]).say(Server, &[0; 90]);
        talk = talk.fin(Server).fin(Client).ack(Server);
        if !is_text {
            talk.packets.iter_mut().for_each(|packet| packet.payload.clear());
        }
        let mut story = *talk.story(5_000);
        story.capture.is_text = is_text;
        story.plain = crate::tcp::PerRole::default();
        story
    }

    #[test]
    fn cut_packets_and_text_show_the_same_where_neither_holds_data() {
        for port in [22, 53, 514] {
            for is_text in [false, true] {
                let verdict = unread(port, is_text).verdict();
                assert_eq!(verdict.is(), ("plaintext", Actor::Unknown, None), "{port} {}", verdict.headline);
                assert!(verdict.headline.contains("holds none of the data"), "{}", verdict.headline);
            }
        }
        for port in [1080, 3128] {
            for is_text in [false, true] {
                assert_eq!(unread(port, is_text).verdict().code, "capture-gap", "{port} {is_text}");
            }
        }
    }

    #[test]
    fn many_words_to_a_proxy_s_port_are_no_refused_tunnel() {
        let mut story = unread(3128, true);
        story.traffic.counters.client.data_segments = 9;
        assert_eq!(story.verdict().code, "plaintext");
    }

    fn http() -> Story {
        Story::at(Stage::TcpEstablished)
            .on_port(80)
            .sends(Client, PlainKind::HttpRequest, "GET / HTTP/1.1")
            .sends(Server, PlainKind::HttpResponse(500), "HTTP/1.1 500")
    }

    #[test]
    fn what_is_no_tls_where_none_is_expected_is_fine() {
        let verdict = http().fin(Client).verdict();
        assert_eq!(verdict.is(), ("plaintext", Actor::Unknown, None));
        assert_eq!((verdict.severity, verdict.basis), (Severity::Ok, Basis::Decoded));
        assert_eq!(verdict.evidence, [1, 2, 3, 4, 5]);
        // What the data says is not judged.
        assert!(!verdict.mentions("500"));
    }

    #[test]
    fn the_basis_is_the_weakest_of_what_was_read() {
        let inferred = http().but(|story| story.plain.server.as_mut().unwrap().basis = Basis::Inferred);
        assert_eq!(inferred.verdict().basis, Basis::Inferred);
    }

    #[test]
    fn without_data_a_beginning_or_on_a_tls_port_it_is_not() {
        assert_eq!(Story::at(Stage::TcpEstablished).on_port(80).verdict().code, "in-progress");
        let middle = Story::at(Stage::None).on_port(80).sends(Client, PlainKind::Text, "EHLO");
        assert_eq!(middle.verdict().code, "midstream");
        assert_eq!(http().but(|story| story.expects_tls = true).verdict().code, "not-tls");
        let silent = Story::at(Stage::TcpEstablished).on_port(80).silent_for(8_000, Client);
        assert_eq!(silent.verdict().code, "client-silent");
    }

    #[test]
    fn plain_words_inside_a_tunnel_are_no_fault() {
        let talk =
            talk::socks5(0).say(Client, b"GET / HTTP/1.1\r\n\r\n").say(Server, b"HTTP/1.1 200 OK\r\n\r\n");
        assert_eq!(talk.code(10_000), "plaintext");
        assert_eq!(talk.story(10_000).stage, Stage::TcpEstablished);
    }

    #[test]
    fn starttls_that_is_never_asked_for_is_plaintext() {
        let unasked = Talk::to_port(143)
            .open()
            .say(Server, b"* OK ready\r\n")
            .say(Client, b"a1 LOGIN me secret\r\n")
            .say(Server, b"a1 OK\r\n");
        assert_eq!(unasked.code(5_000), "plaintext");
    }

    #[test]
    fn text_without_the_data_claims_nothing_of_it() {
        let unread = |kind, basis| {
            http().but(|story| {
                story.capture.is_text = true;
                for observed in [&mut story.plain.client, &mut story.plain.server].into_iter().flatten() {
                    (observed.what.kind, observed.basis) = (kind, basis);
                }
            })
        };
        let verdict = unread(PlainKind::Binary, Basis::Inferred).verdict();
        assert_eq!((verdict.code.name(), verdict.basis), ("plaintext", Basis::Inferred));
        assert!(!verdict.mentions("neither side speaks TLS"), "{verdict:?}");
        assert!(unread(PlainKind::HttpRequest, Basis::Partial).verdict().mentions("neither side speaks TLS"));
    }

    #[test]
    fn a_request_that_was_just_sent_is_open() {
        let asked = Talk::to_port(80).open().say(Client, b"GET / HTTP/1.1\r\n\r\n");
        assert_eq!(asked.code(0), "in-progress");
        assert_eq!(asked.say(Server, b"HTTP/1.1 200 OK\r\n\r\n").code(0), "plaintext");
    }

    #[test]
    fn where_only_the_client_speaks_no_answer_is_owed() {
        let log = Talk::to_port(514).open().say(Client, b"<13>Nov 28 host program: text\n").ack(Server);
        for talk in [
            log.clone(),
            log.clone().wait(8_000).fin(Client),
            log.wait(5_000).say(Client, b"<13>more\n").ack(Server),
        ] {
            assert_eq!(talk.code(60_000), "plaintext");
        }
        let request = Talk::to_port(8081).open().say(Client, b"GET / HTTP/1.1\r\n\r\n").ack(Server);
        assert_eq!(request.code(60_000), "no-response");
        // Never acknowledged and never repeated: the capture lacks the rest.
        let cut = Talk::to_port(514).open().say(Client, b"<13>text\n");
        assert_ne!(cut.code(60_000), "plaintext");
        let lost = Talk::to_port(514).open().say(Client, b"<13>text\n").wait(1_000).repeat(Client);
        assert_eq!(lost.code(60_000), "no-response");
    }

    #[test]
    fn a_further_path_of_a_multipath_connection_carries_parts_of_its_data() {
        let join = |talk: Talk, role, flags| {
            let options = TcpOptions::from_wire(&[30, 12, 0x10, 1, 9, 9, 9, 9, 7, 7, 7, 7]);
            talk.segment_with(role, flags, 0, 1, &[], |header| header.tcp.options = Some(options))
        };
        let joined = join(join(Talk::to_port(8443), Client, "S"), Server, "S.").ack(Client);
        let sent = joined.clone().say(Server, &[7; 900]).ack(Client);
        for ended in [sent.clone().fin(Server).fin(Client), sent.clone().rst(Client), sent.wait(20_000)] {
            let verdict = ended.verdict(0);
            assert_eq!(verdict.is(), ("plaintext", Actor::Unknown, None), "{}", verdict.headline);
            assert!(
                verdict.headline.contains("Multipath TCP") && !verdict.mentions("--tls-port"),
                "{verdict:?}"
            );
        }
        // It may be idle, and a SYN that nobody answers is one.
        assert_eq!(joined.code(20_000), "in-progress");
        let begun = joined.clone().say(Server, &[7; 900]);
        let lost = (0..5).fold(begun, |talk, at| talk.wait(300 << at).repeat(Server)).verdict(8_000);
        assert_eq!(lost.code, "in-progress", "{}", lost.headline);
        assert!(lost.headline.contains("a path of a Multipath TCP connection failed"), "{}", lost.headline);
        let refused = joined.clone().rst(Server).verdict(0);
        assert_eq!(refused.code, "in-progress");
        assert!(refused.headline.contains("the server reset a path"), "{}", refused.headline);
        assert_eq!(join(Talk::to_port(8443), Client, "S").code(20_000), "syn-no-reply");
    }

    #[test]
    fn a_request_whose_body_still_comes_is_owed_nothing() {
        let begun = |fields: &str| {
            let head = format!("POST / HTTP/1.1\r\nHost: a\r\n{fields}\r\n0123456789");
            Talk::to_port(80).open().say(Client, head.as_bytes()).ack(Server)
        };
        assert_eq!(begun("Content-Length: 60000\r\n").code(17_000), "in-progress");
        assert_eq!(begun("Content-Length: 10\r\n").code(17_000), "no-response");
        assert_eq!(begun("Content-Length: 60000\r\nExpect: 100-continue\r\n").code(17_000), "no-response");
        assert_eq!(begun("Content-Length: 60000\r\n").wait(300).rst(Client).code(0), "reset");
        // The server takes no more of it in.
        let full = begun("Content-Length: 60000\r\n");
        let (seq, ack) = (full.next(Server), full.next(Client));
        let full = full.segment_with(Server, ".", seq, ack, &[], |header| header.tcp.window = Some(0));
        assert_eq!(full.wait(20_000).rst(Client).code(0), "no-response");
    }

    #[test]
    fn an_answer_without_the_end_of_its_header_is_cut() {
        let answered = |parts: &[&[u8]]| {
            let asked = Talk::to_port(80).open().say(Client, b"GET / HTTP/1.1\r\nHost: a\r\n\r\n");
            parts.iter().fold(asked, |talk, part| talk.say(Server, part)).ack(Client).fin(Server).code(0)
        };
        assert_eq!(answered(&[b"HTTP/1.1 200 OK\r\nContent-Leng"]), "no-response");
        assert_eq!(answered(&[b"HTTP/1.1 200 OK\r\nServer: a\r\n", b"\r\nbody"]), "plaintext");
        assert_eq!(answered(&[b"HTTP/1.1 200 OK\nServer: a\n", b"\nbody"]), "plaintext");
        assert_eq!(answered(&[b"HTTP/1.0 200 OK\nServer: a\n\r\nbody"]), "plaintext");
    }

    #[test]
    fn a_text_that_ends_with_a_request_or_with_repeats_is_open() {
        let code = |talk: &Talk, is_text| {
            let mut story = talk.story(0);
            story.capture.is_text = is_text;
            story.verdict().code.to_string()
        };
        let opened = || Talk::to_port(3000).open();
        let asked = opened().say(Client, &[7; 45]);
        assert_eq!(code(&asked, true), "in-progress");
        let answered = asked.clone().say(Server, &[7; 900]);
        assert_eq!(code(&answered, true), "plaintext");
        let once = answered.wait(200).repeat(Server);
        let repeated = once.clone().wait(400).repeat(Server);
        for talk in [&once, &repeated] {
            assert_eq!(code(talk, true), "in-progress");
        }
        // The acknowledgement came at last, and a log's client gets no answer.
        assert_eq!(code(&repeated.ack(Client), true), "plaintext");
        assert_eq!(code(&asked.ack(Server), true), "plaintext");
    }
}
