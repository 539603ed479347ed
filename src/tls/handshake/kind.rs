//! Handshake message types (RFC 8446, B.3; RFC 5246, 7.4).

pub(crate) const HELLO_REQUEST: u8 = 0;
pub(crate) const CLIENT_HELLO: u8 = 1;
pub(crate) const SERVER_HELLO: u8 = 2;
pub(crate) const NEW_SESSION_TICKET: u8 = 4;
pub(crate) const HELLO_RETRY_REQUEST: u8 = 6;
pub(crate) const CERTIFICATE: u8 = 11;
pub(crate) const SERVER_KEY_EXCHANGE: u8 = 12;
pub(crate) const CERTIFICATE_REQUEST: u8 = 13;
pub(crate) const SERVER_HELLO_DONE: u8 = 14;
pub(crate) const CLIENT_KEY_EXCHANGE: u8 = 16;
pub(crate) const FINISHED: u8 = 20;
pub(crate) const CERTIFICATE_STATUS: u8 = 22;

/// Whether a message of this type can be in clear.
pub(crate) fn is_known(kind: u8) -> bool {
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
