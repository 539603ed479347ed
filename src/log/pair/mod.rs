//! One attempt and one exchange: whether they can be the same, and which offsets of the log's clock that allows.
//!
//! **The interval rule.** A client's attempt has a line before anything was sent, at `a`, and one after the end, at `b`. An exchange has its
//! start `s` and its decisive end `e`. If they are the same, the offset δ (log minus capture) obeys `a ≤ s + δ` and `e + δ ≤ b`, so
//! `a - s ≤ δ ≤ b - e`: tens of milliseconds wide, or empty. **The duration rule** is what makes it empty: `b - a` can't be less than
//! `e - s`, whatever the clocks are. On a server it is the other way round: its line is written when the answer has been sent, so the
//! line's time is that of the exchange's end.

mod agree;
mod answer;

use super::attempt::{Attempt, AttemptOutcome, Side};
use super::calendar::Dating;
use super::grammar::Grammar;
use agree::agreement;

pub use agree::{Agreement, Explanation};
pub(in crate::log) use answer::{Kind, answer, of_request};

use super::wire::{Exchange, Wire, WireOutcome};
use crate::time::{Clock, Elapsed, MILLI, SECOND, Timestamp};

pub(in crate::log) const DAY: i64 = 86_400 * SECOND;

/// What a line may be late or early by: the time between an event and the line that reports it, and the coarseness of a kernel's clock.
const SLACK: i64 = 3 * MILLI;

/// A client that gives up may close the connection a moment after it has reported that.
const CLOSE_SLACK: i64 = 10 * MILLI;

/// nginx's line may be this late: its own clock ticks with its events.
const SERVER_SLACK: i64 = 30 * MILLI;

/// The line of a program behind nginx may be this late or early, as may an error's.
const BEHIND_SLACK: i64 = 100 * MILLI;

/// A front end waits for a program at least this long: nginx counts its `proxy_read_timeout` in seconds.
const SHORTEST_WAIT: i64 = SECOND - 50 * MILLI;

/// An attempt of which a log has the end alone began at most this long before. Longer timeouts are rare.
const LONGEST_ATTEMPT: i64 = 120 * SECOND;

/// Offsets that a pair allows, in nanoseconds, and what else speaks for it.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(in crate::log) struct Fit {
    pub low: i64,
    pub high: i64,
    /// The same without any allowance for lines and packets that are late.
    pub tight: (i64, i64),
    pub agreement: Agreement,
    pub anchors: Anchors,
    /// Whether the exchange's end is seen, so that the room after it means something.
    pub is_ended: bool,
}

/// What a log names that the exchange has.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub(in crate::log) struct Anchors {
    /// The server, by address or by name.
    pub server: bool,
    /// The client's address.
    pub client: bool,
    /// The client's port as well.
    pub port: bool,
}

/// Why a pair can't be the same.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub(in crate::log) enum Misfit {
    Server,
    Name,
    Port,
    Client,
    ClientPort,
    /// Another program made the attempt: this one, which made the exchange, writes no log.
    Program,
    /// Something else was asked.
    Request,
    /// The attempt is shorter than the exchange takes at least.
    Duration {
        attempt: Elapsed,
        least: Elapsed,
    },
    Outcome,
}

/// Whether a log's client address that differs from the wire's may be the same client behind address translation.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(in crate::log) enum Translation {
    Excluded,
    Possible,
}

/// Compares a pair. Everything but the time is compared first, so that a misfit names the plainest reason. `status` is the answer's,
/// where the wire or another log shows it.
pub(in crate::log) fn fit(
    attempt: &Attempt,
    exchange: &Exchange,
    status: Option<u16>,
    translation: Translation,
) -> Result<Fit, Misfit> {
    let anchors = anchors(attempt, exchange, translation)?;
    is_own(attempt, exchange)?;
    let agreement = agreement(attempt.side, attempt.outcome, exchange);
    // A server that logs a request has received one.
    let has_request = attempt.side == Side::Server && attempt.request.is_some();
    if has_request && !exchange.asks {
        return Err(Misfit::Outcome);
    }
    let own_status = exchange.own.as_ref().and_then(|own| own.status);
    let is_other_answer = match (attempt.side, attempt.status, status) {
        // The status of the answer is not the tunnel's.
        _ if own_status.is_some() && is_tunnel(attempt) => false,
        (_, Some(one), _) if own_status.is_some() => Some(one) != own_status,
        // Below 400 a client may not report the status that it got.
        (Side::Server, Some(one), Some(other)) => one != other && (one >= 400 || other >= 400),
        _ => false,
    };
    if agreement == Agreement::Disagrees || is_other_answer {
        return Err(Misfit::Outcome);
    }
    let Offsets { low, high, tight } = offsets(attempt, exchange)?;
    Ok(Fit { low, high, tight, agreement, anchors, is_ended: exchange.is_ended })
}

/// The same for a pair whose outcomes contradict each other, if time and addresses fit.
pub(in crate::log) fn fit_in_time(attempt: &Attempt, exchange: &Exchange) -> Result<Fit, Misfit> {
    let anchors = anchors(attempt, exchange, Translation::Excluded)?;
    is_own(attempt, exchange)?;
    let Offsets { low, high, tight } = offsets(attempt, exchange)?;
    let agreement = Agreement::Disagrees;
    Ok(Fit { low, high, tight, agreement, anchors, is_ended: exchange.is_ended })
}

/// The same for a request that a program behind a front end was still working on when the exchange ended: both began together. What
/// the program answered nobody got.
pub(in crate::log) fn fit_outlived(
    attempt: &Attempt,
    exchange: &Exchange,
    translation: Translation,
) -> Result<Fit, Misfit> {
    let anchors = anchors(attempt, exchange, translation)?;
    is_own(attempt, exchange)?;
    let (Some(begin), Some(asked), Some(_)) = (attempt.begin, exchange.asked, &attempt.request) else {
        return Err(Misfit::Request);
    };
    let is_ended = matches!(
        exchange.outcome,
        WireOutcome::Complete | WireOutcome::NoResponse | WireOutcome::Reset | WireOutcome::ClosedEarly
    );
    if !is_ended || !exchange.asks {
        return Err(Misfit::Outcome);
    }
    let (took, lasted) = (attempt.end - begin, exchange.end - asked);
    // Clients may leave at any time; a front end that answers instead has waited.
    let is_answered = exchange.outcome == WireOutcome::Complete && exchange.answered.is_some();
    let is_awaited = !is_answered || lasted.nanos() >= SHORTEST_WAIT;
    if took.nanos() <= lasted.nanos().saturating_add(BEHIND_SLACK) || !is_awaited {
        return Err(Misfit::Duration { attempt: took, least: lasted });
    }
    let (shift, doubt) = exchange.shift(attempt.side, Side::Client);
    let exact = begin.nanos().saturating_sub(asked.nanos().saturating_add(shift));
    let low = exact.saturating_sub(BEHIND_SLACK + doubt);
    let high = exact.saturating_add(attempt.precision.nanos() + SLACK + doubt);
    let agreement = Agreement::Silent;
    Ok(Fit { low, high, tight: (exact, exact), agreement, anchors, is_ended: true })
}

/// How much later than the packet of its request a program began, at this offset, in nanoseconds; of a line that is exact.
pub(in crate::log) fn began_late(attempt: &Attempt, exchange: &Exchange, offset: Elapsed) -> Option<i64> {
    let (begin, asked) = (attempt.begin?, exchange.asked?);
    let (shift, _) = exchange.shift(attempt.side, Side::Client);
    let is_exact = attempt.precision.nanos() < SECOND / 10 && attempt.grammar != Grammar::NginxAccess;
    is_exact.then(|| {
        begin.nanos().saturating_sub(offset.nanos()).saturating_sub(asked.nanos().saturating_add(shift))
    })
}

/// Whether the attempt leads to a connection at all.
pub(in crate::log) fn expects_connection(attempt: &Attempt) -> bool {
    attempt.outcome != AttemptOutcome::NameUnknown
}

/// The status that the server answered, as a client's log shows it.
pub(in crate::log) fn status(attempt: &Attempt) -> Option<u16> {
    match attempt.outcome {
        AttemptOutcome::Succeeded => Some(attempt.status.unwrap_or(200)),
        // What nginx writes when a client gives up.
        AttemptOutcome::ReadTimeout => Some(499),
        _ => attempt.status,
    }
}

fn server(attempt: &Attempt, exchange: &Exchange) -> Result<bool, Misfit> {
    let mut is_same = false;
    let named = &attempt.server;
    if !exchange.is_proxied && attempt.side == Side::Client {
        match named.ip {
            Some(ip) if ip == exchange.server.ip() => is_same = true,
            Some(_) => return Err(Misfit::Server),
            None => {}
        }
        if named.port.is_some_and(|port| port != exchange.server.port()) {
            return Err(Misfit::Port);
        }
    }
    if let (Some(host), Some(name)) = (&named.host, &exchange.name) {
        let plain = |name: &str| name.trim_end_matches('.').to_ascii_lowercase();
        // A server's log has what the request asked for, which may be an address where the SNI is a name.
        let is_address = host.raw().parse::<std::net::IpAddr>().is_ok();
        if plain(host.raw()) == plain(name) {
            is_same = true;
        } else if !is_address {
            return Err(Misfit::Name);
        }
    }
    Ok(is_same)
}

/// Whether an attempt can be what this program asked, of an exchange that it made itself. Others may ask the same server meanwhile,
/// from the same host.
fn is_own(attempt: &Attempt, exchange: &Exchange) -> Result<(), Misfit> {
    let Some(own) = &exchange.own else { return Ok(()) };
    if attempt.side == Side::Client {
        return Err(Misfit::Program);
    }
    let Some(logged) = &attempt.request else { return Ok(()) };
    let logged = logged.raw();
    let is_asked = match &own.tunnel {
        // A proxy's log has what it was asked for itself.
        Some(target) if is_tunnel(attempt) => logged.strip_prefix("CONNECT ") == Some(target),
        _ => own.line.as_deref().is_some_and(|line| is_same_request(line, logged)),
    };
    if is_asked { Ok(()) } else { Err(Misfit::Request) }
}

/// Whether a line of a server may be about a request that its front end logged as `served`: an error on the way, or the request as
/// the program behind it has it. A front end has a status of its own for a client that gave up.
pub(in crate::log) fn is_behind_front_end(attempt: &Attempt, served: &Attempt) -> bool {
    const GAVE_UP: u16 = 499;
    if attempt.side == Side::Client || attempt.grammar == served.grammar {
        return true;
    }
    if let (Some(own), Some(logged)) = (&served.request, &attempt.request)
        && !is_same_request(own.raw(), logged.raw())
    {
        return false;
    }
    match (attempt.status, served.status) {
        (Some(one), Some(other)) => one == other || other == GAVE_UP,
        _ => true,
    }
}

/// Whether a program may have been working on what its front end logged as `served`, and gave up: 499 is a client that left, 502 and 504
/// are the front end's own answers.
pub(in crate::log) fn is_given_up(attempt: &Attempt, served: &Attempt) -> bool {
    let is_same = match (&served.request, &attempt.request) {
        (Some(own), Some(logged)) => is_same_request(own.raw(), logged.raw()),
        _ => false,
    };
    is_same && matches!(served.status, Some(499 | 502 | 504))
}

/// Whether a proxy was asked for a tunnel.
fn is_tunnel(attempt: &Attempt) -> bool {
    attempt.request.as_ref().is_some_and(|request| request.raw().starts_with("CONNECT "))
}

/// Whether a log's line of method and path is of the request that was asked. A log may leave out the query, and a program behind a
/// front end has the end of the path, of two parts at least.
fn is_same_request(asked: &str, logged: &str) -> bool {
    let parts = |line| {
        let (method, path) = str::split_once(line, ' ').unwrap_or(("", line));
        (method, path.split(['?', '#']).next().unwrap_or_default())
    };
    let ((asked_method, asked), (method, logged)) = (parts(asked), parts(logged));
    let is_end = logged.starts_with('/') && logged.matches('/').count() > 1 && asked.ends_with(logged);
    (asked_method == method || method.is_empty()) && (asked == logged || is_end)
}

fn anchors(attempt: &Attempt, exchange: &Exchange, translation: Translation) -> Result<Anchors, Misfit> {
    let server = server(attempt, exchange)?;
    let (client, port) = client(attempt, exchange, translation)?;
    Ok(Anchors { server, client, port })
}

fn client(attempt: &Attempt, exchange: &Exchange, translation: Translation) -> Result<(bool, bool), Misfit> {
    let Some(ip) = attempt.client.ip else { return Ok((false, false)) };
    if ip != exchange.client.ip() {
        return if translation == Translation::Possible { Ok((false, false)) } else { Err(Misfit::Client) };
    }
    match attempt.client.port {
        Some(port) if port == exchange.client.port() => Ok((true, true)),
        Some(_) => Err(Misfit::ClientPort),
        None => Ok((true, false)),
    }
}

/// Offsets that a pair allows, in nanoseconds.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(in crate::log) struct Offsets {
    pub low: i64,
    pub high: i64,
    /// Without any allowance; it may be empty.
    pub tight: (i64, i64),
}

/// The offsets that the interval rule allows.
pub(in crate::log) fn offsets(attempt: &Attempt, exchange: &Exchange) -> Result<Offsets, Misfit> {
    let precision = attempt.precision.nanos();
    let end = attempt.end.nanos();
    let (start_shift, start_doubt) = exchange.shift(attempt.side, Side::Client);
    let (end_shift, end_doubt) = exchange.shift(attempt.side, exchange.end_by);
    let start = exchange.start.nanos().saturating_add(start_shift);
    let decisive = exchange.end.nanos().saturating_add(end_shift);
    match attempt.side {
        Side::Client => {
            let begin = attempt.begin.map_or(end.saturating_sub(LONGEST_ATTEMPT), Timestamp::nanos);
            let gives_up = matches!(
                exchange.outcome,
                WireOutcome::NoReply
                    | WireOutcome::NoServerHello
                    | WireOutcome::Stalled
                    | WireOutcome::NoResponse
            );
            let slack = end_doubt + if gives_up { CLOSE_SLACK } else { SLACK };
            let least = exchange.least().nanos();
            let longest = end.saturating_add(precision).saturating_sub(begin);
            if longest.saturating_add(slack + start_doubt) < least {
                return Err(Misfit::Duration {
                    attempt: Elapsed::from_nanos(end.saturating_sub(begin)),
                    least: Elapsed::from_nanos(least),
                });
            }
            let low = begin.saturating_sub(start).saturating_sub(SLACK + start_doubt);
            let high = end
                .saturating_add(precision + slack)
                .saturating_sub(start.saturating_add(least).max(decisive));
            let tight = (low + SLACK + start_doubt, high - slack);
            Ok(Offsets { low, high: high.max(low), tight })
        }
        Side::Server => {
            let is_access = attempt.grammar == Grammar::NginxAccess;
            let (late, early) = if is_access { (SERVER_SLACK, SLACK) } else { (BEHIND_SLACK, BEHIND_SLACK) };
            let mut low = end.saturating_sub(decisive).saturating_sub(late + end_doubt);
            // Nothing is logged of a request before it was sent.
            let start = exchange.asked.map_or(start, |asked| asked.nanos().saturating_add(start_shift));
            // An error about a request is written when it happens, which may be well before the answer ends.
            let is_incident = attempt.grammar == Grammar::NginxError && attempt.request.is_some();
            let (event, doubt) = if is_incident { (start, start_doubt) } else { (decisive, end_doubt) };
            let is_timeout = |attempt: &Attempt| {
                attempt.lines.first().is_some_and(|line| answer::is_timeout(line.text.raw()))
            };
            let event = if is_incident && is_timeout(attempt) {
                // It waited before, and it answers afterwards.
                if exchange.answered.is_some() && decisive.saturating_sub(start) < SHORTEST_WAIT {
                    let least = Elapsed::from_nanos(SHORTEST_WAIT);
                    return Err(Misfit::Duration { attempt: exchange.end - exchange.start, least });
                }
                start.saturating_add(SHORTEST_WAIT)
            } else {
                event
            };
            let mut high = end.saturating_add(precision + early + doubt).saturating_sub(event);
            if let Some(begin) = attempt.begin {
                // The request arrived after the exchange began.
                let latest =
                    begin.nanos().saturating_add(precision + SLACK + start_doubt).saturating_sub(start);
                high = high.min(latest);
                // What was never answered was not done with at once either: the program began when it came.
                let is_answered = exchange.answered.is_some() && exchange.outcome != WireOutcome::NoResponse;
                if !is_access && exchange.asked.is_some() && !is_answered {
                    let earliest = begin.nanos().saturating_sub(start).saturating_sub(late + start_doubt);
                    low = low.max(earliest);
                }
            }
            if high < low {
                let least = exchange.end - exchange.start;
                let attempt = attempt.begin.map_or(Elapsed::ZERO, |begin| attempt.end - begin);
                return Err(Misfit::Duration { attempt, least });
            }
            Ok(Offsets { low, high, tight: (low, high) })
        }
    }
}

/// Whether offsets count modulo a day: one of the two clocks has no date.
pub(in crate::log) fn folds(dating: Dating, wire: &Wire) -> bool {
    wire.clock == Clock::TimeOfDay || dating != Dating::Full
}

/// By how many nanoseconds, whole days, the middle of `low` and `high` is to be moved to lie next to `near`.
pub(in crate::log) fn fold((low, high): (i64, i64), near: i64) -> i64 {
    let middle = low / 2 + high / 2;
    let days = (near.saturating_sub(middle).saturating_add(DAY / 2)).div_euclid(DAY);
    days.saturating_mul(DAY)
}

impl Fit {
    /// Whether little time passes between a client's lines and the exchange within them, at this offset.
    pub fn is_close(&self, offset: Elapsed) -> bool {
        const BEFORE: i64 = 150 * MILLI;
        const AFTER: i64 = 250 * MILLI;
        offset.nanos() - self.tight.0 <= BEFORE && self.tight.1 - offset.nanos() <= AFTER
    }

    /// The same, moved by this many nanoseconds.
    pub fn moved(self, by: i64) -> Self {
        let add = |value: i64| value.saturating_add(by);
        Self {
            low: add(self.low),
            high: add(self.high),
            tight: (add(self.tight.0), add(self.tight.1)),
            ..self
        }
    }
}
