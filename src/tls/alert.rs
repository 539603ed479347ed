//! Alert descriptions by the names of the TLS registry.

use std::fmt;

/// An alert description (RFC 8446, 6; IANA "TLS Alerts"). Unknown numbers stay numbers.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct AlertDescription(pub u8);

impl AlertDescription {
    /// The sender will send nothing more: an orderly end.
    pub const CLOSE_NOTIFY: Self = Self(0);
    /// No security parameters that both accept.
    pub const HANDSHAKE_FAILURE: Self = Self(40);
    /// The certificate of the other side expired, or is not yet valid (RFC 8446, 6.2).
    pub const CERTIFICATE_EXPIRED: Self = Self(45);
    /// The client sent no certificate, and the server asked for one (RFC 8446, 6.2).
    pub const CERTIFICATE_REQUIRED: Self = Self(116);
    /// The server does not know the name that the client asked for, or wants one (RFC 6066, 3).
    pub const UNRECOGNIZED_NAME: Self = Self(112);
    /// The user gave up; a close_notify follows.
    pub const USER_CANCELED: Self = Self(90);
    /// A renegotiation is declined (RFC 5246, 7.2.2): always a warning.
    pub const NO_RENEGOTIATION: Self = Self(100);

    /// The registered name, where there is one.
    pub fn name(self) -> Option<&'static str> {
        NAMES.iter().find(|(number, _)| *number == self.0).map(|(_, name)| *name)
    }

    /// From the words of a tool that decoded it: the registered name with blanks, in any case.
    pub fn of_words(words: &str) -> Option<Self> {
        let is_same = |name: &str| {
            let words =
                words.trim().bytes().map(|byte| if byte == b' ' { b'_' } else { byte.to_ascii_lowercase() });
            name.bytes().eq(words)
        };
        NAMES.iter().find(|(_, name)| is_same(name)).map(|(number, _)| Self(*number))
    }

    /// Whether it means that the peer's certificate was not accepted.
    pub fn rejects_certificate(self) -> bool {
        // RFC 8446, 6.2: bad_certificate to unknown_ca, except illegal_parameter (47).
        matches!(self.0, 42..=46 | 48)
    }

    /// Whether it ends the connection at `level`. TLS 1.3 ignores the level: every alert but the closing ones is
    /// fatal there (RFC 8446, 6).
    pub fn is_fatal(self, level: u8, is_tls13: bool) -> bool {
        match self {
            Self::CLOSE_NOTIFY | Self::USER_CANCELED | Self::NO_RENEGOTIATION => false,
            _ => is_tls13 || level != 1,
        }
    }
}

impl fmt::Display for AlertDescription {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.name() {
            Some(name) => f.write_str(name),
            None => write!(f, "alert {}", self.0),
        }
    }
}

/// IANA "TLS Alerts", SSL 3.0's and TLS 1.0's obsolete ones included.
const NAMES: [(u8, &str); 35] = [
    (0, "close_notify"),
    (10, "unexpected_message"),
    (20, "bad_record_mac"),
    (21, "decryption_failed"),
    (22, "record_overflow"),
    (30, "decompression_failure"),
    (40, "handshake_failure"),
    (41, "no_certificate"),
    (42, "bad_certificate"),
    (43, "unsupported_certificate"),
    (44, "certificate_revoked"),
    (45, "certificate_expired"),
    (46, "certificate_unknown"),
    (47, "illegal_parameter"),
    (48, "unknown_ca"),
    (49, "access_denied"),
    (50, "decode_error"),
    (51, "decrypt_error"),
    (60, "export_restriction"),
    (70, "protocol_version"),
    (71, "insufficient_security"),
    (80, "internal_error"),
    (86, "inappropriate_fallback"),
    (90, "user_canceled"),
    (100, "no_renegotiation"),
    (109, "missing_extension"),
    (110, "unsupported_extension"),
    (111, "certificate_unobtainable"),
    (112, "unrecognized_name"),
    (113, "bad_certificate_status_response"),
    (114, "bad_certificate_hash_value"),
    (115, "unknown_psk_identity"),
    (116, "certificate_required"),
    (120, "no_application_protocol"),
    (121, "ech_required"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_the_registry_s_and_unknown_numbers_stay_numbers() {
        assert_eq!(AlertDescription(48).to_string(), "unknown_ca");
        assert_eq!(AlertDescription(200).to_string(), "alert 200");
    }

    #[test]
    fn names_are_known_by_another_tool_s_words() {
        assert_eq!(
            AlertDescription::of_words("Handshake Failure"),
            Some(AlertDescription::HANDSHAKE_FAILURE)
        );
        assert_eq!(AlertDescription::of_words("Unknown CA"), Some(AlertDescription(48)));
        assert_eq!(AlertDescription::of_words("No application Protocol"), Some(AlertDescription(120)));
        assert_eq!(AlertDescription::of_words("Unknown"), None);
    }

    #[test]
    fn only_closing_alerts_and_old_warnings_let_the_sender_continue() {
        assert!(!AlertDescription::CLOSE_NOTIFY.is_fatal(2, true));
        assert!(!AlertDescription(112).is_fatal(1, false));
        assert!(AlertDescription(112).is_fatal(1, true));
        assert!(AlertDescription(40).is_fatal(2, false));
    }
}
