//! nginx's error log alone: seconds, the number of a connection, and what became of an upstream server.

use super::super::tie::{TieSettings, Ties, tie};
use super::super::{Exchange, LogSettings, Wire, read_stream};
use super::{after_ten as at, exchange};
use crate::time::{Clock, Elapsed};

const REFUSED: &str = "connect() failed (111: Connection refused) while connecting to upstream";
const CLOSED: &str = "upstream prematurely closed connection while reading response header from upstream";
const DOWN: &str = "no live upstreams while connecting to upstream";
const TIMEOUT: &str =
    "upstream timed out (110: Connection timed out) while reading response header from upstream";

/// Errors, each with its second after ten, the number of its connection, and its words.
fn logged(lines: &[(i64, u64, &str)]) -> String {
    let line = |(second, number, words): &(i64, u64, &str)| {
        let (minute, second) = (second / 60, second % 60);
        format!(
            "2023/01/13 10:{minute:02}:{second:02} [error] 7#7: *{number} {words}, client: 10.77.0.1, server: ssm, request: \"POST /token HTTP/1.1\", upstream: \"http://127.0.0.1:3000/token\", host: \"ssm\"\n"
        )
    };
    lines.iter().map(line).collect()
}

fn tied(lines: &[(i64, u64, &str)], exchanges: &[Exchange], is_given: bool) -> Ties {
    let text = std::io::Cursor::new(logged(lines));
    let logs = read_stream("error.log", text, &LogSettings::default()).expect("a log");
    let wire = Wire {
        clock: Clock::Utc,
        span: (at(0), at(600_000)),
        exchanges: exchanges.to_vec(),
        ..Wire::default()
    };
    let offsets = if is_given { vec![(None, Elapsed::ZERO)] } else { Vec::new() };
    tie(&logs, &wire, &TieSettings { offsets, ..TieSettings::default() })
}

fn pairs(ties: &Ties) -> Vec<(usize, usize)> {
    ties.ties.iter().map(|tie| (tie.attempt, tie.exchange)).collect()
}

/// An exchange of this many milliseconds that ended at this one, with an answer of this size, from a port of its own.
fn ended(millis: i64, took: i64, bytes: u32) -> Exchange {
    let mut exchange = exchange("10.77.0.2:8443", millis - took - 10, millis);
    exchange.client.set_port(32_768 + (millis % 30_000) as u16);
    exchange.asked = Some(at(millis - took));
    exchange.answered = Some(exchange.end);
    exchange.answer_bytes = Some(bytes);
    exchange
}

#[test]
fn a_timeout_is_about_an_exchange_that_waited() {
    let exchanges = [ended(8_300, 30, 300), ended(8_600, 2_000, 310)];
    assert_eq!(pairs(&tied(&[(8, 1, TIMEOUT)], &exchanges, true)), [(0, 1)]);
    assert_eq!(pairs(&tied(&[(8, 1, REFUSED)], &exchanges, true)), []);
    assert_eq!(pairs(&tied(&[(8, 1, TIMEOUT)], &exchanges[..1], true)), []);
}

#[test]
fn numbers_of_connections_decide_where_seconds_do_not() {
    let second = Exchange { client: ended(8_300, 30, 300).client, round_trips: 1, ..ended(20_500, 30, 300) };
    let exchanges = [ended(8_300, 30, 300), second.clone(), ended(20_700, 30, 300)];
    // The same connection twelve seconds before.
    assert_eq!(pairs(&tied(&[(8, 4, REFUSED), (20, 4, CLOSED)], &exchanges, true)), [(0, 0), (1, 1)]);
    assert_eq!(pairs(&tied(&[(8, 4, REFUSED), (20, 9, CLOSED)], &exchanges, true)), [(0, 0)]);
}

#[test]
fn errors_are_one_request_until_nobody_is_left_to_ask_or_the_same_is_asked_again() {
    let attempts = |lines: &[(i64, u64, &str)]| {
        let text = std::io::Cursor::new(logged(lines));
        read_stream("error.log", text, &LogSettings::default()).expect("a log").attempts.len()
    };
    assert_eq!(attempts(&[(8, 4, REFUSED), (8, 4, REFUSED), (9, 4, CLOSED)]), 1);
    assert_eq!(attempts(&[(8, 4, REFUSED), (20, 4, REFUSED)]), 2);
    assert_eq!(attempts(&[(8, 4, DOWN), (20, 4, CLOSED), (30, 4, TIMEOUT)]), 3);
    // Another upstream server is asked after a minute.
    let other = logged(&[(68, 4, CLOSED)]).replace(":3000/", ":3001/");
    let text = std::io::Cursor::new(logged(&[(8, 4, TIMEOUT)]) + &other);
    assert_eq!(read_stream("error.log", text, &LogSettings::default()).expect("a log").attempts.len(), 1);
}

#[test]
fn one_page_for_all_bad_gateways_shows_how_far_the_clock_is() {
    let words = [REFUSED, CLOSED, DOWN];
    let (mut lines, mut exchanges) = (Vec::new(), Vec::new());
    for round in 0..24_i64 {
        let millis = 20_000 + round * 9_000 + round * round * 137 % 4_000;
        // Most of what is asked goes well, and answers have all sizes.
        for number in 0..4_i64 {
            let after = (round * 977 + number * 1_543 + round * number * 61) % 8_500;
            let bytes = 400 + (round * 131 + number * 53) as u32 % 1_700;
            exchanges.push(ended(millis + after, 30, bytes));
        }
        exchanges.push(ended(millis, 8, 312));
        // A clock that is 33.4 seconds ahead.
        lines.push(((millis + 33_400) / 1_000, 10 + round as u64 * 6, words[round as usize % 3]));
    }
    exchanges.sort_by_key(|exchange| exchange.start);
    let ties = tied(&lines, &exchanges, false);
    let offset = ties.clocks[0].as_ref().expect("an offset");
    assert!((offset.value.nanos() - 33_400_000_000).abs() < 500_000_000, "{offset:?}");
    assert!(ties.ties.len() >= 23, "{:?}", ties.untied);
    assert!(ties.ties.iter().all(|tie| exchanges[tie.exchange].answer_bytes == Some(312)), "{ties:?}");
}
