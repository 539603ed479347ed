//! Events folded into facts about one connection, each with the packets that show it.
//!
//! A [`Story`] is the only thing that verdicts read: plain data, which a test writes by hand in a line or two (`script`). This
//! room holds the order of events, how far the connection got, what ended it or stopped its progress, and what the capture
//! itself lacks. It knows no bytes, and it does not judge.

mod builder;
mod certificates;
mod facts;
mod knowledge;
mod lacking;
mod order;
mod purpose;
#[cfg(test)]
pub(crate) mod script;
mod timeline;

pub use builder::{Builder, PacketId};
pub use certificates::Unseen;
pub use facts::{
    CaptureFacts, ChecksumFacts, ClockStep, DataFacts, Ending, EndingKind, IcmpFact, IpTraits, LogLine,
    LogTie, MissingFacts, Moment, Observed, Opening, OpeningFacts, OpeningOffer, Party, PathFacts,
    PreludeFacts, Repeats, ResetFacts, RoundTrips, Silence, SocketCounters, Stage, TlsFacts, TrafficFacts,
    Turn, Turns, Unacknowledged,
};
pub use knowledge::EndpointKnowledge;
pub use order::Order;
pub use timeline::{Entry, Item, Note, Seen, Timeline};

use std::fmt;

use crate::packet::{IpVersion, Names};
use crate::tcp::{Connection, PerRole, Role};
use crate::time::Elapsed;
use crate::tls::{Basis, Plain, PlainKind, Version};

/// What happened on one connection.
#[derive(Clone, Debug)]
pub struct Story {
    /// Which of the selected connections it is, counted from 1 by their first packets.
    pub id: u64,
    /// The two ends.
    pub parties: PerRole<Party>,
    /// IPv4 or IPv6.
    pub version: IpVersion,
    /// What its source calls the hosts that are mentioned here.
    pub names: Names,
    /// Whether TLS is expected on the server's port.
    pub expects_tls: bool,
    /// The first packet.
    pub first: Moment,
    /// The last packet.
    pub last: Moment,
    /// Packets of the connection, ICMP errors about it included.
    pub packets: u64,
    /// In which order they came.
    pub order: Order,
    /// The furthest point reached.
    pub stage: Stage,
    /// The weakest basis of the steps up to that stage.
    pub basis: Basis,
    /// The TCP handshake, and how it is known who the client is.
    pub opening: OpeningFacts,
    /// Each side's payload.
    pub data: PerRole<DataFacts>,
    /// Which end is TLS's client: the TCP server in FTPS's active mode (RFC 4217, 7). What [`TlsFacts`] name by roles are TLS's.
    pub tls_client: Role,
    /// What TLS showed.
    pub tls: TlsFacts,
    /// What each side sent that was not TLS.
    pub plain: PerRole<Option<Observed<Plain>>>,
    /// What preceded TLS: a proxy that was asked for a tunnel, or a server that was asked to start TLS.
    pub prelude: Option<PreludeFacts>,
    /// What ended the connection or stopped its progress, in order.
    pub endings: Vec<Ending>,
    /// Silences of at least the stall time that ended with the awaited answer.
    pub pauses: Vec<Silence>,
    /// What the path showed of itself: ICMP errors and round trips.
    pub path: PathFacts,
    /// Packets, counted.
    pub traffic: TrafficFacts,
    /// What packets prove that is not in the capture.
    pub missing: MissingFacts,
    /// What the capture itself lacks.
    pub capture: CaptureFacts,
    /// What the logs that are tied to it report.
    pub logs: Vec<LogTie>,
    /// Lines of logs that are tied to nothing, and were written while the connection lasted.
    pub log_lines: Box<[LogLine]>,
    /// Further lines of that kind, which are not kept.
    pub log_lines_beyond: u32,
    /// The packets, for people.
    pub timeline: Timeline,
}

/// Bytes of a ClientHello with extensions.
const HELLO_BYTES: std::ops::RangeInclusive<u64> = 100..=2_000;

/// Fewer bytes than the shortest ServerHello has with its headers.
const SMALL_ANSWER_BYTES: std::ops::Range<u64> = 1..47;

/// Session tickets are shorter than this, in bytes of record body; OpenSSL's and nginx's have some 250.
const TICKET_BYTES: u32 = 512;

/// What a device on the path sends to both ends at once is captured within this time.
const ONE_MOMENT: Elapsed = Elapsed::from_millis(10);

/// Ports of HTTP, where a request that was not captured is still one.
const HTTP_PORTS: [u16; 4] = [80, 3128, 8000, 8080];

impl Story {
    /// The story of a connection of which nothing was taken in yet, and whose first packet came in `first`.
    fn new(first: Moment, connection: &Connection, known_by: Opening, expects_tls: bool) -> Self {
        let party = |role: Role| Party::new(connection.ends[role].host, connection.ends[role].port);
        Self {
            id: 1,
            parties: PerRole { client: party(Role::Client), server: party(Role::Server) },
            version: IpVersion::V4,
            names: Names::default(),
            expects_tls,
            first,
            last: first,
            packets: 0,
            order: Order::default(),
            stage: Stage::None,
            basis: Basis::Decoded,
            opening: OpeningFacts::new(known_by),
            data: PerRole::default(),
            tls_client: Role::Client,
            tls: TlsFacts::default(),
            plain: PerRole::default(),
            prelude: None,
            endings: Vec::new(),
            pauses: Vec::new(),
            path: PathFacts::default(),
            traffic: TrafficFacts::default(),
            missing: MissingFacts::default(),
            capture: CaptureFacts::default(),
            logs: Vec::new(),
            log_lines: Box::default(),
            log_lines_beyond: 0,
            timeline: Timeline::default(),
        }
    }

    /// The same without its packets' timeline.
    pub(crate) fn without_packets(&self) -> Self {
        Self {
            id: self.id,
            parties: self.parties,
            version: self.version,
            names: self.names.clone(),
            expects_tls: self.expects_tls,
            first: self.first,
            last: self.last,
            packets: self.packets,
            order: self.order.clone(),
            stage: self.stage,
            basis: self.basis,
            opening: self.opening.clone(),
            data: self.data.clone(),
            tls_client: self.tls_client,
            tls: self.tls.clone(),
            plain: self.plain.clone(),
            prelude: self.prelude.clone(),
            endings: self.endings.clone(),
            pauses: self.pauses.clone(),
            path: self.path.clone(),
            traffic: self.traffic.clone(),
            missing: self.missing.clone(),
            capture: self.capture,
            logs: self.logs.clone(),
            log_lines: self.log_lines.clone(),
            log_lines_beyond: self.log_lines_beyond,
            timeline: Timeline::default(),
        }
    }

    /// The packets of the connection itself, without the ICMP errors about it.
    pub fn segments(&self) -> u64 {
        self.packets - self.path.icmp_error_count.min(self.packets)
    }

    /// Whether a side sends again what the other does not acknowledge.
    pub fn repeats_unacknowledged(&self, role: Role) -> bool {
        !self.data[role].is_all_acknowledged && self.traffic.counters[role].retransmissions > 0
    }

    /// The first SYN, or the first packet where there is no SYN.
    pub fn began(&self) -> Moment {
        self.opening.syn.first().unwrap_or(self.first)
    }

    /// Whether only one side's packets are in the capture, although the other side's must have been sent.
    pub fn one_sided(&self) -> Option<Role> {
        match (self.traffic.counters.client.segments, self.traffic.counters.server.segments) {
            (_, 0) if self.missing.acked_unseen.server > 0 || self.opening.established.is_some() => {
                Some(Role::Client)
            }
            (0, _) if self.opening.known_by != Opening::Ports => Some(Role::Server),
            _ => None,
        }
    }

    /// Whether the server owes an answer to what the client sent first, outside TLS. Bytes of an unknown protocol may be those of
    /// one in which only the client speaks (syslog, BMP, discard): they are owed an acknowledgement and no more.
    pub fn is_owed_an_answer(&self) -> bool {
        let is_request = match &self.plain.client {
            Some(plain) => {
                matches!(plain.what.kind, PlainKind::HttpRequest | PlainKind::Connect | PlainKind::Ssh)
            }
            None => HTTP_PORTS.contains(&self.parties.server.port),
        };
        is_request || self.expects_tls || !self.data.client.is_all_acknowledged
    }

    /// Whether this is what is left of an older connection: no SYN and no SYN-ACK, one segment of one side, however often it was
    /// sent, and the other side's kernel, which knows no such connection, answers it with a RST (RFC 9293, 3.5.1).
    pub fn is_leftover(&self) -> bool {
        if matches!(self.opening.known_by, Opening::Syn | Opening::SynAck) || self.opening.syn_ack.count > 0 {
            return false;
        }
        self.endings.iter().any(|ending| {
            let by = ending.by;
            let counters = &self.traffic.counters[by.other()];
            matches!(&ending.what, EndingKind::Reset(reset) if reset.is_stateless)
                && self.data[by].first.is_none()
                && counters.segments - counters.retransmissions.min(counters.segments) <= 1
        })
    }

    /// What decided the outcome: the first ending that was not an orderly one after everything was done.
    pub fn decisive(&self) -> Option<&Ending> {
        let mut is_closing = false;
        for ending in &self.endings {
            let is_done = ending.stage >= Stage::TlsEstablished;
            match &ending.what {
                EndingKind::Silence(_) | EndingKind::EncryptedAlert { .. } => {
                    if !is_closing {
                        return Some(ending);
                    }
                }
                EndingKind::Alert { .. } => return (!is_closing).then_some(ending),
                EndingKind::CloseNotify | EndingKind::Fin if is_done => is_closing = true,
                EndingKind::CloseNotify => {}
                EndingKind::Reset(_) if is_closing => return None,
                EndingKind::Fin | EndingKind::Reset(_) => return Some(ending),
            }
        }
        None
    }

    /// Whether the server answered with application data after the client's first, or with bytes that were acknowledged
    /// without being captured.
    ///
    /// Two small records of equal size, and nothing else, are TLS 1.3 session tickets (RFC 8446, 4.6.1), which OpenSSL
    /// sends in pairs; they are no answer. If the client asked before each, they begin two answers.
    pub fn was_answered(&self) -> bool {
        if self.missing.answer.is_some() {
            return true;
        }
        let data = &self.tls.application_data;
        // What the server sends before the request is no answer: a ticket, or a greeting.
        let spoke_after = match data.client.first().map(|moment| moment.number) {
            Some(asked) => {
                // A long record counts before it is complete, but the server's end of the handshake does not, where the
                // client did not wait for it (RFC 7918).
                let established = self.tls.established.as_ref().map_or(0, |observed| observed.moment.number);
                let is_farewell = |last: &Moment| {
                    let closes = |ending: &Ending| {
                        ending.what == EndingKind::CloseNotify
                            && ending.by == Role::Server
                            && ending.moment.number == last.number
                    };
                    self.endings.iter().any(closes)
                };
                let last = self.data.server.last.filter(|last| !is_farewell(last));
                let last = last.map_or(0, |last| last.number);
                let is_after = |number, other| self.order.is_after(number, other);
                is_after(last, asked) && is_after(last, established)
                    || data.server.numbers().any(|spoke| is_after(spoke, asked))
            }
            None => data.server.count > 0,
        };
        if self.tls.client_hello.is_some() || self.tls.server_flight.is_some() {
            !self.are_tickets() && spoke_after
        } else {
            self.data.server.first.is_some()
        }
    }

    /// Whether a record of the server's that is no session ticket followed the client's first data.
    fn has_records_of_an_answer(&self) -> bool {
        let data = &self.tls.application_data;
        let asked = data.client.first().map_or(0, |moment| moment.number);
        // Only the first numbers are kept: with more records than those, an answer is among them.
        let is_after = data.server.count > data.server.numbers().count() as u64
            || data.server.numbers().any(|spoke| self.order.is_after(spoke, asked));
        self.missing.answer.is_some() || is_after && !self.are_tickets()
    }

    /// Whether all records that the server sent so far may be session tickets (RFC 8446, 4.6.1): one or two of one size.
    pub(in crate::story) fn may_be_tickets(&self) -> bool {
        let is_small = |size: &u32| *size <= TICKET_BYTES;
        let may_be = match self.tls.record_sizes.server.as_slice() {
            [] => !self.tls.is_inside_record.server,
            [one] => is_small(one),
            [one, other] => one == other && is_small(one),
            _ => false,
        };
        may_be && self.tls.version().is_none_or(Version::is_tls13)
    }

    /// Whether what the server sent are session tickets and nothing else.
    fn are_tickets(&self) -> bool {
        let sizes = &self.tls.record_sizes.server;
        let data = &self.tls.application_data;
        let mut spoke = data.server.numbers();
        let asked_twice = match (spoke.next(), spoke.next()) {
            (Some(one), Some(other)) => {
                let is_after = |number, other| self.order.is_after(number, other);
                data.client.numbers().any(|asked| is_after(one, asked))
                    && data.client.numbers().any(|asked| is_after(asked, one) && is_after(other, asked))
            }
            _ => false,
        };
        self.tls.version().is_none_or(Version::is_tls13)
            && data.server.count == 2
            && matches!(sizes.as_slice(), [one, other] if one == other && *one <= TICKET_BYTES)
            && !asked_twice
    }

    /// An end's address for people, or its name.
    pub fn host(&self, role: Role) -> impl fmt::Display + '_ {
        self.names.show(self.parties[role].host)
    }

    /// An end's port for people, or its service's name.
    pub fn port(&self, role: Role) -> impl fmt::Display + '_ {
        let Party { host, port, .. } = self.parties[role];
        self.names.show_port(host, port)
    }

    /// Whether lengths, all that there is, are those of a ClientHello that was refused as well as those of a plain question: one
    /// segment of the client's, few bytes of the server's, and the end.
    pub fn may_be_a_refused_hello(&self) -> bool {
        let bytes = |role: Role| self.traffic.counters[role].bytes;
        let is_unread = |role: Role| {
            self.plain[role]
                .as_ref()
                .is_none_or(|plain| plain.what.kind == PlainKind::Binary && plain.basis == Basis::Inferred)
        };
        let [first, last] = [self.data.client.first, self.data.client.last];
        self.capture.is_text
            && is_unread(Role::Client)
            && is_unread(Role::Server)
            && first
                .zip(self.data.server.first)
                .is_some_and(|(asked, answered)| self.order.is_after(answered.number, asked.number))
            && first == last
            && HELLO_BYTES.contains(&bytes(Role::Client))
            && SMALL_ANSWER_BYTES.contains(&bytes(Role::Server))
            && self.endings.iter().any(|ending| !matches!(ending.what, EndingKind::Silence(_)))
    }

    /// Whether the server's answer to the ClientHello began before a silence ended, though its first bytes may be missing. What
    /// comes after a client gave up does not count.
    pub fn is_answer_begun(&self, silence: &Silence) -> bool {
        let hello = self.tls.client_hello.as_ref().map_or(0, |hello| hello.moment.number);
        let answers = [self.data.server.first, self.data.server.last];
        let is_after = |moment: Moment| self.order.is_after(moment.number, hello);
        is_after(silence.since)
            && answers.into_iter().flatten().any(|answer| is_after(answer) && answer.at <= silence.until)
    }

    /// Whether the client's first record was begun and not ended, and nothing else came of it.
    pub fn is_inside_client_hello(&self) -> bool {
        self.stage == Stage::TcpEstablished
            && self.tls.is_inside_record.client
            && self.tls.client_hello.is_none()
            && self.data.server.first.is_none()
            && self.plain.client.is_none()
    }

    /// What the client asked inside TLS after requests that were answered, if it got no byte of an answer.
    pub fn later_request(&self) -> Option<&Turn> {
        let is_known = self.missing.gap.server == 0 && !self.missing.lacks(Role::Server);
        let request = self.tls.turns.later_request().filter(|_| is_known && self.was_answered());
        request.filter(|_| self.stage == Stage::ApplicationData)
    }

    /// When the client asked what was not answered inside TLS.
    pub fn asked_last(&self) -> Option<Moment> {
        self.later_request().map(|turn| turn.first).or(self.tls.application_data.client.first())
    }

    /// The packet in which the server closed the connection instead of answering what the client had asked inside TLS.
    pub fn closed_unanswered(&self) -> Option<Moment> {
        let first = self.endings.first().filter(|ending| ending.by == Role::Server)?;
        let was_asked = first.stage == Stage::ApplicationData && self.tls.application_data.client.count > 0;
        let ends_tls = |ending: &Ending| ending.by == Role::Server && ending.what == EndingKind::Fin;
        let is_close = match first.what {
            EndingKind::Fin => true,
            EndingKind::CloseNotify => self.endings.iter().any(ends_tls),
            _ => false,
        };
        // Of text without payload only sizes are known, and an answer may have a ticket's.
        let is_sure = !self.capture.is_text
            && self.missing.acked_unseen.server == 0
            && self.missing.gap.server == 0
            && !self.missing.lacks(Role::Server);
        let is_open = self.later_request().is_some() || !self.was_answered();
        // A server that closes while a request is on its way to it closes nothing on purpose.
        let has_request = self.tls.turns.open().is_none_or(|turn| {
            let is_before = |at: Moment| !self.order.is_after(at.number, first.moment.number);
            turn.acknowledged.is_some_and(is_before)
        });
        (is_close && was_asked && is_sure && is_open && has_request).then_some(first.moment)
    }

    /// The FIN after which a plain request that can be read has no answer any more: the server closed instead of answering, or the
    /// client left before, and refused what came then or nothing did.
    pub fn left_unanswered(&self, stall_after: Elapsed) -> Option<&Ending> {
        let request = self.plain.client.as_ref().filter(|plain| plain.what.kind == PlainKind::HttpRequest)?;
        let fin = self.endings.first().filter(|ending| ending.what == EndingKind::Fin)?;
        let later = &self.endings[1..];
        let is_reset =
            |by: Role| later.iter().any(|end| end.by == by && matches!(end.what, EndingKind::Reset(_)));
        let is_known = self.missing.answer.is_none()
            && !self.missing.lacks(Role::Server)
            && !self.missing.lacks(Role::Client)
            && self.data.server.unfilled_hole.is_none()
            && self.opening.syn.numbers().all(|syn| syn != request.moment.number)
            && self.one_sided().is_none()
            && self.prelude.is_none()
            && self.tls.client_hello.is_none()
            && self.order.is_after(fin.moment.number, request.moment.number);
        let is_unanswered = match (fin.by, self.data.server.first) {
            (Role::Server, None) => true,
            (Role::Server, Some(_)) => false,
            (Role::Client, None) => {
                let closes = |end: &Ending| end.by == Role::Server && end.what == EndingKind::Fin;
                later.iter().any(closes)
                    || is_reset(Role::Client)
                    || self.capture.end - fin.moment.at >= stall_after
            }
            (Role::Client, Some(answer)) => {
                self.order.is_after(answer.number, fin.moment.number)
                    && is_reset(Role::Client)
                    && !self.data.server.is_all_acknowledged
            }
        };
        (is_known && is_unanswered).then_some(fin)
    }

    /// The server's RST that met a plain request which the client sent after the server's FIN.
    pub fn reset_after_close(&self) -> Option<&Ending> {
        self.plain.client.as_ref().filter(|plain| plain.what.kind == PlainKind::HttpRequest)?;
        let fin = self.endings.first().filter(|end| end.by == Role::Server && end.what == EndingKind::Fin)?;
        let last = self.data.client.last?.number;
        self.endings.get(1).filter(|end| {
            let is_reset = end.by == Role::Server && matches!(end.what, EndingKind::Reset(_));
            is_reset
                && self.order.is_after(last, fin.moment.number)
                && self.order.is_after(end.moment.number, last)
        })
    }

    /// The RST of the other end that came with this one, in one moment and with nothing in between. No host answers a RST with a
    /// RST (RFC 9293, 3.10.7).
    pub fn reset_of_the_other_end(&self, reset: &Ending) -> Option<&Ending> {
        self.endings.iter().find(|end| {
            let apart = end.moment.at - reset.moment.at;
            matches!(end.what, EndingKind::Reset(_))
                && end.by != reset.by
                && self.order.is_after(end.moment.number, reset.moment.number)
                && apart <= ONE_MOMENT
        })
    }

    /// The silence that ran when the capture ended, or before somebody gave up.
    pub fn silence(&self) -> Option<&Silence> {
        self.endings.iter().find_map(|ending| match &ending.what {
            EndingKind::Silence(silence) => Some(silence),
            _ => None,
        })
    }
}
