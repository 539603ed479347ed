//! What TCP showed of a connection, in JSON.

use std::net::IpAddr;

use schemars::JsonSchema;
use serde::Serialize;

use crate::report::machine::values::{both, name, seconds};
use crate::story::{EndingKind, Observed, Opening, PreludeFacts, Story};
use crate::tcp::{Counters, PerRole, ResetFit, Role};
use crate::tls::{Plain, PlainKind, PreludeStep};

/// What TCP showed.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[schemars(rename = "Tcp")]
pub struct TcpObject {
    /// How it is known who the client is.
    pub opened_by: Opening,
    /// Packets of the connection, ICMP errors about it included.
    pub packets: u64,
    /// SYNs, repeats included.
    pub syn_count: u64,
    /// SYN-ACKs, repeats included.
    pub syn_ack_count: u64,
    /// Maximum segment sizes that the two announced, in bytes.
    pub mss: PerRole<Option<u16>>,
    /// What each side sent.
    pub sent: PerRole<Sent>,
    /// FINs.
    pub fins: Vec<Fin>,
    /// RSTs that took effect.
    pub resets: Vec<Reset>,
    /// ICMP errors about the connection in all.
    pub icmp_error_count: u64,
    /// The first of them.
    pub icmp_errors: Vec<Icmp>,
    /// What each side said first that was not TLS.
    pub plain: PerRole<Option<PlainWords>>,
    /// What came before TLS; null where nothing was recognised.
    pub prelude: Option<PreludeWords>,
}

/// What one side sent.
#[derive(Clone, Copy, Debug, Serialize, JsonSchema)]
pub struct Sent {
    /// Its segments, counted.
    #[serde(flatten)]
    pub counters: Counters,
    /// Payload bytes that the other side acknowledged and the capture never saw.
    pub acked_unseen: u64,
    /// Payload bytes that the snaplen cut off.
    pub cut_bytes: u64,
    /// Whether everything was acknowledged.
    pub is_all_acknowledged: bool,
}

/// A FIN.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct Fin {
    /// Who sent it.
    pub by: Role,
    /// The packet.
    pub packet: u64,
}

/// A RST, and what it shows of its sender.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct Reset {
    /// In whose name it was sent.
    pub by: Role,
    /// The packet.
    pub packet: u64,
    /// How it fits the receiver's state: `exact`, `in-window` or `outside`.
    pub fit: &'static str,
    /// Its TTL or hop limit.
    pub hop_limit: Option<u8>,
    /// Those of the same side's opening and later packets.
    pub usual_hop_limits: [Option<u8>; 2],
    /// Whether it has the form of a RST that no socket sent.
    pub is_stateless: bool,
    /// Seconds after the other side's last packet.
    pub after_trigger: Option<f64>,
    /// A later packet in which the same side continues as if it had sent no RST.
    pub talked_on: Option<u64>,
}

/// An ICMP or ICMPv6 error about one of the connection's packets.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[expect(clippy::struct_field_names, reason = "the names of the JSON form")]
pub struct Icmp {
    /// The packet.
    pub packet: u64,
    /// Who sent it; its address family separates ICMP from ICMPv6. Null where a text shows only a name.
    pub from: Option<IpAddr>,
    /// The name that a text shows instead.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub from_name: Option<String>,
    /// Its type.
    #[serde(rename = "type")]
    pub icmp_type: u8,
    /// Its code.
    pub code: u8,
    /// The largest size that would pass, in bytes.
    pub mtu: Option<u32>,
    /// Whose packet it quotes.
    pub quotes: Role,
}

/// First words that were not TLS.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct PlainWords {
    /// The packet.
    pub packet: u64,
    /// The protocol: `http-request`, `http-connect`, `http-response`, `ssh`, `text` or `binary`.
    pub protocol: &'static str,
    /// The first line, as it was sent.
    pub line: Option<String>,
}

/// What came before TLS: a proxy that was asked for a tunnel, or a server that was asked to start TLS.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct PreludeWords {
    /// The protocol: `HTTP CONNECT`, `SOCKS4`, `SOCKS5`, `SMTP STARTTLS`, `IMAP STARTTLS`, `POP3 STLS`, `FTP AUTH TLS`,
    /// `LDAP StartTLS`, `XMPP STARTTLS` or `PostgreSQL SSLRequest`.
    pub protocol: String,
    /// The packet in which the client asked first.
    pub asked: u64,
    /// The packet of the latest step.
    pub packet: u64,
    /// The latest step: `asked`, `continued`, `agreed` or `refused`.
    pub step: &'static str,
    /// The number in a refusal: an HTTP status, a SOCKS reply, a reply of SMTP or FTP, an LDAP result.
    pub code: Option<u16>,
}

impl TcpObject {
    /// Creates the object of a connection.
    pub(super) fn of(story: &Story) -> Self {
        let mut fins = Vec::new();
        let mut resets = Vec::new();
        for ending in &story.endings {
            let (by, packet) = (ending.by, ending.moment.number);
            match &ending.what {
                EndingKind::Fin => fins.push(Fin { by, packet }),
                EndingKind::Reset(facts) => resets.push(Reset {
                    by,
                    packet,
                    fit: match facts.fit {
                        ResetFit::Exact => "exact",
                        ResetFit::InWindow => "in-window",
                        ResetFit::Outside => "outside",
                    },
                    hop_limit: facts.hop_limit,
                    usual_hop_limits: facts.usual_hop_limits,
                    is_stateless: facts.is_stateless,
                    after_trigger: facts.after_trigger.map(seconds),
                    talked_on: facts.continued_in,
                }),
                _ => {}
            }
        }
        let icmp_errors = story.path.icmp_errors.iter().map(|error| Icmp {
            packet: error.moment.number,
            from: story.names.address(error.from),
            from_name: name(&story.names, error.from),
            icmp_type: error.icmp_type,
            code: error.code,
            mtu: error.mtu,
            quotes: error.quotes,
        });
        Self {
            opened_by: story.opening.known_by,
            packets: story.packets,
            syn_count: story.opening.syn.count,
            syn_ack_count: story.opening.syn_ack.count,
            mss: both(|role| story.parties[role].maximum_segment_size),
            sent: both(|role| sent(story, role)),
            fins,
            resets,
            icmp_error_count: story.path.icmp_error_count,
            icmp_errors: icmp_errors.collect(),
            plain: both(|role| story.plain[role].as_ref().map(plain)),
            prelude: story.prelude.as_ref().map(prelude),
        }
    }
}

fn sent(story: &Story, role: Role) -> Sent {
    let counters = story.traffic.counters[role];
    Sent {
        counters,
        acked_unseen: story.missing.acked_unseen[role],
        cut_bytes: counters.cut_bytes,
        is_all_acknowledged: story.data[role].is_all_acknowledged,
    }
}

fn plain(observed: &Observed<Plain>) -> PlainWords {
    PlainWords {
        packet: observed.moment.number,
        protocol: match observed.what.kind {
            PlainKind::HttpRequest => "http-request",
            PlainKind::Connect => "http-connect",
            PlainKind::HttpResponse(_) => "http-response",
            PlainKind::Ssh => "ssh",
            PlainKind::Text => "text",
            PlainKind::Binary => "binary",
        },
        line: Some(observed.what.line.clone()).filter(|line| !line.is_empty()),
    }
}

fn prelude(facts: &PreludeFacts) -> PreludeWords {
    let (step, code) = match facts.latest.what {
        PreludeStep::Asked => ("asked", None),
        PreludeStep::Continued => ("continued", None),
        PreludeStep::Agreed => ("agreed", None),
        PreludeStep::Refused(refusal) => ("refused", refusal.code),
    };
    PreludeWords {
        protocol: facts.protocol.to_string(),
        asked: facts.asked.number,
        packet: facts.latest.moment.number,
        step,
        code,
    }
}
