//! Sizes of encrypted records of TLS 1.3, by which messages are recognised (RFC 8446, 4 and 5.2).

use super::handshake::CipherSuite;

/// Body lengths of a TLS 1.3 record that holds nothing but a Finished: header 4, hash 32 or 48, content type 1, tag 16;
/// JSSE pads by 16 more (RFC 8446, 4.4.4 and 5.2).
pub(super) fn is_finished_size(len: u16) -> bool {
    matches!(len, 53 | 69 | 85)
}

/// The length that it has with this suite where its sender does not pad: TLS_AES_256_GCM_SHA384 alone has a hash of 48 bytes
/// (RFC 8446, B.4).
pub(super) fn unpadded_finished(suite: CipherSuite) -> u16 {
    if suite.0 == 0x1302 { 69 } else { 53 }
}

/// Body lengths of a client's first TLS 1.3 record that can hold its Finished, alone or after a short message (the
/// application settings of ALPS make it some 10 bytes longer). A client certificate is larger, and its refusal smaller.
pub(super) fn holds_client_finished(len: u16) -> bool {
    (53..=120).contains(&len)
}

/// Body lengths of a TLS 1.3 record that holds an alert: 2, content type 1, tag 16; JSSE pads by 16 more. Suites with
/// an 8-byte tag (CCM_8) make it 11.
pub(super) fn is_alert_size(len: u16) -> bool {
    matches!(len, 11 | 19 | 35)
}

/// Those of them that are too short for the message that begins a server's flight: EncryptedExtensions has a header of 4
/// and a length of 2 (RFC 8446, 4.3.1).
pub(super) fn is_bare_alert_size(len: u16) -> bool {
    matches!(len, 11 | 19)
}

/// Body lengths of a server's first TLS 1.3 record that holds its whole flight where it accepted a pre-shared key: besides a
/// Finished an EncryptedExtensions of at least 6. One alone has fewer extensions than this would take.
pub(super) fn is_resuming_flight(len: u16) -> bool {
    len >= 53 + 6
}

/// Body lengths of a TLS 1.3 record that holds an empty Certificate, the answer to a request for one by a client that has
/// none (RFC 8446, 4.4.2), and the Finished after it: 4 + 1 + 3 more than the Finished alone.
pub(super) fn holds_empty_certificate(len: u16) -> bool {
    len.checked_sub(8).is_some_and(is_finished_size)
}

/// Body lengths of a TLS 1.3 record that holds a CertificateVerify: header 4, algorithm 2, length 2, content type 1, tag 16, and
/// a signature of Ed25519, ECDSA over P-256, P-384 and P-521, or RSA of 2048, 3072 and 4096 bits; JSSE pads by 16 more.
pub(super) fn is_certificate_verify_size(len: u16) -> bool {
    [0, 16].into_iter().any(|padding| {
        matches!(
            len.saturating_sub(25 + padding),
            64 | 70..=72 | 102..=104 | 137..=139 | 256 | 384 | 512
        )
    })
}

/// EndOfEarlyData: header 4, content type 1, tag 16 (RFC 8446, 4.5).
pub(super) const END_OF_EARLY_DATA: u16 = 21;

/// KeyUpdate: header 4, request 1, content type 1, tag 16 (RFC 8446, 4.6.3).
pub(super) const KEY_UPDATE: u16 = 22;

/// Body lengths of the two records that end a handshake with early data on the client's side.
pub(super) fn ends_early_data(len: u16) -> bool {
    len == END_OF_EARLY_DATA || is_finished_size(len)
}
