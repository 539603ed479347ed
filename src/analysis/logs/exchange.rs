//! What a judged connection is, in the plain form in which logs are compared with it.

use std::net::SocketAddr;

use crate::analysis::Judged;
use crate::log::{Exchange, Side, Wire, WireOutcome};
use crate::story::{EndingKind, Moment, Run, Stage, Story};
use crate::tcp::{PerRole, Role};
use crate::time::{Clock, Timestamp};
use crate::tls::{Version, content_bytes};
use crate::verdict::Code;

/// The round trips from the SYN to an answer where TLS 1.2 is fully negotiated, the longest of the usual ways.
const MOST_ROUND_TRIPS: u8 = 4;

/// What the connections show, and for each exchange the index of its connection.
///
/// A connection whose end is known by name only has none: logs are compared by addresses.
pub(super) fn wire(connections: &[Judged]) -> (Wire, Vec<usize>) {
    let (mut exchanges, mut owners) = (Vec::new(), Vec::new());
    let mut frame = Frame::default();
    for (index, judged) in connections.iter().enumerate() {
        exchanges.extend(exchanges_of(judged));
        owners.resize(exchanges.len(), index);
        frame.add(&judged.story);
    }
    (frame.wire(exchanges), owners)
}

/// What all connections of a capture have in common.
#[derive(Clone, Copy, Default)]
pub(in crate::analysis) struct Frame {
    clock: Clock,
    span: Option<(Timestamp, Timestamp)>,
    /// Whether the capture was made at the client's or at the server's end of some connection.
    made_at: PerRole<bool>,
}

impl Frame {
    /// Takes in a connection.
    pub(in crate::analysis) fn add(&mut self, story: &Story) {
        let (begin, end) = (story.first.at, story.capture.end.max(story.last.at));
        self.clock = story.capture.clock;
        self.span = Some(self.span.map_or((begin, end), |(first, last)| (first.min(begin), last.max(end))));
        for role in [Role::Client, Role::Server] {
            self.made_at[role] |= is_sender_s_host(story, role);
        }
    }

    /// What logs are compared with, with these exchanges.
    pub(in crate::analysis) fn wire(&self, exchanges: Vec<Exchange>) -> Wire {
        let made_at = match (self.made_at.client, self.made_at.server) {
            (true, false) => Some(Side::Client),
            (false, true) => Some(Side::Server),
            _ => None,
        };
        Wire { clock: self.clock, span: self.span.unwrap_or_default(), made_at, host: None, exchanges }
    }
}

/// Whether checksums that a network card was to fill in prove that the capture was made at this end.
fn is_sender_s_host(story: &Story, role: Role) -> bool {
    let checksums = &story.parties[role].checksums;
    checksums.offloaded > 0 && checksums.offloaded == checksums.incorrect && !checksums.was_received
}

/// The exchanges of one connection: its requests, where more than one is seen, or the whole.
pub(in crate::analysis) fn exchanges_of(judged: &Judged) -> Vec<Exchange> {
    let story = &judged.story;
    let socket = |role: Role| {
        let party = &story.parties[role];
        Some(SocketAddr::new(story.names.address(party.host)?, story.names.port(party.host, party.port)?))
    };
    let (Some(client), Some(server)) = (socket(Role::Client), socket(Role::Server)) else {
        return Vec::new();
    };
    let outcome = outcome(judged);
    let (end, is_ended, end_by) = end(story, outcome);
    let whole = Exchange {
        start: story.began().at,
        end,
        is_ended,
        end_by,
        client,
        server,
        name: story.tls.client_hello.as_ref().and_then(|hello| hello.what.server_name.clone()),
        is_proxied: story.prelude.as_ref().is_some_and(|prelude| prelude.protocol.is_proxy()),
        outcome,
        status: story.plain.server.as_ref().and_then(|plain| status(&plain.what.line)),
        asked: story.plain.client.as_ref().map(|plain| plain.moment.at),
        answered: story.plain.server.as_ref().map(|plain| plain.moment.at),
        answer_bytes: None,
        own: None,
        asks: story.tls.application_data.client.count > 0
            || story.plain.client.is_some()
            || story.stage >= Stage::TlsEstablished && story.missing.acked_unseen.client > 1,
        to_client: story.path.round_trips.shortest_to_client,
        to_server: story.path.round_trips.shortest_to_server,
        round_trips: round_trips(story),
    };
    let turns = turns(story);
    let Some((last, before)) = turns.split_last() else { return vec![whole] };
    let mut exchanges = Vec::with_capacity(turns.len());
    for (index, turn) in before.iter().enumerate() {
        let (start, round_trips) =
            if index == 0 { (whole.start, whole.round_trips) } else { (turn.asked.at, 1) };
        exchanges.push(Exchange {
            start,
            end: turn.last.unwrap_or(turn.asked).at,
            is_ended: true,
            end_by: Side::Server,
            outcome: WireOutcome::Complete,
            round_trips,
            ..turn.of(&whole)
        });
    }
    let mut exchange = last.of(&whole);
    if let (WireOutcome::Complete, Some(answer)) = (outcome, last.last) {
        // What a server sends when it closes, much later perhaps, is no part of the answer.
        exchange.end = answer.at;
    }
    if !before.is_empty() {
        (exchange.start, exchange.round_trips) = (last.asked.at, 1);
    }
    exchanges.push(exchange);
    exchanges
}

/// A request and its answer inside TLS.
struct Turn {
    asked: Moment,
    /// The answer's first and last packet, as far as records end in them.
    first: Option<Moment>,
    last: Option<Moment>,
    /// Bytes of the answer.
    bytes: u32,
}

impl Turn {
    /// The exchange that it is, as a part of the whole connection.
    fn of(&self, whole: &Exchange) -> Exchange {
        Exchange {
            asked: Some(self.asked.at),
            answered: self.first.map(|first| first.at),
            answer_bytes: self.first.map(|_| self.bytes),
            ..whole.clone()
        }
    }
}

/// Session tickets that come in pairs are no longer than this: OpenSSL's have about 240 bytes.
const LONGEST_TICKET: u32 = 512;

/// The requests inside TLS, by who spoke when. Empty if not all of it was kept: what is not known to be a request of its own belongs
/// to the whole.
fn turns(story: &Story) -> Vec<Turn> {
    let data = &story.tls.application_data;
    let sizes = &story.tls.record_sizes;
    let count = PerRole { client: data.client.count, server: data.server.count };
    let Some(runs) = story.tls.runs.of(count) else { return Vec::new() };
    // What is kept one by one, before the first run.
    let head = |role: Role| story.tls.runs.before(role).unwrap_or(count[role]) as usize;
    let is_whole = |role: Role| data[role].moments.len() >= head(role) && sizes[role].len() >= head(role);
    if !is_whole(Role::Client) || !is_whole(Role::Server) {
        return Vec::new();
    }
    let is_tls13 = story.tls.version().is_some_and(Version::is_tls13);
    let of = |role: Role| {
        let sizes = sizes[role].iter().map(move |size| content_bytes(*size, is_tls13));
        let each = data[role].moments.iter().zip(sizes).take(head(role));
        each.map(move |(moment, bytes)| Run { by: role, first: *moment, last: *moment, bytes })
    };
    let before = story.tls.sent_before_request.map_or(0, |moment| moment.number);
    let tickets = if is_tls13 { tickets(&sizes.server, &data.server.moments, before) } else { 0 };
    let mut spoken: Vec<Run> = of(Role::Client).chain(of(Role::Server).skip(tickets)).collect();
    spoken.sort_by_key(|run| run.first.number);
    let mut turns: Vec<Turn> = Vec::new();
    for run in spoken.iter().chain(runs) {
        match (run.by, turns.last_mut()) {
            (Role::Client, Some(turn)) if turn.last.is_none() => {}
            (Role::Client, _) => turns.push(Turn { asked: run.first, first: None, last: None, bytes: 0 }),
            (Role::Server, Some(turn)) => {
                turn.first.get_or_insert(run.first);
                turn.last = Some(run.last);
                turn.bytes = turn.bytes.saturating_add(run.bytes);
            }
            // Session tickets come before the first request.
            (Role::Server, None) => {}
        }
    }
    turns
}

/// How many of a TLS 1.3 server's first records are session tickets: all that came before the request, and two or more of one size,
/// before the answer. The last record of all is none.
fn tickets(sizes: &[u32], moments: &[Moment], before: u64) -> usize {
    let early = moments.iter().take_while(|moment| moment.number <= before).count();
    if early > 0 {
        return early;
    }
    let alike =
        sizes.iter().take_while(|size| Some(*size) == sizes.first() && **size <= LONGEST_TICKET).count();
    if alike >= 2 && alike < sizes.len() { alike } else { 0 }
}

/// When the outcome was clear, whether the connection ended then, and which side decided it.
fn end(story: &Story, outcome: WireOutcome) -> (Timestamp, bool, Side) {
    let last_by = |role: Role| story.data[role].last.map_or(0, |moment| moment.number);
    let last_side = if story.order.is_after(last_by(Role::Server), last_by(Role::Client)) {
        Side::Server
    } else {
        Side::Client
    };
    match story.decisive() {
        Some(ending) => match &ending.what {
            EndingKind::Silence(silence) => {
                let gave_up = story
                    .endings
                    .iter()
                    .find(|other| story.order.is_after(other.moment.number, ending.moment.number));
                match gave_up {
                    Some(other) => (silence.until, true, side(other.by)),
                    None => (story.last.at, false, last_side),
                }
            }
            _ => (ending.moment.at, true, side(ending.by)),
        },
        None if outcome == WireOutcome::NoResponse => match story.left_without_an_answer() {
            Some(ending) => (ending.moment.at, true, side(ending.by)),
            None => (story.last.at, false, last_side),
        },
        None if outcome == WireOutcome::Complete => match story.data.server.last {
            Some(moment) => (moment.at, true, Side::Server),
            None => (story.last.at, true, last_side),
        },
        None => match (outcome, story.path.icmp_errors.first()) {
            (WireOutcome::Unreachable, Some(error)) => (error.moment.at, true, Side::Server),
            (WireOutcome::Refused, _) => (story.last.at, true, Side::Server),
            _ => (story.last.at, false, last_side),
        },
    }
}

fn side(role: Role) -> Side {
    match role {
        Role::Client => Side::Client,
        Role::Server => Side::Server,
    }
}

/// What became of the connection, by the verdict that its packets alone give.
fn outcome(judged: &Judged) -> WireOutcome {
    let (story, verdict) = (&judged.story, &judged.verdict);
    match verdict.code {
        Code::Healthy | Code::Slow if story.left_without_an_answer().is_some() => WireOutcome::NoResponse,
        Code::Healthy | Code::Slow | Code::Plaintext | Code::Rejected => WireOutcome::Complete,
        Code::SynNoReply => WireOutcome::NoReply,
        Code::Refused => WireOutcome::Refused,
        Code::Unreachable => WireOutcome::Unreachable,
        Code::ClientSilent | Code::HandshakeStalled => WireOutcome::Stalled,
        Code::NoServerHello => WireOutcome::NoServerHello,
        Code::TlsAlert => {
            let ending = story.decisive();
            let number = ending.and_then(|ending| match &ending.what {
                EndingKind::Alert { description, .. } => description.map(|description| description.0),
                _ => None,
            });
            WireOutcome::Alert { number, by: ending.map_or(Side::Server, |ending| side(ending.by)) }
        }
        Code::Reset => WireOutcome::Reset,
        Code::ClosedEarly => WireOutcome::ClosedEarly,
        Code::NotTls => WireOutcome::NotTls,
        Code::ProxyRefused => {
            WireOutcome::ProxyRefused(verdict.cause.as_ref().and_then(|cause| cause.parse().ok()))
        }
        Code::NoResponse => WireOutcome::NoResponse,
        Code::TcpHandshakeIncomplete | Code::Midstream | Code::CaptureGap | Code::InProgress => {
            WireOutcome::Unknown
        }
    }
}

/// The status of an HTTP answer, from its first line (RFC 9112, 4).
fn status(line: &str) -> Option<u16> {
    let (version, rest) = line.split_once(' ')?;
    version.starts_with("HTTP/").then(|| rest.get(..3)?.parse().ok()).flatten()
}

/// Round trips from the SYN to an answer.
fn round_trips(story: &Story) -> u8 {
    match (&story.tls.client_hello, story.tls.version()) {
        (None, _) if story.data.client.first.is_some() && story.data.server.first.is_some() => 2,
        (Some(_), Some(version)) if Version::is_tls13(version) || story.tls.is_resumed() == Some(true) => 3,
        _ => MOST_ROUND_TRIPS,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::story::script::talk::{self, exchange, ssm};
    use crate::tcp::Role::{Client, Server};

    fn of(story: Story) -> Vec<Exchange> {
        let verdict = story.verdict();
        exchanges_of(&Judged { story: Box::new(story), verdict, findings: Vec::new() })
    }

    #[test]
    fn a_complete_connection_ends_with_the_last_byte_of_the_answer() {
        let talk = exchange().wait(500).fin(Client).fin(Server).ack(Client);
        let story = *talk.story(0);
        let (began, answered) = (story.first.at, story.data.server.last.expect("an answer").at);
        let exchanges = of(story);
        assert_eq!(exchanges.len(), 1);
        assert_eq!((exchanges[0].start, exchanges[0].end), (began, answered));
        assert_eq!((exchanges[0].outcome, exchanges[0].is_ended), (WireOutcome::Complete, true));
    }

    #[test]
    fn each_request_of_a_connection_that_is_kept_open_is_an_exchange() {
        let talk = exchange().wait(1_000).say(Client, &talk::data()).say(Server, &talk::data());
        let exchanges = of(*talk.story(0));
        assert_eq!(exchanges.len(), 2);
        assert!(exchanges[1].start > exchanges[0].end && exchanges[1].end > exchanges[1].start);
        assert_eq!((exchanges[0].round_trips, exchanges[1].round_trips), (4, 1));
    }

    #[test]
    fn a_connection_that_is_kept_open_for_many_requests_has_them_all() {
        let mut talk = exchange();
        for _ in 0..40 {
            talk = talk.wait(100).say(Client, &talk::data()).say(Server, &talk::data());
        }
        let exchanges = of(*talk.story(0));
        assert_eq!(exchanges.len(), 41);
        assert!(exchanges.windows(2).all(|two| two[0].end < two[1].start && two[1].start < two[1].end));
        assert_eq!(exchanges[40].answer_bytes, exchanges[5].answer_bytes);
    }

    #[test]
    fn who_gives_up_after_a_silence_ends_it() {
        let silent = ssm().open().say(Client, &talk::client_hello()).ack(Server).wait(8_000);
        let ended = of(*silent.clone().fin(Client).story(0));
        assert_eq!(ended[0].outcome, WireOutcome::NoServerHello);
        assert_eq!((ended[0].is_ended, ended[0].end_by), (true, Side::Client));
        assert!(ended[0].end - ended[0].start >= crate::time::Elapsed::from_millis(8_000));
        assert!(!of(*silent.story(0))[0].is_ended);
    }

    #[test]
    fn an_alert_keeps_its_number_and_its_sender() {
        let exchanges = of(Story::at(Stage::ServerFlightComplete).alert(Client, 48));
        assert_eq!(exchanges[0].outcome, WireOutcome::Alert { number: Some(48), by: Side::Client });
    }

    #[test]
    fn the_status_of_a_plain_answer_is_read() {
        assert_eq!(status("HTTP/1.1 403 Forbidden"), Some(403));
        assert_eq!((status("HTTP/1.1 4"), status("220 ready"), status("")), (None, None, None));
    }
}
