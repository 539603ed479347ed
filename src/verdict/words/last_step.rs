//! How far a connection got, in words.

use crate::story::{Stage, Story};
use crate::tcp::Role;
use crate::time::Elapsed;

/// The last step of a connection that got as far as `stage`.
pub(in crate::verdict) fn last_step(stage: Stage) -> &'static str {
    match stage {
        Stage::None | Stage::Syn => "the SYN",
        Stage::SynAck => "the SYN-ACK",
        Stage::TcpEstablished => "the TCP handshake",
        Stage::ClientHello => "the ClientHello",
        Stage::ServerHello => "the ServerHello",
        Stage::ServerFlightComplete => "the server's flight",
        Stage::ClientFinished => "the client's Finished",
        Stage::TlsEstablished => "the TLS handshake",
        Stage::ApplicationData => "the first data",
    }
}

/// The last step of this connection: after the TCP handshake, data that is no message of TLS counts.
pub(in crate::verdict) fn of(story: &Story) -> &'static str {
    let has_data = |role: Role| {
        let data = &story.data[role];
        data.first.or(data.sent_unknown).is_some()
    };
    match (story.stage, has_data(Role::Client), has_data(Role::Server)) {
        (Stage::TcpEstablished, _, true) => "the server's first data",
        (Stage::TcpEstablished, true, false) => "the client's first data",
        (stage, ..) => last_step(stage),
    }
}

/// The SYNs and SYN-ACKs, where they were repeated after the first SYN-ACK and no ACK came: `2 SYNs, 2 SYN-ACKs, no ACK`.
pub(in crate::verdict) fn unacknowledged(story: &Story) -> Option<String> {
    let opening = &story.opening;
    let answered = opening.syn_ack.first()?;
    let is_repeated = opening.syn_ack.count > 1
        || opening.last_syn.is_some_and(|syn| story.order.is_after(syn.number, answered.number));
    let counted = |count: u64, name: &str| format!("{count} {name}{}", if count == 1 { "" } else { "s" });
    (story.stage == Stage::SynAck && is_repeated).then(|| {
        format!(
            "{}, {}, no ACK",
            counted(opening.syn.count, "SYN"),
            counted(opening.syn_ack.count, "SYN-ACK")
        )
    })
}

/// The SYNs, where the client repeated its SYN and nothing answered any of them: `3 SYNs in 3.0 s`.
pub(in crate::verdict) fn unanswered(story: &Story) -> Option<String> {
    let (count, span) = (story.opening.syn.count, story.opening.syn_span());
    let is_repeated = story.stage == Stage::Syn && count > 1;
    is_repeated.then(|| match span {
        Elapsed::ZERO => format!("{count} SYNs"),
        span => format!("{count} SYNs in {span}"),
    })
}
