//! Where the check's own knowledge changes a bystander's verdict, where its neighbour does, and what it must not say.

use std::sync::Arc;

use super::*;
use crate::cert::{Date, Examination, Fault, NameSource, Wanted, Weakness};
use crate::story::{EndingKind, EndpointKnowledge};
use crate::tcp::Role::{Client, Server};
use crate::tls::{AlertDescription, Basis, CipherSuite, PlainKind, Version};

/// The client's end of stories that are written by hand.
fn end() -> SocketAddr {
    "192.0.2.10:50000".parse().unwrap()
}

/// A check that knows nothing of its own.
fn ignorant() -> Perspective<'static> {
    Perspective {
        given_up: &[],
        closed_instead: &[],
        tunnel: None,
        portal: None,
        violations: &[],
        unpinned: &[],
        at_proxy: &[],
        unestablished: &[],
        unmet: &[],
        unidentified: &[],
        has_identity: false,
        unwrapped: &[],
        unread: None,
        unencrypted: None,
        injected: None,
        accepted: Accepted::default(),
        timeout: Elapsed::from_millis(10_000),
        refused: None,
        choice: None,
        unmet_by_choice: None,
        offered: &[],
        is_restricted: false,
        is_captured: false,
        own_packets: OwnPackets::Unknown,
        unopened: &[],
        reset: &[],
        proxy: None,
        at_proxy_for: None,
    }
}

/// The verdict on a story as this check sees it.
fn seen(perspective: &Perspective<'_>, story: Story) -> Verdict {
    let verdict = story.verdict();
    let mut all = [Judged { story: Box::new(story), verdict, findings: Vec::new() }];
    perspective.apply(&mut all);
    let [Judged { verdict, .. }] = all;
    verdict
}

fn given_up(phase: Phase, awaited: &str) -> GivenUp {
    GivenUp::of(end(), phase, awaited.to_owned(), Elapsed::from_millis(3_100))
}

/// A connection whose client closed although a step of the server was due.
fn left(stage: Stage) -> Story {
    Story::at(stage).fin(Client)
}

/// A certificate that the check refused by this alert, for these faults.
fn refused(alert: u8, faults: Vec<Fault>, issuer: Issuer) -> Story {
    Story::at(Stage::ServerHello).alert(Client, alert).but(|story| {
        let examination = Examination { issuer, ..Examination::by_hand(faults) };
        story.tls.examination = Some(Arc::new(examination));
    })
}

fn expired() -> Fault {
    Fault::Expired { of: "ssm".to_owned(), not_after: Date(1_600_000_000), is_own: true }
}

fn misnamed(names: &[&str]) -> Fault {
    Fault::NameMismatch {
        wanted: Wanted { name: "ssm.example".to_owned(), source: NameSource::Target },
        names: names.iter().map(ToString::to_string).collect(),
        further_names: 0,
        common_name: None,
    }
}

fn hello(version: u16, suite: u32) -> ServerHello {
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
    let violations = [(other, "bytes".to_owned())];
    let perspective = Perspective { portal: Some(other), violations: &violations, ..ignorant() };
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
        let all = [given_up(phase, awaited)];
        let verdict = seen(&Perspective { given_up: &all, ..ignorant() }, story);
        assert_eq!(verdict.is(), is, "{phase:?}: {verdict:?}");
        assert_eq!(verdict.severity, Severity::Critical, "{phase:?}");
        assert!(!verdict.mentions("the client closed") && !verdict.mentions("client's log"), "{verdict:?}");
    }
}

#[test]
fn a_fault_that_packets_show_is_not_reworded_as_a_silence() {
    let all = [given_up(Phase::Tls, "the handshake")];
    let perspective = Perspective { given_up: &all, ..ignorant() };
    let verdict = seen(&perspective, Story::at(Stage::ClientHello).alert(Server, 40));
    assert_eq!(verdict.is(), ("tls-alert", Actor::Server, Some("handshake_failure")));
    let verdict = seen(&perspective, Story::at(Stage::ClientHello).rst(Server));
    assert_eq!(verdict.code, Code::Reset);
}

#[test]
fn a_certificate_s_own_fault_decides_the_words() {
    for (alert, fault, words) in [
        (45, expired(), "expired on 2020-09-13"),
        (42, misnamed(&["a.example"]), "is for a.example, not for ssm.example"),
        (42, misnamed(&["a.example", "b.example"]), "is for a.example and 1 more, not for ssm.example"),
        (42, misnamed(&[]), "contains no name, so not ssm.example"),
        (
            42,
            Fault::Weak { of: "x".into(), why: Weakness::ShortKey { bits: 1_024, is_authority: false } },
            "key is weak: RSA of 1024 bits",
        ),
        (
            42,
            Fault::NotYetValid { of: "x".into(), not_before: Date(1_900_000_000) },
            "not valid until 2030-03-17",
        ),
        (
            48,
            Fault::SelfSigned { of: "x".into(), store: "its store".into() },
            "self-signed, and is not in its store",
        ),
    ] {
        let verdict = seen(&ignorant(), refused(alert, vec![fault], Issuer::Trusted));
        assert!(verdict.headline.contains(words), "{}", verdict.headline);
        assert_eq!((verdict.code, verdict.actor), (Code::TlsAlert, Actor::Server), "{words}");
        assert!(
            !verdict.headline.contains("changes the traffic") && !verdict.headline.contains("alert"),
            "{words}"
        );
    // Of some alerts a bystander can't tell whose fault they show.
    let strange = seen(&perspective, Story::at(Stage::ClientHello).alert(Client, 10));
    assert_eq!((strange.actor, strange.cause.as_deref()), (Actor::Server, Some("unexpected_message")));
    }
}

#[test]
fn of_several_faults_the_one_that_is_not_accepted_is_named() {
    let faults = vec![expired(), misnamed(&["a.example"])];
    let both = seen(&ignorant(), refused(45, faults.clone(), Issuer::Trusted));
    assert!(both.headline.contains("expired on"), "{}", both.headline);
    let accepted = Accepted { is_expired: true, ..Accepted::default() };
    let name = seen(&Perspective { accepted, ..ignorant() }, refused(42, faults.clone(), Issuer::Trusted));
    assert!(name.headline.contains("not for ssm.example"), "{}", name.headline);
    // To a proxy nothing is accepted.
    let at_proxy = [end()];
    let perspective = Perspective { accepted, at_proxy: &at_proxy, ..ignorant() };
    let verdict = seen(&perspective, refused(45, faults, Issuer::Trusted));
    assert!(verdict.headline.starts_with("TLS with the proxy: "), "{}", verdict.headline);
    assert!(verdict.headline.contains("expired on"), "{}", verdict.headline);
    assert_eq!(verdict.actor, Actor::Path);
}

#[test]
fn an_authority_s_certificate_is_a_warning_and_a_second_fault_is_none() {
    let authority = seen(&ignorant(), refused(42, Vec::new(), Issuer::Authority));
    assert_eq!(authority.severity, Severity::Warning);
    assert!(authority.headline.contains("CA:TRUE"), "{}", authority.headline);
    let expired = seen(&ignorant(), refused(45, vec![expired()], Issuer::Authority));
    assert_eq!(expired.severity, Severity::Critical);
    assert!(expired.headline.contains("expired on"), "{}", expired.headline);
}

#[test]
fn a_key_that_is_not_pinned_is_critical_unless_the_certificate_has_a_fault_of_its_own() {
    let pins = [(end(), "sha256//own".to_owned())];
    let perspective = Perspective { unpinned: &pins, ..ignorant() };
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
    let violations = [(end(), "a record that can't be decrypted".to_owned())];
    let perspective = Perspective { violations: &violations, ..ignorant() };
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
    // A server that resets by itself is not blamed for the check's alert.
    let verdict = seen(&perspective, Story::at(Stage::ServerHello).rst(Server));
    assert_eq!(verdict.code, Code::Reset);
}

#[test]
fn a_second_client_hello_decides_between_obsolete_and_refused() {
    let story = || Story::at(Stage::ClientHello).alert(Server, 40);
    let (own, verdict) = (story(), story().verdict());
    let offered = [Judged { story: Box::new(own), verdict, findings: Vec::new() }];
    let nothing = seen(&Perspective { refused: Some(end()), offered: &offered, ..ignorant() }, story());
    assert_eq!(nothing.severity, Severity::Critical);
    assert!(nothing.explanation.contains("was refused as well"), "{}", nothing.explanation);
    for (version, suite, words) in [
        (
            0x0303,
            0x002f,
            "TLS_RSA_WITH_AES_128_CBC_SHA over TLS 1.2, which this check can't complete; a Java client can",
        ),
        (0x0301, 0x000a, "clients with old settings can"),
    ] {
        let choice = hello(version, suite);
        let perspective = Perspective { refused: Some(end()), choice: Some(&choice), ..ignorant() };
        let verdict = seen(&perspective, story());
        assert_eq!((verdict.severity, verdict.actor), (Severity::Warning, Actor::Server), "{words}");
        assert!(verdict.headline.contains(words), "{}", verdict.headline);
        // Where the user allows less than the check can do, the refusal stays.
        let restricted = seen(&Perspective { is_restricted: true, ..perspective }, story());
        assert_eq!(restricted.severity, Severity::Critical);
        assert!(restricted.explanation.contains("--tls-min and --tls-max"), "{}", restricted.explanation);
    }
}

#[test]
fn an_old_server_whose_certificate_is_refused_anyway_is_critical() {
    let choice = hello(0x0303, 0x009c);
    let offered = Story::at(Stage::ServerHello).but(|story| {
        let examination = Examination { issuer: Issuer::Trusted, ..Examination::by_hand(vec![expired()]) };
        story.tls.examination = Some(Arc::new(examination));
    });
    let verdict = offered.verdict();
    let offered = [Judged { story: Box::new(offered), verdict, findings: Vec::new() }];
    let perspective =
        Perspective { refused: Some(end()), choice: Some(&choice), offered: &offered, ..ignorant() };
    let verdict = seen(&perspective, Story::at(Stage::ClientHello).alert(Server, 40));
    assert_eq!(verdict.severity, Severity::Critical);
    assert!(
        verdict.headline.contains("expired on 2020-09-13; and the server chooses"),
        "{}",
        verdict.headline
    );
}

#[test]
fn segments_behind_a_hole_show_that_the_server_sends() {
    let counted = |counters: SocketCounters, story: Story| {
        seen(&ignorant(), story.but(|story| story.path.counters = Some(counters)))
    };
    let hole = SocketCounters { is_behind_hole: true, out_of_order: 2, ..SocketCounters::default() };
    let stalled = || Story::at(Stage::ClientHello).silent_for(8_000, Server).acknowledged();
    let verdict = counted(hole, stalled());
    assert_eq!(verdict.is(), ("handshake-stalled", Actor::Path, Some("server-flight-lost")));
    assert!(!verdict.mentions("hangs"), "{verdict:?}");
    // After a complete exchange a hole is none that matters.
    let healthy = Story::at(Stage::ApplicationData).answered();
    assert_eq!(counted(hole, healthy).code, Code::Healthy);
    let rejected =
        SocketCounters { icmp: Some("EHOSTUNREACH"), retransmitted: 3, ..SocketCounters::default() };
    let verdict = counted(rejected, stalled());
    assert_eq!(verdict.actor, Actor::Path);
    assert!(verdict.explanation.contains("EHOSTUNREACH"), "{}", verdict.explanation);
    // What was delivered was not rejected.
    let delivered = counted(SocketCounters { retransmitted: 0, ..rejected }, stalled());
    assert_eq!(delivered.actor, Actor::Server);
}

#[test]
fn tls_that_was_asked_for_and_refused_is_no_plaintext_that_is_fine() {
    let said = || Story::at(Stage::TcpEstablished).on_port(25).sends(Server, PlainKind::Text, "220 mx");
    let story = || said().sends(Client, PlainKind::Text, "EHLO x").fin(Client).fin(Server);
    assert_eq!(story().verdict().severity, Severity::Ok);
    let perspective = Perspective { unencrypted: Some((end(), Some("502 no"), None)), ..ignorant() };
    let verdict = seen(&perspective, story());
    assert_eq!((verdict.code, verdict.severity), (Code::NotTls, Severity::Critical));
    assert!(verdict.headline.ends_with("and says: 502 no"), "{}", verdict.headline);
    let long = "x".repeat(200);
    let perspective = Perspective { unencrypted: Some((end(), Some(&long), None)), ..ignorant() };
    assert!(seen(&perspective, story()).headline.len() < 150);
    let reset = seen(&perspective, Story::at(Stage::TcpEstablished).on_port(25).rst(Server));
    assert_eq!(reset.code, Code::Reset);
}

#[test]
fn a_connection_that_was_to_carry_tls_is_never_fine_without_it() {
    let said =
        || Story::at(Stage::TcpEstablished).on_port(3_128).sends(Client, PlainKind::Connect, "CONNECT x:1");
    let ends = [end()];
    let perspective = Perspective { unestablished: &ends, ..ignorant() };
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
fn words_in_clear_behind_the_agreement_to_tls_are_critical() {
    let story = Story::at(Stage::TcpEstablished).on_port(25).fin(Client).fin(Server);
    let perspective = Perspective { injected: Some((end(), 14, Some("250 injected"))), ..ignorant() };
    let verdict = seen(&perspective, story.clone());
    assert_eq!(
        (verdict.code, verdict.severity, verdict.actor),
        (Code::NotTls, Severity::Critical, Actor::Server)
    );
    assert!(
        verdict.headline.contains("14 further bytes in clear before it: 250 injected"),
        "{}",
        verdict.headline
    );
    let binary = seen(&Perspective { injected: Some((end(), 1, None)), ..ignorant() }, story);
    assert!(binary.headline.ends_with("1 further byte in clear before it"), "{}", binary.headline);
    assert!(!binary.mentions("refused"), "{binary:?}");
}

#[test]
fn a_client_certificate_that_is_missed_late_is_no_reset_of_the_server_s() {
    let ends = [(end(), AlertDescription::CERTIFICATE_REQUIRED)];
    for has_identity in [false, true] {
        let perspective = Perspective { unidentified: &ends, has_identity, ..ignorant() };
        let verdict = seen(&perspective, Story::at(Stage::TlsEstablished).fin(Client));
        assert_eq!((verdict.code, verdict.actor), (Code::TlsAlert, Actor::Client));
        assert_eq!(verdict.cause.as_deref(), Some("certificate_required"));
        assert_eq!(verdict.headline.contains("got none"), !has_identity, "{}", verdict.headline);
    }
}

#[test]
fn a_proxy_that_opens_no_tunnel_is_the_path_s_and_its_words_are_its_own() {
    let tunnel = Tunnel { status: Some(407), schemes: vec!["Basic".to_owned()], ..Tunnel::default() };
    let story = || Story::at(Stage::TcpEstablished).rst(Server);
    let verdict = seen(&Perspective { tunnel: Some(&tunnel), ..ignorant() }, story());
    assert_eq!((verdict.code, verdict.actor), (Code::Reset, Actor::Path));
    assert!(!verdict.headline.contains("the server"), "{}", verdict.headline);
    let portal = Tunnel { status: Some(200), is_page: true, ..Tunnel::default() };
    let perspective = Perspective { tunnel: Some(&portal), portal: Some(end()), ..ignorant() };
    let verdict = seen(&perspective, Story::at(Stage::TcpEstablished).fin(Server).fin(Client));
    assert_eq!((verdict.code, verdict.actor), (Code::ProxyRefused, Actor::Path));
    assert!(verdict.headline.contains("a portal, not a tunnel"), "{}", verdict.headline);
    let unread = Some((end(), "the answer to CONNECT is not HTTP/1.1: it begins \"SSH\""));
    let verdict = seen(&Perspective { unread, ..ignorant() }, left(Stage::TcpEstablished));
    assert_eq!((verdict.code, verdict.actor), (Code::ProxyRefused, Actor::Path));
    assert!(verdict.headline.contains("SSH"), "{}", verdict.headline);
    // A bystander takes the alert of a proxy that speaks TLS for the server's.
    let unread = Some((end(), "the answer to CONNECT is not HTTP/1.1: it is a TLS record"));
    let verdict =
        seen(&Perspective { unread, ..ignorant() }, Story::at(Stage::TcpEstablished).alert(Server, 10));
    assert_eq!((verdict.code, verdict.actor), (Code::ProxyRefused, Actor::Path));
    assert!(format!("{verdict:?}").contains("--proxy https://HOST:PORT"), "{verdict:?}");
}

#[test]
fn a_proxy_that_is_named_by_its_address_has_no_note_about_a_servers_default_certificate() {
    use crate::story::script::talk;
    let unnamed = talk::ssm().open().say(Client, &talk::client_hello_with(&[]));
    for (at_proxy, notes) in [(&[end()][..], 0), (&[], 1)] {
        let story = Story::at(Stage::ClientHello);
        let verdict = story.verdict();
        let findings = vec![unnamed.finding("no-sni").expect("a finding")];
        let mut all = [Judged { story: Box::new(story), verdict, findings }];
        Perspective { at_proxy, ..ignorant() }.apply(&mut all);
        assert_eq!(all[0].findings.len(), notes);
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
