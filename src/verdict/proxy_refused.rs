//! The proxy refused the tunnel: CONNECT with an error status, SOCKS with a reply other than success.

use std::borrow::Cow;

use super::{Actor, Code, JudgementSettings, Rule, Severity, Verdict};
use crate::story::{EndingKind, PreludeFacts, Story};
use crate::tcp::Role;
use crate::tls::{Prelude, PreludeStep, Refusal};

/// `proxy-refused`.
pub(super) const RULE: Rule = Rule {
    code: Code::ProxyRefused,
    severity: Severity::Critical,
    summary: "the proxy refused the tunnel that the client asked for",
    page: include_str!("../../docs/verdicts/proxy-refused.md"),
    judge,
};

fn judge(story: &Story, settings: &JudgementSettings) -> Option<Verdict> {
    let prelude = story.prelude.as_ref().filter(|prelude| prelude.protocol.is_proxy())?;
    if story.tls.client_hello.is_some() {
        return None;
    }
    let Some(refusal) = prelude.refusal() else { return unanswered(story, prelude) };
    if story.may_answer_challenge(settings.stall_after) {
        return None;
    }
    let protocol = prelude.protocol;
    let code = refusal.what.code.map(|code| code.to_string());
    let (asked, headline, Advice { why, next }) = match (protocol, &code) {
        (Prelude::Connect, _) => {
            let line =
                story.plain.client.as_ref().map(|observed| observed.what.line.escape_debug().to_string());
            let asked = line.map(|line| format!(" (\"{line}\")")).unwrap_or_default();
            let headline =
                format!("the proxy answered CONNECT with status {}", code.clone().unwrap_or_default());
            (asked, headline, on_status(refusal.what))
        }
        (_, Some(code)) => {
            let advice = on_reply(protocol, refusal.what);
            let headline = format!("the proxy refused the {protocol} request with {code}: {}", advice.why);
            (format!(" by {protocol}"), headline, advice)
        }
        (_, None) => {
            let headline = format!("the proxy rejected the user name or the password ({protocol})");
            (format!(" by {protocol}"), headline, on_reply(protocol, refusal.what))
        }
    };
    let basis = story.basis.max(refusal.basis);
    // What 407 asks for, the client has to send.
    let actor = if refusal.what.code == Some(407) { Actor::Client } else { Actor::Path };
    let verdict = Verdict::new(&RULE, actor, basis, headline);
    let cause = code.map(|code| if protocol == Prelude::Connect { code } else { format!("socks-{code}") });
    let verdict = Verdict {
        client_reports: reports(story, protocol, refusal.what),
        cause: cause.map(Into::into),
        ..verdict
    };
    Some(
        verdict
            .explain(format!(
                "The client asked the proxy for a tunnel{asked}, and the proxy refused: {why}. No packet of the client \
                 went to the licence server."
            ))
            .proved_by([prelude.asked.number, refusal.moment.number])
            .advise(&[next, "If the licence server needs no proxy, add it to the client's exceptions."]),
    )
}

/// The proxy closed instead of answering, or answered with something else.
fn unanswered(story: &Story, prelude: &PreludeFacts) -> Option<Verdict> {
    let first = story.endings.first()?;
    let is_asked = matches!(prelude.latest.what, PreludeStep::Asked);
    let asked = prelude.latest.moment.number;
    let answer = story.data.server.last.filter(|last| story.order.is_after(last.number, asked));
    let is_closed = first.by == Role::Server
        && first.what == EndingKind::Fin
        && story.order.is_after(first.moment.number, asked);
    if !is_asked || story.missing.answer.is_some() || story.one_sided().is_some() {
        return None;
    }
    let (headline, why) = match (answer, cut_status_line(story)) {
        (Some(_), _) if matches!(first.what, EndingKind::Silence(_)) => return None,
        (Some(_), Some(line)) => (
            format!("the proxy did not open the tunnel: its answer begins \"{}\"", line.escape_debug()),
            "The client asked for a tunnel and left after the proxy's answer, without a ClientHello. The capture cuts the status off.",
        ),
        (Some(_), None) => (
            format!(
                "the proxy answered the request for a tunnel with something that is not {}",
                prelude.protocol
            ),
            "The client asked for a tunnel, and the reply is not of that protocol: no proxy of this kind listens there.",
        ),
        (None, _) if is_closed => (
            "the proxy closed the connection instead of opening the tunnel".to_owned(),
            "The client asked for a tunnel, and the proxy closed the connection in an orderly way without a reply: it is \
             not a proxy of this kind, it refuses this client or this target, or it failed.",
        ),
        (None, _) => return None,
    };
    Some(
        Verdict::new(&RULE, Actor::Path, story.basis.max(prelude.latest.basis), headline)
            .explain(format!("{why} On this connection no packet went to the licence server."))
            .reported(match prelude.protocol {
                Prelude::Connect => &[
                    "java.net.SocketException: Unexpected end of file from server",
                    "curl: (56) Proxy CONNECT aborted",
                ],
                _ => &[
                    "java.net.SocketException: Malformed reply from SOCKS server",
                    "curl: (97) connection to proxy closed",
                ],
            })
            .proved_by([asked, first.moment.number])
            .proved_by(answer.map(|moment| moment.number))
            .advise(&[
                "Compare the client's proxy settings (address, port and kind) with the proxy's.",
                "Read the proxy's log at that time.",
            ]),
    )
}

/// The status line of a proxy's answer where the capture cuts it off inside the status.
fn cut_status_line(story: &Story) -> Option<&str> {
    let is_connect = story.prelude.as_ref().is_some_and(|prelude| prelude.protocol == Prelude::Connect);
    let line = story.plain.server.as_ref().map(|answer| answer.what.line.as_str())?;
    (is_connect && line.starts_with("HTTP/") && story.traffic.counters.server.cut_bytes > 0).then_some(line)
}

/// What a refusal means, and what to do.
struct Advice {
    why: &'static str,
    next: &'static str,
}

/// What clients report: Java's `HttpURLConnection` and `SocksSocketImpl`, and curl.
fn reports(story: &Story, protocol: Prelude, refusal: Refusal) -> Vec<Cow<'static, str>> {
    let code = refusal.code.map(|code| code.to_string()).unwrap_or_default();
    let socks = |version: u8, error: &'static str| {
        vec![
            format!("java.net.SocketException: {error}").into(),
            format!("curl: (97) Can't complete SOCKS{version} connection").into(),
        ]
    };
    match protocol {
        Prelude::Connect => {
            let answer = story.plain.server.as_ref().map(|answer| &answer.what.line);
            let line = answer.filter(|line| line.starts_with("HTTP/")).map_or_else(
                || format!(" ({code})"),
                |line| format!(". Proxy returns \"{}\"", line.escape_debug()),
            );
            vec![
                format!("java.io.IOException: Unable to tunnel through proxy{line}").into(),
                format!("curl: (56) CONNECT tunnel failed, response {code}").into(),
            ]
        }
        Prelude::Socks4 => socks(
            4,
            match refusal.code {
                Some(92) => "SOCKS server couldn't reach destination",
                Some(93) => "SOCKS authentication failed",
                _ => "SOCKS request rejected",
            },
        ),
        _ if refusal.code.is_none() => vec![
            "java.net.SocketException: SOCKS : authentication failed".into(),
            "curl: (97) User was rejected by the SOCKS5 server".into(),
        ],
        _ => socks(
            5,
            match refusal.code {
                Some(2) => "SOCKS: Connection not allowed by ruleset",
                Some(3) => "SOCKS: Network unreachable",
                Some(4) => "SOCKS: Host unreachable",
                Some(5) => "SOCKS: Connection refused",
                Some(6) => "SOCKS: TTL expired",
                Some(7) => "SOCKS: Command not supported",
                Some(8) => "SOCKS: address type not supported",
                Some(255) => "SOCKS : No acceptable methods",
                _ => "SOCKS server general failure",
            },
        ),
    }
}

fn on_status(refusal: Refusal) -> Advice {
    let (why, next) = match refusal.code {
        Some(407) => (
            "it requires authentication (RFC 9110, 15.5.8)",
            "Configure the proxy's credentials on the client.",
        ),
        Some(403) => (
            "its policy forbids this target (RFC 9110, 15.5.4)",
            "Ask the proxy's owner to allow the server's name and port.",
        ),
        Some(502 | 503) => (
            "it could not reach the server itself (RFC 9110, 15.6.3)",
            "On the proxy, check name resolution, route and port of the server.",
        ),
        Some(504) => (
            "the server did not answer it in time (RFC 9110, 15.6.5)",
            "On the proxy, look for a firewall between it and the server.",
        ),
        _ => (refusal.reason, "Read the proxy's log at that time."),
    };
    Advice { why, next }
}

fn on_reply(protocol: Prelude, refusal: Refusal) -> Advice {
    let next = match (protocol, refusal.code) {
        (Prelude::Socks5, Some(255) | None) | (Prelude::Socks4, Some(92 | 93)) => {
            "Configure the proxy's user name and password on the client."
        }
        (Prelude::Socks5, Some(2)) => "Ask the proxy's owner to allow the server's name and port.",
        (Prelude::Socks5, Some(3..=6)) => {
            "On the proxy, check name resolution, route and port of the server, and firewalls on the path."
        }
        _ => "Read the proxy's log at that time.",
    };
    Advice { why: refusal.reason, next }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::story::script::talk::{self, Talk};
    use crate::story::{Observed, PreludeFacts, Stage};
    use crate::tcp::Role::{Client, Server};
    use crate::tls::{Basis, PlainKind, PreludeStep};

    /// A proxy asked by this protocol in packet 4 refuses in packet 5.
    fn refused(protocol: Prelude, code: u16) -> Story {
        let line = "CONNECT ssm.example:8443 HTTP/1.1";
        let story = Story::at(Stage::TcpEstablished).on_port(3128).sends(Client, PlainKind::Connect, line);
        story.but(|story| {
            let (asked, moment) = (story.last, story.next(Server));
            let what = PreludeStep::Refused(Refusal { code: Some(code), reason: "its code says why" });
            let latest = Observed { what, moment, basis: Basis::Decoded };
            story.prelude = Some(PreludeFacts {
                protocol,
                asked,
                latest,
                client_bytes: 0,
                is_unlisted: false,
                slowest_reply: None,
                slowest_request: None,
            });
        })
    }

    #[test]
    fn the_status_or_reply_is_the_cause() {
        let status = refused(Prelude::Connect, 407).more(9_000).verdict();
        assert_eq!(refused(Prelude::Connect, 407).more(500).verdict().code, "in-progress");
        assert_eq!(status.is(), ("proxy-refused", Actor::Client, Some("407")));
        assert_eq!(status.evidence, [4, 5]);
        assert!(status.mentions("CONNECT ssm.example:8443") && status.mentions("credentials"));
        assert!(!status.mentions("SOCKS"));
        let reply = refused(Prelude::Socks5, 2).verdict();
        assert_eq!(reply.is(), ("proxy-refused", Actor::Path, Some("socks-2")));
        assert!(reply.mentions("SOCKS5") && !reply.mentions("CONNECT tunnel"));
        assert!(reply.client_reports[0].ends_with("not allowed by ruleset"), "{:?}", reply.client_reports);
        assert!(status.client_reports[1].ends_with("response 407"), "{:?}", status.client_reports);
        let all = status.client_reports.iter().chain(&reply.client_reports);
        assert!(all.into_iter().all(|report| !report.contains("...")), "no placeholder is left");
    }

    #[test]
    fn a_server_that_declines_starttls_is_no_proxy_and_tls_after_the_refusal_undoes_it() {
        assert_eq!(refused(Prelude::Smtp, 454).fin(Client).verdict().code, "not-tls");
        let talk = talk::socks5(5).say(Client, &talk::client_hello());
        assert_ne!(talk.code(0), "proxy-refused");
    }

    #[test]
    fn a_proxy_that_does_not_answer_refuses_nothing() {
        let asked = Talk::to_port(3128).open().say(Client, b"CONNECT ssm.example:8443 HTTP/1.1\r\n\r\n");
        assert_eq!(asked.ack(Server).code(5_000), "no-response");
    }

    #[test]
    fn a_proxy_that_closes_or_sends_something_else_opens_no_tunnel() {
        let asked = Talk::to_port(3128).open().say(Client, b"CONNECT ssm.example:8443 HTTP/1.1\r\n\r\n");
        let closed = asked.clone().ack(Server).fin(Server).fin(Client).ack(Server).verdict(500);
        assert_eq!(closed.is(), ("proxy-refused", Actor::Path, None));
        assert!(closed.headline.contains("closed"), "{}", closed.headline);
        let garbage = asked.clone().say(Server, &[0xff; 40]).fin(Client).fin(Server).ack(Client).verdict(500);
        assert_eq!(garbage.is(), ("proxy-refused", Actor::Path, None));
        assert!(garbage.headline.contains("something that is not"), "{}", garbage.headline);
        let opened = asked.say(Server, b"HTTP/1.1 200 OK\r\n\r\n").then_tls();
        assert_eq!(opened.code(500), "healthy");
    }

    #[test]
    fn a_login_that_is_rejected_has_no_reply_for_a_cause() {
        let asked = Talk::to_port(1080).open().say(Client, &[5, 2, 0, 2]).say(Server, &[5, 2]);
        let rejected = asked.say(Client, b"\x01\x02me\x02no").say(Server, &[1, 1]).fin(Server).fin(Client);
        let verdict = rejected.ack(Server).verdict(1_000);
        assert_eq!(verdict.is(), ("proxy-refused", Actor::Path, None));
        assert!(verdict.headline.contains("rejected the user name or the password"), "{}", verdict.headline);
        assert!(verdict.client_reports[1].contains("User was rejected"), "{:?}", verdict.client_reports);
    }

    #[test]
    fn a_socks_proxy_that_closes_is_reported_in_words_of_socks() {
        let asked = Talk::to_port(1080).open().say(Client, &[5, 1, 0]);
        let closed = asked.ack(Server).fin(Server).fin(Client).ack(Server).verdict(500);
        assert_eq!(closed.is(), ("proxy-refused", Actor::Path, None));
        assert!(
            closed.client_reports.iter().all(|report| !report.contains("CONNECT")),
            "{:?}",
            closed.client_reports
        );
    }

    #[test]
    fn a_tunnel_that_socks_refuses_is_not_healthy() {
        let talk = talk::socks5(5).fin(Server).fin(Client).ack(Server);
        let verdict = talk.verdict(1_000);
        assert_eq!(verdict.is(), ("proxy-refused", Actor::Path, Some("socks-5")));
        assert!(
            verdict.headline.ends_with("with 5: the target refused the connection"),
            "{}",
            verdict.headline
        );
        assert_eq!(verdict.evidence, [4, 7]);
        assert_eq!(talk.story(1_000).stage, Stage::TcpEstablished);
    }

    #[test]
    fn a_status_line_that_the_capture_cuts_is_no_other_protocol() {
        let asked = Talk::to_port(3128).open().say(Client, b"CONNECT ssm.example:8443 HTTP/1.1\r\n\r\n");
        let mut cut =
            asked.say(Server, b"HTTP/1.1 407 Proxy Authentication Required\r\n\r\n").fin(Client).fin(Server);
        for packet in &mut cut.packets {
            packet.payload.truncate(10);
        }
        let verdict = cut.verdict(0);
        assert_eq!(verdict.is(), ("proxy-refused", Actor::Path, None));
        assert!(verdict.headline.contains("begins \"HTTP/1.1 4\""), "{}", verdict.headline);
        assert!(!verdict.mentions("not of that protocol"), "{}", verdict.explanation);
    }
}
