//! PostgreSQL's request for TLS before its own startup message.

use super::{Heard, Prelude, PreludeStep, Refusal};

/// SSLRequest, and GSSENCRequest, which libpq tries first where Kerberos is set up: length 8 and a code.
const SSL_REQUEST: [u8; 8] = [0, 0, 0, 8, 0x04, 0xd2, 0x16, 0x2f];
const GSS_REQUEST: [u8; 8] = [0, 0, 0, 8, 0x04, 0xd2, 0x16, 0x30];

/// What a client's bytes begin with. Nothing if they are of another protocol.
pub(super) fn hear_request(bytes: &[u8]) -> Option<(Prelude, Heard)> {
    let heard = if bytes.starts_with(&SSL_REQUEST) {
        Heard::Step(SSL_REQUEST.len(), PreludeStep::Asked)
    } else if bytes.starts_with(&GSS_REQUEST) {
        Heard::Passed(GSS_REQUEST.len())
    } else if SSL_REQUEST.starts_with(bytes) || GSS_REQUEST.starts_with(bytes) {
        Heard::Incomplete
    } else {
        return None;
    };
    Some((Prelude::Postgres, heard))
}

/// The server's answer: one byte, or an error message of a server that knows no TLS.
pub(super) fn hear_answer(bytes: &[u8]) -> Heard {
    let refused = PreludeStep::Refused(Refusal { code: None, reason: "the server does not start TLS" });
    match bytes {
        [b'S', ..] => Heard::Step(1, PreludeStep::Agreed),
        [b'N' | b'E', ..] => Heard::Step(bytes.len(), refused),
        _ => Heard::Passed(bytes.len()),
    }
}
