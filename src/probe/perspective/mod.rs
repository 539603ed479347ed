//! Verdicts as the check itself sees them: it is the client, and knows what it refused and when its time was over.
//!
//! The analysis judges a connection as a bystander, who sees that the client closed or sent an alert. Where the check did
//! that, the side to examine is the server, and the words are about what the server did.

mod advice;
mod before_tls;
mod certificate;
mod choice;
mod own_host;
mod path;
mod proxied;
#[cfg(test)]
mod tests;
mod unanswered;

use std::net::{Ipv4Addr, SocketAddr};

use advice::{
    CAPTURE, IDENTITY, KEY, LONGER, NEW_PIN, OTHER_SIDE, PATIENT, PINNED, PROTOCOL, PROXY_LOG, SERVER_LOG,
};
pub(super) use own_host::OwnPackets;

use before_tls::{
    half_said, injected, never_began, no_tls, portal, quote, refused_tunnel, unencrypted, unlisted, unread,
};

use super::http::demands::Unmet;
use super::http::tls::NO_TLS;
use super::http::verifier::{Accepted, objectionable};
use super::proxy::{Proxy, Tunnel};
use super::record::{ConnectionRecord, Failure, GivenUp};
use super::reported::is_of;
use super::starttls::GREETING;
use super::step::Phase;
use crate::analysis::Judged;
use crate::cert::Issuer;
use crate::story::{Ending, EndingKind, PreludeFacts, Stage, Story};
use crate::tcp::Role;
use crate::time::Elapsed;
use crate::tls::{AlertDescription, Prelude, ServerHello};
use crate::verdict::{Actor, Code, Severity, Verdict};

/// What the check knows of its own part.
pub(super) struct Perspective<'p> {
    /// Its connections, as far as packets do not show them.
    pub(super) connections: &'p [ConnectionRecord],
    /// What the proxy answered last.
    pub(super) tunnel: Option<&'p Tunnel>,
    /// Whether the check has a certificate of its own.
    pub(super) has_identity: bool,
    pub(super) accepted: Accepted,
    pub(super) timeout: Elapsed,
    /// What the server would choose of all that OpenSSL and Java offer.
    pub(super) choice: Option<&'p ServerHello>,
    /// The bits of the Diffie-Hellman prime that it would choose then.
    pub(super) prime_bits: Option<usize>,
    /// What the user demands of its certificate then, and it does not meet.
    pub(super) unmet_by_choice: Option<&'p Unmet>,
    /// The connections on which it was asked so.
    pub(super) offered: &'p [Judged],
    /// Whether the user restricted the versions that are offered.
    pub(super) is_restricted: bool,
    /// Whether packets were captured, or would show nothing more.
    pub(super) is_captured: bool,
    /// What became of the check's packets on this host, by its own capture.
    pub(super) own_packets: OwnPackets,
    /// The proxy through which the server is to be reached.
    pub(super) proxy: Option<&'p Proxy>,
    /// How long the proxy took to open its tunnel.
    pub(super) at_proxy_for: Option<Elapsed>,
}

impl Perspective<'_> {
    /// Rewords the verdicts.
    pub(super) fn apply(&self, connections: &mut [Judged]) {
        // A capture may hold a connection that is not the check's.
        let unknown = ConnectionRecord::of(SocketAddr::new(Ipv4Addr::UNSPECIFIED.into(), 0));
        // The server is asked for its choice once.
        let refused = self.connections.iter().find(|record| record.is_refused());
        for judged in connections.iter_mut() {
            let mut records = self.connections.iter();
            let record = records.find(|record| is_of(&judged.story, record.client())).unwrap_or(&unknown);
            self.reword(judged, record);
            let Judged { story, verdict, .. } = judged;
            self.before_tls(story, verdict, record);
            if refused.is_some_and(|refused| is_of(story, refused.client())) {
                self.choice(story, verdict);
            }
            self.around(story, verdict, record);
        }
    }

    /// What became of TLS, and of what was asked inside it.
    fn reword(&self, Judged { story, verdict, findings }: &mut Judged, record: &ConnectionRecord) {
        if let Some(given_up) = &record.given_up {
            self.time_is_over(story, verdict, given_up, record);
        }
        if let Some(asked) = &record.closed_instead {
            unanswered::closed_instead(verdict, asked);
        }
        path::lost_on_the_path(story, verdict);
        self.own_host(story, verdict, record);
        if let Some(what) = record.violation() {
            violation(story, verdict, what);
        }
        if let Some(alert) = record.unidentified() {
            unidentified(verdict, alert, self.has_identity);
        }
        if record.is_unestablished() {
            never_began(story, verdict);
        }
        missing_identity(story, verdict);
        // What is accepted of the server is not accepted of a proxy.
        let accepted = if record.failed_at_proxy() { Accepted::default() } else { self.accepted };
        certificate::refused(story, verdict, accepted);
        if let Some(unmet) = record.unmet() {
            certificate::unmet(verdict, unmet);
        }
        if record.failed_at_proxy() {
            proxied::failed(verdict);
            // What the server would do without a name does not matter to the proxy.
            findings.retain(|finding| finding.code != "no-sni");
        }
        if let Some(own) = record.unpinned() {
            self.unpinned(story, verdict, own);
        }
    }

    /// What a proxy did, and what the check itself adds to every verdict.
    fn around(&self, story: &Story, verdict: &mut Verdict, record: &ConnectionRecord) {
        if let Some(how) = &record.unwrapped {
            proxied::unwrapped(verdict, how);
        }
        if let Some(took) = self.at_proxy_for {
            proxied::slow(verdict, took);
        }
        // The check has no log of its own.
        verdict.change_advice(|advice| advice.retain(|advice| !advice.contains("client's log")));
        if !self.is_captured && is_hidden_from_sockets(verdict) {
            verdict.change_advice(|advice| advice.push(CAPTURE));
        }
        if let Some(proxy) = self.proxy.filter(|_| self.tunnel.is_none()) {
            proxied::unreached(story, verdict, proxy);
        }
        if let Some(tunnel) = self.tunnel {
            proxied::connected(verdict, tunnel.is_open(), record.violation().is_some());
        }
    }

    /// What this host did to its own connection.
    fn own_host(&self, story: &mut Story, verdict: &mut Verdict, record: &ConnectionRecord) {
        if let Some(given_up) = &record.given_up {
            match given_up.lack {
                Some(lack) => own_host::cut_off(verdict, lack),
                None => own_host::window_closed(story, verdict, given_up.waited),
            }
        }
        match self.own_packets {
            OwnPackets::Absent => own_host::absent(verdict),
            OwnPackets::Unknown => {}
            OwnPackets::Whole => {
                if record.was_reset {
                    own_host::reset_here(story, verdict);
                }
                let left = record.unopened();
                if record.given_up.is_some() || left.is_some() {
                    own_host::answered_by_reset(story, verdict, left);
                    own_host::not_taken(story, verdict, left);
                }
            }
        }
    }

    /// What came before TLS: a proxy's answer, a request for TLS inside the protocol, bytes in clear.
    fn before_tls(&self, story: &Story, verdict: &mut Verdict, record: &ConnectionRecord) {
        match record.unencrypted() {
            Some((Some(words), Some(cut))) => half_said(story, verdict, words, cut),
            Some((words, _)) => {
                if verdict.severity != Severity::Critical {
                    unencrypted(story, verdict);
                }
                quote(verdict, words);
            }
            None => {}
        }
        unlisted(story, verdict);
        if let Some(Failure::Injected { len, words }) = &record.failure {
            injected(verdict, *len, words.as_deref());
        }
        if record.is_portal() {
            portal(verdict);
        }
        if verdict.code == Code::ProxyRefused
            && let Some(tunnel) = self.tunnel
        {
            refused_tunnel(verdict, tunnel);
        }
        if let Some(why) = record.tunnel.as_ref().and_then(|tunnel| tunnel.unread.as_deref()) {
            unread(verdict, why);
        }
    }

    /// Its own close at the end of its time is no decision of a client.
    fn time_is_over(
        &self,
        story: &Story,
        verdict: &mut Verdict,
        given_up: &GivenUp,
        record: &ConnectionRecord,
    ) {
        let has_words = record.unencrypted().is_some_and(|(words, _)| words.is_some());
        let is_own_close = verdict.code == Code::ClosedEarly && verdict.actor == Actor::Client;
        let GivenUp { phase, awaited, waited, .. } = given_up;
        let most = self.timeout;
        let is_fault = verdict.severity == Severity::Critical && !is_own_close;
        // A part of an answer to CONNECT is more than none; SOCKS has more than one answer.
        let is_connect = |prelude: &PreludeFacts| prelude.protocol == Prelude::Connect;
        let is_begun = verdict.code == Code::NoResponse
            && story.data[Role::Server].first.is_some()
            && story.prelude.as_ref().is_some_and(is_connect);
        let (code, actor, headline) = match phase {
            // What came is cut off by the time limit, whatever it looks like.
            // A status line alone looks like an open tunnel to a bystander, who then waits for the client.
            Phase::Proxy
                if !is_fault
                    || is_begun
                    || matches!(verdict.code, Code::ProxyRefused | Code::ClientSilent) =>
            {
                (
                    Code::ProxyRefused,
                    Actor::Path,
                    format!("the proxy's answer was incomplete when the check gave up, after {waited}"),
                )
            }
            // A bystander does not know who speaks first on this port.
            // Nor whose turn it is in what TLS 1.3 hides; here the client waits.
            Phase::Tls if verdict.code == Code::HandshakeStalled && verdict.actor == Actor::Unknown => {
                verdict.actor = Actor::Server;
                return;
            }
            _ if is_fault && verdict.code != Code::ClientSilent => return,
            // The check has its ClientHello ready, and the server's window never opened for it.
            Phase::Tls if story.data[Role::Client].closed_window.is_some() => return,
            Phase::Tls if self.own_packets == OwnPackets::Whole && own_host::is_kept_back(story) => {
                return own_host::kept_back(verdict, *waited);
            }
            // What it said so far is looked at later.
            Phase::StartTls if has_words => return,
            Phase::StartTls if awaited == GREETING => (
                Code::ClientSilent,
                Actor::Server,
                format!("the server sent no greeting for {waited}: {MUTE}"),
            ),
            Phase::Oauth | Phase::Http | Phase::StartTls => (
                Code::NoResponse,
                Actor::Server,
                format!("no reply to {awaited} for {waited}, until time was over"),
            ),
            _ if story.stage < Stage::ServerHello && story.data[Role::Server].first.is_none() => (
                Code::NoServerHello,
                Actor::Server,
                format!("the server sent no ServerHello for {waited}, and the check gave up"),
            ),
            _ => (
                Code::HandshakeStalled,
                Actor::Server,
                format!("the server did not complete the handshake for {waited}, and the check gave up"),
            ),
        };
        let who = if actor == Actor::Path { "proxy" } else { "server" };
        verdict.code = code;
        verdict.severity = Severity::Critical;
        verdict.actor = actor;
        verdict.cause = None;
        verdict.headline = headline.into();
        // Before TLS is established, a silence of the stall time ends the check.
        let (limit, longer) = match phase {
            Phase::Oauth | Phase::Http => (format!("Its time was over ({most}, --timeout)"), LONGER),
            _ => (format!("It had waited for {waited} (--stall-after, --timeout)"), PATIENT),
        };
        verdict.explanation = format!(
            "The check closed the connection itself. {limit}. The {who} had not refused until then: it is too slow, or hangs."
        )
        .into();
        verdict.client_reports = vec!["java.net.SocketTimeoutException: Read timed out".into()];
        let log = if actor == Actor::Path { PROXY_LOG } else { SERVER_LOG };
        verdict.change_advice(|advice| *advice = vec![log, longer]);
    }

    /// The key is another than the pinned ones. What else is wrong with the certificate comes first, as clients look at that first.
    fn unpinned(&self, story: &Story, verdict: &mut Verdict, own: &str) {
        let found = story.tls.examination.as_ref();
        let has_fault = found.is_some_and(|found| {
            matches!(found.issuer, Issuer::Refused(_)) || objectionable(found, self.accepted).is_some()
        });
        if has_fault {
            verdict.explanation =
                format!("{} Its public key is not pinned either (--pin): {own}.", verdict.explanation).into();
            return;
        }
        verdict.severity = Severity::Critical;
        verdict.actor = Actor::Server;
        verdict.headline = format!("the server's public key is {own}, which is not pinned (--pin)").into();
        verdict.explanation = "Nothing else is wrong with its certificate that this check would refuse. Either the server has a new \
                               key, or another server or a device that decrypts TLS answers in its place. The check ended the \
                               handshake by an alert; nothing was asked, and no secret was sent."
            .into();
        verdict.client_reports = vec![PINNED.into()];
        verdict.change_advice(|advice| *advice = vec![KEY, NEW_PIN]);
    }
}

const MUTE: &str = "it hangs, or this port begins with TLS, without --starttls";

/// Up to TLS 1.2 a server refuses a missing client certificate by an alert that has other meanings too.
fn missing_identity(story: &Story, verdict: &mut Verdict) {
    let is_refusal = verdict.code == Code::TlsAlert && verdict.cause.as_deref() == Some("handshake_failure");
    let sent = story.tls.certificates[Role::Client].as_ref();
    let sent_none = sent.is_some_and(|sent| sent.what.is_whole && sent.what.chain.is_empty());
    if !(is_refusal && story.tls.certificate_request.is_some() && sent_none) {
        return;
    }
    verdict.actor = Actor::Client;
    verdict.headline =
        "the server asked for a client certificate, got none, and refused with handshake_failure".into();
    verdict.explanation =
        "A cipher suite had already been negotiated, so the missing certificate is the reason: up to TLS 1.2 \
                           OpenSSL refuses it with this alert."
            .into();
    verdict.change_advice(|advice| *advice = vec![IDENTITY, "Or have the server not require one."]);
}

/// A TLS 1.3 server looks at the client's certificate after the handshake, and may take longer than a bystander sees a client stay.
fn unidentified(verdict: &mut Verdict, alert: AlertDescription, has_identity: bool) {
    verdict.code = Code::TlsAlert;
    verdict.severity = Severity::Critical;
    verdict.actor = Actor::Client;
    verdict.cause = Some(alert.to_string().into());
    let got = if has_identity { "does not accept the one it got" } else { "got none" };
    verdict.headline =
        format!("the server asked for a client certificate, {got}, and refused with {alert}").into();
    verdict.explanation =
        "With TLS 1.3 a server looks at the client's certificate when the client takes TLS for established already. It refused \
         after that, in place of anything else."
            .into();
    verdict.client_reports =
        vec![format!("javax.net.ssl.SSLHandshakeException: Received fatal alert: {alert}").into()];
    verdict.change_advice(|advice| *advice = vec![IDENTITY, "Or have the server not require one."]);
}

/// Whether packets would show more of a failure than a socket does: who sent a RST or an ICMP error, and what was lost.
fn is_hidden_from_sockets(verdict: &Verdict) -> bool {
    let is_failure = verdict.severity == Severity::Critical;
    let codes =
        [Code::Reset, Code::NoServerHello, Code::HandshakeStalled, Code::NoResponse, Code::Unreachable];
    is_failure && codes.contains(&verdict.code)
}

/// The check ended the handshake because of what the server sent, whether or not a bystander can see that.
fn violation(story: &Story, verdict: &mut Verdict, what: &str) {
    if what.starts_with(NO_TLS) {
        return no_tls(story, verdict, what);
    }
    let is_own_alert = |ending: &Ending| {
        ending.by == Role::Client
            && matches!(ending.what, EndingKind::Alert { .. } | EndingKind::EncryptedAlert { .. })
    };
    let is_own_end = match verdict.code {
        Code::TlsAlert => verdict.actor == Actor::Client || story.endings.first().is_some_and(is_own_alert),
        Code::ClosedEarly => verdict.actor == Actor::Client,
        _ => false,
    };
    if verdict.severity == Severity::Critical && !is_own_end {
        return;
    }
    verdict.code = Code::TlsAlert;
    verdict.severity = Severity::Critical;
    verdict.actor = Actor::Server;
    // What an encrypted alert of the check's own looks like to a bystander is no cause.
    let is_seen = |cause: &str| !["encrypted-alert", "certificate-rejected"].contains(&cause);
    verdict.cause = verdict.cause.take().filter(|cause| is_seen(cause));
    verdict.headline = format!("the server sent {what}").into();
    verdict.explanation = "The check ended the connection, as any client has to there (RFC 8446, 6.2). The server's TLS is broken, or a \
                           device on the path changed its bytes."
        .into();
    verdict.client_reports = Vec::new();
    verdict.change_advice(|advice| *advice = vec![SERVER_LOG, OTHER_SIDE]);
}
