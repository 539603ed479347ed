//! Conversations record by record, from whole payloads and from cut ones.

use proptest::prelude::*;

use super::alert::AlertDescription;
use super::basis::Basis;
use super::event::{Message, TlsEvent};
use super::handshake::kind;
use super::tracker::Tracker;
use crate::tcp::{Delivery, Hole, HoleKind, Role};
use crate::time::Timestamp;
use Role::{Client, Server};

/// A record of `content` type with `body`.
fn record(content: u8, body: &[u8]) -> Vec<u8> {
    let len = (body.len() as u16).to_be_bytes();
    [&[content, 3, 3, len[0], len[1]], body].concat()
}

/// A handshake message of `kind` with a body of `len` bytes that begins with `start`.
fn message(kind: u8, start: &[u8], len: usize) -> Vec<u8> {
    let mut body = start.to_vec();
    body.resize(len.max(start.len()), 0);
    [&(body.len() as u32 | u32::from(kind) << 24).to_be_bytes(), body.as_slice()].concat()
}

fn client_hello() -> Vec<u8> {
    record(22, &message(kind::CLIENT_HELLO, &[3, 3], 200))
}

/// A ServerHello with a session id of 32 bytes, of TLS 1.2 or 1.3.
fn server_hello(is_tls13: bool) -> Vec<u8> {
    let mut body = vec![3, 3];
    body.extend([7; 32]);
    body.push(32);
    body.extend([9; 32]);
    body.extend(if is_tls13 { [0x13, 1] } else { [0xc0, 0x30] });
    body.push(0);
    let extensions: &[u8] = if is_tls13 { &[0, 43, 0, 2, 3, 4] } else { &[0xff, 1, 0, 1, 0] };
    body.extend((extensions.len() as u16).to_be_bytes());
    body.extend(extensions);
    record(22, &message(kind::SERVER_HELLO, &body, 0))
}

fn cipher_change(finished: usize) -> Vec<u8> {
    [record(20, &[1]), record(22, &vec![0x55; finished])].concat()
}

/// Runs segments, each cut to `snaplen` payload bytes, and returns the events.
fn run(segments: &[(Role, Vec<u8>)], snaplen: usize) -> Vec<TlsEvent> {
    let mut tracker = Tracker::new(true, true, 443);
    let mut events = vec![];
    for (number, (role, bytes)) in segments.iter().enumerate() {
        let delivery = Delivery {
            number: number as u64 + 1,
            at: Timestamp::ZERO,
            len: bytes.len() as u32,
            bytes: &bytes[..bytes.len().min(snaplen)],
            printed: &[],
            decoded: "",
            hole: None,
        };
        tracker.take(*role, &delivery, &mut |event| events.push(event));
    }
    events
}

/// The steps among the events; certificates are tested by themselves.
fn names(events: &[TlsEvent]) -> Vec<String> {
    let name =
        |event: &TlsEvent| format!("{:?}", event.message).split(['(', ' ']).next().unwrap_or("").to_owned();
    let is_step =
        |event: &&TlsEvent| !matches!(event.message, Message::Certificates(_) | Message::CertificateRequest);
    events.iter().filter(is_step).map(name).collect()
}

const WHOLE: usize = usize::MAX;
/// What a 128-byte capture leaves of the payload after Ethernet, IPv4 and TCP timestamps.
const CUT: usize = 62;

fn tls12() -> Vec<(Role, Vec<u8>)> {
    let flight = [
        server_hello(false),
        record(22, &message(kind::CERTIFICATE, &[], 900)),
        record(22, &message(kind::SERVER_KEY_EXCHANGE, &[], 300)),
        record(22, &message(kind::SERVER_HELLO_DONE, &[], 0)),
    ]
    .concat();
    let exchange = [record(22, &message(kind::CLIENT_KEY_EXCHANGE, &[], 66)), cipher_change(40)].concat();
    vec![
        (Client, client_hello()),
        (Server, flight[..1000].to_vec()),
        (Server, flight[1000..].to_vec()),
        (Client, exchange),
        (Server, cipher_change(40)),
        (Client, record(23, &[1; 200])),
        (Server, record(23, &[1; 300])),
        (Client, record(21, &[1; 26])),
    ]
}

const HANDSHAKE: [&str; 5] =
    ["ClientHello", "ServerHello", "ServerFlightComplete", "ClientFinished", "Established"];

#[test]
fn tls12_is_followed_from_whole_payloads_to_the_closing() {
    let events = run(&tls12(), WHOLE);
    assert_eq!(names(&events)[..5], HANDSHAKE);
    assert_eq!(names(&events)[5..], ["ApplicationData", "ApplicationData", "Closing"]);
    assert!(events.iter().all(|event| event.basis == Basis::Decoded));
}

#[test]
fn tls12_is_followed_from_cut_payloads_and_says_so() {
    let events = run(&tls12(), CUT);
    assert_eq!(names(&events)[..5], HANDSHAKE);
    assert!(events.iter().any(|event| event.basis != Basis::Decoded));
    assert!(names(&events).contains(&"ApplicationData".to_owned()));
}

#[test]
fn six_bytes_of_a_hello_show_that_it_is_one() {
    // What a 128-byte capture leaves after VXLAN and timestamps.
    for snaplen in [6, 8, 9] {
        let events = names(&run(&tls12(), snaplen));
        assert_eq!(events[..5], HANDSHAKE, "at {snaplen}");
        assert_eq!(events[5..], ["ApplicationData", "ApplicationData", "Closing"], "at {snaplen}");
    }
}

#[test]
fn an_abbreviated_handshake_is_followed_from_whole_and_cut_payloads() {
    let segments = [
        (Client, client_hello()),
        (Server, [server_hello(false), cipher_change(40)].concat()),
        (Client, cipher_change(40)),
        (Client, record(23, &[1; 200])),
    ];
    for snaplen in [WHOLE, 74, CUT] {
        assert_eq!(
            names(&run(&segments, snaplen)).into_iter().take(5).collect::<Vec<_>>(),
            HANDSHAKE,
            "at {snaplen}"
        );
    }
}

#[test]
fn an_abbreviated_handshake_with_its_finished_apart_is_followed() {
    let segments = [
        (Client, client_hello()),
        (Server, [server_hello(false), record(20, &[1])].concat()),
        (Server, record(22, &[0x55; 32])),
        (Client, cipher_change(32)),
    ];
    for snaplen in [WHOLE, 74, CUT] {
        assert_eq!(
            names(&run(&segments, snaplen)).into_iter().take(5).collect::<Vec<_>>(),
            HANDSHAKE,
            "at {snaplen}"
        );
    }
}

fn tls13(client_flight: &[u8]) -> Vec<(Role, Vec<u8>)> {
    let flight = [
        server_hello(true),
        record(20, &[1]),
        record(23, &[2; 23]),
        record(23, &[2; 900]),
        record(23, &[2; 281]),
        record(23, &[2; 53]),
    ]
    .concat();
    vec![(Client, client_hello()), (Server, flight), (Client, client_flight.to_vec())]
}

#[test]
fn tls13_is_inferred_from_the_client_s_finished() {
    let mut segments = tls13(&[record(20, &[1]), record(23, &[3; 53])].concat());
    segments.push((Client, record(23, &[3; 90])));
    segments.push((Server, record(23, &[3; 400])));
    for snaplen in [WHOLE, 74, CUT] {
        let events = run(&segments, snaplen);
        assert_eq!(names(&events)[..5], HANDSHAKE, "at {snaplen}");
        assert_eq!(names(&events)[5..], ["ApplicationData", "ApplicationData"], "at {snaplen}");
        assert_eq!(events[3].basis, Basis::Inferred);
    }
}

#[test]
fn eighteen_bytes_of_data_are_no_padded_alert_where_nothing_is_padded() {
    // The suite's hash has 32 bytes, so a Finished of 53 is not padded, and one of 69 is.
    for (finished, what) in [(53, "ApplicationData"), (69, "Closing")] {
        let mut segments = tls13(&[record(20, &[1]), record(23, &vec![3; finished])].concat());
        segments.push((Client, record(23, &[3; 35])));
        assert_eq!(names(&run(&segments, WHOLE))[5..], [what], "{finished}");
        // Where the suite was cut off, nothing is known of the padding.
        assert_eq!(names(&run(&segments, 74))[5..], ["Closing"], "{finished}");
    }
}

#[test]
fn a_request_in_the_segment_of_the_finished_is_known_though_it_was_cut_off() {
    // 62 captured bytes end in the Finished, or in the header of the record after it.
    for finished in [69, 53] {
        let flight = [record(23, &vec![3; finished]), record(23, &[3; 81])].concat();
        let mut segments = tls13(&record(20, &[1]));
        segments.push((Client, flight));
        let events = names(&run(&segments, CUT));
        assert_eq!(events[..5], HANDSHAKE, "{finished}");
        assert_eq!(events[5..], ["ApplicationData"], "{finished}");
    }
}

#[test]
fn a_client_s_flight_of_which_no_header_was_captured_holds_its_finished() {
    // Ten bytes end in the header after the ChangeCipherSpec.
    let answered = |client_flight: &[u8]| {
        let hello = (Server, server_hello(true));
        let flight = [[2; 900].to_vec(), [2; 53].to_vec()].map(|body| record(23, &body)).concat();
        vec![(Client, client_hello()), hello, (Server, flight), (Client, client_flight.to_vec())]
    };
    for finished in [53, 69] {
        let mut segments = answered(&[record(20, &[1]), record(23, &vec![3; finished])].concat());
        segments.push((Client, record(23, &[3; 19])));
        let events = names(&run(&segments, 10));
        assert_eq!(events.last().map(String::as_str), Some("Closing"), "{finished}: {events:?}");
    }
    let refused = answered(&[record(20, &[1]), record(23, &[3; 19])].concat());
    assert!(!names(&run(&refused, 10)).contains(&"Established".to_owned()));
}

#[test]
fn an_encrypted_alert_whose_sender_s_cipher_change_was_not_seen_closes() {
    let mut tracker = Tracker::new(false, true, 443);
    let mut events = vec![];
    let farewell = record(21, &[1; 26]);
    let segments = [(Server, cipher_change(40)), (Client, farewell.clone()), (Server, farewell)];
    for (number, (role, bytes)) in segments.iter().enumerate() {
        let delivery = Delivery {
            number: number as u64 + 1,
            at: Timestamp::ZERO,
            len: bytes.len() as u32,
            bytes,
            printed: &[],
            decoded: "",
            hole: None,
        };
        tracker.take(*role, &delivery, &mut |event| events.push(event));
    }
    assert!(names(&events).contains(&"Closing".to_owned()), "{events:?}");
    assert!(!names(&events).contains(&"EncryptedAlert".to_owned()), "{events:?}");
}

#[test]
fn a_request_is_one_wherever_its_segments_are_divided() {
    let flight = [record(23, &[3; 69]), record(23, &[3; 81])].concat();
    for end in 75..flight.len() {
        let mut segments = tls13(&record(20, &[1]));
        segments.extend([(Client, flight[..end].to_vec()), (Client, flight[end..].to_vec())]);
        // This many bytes after the Finished are those of an alert.
        if !matches!(end - 74, 16 | 24 | 40) {
            assert!(names(&run(&segments, CUT)).contains(&"ApplicationData".to_owned()), "{end}");
        }
    }
}

#[test]
fn a_resuming_server_s_flight_may_be_one_record() {
    let mut hello = vec![3, 3];
    hello.extend([7; 32]);
    hello.extend([0, 0x13, 1, 0, 0, 12]);
    hello.extend([0, 43, 0, 2, 3, 4, 0, 41, 0, 2, 0, 0]);
    let hello = record(22, &message(kind::SERVER_HELLO, &hello, 0));
    for (flight, is_complete) in [(72, true), (36, false)] {
        let answer = [hello.clone(), record(20, &[1]), record(23, &vec![3; flight])].concat();
        let events = names(&run(&[(Client, client_hello()), (Server, answer)], WHOLE));
        assert_eq!(events.contains(&"ServerFlightComplete".to_owned()), is_complete, "{flight}");
    }
}

#[test]
fn an_encrypted_alert_where_the_finished_should_be_is_an_alert() {
    for alert in [19, 35] {
        let segments = tls13(&[record(20, &[1]), record(23, &vec![3; alert])].concat());
        assert_eq!(names(&run(&segments, CUT)).last().map(String::as_str), Some("EncryptedAlert"));
    }
}

#[test]
fn early_data_is_no_finished_and_ends_before_it() {
    let mut segments = tls13(&[record(23, &[3; 80]), record(23, &[3; 21]), record(23, &[3; 53])].concat());
    segments.insert(1, (Client, [record(20, &[1]), record(23, &[3; 60])].concat()));
    let events = names(&run(&segments, WHOLE));
    assert_eq!(
        events,
        [
            "ClientHello",
            "EarlyData",
            "ServerHello",
            "ServerFlightComplete",
            "EarlyData",
            "ClientFinished",
            "Established"
        ]
    );
}

#[test]
fn a_false_start_is_early_data_until_the_server_finishes() {
    let mut segments = tls12();
    segments.swap(4, 5);
    let events = names(&run(&segments, WHOLE));
    assert_eq!(events[3..6], ["ClientFinished", "EarlyData", "Established"]);
}

#[test]
fn a_refused_client_certificate_is_an_alert_after_the_client_s_finished() {
    let client_flight = [record(20, &[1]), record(23, &[3; 25]), record(23, &[3; 53])].concat();
    for (certificate, events) in [(true, "EncryptedAlert"), (false, "Closing")] {
        let mut segments = tls13(if certificate { &client_flight } else { &client_flight[36..] });
        segments.push((Server, record(23, &[3; 19])));
        assert_eq!(names(&run(&segments, WHOLE)).last().map(String::as_str), Some(events));
    }
}

#[test]
fn early_data_may_be_answered_before_the_client_finishes() {
    let mut segments = tls13(&[]);
    segments.insert(1, (Client, record(23, &[3; 60])));
    segments.pop();
    segments.push((Server, [record(23, &[2; 400]), record(23, &[2; 19])].concat()));
    segments.push((Client, [record(23, &[3; 21]), record(23, &[3; 53])].concat()));
    let events = names(&run(&segments, WHOLE));
    assert_eq!(events[3..], ["ServerFlightComplete", "Established", "ApplicationData", "Closing"]);
}

#[test]
fn a_refused_certificate_shows_that_the_server_s_flight_came() {
    let flight = [server_hello(true), record(20, &[1]), record(23, &[2; 1216])].concat();
    for refusal in [record(21, &[2, 48]), record(23, &[3; 19])] {
        let segments = [(Client, client_hello()), (Server, flight.clone()), (Client, refusal)];
        let events = run(&segments, CUT);
        assert_eq!(names(&events)[2], "ServerFlightComplete");
        assert_eq!(events[2].basis, Basis::Inferred);
    }
}

#[test]
fn a_client_certificate_s_flight_may_be_one_record_or_three() {
    let flights = [vec![1173], vec![900, 281, 53], vec![600, 97, 69]];
    for flight in flights {
        let records: Vec<u8> = flight.iter().flat_map(|len| record(23, &vec![3; *len])).collect();
        let mut segments = tls13(&records);
        segments.push((Client, record(23, &[3; 60])));
        segments.push((Server, record(23, &[3; 400])));
        let events = names(&run(&segments, WHOLE));
        assert_eq!(events[3..], ["ClientFinished", "Established", "ApplicationData", "ApplicationData"]);
    }
}

#[test]
fn a_key_update_is_no_data() {
    let mut segments = tls13(&record(23, &[3; 53]));
    segments.push((Client, record(23, &[3; 22])));
    assert_eq!(names(&run(&segments, WHOLE)).last().map(String::as_str), Some("KeyUpdate"));
}

#[test]
fn a_renegotiation_shows_that_it_is_one_and_no_more() {
    let mut segments = tls12()[..5].to_vec();
    segments.push((Client, record(22, &[3; 250])));
    segments.push((Server, record(22, &[3; 1500])));
    segments.push((Client, [record(22, &[3; 100]), record(20, &[3; 25]), record(22, &[3; 40])].concat()));
    segments.push((Server, [record(20, &[3; 25]), record(22, &[3; 40])].concat()));
    segments.push((Client, record(23, &[1; 200])));
    let events = names(&run(&segments, WHOLE));
    assert_eq!(events[..5], HANDSHAKE);
    assert_eq!(events[5..10], ["Renegotiation"; 5]);
    assert_eq!(events[10..], ["ApplicationData"]);
}

#[test]
fn alerts_in_clear_are_read_from_both_sides() {
    let refusal = vec![(Client, client_hello()), (Server, record(21, &[2, 70]))];
    let alert = Message::Alert { level: 2, description: Some(AlertDescription(70)) };
    assert_eq!(run(&refusal, CUT).last().map(|event| event.message.clone()), Some(alert.clone()));
    // RFC 5246, 6.2.1: it may be split over records.
    let split = vec![(Client, client_hello()), (Server, record(21, &[2])), (Server, record(21, &[70]))];
    assert_eq!(run(&split, WHOLE).last().map(|event| event.message.clone()), Some(alert));
    assert_eq!(run(&split[..2], WHOLE).len(), 1);
}

#[test]
fn certificates_are_reported_with_as_much_of_them_as_was_captured() {
    let certificate = |bytes: u8| message(kind::CERTIFICATE, &[0, 0, 7, 0, 0, 4, 1, 2, 3, bytes], 0);
    let segments = [
        (Client, client_hello()),
        (
            Server,
            [
                server_hello(false),
                record(22, &certificate(4)),
                record(22, &message(kind::CERTIFICATE_REQUEST, &[], 40)),
                record(22, &message(kind::SERVER_HELLO_DONE, &[], 0)),
            ]
            .concat(),
        ),
        (Client, record(22, &message(kind::CERTIFICATE, &[0, 0, 0], 0))),
    ];
    let said = |snaplen: usize| -> Vec<(Role, u32, usize, bool)> {
        let events = run(&segments, snaplen);
        let certificates = events.iter().filter_map(|event| match &event.message {
            Message::Certificates(said) => Some((event.role, said.len, said.chain.len(), said.is_whole)),
            _ => None,
        });
        certificates.collect()
    };
    assert_eq!(said(WHOLE), [(Server, 14, 1, true), (Client, 7, 0, true)]);
    // The ServerHello and 12 bytes of the record after it, then a record of the client that is whole.
    let server_hello = server_hello(false).len();
    assert_eq!(said(server_hello + 12), [(Server, 14, 0, false), (Client, 7, 0, true)]);
    assert!(
        run(&segments, WHOLE).iter().any(|event| event.message == Message::CertificateRequest),
        "the server asked for a certificate"
    );
}

#[test]
fn http_in_place_of_tls_is_plain_and_connect_is_followed_by_tls() {
    let events = run(&[(Client, client_hello()), (Server, b"HTTP/1.1 400 Bad Request\r\n".to_vec())], WHOLE);
    assert_eq!(names(&events), ["ClientHello", "Plain"]);
    let mut tunnel = vec![
        (Client, b"CONNECT ssm:8443 HTTP/1.1\r\n\r\n".to_vec()),
        (Server, b"HTTP/1.1 200 OK\r\n\r\n".to_vec()),
    ];
    tunnel.extend(tls12());
    assert_eq!(names(&run(&tunnel, WHOLE))[..7][2..], HANDSHAKE);
}

#[test]
fn one_byte_a_segment_gives_the_same_result() {
    let bytes = |(role, bytes): (Role, Vec<u8>)| bytes.into_iter().map(move |byte| (role, vec![byte]));
    let split: Vec<_> = tls12().into_iter().flat_map(bytes).collect();
    assert_eq!(names(&run(&split, WHOLE)), names(&run(&tls12(), WHOLE)));
}

proptest! {
    #[test]
    fn any_split_into_segments_gives_the_same_result(cuts in proptest::collection::vec(1usize..400, 40)) {
        let mut sizes = cuts.into_iter().cycle();
        let mut split = vec![];
        for (role, bytes) in tls12() {
            let mut rest = bytes.as_slice();
            while !rest.is_empty() {
                let (part, after) = rest.split_at(sizes.next().unwrap_or(1).min(rest.len()));
                split.push((role, part.to_vec()));
                rest = after;
            }
        }
        prop_assert_eq!(names(&run(&split, WHOLE)), names(&run(&tls12(), WHOLE)));
    }

    #[test]
    fn any_bytes_are_read_without_panic(
        segments in proptest::collection::vec((any::<bool>(), any::<Vec<u8>>(), 0u32..2000, 0u32..2000), 0..40)
    ) {
        let mut tracker = Tracker::new(true, true, 443);
        for (number, (is_client, bytes, more, hole)) in segments.into_iter().enumerate() {
            let hole = (hole % 3 == 0).then_some(Hole { len: hole, kind: HoleKind::Lost });
            let delivery = Delivery {
                number: number as u64, at: Timestamp::ZERO, len: bytes.len() as u32 + more, bytes: &bytes, printed: &[], decoded: "", hole,
            };
            tracker.take(if is_client { Client } else { Server }, &delivery, &mut |_| {});
        }
    }
}
