//! Events folded into facts about one connection, each with the packets that show it.
//!
//! A [`Story`] is the only thing that verdicts read: plain data, which a test writes by hand in a line or two (`script`). This
//! room holds the order of events, how far the connection got, what ended it or stopped its progress, and what the capture
//! itself lacks. It knows no bytes, except a certificate chain's and the ends of plain HTTP's messages, and it does
//! not judge.

mod answers;
mod bare;
mod builder;
mod certificates;
mod dialogue;
mod facts;
mod framed;
mod knowledge;
mod lacking;
mod of_text;
mod order;
mod purpose;
mod samples;
#[cfg(test)]
pub(crate) mod script;
mod sent_ahead;
mod tickets;
mod timeline;

pub use builder::{Builder, PacketId};
pub use certificates::Unseen;
pub use facts::{
    AnswerPart, CaptureFacts, ChecksumFacts, ClockStep, DataFacts, Ending, EndingKind, Holds, Http2Facts,
    IcmpFact, IdFacts, IpTraits, LogLine, LogTie, MissingFacts, Moment, Observed, Opening, OpeningFacts,
    OpeningOffer, Party, PathFacts, PreludeFacts, Repeats, ResetFacts, ResetReason, RoundTrips, Run, Runs,
    SentUnseen, Silence, SocketCounters, Stage, TlsFacts, TrafficFacts, Turn, Turns, Unacknowledged,
    UnansweredProbes, UnreadLines, reset_reason,
};
pub use knowledge::EndpointKnowledge;
pub(crate) use lacking::{LONGEST_FAREWELL, RETRANSMISSION_DUE};
pub use order::Order;
pub use samples::Sample;
pub use tickets::AnswerDoubt;
pub use timeline::{Entry, Item, Note, Seen, Timeline};

use std::fmt;
use std::num::NonZeroU64;

use crate::packet::{IpVersion, Names};
use crate::tcp::{PerRole, Role, TcpConnection};
use crate::time::Elapsed;
use crate::tls::{Basis, Dialogue, Plain, PlainKind, Refusal};

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
    /// The first packet, in the order in which they were sent.
    pub first: Moment,
    /// The last packet, in the same order.
    pub last: Moment,
    /// The packet that was captured first.
    pub(crate) earliest: Moment,
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
    /// The protocol in clear in which the server answers each command, as its greeting or the first request shows.
    pub dialogue: Option<Dialogue>,
    /// The client's latest request in plain HTTP after one that was answered, or its latest command in a dialogue.
    pub later_plain_request: Option<Moment>,
    /// How many bytes the client will have sent when its first request in plain HTTP is complete, where the request's header gives the
    /// body's length and does not ask the server whether to send it (RFC 9110, 10.1.1).
    pub plain_request_end: Option<NonZeroU64>,
    /// What was captured of the client's first request in plain HTTP ends before this, as far as is known.
    pub plain_request_lacks: Option<AnswerPart>,
    /// How many bytes the server will have sent when its latest answer in plain HTTP is complete, where the answer's header gives the
    /// body's length and a body is owed.
    pub plain_answer_end: Option<NonZeroU64>,
    /// What was captured of the server's latest answer in plain HTTP ends before this, as far as is known.
    pub plain_answer_lacks: Option<AnswerPart>,
    /// What HTTP/2 in clear shows, where that is spoken and the capture shows where each frame begins.
    pub http2: Option<Http2Facts>,
    /// What preceded TLS: a proxy that was asked for a tunnel, or a server that was asked to start TLS.
    pub prelude: Option<PreludeFacts>,
    /// Whether the server's FIN acknowledges any of the bytes that the client sent after the server's last data; nothing where it sent none.
    pub closed_on_request: Option<bool>,
    /// The client's FIN after a request that had no byte of an answer: it may only have closed its own direction.
    pub half_closed: Option<Moment>,
    /// What ended the connection or stopped its progress, in order.
    pub endings: Vec<Ending>,
    /// The reason that the first RST with one gives.
    pub reset_reason: Option<ResetReason>,
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
    /// Whether stand-ins replace what names somebody.
    pub is_redacted: bool,
    /// The packets, for people.
    pub timeline: Timeline,
}

/// What a device on the path sends to both ends at once is captured within this time.
const ONE_MOMENT: Elapsed = Elapsed::from_millis(10);

impl Story {
    /// The story of a connection of which nothing was taken in yet, and whose first packet came in `first`. Boxed where it is made,
    /// since it is large.
    fn new(first: Moment, connection: &TcpConnection, known_by: Opening, expects_tls: bool) -> Box<Self> {
        let party = |role: Role| Party::new(connection.ends[role].host, connection.ends[role].port);
        Box::new(Self {
            id: 1,
            parties: PerRole { client: party(Role::Client), server: party(Role::Server) },
            version: IpVersion::V4,
            names: Names::default(),
            expects_tls,
            first,
            last: first,
            earliest: first,
            packets: 0,
            order: Order::default(),
            stage: Stage::None,
            basis: Basis::Decoded,
            opening: OpeningFacts::new(known_by),
            data: PerRole::default(),
            tls_client: Role::Client,
            tls: TlsFacts::default(),
            plain: PerRole::default(),
            dialogue: None,
            later_plain_request: None,
            plain_request_end: None,
            plain_request_lacks: None,
            plain_answer_end: None,
            plain_answer_lacks: None,
            http2: None,
            prelude: None,
            closed_on_request: None,
            half_closed: None,
            endings: Vec::new(),
            reset_reason: None,
            pauses: Vec::new(),
            path: PathFacts::default(),
            traffic: TrafficFacts::default(),
            missing: MissingFacts::default(),
            capture: CaptureFacts::default(),
            logs: Vec::new(),
            log_lines: Box::default(),
            log_lines_beyond: 0,
            is_redacted: false,
            timeline: Timeline::default(),
        })
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
            earliest: self.earliest,
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
            dialogue: self.dialogue,
            later_plain_request: self.later_plain_request,
            plain_request_end: self.plain_request_end,
            plain_request_lacks: self.plain_request_lacks,
            plain_answer_end: self.plain_answer_end,
            plain_answer_lacks: self.plain_answer_lacks,
            http2: self.http2,
            prelude: self.prelude.clone(),
            closed_on_request: self.closed_on_request,
            half_closed: self.half_closed,
            endings: self.endings.clone(),
            reset_reason: self.reset_reason.clone(),
            pauses: self.pauses.clone(),
            path: self.path.clone(),
            traffic: self.traffic.clone(),
            missing: self.missing.clone(),
            capture: self.capture,
            logs: self.logs.clone(),
            log_lines: self.log_lines.clone(),
            log_lines_beyond: self.log_lines_beyond,
            is_redacted: self.is_redacted,
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

    /// Whether this is what is left of an older connection: no SYN and no SYN-ACK, one segment of one side, however often it was
    /// sent, and the other side's kernel, which knows no such connection, answers it with a RST (RFC 9293, 3.5.1).
    ///
    /// A SYN-ACK that no SYN precedes and that is answered so is one as well: a late copy, or the reply to a SYN of somebody else who
    /// used this address.
    pub fn is_leftover(&self) -> bool {
        let is_unasked =
            self.opening.syn.count == 0 && self.data.server.first.is_none() && self.stage <= Stage::SynAck;
        if self.opening.known_by == Opening::Syn || self.opening.syn_ack.count > 0 && !is_unasked {
            return false;
        }
        self.endings.iter().any(|ending| {
            let by = ending.by;
            let counters = &self.traffic.counters[by.other()];
            matches!(&ending.what, EndingKind::Reset(reset) if reset.is_stateless)
                && (by == Role::Client || self.opening.syn_ack.count == 0)
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
                // A FIN after data does not make that arrive.
                EndingKind::Silence(silence) if !is_closing || !silence.is_acknowledged => {
                    return Some(ending);
                }
                EndingKind::EncryptedAlert { .. } if !is_closing => return Some(ending),
                EndingKind::Alert { .. } => return (!is_closing).then_some(ending),
                EndingKind::CloseNotify | EndingKind::Fin if is_done => is_closing = true,
                EndingKind::CloseNotify | EndingKind::Silence(_) | EndingKind::EncryptedAlert { .. } => {}
                EndingKind::Fin if self.is_answer_lost_after(ending) => {}
                EndingKind::Reset(_) if is_closing => return None,
                EndingKind::Fin | EndingKind::Reset(_) => return Some(ending),
            }
        }
        None
    }

    /// Whether a FIN only closes the client's own direction after a request whose answer never arrived.
    fn is_answer_lost_after(&self, fin: &Ending) -> bool {
        let is_loss = |ending: &Ending| {
            matches!(&ending.what, EndingKind::Silence(silence)
                if silence.awaited_from == Role::Client && !silence.is_acknowledged)
        };
        self.half_closed.is_some_and(|half| half.number == fin.moment.number)
            && self.endings.iter().any(is_loss)
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

    /// Whether the client's first record was begun and not ended, and nothing else came of it.
    pub fn is_inside_client_hello(&self) -> bool {
        self.stage == Stage::TcpEstablished
            && self.tls.is_inside_record.client
            && self.tls.client_hello.is_none()
            && !self.has_server_spoken()
            && self.plain.client.is_none()
    }

    /// Whether TLS was agreed on and did not begin: the server agreed to start it, and neither side sent a byte since; or the client's first
    /// TLS record, after such an agreement or in a proxy's tunnel, lacks its end.
    pub fn lacks_agreed_tls(&self) -> bool {
        let is_after = |last: Moment, agreed: Moment| self.order.is_after(last.number, agreed.number);
        self.tls.client_hello.is_none()
            && self.stage == Stage::TcpEstablished
            && !self.missing.lacks(Role::Client)
            && self.prelude.as_ref().filter(|prelude| prelude.is_agreed()).is_some_and(|prelude| {
                let agreed = prelude.latest.moment;
                let has_spoken = self.data.client.last.is_some_and(|last| is_after(last, agreed));
                let has_answered = self.data.server.last.is_some_and(|last| is_after(last, agreed));
                has_spoken && self.tls.is_inside_record.client
                    || !has_spoken && !has_answered && !prelude.protocol.is_proxy()
            })
    }

    /// Whether the server sent data, apart from what answers the client's FIN: OpenSSL sends an alert then.
    pub fn has_server_spoken(&self) -> bool {
        let is_left = |end: &&Ending| end.by == Role::Client && end.what == EndingKind::Fin;
        let fin = self.endings.iter().find(is_left).map(|end| end.moment.number);
        self.data
            .server
            .first
            .is_some_and(|first| fin.is_none_or(|fin| !self.order.is_after(first.number, fin)))
    }

    /// What the server refused when it was asked for TLS inside its protocol, if the client did not continue in clear. It may begin TLS
    /// nevertheless, as `openssl s_client` does, and get no TLS in return.
    pub fn refused_start_of_tls(&self) -> Option<Observed<Refusal>> {
        /// A farewell is no longer: `</stream:stream>`, `a1 LOGOUT`.
        const FAREWELL: u64 = 16;
        let prelude = self.prelude.as_ref().filter(|prelude| !prelude.protocol.is_proxy())?;
        let later = self.data.client.bytes.saturating_sub(prelude.client_bytes);
        let begins_tls = |refusal: &Observed<Refusal>| match &self.tls.client_hello {
            Some(hello) => {
                self.tls.server_hello.is_none()
                    && self.order.is_after(hello.moment.number, refusal.moment.number)
            }
            None => later <= FAREWELL,
        };
        prelude.refusal().filter(begins_tls)
    }

    /// The server's RST that met a request which the client sent after the server's FIN.
    pub fn reset_after_close(&self) -> Option<&Ending> {
        let is_close = |end: &Ending| matches!(end.what, EndingKind::Fin | EndingKind::CloseNotify);
        let mut endings = self
            .endings
            .iter()
            .skip_while(|end| end.by == Role::Server && end.what == EndingKind::CloseNotify);
        let fin = endings.next().filter(|end| end.by == Role::Server && is_close(end))?;
        let asked = self.asked_after(fin)?.number;
        endings.find(|end| !is_close(end)).filter(|end| {
            let is_reset = end.by == Role::Server && matches!(end.what, EndingKind::Reset(_));
            is_reset && self.order.is_after(end.moment.number, asked)
        })
    }

    /// The client's request after an ending: in plain HTTP, or by its size inside TLS, where it came too late to have crossed the ending.
    fn asked_after(&self, ending: &Ending) -> Option<Moment> {
        /// What a client sends this soon was on its way when the server closed, or in three round trips.
        const CROSSED: Elapsed = Elapsed::from_millis(3);
        let is_plain =
            self.plain.client.as_ref().is_some_and(|plain| plain.what.kind == PlainKind::HttpRequest);
        let asked = if is_plain {
            self.data.client.last?
        } else {
            let asked = self.tls.turns.open().filter(|_| self.stage == Stage::ApplicationData)?.first;
            let round_trip = self.path.round_trips.shortest().unwrap_or_default();
            let crossed = round_trip.times(3).max(CROSSED);
            (asked.at - ending.moment.at > crossed).then_some(asked)?
        };
        self.order.is_after(asked.number, ending.moment.number).then_some(asked)
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

    /// The packets captured first and last.
    pub fn span(&self) -> (Moment, Moment) {
        let latest = if self.first.number > self.last.number { self.first } else { self.last };
        (self.earliest, latest)
    }

    /// The silence that ran when the capture ended, or before somebody gave up.
    pub fn silence(&self) -> Option<&Silence> {
        self.endings.iter().find_map(|ending| match &ending.what {
            EndingKind::Silence(silence) => Some(silence),
            _ => None,
        })
    }
}
