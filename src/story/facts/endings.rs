//! What ended the connection or stopped its progress.

use super::party::IpTraits;
use super::{Moment, Stage};
use crate::tcp::{ResetFit, Role};
use crate::time::{Elapsed, Timestamp};
use crate::tls::{AlertDescription, Basis};

/// Something that ended the connection, or a silence that stopped its progress.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Ending {
    /// What.
    pub what: EndingKind,
    /// By which side; for a silence, the side whose step was awaited.
    pub by: Role,
    /// The packet; for a silence, the last one before it.
    pub moment: Moment,
    /// The stage reached before it.
    pub stage: Stage,
}

impl Ending {
    /// Adds it, in the order in which the endings began.
    pub(in crate::story) fn insert_into(self, endings: &mut Vec<Self>) {
        // What is not acknowledged was sent before the farewell in its segment.
        let is_silence = matches!(self.what, EndingKind::Silence(_));
        let is_later = |other: &Self| {
            let (other, own) = (other.moment.number, self.moment.number);
            other > own || is_silence && other == own
        };
        let index = endings.iter().position(is_later).unwrap_or(endings.len());
        endings.insert(index, self);
    }
}

/// What ended a connection.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum EndingKind {
    /// Nothing new was delivered for at least the stall time.
    Silence(Silence),
    /// An alert that ends the connection, in clear.
    Alert {
        /// Which; unknown if only its length shows that it is one.
        description: Option<AlertDescription>,
        /// How it is known.
        basis: Basis,
    },
    /// An encrypted record of an alert's size, in a place where only an alert is possible.
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

/// A silence: nothing new was delivered although a step was awaited.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Silence {
    /// The last packet that brought something new.
    pub since: Moment,
    /// When it ended: the next event, or the end of the capture.
    pub until: Timestamp,
    /// The side whose step was awaited.
    pub awaited_from: Role,
    /// Whether the last data before it had been acknowledged.
    pub is_acknowledged: bool,
    /// Whether the capture lacks that acknowledgement: the sender never sent the data again, as it would have without one.
    pub is_ack_unseen: bool,
}

impl Silence {
    /// How long it lasted.
    pub fn elapsed(&self) -> Elapsed {
        self.until - self.since.at
    }
}

/// What a RST says in its payload about why it was sent (RFC 9293, 3.5.3; RFC 1122, 4.2.2.12).
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ResetReason {
    /// The RST.
    pub number: u64,
    /// Its words, as they came.
    pub text: Box<str>,
}

/// The words in a RST's payload, if it holds words.
pub fn reset_reason(payload: &[u8]) -> Option<&str> {
    let text = std::str::from_utf8(payload).ok()?.trim_matches(['\0', '\r', '\n', ' ']);
    let letters = text.chars().filter(|character| character.is_alphanumeric() || *character == ' ').count();
    (2 * letters > text.chars().count()).then_some(text)
}

impl ResetFacts {
    /// Whether its TTL or hop limit is that of none of the same side's other packets.
    pub fn has_unusual_hop_limit(&self) -> bool {
        let mut usual = self.usual_hop_limits.into_iter().flatten().peekable();
        usual.peek().is_some()
            && self.hop_limit.is_some_and(|hop_limit| usual.all(|usual| usual != hop_limit))
    }
}

/// What a RST shows of its sender.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ResetFacts {
    /// How it fits the receiver's state.
    pub fit: ResetFit,
    /// Whether it acknowledges what its sender has received, so that an answer that the capture lacks would show.
    pub acknowledges: bool,
    /// Its TTL or hop limit.
    pub hop_limit: Option<u8>,
    /// That of the same side's other packets: the SYN or SYN-ACK, and later ones.
    pub usual_hop_limits: [Option<u8>; 2],
    /// Its IPv4 identification.
    pub id: Option<u16>,
    /// The same side's last packet before it.
    pub previous: Option<IpTraits>,
    /// Whether it has the form of a RST without a socket: no options and a zero window, IP id 0 or none.
    pub is_stateless: bool,
    /// Whether the same side's earlier packets carried TCP timestamps, which its socket would repeat.
    pub usual_timestamps: bool,
    /// How long after the other side's last packet it came; one that was sent again counts from its first copy.
    pub after_trigger: Option<Elapsed>,
    /// The shortest round trip to that side that the capture saw.
    pub shortest_round_trip: Option<Elapsed>,
    /// A later packet in which the same side continues as if it had sent no RST.
    pub continued_in: Option<u64>,
}
