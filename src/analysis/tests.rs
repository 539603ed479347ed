//! Whole conversations to their verdicts: what decides, and what does not.

use super::table::{Budget, TrackedConnection};
use super::{Judged, Settings};
use crate::finding;
use crate::packet::TcpOptions;
use crate::story::script::talk::{self, Talk};
use crate::story::{CaptureFacts, EndingKind, PreludeFacts, Stage};
use crate::tcp::Role;
use crate::tls::Basis;
use crate::verdict::{self, Actor};
use Role::{Client, Server};

/// Judges a conversation whose capture goes on for `more` milliseconds after its last packet.
pub(super) fn judge(talk: &Talk, more: i64) -> Judged {
    let settings = Settings::default();
    let first = &talk.packets[0];
    let mut track = TrackedConnection::new(first.place, &first.segment(), &settings);
    for packet in &talk.packets {
        track.segment(packet.place, &packet.segment(), &mut Budget::default());
    }
    let end = talk.clone().wait(more).now;
    let story = track.finish(CaptureFacts { end, ..CaptureFacts::default() });
    let verdict = verdict::judge(&story, &settings.judging);
    Judged { findings: finding::find(&story), story, verdict }
}

/// The verdict's code if the capture dropped packets so many milliseconds after the conversation's last packet.
fn code_with_drops_after(talk: &Talk, more: i64, drops_after: i64) -> &'static str {
    let settings = Settings::default();
    let first = &talk.packets[0];
    let mut track = TrackedConnection::new(first.place, &first.segment(), &settings);
    for packet in &talk.packets {
        track.segment(packet.place, &packet.segment(), &mut Budget::default());
    }
    let at = |millis| talk.clone().wait(millis).now;
    let facts = CaptureFacts {
        end: at(more),
        dropped: Some(7),
        dropped_until: Some(at(drops_after)),
        ..CaptureFacts::default()
    };
    verdict::judge(&track.finish(facts), &settings.judging).code
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
fn a_server_whose_client_is_missing_from_pasted_text_is_not_said_to_speak_first() {
    let mut talk = exchange().only(Server);
    for packet in &mut talk.packets {
        packet.payload.clear();
        packet.header.tcp.ack = None;
    }
    let told = judge(&talk, 0);
    assert_eq!(told.story.one_sided(), Some(Server));
    assert_eq!(told.verdict.code, "in-progress");
}

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
fn a_refused_syn_that_is_sent_again_and_let_in_refuses_nothing() {
    let refused = ssm().syn().segment(Server, "R.", 0, &[]).wait(500).syn();
    assert_eq!(code(&refused.clone().segment(Server, "R.", 0, &[]), 0), "refused");
    let let_in = judge(&refused.syn_ack().ack(Client).say(Client, &talk::client_hello()), 0);
    assert_eq!((let_in.verdict.code, let_in.story.stage), ("in-progress", Stage::ClientHello));
    let retries = let_in.findings.iter().find(|finding| finding.code == "syn-retries").unwrap();
    assert!(retries.text.contains("packet 2 refused it"), "{}", retries.text);
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

#[test]
fn a_syn_with_a_client_hello_that_nobody_answers_got_no_reply() {
    let fast_open = ssm().segment(Client, "S", 0, &talk::client_hello());
    let unanswered = judge(&fast_open.clone().wait(1000).segment(Client, "S", 0, &[]), 3_000);
    assert_eq!((unanswered.verdict.code, unanswered.story.stage), ("syn-no-reply", Stage::Syn));
    assert_eq!(unanswered.story.one_sided(), None);
    assert_eq!(code(&fast_open.clone().segment_with(Server, "R.", 0, 1, &[], |_| {}), 0), "refused");
    let taken = fast_open.clone().segment_with(Server, "S.", 0, 206, &[], |_| {});
    assert_eq!(judge(&taken, 0).story.stage, Stage::ClientHello);
    let not_taken = fast_open.segment_with(Server, "S.", 0, 1, &[], |_| {});
    assert_eq!(code(&not_taken, 3_000), "tcp-handshake-incomplete");
    let again = not_taken.segment(Client, "P.", 1, &talk::client_hello()).ack(Server);
    assert_eq!(code(&again, 3_000), "no-server-hello");
}

#[test]
fn what_an_older_connection_sends_back_answers_no_syn_and_is_told() {
    let challenged = ssm().syn().segment_with(Server, ".", 5_000, 70_000_000, &[], |_| {});
    let judged = judge(&challenged.clone().wait(1000).syn(), 3_000);
    assert_eq!((judged.verdict.code, judged.verdict.evidence), ("syn-no-reply", vec![1, 2, 3]));
    assert!(judged.verdict.explanation.contains("Packet 2 comes from the server"));
    let retried = judge(&challenged.wait(1000).syn().syn_ack().ack(Client), 0);
    let retries = retried.findings.iter().find(|finding| finding.code == "syn-retries").expect("a finding");
    assert!(retries.text.contains("older connection"), "{}", retries.text);
}

// ---- one side only ----

#[test]
fn what_hangs_on_the_side_that_the_capture_lacks_is_not_judged() {
    let client = |talk: Talk, seq: u32, ack: u32, payload: &[u8]| {
        talk.segment_with(Client, "P.", seq, ack, payload, |_| {})
    };
    let opened = ssm().syn().segment_with(Client, ".", 1, 1, &[], |_| {});
    let hello = client(opened, 1, 1, &talk::client_hello());
    let answered = client(hello.clone(), 206, 1_500, &talk::client_flight());
    for ended in [answered.clone().fin(Client), answered.clone().rst(Client), answered.clone()] {
        let judged = judge(&ended, 4_000);
        assert_eq!(judged.verdict.code, "in-progress", "{}", judged.verdict.headline);
        assert!(judged.verdict.headline.contains("the server's packets are missing"));
    }
    // Of its own words nothing is missing.
    assert_eq!(code(&hello.clone().fin(Client), 0), "closed-early");
    assert_eq!(code(&hello.wait(300).repeat(Client), 4_000), "no-server-hello");
    let served = ssm().syn_ack().segment_with(Server, ".", 1, 206, &[], |_| {});
    assert_eq!(code(&served, 4_000), "in-progress");
    assert_eq!(code(&served.clone().fin(Server), 0), "closed-early");
    assert_eq!(code(&served.rst(Server), 0), "reset");
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
fn a_client_hello_that_was_acknowledged_is_not_called_lost() {
    let talk = ssm()
        .open()
        .say(Client, &talk::client_hello())
        .ack(Server)
        .say(Client, &talk::data())
        .wait(1_000)
        .repeat(Client)
        .wait(3_000);
    let dark = judge(&talk, 0);
    assert_eq!((dark.verdict.code, dark.verdict.actor), ("no-server-hello", Actor::Path));
    assert_eq!(dark.verdict.cause, None);
    assert!(dark.verdict.evidence.starts_with(&[4, 5]), "{:?}", dark.verdict.evidence);
    // What comes after the client gave up does not count, whole or not.
    let late = talk.clone().fin(Client).wait(2_000).segment(Server, "P.", 80, &talk::data());
    assert_eq!(code(&late, 0), "no-server-hello");
    assert_eq!(code(&talk.fin(Client).wait(2_000).say(Server, &talk::server_flight()), 0), "no-server-hello");
}

#[test]
fn a_client_that_gave_up_in_silence_was_silent_whatever_the_server_says_then() {
    let gave_up = ssm().open().wait(4_000).fin(Client);
    for said in [&[21, 0, 0, 0, 2, 1, 0][..], b"220 mail ESMTP\r\n"] {
        assert_eq!(code(&gave_up.clone().say(Server, said).rst(Server), 0), "client-silent");
    }
    assert_eq!(code(&ssm().open().wait(4_000).say(Server, b"220 mail ESMTP\r\n"), 0), "not-tls");
}

#[test]
fn answers_that_only_one_side_s_packets_show_are_answers() {
    let closed = exchange().fin(Client).fin(Server).ack(Client);
    for talk in [exchange().ack(Client), closed] {
        let one_sided = judge(&talk.only(Client), 10_000);
        assert_eq!((one_sided.verdict.code, one_sided.verdict.basis), ("healthy", Basis::Inferred));
    }
    let plain = Talk::to_port(80)
        .open()
        .say(Client, b"GET / HTTP/1.1\r\n\r\n")
        .say(Server, b"HTTP/1.1 200 OK\r\n\r\n");
    assert_eq!(code(&plain.clone().ack(Client).only(Client), 10_000), "plaintext");
    assert_eq!(code(&plain.only(Client), 10_000), "no-response");
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
    let begun = hello.clone().say(Server, &flight[..60]).ack(Client).say(Server, &flight[60..]);
    let lost = judge(&begun.wait(600).repeat(Server).wait(1_200).repeat(Server), 4_000);
    assert_eq!((lost.verdict.code, lost.verdict.actor), ("handshake-stalled", Actor::Path));
    assert_eq!(lost.verdict.cause.as_deref(), Some("server-flight-lost"));
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
    assert_eq!(cut.story.missing.lost_sight.map(|moment| moment.number), Some(4));
    let half = judge(&hello.clone().say(Server, &talk::server_flight()[..60]), 60_000);
    assert_eq!(half.verdict.code, "in-progress");
    // Whoever sends again is there, and so is the capture.
    assert_eq!(code(&hello.clone().wait(300).repeat(Client), 60_000), "no-server-hello");
    assert_eq!(code(&hello.ack(Server), 60_000), "no-server-hello");
}

#[test]
fn a_client_that_repeats_its_last_words_in_vain_has_no_answer() {
    let lost = ssm()
        .open()
        .say(Client, &talk::client_hello())
        .say(Server, &talk::server_flight())
        .say(Client, &talk::client_flight())
        .say(Server, &talk::finished())
        // Whatever it is: a record of which the capture shows no header.
        .segment(Client, "P.", 600, &[7; 40])
        .wait(300)
        .repeat(Client);
    assert_ne!(code(&lost, 5_000), "healthy");
}

#[test]
fn what_stands_behind_the_server_hello_may_be_hidden() {
    let mut hello = talk::server_flight()[..49].to_vec();
    hello.splice(3..5, [0, 50]);
    hello.splice(6..9, [0, 0, 46]);
    hello.splice(47..49, [0, 6]);
    hello.extend([0, 43, 0, 2, 3, 4]);
    let server = |rest: &[u8]| {
        let talk = ssm().open().say(Client, &talk::client_hello());
        judge(&talk.say(Server, &[&hello[..], rest].concat()).ack(Client), 5_000).verdict
    };
    let whole = server(&[&[23, 3, 3, 1, 0][..], &[1; 256]].concat());
    assert_eq!((whole.code, whole.actor), ("handshake-stalled", Actor::Unknown));
    let half = server(&[&[23, 3, 3, 1, 1][..], &[1; 256]].concat());
    assert_eq!((half.code, half.actor), ("handshake-stalled", Actor::Server));
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
    assert!(client.verdict.client_reports.iter().all(|report| !report.contains("ECONNRESET")));
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

#[test]
fn a_record_of_a_closing_s_size_is_data_if_its_sender_goes_on() {
    let mut hello = talk::server_flight()[..49].to_vec();
    hello.splice(3..5, [0, 50]);
    hello.splice(6..9, [0, 0, 46]);
    hello.splice(47..49, [0, 6]);
    hello.extend([0, 43, 0, 2, 3, 4]);
    let record = |len: u8| [&[23, 3, 3, 0, len][..], &vec![1; len.into()]].concat();
    let greeted = ssm()
        .open()
        .say(Client, &talk::client_hello())
        .say(Server, &[hello, record(200), record(53)].concat())
        .say(Client, &record(53))
        .say(Client, &record(35));
    assert_eq!(judge(&greeted, 0).story.endings.len(), 1);
    let went_on = greeted.say(Server, &record(120)).say(Client, &record(90)).ack(Server);
    let judged = judge(&went_on, 0);
    assert_eq!((judged.story.endings.len(), judged.story.tls.application_data.client.count), (0, 2));
}

// ---- the capture's own limits ----

#[test]
fn a_silence_during_which_the_capture_drops_packets_is_no_stall() {
    let silent = ssm().open().say(Client, &talk::client_hello()).ack(Server);
    assert_eq!(code(&silent, 8_000), "no-server-hello");
    assert_eq!(code_with_drops_after(&silent, 8_000, 2_000), "in-progress");
    assert_eq!(code_with_drops_after(&silent, 8_000, -50), "no-server-hello");
    assert_eq!(code_with_drops_after(&exchange(), 8_000, 2_000), "healthy");
}

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

#[test]
fn no_silence_and_no_round_trip_is_measured_across_a_step_of_the_clock() {
    const DAYS: i64 = 20_000 * 86_400_000;
    let hello = ssm().open().say(Client, &talk::client_hello());
    let ended = hello.clone().wait(DAYS).ack(Server).rst(Client);
    assert_eq!(code(&ended, 0), "no-server-hello");
    let across = |talk: &Talk| {
        let mut clock = super::clock::Eras::default();
        let settings = Settings::default();
        let mut track = TrackedConnection::new(talk.packets[0].place, &talk.packets[0].segment(), &settings);
        for packet in &talk.packets {
            let moment = packet.place.moment;
            clock.note(moment.number, moment.at);
            if clock.stepped_since(track.story.so_far().last.number) {
                track.clock_stepped(moment);
            }
            track.segment(packet.place, &packet.segment(), &mut Budget::default());
        }
        let (first, last) = (talk.packets[0].place.moment.number, talk.packets.len() as u64);
        let clock_step = clock.step_between(first, last);
        let story = track.finish(CaptureFacts { end: talk.now, clock_step, ..CaptureFacts::default() });
        (verdict::judge(&story, &settings.judging).code, story)
    };
    let (code, story) = across(&ended);
    assert_eq!((code, story.path.round_trips.data), ("reset", None));
    let late = hello.wait(DAYS).say(Server, &talk::server_flight()).say(Client, &talk::client_flight());
    let late = late.say(Server, &talk::finished()).say(Client, &talk::data()).say(Server, &talk::data());
    assert_eq!(self::code(&late, 0), "slow");
    assert_eq!(across(&late).0, "healthy");
}

// ---- what stands in front of TLS ----

/// The client's and the server's words up to an open SOCKS5 tunnel, to this reply.
fn socks5(reply: u8) -> Talk {
    Talk::to_port(1080)
        .open()
        .say(Client, &[5, 1, 0])
        .say(Server, &[5, 0])
        .say(Client, &[5, 1, 0, 1, 198, 51, 100, 20, 0x20, 0xfb])
        .say(Server, &[5, reply, 0, 1, 0, 0, 0, 0, 0, 0])
}

/// SMTP up to the server's answer to STARTTLS.
fn starttls(answer: &[u8]) -> Talk {
    Talk::to_port(25)
        .open()
        .say(Server, b"220 mail.example ESMTP\r\n")
        .say(Client, b"EHLO client.example\r\n")
        .say(Server, b"250-mail.example\r\n250 STARTTLS\r\n")
        .say(Client, b"STARTTLS\r\n")
        .say(Server, answer)
}

/// A whole TLS 1.2 exchange after what was said.
fn then_tls(talk: Talk) -> Talk {
    talk.say(Client, &talk::client_hello())
        .say(Server, &talk::server_flight())
        .say(Client, &talk::client_flight())
        .say(Server, &talk::finished())
        .say(Client, &talk::data())
        .say(Server, &talk::data())
}

#[test]
fn tls_is_followed_behind_a_socks_proxy_and_behind_starttls() {
    for talk in [socks5(0), starttls(b"220 Ready to start TLS\r\n")] {
        let judged = judge(&then_tls(talk.clone()), 0);
        assert_eq!((judged.verdict.code, judged.story.stage), ("healthy", Stage::ApplicationData));
        assert!(judged.story.prelude.as_ref().is_some_and(PreludeFacts::is_agreed));
        let silent = judge(&talk.clone().say(Client, &talk::client_hello()).ack(Server), 5_000);
        assert_eq!(silent.verdict.code, "no-server-hello");
        let nothing = judge(&talk, 5_000);
        assert_eq!((nothing.verdict.code, nothing.verdict.actor), ("client-silent", Actor::Client));
    }
}

#[test]
fn plain_words_in_answer_to_a_client_hello_in_a_tunnel_are_not_tls() {
    let connected = Talk::to_port(3128)
        .open()
        .say(Client, b"CONNECT ssm.example:8443 HTTP/1.1\r\n\r\n")
        .say(Server, b"HTTP/1.1 200 OK\r\n\r\n");
    for tunnel in [connected, socks5(0)] {
        let answered = tunnel
            .clone()
            .say(Client, &talk::client_hello())
            .say(Server, b"HTTP/1.1 400 Bad Request\r\n\r\n")
            .fin(Server);
        let judged = judge(&answered, 0);
        assert_eq!((judged.verdict.code, judged.verdict.actor), ("not-tls", Actor::Server));
        let banner = tunnel.say(Client, &talk::client_hello()).say(Server, b"SSH-2.0-OpenSSH_9.2\r\n");
        assert_eq!(code(&banner, 5_000), "not-tls");
    }
}

#[test]
fn a_client_hello_right_behind_the_request_for_a_tunnel_is_found() {
    let request = [&[5, 1, 0, 1, 198, 51, 100, 20, 0x20, 0xfb][..], &talk::client_hello()].concat();
    let talk = Talk::to_port(1080)
        .open()
        .say(Client, &[5, 1, 0])
        .say(Server, &[5, 0])
        .say(Client, &request)
        .say(Server, &[5, 0, 0, 1, 0, 0, 0, 0, 0, 0])
        .say(Server, &talk::server_flight())
        .say(Client, &talk::client_flight())
        .say(Server, &talk::finished());
    assert_eq!(judge(&talk, 0).story.stage, Stage::TlsEstablished);
}

#[test]
fn a_tunnel_that_socks_refuses_is_not_healthy() {
    let judged = judge(&socks5(5).fin(Server).fin(Client).ack(Server), 1_000);
    assert_eq!((judged.verdict.code, judged.verdict.actor), ("proxy-refused", Actor::Server));
    assert_eq!(judged.verdict.cause.as_deref(), Some("5"));
    assert_eq!(judged.verdict.evidence, [4, 7]);
}

#[test]
fn a_proxy_that_does_not_answer_the_request_owes_it() {
    let asked = Talk::to_port(1080)
        .open()
        .say(Client, &[5, 1, 0])
        .say(Server, &[5, 0])
        .say(Client, &[5, 1, 0, 1, 198, 51, 100, 20, 0x20, 0xfb])
        .ack(Server);
    let judged = judge(&asked, 4_000);
    assert_eq!((judged.verdict.code, judged.verdict.actor), ("no-response", Actor::Server));
}

#[test]
fn a_proxy_protocol_header_is_passed_over_in_its_own_segment_and_before_the_hello() {
    let header = b"PROXY TCP4 192.0.2.1 192.0.2.2 5000 8443\r\n";
    let apart = then_tls(ssm().open().say(Client, header));
    let together = ssm()
        .open()
        .say(Client, &[&header[..], &talk::client_hello()].concat())
        .say(Server, &talk::server_flight())
        .say(Client, &talk::client_flight())
        .say(Server, &talk::finished());
    assert_eq!(judge(&apart, 0).story.stage, Stage::ApplicationData);
    assert_eq!(judge(&together, 0).story.stage, Stage::TlsEstablished);
}

#[test]
fn plain_words_inside_a_tunnel_are_no_fault() {
    let talk = socks5(0).say(Client, b"GET / HTTP/1.1\r\n\r\n").say(Server, b"HTTP/1.1 200 OK\r\n\r\n");
    assert_eq!(code(&talk, 10_000), "plaintext");
}

#[test]
fn starttls_that_is_refused_or_never_asked_for_is_plaintext() {
    let refused = starttls(b"454 TLS not available\r\n").say(Client, b"QUIT\r\n").say(Server, b"221 bye\r\n");
    assert_eq!(code(&refused.fin(Client).fin(Server), 5_000), "plaintext");
    let unasked = Talk::to_port(143)
        .open()
        .say(Server, b"* OK ready\r\n")
        .say(Client, b"a1 LOGIN me secret\r\n")
        .say(Server, b"a1 OK\r\n");
    assert_eq!(code(&unasked, 5_000), "plaintext");
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
