//! Worlds that are made up: a client and a server, their logs as real software writes them, what a capture shows of them, and the truth.

use std::fmt::Write;
use std::net::SocketAddr;

use super::super::{Exchange, Side, Wire, WireOutcome};
use crate::time::{Clock, Elapsed, MILLI, SECOND, Timestamp};

/// Numbers that look like chance and are the same each time (splitmix64).
pub(super) struct Chance(u64);

impl Chance {
    pub fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15))
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    pub fn below(&mut self, most: i64) -> i64 {
        (self.next() % most.max(1) as u64) as i64
    }

    pub fn between(&mut self, least: i64, most: i64) -> i64 {
        least + self.below(most - least)
    }

    pub fn is(&mut self, percent: i64) -> bool {
        self.below(100) < percent
    }
}

/// What becomes of an attempt.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Kind {
    Granted,
    WrongClient,
    WrongUser,
    UpstreamDown,
    UpstreamSilent,
    ClientGivesUp,
    Refused,
    Dropped,
    Mute,
    Untrusted,
    Reset,
    Closed,
    PlainHttp,
    OldVersion,
    NameUnknown,
}

const KINDS: [Kind; 15] = [
    Kind::Granted,
    Kind::WrongClient,
    Kind::WrongUser,
    Kind::UpstreamDown,
    Kind::UpstreamSilent,
    Kind::ClientGivesUp,
    Kind::Refused,
    Kind::Dropped,
    Kind::Mute,
    Kind::Untrusted,
    Kind::Reset,
    Kind::Closed,
    Kind::PlainHttp,
    Kind::OldVersion,
    Kind::NameUnknown,
];

/// How a world is made.
#[expect(clippy::struct_excessive_bools, reason = "each is so or not, in any combination")]
#[derive(Clone, Debug)]
pub(super) struct Plan {
    pub seed: u64,
    pub attempts: usize,
    /// When it begins, in UTC.
    pub start: Timestamp,
    /// The vManage's clock and zone against the capture's, in nanoseconds, and the zone's abbreviation.
    pub client_offset: i64,
    pub client_zone: &'static str,
    /// The server's clock against the capture's, in nanoseconds.
    pub server_offset: i64,
    pub round_trip: i64,
    /// Mean pause between attempts, in nanoseconds.
    pub pause: i64,
    /// Whether attempts come at exactly these pauses, one try each.
    pub is_regular: bool,
    pub threads: usize,
    /// Where the capture is made: 0 at the client, 100 at the server.
    pub place: i64,
    pub is_same_host: bool,
    pub names_server: bool,
    pub client: &'static str,
    pub server: &'static str,
    /// Whether the lines of Rails have parts of a second, in a stamp of their own, or the second of syslog's prefix.
    pub is_rails_exact: bool,
}

impl Plan {
    pub fn new(seed: u64) -> Self {
        let mut chance = Chance::new(seed);
        let zone = chance.between(-48, 57) * 15 * 60 * SECOND;
        let skew = chance.between(-90 * SECOND, 90 * SECOND);
        Self {
            seed,
            attempts: 200,
            start: Timestamp::from_nanos(1_673_600_000 * SECOND + chance.below(SECOND)),
            client_offset: zone + skew,
            client_zone: ["IST", "CST", "EDT", "KST"][chance.below(4) as usize],
            server_offset: chance.between(-90 * SECOND, 90 * SECOND),
            round_trip: [MILLI, 8 * MILLI, 40 * MILLI, 244 * MILLI][chance.below(4) as usize],
            pause: chance.between(2 * SECOND, 60 * SECOND),
            is_regular: false,
            threads: 1 + chance.below(3) as usize,
            place: [0, 0, 50, 100][chance.below(4) as usize],
            is_same_host: false,
            names_server: chance.is(50),
            client: "10.66.76.81",
            server: "10.106.66.55",
            is_rails_exact: chance.is(50),
        }
    }
}

/// A world.
pub(super) struct World {
    /// `vmanage-server.log`.
    pub client_log: String,
    /// SSM's `messages`.
    pub server_log: String,
    pub wire: Wire,
    /// For each attempt: its error's or last line's beginning in the client's log, and its exchange, if it made one.
    pub client_truth: Vec<(i64, Option<usize>)>,
    /// For each access line: its number in the server's log and its exchange.
    pub server_truth: Vec<(u64, usize)>,
    /// The same for each line of Rails.
    pub rails_truth: Vec<(u64, usize)>,
}

/// A line and when it was written, in the time of the capture.
struct Written {
    at: i64,
    text: String,
    exchange: Option<usize>,
    is_rails: bool,
}

/// Makes a world.
pub(super) fn make(plan: &Plan) -> World {
    let mut chance = Chance::new(plan.seed ^ 0xabcd);
    let mut maker = Maker {
        plan,
        port: 32_768,
        exchanges: Vec::new(),
        client: Vec::new(),
        server: Vec::new(),
        truth: Vec::new(),
        connection: 1500,
    };
    for thread in 0..plan.threads {
        let mut now = plan.start.nanos() + chance.below(plan.pause);
        let mut made = 0;
        while made < plan.attempts / plan.threads {
            let kind = KINDS[chance.below(KINDS.len() as i64) as usize];
            let is_jnh = chance.is(50);
            let tries = if chance.is(25) && !plan.is_regular { chance.between(2, 4) } else { 1 };
            let begun = now;
            for _ in 0..tries {
                now = maker.attempt(kind, is_jnh, thread, now, &mut chance);
                now += chance.between(20 * MILLI, 2 * SECOND);
                made += 1;
            }
            now = if plan.is_regular { begun + plan.pause } else { now + chance.below(2 * plan.pause) };
        }
    }
    maker.noise(&mut chance);
    maker.finish()
}

impl World {
    /// The same with the lines of Rails alone in the server's log.
    pub fn without_nginx(mut self) -> Self {
        let lines: Vec<&str> = self.server_log.lines().collect();
        let own = self.rails_truth.iter().map(|(number, _)| lines[*number as usize - 1]);
        let log = own.fold(String::new(), |log, line| log + line + "\n");
        self.rails_truth =
            (1..).zip(self.rails_truth).map(|(number, (_, exchange))| (number, exchange)).collect();
        (self.server_log, self.server_truth) = (log, Vec::new());
        self
    }
}

struct Maker<'a> {
    plan: &'a Plan,
    port: u16,
    exchanges: Vec<Exchange>,
    client: Vec<Written>,
    server: Vec<Written>,
    truth: Vec<(i64, Option<usize>)>,
    connection: u64,
}

impl Maker<'_> {
    /// One attempt from `now`; when it ended.
    #[expect(clippy::too_many_lines, reason = "the course of one attempt, line by line")]
    fn attempt(&mut self, kind: Kind, is_jnh: bool, thread: usize, now: i64, chance: &mut Chance) -> i64 {
        let round_trip = self.plan.round_trip + chance.below(self.plan.round_trip / 8 + 1);
        let url = if self.plan.names_server {
            format!(" https://{}:8443/oauth/token", self.plan.server)
        } else {
            String::new()
        };
        let mut at = now;
        for (class, text) in [
            ("SmartLicensingIntegrationManager", "Validating the Smart Account credentials"),
            ("SmartLicensingUtil", "initializing"),
            ("RestAPIClient", "RestAPI proxy settings: none"),
            ("SmartLicensingUtil", "URL being used for on-prem"),
        ] {
            self.info(at, class, thread, text);
            at += chance.below(5 * MILLI);
        }
        self.info(at, "SmartLicensingUtil", thread, &format!("Query{url}"));
        let begin = at;
        // Loading of classes, name resolution, a pool's thread.
        let slowest = if chance.is(10) { 300 * MILLI } else { 20 * MILLI };
        let start = begin + chance.between(MILLI, slowest);
        // From the event on the wire to the line: a few frames of a stack, now and then the garbage collector.
        let latest = if chance.is(8) { 60 * MILLI } else { 6 * MILLI };
        let late = chance.between(300_000, latest);
        let established = start + 3 * round_trip + chance.below(10 * MILLI);
        let server_work = chance.between(5 * MILLI, 120 * MILLI);
        let answer = established + round_trip + server_work;
        let timeout = chance.between(1500 * MILLI, 3000 * MILLI);
        let complete = WireOutcome::Complete;
        let alert = |number, by| WireOutcome::Alert { number: Some(number), by };
        let (outcome, end, end_of_attempt) = match kind {
            Kind::NameUnknown => (WireOutcome::Unknown, start, start),
            Kind::Granted | Kind::WrongClient | Kind::WrongUser | Kind::UpstreamDown => {
                (complete, answer, answer)
            }
            Kind::UpstreamSilent => (complete, answer + 2 * SECOND, answer + 2 * SECOND),
            Kind::ClientGivesUp => (WireOutcome::NoResponse, established + timeout, established + timeout),
            Kind::Refused => (WireOutcome::Refused, start + round_trip, start + round_trip),
            // The last SYN is seen, the timeout is not.
            Kind::Dropped => (WireOutcome::NoReply, start + SECOND, start + timeout),
            Kind::Mute => {
                (WireOutcome::NoServerHello, start + round_trip + timeout, start + round_trip + timeout)
            }
            Kind::Untrusted => (
                alert(46, Side::Client),
                start + 2 * round_trip + 3 * MILLI,
                start + 2 * round_trip + 3 * MILLI,
            ),
            Kind::Reset => (WireOutcome::Reset, start + 2 * round_trip, start + 2 * round_trip),
            Kind::Closed => (WireOutcome::ClosedEarly, start + 2 * round_trip, start + 2 * round_trip),
            Kind::PlainHttp => (WireOutcome::NotTls, start + 2 * round_trip, start + 2 * round_trip),
            Kind::OldVersion => (alert(70, Side::Server), start + 2 * round_trip, start + 2 * round_trip),
        };
        let exchange = (kind != Kind::NameUnknown).then(|| self.exchange(start, end, outcome, round_trip));
        let written = end_of_attempt + late;
        if let Some(exchange) = exchange {
            self.show_answer(kind, exchange, established, round_trip);
        }
        self.serve(kind, end, server_work, round_trip, exchange);
        if kind == Kind::ClientGivesUp && chance.is(50) {
            let came = established + round_trip / 2;
            self.outlive(came, end - established + chance.between(200 * MILLI, 3 * SECOND), exchange);
        }
        if kind == Kind::Granted {
            self.info(written, "SmartLicensingUtil", thread, "token received");
        } else {
            let words = words(kind, is_jnh);
            self.error(written, "RestAPIClient", thread, &format!("Failed to query{words}"));
            self.error(
                written + MILLI,
                "SmartLicensingUtil",
                thread,
                "Failed to authenticate user - 'admin'.",
            );
            self.error(
                written + MILLI,
                "SmartLicensingIntegrationRestfulResource",
                thread,
                "Failed to authenticate",
            );
        }
        self.truth.push((written, exchange));
        written + 2 * MILLI
    }

    fn exchange(&mut self, start: i64, end: i64, outcome: WireOutcome, round_trip: i64) -> usize {
        self.port = if self.port > 60_000 { 32_768 } else { self.port + 1 };
        let client: SocketAddr = format!("{}:{}", self.plan.client, self.port).parse().expect("an address");
        // Both are times at the client.
        let end_by = match outcome {
            WireOutcome::NoReply
            | WireOutcome::NoServerHello
            | WireOutcome::NoResponse
            | WireOutcome::Alert { by: Side::Client, .. } => Side::Client,
            _ => Side::Server,
        };
        let to_client = round_trip * self.plan.place / 100;
        let end = if end_by == Side::Client { end + to_client / 2 } else { end - to_client / 2 };
        let server = format!("{}:8443", self.plan.server).parse().expect("an address");
        let (start, end) = (Timestamp::from_nanos(start + to_client / 2), Timestamp::from_nanos(end));
        self.exchanges.push(Exchange {
            is_ended: outcome != WireOutcome::NoReply,
            end_by,
            outcome,
            to_client: Some(Elapsed::from_nanos(to_client)),
            to_server: Some(Elapsed::from_nanos(round_trip - to_client)),
            ..Exchange::complete(client, server, start, end)
        });
        self.exchanges.len() - 1
    }

    /// What the server logs of it: nginx after syslog's prefix, and Rails behind nginx.
    fn serve(&mut self, kind: Kind, end: i64, work: i64, round_trip: i64, exchange: Option<usize>) {
        self.connection += 1;
        let (status, path) = match kind {
            Kind::Granted => (200, "/oauth/token"),
            Kind::WrongClient => (401, "/oauth/token"),
            Kind::WrongUser => (400, "/oauth/token"),
            Kind::UpstreamDown => (502, "/oauth/token"),
            Kind::UpstreamSilent => (504, "/oauth/token"),
            Kind::ClientGivesUp => (499, "/oauth/token"),
            _ => return,
        };
        let at = end - round_trip / 2 + if kind == Kind::ClientGivesUp { round_trip } else { 0 };
        let on_server = at + self.plan.server_offset;
        let client = self.plan.client;
        if status < 402 {
            self.rails(at - 2 * MILLI, work - 2 * MILLI, status, exchange);
        }
        if status == 502 {
            let text = format!(
                "504f06c0d581: {} [error] 47#47: *{} connect() failed (111: Connection refused) while connecting to upstream, client: {client}, server: _, request: \"POST {path} HTTP/1.1\", upstream: \"http://172.18.0.5:3000{path}\"",
                civil(on_server, "%Y/%m/%d %H:%M:%S"),
                self.connection
            );
            self.server.push(Written { at: on_server - MILLI, text, exchange: None, is_rails: false });
        }
        let text = format!(
            "504f06c0d581: {client} - - [{}] \"POST {path} HTTP/1.1\" {status} 53 \"-\" \"Java/17.0.15\"",
            civil(on_server, "%d/%b/%Y:%H:%M:%S +0000")
        );
        self.server.push(Written { at: on_server, text, exchange, is_rails: false });
    }

    /// What Rails writes when it is done, by the time of the capture.
    fn rails(&mut self, done: i64, took: i64, status: u16, exchange: Option<usize>) {
        let at = done + self.plan.server_offset;
        let stamp = if self.plan.is_rails_exact {
            let micros = at.rem_euclid(SECOND) / 1_000;
            format!("I, [{}.{micros:06} #42]  INFO -- : ", civil(at, "%Y-%m-%dT%H:%M:%S"))
        } else {
            String::new()
        };
        let text = format!(
            "1a1fca641d0a: {stamp}method=POST path=/oauth/token format=json controller=Doorkeeper::TokensController action=create \
             status={status} duration={:.2} view=0.21 db=3.05",
            took as f64 / 1e6
        );
        self.server.push(Written { at, text, exchange, is_rails: true });
    }

    /// Rails is done with a request whose client has left.
    fn outlive(&mut self, came: i64, took: i64, exchange: Option<usize>) {
        self.rails(came + took, took, 200, exchange);
    }

    /// What the capture shows of the request and its answer.
    fn show_answer(&mut self, kind: Kind, exchange: usize, established: i64, round_trip: i64) {
        let bytes = match kind {
            Kind::Granted => 812,
            Kind::WrongClient => 731,
            Kind::WrongUser => 745,
            Kind::UpstreamDown => 305,
            Kind::UpstreamSilent => 315,
            Kind::ClientGivesUp => 0,
            _ => return,
        };
        let exchange = &mut self.exchanges[exchange];
        let to_client = round_trip * self.plan.place / 100;
        exchange.asked = Some(Timestamp::from_nanos(established + to_client / 2));
        if bytes > 0 {
            exchange.answered = Some(exchange.end);
            exchange.answer_bytes = Some(bytes);
        }
    }

    /// Connections that no line is about, and lines that no connection is about.
    fn noise(&mut self, chance: &mut Chance) {
        let (from, to) = self.span();
        for _ in 0..self.plan.attempts / 10 {
            let start = chance.between(from, to);
            let round_trip = self.plan.round_trip;
            // A monitor, from a host of its own.
            let index = self.exchange(start, start + 4 * round_trip, WireOutcome::Complete, round_trip);
            self.exchanges[index].client =
                format!("10.66.76.9:{}", 40_000 + index).parse().expect("an address");
        }
        for _ in 0..self.plan.attempts {
            let at = chance.between(from, to);
            let thread = 100 + chance.below(20) as usize;
            self.info(at, "DeviceActionStatusDAO", thread, "Updating the status of 12 devices");
            self.server.push(Written {
                at: at + self.plan.server_offset,
                text: "1a1fca641d0a: [active_model_serializers] Rendered UserSerializer".to_owned(),
                exchange: None,
                is_rails: false,
            });
        }
    }

    fn span(&self) -> (i64, i64) {
        let starts = self.exchanges.iter().map(|exchange| exchange.start.nanos());
        let ends = self.exchanges.iter().map(|exchange| exchange.end.nanos());
        (starts.min().unwrap_or_default(), ends.max().unwrap_or_default())
    }

    fn info(&mut self, at: i64, class: &str, thread: usize, text: &str) {
        self.line(at, "INFO", class, thread, text);
    }

    fn error(&mut self, at: i64, class: &str, thread: usize, text: &str) {
        self.line(at, "ERROR", class, thread, text);
    }

    fn line(&mut self, at: i64, level: &str, class: &str, thread: usize, text: &str) {
        let mut line = String::new();
        let local = at + self.plan.client_offset;
        let _ = write!(
            line,
            "{},{:03} {} {level} [um8_vManage] [{class}] (default task-{}) |default| {text}",
            civil(local, "%d-%b-%Y %H:%M:%S"),
            local.rem_euclid(SECOND) / MILLI,
            self.plan.client_zone,
            24 + thread
        );
        self.client.push(Written { at, text: line, exchange: None, is_rails: false });
    }

    fn finish(mut self) -> World {
        let span = self.span();
        self.client.sort_by_key(|line| line.at);
        self.server.sort_by_key(|line| line.at);
        let client_log = self.client.iter().fold(String::new(), |log, line| log + &line.text + "\n");
        let mut server_log = String::new();
        let (mut server_truth, mut rails_truth) = (Vec::new(), Vec::new());
        for (index, line) in self.server.iter().enumerate() {
            let _ = writeln!(server_log, "{} SSM-On-Prem {}", civil(line.at, "%b %e %H:%M:%S"), line.text);
            let truth = if line.is_rails { &mut rails_truth } else { &mut server_truth };
            truth.extend(line.exchange.map(|exchange| (index as u64 + 1, exchange)));
        }
        // Exchanges in the order of their starts, as a capture has them.
        let mut order: Vec<usize> = (0..self.exchanges.len()).collect();
        order.sort_by_key(|index| self.exchanges[*index].start);
        let mut place = vec![0; order.len()];
        for (new, old) in order.iter().enumerate() {
            place[*old] = new;
        }
        let exchanges = order.iter().map(|index| self.exchanges[*index].clone()).collect();
        World {
            client_log,
            server_log,
            wire: Wire {
                clock: Clock::Utc,
                span: (
                    Timestamp::from_nanos(span.0 - 5 * SECOND),
                    Timestamp::from_nanos(span.1 + 5 * SECOND),
                ),
                made_at: self.plan.is_same_host.then_some(Side::Client),
                host: None,
                exchanges,
            },
            client_truth: self
                .truth
                .iter()
                .map(|(at, exchange)| (at + self.plan.client_offset, exchange.map(|index| place[index])))
                .collect(),
            server_truth: server_truth.into_iter().map(|(line, exchange)| (line, place[exchange])).collect(),
            rails_truth: rails_truth.into_iter().map(|(line, exchange)| (line, place[exchange])).collect(),
        }
    }
}

/// What each client writes of it.
fn words(kind: Kind, is_jnh: bool) -> &'static str {
    match (kind, is_jnh) {
        (Kind::Granted, _) => "",
        (Kind::WrongClient, _) => {
            ": status 401 {\"error\": \"invalid_client\", \"error_description\": \"x\"}"
        }
        (Kind::WrongUser, _) => ": status 400 {\"error\": \"invalid_grant\", \"error_description\": \"x\"}",
        (Kind::UpstreamDown, _) => ": status 502 <html>\n<head><title>502 Bad Gateway</title></head>",
        (Kind::UpstreamSilent, _) => ": status 504 <html>",
        (Kind::ClientGivesUp | Kind::Mute, false) => {
            " Exception - :java.net.SocketTimeoutException: Read timed out\n\tat java.base/sun.nio.ch.NioSocketImpl.timedRead(NioSocketImpl.java:288)"
        }
        (Kind::ClientGivesUp, true) => " Exception - :java.net.http.HttpTimeoutException: request timed out",
        (Kind::Mute | Kind::Dropped, true) => {
            " Exception - :java.net.http.HttpConnectTimeoutException: HTTP connect timed out\n\tat x\nCaused by: java.net.ConnectException: HTTP connect timed out"
        }
        (Kind::Dropped, false) => " Exception - :java.net.SocketTimeoutException: Connect timed out",
        (Kind::Refused, false) => " Exception - :java.net.ConnectException: Connection refused",
        (Kind::Refused, true) => {
            " Exception - :java.net.ConnectException\n\tat x\nCaused by: java.nio.channels.ClosedChannelException"
        }
        (Kind::Untrusted, _) => {
            " Exception - :javax.net.ssl.SSLHandshakeException: PKIX path building failed: sun.security.provider.certpath.SunCertPathBuilderException: unable to find valid certification path to requested target"
        }
        (Kind::Reset, false) => " Exception - :java.net.SocketException: Connection reset",
        (Kind::Reset, true) => {
            " Exception - :javax.net.ssl.SSLHandshakeException: Remote host terminated the handshake\nCaused by: java.net.SocketException: Connection reset"
        }
        (Kind::Closed, _) => {
            " Exception - :javax.net.ssl.SSLHandshakeException: Remote host terminated the handshake"
        }
        (Kind::PlainHttp, false) => {
            " Exception - :javax.net.ssl.SSLException: Unsupported or unrecognized SSL message"
        }
        (Kind::PlainHttp, true) => {
            " Exception - :javax.net.ssl.SSLException: Unrecognized SSL message, plaintext connection?"
        }
        (Kind::OldVersion, _) => {
            " Exception - :javax.net.ssl.SSLHandshakeException: Received fatal alert: protocol_version"
        }
        (Kind::NameUnknown, false) => " Exception - :java.net.UnknownHostException: no-such-host.example",
        (Kind::NameUnknown, true) => {
            " Exception - :java.net.ConnectException\nCaused by: java.nio.channels.UnresolvedAddressException"
        }
    }
}

/// A time as strftime(3) writes it.
fn civil(nanos: i64, format: &str) -> String {
    let instant = jiff::Timestamp::from_nanosecond(i128::from(nanos)).expect("a time");
    instant.to_zoned(jiff::tz::TimeZone::UTC).strftime(format).to_string()
}
