//! What failed before TLS began: a proxy's tunnel, or a request for TLS inside the protocol.

use std::io;

use super::{OTHER_SIDE, PROTOCOL, SERVER_LOG};
use crate::probe::http::failure;
use crate::probe::proxy::Tunnel;
use crate::story::{Ending, EndingKind, Story};
use crate::tcp::Role;
use crate::tls::Prelude;
use crate::verdict::{Actor, Code, Severity, Verdict};

/// Whatever a bystander makes of it, TLS was wanted and there is none.
pub(super) fn unencrypted(story: &Story, verdict: &mut Verdict) {
    verdict.severity = Severity::Critical;
    verdict.actor = Actor::Server;
    verdict.cause = None;
    let is_reset = |end: &Ending| end.by == Role::Server && matches!(end.what, EndingKind::Reset(_));
    if story.endings.iter().any(is_reset) {
        verdict.code = Code::Reset;
        verdict.headline = "the server reset the connection before TLS could begin".into();
        verdict.explanation =
            "The check asked for TLS in the words of the protocol that --starttls names.".into();
        verdict.change_advice(|advice| *advice = vec![PROTOCOL, SERVER_LOG]);
        return;
    }
    verdict.code = Code::NotTls;
    verdict.headline = "the server does not start TLS: it refused, or is no server of this protocol".into();
    verdict.explanation =
        "The check asked for TLS in the words of the protocol that --starttls names, or found no greeting to answer.".into();
    verdict.change_advice(|advice| *advice = vec![PROTOCOL]);
}

/// The server began to say this, and never came to its end.
pub(super) fn half_said(story: &Story, verdict: &mut Verdict, words: &str, how: io::ErrorKind) {
    let said = if story.data[Role::Client].first.is_none() { "greeting" } else { "reply" };
    let (code, did) = match how {
        io::ErrorKind::TimedOut if said == "greeting" => (Code::ClientSilent, "stopped"),
        io::ErrorKind::TimedOut => (Code::NoResponse, "stopped"),
        io::ErrorKind::ConnectionReset | io::ErrorKind::BrokenPipe => (Code::Reset, "reset the connection"),
        io::ErrorKind::UnexpectedEof => (Code::ClosedEarly, "closed the connection"),
        // It has no end that is read.
        _ => (Code::NotTls, "did not come to an end"),
    };
    verdict.code = code;
    verdict.severity = Severity::Critical;
    verdict.actor = Actor::Server;
    verdict.cause = None;
    verdict.headline = format!("the server {did} in the middle of its {said}: {}", shown(words)).into();
    verdict.explanation = "The check speaks the protocol that --starttls names. What the server said is incomplete, so it has neither agreed to TLS \
                           nor refused it."
        .into();
    verdict.client_reports = Vec::new();
    verdict.change_advice(|advice| *advice = vec![SERVER_LOG, PROTOCOL]);
}

/// The ClientHello was answered by what is not TLS, in these words. Text that a bystander recognises is named by the analysis.
pub(super) fn no_tls(story: &Story, verdict: &mut Verdict, what: &str) {
    let is_own_end = matches!(verdict.code, Code::TlsAlert | Code::ClosedEarly)
        && !story
            .endings
            .iter()
            .any(|ending| ending.by == Role::Server && matches!(ending.what, EndingKind::Alert { .. }));
    let is_unnamed = verdict.code == Code::NotTls && verdict.headline.contains("bytes that are not TLS");
    if verdict.severity == Severity::Critical && !is_own_end && !is_unnamed {
        return;
    }
    let agreed = story.prelude.as_ref().filter(|prelude| prelude.is_agreed() && !prelude.protocol.is_proxy());
    let did = if agreed.is_some() { "agreed to TLS and answered" } else { "answered" };
    verdict.code = Code::NotTls;
    verdict.severity = Severity::Critical;
    verdict.actor = Actor::Server;
    verdict.cause = None;
    verdict.headline = format!("the server {did} the ClientHello with {what}").into();
    verdict.explanation =
        "The service on this port does not speak TLS, or the connection reached the wrong service.".into();
    verdict.client_reports = vec![
        "OpenSSL: wrong version number".into(),
        "javax.net.ssl.SSLException: Unsupported or unrecognized SSL message".into(),
    ];
    verdict.change_advice(|advice| *advice = vec![PROTOCOL]);
}

/// The server starts TLS when it is asked, and does not list that it can: the check asked nevertheless, and clients that keep to the list do
/// not.
pub(super) fn unlisted(story: &Story, verdict: &mut Verdict) {
    let Some(prelude) = story.prelude.as_ref().filter(|_| verdict.severity == Severity::Ok) else { return };
    if !(prelude.is_unlisted && prelude.is_agreed()) {
        return;
    }
    verdict.code = Code::NotTls;
    verdict.severity = Severity::Warning;
    verdict.actor = Actor::Server;
    verdict.cause = None;
    verdict.headline =
        format!("the server does not list {}, and starts TLS when asked nevertheless", prelude.protocol)
            .into();
    verdict.explanation = "TLS was established, because the check asks whatever the server lists. A client that looks at the list first \
                           does not ask: it gives up, or sends everything in clear text."
        .into();
    let curl = match prelude.protocol {
        Prelude::Imap => "curl: (64) STARTTLS not available.",
        Prelude::Pop3 => "curl: (64) STLS not supported.",
        _ => "curl: (64) STARTTLS not supported.",
    };
    verdict.client_reports = vec![curl.into()];
    verdict.evidence = vec![prelude.asked.number, prelude.latest.moment.number];
    verdict.change_advice(|advice| *advice = vec![LISTED, STRIPPED]);
}

/// The server agreed to TLS and sent more in clear. A client that takes that for part of what is encrypted trusts whoever put it there.
pub(super) fn injected(verdict: &mut Verdict, len: usize, words: Option<&str>) {
    verdict.code = Code::NotTls;
    verdict.severity = Severity::Critical;
    verdict.actor = Actor::Server;
    verdict.cause = None;
    let said = words.map(|words| format!(": {}", shown(words))).unwrap_or_default();
    let bytes = if len == 1 { "byte" } else { "bytes" };
    verdict.headline =
        format!("the server agreed to TLS and sent {len} further {bytes} in clear before it{said}").into();
    verdict.explanation = "Nothing may come between the agreement and TLS (RFC 3207, 4.2). Either the server sent too much, or somebody on \
                           the path put in words that a client would take for the server's own once TLS is up. The check read no \
                           more and began no TLS."
        .into();
    verdict.client_reports = Vec::new();
    verdict.change_advice(|advice| *advice = vec![UPDATE, OTHER_SIDE]);
}

/// As much of what a server says as a headline has room for.
fn shown(words: &str) -> String {
    const SHOWN: usize = 80;
    let mut said: String = words.chars().take(SHOWN).collect();
    if said.len() < words.len() {
        said.push_str("...");
    }
    said
}

/// Adds what the server said when it refused TLS.
pub(super) fn quote(verdict: &mut Verdict, words: Option<&str>) {
    if verdict.code != Code::NotTls {
        return;
    }
    match words {
        Some(words) => {
            verdict.headline = format!("the server does not start TLS, and says: {}", shown(words)).into();
        }
        None if verdict.headline.ends_with(LEFT) => {
            verdict.headline = verdict.headline.trim_end_matches(LEFT).to_owned().into();
        }
        None => verdict.explanation = format!("{} `-v` shows what came.", verdict.explanation).into(),
    }
}

/// A success with a web page is no tunnel, whatever follows it.
pub(super) fn portal(verdict: &mut Verdict) {
    verdict.code = Code::ProxyRefused;
    verdict.severity = Severity::Critical;
    verdict.actor = Actor::Path;
    verdict.cause = None;
    verdict.headline =
        "the proxy answers the request for a tunnel with a web page: a portal, not a tunnel".into();
    verdict.explanation = "The status is a success, but an HTML page comes with it, as from a captive portal or a web server that \
                           answers anything. No packet went to the server behind the proxy."
        .into();
    verdict.change_advice(|advice| *advice = vec![PORTAL, PROXY]);
}

/// TLS was wanted, and the connection ended in a way that a bystander takes for one that never needed it.
pub(super) fn never_began(story: &Story, verdict: &mut Verdict) {
    if matches!(verdict.severity, Severity::Critical | Severity::Warning) {
        return;
    }
    let is_reset = |end: &Ending| matches!(end.what, EndingKind::Reset(_));
    let (code, how) = if story.endings.iter().any(is_reset) {
        (Code::Reset, "reset")
    } else {
        (Code::ClosedEarly, "closed")
    };
    verdict.code = code;
    verdict.severity = Severity::Critical;
    verdict.actor = Actor::Server;
    verdict.cause = None;
    verdict.headline = format!("the server {how} the connection before TLS could begin").into();
    verdict.explanation =
        "The check was to speak TLS over this connection, and it ended before the ClientHello was sent."
            .into();
    verdict.client_reports = Vec::new();
    verdict.change_advice(|advice| *advice = vec![PROTOCOL, SERVER_LOG]);
}

/// Adds what the proxy's refusal means, and what it names: how a client is to authenticate, and where it redirects to.
pub(super) fn refused_tunnel(verdict: &mut Verdict, tunnel: &Tunnel) {
    let meaning = match tunnel.status {
        Some(407) => ": it requires authentication",
        Some(403) => ": its policy forbids this server or port",
        Some(502 | 503) => ": it could not reach the server",
        Some(504) => ": the server did not answer it in time",
        _ => "",
    };
    verdict.headline = format!("{}{meaning}", verdict.headline).into();
    if !tunnel.schemes.is_empty() {
        verdict.headline = format!("{}, and takes {}", verdict.headline, tunnel.schemes.join(", ")).into();
    }
    if let Some(target) = &tunnel.target {
        verdict.headline = format!("{}, a redirect to {target}", verdict.headline).into();
    }
}

/// An answer of the proxy's that can't be read is no tunnel, whatever a bystander makes of it.
pub(super) fn unread(verdict: &mut Verdict, why: &str) {
    // That the check closes then, or was to speak next, is no decision of a client; and what came is part of an answer.
    let is_own =
        verdict.actor == Actor::Client && matches!(verdict.code, Code::ClosedEarly | Code::ClientSilent);
    let is_about_it = matches!(verdict.code, Code::ProxyRefused | Code::NoResponse);
    // To a bystander that is TLS that failed; here it answers a request in clear.
    let speaks_tls = why.ends_with(failure::TLS_RECORD);
    if verdict.severity == Severity::Critical && !is_about_it && !is_own && !speaks_tls {
        return;
    }
    verdict.code = Code::ProxyRefused;
    verdict.severity = Severity::Critical;
    verdict.actor = Actor::Path;
    verdict.cause = None;
    verdict.client_reports = Vec::new();
    verdict.headline = why.to_owned().into();
    verdict.explanation = "The check asked for a tunnel, and the reply does not open one: no proxy of this kind is listening there, or \
                           something altered the reply. No packet went to the server behind the proxy."
        .into();
    verdict.change_advice(|advice| *advice = vec![if speaks_tls { SCHEME } else { PROXY }]);
}

const UPDATE: &str = "Update the server, or whatever speaks STARTTLS in front of it: this is how commands are injected (CVE-2011-0411).";
const LISTED: &str = "Enable STARTTLS in the server's configuration for this port and this client's network.";
const STRIPPED: &str =
    "Check from a host next to the server too: if STARTTLS is listed there, a device on the path removes it.";
/// What a bystander adds about the client, which is the check.
const LEFT: &str = ", and the client left";
const SCHEME: &str = "The proxy speaks TLS: name it with https://, --proxy https://HOST:PORT.";
const PORTAL: &str = "Open a page in a browser on this network: a portal may want a login first.";
const PROXY: &str = "Check the proxy's address, port and kind: another service may be listening there.";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::probe::http::tls::Failed;
    use crate::probe::perspective::Perspective;
    use crate::probe::perspective::tests::{failing, ignorant, seen, unestablished};
    use crate::probe::record::Failure;
    use crate::story::Stage;
    use crate::tcp::Role::{Client, Server};
    use crate::tls::PlainKind;

    #[test]
    fn a_reply_without_an_end_refuses_nothing() {
        let said = |has_asked: bool| {
            let greeted = Story::at(Stage::TcpEstablished).on_port(25);
            let greeted = greeted.sends(Role::Server, PlainKind::Text, "220-mx");
            if has_asked { greeted.sends(Role::Client, PlainKind::Text, "EHLO x") } else { greeted }
        };
        for (has_asked, how, code, words) in [
            (false, io::ErrorKind::TimedOut, Code::ClientSilent, "stopped in the middle of its greeting"),
            (true, io::ErrorKind::TimedOut, Code::NoResponse, "stopped in the middle of its reply"),
            (true, io::ErrorKind::UnexpectedEof, Code::ClosedEarly, "closed the connection in the middle"),
            (true, io::ErrorKind::ConnectionReset, Code::Reset, "reset the connection in the middle"),
        ] {
            let story = said(has_asked);
            let mut verdict = story.verdict();
            half_said(&story, &mut verdict, "250-x", how);
            assert_eq!((verdict.code, verdict.severity), (code, Severity::Critical), "{how}");
            assert!(
                verdict.headline.contains(words) && verdict.headline.ends_with(": 250-x"),
                "{}",
                verdict.headline
            );
        }
    }

    #[test]
    fn what_answers_a_client_hello_and_is_no_tls_is_shown() {
        let what = "bytes that are no TLS: \"PROXY UNKNOWN\"";
        let story = Story::at(Stage::ClientHello).fin(Role::Client);
        let mut verdict = story.verdict();
        no_tls(&story, &mut verdict, what);
        assert_eq!((verdict.code, verdict.actor), (Code::NotTls, Actor::Server));
        assert!(verdict.headline.ends_with("the ClientHello with bytes that are no TLS: \"PROXY UNKNOWN\""));
        // The server's own alert says more, and so does a name for what came.
        for story in [
            Story::at(Stage::ClientHello).alert(Role::Server, 40),
            Story::at(Stage::ClientHello).sends(Role::Server, PlainKind::Ssh, "SSH-2.0-x"),
        ] {
            let (mut verdict, before) = (story.verdict(), story.verdict());
            no_tls(&story, &mut verdict, what);
            assert_eq!(verdict, before);
        }
    }

    #[test]
    fn tls_that_was_asked_for_and_refused_is_no_plaintext_that_is_fine() {
        let said = || Story::at(Stage::TcpEstablished).on_port(25).sends(Server, PlainKind::Text, "220 mx");
        let story = || said().sends(Client, PlainKind::Text, "EHLO x").fin(Client).fin(Server);
        assert_eq!(story().verdict().severity, Severity::Ok);
        let says = |words: &str| failing(Failure::Unencrypted { words: Some(words.to_owned()), cut: None });
        let all = says("502 no");
        let perspective = Perspective { connections: &all, ..ignorant() };
        let verdict = seen(&perspective, story());
        assert_eq!((verdict.code, verdict.severity), (Code::NotTls, Severity::Critical));
        assert!(verdict.headline.ends_with("and says: 502 no"), "{}", verdict.headline);
        let all = says(&"x".repeat(200));
        let perspective = Perspective { connections: &all, ..ignorant() };
        assert!(seen(&perspective, story()).headline.len() < 150);
        let reset = seen(&perspective, Story::at(Stage::TcpEstablished).on_port(25).rst(Server));
        assert_eq!(reset.code, Code::Reset);
    }

    #[test]
    fn a_connection_that_was_to_carry_tls_is_never_fine_without_it() {
        let said = || {
            Story::at(Stage::TcpEstablished).on_port(3_128).sends(Client, PlainKind::Connect, "CONNECT x:1")
        };
        let all = unestablished(Failed::default());
        let perspective = Perspective { connections: &all, ..ignorant() };
        for (story, code) in
            [(said().rst(Server), Code::Reset), (said().fin(Server).fin(Client), Code::ClosedEarly)]
        {
            let verdict = seen(&perspective, story.clone());
            assert_eq!(verdict.severity, Severity::Critical, "{verdict:?}");
            // A bystander's own failure is the better one.
            let own = story.verdict();
            assert!(
                verdict.code == code || own.severity == Severity::Critical && verdict.code == own.code,
                "{own:?}"
            );
        }
    }

    #[test]
    fn words_in_clear_after_the_agreement_to_tls_are_critical() {
        let story = Story::at(Stage::TcpEstablished).on_port(25).fin(Client).fin(Server);
        let sent =
            |len, words: Option<&str>| failing(Failure::Injected { len, words: words.map(str::to_owned) });
        let all = sent(14, Some("250 injected"));
        let verdict = seen(&Perspective { connections: &all, ..ignorant() }, story.clone());
        assert_eq!(
            (verdict.code, verdict.severity, verdict.actor),
            (Code::NotTls, Severity::Critical, Actor::Server)
        );
        assert!(
            verdict.headline.contains("14 further bytes in clear before it: 250 injected"),
            "{}",
            verdict.headline
        );
        let binary = seen(&Perspective { connections: &sent(1, None), ..ignorant() }, story);
        assert!(binary.headline.ends_with("1 further byte in clear before it"), "{}", binary.headline);
        assert!(!binary.mentions("refused"), "{binary:?}");
    }
}
