//! A connection that leads to a proxy: to a bystander the proxy is its server.

use super::certificate::TRUST;
use crate::probe::net::wrapping::Unwrapped;
use crate::probe::proxy::Proxy;
use crate::story::{Stage, Story};
use crate::time::Elapsed;
use crate::tls::AlertDescription;
use crate::verdict::{Actor, Code, Severity, Verdict};

/// The alert by which a server wants a client's certificate (RFC 8446, 6.2).
const CERTIFICATE_REQUIRED: AlertDescription = AlertDescription(116);

/// A sentence about the server, with somebody else in its place.
fn subject(text: &str, who: &str) -> String {
    let mut letters = who.chars();
    let capital: String = letters.next().into_iter().flat_map(char::to_uppercase).chain(letters).collect();
    text.replace("The server", &capital).replace("the server", who)
}

/// The handshake with the proxy failed: what the verdict says of the server is about the proxy.
pub(super) fn failed(verdict: &mut Verdict) {
    let is_no_tls = verdict.code == Code::NotTls;
    // One that is asked in clear awaits the rest of a request.
    let may_be_plain = is_no_tls || verdict.code == Code::NoServerHello && verdict.actor == Actor::Server;
    let hint = if may_be_plain { "; is it an http:// proxy?" } else { "" };
    verdict.headline = format!("TLS with the proxy: {}{hint}", subject(&verdict.headline, PROXY)).into();
    verdict.explanation = format!("{} {NOTHING}", subject(&verdict.explanation, PROXY)).into();
    verdict.client_reports = Vec::new();
    if verdict.actor == Actor::Server {
        verdict.actor = Actor::Path;
    }
    verdict.change_advice(|advice| {
        let is_untrusted = advice.contains(&TRUST);
        advice.retain(|advice| !advice.to_ascii_lowercase().contains("server"));
        advice.insert(0, if may_be_plain { KIND } else { LOOK });
        advice.extend(is_untrusted.then_some(OWN_AUTHORITY));
    });
}

/// The proxy itself was not reached, so it is the server of the verdict.
pub(super) fn unreached(story: &Story, verdict: &mut Verdict, proxy: &Proxy) {
    if verdict.severity != Severity::Critical || story.stage >= Stage::TcpEstablished {
        return;
    }
    if verdict.actor == Actor::Server {
        verdict.actor = Actor::Path;
    }
    verdict.headline = format!("the proxy can't be reached: {}", subject(&verdict.headline, PROXY)).into();
    verdict.explanation = format!(
        "{} {} names this proxy; the server was not asked.",
        subject(&verdict.explanation, PROXY),
        proxy.named_by
    )
    .into();
    verdict.change_advice(|advice| {
        advice.retain(|advice| !advice.to_ascii_lowercase().contains("server") && !advice.contains("SSM"));
        advice.insert(0, ADDRESS);
    });
}

/// A connection to a proxy whose handshake, if there is any, is complete: the TCP end that a bystander calls the server is the proxy.
pub(super) fn connected(verdict: &mut Verdict, is_open: bool, is_violated: bool) {
    if verdict.severity != Severity::Critical || verdict.actor != Actor::Server {
        return;
    }
    if !is_open {
        verdict.actor = Actor::Path;
        verdict.headline = subject(&verdict.headline, PROXY).into();
        verdict.explanation = subject(&verdict.explanation, PROXY).into();
        return;
    }
    // Who of the two ended it, or broke it, does not show.
    if is_violated || matches!(verdict.code, Code::Reset | Code::ClosedEarly) {
        verdict.actor = Actor::Path;
        verdict.headline = subject(&verdict.headline, EITHER).into();
        verdict.explanation = subject(&verdict.explanation, EITHER).into();
        verdict.change_advice(|advice| advice.insert(0, PROXY_LOG));
    }
}

/// TLS with the proxy ended out of order after it had been established.
pub(super) fn unwrapped(verdict: &mut Verdict, how: &Unwrapped) {
    if verdict.severity != Severity::Critical {
        return;
    }
    let wants_identity = how.alert == Some(CERTIFICATE_REQUIRED);
    verdict.actor = if wants_identity { Actor::Client } else { Actor::Path };
    verdict.cause = how.alert.map(|alert| alert.to_string().into());
    verdict.headline = format!("TLS with the proxy ended: {}", how.words).into();
    verdict.explanation = "The handshake with the proxy was complete. All further data is inside that TLS connection and ended with it."
        .into();
    verdict.client_reports = Vec::new();
    verdict.change_advice(|advice| *advice = vec![if wants_identity { IDENTITY } else { LOOK }]);
}

/// The time until the tunnel is open is the proxy's, and not the client's before its ClientHello.
pub(super) fn slow(verdict: &mut Verdict, took: Elapsed) {
    if verdict.code != Code::Slow || verdict.actor != Actor::Client {
        return;
    }
    verdict.actor = Actor::Path;
    verdict.headline = format!("TLS was established late: the proxy took {took} to open its tunnel").into();
    verdict.explanation =
        "The check speaks TLS with the proxy and asks it for a tunnel before it begins TLS with the server."
            .into();
}

const NOTHING: &str = "The proxy is named with https://, so the check speaks TLS with the proxy first, and verifies its certificate. The \
                       proxy was asked for nothing and got no password, and nothing was sent to the server behind it.";
const PROXY: &str = "the proxy";
const EITHER: &str = "the proxy or the server behind it";
const LOOK: &str = "Look at the proxy: its certificate, its TLS settings and its log.";
const ADDRESS: &str = "Check the proxy's address and port, and that it runs; --no-proxy goes without it.";
const KIND: &str = "Name the proxy with http:// if it is asked in clear: --proxy http://HOST:PORT.";
const OWN_AUTHORITY: &str = "If the proxy's authority is your own, add it to the file of --ca-file: both certificates are verified by it.";
const PROXY_LOG: &str =
    "Read the proxy's log at that time: whether it or the server behind it ended the connection.";
const IDENTITY: &str = "Have the proxy not require a client certificate: this check shows none to a proxy.";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::analysis::Judged;
    use crate::probe::perspective::Perspective;
    use crate::probe::perspective::tests::{end, failing, ignorant, left, seen};
    use crate::probe::proxy::Tunnel;
    use crate::probe::record::{ConnectionRecord, Failure};
    use crate::tcp::Role;
    use crate::tcp::Role::{Client, Server};

    fn unwrapped_by(alert: Option<AlertDescription>) -> Unwrapped {
        Unwrapped { words: "the proxy sent the alert x".to_owned(), alert }
    }

    #[test]
    fn what_the_analysis_says_of_the_server_is_about_the_proxy() {
        let silent = Story::at(Stage::ClientHello).silent_for(8_000, Role::Server).acknowledged();
        let mut verdict = silent.verdict();
        assert_eq!((verdict.code, verdict.actor), (Code::NoServerHello, Actor::Server));
        failed(&mut verdict);
        assert_eq!((verdict.code, verdict.actor), (Code::NoServerHello, Actor::Path));
        assert!(verdict.headline.starts_with("TLS with the proxy: "), "{}", verdict.headline);
        assert!(verdict.explanation.contains("got no password"), "{}", verdict.explanation);
        for words in ["the server sent", "The server "] {
            assert!(!format!("{} {}", verdict.headline, verdict.explanation).contains(words), "{verdict:?}");
        }
    }

    #[test]
    fn a_proxy_that_refuses_is_not_the_server() {
        let proxy = Proxy::parse("http://192.0.2.7:3128", "HTTPS_PROXY", false).unwrap();
        let story = Story::at(Stage::Syn).rst(Role::Server);
        let mut verdict = story.verdict();
        assert_eq!((verdict.code, verdict.actor), (Code::Refused, Actor::Server));
        unreached(&story, &mut verdict, &proxy);
        assert_eq!((verdict.code, verdict.actor), (Code::Refused, Actor::Path));
        assert!(verdict.headline.starts_with("the proxy can't be reached: "), "{}", verdict.headline);
        assert!(verdict.explanation.contains("HTTPS_PROXY names this proxy"), "{}", verdict.explanation);
        assert!(verdict.advice(&story).all(|advice| !advice.contains("SSM")));
        // What happens after it was reached is judged otherwise.
        let story = Story::at(Stage::ClientHello).rst(Role::Server);
        let mut later = story.verdict();
        unreached(&story, &mut later, &proxy);
        assert_eq!(later, story.verdict());
    }

    #[test]
    fn who_of_proxy_and_server_ended_a_tunnel_does_not_show() {
        let reset = Story::at(Stage::ClientHello).rst(Role::Server).verdict();
        assert_eq!((reset.code, reset.actor), (Code::Reset, Actor::Server));
        let mut inside = reset.clone();
        connected(&mut inside, true, false);
        assert!(inside.headline.contains("the proxy or the server behind it"), "{}", inside.headline);
        assert_eq!(inside.actor, Actor::Path);
        let mut before = reset.clone();
        connected(&mut before, false, false);
        assert_eq!(before.actor, Actor::Path);
        assert!(!before.headline.contains("the server"), "{}", before.headline);
        // An alert inside the tunnel is the server's own.
        let alert = Story::at(Stage::ClientHello).alert(Role::Server, 40).verdict();
        let mut inside = alert.clone();
        connected(&mut inside, true, false);
        assert_eq!(inside, alert);
    }

    #[test]
    fn an_alert_inside_an_established_wrapping_is_the_proxy_s_or_asks_for_a_certificate() {
        let stalled = Story::at(Stage::ClientHello).silent_for(8_000, Role::Server).verdict();
        for (alert, actor) in [
            (Some(CERTIFICATE_REQUIRED), Actor::Client),
            (Some(AlertDescription(80)), Actor::Path),
            (None, Actor::Path),
        ] {
            let mut verdict = stalled.clone();
            unwrapped(&mut verdict, &unwrapped_by(alert));
            assert_eq!(verdict.actor, actor, "{alert:?}");
            assert_eq!(verdict.cause.as_deref(), alert.map(|alert| alert.to_string()).as_deref());
        }
    }

    #[test]
    fn a_wrapping_that_ends_after_everything_was_done_changes_nothing() {
        let healthy = Story::at(Stage::ApplicationData).answered().verdict();
        let mut verdict = healthy.clone();
        unwrapped(&mut verdict, &unwrapped_by(None));
        slow(&mut verdict, Elapsed::from_millis(5_000));
        assert_eq!(verdict, healthy);
    }

    #[test]
    fn a_proxy_that_opens_no_tunnel_is_the_path_s_and_its_words_are_its_own() {
        let tunnel = Tunnel { status: Some(407), schemes: vec!["Basic".to_owned()], ..Tunnel::default() };
        let story = || Story::at(Stage::TcpEstablished).rst(Server);
        let verdict = seen(&Perspective { tunnel: Some(&tunnel), ..ignorant() }, story());
        assert_eq!((verdict.code, verdict.actor), (Code::Reset, Actor::Path));
        assert!(!verdict.headline.contains("the server"), "{}", verdict.headline);
        let portal = Tunnel { status: Some(200), is_page: true, ..Tunnel::default() };
        let answered =
            |tunnel: Tunnel| [ConnectionRecord { tunnel: Some(tunnel), ..ConnectionRecord::of(end()) }];
        let all = answered(portal.clone());
        let perspective = Perspective { tunnel: Some(&portal), connections: &all, ..ignorant() };
        let verdict = seen(&perspective, Story::at(Stage::TcpEstablished).fin(Server).fin(Client));
        assert_eq!((verdict.code, verdict.actor), (Code::ProxyRefused, Actor::Path));
        assert!(verdict.headline.contains("a portal, not a tunnel"), "{}", verdict.headline);
        let unread = Some("the answer to CONNECT is not HTTP/1.1: it begins \"SSH\"".to_owned());
        let all = answered(Tunnel { unread, ..Tunnel::default() });
        let verdict = seen(&Perspective { connections: &all, ..ignorant() }, left(Stage::TcpEstablished));
        assert_eq!((verdict.code, verdict.actor), (Code::ProxyRefused, Actor::Path));
        assert!(verdict.headline.contains("SSH"), "{}", verdict.headline);
        // A bystander takes the alert of a proxy that speaks TLS for the server's.
        let unread = Some("the answer to CONNECT is not HTTP/1.1: it is a TLS record".to_owned());
        let all = answered(Tunnel { unread, ..Tunnel::default() });
        let verdict = seen(
            &Perspective { connections: &all, ..ignorant() },
            Story::at(Stage::TcpEstablished).alert(Server, 10),
        );
        assert_eq!((verdict.code, verdict.actor), (Code::ProxyRefused, Actor::Path));
        assert!(format!("{verdict:?}").contains("--proxy https://HOST:PORT"), "{verdict:?}");
    }

    #[test]
    fn a_proxy_that_is_named_by_its_address_has_no_note_about_a_servers_default_certificate() {
        use crate::story::script::talk;
        let unnamed = talk::ssm().open().say(Client, &talk::client_hello_with(&[]));
        let all = failing(Failure::ProxyTls { violation: None });
        for (connections, notes) in [(&all[..], 0), (&[], 1)] {
            let story = Story::at(Stage::ClientHello);
            let verdict = story.verdict();
            let findings = vec![unnamed.finding("no-sni").expect("a finding")];
            let mut judged = [Judged { story: Box::new(story), verdict, findings }];
            Perspective { connections, ..ignorant() }.apply(&mut judged);
            assert_eq!(judged[0].findings.len(), notes);
        }
    }
}
