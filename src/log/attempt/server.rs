//! Requests as servers log them: nginx, Rails behind it, and FlexNet's daemons.
//!
//! nginx writes an error when it happens and the access line when the request ends, so an error and the access line that follows it
//! with the same client and path are one request. A handshake that failed has no access line, and by default no line at all.

use std::collections::VecDeque;
use std::net::IpAddr;

use super::answered::{line, outcome};
use super::{Attempt, AttemptOutcome, Gathered, Peer, Seen, Service, Side, rails, words};
use crate::limits;
use crate::log::grammar::{Incident, Level, Request, nginx_error};
use crate::log::quote::Quote;
use crate::time::{Elapsed, SECOND};

/// A line about the same connection and path within this time, in nanoseconds, is about the same request; one that is kept open may ask
/// for the same path again later. A server behind nginx that does not answer is given up after 60 s, and then the next one is tried.
const SAME_REQUEST: i64 = 61 * SECOND;

/// Zones differ by whole ones, in nanoseconds.
const QUARTER: i64 = 900 * SECOND;

/// Requests under way.
#[derive(Clone, Debug, Default)]
pub(super) struct Requests {
    /// Errors whose access line may follow.
    incidents: VecDeque<Pending>,
    /// The number of a line about a connection that the next lines may continue.
    open: Option<u64>,
    /// Requests of which Rails has written the first line.
    begun: rails::Open,
}

#[derive(Clone, Debug)]
struct Pending {
    connection: Option<u64>,
    client: Option<IpAddr>,
    path: Option<Box<str>>,
    attempt: Attempt,
}

impl Requests {
    /// A request that has ended.
    pub fn request(&mut self, seen: &Seen, request: &Request, is_near: bool, out: &mut Gathered) {
        note_connection(seen, request.connection, out);
        let pending = self.take(seen, request);
        if is_near {
            out.push(ended(seen, request, pending));
        }
    }

    /// A request that Rails has begun to work on.
    pub fn started(&mut self, seen: &Seen, request: &Request, key: &str) {
        self.begun.begin(seen, request, key_of(seen, key));
    }

    /// A request that Rails has answered.
    pub fn completed(
        &mut self,
        seen: &Seen,
        request: &Request,
        key: &str,
        is_near: bool,
        out: &mut Gathered,
    ) {
        let begun = self.begun.end(key_of(seen, key));
        if !is_near {
            return;
        }
        let mut attempt = ended(seen, request, None);
        if let Some(begun) = begun {
            attempt.request = begun.request;
            attempt.lines.splice(0..0, begun.lines);
        }
        out.push(attempt);
    }

    /// An error about a connection.
    pub fn incident(&mut self, seen: &Seen, incident: &Incident, is_near: bool, out: &mut Gathered) {
        note_connection(seen, incident.connection, out);
        if !is_near {
            return;
        }
        let outcome = words::nginx(seen.entry.text);
        if let Some(known) = self.incidents.iter_mut().rfind(|pending| {
            incident.connection.is_some()
                && pending.connection == incident.connection
                && pending.path.as_deref() == incident.path
                && pending.attempt.clock == seen.clock
                && (seen.at - pending.attempt.end).nanos().abs() <= SAME_REQUEST
                && !is_of_next_request(&pending.attempt, seen)
        }) {
            known.attempt.end = seen.at;
            known.attempt.push_line(seen.line());
            return;
        }
        let Some(outcome) = outcome else { return };
        self.open = Some(seen.number);
        let mut attempt = Attempt::ending_with(seen, Side::Server, outcome);
        attempt.client.ip = incident.client;
        attempt.server.host = incident.host.map(|host| Quote::held(without_port(host)));
        attempt.request = line(incident.method, incident.path);
        attempt.connection = incident.connection;
        attempt.push_line(seen.line());
        let may_be_answered = incident.path.is_some() || outcome == AttemptOutcome::NotTls;
        if !may_be_answered {
            out.push(attempt);
            return;
        }
        if self.incidents.len() >= limits::LOG_PENDING_ERRORS
            && let Some(oldest) = self.incidents.pop_front()
        {
            out.push(oldest.attempt);
        }
        self.incidents.push_back(Pending {
            connection: incident.connection,
            client: incident.client,
            path: incident.path.map(Into::into),
            attempt,
        });
    }

    /// The next lines continue another entry.
    pub fn close_entry(&mut self) {
        self.open = None;
    }

    /// Takes a line that continues the one before: a terminal wraps lines, and what an error names of its client is at their ends.
    pub fn continuation(&mut self, text: &str, number: u64, out: &mut Gathered) {
        /// A terminal of 80 columns wraps the longest of nginx's usual lines into fewer.
        const MOST: u64 = 8;
        self.begun.end_without_time(text, number, out);
        let Some(begun) = self.open.filter(|begun| number <= begun + MOST) else { return };
        let is_it = |attempt: &Attempt| attempt.lines.last().is_some_and(|line| line.number == begun);
        let pending = self.incidents.iter_mut().rfind(|pending| is_it(&pending.attempt));
        let (attempt, kept) = match pending {
            Some(Pending { client, path, attempt, .. }) => (attempt, Some((client, path))),
            None => match out.attempts.back_mut().filter(|attempt| is_it(attempt)) {
                Some(attempt) => (attempt, None),
                None => return,
            },
        };
        let Some(line) = attempt.lines.last_mut() else { return };
        let joined = [line.text.raw(), text].concat();
        let about = nginx_error::about(&joined);
        line.text = Quote::held(&joined);
        attempt.client.ip = attempt.client.ip.or(about.client);
        attempt.request = attempt.request.take().or_else(|| self::line(about.method, about.path));
        let host = || about.host.map(|host| Quote::held(without_port(host)));
        attempt.server.host = attempt.server.host.take().or_else(host);
        if let Some((client, path)) = kept {
            *client = client.or(about.client);
            *path = path.take().or_else(|| about.path.map(Into::into));
        }
    }

    /// The errors that belong to a request that has ended: the latest with its client and path, or with its connection.
    fn take(&mut self, seen: &Seen, request: &Request) -> Option<Pending> {
        let index = self.incidents.iter().rposition(|pending| {
            // Where one of both names no zone, whole quarters of an hour may lie between.
            let after = (seen.at - pending.attempt.end).nanos();
            let after = if pending.attempt.clock == seen.clock {
                after
            } else {
                (after + SECOND).rem_euclid(QUARTER) - SECOND
            };
            if !(-SECOND..=SAME_REQUEST).contains(&after) {
                return false;
            }
            let is_same_connection = request.connection.is_some() && pending.connection == request.connection;
            let is_alike = request.client.is_some()
                && pending.client == request.client
                && pending.path.as_deref() == request.path;
            is_same_connection || is_alike
        })?;
        self.incidents.remove(index)
    }

    /// Ends what is open.
    pub fn finish(&mut self, out: &mut Gathered) {
        self.incidents.drain(..).for_each(|pending| out.push(pending.attempt));
    }
}

/// A request that has ended, with the errors that preceded its answer.
fn ended(seen: &Seen, request: &Request, pending: Option<Pending>) -> Attempt {
    let outcome = outcome(request);
    let mut attempt = Attempt::ending_with(seen, Side::Server, outcome);
    attempt.begin = request.duration.map(|nanos| seen.at + Elapsed::from_nanos(-nanos));
    attempt.status = request.status;
    attempt.client = Peer { host: None, ip: request.client, port: request.client_port };
    attempt.server.host = request.host.map(|host| Quote::held(without_port(host)));
    attempt.request = line(request.method, request.path);
    attempt.connection = request.connection;
    (attempt.body_bytes, attempt.sent_bytes) = (request.body_bytes, request.sent_bytes);
    if let Some(pending) = pending {
        if outcome == AttemptOutcome::Status(400) && pending.attempt.outcome == AttemptOutcome::NotTls {
            attempt.outcome = AttemptOutcome::NotTls;
        }
        attempt.connection = attempt.connection.or(pending.connection);
        pending.attempt.lines.into_iter().for_each(|line| attempt.push_line(line));
    }
    attempt.push_line(seen.line());
    attempt
}

/// Whether an error is of a further request of its connection, with the same path: nginx had nobody left to ask for the one before, or asks
/// the same server again, which it does within one request only at once, where a connection to it had been kept open.
fn is_of_next_request(attempt: &Attempt, seen: &Seen) -> bool {
    const AT_ONCE: i64 = 2 * SECOND;
    if seen.entry.level < Level::Error || (seen.at - attempt.end).nanos() < AT_ONCE {
        return false;
    }
    let upstream = |text: &str| {
        let (_, rest) = text.split_once(", upstream: \"")?;
        rest.split_once('"').map(|(upstream, _)| upstream.to_owned())
    };
    let own = upstream(seen.entry.text);
    attempt.lines.iter().filter(|line| line.level >= Level::Error).any(|line| {
        let text = line.text.raw();
        text.starts_with("no live upstreams") || own.is_some() && upstream(text) == own
    })
}

/// nginx's number of a connection, for counting those that left no line.
fn note_connection(seen: &Seen, connection: Option<u64>, out: &mut Gathered) {
    if let Some(number) = connection
        && out.connections.len() < limits::LOG_CONNECTION_NUMBERS
    {
        out.connections.push((seen.clock, seen.at, number));
    }
}

/// Where a line names nothing of its own that its request's other line has, the container that wrote it does.
fn key_of<'s>(seen: &Seen<'s>, key: &'s str) -> &'s str {
    if key.is_empty() { seen.entry.source.unwrap_or_default() } else { key }
}

/// `ssm.example:8443` as nginx has it in `host`.
fn without_port(host: &str) -> &str {
    match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
        _ => host,
    }
}

/// FlexNet granted or denied a feature.
pub(super) fn checkout(seen: &Seen, is_granted: bool, host: &str, out: &mut Gathered) {
    let outcome = if is_granted { AttemptOutcome::Succeeded } else { AttemptOutcome::FeatureDenied };
    let mut attempt = Attempt::ending_with(seen, Side::Server, outcome);
    attempt.client.host = (!host.is_empty()).then(|| Quote::held(host));
    attempt.push_line(seen.line());
    out.push(attempt);
}

/// A daemon of FlexNet listens on a port. Each start of it is one; the latest is what counts.
pub(super) fn port(seen: &Seen, daemon: &str, port: u16, out: &mut Gathered) {
    let service = Service { daemon: Quote::held(daemon), port, file: seen.file, number: seen.number };
    if let Some(known) = out.services.iter_mut().find(|known| known.daemon == service.daemon) {
        *known = service;
    } else if out.services.len() < limits::LOG_SERVICES {
        out.services.push(service);
    }
}
