//! Handshake message types (RFC 8446, B.3; RFC 5246, 7.4).

pub(in crate::tls) const HELLO_REQUEST: u8 = 0;
pub(in crate::tls) const CLIENT_HELLO: u8 = 1;
pub(in crate::tls) const SERVER_HELLO: u8 = 2;
pub(in crate::tls) const NEW_SESSION_TICKET: u8 = 4;
pub(in crate::tls) const HELLO_RETRY_REQUEST: u8 = 6;
pub(in crate::tls) const CERTIFICATE: u8 = 11;
pub(in crate::tls) const SERVER_KEY_EXCHANGE: u8 = 12;
pub(in crate::tls) const CERTIFICATE_REQUEST: u8 = 13;
pub(in crate::tls) const SERVER_HELLO_DONE: u8 = 14;
pub(in crate::tls) const CLIENT_KEY_EXCHANGE: u8 = 16;
pub(in crate::tls) const FINISHED: u8 = 20;
pub(in crate::tls) const CERTIFICATE_STATUS: u8 = 22;

/// Whether a message of this type can be in clear.
pub(in crate::tls) fn is_known(kind: u8) -> bool {
    matches!(
        kind,
        HELLO_REQUEST..=NEW_SESSION_TICKET
            | 5
            | HELLO_RETRY_REQUEST
            | 8
            | CERTIFICATE..=CLIENT_KEY_EXCHANGE
            | FINISHED
            | 21
            | CERTIFICATE_STATUS
            | 23
            | 24
            | 25
            | 67
    )
}
