//! Ties in worlds whose truth is known, and none where log and capture have nothing to do with each other. `LOG_WORLDS=1000` makes more
//! of them than the few of every run.

use std::collections::HashMap;

use super::super::clock::{Offset, OffsetSource};
use super::super::tie::{Grade, Tie, TieSettings, Ties, tie};
use super::super::{Agreement, Attempt, Grammar, LogSettings, Logs, Side, Wire, WireOutcome};
use super::read;
use super::world::{Plan, World, make};
use crate::time::{Clock, Elapsed, MILLI, SECOND, Timestamp};

const HOUR: i64 = 3_600 * SECOND;

fn settings(wire: &Wire) -> LogSettings {
    LogSettings { near: Some(wire.span.0), window: Some(wire.span), ..LogSettings::default() }
}

/// How many attempts were tied to their exchange, to a wrong one, and not at all.
#[derive(Clone, Copy, Default, Debug)]
struct Score {
    right: usize,
    wrong: usize,
    missed: usize,
}

impl Score {
    fn add(&mut self, other: Self) {
        self.right += other.right;
        self.wrong += other.wrong;
        self.missed += other.missed;
    }

    fn share(self) -> f64 {
        self.right as f64 / (self.right + self.wrong + self.missed).max(1) as f64
    }
}

fn score_client(world: &World, logs: &Logs, ties: &Ties) -> Score {
    let mut score = Score::default();
    // Each attempt is known by the millisecond of its last line; several at the same one are any of them.
    let mut truth: HashMap<i64, Vec<Option<usize>>> = HashMap::new();
    for (at, exchange) in &world.client_truth {
        truth.entry(at.div_euclid(MILLI)).or_default().push(*exchange);
    }
    let mut tied: HashMap<usize, usize> = HashMap::new();
    for tie in &ties.ties {
        let attempt = &logs.attempts[tie.attempt];
        if attempt.side == Side::Client {
            tied.insert(tie.exchange, tie.attempt);
            let ends = truth.get(&(attempt.end.nanos() / MILLI));
            if !ends.is_some_and(|exchanges| exchanges.contains(&Some(tie.exchange))) {
                score.wrong += 1;
                println!("wrong: {attempt:?}\n{tie:?}\n{:?}", world.wire.exchanges[tie.exchange]);
            }
        }
    }
    for exchange in world.client_truth.iter().filter_map(|(_, exchange)| *exchange) {
        if tied.contains_key(&exchange) {
            score.right += 1;
        } else {
            score.missed += 1;
        }
    }
    score.right -= score.wrong.min(score.right);
    score
}

fn score_server(world: &World, logs: &Logs, ties: &Ties) -> Score {
    score_lines(Grammar::NginxAccess, &world.server_truth, logs, ties)
}

fn score_rails(world: &World, logs: &Logs, ties: &Ties) -> Score {
    score_lines(Grammar::Lograge, &world.rails_truth, logs, ties)
}

fn score_lines(grammar: Grammar, truth: &[(u64, usize)], logs: &Logs, ties: &Ties) -> Score {
    let mut score = Score::default();
    let is_it = |attempt: &Attempt| attempt.side == Side::Server && attempt.grammar == grammar;
    let tied: HashMap<u64, usize> = ties
        .ties
        .iter()
        .filter(|tie| is_it(&logs.attempts[tie.attempt]))
        .filter_map(|tie| Some((logs.attempts[tie.attempt].lines.last()?.number, tie.exchange)))
        .collect();
    for (line, exchange) in truth {
        match tied.get(line) {
            Some(found) if found == exchange => score.right += 1,
            Some(_) => score.wrong += 1,
            None => score.missed += 1,
        }
    }
    score
}

fn offset<'a>(logs: &Logs, ties: &'a Ties, is_it: impl Fn(&Attempt) -> bool) -> Option<&'a Offset> {
    let attempt = logs.attempts.iter().find(|attempt| is_it(attempt))?;
    ties.clocks[attempt.clock.index()].as_ref().ok()
}

/// How many worlds of each test are made.
fn count(usually: u64) -> u64 {
    std::env::var("LOG_WORLDS").ok().and_then(|count| count.parse().ok()).unwrap_or(usually)
}

fn read_world(world: &World, wire: &Wire) -> Logs {
    read(&[("vmanage-server.log", &world.client_log), ("messages", &world.server_log)], &settings(wire))
}

#[test]
fn attempts_of_fifteen_kinds_are_tied_whatever_the_clocks_are() {
    let (mut client, mut server, mut rails) = (Score::default(), Score::default(), Score::default());
    let (mut far, mut offsets) = (0, 0);
    for seed in 0..count(8) {
        let plan = Plan::new(seed);
        let world = make(&plan);
        let logs = read_world(&world, &world.wire);
        let ties = tie(&logs, &world.wire, &TieSettings::default());
        client.add(score_client(&world, &logs, &ties));
        server.add(score_server(&world, &logs, &ties));
        rails.add(score_rails(&world, &logs, &ties));
        for (found, truth) in [
            (offset(&logs, &ties, |attempt| attempt.side == Side::Client), plan.client_offset),
            (offset(&logs, &ties, |attempt| attempt.grammar == Grammar::NginxAccess), plan.server_offset),
        ] {
            let found = found.unwrap_or_else(|| panic!("{plan:?}"));
            let distance = (found.value.nanos() - truth).abs();
            far += u64::from(distance > 50 * MILLI);
            offsets += 1;
            assert!(found.bounds.0.nanos() <= truth && truth <= found.bounds.1.nanos(), "{found:?} {plan:?}");
            assert_eq!(found.zone().nanos() + found.skew().nanos(), found.value.nanos());
        }
    }
    println!(
        "client {client:?} {:.4}, server {server:?} {:.4}, Rails {rails:?} {:.4}, {far} of {offsets} far",
        client.share(),
        server.share(),
        rails.share()
    );
    assert_eq!((client.wrong, server.wrong, rails.wrong), (0, 0, 0));
    let shares = [client.share(), server.share(), rails.share()];
    assert!(shares.into_iter().all(|share| share >= 0.98), "{client:?} {server:?} {rails:?}");
    assert!(far * 100 <= offsets, "{far} of {offsets}");
}

#[test]
fn requests_are_tied_by_the_lines_of_rails_alone() {
    let mut rails = Score::default();
    for seed in 0..count(8) {
        let plan = Plan { threads: 2, pause: 20 * SECOND, ..Plan::new(90_000 + seed) };
        let world = make(&plan).without_nginx();
        let logs = read_world(&world, &world.wire);
        rails.add(score_rails(&world, &logs, &tie(&logs, &world.wire, &TieSettings::default())));
    }
    println!("{rails:?} {:.4}", rails.share());
    assert_eq!(rails.wrong, 0);
    assert!(rails.share() >= 0.98, "{rails:?}");
}

#[test]
fn requests_that_come_at_once_are_tied_to_none_rather_than_to_a_wrong_one() {
    for seed in 0..count(8) {
        for has_nginx in [true, false] {
            let plan = Plan { threads: 8, pause: SECOND, ..Plan::new(91_000 + seed) };
            let world = make(&plan);
            let world = if has_nginx { world } else { world.without_nginx() };
            let logs = read_world(&world, &world.wire);
            let ties = tie(&logs, &world.wire, &TieSettings::default());
            let wrong = score_rails(&world, &logs, &ties).wrong + score_server(&world, &logs, &ties).wrong;
            assert_eq!(wrong, 0, "{plan:?}");
        }
    }
}

#[test]
fn few_attempts_are_tied_where_the_clocks_leave_no_doubt_and_else_not() {
    let quarter = 15 * 60 * SECOND;
    for (attempts, is_same_host, least) in
        [(1, true, 80), (3, true, 90), (10, true, 98), (10, false, 70), (30, false, 98)]
    {
        let mut client = Score::default();
        for seed in 0..count(12) {
            let mut plan = Plan { attempts, threads: 1, ..Plan::new(5000 + seed) };
            if is_same_host {
                plan.client_offset = plan.client_offset / quarter * quarter;
                (plan.place, plan.is_same_host) = (0, true);
            }
            let world = make(&plan);
            let logs = read_world(&world, &world.wire);
            let ties = tie(&logs, &world.wire, &TieSettings::default());
            client.add(score_client(&world, &logs, &ties));
            assert_eq!(score_server(&world, &logs, &ties).wrong, 0, "{plan:?}");
        }
        println!("{attempts} attempts, same host {is_same_host}: {client:?}");
        assert_eq!(client.wrong, 0);
        assert!(client.share() * 100.0 >= f64::from(least), "{attempts} {is_same_host} {client:?}");
    }
}

/// Logs of one world next to the capture of another.
fn unrelated(log: &Plan, capture: &Plan) -> Ties {
    let (one, other) = (make(log), make(capture));
    let logs = read_world(&one, &other.wire);
    tie(&logs, &other.wire, &TieSettings::default())
}

#[test]
fn logs_and_captures_that_have_nothing_to_do_with_each_other_are_not_tied() {
    let small = |attempts: usize, seed| Plan {
        attempts,
        threads: if attempts < 10 { 1 } else { 2 },
        ..Plan::new(seed)
    };
    for seed in 0..count(100) {
        let capture = small([1, 3, 10, 50, 100][seed as usize % 5], 100_000 + seed);
        let same_time =
            Plan { start: capture.start, ..small([100, 50, 10, 3, 1][seed as usize % 5], 200_000 + seed) };
        let log = match seed % 4 {
            // Another day.
            0 => Plan { start: Timestamp::from_nanos(capture.start.nanos() + 3 * 24 * HOUR), ..same_time },
            // Another server.
            2 => Plan { server: "10.106.66.99", names_server: true, ..same_time },
            // Another host at the same time, with servers and clients of the same addresses; for some, the capture was made where the
            // log may come from.
            _ => same_time,
        };
        let ties = unrelated(&log, &Plan { is_same_host: seed % 4 == 3, ..capture });
        assert_eq!(ties.ties, [], "{seed}: {:?}", ties.clocks);
    }
}

#[test]
fn clients_that_try_at_the_same_regular_times_are_not_tied_to_each_other() {
    let mut tied = 0;
    for seed in 0..count(16) {
        let pause = [30, 60, 300, 600][seed as usize % 4] * SECOND;
        let regular = |seed| Plan { attempts: 40, is_regular: true, threads: 1, pause, ..Plan::new(seed) };
        let capture = regular(3000 + seed);
        let start = Timestamp::from_nanos(capture.start.nanos() + seed as i64 * 977 * MILLI);
        let ties = unrelated(&Plan { start, ..regular(4000 + seed) }, &capture);
        tied += u64::from(!ties.ties.is_empty());
    }
    // A handful of requests may fit another client's by every measure there is.
    assert!(tied * 100 <= count(16), "{tied}");
}

/// `wire` by another clock.
fn retimed(wire: &Wire, clock: Clock, shift: impl Fn(i64) -> i64) -> Wire {
    let move_to = |at: Timestamp| Timestamp::from_nanos(shift(at.nanos()));
    let mut wire = Wire { clock, span: (move_to(wire.span.0), move_to(wire.span.1)), ..wire.clone() };
    for exchange in &mut wire.exchanges {
        (exchange.start, exchange.end) = (move_to(exchange.start), move_to(exchange.end));
    }
    wire
}

#[test]
fn captures_without_dates_or_zones_are_tied_too() {
    let day = 24 * HOUR;
    for (clock, shift) in
        [(Clock::TimeOfDay, 5 * HOUR + HOUR / 2), (Clock::LocalDateTime, 9 * HOUR), (Clock::SinceFirst, 0)]
    {
        for seed in 0..count(3) {
            let plan = Plan { threads: 1, ..Plan::new(6000 + seed) };
            let world = make(&plan);
            let first = world.wire.span.0.nanos();
            let midnight = (first + shift).div_euclid(day) * day;
            let wire = retimed(&world.wire, clock, |at| match clock {
                Clock::TimeOfDay => at + shift - midnight,
                Clock::SinceFirst => at - first,
                _ => at + shift,
            });
            // Without dates, nothing is known of where the log lies.
            let has_date = clock == Clock::LocalDateTime;
            let mut known = settings(&wire);
            known.window = known.window.filter(|_| has_date);
            known.near = Some(world.wire.span.0);
            let logs = read(&[("vmanage-server.log", &world.client_log)], &known);
            let ties = tie(&logs, &wire, &TieSettings::default());
            let score = score_client(&world, &logs, &ties);
            assert_eq!(score.wrong, 0);
            assert!(score.share() >= 0.98, "{clock:?} {seed} {score:?} {:?}", ties.clocks);
        }
    }
    let world = make(&Plan { attempts: 10, ..Plan::new(1) });
    let absent = retimed(&world.wire, Clock::Absent, |_| 0);
    let logs = read(&[("vmanage-server.log", &world.client_log)], &LogSettings::default());
    assert_eq!(tie(&logs, &absent, &TieSettings::default()).ties, []);
}

#[test]
fn an_offset_that_is_given_is_believed() {
    let plan = Plan { attempts: 1, threads: 1, ..Plan::new(7001) };
    let world = make(&plan);
    let logs = read(&[("vmanage-server.log", &world.client_log)], &settings(&world.wire));
    let given = |offset: i64| TieSettings {
        offsets: vec![(None, Elapsed::from_nanos(offset))],
        ..TieSettings::default()
    };
    assert_eq!(tie(&logs, &world.wire, &TieSettings::default()).ties, []);
    let ties = tie(&logs, &world.wire, &given(plan.client_offset + 300 * MILLI));
    assert_eq!(ties.ties.len(), 1, "{:?}", ties.untied);
    assert!(ties.clocks[0].as_ref().is_ok_and(|offset| offset.source == OffsetSource::Given));
    assert_eq!(tie(&logs, &world.wire, &given(plan.client_offset + 60 * SECOND)).ties, []);
}

#[test]
fn a_client_behind_address_translation_is_recognised_by_many_requests() {
    for (attempts, is_tied) in [(200, true), (2, false)] {
        let plan = Plan { attempts, threads: 1, pause: 20 * SECOND, ..Plan::new(7100) };
        let mut world = make(&plan);
        for exchange in &mut world.wire.exchanges {
            if exchange.client.ip().to_string() == plan.client {
                exchange.client.set_ip("192.168.10.1".parse().expect("an address"));
            }
        }
        let logs = read(&[("messages", &world.server_log)], &settings(&world.wire));
        let ties = tie(&logs, &world.wire, &TieSettings::default());
        let score = score_server(&world, &logs, &ties);
        assert_eq!((score.wrong, score.share() >= 0.9), (0, is_tied), "{score:?} {:?}", ties.clocks);
        let is_access = |tie: &&Tie| logs.attempts[tie.attempt].grammar == Grammar::NginxAccess;
        assert!(ties.ties.iter().filter(is_access).all(|tie| tie.grade == Grade::Likely));
    }
}

#[test]
fn an_hour_that_is_left_out_within_a_log_without_zones_is_found() {
    let plan = Plan { threads: 1, pause: 40 * SECOND, ..Plan::new(7200) };
    let world = make(&plan);
    let zone = format!(" {} ", plan.client_zone);
    let middle = world.wire.exchanges[world.wire.exchanges.len() / 2].start.nanos() + plan.client_offset;
    // From the middle on, the clock is an hour ahead.
    let log: Vec<String> = world
        .client_log
        .lines()
        .map(|line| {
            let Some((stamp, rest)) = line.split_once(zone.as_str()) else { return format!("{line}\n") };
            let (time, millis) = stamp.split_once(',').expect("a time");
            let civil = jiff::civil::DateTime::strptime("%d-%b-%Y %H:%M:%S", time).expect("a time");
            let nanos =
                civil.to_zoned(jiff::tz::TimeZone::UTC).expect("a time").timestamp().as_second() * SECOND;
            let civil = if nanos > middle { civil.saturating_add(jiff::Span::new().hours(1)) } else { civil };
            format!("{},{millis} {rest}\n", civil.strftime("%d-%b-%Y %H:%M:%S"))
        })
        .collect();
    let logs = read(&[("vmanage-server.log", &log.concat())], &settings(&world.wire));
    let ties = tie(&logs, &world.wire, &TieSettings::default());
    let mut offsets: Vec<i64> =
        ties.ties.iter().map(|tie| (tie.offset.nanos() + HOUR / 2).div_euclid(HOUR)).collect();
    offsets.sort_unstable();
    offsets.dedup();
    assert_eq!(offsets.len(), 2, "{:?}", ties.clocks);
    let made = world.client_truth.iter().filter(|(_, exchange)| exchange.is_some()).count();
    assert!(ties.ties.len() * 100 >= made * 95, "{} of {made}", ties.ties.len());
}

#[test]
fn an_outcome_that_contradicts_the_wire_is_tied_only_if_the_log_names_the_server() {
    let plan = Plan { threads: 1, pause: 20 * SECOND, names_server: true, ..Plan::new(7300) };
    let mut world = make(&plan);
    let refused = world
        .wire
        .exchanges
        .iter()
        .position(|exchange| exchange.outcome == WireOutcome::Refused)
        .expect("one");
    world.wire.exchanges[refused].outcome = WireOutcome::Complete;
    let logs = read(&[("vmanage-server.log", &world.client_log)], &settings(&world.wire));
    let ties = tie(&logs, &world.wire, &TieSettings::default());
    let tie_of = ties.ties.iter().find(|tie| tie.exchange == refused).expect("a tie");
    assert_eq!((tie_of.outcomes, tie_of.grade), (Agreement::Disagrees, Grade::Likely));
    let unnamed = make(&Plan { names_server: false, ..plan });
    let logs = read(&[("vmanage-server.log", &unnamed.client_log)], &settings(&world.wire));
    let ties = tie(&logs, &world.wire, &TieSettings::default());
    assert!(ties.ties.iter().all(|tie| tie.exchange != refused));
}
