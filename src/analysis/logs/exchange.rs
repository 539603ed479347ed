//! What a judged connection is, in the plain form in which logs are compared with it.

use std::net::SocketAddr;

use crate::analysis::Judged;
use crate::log::{Exchange, Side, Wire, WireOutcome};
use crate::story::{EndingKind, Moment, Stage, Story};
use crate::tcp::{PerRole, Role};
use crate::time::{Clock, Timestamp};
use crate::tls::Version;
use crate::verdict::Code;

/// The round trips from the SYN to an answer where TLS 1.2 is negotiated anew, the longest of the usual ways.
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
        own: None,
        asks: story.tls.application_data.client.count > 0
            || story.plain.client.is_some()
            || story.stage >= Stage::TlsEstablished && story.missing.acked_unseen.client > 1,
        to_client: story.path.round_trips.shortest_to_client,
        to_server: story.path.round_trips.shortest_to_server,
        round_trips: round_trips(story),
    };
    let turns = turns(story);
    let Some((last, answered)) = turns.split_last().filter(|(_, before)| !before.is_empty()) else {
        return vec![whole];
    };
    let mut exchanges = Vec::with_capacity(turns.len());
    for (index, turn) in answered.iter().enumerate() {
        let (start, round_trips) =
            if index == 0 { (whole.start, whole.round_trips) } else { (turn.asked.at, 1) };
        let answer = turn.answered.unwrap_or(turn.asked).at;
        exchanges.push(Exchange {
            start,
            end: answer,
            is_ended: true,
            end_by: Side::Server,
            outcome: WireOutcome::Complete,
            round_trips,
            ..whole.clone()
        });
    }
    exchanges.push(Exchange { start: last.asked.at, round_trips: 1, ..whole });
    exchanges
}

/// A request and the last packet of its answer.
struct Turn {
    asked: Moment,
    answered: Option<Moment>,
}

/// The requests inside TLS, by who spoke when. Empty where not all records were kept one by one: what is not known to be a
/// request of its own belongs to the whole.
fn turns(story: &Story) -> Vec<Turn> {
    let data = &story.tls.application_data;
    let is_whole =
        [&data.client, &data.server].iter().all(|repeats| repeats.count == repeats.moments.len() as u64);
    if !is_whole {
        return Vec::new();
    }
    let client = data.client.moments.iter().map(|moment| (*moment, Role::Client));
    let server = data.server.moments.iter().map(|moment| (*moment, Role::Server));
    let mut spoken: Vec<(Moment, Role)> = client.chain(server).collect();
    spoken.sort_by_key(|(moment, _)| moment.number);
    let mut turns: Vec<Turn> = Vec::new();
    for (moment, by) in spoken {
        match (by, turns.last_mut()) {
            (Role::Client, Some(turn)) if turn.answered.is_none() => {}
            (Role::Client, _) => turns.push(Turn { asked: moment, answered: None }),
            (Role::Server, Some(turn)) => turn.answered = Some(moment),
            // Session tickets come before the first request.
            (Role::Server, None) => {}
        }
    }
    turns
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
