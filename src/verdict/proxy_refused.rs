//! The proxy answered CONNECT with an error.

use super::{Actor, Rule, Settings, Severity, Verdict};
use crate::story::Story;

/// `proxy-refused`.
pub(super) const RULE: Rule = Rule {
    code: "proxy-refused",
    severity: Severity::Critical,
    summary: "the proxy answered CONNECT with an error status",
    page: include_str!("../../docs/verdicts/proxy-refused.md"),
    judge,
};

fn judge(story: &Story, _: &Settings) -> Option<Verdict> {
    let answer = story.proxy_answer.as_ref()?;
    let request = story.plain.client.as_ref()?;
    let status = answer.what;
    // RFC 9110, 9.3.6: only a 2xx answer opens the tunnel; 1xx is not an answer yet.
    if status < 300 || story.tls.client_hello.is_some() {
        return None;
    }
    let (why, advice) = match status {
        407 => (
            "it wants a user name and password first (RFC 9110, 15.5.8)",
            "Configure the proxy's credentials on the client.",
        ),
        403 => (
            "its policy forbids this target (RFC 9110, 15.5.4)",
            "Ask the proxy's owner to allow the server's name and port.",
        ),
        502 | 503 => (
            "it could not reach the server itself (RFC 9110, 15.6.3)",
            "Look from the proxy: name resolution, route and port of the server.",
        ),
        504 => (
            "the server did not answer it in time (RFC 9110, 15.6.5)",
            "Look from the proxy: a firewall between it and the server.",
        ),
        _ => ("its status says why", "Read the proxy's log at that time."),
    };
    Some(
        Verdict::new(&RULE, Actor::Server, story.basis.max(answer.basis), format!("the proxy answered CONNECT with status {status}"))
            .cause(status.to_string())
            .explain(format!(
                "The client asked the proxy for a tunnel (\"{}\"), and the proxy refused: {why}. No packet of the client \
                 went to the licence server.",
                request.what.line.escape_debug()
            ))
            .reported(&["java.io.IOException: Unable to tunnel through proxy. Proxy returns \"HTTP/1.1 ...\"", "curl: (56) CONNECT tunnel failed"])
            .proved_by([request.moment.number, answer.moment.number])
            .advise(&[advice, "If the licence server needs no proxy, add it to the client's exceptions."]),
    )
}
