//! Logs of real software: nginx 1.22.1, and both HTTP clients of JDK 17 that write vManage's form of line, with a capture of what they did.
//!
//! Two threads tried 16 kinds of servers and faults, some of them at the same time. `lab-exchanges.tsv` is what the capture showed, and
//! `lab-truth.tsv` what each attempt was: kind, begin and end in milliseconds, thread. The clocks are the same; the client writes IST, the
//! server UTC.

use super::super::tie::{TieSettings, Ties, place, tie};
use super::super::{
    AccessFormat, Attempt, AttemptOutcome, Exchange, Grammar, LogSettings, LogZone, Logs, Side, Wire,
    WireOutcome,
};
use crate::time::{Clock, Elapsed, Timestamp};

const MILLI: i64 = 1_000_000;
const FORMAT: &str = "$remote_addr:$remote_port [$time_iso8601] \"$request\" $status $request_time $connection $ssl_protocol \
                      host=$host up=$upstream_addr/$upstream_status";

fn sample(name: &str) -> Vec<u8> {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("src/log/samples").join(name);
    std::fs::read(path).expect("a sample")
}

fn wire() -> Wire {
    let table = String::from_utf8(sample("lab-exchanges.tsv")).expect("a table");
    let exchanges: Vec<Exchange> = table
        .lines()
        .map(|line| {
            let field: Vec<&str> = line.split('\t').collect();
            let time = |text: &str| Timestamp::from_nanos(text.parse().expect("a time"));
            let end_by = if field[2] == "Client" { Side::Client } else { Side::Server };
            let outcome = match field[6] {
                "Complete" => WireOutcome::Complete,
                "NoResponse" => WireOutcome::NoResponse,
                "NoReply" => WireOutcome::NoReply,
                "Refused" => WireOutcome::Refused,
                "NotTls" => WireOutcome::NotTls,
                "Reset" => WireOutcome::Reset,
                "ClosedEarly" => WireOutcome::ClosedEarly,
                "NoServerHello" => WireOutcome::NoServerHello,
                "Alert" => WireOutcome::Alert { number: field[7].parse().ok(), by: end_by },
                other => panic!("{other}"),
            };
            let socket = |text: &str| text.parse().expect("an address");
            Exchange {
                is_ended: outcome != WireOutcome::NoReply,
                end_by,
                name: Some(field[5].to_owned()).filter(|name| name != "-"),
                outcome,
                to_client: Some(Elapsed::ZERO),
                to_server: Some(Elapsed::from_nanos(field[8].parse().expect("a round trip"))),
                round_trips: 3,
                ..Exchange::complete(socket(field[3]), socket(field[4]), time(field[0]), time(field[1]))
            }
        })
        .collect();
    let last = exchanges.iter().map(|exchange| exchange.end).max().expect("exchanges");
    Wire {
        clock: Clock::Utc,
        span: (exchanges[0].start, last),
        made_at: Some(Side::Client),
        host: None,
        exchanges,
    }
}

fn read(samples: &[(&str, &str)], wire: &Wire) -> Logs {
    let settings = LogSettings {
        formats: vec![AccessFormat::new(FORMAT).expect("a format")],
        near: Some(wire.span.0),
        window: Some(wire.span),
        ..LogSettings::default()
    };
    let folder = tempfile::tempdir().expect("a folder");
    let paths: Vec<_> = samples
        .iter()
        .map(|(name, text)| {
            let path = folder.path().join(name);
            std::fs::write(&path, sample(text)).expect("a file");
            path
        })
        .collect();
    super::super::read(&paths, &settings).expect("logs")
}

/// The port that each kind goes to.
fn port(kind: &str) -> Option<u16> {
    Some(match kind {
        "unknown" => return None,
        "refused" => 8999,
        "drop" => 9000,
        "mute" => 9001,
        "untrusted" => 8445,
        "rst" => 9002,
        "fin" => 9003,
        "plain" => 8080,
        "tls13" => 8446,
        _ => 8443,
    })
}

/// For each attempt that made a connection: when it ended, and the exchanges that may be its own.
fn truth(wire: &Wire) -> Vec<(i64, Vec<usize>)> {
    let table = String::from_utf8(sample("lab-truth.tsv")).expect("a table");
    table
        .lines()
        .filter_map(|line| {
            let field: Vec<&str> = line.split('\t').collect();
            let time = |text: &str| text.parse::<i64>().expect("a time") * MILLI;
            let (begin, end, port) = (time(field[1]), time(field[2]), port(field[0])?);
            let is_own = |exchange: &Exchange| {
                exchange.server.port() == port
                    && exchange.start.nanos() >= begin - 5 * MILLI
                    && exchange.end.nanos() <= end + 5 * MILLI
            };
            let own = wire
                .exchanges
                .iter()
                .enumerate()
                .filter(|(_, exchange)| is_own(exchange))
                .map(|(index, _)| index);
            Some((end, own.collect()))
        })
        .collect()
}

/// The attempt of the truth that ended when this one did.
fn own(truth: &[(i64, Vec<usize>)], attempt: &Attempt, offset: i64) -> Vec<usize> {
    let end = attempt.end.nanos() - offset;
    truth.iter().filter(|(at, _)| (at - end).abs() <= 60 * MILLI).flat_map(|(_, own)| own.clone()).collect()
}

fn of_side(logs: &Logs, ties: &Ties, side: Side, grammar: Grammar) -> Vec<(usize, usize)> {
    let is_it = |index: usize| logs.attempts[index].side == side && logs.attempts[index].grammar == grammar;
    ties.ties.iter().filter(|tie| is_it(tie.attempt)).map(|tie| (tie.attempt, tie.exchange)).collect()
}

#[test]
fn java_s_attempts_are_tied_to_their_connections() {
    let wire = wire();
    let logs = read(&[("vmanage-server.log", "lab-vmanage-server.txt")], &wire);
    let ties = tie(&logs, &wire, &TieSettings::default());
    let offset = ties.clocks[0].as_ref().expect("an offset");
    assert_eq!(offset.zone().nanos(), (5 * 60 + 30) * 60_000 * MILLI);
    assert!(offset.skew().nanos().abs() < 3 * MILLI, "{offset:?}");
    let truth = truth(&wire);
    let tied = of_side(&logs, &ties, Side::Client, Grammar::VmanageServer);
    for (attempt, exchange) in &tied {
        let own = own(&truth, &logs.attempts[*attempt], offset.zone().nanos());
        assert!(
            own.contains(exchange),
            "{own:?} {:?}\n{:?}",
            logs.attempts[*attempt],
            wire.exchanges[*exchange]
        );
    }
    let expected = truth.iter().filter(|(_, own)| !own.is_empty()).count();
    println!("{} of {expected}", tied.len());
    for untied in &ties.untied {
        println!(
            "{:?} {:?} {:?}",
            logs.attempts[untied.attempt].end, logs.attempts[untied.attempt].outcome, untied.reasons
        );
    }
    assert!(tied.len() * 100 >= expected * 97, "{} of {expected}", tied.len());
}

#[test]
fn the_words_of_both_clients_give_the_outcomes() {
    let logs = read(&[("vmanage-server.log", "lab-vmanage-server.txt")], &wire());
    let count = |outcome| {
        logs.attempts.iter().filter(|attempt| !attempt.is_presumed && attempt.outcome == outcome).count()
    };
    let text = String::from_utf8(sample("lab-truth.tsv")).expect("a table");
    let kind = |kinds: &[&str]| {
        text.lines().filter(|line| kinds.contains(&line.split('\t').next().unwrap_or_default())).count()
    };
    assert_eq!(count(AttemptOutcome::NameUnknown), kind(&["unknown"]));
    assert_eq!(count(AttemptOutcome::Refused), kind(&["refused"]));
    assert_eq!(count(AttemptOutcome::Reset), kind(&["rst"]));
    assert_eq!(count(AttemptOutcome::NotTls), kind(&["plain"]));
    assert_eq!(count(AttemptOutcome::ClosedInHandshake), kind(&["fin"]));
    assert_eq!(count(AttemptOutcome::Denied(Some("invalid_client"))), kind(&["client"]));
    assert_eq!(count(AttemptOutcome::Denied(Some("invalid_grant"))), kind(&["grant"]));
    assert_eq!(count(AttemptOutcome::Status(502)), kind(&["down"]));
    assert_eq!(count(AttemptOutcome::Status(504)), kind(&["silent"]));
    assert_eq!(count(AttemptOutcome::Alert(Some(70))), kind(&["tls13"]));
    assert_eq!(count(AttemptOutcome::CertificateRejected), kind(&["untrusted"]));
    assert_eq!(count(AttemptOutcome::NameMismatch), kind(&["mismatch"]));
    assert_eq!(
        count(AttemptOutcome::ConnectTimeout) + count(AttemptOutcome::ReadTimeout),
        kind(&["drop", "mute", "giveup"])
    );
    assert_eq!(count(AttemptOutcome::Failed), 0);
}

#[test]
fn nginx_with_syslog_s_prefix_and_rails_are_tied_too_and_agree_with_the_client() {
    agree_with_client(&[("messages", "lab-messages.txt")], &[Grammar::NginxAccess, Grammar::Lograge]);
}

#[test]
fn nginx_s_own_logs_are_tied_too_and_agree_with_the_client() {
    agree_with_client(
        &[("access.log", "lab-access.txt"), ("error.log", "lab-error.txt")],
        &[Grammar::NginxAccess, Grammar::NginxError],
    );
}

fn agree_with_client(server: &[(&str, &str)], grammars: &[Grammar]) {
    let wire = wire();
    let files: Vec<(&str, &str)> =
        [("vmanage-server.log", "lab-vmanage-server.txt")].iter().chain(server).copied().collect();
    let logs = read(&files, &wire);
    let ties = tie(&logs, &wire, &TieSettings::default());
    let of_client = of_side(&logs, &ties, Side::Client, Grammar::VmanageServer);
    for (clock, offset) in logs.clocks.iter().zip(&ties.clocks) {
        println!("{clock:?} {offset:?}");
        if let Ok(offset) = offset {
            assert!(offset.skew().nanos().abs() < 50 * MILLI, "{clock:?} {offset:?}");
        }
    }

    for grammar in grammars.iter().copied() {
        let of_server = of_side(&logs, &ties, Side::Server, grammar);
        let all = logs.attempts.iter().filter(|attempt| attempt.grammar == grammar).count();
        println!("{grammar:?}: {} of {all}", of_server.len());
        // Errors of several requests in one second could be each other's.
        let least = if grammar == Grammar::NginxError { all / 4 } else { all / 2 };
        assert!(of_server.len() > least, "{grammar:?}: {} of {all}", of_server.len());
        for (attempt, exchange) in of_server {
            let server = &logs.attempts[attempt];
            if let Some((client, _)) = of_client.iter().find(|(_, other)| *other == exchange)
                && let (Some(one), Some(other)) = (server.status, logs.attempts[*client].status)
            {
                assert_eq!(one, other, "{server:?}\n{:?}", logs.attempts[*client]);
            }
        }
    }
}

#[test]
fn a_format_with_ports_ties_each_request_for_certain() {
    let wire = wire();
    let logs = read(&[("custom.log", "lab-custom.txt")], &wire);
    let ties = tie(&logs, &wire, &TieSettings::default());
    assert_eq!(ties.untied, []);
    for tie in &ties.ties {
        assert_eq!(logs.attempts[tie.attempt].client.port, Some(wire.exchanges[tie.exchange].client.port()));
    }
    assert_eq!(logs.clocks[0].zone, LogZone::Utc);
    let attempt = &logs.attempts[0];
    let at = place(&ties, &logs, attempt.clock, attempt.end).expect("a place");
    assert!((at - attempt.end).nanos().abs() < 50 * MILLI);
}

#[test]
fn nginx_s_numbers_count_what_left_no_line() {
    let wire = wire();
    let logs = read(&[("custom.log", "lab-custom.txt")], &wire);
    let (clock, ..) = logs.connections[0];
    let numbers: Vec<u64> = logs.connections.iter().map(|(.., number)| *number).collect();
    let (first, last) = (numbers[0], numbers[numbers.len() - 1]);
    assert!(
        logs.unlogged_connections(clock, wire.span.0, wire.span.1).is_none_or(|count| count <= last - first)
    );
    let (from, to) = (logs.connections[0].1, logs.connections[logs.connections.len() - 1].1);
    assert_eq!(logs.unlogged_connections(clock, from, to), Some(last - first + 1 - numbers.len() as u64));
}
