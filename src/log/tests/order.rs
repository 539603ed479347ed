//! Lines of a server that have the second and no more, and what else decides between exchanges of one second.

use super::super::tie::{Grade, Objection, TieSettings, Ties, tie};
use super::super::{Exchange, LogSettings, OwnRequest, Wire, read_stream};
use super::{after_ten as at, exchange};
use crate::time::{Clock, Elapsed};

/// An exchange of 40 ms that ended this many milliseconds after ten, from a port of its own.
fn ended(millis: i64) -> Exchange {
    let mut exchange = exchange("10.77.0.2:8443", millis - 40, millis);
    exchange.client.set_port(32_768 + (millis % 30_000) as u16);
    exchange
}

/// Ties lines of nginx, each with its second after ten, its request and its status, to exchanges on the same clock.
fn tied(lines: &[(u32, &str, u16)], exchanges: &[Exchange]) -> Ties {
    let lines: Vec<String> = lines
        .iter()
        .map(|(second, request, status)| {
            let (minute, second) = (second / 60, second % 60);
            format!(
                "10.77.0.1 - - [13/Jan/2023:10:{minute:02}:{second:02} +0000] \"{request} HTTP/1.1\" {status} 9 \"-\" \"-\"\n"
            )
        })
        .collect();
    let text = std::io::Cursor::new(lines.concat());
    let logs = read_stream("access.log", text, &LogSettings::default()).expect("a log");
    let wire = Wire {
        clock: Clock::Utc,
        span: (at(0), at(600_000)),
        exchanges: exchanges.to_vec(),
        ..Wire::default()
    };
    let settings = TieSettings { offsets: vec![(None, Elapsed::ZERO)], ..TieSettings::default() };
    tie(&logs, &wire, &settings)
}

/// The exchange of each attempt that has one.
fn pairs(ties: &Ties) -> Vec<(usize, usize)> {
    ties.ties.iter().map(|tie| (tie.attempt, tie.exchange)).collect()
}

const OK: (u32, &str, u16) = (8, "GET /a", 200);
const REFUSED: (u32, &str, u16) = (8, "GET /a", 401);

#[test]
fn as_many_lines_as_exchanges_of_one_second_are_tied_in_their_order() {
    let exchanges = [ended(8_200), ended(8_500), ended(8_800)];
    assert_eq!(pairs(&tied(&[OK, REFUSED, OK], &exchanges)), [(0, 0), (1, 1), (2, 2)]);
    // A second apart, each decides for itself.
    let apart = [ended(8_500), ended(12_500)];
    assert_eq!(pairs(&tied(&[REFUSED], &apart)), [(0, 0)]);
}

#[test]
fn one_line_or_one_exchange_too_many_leaves_all_of_that_second_untied() {
    let exchanges = [ended(8_200), ended(8_500), ended(8_800)];
    let ties = tied(&[REFUSED, OK], &exchanges);
    assert_eq!(pairs(&ties), []);
    assert!(
        ties.untied.iter().all(|untied| matches!(untied.reasons[0], Objection::Ambiguous(_))),
        "{ties:?}"
    );
    assert_eq!(pairs(&tied(&[REFUSED, OK, OK, REFUSED], &exchanges)), []);
    // Other seconds have nothing to do with it.
    let with_another = [&exchanges[..], &[ended(12_500)]].concat();
    assert_eq!(pairs(&tied(&[REFUSED, OK, (12, "GET /b", 401)], &with_another)), [(2, 3)]);
}

#[test]
fn exchanges_that_ended_together_may_be_logged_in_either_order() {
    let exchanges = [ended(8_200), ended(8_230), ended(8_800)];
    assert_eq!(pairs(&tied(&[REFUSED, OK, OK], &exchanges)), [(2, 2)]);
}

#[test]
fn which_request_of_a_connection_a_line_is_about_may_stay_open_and_the_connection_not() {
    let first = ended(8_200);
    let second = Exchange { client: first.client, round_trips: 1, ..ended(8_220) };
    let ties = tied(&[REFUSED, OK], &[first.clone(), second.clone()]);
    assert_eq!(pairs(&ties), [(0, 0), (1, 1)]);
    assert!(ties.ties.iter().all(|tie| tie.grade == Grade::Likely));
    // The same port soon again is another connection.
    let other = Exchange { round_trips: 3, ..second };
    assert_eq!(pairs(&tied(&[REFUSED, OK], &[first, other])), []);
}

/// Lines about answers that are as long as these, and exchanges with answers of these sizes, of which two ended together.
#[test]
fn the_size_of_an_answer_decides_where_order_does_not() {
    let seconds = |from: u32| (0..30).map(move |number| from + number * 7 + number * number % 5);
    let line = |second: u32, status| (second, "GET /a", status);
    let answer = |millis: i64, bytes| Exchange { answer_bytes: Some(bytes), ..ended(millis) };
    let at = |second: u32| i64::from(second) * 1_000 + 5 + i64::from(second) * 370 % 990;
    let granted = seconds(0).map(|second| line(second, 200));
    let mut lines: Vec<_> = granted.chain(seconds(220).map(|second| line(second, 401))).collect();
    let granted = seconds(0).map(|second| answer(at(second), 309));
    let mut exchanges: Vec<_> = granted.chain(seconds(220).map(|second| answer(at(second), 250))).collect();
    lines.extend([line(500, 401), line(500, 200)]);
    exchanges.extend([answer(500_500, 309), answer(500_501, 250)]);
    let ties = tied(&lines, &exchanges);
    assert_eq!(ties.ties.len(), 62, "{:?} {:?}", ties.clocks, ties.untied);
    assert_eq!(pairs(&ties)[60..], [(60, 61), (61, 60)]);
    // If both have one size, either may be either's.
    exchanges[60].answer_bytes = None;
    exchanges[61].answer_bytes = None;
    assert_eq!(pairs(&tied(&lines, &exchanges)).len(), 60);
}

#[test]
fn a_client_that_asked_for_nothing_has_no_request_in_a_log() {
    let silent = Exchange { asks: false, ..ended(8_300) };
    assert_eq!(pairs(&tied(&[REFUSED, OK], &[ended(8_200), silent.clone(), ended(8_500)])), [(0, 0), (1, 2)]);
    assert_eq!(pairs(&tied(&[REFUSED], &[silent])), []);
}

#[test]
fn what_a_check_asked_is_tied_by_method_path_and_status() {
    let own = |line: &str, status| {
        let own = OwnRequest { line: Some(line.to_owned()), status: Some(status), tunnel: None };
        Exchange { own: Some(own), status: Some(status), ..ended(8_500) }
    };
    let is_tied = |logged: (u32, &str, u16), own: Exchange| !pairs(&tied(&[logged], &[own])).is_empty();
    assert!(is_tied(REFUSED, own("GET /a", 401)));
    assert!(is_tied((8, "GET /a?b=c", 200), own("GET /a", 200)));
    assert!(is_tied((8, "POST /oauth/token", 401), own("POST /backend/oauth/token", 401)));
    for (logged, asked, status) in [
        ((8, "GET /a", 302), "GET /a", 200),
        ((8, "GET /a", 200), "GET /a", 401),
        ((8, "HEAD /a", 200), "GET /a", 200),
        ((8, "GET /admin/a", 200), "GET /a", 200),
        ((8, "GET /token", 200), "GET /api/v1/token", 200),
        ((8, "GET /", 200), "GET /a/", 200),
    ] {
        assert!(!is_tied(logged, own(asked, status)), "{logged:?} {asked} {status}");
    }
    let nothing = Exchange { own: Some(OwnRequest::default()), ..ended(8_500) };
    let ties = tied(&[REFUSED], &[nothing]);
    assert_eq!((pairs(&ties), &ties.untied[0].reasons[0]), (vec![], &Objection::OtherRequest));
}

#[test]
fn a_proxy_s_line_is_the_check_s_if_it_names_its_tunnel() {
    let own = OwnRequest {
        line: Some("GET /a".to_owned()),
        status: Some(403),
        tunnel: Some("ssm.example:8443".to_owned()),
    };
    let exchange = Exchange { own: Some(own), status: Some(403), is_proxied: true, ..ended(8_500) };
    let is_tied = |request| !pairs(&tied(&[(8, request, 200)], std::slice::from_ref(&exchange))).is_empty();
    assert!(is_tied("CONNECT ssm.example:8443"));
    assert!(!is_tied("CONNECT other.example:443"));
}
