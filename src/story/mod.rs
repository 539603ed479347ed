//! Events folded into facts about one connection, each with the packets that show it.
//!
//! A [`Story`] is the only thing that verdicts read: plain data that a test can write by hand. This room holds the
//! order of what happened, how far the connection got, what ended it or let it stand still, and what the capture itself
//! lacks. It knows no bytes, and it does not judge.

mod builder;
mod certificates;
mod facts;
mod insight;
#[cfg(test)]
pub(crate) mod script;
mod timeline;

use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;

use schemars::JsonSchema;
use serde::Serialize;
use smallvec::SmallVec;

pub use builder::{Builder, Place};
pub use certificates::Unseen;
pub use facts::PreludeFacts;
pub use insight::Insight;
pub use timeline::{Entry, Item, Note, Seen, Timeline};

use crate::cert::Examination;
use crate::packet::{Checksum, Flags, OpeningOptions, SegmentHeader, Viewpoint, checksum};
use crate::tcp::{Counters, PerRole, ResetFit, Role};
use crate::time::{Clock, Elapsed, Timestamp};
use crate::tls::{
    AlertDescription, Basis, CertificateMessage, CipherSuite, ClientHello, NamedGroup, Plain, ServerHello,
    SizeReading, Version,
};

/// What happened on one connection.
#[derive(Clone, Debug)]
pub struct Story {
    /// The two ends.
    pub parties: PerRole<Party>,
    /// How it is known who the client is.
    pub opening: Opening,
    /// Whether TLS is expected on the server's port.
    pub expects_tls: bool,
    /// The first packet.
    pub first: Moment,
    /// The last packet.
    pub last: Moment,
    /// Packets of the connection, ICMP errors about it included.
    pub packets: u64,
    /// The furthest point reached.
    pub stage: Stage,
    /// The weakest basis of the steps up to that stage.
    pub basis: Basis,
    /// The client's SYNs.
    pub syn: Repeats,
    /// The server's SYN-ACKs.
    pub syn_ack: Repeats,
    /// Each side's packets of an older connection between the same ports, which came while this one was being opened.
    pub stale: PerRole<Repeats>,
    /// The acknowledgement that completed the TCP handshake, or the first packet that proves it.
    pub tcp_established: Option<Moment>,
    /// Each side's first payload.
    pub first_data: PerRole<Option<Moment>>,
    /// Each side's last new payload.
    pub last_data: PerRole<Option<Moment>>,
    /// A RST that answered an earlier SYN of this connection: the client sent its SYN again and was let in, as Windows does.
    pub refused_before: Option<Moment>,
    /// What TLS showed.
    pub tls: TlsFacts,
    /// What each side said that was not TLS.
    pub plain: PerRole<Option<Said<Plain>>>,
    /// What stood in front of TLS: a proxy that was asked for a tunnel, or a server that was asked to start TLS.
    pub prelude: Option<PreludeFacts>,
    /// What ended the connection, or let it stand still, in order.
    pub endings: Vec<Ending>,
    /// Silences of at least the stall time that ended with the awaited answer.
    pub pauses: Vec<Silence>,
    /// The connection's last packet, where the capture goes on without it although data was unacknowledged and due to be
    /// sent again: the rest is missing from the capture, so no silence may be read from it.
    pub lost_sight: Option<Moment>,
    /// ICMP errors about the connection's packets.
    pub icmp_errors: Vec<IcmpFact>,
    /// ICMP errors in all, those not kept one by one included.
    pub icmp_error_count: u64,
    /// Round trips as the capture saw them.
    pub round_trips: RoundTrips,
    /// Each side's packets, counted.
    pub counters: PerRole<Counters>,
    /// The first of the packets that only count.
    pub remarkable: Remarkable,
    /// Bytes acknowledged by the other side that the capture never saw.
    pub acked_unseen: PerRole<u64>,
    /// The client's first acknowledgement of bytes that the server sent after the client's request, and that the capture
    /// never saw.
    pub unseen_answer: Option<Moment>,
    /// The server's acknowledgement of all that the client had said up to its ClientHello.
    pub hello_acknowledged: Option<Moment>,
    /// A hole in a side's stream that nobody filled: the offsets of its first byte and of the first byte after it.
    pub unfilled_hole: PerRole<Option<(u32, u32)>>,
    /// A hole in a side's stream that the other side reports by SACK and that was not filled since: the offsets of its
    /// first byte and of the first byte after it.
    pub reported_hole: PerRole<Option<Said<(u32, u32)>>>,
    /// Whether everything a side sent was acknowledged.
    pub is_all_acknowledged: PerRole<bool>,
    /// Retransmissions of each side's payload.
    pub data_repeats: PerRole<Repeats>,
    /// The packets, for people.
    pub timeline: Timeline,
    /// What the capture itself lacks.
    pub capture: CaptureFacts,
}

/// Session tickets are shorter than this, in bytes of record body; OpenSSL's and nginx's have some 250.
const TICKET_BYTES: u32 = 512;

/// One end of a connection, by what its packets show.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Party {
    /// Its address.
    pub address: IpAddr,
    /// Its port.
    pub port: u16,
    /// Maximum segment size of its SYN, in bytes.
    pub maximum_segment_size: Option<u16>,
    /// TTL or hop limit, type of service, and packet of its SYN or SYN-ACK.
    pub opening_path: Option<PathFacts>,
    /// The same of its first packet after that.
    pub later_path: Option<PathFacts>,
    /// The same of its first packet whose TTL or hop limit differs from that.
    pub changed_path: Option<PathFacts>,
    /// What its SYN, or its SYN-ACK, offers.
    pub offer: Option<OpeningOffer>,
    /// Segments with a wrong checksum, and whether all of them fit what transmit checksum offload leaves.
    pub checksums: ChecksumFacts,
}

/// What a packet shows of its sender and path.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct PathFacts {
    /// The packet.
    pub number: u64,
    /// TTL or hop limit.
    pub hop_limit: u8,
    /// Type of service or traffic class, the ECN bits left out.
    pub service: Option<u8>,
    /// IPv4 identification.
    pub id: Option<u16>,
}

/// What a SYN offers, or a SYN-ACK accepts.
#[expect(clippy::struct_excessive_bools, reason = "each is offered or not, in any combination")]
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct OpeningOffer {
    /// The packet.
    pub number: u64,
    /// Explicit congestion notification (RFC 3168, 6.1.1).
    pub ecn: bool,
    /// SACK (RFC 2018).
    pub selective_acknowledgement: bool,
    /// Timestamps (RFC 7323, 3).
    pub timestamps: bool,
    /// Window scale (RFC 7323, 2).
    pub window_scale: bool,
}

/// Wrong TCP checksums of one side.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct ChecksumFacts {
    /// Segments whose checksum is right.
    pub correct: u64,
    /// Segments whose checksum is wrong.
    pub incorrect: u64,
    /// Of those, segments that hold what transmit checksum offload leaves for the network card.
    pub offloaded: u64,
    /// The first wrong ones.
    pub examples: [Option<u64>; 2],
    /// Checksum field minus TCP length of the first wrong one: equal for all when the field holds a pseudo-header sum.
    base: Option<u16>,
}

/// A packet and its time.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Moment {
    /// The packet's number.
    pub number: u64,
    /// When it was captured.
    pub at: Timestamp,
}

/// Packets of one kind that repeat.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Repeats {
    /// The first of them, as many as are kept one by one. Most are one, which needs no memory of its own.
    pub moments: SmallVec<[Moment; 1]>,
    /// How many in all.
    pub count: u64,
}

/// The first of the packets that say little one by one; how many there are say the counters.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Remarkable {
    /// Keep-alive probes.
    pub keep_alives: Repeats,
    /// Announcements of a zero window.
    pub zero_windows: PerRole<Repeats>,
    /// Packets that the capture holds a second time.
    pub duplicates: Repeats,
    /// Acknowledgements of bytes of each side that the capture never saw.
    pub acked_unseen: PerRole<Repeats>,
}

/// Something that was said, by which packet, and how it is known.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Said<T> {
    /// What.
    pub what: T,
    /// In which packet it was complete.
    pub moment: Moment,
    /// How it is known.
    pub basis: Basis,
}

/// How it is known which end is the client.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Opening {
    /// It sent the SYN.
    Syn,
    /// The other end sent a SYN-ACK.
    SynAck,
    /// It sent the ClientHello.
    ClientHello,
    /// Only the port numbers suggest it.
    Ports,
}

/// The furthest point that a connection reached. TLS 1.3 hides the later ones: they are inferred.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Stage {
    /// The capture does not show the beginning.
    None,
    /// A SYN was sent.
    Syn,
    /// It was answered.
    SynAck,
    /// The TCP handshake is complete.
    TcpEstablished,
    /// The ClientHello was sent.
    ClientHello,
    /// The ServerHello came.
    ServerHello,
    /// The server said all it says before the client's Finished.
    ServerFlightComplete,
    /// The client's Finished was sent.
    ClientFinished,
    /// The TLS handshake is complete.
    TlsEstablished,
    /// Application data was sent.
    ApplicationData,
}

/// The name that the contract gives the stage.
impl Stage {
    /// Its name, as scripts read it.
    pub fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Syn => "syn",
            Self::SynAck => "syn-ack",
            Self::TcpEstablished => "tcp-established",
            Self::ClientHello => "client-hello",
            Self::ServerHello => "server-hello",
            Self::ServerFlightComplete => "server-flight-complete",
            Self::ClientFinished => "client-finished",
            Self::TlsEstablished => "tls-established",
            Self::ApplicationData => "application-data",
        }
    }
}

impl fmt::Display for Stage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// What TLS showed.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct TlsFacts {
    /// The first ClientHello.
    pub client_hello: Option<Said<ClientHello>>,
    /// A HelloRetryRequest.
    pub retry: Option<Moment>,
    /// The key exchange group that it asks for.
    pub retry_group: Option<NamedGroup>,
    /// The ServerHello.
    pub server_hello: Option<Said<ServerHello>>,
    /// The curve of the server's key exchange, up to TLS 1.2.
    pub key_exchange_group: Option<NamedGroup>,
    /// Each side's Certificate message, where it was sent in clear.
    pub certificates: PerRole<Option<Said<Arc<CertificateMessage>>>>,
    /// A Certificate message of the server that begins and has no end: its bytes, and how many of them came.
    pub unfinished_certificate: Option<(u32, u32)>,
    /// The server asked for a client certificate in clear.
    pub certificate_request: Option<Moment>,
    /// What a client makes of the server's certificates.
    pub examination: Option<Arc<Examination>>,
    /// The server's flight was complete.
    pub server_flight: Option<Said<()>>,
    /// The client's Finished.
    pub client_finished: Option<Said<()>>,
    /// The handshake was complete.
    pub established: Option<Said<()>>,
    /// The client's first data before the handshake was complete.
    pub early_data: Option<Moment>,
    /// What the size of the client's flight fits, where only lengths are known.
    pub size_readings: Option<Said<Vec<SizeReading>>>,
    /// Whether a side's last record was begun and not ended, as far as records could be followed.
    pub is_inside_record: PerRole<bool>,
    /// Application data records of each side, and the first.
    pub application_data: PerRole<Repeats>,
    /// The sizes of each side's first application data records, in bytes of record body.
    pub record_sizes: PerRole<Vec<u32>>,
}

impl TlsFacts {
    /// The version agreed on, as far as it shows.
    pub fn version(&self) -> Option<Version> {
        self.server_hello.as_ref()?.what.version
    }

    /// The cipher suite agreed on, as far as it shows.
    pub fn cipher_suite(&self) -> Option<CipherSuite> {
        self.server_hello.as_ref()?.what.cipher_suite
    }

    /// The group in which keys are exchanged, as far as it shows.
    pub fn group(&self) -> Option<NamedGroup> {
        self.server_hello.as_ref()?.what.group.or(self.key_exchange_group)
    }

    /// Whether the server resumed an earlier session, where the hellos tell. A ticket that was accepted without echoing
    /// the session id (RFC 5077, 3.4) doesn't show in them.
    pub fn is_resumed(&self) -> Option<bool> {
        let server = &self.server_hello.as_ref()?.what;
        if server.version?.is_tls13() {
            return (server.is_whole || server.pre_shared_key.is_some())
                .then_some(server.pre_shared_key.is_some());
        }
        let client = &self.client_hello.as_ref()?.what;
        let session_id = server.session_id.as_ref()?;
        if !client.session_id.is_empty() && client.session_id == *session_id {
            return Some(true);
        }
        (client.is_whole && !client.offers_ticket).then_some(false)
    }
}

/// Something that ended the connection, or a silence in which it stood still.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Ending {
    /// What.
    pub what: EndingKind,
    /// By whom; for a silence, who owed the next step.
    pub by: Role,
    /// The packet; for a silence, the last one before it.
    pub moment: Moment,
    /// The stage reached before it.
    pub stage: Stage,
}

/// What ended a connection.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum EndingKind {
    /// Nothing new was delivered for at least the stall time.
    Silence(Silence),
    /// An alert that ends the connection, in clear.
    Alert {
        /// Which; unknown where only its length shows that it is one.
        description: Option<AlertDescription>,
        /// How it is known.
        basis: Basis,
    },
    /// An encrypted record of an alert's size, where none but an alert can stand.
    EncryptedAlert {
        /// How it is known.
        basis: Basis,
    },
    /// A close_notify, in clear or of its size.
    CloseNotify,
    /// A FIN.
    Fin,
    /// A RST that the receiver accepts.
    Reset(ResetFacts),
}

/// A silence: nothing new was delivered although something was owed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Silence {
    /// The last packet that brought something new.
    pub since: Moment,
    /// When it ended: the next event, or the end of the capture.
    pub until: Timestamp,
    /// Who owed the next step.
    pub owed_by: Role,
    /// Whether what was said last had been acknowledged.
    pub is_acknowledged: bool,
}

impl IcmpFact {
    /// "Fragmentation needed" (RFC 1191, 4) and "packet too big" (RFC 4443, 3.2).
    pub fn says_too_big(&self) -> bool {
        match (self.from.is_ipv4(), self.icmp_type, self.code) {
            (true, 3, 4) => true,
            (false, icmp_type, _) => icmp_type == 2,
            _ => false,
        }
    }
}

impl Silence {
    /// How long it lasted.
    pub fn elapsed(&self) -> Elapsed {
        self.until - self.since.at
    }
}

/// What a RST shows of its sender.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ResetFacts {
    /// How it fits the receiver's state.
    pub fit: ResetFit,
    /// Its TTL or hop limit.
    pub hop_limit: Option<u8>,
    /// That of the same side's other packets: the SYN or SYN-ACK, and later ones.
    pub usual_hop_limits: [Option<u8>; 2],
    /// Whether it has the form of a RST without a socket: no options and a zero window, IP id 0 or none.
    pub is_stateless: bool,
    /// Whether the same side's earlier packets carried TCP timestamps, which its socket would repeat.
    pub usual_timestamps: bool,
    /// How long after the other side's last packet it came.
    pub after_trigger: Option<Elapsed>,
    /// The shortest round trip to that side that the capture saw.
    pub shortest_round_trip: Option<Elapsed>,
    /// A later packet in which the same side goes on as if it had sent no RST.
    pub talked_on: Option<u64>,
}

/// An ICMP or ICMPv6 error about a connection's packet.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct IcmpFact {
    /// The packet.
    pub moment: Moment,
    /// Who sent it.
    pub from: IpAddr,
    /// Its type; the sender's address tells ICMPv4 from ICMPv6.
    pub icmp_type: u8,
    /// Its code.
    pub code: u8,
    /// Largest size that would pass, where it says so.
    pub mtu: Option<u32>,
    /// Whose packet it quotes.
    pub quotes: Role,
    /// The stage reached before it.
    pub stage: Stage,
}

/// Round trips between the capture's place and the other end.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct RoundTrips {
    /// From the SYN to its SYN-ACK, with both packets.
    pub handshake: Option<(Elapsed, u64, u64)>,
    /// From the client's first data to its acknowledgement, with the acknowledging packet.
    pub data: Option<(Elapsed, u64)>,
    /// The shortest to the server.
    pub shortest_to_server: Option<Elapsed>,
    /// The shortest to the client.
    pub shortest_to_client: Option<Elapsed>,
}

/// What the capture itself lacks, as far as it matters for one connection.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct CaptureFacts {
    /// The capture's last packet of any kind.
    pub end: Timestamp,
    /// Where the capture's clock stepped first between the connection's first packet and its last.
    pub clock_step: Option<ClockStep>,
    /// What its times count from.
    pub clock: Clock,
    /// Digits after the second that its times have.
    pub digits: u8,
    /// Packets dropped by the capturing side.
    pub dropped: Option<u64>,
    /// Until when some of them may have been dropped, where that is known.
    pub dropped_until: Option<Timestamp>,
    /// Whether it is text, without payload.
    pub is_text: bool,
    /// From where the packets were seen.
    pub viewpoint: Viewpoint,
    /// Whether the connection is this program's own, whose client needs no guessing.
    pub is_own: bool,
    /// Whether acknowledgements do not show, so that one that is missing means nothing.
    pub hides_acknowledgements: bool,
}

/// A place where the capture's clock did not run on.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ClockStep {
    /// The first packet after it.
    pub number: u64,
    /// How far that packet's time is from the one before; below zero where the clock went back.
    pub by: Elapsed,
}

impl Story {
    /// Whether a side sends again what the other does not acknowledge.
    pub fn repeats_in_vain(&self, role: Role) -> bool {
        !self.is_all_acknowledged[role] && self.counters[role].retransmissions > 0
    }

    /// The first SYN, or whatever came first.
    pub fn began(&self) -> Moment {
        self.syn.first().unwrap_or(self.first)
    }

    /// Whether only one side's packets are in the capture, although the other side's must have been sent.
    pub fn one_sided(&self) -> Option<Role> {
        match (self.counters.client.segments, self.counters.server.segments) {
            (_, 0) if self.acked_unseen.server > 0 || self.tcp_established.is_some() => Some(Role::Client),
            (0, _) if self.opening != Opening::Ports => Some(Role::Server),
            _ => None,
        }
    }

    /// Whether an ending rests on what the capture lacks: one side's packets are missing although the other side
    /// acknowledged them, and it is for what that side is not seen to have said that the connection looks ended.
    pub fn lacks_other_half_of(&self, ending: &Ending) -> bool {
        let Some(seen) = self.one_sided() else { return false };
        // A SYN or FIN that was acknowledged counts as one byte, and says nothing.
        if self.acked_unseen[seen.other()] <= 1 {
            return false;
        }
        match ending.what {
            EndingKind::Silence(_) => ending.by != seen,
            EndingKind::Fin | EndingKind::Reset(_) => {
                // Who said more than its ClientHello may have completed the handshake.
                let hello = self.tls.client_hello.as_ref().map(|hello| hello.moment.number);
                let last = self.last_data.client.map(|last| last.number);
                seen == Role::Client
                    && ending.stage < Stage::TlsEstablished
                    && hello.is_some()
                    && last > hello
            }
            _ => false,
        }
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
        if self.unseen_answer.is_some() {
            return true;
        }
        let sizes = &self.tls.record_sizes.server;
        let data = &self.tls.application_data;
        let mut spoke = data.server.numbers();
        let asked_twice = match (spoke.next(), spoke.next()) {
            (Some(one), Some(other)) => {
                data.client.numbers().any(|asked| asked < one)
                    && data.client.numbers().any(|asked| one < asked && asked < other)
            }
            _ => false,
        };
        let are_tickets = self.tls.version().is_none_or(Version::is_tls13)
            && data.server.count == 2
            && matches!(sizes.as_slice(), [one, other] if one == other && *one <= TICKET_BYTES)
            && !asked_twice;
        // What the server said before it was asked is no answer: a ticket, or a greeting.
        let spoke_after = match data.client.first().map(|moment| moment.number) {
            Some(asked) => {
                // A long record counts before it is complete, but the server's end of the handshake does not, where the
                // client did not wait for it (RFC 7918).
                let established = self.tls.established.as_ref().map_or(0, |said| said.moment.number);
                let last = self.last_data.server.map_or(0, |last| last.number);
                last > asked.max(established) || data.server.numbers().any(|spoke| spoke > asked)
            }
            None => data.server.count > 0,
        };
        match self.tls.client_hello {
            Some(_) => !are_tickets && spoke_after,
            None => self.first_data.server.is_some(),
        }
    }

    /// Whether the client's first record was begun and not ended, and nothing else came of it.
    pub fn is_inside_client_hello(&self) -> bool {
        self.stage == Stage::TcpEstablished
            && self.tls.is_inside_record.client
            && self.tls.client_hello.is_none()
            && self.first_data.server.is_none()
            && self.plain.client.is_none()
    }

    /// The packet in which the server closed the connection instead of answering what the client had asked inside TLS.
    pub fn closed_unanswered(&self) -> Option<Moment> {
        let first = self.endings.first().filter(|ending| ending.by == Role::Server)?;
        let was_asked = first.stage == Stage::ApplicationData && self.tls.application_data.client.count > 0;
        let is_close = matches!(first.what, EndingKind::Fin);
        // Of text without payload only sizes are known, and an answer may have a ticket's.
        let is_sure = !self.capture.is_text && self.acked_unseen.server == 0;
        (is_close && was_asked && is_sure && !self.was_answered()).then_some(first.moment)
    }

    /// The silence that ran when the capture ended, or before somebody gave up.
    pub fn silence(&self) -> Option<&Silence> {
        self.endings.iter().find_map(|ending| match &ending.what {
            EndingKind::Silence(silence) => Some(silence),
            _ => None,
        })
    }
}

impl Repeats {
    /// The first.
    pub fn first(&self) -> Option<Moment> {
        self.moments.first().copied()
    }

    /// Adds one, keeping as many one by one as the limit allows.
    pub fn add(&mut self, moment: Moment) {
        self.count += 1;
        if self.moments.len() < crate::limits::STORY_REPEATS {
            self.moments.push(moment);
        }
    }

    /// The packets kept one by one.
    pub fn numbers(&self) -> impl Iterator<Item = u64> + '_ {
        self.moments.iter().map(|moment| moment.number)
    }
}

impl Party {
    pub(crate) fn new(address: IpAddr, port: u16) -> Self {
        Self {
            address,
            port,
            maximum_segment_size: None,
            opening_path: None,
            later_path: None,
            changed_path: None,
            offer: None,
            checksums: ChecksumFacts::default(),
        }
    }

    /// Takes in what a packet of this party shows of path and sender.
    fn note_path(&mut self, number: u64, header: &SegmentHeader, flags: Flags) {
        let Some(hop_limit) = header.ip.hop_limit else { return };
        // RFC 3168, 5: the two low bits are ECN.
        let service = header.ip.traffic_class.map(|class| class & !3);
        let facts = PathFacts { number, hop_limit, service, id: header.ip.id };
        if flags.rst() {
            return;
        }
        let slot = if flags.syn() { &mut self.opening_path } else { &mut self.later_path };
        let usual = slot.get_or_insert(facts).hop_limit;
        if !flags.syn() && hop_limit != usual {
            self.changed_path.get_or_insert(facts);
        }
    }

    /// Takes in what a SYN or SYN-ACK offers. A repeated SYN may offer less (RFC 3168, 6.1.1.1): the latest counts.
    fn note_offer(&mut self, number: u64, options: &OpeningOptions, flags: Flags) {
        let ecn = if flags.ack() {
            flags.has(Flags::ECE) && !flags.has(Flags::CWR)
        } else {
            flags.has(Flags::ECE | Flags::CWR)
        };
        self.offer = Some(OpeningOffer {
            number,
            ecn,
            selective_acknowledgement: options.sack_permitted,
            timestamps: options.has_timestamps,
            window_scale: options.window_scale.is_some(),
        });
    }
}

impl ChecksumFacts {
    /// Takes a segment's checksum in.
    ///
    /// With transmit checksum offload the field holds the pseudo-header's sum (RFC 9293, 3.1), not complemented: over
    /// the addresses, the protocol and the TCP length. Two such fields differ by what their lengths differ, whatever the
    /// addresses are, so this works on captures with rewritten addresses too.
    fn note(&mut self, number: u64, header: &SegmentHeader) {
        /// IP's number of TCP.
        const TCP: u8 = 6;
        let found = match header.tcp.checksum {
            Checksum::Correct(_) => {
                self.correct += 1;
                return;
            }
            Checksum::Incorrect { found, .. } => found,
            Checksum::Unseen | Checksum::Unverified(_) => return,
        };
        self.incorrect += 1;
        if let Some(slot) = self.examples.iter_mut().find(|slot| slot.is_none()) {
            *slot = Some(number);
        }
        let Some(tcp_len) = header.tcp_len() else { return };
        let base = checksum::fold(u32::from(found) + (0xffff - (tcp_len & 0xffff)));
        let is_sum = checksum::pseudo_header(header.ip.source, header.ip.destination, TCP, tcp_len) == found;
        if is_sum || self.base.is_some_and(|first| first == base) {
            self.offloaded += 1;
            if !is_sum && self.offloaded == 1 {
                // The first one fits too, as the second shows.
                self.offloaded += 1;
            }
        }
        self.base.get_or_insert(base);
    }
}
