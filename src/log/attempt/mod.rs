//! Attempts: what a client tried, and what a server was asked, as their logs show it.
//!
//! A client's attempt has a line before the request and one after it, so whatever it sent lies between the two. A server's request
//! is logged when it ends, with its duration at best, so the log lies within what the client sent. The rest of the room works with
//! that difference and with nothing else of a line's form.

mod answered;
mod client;
mod line;
mod rails;
mod server;
mod words;

use std::net::IpAddr;

pub use line::NearbyLine;

use super::clocks::ClockId;
use super::grammar::{Entry, Fact, Grammar, Level};
use super::quote::Quote;
use super::redact::Known;
use super::settings::LogSettings;
use crate::limits;
use crate::time::{Elapsed, Timestamp};

/// Whose log it is.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Side {
    /// Who opened the connection.
    Client,
    /// Who was asked.
    Server,
}

impl Side {
    /// Its name in reports: `client` or `server`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Client => "client",
            Self::Server => "server",
        }
    }
}

/// How an attempt ended, as far as the log's words name it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum AttemptOutcome {
    /// Nothing failed.
    Succeeded,
    /// An answer with this HTTP status, 400 or above.
    Status(u16),
    /// An OAuth error (RFC 6749, 5.2); `None` if the line is cut in the middle of its name.
    Denied(Option<&'static str>),
    /// FlexNet denied a feature.
    FeatureDenied,
    /// The server's name has no address. No connection was tried.
    NameUnknown,
    /// Connection refused.
    Refused,
    /// No route to the host.
    Unreachable,
    /// A timeout while connecting, which for `java.net.http` includes the TLS handshake.
    ConnectTimeout,
    /// A timeout while waiting for an answer, which for `HttpsURLConnection` includes the TLS handshake.
    ReadTimeout,
    /// A timeout of a kind that is not named.
    TimedOut,
    /// The connection was reset.
    Reset,
    /// The other side closed during the handshake.
    ClosedInHandshake,
    /// A fatal alert was received, with its number in the registry where it is known.
    Alert(Option<u8>),
    /// The handshake failed, and the words don't name why.
    HandshakeFailed,
    /// The client does not trust the server's certificate.
    CertificateRejected,
    /// The certificate is for another name.
    NameMismatch,
    /// One side did not speak TLS.
    NotTls,
    /// A proxy refused the tunnel, with its status where it is known.
    ProxyRefused(Option<u16>),
    /// The connection ended without an answer.
    EmptyAnswer,
    /// A server's view: the client closed before the answer (nginx's status 499).
    GaveUp,
    /// An error whose words name none of these.
    Failed,
    /// The line is cut before its outcome.
    Unknown,
}

impl AttemptOutcome {
    /// Its name for machines.
    pub fn code(self) -> &'static str {
        match self {
            Self::Succeeded => "succeeded",
            Self::Status(_) => "http-status",
            Self::Denied(_) => "denied",
            Self::FeatureDenied => "feature-denied",
            Self::NameUnknown => "name-unknown",
            Self::Refused => "refused",
            Self::Unreachable => "unreachable",
            Self::ConnectTimeout => "connect-timeout",
            Self::ReadTimeout => "read-timeout",
            Self::TimedOut => "timeout",
            Self::Reset => "reset",
            Self::ClosedInHandshake => "closed-in-handshake",
            Self::Alert(_) => "alert",
            Self::HandshakeFailed => "handshake-failed",
            Self::CertificateRejected => "certificate-rejected",
            Self::NameMismatch => "name-mismatch",
            Self::NotTls => "not-tls",
            Self::ProxyRefused(_) => "proxy-refused",
            Self::EmptyAnswer => "empty-answer",
            Self::GaveUp => "client-gave-up",
            Self::Failed => "failed",
            Self::Unknown => "unknown",
        }
    }

    /// Whether the attempt failed. An unknown outcome is none.
    pub fn is_failure(self) -> bool {
        !matches!(self, Self::Succeeded | Self::Unknown)
    }
}

/// A server, or a client, as a log names it.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct Peer {
    /// By name.
    pub host: Option<Quote>,
    /// By address.
    pub ip: Option<IpAddr>,
    /// The port.
    pub port: Option<u16>,
}

/// An attempt of a client, or a request to a server.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Attempt {
    /// Whose log contains it.
    pub side: Side,
    /// Which grammar its lines are.
    pub grammar: Grammar,
    /// The clock that its times are of.
    pub clock: ClockId,
    /// The last line before the request, or the request's arrival at the server. Absent if the log has the end only.
    pub begin: Option<Timestamp>,
    /// The line that ends it.
    pub end: Timestamp,
    /// Both times are anything from themselves up to this much later.
    pub precision: Elapsed,
    /// How it ended.
    pub outcome: AttemptOutcome,
    /// The HTTP status, if one is known.
    pub status: Option<u16>,
    /// The server that was tried, as a client names it, or that was asked for.
    pub server: Peer,
    /// The client, as a server names it.
    pub client: Peer,
    /// Method and path.
    pub request: Option<Quote>,
    /// The thread that made it.
    pub thread: Option<Quote>,
    /// nginx's number of the connection.
    pub connection: Option<u64>,
    /// Bytes of the answer's body, as a server logs them.
    pub body_bytes: Option<u64>,
    /// Bytes of the answer with its header.
    pub sent_bytes: Option<u64>,
    /// Whether it is a pause in the log where an answer may have been waited for, rather than lines that say so. One that ties to
    /// nothing is nothing.
    pub is_presumed: bool,
    /// Whether a class that works on licences made it, and not another part of the program.
    pub is_licensing: bool,
    /// Its lines: the first and the last, up to [`limits::LOG_ATTEMPT_LINES`].
    pub lines: Vec<NearbyLine>,
    /// Lines that are left out between them.
    pub left_out: u64,
}

impl Attempt {
    /// An attempt that `seen` ends.
    fn ending_with(seen: &Seen, side: Side, outcome: AttemptOutcome) -> Self {
        Self {
            side,
            grammar: seen.entry.grammar,
            clock: seen.clock,
            begin: None,
            end: seen.at,
            precision: seen.precision,
            outcome,
            status: None,
            server: Peer::default(),
            client: Peer::default(),
            request: None,
            thread: None,
            connection: None,
            body_bytes: None,
            sent_bytes: None,
            is_presumed: false,
            is_licensing: true,
            lines: Vec::new(),
            left_out: 0,
        }
    }

    /// The line that names the outcome, as an index into [`lines`](Self::lines): the one with the error or the status, else the
    /// first that reports an error, else the last.
    pub fn decisive(&self) -> usize {
        let names = |words: &str| self.lines.iter().position(|line| line.text.raw().contains(words));
        let named = match self.outcome {
            AttemptOutcome::Denied(Some(error)) => names(error),
            AttemptOutcome::Status(status) => names(&status.to_string()),
            _ => None,
        };
        named
            .or_else(|| self.lines.iter().position(|line| line.level >= Level::Error))
            .unwrap_or_else(|| self.lines.len().saturating_sub(1))
    }

    /// Adds a line within the bound: the last place is the latest line's.
    fn push_line(&mut self, line: NearbyLine) {
        // Most have one.
        if self.lines.is_empty() {
            self.lines.reserve_exact(1);
        }
        if self.lines.len() >= limits::LOG_ATTEMPT_LINES {
            self.lines.pop();
            self.left_out += 1;
        }
        self.lines.push(line);
    }

    /// Bytes that it takes, about.
    fn bytes(&self) -> usize {
        let lines: usize = self
            .lines
            .iter()
            .map(|line| {
                size_of::<NearbyLine>() + line.text.len() + line.source.as_ref().map_or(0, Quote::len)
            })
            .sum();
        size_of::<Self>() + lines + self.request.as_ref().map_or(0, Quote::len)
    }
}

/// A port that a daemon of FlexNet listens on.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Service {
    /// The daemon's name.
    pub daemon: Quote,
    /// The port.
    pub port: u16,
    /// Where the log says so.
    pub file: u16,
    /// The line there.
    pub number: u64,
}

/// An entry with its place in time.
#[derive(Clone, Copy)]
pub(super) struct Seen<'a> {
    pub entry: &'a Entry<'a>,
    pub file: u16,
    pub number: u64,
    pub clock: ClockId,
    /// Whether the clock's times are UTC.
    pub is_utc: bool,
    pub at: Timestamp,
    pub precision: Elapsed,
}

impl Seen<'_> {
    /// The line as it is kept.
    fn line(&self) -> NearbyLine {
        NearbyLine {
            file: self.file,
            number: self.number,
            clock: self.clock,
            at: self.at,
            precision: self.precision,
            grammar: self.entry.grammar,
            level: self.entry.level,
            source: self.entry.source.map(Quote::held),
            text: Quote::held(self.entry.text),
        }
    }
}

/// What the lines of one log, in all its files, come to.
#[derive(Clone, Default, Debug)]
pub(super) struct Gathered {
    /// In the order of their ends in the files.
    pub attempts: std::collections::VecDeque<Attempt>,
    /// Lines near the capture that are part of no attempt.
    pub lines: Vec<NearbyLine>,
    /// Ports of FlexNet's daemons.
    pub services: Vec<Service>,
    /// nginx's numbers of connections, as they were seen: clock, time, number.
    pub connections: Vec<(ClockId, Timestamp, u64)>,
    /// Attempts that the bounds crowded out.
    pub crowded_out: u64,
    /// Lines near the capture beyond the bound.
    pub lines_beyond: u64,
    /// The secrets that were covered.
    pub secrets: Known,
    bytes: usize,
}

impl Gathered {
    fn seal(&mut self, shows_secrets: bool) {
        let secrets = &mut self.secrets;
        let mut seal = |quote: &mut Quote| quote.seal(shows_secrets, secrets);
        for attempt in &mut self.attempts {
            let Attempt { lines, server, client, request, thread, .. } = attempt;
            lines.iter_mut().flat_map(NearbyLine::quotes).for_each(&mut seal);
            let peers = server.host.iter_mut().chain(client.host.iter_mut());
            peers.chain(request.iter_mut()).chain(thread.iter_mut()).for_each(&mut seal);
        }
        self.lines.iter_mut().flat_map(NearbyLine::quotes).for_each(&mut seal);
        self.services.iter_mut().for_each(|service| seal(&mut service.daemon));
    }

    fn push(&mut self, attempt: Attempt) {
        self.bytes += attempt.bytes();
        self.attempts.push_back(attempt);
        while self.attempts.len() > limits::LOG_ATTEMPTS || self.bytes > limits::LOG_BYTES {
            let Some(oldest) = self.attempts.pop_front() else { break };
            self.bytes = self.bytes.saturating_sub(oldest.bytes());
            self.crowded_out += 1;
        }
    }
}

/// Gathers attempts from the lines of one log.
#[derive(Clone, Debug, Default)]
pub(super) struct Gatherer {
    threads: client::Threads,
    requests: server::Requests,
    gathered: Gathered,
}

impl Gatherer {
    /// Takes one line.
    pub fn entry(&mut self, seen: &Seen, settings: &LogSettings, is_near: bool) {
        let out = &mut self.gathered;
        self.threads.close_entry();
        self.requests.close_entry();
        match seen.entry.fact {
            Fact::Request(request) => self.requests.request(seen, &request, is_near, out),
            Fact::Started { request, key } => self.requests.started(seen, &request, key),
            Fact::Completed { request, key } => self.requests.completed(seen, &request, key, is_near, out),
            Fact::Incident(incident) => self.requests.incident(seen, &incident, is_near, out),
            Fact::Licence { mnemonic } if is_near => client::device(seen, mnemonic, out),
            Fact::Checkout { is_granted, host } if is_near => server::checkout(seen, is_granted, host, out),
            Fact::Port { daemon, port } => server::port(seen, daemon, port, out),
            _ => {
                let is_vmanage =
                    matches!(seen.entry.grammar, Grammar::VmanageServer | Grammar::VmanageAppserver);
                let is_part = is_vmanage && self.threads.entry(seen, is_near, out);
                if !is_part && is_near {
                    loose(seen, settings, out);
                }
            }
        }
    }

    /// Takes a line that continues the one before.
    pub fn continuation(&mut self, text: &str, number: u64) {
        self.threads.continuation(text, number);
        self.requests.continuation(text, number, &mut self.gathered);
    }

    /// Forgets the attempts, but not what the next one may begin with.
    pub fn forget(&mut self) {
        self.gathered = Gathered::default();
        self.threads.forget_failures();
        self.requests = server::Requests::default();
    }

    /// Forgets all but the latest attempts, and what lies before them.
    pub fn keep_latest(&mut self, most: usize) {
        /// Connections that ended longer ago are judged, and lines as old as that are missed by nobody.
        const MISSED: Elapsed = Elapsed::from_millis(10_000);
        let Gathered { attempts, bytes, lines, connections, lines_beyond, .. } = &mut self.gathered;
        if lines.len() > most {
            // The latest, and of the others as many, evenly: of a flood, some are left for each connection.
            let latest = lines.len() - most / 2;
            let step = latest.div_ceil((most / 2).max(1));
            let now = lines.last().map(|line| line.at);
            let mut index = 0;
            lines.retain(|line| {
                let is_kept = index >= latest || index % step == 0;
                index += 1;
                let is_missed = !is_kept && now.is_some_and(|now| now - line.at < MISSED);
                *lines_beyond += u64::from(is_missed);
                is_kept
            });
        }
        let forgotten = attempts.drain(..attempts.len().saturating_sub(most));
        *bytes = bytes.saturating_sub(forgotten.map(|attempt| attempt.bytes()).sum());
        connections.drain(..connections.len().saturating_sub(most));
    }

    /// Whether there are lines that are part of no attempt.
    pub fn has_loose_lines(&self) -> bool {
        !self.gathered.lines.is_empty()
    }

    /// Ends what is open, and covers the secrets of all that leaves.
    pub fn finish(mut self, settings: &LogSettings) -> Gathered {
        self.threads.finish(&mut self.gathered);
        self.requests.finish(&mut self.gathered);
        self.gathered.seal(settings.shows_secrets);
        self.gathered
    }
}

/// How long before and after the capture a line of a known zone is shown next to it.
const NEARBY: Elapsed = Elapsed::from_millis(600_000);

/// Keeps a line that is part of no attempt, if a reader of the timeline may want it: all near the capture where the zone is
/// known, and what matters where it is not.
fn loose(seen: &Seen, settings: &LogSettings, out: &mut Gathered) {
    let matters = seen.entry.level >= Level::Warning || matches!(seen.entry.fact, Fact::ClockStep);
    let is_kept = match settings.window {
        Some((from, to)) if seen.is_utc => seen.at + NEARBY >= from && to + NEARBY >= seen.at,
        Some(_) => matters,
        None => settings.is_following && matters,
    };
    if !is_kept {
        return;
    }
    if out.lines.len() >= limits::LOG_LINES {
        out.lines_beyond += 1;
        return;
    }
    out.lines.push(seen.line());
}
