//! The lines of the article that this program began with: three sources that show three different attempts. The right answer is
//! that nothing belongs together, and why.

use super::super::clock::OffsetUnknown;
use super::super::tie::{Objection, TieSettings, tie};
use super::super::{Attempt, AttemptOutcome, Exchange, LogSettings, Logs, Side, Wire, WireOutcome};
use super::{at, read};
use crate::time::{Clock, Elapsed, Timestamp};

const MESSAGES: &str = include_str!("../samples/seed-messages.txt");
const SERVER: &str = include_str!("../samples/seed-vmanage-server.txt");

fn logs() -> Logs {
    read(&[("messages", MESSAGES), ("vmanage-server.log", SERVER)], &LogSettings::default())
}

/// 10 packets of the handshake, by time of day, captured on the vManage. The round trip takes 244 ms.
fn wire() -> Wire {
    let time = |nanos: i64| Timestamp::from_nanos((12 * 3600 + 15 * 60 + 6) * 1_000_000_000 + nanos);
    let (start, end) = (time(407_513_000), time(923_929_000));
    let socket = |text: &str| text.parse().expect("an address");
    let (client, server) = (socket("10.66.76.81:57886"), socket("10.106.66.55:8443"));
    Wire {
        clock: Clock::TimeOfDay,
        span: (start, end),
        made_at: Some(Side::Client),
        host: Some("um8_vManage".to_owned()),
        exchanges: vec![Exchange {
            is_ended: false,
            end_by: Side::Client,
            outcome: WireOutcome::Unknown,
            to_client: Some(Elapsed::ZERO),
            to_server: Some(Elapsed::from_nanos(244_185_000)),
            ..Exchange::complete(client, server, start, end)
        }],
    }
}

fn client(logs: &Logs) -> (usize, &Attempt) {
    let mut attempts = logs
        .attempts
        .iter()
        .enumerate()
        .filter(|(_, attempt)| attempt.side == Side::Client && !attempt.is_presumed);
    let found = attempts.next().expect("an attempt");
    assert_eq!(attempts.next(), None);
    found
}

#[test]
fn the_attempt_is_found_by_class_level_thread_and_order() {
    let logs = logs();
    let (_, attempt) = client(&logs);
    assert_eq!(attempt.begin, Some(at("2023-01-13T17:29:02.798Z")));
    assert_eq!(attempt.end, at("2023-01-13T17:29:03.490Z"));
    assert_eq!(attempt.outcome, AttemptOutcome::Failed);
    assert_eq!(attempt.thread.as_ref().map(super::super::Quote::raw), Some("default task-24"));
    // From the second line of the manager's, without the settings' class.
    assert_eq!((attempt.lines.len(), attempt.left_out), (10, 0));
}

#[test]
fn the_pauses_before_the_request_are_no_attempts() {
    assert!(!logs().attempts.iter().any(|attempt| attempt.is_presumed));
}

#[test]
fn the_requests_are_placed_by_their_own_times_unless_these_contradict_syslog_s() {
    let logs = logs();
    let requests: Vec<_> = logs.attempts.iter().filter(|attempt| attempt.side == Side::Server).collect();
    let of = |ip: &str| {
        let ip = Some(ip.parse().expect("an address"));
        requests.iter().find(|request| request.client.ip == ip).expect("a request")
    };
    assert_eq!(of("10.66.76.85").end, at("2023-01-13T11:17:01Z"));
    assert_eq!(of("10.110.35.124").end, at("2023-01-13T11:14:46Z"));
    let upstream = requests.iter().find(|request| request.connection == Some(1576)).expect("an error");
    assert_eq!((upstream.end, upstream.outcome), (at("2023-01-13T11:17:01Z"), AttemptOutcome::Failed));
    let note = logs.notes.iter().find(|note| note.text.contains("contradicts")).expect("a note");
    assert!(note.text.starts_with("in 2 lines, the first of them line 12,"), "{}", note.text);
}

#[test]
fn the_three_sources_are_refused_with_the_three_reasons() {
    let logs = logs();
    let ties = tie(&logs, &wire(), &TieSettings::default());
    assert!(ties.ties.is_empty());
    let reasons =
        |index: usize| &ties.untied.iter().find(|untied| untied.attempt == index).expect("untied").reasons;
    let (index, _) = client(&logs);
    let reasons_of_client = reasons(index);
    assert!(
        reasons_of_client.iter().any(|reason| matches!(reason, Objection::TooShort { attempt, least }
            if attempt.nanos() == 692_000_000 && least.nanos() == 4 * 244_185_000)),
        "{reasons_of_client:?}"
    );
    let Some(Objection::Offset(OffsetUnknown::SameHost { bounds, remainder })) =
        reasons_of_client.iter().find(|reason| matches!(reason, Objection::Offset(_)))
    else {
        panic!("{reasons_of_client:?}")
    };
    // 5:13:56.39 to 5:13:56.57: 63 s off the nearest quarter of an hour.
    assert_eq!(bounds.0.nanos() / 10_000_000, ((5 * 60 + 13) * 60 + 56) * 100 + 39);
    assert_eq!(bounds.1.nanos() / 10_000_000, ((5 * 60 + 13) * 60 + 56) * 100 + 56);
    assert_eq!(remainder.nanos() / 1_000_000_000, 63);
    let request = logs
        .attempts
        .iter()
        .position(|attempt| attempt.client.ip == Some("10.66.76.85".parse().expect("an address")));
    let reasons_of_request = reasons(request.expect("a request"));
    assert_eq!(
        reasons_of_request.first(),
        Some(&Objection::OtherClient(
            "10.66.76.85".parse().expect("an address"),
            "10.66.76.81".parse().expect("an address")
        ))
    );
}

#[test]
fn a_reason_rests_on_all_exchanges_however_many_there_are() {
    let logs = logs();
    let own: std::net::IpAddr = "10.66.76.85".parse().expect("an address");
    let request = logs.attempts.iter().position(|attempt| attempt.client.ip == Some(own)).expect("a request");
    let first_reason = |wire: &Wire| {
        let ties = tie(&logs, wire, &TieSettings::default());
        ties.untied.into_iter().find(|untied| untied.attempt == request)?.reasons.into_iter().next()
    };
    let mut wire = wire();
    let exchange = wire.exchanges.first().expect("an exchange").clone();
    wire.exchanges.resize(1_000, exchange.clone());
    assert!(matches!(first_reason(&wire), Some(Objection::OtherClient(..))));
    // The last one of them is this client's.
    let client = (own, exchange.client.port()).into();
    wire.exchanges.push(Exchange { client, ..exchange });
    assert!(!matches!(first_reason(&wire), Some(Objection::OtherClient(..))));
}
