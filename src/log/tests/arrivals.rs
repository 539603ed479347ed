//! Logs whose lines come as they are written, so that the moment shows the zone.

use std::io::Write as _;

use super::super::tie::{Grade, Objection, TieSettings, tie};
use super::super::{ClockId, Exchange, Follower, LogSettings, Wire};
use super::{after_ten as at, exchange};
use crate::time::{Clock, Elapsed};

/// 13-Jan-2023 10:00:00 UTC.
const TEN: i64 = 1_673_604_000;

const QUERY: &str = "INFO [vmanage] [SmartLicensingUtil] (default task-1) |default| Querying token";
const REFUSED: &str = "ERROR [vmanage] [RestAPIClient] (default task-1) |default| Failed to authenticate user - 'admin'. \
                       {\"error\": \"invalid_client\"}";

/// The exchanges that a refusal between 8.653 s and 8.824 s after ten is tied to, and how sure that is.
fn tied(exchanges: &[Exchange], zone: Option<i64>) -> Vec<(usize, Grade)> {
    let mut file = tempfile::NamedTempFile::new().expect("a file");
    let mut follower = Follower::open(&[file.path()], LogSettings::default()).expect("a log");
    writeln!(file, "13-Jan-2023 10:00:08,653 IST {QUERY}\n13-Jan-2023 10:00:08,824 IST {REFUSED}")
        .expect("a file");
    follower.read_on(at(9_000)).expect("a log");
    let wire = Wire {
        clock: Clock::Utc,
        span: (at(0), at(30_000)),
        exchanges: exchanges.to_vec(),
        ..Wire::default()
    };
    let clock: ClockId = follower.logs().attempts[0].clock;
    let arrivals = zone.map(|minutes| (clock, Elapsed::from_millis(minutes * 60_000))).into_iter().collect();
    let ties = tie(&follower.logs(), &wire, &TieSettings { arrivals, ..TieSettings::default() });
    assert!(ties.ties.len() + ties.untied.len() == 1, "{ties:?}");
    assert!(ties.untied.iter().all(|untied| !untied.reasons.contains(&Objection::NoConnection)));
    ties.ties.iter().map(|tie| (tie.exchange, tie.grade)).collect()
}

#[test]
fn one_attempt_is_tied_to_the_exchange_within_it_where_there_is_one_server() {
    let within = exchange("10.77.0.2:8443", 8_700, 8_800);
    assert_eq!(tied(std::slice::from_ref(&within), Some(0)), [(0, Grade::Likely)]);
    // The first two ended before it began, or began after it ended, by however little.
    for (start, end) in [(8_000, 8_200), (9_253, 9_300), (8_500, 8_600)] {
        let other = exchange("10.77.0.2:8443", start, end);
        assert_eq!(tied(std::slice::from_ref(&other), Some(0)), [], "{start}");
        assert_eq!(tied(&[other, within.clone()], Some(0)), [(1, Grade::Likely)], "{start}");
    }
    // Another zone is another time, and without an arrival one attempt is too little.
    assert_eq!(tied(std::slice::from_ref(&within), Some(330)), []);
    assert_eq!(tied(&[within], None), []);
}

#[test]
fn where_connections_are_frequent_an_attempt_encloses_one_by_chance() {
    let mut exchanges: Vec<Exchange> = (0..20)
        .map(|second| exchange("10.77.0.2:8443", second * 1_000 + 100, second * 1_000 + 150))
        .collect();
    exchanges.push(exchange("10.77.0.2:8443", 8_700, 8_800));
    assert_eq!(tied(&exchanges, Some(0)), []);
    // One each three seconds leaves a doubt that is small.
    let rare: Vec<Exchange> = exchanges.split_off(18);
    assert_eq!(tied(&rare, Some(0)), [(2, Grade::Likely)]);
}

#[test]
fn one_attempt_that_names_no_server_is_tied_to_none_of_several() {
    let within = exchange("10.77.0.9:443", 8_700, 8_800);
    let before = exchange("10.77.0.2:8443", 1_000, 1_100);
    assert_eq!(tied(&[before, within], Some(0)), []);
}

#[test]
fn lines_that_all_come_late_are_of_another_clock() {
    let mut file = tempfile::NamedTempFile::new().expect("a file");
    let mut follower = Follower::open(&[file.path()], LogSettings::default()).expect("a log");
    for second in 0..20 {
        writeln!(file, "13-Jan-2023 10:00:{second:02},000 IST {QUERY}").expect("a file");
        follower.read_on(at(second * 1_000 + 1_700)).expect("a log");
        assert_eq!(follower.arrivals(), [], "{second}");
    }
}

#[test]
fn the_line_that_came_last_shows_the_zone_where_the_rest_is_a_delay() {
    let mut file = tempfile::NamedTempFile::new().expect("a file");
    let mut follower = Follower::open(&[file.path()], LogSettings::default()).expect("a log");
    // Milliseconds from ten to the line's time and to its reading, and the zone in minutes.
    for (written, read, zone) in [
        (8_000, 8_300, Some(0)),
        // Kept back by the program.
        (9_000, 11_600, Some(0)),
        // In a zone that is 5 h 30 min ahead.
        (19_800_000 + 12_000, 12_200, Some(330)),
        // A clock that is ahead, or behind by more than any delay.
        (14_000, 13_000, None),
        (15_000, 25_000, None),
        // The clock was set back: what it showed before no longer counts.
        (26_000, 26_300, Some(0)),
    ] {
        let stamp = jiff::Timestamp::from_millisecond(TEN * 1_000 + written).expect("a time");
        let stamp = stamp.strftime("%d-%b-%Y %H:%M:%S,%3f");
        writeln!(file, "{stamp} IST {QUERY}").expect("a file");
        follower.read_on(at(read)).expect("a log");
        let zones: Vec<_> = follower.arrivals().into_iter().map(|(_, zone)| zone).collect();
        let expected = zone.map(|minutes: i64| Elapsed::from_millis(minutes * 60_000));
        assert_eq!(zones, expected.into_iter().collect::<Vec<_>>(), "{written} {read}");
    }
}
