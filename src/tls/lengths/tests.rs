//! Turns of which only lengths, or what `tcpdump -A` printed, are known.

use proptest::prelude::*;

use super::*;
use crate::time::Timestamp;

/// A port that shows nothing.
const PORT: u16 = 5_556;

/// Runs turns of sizes and returns the events by name.
fn emitted(expects_tls: bool, turns: &[(Role, u32)]) -> Vec<String> {
    emitted_by(Flow::new(true, expects_tls, PORT), turns)
}

fn emitted_by(mut flow: Flow, turns: &[(Role, u32)]) -> Vec<String> {
    let mut emitted = vec![];
    for (number, (role, len)) in turns.iter().enumerate() {
        let delivery = Delivery {
            number: number as u64,
            at: Timestamp::ZERO,
            len: *len,
            bytes: &[],
            printed: &[],
            decoded: "",
            hole: None,
        };
        flow.take(*role, &delivery, &mut |event| {
            assert_eq!(event.basis, Basis::Inferred);
            let name = format!("{:?}", event.message);
            emitted.push(name.split(['(', ' ']).next().unwrap_or_default().to_owned());
        });
    }
    emitted
}

use Role::{Client, Server};

#[test]
fn tls12_with_p521_and_gcm_is_followed_to_the_client_s_finished() {
    let turns = [(Client, 172), (Server, 1380), (Server, 214), (Client, 194)];
    assert_eq!(
        emitted(true, &turns),
        ["ClientHello", "ServerHello", "ServerFlightComplete", "ClientFinished", "SizeReadings"]
    );
}

#[test]
fn tls12_is_followed_to_application_data() {
    let turns = [(Client, 200), (Server, 1300), (Client, 93), (Server, 51), (Client, 150), (Server, 400)];
    assert_eq!(
        emitted(true, &turns)[3..],
        ["ClientFinished", "SizeReadings", "Established", "ApplicationData", "ApplicationData"]
    );
}

#[test]
fn seven_bytes_are_an_alert_by_whoever_sent_them() {
    assert_eq!(emitted(true, &[(Client, 200), (Server, 7)]), ["ClientHello", "Alert"]);
    assert_eq!(emitted(true, &[(Client, 200), (Server, 1300), (Client, 7)])[2..], ["Alert"]);
}

#[test]
fn seven_bytes_that_answer_the_client_s_flight_are_an_alert_though_it_looked_like_tls13() {
    let begun = [(Client, 337), (Server, 1427), (Client, 80)];
    let last = |more: &[(Role, u32)]| emitted(true, &[&begun[..], more].concat()).pop();
    assert_eq!(last(&[]).as_deref(), Some("SizeReadings"));
    assert_eq!(last(&[(Server, 7)]).as_deref(), Some("Alert"));
    assert_eq!(
        last(&[(Client, 90), (Server, 300), (Client, 90), (Server, 7)]).as_deref(),
        Some("ApplicationData")
    );
}

#[test]
fn java_s_padded_alert_is_where_its_finished_would_be() {
    let turns = [(Client, 440), (Server, 1300), (Client, 6), (Client, 40)];
    assert_eq!(emitted(true, &turns)[2..], ["ServerFlightComplete", "EncryptedAlert"]);
}

#[test]
fn a_cipher_change_without_a_key_exchange_before_it_is_tls13_s() {
    let begun = [(Client, 337), (Server, 1427), (Client, 6)];
    // The Finished alone; with a request after it; after an empty Certificate, padded as by Java.
    assert_eq!(
        emitted(true, &[&begun[..], &[(Client, 74)]].concat())[2..],
        ["ServerFlightComplete", "ClientFinished", "Established", "SizeReadings"]
    );
    let asked = emitted(true, &[&begun[..], &[(Client, 160)]].concat());
    assert_eq!(asked[3..], ["ClientFinished", "Established", "SizeReadings", "ApplicationData"]);
    let refused = [(Client, 46), (Client, 90), (Server, 24)];
    assert_eq!(
        emitted(true, &[&begun[..], &refused].concat()).last().map(String::as_str),
        Some("EncryptedAlert")
    );
    let without_certificate = emitted(true, &[&begun[..], &refused[..2]].concat());
    assert!(!without_certificate.contains(&"EncryptedAlert".to_owned()), "{without_certificate:?}");
    assert!(without_certificate.contains(&"Established".to_owned()), "{without_certificate:?}");
}

#[test]
fn a_second_hello_is_none_of_the_sizes_that_it_may_have_by_chance() {
    let turns = [(Client, 236), (Server, 99), (Client, 250), (Server, 1413), (Client, 74)];
    assert_eq!(emitted(true, &turns)[2..5], ["ServerHello", "ServerFlightComplete", "ClientFinished"]);
}

#[test]
fn fewer_bytes_than_a_finished_has_are_none() {
    let turns = [(Client, 200), (Server, 1300), (Client, 3)];
    assert_eq!(emitted(true, &turns)[2..], ["ServerFlightComplete"]);
    let turns = [(Client, 200), (Server, 1300), (Client, 93), (Server, 5)];
    assert!(!emitted(true, &turns).contains(&"Established".to_owned()));
}

#[test]
fn a_status_counts_after_a_request_of_which_nothing_was_printed() {
    let mut flow = Flow::new(true, false, 8_080);
    let mut emitted = vec![];
    for (role, printed) in
        [(Client, &b""[..]), (Server, b"HTTP/1.1 400 Bad Request"), (Server, b"HTTP/1.1 200 OK")]
    {
        let len = if role == Client { 14 } else { 480 };
        let delivery =
            Delivery { number: 1, at: Timestamp::ZERO, len, bytes: &[], printed, decoded: "", hole: None };
        flow.take(role, &delivery, &mut |event| {
            if let Message::Plain(plain) = event.message {
                emitted.push((event.role, plain.kind));
            }
        });
    }
    assert_eq!(emitted, [(Client, PlainKind::Binary), (Server, PlainKind::HttpResponse(400))]);
}

#[test]
fn a_server_that_speaks_first_does_not_speak_tls() {
    assert_eq!(emitted(true, &[(Server, 41)]), ["Plain"]);
}

#[test]
fn tls_on_an_unexpected_port_needs_a_size_that_only_tls_has() {
    assert_eq!(emitted(false, &[(Client, 200), (Server, 1300), (Client, 300)]), ["Plain"]);
    assert_eq!(emitted(false, &[(Client, 200), (Server, 1300), (Client, 126)]).len(), 5);
}

#[test]
fn java_s_key_exchange_alone_is_no_finished_yet() {
    let turns = [(Client, 440), (Server, 1300), (Client, 143), (Client, 6), (Client, 45), (Server, 51)];
    let whole = emitted(true, &turns);
    assert_eq!(whole[2..], ["ServerFlightComplete", "ClientFinished", "SizeReadings", "Established"]);
    assert_eq!(emitted(true, &turns[..4])[2..], ["ServerFlightComplete"]);
}

#[test]
fn a_resumed_session_has_no_certificate() {
    let turns = [(Client, 517), (Server, 141), (Client, 51), (Client, 150)];
    let emitted = emitted(true, &turns);
    assert_eq!(emitted[3..], ["ClientFinished", "Established", "SizeReadings", "ApplicationData"]);
}

#[test]
fn a_close_notify_is_known_by_the_cipher_s_own_size() {
    let turns = [(Client, 200), (Server, 1300), (Client, 93), (Server, 51), (Client, 150), (Server, 400)];
    for (bytes, name) in [(31, "Closing"), (32, "ApplicationData")] {
        let turns = [&turns[..], &[(Client, bytes)]].concat();
        assert_eq!(emitted(true, &turns).last().map(String::as_str), Some(name));
    }
}

#[test]
fn a_hello_that_is_asked_for_again_is_answered_again() {
    let turns = [(Client, 300), (Server, 99), (Client, 330), (Server, 1300), (Client, 64)];
    let emitted = emitted(true, &turns);
    assert_eq!(emitted.last().map(String::as_str), Some("SizeReadings"));
    assert!(emitted.contains(&"Established".to_owned()));
}

/// Runs segments of which characters were printed.
fn emitted_of(expects_tls: bool, segments: &[(Role, u32, &[u8])]) -> Vec<String> {
    let mut flow = Flow::new(true, expects_tls, PORT);
    let mut emitted = vec![];
    for (number, (role, len, printed)) in segments.iter().enumerate() {
        let (number, at) = (number as u64, Timestamp::ZERO);
        let delivery = Delivery { number, at, len: *len, bytes: &[], printed, decoded: "", hole: None };
        flow.take(*role, &delivery, &mut |event| emitted.push(format!("{:?}", event.message)));
    }
    emitted
}

#[test]
fn characters_show_a_handshake_after_starttls_on_any_port() {
    // 16 03 01 00 a7 01 00 00 a3 03 03: lengths of 167 and 163, which can't be printed.
    let hello: &[u8] = b"...........aR";
    let emitted = emitted_of(
        false,
        &[
            (Server, 30, b"220 mail ESMTP\r\n"),
            (Client, 10, b"STARTTLS\r\n"),
            (Server, 20, b"220 go ahead\r\n"),
            (Client, 172, hello),
            (Server, 1300, b"..........."),
            (Client, 7, b"......0"),
        ],
    );
    let begins = ["Plain", "Plain", "ClientHello", "ServerHello", "Alert"];
    assert_eq!(emitted.len(), begins.len(), "{emitted:?}");
    assert!(emitted.iter().zip(begins).all(|(emitted, begin)| emitted.starts_with(begin)), "{emitted:?}");
    assert!(emitted[4].contains("48"), "{emitted:?}");
}

#[test]
fn after_a_protocol_that_tls_never_follows_nothing_is_a_handshake() {
    let binary = b"................";
    for banner in [&b"SSH-2.0-OpenSSH_9.2"[..], b"PRI * HTTP/2.0"] {
        let segments: [(Role, u32, &[u8]); 6] = [
            (Client, 41, banner),
            (Server, 41, b"SSH-2.0-OpenSSH_8.9"),
            (Client, 1_360, binary),
            (Server, 1_080, binary),
            (Client, 48, binary),
            (Server, 7, binary),
        ];
        for expects_tls in [false, true] {
            let emitted = emitted_of(expects_tls, &segments);
            assert!(
                emitted.len() == 2 && emitted.iter().all(|event| event.starts_with("Plain(")),
                "{emitted:?}"
            );
        }
    }
}

#[test]
fn acknowledged_bytes_that_no_packet_shows_are_a_turn() {
    let mut flow = Flow::new(true, true, PORT);
    let mut emitted = 0;
    let delivery = Delivery {
        number: 3,
        at: Timestamp::ZERO,
        len: 0,
        bytes: &[],
        printed: &[],
        decoded: "",
        hole: None,
    };
    flow.take_unseen(Client, &delivery, 275, &mut |_| emitted += 1);
    flow.take(Client, &Delivery { len: 275, ..delivery }, &mut |_| emitted += 1);
    assert_eq!(emitted, 1);
    flow.take(Server, &Delivery { len: 1300, ..delivery }, &mut |event| {
        assert!(matches!(event.message, Message::ServerHello(_)));
        emitted += 1;
    });
    assert_eq!(emitted, 2);
}

proptest! {
    #[test]
    fn any_turns_are_read(
        segments in proptest::collection::vec((any::<bool>(), 0u32..2000, any::<Vec<u8>>(), 0u32..3), 0..30),
        expects_tls: bool,
    ) {
        let mut flow = Flow::new(true, expects_tls, PORT);
        for (number, (is_client, len, printed, kind)) in segments.iter().enumerate() {
            let role = if *is_client { Client } else { Server };
            let hole = (*kind == 1).then_some(crate::tcp::Hole { len: *len, kind: crate::tcp::HoleKind::Lost });
            let (number, at) = (number as u64, Timestamp::ZERO);
            let delivery = Delivery { number, at, len: *len, bytes: &[], printed, decoded: "", hole };
            match kind {
                2 => flow.take_unseen(role, &delivery, *len, &mut |_| {}),
                _ => flow.take(role, &delivery, &mut |_| {}),
            }
        }
    }
}

#[test]
fn on_any_port_an_alert_that_answers_what_may_be_a_client_hello_shows_both() {
    assert_eq!(emitted(false, &[(Client, 517), (Server, 7)]), ["ClientHello", "Alert"]);
    assert_eq!(emitted(false, &[(Client, 30), (Server, 7)]), ["Plain"]);
    assert_eq!(emitted(false, &[(Client, 4_000), (Server, 7)]), [""; 0]);
    assert_eq!(emitted(false, &[(Server, 80), (Client, 517), (Server, 7)])[..1], ["Plain"]);
}

#[test]
fn a_padded_client_hello_is_known_by_its_size_but_on_a_port_of_http() {
    let on = |saw_beginning, port| {
        emitted_by(Flow::new(saw_beginning, false, port), &[(Client, 517), (Server, 1300)])
    };
    assert_eq!(on(true, PORT), ["ClientHello", "ServerHello"]);
    assert_eq!(on(true, 8080), [""; 0]);
    // A paste that begins with it.
    assert_eq!(on(false, PORT), ["ClientHello", "ServerHello"]);
    assert_eq!(emitted_by(Flow::new(false, true, 443), &[(Client, 300), (Client, 517)]), [""; 0]);
    // A server that greets the client in clear did not expect it.
    assert_eq!(
        emitted(false, &[(Server, 33), (Client, 517), (Server, 181)]),
        ["Plain", "ClientHello", "ServerHello"]
    );
}

#[test]
fn where_tls_is_usual_a_client_hello_need_not_be_answered_like_one() {
    assert_eq!(
        emitted_by(Flow::new(true, false, 465), &[(Client, 176), (Server, 30)]),
        ["ClientHello", "Plain"]
    );
    assert_eq!(emitted(false, &[(Client, 176), (Server, 30)]), ["Plain"]);
}

#[test]
fn a_handshake_that_the_protocol_asks_for_first_is_followed() {
    let handshake = [(Client, 147), (Server, 872), (Client, 318), (Server, 51)];
    let after = |port, asked, agreed| {
        let turns = [&[(Client, asked), (Server, agreed)][..], &handshake].concat();
        emitted_by(Flow::new(true, false, port), &turns)
    };
    for (port, asked, agreed) in [(3389, 19, 19), (3389, 47, 19), (5432, 8, 1)] {
        assert_eq!(after(port, asked, agreed).last().map(String::as_str), Some("Established"), "{port}");
    }
    // Remote Desktop without TLS, and PostgreSQL's refusal, which is as long as its agreement.
    assert!(!after(3389, 19, 11).contains(&"ClientHello".to_owned()));
    let turns = [(Client, 8), (Server, 1), (Client, 84), (Server, 13), (Client, 41)];
    assert!(!emitted_by(Flow::new(true, false, 5432), &turns).contains(&"ClientHello".to_owned()));
}

#[test]
fn a_server_that_refuses_an_empty_certificate_spoke_tls() {
    let turns = [(Client, 293), (Server, 3686), (Client, 105), (Server, 7)];
    assert_eq!(
        emitted(false, &turns),
        ["ClientHello", "ServerHello", "ServerFlightComplete", "ClientFinished", "SizeReadings", "Alert"]
    );
}

#[test]
fn the_end_of_early_data_may_precede_the_finished() {
    let turns = [(Client, 404), (Client, 526), (Server, 222), (Client, 84)];
    assert_eq!(emitted(true, &turns)[3..], ["ClientFinished", "Established", "SizeReadings"]);
    assert!(
        !emitted(true, &[(Client, 404), (Server, 222), (Client, 84)]).contains(&"Established".to_owned())
    );
}

#[test]
fn unseen_bytes_that_fit_no_flight_show_nothing() {
    let mut flow = Flow::new(true, true, PORT);
    let mut emitted = vec![];
    let at = Timestamp::ZERO;
    let delivery = Delivery { number: 3, at, len: 0, bytes: &[], printed: &[], decoded: "", hole: None };
    let mut emit = |event: TlsEvent| emitted.push(event.message);
    flow.take_unseen(Client, &delivery, 517, &mut emit);
    flow.take(Server, &Delivery { len: 1431, ..delivery }, &mut emit);
    flow.take_unseen(Client, &delivery, 192, &mut emit);
    flow.take(Server, &Delivery { len: 287, ..delivery }, &mut emit);
    flow.take_unseen(Client, &delivery, 24, &mut emit);
    assert!(matches!(emitted[..], [Message::ClientHello(_), Message::ServerHello(_)]), "{emitted:?}");
}

#[test]
fn a_request_that_http_calls_bad_and_that_was_not_printed_is_a_client_hello() {
    let answer = b"HTTP/1.1 400 Bad Request\n";
    let refused = emitted_of(false, &[(Client, 119, b""), (Server, 341, answer)]);
    assert!(refused[0].starts_with("ClientHello") && refused[1].starts_with("Plain"), "{refused:?}");
    for (len, asked, answer) in [
        (119, &b"GET /x HTTP/1.1\n"[..], &answer[..]),
        (119, b"", b"HTTP/1.1 404 Not Found\n"),
        (60, b"", answer),
    ] {
        let emitted = emitted_of(false, &[(Client, len, asked), (Server, 341, answer)]);
        assert!(emitted.iter().all(|event| event.starts_with("Plain")), "{emitted:?}");
    }
}

#[test]
fn after_a_client_hello_that_was_read_the_server_s_turns_are_followed_by_size() {
    let at = Timestamp::ZERO;
    let answer = Delivery { number: 4, at, len: 1300, bytes: &[], printed: &[], decoded: "", hole: None };
    let emitted =
        emitted_by(Flow::after_hello(PORT, &answer, 437), &[(Server, 1300), (Client, 93), (Server, 51)]);
    assert_eq!(
        emitted,
        ["ServerHello", "ServerFlightComplete", "ClientFinished", "SizeReadings", "Established"]
    );
}
