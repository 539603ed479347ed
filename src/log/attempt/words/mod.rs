//! What the words of an error name: the outcome, a status, a server.
//!
//! The words are those of Java's two HTTP clients (`HttpsURLConnection` and `java.net.http`), of Apache HttpClient as RESTEasy wraps it,
//! of nginx with OpenSSL, and of Cisco's devices. The two clients of Java name some faults differently, and one of their messages is a
//! trap: `HTTP connect timed out` of `java.net.http` counts the TLS handshake as connecting.

mod nginx;
mod server;

use std::sync::LazyLock;

pub(super) use self::nginx::nginx;
pub(super) use self::server::Named;
use self::server::{connect_to, unknown_host, url};
use super::AttemptOutcome;
use crate::log::text::{contains, find};

/// What one text names.
#[derive(Clone, Default, PartialEq, Eq, Debug)]
pub(super) struct WordsRead<'a> {
    /// The outcome, and how exactly the words name it: a cause that is named more exactly counts more.
    pub outcome: Option<(u8, AttemptOutcome)>,
    /// The HTTP status.
    pub status: Option<u16>,
    /// The server that the text names.
    pub server: Named<'a>,
}

/// Lower-case words, how exactly they name the outcome, and the outcome.
const PHRASES: &[(&str, u8, AttemptOutcome)] = &[
    ("unknownhostexception", 9, AttemptOutcome::NameUnknown),
    ("unresolvedaddressexception", 9, AttemptOutcome::NameUnknown),
    ("name or service not known", 9, AttemptOutcome::NameUnknown),
    ("temporary failure in name resolution", 9, AttemptOutcome::NameUnknown),
    ("unable to resolve server hostname", 9, AttemptOutcome::NameUnknown),
    ("no subject alternative", 9, AttemptOutcome::NameMismatch),
    ("no name matching", 9, AttemptOutcome::NameMismatch),
    ("doesn't match any of the subject alternative names", 9, AttemptOutcome::NameMismatch),
    ("hostname in certificate didn't match", 9, AttemptOutcome::NameMismatch),
    ("unrecognized ssl message", 9, AttemptOutcome::NotTls),
    ("pkix path", 8, AttemptOutcome::CertificateRejected),
    ("unable to find valid certification path", 8, AttemptOutcome::CertificateRejected),
    ("certpathvalidatorexception", 8, AttemptOutcome::CertificateRejected),
    ("cert cannot be validated", 8, AttemptOutcome::CertificateRejected),
    ("certificateexpiredexception", 8, AttemptOutcome::CertificateRejected),
    ("connection refused", 8, AttemptOutcome::Refused),
    ("no route to host", 8, AttemptOutcome::Unreachable),
    ("network is unreachable", 8, AttemptOutcome::Unreachable),
    ("host is unreachable", 8, AttemptOutcome::Unreachable),
    ("connect timed out", 8, AttemptOutcome::ConnectTimeout),
    ("connection timed out", 8, AttemptOutcome::ConnectTimeout),
    ("connecttimeoutexception", 7, AttemptOutcome::ConnectTimeout),
    ("read timed out", 8, AttemptOutcome::ReadTimeout),
    ("request timed out", 7, AttemptOutcome::ReadTimeout),
    ("connection reset", 8, AttemptOutcome::Reset),
    ("broken pipe", 6, AttemptOutcome::Reset),
    ("remote host terminated the handshake", 7, AttemptOutcome::ClosedInHandshake),
    ("remote host closed connection during handshake", 7, AttemptOutcome::ClosedInHandshake),
    ("ssl peer shut down incorrectly", 7, AttemptOutcome::ClosedInHandshake),
    ("unexpected end of file from server", 8, AttemptOutcome::EmptyAnswer),
    ("nohttpresponseexception", 8, AttemptOutcome::EmptyAnswer),
    ("header parser received no bytes", 8, AttemptOutcome::EmptyAnswer),
    ("received empty response", 8, AttemptOutcome::EmptyAnswer),
    ("connection time out", 7, AttemptOutcome::TimedOut),
    ("sockettimeoutexception", 5, AttemptOutcome::TimedOut),
    ("closedchannelexception", 5, AttemptOutcome::Refused),
    ("sslhandshakeexception", 4, AttemptOutcome::HandshakeFailed),
    ("sslexception", 3, AttemptOutcome::HandshakeFailed),
    ("certificateexception", 3, AttemptOutcome::CertificateRejected),
];

/// Errors of OAuth (RFC 6749, 4.1.2.1 and 5.2; RFC 6750, 3.1).
const OAUTH_ERRORS: &[&str] = &[
    "invalid_client",
    "invalid_grant",
    "invalid_request",
    "invalid_scope",
    "invalid_token",
    "unauthorized_client",
    "unsupported_grant_type",
    "unsupported_response_type",
    "insufficient_scope",
    "access_denied",
    "temporarily_unavailable",
    "server_error",
];

/// Reads a text of an error.
pub(super) fn read(text: &str) -> WordsRead<'_> {
    let mut reading = read_answer(text);
    for (rank, outcome) in phrases(text) {
        reading.take(rank, outcome);
    }
    for outcome in alert(text).into_iter().chain(proxy(text)) {
        reading.take(9, outcome);
    }
    if let Some(server) = connect_to(text).or_else(|| unknown_host(text)) {
        reading.server = server;
    }
    reading
}

/// Reads a text that is no error: an answer's status or error code, and the server of an URL.
pub(super) fn read_answer(text: &str) -> WordsRead<'_> {
    let mut reading =
        WordsRead { server: url(text).unwrap_or_default(), status: status(text), outcome: None };
    if let Some(outcome) = oauth(text) {
        reading.take(if outcome == AttemptOutcome::Denied(None) { 6 } else { 7 }, outcome);
    }
    match reading.status {
        Some(number @ 400..) => reading.take(6, AttemptOutcome::Status(number)),
        Some(_) => reading.take(1, AttemptOutcome::Succeeded),
        None => {}
    }
    reading
}

impl WordsRead<'_> {
    /// Takes an outcome that is named more exactly than the one before.
    fn take(&mut self, rank: u8, outcome: AttemptOutcome) {
        if self.outcome.is_none_or(|(best, _)| rank > best) {
            self.outcome = Some((rank, outcome));
        }
    }
}

/// The phrases in a text, in one pass: at each letter only those are compared that begin with it.
fn phrases(text: &str) -> impl Iterator<Item = (u8, AttemptOutcome)> {
    static BY_LETTER: LazyLock<[Vec<usize>; 26]> = LazyLock::new(|| {
        std::array::from_fn(|letter| {
            let begins = |words: &str| words.as_bytes()[0] == b'a' + letter as u8;
            (0..PHRASES.len()).filter(|index| begins(PHRASES[*index].0)).collect()
        })
    });
    let bytes = text.as_bytes();
    bytes.iter().enumerate().filter(|(_, byte)| byte.is_ascii_alphabetic()).flat_map(move |(at, byte)| {
        let letter = usize::from(byte.to_ascii_lowercase() - b'a');
        BY_LETTER[letter].iter().map(|index| &PHRASES[*index]).filter_map(move |(words, rank, outcome)| {
            let piece = bytes.get(at..at + words.len())?;
            piece.eq_ignore_ascii_case(words.as_bytes()).then_some((*rank, *outcome))
        })
    })
}

/// `Received fatal alert: protocol_version` (JSSE), `(certificate_unknown) ...` (JDK 25), `SSL alert number 48` (OpenSSL). Names as the
/// registry has them (RFC 8446, B.2).
fn alert(text: &str) -> Option<AttemptOutcome> {
    const NAMES: [(&str, u8); 24] = [
        ("close_notify", 0),
        ("unexpected_message", 10),
        ("bad_record_mac", 20),
        ("record_overflow", 22),
        ("handshake_failure", 40),
        ("no_certificate", 41),
        ("bad_certificate", 42),
        ("unsupported_certificate", 43),
        ("certificate_revoked", 44),
        ("certificate_expired", 45),
        ("certificate_unknown", 46),
        ("illegal_parameter", 47),
        ("unknown_ca", 48),
        ("access_denied", 49),
        ("decode_error", 50),
        ("decrypt_error", 51),
        ("protocol_version", 70),
        ("insufficient_security", 71),
        ("internal_error", 80),
        ("inappropriate_fallback", 86),
        ("missing_extension", 109),
        ("unrecognized_name", 112),
        ("certificate_required", 116),
        ("no_application_protocol", 120),
    ];
    if let Some(at) = find(text, "received fatal alert: ") {
        let name = text[at + "received fatal alert: ".len()..]
            .split(|next: char| !next.is_ascii_alphabetic() && next != '_')
            .next()?;
        let number = NAMES.iter().find(|(known, _)| *known == name).map(|(_, number)| *number);
        return Some(AttemptOutcome::Alert(number));
    }
    let at = find(text, "ssl alert number ")?;
    let digits = text[at + "ssl alert number ".len()..].split(|next: char| !next.is_ascii_digit()).next()?;
    Some(AttemptOutcome::Alert(digits.parse().ok()))
}

/// `Unable to tunnel through proxy. Proxy returns "HTTP/1.1 407 ..."`, `Tunnel failed, got: 403`.
fn proxy(text: &str) -> Option<AttemptOutcome> {
    let at = find(text, "unable to tunnel through proxy").or_else(|| find(text, "tunnel failed, got: "))?;
    let rest = &text[at..];
    let rest = find(rest, "http/1.").and_then(|at| rest.get(at + 8..)).unwrap_or(rest);
    Some(AttemptOutcome::ProxyRefused(first_status(rest)))
}

/// The error code of an OAuth answer; of one that is cut off in the middle of it, that there is one.
fn oauth(text: &str) -> Option<AttemptOutcome> {
    if text.contains('_')
        && let Some(error) = OAUTH_ERRORS.iter().find(|error| names(text, error))
    {
        return Some(AttemptOutcome::Denied(Some(error)));
    }
    let at = find(text, "\"error\"")?;
    let value = text.get(at + 7..)?.trim_start_matches([' ', ':', '=', '>']);
    let begun = value.strip_prefix('"')?;
    (!begun.contains('"') && OAUTH_ERRORS.iter().any(|error| error.starts_with(begun)))
        .then_some(AttemptOutcome::Denied(None))
}

/// Whether `text` contains an error code as a word.
fn names(text: &str, error: &str) -> bool {
    text.match_indices(error).any(|(at, _)| {
        let is_part =
            |next: Option<char>| next.is_some_and(|next| next.is_ascii_alphanumeric() || next == '_');
        // `Received fatal alert: access_denied` is TLS's.
        !is_part(text[..at].chars().next_back())
            && !is_part(text[at + error.len()..].chars().next())
            && !text[..at].ends_with("alert: ")
    })
}

/// Reason phrases of failures (RFC 9110, 15; RFC 6585), and what older servers write.
const REASONS: &[(&str, &str)] = &[
    ("400", "bad request"),
    ("401", "unauthorized"),
    ("403", "forbidden"),
    ("404", "not found"),
    ("405", "method not allowed"),
    ("406", "not acceptable"),
    ("408", "request time"),
    ("409", "conflict"),
    ("410", "gone"),
    ("413", "request entity too large"),
    ("413", "content too large"),
    ("415", "unsupported media type"),
    ("422", "unprocessable"),
    ("429", "too many requests"),
    ("500", "internal server error"),
    ("501", "not implemented"),
    ("502", "bad gateway"),
    ("503", "service unavailable"),
    ("503", "service temporarily unavailable"),
    ("504", "gateway time"),
];

/// A status that its reason phrase follows: `401 Unauthorized`.
fn status_with_reason(text: &str) -> Option<u16> {
    let mut numbers = text.match_indices(['4', '5']).filter_map(|(at, _)| {
        let (number, rest) = text.get(at..)?.split_at_checked(3)?;
        let is_part = |next: char| next.is_ascii_alphanumeric() || matches!(next, '.' | '-' | '_');
        text.get(..at)?.chars().next_back().is_none_or(|before| !is_part(before)).then_some((number, rest))
    });
    numbers.find_map(|(number, rest)| {
        let rest = rest.strip_prefix(' ')?;
        let follows =
            |reason: &str| rest.get(..reason.len()).is_some_and(|head| head.eq_ignore_ascii_case(reason));
        let known = REASONS.iter().any(|(status, reason)| *status == number && follows(reason));
        known.then(|| number.parse().ok()).flatten()
    })
}

/// `status 401`, `status code: 401`, `response code: 401`, `HTTP/1.1 401`, `401 Unauthorized`.
fn status(text: &str) -> Option<u16> {
    named_status(text).or_else(|| status_with_reason(text))
}

fn named_status(text: &str) -> Option<u16> {
    for name in ["status", "code", "http/1.1", "http/1.0"] {
        let mut from = 0;
        while let Some(at) = text.get(from..).and_then(|rest| find(rest, name)) {
            from += at + name.len();
            let rest = text.get(from..)?;
            let gap = rest.bytes().take_while(|byte| !byte.is_ascii_digit()).take(12).count();
            let is_near = rest.get(..gap).is_some_and(|gap| {
                gap.bytes()
                    .all(|byte| matches!(byte, b' ' | b':' | b'=' | b'"' | b'\'' | b'(' | b'[' | b'-' | b'>'))
                    || contains(gap, "code")
                    || contains(gap, " is ")
                    || contains(gap, "line")
            });
            if let Some(status) = is_near.then(|| rest.get(gap..).and_then(first_status)).flatten() {
                return Some(status);
            }
        }
    }
    None
}

/// The first number of three digits that can be a status (RFC 9110, 15).
fn first_status(text: &str) -> Option<u16> {
    text.split(|next: char| !next.is_ascii_digit())
        .find(|digits| !digits.is_empty())
        .filter(|digits| digits.len() == 3)?
        .parse()
        .ok()
        .filter(|status| (100..600).contains(status))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// As JDK 17, RESTEasy with Apache HttpClient, and IOS-XE write them.
    #[test]
    #[expect(clippy::too_many_lines, reason = "a row for each sentence")]
    fn each_client_s_words_name_the_outcome() {
        for (text, outcome) in [
            ("java.net.ConnectException: Connection refused", AttemptOutcome::Refused),
            ("Caused by: java.nio.channels.ClosedChannelException", AttemptOutcome::Refused),
            ("java.net.SocketTimeoutException: Connect timed out", AttemptOutcome::ConnectTimeout),
            (
                "java.net.http.HttpConnectTimeoutException: HTTP connect timed out",
                AttemptOutcome::ConnectTimeout,
            ),
            ("java.net.http.HttpTimeoutException: request timed out", AttemptOutcome::ReadTimeout),
            ("java.net.SocketTimeoutException: Read timed out", AttemptOutcome::ReadTimeout),
            (
                "javax.net.ssl.SSLHandshakeException: Remote host terminated the handshake",
                AttemptOutcome::ClosedInHandshake,
            ),
            ("Caused by: java.net.SocketException: Connection reset", AttemptOutcome::Reset),
            ("javax.net.ssl.SSLException: Unsupported or unrecognized SSL message", AttemptOutcome::NotTls),
            (
                "javax.net.ssl.SSLException: Unrecognized SSL message, plaintext connection?",
                AttemptOutcome::NotTls,
            ),
            (
                "java.io.IOException: Unable to tunnel through proxy. Proxy returns \"HTTP/1.1 403 Forbidden\"",
                AttemptOutcome::ProxyRefused(Some(403)),
            ),
            ("java.io.IOException: Tunnel failed, got: 407", AttemptOutcome::ProxyRefused(Some(407))),
            (
                "javax.net.ssl.SSLHandshakeException: PKIX path building failed: sun.security.provider.certpath.SunCertPathBuilderException",
                AttemptOutcome::CertificateRejected,
            ),
            (
                "javax.net.ssl.SSLHandshakeException: No subject alternative DNS name matching other.lab.example found.",
                AttemptOutcome::NameMismatch,
            ),
            (
                "javax.net.ssl.SSLHandshakeException: Received fatal alert: protocol_version",
                AttemptOutcome::Alert(Some(70)),
            ),
            (
                "javax.net.ssl.SSLHandshakeException: Received fatal alert: access_denied",
                AttemptOutcome::Alert(Some(49)),
            ),
            ("java.net.UnknownHostException: no-such-host.example", AttemptOutcome::NameUnknown),
            (
                "RESTEASY004655: Unable to invoke request: org.apache.http.conn.HttpHostConnectException: Connect to ssm:8443 [ssm/10.0.0.1] failed: Connection refused",
                AttemptOutcome::Refused,
            ),
            (
                "Failed to query: status 401 {\"error\": \"invalid_client\"}",
                AttemptOutcome::Denied(Some("invalid_client")),
            ),
            ("Failed to authenticate user - 'admin'. {\"error\": \"inv", AttemptOutcome::Denied(None)),
            ("Response code: 403", AttemptOutcome::Status(403)),
            (
                "Failed to query https://10.106.66.55:8443/oauth/token: 401 Unauthorized",
                AttemptOutcome::Status(401),
            ),
            ("Server returned 503 Service Unavailable", AttemptOutcome::Status(503)),
            (
                "Communications failure : Unable to resolve server hostname/domain name",
                AttemptOutcome::NameUnknown,
            ),
            ("(ERR 207 : Connection time out)", AttemptOutcome::TimedOut),
            ("javax.net.ssl.SSLHandshakeException: x", AttemptOutcome::HandshakeFailed),
        ] {
            assert_eq!(read(text).outcome.map(|(_, outcome)| outcome), Some(outcome), "{text}");
        }
        for text in [
            "Failed to",
            "Failed to query",
            "java.net.ConnectException",
            "error 12",
            "SmartLicensingUtil.java:401",
            "404 devices",
            "port 8401 unauthorized",
            "1.401 Unauthorized",
        ] {
            assert_eq!(read(text).outcome, None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_read_without_panic(text in any::<String>(), mixed in "(https?://|Connect to |status |\"error\": \"|HTTP/1.1 |[a-zü:/\\[\\]@. 0-9]{0,6}){0,8}") {
            let _ = (read(&text), read(&mixed));
        }
    }
}
