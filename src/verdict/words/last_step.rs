//! How far a connection got, in words.

use crate::story::Stage;

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
