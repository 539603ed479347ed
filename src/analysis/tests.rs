//! Whole conversations to their verdicts: what decides, and what does not.

use super::table::{Budget, Track};
use super::{Judged, Settings};
use crate::finding;
use crate::packet::TcpOptions;
use crate::story::{CaptureFacts, EndingKind, Stage};
use crate::talk::{self, Talk};
use crate::tcp::Role;
use crate::verdict::{self, Actor};
use Role::{Client, Server};

/// Judges a conversation whose capture goes on for `more` milliseconds after its last packet.
fn judge(talk: &Talk, more: i64) -> Judged {
    let settings = Settings::default();
    let first = &talk.packets[0];
    let mut track = Track::new(first.place, &first.segment(), &settings);
    for packet in &talk.packets {
        track.segment(packet.place, &packet.segment(), &mut Budget::default());
    }
    let end = talk.clone().wait(more).now;
    let story = track.finish(CaptureFacts { end, ..CaptureFacts::default() });
    let verdict = verdict::judge(&story, &settings.judging);
    Judged { findings: finding::find(&story), story, verdict }
}

fn code(talk: &Talk, more: i64) -> &'static str {
    judge(talk, more).verdict.code
}

fn ssm() -> Talk {
    Talk::to_port(8443)
}

/// A complete TLS 1.2 exchange up to the server's answer.
fn exchange() -> Talk {
    ssm()
        .open()
        .say(Client, &talk::client_hello())
        .say(Server, &talk::server_flight())
        .say(Client, &talk::client_flight())
        .say(Server, &talk::finished())
        .say(Client, &talk::data())
        .say(Server, &talk::data())
}

// ---- nothing came back ----

#[test]
fn a_syn_is_unanswered_only_after_the_stall_time() {
    assert_eq!(code(&ssm().syn(), 2_900), "in-progress");
    assert_eq!(code(&ssm().syn(), 3_000), "syn-no-reply");
    let repeated = judge(&ssm().syn().wait(1000).syn().wait(1000).syn(), 2_000);
    assert_eq!(repeated.verdict.code, "syn-no-reply");
    assert_eq!(repeated.verdict.evidence, [1, 2, 3]);
}

#[test]
fn a_rst_that_acknowledges_the_syn_refuses_it() {
    let refused = judge(&ssm().syn().segment(Server, "R.", 0, &[]), 0);
    assert_eq!((refused.verdict.code, refused.verdict.evidence), ("refused", vec![1, 2]));
}

#[test]
fn a_rst_that_acknowledges_something_else_refuses_nothing() {
    let stray = ssm().syn().segment_with(Server, "R.", 0, 70_000_000, &[], |_| {});
    assert_eq!(code(&stray, 0), "in-progress");
}

#[test]
fn an_unacknowledged_syn_ack_is_an_incomplete_handshake() {
    assert_eq!(code(&ssm().syn().syn_ack().wait(1000).syn_ack(), 2_500), "tcp-handshake-incomplete");
    assert_eq!(code(&ssm().syn().syn_ack().segment(Client, "R", 1, &[]), 0), "reset");
}

// ---- the client says nothing ----

#[test]
fn a_client_that_says_nothing_is_silent_and_its_later_fin_does_not_hide_it() {
    assert_eq!(code(&ssm().open(), 3_000), "client-silent");
    assert_eq!(code(&ssm().open().wait(8_000).fin(Client), 0), "client-silent");
    assert_eq!(code(&ssm().open().wait(1_000).fin(Client), 0), "closed-early");
}

// ---- the ClientHello and after ----

#[test]
fn giving_up_does_not_hide_the_silence_and_late_answers_do_not_undo_it() {
    let hello = ssm().open().say(Client, &talk::client_hello()).ack(Server);
    let gave_up = hello.clone().wait(8_000).fin(Client);
    for talk in [
        gave_up.clone(),
        gave_up.clone().say(Server, &talk::server_flight()),
        hello.clone().wait(8_000).rst(Client),
    ] {
        let judged = judge(&talk, 0);
        assert_eq!((judged.verdict.code, judged.verdict.actor), ("no-server-hello", Actor::Server));
        assert_eq!(judged.verdict.cause, None);
    }
    assert_eq!(code(&hello.fin(Client), 0), "closed-early");
}

#[test]
fn an_unacknowledged_client_hello_was_lost_on_the_path() {
    let lost =
        ssm().open().say(Client, &talk::client_hello()).wait(300).repeat(Client).wait(600).repeat(Client);
    let judged = judge(&lost, 3_000);
    assert_eq!((judged.verdict.code, judged.verdict.actor), ("no-server-hello", Actor::Path));
    assert_eq!(judged.verdict.cause.as_deref(), Some("client-hello-lost"));
    assert_eq!(judged.verdict.evidence, [4, 5, 6]);
}

#[test]
fn a_large_client_hello_whose_tail_alone_arrives_meets_a_small_path_mtu() {
    let mut hello = talk::client_hello();
    hello[3..5].copy_from_slice(&1_700u16.to_be_bytes());
    hello[7..9].copy_from_slice(&1_696u16.to_be_bytes());
    hello.resize(1_705, 7);
    let initial = 1_000u32;
    let sacks_tail = |header: &mut crate::packet::SegmentHeader| {
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
    let judged = judge(&talk, 4_000);
    assert_eq!((judged.verdict.code, judged.verdict.actor), ("no-server-hello", Actor::Path));
    assert_eq!(judged.verdict.cause.as_deref(), Some("pmtu-black-hole"));
    assert_eq!(judged.verdict.evidence, [5, 6, 7]);
}

#[test]
fn a_late_answer_makes_the_connection_slow_not_failed() {
    let late = ssm()
        .open()
        .say(Client, &talk::client_hello())
        .ack(Server)
        .wait(5_000)
        .say(Server, &talk::server_flight())
        .say(Client, &talk::client_flight())
        .say(Server, &talk::finished())
        .say(Client, &talk::data())
        .say(Server, &talk::data());
    let judged = judge(&late, 0);
    assert_eq!((judged.verdict.code, judged.verdict.actor), ("slow", Actor::Server));
    assert_eq!(judged.story.pauses.len(), 1);
}

#[test]
fn a_handshake_that_stands_still_names_who_owes_what() {
    let hello = ssm().open().say(Client, &talk::client_hello());
    let flight = talk::server_flight();
    let half = judge(&hello.clone().say(Server, &flight[..60]).ack(Client), 4_000);
    assert_eq!((half.verdict.code, half.verdict.actor), ("handshake-stalled", Actor::Server));
    let client = judge(&hello.say(Server, &flight).ack(Client), 4_000);
    assert_eq!((client.verdict.code, client.verdict.actor), ("handshake-stalled", Actor::Client));
    assert_eq!(client.story.stage, Stage::ServerFlightComplete);
}

#[test]
fn the_first_fatal_alert_decides_and_reactions_to_a_fin_do_not() {
    let hello = ssm().open().say(Client, &talk::client_hello());
    let refused = judge(&hello.clone().say(Server, &[21, 3, 3, 0, 2, 2, 40]).fin(Server).rst(Client), 0);
    assert_eq!((refused.verdict.code, refused.verdict.actor), ("tls-alert", Actor::Server));
    assert_eq!(refused.verdict.cause.as_deref(), Some("handshake_failure"));
    let closed = judge(&hello.fin(Server).say(Client, &[21, 3, 3, 0, 2, 2, 50]).fin(Client), 0);
    assert_eq!((closed.verdict.code, closed.verdict.actor), ("closed-early", Actor::Server));
}

#[test]
fn http_in_answer_to_a_client_hello_is_not_tls() {
    let talk = ssm()
        .open()
        .say(Client, &talk::client_hello())
        .say(Server, b"HTTP/1.1 400 Bad Request\r\n\r\n")
        .fin(Server);
    let judged = judge(&talk, 0);
    assert_eq!((judged.verdict.code, judged.verdict.actor), ("not-tls", Actor::Server));
}

#[test]
fn data_that_nobody_acknowledged_or_sent_again_means_that_the_capture_lacks_the_rest() {
    let hello = ssm().open().say(Client, &talk::client_hello());
    let cut = judge(&hello, 60_000);
    assert_eq!(cut.verdict.code, "in-progress");
    assert_eq!(cut.story.lost_sight.map(|moment| moment.number), Some(4));
    let half = judge(&hello.clone().say(Server, &talk::server_flight()[..60]), 60_000);
    assert_eq!(half.verdict.code, "in-progress");
    // Whoever sends again is there, and so is the capture.
    assert_eq!(code(&hello.clone().wait(300).repeat(Client), 60_000), "no-server-hello");
    assert_eq!(code(&hello.ack(Server), 60_000), "no-server-hello");
}

// ---- resets ----

#[test]
fn a_rst_before_the_exchange_is_complete_is_told_with_its_sender() {
    let hello = ssm().open().say(Client, &talk::client_hello());
    let server = judge(&hello.clone().rst(Server), 0);
    assert_eq!((server.verdict.code, server.verdict.actor), ("reset", Actor::Server));
    assert_eq!(server.verdict.cause, None);
    let client = judge(&hello.say(Server, &talk::server_flight()).rst(Client), 0);
    assert_eq!((client.verdict.code, client.verdict.actor), ("reset", Actor::Client));
}

#[test]
fn one_weak_sign_does_not_make_a_rst_forged() {
    let other_distance = |header: &mut crate::packet::SegmentHeader| header.ip.hop_limit = Some(61);
    let hello = ssm().open().say(Client, &talk::client_hello());
    let judged = judge(&hello.segment_with(Server, "R.", 1, 206, &[], other_distance), 0);
    assert_eq!((judged.verdict.code, judged.verdict.cause), ("reset", None));
}

#[test]
fn a_side_that_talks_on_did_not_send_the_rst() {
    let hello = ssm().open().say(Client, &talk::client_hello());
    let judged = judge(&hello.segment(Server, "R", 1, &[]).say(Server, &talk::server_flight()), 0);
    assert_eq!((judged.verdict.code, judged.verdict.actor), ("reset", Actor::Path));
    assert_eq!(judged.verdict.cause.as_deref(), Some("rst-injected"));
}

// ---- established ----

#[test]
fn noisy_ends_of_a_complete_exchange_are_healthy() {
    let closings: [fn(Talk) -> Talk; 4] = [
        |talk| talk.fin(Client).fin(Server).ack(Client),
        |talk| talk.rst(Server),
        |talk| talk.fin(Client).rst(Server),
        |talk| talk.fin(Client).fin(Server).rst(Client).rst(Client),
    ];
    for closing in closings {
        assert_eq!(code(&closing(exchange()), 10_000), "healthy");
    }
    assert_eq!(code(&exchange(), 60_000), "healthy");
}

#[test]
fn an_unanswered_request_is_no_response() {
    let asked = ssm()
        .open()
        .say(Client, &talk::client_hello())
        .say(Server, &talk::server_flight())
        .say(Client, &talk::client_flight())
        .say(Server, &talk::finished())
        .say(Client, &talk::data())
        .ack(Server);
    let judged = judge(&asked, 4_000);
    assert_eq!((judged.verdict.code, judged.verdict.actor), ("no-response", Actor::Server));
    assert_eq!(code(&asked, 1_000), "healthy");
    assert_eq!(code(&asked.rst(Server), 0), "reset");
}

#[test]
fn a_pair_of_session_tickets_is_no_answer_and_a_pair_of_full_records_is_one() {
    let judged = |len: usize| {
        let mut record = vec![23, 3, 3];
        record.extend((len as u16).to_be_bytes());
        record.resize(len + 5, 7);
        let mut hello = talk::server_flight()[..5 + 44].to_vec();
        // A HelloRetryRequest's random would be another one: this hello says TLS 1.3 in its extension.
        hello[4] = 50;
        hello[8] = 46;
        hello.truncate(5 + 4 + 2 + 32 + 1 + 2 + 1);
        hello.extend([0, 6, 0, 43, 0, 2, 3, 4]);
        let encrypted = |len: usize| [&[23, 3, 3, 0, len as u8][..], &vec![1; len]].concat();
        let talk = ssm()
            .open()
            .say(Client, &talk::client_hello())
            .say(Server, &[hello, encrypted(200), encrypted(53)].concat())
            .say(Client, &encrypted(53))
            .say(Client, &encrypted(150))
            .say(Server, &[record.clone(), record].concat())
            .ack(Client);
        judge(&talk, 5_000).verdict.code
    };
    assert_eq!(judged(250), "no-response");
    assert_eq!(judged(1_300), "healthy");
}

// ---- the capture's own limits ----

#[test]
fn data_without_a_beginning_is_midstream_whatever_ends_it() {
    let middle = ssm().segment(Server, "P.", 5_000, &talk::data()).ack(Client);
    assert_eq!(code(&middle, 60_000), "midstream");
    assert_eq!(code(&middle.rst(Server), 0), "midstream");
}

#[test]
fn a_silence_is_told_with_its_bounds() {
    let judged = judge(&ssm().open(), 4_000);
    let ending = judged.story.endings.first().map(|ending| ending.what.clone());
    let Some(EndingKind::Silence(silence)) = ending else { panic!("no silence in {ending:?}") };
    assert_eq!(silence.elapsed().nanos(), 4_000_000_000);
    assert_eq!((silence.since.number, silence.owed_by), (3, Client));
}

// ---- every code ----

#[test]
fn no_evidence_list_is_empty_or_names_a_packet_that_is_not_there() {
    for (talk, more) in
        [(ssm().syn(), 4_000), (exchange(), 0), (ssm().open(), 0), (ssm().open().fin(Server), 0)]
    {
        let judged = judge(&talk, more);
        let packets = talk.packets.len() as u64;
        assert!(!judged.verdict.evidence.is_empty());
        assert!(judged.verdict.evidence.iter().all(|number| (1..=packets).contains(number)));
    }
}
