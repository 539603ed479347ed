//! How far a connection got, in words.

use crate::story::{Stage, Story};
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

/// The SYNs, where the client repeated its SYN and nothing answered any of them: `3 SYNs in 3.0 s`.
pub(in crate::verdict) fn unanswered(story: &Story) -> Option<String> {
    let (count, span) = (story.opening.syn.count, story.opening.syn_span());
    let is_repeated = story.stage == Stage::Syn && count > 1;
    is_repeated.then(|| match span {
        Elapsed::ZERO => format!("{count} SYNs"),
        span => format!("{count} SYNs in {span}"),
    })
}
