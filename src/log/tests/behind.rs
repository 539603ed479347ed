//! Lines of a program behind nginx, which name no client and may be written long after the client or nginx gave up.

use super::super::tie::{Grade, Support, Tie, TieSettings, Ties, tie};
use super::super::{Agreement, Exchange, Grammar, LogSettings, Logs, Side, Wire, WireOutcome};
use super::{after_ten as at, exchange, read};
use crate::time::{Clock, Elapsed};

/// When requests came, in milliseconds after ten, and how long the program took for each.
const REQUESTS: [(i64, i64); 14] = [
    (3_120, 61),
    (9_480, 44),
    (17_905, 80),
    (21_333, 35),
    (34_610, 52),
    (41_090, 97),
    (58_777, 40),
    (66_204, 58),
    (79_951, 71),
    (90_018, 49),
    (112_640, 66),
    (131_506, 38),
    (154_283, 90),
    (170_847, 55),
];

/// A line of Rails about a request that came then.
fn rails(came: i64, took: i64, status: u16) -> String {
    let (second, milli) = ((came + took) / 1_000, (came + took) % 1_000);
    format!(
        "I, [2023-01-13T10:{:02}:{:02}.{milli:03}000 #2354]  INFO -- : method=POST path=/oauth/token format=json \
         controller=T action=create status={status} duration={took}.00 view=0.21 db=3.05\n",
        second / 60,
        second % 60
    )
}

/// nginx's line about a request that ended then.
fn nginx(ended: i64, status: u16) -> String {
    let second = ended / 1_000;
    format!(
        "10.77.0.1 - - [13/Jan/2023:10:{:02}:{:02} +0000] \"POST /oauth/token HTTP/1.1\" {status} 53 \"-\" \"-\"\n",
        second / 60,
        second % 60
    )
}

/// An exchange with a request that came a millisecond before the program began.
fn asked(came: i64, took: i64) -> Exchange {
    let mut exchange = exchange("10.77.0.2:8443", came - 30, came + took + 1);
    exchange.client.set_port(32_768 + (came % 30_000) as u16);
    exchange.asked = Some(at(came - 1));
    exchange.answered = Some(exchange.end);
    exchange
}

/// A request whose client left before an answer came.
fn left(came: i64, waited: i64) -> Exchange {
    Exchange { outcome: WireOutcome::NoResponse, end_by: Side::Client, answered: None, ..asked(came, waited) }
}

fn tied(files: &[(&str, &str)], exchanges: Vec<Exchange>) -> (Logs, Ties) {
    let logs = read(files, &LogSettings { near: Some(at(0)), ..LogSettings::default() });
    let wire = Wire { clock: Clock::Utc, span: (at(0), at(600_000)), exchanges, ..Wire::default() };
    let ties = tie(&logs, &wire, &TieSettings::default());
    (logs, ties)
}

/// The ties of Rails, and of nginx.
fn by_layer<'t>(logs: &Logs, ties: &'t Ties) -> (Vec<&'t Tie>, Vec<&'t Tie>) {
    let is_rails = |tie: &&Tie| logs.attempts[tie.attempt].grammar != Grammar::NginxAccess;
    ties.ties.iter().partition(is_rails)
}

#[test]
fn a_line_that_names_no_client_is_certain_only_with_the_front_end_s() {
    let exchanges = || REQUESTS.map(|(came, took)| asked(came, took)).to_vec();
    let behind: String = REQUESTS.iter().map(|(came, took)| rails(*came, *took, 200)).collect();
    let front: String = REQUESTS.iter().map(|(came, took)| nginx(came + took + 1, 200)).collect();
    let (logs, ties) = tied(&[("production.log", &behind)], exchanges());
    let (of_rails, _) = by_layer(&logs, &ties);
    assert_eq!(of_rails.len(), REQUESTS.len(), "{ties:?}");
    assert!(of_rails.iter().all(|tie| tie.grade == Grade::Likely), "{ties:?}");
    let (logs, ties) = tied(&[("access.log", &front), ("production.log", &behind)], exchanges());
    let (of_rails, of_nginx) = by_layer(&logs, &ties);
    assert_eq!((of_rails.len(), of_nginx.len()), (REQUESTS.len(), REQUESTS.len()), "{ties:?}");
    assert!(of_nginx.iter().chain(&of_rails).all(|tie| tie.grade == Grade::Certain), "{ties:?}");
}

#[test]
fn a_request_that_nobody_waited_for_is_tied_by_its_beginning() {
    let exchanges = REQUESTS.map(|(came, took)| asked(came, took));
    let mut behind: String = REQUESTS.iter().map(|(came, took)| rails(*came, *took, 200)).collect();
    behind.push_str(&rails(200_400, 3_000, 401));
    let with = |last: Exchange| {
        let exchanges = [&exchanges[..], &[last]].concat();
        let (logs, ties) = tied(&[("production.log", &behind)], exchanges);
        let last = logs.attempts.len() - 1;
        ties.ties.into_iter().find(|tie| tie.attempt == last)
    };
    let tie = with(left(200_400, 900)).expect("a tie");
    assert_eq!((tie.exchange, tie.grade, tie.outcomes), (14, Grade::Likely, Agreement::Silent));
    assert!(tie.reasons.contains(&Support::Outlived(Elapsed::from_millis(3_000))), "{tie:?}");
    // A front end waits for a second at least before it answers instead, and both begin together.
    assert!(with(asked(200_400, 2_000)).is_some());
    assert_eq!(with(asked(200_400, 40)), None);
    assert_eq!(with(left(200_200, 900)), None);
    assert_eq!(with(left(200_600, 900)), None);
}

#[test]
fn what_nginx_gave_up_is_tied_to_the_request_that_nginx_logged() {
    let exchanges = |last: Exchange| [&REQUESTS.map(|(came, took)| asked(came, took))[..], &[last]].concat();
    let behind: String = REQUESTS.iter().map(|(came, took)| rails(*came, *took, 200)).collect();
    let behind = behind + &rails(200_400, 5_000, 200);
    let front: String = REQUESTS.iter().map(|(came, took)| nginx(came + took + 1, 200)).collect();
    for (status, last, is_tied) in [
        (504, asked(200_400, 2_000), true),
        (499, left(200_400, 2_000), true),
        (200, asked(200_400, 2_000), false),
    ] {
        let front = front.clone() + &nginx(202_401, status);
        let (logs, ties) = tied(&[("access.log", &front), ("production.log", &behind)], exchanges(last));
        let (of_rails, _) = by_layer(&logs, &ties);
        assert_eq!(of_rails.iter().any(|tie| tie.exchange == 14), is_tied, "{status}: {ties:?}");
    }
}
