//! Where the check's own knowledge changes a bystander's verdict, where its neighbour does, and what it must not say.

use std::sync::Arc;

use super::*;
use crate::cert::{Date, Examination, Fault, NameSource, Wanted};
use crate::probe::http::tls;
use crate::story::{EndingKind, EndpointKnowledge};
use crate::tcp::Role::{Client, Server};
use crate::tls::{AlertDescription, Basis, CipherSuite, Version};

/// The client's end of stories that are written by hand.
pub(super) fn end() -> SocketAddr {
    "192.0.2.10:50000".parse().unwrap()
}

/// A check that knows nothing of its own.
pub(super) fn ignorant() -> Perspective<'static> {
    Perspective {
        connections: &[],
        tunnel: None,
        has_identity: false,
        accepted: Accepted::default(),
        timeout: Elapsed::from_millis(10_000),
        choice: None,
        prime_bits: None,
        unmet_by_choice: None,
        offered: &[],
        is_restricted: false,
        is_captured: false,
        own_packets: OwnPackets::Unknown,
        proxy: None,
        at_proxy_for: None,
    }
}

/// The record of a connection that failed this way.
pub(super) fn failing(failure: Failure) -> [ConnectionRecord; 1] {
    [ConnectionRecord { failure: Some(failure), ..ConnectionRecord::of(end()) }]
}

/// The record of a connection whose handshake failed this way.
pub(super) fn unestablished(failed: tls::Failed) -> [ConnectionRecord; 1] {
    failing(Failure::Handshake(failed))
}

/// The verdict on a story as this check sees it.
pub(super) fn seen(perspective: &Perspective<'_>, story: Story) -> Verdict {
    let verdict = story.verdict();
    let mut all = [Judged { story: Box::new(story), verdict, findings: Vec::new() }];
    perspective.apply(&mut all);
    let [Judged { verdict, .. }] = all;
    verdict
}

fn given_up(phase: Phase, awaited: &str) -> [ConnectionRecord; 1] {
    let given_up = GivenUp::of(phase, awaited.to_owned(), Elapsed::from_millis(3_100));
    [ConnectionRecord { given_up: Some(given_up), ..ConnectionRecord::of(end()) }]
}

/// A connection whose client closed although a step of the server was due.
pub(super) fn left(stage: Stage) -> Story {
    Story::at(stage).fin(Client)
}

/// A certificate that the check refused by this alert, for these faults.
pub(super) fn refused(alert: u8, faults: Vec<Fault>, issuer: Issuer) -> Story {
    Story::at(Stage::ServerHello).alert(Client, alert).but(|story| {
        let examination = Examination { issuer, ..Examination::by_hand(faults) };
        story.tls.examination = Some(Arc::new(examination));
    })
}

pub(super) fn expired() -> Fault {
    Fault::Expired { of: "ssm".to_owned(), not_after: Date(1_600_000_000), is_own: true }
}

pub(super) fn misnamed(names: &[&str]) -> Fault {
    Fault::NameMismatch {
        wanted: Wanted { name: "ssm.example".to_owned(), source: NameSource::Target },
        names: names.iter().map(ToString::to_string).collect(),
        further_names: 0,
        common_name: None,
    }
}

pub(super) fn hello(version: u16, suite: u32) -> ServerHello {
    ServerHello {
        version: Some(Version(version)),
        cipher_suite: Some(CipherSuite(suite)),
        is_whole: true,
        ..ServerHello::default()
    }
}

#[test]
fn a_check_that_knows_nothing_more_leaves_the_verdict_as_it_is() {
    let story = Story::at(Stage::ApplicationData).answered();
    assert_eq!(seen(&ignorant(), story.clone()), story.verdict());
    // What belongs to another connection changes nothing either.
    let other: SocketAddr = "192.0.2.10:50001".parse().unwrap();
    let failure =
        Failure::Handshake(tls::Failed { violation: Some("bytes".to_owned()), ..Default::default() });
    let others = [ConnectionRecord { failure: Some(failure), ..ConnectionRecord::of(other) }];
    let perspective = Perspective { connections: &others, ..ignorant() };
    assert_eq!(seen(&perspective, story.clone()), story.verdict());
}

#[test]
fn the_check_s_own_close_is_the_silence_of_whoever_was_awaited() {
    for (phase, stage, awaited, is) in [
        (Phase::Tls, Stage::ClientHello, "the handshake", ("no-server-hello", Actor::Server, None)),
        (Phase::Tls, Stage::ServerHello, "the handshake", ("handshake-stalled", Actor::Server, None)),
        (Phase::Proxy, Stage::TcpEstablished, "a tunnel", ("proxy-refused", Actor::Path, None)),
        (Phase::StartTls, Stage::TcpEstablished, GREETING, ("client-silent", Actor::Server, None)),
        (Phase::StartTls, Stage::TcpEstablished, "STARTTLS", ("no-response", Actor::Server, None)),
        (Phase::Http, Stage::ApplicationData, "GET /", ("no-response", Actor::Server, None)),
    ] {
        let story = left(stage);
        let all = given_up(phase, awaited);
        let verdict = seen(&Perspective { connections: &all, ..ignorant() }, story);
        assert_eq!(verdict.is(), is, "{phase:?}: {verdict:?}");
        assert_eq!(verdict.severity, Severity::Critical, "{phase:?}");
        assert!(!verdict.mentions("the client closed") && !verdict.mentions("client's log"), "{verdict:?}");
    }
}

#[test]
fn a_fault_that_packets_show_is_not_reworded_as_a_silence() {
    let all = given_up(Phase::Tls, "the handshake");
    let perspective = Perspective { connections: &all, ..ignorant() };
    let verdict = seen(&perspective, Story::at(Stage::ClientHello).alert(Server, 40));
    assert_eq!(verdict.is(), ("tls-alert", Actor::Server, Some("handshake_failure")));
    let verdict = seen(&perspective, Story::at(Stage::ClientHello).rst(Server));
    assert_eq!(verdict.code, Code::Reset);
}

#[test]
fn a_key_that_is_not_pinned_is_critical_unless_the_certificate_has_a_fault_of_its_own() {
    let unpinned = Some("sha256//own".to_owned());
    let all = unestablished(tls::Failed { unpinned, ..tls::Failed::default() });
    let perspective = Perspective { connections: &all, ..ignorant() };
    let verdict = seen(&perspective, refused(42, Vec::new(), Issuer::Trusted));
    assert!(verdict.headline.contains("sha256//own, which is not pinned"), "{}", verdict.headline);
    assert_eq!(verdict.severity, Severity::Critical);
    let verdict = seen(&perspective, refused(45, vec![expired()], Issuer::Trusted));
    assert!(verdict.headline.contains("expired on"), "{}", verdict.headline);
    assert!(
        verdict.explanation.contains("not pinned either (--pin): sha256//own"),
        "{}",
        verdict.explanation
    );
}

#[test]
fn what_breaks_tls_is_the_server_s_whatever_alert_answered_it() {
    let violation = Some("a record that can't be decrypted".to_owned());
    let all = unestablished(tls::Failed { violation, ..tls::Failed::default() });
    let perspective = Perspective { connections: &all, ..ignorant() };
    let verdict = seen(&perspective, Story::at(Stage::ServerHello).alert(Client, 20));
    assert_eq!(
        (verdict.code, verdict.actor, verdict.severity),
        (Code::TlsAlert, Actor::Server, Severity::Critical)
    );
    assert!(
        verdict.headline.contains("the server sent a record that can't be decrypted"),
        "{}",
        verdict.headline
    );
    // Of some alerts a bystander can't tell whose fault they show.
    let strange = seen(&perspective, Story::at(Stage::ClientHello).alert(Client, 10));
    assert_eq!((strange.actor, strange.cause.as_deref()), (Actor::Server, Some("unexpected_message")));
    // A server that resets by itself is not blamed for the check's alert.
    let verdict = seen(&perspective, Story::at(Stage::ServerHello).rst(Server));
    assert_eq!(verdict.code, Code::Reset);
}

#[test]
fn a_client_certificate_that_is_missed_late_is_no_reset_of_the_server_s() {
    let refusal = Some(AlertDescription::CERTIFICATE_REQUIRED);
    let all = unestablished(tls::Failed { refusal, ..tls::Failed::default() });
    for has_identity in [false, true] {
        let perspective = Perspective { connections: &all, has_identity, ..ignorant() };
        let verdict = seen(&perspective, Story::at(Stage::TlsEstablished).fin(Client));
        assert_eq!((verdict.code, verdict.actor), (Code::TlsAlert, Actor::Client));
        assert_eq!(verdict.cause.as_deref(), Some("certificate_required"));
        assert_eq!(verdict.headline.contains("got none"), !has_identity, "{}", verdict.headline);
    }
}

#[test]
fn a_missing_client_certificate_comes_before_the_alert_that_refuses_it() {
    let story = |sends_none: bool| {
        Story::at(Stage::ClientFinished).alert(Server, 40).but(|story| {
            let moment = story.first;
            story.tls.certificate_request = Some(moment);
            let chain = if sends_none { Vec::new() } else { vec![vec![1]] };
            let what = crate::tls::CertificateMessage { len: 7, chain, further: 0, is_whole: true };
            let observed = crate::story::Observed { what: Arc::new(what), moment, basis: Basis::Decoded };
            story.tls.certificates[Client] = Some(observed);
        })
    };
    let verdict = seen(&ignorant(), story(true));
    assert!(verdict.headline.contains("asked for a client certificate, got none"), "{}", verdict.headline);
    assert_eq!(
        verdict.actor,
        crate::verdict::Actor::Client,
        "who asks for a page without one, as over TLS 1.3"
    );
    let sent = seen(&ignorant(), story(false));
    assert!(!sent.headline.contains("got none"), "{}", sent.headline);
}

#[test]
fn packets_are_recommended_where_a_socket_hides_something_and_nowhere_else() {
    let has = |verdict: &Verdict| verdict.mentions("--capture");
    let reset = || Story::at(Stage::ClientHello).rst(Server);
    assert!(has(&seen(&ignorant(), reset())));
    assert!(!has(&seen(&Perspective { is_captured: true, ..ignorant() }, reset())));
    assert!(!has(&seen(&ignorant(), Story::at(Stage::ClientHello).alert(Server, 40))));
    assert!(!has(&seen(&ignorant(), Story::at(Stage::ApplicationData).answered())));
}

#[test]
fn an_alert_s_own_name_is_not_lost_by_what_the_client_knows() {
    let mut story =
        Story::at(Stage::TlsEstablished).ends(EndingKind::EncryptedAlert { basis: Basis::Inferred }, Server);
    let known = EndpointKnowledge::of(end());
    let alert = Some((Server, AlertDescription(116)));
    story.apply_knowledge(&EndpointKnowledge { is_read: true, alert, ..known });
    assert_eq!(seen(&ignorant(), story).cause.as_deref(), Some("certificate_required"));
}
