//! What the words of an error name: the outcome, a status, a server.
//!
//! The words are those of Java's two HTTP clients (`HttpsURLConnection` and `java.net.http`), of Apache HttpClient as RESTEasy wraps it,
//! of nginx with OpenSSL, and of Cisco's devices. The two clients of Java name some faults differently, and one of their messages is a
//! trap: `HTTP connect timed out` of `java.net.http` counts the TLS handshake as connecting.

use std::net::IpAddr;
use std::sync::LazyLock;

use super::Outcome;
use crate::log::text::{contains, find};

/// What one text names.
#[derive(Clone, Default, PartialEq, Eq, Debug)]
pub(super) struct WordsRead<'a> {
    /// The outcome, and how exactly the words name it: a cause that is named more exactly counts more.
    pub outcome: Option<(u8, Outcome)>,
    /// The HTTP status.
    pub status: Option<u16>,
    /// The server that the text names.
    pub server: Named<'a>,
}

/// A server as a text names it.
#[derive(Clone, Copy, Default, PartialEq, Eq, Debug)]
pub(super) struct Named<'a> {
    pub host: Option<&'a str>,
    pub ip: Option<IpAddr>,
    pub port: Option<u16>,
}

/// Lower-case words, how exactly they name the outcome, and the outcome.
const PHRASES: &[(&str, u8, Outcome)] = &[
    ("unknownhostexception", 9, Outcome::NameUnknown),
    ("unresolvedaddressexception", 9, Outcome::NameUnknown),
    ("name or service not known", 9, Outcome::NameUnknown),
    ("temporary failure in name resolution", 9, Outcome::NameUnknown),
    ("unable to resolve server hostname", 9, Outcome::NameUnknown),
    ("no subject alternative", 9, Outcome::NameMismatch),
    ("no name matching", 9, Outcome::NameMismatch),
    ("doesn't match any of the subject alternative names", 9, Outcome::NameMismatch),
    ("hostname in certificate didn't match", 9, Outcome::NameMismatch),
    ("unrecognized ssl message", 9, Outcome::NotTls),
    ("pkix path", 8, Outcome::CertificateRejected),
    ("unable to find valid certification path", 8, Outcome::CertificateRejected),
    ("certpathvalidatorexception", 8, Outcome::CertificateRejected),
    ("cert cannot be validated", 8, Outcome::CertificateRejected),
    ("certificateexpiredexception", 8, Outcome::CertificateRejected),
    ("connection refused", 8, Outcome::Refused),
    ("no route to host", 8, Outcome::Unreachable),
    ("network is unreachable", 8, Outcome::Unreachable),
    ("host is unreachable", 8, Outcome::Unreachable),
    ("connect timed out", 8, Outcome::ConnectTimeout),
    ("connection timed out", 8, Outcome::ConnectTimeout),
    ("connecttimeoutexception", 7, Outcome::ConnectTimeout),
    ("read timed out", 8, Outcome::ReadTimeout),
    ("request timed out", 7, Outcome::ReadTimeout),
    ("connection reset", 8, Outcome::Reset),
    ("broken pipe", 6, Outcome::Reset),
    ("remote host terminated the handshake", 7, Outcome::ClosedInHandshake),
    ("remote host closed connection during handshake", 7, Outcome::ClosedInHandshake),
    ("ssl peer shut down incorrectly", 7, Outcome::ClosedInHandshake),
    ("unexpected end of file from server", 8, Outcome::EmptyAnswer),
    ("nohttpresponseexception", 8, Outcome::EmptyAnswer),
    ("header parser received no bytes", 8, Outcome::EmptyAnswer),
    ("received empty response", 8, Outcome::EmptyAnswer),
    ("connection time out", 7, Outcome::TimedOut),
    ("sockettimeoutexception", 5, Outcome::TimedOut),
    ("closedchannelexception", 5, Outcome::Refused),
    ("sslhandshakeexception", 4, Outcome::HandshakeFailed),
    ("sslexception", 3, Outcome::HandshakeFailed),
    ("certificateexception", 3, Outcome::CertificateRejected),
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
        reading.take(if outcome == Outcome::Denied(None) { 6 } else { 7 }, outcome);
    }
    match reading.status {
        Some(number @ 400..) => reading.take(6, Outcome::Status(number)),
        Some(_) => reading.take(1, Outcome::Succeeded),
        None => {}
    }
    reading
}

impl WordsRead<'_> {
    /// Takes an outcome that is named more exactly than the one before.
    fn take(&mut self, rank: u8, outcome: Outcome) {
        if self.outcome.is_none_or(|(best, _)| rank > best) {
            self.outcome = Some((rank, outcome));
        }
    }
}

/// The phrases in a text, in one pass: at each letter only those are compared that begin with it.
fn phrases(text: &str) -> impl Iterator<Item = (u8, Outcome)> {
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
fn alert(text: &str) -> Option<Outcome> {
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
        return Some(Outcome::Alert(number));
    }
    let at = find(text, "ssl alert number ")?;
    let digits = text[at + "ssl alert number ".len()..].split(|next: char| !next.is_ascii_digit()).next()?;
    Some(Outcome::Alert(digits.parse().ok()))
}

/// `Unable to tunnel through proxy. Proxy returns "HTTP/1.1 407 ..."`, `Tunnel failed, got: 403`.
fn proxy(text: &str) -> Option<Outcome> {
    let at = find(text, "unable to tunnel through proxy").or_else(|| find(text, "tunnel failed, got: "))?;
    let rest = &text[at..];
    let rest = find(rest, "http/1.").and_then(|at| rest.get(at + 8..)).unwrap_or(rest);
    Some(Outcome::ProxyRefused(first_status(rest)))
}

/// The error code of an OAuth answer; of one that is cut off in the middle of it, that there is one.
fn oauth(text: &str) -> Option<Outcome> {
    if text.contains('_')
        && let Some(error) = OAUTH_ERRORS.iter().find(|error| names(text, error))
    {
        return Some(Outcome::Denied(Some(error)));
    }
    let at = find(text, "\"error\"")?;
    let value = text.get(at + 7..)?.trim_start_matches([' ', ':', '=', '>']);
    let begun = value.strip_prefix('"')?;
    (!begun.contains('"') && OAUTH_ERRORS.iter().any(|error| error.starts_with(begun)))
        .then_some(Outcome::Denied(None))
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

/// `status 401`, `status code: 401`, `response code: 401`, `HTTP/1.1 401`.
fn status(text: &str) -> Option<u16> {
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

/// The server of Apache's `Connect to HOST:PORT [HOST/IP] failed`.
fn connect_to(text: &str) -> Option<Named<'_>> {
    let rest = &text[find(text, "connect to ")? + "connect to ".len()..];
    let (target, behind) = rest.split_once(' ')?;
    let (host, port) = target.rsplit_once(':')?;
    let inside = behind.strip_prefix('[').and_then(|behind| behind.split_once(']')).map(|(inside, _)| inside);
    // Several addresses stand there separated by commas; each was tried, so none is the server.
    let ip = inside
        .filter(|inside| !inside.contains(','))
        .and_then(|inside| inside.rsplit_once('/'))
        .and_then(|(_, ip)| ip.parse().ok());
    Some(named(host, port.parse().ok(), ip))
}

/// The server of an URL.
fn url(text: &str) -> Option<Named<'_>> {
    text.contains("://").then_some(())?;
    let scheme = find(text, "https://").map(|at| (at + 8, 443));
    let (at, usual) = scheme.or_else(|| find(text, "http://").map(|at| (at + 7, 80)))?;
    let rest = text.get(at..)?;
    let end = rest.find(['/', '?', '#', ' ', '"', '\'', '>', ')', ',', ']']);
    let end = if rest.starts_with('[') {
        rest.find(']').map(|close| {
            close + rest[close..].find(['/', '?', ' ', '"', '\'', ',']).unwrap_or(rest.len() - close)
        })
    } else {
        end
    };
    let authority = rest.get(..end.unwrap_or(rest.len()))?;
    let authority = authority.rsplit('@').next()?;
    // Cut off before the port, the port is not known.
    let is_whole = end.is_some();
    let (host, port) = match authority.rsplit_once(':') {
        Some((host, port)) if !port.ends_with(']') => (host, port.parse().ok().filter(|_| is_whole)),
        _ => (authority, is_whole.then_some(usual)),
    };
    (!host.is_empty() && is_whole).then(|| named(host, port, None))
}

/// The server of an exception that has nothing but the name.
fn unknown_host(text: &str) -> Option<Named<'_>> {
    let at = find(text, "unknownhostexception: ")? + "unknownhostexception: ".len();
    let host = text[at..].split([' ', ':', ',', '"', ')']).next()?;
    (!host.is_empty()).then(|| named(host, None, None))
}

fn named(host: &str, port: Option<u16>, ip: Option<IpAddr>) -> Named<'_> {
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    let own = bare.parse().ok();
    Named { host: own.is_none().then_some(host), ip: ip.or(own), port }
}

/// What the words of nginx, or of HAProxy, on a connection mean for whoever opened it; `None` for lines that are no failure.
pub(super) fn nginx(text: &str) -> Option<Outcome> {
    // What follows the sentence is chosen by the client, at least in part.
    let sentence = find(text, ", client: ").and_then(|end| text.get(..end)).unwrap_or(text);
    let has = |words: &&str| contains(sentence, words);
    // Most lines are about neither, and need no further look.
    let has_ssl = has(&"ssl");
    let has_upstream = has(&"upstream");
    let is_upstream = has_upstream && ["to upstream", "from upstream", "reading upstream"].iter().any(has);
    let outcome = if has(&"client prematurely closed connection") {
        Outcome::GaveUp
    } else if has_upstream && has(&"no live upstreams") {
        Outcome::Status(502)
    } else if has(&"connect() failed")
        || has_upstream && UPSTREAM_FAULTS.iter().any(has)
        || is_upstream && TRANSPORT_FAULTS.iter().any(has)
    {
        // Another upstream server may have answered: the access line knows.
        Outcome::Failed
    } else if is_upstream {
        return None;
    } else if FILE_FAULTS.iter().all(has) || NOT_SERVED.iter().any(has) {
        // The answer may be another page: the access line knows.
        Outcome::Failed
    } else if has(&"plain http request to https port") || has(&"client sent invalid method") {
        Outcome::NotTls
    } else if let Some((_, status)) = REFUSALS.iter().find(|(words, _)| has(words)) {
        Outcome::Status(*status)
    } else if has_ssl && CLIENT_CERTIFICATE.iter().any(has) {
        Outcome::Status(400)
    } else if let Some(outcome) = has_ssl.then(|| alert(sentence)).flatten() {
        outcome
    } else if has_ssl && (has(&"ssl_do_handshake() failed") || has(&"ssl handshake failure")) {
        Outcome::HandshakeFailed
    } else if has_ssl && CLOSED_IN_HANDSHAKE.iter().any(has) {
        Outcome::ClosedInHandshake
    } else if has(&"client timed out") || has_ssl && has(&"timeout during ssl handshake") {
        Outcome::TimedOut
    } else if has(&"client closed connection while waiting for request") {
        Outcome::GaveUp
    } else {
        return None;
    };
    Some(outcome)
}

/// Words of nginx that name a fault of the server behind it.
const UPSTREAM_FAULTS: [&str; 7] = [
    "upstream timed out",
    "upstream prematurely closed",
    "upstream server temp",
    "upstream sent too big header",
    "upstream sent no valid",
    "upstream sent invalid header",
    "upstream ssl certificate",
];

/// Words of nginx that name a fault of whichever connection they are about.
const TRANSPORT_FAULTS: [&str; 7] = [
    "ssl_do_handshake() failed",
    "peer closed connection in ssl handshake",
    "recv() failed",
    "send() failed",
    "writev() failed",
    "ssl_read() failed",
    "ssl_write() failed",
];

/// Words of nginx, all of them, for a file that it can't open to serve it.
const FILE_FAULTS: [&str; 2] = ["open() \"", "\" failed ("];

/// Words of nginx for a request that it does not serve.
const NOT_SERVED: [&str; 5] = [
    "directory index of \"",
    "client intended to send too large body",
    "limiting requests, excess",
    "limiting connections by zone",
    "rewrite or internal redirection cycle",
];

/// Words with which nginx refuses a request, and the status that it answers.
const REFUSALS: [(&str, u16); 3] =
    [(": password mismatch", 401), ("\" was not found in \"", 401), ("access forbidden by rule", 403)];

/// Words with which nginx refuses a client's certificate, or the want of one; it answers 400.
const CLIENT_CERTIFICATE: [&str; 2] =
    ["client ssl certificate verify error", "client sent no required ssl certificate"];

/// Words of nginx, and of HAProxy, for a client that closed during the handshake.
const CLOSED_IN_HANDSHAKE: [&str; 3] = [
    "peer closed connection in ssl handshake",
    "client closed connection while ssl handshaking",
    "connection closed during ssl handshake",
];

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// As JDK 17, RESTEasy with Apache HttpClient, and IOS-XE write them.
    #[test]
    fn each_client_s_words_name_the_outcome() {
        for (text, outcome) in [
            ("java.net.ConnectException: Connection refused", Outcome::Refused),
            ("Caused by: java.nio.channels.ClosedChannelException", Outcome::Refused),
            ("java.net.SocketTimeoutException: Connect timed out", Outcome::ConnectTimeout),
            ("java.net.http.HttpConnectTimeoutException: HTTP connect timed out", Outcome::ConnectTimeout),
            ("java.net.http.HttpTimeoutException: request timed out", Outcome::ReadTimeout),
            ("java.net.SocketTimeoutException: Read timed out", Outcome::ReadTimeout),
            (
                "javax.net.ssl.SSLHandshakeException: Remote host terminated the handshake",
                Outcome::ClosedInHandshake,
            ),
            ("Caused by: java.net.SocketException: Connection reset", Outcome::Reset),
            ("javax.net.ssl.SSLException: Unsupported or unrecognized SSL message", Outcome::NotTls),
            ("javax.net.ssl.SSLException: Unrecognized SSL message, plaintext connection?", Outcome::NotTls),
            (
                "java.io.IOException: Unable to tunnel through proxy. Proxy returns \"HTTP/1.1 403 Forbidden\"",
                Outcome::ProxyRefused(Some(403)),
            ),
            ("java.io.IOException: Tunnel failed, got: 407", Outcome::ProxyRefused(Some(407))),
            (
                "javax.net.ssl.SSLHandshakeException: PKIX path building failed: sun.security.provider.certpath.SunCertPathBuilderException",
                Outcome::CertificateRejected,
            ),
            (
                "javax.net.ssl.SSLHandshakeException: No subject alternative DNS name matching other.lab.example found.",
                Outcome::NameMismatch,
            ),
            (
                "javax.net.ssl.SSLHandshakeException: Received fatal alert: protocol_version",
                Outcome::Alert(Some(70)),
            ),
            (
                "javax.net.ssl.SSLHandshakeException: Received fatal alert: access_denied",
                Outcome::Alert(Some(49)),
            ),
            ("java.net.UnknownHostException: no-such-host.example", Outcome::NameUnknown),
            (
                "RESTEASY004655: Unable to invoke request: org.apache.http.conn.HttpHostConnectException: Connect to ssm:8443 [ssm/10.0.0.1] failed: Connection refused",
                Outcome::Refused,
            ),
            (
                "Failed to query: status 401 {\"error\": \"invalid_client\"}",
                Outcome::Denied(Some("invalid_client")),
            ),
            ("Failed to authenticate user - 'admin'. {\"error\": \"inv", Outcome::Denied(None)),
            ("Response code: 403", Outcome::Status(403)),
            ("Communications failure : Unable to resolve server hostname/domain name", Outcome::NameUnknown),
            ("(ERR 207 : Connection time out)", Outcome::TimedOut),
            ("javax.net.ssl.SSLHandshakeException: x", Outcome::HandshakeFailed),
        ] {
            assert_eq!(read(text).outcome.map(|(_, outcome)| outcome), Some(outcome), "{text}");
        }
        for text in [
            "Failed to",
            "Failed to query",
            "java.net.ConnectException",
            "error 12",
            "SmartLicensingUtil.java:401",
        ] {
            assert_eq!(read(text).outcome, None, "{text}");
        }
    }

    #[test]
    fn a_server_is_found_in_urls_and_exceptions() {
        let ip = |text: &str| Some(text.parse::<IpAddr>().expect("an address"));
        for (text, host, address, port) in [
            ("Query https://ssm.example:8443/oauth/token", Some("ssm.example"), None, Some(8443)),
            ("Query https://10.106.66.55/oauth", None, ip("10.106.66.55"), Some(443)),
            ("Query https://[2001:db8::1]:8443/oauth", None, ip("2001:db8::1"), Some(8443)),
            ("Query https://u:p@ssm.example:8443/", Some("ssm.example"), None, Some(8443)),
            ("Query https://ssm.examp", None, None, None),
            (
                "Connect to ssm.example:8443 [ssm.example/10.0.0.1] failed: Connection refused",
                Some("ssm.example"),
                ip("10.0.0.1"),
                Some(8443),
            ),
            ("Connect to ssm:8443 [ssm/10.0.0.1, ssm/10.0.0.2] failed: x", Some("ssm"), None, Some(8443)),
            ("java.net.UnknownHostException: no-such-host.example", Some("no-such-host.example"), None, None),
            ("nothing", None, None, None),
        ] {
            assert_eq!(read(text).server, Named { host, ip: address, port }, "{text}");
        }
    }

    /// As nginx 1.22.1 writes them.
    #[test]
    #[expect(clippy::too_many_lines, reason = "a table of lines")]
    fn nginx_s_words_name_the_outcome() {
        for (text, outcome) in [
            (
                "connect() failed (111: Connection refused) while connecting to upstream, client: 10.0.0.1",
                Some(Outcome::Failed),
            ),
            ("no live upstreams while connecting to upstream, client: 10.0.0.1", Some(Outcome::Status(502))),
            (
                "upstream timed out (110: Connection timed out) while reading response header from upstream",
                Some(Outcome::Failed),
            ),
            (
                "epoll_wait() reported that client prematurely closed connection, so upstream connection is closed too",
                Some(Outcome::GaveUp),
            ),
            (
                "SSL_do_handshake() failed (SSL: error:0A000416:SSL routines::sslv3 alert certificate unknown:SSL alert number 46) while SSL handshaking",
                Some(Outcome::Alert(Some(46))),
            ),
            (
                "SSL_do_handshake() failed (SSL: error:0A000102:SSL routines::unsupported protocol) while SSL handshaking",
                Some(Outcome::HandshakeFailed),
            ),
            (
                "peer closed connection in SSL handshake while SSL handshaking",
                Some(Outcome::ClosedInHandshake),
            ),
            (
                "client sent plain HTTP request to HTTPS port while reading client request headers",
                Some(Outcome::NotTls),
            ),
            (
                "SSL_do_handshake() failed (SSL: error:0A000410:SSL routines::sslv3 alert handshake failure:SSL alert number 40) while SSL handshaking to upstream, client: 10.0.0.1",
                Some(Outcome::Failed),
            ),
            (
                "peer closed connection in SSL handshake (104: Connection reset by peer) while SSL handshaking to upstream, client: 10.0.0.1",
                Some(Outcome::Failed),
            ),
            (
                "recv() failed (104: Connection reset by peer) while reading response header from upstream, client: 10.0.0.1",
                Some(Outcome::Failed),
            ),
            (
                "upstream sent too big header while reading response header from upstream, client: 10.0.0.1",
                Some(Outcome::Failed),
            ),
            (
                "an upstream response is buffered to a temporary file /x/1 while reading upstream, client: 10.0.0.1",
                None,
            ),
            ("user \"ops\": password mismatch, client: 10.0.0.1", Some(Outcome::Status(401))),
            (
                "user \"ops\" was not found in \"/etc/nginx/users\", client: 10.0.0.1",
                Some(Outcome::Status(401)),
            ),
            ("access forbidden by rule, client: 10.0.0.1", Some(Outcome::Status(403))),
            (
                "client SSL certificate verify error: (10:certificate has expired) while reading client request headers, client: 10.0.0.1",
                Some(Outcome::Status(400)),
            ),
            (
                "open() \"/srv/x\" failed (2: No such file or directory), client: 10.0.0.1, request: \"GET /x HTTP/1.1\"",
                Some(Outcome::Failed),
            ),
            ("directory index of \"/srv/\" is forbidden, client: 10.0.0.1", Some(Outcome::Failed)),
            (
                "access of /?connect()%20failed, client: 10.0.0.1, request: \"GET /?connect()%20failed HTTP/1.1\", referrer: \"connect() failed\"",
                None,
            ),
            ("upstream timed out (110", Some(Outcome::Failed)),
            ("fe_https/1: SSL handshake failure", Some(Outcome::HandshakeFailed)),
            ("fe_https/1: Connection closed during SSL handshake", Some(Outcome::ClosedInHandshake)),
            ("client 10.106.66.1 closed keepalive connection", None),
        ] {
            assert_eq!(nginx(text), outcome, "{text}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_read_without_panic(text in any::<String>(), mixed in "(https?://|Connect to |status |\"error\": \"|HTTP/1.1 |[a-zü:/\\[\\]@. 0-9]{0,6}){0,8}") {
            let _ = (read(&text), nginx(&text), read(&mixed), nginx(&mixed));
        }
    }
}
