//! The server's answer began, and then the TLS handshake stalled.

use std::borrow::Cow;

use super::words::{ack_unseen, advice, drops, farewell, icmp_error, path_mtu, sent_unseen};
use super::{Actor, Code, JudgementSettings, Rule, Severity, Verdict};
use crate::story::{EndingKind, Moment, SentUnseen, Silence, Stage, Story};
use crate::tcp::Role;

/// `handshake-stalled`.
pub(super) const RULE: Rule = Rule {
    code: Code::HandshakeStalled,
    severity: Severity::Critical,
    summary: "the server's reply began, then the handshake stalled",
    page: include_str!("../../docs/verdicts/handshake-stalled.md"),
    judge,
};

fn judge(story: &Story, _: &JudgementSettings) -> Option<Verdict> {
    let ending = story.decisive()?;
    let EndingKind::Silence(silence) = &ending.what else { return None };
    let is_in_handshake = match ending.stage {
        // Later bytes of the server's flight may be there without its first ones.
        Stage::ClientHello => story.is_answer_begun(silence),
        stage => (Stage::ServerHello..=Stage::ClientFinished).contains(&stage),
    };
    if !is_in_handshake {
        return None;
    }
    let owed = owed_message(story, ending.stage);
    let evidence = [
        story.tls.client_hello.as_ref().map(|observed| observed.moment.number),
        story.tls.server_hello.as_ref().map(|observed| observed.moment.number),
        Some(silence.since.number),
    ];
    let headline = match story.tls.unfinished_certificate {
        Some(_) if silence.awaited_from == Role::Server => {
            format!("the server stopped in the middle of its Certificate, {} of silence", silence.elapsed())
        }
        _ => format!(
            "the handshake stalled for {}: the {} did not send {owed}",
            silence.elapsed(),
            silence.awaited_from
        ),
    };
    let mut verdict = Verdict::new(&RULE, Actor::from(silence.awaited_from), story.basis, headline);
    if let Some(closed) = story.data.server.closed_window.filter(|_| silence.awaited_from == Role::Server) {
        verdict = may_not_send(verdict, silence, closed);
    } else if let Some((sender, sign)) = path_mtu_sign(story) {
        verdict.headline = lost(silence, &format!("the {sender}'s large packets are lost"));
        verdict = sign.explain(verdict);
    } else if let Some(lost) = flight_lost(&verdict, story, silence, ending.stage) {
        verdict = lost;
    } else if let Some(sent) = sent_unseen::of_server(story).filter(|_| silence.awaited_from == Role::Server)
    {
        verdict = reply_lost(&verdict, story, silence, sent);
    } else if story.repeats_unacknowledged(silence.awaited_from) {
        // The bytes cut off may have been the awaited step.
        verdict = unacknowledged(verdict, story, silence, silence.awaited_from);
    } else if !silence.is_acknowledged {
        verdict = unacknowledged(verdict, story, silence, silence.awaited_from.other());
    } else if let Some((sentence, packets)) =
        farewell::unheard(story).filter(|_| silence.awaited_from == Role::Server)
    {
        verdict = Verdict { actor: Actor::Path, ..verdict }
            .explain(format!("{sentence}{}", drops::caveat(story)))
            .proved_by(packets.map(|packet| packet.number))
            .advise(&advice::PATH_OF_CONNECTION);
    } else if may_be_sent(story, silence) {
        verdict = cut_off(verdict, story, silence);
    } else if may_be_hidden(story, ending.stage) {
        verdict = hidden(verdict, story, silence);
    } else {
        verdict = does_not_continue(verdict, story, silence, ending.stage);
    }
    Some(
        icmp_error::in_silence(story, silence, verdict)
            .reported(&["java.net.SocketTimeoutException: Read timed out"])
            .proved_by(evidence.into_iter().flatten()),
    )
}

/// What the headline says of something that was lost. It was sent: the side that it was awaited from is not late.
fn lost(silence: &Silence, what: &str) -> Cow<'static, str> {
    format!("the handshake stalled for {}: {what}", silence.elapsed()).into()
}

/// Part of the server's flight is missing after a hole, or is retransmitted and never acknowledged.
fn flight_lost(verdict: &Verdict, story: &Story, silence: &Silence, stage: Stage) -> Option<Verdict> {
    let of_path = |what: &str| {
        let headline = lost(silence, what);
        Verdict { actor: Actor::Path, headline, ..verdict.clone() }.cause("server-flight-lost")
    };
    let missing = story.data.server.unfilled_hole.map(|(from, to)| {
        format!("The server's bytes {from} to {} are missing, and later ones arrived", to.saturating_sub(1))
    });
    let reported = story.data.server.reported_hole.as_ref().map(|hole| {
        let (from, to) = hole.what;
        let to = to.saturating_sub(1);
        format!(
            "The client reports that the server's bytes {from} to {to} did not arrive, and later ones did"
        )
    });
    if let Some(what) = missing.or(reported) {
        let verdict = of_path("part of the server's flight was lost")
            .explain(format!("{what}: part of the server's flight was lost."));
        return Some(verdict.advise(&[
            "Look for packet loss on the path: errors and drops on interfaces, and a firewall that drops some packets.",
            "Check the MTU of tunnels and VPNs on the path.",
        ]));
    }
    // Up to the client's Finished, all that the server sends is its flight.
    if stage > Stage::ServerFlightComplete || !story.repeats_unacknowledged(Role::Server) {
        return None;
    }
    let verdict = of_path("the server's flight was not acknowledged").explain(format!(
        "The server retransmits unacknowledged data: its flight, or the ACK, is lost in transit.{}",
        drops::caveat(story)
    ));
    Some(verdict.advise(&[
        "Capture on the client's side too, to see what of the flight arrives.",
        "Check the MTU of tunnels and VPNs on the path: large packets of a flight are lost where small ones pass.",
    ]))
}

/// The server shows to have sent more of its flight, which did not arrive.
fn reply_lost(verdict: &Verdict, story: &Story, silence: &Silence, sent: SentUnseen) -> Verdict {
    let headline = lost(silence, "part of the server's flight was lost");
    Verdict { actor: Actor::Path, headline, ..verdict.clone() }
        .cause("server-flight-lost")
        .explain(format!("{}{}", sent_unseen::sentence(Role::Server, sent), drops::caveat(story)))
        .proved_by([sent.shown_by.number])
        .advise(&sent_unseen::ADVICE)
}

/// The client closed its window in `closed`, and so the server could not send.
fn may_not_send(verdict: Verdict, silence: &Silence, closed: Moment) -> Verdict {
    let headline = lost(silence, "the client kept its receive window closed");
    Verdict { actor: Actor::Client, headline, ..verdict }
        .explain(format!(
            "Packet {} announces a window of 0 bytes, and no later packet opened it (RFC 9293, 3.8.6): the client's program does not \
             read, so the server may not send the rest.",
            closed.number
        ))
        .proved_by([closed.number])
        .advise(&["Look at the client's program: it hangs, or has no time to read."])
}

/// The last data of the side that waits was not acknowledged.
fn unacknowledged(verdict: Verdict, story: &Story, silence: &Silence, sender: Role) -> Verdict {
    if story.capture.acks_unobservable {
        return Verdict { actor: Actor::Unknown, ..verdict }
            .explain("A socket cannot tell whether the last data arrived; a capture shows its ACK.")
            .advise(advice::server_process(story));
    }
    let headline = lost(silence, &format!("the {sender}'s last data was not acknowledged"));
    Verdict { actor: Actor::Path, headline, ..verdict }
        .explain(format!(
            "The {sender}'s last data was never acknowledged: the data or its ACK was lost in transit.{}",
            drops::caveat(story)
        ))
        .advise(&advice::PATH_OF_CONNECTION)
}

/// The rest of the server's flight may be among encrypted records, so the client may be the one that is awaited.
fn hidden(verdict: Verdict, story: &Story, silence: &Silence) -> Verdict {
    let headline = format!("the handshake stalled for {} after the ServerHello", silence.elapsed()).into();
    Verdict { actor: Actor::Unknown, headline, ..verdict }
        .explain(format!(
            "Everything sent so far was acknowledged: the path carries packets both ways. The server sent more than \
             its ServerHello, and whether that was its whole flight is not visible: either the rest of it is missing, \
             or the client did not reply.{}",
            drops::caveat(story)
        ))
        .advise(advice::server_process(story))
        .advise(&["Check the client too: it may be waiting for a certificate check or for its user."])
}

/// Whether the client sent something after the server's flight that is cut off, and the server acknowledged it: the step that is
/// awaited may be in it.
fn may_be_sent(story: &Story, silence: &Silence) -> bool {
    let flight = story.tls.server_flight.as_ref().map(|flight| flight.moment);
    let said = story.data.client.last;
    silence.awaited_from == Role::Client
        && story.traffic.counters.client.cut_bytes > 0
        && flight.zip(said).is_some_and(|(flight, said)| story.order.is_after(said.number, flight.number))
}

/// Nobody knows whose step it is.
fn cut_off(verdict: Verdict, story: &Story, silence: &Silence) -> Verdict {
    let headline = format!(
        "the handshake stalled for {} after the client's reply to the server's flight",
        silence.elapsed()
    );
    Verdict { actor: Actor::Unknown, headline: headline.into(), ..verdict }
        .explain(format!(
            "Everything sent so far was acknowledged: the path carries packets both ways. The client replied to the server's flight, and \
             the capture holds only the beginnings of those packets: whether its Finished is among them is unknown. Either the client \
             did not send it, or the server has it and does not continue.{}",
            drops::caveat(story)
        ))
        .advise(&["Capture whole packets (`-s 0`)."])
        .advise(advice::server_process(story))
}

/// The side whose packets are too large for the path, with what shows it.
fn path_mtu_sign(story: &Story) -> Option<(Role, path_mtu::Sign)> {
    [Role::Server, Role::Client].into_iter().find_map(|role| Some((role, path_mtu::sign(story, role)?)))
}

/// The side whose step is awaited has everything that it needs.
fn does_not_continue(mut verdict: Verdict, story: &Story, silence: &Silence, stage: Stage) -> Verdict {
    let owes_flight = silence.awaited_from == Role::Server && stage <= Stage::ServerHello;
    let is_untried = owes_flight && path_mtu::is_untried(story, Role::Server);
    let unseen = if silence.is_ack_unseen { ack_unseen::SENTENCE } else { "" };
    verdict = verdict.explain(format!(
        "Everything sent so far was acknowledged: the path carries packets both ways.{unseen} The {} has everything it \
         needs and does not continue{}.{}",
        silence.awaited_from,
        if is_untried {
            ", or what it sends next is lost before it gets here: none of its packets was large, and a path whose MTU is \
             too small loses the large ones"
        } else {
            ""
        },
        drops::caveat(story)
    ));
    verdict = match silence.awaited_from {
        Role::Server => verdict.advise(advice::server_process(story)),
        Role::Client => verdict.advise(&[
            "Check the client: it may be waiting for a certificate check (revocation lists or OCSP over a blocked \
             network).",
        ]),
    };
    if is_untried {
        verdict = verdict.advise(&[
            "Capture on the server: does it send more than arrives here? Then check the path MTU.",
        ]);
    }
    verdict
}

/// A ServerHello with its extensions and a ChangeCipherSpec are smaller, in bytes.
const SERVER_HELLO_BYTES: u64 = 200;

/// Whether the end of the server's flight may be in bytes that are cut off or encrypted.
fn may_be_hidden(story: &Story, stage: Stage) -> bool {
    let server = &story.traffic.counters.server;
    let is_unseen = server.cut_bytes > 0
        || story.capture.is_text
        || story.tls.version().is_some_and(crate::tls::Version::is_tls13);
    stage == Stage::ServerHello
        && is_unseen
        && !story.tls.is_inside_record.server
        && server.bytes > SERVER_HELLO_BYTES
}

fn owed_message(story: &Story, stage: Stage) -> &'static str {
    match stage {
        Stage::ServerFlightComplete => "its Finished",
        Stage::ClientFinished => "its ChangeCipherSpec and Finished",
        _ if story.tls.version().is_some_and(|version| !version.is_tls13()) => {
            "the rest of its flight (Certificate to ServerHelloDone)"
        }
        _ => "the rest of its flight",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::packet::{SegmentHeader, TcpOptions};
    use crate::story::script::talk::{self, ssm};
    use crate::tcp::Role::{Client, Server};

    #[test]
    fn whoever_has_all_that_it_needs_and_sends_nothing_is_looked_at() {
        for (stage, by, owed) in [
            (Stage::ServerHello, Server, "Certificate"),
            (Stage::ServerFlightComplete, Client, "Finished"),
            (Stage::ClientFinished, Server, "Finished"),
        ] {
            let verdict = Story::at(stage).silent_for(8_000, by).acknowledged().verdict();
            assert_eq!(verdict.is(), ("handshake-stalled", Actor::from(by), None), "{stage}");
            assert!(
                verdict.headline.contains("8.0 s") && verdict.headline.contains(owed),
                "{}",
                verdict.headline
            );
            assert!(verdict.evidence.starts_with(&[4, 5]), "{:?}", verdict.evidence);
            assert!(!verdict.mentions("not acknowledged"));
        }
    }

    #[test]
    fn a_flight_of_which_the_client_reports_the_end_is_lost_though_the_capture_lacks_that_too() {
        let hello = ssm().open().say(Client, &talk::client_hello()).ack(Server);
        let (seq, ack) = (hello.next(Client), hello.next(Server));
        let sack = |header: &mut SegmentHeader| {
            let begin = header.tcp.ack.unwrap() + 2_896;
            let block = [begin.0.to_be_bytes(), (begin + 890).0.to_be_bytes()].concat();
            header.tcp.options = Some(TcpOptions::from_wire(&[&[1, 1, 5, 10][..], &block].concat()));
        };
        let reported = hello.segment_with(Client, ".", seq, ack, &[], sack);
        let left = reported.wait(7_000).segment_with(Client, "F.", seq, ack, &[], sack).verdict(0);
        assert_eq!((left.code.name(), left.actor), ("handshake-stalled", Actor::Path), "{}", left.headline);
    }

    #[test]
    fn what_is_not_acknowledged_is_lost_on_the_path() {
        let client = Story::at(Stage::ClientFinished).silent_for(8_000, Server).verdict();
        assert_eq!(client.is(), ("handshake-stalled", Actor::Path, None));
        let flight = Story::at(Stage::ServerFlightComplete).repeats(Server, 2).silent_for(8_000, Client);
        assert_eq!(flight.verdict().is(), ("handshake-stalled", Actor::Path, Some("server-flight-lost")));
    }

    #[test]
    fn a_small_hole_is_a_lost_flight_and_a_large_one_a_small_path_mtu() {
        let with_hole = |hole| {
            let story = Story::at(Stage::ServerHello).silent_for(8_000, Server).acknowledged();
            story.but(|story| story.data.server.unfilled_hole = Some(hole)).verdict()
        };
        let small = with_hole((301, 801));
        assert_eq!(small.is(), ("handshake-stalled", Actor::Path, Some("server-flight-lost")));
        assert!(small.explanation.contains("301 to 800"), "{}", small.explanation);
        let large = with_hole((301, 3_201));
        assert_eq!(large.is(), ("handshake-stalled", Actor::Path, Some("pmtu-black-hole")));
        for lost in [small, large] {
            assert!(lost.headline.contains("8.0 s") && lost.headline.contains("lost"), "{}", lost.headline);
            assert!(!lost.headline.contains("did not send"), "{}", lost.headline);
        }
    }

    #[test]
    fn where_acknowledgements_do_not_show_nobody_is_blamed() {
        let story = Story::at(Stage::ClientFinished).silent_for(8_000, Server);
        let verdict = story.but(|story| story.capture.acks_unobservable = true).verdict();
        assert_eq!(verdict.is(), ("handshake-stalled", Actor::Unknown, None));
    }

    #[test]
    fn before_the_server_s_answer_and_after_the_handshake_it_is_another_rule_s() {
        let silent = |stage| Story::at(stage).silent_for(8_000, Server).acknowledged().verdict().code;
        assert_eq!(silent(Stage::ClientHello), "no-server-hello");
        assert_eq!(silent(Stage::ApplicationData), "no-response");
    }

    #[test]
    fn a_stalled_handshake_names_who_owes_what() {
        let hello = ssm().open().say(Client, &talk::client_hello());
        let flight = talk::server_flight();
        let half = hello.clone().say(Server, &flight[..60]).ack(Client).verdict(4_000);
        assert_eq!(half.is(), ("handshake-stalled", Actor::Server, None));
        let begun = hello.clone().say(Server, &flight[..60]).ack(Client).say(Server, &flight[60..]);
        let lost = begun.wait(600).repeat(Server).wait(1_200).repeat(Server).verdict(4_000);
        assert_eq!(lost.is(), ("handshake-stalled", Actor::Path, Some("server-flight-lost")));
        let client = hello.say(Server, &flight).ack(Client).story(4_000);
        assert_eq!(client.verdict().is(), ("handshake-stalled", Actor::Client, None));
        assert_eq!(client.stage, Stage::ServerFlightComplete);
    }

    #[test]
    fn what_follows_the_server_hello_may_be_hidden() {
        let server = |rest: &[u8]| {
            let hello = [&talk::server_hello_13()[..], rest].concat();
            ssm().open().say(Client, &talk::client_hello()).say(Server, &hello).ack(Client).verdict(5_000)
        };
        let whole = server(&talk::encrypted(256));
        assert_eq!(whole.is(), ("handshake-stalled", Actor::Unknown, None));
        let half = server(&talk::encrypted(257)[..261]);
        assert_eq!(half.is(), ("handshake-stalled", Actor::Server, None));
    }

    #[test]
    fn a_client_that_closes_its_window_stops_the_server_s_flight_itself() {
        let hello = ssm().open().say(Client, &talk::client_hello());
        let begun = hello.say(Server, &talk::server_flight()[..200]);
        let (seq, ack) = (begun.next(Client), begun.next(Server));
        let shut = begun.segment_with(Client, ".", seq, ack, &[], |header| header.tcp.window = Some(0));
        let verdict = shut.wait(13_000).rst(Server).verdict(0);
        assert_eq!(verdict.is(), ("handshake-stalled", Actor::Client, None), "{}", verdict.headline);
        assert!(verdict.headline.contains("receive window closed"), "{}", verdict.headline);
    }

    /// A client's large certificate after the server's flight, with this much of each payload captured.
    fn certificate_sent(kept: usize) -> talk::Talk {
        let hello = ssm().open().say(Client, &talk::client_hello());
        let flight = [talk::server_hello_13(), talk::encrypted(900)].concat();
        let answered = hello.say(Server, &flight).ack(Client);
        let mut sent = answered.say(Client, &talk::encrypted(1_400)).say(Client, &talk::encrypted(500));
        for packet in &mut sent.packets {
            packet.payload.truncate(kept);
        }
        sent
    }

    #[test]
    fn what_a_client_repeats_without_an_ack_after_the_server_s_flight_is_lost_on_the_path() {
        let sent = certificate_sent(60);
        let first = sent.packets.len() - 2;
        let bytes = sent.packets[first].payload.clone();
        let (seq, ack) = (sent.next(Client) - 1_910, sent.next(Server));
        let repeat = |talk: talk::Talk| {
            let again = |header: &mut SegmentHeader| header.payload_len = Some(1_405);
            talk.segment_with(Client, ".", seq, ack, &bytes, again)
        };
        let lost = repeat(repeat(repeat(sent.wait(300)).wait(600)).wait(1_200)).wait(4_000);
        let verdict = lost.verdict(0);
        assert_eq!(verdict.actor, Actor::Path, "{} {}", verdict.code.name(), verdict.headline);
        assert!(!verdict.mentions("Everything sent so far was acknowledged"), "{}", verdict.explanation);
    }

    #[test]
    fn what_a_client_sent_after_the_server_s_flight_may_be_its_finished_where_it_is_cut_off() {
        let verdict = certificate_sent(60).ack(Server).verdict(9_000);
        assert_ne!(verdict.actor, Actor::Client, "{} {}", verdict.code.name(), verdict.headline);
    }

    #[test]
    fn a_host_that_does_not_acknowledge_the_client_s_fin_is_out_of_reach() {
        let again = |left: talk::Talk| {
            let seq = left.next(Client) - 1;
            (0..4).fold(left, |talk, _| talk.wait(400).segment(Client, "F.", seq, &[]))
        };
        let hello = ssm().open().say(Client, &talk::client_hello());
        let left = hello.say(Server, &talk::server_flight()[..90]).ack(Client).wait(8_000).fin(Client);
        assert_eq!(left.verdict(0).is(), ("handshake-stalled", Actor::Server, None));
        let verdict = again(left.clone()).verdict(0);
        assert_eq!(verdict.is(), ("handshake-stalled", Actor::Path, None), "{}", verdict.headline);
        assert!(!verdict.mentions("the path carries packets both ways"), "{}", verdict.explanation);
    }
}
