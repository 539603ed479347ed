//! The TCP handshake, and who opened the connection.

use schemars::JsonSchema;
use serde::Serialize;

use super::{Moment, Repeats};
use crate::packet::Filtered;
use crate::tcp::PerRole;
use crate::time::Elapsed;

/// The TCP handshake.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct OpeningFacts {
    /// How it is known which end is the client.
    pub known_by: Opening,
    /// Whether the flags of any segment are known; `tcpdump -q` prints none.
    pub shows_flags: bool,
    /// The client's SYNs.
    pub syn: Repeats,
    /// The latest of them.
    pub last_syn: Option<Moment>,
    /// How many of them a firewall dropped, where the text is one's log or capture.
    pub syns_dropped: u64,
    /// What a firewall did with the latest of them, where the text is one's log or capture.
    pub last_syn_filtered: Option<Filtered>,
    /// The server's SYN-ACKs.
    pub syn_ack: Repeats,
    /// The latest of them.
    pub last_syn_ack: Option<Moment>,
    /// The acknowledgement that completed the handshake, or the first packet that proves it.
    pub established: Option<Moment>,
    /// Whether it is a further path of a Multipath TCP connection (RFC 8684, 3.2): its bytes are parts of that one's data.
    pub is_subflow: bool,
    /// A RST that answered an earlier SYN of this connection: the client sent its SYN again and was let in, as Windows does.
    pub refused_before: Option<Moment>,
    /// Each side's packets of an older connection between the same ports, which came while this one was being opened.
    pub previous_connection: PerRole<Repeats>,
}

impl OpeningFacts {
    pub(in crate::story) fn new(known_by: Opening) -> Self {
        Self {
            known_by,
            shows_flags: false,
            syn: Repeats::default(),
            last_syn: None,
            syns_dropped: 0,
            last_syn_filtered: None,
            syn_ack: Repeats::default(),
            last_syn_ack: None,
            established: None,
            is_subflow: false,
            refused_before: None,
            previous_connection: PerRole::default(),
        }
    }

    /// Records a SYN.
    pub(crate) fn add_syn(&mut self, moment: Moment) {
        self.syn.add(moment);
        self.last_syn = Some(moment);
    }

    /// Records a SYN-ACK.
    pub(crate) fn add_syn_ack(&mut self, moment: Moment) {
        self.syn_ack.add(moment);
        self.last_syn_ack = Some(moment);
    }

    /// From the first SYN to the last; zero if there is one, or none.
    pub fn syn_span(&self) -> Elapsed {
        span(&self.syn, self.last_syn)
    }

    /// From the first SYN-ACK to the last; zero if there is one, or none.
    pub fn syn_ack_span(&self) -> Elapsed {
        span(&self.syn_ack, self.last_syn_ack)
    }
}

fn span(repeats: &Repeats, last: Option<Moment>) -> Elapsed {
    repeats.first().zip(last).map_or(Elapsed::ZERO, |(first, last)| last.at - first.at)
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
