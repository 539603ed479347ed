//! What nginx and HAProxy write about a connection.

use super::alert;
use crate::log::attempt::AttemptOutcome;
use crate::log::text::{contains, find};

/// What the words of nginx, or of HAProxy, on a connection mean for the side that opened it; `None` for lines that are no failure.
pub(in crate::log::attempt) fn nginx(text: &str) -> Option<AttemptOutcome> {
    // What follows the sentence is chosen by the client, at least in part.
    let sentence = find(text, ", client: ").and_then(|end| text.get(..end)).unwrap_or(text);
    let has = |words: &&str| contains(sentence, words);
    // Most lines are about neither, and need no further look.
    let has_ssl = has(&"ssl");
    let has_upstream = has(&"upstream");
    let is_upstream = has_upstream && ["to upstream", "from upstream", "reading upstream"].iter().any(has);
    let outcome = if has(&"client prematurely closed connection") {
        AttemptOutcome::GaveUp
    } else if has_upstream && has(&"no live upstreams") {
        AttemptOutcome::Status(502)
    } else if has(&"connect() failed")
        || has_upstream && UPSTREAM_FAULTS.iter().any(has)
        || is_upstream && TRANSPORT_FAULTS.iter().any(has)
    {
        // Another upstream server may have answered: the access line knows.
        AttemptOutcome::Failed
    } else if is_upstream {
        return None;
    } else if FILE_FAULTS.iter().all(has) || NOT_SERVED.iter().any(has) {
        // The answer may be another page: the access line knows.
        AttemptOutcome::Failed
    } else if has(&"plain http request to https port") || has(&"client sent invalid method") {
        AttemptOutcome::NotTls
    } else if let Some((_, status)) = REFUSALS.iter().find(|(words, _)| has(words)) {
        AttemptOutcome::Status(*status)
    } else if has_ssl && CLIENT_CERTIFICATE.iter().any(has) {
        AttemptOutcome::Status(400)
    } else if let Some(outcome) = has_ssl.then(|| alert(sentence)).flatten() {
        outcome
    } else if has_ssl && (has(&"ssl_do_handshake() failed") || has(&"ssl handshake failure")) {
        AttemptOutcome::HandshakeFailed
    } else if has_ssl && CLOSED_IN_HANDSHAKE.iter().any(has) {
        AttemptOutcome::ClosedInHandshake
    } else if has(&"client timed out") || has_ssl && has(&"timeout during ssl handshake") {
        AttemptOutcome::TimedOut
    } else if has(&"client closed connection while waiting for request") {
        AttemptOutcome::GaveUp
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

    /// As nginx 1.22.1 writes them.
    #[test]
    #[expect(clippy::too_many_lines, reason = "a table of lines")]
    fn nginx_s_words_name_the_outcome() {
        for (text, outcome) in [
            (
                "connect() failed (111: Connection refused) while connecting to upstream, client: 10.0.0.1",
                Some(AttemptOutcome::Failed),
            ),
            (
                "no live upstreams while connecting to upstream, client: 10.0.0.1",
                Some(AttemptOutcome::Status(502)),
            ),
            (
                "upstream timed out (110: Connection timed out) while reading response header from upstream",
                Some(AttemptOutcome::Failed),
            ),
            (
                "epoll_wait() reported that client prematurely closed connection, so upstream connection is closed too",
                Some(AttemptOutcome::GaveUp),
            ),
            (
                "SSL_do_handshake() failed (SSL: error:0A000416:SSL routines::sslv3 alert certificate unknown:SSL alert number 46) while SSL handshaking",
                Some(AttemptOutcome::Alert(Some(46))),
            ),
            (
                "SSL_do_handshake() failed (SSL: error:0A000102:SSL routines::unsupported protocol) while SSL handshaking",
                Some(AttemptOutcome::HandshakeFailed),
            ),
            (
                "peer closed connection in SSL handshake while SSL handshaking",
                Some(AttemptOutcome::ClosedInHandshake),
            ),
            (
                "client sent plain HTTP request to HTTPS port while reading client request headers",
                Some(AttemptOutcome::NotTls),
            ),
            (
                "SSL_do_handshake() failed (SSL: error:0A000410:SSL routines::sslv3 alert handshake failure:SSL alert number 40) while SSL handshaking to upstream, client: 10.0.0.1",
                Some(AttemptOutcome::Failed),
            ),
            (
                "peer closed connection in SSL handshake (104: Connection reset by peer) while SSL handshaking to upstream, client: 10.0.0.1",
                Some(AttemptOutcome::Failed),
            ),
            (
                "recv() failed (104: Connection reset by peer) while reading response header from upstream, client: 10.0.0.1",
                Some(AttemptOutcome::Failed),
            ),
            (
                "upstream sent too big header while reading response header from upstream, client: 10.0.0.1",
                Some(AttemptOutcome::Failed),
            ),
            (
                "an upstream response is buffered to a temporary file /x/1 while reading upstream, client: 10.0.0.1",
                None,
            ),
            ("user \"ops\": password mismatch, client: 10.0.0.1", Some(AttemptOutcome::Status(401))),
            (
                "user \"ops\" was not found in \"/etc/nginx/users\", client: 10.0.0.1",
                Some(AttemptOutcome::Status(401)),
            ),
            ("access forbidden by rule, client: 10.0.0.1", Some(AttemptOutcome::Status(403))),
            (
                "client SSL certificate verify error: (10:certificate has expired) while reading client request headers, client: 10.0.0.1",
                Some(AttemptOutcome::Status(400)),
            ),
            (
                "open() \"/srv/x\" failed (2: No such file or directory), client: 10.0.0.1, request: \"GET /x HTTP/1.1\"",
                Some(AttemptOutcome::Failed),
            ),
            ("directory index of \"/srv/\" is forbidden, client: 10.0.0.1", Some(AttemptOutcome::Failed)),
            (
                "access of /?connect()%20failed, client: 10.0.0.1, request: \"GET /?connect()%20failed HTTP/1.1\", referrer: \"connect() failed\"",
                None,
            ),
            ("upstream timed out (110", Some(AttemptOutcome::Failed)),
            ("fe_https/1: SSL handshake failure", Some(AttemptOutcome::HandshakeFailed)),
            ("fe_https/1: Connection closed during SSL handshake", Some(AttemptOutcome::ClosedInHandshake)),
            ("client 10.106.66.1 closed keepalive connection", None),
        ] {
            assert_eq!(nginx(text), outcome, "{text}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_read_without_panic(text in any::<String>(), mixed in "(https?://|Connect to |status |\"error\": \"|HTTP/1.1 |[a-zü:/\\[\\]@. 0-9]{0,6}){0,8}") {
            let _ = (nginx(&text), nginx(&mixed));
        }
    }
}
