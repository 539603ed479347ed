//! What failed before TLS began: a proxy's tunnel, or a request for TLS inside the protocol.

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

/// The server agreed to TLS and sent more in clear. A client that takes that for part of what is encrypted believes whoever put it there.
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
