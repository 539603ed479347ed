//! One side spoke TLS and the other did not, or neither did where TLS is expected.

use super::words::evidence;
use super::{Actor, Code, JudgementSettings, Rule, Severity, Verdict};
use crate::story::{EndingKind, Moment, Observed, Opening, Silence, Story};
use crate::tcp::Role;
use crate::tls::{Basis, ClientHello, Plain, PlainKind, Prelude};

/// `not-tls`.
pub(super) const RULE: Rule = Rule {
    code: Code::NotTls,
    severity: Severity::Critical,
    summary: "one side spoke TLS and the other did not, or there is no TLS where it is expected",
    page: include_str!("../../docs/verdicts/not-tls.md"),
    judge,
};

fn judge(story: &Story, _: &JudgementSettings) -> Option<Verdict> {
    if let Some(verdict) = refused(story) {
        return Some(verdict);
    }
    // A server that greets may yet be asked to start TLS, as long as nobody leaves.
    if story.is_greeted_dialogue() && story.endings.is_empty() {
        return None;
    }
    let is_proxied = story.prelude.as_ref().is_some_and(|prelude| prelude.protocol.is_proxy());
    let is_proxied = is_proxied && story.tls.client_hello.is_none();
    // What comes in the middle of a connection may be the middle of anything.
    if is_proxied || story.opening.known_by == Opening::Ports {
        return None;
    }
    let (culprit, observed) = culprit(story)?;
    // A silence before the culprit had shown its protocol decides, whatever comes after it.
    let silence = story.decisive().and_then(|ending| match &ending.what {
        EndingKind::Silence(silence) => Some(silence),
        _ => None,
    });
    if silence.is_some_and(|silence| observed.moment.at > silence.until) {
        return None;
    }
    let is_http = is_http_request(observed);
    let (headline, explanation) = headline(story, culprit, observed);
    Some(
        Verdict::new(&RULE, Actor::from(culprit), story.basis.max(observed.basis), headline)
            .explain(format!("{explanation}{}", unanswered(silence.filter(|_| culprit == Role::Client))))
            .reported(match culprit {
                Role::Server => &[
                    "OpenSSL: wrong version number",
                    "javax.net.ssl.SSLException: Unsupported or unrecognized SSL message",
                ],
                // nginx's page (ngx_http_special_response.c) for a plain request.
                Role::Client if is_http && is_refused(story) => {
                    &["HTTP 400: The plain HTTP request was sent to HTTPS port"]
                }
                Role::Client => &[],
            })
            .proved_by(
                story.tls.client_hello.as_ref().map(|hello| hello.moment.number).into_iter().chain([observed.moment.number]),
            )
            .proved_by(evidence::opening_packets(story).take(1))
            .advise(&[
                "Check the port and the scheme of the configured URL.",
                "If the service should speak TLS here, check its configuration; `--tls-port` lists the ports where TLS is \
                 expected.",
            ]),
    )
}

/// How long the server did not reply to what was no TLS, in a sentence.
fn unanswered(silence: Option<&Silence>) -> String {
    match silence {
        Some(silence) if silence.awaited_from == Role::Server && !silence.is_acknowledged => {
            format!(" It was not acknowledged for {}.", silence.elapsed())
        }
        Some(silence) if silence.awaited_from == Role::Server => {
            format!(" The server did not reply for {}.", silence.elapsed())
        }
        _ => String::new(),
    }
}

/// The side that did not speak TLS where the other did or where it is expected, and what it sent.
fn culprit(story: &Story) -> Option<(Role, &Observed<Plain>)> {
    Some(match (&story.tls.client_hello, &story.plain.client, &story.plain.server) {
        // STARTTLS and tunnels begin in clear on both sides: what counts is what follows the ClientHello.
        (Some(hello), client, Some(server)) if story.tls.server_hello.is_none() => {
            let is_before_hello = |acked: Moment| !story.order.is_after(acked.number, hello.moment.number);
            let may_have_begun =
                client.is_some() || story.missing.acked_unseen_by.client.first().is_some_and(is_before_hello);
            // A client may send its ClientHello before a proxy has opened the tunnel.
            let opens_tunnel = story.prelude.as_ref().is_some_and(|prelude| {
                prelude.protocol.is_proxy() && prelude.latest.moment.number == server.moment.number
            });
            if opens_tunnel
                || may_have_begun && story.order.is_after(hello.moment.number, server.moment.number)
            {
                return None;
            }
            (Role::Server, server)
        }
        (None, Some(client), _) if story.expects_tls => (Role::Client, client),
        (None, None, Some(server))
            if story.expects_tls && story.has_server_spoken() && spoke_first(story, server) =>
        {
            (Role::Server, server)
        }
        _ => return None,
    })
}

/// What happened, and what it means.
fn headline(story: &Story, culprit: Role, observed: &Observed<Plain>) -> (String, &'static str) {
    let what = describe(observed);
    let is_before =
        |hello: &Observed<ClientHello>| story.order.is_after(hello.moment.number, observed.moment.number);
    match (culprit, story.tls.client_hello.is_some()) {
        (Role::Server, true) if story.tls.client_hello.as_ref().is_some_and(is_before) => (
            format!(
                "the server spoke first, with {what}, and the client began TLS: this port does not begin with TLS"
            ),
            "A TLS server waits for the ClientHello. Another service listens on this port, or one that starts TLS only when \
             it is asked to (STARTTLS).",
        ),
        (Role::Server, true) => (
            format!("the client spoke TLS, and the server answered with {what}"),
            "The service on this port does not speak TLS, or the connection reached the wrong service.",
        ),
        (Role::Server, false) => (
            format!("the server spoke first, with {what}: this is not TLS"),
            "A TLS server waits for the ClientHello. Another service listens on this port.",
        ),
        (Role::Client, _) => (
            format!("the client sent {what} to a port where TLS is expected"),
            if is_http_request(observed) {
                "The client did not begin with a ClientHello. Its URL probably has http:// instead of https://, or this \
                 is the port of another service."
            } else {
                "The client did not begin with a ClientHello: it speaks another protocol, or this is the port of another \
                 service."
            },
        ),
    }
}

fn is_http_request(observed: &Observed<Plain>) -> bool {
    matches!(observed.what.kind, PlainKind::HttpRequest | PlainKind::Connect)
}

/// The client asked for TLS in the words of the protocol, the server refused, and the connection ended.
fn refused(story: &Story) -> Option<Verdict> {
    let refusal = story.refused_start_of_tls()?;
    let prelude = story.prelude.as_ref()?;
    let ending =
        story.endings.first().filter(|end| matches!(end.what, EndingKind::Fin | EndingKind::Reset(_)))?;
    let name = refusal.what.code.filter(|_| prelude.protocol == Prelude::Ldap).and_then(ldap_result);
    let name = name.map(|name| format!(" ({name})")).unwrap_or_default();
    let code = refusal.what.code.map(|code| format!(" with {code}{name}")).unwrap_or_default();
    let headline = format!("the server refused {}{code}, and the client left", prelude.protocol);
    let hello = story.tls.client_hello.as_ref().map(|hello| hello.moment.number);
    let continued = match hello {
        Some(_) => "The client sent a ClientHello nevertheless, and got no TLS in return.",
        None => "The client did not continue without TLS.",
    };
    Some(
        Verdict::new(&RULE, Actor::Server, story.basis.max(refusal.basis), headline)
            .explain(format!(
                "The client asked for TLS with the protocol's own command, and the server's reply refuses it. {continued}"
            ))
            .proved_by([prelude.asked.number, refusal.moment.number, ending.moment.number])
            .proved_by(hello)
            .advise(&[
                "Check that TLS is enabled in the server's configuration, and read its log: many servers disable TLS when they \
                 can't load their certificate.",
            ]),
    )
}

/// The names of LDAP's result codes with which servers refuse StartTLS (RFC 4511, 4.14.2 and A.2).
fn ldap_result(code: u16) -> Option<&'static str> {
    Some(match code {
        1 => "operationsError",
        2 => "protocolError: it has no StartTLS",
        10 => "referral",
        13 => "confidentialityRequired",
        51 => "busy",
        52 => "unavailable: often it has no certificate",
        53 => "unwillingToPerform",
        80 => "other",
        _ => return None,
    })
}

/// Whether the server sent it before the client sent anything. Where the client's packets are missing, bytes that are not
/// text may also be the answer to a ClientHello.
fn spoke_first(story: &Story, observed: &Observed<Plain>) -> bool {
    let may_be_answer = observed.what.kind == PlainKind::Binary && observed.basis > Basis::Decoded;
    // What the client sent before it may lack its length or its packet.
    let order = &story.order;
    let is_after = |said: &Moment| order.is_after(observed.moment.number, said.number);
    let has_asked = story.missing.acked_unseen.client > 0
        || story.data.client.sent_unknown.as_ref().is_some_and(is_after);
    !has_asked && (!may_be_answer || story.traffic.counters.client.segments > 0)
}

/// Whether the server answered with HTTP's status 400.
fn is_refused(story: &Story) -> bool {
    story.plain.server.as_ref().is_some_and(|answer| answer.what.kind == PlainKind::HttpResponse(400))
}

fn describe(observed: &Observed<Plain>) -> String {
    match observed.what.kind {
        PlainKind::HttpRequest | PlainKind::Connect => "a plain HTTP request".to_owned(),
        PlainKind::HttpResponse(status) => format!("plain HTTP (status {status})"),
        PlainKind::Ssh => "an SSH identification".to_owned(),
        PlainKind::Text => format!("plain text (\"{}\")", observed.what.line.escape_debug()),
        PlainKind::Binary => "bytes that are not TLS".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::story::Stage;
    use crate::story::script::talk::{self, Talk, exchange, ssm};
    use crate::tcp::Role::{Client, Server};

    #[test]
    fn who_does_not_speak_tls_is_looked_at() {
        let client = Story::at(Stage::TcpEstablished).sends(Client, PlainKind::HttpRequest, "GET / HTTP/1.1");
        let verdict = client.verdict();
        assert_eq!(verdict.is(), ("not-tls", Actor::Client, None));
        assert_eq!(verdict.evidence, [1, 4]);
        assert!(verdict.headline.contains("a plain HTTP request") && verdict.mentions("http://"));
        let server =
            Story::at(Stage::ClientHello).sends(Server, PlainKind::HttpResponse(400), "HTTP/1.1 400");
        let verdict = server.verdict();
        assert_eq!(verdict.is(), ("not-tls", Actor::Server, None));
        assert_eq!(verdict.evidence, [1, 4, 5]);
        assert!(verdict.headline.contains("status 400") && verdict.mentions("wrong version number"));
        let first = Story::at(Stage::TcpEstablished).sends(Server, PlainKind::Ssh, "SSH-2.0-OpenSSH_9.2");
        assert_eq!(first.verdict().is(), ("not-tls", Actor::Server, None));
    }

    #[test]
    fn what_the_client_reports_is_what_the_server_answered() {
        const NGINX: &str = "HTTP 400";
        let asked = |kind, line| Story::at(Stage::TcpEstablished).sends(Client, kind, line);
        let http = asked(PlainKind::HttpRequest, "GET / HTTP/1.1");
        let refused = http.clone().sends(Server, PlainKind::HttpResponse(400), "HTTP/1.1 400 Bad Request");
        assert!(refused.verdict().client_reports[0].contains(NGINX));
        assert!(http.verdict().client_reports.is_empty() && http.verdict().mentions("http://"));
        let other = asked(PlainKind::Binary, "").verdict();
        assert!(other.client_reports.is_empty() && !other.mentions("http://"), "{other:?}");
    }

    #[test]
    fn a_server_that_greets_before_the_client_hello_does_not_answer_it() {
        let greeted = ssm().open().say(Server, b"220 ftp ready\r\n").ack(Client);
        let verdict = greeted.say(Client, &talk::client_hello()).fin(Server).verdict(0);
        assert_eq!(verdict.is(), ("not-tls", Actor::Server, None));
        assert!(verdict.headline.starts_with("the server spoke first"), "{}", verdict.headline);
        assert!(!verdict.mentions("answered with"), "{verdict:?}");
    }

    #[test]
    fn a_line_from_the_wire_is_escaped() {
        let story = Story::at(Stage::TcpEstablished).sends(Server, PlainKind::Text, "220 \u{1b}[2J");
        let verdict = story.verdict();
        assert!(verdict.headline.contains("220 \\u{1b}[2J"), "{}", verdict.headline);
    }

    #[test]
    fn where_tls_is_not_expected_and_after_a_server_hello_it_is_no_fault() {
        let plain = Story::at(Stage::TcpEstablished).on_port(80);
        let plain = plain.sends(Client, PlainKind::HttpRequest, "GET / HTTP/1.1");
        let answered = plain.sends(Server, PlainKind::HttpResponse(200), "HTTP/1.1 200 OK");
        assert_eq!(answered.verdict().code, "plaintext");
        // What the server sends before the ClientHello is STARTTLS's.
        let started = Story::at(Stage::TcpEstablished)
            .sends(Client, PlainKind::Text, "STARTTLS")
            .sends(Server, PlainKind::Text, "220 ready")
            .but(|story| {
                let moment = story.next(Client);
                let what = crate::tls::ClientHello::default();
                story.tls.client_hello = Some(Observed { what, moment, basis: Basis::Decoded });
                story.stage = Stage::ClientHello;
            });
        assert_eq!(started.verdict().code, "in-progress");
        // In the middle of a connection anything may be the middle of TLS.
        let middle = Story::at(Stage::None).sends(Client, PlainKind::Binary, "");
        assert_eq!(middle.verdict().code, "midstream");
    }

    #[test]
    fn a_server_that_answers_what_the_capture_lacks_did_not_speak_first() {
        let mut talk = Talk::to_port(3128)
            .open()
            .say(Client, b"CONNECT ssm.example:8443 HTTP/1.1\r\n\r\n")
            .say(Server, b"HTTP/1.1 200 OK\r\n\r\n")
            .then_tls();
        talk.packets.remove(3);
        assert_ne!(talk.code(0), "not-tls");
    }

    #[test]
    fn a_silence_before_anybody_could_know_decides() {
        let story = Story::at(Stage::ClientHello).silent_for(8_000, Server).acknowledged();
        let late = story.sends(Server, PlainKind::HttpResponse(400), "HTTP/1.1 400");
        assert_eq!(late.verdict().code, "no-server-hello");
        let cut_short = Story::at(Stage::TcpEstablished)
            .sends(Client, PlainKind::HttpRequest, "GET / HTTP/1.1")
            .silent_for(8_000, Server)
            .acknowledged();
        // What the client says shows it at once, and the server's silence is no news.
        let verdict = cut_short.verdict();
        assert_eq!(verdict.is(), ("not-tls", Actor::Client, None));
        assert!(verdict.mentions("The server did not reply for 8.0 s."), "{}", verdict.explanation);
    }

    #[test]
    fn a_server_whose_client_is_missing_from_pasted_text_is_not_said_to_speak_first() {
        let mut talk = exchange().only(Server);
        for packet in &mut talk.packets {
            packet.payload.clear();
            packet.header.tcp.ack = None;
        }
        let story = talk.story(0);
        assert_eq!(story.one_sided(), Some(Server));
        assert_eq!(story.verdict().code, "in-progress");
    }

    #[test]
    fn http_in_answer_to_a_client_hello_is_not_tls() {
        let talk = ssm()
            .open()
            .say(Client, &talk::client_hello())
            .say(Server, b"HTTP/1.1 400 Bad Request\r\n\r\n")
            .fin(Server);
        assert_eq!(talk.verdict(0).is(), ("not-tls", Actor::Server, None));
        assert_eq!(talk.story(0).stage, Stage::ClientHello);
    }

    #[test]
    fn plain_words_in_answer_to_a_client_hello_in_a_tunnel_are_not_tls() {
        let connected = Talk::to_port(3128)
            .open()
            .say(Client, b"CONNECT ssm.example:8443 HTTP/1.1\r\n\r\n")
            .say(Server, b"HTTP/1.1 200 OK\r\n\r\n");
        for tunnel in [connected, talk::socks5(0)] {
            let answered = tunnel
                .clone()
                .say(Client, &talk::client_hello())
                .say(Server, b"HTTP/1.1 400 Bad Request\r\n\r\n")
                .fin(Server);
            assert_eq!(answered.verdict(0).is(), ("not-tls", Actor::Server, None));
            let banner = tunnel.say(Client, &talk::client_hello()).say(Server, b"SSH-2.0-OpenSSH_9.2\r\n");
            assert_eq!(banner.code(5_000), "not-tls");
        }
    }

    #[test]
    fn a_client_that_asked_for_tls_and_left_when_it_was_refused_got_none() {
        let refused = talk::starttls(b"454 TLS not available\r\n").ack(Client);
        let left =
            refused.clone().say(Client, b"QUIT\r\n").say(Server, b"221 bye\r\n").fin(Client).fin(Server);
        let verdict = left.verdict(0);
        assert_eq!(verdict.is(), ("not-tls", Actor::Server, None), "{}", verdict.headline);
        assert!(verdict.headline.contains("refused SMTP STARTTLS with 454"), "{}", verdict.headline);
        // OpenSSL's client begins TLS nevertheless.
        let begun = refused.clone().say(Client, &talk::client_hello()).say(Server, b"500 what\r\n");
        let verdict = begun.fin(Client).fin(Server).verdict(0);
        assert_eq!(verdict.is(), ("not-tls", Actor::Server, None), "{}", verdict.headline);
        assert!(verdict.mentions("sent a ClientHello nevertheless"), "{}", verdict.explanation);
        // As long as nobody left, the client may continue in clear, and then TLS was no condition.
        assert_eq!(refused.code(100), "in-progress");
        let mailed = refused.say(Client, b"MAIL FROM:<somebody@example.net>\r\n").say(Server, b"250 ok\r\n");
        assert_eq!(mailed.fin(Client).fin(Server).code(0), "plaintext");
    }

    #[test]
    fn the_beginning_of_a_word_in_clear_is_no_tls_either() {
        let answered = ssm().open().say(Client, &talk::client_hello()).say(Server, b"HTTP").ack(Client);
        assert_eq!(answered.fin(Client).fin(Server).verdict(0).is(), ("not-tls", Actor::Server, None));
        let asked = ssm().open().say(Client, b"POS").ack(Server).wait(5_000).fin(Client);
        assert_eq!(asked.verdict(0).is(), ("not-tls", Actor::Client, None));
        // In clear it is the request that it begins.
        assert_eq!(
            Talk::to_port(80).open().say(Client, b"GET").ack(Server).wait(8_000).fin(Client).code(0),
            "no-response"
        );
    }

    #[test]
    fn a_dialogue_in_which_tls_may_yet_be_asked_for_is_open_until_somebody_leaves() {
        let greeted = ssm().open().say(Server, b"220 mail.example ESMTP\r\n");
        let asked = greeted.say(Client, b"EHLO a.example\r\n").ack(Server);
        assert_eq!(asked.code(500), "in-progress");
        assert_eq!(asked.fin(Client).fin(Server).code(500), "not-tls");
    }
}
