//! The ClientHello went out, and no TLS byte came back.

use super::words::{ack_unseen, advice, drops, farewell, icmp_error, path_mtu, sent_unseen};
use super::{Actor, Code, JudgementSettings, Rule, Severity, Verdict};
use crate::packet::Viewpoint;
use crate::story::{EndingKind, Moment, SentUnseen, Silence, Stage, Story};
use crate::tcp::Role;

/// `no-server-hello`.
pub(super) const RULE: Rule = Rule {
    code: Code::NoServerHello,
    severity: Severity::Critical,
    summary: "the ClientHello was sent, and no TLS byte came back within the stall time",
    page: include_str!("../../docs/verdicts/no-server-hello.md"),
    judge,
};

const REPORTS: [&str; 2] =
    ["ETIMEDOUT (Connection timed out)", "java.net.SocketTimeoutException: Read timed out"];

fn judge(story: &Story, _: &JudgementSettings) -> Option<Verdict> {
    let ending = story.decisive()?;
    let EndingKind::Silence(silence) = &ending.what else { return None };
    if ending.stage != Stage::ClientHello {
        return None;
    }
    let hello = story.tls.client_hello.as_ref()?;
    if story.is_answer_begun(silence) {
        return None;
    }
    let basis = story.basis.max(hello.basis);
    let evidence = [hello.moment.number].into_iter().chain(story.data.client.repeats.numbers());
    let verdict = match story.tls.hello_acknowledged {
        by if silence.is_acknowledged => {
            let verdict = match (sent_unseen::of_server(story), farewell::unheard(story)) {
                (Some(sent), _) => reply_lost(story, silence, sent),
                (None, Some((sentence, packets))) => broken(story, silence, &sentence, packets),
                (None, None) => acknowledged(story, silence),
            };
            verdict.proved_by(by.map(|by| by.number))
        }
        None if story.capture.acks_unobservable => unknown(story, silence),
        Some(by) if by.at <= silence.until && story.data.client.is_all_acknowledged => {
            acknowledged_late(story, by).proved_by([by.number])
        }
        Some(by) if by.at <= silence.until => went_dark(story, silence).proved_by([by.number]),
        _ => unacknowledged(story, silence),
    };
    let verdict = icmp_error::in_silence(story, silence, verdict);
    // A kernel gives up only on what is not acknowledged.
    let reports = if silence.is_acknowledged { &REPORTS[1..] } else { &REPORTS };
    Some(Verdict { basis, ..verdict.proved_by(evidence).reported(reports) })
}

/// The server's TCP has the ClientHello; its process is silent.
fn acknowledged(story: &Story, silence: &Silence) -> Verdict {
    let is_proxied = story.prelude.as_ref().is_some_and(|prelude| prelude.protocol.is_proxy());
    let (by, why) = if is_proxied {
        (
            "proxy",
            "Whether the proxy passed it on is not visible here: either the server process is not responding, or the path \
             between proxy and server is broken.",
        )
    } else {
        (
            "server",
            "The path works in both directions: either the server process is not responding, or a device in between is \
             holding back the ClientHello or the reply.",
        )
    };
    Verdict::new(
        &RULE,
        Actor::Server,
        story.basis,
        format!("the {by} acknowledged the ClientHello and sent nothing for {}", silence.elapsed()),
    )
    .explain(format!(
        "The {by}'s TCP received the ClientHello{}, and no TLS byte followed.{} {why}{}",
        if silence.is_ack_unseen { "" } else { ", as its ACK shows" },
        if silence.is_ack_unseen { ack_unseen::SENTENCE } else { "" },
        drops::caveat(story)
    ))
    .advise(advice::server_process(story))
}

/// The server's TCP has the ClientHello, and its process replied: none of that arrived.
fn reply_lost(story: &Story, silence: &Silence, sent: SentUnseen) -> Verdict {
    let headline =
        format!("the server's reply to the ClientHello was lost: nothing arrived for {}", silence.elapsed());
    Verdict::new(&RULE, Actor::Path, story.basis, headline)
        .cause("server-flight-lost")
        .explain(format!(
            "The server's TCP acknowledged the ClientHello, and the server replied. {}{}",
            sent_unseen::sentence(Role::Server, sent),
            drops::caveat(story)
        ))
        .proved_by([sent.shown_by.number])
        .advise(&sent_unseen::ADVICE)
}

/// The server's TCP has the ClientHello, and does not acknowledge the client's close.
fn broken(story: &Story, silence: &Silence, sentence: &str, packets: [Moment; 2]) -> Verdict {
    let headline =
        format!("the server acknowledged the ClientHello, and then nothing for {}", silence.elapsed());
    Verdict::new(&RULE, Actor::Path, story.basis, headline)
        .explain(format!(
            "No TLS byte followed the ACK of the ClientHello. {sentence}{}",
            drops::caveat(story)
        ))
        .proved_by(packets.map(|packet| packet.number))
        .advise(&advice::PATH_OF_CONNECTION)
}

/// Nothing shows whether the ClientHello arrived.
fn unknown(story: &Story, silence: &Silence) -> Verdict {
    let headline = format!("no TLS byte came back for {}", silence.elapsed());
    Verdict::new(&RULE, Actor::Unknown, story.basis, headline)
        .explain(
            "The TCP handshake worked, the ClientHello was sent, and no TLS byte came back. A socket cannot tell whether \
             the server's TCP acknowledged it: the server process may be silent, or the ClientHello or the reply may be \
             lost in transit.",
        )
        .advise(&["Use `--capture`: it distinguishes a silent server from a lost ClientHello."])
        .advise(advice::server_process(story))
}

/// The server's TCP has the ClientHello, and nothing shows that it received what the client sent after it.
fn went_dark(story: &Story, silence: &Silence) -> Verdict {
    Verdict::new(
        &RULE,
        Actor::Path,
        story.basis,
        format!("after acknowledging the ClientHello, the server acknowledged nothing for {}", silence.elapsed()),
    )
    .explain(format!(
        "The ClientHello arrived, as its ACK shows. The client's next data was not acknowledged, and no TLS byte \
         followed: that data, or every reply, was lost in transit, or the server lost the connection.{}",
        drops::caveat(story)
    ))
    .advise(&advice::PATH_OF_CONNECTION)
}

/// The server's TCP has the ClientHello since `by`, after it had to be sent again and again.
fn acknowledged_late(story: &Story, by: Moment) -> Verdict {
    let hello = story.tls.client_hello.as_ref().map_or(by, |hello| hello.moment);
    let waited = by.at - hello.at;
    Verdict::new(
        &RULE,
        Actor::Path,
        story.basis,
        format!("the ClientHello was acknowledged only after {waited}, and no TLS byte had come back by then"),
    )
    .explain(format!(
        "The ClientHello was sent {} times before its ACK came. {}{}",
        story.data.client.repeats.count + 1,
        if story.capture.viewpoint == Viewpoint::Socket {
            "A device drops it because of its content or size, the path or the server's host failed after the handshake, or the server \
             lost the connection: a socket does not show which."
        } else if is_ack_lost(story) {
            "The server repeated its SYN-ACK meanwhile: its accept queue was full, or no packet from the client reached it."
        } else {
            "Until then it, or every ACK, was lost in transit."
        },
        drops::caveat(story)
    ))
    .advise(&advice::PATH_OF_CONNECTION)
}

/// Nobody acknowledged the ClientHello.
fn unacknowledged(story: &Story, silence: &Silence) -> Verdict {
    let repeats = story.data.client.repeats.count;
    // If a ClientHello has several segments, only the first may be sent again.
    let is_split = story.data.client.first.is_some_and(|first| {
        story.tls.client_hello.as_ref().is_some_and(|hello| hello.moment.number != first.number)
    });
    let repeated = match repeats {
        0 => String::new(),
        1 if is_split => ", retransmitted in part once,".to_owned(),
        repeats if is_split => format!(", retransmitted in part {repeats} times,"),
        repeats => format!(", sent {} times,", repeats + 1),
    };
    let size = story.tls.client_hello.as_ref().map_or(0, |hello| hello.what.len);
    let verdict = Verdict::new(
        &RULE,
        Actor::Path,
        story.basis,
        format!("the ClientHello{repeated} was not acknowledged in {}", silence.elapsed()),
    );
    if let Some(sign) = path_mtu::sign(story, Role::Client) {
        return sign.explain(verdict);
    }
    verdict
    .cause("client-hello-lost")
    .explain(format!(
        "The TCP handshake worked, and the first packet with data ({size} bytes of ClientHello) was not acknowledged. {}{}",
        if is_ack_lost(story) {
            "The server repeated its SYN-ACK, so that it did not get the ACK either: the path broke right after the SYN-ACK."
        } else {
            "Smaller packets get through and this one does not: a device drops it because of its content or size, or the server lost \
             the connection."
        },
        drops::caveat(story)
    ))
    .advise(&[
        "Look for a firewall with TLS inspection or SNI filtering between the two.",
        "Try a smaller maximum segment size, or a ping with the don't-fragment bit at the path's size, to rule out a path \
         MTU problem.",
        "Capture on the server: does the ClientHello arrive?",
    ])
}

/// Whether the server repeated its SYN-ACK after the client's ACK, and answered no repeated SYN by that: nothing of the client reached it.
fn is_ack_lost(story: &Story) -> bool {
    let opening = &story.opening;
    let is_after = |ack: Moment, last: Moment| story.order.is_after(last.number, ack.number);
    opening.syn_ack.count > opening.syn.count
        && opening.established.zip(opening.last_syn_ack).is_some_and(|(ack, last)| is_after(ack, last))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::packet::{SegmentHeader, TcpOptions};
    use crate::story::script::talk::{self, Talk, ssm};
    use crate::tcp::Role::{Client, Server};

    #[test]
    fn a_hello_that_is_never_sent_again_was_acknowledged() {
        let mut gave_up = ssm().open().say(Client, &talk::client_hello()).ack(Server).wait(8_000).fin(Client);
        assert!(gave_up.verdict(0).mentions("as its ACK shows"));
        gave_up.packets.remove(4);
        let verdict = gave_up.verdict(0);
        assert_eq!(verdict.is(), ("no-server-hello", Actor::Server, None));
        assert!(verdict.mentions("never retransmitted") && !verdict.mentions("as its ACK shows"));
        // Too soon to be sent again.
        let hello = ssm().open().say(Client, &talk::client_hello()).wait(300).repeat(Client);
        assert_eq!(hello.wait(4_000).fin(Client).verdict(0).actor, Actor::Path);
    }

    #[test]
    fn a_server_that_repeats_its_syn_ack_got_nothing_small_either() {
        let hello = ssm().open().say(Client, &talk::client_hello());
        let again = |talk: Talk| {
            let unheard = talk.wait(1_500).repeat(Client);
            unheard.segment_with(Server, "S.", 0, 1, &[], |_| {})
        };
        let repeated = again(again(hello));
        let verdict = repeated.verdict(3_000);
        assert_eq!(verdict.is(), ("no-server-hello", Actor::Path, Some("client-hello-lost")));
        assert!(verdict.mentions("repeated its SYN-ACK") && !verdict.mentions("Smaller packets get through"));
        // A SYN that was sent again has a SYN-ACK of its own.
        let twice =
            ssm().syn().wait(1_000).syn().syn_ack().ack(Client).segment_with(Server, "S.", 0, 1, &[], |_| {});
        let hello =
            twice.say(Client, &talk::client_hello()).wait(1_500).repeat(Client).wait(2_500).repeat(Client);
        assert!(hello.verdict(3_000).mentions("Smaller packets get through"));
    }

    #[test]
    fn an_icmp_error_about_the_hello_is_the_cause_with_its_sender() {
        let lost = |from| Story::at(Stage::ClientHello).icmp(from, 3, 13).repeats(Client, 2);
        let verdict = lost([203, 0, 113, 9]).silent_for(8_000, Server).but(|story| {
            // The silence began with the ClientHello.
            let hello = story.tls.client_hello.as_ref().map(|hello| hello.moment);
            if let Some(EndingKind::Silence(silence)) =
                story.endings.last_mut().map(|ending| &mut ending.what)
            {
                silence.since = hello.unwrap();
            }
        });
        let verdict = verdict.verdict();
        assert_eq!(verdict.is(), ("no-server-hello", Actor::Path, Some("icmp-admin-prohibited")));
        assert!(verdict.mentions("packet 5 is an ICMP error (type 3, code 13) about them from 203.0.113.9"));
        assert!(
            verdict.headline.ends_with("; ICMP from 203.0.113.9: administratively prohibited"),
            "{}",
            verdict.headline
        );
        // It says why: nothing is guessed.
        for guess in ["content or size", "segment size", "TLS inspection"] {
            assert!(!verdict.mentions(guess), "{verdict:?}");
        }
        // One that came before explains nothing.
        let before = lost([203, 0, 113, 9]).silent_for(8_000, Server).verdict();
        assert_eq!(before.cause.as_deref(), Some("client-hello-lost"));
    }

    #[test]
    fn an_acknowledged_hello_without_an_answer_is_the_server_s() {
        let verdict = Story::at(Stage::ClientHello).silent_for(8_000, Server).acknowledged().verdict();
        assert_eq!(verdict.is(), ("no-server-hello", Actor::Server, None));
        assert_eq!(verdict.evidence, [4]);
        assert!(verdict.headline.contains("8.0 s"), "{}", verdict.headline);
        let shown = ssm().open().say(Client, &talk::client_hello()).ack(Server).verdict(8_000);
        assert_eq!(shown.evidence, [4, 5], "its acknowledgement is proof as well");
        assert!(!verdict.mentions("lost") && !verdict.mentions("MTU") && !verdict.mentions("ETIMEDOUT"));
    }

    #[test]
    fn a_hello_that_is_sent_again_and_never_acknowledged_is_lost_on_the_path() {
        let story = Story::at(Stage::ClientHello).repeats(Client, 2).silent_for(8_000, Server);
        let verdict = story.verdict();
        assert_eq!(verdict.is(), ("no-server-hello", Actor::Path, Some("client-hello-lost")));
        assert_eq!(verdict.evidence, [4, 5, 6]);
        assert!(verdict.headline.contains(", sent 3 times, was"), "{}", verdict.headline);
        assert!(!verdict.mentions("server's process") && !verdict.mentions("dropped"));
    }

    #[test]
    fn where_acknowledgements_do_not_show_nobody_is_blamed() {
        let story = Story::at(Stage::ClientHello).silent_for(8_000, Server);
        let verdict = story.but(|story| story.capture.acks_unobservable = true).verdict();
        assert_eq!(verdict.is(), ("no-server-hello", Actor::Unknown, None));
        assert!(!verdict.mentions("was not acknowledged"));
    }

    #[test]
    fn an_answer_that_began_is_a_stall_and_a_fin_at_once_is_a_close() {
        let begun = Story::at(Stage::ServerHello).silent_for(8_000, Server).acknowledged();
        assert_eq!(begun.verdict().code, "handshake-stalled");
        assert_eq!(Story::at(Stage::ClientHello).fin(Client).verdict().code, "closed-early");
        assert_eq!(Story::at(Stage::ClientHello).rst(Server).verdict().code, "reset");
    }

    #[test]
    fn giving_up_does_not_hide_the_silence_and_late_answers_do_not_undo_it() {
        let hello = ssm().open().say(Client, &talk::client_hello()).ack(Server);
        let gave_up = hello.clone().wait(8_000).fin(Client);
        for talk in [
            gave_up.clone(),
            gave_up.clone().say(Server, &talk::server_flight()),
            hello.clone().wait(8_000).rst(Client),
        ] {
            assert_eq!(talk.verdict(0).is(), ("no-server-hello", Actor::Server, None));
        }
        assert_eq!(hello.story(8_000).stage, Stage::ClientHello);
        assert_eq!(hello.fin(Client).code(0), "closed-early");
    }

    #[test]
    fn a_client_hello_that_was_acknowledged_is_not_called_lost() {
        let talk = ssm()
            .open()
            .say(Client, &talk::client_hello())
            .ack(Server)
            .say(Client, &talk::data())
            .wait(1_000)
            .repeat(Client)
            .wait(3_000);
        let dark = talk.verdict(0);
        assert_eq!(dark.is(), ("no-server-hello", Actor::Path, None));
        assert!(dark.evidence.starts_with(&[4, 5]), "{:?}", dark.evidence);
        // What comes after the client gave up does not count, whole or not.
        let late = talk.clone().fin(Client).wait(2_000).segment(Server, "P.", 80, &talk::data());
        assert_eq!(late.code(0), "no-server-hello");
        let late = talk.fin(Client).wait(2_000).say(Server, &talk::server_flight());
        assert_eq!(late.code(0), "no-server-hello");
    }

    #[test]
    fn an_unacknowledged_client_hello_was_lost_on_the_path() {
        let lost =
            ssm().open().say(Client, &talk::client_hello()).wait(300).repeat(Client).wait(600).repeat(Client);
        let verdict = lost.verdict(3_000);
        assert_eq!(verdict.is(), ("no-server-hello", Actor::Path, Some("client-hello-lost")));
        assert_eq!(verdict.evidence, [4, 5, 6]);
    }

    #[test]
    fn a_large_client_hello_whose_tail_alone_arrives_meets_a_small_path_mtu() {
        let mut hello = talk::client_hello();
        hello[3..5].copy_from_slice(&1_700u16.to_be_bytes());
        hello[7..9].copy_from_slice(&1_696u16.to_be_bytes());
        hello.resize(1_705, 7);
        let initial = 1_000u32;
        let sacks_tail = |header: &mut SegmentHeader| {
            let edges = [(initial + 1_401).to_be_bytes(), (initial + 1_706).to_be_bytes()].concat();
            header.tcp.options = Some(TcpOptions::from_wire(&[&[1, 1, 5, 10][..], &edges].concat()));
        };
        let talk = ssm()
            .open()
            .segment(Client, ".", 1, &hello[..1_400])
            .segment(Client, "P.", 1_401, &hello[1_400..])
            .segment_with(Server, ".", 1, 1, &[], sacks_tail)
            .wait(300)
            .segment(Client, ".", 1, &hello[..1_400]);
        let verdict = talk.verdict(4_000);
        assert_eq!(verdict.is(), ("no-server-hello", Actor::Path, Some("pmtu-black-hole")));
        assert_eq!(verdict.evidence, [5, 6, 7]);
        assert!(verdict.headline.contains("retransmitted in part once"), "{}", verdict.headline);
    }

    #[test]
    fn a_reply_whose_bytes_the_server_s_own_number_shows_was_lost() {
        let hello = ssm().open().say(Client, &talk::client_hello()).ack(Server);
        let left = hello.clone().wait(8_000).fin(Client);
        let (client, server) = (left.next(Client), left.next(Server));
        let bare =
            |ahead| left.clone().segment_with(Server, ".", server + ahead, client, &[], |_| {}).verdict(0);
        let verdict = bare(2_600);
        assert_eq!(verdict.is(), ("no-server-hello", Actor::Path, Some("server-flight-lost")));
        assert!(verdict.headline.contains("reply to the ClientHello was lost"), "{}", verdict.headline);
        assert!(verdict.mentions("2600 bytes") && verdict.evidence.contains(&7), "{verdict:?}");
        assert_eq!(bare(0).is(), ("no-server-hello", Actor::Server, None));
        // Its client got it.
        let late = hello.wait(8_000).segment_with(Server, ".", server + 2_600, client - 1, &[], |_| {});
        let acked = late.segment_with(Client, "F.", client - 1, server + 2_600, &[], |_| {});
        assert_ne!(acked.code(0), "no-server-hello");
    }

    #[test]
    fn of_the_client_s_packets_alone_a_hello_that_is_not_sent_again_was_acknowledged() {
        let hello = ssm().open().say(Client, &talk::client_hello());
        let probe = |talk: Talk| {
            let (seq, ack) = (talk.next(Client) - 1, talk.next(Server));
            talk.wait(1_000).segment_with(Client, ".", seq, ack, &[], |_| {})
        };
        let probed = (0..6).fold(hello.clone(), |talk, _| probe(talk)).only(Client).verdict(0);
        assert_eq!(probed.is(), ("no-server-hello", Actor::Server, None), "{}", probed.headline);
        // Where the client is gone as well, the capture lacks the rest.
        assert_eq!(hello.clone().only(Client).code(60_000), "capture-gap");
        let again = hello.wait(300).repeat(Client).wait(600).repeat(Client).wait(1_200).repeat(Client);
        assert_eq!(again.only(Client).verdict(2_000).actor, Actor::Path);
    }

    #[test]
    fn an_acknowledgement_that_comes_after_many_repeats_is_called_late() {
        let hello = ssm().open().say(Client, &talk::client_hello());
        let repeated = (0..5).fold(hello, |talk, at| talk.wait(300 << at).repeat(Client));
        let verdict = repeated.ack(Server).verdict(20);
        assert_eq!(verdict.is(), ("no-server-hello", Actor::Path, None), "{}", verdict.headline);
        assert!(verdict.headline.contains("acknowledged only after 9.4"), "{}", verdict.headline);
        assert!(
            verdict.mentions("sent 6 times") && !verdict.mentions("next data"),
            "{}",
            verdict.explanation
        );
    }

    #[test]
    fn a_host_that_does_not_acknowledge_the_client_s_fin_is_out_of_reach() {
        let again = |left: Talk| {
            let seq = left.next(Client) - 1;
            (0..4).fold(left, |talk, _| talk.wait(400).segment(Client, "F.", seq, &[]))
        };
        let left = ssm().open().say(Client, &talk::client_hello()).ack(Server).wait(8_000).fin(Client);
        assert_eq!(left.verdict(0).is(), ("no-server-hello", Actor::Server, None));
        let verdict = again(left.clone()).verdict(0);
        assert_eq!(verdict.is(), ("no-server-hello", Actor::Path, None), "{}", verdict.headline);
        assert!(!verdict.mentions("The path works"), "{}", verdict.explanation);
    }
}
