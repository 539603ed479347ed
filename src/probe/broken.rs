//! What of a peer's bytes is no TLS, or breaks the protocol, in words.

use std::fmt;

use rustls::{CertificateError, Error, InvalidMessage, PeerMisbehaved};

/// What of the other side's bytes is no TLS, or breaks the protocol, if this error is about that.
pub(in crate::probe) fn broken_by(error: &Error) -> Option<String> {
    Some(match error {
        Error::InvalidMessage(InvalidMessage::InvalidContentType) => {
            "bytes that are no TLS record: their content type is unknown".to_owned()
        }
        Error::InvalidMessage(InvalidMessage::UnknownProtocolVersion) => {
            "bytes that are no TLS record: their version is unknown".to_owned()
        }
        Error::InvalidMessage(InvalidMessage::MessageTooLarge) | Error::PeerSentOversizedRecord => {
            "a record that is longer than TLS allows".to_owned()
        }
        Error::InvalidMessage(InvalidMessage::HandshakePayloadTooLarge) => {
            "a handshake message of more than 64 KiB, which this check and Java refuse".to_owned()
        }
        Error::InvalidMessage(what) => format!("a message that can't be decoded ({})", spelled(what)),
        Error::InvalidCertificate(CertificateError::BadSignature) => {
            "a signature of the handshake that does not fit its certificate".to_owned()
        }
        Error::DecryptError => "a record that can't be decrypted".to_owned(),
        Error::InappropriateMessage { got_type, .. } => {
            format!("a record of a type that does not belong there ({})", spelled(got_type))
        }
        Error::InappropriateHandshakeMessage { got_type, .. } => {
            let number = u8::from(*got_type);
            let name = got_type.as_str().map_or_else(|| format!("type {number}"), str::to_owned);
            format!("a handshake message that does not belong there ({name})")
        }
        Error::PeerMisbehaved(PeerMisbehaved::SelectedUnofferedCipherSuite) => {
            "a ServerHello that chooses a cipher suite which was not offered".to_owned()
        }
        Error::PeerMisbehaved(PeerMisbehaved::SelectedUnusableCipherSuiteForVersion) => {
            "a ServerHello that chooses a cipher suite of another TLS version".to_owned()
        }
        Error::PeerMisbehaved(PeerMisbehaved::WrongGroupForKeyShare) => {
            "a ServerHello with a key share of a group which was not offered".to_owned()
        }
        Error::PeerMisbehaved(what) => format!("a message that breaks the protocol ({})", spelled(what)),
        _ => return None,
    })
}

/// The name of a variant in words: `TooManyKeyUpdateRequests` is `too many key update requests`.
fn spelled(variant: &impl fmt::Debug) -> String {
    let mut words = String::new();
    for letter in format!("{variant:?}").chars().take_while(char::is_ascii_alphanumeric) {
        if letter.is_ascii_uppercase() && !words.is_empty() {
            words.push(' ');
        }
        words.push(letter.to_ascii_lowercase());
    }
    words
}
